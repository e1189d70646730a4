#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The vhost-user-blk export against well-behaved and hostile front ends."""
import os
import random
import socket
import struct
import sys

import front as vu

SIZE = 64 << 20


def file_node(tmp, size=SIZE):
    path = os.path.join(tmp, "disk.img")
    if not os.path.exists(path):
        with open(path, "wb") as f:
            f.truncate(size)
    return {"driver": "file", "filename": path}


def pattern(n, length=4096):
    return random.Random(n).randbytes(length)


def test_io(binary, tmp):
    with vu.Daemon(binary, file_node(tmp), tmp) as d:
        f = d.front().setup(nqueues=2)
        assert f.capacity() == SIZE // 512
        for i, q in f.queues.items():
            q.write(8 * i, pattern(i))
            q.io(vu.T_FLUSH, 0)
        for i in range(2):
            assert f.queues[1 - i].read(8 * i, 4096) == pattern(i)
        assert f.queues[0].io(vu.T_GET_ID, 0, length=20).startswith(
            b"vhost_user_blk")
        q = f.queues[0]
        q.io(vu.T_WRITE_ZEROES, 0, struct.pack("<QII", 0, 8, 1))
        assert q.read(0, 4096) == bytes(4096)
        q.io(vu.T_DISCARD, 0, struct.pack("<QII", 8, 8, 0))
        # Many at a time
        heads = {q.submit(vu.T_OUT, 8 * i, pattern(i)): i for i in range(20)}
        q.notify()
        assert all(s == 0 for s, _ in q.wait(20).values())
        heads = {q.submit(vu.T_IN, 8 * i, length=4096): i for i in range(20)}
        q.notify()
        for head, (status, data) in q.wait(20).items():
            assert status == 0 and data == pattern(heads[head])
        # Behind the end
        q.submit(vu.T_IN, SIZE // 512, length=512)
        q.notify()
        assert [s for s, _ in q.wait(1).values()] == [1]
        f.close()
        d.stop()


def test_read_only(binary, tmp):
    with vu.Daemon(binary, file_node(tmp), tmp, writable=False) as d:
        f = d.front().setup()
        assert f.get_u64(vu.GET_FEATURES) & 1 << 5
        f.queues[0].submit(vu.T_OUT, 0, bytes(512))
        f.queues[0].notify()
        assert [s for s, _ in f.queues[0].wait(1).values()] == [1]
        d.stop()


def test_config(binary, tmp):
    with vu.Daemon(binary, file_node(tmp), tmp) as d:
        f = d.front().setup()
        assert f.config()[32] == 1
        f.do(vu.SET_CONFIG, struct.pack("<IIIB", 32, 1, 0, 0))
        assert f.config()[32] == 0
        # Nothing else can be written, and nothing read from behind the end
        f.send(vu.SET_CONFIG, struct.pack("<IIIB", 0, 1, 0, 0), flags=9)
        assert f.reply(vu.SET_CONFIG)[0] == struct.pack("<Q", 1)
        assert len(f.call(vu.GET_CONFIG, struct.pack("<III", 250, 10, 0) +
                          bytes(10))) == 12
        assert f.get_u64(vu.GET_QUEUE_NUM) == 2
        f.close()
        # The next front end finds the mode that the export was made with
        f = d.front().setup()
        assert f.config()[32] == 1


def test_resize(binary, tmp):
    with vu.Daemon(binary, file_node(tmp), tmp) as d:
        f = d.front().setup()
        ours, theirs = socket.socketpair()
        ours.settimeout(vu.TIMEOUT)
        f.do(vu.SET_BACKEND_REQ_FD, fds=[theirs.fileno()])
        theirs.close()
        d.command("block_resize", **{"node-name": "disk", "size": 2 * SIZE})
        hdr = ours.recv(12, socket.MSG_WAITALL)
        assert struct.unpack("<III", hdr) == (2, 1, 0), hdr
        assert f.capacity() == 2 * SIZE // 512
        f.queues[0].write(SIZE // 512, pattern(1))


def test_stop_and_go_on(binary, tmp):
    """GET_VRING_BASE, and the same ring again from there."""
    with vu.Daemon(binary, file_node(tmp), tmp) as d:
        f = d.front().setup()
        q = f.queues[0]
        for i in range(5):
            q.write(8 * i, pattern(i))
            got = f.call(vu.GET_VRING_BASE, struct.pack("<II", 0, 0))
            assert struct.unpack("<II", got) == (0, i + 1)
            q.start(base=i + 1)
        assert q.read(8, 4096) == pattern(1)


def test_memory_slots(binary, tmp):
    with vu.Daemon(binary, file_node(tmp), tmp) as d:
        f = d.front()
        f.negotiate()
        assert f.get_u64(vu.GET_MAX_MEM_SLOTS) == 509
        pad = struct.pack("<Q", 0)
        f.do(vu.ADD_MEM_REG, pad + f.region(), [f.memfd])
        f.queues[0] = q = vu.Queue(f, 0, 64)
        q.start()
        q.write(0, pattern(1))
        # Others come and go while requests run
        for _ in range(5):
            q.submit(vu.T_IN, 0, length=4096)
            q.notify()
            other = f.region(gpa=vu.GPA * 2, uaddr=vu.UADDR * 2, size=1 << 20)
            f.do(vu.ADD_MEM_REG, pad + other, [f.memfd])
            f.do(vu.REM_MEM_REG, pad + other)
            assert list(q.wait(1).values()) == [(0, pattern(1))]


def test_recovery(binary, tmp):
    """Killed with requests in flight: the next one finishes them."""
    node = file_node(tmp)
    slow = {"driver": "throttle", "throttle-group": "tg", "file": node}
    extra = ["--object", json_group()]
    with vu.Daemon(binary, node, tmp) as d:
        f = d.front().setup(inflight=True)
        f.queues[0].write(0, pattern(1))
        d.kill()
    # One whose disk is slow takes requests and is killed before they end
    with vu.Daemon(binary, slow, tmp, extra=extra) as d:
        f2 = d.front()
        f2.memfd, f2.mem = f.memfd, f.mem
        f2.negotiate()
        f2.inflight, f2.inflight_fd = f.inflight, f.inflight_fd
        f2.set_inflight()
        f2.share_memory()
        q = f2.queues[0] = f.queues[0]
        q.f = f2
        q.start(base=1)
        heads = [q.submit(vu.T_OUT, 8 * i, pattern(10 + i)) for i in range(16)]
        q.notify()
        done = q.wait(1)
        wait_taken(f2, q, 16)
        done.update(q.reap())
        d.kill()
    with vu.Daemon(binary, node, tmp) as d:
        f3 = d.front()
        f3.memfd, f3.mem = f.memfd, f.mem
        f3.negotiate()
        f3.inflight, f3.inflight_fd = f.inflight, f.inflight_fd
        f3.set_inflight()
        f3.share_memory()
        q.f = f3
        f3.queues[0] = q
        # What QEMU says after a crash: the used index
        q.start(base=q.used_idx)
        done.update(q.wait(16 - len(done)))
        assert sorted(done) == sorted(heads)
        assert all(s == 0 for s, _ in done.values())
        for i in range(16):
            assert q.read(8 * i, 4096) == pattern(10 + i)


def json_group():
    return ('{"qom-type": "throttle-group", "id": "tg", '
            '"limits": {"iops-total": 4}}')


def wait_taken(f, q, count):
    """Until the record says that @count requests were taken in all."""
    import mmap
    import time
    m = mmap.mmap(f.inflight_fd, 0)
    end = time.monotonic() + vu.TIMEOUT
    while True:
        left = sum(m[16 + 16 * i] for i in range(q.num))
        used = struct.unpack_from("<H", f.mem, q.used + 2)[0]
        if left + used - 1 == count:
            return
        assert time.monotonic() < end, (left, used)
        time.sleep(0.01)


def test_gone_under_load(binary, tmp):
    """A front end that leaves with requests in flight; the next one works."""
    with vu.Daemon(binary, file_node(tmp), tmp) as d:
        for n in range(20):
            f = d.front().setup()
            q = f.queues[0]
            for i in range(20):
                q.submit(vu.T_OUT, 8 * i, pattern(n))
            q.notify()
            f.close()
        f = d.front().setup()
        f.queues[0].write(0, pattern(5))
        assert f.queues[0].read(0, 4096) == pattern(5)
        d.stop()


def test_export_deleted(binary, tmp):
    with vu.Daemon(binary, file_node(tmp), tmp) as d:
        f = d.front().setup()
        f.queues[0].write(0, pattern(1))
        d.command("block-export-del", id="e", mode="hard")
        f.wait_gone()
        d.stop()


def check_alive(d):
    f = d.front().setup()
    f.queues[0].write(16, pattern(3))
    assert f.queues[0].read(16, 4096) == pattern(3)
    f.close()


def bad_messages(f):
    """Nonsense that must end the connection: (name, what sends it)."""
    q = struct.pack
    devnull = os.open("/dev/null", os.O_RDWR)
    rfd, wfd = os.pipe()
    short = os.memfd_create("short")
    os.ftruncate(short, 4096)
    reg = f.region()

    def table(n, regions, fds):
        return lambda: f.send(vu.SET_MEM_TABLE, q("<II", n, 0) + regions, fds)

    return {
        "version": lambda: f.send(vu.GET_FEATURES, flags=2),
        "a reply": lambda: f.send(vu.GET_FEATURES, flags=5),
        "length": lambda: f.send_raw(q("<III", 2, 1, 0xffffffff)),
        "unknown": lambda: f.send(99),
        "message 0": lambda: f.send(0),
        "truncated": lambda: (f.send_raw(q("<IIIH", 2, 1, 8, 0)),
                              f.sock.shutdown(socket.SHUT_WR)),
        "short": lambda: f.send(vu.SET_VRING_NUM, b"1234"),
        "features": lambda: f.send(vu.SET_FEATURES, q("<Q", 1 << 63)),
        "protocol features": lambda: f.send(vu.SET_PROTOCOL_FEATURES,
                                            q("<Q", 1 << 63)),
        "queue": lambda: f.send(vu.SET_VRING_NUM, q("<II", 2, 64)),
        "queue 2^32-1": lambda: f.send(vu.GET_VRING_BASE, q("<II", 2**32 - 1, 0)),
        "ring size": lambda: f.send(vu.SET_VRING_NUM, q("<II", 0, 65)),
        "ring size 2^15": lambda: f.send(vu.SET_VRING_NUM, q("<II", 0, 32768)),
        "no descriptor": lambda: f.send(vu.SET_VRING_KICK, q("<Q", 0)),
        "kick that is none": lambda: f.send(vu.SET_VRING_KICK, q("<Q", 0),
                                            [devnull]),
        "kick by a pipe": lambda: f.send(vu.SET_VRING_KICK, q("<Q", 0), [rfd]),
        "call by a pipe": lambda: f.send(vu.SET_VRING_CALL, q("<Q", 0), [wfd]),
        "two descriptors": lambda: f.send(vu.SET_VRING_CALL, q("<Q", 0),
                                          [devnull, devnull]),
        "descriptors for nothing": lambda: f.send(vu.GET_FEATURES,
                                                  fds=[devnull] * 8),
        "flood": lambda: f.send(vu.SET_VRING_CALL, q("<Q", 0), [devnull] * 200),
        "regions": table(9, reg * 8, [f.memfd] * 8),
        "regions 2^32-1": table(2**32 - 1, reg * 8, [f.memfd] * 8),
        "regions without descriptors": table(2, reg * 2, [f.memfd]),
        "overlap": table(2, reg + f.region(gpa=vu.GPA + 4096,
                                           uaddr=vu.UADDR * 2, size=4096),
                         [f.memfd] * 2),
        "front end's addresses overlap": table(
            2, reg + f.region(gpa=vu.GPA * 2), [f.memfd] * 2),
        "wraps around": table(1, f.region(gpa=2**64 - 4096), [f.memfd]),
        "empty": table(1, q("<QQQQ", 0, 0, 0, 0), [f.memfd]),
        "huge": table(1, q("<QQQQ", 0, 2**63, 0, 0), [f.memfd]),
        "offset": table(1, f.region(offset=2**63), [f.memfd]),
        "file too short": table(1, reg, [short]),
        "memory by a pipe": table(1, reg, [rfd]),
        "remove what is not there": lambda: f.send(
            vu.REM_MEM_REG, bytes(8) + f.region(gpa=5)),
        "the same again": lambda: f.send(vu.ADD_MEM_REG, bytes(8) + reg,
                                         [f.memfd]),
        "inflight": lambda: f.send(vu.GET_INFLIGHT_FD,
                                   q("<QQHHI", 0, 0, 65535, 65535, 0)),
        "inflight too short": lambda: f.send(
            vu.SET_INFLIGHT_FD, q("<QQHHI", 4096, 0, 2, 1024, 0), [f.memfd]),
        "inflight elsewhere": lambda: f.send(
            vu.SET_INFLIGHT_FD, q("<QQHHI", 65536, 2**40, 2, 64, 0), [f.memfd]),
        "ring outside": lambda: f.send(
            vu.SET_VRING_ADDR, q("<IIQQQQ", 0, 0, 0, 0, 0, 0)),
        "ring over the end": lambda: f.send(
            vu.SET_VRING_ADDR, q("<IIQQQQ", 0, 0, vu.UADDR + vu.MEM_SIZE - 16,
                                 vu.UADDR, vu.UADDR, 0)),
        "ring misaligned": lambda: f.send(
            vu.SET_VRING_ADDR, q("<IIQQQQ", 0, 0, vu.UADDR + 1, vu.UADDR + 1,
                                 vu.UADDR + 1, 0)),
    }, [devnull, rfd, wfd, short]


def bad_rings(f):
    """Nonsense in the ring."""
    q = f.queues[0]

    def offer(*descs):
        def act():
            for n, d in enumerate(descs):
                q.desc(n, *d)
            q.offer(0)
            q.notify()
        return act

    return {
        "index": lambda: (q.offer(64), q.notify()),
        "available index": lambda: (
            struct.pack_into("<H", f.mem, q.avail + 2, 1000), q.notify()),
        "address": offer((0, 16, 0)),
        "address 2^64-1": offer((2**64 - 1, 16, 0)),
        "length": offer((vu.GPA, 2**32 - 1, 0)),
        "loop": offer((vu.GPA, 16, 1, 0)),
        "next": offer((vu.GPA, 16, 1, 9999)),
        "no status": offer((vu.GPA, 16, 0)),
        "indirect": offer((vu.GPA, 16, 4)),
        "zero": offer((vu.GPA, 0, 0)),
    }, []


def test_hostile(binary, tmp):
    with vu.Daemon(binary, file_node(tmp), tmp) as d:
        fds = len(os.listdir(f"/proc/{d.proc.pid}/fd"))
        for make in bad_messages, bad_rings:
            f = d.front().setup()
            names = list(make(f)[0])
            f.close()
            for name in names:
                f = d.front().setup()
                acts, opened = make(f)
                try:
                    acts[name]()
                    f.wait_gone()
                except vu.Gone:
                    pass
                except socket.timeout as e:
                    raise AssertionError(f"'{name}' is accepted") from e
                f.close()
                for fd in opened:
                    os.close(fd)
        check_alive(d)
        log = d.messages().splitlines()
        assert log and all("vhost-user-blk export 'e': " in x for x in log), log
        assert len(log) <= 11
        # Nothing leaks
        f = d.front()
        f.get_u64(vu.GET_FEATURES)
        now = len(os.listdir(f"/proc/{d.proc.pid}/fd"))
        assert now <= fds + 1, (fds, now)
        d.stop()


def test_memory_shrinks(binary, tmp):
    """The file behind the memory gets shorter under the rings."""
    with vu.Daemon(binary, file_node(tmp), tmp) as d:
        for _ in range(3):
            f = d.front().setup()
            q = f.queues[0]
            q.write(0, pattern(1))
            q.submit(vu.T_IN, 0, length=4096)
            os.ftruncate(f.memfd, 0)
            q.notify()
            f.wait_gone()
            f.close()
        check_alive(d)
        d.stop()


def test_random(binary, tmp):
    """Random messages, also with rings that run."""
    rng = random.Random(1)
    kinds = list(range(1, 41))
    words = [0, 1, 2, 63, 64, 255, 256, 4096, vu.UADDR, vu.GPA, 2**31, 2**32 - 1,
             2**63, 2**64 - 1]
    with vu.Daemon(binary, file_node(tmp), tmp) as d:
        for _ in range(300):
            f = d.front()
            try:
                if rng.random() < 0.7:
                    f.setup(nqueues=rng.randint(1, 2))
                for _ in range(rng.randint(1, 10)):
                    n = rng.randint(0, 6)
                    payload = b"".join(
                        struct.pack("<Q", rng.choice(words)) for _ in range(n))
                    if rng.random() < 0.2:
                        payload = payload[:rng.randint(0, len(payload))]
                    fds = [rng.choice([f.memfd, 0, 2])
                           for _ in range(rng.choice([0, 0, 0, 1, 1, 2, 9]))]
                    f.send(rng.choice(kinds), payload, fds,
                           flags=rng.choice([1, 1, 1, 9]))
                    for q in f.queues.values():
                        q.offer(rng.randint(0, 66))
                        q.notify()
            except vu.Gone:
                pass
            f.close()
        check_alive(d)
        d.stop()


def test_moved(binary, tmp):
    """From one IOThread to another while requests run."""
    with vu.Daemon(binary, file_node(tmp), tmp) as d:
        if not d.has_command("x-blockdev-set-iothread"):
            return
        f = d.front().setup()
        q = f.queues[0]
        for n in range(10):
            heads = [q.submit(vu.T_OUT, 8 * i, pattern(n)) for i in range(10)]
            q.notify()
            d.command("x-blockdev-set-iothread", **{
                "node-name": "disk", "force": True,
                "iothread": ("io0", "io1", None)[n % 3]})
            assert sorted(q.wait(10)) == sorted(heads)
            assert q.read(0, 4096) == pattern(n)
        d.stop()


def main():
    tests = [v for k, v in globals().items() if k.startswith("test_")]
    if len(sys.argv) > 2:
        tests = [t for t in tests if t.__name__ in sys.argv[2:]]
    return vu.run_tests(tests, sys.argv[1])


if __name__ == "__main__":
    sys.exit(main())
