#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The host's side of 80-stress: commands while the guest does I/O.

  stress.py (stop|reset) SECONDS SEED CONSOLE -- PROGRAM ARG...

stop: from the guest's line "io-start" on the VM is stopped and continued again
and again, for so many seconds or until "io-end".
reset: the machine is reset, at any time of a boot, of its I/O or while it is
stopped, for so many seconds; after that the guest may finish.
Meanwhile the IOThread's properties change.  One line of figures on stdout.
"""

import random
import sys
import time

from qmp import Guest, Stuck

PROPERTIES = [
    ('poll-max-ns', (0, 1, 32768, 1000000)),
    ('poll-grow', (0, 1, 2, 8)),
    ('poll-shrink', (0, 1, 2, 8)),
    ('aio-max-batch', (0, 1, 4, 64)),
    ('thread-pool-max', (1, 8, 64)),
]


def good(reply):
    if 'return' not in reply:
        raise Stuck('refused: %s' % reply)
    return reply['return']


class Stress:
    def __init__(self, guest, seconds, seed):
        self.guest = guest
        self.random = random.Random(seed)
        self.seconds = seconds
        self.stops = self.resets = self.sets = 0

    def work(self, seconds):
        """Let the guest work for a while: this is the load, no waiting."""
        end = time.monotonic() + seconds
        while self.guest.inputs and (left := end - time.monotonic()) > 0:
            self.guest.pump(left)

    def set_property(self):
        name, values = self.random.choice(PROPERTIES)
        value = self.random.choice(values)
        good(self.guest.execute('qom-set', path='/objects/t0', property=name,
                                value=value))
        if good(self.guest.execute('qom-get', path='/objects/t0',
                                   property=name)) != value:
            raise Stuck('%s did not change' % name)
        self.sets += 1

    def stop_cont(self):
        guest = self.guest
        good(guest.execute('stop'))
        guest.wait_event('STOP')
        if self.random.random() < 0.3:
            self.set_property()
        good(guest.execute('query-block'))
        good(guest.execute('cont'))
        guest.wait_event('RESUME')
        self.stops += 1

    def reset(self):
        guest = self.guest
        stopped = self.random.random() < 0.3
        if stopped:
            good(guest.execute('stop'))
            guest.wait_event('STOP')
        good(guest.execute('system_reset'))
        guest.wait_event('RESET')
        if stopped:
            good(guest.execute('cont'))
            guest.wait_event('RESUME')
        self.resets += 1

    def run_stop(self):
        self.guest.wait_line('io-start')
        end = time.monotonic() + self.seconds
        while time.monotonic() < end and not self.guest.find_line('io-end'):
            self.stop_cont()
            self.set_property()
            self.work(self.random.random() * 0.1)

    def run_reset(self):
        end = time.monotonic() + self.seconds
        while time.monotonic() < end:
            if self.random.random() < 0.6:
                self.guest.lines.clear()
                self.guest.wait_line('io-start')
                for _ in range(3):
                    self.work(self.random.random() * 0.2)
                    self.stop_cont()
                    self.set_property()
            else:
                self.work(self.random.random() * 3)
            self.reset()


def main():
    what, seconds, seed, console, dashes, *argv = sys.argv[1:]
    assert dashes == '--'
    with Guest(argv, console) as guest:
        stress = Stress(guest, float(seconds), int(seed))
        try:
            if what == 'stop':
                stress.run_stop()
            else:
                stress.run_reset()
            status = guest.finish()
        except (Stuck, OSError) as e:
            status = repr(e)
        print('%d stops, %d resets, %d properties set; exit status %s' % (
            stress.stops, stress.resets, stress.sets, status))
    return status != 0


if __name__ == '__main__':
    sys.exit(main())
