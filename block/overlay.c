/*
 * What is put on top of a node as it is opened: a temporary overlay
 * (snapshot=on) and copy-on-read.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/overlay.h"

#include "block/block-int.h"
#include "block/create.h"
#include "block/options.h"
#include "block/opts.h"

/* A new empty file; the caller frees its name. */
static char *make_temp_file(Error **errp)
{
    const char *dir = g_getenv("TMPDIR");
    char *name = g_build_filename(dir && *dir ? dir : "/var/tmp", "vl.XXXXXX",
                                  NULL);
    int fd = g_mkstemp_full(name, O_RDWR | O_CLOEXEC, 0600);

    if (fd < 0) {
        error_setg_errno(errp, errno, "Could not open temporary file '%s'",
                         name);
        g_free(name);
        return NULL;
    }
    close(fd);
    return name;
}

/* The node of the image @name, which goes with it. */
static BlockDriverState *open_temp_file(const char *name, Error **errp)
{
    QDict *options = qdict_new();
    BlockDriverState *file;

    qdict_put_str(options, "driver", "file");
    file = bdrv_open(name, NULL, options,
                     BDRV_O_RDWR | BDRV_O_NO_FLUSH | BDRV_O_PROTOCOL, errp);
    if (!file) {
        unlink(name);
        return NULL;
    }
    file->open_flags |= BDRV_O_TEMPORARY;
    return file;
}

/* An overlay over @base in a temporary file; takes the reference. */
static BlockDriverState *add_overlay(BlockDriverState *base, bool read_only,
                                     const char *discard, Error **errp)
{
    int64_t size = bdrv_getlength(base);
    BlockDriverState *file = NULL, *bs = NULL;
    g_autofree char *name = NULL;
    QDict *options;
    ERRP_GUARD();

    if (size < 0) {
        error_setg_errno(errp, -size, "Could not get image size");
        goto out;
    }
    name = make_temp_file(errp);
    if (!name) {
        goto out;
    }
    if (!bdrv_img_create(name, "qcow2", NULL, NULL, NULL, size, 0, true,
                         errp)) {
        error_prepend(errp, "Could not create temporary overlay '%s': ", name);
        unlink(name);
        goto out;
    }
    file = open_temp_file(name, errp);
    if (!file) {
        goto out;
    }
    options = qdict_new();
    qdict_put_str(options, "driver", "qcow2");
    qdict_put_str(options, "file", bdrv_get_node_name(file));
    qdict_put_str(options, "backing", bdrv_get_node_name(base));
    if (discard) {
        qdict_put_str(options, "discard", discard);
    }
    bs = bdrv_open(NULL, NULL, options,
                   BDRV_O_NO_FLUSH | (read_only ? 0 : BDRV_O_RDWR), errp);

out:
    bdrv_unref(file);
    bdrv_unref(base);
    return bs;
}

/* Takes the reference to @bs. */
static BlockDriverState *add_copy_on_read(BlockDriverState *bs, Error **errp)
{
    QDict *options = qdict_new();
    BlockDriverState *cor = NULL;

    if (bdrv_is_read_only(bs)) {
        error_setg(errp, "Can't use copy-on-read on read-only device");
        qobject_unref(options);
    } else {
        qdict_put_str(options, "driver", "copy-on-read");
        qdict_put_str(options, "file", bdrv_get_node_name(bs));
        cor = bdrv_open(NULL, NULL, options,
                        BDRV_O_RDWR | (bs->open_flags & BDRV_O_UNMAP), errp);
    }
    if (cor) {
        cor->implicit = true;
        cor->open_flags |= bs->open_flags & BDRV_O_UNMAP;
    }
    bdrv_unref(bs);
    return cor;
}

BlockDriverState *bdrv_open_layers(const char *filename, QDict *options,
                                   int flags, Error **errp)
{
    bool snapshot = flags & BDRV_O_SNAPSHOT;
    bool copy_on_read = flags & BDRV_O_COPY_ON_READ, read_only = false;
    g_autofree char *discard = NULL;
    BlockDriverState *bs;

    flags &= ~(BDRV_O_SNAPSHOT | BDRV_O_COPY_ON_READ);
    options = options ? options : qdict_new();
    if (snapshot) {
        bdrv_options_from_flags(options, flags);
        if (!bdrv_flags_from_options(&flags, options, errp)) {
            qobject_unref(options);
            return NULL;
        }
        read_only = !(flags & BDRV_O_RDWR);
        discard = g_strdup(qdict_get_try_str(options, "discard"));
        flags &= ~BDRV_O_RDWR;
        qdict_put_str(options, "read-only", "on");
        qdict_put_str(options, "auto-read-only", "off");
    }
    bs = bdrv_open(filename, NULL, options, flags, errp);
    if (bs && snapshot) {
        bs = add_overlay(bs, read_only, discard, errp);
    }
    if (bs && copy_on_read) {
        bs = add_copy_on_read(bs, errp);
    }
    return bs;
}
