# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the lab and the guest images share: the cache folder, the module tree of
# the downloaded kernel, and a lock for whoever fills the cache.  Sourced.

lab_cache=${KVM_LAB_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/qemu-storage-lab}
[ -n "${IN_KVM_LAB:-}" ] || mkdir -p "$lab_cache"

# Exit with one line when a program is missing.
lab_need() {
    local tool
    for tool in "$@"; do
        command -v "$tool" >/dev/null || {
            echo "${0##*/}: $tool is not installed (scripts/install-deps installs it)" >&2
            exit 125
        }
    done
}

# Run a function while no other process fills the cache.
lab_lock() {
    exec 9>"$lab_cache/lock"
    flock 9
    "$@"
    exec 9>&-
}

# lab_copy_modules DIR MODULE...: the modules and what they need, uncompressed
# into DIR, and DIR/order naming the files in the order to load them.
lab_copy_modules() {
    local dir=$1 tree=$lab_cache/kernel version word path
    shift
    mkdir -p "$dir"
    version=$(ls "$tree/lib/modules")
    for m in "$@"; do
        modprobe -d "$tree" -S "$version" --show-depends "$m"
    done | while read -r word path _; do
        [ "$word" = insmod ] && [ ! -e "$dir/${path##*/}" ] || continue
        cp "$path" "$dir/"
        echo "${path##*/}" >>"$dir/order"
    done
}

# lab_memory_disk NAME MIB DIR: a block device in memory with a file system that
# takes O_DIRECT, mounted on DIR.  In the lab only: /tmp is a tmpfs there.
lab_memory_disk() {
    local null=/sys/kernel/config/nullb/$1
    mkdir "$null"
    echo 1 >"$null/memory_backed"
    echo "$2" >"$null/size"
    echo 1 >"$null/power"
    mkfs.ext4 -q -E lazy_itable_init=0 -m 0 "/dev/$1"
    mount "/dev/$1" "$3"
}
