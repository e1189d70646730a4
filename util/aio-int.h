/*
 * What the files of the event loop share; nobody else includes this.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef UTIL_AIO_INT_H
#define UTIL_AIO_INT_H

#include <liburing.h>

#include "util/aio.h"
#include "util/atomic.h"
#include "util/coroutine-int.h"

#define AIO_SQ_ENTRIES    256
#define AIO_CQ_ENTRIES    4096
#define AIO_DEFAULT_BATCH 64

/* --- the ring: aio-ring.c --- */

/* Home thread, unless they say otherwise. */
typedef struct AioRing {
    struct io_uring uring; /* the mappings; liburing's cursors are not used */
    int enter_fd;          /* what io_uring_enter() takes: fd or index */
    unsigned enter_flags;  /* IORING_ENTER_REGISTERED_RING, or 0 */
    unsigned sq_tail;      /* entries handed out by aio_get_sqe() */
    unsigned sq_mask;
    unsigned sq_entries;
    unsigned cq_mask;
    unsigned setup_flags; /* fixed at creation */
    bool cqe_skip;        /* fixed: IOSQE_CQE_SKIP_SUCCESS works */
    bool enabled;
    /* Completions fetched to make room, not handled yet; oldest first. */
    struct io_uring_cqe *stash;
    unsigned stash_head;
    unsigned stash_nr;
    unsigned stash_size;
} AioRing;

bool aio_ring_init(AioContext *ctx, Error **errp);
void aio_ring_enable(AioContext *ctx); /* by the new home thread */
void aio_ring_leave(AioContext *ctx);  /* by the home thread that leaves */
void aio_ring_cleanup(AioContext *ctx);
/* Entries not given to the kernel yet. */
unsigned aio_ring_pending(AioContext *ctx);
/* Would aio_ring_reap() find something, after an enter at most? */
bool aio_ring_has_events(AioContext *ctx);
/*
 * Submit what is pending and let completions come in.  With @wait until one
 * has; @timeout_ns: at most so long (-1: for ever).  Makes no system call if
 * there is nothing to submit, nothing to fetch and no wait.
 */
void aio_ring_enter(AioContext *ctx, unsigned wait_nr, int64_t timeout_ns);
/* Run the handlers of what has completed; were there any? */
bool aio_ring_reap(AioContext *ctx);
/* Take @h's request back, wherever it is; its result (-ECANCELED mostly).
 * @h is free afterwards.  false: it could not be found and will complete. */
bool aio_ring_cancel_sync(AioContext *ctx, CqeHandler *h, int *res);

/* --- where the kernel has none: aio-epoll.c --- */

typedef struct AioHandler AioHandler;

typedef struct AioEpoll {
    int fd;                          /* fixed */
    STAILQ_HEAD(, AioHandler) ready; /* home: have ep_revents */
    LIST_HEAD(, AioHandler) always;  /* home: epoll cannot watch them */
} AioEpoll;

bool aio_epoll_init(AioContext *ctx, Error **errp);
void aio_epoll_cleanup(AioContext *ctx);
/* Call @h's completion with the events each time one of @mask (POLL*) is
 * there, until it is unwatched. */
void aio_epoll_watch(AioHandler *h, unsigned mask);
void aio_epoll_unwatch(AioHandler *h);
/* Fetch events; wait for one for @timeout_ns at most (-1: for ever). */
void aio_epoll_wait(AioContext *ctx, int64_t timeout_ns);
bool aio_epoll_has_events(AioContext *ctx);
bool aio_epoll_reap(AioContext *ctx);

/* --- handlers of descriptors and notifiers: aio-handler.c --- */

struct AioHandler {
    CqeHandler cqe;
    AioContext *ctx;
    int fd;
    bool is_notifier;
    bool outer_only;    /* not inside AIO_WAIT_WHILE */
    bool armed;         /* a request is in the ring */
    bool deleted;       /* freed by its last completion */
    bool reads_block;   /* notifier: wait with a poll before the read */
    bool waits_by_poll; /* the request in the ring is that poll */
    /* descriptor */
    IOHandler *io_read;
    IOHandler *io_write;
    void *opaque;
    uint32_t revents; /* outer_only: seen in AIO_WAIT_WHILE */
    /* notifier */
    EventNotifier *e;
    EventNotifierHandler *notifier_read;
    AioPollFn *io_poll;
    EventNotifierHandler *io_poll_ready;
    EventNotifierHandler *io_poll_begin;
    EventNotifierHandler *io_poll_end;
    uint64_t value; /* what the request reads */
    bool polling;   /* io_poll_begin was called */
    bool active;    /* in ctx->pollers */
    bool is_ready;  /* in ctx->poll_ready */
    int64_t last_event_ns;
    LIST_ENTRY(AioHandler) poll_next;
    STAILQ_ENTRY(AioHandler) ready_next;
    STAILQ_ENTRY(AioHandler) outer_next;
    /* aio-epoll.c */
    unsigned ep_mask;    /* watched for */
    unsigned ep_revents; /* not 0: in ready */
    bool ep_watched;     /* in the epoll set */
    bool ep_always;      /* in always */
    STAILQ_ENTRY(AioHandler) ep_ready_next;
    LIST_ENTRY(AioHandler) ep_always_next;
};

void aio_handlers_init(AioContext *ctx);
void aio_handlers_cleanup(AioContext *ctx);
/* One look at all active pollers; is something ready? */
bool aio_handlers_poll(AioContext *ctx);
bool aio_handlers_run_ready(AioContext *ctx);
/* Descriptors that were held back by AIO_WAIT_WHILE. */
bool aio_handlers_run_outer(AioContext *ctx);
void aio_handlers_poll_begin(AioContext *ctx);
/* End polling mode; true: work arrived in the meantime. */
bool aio_handlers_poll_end(AioContext *ctx, int64_t now);

/* --- bottom halves and woken coroutines: aio-bh.c --- */

void aio_bh_init(AioContext *ctx);
void aio_bh_cleanup(AioContext *ctx);
bool aio_bh_run(AioContext *ctx);
bool aio_bh_has_work(AioContext *ctx);

struct QEMUBH {
    AioContext *ctx; /* fixed */
    QEMUBHFunc *cb;  /* fixed */
    void *opaque;    /* fixed */
    unsigned flags;  /* atomic: BH_* in aio-bh.c */
    QEMUBH *next;    /* of whoever set BH_PENDING, then home's */
};

struct AioContext {
    /* --- any thread: written by other threads, on lines of their own --- */
    bool notified __attribute__((aligned(64))); /* atomic: aio.c, inv. 3 */
    bool sleeping;                              /* atomic: aio.c, inv. 3 */
    QEMUBH *bh_stack;                           /* atomic: newest first */
    Coroutine *co_stack;                        /* atomic: newest first */

    /* --- any thread, rarely --- */
    int64_t poll_max_ns __attribute__((aligned(64))); /* atomic */
    int64_t poll_grow;                                /* atomic */
    int64_t poll_shrink;                              /* atomic */
    unsigned max_batch;                               /* atomic */
    int64_t pool_min;                                 /* atomic */
    int64_t pool_max;                                 /* atomic */
    unsigned refcnt;                                  /* atomic */
    void *home;             /* atomic: token of the home thread */
    EventNotifier notifier; /* fixed */
    bool has_ring;          /* fixed: ring is used, else epoll */
    QEMUTimerListGroup timers;

    /* --- home thread --- */
    union { /* has_ring */
        AioRing ring __attribute__((aligned(64)));
        AioEpoll epoll;
    };
    QEMUBH *bh_first; /* to run, oldest first */
    QEMUBH **bh_last;
    Coroutine *co_first; /* to enter, oldest first */
    Coroutine *co_last;
    STAILQ_HEAD(, AioDeferred) deferred;
    LIST_HEAD(, AioHandler) pollers; /* those worth polling */
    STAILQ_HEAD(, AioHandler) poll_ready;
    STAILQ_HEAD(, AioHandler) outer_ready;
    GHashTable *handlers;             /* fd -> AioHandler */
    AioHandler *waker;                /* on notifier */
    bool polling;                     /* in polling mode */
    bool left;                        /* home has gone for good */
    unsigned wait_depth;              /* of AIO_WAIT_WHILE */
    LIST_ENTRY(AioContext) wait_next; /* aio-wait.c, under its lock */
    unsigned batch_nr;                /* of aio_set_wait_batch(); 0: none */
    int64_t batch_ns;
    int64_t poll_ns; /* current length of polling */
    void (*before_wait)(void *);
    void (*after_wait)(void *);
    void *wait_opaque;
    struct ThreadPool *pool;    /* NULL until asked for */
    struct LinuxAio *linux_aio; /* the same */
    AioContextStats stats;      /* written by home, relaxed */
};

/* --- either of the two --- */

/* Would aio_loop_reap() find something, after an enter at most? */
static inline bool aio_loop_has_events(AioContext *ctx)
{
    return likely(ctx->has_ring) ? aio_ring_has_events(ctx)
                                 : aio_epoll_has_events(ctx);
}

/* Submit, fetch, and with @wait_nr wait: see aio_ring_enter(). */
static inline void aio_loop_enter(AioContext *ctx, unsigned wait_nr,
                                  int64_t timeout_ns)
{
    if (likely(ctx->has_ring)) {
        aio_ring_enter(ctx, wait_nr, timeout_ns);
    } else {
        aio_epoll_wait(ctx, wait_nr ? timeout_ns : 0);
    }
}

static inline bool aio_loop_reap(AioContext *ctx)
{
    return likely(ctx->has_ring) ? aio_ring_reap(ctx) : aio_epoll_reap(ctx);
}

/* Count in a figure that other threads may look at. */
#define aio_stat_add(p, n) qatomic_set(p, qatomic_read(p) + (n))

#endif
