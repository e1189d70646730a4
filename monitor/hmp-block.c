/*
 * info block
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "monitor/monitor-internal.h"
#include "qobject/qlist.h"

static const char *on(const QDict *d, const char *key, const char *text)
{
    return qdict_get_try_bool(d, key, false) ? text : "";
}

static void print_throttling(Monitor *mon, const QDict *inserted)
{
    static const char *const members[] = { "bps",  "bps_rd",  "bps_wr",
                                           "iops", "iops_rd", "iops_wr" };
    bool any = false;

    for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
        any |= qdict_get_try_int(inserted, members[i], 0) != 0;
    }
    if (!any) {
        return;
    }
    monitor_printf(mon, "    I/O throttling:   ");
    for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
        monitor_printf(mon, "%s=%" PRId64 "%s", members[i],
                       qdict_get_try_int(inserted, members[i], 0),
                       i + 1 < ARRAY_SIZE(members) ? " " : "\n");
    }
}

static void print_inserted(Monitor *mon, const QDict *inserted)
{
    const QDict *cache = qdict_get_qdict(inserted, "cache");
    const char *backing = qdict_get_try_str(inserted, "backing_file");
    const char *zeroes = qdict_get_try_str(inserted, "detect_zeroes");

    if (cache) {
        monitor_printf(mon, "    Cache mode:       %s%s%s\n",
                       qdict_get_try_bool(cache, "writeback", true)
                           ? "writeback"
                           : "writethrough",
                       on(cache, "direct", ", direct"),
                       on(cache, "no-flush", ", ignore flushes"));
    }
    if (backing) {
        monitor_printf(
            mon, "    Backing file:     %s (chain depth: %" PRId64 ")\n",
            backing, qdict_get_try_int(inserted, "backing_file_depth", 0));
    }
    if (zeroes && !g_str_equal(zeroes, "off")) {
        monitor_printf(mon, "    Detect zeroes:    %s\n", zeroes);
    }
    print_throttling(mon, inserted);
}

/* @info: a device (NULL: a node alone, @inserted). */
static void print_block(Monitor *mon, const QDict *info, const QDict *inserted)
{
    const char *device = info ? qdict_get_str(info, "device") : "";
    const char *qdev = info ? qdict_get_try_str(info, "qdev") : NULL;
    const char *node = inserted ? qdict_get_try_str(inserted, "node-name")
                                : NULL;
    const char *status = info ? qdict_get_try_str(info, "io-status") : NULL;

    if (device[0]) {
        monitor_printf(mon, "%s", device);
        if (node) {
            monitor_printf(mon, " (%s)", node);
        }
    } else {
        monitor_printf(mon, "%s", node ? node : qdev ? qdev : "<anonymous>");
    }
    if (inserted) {
        monitor_printf(mon, ": %s (%s%s%s)\n", qdict_get_str(inserted, "file"),
                       qdict_get_str(inserted, "drv"),
                       on(inserted, "ro", ", read-only"),
                       on(inserted, "encrypted", ", encrypted"));
    } else {
        monitor_printf(mon, ": [not inserted]\n");
    }
    if (info) {
        if (qdev) {
            monitor_printf(mon, "    Attached to:      %s\n", qdev);
        }
        if (status && !g_str_equal(status, "ok")) {
            monitor_printf(mon, "    I/O status:       %s\n", status);
        }
        if (qdict_get_try_bool(info, "removable", false)) {
            monitor_printf(
                mon, "    Removable device: %slocked, tray %s\n",
                qdict_get_try_bool(info, "locked", false) ? "" : "not ",
                qdict_get_try_bool(info, "tray_open", false) ? "open"
                                                             : "closed");
        }
    }
    if (inserted) {
        print_inserted(mon, inserted);
    }
}

/* Of all devices or (@nodes) named nodes, those called @device (NULL: all).
 * Returns whether there was one. */
static bool print_list(Monitor *mon, bool nodes, const char *device)
{
    QObject *ret = monitor_call_qmp(
        mon, nodes ? "query-named-block-nodes" : "query-block", NULL);
    QList *list = qobject_to(QList, ret);
    bool first = true, printed = false;
    const QListEntry *e;

    if (!list) {
        qobject_unref(ret);
        return true; /* the error has been printed */
    }
    QLIST_FOREACH_ENTRY(list, e) {
        QDict *d = qobject_to(QDict, qlist_entry_obj(e));
        const char *name = qdict_get_try_str(d, nodes ? "node-name" : "device");

        if (!device || (name && g_str_equal(name, device))) {
            monitor_printf(mon, "%s", first ? "" : "\n");
            print_block(mon, nodes ? NULL : d,
                        nodes ? d : qdict_get_qdict(d, "inserted"));
            printed = true;
        }
        first = false;
    }
    qobject_unref(ret);
    return printed;
}

void hmp_info_block(Monitor *mon, const char *rest)
{
    g_auto(GStrv) words = g_strsplit_set(rest, " \t", -1);
    const char *device = NULL;
    bool nodes = false;

    for (char **w = words; *w; w++) {
        if (g_str_equal(*w, "-n")) {
            nodes = true;
        } else if (**w && !g_str_equal(*w, "-v")) {
            device = *w;
        }
    }
    /* A name that no device has may be a node's */
    if (nodes || (!print_list(mon, false, device) && device)) {
        print_list(mon, true, device);
    }
}
