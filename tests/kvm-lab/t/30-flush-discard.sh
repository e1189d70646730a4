# SPDX-License-Identifier: GPL-2.0-or-later
#
# A flush of the guest is a flush of the device below; a write-through disk makes
# every write stable; discard gives blocks back; write-zeroes leaves zeroes.
. "${0%/*}/../guest.sh"

# A device that has a volatile cache and counts the flushes it is sent.
null=/sys/kernel/config/nullb/nullb1
if ! mkdir $null 2>/dev/null; then
    skip "flushes reach the device" "no null_blk on this machine"
else
    echo 1 >$null/memory_backed
    echo 32 >$null/size
    echo 8 >$null/cache_size
    echo 1 >$null/power
    flushes() { awk '{print $16}' /sys/block/nullb1/stat; }

    guest_script <<'G'
cat /sys/block/vda/queue/write_cache
i=0
while [ $i -lt 20 ]; do
    dd if=/dev/urandom of=/dev/vda bs=4k count=1 seek=$i conv=fsync,notrunc 2>/dev/null
    i=$((i + 1))
done
G
    before=$(flushes)
    disk_args /dev/nullb1
    boot "${disk[@]}"
    ok $? "a guest syncs twenty times"
    grep -q '^write back' "$WORK/console"
    ok $? "it sees a write-back cache"
    [ $(($(flushes) - before)) -ge 20 ]
    ok $? "the device below was flushed at least twenty times"

    guest_script <<'G'
cat /sys/block/vda/queue/write_cache
dd if=/dev/urandom of=/dev/vda bs=4k count=20 oflag=direct conv=notrunc 2>/dev/null
G
    before=$(flushes)
    disk_args /dev/nullb1 write-cache=off
    boot "${disk[@]}"
    ok $? "a guest writes to a disk with write-cache=off"
    grep -q '^write through' "$WORK/console"
    ok $? "it sees a write-through cache"
    after=$(flushes)
    fua=$(awk '{print $5}' /sys/block/nullb1/stat)
    [ $((after - before)) -ge 1 ] || grep -q 1 /sys/block/nullb1/queue/fua
    ok $? "its writes were made stable without a flush of the guest"
    echo 0 >$null/power
    rmdir $null
fi

dd if=/dev/urandom of="$WORK/disk.raw" bs=1M count=16 2>/dev/null
cp "$WORK/disk.raw" "$WORK/before.raw"
guest_script <<'G'
set -e
cat /sys/block/vda/queue/discard_max_bytes
/usr/bin/blkdiscard -o 1048576 -l 4194304 /dev/vda
/usr/bin/blkdiscard -z -o 8388608 -l 1048576 /dev/vda
G
disk_args "$WORK/disk.raw"
boot "${disk[@]}"
ok $? "a guest discards 4 MiB and zeroes 1 MiB"
[ "$(stat -c %b "$WORK/disk.raw")" -le $(((16 - 4) * 2048 + 64)) ]
ok $? "the discarded blocks went back to the file system"
cmp <(dd if="$WORK/disk.raw" bs=1M skip=8 count=1 2>/dev/null) <(head -c 1M /dev/zero)
ok $? "the zeroed range reads as zeroes"
cmp -n 1M "$WORK/disk.raw" "$WORK/before.raw" &&
    cmp <(dd if="$WORK/disk.raw" bs=1M skip=9 2>/dev/null) \
        <(dd if="$WORK/before.raw" bs=1M skip=9 2>/dev/null)
ok $? "everything else is untouched"
done_testing
