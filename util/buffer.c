/*
 * Is a buffer all zeroes?
 *
 * Most buffers that are not show it within their first bytes, so these are
 * looked at first.  The rest goes by blocks of 128 bytes that the compiler
 * turns into vector code (a copy of the loop for AVX2 is picked at run time).
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "util/buffer.h"

typedef uint64_t V __attribute__((vector_size(32), aligned(1), may_alias));

#define BLOCK 128

static QEMU_ALWAYS_INLINE bool blocks_zero(const char *p, size_t blocks)
{
    for (size_t i = 0; i < blocks; i++, p += BLOCK) {
        const V *v = (const V *)p;
        V sum = v[0] | v[1] | v[2] | v[3];

        if ((sum[0] | sum[1]) | (sum[2] | sum[3])) {
            return false;
        }
    }
    return true;
}

static bool blocks_zero_plain(const char *p, size_t blocks)
{
    return blocks_zero(p, blocks);
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static bool blocks_zero_avx2(const char *p,
                                                             size_t blocks)
{
    for (size_t i = 0; i < blocks; i++, p += BLOCK) {
        const V *v = (const V *)p;
        V sum = v[0] | v[1] | v[2] | v[3];

        if ((sum[0] | sum[1]) | (sum[2] | sum[3])) {
            return false;
        }
    }
    return true;
}
#endif

static bool bytes_zero(const char *p, size_t len)
{
    char sum = 0;

    for (size_t i = 0; i < len; i++) {
        sum |= p[i];
    }
    return sum == 0;
}

bool buffer_is_zero(const void *buf, size_t len)
{
    const char *p = buf;
    const char *last;

    if (len < BLOCK) {
        return bytes_zero(p, len);
    }
    /* The first and the last block may overlap their neighbours. */
    last = p + len - BLOCK;
    if (!blocks_zero_plain(p, 1) || !blocks_zero_plain(last, 1)) {
        return false;
    }
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) {
        return blocks_zero_avx2(p, len / BLOCK);
    }
#endif
    return blocks_zero_plain(p, len / BLOCK);
}
