/*
 * qemu-img bench: send requests at a queue depth and take the time.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "tools/qemu-img/common.h"

#include "util/main-loop.h"
#include "util/memalign.h"

enum {
    OPT_PATTERN = OPT_FIRST_FREE,
    OPT_FLUSH_INTERVAL,
    OPT_NO_DRAIN,
};

static const struct option long_options[] = {
    { "help", no_argument, 0, 'h' },
    { "flush-interval", required_argument, 0, OPT_FLUSH_INTERVAL },
    { "image-opts", no_argument, 0, OPT_IMAGE_OPTS },
    { "no-drain", no_argument, 0, OPT_NO_DRAIN },
    { "pattern", required_argument, 0, OPT_PATTERN },
    { "force-share", no_argument, 0, 'U' },
    { "count", required_argument, 0, 'c' },
    { "depth", required_argument, 0, 'd' },
    { "format", required_argument, 0, 'f' },
    { "aio", required_argument, 0, 'i' },
    { "native", no_argument, 0, 'n' },
    { "offset", required_argument, 0, 'o' },
    { "quiet", no_argument, 0, 'q' },
    { "buffer-size", required_argument, 0, 's' },
    { "step-size", required_argument, 0, 'S' },
    { "cache", required_argument, 0, 't' },
    { "write", no_argument, 0, 'w' },
    { "object", required_argument, 0, OPT_OBJECT },
    { 0 },
};

typedef struct Bench Bench;

typedef struct BenchSlot {
    BlkIo io; /* first: the callback finds the slot by it */
    Bench *b;
    struct iovec iov;
} BenchSlot;

struct Bench {
    BlockBackend *blk;
    BenchSlot *slots;
    BenchSlot flush; /* its io only */
    char *buf;
    bool write, drain_on_flush, flushing, failed;
    int64_t count, depth, bufsize, step, offset, image_size;
    int64_t flush_interval;
    int64_t to_send, done_since_flush;
    int in_flight;
    GQueue idle; /* slots */
    AioDeferred several;
    AioSeveral awaited;
};

static void bench_submit(Bench *b);

static void bench_failed(Bench *b, int ret)
{
    if (!b->failed) {
        error_report("Failed request: %s", strerror(-ret));
    }
    b->failed = true;
    b->to_send = 0;
}

static void flush_done(BlkIo *io, int ret)
{
    Bench *b = ((BenchSlot *)io)->b;

    b->in_flight--;
    b->flushing = false;
    if (ret < 0) {
        bench_failed(b, ret);
    }
    bench_submit(b);
}

static void request_done(BlkIo *io, int ret)
{
    BenchSlot *slot = (BenchSlot *)io;
    Bench *b = slot->b;

    b->in_flight--;
    b->done_since_flush++;
    aio_defer(io->ctx, &b->several);
    g_queue_push_tail(&b->idle, slot);
    if (ret < 0) {
        bench_failed(b, ret);
    }
    bench_submit(b);
}

/* One wake-up for several results, as the devices do it. */
static void wait_for_several(AioDeferred *d)
{
    Bench *b = container_of(d, Bench, several);

    aio_wait_for_several(qemu_get_aio_context(), &b->awaited, b->in_flight);
}

static void send_flush(Bench *b)
{
    BlkIo *io = &b->flush.io;

    b->flushing = true;
    b->done_since_flush = 0;
    b->in_flight++;
    b->flush.b = b;
    io->blk = b->blk;
    io->ctx = qemu_get_aio_context();
    io->type = BLK_IO_FLUSH;
    io->cb = flush_done;
    blk_io_submit(io);
}

static void send_request(Bench *b, BenchSlot *slot)
{
    BlkIo *io = &slot->io;

    io->offset = b->offset;
    b->offset += b->step;
    b->offset = b->image_size > b->bufsize ? b->offset % b->image_size : 0;
    b->to_send--;
    b->in_flight++;
    blk_io_submit(io);
}

static void bench_submit(Bench *b)
{
    bool flush_due = b->flush_interval && !b->failed &&
                     b->done_since_flush >= b->flush_interval;

    if (flush_due && !b->flushing &&
        (!b->drain_on_flush || b->in_flight == 0)) {
        send_flush(b);
    }
    /* With drain, requests and a flush are never in flight together */
    if (b->drain_on_flush && (b->flushing || flush_due)) {
        return;
    }
    while (b->to_send > 0 && !g_queue_is_empty(&b->idle)) {
        send_request(b, g_queue_pop_head(&b->idle));
    }
}

static void prepare_slots(Bench *b, int pattern)
{
    b->buf = qemu_memalign(4096, b->depth * b->bufsize);
    memset(b->buf, b->write ? pattern : 0, b->depth * b->bufsize);
    b->slots = g_new0(BenchSlot, b->depth);
    g_queue_init(&b->idle);
    for (int64_t i = 0; i < b->depth; i++) {
        BenchSlot *slot = &b->slots[i];

        slot->b = b;
        slot->iov.iov_base = b->buf + i * b->bufsize;
        slot->iov.iov_len = b->bufsize;
        slot->io.blk = b->blk;
        slot->io.ctx = qemu_get_aio_context();
        slot->io.type = b->write ? BLK_IO_WRITE : BLK_IO_READ;
        slot->io.bytes = b->bufsize;
        slot->io.iov = &slot->iov;
        slot->io.niov = 1;
        slot->io.cb = request_done;
        if (b->write && !blk_enable_write_cache(b->blk)) {
            slot->io.flags = BDRV_REQ_FUA;
        }
        g_queue_push_tail(&b->idle, slot);
    }
}

static int bench(Bench *b, int pattern)
{
    int64_t begin;

    b->image_size = blk_getlength(b->blk);
    if (b->image_size < 0) {
        error_report("Failed to get size: %s", strerror(-b->image_size));
        return 1;
    }
    b->step = b->step ? b->step : b->bufsize;
    b->to_send = b->count;
    printf("Sending %" PRId64 " %s requests, %" PRId64 " bytes each, "
           "%" PRId64 " in parallel (starting at offset %" PRId64
           ", step size %" PRId64 ")\n",
           b->count, b->write ? "write" : "read", b->bufsize, b->depth,
           b->offset, b->step);
    if (b->flush_interval) {
        printf("Sending flush every %" PRId64 " requests\n", b->flush_interval);
    }
    prepare_slots(b, pattern);
    b->several = (AioDeferred){ .fn = wait_for_several };
    begin = g_get_monotonic_time();
    bench_submit(b);
    while (b->to_send > 0 || b->in_flight > 0) {
        main_loop_wait(false);
    }
    if (!b->failed) {
        printf("Run completed in %3.3f seconds.\n",
               (g_get_monotonic_time() - begin) / 1e6);
    }
    aio_defer_cancel(qemu_get_aio_context(), &b->several);
    g_queue_clear(&b->idle);
    g_free(b->slots);
    qemu_vfree(b->buf);
    return b->failed;
}

/* -i; false: no such engine. */
static bool parse_aio(const char *text, int *flags)
{
    *flags &= ~(BDRV_O_NATIVE_AIO | BDRV_O_IO_URING | BDRV_O_AIO_THREADS);
    if (!strcmp(text, "native")) {
        *flags |= BDRV_O_NATIVE_AIO;
    } else if (!strcmp(text, "io_uring")) {
        *flags |= BDRV_O_IO_URING;
    } else if (!strcmp(text, "threads")) {
        *flags |= BDRV_O_AIO_THREADS;
    } else {
        error_report("Invalid aio option: %s", text);
        return false;
    }
    return true;
}

static bool parse_number(const char *name, int64_t min, int64_t max,
                         int64_t *value)
{
    *value = img_cvtnum_full(name, optarg, min, max);
    return *value >= 0;
}

int img_bench(int argc, char **argv)
{
    Bench b = {
        .count = 75000, .depth = 64, .bufsize = 4096, .drain_on_flush = true
    };
    bool image_opts = false, force_share = false;
    bool writethrough = false, ok = true;
    const char *fmt = NULL;
    int64_t pattern = 0;
    int flags = 0, c, ret;

    while (ok && (c = img_getopt(argc, argv, ":hc:d:f:ni:o:qs:S:t:wU",
                                 long_options)) != -1) {
        switch (c) {
        case 'c':
            ok = parse_number("request count", 1, INT_MAX, &b.count);
            break;
        case 'd':
            ok = parse_number("queue depth", 1, INT_MAX, &b.depth);
            break;
        case 'f':
            fmt = optarg;
            break;
        case 'n':
            flags |= BDRV_O_NATIVE_AIO;
            break;
        case 'i':
            ok = parse_aio(optarg, &flags);
            break;
        case 'o':
            ok = parse_number("offset", 0, INT64_MAX, &b.offset);
            break;
        case 'q': /* accepted; QEMU's prints all the same */
            break;
        case 's':
            ok = parse_number("buffer size", 1, INT_MAX, &b.bufsize);
            break;
        case 'S':
            ok = parse_number("step size", 1, INT_MAX, &b.step);
            break;
        case 't':
            ok = bdrv_parse_cache_mode(optarg, &flags, &writethrough) >= 0;
            if (!ok) {
                error_report("Invalid cache mode");
            }
            break;
        case 'w':
            flags |= BDRV_O_RDWR;
            b.write = true;
            break;
        case 'U':
            force_share = true;
            break;
        case OPT_PATTERN:
            ok = parse_number("pattern byte", 0, 0xff, &pattern);
            break;
        case OPT_FLUSH_INTERVAL:
            ok = parse_number("flush interval", 0, INT_MAX, &b.flush_interval);
            break;
        case OPT_NO_DRAIN:
            b.drain_on_flush = false;
            break;
        case OPT_IMAGE_OPTS:
            image_opts = true;
            break;
        case OPT_OBJECT:
            img_object_add(optarg);
            break;
        }
    }
    if (!ok) {
        return 1;
    }
    if (optind != argc - 1) {
        img_usage_error("Expecting one image file name");
    }
    if (!b.write && b.flush_interval) {
        error_report("--flush-interval is only available in write tests");
        return 1;
    }
    if (b.flush_interval && b.flush_interval < b.depth) {
        error_report("Flush interval can't be smaller than depth");
        return 1;
    }
    b.blk = img_open(image_opts, argv[optind], fmt, flags, writethrough,
                     force_share);
    if (!b.blk) {
        return 1;
    }
    ret = bench(&b, pattern);
    blk_unref(b.blk);
    return ret;
}
