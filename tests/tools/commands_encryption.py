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
    'iter-time=99999999999', 'preallocation=foo',
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

Q = '-o encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10'
A = '-o encrypt.format=aes,encrypt.key-secret=s'
QOPTS = 'driver=qcow2,encrypt.key-secret=s,file.filename='


def refused(*options):
    return one(*['create @S -f qcow2 -o %s n.qcow2 1M' % o for o in options])


QCOW2_CREATE = one(
    'create -f qcow2 -o help', 'create @S -f qcow2 %s n.qcow2 1M' % A,
    'create @S -f qcow2 %s,compat=0.10 n.qcow2 1M' % A,
    'create @S -f qcow2 %s n.qcow2 1M' % Q,
    'create @S -f qcow2 %s,preallocation=metadata,extended_l2=on n.qcow2 1M'
    % A,
) + refused(
    'encryption=on', 'encryption=on,encrypt.format=luks',
    'encryption=on,encrypt.key-secret=s', 'encryption=off,encrypt.key-secret=s',
    'encrypt.key-secret=s', 'encrypt.cipher-alg=aes-256',
    'encrypt.format=foo,encrypt.key-secret=s',
    'encrypt.format=qcow,encrypt.key-secret=s',
    'encrypt.format=aes,encrypt.key-secret=s,encrypt.cipher-alg=aes-128',
    'encrypt.format=aes', 'encrypt.format=luks',
    'encrypt.format=luks,encrypt.key-secret=x',
    'encrypt.format=luks,encrypt.key-secret=s,encrypt.cipher-alg=foo',
    'encrypt.format=luks,encrypt.key-secret=s,encrypt.cipher-mode=foo',
    'encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=x',
    'encrypt.format=luks,encrypt.key-secret=s,encrypt.foo=x')

QCOW2_OPEN = ['convert @S -O raw --image-opts driver=qcow2,file.filename=%s%s '
              'back.raw' % (name, o)
              for name in ('a.qcow2', 'l.qcow2', 'p.qcow2') for o in (
                  '', ',encrypt.key-secret=s', ',encrypt.format=foo',
                  ',encrypt.format=aes,encrypt.key-secret=s',
                  ',encrypt.format=luks,encrypt.key-secret=s',
                  ',encrypt.format=luks', ',encrypt.foo=bar',
                  ',encrypt.key-secret=x',
                  ',encrypt.format=luks,encrypt.key-secret=s,encrypt.foo=bar')]


def use(fmt, name):
    return [
        'info ' + name, 'info --output=json ' + name, 'check ' + name,
        'map ' + name, 'check @S --image-opts ' + QOPTS + name,
        'check @S --output=json --image-opts ' + QOPTS + name,
        'info @S --image-opts ' + QOPTS + name,
        'map @S --output=json --image-opts ' + QOPTS + name,
        'map @S --image-opts ' + QOPTS + name,
        'convert @S -n --target-image-opts data.raw ' + QOPTS + name,
        'map @S --output=json --image-opts ' + QOPTS + name,
        'compare @S --image-opts driver=raw,file.filename=data.raw ' + QOPTS +
        name,
        'resize @S --image-opts %s%s 2M' % (QOPTS, name),
        'resize @S --shrink --image-opts %s%s 70000' % (QOPTS, name),
        'resize @S --image-opts %s%s 1M' % (QOPTS, name),
        'snapshot -l ' + name, 'check @S --image-opts ' + QOPTS + name]


QCOW2_USE = [
    ['create -q @S -f qcow2 %s a.qcow2 1M' % A,
     'create -q @S -f qcow2 %s l.qcow2 1M' % Q,
     'create -q -f qcow2 p.qcow2 1M'] + QCOW2_OPEN,
    ['create -q @S -f qcow2 %s data.qcow2 1M' % A] + use('aes', 'data.qcow2'),
    ['create -q @S -f qcow2 %s data.qcow2 1M' % Q] + use('luks', 'data.qcow2'),
    ['convert @S -O qcow2 %s data.raw data.qcow2' % Q,
     'convert @S -O qcow2 -c %s data.raw c.qcow2' % Q,
     'convert @S -O qcow2 -c -o encryption=on data.raw c.qcow2'],
]


def amend(fmt, name, opts):
    """Key slots; T is a second password, E an empty one."""
    p = 'encrypt.' if fmt == 'qcow2' else ''
    t = '--object secret,id=t,data=def --object secret,id=e,data= '
    lines = []
    for o in ('state=active', 'iter-time=1', 'state=foo', 'foo=bar',
              'cipher-alg=aes-128', 'state=active,new-secret=t,old-secret=s',
              'state=active,new-secret=x', 'state=active,new-secret=t,keyslot=8',
              'state=active,new-secret=t,keyslot=x',
              'state=active,new-secret=t,keyslot=0',
              'state=active,new-secret=t,iter-time=1',
              'state=inactive', 'state=inactive,new-secret=t',
              'state=inactive,iter-time=1',
              'state=inactive,keyslot=0,old-secret=t',
              'state=inactive,keyslot=5', 'state=inactive,keyslot=9',
              'state=inactive,old-secret=t', 'state=inactive,keyslot=0',
              'state=inactive,old-secret=s', 'state=inactive,old-secret=e',
              'state=active,new-secret=e,iter-time=0,keyslot=7',
              'state=inactive,old-secret=x')[::1 if fmt == 'luks' else 5]:
        o = ','.join(p + x for x in o.split(','))
        lines.append('amend @S %s-o %s --image-opts %s%s'
                     % (t, o, opts, name))
    return lines + ['info ' + name, 'amend -o %sstate=active %s' % (p, name),
                    'amend @S --force -o %sstate=inactive,%skeyslot=0 '
                    '--image-opts %s%s' % (p, p, opts, name), 'info ' + name,
                    'info @S --image-opts %s%s' % (opts, name),
                    'convert @S --image-opts %s%s -O raw back.raw'
                    % (opts, name)]


AMEND = [
    ['create -q @S -f luks %s n.luks 1M' % K] + amend('luks', 'n.luks', OPTS),
    ['create -q @S -f qcow2 %s n.qcow2 1M' % Q] +
    amend('qcow2', 'n.qcow2', QOPTS),
    ['create -q @S -f qcow2 %s n.qcow2 1M' % A,
     'amend @S -o encrypt.state=inactive,encrypt.keyslot=0 --image-opts %s'
     'n.qcow2' % QOPTS],
    ['create -q -f qcow2 n.qcow2 1M',
     'amend -f qcow2 -o encrypt.state=inactive,encrypt.keyslot=0 n.qcow2',
     'amend -f luks -o help', 'amend -f qcow2 -o help'],
]

# To make an image takes QEMU's program two seconds: these run only with
# ENCRYPTION_ALL=1 in the environment or when they are asked for.
SLOW = [LUKS_USE[1], QCOW2_USE[2], QCOW2_USE[3], AMEND[1]]

MEASURE = one(*['measure @S -O luks %s' % o for o in (
    '--size 1M', '-o key-secret=s --size 1M', '-o key-secret=t --size 1M',
    '-o key-secret=s --output=json --size 1000', '-o key-secret=s data.raw',
    '-o key-secret=s,cipher-mode=cbc --size 1M',
    '-o key-secret=s,cipher-alg=foo --size 1M',
    '-o key-secret=s,detached-header=on --size 1M')])
MEASURE += one(*['measure @S -O qcow2 %s' % o for o in (
    '-o encrypt.format=luks --size 1G', '-o encryption=on --size 1M',
    '-o encrypt.format=aes --size 1M', '-o encrypt.format=foo --size 1M',
    '-o encrypt.key-secret=s --size 1M')])
MEASURE += one(*['measure @S -O qcow2 -o encrypt.format=luks,%s' % o for o in (
    'encrypt.key-secret=s --size 1G', 'encrypt.key-secret=t --size 1G',
    'encrypt.key-secret=s,cluster_size=512 --size 1G',
    'encrypt.key-secret=s,cluster_size=2M --size 1G',
    'encrypt.key-secret=s,preallocation=full --size 1G --output=json',
    'encrypt.key-secret=s,encrypt.cipher-mode=cbc --size 1M',
    'encrypt.key-secret=s,encrypt.cipher-alg=foo --size 1M',
    'encrypt.key-secret=s data.raw')])

CASES = MEASURE + LUKS_CREATE + LUKS_USE + QCOW2_CREATE + QCOW2_USE + AMEND

CROSS = [('luks', 'key-secret=s,iter-time=10' + o) for o in (
    '', ',cipher-alg=aes-128,cipher-mode=cbc,ivgen-alg=plain',
    ',cipher-alg=aes-256,cipher-mode=cbc,ivgen-alg=essiv',
    ',cipher-alg=serpent-256', ',cipher-alg=serpent-192,cipher-mode=xts',
    ',cipher-alg=twofish-128,cipher-mode=ctr',
    ',cipher-alg=twofish-256,cipher-mode=cbc,ivgen-alg=essiv',
    ',cipher-alg=cast5-128,cipher-mode=cbc', ',cipher-mode=ecb',
    ',hash-alg=sha1', ',hash-alg=sha512', ',hash-alg=ripemd160',
    ',hash-alg=sm3')]

CROSS += [('qcow2', 'encrypt.key-secret=s,' + o) for o in (
    'encrypt.format=luks,encrypt.iter-time=10',
    'encrypt.format=luks,encrypt.iter-time=10,cluster_size=4k',
    'encrypt.format=luks,encrypt.iter-time=10,extended_l2=on',
    'encrypt.format=luks,encrypt.iter-time=10,encrypt.cipher-mode=cbc,'
    'encrypt.ivgen-alg=essiv,preallocation=metadata',
    'encrypt.format=aes', 'encrypt.format=aes,cluster_size=512',
    'encrypt.format=aes,extended_l2=on,cluster_size=16k')]

# ... also made by QEMU's program
BOTH_WAYS = [CROSS[0]] + [c for c in CROSS if 'format=aes' in c[1]]
