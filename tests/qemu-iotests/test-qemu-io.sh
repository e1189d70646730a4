#!/bin/sh
# qemu-io on a raw image: text and exit status against the golden lines, as
# the oracle prints them. QEMU_IO_PROG in the environment overrides $1.
# SPDX-License-Identifier: GPL-2.0-or-later
io=${QEMU_IO_PROG:-$1}
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
truncate -s 1M "$dir/t.raw"
n=0

# try STATUS COMMAND GOLDEN
try()
{
    n=$((n + 1))
    out=$("$io" -f raw -c "$2" "$dir/t.raw" 2>&1 </dev/null)
    status=$?
    out=$(printf '%s\n' "$out" | sed '/ ops; /d')
    if [ "$out" = "$3" ] && [ $status = "$1" ]; then
        echo "ok $n - $2"
    else
        echo "not ok $n - $2"
        printf '%s\n' "status $status" "$out" | sed 's/^/# /'
    fi
}

try 0 'write -P 5 0 4k' 'wrote 4096/4096 bytes at offset 0'
try 0 'read -P 5 0 4k' 'read 4096/4096 bytes at offset 0'
try 1 'read -P 1 512 512' 'Pattern verification failed at offset 512, 512 bytes
read 512/512 bytes at offset 512'
try 0 'read -v 3 4' '00000003:  05 05 05 05  ....
read 4/4 bytes at offset 3'
try 0 'write -z 0 64k' 'wrote 65536/65536 bytes at offset 0'
try 0 'read -P 0 0 64k' 'read 65536/65536 bytes at offset 0'
try 0 'discard 0 64k' 'discard 65536/65536 bytes at offset 0'
try 1 'write 1M 512' 'write failed: Input/output error'
try 1 'write -u 0 4k' '-u requires -z to be specified'
try 1 'write x 1' 'Parsing error: non-numeric argument, or extraneous/unrecognized suffix -- x'
try 1 'foo' 'command "foo" not found'
try 0 'length' '1 MiB'
echo "1..$n"
