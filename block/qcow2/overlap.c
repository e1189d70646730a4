/*
 * The overlap check: what is about to be taken must not be metadata, whatever
 * its refcount says.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/opts.h"
#include "block/qcow2/snapshot.h"
#include "block/sync.h"
#include "util/memalign.h"

enum {
    OL_MAIN_HEADER = 1 << 0,
    OL_ACTIVE_L1 = 1 << 1,
    OL_ACTIVE_L2 = 1 << 2,
    OL_REFCOUNT_BLOCK = 1 << 3,
    OL_REFCOUNT_TABLE = 1 << 4,
    OL_SNAPSHOT_TABLE = 1 << 5,
    OL_INACTIVE_L1 = 1 << 6,
    OL_INACTIVE_L2 = 1 << 7, /* of s->inactive_l2 */
    OL_BITMAP_DIRECTORY = 1 << 8,

    OL_CONSTANT = OL_MAIN_HEADER | OL_ACTIVE_L1 | OL_REFCOUNT_TABLE |
                  OL_SNAPSHOT_TABLE | OL_BITMAP_DIRECTORY,
    OL_CACHED = OL_CONSTANT | OL_ACTIVE_L2 | OL_REFCOUNT_BLOCK | OL_INACTIVE_L1,
    OL_ALL = OL_CACHED | OL_INACTIVE_L2,
};

/* --- options --- */

static bool template_mask(const char *name, unsigned *mask)
{
    static const struct {
        const char *name;
        unsigned mask;
    } templates[] = {
        { "none", 0 },
        { "constant", OL_CONSTANT },
        { "cached", OL_CACHED },
        { "all", OL_ALL },
    };

    for (size_t i = 0; i < ARRAY_SIZE(templates); i++) {
        if (!strcmp(templates[i].name, name)) {
            *mask = templates[i].mask;
            return true;
        }
    }
    return false;
}

bool qcow2_overlap_take_options(QDict *options, unsigned *mask, Error **errp)
{
    static const char *const keys[] = {
        "main-header",    "active-l1",      "active-l2",
        "refcount-block", "refcount-table", "snapshot-table",
        "inactive-l1",    "inactive-l2",    "bitmap-directory",
    };
    g_autofree char *plain = bdrv_take_str(options, "overlap-check");
    g_autofree char *nested = bdrv_take_str(options, "overlap-check.template");
    const char *name = plain ? plain : nested ? nested : "cached";

    if (plain && nested && strcmp(plain, nested)) {
        error_setg(errp,
                   "Conflicting values for qcow2 options 'overlap-check' "
                   "('%s') and 'overlap-check.template' ('%s')",
                   plain, nested);
        return false;
    }
    if (!template_mask(name, mask)) {
        error_setg(errp,
                   "Unsupported value '%s' for qcow2 option 'overlap-check'. "
                   "Allowed are any of the following: none, constant, cached, "
                   "all",
                   name);
        return false;
    }
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        g_autofree char *key = g_strdup_printf("overlap-check.%s", keys[i]);
        bool on = *mask >> i & 1;

        if (!bdrv_take_bool(options, key, &on, errp)) {
            return false;
        }
        *mask = on ? *mask | 1u << i : *mask & ~(1u << i);
    }
    return true;
}

/* --- the L2 tables of snapshots --- */

/* Add what a piece of an L1 table leads to. */
static void add_l2_tables(GArray *found, const uint64_t *l1, uint64_t entries)
{
    for (uint64_t i = 0; i < entries; i++) {
        uint64_t e = GUINT64_FROM_BE(l1[i]) & QCOW2_L1_OFFSET_MASK;

        if (e) {
            g_array_append_val(found, e);
        }
    }
}

static int compare_offsets(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static void sort_out_doubles(GArray *a)
{
    uint64_t *v = (uint64_t *)(void *)a->data;
    guint n = 0;

    g_array_sort(a, compare_offsets);
    for (guint i = 0; i < a->len; i++) {
        if (!n || v[n - 1] != v[i]) {
            v[n++] = v[i];
        }
    }
    g_array_set_size(a, n);
}

#define L1_PIECE (64 * KiB)

int coroutine_fn qcow2_co_load_inactive_l2(BlockDriverState *bs)
{
    Qcow2State *s = bs->opaque;
    g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(uint64_t));
    QEMU_AUTO_VFREE uint64_t *buf = qemu_memalign(BDRV_SECTOR_SIZE, L1_PIECE);
    GArray *old;

    for (guint i = 0; s->snapshots && i < s->snapshots->len; i++) {
        const Qcow2Snapshot *sn = s->snapshots->pdata[i];
        uint64_t bytes = sn->l1_size * UINT64_C(8), n;

        for (uint64_t pos = 0; pos < bytes; pos += n) {
            int ret;

            n = MIN(bytes - pos, L1_PIECE);
            ret = bdrv_co_pread(bs->file, sn->l1_offset + pos, n, buf, 0);
            if (ret < 0) {
                return ret;
            }
            add_l2_tables(found, buf, n / 8);
        }
        /* Snapshots share most of them: no more memory than for one */
        sort_out_doubles(found);
    }
    qemu_mutex_lock(&s->lock);
    old = s->inactive_l2;
    s->inactive_l2 = g_steal_pointer(&found);
    qemu_mutex_unlock(&s->lock);
    if (old) {
        g_array_unref(old);
    }
    return 0;
}

bool qcow2_overlap_wants_inactive_l2(unsigned mask)
{
    return mask & OL_INACTIVE_L2;
}

static int coroutine_fn load_entry(BdrvSyncCall *call)
{
    return qcow2_co_load_inactive_l2(call->target);
}

int qcow2_load_inactive_l2(BlockDriverState *bs, unsigned mask, Error **errp)
{
    BdrvSyncCall call = { .co_fn = load_entry, .target = bs };
    int ret = mask & OL_INACTIVE_L2 ? bdrv_run_sync(&call) : 0;

    if (ret < 0) {
        error_setg_errno(errp, -ret,
                         "Could not read the L1 tables of "
                         "snapshots");
    }
    return ret;
}

/* --- looking --- */

static bool hits(uint64_t a, uint64_t alen, uint64_t b, uint64_t blen)
{
    return a < b + blen && b < a + alen;
}

static bool hits_table(const uint64_t *table, uint32_t size, uint64_t mask,
                       uint64_t offset, uint64_t bytes, uint64_t each)
{
    for (uint32_t i = 0; i < size; i++) {
        uint64_t e = table[i] & mask;

        if (e && hits(offset, bytes, e, each)) {
            return true;
        }
    }
    return false;
}

static bool hits_inactive_l1(const Qcow2State *s, uint64_t offset,
                             uint64_t bytes)
{
    for (guint i = 0; s->snapshots && i < s->snapshots->len; i++) {
        const Qcow2Snapshot *sn = s->snapshots->pdata[i];

        if (hits(offset, bytes, sn->l1_offset, sn->l1_size * UINT64_C(8))) {
            return true;
        }
    }
    return false;
}

static bool hits_inactive_l2(const Qcow2State *s, uint64_t offset,
                             uint64_t bytes)
{
    const uint64_t *v;
    guint lo = 0, hi;

    if (!s->inactive_l2) {
        return false;
    }
    v = (const uint64_t *)(const void *)s->inactive_l2->data;
    hi = s->inactive_l2->len;
    /* The first table that ends behind the beginning */
    while (lo < hi) {
        guint mid = lo + (hi - lo) / 2;

        if (v[mid] + s->cluster_size <= offset) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo < s->inactive_l2->len && v[lo] < offset + bytes;
}

const char *qcow2_overlap_find(const Qcow2State *s, uint64_t offset,
                               uint64_t bytes)
{
    unsigned mask = s->overlap_check;

    if ((mask & OL_MAIN_HEADER) && hits(offset, bytes, 0, s->cluster_size)) {
        return "qcow2_header";
    }
    if ((mask & OL_ACTIVE_L1) &&
        hits(offset, bytes, s->l1_offset, s->l1_size * UINT64_C(8))) {
        return "active L1 table";
    }
    if ((mask & OL_ACTIVE_L2) &&
        hits_table(s->l1, s->l1_size, QCOW2_L1_OFFSET_MASK, offset, bytes,
                   s->cluster_size)) {
        return "active L2 table";
    }
    if ((mask & OL_REFCOUNT_BLOCK) &&
        hits_table(s->reftable, s->reftable_size, QCOW2_REFT_OFFSET_MASK,
                   offset, bytes, s->cluster_size)) {
        return "refcount block";
    }
    if ((mask & OL_REFCOUNT_TABLE) &&
        hits(offset, bytes, s->reftable_offset,
             (uint64_t)s->reftable_clusters << s->cluster_bits)) {
        return "refcount table";
    }
    if ((mask & OL_SNAPSHOT_TABLE) &&
        hits(offset, bytes, s->h.snapshots_offset, s->snap_bytes)) {
        return "snapshot table";
    }
    if ((mask & OL_INACTIVE_L1) && hits_inactive_l1(s, offset, bytes)) {
        return "inactive L1 table";
    }
    if ((mask & OL_INACTIVE_L2) && hits_inactive_l2(s, offset, bytes)) {
        return "inactive L2 table";
    }
    if ((mask & OL_BITMAP_DIRECTORY) && s->h.nb_bitmaps &&
        hits(offset, bytes, s->h.bitmap_dir_offset, s->h.bitmap_dir_size)) {
        return "bitmap directory";
    }
    return NULL;
}
