/*
 * The io_uring of an AioContext: set-up, submitting, waiting, reaping.
 *
 * liburing makes and maps the ring; from then on the loop moves the cursors
 * itself, because submission, waiting and fetching completions have to share
 * one system call and one set of rules:
 *
 *  1. Only the home thread touches the ring (SINGLE_ISSUER).  Before there is
 *     one, entries may be filled in; they wait until it enables the ring.
 *  2. sq_tail is ahead of the kernel's tail by the entries of this turn;
 *     aio_ring_enter() publishes them (release; the kernel acquires).
 *  3. The CQ head is moved past an entry before its handler runs, and the
 *     entry is copied: a handler may turn the loop again.
 *  4. aio_get_sqe() runs no handlers.  If the kernel takes no entries, since
 *     too many completions wait, it moves those to the stash, which the next
 *     reap empties first.
 *  5. With DEFER_TASKRUN completions stay in the kernel until an enter with
 *     GETEVENTS; IORING_SQ_TASKRUN tells that there are some.
 *
 * A context without io_uring has aio-epoll.c in place of this file.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "util/aio-int.h"

#include <poll.h>
#include <sys/syscall.h>
#if CONFIG_VALGRIND_H
#include <valgrind/valgrind.h>
#endif

#ifndef IORING_SETUP_SINGLE_ISSUER
#define IORING_SETUP_SINGLE_ISSUER (1U << 12)
#endif
#ifndef IORING_SETUP_DEFER_TASKRUN
#define IORING_SETUP_DEFER_TASKRUN (1U << 13)
#endif

#define RING_BASE_FLAGS \
    (IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP | IORING_SETUP_R_DISABLED)

/* Best first; a kernel that does not know a flag answers EINVAL. */
static const unsigned ring_flavours[] = {
    /* 6.1 */
    IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
        IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SUBMIT_ALL,
    /* 6.0 */
    IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_COOP_TASKRUN |
        IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SUBMIT_ALL,
    /* 5.19 */
    IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG |
        IORING_SETUP_SUBMIT_ALL,
    /* 5.18 */
    IORING_SETUP_SUBMIT_ALL,
    /* 5.11 */
    0,
};

const char *aio_context_describe_ring(const AioContext *ctx)
{
    unsigned flags = ctx->ring.setup_flags;

    if (!ctx->has_ring) {
        return "epoll";
    }
    if (flags & IORING_SETUP_DEFER_TASKRUN) {
        return "single-issuer,defer-taskrun";
    }
    if (flags & IORING_SETUP_SINGLE_ISSUER) {
        return "single-issuer,coop-taskrun";
    }
    return flags & IORING_SETUP_COOP_TASKRUN ? "coop-taskrun" : "plain";
}

/* One line that names what refused io_uring. */
static void set_refused_error(Error **errp, int err)
{
    g_autofree char *sysctl = NULL;

    if (err == ENOSYS) {
        error_setg(errp,
                   "io_uring is not available: the kernel lacks it or "
                   "a seccomp filter hides it (io_uring_setup: %s)",
                   strerror(err));
    } else if (err == EPERM &&
               g_file_get_contents("/proc/sys/kernel/io_uring_disabled",
                                   &sysctl, NULL, NULL) &&
               sysctl[0] != '0') {
        error_setg(errp,
                   "io_uring is disabled by sysctl "
                   "kernel.io_uring_disabled=%c",
                   sysctl[0]);
    } else if (err == EPERM || err == EACCES) {
        error_setg(errp,
                   "io_uring is refused by a seccomp filter or a "
                   "security module (io_uring_setup: %s)",
                   strerror(err));
    } else if (err == ENOMEM) {
        error_setg(errp,
                   "io_uring cannot be set up: %s (RLIMIT_MEMLOCK may "
                   "be too small)",
                   strerror(err));
    } else {
        error_setg_errno(errp, err, "failed to init linux io_uring ring");
    }
}

bool aio_ring_init(AioContext *ctx, Error **errp)
{
    AioRing *r = &ctx->ring;
    struct io_uring_params p;
    int err = 0;

    if (g_strcmp0(g_getenv("QEMU_EVENT_LOOP"), "epoll") == 0) {
        error_setg(errp, "io_uring is switched off by QEMU_EVENT_LOOP=epoll");
        return false;
    }
    for (int i = 0; i < ARRAY_SIZE(ring_flavours); i++) {
        p = (struct io_uring_params){
            .flags = RING_BASE_FLAGS | ring_flavours[i],
            .cq_entries = AIO_CQ_ENTRIES,
        };
        err = -io_uring_queue_init_params(AIO_SQ_ENTRIES, &r->uring, &p);
        if (err != EINVAL) {
            break;
        }
    }
    if (err) {
        set_refused_error(errp, err);
        return false;
    }
    if (!(p.features & IORING_FEAT_EXT_ARG) ||
        !(p.features & IORING_FEAT_NODROP)) {
        io_uring_queue_exit(&r->uring);
        error_setg(errp, "io_uring of this kernel is too old: "
                         "Linux 5.11 or newer is needed");
        return false;
    }

    r->setup_flags = p.flags;
    r->cqe_skip = p.features & IORING_FEAT_CQE_SKIP;
    r->enter_fd = r->uring.ring_fd;
    r->sq_entries = p.sq_entries;
    r->sq_mask = p.sq_entries - 1;
    r->cq_mask = p.cq_entries - 1;
    r->sq_tail = *r->uring.sq.ktail;
    for (unsigned i = 0; i < p.sq_entries; i++) {
        r->uring.sq.array[i] = i;
    }
    return true;
}

void aio_ring_enable(AioContext *ctx)
{
    AioRing *r = &ctx->ring;
    struct io_uring_rsrc_update up = { .offset = UINT32_MAX,
                                       .data = r->uring.ring_fd };

    if (syscall(__NR_io_uring_register, r->uring.ring_fd,
                IORING_REGISTER_ENABLE_RINGS, NULL, 0) < 0) {
        fprintf(stderr, "qemu: cannot enable an io_uring\n");
        abort();
    }
    r->enabled = true;
    /* Saves looking up the descriptor in each enter (5.18). */
    if (syscall(__NR_io_uring_register, r->uring.ring_fd,
                IORING_REGISTER_RING_FDS, &up, 1) == 1) {
        r->enter_fd = up.offset;
        r->enter_flags = IORING_ENTER_REGISTERED_RING;
    }
}

void aio_ring_leave(AioContext *ctx)
{
    AioRing *r = &ctx->ring;

    if (r->enter_flags) {
        struct io_uring_rsrc_update up = { .offset = r->enter_fd };

        syscall(__NR_io_uring_register, r->uring.ring_fd,
                IORING_UNREGISTER_RING_FDS, &up, 1);
        r->enter_flags = 0;
        r->enter_fd = r->uring.ring_fd;
    }
}

void aio_ring_cleanup(AioContext *ctx)
{
    io_uring_queue_exit(&ctx->ring.uring);
    g_free(ctx->ring.stash);
}

/* --- submission --- */

unsigned aio_ring_pending(AioContext *ctx)
{
    return ctx->ring.sq_tail - qatomic_load_acquire(ctx->ring.uring.sq.khead);
}

static void stash_completions(AioRing *r)
{
    struct io_uring *u = &r->uring;
    unsigned head = *u->cq.khead;

    /* Acquire: pairs with the kernel's release of the tail. */
    while (head != qatomic_load_acquire(u->cq.ktail)) {
        if (r->stash_nr == r->stash_size) {
            r->stash_size += AIO_CQ_ENTRIES;
            r->stash = g_renew(struct io_uring_cqe, r->stash, r->stash_size);
        }
        r->stash[r->stash_nr++] = u->cq.cqes[head & r->cq_mask];
        /* Release: the entry was read; pairs with the kernel's acquire. */
        qatomic_store_release(u->cq.khead, ++head);
    }
}

struct io_uring_sqe *aio_get_sqe(AioContext *ctx, CqeHandler *h)
{
    AioRing *r = &ctx->ring;
    unsigned max = qatomic_read(&ctx->max_batch);
    struct io_uring_sqe *sqe;

    assert(ctx->has_ring);
    if (unlikely(aio_ring_pending(ctx) >= max)) {
        if (r->enabled) {
            aio_ring_enter(ctx, 0, 0);
        }
        while (aio_ring_pending(ctx) >= r->sq_entries) {
            /* The kernel did not take them: its completion queue is full. */
            assert(r->enabled);
            aio_ring_enter(ctx, 0, 0);
            stash_completions(r); /* invariant 4 */
            sched_yield();
        }
    }
    sqe = &r->uring.sq.sqes[r->sq_tail++ & r->sq_mask];
    memset(sqe, 0, sizeof(*sqe));
    sqe->user_data = (uintptr_t)h; /* liburing's prep functions keep it */
    return sqe;
}

void aio_event_notifier_set_deferred(AioContext *ctx, EventNotifier *e)
{
    static const uint64_t one = 1;
    struct io_uring_sqe *sqe;

    if (!ctx->has_ring) {
        event_notifier_set(e);
        return;
    }
    sqe = aio_get_sqe(ctx, NULL);
    io_uring_prep_write(sqe, event_notifier_get_fd(e), &one, sizeof(one), 0);
    if (ctx->ring.cqe_skip) {
        sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
    }
}

/* --- the system call --- */

bool aio_ring_has_events(AioContext *ctx)
{
    struct io_uring *u = &ctx->ring.uring;

    /* Acquire: pairs with the kernel's release of the tail. */
    return qatomic_load_acquire(u->cq.ktail) != *u->cq.khead ||
           ctx->ring.stash_nr ||
           (qatomic_read(u->sq.kflags) &
            (IORING_SQ_CQ_OVERFLOW | IORING_SQ_TASKRUN));
}

/* The kernel has work for us that only an enter brings in. */
static bool needs_enter(AioContext *ctx)
{
    return qatomic_read(ctx->ring.uring.sq.kflags) &
           (IORING_SQ_CQ_OVERFLOW | IORING_SQ_TASKRUN);
}

static int ring_syscall(AioContext *ctx, unsigned to_submit,
                        unsigned min_complete, int64_t timeout_ns)
{
    AioRing *r = &ctx->ring;
    unsigned flags = r->enter_flags | IORING_ENTER_GETEVENTS;
    struct __kernel_timespec ts;
    struct io_uring_getevents_arg arg = { 0 };
    int ret;

    if (min_complete && timeout_ns >= 0) {
        ts.tv_sec = timeout_ns / NANOSECONDS_PER_SECOND;
        ts.tv_nsec = timeout_ns % NANOSECONDS_PER_SECOND;
        arg.ts = (uintptr_t)&ts;
        flags |= IORING_ENTER_EXT_ARG;
    }
    aio_stat_add(&ctx->stats.syscalls, 1);
    ret = syscall(__NR_io_uring_enter, r->enter_fd, to_submit, min_complete,
                  flags, flags & IORING_ENTER_EXT_ARG ? &arg : NULL,
                  flags & IORING_ENTER_EXT_ARG ? sizeof(arg) : 0);
    return ret < 0 ? -errno : ret;
}

/*
 * valgrind runs one thread at a time and does not know that io_uring_enter()
 * may block: wait by a system call that it does know, and not for long, since
 * it does not restart an interrupted poll of a ring either.
 */
static bool wait_for_valgrind(AioContext *ctx, int64_t timeout_ns)
{
#if CONFIG_VALGRIND_H
    if (RUNNING_ON_VALGRIND) {
        struct pollfd pfd = { .fd = ctx->ring.uring.ring_fd, .events = POLLIN };
        struct timespec ts = { .tv_nsec = SCALE_MS };

        if (timeout_ns >= 0 && timeout_ns < SCALE_MS) {
            ts.tv_nsec = timeout_ns;
        }
        aio_ring_enter(ctx, 0, 0);
        ppoll(&pfd, 1, &ts, NULL);
        ring_syscall(ctx, 0, 0, 0);
        return true;
    }
#endif
    return false;
}

void aio_ring_enter(AioContext *ctx, unsigned wait_nr, int64_t timeout_ns)
{
    AioRing *r = &ctx->ring;
    unsigned to_submit = aio_ring_pending(ctx);
    int ret;

    if (!to_submit && !wait_nr && !needs_enter(ctx)) {
        return;
    }
    if (wait_nr && wait_for_valgrind(ctx, timeout_ns)) {
        return;
    }
    /* Release: pairs with the kernel's acquire of the tail; the entries
     * are complete. */
    qatomic_store_release(r->uring.sq.ktail, r->sq_tail);
    ret = ring_syscall(ctx, to_submit, wait_nr, timeout_ns);

    if (ret > 0) {
        aio_stat_add(&ctx->stats.sqes, ret);
    } else if (ret < 0) {
        switch (-ret) {
        case EINTR:
        case ETIME:
            break;
        case EAGAIN: /* short of memory: the entries stay for later */
        case EBUSY:  /* too many completions not fetched */
            break;
        case EBADR:
            fprintf(stderr, "qemu: io_uring_enter: the kernel has lost results "
                            "for want of memory\n");
            abort(); /* who waits for them would wait for ever */
        default:
            fprintf(stderr, "qemu: io_uring_enter: %s\n", strerror(-ret));
            abort();
        }
    }
}

/* --- completions --- */

static unsigned reap_stash(AioRing *r)
{
    unsigned done = 0;

    while (r->stash_head < r->stash_nr) {
        struct io_uring_cqe cqe = r->stash[r->stash_head++];
        CqeHandler *h = (CqeHandler *)(uintptr_t)cqe.user_data;

        if (r->stash_head == r->stash_nr) {
            r->stash_head = r->stash_nr = 0;
        }
        done++;
        if (h) {
            h->cb(h, cqe.res, cqe.flags);
        }
    }
    return done;
}

bool aio_ring_reap(AioContext *ctx)
{
    AioRing *r = &ctx->ring;
    struct io_uring *u = &r->uring;
    unsigned done = unlikely(r->stash_nr) ? reap_stash(r) : 0;
    unsigned head = *u->cq.khead;

    /* Acquire: pairs with the kernel's release of the tail. */
    while (head != qatomic_load_acquire(u->cq.ktail)) {
        const struct io_uring_cqe *cqe = &u->cq.cqes[head & r->cq_mask];
        CqeHandler *h = (CqeHandler *)(uintptr_t)cqe->user_data;
        uint32_t flags = cqe->flags;
        int res = cqe->res;

        /* Release: the entry was read; pairs with the kernel's acquire. */
        qatomic_store_release(u->cq.khead, head + 1);
        done++;
        if (h) {
            h->cb(h, res, flags);
        }
        head = *u->cq.khead; /* the handler may have turned the loop */
    }
    aio_stat_add(&ctx->stats.cqes, done);
    return done > 0;
}

/* --- taking requests back --- */

/* Turn @h's entry into a no-op if the kernel does not have it yet. */
static bool cancel_pending_sqe(AioContext *ctx, CqeHandler *h)
{
    AioRing *r = &ctx->ring;

    for (unsigned n = aio_ring_pending(ctx); n > 0; n--) {
        struct io_uring_sqe *sqe =
            &r->uring.sq.sqes[(r->sq_tail - n) & r->sq_mask];

        if (sqe->user_data == (uintptr_t)h) {
            io_uring_prep_nop(sqe);
            sqe->user_data = 0;
            return true;
        }
    }
    return false;
}

/* Find @h's completion among those not reaped yet, and make it nobody's. */
static bool take_cqe(AioContext *ctx, CqeHandler *h, int *res)
{
    AioRing *r = &ctx->ring;
    struct io_uring *u = &r->uring;
    unsigned tail = qatomic_load_acquire(u->cq.ktail);

    for (unsigned i = r->stash_head; i < r->stash_nr; i++) {
        if (r->stash[i].user_data == (uintptr_t)h) {
            *res = r->stash[i].res;
            r->stash[i].user_data = 0;
            return true;
        }
    }
    for (unsigned head = *u->cq.khead; head != tail; head++) {
        struct io_uring_cqe *cqe = &u->cq.cqes[head & r->cq_mask];

        if (cqe->user_data == (uintptr_t)h) {
            *res = cqe->res;
            cqe->user_data = 0;
            return true;
        }
    }
    return false;
}

bool aio_ring_cancel_sync(AioContext *ctx, CqeHandler *h, int *res)
{
    struct io_uring_sqe *sqe;

    *res = -ECANCELED;
    if (cancel_pending_sqe(ctx, h) || take_cqe(ctx, h, res)) {
        return true;
    }
    if (!ctx->ring.enabled) {
        return false;
    }
    sqe = aio_get_sqe(ctx, NULL);
    io_uring_prep_cancel64(sqe, (uintptr_t)h, 0);
    for (int tries = 0; tries < 100; tries++) {
        aio_ring_enter(ctx, 0, 0);
        if (take_cqe(ctx, h, res)) {
            return true;
        }
        /* Its completion is under way on another CPU. */
        ring_syscall(ctx, 0, 0, 0);
        if (take_cqe(ctx, h, res)) {
            return true;
        }
        sched_yield();
    }
    return false;
}
