#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The FUSE export, used as a plain file by plain programs.

usage: test-fuse.py BUILD-DIRECTORY
"""
import errno
import os
import random
import subprocess
import sys
import tempfile
import time

MIB = 1 << 20
SIZE = 64 * MIB
TIMEOUT = 20


def skip(why):
    print(f"1..0 # SKIP {why}")
    sys.exit(0)


class Export:
    """A daemon with a qcow2 image as the file mnt."""

    def __init__(self, build, tmp, *options, mountpoint=None, keep=False):
        self.disk = os.path.join(tmp, "disk.qcow2")
        self.mnt = mountpoint or os.path.join(tmp, "mnt")
        if not mountpoint:
            open(self.mnt, "a", encoding="ascii").close()
        if not keep:
            subprocess.run([os.path.join(build, "qemu-img"), "create", "-q",
                            "-f", "qcow2", self.disk, str(SIZE)], check=True)
        export = ",".join(["type=fuse,id=e,node-name=n,iothread=t",
                           f"mountpoint={self.mnt}", *options])
        self.proc = subprocess.Popen(
            [os.path.join(build, "qemu-storage-daemon"),
             "--object", "iothread,id=t",
             "--blockdev", f"driver=file,filename={self.disk},node-name=f,"
                           "discard=unmap",
             "--blockdev", "driver=qcow2,file=f,node-name=n,discard=unmap",
             "--export", export, "--pidfile", os.path.join(tmp, "pid")],
            stderr=subprocess.PIPE, text=True)
        end = time.monotonic() + TIMEOUT
        while (self.proc.poll() is None and time.monotonic() < end and
               not os.path.exists(os.path.join(tmp, "pid"))):
            time.sleep(0.01)

    def stop(self):
        self.proc.terminate()
        _, err = self.proc.communicate(timeout=TIMEOUT)
        assert self.proc.returncode == 0, err
        assert os.stat(self.mnt).st_size == 0, "still mounted"

    def error(self):
        """Of one that does not start."""
        _, err = self.proc.communicate(timeout=TIMEOUT)
        assert self.proc.returncode == 1, (self.proc.returncode, err)
        return err.strip()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if self.proc.poll() is None:
            self.proc.terminate()
            self.proc.communicate()


def fails(number, fn, *args):
    try:
        fn(*args)
    except OSError as e:
        assert e.errno == number, (e, number)
    else:
        raise AssertionError(f"{fn} does not fail")


def test_data(build, tmp):
    model = bytearray(SIZE)
    rng = random.Random(1)
    with Export(build, tmp, "writable=on") as x:
        with open(x.mnt, "r+b", buffering=0) as f:
            for _ in range(200):
                at = rng.randrange(SIZE)
                data = rng.randbytes(min(rng.randint(1, 200000), SIZE - at))
                f.seek(at)
                f.write(data)
                model[at:at + len(data)] = data
            os.fsync(f.fileno())
            f.seek(0)
            got = b"".join(iter(lambda: f.read(MIB), b""))
            assert got == model
        x.stop()
    # Another daemon finds the same, and the image is whole
    with Export(build, tmp, keep=True) as x:
        with open(x.mnt, "rb") as f:
            assert f.read() == model
        x.stop()
    subprocess.run([os.path.join(build, "qemu-img"), "check", "-q", x.disk],
                   check=True)


def test_read_only(build, tmp):
    with Export(build, tmp) as x:
        assert os.stat(x.mnt).st_mode & 0o777 == 0o400
        fails(errno.EACCES, open, x.mnt, "r+b")
        fails(errno.EACCES, os.truncate, x.mnt, 5)
        fails(errno.EROFS, os.chmod, x.mnt, 0o600)
        x.stop()


def test_size(build, tmp):
    with Export(build, tmp, "writable=on") as x:
        with open(x.mnt, "r+b", buffering=0) as f:
            f.seek(SIZE - 10)
            assert f.write(bytes(20)) == 10
            fails(errno.ENOSPC, os.pwrite, f.fileno(), b"x", SIZE)
            assert os.stat(x.mnt).st_size == SIZE
            os.truncate(x.mnt, 2 * SIZE)
            assert os.stat(x.mnt).st_size == 2 * SIZE
            os.truncate(x.mnt, SIZE)
        assert os.statvfs(x.mnt).f_blocks == SIZE // 512
        x.stop()
    with Export(build, tmp, "writable=on", "growable=on") as x:
        with open(x.mnt, "r+b", buffering=0) as f:
            assert os.pwrite(f.fileno(), b"end", SIZE + MIB) == 3
            # The image has whole sectors
            assert os.stat(x.mnt).st_size >= SIZE + MIB + 3
            assert os.pread(f.fileno(), 3, SIZE + MIB) == b"end"
            assert os.pread(f.fileno(), 9, SIZE + 5) == bytes(9)
        x.stop()


def test_holes(build, tmp):
    with Export(build, tmp, "writable=on") as x:
        fd = os.open(x.mnt, os.O_RDWR)
        os.pwrite(fd, b"x" * MIB, 4 * MIB)
        os.fsync(fd)
        assert os.lseek(fd, 0, os.SEEK_DATA) == 4 * MIB
        assert os.lseek(fd, 4 * MIB, os.SEEK_HOLE) == 5 * MIB
        fails(errno.ENXIO, os.lseek, fd, 5 * MIB, os.SEEK_DATA)
        fails(errno.ENXIO, os.lseek, fd, SIZE, os.SEEK_HOLE)
        subprocess.run(["fallocate", "-p", "-o", str(4 * MIB), "-l",
                        str(MIB // 2), x.mnt], check=True)
        assert os.pread(fd, MIB, 4 * MIB) == (bytes(MIB // 2) +
                                              b"x" * (MIB // 2))
        assert os.lseek(fd, 0, os.SEEK_DATA) == 4 * MIB + MIB // 2
        subprocess.run(["fallocate", "-z", "-o", str(4 * MIB), "-l", str(MIB),
                        x.mnt], check=True)
        assert os.pread(fd, MIB, 4 * MIB) == bytes(MIB)
        os.close(fd)
        x.stop()


def test_tools(build, tmp):
    """dd and qemu-img of this tree."""
    ref = os.path.join(tmp, "ref")
    img = os.path.join(build, "qemu-img")
    with open(ref, "wb") as f:
        f.write(random.Random(2).randbytes(3 * MIB) + bytes(SIZE - 3 * MIB))
    with Export(build, tmp, "writable=on") as x:
        subprocess.run(["dd", f"if={ref}", f"of={x.mnt}", "bs=1M",
                        "conv=notrunc,fsync", "status=none"], check=True)
        subprocess.run(["cmp", ref, x.mnt], check=True)
        subprocess.run([img, "compare", "-q", "-f", "raw", "-F", "raw", ref,
                        x.mnt], check=True)
        out = os.path.join(tmp, "out")
        subprocess.run([img, "convert", "-f", "raw", "-O", "raw", x.mnt, out],
                       check=True)
        subprocess.run(["cmp", ref, out], check=True)
        x.stop()


def test_errors(build, tmp):
    for path, want in (
            (os.path.join(tmp, "none"),
             f"Failed to stat '{tmp}/none': No such file or directory"),
            (tmp, f"'{tmp}' is not a regular file")):
        with Export(build, tmp, mountpoint=path) as x:
            assert x.error().endswith(want), x.error()


def test_unmounted(build, tmp):
    """By somebody else: the daemon goes on, and ends well."""
    with Export(build, tmp, "writable=on") as x:
        subprocess.run(["umount", x.mnt], check=True)
        assert os.stat(x.mnt).st_size == 0
        x.stop()


def available(build):
    try:
        os.close(os.open("/dev/fuse", os.O_RDWR))
    except OSError as e:
        skip(f"/dev/fuse: {e.strerror}")
    with tempfile.TemporaryDirectory() as tmp, Export(build, tmp) as x:
        if x.proc.poll() is not None:
            err = x.error()
            if "No driver found" in err or "mount" in err:
                skip(err)


def main():
    build = sys.argv[1]
    available(build)
    tests = [v for k, v in globals().items() if k.startswith("test_")]
    print(f"1..{len(tests)}")
    for n, test in enumerate(tests, 1):
        with tempfile.TemporaryDirectory(prefix="fuse-") as tmp:
            try:
                test(build, tmp)
                print(f"ok {n} {test.__name__}", flush=True)
            except Exception:
                import traceback
                print("# " + traceback.format_exc().replace("\n", "\n# "))
                print(f"not ok {n} {test.__name__}", flush=True)


if __name__ == "__main__":
    main()
