#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The nbd driver, seen through qemu-img and qemu-io.

    test-nbd-client.py QEMU-IMG QEMU-IO [WORD]

Messages are those of QEMU's programs; content goes to and comes from QEMU's
qemu-nbd and nbdkit byte by byte; servers that break the protocol get an error
and neither crash nor hang us; a server that is killed and comes back loses no
request.
"""

import json
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

import nbd_fake as fake
from nbd_fake import FakeServer, chunk, ext_chunk, opt_reply, simple

IMG, IO = (os.path.abspath(p) for p in sys.argv[1:3])
ONLY = sys.argv[3] if len(sys.argv) > 3 else ''
MIB = 1 << 20
count, failed = 0, False


def report(ok, name, text=''):
    global count, failed
    count += 1
    failed |= ok is False
    if ok is None:
        print(f'ok {count} - {name} # SKIP {text}')
        return
    print(f"{'ok' if ok else 'not ok'} {count} - {name}", flush=True)
    if not ok:
        print(''.join(f'# {line}\n' for line in str(text).splitlines()), end='')


def run(args, cwd, timeout=60):
    res = subprocess.run(args, cwd=cwd, capture_output=True, text=True,
                         timeout=timeout, check=False)
    return res.returncode, res.stdout, res.stderr


def wait_for(condition, what, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(what)
        time.sleep(0.01)


def listening(path):
    with socket.socket(socket.AF_UNIX) as s:
        try:
            s.connect(path)
        except OSError:
            return False
    return True


class Server:
    """A process that listens on a socket in its directory."""

    def __init__(self, args, path, cwd):
        if os.path.exists(path):
            os.unlink(path)
        self.proc = subprocess.Popen(args, cwd=cwd, stdout=subprocess.DEVNULL,
                                     stderr=subprocess.DEVNULL)
        wait_for(lambda: listening(path), 'the server')

    def kill(self, sig=signal.SIGTERM):
        self.proc.send_signal(sig)
        self.proc.wait(20)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.proc.poll() is None:
            self.kill()


def uri(path, export='exp'):
    return f'nbd+unix:///{export}?socket={path}'


# --- messages ---------------------------------------------------------------

def js(**options):
    return 'json:' + json.dumps(dict(options, driver='nbd'))


def raw_js(**options):
    """The same below raw, for programs that would probe or were told -f raw."""
    return 'json:' + json.dumps({'driver': 'raw',
                                 'file': dict(options, driver='nbd')})


NAMES = [
    'nbd:unix:S', 'nbd:unix:S:exportname=foo', 'nbd:unix:S:exportname=exp',
    'nbd+unix:///exp?socket=S', 'nbd+unix:///foo?socket=S', 'nbd:unix:none',
    'nbd://localhost:1/x', 'nbd:localhost:1:exportname=x', 'nbd+unix://?socket=',
    'nbd+tcp://localhost:1/', 'nbd:', 'nbd:foo', 'nbd:unix:', 'nbd:a:b:c',
    'nbd+unix:///exp?socket=S&foo=1', 'nbd+foo:///exp',
    'nbds://localhost/x', 'nbd://h:99999/x', 'nbd:///x', 'nbd://h/x?y=z',
    'nbd+unix://host/exp?socket=S',
    js(), js(server={'type': 'unix'}), js(server={'type': 'foo', 'path': 'x'}),
    js(server={'type': 'unix', 'path': 'S', 'x': '1'}),
    js(path='S', export='exp'), js(path='S', export='exp', host='x'),
    js(path='S', port='1'), js(port='1'),
    js(path='S', server={'type': 'unix', 'path': 'S'}),
    js(path='S', export='exp', **{'tls-creds': 'x'}),
    js(path='S', export='exp', **{'tls-hostname': 'x'}),
    js(path='S', export='exp', **{'x-dirty-bitmap': 'qemu:dirty-bitmap:foo'}),
    js(path='S', export='exp', **{'x-dirty-bitmap': 'y' * 5000}),
    js(path='S', export='e' * 5000), js(path='S', export='exp', foo='x'),
    js(path='S', export='exp', **{'reconnect-delay': 3, 'open-timeout': 2}),
    js(path='S', export='exp', **{'reconnect-delay': 'x'}),
    js(path='none', **{'open-timeout': 1}),
    js(**{'server.type': 'inet', 'server.host': 'localhost',
          'server.port': '1'}),
    js(host='localhost', port='1', export='y'),
]


def test_messages(tmp):
    oracle, nbd = shutil.which('qemu-img'), shutil.which('qemu-nbd')
    if not oracle or not nbd:
        return report(None, 'messages', "QEMU's programs are not installed")
    path = os.path.join(tmp, 's')
    with open(os.path.join(tmp, 'a.raw'), 'wb') as f:
        f.truncate(10 * MIB)
    with Server([nbd, '-f', 'raw', '-k', path, '-x', 'exp', '-t', '-e', '4',
                 'a.raw'], path, tmp):
        for name in NAMES:
            name = name.replace('=S', '=' + path).replace(
                ':S', ':' + path).replace('"S"', json.dumps(path))
            a, b = ([p, 'info', name] for p in (oracle, IMG))
            want, got = run(a, tmp), run(b, tmp)
            report(want == got, 'info ' + name[:70],
                   f'QEMU: {want}\nhere: {got}')
        for args in (['resize', '-f', 'raw', 'U', '20M'],
                     ['resize', '--shrink', '-f', 'raw', 'U', '5M'],
                     ['create', '-f', 'raw', 'U', '20M'],
                     ['create', '-f', 'raw', 'U', '10M'],
                     ['measure', '-O', 'qcow2', '-f', 'raw', 'U'],
                     ['map', '--output=json', '-f', 'raw', 'U']):
            args = [uri(path) if a == 'U' else a for a in args]
            want, got = run([oracle] + args, tmp), run([IMG] + args, tmp)
            report(want == got, ' '.join(args[:4]),
                   f'QEMU: {want}\nhere: {got}')
    with Server([nbd, '-r', '-f', 'raw', '-k', path, '-x', 'exp', '-t', 'a.raw'],
                path, tmp):
        args = ['-f', 'raw', '-c', 'write 0 512', uri(path)]
        oracle_io = shutil.which('qemu-io')
        want, got = run([oracle_io] + args, tmp), run([IO] + args, tmp)
        report(want == got, 'write to a read-only export',
               f'QEMU: {want}\nhere: {got}')


def test_tls(tmp):
    """Pre-shared keys; what is said when the ends do not fit together."""
    oracle, nbd = shutil.which('qemu-img'), shutil.which('qemu-nbd')
    if not oracle or not nbd:
        return report(None, 'TLS', "QEMU's programs are not installed")
    path = os.path.join(tmp, 's')
    for name, key in ('good', 'ab' * 32), ('bad', 'cd' * 32):
        os.mkdir(os.path.join(tmp, name))
        with open(os.path.join(tmp, name, 'keys.psk'), 'w',
                  encoding='ascii') as f:
            f.write(f'qemu:{key}\n')
    with open(os.path.join(tmp, 'a.raw'), 'wb') as f:
        f.write(os.urandom(MIB))

    def creds(directory, endpoint='client'):
        return ['--object', f'tls-creds-psk,id=t,endpoint={endpoint},'
                f'dir={os.path.join(tmp, directory)}']

    plain = f'driver=nbd,path={path},export=exp'
    cases = [('the right key', creds('good'), plain + ',tls-creds=t'),
             ('another key', creds('bad'), plain + ',tls-creds=t'),
             ('no TLS', [], plain),
             ('keys of the other end', creds('good', 'server'),
              plain + ',tls-creds=t'),
             ('no such object', [], plain + ',tls-creds=t')]
    server = [nbd, '-f', 'raw', '-k', path, '-x', 'exp', '-t', 'a.raw']
    for label, more in ('with', creds('good', 'server') +
                        ['--tls-creds', 't']), ('without', []):
        with Server(server + more, path, tmp):
            for name, objects, opts in cases:
                args = ['info'] + objects + ['--image-opts', opts]
                want, got = run([oracle] + args, tmp), run([IMG] + args, tmp)
                report(want == got, f'TLS: server {label}: {name}',
                       f'QEMU: {want}\nhere: {got}')
            if more:
                res = run([IMG, 'convert'] + creds('good') +
                          ['--image-opts', plain + ',tls-creds=t', '-O', 'raw',
                           'out.raw'], tmp)
                with open(os.path.join(tmp, 'a.raw'), 'rb') as a, \
                        open(os.path.join(tmp, 'out.raw'), 'rb') as b:
                    report(a.read() == b.read(), 'TLS: content', res)


# --- content ----------------------------------------------------------------

def content_through(tmp, server_args, label):
    """Random writes, zeroes and discards by qemu-io, all in one session."""
    rng = random.Random(label)
    path, disk = os.path.join(tmp, 's'), os.path.join(tmp, 'd.raw')
    size = 8 * MIB
    model = bytearray(size)
    with open(disk, 'wb') as f:
        f.truncate(size)
    commands = []
    for i in range(150):
        off = rng.randrange(0, size - 4096)
        length = min(rng.choice([1, 512, 4096, 70000, 1 << 20]), size - off)
        kind = rng.choice(['write', 'write', 'aio_write', 'read', 'write -z',
                           'write -f', 'write -z -u'])
        pattern = i % 255 + 1
        if 'aio' in kind:
            commands += [f'{kind} -q -P {pattern} {off} {length}', 'aio_flush']
        elif kind == 'read':
            commands.append(f'read -q {off} {length}')
        elif '-z' in kind:
            commands.append(f'{kind} -q {off} {length}')
            pattern = 0
        else:
            commands.append(f'{kind} -q -P {pattern} {off} {length}')
        if kind != 'read':
            model[off:off + length] = bytes([pattern]) * length
    commands.append('flush')
    with Server(server_args, path, tmp):
        args = [IO, '-f', 'raw']
        for c in commands:
            args += ['-c', c]
        res = run(args + [uri(path, '')], tmp)
        out = os.path.join(tmp, 'out.raw')
        back = run([IMG, 'convert', '-f', 'raw', '-O', 'raw', uri(path, ''), out],
                   tmp)
    with open(disk, 'rb') as f:
        stored = f.read()
    with open(out, 'rb') as f:
        read = f.read()
    report(res == (0, '', '') and back == (0, '', '') and stored == model and
           read == model, f'content: {label}',
           f'{res} {back} stored: {stored == model} read: {read == model}')


def test_content(tmp):
    path = os.path.join(tmp, 's')
    servers = [
        ('qemu-nbd', ['-f', 'raw', '-k', path, '-t', '-e', '4',
                      '--discard=unmap', 'd.raw']),
        ('nbdkit', ['-f', '-U', path, 'file', 'd.raw']),
        ('nbdkit', ['-f', '--no-sr', '-U', path, 'file', 'd.raw']),
        ('nbdkit', ['-f', '-U', path, '--filter=blocksize-policy', 'file',
                    'd.raw', 'blocksize-minimum=4096',
                    'blocksize-preferred=65536', 'blocksize-maximum=262144',
                    'blocksize-error-policy=error']),
        ('nbdkit', ['-f', '-n', '-U', path, '--filter=delay', 'file', 'd.raw',
                    'rdelay=1ms']),
    ]
    for program, args in servers:
        label = ' '.join([program] + [a for a in args if a != path])
        if not shutil.which(program):
            report(None, f'content: {label}', f'{program} is not installed')
        else:
            content_through(tmp, [program] + args, label)


# --- servers that break the protocol ----------------------------------------

def hostile(tmp, name, command='read 0 4096', expect=1, **how):
    """qemu-io must fail (or not), in time, without a signal."""
    path = os.path.join(tmp, 'h')
    server = FakeServer(path, **how)
    try:
        res = run([IO, '-f', 'raw', '-c', command, uri(path)], tmp, timeout=20)
        ok = res[0] == expect and 'Sanitizer' not in res[2]
    except subprocess.TimeoutExpired as e:
        ok, res = False, e
    server.close()
    report(ok, 'hostile: ' + name, res)


def data_chunk(req, offset=None, data=None, **more):
    offset = req.offset if offset is None else offset
    data = bytes(req.length) if data is None else data
    return chunk(req.cookie, 1, struct.pack('>Q', offset) + data, **more)


def gone(*_):
    raise fake.Gone


def only(kind, answer):
    """Everything else is answered well."""
    return lambda server, req: answer(req) if req.kind == kind else None


def test_handshake(tmp):
    magic = struct.pack('>QQH', 0x4e42444d41474943, 0x49484156454f5054, 3)
    go, info, ack = fake.OPT_GO, fake.REP_INFO, fake.REP_ACK
    export = opt_reply(go, info, struct.pack('>HQH', 0, MIB, 1))
    blocks = lambda *b: export + opt_reply(
        go, info, struct.pack('>HIII', 3, *b)) + opt_reply(go, ack)
    for name, greeting in [
            ('nothing', b''), ('half a magic', magic[:5]),
            ('bad magic', b'X' * 18), ('bad second magic', magic[:8] + b'Y' * 10),
            ('no flags', magic[:16]),
            ('oldstyle with a name', magic[:8] + struct.pack('>QQI124x',
                                     0x420281861253, MIB, 1))]:
        hostile(tmp, name, greeting=greeting)
    ext = fake.OPT_EXTENDED
    for name, options in [
            ('wrong option', {ext: opt_reply(99, ack)}),
            ('wrong reply magic', {ext: b'Z' * 20}),
            ('an ACK with data', {ext: opt_reply(ext, ack, b'1234')}),
            ('an endless error', {ext: struct.pack(
                '>QIII', 0x3e889045565a9, ext, 0x80000001, 0xffffffff)}),
            ('an info of 1 byte', {go: opt_reply(go, info, b'1')}),
            ('an info of 4 GiB', {go: struct.pack(
                '>QIII', 0x3e889045565a9, go, info, 0xffffffff) + b'\0\0'}),
            ('ACK without info', {go: opt_reply(go, ack)}),
            ('blocks of 3', {go: blocks(3, 4096, 1 << 25)}),
            ('blocks of 0', {go: blocks(0, 4096, 1 << 25)}),
            ('preferred below minimum', {go: blocks(4096, 512, 1 << 25)}),
            ('maximum below minimum', {go: blocks(4096, 4096, 512)}),
            ('size is no block', {go: opt_reply(go, info, struct.pack(
                '>HQH', 0, MIB + 1, 1)) + blocks(512, 4096, 1 << 25)[30:]}),
            ('another context', {fake.OPT_SET_META: opt_reply(
                10, 4, b'\0\0\0\1base:foo') + opt_reply(10, ack)}),
            ('an empty context', {fake.OPT_SET_META: opt_reply(
                10, 4, b'\0\0\0\1')}),
            ('two contexts', {fake.OPT_SET_META: 2 * opt_reply(
                10, 4, b'\0\0\0\1base:allocation') + opt_reply(10, ack)})]:
        hostile(tmp, name, options=options)
    hostile(tmp, '8 EiB', size=(1 << 64) - 512, blocks=None)


def test_replies(tmp):
    read, status, write = fake.READ, fake.STATUS, fake.WRITE
    cases = [
        ('gone at once', gone),
        ('wrong magic', only(read, lambda r: b'J' * 64)),
        ('unknown cookie', only(read, lambda r: chunk(r.cookie ^ 1 << 40, 0))),
        ('simple reply to a read', only(read, lambda r: simple(
            r.cookie, 0, bytes(r.length)))),
        ('extended head', only(read, lambda r: ext_chunk(r.cookie, 0))),
        ('data before the request', only(read, lambda r: data_chunk(
            r, offset=r.offset - 4096 & (1 << 64) - 1))),
        ('data behind the request', only(read, lambda r: data_chunk(
            r, offset=r.offset + 1))),
        ('too much data', only(read, lambda r: data_chunk(
            r, data=bytes(r.length + 512)))),
        ('data of no bytes', only(read, lambda r: data_chunk(r, data=b''))),
        ('data of 4 GiB', only(read, lambda r: data_chunk(
            r, length=0xffffffff))),
        ('only a part', only(read, lambda r: data_chunk(
            r, data=bytes(r.length // 2)))),
        ('done without data', only(read, lambda r: chunk(r.cookie, 0))),
        ('none with data', only(read, lambda r: chunk(r.cookie, 0, b'1234'))),
        ('none and not done', only(read, lambda r: chunk(r.cookie, 0, flags=0))),
        ('a hole of the wrong length', only(read, lambda r: chunk(
            r.cookie, 2, bytes(11)))),
        ('a hole too large', only(read, lambda r: chunk(
            r.cookie, 2, struct.pack('>QI', r.offset, 0xffffffff)))),
        ('error 0', only(read, lambda r: chunk(
            r.cookie, 0x8001, struct.pack('>IH', 0, 0)))),
        ('error of 3 bytes', only(read, lambda r: chunk(
            r.cookie, 0x8001, b'123'))),
        ('error of 4 GiB', only(read, lambda r: chunk(
            r.cookie, 0x8001, struct.pack('>IH', 5, 0), length=0xffffffff))),
        ('unknown chunk', only(read, lambda r: chunk(r.cookie, 77, b'12'))),
        ('extents for a read', only(read, lambda r: chunk(
            r.cookie, 5, struct.pack('>III', 5, 4096, 0)))),
        ('half a head', only(read, lambda r: chunk(r.cookie, 0)[:9] + fake.CLOSE)),
    ]
    for name, answer in cases:
        hostile(tmp, name, answer=answer)
    hostile(tmp, 'data for a write', 'write 0 4096', answer=only(
        write, lambda r: data_chunk(r)))
    for name, data in [('another context id', struct.pack('>III', 6, 4096, 0)),
                       ('an extent of 0', struct.pack('>III', 5, 0, 0)),
                       ('no extent', struct.pack('>I', 5)),
                       ('an odd length', struct.pack('>III', 5, 4096, 0) + b'1'),
                       ('64-bit extents', None)]:
        hostile(tmp, 'block status: ' + name, 'map', answer=only(
            status, lambda r, d=data: chunk(r.cookie, 6, struct.pack(
                '>IIQQ', 5, 1, 4096, 0)) if d is None else chunk(
                r.cookie, 5, d)))
    for mode in 'simple', 'structured', 'extended':
        hostile(tmp, f'none at all ({mode})', 'write -P 3 4096 8192', expect=0,
                mode=mode)
        hostile(tmp, f'the server says EIO ({mode})', answer=only(
            read, lambda r, m=mode: simple(r.cookie, 5) if m == 'simple' else
            (chunk if m == 'structured' else ext_chunk)(
                r.cookie, 0x8001, struct.pack('>IH', 5, 3) + b'no!')), mode=mode)


# --- servers that go away and come back ---------------------------------------

def test_reconnect(tmp):
    """A server that dies in the middle of writes, and its successor."""
    path = os.path.join(tmp, 'r')
    image = raw_js(path=path, **{'reconnect-delay': 30})
    seen = {'writes': 0}

    def die(server, req):
        seen['writes'] += req.kind == fake.WRITE
        if req.kind == fake.WRITE and seen['writes'] in (5, 20):
            raise fake.Gone
        return None

    server = FakeServer(path, answer=die)
    args = [IO]
    for i in range(40):
        args += ['-c', f'aio_write -q -P {i + 1} {i * 4096} 4096']
    args += ['-c', 'aio_flush', '-c', 'flush']
    res = run(args + [image], tmp)
    want = b''.join(bytes([i + 1]) * 4096 for i in range(40))
    report(res[0] == 0 and bytes(server.disk[:len(want)]) == want,
           'reconnect: lost twice, every write arrives', res)
    server.close()

    server = FakeServer(path, answer=die)
    seen['writes'] = 4
    res = run([IO, '-c', 'write 0 4096', raw_js(path=path)], tmp)
    report(res[0] == 1 and 'write failed: Input/output error' in res[1] + res[2],
           'reconnect: without a delay the request fails', res)
    server.close()

    # Another size is another disk: no request may reach it
    def grow(srv, req):
        seen['other'] = srv.size != MIB
        srv.size = 2 * MIB
        raise fake.Gone

    server = FakeServer(path, answer=grow)
    args = [IO, '-c', 'write 0 4096', raw_js(path=path, **{'reconnect-delay': 2})]
    res = run(args, tmp)
    report(res[0] == 1 and 'Input/output error' in res[1] + res[2] and
           not seen['other'], 'reconnect: not to an export of another size', res)
    server.close()

    # One that never answers does not keep us busy for ever
    server = FakeServer(path, answer=gone)
    res = run(args, tmp)
    report(res[0] == 1 and 'Input/output error' in res[1] + res[2],
           'reconnect: a server that never answers', res)
    server.close()


def test_kill(tmp):
    """kill -9 of QEMU's server under load; its successor has every write."""
    nbd = shutil.which('qemu-nbd')
    if not nbd:
        return report(None, 'kill -9', 'qemu-nbd is not installed')
    path, disk = os.path.join(tmp, 'k'), os.path.join(tmp, 'k.raw')
    with open(disk, 'wb') as f:
        f.truncate(64 * MIB)
    args = [nbd, '-f', 'raw', '-k', path, '-t', '-e', '4', disk]
    server = Server(args, path, tmp)
    rng = random.Random(1)
    places = rng.sample(range(16384), 3000)
    commands = ''.join(f'aio_write -q -P {i % 255 + 1} {p * 4096} 4096\n'
                       for i, p in enumerate(places)) + 'aio_flush\nflush\n'
    proc = subprocess.Popen([IO, raw_js(path=path, **{'reconnect-delay': 30})],
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True, cwd=tmp)
    proc.stdin.write(commands[:len(commands) // 2])
    proc.stdin.flush()
    wait_for(lambda: os.stat(disk).st_blocks > 1000, 'half of the writes')
    server.kill(signal.SIGKILL)
    server = Server(args, path, tmp)
    out = proc.communicate(commands[len(commands) // 2:], timeout=60)[0]
    server.kill()
    with open(disk, 'rb') as f:
        stored = f.read()
    bad = [p for i, p in enumerate(places)
           if stored[p * 4096:p * 4096 + 4096] != bytes([i % 255 + 1]) * 4096]
    report(proc.returncode == 0 and not bad, 'kill -9 under load',
           f'{len(bad)} writes lost; {out[-300:]}')


def main():
    tests = [test_messages, test_tls, test_content, test_handshake, test_replies,
             test_reconnect, test_kill]
    for test in tests:
        if ONLY in test.__name__:
            with tempfile.TemporaryDirectory(prefix='test-nbd-') as tmp:
                test(tmp)
    print(f'1..{count}')
    sys.exit(failed)


if __name__ == '__main__':
    main()
