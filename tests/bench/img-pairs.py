#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Times qemu-img beside QEMU's program, in pairs.

usage: img-pairs.py OURS [DIRECTORY] [--runs N] [--size MIB] [--only WORD]

Each stage runs both programs in turn (A B A B ...), after one run of each that
does not count. Printed: the median of wall and processor seconds, the median of
the ratios of the pairs, and the larger peak of memory. The files, some times
SIZE, are made in a new directory under DIRECTORY (default /dev/shm).
"""

import argparse
import os
import random
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import time

ORACLE = '/usr/bin/qemu-img'
GIB = 1 << 30


def make_raw(path, size):
    """Programs and documents of this machine, a third of it holes."""
    with open(path, 'wb') as out:
        for top in ('/usr/lib/x86_64-linux-gnu', '/usr/share/doc', '/usr/bin'):
            for where, dirs, names in os.walk(top):
                dirs.sort()
                for name in sorted(names):
                    full = os.path.join(where, name)
                    if os.path.islink(full) or not os.path.isfile(full):
                        continue
                    try:
                        with open(full, 'rb') as f:
                            data = f.read(1 << 20)
                    except OSError:
                        continue
                    out.write(data)
                    if out.tell() > size * 2 // 3:
                        out.truncate(size)
                        return
        out.truncate(size)


def make_scattered(path, size, clusters):
    """A qcow2 image of @size with @clusters of 64 KiB in random places."""
    cs = 65536
    rng = random.Random(1)
    subprocess.run([ORACLE, 'create', '-q', '-f', 'qcow2', path, str(size)],
                   check=True)
    with open(path, 'r+b') as f:
        f.seek(40)
        l1 = struct.unpack('>Q', f.read(8))[0]
        f.seek(36)
        entries = struct.unpack('>I', f.read(4))[0]
        first = 1 + os.path.getsize(path) // cs
        tables = {}
        for i, where in enumerate(rng.sample(range(size // cs), clusters)):
            table = tables.setdefault(where // 8192, bytearray(cs))
            host = (first + entries + i) * cs
            struct.pack_into('>Q', table, where % 8192 * 8, host | 1 << 63)
        f.truncate((first + entries + clusters) * cs)
        for index, table in tables.items():
            offset = (first + index) * cs
            f.seek(l1 + index * 8)
            f.write(struct.pack('>Q', offset | 1 << 63))
            f.seek(offset)
            f.write(table)
    subprocess.run([ORACLE, 'check', '-q', '-r', 'all', path],
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def in_child(function, *args):
    """Or our memory would be counted as the least that the programs take."""
    pid = os.fork()
    if pid == 0:
        function(*args)
        os._exit(0)
    if os.waitpid(pid, 0)[1]:
        sys.exit('%s failed' % function.__name__)


def run(argv, cwd):
    begin = time.monotonic()
    pid = os.fork()
    if pid == 0:
        null = os.open('/dev/null', os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(null, fd)
        os.chdir(cwd)
        os.execv(argv[0], argv)
    _, status, usage = os.wait4(pid, 0)
    wall = time.monotonic() - begin
    if status:
        sys.exit('%s: status %d' % (' '.join(argv), status))
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss


def stage(name, ours, words, cwd, runs, target=None):
    results = {ours: [], ORACLE: []}
    sizes = {}
    for i in range(runs + 1):
        for program in (ORACLE, ours):
            if target and os.path.exists(os.path.join(cwd, target)):
                os.unlink(os.path.join(cwd, target))
            got = run([program] + words, cwd)
            if i:
                results[program].append(got)
            if target:
                sizes[program] = os.path.getsize(os.path.join(cwd, target))
    a, b = results[ORACLE], results[ours]
    ratios = [x[0] / y[0] for x, y in zip(a, b)]
    cpu = [x[1] / y[1] for x, y in zip(a, b)]
    med = statistics.median
    print('%-18s wall %7.3f / %7.3f s = %5.2f   cpu %7.3f / %7.3f s = %5.2f   '
          'peak %6d / %6d KiB%s' % (
              name, med(x[0] for x in a), med(x[0] for x in b), med(ratios),
              med(x[1] for x in a), med(x[1] for x in b), med(cpu),
              max(x[2] for x in a), max(x[2] for x in b),
              '   size %d / %d' % (sizes[ORACLE], sizes[ours])
              if target else ''), flush=True)


def main():
    p = argparse.ArgumentParser()
    p.add_argument('ours')
    p.add_argument('directory', nargs='?', default='/dev/shm')
    p.add_argument('--runs', type=int, default=5)
    p.add_argument('--size', type=int, default=1024)
    p.add_argument('--only', default='')
    args = p.parse_args()
    ours = os.path.realpath(args.ours)
    cwd = tempfile.mkdtemp(prefix='img-pairs-', dir=args.directory)
    try:
        in_child(make_raw, os.path.join(cwd, 'src.raw'), args.size << 20)
        subprocess.run([ORACLE, 'convert', '-O', 'qcow2', 'src.raw',
                        'src.qcow2'], cwd=cwd, check=True)
        in_child(make_scattered, os.path.join(cwd, 'big.qcow2'), 200 * GIB,
                 100000)
        print('QEMU / ours; the ratio is how many times faster ours is')
        zstd = ['-o', 'compression_type=zstd']
        for name, words, target in (
                ('raw->qcow2', ['convert', '-f', 'raw', '-O', 'qcow2',
                                'src.raw', 'o'], 'o'),
                ('qcow2->raw', ['convert', '-O', 'raw', 'src.qcow2', 'o'], 'o'),
                ('-c zlib', ['convert', '-c', '-f', 'raw', '-O', 'qcow2',
                             'src.raw', 'o'], 'o'),
                ('-c zstd', ['convert', '-c', '-f', 'raw', '-O', 'qcow2'] +
                 zstd + ['src.raw', 'o'], 'o'),
                ('map', ['map', '--output=json', 'big.qcow2'], None),
                ('measure', ['measure', '-O', 'qcow2', 'big.qcow2'], None),
                ('check', ['check', 'big.qcow2'], None)):
            if args.only in name:
                stage(name, ours, words, cwd, args.runs, target)
    finally:
        shutil.rmtree(cwd)
    return 0


if __name__ == '__main__':
    sys.exit(main())
