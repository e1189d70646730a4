/*
 * Tests of the virtio-blk queue in an IOThread: a driver in the test's
 * thread, the ring and the request loop in another, and a block layer made
 * of memory, which completes out of order and fails where it is told to.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "hw/block/virtio-blk-queue.h"
#include "tests/unit/virtio/fake-driver.h"
#include "util/atomic.h"
#include "util/main-loop.h"

#include <poll.h>

#define DISK_SECTORS 4096
#define BAD_SECTOR   4000 /* I/O errors from here on while @fail is set */

/* --- allocations of the code under test are counted ----------------------- */

static unsigned long allocations; /* atomic */

#define WRAP_ALLOC(ret, name, args, ...)    \
    ret __real_##name args;                 \
    ret __wrap_##name args;                 \
    ret __wrap_##name args                  \
    {                                       \
        qatomic_fetch_add(&allocations, 1); \
        return __real_##name(__VA_ARGS__);  \
    }

WRAP_ALLOC(void *, malloc, (size_t n), n)
WRAP_ALLOC(void *, calloc, (size_t n, size_t m), n, m)
WRAP_ALLOC(void *, realloc, (void *p, size_t n), p, n)
WRAP_ALLOC(gpointer, g_malloc, (gsize n), n)
WRAP_ALLOC(gpointer, g_malloc0, (gsize n), n)
WRAP_ALLOC(gpointer, g_malloc_n, (gsize n, gsize m), n, m)
WRAP_ALLOC(gpointer, g_malloc0_n, (gsize n, gsize m), n, m)

/* --- a block layer of memory ---------------------------------------------- */

struct BlockBackend {
    uint8_t disk[DISK_SECTORS * 512];
    bool fail;         /* atomic */
    unsigned flushes;  /* home */
    unsigned discards; /* home */
    GRand *rand;       /* home */
    QEMUBH *bh;
    STAILQ_HEAD(, BlkIo) pending; /* home */
};

static void transfer(BlkIo *io)
{
    uint8_t *p = io->blk->disk + io->offset;

    for (int i = 0; i < io->niov; i++) {
        struct iovec *v = &io->iov[i];

        if (io->type == BLK_IO_READ) {
            memcpy(v->iov_base, p, v->iov_len);
        } else {
            memcpy(p, v->iov_base, v->iov_len);
        }
        p += v->iov_len;
    }
}

static int perform(BlkIo *io)
{
    BlockBackend *blk = io->blk;

    if (qatomic_read(&blk->fail) && io->offset >= BAD_SECTOR * 512) {
        return -EIO;
    }
    switch (io->type) {
    case BLK_IO_READ:
    case BLK_IO_WRITE:
        transfer(io);
        return 0;
    case BLK_IO_FLUSH:
        blk->flushes++;
        return 0;
    case BLK_IO_DISCARD:
        blk->discards++;
        return -ENOTSUP;
    case BLK_IO_WRITE_ZEROES:
        memset(blk->disk + io->offset, 0, io->bytes);
        return 0;
    }
    return -EINVAL;
}

/* Complete some, in changing order. */
static void complete_bh(void *opaque)
{
    BlockBackend *blk = opaque;
    unsigned n = g_rand_int_range(blk->rand, 1, 20);

    while (n-- && !STAILQ_EMPTY(&blk->pending)) {
        BlkIo *io = STAILQ_FIRST(&blk->pending);

        STAILQ_REMOVE_HEAD(&blk->pending, next);
        if (STAILQ_FIRST(&blk->pending) && g_rand_boolean(blk->rand)) {
            STAILQ_INSERT_TAIL(&blk->pending, io, next);
            continue;
        }
        io->cb(io, perform(io));
    }
    if (!STAILQ_EMPTY(&blk->pending)) {
        qemu_bh_schedule(blk->bh);
    }
}

void blk_io_submit(BlkIo *io)
{
    g_assert_true(in_aio_context_home_thread(io->ctx));
    STAILQ_INSERT_TAIL(&io->blk->pending, io, next);
    qemu_bh_schedule(io->blk->bh);
}

/* --- an IOThread and a device of one queue -------------------------------- */

typedef struct Fixture {
    FakeDriver drv;
    AioContext *ctx;
    QemuThread thread;
    bool stop; /* atomic */
    BlockBackend blk;
    VirtioBlkParams params;
    Vring vr;
    VirtioBlkQueue q;
    EventNotifier kick, call;
    VirtioBlkErrorAction action; /* atomic */
    unsigned errors, broken;     /* atomic */
    char why[128];
    unsigned interrupts; /* of the driver */
} Fixture;

static void notify(VirtioBlkQueue *q)
{
    Fixture *f = q->opaque;

    aio_event_notifier_set_deferred(q->ctx, &f->call);
}

static void broken(VirtioBlkQueue *q, const char *why)
{
    Fixture *f = q->opaque;

    g_strlcpy(f->why, why, sizeof(f->why));
    qatomic_fetch_add(&f->broken, 1);
}

static VirtioBlkErrorAction io_error(VirtioBlkQueue *q, VirtioBlkReq *req,
                                     int error)
{
    Fixture *f = q->opaque;

    g_assert_cmpint(error, ==, EIO);
    qatomic_fetch_add(&f->errors, 1);
    return qatomic_read(&f->action);
}

static const VirtioBlkQueueOps ops = {
    .notify = notify,
    .broken = broken,
    .io_error = io_error,
};

static void *iothread(void *opaque)
{
    Fixture *f = opaque;

    aio_context_set_home(f->ctx);
    while (!qatomic_read(&f->stop)) {
        aio_poll(f->ctx, true);
    }
    aio_context_leave_home(f->ctx);
    return NULL;
}

static void kicked(EventNotifier *e)
{
    virtio_blk_queue_process(&container_of(e, Fixture, kick)->q);
}

static bool poll_ring(EventNotifier *e)
{
    return virtio_blk_queue_has_work(&container_of(e, Fixture, kick)->q);
}

static void poll_begin(EventNotifier *e)
{
    virtio_blk_queue_set_polling(&container_of(e, Fixture, kick)->q, true);
}

static void poll_end(EventNotifier *e)
{
    virtio_blk_queue_set_polling(&container_of(e, Fixture, kick)->q, false);
}

static void attach(void *opaque)
{
    Fixture *f = opaque;

    aio_set_event_notifier(f->ctx, &f->kick, kicked, poll_ring, kicked);
    aio_set_event_notifier_poll(f->ctx, &f->kick, poll_begin, poll_end);
    virtio_blk_queue_start(&f->q);
}

static void detach(void *opaque)
{
    Fixture *f = opaque;

    aio_set_event_notifier(f->ctx, &f->kick, NULL, NULL, NULL);
    virtio_blk_queue_set_polling(&f->q, false);
    virtio_blk_queue_stop(&f->q);
}

static void start(Fixture *f)
{
    aio_wait_bh_oneshot(f->ctx, attach, f);
}

static void stop(Fixture *f)
{
    aio_wait_bh_oneshot(f->ctx, detach, f);
    virtio_blk_queue_drain(&f->q);
}

static void fixture_init(Fixture *f, bool event_idx, int64_t poll_ns)
{
    memset(f, 0, sizeof(*f));
    fake_driver_init(&f->drv, 128, true, event_idx, 65000);
    f->ctx = aio_context_new(&error_abort);
    aio_context_set_poll_params(f->ctx, poll_ns, 0, 0);
    f->blk.rand = g_rand_new_with_seed(1);
    f->blk.bh = aio_bh_new(f->ctx, complete_bh, &f->blk);
    STAILQ_INIT(&f->blk.pending);
    f->params = (VirtioBlkParams){
        .logical_block_size = 512,
        .max_discard_sectors = 1024,
        .max_write_zeroes_sectors = 1024,
        .discard = true,
        .write_zeroes = true,
        .capacity = DISK_SECTORS,
        .serial = "fake",
    };
    g_assert_cmpint(event_notifier_init(&f->kick, false), ==, 0);
    g_assert_cmpint(event_notifier_init(&f->call, false), ==, 0);
    g_assert_true(vring_init(&f->vr, f->drv.mem, &f->drv.cfg, &error_abort));
    g_assert_true(virtio_blk_queue_init(&f->q, &f->vr, f->ctx, &f->blk,
                                        &f->params, &ops, f, &error_abort));
    qemu_thread_create(&f->thread, "iothread", iothread, f);
    start(f);
}

static void fixture_cleanup(Fixture *f)
{
    stop(f);
    virtio_blk_queue_cleanup(&f->q);
    vring_cleanup(&f->vr);
    qemu_bh_delete(f->blk.bh);
    qatomic_set(&f->stop, true);
    aio_notify(f->ctx);
    qemu_thread_join(&f->thread);
    aio_context_unref(f->ctx);
    event_notifier_cleanup(&f->kick);
    event_notifier_cleanup(&f->call);
    g_rand_free(f->blk.rand);
    fake_driver_cleanup(&f->drv);
}

/* --- the driver's requests ------------------------------------------------ */

typedef struct Req {
    uint32_t type, reserved;
    uint64_t sector;
    uint8_t status;
    uint8_t pad[47];
    uint8_t data[32768];
} Req;

/* Request slot @i of the driver, in guest memory behind the rings. */
static Req *req_at(Fixture *f, unsigned i)
{
    return (Req *)(f->drv.ram + ROUND_UP(f->drv.data, 65536) + i * 65536);
}

static uint64_t gpa(Fixture *f, void *p)
{
    return FAKE_GPA + ((uint8_t *)p - f->drv.ram);
}

/* Offer request @i with @len bytes of data in @pieces buffers. */
static int offer(Fixture *f, unsigned i, uint32_t type, uint64_t sector,
                 uint32_t len, unsigned pieces, bool indirect)
{
    Req *r = req_at(f, i);
    FakeDesc d[40];
    unsigned n = 0;

    r->type = type;
    r->reserved = 0;
    r->sector = sector;
    r->status = 0xff;
    d[n++] = (FakeDesc){ gpa(f, r), 16, 0, 0 };
    for (unsigned k = 0; len && k < pieces; k++) {
        uint32_t a = (uint64_t)len * k / pieces;
        uint32_t b = (uint64_t)len * (k + 1) / pieces;

        d[n++] = (FakeDesc){ gpa(f, r->data + a), b - a,
                             type & 1 ? 0 : FD_WRITE, 0 };
    }
    d[n++] = (FakeDesc){ gpa(f, &r->status), 1, FD_WRITE, 0 };
    return fake_add(&f->drv, d, n, indirect ? gpa(f, r) + sizeof(Req) + 64 : 0);
}

static void kick(Fixture *f)
{
    if (fake_publish(&f->drv)) {
        event_notifier_set(&f->kick);
    }
}

/* Sleep until the device interrupts; fails the test after 20 seconds. */
static void wait_interrupt(Fixture *f)
{
    struct pollfd p = { event_notifier_get_fd(&f->call), POLLIN, 0 };

    g_assert_cmpint(RETRY_ON_EINTR(poll(&p, 1, 20000)), ==, 1);
    event_notifier_test_and_clear(&f->call);
    f->interrupts++;
}

/* Ask for an interrupt at the next used entry, then look once more. */
static FakeUsedElem get_used(Fixture *f)
{
    FakeUsedElem e;

    while (!fake_get_used(&f->drv, &e)) {
        __atomic_store_n(fake_used_event(&f->drv), f->drv.used_seen,
                         __ATOMIC_RELAXED);
        smp_mb();
        if (fake_get_used(&f->drv, &e)) {
            break;
        }
        wait_interrupt(f);
    }
    return e;
}

/* One request, start to end; its status. */
static uint8_t one(Fixture *f, uint32_t type, uint64_t sector, uint32_t len)
{
    offer(f, 0, type, sector, len, 1, false);
    kick(f);
    get_used(f);
    return req_at(f, 0)->status;
}

/* --- tests ---------------------------------------------------------------- */

typedef struct DataCase {
    const char *path;
    bool event_idx;
    int64_t poll_ns;
} DataCase;

static const DataCase data_cases[] = {
    { "/virtio-blk-queue/data/kick", false, 0 },
    { "/virtio-blk-queue/data/event-idx", true, 0 },
    { "/virtio-blk-queue/data/polling", false, 50000 },
    { "/virtio-blk-queue/data/polling-event-idx", true, 50000 },
};

#define DEPTH 60

typedef struct Slot {
    bool busy;
    uint32_t type;
    unsigned block; /* of 16 sectors */
    uint8_t byte;
} Slot;

static void start_random(Fixture *f, Slot *slots, uint8_t *model,
                         bool *block_busy, int *by_head, GRand *r)
{
    unsigned block = g_rand_int_range(r, 0, DISK_SECTORS / 16);
    unsigned i = 0;
    int head;

    while (i < DEPTH && slots[i].busy) {
        i++;
    }
    if (i == DEPTH || block_busy[block]) {
        return;
    }
    slots[i] = (Slot){ true, g_rand_boolean(r), block, g_rand_int(r) };
    if (slots[i].type == VIRTIO_BLK_T_OUT) {
        memset(req_at(f, i)->data, slots[i].byte, 8192);
    } else {
        memset(req_at(f, i)->data, 0x5a, 8192);
    }
    head = offer(f, i, slots[i].type, block * 16, 8192,
                 g_rand_int_range(r, 1, 30), g_rand_boolean(r));
    if (head < 0) {
        slots[i].busy = false;
        return;
    }
    if (slots[i].type == VIRTIO_BLK_T_OUT) {
        model[block] = slots[i].byte;
    }
    block_busy[block] = true;
    by_head[head] = i;
}

static void finish_one(Fixture *f, Slot *slots, const uint8_t *model,
                       bool *block_busy, const int *by_head)
{
    FakeUsedElem e = get_used(f);
    Slot *s = &slots[by_head[e.id]];
    Req *req = req_at(f, by_head[e.id]);

    g_assert_cmpuint(req->status, ==, 0);
    if (s->type == VIRTIO_BLK_T_IN) {
        g_assert_cmpuint(e.len, ==, 8193);
        for (unsigned k = 0; k < 8192; k++) {
            g_assert_cmpuint(req->data[k], ==, model[s->block]);
        }
    } else {
        g_assert_cmpuint(e.len, ==, 1);
    }
    s->busy = false;
    block_busy[s->block] = false;
}

static void test_data(gconstpointer opaque)
{
    const DataCase *c = opaque;
    g_autofree Fixture *f = g_new(Fixture, 1);
    g_autofree uint8_t *model = g_new0(uint8_t, DISK_SECTORS / 16);
    g_autofree bool *block_busy = g_new0(bool, DISK_SECTORS / 16);
    Slot slots[DEPTH] = { 0 };
    int by_head[128];
    GRand *r = g_rand_new_with_seed(5);
    unsigned flying = 0;

    fixture_init(f, c->event_idx, c->poll_ns);
    for (unsigned i = 0; i < 3000; i++) {
        for (unsigned n = g_rand_int_range(r, 0, 20); n > 0; n--) {
            start_random(f, slots, model, block_busy, by_head, r);
        }
        if (f->drv.avail_idx != f->drv.kicked_at) {
            kick(f);
        }
        flying = 0;
        for (unsigned k = 0; k < DEPTH; k++) {
            flying += slots[k].busy;
        }
        for (unsigned n = g_rand_int_range(r, 0, flying + 1); n > 0; n--) {
            finish_one(f, slots, model, block_busy, by_head);
            flying--;
        }
        if (i % 500 == 250) {
            stop(f); /* and go on: nothing is lost */
            start(f);
        }
    }
    while (flying--) {
        finish_one(f, slots, model, block_busy, by_head);
    }
    g_assert_cmpuint(f->broken, ==, 0);
    fixture_cleanup(f);
    g_rand_free(r);
}

static void test_types(void)
{
    g_autofree Fixture *f = g_new(Fixture, 1);
    Req *r;

    fixture_init(f, true, 0);
    r = req_at(f, 0);
    g_assert_cmpuint(one(f, VIRTIO_BLK_T_FLUSH, 0, 0), ==, 0);
    g_assert_cmpuint(f->blk.flushes, ==, 1);
    g_assert_cmpuint(one(f, VIRTIO_BLK_T_GET_ID, 0, 20), ==, 0);
    g_assert_cmpstr((char *)r->data, ==, "fake");
    memset(f->blk.disk, 1, 4096);
    memcpy(r->data, (uint32_t[]){ 0, 0, 4, 0 }, 16);
    g_assert_cmpuint(one(f, VIRTIO_BLK_T_WRITE_ZEROES, 0, 16), ==, 0);
    g_assert_cmpuint(f->blk.disk[2047], ==, 0);
    g_assert_cmpuint(f->blk.disk[2048], ==, 1);
    g_assert_cmpuint(one(f, VIRTIO_BLK_T_DISCARD, 0, 16), ==, 2);
    g_assert_cmpuint(one(f, 77, 0, 16), ==, 2);
    g_assert_cmpuint(one(f, VIRTIO_BLK_T_IN, DISK_SECTORS, 512), ==, 1);
    fixture_cleanup(f);
}

static void test_errors(void)
{
    g_autofree Fixture *f = g_new(Fixture, 1);
    FakeUsedElem e;

    fixture_init(f, true, 0);
    qatomic_set(&f->blk.fail, true);
    qatomic_set(&f->action, VIRTIO_BLK_ERROR_REPORT);
    g_assert_cmpuint(one(f, VIRTIO_BLK_T_OUT, BAD_SECTOR, 512), ==, 1);
    qatomic_set(&f->action, VIRTIO_BLK_ERROR_IGNORE);
    g_assert_cmpuint(one(f, VIRTIO_BLK_T_OUT, BAD_SECTOR, 512), ==, 0);

    /* Kept: not answered before a stop and a start */
    qatomic_set(&f->action, VIRTIO_BLK_ERROR_KEEP);
    memset(req_at(f, 1)->data, 0x77, 512);
    memset(req_at(f, 2)->data, 0x78, 512);
    offer(f, 1, VIRTIO_BLK_T_OUT, BAD_SECTOR, 512, 1, false);
    offer(f, 2, VIRTIO_BLK_T_OUT, BAD_SECTOR + 1, 512, 1, false);
    kick(f);
    while (qatomic_read(&f->errors) < 4) {
        g_thread_yield();
    }
    stop(f);
    g_assert_false(fake_get_used(&f->drv, &e));
    g_assert_cmpuint(req_at(f, 1)->status, ==, 0xff);
    /* Fails again, is kept again, then works */
    start(f);
    while (qatomic_read(&f->errors) < 6) {
        g_thread_yield();
    }
    stop(f);
    qatomic_set(&f->blk.fail, false);
    start(f);
    get_used(f);
    get_used(f);
    g_assert_cmpuint(req_at(f, 1)->status, ==, 0);
    g_assert_cmpuint(f->blk.disk[BAD_SECTOR * 512], ==, 0x77);
    g_assert_cmpuint(f->blk.disk[BAD_SECTOR * 512 + 512], ==, 0x78);

    /* Kept and then dropped: nothing is written any more */
    qatomic_set(&f->blk.fail, true);
    offer(f, 1, VIRTIO_BLK_T_OUT, BAD_SECTOR, 512, 1, false);
    kick(f);
    while (qatomic_read(&f->errors) < 7) {
        g_thread_yield();
    }
    fixture_cleanup(f);
}

static void test_broken(void)
{
    g_autofree Fixture *f = g_new(Fixture, 1);
    FakeDesc d[2];

    fixture_init(f, true, 0);
    /* In flight before the bad one: answered all the same */
    offer(f, 0, VIRTIO_BLK_T_IN, 0, 4096, 3, true);
    d[0] = (FakeDesc){ gpa(f, req_at(f, 1)), 8, 0, 0 };
    d[1] = (FakeDesc){ gpa(f, req_at(f, 2)), 8, FD_WRITE, 0 };
    fake_add(&f->drv, d, 2, 0);
    offer(f, 3, VIRTIO_BLK_T_IN, 0, 4096, 3, true);
    kick(f);
    get_used(f);
    while (!qatomic_read(&f->broken)) {
        g_thread_yield();
    }
    g_assert_cmpstr(f->why, ==, "virtio-blk request outhdr too short");
    for (unsigned i = 0; i < 10; i++) {
        event_notifier_set(&f->kick);
        stop(f);
        start(f);
    }
    g_assert_cmpuint(f->broken, ==, 1);
    g_assert_cmpuint(req_at(f, 3)->status, ==, 0xff);
    fixture_cleanup(f);
}

/* A driver that never stops: others of the loop get their turn. */
static void test_flood(void)
{
    g_autofree Fixture *f = g_new(Fixture, 1);

    fixture_init(f, false, 0);
    for (unsigned i = 0; i < 20000; i++) {
        if (i >= 60) {
            get_used(f); /* they are answered in order */
        }
        /* Answered without the block layer, in the same round */
        g_assert_cmpint(offer(f, i % 60, 99, 0, 0, 0, false), >=, 0);
        kick(f);
        if (i % 1000 == 0) {
            stop(f); /* needs a bottom half in the flooded loop */
            start(f);
        }
    }
    fixture_cleanup(f);
}

/* --- noise ---------------------------------------------------------------- */

/* All descriptors are free again. */
static void noise_reset(FakeDriver *d, uint16_t start)
{
    for (unsigned i = 0; i < 128; i++) {
        d->desc[i].next = i + 1;
        d->chain_len[i] = 0;
    }
    d->free_head = 0;
    d->nfree = 128;
    d->cfg.last_avail = d->avail_idx = start;
}

/* Change something in a descriptor. */
static void noise_hit(FakeDesc *d, GRand *r)
{
    switch (g_rand_int_range(r, 0, 5)) {
    case 0:
        d->addr = (uint64_t)g_rand_int(r) << g_rand_int_range(r, 0, 32);
        break;
    case 1:
        d->addr = FAKE_GPA + g_rand_int_range(r, 0, FAKE_SIZE);
        break;
    case 2:
        d->len = g_rand_int(r) >> g_rand_int_range(r, 0, 32);
        break;
    case 3:
        d->flags ^= 1 << g_rand_int_range(r, 0, 4);
        break;
    case 4:
        d->next = g_rand_int_range(r, 0, 130);
        break;
    }
}

/* Requests of any kind, of which a few descriptors are wrong. */
static void noise_offer(Fixture *f, GRand *r)
{
    FakeDriver *d = &f->drv;
    static const uint32_t lens[] = { 0, 16, 20, 512, 4096, 8192, 513 };

    for (unsigned i = 0; i < DEPTH; i++) {
        bool indirect = g_rand_boolean(r);
        Req *req = req_at(f, i);
        int head = offer(f, i, g_rand_int_range(r, 0, 15),
                         g_rand_int_range(r, 0, DISK_SECTORS + 9),
                         lens[g_rand_int_range(r, 0, ARRAY_SIZE(lens))],
                         g_rand_int_range(r, 1, 9), indirect);

        if (head < 0) {
            break;
        }
        for (unsigned k = 0; k < 16; k++) {
            req->data[k] = g_rand_int_range(r, 0, 8) * (k % 4 == 1);
        }
        if (!g_rand_int_range(r, 0, 30)) {
            noise_hit(&d->desc[head], r);
        }
        if (indirect && !g_rand_int_range(r, 0, 30)) {
            noise_hit((FakeDesc *)((uint8_t *)req + sizeof(Req) + 64) +
                          g_rand_int_range(r, 0, 4),
                      r);
        }
    }
}

static void process(void *opaque)
{
    Fixture *f = opaque;

    virtio_blk_queue_process(&f->q);
}

static void noise_round(Fixture *f, GRand *r)
{
    FakeDriver *d = &f->drv;

    noise_reset(d, g_rand_int(r));
    d->avail[1] = d->cfg.last_avail;
    g_assert_true(vring_init(&f->vr, d->mem, &d->cfg, &error_abort));
    g_assert_true(virtio_blk_queue_init(&f->q, &f->vr, f->ctx, &f->blk,
                                        &f->params, &ops, f, &error_abort));
    start(f);
    noise_offer(f, r);
    fake_publish(d);
    event_notifier_set(&f->kick);
    if (g_rand_boolean(r)) {
        stop(f);
        start(f);
    }
    aio_wait_bh_oneshot(f->ctx, process, f);
    stop(f);
    virtio_blk_queue_cleanup(&f->q);
    vring_cleanup(&f->vr);
}

/* Rings of noise: whatever comes, nothing but RAM and disk is touched. */
static void test_noise(void)
{
    g_autofree Fixture *f = g_new(Fixture, 1);
    GRand *r = g_rand_new_with_seed(77);

    fixture_init(f, true, 0);
    stop(f);
    virtio_blk_queue_cleanup(&f->q);
    vring_cleanup(&f->vr);
    for (unsigned i = 0; i < 2000; i++) {
        noise_round(f, r);
    }
    g_test_message("%u of 2000 rings were broken", f->broken);
    g_assert_cmpuint(f->broken, >, 500);
    g_assert_cmpuint(f->blk.flushes, >, 500);

    /* For fixture_cleanup() */
    noise_reset(&f->drv, 0);
    f->drv.avail[1] = 0;
    g_assert_true(vring_init(&f->vr, f->drv.mem, &f->drv.cfg, &error_abort));
    g_assert_true(virtio_blk_queue_init(&f->q, &f->vr, f->ctx, &f->blk,
                                        &f->params, &ops, f, &error_abort));
    start(f);
    fixture_cleanup(f);
    g_rand_free(r);
}

static void test_no_allocation(void)
{
    g_autofree Fixture *f = g_new(Fixture, 1);
    unsigned long before = 0;

    fixture_init(f, true, 0);
    for (unsigned i = 0; i < 2000; i++) {
        if (i == 100) {
            before = qatomic_read(&allocations);
        }
        for (unsigned k = 0; k < 32; k++) {
            offer(f, k, k & 1, k * 16, 8192, 25, true);
        }
        kick(f);
        for (unsigned k = 0; k < 32; k++) {
            get_used(f);
        }
    }
    g_assert_cmpuint(qatomic_read(&allocations), ==, before);
    g_test_message("%u interrupts for %u requests", f->interrupts, 2000 * 32);
    fixture_cleanup(f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qemu_init_main_loop(&error_abort);
    for (unsigned i = 0; i < ARRAY_SIZE(data_cases); i++) {
        g_test_add_data_func(data_cases[i].path, &data_cases[i], test_data);
    }
    g_test_add_func("/virtio-blk-queue/types", test_types);
    g_test_add_func("/virtio-blk-queue/errors", test_errors);
    g_test_add_func("/virtio-blk-queue/broken", test_broken);
    g_test_add_func("/virtio-blk-queue/flood", test_flood);
    g_test_add_func("/virtio-blk-queue/noise", test_noise);
    g_test_add_func("/virtio-blk-queue/no-allocation", test_no_allocation);
    return g_test_run();
}
