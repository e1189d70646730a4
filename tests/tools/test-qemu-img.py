#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The same qemu-img command lines with our program and QEMU's, each in a
# directory of its own: standard output, standard error, exit status and the
# files that result must be equal. The command lines are in commands.py.
#
# Usage: test-qemu-img.py QEMU_IMG [substring of the cases to run]
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import chain_commands  # noqa: E402
import commands  # noqa: E402
import qcow2_bitmaps  # noqa: E402
import tolerated  # noqa: E402

ORACLE = os.environ.get('ORACLE_QEMU_IMG', '/usr/bin/qemu-img')


def normalise(text, directory):
    return tolerated.normalise('qemu-img', text.replace(directory, 'DIR'))


def run(program, words, directory):
    env = dict(os.environ, LC_ALL='C')
    try:
        p = subprocess.run([program] + words, cwd=directory, env=env,
                           stdin=subprocess.DEVNULL, capture_output=True,
                           timeout=60)
    except subprocess.TimeoutExpired:
        return 'timeout', '', ''
    return (p.returncode,
            normalise(p.stdout.decode(errors='replace'), directory),
            normalise(p.stderr.decode(errors='replace'), directory))


def digest(path):
    """Of length and content; holes and zeroes are one."""
    h = hashlib.sha256()
    zero = bytes(65536)
    with open(path, 'rb') as f:
        size = os.fstat(f.fileno()).st_size
        at = 0
        while at < size:
            try:
                at = os.lseek(f.fileno(), at, os.SEEK_DATA) & -65536
            except OSError:
                break
            f.seek(at)
            block = f.read(65536)
            if block != zero[:len(block)]:
                h.update(b'%d ' % at + block)
            at += 65536
    return '%d bytes %s' % (size, h.hexdigest()[:16])


def qcow2_content(path):
    """What a guest sees, and what QEMU's check says; not the bytes."""
    where = os.path.dirname(path)  # names of data files begin there
    check = subprocess.run([ORACLE, 'check', '-q', '-f', 'qcow2', path],
                           capture_output=True, cwd=where).returncode
    with tempfile.NamedTemporaryFile(prefix='qemu-img-') as raw:
        p = subprocess.run([ORACLE, 'convert', '-f', 'qcow2', '-O', 'raw',
                            path, raw.name], capture_output=True, cwd=where)
        shown = digest(raw.name)
    bitmaps = [str(b) for b in qcow2_bitmaps.read(path) or []]
    return 'check %d, convert %d, %s, bitmaps %s' % (check, p.returncode,
                                                     shown, bitmaps)


# What was found before: most commands change one file or none.
seen = {}


def stamp(path):
    st = os.stat(path)
    return (path, st.st_ino, st.st_size, st.st_mtime_ns, st.st_ctime_ns)


def content(directory):
    result = {}
    names = sorted(os.listdir(directory))
    stamps = tuple(stamp(os.path.join(directory, name)) for name in names)
    for i, name in enumerate(names):
        path = os.path.join(directory, name)
        # An image shows what its backing and data files have, too
        qcow2 = name.endswith('.qcow2')
        key = (path, stamps if qcow2 else stamps[i])
        if key not in seen:
            seen[key] = qcow2_content(path) if qcow2 else digest(path)
        result[name] = seen[key]
    return result


class Twin:
    """One directory per program, both beginning with the same files."""

    def __init__(self, ours):
        self.top = tempfile.mkdtemp(prefix='qemu-img-')
        # The real program: messages begin with its name
        self.programs = (os.path.realpath(ours), ORACLE)
        self.dirs = (os.path.join(self.top, 'ours'),
                     os.path.join(self.top, 'orcl'))
        self.fresh = {}  # the stamps of the files of the setup

    def reset(self, setup):
        """The files of @setup and no others; those untouched stay."""
        for d in self.dirs:
            os.makedirs(d, exist_ok=True)
            for entry in os.scandir(d):
                if entry.is_dir(follow_symlinks=False):
                    shutil.rmtree(entry.path)
                elif entry.is_symlink() or \
                        self.fresh.get(entry.path) != stamp(entry.path):
                    os.unlink(entry.path)
            for name, size, pieces in setup:
                path = os.path.join(d, name)
                if os.path.exists(path):
                    continue
                with open(path, 'wb') as f:
                    f.truncate(size)
                    for offset, data in pieces:
                        f.seek(offset)
                        f.write(data)
                self.fresh[path] = stamp(path)

    def use_chain(self, shape):
        """The files of a chain that QEMU's program has made."""
        made = os.path.join(self.top, 'chain-' + shape)
        if not os.path.exists(made):
            shutil.copytree(self.dirs[1], made)
            for words in chain_commands.chain(shape):
                subprocess.run([ORACLE] + words, cwd=made, check=True,
                               stdout=subprocess.DEVNULL)
        for d in self.dirs:
            shutil.copytree(made, d, dirs_exist_ok=True)

    def compare(self, words):
        got = [run(p, words, d) for p, d in zip(self.programs, self.dirs)]
        differences = []
        for what, a, b in zip(('exit status', 'stdout', 'stderr'), *got):
            if a != b:
                differences.append('%s: ours %r\n#   QEMU %r' % (what, a, b))
        files = [content(d) for d in self.dirs]
        if files[0] != files[1]:
            differences.append('files: ours %r\n#   QEMU %r' % tuple(files))
        return differences

    def close(self):
        shutil.rmtree(self.top)


def main():
    ours = sys.argv[1]
    pattern = sys.argv[2] if len(sys.argv) > 2 else ''
    if not os.path.exists(ORACLE):
        print('1..0 # SKIP %s is not installed' % ORACLE)
        return 0
    twin = Twin(ours)
    number = failed = 0
    cases = commands.CASES
    if pattern == 'chains':
        cases, pattern = chain_commands.CASES, ''
    for case in cases:
        twin.reset(commands.SETUP)
        if isinstance(case, tuple):
            twin.use_chain(case[0])
            case = case[1]
        # A case is a sequence of command lines over the same files
        for line in case:
            words = line if isinstance(line, list) else line.split()
            title = ' '.join(words)
            if pattern not in title:
                continue
            number += 1
            differences = twin.compare(words)
            # A known difference may depend on the order in which parallel
            # requests finish, so it is told, not judged.
            known = tolerated.known('qemu-img', title)
            ok = not differences
            failed += not ok and not known
            print('%sok %d - %s%s' % ('' if ok or known else 'not ', number,
                                      title, known))
            for d in differences:
                print('#   ' + d)
    print('1..%d' % number)
    twin.close()
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
