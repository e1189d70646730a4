/*
 * The first header of every .c file: the C library and compiler basics that
 * the whole tree may take for granted, and nothing of our own.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef UTIL_OSDEP_H
#define UTIL_OSDEP_H

#include "config-host.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <glib.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#ifndef likely
#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#endif

/* The structure of type @type whose member @member is at @ptr. */
#define container_of(ptr, type, member)                    \
    ((type *)((char *)(1 ? (ptr) : &((type *)0)->member) - \
              offsetof(type, member)))

#define QEMU_BUILD_BUG_ON(x) _Static_assert(!(x), "not expecting: " #x)

/* @n rounded to a multiple of @m (any @m for DIV and plain, 2^k for POW2). */
#define DIV_ROUND_UP(n, m)    (((n) + (m)-1) / (m))
#define ROUND_UP(n, m)        (DIV_ROUND_UP(n, m) * (m))
#define ROUND_DOWN(n, m)      ((n) / (m) * (m))
#define QEMU_ALIGN_DOWN(n, m) ROUND_DOWN(n, m)
#define QEMU_ALIGN_UP(n, m)   ROUND_UP(n, m)
#define QEMU_IS_ALIGNED(n, m) (((n) % (m)) == 0)
#define QEMU_PTR_IS_ALIGNED(p, m) \
    QEMU_IS_ALIGNED((uintptr_t)(p), (uintptr_t)(m))

static inline bool is_power_of_2(uint64_t value)
{
    return value && !(value & (value - 1));
}

#define QEMU_PACKED              __attribute__((packed))
#define QEMU_NORETURN            __attribute__((noreturn))
#define QEMU_WARN_UNUSED         __attribute__((warn_unused_result))
#define QEMU_ALWAYS_INLINE       inline __attribute__((always_inline))
#define QEMU_COLD                __attribute__((cold))
#define G_GNUC_QEMU_PRINTF(f, a) __attribute__((format(printf, f, a)))

#define KiB (INT64_C(1) << 10)
#define MiB (INT64_C(1) << 20)
#define GiB (INT64_C(1) << 30)
#define TiB (INT64_C(1) << 40)

/* Repeat @expr while a signal interrupts it; its value. */
#define RETRY_ON_EINTR(expr)                             \
    (__extension__({                                     \
        __typeof__(expr) retry_result_;                  \
        do {                                             \
            retry_result_ = (expr);                      \
        } while (retry_result_ == -1 && errno == EINTR); \
        retry_result_;                                   \
    }))

#endif
