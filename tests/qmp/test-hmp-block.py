#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""HMP commands about disks, through human-monitor-command.

    test-hmp-block.py QEMU-SYSTEM

The same lines go to QEMU's program where it is installed: what the monitor
answers, what is printed and the events must be the same, and so must the images.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile

ORACLE = os.environ.get('ORACLE_QEMU_SYSTEM', '/usr/bin/qemu-system-x86_64')
LINES = [
    'qemu-io n0 "write -P 1 0 64k"', 'qemu-io n0 "read -P 1 0 4k"',
    'qemu-io -d n0 "read 0 512"', 'qemu-io nope "read 0 512"', 'qemu-io',
    'qemu-io n0', 'qemu-io n0 "foo"', 'qemu-io n0 "aio_write -P 7 64k 512"',
    'qemu-io n0 "help foo"', 'qemu-io n0 "length"', 'qemu-io ro "write 0 512"',
    'qemu-io n0 read 0 512', 'qemu-io -x n0 "read 0 512"',
    'block_resize n0 2M', 'block_resize nope 2M', 'block_resize n0',
    'block_resize', 'block_resize d0 2M', 'block_resize d0 3',
    'qemu-io d0 "length"', 'qemu-io d0 "write -P 3 512 512"',
    'info block-jobs', 'nbd_server_start', 'nbd_server_start /x',
    'nbd_server_start -w unix:hh', 'nbd_server_start unix:h2',
    'nbd_server_start unix:h2', 'nbd_server_add', 'nbd_server_add d0',
    'nbd_server_add d0', 'nbd_server_add -w d0 foo', 'nbd_server_add nope',
    'nbd_server_remove', 'nbd_server_remove foo', 'nbd_server_remove foo',
    'nbd_server_remove -f d0', 'nbd_server_stop', 'nbd_server_stop',
    'nbd_server_start -a -w unix:h3', 'nbd_server_stop',
]


class Session:
    def __init__(self, program, cwd):
        def node(text):
            return ['-blockdev', text]
        self.proc = subprocess.Popen(
            [program, '-machine', 'none', '-nographic', '-nodefaults',
             '-qmp', 'stdio', '-drive', 'if=none,id=d0,file=d.raw,format=raw']
            + node('driver=raw,node-name=n0,file.driver=file,'
                   'file.filename=n.raw')
            + node('driver=null-co,read-only=on,node-name=ro'),
            cwd=cwd, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True)
        self.heard = []
        self.reply()
        self.send('qmp_capabilities')

    def reply(self):
        for line in self.proc.stdout:
            if not line.startswith('{'):
                self.heard.append('printed: ' + re.sub(
                    r'; [0-9.]+ sec \(.*\)', '; FIGURES', line.rstrip()))
                continue
            message = json.loads(line)
            if 'event' not in message:
                return message
            self.heard.append('event: ' + message['event'])
        return {'gone': self.proc.wait()}

    def send(self, command, **arguments):
        self.proc.stdin.write(json.dumps({'execute': command,
                                          'arguments': arguments}) + '\n')
        self.proc.stdin.flush()
        return self.reply()


def run(program):
    with tempfile.TemporaryDirectory(prefix='test-hmp-') as tmp:
        for name in 'd.raw', 'n.raw':
            with open(os.path.join(tmp, name), 'wb') as f:
                f.truncate(1 << 20)
        s = Session(program, tmp)
        results = []
        for line in LINES:
            s.heard = []
            answer = s.send('human-monitor-command', **{'command-line': line})
            results.append((answer.get('return', answer), s.heard))
        s.send('quit')
        s.proc.communicate(timeout=20)
        for name in 'd.raw', 'n.raw':
            with open(os.path.join(tmp, name), 'rb') as f:
                results.append(hashlib.sha256(f.read()).hexdigest())
        return results


def main():
    ours = run(os.path.abspath(sys.argv[1]))
    titles = LINES + ['content of d.raw', 'content of n.raw']
    failed = False
    if not os.path.exists(ORACLE):
        print('1..0 # SKIP qemu-system-x86_64 10.0 is not installed')
        return 0
    theirs = run(ORACLE)
    print(f'1..{len(titles)}')
    for i, (title, a, b) in enumerate(zip(titles, ours, theirs), 1):
        print(f"{'ok' if a == b else 'not ok'} {i} - {title}")
        if a != b:
            failed = True
            print(f'# here: {a}\n# QEMU: {b}')
    return failed


if __name__ == '__main__':
    sys.exit(main())
