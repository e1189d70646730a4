/*
 * blkdebug: a filter for tests. Rules that wait for events (block/debug.h)
 * make requests fail, change the state that other rules ask for, or hold a
 * request until qemu-io lets it go on. It can also pretend limits.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/filters/blkdebug.h"

#include "block/filters/filter.h"
#include "block/opts.h"
#include "qobject/qlist.h"
#include "qobject/qstring.h"
#include "util/cutils.h"

/* A request that a breakpoint holds; on its coroutine's stack. */
typedef struct Suspended {
    Coroutine *co;
    const char *tag;
    LIST_ENTRY(Suspended) next;
} Suspended;

typedef struct BlkdebugState {
    /* open */
    char *config_file; /* NULL: none */
    uint64_t align, max_transfer, opt_write_zero, max_write_zero, opt_discard,
        max_discard; /* bytes; 0: as the child */
    uint64_t take_perms, unshare_perms;

    QemuMutex lock;
    uint64_t state;                 /* lock */
    BlkdebugRules rules;            /* lock */
    LIST_HEAD(, Suspended) waiting; /* lock */
} BlkdebugState;

static const char *const blkdebug_strong_runtime_opts[] = {
    "config",         "inject-error.",
    "set-state.",     "align",
    "max-transfer",   "opt-write-zero",
    "max-write-zero", "opt-discard",
    "max-discard",    NULL
};

/* --- events --- */

static void inject(BlkdebugState *s, BlkdebugRule *rule, bool *first)
{
    BlkdebugRule *r;

    /* The errors of one event replace those of an earlier one */
    if (*first) {
        TAILQ_FOREACH(r, &s->rules, next) {
            r->active = false;
        }
        *first = false;
    }
    rule->active = true;
}

/* Under the lock: do what the rules for @event say. Breakpoints are only
 * obeyed for a coroutine that can wait; the tag of one, or NULL. */
static char *run_rules(BlkdebugState *s, BlkdebugEvent event, bool can_wait)
{
    uint64_t new_state = s->state;
    bool first = true;
    char *tag = NULL;
    BlkdebugRule *r, *next;

    TAILQ_FOREACH_SAFE(r, &s->rules, next, next) {
        if (r->event != event || (r->state && r->state != s->state)) {
            continue;
        }
        if (r->action == BLKDEBUG_INJECT_ERROR) {
            inject(s, r, &first);
        } else if (r->action == BLKDEBUG_SET_STATE) {
            new_state = r->new_state;
        } else if (can_wait && !tag) {
            tag = g_steal_pointer(&r->tag);
            blkdebug_rule_free(&s->rules, r);
        }
    }
    s->state = new_state;
    return tag;
}

static void coroutine_fn blkdebug_co_debug_event(BlockDriverState *bs,
                                                 BlkdebugEvent event)
{
    BlkdebugState *s = bs->opaque;
    g_autofree char *tag = NULL;
    Suspended self = { .co = qemu_coroutine_self() };

    qemu_mutex_lock(&s->lock);
    tag = run_rules(s, event, true);
    if (tag) {
        self.tag = tag;
        LIST_INSERT_HEAD(&s->waiting, &self, next);
        printf("blkdebug: Suspended request '%s'\n", tag);
    }
    qemu_mutex_unlock(&s->lock);
    if (tag) {
        qemu_coroutine_yield();
    }
}

static void blkdebug_debug_event(BlockDriverState *bs, BlkdebugEvent event)
{
    BlkdebugState *s = bs->opaque;
    QEMU_LOCK_GUARD(&s->lock);

    run_rules(s, event, false);
}

/* --- breakpoints --- */

static int blkdebug_debug_breakpoint(BlockDriverState *bs, const char *event,
                                     const char *tag)
{
    BlkdebugState *s = bs->opaque;
    int value = qapi_enum_parse(&BlkdebugEvent_lookup, event, -1, NULL);
    BlkdebugRule *r;

    if (value < 0) {
        return -ENOENT;
    }
    r = g_new0(BlkdebugRule, 1);
    r->event = value;
    r->action = BLKDEBUG_SUSPEND;
    r->tag = g_strdup(tag);
    QEMU_LOCK_GUARD(&s->lock);
    TAILQ_INSERT_TAIL(&s->rules, r, next);
    return 0;
}

static Suspended *find_suspended(BlkdebugState *s, const char *tag)
{
    Suspended *w;

    LIST_FOREACH(w, &s->waiting, next) {
        if (!strcmp(w->tag, tag)) {
            return w;
        }
    }
    return NULL;
}

/* One request goes on; false: there is none. */
static bool resume_one(BlkdebugState *s, const char *tag)
{
    Coroutine *co = NULL;
    Suspended *w;

    qemu_mutex_lock(&s->lock);
    w = find_suspended(s, tag);
    if (w) {
        LIST_REMOVE(w, next);
        co = w->co;
        printf("blkdebug: Resuming request '%s'\n", tag);
    }
    qemu_mutex_unlock(&s->lock);
    if (co) {
        aio_co_wake(co);
    }
    return co;
}

static int blkdebug_debug_resume(BlockDriverState *bs, const char *tag)
{
    return resume_one(bs->opaque, tag) ? 0 : -ENOENT;
}

static int blkdebug_debug_remove_breakpoint(BlockDriverState *bs,
                                            const char *tag)
{
    BlkdebugState *s = bs->opaque;
    int ret = -ENOENT;
    BlkdebugRule *r, *next;

    qemu_mutex_lock(&s->lock);
    TAILQ_FOREACH_SAFE(r, &s->rules, next, next) {
        if (r->action == BLKDEBUG_SUSPEND && !strcmp(r->tag, tag)) {
            blkdebug_rule_free(&s->rules, r);
            ret = 0;
        }
    }
    qemu_mutex_unlock(&s->lock);
    /* A rule that was hit is gone: there is nothing to remove then */
    while (resume_one(s, tag)) {
    }
    return ret;
}

static bool blkdebug_debug_is_suspended(BlockDriverState *bs, const char *tag)
{
    BlkdebugState *s = bs->opaque;
    QEMU_LOCK_GUARD(&s->lock);

    return find_suspended(s, tag);
}

/* --- errors --- */

static bool rule_matches(const BlkdebugRule *r, int64_t offset, int64_t bytes,
                         BlkdebugIOType type)
{
    int64_t pos = r->sector * BDRV_SECTOR_SIZE;

    return r->active && (r->iotypes & 1u << type) &&
           (r->sector < 0 || (bytes && pos >= offset && pos - offset < bytes));
}

/* 0, or the error that this request is to have. */
static int coroutine_fn rule_check(BlockDriverState *bs, int64_t offset,
                                   int64_t bytes, BlkdebugIOType type)
{
    BlkdebugState *s = bs->opaque;
    bool immediately = true;
    BlkdebugRule *r;
    int error = 0;

    qemu_mutex_lock(&s->lock);
    TAILQ_FOREACH(r, &s->rules, next) {
        if (rule_matches(r, offset, bytes, type)) {
            break;
        }
    }
    if (r && r->error) {
        error = r->error;
        immediately = r->immediately;
        if (r->once) {
            blkdebug_rule_free(&s->rules, r);
        }
    }
    qemu_mutex_unlock(&s->lock);
    if (!immediately) {
        aio_co_schedule(qemu_get_current_aio_context(), qemu_coroutine_self());
        qemu_coroutine_yield();
    }
    return -error;
}

/* --- requests --- */

static int coroutine_fn blkdebug_co_preadv(BlockDriverState *bs, int64_t offset,
                                           int64_t bytes, QEMUIOVector *qiov,
                                           BdrvRequestFlags flags)
{
    int ret = rule_check(bs, offset, bytes, BLKDEBUG_IO_TYPE_READ);

    return ret < 0 ? ret : bdrv_co_preadv(bs->file, offset, bytes, qiov, flags);
}

static int coroutine_fn blkdebug_co_pwritev(BlockDriverState *bs,
                                            int64_t offset, int64_t bytes,
                                            QEMUIOVector *qiov,
                                            BdrvRequestFlags flags)
{
    int ret = rule_check(bs, offset, bytes, BLKDEBUG_IO_TYPE_WRITE);

    return ret < 0 ? ret
                   : bdrv_co_pwritev(bs->file, offset, bytes, qiov, flags);
}

static int coroutine_fn blkdebug_co_pwrite_zeroes(BlockDriverState *bs,
                                                  int64_t offset, int64_t bytes,
                                                  BdrvRequestFlags flags)
{
    uint32_t align = MAX(bs->bl.request_alignment,
                         bs->bl.pwrite_zeroes_alignment);
    int ret;

    /* What is not whole has to be written as data */
    if (bytes < align) {
        return -ENOTSUP;
    }
    ret = rule_check(bs, offset, bytes, BLKDEBUG_IO_TYPE_WRITE_ZEROES);
    return ret < 0 ? ret
                   : bdrv_co_pwrite_zeroes(bs->file, offset, bytes, flags);
}

static int coroutine_fn blkdebug_co_pdiscard(BlockDriverState *bs,
                                             int64_t offset, int64_t bytes)
{
    int ret;

    if (bytes < bs->bl.pdiscard_alignment) {
        return -ENOTSUP;
    }
    ret = rule_check(bs, offset, bytes, BLKDEBUG_IO_TYPE_DISCARD);
    return ret < 0 ? ret : bdrv_co_pdiscard(bs->file, offset, bytes);
}

static int coroutine_fn blkdebug_co_flush(BlockDriverState *bs)
{
    /* The child is flushed by the caller */
    return rule_check(bs, 0, 0, BLKDEBUG_IO_TYPE_FLUSH);
}

static int coroutine_fn blkdebug_co_block_status(BlockDriverState *bs,
                                                 bool want_zero, int64_t offset,
                                                 int64_t bytes, int64_t *pnum,
                                                 int64_t *map,
                                                 BlockDriverState **file)
{
    int ret = rule_check(bs, offset, bytes, BLKDEBUG_IO_TYPE_BLOCK_STATUS);

    return ret < 0 ? ret
                   : bdrv_filter_co_block_status(bs, want_zero, offset, bytes,
                                                 pnum, map, file);
}

/* --- opening --- */

static void blkdebug_parse_filename(const char *filename, QDict *options,
                                    Error **errp)
{
    const char *config, *colon;

    if (!g_str_has_prefix(filename, "blkdebug:")) {
        /* The image's name; all else is among the options */
        qdict_put_str(options, "x-image", filename);
        return;
    }
    config = filename + strlen("blkdebug:");
    colon = strchr(config, ':');
    if (!colon) {
        error_setg(errp, "blkdebug requires both config file and image path");
        return;
    }
    if (colon != config) {
        g_autofree char *name = g_strndup(config, colon - config);

        qdict_put_str(options, "config", name);
    }
    qdict_put_str(options, "x-image", colon + 1);
}

static bool take_perms(QDict *options, const char *key, uint64_t *perms,
                       Error **errp)
{
    g_autofree char *prefix = g_strdup_printf("%s.", key);
    g_autoptr(QDict) sub = NULL;
    g_autoptr(QList) list = NULL;
    const QListEntry *e;

    qdict_extract_subqdict(options, &sub, prefix);
    qdict_array_split(sub, &list);
    QLIST_FOREACH_ENTRY(list, e) {
        QString *name = qobject_to(QString, qlist_entry_obj(e));
        int value = qapi_enum_parse(&BlockPermission_lookup,
                                    name ? qstring_get_str(name) : "", -1,
                                    NULL);

        if (value < 0) {
            error_setg(errp, "Parameter 'null' does not accept value '%s'",
                       name ? qstring_get_str(name) : "");
            return false;
        }
        /* Both lists are in the same order */
        *perms |= UINT64_C(1) << value;
    }
    return true;
}

/* A limit that the child's alignment goes into. */
static bool take_limit(QDict *options, const char *key, uint64_t unit,
                       uint64_t *value, Error **errp)
{
    if (!bdrv_take_size(options, key, value, errp)) {
        return false;
    }
    if (*value && (*value >= INT_MAX || !QEMU_IS_ALIGNED(*value, unit))) {
        error_setg(errp, "Cannot meet constraints with %s %" PRIu64, key,
                   *value);
        return false;
    }
    return true;
}

static bool take_limits(BlockDriverState *bs, QDict *options, Error **errp)
{
    BlkdebugState *s = bs->opaque;
    uint64_t align;

    if (!bdrv_take_size(options, "align", &s->align, errp)) {
        return false;
    }
    if (s->align && (s->align >= INT_MAX || !is_power_of_2(s->align))) {
        error_setg(errp, "Cannot meet constraints with align %" PRIu64,
                   s->align);
        return false;
    }
    align = MAX(s->align, bs->file->bs->bl.request_alignment);
    return take_limit(options, "max-transfer", align, &s->max_transfer, errp) &&
           take_limit(options, "opt-write-zero", align, &s->opt_write_zero,
                      errp) &&
           take_limit(options, "max-write-zero", MAX(s->opt_write_zero, align),
                      &s->max_write_zero, errp) &&
           take_limit(options, "opt-discard", align, &s->opt_discard, errp) &&
           take_limit(options, "max-discard", MAX(s->opt_discard, align),
                      &s->max_discard, errp);
}

static void free_state(BlkdebugState *s)
{
    BlkdebugRule *r, *next;

    TAILQ_FOREACH_SAFE(r, &s->rules, next, next) {
        blkdebug_rule_free(&s->rules, r);
    }
    g_free(s->config_file);
    qemu_mutex_destroy(&s->lock);
}

static int blkdebug_open(BlockDriverState *bs, QDict *options, int flags,
                         Error **errp)
{
    BlkdebugState *s = bs->opaque;
    g_autofree char *image = bdrv_take_str(options, "x-image");
    int ret;

    qemu_mutex_init(&s->lock);
    TAILQ_INIT(&s->rules);
    LIST_INIT(&s->waiting);
    s->state = 1;
    s->config_file = bdrv_take_str(options, "config");
    ret = blkdebug_read_rules(&s->rules, s->config_file, options, errp);
    if (ret == 0) {
        bs->file = bdrv_open_child(image, options, "image", bs, &child_of_bds,
                                   BDRV_CHILD_FILTERED | BDRV_CHILD_PRIMARY,
                                   false, errp);
        ret = bs->file ? 0 : -EINVAL;
    }
    if (ret == 0) {
        bdrv_filter_set_flags(bs);
        if (!take_limits(bs, options, errp) ||
            !take_perms(options, "take-child-perms", &s->take_perms, errp) ||
            !take_perms(options, "unshare-child-perms", &s->unshare_perms,
                        errp) ||
            bdrv_refresh_perms(bs, errp) < 0) {
            ret = -EINVAL;
        }
    }
    if (ret < 0) {
        free_state(s);
        return ret;
    }
    blkdebug_debug_event(bs, BLKDEBUG_EVENT_NONE);
    return 0;
}

static void blkdebug_close(BlockDriverState *bs)
{
    free_state(bs->opaque);
}

static void blkdebug_refresh_filename(BlockDriverState *bs)
{
    const BlkdebugState *s = bs->opaque;
    const QDictEntry *e;

    if (!bs->file->bs->exact_filename[0]) {
        return;
    }
    /* Rules among the options have no place in a plain name */
    QDICT_FOREACH(bs->full_open_options, e) {
        const char *key = qdict_entry_key(e);

        if (strcmp(key, "config") && strcmp(key, "image") &&
            strcmp(key, "driver")) {
            return;
        }
    }
    g_free(bs->exact_filename);
    bs->exact_filename = g_strdup_printf("blkdebug:%s:%s",
                                         s->config_file ? s->config_file : "",
                                         bs->file->bs->exact_filename);
}

static void blkdebug_refresh_limits(BlockDriverState *bs, Error **errp)
{
    const BlkdebugState *s = bs->opaque;

    if (s->align) {
        bs->bl.request_alignment = s->align;
    }
    if (s->max_transfer) {
        bs->bl.max_transfer = s->max_transfer;
    }
    if (s->opt_write_zero) {
        bs->bl.pwrite_zeroes_alignment = s->opt_write_zero;
    }
    if (s->max_write_zero) {
        bs->bl.max_pwrite_zeroes = s->max_write_zero;
    }
    if (s->opt_discard) {
        bs->bl.pdiscard_alignment = s->opt_discard;
    }
    if (s->max_discard) {
        bs->bl.max_pdiscard = s->max_discard;
    }
}

static void blkdebug_child_perm(BlockDriverState *bs, BdrvChild *c,
                                BdrvChildRole role, uint64_t perm,
                                uint64_t shared, uint64_t *nperm,
                                uint64_t *nshared)
{
    const BlkdebugState *s = bs->opaque;

    bdrv_default_perms(bs, c, role, perm, shared, nperm, nshared);
    *nperm |= s->take_perms;
    *nshared &= ~s->unshare_perms;
}

const BlockDriver bdrv_blkdebug = {
    .format_name = "blkdebug",
    .protocol_name = "blkdebug",
    .instance_size = sizeof(BlkdebugState),
    .is_filter = true,
    .strong_runtime_opts = blkdebug_strong_runtime_opts,
    .bdrv_parse_filename = blkdebug_parse_filename,
    .bdrv_open = blkdebug_open,
    .bdrv_close = blkdebug_close,
    .bdrv_refresh_filename = blkdebug_refresh_filename,
    .bdrv_refresh_limits = blkdebug_refresh_limits,
    .bdrv_child_perm = blkdebug_child_perm,
    .bdrv_getlength = bdrv_filter_getlength,
    .bdrv_co_preadv = blkdebug_co_preadv,
    .bdrv_co_pwritev = blkdebug_co_pwritev,
    .bdrv_co_pwrite_zeroes = blkdebug_co_pwrite_zeroes,
    .bdrv_co_pdiscard = blkdebug_co_pdiscard,
    .bdrv_co_flush_to_disk = blkdebug_co_flush,
    .bdrv_co_block_status = blkdebug_co_block_status,
    .bdrv_co_truncate = bdrv_filter_co_truncate,
    .bdrv_co_debug_event = blkdebug_co_debug_event,
    .bdrv_debug_event = blkdebug_debug_event,
    .bdrv_debug_breakpoint = blkdebug_debug_breakpoint,
    .bdrv_debug_remove_breakpoint = blkdebug_debug_remove_breakpoint,
    .bdrv_debug_resume = blkdebug_debug_resume,
    .bdrv_debug_is_suspended = blkdebug_debug_is_suspended,
};
