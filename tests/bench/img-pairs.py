#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Times qemu-img beside QEMU's program, in pairs.

usage: img-pairs.py OURS [DIRECTORY...] [--runs N] [--size MIB] [--only WORD...]

Each stage runs both programs in turn (A B A B ...), after one run of each that
does not count. Printed: the median of wall and processor seconds, the median of
the ratios of the pairs, and the median of the peaks of memory; at the end a
table of all cells with the targets that were held and missed. The files, some
times SIZE, are made in a new directory under each DIRECTORY (default: /dev/shm
and /var/tmp). Needs time(1): the peak of a process starts with that of the
process that it was forked from, and Python is larger than what is measured.
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
TIME = '/usr/bin/time'
GIB = 1 << 30
# Pages of shared libraries that happened to be mapped or not
NOISE_KIB = 256

QCOW2 = ['-O', 'qcow2']
ZSTD = QCOW2 + ['-o', 'compression_type=zstd']
# name, words ("o": the target), the ratio of wall times to reach
STAGES = [
    ('raw->raw', ['convert', '-f', 'raw', '-O', 'raw', 'src.raw', 'o'], 1),
    ('raw->qcow2', ['convert', '-f', 'raw'] + QCOW2 + ['src.raw', 'o'], 1.3),
    ('qcow2->raw', ['convert', '-O', 'raw', 'src.qcow2', 'o'], 1.3),
    ('qcow2->qcow2', ['convert'] + QCOW2 + ['src.qcow2', 'o'], 1),
    ('-C raw->raw', ['convert', '-C', '-f', 'raw', '-O', 'raw', 'src.raw',
                     'o'], 1),
    ('-c zlib', ['convert', '-c', '-f', 'raw'] + QCOW2 + ['src.raw', 'o'], 5),
    ('-c zstd', ['convert', '-c', '-f', 'raw'] + ZSTD + ['src.raw', 'o'], 1.5),
    ('zlib->raw', ['convert', '-O', 'raw', 'zlib.qcow2', 'o'], 1),
    ('zstd->raw', ['convert', '-O', 'raw', 'zstd.qcow2', 'o'], 1),
    ('compare', ['compare', 'src.raw', 'src.qcow2'], 1),
    ('big: check', ['check', 'big.qcow2'], 1.5),
    ('big: map json', ['map', '--output=json', 'big.qcow2'], 3),
    ('big: measure', ['measure', '-O', 'qcow2', 'big.qcow2'], 3),
    ('big: compare', ['compare', 'big.qcow2', 'big.qcow2'], 1),
    ('big: info', ['info', 'big.qcow2'], 1),
]


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


def make_files(cwd, size):
    convert = [ORACLE, 'convert', '-f', 'raw']
    make_raw(os.path.join(cwd, 'src.raw'), size << 20)
    for words in (QCOW2 + ['src.raw', 'src.qcow2'],
                  ['-c', '-W', '-m', '16'] + QCOW2 + ['src.raw', 'zlib.qcow2'],
                  ['-c', '-W', '-m', '16'] + ZSTD + ['src.raw', 'zstd.qcow2']):
        subprocess.run(convert + words, cwd=cwd, check=True)
    make_scattered(os.path.join(cwd, 'big.qcow2'), 200 * GIB, 100000)


def run(argv, cwd):
    """Wall seconds, processor seconds, KiB at the peak."""
    out = os.path.join(cwd, 'peak')
    begin = time.monotonic()
    pid = os.fork()
    if pid == 0:
        null = os.open('/dev/null', os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(null, fd)
        os.chdir(cwd)
        os.execv(TIME, [TIME, '-f', '%M', '-o', out] + argv)
    _, status, usage = os.wait4(pid, 0)
    wall = time.monotonic() - begin
    if status:
        sys.exit('%s: status %d' % (' '.join(argv), status))
    with open(out) as f:
        return wall, usage.ru_utime + usage.ru_stime, int(f.read())


def stage(where, ours, cwd, runs, cell):
    """One line of the table at the end, and whether it holds its target."""
    name, words, goal = cell
    target = os.path.join(cwd, words[-1]) if words[-1] == 'o' else None
    results = {ours: [], ORACLE: []}
    sizes = {}
    for i in range(runs + 1):
        for program in (ORACLE, ours):
            if target and os.path.exists(target):
                os.unlink(target)
            got = run([program] + words, cwd)
            if i:
                results[program].append(got)
            if target:
                sizes[program] = os.path.getsize(target)
    a, b = results[ORACLE], results[ours]
    med = statistics.median
    wall = med(x[0] / y[0] for x, y in zip(a, b))
    cpu = med(x[1] / max(y[1], 1e-4) for x, y in zip(a, b))
    peaks = [med(x[2] for x in r) for r in (a, b)]
    missed = []
    if wall < goal:
        missed.append('time')
    if peaks[1] > peaks[0] + NOISE_KIB:
        missed.append('memory')
    if '-c' in words and sizes[ours] > sizes[ORACLE]:
        missed.append('size')
    line = ('%-9s %-14s wall %7.3f /%7.3f = %5.2f (%3.1f)  '
            'cpu %7.3f /%7.3f = %5.2f  peak %5.1f /%5.1f MiB  %s%s' % (
                where, name, med(x[0] for x in a), med(x[0] for x in b), wall,
                goal, med(x[1] for x in a), med(x[1] for x in b), cpu,
                peaks[0] / 1024, peaks[1] / 1024,
                'MISSED: ' + ' '.join(missed) if missed else 'held',
                '  size %+.2f %%' % (100 * sizes[ours] / sizes[ORACLE] - 100)
                if '-c' in words else ''))
    return line, missed


def run_stages(directory, args):
    cwd = tempfile.mkdtemp(prefix='img-pairs-', dir=directory)
    try:
        make_files(cwd, args.size)
        for cell in STAGES:
            if args.only and not any(w in cell[0] for w in args.only):
                continue
            line, missed = stage(directory, args.ours, cwd, args.runs, cell)
            print(line, flush=True)
            yield line, missed
    finally:
        shutil.rmtree(cwd)


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument('ours')
    p.add_argument('directory', nargs='*', default=['/dev/shm', '/var/tmp'])
    p.add_argument('--runs', type=int, default=5)
    p.add_argument('--size', type=int, default=1024)
    p.add_argument('--only', nargs='+', default=[])
    args = p.parse_args()
    args.ours = os.path.realpath(args.ours)
    if not os.path.exists(TIME):
        sys.exit('%s is missing (package "time")' % TIME)
    print('QEMU / ours = how many times faster ours is (target)')
    cells = [c for d in args.directory for c in run_stages(d, args)]
    missed = [line for line, why in cells if why]
    print('\n%d cells, %d held, %d missed' % (
        len(cells), len(cells) - len(missed), len(missed)))
    for line in missed:
        print(line)
    return 0


if __name__ == '__main__':
    sys.exit(main())
