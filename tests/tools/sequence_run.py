# SPDX-License-Identifier: GPL-2.0-or-later
"""One random sequence on an image and its model; see test-sequences.py."""

import os
import random
import subprocess

KIB = 1 << 10
MIB = 1 << 20


class Failed(Exception):
    pass


class Shape:
    def __init__(self, options, size=3 * MIB // 2 + 512, cluster=65536,
                 backing=None, snapshots=2, **also):
        self.options = options
        self.size = size
        self.cluster = cluster
        self.backing = backing  # the size of it
        self.snapshots = snapshots  # how often, of 100 steps
        self.compressed = also.get('compressed', 2)
        self.data_file = also.get('data_file', False)
        self.raw = also.get('raw', False)
        self.luks = also.get('luks', False)


SHAPES = {
    'default': Shape(['compat=1.1']),
    'backing': Shape(['cluster_size=64k'], backing=MIB + 1536),
    'extended-l2': Shape(['cluster_size=32k', 'extended_l2=on'], cluster=32768,
                         backing=2 * MIB),
    'data-file': Shape(['cluster_size=16k'], cluster=16384, backing=MIB,
                       snapshots=0, compressed=0, data_file=True),
    'lazy': Shape(['cluster_size=4k', 'lazy_refcounts=on'], cluster=4096,
                  backing=MIB),
    'snapshots': Shape(['cluster_size=4k'], cluster=4096, snapshots=12),
    'small': Shape(['cluster_size=512'], cluster=512, size=640 * KIB + 512,
                   backing=512 * KIB),
    'compressed': Shape(['cluster_size=16k'], cluster=16384, compressed=30),
    'zstd': Shape(['cluster_size=8k', 'compression_type=zstd'], cluster=8192,
                  compressed=30, backing=MIB),
    'data-file-raw': Shape(['cluster_size=16k', 'data_file_raw=on'], raw=True,
                           cluster=16384, snapshots=0, compressed=0,
                           data_file=True),
    'v2': Shape(['compat=0.10', 'cluster_size=8k'], cluster=8192,
                backing=MIB),
    'large': Shape(['cluster_size=2M'], cluster=2 * MIB, size=9 * MIB + 512,
                   backing=4 * MIB),
    'refcount-1': Shape(['refcount_bits=1', 'cluster_size=1k'], cluster=1024,
                        size=MIB),
    'refcount-2': Shape(['refcount_bits=2', 'cluster_size=4k'], cluster=4096,
                        snapshots=8, compressed=10),
    'refcount-64': Shape(['refcount_bits=64', 'cluster_size=2k'],
                         cluster=2048, size=MIB),
    'extended-data': Shape(['cluster_size=16k', 'extended_l2=on'],
                           cluster=16384, snapshots=0, compressed=0,
                           data_file=True),
    'luks': Shape(['encrypt.format=luks', 'encrypt.key-secret=sec',
                   'encrypt.iter-time=10'], compressed=0, luks=True),
}


def kinds(shape):
    """How often each kind of step is drawn."""
    snap = shape.snapshots
    over = 1 if shape.backing else 0
    return {'write': 30, 'zero': 8, 'unmap': 6, 'discard': 9, 'read': 6,
            'compress': shape.compressed, 'flush': 2, 'aio': 4, 'truncate': 2,
            'reopen': 2, 'create': snap, 'apply': snap / 2, 'delete': snap / 2,
            'resize': 1.5, 'commit': over, 'rebase': over,
            'unsafe': over / 2, 'amend': 1.5, 'bitmap': 2,
            'convert': 0 if shape.luks else 0.7, 'repair': 0.5}


IN_BATCH = ('write', 'zero', 'unmap', 'discard', 'read', 'compress', 'flush',
            'aio', 'truncate', 'reopen')
MOST = 16  # steps of one process


class Image:
    """A file, with who works on it."""

    def __init__(self, path, programs):
        self.path = path
        self.programs = programs  # one or two, in turns


class Run:
    def __init__(self, ours, oracle, directory, shape, seed, log):
        self.rand = random.Random(seed)
        self.ours, self.oracle = ours, oracle
        self.dir, self.shape, self.log = directory, shape, log
        self.done = self.files = 0
        self.v2 = 'compat=0.10' in shape.options
        self.model = bytearray(shape.size)
        self.snapshots = {}
        self.bitmaps = []
        self.base = None
        self.random = self.rand.randbytes(256 * KIB)
        self.put('pattern', self.random)
        # Refcounts so narrow that what fits depends on what is compressed
        self.narrow = any(o in ('refcount_bits=1', 'refcount_bits=2')
                          for o in shape.options)
        how = self.rand.random()
        self.alone = how < 0.2 or not oracle
        if self.alone:
            self.images = [Image('a', [ours])]
        elif how < 0.6 and not self.narrow:
            self.images = [Image('a', [ours]), Image('b', [oracle])]
        else:
            self.images = [Image('a', [ours, oracle])]

    # --- programs and files ---

    def put(self, name, data):
        with open(os.path.join(self.dir, name), 'wb') as f:
            f.write(data)

    def get(self, name):
        with open(os.path.join(self.dir, name), 'rb') as f:
            return f.read()

    def call(self, *argv, check=True):
        """The error text, or None."""
        if self.log is not None:
            self.log.append(' '.join("'%s'" % a if ' ' in a else a
                                     for a in argv))
        try:
            p = subprocess.run(argv, cwd=self.dir, capture_output=True,
                               text=True, stdin=subprocess.DEVNULL,
                               timeout=60, check=False)
        except subprocess.TimeoutExpired as e:
            raise Failed('takes too long: ' + ' '.join(argv)) from e
        if p.returncode < 0 or (p.returncode and check):
            raise Failed('%s: status %d\n%s' % (' '.join(argv), p.returncode,
                                                p.stdout + p.stderr))
        return p.stdout + p.stderr if p.returncode else None

    def target(self, path, fmt='-f'):
        """How the image is named on a command line."""
        if self.shape.luks:
            return ['--object', 'secret,id=sec,data=abc', '--image-opts',
                    'driver=qcow2,encrypt.key-secret=sec,file.filename='
                    + path]
        return [fmt, 'qcow2', path] if fmt else [path]

    def options(self, path):
        options = list(self.shape.options)
        if self.shape.data_file:
            self.files += 1
            options.append('data_file=data%d-%s' % (self.files, path))
        return ','.join(options)

    def backing(self, image):
        return 'base%d-%s' % (self.base_n, image.path)

    def new_base(self, content):
        self.files += 1
        self.base_n = self.files
        self.base = bytearray(content)
        for image in self.images:
            self.put(self.backing(image), content)

    def choose(self, image):
        return self.rand.choice(image.programs)

    def some_bytes(self, rand, length):
        at = rand.randrange(len(self.random))
        data = self.random[at:] + self.random[:at]
        return (data * (length // len(data) + 1))[:length]

    def create(self):
        if self.shape.backing:
            self.new_base(self.some_bytes(self.rand, self.shape.backing))
            n = min(len(self.base), len(self.model))
            self.model[:n] = self.base[:n]
        for image in self.images:
            argv = [self.choose(image)['img'], 'create', '-q', '-f', 'qcow2']
            if self.shape.luks:
                argv += ['--object', 'secret,id=sec,data=abc']
            if self.base is not None:
                argv += ['-b', self.backing(image), '-F', 'raw']
            self.call(*argv, '-o', self.options(image.path), image.path,
                      str(self.shape.size))

    # --- steps of qemu-io: they change the model and return commands ---

    def place(self, rand, whole=False):
        size, c = len(self.model), self.shape.cluster
        offset = rand.randrange(size // 512) * 512
        length = rand.choice([1, 8, 8, 64, rand.randrange(1, 600)]) * 512
        if whole or rand.random() < 0.4:
            offset = offset // c * c
            length = (length + c - 1) // c * c
        return offset, min(length, size - offset)

    def io_write(self, rand):
        offset, length = self.place(rand)
        flag = rand.choice(['', '', '', '-f '])
        if rand.random() < 0.4 and length <= len(self.random):
            self.model[offset:offset + length] = self.random[:length]
            return ['write %s-s pattern %d %d' % (flag, offset, length)]
        p = rand.randrange(256)
        self.model[offset:offset + length] = bytes([p]) * length
        return ['write %s-P %d %d %d' % (flag, p, offset, length),
                'read -P %d %d %d' % (p, offset, length)]

    def io_zero(self, rand, option='-z'):
        offset, length = self.place(rand)
        self.model[offset:offset + length] = bytes(length)
        return ['write %s %d %d' % (option, offset, length),
                'read -P 0 %d %d' % (offset, length)]

    def io_unmap(self, rand):
        return self.io_zero(rand, '-z -u')

    def io_discard(self, rand):
        """What it covers of whole clusters is zero afterwards."""
        offset, length = self.place(rand)
        c, end = self.shape.cluster, offset + length
        begin = (offset + c - 1) // c * c
        if end != len(self.model):
            end = end // c * c
        if begin < end and not (self.v2 and self.base is not None):
            self.model[begin:end] = bytes(end - begin)
        return ['discard %d %d' % (offset, length)]

    def io_read(self, rand):
        offset, length = self.place(rand)
        value = self.model[offset]
        same = self.model[offset:offset + length]
        same = len(same) - len(same.lstrip(bytes([value])))
        return ['read -P %d %d %d' % (value, offset, max(same // 512 * 512,
                                                         1))]

    def io_compress(self, rand):
        offset, length = self.place(rand, True)
        # Data that is there is not written over by a compressed cluster
        empty = 'discard %d %d' % (offset, length)
        if self.v2 and self.base is not None:
            return self.io_write(rand)
        p = rand.randrange(256)
        if rand.random() < 0.2 and length <= len(self.random):
            self.model[offset:offset + length] = self.random[:length]
            return [empty, 'write -c -s pattern %d %d' % (offset, length)]
        self.model[offset:offset + length] = bytes([p]) * length
        return [empty, 'write -c -P %d %d %d' % (p, offset, length)]

    def io_flush(self, _rand):
        return ['flush']

    def io_aio(self, rand):
        """Several at once, none over another."""
        taken, commands = [], []
        for _ in range(rand.randrange(2, 9)):
            offset, length = self.place(rand)
            if any(o < offset + length and offset < o + n for o, n in taken):
                continue
            taken.append((offset, length))
            p = rand.randrange(256) if rand.random() < 0.8 else 0
            self.model[offset:offset + length] = bytes([p]) * length
            commands.append('aio_write %s %d %d' % (
                '-P %d' % p if p else '-z', offset, length))
        return commands + ['aio_flush']

    def io_truncate(self, rand):
        if self.bitmaps or (self.v2 and self.snapshots):
            return []
        size = self.new_size(rand)
        self.set_size(size)
        return ['truncate %d' % size]

    def io_reopen(self, _rand):
        return ['reopen -c writethrough', 'reopen -c writeback']

    def new_size(self, rand):
        # An old image cannot hide what its base has there
        most = (len(self.model) if self.v2 and self.base is not None
                else self.shape.size * 3 // 2)
        size = rand.randrange(most // 512) * 512 + 512
        if size < len(self.model) and not self.alone:
            # Who grows it again sees what was cut off, by QEMU's
            size = max(size // self.shape.cluster, 1) * self.shape.cluster
        return size

    def set_size(self, size):
        del self.model[size:]
        self.model.extend(bytes(size - len(self.model)))

    # --- steps of qemu-img ---

    def all(self, arguments, ours=False):
        """Done to each image: whether it was. Who refuses it leaves the image
        as it is, and both refuse it. @arguments: of an image."""
        results = []
        for image in self.images:
            programs = self.ours if ours else self.choose(image)
            text = self.call(programs['img'], *arguments(image), check=False)
            results.append(text)
            if text and programs is self.oracle:
                # It leaks what it had taken
                self.repair(image, 'leaks')
            if self.log is not None and text:
                self.log.append('  ' + text.strip())
        if any(results) and not all(results):
            raise Failed('only one refuses %s: %s' % (
                ' '.join(arguments(self.images[0])),
                ' | '.join(t.strip() if t else 'fine' for t in results)))
        return not any(results)

    def snapshot(self, option, name):
        # QEMU's leaves a mess where refcounts do not suffice to go back
        return self.all(lambda i: ['snapshot', '-' + option, name,
                                   *self.target(i.path, None)],
                        option == 'a' and self.narrow)

    def img_create(self, rand):
        name = 's%d' % rand.getrandbits(30)
        if len(self.snapshots) < 4 and self.snapshot('c', name):
            self.snapshots[name] = bytes(self.model)

    def img_apply(self, rand):
        if self.snapshots:
            name = rand.choice(sorted(self.snapshots))
            if self.snapshot('a', name):
                self.model = bytearray(self.snapshots[name])

    def img_delete(self, rand):
        if self.snapshots:
            name = rand.choice(sorted(self.snapshots))
            if not self.snapshot('d', name):
                raise Failed('snapshot %s stays' % name)
            del self.snapshots[name]

    def img_resize(self, rand):
        size = self.new_size(rand)
        if self.all(lambda i: ['resize', '-q', '--shrink',
                               *self.target(i.path), str(size)]):
            self.set_size(size)

    def img_commit(self, rand):
        # A snapshot would show the other base
        if self.base is None or self.snapshots:
            return
        for image in self.images:
            self.call(self.choose(image)['img'], 'commit', '-q',
                      *self.target(image.path))
        self.base[:len(self.model)] = self.model

    def img_rebase(self, rand):
        if self.snapshots:
            return
        if rand.random() < 0.2:
            if self.all(lambda i: ['rebase', '-b', '',
                                   *self.target(i.path)]):
                self.base = None
            return
        old = self.base
        names = [self.backing(i) for i in self.images] if old else []
        self.new_base(self.some_bytes(rand, rand.randrange(
            1, self.shape.backing * 2 // 512) * 512))
        for image in self.images:
            self.call(self.choose(image)['img'], 'rebase', '-b',
                      self.backing(image), '-F', 'raw',
                      *self.target(image.path))
        for name in names:
            os.unlink(os.path.join(self.dir, name))

    def img_unsafe(self, _rand):
        """To a copy of the base: what can be read stays."""
        if self.base is None:
            return
        self.new_base(bytes(self.base))
        for image in self.images:
            self.call(self.choose(image)['img'], 'rebase', '-u', '-b',
                      self.backing(image), '-F', 'raw',
                      *self.target(image.path))

    def img_amend(self, rand):
        width = self.shape.options[0] if self.shape.options[
            0].startswith('refcount_bits') else 'refcount_bits=16'
        options = rand.choice(['lazy_refcounts=on', 'lazy_refcounts=off',
                               'compat=0.10', 'refcount_bits=8',
                               'refcount_bits=16', 'refcount_bits=32',
                               'refcount_bits=64', width])
        if self.shape.cluster == 2 * MIB and 'bits' in options:
            return  # it takes QEMU's program minutes
        if options == 'compat=0.10' and (
                rand.random() < 0.7 or self.bitmaps
                or 'zstd' in self.shape.options[-1]):
            return
        # QEMU's takes zero clusters that snapshots share for its own
        ours = options == 'compat=0.10' and bool(self.snapshots)
        if self.all(lambda i: ['amend', '-q', '-o', options,
                               *self.target(i.path)], ours):
            if options == 'compat=0.10':
                self.all(lambda i: ['amend', '-q', '-o', 'compat=1.1',
                                    *self.target(i.path)])
                self.v2 = False

    def img_bitmap(self, rand):
        names = self.bitmaps
        how = rand.choice(['add', 'remove', 'clear', 'disable', 'enable'])
        name = rand.choice(names) if names else None
        if how == 'add' and len(names) < 3:
            name = 'b%d' % rand.getrandbits(30)
            if self.all(lambda i: ['bitmap', '--add', '-g', '32k',
                                   *self.target(i.path), name]):
                names.append(name)
        elif name and how != 'add':
            self.all(lambda i: ['bitmap', '--' + how, *self.target(i.path),
                                name])
            if how == 'remove':
                names.remove(name)

    def img_convert(self, rand):
        """The image is what it was converted to from now on."""
        compress = rand.random() < 0.4 and self.shape.compressed
        over = self.base is not None and rand.random() < 0.7
        for image in self.images:
            argv = [self.choose(image)['img'], 'convert', '-q', '-f', 'qcow2',
                    '-O', 'qcow2', '-o', self.options(image.path)]
            if compress:
                argv.append('-c')
            if over:
                argv += ['-B', self.backing(image), '-F', 'raw']
            self.call(*argv, image.path, 'new')
            os.rename(os.path.join(self.dir, 'new'),
                      os.path.join(self.dir, image.path))
        self.base = self.base if over else None
        self.v2 = 'compat=0.10' in self.shape.options
        self.snapshots.clear()
        self.bitmaps.clear()

    def repair(self, image, how):
        # QEMU's forgets the snapshots if there are bitmaps, too
        programs = self.ours if self.bitmaps else self.choose(image)
        self.call(programs['img'], 'check', '-q', '-r', how,
                  *self.target(image.path), check=False)

    def img_repair(self, _rand):
        for image in self.images:
            self.repair(image, 'all')

    # --- judgement ---

    def compare(self, found, want, what):
        if found == want:
            return
        if len(found) != len(want):
            raise Failed('%s: %d bytes, not %d' % (what, len(found),
                                                   len(want)))
        i = next(i for i in range(len(want)) if found[i] != want[i])
        raise Failed('%s: byte %d is %02x, not %02x' % (what, i, found[i],
                                                        want[i]))

    def read(self, programs, image, name=None):
        argv = [programs['img'], 'convert', '-q', '-O', 'raw']
        argv += ['-l', 'snapshot.name=' + name] if name else []
        self.call(*argv, *self.target(image.path), 'out')
        return self.get('out')

    def judge(self, last=False):
        everyone = [p for p in (self.ours, self.oracle) if p]
        for image in self.images:
            for programs in everyone if last else [self.choose(image)]:
                self.compare(self.read(programs, image), self.model,
                             image.path)
            for programs in everyone if last else [self.rand.choice(everyone)]:
                self.call(programs['img'], 'check', '-q',
                          *self.target(image.path))
            self.judge_snapshots(everyone, image, last)

    def judge_snapshots(self, everyone, image, last):
        names = sorted(self.snapshots)
        if not last and names:
            names = self.rand.sample(names, 1)
        for name in names if last or self.rand.random() < 0.2 else []:
            want = self.snapshots[name]
            found = self.read(self.rand.choice(everyone), image, name)
            # The disk's size is taken for the snapshot's
            n = min(len(found), len(want))
            self.compare(found[:n], want[:n], '%s of %s' % (name, image.path))

    # --- all of it ---

    def batch(self, steps):
        commands = []
        for kind, seed in steps:
            commands += getattr(self, 'io_' + kind)(random.Random(seed))
        for image in self.images:
            programs = self.choose(image)
            argv = [programs['io']]
            for command in commands:
                if programs is self.oracle:
                    # It would put streams into a cluster that has got a new
                    # owner after it was discarded
                    command = command.replace('write -c', 'write')
                argv += ['-c', command]
            if commands:
                self.call(*argv, *self.target(image.path))

    def go(self, steps):
        self.create()
        pos = 0
        while pos < len(steps):
            kind, seed = steps[pos]
            end = pos + 1
            self.done = end
            if kind in IN_BATCH:
                while (end < len(steps) and steps[end][0] in IN_BATCH
                       and end - pos < MOST):
                    end += 1
                self.done = end
                self.batch(steps[pos:end])
            else:
                getattr(self, 'img_' + kind)(random.Random(seed))
            pos = end
            self.judge()
        self.judge(True)
