/*
 * L2 tables and refcount blocks in memory.
 *
 * Invariants
 *  1. c->map[i] is the one table that holds i, or NULL. State, map and dirty
 *     marks change under s->lock only; s->lock is not held over the read of a
 *     table, which is LOADING meanwhile.
 *  2. A table's data stands for t->index exactly while t->seq is even. seq
 *     becomes odd before the data is replaced and even after it is complete,
 *     so whoever sees the same even seq before and after a look has seen one
 *     table. Its memory is kept until the image is closed.
 *  3. A table that is dirty, or of which a copy is on its way to the file, is
 *     not replaced: the file would not give it back.
 *
 *   FREE --replace()--> LOADING --read--> VALID --replace()--> LOADING
 *     ^                    | error          ^
 *     +--------------------+                +--qcow2_cache_new()-- FREE, VALID
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/debug.h"
#include "block/qcow2/qcow2.h"
#include "util/atomic.h"
#include "util/memalign.h"

#include <sys/mman.h>

void qcow2_cache_init(Qcow2Cache *c, size_t table_size, unsigned max_tables,
                      uint32_t map_size)
{
    c->table_size = table_size;
    c->max_tables = max_tables;
    c->map_size = map_size;
    c->map = g_new0(Qcow2Table *, MAX(map_size, 1));
    c->tables = g_ptr_array_new();
    c->old_maps = g_ptr_array_new();
    TAILQ_INIT(&c->dirty);
    qemu_co_queue_init(&c->load_queue);
}

void qcow2_cache_cleanup(Qcow2Cache *c)
{
    for (guint i = 0; c->tables && i < c->tables->len; i++) {
        Qcow2Table *t = c->tables->pdata[i];

        qemu_vfree(t->data);
        g_free(t);
    }
    for (guint i = 0; c->old_maps && i < c->old_maps->len; i++) {
        g_free(c->old_maps->pdata[i]);
    }
    g_clear_pointer(&c->tables, g_ptr_array_unref);
    g_clear_pointer(&c->old_maps, g_ptr_array_unref);
    g_clear_pointer(&c->map, g_free);
}

void qcow2_cache_grow_map(Qcow2Cache *c, uint32_t map_size)
{
    Qcow2Table **map;

    if (map_size <= c->map_size) {
        return;
    }
    map = g_new0(Qcow2Table *, map_size);
    memcpy(map, c->map, c->map_size * sizeof(*map));
    g_ptr_array_add(c->old_maps, c->map);
    /* RELEASE: the elements before the pointer; pairs with the acquire in
     * qcow2_map_cached() */
    qatomic_store_release(&c->map, map);
    c->map_size = map_size;
}

Qcow2Table *qcow2_cache_lookup(Qcow2Cache *c, uint32_t index)
{
    Qcow2Table *t = c->map[index];

    return t && t->state == QCOW2_TABLE_VALID ? t : NULL;
}

/* --- finding room --- */

static Qcow2Table *new_table(Qcow2Cache *c)
{
    void *data = qemu_try_memalign(MIN(c->table_size, 4096), c->table_size);
    Qcow2Table *t;

    if (!data) {
        return NULL;
    }
    t = g_new0(Qcow2Table, 1);
    t->data = data;
    t->entry_shift = c->entry_shift;
    t->seq = 1;
    g_ptr_array_add(c->tables, t);
    return t;
}

static bool can_replace(const Qcow2Table *t)
{
    return t->state == QCOW2_TABLE_FREE ||
           (t->state == QCOW2_TABLE_VALID && !t->dirty && !t->writing);
}

/* One that qcow2_cache_clean() has emptied, or NULL. */
static Qcow2Table *find_cleaned(Qcow2Cache *c)
{
    for (guint i = 0; c->nb_cleaned && i < c->tables->len; i++) {
        Qcow2Table *t = c->tables->pdata[i];

        if (t->state == QCOW2_TABLE_FREE) {
            c->nb_cleaned--;
            return t;
        }
    }
    c->nb_cleaned = 0;
    return NULL;
}

static Qcow2Table *find_room(Qcow2Cache *c)
{
    Qcow2Table *cleaned = find_cleaned(c);

    if (cleaned) {
        return cleaned;
    }
    /* Two rounds: the first one takes the marks away */
    for (unsigned n = 0;
         c->tables->len >= c->max_tables && n < 2 * c->tables->len; n++) {
        Qcow2Table *t = c->tables->pdata[c->hand++ % c->tables->len];

        if (!can_replace(t)) {
            continue;
        }
        if (t->state == QCOW2_TABLE_FREE || !qatomic_read(&t->used)) {
            return t;
        }
        qatomic_set(&t->used, false);
    }
    return new_table(c);
}

/* Make @t invalid for those who look without a lock. */
static void invalidate(Qcow2Cache *c, Qcow2Table *t)
{
    if (t->state == QCOW2_TABLE_VALID) {
        qatomic_set(&c->map[t->index], NULL);
        qatomic_set(&t->seq, t->seq + 1);
    }
    t->state = QCOW2_TABLE_FREE;
    /* seq is odd before the data changes; pairs with the second look at seq
     * in qcow2_map_cached() */
    smp_mb();
}

static void make_valid(Qcow2Cache *c, Qcow2Table *t)
{
    t->state = QCOW2_TABLE_VALID;
    qatomic_set(&t->used, true);
    /* RELEASE: the data is complete; pairs with qcow2_map_cached() */
    qatomic_store_release(&t->seq, t->seq + 1);
}

static Qcow2Table *replace(Qcow2Cache *c, uint32_t index, uint64_t offset)
{
    Qcow2Table *t = find_room(c);

    if (!t) {
        return NULL;
    }
    invalidate(c, t);
    qatomic_set(&t->index, index);
    t->offset = offset;
    t->is_new = false;
    qatomic_store_release(&c->map[index], t);
    return t;
}

/* --- getting tables --- */

static int coroutine_fn load(BlockDriverState *bs, Qcow2Cache *c, Qcow2Table *t,
                             uint64_t offset)
{
    Qcow2State *s = bs->opaque;
    int ret;

    t->state = QCOW2_TABLE_LOADING;
    qemu_mutex_unlock(&s->lock);
    if (c == &s->l2_cache) {
        BLKDBG_CO_EVENT(bs->file, L2_LOAD);
    } else {
        BLKDBG_CO_EVENT(bs->file, REFBLOCK_LOAD);
    }
    ret = bdrv_co_pread(bs->file, offset, c->table_size, t->data, 0);
    qemu_mutex_lock(&s->lock);
    if (ret < 0) {
        t->state = QCOW2_TABLE_FREE;
        qatomic_set(&c->map[t->index], NULL);
    } else {
        make_valid(c, t);
    }
    qemu_co_queue_restart_all(&c->load_queue);
    return ret;
}

int coroutine_fn qcow2_co_cache_get(BlockDriverState *bs, Qcow2Cache *c,
                                    uint32_t index, uint64_t offset,
                                    Qcow2Table **table, bool *dropped)
{
    Qcow2State *s = bs->opaque;
    Qcow2Table *t = c->map[index];

    *table = NULL;
    if (t && t->state == QCOW2_TABLE_VALID) {
        qatomic_set(&t->used, true);
        *table = t;
        return 0;
    }
    *dropped = true;
    if (t) {
        qemu_co_queue_wait(&c->load_queue, &s->lock);
        return 0;
    }
    t = replace(c, index, offset);
    return t ? load(bs, c, t, offset) : -ENOMEM;
}

Qcow2Table *qcow2_cache_new(BlockDriverState *bs, Qcow2Cache *c, uint32_t index,
                            uint64_t offset)
{
    Qcow2Table *t;
    uint64_t *e;

    assert(!c->map[index]);
    t = replace(c, index, offset);
    if (!t) {
        return NULL;
    }
    e = t->data;
    for (size_t i = 0; i < c->table_size / 8; i++) {
        qatomic_set(&e[i], 0);
    }
    make_valid(c, t);
    t->is_new = true;
    qcow2_cache_mark(c, t, 0, c->table_size);
    return t;
}

void qcow2_cache_mark(Qcow2Cache *c, Qcow2Table *t, size_t pos, size_t len)
{
    size_t unit = MIN(c->table_size, QCOW2_DIRTY_UNIT);

    for (size_t i = pos / unit; i <= (pos + len - 1) / unit; i++) {
        t->dirty_map[i / 64] |= UINT64_C(1) << (i % 64);
    }
    if (!t->dirty) {
        t->dirty = true;
        c->nb_dirty++;
        TAILQ_INSERT_TAIL(&c->dirty, t, dirty_next);
    }
}

unsigned qcow2_cache_clean(Qcow2Cache *c)
{
    size_t page = qemu_real_host_page_size();
    unsigned n = 0;

    for (guint i = 0; i < c->tables->len; i++) {
        Qcow2Table *t = c->tables->pdata[i];

        if (t->state != QCOW2_TABLE_VALID || !can_replace(t)) {
            continue;
        }
        if (qatomic_read(&t->used)) {
            qatomic_set(&t->used, false);
            continue;
        }
        invalidate(c, t);
        /* The address stays: somebody may still look (invariant 2). Zeroes
         * are as good for him as any other table */
        if (c->table_size >= page) {
            madvise(t->data, c->table_size, MADV_DONTNEED);
        }
        n++;
    }
    c->nb_cleaned += n;
    return n;
}

void qcow2_cache_drop(Qcow2Cache *c, uint32_t index)
{
    Qcow2Table *t = qcow2_cache_lookup(c, index);

    if (t && can_replace(t)) {
        invalidate(c, t);
    }
}
