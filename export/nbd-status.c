/*
 * NBD_CMD_BLOCK_STATUS: what each of the chosen meta contexts says about a
 * range, as extents from its beginning on.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "export/nbd-int.h"

/* Extents of one context in one reply, at most. */
#define MAX_EXTENTS (1024 * 1024 / 8)

typedef struct Extents {
    GByteArray *out; /* NULL: only counted in the last */
    bool wide;       /* 64 bits each for length and flags */
    unsigned n, max;
    /* The last one, which may still grow */
    uint64_t len, flags;
} Extents;

typedef struct StatusCo {
    NbdSlot *slot;
    uint64_t from, len;
    uint32_t *ids;
    unsigned n_ids;
} StatusCo;

static void put_last(Extents *e)
{
    uint8_t buf[16];

    if (!e->len) {
        return;
    }
    if (e->wide) {
        nbd_put64(buf, e->len);
        nbd_put64(buf + 8, e->flags);
        g_byte_array_append(e->out, buf, 16);
    } else {
        nbd_put32(buf, e->len);
        nbd_put32(buf + 4, e->flags);
        g_byte_array_append(e->out, buf, 8);
    }
    e->n++;
    e->len = 0;
}

/* False: no more fit. */
static bool add(Extents *e, uint64_t len, uint64_t flags)
{
    uint64_t most = e->wide ? UINT64_MAX : UINT32_MAX;

    if (e->len && e->flags == flags && e->len + len <= most) {
        e->len += len;
        return true;
    }
    put_last(e);
    if (e->n >= e->max) {
        return false;
    }
    e->len = len;
    e->flags = flags;
    return true;
}

static int coroutine_fn allocation(BlockBackend *blk, uint64_t from,
                                   uint64_t len, Extents *e)
{
    while (len) {
        int64_t num = 0;
        int ret = blk_co_block_status(blk, from, len, &num);
        uint32_t flags;

        if (ret < 0 || !num) {
            return ret < 0 ? ret : -EIO;
        }
        flags = (ret & BDRV_BLOCK_DATA ? 0 : NBD_STATE_HOLE) |
                (ret & BDRV_BLOCK_ZERO ? NBD_STATE_ZERO : 0);
        if (!add(e, num, flags)) {
            break;
        }
        from += num;
        len -= num;
    }
    return 0;
}

static int coroutine_fn depth(BlockBackend *blk, uint64_t from, uint64_t len,
                              Extents *e)
{
    while (len) {
        int64_t num = 0;
        int ret = blk_co_allocation_depth(blk, from, len, &num);

        if (ret < 0 || !num) {
            return ret < 0 ? ret : -EIO;
        }
        if (!add(e, num, ret)) {
            break;
        }
        from += num;
        len -= num;
    }
    return 0;
}

static void dirty(BdrvDirtyBitmap *bitmap, uint64_t from, uint64_t len,
                  Extents *e)
{
    uint64_t end = from + len;

    while (from < end) {
        int64_t start, count;

        if (!bdrv_dirty_bitmap_next_area(bitmap, from, end, &start, &count)) {
            start = end;
            count = 0;
        }
        if ((start > from && !add(e, start - from, 0)) ||
            (count && !add(e, count, NBD_STATE_DIRTY))) {
            break;
        }
        from = start + count;
    }
}

static int coroutine_fn one_context(StatusCo *s, uint32_t id, Extents *e)
{
    NbdExport *exp = s->slot->conn->exp;
    BdrvDirtyBitmap *bitmap;

    switch (nbd_export_context(exp, id, &bitmap)) {
    case NBD_CONTEXT_ALLOCATION:
        return allocation(exp->common.blk, s->from, s->len, e);
    case NBD_CONTEXT_DEPTH:
        return depth(exp->common.blk, s->from, s->len, e);
    case NBD_CONTEXT_BITMAP:
        dirty(bitmap, s->from, s->len, e);
        return 0;
    }
    g_assert_not_reached();
}

/* The chunk of one context: head, id, (count,) extents. */
static void append_chunk(StatusCo *s, GByteArray *to, uint32_t id,
                         const Extents *e, bool last)
{
    const NbdSlot *slot = s->slot;
    NbdMode mode = slot->conn->mode;
    size_t fixed = e->wide ? 8 : 4;
    uint8_t head[NBD_HEAD_MAX];
    size_t len;

    len = nbd_reply_chunk(
        mode, head, slot->rq.cookie, last ? NBD_REPLY_FLAG_DONE : 0,
        e->wide ? NBD_REPLY_BLOCK_STATUS_EXT : NBD_REPLY_BLOCK_STATUS,
        slot->rq.from, fixed + e->out->len);
    nbd_put32(head + len, id);
    if (e->wide) {
        nbd_put32(head + len + 4, e->n);
    }
    g_byte_array_append(to, head, len + fixed);
    g_byte_array_append(to, e->out->data, e->out->len);
}

static void coroutine_fn status_co_entry(void *opaque)
{
    g_autofree StatusCo *s = opaque;
    NbdSlot *slot = s->slot;
    NbdConn *c = slot->conn;

    slot->extra = g_byte_array_new();
    for (unsigned i = 0; i < s->n_ids; i++) {
        g_autoptr(GByteArray) list = g_byte_array_new();
        Extents e = { .out = list, .wide = c->mode == NBD_MODE_EXTENDED };
        int ret;

        e.max = slot->rq.flags & NBD_CMD_FLAG_REQ_ONE ? 1 : MAX_EXTENTS;
        ret = one_context(s, s->ids[i], &e);
        if (ret < 0) {
            nbd_append_error(slot, slot->extra, -ret, "can't get block status");
            break;
        }
        put_last(&e);
        append_chunk(s, slot->extra, s->ids[i], &e, i + 1 == s->n_ids);
    }
    if (!s->n_ids) {
        uint8_t head[NBD_HEAD_MAX];
        size_t len = nbd_reply_chunk(c->mode, head, slot->rq.cookie,
                                     NBD_REPLY_FLAG_DONE, NBD_REPLY_NONE,
                                     slot->rq.from, 0);

        g_byte_array_append(slot->extra, head, len);
    }
    g_free(s->ids);
    nbd_reply_extra(slot);
}

void nbd_block_status(NbdSlot *slot, uint64_t from, uint64_t len,
                      const uint32_t *ids, unsigned n_ids)
{
    StatusCo *s = g_new(StatusCo, 1);

    *s = (StatusCo){ slot, from, len, g_memdup2(ids, n_ids * sizeof(*ids)),
                     n_ids };
    qemu_coroutine_enter(qemu_coroutine_create(status_co_entry, s));
}
