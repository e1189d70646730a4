# SPDX-License-Identifier: GPL-2.0-or-later
#
# Commands while the guest does I/O: the VM is stopped and continued, the
# machine is reset, the IOThread's properties change.  Nothing hangs, and every
# byte is right afterwards, also where the guest wrote none.
. "${0%/*}/../guest.sh"

seed=${STRESS_SEED:-$RANDOM}
echo "# STRESS_SEED=$seed"
size=16M
job="--name=v --direct=1 --size=$size --bs=4k --rw=randwrite --randseed=7 --verify=crc32c --verify_fatal=1 --iodepth=32"
guest_script --fio <<G
echo io-start
fio $job --filename=/dev/vda --ioengine=io_uring --do_verify=1 >/tmp/log 2>&1
rc=\$?
echo io-end
[ \$rc = 0 ] || cat /tmp/log
exit \$rc
G
head -c 16M /dev/urandom >"$WORK/untouched"

for what in stop reset; do
    truncate -s 0 "$WORK/disk.raw"
    truncate -s $size "$WORK/disk.raw"
    cat "$WORK/untouched" >>"$WORK/disk.raw"
    disk_args "$WORK/disk.raw" num-queues=2
    guest_args -smp 2 "${disk[@]}"
    python3 -B "$here/stress.py" $what 15 $seed "$WORK/console" -- "$QEMU" "${args[@]}" \
        >"$WORK/figures"
    ok $? "$what: no command fails and nothing hangs"
    sed 's/^/# /' "$WORK/figures"
    tr -d '\r' <"$WORK/console" | grep -q '^guest-exit: 0$'
    ok $? "$what: the guest's random writes at depth 32 verify"
    fio $job --filename="$WORK/disk.raw" --ioengine=psync --verify_only >"$WORK/log" 2>&1
    ok $? "$what: the host finds the same bytes"
    tail -c 16M "$WORK/disk.raw" | cmp - "$WORK/untouched"
    ok $? "$what: what the guest did not write is as it was"
done
done_testing
