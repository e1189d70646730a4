/*
 * What the files of qemu-nbd share.
 *
 * Thread: main.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TOOLS_QEMU_NBD_H
#define TOOLS_QEMU_NBD_H

#include "crypto/tls-session.h"
#include "qapi/qapi-types-block-export.h"
#include "qapi/qapi-types-sockets.h"
#include "qobject/qdict.h"

typedef struct NbdToolConfig {
    /* where */
    const char *port, *bind, *socket; /* NULL: not given */
    unsigned activated;               /* descriptors of a service manager */
    SocketAddress *addr;
    /* to whom */
    int shared, handshake_limit;
    bool persistent;
    const char *tls_creds_id, *tls_authz, *tls_hostname;
    TlsCreds *tls_creds;
    /* what */
    const char *format;
    bool image_opts, read_only;
    int flags; /* BDRV_O_* */
    bool writethrough;
    int detect_zeroes; /* index of the name, -1: not given */
    bool seen_cache, seen_aio, seen_discard;
    uint64_t offset;
    const char *snapshot;  /* id or name */
    QDict *snapshot_param; /* snapshot.id, snapshot.name */
    const char *name, *description;
    bool allocation_depth;
    BlockDirtyBitmapOrStrList *bitmaps;
    /* how */
    bool list, verbose, fork, disconnect;
    const char *device, *pid_file, *selinux_label;
} NbdToolConfig;

/* image.c: the exported node, or the program ends with a message. */
void nbd_tool_export(const NbdToolConfig *config, const char *filename);
/* serve.c: takes clients on @fds until it is time to end. */
void nbd_tool_listen(const NbdToolConfig *config, const int *fds, unsigned n);
void nbd_tool_serve(void);
/* kernel.c: exit status; a message and the end of the program. */
int nbd_tool_disconnect(const char *device);
void G_GNUC_NORETURN nbd_tool_connect(const char *device);
/* list.c: exit status. */
int nbd_tool_list(const NbdToolConfig *config);

#endif
