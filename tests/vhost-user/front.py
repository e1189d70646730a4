# SPDX-License-Identifier: GPL-2.0-or-later
"""A vhost-user front end with a split ring, for tests of a back end.

Slow and simple: it follows the vhost-user specification and virtio 1.2, and
lets a test send any nonsense.
"""
import array
import json
import mmap
import os
import select
import socket
import struct
import subprocess
import sys
import tempfile
import time

GET_FEATURES, SET_FEATURES, SET_OWNER, RESET_OWNER, SET_MEM_TABLE = 1, 2, 3, 4, 5
SET_VRING_NUM, SET_VRING_ADDR, SET_VRING_BASE, GET_VRING_BASE = 8, 9, 10, 11
SET_VRING_KICK, SET_VRING_CALL, SET_VRING_ERR = 12, 13, 14
GET_PROTOCOL_FEATURES, SET_PROTOCOL_FEATURES, GET_QUEUE_NUM = 15, 16, 17
SET_VRING_ENABLE, SET_BACKEND_REQ_FD, GET_CONFIG, SET_CONFIG = 18, 21, 24, 25
GET_INFLIGHT_FD, SET_INFLIGHT_FD, RESET_DEVICE = 31, 32, 34
GET_MAX_MEM_SLOTS, ADD_MEM_REG, REM_MEM_REG = 36, 37, 38

T_IN, T_OUT, T_FLUSH, T_GET_ID, T_DISCARD, T_WRITE_ZEROES = 0, 1, 4, 8, 11, 13
F_EVENT_IDX, F_PROTOCOL, F_VERSION_1 = 1 << 29, 1 << 30, 1 << 32
F_BLK_FLUSH, F_BLK_WCE = 1 << 9, 1 << 11
DESC_NEXT, DESC_WRITE = 1, 2

GPA = 0x100000000       # of the memory's first byte
UADDR = 0x7f0000000000  # what we say our own address of it is
MEM_SIZE = 8 << 20
RING_SPACE = 1 << 16    # for each queue, from the memory's start
TIMEOUT = 20


class Gone(Exception):
    """The back end closed the connection."""


def connect(sock, path):
    """Also while the back end has others in its queue."""
    end = time.monotonic() + TIMEOUT
    while True:
        try:
            return sock.connect(path)
        except BlockingIOError:
            assert time.monotonic() < end
            time.sleep(0.005)


class Front:
    """One connection."""

    def __init__(self, path, mem_size=MEM_SIZE):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(TIMEOUT)
        connect(self.sock, path)
        self.memfd = os.memfd_create("guest")
        os.ftruncate(self.memfd, mem_size)
        self.mem_size = mem_size
        self.mem = mmap.mmap(self.memfd, mem_size)
        self.queues = {}
        self.inflight_fd = -1

    def close(self):
        self.sock.close()
        os.close(self.memfd)
        for q in self.queues.values():
            os.close(q.kick)
            os.close(q.call)

    # --- messages ---

    def send_raw(self, data, fds=()):
        anc = []
        if fds:
            anc = [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                    array.array("i", fds))]
        try:
            self.sock.sendmsg([data], anc)
        except (BrokenPipeError, ConnectionResetError):
            raise Gone from None

    def send(self, request, payload=b"", fds=(), flags=1):
        self.send_raw(struct.pack("<III", request, flags, len(payload)) +
                      payload, fds)

    def recv_exact(self, n):
        data = b""
        fds = []
        while len(data) < n:
            try:
                got, anc, _, _ = self.sock.recvmsg(n - len(data),
                                                   socket.CMSG_SPACE(32))
            except ConnectionResetError:
                raise Gone from None
            if not got:
                raise Gone
            for level, kind, raw in anc:
                if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                    fds += array.array("i", raw)
            data += got
        return data, fds

    def reply(self, request):
        hdr, fds = self.recv_exact(12)
        req, flags, size = struct.unpack("<III", hdr)
        assert req == request and flags & 7 == 5, (req, flags)
        payload, more = self.recv_exact(size)
        return payload, fds + more

    def call(self, request, payload=b"", fds=()):
        self.send(request, payload, fds)
        return self.reply(request)[0]

    def get_u64(self, request):
        return struct.unpack("<Q", self.call(request))[0]

    def do(self, request, payload=b"", fds=()):
        """A message that must be acknowledged with 0."""
        self.send(request, payload, fds, flags=1 | 8)
        ack = struct.unpack("<Q", self.reply(request)[0])[0]
        assert ack == 0, (request, ack)

    def wait_gone(self):
        """The back end must close the connection."""
        try:
            while True:
                self.recv_exact(1)
        except Gone:
            pass

    # --- set-up ---

    def region(self, gpa=GPA, size=None, uaddr=UADDR, offset=0):
        return struct.pack("<QQQQ", gpa, size or self.mem_size, uaddr, offset)

    def negotiate(self, features=F_VERSION_1 | F_BLK_FLUSH | F_BLK_WCE):
        offered = self.get_u64(GET_FEATURES)
        assert offered & F_PROTOCOL
        self.protocol = self.get_u64(GET_PROTOCOL_FEATURES)
        self.send(SET_PROTOCOL_FEATURES, struct.pack("<Q", self.protocol))
        self.do(SET_OWNER)
        self.do(SET_FEATURES, struct.pack("<Q", features | F_PROTOCOL))

    def share_memory(self):
        self.do(SET_MEM_TABLE, struct.pack("<II", 1, 0) + self.region(),
                [self.memfd])

    def share_inflight(self, queues, size):
        self.send(GET_INFLIGHT_FD, struct.pack("<QQHHI", 0, 0, queues, size, 0))
        payload, fds = self.reply(GET_INFLIGHT_FD)
        self.inflight = payload
        self.inflight_fd = fds[0]
        self.set_inflight()

    def set_inflight(self):
        self.do(SET_INFLIGHT_FD, self.inflight, [self.inflight_fd])

    def setup(self, nqueues=1, num=64, inflight=False, **kwargs):
        self.negotiate(**kwargs)
        if inflight:
            self.share_inflight(nqueues, num)
        self.share_memory()
        for i in range(nqueues):
            self.queues[i] = Queue(self, i, num)
            self.queues[i].start()
        return self

    def config(self, size=60):
        got = self.call(GET_CONFIG, struct.pack("<III", 0, size, 0) +
                        bytes(size))
        return got[12:]

    def capacity(self):
        return struct.unpack_from("<Q", self.config())[0]


class Queue:
    """A split ring; request n uses the descriptors 3n .. 3n + 2."""

    def __init__(self, front, index, num):
        self.f, self.index, self.num = front, index, num
        self.base = index * RING_SPACE
        self.avail = self.base + 16 * num
        self.used = self.base + ((16 * num + 6 + 2 * num + 4095) & ~4095)
        self.kick = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self.call = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self.avail_idx = self.used_idx = 0
        self.slots = list(range(num // 3))
        self.pending = {}
        self.data = 1 << 20

    def start(self, base=0):
        f, i = self.f, self.index
        state = struct.pack
        f.do(SET_VRING_NUM, state("<II", i, self.num))
        f.do(SET_VRING_BASE, state("<II", i, base))
        f.do(SET_VRING_ADDR, state("<IIQQQQ", i, 0, UADDR + self.base,
                                   UADDR + self.used, UADDR + self.avail, 0))
        f.do(SET_VRING_CALL, state("<Q", i), [self.call])
        f.do(SET_VRING_KICK, state("<Q", i), [self.kick])
        f.do(SET_VRING_ENABLE, state("<II", i, 1))

    def room(self, slot):
        """Where the buffers of a slot are: header, status, 64 KiB of data."""
        assert slot < 64
        at = self.data + (self.index * 64 + slot) * 0x11000
        assert at + 0x11000 <= self.f.mem_size
        return at

    def desc(self, n, addr, length, flags, nxt=0):
        struct.pack_into("<QIHH", self.f.mem, self.base + 16 * n, addr, length,
                         flags, nxt)

    def offer(self, head):
        struct.pack_into("<H", self.f.mem,
                         self.avail + 4 + 2 * (self.avail_idx % self.num), head)
        self.avail_idx = (self.avail_idx + 1) & 0xffff
        struct.pack_into("<H", self.f.mem, self.avail + 2, self.avail_idx)

    def submit(self, kind, sector, data=b"", length=0):
        """Queue a request; its slot."""
        slot = self.slots.pop()
        at = self.room(slot)
        d = 3 * slot
        mem = self.f.mem
        mem[at:at + 16] = struct.pack("<IIQ", kind, 0, sector)
        mem[at + 16] = 0xff
        self.desc(d, GPA + at, 16, DESC_NEXT, d + 1)
        if data or length:
            mem[at + 4096:at + 4096 + len(data)] = data
            self.desc(d + 1, GPA + at + 4096, len(data) or length,
                      DESC_NEXT | (0 if data else DESC_WRITE), d + 2)
        else:
            self.desc(d, GPA + at, 16, DESC_NEXT, d + 2)
        self.desc(d + 2, GPA + at + 16, 1, DESC_WRITE)
        self.pending[d] = (slot, length)
        self.offer(d)
        return d

    def notify(self):
        os.eventfd_write(self.kick, 1)

    def reap(self):
        """Answers that are there: {head: (status, data)}."""
        done = {}
        mem = self.f.mem
        idx = struct.unpack_from("<H", mem, self.used + 2)[0]
        while self.used_idx != idx:
            head = struct.unpack_from(
                "<I", mem, self.used + 4 + 8 * (self.used_idx % self.num))[0]
            self.used_idx = (self.used_idx + 1) & 0xffff
            slot, length = self.pending.pop(head)
            at = self.room(slot)
            done[head] = (mem[at + 16], mem[at + 4096:at + 4096 + length])
            self.slots.append(slot)
        return done

    def wait(self, count, timeout=TIMEOUT):
        """@count answers."""
        done = {}
        end = time.monotonic() + timeout
        while True:
            done.update(self.reap())
            if len(done) >= count:
                return done
            left = end - time.monotonic()
            assert left > 0, f"no answer: {len(done)} of {count}"
            select.select([self.call], [], [], left)
            try:
                os.eventfd_read(self.call)
            except BlockingIOError:
                pass

    def io(self, kind, sector, data=b"", length=0):
        """One request; its data. AssertionError if it fails."""
        head = self.submit(kind, sector, data, length)
        self.notify()
        status, got = self.wait(1)[head]
        assert status == 0, f"status {status}"
        return got

    def write(self, sector, data):
        self.io(T_OUT, sector, data)

    def read(self, sector, length):
        return self.io(T_IN, sector, length=length)


class Daemon:
    """A qemu-storage-daemon with one export and a QMP monitor."""

    def __init__(self, binary, blockdev, dirname, queues=2, writable=True,
                 iothread=True, extra=()):
        self.dir = dirname
        self.path = os.path.join(dirname, "vhost.sock")
        self.qmp_path = os.path.join(dirname, "qmp.sock")
        for p in (self.path, self.qmp_path):
            if os.path.exists(p):
                os.unlink(p)
        export = {"type": "vhost-user-blk", "id": "e", "node-name": "disk",
                  "writable": writable, "num-queues": queues,
                  "addr": {"type": "unix", "path": self.path}}
        if iothread:
            export["iothread"] = "io0"
        self.log = open(os.path.join(dirname, "log"), "w+")
        self.proc = subprocess.Popen(
            [binary, "--object", "iothread,id=io0", "--object",
             "iothread,id=io1", *extra, "--blockdev",
             json.dumps({"node-name": "disk", **blockdev}),
             "--chardev", f"socket,id=c,path={self.qmp_path},server=on,wait=off",
             "--monitor", "chardev=c", "--export", json.dumps(export)],
            stderr=self.log)
        end = time.monotonic() + TIMEOUT
        while not (os.path.exists(self.path) and os.path.exists(self.qmp_path)):
            assert self.proc.poll() is None, self.messages()
            assert time.monotonic() < end
            time.sleep(0.01)
        self.qmp = None

    def messages(self):
        self.log.flush()
        with open(self.log.name, encoding="utf-8") as f:
            return f.read()

    def front(self, **kwargs):
        return Front(self.path, **kwargs)

    def command(self, name, **args):
        if not self.qmp:
            s = socket.socket(socket.AF_UNIX)
            s.settimeout(TIMEOUT)
            s.connect(self.qmp_path)
            self.qmp = s.makefile("rw")
            json.loads(self.qmp.readline())
            self.command("qmp_capabilities")
        self.qmp.write(json.dumps({"execute": name, "arguments": args}) + "\n")
        self.qmp.flush()
        while True:
            answer = json.loads(self.qmp.readline())
            if "event" in answer:
                continue
            assert "return" in answer, answer
            return answer["return"]

    def has_command(self, name):
        return {"name": name} in self.command("query-commands")

    def kill(self):
        self.proc.kill()
        self.proc.wait()

    def stop(self):
        """End it the polite way; its exit status must be 0."""
        self.proc.terminate()
        status = self.proc.wait(TIMEOUT)
        assert status == 0, (status, self.messages())

    def __enter__(self):
        return self

    def __exit__(self, kind, value, tb):
        if self.proc.poll() is None:
            self.kill()
        if kind:
            sys.stderr.write(self.messages())
        self.log.close()


def run_tests(tests, binary):
    """TAP; a test is a function of (binary, scratch directory)."""
    print(f"1..{len(tests)}")
    failed = False
    for n, test in enumerate(tests, 1):
        with tempfile.TemporaryDirectory(prefix="vhost-user-") as tmp:
            try:
                test(binary, tmp)
                print(f"ok {n} {test.__name__}", flush=True)
            except Exception:
                import traceback
                failed = True
                print("# " + traceback.format_exc().replace("\n", "\n# "))
                print(f"not ok {n} {test.__name__}", flush=True)
    return 1 if failed else 0
