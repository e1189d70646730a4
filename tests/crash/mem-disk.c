/*
 * mem-disk: see the header.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/block-int.h"
#include "block/opts.h"
#include "tests/crash/mem-disk.h"
#include "util/aio.h"

MemDisk mem_disks[5];
uint64_t mem_now = 1;
GRand *mem_rand;

typedef struct MemState {
    MemDisk *disk; /* open */
} MemState;

/* --- recording --- */

static void free_event(gpointer p)
{
    MemEvent *e = p;

    g_free(e->data);
    g_free(e);
}

void mem_disk_reset(MemDisk *d)
{
    if (d->content) {
        g_byte_array_unref(d->content);
    }
    if (d->start) {
        g_byte_array_unref(d->start);
        g_ptr_array_unref(d->events);
    }
    memset(d, 0, sizeof(*d));
}

void mem_disk_set(MemDisk *d, const void *content, size_t len)
{
    mem_disk_reset(d);
    d->content = g_byte_array_append(g_byte_array_new(), content, len);
}

void mem_disk_record(MemDisk *d)
{
    d->start = g_byte_array_append(g_byte_array_new(), d->content->data,
                                   d->content->len);
    d->events = g_ptr_array_new_with_free_func(free_event);
}

static MemEvent *begin(MemDisk *d, MemEventType type, int64_t offset,
                       int64_t bytes)
{
    MemEvent *e;

    if (!d->start) {
        return NULL;
    }
    e = g_new0(MemEvent, 1);
    *e = (MemEvent){ .type = type,
                     .offset = offset,
                     .bytes = bytes,
                     .begin = mem_now++,
                     .end = UINT64_MAX };
    g_ptr_array_add(d->events, e);
    return e;
}

static void end(MemEvent *e)
{
    if (e) {
        e->end = mem_now++;
    }
}

/* --- content --- */

static void set_length(GByteArray *a, size_t len)
{
    size_t old = a->len;

    g_byte_array_set_size(a, len);
    if (len > old) {
        memset(a->data + old, 0, len - old);
    }
}

static void cover(GByteArray *a, size_t len)
{
    if (a->len < len) {
        set_length(a, len);
    }
}

static void apply(GByteArray *a, const MemEvent *e, bool sectors)
{
    switch (e->type) {
    case MEM_WRITE:
        cover(a, e->offset + e->bytes);
        for (int64_t i = 0; i < e->bytes; i += MEM_DISK_SECTOR) {
            if (!sectors || g_rand_boolean(mem_rand)) {
                memcpy(a->data + e->offset + i, e->data + i,
                       MIN(MEM_DISK_SECTOR, e->bytes - i));
            }
        }
        break;
    case MEM_ZERO:
        cover(a, e->offset + e->bytes);
        memset(a->data + e->offset, 0, e->bytes);
        break;
    case MEM_DISCARD:
        if (e->offset < a->len) {
            memset(a->data + e->offset, 0xdb,
                   MIN(e->bytes, (int64_t)a->len - e->offset));
        }
        break;
    case MEM_TRUNCATE:
        set_length(a, e->offset);
        break;
    case MEM_FLUSH:
        break;
    }
}

/* When everything that ended before is stable at @when. */
static uint64_t stable_until(const MemDisk *d, uint64_t when)
{
    uint64_t until = 0;

    for (guint i = 0; i < d->events->len; i++) {
        const MemEvent *e = g_ptr_array_index(d->events, i);

        if (e->type == MEM_FLUSH && e->end <= when) {
            until = MAX(until, e->begin);
        }
    }
    return until;
}

GByteArray *mem_disk_rebuild(const MemDisk *d, uint64_t when, MemLoss loss)
{
    GByteArray *a = g_byte_array_append(g_byte_array_new(), d->start->data,
                                        d->start->len);
    uint64_t until = stable_until(d, when);
    unsigned unstable = 0, odd_one, n = 0;
    double kept = g_rand_double(mem_rand);

    for (guint i = 0; i < d->events->len; i++) {
        const MemEvent *e = g_ptr_array_index(d->events, i);

        unstable += e->begin < when && e->end > until;
    }
    odd_one = unstable ? g_rand_int_range(mem_rand, 0, unstable) : 0;
    for (guint i = 0; i < d->events->len; i++) {
        const MemEvent *e = g_ptr_array_index(d->events, i);
        bool keep = true;

        if (e->begin >= when) {
            break;
        }
        if (e->end > until) {
            switch (loss) {
            case MEM_LOSE_ALL:
                keep = false;
                break;
            case MEM_LOSE_ONE:
                keep = n != odd_one;
                break;
            case MEM_LOSE_ALL_BUT_ONE:
                keep = n == odd_one;
                break;
            case MEM_LOSE_SOME:
            case MEM_LOSE_SECTORS:
                keep = g_rand_double(mem_rand) < kept;
                break;
            default:
                break;
            }
            n++;
        }
        if (keep) {
            apply(a, e, loss == MEM_LOSE_SECTORS && e->end > until);
        }
    }
    /* The length may be ahead of the data */
    if (g_rand_boolean(mem_rand)) {
        cover(a, d->content->len);
    }
    return a;
}

/* --- the driver --- */

static int mem_open(BlockDriverState *bs, QDict *options, int flags,
                    Error **errp)
{
    MemState *s = bs->opaque;
    uint64_t index = 0;

    if (!bdrv_take_number(options, "index", &index, errp)) {
        return -EINVAL;
    }
    g_assert_cmpuint(index, <, ARRAY_SIZE(mem_disks));
    s->disk = &mem_disks[index];
    bs->supported_zero_flags = BDRV_REQ_MAY_UNMAP | BDRV_REQ_NO_FALLBACK;
    return 0;
}

static int64_t mem_getlength(BlockDriverState *bs)
{
    MemState *s = bs->opaque;

    return ROUND_UP(s->disk->content->len, MEM_DISK_SECTOR);
}

/* Others may run before we end, for some turns or none. */
static void coroutine_fn mem_co_delay(void)
{
    for (int n = g_rand_int_range(mem_rand, 0, 6) - 2; n > 0; n--) {
        aio_co_schedule(qemu_get_current_aio_context(), qemu_coroutine_self());
        qemu_coroutine_yield();
    }
}

static int coroutine_fn mem_co_preadv(BlockDriverState *bs, int64_t offset,
                                      int64_t bytes, QEMUIOVector *qiov,
                                      BdrvRequestFlags flags)
{
    MemState *s = bs->opaque;
    int64_t have;

    mem_co_delay();
    have = MIN(MAX((int64_t)s->disk->content->len - offset, 0), bytes);
    qemu_iovec_from_buf(qiov, 0, s->disk->content->data + offset, have);
    qemu_iovec_memset(qiov, have, 0, bytes - have);
    return 0;
}

static int coroutine_fn mem_co_pwritev(BlockDriverState *bs, int64_t offset,
                                       int64_t bytes, QEMUIOVector *qiov,
                                       BdrvRequestFlags flags)
{
    MemState *s = bs->opaque;
    MemEvent *e = begin(s->disk, MEM_WRITE, offset, bytes);

    if (e) {
        e->data = g_malloc(bytes);
        qemu_iovec_to_buf(qiov, 0, e->data, bytes);
    }
    cover(s->disk->content, offset + bytes);
    qemu_iovec_to_buf(qiov, 0, s->disk->content->data + offset, bytes);
    mem_co_delay();
    end(e);
    return 0;
}

static int coroutine_fn mem_co_event(BlockDriverState *bs, MemEventType type,
                                     int64_t offset, int64_t bytes)
{
    MemState *s = bs->opaque;
    MemEvent now = { .type = type, .offset = offset, .bytes = bytes };
    MemEvent *e = begin(s->disk, type, offset, bytes);

    apply(s->disk->content, &now, false);
    mem_co_delay();
    end(e);
    return 0;
}

static int coroutine_fn mem_co_pwrite_zeroes(BlockDriverState *bs,
                                             int64_t offset, int64_t bytes,
                                             BdrvRequestFlags flags)
{
    return mem_co_event(bs, MEM_ZERO, offset, bytes);
}

static int coroutine_fn mem_co_pdiscard(BlockDriverState *bs, int64_t offset,
                                        int64_t bytes)
{
    return mem_co_event(bs, MEM_DISCARD, offset, bytes);
}

static int coroutine_fn mem_co_truncate(BlockDriverState *bs, int64_t offset,
                                        bool exact, PreallocMode prealloc,
                                        BdrvRequestFlags flags, Error **errp)
{
    return mem_co_event(bs, MEM_TRUNCATE, offset, 0);
}

static int coroutine_fn mem_co_make_room(BlockDriverState *bs, int64_t end)
{
    MemState *s = bs->opaque;

    return end > s->disk->content->len ? mem_co_event(bs, MEM_TRUNCATE, end, 0)
                                       : 0;
}

static int coroutine_fn mem_co_flush(BlockDriverState *bs)
{
    return mem_co_event(bs, MEM_FLUSH, 0, 0);
}

const BlockDriver bdrv_mem_disk = {
    .format_name = "mem-disk",
    .protocol_name = "mem-disk",
    .instance_size = sizeof(MemState),
    .bdrv_open = mem_open,
    .bdrv_getlength = mem_getlength,
    .bdrv_co_preadv = mem_co_preadv,
    .bdrv_co_pwritev = mem_co_pwritev,
    .bdrv_co_pwrite_zeroes = mem_co_pwrite_zeroes,
    .bdrv_co_pdiscard = mem_co_pdiscard,
    .bdrv_co_truncate = mem_co_truncate,
    .bdrv_co_make_room = mem_co_make_room,
    .bdrv_co_flush_to_disk = mem_co_flush,
};
