# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest with a monitor: its console lines and its events, as they come.

The serial port is the program's stdio; QMP is a connected socket that the
program inherits.  Nothing waits for time to pass, but everything that waits
ends with Stuck when nothing came for LIMIT seconds.
"""

import json
import os
import select
import socket
import subprocess
import time

LIMIT = 60


class Stuck(Exception):
    """What was waited for did not come."""


class Guest:
    """One run of a program; also a context manager that leaves none behind."""

    def __init__(self, argv, console):
        self.lines = []             # console lines that nobody waited for yet
        self.events = []            # events, the same
        self.replies = []
        self.partial = {}
        self.console = open(console, 'wb')
        ours, theirs = socket.socketpair()
        fd = theirs.fileno()
        self.sock = ours
        self.proc = subprocess.Popen(
            argv + ['-chardev', 'socket,id=qmp0,fd=%d' % fd,
                    '-mon', 'chardev=qmp0,mode=control'],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, pass_fds=[fd])
        theirs.close()
        self.inputs = {self.proc.stdout.fileno(): self.take_line,
                       ours.fileno(): self.take_message}
        self.execute('qmp_capabilities')

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.proc.kill()
        self.proc.wait()
        self.sock.close()
        self.console.close()

    # --- what comes ---

    def take_line(self, line):
        self.console.write(line + b'\n')
        self.console.flush()
        self.lines.append(line.rstrip(b'\r').decode(errors='replace'))

    def take_message(self, line):
        message = json.loads(line)
        if 'event' in message:
            del message['timestamp']
            self.events.append(message)
        elif 'QMP' not in message:
            self.replies.append(message)

    def pump(self, seconds):
        """Take what there is; wait at most that long for the first of it."""
        ready = select.select(list(self.inputs), [], [], seconds)[0]
        for fd in ready:
            try:
                data = os.read(fd, 65536)
            except ConnectionResetError:
                data = b''
            take = self.inputs[fd]
            if not data:
                del self.inputs[fd]
                if self.partial.get(fd):
                    take(self.partial.pop(fd))
                continue
            *whole, rest = (self.partial.get(fd, b'') + data).split(b'\n')
            self.partial[fd] = rest
            for line in whole:
                take(line)
        return bool(ready)

    def wait_for(self, what, find):
        """Pump until find() gives something, and give that."""
        deadline = time.monotonic() + LIMIT
        while True:
            found = find()
            if found:
                return found
            left = deadline - time.monotonic()
            if not self.inputs or left <= 0 or not self.pump(left):
                raise Stuck('%s: %s' % (
                    what, 'the program ended' if not self.inputs
                    else 'nothing came'))

    # --- what is asked and waited for ---

    def execute(self, command, **arguments):
        """The whole reply, {"return": ...} or {"error": ...}."""
        request = {'execute': command, 'arguments': arguments}
        self.sock.sendall(json.dumps(request).encode() + b'\n')
        return self.wait_for(command,
                             lambda: self.replies and self.replies.pop(0))

    def wait_event(self, name, path=''):
        """The next event of that name, about the device at path."""
        def find():
            for event in self.events:
                where = event.get('data', {}).get('qom-path', '')
                if event['event'] == name and path in (where, ''):
                    self.events.remove(event)
                    return event
            return None
        return self.wait_for(name, find)

    def find_line(self, *starts):
        """The next line that begins so; earlier ones are dropped."""
        while self.lines:
            line = self.lines.pop(0)
            if line.startswith(starts):
                return line
        return None

    def wait_line(self, *starts):
        return self.wait_for(' or '.join(starts),
                             lambda: self.find_line(*starts))

    def say(self, text):
        """A line for the guest to read."""
        self.proc.stdin.write(text.encode() + b'\n')
        self.proc.stdin.flush()

    def finish(self):
        """Exit status of a program that ends by itself."""
        while self.inputs:
            if not self.pump(LIMIT):
                raise Stuck('the program does not end')
        return self.proc.wait(LIMIT)
