#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Damages qcow2 images and lets qemu-img and qemu-io open them.

usage: fuzz-qcow2.py QEMU_IMG QEMU_IO [--runs N] [--seed N] [--keep DIR]

Images of a few KiB with tables, compressed clusters, snapshots and bitmaps are
made by the programs themselves. Each run changes some bytes of one: numbers of
the header, of a header extension, of the tables (L1, refcounts, snapshots,
bitmap directory), or anything; or cuts the file. Whatever the image says, no
program may be killed by a signal, take more than 20 s, or more than 64 MiB (no
limit where the programs have a sanitizer).
"""

import argparse
import os
import random
import resource
import struct
import subprocess
import sys
import tempfile
import threading

MEMORY = 64 << 10  # KiB
SECONDS = 20
NUMBERS = [0, 1, 2, 3, 7, 8, 9, 31, 32, 63, 64, 255, 256, 511, 512, 513, 1023,
           1024, 4095, 4096, 65535, 65536, 1 << 20, 1 << 21, (1 << 25) + 8,
           (1 << 31) - 1, 1 << 31, (1 << 32) - 1, 1 << 32, (1 << 40) + 512,
           (1 << 56) - 512, 1 << 62, (1 << 63) - 512, (1 << 63) - 1, 1 << 63,
           (1 << 64) - 512, (1 << 64) - 1]
# Offset and width of the header's numbers
HEADER = [(4, 4), (8, 8), (16, 4), (20, 4), (24, 8), (32, 4), (36, 4), (40, 8),
          (48, 8), (56, 4), (60, 4), (64, 8), (72, 8), (80, 8), (88, 8),
          (96, 4), (100, 4), (104, 1)]

SECRET = 'secret,id=s,data=abc'
KEYED = ['--object', SECRET, '--image-opts',
         'driver=qcow2,encrypt.key-secret=s,file.filename=@']
COMMANDS = [
    ('img', 'info', '--output=json'), ('img', 'check'),
    ('img', 'check', '-r', 'all'), ('img', 'snapshot', '-l'),
    ('img', 'bitmap', '--add', '-g', '4k', '@', 'new'),
    ('img', 'bitmap', '--clear', '@', 'a'),
    ('img', 'bitmap', '--remove', '@', 'a'),
    ('img', 'snapshot', '-a', 's'), ('img', 'snapshot', '-d', 's'),
    ('io', '-r', '-c', 'read 0 96k'), ('io', '-c', 'write 12345 70000'),
    ('io', '-c', 'discard 0 64k', '-c', 'write -z 4k 20k', '-c', 'flush'),
    ('img', 'amend', '-o', 'compat=0.10'),
    ('img', 'amend', '-o', 'refcount_bits=64'),
    ('img', 'resize', '--shrink', '@', '50k'), ('img', 'resize', '@', '3M'),
    ('img', 'snapshot', '-c', 'new'), ('img', 'check', '-r', 'leaks'),
    ('img', 'map', '--output=json'),
    ('img', 'measure', '-O', 'qcow2'), ('io', '-c', 'write -c 64k 32k'),
    ('io', *KEYED, '-c', 'read 0 96k', '-c', 'write 7k 9k'),
]


def run(argv, check=True):
    subprocess.run(argv, check=check, stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def make_seeds(img, io, directory):
    raw = os.path.join(directory, 'raw')
    with open(raw, 'wb') as f:
        f.write(b'abc' * 3000 + bytes(4000) + os.urandom(3000))
        f.truncate(100 << 10)
    seeds = []
    for n, options in enumerate(['cluster_size=512', 'cluster_size=4k',
                                 'cluster_size=1k,refcount_bits=1',
                                 'cluster_size=512,compat=0.10',
                                 'cluster_size=2k,refcount_bits=64',
                                 'cluster_size=4k,compression_type=zstd']):
        path = os.path.join(directory, 'seed%d' % n)
        run([img, 'convert', '-f', 'raw', '-O', 'qcow2', '-o', options]
            + (['-c'] if n % 2 else []) + [raw, path])
        # Not every shape takes both
        run([img, 'snapshot', '-c', 's', path], check=False)
        run([io, '-f', 'qcow2', '-c', 'write 1k 5k', path])
        for name in ('a', 'b'):
            run([img, 'bitmap', '--add', '-g', '512', '-f', 'qcow2', path,
                 name], check=False)
        run([io, '-f', 'qcow2', '-c', 'write 3k 9k', path])
        with open(path, 'rb') as f:
            seeds.append(f.read())
    return seeds + more_seeds(img, io, directory)


def more_seeds(img, io, directory):
    """Subclusters, an external data file, a LUKS header, lazy refcounts."""
    seeds = []
    key = ['--object', SECRET]
    for n, (options, secret) in enumerate([
            ('cluster_size=16k,extended_l2=on', []),
            ('cluster_size=512,data_file=' + os.path.join(directory, 'data'),
             []),
            ('cluster_size=512,encrypt.format=luks,encrypt.key-secret=s,'
             'encrypt.iter-time=10', key),
            ('cluster_size=512,lazy_refcounts=on,refcount_bits=2', [])]):
        path = os.path.join(directory, 'more%d' % n)
        run([img, 'create', '-f', 'qcow2', *secret, '-o', options, path,
             '100k'])
        if not secret:
            run([io, '-f', 'qcow2', '-c', 'write 1k 5k', '-c',
                 'write -z 32k 16k', path])
            run([img, 'bitmap', '--add', '-g', '512', '-f', 'qcow2', path,
                 'a'])
            run([img, 'snapshot', '-c', 's', path], check=False)
            run([io, '-f', 'qcow2', '-c', 'write 3k 9k', path])
        with open(path, 'rb') as f:
            seeds.append(f.read())
    return seeds


def places(data):
    """Where something that is worth changing stands."""
    cluster = 1 << struct.unpack_from('>I', data, 20)[0]
    l1, reft = struct.unpack_from('>QQ', data, 40)
    snaps, = struct.unpack_from('>Q', data, 64)
    result = [(0, 112), (104, 400), (l1, 64), (reft, 32)]
    if snaps:
        result.append((snaps, 120))
    for i in range(0, len(data) - cluster, cluster):
        # Tables begin with a number that may be an offset
        if struct.unpack_from('>Q', data, i)[0] & 0x3f << 56 == 0:
            result.append((i, 64))
    return [(p, n) for p, n in result if p + n <= len(data)]


def put(data, pos, width, value):
    if pos + width <= len(data):
        data[pos:pos + width] = (value % (1 << 8 * width)).to_bytes(width,
                                                                    'big')


def mutate(rand, seed):
    data = bytearray(seed)
    spots = places(data)
    for _ in range(rand.choice([1, 1, 1, 2, 3, 8])):
        kind = rand.random()
        if kind < 0.35:
            pos, width = rand.choice(HEADER)
        else:
            base, length = rand.choice(spots)
            width = rand.choice([1, 2, 4, 8, 8])
            pos = base + rand.randrange(length) // width * width
        value = rand.choice(NUMBERS + [rand.getrandbits(64),
                                       rand.randrange(len(data))])
        if rand.random() < 0.3:
            old = int.from_bytes(data[pos:pos + width], 'big')
            value = rand.choice([old + 1, old - 1, old ^ 1 << rand.randrange(64),
                                 old + 512, old << 1])
        put(data, pos, width, value)
    if rand.random() < 0.05:
        del data[rand.randrange(len(data)):]
    return bytes(data)


def limits():
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 30, 1 << 30))


def judge(argv, sanitized):
    """What is wrong with the run, or None."""
    with tempfile.TemporaryFile() as out:
        p = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out,
                             stderr=out, preexec_fn=limits)
        timer = threading.Timer(SECONDS, p.kill)
        timer.start()
        _, status, usage = os.wait4(p.pid, 0)
        slow = not timer.is_alive()
        timer.cancel()
        p.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        text = out.read(20000).decode(errors='replace')
    if slow:
        return 'takes more than %d s' % SECONDS
    if 'Sanitizer' in text or 'runtime error' in text:
        return text
    if p.returncode < 0:
        return 'signal %d: %s' % (-p.returncode, text)
    if usage.ru_maxrss > MEMORY and not sanitized:
        return 'takes %d KiB of memory' % usage.ru_maxrss
    return None


def one(programs, rand, seeds, path, sanitized):
    data = mutate(rand, rand.choice(seeds))
    with open(path, 'wb') as f:
        f.write(data)
    command = rand.choice(COMMANDS)
    argv = [programs[command[0]], *command[1:2]]
    if '--image-opts' in command:
        argv = [programs['io'], *command[1:]]
    elif command[0] == 'io':
        argv = [programs['io'], '-f', 'qcow2', *command[1:]]
    else:
        argv += ['-f', 'qcow2'] if command[1] != 'snapshot' else []
        argv += command[2:]
    argv = [a.replace('@', path) for a in argv]
    if not any(path in a for a in argv):
        argv.append(path)
    fault = judge(argv, sanitized)
    return data, argv, fault


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('qemu_img')
    parser.add_argument('qemu_io')
    parser.add_argument('--runs', type=int, default=300)
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--keep')
    args = parser.parse_args()
    programs = {'img': os.path.realpath(args.qemu_img),
                'io': os.path.realpath(args.qemu_io)}
    with open(programs['img'], 'rb') as f:
        sanitized = b'__asan_init' in f.read()
    rand = random.Random(args.seed)
    faults = 0
    with tempfile.TemporaryDirectory(prefix='fuzz-qcow2-') as directory:
        seeds = make_seeds(programs['img'], programs['io'], directory)
        for n in range(args.runs):
            path = os.path.join(directory, 'x')
            data, argv, fault = one(programs, rand, seeds, path, sanitized)
            if not fault:
                continue
            faults += 1
            print('# run %d: %s\n# %s' % (n, ' '.join(argv[1:]),
                                          fault.replace('\n', '\n# ')))
            if args.keep:
                with open(os.path.join(args.keep, 'fault%d' % n), 'wb') as f:
                    f.write(data)
    print('%sok 1 - %d damaged images\n1..1' % ('not ' if faults else '',
                                                args.runs))
    return 1 if faults else 0


if __name__ == '__main__':
    sys.exit(main())
