# SPDX-License-Identifier: GPL-2.0-or-later
#
# The vocabulary of a guest test.  Sourced by each file of t/, which runs as
# root on a machine with KVM (the lab, or a host with hardware KVM) with:
#
#   QEMU        the program under test
#   WORK        an empty directory on a file system that takes O_DIRECT
#
# A test prints TAP lines through ok, its plan through done_testing, and leaves
# nothing behind.

here=${BASH_SOURCE[0]%/*}
lab_cache=${KVM_LAB_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/qemu-storage-lab}
guest_kernel=$(ls "$lab_cache"/kernel/boot/vmlinuz-*)
guest_append="console=ttyS0 quiet loglevel=3 panic=-1 mitigations=off tsc=reliable"
count=0
failures=0
qemu_pid=

trap 'rc=$?; [ -z "$qemu_pid" ] || kill -9 $qemu_pid 2>/dev/null; exit $rc' EXIT

# ok STATUS DESCRIPTION: one test point; what the guest said goes with a failure.
ok() {
    count=$((count + 1))
    if [ "$1" = 0 ]; then
        echo "ok $count - $2"
    else
        failures=$((failures + 1))
        echo "not ok $count - $2"
        [ ! -e "$WORK/console" ] || tail -n 40 "$WORK/console" | tr -d '\r\033' |
            LC_ALL=C tr -c '\n -~' '?' | grep -v '^Booting from ROM' | sed 's/^/  console: /'
    fi
}

skip() {
    count=$((count + 1))
    echo "ok $count - $1 # SKIP $2"
}

done_testing() {
    echo "1..$count"
    exit $((failures != 0))
}

# guest_script [--fio] <<...: the script that the next guest runs.
guest_script() {
    cat >"$WORK/test.sh"
    "$here/mkguest" ${1:+"$1"} "$WORK/test.sh" "$WORK/initrd"
}

# disk_args FILE [DEVICE_OPTION...]: FILE on an IOThread, direct, by io_uring.
disk_args() {
    local file=$1 opts='' driver=file
    shift
    [ ! -b "$file" ] || driver=host_device
    for o in "$@"; do
        opts+=,$o
    done
    disk=(-object "iothread,id=t0"
          -blockdev "driver=$driver,node-name=f0,filename=$file,aio=io_uring,cache.direct=on,discard=unmap"
          -blockdev "driver=raw,node-name=d0,file=f0,discard=unmap"
          -device "virtio-blk-pci,drive=d0,iothread=t0$opts")
}

# The command line of a guest; more arguments follow it.
guest_args() {
    args=(-accel kvm -m 512 -nodefaults -nographic -serial stdio
          -kernel "$guest_kernel" -initrd "$WORK/initrd" -append "$guest_append"
          "$@")
}

# boot ARG...: run a guest to its end; true when it ended by itself with
# "guest-exit: 0" and the program with status 0.  Console in $WORK/console.
boot() {
    local rc
    guest_args "$@"
    timeout --foreground -k 5 "${GUEST_LIMIT:-240}" "$QEMU" "${args[@]}" \
        </dev/null >"$WORK/console" 2>&1
    rc=$?
    [ $rc = 0 ] || echo "(exit status $rc)" >>"$WORK/console"
    [ $rc = 0 ] && tr -d '\r' <"$WORK/console" | grep -q '^guest-exit: 0$'
}

# start_boot ARG...: the same in the background; then wait_line and finish_boot.
start_boot() {
    guest_args "$@"
    "$QEMU" "${args[@]}" </dev/null >"$WORK/console" 2>&1 &
    qemu_pid=$!
}

# wait_line TEXT: until the console shows a line that begins with TEXT.
wait_line() {
    timeout 240 bash -c '
        tail -n +1 -f --pid="$1" "$2" | while IFS= read -r line; do
            case $line in "$3"*) exit 0 ;; esac
        done; exit 1' - "$qemu_pid" "$WORK/console" "$1"
    grep -q "^$1" "$WORK/console"
}

finish_boot() {
    local rc
    ( sleep 240; kill -9 "$qemu_pid" ) 2>/dev/null &
    local dog=$!
    wait "$qemu_pid"
    rc=$?
    qemu_pid=
    pkill -P $dog 2>/dev/null
    kill $dog 2>/dev/null
    return $rc
}
