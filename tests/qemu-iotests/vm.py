# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs with a QMP monitor, for I/O tests in Python: VM, QemuStorageDaemon.

The program connects to a socket of ours, so that it is known when it is there.
Everything that waits has a time-out, and what was started ends with the test.
"""

import atexit
import json
import os
import select
import socket
import subprocess
import time

import iotests

TIMEOUT = float(os.environ.get('QEMU_COMM_TIMEOUT', '20'))


class QMPError(Exception):
    """A command failed that should not have."""


class Monitor:
    """A QMP connection: commands, answers and the events between them."""

    def __init__(self, sock):
        self.sock = sock
        self.buffer = b''
        self.events = []
        self.greeting = None

    def receive(self, deadline):
        """The next object, or None at the deadline; EOFError at the end."""
        while b'\n' not in self.buffer:
            left = max(deadline - time.monotonic(), 0)
            if not select.select([self.sock], [], [], left)[0]:
                return None
            data = self.sock.recv(65536)
            if not data:
                raise EOFError('the monitor is closed')
            self.buffer += data
        line, self.buffer = self.buffer.split(b'\n', 1)
        return json.loads(line)

    def begin(self):
        self.greeting = self.receive(time.monotonic() + TIMEOUT)
        if self.greeting is None:
            raise TimeoutError('no greeting')
        self.command({'execute': 'qmp_capabilities'})

    def command(self, request):
        self.sock.sendall(json.dumps(request).encode() + b'\n')
        deadline = time.monotonic() + TIMEOUT
        while True:
            answer = self.receive(deadline)
            if answer is None:
                raise TimeoutError('no answer to %s' % request)
            if 'event' not in answer:
                return answer
            self.events.append(answer)

    def wait_event(self, matches, timeout):
        """The first event that @matches, old or new; None at the time-out."""
        deadline = time.monotonic() + timeout
        while True:
            for e in self.events:
                if matches(e):
                    self.events.remove(e)
                    return e
            answer = self.receive(deadline)
            if answer is None:
                return None
            if 'event' in answer:
                self.events.append(answer)

    def poll(self):
        """Takes in what is there without waiting."""
        try:
            while True:
                answer = self.receive(0)
                if answer is None:
                    return
                if 'event' in answer:
                    self.events.append(answer)
        except (EOFError, ConnectionError):
            pass


def dashes(args):
    """Keys of Python arguments as QMP writes them."""
    return {k.replace('_', '-'): v for k, v in args.items()}


class QMPProgram:
    """A program with a monitor; subclasses say how it is called."""

    count = 0

    def __init__(self):
        QMPProgram.count += 1
        self.name = '%d-%d' % (os.getpid(), QMPProgram.count)
        self.args = []
        self.mon = None
        self.process = None
        self.log_path = os.path.join(iotests.test_dir, self.name + '.log')

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.shutdown(hard=exc[0] is not None)
        return False

    def command_line(self, path):
        raise NotImplementedError

    def add_args(self, *args):
        self.args += args
        return self

    def launch(self):
        path = os.path.join(iotests.sock_dir, self.name + '.sock')
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            listener.listen(1)
            with open(self.log_path, 'wb') as out:
                self.process = subprocess.Popen(
                    self.command_line(path), stdin=subprocess.DEVNULL,
                    stdout=out, stderr=subprocess.STDOUT)
            atexit.register(self.shutdown, hard=True)
            try:
                self.accept(listener)
            finally:
                os.unlink(path)

    def accept(self, listener):
        deadline = time.monotonic() + TIMEOUT
        while not select.select([listener], [], [], 0.05)[0]:
            if self.process.poll() is not None:
                raise QMPError('does not start: ' + self.get_log())
            if time.monotonic() > deadline:
                raise TimeoutError('no connection')
        self.mon = Monitor(listener.accept()[0])
        try:
            self.mon.begin()
        except (EOFError, ConnectionError) as e:
            self.process.wait(TIMEOUT)
            raise QMPError('does not start: ' + self.get_log()) from e

    def get_log(self):
        with open(self.log_path, encoding='utf-8', errors='replace') as f:
            return f.read()

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def exitcode(self):
        return self.process.poll() if self.process else None

    def wait(self, timeout=TIMEOUT):
        """Until it ends by itself."""
        if self.process:
            self.process.wait(timeout)
        if self.mon:
            self.mon.poll()
            self.mon.sock.close()
            self.mon = None

    def shutdown(self, hard=False):
        if self.is_running():
            try:
                if hard:
                    self.process.kill()
                else:
                    self.mon.command({'execute': 'quit'})
            except (EOFError, ConnectionError, TimeoutError):
                self.process.kill()
        try:
            self.wait()
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.wait()

    def kill(self):
        self.shutdown(hard=True)

    # Commands: arguments as a dictionary, as Python arguments, or both ------

    def qmp_request(self, command, args_dict, kwargs):
        args = dict(args_dict or {}, **dashes(kwargs))
        return {'execute': command, 'arguments': args} if args \
            else {'execute': command}

    def qmp(self, command, args_dict=None, **kwargs):
        """The answer, {'return': ...} or {'error': ...}."""
        return self.mon.command(self.qmp_request(command, args_dict, kwargs))

    def cmd(self, command, args_dict=None, **kwargs):
        """What it returns; QMPError if it fails."""
        answer = self.qmp(command, args_dict, **kwargs)
        if 'return' not in answer:
            raise QMPError(answer['error']['desc'])
        return answer['return']

    def qmp_log(self, command, args_dict=None, filters=(), indent=None,
                **kwargs):
        request = self.qmp_request(command, args_dict, kwargs)
        filters = list(filters) + [iotests.filter_testfiles,
                                   iotests.filter_generated_node_ids]
        iotests.log(request, filters, indent=indent)
        answer = self.mon.command(request)
        iotests.log(answer, filters, indent=indent)
        return answer

    def hmp(self, line):
        return self.qmp('human-monitor-command', command_line=line)

    def hmp_log(self, line):
        iotests.log('(qemu) ' + line, [iotests.filter_testfiles])
        text = self.cmd('human-monitor-command', command_line=line)
        iotests.log(text.replace('\r', ''),
                    [iotests.filter_testfiles,
                     iotests.filter_generated_node_ids])

    # Events -------------------------------------------------------------

    def get_qmp_events(self, wait=False):
        self.mon.poll()
        events, self.mon.events = self.mon.events, []
        return events

    def event_wait(self, name, timeout=TIMEOUT, match=None):
        return self.events_wait([(name, match)], timeout)

    def events_wait(self, wanted, timeout=TIMEOUT):
        """The first event that is one of @wanted: (name, part of it)."""
        return self.mon.wait_event(
            lambda e: any(e['event'] == name and includes(e, part)
                          for name, part in wanted), timeout)


def includes(value, part):
    """Has @value all that @part has?"""
    if part is None:
        return True
    if isinstance(part, dict):
        return isinstance(value, dict) and all(
            k in value and includes(value[k], v) for k, v in part.items())
    return value == part


class VM(QMPProgram):
    """qemu-system without a guest: machine "none" unless one is named."""

    def __init__(self, machine='none'):
        super().__init__()
        self.machine = machine
        self.drives = 0

    def command_line(self, path):
        return iotests.qemu_prog_args + [
            '-machine', self.machine, '-chardev', 'socket,id=mon,path=' + path,
            '-mon', 'chardev=mon,mode=control'] + self.args

    def add_object(self, opts):
        return self.add_args('-object', opts)

    def add_device(self, opts):
        return self.add_args('-device', opts)

    def add_blockdev(self, opts):
        if isinstance(opts, dict):
            opts = json.dumps(opts)
        elif not isinstance(opts, str):
            opts = ','.join(opts)
        return self.add_args('-blockdev', opts)

    def add_drive(self, path, opts='', interface='none', img_format=None):
        words = ['if=' + interface, 'id=drive%d' % self.drives]
        if path is not None:
            words += ['file=' + path, 'format=' + (img_format or
                                                   iotests.imgfmt),
                      'cache=' + iotests.cachemode, 'aio=' + iotests.aiomode]
        self.drives += 1
        return self.add_args('-drive', ','.join(words + ([opts] if opts
                                                         else [])))

    def hmp_qemu_io(self, node, command, qdev=False):
        return self.hmp('qemu-io %s%s "%s"' % ('-d ' if qdev else '', node,
                                               command))

    def check_bitmap_status(self, node, name, fields):
        """Is the bitmap there and has it these fields?"""
        return includes(self.get_bitmap(node, name) or {}, fields) and \
            self.get_bitmap(node, name) is not None

    def get_bitmap(self, node, name):
        for n in self.cmd('query-named-block-nodes'):
            if n['node-name'] == node:
                return next((b for b in n.get('dirty-bitmaps', ())
                             if b['name'] == name), None)
        return None

    def node_info(self, node):
        return next((n for n in self.cmd('query-named-block-nodes')
                     if n['node-name'] == node), None)


class QemuStorageDaemon(QMPProgram):
    def __init__(self, *args):
        super().__init__()
        self.args = list(args)
        iotests.require_program('QSD_PROG')

    def command_line(self, path):
        return iotests.qsd_args + [
            '--chardev', 'socket,id=mon,path=' + path,
            '--monitor', 'chardev=mon'] + self.args
