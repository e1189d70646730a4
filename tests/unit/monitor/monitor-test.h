/*
 * A monitor on a socket pair, and the commands it needs.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TESTS_UNIT_MONITOR_MONITOR_TEST_H
#define TESTS_UNIT_MONITOR_MONITOR_TEST_H

#include <sys/socket.h>

#include "monitor/monitor-internal.h"
#include "qapi/qapi-commands-control.h"
#include "qapi/qapi-commands-misc.h"
#include "util/cutils.h"
#include "util/main-loop.h"

static QmpCommandList test_commands;
static GString *test_log; /* a letter for each command that ran */

/* The handlers that the schema's modules want; those of monitor/ are real. */
void qmp_quit(Error **errp)
{
    g_string_append_c(test_log, 'q');
}

void qmp_stop(Error **errp)
{
    g_string_append_c(test_log, 's');
}

void qmp_cont(Error **errp)
{
    g_string_append_c(test_log, 'c');
    error_setg(errp, "Cannot");
}

NameInfo *qmp_query_name(Error **errp)
{
    NameInfo *info = g_new0(NameInfo, 1);

    g_string_append_c(test_log, 'n');
    info->name = g_strdup("test");
    return info;
}

IOThreadInfoList *qmp_query_iothreads(Error **errp)
{
    return NULL;
}

CommandLineOptionInfoList *qmp_query_command_line_options(const char *option,
                                                          Error **errp)
{
    return NULL;
}

static void run_big(QDict *args, QObject **ret, Error **errp)
{
    g_autofree char *text = g_strnfill(4 * MiB, 'x');
    QDict *d = qdict_new();

    qdict_put_str(d, "text", text);
    *ret = QOBJECT(d);
}

static void run_oob(QDict *args, QObject **ret, Error **errp)
{
    g_string_append_c(test_log, 'o');
}

static inline void monitor_test_init(void)
{
    qemu_init_main_loop(&error_abort);
    test_log = g_string_new(NULL);
    qmp_commands_init(&test_commands);
    qmp_init_commands_control(&test_commands);
    qmp_init_commands_misc(&test_commands);
    qmp_register_command(&test_commands, "x-big", run_big, 0);
    qmp_register_command(&test_commands, "x-oob", run_oob, QCO_ALLOW_OOB);
    monitor_init_with_commands(&test_commands);
}

static inline void monitor_test_cleanup(void)
{
    QmpCommand *cmd;

    monitor_cleanup();
    qemu_chr_cleanup();
    qemu_cleanup_main_loop();
    while ((cmd = TAILQ_FIRST(&test_commands))) {
        TAILQ_REMOVE(&test_commands, cmd, node);
        g_free(cmd);
    }
    while ((cmd = TAILQ_FIRST(&monitor_cap_commands))) {
        TAILQ_REMOVE(&monitor_cap_commands, cmd, node);
        g_free(cmd);
    }
    g_string_free(test_log, true);
}

/* A device named @id; the other end. */
static inline int test_chardev(const char *id)
{
    int sv[2];
    bool help;
    g_autofree char *opts = NULL;

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv), ==,
                    0);
    qemu_set_blocking(sv[1], false);
    opts = g_strdup_printf("socket,id=%s,fd=%d", id, sv[0]);
    qemu_chr_new_from_string(opts, &help, &error_abort);
    return sv[1];
}

static inline void test_send(int fd, const char *str)
{
    g_assert_cmpint(write(fd, str, strlen(str)), ==, (ssize_t)strlen(str));
}

/* What comes until the main loop has nothing to do. */
static inline char *test_receive(int fd)
{
    GString *out = g_string_new(NULL);
    char buf[4096];
    ssize_t n;

    for (int idle = 0; idle < 20; idle++) {
        main_loop_wait(true);
        while ((n = read(fd, buf, sizeof(buf))) > 0) {
            g_string_append_len(out, buf, n);
            idle = 0;
        }
    }
    return g_string_free(out, false);
}

static inline void test_expect(int fd, const char *send, const char *expected)
{
    g_autofree char *got = NULL;

    test_send(fd, send);
    got = test_receive(fd);
    g_assert_cmpstr(got, ==, expected);
}

#endif
