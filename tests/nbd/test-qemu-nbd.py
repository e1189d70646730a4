#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""qemu-nbd's command line: the same lines with our program and QEMU's must give
the same text and exit status. The rest is what only a running server shows.

    test-qemu-nbd.py QEMU-NBD
"""

import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile

from nbd_wire import Server, Tap, Wire

LONG = 'x' * 5000
# Words of a command line; S stands for a socket that is free
LINES = [line.split() for line in '''
a b
--bogus
-p abc a.raw
-e -1 a.raw
-e x a.raw
-o x a.raw
-o 2G -f raw -k S a.raw
-o -5 -f raw -k S a.raw
-o 99999999999 -f raw -k S a.raw
--cache=foo a.raw
--cache=none --cache=none a.raw
-n --cache=none a.raw
--aio=foo a.raw
--aio=native --aio=native a.raw
--discard=foo a.raw
--discard=on --discard=on a.raw
--detect-zeroes=foo a.raw
--detect-zeroes=unmap --discard=off a.raw
--detect-zeroes=unmap a.raw
-k rel.sock a.raw
-k S nofile
-f foo -k S a.raw
-c /dev/nonexistent -f raw -k S a.raw
-d /dev/nonexistent
-d
-d a b
-L a.raw
-L -c /dev/nbd0
-L -k S
-L -x a
-L -f raw
-L -o 5
-L -A
-L -B b0
-L -D x
-L -l x
-L -n
-L --fork
-L --tls-authz=x --tls-creds=y
--tls-creds=x -k S a.raw
--tls-authz=x a.raw
--tls-hostname=x a.raw
--tls-creds=x -c /dev/nbd0 a.raw
--object foo,id=x a.raw
--object secret,id=s,data=a --tls-creds=s -f raw a.raw
--object tls-creds-psk,id=t,dir=/nonexist,endpoint=server --tls-creds=t a.raw
--object tls-creds-x509,id=t,endpoint=server --tls-creds=t a.raw
--object tls-creds-x509,id=t,dir=.,endpoint=server --tls-creds=t a.raw
--object tls-creds-anon,id=t --tls-creds=t -f raw a.raw
--object authz-simple,id=t,identity=x --tls-creds=t -f raw a.raw
-l nosuch -k S -f qcow2 q.qcow2
-l snapshot.foo=1 -k S -f qcow2 q.qcow2
-l snapshot.id=9 -k S -f qcow2 q.qcow2
-B foo -f raw -k S a.raw
-B foo -f qcow2 -k S q.qcow2
--handshake-limit=x a.raw
--image-opts -f raw a.raw
--image-opts foo=bar
--image-opts driver=raw
-k /nonexistent/x.sock -f raw a.raw
--pid-file=/nonexistent/x --fork -k S -f raw a.raw
--trace foo -L -k S
-b nosuchhost.invalid -f raw a.raw
--help
--help extra
'''.strip().splitlines()] + [
    [], ['-D', LONG, '-k', 'S', '-f', 'raw', 'a.raw'],
    ['-x', LONG, '-k', 'S', '-f', 'raw', 'a.raw'],
]
# With a descriptor 3 that is meant as a listening socket
ACTIVATED = [['-p', '5', '-f', 'raw', 'a.raw'], ['-L'],
             ['-c', '/dev/nbd0', '-f', 'raw', 'a.raw'],
             ['-b', 'x', '-f', 'raw', 'a.raw'],
             ['-k', '/x', '-f', 'raw', 'a.raw']]


def run(program, words, cwd, **kwargs):
    args = [os.path.join(cwd, 'free.sock') if w == 'S' else w for w in words]
    res = subprocess.run(['qemu-nbd'] + args, executable=program, cwd=cwd,
                         capture_output=True, text=True, timeout=30,
                         stdin=subprocess.DEVNULL, check=False, **kwargs)
    return res.returncode, res.stdout, res.stderr


def activated(listener, program, words, cwd, want_fd):
    """The Popen of @program with @listener as descriptor 3."""
    env = dict(os.environ, LISTEN_FDS='1')
    script = 'LISTEN_PID=$$ exec "$0" "$@"'
    if not want_fd:
        script = 'exec 3<&-; ' + script

    def become_3():
        os.dup2(listener.fileno(), 3)
        os.set_inheritable(3, True)  # also if it was that before

    return subprocess.Popen(['bash', '-c', script, program] + words, cwd=cwd,
                            env=env, preexec_fn=become_3, close_fds=False,
                            stdin=subprocess.DEVNULL, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_lines(ours, theirs, tmpdir):
    different = []
    for words in LINES:
        a, b = (run(p, words, tmpdir) for p in (ours, theirs))
        if a != b:
            different.append((' '.join(words)[:100], a, b))
    with socket.socket() as listener:
        for words in ACTIVATED:
            for want_fd in (True, False):
                res = []
                for program in (ours, theirs):
                    p = activated(listener, program, words, tmpdir, want_fd)
                    out, err = p.communicate(timeout=20)
                    res.append((p.returncode, out, err))
                if res[0] != res[1]:
                    different.append((words, want_fd) + tuple(res))
    assert not different, different


def test_activation(ours, tmpdir):
    path = os.path.join(tmpdir, 'activated.sock')
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(5)
        p = activated(listener, ours, ['-f', 'raw', 'a.raw'], tmpdir, True)
        with Wire(path) as w:
            w.go()
        assert p.wait(timeout=20) == 0  # with its only client
        p.communicate()
    assert os.path.exists(path)  # is not ours to remove


def test_last_client(ours, tmpdir):
    """Without -t the end comes with the last client who chose the export."""
    with Server(ours, tmpdir, '-f', 'raw', 'a.raw') as s:
        with Wire(s.path) as w:
            w.option(3)
        fd = os.pidfd_open(s.pid)
        with Wire(s.path) as w:
            w.go()
        import select
        assert select.select([fd], [], [], 20)[0]
        os.close(fd)
        assert not os.path.exists(s.path)


def test_shared(ours, tmpdir):
    """-e 2: the third has to wait until one has left."""
    with Server(ours, tmpdir, '-t', '-e', '2', '-f', 'raw', 'a.raw') as s:
        first, second = Wire(s.path), Wire(s.path)
        third = socket.socket(socket.AF_UNIX)
        third.connect(s.path)
        third.settimeout(0.2)
        try:
            assert not third.recv(18)
        except TimeoutError:
            pass
        first.sock.close()
        third.settimeout(10)
        assert third.recv(18).startswith(b'NBDMAGIC')
        third.close()
        second.sock.close()


def test_signal(ours, tmpdir):
    """Killed while clients are busy: everything ends in good order."""
    with Server(ours, tmpdir, '-t', '-e', '0', '-f', 'raw', 'a.raw') as s:
        wires = [Wire(s.path) for _ in range(4)]
        for w in wires[:3]:
            w.go()
            for i in range(50):
                w.request(0, i % 2, 4096 * i, 4096,
                          payload=b'x' * 4096 * (i % 2))
        fd = os.pidfd_open(s.pid)
        os.kill(s.pid, signal.SIGTERM)
        import select
        assert select.select([fd], [], [], 20)[0]
        os.close(fd)
        for w in wires:
            w.sock.close()
        assert not os.path.exists(s.path)


def test_offset(ours, tmpdir):
    with Server(ours, tmpdir, '-o', '1048576', '-f', 'raw', 'a.raw') as s:
        with Wire(s.path) as w:
            replies = dict((d[:2], d) for k, d in w.go() if k == 3)
            size, = struct.unpack('>Q', replies[b'\0\0'][2:10])
            assert size == 3 << 20
            w.request(0, 0, 0, 8)
            assert w.replies(8)[0][3] == b'offset!!'


def main():
    ours = os.path.abspath(sys.argv[1])
    theirs = shutil.which('qemu-nbd')
    tap = Tap()
    with tempfile.TemporaryDirectory(prefix='test-nbd-') as tmpdir:
        os.chdir(tmpdir)
        with open('a.raw', 'wb') as f:
            f.seek(1 << 20)
            f.write(b'offset!!')
            f.truncate(4 << 20)
        qemu_img = shutil.which('qemu-img')
        if theirs and qemu_img:
            subprocess.run([qemu_img, 'create', '-q', '-f', 'qcow2', 'q.qcow2',
                            '1M'], check=True)
            tap.run('lines', test_lines, ours, theirs, tmpdir)
        else:
            tap.skip('lines', "QEMU's programs are not installed")
        for func in (test_activation, test_last_client, test_shared,
                     test_signal, test_offset):
            tap.run(func.__name__[5:], func, ours, tmpdir)
        os.chdir('/')
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())
