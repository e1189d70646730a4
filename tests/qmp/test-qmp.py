#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Holds the same sessions with our program and with QEMU, and compares.

usage: test-qmp.py OUR-PROGRAM [SESSION...]

Answers and events are compared byte by byte, key order included, after
replacing what differs from run to run. What is known to differ stands in
EXPECTED with its reason. Without QEMU 10.0 on this machine the sessions are
held with our program alone, which must answer each step. QEMU is
$QEMU_ORACLE, or qemu-system-x86_64 of the search path; "-v" shows both sides.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

from file_sessions import WithFile
from qmp_driver import Dead, Program, stdio_session
from sessions import (BAD_OPTIONS, CAPS, PARTIAL, RECONNECT, SESSIONS,
                      STDIO_SESSIONS, to_bytes)

BASE = ['-S', '-nodefaults', '-display', 'none']

# What differs from run to run, in both programs.
NORMALISE = [
    (rb'("(?:micro)?seconds"): \d+', rb'\1: 0'),
    (rb'"fd": \d+', b'"fd": 1'),
    (rb'"package": "[^"]*"', b'"package": "P"'),
    (rb'"thread-id": \d+', b'"thread-id": 1'),
    (rb'thread_id=\d+', b'thread_id=1'),
    (rb'"actual-size": \d+', b'"actual-size": 0'),
    (rb'(127\.0\.0\.1|::1):\d+', rb'\1:1'),
    (rb'/dev/pts/\d+', b'/dev/pts/0'),
    (rb'10\.0\.2(Debian[^\\]*)?(\\r|\r)', rb'10.0.2\2'),
]

# What is known to differ: (session, pattern, replacement, reason), applied to
# the answers of both programs.
EXPECTED = [
    ('dispatch-errors', rb"Parameter '[xy]' is unexpected",
     rb"Parameter 'x' is unexpected",
     'which of several unexpected members is named is chance in QEMU'),
]


class Tap:
    def __init__(self):
        self.count = 0
        self.failed = False

    def result(self, ok, name, detail=''):
        self.count += 1
        self.failed |= not ok
        print('%s %d - %s' % ('ok' if ok else 'not ok', self.count, name))
        for line in detail.splitlines():
            print('# ' + line)
        sys.stdout.flush()

    def skip(self, name, reason):
        self.count += 1
        print('ok %d - %s # SKIP %s' % (self.count, name, reason))


def normalise(data, tmpdir):
    for pattern, repl in NORMALISE:
        data = re.sub(pattern, repl, data)
    data = data.replace(tmpdir.encode(), b'TMP')
    # Names that a program makes up, by the order of their appearance.
    names = {}
    return re.sub(rb'#block\d+', lambda m: names.setdefault(
        m.group(0), b'#node%d' % len(names)), data)


def remove_expected(session, data):
    for name, pattern, repl, _ in EXPECTED:
        if name == session:
            data = re.sub(pattern, repl, data)
    return data


def find_oracle():
    path = os.environ.get('QEMU_ORACLE') or shutil.which('qemu-system-x86_64')
    if not path:
        return None, 'qemu-system-x86_64 is not installed'
    out = subprocess.run([path, '--version'], capture_output=True, text=True,
                         check=False).stdout
    if 'version 10.0.' not in out:
        return None, '%s is not QEMU 10.0' % path
    return path, ''


def make_files(tmpdir):
    for name in ('disk.raw', 'ro.raw'):
        with open(os.path.join(tmpdir, name), 'wb') as f:
            f.truncate(1 << 20)


def hold(argv, steps, pretty=False):
    """The answers of one program, step by step."""
    with tempfile.TemporaryDirectory(prefix='test-qmp-') as tmpdir:
        make_files(tmpdir)
        prog = Program(argv, tmpdir, pretty)
        try:
            out = [('(greeting)', prog.greeting(pretty))]
            for step in steps:
                if step is PARTIAL:
                    prog.send(b'{"execute": "query-na')
                    continue
                if step is RECONNECT:
                    prog.reconnect()
                    out.append(('reconnection', prog.greeting(pretty)))
                    continue
                fd = None
                if isinstance(step, WithFile):
                    fd = step.open(tmpdir)
                    step = step.step
                data = to_bytes(step)
                text = data.decode(errors='replace')[:200].strip()
                try:
                    out.append((text, prog.step(data, fd)))
                except Dead as e:
                    raise Dead('after %s: %s\n%s' % (
                        text, e, prog.stderr())) from None
            prog.send(b'{"execute": "quit"}')
            out.append(('quit', prog.read_to_end()))
            if prog.proc.returncode != 0:
                raise Dead('exit status %d: %s' % (prog.proc.returncode,
                                                   prog.stderr()))
        finally:
            prog.close()
        return [(step, normalise(answer, tmpdir)) for step, answer in out]


def try_hold(name, argv, steps):
    try:
        return hold(argv, steps, name == 'pretty'), ''
    except Dead as e:
        return None, str(e)


def compare(session, ours, theirs):
    diffs = []
    for (step, a), (_, b) in zip(ours, theirs):
        a, b = remove_expected(session, a), remove_expected(session, b)
        if a != b:
            diffs.append('after %s\n  ours: %s\n  QEMU: %s' % (
                step, a.decode(errors='replace').strip(),
                b.decode(errors='replace').strip()))
    return '\n'.join(diffs)


def sanity(session, answers):
    """Every line is JSON."""
    bad = []
    for step, answer in answers:
        for line in answer.splitlines() if session != 'pretty' else []:
            try:
                json.loads(line)
            except ValueError:
                bad.append('after %s: not JSON: %r' % (step, line))
    return '\n'.join(bad)


def run_sessions(tap, our, oracle, reason, wanted, verbose):
    for name, args, steps in SESSIONS:
        if wanted and name not in wanted:
            continue
        ours, err = try_hold(name, our + BASE + args, steps)
        if ours is None:
            tap.result(False, 'session %s' % name, err)
            continue
        if not oracle:
            detail = sanity(name, ours)
            tap.result(not detail, 'session %s, our side' % name, detail)
            tap.skip('session %s, compared' % name, reason)
            continue
        theirs, err = try_hold(name, oracle + BASE + args, steps)
        if theirs is None:
            tap.result(False, 'session %s' % name, 'QEMU: ' + err)
            continue
        detail = compare(name, ours, theirs)
        if verbose:
            for step, answer in ours:
                print('# > %s\n# %s' % (step, answer.decode(errors='replace')))
        tap.result(not detail, 'session %s' % name, detail)


def run_stdio(tap, our, oracle, reason, wanted):
    for name, args, text in STDIO_SESSIONS:
        if wanted and name not in wanted:
            continue
        with tempfile.TemporaryDirectory(prefix='test-qmp-') as tmpdir:
            a = normalise(stdio_session(our + BASE + args, tmpdir, text), tmpdir)
            if not oracle:
                tap.skip(name, reason)
                continue
            b = normalise(stdio_session(oracle + BASE + args, tmpdir, text),
                          tmpdir)
        a, b = remove_expected(name, a), remove_expected(name, b)
        tap.result(a == b, name, '' if a == b else
                   'ours: %r\nQEMU: %r' % (a, b))


def run_bad(argv, args):
    with tempfile.TemporaryDirectory(prefix='test-qmp-') as tmpdir:
        res = subprocess.run(argv + BASE + args, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             cwd=tmpdir, timeout=20, check=False)
        out = res.stdout.replace(tmpdir.encode(), b'TMP')
        return res.returncode, out.decode(errors='replace')


def run_bad_options(tap, our, oracle, reason):
    diffs = []
    for args in BAD_OPTIONS:
        a = run_bad(our, args)
        b = run_bad(oracle, args) if oracle else a
        if a != b or a[0] != 1:
            diffs.append('%s\n  ours: %s\n  QEMU: %s' % (' '.join(args), a, b))
    name = 'bad options of character devices and monitors'
    tap.result(not diffs, name, '\n'.join(diffs))
    if not oracle:
        tap.skip(name + ', compared', reason)


# --- introspection: ours is a part of QEMU's -------------------------------

class Schema:
    def __init__(self, infos):
        self.by_name = {i['name']: i for i in infos}

    def commands(self):
        return {n: i for n, i in self.by_name.items()
                if i['meta-type'] == 'command'}

    def events(self):
        return {n: i for n, i in self.by_name.items()
                if i['meta-type'] == 'event'}


def check_type(a, an, b, bn, path, diffs, seen, known):
    """Type an of schema a has nothing that type bn of schema b lacks."""
    if (an, bn) in seen:
        return
    seen.add((an, bn))
    x, y = a.by_name[an], b.by_name[bn]
    if x['meta-type'] != y['meta-type']:
        diffs.append('%s: %s, QEMU: %s' % (path, x['meta-type'],
                                           y['meta-type']))
        return
    kind = x['meta-type']
    if kind == 'builtin' and x['json-type'] != y['json-type']:
        diffs.append('%s: %s, QEMU: %s' % (path, x['json-type'],
                                           y['json-type']))
    elif kind == 'enum':
        extra = set(x['values']) - set(y['values'])
        if extra:
            diffs.append('%s: values %s' % (path, sorted(extra)))
    elif kind == 'array':
        check_type(a, x['element-type'], b, y['element-type'], path + '[]',
                   diffs, seen, known)
    elif kind == 'alternate':
        pass
    elif kind == 'object':
        theirs = {m['name']: m for m in y['members']}
        for m in x['members']:
            where = path + '.' + m['name']
            other = theirs.get(m['name'])
            if other is None:
                diffs.append('%s: not in QEMU' % where)
                continue
            if ('default' in m) != ('default' in other):
                diffs.append('%s: optional differs' % where)
            check_type(a, m['type'], b, other['type'], where, diffs, seen,
                       known)
        theirs = {v['case']: v for v in y.get('variants', [])}
        for v in x.get('variants', []):
            other = theirs.get(v['case'])
            if other is None:
                diffs.append('%s: variant %s not in QEMU' % (path, v['case']))
                continue
            check_type(a, v['type'], b, other['type'],
                       '%s(%s)' % (path, v['case']), diffs, seen, known)


def introspect(argv):
    steps = [CAPS, 'query-commands', 'query-qmp-schema']
    with tempfile.TemporaryDirectory(prefix='test-qmp-') as tmpdir:
        prog = Program(argv, tmpdir)
        try:
            prog.greeting()
            out = [json.loads(prog.step(to_bytes(s)))['return']
                   for s in steps]
        finally:
            prog.close()
    return [c['name'] for c in out[1]], Schema(out[2])


def run_introspection(tap, our, oracle, reason):
    names, schema = introspect(our + BASE)
    missing = sorted(set(schema.commands()) ^ set(names))
    tap.result(not missing, 'query-commands and query-qmp-schema agree',
               str(missing) if missing else '')
    if not oracle:
        tap.skip('introspection, compared', reason)
        return
    their_names, their_schema = introspect(oracle + BASE)
    extra = sorted(set(names) - set(their_names))
    tap.result(not extra, 'all our commands are commands of QEMU',
               str(extra) if extra else '')
    diffs, seen = [], set()
    for kind, ours, theirs in (
            ('command', schema.commands(), their_schema.commands()),
            ('event', schema.events(), their_schema.events())):
        for name, info in sorted(ours.items()):
            other = theirs.get(name)
            if other is None:
                diffs.append('%s %s: not in QEMU' % (kind, name))
                continue
            check_type(schema, info['arg-type'], their_schema,
                       other['arg-type'], name, diffs, seen, None)
            if kind == 'command':
                check_type(schema, info['ret-type'], their_schema,
                           other['ret-type'], name + ' ->', diffs, seen, None)
                if info.get('allow-oob', False) != other.get('allow-oob',
                                                             False):
                    diffs.append('%s: allow-oob differs' % name)
    tap.result(not diffs, 'our schema is a part of QEMU\'s', '\n'.join(diffs))


def main():
    args = [a for a in sys.argv[1:] if a != '-v']
    if not args:
        sys.exit(__doc__)
    args[0] = os.path.abspath(args[0])
    path, reason = find_oracle()
    our = [args[0], '-accel', 'qtest']
    if path and os.path.samefile(args[0], path):
        our = [args[0], '-accel', 'tcg']
    oracle = [path, '-accel', 'tcg'] if path else None
    tap = Tap()
    wanted = args[1:]
    run_sessions(tap, our, oracle, reason, wanted, '-v' in sys.argv)
    run_stdio(tap, our, oracle, reason, wanted)
    if not wanted or 'options' in wanted:
        run_bad_options(tap, our, oracle, reason)
    if not wanted or 'introspection' in wanted:
        run_introspection(tap, our, oracle, reason)
    print('1..%d' % tap.count)
    sys.exit(1 if tap.failed else 0)


if __name__ == '__main__':
    main()
