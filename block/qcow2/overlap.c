/*
 * The overlap check: what is about to be taken must not be metadata, whatever
 * its refcount says.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/opts.h"
#include "block/qcow2/snapshot.h"

enum {
    OL_MAIN_HEADER = 1 << 0,
    OL_ACTIVE_L1 = 1 << 1,
    OL_ACTIVE_L2 = 1 << 2,
    OL_REFCOUNT_BLOCK = 1 << 3,
    OL_REFCOUNT_TABLE = 1 << 4,
    OL_SNAPSHOT_TABLE = 1 << 5,
    OL_INACTIVE_L1 = 1 << 6,
    OL_INACTIVE_L2 = 1 << 7, /* not looked for: it takes I/O */
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
    if ((mask & OL_BITMAP_DIRECTORY) && s->h.nb_bitmaps &&
        hits(offset, bytes, s->h.bitmap_dir_offset, s->h.bitmap_dir_size)) {
        return "bitmap directory";
    }
    return NULL;
}
