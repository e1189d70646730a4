#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""qemu-img convert -C: the target shows what the source does, and the kernel
has copied it (copy_file_range) where it can; else it was read and written.

    test-copy-range.py QEMU-IMG

Whether the system call was made is looked up with strace where there is one.
"""

import os
import random
import re
import shutil
import subprocess
import sys
import tempfile

MIB = 1 << 20
# arguments, source, is the kernel to copy (None: up to the first cluster that
# is compressed)?
CASES = [
    (['-f', 'raw', '-O', 'raw'], 'a.raw', True),
    (['-f', 'raw', '-O', 'raw', '-W', '-m', '16'], 'a.raw', True),
    (['-f', 'raw', '-O', 'raw', '-m', '1'], 'a.raw', True),
    (['-f', 'raw', '-O', 'raw', '-p'], 'a.raw', True),
    (['-f', 'raw', '-O', 'raw', '-r', '100M'], 'a.raw', True),
    (['-f', 'raw', '-O', 'raw', '-t', 'writethrough'], 'a.raw', False),
    (['-f', 'raw', '-O', 'raw'], 'odd.raw', True),
    (['-O', 'raw'], 'a.qcow2', True),
    (['-O', 'raw'], 'over.qcow2', True),
    (['-O', 'raw'], 'data.qcow2', True),
    (['-O', 'raw'], 'zlib.qcow2', None),
    (['-O', 'raw'], 'luks.qcow2', False),
    (['-f', 'raw', '-O', 'qcow2'], 'a.raw', False),
    (['-O', 'qcow2'], 'over.qcow2', False),
    (['-O', 'raw', '--image-opts'], 'driver=raw,file.driver=blkdebug,'
     'file.image.driver=file,file.image.filename=a.raw', False),
]
SECRET = ['--object', 'secret,id=k,data=x']


def make_sources(img, tmpdir):
    rng = random.Random(7)
    data = bytearray(9 * MIB)
    for begin, end in ((0, 70000), (3 * MIB - 5, 6 * MIB + 77),
                       (9 * MIB - 100, 9 * MIB)):
        data[begin:end] = rng.randbytes(end - begin)
    for name, length in (('a.raw', len(data)), ('odd.raw', 5 * MIB + 3)):
        with open(os.path.join(tmpdir, name), 'wb') as f:
            for pos in range(0, length, 4096):
                block = data[pos:min(pos + 4096, length)]
                if any(block):
                    f.seek(pos)
                    f.write(block)
            f.truncate(length)

    def run(*words):
        subprocess.run([img] + list(words), cwd=tmpdir, check=True)

    to = ('convert', '-f', 'raw', '-O', 'qcow2')
    run(*to, 'a.raw', 'a.qcow2')
    run(*to, '-c', 'a.raw', 'zlib.qcow2')
    run(*to, '-o', 'data_file=data.bin', 'a.raw', 'data.qcow2')
    run(*to, *SECRET, '-o', 'encrypt.format=luks,encrypt.key-secret=k,'
        'encrypt.iter-time=10', 'a.raw', 'luks.qcow2')
    run('create', '-q', '-f', 'qcow2', '-b', 'a.qcow2', '-F', 'qcow2',
        'over.qcow2')
    run('create', '-q', '-f', 'raw', 'zero.raw', '1M')
    run('convert', '-n', '-O', 'qcow2', '-f', 'raw', 'zero.raw', 'over.qcow2')
    data = bytes(data)
    return {'odd.raw': data[:5 * MIB + 3] + bytes(-(5 * MIB + 3) % 512),
            'over.qcow2': bytes(MIB) + data[MIB:]}, data


def can_trace(tmpdir):
    return shutil.which('strace') and subprocess.run(
        ['strace', '-f', '-o', 'trace', 'true'], cwd=tmpdir,
        stderr=subprocess.DEVNULL, check=False).returncode == 0


def copied(tmpdir):
    """The bytes that the kernel says it has copied."""
    with open(os.path.join(tmpdir, 'trace'), encoding='ascii') as f:
        calls = re.findall(r'copy_file_range.*= (\d+)$', f.read(), re.M)
    return sum(map(int, calls))


def run_case(img, case, expected, tmpdir, trace):
    args, source, offloads = case
    command = [img, 'convert', '-C'] + args
    if source == 'luks.qcow2':
        command += SECRET
        source = 'driver=qcow2,file.filename=luks.qcow2,encrypt.key-secret=k'
        command += ['--image-opts']
    if trace:
        command = ['strace', '-f', '-e', 'trace=copy_file_range', '-o',
                   'trace'] + command
    target = os.path.join(tmpdir, 'o')
    if os.path.exists(target):
        os.unlink(target)
    # A sanitizer's search for leaks wants to trace the process, too
    asan = os.environ.get('ASAN_OPTIONS', '') + ':detect_leaks=0'
    env = dict(os.environ, ASAN_OPTIONS=asan) if trace else None
    res = subprocess.run(command + [source, 'o'], cwd=tmpdir, timeout=60,
                         capture_output=True, check=False, env=env)
    if res.returncode:
        return 'status %d: %r' % (res.returncode, res.stderr)
    if trace and offloads not in (None, copied(tmpdir) > 0):
        return '%d bytes copied by the kernel' % copied(tmpdir)
    if 'qcow2' == args[args.index('-O') + 1]:
        subprocess.run([img, 'check', '-q', 'o'], cwd=tmpdir, check=True)
        subprocess.run([img, 'convert', '-O', 'raw', 'o', 'o.raw'], cwd=tmpdir,
                       check=True)
        target += '.raw'
    with open(target, 'rb') as f:
        return '' if f.read() == expected else 'the content differs'


def main():
    img = os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory(prefix='test-copy-range-',
                                     dir='/var/tmp') as tmpdir:
        contents, plain = make_sources(img, tmpdir)
        trace = can_trace(tmpdir)
        if not trace:
            print('# strace cannot be had: content only')
        failed = 0
        for i, case in enumerate(CASES, 1):
            why = run_case(img, case, contents.get(case[1], plain), tmpdir,
                           trace)
            print('%s %d - -C %s %s' % ('not ok' if why else 'ok', i,
                                        ' '.join(case[0]), case[1]))
            if why:
                failed += 1
                print('# ' + why)
        print('1..%d' % len(CASES))
    return failed > 0


if __name__ == '__main__':
    sys.exit(main())
