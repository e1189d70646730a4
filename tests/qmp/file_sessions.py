# SPDX-License-Identifier: GPL-2.0-or-later
"""Sessions about files below the block layer: descriptors that are passed,
sizes, properties of IOThreads; see sessions.py.
"""

import os

CAPS = 'qmp_capabilities'


class WithFile:
    """A step that carries a descriptor of disk.raw along."""

    def __init__(self, step, flags):
        self.step = step
        self.flags = flags

    def open(self, tmpdir):
        return os.open(os.path.join(tmpdir, 'disk.raw'), self.flags)


def cmd(command, **args):
    req = {'execute': command}
    if args:
        req['arguments'] = {k.replace('_', '-'): v for k, v in args.items()}
    return req


def add_fd(flags=os.O_RDONLY, **args):
    return WithFile(cmd('add-fd', **args), flags)


def node(number, **more):
    return [cmd('blockdev-add', driver='file', node_name='n',
                filename='/dev/fdset/%s' % number, **more),
            cmd('blockdev-del', node_name='n')]


def del_node():
    return cmd('blockdev-del', node_name='n')


FDSETS = [
    CAPS, 'query-fdsets', 'add-fd', cmd('add-fd', fdset_id=3),
    add_fd(fdset_id=-2), add_fd(), add_fd(os.O_RDWR, fdset_id=0, opaque='rw'),
    add_fd(fdset_id=5, opaque='five'), add_fd(), 'query-fdsets',
    cmd('remove-fd', fdset_id=9), cmd('remove-fd', fdset_id=5, fd=999),
    cmd('remove-fd', fdset_id=1), 'query-fdsets',
    *node('0'), *node('7'), *node('x'), *node(''), *node('-1'), *node('5'),
    *node('0x0'), *node('00'), *node('5 '), *node('5/'),
    *node('0', cache={'direct': True}), *node('0', read_only=True),
    *node('0', auto_read_only=True), *node('5', auto_read_only=True),
    node('5', read_only=True)[0], cmd('remove-fd', fdset_id=5), 'query-fdsets',
    add_fd(fdset_id=5, opaque='again'), 'query-fdsets',
    cmd('remove-fd', fdset_id=5), 'query-fdsets', del_node(), 'query-fdsets',
]

GETFD = [
    CAPS, WithFile(cmd('getfd', fdname='1a'), os.O_RDONLY),
    cmd('getfd', fdname='a'), WithFile(cmd('getfd', fdname='a'), os.O_RDONLY),
    WithFile(cmd('getfd', fdname='a'), os.O_RDWR), cmd('closefd', fdname='b'),
    cmd('closefd', fdname='a'), cmd('closefd', fdname='a'),
]


def prop(name, value):
    return cmd('qom-set', path='/objects/t0', property=name, value=value)


# (Bounds of the pool that QEMU refuses stay visible as the property's value
# there, and here the old ones do; so those cases come last.)
IOTHREAD = [CAPS] + [step for name in (
    'poll-max-ns', 'poll-grow', 'poll-shrink', 'aio-max-batch') for step in (
        prop(name, -1), prop(name, 0), prop(name, 65), prop(name, 7),
        prop(name, 'x'), prop(name, 1 << 31), prop(name, (1 << 63) - 1),
        cmd('qom-get', path='/objects/t0', property=name),
        'query-iothreads')] + [
    prop('thread-pool-min', 3), prop('thread-pool-max', 4),
    prop('thread-pool-max', -1), prop('thread-pool-min', 4),
    cmd('qom-get', path='/objects/t0', property='thread-pool-min'),
    cmd('qom-get', path='/objects/t0', property='thread-pool-max'),
    prop('thread-pool-min', 5), prop('thread-pool-max', 0)]


def resize(size, **args):
    return cmd('block_resize', size=size, **args)


RESIZE = [
    CAPS, resize(1 << 21), resize(1 << 21, node_name='zz'),
    resize(1 << 21, device='zz'), resize(-1, node_name='f'),
    resize(1 << 21, node_name='f'), resize(1 << 21, node_name='r'),
    resize(1000, node_name='r'), resize((1 << 21) + 512, node_name='r'),
    resize(1 << 20, device='d0'), resize(0, device='d0'),
    resize(1 << 21, device='d0', node_name='r'), resize(4096, node_name='ro'),
    'query-named-block-nodes',
]
RESIZE_ARGS = [
    '-blockdev', 'file,node-name=f,filename=disk.raw',
    '-blockdev', 'raw,node-name=r,file=f',
    '-drive', 'if=none,id=d0,driver=null-co,size=1M',
    '-blockdev', 'file,node-name=ro,filename=ro.raw,read-only=on',
]

FILE_SESSIONS = [
    ('fdsets', [], FDSETS),
    ('getfd', [], GETFD),
    ('iothread-properties', ['-object', 'iothread,id=t0'], IOTHREAD),
    ('block-resize', RESIZE_ARGS, RESIZE),
]
