/*
 * qemu-img info: what an image is.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "tools/qemu-img/common.h"

#include "block/query.h"
#include "block/snapshot.h"
#include "qobject/json.h"
#include "qobject/qlist.h"
#include "tools/lib/print-qobject.h"
#include "util/cutils.h"

enum {
    OPT_BACKING_CHAIN = OPT_FIRST_FREE,
};

static const struct option long_options[] = {
    { "help", no_argument, 0, 'h' },
    { "format", required_argument, 0, 'f' },
    { "output", required_argument, 0, OPT_OUTPUT },
    { "backing-chain", no_argument, 0, OPT_BACKING_CHAIN },
    { "object", required_argument, 0, OPT_OBJECT },
    { "image-opts", no_argument, 0, OPT_IMAGE_OPTS },
    { "force-share", no_argument, 0, 'U' },
    { 0 },
};

/* --- for people --- */

static void print_size(const char *indent, const char *what, int64_t bytes)
{
    g_autofree char *text = size_to_str(bytes);

    printf("%s%s: %s (%" PRId64 " bytes)\n", indent, what, text, bytes);
}

static void print_backing(const QDict *info, const char *indent)
{
    const char *name = qdict_get_try_str(info, "backing-filename");
    const char *full = qdict_get_try_str(info, "full-backing-filename");
    const char *fmt = qdict_get_try_str(info, "backing-filename-format");

    if (!name) {
        return;
    }
    printf("%sbacking file: %s", indent, name);
    if (!full) {
        printf(" (cannot determine actual path)");
    } else if (strcmp(name, full)) {
        printf(" (actual path: %s)", full);
    }
    printf("\n");
    if (fmt) {
        printf("%sbacking file format: %s\n", indent, fmt);
    }
}

static void print_snapshots(const QDict *info, const char *indent)
{
    const QList *list = qdict_get_qlist(info, "snapshots");
    const QListEntry *e;

    if (!list || qlist_empty(list)) {
        return;
    }
    printf("%sSnapshot list:\n%s", indent, indent);
    bdrv_snapshot_dump(NULL);
    printf("\n");
    QLIST_FOREACH_ENTRY(list, e) {
        const QDict *sn = qobject_to(QDict, qlist_entry_obj(e));
        QEMUSnapshotInfo i = {
            .vm_state_size = qdict_get_int(sn, "vm-state-size"),
            .date_sec = qdict_get_int(sn, "date-sec"),
            .vm_clock_nsec = qdict_get_int(sn, "vm-clock-sec") *
                                 UINT64_C(1000000000) +
                             qdict_get_int(sn, "vm-clock-nsec"),
            .icount = qdict_get_try_int(sn, "icount", -1),
        };

        pstrcpy(i.id_str, sizeof(i.id_str), qdict_get_str(sn, "id"));
        pstrcpy(i.name, sizeof(i.name), qdict_get_str(sn, "name"));
        printf("%s", indent);
        bdrv_snapshot_dump(&i);
        printf("\n");
    }
}

static void print_specific(const QDict *info, const char *indent)
{
    const QDict *specific = qdict_get_qdict(info, "format-specific");
    const QDict *data = specific ? qdict_get_qdict(specific, "data") : NULL;

    if (data && qdict_size(data)) {
        printf("%sFormat specific information:\n", indent);
        print_qdict(data, strlen(indent) / 4 + 1);
    }
}

static void print_human(const QDict *info, const char *indent, const char *path,
                        bool protocol)
{
    int64_t disk = qdict_get_try_int(info, "actual-size", -1);
    g_autofree char *disk_text = disk >= 0 ? size_to_str(disk)
                                           : g_strdup("unavailable");
    const QList *children = qdict_get_qlist(info, "children");
    const QListEntry *e;

    printf("%s%s: %s\n", indent, protocol ? "filename" : "image",
           qdict_get_str(info, "filename"));
    printf("%s%s: %s\n", indent, protocol ? "protocol type" : "file format",
           qdict_get_str(info, "format"));
    print_size(indent, protocol ? "file length" : "virtual size",
               qdict_get_int(info, "virtual-size"));
    printf("%sdisk size: %s\n", indent, disk_text);
    if (qdict_get_try_bool(info, "encrypted", false)) {
        printf("%sencrypted: yes\n", indent);
    }
    if (qdict_haskey(info, "cluster-size")) {
        printf("%scluster_size: %" PRId64 "\n", indent,
               qdict_get_int(info, "cluster-size"));
    }
    if (qdict_get_try_bool(info, "dirty-flag", false)) {
        printf("%scleanly shut down: no\n", indent);
    }
    print_backing(info, indent);
    print_snapshots(info, indent);
    print_specific(info, indent);
    QLIST_FOREACH_ENTRY(children, e) {
        const QDict *child = qobject_to(QDict, qlist_entry_obj(e));
        const QDict *below = qdict_get_qdict(child, "info");
        g_autofree char *child_path = g_strdup_printf(
            "%s%s", path, qdict_get_str(child, "name"));
        g_autofree char *deeper = g_strdup_printf("%s    ", indent);
        g_autofree char *next = g_strdup_printf("%s/", child_path);

        printf("%sChild node '%s':\n", indent, child_path);
        print_human(below, deeper, next,
                    qlist_empty(qdict_get_qlist(below, "children")));
    }
}

/* --- the chain --- */

static QDict *query_one(bool image_opts, const char *filename, const char *fmt,
                        bool force_share)
{
    g_autoptr(BlockBackend)
        blk = img_open(image_opts, filename, fmt,
                       BDRV_O_NO_BACKING | BDRV_O_NO_IO, false, force_share);
    Error *err = NULL;
    QDict *info;

    if (!blk) {
        return NULL;
    }
    info = bdrv_query_graph_info(blk_bs(blk), &err);
    if (!info) {
        error_report_err(err);
    }
    return info;
}

/* A list of what query_one() gives, top first; NULL after a message. */
static QList *query_chain(const ImgSource *src, const char *filename,
                          bool chain)
{
    bool image_opts = src->image_opts;
    const char *fmt = src->fmt;
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    QList *list = qlist_new();

    while (filename) {
        QDict *info;

        if (g_hash_table_contains(seen, filename)) {
            error_report("Backing file '%s' creates an infinite loop.",
                         filename);
            goto fail;
        }
        info = query_one(image_opts, filename, fmt, src->force_share);
        if (!info) {
            goto fail;
        }
        qlist_append(list, info);
        /* Strings live as long as the list */
        g_hash_table_add(seen, (char *)filename);
        image_opts = false;
        filename = chain ? qdict_get_try_str(info, "full-backing-filename")
                         : NULL;
        fmt = qdict_get_try_str(info, "backing-filename-format");
    }
    return list;

fail:
    qobject_unref(list);
    return NULL;
}

static void print_all(const QList *list, bool chain, bool json)
{
    const QListEntry *e = qlist_first(list);
    GString *text;
    bool first = true;

    if (json) {
        text = qobject_to_json_pretty(
            chain ? QOBJECT(list) : qlist_entry_obj(e), true);
        printf("%s\n", text->str);
        g_string_free(text, true);
        return;
    }
    QLIST_FOREACH_ENTRY(list, e) {
        if (!first) {
            printf("\n");
        }
        first = false;
        print_human(qobject_to(QDict, qlist_entry_obj(e)), "", "/", false);
    }
}

int img_info(int argc, char **argv)
{
    ImgSource src = { 0 };
    bool chain = false;
    QList *list;
    int c;

    while ((c = img_getopt(argc, argv, ":hf:bU", long_options)) != -1) {
        switch (c) {
        case 'b':
        case OPT_BACKING_CHAIN:
            chain = true;
            break;
        default:
            img_source_option(&src, c);
            break;
        }
    }
    list = query_chain(&src, img_only_filename(argc, argv), chain);
    if (!list) {
        return 1;
    }
    print_all(list, chain, src.json);
    qobject_unref(list);
    return 0;
}
