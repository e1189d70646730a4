/*
 * Messages of the vhost-user protocol over a non-blocking socket.
 *
 * Thread: main.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef EXPORT_VHOST_USER_MSG_H
#define EXPORT_VHOST_USER_MSG_H

#include "export/vhost-user-proto.h"
#include "util/error.h"

/* A message while it comes in. */
typedef struct VhostUserReader {
    VhostUserMsg msg;
    size_t have; /* bytes of it so far */
} VhostUserReader;

void vhost_user_reader_init(VhostUserReader *r);
/* Close descriptors that nobody took (those that are not -1). */
void vhost_user_msg_close_fds(VhostUserMsg *msg);

/*
 * Read on.  1: r->msg is complete, and vhost_user_reader_init() makes room for
 * the next; 0: there is no more now; -1: the end of the connection, with @errp
 * unless the front end closed it between two messages.
 */
int vhost_user_read(VhostUserReader *r, int sock, Error **errp);

/* Send the header and @msg->h.size bytes.  False and @errp when it did not go
 * out whole at once: a front end that does not read its replies. */
bool vhost_user_send(int sock, VhostUserMsg *msg, Error **errp);

#endif
