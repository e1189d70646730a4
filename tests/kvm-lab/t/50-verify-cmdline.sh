# SPDX-License-Identifier: GPL-2.0-or-later
#
# The command line that README shows, word for word, with fio verifying.
. "${0%/*}/../guest.sh"

guest_script --fio <<'G'
fio --name=verify --filename=/dev/vda --direct=1 --ioengine=io_uring --rw=randwrite \
    --bs=4k --iodepth=32 --size=48m --verify=crc32c --verify_fatal=1
G
truncate -s 64M "$WORK/disk.raw"
cd "$WORK"
timeout --foreground -k 5 240 "$QEMU" -accel kvm -smp 2 -m 512 \
    -kernel "$guest_kernel" -initrd initrd -append "$guest_append" \
    -object iothread,id=t0 \
    -blockdev driver=file,node-name=f0,filename=disk.raw,aio=io_uring,cache.direct=on \
    -blockdev driver=raw,node-name=d0,file=f0 \
    -device virtio-blk-pci,drive=d0,iothread=t0,num-queues=2 \
    -nographic </dev/null >"$WORK/console" 2>&1
ok $? "the program ends with the guest"
grep -q '^guest-exit: 0' "$WORK/console"
ok $? "fio verifies every block"
grep -aE '(read|write): IOPS' "$WORK/console" | tr -d '\r' | sed 's/^ */# /'
done_testing
