/*
 * What the two kinds of monitors share.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MONITOR_MONITOR_INTERNAL_H
#define MONITOR_MONITOR_INTERNAL_H

#include "monitor/monitor.h"
#include "qapi/qmp-dispatch.h"
#include "qobject/qdict.h"
#include "util/aio.h"
#include "util/queue.h"
#include "util/thread.h"

typedef struct MonFd {
    char *name;
    int fd;
    TAILQ_ENTRY(MonFd) next;
} MonFd;

/* The beginning of MonitorQMP and MonitorHMP.  Main thread, where nothing
 * else is said. */
struct Monitor {
    CharFrontend fe; /* not connected for human-monitor-command */
    bool is_qmp;     /* fixed */
    QEMUBH *flush_bh;
    TAILQ_HEAD(, MonFd) fds;         /* from getfd */
    TAILQ_ENTRY(Monitor) list_entry; /* monitor_list_lock */

    QemuMutex lock;
    GString *outbuf; /* lock */
    bool mux_out;    /* lock; another front end has the mux */
};

TAILQ_HEAD(MonitorList, Monitor);
extern struct MonitorList monitor_list; /* changed in the main thread only */
extern QemuMutex monitor_list_lock;     /* taken before any Monitor's lock */

/* The commands of this program, and qmp_capabilities alone. */
extern QmpCommandList *monitor_qmp_commands;
extern QmpCommandList monitor_cap_commands;

void monitor_data_init(Monitor *mon, bool is_qmp);
void monitor_data_destroy(Monitor *mon);
void monitor_list_append(Monitor *mon);

/* Make @mon the current monitor; the one before. */
Monitor *monitor_set_cur(Monitor *mon);
/* Send what is kept as far as possible; watch for the rest.  Main thread. */
void monitor_flush(Monitor *mon);
/* Append with CR LF line ends; send it (from other threads: soon).  Any
 * thread. */
void monitor_output(Monitor *mon, const char *str);
/* Is so much output kept that no new commands should run? */
bool monitor_output_full(Monitor *mon);
void monitor_close_fds(Monitor *mon);

/* --- QMP (qmp.c) --- */

typedef struct MonitorQMP MonitorQMP;

/* Send a JSON value to @mon.  Any thread. */
void qmp_send(MonitorQMP *mon, const QDict *obj);
/* Send an event to @mon, if it is through with negotiation.  Any thread. */
void qmp_send_event(Monitor *mon, const QDict *event);
/* The handler of qmp_capabilities for the session @mon. */
bool qmp_negotiate(Monitor *mon, bool enable_oob, Error **errp);
void monitor_qmp_init_globals(void);
void monitor_qmp_cleanup_globals(void);
/* Send a response that waits, and free @mon. */
void monitor_qmp_free(Monitor *mon);

/* --- HMP (hmp.c) --- */

void monitor_hmp_free(Monitor *mon);
void monitor_hmp_init_globals(void);
void monitor_hmp_cleanup_globals(void);
/* No prompt and no input any more: the program ends. */
void monitor_hmp_suspend(Monitor *mon);
/* Run @line, and return what it printed. */
char *monitor_hmp_run(const char *line);
extern const HMPCommand hmp_commands[];
extern const HMPCommand hmp_info_commands[];
void hmp_info_block(Monitor *mon, const char *rest); /* hmp-block.c */

/* --- events (events.c) --- */

void monitor_events_init(void);
void monitor_events_cleanup(void);

#endif
