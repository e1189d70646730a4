#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Measures our vhost-user-blk export beside QEMU's and a server that does
nothing.

usage: vhost-pairs.py BUILD [--rounds N] [--seconds S] [--only WORD...]
                      [--json FILE] [--cpus SERVER,FRONT]

Each cell runs the servers in turn (limit, ours, QEMU's, limit, ours, ...).
Printed for each: the medians of requests per second and of the server's
processor time for a request, and the medians of the ratios of the pairs with the
targets. A front end that polls needs a processor of its own: with fewer than
two that are idle the figures say little.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ORACLE = '/usr/bin/qemu-storage-daemon'
MIB = 1 << 20
SIZE = 512 * MIB
NULL = {'driver': 'null-co', 'size': 1 << 30, 'read-zeroes': False}

# name, node, depth, pattern, front end sleeps, IOPS to reach, CPU to reach
CELLS = [
    ('null qd32', 'null', 32, 'randread', False, 3, 1 / 3),
    ('null qd1', 'null', 1, 'randread', False, 2, None),
    ('null qd8', 'null', 8, 'randread', False, None, None),
    ('null qd128', 'null', 128, 'randread', False, None, None),
    ('raw read qd1', 'raw', 1, 'randread', False, 4, None),
    ('raw read qd32', 'raw', 32, 'randread', False, 2.4, None),
    ('raw write qd1', 'raw', 1, 'randwrite', False, None, None),
    ('raw write qd32', 'raw', 32, 'randwrite', False, None, None),
    ('raw db qd32', 'raw', 32, 'db', False, None, None),
    ('qcow2 read qd32', 'qcow2', 32, 'randread', False, None, None),
    ('qcow2 write qd32', 'qcow2', 32, 'randwrite', False, None, None),
    ('qcow2 alloc qd32', 'empty', 32, 'randwrite', False, 6, 1 / 6),
    ('null sleep qd1', 'null', 1, 'randread', True, 1.5, None),
    ('raw sleep qd1', 'raw', 1, 'randread', True, 1.5, None),
    ('raw sleep qd32', 'raw', 32, 'randread', True, None, None),
]


class Server:
    """A program that serves one socket, until the end of the with block."""

    def __init__(self, args, sock, cpu):
        if os.path.exists(sock):
            os.unlink(sock)
        pin = ['taskset', '-c', cpu] if cpu else []
        self.proc = subprocess.Popen(pin + args)
        end = time.monotonic() + 10
        while not os.path.exists(sock):
            if self.proc.poll() is not None or time.monotonic() > end:
                sys.exit(f'{args[0]} does not start')
            time.sleep(0.01)

    def __enter__(self):
        return self.proc

    def __exit__(self, *exc):
        self.proc.terminate()
        self.proc.wait()


def node(kind, tmp, build):
    """The node of a cell, with its file made anew."""
    if kind == 'null':
        return dict(NULL)
    path = os.path.join(tmp, 'disk')
    img = os.path.join(build, 'qemu-img')
    if kind == 'raw':
        if not os.path.exists(path):
            with open(path, 'wb') as f:
                for _ in range(SIZE // MIB):
                    f.write(os.urandom(4096) * 256)
        return {'driver': 'file', 'filename': path}
    if kind == 'empty' or not os.path.exists(path + '.qcow2'):
        args = [] if kind == 'empty' else ['-o', 'preallocation=full']
        size = 16 << 30 if kind == 'empty' else SIZE
        subprocess.run([img, 'create', '-q', '-f', 'qcow2', *args,
                        path + '.' + kind, str(size)], check=True)
    return {'driver': 'qcow2', 'file': {'driver': 'file',
                                        'filename': path + '.' + kind}}


def daemon(binary, disk, sock):
    export = {'type': 'vhost-user-blk', 'id': 'e', 'node-name': 'disk',
              'writable': True, 'iothread': 'io',
              'addr': {'type': 'unix', 'path': sock}}
    return [binary, '--object', 'iothread,id=io', '--blockdev',
            json.dumps({'node-name': 'disk', **disk}), '--export',
            json.dumps(export)]


def run(which, cell, opts, tmp):
    """One measurement."""
    _, kind, depth, pattern, sleeps, _, _ = cell
    sock = os.path.join(tmp, 'sock')
    bench = os.path.join(opts.build, 'tests', 'bench')
    if which == 'limit':
        args = [os.path.join(bench, 'bench-vhost-null'), sock]
    else:
        binary = (ORACLE if which == 'qemu' else
                  os.path.join(opts.build, 'qemu-storage-daemon'))
        args = daemon(binary, node(kind, tmp, opts.build), sock)
    server, front = opts.cpus.split(',') if opts.cpus else ('', '')
    load = ['taskset', '-c', front] if front else []
    load += [os.path.join(bench, 'bench-vhost-user'), '--socket', sock,
             '--pattern', pattern, '--depth', str(depth), '--seconds',
             str(opts.seconds), '--warm-up', '0.2', '--json']
    if sleeps:
        load.append('--sleep')
    with Server(args, sock, server) as proc:
        got = subprocess.run(load + ['--pid', str(proc.pid)], check=True,
                             timeout=opts.seconds + 20,
                             capture_output=True, text=True)
    return json.loads(got.stdout)


def target(value, wanted, at_most=False):
    """A ratio with what it should be."""
    if wanted is None:
        return f'{value:.2f}'
    held = value <= wanted if at_most else value >= wanted
    return f'{value:.2f} ({"held" if held else "missed"}: {wanted:.2f})'


def measure(cell, opts, tmp):
    servers = ['ours', 'qemu']
    if cell[1] == 'null' and not cell[4]:
        servers.insert(0, 'limit')
    if not os.path.exists(ORACLE):
        servers.remove('qemu')
    runs = {s: [] for s in servers}
    for _ in range(opts.rounds):
        for s in servers:
            runs[s].append(run(s, cell, opts, tmp))
    result = {'cell': cell[0], 'runs': runs}
    line = f'{cell[0]:18}'
    for s in servers:
        iops = statistics.median(r['iops'] for r in runs[s])
        cpu = statistics.median(r['cpu_us'] for r in runs[s])
        p50, p99 = (statistics.median(r[k] for r in runs[s])
                    for k in ('p50_us', 'p99_us'))
        line += (f' {s} {iops / 1000:8.1f}k {cpu:7.3f}us'
                 f' p50 {p50:5.1f} p99 {p99:7.1f} |')
    if 'qemu' in servers:
        pairs = list(zip(runs['ours'], runs['qemu']))
        iops = statistics.median(a['iops'] / b['iops'] for a, b in pairs)
        cpu = statistics.median(a['cpu_us'] / b['cpu_us'] for a, b in pairs)
        result['iops_ratio'], result['cpu_ratio'] = iops, cpu
        line += (f' IOPS x {target(iops, cell[5])}'
                 f' CPU x {target(cpu, cell[6], True)}')
    print(line, flush=True)
    return result


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument('build')
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--seconds', type=float, default=1)
    parser.add_argument('--only', nargs='*', default=[])
    parser.add_argument('--json')
    parser.add_argument('--cpus')
    parser.add_argument('--dir', default='/dev/shm')
    opts = parser.parse_args()
    tmp = tempfile.mkdtemp(prefix='vhost-pairs-', dir=opts.dir)
    try:
        results = [measure(c, opts, tmp) for c in CELLS
                   if not opts.only or any(w in c[0] for w in opts.only)]
    finally:
        shutil.rmtree(tmp)
    if opts.json:
        with open(opts.json, 'w', encoding='utf-8') as f:
            json.dump(results, f, indent=1)


if __name__ == '__main__':
    main()
