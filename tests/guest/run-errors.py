#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Errors stop the guest, "cont" goes on, and nothing is lost.

    run-errors.py QEMU GUEST-ELF

The freestanding guest writes and reads its patterns through blkdebug, which
fails some requests once.  With werror=stop and rerror=stop each failure stops
the machine with an event; after "cont" the request is done again.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
from run import CHUNK, CHUNKS, DISK, Tap, kvm_usable, pattern, skip

# (iotype, sector, errno, reason, nospace)
RULES = [('write', 0, 28, 'No space left on device', True),
         ('write', 96, 5, 'Input/output error', False),
         ('write', 96, 28, 'No space left on device', True),
         ('write', 504, 5, 'Input/output error', False),
         ('read', 0, 5, 'Input/output error', False),
         ('read', 256, 13, 'Permission denied', False)]
TIMEOUT = 60


class Qmp:
    def __init__(self, path, proc):
        deadline = time.monotonic() + TIMEOUT
        while True:
            try:
                self.sock = socket.socket(socket.AF_UNIX)
                self.sock.connect(path)
                break
            except OSError:
                self.sock.close()
                if proc.poll() is not None or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)
        self.sock.settimeout(TIMEOUT)
        self.file = self.sock.makefile('r')
        self.events = []
        json.loads(self.file.readline())
        self.command('qmp_capabilities')

    def read(self):
        line = self.file.readline()
        return json.loads(line) if line else None

    def command(self, name, **args):
        req = json.dumps({'execute': name, 'arguments': args})
        self.sock.sendall(req.encode() + b'\n')
        while True:
            answer = self.read()
            if answer is None or 'event' not in answer:
                return answer and answer.get('return')
            self.events.append(answer)

    def event(self):
        return self.events.pop(0) if self.events else self.read()


def blkdebug(image):
    rules = [{'event': 'none', 'iotype': t, 'sector': s, 'errno': e,
              'once': True} for t, s, e, _, _ in RULES]
    return json.dumps({'driver': 'blkdebug', 'node-name': 'dbg',
                       'inject-error': rules,
                       'image': {'driver': 'file', 'filename': image}})


def follow(qmp, tap):
    """Answer each stop by "cont"; the errors that were reported, the stops."""
    errors = []
    stops = 0
    while (event := qmp.event()) is not None:
        if event['event'] == 'BLOCK_IO_ERROR':
            errors.append(event['data'])
        elif event['event'] == 'STOP':
            stops += 1
            status = qmp.command('query-status')
            tap.point(status['status'] == 'io-error', 'state is io-error')
            io = qmp.command('query-block')[0].get('io-status')
            tap.point(io in ('failed', 'nospace'), f'io-status {io}')
            qmp.command('cont')
            status = qmp.command('query-status')
            tap.point(status is None or status['status'] in
                      ('running', 'io-error'), 'and goes on')
    return errors, stops


def run(qemu, guest, tap):
    with tempfile.TemporaryDirectory(dir='/var/tmp') as tmpdir:
        image = os.path.join(tmpdir, 'disk.raw')
        with open(image, 'wb') as f:
            f.truncate(DISK)
        path = os.path.join(tmpdir, 'qmp')
        cmd = [qemu, '-accel', 'kvm', '-m', '32', '-nodefaults', '-display',
               'none', '-no-reboot', '-serial', 'stdio', '-S',
               '-kernel', guest, '-append', f'chunks={CHUNKS}',
               '-qmp', f'unix:{path},server=on,wait=off',
               '-object', 'iothread,id=t0', '-blockdev', blkdebug(image),
               '-blockdev', 'driver=raw,node-name=d0,file=dbg',
               '-device', 'virtio-blk-pci,drive=d0,iothread=t0,serial=tiny,'
                          'rerror=stop,werror=stop']
        proc = subprocess.Popen(cmd, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, text=True)
        try:
            qmp = Qmp(path, proc)
            qmp.command('cont')
            errors, stops = follow(qmp, tap)
            out = proc.communicate(timeout=TIMEOUT)[0]
        finally:
            proc.kill()
            proc.wait()
        lines = [line.rstrip('\r') for line in out.split('\n')]
        for line in lines:
            if line.startswith('ok write') or line.startswith('ok read them'):
                tap.point(True, 'guest: ' + line[3:])
            elif line.startswith('not ok'):
                tap.point(False, 'guest: ' + line[7:])
        tap.point('guest: end' in lines, 'the guest came to its end')
        # Events of one kind are at least a second apart: some are left out
        known = [(t, reason, nospace) for t, _, _, reason, nospace in RULES]
        told = [(e['operation'], e['reason'], e['nospace']) for e in errors]
        tap.point(told and told[0] == known[0] and
                  all(e in known for e in told), f'errors reported: {told}')
        tap.point(stops >= 4, f'{stops} stops')
        tap.point(all(e['action'] == 'stop' and e['node-name'] == 'd0'
                      for e in errors), 'with the action')
        with open(image, 'rb') as f:
            data = f.read(CHUNKS * CHUNK)
        tap.point(all(data[c * CHUNK:(c + 1) * CHUNK] == pattern(c)
                      for c in range(CHUNKS)), 'nothing was lost')


def main():
    qemu, guest = sys.argv[1:3]
    reason = kvm_usable()
    if reason:
        skip(reason)
    tap = Tap()
    run(qemu, guest, tap)
    tap.end()


if __name__ == '__main__':
    main()
