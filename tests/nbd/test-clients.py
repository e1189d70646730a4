#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Real NBD clients on our qemu-nbd: nbdinfo, nbdcopy, nbdsh, fio, QEMU's
programs; plain and with TLS. What they read and write is compared byte by byte.

    test-clients.py QEMU-NBD
"""

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile

from nbd_wire import Server, Tap

SIZE = 32 << 20


def run(*args, **kwargs):
    res = subprocess.run(args, capture_output=True, timeout=60, check=False,
                         **kwargs)
    assert res.returncode == 0, (args[0], res.stderr[-500:])
    return res.stdout


def qemu(name):
    """QEMU's @name."""
    return os.path.join('/usr/bin', name)


def make_image(path):
    """Data, zeroes and holes."""
    rnd = random.Random(4)
    with open(path, 'wb') as f:
        f.truncate(SIZE)
        for _ in range(12):
            f.seek(rnd.randrange(SIZE >> 16) << 16)
            f.write(rnd.randbytes(3 << 16) if rnd.random() < .8
                    else bytes(1 << 16))
        f.truncate(SIZE)
    return path


def read(path):
    with open(path, 'rb') as f:
        return f.read()


class Clients:
    def __init__(self, program, tmpdir):
        self.program, self.dir = program, tmpdir
        self.image = make_image(self.path('a.raw'))

    def path(self, name):
        return os.path.join(self.dir, name)

    def server(self, *args):
        return Server(self.program, self.dir, '-t', '-e', '0', *args)

    def test_nbdinfo(self):
        with self.server('-f', 'raw', '-D', 'a disk', self.image) as s:
            # It puts what file(1) says of random bytes in there as it is
            out = json.loads(run('nbdinfo', '--json', s.uri)
                             .decode(errors='replace'))
            e, = out['exports']
            assert e['export-size'] == SIZE and e['can_multi_conn'], e
            assert e['description'] == 'a disk', e
            extents = json.loads(run('nbdinfo', '--map', '--json', s.uri))
            assert sum(x['length'] for x in extents) == SIZE
            data = read(self.image)
            for x in extents:
                if x['type'] & 2:  # says that it reads as zeroes
                    part = data[x['offset']:x['offset'] + x['length']]
                    assert not part.strip(b'\0'), x

    def test_nbdcopy(self):
        out = self.path('out.raw')
        with self.server('-f', 'raw', self.image) as s:
            run('nbdcopy', s.uri, out)
            assert read(out) == read(self.image)
            os.unlink(out)
        target = self.path('b.raw')
        with open(target, 'wb') as f:
            f.write(b'x' * SIZE)
        with self.server('-f', 'raw', target) as s:
            run('nbdcopy', '--flush', self.image, s.uri)
        assert read(target) == read(self.image)

    def test_nbdsh(self):
        script = '''
import random
rnd = random.Random(5)
model = bytearray(h.pread(h.get_size(), 0))
for i in range(300):
    unit = h.get_block_size(nbd.SIZE_MINIMUM) or 1
    off = rnd.randrange(h.get_size() - 70000) // unit * unit
    n = rnd.randrange(unit, 70000) // unit * unit
    kind = rnd.randrange(4)
    flags = nbd.CMD_FLAG_FUA if rnd.random() < .1 else 0
    if kind == 0:
        buf = rnd.randbytes(n)
        h.pwrite(buf, off, flags=flags)
        model[off:off + n] = buf
    elif kind == 1:
        h.zero(n, off, flags=flags | rnd.choice([0, nbd.CMD_FLAG_NO_HOLE]))
        model[off:off + n] = bytes(n)
    elif kind == 2:
        h.cache(n, off)
        h.flush()
    assert h.pread(n, off) == model[off:off + n], (i, kind, off, n)
extents = []
h.block_status(h.get_size(), 0,
               lambda m, off, e, err: extents.extend(e) if m ==
               nbd.CONTEXT_BASE_ALLOCATION else None)
assert sum(extents[::2]) == h.get_size(), extents
try:
    h.pread(1, h.get_size())
    assert False
except nbd.Error as e:
    pass
open(%r, 'wb').write(model)
'''
        image, model = self.path('c.raw'), self.path('model')
        for args in (['-f', 'raw'], ['-f', 'raw', '--cache=none'],
                     ['-f', 'qcow2', '--discard=unmap']):
            shutil.copyfile(self.image, image)
            if 'qcow2' in args:
                run(qemu('qemu-img'), 'convert', '-O', 'qcow2', self.image,
                    image)
            with self.server(*args, image) as s:
                # The library's module belongs to the system's Python
                env = dict(os.environ, PATH='/usr/bin:' + os.environ['PATH'])
                run('nbdsh', '--base-allocation', '-u', s.uri, '-c',
                    script % model, env=env)
            if 'qcow2' in args:
                run(qemu('qemu-img'), 'check', '-q', image)
                run(qemu('qemu-img'), 'compare', image, model)
            else:
                assert read(image) == read(model), args

    def test_fio(self):
        image = self.path('fio.raw')
        shutil.copyfile(self.image, image)
        with self.server('-f', 'raw', image) as s:
            run('fio', '--name=v', '--ioengine=nbd', '--uri=' + s.uri,
                '--rw=randwrite', '--bs=4k', '--iodepth=32',
                f'--size={SIZE}', '--verify=crc32c', cwd=self.dir)

    def test_qemu(self):
        """QEMU's qemu-img, qemu-io and qemu-nbd as clients of ours."""
        image = self.path('q.qcow2')
        out = self.path('out.raw')
        run(qemu('qemu-img'), 'convert', '-O', 'qcow2', self.image, image)
        run(qemu('qemu-img'), 'bitmap', '--add', image, 'b0')
        with self.server('-f', 'qcow2', '-B', 'b0', '-A', '-x', 'x y',
                         image) as s:
            uri = s.uri.replace('///', '///x%20y')
            run(qemu('qemu-io'), '-f', 'raw', '-c', 'write -P 7 1M 64k', '-c',
                'write -z 2M 1M', '-c', 'discard 4M 1M', '-c', 'flush', '-c',
                'read -P 7 1M 64k', '-c', 'read -P 0 2M 1M', uri)
            run(qemu('qemu-img'), 'convert', '-n' if os.path.exists(out)
                else '-p', '-f', 'raw', '-O', 'raw', uri, out)
            listed = run(qemu('qemu-nbd'), '-L', '-k', s.path).decode()
            assert "export: 'x y'" in listed, listed
            assert 'qemu:dirty-bitmap:b0' in listed, listed
            opts = ('driver=nbd,server.type=unix,server.path=' + s.path +
                    ',export=x y,x-dirty-bitmap=qemu:dirty-bitmap:b0')
            dirty = json.loads(run(qemu('qemu-img'), 'map', '--output=json',
                                   '--image-opts', opts))
            dirty = [(d['start'], d['length']) for d in dirty
                     if not d['data']]
            assert dirty[0] == (1 << 20, 1 << 16), dirty
        run(qemu('qemu-img'), 'compare', '-f', 'qcow2', '-F', 'raw', image, out)

    def test_list(self):
        """Our qemu-nbd -L on QEMU's server says what QEMU's says."""
        theirs = qemu('qemu-nbd')
        with Server(theirs, self.dir, '-t', '-e', '3', '-D', 'x', '-f', 'raw',
                    '-r', self.image) as s:
            assert (run(self.program, '-L', '-k', s.path) ==
                    run(theirs, '-L', '-k', s.path))

    def test_psk(self):
        keys = self.path('psk')
        os.mkdir(keys)
        run('psktool', '-u', 'alice', '-p', keys + '/keys.psk')
        creds = f'tls-creds-psk,id=t,endpoint=server,dir={keys}'
        with self.server('--object', creds, '--tls-creds=t', '-f', 'raw',
                         self.image) as s:
            uri = (s.uri.replace('nbd+', 'nbds+').replace('///', '//alice@/') +
                   f'&tls-psk-file={keys}/keys.psk')
            out = self.path('out.raw')
            run('nbdcopy', uri, out)
            assert read(out) == read(self.image)
            res = subprocess.run(['nbdinfo', s.uri], capture_output=True,
                                 check=False, timeout=20)
            assert res.returncode, res
            client = f'tls-creds-psk,id=t,endpoint=client,dir={keys}'
            for program in (self.program, qemu('qemu-nbd')):
                out = run(program, '-L', '-k', s.path, '--tls-creds=t',
                          '--object', client + ',username=alice')
                assert b'exports available: 1' in out, out

    def test_x509(self):
        pki = self.path('pki')
        make_pki(pki)
        creds = f'tls-creds-x509,id=t,endpoint=server,dir={pki}/server'
        authz = 'authz-list,id=z,policy=deny,rules.0.match=*CN=good*,' \
                'rules.0.policy=allow,rules.0.format=glob'
        with self.server('--object', creds, '--tls-creds=t', '--object', authz,
                         '--tls-authz=z', '-f', 'raw', self.image) as s:
            uri = s.uri.replace('nbd+', 'nbds+')
            uri += f'&tls-certificates={pki}/'
            out = self.path('out.raw')
            # The certificate's name is checked against what connects: there is
            # none on a Unix socket but "localhost"
            run('nbdcopy', uri.replace('//', '//localhost', 1)
                .replace('localhost/', '/') + 'good', out)
            assert read(out) == read(self.image)
            res = subprocess.run(['nbdinfo', uri + 'bad'], capture_output=True,
                                 check=False, timeout=20)
            assert res.returncode, res
            client = f'tls-creds-x509,id=t,endpoint=client,dir={pki}/'
            for program in (self.program, qemu('qemu-nbd')):
                args = [program, '-L', '-k', s.path, '--tls-creds=t',
                        '--tls-hostname=localhost', '--object']
                assert b'exports available: 1' in run(*args, client + 'good')
                res = subprocess.run(args + [client + 'bad'], check=False,
                                     capture_output=True, timeout=20)
                assert res.returncode, res


def make_pki(pki):
    """A CA, a server, and a client whom the rules let in and one whom not."""
    os.mkdir(pki)
    ca_key = pki + '/ca-key.pem'
    run('certtool', '--generate-privkey', '--ecc', '--outfile', ca_key)
    template = pki + '/template'
    with open(template, 'w', encoding='ascii') as f:
        f.write('cn = test CA\nca\ncert_signing_key\n')
    ca = pki + '/ca-cert.pem'
    run('certtool', '--generate-self-signed', '--load-privkey', ca_key,
        '--template', template, '--outfile', ca)
    for name, kind in (('server', 'server'), ('good', 'client'),
                       ('bad', 'client')):
        os.mkdir(f'{pki}/{name}')
        shutil.copyfile(ca, f'{pki}/{name}/ca-cert.pem')
        key = f'{pki}/{name}/{kind}-key.pem'
        run('certtool', '--generate-privkey', '--rsa', '--bits', '2048',
            '--outfile', key)
        with open(template, 'w', encoding='ascii') as f:
            f.write(f'cn = {name}\ndns_name = localhost\ntls_www_{kind}\n'
                    'signing_key\nencryption_key\n')
        run('certtool', '--generate-certificate', '--load-privkey', key,
            '--load-ca-certificate', ca, '--load-ca-privkey', ca_key,
            '--template', template, '--outfile',
            f'{pki}/{name}/{kind}-cert.pem')


NEEDS = {
    'nbdinfo': ['nbdinfo'], 'nbdcopy': ['nbdcopy'],
    'nbdsh': ['nbdsh', 'qemu-img'], 'fio': ['fio'],
    'qemu': ['qemu-img', 'qemu-io', 'qemu-nbd'], 'list': ['qemu-nbd'],
    'psk': ['psktool', 'nbdcopy', 'qemu-nbd'],
    'x509': ['certtool', 'nbdcopy', 'qemu-nbd'],
}


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory(prefix='test-nbd-') as tmpdir:
        clients = Clients(os.path.abspath(sys.argv[1]), tmpdir)
        for name, needs in NEEDS.items():
            missing = [n for n in needs if not shutil.which(n)]
            if missing:
                tap.skip(name, 'not installed: ' + ', '.join(missing))
            else:
                tap.run(name, getattr(clients, 'test_' + name))
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())
