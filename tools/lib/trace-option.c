/*
 * -T, --trace of the programs.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "tools/lib/trace-option.h"

#include "qobject/keyval.h"
#include "util/error-report.h"
#include "util/process.h"

#include <stdio.h>
#include <stdlib.h>

/* Switch on ("-": off) what @pattern names. */
static void enable_events(const char *pattern)
{
    if (g_str_equal(pattern, "help")) {
        exit(0); /* the list of events is empty */
    }
    if (!strchr(pattern, '*')) {
        warn_report("trace event '%s' does not exist",
                    pattern + (pattern[0] == '-'));
    }
}

static void enable_events_of_file(const char *path)
{
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;
    Location loc;

    loc_push_none(&loc);
    loc_set_file(path, 0);
    if (!g_file_get_contents(path, &text, NULL, NULL)) {
        error_report("%s", strerror(errno));
        exit(1);
    }
    lines = g_strsplit(text, "\n", -1);
    for (int i = 0; lines[i]; i++) {
        loc_set_file(path, i + 1);
        if (lines[i][0] && lines[i][0] != '#') {
            enable_events(lines[i]);
        }
    }
    loc_pop(&loc);
}

void trace_option_handle(const char *arg)
{
    static const char *const known[] = { "enable", "events", "file", NULL };
    g_autoptr(QDict) opts = opts_parse(arg, "enable", NULL, &error_fatal);
    const QDictEntry *e;
    const char *value;

    QDICT_FOREACH(opts, e) {
        if (!g_strv_contains(known, qdict_entry_key(e))) {
            error_report("Invalid parameter '%s'", qdict_entry_key(e));
            exit(1);
        }
    }
    value = qdict_get_try_str(opts, "enable");
    if (value) {
        enable_events(value);
    }
    value = qdict_get_try_str(opts, "events");
    if (value) {
        enable_events_of_file(value);
    }
    value = qdict_get_try_str(opts, "file");
    if (value) {
        process_create_logfile(value, &error_fatal);
    }
}
