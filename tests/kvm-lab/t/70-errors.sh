# SPDX-License-Identifier: GPL-2.0-or-later
#
# Disks that fail: a read-only image, bad blocks, a file system that is full;
# with errors reported to the guest and with errors that stop the VM until
# somebody repairs the cause.  Where Debian's program is installed it goes
# through the same and must say the same, word for word.
. "${0%/*}/../guest.sh"

small=$WORK/small
tmpfs=$WORK/tmpfs
null=/sys/kernel/config/nullb
cleanup() {
    rc=$?
    [ -z "$qemu_pid" ] || kill -9 $qemu_pid 2>/dev/null
    umount "$small" "$tmpfs" 2>/dev/null
    for d in $null/nullb8 $null/nullb9; do
        [ ! -e $d ] || rmdir $d
    done
    exit $rc
}
trap cleanup EXIT

if ! mkdir $null/nullb8 $null/nullb9 2>/dev/null; then
    skip "disks that fail" "no null_blk on this machine"
    done_testing
fi
mkdir "$small" "$tmpfs"

guest_script <<'G'
ready() { echo "ready: $1"; read -r go </dev/ttyS0; }
try() { echo "$1: $(shift; "$@" 2>&1 | grep -v records | tail -n 1)"; }

ready read-only
echo "ro: $(cat /sys/block/vda/ro)"
try read dd if=/dev/vda of=/tmp/read bs=4k count=4 iflag=direct
try write dd if=/dev/zero of=/dev/vda bs=4k count=1 oflag=direct conv=notrunc

ready read-error
try read-error dd if=/dev/vdb of=/dev/null bs=4k skip=256 count=1 iflag=direct
ready write-error
try write-error dd if=/dev/zero of=/dev/vdb bs=4k seek=256 count=1 oflag=direct conv=notrunc
dd if=/dev/vdb of=/tmp/x bs=4k count=16 iflag=direct 2>/dev/null && echo "elsewhere: good"

ready full-report
try full-report dd if=/dev/urandom of=/dev/vdc bs=64k count=128 oflag=direct conv=notrunc
dd if=/dev/vdc of=/tmp/x bs=64k count=16 iflag=direct 2>/dev/null && echo "still: good"

ready read-stop
dd if=/dev/vdd of=/tmp/x bs=4k skip=256 count=1 iflag=direct 2>/dev/null
echo "done: read-stop $?"
ready write-stop
dd if=/dev/urandom of=/tmp/y bs=4k count=1 2>/dev/null
dd if=/tmp/y of=/dev/vdd bs=4k seek=256 count=1 oflag=direct conv=notrunc 2>/dev/null
echo "done: write-stop $?"
echo 1 >/proc/sys/vm/drop_caches
dd if=/dev/vdd of=/tmp/x bs=4k skip=256 count=1 iflag=direct 2>/dev/null
cmp /tmp/x /tmp/y && echo "write-stop: the bytes are there"

# Four writers at once into a disk that runs out of space below.
dd if=/dev/urandom of=/tmp/data bs=1M count=8 2>/dev/null
ready full-stop
for i in 0 1 2 3; do
    dd if=/tmp/data of=/dev/vde bs=64k skip=$((i * 32)) seek=$((i * 32)) count=32 \
        oflag=direct conv=notrunc,fsync 2>/dev/null || echo "writer $i failed" &
done
wait
echo "sum: $(sha256sum </tmp/data)"
ready end
G

# run_all PROGRAM NAME: transcript in $WORK/NAME, what the guest said in
# $WORK/NAME.guest, its console in $WORK/console.
run_all() {
    local QEMU=$1 d rc
    for d in 8 9; do
        echo 0 >$null/nullb$d/power
        echo 1 >$null/nullb$d/memory_backed
        echo 16 >$null/nullb$d/size
        echo +2048-2055 >$null/nullb$d/badblocks
        echo 1 >$null/nullb$d/power
    done
    rm -f "$WORK/ro.raw" "$WORK/small.fs"
    head -c 1M /dev/urandom >"$WORK/ro.raw"
    chmod a-w "$WORK/ro.raw"
    mount -t tmpfs -o size=2m tmpfs "$tmpfs" &&
        truncate -s 16M "$tmpfs/disk.raw" "$WORK/small.fs" &&
        mkfs.ext4 -q -m 0 -O ^has_journal "$WORK/small.fs" &&
        mount -o loop "$WORK/small.fs" "$small" &&
        truncate -s 8M "$small/disk.raw" &&
        fallocate -l 12M "$small/filler" || return 1

    guest_args -smp 2 -object iothread,id=t0 \
        -blockdev driver=file,node-name=f0,read-only=on,filename="$WORK/ro.raw" \
        -blockdev driver=raw,node-name=d0,read-only=on,file=f0 \
        -device virtio-blk-pci,id=readonly,drive=d0,iothread=t0 \
        -blockdev driver=host_device,node-name=d1,filename=/dev/nullb8,cache.direct=on,aio=io_uring \
        -device virtio-blk-pci,id=bad,drive=d1,iothread=t0 \
        -blockdev driver=file,node-name=f2,filename="$tmpfs/disk.raw" \
        -blockdev driver=raw,node-name=d2,file=f2 \
        -device virtio-blk-pci,id=fullreport,drive=d2,iothread=t0,werror=report \
        -blockdev driver=host_device,node-name=d3,filename=/dev/nullb9,cache.direct=on,aio=io_uring \
        -device virtio-blk-pci,id=badstop,drive=d3,iothread=t0,werror=stop,rerror=stop \
        -blockdev driver=file,node-name=f4,filename="$small/disk.raw",cache.direct=on,aio=io_uring \
        -blockdev driver=raw,node-name=d4,file=f4 \
        -device virtio-blk-pci,id=full,drive=d4,iothread=t0,num-queues=2
    python3 -B "$here/errors.py" "$WORK/$2" "$WORK/console" "$small/filler" \
        $null/nullb9/badblocks -- "$QEMU" "${args[@]}"
    rc=$?
    tr -d '\r' <"$WORK/console" | grep -E '^[a-z-]+: ' >"$WORK/$2.guest"
    sums="$(sha256sum <"$small/disk.raw") $(head -c 16k "$WORK/ro.raw" | sha256sum)"
    umount "$small" "$tmpfs"
    return $rc
}

run_all "$QEMU" ours
ok $? "a guest goes through all its failing disks"
says() { grep -qx -- "$1" "$WORK/ours.guest"; }
event() { grep -q "^{\"event\".*\"qom-path\": \"/machine/peripheral/$1/virtio-backend\"" "$WORK/ours"; }

says "ro: 1" && says "read: " && says "write: .*Operation not permitted"
ok $? "a read-only image is a read-only disk"
says "read-error: dd: /dev/vdb: Input/output error"
ok $? "a bad block fails the guest's read"
says "write-error: dd: error writing '/dev/vdb': Input/output error"
ok $? "and its write"
says "elsewhere: good"
ok $? "and nothing else"
says "full-report: dd: error writing '/dev/vdc': .*" && says "still: good"
ok $? "with werror=report a full file system fails the guest's write"
says "done: read-stop 0" && says "done: write-stop 0" && says "write-stop: the bytes are there"
ok $? "requests on bad blocks succeed after the VM was stopped and the blocks repaired"
grep -q "^sum: ${sums%% *} " "$WORK/ours.guest"
ok $? "no byte is lost when the file system was full in between"

oracle=/usr/bin/qemu-system-x86_64
if [ ! -x $oracle ] || [ "$QEMU" = $oracle ]; then
    skip "both programs say the same" "nothing to compare with"
else
    run_all $oracle theirs
    ok $? "Debian's program goes through the same"
    diff "$WORK/ours" "$WORK/theirs"
    ok $? "both monitors say the same, word for word"
    diff <(grep -v '^sum' "$WORK/ours.guest") <(grep -v '^sum' "$WORK/theirs.guest")
    ok $? "both guests saw the same"
fi
done_testing
