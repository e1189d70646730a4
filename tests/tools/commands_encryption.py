# SPDX-License-Identifier: GPL-2.0-or-later
#
# Command lines for test-encryption.py, as in commands.py; @S stands for a
# secret "s". Images whose name has "data" in it are compared by content; of
# others, sectors may be there that nobody wrote.

SETUP = [
    ('data.raw', 1 << 20, [(70000, b'abc'), (512 * 1024, b'x' * 70000)]),
    ('short.luks', 4096, [(0, b'LUKS\xba\xbe\0\1')]),
    ('v2.luks', 4096, [(0, b'LUKS\xba\xbe\0\2')]),
    ('zero.luks', 4096, []),
]


def one(*lines):
    return [[line] for line in lines]


K = '-o key-secret=s,iter-time=10'
OPTS = 'driver=luks,key-secret=s,file.filename='

LUKS_CREATE = one(
    'create -f luks -o help', 'create -f luks -o help n.luks',
    'create @S -f luks %s n.luks 1M' % K,
    'create @S -f luks n.luks 1M', 'create -f luks -o key-secret=s n.luks 1M',
    'create @S -f luks -o key-secret=t n.luks 1M',
    'create @S -f luks %s n.luks' % K,
    'create @S -f luks %s n.luks 9E' % K,
    'create @S -f luks %s -b data.raw -F raw n.luks 1M' % K,
    'create @S -f luks %s,foo=bar n.luks 1M' % K,
) + one(*['create @S -f luks %s,%s n.luks 1M' % (K, o) for o in (
    'cipher-alg=foo', 'cipher-alg=3des',
    'cipher-alg=sm4', 'cipher-alg=cast5-128', 'cipher-mode=foo',
    'ivgen-alg=foo', 'ivgen-alg=essiv,cipher-mode=cbc,ivgen-hash-alg=sha1',
    'ivgen-alg=essiv,cipher-mode=cbc,ivgen-hash-alg=foo',
    'ivgen-alg=essiv,cipher-alg=cast5-128,cipher-mode=cbc', 'hash-alg=foo',
    'iter-time=x', 'iter-time=-1',
    'iter-time=99999999999', 'preallocation=metadata', 'preallocation=foo',
    'detached-header=on', 'detached-header=foo')])

LUKS_USE = [
    ['create -q @S -f luks %s n.luks 1M' % K, 'info n.luks',
     'info --output=json n.luks', 'info -f luks n.luks', 'info -f raw n.luks',
     'info @S --image-opts %sn.luks' % OPTS,
     'info --image-opts %sn.luks' % OPTS, 'check n.luks',
     'check @S --image-opts %sn.luks' % OPTS, 'map n.luks',
     'map @S --output=json --image-opts %sn.luks' % OPTS,
     'map @S --image-opts %sn.luks' % OPTS,
     'convert n.luks n.raw', 'compare n.luks data.raw',
     'convert --object secret,id=s,data=wrong --image-opts %sn.luks n.raw'
     % OPTS,
     'convert @S --image-opts driver=luks,key-secret=x,file.filename=n.luks '
     'n.raw',
     'convert @S --image-opts driver=luks,foo=x,key-secret=s,'
     'file.filename=n.luks n.raw',
     'resize n.luks 2M', 'resize @S --image-opts %sn.luks 2M' % OPTS,
     'resize @S --image-opts %sn.luks +512' % OPTS,
     'resize @S --image-opts --shrink %sn.luks 1M' % OPTS,
     'resize @S --image-opts --preallocation=falloc %sn.luks 2M' % OPTS,
     'info --output=json n.luks'],
    ['convert @S -O luks %s data.raw data.luks' % K, 'info data.luks',
     'convert @S --image-opts %sdata.luks -O raw back.raw' % OPTS,
     'compare @S --image-opts %sdata.luks driver=raw,file.filename=data.raw'
     % OPTS],
] + one(
    'info short.luks', 'info -f luks short.luks', 'info v2.luks',
    'info -f luks v2.luks', 'info -f luks zero.luks', 'info -f luks data.raw',
)

CASES = LUKS_CREATE + LUKS_USE

CROSS = [('luks', 'key-secret=s,iter-time=10' + o) for o in (
    '', ',cipher-alg=aes-128,cipher-mode=cbc,ivgen-alg=plain',
    ',cipher-alg=aes-256,cipher-mode=cbc,ivgen-alg=essiv',
    ',cipher-alg=serpent-256', ',cipher-alg=serpent-192,cipher-mode=xts',
    ',cipher-alg=twofish-128,cipher-mode=ctr',
    ',cipher-alg=twofish-256,cipher-mode=cbc,ivgen-alg=essiv',
    ',cipher-alg=cast5-128,cipher-mode=cbc', ',cipher-mode=ecb',
    ',hash-alg=sha1', ',hash-alg=sha512', ',hash-alg=ripemd160',
    ',hash-alg=sm3')]

# ... also made by QEMU's program
BOTH_WAYS = [CROSS[0]]

# What differs and why.
KNOWN = {}
