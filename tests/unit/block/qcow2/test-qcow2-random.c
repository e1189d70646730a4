/*
 * Random sequences of writes, zeroes, discards, flushes, snapshots and
 * reopens, compared with a plain buffer after each read and judged by QEMU's
 * qemu-img.
 *
 *   RANDOM_SEQUENCES=N  for each shape of image (default 1)
 *   RANDOM_STEPS=N      in each (default: as the shape says)
 *   RANDOM_SEED=N       of the first, to see a failure again
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/snapshot.h"
#include "tests/unit/block/qcow2/qcow2-test.h"
#include "util/cutils.h"

typedef struct Shape {
    const char *name;
    const char *options; /* of qemu-img create */
    size_t size, backing_size;
    uint32_t cluster;
    int steps;
    bool v2;
    bool snapshot;   /* the disk has an internal snapshot at first */
    bool compressed; /* and all of it is compressed */
    bool data_file;  /* the data are in a file of their own */
    bool data_raw;   /* that is a raw image, too */
} Shape;

static const Shape shapes[] = {
    { "default", "compat=1.1", 6 * MiB, 0, 65536, 600, false },
    { "v2", "compat=0.10", 6 * MiB, 0, 65536, 400, true },
    { "small", "cluster_size=512", 2 * MiB + 512, 0, 512, 400, false },
    { "4k-backing", "cluster_size=4k", 3 * MiB, 3 * MiB, 4096, 500, false },
    { "short-backing", "cluster_size=64k", 4 * MiB + 4096, MiB + 512, 65536,
      500, false },
    { "long-backing", "cluster_size=64k", 2 * MiB, 4 * MiB, 65536, 400, false },
    { "v2-backing", "compat=0.10", 4 * MiB, 4 * MiB, 65536, 400, true },
    { "refcount-1", "refcount_bits=1,cluster_size=1k", 2 * MiB, MiB, 1024, 400,
      false },
    { "refcount-2", "refcount_bits=2,cluster_size=4k", 2 * MiB, 0, 4096, 300,
      false },
    { "refcount-4", "refcount_bits=4,cluster_size=4k", 2 * MiB, 0, 4096, 300,
      false },
    { "refcount-8", "refcount_bits=8,cluster_size=4k", 2 * MiB, 0, 4096, 300,
      false },
    { "refcount-32", "refcount_bits=32,cluster_size=512", 2 * MiB, 0, 512, 300,
      false },
    { "refcount-64", "refcount_bits=64,cluster_size=512", 2 * MiB, MiB, 512,
      300, false },
    { "large-clusters", "cluster_size=2M", 16 * MiB, 16 * MiB, 2 * MiB, 100,
      false },
    { "lazy", "lazy_refcounts=on", 4 * MiB, 2 * MiB, 65536, 400, false },
    { "lazy-small", "lazy_refcounts=on,cluster_size=512", 2 * MiB, 0, 512, 300,
      false },
    { "prealloc", "preallocation=metadata", 4 * MiB, 0, 65536, 300, false },
    { .name = "snapshot",
      .options = "cluster_size=4k",
      .size = 2 * MiB,
      .backing_size = 2 * MiB,
      .cluster = 4096,
      .steps = 400,
      .snapshot = true },
    { .name = "compressed",
      .options = "cluster_size=64k",
      .size = 2 * MiB,
      .backing_size = 2 * MiB,
      .cluster = 65536,
      .steps = 400,
      .compressed = true },
    { .name = "compressed-small",
      .options = "cluster_size=4k",
      .size = 2 * MiB,
      .backing_size = 2 * MiB,
      .cluster = 4096,
      .steps = 400,
      .compressed = true },
    { .name = "compressed-zstd",
      .options = "compression_type=zstd",
      .size = 2 * MiB,
      .backing_size = 2 * MiB,
      .cluster = 65536,
      .steps = 300,
      .compressed = true },
    { "zstd", "compression_type=zstd", 4 * MiB, 0, 65536, 300, false },
    { .name = "data-file",
      .options = "cluster_size=64k",
      .size = 4 * MiB,
      .cluster = 65536,
      .steps = 400,
      .data_file = true },
    { .name = "data-file-backing",
      .options = "cluster_size=4k",
      .size = 3 * MiB,
      .backing_size = 2 * MiB,
      .cluster = 4096,
      .steps = 400,
      .data_file = true },
    { .name = "data-file-prealloc",
      .options = "cluster_size=16k,preallocation=metadata",
      .size = 3 * MiB,
      .cluster = 16384,
      .steps = 300,
      .data_file = true },
    { .name = "extended",
      .options = "extended_l2=on",
      .size = 4 * MiB,
      .cluster = 65536,
      .steps = 500 },
    { .name = "extended-backing",
      .options = "extended_l2=on,cluster_size=16k",
      .size = 3 * MiB + 512,
      .backing_size = 2 * MiB + 1536,
      .cluster = 16384,
      .steps = 500 },
    { .name = "extended-large",
      .options = "extended_l2=on,cluster_size=2M",
      .size = 12 * MiB,
      .backing_size = 12 * MiB,
      .cluster = 2 * MiB,
      .steps = 100 },
    { .name = "extended-snapshot",
      .options = "extended_l2=on,cluster_size=16k",
      .size = 2 * MiB,
      .backing_size = 2 * MiB,
      .cluster = 16384,
      .steps = 400,
      .snapshot = true },
    { .name = "extended-compressed",
      .options = "extended_l2=on,cluster_size=32k",
      .size = 2 * MiB,
      .backing_size = 2 * MiB,
      .cluster = 32768,
      .steps = 400,
      .compressed = true },
    { .name = "extended-prealloc",
      .options = "extended_l2=on,preallocation=metadata",
      .size = 4 * MiB,
      .backing_size = 3 * MiB,
      .cluster = 65536,
      .steps = 300 },
    { .name = "extended-data-file",
      .options = "extended_l2=on,cluster_size=16k",
      .size = 3 * MiB,
      .backing_size = 2 * MiB,
      .cluster = 16384,
      .steps = 300,
      .data_file = true },
    { .name = "data-file-raw",
      .options = "cluster_size=16k",
      .size = 3 * MiB,
      .cluster = 16384,
      .steps = 400,
      .data_file = true,
      .data_raw = true },
};

typedef struct Snap {
    int number; /* its name is s%d */
    uint8_t *data;
    size_t size;
} Snap;

typedef struct Run {
    const Shape *sh;
    char *dir, *path, *base, *data, *options;
    uint8_t *model, *buf;
    size_t size; /* now */
    GRand *rand;
    Image *img;
    GPtrArray *snaps;
    int next_snap;
} Run;

static void snap_free(void *opaque)
{
    Snap *sn = opaque;

    g_free(sn->data);
    g_free(sn);
}

static void fill(Run *r, uint8_t *p, size_t len)
{
    uint32_t v = g_rand_int(r->rand);

    for (size_t i = 0; i < len; i++) {
        v = v * 1664525 + 1013904223;
        p[i] = v >> 24;
    }
}

/* Half of the images are made by us, half by the oracle. */
static void create(Run *r)
{
    const Shape *sh = r->sh;

    if (g_rand_int_range(r->rand, 0, 2)) {
        bdrv_img_create(r->path, "qcow2", r->base, r->base ? "raw" : NULL,
                        r->options, sh->size, 0, true, &error_abort);
        g_assert_cmpint(run(ORACLE " check -q -f qcow2 %s", r->path), ==, 0);
    } else {
        g_assert_cmpint(run(ORACLE " create -q -f qcow2 -o %s %s%s%s %s %zu",
                            r->options, r->base ? "-b " : "",
                            r->base ? r->base : "", r->base ? " -F raw" : "",
                            r->path, sh->size),
                        ==, 0);
    }
}

static void make_images(Run *r)
{
    const Shape *sh = r->sh;

    r->path = g_strdup_printf("%s/t.qcow2", r->dir);
    r->data = g_strdup_printf("%s/data", r->dir);
    r->options = sh->data_file
                     ? g_strdup_printf("%s,data_file=%s%s", sh->options,
                                       r->data,
                                       sh->data_raw ? ",data_file_raw=on" : "")
                     : g_strdup(sh->options);
    if (sh->backing_size) {
        g_autofree uint8_t *data = g_malloc(sh->backing_size);

        r->base = g_strdup_printf("%s/base.raw", r->dir);
        fill(r, data, sh->backing_size);
        put_file(r->base, data, sh->backing_size);
        memcpy(r->model, data, MIN(sh->size, sh->backing_size));
    }
    if (!sh->snapshot && !sh->compressed) {
        create(r);
        return;
    }
    for (size_t i = 0; i < sh->backing_size; i += 512) {
        memset(r->model + i + 100, 7, 300); /* some of it compresses */
    }
    put_file(r->base, r->model, sh->size);
    g_assert_cmpint(run(ORACLE " convert -q %s -f raw -O qcow2 -o %s %s %s",
                        sh->compressed ? "-c" : "", r->options, r->base,
                        r->path),
                    ==, 0);
    if (sh->snapshot) {
        Snap *sn = g_new(Snap, 1);

        g_assert_cmpint(run(ORACLE " snapshot -c s0 %s", r->path), ==, 0);
        *sn = (Snap){ .number = r->next_snap++,
                      .data = g_memdup2(r->model, sh->size),
                      .size = sh->size };
        g_ptr_array_add(r->snaps, sn);
    }
}

/* The snapshots still have what they were made of. */
static void judge_snapshot(Run *r)
{
    g_autofree char *out = g_strdup_printf("%s/snap.raw", r->dir);
    g_autofree char *want = g_strdup_printf("%s/want.raw", r->dir);

    for (guint i = 0; i < r->snaps->len; i++) {
        Snap *sn = r->snaps->pdata[i];

        put_file(want, sn->data, sn->size);
        g_assert_cmpint(run(ORACLE " convert -q -l snapshot.name=s%d -f qcow2 "
                                   "-O raw %s %s",
                            sn->number, r->path, out),
                        ==, 0);
        g_assert_cmpint(
            run("cmp -n %zu %s %s", MIN(r->size, sn->size), out, want), ==, 0);
    }
}

static void judge_all(Run *r)
{
    judge(r->path, r->model, r->size);
    judge_snapshot(r);
    if (r->sh->data_raw) {
        g_autofree char *data = NULL;
        size_t len;

        g_assert_true(g_file_get_contents(r->data, &data, &len, NULL));
        g_assert_cmpint(len, >=, r->size);
        g_assert_cmpint(memcmp(data, r->model, r->size), ==, 0);
    }
}

static void check_all(Run *r)
{
    size_t size = r->size;

    g_assert_cmpint(blk_pread(r->img->blk, 0, size, r->buf, 0), ==, 0);
    for (size_t i = 0; i < size; i++) {
        if (r->buf[i] != r->model[i]) {
            g_error("%s: byte %zu is %02x, not %02x", r->sh->name, i, r->buf[i],
                    r->model[i]);
        }
    }
}

/* Whole clusters inside of the range read as zero afterwards. */
static void model_discard(Run *r, size_t offset, size_t len)
{
    size_t c = r->sh->cluster, begin = ROUND_UP(offset, c);
    size_t end = offset + len == r->size ? r->size : (offset + len) / c * c;

    if (begin < end && !(r->sh->v2 && r->sh->backing_size)) {
        memset(r->model + begin, 0, end - begin);
    }
}

static int resize(Run *r)
{
    size_t size = g_rand_int_range(r->rand, 1, r->sh->size * 2 / 512) * 512;

    if (size > r->size) {
        memset(r->model + r->size, 0, size - r->size);
    }
    r->size = size;
    return blk_truncate(r->img->blk, size, true, PREALLOC_MODE_OFF, 0,
                        &error_abort);
}

/* --- snapshots, made and undone by us or by the oracle --- */

/* Run the oracle's "snapshot @option s@number"; whether it was able to. */
static bool oracle_snapshot(Run *r, char option, int number)
{
    bool ok;

    image_close(r->img);
    ok = run(ORACLE " snapshot -%c s%d %s", option, number, r->path) == 0;
    if (!ok) {
        /* It leaks what it had taken */
        run(ORACLE " check -q -r leaks -f qcow2 %s", r->path);
    }
    r->img = image_open(r->path);
    return ok;
}

static void snapshot_create(Run *r, bool ours)
{
    Snap *sn = g_new(Snap, 1);
    QEMUSnapshotInfo info = { .date_sec = 1 };
    int ret = 0;

    *sn = (Snap){ .number = r->next_snap++,
                  .data = g_memdup2(r->model, r->size),
                  .size = r->size };
    snprintf(info.name, sizeof(info.name), "s%d", sn->number);
    if (ours) {
        ret = bdrv_snapshot_create(blk_bs(r->img->blk), &info);
    } else if (!oracle_snapshot(r, 'c', sn->number)) {
        ret = -EINVAL;
    }
    if (ret < 0) {
        /* Refcounts that are too narrow for one more */
        g_assert_cmpint(ret, ==, -EINVAL);
        g_assert_nonnull(strstr(r->sh->options, "refcount_bits"));
        snap_free(sn);
        return;
    }
    g_ptr_array_add(r->snaps, sn);
}

static void snapshot_goto(Run *r, Snap *sn, bool ours)
{
    g_autofree char *name = g_strdup_printf("s%d", sn->number);
    Error *err = NULL;

    if (ours) {
        bdrv_snapshot_goto(blk_bs(r->img->blk), name, &err);
    } else if (!oracle_snapshot(r, 'a', sn->number)) {
        /* QEMU's cannot make an image with subclusters longer where its
         * backing image is */
        bdrv_snapshot_goto(blk_bs(r->img->blk), name, &err);
    }
    if (err) {
        g_assert_nonnull(strstr(r->sh->options, "refcount_bits"));
        error_free(err);
        return;
    }
    memset(r->model, 0, r->sh->size * 2);
    memcpy(r->model, sn->data, sn->size);
    r->size = sn->size;
    g_assert_cmpint(blk_getlength(r->img->blk), ==, r->size);
}

static void snapshot_delete(Run *r, guint i, bool ours)
{
    Snap *sn = r->snaps->pdata[i];
    g_autofree char *name = g_strdup_printf("s%d", sn->number);

    if (ours) {
        bdrv_snapshot_delete(blk_bs(r->img->blk), NULL, name, &error_abort);
    } else {
        g_assert_true(oracle_snapshot(r, 'd', sn->number));
    }
    g_ptr_array_remove_index(r->snaps, i);
}

static void snapshot_step(Run *r)
{
    int op = g_rand_int_range(r->rand, 0, 6);
    bool ours = g_rand_int_range(r->rand, 0, 4);
    guint i = r->snaps->len ? g_rand_int_range(r->rand, 0, r->snaps->len) : 0;

    if (r->sh->data_file) {
        return; /* the format has no snapshots then */
    }
    if (!r->snaps->len || (op < 3 && r->snaps->len < 4)) {
        snapshot_create(r, ours);
    } else if (op < 5) {
        snapshot_goto(r, r->snaps->pdata[i], ours);
    } else {
        snapshot_delete(r, i, ours);
    }
}

static void own_check(Run *r)
{
    BdrvCheckResult res;

    g_assert_cmpint(blk_flush(r->img->blk), ==, 0);
    g_assert_cmpint(bdrv_check(blk_bs(r->img->blk), &res, 0), ==, 0);
    g_assert_cmpint(res.corruptions + res.check_errors + res.leaks, ==, 0);
}

static bool amend(Run *r, const char *key, const char *value)
{
    g_autoptr(QDict) opts = qdict_new();

    qdict_put_str(opts, key, value);
    return bdrv_amend_options(blk_bs(r->img->blk), opts, NULL, NULL, false,
                              NULL) == 0;
}

/* Other refcounts, and to version 2 and back where that is possible; what the
 * image shows stays. */
static void amend_step(Run *r)
{
    static const char *const widths[] = { "16", "32", "64" };
    bool back;

    if (r->sh->v2) {
        return;
    }
    g_assert_true(amend(r, "refcount_bits", "16"));
    back = amend(r, "compat", "v2");
    if (back) {
        g_assert_true(amend(r, "compat", "v3"));
    }
    g_assert_true(
        amend(r, "refcount_bits", widths[g_rand_int_range(r->rand, 0, 3)]));
}

static void step(Run *r)
{
    size_t size = r->size, offset, len;
    int op = g_rand_int_range(r->rand, 0, 100), ret = 0;

    offset = g_rand_int_range(r->rand, 0, size / 512) * 512;
    len = g_rand_int_range(r->rand, 1, op % 4 ? 65 : MIN(size / 512, 2048)) *
          512;
    if (g_rand_int_range(r->rand, 0, 2)) {
        offset = offset / r->sh->cluster * r->sh->cluster;
        len = ROUND_UP(len, r->sh->cluster);
    }
    len = MIN(len, size - offset);
    if (op < 5 && !r->sh->data_file) {
        offset = offset / r->sh->cluster * r->sh->cluster;
        len = MIN(r->sh->cluster, r->size - offset);
        if (op < 3 && !(r->sh->v2 && r->sh->backing_size)) {
            /* So that there is no data yet */
            ret = blk_pdiscard(r->img->blk, offset, len);
            g_assert_cmpint(ret, ==, 0);
            memset(r->model + offset, 0, len);
        }
        memset(r->buf, op, len);
        fill(r, r->buf, MIN(len, 300));
        ret = blk_pwrite(r->img->blk, offset, len, r->buf,
                         BDRV_REQ_WRITE_COMPRESSED);
        if (ret == -EIO) {
            ret = 0; /* there was data, which stays */
        } else {
            memcpy(r->model + offset, r->buf, len);
        }
    } else if (op < 45) {
        fill(r, r->model + offset, len);
        ret = blk_pwrite(r->img->blk, offset, len, r->model + offset, 0);
    } else if (op < 55) {
        memset(r->model + offset, 0, len);
        ret = blk_pwrite_zeroes(r->img->blk, offset, len,
                                op < 50 ? BDRV_REQ_MAY_UNMAP : 0);
    } else if (op < 65) {
        model_discard(r, offset, len);
        ret = blk_pdiscard(r->img->blk, offset, len);
    } else if (op < 90) {
        /* Not to be taken for wrong data */
        g_assert_cmpint(blk_pread(r->img->blk, offset, len, r->buf, 0), ==, 0);
        g_assert_cmpmem(r->buf, len, r->model + offset, len);
    } else if (op < 95) {
        ret = blk_flush(r->img->blk);
    } else if (op < 96) {
        /* An old image with snapshots stays as large as it is */
        ret = r->sh->v2 && r->snaps->len ? 0 : resize(r);
    } else if (op < 97) {
        amend_step(r);
        own_check(r);
    } else if (op < 98) {
        snapshot_step(r);
    } else {
        image_close(r->img);
        judge_all(r);
        r->img = image_open(r->path);
        own_check(r);
        check_all(r);
    }
    g_assert_cmpint(ret, ==, 0);
}

static void run_sequence(const Shape *sh, uint32_t seed, int steps)
{
    Run r = { .sh = sh };

    g_test_message("RANDOM_SEED=%u", seed);
    r.dir = make_tmpdir(g_get_tmp_dir());
    r.rand = g_rand_new_with_seed(seed);
    r.model = g_malloc0(r.sh->size * 2);
    r.buf = g_malloc(r.sh->size * 2);
    r.snaps = g_ptr_array_new_with_free_func(snap_free);
    make_images(&r);
    r.size = r.sh->size;
    r.img = image_open(r.path);
    for (int i = 0; i < steps; i++) {
        step(&r);
    }
    check_all(&r);
    image_close(r.img);
    judge_all(&r);
    remove_tmpdir(r.dir);
    g_ptr_array_unref(r.snaps);
    g_rand_free(r.rand);
    g_free(r.model);
    g_free(r.buf);
    g_free(r.path);
    g_free(r.base);
    g_free(r.data);
    g_free(r.options);
}

static uint64_t number(const char *name, uint64_t otherwise)
{
    const char *s = g_getenv(name);

    g_assert_cmpint(s ? qemu_strtou64(s, NULL, 10, &otherwise) : 0, ==, 0);
    return otherwise;
}

static void test_random(const void *opaque)
{
    const Shape *sh = opaque;
    uint32_t seed = number("RANDOM_SEED", g_test_rand_int());
    int sequences = number("RANDOM_SEQUENCES", 1);

    if (!have_oracle()) {
        g_test_skip("no " ORACLE);
        return;
    }
    block_test_init();
    for (int i = 0; i < sequences; i++) {
        run_sequence(sh, seed + i, number("RANDOM_STEPS", sh->steps));
    }
    block_test_cleanup();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
        g_autofree char *path = g_strdup_printf("/qcow2/random/%s",
                                                shapes[i].name);

        g_test_add_data_func(path, &shapes[i], test_random);
    }
    return g_test_run();
}
