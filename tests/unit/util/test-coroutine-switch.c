/*
 * One switch file by itself (coroutine-switch-aarch64.c, on an emulated
 * processor; see test-coroutine-switch.sh): registers that a callee must keep
 * are kept, integers and floating point, and a fresh stack begins where it
 * should, aligned.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "util/coroutine-switch.h"

#define ROUNDS 20000

static CoStack here, there;
static char stack[65536] __attribute__((aligned(16)));
static uint64_t sum;
static double float_sum;
static int aligned = 1;

/* Keeps more values alive over the switch than it may keep in memory. */
static void other(void *arg)
{
    uint64_t step = *(uint64_t *)arg, a = 1, b = 2, c = 3, d = 5, e = 7;
    double w = 1.5, x = 2.5, y = 3.5, z = 4.5;

    for (;;) {
        aligned &= ((uintptr_t)__builtin_frame_address(0) & 15) == 0;
        a += step;
        b += a ^ 3;
        c += b ^ 5;
        d += c ^ 7;
        e += d ^ 11;
        w = w * 1.0001 + 0.5;
        x = x * 0.9999 + w;
        y = y * 0.5 + x;
        z = z * 0.25 + y;
        sum = a + b + c + d + e;
        float_sum = w + x + y + z;
        co_stack_jump(&there, &here);
    }
}

int main(void)
{
    uint64_t step = 3, a = 1, b = 2, c = 3, d = 5, e = 7;
    double w = 1.5, x = 2.5, y = 3.5, z = 4.5;
    int bad = 0;

    there.size = sizeof(stack);
    there.bottom = stack;
    co_stack_prepare_thread(&here);
    co_stack_prepare(&there, other, &step);
    for (int i = 0; i < ROUNDS; i++) {
        co_stack_jump(&here, &there);
        a += step;
        b += a ^ 3;
        c += b ^ 5;
        d += c ^ 7;
        e += d ^ 11;
        w = w * 1.0001 + 0.5;
        x = x * 0.9999 + w;
        y = y * 0.5 + x;
        z = z * 0.25 + y;
        bad += sum != a + b + c + d + e || float_sum != w + x + y + z;
    }
    co_stack_unprepare(&there);
    printf("1..2\n%s 1 - registers over %d switches\n", bad ? "not ok" : "ok",
           ROUNDS);
    printf("%s 2 - stack alignment\n", aligned ? "ok" : "not ok");
    return bad || !aligned;
}
