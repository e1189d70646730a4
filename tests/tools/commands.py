# SPDX-License-Identifier: GPL-2.0-or-later
#
# Command lines for test-qemu-img.py. A case is a list of them, which work on
# the same files one after the other; a command line is a string (split at
# spaces) or a list of words. SETUP: the files each case begins with: name,
# size, pieces of data.

import commands_bitmaps
import commands_layouts
import commands_snapshots

SETUP = [
    ('a.raw', 1 << 20, [(70000, b'abc'), (512 * 1024, b'x' * 70000)]),
    ('b.raw', 1 << 20, [(70000, b'abc'), (512 * 1024, b'x' * 70000),
                        (900001, b'!')]),
    ('zero.raw', 1 << 20, []),
    ('long.raw', 3 << 20, []),
    ('tail.raw', 3 << 20, [(2500000, b'tail')]),
    ('empty.raw', 0, []),
    ('odd.raw', 5, [(0, b'12345')]),
    ('full.raw', 256 * 1024, [(0, bytes(range(256)) * 1024)]),
]


def one(*lines):
    return [[line] for line in lines]


MAP_A = ['map', '--output=json']
OPTS = 'driver=raw,file.driver=file,file.filename='

CREATE = one(
    'create n.raw 1M', 'create n.raw 0', 'create n.raw 1', 'create n.raw 511',
    'create n.raw 512', 'create n.raw 513', 'create n.raw 1000',
    'create n.raw 1k', 'create n.raw 1K', 'create n.raw 1b',
    'create n.raw 1.5k', 'create n.raw 1.5', 'create n.raw 0x1000',
    'create n.raw 0x1k', 'create n.raw 1e3', 'create n.raw 1X',
    'create n.raw x', 'create n.raw 1MM', 'create n.raw 9E',
    'create n.raw 8E', 'create n.raw 16E', 'create n.raw 0.5M',
    'create n.raw .5M', 'create n.raw 1M 2M', 'create n.raw',
    'create', 'create -f raw', 'create -q n.raw 1M', 'create -f raw n.raw 1M',
    'create -f foo n.raw 1M', 'create -f null-co n.raw 1M',
    'create -f file n.raw 1M', 'create -o help', 'create -o help n.raw',
    'create -f raw -o ?', 'create -f foo -o help', 'create -o help foo:bar',
    'create -f null-co -o help', 'create -o help null-co://',
    'create -o help,size=1 n.raw',
    'create -o preallocation=off n.raw 1M',
    'create -o preallocation=falloc n.raw 1M',
    'create -o preallocation=full n.raw 1M',
    'create -o preallocation=metadata n.raw 1M',
    'create -o preallocation=foo n.raw 1M', 'create -o preallocation n.raw 1M',
    'create -o nopreallocation n.raw 1M',
    'create -o size=3M n.raw', 'create -o size=3M n.raw 1M',
    'create -o size=1X n.raw', 'create -o size= n.raw',
    'create -o size=2M -o preallocation=off n.raw',
    'create -o size=1M,preallocation=full n.raw',
    'create -o foo=bar n.raw 1M', 'create -o foo n.raw 1M',
    'create -o nocow=on n.raw 1M', 'create -o nocow=off n.raw 1M',
    'create -o nocow=foo n.raw 1M', 'create -o extent_size_hint=1M n.raw 1M',
    'create -o extent_size_hint=0 n.raw 1M',
    'create -o extent_size_hint=x n.raw 1M',
    'create -o , n.raw 1M', 'create -o ,, n.raw 1M', 'create -o a, n.raw 1M',
    'create -o a,, n.raw 1M', 'create -o ,a n.raw 1M',
    'create -b a.raw n.raw 1M', 'create -b a.raw -F raw n.raw',
    'create -F raw n.raw 1M', 'create -u n.raw 1M', 'create -u n.raw',
    'create nodir/n.raw 1M', 'create . 1M', 'create foo:bar 1M',
    'create file:n.raw 1M', 'create a.raw 2M', 'create a.raw 0',
    'create --foo n.raw 1M', 'create -x n.raw 1M', 'create -f',
    'create n.raw -- 1M', 'create -- n.raw 1M',
    'create --object foo n.raw 1M', 'create --object foo,id=x n.raw 1M',
) + [[['create', '', '1M']], [['create', '-o', '', 'n.raw', '1M']],
     [['create', 'n.raw', '']], [['create', 'n.raw', ' 1M']],
     [['create', 'with space', '1M']], [['create', '-f', '', 'n.raw', '1M']]]

INFO = one(
    'info a.raw', 'info -f raw a.raw', 'info --output=json a.raw',
    'info --output=human a.raw', 'info --output json a.raw',
    'info --output=foo a.raw', 'info', 'info a.raw b.raw', 'info nope',
    'info -f raw nope', 'info -f foo a.raw', 'info -f file a.raw',
    'info -f file --output=json a.raw', 'info empty.raw', 'info odd.raw',
    'info --output=json odd.raw', 'info full.raw', 'info -U a.raw',
    'info --force-share --output=json a.raw', 'info --backing-chain a.raw',
    'info --backing-chain --output=json a.raw',
    'info --image-opts ' + OPTS + 'a.raw',
    'info --image-opts driver=file,filename=a.raw',
    'info --image-opts -f raw ' + OPTS + 'a.raw',
    'info --image-opts a.raw', 'info --image-opts driver=raw',
    'info --image-opts driver=foo', 'info --image-opts filename=a.raw',
    'info --image-opts file.filename=a.raw',
    'info --image-opts -U ' + OPTS + 'a.raw',
    'info --image-opts driver=raw,offset=512,file.filename=a.raw',
    'info --image-opts driver=raw,offset=512,size=1024,file.filename=a.raw',
    'info --image-opts --output=json '
    'driver=raw,offset=512,size=1024,file.filename=a.raw',
    'info --image-opts driver=raw,offset=2M,file.filename=a.raw',
    'info --image-opts driver=raw,foo=1,file.filename=a.raw',
    'info --image-opts driver=raw,file.foo=1,file.filename=a.raw',
    'info json:{', 'info json:[]',
    'info json:{"driver":"raw","file":{"driver":"file","filename":"a.raw"}}',
    'info json:{"driver":"raw","file":"x"}',
    'info json:{"driver":"file","filename":"a.raw"}',
    'info json:{"filename":"a.raw","driver":"nope"}',
    'info null-co://', 'info --output=json null-co://',
    'info -f null-co null-co://', 'info file:a.raw', 'info foo:bar',
    'info ./a.raw', 'info .', 'info /dev/null', 'info nodir/x',
    'info --foo a.raw', 'info -f', 'info -x a.raw',
) + [[['info', '']]]

MAP = one(
    'map a.raw', 'map --output=json a.raw', 'map -f raw a.raw',
    'map -f raw --output=json a.raw', 'map -f raw --output=json b.raw',
    'map --output=json zero.raw', 'map zero.raw', 'map --output=json empty.raw',
    'map empty.raw', 'map --output=json odd.raw', 'map odd.raw',
    'map --output=json full.raw', 'map full.raw', 'map --output=json tail.raw',
    'map -s 64k --output=json a.raw', 'map -s 64k -l 8k --output=json a.raw',
    'map -l 0 --output=json a.raw', 'map -s 1 -l 1 --output=json a.raw',
    'map --start-offset=1M --output=json a.raw',
    'map --start-offset=2M --output=json a.raw',
    'map --max-length=100G --output=json a.raw', 'map -s x a.raw',
    'map -l x a.raw', 'map -l -1 a.raw', 'map -s 9E a.raw', 'map', 'map nope',
    'map a.raw b.raw', 'map --output=foo a.raw', 'map -f foo a.raw',
    'map -U a.raw', 'map --image-opts ' + OPTS + 'a.raw',
    'map --output=json --image-opts '
    'driver=raw,offset=512k,file.filename=a.raw',
    'map --output=json null-co://', 'map null-co://',
    'map -f file --output=json a.raw', 'map --foo a.raw',
)

RESIZE = one(
    'resize a.raw 2M', 'resize -f raw a.raw 2M', 'resize -f raw a.raw 1M',
    'resize -f raw a.raw +1M', 'resize -f raw a.raw +0',
    'resize -f raw a.raw +1', 'resize -f raw a.raw 1000001',
    'resize -f raw a.raw -1M', 'resize -f raw a.raw -512k',
    'resize -f raw --shrink a.raw -512k', 'resize -f raw --shrink a.raw 64k',
    'resize -f raw --shrink a.raw -1M', 'resize -f raw --shrink a.raw -10M',
    'resize -f raw --shrink a.raw 0', 'resize -f raw --shrink a.raw 100',
    'resize -f raw a.raw x', 'resize -f raw a.raw +', 'resize -f raw a.raw -',
    'resize -f raw a.raw 9E', 'resize -f raw a.raw +9E',
    'resize -f raw a.raw 1.5M', 'resize -f raw a.raw', 'resize', 'resize a.raw',
    'resize -f raw nope 2M', 'resize -f foo a.raw 2M', 'resize -q -f raw a.raw 2M',
    'resize -f raw -q --shrink a.raw 512k',
    'resize -f raw --preallocation=off a.raw 2M',
    'resize -f raw --preallocation=falloc a.raw 2M',
    'resize -f raw --preallocation=full a.raw 2M',
    'resize -f raw --preallocation=metadata a.raw 2M',
    'resize -f raw --preallocation=foo a.raw 2M',
    'resize -f raw --preallocation=full --shrink a.raw 512k',
    'resize -f raw --preallocation=full a.raw 1M',
    'resize --image-opts ' + OPTS + 'a.raw 2M',
    'resize --image-opts driver=raw,size=1M,file.filename=a.raw 2M',
    'resize -f raw empty.raw 1M', 'resize -f raw odd.raw +1k',
    'resize --foo a.raw 2M', 'resize -f file a.raw 2M',
)

MEASURE = one(
    'measure a.raw', 'measure -f raw a.raw', 'measure -O raw a.raw',
    'measure --size 1M', 'measure -O raw --size 1M',
    'measure -O raw --output=json --size 1M', 'measure --output=json a.raw',
    'measure --size 0', 'measure --size 1', 'measure --size 1000',
    'measure --size x', 'measure --size -1', 'measure --size 9E', 'measure',
    'measure -O raw --size 1M a.raw', 'measure -O foo --size 1M',
    'measure -O null-co --size 1M', 'measure -O raw -o foo=bar --size 1M',
    'measure -O raw -o preallocation=full --size 1M',
    'measure -O raw -o , --size 1M', 'measure nope', 'measure -f foo a.raw',
    'measure --output=foo --size 1M', 'measure -f raw --size 1M',
    'measure -l foo --size 1M', 'measure -l foo a.raw',
    'measure --image-opts --size 1M', 'measure --image-opts ' + OPTS + 'a.raw',
    'measure a.raw b.raw', 'measure odd.raw', 'measure -U a.raw',
    'measure --foo', 'measure empty.raw',
)

COMPARE = one(
    'compare a.raw a.raw', 'compare a.raw b.raw', 'compare b.raw a.raw',
    'compare -f raw -F raw a.raw b.raw', 'compare a.raw zero.raw',
    'compare zero.raw a.raw', 'compare zero.raw long.raw',
    'compare long.raw zero.raw', 'compare zero.raw tail.raw',
    'compare tail.raw zero.raw', 'compare -s zero.raw long.raw',
    'compare -s a.raw a.raw', 'compare -s a.raw b.raw',
    'compare -s zero.raw a.raw', 'compare -q a.raw b.raw',
    'compare -q zero.raw long.raw', 'compare -q -s zero.raw long.raw',
    'compare -p a.raw a.raw', 'compare -p a.raw b.raw',
    'compare -p zero.raw long.raw', 'compare -p -q a.raw a.raw',
    'compare a.raw', 'compare', 'compare a.raw b.raw zero.raw',
    'compare a.raw nope', 'compare nope a.raw', 'compare -f foo a.raw a.raw',
    'compare -F foo a.raw a.raw', 'compare -T foo a.raw a.raw',
    'compare -T none a.raw a.raw', 'compare -T directsync a.raw b.raw',
    'compare -U a.raw a.raw', 'compare empty.raw empty.raw',
    'compare empty.raw zero.raw', 'compare empty.raw a.raw',
    'compare odd.raw odd.raw', 'compare odd.raw full.raw',
    'compare --image-opts ' + OPTS + 'a.raw ' + OPTS + 'b.raw',
    'compare --foo a.raw a.raw', 'compare null-co:// null-co://',
)

CONVERT = one(
    'convert a.raw n.raw', 'convert -f raw a.raw n.raw',
    'convert -f raw -O raw a.raw n.raw', 'convert -p a.raw n.raw',
    'convert -p full.raw n.raw', 'convert -p zero.raw n.raw',
    'convert -q -p a.raw n.raw', 'convert -n a.raw b.raw',
    'convert -n a.raw nope', 'convert -n a.raw long.raw',
    'convert -n long.raw a.raw', 'convert -n zero.raw full.raw',
    'convert -n zero.raw a.raw', 'convert -n zero.raw tail.raw',
    'convert -n --target-is-zero a.raw long.raw',
    'convert --target-is-zero a.raw n.raw',
    'convert a.raw b.raw n.raw', 'convert a.raw full.raw odd.raw n.raw',
    'convert odd.raw odd.raw a.raw n.raw', 'convert odd.raw n.raw',
    'convert empty.raw n.raw', 'convert empty.raw a.raw empty.raw n.raw',
    'convert a.raw', 'convert', 'convert nope n.raw', 'convert a.raw nope n.raw',
    'convert -f foo a.raw n.raw', 'convert -O foo a.raw n.raw',
    'convert -O null-co a.raw null-co://', 'convert -n a.raw null-co://',
    'convert -o foo=1 a.raw n.raw', 'convert -o help a.raw n.raw',
    'convert -O raw -o help', 'convert -o size=3M a.raw n.raw',
    'convert -o size=1k a.raw n.raw', 'convert -o , a.raw n.raw',
    'convert -o preallocation=full a.raw n.raw',
    'convert -o preallocation=falloc a.raw n.raw',
    'convert -o preallocation=foo a.raw n.raw',
    'convert -o preallocation=metadata a.raw n.raw',
    'convert -c a.raw n.raw', 'convert -c -n a.raw b.raw',
    'convert -S 0 a.raw n.raw', 'convert -S 512 a.raw n.raw',
    'convert -S 4k a.raw n.raw', 'convert -S 64k a.raw n.raw',
    'convert -S 0 -n zero.raw a.raw', 'convert -S x a.raw n.raw',
    'convert -S 1 a.raw n.raw', 'convert -S 1000 a.raw n.raw',
    'convert -S 32M a.raw n.raw', 'convert -S 16M a.raw n.raw',
    'convert -t foo a.raw n.raw', 'convert -T foo a.raw n.raw',
    'convert -t none a.raw n.raw', 'convert -t none -T none a.raw n.raw',
    'convert -t writethrough a.raw n.raw', 'convert -t writeback a.raw n.raw',
    'convert -t directsync -T directsync a.raw n.raw',
    'convert -t unsafe -T unsafe a.raw n.raw', 'convert -T none odd.raw n.raw',
    'convert -t none odd.raw n.raw',
    'convert -m 0 a.raw n.raw', 'convert -m 1 a.raw n.raw',
    'convert -m 16 a.raw n.raw', 'convert -m 17 a.raw n.raw',
    'convert -m x a.raw n.raw', 'convert -m 1.5 a.raw n.raw',
    'convert -W a.raw n.raw', 'convert -W -m 16 tail.raw n.raw',
    'convert -r x a.raw n.raw', 'convert -r 100M a.raw n.raw',
    'convert -B a.raw a.raw n.raw', 'convert -F raw a.raw n.raw',
    'convert -B x a.raw b.raw n.raw',
    'convert -l x a.raw n.raw', 'convert -l snapshot.id=1 a.raw n.raw',
    'convert -n -o size=1M a.raw b.raw',
    'convert --target-image-opts a.raw ' + OPTS + 'b.raw',
    'convert -n --target-image-opts a.raw ' + OPTS + 'b.raw',
    'convert --image-opts -n --target-image-opts ' + OPTS + 'a.raw ' +
    OPTS + 'b.raw',
    'convert --image-opts ' + OPTS + 'a.raw n.raw',
    'convert --image-opts -f raw a.raw n.raw',
    'convert --image-opts driver=raw,offset=512k,size=4k,'
    'file.filename=a.raw n.raw',
    'convert --salvage a.raw n.raw', 'convert --bitmaps a.raw n.raw',
    'convert --skip-broken-bitmaps a.raw n.raw', 'convert -C a.raw n.raw',
    'convert -C -S 4k a.raw n.raw', 'convert -C -c a.raw n.raw',
    'convert a.raw a.raw', 'convert a.raw nodir/n.raw', 'convert -U a.raw n.raw',
    'convert --foo a.raw n.raw', 'convert -m', 'convert full.raw tail.raw',
) + [['convert full.raw n.raw', 'compare full.raw n.raw', 'info -f raw n.raw',
      'resize -f raw n.raw +1M', 'compare full.raw n.raw',
      'convert -n full.raw n.raw', 'map --output=json empty.raw']]

DD = one(
    'dd if=a.raw of=n.raw', 'dd if=a.raw of=n.raw bs=1M',
    'dd if=a.raw of=n.raw bs=1 count=100', 'dd -f raw -O raw if=a.raw of=n.raw bs=64k',
    'dd if=a.raw of=n.raw bs=1k count=3', 'dd if=a.raw of=n.raw bs=1k skip=69',
    'dd if=a.raw of=n.raw bs=1k skip=68 count=2',
    'dd if=a.raw of=n.raw bs=1k skip=1023 count=9',
    'dd if=a.raw of=n.raw bs=1M skip=1', 'dd if=a.raw of=n.raw bs=1M skip=2',
    'dd if=a.raw of=n.raw skip=4000000000', 'dd if=a.raw of=n.raw skip=1k',
    'dd if=a.raw of=n.raw count=1k', 'dd if=a.raw of=n.raw count=0',
    'dd if=a.raw of=n.raw count=x', 'dd if=a.raw of=n.raw skip=-1',
    'dd if=a.raw of=n.raw bs=0', 'dd if=a.raw of=n.raw bs=x',
    'dd if=a.raw of=n.raw bs=4G', 'dd if=a.raw of=n.raw foo=1',
    'dd if=a.raw of=n.raw foo', 'dd if=a.raw', 'dd of=n.raw', 'dd',
    'dd if=nope of=n.raw', 'dd -f foo if=a.raw of=n.raw',
    'dd -O foo if=a.raw of=n.raw', 'dd if=a.raw of=nodir/n.raw',
    'dd if=odd.raw of=n.raw', 'dd if=empty.raw of=n.raw',
    'dd -U if=a.raw of=n.raw', 'dd if=a.raw of=full.raw bs=4k count=1',
    'dd -O null-co if=a.raw of=null-co://', 'dd --foo if=a.raw of=n.raw',
)

BENCH = one(
    'bench -c 10 -d 4 -f raw a.raw', 'bench -w -c 10 -d 4 -f raw a.raw',
    'bench -w --pattern=65 -c 300 -d 4 -f raw a.raw',
    'bench -w --pattern=65 -c 20 -s 1k -S 4k -o 8k -f raw a.raw',
    'bench -w --flush-interval=2 -c 10 -d 4 -f raw a.raw',
    'bench -w --flush-interval=8 -c 20 -d 4 -f raw a.raw',
    'bench -w --flush-interval=4 --no-drain -c 20 -d 4 -f raw a.raw',
    'bench --flush-interval=8 -c 10 -d 4 -f raw a.raw',
    'bench -q -c 10 -f raw a.raw', 'bench -s 1M -c 10 -d 4 -f raw a.raw',
    'bench -c x a.raw', 'bench -c 0 a.raw', 'bench -d x a.raw',
    'bench -d 0 a.raw', 'bench -s x a.raw', 'bench -S x a.raw',
    'bench -i foo a.raw', 'bench -i threads -c 10 -f raw a.raw',
    'bench -i io_uring -c 10 -f raw a.raw', 'bench -n -c 10 -f raw a.raw',
    'bench --pattern=300 a.raw', 'bench -t foo a.raw',
    'bench -t none -c 10 -f raw a.raw', 'bench -o -1 a.raw', 'bench',
    'bench nope', 'bench --flush-interval=x a.raw', 'bench a.raw b.raw',
    'bench --image-opts -c 10 ' + OPTS + 'a.raw', 'bench --foo a.raw',
)

CHECK = one(
    'check a.raw', 'check -f raw a.raw', 'check --output=json a.raw',
    'check --output=foo a.raw', 'check -r all a.raw', 'check -r all -f raw a.raw',
    'check -r leaks -f raw a.raw', 'check -r foo a.raw', 'check', 'check nope',
    'check -T foo a.raw', 'check -T none a.raw', 'check -q a.raw',
    'check -U a.raw', 'check -f foo a.raw', 'check a.raw b.raw',
    'check --image-opts ' + OPTS + 'a.raw', 'check -r all -U a.raw',
    'check --foo a.raw',
)

QCOW2 = [
    ['create -f qcow2 n.qcow2 1M', 'info n.qcow2', 'info --output=json n.qcow2',
     'check n.qcow2', 'check --output=json n.qcow2', 'check -q n.qcow2',
     'compare n.qcow2 zero.raw', 'map --output=json n.qcow2'],
    ['convert -O qcow2 a.raw n.qcow2', 'check n.qcow2', 'compare a.raw n.qcow2',
     'convert -O raw n.qcow2 n.raw', 'map --output=json n.qcow2', 'map n.qcow2',
     'convert -n -O qcow2 b.raw n.qcow2', 'compare b.raw n.qcow2',
     'dd -f qcow2 -O raw if=n.qcow2 of=m.raw bs=64k', 'measure n.qcow2',
     'resize n.qcow2 2M', 'info -f raw a.raw', 'check -f qcow2 n.qcow2'],
] + one(
    'create -f qcow2 -o help', 'create -f qcow2 n.qcow2',
    'create -f qcow2 -o cluster_size=4k n.qcow2 1M',
    'create -f qcow2 -o cluster_size=100 n.qcow2 1M',
    'create -f qcow2 -o compat=0.10 n.qcow2 1M',
    'create -f qcow2 -o refcount_bits=3 n.qcow2 1M',
    'create -f qcow2 -o foo=1 n.qcow2 1M', 'check -f qcow2 a.raw',
    'info -f qcow2 a.raw', 'convert -O qcow2 full.raw n.qcow2',
)

# Objects: the file that is made has nothing to do with them.
KEY = ('--object secret,id=m,format=base64,'
       'data=9miloPQCzGy+TL6aonfzVcptibCmCIhKzrnlfwiWivk= ')
IV = ',keyid=m,iv=0I7Gw/TKuA+Old2W2apQ3g=='
SECRET = one(*['create %s n.raw 1M' % o for o in (
    '--object secret,help', '--object secret', '--object secret,id=s',
    '--object secret,id=s,data=a,file=b', '--object secret,id=s,file=nope',
    '--object secret,id=s,file=a.raw', '--object secret,id=s,data=abc',
    '--object secret,id=s,data=YWJj,format=base64',
    '--object secret,id=s,data=YW%Jj,format=base64',
    '--object secret,id=s,data=YWJ,format=base64',
    '--object secret,id=s,data=,format=base64',
    '--object secret,id=s,data=YWJj,format=foo',
    '--object secret,id=s,data=abc,foo=bar', '--object secret,id=s,data=',
    '--object secret,id=s,data=abc,keyid=m',
    '--object secret,id=s,data=abc --object secret,id=s,data=def',
    '--object secret,id=m,data=abc --object secret,id=s,data=abc,keyid=m',
    '--object {"qom-type":"secret","id":"s","data":"abc"}',
    '--object {"qom-type":"secret","id":"s","data":5}',
    KEY + '--object secret,id=s,data=abc,keyid=m',
    KEY + '--object secret,id=s,data=abc,keyid=m,iv=YWJj',
    KEY + '--object secret,id=s,data=abc,keyid=m,iv=%',
    KEY + '--object secret,id=s,data=abc' + IV,
    KEY + '--object secret,id=s,data=YW%j,format=base64' + IV,
    KEY + '--object secret,id=s,format=base64,data=4TKuA+Old2W2apQ3gAAAAAA='
    + IV,
    KEY + '--object secret,id=s,format=base64,data=8X+fSSQcvEnt5aInv0NcgA=='
    + IV)])

BLKDEBUG = 'driver=raw,file.driver=blkdebug,file.image.filename=a.raw'
VERIFY = 'driver=blkverify,raw.driver=file,raw.filename='
FILTERS = one(
    'info -f raw blkdebug::a.raw', 'info -f blkdebug blkdebug::a.raw',
    'info -f raw --output=json blkdebug::a.raw', 'info blkdebug:a.raw',
    'info -f raw blkdebug:nope.conf:a.raw', 'map -f raw blkdebug::a.raw',
    'info --image-opts ' + BLKDEBUG,
    'info --image-opts ' + BLKDEBUG + ',file.align=4096',
    'info --image-opts ' + BLKDEBUG + ',file.align=3',
    'info --image-opts ' + BLKDEBUG + ',file.align=4096,file.max-discard=5',
    'info --image-opts ' + BLKDEBUG + ',file.inject-error.0.event=read_aio',
    'info --image-opts ' + BLKDEBUG + ',file.inject-error.0.event=nope',
    'info --image-opts ' + BLKDEBUG + ',file.inject-error.0.errno=5',
    'compare -f raw -F raw a.raw blkdebug::a.raw',
    'convert -f raw -O raw blkdebug::a.raw n.raw',
    'compare --image-opts ' + BLKDEBUG + ',file.inject-error.0.event=read_aio'
    ' ' + BLKDEBUG,
    'info --image-opts ' + VERIFY + 'a.raw,test.driver=raw,'
    'test.file.filename=a.raw',
    'info --image-opts ' + VERIFY + 'a.raw', 'info blkverify:a.raw',
    'info --image-opts driver=blkverify,test.driver=raw',
    'info --image-opts driver=compress,file.driver=raw,file.file.filename=a.raw',
    'info --image-opts driver=throttle,throttle-group=x,file.filename=a.raw',
    'info --image-opts driver=throttle,file.driver=file,file.filename=a.raw',
    'info --object throttle-group,id=x,x-iops-total=10 --image-opts '
    'driver=throttle,throttle-group=x,file.driver=raw,file.file.filename=a.raw',
    'info --object throttle-group,id=x,x-iops-total=-1 a.raw',
    'info --object throttle-group,id=x,x-iops-total=5,x-iops-read=5 a.raw',
) + [['create -f qcow2 b.qcow2 1M',
      'create -f qcow2 -b b.qcow2 -F qcow2 c.qcow2',
      'info --image-opts driver=qcow2,file.filename=c.qcow2,backing.driver=raw,'
      'backing.file.filename=a.raw',
      'info --image-opts driver=qcow2,file.filename=c.qcow2,'
      'backing.driver=qcow2,backing.file.filename=b.qcow2',
      'info --image-opts driver=compress,file.driver=qcow2,'
      'file.file.filename=b.qcow2',
      'map --output=json --image-opts driver=blkdebug,image.driver=qcow2,'
      'image.file.filename=c.qcow2']]

GENERAL = one('foo', '--foo', '-x', '', 'Create', 'create.')

CASES = (GENERAL + CREATE + INFO + MAP + RESIZE + MEASURE + COMPARE + CONVERT +
         DD + BENCH + CHECK + QCOW2 + SECRET + FILTERS + commands_layouts.CASES +
         commands_snapshots.CASES + commands_bitmaps.CASES)
