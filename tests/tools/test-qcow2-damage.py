#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Damaged qcow2 images (qcow2_images.py) under our programs and QEMU's: what
# check and repair say, what is left afterwards, and whether snapshots of
# damaged tables are refused alike. Where things lie in a file may differ.
#
# Usage: test-qcow2-damage.py QEMU_IMG QEMU_IO [substring of names]
import filecmp
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import qcow2_images  # noqa: E402
import tolerated  # noqa: E402

CHECKS = ('check', 'check -r leaks', 'check -r all')
MORE = ('check --output=json', 'check --output=json -r all', 'check -q -r all')
OPENING = ('io', 'io -r')
WRITES = ('write', 'write none', 'write constant', 'write all',
          'write none,overlap-check.active-l1=on')
TABLES = ('snapshot -l', 'snapshot -a 1', 'snapshot -d n')


def command(program, words, directory):
    p = subprocess.run([program] + words, cwd=directory, capture_output=True,
                       env=dict(os.environ, LC_ALL='C'), timeout=60,
                       stdin=subprocess.DEVNULL)
    return [p.returncode] + [
        tolerated.normalise('damage', text.decode(errors='replace'))
        for text in (p.stdout, p.stderr)]


def outcome(tools, line, image, directory):
    """What a command says, and what is in the image afterwards."""
    path = os.path.join(directory, 't.qcow2')
    shutil.copy(image, path)
    words = line.split()
    if words[0] == 'write':
        opts = ['overlap-check=' + words[1]] if len(words) > 1 else []
        result = command(tools[1], [
            '--image-opts', '-c', 'write 512k 64k', ','.join(
                ['driver=qcow2', 'file.filename=t.qcow2'] + opts)], directory)
    elif words[0] == 'io':
        result = command(tools[1], words[1:] + ['-c', 'read 0 64k', 't.qcow2'],
                         directory)
    else:
        result = command(tools[0], words + ['t.qcow2'], directory)
    if words[0] == 'write':
        # Over metadata or not at all: what is left is anybody's guess
        return result
    if filecmp.cmp(path, image, shallow=False):
        return result + ['as before']
    after = command(qcow2_images.QEMU_IMG, ['check', 't.qcow2'], directory)
    raw = command(qcow2_images.QEMU_IMG, ['convert', '-O', 'raw', 't.qcow2',
                                          't.raw'], directory)
    content = b''
    if not raw[0]:
        with open(os.path.join(directory, 't.raw'), 'rb') as f:
            content = f.read()
    with open(path, 'rb') as f:
        f.seek(72)
        return result + [after[0], raw[0], hash(content), f.read(8).hex()]


NAMES = ('exit status', 'stdout', 'stderr', 'check afterwards',
         'convert afterwards', 'content', 'feature bits')


def lines_of(name):
    """What is run over the image called @name."""
    lines = CHECKS
    if name in ('leak', 'no-ref', 'snap-shared'):
        lines += MORE
    if name.startswith('take'):
        lines = WRITES
    if name.startswith('table'):
        lines += TABLES
    if name.startswith(('dirty', 'corrupt')):
        lines += OPENING
    return lines


def main():
    ours = [os.path.realpath(p) for p in sys.argv[1:3]]
    pattern = sys.argv[3] if len(sys.argv) > 3 else ''
    theirs = (qcow2_images.QEMU_IMG, qcow2_images.QEMU_IO)
    if not all(os.path.exists(p) for p in theirs):
        print('1..0 # SKIP %s is not installed' % (theirs,))
        return 0
    number = failed = 0
    with tempfile.TemporaryDirectory(prefix='qcow2-') as directory:
        for name, how, damage in qcow2_images.CASES:
            if pattern not in name:
                continue
            image = os.path.join(directory, 'base.qcow2')
            made = qcow2_images.Image(image, **how)
            damage(made)
            with open(image, 'wb') as f:
                f.write(made.data)
            for line in lines_of(name):
                a = outcome(ours, line, image, directory)
                b = outcome(theirs, line, image, directory)
                number += 1
                title = '%s: %s' % (name, line)
                known = tolerated.known('damage', title)
                failed += a != b and not known
                print('%sok %d - %s%s' % ('' if a == b or known else 'not ',
                                          number, title, known))
                for what, x, y in zip(NAMES, a, b):
                    if x != y:
                        print('#   %s: ours %r\n#   QEMU %r' % (what, x, y))
    print('1..%d' % number)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
