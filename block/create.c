/*
 * Making images: what all drivers have in common.
 *
 * Options are parsed as text against the tables of the format and of the
 * protocol, shown to the user, and given to the driver, which takes its own
 * and passes the rest on to the protocol.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/create.h"

#include "block/block-backend.h"
#include "block/block-int.h"
#include "block/opts.h"
#include "block/probe.h"
#include "qobject/keyval.h"
#include "util/cutils.h"

/* --- tables --- */

static const BdrvCreateOpt *find_opt(const BdrvCreateOpt *list,
                                     const char *name)
{
    for (; list && list->name; list++) {
        if (!strcmp(list->name, name)) {
            return list;
        }
    }
    return NULL;
}

static void merge_table(GArray *all, const BdrvCreateOpt *list)
{
    for (; list && list->name; list++) {
        bool known = false;

        for (guint i = 0; i < all->len; i++) {
            known |= !strcmp(g_array_index(all, BdrvCreateOpt, i).name,
                             list->name);
        }
        if (!known) {
            g_array_append_val(all, *list);
        }
    }
}

BdrvCreateOpt *bdrv_create_opts_merge(const BlockDriver *drv,
                                      const BlockDriver *proto_drv)
{
    GArray *all = g_array_new(true, false, sizeof(BdrvCreateOpt));

    merge_table(all, drv->create_opts);
    merge_table(all, proto_drv ? proto_drv->create_opts : NULL);
    return (BdrvCreateOpt *)(void *)g_array_free(all, false);
}

static int compare_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static char *help_line(const BdrvCreateOpt *opt)
{
    static const char *const types[] = { "str", "bool (on/off)", "num",
                                         "size" };
    g_autofree char *key = g_strdup_printf("%s=<%s>", opt->name,
                                           types[opt->type]);
    GString *line = g_string_new("  ");

    g_string_append(line, key);
    if (opt->help) {
        while (line->len < 24) {
            g_string_append_c(line, ' ');
        }
        g_string_append_printf(line, " - %s", opt->help);
    }
    return g_string_free(line, false);
}

void bdrv_create_opts_print_help(const BdrvCreateOpt *list, const char *caption)
{
    g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);

    for (; list->name; list++) {
        g_ptr_array_add(lines, help_line(list));
    }
    qsort(lines->pdata, lines->len, sizeof(lines->pdata[0]), compare_text);
    if (caption && lines->len) {
        printf("%s:\n", caption);
    }
    for (guint i = 0; i < lines->len; i++) {
        printf("%s\n", (char *)lines->pdata[i]);
    }
}

/* --- parsing --- */

static bool check_value(const BdrvCreateOpt *opt, const char *text,
                        Error **errp)
{
    g_autoptr(QDict) one = qdict_new();
    uint64_t number;
    bool flag;

    qdict_put_str(one, opt->name, text);
    switch (opt->type) {
    case BDRV_OPT_BOOL:
        return bdrv_take_bool(one, opt->name, &flag, errp);
    case BDRV_OPT_NUMBER:
        return bdrv_take_number(one, opt->name, &number, errp);
    case BDRV_OPT_SIZE:
        return bdrv_take_size(one, opt->name, &number, errp);
    default:
        return true;
    }
}

/* "name=value", "name" (on) or "noname" (off) into @opts. */
static bool parse_one(QDict *opts, char *text, const BdrvCreateOpt *list,
                      Error **errp)
{
    char *value = strchr(text, '=');
    const BdrvCreateOpt *opt;
    const char *name = text, *rest;

    if (value) {
        *value++ = '\0';
    } else {
        text[strcspn(text, ",")] = '\0';
    }
    opt = find_opt(list, name);
    if (!value && !opt && strstart(name, "no", &rest)) {
        name = rest;
        opt = find_opt(list, name);
        value = (char *)"off";
    }
    if (!opt) {
        error_setg(errp, "Invalid parameter '%s'", name);
        return false;
    }
    if (!check_value(opt, value ? value : "on", errp)) {
        return false;
    }
    qdict_put_str(opts, name, value ? value : "on");
    return true;
}

bool bdrv_create_opts_parse(QDict *opts, const char *params,
                            const BdrvCreateOpt *list, Error **errp)
{
    const char *p = params;

    while (*p) {
        g_autofree char *piece = NULL;

        p = get_opt_value(p, &piece);
        if (!parse_one(opts, piece, list, errp)) {
            return false;
        }
        if (*p == ',') {
            p++;
        }
    }
    return true;
}

/* --- printing --- */

static void print_escaped(const char *value)
{
    for (; *value; value++) {
        if (*value == ',') {
            putchar(',');
        }
        putchar(*value);
    }
}

static void print_opts(const QDict *opts, const BdrvCreateOpt *list)
{
    for (; list->name; list++) {
        const char *value = qdict_get_try_str(opts, list->name);
        uint64_t number;

        if (!value) {
            value = list->def;
        }
        if (!value) {
            continue;
        }
        printf(" %s=", list->name);
        if (list->type == BDRV_OPT_SIZE &&
            qemu_strtosz(value, NULL, &number) == 0) {
            printf("%" PRIu64, number);
        } else if (list->type == BDRV_OPT_STRING) {
            print_escaped(value);
        } else {
            printf("%s", value);
        }
    }
    putchar('\n');
}

/* --- the backing file --- */

static int64_t opts_size(const QDict *opts)
{
    const char *text = qdict_get_try_str(opts, "size");
    uint64_t size;

    return text && qemu_strtosz(text, NULL, &size) == 0 ? (int64_t)size : -1;
}

/* Look at the backing file; *@size is filled in from it when it is -1. */
static bool check_backing(const char *filename, const QDict *opts, int flags,
                          int64_t *size, Error **errp)
{
    const char *base = qdict_get_try_str(opts, "backing_file");
    const char *base_fmt = qdict_get_try_str(opts, "backing_fmt");
    g_autofree char *full = NULL;
    QDict *options = NULL;
    BlockDriverState *bs;
    Error *local_err = NULL;
    int64_t len;

    if (!base || !*base) {
        return true;
    }
    if (flags & BDRV_O_NO_BACKING) {
        if (!base_fmt) {
            error_setg(errp, "Backing file specified without backing format");
        }
        return base_fmt;
    }
    full = bdrv_backing_path(filename, base, errp);
    if (!full) {
        return false;
    }
    if (base_fmt) {
        options = qdict_new();
        qdict_put_str(options, "driver", base_fmt);
    }
    bs = bdrv_open(full, NULL, options,
                   flags & ~(BDRV_O_RDWR | BDRV_O_SNAPSHOT | BDRV_O_NO_BACKING),
                   &local_err);
    if (!bs) {
        error_append_hint(&local_err, "Could not open backing image.\n");
        error_propagate(errp, local_err);
        return false;
    }
    if (!base_fmt) {
        error_setg(errp, "Backing file specified without backing format");
        error_append_hint(errp, "Detected format of %s.\n",
                          bdrv_get_format_name(bs));
        bdrv_unref(bs);
        return false;
    }
    len = bdrv_getlength(bs);
    bdrv_unref(bs);
    if (len < 0) {
        error_setg_errno(errp, -len, "Could not get size of '%s'", full);
        return false;
    }
    if (*size == -1) {
        *size = len;
    }
    return true;
}

char *bdrv_backing_path(const char *filename, const char *backing, Error **errp)
{
    const char *slash;

    if (!*backing || g_path_is_absolute(backing) ||
        path_has_protocol(backing)) {
        return g_strdup(backing);
    }
    if (g_str_has_prefix(filename, "json:")) {
        error_setg(errp, "Cannot use relative backing file names for '%s'",
                   filename);
        return NULL;
    }
    if (g_str_has_prefix(filename, "file:")) {
        filename += strlen("file:");
    }
    slash = strrchr(filename, '/');
    return g_strdup_printf("%.*s%s", slash ? (int)(slash + 1 - filename) : 0,
                           filename, backing);
}

/* --- creating --- */

static bool find_drivers(const char *filename, const char *fmt,
                         const BlockDriver **drv, const BlockDriver **proto,
                         Error **errp)
{
    *drv = bdrv_find_format(fmt);
    if (!*drv) {
        error_setg(errp, "Unknown file format '%s'", fmt);
        return false;
    }
    *proto = bdrv_find_protocol(filename, true, errp);
    if (!*proto) {
        return false;
    }
    if (!(*drv)->create_opts && !(*drv)->protocol_name) {
        error_setg(errp, "Format driver '%s' does not support image creation",
                   (*drv)->format_name);
        return false;
    }
    if (!(*drv)->create_opts && g_str_has_prefix((*drv)->format_name, "null")) {
        error_setg(errp, "Format driver '%s' does not support image creation",
                   (*drv)->format_name);
        return false;
    }
    return true;
}

static bool put_base(QDict *opts, const BdrvCreateOpt *list, const char *fmt,
                     const char *base, const char *base_fmt, Error **errp)
{
    if (base) {
        if (!find_opt(list, "backing_file")) {
            error_setg(errp, "Backing file not supported for file format '%s'",
                       fmt);
            return false;
        }
        qdict_put_str(opts, "backing_file", base);
    }
    if (base_fmt) {
        if (!find_opt(list, "backing_fmt")) {
            error_setg(errp,
                       "Backing file format not supported for file format '%s'",
                       fmt);
            return false;
        }
        qdict_put_str(opts, "backing_fmt", base_fmt);
    }
    return true;
}

static bool check_base_names(const char *filename, const QDict *opts,
                             Error **errp)
{
    const char *base = qdict_get_try_str(opts, "backing_file");

    if (base && !*base) {
        error_setg(errp, "Expected backing file name, got empty string");
        return false;
    }
    if (base && !strcmp(filename, base)) {
        error_setg(errp, "Error: Trying to create an image with the same "
                         "filename as the backing file");
        return false;
    }
    return true;
}

bool bdrv_img_create(const char *filename, const char *fmt, const char *base,
                     const char *base_fmt, const char *options,
                     int64_t img_size, int flags, bool quiet, Error **errp)
{
    g_autofree BdrvCreateOpt *list = NULL;
    g_autoptr(QDict) opts = qdict_new();
    const BlockDriver *drv, *proto;
    int64_t size;

    if (!find_drivers(filename, fmt, &drv, &proto, errp)) {
        return false;
    }
    list = bdrv_create_opts_merge(drv, proto);
    if (options && !bdrv_create_opts_parse(opts, options, list, errp)) {
        return false;
    }
    size = opts_size(opts);
    if (img_size != -1 && size != -1) {
        error_setg(errp, "The image size must be specified only once");
        return false;
    }
    size = img_size != -1 ? img_size : size;
    if (!put_base(opts, list, fmt, base, base_fmt, errp) ||
        !check_base_names(filename, opts, errp) ||
        !check_backing(filename, opts, flags, &size, errp)) {
        return false;
    }
    if (size == -1) {
        error_setg(errp, "Image creation needs a size parameter");
        return false;
    }
    g_autofree char *text = g_strdup_printf("%" PRId64, size);

    qdict_put_str(opts, "size", text);
    if (!quiet) {
        printf("Formatting '%s', fmt=%s", filename, fmt);
        print_opts(opts, list);
        fflush(stdout);
    }
    base_fmt = qdict_get_try_str(opts, "backing_fmt");
    if (base_fmt && !bdrv_find_format(base_fmt)) {
        /* Nobody has tried to open it (-u) */
        error_setg(errp, "Parameter 'backing-fmt' does not accept value '%s'",
                   base_fmt);
        return false;
    }
    return bdrv_create(drv, filename, opts, errp) == 0;
}

int bdrv_create(const BlockDriver *drv, const char *filename, QDict *opts,
                Error **errp)
{
    const BdrvCreateOpt *opt;

    if (!drv->bdrv_create) {
        if (drv->protocol_name) {
            return bdrv_create_file(filename, opts, errp);
        }
        error_setg(errp, "Driver '%s' does not support image creation",
                   drv->format_name);
        return -ENOTSUP;
    }
    for (opt = drv->create_opts; opt->name; opt++) {
        if (opt->def && !qdict_haskey(opts, opt->name)) {
            qdict_put_str(opts, opt->name, opt->def);
        }
    }
    return drv->bdrv_create(drv, filename, opts, errp);
}

/* --- a protocol that cannot create: use what is there --- */

static bool resize_existing(BlockBackend *blk, int64_t size, Error **errp)
{
    g_autofree char *zeroes = NULL;
    Error *local_err = NULL;
    int64_t len;
    int ret;

    ret = blk_truncate(blk, size, false, PREALLOC_MODE_OFF, 0, &local_err);
    if (ret < 0 && ret != -ENOTSUP) {
        error_propagate(errp, local_err);
        return false;
    }
    error_free(local_err);
    len = blk_getlength(blk);
    if (len < 0) {
        error_setg_errno(errp, -len,
                         "Failed to inquire the new image file's length");
        return false;
    }
    if (len < size) {
        error_setg(errp,
                   "Image of size %" PRId64 " is smaller than the %" PRId64
                   " bytes that were asked for",
                   len, size);
        return false;
    }
    /* What was there before shall not be taken for a format */
    len = MIN(len, BDRV_SECTOR_SIZE);
    zeroes = g_malloc0(BDRV_SECTOR_SIZE);
    ret = len ? blk_pwrite(blk, 0, len, zeroes, 0) : 0;
    if (ret < 0) {
        error_setg_errno(errp, -ret,
                         "Failed to clear the new image's first sector");
        return false;
    }
    return true;
}

static int create_by_opening(const BlockDriver *proto, const char *filename,
                             QDict *opts, Error **errp)
{
    QDict *options = qdict_new();
    g_autoptr(BlockBackend) blk = NULL;
    Error *local_err = NULL;
    uint64_t size = 0;

    if (!bdrv_take_size(opts, "size", &size, errp)) {
        qobject_unref(options);
        return -EINVAL;
    }
    qdict_put_str(options, "driver", proto->format_name);
    blk = blk_new_open(filename, NULL, options, BDRV_O_RDWR | BDRV_O_RESIZE,
                       &local_err);
    if (!blk) {
        error_prepend(&local_err,
                      "Protocol driver '%s' does not support creating new "
                      "images, so an existing image must be selected as the "
                      "target; however, opening the given target as an "
                      "existing image failed: ",
                      proto->format_name);
        error_propagate(errp, local_err);
        return -EINVAL;
    }
    return resize_existing(blk, size, errp) ? 0 : -EINVAL;
}

int bdrv_create_file(const char *filename, QDict *opts, Error **errp)
{
    const BlockDriver *proto = bdrv_find_protocol(filename, true, errp);

    if (!proto) {
        return -ENOENT;
    }
    return proto->bdrv_create ? proto->bdrv_create(proto, filename, opts, errp)
                              : create_by_opening(proto, filename, opts, errp);
}
