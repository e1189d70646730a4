/*
 * LIST_META_CONTEXT and SET_META_CONTEXT: which of an export's contexts the
 * client's queries mean. A query names one context, or (in LIST only) a name
 * space: what comes before a colon.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "nbd/server-handshake.h"

void nbd_handshake_forget_contexts(NbdHandshake *h)
{
    g_clear_pointer(&h->context_export, g_free);
    g_clear_pointer(&h->context_ids, g_free);
    h->n_context_ids = 0;
}

static bool query_means(const char *query, const char *context, bool list)
{
    static const char *const spaces[] = {
        "base:",
        "qemu:",
        NBD_META_DIRTY_BITMAP,
    };

    if (!strcmp(query, context)) {
        return true;
    }
    for (unsigned i = 0; list && i < G_N_ELEMENTS(spaces); i++) {
        if (!strcmp(query, spaces[i])) {
            return g_str_has_prefix(context, query);
        }
    }
    return false;
}

static void send_contexts(NbdHandshake *h, const NbdExportInfo *info,
                          const bool *chosen)
{
    bool list = h->opt == NBD_OPT_LIST_META_CONTEXT;

    if (!list) {
        h->context_export = g_strdup(info->name);
        h->context_ids = g_new(uint32_t, info->n_contexts);
    }
    for (unsigned i = 0; i < info->n_contexts; i++) {
        size_t len = strlen(info->contexts[i]);
        g_autofree uint8_t *data = NULL;

        if (!chosen[i]) {
            continue;
        }
        data = g_malloc(4 + len);
        nbd_put32(data, list ? 0 : i);
        memcpy(data + 4, info->contexts[i], len);
        nbd_handshake_reply(h, NBD_REP_META_CONTEXT, data, 4 + len);
        if (!list) {
            h->context_ids[h->n_context_ids++] = i;
        }
    }
    nbd_handshake_reply(h, NBD_REP_ACK, NULL, 0);
}

static bool read_queries(NbdHandshake *h, NbdReader *r,
                         const NbdExportInfo *info, bool *chosen)
{
    bool list = h->opt == NBD_OPT_LIST_META_CONTEXT;
    uint32_t n = nbd_read32(r);

    if (list && !n && !r->bad) {
        memset(chosen, true, info->n_contexts);
    }
    /* Each takes 4 bytes at least, so that @n cannot keep us long. */
    while (n-- && !r->bad) {
        uint32_t len = nbd_read32(r);
        g_autofree char *query = NULL;

        if (len > NBD_MAX_STRING || len > r->left || memchr(r->p, '\0', len)) {
            nbd_read_skip(r, len); /* nothing of ours is called that */
            continue;
        }
        query = nbd_read_string(r, len);
        for (unsigned i = 0; query && i < info->n_contexts; i++) {
            chosen[i] |= query_means(query, info->contexts[i], list);
        }
    }
    if (r->bad) {
        nbd_option_inconsistent(h);
    }
    return !r->bad;
}

void nbd_handshake_meta(NbdHandshake *h, NbdReader *r)
{
    g_autofree char *name = NULL;
    g_autofree bool *chosen = NULL;
    const NbdExportInfo *info;

    if (h->opt == NBD_OPT_SET_META_CONTEXT) {
        nbd_handshake_forget_contexts(h);
        if (h->mode < NBD_MODE_STRUCTURED) {
            nbd_handshake_refuse(h, NBD_REP_ERR_INVALID,
                                 "request option '%s' when structured reply "
                                 "is not negotiated",
                                 nbd_opt_name(h->opt));
            return;
        }
    }
    if (!nbd_option_name(h, r, &name)) {
        return;
    }
    info = h->ops->find(h->opaque, name);
    if (!info) {
        nbd_handshake_refuse(h, NBD_REP_ERR_UNKNOWN, "export '%s' not present",
                             name);
        return;
    }
    chosen = g_new0(bool, MAX(info->n_contexts, 1));
    if (read_queries(h, r, info, chosen)) {
        send_contexts(h, info, chosen);
    }
}
