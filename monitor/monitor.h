/*
 * Monitors: QMP sessions for programs and the human monitor (HMP).
 *
 * A monitor lives on a Chardev and on the main loop.  What a slow reader does
 * not take is kept and sent when it can be; nothing waits for it.
 *
 * Thread: main thread under the BQL, where nothing else is said.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MONITOR_MONITOR_H
#define MONITOR_MONITOR_H

#include "chardev/char.h"
#include "qapi/qmp-dispatch.h"
#include "util/error.h"

typedef struct Monitor Monitor;
typedef struct MonitorOptions MonitorOptions;
typedef struct QObject QObject;

/* Once, before the first monitor and after qemu_init_main_loop(): registers
 * the QMP commands, the event emitter and the sink of messages. */
void monitor_init_globals(void);
/* The same for a program with commands of its own; @commands stays. */
void monitor_init_with_commands(QmpCommandList *commands);
/* Flush and delete all monitors. */
void monitor_cleanup(void);

bool monitor_init_qmp(Chardev *chr, bool pretty, Error **errp);
bool monitor_init_hmp(Chardev *chr, bool use_readline, Error **errp);
bool monitor_init(MonitorOptions *opts, bool allow_hmp, Error **errp);
/* -mon @str */
bool monitor_init_opts(const char *str, Error **errp);
/* -monitor/-qmp/-qmp-pretty @arg: "none", a device in short form or
 * "chardev:ID"; @mode "readline" or "control".  @index counts them:
 * compat_monitor0... */
bool monitor_parse(const char *arg, const char *mode, bool pretty, int index,
                   Error **errp);
/* Does a monitor (other than QMP) read standard input? */
bool monitor_has_hmp(void);

/* The monitor whose command runs now in this thread, or NULL. */
Monitor *monitor_cur(void);
bool monitor_cur_is_qmp(void);

/* To an HMP monitor (nothing happens on a QMP one); -1 without a monitor. */
int monitor_printf(Monitor *mon, const char *fmt, ...) G_GNUC_QEMU_PRINTF(2, 3);
int monitor_vprintf(Monitor *mon, const char *fmt, va_list ap)
    G_GNUC_QEMU_PRINTF(2, 0);
int monitor_puts(Monitor *mon, const char *str);

/* The descriptor that "getfd" named @fdname, now the caller's; -1, @errp. */
int monitor_get_fd(Monitor *mon, const char *fdname, Error **errp);
/* The same, or the number @fdname. */
int monitor_fd_param(Monitor *mon, const char *fdname, Error **errp);

/*
 * The emitter of events: sends @qdict (the caller's) to all QMP sessions that
 * are through with negotiation.  Events that can come in bursts are limited
 * to one a second each.  Any thread.
 */
void monitor_qapi_event_emit(unsigned event, QDict *qdict);

/* --- HMP --- */

typedef struct HMPCommand {
    const char *name; /* "system_reset|alias" */
    const char *args; /* what help shows: "[-n] name" */
    const char *help;
    /* @rest: what stands behind the name, without blanks at the ends. */
    void (*cmd)(Monitor *mon, const char *rest);
} HMPCommand;

/* Add commands ("info" ones go below "info"); tables end with a NULL name
 * and stay. */
void monitor_register_hmp(const HMPCommand *table);
void monitor_register_hmp_info(const HMPCommand *table);
/* Run one line with output to @mon. */
void monitor_handle_hmp(Monitor *mon, const char *line);

/*
 * Run a QMP command as an HMP command does: its result with a reference, or
 * NULL after "Error: ..." was printed.  @args' reference is taken (NULL ok).
 */
QObject *monitor_call_qmp(Monitor *mon, const char *command, QDict *args);

#endif
