/*
 * quorum: several copies of an image; a read counts if enough of them agree.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/block-int.h"
#include "block/opts.h"
#include "qapi/qapi-events-block-core.h"
#include "qobject/qlist.h"
#include "util/main-loop.h"
#include "util/memalign.h"

typedef struct QuorumState {
    /* open */
    BdrvChild **children;
    int nb_children;
    uint64_t threshold;
    bool is_blkverify, rewrite_corrupted;
    QuorumReadPattern read_pattern;
} QuorumState;

typedef struct Request Request;

/* The part of one child in a request. */
typedef struct Part {
    Request *req;
    BdrvChild *child;
    void *buf; /* of reads */
    QEMUIOVector local, *qiov;
    int ret;
    int votes; /* of reads: parts that have the same data */
} Part;

struct Request {
    BlockDriverState *bs;
    QuorumOpType type;
    bool zeroes;
    int64_t offset, bytes;
    BdrvRequestFlags flags;
    Part *parts;
    int nb_parts, running;
    Coroutine *waiting;
};

static const char *const quorum_strong_runtime_opts[] = {
    "vote-threshold", "blkverify", "rewrite-corrupted", "read-pattern", NULL
};

/* --- events: sent by the main thread --- */

typedef struct Note {
    bool failure;
    QuorumOpType type;
    char *name;
    int error; /* 0: the data was wrong */
    int64_t sector, sectors;
} Note;

static void send_note(void *opaque)
{
    Note *n = opaque;

    if (n->failure) {
        qapi_event_send_quorum_failure(n->name, n->sector, n->sectors);
    } else {
        qapi_event_send_quorum_report_bad(n->type,
                                          n->error ? strerror(n->error) : NULL,
                                          n->name, n->sector, n->sectors);
    }
    g_free(n->name);
    g_free(n);
}

/* @child NULL: the whole request failed. */
static void notify(const Request *req, const BdrvChild *child, int ret)
{
    Note *n = g_new0(Note, 1);
    int64_t end = req->offset + req->bytes;

    n->failure = !child;
    n->type = req->type;
    n->name = g_strdup(child ? child->bs->node_name
                             : bdrv_get_device_or_node_name(req->bs));
    n->error = -ret;
    n->sector = req->offset / BDRV_SECTOR_SIZE;
    n->sectors = DIV_ROUND_UP(end, BDRV_SECTOR_SIZE) - n->sector;
    aio_bh_schedule_oneshot(qemu_get_aio_context(), send_note, n);
}

/* --- all children at once --- */

static int coroutine_fn part_request(Part *p)
{
    Request *req = p->req;

    if (req->type == QUORUM_OP_TYPE_READ) {
        return bdrv_co_preadv(p->child, req->offset, req->bytes, p->qiov, 0);
    }
    if (req->type == QUORUM_OP_TYPE_FLUSH) {
        return bdrv_co_flush(p->child->bs);
    }
    return req->zeroes ? bdrv_co_pwrite_zeroes(p->child, req->offset,
                                               req->bytes, req->flags)
                       : bdrv_co_pwritev(p->child, req->offset, req->bytes,
                                         p->qiov, req->flags);
}

static void coroutine_fn part_entry(void *opaque)
{
    Part *p = opaque;
    Request *req = p->req;

    p->ret = part_request(p);
    if (p->ret < 0) {
        notify(req, p->child, p->ret);
    }
    if (--req->running == 0 && req->waiting) {
        aio_co_wake(req->waiting);
    }
}

/* The number of children that did it; *@ret is the error of most others. */
static int coroutine_fn run_all(Request *req, int *ret)
{
    int good = 0, best = 0;

    req->running = req->nb_parts + 1;
    for (int i = 0; i < req->nb_parts; i++) {
        qemu_coroutine_enter(qemu_coroutine_create(part_entry, &req->parts[i]));
    }
    if (--req->running) {
        req->waiting = qemu_coroutine_self();
        qemu_coroutine_yield();
    }
    *ret = 0;
    for (int i = 0; i < req->nb_parts; i++) {
        int same = 0;

        for (int j = 0; j < req->nb_parts; j++) {
            same += req->parts[j].ret == req->parts[i].ret;
        }
        if (req->parts[i].ret >= 0) {
            good++;
        } else if (same > best) {
            best = same;
            *ret = req->parts[i].ret;
        }
    }
    return good;
}

static void init_request(Request *req, BlockDriverState *bs, QuorumOpType type,
                         int64_t offset, int64_t bytes, QEMUIOVector *qiov,
                         BdrvRequestFlags flags)
{
    QuorumState *s = bs->opaque;

    *req = (Request){ .bs = bs,
                      .type = type,
                      .offset = offset,
                      .bytes = bytes,
                      .flags = flags,
                      .nb_parts = s->nb_children,
                      .parts = g_new0(Part, s->nb_children) };
    for (int i = 0; i < s->nb_children; i++) {
        req->parts[i].req = req;
        req->parts[i].child = s->children[i];
        req->parts[i].qiov = qiov;
    }
}

/* --- writing --- */

static int coroutine_fn write_all(Request *req)
{
    QuorumState *s = req->bs->opaque;
    int ret, good = run_all(req, &ret);

    if (good < s->threshold) {
        notify(req, NULL, 0);
    } else {
        ret = 0;
    }
    g_free(req->parts);
    return ret;
}

static int coroutine_fn quorum_co_pwritev(BlockDriverState *bs, int64_t offset,
                                          int64_t bytes, QEMUIOVector *qiov,
                                          BdrvRequestFlags flags)
{
    Request req;

    init_request(&req, bs, QUORUM_OP_TYPE_WRITE, offset, bytes, qiov, flags);
    return write_all(&req);
}

static int coroutine_fn quorum_co_pwrite_zeroes(BlockDriverState *bs,
                                                int64_t offset, int64_t bytes,
                                                BdrvRequestFlags flags)
{
    Request req;

    init_request(&req, bs, QUORUM_OP_TYPE_WRITE, offset, bytes, NULL, flags);
    req.zeroes = true;
    return write_all(&req);
}

static int coroutine_fn quorum_co_flush(BlockDriverState *bs)
{
    Request req;

    init_request(&req, bs, QUORUM_OP_TYPE_FLUSH, 0, 0, NULL, 0);
    return write_all(&req);
}

/* --- reading --- */

static bool same_data(const Request *req, const Part *a, const Part *b)
{
    return a->ret >= 0 && b->ret >= 0 && !memcmp(a->buf, b->buf, req->bytes);
}

static Part *count_votes(Request *req)
{
    Part *best = NULL;

    for (int i = 0; i < req->nb_parts; i++) {
        Part *p = &req->parts[i];

        p->votes = 0;
        for (int j = 0; j < req->nb_parts; j++) {
            p->votes += same_data(req, p, &req->parts[j]);
        }
        if (p->votes && (!best || p->votes > best->votes)) {
            best = p;
        }
    }
    return best;
}

static void verify(const Request *req, const Part *a, const Part *b)
{
    const uint8_t *x = a->buf, *y = b->buf;
    int64_t i = 0;

    while (i < req->bytes && x[i] == y[i]) {
        i++;
    }
    if (i < req->bytes) {
        fprintf(stderr,
                "quorum: offset=%" PRId64 " bytes=%" PRId64
                " contents mismatch at offset %" PRId64 "\n",
                req->offset, req->bytes, req->offset + i);
        exit(1);
    }
}

static void coroutine_fn rewrite(Request *req, const Part *winner, Part *loser)
{
    QEMUIOVector qiov = QEMU_IOVEC_INIT_BUF(qiov, winner->buf, req->bytes);

    bdrv_co_pwritev(loser->child, req->offset, req->bytes, &qiov, 0);
}

/* Of what the children have: the data that wins, into @qiov. */
static int coroutine_fn vote(Request *req, QEMUIOVector *qiov)
{
    QuorumState *s = req->bs->opaque;
    Part *best;

    if (s->is_blkverify) {
        verify(req, &req->parts[0], &req->parts[1]);
    }
    best = count_votes(req);
    for (int i = 0; best && i < req->nb_parts; i++) {
        Part *p = &req->parts[i];

        if (p->ret < 0 || same_data(req, best, p)) {
            continue;
        }
        notify(req, p->child, 0);
        if (s->rewrite_corrupted && best->votes >= s->threshold) {
            rewrite(req, best, p);
        }
    }
    if (!best || best->votes < s->threshold) {
        notify(req, NULL, 0);
        return -EIO;
    }
    qemu_iovec_from_buf(qiov, 0, best->buf, req->bytes);
    return 0;
}

static bool alloc_buffers(Request *req)
{
    for (int i = 0; i < req->nb_parts; i++) {
        Part *p = &req->parts[i];

        p->buf = bdrv_try_blockalign(p->child->bs, req->bytes);
        if (!p->buf) {
            return false;
        }
        qemu_iovec_init_buf(&p->local, p->buf, req->bytes);
        p->qiov = &p->local;
    }
    return true;
}

static int coroutine_fn read_quorum(BlockDriverState *bs, int64_t offset,
                                    int64_t bytes, QEMUIOVector *qiov)
{
    QuorumState *s = bs->opaque;
    Request req;
    int ret = -ENOMEM;

    init_request(&req, bs, QUORUM_OP_TYPE_READ, offset, bytes, NULL, 0);
    if (alloc_buffers(&req)) {
        if (run_all(&req, &ret) < s->threshold) {
            notify(&req, NULL, 0);
        } else {
            ret = vote(&req, qiov);
        }
    }
    for (int i = 0; i < req.nb_parts; i++) {
        qemu_vfree(req.parts[i].buf);
    }
    g_free(req.parts);
    return ret;
}

/* The first child that can be read. */
static int coroutine_fn read_fifo(BlockDriverState *bs, int64_t offset,
                                  int64_t bytes, QEMUIOVector *qiov)
{
    QuorumState *s = bs->opaque;
    Request req;
    int ret = -EIO;

    init_request(&req, bs, QUORUM_OP_TYPE_READ, offset, bytes, NULL, 0);
    for (int i = 0; i < s->nb_children && ret < 0; i++) {
        ret = bdrv_co_preadv(s->children[i], offset, bytes, qiov, 0);
        if (ret < 0) {
            notify(&req, s->children[i], ret);
        }
    }
    g_free(req.parts);
    return ret;
}

static int coroutine_fn quorum_co_preadv(BlockDriverState *bs, int64_t offset,
                                         int64_t bytes, QEMUIOVector *qiov,
                                         BdrvRequestFlags flags)
{
    QuorumState *s = bs->opaque;

    return s->read_pattern == QUORUM_READ_PATTERN_FIFO
               ? read_fifo(bs, offset, bytes, qiov)
               : read_quorum(bs, offset, bytes, qiov);
}

/* Zero where all children say so; the rest is data, nobody knows where. */
static int coroutine_fn quorum_co_block_status(BlockDriverState *bs,
                                               bool want_zero, int64_t offset,
                                               int64_t bytes, int64_t *pnum,
                                               int64_t *map,
                                               BlockDriverState **file)
{
    QuorumState *s = bs->opaque;
    int64_t zeroes = bytes, data = 0;

    for (int i = 0; i < s->nb_children; i++) {
        int64_t n;
        int ret = bdrv_co_block_status(s->children[i]->bs, offset, bytes, &n,
                                       NULL, NULL);

        if (ret < 0) {
            notify(&(Request){ .bs = bs, .offset = offset, .bytes = bytes },
                   s->children[i], ret);
            data = bytes;
        } else if (ret & BDRV_BLOCK_ZERO) {
            zeroes = MIN(zeroes, n);
        } else {
            data = MAX(data, n);
        }
    }
    *pnum = data ? data : zeroes;
    return data ? BDRV_BLOCK_DATA : BDRV_BLOCK_ZERO;
}

/* --- the size --- */

static int64_t quorum_getlength(BlockDriverState *bs)
{
    QuorumState *s = bs->opaque;
    int64_t len = bdrv_getlength(s->children[0]->bs);

    for (int i = 1; i < s->nb_children && len >= 0; i++) {
        int64_t other = bdrv_getlength(s->children[i]->bs);

        len = other < 0 || other == len ? MIN(other, len) : -EIO;
    }
    return len;
}

static int coroutine_fn quorum_co_truncate(BlockDriverState *bs, int64_t offset,
                                           bool exact, PreallocMode prealloc,
                                           BdrvRequestFlags flags, Error **errp)
{
    QuorumState *s = bs->opaque;
    int ret = 0;

    for (int i = 0; i < s->nb_children && ret >= 0; i++) {
        ret = bdrv_co_truncate(s->children[i], offset, true, prealloc, flags,
                               errp);
    }
    return ret;
}

/* --- opening --- */

static bool take_options(QuorumState *s, QDict *options, Error **errp)
{
    g_autofree char *pattern = bdrv_take_str(options, "read-pattern");

    if (!bdrv_take_number(options, "vote-threshold", &s->threshold, errp)) {
        return false;
    }
    if (s->threshold < 1 || s->threshold > INT_MAX) {
        error_setg(errp, "Parameter 'vote-threshold' expects a value >= 1");
        return false;
    }
    if (s->threshold > s->nb_children) {
        error_setg(errp, "threshold may not exceed children count");
        return false;
    }
    s->read_pattern = QUORUM_READ_PATTERN_QUORUM;
    if (pattern) {
        int value = qapi_enum_parse(&QuorumReadPattern_lookup, pattern, -1,
                                    NULL);

        if (value < 0) {
            error_setg(errp, "Please set read-pattern as fifo or quorum");
            return false;
        }
        s->read_pattern = value;
    }
    if (!bdrv_take_bool(options, "blkverify", &s->is_blkverify, errp) ||
        !bdrv_take_bool(options, "rewrite-corrupted", &s->rewrite_corrupted,
                        errp)) {
        return false;
    }
    if (s->read_pattern == QUORUM_READ_PATTERN_FIFO) {
        s->is_blkverify = s->rewrite_corrupted = false;
    }
    if (s->is_blkverify && (s->nb_children != 2 || s->threshold != 2)) {
        error_setg(errp, "blkverify=on can only be set if there are exactly "
                         "two files and vote-threshold is 2");
        return false;
    }
    if (s->is_blkverify && s->rewrite_corrupted) {
        error_setg(errp, "rewrite-corrupted=on cannot be used with "
                         "blkverify=on");
        return false;
    }
    return true;
}

static void set_flags(BlockDriverState *bs)
{
    QuorumState *s = bs->opaque;

    bs->supported_zero_flags = BDRV_REQ_FUA | BDRV_REQ_MAY_UNMAP |
                               BDRV_REQ_NO_FALLBACK;
    for (int i = 0; i < s->nb_children; i++) {
        bs->supported_zero_flags &= s->children[i]->bs->supported_zero_flags;
    }
    bs->supported_zero_flags |= BDRV_REQ_WRITE_UNCHANGED;
    bs->supported_write_flags = BDRV_REQ_WRITE_UNCHANGED;
}

static int quorum_open(BlockDriverState *bs, QDict *options, int flags,
                       Error **errp)
{
    QuorumState *s = bs->opaque;

    s->nb_children = qdict_array_entries(options, "children.");
    if (s->nb_children < 0) {
        error_setg(errp, "Option children is not a valid array");
        return -EINVAL;
    }
    if (s->nb_children < 1) {
        error_setg(errp, "Number of provided children must be 1 or more");
        return -EINVAL;
    }
    if (!take_options(s, options, errp)) {
        return -EINVAL;
    }
    s->children = g_new0(BdrvChild *, s->nb_children);
    for (int i = 0; i < s->nb_children; i++) {
        g_autofree char *name = g_strdup_printf("children.%d", i);

        s->children[i] = bdrv_open_child(NULL, options, name, bs, &child_of_bds,
                                         BDRV_CHILD_DATA, false, errp);
        if (!s->children[i]) {
            g_free(s->children);
            return -EINVAL;
        }
    }
    set_flags(bs);
    return 0;
}

static void quorum_close(BlockDriverState *bs)
{
    QuorumState *s = bs->opaque;

    g_free(s->children);
}

static void quorum_child_perm(BlockDriverState *bs, BdrvChild *c,
                              BdrvChildRole role, uint64_t perm,
                              uint64_t shared, uint64_t *nperm,
                              uint64_t *nshared)
{
    QuorumState *s = bs->opaque;

    *nperm = perm | (s->rewrite_corrupted ? BLK_PERM_WRITE : 0);
    /* Who writes to one makes it differ from the others */
    *nshared = (shared &
                (BLK_PERM_CONSISTENT_READ | BLK_PERM_WRITE_UNCHANGED)) |
               BLK_PERM_WRITE_UNCHANGED;
}

static void quorum_refresh_filename(BlockDriverState *bs)
{
    QuorumState *s = bs->opaque;
    QList *list = qlist_new();

    for (int i = 0; i < s->nb_children; i++) {
        qlist_append(list, qobject_ref(s->children[i]->bs->full_open_options));
        qdict_del(bs->full_open_options, s->children[i]->name);
    }
    qdict_put(bs->full_open_options, "children", list);
}

const BlockDriver bdrv_quorum = {
    .format_name = "quorum",
    .instance_size = sizeof(QuorumState),
    .is_filter = true,
    .flushes_children = true,
    .strong_runtime_opts = quorum_strong_runtime_opts,
    .bdrv_open = quorum_open,
    .bdrv_close = quorum_close,
    .bdrv_refresh_filename = quorum_refresh_filename,
    .bdrv_child_perm = quorum_child_perm,
    .bdrv_getlength = quorum_getlength,
    .bdrv_co_preadv = quorum_co_preadv,
    .bdrv_co_pwritev = quorum_co_pwritev,
    .bdrv_co_pwrite_zeroes = quorum_co_pwrite_zeroes,
    .bdrv_co_flush_to_os = quorum_co_flush,
    .bdrv_co_block_status = quorum_co_block_status,
    .bdrv_co_truncate = quorum_co_truncate,
};
