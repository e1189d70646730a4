#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
#
# blklogwrites and preallocate by qemu-io, beside QEMU's program where there is
# one: what is printed, the log, the length of the file. And without it: what a
# log says, done again, gives the image.
#
# Usage: test-filters.py QEMU_IO
import os
import random
import struct
import subprocess
import sys
import tempfile

import tolerated

ORACLE = os.environ.get('ORACLE_QEMU_IO', '/usr/bin/qemu-io')
MAGIC = 0x6a736677736872
MIB = 1 << 20
LOG = ('driver=blklogwrites,file.driver=file,file.filename=d.raw,'
       'log.driver=file,log.filename=l.raw')
PRE = 'driver=preallocate,file.driver=file,file.filename=d.raw'


def write(name, data, length):
    with open(name, 'wb') as f:
        f.write(data)
        f.truncate(max(length, len(data)))


def read(name):
    with open(name, 'rb') as f:
        return f.read()


def make_log(entries, n=None, magic=MAGIC, version=1, size=512):
    log = struct.pack('<QQQI', magic, version,
                      len(entries) if n is None else n, size).ljust(512, b'\0')
    for e in entries:
        log += struct.pack('<QQQQ', *e, 0).ljust(512, b'\0')
    return log


def entries(log):
    """(sector size, [(sector, sectors, flags, data)])"""
    magic, version, n, size = struct.unpack_from('<QQQI', log)
    if magic != MAGIC or version != 1:
        return None
    at, result = size, []
    for _ in range(n):
        sector, nr, flags, _ = struct.unpack_from('<QQQQ', log, at)
        at += size
        data = b'' if flags & 4 else log[at:at + nr * size].ljust(nr * size,
                                                                  b'\0')
        at += len(data)
        result.append((sector, nr, flags, data))
    return size, result


def run(program, options, commands):
    words = [program] + options
    for c in commands:
        words += ['-c', c]
    p = subprocess.run(words, capture_output=True, timeout=60, text=True,
                       stdin=subprocess.DEVNULL)
    return p.returncode, tolerated.normalise('filters', p.stdout), p.stderr


def log_case(program, options, commands, log=b''):
    write('d.raw', b'', MIB)
    write('l.raw', log, MIB)
    result = run(program, ['-d', 'unmap', '--image-opts', LOG + options],
                 commands)
    found = entries(read('l.raw'))
    if found:
        # QEMU does not say that a write was stable (FUA); how often the end
        # of the program flushes is not compared
        found = found[0], [(s, n, f & ~2, d) for s, n, f, d in found[1]
                           if not f & 1]
    return result, found, read('d.raw')


def pre_case(program, options, commands):
    write('d.raw', b'', MIB)
    result = run(program, ['--image-opts', PRE + options], commands)
    return result, read('d.raw')


WRITES = ['write -P 1 0 4k', 'write -z 8k 4k', 'discard 16k 4k', 'flush',
          'write -f -P 2 512 512', 'writev -P 4 0 512 1024 512',
          'write -z -u 64k 64k', 'discard 0 128k', 'length', 'info']
LOGS = [('', WRITES, b'')]
LOGS += [(',' + o, ['write -P 1 0 4k', 'write -z 8k 8k'], b'') for o in (
    'log-sector-size=1000', 'log-sector-size=0', 'log-sector-size=16',
    'log-sector-size=4096', 'log-sector-size=x', 'log-sector-size=16777216',
    'log-sector-size=8388608', 'log-append=on', 'log-append=x',
    'log-super-update-interval=0', 'log-super-update-interval=1',
    'log-super-update-interval=x', 'log-append=on,log-sector-size=512')]
LOGS += [(',log-append=on', ['write -P 7 4k 512'], log) for log in (
    make_log([]), make_log([(0, 5, 4), (0, 0, 1)]), make_log([(0, 0, 16)]),
    make_log([], magic=1), make_log([], version=2), make_log([], size=515),
    make_log([], size=0))]
PRES = [(o, ['length', 'info', 'truncate 2M', 'map', 'write -P 3 1M 1M',
             'read -P 3 1M 1M', 'read -P 0 0 1M']) for o in (
    '', ',prealloc-align=1000', ',prealloc-align=4k', ',prealloc-size=-1',
    ',prealloc-size=0', ',prealloc-size=x', ',prealloc-size=1000',
    ',prealloc-align=-1', ',prealloc-align=513')]
# Which end in an error of ours only: the log must be there
HOSTILE = [make_log([], n=1 << 40), make_log([(0, (1 << 64) - 1, 0)]),
           make_log([(0, 1 << 54, 0)], n=2), make_log([], n=(1 << 64) - 1)]


class Tap:
    def __init__(self):
        self.n = self.failed = 0

    def check(self, ok, name, *more):
        self.n += 1
        self.failed += not ok
        print('%sok %d - %s' % ('' if ok else 'not ', self.n, name))
        for m in more if not ok else ():
            print('#   ' + repr(m)[:1500])


def replay(tap, ours, seed):
    """The image from its log, with many writes on their way at once."""
    rng = random.Random(seed)
    size = rng.choice((512, 4096))
    write('d.raw', b'', MIB)
    write('l.raw', b'', 0)
    for append in (False, True):
        commands = []
        for _ in range(15):
            # Writes that overlap have no order: one for each place at a time
            for at in rng.sample(range(0, MIB, 16 * size), 10):
                n = rng.randrange(1, 17) * size
                op = rng.choice(('aio_write -P %d' % rng.randrange(1, 256),
                                 'aio_write -z'))
                commands.append('%s %d %d' % (op, at, n))
                commands += ['flush'] * (rng.random() < 0.1)
            commands.append('aio_flush')
        more = ',log-append=on' if append else ',log-sector-size=%d' % size
        status, _, err = run(ours, ['-t', 'writeback', '--image-opts',
                                    LOG + more], commands + ['aio_flush'])
        tap.check(status == 0 and not err, 'seed %d: requests' % seed, err)
    image = bytearray(MIB)
    found = entries(read('l.raw')) or (1, [])
    for sector, _, _, data in found[1]:
        image[sector * size:sector * size + len(data)] = data
    return found, bytes(image)


def grow(tap, program, empty):
    """A qcow2 image on a file that is longer than it has to be."""
    write('d.qcow2', empty, 0)
    p = subprocess.Popen([program, '--image-opts', 'driver=qcow2,file.driver='
                          'preallocate,file.prealloc-size=8M,file.file.driver='
                          'file,file.file.filename=d.qcow2'], text=True,
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    p.stdin.write('write -P 5 0 4M\nread -P 5 0 4M\n')
    p.stdin.flush()
    while 'read 4194304/4194304' not in p.stdout.readline():
        pass
    length = os.path.getsize('d.qcow2')
    tap.check(length % MIB == 0 and length >= 12 * MIB, 'grown', length)
    p.communicate('write -P 6 8M 1M\n')
    tap.check(p.returncode == 0, 'grown: status', p.returncode)
    tap.check(5 * MIB <= os.path.getsize('d.qcow2') < 6 * MIB, 'cut at close')
    status, text, err = run(program, ['-f', 'qcow2', 'd.qcow2'],
                            ['read -P 5 0 4M', 'read -P 6 8M 1M'])
    tap.check(status == 0 and not err, 'content', text, err)


def empty_qcow2(size):
    """A header, an L1 table, a refcount table and a block."""
    image = struct.pack('>4sIQIIQIIQQIIQQQQII', b'QFI\xfb', 3, 0, 0, 16, size, 0,
                        1, 0x10000, 0x20000, 1, 0, 0, 0, 0, 0, 4, 104)
    image = image.ljust(0x20000, b'\0') + struct.pack('>Q', 0x30000)
    return image.ljust(0x30000, b'\0') + struct.pack('>4H', 1, 1, 1, 1).ljust(
        0x10000, b'\0')


def main():
    ours = os.path.realpath(sys.argv[1])
    tap = Tap()
    with tempfile.TemporaryDirectory(prefix='filters-') as top:
        os.chdir(top)
        for oracle in [ORACLE] if os.path.exists(ORACLE) else []:
            for case in LOGS:
                a, b = (log_case(p, *case) for p in (ours, oracle))
                tap.check(a == b, 'blklogwrites%s %s' % case[:2], a[0], b[0],
                          a[1], b[1])
            for case in PRES:
                a, b = (pre_case(p, *case) for p in (ours, oracle))
                tap.check(a == b, 'preallocate%s' % case[0], a[0], b[0])
        for log in HOSTILE:
            write('d.raw', b'', MIB)
            write('l.raw', log, MIB)
            status, _, err = run(ours, ['--image-opts',
                                        LOG + ',log-append=on'], ['write 0 4k'])
            tap.check(status == 1 and err, 'hostile log', status, err)
        grow(tap, ours, empty_qcow2(64 * MIB))
        for seed in range(3):
            found, image = replay(tap, ours, seed)
            tap.check(image == read('d.raw'), 'seed %d: replay' % seed)
            tap.check(found[1] and found[1][-1][2] == 1, 'ends in a flush')
    if not os.path.exists(ORACLE):
        print('# %s is not there: not compared' % ORACLE)
    print('1..%d' % tap.n)
    return tap.failed > 0


sys.exit(main())
