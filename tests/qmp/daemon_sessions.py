# SPDX-License-Identifier: GPL-2.0-or-later
"""Sessions for test-storage-daemon.py, and what is known to differ."""

# Made in the working directory of each run: name and size.
FILES = {'a.raw': 1 << 20, 'b.raw': 3 << 20, 'q.img': 0, 'l.img': 0}


def cmd(command, **args):
    req = {'execute': command}
    if args:
        req['arguments'] = {k.replace('_', '-'): v for k, v in args.items()}
    return req


def null(name, size=1 << 20, **more):
    return cmd('blockdev-add', driver='null-co', node_name=name, size=size,
               **more)


def file_node(name, filename, **more):
    return cmd('blockdev-add', driver='file', node_name=name,
               filename=filename, **more)


def create(job, driver, **options):
    options = {k.replace('_', '-'): v for k, v in options.items()}
    return cmd('blockdev-create', job_id=job,
               options={'driver': driver, **options})


def job(verb, name):
    return cmd('job-' + verb, id=name)


JOBS = cmd('query-jobs')
NODES = cmd('query-named-block-nodes', flat=True)
EXPORTS = cmd('query-block-exports')


def dismissed(request):
    """A create job, what query-jobs says of it, and its end."""
    name = request['arguments']['job-id']
    return [request, JOBS, job('dismiss', name)]


CREATE_FILE = (
    dismissed(create('j1', 'file', filename='new.raw', size=1 << 20)) +
    dismissed(create('j2', 'file', filename='new.raw', size=1000)) +
    dismissed(create('j3', 'file', filename='new.raw', size=1 << 20,
                     preallocation='full')) +
    dismissed(create('j4', 'file', filename='new.raw', size=1 << 20,
                     preallocation='metadata')) +
    dismissed(create('j5', 'file', filename='/nonexistent/new.raw',
                     size=512)) +
    dismissed(create('j6', 'file', filename='', size=512)) +
    dismissed(create('j7', 'file', filename='new.raw', size=0, nocow=True,
                     extent_size_hint=0)) +
    [create('1j', 'file', filename='new.raw', size=0),
     create('', 'file', filename='new.raw', size=0),
     create('j', 'file', filename='new.raw'),
     create('j', 'file', size=0),
     create('j', 'file', filename='new.raw', size=-1),
     create('j', 'file', filename='new.raw', size='1M'),
     create('j', 'file', filename='new.raw', size=0, preallocation='some'),
     create('j', 'raw'), create('j', 'null-co'), create('j', 'quorum'),
     create('j', 'raw', size=0), create('j', 'nope'),
     JOBS])

VERBS = ('pause', 'resume', 'cancel', 'complete', 'finalize', 'dismiss')

JOB_STATES = (
    [job(v, 'none') for v in VERBS] + [JOBS] +
    [create('j1', 'file', filename='new.raw', size=512),
     create('j1', 'file', filename='new.raw', size=512), JOBS] +
    [job(v, 'j1') for v in VERBS] + [JOBS] +
    [job(v, 'j1') for v in VERBS] +
    [create('j1', 'file', filename='/nonexistent/x', size=512),
     create('j2', 'file', filename='new.raw', size=512), JOBS] +
    [job(v, 'j1') for v in VERBS] + [job(v, 'j2') for v in VERBS] + [JOBS])

Q = [file_node('f', 'q.img')]


def qcow2(name, **options):
    return dismissed(create(name, 'qcow2', file='f', **options))


CREATE_QCOW2 = Q + (
    qcow2('j1', size=1 << 20) +
    [cmd('blockdev-add', driver='qcow2', node_name='q', file='f'),
     cmd('blockdev-del', node_name='q')] +
    qcow2('j2', size=1000) +
    qcow2('j3', size=1 << 20, version='v2') +
    qcow2('j4', size=1 << 20, version='v2', lazy_refcounts=True) +
    qcow2('j5', size=1 << 20, cluster_size=1000) +
    qcow2('j6', size=1 << 20, cluster_size=4 << 20) +
    qcow2('j7', size=1 << 20, cluster_size=512, extended_l2=True) +
    qcow2('j8', size=1 << 20, version='v2', extended_l2=True) +
    qcow2('j9', size=1 << 20, refcount_bits=3) +
    qcow2('j10', size=1 << 20, refcount_bits=128) +
    qcow2('j11', size=1 << 20, refcount_bits=1) +
    qcow2('j12', size=1 << 20, version='v2', refcount_bits=1) +
    qcow2('j13', size=1 << 20, backing_fmt='raw') +
    qcow2('j14', size=1 << 20, backing_file='a.raw', backing_fmt='raw') +
    qcow2('j15', size=1 << 20, backing_file='a.raw') +
    qcow2('j16', size=1 << 20, backing_file='a.raw', backing_fmt='raw',
          preallocation='metadata') +
    qcow2('j17', size=1 << 20, preallocation='metadata') +
    qcow2('j18', size=1 << 20, preallocation='full') +
    qcow2('j19', size=1 << 20, preallocation='falloc') +
    qcow2('j20', size=1 << 62) +
    qcow2('j21', size=1 << 20, compression_type='zstd') +
    qcow2('j22', size=1 << 20, compression_type='zstd', version='v2') +
    qcow2('j23', size=1 << 20, data_file_raw=True) +
    qcow2('j24', size=1 << 20, data_file='none') +
    qcow2('j25', size=1 << 20, encrypt={'format': 'qcow'}) +
    qcow2('j26', size=1 << 20, encrypt={'format': 'luks'}) +
    qcow2('j27', size=1 << 20, encrypt={'format': 'luks',
                                        'key-secret': 'none'}) +
    dismissed(create('j28', 'qcow2', file='none', size=512)) +
    dismissed(create('j29', 'qcow2', size=512,
                     file={'driver': 'file', 'filename': 'l.img'})) +
    dismissed(create('j30', 'qcow2', size=512,
                     file={'driver': 'file', 'filename': 'none.img'})) +
    [create('j', 'qcow2', size=512), create('j', 'qcow2', file='f'),
     create('j', 'qcow2', size=512, file=7),
     create('j', 'qcow2', size=512, file='f', version='v4'),
     create('j', 'qcow2', size=512, file='f', nope=1),
     create('j', 'qcow2', size=512, file='f', encrypt={'format': 'x'}),
     create('j', 'qcow2', size=512, file='f', backing_fmt='none'),
     JOBS])

SECRET = cmd('object-add', qom_type='secret', id='s', data='geheim')
SECRET2 = cmd('object-add', qom_type='secret', id='s2', data='neu')


def luks(name, **options):
    return dismissed(create(name, 'luks', file='f', key_secret='s',
                            iter_time=10, **options))


def amend(name, node, driver, force=None, **options):
    options = {k.replace('_', '-'): v for k, v in options.items()}
    more = {} if force is None else {'force': force}
    return [cmd('x-blockdev-amend', job_id=name, node_name=node,
                options={'driver': driver, **options}, **more),
            JOBS, job('dismiss', name)]


CREATE_LUKS = (
    [file_node('f', 'l.img'), SECRET, SECRET2] +
    luks('j2', size=1000, cipher_alg='aes-128', preallocation='full') +
    dismissed(create('j6', 'luks', size=1 << 20, key_secret='s',
                     iter_time=10)) +
    dismissed(create('j7', 'luks', size=1 << 20, file='f', iter_time=10)) +
    dismissed(create('j8', 'luks', size=1 << 20, file='none', key_secret='s',
                     iter_time=10)) +
    dismissed(create('j9', 'luks', size=1 << 20, file='f', key_secret='x',
                     iter_time=10)) +
    [JOBS, NODES])

# QEMU 10.0.2's daemon dies of the first one: only ours is asked.
AMEND_LUKS = (
    [file_node('f', 'l.img'), SECRET, SECRET2] +
    luks('j10', size=1 << 20) +
    [cmd('blockdev-add', driver='luks', node_name='l', file='f',
         key_secret='s')] +
    amend('a1', 'l', 'luks', state='active', new_secret='s2', iter_time=10) +
    amend('a2', 'l', 'luks', state='active', new_secret='s2', iter_time=10,
          keyslot=1) +
    amend('a3', 'l', 'luks', state='active') +
    amend('a4', 'l', 'luks', state='inactive', old_secret='s2') +
    amend('a5', 'l', 'luks', state='inactive', old_secret='s') +
    amend('a6', 'l', 'luks', state='inactive', keyslot=0) +
    amend('a7', 'l', 'luks', state='inactive', keyslot=99) +
    amend('a8', 'l', 'luks', state='inactive') +
    amend('a9', 'l', 'luks', state='active', new_secret='nope') +
    amend('a10', 'l', 'luks', state='inactive', new_secret='s2') +
    amend('a11', 'l', 'luks', state='active', old_secret='s2') +
    amend('a12', 'l', 'qcow2') + amend('a13', 'none', 'luks', state='active') +
    amend('a14', 'f', 'file') + amend('a15', 'l', 'luks') +
    amend('1a', 'l', 'luks', state='active') + [NODES])

AMEND_QCOW2 = (
    [file_node('f', 'q.img'), SECRET, SECRET2] + qcow2('j1', size=1 << 20) +
    [cmd('blockdev-add', driver='qcow2', node_name='q', file='f')] +
    amend('a1', 'q', 'qcow2') +
    amend('a2', 'q', 'qcow2', encrypt={'format': 'luks', 'state': 'active',
                                       'new-secret': 's2'}) +
    amend('a3', 'q', 'qcow2', encrypt={'format': 'qcow'}) +
    [cmd('blockdev-del', node_name='q')] +
    qcow2('j2', size=1 << 20, encrypt={'format': 'luks', 'key-secret': 's',
                                       'iter-time': 10}) +
    [cmd('blockdev-add', driver='qcow2', node_name='q', file='f',
         encrypt={'format': 'luks', 'key-secret': 's'})] +
    amend('a4', 'q', 'qcow2') +
    amend('a5', 'q', 'qcow2', encrypt={'format': 'luks', 'state': 'active',
                                       'new-secret': 's2',
                                       'iter-time': 10}) +
    amend('a6', 'q', 'qcow2', encrypt={'format': 'qcow'}) +
    amend('a7', 'q', 'qcow2', force=True,
          encrypt={'format': 'luks', 'state': 'inactive', 'keyslot': 0}))

GRAPH = [
    null('n0'), null('n0'), null('0n'), null(''), null('x' * 32),
    null('x' * 31), cmd('blockdev-add', driver='null-co'),
    cmd('blockdev-add', driver='raw', node_name='r'),
    cmd('blockdev-add', driver='raw', node_name='r', file='none'),
    cmd('blockdev-add', driver='raw', node_name='r', file='n0'),
    cmd('blockdev-add', driver='raw', node_name='r2', file='n0', offset=3),
    cmd('blockdev-add', driver='raw', node_name='r2', file='n0',
        offset=2 << 20),
    cmd('blockdev-add', driver='raw', node_name='r2', file='n0', size=512,
        offset=512),
    file_node('f', 'a.raw'), file_node('g', 'none.raw'),
    file_node('h', 'a.raw', read_only=True),
    cmd('blockdev-add', driver='raw', node_name='fr', file='f'),
    cmd('block_resize', node_name='fr', size=2 << 20),
    cmd('block_resize', node_name='fr', size=-1),
    cmd('block_resize', node_name='n0', size=512),
    cmd('block_resize', node_name='none', size=512),
    cmd('block_resize', device='none', size=512),
    cmd('block_resize', size=512), cmd('block_resize', node_name='h', size=0),
    NODES, cmd('query-named-block-nodes'), cmd('query-block'),
    cmd('query-blockstats'), cmd('query-blockstats', query_nodes=True),
    cmd('blockdev-reopen', options=[{'driver': 'raw', 'node-name': 'fr',
                                     'file': 'f', 'read-only': True}]),
    cmd('blockdev-reopen', options=[{'driver': 'raw', 'node-name': 'none',
                                     'file': 'f'}]),
    cmd('blockdev-reopen', options=[{'driver': 'raw', 'file': 'f'}]),
    cmd('blockdev-reopen', options=[{'driver': 'qcow2', 'node-name': 'fr',
                                     'file': 'f'}]),
    cmd('blockdev-del', node_name='f'), cmd('blockdev-del', node_name='n0'),
    cmd('blockdev-del', node_name='none'), cmd('blockdev-del', node_name='r'),
    cmd('blockdev-del', node_name='r2'), cmd('blockdev-del', node_name='n0'),
    cmd('blockdev-del', node_name='fr'), cmd('blockdev-del', node_name='f'),
    cmd('blockdev-del', node_name='h'), NODES,
]


def export(name, kind='nbd', node='n0', **more):
    return cmd('block-export-add', type=kind, id=name, node_name=node, **more)


EXPORT = [
    null('n0'), null('ro', read_only=True), EXPORTS,
    cmd('object-add', qom_type='iothread', id='io'),
    export('1e'), export(''), export('e', node='none'),
    export('e', node='ro', writable=True), export('e', iothread='none'),
    export('e', iothread='none', fixed_iothread=True),
    cmd('block-export-del', id='e'), cmd('block-export-del', id='e',
                                         mode='hard'),
    cmd('block-export-del', id='e', mode='soft'),
    export('e', 'vhost-user-blk'), export('e', 'fuse'), export('e', 'none'),
    export('e', 'vhost-user-blk', addr={'type': 'none'}),
    export('e', 'vhost-user-blk', addr={'type': 'unix'}),
    export('e', 'fuse', mountpoint=7), EXPORTS,
]

OBJECTS = [
    cmd('object-add', qom_type='iothread', id='io'),
    cmd('object-add', qom_type='iothread', id='io'),
    cmd('object-add', qom_type='none', id='io'),
    cmd('object-add', qom_type='iothread', id='0'),
    cmd('object-add', qom_type='iothread'), cmd('object-add', id='io'),
    cmd('object-add', qom_type='iothread', id='i2', poll_max_ns=-1),
    cmd('object-add', qom_type='throttle-group', id='t',
        limits={'iops-total': 100}),
    cmd('qom-get', path='/objects/io', property='poll-max-ns'),
    cmd('qom-get', path='/objects/io', property='none'),
    cmd('qom-get', path='/objects/none', property='none'),
    cmd('qom-set', path='/objects/io', property='poll-max-ns', value=7),
    cmd('qom-set', path='/objects/io', property='poll-max-ns', value='x'),
    cmd('qom-list', path='/objects'), cmd('qom-list', path='/none'),
    cmd('object-del', id='io'), cmd('object-del', id='io'),
    cmd('object-del', id='t'),
]

def threshold(name, value):
    return cmd('block-set-write-threshold', node_name=name,
               write_threshold=value)


def iothread(node, name):
    return cmd('x-blockdev-set-iothread', node_name=node, iothread=name)


QUERY_GRAPH = cmd('x-debug-query-block-graph')
STATE = [
    null('n0'), cmd('blockdev-add', driver='raw', node_name='r', file='n0'),
    file_node('f', 'a.raw'),
    cmd('blockdev-add', driver='raw', node_name='fr', file='f'), QUERY_GRAPH,
    cmd('object-add', qom_type='iothread', id='io'),
    iothread('r', 'io'), iothread('r', 'none'), iothread('none', 'io'),
    iothread('r', None), iothread('n0', 'io'), iothread('n0', None),
    threshold('r', 100), threshold('none', 100), threshold('r', -1), NODES,
    threshold('r', 0), threshold('fr', 1 << 19), NODES,
    create('j', 'qcow2', size=1 << 20, file='fr'),
    job('dismiss', 'j'), NODES, QUERY_GRAPH,
    cmd('query-block-jobs'), cmd('block-job-cancel', device='j'),
    cmd('block-job-set-speed', device='j', speed=0),
    cmd('block-job-dismiss', id='j'),
]

# How much is written at once is each program's own affair.
THRESHOLD = [
    file_node('f', 'a.raw'), threshold('f', 100),
    create('j', 'qcow2', size=1 << 20, file='f'), NODES,
]

SESSIONS = {
    'create-file': CREATE_FILE, 'job-states': JOB_STATES,
    'create-qcow2': CREATE_QCOW2, 'create-luks': CREATE_LUKS,
    'amend-qcow2': AMEND_QCOW2, 'amend-luks': AMEND_LUKS, 'graph': GRAPH, 'export': EXPORT,
    'objects': OBJECTS, 'threshold': THRESHOLD, 'state': STATE,
}

# What is known to differ: (session or '*', pattern, replacement, reason),
# applied to the answers of both programs.
EXPECTED = [
    ('create-qcow2', rb"The image size is too large for file format 'qcow2' "
     rb'\(try using a larger cluster size\)',
     rb'Could not resize image: Failed to grow the L1 table: File too large',
     'the size of a qcow2 image that is too large is found before anything '
     'is written'),
    ('*', rb'(?s)\{"return": \[\{[^\n]*"parent": .*', b'types',
     'each program has its own types'),
]
# Sessions that QEMU's daemon does not survive or answers otherwise, and what
# must be among our answers.
OURS_ONLY = {'amend-luks': b'Refusing to overwrite active keyslot 1',
             'threshold': b'"event": "BLOCK_WRITE_THRESHOLD", "data": '
                          b'{"node-name": "f", "write-threshold": 100, '}
