#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The coroutine switch for AArch64, built with a cross compiler and run by qemu's
# user-mode emulation; at several levels of optimisation and with branch
# protection (BTI, pointer authentication).
set -euo pipefail
src=$(cd "$(dirname "$0")/../../.." && pwd)
cc=aarch64-linux-gnu-gcc
for tool in "$cc" qemu-aarch64; do
    command -v "$tool" >/dev/null || {
        echo "1..0 # SKIP $tool is not installed"
        exit 0
    }
done
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
n=0
for flags in -O0 -O2 "-O2 -mbranch-protection=standard"; do
    n=$((n + 1))
    # Of osdep.h they need the C library only: no glib for that processor.
    if $cc $flags -Wall -Werror -static -I"$src" -DUTIL_OSDEP_H -include stdio.h \
        -include stdint.h -include string.h -o "$dir/t" "$src/tests/unit/util/test-coroutine-switch.c" \
        "$src/util/coroutine-switch-aarch64.c" && qemu-aarch64 -cpu max "$dir/t" >"$dir/out"; then
        echo "ok $n - $flags"
    else
        sed 's/^/# /' "$dir/out" || true
        echo "not ok $n - $flags"
    fi
done
echo "1..$n"
