# SPDX-License-Identifier: GPL-2.0-or-later
"""What the checks of the tree share: the list of our files, and TAP output."""

import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def tracked(*suffixes):
    """Files of the tree with one of these endings, as paths from the root.

    Asks git for what it tracks and what is new and not ignored; an unpacked
    archive without git is walked.
    """
    try:
        out = subprocess.run(
            ['git', '-c', 'safe.directory=*', 'ls-files', '-co',
             '--exclude-standard'], cwd=ROOT, check=True,
            capture_output=True, text=True).stdout.split('\n')
    except (OSError, subprocess.CalledProcessError):
        out = [os.path.relpath(os.path.join(d, f), ROOT)
               for d, dirs, files in os.walk(ROOT)
               if not os.path.relpath(d, ROOT).startswith(('build', '.git'))
               for f in files]
    return sorted(f for f in out if f.endswith(suffixes)
                  and os.path.exists(os.path.join(ROOT, f)))


def read(path):
    """The text of a file named from the root."""
    with open(os.path.join(ROOT, path), encoding='utf-8') as f:
        return f.read()


class Tap:
    """One test point per check; what is wrong follows as comments."""

    def __init__(self):
        self.count = 0
        self.failed = False

    def point(self, name, complaints):
        """Report one check: it holds when there is no complaint."""
        self.count += 1
        print('%s %d - %s' % ('not ok' if complaints else 'ok', self.count,
                              name))
        for c in complaints:
            print('# ' + c)
        self.failed |= bool(complaints)

    def skip(self, name, why):
        """Report one check that cannot be made here."""
        self.count += 1
        print('ok %d - %s # SKIP %s' % (self.count, name, why))

    def done(self):
        """Print the plan and leave."""
        print('1..%d' % self.count)
        sys.exit(1 if self.failed else 0)
