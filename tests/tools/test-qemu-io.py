#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The same qemu-io command lines with our program and QEMU's: standard output,
# standard error, exit status and the content of the images must be equal.
# The command lines are in io_commands.py.
#
# Usage: test-qemu-io.py QEMU_IO [substring of the cases to run]
import concurrent.futures
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import io_commands  # noqa: E402
import tolerated  # noqa: E402

ORACLE = os.environ.get('ORACLE_QEMU_IO', '/usr/bin/qemu-io')
ORACLE_IMG = os.environ.get('ORACLE_QEMU_IMG', '/usr/bin/qemu-img')
# Flushes cost nothing in memory
TMP = '/dev/shm' if os.access('/dev/shm', os.W_OK) else None


def normalise(data, directory):
    return tolerated.normalise(
        'qemu-io', data.decode(errors='replace').replace(directory, 'DIR'))


def run(program, case, directory):
    options, commands, text = case
    words = [program] + options
    for c in commands or ():
        words += ['-c', c]
    try:
        p = subprocess.run(words, cwd=directory, input=(text or '').encode(),
                           capture_output=True, timeout=30,
                           env=dict(os.environ, LC_ALL='C'))
    except subprocess.TimeoutExpired:
        return "timeout of " + program, "", "", {}
    images = {}
    for name, _, _, _ in io_commands.SETUP:
        if name in changed(directory):
            images[name] = content(os.path.join(directory, name))
    return (p.returncode, normalise(p.stdout, directory),
            normalise(p.stderr, directory), images)


def changed(directory):
    """Names of images that are not the template's any more."""
    result = set()
    for name, _, _, _ in io_commands.SETUP:
        with open(os.path.join(directory, name), 'rb') as f, \
                open(os.path.join(directory, '..', 'start', name),
                     'rb') as g:
            if f.read() != g.read():
                result.add(name)
    return result


def content(path):
    """What a guest sees of it."""
    p = subprocess.run([ORACLE_IMG, 'convert', '-O', 'raw', path,
                        path + '.flat'], capture_output=True)
    if p.returncode:
        return p.stderr
    with open(path + '.flat', 'rb') as f:
        data = f.read()
    os.unlink(path + '.flat')
    return data


def make_images(directory):
    os.mkdir(directory)
    for name, fmt, size, commands in io_commands.SETUP:
        path = os.path.join(directory, name)
        subprocess.run([ORACLE_IMG, 'create', '-q', '-f', fmt, path, size],
                       check=True)
        words = [ORACLE, '-f', fmt, path]
        for c in commands or ['length']:
            words += ['-c', c]
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL)


def compare(case, top, programs):
    got = []
    for program in programs:
        d = tempfile.mkdtemp(dir=top)
        for image, _, _, _ in io_commands.SETUP:
            shutil.copyfile(os.path.join(top, 'start', image),
                            os.path.join(d, image))
        got.append(run(program, case, d))
        shutil.rmtree(d)
    differences = ['%s: ours %.3000r\n#   QEMU %.3000r' % (what, a, b)
                   for what, a, b in zip(('status', 'stdout', 'stderr'), *got)
                   if a != b]
    for name in sorted(set(got[0][3]) | set(got[1][3])):
        start = os.path.join(top, 'start', name)
        # Bytes of an image may differ where its content does not
        a, b = (g[3].get(name) or content(start) for g in got)
        if a != b:
            differences.append('the content of ' + name)
    return differences


def main():
    ours = os.path.realpath(sys.argv[1])
    pattern = sys.argv[2] if len(sys.argv) > 2 else ''
    if not os.path.exists(ORACLE):
        print('1..0 # SKIP %s is not installed' % ORACLE)
        return 0
    top = tempfile.mkdtemp(prefix='qemu-io-', dir=TMP)
    number = failed = 0
    try:
        make_images(os.path.join(top, 'start'))
        chosen = []
        for case in io_commands.CASES:
            title = ' '.join(case[0] + ['-c %r' % c for c in case[1] or ()])
            if case[2] is not None:
                title += ' <<< %r' % case[2]
            if pattern not in title:
                continue
            chosen.append((title, case))
        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            runs = [pool.submit(compare, case, top, (ours, ORACLE))
                    for title, case in chosen]
        for (title, case), r in zip(chosen, runs):
            number += 1
            differences = r.result()
            failed += bool(differences)
            print('%sok %d - %s' % ('not ' if differences else '', number,
                                    title.replace('#', r'\#')))
            for d in differences:
                print('#   ' + d)
    finally:
        shutil.rmtree(top)
    print('1..%d' % number)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
