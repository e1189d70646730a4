/*
 * The cost of a request between the ring and the block layer, without a VM:
 * a driver in one thread that keeps a number of requests in flight and polls
 * for their end, the virtio-blk queue in the thread of an AioContext.
 *
 *   bench-virtio-blk [--depth=32] [--seconds=3] [--poll-max-ns=32768]
 *                    [--block-size=4096] [--write] [--direct-desc]
 *                    [--node='{"driver": "null-co"}']
 *
 * Prints requests per second, and per request: CPU time and system calls of
 * the loop, requests per used-ring publish as the driver sees them, kicks.
 * Pin with taskset; the figures mean little on a busy machine.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "block/block.h"
#include "hw/block/virtio-blk-queue.h"
#include "qobject/json.h"
#include "tests/unit/virtio/fake-driver.h"
#include "util/atomic.h"
#include "util/main-loop.h"

#include <pthread.h>

typedef struct Bench {
    /* options */
    int depth, seconds, block_size;
    int64_t poll_max_ns;
    gboolean write, direct;
    char *node;

    FakeDriver drv;
    AioContext *ctx;
    BlockBackend *blk;
    VirtioBlkParams params;
    Vring vr;
    VirtioBlkQueue q;
    EventNotifier kick, call;
    QemuThread loop, driver;
    bool stop_loop, stop_driver; /* atomic */
    uint64_t done, kicks, reaps;
    uint64_t interrupts; /* home */
} Bench;

/* --- the device ----------------------------------------------------------- */

static void notify(VirtioBlkQueue *q)
{
    Bench *b = q->opaque;

    b->interrupts++;
    aio_event_notifier_set_deferred(q->ctx, &b->call);
}

static void broken(VirtioBlkQueue *q, const char *why)
{
    fprintf(stderr, "the ring is broken: %s\n", why);
    exit(1);
}

static const VirtioBlkQueueOps ops = { .notify = notify, .broken = broken };

static VirtioBlkQueue *queue_of(EventNotifier *e)
{
    return &container_of(e, Bench, kick)->q;
}

static void kicked(EventNotifier *e)
{
    virtio_blk_queue_process(queue_of(e));
}

static bool poll_ring(EventNotifier *e)
{
    return virtio_blk_queue_has_work(queue_of(e));
}

static void poll_begin(EventNotifier *e)
{
    virtio_blk_queue_set_polling(queue_of(e), true);
}

static void poll_end(EventNotifier *e)
{
    virtio_blk_queue_set_polling(queue_of(e), false);
}

static void attach(void *opaque)
{
    Bench *b = opaque;

    aio_set_event_notifier(b->ctx, &b->kick, kicked, poll_ring, kicked);
    aio_set_event_notifier_poll(b->ctx, &b->kick, poll_begin, poll_end);
    virtio_blk_queue_start(&b->q);
}

static void detach(void *opaque)
{
    Bench *b = opaque;

    aio_set_event_notifier(b->ctx, &b->kick, NULL, NULL, NULL);
    virtio_blk_queue_stop(&b->q);
}

static void *loop_thread(void *opaque)
{
    Bench *b = opaque;

    aio_context_set_home(b->ctx);
    while (!qatomic_read(&b->stop_loop)) {
        aio_poll(b->ctx, true);
    }
    aio_context_leave_home(b->ctx);
    return NULL;
}

/* --- the driver ----------------------------------------------------------- */

/* Request @i of @n: its chain stays as it is, only offered again. */
static void make_request(Bench *b, unsigned i)
{
    FakeDriver *d = &b->drv;
    uint64_t base = 1 * MiB + (uint64_t)i * (b->block_size + 4096);
    FakeDesc chain[3] = {
        { FAKE_GPA + base, 16, FD_NEXT, 1 },
        { FAKE_GPA + base + 4096, b->block_size,
          FD_NEXT | (b->write ? 0 : FD_WRITE), 2 },
        { FAKE_GPA + base + 32, 1, FD_WRITE, 0 },
    };
    uint32_t *hdr = (uint32_t *)(d->ram + base);

    hdr[0] = b->write;
    *(uint64_t *)(hdr + 2) = (uint64_t)i * b->block_size / 512;
    if (b->direct) {
        for (unsigned k = 0; k < 3; k++) {
            chain[k].next += 3 * i;
            d->desc[3 * i + k] = chain[k];
        }
    } else {
        memcpy(d->ram + base + 64, chain, sizeof(chain));
        d->desc[i] = (FakeDesc){ FAKE_GPA + base + 64, sizeof(chain),
                                 FD_INDIRECT, 0 };
    }
}

static void publish(Bench *b)
{
    if (fake_publish(&b->drv)) {
        b->kicks++;
        event_notifier_set(&b->kick);
    }
}

static void *driver_thread(void *opaque)
{
    Bench *b = opaque;
    FakeDriver *d = &b->drv;
    unsigned flying = b->depth;

    for (int i = 0; i < b->depth; i++) {
        make_request(b, i);
        fake_offer(d, b->direct ? 3 * i : i);
    }
    publish(b);
    while (flying) {
        uint16_t used = __atomic_load_n(&d->used[1], __ATOMIC_ACQUIRE);
        bool again = !qatomic_read(&b->stop_driver);

        if (used == d->used_seen) {
            __builtin_ia32_pause();
            continue;
        }
        b->reaps++;
        while (d->used_seen != used) {
            uint16_t head = fake_used_elem(d, d->used_seen++)->id;

            b->done++;
            if (again) {
                fake_offer(d, head);
            } else {
                flying--;
            }
        }
        /* As a driver that polls: no interrupt before half the range */
        *fake_used_event(d) = d->used_seen + 0x8000;
        publish(b);
    }
    return NULL;
}

/* --- measuring ------------------------------------------------------------ */

static uint64_t thread_cpu_ns(QemuThread *t)
{
    clockid_t clock;
    struct timespec ts;

    pthread_getcpuclockid(t->thread, &clock);
    clock_gettime(clock, &ts);
    return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static void set_up(Bench *b)
{
    QObject *obj = qobject_from_json(b->node, &error_fatal);
    QDict *options = qobject_to(QDict, obj);
    uint64_t sectors;

    qdict_flatten(options);
    b->blk = blk_new_open(NULL, NULL, options, b->write ? BDRV_O_RDWR : 0,
                          &error_fatal);
    fake_driver_init(&b->drv, 256, true, true, 0);
    b->ctx = aio_context_new(&error_fatal);
    aio_context_set_poll_params(b->ctx, b->poll_max_ns, 0, 0);
    blk_set_aio_context(b->blk, b->ctx, &error_fatal);
    blk_get_geometry(b->blk, &sectors);
    b->params = (VirtioBlkParams){ .logical_block_size = 512,
                                   .capacity = sectors };
    event_notifier_init(&b->kick, false);
    event_notifier_init(&b->call, false);
    vring_init(&b->vr, b->drv.mem, &b->drv.cfg, &error_fatal);
    virtio_blk_queue_init(&b->q, &b->vr, b->ctx, b->blk, &b->params, &ops, b,
                          &error_fatal);
    qemu_thread_create(&b->loop, "loop", loop_thread, b);
    aio_wait_bh_oneshot(b->ctx, attach, b);
}

static void tear_down(Bench *b)
{
    aio_wait_bh_oneshot(b->ctx, detach, b);
    virtio_blk_queue_drain(&b->q);
    virtio_blk_queue_cleanup(&b->q);
    vring_cleanup(&b->vr);
    blk_unref(b->blk);
    qatomic_set(&b->stop_loop, true);
    aio_notify(b->ctx);
    qemu_thread_join(&b->loop);
    aio_context_unref(b->ctx);
    fake_driver_cleanup(&b->drv);
}

static void run(Bench *b)
{
    AioContextStats s0, s1;
    uint64_t cpu0, cpu1;
    int64_t t0, t1;

    aio_context_get_stats(b->ctx, &s0);
    cpu0 = thread_cpu_ns(&b->loop);
    t0 = g_get_monotonic_time();
    qemu_thread_create(&b->driver, "driver", driver_thread, b);
    g_usleep(b->seconds * G_USEC_PER_SEC);
    qatomic_set(&b->stop_driver, true);
    qemu_thread_join(&b->driver);
    t1 = g_get_monotonic_time();
    cpu1 = thread_cpu_ns(&b->loop);
    aio_context_get_stats(b->ctx, &s1);
    printf("depth %d: %.0f requests/s, %.0f ns CPU, %.4f system calls, "
           "%.4f kicks, %.4f interrupts per request; batch %.1f\n",
           b->depth, b->done * 1e6 / (t1 - t0), (double)(cpu1 - cpu0) / b->done,
           (double)(s1.syscalls - s0.syscalls) / b->done,
           (double)b->kicks / b->done, (double)b->interrupts / b->done,
           (double)b->done / b->reaps);
    printf(
        "turns %.3f, poll hits %.3f, misses %.3f per request, poll time %" PRId64
        " ns\n",
        (double)(s1.turns - s0.turns) / b->done,
        (double)(s1.poll_hit - s0.poll_hit) / b->done,
        (double)(s1.poll_miss - s0.poll_miss) / b->done, s1.poll_ns);
}

int main(int argc, char **argv)
{
    Bench *b = g_new0(Bench, 1);
    gint64 poll_ns = 32768;
    const GOptionEntry entries[] = {
        { "depth", 0, 0, G_OPTION_ARG_INT, &b->depth, "in flight", "N" },
        { "seconds", 0, 0, G_OPTION_ARG_INT, &b->seconds, "to run", "S" },
        { "block-size", 0, 0, G_OPTION_ARG_INT, &b->block_size, "bytes", "N" },
        { "poll-max-ns", 0, 0, G_OPTION_ARG_INT64, &poll_ns, "0: never", "N" },
        { "write", 0, 0, G_OPTION_ARG_NONE, &b->write, "not read", NULL },
        { "direct-desc", 0, 0, G_OPTION_ARG_NONE, &b->direct,
          "no indirect tables", NULL },
        { "node", 0, 0, G_OPTION_ARG_STRING, &b->node, "block node", "JSON" },
        { NULL }
    };
    g_autoptr(GOptionContext) options = g_option_context_new(NULL);
    g_autoptr(GError) err = NULL;

    b->depth = 32;
    b->seconds = 3;
    b->block_size = 4096;
    g_option_context_add_main_entries(options, entries, NULL);
    if (!g_option_context_parse(options, &argc, &argv, &err)) {
        fprintf(stderr, "%s\n", err->message);
        return 1;
    }
    b->poll_max_ns = poll_ns;
    b->node = b->node ?: g_strdup("{\"driver\": \"null-co\"}");
    if (b->depth < 1 || b->depth > 64 || b->block_size < 512 ||
        b->block_size > 65536 || b->block_size % 512) {
        fprintf(stderr, "depth is 1 to 64, block size 512 to 65536\n");
        return 1;
    }
    qemu_init_main_loop(&error_fatal);
    bdrv_init();
    set_up(b);
    run(b);
    tear_down(b);
    g_free(b->node);
    g_free(b);
    return 0;
}
