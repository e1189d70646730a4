/*
 * qemu-nbd --list: what another server has.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "tools/qemu-nbd/qemu-nbd.h"

#include "io/socket.h"
#include "nbd/client-list.h"
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

static void print_export(const NbdListed *l)
{
    printf(" export: '%s'\n", l->name);
    if (l->description && *l->description) {
        printf("  description: %s\n", l->description);
    }
    if (l->has_info) {
        printf("  size:  %" PRIu64 "\n", l->size);
        print_flags(l->flags);
    }
    if (l->min_block) {
        printf("  min block: %u\n", l->min_block);
        printf("  opt block: %u\n", l->opt_block);
        printf("  max block: %u\n", l->max_block);
    }
    printf("  transaction size: %s\n",
           l->mode >= NBD_MODE_EXTENDED ? "64-bit" : "32-bit");
    if (l->contexts->len) {
        printf("  available meta contexts: %u\n", l->contexts->len);
        for (guint i = 0; i < l->contexts->len; i++) {
            printf("   %s\n", (char *)l->contexts->pdata[i]);
        }
    }
}

int nbd_tool_list(const NbdToolConfig *config)
{
    g_autoptr(GPtrArray) list = NULL;
    bool in_progress;
    Error *err = NULL;
    int fd;

    fd = socket_connect(config->addr, false, &in_progress, &err);
    if (fd >= 0) {
        qemu_set_blocking(fd, true);
        list = nbd_client_list(fd, config->tls_creds,
                               config->tls_hostname ?: config->bind, &err);
        close(fd);
    }
    if (!list) {
        error_report_err(err);
        return EXIT_FAILURE;
    }
    printf("exports available: %u\n", list->len);
    for (guint i = 0; i < list->len; i++) {
        print_export(list->pdata[i]);
    }
    return EXIT_SUCCESS;
}
