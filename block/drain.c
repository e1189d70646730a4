/*
 * Drain: make a node quiet, so that the graph around it can be changed.
 *
 * bdrv_drained_begin(bs)
 *   quiesce(bs): tells every parent to start nothing new; a node passes that
 *     on to its own parents, until BlockBackends close their gates;
 *   waits until poll(bs) says no: no parent is in the middle of something and
 *     no request of its own is counted on bs.
 * bdrv_drained_end(bs)
 *   unquiesce(bs): the way back; BlockBackends start what they kept back.
 *
 * Invariants
 *  1. An edge has told its parent to be quiet (quiesced_parent) exactly while
 *     its bs has quiesce_counter > 0.
 *  2. While quiesce_counter > 0 and poll() was once false, no request is on bs
 *     except from code that the drainer itself runs.
 *  3. Only the main thread begins and ends; waiting turns its loop, so begin
 *     and end may nest in any order with those of callbacks.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/block-int.h"
#include "util/atomic.h"
#include "util/main-loop.h"

static int drain_all_count;

void bdrv_inc_in_flight(BlockDriverState *bs)
{
    qatomic_inc(&bs->in_flight);
}

void bdrv_dec_in_flight(BlockDriverState *bs)
{
    /* Atomic with full ordering: pairs with poll(), after which the main
     * thread changes what the request has read */
    if (qatomic_fetch_sub(&bs->in_flight, 1) == 1 &&
        unlikely(qatomic_read(&bs->quiesce_counter))) {
        aio_wait_kick();
    }
}

/* --- edges --- */

void bdrv_parent_drained_begin_single(BdrvChild *c)
{
    assert(!c->quiesced_parent);
    c->quiesced_parent = true;
    if (c->klass->drained_begin) {
        c->klass->drained_begin(c);
    }
}

void bdrv_parent_drained_end_single(BdrvChild *c)
{
    assert(c->quiesced_parent);
    c->quiesced_parent = false;
    if (c->klass->drained_end) {
        c->klass->drained_end(c);
    }
}

bool bdrv_parent_drained_poll_single(BdrvChild *c)
{
    return c->klass->drained_poll && c->klass->drained_poll(c);
}

/* --- nodes --- */

static void quiesce(BlockDriverState *bs)
{
    BdrvChild *c, *next;

    /* The order of this store and the reads of poll() matters to nobody: a
     * node's requests are stopped at the gates of BlockBackends. */
    qatomic_set(&bs->quiesce_counter, bs->quiesce_counter + 1);
    if (bs->quiesce_counter > 1) {
        return;
    }
    LIST_FOREACH_SAFE(c, &bs->parents, next_parent, next) {
        bdrv_parent_drained_begin_single(c);
    }
    if (bs->drv && bs->drv->bdrv_drain_begin) {
        bs->drv->bdrv_drain_begin(bs);
    }
}

static void unquiesce(BlockDriverState *bs)
{
    BdrvChild *c, *next;

    assert(bs->quiesce_counter > 0);
    qatomic_set(&bs->quiesce_counter, bs->quiesce_counter - 1);
    if (bs->quiesce_counter > 0) {
        return;
    }
    if (bs->drv && bs->drv->bdrv_drain_end) {
        bs->drv->bdrv_drain_end(bs);
    }
    LIST_FOREACH_SAFE(c, &bs->parents, next_parent, next) {
        bdrv_parent_drained_end_single(c);
    }
}

static bool poll_node(BlockDriverState *bs)
{
    BdrvChild *c;

    LIST_FOREACH(c, &bs->parents, next_parent) {
        if (bdrv_parent_drained_poll_single(c)) {
            return true;
        }
    }
    /* After the parents: what they had in flight may have come here. Pairs
     * with bdrv_dec_in_flight(). */
    return qatomic_load_acquire(&bs->in_flight) > 0;
}

void bdrv_drained_begin(BlockDriverState *bs)
{
    assert(!qemu_in_coroutine());
    bdrv_ref(bs);
    quiesce(bs);
    AIO_WAIT_WHILE(NULL, poll_node(bs));
}

void bdrv_drained_end(BlockDriverState *bs)
{
    unquiesce(bs);
    bdrv_unref(bs);
}

/* --- a node as the parent of another --- */

static void child_bds_drained_begin(BdrvChild *c)
{
    quiesce(c->opaque);
}

static bool child_bds_drained_poll(BdrvChild *c)
{
    return poll_node(c->opaque);
}

static void child_bds_drained_end(BdrvChild *c)
{
    unquiesce(c->opaque);
}

static char *child_bds_parent_desc(BdrvChild *c)
{
    BlockDriverState *parent = c->opaque;

    return g_strdup_printf("node '%s'", bdrv_get_node_name(parent));
}

const char *bdrv_child_device_name(BdrvChild *c)
{
    return bdrv_get_device_name(c->opaque);
}

static void child_bds_attach(BdrvChild *c)
{
    BlockDriverState *parent = c->opaque;

    LIST_INSERT_HEAD(&parent->children, c, next);
}

static void child_bds_detach(BdrvChild *c)
{
    LIST_REMOVE(c, next);
}

const BdrvChildClass child_of_bds = {
    .parent_is_bds = true,
    .inherit_options = bdrv_inherited_options,
    .get_parent_desc = child_bds_parent_desc,
    .get_name = bdrv_child_device_name,
    .attach = child_bds_attach,
    .detach = child_bds_detach,
    .drained_begin = child_bds_drained_begin,
    .drained_poll = child_bds_drained_poll,
    .drained_end = child_bds_drained_end,
};

/* --- all nodes --- */

static bool poll_all(void)
{
    BlockDriverState *bs;

    TAILQ_FOREACH(bs, &bdrv_all_states, bs_list) {
        if (poll_node(bs)) {
            return true;
        }
    }
    return false;
}

void bdrv_drain_all_begin(void)
{
    BlockDriverState *bs;

    assert(!qemu_in_coroutine());
    drain_all_count++;
    /* No node comes or goes inside the section */
    TAILQ_FOREACH(bs, &bdrv_all_states, bs_list) {
        quiesce(bs);
        bs->all_quiesced++;
    }
    AIO_WAIT_WHILE(NULL, poll_all());
}

void bdrv_drain_all_end(void)
{
    BlockDriverState *bs, *next;

    assert(drain_all_count > 0);
    drain_all_count--;
    /* Nodes that came since the begin are not part of it */
    TAILQ_FOREACH_SAFE(bs, &bdrv_all_states, bs_list, next) {
        if (bs->all_quiesced > drain_all_count) {
            bs->all_quiesced--;
            unquiesce(bs);
        }
    }
}

void bdrv_drain_all(void)
{
    bdrv_drain_all_begin();
    bdrv_drain_all_end();
}

int bdrv_flush_all(void)
{
    BlockDriverState *bs;
    int ret, result = 0;

    TAILQ_FOREACH(bs, &bdrv_all_states, bs_list) {
        bdrv_ref(bs);
        ret = bs->drv ? bdrv_flush(bs) : 0;
        if (ret < 0 && !result) {
            result = ret;
        }
        /* Somebody else still has it: it is in the list */
        bs->refcnt--;
    }
    return result;
}
