#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Persistent bitmaps through random operations, each done by our programs or
# QEMU's: what the file has is compared with a model after each. Some programs
# are killed in the middle: what they were about to change must be marked.
#
# Usage: test-bitmaps.py QEMU_IMG QEMU_IO [seed [steps]]
import os
import random
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import qcow2_bitmaps  # noqa: E402

ORACLE = ('/usr/bin/qemu-img', '/usr/bin/qemu-io')
IMAGE = 'a.qcow2'
KINDS = [('default', ['-o', 'cluster_size=64k']),
         ('small', ['-o', 'cluster_size=512']),
         ('over raw', ['-b', 'base.raw', '-F', 'raw'])]


class Failed(Exception):
    pass


class Model:
    def __init__(self, size):
        self.size = size
        self.bitmaps = {}  # name: [granularity, auto, in_use, set of granules]

    def mark(self, offset, length):
        for b in self.bitmaps.values():
            if b[1] and not b[2] and length:
                b[3].update(range(offset // b[0],
                                  (offset + length - 1) // b[0] + 1))

    def merge(self, dst, src):
        g, s = dst[0], src[0]
        for i in src[3]:
            end = min((i + 1) * s, self.size)
            dst[3].update(range(i * s // g, (end - 1) // g + 1))

    def compare(self, found):
        got = {b.name: b for b in found or []}
        if sorted(got) != sorted(self.bitmaps):
            raise Failed('the file has %s, not %s' % (sorted(got),
                                                      sorted(self.bitmaps)))
        for name, (granularity, auto, in_use, dirty) in self.bitmaps.items():
            b = got[name]
            if b.in_use != in_use or b.granularity != granularity:
                raise Failed('%s: in_use %s, granularity %d' % (
                    name, b.in_use, b.granularity))
            if not in_use and (b.auto != auto or set(b.dirty()) != dirty):
                raise Failed('%s: auto %s, dirty %s; should be %s, %s' % (
                    name, b.auto, b.dirty(), auto, sorted(dirty)))


class Run:
    def __init__(self, programs, rand, directory, kind):
        self.programs = programs
        self.rand = rand
        self.dir = directory
        self.model = Model(1 << 20)
        self.names = 0
        with open(os.path.join(directory, 'base.raw'), 'wb') as f:
            f.write(b'x' * (1 << 20))
        self.call(programs[0][0], 'create', '-q', '-f', 'qcow2', *kind, IMAGE,
                  '1M')

    def call(self, *argv):
        p = subprocess.run(argv, cwd=self.dir, capture_output=True, text=True,
                           stdin=subprocess.DEVNULL, timeout=60, check=False)
        if p.returncode:
            raise Failed('%s: %s' % (' '.join(argv), p.stdout + p.stderr))
        return p.stdout

    def img(self, *argv):
        program = self.rand.choice(self.programs)[0]
        self.last = ' '.join((program,) + argv)
        return self.call(program, *argv)

    def bitmap(self, name, *options):
        self.img('bitmap', *options, '-f', 'qcow2', IMAGE, name)

    def pick(self):
        return self.rand.choice(sorted(n for n, b in self.model.bitmaps.items()
                                       if not b[2]))

    # --- steps ---

    def add(self):
        self.names += 1
        name = 'bitmap %d' % self.names
        granularity = 512 << self.rand.randrange(9)
        off = self.rand.random() < 0.3
        self.bitmap(name, '--add', '-g', str(granularity),
                    *(['--disable'] if off else []))
        self.model.bitmaps[name] = [granularity, not off, False, set()]

    def remove(self):
        name = self.rand.choice(sorted(self.model.bitmaps))
        self.bitmap(name, '--remove')
        del self.model.bitmaps[name]

    def clear(self):
        name = self.pick()
        self.bitmap(name, '--clear')
        self.model.bitmaps[name][3].clear()

    def toggle(self):
        name = self.pick()
        b = self.model.bitmaps[name]
        b[1] = not b[1]
        self.bitmap(name, '--enable' if b[1] else '--disable')

    def merge(self):
        dst, src = self.pick(), self.pick()
        self.bitmap(dst, '--merge', src)
        self.model.merge(self.model.bitmaps[dst], self.model.bitmaps[src])

    def writes(self):
        """Commands for qemu-io, and what they write."""
        commands, ranges = [], []
        for _ in range(self.rand.randrange(1, 5)):
            offset = self.rand.randrange(self.model.size // 512) * 512
            length = min(self.rand.randrange(1, 200) * 512,
                         self.model.size - offset)
            kind = self.rand.choice(['write -P 7', 'write -z', 'write -z -u'])
            commands.append('%s %d %d' % (kind, offset, length))
            ranges.append((offset, length))
        return commands, ranges

    def write(self):
        commands, ranges = self.writes()
        argv = [self.rand.choice(self.programs)[1], '-f', 'qcow2']
        for c in commands:
            argv += ['-c', c]
        self.last = ' '.join(argv)
        self.call(*argv, IMAGE)
        for r in ranges:
            self.model.mark(*r)

    def resize(self):
        if any(b[2] for b in self.model.bitmaps.values()):
            return
        self.model.size = self.rand.randrange(1, 4096) * 512
        # Behind the new end nothing is remembered
        for g, _, _, dirty in self.model.bitmaps.values():
            dirty.intersection_update(range(-(-self.model.size // g)))
        self.img('resize', '-q', '--shrink', '-f', 'qcow2', IMAGE,
                 str(self.model.size))

    def kill(self):
        ours = self.rand.randrange(len(self.programs))
        program = self.programs[ours][1]
        wrote = self.rand.random() < 0.7
        commands, _ = self.writes() if wrote else (['length'], [])
        self.last = 'kill -9 %s after %s' % (program, commands)
        argv = [program, '-f', 'qcow2']
        for c in commands + ['sigraise 9']:
            argv += ['-c', c]
        p = subprocess.run(argv + [IMAGE], cwd=self.dir, capture_output=True,
                           text=True, timeout=60, check=False)
        if p.returncode != -9:
            raise Failed('not killed: %d %s' % (p.returncode,
                                                p.stdout + p.stderr))
        # QEMU marks when it opens the image, we before the first write
        if wrote or ours != 0:
            for b in self.model.bitmaps.values():
                b[2] = True

    def step(self):
        good = [b for b in self.model.bitmaps.values() if not b[2]]
        steps = [self.write] * 3 + [self.resize]
        if len(self.model.bitmaps) < 5:
            steps += [self.add] * 2
        if self.model.bitmaps:
            steps.append(self.remove)
        if good:
            steps += [self.clear, self.toggle] + [self.merge] * 2
        else:
            steps += [self.add] * 2
        if len(good) > 2:
            steps.append(self.kill)
        self.rand.choice(steps)()
        self.model.compare(qcow2_bitmaps.read(os.path.join(self.dir, IMAGE)))

    def check(self):
        for img, _ in self.programs:
            # 3: leaks, which a program that was killed may leave behind
            p = subprocess.run([img, 'check', '-f', 'qcow2', IMAGE],
                               cwd=self.dir, capture_output=True, text=True,
                               check=False)
            if p.returncode not in (0, 3):
                raise Failed('%s check: %s' % (img, p.stdout + p.stderr))


def main():
    ours = tuple(os.path.realpath(p) for p in sys.argv[1:3])
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    steps = int(sys.argv[4]) if len(sys.argv) > 4 else 40
    programs = [ours]
    if all(os.path.exists(p) for p in ORACLE):
        programs.append(ORACLE)
    failed = 0
    print('1..%d' % len(KINDS))
    for n, (name, options) in enumerate(KINDS):
        directory = tempfile.mkdtemp(prefix='test-bitmaps-')
        run = None
        try:
            run = Run(programs, random.Random(seed + n), directory, options)
            for i in range(steps):
                run.step()
                if i % 8 == 7:
                    run.check()
            run.check()
            print('ok %d - %s' % (n + 1, name))
        except Failed as e:
            failed += 1
            print('not ok %d - %s' % (n + 1, name))
            print('# after %s\n# %s' % (run and run.last,
                                        str(e).replace('\n', '\n# ')))
        finally:
            shutil.rmtree(directory)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
