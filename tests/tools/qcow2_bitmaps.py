#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The dirty bitmaps of a qcow2 file, read by the format's rules alone.
# As a program: print them, one a line.
import struct
import sys

EXT_BITMAPS = 0x23852875
OFFSET = 0x00fffffffffffe00


class Bitmap:
    def __init__(self, name, flags, granularity, data):
        self.name = name
        self.in_use = bool(flags & 1)
        self.auto = bool(flags & 2)
        self.granularity = granularity
        self.data = data

    def dirty(self):
        """Numbers of the granules that are set."""
        return [i * 8 + b for i, byte in enumerate(self.data) if byte
                for b in range(8) if byte >> b & 1]

    def __str__(self):
        return '%s %s%s %d %s' % (self.name, 'in-use ' if self.in_use else '',
                                  'auto' if self.auto else 'off',
                                  self.granularity, self.dirty())


def find_extension(header, pos, end):
    while pos + 8 <= end:
        magic, length = struct.unpack_from('>II', header, pos)
        if magic == 0:
            break
        if magic == EXT_BITMAPS:
            return struct.unpack_from('>IIQQ', header, pos + 8)
        pos += 8 + (length + 7) // 8 * 8
    return None


def read_bits(data, cluster, table, n):
    bits = b''
    for entry in struct.unpack_from('>%dQ' % n, data, table):
        offset = entry & OFFSET
        if offset:
            bits += data[offset:offset + cluster].ljust(cluster, b'\0')
        else:
            bits += (b'\xff' if entry & 1 else b'\0') * cluster
    return bits


def read(path):
    """A list of Bitmap, in the order of the directory; None: no extension."""
    with open(path, 'rb') as f:
        data = f.read()
    version, backing, _, bits = struct.unpack_from('>IQII', data, 4)
    cluster = 1 << bits
    if version < 3:
        return None
    autoclear, = struct.unpack_from('>Q', data, 88)
    length, = struct.unpack_from('>I', data, 100)
    ext = find_extension(data, length, backing or cluster)
    if not ext or not autoclear & 1:
        return None
    number, _, _, pos = ext
    result = []
    for _ in range(number):
        table, n, flags, _, granularity, name_len, extra = struct.unpack_from(
            '>QIIBBHI', data, pos)
        name = data[pos + 24 + extra:pos + 24 + extra + name_len]
        result.append(Bitmap(name.decode(errors='replace'), flags,
                             1 << granularity,
                             read_bits(data, cluster, table, n)))
        pos += (24 + extra + name_len + 7) // 8 * 8
    return result


if __name__ == '__main__':
    for b in read(sys.argv[1]) or []:
        print(b)
