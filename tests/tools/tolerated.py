# SPDX-License-Identifier: GPL-2.0-or-later
"""What the differential tests let pass, each with its reason.

The reasons are the sentences of docs/interop/differences.md: test-differences.py
fails where one is missing there, or where a test lets something pass that is not
in this file.
"""

import re

# Regular expressions over the output of both programs: (pattern, replacement,
# reason). Order matters.
FILTERS = {
    'qemu-img': [
        (re.compile(r'#block\d+'), '#blockN', 'Names of nodes that a program '
         'makes up have other numbers.'),
        (re.compile(r'completed in [0-9.]+ seconds'),
         'completed in N seconds', 'Times and rates are measured.'),
        (re.compile(r'\d{4}-\d\d-\d\d \d\d:\d\d:\d\d'), 'DATE',
         'Snapshots have the time at which they were made.'),
        (re.compile(r'"date-n?sec": \d+'), '"date": N',
         'Snapshots have the time at which they were made.'),
        (re.compile(r'^It is locked by process .*\n', re.M), '',
         'An image lock that is refused names its holder in one more line.'),
        # "qemu-img create: invalid option -- 'x'", "Try 'qemu-img create
        # --help'": where either complains, only the fact is compared
        (re.compile(r"^\S*qemu-img[^\n]*\nTry '\S*qemu-img[^\n]* for more "
                    r"info(rmation)?\n\Z", re.M), '<usage error>\n',
         "Debian's qemu-img has an option parser of its own; the wording "
         "here is upstream's."),
    ],
    'encryption': [
        (re.compile(r'[0-9a-f]{8}-[0-9a-f-]{27}'), 'UUID',
         'Identifiers, salts and iteration counts of encrypted images are '
         'random or measured.'),
        (re.compile(r'(iters"?: |PBKDF iterations )\d+'), r'\1N',
         'Identifiers, salts and iteration counts of encrypted images are '
         'random or measured.'),
        (re.compile(r'(disk size: |actual-size": ).*'), r'\1N',
         'How many blocks a file takes is decided by the host.'),
    ],
    'qemu-io': [
        # getopt() names the program by its path
        (re.compile(r'\S*/qemu-io: '), 'qemu-io: ',
         'A program is named by the path that it was called by.'),
        (re.compile(r'ops; [0-9:.]+( sec)? \([^)]*\)'), 'ops; FIGURES',
         'Times and rates are measured.'),
        (re.compile(r'#block\d+'), '#blockN', 'Names of nodes that a program '
         'makes up have other numbers.'),
        (re.compile(r'version 10\.0\.\d+( \(Debian[^)]*\))?'), 'version 10.0',
         'The package of a distribution has its own version.'),
    ],
    'filters': [
        (re.compile(r'[^\n]*ops/sec\)\n'), '', 'Times and rates are measured.'),
    ],
    'damage': [
        (re.compile(r'(Image end offset|"image-end-offset"): \d+'), r'\1: N',
         'Where clusters are in a file differs after a repair.'),
        (re.compile(r'\n[^\n]* ops; [^\n]*'), '',
         'Times and rates are measured.'),
    ],
}

HOLES = ('convert leaves out zeroes inside of a cluster, so that the file has '
         'holes there.')
DIRTY = ("The dirty bit of an image whose repair was refused stays; QEMU's "
         'close takes it away.')

# Command lines whose outcome is told, not judged.
KNOWN = {
    'qemu-img': {
        'convert -n -c -O qcow2 a.raw p.qcow2':
            'Which of several parallel writes fails first is chance.',
        'map --output=json n.qcow2': HOLES,
        'map n.qcow2': HOLES,
    },
    'encryption': {
        'measure @S -O luks -o key-secret=s --output=json --size 1000':
            'measure for luks counts whole sectors, as the image has them.',
    },
    'damage': {
        'dirty-no-ref: check -r leaks': DIRTY,
        'dirty-lazy: check -r leaks': DIRTY,
    },
}


def normalise(suite, text):
    for pattern, replacement, _ in FILTERS[suite]:
        text = pattern.sub(replacement, text)
    return text


def known(suite, title):
    """The end of the line of a test whose outcome is not judged, or ''."""
    reason = KNOWN[suite].get(title)
    return ' # SKIP ' + reason if reason else ''


def reasons():
    """All sentences."""
    found = {f[2] for filters in FILTERS.values() for f in filters}
    return found | {r for k in KNOWN.values() for r in k.values()}
