/*
 * Messages for people: errors, warnings and notes on stderr (or the human
 * monitor that asked), with the place in the configuration they belong to:
 *
 *     qemu-system-x86_64: -drive file=x: Could not open 'x': ...
 *
 * Thread: the location stack is per thread; everything here may be called
 * from any thread.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef UTIL_ERROR_REPORT_H
#define UTIL_ERROR_REPORT_H

/* A place a message refers to; lives on the caller's stack. */
typedef struct Location {
    enum { LOC_NONE, LOC_CMDLINE, LOC_FILE } kind;
    int num;         /* LOC_CMDLINE: number of words; LOC_FILE: line */
    const void *ptr; /* LOC_CMDLINE: char **first word; LOC_FILE: name */
    struct Location *prev;
} Location;

Location *loc_push_restore(Location *loc); /* push @loc as it was saved */
Location *loc_push_none(Location *loc);    /* push "nowhere" */
Location *loc_pop(Location *loc);          /* must be the current one */
Location *loc_save(Location *loc);         /* copy the current one to @loc */
void loc_restore(Location *loc);           /* overwrite the current one */
void loc_set_none(void);
/* The current place is argv[idx] .. argv[idx + cnt - 1]. */
void loc_set_cmdline(char **argv, int idx, int cnt);
/* Line @lno of @fname (which must stay); 0: the file as a whole. */
void loc_set_file(const char *fname, int lno);

/* Set the program's name from argv[0]; call first in main(). */
void error_init(const char *argv0);
const char *error_get_progname(void);

/* One message, with a newline added.  No final full stop in @fmt. */
void error_report(const char *fmt, ...) G_GNUC_QEMU_PRINTF(1, 2);
void warn_report(const char *fmt, ...) G_GNUC_QEMU_PRINTF(1, 2);
void info_report(const char *fmt, ...) G_GNUC_QEMU_PRINTF(1, 2);
void error_vreport(const char *fmt, va_list ap) G_GNUC_QEMU_PRINTF(1, 0);
void warn_vreport(const char *fmt, va_list ap) G_GNUC_QEMU_PRINTF(1, 0);
void info_vreport(const char *fmt, va_list ap) G_GNUC_QEMU_PRINTF(1, 0);

/* Report only if *@printed is false, and make it true; was it reported? */
bool error_report_once_cond(bool *printed, const char *fmt, ...)
    G_GNUC_QEMU_PRINTF(2, 3);
bool warn_report_once_cond(bool *printed, const char *fmt, ...)
    G_GNUC_QEMU_PRINTF(2, 3);
#define error_report_once(fmt, ...)                                   \
    (__extension__({                                                  \
        static bool report_printed_;                                  \
        error_report_once_cond(&report_printed_, fmt, ##__VA_ARGS__); \
    }))
#define warn_report_once(fmt, ...)                                   \
    (__extension__({                                                 \
        static bool report_printed_;                                 \
        warn_report_once_cond(&report_printed_, fmt, ##__VA_ARGS__); \
    }))

/* Bare text to where messages go: no prefix, no newline. */
int error_printf(const char *fmt, ...) G_GNUC_QEMU_PRINTF(1, 2);
int error_vprintf(const char *fmt, va_list ap) G_GNUC_QEMU_PRINTF(1, 0);

/*
 * Where the messages of a human monitor's command go: while the sink is
 * active (in this thread) it gets all text in place of stderr, and messages
 * have no program name or time stamp before them.  @sink stays the caller's;
 * NULL takes it away.
 */
typedef struct ErrorReportSink {
    bool (*is_active)(void);
    void (*write)(const char *str);
} ErrorReportSink;
void error_report_set_sink(const ErrorReportSink *sink);

/* -msg timestamp=on, guest-name=on */
void error_report_set_timestamp(bool on);
void error_report_set_guest_name(const char *name); /* NULL: off; copied */

#endif
