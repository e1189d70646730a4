# SPDX-License-Identifier: GPL-2.0-or-later
"""An NBD server that does as a test says, for one client at a time.

It knows just enough of the protocol to bring a client into the transmission
phase (newstyle, with simple, structured or extended replies), and hands every
request to a function of the test, which answers with whatever bytes it likes.
"""

import os
import socket
import struct
import threading

SIZE = 1 << 20
FLAGS = 0x1 | 0x4 | 0x8 | 0x20 | 0x40  # flush, FUA, trim, write zeroes
OPT_EXPORT_NAME, OPT_ABORT, OPT_GO, OPT_STRUCTURED = 1, 2, 7, 8
OPT_SET_META, OPT_EXTENDED = 10, 11
REP_ACK, REP_INFO, REP_META, REP_UNSUP = 1, 3, 4, 0x80000001
READ, WRITE, DISC, FLUSH, TRIM, ZEROES, STATUS = 0, 1, 2, 3, 4, 6, 7


# An answer that ends so is the last one
CLOSE = b'-- close --'


class Gone(Exception):
    """The client has left, or the test wants it to."""


def recv(sock, n):
    data = b''
    while len(data) < n:
        part = sock.recv(n - len(data))
        if not part:
            raise Gone
        data += part
    return data


def opt_reply(opt, kind, data=b''):
    return struct.pack('>QIII', 0x3e889045565a9, opt, kind, len(data)) + data


def simple(cookie, error=0, data=b''):
    return struct.pack('>IIQ', 0x67446698, error, cookie) + data


def chunk(cookie, kind, data=b'', flags=1, length=None):
    return struct.pack('>IHHQI', 0x668e33ef, flags, kind, cookie,
                       len(data) if length is None else length) + data


def ext_chunk(cookie, kind, data=b'', flags=1, length=None):
    return struct.pack('>IHHQQQ', 0x6e8a278c, flags, kind, cookie, 0,
                       len(data) if length is None else length) + data


class Request:
    def __init__(self, kind, flags, cookie, offset, length, data):
        self.kind, self.flags, self.cookie = kind, flags, cookie
        self.offset, self.length, self.data = offset, length, data


class FakeServer:
    """mode: 'simple', 'structured', 'extended'.  answer(request) -> bytes, or
    raises Gone.  greeting: bytes to send in place of the handshake.  options:
    {option: bytes} replies that replace the proper ones."""

    def __init__(self, path, answer=None, mode='structured', greeting=None,
                 options=None, size=SIZE, flags=FLAGS, blocks=(1, 4096, 1 << 25)):
        self.path, self.answer, self.mode = path, answer, mode
        self.greeting, self.options = greeting, options or {}
        self.size, self.flags, self.blocks = size, flags, blocks
        self.disk = bytearray(size if size <= SIZE else 0)
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.bind(path)
        self.sock.listen(8)
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while True:
            try:
                client, _ = self.sock.accept()
            except OSError:
                return
            with client:
                try:
                    self.serve(client)
                except (Gone, OSError):
                    pass

    def close(self):
        self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()
        os.unlink(self.path)
        self.thread.join(5)

    def serve(self, client):
        if self.greeting is not None:
            client.sendall(self.greeting)
            return
        client.sendall(struct.pack('>QQH', 0x4e42444d41474943,
                                   0x49484156454f5054, 3))
        recv(client, 4)
        while not self.option(client):
            pass
        while True:
            self.request(client)

    def option(self, client):
        _, opt, length = struct.unpack('>QII', recv(client, 16))
        data = recv(client, length)
        if opt in self.options:
            client.sendall(self.options[opt])
            return False
        if opt == OPT_ABORT:
            raise Gone
        if opt == OPT_EXTENDED and self.mode == 'extended' or \
                opt == OPT_STRUCTURED and self.mode == 'structured':
            client.sendall(opt_reply(opt, REP_ACK))
        elif opt == OPT_SET_META:
            name = struct.unpack('>I', data[:4])[0]
            query = data[4 + name + 8:]
            client.sendall(opt_reply(opt, REP_META,
                                     struct.pack('>I', 5) + query)
                           + opt_reply(opt, REP_ACK))
        elif opt == OPT_GO:
            info = struct.pack('>HQH', 0, self.size, self.flags)
            out = opt_reply(opt, REP_INFO, info)
            if self.blocks:
                out += opt_reply(opt, REP_INFO,
                                 struct.pack('>HIII', 3, *self.blocks))
            client.sendall(out + opt_reply(opt, REP_ACK))
            return True
        else:
            client.sendall(opt_reply(opt, REP_UNSUP))
        return False

    def request(self, client):
        if self.mode == 'extended':
            head = recv(client, 32)
            _, flags, kind, cookie, offset, length = struct.unpack('>IHHQQQ',
                                                                   head)
        else:
            head = recv(client, 28)
            _, flags, kind, cookie, offset, length = struct.unpack('>IHHQQI',
                                                                   head)
        data = recv(client, length) if kind == WRITE else b''
        if kind == DISC:
            raise Gone
        req = Request(kind, flags, cookie, offset, length, data)
        out = self.answer(self, req) if self.answer else None
        out = self.good(req) if out is None else out
        client.sendall(out.removesuffix(CLOSE))
        if out.endswith(CLOSE):
            raise Gone

    def good(self, req):
        """The right answer."""
        end = req.offset + req.length
        if req.kind == WRITE:
            self.disk[req.offset:end] = req.data
        elif req.kind in (TRIM, ZEROES):
            self.disk[req.offset:end] = bytes(req.length)
        if self.mode == 'simple':
            return simple(req.cookie, 0, bytes(self.disk[req.offset:end])
                          if req.kind == READ else b'')
        build = ext_chunk if self.mode == 'extended' else chunk
        if req.kind == READ:
            return build(req.cookie, 1, struct.pack('>Q', req.offset)
                         + bytes(self.disk[req.offset:end]))
        if req.kind == STATUS:
            if self.mode == 'extended':
                return build(req.cookie, 6,
                             struct.pack('>IIQQ', 5, 1, req.length, 0))
            return build(req.cookie, 5, struct.pack('>III', 5, req.length, 0))
        return build(req.cookie, 0)
