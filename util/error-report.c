/*
 * Messages for people, with the place they belong to.
 *
 * A message is put together in one string and written by one call, so that
 * messages of several threads do not mix within a line.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "util/atomic.h"
#include "util/error-report.h"

typedef enum ReportKind {
    REPORT_ERROR,
    REPORT_WARNING,
    REPORT_INFO
} ReportKind;

static _Thread_local Location std_loc;
static _Thread_local Location *cur_loc; /* NULL: &std_loc, not used yet */

/* Fixed while the program starts up, before there are other threads. */
static const char *progname;
static const ErrorReportSink *report_sink;
static bool with_timestamp;
static char *guest_name;

/* --- where we are --- */

static Location *current(void)
{
    if (!cur_loc) {
        cur_loc = &std_loc;
    }
    return cur_loc;
}

Location *loc_push_restore(Location *loc)
{
    assert(!loc->prev);
    loc->prev = current();
    return cur_loc = loc;
}

Location *loc_push_none(Location *loc)
{
    *loc = (Location){ .kind = LOC_NONE };
    return loc_push_restore(loc);
}

Location *loc_pop(Location *loc)
{
    assert(current() == loc && loc->prev);
    cur_loc = loc->prev;
    loc->prev = NULL;
    return loc;
}

Location *loc_save(Location *loc)
{
    *loc = *current();
    loc->prev = NULL;
    return loc;
}

void loc_restore(Location *loc)
{
    Location *prev = current()->prev;

    assert(!loc->prev);
    *cur_loc = *loc;
    cur_loc->prev = prev;
}

void loc_set_none(void)
{
    current()->kind = LOC_NONE;
}

void loc_set_cmdline(char **argv, int idx, int cnt)
{
    current()->kind = LOC_CMDLINE;
    cur_loc->num = cnt;
    cur_loc->ptr = argv + idx;
}

void loc_set_file(const char *fname, int lno)
{
    assert(fname || current()->kind == LOC_FILE);
    current()->kind = LOC_FILE;
    cur_loc->num = lno;
    if (fname) {
        cur_loc->ptr = fname;
    }
}

/* --- where text goes --- */

static bool sink_active(void)
{
    return report_sink && report_sink->is_active();
}

static void put_text(const char *text)
{
    if (sink_active()) {
        report_sink->write(text);
    } else {
        fputs(text, stderr);
        fflush(stderr);
    }
}

int error_vprintf(const char *fmt, va_list ap)
{
    g_autofree char *text = g_strdup_vprintf(fmt, ap);

    put_text(text);
    return strlen(text);
}

int error_printf(const char *fmt, ...)
{
    va_list ap;
    int ret;

    va_start(ap, fmt);
    ret = error_vprintf(fmt, ap);
    va_end(ap);
    return ret;
}

static void append_place(GString *line)
{
    const Location *loc = current();

    if (!sink_active() && progname) {
        g_string_append_printf(line, "%s:", progname);
        if (loc->kind != LOC_FILE) {
            g_string_append_c(line, ' ');
        }
    }
    if (loc->kind == LOC_CMDLINE) {
        char *const *words = loc->ptr;

        for (int i = 0; i < loc->num; i++) {
            g_string_append_printf(line, "%s%s", i ? " " : "", words[i]);
        }
        g_string_append(line, ": ");
    } else if (loc->kind == LOC_FILE) {
        g_string_append_printf(line, "%s:", (const char *)loc->ptr);
        if (loc->num) {
            g_string_append_printf(line, "%d:", loc->num);
        }
        g_string_append_c(line, ' ');
    }
}

G_GNUC_QEMU_PRINTF(2, 0)
static void vreport(ReportKind kind, const char *fmt, va_list ap)
{
    g_autoptr(GString) line = g_string_new(NULL);

    if (with_timestamp && !sink_active()) {
        g_autoptr(GDateTime) now = g_date_time_new_now_utc();
        g_autofree char *text = g_date_time_format_iso8601(now);

        g_string_append_printf(line, "%s ", text);
    }
    if (guest_name && !sink_active()) {
        g_string_append_printf(line, "%s ", guest_name);
    }
    append_place(line);
    if (kind == REPORT_WARNING) {
        g_string_append(line, "warning: ");
    } else if (kind == REPORT_INFO) {
        g_string_append(line, "info: ");
    }
    g_string_append_vprintf(line, fmt, ap);
    g_string_append_c(line, '\n');
    put_text(line->str);
}

void error_vreport(const char *fmt, va_list ap)
{
    vreport(REPORT_ERROR, fmt, ap);
}

void warn_vreport(const char *fmt, va_list ap)
{
    vreport(REPORT_WARNING, fmt, ap);
}

void info_vreport(const char *fmt, va_list ap)
{
    vreport(REPORT_INFO, fmt, ap);
}

void error_report(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vreport(REPORT_ERROR, fmt, ap);
    va_end(ap);
}

void warn_report(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vreport(REPORT_WARNING, fmt, ap);
    va_end(ap);
}

void info_report(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vreport(REPORT_INFO, fmt, ap);
    va_end(ap);
}

bool error_report_once_cond(bool *printed, const char *fmt, ...)
{
    va_list ap;

    if (qatomic_xchg(printed, true)) {
        return false;
    }
    va_start(ap, fmt);
    vreport(REPORT_ERROR, fmt, ap);
    va_end(ap);
    return true;
}

bool warn_report_once_cond(bool *printed, const char *fmt, ...)
{
    va_list ap;

    if (qatomic_xchg(printed, true)) {
        return false;
    }
    va_start(ap, fmt);
    vreport(REPORT_WARNING, fmt, ap);
    va_end(ap);
    return true;
}

/* --- set-up --- */

void error_init(const char *argv0)
{
    const char *slash = argv0 ? strrchr(argv0, '/') : NULL;

    progname = slash ? slash + 1 : argv0;
}

const char *error_get_progname(void)
{
    return progname;
}

void error_report_set_sink(const ErrorReportSink *sink)
{
    report_sink = sink;
}

void error_report_set_timestamp(bool on)
{
    with_timestamp = on;
}

void error_report_set_guest_name(const char *name)
{
    g_free(guest_name);
    guest_name = g_strdup(name);
}
