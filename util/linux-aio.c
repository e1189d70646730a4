/*
 * Linux AIO (io_submit), the engine of aio=native.
 *
 * The kernel's own interface, without libaio: its ring of completions is
 * mapped into this process and read here, so that polling and reaping cost no
 * system call.
 *
 *  1. A slot is free, pending (not given to the kernel), or under way.
 *  2. Pending slots are submitted at the turn's end, or when as many wait as
 *     the batch may have.  If the kernel is short of room they stay, and go
 *     with the next completion; there is one to come then.
 *  3. A completion is moved past in the ring before its handler runs, which
 *     may turn the loop.  While more are there the bottom half is scheduled:
 *     the eventfd that announced them has been read.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "util/aio-int.h"
#include "util/linux-aio.h"

#include <linux/aio_abi.h>
#include <sys/syscall.h>

#define SLOTS      1024
#define MAX_SUBMIT 128 /* in one system call */
#define RING_MAGIC 0xa10a10a1

/* The head of the kernel's ring: facts of its ABI. */
typedef struct KernelRing {
    unsigned id;
    unsigned nr;
    unsigned head; /* ours */
    unsigned tail; /* the kernel's */
    unsigned magic;
    unsigned compat_features;
    unsigned incompat_features;
    unsigned header_length;
    struct io_event events[];
} KernelRing;

typedef struct Slot Slot;
struct Slot {
    struct iocb iocb;
    CqeHandler *h;
    int res; /* failed: the error */
    STAILQ_ENTRY(Slot) next;
};
typedef STAILQ_HEAD(SlotList, Slot) SlotList;

struct LinuxAio {
    AioContext *ctx;
    aio_context_t kctx;
    EventNotifier e; /* completions */
    QEMUBH *bh;
    AioDeferred submit;
    SlotList free, pending, failed;
    unsigned n_pending;
    unsigned under_way;
    Slot slots[SLOTS];
};

/* --- submission --- */

/* The first pending request cannot be submitted: complete it from the loop. */
static void fail_first(LinuxAio *l, int err)
{
    Slot *slot = STAILQ_FIRST(&l->pending);

    STAILQ_REMOVE_HEAD(&l->pending, next);
    l->n_pending--;
    slot->res = err;
    STAILQ_INSERT_TAIL(&l->failed, slot, next);
    qemu_bh_schedule(l->bh);
}

/* Submit what fits into one call; false: the kernel takes no more now. */
static bool submit_some(LinuxAio *l)
{
    struct iocb *iocbs[MAX_SUBMIT];
    int n = 0, ret;
    Slot *slot;

    STAILQ_FOREACH(slot, &l->pending, next) {
        if (n == MAX_SUBMIT) {
            break;
        }
        iocbs[n++] = &slot->iocb;
    }
    aio_stat_add(&l->ctx->stats.syscalls, 1);
    ret = syscall(__NR_io_submit, l->kctx, n, iocbs);
    if (ret < 0 && errno == EAGAIN && l->under_way) {
        return false;
    }
    if (ret < 0 && errno != EINTR) {
        fail_first(l, -errno);
        return true;
    }
    for (int i = 0; i < ret; i++) {
        STAILQ_REMOVE_HEAD(&l->pending, next);
    }
    if (ret > 0) {
        aio_stat_add(&l->ctx->stats.sqes, ret);
        l->n_pending -= ret;
        l->under_way += ret;
    }
    return true;
}

static void submit_pending(LinuxAio *l)
{
    while (!STAILQ_EMPTY(&l->pending) && submit_some(l)) {
    }
}

static void submit_deferred(AioDeferred *d)
{
    submit_pending(container_of(d, LinuxAio, submit));
}

bool linux_aio_submit(LinuxAio *l, CqeHandler *h, const LinuxAioRw *rw)
{
    unsigned max = qatomic_read(&l->ctx->max_batch);
    Slot *slot = STAILQ_FIRST(&l->free);
    bool one = rw->niov == 1;

    if (!slot) {
        return false;
    }
    STAILQ_REMOVE_HEAD(&l->free, next);
    slot->h = h;
    slot->iocb = (struct iocb){
        .aio_data = (uintptr_t)slot,
        .aio_rw_flags = rw->rw_flags,
        .aio_lio_opcode = rw->is_write
                              ? (one ? IOCB_CMD_PWRITE : IOCB_CMD_PWRITEV)
                              : (one ? IOCB_CMD_PREAD : IOCB_CMD_PREADV),
        .aio_fildes = rw->fd,
        .aio_buf = one ? (uintptr_t)rw->iov->iov_base : (uintptr_t)rw->iov,
        .aio_nbytes = one ? rw->iov->iov_len : (unsigned)rw->niov,
        .aio_offset = rw->offset,
        .aio_flags = IOCB_FLAG_RESFD,
        .aio_resfd = event_notifier_get_fd(&l->e),
    };
    STAILQ_INSERT_TAIL(&l->pending, slot, next);
    if (rw->max_batch) {
        max = MIN(max, rw->max_batch);
    }
    if (++l->n_pending >= max) {
        submit_pending(l);
    } else {
        aio_defer(l->ctx, &l->submit);
    }
    return true;
}

/* --- completion --- */

static KernelRing *kernel_ring(LinuxAio *l)
{
    return (KernelRing *)(uintptr_t)l->kctx;
}

static bool has_completions(LinuxAio *l)
{
    KernelRing *ring = kernel_ring(l);

    /* Acquire: pairs with the kernel's update of the tail. */
    return ring->head != qatomic_load_acquire(&ring->tail);
}

static void complete(LinuxAio *l, Slot *slot, int res)
{
    CqeHandler *h = slot->h;

    STAILQ_INSERT_HEAD(&l->free, slot, next);
    aio_stat_add(&l->ctx->stats.cqes, 1);
    h->cb(h, res, 0);
}

static void complete_all(LinuxAio *l)
{
    KernelRing *ring = kernel_ring(l);
    Slot *slot;

    while (has_completions(l)) {
        struct io_event ev = ring->events[ring->head];
        unsigned head = ring->head + 1;

        /* Release: the entry was read; the kernel may use it again. */
        qatomic_store_release(&ring->head, head == ring->nr ? 0 : head);
        l->under_way--;
        if (has_completions(l)) {
            qemu_bh_schedule(l->bh); /* invariant 3 */
        }
        complete(l, (Slot *)(uintptr_t)ev.data, ev.res);
    }
    while ((slot = STAILQ_FIRST(&l->failed))) {
        STAILQ_REMOVE_HEAD(&l->failed, next);
        if (!STAILQ_EMPTY(&l->failed)) {
            qemu_bh_schedule(l->bh);
        }
        complete(l, slot, slot->res);
    }
    submit_pending(l); /* invariant 2 */
}

static void complete_bh(void *opaque)
{
    complete_all(opaque);
}

static LinuxAio *aio_of(EventNotifier *e)
{
    return container_of(e, LinuxAio, e);
}

static void completion_announced(EventNotifier *e)
{
    complete_all(aio_of(e));
}

static bool completion_poll(EventNotifier *e)
{
    return has_completions(aio_of(e));
}

/* --- set-up --- */

static bool setup(LinuxAio *l, Error **errp)
{
    int ret;

    if (syscall(__NR_io_setup, SLOTS, &l->kctx) < 0) {
        error_setg_errno(errp, errno, "failed to create linux AIO context");
        return false;
    }
    if (kernel_ring(l)->magic != RING_MAGIC ||
        kernel_ring(l)->incompat_features ||
        kernel_ring(l)->header_length != sizeof(KernelRing)) {
        error_setg(errp, "the linux AIO ring of this kernel is not known");
        syscall(__NR_io_destroy, l->kctx);
        return false;
    }
    ret = event_notifier_init(&l->e, false);
    if (ret < 0) {
        error_setg_errno(errp, -ret, "failed to initialize event notifier");
        syscall(__NR_io_destroy, l->kctx);
        return false;
    }
    return true;
}

LinuxAio *aio_get_linux_aio(AioContext *ctx, Error **errp)
{
    LinuxAio *l = ctx->linux_aio;

    if (l) {
        return l;
    }
    l = g_new0(LinuxAio, 1);
    if (!setup(l, errp)) {
        g_free(l);
        return NULL;
    }
    l->ctx = ctx;
    l->submit.fn = submit_deferred;
    l->bh = aio_bh_new(ctx, complete_bh, l);
    STAILQ_INIT(&l->free);
    STAILQ_INIT(&l->pending);
    STAILQ_INIT(&l->failed);
    for (int i = 0; i < SLOTS; i++) {
        STAILQ_INSERT_TAIL(&l->free, &l->slots[i], next);
    }
    aio_set_event_notifier(ctx, &l->e, completion_announced, completion_poll,
                           completion_announced);
    ctx->linux_aio = l;
    return l;
}

void linux_aio_free(LinuxAio *l)
{
    assert(!l->under_way && STAILQ_EMPTY(&l->pending));
    aio_defer_cancel(l->ctx, &l->submit);
    aio_set_event_notifier(l->ctx, &l->e, NULL, NULL, NULL);
    qemu_bh_delete(l->bh);
    syscall(__NR_io_destroy, l->kctx);
    event_notifier_cleanup(&l->e);
    g_free(l);
}
