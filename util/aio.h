/*
 * AioContext: the event loop of one thread, on one io_uring; or on epoll where
 * the kernel refuses io_uring, with the same interface but for requests of the
 * ring.
 *
 * File descriptors, event notifiers, timers, bottom halves, wake-ups from
 * other threads and block I/O all complete in the same ring, and a turn of
 * the loop makes at most one blocking system call, which also submits what
 * the turn produced.  See util/aio.c for the loop's invariants.
 *
 * Thread: "home" is the thread that runs aio_poll(); functions say who may
 * call them.  There is no lock on a context.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef UTIL_AIO_H
#define UTIL_AIO_H

#include "util/error.h"
#include "util/event-notifier.h"
#include "util/queue.h"
#include "util/timer.h"

struct io_uring_sqe;
typedef struct AioContext AioContext;
typedef struct QEMUBH QEMUBH;
typedef void IOHandler(void *opaque);
typedef void QEMUBHFunc(void *opaque);
/* Is there work?  Without side effects; called again and again. */
typedef bool AioPollFn(EventNotifier *e);

/* --- contexts --- */

/*
 * A context with one reference, on io_uring or on epoll.  The environment
 * variable QEMU_EVENT_LOOP asks for one of the two: with "io_uring" it fails
 * where the kernel refuses that, "epoll" is for tests.
 */
AioContext *aio_context_new(Error **errp);
/* May aio_get_sqe() be called?  Any thread. */
bool aio_context_has_ring(const AioContext *ctx);
/* One line that says what refused io_uring to the first context without it, or
 * NULL.  Any thread. */
const char *aio_io_uring_refused(void);
void aio_context_ref(AioContext *ctx);
/* Any thread, after home has left the loop. */
void aio_context_unref(AioContext *ctx);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AioContext, aio_context_unref)

/* The calling thread becomes @ctx's home; first call of an IOThread.  (The
 * first aio_poll() does it for a context that has none.) */
void aio_context_set_home(AioContext *ctx);
/* The home thread will not poll @ctx any more.  Anyone may be home next. */
void aio_context_leave_home(AioContext *ctx);
bool in_aio_context_home_thread(const AioContext *ctx);
/* Is there a thread that polls it? Any thread. */
bool aio_context_has_home(const AioContext *ctx);
/* The main thread's context. */
AioContext *qemu_get_aio_context(void);
/* The context whose home this thread is; NULL for vCPU and worker threads. */
AioContext *qemu_get_current_aio_context(void);
/* Used by main-loop.c. */
void aio_context_set_main(AioContext *ctx);

/*
 * One turn: run what is ready; with @blocking wait until something is.
 * Returns whether anything was done.  Home thread, outside of coroutines.
 */
bool aio_poll(AioContext *ctx, bool blocking);
/* Make a blocking aio_poll() return.  Any thread, signal handlers too. */
void aio_notify(AioContext *ctx);

/* The same for work that the home thread finds by itself in its next turn: if
 * the caller is the home thread (and no signal handler), nothing is done. */
void aio_notify_others(AioContext *ctx);

/*
 * How long (ns) to poll before sleeping, at most; 0 never polls.  @grow: the
 * factor for a longer time (0: 2), @shrink: the divisor for a shorter (0:
 * polling stops at once).  Any thread.
 */
void aio_context_set_poll_params(AioContext *ctx, int64_t max_ns, int64_t grow,
                                 int64_t shrink);
/* Submit after this many requests of one turn at the latest; 0: default.
 * Any thread. */
void aio_context_set_aio_params(AioContext *ctx, int64_t max_batch);
/* Bounds of the worker threads for blocking calls (0 <= min <= max, max > 0).
 * Any thread. */
bool aio_context_set_thread_pool_params(AioContext *ctx, int64_t min,
                                        int64_t max, Error **errp);
/* Called by the home thread around each wait of an outermost turn (not in
 * AIO_WAIT_WHILE): the main loop gives up the BQL there. */
void aio_context_set_wait_hooks(AioContext *ctx, void (*before_wait)(void *),
                                void (*after_wait)(void *), void *opaque);

/* --- bottom halves: callbacks run by the loop soon --- */

/* Any thread. */
QEMUBH *aio_bh_new(AioContext *ctx, QEMUBHFunc *cb, void *opaque);
/* Run @bh in the next turn (once, however often it is scheduled until then).
 * What the caller wrote before is visible to the callback.  Any thread; a
 * signal handler calls aio_notify() as well. */
void qemu_bh_schedule(QEMUBH *bh);
/* Any thread; only in the home thread it is certain that it will not run. */
void qemu_bh_cancel(QEMUBH *bh);
/* Cancel and free.  Any thread; also from its callback. */
void qemu_bh_delete(QEMUBH *bh);
/* Run @cb once.  Any thread. */
void aio_bh_schedule_oneshot(AioContext *ctx, QEMUBHFunc *cb, void *opaque);
/* The same and wait until it has run (main thread: polls meanwhile; @ctx's
 * own thread: runs it at once). */
void aio_wait_bh_oneshot(AioContext *ctx, QEMUBHFunc *cb, void *opaque);

/* --- file descriptors --- */

/*
 * Call @io_read/@io_write while @fd is readable/writable (level triggered);
 * both NULL remove it, and @fd may be closed then.  Home thread, or before
 * the context has one.
 */
void aio_set_fd_handler(AioContext *ctx, int fd, IOHandler *io_read,
                        IOHandler *io_write, void *opaque);
/* The same for a handler that must not run inside AIO_WAIT_WHILE (monitors,
 * character devices): it is called from outermost turns only. */
void aio_set_fd_handler_outer(AioContext *ctx, int fd, IOHandler *io_read,
                              IOHandler *io_write, void *opaque);

/*
 * Call @io_read(e) each time @e was set (it has been cleared by then; the
 * loop reads it with a request of its ring).  @io_poll (optional) tells
 * while the loop polls whether there is work that @e would announce;
 * @io_poll_ready(e) does it.  @io_read NULL removes @e.  Home thread, or
 * before the context has one.
 */
void aio_set_event_notifier(AioContext *ctx, EventNotifier *e,
                            EventNotifierHandler *io_read, AioPollFn *io_poll,
                            EventNotifierHandler *io_poll_ready);
/* Called when the loop begins to poll (announcing work by @e is useless now)
 * and before it may sleep.  Work that arrived before @io_poll_end must be
 * found by one more io_poll() after it.  Home thread. */
void aio_set_event_notifier_poll(AioContext *ctx, EventNotifier *e,
                                 EventNotifierHandler *io_poll_begin,
                                 EventNotifierHandler *io_poll_end);

/* --- requests of the ring --- */

/* Embedded by the owner of a request; @cb runs in the home thread with the
 * completion's res and flags.  The handler may be reused from there on (after
 * the last completion, for multishot: no IORING_CQE_F_MORE). */
typedef struct CqeHandler CqeHandler;
struct CqeHandler {
    void (*cb)(CqeHandler *h, int res, uint32_t cqe_flags);
};

/*
 * The next submission entry, for io_uring_prep_*(); user_data is set by the
 * loop.  Never NULL: a full queue is submitted first.  The entry goes to the
 * kernel at the end of the turn, or before the next aio_get_sqe() at the
 * earliest: fill it in at once.  @h NULL: nobody wants the result.  Only where
 * aio_context_has_ring().  Home thread.
 */
struct io_uring_sqe *aio_get_sqe(AioContext *ctx, CqeHandler *h);

/* Set @e by a request submitted at this turn's end (with epoll: at once); @e
 * must live until then, or until aio_submit().  Home thread. */
void aio_event_notifier_set_deferred(AioContext *ctx, EventNotifier *e);

/* Hand this turn's requests to the kernel now: before the main thread is told
 * that descriptors they name may be closed.  Home thread. */
void aio_submit(AioContext *ctx);

/* Something to do once at the end of this turn, before its requests are
 * submitted.  Embedded by its owner, zeroed and with @fn set. */
typedef struct AioDeferred AioDeferred;
struct AioDeferred {
    void (*fn)(AioDeferred *d);
    STAILQ_ENTRY(AioDeferred) next; /* home thread */
    bool queued;                    /* home thread */
};
void aio_defer(AioContext *ctx, AioDeferred *d); /* home thread */
void aio_defer_cancel(AioContext *ctx, AioDeferred *d);

/*
 * The wait of this turn, if it sleeps, need not end before @nr (> 1)
 * completions are there or @ns have passed: one wake-up in place of many.  The
 * smallest @nr of a turn counts (1: someone is in a hurry).  Kicks, wake-ups
 * and timers of the context are late by @ns at most.  Home thread.
 */
void aio_set_wait_batch(AioContext *ctx, unsigned nr, int64_t ns);

/*
 * For an owner of several requests: the next wait is for a quarter of those
 * @under_way, as long as so many completions come within 100 us.  Called by an
 * AioDeferred of the owner's in each turn in which results came or requests
 * went.  Home thread.
 */
typedef struct AioSeveral {
    uint64_t seen;  /* completions of the context up to the last call */
    unsigned asked; /* 0: any */
    unsigned pause; /* calls until it tries again */
} AioSeveral;
void aio_wait_for_several(AioContext *ctx, AioSeveral *s, unsigned under_way);

/* --- waiting --- */

/*
 * Turn the loop until !@cond.  Main thread (@ctx NULL or another's), or
 * @ctx's home thread.  Whoever makes @cond false from another thread calls
 * aio_wait_kick() afterwards.
 */
#define AIO_WAIT_WHILE(ctx, cond)                        \
    do {                                                 \
        AioContext *aio_wait_ctx_ = aio_wait_begin(ctx); \
        while ((cond)) {                                 \
            aio_wait_turn(aio_wait_ctx_);                \
        }                                                \
        aio_wait_end(aio_wait_ctx_);                     \
    } while (0)

AioContext *aio_wait_begin(AioContext *ctx);
void aio_wait_turn(AioContext *ctx);
void aio_wait_end(AioContext *ctx);
void aio_wait_kick(void); /* any thread */

/* --- figures --- */

typedef struct AioContextStats {
    uint64_t turns;    /* of the loop */
    uint64_t syscalls; /* made by the loop */
    uint64_t sqes;     /* requests submitted */
    uint64_t cqes;     /* completions handled */
    uint64_t poll_hit; /* polling found work */
    uint64_t poll_miss;
    int64_t poll_ns; /* current length of polling */
} AioContextStats;

/* Any thread; a snapshot that may be slightly stale. */
void aio_context_get_stats(const AioContext *ctx, AioContextStats *stats);

/* The name for a ring's features: "single-issuer,defer-taskrun,...". */
const char *aio_context_describe_ring(const AioContext *ctx);

struct ThreadPool;
/* The context's worker threads, made when first asked for.  Home thread. */
struct ThreadPool *aio_get_thread_pool(AioContext *ctx);

#endif
