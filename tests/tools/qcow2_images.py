# SPDX-License-Identifier: GPL-2.0-or-later
#
# Damaged qcow2 images, made of good ones by changing fields. Each of CASES is
# a name, what the image is made with, and a function that damages it.
import struct
import subprocess

QEMU_IMG, QEMU_IO = '/usr/bin/qemu-img', '/usr/bin/qemu-io'
COPIED, ZERO = 1 << 63, 1
HOST = 0x00fffffffffffe00


def run(*words):
    subprocess.run(words, check=True, capture_output=True)


class Image:
    """64 KiB clusters: header, refcount table, its block, L1, L2, data."""

    def __init__(self, path, opts='cluster_size=64k', snap=False, lazy=False,
                 cmds=('write -P 1 0 128k', 'write -P 2 256k 64k'), post=()):
        if lazy:
            opts += ',lazy_refcounts=on'
        run(QEMU_IMG, 'create', '-q', '-f', 'qcow2', '-o', opts, path, '1M')
        for c in cmds:
            run(QEMU_IO, '-c', c, path)
        if snap:
            run(QEMU_IMG, 'snapshot', '-c', 'one', path)
        for c in post:
            run(QEMU_IO, '-c', c, path)
        with open(path, 'rb') as f:
            self.data = bytearray(f.read())
        self.cluster = 1 << struct.unpack('>I', self.data[20:24])[0]
        self.l1, self.table = self.get(40), self.get(48)
        self.block = self.get(self.table)
        self.l2 = self.get(self.l1) & HOST
        self.host = self.get(self.l2) & HOST
        self.snaps = self.get(64)

    def get(self, at):
        return struct.unpack('>Q', self.data[at:at + 8])[0]

    def put(self, at, value, form='>Q'):
        end = at + struct.calcsize(form)
        self.data += bytes(max(0, end - len(self.data)))
        struct.pack_into(form, self.data, at, value)

    def pad(self, clusters=0):
        self.data += bytes(-len(self.data) % self.cluster)
        self.data += bytes(clusters * self.cluster)

    def ref(self, cluster, value):
        self.put(self.block + 2 * cluster, value, '>H')

    def change(self, at, clear=0, add=0):
        self.put(at, (self.get(at) & ~clear) + add)

    def snapshot(self, *entries, count=None):
        """Another table of entries, each a dict of fields."""
        l1 = self.get(self.snaps)
        table = b''
        for e in entries:
            extra = e.get('extra', b'')
            ident, name = e.get('id', b'1'), e.get('name', b'n')
            entry = struct.pack(
                '>QIHHIIQII', e.get('l1', l1) + e.get('add', 0),
                e.get('l1_size', 1), len(ident), len(name), 1, 0,
                e.get('clock', 0), 3, len(extra)) + extra + ident + name
            table += entry + bytes(-len(entry) % 8)
        self.data[self.snaps:] = table
        self.pad()
        self.put(60, len(entries) if count is None else count, '>I')


def leak(i):
    i.pad()
    n = len(i.data) // i.cluster
    i.pad(3)
    for k in range(3):
        i.ref(n + k, k + 1)


def all_high(i):
    i.data[i.block:i.block + 200] = b'\xff' * 200


def l2_garbage(i):
    i.data[i.l2:i.l2 + i.cluster] = b'\xff' * i.cluster


def block_behind(i):
    i.pad()
    i.put(i.table + 8, len(i.data) + 2 * i.cluster)


def dirty_and(damage):
    def both(i):
        damage(i)
        i.put(72, 1)
    return both


def no_ref(i):
    i.ref(i.host // i.cluster, 0)


def shared(i):
    i.put(i.l2 + 40, i.get(i.l2))


def copied_off(i):
    i.change(i.l2, clear=COPIED)


def empty_block(i):
    i.data[i.block:i.block + i.cluster] = bytes(i.cluster)


def no_block(i):
    i.put(i.table, 0)


def l2_zero_unaligned(i):
    i.change(i.l2, add=512 + ZERO)


def cut(clusters):
    def damage(i):
        i.data = i.data[:len(i.data) - clusters * i.cluster]
    return damage


SIZES = struct.pack('>QQ', 5, 1 << 20)
FULL = SIZES + struct.pack('>Q', 77)
SNAP = {'snap': True}
LATER = {'snap': True, 'post': ('write -P 9 0 64k',)}
PACKED = {'cmds': ('write -c -P 1 0 64k', 'write -c -P 3 64k 64k')}
OLD = {'opts': 'compat=0.10'}


def snap(*entries, **kw):
    return lambda i: i.snapshot(*entries, **kw)


CASES = [
    ('leak', {}, leak),
    ('header-free', {}, lambda i: i.ref(0, 0)),
    ('shared', {}, shared),
    ('no-ref', {}, no_ref),
    ('table-free', {}, lambda i: i.ref(i.table // i.cluster, 0)),
    ('l1-unaligned', {}, lambda i: i.change(i.l1, add=512)),
    ('l2-unaligned', {}, lambda i: i.change(i.l2, add=512)),
    ('l2-zero-unaligned', {}, l2_zero_unaligned),
    ('l2-reserved', {}, lambda i: i.change(i.l2, add=1 << 61 | 4)),
    ('l1-reserved', {}, lambda i: i.change(i.l1, add=1 << 61 | 4)),
    ('l2-far', {}, lambda i: i.put(i.l2, 1 << 40 | COPIED)),
    ('l1-far', {}, lambda i: i.put(i.l1, 1 << 40 | COPIED)),
    ('copied-off', {}, copied_off),
    ('copied-off-l1', {}, lambda i: i.change(i.l1, clear=COPIED)),
    ('copied-high', {}, lambda i: i.ref(i.host // i.cluster, 2)),
    ('block-behind', {}, block_behind),
    ('no-block', {}, no_block),
    ('block-twice', {}, lambda i: i.put(i.table + 8, i.block)),
    ('block-is-l2', {}, lambda i: i.put(i.table + 8, i.l2)),
    ('block-free', {}, lambda i: i.ref(i.block // i.cluster, 0)),
    ('block-high', {}, lambda i: i.ref(i.block // i.cluster, 2)),
    ('no-table', {}, lambda i: i.put(56, 0, '>I')),
    ('dirty', {}, dirty_and(lambda i: None)),
    ('dirty-leak', {}, dirty_and(leak)),
    ('dirty-no-ref', {}, dirty_and(no_ref)),
    ('dirty-lazy', {'lazy': True}, dirty_and(no_ref)),
    ('corrupt', {}, lambda i: i.put(72, 2)),
    ('corrupt-shared', {}, lambda i: (shared(i), i.put(72, 2))),
    ('cut', {}, cut(1)),
    ('cut-two', {}, cut(2)),
    ('empty-block', {}, empty_block),
    ('all-high', {}, all_high),
    ('l2-garbage', {}, l2_garbage),
    ('l1-garbage', {}, lambda i: i.put(i.l1, (1 << 64) - 1)),
    ('l1-as-data', {}, lambda i: i.put(i.l2, i.l1 | COPIED)),
    ('block-as-data', {}, lambda i: i.put(i.l2, i.block | COPIED)),
    ('old-leak', OLD, leak),
    ('old-shared', OLD, shared),
    ('old-no-ref', OLD, no_ref),
    ('old-copied-off', OLD, copied_off),
    ('old-no-block', OLD, no_block),
    ('snap-leak', LATER, leak),
    ('snap-shared', LATER, shared),
    ('snap-no-ref', LATER, no_ref),
    ('snap-copied-off', LATER, copied_off),
    ('snap-empty-block', LATER, empty_block),
    ('packed-copied', PACKED, lambda i: i.change(i.l2, add=COPIED)),
    ('packed-no-ref', PACKED,
     lambda i: i.ref((i.get(i.l2) & 0x3fffffffffffff) // i.cluster, 0)),
    # Metadata that its refcount gives away
    ('take-l1', {}, lambda i: i.ref(i.l1 // i.cluster, 0)),
    ('take-l2', {}, lambda i: i.ref(i.l2 // i.cluster, 0)),
    ('take-table', {}, lambda i: i.ref(i.table // i.cluster, 0)),
    ('take-block', {}, lambda i: i.ref(i.block // i.cluster, 0)),
    ('take-snapshots', SNAP, lambda i: i.ref(i.snaps // i.cluster, 0)),
    ('take-old-l1', SNAP, lambda i: i.ref(i.get(i.snaps) // i.cluster, 0)),
    ('table-no-extra', SNAP, snap({})),
    ('table-old-no-extra', dict(OLD, snap=True), snap({})),
    ('table-extra-8', SNAP, snap({'extra': SIZES[:8]})),
    ('table-extra-16', SNAP, snap({'extra': SIZES})),
    ('table-extra-24', SNAP, snap({'extra': FULL, 'clock': 3723004000000})),
    ('table-extra-40', SNAP, snap({'extra': FULL + b'0123456789abcdef'})),
    ('table-extra-1024', SNAP, snap({'extra': FULL + b'x' * 1000})),
    ('table-extra-1025', SNAP, snap({'extra': FULL + b'x' * 1001})),
    ('table-l1-unaligned', SNAP, snap({'extra': FULL, 'add': 512})),
    ('table-l1-large', SNAP, snap({'extra': FULL, 'l1_size': 1 << 26})),
    ('table-long-names', SNAP,
     snap({'extra': FULL, 'id': b'1' * 300, 'name': b'n' * 1000})),
    ('table-twice', SNAP, snap({'extra': FULL}, {'extra': FULL})),
    ('table-short', SNAP, snap({'extra': FULL}, count=5)),
    ('table-unaligned', SNAP, lambda i: i.put(64, i.snaps + 8)),
    ('table-disk-4g', SNAP,
     snap({'extra': struct.pack('>QQ', 0, 1 << 32)})),
    ('table-disk-700', SNAP, snap({'extra': struct.pack('>QQ', 0, 700)})),
    ('table-disk-huge', SNAP,
     snap({'extra': struct.pack('>QQ', 0, 1 << 62)})),
]
