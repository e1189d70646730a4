# SPDX-License-Identifier: GPL-2.0-or-later
#
# Command lines for test-qemu-img.py that make and undo internal snapshots.

RAW = 'driver=raw,file.driver=file,file.filename='


def one(*lines):
    return [[line] for line in lines]


MAKE = 'convert -f raw -O qcow2 %s tail.raw n.qcow2'
SHOW = 'snapshot -l n.qcow2'
CASES = one(
    'snapshot', 'snapshot -l', 'snapshot -c x', 'snapshot -l nofile',
    'snapshot -l -l a.raw', 'snapshot -c a -d b a.raw', 'snapshot -x a.raw',
    'snapshot -f raw -l a.raw', 'snapshot -f raw -c x a.raw',
    'snapshot -f raw -a x a.raw', 'snapshot -f raw -d x a.raw',
    'snapshot -f foo -l a.raw', 'snapshot -U -f raw -c x a.raw',
    'snapshot --image-opts -f raw -l ' + RAW + 'a.raw',
    'snapshot --image-opts -l ' + RAW + 'a.raw', 'snapshot -l a.raw b.raw',
) + [
    [MAKE % o, 'snapshot -c one n.qcow2', SHOW,
     'dd if=full.raw of=n.qcow2 bs=4k seek=9',
     'snapshot -c two n.qcow2', 'snapshot -q -c one n.qcow2', SHOW,
     'snapshot n.qcow2', 'snapshot -d 2 n.qcow2',
     'snapshot -d nobody n.qcow2', 'snapshot -a nobody n.qcow2',
     'snapshot -a 2 n.qcow2', 'snapshot -a one n.qcow2',
     'snapshot -d one n.qcow2', SHOW, 'snapshot -d one n.qcow2',
     'snapshot -a two n.qcow2',
     'snapshot -d two n.qcow2', SHOW]
    for o in ('', '-o compat=0.10', '-o cluster_size=512',
              '-o cluster_size=2M', '-o refcount_bits=4',
              '-o refcount_bits=64,cluster_size=4k', '-o lazy_refcounts=on',
              '-o preallocation=metadata')
] + [
    [MAKE % '', 'snapshot -c one n.qcow2', 'resize n.qcow2 4M',
     'snapshot -c two n.qcow2', 'resize --shrink n.qcow2 1M',
     'snapshot -a two n.qcow2', 'snapshot -a one n.qcow2',
     'snapshot -a two n.qcow2'],
    [MAKE % '-o compat=0.10', 'snapshot -c one n.qcow2', 'resize n.qcow2 4M',
     'resize --shrink n.qcow2 1M'],
    ['create -f qcow2 n.qcow2 0', 'snapshot -c one n.qcow2', SHOW,
     'resize n.qcow2 1M', 'snapshot -a one n.qcow2'],
    ['create -f qcow2 -b a.raw -F raw n.qcow2', 'snapshot -c one n.qcow2',
     'snapshot -a one n.qcow2', 'snapshot -d one n.qcow2'],
    [MAKE % '', ['snapshot', '-c', '', 'n.qcow2'],
     ['snapshot', '-c', 'x' * 300, 'n.qcow2'],
     ['snapshot', '-c', 'with space', 'n.qcow2'], SHOW,
     ['snapshot', '-d', '', 'n.qcow2'], SHOW],
    ['create -f qcow2 -o data_file=d.raw n.qcow2 1M', 'snapshot -c one n.qcow2',
     SHOW, 'snapshot -a one n.qcow2', 'snapshot -d one n.qcow2'],
    ['create -q -f qcow2 -o cluster_size=512 n.qcow2 4G', 'resize n.qcow2 5G',
     'snapshot -c one n.qcow2', 'snapshot -a one n.qcow2'],
]
