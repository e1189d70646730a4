/*
 * Monitors: what QMP and HMP have in common, and their command-line options.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "monitor/monitor.h"

#include "io/socket.h"
#include "monitor/monitor-internal.h"
#include "qapi/qapi-types-control.h"
#include "qapi/qapi-visit-control.h"
#include "qapi/qobject-input-visitor.h"
#include "qobject/keyval.h"
#include "util/cutils.h"
#include "util/error-report.h"
#include "util/main-loop.h"

/* Above this much kept output a monitor takes no more commands. */
#define MONITOR_OUTPUT_LIMIT (1 * MiB)

struct MonitorList monitor_list = TAILQ_HEAD_INITIALIZER(monitor_list);
QemuMutex monitor_list_lock = QEMU_MUTEX_INITIALIZER;

static __thread Monitor *cur_mon;
static bool has_hmp;

Monitor *monitor_cur(void)
{
    return cur_mon;
}

Monitor *monitor_set_cur(Monitor *mon)
{
    Monitor *old = cur_mon;

    cur_mon = mon;
    return old;
}

bool monitor_cur_is_qmp(void)
{
    return cur_mon && cur_mon->is_qmp;
}

bool monitor_has_hmp(void)
{
    return has_hmp;
}

/* --- output --- */

static void monitor_unblocked(void *opaque)
{
    monitor_flush(opaque);
    qemu_chr_fe_accept_input(&((Monitor *)opaque)->fe);
}

void monitor_flush(Monitor *mon)
{
    int n;

    QEMU_LOCK_GUARD(&mon->lock);
    if (!mon->outbuf->len || mon->mux_out || !mon->fe.chr) {
        return;
    }
    n = qemu_chr_fe_write(&mon->fe, (uint8_t *)mon->outbuf->str,
                          MIN(mon->outbuf->len, INT_MAX));
    if (n < 0) {
        g_string_truncate(mon->outbuf, 0); /* nobody is there */
        return;
    }
    g_string_erase(mon->outbuf, 0, n);
    if (mon->outbuf->len) {
        qemu_chr_fe_add_watch(&mon->fe, monitor_unblocked, mon);
    }
}

static void monitor_flush_bh(void *opaque)
{
    monitor_flush(opaque);
}

void monitor_output(Monitor *mon, const char *str)
{
    WITH_QEMU_LOCK_GUARD(&mon->lock)
    {
        for (const char *p = str; *p;) {
            size_t n = strcspn(p, "\n");

            g_string_append_len(mon->outbuf, p, n);
            p += n;
            if (*p) {
                g_string_append(mon->outbuf, "\r\n");
                p++;
            }
        }
    }
    if (qemu_in_main_thread()) {
        monitor_flush(mon);
    } else if (mon->flush_bh) {
        qemu_bh_schedule(mon->flush_bh);
    }
}

bool monitor_output_full(Monitor *mon)
{
    QEMU_LOCK_GUARD(&mon->lock);
    return mon->outbuf->len > MONITOR_OUTPUT_LIMIT;
}

int monitor_puts(Monitor *mon, const char *str)
{
    if (!mon || mon->is_qmp) {
        return -1;
    }
    monitor_output(mon, str);
    return strlen(str);
}

int monitor_vprintf(Monitor *mon, const char *fmt, va_list ap)
{
    g_autofree char *str = g_strdup_vprintf(fmt, ap);

    return monitor_puts(mon, str);
}

int monitor_printf(Monitor *mon, const char *fmt, ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = monitor_vprintf(mon, fmt, ap);
    va_end(ap);
    return n;
}

/* error_report() while an HMP command runs. */
static bool sink_is_active(void)
{
    return cur_mon && !cur_mon->is_qmp;
}

static void sink_write(const char *str)
{
    monitor_puts(cur_mon, str);
}

static const ErrorReportSink monitor_sink = {
    .is_active = sink_is_active,
    .write = sink_write,
};

/* --- life --- */

void monitor_data_init(Monitor *mon, bool is_qmp)
{
    mon->is_qmp = is_qmp;
    mon->outbuf = g_string_new(NULL);
    TAILQ_INIT(&mon->fds);
    qemu_mutex_init(&mon->lock);
}

void monitor_data_destroy(Monitor *mon)
{
    qemu_chr_fe_deinit(&mon->fe, false);
    if (mon->flush_bh) {
        qemu_bh_delete(mon->flush_bh);
    }
    monitor_close_fds(mon);
    g_string_free(mon->outbuf, true);
    qemu_mutex_destroy(&mon->lock);
}

void monitor_list_append(Monitor *mon)
{
    mon->flush_bh = qemu_bh_new(monitor_flush_bh, mon);
    has_hmp |= !mon->is_qmp;
    QEMU_LOCK_GUARD(&monitor_list_lock);
    TAILQ_INSERT_TAIL(&monitor_list, mon, list_entry);
}

static int resolve_fd(const char *fdname, Error **errp)
{
    if (cur_mon) {
        return monitor_get_fd(cur_mon, fdname, errp);
    }
    return SOCKET_FD_NUMBER;
}

void monitor_init_with_commands(QmpCommandList *commands)
{
    const QmpCommand *cap = qmp_find_command(commands, "qmp_capabilities");

    assert(cap);
    monitor_qmp_commands = commands;
    if (!monitor_cap_commands.tqh_last) {
        qmp_commands_init(&monitor_cap_commands);
        qmp_register_command(&monitor_cap_commands, cap->name, cap->fn,
                             cap->options);
    }
    monitor_events_init();
    monitor_qmp_init_globals();
    monitor_hmp_init_globals();
    error_report_set_sink(&monitor_sink);
    socket_set_fd_resolver(resolve_fd);
}

void monitor_cleanup(void)
{
    Monitor *mon;

    monitor_events_cleanup();
    while ((mon = TAILQ_FIRST(&monitor_list))) {
        WITH_QEMU_LOCK_GUARD(&monitor_list_lock)
        {
            TAILQ_REMOVE(&monitor_list, mon, list_entry);
        }
        if (mon->is_qmp) {
            monitor_qmp_free(mon);
        } else {
            monitor_hmp_free(mon);
        }
    }
    has_hmp = false;
    monitor_qmp_cleanup_globals();
    monitor_hmp_cleanup_globals();
    error_report_set_sink(NULL);
    socket_set_fd_resolver(NULL);
}

/* --- options --- */

bool monitor_init(MonitorOptions *opts, bool allow_hmp, Error **errp)
{
    Chardev *chr = qemu_chr_find(opts->chardev);
    MonitorMode mode = allow_hmp ? MONITOR_MODE_READLINE : MONITOR_MODE_CONTROL;

    if (!chr) {
        error_setg(errp, "chardev \"%s\" not found", opts->chardev);
        return false;
    }
    if (opts->has_mode) {
        mode = opts->mode;
    }
    if (mode == MONITOR_MODE_CONTROL) {
        return monitor_init_qmp(chr, opts->has_pretty && opts->pretty, errp);
    }
    if (!allow_hmp) {
        error_setg(errp, "Only QMP is supported");
        return false;
    }
    if (opts->has_pretty) {
        error_setg(errp, "'pretty' is not compatible with HMP monitors");
        return false;
    }
    return monitor_init_hmp(chr, true, errp);
}

/* Names are checked before anything else is. */
static bool check_option_names(const char *str, Error **errp)
{
    static const char *const names[] = { "id", "mode", "chardev", "pretty",
                                         NULL };
    g_autoptr(QDict) opts = opts_parse(str, "chardev", NULL, errp);
    const QDictEntry *e;

    if (!opts) {
        return false;
    }
    QDICT_FOREACH(opts, e) {
        if (!g_strv_contains(names, qdict_entry_key(e))) {
            error_setg(errp, "Invalid parameter '%s'", qdict_entry_key(e));
            return false;
        }
    }
    return true;
}

bool monitor_init_opts(const char *str, Error **errp)
{
    MonitorOptions *opts = NULL;
    Visitor *v;
    bool ok;

    if (!check_option_names(str, errp)) {
        return false;
    }
    v = qobject_input_visitor_new_str(str, "chardev", errp);
    if (!v) {
        return false;
    }
    ok = visit_type_MonitorOptions(v, NULL, &opts, errp);
    visit_free(v);
    if (ok) {
        ok = monitor_init(opts, true, errp);
        qapi_free_MonitorOptions(opts);
    }
    return ok;
}

bool monitor_parse(const char *arg, const char *mode, bool pretty, int index,
                   Error **errp)
{
    g_autofree char *label = NULL;
    MonitorOptions opts = { 0 };
    Error *local_err = NULL;
    const char *p;

    if (strstart(arg, "chardev:", &p)) {
        opts.chardev = (char *)p;
    } else {
        label = g_strdup_printf("compat_monitor%d", index);
        if (!qemu_chr_is_valid_short(arg, &local_err)) {
            if (local_err) {
                error_report_err(local_err);
            }
            error_setg(errp, "parse error: %s", arg);
            return false;
        }
        if (!qemu_chr_new(label, arg, errp)) {
            return false;
        }
        opts.chardev = label;
    }
    opts.has_mode = true;
    opts.mode = g_str_equal(mode, "control") ? MONITOR_MODE_CONTROL
                                             : MONITOR_MODE_READLINE;
    opts.has_pretty = pretty;
    opts.pretty = pretty;
    return monitor_init(&opts, true, errp);
}
