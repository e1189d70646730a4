/*
 * The back end that swallows everything.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "chardev/char-internal.h"

static bool null_parse(QDict *opts, ChardevBackend *backend, Error **errp)
{
    ChardevCommon *common = g_new0(ChardevCommon, 1);

    backend->u.null.data = common;
    return qemu_chr_parse_common(opts, common, errp);
}

static bool null_open(Chardev *chr, const ChardevBackend *backend,
                      bool *be_opened, Error **errp)
{
    *be_opened = false;
    return true;
}

static ssize_t null_write(Chardev *chr, const uint8_t *buf, size_t len)
{
    return len;
}

const ChardevOps char_null_ops = {
    .name = "null",
    .kind = CHARDEV_BACKEND_KIND_NULL,
    .instance_size = sizeof(Chardev),
    .parse = null_parse,
    .open = null_open,
    .write = null_write,
};
