/*
 * Permissions: what each edge does to its child and lets others do.
 *
 * An update walks all nodes below the changed ones, parents before children,
 * with new values already in the edges; when somebody refuses, everything is
 * put back. Invariants, whenever no update runs:
 *
 *  1. For any two edges to one node: what one does, the other shares.
 *  2. What an edge of a node to its child does and shares is what the
 *     driver's bdrv_child_perm() says for the sum of the node's parents.
 *  3. A driver with bdrv_check_perm() has been told the sum by
 *     bdrv_set_perm().
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/block-int.h"
#include "util/atomic.h"

typedef struct PermUpdate {
    GPtrArray *order;    /* nodes, each before those below it */
    GPtrArray *edges;    /* changed, with the old values in them */
    GPtrArray *prepared; /* nodes whose driver waits for set or abort */
} PermUpdate;

static unsigned current_visit;

char *bdrv_perm_names(uint64_t perm)
{
    static const struct {
        uint64_t perm;
        const char *name;
    } names[] = {
        { BLK_PERM_CONSISTENT_READ, "consistent read" },
        { BLK_PERM_WRITE, "write" },
        { BLK_PERM_WRITE_UNCHANGED, "write unchanged" },
        { BLK_PERM_RESIZE, "resize" },
    };
    GString *s = g_string_new(NULL);

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (perm & names[i].perm) {
            g_string_append_printf(s, "%s%s", s->len ? ", " : "",
                                   names[i].name);
        }
    }
    return g_string_free(s, FALSE);
}

void bdrv_get_cumulative_perm(const BlockDriverState *bs, uint64_t *perm,
                              uint64_t *shared_perm)
{
    const BdrvChild *c;

    *perm = 0;
    *shared_perm = BLK_PERM_ALL;
    LIST_FOREACH(c, &bs->parents, next_parent) {
        *perm |= c->perm;
        *shared_perm &= c->shared_perm;
    }
}

/* --- what a driver needs of its children --- */

/* A child that holds the format's own data, guest data or both. */
static void storage_perms(const BlockDriverState *bs, BdrvChildRole role,
                          uint64_t *perm, uint64_t *shared)
{
    if (role & BDRV_CHILD_METADATA) {
        /* Metadata is read always, and written whenever it can be (dirty
         * flags, lazy updates), whatever the parents do */
        if (bdrv_is_writable(bs)) {
            *perm |= BLK_PERM_WRITE | BLK_PERM_RESIZE;
        }
        if (!(bs->open_flags & BDRV_O_NO_IO)) {
            *perm |= BLK_PERM_CONSISTENT_READ;
        }
        *shared &= ~(uint64_t)BLK_PERM_WRITE;
    }
    /* A write may have to make the file longer, and nobody else may */
    if (*perm & BLK_PERM_WRITE) {
        *perm |= BLK_PERM_RESIZE;
    }
    *shared &= ~(uint64_t)BLK_PERM_RESIZE;
    /* Writing the same again harms nobody */
    *shared |= BLK_PERM_WRITE_UNCHANGED;
    if (bs->open_flags & BDRV_O_INACTIVE) {
        *shared |= BLK_PERM_WRITE | BLK_PERM_RESIZE;
    }
}

void bdrv_default_perms(BlockDriverState *bs, BdrvChild *c, BdrvChildRole role,
                        uint64_t perm, uint64_t shared, uint64_t *nperm,
                        uint64_t *nshared)
{
    if (role & BDRV_CHILD_COW) {
        /* Read where we have no data of our own; a change below would show
         * through us, so only those who may change us may do it */
        perm &= BLK_PERM_CONSISTENT_READ;
        shared = (shared & BLK_PERM_WRITE ? BLK_PERM_WRITE | BLK_PERM_RESIZE
                                          : 0) |
                 BLK_PERM_CONSISTENT_READ | BLK_PERM_WRITE_UNCHANGED;
        if (bs->open_flags & BDRV_O_INACTIVE) {
            shared |= BLK_PERM_WRITE | BLK_PERM_RESIZE;
        }
    } else if (!(role & BDRV_CHILD_FILTERED)) {
        storage_perms(bs, role, &perm, &shared);
    }
    *nperm = perm & BLK_PERM_ALL;
    *nshared = shared & BLK_PERM_ALL;
}

static void child_perm(BlockDriverState *bs, BdrvChild *c, uint64_t perm,
                       uint64_t shared, uint64_t *nperm, uint64_t *nshared)
{
    if (bs->drv && bs->drv->bdrv_child_perm) {
        bs->drv->bdrv_child_perm(bs, c, c->role, perm, shared, nperm, nshared);
    } else {
        bdrv_default_perms(bs, c, c->role, perm, shared, nperm, nshared);
    }
    /* Who forces sharing shares with everybody, other programs included */
    if (bs->force_share) {
        *nshared = BLK_PERM_ALL;
    }
}

/* --- an update --- */

static void order_visit(BlockDriverState *bs, GPtrArray *post)
{
    const BdrvChild *c;

    if (bs->visit == current_visit) {
        return;
    }
    bs->visit = current_visit;
    LIST_FOREACH(c, &bs->children, next) {
        order_visit(c->bs, post);
    }
    g_ptr_array_add(post, bs);
}

static void find_order(PermUpdate *u, BlockDriverState *const *roots, int n)
{
    GPtrArray *post = g_ptr_array_new();

    current_visit++;
    for (int i = 0; i < n; i++) {
        if (roots[i]) {
            order_visit(roots[i], post);
        }
    }
    for (guint i = post->len; i-- > 0;) {
        g_ptr_array_add(u->order, post->pdata[i]);
    }
    g_ptr_array_free(post, TRUE);
}

static void set_edge(PermUpdate *u, BdrvChild *c, uint64_t perm,
                     uint64_t shared)
{
    if (c->perm == perm && c->shared_perm == shared) {
        return;
    }
    if (!c->in_update) {
        c->in_update = true;
        c->old_perm = c->perm;
        c->old_shared = c->shared_perm;
        g_ptr_array_add(u->edges, c);
    }
    qatomic_set(&c->perm, perm);
    c->shared_perm = shared;
}

static bool check_conflicts(BlockDriverState *bs, Error **errp)
{
    const BdrvChild *a, *b;

    LIST_FOREACH(a, &bs->parents, next_parent) {
        LIST_FOREACH(b, &bs->parents, next_parent) {
            uint64_t conflict = b->perm & ~a->shared_perm;
            g_autofree char *names = NULL, *a_desc = NULL, *b_desc = NULL;

            if (a == b || !conflict) {
                continue;
            }
            names = bdrv_perm_names(conflict);
            a_desc = a->klass->get_parent_desc((BdrvChild *)a);
            b_desc = b->klass->get_parent_desc((BdrvChild *)b);
            error_setg(errp,
                       "Permission conflict on node '%s': permissions '%s' "
                       "are both required by %s (uses node '%s' as '%s' "
                       "child) and unshared by %s (uses node '%s' as '%s' "
                       "child).",
                       bs->node_name, names, b_desc, bs->node_name, b->name,
                       a_desc, bs->node_name, a->name);
            return false;
        }
    }
    return true;
}

static int check_node(PermUpdate *u, BlockDriverState *bs, Error **errp)
{
    uint64_t perm, shared, nperm, nshared;
    BdrvChild *c;
    int ret;

    bdrv_get_cumulative_perm(bs, &perm, &shared);
    if ((perm & (BLK_PERM_WRITE | BLK_PERM_WRITE_UNCHANGED)) &&
        !bdrv_is_writable(bs)) {
        if (bs->was_writable) {
            error_setg(errp,
                       "Read-only block node '%s' cannot support read-write "
                       "users",
                       bs->node_name);
        } else {
            error_setg(errp, "Block node is read-only");
        }
        return -EPERM;
    }
    /* Requests are rounded up to the alignment, and must not need to go
     * behind the end for that */
    if ((perm & BLK_PERM_WRITE) && !(perm & BLK_PERM_RESIZE) &&
        !QEMU_IS_ALIGNED(bs->total_bytes, bs->bl.request_alignment)) {
        error_setg(errp, "Cannot get 'write' permission without 'resize': "
                         "Image size is not a multiple of request alignment");
        return -EPERM;
    }
    if (!check_conflicts(bs, errp)) {
        return -EPERM;
    }
    if (bs->drv && bs->drv->bdrv_check_perm) {
        ret = bs->drv->bdrv_check_perm(bs, perm, shared, errp);
        if (ret < 0) {
            return ret;
        }
        g_ptr_array_add(u->prepared, bs);
    }
    LIST_FOREACH(c, &bs->children, next) {
        child_perm(bs, c, perm, shared, &nperm, &nshared);
        set_edge(u, c, nperm, nshared);
    }
    return 0;
}

static void commit_or_abort(PermUpdate *u, bool commit)
{
    uint64_t perm, shared;

    for (guint i = 0; i < u->edges->len; i++) {
        BdrvChild *c = u->edges->pdata[i];

        c->in_update = false;
        if (!commit) {
            qatomic_set(&c->perm, c->old_perm);
            c->shared_perm = c->old_shared;
        }
    }
    for (guint i = 0; i < u->prepared->len; i++) {
        BlockDriverState *bs = u->prepared->pdata[i];

        if (commit) {
            bdrv_get_cumulative_perm(bs, &perm, &shared);
            if (bs->drv->bdrv_set_perm) {
                bs->drv->bdrv_set_perm(bs, perm, shared);
            }
        } else if (bs->drv->bdrv_abort_perm_update) {
            bs->drv->bdrv_abort_perm_update(bs);
        }
    }
    g_ptr_array_free(u->order, TRUE);
    g_ptr_array_free(u->edges, TRUE);
    g_ptr_array_free(u->prepared, TRUE);
}

static int run_update(PermUpdate *u, BlockDriverState *const *roots, int n,
                      Error **errp)
{
    int ret = 0;

    find_order(u, roots, n);
    for (guint i = 0; i < u->order->len && ret == 0; i++) {
        ret = check_node(u, u->order->pdata[i], errp);
    }
    commit_or_abort(u, ret == 0);
    return ret;
}

#define PERM_UPDATE_INIT                                        \
    {                                                           \
        .order = g_ptr_array_new(), .edges = g_ptr_array_new(), \
        .prepared = g_ptr_array_new()                           \
    }

int bdrv_refresh_perms(BlockDriverState *bs, Error **errp)
{
    PermUpdate u = PERM_UPDATE_INIT;

    return run_update(&u, &bs, 1, errp);
}

int bdrv_refresh_perms_n(BlockDriverState *const *bs, int n, Error **errp)
{
    PermUpdate u = PERM_UPDATE_INIT;

    return run_update(&u, bs, n, errp);
}

int bdrv_refresh_perms2(BlockDriverState *a, BlockDriverState *b, Error **errp)
{
    BlockDriverState *roots[] = { a, b };
    PermUpdate u = PERM_UPDATE_INIT;

    return run_update(&u, roots, 2, errp);
}

int bdrv_child_try_set_perm(BdrvChild *c, uint64_t perm, uint64_t shared,
                            Error **errp)
{
    PermUpdate u = PERM_UPDATE_INIT;

    set_edge(&u, c, perm, shared);
    return run_update(&u, &c->bs, 1, errp);
}
