# SPDX-License-Identifier: GPL-2.0-or-later
#
# Command lines for test-qemu-io.py. A case is (options, commands of -c, text
# for standard input or None); every case begins with the files of SETUP.
import itertools

# Name, format, size, commands that fill it
SETUP = [
    ('a.raw', 'raw', '1M', ['write -q -P 1 0 128k', 'write -q -P 2 300k 1k']),
    ('a.qcow2', 'qcow2', '4M', ['write -q -P 1 0 128k',
                                'write -q -P 2 300k 1k', 'write -z 1M 64k']),
    ('z.qcow2', 'qcow2', '0', []),
]


def cases(options, *commands):
    """Each command a case of its own."""
    return [(options, [c], None) for c in commands]


BOTH = (['-f', 'raw', 'a.raw'], ['-f', 'qcow2', 'a.qcow2'])

NUMBERS = ('x', '-1', '1.5', '0x', '9E', '1MM', '1e3')

RW = [
    'read 0 1k', 'r 0 1k', 'read -v 0 40', 'read -v 3 1', 'read -P 1 0 128k',
    'read -P 2 0 512', 'read -P 1 -s 5 -l 10 0 512', 'read -P 1 -s 5 0 512',
    'read -P 1 -l 5 0 512', 'read -P 2 -s 5 -l 10 0 512', 'read -s 5 0 512',
    'read -l 5 0 512', 'read -P 1 -s 512 0 512', 'read -P 1 -s 513 0 512',
    'read -P 1 -l 513 0 512', 'read -P 256 0 1', 'read -P x 0 1',
    'read -P -1 0 1', 'read -p 0 1', 'read -r 0 1', 'read -q 0 1',
    'read -qv 0 1', 'read -x 0 1', 'read -a 0 1', 'read -P', 'read', 'read 0',
    'read 0 1 2', 'read 1M 1', 'read 4M 1', 'read 8M 512', 'read 0 3G',
    'read 0 0', 'read 4194303 2', 'read -f 0 1', 'read -z 0 1',
    'write 0 1k', 'w 0 1k', 'write -P 5 3 7', 'write -z 0 64k',
    'write -z 5 1000', 'write -zu 0 64k', 'write -zn 0 64k',
    'write -zf 0 64k', 'write -f 0 64k', 'write -u 0 1k', 'write -n 0 1k',
    'write -z -P 1 0 1k', 'write -P 1 -s x 0 1k', 'write -s nofile 0 1k',
    'write -s /dev/null 0 1k', 'write -s a.raw 1 1000', 'write -z -s x 0 1k',
    'write -b -z 0 64k', 'write -f -b 0 64k', 'write -f -c 0 64k',
    'write -b 1 64k', 'write -c 0 5', 'write -c 3 64k', 'write -b 0 3',
    'read -b 0 3', 'read -b 5 512', 'write 0 3G', 'write -z 0 3G',
    'write -zn 0 3G', 'write -x 0 1', 'write -q 0 1k', 'write -r 0 1k',
    'write -p 0 1k', 'write 8M 1', 'write', 'write 0', 'write 0 1 2',
    'discard 0 64k', 'd 0 64k', 'discard 5 100', 'discard 0 0',
    'discard 8M 1', 'discard 0 3G', 'discard -q 0 64k', 'discard -x 0 1',
    'discard 0',
    'readv 0 1k', 'readv 0 1k 1k 7', 'readv -v 0 10 10 5', 'readv -P 1 0 9 9',
    'readv -P 2 0 9 9', 'readv -q 0 1', 'readv 0', 'readv', 'readv 0 2G',
    'readv 0 1G 1G', 'readv -x 0 1', 'readv -P 300 0 1', 'readv 8M 1',
    'readv -P 1 0', 'readv -r 0 5', 'readv 0 0', 'readv 0 5 0 5',
    'writev 0 1k', 'writev -P 7 100 1 2 3', 'writev -f 0 1k', 'writev 0',
    'writev -q 0 1k', 'writev 8M 1', 'writev -z 0 1k', 'writev 0 3G',
    'writev 0 1 x',
]
RW += ['%s %s' % (op, where % n) for op, where, n in itertools.product(
    ('read', 'write', 'discard', 'readv', 'writev', 'aio_read', 'aio_write',
     'write -z', 'aio_write -z'), ('%s 512', '0 %s'), NUMBERS)]

AIO = [
    'aio_read 0 1k', 'aio_read -v 0 20', 'aio_read -P 1 0 1k 5',
    'aio_read -P 2 0 1k', 'aio_read -q 0 1k', 'aio_read -qv 0 1k',
    'aio_read -i 0 1k', 'aio_read 8M 1', 'aio_read 0', 'aio_read -x 0 1',
    'aio_read 0 3G', 'aio_read 0 1G 1G', 'aio_read -P 400 0 1',
    'aio_write 0 1k', 'aio_write -P 3 0 1k 5', 'aio_write -z 0 64k',
    'aio_write -zu 0 64k', 'aio_write -u 0 1k', 'aio_write -z 0 1k 1k',
    'aio_write -z -P 1 0 64k', 'aio_write -i 0 1k', 'aio_write -f 0 1k',
    'aio_write -q 0 1k', 'aio_write 8M 1', 'aio_write -z 8M 1',
    'aio_write 0', 'aio_write -x 0 1', 'aio_write -z 0 3G',
    'aio_write -iz 0 1k 1k', 'aio_flush', 'aio_flush 1',
]

IMAGE = [
    'alloc 0', 'a 0', 'alloc 0 1M', 'alloc 100 1000', 'alloc 128k 1M',
    'alloc 1M 64k', 'alloc 4M', 'alloc 8M 1', 'alloc 0 3G', 'alloc x',
    'alloc 0 x', 'alloc -1', 'alloc', 'alloc 0 1 2', 'map', 'map x',
    'length', 'l', 'length 1', 'flush', 'f', 'flush 1', 'info', 'i', 'info 1',
    'truncate 8M', 't 8M', 'truncate 1M', 'truncate x', 'truncate',
    'truncate -m off 8M', 'truncate -m falloc 8M', 'truncate -m full 8M',
    'truncate -m foo 8M', 'truncate -m', 'truncate -m off', 'truncate 8M 9M',
    'truncate -x 8M', 'truncate 0', 'truncate 8M -m', 'sleep 1', 'sleep x',
    'sleep -1', 'sleep', 'sleep 1k', 'sigraise x', 'sigraise', 'sigraise 0',
    'sigraise 15', 'sigraise 1G', 'sigraise -1', 'close', 'c', 'quit', 'q',
    'foo', '', ' ', '   length   ', 'zone_report 0 1', 'zone_open 0 1',
    'zone_close x 1', 'zone_finish 0 x', 'zone_reset 0 1', 'zone_append 0 1',
    'zrp 0 1', 'break a', 'break a b', 'resume a', 'remove_break a', 'resume',
    'remove_break', 'wait_break', 'open a.raw', 'open', 'open x',
]

OPEN = [
    'open -s a.qcow2', 'open -rC a.qcow2',
    'open -s a.raw', 'open a.raw', 'open nofile', 'open a.raw a.raw', 'open -x a.raw',
    'open -o driver=raw a.raw', 'open -o driver=raw,file.filename=a.raw',
    'open -r a.qcow2', 'open -n a.qcow2', 'open -t none a.qcow2',
    'open -t foo a.qcow2', 'open -d foo a.qcow2', 'open -i foo a.qcow2',
    'open -d unmap -i threads -t writeback a.qcow2', 'open -k a.qcow2',
    'open -r -U a.qcow2', 'open -U a.qcow2', 'open -o foo=bar a.qcow2',
    'open -o driver=foo a.qcow2', 'open -o driver=qcow2 a.raw', 'open -o',
    'open -o lazy-refcounts=on a.qcow2', 'open -o read-only=on a.qcow2',
    'open -o foo a.qcow2', 'open -nr -o driver=qcow2 a.qcow2',
    'open -o driver=qcow2 -o file.filename=a.qcow2', 'o a.qcow2', 'open -t',
]

HELP = ['help', 'help foo', 'help a b', '?', 'h'] + ['help ' + c for c in (
    'abort aio_flush aio_read aio_write alloc break close discard flush help '
    'info length map open quit read readv remove_break reopen resume sigraise '
    'sleep truncate wait_break write writev zone_append zone_close '
    'zone_finish zone_open zone_report zone_reset r w d f l t i a o c q ? zo'
).split()]

SEQUENCES = [
    ['write -c 2M 64k', 'read -P 0xcd 2M 64k', 'info'],
    ['write -c -P 5 1M 128k', 'read -P 5 1M 128k', 'map', 'alloc 0 2M'],
    ['write -c 2M 64k', 'write -P 3 2M 64k', 'read -P 3 2M 64k'],
    ['write -c 0 512', 'read -P 0xcd 0 512'], ['write -c 8M 64k'],
    ['write -c 3584k 512k'], ['write -cz 0 64k', 'read -P 0 0 64k'],
    ['write -b 0 64k', 'read -b -P 0xcd 0 64k', 'read -P 1 0 128k'],
    ['write -b -P 7 1M 1k', 'read -b -P 7 1M 1k', 'read -b -P 0 0 512'],
    ['write -bc 0 64k', 'read -bv 0 512'], ['read -b 0 64k'],
]

REOPEN = [
    ['reopen'], ['reopen -r', 'write 0 1'], ['reopen -r', 'reopen -w',
                                             'write 0 1k'],
    ['reopen -r -w'], ['reopen -c none'], ['reopen -c foo'],
    ['reopen -c unsafe', 'write 0 1k'], ['reopen -c none -c writeback'],
    ['reopen -o foo=bar'], ['reopen -r -o read-only=off'],
    ['reopen -c none -o cache.direct=on'], ['reopen x'], ['reopen -x'],
    ['reopen -o driver=qed'], ['reopen -o cache.writeback=off'],
    ['reopen -c writeback -o cache.no-flush=on'], ['reopen -c'],
    ['reopen -o'], ['reopen -o cache.direct=on', 'read -P 1 0 1k'],
]

CASES = []
for o in BOTH:
    CASES += cases(o, *(RW + IMAGE))
    CASES += [(o, [c, 'aio_flush', 'length'], None) for c in AIO]
    CASES += [(o, c, None) for c in REOPEN + SEQUENCES]
    CASES += [(['-r'] + o, [c], None) for c in (
        'write 0 1', 'writev 0 1', 'aio_write 0 1', 'discard 0 1',
        'truncate 2M', 'read 0 1', 'write', 'write -z 0 1')]
CASES += cases(['-f', 'qcow2', 'a.qcow2'], 'reopen -o lazy-refcounts=on',
               'truncate 1000', 'reopen -o l2-cache-size=64k')
CASES += cases(['z.qcow2'], 'map', 'alloc 0', 'read 0 1', 'length', 'info')
CASES += [([], [c, 'read -P 1 0 1k', 'write 0 1k', 'length', 'info'], None)
          for c in OPEN]
CASES += [([], [c], None) for c in HELP + ['read 0 1', 'length', 'close']]
CASES += [(['-f', 'raw', 'a.raw'], c, None) for c in (
    ['foo', 'length'], ['length', 'foo'], ['quit', 'foo'], ['foo', 'quit'],
    ['close', 'length'], ['close', 'close'],
    ['close', 'open a.qcow2', 'info'])]
# Clusters that stay in reserve
CASES += [(['-d', 'unmap', '-f', 'qcow2', 'a.qcow2'],
           ['reopen -o discard-no-unref=on', 'discard 0 64k', 'map',
            'write -zu 64k 64k', 'write -z 1M 64k', 'discard 1M 64k',
            'discard 3M 64k', 'map', 'write -P 3 5k 1k', 'read -P 0 0 5k',
            'read -P 3 5k 1k', 'reopen -o discard-no-unref=off',
            'discard 0 64k', 'map'], None)]
CASES += [(['-f', 'qcow2', 'a.qcow2'], None, text) for text in (
    '', 'length', 'length\n', 'length\nfoo\n', 'foo\nlength\n', '\n\n  \n',
    'quit\nlength\n', 'foo\nq\n', 'help length\n', '"length"\n',
    'aio_write 0 4k\naio_flush\nread -P 0xcd 0 4k\n',
    'write -P 9 0 64k\nread -P 9 0 64k\nread -P 8 0 1k\nclose\nread 0 1\n',
    'length\r\n', 'close\nopen a.raw\nlength\nquit\n', 'map\ninfo\nalloc 0\n')]
CASES += [(o, ['length'], None) for o in (
    ['-x'], ['--foo'], ['-c'], ['-f'], ['a.raw', 'b.raw'], ['nofile'],
    ['-f', 'foo', 'a.raw'], ['-f', 'raw', 'nofile'], ['a.raw'], ['a.qcow2'],
    ['-f', 'qcow2', 'a.raw'], ['-t', 'foo', 'a.raw'], ['-d', 'foo', 'a.raw'],
    ['-i', 'foo', 'a.raw'], ['--aio=foo'], ['--cache', 'foo'],
    ['--discard=x'], ['-V'], ['--version'], ['-h'], ['--help'],
    ['--image-opts', 'driver=raw,file.filename=a.raw'],
    ['--image-opts', 'file.filename=a.qcow2'], ['--image-opts', 'foo=bar'],
    ['--image-opts', 'a.raw'], ['--image-opts', ''],
    ['--image-opts', '-f', 'raw', 'a.raw'],
    ['--image-opts', 'driver=foo,file.filename=a.raw'],
    ['-U', 'a.qcow2'], ['-U', '-r', 'a.qcow2'], ['-rU', '-f', 'raw', 'a.raw'],
    ['-m', '-f', 'raw', 'a.raw'], ['-n', '-f', 'raw', 'a.raw'],
    ['-m', '-t', 'none', 'a.qcow2'], ['-k', 'a.qcow2'],
    ['-i', 'io_uring', 'a.qcow2'], ['-i', 'threads', 'a.qcow2'],
    ['-d', 'off', 'a.qcow2'], ['-d', 'unmap', 'a.qcow2'],
    ['-t', 'writethrough', 'a.qcow2'], ['-t', 'unsafe', 'a.qcow2'],
    ['-t', 'directsync', 'a.qcow2'], ['-T', 'foo', 'a.qcow2'],
    ['--object', 'foo', 'a.qcow2'], ['--object', 'foo,id=x', 'a.qcow2'],
    ['--object', 'secret,id=x', 'a.qcow2'],
    ['--object', 'secret,id=x,data=y', 'a.qcow2'], ['-C', '-r', 'a.qcow2'],
    ['-s', '-r', 'a.qcow2'], ['-C', 'a.qcow2'], ['-s', '-f', 'raw', 'a.raw'],
    ['.'], ['/dev/null'], [''])]
