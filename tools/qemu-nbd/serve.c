/*
 * qemu-nbd's clients: taken while there is room, and the end with the last.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "tools/qemu-nbd/qemu-nbd.h"

#include "export/nbd.h"
#include "io/socket.h"
#include "util/atomic.h"
#include "util/cutils.h"
#include "util/main-loop.h"
#include "util/process.h"

typedef struct Serving {
    const NbdToolConfig *config;
    const int *fds;
    unsigned n_fds;
    bool watching;
    int clients;
    bool stop; /* atomic: signal handlers set it */
} Serving;

static Serving serving;

static void on_client(void *opaque);

static void update_watch(void)
{
    const NbdToolConfig *config = serving.config;
    bool want = !qatomic_read(&serving.stop) &&
                (!config->shared || serving.clients < config->shared);

    if (want == serving.watching) {
        return;
    }
    serving.watching = want;
    for (unsigned i = 0; i < serving.n_fds; i++) {
        qemu_set_fd_handler(serving.fds[i], want ? on_client : NULL, NULL,
                            (void *)&serving.fds[i]);
    }
}

static void client_gone(void *opaque, bool established)
{
    serving.clients--;
    if (established && !serving.clients && !serving.config->persistent) {
        qatomic_set(&serving.stop, true);
        qemu_notify_event();
    }
    update_watch();
}

static void on_client(void *opaque)
{
    const NbdToolConfig *config = serving.config;
    const int *listener = opaque;
    NbdConnConfig conn = {
        .handshake_limit = config->handshake_limit,
        .tls_creds = config->tls_creds,
        .tls_authz = config->tls_authz,
        .on_done = client_gone,
    };
    int fd = serving.watching ? socket_accept(*listener) : -1;

    if (fd < 0) {
        return;
    }
    serving.clients++;
    update_watch();
    socket_set_nodelay(fd);
    nbd_conn_new(fd, &conn);
}

static void on_killed(int signal, int pid)
{
    qatomic_set(&serving.stop, true);
    qemu_notify_event();
}

void nbd_tool_listen(const NbdToolConfig *config, const int *fds, unsigned n)
{
    serving.config = config;
    serving.fds = fds;
    serving.n_fds = n;
    for (unsigned i = 0; i < n; i++) {
        qemu_set_blocking(fds[i], false);
    }
    process_setup_signals(on_killed);
    update_watch();
}

void nbd_tool_serve(void)
{
    while (!qatomic_read(&serving.stop)) {
        main_loop_wait(false);
    }
    update_watch();
    nbd_conns_stop();
}
