# SPDX-License-Identifier: GPL-2.0-or-later
#
# No byte goes astray: the guest writes a checksummed pattern over the whole
# disk with many requests in flight and the host checks the file, then the other
# way round; every block's header says where it belongs.
. "${0%/*}/../guest.sh"

size=64M
job="--name=v --direct=1 --size=$size --bs=4k --rw=randwrite --randseed=7 --verify=crc32c --verify_fatal=1 --iodepth=32"

guest_script --fio <<G
fio $job --filename=/dev/vda --ioengine=io_uring --numjobs=1 --do_verify=1 >/tmp/log 2>&1
rc=\$?
[ \$rc = 0 ] || cat /tmp/log
exit \$rc
G
for n in 1 2; do
    rm -f "$WORK/disk.raw"
    truncate -s $size "$WORK/disk.raw"
    disk_args "$WORK/disk.raw" num-queues=$n
    boot -smp $n "${disk[@]}"
    ok $? "guest with $n queues: random writes at depth 32 verify in the guest"
    fio $job --filename="$WORK/disk.raw" --ioengine=psync --verify_only >"$WORK/log" 2>&1
    ok $? "guest with $n queues: the host finds the same bytes in the file"
done

rm -f "$WORK/disk.raw"
fio $job --filename="$WORK/disk.raw" --ioengine=psync --do_verify=0 >"$WORK/log" 2>&1
guest_script --fio <<G
fio $job --filename=/dev/vda --ioengine=io_uring --verify_only >/tmp/log 2>&1
rc=\$?
[ \$rc = 0 ] || cat /tmp/log
exit \$rc
G
disk_args "$WORK/disk.raw" num-queues=2
boot -smp 2 "${disk[@]}"
ok $? "what the host wrote the guest reads"

# Mixed sizes, unaligned to pages, buffered and direct, several jobs at once.
guest_script --fio <<'G'
fio --filename=/dev/vda --direct=1 --ioengine=libaio --verify=crc32c --verify_fatal=1 \
    --bsrange=512-256k --rw=randwrite --iodepth=16 --size=16m --offset_increment=16m \
    --numjobs=4 --group_reporting --name=mix >/tmp/log 2>&1
rc=$?
[ $rc = 0 ] || cat /tmp/log
exit $rc
G
disk_args "$WORK/disk.raw" num-queues=2
boot -smp 2 "${disk[@]}"
ok $? "four jobs with requests of 512 bytes to 256 KiB verify"
done_testing
