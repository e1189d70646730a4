# SPDX-License-Identifier: GPL-2.0-or-later
#
# Command lines for test-qemu-img.py, as in commands.py: the layouts of qcow2
# images and how they are changed.


def one(*lines):
    return [[line] for line in lines]


# External data files
DATA = [
    ['create -f qcow2 -o data_file=d.raw n.qcow2 1M', 'info n.qcow2',
     'info --output=json n.qcow2', 'check n.qcow2', 'map n.qcow2',
     'convert -n -O qcow2 a.raw n.qcow2', 'check -q n.qcow2',
     'map --output=json -f qcow2 n.qcow2', 'resize n.qcow2 2M',
     'resize --shrink n.qcow2 640k', 'measure -f raw -O raw d.raw',
     'resize --preallocation=metadata n.qcow2 1M',
     'map --output=json --start-offset=512k n.qcow2'],
    ['create -f qcow2 -o data_file=d.raw,data_file_raw=on n.qcow2 1000k',
     'info n.qcow2', 'map --output=json -f qcow2 n.qcow2',
     'convert -n -O qcow2 odd.raw n.qcow2', 'resize n.qcow2 3M',
     'compare -f raw -F qcow2 d.raw n.qcow2', 'check -q n.qcow2'],
    ['create -q -f qcow2 -b a.raw -F raw -o data_file=d.raw n.qcow2',
     'convert -n -O qcow2 b.raw n.qcow2', 'map -f qcow2 n.qcow2',
     'compare b.raw n.qcow2'],
    ['create -q -f qcow2 -o data_file=d.raw n.qcow2 1M',
     'info --image-opts driver=qcow2,file.filename=n.qcow2,'
     'data-file.driver=null-co',
     'compare zero.raw n.qcow2', 'resize d.raw 2M', 'compare zero.raw n.qcow2'],
] + [
    ['create -q -f qcow2 -o preallocation=%s,data_file=d.raw,data_file_raw=%s '
     'n.qcow2 1M' % (mode, raw), 'map --output=json -f qcow2 n.qcow2',
     'check -q n.qcow2'] for mode in ('off', 'metadata', 'falloc', 'full')
    for raw in ('on', 'off')
] + one(
    'create -f qcow2 -o data_file=d.raw,compat=v2 n.qcow2 1M',
    'create -f qcow2 -o data_file=d.raw,data_file_raw=x n.qcow2 1M',
    'create -f qcow2 -o data_file=/nonexistent/d.raw n.qcow2 1M',
    'create -f qcow2 -o data_file= n.qcow2 1M',
    'create -f qcow2 -o data_file=d.raw,preallocation=foo n.qcow2 1M',
)

# Preallocation by mode and layout
PREALLOC = [
    ['create -q -f qcow2 -o preallocation=%s%s n.qcow2 %s' % (mode, opts, size),
     'resize -q --preallocation=%s n.qcow2 +700k' % mode,
     'check -f qcow2 -q n.qcow2']
    for mode in ('metadata', 'falloc', 'full')
    for opts, size in (('', '1M'), (',compat=0.10', '1000k'),
                       (',cluster_size=2M', '5M'), (',cluster_size=4k', '3M'),
                       (',refcount_bits=1', '0'))
] + [
    ['create -q -f qcow2 -o preallocation=%s n.qcow2 1000k' % mode,
     'map --output=json -f qcow2 n.qcow2']
    for mode in ('off', 'metadata', 'falloc', 'full')
] + one(
    'create -f qcow2 -o preallocation=metadata -b a.raw -F raw n.qcow2',
    'create -f qcow2 -o preallocation=full -b a.raw -F raw n.qcow2',
    'create -f qcow2 -o preallocation=off -b a.raw -F raw n.qcow2',
    'create -f qcow2 -o preallocation=x n.qcow2 1M',
    'create -f qcow2 -o preallocation= n.qcow2 1M',
)

# Extended L2 entries
EXTENDED = [
    ['create -f qcow2 -o extended_l2=on n.qcow2 1M', 'info n.qcow2',
     'info --output=json n.qcow2', 'convert -n -O qcow2 a.raw n.qcow2',
     'check n.qcow2', 'map n.qcow2', 'compare a.raw n.qcow2',
     'convert -n -O qcow2 b.raw n.qcow2', 'resize n.qcow2 +1000k',
     'resize --shrink n.qcow2 900k', 'resize n.qcow2 2M', 'check -q n.qcow2'],
    ['create -q -f qcow2 -b a.raw -F raw -o extended_l2=on,cluster_size=16k '
     'n.qcow2', 'convert -n -O qcow2 b.raw n.qcow2', 'resize n.qcow2 3M',
     'compare b.raw n.qcow2', 'check -q n.qcow2'],
    ['create -q -f qcow2 -o extended_l2=on,data_file=d.raw n.qcow2 1M',
     'convert -n -O qcow2 a.raw n.qcow2', 'check n.qcow2',
     'compare -f raw d.raw n.qcow2'],
] + [
    ['create -q -f qcow2 -o preallocation=%s,extended_l2=on,cluster_size=%s%s '
     'n.qcow2 %s' % (mode, size, base, '8M' if size == '2M' else '3M'),
     'map --output=json -f qcow2 n.qcow2',
     'resize -q --preallocation=%s n.qcow2 +700k' % mode,
     'check -q n.qcow2']
    for mode in ('off', 'metadata', 'falloc', 'full')
    for size in ('16k', '2M')
    for base in ('', ',backing_file=a.raw,backing_fmt=raw')
] + one(
    'create -f qcow2 -o extended_l2=on,cluster_size=8k n.qcow2 1M',
    'create -f qcow2 -o extended_l2=on,compat=0.10 n.qcow2 1M',
    'create -f qcow2 -o extended_l2=x n.qcow2 1M',
)


def amend(*options):
    return ['amend -o %s n.qcow2' % o for o in options]


# Changing options of an image
AMEND = [
    ['create -q -f qcow2 n.qcow2 1M', 'convert -n -O qcow2 a.raw n.qcow2'] +
    amend('compat=0.10', 'compat=v2', 'refcount_bits=8', 'lazy_refcounts=on',
          'compat=1.1,lazy_refcounts=on', 'refcount_bits=64', 'compat=v2',
          'refcount_bits=16,compat=v2', 'compat=v3', 'refcount_bits=1',
          'refcount_bits=2', 'refcount_bits=32', 'refcount_bits=16',
          'lazy_refcounts=on', 'compat=v2,lazy_refcounts=on', 'compat=v2') +
    ['check -q n.qcow2', 'compare a.raw n.qcow2'],
    ['create -q -f qcow2 n.qcow2 1M', 'amend', 'amend -f qcow2',
     'amend n.qcow2', 'amend -o help -f qcow2', 'amend -o help n.qcow2',
     'amend -o help -f raw', 'amend -o help', 'amend -o help -f foo',
     'amend -o size=1M nope', 'amend -f raw -o size=1M a.raw',
     'amend -f foo -o size=1M a.raw', 'amend -t foo -o size=1M n.qcow2',
     'amend -t none -o size=1M n.qcow2', 'amend -q -p -o size=1M n.qcow2',
     'amend --object foo -o size=1M n.qcow2', 'amend -p -o size=2M n.qcow2',
     'amend --image-opts -f qcow2 -o size=1M n.qcow2',
     'amend --image-opts -o size=1M driver=qcow2,file.filename=n.qcow2',
     'amend --force -o size=1M n.qcow2', 'amend n.qcow2 a.raw -o size=1M',
     'amend -U -o size=1M n.qcow2', 'amend -p -o lazy_refcounts=on n.qcow2',
     'amend -o compat=v2 n.qcow2', 'amend -p -o compat=v3 n.qcow2'] +
    amend('foo=bar', 'cluster_size=32k', 'compat=0.42', 'preallocation=off',
          'encryption=on', 'encrypt.format=luks', 'encrypt.state=active',
          'encrypt.iter-time=1', 'data_file=x', 'data_file_raw=on',
          'data_file_raw=off', 'backing_file=a.raw', 'backing_file=',
          'backing_fmt=raw', 'compression_type=zstd', 'extended_l2=on', ',',
          'refcount_bits=0', 'refcount_bits=7', 'refcount_bits=128', 'size=0',
          'size=x', 'size=1000', 'size=1E', 'size=512', 'lazy_refcounts=x'),
    ['create -q -f qcow2 -o data_file=d.raw,data_file_raw=on n.qcow2 1M'] +
    amend('compat=v2', 'refcount_bits=8', 'data_file_raw=off') +
    ['info n.qcow2'] + amend('data_file_raw=on', 'data_file=') +
    ['info n.qcow2'] + amend('data_file=d.raw'),
    ['create -q -f qcow2 -o extended_l2=on n.qcow2 1M'] +
    amend('compat=v2', 'refcount_bits=8,size=2M', 'lazy_refcounts=on') +
    ['info n.qcow2', 'check -q n.qcow2'],
    ['create -q -f qcow2 -o compression_type=zstd n.qcow2 1M'] +
    amend('compat=v2') + ['info n.qcow2'],
    ['create -q -f qcow2 -b a.raw -F raw n.qcow2 1100k',
     'convert -n -O qcow2 zero.raw n.qcow2'] +
    amend('backing_file=a.raw', 'backing_fmt=raw',
          'backing_file=a.raw,backing_fmt=raw', 'backing_file=b.raw',
          'compat=v2') +
    ['compare zero.raw n.qcow2', 'check -q n.qcow2'] +
    amend('compat=v3') + ['compare zero.raw n.qcow2', 'check -q n.qcow2'],
    ['create -q -f qcow2 -o cluster_size=512 -b a.raw -F raw n.qcow2'] +
    amend('compat=v2', 'compat=v3', 'refcount_bits=64', 'refcount_bits=1') +
    ['compare a.raw n.qcow2', 'check -q n.qcow2'],
]

# Shrinking shortens the file: check tells where it ends
SHRINK = [
    ['create -q -f qcow2 -o %s n.qcow2 64M' % opts,
     'convert -n -O qcow2 a.raw n.qcow2', 'resize --shrink n.qcow2 16M',
     'check n.qcow2', 'resize --shrink n.qcow2 512k', 'check n.qcow2',
     'measure -O raw n.qcow2', 'resize n.qcow2 2M', 'check n.qcow2']
    for opts in ('compat=v3', 'compat=v2', 'cluster_size=4k', 'extended_l2=on')
] + [
    ['create -q -f qcow2 -o preallocation=metadata n.qcow2 1200M',
     'resize --shrink n.qcow2 1024M', 'check n.qcow2',
     'resize --shrink n.qcow2 100M', 'check n.qcow2'],
]


def opened(*options):
    return ['compare --image-opts driver=qcow2,file.filename=n.qcow2,%s '
            'driver=raw,file.filename=a.raw' % o for o in options]


# Options of an open image
RUNTIME = [
    ['create -q -f qcow2 n.qcow2 1M', 'convert -n -O qcow2 a.raw n.qcow2'] +
    opened('cache-clean-interval=-1', 'cache-clean-interval=4294967296',
           'cache-clean-interval=x', 'cache-clean-interval=0',
           'cache-clean-interval=1', 'l2-cache-entry-size=-1',
           'l2-cache-entry-size=0', 'l2-cache-entry-size=1000',
           'l2-cache-entry-size=4k', 'l2-cache-entry-size=128k', 'backing=',
           'discard-no-unref=on', 'discard-no-unref=x', 'overlap-check=foo',
           'overlap-check=all', 'overlap-check.template=foo',
           'overlap-check.inactive-l2=x', 'overlap-check.inactive-l2=on') +
    ['snapshot -c s n.qcow2'] + opened('overlap-check=all'),
    ['create -q -f qcow2 -o compat=v2 n.qcow2 1M'] +
    opened('discard-no-unref=on'),
]

CASES = SHRINK + RUNTIME + DATA + PREALLOC + EXTENDED + AMEND
