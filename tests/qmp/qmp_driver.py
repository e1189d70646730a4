# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs a program with a monitor and records what it answers.

After each step a request that no program knows is sent; its answer, which
carries our id, ends the step, so nothing here waits for time to pass.
"""

import os
import re
import select
import socket
import subprocess
import time

SYNC = b'{"execute": "x-sync", "id": "sync-%d"}\n'
TIMEOUT = 60


class Dead(Exception):
    """The program ended or does not answer."""


class Program:
    """One run of a program with QMP on a Unix socket."""

    def __init__(self, argv, tmpdir, pretty=False):
        self.path = os.path.join(tmpdir, 'qmp.sock')
        self.count = 0
        self.buf = b''
        self.sock = None
        self.pretty = pretty
        self.errors = open(os.path.join(tmpdir, 'stderr'), 'w+b')
        self.proc = subprocess.Popen(
            argv + self.options(),
            stdin=subprocess.DEVNULL, stdout=self.errors, stderr=self.errors,
            cwd=tmpdir)
        try:
            self.sock = self.connect()
        except Dead:
            self.close()
            raise

    def options(self):
        """What makes the program listen."""
        opt = '-qmp-pretty' if self.pretty else '-qmp'
        return [opt, 'unix:%s,server=on,wait=off' % self.path]

    def connect(self):
        deadline = time.monotonic() + TIMEOUT
        while time.monotonic() < deadline:
            if self.proc.poll() is not None:
                raise Dead('exit status %d: %s' % (self.proc.returncode,
                                                   self.stderr()))
            sock = socket.socket(socket.AF_UNIX)
            try:
                sock.connect(self.path)
                return sock
            except OSError:
                sock.close()
                select.select([], [], [], 0.01)
        raise Dead('no monitor')

    def stderr(self):
        self.errors.flush()
        with open(self.errors.name, 'rb') as f:
            return f.read().decode(errors='replace').strip()

    def _read_more(self, deadline):
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([self.sock], [], [], left)[0]:
            raise Dead('no answer; so far: %r' % self.buf[-300:])
        try:
            data = self.sock.recv(1 << 20)
        except ConnectionError:
            raise EOFError from None
        if not data:
            raise EOFError
        self.buf += data

    def read_until(self, pattern):
        """What comes up to the end of the first match of pattern."""
        deadline = time.monotonic() + TIMEOUT
        while True:
            m = re.search(pattern, self.buf, re.S)
            if m:
                out, self.buf = self.buf[:m.end()], self.buf[m.end():]
                return out
            try:
                self._read_more(deadline)
            except EOFError:
                raise Dead('connection closed; so far: %r'
                           % self.buf[-300:]) from None

    def read_to_end(self):
        deadline = time.monotonic() + TIMEOUT
        try:
            while True:
                self._read_more(deadline)
        except EOFError:
            out, self.buf = self.buf, b''
        self.proc.wait(TIMEOUT)
        return out

    def greeting(self, pretty=False):
        if pretty:
            return self.read_until(rb'\r\n\}\r\n')
        return self.read_until(rb'\r\n')

    def send(self, data, fd=None):
        try:
            if fd is not None:
                socket.send_fds(self.sock, [data[:1]], [fd])
                os.close(fd)
                data = data[1:]
            self.sock.sendall(data)
        except ConnectionError as e:
            raise Dead(str(e)) from None

    def step(self, data, fd=None):
        """Send data, with a descriptor, and return the answers to it."""
        self.count += 1
        self.send(data + SYNC % self.count, fd)
        out = self.read_until(
            rb'\{\s*"id": "sync-%d",\s*"error": \{[^}]*\}\s*\}\r\n'
            % self.count)
        return re.sub(rb'\{\s*"id": "sync-\d+",.*\Z', b'', out, flags=re.S)

    def reconnect(self):
        self.sock.close()
        self.buf = b''
        self.sock = self.connect()

    def close(self):
        if self.sock:
            self.sock.close()
        if self.proc.poll() is None:
            self.proc.kill()
        self.proc.wait()
        self.errors.close()
        if os.path.exists(self.path):
            os.unlink(self.path)


def stdio_session(argv, tmpdir, text):
    """What a program prints on standard output, with text as its input."""
    res = subprocess.run(argv, input=text, cwd=tmpdir,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                         timeout=TIMEOUT, check=False)
    return res.stdout
