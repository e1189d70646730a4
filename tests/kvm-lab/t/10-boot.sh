# SPDX-License-Identifier: GPL-2.0-or-later
#
# A stock Debian kernel boots, sees its processors, its memory, its disk and a
# clean machine, and powers off through ACPI; with 1, 2 and 4 vCPUs and queues.
. "${0%/*}/../guest.sh"

guest_script <<'G'
echo "cpus: $(grep -c ^processor /proc/cpuinfo)"
echo "mem-kib: $(awk '/MemTotal/ {print $2}' /proc/meminfo)"
echo "disk-sectors: $(cat /sys/block/vda/size)"
echo "queues: $(ls /sys/block/vda/mq | wc -l)"
echo "serial: $(cat /sys/block/vda/serial)"
echo "clock: $(cat /sys/devices/system/clocksource/clocksource0/current_clocksource)"
echo "msi: $(grep -c virtio0-req /proc/interrupts)"
echo "year: $(date +%Y)"
dmesg | grep -E 'ACPI (BIOS )?(Error|Warning|Exception)|firmware bug|BUG:|WARNING:|nobody cared|Call Trace' |
    sed 's/^/complaint: /'
G

truncate -s 64M "$WORK/disk.raw"
for n in 1 2 4; do
    disk_args "$WORK/disk.raw" num-queues=$n serial=lab-$n
    boot -smp $n "${disk[@]}"
    ok $? "a guest with $n vCPUs boots and powers off"
    says() { tr -d '\r' <"$WORK/console" | grep -q "^$1\$"; }
    says "cpus: $n"
    ok $? "it has $n processors"
    says "disk-sectors: 131072"
    ok $? "its disk has the image's size"
    says "queues: $n"
    ok $? "its disk has $n queues"
    says "serial: lab-$n"
    ok $? "its disk has the serial number given"
    says "msi: $n"
    ok $? "each queue has an MSI-X vector of its own"
    says "year: $(date +%Y)"
    ok $? "its clock is right"
    ! grep '^complaint' "$WORK/console"
    ok $? "the kernel has no complaint about the machine"
done

guest_script <<'G'
echo "mem-kib: $(awk '/MemTotal/ {print $2}' /proc/meminfo)"
G
guest_args
boot -m 3800 && [ "$(tr -d '\r' <"$WORK/console" | awk '/^mem-kib/ {print $2}')" -gt 3600000 ]
ok $? "memory above 4 GiB is there"
done_testing
