/*
 * What the client's handshake is made of: options, and the replies to them.
 *
 * Everything from the server is hostile: lengths are bounded before anything is
 * read or allocated, and strings are checked for NUL bytes. What fails returns
 * -errno with @errp set.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef NBD_CLIENT_MESSAGE_H
#define NBD_CLIENT_MESSAGE_H

#include "nbd/channel.h"
#include "nbd/message.h"

/* An NBD_OPT reply's head. */
typedef struct NbdOptReply {
    uint32_t opt, type, len;
} NbdOptReply;

/* Replies to one option that are read at most. */
#define NBD_MAX_REPLIES 65536

/* What messages call the type of a reply. */
const char *nbd_rep_name(uint32_t type);

/* --- pieces of messages --- */

/* @what: for the message "Failed to read @what". */
int coroutine_fn nbd_co_read_item(NbdChannel *ch, void *buf, size_t len,
                                  const char *what, Error **errp);
int coroutine_fn nbd_co_read_u16(NbdChannel *ch, uint16_t *value,
                                 const char *what, Error **errp);
int coroutine_fn nbd_co_read_u32(NbdChannel *ch, uint32_t *value,
                                 const char *what, Error **errp);
int coroutine_fn nbd_co_read_u64(NbdChannel *ch, uint64_t *value,
                                 const char *what, Error **errp);
/* A string of @len bytes (at most NBD_MAX_STRING) on the heap. */
int coroutine_fn nbd_co_read_string(NbdChannel *ch, char **str, uint32_t len,
                                    const char *what, Error **errp);
/* Read @len bytes that nobody wants. */
int coroutine_fn nbd_co_skip(NbdChannel *ch, uint32_t len, Error **errp);

void nbd_add_u16(GByteArray *a, uint16_t v);
void nbd_add_u32(GByteArray *a, uint32_t v);
/* Its length and its bytes. */
void nbd_add_string(GByteArray *a, const char *s);

/* --- options --- */

int coroutine_fn nbd_co_send_option(NbdChannel *ch, uint32_t opt,
                                    const GByteArray *data, Error **errp);
/* The server may be told that we leave; it matters to nobody if it hears. */
void coroutine_fn nbd_co_send_abort(NbdChannel *ch);
/* The head of a reply to @opt. */
int coroutine_fn nbd_co_read_opt_reply(NbdChannel *ch, uint32_t opt,
                                       NbdOptReply *reply, Error **errp);
/*
 * 1: the reply is none of an error. 0: one that lets us go on without the
 * option (unsupported; with @lenient any), its text read. Or -errno.
 */
int coroutine_fn nbd_co_check_refusal(NbdChannel *ch, const NbdOptReply *reply,
                                      bool lenient, Error **errp);
/* An option without data, answered yes (1) or no (0). */
int coroutine_fn nbd_co_ask_simple(NbdChannel *ch, uint32_t opt, bool lenient,
                                   Error **errp);

#endif
