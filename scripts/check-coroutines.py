#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Only coroutines call coroutines, and a coroutine never runs the event loop.

usage: check-coroutines.py BUILD_DIR

A function marked coroutine_fn may be called by name only from another one, and
one that a header offers says so in its name (_co_).  A mark in a .c file
counts for that file: others may have static functions of the same name.  The
compiler writes who calls whom (gcc -fcallgraph-info, without optimisation, so
that nothing is inlined away); calls through pointers are not in that graph,
which is how a coroutine is entered in the first place.
"""

import concurrent.futures
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile

from check_lib import ROOT, Tap, read, tracked

# A coroutine that called one of these would wait for a loop it stands in.
LOOPS = {'aio_poll', 'main_loop_wait', 'main_loop_call'}

MARK = re.compile(
    r'\bcoroutine_fn\b[\w\s\*]*?\b(\w+)\s*\(', re.S)
POINTER = re.compile(r'\bcoroutine_fn\b[\w\s\*]*\(\s*\*')
EDGE = re.compile(r'edge: \{ sourcename: "([^"]+)" targetname: "([^"]+)"')


def marked():
    """Name -> the files that mark it as a coroutine."""
    found = {}
    for path in tracked('.c', '.h'):
        text = re.sub(r'/\*.*?\*/|//[^\n]*', '', read(path), flags=re.S)
        text = re.sub(r'^\s*#.*(?:\\\n.*)*$', '', text, flags=re.M)
        for m in MARK.finditer(text):
            statement = re.split(r'[;{}]', text[:m.start()])[-1]
            if not POINTER.match(text, m.start()) and \
                    'typedef' not in statement:
                found.setdefault(m.group(1), set()).add(path)
    return found


def edges(entry, tmp):
    """(caller, callee) pairs of one file of compile_commands.json."""
    words = shlex.split(entry['command'])
    if os.path.basename(words[0]) == 'ccache':
        del words[0]  # it has the object, but not the call graph
    keep, skip = [], False
    for w in words:
        if skip:
            skip = False
        elif w in ('-o', '-MF', '-MQ'):
            skip = True
        elif w in ('-MD', '-c') or w.startswith(('-O', '-fsanitize', '-g')):
            pass
        else:
            keep.append(w)
    base = os.path.join(tmp, re.sub(r'\W', '_', entry['output']))
    subprocess.run(keep + ['-O0', '-w', '-S', '-fcallgraph-info', '-o',
                           base + '.s'], cwd=entry['directory'], check=True,
                   capture_output=True)
    with open(base + '.ci', encoding='utf-8') as f:
        return [(a.split(':')[-1], b.split(':')[-1], entry['file'])
                for a, b in EDGE.findall(f.read())]


def main():
    build = os.path.abspath(sys.argv[1])
    tap = Tap()
    coroutines = marked()
    bad_names = ['%s: %s is a coroutine; its name should say so (_co_)'
                 % (min(f for f in files if f.endswith('.h')), name)
                 for name, files in sorted(coroutines.items())
                 if not re.search(r'(^|_)co(_|$)|[cC]oroutine', name)
                 and any(f.endswith('.h') for f in files)]
    tap.point('the name of every public coroutine says _co_', bad_names)

    with open(os.path.join(build, 'compile_commands.json'),
              encoding='utf-8') as f:
        entries = [e for e in json.load(f) if e['file'].endswith('.c')]
    complaints, loops = set(), set()

    def is_coroutine(name, path):
        files = coroutines.get(name, ())
        return path in files or any(f.endswith('.h') for f in files)

    with tempfile.TemporaryDirectory() as tmp, \
            concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for found in pool.map(lambda e: edges(e, tmp), entries):
            for caller, callee, path in found:
                path = os.path.relpath(os.path.join(build, path), ROOT)
                if is_coroutine(callee, path) and \
                        not is_coroutine(caller, path):
                    complaints.add('%s: %s calls the coroutine %s'
                                   % (path, caller, callee))
                if is_coroutine(caller, path) and callee in LOOPS:
                    loops.add('%s: the coroutine %s runs the event loop (%s)'
                              % (path, caller, callee))
    tap.point('only coroutines call coroutines', sorted(complaints))
    tap.point('no coroutine runs the event loop', sorted(loops))
    tap.done()


if __name__ == '__main__':
    main()
