#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""No file includes a header of a floor above its own (docs/devel/layers.txt)."""

import os
import re

from check_lib import Tap, read, tracked


def load_layers():
    """Folder -> the set of folders that it may include."""
    may = {}
    below = set()
    extra = []
    for line in read('docs/devel/layers.txt').split('\n'):
        line = line.split('#')[0].strip()
        if not line:
            continue
        head, rest = line.split(':', 1)
        if head == 'allow':
            extra.append(rest)
            continue
        floor = set()
        for group in rest.split('|'):
            chain = group.split('->')
            seen = set()
            for link in chain:
                folders = set(link.split())
                for f in folders:
                    may[f] = below | seen | {f}
                seen |= folders
            floor |= seen
        below |= floor
    for rest in extra:
        who, what = rest.split('->')
        may[who.strip()] |= set(what.split())
    return may


def folder_of(path, may):
    """The longest folder of the house that the path lies in, or None."""
    d = os.path.dirname(path)
    while d:
        if d in may:
            return d
        d = os.path.dirname(d)
    return None


def main():
    tap = Tap()
    may = load_layers()
    wrong, stray = [], []
    for path in tracked('.c', '.h'):
        if path.startswith('tests/'):
            continue
        own = folder_of(path, may)
        if own is None:
            stray.append('%s: no floor has this folder' % path)
            continue
        for inc in re.findall(r'^\s*#\s*include\s+"([^"]+)"', read(path),
                              re.M):
            target = folder_of(inc, may)
            if inc == 'config-host.h':
                continue
            if target is None:
                wrong.append('%s: includes "%s", which is no path from the '
                             'root' % (path, inc))
            elif target not in may[own]:
                wrong.append('%s: %s may not include %s' % (path, own, inc))
    tap.point('every folder has a floor', stray)
    tap.point('no include looks up', wrong)
    tap.done()


if __name__ == '__main__':
    main()
