/*
 * HMP: disks. qemu-io's commands, sizes, and the NBD server.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "system/hmp.h"

#include "block/block-backend.h"
#include "block/block.h"
#include "io/socket.h"
#include "monitor/monitor.h"
#include "qapi/qapi-types-sockets.h"
#include "qobject/qdict.h"
#include "qobject/qlist.h"
#include "tools/qemu-io/qemu-io.h"
#include "util/cutils.h"

/* --- arguments --- */

/* The words of a line, quoted ones among them; the flags ("-a") that begin it
 * are in @flags. */
typedef struct Words {
    const char *command;
    char **list;
    const char *flags; /* letters that are allowed */
    char given[8];     /* those that were given */
    int n, next;
} Words;

static void words_clear(Words *w)
{
    g_strfreev(w->list);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Words, words_clear)

static void try_help(Monitor *mon, const Words *w)
{
    monitor_printf(mon, "Try \"help %s\" for more information\n", w->command);
}

static bool words_init(Words *w, Monitor *mon, const char *rest)
{
    size_t n_flags = 0;

    if (!g_shell_parse_argv(rest, &w->n, &w->list, NULL)) {
        w->n = 0; /* nothing, or quotes that do not end */
    }
    for (; w->next < w->n && w->list[w->next][0] == '-' && *w->flags;
         w->next++) {
        for (const char *f = w->list[w->next] + 1; *f; f++) {
            if (!strchr(w->flags, *f)) {
                monitor_printf(mon, "%s: unsupported option -%c\n", w->command,
                               *f);
                try_help(mon, w);
                return false;
            }
            if (!strchr(w->given, *f) && n_flags < sizeof(w->given) - 1) {
                w->given[n_flags++] = *f;
            }
        }
    }
    return true;
}

static bool has_flag(const Words *w, char flag)
{
    return strchr(w->given, flag);
}

/* The next word, or NULL after a message that a @what is missing. */
static const char *need_word(Words *w, Monitor *mon, const char *what)
{
    if (w->next < w->n) {
        return w->list[w->next++];
    }
    monitor_printf(mon, "%s: %s expected\n", w->command, what);
    try_help(mon, w);
    return NULL;
}

static bool no_more_words(const Words *w, Monitor *mon)
{
    if (w->next >= w->n) {
        return true;
    }
    monitor_printf(mon, "%s: extraneous characters at the end of line\n",
                   w->command);
    try_help(mon, w);
    return false;
}

/* --- qemu-io --- */

/* A backend, or for a node a new one, which goes into *@own; NULL and
 * "Error: ..." */
static BlockBackend *find_backend(Monitor *mon, const char *name, bool is_qdev,
                                  BlockBackend **own)
{
    BlockBackend *blk = NULL;
    BlockDriverState *bs;
    Error *err = NULL;

    if (is_qdev) {
        blk = blk_by_qdev_id(name, &err);
    } else {
        blk = blk_by_name(name);
        bs = blk ? NULL : bdrv_lookup_bs(NULL, name, &err);
        if (bs) {
            blk = *own = blk_new_with_bs(bs, 0, BLK_PERM_ALL, &err);
        }
    }
    if (!blk) {
        monitor_printf(mon, "Error: %s\n", error_get_pretty(err));
        error_free(err);
    }
    return blk;
}

/* What the commands print goes to the standard output, as in QEMU. */
static void hmp_qemu_io(Monitor *mon, const char *rest)
{
    g_auto(Words) w = { .command = "qemu-io", .flags = "d" };
    g_autoptr(BlockBackend) own = NULL;
    BlockBackend *blk;
    const char *name, *line;

    if (!words_init(&w, mon, rest)) {
        return;
    }
    name = need_word(&w, mon, "block device name");
    line = name ? need_word(&w, mon, "string") : NULL;
    if (!line || !no_more_words(&w, mon)) {
        return;
    }
    blk = find_backend(mon, name, has_flag(&w, 'd'), &own);
    if (blk) {
        qemu_io_command(blk, line);
        fflush(stdout);
    }
    if (own) {
        blk_drain(own); /* aio_read and the like */
        fflush(stdout);
    }
}

/* --- QMP commands in other words --- */

/* False after "Error: ..." */
static bool call(Monitor *mon, const char *command, QDict *args)
{
    QObject *ret = monitor_call_qmp(mon, command, args);
    bool ok = ret;

    qobject_unref(ret);
    return ok;
}

static void hmp_block_resize(Monitor *mon, const char *rest)
{
    g_auto(Words) w = { .command = "block_resize", .flags = "" };
    const char *name, *size;
    uint64_t bytes;
    QDict *args;

    if (!words_init(&w, mon, rest)) {
        return;
    }
    name = need_word(&w, mon, "block device name");
    if (!name) {
        return;
    }
    size = w.next < w.n ? w.list[w.next++] : "";
    if (qemu_strtosz_MiB(size, NULL, &bytes) < 0 || bytes > INT64_MAX) {
        monitor_printf(mon, "invalid size\n");
        try_help(mon, &w);
        return;
    }
    if (no_more_words(&w, mon)) {
        args = qdict_new();
        qdict_put_str(args, "device", name);
        qdict_put_int(args, "size", bytes);
        call(mon, "block_resize", args);
    }
}

/* The older form of an address, which nbd-server-start has. */
static QDict *legacy_address(const SocketAddress *addr)
{
    QDict *out = qdict_new(), *data = qdict_new();

    if (addr->type == SOCKET_ADDRESS_TYPE_UNIX) {
        qdict_put_str(data, "path", addr->u.q_unix.path);
    } else if (addr->type == SOCKET_ADDRESS_TYPE_INET) {
        qdict_put_str(data, "host", addr->u.inet.host);
        qdict_put_str(data, "port", addr->u.inet.port);
    } else if (addr->type == SOCKET_ADDRESS_TYPE_FD) {
        qdict_put_str(data, "str", addr->u.fd.str);
    }
    qdict_put_str(out, "type", SocketAddressType_str(addr->type));
    qdict_put(out, "data", data);
    return out;
}

static bool add_export(Monitor *mon, const char *device, const char *name,
                       bool writable)
{
    QDict *args = qdict_new();

    qdict_put_str(args, "device", device);
    if (name) {
        qdict_put_str(args, "name", name);
    }
    qdict_put_bool(args, "writable", writable);
    return call(mon, "nbd-server-add", args);
}

/* All disks that have a medium; at the first error everything ends. */
static void add_all(Monitor *mon, bool writable)
{
    QObject *ret = monitor_call_qmp(mon, "query-block", NULL);
    QList *list = qobject_to(QList, ret);
    const QListEntry *e;

    if (list) {
        QLIST_FOREACH_ENTRY(list, e) {
            const QDict *info = qobject_to(QDict, qlist_entry_obj(e));

            if (qdict_haskey(info, "inserted") &&
                !add_export(mon, qdict_get_str(info, "device"), NULL,
                            writable)) {
                call(mon, "nbd-server-stop", NULL);
                break;
            }
        }
    }
    qobject_unref(ret);
}

static void hmp_nbd_server_start(Monitor *mon, const char *rest)
{
    g_auto(Words) w = { .command = "nbd_server_start", .flags = "aw" };
    g_autoptr(SocketAddress) addr = NULL;
    Error *err = NULL;
    const char *uri;
    QDict *args;

    if (!words_init(&w, mon, rest)) {
        return;
    }
    uri = need_word(&w, mon, "string");
    if (!uri || !no_more_words(&w, mon)) {
        return;
    }
    if (has_flag(&w, 'w') && !has_flag(&w, 'a')) {
        monitor_printf(mon, "Error: -w only valid together with -a\n");
        return;
    }
    addr = socket_parse(uri, &err);
    if (!addr) {
        monitor_printf(mon, "Error: %s\n", error_get_pretty(err));
        error_free(err);
        return;
    }
    args = qdict_new();
    qdict_put(args, "addr", legacy_address(addr));
    if (call(mon, "nbd-server-start", args) && has_flag(&w, 'a')) {
        add_all(mon, has_flag(&w, 'w'));
    }
}

static void hmp_nbd_server_add(Monitor *mon, const char *rest)
{
    g_auto(Words) w = { .command = "nbd_server_add", .flags = "w" };
    const char *device, *name;

    if (!words_init(&w, mon, rest)) {
        return;
    }
    device = need_word(&w, mon, "block device name");
    if (device) {
        name = w.next < w.n ? w.list[w.next++] : NULL;
        if (no_more_words(&w, mon)) {
            add_export(mon, device, name, has_flag(&w, 'w'));
        }
    }
}

static void hmp_nbd_server_remove(Monitor *mon, const char *rest)
{
    g_auto(Words) w = { .command = "nbd_server_remove", .flags = "f" };
    const char *name;
    QDict *args;

    if (!words_init(&w, mon, rest)) {
        return;
    }
    name = need_word(&w, mon, "string");
    if (name && no_more_words(&w, mon)) {
        args = qdict_new();
        qdict_put_str(args, "name", name);
        qdict_put_str(args, "mode", has_flag(&w, 'f') ? "hard" : "safe");
        call(mon, "nbd-server-remove", args);
    }
}

static void hmp_nbd_server_stop(Monitor *mon, const char *rest)
{
    call(mon, "nbd-server-stop", NULL);
}

static void info_block_jobs(Monitor *mon, const char *rest)
{
    monitor_printf(mon, "No active jobs\n");
}

static const HMPCommand commands[] = {
    { "block_resize", "device size", "resize a block image", hmp_block_resize },
    { "nbd_server_add", "nbd_server_add [-w] device [name]",
      "export a block device via NBD", hmp_nbd_server_add },
    { "nbd_server_remove", "nbd_server_remove [-f] name",
      "remove an export previously exposed via NBD", hmp_nbd_server_remove },
    { "nbd_server_start", "nbd_server_start [-a] [-w] host:port",
      "serve block devices on the given host and port", hmp_nbd_server_start },
    { "nbd_server_stop", "nbd_server_stop",
      "stop serving block devices using the NBD protocol",
      hmp_nbd_server_stop },
    { "qemu-io", "[-d] [device] \"[command]\"",
      "run a qemu-io command on a block device\n\t\t\t"
      "-d: [device] is a device ID rather than a drive ID or node name",
      hmp_qemu_io },
    { NULL, NULL, NULL, NULL },
};

static const HMPCommand info_commands[] = {
    /* block jobs do not exist yet */
    { "block-jobs", "", "show progress of ongoing block device operations",
      info_block_jobs },
    { NULL, NULL, NULL, NULL },
};

void system_register_hmp_block(void)
{
    monitor_register_hmp(commands);
    monitor_register_hmp_info(info_commands);
}
