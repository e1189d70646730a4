#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A stock Linux guest in QEMU (emulated, no KVM needed) with a disk of our
daemon's: data, flush, discard, resizing, and a daemon that is killed and
started again under the guest's writes.

The host and the guest go in step by lines on the guest's console; the guest
polls for what the host does.
"""
import hashlib
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import time

import front as vu

LAB = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "kvm-lab")
SIZE = 64 << 20
BOOT_TIMEOUT = 120

SCRIPT = r"""
fail() { echo "guest-failed: $*"; cat /tmp/log 2>/dev/null; exit 1; }
fio_job() {
    fio --name=v --filename=/dev/vda --direct=1 --bs=4k --verify=crc32c \
        --verify_fatal=1 --randseed=7 --iodepth=32 --ioengine=io_uring "$@" \
        >/tmp/log 2>&1 || fail fio "$@"
}
[ "$(cat /sys/block/vda/size)" = 131072 ] || fail size
[ "$(ls /sys/block/vda/mq | wc -l)" = 2 ] || fail queues
echo guest-step: data
fio_job --rw=randwrite --size=4M --do_verify=1
dd if=/dev/vda of=/tmp/copy bs=1M count=8 2>/dev/null
dd if=/tmp/copy of=/dev/vda bs=1M seek=32 count=8 conv=fsync 2>/dev/null || fail dd
echo guest-step: discard
/usr/bin/blkdiscard -o 33554432 -l 2097152 /dev/vda || fail discard
/usr/bin/blkdiscard -z -o 37748736 -l 1048576 /dev/vda || fail zeroes
dd if=/dev/vda bs=1M skip=32 count=2 2>/dev/null | cmp - /tmp/zero || fail "not zero"
echo guest-step: resize
while [ "$(cat /sys/block/vda/size)" != 147456 ]; do sleep 0.05; done
dd if=/tmp/copy of=/dev/vda bs=1M seek=64 count=8 conv=fsync 2>/dev/null || fail "dd behind the old end"
echo guest-step: kill
n=0
while [ $n -lt 4 ]; do
    fio_job --rw=randwrite --offset=8M --size=2M --do_verify=1 --fsync=32 --randseed=$n
    n=$((n + 1))
    echo guest-round: $n
done
echo guest-step: sums
sync
echo "guest-sum: $(sha256sum </dev/vda)"
"""


class Guest:
    """The guest's console, line by line."""

    def __init__(self, args):
        self.proc = subprocess.Popen(args, stdin=subprocess.DEVNULL,
                                     stdout=subprocess.PIPE,
                                     stderr=subprocess.STDOUT, text=True,
                                     errors="replace")
        self.lines = queue.Queue()
        self.seen = []
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.proc.stdout:
            self.lines.put(line.strip())
        self.lines.put(None)

    def wait_for(self, word):
        """The rest of the line with @word."""
        end = time.monotonic() + BOOT_TIMEOUT
        while True:
            try:
                line = self.lines.get(timeout=end - time.monotonic())
            except (queue.Empty, ValueError):
                line = None
            if line is not None:
                self.seen.append(line)
            assert line is not None and "guest-failed" not in line, \
                f"no '{word}':\n" + "\n".join(self.seen[-40:])
            if word in line:
                return line.split(word, 1)[1].strip()


def skip(why):
    print(f"1..0 # SKIP {why}")
    sys.exit(0)


def prepare(tmp):
    for tool in "qemu-system-x86_64", "fio", "busybox", "cpio":
        if not shutil.which(tool):
            skip(f"{tool} is not installed (scripts/install-deps)")
    script = os.path.join(tmp, "script")
    with open(script, "w", encoding="ascii") as f:
        f.write("dd if=/dev/zero of=/tmp/zero bs=1M count=2 2>/dev/null\n" +
                SCRIPT)
    initrd = os.path.join(tmp, "initrd")
    got = subprocess.run([os.path.join(LAB, "mkguest"), "--fio", script, initrd],
                         capture_output=True, text=True, check=False)
    if got.returncode:
        skip("no stock kernel could be had: " + got.stderr.strip()[-200:])
    kernel = subprocess.run([os.path.join(LAB, "guest-kernel")],
                            capture_output=True, text=True, check=True)
    return kernel.stdout.strip(), initrd


def qemu_args(kernel, initrd, path):
    return ["qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max",
            "-M", "q35", "-nodefaults", "-display", "none", "-no-reboot",
            "-smp", "2", "-m", "512", "-serial", "stdio",
            "-object", "memory-backend-memfd,id=m,size=512M,share=on",
            "-machine", "memory-backend=m",
            "-chardev", f"socket,id=c,path={path},reconnect-ms=100",
            "-device", "vhost-user-blk-pci,chardev=c,num-queues=2",
            "-kernel", kernel, "-initrd", initrd,
            "-append", "console=ttyS0 quiet mitigations=off tsc=reliable"]


def host_sum(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def run(binary, tmp, kernel, initrd):
    disk = os.path.join(tmp, "disk.img")
    with open(disk, "wb") as f:
        f.truncate(SIZE)
    node = {"driver": "file", "filename": disk, "discard": "unmap"}
    guest = None
    try:
        with vu.Daemon(binary, node, tmp) as d:
            guest = Guest(qemu_args(kernel, initrd, d.path))
            guest.wait_for("guest-step: data")
            yield "the guest boots with two queues"
            guest.wait_for("guest-step: discard")
            yield "random writes at depth 32 verify"
            guest.wait_for("guest-step: resize")
            yield "discard and write zeroes"
            d.command("block_resize", **{"node-name": "disk",
                                         "size": SIZE + (8 << 20)})
            guest.wait_for("guest-step: kill")
            yield "the guest sees a larger disk at once"
            d.kill()
        for n in range(3):
            with vu.Daemon(binary, node, tmp) as d:
                guest.wait_for(f"guest-round: {n + 1}")
                # In the middle of the next round
                before = os.stat(disk).st_mtime_ns
                end = time.monotonic() + vu.TIMEOUT
                while os.stat(disk).st_mtime_ns == before:
                    assert time.monotonic() < end
                    time.sleep(0.01)
                d.kill()
        with vu.Daemon(binary, node, tmp) as d:
            guest.wait_for("guest-step: sums")
            yield "four daemons killed under writes: nothing is lost"
            got = guest.wait_for("guest-sum:").split()[0]
            assert got == host_sum(disk), (got, host_sum(disk))
            yield "host and guest read the same bytes"
            assert guest.wait_for("guest-exit:") == "0"
            guest.proc.wait(vu.TIMEOUT)
            d.stop()
            yield "the daemon ends well"
    finally:
        if guest:
            guest.proc.kill()
            guest.proc.wait()


def main():
    with tempfile.TemporaryDirectory(prefix="vhost-guest-") as tmp:
        kernel, initrd = prepare(tmp)
        n = 0
        try:
            for what in run(sys.argv[1], tmp, kernel, initrd):
                n += 1
                print(f"ok {n} - {what}", flush=True)
        except AssertionError as e:
            n += 1
            print("# " + str(e).replace("\n", "\n# "))
            print(f"not ok {n} - the next step")
        print(f"1..{n}")


if __name__ == "__main__":
    main()
