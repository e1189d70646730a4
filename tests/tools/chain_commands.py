# SPDX-License-Identifier: GPL-2.0-or-later
#
# Command lines for test-qemu-img.py: images on backing files. As in
# commands.py, but the chain that a case begins with is made by QEMU's program,
# and only once: a case is a pair of the chain's shape and the lines.


def bench(image, offset, size, pattern):
    """A write of @size bytes of @pattern."""
    return ['bench', '-q', '-w', '-c', '1', '-d', '1', '-f', 'qcow2', '-o',
            str(offset), '-s', str(size), '--pattern=%d' % pattern, image]


def chain(opts=''):
    """full.raw (256k) <- o.qcow2 (512k) <- p.qcow2 (1M)"""
    o = ['-o', opts] if opts else []
    return [
        ['create', '-q', '-f', 'qcow2'] + o + ['-b', 'full.raw', '-F', 'raw',
                                               'o.qcow2', '512k'],
        ['create', '-q', '-f', 'qcow2'] + o + ['-b', 'o.qcow2', '-F', 'qcow2',
                                               'p.qcow2', '1M'],
        bench('o.qcow2', 64 * 1024, 100 * 1024, 5),
        bench('o.qcow2', 400 * 1024, 10 * 1024, 6),
        bench('p.qcow2', 0, 70 * 1024, 7),
        bench('p.qcow2', 300 * 1024, 120 * 1024, 0),
        bench('p.qcow2', 900 * 1024, 3 * 1024, 8),
    ]


SHAPES = ['', 'compat=0.10', 'cluster_size=512', 'cluster_size=2M',
          'refcount_bits=1', 'compression_type=zstd']

COMMIT = [('', [line]) for line in (
    'commit p.qcow2', 'commit -q p.qcow2', 'commit -d p.qcow2',
    'commit -b full.raw p.qcow2', 'commit -b ./full.raw -f qcow2 p.qcow2',
    'commit -b o.qcow2 p.qcow2', 'commit -b p.qcow2 p.qcow2',
    'commit -b nope p.qcow2', 'commit -t none p.qcow2',
    'commit -t directsync -d p.qcow2', 'commit -t foo p.qcow2',
    'commit -r 1G p.qcow2', 'commit -r x p.qcow2', 'commit -f raw p.qcow2',
    'commit -q -p p.qcow2', 'commit', 'commit p.qcow2 o.qcow2', 'commit nope',
    'commit full.raw', 'commit -f raw full.raw', 'commit --foo p.qcow2',
    'commit -b', 'commit --image-opts driver=qcow2,file.filename=p.qcow2',
)] + [(s, ['commit p.qcow2', 'commit o.qcow2',
                bench('p.qcow2', 130 * 1024, 9 * 1024, 9),
                'commit -b full.raw p.qcow2', 'check -q p.qcow2'])
      for s in SHAPES]

REBASE = [('', [line]) for line in (
    'rebase -b full.raw -F raw p.qcow2', 'rebase -b a.raw -F raw p.qcow2',
    ['rebase', '-b', '', 'p.qcow2'], ['rebase', '-c', '-b', '', 'p.qcow2'],
    'rebase -c -b tail.raw -F raw p.qcow2',
    'rebase -b long.raw -F raw p.qcow2', 'rebase -b empty.raw -F raw p.qcow2',
    'rebase -b odd.raw -F raw p.qcow2', 'rebase -b nope -F raw p.qcow2',
    'rebase -u -b nope -F raw p.qcow2', 'rebase -u -b nope p.qcow2',
    ['rebase', '-u', '-b', '', 'p.qcow2'], 'rebase -u p.qcow2',
    'rebase p.qcow2', 'rebase', 'rebase -b a.raw -F foo p.qcow2',
    'rebase -b a.raw p.qcow2', 'rebase -u -b a.raw -F raw -f raw b.raw',
    'rebase -b full.raw -F raw -f raw a.raw',
    'rebase -c -b full.raw -F raw -f raw a.raw',
    'rebase -t foo -b a.raw -F raw p.qcow2',
    'rebase -T foo -b a.raw -F raw p.qcow2',
    'rebase -t none -T none -b a.raw -F raw p.qcow2',
    'rebase -q -p -b a.raw -F raw p.qcow2',
    'rebase -U -b a.raw -F raw p.qcow2', 'rebase -f raw -b a.raw p.qcow2',
    'rebase -u -b %s -F raw p.qcow2' % ('x' * 1100), 'rebase nope -b a.raw',
    'rebase --foo -b a.raw p.qcow2',
    'rebase --image-opts -b a.raw -F raw driver=qcow2,file.filename=p.qcow2',
)] + [(s, ['rebase -b a.raw -F raw p.qcow2',
                  'rebase -b tail.raw -F raw o.qcow2',
                  'rebase -b o.qcow2 -F qcow2 p.qcow2',
                  'rebase -b tail.raw -F raw p.qcow2',
                  'check -q p.qcow2'])
      for s in SHAPES]

CONVERT = [('', [line]) for line in (
    'convert -O qcow2 p.qcow2 n.qcow2', 'convert -O raw p.qcow2 n.raw',
    'convert -O qcow2 -B o.qcow2 -F qcow2 p.qcow2 n.qcow2',
    'convert -O qcow2 -o backing_file=o.qcow2,backing_fmt=qcow2 p.qcow2 '
    'n.qcow2',
    'convert -O qcow2 -B full.raw -F raw o.qcow2 n.qcow2',
    'convert -O qcow2 -B o.qcow2 p.qcow2 n.qcow2',
    'convert -O qcow2 -B nope -F raw p.qcow2 n.qcow2',
    'convert -O qcow2 -B o.qcow2 -F foo p.qcow2 n.qcow2',
    'convert -O qcow2 -B o.qcow2 -F qcow2 p.qcow2 o.qcow2 n.qcow2',
    'convert -O qcow2 -B full.raw -F raw a.raw n.qcow2',
    'convert -O qcow2 -F raw a.raw n.qcow2',
    'convert -c -O qcow2 -B o.qcow2 -F qcow2 p.qcow2 n.qcow2',
    'convert -c -O qcow2 p.qcow2 n.qcow2',
    'convert -c -O qcow2 -o compression_type=zstd p.qcow2 n.qcow2',
    'convert -c -O qcow2 -o cluster_size=512 p.qcow2 n.qcow2',
    'convert -c -O qcow2 -o cluster_size=2M p.qcow2 n.qcow2',
    'convert -c -O qcow2 -o preallocation=metadata p.qcow2 n.qcow2',
    'convert -c -O qcow2 full.raw odd.raw a.raw n.qcow2',
    'convert -c -S 0 -O qcow2 zero.raw n.qcow2',
    'convert -c -W -m 16 -O qcow2 p.qcow2 n.qcow2',
    'convert -S 0 -O qcow2 p.qcow2 n.qcow2',
    'convert -n -O qcow2 a.raw p.qcow2', 'convert -n -c -O qcow2 a.raw p.qcow2',
    'convert -O qcow2 -o cluster_size=2M,preallocation=full p.qcow2 n.qcow2',
    'convert -O qcow2 -o preallocation=metadata p.qcow2 n.qcow2',
    'convert -U -O raw p.qcow2 n.raw',
    'convert -O raw -S 12k p.qcow2 n.raw', 'convert -r 1G -O raw p.qcow2 n.raw',
)] + [(s, ['convert -c -O qcow2 o.qcow2 n.qcow2', 'check -q n.qcow2',
                  'compare n.qcow2 o.qcow2', 'convert -O raw n.qcow2 n.raw',
                  bench('n.qcow2', 66 * 1024, 3000, 3), 'check -q n.qcow2'])
      for s in SHAPES]

MEASURE = [('', ['measure -O qcow2 -o %s p.qcow2' % o,
                 'measure --output=json -O qcow2 -o %s --size 10G' % o])
           for o in ('cluster_size=512', 'cluster_size=2M', 'extended_l2=on',
                     'refcount_bits=1', 'refcount_bits=64', 'refcount_bits=3',
                     'preallocation=full', 'preallocation=metadata',
                     'preallocation=foo', 'compat=0.10', 'compat=foo',
                     'compat=0.10,refcount_bits=1', 'cluster_size=100',
                     'backing_file=x', 'extended_l2=on,cluster_size=4k')]
MEASURE += [('', [line]) for line in (
    'measure -O qcow2 a.raw', 'measure -O qcow2 p.qcow2', 'measure p.qcow2',
    'measure -O qcow2 --size 0', 'measure -O qcow2 --size 1P',
    'measure -O qcow2 -o cluster_size=512 --size 4T',
    'measure -O null-co --size 1', 'measure -O qcow2 -l x p.qcow2',
    'convert -l x -O raw p.qcow2 n.raw', 'convert -l snapshot.id=1 o.qcow2 n.raw')]
MEASURE += [('', [
    'snapshot -c one p.qcow2', bench('p.qcow2', 200 * 1024, 5000, 99),
    'convert -l one -O raw p.qcow2 n.raw',
    'convert -l snapshot.name=one -O qcow2 p.qcow2 n.qcow2',
    'convert -l snapshot.id=1,snapshot.name=one -O raw p.qcow2 m.raw',
    'convert -l snapshot.id=2 -O raw p.qcow2 n.raw',
    'convert -l one -O raw p.qcow2 o.qcow2 n.raw',
    'measure -O qcow2 -l one p.qcow2'])]

CASES = COMMIT + REBASE + CONVERT + MEASURE
