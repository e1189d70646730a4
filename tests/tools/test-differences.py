#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Whatever the differential tests let pass is listed in
# docs/interop/differences.md, by the sentence that gives the reason, and they
# let nothing pass but what tolerated.py and the EXPECTED lists of tests/qmp
# have. Counts the command lines that are run, too.
import ast
import glob
import importlib.util
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.join(HERE, '..', '..')
sys.path.insert(0, HERE)
import chain_commands  # noqa: E402
import commands  # noqa: E402
import commands_encryption  # noqa: E402
import io_commands  # noqa: E402
import qcow2_images  # noqa: E402
import tolerated  # noqa: E402

LEAST = 1500


def one_line(text):
    return ' '.join(text.split())


def expected_lists():
    """The reasons in lists called EXPECTED: the last words of each tuple."""
    for path in sorted(glob.glob(os.path.join(TOP, 'tests', 'qmp', '*.py'))):
        with open(path, encoding='utf-8') as f:
            tree = ast.parse(f.read())
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign) and \
                    getattr(node.targets[0], 'id', '') == 'EXPECTED':
                for entry in node.value.elts:
                    yield ast.literal_eval(entry.elts[-1])


def undeclared():
    """Lines of the tests that filter or skip by themselves."""
    for path in sorted(glob.glob(os.path.join(HERE, 'test-*.py'))):
        if os.path.basename(path) == os.path.basename(__file__):
            continue
        with open(path, encoding='utf-8') as f:
            for number, line in enumerate(f, 1):
                if re.search(r'\.sub\(|KNOWN|EXPECTED', line):
                    yield '%s:%d: %s' % (os.path.basename(path), number,
                                         line.strip())


def stale():
    """Command lines that are known to differ and that nobody runs."""
    cases = commands.CASES + commands_encryption.CASES + [
        case for _, case in chain_commands.CASES]
    lines = {line if isinstance(line, str) else ' '.join(line)
             for case in cases for line in case}
    lines |= {'%s: %s' % pair for pair in damage_lines()}
    return [title for table in tolerated.KNOWN.values() for title in table
            if title not in lines]


def damage_lines():
    spec = importlib.util.spec_from_file_location(
        'damage', os.path.join(HERE, 'test-qcow2-damage.py'))
    damage = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(damage)
    for name, _, _ in qcow2_images.CASES:
        for line in damage.lines_of(name):
            yield name, line


def count():
    """(what, number) of command lines that are run with both programs."""
    slow = commands_encryption.SLOW
    yield 'qemu-img', sum(len(c) for c in commands.CASES)
    yield 'qemu-img, chains', sum(len(c) for _, c in chain_commands.CASES)
    yield 'qemu-img, encryption', sum(
        len(c) for c in commands_encryption.CASES if c not in slow)
    yield 'qemu-img and qemu-io, damaged images', len(list(damage_lines()))
    yield 'qemu-io', len(io_commands.CASES)


def main():
    with open(os.path.join(TOP, 'docs', 'interop', 'differences.md'),
              encoding='utf-8') as f:
        listed = one_line(f.read())
    missing = [r for r in sorted(tolerated.reasons() | set(expected_lists()))
               if one_line(r) not in listed]
    total = 0
    for what, number in count():
        print('# %s: %d command lines' % (what, number))
        total += number
    print('# %d command lines' % total)
    print('1..4')
    failed = False
    for n, (title, wrong) in enumerate((
            ('every difference is in docs/interop/differences.md', missing),
            ('nothing passes that is not declared', list(undeclared())),
            ('what is known to differ is run', stale()),
            ('at least %d command lines' % LEAST,
             [] if total >= LEAST else ['%d' % total]))):
        print('%s %d - %s' % ('not ok' if wrong else 'ok', n + 1, title))
        for line in wrong:
            print('#   ' + line)
        failed |= bool(wrong)
    return failed


if __name__ == '__main__':
    sys.exit(main())
