/*
 * qemu-nbd: one disk image for NBD clients.
 *
 * The options are declared in qapi/qemu-nbd-options.json, where --help and the
 * manual come from.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "tools/qemu-nbd/qemu-nbd.h"

#include "config-host.h"
#include "backends/iothread.h"
#include "backends/tls-creds.h"
#include "block/block.h"
#include "export/export.h"
#include "export/nbd.h"
#include "io/socket.h"
#include "nbd/protocol.h"
#include "tools/qemu-nbd/options.h"
#include "util/cutils.h"
#include "util/error-report.h"
#include "util/main-loop.h"
#include "util/pidfile.h"

#include <fcntl.h>
#include <sys/socket.h>

#define ACTIVATED_FD 3 /* sd_listen_fds(3): the first one */

/* The types of exports of this program. */
const BlockExportDriver *const block_export_drivers[] = {
    &blk_exp_nbd,
    NULL,
};

static void G_GNUC_NORETURN die(const char *fmt, ...) G_GNUC_PRINTF(1, 2);
static void die(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    error_vreport(fmt, ap);
    va_end(ap);
    exit(EXIT_FAILURE);
}

static void G_GNUC_NORETURN die_err(Error *err)
{
    error_report_err(err);
    exit(EXIT_FAILURE);
}

static void G_GNUC_NORETURN wrong_arguments(void)
{
    error_report("Invalid number of arguments");
    error_printf("Try `%s --help' for more information.\n",
                 error_get_progname());
    exit(EXIT_FAILURE);
}

/* --- the background --- */

static int parent_fd = -1;

/* --fork: the parent waits for the child's word and ends as it says. */
static void go_to_background(void)
{
    uint8_t status = EXIT_FAILURE;
    int fds[2];
    pid_t pid;

    if (pipe2(fds, O_CLOEXEC) < 0) {
        die("Unable to set pipe: %s", strerror(errno));
    }
    pid = fork();
    if (pid < 0) {
        die("Failed to fork: %s", strerror(errno));
    }
    if (pid) {
        close(fds[1]);
        if (qemu_read_full(fds[0], &status, 1) != 1) {
            status = EXIT_FAILURE;
        }
        _exit(status);
    }
    close(fds[0]);
    parent_fd = fds[1];
    setsid();
}

static void background_ready(bool keep_stderr)
{
    uint8_t status = EXIT_SUCCESS;
    int fd;

    if (parent_fd < 0) {
        return;
    }
    fd = qemu_open_cloexec("/dev/null", O_RDWR, 0);
    if (fd < 0) {
        die("Failed to open /dev/null: %s", strerror(errno));
    }
    dup2(fd, STDIN_FILENO);
    dup2(fd, STDOUT_FILENO);
    if (!keep_stderr) {
        dup2(fd, STDERR_FILENO);
    }
    close(fd);
    qemu_write_full(parent_fd, &status, 1);
    close(parent_fd);
    parent_fd = -1;
}

/* --- where clients come in --- */

/* As sd_listen_fds(3): how many sockets there are for us; 0: none. */
static unsigned activated_sockets(void)
{
    const char *pid = getenv("LISTEN_PID"), *n = getenv("LISTEN_FDS");
    uint64_t value, count;

    if (!pid || qemu_strtou64(pid, NULL, 10, &value) < 0 ||
        value != (uint64_t)getpid() || !n ||
        qemu_strtou64(n, NULL, 10, &count) < 0 || count > 1000) {
        return 0;
    }
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    for (unsigned i = 0; i < count; i++) {
        if (fcntl(ACTIVATED_FD + i, F_SETFD, FD_CLOEXEC) < 0) {
            die("Socket activation failed: invalid file descriptor fd = %d: "
                "%s",
                ACTIVATED_FD + i, strerror(errno));
        }
    }
    return count;
}

static void check_activation(const NbdToolConfig *c)
{
    if (!c->activated) {
        return;
    }
    if (c->list) {
        die("List mode is incompatible with socket activation");
    }
    if (c->device) {
        die("NBD device can't be set when using socket activation");
    }
    if (c->socket) {
        die("Unix socket can't be set when using socket activation");
    }
    if (c->port) {
        die("TCP port number can't be set when using socket activation");
    }
    if (c->bind) {
        die("The interface can't be set when using socket activation");
    }
}

static SocketAddress *choose_address(const NbdToolConfig *c)
{
    SocketAddress *addr = g_new0(SocketAddress, 1);

    if (c->socket) {
        addr->type = SOCKET_ADDRESS_TYPE_UNIX;
        addr->u.q_unix.path = g_strdup(c->socket);
    } else {
        g_autofree char *port = g_strdup_printf("%d", NBD_DEFAULT_PORT);

        addr->type = SOCKET_ADDRESS_TYPE_INET;
        addr->u.inet.host = g_strdup(c->bind ?: "0.0.0.0");
        addr->u.inet.port = g_strdup(c->port ?: port);
    }
    return addr;
}

/* --- what is told of the options --- */

static void check_tls(NbdToolConfig *c)
{
    Error *err = NULL;

    if (!c->tls_creds_id) {
        if (c->tls_authz) {
            die("--tls-authz is not permitted without --tls-creds");
        }
        if (c->tls_hostname) {
            die("--tls-hostname is not permitted without --tls-creds");
        }
        return;
    }
    if (c->device) {
        die("TLS is not supported with a host device");
    }
    if (c->tls_authz && c->list) {
        die("TLS authorization is incompatible with export list");
    }
    if (c->tls_hostname && !c->list) {
        die("TLS hostname is only supported with export list");
    }
    c->tls_creds = tls_creds_lookup(c->tls_creds_id, !c->list, &err);
    if (!c->tls_creds) {
        error_reportf_err(err, "Failed to get TLS creds: ");
        exit(EXIT_FAILURE);
    }
}

static void check_options(NbdToolConfig *c, int n_files)
{
    if (c->list) {
        if (n_files) {
            die("List mode is incompatible with a file name");
        }
        if (c->name || c->description || c->offset || c->device ||
            c->disconnect || c->format || c->snapshot || c->snapshot_param ||
            c->bitmaps || c->allocation_depth || c->seen_aio ||
            c->seen_discard || c->seen_cache) {
            die("List mode is incompatible with per-device settings");
        }
        if (c->fork) {
            die("List mode is incompatible with forking");
        }
    } else if (n_files != 1) {
        wrong_arguments();
    } else if (!c->name) {
        c->name = "";
    }
    check_activation(c);
    if (c->socket && c->socket[0] != '/') {
        die("socket path must be absolute");
    }
    if (c->selinux_label) {
        die("SELinux support not enabled in this binary");
    }
    check_tls(c);
}

/* --- the program --- */

static void check_lengths(const NbdToolConfig *c)
{
    if (strlen(c->name) > NBD_MAX_STRING) {
        die("export name '%s' too long", c->name);
    }
    if (c->description && strlen(c->description) > NBD_MAX_STRING) {
        die("export description '%s' too long", c->description);
    }
}

static int serve(NbdToolConfig *c, const char *filename)
{
    unsigned n = MAX(c->activated, 1);
    g_autofree int *fds = g_new(int, n);
    Error *err = NULL;

    for (unsigned i = 0; i < c->activated; i++) {
        fds[i] = ACTIVATED_FD + i;
    }
    if (!c->activated) {
        fds[0] = socket_listen(c->addr, MIN(c->shared ?: SOMAXCONN, SOMAXCONN),
                               &err);
        if (fds[0] < 0) {
            die_err(err);
        }
    }
    nbd_exports_enable(true, c->shared);
    nbd_tool_export(c, filename);
    if (c->device) {
        nbd_tool_connect(c->device);
    }
    if (c->pid_file && !qemu_write_pidfile(c->pid_file, &err)) {
        die_err(err);
    }
    nbd_tool_listen(c, fds, n);
    background_ready(c->verbose);
    nbd_tool_serve();
    if (!c->activated) {
        socket_listen_cleanup(c->addr, fds[0]);
    }
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    static NbdToolConfig config;
    Error *err = NULL;
    int status;

    signal(SIGPIPE, SIG_IGN);
    error_init(argv[0]);
    type_register_table(qom_types);
    type_register_table(backends_types);
    nbd_tool_parse(&config, argc, argv);
    if (config.disconnect) {
        if (argc - optind != 1) {
            wrong_arguments();
        }
        return nbd_tool_disconnect(argv[optind]);
    }
    config.activated = activated_sockets();
    if (!config.list && config.fork) {
        go_to_background();
    }
    if (!qemu_init_main_loop(&err)) {
        die_err(err);
    }
    nbd_tool_make_objects();
    check_options(&config, argc - optind);
    config.addr = choose_address(&config);
    bdrv_init();
    if (config.list) {
        status = nbd_tool_list(&config);
    } else {
        check_lengths(&config);
        status = serve(&config, argv[optind]);
        blk_exp_close_all();
        bdrv_close_all();
    }
    tls_creds_unref(config.tls_creds);
    user_creatable_cleanup();
    return status;
}
