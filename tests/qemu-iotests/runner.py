# SPDX-License-Identifier: GPL-2.0-or-later
"""One run of one test, and the report of all."""

import collections
import datetime
import difflib
import os
import shutil
import signal
import subprocess
import sys
import time

# status: pass, fail, notrun; detail: the reason; diff: what was different;
# casenotrun: cases that the test left out
Result = collections.namedtuple(
    'Result', 'name status detail diff casenotrun seconds')
TIMEOUT = int(os.environ.get('CHECK_TIMEOUT', '180'))


def read_lines(path):
    with open(path, encoding='utf-8', errors='replace') as f:
        return f.read().splitlines()


class Runner:
    def __init__(self, env, args):
        self.env = env
        self.args = args
        self.children = set()
        self.stopped = False

    def golden(self, name):
        """The expected output: the most special file there is."""
        path = os.path.join(self.env.source, name)
        machine = self.env.vars['QEMU_DEFAULT_MACHINE']
        tries = ['%s.out.%s' % (path, self.env.imgfmt),
                 '%s.%s.out' % (path, machine), path + '.out']
        if self.args.cachemode == 'none':
            tries.insert(0, path + '.out.nocache')
        return next((t for t in tries if os.path.exists(t)), tries[-1])

    def command(self, path):
        with open(path, 'rb') as f:
            first = f.readline()
        if first.startswith(b'#!') and b'python' in first:
            return [sys.executable, os.path.basename(path)]
        return ['./' + os.path.basename(path)]

    def execute(self, path, env, out):
        """Run it, all its output to @out; the exit status or a reason."""
        cwd = os.path.dirname(path)
        if not os.access(path, os.X_OK):
            return 'not executable'
        p = subprocess.Popen(self.command(path), cwd=cwd, env=env,
                             stdin=subprocess.DEVNULL, stdout=out,
                             stderr=subprocess.STDOUT, start_new_session=True)
        self.children.add(p)
        try:
            status = p.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            status = 'no end after %d s' % TIMEOUT
        finally:
            # Whatever the test left running ends with it
            try:
                os.killpg(p.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            p.wait()
            self.children.discard(p)
        return status

    def run(self, name):
        if self.stopped:
            return Result(name, 'notrun', 'interrupted', [], '', 0)
        path = os.path.join(self.env.source, name)
        env = self.env.for_test(name)
        bad = os.path.join(env['TEST_DIR'],
                           os.path.basename(name) + '.out.bad')
        start = time.monotonic()
        with open(bad, 'wb') as out:
            status = self.execute(path, env, out)
        seconds = time.monotonic() - start
        result = self.judge(name, env, status, bad, seconds)
        # What a failed test leaves behind is for the one who looks into it
        if result.status != 'fail' and not self.args.debug:
            shutil.rmtree(env['TEST_DIR'], ignore_errors=True)
            shutil.rmtree(env['SOCK_DIR'], ignore_errors=True)
        return result

    def judge(self, name, env, status, bad, seconds):
        def result(how, detail='', diff=(), cases=''):
            return Result(name, how, detail, list(diff), cases, seconds)

        def note(suffix):
            path = os.path.join(env['TEST_DIR'],
                                os.path.basename(name) + suffix)
            return '\n'.join(read_lines(path)) if os.path.exists(path) else ''

        if self.args.print:
            print('\n'.join(read_lines(bad)))
        reason = note('.notrun')
        if reason:
            return result('notrun', reason)
        golden = self.golden(name)
        if not os.path.exists(golden):
            return result('fail', 'no golden output', read_lines(bad))
        want, got = read_lines(golden), read_lines(bad)
        diff = [] if want == got else difflib.unified_diff(
            want, got, golden, bad, lineterm='')
        if status != 0:
            return result('fail', 'failed, exit status %s' % status
                          if isinstance(status, int) else status, diff)
        if want != got:
            return result('fail', 'output mismatch (see %s)' % bad, diff)
        return result('pass', '', (), note('.casenotrun'))

    def stop(self):
        self.stopped = True
        for p in list(self.children):
            try:
                os.killpg(p.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass


class Report:
    def __init__(self, env, args, count):
        self.env = env
        self.tap = args.tap
        self.count = count
        self.done = 0
        self.lists = {'pass': [], 'fail': [], 'notrun': []}
        self.cases = []
        color = args.color == 'on' or (args.color == 'auto'
                                       and sys.stdout.isatty())
        self.colors = {'pass': '\33[32m', 'fail': '\33[31m',
                       'notrun': '\33[33m'} if color else {}

    def begin(self):
        if self.tap:
            print('TAP version 13\n1..%d' % self.count)
            for line in self.env.describe().split('\n'):
                print('# ' + line)
        else:
            print(self.env.describe() + '\n')
        sys.stdout.flush()

    def add(self, r):
        self.done += 1
        self.lists[r.status].append(r.name)
        if r.casenotrun:
            self.cases.append(r.name)
        if self.tap:
            self.add_tap(r)
        else:
            now = datetime.datetime.now().strftime('%H:%M:%S')
            word = {'notrun': 'not run'}.get(r.status, r.status)
            print('%-20s %s%-8s%s [%s] [%5.1fs] %s' % (
                r.name, self.colors.get(r.status, ''), word,
                '\33[0m' if self.colors else '', now, r.seconds,
                r.detail + r.casenotrun))
            if r.diff:
                print('\n'.join(r.diff))
        sys.stdout.flush()

    def add_tap(self, r):
        if r.status == 'fail':
            print('not ok %d - %s' % (self.done, r.name))
            for line in [r.detail] + r.diff:
                print('# ' + line)
        elif r.status == 'notrun':
            print('ok %d - %s # SKIP %s' % (
                self.done, r.name, r.detail.replace('\n', ' ')))
        else:
            print('ok %d - %s' % (self.done, r.name))

    def end(self):
        if not self.tap:
            if self.lists['notrun']:
                print('Not run: ' + ' '.join(self.lists['notrun']))
            if self.cases:
                print('Some cases not run in: ' + ' '.join(self.cases))
            ran = len(self.lists['pass']) + len(self.lists['fail'])
            if self.lists['fail']:
                print('Failures: ' + ' '.join(self.lists['fail']))
                print('Failed %d of %d iotests' % (len(self.lists['fail']),
                                                   ran))
            else:
                print('Passed all %d iotests' % ran)
        return 1 if self.lists['fail'] else 0
