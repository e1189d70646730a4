#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Run the freestanding guest on a disk image and check both sides.

    run.py QEMU GUEST-ELF [FILE-OPTIONS]

FILE-OPTIONS go to the disk's file node: "aio=native,cache.direct=on".

Prints TAP: one test point per check of the guest, then what the host sees.
Needs a /dev/kvm that opens (any: the guest is tiny); skipped otherwise.
"""

import os
import struct
import subprocess
import sys
import tempfile

CHUNK = 4096
CHUNKS = 64
DISK = 4 << 20
TIMEOUT = 120


def skip(reason):
    print(f"1..0 # SKIP {reason}")
    sys.exit(0)


def kvm_usable():
    try:
        os.close(os.open("/dev/kvm", os.O_RDWR))
    except OSError as err:
        return f"/dev/kvm cannot be opened: {err.strerror}"
    return None


def pattern(chunk):
    """The bytes of one chunk as the guest writes them."""
    base = (chunk * 2654435761) & 0xffffffff
    return b"".join(struct.pack("<I", base ^ ((i * 40503 + 0x5eed) & 0xffffffff))
                    for i in range(CHUNK // 4))


class Tap:
    def __init__(self):
        self.count = 0
        self.failed = 0

    def point(self, ok, name):
        self.count += 1
        self.failed += not ok
        print(f"{'ok' if ok else 'not ok'} {self.count} - {name}")

    def end(self):
        print(f"1..{self.count}")
        sys.exit(1 if self.failed else 0)


def main():
    qemu, guest = sys.argv[1:3]
    options = "".join("," + option for option in sys.argv[3:] if option)
    reason = kvm_usable()
    if reason:
        skip(reason)
    tap = Tap()
    with tempfile.NamedTemporaryFile(suffix=".raw", dir="/var/tmp") as disk:
        disk.truncate(DISK)
        cmd = [
            qemu, "-accel", "kvm", "-m", "32", "-nodefaults", "-display",
            "none", "-no-reboot", "-serial", "stdio", "-monitor", "none",
            "-kernel", guest, "-append", f"chunks={CHUNKS}",
            "-object", "iothread,id=t0",
            "-blockdev", f"driver=file,node-name=f0,"
                         f"filename={disk.name}{options}",
            "-blockdev", "driver=raw,node-name=d0,file=f0",
            "-device", "virtio-blk-pci,drive=d0,iothread=t0,serial=tiny",
        ]
        try:
            run = subprocess.run(cmd, stdin=subprocess.DEVNULL,
                                 capture_output=True, timeout=TIMEOUT)
            out, err, code = run.stdout, run.stderr, run.returncode
        except subprocess.TimeoutExpired as late:
            out, err, code = late.stdout or b"", late.stderr or b"", None
        lines = [line.rstrip("\r") for line in
                 out.decode(errors="replace").split("\n")]
        for line in lines:
            if line.startswith("ok "):
                tap.point(True, "guest: " + line[3:])
            elif line.startswith("not ok "):
                tap.point(False, "guest: " + line[7:])
            elif line:
                print("# " + line)
        for line in err.decode(errors="replace").splitlines():
            print("# stderr: " + line)
        tap.point("guest: end" in lines, "the guest came to its end")
        tap.point(code == 0, f"exit status is 0 (was {code})")
        data = open(disk.name, "rb").read(CHUNKS * CHUNK)
        good = all(data[c * CHUNK:(c + 1) * CHUNK] == pattern(c)
                   for c in range(CHUNKS))
        tap.point(good, "the host reads the guest's patterns from the file")
    tap.end()


if __name__ == "__main__":
    main()
