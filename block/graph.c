/*
 * Edges of the block graph: making, removing and redirecting them.
 *
 * An edge changes its node only while the parent makes no requests by it:
 * both ends are drained first.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/block-int.h"

/* The parent has been drained for this edge by the old or the new node's
 * section where there is one. */
void bdrv_replace_child_noperm(BdrvChild *c, BlockDriverState *new_bs)
{
    BlockDriverState *old_bs = c->bs;

    if (old_bs) {
        if (c->klass->detach) {
            c->klass->detach(c);
        }
        LIST_REMOVE(c, next_parent);
    }
    /* Quiet before it can reach a drained node (drain.c, invariant 1) */
    if (new_bs && new_bs->quiesce_counter && !c->quiesced_parent) {
        bdrv_parent_drained_begin_single(c);
    }
    c->bs = new_bs;
    if (new_bs) {
        LIST_INSERT_HEAD(&new_bs->parents, c, next_parent);
        if (c->klass->attach) {
            c->klass->attach(c);
        }
    }
    if (c->quiesced_parent && (!new_bs || !new_bs->quiesce_counter)) {
        bdrv_parent_drained_end_single(c);
    }
}

void bdrv_free_child_noperm(BdrvChild *c)
{
    assert(!c->bs);
    g_free(c->name);
    g_free(c);
}

bool bdrv_depends_on(const BlockDriverState *bs, const BlockDriverState *on)
{
    const BdrvChild *c;

    if (bs == on) {
        return true;
    }
    LIST_FOREACH(c, &bs->children, next) {
        if (bdrv_depends_on(c->bs, on)) {
            return true;
        }
    }
    return false;
}

static BdrvChild *attach_noperm(BlockDriverState *child_bs, const char *name,
                                const BdrvChildClass *klass, BdrvChildRole role,
                                uint64_t perm, uint64_t shared, void *opaque)
{
    BdrvChild *c = g_new0(BdrvChild, 1);

    c->name = g_strdup(name);
    c->klass = klass;
    c->role = role;
    c->perm = perm;
    c->shared_perm = shared;
    c->opaque = opaque;
    bdrv_replace_child_noperm(c, child_bs);
    return c;
}

static void detach_and_free(BdrvChild *c)
{
    BlockDriverState *bs = c->bs;

    bdrv_replace_child_noperm(c, NULL);
    bdrv_free_child_noperm(c);
    /* The others on this node may lose restrictions; nothing can fail that
     * matters when permissions are only given back. */
    bdrv_refresh_perms(bs, NULL);
    bdrv_unref(bs);
}

BdrvChild *bdrv_root_attach_child(BlockDriverState *child_bs,
                                  const char *child_name,
                                  const BdrvChildClass *child_class,
                                  BdrvChildRole role, uint64_t perm,
                                  uint64_t shared_perm, void *opaque,
                                  Error **errp)
{
    BdrvChild *c = attach_noperm(child_bs, child_name, child_class, role, perm,
                                 shared_perm, opaque);

    if (bdrv_refresh_perms(child_bs, errp) < 0) {
        detach_and_free(c);
        return NULL;
    }
    return c;
}

BdrvChild *bdrv_attach_child(BlockDriverState *parent_bs,
                             BlockDriverState *child_bs, const char *name,
                             const BdrvChildClass *child_class,
                             BdrvChildRole role, Error **errp)
{
    BdrvChild *c;

    if (bdrv_depends_on(child_bs, parent_bs)) {
        error_setg(errp, "Making '%s' a %s child of '%s' would create a cycle",
                   child_bs->node_name, name, parent_bs->node_name);
        bdrv_unref(child_bs);
        return NULL;
    }
    c = attach_noperm(child_bs, name, child_class, role, 0, BLK_PERM_ALL,
                      parent_bs);
    if (bdrv_refresh_perms(parent_bs, errp) < 0) {
        detach_and_free(c);
        return NULL;
    }
    return c;
}

BdrvChild *bdrv_attach_child_noperm(BlockDriverState *parent_bs,
                                    BlockDriverState *child_bs,
                                    const char *name, BdrvChildRole role)
{
    return attach_noperm(child_bs, name, &child_of_bds, role, 0, BLK_PERM_ALL,
                         parent_bs);
}

void bdrv_root_unref_child(BdrvChild *child)
{
    BlockDriverState *bs = child->bs;

    bdrv_drained_begin(bs);
    bdrv_replace_child_noperm(child, NULL);
    bdrv_free_child_noperm(child);
    bdrv_refresh_perms(bs, NULL);
    bdrv_drained_end(bs);
    bdrv_unref(bs);
}

void bdrv_unref_child(BlockDriverState *parent, BdrvChild *child)
{
    if (!child) {
        return;
    }
    if (parent->file == child) {
        parent->file = NULL;
    }
    if (parent->backing == child) {
        parent->backing = NULL;
    }
    if (child->bs->inherits_from == parent) {
        child->bs->inherits_from = NULL;
    }
    bdrv_root_unref_child(child);
}

/* Both nodes drained; permissions of both sides checked or all undone. */
static int replace_and_check(BdrvChild *const *edges, guint n,
                             BlockDriverState *from, BlockDriverState *to,
                             Error **errp)
{
    int ret;

    for (guint i = 0; i < n; i++) {
        bdrv_replace_child_noperm(edges[i], to);
    }
    ret = bdrv_refresh_perms2(to, from, errp);
    for (guint i = 0; ret < 0 && i < n; i++) {
        bdrv_replace_child_noperm(edges[i], from);
    }
    return ret;
}

int bdrv_replace_child_bs(BdrvChild *child, BlockDriverState *new_bs,
                          Error **errp)
{
    BlockDriverState *old_bs = child->bs;
    int ret;

    bdrv_ref(old_bs);
    bdrv_drained_begin(old_bs);
    bdrv_drained_begin(new_bs);
    ret = replace_and_check(&child, 1, old_bs, new_bs, errp);
    bdrv_drained_end(old_bs);
    bdrv_drained_end(new_bs);
    if (ret == 0) {
        bdrv_ref(new_bs);
        bdrv_unref(old_bs);
    }
    bdrv_unref(old_bs);
    return ret;
}

int bdrv_replace_node(BlockDriverState *from, BlockDriverState *to,
                      Error **errp)
{
    GPtrArray *edges = g_ptr_array_new();
    BdrvChild *c;
    int ret = 0;

    bdrv_ref(from);
    bdrv_drained_begin(from);
    bdrv_drained_begin(to);
    LIST_FOREACH(c, &from->parents, next_parent) {
        if (c->opaque != to) {
            g_ptr_array_add(edges, c);
        }
    }
    if (edges->len) {
        ret = replace_and_check((BdrvChild **)edges->pdata, edges->len, from,
                                to, errp);
    }
    for (guint i = 0; ret == 0 && i < edges->len; i++) {
        bdrv_ref(to);
        bdrv_unref(from);
    }
    bdrv_drained_end(from);
    bdrv_drained_end(to);
    bdrv_unref(from);
    g_ptr_array_free(edges, TRUE);
    return ret;
}
