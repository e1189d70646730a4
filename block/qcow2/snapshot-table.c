/*
 * The snapshot table: entries of different lengths, one after the other, each
 * at a multiple of 8.
 *
 * A changed table goes to a new place; the header leads to it in one write
 * when it is complete and stable, so there is one table or the other.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/qcow2/snapshot.h"
#include "block/sync.h"

/* Where the fields of an entry stand */
enum {
    SN_L1_OFFSET = 0,
    SN_L1_SIZE = 8,
    SN_ID_LEN = 12,
    SN_NAME_LEN = 14,
    SN_DATE_SEC = 16,
    SN_DATE_NSEC = 20,
    SN_VM_CLOCK = 24,
    SN_VM_STATE_SIZE = 32,
    SN_EXTRA_LEN = 36,
    /* in the extra data */
    SN_X_VM_STATE_SIZE = 0,
    SN_X_DISK_SIZE = 8,
    SN_X_ICOUNT = 16,
};

void qcow2_snapshot_free(Qcow2Snapshot *sn)
{
    if (sn) {
        g_free(sn->id);
        g_free(sn->name);
        g_free(sn->more);
        g_free(sn);
    }
}

GPtrArray *qcow2_snapshots_new(void)
{
    return g_ptr_array_new_with_free_func((GDestroyNotify)qcow2_snapshot_free);
}

/* --- reading --- */

/* Where we are in the table. A buffer, so that a table of many small entries
 * does not cost a request each. */
typedef struct Reader {
    BdrvChild *file;
    uint64_t pos; /* bytes in the file */
    uint8_t buf[4096];
    uint64_t buf_start;
    size_t buf_len;
    int ret;
} Reader;

static bool coroutine_fn read_from_table(Reader *r, void *to, size_t len)
{
    uint8_t *out = to;

    while (len && r->ret >= 0) {
        size_t n;

        if (r->pos < r->buf_start || r->pos >= r->buf_start + r->buf_len) {
            /* Aligned, so that a hole at the end of the numbers is no trap */
            r->buf_start = QEMU_ALIGN_DOWN(r->pos, sizeof(r->buf));
            r->buf_len = MIN(sizeof(r->buf), INT64_MAX - r->buf_start);
            r->ret = bdrv_co_pread(r->file, r->buf_start, r->buf_len, r->buf,
                                   0);
            if (r->ret < 0) {
                break;
            }
        }
        n = MIN(len, r->buf_start + r->buf_len - r->pos);
        memcpy(out, r->buf + (r->pos - r->buf_start), n);
        out += n;
        r->pos += n;
        len -= n;
    }
    return r->ret >= 0;
}

static unsigned get16(const uint8_t *p)
{
    return p[0] << 8 | p[1];
}

static void parse_extra(Qcow2Snapshot *sn, const uint8_t *x, uint32_t len)
{
    if (len >= SN_X_VM_STATE_SIZE + 8) {
        sn->vm_state_size = qcow2_ldq(x + SN_X_VM_STATE_SIZE);
    }
    if (len >= SN_X_DISK_SIZE + 8) {
        sn->disk_size = qcow2_ldq(x + SN_X_DISK_SIZE);
    }
    if (len >= SN_X_ICOUNT + 8) {
        sn->icount = qcow2_ldq(x + SN_X_ICOUNT);
    }
    if (len > QCOW2_SNAP_KNOWN_EXTRA) {
        sn->more_len = len - QCOW2_SNAP_KNOWN_EXTRA;
        sn->more = g_memdup2(x + QCOW2_SNAP_KNOWN_EXTRA, sn->more_len);
    }
}

/* The entry @index at r->pos. NULL: r->ret or @errp. */
static Qcow2Snapshot *coroutine_fn read_entry(BlockDriverState *bs, Reader *r,
                                              uint32_t index,
                                              Qcow2SnapshotLoss *loss,
                                              Error **errp)
{
    const Qcow2State *s = bs->opaque;
    g_autoptr(Qcow2Snapshot) sn = g_new0(Qcow2Snapshot, 1);
    uint8_t h[QCOW2_SNAP_HEADER_LEN], extra[QCOW2_SNAP_MAX_EXTRA];
    uint32_t extra_len, keep;

    r->pos = ROUND_UP(r->pos, 8);
    if (!read_from_table(r, h, sizeof(h))) {
        return NULL;
    }
    sn->l1_offset = qcow2_ldq(h + SN_L1_OFFSET);
    sn->l1_size = qcow2_ldl(h + SN_L1_SIZE);
    sn->date_sec = qcow2_ldl(h + SN_DATE_SEC);
    sn->date_nsec = qcow2_ldl(h + SN_DATE_NSEC);
    sn->vm_clock_nsec = qcow2_ldq(h + SN_VM_CLOCK);
    sn->vm_state_size = qcow2_ldl(h + SN_VM_STATE_SIZE);
    sn->disk_size = s->h.size;
    sn->icount = UINT64_MAX;
    extra_len = qcow2_ldl(h + SN_EXTRA_LEN);
    keep = MIN(extra_len, QCOW2_SNAP_MAX_EXTRA);
    if (extra_len > keep && !loss) {
        error_setg(errp, "Too much extra metadata in snapshot table entry %i",
                   (int)index);
        error_append_hint(errp, "You can force-remove this extra metadata with "
                                "qemu-img check -r all\n");
        return NULL;
    }
    if (extra_len > keep) {
        fprintf(stderr,
                "Discarding too much extra metadata in snapshot table entry "
                "%i (%u > %u)\n",
                (int)index, extra_len, QCOW2_SNAP_MAX_EXTRA);
        loss->extra++;
    }
    if (!read_from_table(r, extra, keep)) {
        return NULL;
    }
    r->pos += extra_len - keep;
    sn->extra_len = keep;
    parse_extra(sn, extra, keep);
    sn->id = g_malloc0(get16(h + SN_ID_LEN) + 1);
    sn->name = g_malloc0(get16(h + SN_NAME_LEN) + 1);
    if (!read_from_table(r, sn->id, get16(h + SN_ID_LEN)) ||
        !read_from_table(r, sn->name, get16(h + SN_NAME_LEN))) {
        return NULL;
    }
    return g_steal_pointer(&sn);
}

/* The table is as long as may be: what of it is dropped, if it may be. */
static bool too_long(uint32_t overhang, Qcow2SnapshotLoss *loss, Error **errp)
{
    if (loss) {
        fprintf(stderr,
                "Discarding %u overhanging snapshots (snapshot table is too "
                "big)\n",
                overhang);
        loss->overhang += overhang;
        return true;
    }
    error_setg(errp, "Snapshot table is too big");
    error_append_hint(errp,
                      "You can force-remove all %u overhanging snapshots with "
                      "qemu-img check -r all\n",
                      overhang);
    return false;
}

int coroutine_fn qcow2_co_snapshots_read(BlockDriverState *bs,
                                         Qcow2SnapshotLoss *loss, Error **errp)
{
    Qcow2State *s = bs->opaque;
    g_autofree Reader *r = g_new0(Reader, 1);
    g_autoptr(GPtrArray) list = qcow2_snapshots_new();
    uint64_t begin = s->h.snapshots_offset;

    ERRP_GUARD();
    r->file = bs->file;
    r->pos = begin;
    for (uint32_t i = 0; i < s->h.nb_snapshots; i++) {
        uint64_t before = r->pos;
        Qcow2Snapshot *sn = read_entry(bs, r, i, loss, errp);

        if (!sn && *errp) {
            return -EFBIG;
        }
        if (!sn) {
            error_setg_errno(errp, -r->ret, "Failed to read snapshot table");
            return r->ret;
        }
        if (r->pos - begin > QCOW2_MAX_SNAPSHOT_TABLE) {
            qcow2_snapshot_free(sn);
            if (!too_long(s->h.nb_snapshots - i, loss, errp)) {
                return -EFBIG;
            }
            r->pos = before;
            s->h.nb_snapshots = i;
            break;
        }
        g_ptr_array_add(list, sn);
    }
    g_clear_pointer(&s->snapshots, g_ptr_array_unref);
    s->snapshots = g_steal_pointer(&list);
    s->snap_bytes = r->pos - begin;
    return 0;
}

static int coroutine_fn read_at_open(BdrvSyncCall *c)
{
    return qcow2_co_snapshots_read(c->target, NULL, c->errp);
}

int qcow2_snapshots_read(BlockDriverState *bs, Error **errp)
{
    BdrvSyncCall c = { .co_fn = read_at_open, .target = bs, .errp = errp };

    return bdrv_run_sync(&c);
}

/* --- writing --- */

static void put_extra(GByteArray *b, const Qcow2Snapshot *sn)
{
    uint8_t x[QCOW2_SNAP_KNOWN_EXTRA];

    qcow2_stq(x + SN_X_VM_STATE_SIZE, sn->vm_state_size);
    qcow2_stq(x + SN_X_DISK_SIZE, sn->disk_size);
    qcow2_stq(x + SN_X_ICOUNT, sn->icount);
    g_byte_array_append(b, x, sizeof(x));
    if (sn->more_len) {
        g_byte_array_append(b, sn->more, sn->more_len);
    }
}

static void put_entry(GByteArray *b, const Qcow2Snapshot *sn)
{
    static const uint8_t zeroes[8];
    uint8_t h[QCOW2_SNAP_HEADER_LEN] = { 0 };
    size_t id_len = strlen(sn->id), name_len = strlen(sn->name);

    qcow2_stq(h + SN_L1_OFFSET, sn->l1_offset);
    qcow2_stl(h + SN_L1_SIZE, sn->l1_size);
    h[SN_ID_LEN] = id_len >> 8;
    h[SN_ID_LEN + 1] = id_len;
    h[SN_NAME_LEN] = name_len >> 8;
    h[SN_NAME_LEN + 1] = name_len;
    qcow2_stl(h + SN_DATE_SEC, sn->date_sec);
    qcow2_stl(h + SN_DATE_NSEC, sn->date_nsec);
    qcow2_stq(h + SN_VM_CLOCK, sn->vm_clock_nsec);
    /* For readers that do not know the extra data; else as much as fits */
    qcow2_stl(h + SN_VM_STATE_SIZE,
              sn->vm_state_size <= UINT32_MAX ? sn->vm_state_size : 0);
    qcow2_stl(h + SN_EXTRA_LEN, QCOW2_SNAP_KNOWN_EXTRA + sn->more_len);
    g_byte_array_append(b, h, sizeof(h));
    put_extra(b, sn);
    g_byte_array_append(b, (const uint8_t *)sn->id, id_len);
    g_byte_array_append(b, (const uint8_t *)sn->name, name_len);
    g_byte_array_append(b, zeroes, ROUND_UP(b->len, 8) - b->len);
}

/* *@tried: the header may lead to the new table, even on failure. */
static int coroutine_fn write_and_switch(BlockDriverState *bs,
                                         const GByteArray *table,
                                         uint64_t offset, bool *tried)
{
    const Qcow2State *s = bs->opaque;
    uint8_t header[12];
    int ret = 0;

    if (table->len) {
        ret = bdrv_co_pwrite(bs->file, offset, table->len, table->data, 0);
    }
    if (ret >= 0) {
        ret = bdrv_co_flush(bs->file->bs);
    }
    qcow2_stl(header, s->snapshots->len);
    qcow2_stq(header + 4, offset);
    if (ret >= 0) {
        *tried = true;
        ret = bdrv_co_pwrite(bs->file, QCOW2_H_NB_SNAPSHOTS, sizeof(header),
                             header, 0);
    }
    return ret < 0 ? ret : bdrv_co_flush(bs->file->bs);
}

int coroutine_fn qcow2_co_snapshots_write(BlockDriverState *bs)
{
    Qcow2State *s = bs->opaque;
    g_autoptr(GByteArray) table = g_byte_array_new();
    uint64_t clusters, nb = 0;
    int64_t offset = 0;
    bool fresh, tried = false;
    int ret;

    for (guint i = 0; i < s->snapshots->len; i++) {
        put_entry(table, s->snapshots->pdata[i]);
        if (table->len > QCOW2_MAX_SNAPSHOT_TABLE) {
            return -EFBIG;
        }
    }
    if (s->snapshots->len > QCOW2_MAX_SNAPSHOTS) {
        return -EFBIG;
    }
    clusters = DIV_ROUND_UP(table->len, s->cluster_size);
    if (clusters) {
        qemu_mutex_lock(&s->lock);
        offset = qcow2_co_alloc(bs, clusters, true, &nb, &fresh);
        qemu_mutex_unlock(&s->lock);
        if (offset < 0) {
            return offset;
        }
    }
    /* The refcounts before what they count */
    ret = qcow2_co_flush_metadata(bs);
    if (ret >= 0) {
        ret = write_and_switch(bs, table, offset, &tried);
    }
    qemu_mutex_lock(&s->lock);
    if (ret < 0) {
        if (clusters && !tried) {
            qcow2_free_later(s, offset, clusters, false);
        }
    } else {
        if (s->snap_bytes) {
            qcow2_free_later(s, s->h.snapshots_offset,
                             DIV_ROUND_UP(s->snap_bytes, s->cluster_size),
                             s->discard_snapshot);
        }
        s->h.snapshots_offset = offset;
        s->h.nb_snapshots = s->snapshots->len;
        s->snap_bytes = table->len;
    }
    qemu_mutex_unlock(&s->lock);
    if (ret >= 0 && qcow2_overlap_wants_inactive_l2(s->overlap_check)) {
        qcow2_co_load_inactive_l2(bs); /* else by what was known before */
    }
    return ret;
}
