# SPDX-License-Identifier: GPL-2.0-or-later
#
# A reboot inside the guest resets the machine and the disk, and keeps the data.
. "${0%/*}/../guest.sh"

guest_script <<'G'
n=$(head -c 1 /dev/vda)
case $n in [0-9]) ;; *) n=0 ;; esac
echo "boot: $n"
n=$((n + 1))
printf %s $n | dd of=/dev/vda conv=notrunc,fsync 2>/dev/null
dd if=/dev/zero of=/dev/vda bs=64k seek=1 count=64 oflag=direct 2>/dev/null
[ $n -ge 4 ] || { sync; reboot -f; sleep 60; }
G
truncate -s 16M "$WORK/disk.raw"
disk_args "$WORK/disk.raw" num-queues=2
boot -smp 2 "${disk[@]}"
ok $? "a guest reboots three times and then powers off"
for i in 0 1 2 3; do
    grep -q "^boot: $i" "$WORK/console"
    ok $? "boot $i happened"
done

printf 0 | dd of="$WORK/disk.raw" conv=notrunc 2>/dev/null
guest_args -smp 2 -no-reboot "${disk[@]}"
timeout -k 5 120 "$QEMU" "${args[@]}" </dev/null >"$WORK/console" 2>&1
[ $? = 0 ] && [ "$(grep -c '^boot:' "$WORK/console")" = 1 ]
ok $? "with -no-reboot the first reboot ends the program"
done_testing
