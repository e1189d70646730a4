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
     'resize --shrink n.qcow2 640k', 'info -f raw d.raw',
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

CASES = DATA + PREALLOC + EXTENDED
