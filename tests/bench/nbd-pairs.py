#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Our qemu-nbd beside QEMU's, in pairs, on a Unix socket.

usage: nbd-pairs.py OURS [DIRECTORY] [--runs N] [--seconds S] [--only WORD...]
                    [--load NBD-LOAD]

Both programs serve a raw image in turn (A B A B ...) to the same clients: fio's
nbd engine with 4 KiB requests at queue depth 32, and nbdcopy of a sparse image
to null:. With --load the requests come from that program (tests/bench/nbd-load
of the build directory), which takes less time itself than fio does. Printed:
medians of what the client reaches and of the processor time that the server
takes, and the medians of the ratios of the pairs. The image
lies in a new directory under DIRECTORY (default: /dev/shm).
"""

import argparse
import json
import os
import random
import signal
import statistics
import subprocess
import tempfile
import time

ORACLE = '/usr/bin/qemu-nbd'
TICK = os.sysconf('SC_CLK_TCK')
# name, whether more is better, of what; targets: of that and of CPU a unit
STAGES = ['randread', 'randwrite', 'nbdcopy']


class Server:
    def __init__(self, program, directory, image):
        self.path = os.path.join(directory, 's.sock')
        pidfile = os.path.join(directory, 's.pid')
        subprocess.run([program, '-t', '-e', '0', '-f', 'raw', '-k', self.path,
                        '--fork', '--pid-file=' + pidfile, image], check=True)
        with open(pidfile, encoding='ascii') as f:
            self.pid = int(f.read())
        os.unlink(pidfile)
        self.uri = 'nbd+unix:///?socket=' + self.path

    def cpu(self):
        with open(f'/proc/{self.pid}/stat', encoding='ascii') as f:
            fields = f.read().rsplit(')', 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def stop(self):
        fd = os.pidfd_open(self.pid)
        os.kill(self.pid, signal.SIGTERM)
        with open(fd, 'rb'):
            while os.path.exists(self.path):
                time.sleep(0.01)


def fio(server, kind, seconds):
    out = subprocess.run(
        ['fio', '--name=x', '--ioengine=nbd', '--uri=' + server.uri,
         '--rw=' + kind, '--bs=4k', '--iodepth=32', '--time_based',
         f'--runtime={seconds}', '--size=1g', '--output-format=json'],
        check=True, capture_output=True).stdout
    job = json.loads(out[out.index(b'{\n'):])['jobs'][0]
    part = job['read' if kind == 'randread' else 'write']
    return part['iops'], part['total_ios']


def load(server, kind, seconds, program):
    out = subprocess.run([program, server.path, kind[4:], '32', str(seconds)],
                         check=True, capture_output=True, text=True).stdout
    ios, took, _ = out.split()
    return int(ios) / float(took), int(ios)


def measure(program, directory, stage, seconds, client):
    """(Requests or GiB a second, server's seconds for a request or GiB.)"""
    sparse = stage == 'nbdcopy'
    image = os.path.join(directory, 'sparse.raw' if sparse else 'full.raw')
    server = Server(program, directory, image)
    before, start = server.cpu(), time.monotonic()
    if sparse:
        subprocess.run(['nbdcopy', server.uri, 'null:'], check=True)
        rate, units = 2 / (time.monotonic() - start), 2
    elif client:
        rate, units = load(server, stage, seconds, client)
    else:
        rate, units = fio(server, stage, seconds)
    cpu = server.cpu() - before
    server.stop()
    return rate, max(cpu, 1 / TICK) / units, cpu


def make_images(directory):
    block = random.Random(1).randbytes(1 << 20)
    with open(os.path.join(directory, 'full.raw'), 'wb') as f:
        for _ in range(1024):
            f.write(block)
    rnd = random.Random(2)
    with open(os.path.join(directory, 'sparse.raw'), 'wb') as f:
        f.truncate(2 << 30)
        for i in rnd.sample(range(2048), 512):  # a quarter is data
            f.seek(i << 20)
            f.write(block)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument('ours')
    ap.add_argument('directory', nargs='?', default='/dev/shm')
    ap.add_argument('--runs', type=int, default=5)
    ap.add_argument('--seconds', type=int, default=3)
    ap.add_argument('--load')
    ap.add_argument('--only', nargs='+', default=STAGES)
    args = ap.parse_args()
    ours = os.path.abspath(args.ours)
    with tempfile.TemporaryDirectory(dir=args.directory) as directory:
        make_images(directory)
        for stage in args.only:
            pairs = [[measure(p, directory, stage, args.seconds, args.load)
                      for p in (ours, ORACLE)] for _ in range(args.runs)]
            rate, unit = (statistics.median(a[i] / b[i] for a, b in pairs)
                          for i in (0, 1))
            busy = [statistics.median(p[who][0] * p[who][1] for p in pairs)
                    for who in (0, 1)]
            name = 'GiB' if stage == 'nbdcopy' else 'request'
            mine = statistics.median(a[0] for a, _ in pairs)
            theirs = statistics.median(b[0] for _, b in pairs)
            print(f'{stage:10} ours {mine:9.1f}/s QEMU {theirs:9.1f}/s'
                  f'  ratio {rate:.2f};  CPU a {name}: {unit:.2f} of QEMU\'s;'
                  f'  CPUs busy: {busy[0]:.2f} and {busy[1]:.2f}', flush=True)


if __name__ == '__main__':
    main()
