/*
 * The human monitor: sessions, and running a command line.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "config-host.h"
#include "monitor/monitor-internal.h"
#include "monitor/readline.h"
#include "util/main-loop.h"

#define HMP_READ_SIZE 1024

typedef struct MonitorHMP {
    Monitor common;
    Readline *rs;    /* NULL: complete lines come, without editing */
    GString *line;   /* without readline: what there is of it */
    int suspended;   /* > 0: the mux gives the input to others */
    bool reset_seen; /* was OPENED, so the prompt may be shown */
} MonitorHMP;

/* Of const HMPCommand *: the tables of commands and of "info". */
static GPtrArray *cmd_tables, *info_tables;

/* --- finding commands --- */

/* Is @name (@len bytes) one of the names in "a|b"? */
static bool name_matches(const char *names, const char *name, size_t len)
{
    while (*names) {
        size_t n = strcspn(names, "|");

        if (n == len && strncmp(names, name, n) == 0) {
            return true;
        }
        names += n + (names[n] == '|');
    }
    return false;
}

static const HMPCommand *find_command(GPtrArray *tables, const char *name,
                                      size_t len)
{
    for (guint i = 0; i < tables->len; i++) {
        const HMPCommand *c = g_ptr_array_index(tables, i);

        for (; c->name; c++) {
            if (name_matches(c->name, name, len)) {
                return c;
            }
        }
    }
    return NULL;
}

void monitor_register_hmp(const HMPCommand *table)
{
    if (!cmd_tables) {
        cmd_tables = g_ptr_array_new();
    }
    g_ptr_array_add(cmd_tables, (gpointer)table);
}

void monitor_register_hmp_info(const HMPCommand *table)
{
    if (!info_tables) {
        info_tables = g_ptr_array_new();
    }
    g_ptr_array_add(info_tables, (gpointer)table);
}

/* --- help --- */

static int compare_commands(gconstpointer a, gconstpointer b)
{
    const HMPCommand *const *x = a;
    const HMPCommand *const *y = b;

    return strcmp((*x)->name, (*y)->name);
}

static void print_help_line(Monitor *mon, const char *prefix,
                            const HMPCommand *c)
{
    monitor_printf(mon, "%s%s %s -- %s\n", prefix, c->name, c->args, c->help);
}

static void print_help_table(Monitor *mon, GPtrArray *tables,
                             const char *prefix)
{
    g_autoptr(GPtrArray) sorted = g_ptr_array_new();

    for (guint i = 0; i < tables->len; i++) {
        const HMPCommand *c = g_ptr_array_index(tables, i);

        for (; c->name; c++) {
            g_ptr_array_add(sorted, (gpointer)c);
        }
    }
    g_ptr_array_sort(sorted, compare_commands);
    for (guint i = 0; i < sorted->len; i++) {
        print_help_line(mon, prefix, g_ptr_array_index(sorted, i));
    }
}

static void hmp_help(Monitor *mon, const char *rest)
{
    const HMPCommand *c;
    const char *sub;

    if (!rest[0]) {
        print_help_table(mon, cmd_tables, "");
        return;
    }
    if (g_str_equal(rest, "info")) {
        print_help_table(mon, info_tables, "info ");
        return;
    }
    if (g_str_has_prefix(rest, "info ")) {
        sub = rest + 5 + strspn(rest + 5, " ");
        c = find_command(info_tables, sub, strlen(sub));
        if (c) {
            print_help_line(mon, "info ", c);
        }
    } else {
        c = find_command(cmd_tables, rest, strlen(rest));
        if (c) {
            print_help_line(mon, "", c);
        }
    }
    if (!c) {
        monitor_printf(mon, "unknown command: '%s'\n", rest);
    }
}

/* --- running a line --- */

static void run_line(Monitor *mon, const char *line)
{
    GPtrArray *tables = cmd_tables;
    const HMPCommand *c;
    g_autofree char *rest = NULL;
    const char *p = line + strspn(line, " \t");
    const char *start = p;
    size_t len = strcspn(p, " \t\r\n");

    if (!len) {
        return;
    }
    c = find_command(tables, p, len);
    p += len;
    if (c && g_str_equal(c->name, "info")) {
        const char *sub = p + strspn(p, " \t");
        size_t sublen = strcspn(sub, " \t\r\n");

        if (!sublen) {
            hmp_help(mon, "info");
            return;
        }
        c = find_command(info_tables, sub, sublen);
        p = sub + sublen;
    }
    if (!c) {
        monitor_printf(mon, "unknown command: '%.*s'\n", (int)(p - start),
                       start);
        return;
    }
    rest = g_strstrip(g_strdup(p));
    if (rest[0] && !c->args[0]) {
        monitor_printf(mon, "%s: extraneous characters at the end of line\n",
                       c->name);
        monitor_printf(mon, "Try \"help %.*s\" for more information\n",
                       (int)(p - start), start);
        return;
    }
    c->cmd(mon, rest);
}

void monitor_handle_hmp(Monitor *mon, const char *line)
{
    Monitor *old = monitor_set_cur(mon);

    run_line(mon, line);
    monitor_set_cur(old);
}

char *monitor_hmp_run(const char *line)
{
    MonitorHMP hmp = { 0 };
    char *out;

    monitor_data_init(&hmp.common, false);
    monitor_handle_hmp(&hmp.common, line);
    out = g_strdup(hmp.common.outbuf->str);
    monitor_data_destroy(&hmp.common);
    return out;
}

/* --- sessions --- */

void monitor_hmp_suspend(Monitor *common)
{
    container_of(common, MonitorHMP, common)->suspended = 1;
}

static void hmp_print(void *opaque, const char *str)
{
    MonitorHMP *mon = opaque;

    monitor_output(&mon->common, str);
}

static void hmp_line_done(void *opaque, const char *line)
{
    MonitorHMP *mon = opaque;

    monitor_handle_hmp(&mon->common, line);
    if (mon->suspended == 0) {
        readline_show_prompt(mon->rs);
    }
}

static int hmp_can_read(void *opaque)
{
    MonitorHMP *mon = opaque;

    if (mon->suspended || monitor_output_full(&mon->common)) {
        return 0;
    }
    return HMP_READ_SIZE;
}

static void hmp_read(void *opaque, const uint8_t *buf, int size)
{
    MonitorHMP *mon = opaque;

    for (int i = 0; i < size; i++) {
        if (mon->rs) {
            readline_handle_byte(mon->rs, buf[i]);
        } else if (buf[i] != '\n') {
            if (mon->line->len < READLINE_MAX_LINE) {
                g_string_append_c(mon->line, buf[i]);
            }
        } else {
            g_autofree char *line = g_strdup(mon->line->str);

            g_string_truncate(mon->line, 0);
            monitor_handle_hmp(&mon->common, line);
        }
    }
}

static void hmp_set_mux_out(MonitorHMP *mon, bool out)
{
    QEMU_LOCK_GUARD(&mon->common.lock);
    mon->common.mux_out = out;
}

static bool hmp_is_mux_out(MonitorHMP *mon)
{
    QEMU_LOCK_GUARD(&mon->common.lock);
    return mon->common.mux_out;
}

static void hmp_mux_in(MonitorHMP *mon)
{
    hmp_set_mux_out(mon, false);
    mon->suspended = 0;
    if (mon->reset_seen && mon->rs) {
        readline_restart(mon->rs);
        readline_show_prompt(mon->rs);
    }
    monitor_flush(&mon->common);
    qemu_chr_fe_accept_input(&mon->common.fe);
}

static void hmp_mux_out(MonitorHMP *mon)
{
    if (mon->reset_seen && mon->suspended == 0) {
        monitor_output(&mon->common, "\n");
    }
    monitor_flush(&mon->common);
    mon->suspended = 1;
    hmp_set_mux_out(mon, true);
}

static void hmp_event(void *opaque, QEMUChrEvent event)
{
    MonitorHMP *mon = opaque;

    switch (event) {
    case CHR_EVENT_MUX_IN:
        hmp_mux_in(mon);
        break;
    case CHR_EVENT_MUX_OUT:
        hmp_mux_out(mon);
        break;
    case CHR_EVENT_OPENED:
        monitor_printf(&mon->common,
                       "QEMU %s monitor - type 'help' for more information\n",
                       QEMU_VERSION);
        if (mon->rs && !hmp_is_mux_out(mon)) {
            readline_restart(mon->rs);
            readline_show_prompt(mon->rs);
        }
        mon->reset_seen = true;
        break;
    case CHR_EVENT_CLOSED:
        monitor_close_fds(&mon->common);
        break;
    default:
        break;
    }
}

static void hmp_free(MonitorHMP *mon)
{
    monitor_data_destroy(&mon->common);
    if (mon->rs) {
        readline_free(mon->rs);
    }
    g_string_free(mon->line, true);
    g_free(mon);
}

bool monitor_init_hmp(Chardev *chr, bool use_readline, Error **errp)
{
    MonitorHMP *mon = g_new0(MonitorHMP, 1);

    monitor_data_init(&mon->common, false);
    mon->line = g_string_new(NULL);
    if (use_readline) {
        mon->rs = readline_new(hmp_print, hmp_line_done, mon, "(qemu) ");
    }
    if (!qemu_chr_fe_init(&mon->common.fe, chr, errp)) {
        hmp_free(mon);
        return false;
    }
    monitor_list_append(&mon->common);
    qemu_chr_fe_set_handlers(&mon->common.fe, hmp_can_read, hmp_read, hmp_event,
                             mon);
    return true;
}

void monitor_hmp_free(Monitor *common)
{
    monitor_flush(common);
    hmp_free(container_of(common, MonitorHMP, common));
}

/* "info" without a subcommand; with one run_line() finds it. */
static void hmp_info_help(Monitor *mon, const char *rest)
{
    hmp_help(mon, "info");
}

static const HMPCommand base_commands[] = {
    { "help|?", "[cmd]", "show the help", hmp_help },
    { "info", "[subcommand]", "show various information about the system state",
      hmp_info_help },
    { NULL },
};

void monitor_hmp_init_globals(void)
{
    monitor_register_hmp(base_commands);
    monitor_register_hmp(hmp_commands);
    monitor_register_hmp_info(hmp_info_commands);
}

void monitor_hmp_cleanup_globals(void)
{
    g_clear_pointer(&cmd_tables, g_ptr_array_unref);
    g_clear_pointer(&info_tables, g_ptr_array_unref);
}
