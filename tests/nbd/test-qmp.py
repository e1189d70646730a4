#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The NBD server's commands: the same sessions with our storage daemon and
QEMU's must give the same replies and events; then exports that come and go
under clients, served by an IOThread.

    test-qmp.py QEMU-STORAGE-DAEMON
"""

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading

from nbd_wire import EXTENDED, READ, STATUS, WRITE, Tap, Wire

ORACLE = '/usr/bin/qemu-storage-daemon'


def cmd(name, /, **args):
    return {'execute': name.replace('_', '-'),
            'arguments': {k.replace('_', '-'): v for k, v in args.items()}}


def unix(path='s.sock'):
    return {'type': 'unix', 'data': {'path': path}}


ADD = cmd('blockdev_add', driver='file', node_name='f', filename='a.raw')
RO = cmd('blockdev_add', driver='file', node_name='ro', filename='a.raw',
         read_only=True)
START = cmd('nbd_server_start', addr=unix())
STOP = cmd('nbd_server_stop')
QUERY = cmd('query_block_exports')
BITMAP = cmd('block_dirty_bitmap_add', node='f', name='b0')


def export(**kwargs):
    return cmd('block_export_add', type='nbd', node_name='f', **kwargs)


SESSIONS = {
    'server': [STOP, START, START, QUERY, STOP, STOP, START, STOP],
    'start': [
        cmd('nbd_server_start'), cmd('nbd_server_start', addr='x'),
        cmd('nbd_server_start', addr=unix('/nonexistent/x')),
        cmd('nbd_server_start', addr=unix(), tls_creds='x'),
        cmd('nbd_server_start', addr=unix(), foo=1),
        cmd('nbd_server_start', addr={'type': 'unix', 'path': 'x'}),
        cmd('nbd_server_start', addr=unix(), max_connections=-1),
        cmd('object_add', qom_type='secret', id='s', data='x'),
        cmd('nbd_server_start', addr=unix(), tls_creds='s'),
        cmd('object_add', qom_type='authz-list', id='z', policy='deny',
            rules=[{'match': 'x', 'policy': 'allow', 'format': 'glob'}]),
        cmd('object_add', qom_type='authz-list', id='y', policy='perhaps'),
        cmd('object_add', qom_type='authz-simple', id='w', identity='x'),
        cmd('object_del', id='z'), cmd('object_del', id='z'),
        cmd('nbd_server_start', addr=unix(), handshake_max_seconds=0,
            max_connections=2), STOP],
    'add': [
        ADD, cmd('nbd_server_add', device='f'), START,
        cmd('nbd_server_add', device='nope'), cmd('nbd_server_add', device='f'),
        cmd('nbd_server_add', device='f'), QUERY,
        cmd('nbd_server_add', device='f', name='x', description='d'),
        cmd('nbd_server_add', device='f', name='y' * 5000),
        cmd('nbd_server_add', device='f', name='z', description='y' * 5000),
        cmd('nbd_server_add', device='f', name='w', bitmap='nope'),
        cmd('nbd_server_add', device='f', name='a b', writable=True),
        cmd('nbd_server_add', device='f', name='ok', writable=True), QUERY,
        cmd('nbd_server_remove', name='nope'), cmd('nbd_server_remove'),
        cmd('nbd_server_remove', name='x', mode='foo'),
        cmd('nbd_server_remove', name='x'), QUERY,
        cmd('nbd_server_remove', name='ok', mode='hard'), QUERY,
        cmd('blockdev_del', node_name='f'), STOP, QUERY,
        cmd('blockdev_del', node_name='f')],
    'read only': [
        RO, START, cmd('nbd_server_add', device='ro', writable=True),
        cmd('block_export_add', type='nbd', id='e', node_name='ro',
            writable=True),
        cmd('block_export_add', type='nbd', id='e', node_name='ro'), QUERY,
        cmd('block_export_del', id='ro'), cmd('block_export_del', id='e'),
        STOP],
    'export': [
        ADD, export(id='e'), START, export(id='e'), export(id='e'),
        export(id='e2'), export(id='e2', name='n2', allocation_depth=True),
        export(id='1 bad'), export(id='e3', name='n3', iothread='t0'),
        cmd('object_add', qom_type='iothread', id='t0'),
        export(id='e3', name='n3', iothread='t0', fixed_iothread=True),
        export(id='e4', name='n4', allow_inactive=True), QUERY,
        cmd('block_export_del', id='e3'), cmd('block_export_del', id='e3'),
        cmd('block_export_del', id='e', mode='hard'), QUERY, STOP, QUERY],
    'bitmaps': [
        ADD, START, BITMAP, export(id='e', bitmaps=['b0']),
        export(id='e', bitmaps=['nope'], writable=True),
        export(id='e', bitmaps=[{'node': 'nope', 'name': 'b0'}],
               writable=True),
        export(id='e', bitmaps=[{'node': 'f', 'name': 'b0'}], writable=True),
        cmd('block_dirty_bitmap_remove', node='f', name='b0'),
        export(id='e2', name='n2', bitmaps=['b0'], writable=True),
        cmd('block_export_del', id='e'), QUERY,
        cmd('block_dirty_bitmap_remove', node='f', name='b0'), STOP],
}


class Daemon:
    def __init__(self, program, cwd):
        self.process = subprocess.Popen(
            [program, '--chardev', 'stdio,id=c', '--monitor', 'chardev=c'],
            cwd=cwd, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.log = []
        self.line()
        self.execute(cmd('qmp_capabilities'))
        self.execute({'execute': 'qmp_capabilities'})
        self.log = []

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if self.process.poll() is None:
            self.process.stdin.close()
            self.process.terminate()
            self.process.wait(timeout=20)
        self.process.stdout.close()

    def line(self):
        line = self.process.stdout.readline()
        if not line:
            raise EOFError(self.process.wait(timeout=20))
        return json.loads(line)

    def execute(self, command):
        """The reply; it and the events before it are in the log."""
        if command['execute'] == 'qmp-capabilities':
            return None
        self.process.stdin.write(json.dumps(command) + '\n')
        self.process.stdin.flush()
        while True:
            msg = self.line()
            msg.pop('timestamp', None)
            self.log.append(json.dumps(msg))
            if 'event' not in msg:
                return msg

    def wait_event(self, name):
        while True:
            msg = self.line()
            if msg.get('event') == name:
                return msg

    def must(self, command):
        reply = self.execute(command)
        assert 'return' in reply, (command, reply)
        return reply['return']


def play(program, commands, tmpdir):
    with open(os.path.join(tmpdir, 'a.raw'), 'wb') as f:
        f.truncate(1 << 20)
    with Daemon(program, tmpdir) as d:
        out = []
        for command in commands:
            d.execute(command)
            out.append((command, sorted(d.log)))
            d.log = []
    return out


def test_session(program, commands, tmpdir):
    ours, theirs = (play(p, commands, tmpdir) for p in (program, ORACLE))
    # An event may come before or after the next reply
    a, b = (sorted(x for _, log in s for x in log) for s in (ours, theirs))
    different = [(c, x, y) for (c, x), (_, y) in zip(ours, theirs) if x != y]
    assert a == b, different


def client(path, stop, done, errors):
    """Reads and writes until the export goes away, again and again."""
    rnd = random.Random(threading.get_ident())
    while not stop.is_set():
        try:
            with Wire(path) as w:
                if not w.go(EXTENDED, (b'base:allocation',), b'e')[-1][0] == 1:
                    continue
                for _ in range(rnd.randrange(1, 60)):
                    off = rnd.randrange(200) << 12
                    for i in range(20):
                        kind = rnd.choice([READ, WRITE, STATUS])
                        w.request(EXTENDED, kind, off, 4096, cookie=i,
                                  payload=bytes([off >> 12]) * 4096
                                  if kind == WRITE else b'')
                    for _ in range(20):
                        done.append(1)
                        for chunk in w.replies():
                            if chunk[2] == 1:
                                data = chunk[5][8:]
                                if data not in (bytes(4096),
                                                bytes([off >> 12]) * 4096):
                                    errors.append((off, data[:16]))
        except OSError:
            pass  # hung up on
        except EOFError:
            pass


def test_moving(program, tmpdir):
    """Exports in two IOThreads that come and go under four clients."""
    path = os.path.join(tmpdir, 's.sock')
    rnd = random.Random(6)
    with open(os.path.join(tmpdir, 'a.raw'), 'wb') as f:
        f.truncate(1 << 20)
    stop, done, errors = threading.Event(), [], []
    with Daemon(program, tmpdir) as d:
        d.must(ADD)
        for i in range(2):
            d.must(cmd('object_add', qom_type='iothread', id=f't{i}'))
        d.must(cmd('nbd_server_start', addr=unix(path)))
        threads = [threading.Thread(target=client, args=(path, stop, done, errors))
                   for _ in range(4)]
        for t in threads:
            t.start()
        try:
            for i in range(40):
                where = rnd.choice([{}, {'iothread': 't0'}, {'iothread': 't1'}])
                d.must(export(id='e', name='e', writable=True, **where))
                goal = len(done) + 400
                while i % 4 and len(done) < goal:  # while they are busy
                    d.must(QUERY)
                with Wire(path) as w:  # one that is idle
                    w.go(name=b'e')
                    d.must(cmd('block_export_del', id='e', mode='hard'))
                    d.wait_event('BLOCK_EXPORT_DELETED')
                    assert w.closed()
            d.must(export(id='e', name='e', writable=True, iothread='t0'))
            d.must(STOP)
        finally:
            stop.set()
            for t in threads:
                t.join(20)
        assert not errors, errors[:3]
        d.must(cmd('blockdev_del', node_name='f'))


def main():
    program = os.path.abspath(sys.argv[1])
    tap = Tap()
    with tempfile.TemporaryDirectory(prefix='test-nbd-') as tmpdir:
        for name, commands in SESSIONS.items():
            if shutil.which(ORACLE):
                tap.run(name, test_session, program, commands, tmpdir)
            else:
                tap.skip(name, "QEMU's daemon is not installed")
        tap.run('moving', test_moving, program, tmpdir)
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())
