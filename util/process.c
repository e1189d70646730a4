/*
 * The process: signals that end it, going to the background.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "util/process.h"
#include "util/cutils.h"
#include "util/error-report.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- signals --- */

static void (*on_killed)(int signal, int pid);

static void on_termination(int signal, siginfo_t *info, void *context)
{
    on_killed(signal, info->si_pid);
}

void process_setup_signals(void (*killed)(int signal, int pid))
{
    struct sigaction act = {
        .sa_sigaction = on_termination,
        .sa_flags = SA_SIGINFO | SA_RESTART,
    };
    struct sigaction ignore = { .sa_handler = SIG_IGN };

    on_killed = killed;
    sigaction(SIGINT, &act, NULL);
    sigaction(SIGHUP, &act, NULL);
    sigaction(SIGTERM, &act, NULL);
    sigaction(SIGPIPE, &ignore, NULL);
}

/* --- the background --- */

static int ready_fd = -1; /* where the parent waits for a byte */

/* The parent's part: wait for the child's word, then end. */
static void G_GNUC_NORETURN wait_for_child(int fd)
{
    uint8_t status = 1;

    if (qemu_read_full(fd, &status, 1) != 1) {
        status = 1;
    }
    _exit(status);
}

bool process_create_logfile(const char *filename, Error **errp)
{
    g_auto(GStrv) parts = g_strsplit(filename, "%d", 2);
    g_autofree char *name = NULL;
    int fd;

    if (strchr(parts[0], '%') || (parts[1] && strchr(parts[1], '%'))) {
        error_setg(errp, "Bad logfile template: %s", filename);
        return false;
    }
    name = parts[1] ? g_strdup_printf("%s%d%s", parts[0], getpid(), parts[1])
                    : g_strdup(filename);
    fd = qemu_open_cloexec(name, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (fd < 0) {
        error_setg_errno(errp, errno, "Error opening logfile %s", name);
        return false;
    }
    close(fd);
    return true;
}

void process_daemonize(void)
{
    int fds[2];
    pid_t pid;

    if (pipe2(fds, O_CLOEXEC) < 0) {
        error_report("cannot create a pipe: %s", strerror(errno));
        exit(1);
    }
    pid = fork();
    if (pid < 0) {
        error_report("cannot fork: %s", strerror(errno));
        exit(1);
    }
    if (pid > 0) {
        close(fds[1]);
        wait_for_child(fds[0]);
    }
    close(fds[0]);
    ready_fd = fds[1];
    setsid();

    /* Not the session's leader: never gets a terminal again. */
    pid = fork();
    if (pid != 0) {
        _exit(pid < 0);
    }
    umask(027);
    signal(SIGTSTP, SIG_IGN);
    signal(SIGTTOU, SIG_IGN);
    signal(SIGTTIN, SIG_IGN);
}

void process_daemon_ready(void)
{
    uint8_t status = 0;
    int null_fd;

    if (ready_fd < 0) {
        return;
    }
    if (chdir("/") < 0) {
        error_report("not able to chdir to /: %s", strerror(errno));
        exit(1);
    }
    null_fd = qemu_open_cloexec("/dev/null", O_RDWR, 0);
    if (null_fd < 0) {
        error_report("cannot open /dev/null: %s", strerror(errno));
        exit(1);
    }
    dup2(null_fd, STDIN_FILENO);
    dup2(null_fd, STDOUT_FILENO);
    dup2(null_fd, STDERR_FILENO);
    close(null_fd);
    qemu_write_full(ready_fd, &status, 1);
    close(ready_fd);
    ready_fd = -1;
}
