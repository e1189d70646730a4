/*
 * blkverify: for tests of formats. Every request goes to the image under test
 * and to a raw copy of what it must contain; the program ends when the two do
 * not agree.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/filters/filter.h"
#include "block/opts.h"
#include "util/memalign.h"

typedef struct BlkverifyState {
    BdrvChild *test; /* drained; bs->file is the raw copy */
} BlkverifyState;

/* One of the two requests that make one. */
typedef struct Half {
    BdrvChild *child;
    bool is_write;
    int64_t offset, bytes;
    QEMUIOVector *qiov;
    BdrvRequestFlags flags;
    int ret;
    bool done;
    Coroutine *waiting;
} Half;

static void G_GNUC_PRINTF(4, 5) G_GNUC_NORETURN
    fail(bool is_write, int64_t offset, int64_t bytes, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    fprintf(stderr, "blkverify: %s offset=%" PRId64 " bytes=%" PRId64 " ",
            is_write ? "write" : "read", offset, bytes);
    vfprintf(stderr, fmt, ap);
    fprintf(stderr, "\n");
    va_end(ap);
    exit(1);
}

/* --- requests --- */

static void coroutine_fn half_entry(void *opaque)
{
    Half *h = opaque;

    h->ret =
        h->is_write
            ? bdrv_co_pwritev(h->child, h->offset, h->bytes, h->qiov, h->flags)
            : bdrv_co_preadv(h->child, h->offset, h->bytes, h->qiov, h->flags);
    h->done = true;
    if (h->waiting) {
        aio_co_wake(h->waiting);
    }
}

/* Both at the same time; their common result. */
static int coroutine_fn both(BlockDriverState *bs, Half *raw, Half *test)
{
    BlkverifyState *s = bs->opaque;

    raw->child = bs->file;
    test->child = s->test;
    qemu_coroutine_enter(qemu_coroutine_create(half_entry, test));
    qemu_coroutine_enter(qemu_coroutine_create(half_entry, raw));
    while (!raw->done || !test->done) {
        Half *h = raw->done ? test : raw;

        h->waiting = qemu_coroutine_self();
        qemu_coroutine_yield();
        h->waiting = NULL;
    }
    if (raw->ret != test->ret) {
        fail(raw->is_write, raw->offset, raw->bytes,
             "return value mismatch %d != %d", test->ret, raw->ret);
    }
    return raw->ret;
}

static int coroutine_fn blkverify_co_preadv(BlockDriverState *bs,
                                            int64_t offset, int64_t bytes,
                                            QEMUIOVector *qiov,
                                            BdrvRequestFlags flags)
{
    QEMU_AUTO_VFREE void *buf = bdrv_try_blockalign(bs, bytes);
    QEMUIOVector copy = QEMU_IOVEC_INIT_BUF(copy, buf, bytes);
    Half test = { .offset = offset, .bytes = bytes, .qiov = qiov };
    Half raw = test;
    ssize_t where;
    int ret;

    if (!buf) {
        return -ENOMEM;
    }
    test.flags = flags;
    raw.qiov = &copy;
    ret = both(bs, &raw, &test);
    where = ret < 0 ? -1 : qemu_iovec_compare(qiov, &copy);
    if (where >= 0) {
        fail(false, offset, bytes, "contents mismatch at offset %" PRId64,
             offset + (int64_t)where);
    }
    return ret;
}

static int coroutine_fn blkverify_co_pwritev(BlockDriverState *bs,
                                             int64_t offset, int64_t bytes,
                                             QEMUIOVector *qiov,
                                             BdrvRequestFlags flags)
{
    Half test = { .is_write = true,
                  .offset = offset,
                  .bytes = bytes,
                  .qiov = qiov,
                  .flags = flags };
    Half raw = test;

    return both(bs, &raw, &test);
}

/* --- opening --- */

static void blkverify_parse_filename(const char *filename, QDict *options,
                                     Error **errp)
{
    g_autofree char *raw = NULL;
    const char *colon;

    if (!g_str_has_prefix(filename, "blkverify:")) {
        /* The image's name; all else is among the options */
        qdict_put_str(options, "x-image", filename);
        return;
    }
    filename += strlen("blkverify:");
    colon = strchr(filename, ':');
    if (!colon) {
        error_setg(errp, "blkverify requires raw copy and original image path");
        return;
    }
    raw = g_strndup(filename, colon - filename);
    qdict_put_str(options, "x-raw", raw);
    qdict_put_str(options, "x-image", colon + 1);
}

static int blkverify_open(BlockDriverState *bs, QDict *options, int flags,
                          Error **errp)
{
    g_autofree char *raw = bdrv_take_str(options, "x-raw");
    g_autofree char *image = bdrv_take_str(options, "x-image");
    BlkverifyState *s = bs->opaque;

    bs->file = bdrv_open_child(raw, options, "raw", bs, &child_of_bds,
                               BDRV_CHILD_FILTERED | BDRV_CHILD_PRIMARY, false,
                               errp);
    if (!bs->file) {
        return -EINVAL;
    }
    s->test = bdrv_open_child(image, options, "test", bs, &child_of_bds,
                              BDRV_CHILD_DATA, false, errp);
    if (!s->test) {
        return -EINVAL;
    }
    bs->supported_write_flags = BDRV_REQ_WRITE_UNCHANGED;
    bs->supported_zero_flags = BDRV_REQ_WRITE_UNCHANGED;
    return 0;
}

static int64_t blkverify_getlength(BlockDriverState *bs)
{
    BlkverifyState *s = bs->opaque;

    return bdrv_getlength(s->test->bs);
}

static void blkverify_refresh_filename(BlockDriverState *bs)
{
    const BlkverifyState *s = bs->opaque;
    const char *raw = bs->file->bs->exact_filename;
    const char *test = s->test->bs->exact_filename;

    if (raw[0] && test[0]) {
        g_free(bs->exact_filename);
        bs->exact_filename = g_strdup_printf("blkverify:%s:%s", raw, test);
    }
}

const BlockDriver bdrv_blkverify = {
    .format_name = "blkverify",
    .protocol_name = "blkverify",
    .instance_size = sizeof(BlkverifyState),
    .is_filter = true,
    .bdrv_parse_filename = blkverify_parse_filename,
    .bdrv_open = blkverify_open,
    .bdrv_refresh_filename = blkverify_refresh_filename,
    .bdrv_getlength = blkverify_getlength,
    .bdrv_co_preadv = blkverify_co_preadv,
    .bdrv_co_pwritev = blkverify_co_pwritev,
};
