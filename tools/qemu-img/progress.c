/*
 * Progress of long operations: "(12.34/100%)" on standard output.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "tools/qemu-img/common.h"

#include "util/atomic.h"

#include <signal.h>

static struct {
    bool enabled;
    float current, last_print, min_skip;
    sig_atomic_t asked; /* by SIGUSR1 */
} progress;

static void on_sigusr1(int sig)
{
    progress.asked = 1;
}

void img_progress_init(bool enabled, float min_skip)
{
    struct sigaction action = { .sa_handler = on_sigusr1,
                                .sa_flags = SA_RESTART };

    progress.enabled = enabled;
    progress.min_skip = min_skip;
    progress.last_print = 0;
    progress.current = 0;
    sigaction(SIGUSR1, &action, NULL);
}

static void show(void)
{
    printf("    (%3.2f/100%%)\r", (double)progress.current);
    fflush(stdout);
}

void img_progress_print(float delta, int max)
{
    float current = max ? progress.current + delta * max / 100 : delta;

    current = MIN(current, 100);
    progress.current = current;
    if (!progress.enabled) {
        if (progress.asked) {
            progress.asked = 0;
            fprintf(stderr, "    (%3.2f/100%%)\n", (double)current);
        }
        return;
    }
    if (current > progress.last_print + progress.min_skip ||
        current < progress.last_print || current >= 100 || current <= 0) {
        progress.last_print = current;
        show();
    }
}

void img_progress_end(void)
{
    if (progress.enabled) {
        printf("\n");
        fflush(stdout);
    }
}
