/*
 * The QMP commands about character devices.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "chardev/char-internal.h"
#include "qapi/qapi-commands-char.h"

static void add_info(Chardev *chr, void *opaque)
{
    ChardevInfoList **list = opaque;
    ChardevInfo *info = g_new0(ChardevInfo, 1);

    info->label = g_strdup(chr->label);
    info->filename = g_strdup(chr->filename);
    info->frontend_open = chr->fe && chr->fe->fe_open;
    QAPI_LIST_PREPEND(*list, info);
}

ChardevInfoList *qmp_query_chardev(Error **errp)
{
    ChardevInfoList *list = NULL;

    qemu_chr_foreach(add_info, &list);
    return list;
}

ChardevReturn *qmp_chardev_add(const char *id, ChardevBackend *backend,
                               Error **errp)
{
    ERRP_GUARD();
    ChardevReturn *ret;
    Chardev *chr;

    if (qemu_chr_find(id)) {
        error_setg(errp, "Chardev with id '%s' already exists", id);
        return NULL;
    }
    chr = qemu_chr_new_from_backend(id, backend, errp);
    if (!chr) {
        error_prepend(errp, "Failed to add chardev '%s': ", id);
        return NULL;
    }
    ret = g_new0(ChardevReturn, 1);
    ret->pty = g_strdup(chr->pty_name);
    return ret;
}

void qmp_chardev_remove(const char *id, Error **errp)
{
    Chardev *chr = qemu_chr_find(id);

    if (!chr) {
        error_setg(errp, "Chardev '%s' not found", id);
        return;
    }
    if (qemu_chr_is_busy(chr)) {
        error_setg(errp, "Chardev '%s' is busy", id);
        return;
    }
    qemu_chr_delete(chr);
}
