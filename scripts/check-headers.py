#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Every header compiles with nothing but util/osdep.h before it.

usage: check-headers.py BUILD_DIR
"""

import concurrent.futures
import json
import os
import shlex
import subprocess
import sys

from check_lib import ROOT, Tap, tracked


def flags_of(build):
    """Include paths and libraries' flags, as any C file is compiled with."""
    flags = set()
    with open(os.path.join(build, 'compile_commands.json'),
              encoding='utf-8') as f:
        for entry in json.load(f):
            for word in shlex.split(entry['command']):
                if word.startswith(('-I', '-D', '-isystem')):
                    flags.add(word)
    return sorted(flags)


def main():
    build = os.path.abspath(sys.argv[1])
    flags = flags_of(build)
    tap = Tap()

    def compile_one(header):
        text = '#include "util/osdep.h"\n#include "%s"\n' % header
        res = subprocess.run(
            ['gcc', '-fsyntax-only', '-std=gnu11', '-Wall', '-Wextra',
             '-Wno-unused-parameter', '-Wno-sign-compare',
             '-Wno-missing-field-initializers', '-Werror', '-x', 'c',
             '-I' + ROOT, *flags, '-'],
            input=text, text=True, capture_output=True, cwd=build,
            check=False)
        return res.stderr.strip().split('\n')[:6] if res.returncode else []

    headers = [h for h in tracked('.h') if not h.startswith('tests/')]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for header, bad in zip(headers, pool.map(compile_one, headers)):
            tap.point('%s compiles alone' % header, bad)
    tap.done()


if __name__ == '__main__':
    main()
