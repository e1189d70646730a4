#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Holds the same QMP sessions with our qemu-storage-daemon and with QEMU's.

usage: test-storage-daemon.py OUR-PROGRAM [-v] [SESSION...]

As test-qmp.py: replies and events are compared byte by byte.  Two kinds of
sessions: those of daemon_sessions.py, and bad commands made from the schema
(generate.py).  Without QEMU 10.0 our program alone must answer each command.
QEMU is $QEMU_DAEMON_ORACLE, or qemu-storage-daemon of the search path.
"""

import concurrent.futures
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

import generate
from daemon_sessions import EXPECTED, FILES, OURS_ONLY, SESSIONS
from qmp_driver import Dead, Program

NORMALISE = [
    (rb'("(?:micro)?seconds"): \d+', rb'\1: 0'),
    (rb'"package": "[^"]*"', b'"package": "P"'),
    (rb'"actual-size": \d+', b'"actual-size": 0'),
    (rb'/dev/pts/\d+', b'/dev/pts/0'),
]
# Commands whose work goes on behind the reply, and what ends it.
JOBS = ('blockdev-create', 'x-blockdev-amend')


class Daemon(Program):
    def options(self):
        return ['--chardev', 'socket,id=c,path=%s,server=on,wait=off'
                % self.path, '--monitor', 'chardev=c']

    def hold(self, request):
        """The replies and events of one request and of its job."""
        data = json.dumps(request).encode() + b'\n'
        out = self.step(data)
        if b'"return"' not in out:
            return out
        args = request.get('arguments', {})
        if request['execute'] in JOBS:
            end = (rb'"data": \{"status": "concluded", "id": "%s"\}\}\r\n'
                   % args['job-id'].encode())
        elif request['execute'] == 'block-export-del':
            end = (rb'BLOCK_EXPORT_DELETED", "data": \{"id": "%s"\}\}\r\n'
                   % args['id'].encode())
        else:
            return out
        if not re.search(end, out):
            out += self.read_until(end)
        return out


def normalise(data, tmpdir):
    for pattern, repl in NORMALISE:
        data = re.sub(pattern, repl, data)
    data = data.replace(tmpdir.encode(), b'TMP')
    names = {}
    return re.sub(rb'#block\d+', lambda m: names.setdefault(
        m.group(0), b'#node%d' % len(names)), data)


def reply_first(data):
    """
    QEMU sends the reply before the end of the job or behind it, depending on
    whether the job had to wait for anything; ours always before.
    """
    return re.sub(rb'(?s)(.*"status": "running"[^\n]*\n)(.*)'
                  rb'(\{"return": \{\}\}\r\n)(.*)', rb'\1\3\2\4', data)


def make_files(tmpdir):
    for name, size in FILES.items():
        with open(os.path.join(tmpdir, name), 'wb') as f:
            f.truncate(size)


def hold(binary, requests):
    """[(request, answer)] of a new run of the program."""
    with tempfile.TemporaryDirectory(prefix='test-qsd-') as tmpdir:
        make_files(tmpdir)
        out = []
        prog = Daemon([binary], tmpdir)
        try:
            out.append(('(greeting)', prog.greeting()))
            for request in [{'execute': 'qmp_capabilities'}] + requests:
                text = json.dumps(request)
                try:
                    answer = prog.hold(request)
                except Dead as e:
                    out.append((text, b'DIED ' + str(e).encode()))
                    break
                out.append((text, reply_first(answer)))
        finally:
            prog.close()
        return [(text, normalise(answer, tmpdir)) for text, answer in out]


def introspect(binary):
    requests = [{'execute': 'query-qmp-schema'}]
    answer = hold(binary, requests)[-1][1]
    return json.loads(answer)['return']


def find_oracle():
    path = (os.environ.get('QEMU_DAEMON_ORACLE') or
            shutil.which('qemu-storage-daemon'))
    if not path:
        return None
    out = subprocess.run([path, '--version'], capture_output=True, text=True,
                         check=False).stdout
    return path if 'version 10.0.' in out else None


def expected(name, request, data):
    for session, pattern, repl, _ in EXPECTED:
        if session in (name, '*') and data is not None:
            data = re.sub(pattern, repl, data)
    return data


def compare(name, ours, theirs, verbose):
    """The lines that tell the differences."""
    lines = []
    for i, (request, answer) in enumerate(ours):
        other = theirs[i][1] if i < len(theirs) else b''
        if verbose or expected(name, request, answer) != \
                expected(name, request, other):
            lines += ['> ' + request,
                      '  ours   ' + answer.decode(errors='replace').strip(),
                      '  theirs ' + other.decode(errors='replace').strip()]
    return lines


def run_one(name, requests, binary, oracle, verbose):
    """(ok, detail)"""
    theirs = None
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        if oracle and name not in OURS_ONLY:
            theirs = pool.submit(hold, oracle, requests)
        try:
            ours = hold(binary, requests)
        except Dead as e:
            return False, ['ours: %s' % e]
    if any(b'DIED' in answer for _, answer in ours):
        return False, ['%s: %s' % (r, a) for r, a in ours if b'DIED' in a]
    if not theirs:
        must = OURS_ONLY.get(name, b'')
        return (all(answer for _, answer in ours) and
                any(must in answer for _, answer in ours)), []
    lines = compare(name, ours, theirs.result(), verbose)
    return not lines or verbose, lines


def main():
    args = [a for a in sys.argv[2:] if a != '-v']
    verbose = '-v' in sys.argv
    binary = os.path.abspath(sys.argv[1])
    oracle = find_oracle()
    sessions = dict(SESSIONS)
    sessions.update(generate.sessions(introspect(binary), 20))
    names = args or list(sessions)
    failed = False
    count = 0
    for i, name in enumerate(names):
        ok, lines = run_one(name, sessions[name], binary, oracle, verbose)
        count += len(sessions[name])
        failed |= not ok
        print('%sok %d - %s%s' % ('' if ok else 'not ', i + 1, name,
                                  '' if oracle else ' # (no QEMU 10.0 here)'))
        for line in lines:
            print('# ' + line)
        sys.stdout.flush()
    print('# %d commands' % count)
    print('1..%d' % len(names))
    sys.exit(failed)


if __name__ == '__main__':
    main()
