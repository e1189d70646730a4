/*
 * What is known of a node and all its children, as a tree.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/block-int.h"
#include "block/query.h"
#include "qapi/qapi-visit-block-core.h"
#include "qapi/qobject-output-visitor.h"
#include "qobject/qlist.h"

/* @info without what is below, as a dictionary. */
static QDict *node_to_qdict(ImageInfo *info)
{
    BlockNodeInfo *node = (BlockNodeInfo *)info; /* begins with its members */
    QObject *obj = NULL;
    Visitor *v = qobject_output_visitor_new(&obj);

    visit_type_BlockNodeInfo(v, NULL, &node, &error_abort);
    visit_complete(v, &obj);
    visit_free(v);
    return qobject_to(QDict, obj);
}

QDict *bdrv_query_graph_info(BlockDriverState *bs, Error **errp)
{
    ImageInfo *info = bdrv_query_image_info(bs, true, errp);
    QList *children;
    QDict *dict;
    BdrvChild *c;

    if (!info) {
        return NULL;
    }
    dict = node_to_qdict(info);
    qapi_free_ImageInfo(info);
    children = qlist_new();
    qdict_put(dict, "children", children);
    LIST_FOREACH(c, &bs->children, next) {
        QDict *below = bdrv_query_graph_info(c->bs, errp);
        QDict *child;

        if (!below) {
            qobject_unref(dict);
            return NULL;
        }
        child = qdict_new();
        qdict_put_str(child, "name", c->name);
        qdict_put(child, "info", below);
        qlist_append(children, child);
    }
    return dict;
}
