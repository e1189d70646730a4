# SPDX-License-Identifier: GPL-2.0-or-later
"""The sessions that are held with both programs.

A session: (name, extra arguments, steps). A step is a dictionary (a request),
a string with the name of a command, or raw bytes.
"""

import json

from bitmap_sessions import BITMAP_SESSIONS
from file_sessions import FILE_SESSIONS

CAPS = 'qmp_capabilities'


RECONNECT = object()  # a step: close the connection and make a new one
PARTIAL = object()    # a step: the beginning of a request


def cmd(name, **args):
    req = {'execute': name}
    if args:
        req['arguments'] = {k.replace('_', '-'): v for k, v in args.items()}
    return req


def raw(data):
    return data if isinstance(data, bytes) else data.encode()


def hmc(line):
    return {'execute': 'human-monitor-command',
            'arguments': {'command-line': line}}


def to_bytes(step):
    if isinstance(step, bytes):
        return step
    if isinstance(step, str):
        step = {'execute': step}
    return json.dumps(step).encode() + b'\n'


NEGOTIATION = [
    'query-status', 'foo', {'execute': CAPS, 'arguments': {'enable': 'oob'}},
    {'execute': CAPS, 'arguments': {'enable': ['foo']}},
    {'execute': CAPS, 'arguments': {'foo': []}},
    {'execute': CAPS, 'arguments': {'enable': [1]}},
    {'execute': CAPS, 'id': 7}, CAPS, 'query-status',
]

JSON_ERRORS = [CAPS] + [raw(x) for x in [
    'junk\n', '{ { }\n\xff\n', '[1,2]\n', '"a"\n', '12 \n', 'true\n', 'null\n',
    '{"a"}\n', '{"a":}\n', '{"a":1,}\n', '{,}\n', '{"a" 1}\n', '{"a":1 "b":2}\n',
    '[1,]\n', '[1 2]\n', '[,]\n', '{"execute":"stop","execute":"cont"}\n',
    '{"execute":"\\u0000"}\n', '{"execute":"\\ud800"}\n', '{"execute":"\\x"}\n',
    '{"execute":"\\u12"}\n', "{'execute':'query-name'}\n",
    '{"execute":"query-name","id":1e400}\n', '{"execute":"query-name","id":01}\n',
    '{"execute":"query-name","id":-0}\n', '{"execute":"query-name","id":1.5}\n',
    '{"execute":"query-name","id":18446744073709551615}\n',
    '{"execute":"query-name","id":99999999999999999999}\n',
    '{"execute":"query-name","id":-9223372036854775808}\n',
    '{"execute":"query-name","id":1e3}\n', '{"execute":"query-name","id":0.1}\n',
    '{"execute":"query-name","id":"\\u00e9\\n\\t\\"\\\\\\/\\b\\f\\r\\u007f"}\n',
    '{"execute":"query-name","id":"\\ud83d\\ude00"}\n',
    '{"execute":"query-name","id":[null,true,false,{},[],""]}\n',
]] + [b'{"execute":"query-name","id":"\xc3\xa9\xe2\x82\xac"}\n',
      b'{"execute":"query-name","id":"\xff"}\n\n',
      b'{"execute":"query-name"\xff\n', b'\xfe\n',
      b'{"execute":"query-name"}}}\n', b']\n', b'{"execute": %s}\n',
      b'{"a": "' + b'x' * 100000 + b'"}\n', b'[' * 1025 + b'\xff\n',
      b'{"a":' * 2000 + b'\xff\n', b'query-name\n', b'\x01\x02\n', b"'\n\xff\n"]

DISPATCH_ERRORS = [CAPS] + [
    {'arguments': {}}, {'execute': 1}, {'execute': 'foo'}, {'execute': None},
    {'execute': 'stop', 'x': 1, 'id': 3}, {'execute': 'stop', 'exec-oob': 'x'},
    {'exec-oob': 'query-status'}, {'execute': 'stop', 'arguments': []},
    {'execute': 'stop', 'arguments': None}, {'execute': 'stop', 'arguments': 1},
    cmd('query-status', x=1), cmd('query-status', x=1, y=2),
    {'execute': 'blockdev-del'}, cmd('blockdev-del', node_name=1),
    cmd('blockdev-del', node_name=None), cmd('blockdev-del', node_name=[]),
    cmd('blockdev-del', node_name={}), cmd('blockdev-del', nodename='x'),
    cmd('blockdev-del', node_name='x', y=1), {'id': 4}, {},
    {'execute': 'human-monitor-command'}, cmd('closefd', fdname='q'),
    cmd('getfd', fdname='q'), {'execute': 'QUERY-STATUS'}, {'execute': ''},
    {'execute': 'query-status', 'id': {'z': 1, 'a': [1, 2], 'm': None}},
    {'execute': 'foo', 'id': {'z': 1, 'a': [1, 2], 'm': None}},
]

OOB = [
    {'execute': CAPS, 'arguments': {'enable': ['oob']}, 'id': 'c'},
    {'exec-oob': 'query-status', 'id': 1}, {'exec-oob': 'foo', 'id': 2},
    {'execute': 'query-status', 'exec-oob': 'query-status', 'id': 3},
    {'exec-oob': 1, 'id': 4}, {'exec-oob': 'foo'}, 'query-status',
]

RUN_STATE = [
    CAPS, 'query-status', 'stop', 'query-status', 'cont', 'query-status', 'cont',
    'stop', 'stop', 'query-status', 'system_reset', 'query-status',
    'system_powerdown', 'query-name', 'query-uuid', 'query-version',
]

CHARDEVS = [
    CAPS, 'query-chardev',
    cmd('chardev-add', id='c0', backend={'type': 'null', 'data': {}}),
    cmd('chardev-add', id='c0', backend={'type': 'null', 'data': {}}),
    'query-chardev',
    cmd('chardev-add', id='a', backend={'type': 'null'}),
    cmd('chardev-add', id='a', backend={'type': 'foo', 'data': {}}),
    cmd('chardev-add', id='a', backend={'data': {}}),
    cmd('chardev-add', id='a'), cmd('chardev-add', backend={}),
    cmd('chardev-add', id='a', backend={'type': 'null', 'data': {'x': 1}}),
    cmd('chardev-add', id='a', backend={'type': 'null', 'data': {
        'logfile': '/nonexistent/b'}}),
    cmd('chardev-add', id='a', backend={'type': 'ringbuf', 'data': {'size': 7}}),
    cmd('chardev-add', id='a', backend={'type': 'file', 'data': {
        'out': '/nonexistent/b'}}),
    cmd('chardev-add', id='a', backend={'type': 'file', 'data': {}}),
    cmd('chardev-add', id='a', backend={'type': 'mux', 'data': {
        'chardev': 'b'}}),
    cmd('chardev-add', id='a', backend={'type': 'mux', 'data': {
        'chardev': 'compat_monitor0'}}),
    cmd('chardev-add', id='s', backend={'type': 'socket', 'data': {
        'addr': {'type': 'unix', 'data': {'path': 's.sock'}}}}),
    cmd('chardev-add', id='a', backend={'type': 'socket', 'data': {
        'addr': {'type': 'unix', 'data': {'path': 'nothing'}},
        'server': False}}),
    cmd('chardev-add', id='a', backend={'type': 'socket', 'data': {
        'addr': {'type': 'unix', 'data': {}}}}),
    cmd('chardev-add', id='a', backend={'type': 'socket', 'data': {
        'addr': {'type': 'fd', 'data': {'str': 'x'}}}}),
    cmd('chardev-add', id='a', backend={'type': 'socket', 'data': {
        'addr': {'type': 'fd', 'data': {'str': '0'}}}}),
    cmd('chardev-add', id='a', backend={'type': 'socket', 'data': {
        'addr': {'type': 'inet', 'data': {'host': '127.0.0.1', 'port': '1'}},
        'server': False, 'wait': True}}),
    cmd('chardev-add', id='a', backend={'type': 'socket', 'data': {
        'addr': {'type': 'inet', 'data': {'host': '127.0.0.1', 'port': '0'}},
        'reconnect-ms': 5}}),
    cmd('chardev-add', id='a', backend={'type': 'socket', 'data': {
        'addr': {'type': 'inet', 'data': {'host': 'h', 'port': 0}}}}),
    'query-chardev', cmd('chardev-remove', id='zz'),
    cmd('chardev-remove', id='compat_monitor0'), cmd('chardev-remove', id='c0'),
    cmd('chardev-remove', id='s'), cmd('chardev-remove', id='m-base'),
    cmd('chardev-remove', id='m'), 'query-chardev',
]

OBJECTS = [
    CAPS, 'query-iothreads',
    cmd('object-add', qom_type='iothread', id='t0'), 'query-iothreads',
    cmd('object-add', qom_type='iothread', id='t0'),
    cmd('object-add', qom_type='iothread', id='1x'),
    cmd('object-add', qom_type='iothread'), cmd('object-add', id='x'),
    cmd('object-add', qom_type='foo', id='x'),
    cmd('object-add', qom_type='iothread', id='x', foo=1),
    cmd('object-add', qom_type='iothread', id='x', poll_max_ns='a'),
    cmd('object-add', qom_type='iothread', id='x', poll_max_ns=-1),
    cmd('object-add', qom_type='iothread', id='x', poll_grow=-5),
    cmd('object-add', qom_type='iothread', id='x', aio_max_batch=-5),
    cmd('object-add', qom_type='iothread', id='x', thread_pool_max=0),
    cmd('object-add', qom_type='iothread', id='x', thread_pool_min=9,
        thread_pool_max=8),
    cmd('object-add', qom_type='iothread', id='t1', poll_max_ns=5, poll_grow=2,
        poll_shrink=3, aio_max_batch=4),
    'query-iothreads',
    cmd('object-del', id='t1'), cmd('object-del', id='t1'),
    cmd('object-del', id=''), cmd('object-del'), 'query-iothreads',
    cmd('object-del', id='cli0'), 'query-iothreads',
]

# (A negative size is left out: it makes QEMU 10.0 abort.)
NULL_NODES = [
    CAPS, 'query-block', 'query-named-block-nodes',
    cmd('blockdev-add', driver='null-co', node_name='n0', size=1048576),
    cmd('blockdev-add', driver='null-co', node_name='n0'),
    cmd('blockdev-add', driver='null-aio', node_name='n1', **{
        'latency_ns': 5}),
    cmd('blockdev-add', driver='null-co'),
    cmd('blockdev-add', driver='null-co', node_name='#x'),
    cmd('blockdev-add', driver='null-co', node_name=''),
    cmd('blockdev-add', driver='null-co', node_name='x' * 32),
    cmd('blockdev-add', driver='null-co', node_name='bad', size='1'),
    cmd('blockdev-add', driver='null-co', node_name='bad', foo=1),
    cmd('blockdev-add', driver='null-co', node_name='bad', **{'read-only': 1}),
    cmd('blockdev-add', driver='null-co', node_name='bad', cache=1),
    cmd('blockdev-add', driver='null-co', node_name='bad', cache={'x': True}),
    cmd('blockdev-add', driver='null-co', node_name='bad', discard='maybe'),
    cmd('blockdev-add', driver='foo', node_name='bad'),
    cmd('blockdev-add', node_name='bad'), cmd('blockdev-add'),
    'query-block', 'query-named-block-nodes',
    cmd('query-named-block-nodes', flat=True),
    cmd('blockdev-add', driver='raw', node_name='r0', file='n0'),
    cmd('blockdev-add', driver='raw', node_name='r1', file='nope'),
    cmd('blockdev-add', driver='raw', node_name='r1'),
    cmd('blockdev-add', driver='raw', node_name='r1', file=1),
    cmd('blockdev-add', driver='raw', node_name='r1', file='n0'),
    cmd('blockdev-add', driver='raw', node_name='r2',
        file={'driver': 'null-co', 'size': 4096}, offset=512, size=1024),
    cmd('blockdev-add', driver='raw', node_name='r3',
        file={'driver': 'null-co', 'size': 4096}, offset=8192),
    cmd('blockdev-add', driver='raw', node_name='r3',
        file={'driver': 'null-co', 'size': 4096}, offset=512, size=8192),
    cmd('blockdev-add', driver='raw', node_name='r3',
        file={'driver': 'null-co', 'size': 4096}, offset=3),
    cmd('blockdev-add', driver='raw', node_name='r3',
        file={'driver': 'null-co', 'size': 4096}, size=513),
    cmd('blockdev-add', driver='raw', node_name='r3',
        file={'driver': 'foo'}),
    cmd('blockdev-add', driver='raw', node_name='r3',
        file={'driver': 'null-co', 'foo': 1}),
    'query-named-block-nodes', cmd('blockdev-del', node_name='n0'),
    cmd('blockdev-del', node_name='r0'), cmd('blockdev-del', node_name='n0'),
    cmd('blockdev-del', node_name='n0'), cmd('blockdev-del', node_name='n1'),
    cmd('blockdev-del', node_name='r2'), 'query-named-block-nodes',
]



def reopen(*nodes):
    return cmd('blockdev-reopen', options=[
        {k.replace('_', '-'): v for k, v in n.items()} for n in nodes])


R0 = dict(driver='raw', node_name='r0')
N0 = dict(driver='null-co', node_name='n0', size=65536)
REOPEN = [
    CAPS, cmd('blockdev-add', **N0),
    cmd('blockdev-add', driver='null-co', node_name='n1', size=65536),
    cmd('blockdev-add', file='n0', **R0),
    # (An empty list is left out: it makes QEMU 10.0 abort.)
    reopen(dict(driver='null-co')),
    reopen(dict(driver='null-co', node_name='x')),
    reopen(dict(R0, file='n0', size=4096)),
    'query-named-block-nodes', reopen(dict(R0, file='n0')),
    reopen(dict(R0, file='n0', size=4095)),
    reopen(dict(R0, file='n0', offset=1 << 40)),
    reopen(dict(R0, file='n0', offset=512, read_only=True)),
    'query-named-block-nodes', reopen(dict(R0, file='n1')),
    'query-named-block-nodes', reopen(dict(R0, file='r0')),
    reopen(dict(R0, file='nope')), reopen(dict(R0, driver='qcow2', file='n0')),
    reopen(dict(R0, file={'driver': 'null-co'})),
    reopen(dict(driver='null-co', node_name='n0')),
    reopen(dict(N0, size=4096)), reopen(dict(N0, force_share=True)),
    reopen(dict(N0, detect_zeroes='unmap')),
    reopen(dict(N0, detect_zeroes='unmap', discard='unmap')),
    reopen(dict(N0, read_only=True, cache={'direct': True, 'no-flush': True})),
    'query-named-block-nodes', reopen(dict(R0, file='n0')),
    reopen(N0, dict(R0, file='n0')), 'query-named-block-nodes',
    # The first could be done; the second cannot
    reopen(dict(N0, read_only=True), dict(N0, node_name='n1', size=3)),
    'query-named-block-nodes',
    cmd('blockdev-del', node_name='r0'), cmd('blockdev-del', node_name='n0'),
    cmd('blockdev-del', node_name='n1'),
]

FILE_NODES = [
    CAPS,
    cmd('blockdev-add', driver='file', node_name='f0', filename='disk.raw'),
    cmd('blockdev-add', driver='raw', node_name='d0', file='f0'),
    'query-named-block-nodes',
    cmd('blockdev-add', driver='file', node_name='f1', filename='missing'),
    cmd('blockdev-add', driver='file', node_name='f1', filename='.'),
    cmd('blockdev-add', driver='file', node_name='f1'),
    cmd('blockdev-add', driver='file', node_name='f1', filename='/dev/null'),
    cmd('blockdev-add', driver='host_device', node_name='f1',
        filename='disk.raw'),
    cmd('blockdev-add', driver='file', node_name='f1', filename='disk.raw',
        aio='foo'),
    cmd('blockdev-add', driver='file', node_name='f1', filename='disk.raw',
        aio='native'),
    cmd('blockdev-add', driver='file', node_name='f1', filename='disk.raw',
        locking='foo'),
    cmd('blockdev-add', driver='file', node_name='ro', filename='ro.raw',
        read_only=True, aio='io_uring', discard='unmap',
        cache={'direct': False, 'no-flush': True}),
    cmd('blockdev-add', driver='raw', node_name='ro-raw', read_only=True,
        file='ro', detect_zeroes='unmap'),
    cmd('blockdev-add', driver='raw', node_name='auto', auto_read_only=True,
        file={'driver': 'file', 'filename': 'ro.raw', 'read-only': True}),
    'query-named-block-nodes', cmd('blockdev-del', node_name='f0'),
    cmd('blockdev-del', node_name='d0'), cmd('blockdev-del', node_name='f0'),
]

DRIVES = [CAPS, 'query-block', 'query-named-block-nodes',
          cmd('blockdev-del', node_name='dn')]

DEVICE_DISKS = [
    CAPS, 'query-block', cmd('blockdev-del', node_name='n0'),
    cmd('object-del', id='t0'), 'query-iothreads', 'system_reset', 'cont',
    'query-block', 'stop', hmc('info block'),
]

HMC = [CAPS] + [hmc(x) for x in [
    'info status', 'foo', 'info foo', 'help stop', 'help info status', 'help foo',
    '', '  ', 'info version', 'info name', 'info uuid', 'info chardev',
    'info iothreads', 'info block', 'system_reset 1', 'info  name x', 'cont',
    'info status', 'stop', 's', 'c', 'stop now', '? quit', 'help q', 'help s',
    'object_del', 'object_del zz', 'chardev-remove zz',
]]

RECONNECTS = [
    CAPS, 'query-status', PARTIAL, RECONNECT, 'query-status',
    CAPS, CAPS, RECONNECT, {'execute': CAPS, 'arguments': {'enable': ['oob']}},
    {'exec-oob': 'foo'}, RECONNECT, CAPS, {'exec-oob': 'foo'}, 'query-chardev',
]

SESSIONS = BITMAP_SESSIONS + FILE_SESSIONS + [
    ('negotiation', [], NEGOTIATION),
    ('json-errors', [], JSON_ERRORS),
    ('dispatch-errors', [], DISPATCH_ERRORS),
    ('out-of-band', [], OOB),
    ('reconnects', [], RECONNECTS),
    ('reopen', [], REOPEN),
    ('pretty', [], RUN_STATE + OBJECTS[1:]),
    ('run-state', ['-name', 'vm0', '-uuid',
                   '12345678-1234-5678-9abc-def012345678'], RUN_STATE),
    ('chardevs', ['-chardev', 'null,id=m,mux=on', '-chardev', 'ringbuf,id=r',
                  '-chardev', 'socket,id=u,path=u.sock,server=on,wait=off',
                  '-chardev', 'file,id=f,path=out',
                  '-serial', 'null', '-chardev', 'null,id=n'], CHARDEVS),
    ('objects', ['-object', 'iothread,id=cli0,poll-max-ns=77'], OBJECTS),
    ('null-nodes', [], NULL_NODES),
    ('file-nodes', [], FILE_NODES),
    ('drives', ['-drive', 'if=none,id=d0,file=disk.raw,format=raw',
                '-drive', 'if=none,id=d1,file=ro.raw,format=raw,readonly=on,'
                'cache=none,node-name=dn',
                '-drive', 'if=none,id=d2,file=null-co://,format=raw,'
                'cache=unsafe'], DRIVES),
    ('device-disks', ['-object', 'iothread,id=t0',
                      '-blockdev', 'null-co,node-name=n0,size=1048576',
                      '-device', 'virtio-blk-pci,drive=n0,id=vb,iothread=t0',
                      '-blockdev', 'file,node-name=f0,filename=disk.raw',
                      '-blockdev', 'raw,node-name=d0,file=f0',
                      '-device', 'virtio-blk-pci,drive=d0,write-cache=off'],
     DEVICE_DISKS),
    ('human-monitor-command', ['-name', 'vm0', '-object', 'iothread,id=t0'],
     HMC),
]

# Text on standard input: (name, arguments, text).
STDIO_SESSIONS = [
    ('hmp', ['-name', 'vm0', '-monitor', 'stdio'],
     b'info status\nfoo\nhelp stop\ninfo name\nab\x7f\x7finfo uuid\n'
     b'\x1b[A\x1b[D\x1b[D\x01\x05\x02\x06\x0b\n\x10\x10\x0e\x15stop\ncont\n'
     b'info status\nstop\nabc def\x17\x17q\n'),
    ('mux', ['-serial', 'mon:stdio'],
     b'\x01h\x01s\x01\x01\x01?\x01cinfo status\rstop\r\x01c\x01cinfo name\r'
     b'\x01cab\x01b\x01z\x01x'),
    ('qmp-stdio', ['-qmp', 'stdio'],
     b'{"execute":"qmp_capabilities"}{"execute":"query-status"}\n'
     b'{"execute":"stop","id":1}{"execute":"foo"} [1] junk\n'
     b'{"execute":"quit"}{"execute":"query-status"}'),
    ('qmp-mon', ['-chardev', 'stdio,id=s', '-mon',
                 'chardev=s,mode=control,pretty=on'],
     b'{"execute":"qmp_capabilities"}{"execute":"query-status"}'
     b'{"execute":"quit"}'),
]

# Command lines that fail: status and message are compared.
BAD_OPTIONS = [x.split() for x in [
    '-chardev foo,id=a', '-chardev id=a', '-chardev socket',
    '-chardev socket,id=a', '-chardev null,id=1a',
    '-chardev socket,id=a,path=/nonexistent/x', '-chardev socket,id=a,host=h',
    '-chardev socket,id=a,port=1', '-chardev socket,id=a,path=x,host=h,port=1',
    '-chardev socket,id=a,path=x,server=on,wait=off,telnet=foo',
    '-chardev socket,id=a,path=x,bar=foo', '-chardev socket,id=a,path=x,wait=off',
    '-chardev socket,id=a,fd=99', '-chardev socket,id=a,fd=1',
    '-chardev socket,id=a,path=x,server=on,reconnect=1',
    '-chardev socket,id=a,path=x,reconnect=1,reconnect-ms=3',
    '-chardev socket,id=a,path=x,reconnect=foo',
    '-chardev socket,id=a,path=x,tls-creds=foo',
    '-chardev socket,id=a,host=nohost.invalid,port=1,server=on,wait=off',
    '-chardev socket,id=a,host=127.0.0.1,port=abc,server=on,wait=off',
    '-chardev socket,id=a,path=/nonexistent/a,server=on',
    '-chardev socket,id=a,host=127.0.0.1,port=0,server=on,ipv6=on',
    '-chardev socket,id=a,host=localhost,port=0,server=on,ipv4=off,ipv6=off',
    '-chardev socket,id=a,server=on,path=' + 'x' * 120,
    '-chardev null,id=a -chardev null,id=a',
    '-chardev file,id=a', '-chardev file,id=a,path=/nonexistent/x',
    '-chardev pipe,id=a,path=/nonexistent/x', '-chardev ringbuf,id=a,size=3',
    '-chardev ringbuf,id=a,size=zz', '-chardev stdio,id=a,signal=zz',
    '-chardev mux,id=a', '-chardev mux,id=a,chardev=zz',
    '-chardev null,id=a,mux=on,foo=1', '-chardev null,id=a,mux=zz',
    '-chardev null,id=a,logfile=/nonexistent/x',
    '-chardev stdio,id=a -chardev stdio,id=b',
    '-mon chardev=zz', '-mon mode=control', '-mon foo=1',
    '-chardev null,id=a -mon chardev=a,mode=foo',
    '-chardev null,id=a -mon chardev=a,pretty=x',
    '-chardev null,id=a -mon chardev=a,mode=readline '
    '-mon chardev=a,mode=control',
    '-chardev stdio,id=a -monitor stdio', '-qmp foo:x', '-qmp none', '-qmp chardev:x',
    '-qmp stdio,foo=1', '-qmp fd:99', '-qmp file:', '-qmp pipe:/nonexistent/z',
    '-qmp tcp:127.0.0.1:0,foo=on', '-qmp unix:x,server=x', '-monitor tcp:a',
    '-monitor tcp:localhost:1', '-monitor tcp:localhost:1x', '-monitor unix:',
    '-serial foo', '-serial foo:bar', '-serial chardev:foo',
    '-serial tcp:127.0.0.1:1', '-serial mon:foo',
]]
