#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The NBD server, byte for byte: what it answers, beside QEMU's where that is
installed, and what clients that mean harm can do to it.

    test-wire.py QEMU-NBD
"""

import os
import random
import shutil
import struct
import sys
import tempfile

from nbd_wire import (CACHE, EXTENDED, FLUSH, READ, SIMPLE, STATUS, STRUCTURED,
                      TRIM, WRITE, ZEROES, Server, Tap, Wire, info, meta)

SIZE = 10 << 20
ALL = (b'base:allocation', b'qemu:allocation-depth')
OPTIONS = {
    'list': [(3,), (3, b'xx'), (2,)],
    'unknown': [(99,), (4,), (99, b'abc'), (2, b'xyz')],
    'starttls': [(5,), (5, b'x')],
    'structured': [(8,), (8,), (8, b'1'), (11,), (11,), (8,)],
    'info': [(6, info()), (6, info(b'', (0, 1, 2, 3, 9))), (6, info(b'nope')),
             (6, b'ab'), (6, struct.pack('>I', 400) + b'abc'),
             (6, struct.pack('>I', 5000) + b'a' * 5000 + b'\0\0'),
             (6, info() + b'zz'), (6, info(b'', (1, 2))[:-1])],
    'go': [(7, info(b'', (3,)))],
    'meta simple': [(9, meta()), (10, meta(b'', [b'base:allocation']))],
    'meta': [(8,), (9, meta()), (9, meta(b'', [b'base:'])),
             (9, meta(b'', [b'qemu:', b'base:all', b'foo:bar'])),
             (10, meta(b'', [b'base:'])), (10, meta(b'', ALL + (b'x:y',))),
             (10, meta(b'nope', ALL)), (9, b'12'), (9, meta(b'', [b'x'])[:-1]),
             (9, meta(b'', [b'a' * 5000, b'base:allocation']))],
}
X16 = b'x' * 16
REQUESTS = [
    (READ, 0, 0), (READ, SIZE - 8, 16), (WRITE, SIZE - 8, 16, 0, X16),
    (ZEROES, SIZE - 8, 16), (TRIM, SIZE - 8, 16), (CACHE, SIZE - 8, 16),
    (READ, 0, 33 << 20), (CACHE, 0, 33 << 20), (9, 0, 16), (8, 0, 16),
    (READ, 0, 16, 0x80), (FLUSH, 0, 0), (FLUSH, 5, 7), (FLUSH, 0, 0, 1),
    (WRITE, 4096, 16, 0, X16), (WRITE, 4096, 16, 1, X16), (WRITE, 0, 0),
    (READ, 4096, 16), (READ, 4096, 16, 4), (READ, 4096, 16, 1),
    (TRIM, 65536, 65536), (TRIM, 65536, 65536, 1), (ZEROES, 65536, 65536),
    (ZEROES, 65536, 65536, 2), (CACHE, 0, 4096), (CACHE, 0, 4096, 1),
    (STATUS, 0, 0), (STATUS, 2 << 20, 1 << 20, 8), (STATUS, SIZE - 1, 2),
    (WRITE, 4096, 16, 2, X16), (ZEROES, 0, 16, 4),
]


def open_wire(server, mode, contexts=()):
    wire = Wire(server.path)
    wire.go(mode, contexts)
    return wire


def record(server):
    """What @server answers to all of OPTIONS and REQUESTS."""
    out = {}
    for name, options in OPTIONS.items():
        with Wire(server.path) as w:
            out[name] = [w.option(*o) for o in options]
    for mode in (SIMPLE, STRUCTURED, EXTENDED):
        for contexts in ((), ALL) if mode else ((),):
            for rq in REQUESTS:
                with open_wire(server, mode, contexts) as w:
                    w.request(mode, *rq)
                    n = rq[2] if rq[0] == READ else 0
                    out[mode, contexts, rq[:4]] = w.replies(n)
    return out


def make_image(tmpdir):
    path = os.path.join(tmpdir, 'a.raw')
    with open(path, 'wb') as f:
        f.write(bytes(range(256)) * 4096)
        f.truncate(SIZE)
    return path


def test_oracle(ours, theirs, tmpdir):
    results = []
    for program in (ours, theirs):
        with Server(program, tmpdir, '-t', '-e', '0', '-A', '-f', 'raw',
                    make_image(tmpdir)) as server:
            results.append(record(server))
    for key, value in results[1].items():
        assert results[0][key] == value, (key, results[0][key], value)


def test_pipeline(server):
    """Many requests before the first reply is read."""
    for mode in (SIMPLE, EXTENDED):
        with open_wire(server, mode) as w:
            for i in range(200):
                w.request(mode, READ, 512 * i, 512, cookie=i)
                if i % 4 == 0:
                    w.request(mode, WRITE, (5 << 20) + 512 * i, 512,
                              payload=bytes([i % 256]) * 512, cookie=10000 + i)
            seen = set()
            for _ in range(250):
                # A simple reply does not tell what it is for: the cookie does
                if mode == SIMPLE:
                    _, error, cookie = struct.unpack('>IIQ', w.read(16))
                    assert error == 0
                    data = w.read(512) if cookie < 10000 else b''
                else:
                    chunk, = w.replies()
                    cookie, data = chunk[3], chunk[5][8:]
                if cookie < 10000:
                    assert data == (bytes(range(256)) * 2), cookie
                seen.add(cookie)
            assert len(seen) == 250
            w.request(mode, READ, (5 << 20) + 512 * 196, 512)
            assert w.replies(512)[0][-1][-512:] == bytes([196]) * 512


def test_large(server):
    rnd = random.Random(1)
    data = rnd.randbytes(8 << 20)
    with open_wire(server, STRUCTURED) as w:
        w.request(STRUCTURED, WRITE, 1 << 20, len(data), payload=data)
        assert w.replies()[0][1] == 0
        w.request(STRUCTURED, READ, 1 << 20, len(data))
        got = b''.join(c[5][8:] for c in w.replies())
        assert got == data


def test_slots(server):
    """A client that does not read its replies is not given memory without
    end, and loses nothing once it reads."""
    with open_wire(server, SIMPLE, ()) as w:
        w.sock.settimeout(0.3)
        sent = b''
        rq = b''.join(struct.pack('>IHHQQI', 0x25609513, 0, READ, i, 0,
                                  1 << 20) for i in range(3000))
        try:
            while sent != rq:
                n = w.sock.send(rq[len(sent):])
                sent += rq[len(sent):len(sent) + n]
        except TimeoutError:
            pass
        assert server.rss_kib() < 150 * 1024, server.rss_kib()
        w.sock.settimeout(10)
        for _ in range(min(len(sent) // 28, 200)):
            assert len(w.replies(1 << 20)[0][3]) == 1 << 20


def test_disconnects(server):
    """Clients that leave in the middle of everything."""
    rnd = random.Random(2)
    for _ in range(60):
        with open_wire(server, rnd.choice([SIMPLE, EXTENDED])) as w:
            msg = struct.pack('>IHHQQI', 0x25609513, 0, WRITE, 1, 0, 1 << 20)
            msg = msg * 2 + b'x' * 100000
            w.send(msg[:rnd.randrange(len(msg))])
    for _ in range(30):
        with Wire(server.path, flags=rnd.choice([0, 1, 2, 3, None])) as w:
            w.send(rnd.randbytes(rnd.randrange(40)))
    assert server.alive()


def test_bad(server):
    """What ends a connection at once."""
    for flags in (7, 1 << 31):
        with Wire(server.path, flags=flags) as w:
            assert w.closed()
    cases = [struct.pack('>QII', 0x49484156454f5054, 3, 33 << 20),
             struct.pack('>QII', 0x49484156454f5055, 3, 0),
             struct.pack('>QII', 0x49484156454f5054, 1, 4) + b'nope']
    for case in cases:
        with Wire(server.path) as w:
            w.send(case)
            assert w.closed()
    with open_wire(server, SIMPLE) as w:
        w.send(struct.pack('>IHHQQI', 0x25609514, 0, READ, 1, 0, 1))
        assert w.closed()
    with open_wire(server, SIMPLE) as w:
        w.request(SIMPLE, WRITE, 0, 0xffffffff)
        assert w.closed()
    with open_wire(server, SIMPLE) as w:
        w.request(SIMPLE, READ, 0, 4096)
        w.request(SIMPLE, 2, 0, 0)  # and the reply is sent before the end
        w.replies(4096)
        assert w.closed()


def test_noise(server):
    """Requests at random, most of them wrong."""
    rnd = random.Random(3)
    for _ in range(150):
        mode = rnd.choice([SIMPLE, STRUCTURED, EXTENDED])
        with open_wire(server, mode, ALL if mode else ()) as w:
            w.sock.settimeout(0.05)  # replies that nobody reads
            try:
                for _ in range(20):
                    n = rnd.choice([0, 1, 12, 512, 4096, 1 << 20, SIZE])
                    kind = rnd.randrange(10)
                    flags = rnd.choice([0, 0, rnd.randrange(64)])
                    w.request(mode, kind, rnd.choice([0, 1, 4096, SIZE - 1,
                                                      1 << 63]),
                              n, flags, rnd.randbytes(n if kind == 1 else 12
                                                      if flags & 32 else 0))
            except OSError:
                pass
    assert server.alive()
    with open_wire(server, SIMPLE) as w:
        w.request(SIMPLE, READ, 0, 512)
        assert w.replies(512)[0][1] == 0


def test_slow(ours, tmpdir):
    """Who does not get on with the negotiation is dropped."""
    with Server(ours, tmpdir, '-t', '-e', '0', '--handshake-limit=1', '-f',
                'raw', make_image(tmpdir)) as server:
        with Wire(server.path) as w:
            w.option(3)
            assert w.closed()
        with Wire(server.path, flags=None) as w:
            assert w.closed()
        with open_wire(server, SIMPLE) as w:
            w.sock.settimeout(1.5)
            try:
                assert not w.closed()
            except TimeoutError:
                pass  # who got on may take its time


def main():
    ours = os.path.abspath(sys.argv[1])
    theirs = shutil.which('qemu-nbd')
    tap = Tap()
    with tempfile.TemporaryDirectory(prefix='test-nbd-') as tmpdir:
        if theirs:
            tap.run('as QEMU answers', test_oracle, ours, theirs, tmpdir)
        else:
            tap.skip('as QEMU answers', 'no qemu-nbd installed')
        with Server(ours, tmpdir, '-t', '-e', '0', '-A', '-f', 'raw',
                    make_image(tmpdir)) as server:
            for func in (test_pipeline, test_large, test_slots,
                         test_disconnects, test_bad, test_noise):
                tap.run(func.__name__[5:], func, server)
        tap.run('slow', test_slow, ours, tmpdir)
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())
