#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What qemu-img says about an image that is locked, and who locked it.

    test-image-lock.py QEMU-IMG

This program takes QEMU's byte locks itself.  Where qemu-img 10.0 is installed
its text must be ours without the line about the holder.
"""

import fcntl
import os
import shutil
import struct
import subprocess
import sys
import tempfile

F_OFD_SETLK = 37
COMMANDS = [['resize', '-f', 'raw', 'a.img', '2M'],
            ['info', '-f', 'raw', 'a.img'], ['info', '-U', '-f', 'raw', 'a.img'],
            ['map', '-f', 'raw', 'a.img'],
            ['convert', '-f', 'raw', 'a.img', 'b.img'],
            ['compare', '-f', 'raw', 'a.img', 'a.img']]
# Byte 100 + n: permission n is used; 200 + n: it is not shared
LOCKS = [101, 201, 200, 203, 103]


def lock(fd, byte):
    fcntl.fcntl(fd, F_OFD_SETLK,
                struct.pack('hhqqi', fcntl.F_RDLCK, 0, byte, 1, 0))


def run(program, args, tmpdir):
    res = subprocess.run([program] + args, cwd=tmpdir, capture_output=True,
                         text=True, timeout=20, check=False)
    return res.returncode, res.stderr


def main():
    ours = os.path.abspath(sys.argv[1])
    oracle = shutil.which('qemu-img')
    with open('/proc/self/comm', encoding='ascii') as f:
        holder = f'It is locked by process {os.getpid()} ({f.read().strip()}).\n'
    count, failed = 0, False
    with tempfile.TemporaryDirectory(prefix='test-lock-') as tmpdir:
        path = os.path.join(tmpdir, 'a.img')
        for byte in LOCKS:
            for args in COMMANDS:
                with open(path, 'wb') as f:
                    f.truncate(1 << 20)
                fd = os.open(path, os.O_RDONLY)
                lock(fd, byte)
                status, err = run(ours, args, tmpdir)
                told = holder in err
                plain = err.replace(holder, '')
                ok = told == ('Failed to get' in err)
                if oracle:
                    ok &= (status, plain) == run(oracle, args, tmpdir)
                os.close(fd)
                count += 1
                failed |= not ok
                print(f"{'ok' if ok else 'not ok'} {count} - byte {byte}: "
                      + ' '.join(args))
                if not ok:
                    print(f'# status {status}: {err!r}')
    print(f'1..{count}')
    sys.exit(failed)


if __name__ == '__main__':
    main()
