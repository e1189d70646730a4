#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The host's side of 70-errors: what the monitor says while disks fail.

  errors.py TRANSCRIPT CONSOLE FILLER BADBLOCKS -- PROGRAM ARG...

The guest goes from step to step, each begun by a line of ours.  When a step
stops the VM, its cause is taken away (the file FILLER; the marks that the file
BADBLOCKS sets) and the VM goes on.  TRANSCRIPT gets everything that is the same
in each run of a program that behaves the same.
"""

import json
import os
import sys

from qmp import Guest, Stuck

BAD = '2048-2055'


class Transcript:
    """What both programs must say; events stand where they were waited for."""

    def __init__(self, guest, name):
        self.guest = guest
        self.file = open(name, 'w', encoding='utf-8')
        self.errors = set()

    def put(self, text):
        self.file.write(text + '\n')
        self.file.flush()

    def reply(self, command):
        reply = self.guest.execute(command)
        if command != 'query-block':
            self.put(json.dumps(reply))
            return
        for info in reply['return']:
            del info['inserted']['image']       # with figures that vary
            self.put(json.dumps(info))

    def event(self, name, device=None):
        path = '/machine/peripheral/%s/virtio-backend' % device if device else ''
        text = json.dumps(self.guest.wait_event(name, path))
        if device:
            self.errors.add(text)
        self.put(text)

    def rest(self):
        """An error told again is a matter of the rate limit; others are not."""
        for event in self.guest.events:
            if json.dumps(event) not in self.errors:
                self.put(json.dumps(event))


def run(guest, out, filler, badblocks):
    def step(name):
        out.put('# ' + name)
        guest.wait_line('ready: ' + name)
        guest.say('go')

    def mark(sign):
        with open(badblocks, 'w', encoding='ascii') as file:
            file.write(sign + BAD)

    def stopped():
        out.event('STOP')
        out.reply('query-status')
        out.reply('query-block')

    def go_on():
        out.reply('cont')
        out.event('RESUME')

    step('read-only')
    for name in ('read-error', 'write-error'):
        step(name)
        out.event('BLOCK_IO_ERROR', 'bad')
    step('full-report')
    out.event('BLOCK_IO_ERROR', 'fullreport')
    for name in ('read-stop', 'write-stop'):
        step(name)
        out.event('BLOCK_IO_ERROR', 'badstop')
        stopped()
        mark('-')
        go_on()
        guest.wait_line('done: ' + name)
        if name == 'read-stop':
            mark('+')
    step('full-stop')
    out.event('BLOCK_IO_ERROR', 'full')
    stopped()
    go_on()                     # too early: it stops again
    stopped()
    os.unlink(filler)
    os.sync()
    go_on()
    step('end')
    out.event('SHUTDOWN')
    out.put('exit status %d' % guest.finish())
    out.rest()


def main():
    transcript, console, filler, badblocks, dashes, *argv = sys.argv[1:]
    assert dashes == '--'
    with Guest(argv, console) as guest:
        out = Transcript(guest, transcript)
        try:
            run(guest, out, filler, badblocks)
        except Stuck as e:
            out.put('stuck: %s' % e)
            return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
