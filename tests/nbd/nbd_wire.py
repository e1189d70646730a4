# SPDX-License-Identifier: GPL-2.0-or-later
"""A client of the NBD protocol that can also do all of it wrong, and servers
to talk to."""

import os
import signal
import socket
import struct
import subprocess

REP_ACK, REP_ERR = 1, 1 << 31
SIMPLE, STRUCTURED, EXTENDED = range(3)
READ, WRITE, DISC, FLUSH, TRIM, CACHE, ZEROES, STATUS = range(8)


class Server:
    """qemu-nbd in the background, on a socket of @tmpdir."""

    def __init__(self, program, tmpdir, *args):
        self.path = os.path.join(tmpdir, 'server.sock')
        self.pidfile = os.path.join(tmpdir, 'server.pid')
        subprocess.run([program, '-k', self.path, '--fork',
                        '--pid-file=' + self.pidfile] + list(args),
                       check=True, timeout=30, stdin=subprocess.DEVNULL)
        with open(self.pidfile, encoding='ascii') as f:
            self.pid = int(f.read())
        self.uri = 'nbd+unix:///?socket=' + self.path

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        try:
            fd = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return
        os.kill(self.pid, signal.SIGTERM)
        with open(fd, 'rb', closefd=True) as f:
            import select
            select.select([f], [], [], 20)
        os.unlink(self.pidfile)

    def alive(self):
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        return True

    def rss_kib(self):
        with open(f'/proc/{self.pid}/status', encoding='ascii') as f:
            return next(int(line.split()[1]) for line in f
                        if line.startswith('VmRSS'))


class Wire:
    def __init__(self, path, flags=3, timeout=10):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(timeout)
        self.sock.connect(path)
        self.greeting = self.read(18)
        if flags is not None:
            self.send(struct.pack('>I', flags))

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.sock.close()

    def read(self, n):
        data = b''
        while len(data) < n:
            more = self.sock.recv(n - len(data))
            if not more:
                raise EOFError(f'end after {len(data)} of {n} bytes')
            data += more
        return data

    def send(self, data):
        self.sock.sendall(data)

    def closed(self):
        """Has the server hung up?"""
        try:
            return not self.sock.recv(1)
        except ConnectionError:
            return True

    # --- negotiation ---

    def option(self, opt, data=b'', length=None):
        """Send an option; the replies up to the last as (type, data)."""
        if length is None:
            length = len(data)
        self.send(struct.pack('>QII', 0x49484156454f5054, opt, length) + data)
        replies = []
        while True:
            _, _, kind, n = struct.unpack('>QIII', self.read(20))
            replies.append((kind, self.read(n)))
            if kind == REP_ACK or kind & REP_ERR:
                return replies

    def go(self, mode=SIMPLE, contexts=(), name=b'', infos=()):
        if mode:
            self.option(8 if mode == STRUCTURED else 11)
        if contexts:
            self.option(10, meta(name, contexts))
        return self.option(7, info(name, infos))

    # --- transmission ---

    def request(self, mode, kind, offset, length, flags=0, payload=b'',
                cookie=0x1122334455667788):
        if mode == EXTENDED:
            head = struct.pack('>IHHQQQ', 0x21e41c71, flags, kind, cookie,
                               offset, length)
        else:
            head = struct.pack('>IHHQQI', 0x25609513, flags, kind, cookie,
                               offset, length)
        self.send(head + payload)

    def replies(self, data_len=0):
        """Chunks up to the last; @data_len: what follows a simple success."""
        out = []
        while True:
            magic, = struct.unpack('>I', self.read(4))
            if magic == 0x67446698:
                error, cookie = struct.unpack('>IQ', self.read(12))
                data = self.read(data_len) if not error else b''
                return out + [('simple', error, cookie, data)]
            if magic == 0x668e33ef:
                flags, kind, cookie, n = struct.unpack('>HHQI', self.read(16))
                offset = None
            else:
                assert magic == 0x6e8a278c, hex(magic)
                flags, kind, cookie, offset, n = struct.unpack(
                    '>HHQQQ', self.read(28))
            out.append(('chunk', flags, kind, cookie, offset, self.read(n)))
            if flags & 1:
                return out


def info(name=b'', infos=()):
    return (struct.pack('>I', len(name)) + name +
            struct.pack('>H', len(infos)) +
            b''.join(struct.pack('>H', i) for i in infos))


def meta(name=b'', queries=()):
    return (struct.pack('>I', len(name)) + name +
            struct.pack('>I', len(queries)) +
            b''.join(struct.pack('>I', len(q)) + q for q in queries))


class Tap:
    """Results of test functions in TAP."""

    def __init__(self):
        self.count = 0
        self.failed = False

    def run(self, name, func, *args):
        self.count += 1
        try:
            func(*args)
            print(f'ok {self.count} {name}', flush=True)
        except Exception as e:  # pylint: disable=broad-except
            import traceback
            self.failed = True
            for line in traceback.format_exc().splitlines():
                print('# ' + line)
            print(f'not ok {self.count} {name}: {e!r}', flush=True)

    def skip(self, name, why):
        self.count += 1
        print(f'ok {self.count} {name} # SKIP {why}', flush=True)

    def end(self):
        print(f'1..{self.count}')
        return 1 if self.failed else 0
