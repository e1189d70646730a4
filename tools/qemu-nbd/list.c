/*
 * qemu-nbd --list: what another server has.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "tools/qemu-nbd/qemu-nbd.h"

#include "io/socket.h"
#include "nbd/client.h"
#include "util/aio.h"
#include "util/cutils.h"
#include "util/error-report.h"

static void print_flags(uint16_t flags)
{
    static const char *const names[] = {
        NULL,
        "readonly",
        "flush",
        "fua",
        "rotational",
        "trim",
        "zeroes",
        "df",
        "multi",
        "resize",
        "cache",
        "fast-zero",
        "block-status-payload",
    };

    printf("  flags: 0x%x (", flags);
    for (unsigned i = 1; i < G_N_ELEMENTS(names); i++) {
        if (flags & (1 << i)) {
            printf(" %s", names[i]);
        }
    }
    printf(" )\n");
}

static void print_export(const NbdServerExport *e)
{
    unsigned n = e->contexts ? g_strv_length(e->contexts) : 0;

    printf(" export: '%s'\n", e->name);
    if (e->description && *e->description) {
        printf("  description: %s\n", e->description);
    }
    if (e->flags) {
        printf("  size:  %" PRIu64 "\n", e->size);
        print_flags(e->flags);
    }
    if (e->min_block) {
        printf("  min block: %u\n", e->min_block);
        printf("  opt block: %u\n", e->opt_block);
        printf("  max block: %u\n", e->max_block);
    }
    printf("  transaction size: %s\n",
           e->mode >= NBD_MODE_EXTENDED ? "64-bit" : "32-bit");
    if (n) {
        printf("  available meta contexts: %u\n", n);
    }
    for (unsigned i = 0; i < n; i++) {
        printf("   %s\n", e->contexts[i]);
    }
}

typedef struct ListCall {
    const NbdToolConfig *config;
    NbdServerExport *exports;
    int ret; /* their number, or -errno and @err */
    Error *err;
    bool done;
} ListCall;

static void coroutine_fn list_entry(void *opaque)
{
    ListCall *l = opaque;
    const NbdToolConfig *config = l->config;
    NbdChannel ch = { .fd = -1 };
    bool in_progress;
    int fd = socket_connect(config->addr, false, &in_progress, &l->err);

    l->ret = fd < 0 ? -EINVAL : nbd_channel_init(&ch, fd);
    if (l->ret == 0) {
        qemu_set_blocking(fd, false);
        l->ret = nbd_co_list(&ch, config->tls_creds,
                             config->tls_hostname ?: config->bind, &l->exports,
                             &l->err);
    } else if (fd >= 0) {
        error_setg_errno(&l->err, -l->ret, "Failed to set up the socket");
    }
    nbd_channel_close(&ch);
    l->done = true;
}

int nbd_tool_list(const NbdToolConfig *config)
{
    ListCall l = { .config = config };

    qemu_coroutine_enter(qemu_coroutine_create(list_entry, &l));
    AIO_WAIT_WHILE(NULL, !l.done);
    if (l.ret < 0) {
        error_report_err(l.err);
        return EXIT_FAILURE;
    }
    printf("exports available: %d\n", l.ret);
    for (int i = 0; i < l.ret; i++) {
        print_export(&l.exports[i]);
        nbd_server_export_clear(&l.exports[i]);
    }
    g_free(l.exports);
    return EXIT_SUCCESS;
}
