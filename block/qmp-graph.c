/*
 * QMP: x-debug-query-block-graph.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/blk-int.h"
#include "block/block-backend.h"
#include "block/block-int.h"
#include "block/block.h"
#include "qapi/qapi-commands-block-core.h"
#include "qapi/util.h"

typedef struct GraphWriter {
    XDbgBlockGraph *graph;
    GHashTable *ids; /* of what is at that address */
} GraphWriter;

/* Ids count from 1, by first mention. */
static uint64_t id_of(GraphWriter *w, const void *what)
{
    uint64_t id = GPOINTER_TO_SIZE(g_hash_table_lookup(w->ids, what));

    if (!id) {
        id = g_hash_table_size(w->ids) + 1;
        g_hash_table_insert(w->ids, (void *)what, GSIZE_TO_POINTER(id));
    }
    return id;
}

static void add_node(GraphWriter *w, const void *what,
                     XDbgBlockGraphNodeType type, const char *name)
{
    XDbgBlockGraphNode *node = g_new0(XDbgBlockGraphNode, 1);

    node->id = id_of(w, what);
    node->type = type;
    node->name = g_strdup(name);
    QAPI_LIST_PREPEND(w->graph->nodes, node);
}

static BlockPermissionList *perm_list(uint64_t perm)
{
    static const struct {
        uint64_t perm;
        BlockPermission name;
    } names[] = {
        { BLK_PERM_CONSISTENT_READ, BLOCK_PERMISSION_CONSISTENT_READ },
        { BLK_PERM_WRITE, BLOCK_PERMISSION_WRITE },
        { BLK_PERM_WRITE_UNCHANGED, BLOCK_PERMISSION_WRITE_UNCHANGED },
        { BLK_PERM_RESIZE, BLOCK_PERMISSION_RESIZE },
    };
    BlockPermissionList *list = NULL;

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (perm & names[i].perm) {
            QAPI_LIST_PREPEND(list, names[i].name);
        }
    }
    return list;
}

static void add_edge(GraphWriter *w, const void *parent, const BdrvChild *c)
{
    XDbgBlockGraphEdge *edge = g_new0(XDbgBlockGraphEdge, 1);

    edge->parent = id_of(w, parent);
    edge->child = id_of(w, c->bs);
    edge->name = g_strdup(c->name);
    edge->perm = perm_list(c->perm);
    edge->shared_perm = perm_list(c->shared_perm);
    QAPI_LIST_PREPEND(w->graph->edges, edge);
}

XDbgBlockGraph *qmp_x_debug_query_block_graph(Error **errp)
{
    GraphWriter w = { g_new0(XDbgBlockGraph, 1),
                      g_hash_table_new(g_direct_hash, g_direct_equal) };
    BlockDriverState *bs;
    BlockBackend *blk;
    BdrvChild *c;

    for (blk = blk_all_next(NULL); blk; blk = blk_all_next(blk)) {
        g_autofree char *name = *blk_name(blk) ? g_strdup(blk_name(blk))
                                               : blk_get_attached_dev_id(blk);

        add_node(&w, blk, X_DBG_BLOCK_GRAPH_NODE_TYPE_BLOCK_BACKEND, name);
        if (blk->root) {
            add_edge(&w, blk, blk->root);
        }
    }
    for (bs = bdrv_next_node(NULL); bs; bs = bdrv_next_node(bs)) {
        add_node(&w, bs, X_DBG_BLOCK_GRAPH_NODE_TYPE_BLOCK_DRIVER,
                 bs->node_name);
        LIST_FOREACH(c, &bs->children, next) {
            add_edge(&w, bs, c);
        }
    }
    g_hash_table_unref(w.ids);
    return w.graph;
}
