/*
 * What the tests of qcow2 share: making and opening images, a plain buffer
 * that says what an image must hold, and QEMU's qemu-img as the judge where
 * it is installed.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TESTS_QCOW2_TEST_H
#define TESTS_QCOW2_TEST_H

#include "block/create.h"
#include "tests/unit/block/block-test.h"

#define ORACLE "/usr/bin/qemu-img"

static inline bool have_oracle(void)
{
    return access(ORACLE, X_OK) == 0;
}

/* Run a command; its exit status. */
static inline int G_GNUC_PRINTF(1, 2) run(const char *fmt, ...)
{
    g_autofree char *cmd = NULL, *out = NULL, *err = NULL;
    va_list ap;
    int status;

    va_start(ap, fmt);
    cmd = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    g_assert_true(g_spawn_command_line_sync(cmd, &out, &err, &status, NULL));
    if (status) {
        g_test_message("%s\n%s%s", cmd, out, err);
    }
    return status;
}

typedef struct Image {
    char *path;
    BlockBackend *blk;
} Image;

static inline Image *image_open_flags(const char *path, const char *options,
                                      int flags, Error **errp)
{
    g_autofree char *json = g_strdup_printf(
        "{'driver':'qcow2','discard':'unmap'%s%s,"
        "'file':{'driver':'file','filename':'%s'}}",
        options ? "," : "", options ? options : "", path);
    QDict *dict = qobject_to(
        QDict, qobject_from_json(g_strdelimit(json, "'", '"'), &error_abort));
    BlockBackend *blk;
    Image *img;

    qdict_flatten(dict);
    test_choose_engine(dict);
    blk = blk_new_open(NULL, NULL, dict, flags, errp);
    if (!blk) {
        return NULL;
    }
    img = g_new0(Image, 1);
    img->path = g_strdup(path);
    img->blk = blk;
    return img;
}

static inline Image *image_open(const char *path)
{
    return image_open_flags(
        path, NULL, BDRV_O_RDWR | BDRV_O_RESIZE | BDRV_O_UNMAP, &error_abort);
}

static inline void image_close(Image *img)
{
    blk_unref(img->blk);
    g_free(img->path);
    g_free(img);
}

static inline void put_file(const char *path, const void *buf, size_t len)
{
    g_assert_true(g_file_set_contents(path, buf, len, NULL));
}

/* The oracle finds nothing wrong with the image and sees @model in it. */
static inline void judge(const char *path, const uint8_t *model, size_t size)
{
    g_autofree char *raw = NULL;

    if (!have_oracle()) {
        return;
    }
    raw = g_strdup_printf("%s.model", path);
    put_file(raw, model, size);
    g_assert_cmpint(run(ORACLE " check -q -f qcow2 %s", path), ==, 0);
    g_assert_cmpint(run(ORACLE " compare -q -f qcow2 -F raw %s %s", path, raw),
                    ==, 0);
    unlink(raw);
}

#endif
