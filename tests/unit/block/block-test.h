/*
 * What the tests of the block layer share: nodes from JSON, requests by
 * BlkIo, threads with contexts of their own.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TESTS_BLOCK_TEST_H
#define TESTS_BLOCK_TEST_H

#include "block/block-backend.h"
#include "block/block-int.h"
#include "qobject/json.h"
#include "qobject/qstring.h"
#include "util/atomic.h"
#include "util/main-loop.h"

/*
 * The engine of each file in @dict (flat) that does not name one: TEST_AIO in
 * the environment, "threads", "native" or "io_uring".
 */
static inline void test_choose_engine(QDict *dict)
{
    const char *engine = g_getenv("TEST_AIO");
    g_autoptr(GPtrArray) prefixes = g_ptr_array_new_with_free_func(g_free);
    const QDictEntry *e;

    for (e = qdict_first(dict); engine && e; e = qdict_next(dict, e)) {
        const char *key = qdict_entry_key(e);
        const QString *value = qobject_to(QString, qdict_entry_value(e));

        if (g_str_has_suffix(key, "driver") && value &&
            g_str_equal(qstring_get_str(value), "file")) {
            g_ptr_array_add(prefixes, g_strndup(key, strlen(key) - 6));
        }
    }
    for (guint i = 0; i < prefixes->len; i++) {
        g_autofree char *aio = g_strdup_printf("%saio",
                                               (char *)prefixes->pdata[i]);
        g_autofree char *direct = g_strdup_printf("%scache.direct",
                                                  (char *)prefixes->pdata[i]);

        if (qdict_haskey(dict, aio) ||
            (g_str_equal(engine, "native") && qdict_haskey(dict, direct))) {
            continue;
        }
        qdict_put_str(dict, aio, engine);
        if (g_str_equal(engine, "native")) {
            qdict_put_str(dict, direct, "on");
        }
    }
}

/* A node as blockdev-add makes it, from JSON in which ' stands for ". */
static inline BlockDriverState *try_node(const char *json, Error **errp)
{
    g_autofree char *text = g_strdelimit(g_strdup(json), "'", '"');
    QDict *dict = qobject_to(QDict, qobject_from_json(text, &error_abort));

    qdict_flatten(dict);
    test_choose_engine(dict);
    return bdrv_open_blockdev(dict, errp);
}

static inline BlockDriverState *make_node(const char *json)
{
    return try_node(json, &error_abort);
}

static inline void del_node(const char *name)
{
    bdrv_delete_blockdev(name, &error_abort);
}

static inline void expect_error(Error **err, const char *text)
{
    g_assert_nonnull(*err);
    g_assert_cmpstr(error_get_pretty(*err), ==, text);
    error_free(*err);
    *err = NULL;
}

#define ALL_IO_PERMS (BLK_PERM_CONSISTENT_READ | BLK_PERM_WRITE)

static inline BlockBackend *make_blk(BlockDriverState *bs)
{
    return blk_new_with_bs(bs, ALL_IO_PERMS, BLK_PERM_ALL, &error_abort);
}

/* --- BlkIo of the main thread --- */

typedef struct TestIo {
    BlkIo io;
    struct iovec iov;
    int ret;
    bool done;
} TestIo;

static inline void test_io_done(BlkIo *io, int ret)
{
    TestIo *t = container_of(io, TestIo, io);

    t->ret = ret;
    /* Who waits in another thread reads it with acquire */
    qatomic_store_release(&t->done, true);
}

static inline void test_io_init(TestIo *t, BlockBackend *blk, BlkIoType type,
                                int64_t offset, int64_t bytes, void *buf)
{
    memset(t, 0, sizeof(*t));
    t->iov = (struct iovec){ buf, bytes < 0 ? 0 : bytes };
    t->io = (BlkIo){ .blk = blk,
                     .ctx = qemu_get_current_aio_context(),
                     .type = type,
                     .offset = offset,
                     .bytes = bytes,
                     .iov = &t->iov,
                     .niov = 1,
                     .cb = test_io_done };
}

static inline int test_io_wait(TestIo *t)
{
    while (!t->done) {
        aio_poll(t->io.ctx, true);
    }
    return t->ret;
}

static inline int do_io(BlockBackend *blk, BlkIoType type, int64_t offset,
                        int64_t bytes, void *buf)
{
    TestIo t;

    test_io_init(&t, blk, type, offset, bytes, buf);
    blk_io_submit(&t.io);
    g_assert_false(t.done); /* never from inside */
    return test_io_wait(&t);
}

/* --- files --- */

/* A new empty directory under @base, or NULL. */
static inline char *make_tmpdir(const char *base)
{
    char *dir = g_strdup_printf("%s/test-block-XXXXXX", base);

    if (!g_mkdtemp(dir)) {
        g_free(dir);
        return NULL;
    }
    return dir;
}

static inline char *make_file(const char *dir, const char *name, int64_t size)
{
    char *path = g_strdup_printf("%s/%s", dir, name);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(ftruncate(fd, size), ==, 0);
    close(fd);
    return path;
}

static inline void remove_tmpdir(char *dir)
{
    GDir *d = g_dir_open(dir, 0, NULL);
    const char *name;

    while (d && (name = g_dir_read_name(d))) {
        g_autofree char *path = g_build_filename(dir, name, NULL);

        unlink(path);
    }
    if (d) {
        g_dir_close(d);
    }
    rmdir(dir);
    g_free(dir);
}

/* --- threads --- */

typedef struct TestThread {
    QemuThread thread;
    AioContext *ctx;
    bool stop; /* atomic */
} TestThread;

static inline void *test_thread_fn(void *opaque)
{
    TestThread *t = opaque;

    aio_context_set_home(t->ctx);
    while (!qatomic_load_acquire(&t->stop)) {
        aio_poll(t->ctx, true);
    }
    aio_context_leave_home(t->ctx);
    return NULL;
}

static inline TestThread *test_thread_new(void)
{
    TestThread *t = g_new0(TestThread, 1);

    t->ctx = aio_context_new(&error_abort);
    qemu_thread_create(&t->thread, "test-io", test_thread_fn, t);
    return t;
}

static inline void test_thread_free(TestThread *t)
{
    qatomic_store_release(&t->stop, true);
    aio_notify(t->ctx);
    qemu_thread_join(&t->thread);
    aio_context_unref(t->ctx);
    g_free(t);
}

static inline void block_test_init(void)
{
    qemu_init_main_loop(&error_abort);
    bdrv_init();
}

static inline void block_test_cleanup(void)
{
    bdrv_close_all();
    g_assert_true(TAILQ_EMPTY(&bdrv_all_states));
    qemu_cleanup_main_loop();
}

#endif
