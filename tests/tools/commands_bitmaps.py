# SPDX-License-Identifier: GPL-2.0-or-later
#
# Command lines about dirty bitmaps; see commands.py.


def one(*lines):
    return [[line] for line in lines]


NEW = 'create -q -f qcow2 n.qcow2 1M'
ADD = 'bitmap --add n.qcow2 a'
INFO = 'info n.qcow2'
LONG = 'x' * 1023

USAGE = one(
    'bitmap', 'bitmap n.qcow2', 'bitmap n.qcow2 a', 'bitmap --add n.qcow2',
    'bitmap --add', 'bitmap --add n.qcow2 a b', 'bitmap --add n.qcow2 a',
    'bitmap -f raw --add a.raw a', 'bitmap --add a.raw a',
    'bitmap --add -f foo a.raw a', 'bitmap --merge', 'bitmap --foo',
    'bitmap -g 64k --remove n.qcow2 a', 'bitmap -b x --add n.qcow2 a',
    'bitmap -F raw --merge a n.qcow2 b', 'bitmap -g x --add n.qcow2 a',
    'bitmap -g -1 --add n.qcow2 a', 'bitmap -b n.qcow2 --clear n.qcow2 a',
    'bitmap --add --image-opts -f qcow2 n.qcow2 a')

STEPS = [
    [NEW, ADD, INFO, 'info --output=json n.qcow2', 'check n.qcow2', ADD,
     'bitmap --add -g 4k n.qcow2 b', 'bitmap --add --disable n.qcow2 c',
     INFO, 'bitmap --disable n.qcow2 a', 'bitmap --enable n.qcow2 c', INFO,
     'bitmap --remove n.qcow2 b', 'bitmap --remove n.qcow2 b', INFO,
     'bitmap --clear n.qcow2 b', 'bitmap --clear n.qcow2 a',
     'bitmap --merge c n.qcow2 a', 'bitmap --merge nope n.qcow2 a',
     'bitmap --merge a n.qcow2 nope', 'bitmap --enable n.qcow2 nope',
     'bitmap --disable n.qcow2 nope',
     'bitmap --add --merge a --disable n.qcow2 d', 'check n.qcow2',
     'bitmap --remove n.qcow2 a', 'bitmap --remove n.qcow2 c',
     'bitmap --remove n.qcow2 d', INFO, 'check n.qcow2', ADD, INFO],
    [NEW, ['bitmap', '--add', 'n.qcow2', ''],
     ['bitmap', '--add', 'n.qcow2', LONG],
     ['bitmap', '--add', 'n.qcow2', LONG + 'x'],
     ['bitmap', '--add', 'n.qcow2', 'a b,c'], INFO, 'check n.qcow2',
     'bitmap --add -g 256 n.qcow2 g', 'bitmap --add -g 1000 n.qcow2 g',
     'bitmap --add -g 0 n.qcow2 g', 'bitmap --add -g 2G n.qcow2 g',
     'bitmap --add -g 4G n.qcow2 h', 'bitmap --add -g 512 n.qcow2 i', INFO],
    ['create -q -f qcow2 -o compat=0.10 n.qcow2 1M', ADD, INFO],
    ['create -q -f qcow2 -o cluster_size=512 n.qcow2 8M',
     'bitmap --add -g 512 n.qcow2 a', 'bitmap --add -g 1k n.qcow2 b', INFO,
     'check n.qcow2', 'bitmap --merge b n.qcow2 a', 'resize -q n.qcow2 9M',
     'check n.qcow2', 'bitmap --remove n.qcow2 b', 'check n.qcow2', INFO],
    ['create -q -f qcow2 -o cluster_size=2M n.qcow2 5M',
     'bitmap --add -g 512 n.qcow2 a', 'bitmap --add -g 64k n.qcow2 b', INFO,
     'check n.qcow2', 'bitmap --clear n.qcow2 b'],
    [NEW, ADD, 'resize -q n.qcow2 3M', INFO, 'check n.qcow2',
     'resize -q --shrink n.qcow2 512k', 'check -q n.qcow2'],
    ['create -q -f qcow2 -b a.raw -F raw n.qcow2', ADD, INFO, 'check n.qcow2',
     'compare a.raw n.qcow2', 'bitmap --remove n.qcow2 a', INFO,
     'compare a.raw n.qcow2', 'check n.qcow2'],
    [NEW, ADD, 'create -q -f qcow2 m.qcow2 1M',
     'bitmap --add --disable m.qcow2 m',
     'bitmap --merge m -b m.qcow2 -F qcow2 n.qcow2 a',
     'bitmap --merge m -b m.qcow2 n.qcow2 a',
     'bitmap --merge a -b m.qcow2 -F qcow2 n.qcow2 a',
     'bitmap --add --merge m -b m.qcow2 -F qcow2 n.qcow2 k',
     'bitmap --merge m -b nope -F qcow2 n.qcow2 a',
     'bitmap --merge m -b a.raw -F raw n.qcow2 a',
     'resize -q m.qcow2 2M',
     'bitmap --merge m -b m.qcow2 -F qcow2 n.qcow2 a',
     'bitmap --image-opts --clear driver=qcow2,file.filename=n.qcow2 a', INFO],
]

COPIES = [
    [NEW, 'snapshot -c s n.qcow2', ADD, 'snapshot -a s n.qcow2',
     'bitmap --remove n.qcow2 a', 'snapshot -a s n.qcow2', 'check -q n.qcow2'],
    [NEW, ADD, 'bitmap --add --disable -g 4k n.qcow2 b',
     'convert --bitmaps -O qcow2 n.qcow2 m.qcow2', 'info m.qcow2',
     'check m.qcow2', 'convert --bitmaps -O raw n.qcow2 m.raw',
     'convert --bitmaps -f raw -O qcow2 a.raw k.qcow2',
     'convert --bitmaps -O qcow2 n.qcow2 n.qcow2 k.qcow2',
     'convert --skip-broken-bitmaps -O qcow2 n.qcow2 k.qcow2',
     'convert --bitmaps --skip-broken-bitmaps -O qcow2 n.qcow2 k.qcow2',
     'convert --bitmaps -O qcow2 -o compat=0.10 n.qcow2 j.qcow2',
     'convert --bitmaps -n -O qcow2 n.qcow2 m.qcow2',
     'create -q -f qcow2 l.qcow2 2M',
     'convert --bitmaps -n -O qcow2 n.qcow2 l.qcow2'],
]

CASES = COPIES + USAGE + STEPS
