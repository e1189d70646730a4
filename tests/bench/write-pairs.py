#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Times the data path of qcow2 beside QEMU's: 4 KiB requests of qemu-img bench.

usage: write-pairs.py OURS [--tmpfs DIR] [--ext4 DIR] [--runs N] [--depth N]
                      [--aio ENGINE] [--scale F] [--only WORD[,WORD...]]

A cell is a kind of image (empty, backing, extended, in place) in a place
(tmpfs, ext4 through the page cache, ext4 with O_DIRECT). Each runs both
programs in turn on an image of its own, made anew (A B A B ...), after a run of
each that does not count. The offsets go round the image by a large odd multiple
of the cluster (in place: of the block), so that they look random and none comes
twice. Printed: medians of requests per second (as the program says) and of
microseconds of processor time per request (all of the program, its start and
end included), the median ratio of the pairs, and the peak of memory.
"""

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ORACLE = '/usr/bin/qemu-img'
MIB = 1 << 20
CLUSTER = 65536
BASE_SIZE = 1024 * MIB  # of data; behind it the backing file is a hole
BIG = 8192 * MIB
CLUSTERS_ROUND = 20011  # odd: goes round all clusters of a power of two
BLOCKS_ROUND = 100003

#        name          create options, size, backing, write?, step
KINDS = {
    'empty': ('', BIG, False, True, CLUSTER * CLUSTERS_ROUND),
    'backing': ('', BASE_SIZE, True, True, CLUSTER * CLUSTERS_ROUND),
    'extended': ('extended_l2=on', BIG, True, True, CLUSTER * CLUSTERS_ROUND),
    'extended-128k': ('extended_l2=on,cluster_size=128k', BIG, True, True,
                      CLUSTER * 2 * 10007),
    'write': (None, BASE_SIZE, False, True, 4096 * BLOCKS_ROUND),
    'read': (None, BASE_SIZE, False, False, 4096 * BLOCKS_ROUND),
}

# place: cache mode, requests by kind
PLACES = {
    'tmpfs': ('writeback', {'empty': 60000, 'backing': 16000,
                            'extended': 60000, 'extended-128k': 60000,
                            'write': 260000, 'read': 260000}),
    'ext4': ('writeback', {'empty': 60000, 'backing': 16000,
                           'extended': 60000, 'extended-128k': 60000,
                           'write': 260000, 'read': 260000}),
    'direct': ('none', {'empty': 40000, 'backing': 8000,
                        'extended': 40000, 'extended-128k': 40000,
                        'write': 60000, 'read': 60000}),
}


def make_base(path, size):
    """Data that is nowhere zero and differs from block to block."""
    block = bytearray(os.urandom(MIB))
    with open(path, 'wb') as f:
        for i in range(size // MIB):
            block[:8] = i.to_bytes(8, 'little')
            f.write(block)
        f.truncate(BIG)
        f.flush()
        os.fsync(f.fileno())


def make_image(kind, cwd):
    opts, size, backing = KINDS[kind][:3]
    if opts is None:
        return 'full.qcow2'
    words = [ORACLE, 'create', '-q', '-f', 'qcow2']
    words += ['-o', opts] if opts else []
    words += ['-b', 'base.raw', '-F', 'raw'] if backing else []
    if os.path.exists(os.path.join(cwd, 't.qcow2')):
        os.unlink(os.path.join(cwd, 't.qcow2'))
    subprocess.run(words + ['t.qcow2', str(size)], cwd=cwd, check=True)
    return 't.qcow2'


def peak_of(pid):
    """In KiB. Not rusage: that begins with what this script takes."""
    try:
        with open('/proc/%d/status' % pid) as f:
            return int(re.search(r'VmHWM:\s+(\d+)', f.read())[1])
    except (OSError, TypeError):
        return 0


def run(argv, cwd, watch):
    """(seconds by its own clock, processor seconds, peak if @watch)"""
    out = tempfile.TemporaryFile()
    pid = os.fork()
    if pid == 0:
        os.dup2(out.fileno(), 1)
        os.chdir(cwd)
        os.execv(argv[0], argv)
    peak, done = 0, 0
    while watch and not done:
        time.sleep(0.005)
        done, status, usage = os.wait4(pid, os.WNOHANG)
        peak = max(peak, 0 if done else peak_of(pid))
    if not done:
        _, status, usage = os.wait4(pid, 0)
    out.seek(0)
    text = out.read().decode()
    found = re.search(r'completed in ([0-9.]+)', text)
    if status or not found:
        sys.exit('%s: status %d: %s' % (' '.join(argv), status, text))
    return float(found[1]), usage.ru_utime + usage.ru_stime, peak


def cell(place, kind, ours, cwd, args):
    cache, counts = PLACES[place]
    _, _, backing, is_write, step = KINDS[kind]
    count = max(int(counts[kind] * args.scale), args.depth)
    words = ['bench', '-f', 'qcow2', '-c', str(count), '-d', str(args.depth),
             '-s', '4096', '-S', str(step), '-t', cache]
    words += ['-o', '20480'] if backing or kind == 'empty' else []
    words += ['-w'] if is_write else []
    words += ['-i', args.aio] if args.aio else []
    got = {ours: [], ORACLE: []}
    peak = {}
    for i in range(args.runs + 1):
        for program in (ORACLE, ours):
            name = make_image(kind, cwd)
            wall, cpu, seen = run([program] + words + [name], cwd, not i)
            if i:
                got[program].append((count / wall, cpu / count * 1e6))
            else:
                peak[program] = seen
    a, b = got[ORACLE], got[ours]
    med = statistics.median
    print('%-6s %-13s IOPS %7.0f / %7.0f = %5.2f   cpu us %6.2f / %6.2f = '
          '%5.2f   peak KiB %6d / %6d' % (
              place, kind, med(x[0] for x in a), med(x[0] for x in b),
              med(y[0] / x[0] for x, y in zip(a, b)),
              med(x[1] for x in a), med(x[1] for x in b),
              med(x[1] / y[1] for x, y in zip(a, b)),
              peak[ORACLE], peak[ours]), flush=True)
    if args.commands:
        print('       qemu-img %s %s' % (' '.join(words), name), flush=True)


def run_place(place, top, ours, args, only):
    kinds = [k for k in KINDS if any(w in '%s:%s' % (place, k) for w in only)]
    if not kinds:
        return
    cwd = tempfile.mkdtemp(prefix='write-pairs-', dir=top)
    try:
        if set(kinds) != {'empty'}:
            make_base(os.path.join(cwd, 'base.raw'), BASE_SIZE)
        if 'write' in kinds or 'read' in kinds:
            source = 'driver=raw,size=%d,file.filename=base.raw' % BASE_SIZE
            subprocess.run([ORACLE, 'convert', '--image-opts', '-O', 'qcow2',
                            source, 'full.qcow2'], cwd=cwd, check=True)
            fd = os.open(os.path.join(cwd, 'full.qcow2'), os.O_RDWR)
            os.fsync(fd)
            os.close(fd)
        for kind in kinds:
            cell(place, kind, ours, cwd, args)
    finally:
        shutil.rmtree(cwd)


def main():
    p = argparse.ArgumentParser()
    p.add_argument('ours')
    p.add_argument('--tmpfs', default='/dev/shm')
    p.add_argument('--ext4', default='/var/tmp')
    p.add_argument('--runs', type=int, default=5)
    p.add_argument('--depth', type=int, default=32)
    p.add_argument('--aio', default='')
    p.add_argument('--scale', type=float, default=1)
    p.add_argument('--only', default='')
    p.add_argument('--commands', action='store_true')
    args = p.parse_args()
    ours = os.path.realpath(args.ours)
    print('QEMU / ours; the ratio is how many times better ours is')
    places = args.only.split(',') if args.only else ['']
    for place, top in (('tmpfs', args.tmpfs), ('ext4', args.ext4),
                       ('direct', args.ext4)):
        run_place(place, top, ours, args, places)
    return 0


if __name__ == '__main__':
    sys.exit(main())
