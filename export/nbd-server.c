/*
 * The program's NBD server: one listener, and the commands that manage it and
 * its exports.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "export/nbd-server.h"

#include "backends/tls-creds.h"
#include "block/block.h"
#include "export/nbd.h"
#include "io/socket.h"
#include "qapi/clone-visitor.h"
#include "qapi/qapi-commands-block-export.h"
#include "qapi/qapi-visit-sockets.h"
#include "util/main-loop.h"

/* Clients that wait to be accepted. */
#define BACKLOG 100

typedef struct NbdServer {
    SocketAddress *addr;
    int fd;
    bool listening; /* there is room for another client */
    uint32_t handshake_limit;
    uint32_t max_connections;
    uint32_t connections;
    TlsCreds *tls_creds; /* NULL: none */
    char *tls_authz;
    unsigned generation; /* of the server that a connection belongs to */
} NbdServer;

static NbdServer *nbd_server;
static unsigned generation;

static void on_client(void *opaque);

/* Look for clients if there may be more. */
static void update_watch(NbdServer *s)
{
    bool want = !s->max_connections || s->connections < s->max_connections;

    if (want != s->listening) {
        s->listening = want;
        qemu_set_fd_handler(s->fd, want ? on_client : NULL, NULL, s);
    }
}

static void conn_done(void *opaque, bool established)
{
    if (nbd_server && GPOINTER_TO_UINT(opaque) == nbd_server->generation) {
        nbd_server->connections--;
        update_watch(nbd_server);
    }
}

static void on_client(void *opaque)
{
    NbdServer *s = opaque;
    int fd = socket_accept(s->fd);
    NbdConnConfig config = {
        .handshake_limit = s->handshake_limit,
        .tls_creds = s->tls_creds,
        .tls_authz = s->tls_authz,
        .on_done = conn_done,
        .opaque = GUINT_TO_POINTER(s->generation),
    };

    if (fd < 0) {
        return;
    }
    s->connections++;
    update_watch(s);
    socket_set_nodelay(fd);
    nbd_conn_new(fd, &config);
}

static void server_free(NbdServer *s)
{
    if (s->fd >= 0) {
        if (s->listening) {
            qemu_set_fd_handler(s->fd, NULL, NULL, NULL);
        }
        socket_listen_cleanup(s->addr, s->fd);
        close(s->fd);
    }
    tls_creds_unref(s->tls_creds);
    g_free(s->tls_authz);
    qapi_free_SocketAddress(s->addr);
    g_free(s);
}

static void server_start(const SocketAddress *addr,
                         const NbdServerOptionsBase *opts, Error **errp)
{
    NbdServer *s;

    if (nbd_server) {
        error_setg(errp, "NBD server already running");
        return;
    }
    s = g_new0(NbdServer, 1);
    s->addr = QAPI_CLONE(SocketAddress, addr);
    s->generation = ++generation;
    s->handshake_limit = opts->has_handshake_max_seconds
                             ? opts->handshake_max_seconds
                             : NBD_DEFAULT_HANDSHAKE_LIMIT;
    s->max_connections = opts->has_max_connections
                             ? opts->max_connections
                             : NBD_DEFAULT_MAX_CONNECTIONS;
    s->fd = socket_listen(addr, BACKLOG, errp);
    if (s->fd < 0) {
        server_free(s);
        return;
    }
    if (opts->tls_creds) {
        s->tls_creds = tls_creds_lookup(opts->tls_creds, true, errp);
        if (!s->tls_creds) {
            server_free(s);
            return;
        }
    }
    s->tls_authz = g_strdup(opts->tls_authz);
    nbd_server = s;
    nbd_exports_enable(true, s->max_connections);
    update_watch(s);
}

/* What both forms of the options have: a view, nothing is copied. */
#define BASE_OF(arg)                                                   \
    {                                                                  \
        .has_handshake_max_seconds = (arg)->has_handshake_max_seconds, \
        .handshake_max_seconds = (arg)->handshake_max_seconds,         \
        .has_max_connections = (arg)->has_max_connections,             \
        .max_connections = (arg)->max_connections,                     \
        .tls_creds = (arg)->tls_creds, .tls_authz = (arg)->tls_authz,  \
    }

void nbd_server_start_options(NbdServerOptions *arg, Error **errp)
{
    NbdServerOptionsBase opts = BASE_OF(arg);

    server_start(arg->addr, &opts, errp);
}

void nbd_server_close(void)
{
    if (nbd_server) {
        nbd_exports_enable(false, 0);
        nbd_conns_stop();
        server_free(g_steal_pointer(&nbd_server));
    }
}

/* --- QMP --- */

void qmp_nbd_server_start(NbdServerOptionsLegacy *arg, Error **errp)
{
    g_autoptr(SocketAddress) addr = socket_address_flatten(arg->addr);

    NbdServerOptionsBase opts = BASE_OF(arg);

    server_start(addr, &opts, errp);
}

/* The options of block-export-add that mean the same. */
static BlockExportOptions *export_options(const NbdServerAddOptions *arg,
                                          BlockDriverState *bs)
{
    BlockExportOptions *opts = g_new0(BlockExportOptions, 1);
    const char *name = arg->name ?: arg->device;

    opts->type = BLOCK_EXPORT_TYPE_NBD;
    opts->id = g_strdup(name);
    opts->node_name = g_strdup(bdrv_get_node_name(bs));
    opts->has_writable = true;
    opts->writable = arg->has_writable && arg->writable;
    opts->u.nbd.name = g_strdup(name);
    opts->u.nbd.description = g_strdup(arg->description);
    if (arg->bitmap) {
        BlockDirtyBitmapOrStr *b = g_new0(BlockDirtyBitmapOrStr, 1);

        b->type = QTYPE_QSTRING;
        b->u.local = g_strdup(arg->bitmap);
        opts->u.nbd.bitmaps = g_new0(BlockDirtyBitmapOrStrList, 1);
        opts->u.nbd.bitmaps->value = b;
    }
    return opts;
}

void qmp_nbd_server_add(NbdServerAddOptions *arg, Error **errp)
{
    g_autoptr(BlockExportOptions) opts = NULL;
    BlockDriverState *bs;

    bs = bdrv_lookup_bs(arg->device, arg->device, errp);
    if (!bs) {
        return;
    }
    opts = export_options(arg, bs);
    /* Of the old command: a node that cannot be written to is exported all
     * the same */
    if (bdrv_is_read_only(bs)) {
        opts->writable = false;
    }
    blk_exp_add(opts, errp);
}

void qmp_nbd_server_remove(const char *name, bool has_mode,
                           BlockExportRemoveMode mode, Error **errp)
{
    BlockExport *exp = blk_exp_find(name);

    if (exp && exp->drv->type != BLOCK_EXPORT_TYPE_NBD) {
        error_setg(errp, "Block export '%s' is not an NBD export", name);
        return;
    }
    qmp_block_export_del(name, has_mode, mode, errp);
}

void qmp_nbd_server_stop(Error **errp)
{
    if (!nbd_server) {
        error_setg(errp, "NBD server not running");
        return;
    }
    blk_exp_close_all_type(BLOCK_EXPORT_TYPE_NBD);
    nbd_server_close();
}
