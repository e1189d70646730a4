# SPDX-License-Identifier: GPL-2.0-or-later
"""Sessions about dirty bitmaps and transactions; see sessions.py.

Not here because QEMU 10.0.2 dies of them: a merge of no bitmaps, and a
transaction that clears a bitmap and then fails.
"""

CAPS = 'qmp_capabilities'


def cmd(command, **args):
    req = {'execute': command}
    if args:
        req['arguments'] = {k.replace('_', '-'): v for k, v in args.items()}
    return req


def add(name, node='n0', **more):
    return cmd('block-dirty-bitmap-add', node=node, name=name, **more)


def on(what, name, node='n0'):
    return cmd('block-dirty-bitmap-' + what, node=node, name=name)


def merge(target, bitmaps, node='n0'):
    return cmd('block-dirty-bitmap-merge', node=node, target=target,
               bitmaps=bitmaps)


def sha(name, node='n0'):
    return cmd('x-debug-block-dirty-bitmap-sha256', node=node, name=name)


def action(kind, **data):
    return {'type': kind,
            'data': {k.replace('_', '-'): v for k, v in data.items()}}


def bact(what, name, node='n0', **more):
    return action('block-dirty-bitmap-' + what, node=node, name=name, **more)


def trans(*actions, **properties):
    args = {'actions': list(actions)}
    if properties:
        args['properties'] = {k.replace('_', '-'): v
                              for k, v in properties.items()}
    return {'execute': 'transaction', 'arguments': args}


def node(name, size, **more):
    return cmd('blockdev-add', driver='null-co', node_name=name, size=size,
               **more)


NODES = [CAPS, node('n0', 1 << 30), node('n1', 1 << 30), node('n2', 3 << 20),
         node('odd', 1000448), node('zero', 0)]
QUERY = 'query-named-block-nodes'

BITMAPS = NODES + [
    add('a'), add('a'), add(''), add('b', granularity=512),
    add('c', granularity=511), add('c', granularity=256),
    add('c', granularity=0), add('c', granularity=-1),
    add('c', granularity=1 << 32), add('c', granularity=1 << 31),
    add('d', disabled=True), add('e', disabled=False, persistent=False),
    add('p', persistent=True), add('p', node='nope'), add('x' * 1023),
    add('x' * 1024), add('o', node='odd'), add('z', node='zero'),
    cmd('block-dirty-bitmap-add', node='n0'),
    cmd('block-dirty-bitmap-add', name='n0'), QUERY,
    sha('a'), sha('b'), sha('c'), sha('nope'), sha('a', 'nope'),
    sha('o', 'odd'), sha('z', 'zero'),
    on('disable', 'a'), on('disable', 'a'), on('enable', 'a'),
    on('enable', 'd'), on('clear', 'a'), on('clear', 'nope'),
    on('enable', 'nope'), on('disable', 'nope'), on('remove', 'nope'),
    on('clear', 'a', 'nope'), on('enable', 'a', 'nope'),
    on('disable', 'a', 'nope'), on('remove', 'a', 'nope'), QUERY,
    on('remove', 'a'), on('remove', 'a'), on('remove', 'x' * 1023), QUERY,
    cmd('blockdev-del', node_name='n0'), QUERY,
]

MERGES = NODES + [
    add('a'), add('b', granularity=4096), add('c', disabled=True),
    add('r', node='n1'), add('s', node='n2'),
    merge('a', ['b', 'c']), merge('a', ['a']),
    merge('a', ['nope']), merge('nope', ['a']), merge('a', ['b'], 'nope'),
    merge('a', [{'node': 'n1', 'name': 'r'}, 'b']),
    merge('a', [{'node': 'n1', 'name': 'nope'}]),
    merge('a', [{'node': 'nope', 'name': 'r'}]),
    merge('a', [{'node': 'n2', 'name': 's'}]),
    merge('a', [{'node': 'n1'}]), merge('a', [1]), merge('a', [None]),
    merge('a', 'b'), merge('a', [['b']]),
    cmd('block-dirty-bitmap-merge', node='n0', target='a'),
    sha('a'), sha('b'), QUERY,
]

TRANSACTIONS = NODES + [
    trans(), trans(action('abort')), trans(action('nope')),
    trans({'type': 'abort'}), trans({'data': {}}),
    {'execute': 'transaction'},
    trans(bact('add', 'a'), bact('add', 'b', disabled=True)), QUERY,
    trans(bact('add', 'c'), action('abort')), QUERY,
    trans(bact('add', 'c'), bact('add', 'c')), QUERY,
    trans(bact('remove', 'a'), action('abort')), QUERY,
    trans(bact('remove', 'a'), bact('clear', 'a')),
    trans(bact('remove', 'a'), bact('remove', 'a')),
    trans(bact('disable', 'a'), bact('enable', 'b')), QUERY,
    trans(bact('enable', 'a'), bact('disable', 'b'), action('abort')), QUERY,
    trans(bact('clear', 'a', 'nope')),
    trans(action('block-dirty-bitmap-merge', node='n0', target='a',
                 bitmaps=['b']), action('abort')),
    trans(action('block-dirty-bitmap-merge', node='n0', target='a',
                 bitmaps=['b', {'node': 'n0', 'name': 'a'}])),
    trans(action('block-dirty-bitmap-merge', node='n0', target='a',
                 bitmaps=['nope'])),
    trans(bact('add', 'x'), bact('disable', 'x'),
          action('block-dirty-bitmap-merge', node='n0', target='x',
                 bitmaps=['a', 'b']), bact('remove', 'a')), QUERY,
    trans(bact('add', 'y'), completion_mode='individual'),
    trans(bact('add', 'z'), completion_mode='grouped'),
    trans(action('abort'), completion_mode='grouped'),
    trans(completion_mode='grouped'),
    trans(bact('add', 'z'), completion_mode='nope'),
    trans(bact('add', 'z', granularity=3)), QUERY,
    cmd('blockdev-del', node_name='n0'), QUERY,
]

BITMAP_SESSIONS = [
    ('bitmaps', [], BITMAPS),
    ('bitmap-merges', [], MERGES),
    ('transactions', [], TRANSACTIONS),
]
