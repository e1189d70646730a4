/*
 * Changing the options of open nodes.
 *
 *   bdrv_reopen_queue()      what each node's options would be
 *   bdrv_reopen_multiple()   drain, flush, then
 *     prepare_node()         each driver checks its options     may fail
 *     apply_node()           flags and edges as they will be    no
 *     bdrv_refresh_perms_n() do all parents and programs agree? may fail
 *     commit_node()          or abort_node()                    no
 *
 * Where the value of an option comes from, first match: the caller; what the
 * user once gave (if old values are kept); the parent; the value in use.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/reopen.h"

#include "block/block-int.h"
#include "block/options.h"
#include "block/opts.h"

TAILQ_HEAD(ReopenNodes, BDRVReopenState);
struct BlockReopenQueue {
    struct ReopenNodes nodes; /* parents before children */
};

/* --- the queue --- */

/* What a node gets from its parent. */
typedef struct Heritage {
    const BdrvChild *edge; /* NULL: the caller named the node */
    bool parent_is_format;
    int parent_flags;
    QDict *parent_options;
} Heritage;

static BDRVReopenState *find_entry(BlockReopenQueue *q,
                                   const BlockDriverState *bs)
{
    BDRVReopenState *state;

    TAILQ_FOREACH(state, &q->nodes, next) {
        if (state->bs == bs) {
            return state;
        }
    }
    return NULL;
}

static bool names_child(const QDict *options, const char *name)
{
    g_autofree char *prefix = g_strdup_printf("%s.", name);
    const QDictEntry *e;

    QDICT_FOREACH(options, e) {
        if (!strcmp(qdict_entry_key(e), name) ||
            g_str_has_prefix(qdict_entry_key(e), prefix)) {
            return true;
        }
    }
    return false;
}

/*
 * Add those of @from to @to that are not there. What @to says of a child (by
 * reference or option by option) replaces all that @from says of it.
 */
static void join_options(const BlockDriverState *bs, QDict *to,
                         const QDict *from)
{
    g_autoptr(QDict) copy = qdict_clone_shallow(from);
    const BdrvChild *c;

    LIST_FOREACH(c, &bs->children, next) {
        g_autofree char *prefix = g_strdup_printf("%s.", c->name);

        if (qdict_haskey(to, c->name)) {
            QDict *dropped;

            qdict_extract_subqdict(copy, &dropped, prefix);
            qobject_unref(dropped);
        } else if (names_child(to, c->name)) {
            qdict_del(copy, c->name);
        }
    }
    qdict_join(to, copy, false);
}

static bool has_backing_file(BlockDriverState *bs)
{
    BlockDriverInfo info;

    return bs->backing || (bdrv_get_info(bs, &info) == 0 && info.backing_file);
}

static void queue_node(BlockReopenQueue *q, BlockDriverState *bs,
                       QDict *options, const Heritage *h, bool keep_old);

static void queue_children(BlockReopenQueue *q, BDRVReopenState *state)
{
    BlockDriverState *bs = state->bs;
    const BdrvChild *c;

    LIST_FOREACH(c, &bs->children, next) {
        g_autofree char *prefix = g_strdup_printf("%s.", c->name);
        Heritage h = { .edge = c,
                       .parent_is_format = bs->drv && bs->drv->is_format,
                       .parent_flags = state->flags,
                       .parent_options = state->options };
        bool keep_old = state->keep_old;
        QDict *options = NULL, *dropped;

        /* A node that somebody else made keeps its options */
        if (c->bs->inherits_from != bs) {
            continue;
        }
        if (qdict_haskey(state->options, c->name)) {
            const char *name = qdict_get_try_str(state->options, c->name);

            if (g_strcmp0(name, c->bs->node_name)) {
                continue;
            }
            keep_old = true;
        } else {
            qdict_extract_subqdict(state->explicit_options, &dropped, prefix);
            qobject_unref(dropped);
            qdict_extract_subqdict(state->options, &options, prefix);
        }
        queue_node(q, c->bs, options, &h, keep_old);
    }
}

static void queue_node(BlockReopenQueue *q, BlockDriverState *bs,
                       QDict *options, const Heritage *h, bool keep_old)
{
    BDRVReopenState *state = find_entry(q, bs);
    QDict *opts = options ? options : qdict_new();
    int flags = bs->open_flags;

    /* Before anything is inherited: did the caller say? */
    bool backing_missing = !keep_old && has_backing_file(bs) &&
                           !names_child(opts, "backing");

    if (state) {
        join_options(bs, opts, state->explicit_options);
        TAILQ_REMOVE(&q->nodes, state, next);
        qobject_unref(state->options);
        qobject_unref(state->explicit_options);
    } else {
        state = g_new0(BDRVReopenState, 1);
        state->bs = bs;
        bdrv_ref(bs);
        if (keep_old) {
            join_options(bs, opts, bs->explicit_options);
        }
    }
    state->explicit_options = qdict_clone_shallow(opts);
    if (h->edge && h->edge->klass->inherit_options) {
        h->edge->klass->inherit_options(h->edge->role, h->parent_is_format,
                                        &flags, opts, h->parent_flags,
                                        h->parent_options);
    }
    if (keep_old) {
        join_options(bs, opts, bs->options);
    }
    /* What kind of node it is was settled when it was opened */
    state->flags = (flags & ~BDRV_O_PROTOCOL) |
                   (bs->open_flags & BDRV_O_PROTOCOL);
    if (!keep_old) {
        state->flags &= ~(BDRV_O_CACHE_MASK | BDRV_O_AUTO_RDONLY);
        state->flags |= BDRV_O_RDWR;
    }
    /* Values that are none are refused when the node is prepared */
    bdrv_flags_from_options(&state->flags, opts, NULL);
    state->options = opts;
    state->keep_old = keep_old;
    state->backing_missing = backing_missing;
    TAILQ_INSERT_TAIL(&q->nodes, state, next);
    queue_children(q, state);
}

BlockReopenQueue *bdrv_reopen_queue(BlockReopenQueue *queue,
                                    BlockDriverState *bs, QDict *options,
                                    bool keep_old)
{
    Heritage none = { 0 };

    if (!queue) {
        queue = g_new0(BlockReopenQueue, 1);
        TAILQ_INIT(&queue->nodes);
    }
    queue_node(queue, bs, options, &none, keep_old);
    return queue;
}

void bdrv_reopen_queue_free(BlockReopenQueue *queue)
{
    BDRVReopenState *state, *next;

    TAILQ_FOREACH_SAFE(state, &queue->nodes, next, next) {
        bdrv_unref(state->bs);
        qobject_unref(state->options);
        qobject_unref(state->rest);
        qobject_unref(state->explicit_options);
        g_free(state);
    }
    g_free(queue);
}

/* --- prepare --- */

static BdrvCommonState get_common(const BlockDriverState *bs)
{
    return (BdrvCommonState){ .open_flags = bs->open_flags,
                              .read_only = bs->read_only,
                              .force_share = bs->force_share,
                              .detect_zeroes = bs->detect_zeroes };
}

static void set_common(BlockDriverState *bs, const BdrvCommonState *c)
{
    bs->open_flags = c->open_flags;
    bs->read_only = c->read_only;
    bs->force_share = c->force_share;
    bs->detect_zeroes = c->detect_zeroes;
}

/* Options of every node: out of state->rest into state->new_common. */
static bool prepare_common(BDRVReopenState *state, Error **errp)
{
    BlockDriverState *bs = state->bs;
    QObject *share = qdict_get(state->rest, "force-share");
    bool ok;

    state->old_common = get_common(bs);
    ok = bdrv_flags_from_options(&state->flags, state->rest, errp);
    if (ok) {
        if (share) {
            /* Cannot change: looked at later */
            qobject_ref(share);
            qdict_del(state->rest, "force-share");
        }
        bs->open_flags = state->flags;
        bs->read_only = !(state->flags & BDRV_O_RDWR);
        ok = bdrv_take_common_options(bs, state->rest, errp);
        state->new_common = get_common(bs);
        state->flags = bs->open_flags;
        set_common(bs, &state->old_common);
        if (share) {
            qdict_put_obj(state->rest, "force-share", share);
        }
    }
    return ok;
}

static bool in_list(const char *const *list, const char *key)
{
    for (; list && *list; list++) {
        if (!strcmp(*list, key)) {
            return true;
        }
    }
    return false;
}

/* An option that is missing goes back to its default: can it? */
static bool check_resets(const BDRVReopenState *state, Error **errp)
{
    static const char *const common[] = {
        "discard",        "cache.direct",  "cache.no-flush", "read-only",
        "auto-read-only", "detect-zeroes", "active",         NULL,
    };
    const BlockDriverState *bs = state->bs;
    const QDictEntry *e;
    const BdrvChild *c;

    QDICT_FOREACH(bs->options, e) {
        const char *key = qdict_entry_key(e);
        bool of_child = false;

        if (qdict_haskey(state->options, key) || in_list(common, key) ||
            in_list(bs->drv->mutable_opts, key)) {
            continue;
        }
        /* A child's own options are looked at with the child */
        LIST_FOREACH(c, &bs->children, next) {
            g_autofree char *prefix = g_strdup_printf("%s.", c->name);

            of_child |= g_str_has_prefix(key, prefix) || !strcmp(key, c->name);
        }
        if (!of_child) {
            error_setg(errp, "Option '%s' cannot be reset to its default value",
                       key);
            return false;
        }
    }
    return true;
}

static bool edge_may_change(const BlockDriverState *bs, const char *key,
                            BlockDriverState *old_bs, BlockDriverState *new_bs,
                            Error **errp)
{
    if (new_bs && bdrv_depends_on(new_bs, bs)) {
        error_setg(errp, "Making '%s' a %s child of '%s' would create a cycle",
                   new_bs->node_name, key, bs->node_name);
        return false;
    }
    if (old_bs && old_bs->implicit) {
        error_setg(errp, "Cannot replace implicit %s child of %s", key,
                   bs->node_name);
        return false;
    }
    if (bs->drv->is_filter && !old_bs) {
        error_setg(errp,
                   "'%s' is a %s filter node that does not support a %s child",
                   bs->node_name, bs->drv->format_name, key);
        return false;
    }
    if (!strcmp(key, "backing") && !bs->drv->supports_backing) {
        error_setg(errp,
                   "Driver '%s' of node '%s' does not support backing files",
                   bs->drv->format_name, bs->node_name);
        return false;
    }
    return true;
}

/* "file" or "backing" may name another node. */
static bool prepare_edge(BDRVReopenState *state, int i, const char *key,
                         BdrvChild **field, Error **errp)
{
    BlockDriverState *bs = state->bs, *new_bs = NULL;
    BlockDriverState *old_bs = *field ? (*field)->bs : NULL;
    QObject *value = qdict_get(state->rest, key);
    const char *name;

    if (!value || (qobject_type(value) != QTYPE_QNULL &&
                   qobject_type(value) != QTYPE_QSTRING)) {
        return true;
    }
    name = qdict_get_try_str(state->rest, key);
    /* On a command line "" stands for null */
    if (name && *name) {
        new_bs = bdrv_lookup_bs(NULL, name, errp);
        if (!new_bs) {
            return false;
        }
    } else if (strcmp(key, "backing")) {
        return true;
    }
    qdict_del(state->rest, key);
    if (new_bs == old_bs) {
        return true;
    }
    if (!edge_may_change(bs, key, old_bs, new_bs, errp)) {
        return false;
    }
    state->edge[i].field = field;
    state->edge[i].old_bs = old_bs;
    state->edge[i].new_bs = new_bs;
    state->edge[i].change = true;
    return true;
}

/* What no driver has taken must be as it was. */
static bool check_rest(const BDRVReopenState *state, Error **errp)
{
    const BlockDriverState *bs = state->bs;
    const QDictEntry *e;
    const BdrvChild *c;

    QDICT_FOREACH(state->rest, e) {
        const char *key = qdict_entry_key(e);
        const char *name = qdict_get_try_str(state->rest, key);
        bool same = bdrv_option_is_equal(qdict_entry_value(e),
                                         qdict_get(bs->options, key));

        LIST_FOREACH(c, &bs->children, next) {
            same |= name && !strcmp(c->name, key) &&
                    !strcmp(c->bs->node_name, name);
        }
        if (!same) {
            error_setg(errp, "Cannot change the option '%s'", key);
            return false;
        }
    }
    return true;
}

static int driver_prepare(BDRVReopenState *state, BlockReopenQueue *q,
                          Error **errp)
{
    BlockDriverState *bs = state->bs;
    Error *local_err = NULL;
    int ret;

    if (!bs->drv->bdrv_reopen_prepare) {
        error_setg(errp,
                   "Block format '%s' used by node '%s' does not support "
                   "reopening files",
                   bs->drv->format_name, bdrv_get_device_or_node_name(bs));
        return -ENOTSUP;
    }
    if (!check_resets(state, errp)) {
        return -EINVAL;
    }
    ret = bs->drv->bdrv_reopen_prepare(state, q, &local_err);
    if (local_err) {
        error_propagate(errp, local_err);
    } else if (ret < 0) {
        bdrv_refresh_filename(bs);
        error_setg(errp, "failed while preparing to reopen image '%s'",
                   bs->filename);
    }
    return ret;
}

static int prepare_node(BDRVReopenState *state, BlockReopenQueue *q,
                        Error **errp)
{
    BlockDriverState *bs = state->bs;
    int ret;

    if (!bs->drv) {
        error_setg(errp, "Node '%s' has no medium", bs->node_name);
        return -ENOMEDIUM;
    }
    state->rest = qdict_clone_shallow(state->options);
    if (!prepare_common(state, errp)) {
        return -EINVAL;
    }
    if (bdrv_is_writable(bs)) {
        ret = bdrv_flush(bs);
        if (ret < 0) {
            error_setg_errno(errp, -ret, "Error flushing drive");
            return ret;
        }
    }
    ret = driver_prepare(state, q, errp);
    if (ret < 0) {
        return ret;
    }
    state->prepared = true;
    if (bs->drv->supports_backing && state->backing_missing) {
        error_setg(errp, "backing is missing for '%s'", bs->node_name);
        return -EINVAL;
    }
    return prepare_edge(state, 0, "backing", &bs->backing, errp) &&
                   prepare_edge(state, 1, "file", &bs->file, errp) &&
                   check_rest(state, errp)
               ? 0
               : -EINVAL;
}

/* --- apply, commit, abort --- */

static void apply_edge(BDRVReopenState *state, int i)
{
    BdrvChild **field = state->edge[i].field;
    BlockDriverState *new_bs = state->edge[i].new_bs;

    if (!state->edge[i].change) {
        return;
    }
    if (new_bs) {
        bdrv_ref(new_bs);
        bdrv_drained_begin(new_bs);
    }
    if (state->edge[i].old_bs) {
        bdrv_ref(state->edge[i].old_bs);
        bdrv_drained_begin(state->edge[i].old_bs);
    }
    if (*field && new_bs) {
        bdrv_replace_child_noperm(*field, new_bs);
    } else if (*field) {
        bdrv_replace_child_noperm(*field, NULL);
        state->edge[i].old_edge = *field;
        *field = NULL;
    } else {
        *field = bdrv_attach_child_noperm(
            state->bs, new_bs, i == 0 ? "backing" : "file",
            i == 0 ? BDRV_CHILD_COW : BDRV_CHILD_PRIMARY | BDRV_CHILD_IMAGE);
    }
}

/* Make the edge's references and drains those of the new or old state. */
static void finish_edge(BDRVReopenState *state, int i, bool commit)
{
    BdrvChild **field = state->edge[i].field;
    BlockDriverState *old_bs = state->edge[i].old_bs;
    BlockDriverState *new_bs = state->edge[i].new_bs;
    BdrvChild *gone = commit ? state->edge[i].old_edge : NULL;

    if (!state->edge[i].change) {
        return;
    }
    if (!commit && *field && old_bs) {
        bdrv_replace_child_noperm(*field, old_bs);
    } else if (!commit && *field) {
        bdrv_replace_child_noperm(*field, NULL);
        gone = *field;
        *field = NULL;
    } else if (!commit) {
        *field = state->edge[i].old_edge;
        bdrv_replace_child_noperm(*field, old_bs);
    }
    if (gone) {
        bdrv_free_child_noperm(gone);
    }
    if (old_bs) {
        if (commit && old_bs->inherits_from == state->bs) {
            old_bs->inherits_from = NULL;
        }
        bdrv_drained_end(old_bs);
        bdrv_unref(old_bs); /* ours */
        if (commit) {
            bdrv_unref(old_bs); /* the edge's */
        }
    }
    if (new_bs) {
        bdrv_drained_end(new_bs);
        if (!commit) {
            bdrv_unref(new_bs); /* else the edge has it */
        }
    }
}

static void apply_node(BDRVReopenState *state)
{
    state->bs->was_writable = bdrv_is_writable(state->bs);
    set_common(state->bs, &state->new_common);
    apply_edge(state, 0);
    apply_edge(state, 1);
    state->applied = true;
}

static void abort_node(BDRVReopenState *state)
{
    if (state->applied) {
        finish_edge(state, 0, false);
        finish_edge(state, 1, false);
        set_common(state->bs, &state->old_common);
    }
    if (state->prepared && state->bs->drv->bdrv_reopen_abort) {
        state->bs->drv->bdrv_reopen_abort(state);
    }
}

static void refresh_limits_up(BlockDriverState *bs)
{
    BdrvChild *c;

    bdrv_refresh_limits(bs, NULL);
    LIST_FOREACH(c, &bs->parents, next_parent) {
        if (c->klass->parent_is_bds) {
            refresh_limits_up(c->opaque);
        }
    }
}

/* The options as they are now. Which child is where tells the graph. */
static void commit_options(BDRVReopenState *state)
{
    BlockDriverState *bs = state->bs;
    const BdrvChild *c;

    LIST_FOREACH(c, &bs->children, next) {
        qdict_del(state->explicit_options, c->name);
        qdict_del(state->options, c->name);
    }
    qdict_del(state->explicit_options, "backing");
    qdict_del(state->options, "backing");
    qobject_unref(bs->explicit_options);
    qobject_unref(bs->options);
    bs->explicit_options = qobject_ref(state->explicit_options);
    bs->options = qobject_ref(state->options);
}

static void commit_node(BDRVReopenState *state)
{
    BlockDriverState *bs = state->bs;

    commit_options(state);
    if (bs->drv->bdrv_reopen_commit) {
        bs->drv->bdrv_reopen_commit(state);
    }
    finish_edge(state, 0, true);
    finish_edge(state, 1, true);
    bdrv_refresh_length(bs);
    refresh_limits_up(bs);
    bdrv_refresh_filename(bs);
}

static int refresh_all_perms(BlockReopenQueue *q, Error **errp)
{
    GPtrArray *roots = g_ptr_array_new();
    BDRVReopenState *state;
    int ret;

    TAILQ_FOREACH(state, &q->nodes, next) {
        g_ptr_array_add(roots, state->bs);
        for (int i = 0; i < 2; i++) {
            if (state->edge[i].old_bs) {
                g_ptr_array_add(roots, state->edge[i].old_bs);
            }
        }
    }
    ret = bdrv_refresh_perms_n((BlockDriverState **)roots->pdata, roots->len,
                               errp);
    g_ptr_array_free(roots, TRUE);
    return ret;
}

static int reopen_drained(BlockReopenQueue *q, Error **errp)
{
    BDRVReopenState *state;
    int ret = 0;

    TAILQ_FOREACH(state, &q->nodes, next) {
        ret = prepare_node(state, q, errp);
        if (ret < 0) {
            goto fail;
        }
    }
    TAILQ_FOREACH(state, &q->nodes, next) {
        apply_node(state);
    }
    ret = refresh_all_perms(q, errp);
    TAILQ_FOREACH(state, &q->nodes, next) {
        state->bs->was_writable = false;
    }
    if (ret < 0) {
        goto fail;
    }
    /* Children first: parents may use them */
    TAILQ_FOREACH_REVERSE(state, &q->nodes, ReopenNodes, next)
    {
        commit_node(state);
    }
    TAILQ_FOREACH_REVERSE(state, &q->nodes, ReopenNodes, next)
    {
        if (state->bs->drv->bdrv_reopen_commit_post) {
            state->bs->drv->bdrv_reopen_commit_post(state);
        }
    }
    return 0;

fail:
    TAILQ_FOREACH_REVERSE(state, &q->nodes, ReopenNodes, next)
    {
        abort_node(state);
    }
    return ret;
}

int bdrv_reopen_multiple(BlockReopenQueue *queue, Error **errp)
{
    BDRVReopenState *state;
    int ret;

    TAILQ_FOREACH(state, &queue->nodes, next) {
        bdrv_drained_begin(state->bs);
    }
    ret = reopen_drained(queue, errp);
    TAILQ_FOREACH_REVERSE(state, &queue->nodes, ReopenNodes, next)
    {
        bdrv_drained_end(state->bs);
    }
    bdrv_reopen_queue_free(queue);
    return ret;
}

int bdrv_reopen(BlockDriverState *bs, QDict *options, bool keep_old,
                Error **errp)
{
    return bdrv_reopen_multiple(bdrv_reopen_queue(NULL, bs, options, keep_old),
                                errp);
}

int bdrv_reopen_set_read_only(BlockDriverState *bs, bool read_only,
                              Error **errp)
{
    QDict *options = qdict_new();

    qdict_put_bool(options, "read-only", read_only);
    return bdrv_reopen(bs, options, true, errp);
}
