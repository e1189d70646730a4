/*
 * What the event loop costs: a queue of requests that the loop keeps full.
 *
 *     bench-aio [depth [seconds [file]]]
 *
 * Without a file the requests are no-ops; with one, random reads of 4 KiB
 * (O_DIRECT where the file system can).
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "util/aio.h"
#include "util/error-report.h"
#include "util/memalign.h"

#include <liburing.h>

typedef struct Slot {
    CqeHandler cqe;
    void *buf;
} Slot;

static AioContext *ctx;
static int fd = -1;
static uint64_t blocks;
static uint64_t done;
static uint64_t seed = 88172645463325252u;

static uint64_t next_random(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static void submit(Slot *s)
{
    struct io_uring_sqe *sqe = aio_get_sqe(ctx, &s->cqe);

    if (fd < 0) {
        io_uring_prep_nop(sqe);
    } else {
        io_uring_prep_read(sqe, fd, s->buf, 4096,
                           next_random() % blocks * 4096);
    }
}

static void complete(CqeHandler *h, int res, uint32_t flags)
{
    if (res < 0) {
        error_report("read: %s", strerror(-res));
        exit(1);
    }
    done++;
    submit(container_of(h, Slot, cqe));
}

static void open_file(const char *name)
{
    off_t size;

    fd = open(name, O_RDONLY | O_DIRECT | O_CLOEXEC);
    if (fd < 0) {
        fd = open(name, O_RDONLY | O_CLOEXEC);
    }
    size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
    if (size < 4096) {
        error_report("'%s' cannot be used: %s", name, strerror(errno));
        exit(1);
    }
    blocks = size / 4096;
}

int main(int argc, char **argv)
{
    int depth = argc > 1 ? (int)g_ascii_strtoll(argv[1], NULL, 10) : 32;
    double seconds = argc > 2 ? g_ascii_strtod(argv[2], NULL) : 2;
    g_autofree Slot *slots = NULL;
    AioContextStats stats;
    int64_t start, ns;

    error_init(argv[0]);
    if (depth < 1 || depth > 10000) {
        error_report("the depth must be 1 to 10000");
        return 1;
    }
    if (argc > 3) {
        open_file(argv[3]);
    }
    ctx = aio_context_new(&error_fatal);
    aio_context_set_home(ctx);

    slots = g_new0(Slot, depth);
    start = get_clock();
    for (int i = 0; i < depth; i++) {
        slots[i].cqe.cb = complete;
        slots[i].buf = qemu_memalign(4096, 4096);
        submit(&slots[i]);
    }
    do {
        aio_poll(ctx, true);
        ns = get_clock() - start;
    } while (ns < seconds * NANOSECONDS_PER_SECOND);

    aio_context_get_stats(ctx, &stats);
    printf("ring %s, depth %d: %.0f k/s, %.0f ns each, %.3f system calls "
           "each\n",
           aio_context_describe_ring(ctx), depth, done * 1e6 / ns,
           (double)ns / done, (double)stats.syscalls / done);
    return 0;
}
