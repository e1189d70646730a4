#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Snapshots inside images by QMP, answers beside QEMU's.
#
# Usage: test-internal-snapshots.py QEMU_IMG QEMU_SYSTEM
import json
import os
import subprocess
import sys
import tempfile

ORACLE = os.environ.get('ORACLE_QEMU', '/usr/bin/qemu-system-x86_64')
MAKE = 'blockdev-snapshot-internal-sync'
DROP = 'blockdev-snapshot-delete-internal-sync'


def make(device, name):
    return MAKE, {'device': device, 'name': name}


def drop(device, **more):
    return DROP, {'device': device, **more}


def transaction(*names, abort=False):
    actions = [{'type': MAKE, 'data': make('n', name)[1]} for name in names]
    if abort:
        actions.append({'type': 'abort', 'data': {}})
    return 'transaction', {'actions': actions}


def image(name, **more):
    return 'blockdev-add', {
        'driver': 'qcow2', 'node-name': name, **more,
        'file': {'driver': 'file', 'filename': 's.qcow2', 'locking': 'off',
                 'node-name': name + '-file'}}


NODES = ('n', 'r', 'n-file', 'nope', 'ro')
STEPS = [
    ('qmp_capabilities', {}), image('n'), image('ro', **{'read-only': True}),
    ('blockdev-add', {'driver': 'raw', 'node-name': 'r', 'file': {
        'driver': 'null-co', 'size': 1 << 20, 'read-zeroes': True}}),
    *[make(node, 'a') for node in NODES], make('n', ''), make('n', 'a'),
    make('n', 'b'), transaction('t', abort=True), transaction('u'),
    transaction('u'), transaction('v', 'v'),
    *[drop(node, name='nope') for node in NODES], drop('n'), drop('n', id='7'),
    drop('n', id='1', name='b'), drop('n', id='1', name='a'),
    drop('n', name='b'), drop('n', name='b'), make('n', 'last'),
    ('quit', {})]


def answers(program):
    p = subprocess.Popen([program, '-machine', 'none', '-nodefaults',
                          '-display', 'none', '-qmp', 'stdio'], text=True,
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    p.stdout.readline()
    for command, arguments in STEPS:
        p.stdin.write(json.dumps({'execute': command,
                                  'arguments': arguments}) + '\n')
        p.stdin.flush()
        answer = {'event': None}
        while 'event' in answer:
            line = p.stdout.readline()
            answer = json.loads(line) if line else {'died': p.wait()}
        if isinstance(answer.get('return'), dict):
            answer = {k: 0 if 'sec' in k else v
                      for k, v in answer['return'].items()}
        yield command, arguments, answer
    p.communicate()


def session(qemu_img, program):
    with tempfile.TemporaryDirectory(prefix='snapshots-') as top:
        os.chdir(top)
        subprocess.run([qemu_img, 'create', '-q', '-f', 'qcow2', 's.qcow2',
                        '1M'], check=True)
        result = list(answers(program))
        info = json.loads(subprocess.run(
            [qemu_img, 'info', '--output=json', 's.qcow2'],
            capture_output=True, check=True).stdout)
        left = [s['name'] for s in info['snapshots']]
        check = subprocess.run([qemu_img, 'check', '-q', 's.qcow2']).returncode
        os.chdir('/')
    return result, left, check


def main():
    qemu_img, ours = (os.path.realpath(a) for a in sys.argv[1:3])
    result, left, check = session(qemu_img, ours)
    ok = left == ['u', 'last'] and check == 0
    print('%sok 1 - what is left' % ('' if ok else 'not '))
    n = 1
    if os.path.exists(ORACLE):
        other = session(qemu_img, ORACLE)
        for a, b in zip(result, other[0]):
            n += 1
            ok &= a == b
            print('%sok %d - %s %s' % ('' if a == b else 'not ', n, a[0], a[1]))
            if a != b:
                print('# ours %r\n# QEMU %r' % (a[2], b[2]))
    else:
        print('# %s is not there: not compared' % ORACLE)
    print('1..%d' % n)
    return not ok


sys.exit(main())
