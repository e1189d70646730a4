#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The coding rules that a machine can hold.

usage: check-style.py [--fix]

--fix runs clang-format over the files that need it.
"""

import re
import shutil
import subprocess
import sys

from check_lib import ROOT, Tap, read, tracked

FORBIDDEN = {
    'strcpy': 'g_strlcpy', 'strcat': 'GString', 'sprintf': 'snprintf',
    'vsprintf': 'g_strdup_vprintf', 'gets': 'getline', 'atoi': 'qemu_strtoi',
    'atol': 'qemu_strtol', 'strtok': 'g_strsplit', 'alloca': 'g_malloc',
    'malloc': 'g_malloc or qemu_memalign', 'calloc': 'g_new0',
    'realloc': 'g_realloc', 'usleep': 'an event', 'sleep': 'an event',
}
CODE = ('.c', '.h')
SCRIPTS = ('.py', '.sh', 'meson.build')
MAX_LINES = 800


def strip(text):
    """C text without comments and strings, with its line structure."""
    def blank(m):
        return re.sub(r'[^\n]', ' ', m.group(0))
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', blank, text,
                  flags=re.S)


def check_format(fix):
    files = tracked(*CODE)
    bad = []
    for i in range(0, len(files), 40):
        res = subprocess.run(
            ['clang-format', '--dry-run', '-Werror', *files[i:i + 40]],
            cwd=ROOT, capture_output=True, text=True, check=False)
        bad += re.findall(r'^(\S+?):\d+:\d+: error', res.stderr, re.M)
    bad = sorted(set(bad))
    if fix and bad:
        subprocess.run(['clang-format', '-i', *bad], cwd=ROOT, check=True)
        bad = []
    return ['%s: not as clang-format writes it' % f for f in bad]


def main():
    tap = Tap()
    fix = '--fix' in sys.argv
    licence, head, words, size, space, osdep, guards = ([] for _ in range(7))
    for path in tracked(*CODE, *SCRIPTS):
        text = read(path)
        if not text.strip():
            continue
        if 'SPDX-License-Identifier: GPL-2.0-or-later' not in text[:4000]:
            licence.append('%s: no licence line' % path)
        for n, line in enumerate(text.split('\n'), 1):
            if line != line.rstrip() or (path.endswith(CODE) and '\t' in line):
                space.append('%s:%d: blanks at the end, or a tab' % (path, n))
    for path in tracked(*CODE):
        text = read(path)
        code = strip(text)
        if not text.lstrip().startswith('/*'):
            head.append('%s: no head comment' % path)
        lines = text.count('\n')
        if lines > MAX_LINES and 'one piece because' not in text[:3000].lower():
            size.append('%s: %d lines, and the head comment does not say why '
                        'it is one piece because ...' % (path, lines))
        if path.endswith('.c'):
            first = re.search(r'^#include\s+(\S+)', text, re.M)
            if first and first.group(1) != '"util/osdep.h"' and \
                    not path.startswith(('tests/guest', 'tests/bench')):
                osdep.append('%s: util/osdep.h is not its first include'
                             % path)
        elif not re.search(r'^#ifndef (\w+)\n#define \1$', text, re.M):
            guards.append('%s: no include guard' % path)
        for n, line in enumerate(code.split('\n'), 1):
            for word in re.findall(r'(?<![\w.>])(\w+)\s*\(', line):
                if word in FORBIDDEN and not path.startswith('tests/guest'):
                    words.append('%s:%d: %s: use %s'
                                 % (path, n, word, FORBIDDEN[word]))
    tap.point('every file names its licence', licence)
    tap.point('every C file says in its head what it is for', head)
    tap.point('no forbidden function', words)
    tap.point('no file over %d lines without a reason' % MAX_LINES, size)
    tap.point('no blanks at line ends, no tabs', space)
    tap.point('util/osdep.h comes first', osdep)
    tap.point('headers have guards', guards)
    if shutil.which('clang-format'):
        tap.point('the tree is as clang-format writes it', check_format(fix))
    else:
        tap.skip('clang-format', 'clang-format is not installed')
    tap.done()


if __name__ == '__main__':
    main()
