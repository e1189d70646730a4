/*
 * The order in which a qcow2 image's metadata reaches the file.
 *
 * Requests change tables in memory and return; a flush (the guest's, or our
 * own when much has gathered) brings the tables to the file in steps. Data is
 * written by the requests themselves before the L2 entry changes in memory.
 *
 * Invariants, for the file after a power cut that loses any subset of the
 * writes since the last flush of the file:
 *
 *  1. A table that is reachable is complete: a new refcount block is stable
 *     before the refcount table names it, a new L2 table before L1 does.
 *  2. A cluster that a reachable entry points to has a refcount of at least 1:
 *     refcounts that rise are stable before the L2 entries that need them.
 *  3. A cluster that a reachable L2 entry points to holds its data, copied
 *     parts included: the flush that makes (2) true comes after the data, and
 *     flushes an external data file, too.
 *  4. A cluster whose refcount fell is reachable from nowhere: it falls, in
 *     memory even, only after the L2 entries without it are stable. At worst
 *     a cluster is leaked.
 *  5. A cluster is given to a new owner only when no write in place to the old
 *     one is on its way, and no reader of a compressed cluster or of one that
 *     is not marked as ours alone, which move when they are written (epochs).
 *
 *    requests --> dirty tables, s->frees
 *         | snapshot()                 copies of all that is dirty
 *         v
 *    [new refcount blocks] -> file flush -> [refcount table]        (1)
 *    [refcount blocks, new L2 tables] -> file flush                 (1, 2, 3)
 *    [L2 tables, L1]
 *         | only if something was freed:
 *         v
 *    file flush -> end_epoch() -> release(): refcounts fall, discard (4, 5)
 *
 * With lazy refcounts the first two lines wait until the image is closed, or
 * until there is much of it. Then (2) and (4) hold in memory only; before
 * anything is written that needs a refcount which is not in the file, the
 * header says so ("dirty", stable): who opens the image next counts anew.
 *
 * What a step cannot write is dirty again afterwards and the flush fails.
 * One flush runs at a time; those that come meanwhile share the next one.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/debug.h"
#include "block/qcow2/qcow2.h"
#include "block/sync.h"
#include "util/atomic.h"

/* Bytes on their way to the file. */
typedef struct Piece {
    Qcow2Table *table; /* NULL: L1 or refcount table */
    uint64_t offset;
    size_t pos, len; /* in the table, bytes */
    bool was_new;
    uint8_t *data;
} Piece;

typedef struct Batch {
    bool postponed; /* there are refcounts that are not part of it */
    GArray *new_refblocks, *reftable, *refblocks, *new_l2, *l2, *l1;
    Qcow2FreeList frees;
} Batch;

/* --- taking a copy (under s->lock) --- */

static void add_piece(GArray *to, Qcow2Table *t, uint64_t offset, size_t pos,
                      size_t len, const void *data)
{
    Piece p = { .table = t,
                .offset = offset,
                .pos = pos,
                .len = len,
                .was_new = t && t->is_new,
                .data = g_memdup2(data, len) };

    g_array_append_val(to, p);
    if (t) {
        t->writing++;
    }
}

static bool test_bit(const uint64_t *map, size_t i)
{
    return map[i / 64] >> (i % 64) & 1;
}

static void snapshot_table(Qcow2Cache *c, Qcow2Table *t, GArray *to)
{
    size_t unit = MIN(c->table_size, QCOW2_DIRTY_UNIT);
    size_t n = c->table_size / unit, i = 0, begin;

    while (i < n) {
        if (!test_bit(t->dirty_map, i)) {
            i++;
            continue;
        }
        for (begin = i; i < n && test_bit(t->dirty_map, i); i++) {
        }
        add_piece(to, t, t->offset + begin * unit, begin * unit,
                  (i - begin) * unit, (uint8_t *)t->data + begin * unit);
    }
    memset(t->dirty_map, 0, sizeof(t->dirty_map));
}

static void snapshot_cache(Qcow2Cache *c, GArray *fresh, GArray *old)
{
    Qcow2Table *t;

    while ((t = TAILQ_FIRST(&c->dirty))) {
        TAILQ_REMOVE(&c->dirty, t, dirty_next);
        snapshot_table(c, t, t->is_new ? fresh : old);
        t->dirty = false;
        t->is_new = false;
    }
    c->nb_dirty = 0;
}

/* Dirty entries of L1 or the refcount table, by 64. */
static void snapshot_array(uint64_t *dirty, const uint64_t *table,
                           uint64_t size, uint64_t offset, GArray *to)
{
    uint64_t buf[64];

    for (uint64_t i = 0; i < DIV_ROUND_UP(size, 64); i++) {
        uint64_t n = MIN(size - i * 64, 64);

        if (!dirty[i]) {
            continue;
        }
        for (uint64_t j = 0; j < n; j++) {
            buf[j] = GUINT64_TO_BE(table[i * 64 + j]);
        }
        add_piece(to, NULL, offset + i * 512, i * 512, n * 8, buf);
        dirty[i] = 0;
    }
}

static void snapshot(Qcow2State *s, Batch *b)
{
    const Qcow2Cache *refs = &s->refblock_cache;
    bool postpone = s->lazy && refs->nb_dirty <= refs->max_tables / 2;

    b->postponed = postpone && (refs->nb_dirty || s->reftable_any_dirty);
    if (!postpone) {
        snapshot_cache(&s->refblock_cache, b->new_refblocks, b->refblocks);
    }
    snapshot_cache(&s->l2_cache, b->new_l2, b->l2);
    if (s->reftable_any_dirty && !postpone) {
        snapshot_array(s->reftable_dirty, s->reftable, s->reftable_size,
                       s->reftable_offset, b->reftable);
        s->reftable_any_dirty = false;
    }
    if (s->l1_any_dirty) {
        snapshot_array(s->l1_dirty, s->l1, s->l1_size, s->l1_offset, b->l1);
        s->l1_any_dirty = false;
    }
    STAILQ_CONCAT(&b->frees, &s->frees);
    s->last_free = NULL;
    s->nb_frees = 0;
}

static GArray *piece_array(void)
{
    return g_array_new(FALSE, FALSE, sizeof(Piece));
}

static void batch_init(Batch *b)
{
    b->new_refblocks = piece_array();
    b->reftable = piece_array();
    b->refblocks = piece_array();
    b->new_l2 = piece_array();
    b->l2 = piece_array();
    b->l1 = piece_array();
    STAILQ_INIT(&b->frees);
}

/* --- the end of a copy (under s->lock) --- */

static void redirty(Qcow2State *s, const Batch *b, const GArray *a,
                    const Piece *p)
{
    uint64_t *dirty = a == b->l1 ? s->l1_dirty : s->reftable_dirty;

    if (p->table) {
        Qcow2Cache *c = a == b->refblocks || a == b->new_refblocks
                            ? &s->refblock_cache
                            : &s->l2_cache;

        p->table->is_new |= p->was_new;
        if (p->was_new) {
            qcow2_cache_mark(c, p->table, 0, c->table_size);
        } else {
            qcow2_cache_mark(c, p->table, p->pos, p->len);
        }
        return;
    }
    dirty[p->pos / 512] = UINT64_MAX;
    if (a == b->l1) {
        s->l1_any_dirty = true;
    } else {
        s->reftable_any_dirty = true;
    }
}

static void end_pieces(Qcow2State *s, const Batch *b, GArray *a, bool ok)
{
    for (guint i = 0; i < a->len; i++) {
        Piece *p = &g_array_index(a, Piece, i);

        if (p->table) {
            p->table->writing--;
        }
        if (!ok) {
            redirty(s, b, a, p);
        }
        g_free(p->data);
    }
    g_array_unref(a);
}

static void batch_end(Qcow2State *s, Batch *b, bool ok)
{
    Qcow2Free *f;

    end_pieces(s, b, b->new_refblocks, ok);
    end_pieces(s, b, b->reftable, ok);
    end_pieces(s, b, b->refblocks, ok);
    end_pieces(s, b, b->new_l2, ok);
    end_pieces(s, b, b->l2, ok);
    end_pieces(s, b, b->l1, ok);
    while ((f = STAILQ_FIRST(&b->frees))) {
        STAILQ_REMOVE_HEAD(&b->frees, next);
        STAILQ_INSERT_TAIL(&s->frees, f, next);
        s->nb_frees += f->nb_clusters;
    }
}

/* --- writing --- */

#define WRITE_WIDTH 16

typedef struct Writers {
    BlockDriverState *bs;
    GArray *pieces;
    guint next;
    int running, ret;
    Coroutine *waiting;
} Writers;

static void coroutine_fn write_some(Writers *w)
{
    while (w->next < w->pieces->len && w->ret >= 0) {
        Piece *p = &g_array_index(w->pieces, Piece, w->next++);
        int ret = bdrv_co_pwrite(w->bs->file, p->offset, p->len, p->data, 0);

        if (ret < 0) {
            w->ret = ret;
        }
    }
}

static void coroutine_fn write_entry(void *opaque)
{
    Writers *w = opaque;

    write_some(w);
    if (--w->running == 0 && w->waiting) {
        aio_co_wake(w->waiting);
    }
}

/* All of them, several at a time; all helpers are in our own context. */
static int coroutine_fn write_pieces(BlockDriverState *bs, GArray *pieces)
{
    Writers w = { .bs = bs, .pieces = pieces };

    w.running = pieces->len > 1 ? MIN(pieces->len, WRITE_WIDTH) - 1 : 0;
    for (int n = w.running; n > 0; n--) {
        qemu_coroutine_enter(qemu_coroutine_create(write_entry, &w));
    }
    write_some(&w);
    if (w.running) {
        w.waiting = qemu_coroutine_self();
        while (w.running) {
            qemu_coroutine_yield();
        }
    }
    return w.ret;
}

/* The data that the tables will point to is there, too. */
static int coroutine_fn flush_data(BlockDriverState *bs)
{
    const Qcow2State *s = bs->opaque;
    int ret = s->has_data_file ? bdrv_co_flush(s->data_file->bs) : 0;

    return ret < 0 ? ret : bdrv_co_flush(bs->file->bs);
}

static int coroutine_fn write_batch(BlockDriverState *bs, Batch *b)
{
    int ret = 0;

    if (b->new_refblocks->len) {
        BLKDBG_CO_EVENT(bs->file, REFBLOCK_ALLOC_WRITE);
        ret = write_pieces(bs, b->new_refblocks);
        if (ret >= 0) {
            ret = bdrv_co_flush(bs->file->bs);
        }
    }
    if (ret >= 0 && b->reftable->len) {
        BLKDBG_CO_EVENT(bs->file, REFBLOCK_ALLOC_HOOKUP);
        BLKDBG_CO_EVENT(bs->file, REFTABLE_UPDATE);
        ret = write_pieces(bs, b->reftable);
    }
    if (ret >= 0 && b->refblocks->len) {
        BLKDBG_CO_EVENT(bs->file, REFBLOCK_UPDATE);
        BLKDBG_CO_EVENT(bs->file, REFBLOCK_UPDATE_PART);
        ret = write_pieces(bs, b->refblocks);
    }
    if (ret >= 0 && b->new_l2->len) {
        BLKDBG_CO_EVENT(bs->file, L2_ALLOC_WRITE);
        ret = write_pieces(bs, b->new_l2);
    }
    if (ret >= 0 && (b->l2->len || b->l1->len)) {
        ret = flush_data(bs);
    }
    if (ret >= 0 && b->l2->len) {
        BLKDBG_CO_EVENT(bs->file, L2_UPDATE);
        ret = write_pieces(bs, b->l2);
    }
    if (ret >= 0 && b->l1->len) {
        BLKDBG_CO_EVENT(bs->file, L1_UPDATE);
        ret = write_pieces(bs, b->l1);
    }
    if (ret >= 0 && !STAILQ_EMPTY(&b->frees)) {
        ret = bdrv_co_flush(bs->file->bs);
    }
    return ret;
}

/* --- epochs --- */

unsigned qcow2_writer_begin(Qcow2State *s)
{
    for (;;) {
        unsigned e = qatomic_mb_read(&s->epoch);

        qatomic_inc(&s->writers[e].n);
        /* Counted before we look again: pairs with end_epoch(), which changes
         * the epoch before it looks at the counter */
        if (likely(qatomic_mb_read(&s->epoch) == e)) {
            return e;
        }
        qcow2_writer_end(s, e);
    }
}

void qcow2_writer_end(Qcow2State *s, unsigned epoch)
{
    if (qatomic_fetch_dec(&s->writers[epoch].n) == 1 &&
        unlikely(qatomic_mb_read(&s->epoch) != epoch)) {
        CoQueue woken;

        /* Outside of coroutines they run at once, and want the lock */
        qemu_co_queue_init(&woken);
        qemu_mutex_lock(&s->lock);
        STAILQ_CONCAT(&woken.entries, &s->epoch_queue.entries);
        qemu_mutex_unlock(&s->lock);
        qemu_co_queue_restart_all(&woken);
    }
}

/* All that began before are over on return. Under s->lock. */
static void coroutine_fn end_epoch(Qcow2State *s)
{
    unsigned e = qatomic_read(&s->epoch);

    qatomic_mb_set(&s->epoch, e ^ 1);
    while (qatomic_mb_read(&s->writers[e].n)) {
        qemu_co_queue_wait(&s->epoch_queue, &s->lock);
    }
}

/* --- freeing --- */

void qcow2_free_later(Qcow2State *s, uint64_t offset, uint64_t nb_clusters,
                      bool discard)
{
    Qcow2Free *f = s->last_free;

    s->nb_frees += nb_clusters;
    if (f && f->discard == discard &&
        f->offset + (f->nb_clusters << s->cluster_bits) == offset) {
        f->nb_clusters += nb_clusters;
        return;
    }
    f = g_new(Qcow2Free, 1);
    *f = (Qcow2Free){ .offset = offset,
                      .nb_clusters = nb_clusters,
                      .discard = discard };
    STAILQ_INSERT_TAIL(&s->frees, f, next);
    s->last_free = f;
}

void qcow2_free_entry(Qcow2State *s, uint64_t entry, bool discard)
{
    uint64_t offset, bytes, first, last;

    switch (qcow2_entry_type(s, entry)) {
    case QCOW2_CLUSTER_NORMAL:
    case QCOW2_CLUSTER_ZERO_ALLOC:
        if (s->has_data_file) {
            break; /* no refcounts there */
        }
        qcow2_free_later(s, entry & QCOW2_L2_OFFSET_MASK, 1, discard);
        break;
    case QCOW2_CLUSTER_COMPRESSED:
        qcow2_compressed_range(s, entry, &offset, &bytes);
        first = offset >> s->cluster_bits;
        last = (offset + bytes - 1) >> s->cluster_bits;
        qcow2_free_later(s, first << s->cluster_bits, last - first + 1, false);
        break;
    default:
        break;
    }
}

/* Let the refcounts of what nothing points to any more fall. */
static void coroutine_fn release(BlockDriverState *bs, Batch *b)
{
    Qcow2State *s = bs->opaque;
    Qcow2Free *f;

    qemu_mutex_lock(&s->lock);
    end_epoch(s);
    while ((f = STAILQ_FIRST(&b->frees))) {
        STAILQ_REMOVE_HEAD(&b->frees, next);
        for (uint64_t i = 0; i < f->nb_clusters; i++) {
            uint64_t cluster = (f->offset >> s->cluster_bits) + i, n = 0;

            /* The space goes while the cluster is still ours */
            if (f->discard && qcow2_co_refcount_get(bs, cluster, &n) >= 0 &&
                n == 1) {
                qemu_mutex_unlock(&s->lock);
                bdrv_co_pdiscard(bs->file, cluster << s->cluster_bits,
                                 s->cluster_size);
                qemu_mutex_lock(&s->lock);
            }
            qcow2_co_refcount_add(bs, cluster << s->cluster_bits, 1, -1);
        }
        g_free(f);
    }
    qemu_mutex_unlock(&s->lock);
}

/* --- flush --- */

static int coroutine_fn flush_once(BlockDriverState *bs, bool *released)
{
    Qcow2State *s = bs->opaque;
    Batch b;
    int ret = 0;

    batch_init(&b);
    qemu_mutex_lock(&s->lock);
    snapshot(s, &b);
    qemu_mutex_unlock(&s->lock);
    if (b.postponed && !s->dirty_marked) {
        ret = qcow2_co_write_incompat(bs, s->h.incompat | QCOW2_INCOMPAT_DIRTY);
        s->dirty_marked = ret >= 0;
    }
    if (ret >= 0) {
        ret = write_batch(bs, &b);
    }
    *released = ret >= 0 && !STAILQ_EMPTY(&b.frees);
    if (*released) {
        release(bs, &b);
    }
    qemu_mutex_lock(&s->lock);
    batch_end(s, &b, ret >= 0);
    qemu_mutex_unlock(&s->lock);
    return ret;
}

int coroutine_fn qcow2_co_exclusive_begin(BlockDriverState *bs)
{
    Qcow2State *s = bs->opaque;
    bool released;

    qemu_mutex_lock(&s->lock);
    while (s->flushing) {
        qemu_co_queue_wait(&s->flush_queue, &s->lock);
    }
    s->flushing = true;
    s->flush_started++;
    qemu_mutex_unlock(&s->lock);
    return flush_once(bs, &released);
}

void coroutine_fn qcow2_co_exclusive_end(BlockDriverState *bs, int ret)
{
    Qcow2State *s = bs->opaque;

    qemu_mutex_lock(&s->lock);
    s->flushing = false;
    s->flush_done = s->flush_started;
    s->flush_result = ret;
    qemu_co_queue_restart_all(&s->flush_queue);
    qemu_mutex_unlock(&s->lock);
}

int coroutine_fn qcow2_co_flush_metadata(BlockDriverState *bs)
{
    Qcow2State *s = bs->opaque;
    uint64_t mine;
    bool released;
    int ret;

    qemu_mutex_lock(&s->lock);
    /* One that starts from now on sees all that was changed before */
    mine = s->flush_started + 1;
    while (s->flushing && s->flush_done < mine) {
        qemu_co_queue_wait(&s->flush_queue, &s->lock);
    }
    if (s->flush_done >= mine) {
        ret = s->flush_result;
        qemu_mutex_unlock(&s->lock);
        return ret;
    }
    s->flushing = true;
    s->flush_started++;
    qemu_mutex_unlock(&s->lock);

    ret = flush_once(bs, &released);
    if (released) {
        /* The lower refcounts; until then they are leaks */
        ret = flush_once(bs, &released);
    }

    qemu_mutex_lock(&s->lock);
    s->flushing = false;
    s->flush_done = s->flush_started;
    s->flush_result = ret;
    qemu_co_queue_restart_all(&s->flush_queue);
    qemu_mutex_unlock(&s->lock);
    return ret;
}

/* --- the end of lazy refcounts --- */

static int coroutine_fn co_lazy_finish(BdrvSyncCall *c)
{
    BlockDriverState *bs = c->target;
    Qcow2State *s = bs->opaque;
    int ret;

    qemu_mutex_lock(&s->lock);
    s->lazy = false;
    qemu_mutex_unlock(&s->lock);
    ret = qcow2_co_flush_metadata(bs);
    if (ret >= 0) {
        ret = bdrv_co_flush(bs->file->bs);
    }
    if (ret >= 0 && s->dirty_marked) {
        ret = qcow2_co_write_incompat(bs,
                                      s->h.incompat & ~QCOW2_INCOMPAT_DIRTY);
        s->dirty_marked = ret < 0;
    }
    return ret;
}

int qcow2_lazy_finish(BlockDriverState *bs)
{
    BdrvSyncCall c = { .co_fn = co_lazy_finish, .target = bs };

    return bdrv_run_sync(&c);
}

/* --- write-back of our own accord --- */

#define MAX_FREES 4096 /* clusters */

static void coroutine_fn writeback_entry(void *opaque)
{
    BlockDriverState *bs = opaque;
    Qcow2State *s = bs->opaque;

    qcow2_co_flush_metadata(bs); /* an error is for the next flush to tell */
    qemu_mutex_lock(&s->lock);
    s->writeback_scheduled = false;
    qemu_mutex_unlock(&s->lock);
    bdrv_dec_in_flight(bs);
}

void coroutine_fn qcow2_co_maybe_writeback(BlockDriverState *bs)
{
    Qcow2State *s = bs->opaque;
    bool start = false;

    qemu_mutex_lock(&s->lock);
    if (s->l2_cache.nb_dirty > s->l2_cache.max_tables / 2 ||
        s->refblock_cache.nb_dirty > s->refblock_cache.max_tables / 2 ||
        s->nb_frees > MAX_FREES) {
        start = !s->writeback_scheduled;
        s->writeback_scheduled = true;
    }
    qemu_mutex_unlock(&s->lock);
    if (start) {
        bdrv_inc_in_flight(bs);
        qemu_coroutine_enter(qemu_coroutine_create(writeback_entry, bs));
    }
}

/* --- before the first write --- */

static int coroutine_fn clear_autoclear(BlockDriverState *bs)
{
    Qcow2State *s = bs->opaque;
    uint64_t kept = s->h.autoclear & s->autoclear_kept;
    uint8_t buf[8];
    int ret;

    if (kept != s->h.autoclear) {
        qcow2_stq(buf, kept);
        ret = bdrv_co_pwrite(bs->file, QCOW2_H_AUTOCLEAR, 8, buf, 0);
        if (ret >= 0) {
            ret = bdrv_co_flush(bs->file->bs);
        }
        if (ret < 0) {
            return ret;
        }
        s->h.autoclear = kept;
    }
    if (!s->h.lost_bitmaps) {
        return 0;
    }
    /* Drop the extension; its clusters are leaked */
    ret = qcow2_co_update_header(bs);
    s->h.lost_bitmaps = ret < 0;
    return ret;
}

int coroutine_fn qcow2_co_prepare_write(BlockDriverState *bs)
{
    Qcow2State *s = bs->opaque;
    int ret = 0;

    if (unlikely(qatomic_read(&s->corrupt))) {
        return -EIO;
    }
    if (likely(qatomic_load_acquire(&s->write_ready))) {
        return 0;
    }
    qemu_mutex_lock(&s->lock);
    while (s->preparing) {
        qemu_co_queue_wait(&s->prepare_queue, &s->lock);
    }
    if (!s->write_ready) {
        s->preparing = true;
        qemu_mutex_unlock(&s->lock);
        /* What we do not know is not kept up to date, and stored bitmaps are
         * not before the node is closed: the file says so before anything
         * changes */
        ret = qcow2_co_bitmaps_mark(bs);
        if (ret >= 0) {
            ret = clear_autoclear(bs);
        }
        qemu_mutex_lock(&s->lock);
        s->preparing = false;
        if (ret >= 0) {
            qatomic_store_release(&s->write_ready, true);
        }
        qemu_co_queue_restart_all(&s->prepare_queue);
    }
    qemu_mutex_unlock(&s->lock);
    return ret;
}
