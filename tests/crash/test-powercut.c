/*
 * Power cuts under qcow2: while several writers work on an image, every write
 * and flush below it is recorded (mem-disk.c); then the file is rebuilt as a
 * cut at many a moment may leave it, with any subset of what was not flushed,
 * and the image must open, have no corruption (leaks are allowed), hold all
 * that the guest had flushed, and show nothing that was never written.
 *
 *   POWERCUT_POINTS=N   cuts for each shape of image (default 150)
 *   POWERCUT_SEED=N     to see a failure again
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/snapshot.h"
#include "tests/crash/mem-disk.h"
#include "tests/unit/block/qcow2/qcow2-test.h"
#include "util/cutils.h"

#include <sys/mman.h>

extern const BlockDriver bdrv_file;
extern const BlockDriver bdrv_qcow2;
extern const BlockDriver bdrv_raw;

/* In place of block/drivers.c's. */
const BlockDriver *const bdrv_drivers[] = { &bdrv_file, &bdrv_mem_disk,
                                            &bdrv_qcow2, &bdrv_raw, NULL };

#define SECTOR 512

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define POINTS 30 /* for each shape, unless POWERCUT_POINTS says otherwise */
#else
#define POINTS 150
#endif

/* Where there is an external data file, it is the disk after the image. */
enum { DISK_IMAGE, DISK_DATA, DISK_BACKING, DISK_CUT, DISK_CUT_DATA };

typedef struct Shape {
    const char *name;
    const char *create; /* options of create */
    const char *open;   /* options of the node, as JSON */
    size_t size;        /* bytes */
    uint32_t cluster;   /* bytes */
    int unit;           /* sectors that writes are a multiple of */
    bool backing;       /* has one, and it is full of data */
    bool compressed;    /* half of the disk is, at first */
    bool snapshots;     /* are made and deleted between the writes */
    bool repaired;  /* by who opens it for writing: refcounts are not kept */
    bool data_file; /* the data are in a file of their own */
    bool amended;   /* options change between the writes */
} Shape;

static const Shape shapes[] = {
    { .name = "default",
      .create = "cluster_size=64k",
      .size = 4 * MiB,
      .cluster = 65536,
      .unit = 8 },
    { .name = "v2",
      .create = "compat=0.10",
      .size = 4 * MiB,
      .cluster = 65536,
      .unit = 8 },
    { .name = "backing",
      .create = "cluster_size=64k",
      .size = 4 * MiB,
      .cluster = 65536,
      .unit = 8,
      .backing = true },
    { .name = "small-clusters",
      .create = "cluster_size=512",
      .size = MiB,
      .cluster = 512,
      .unit = 1,
      .backing = true },
    { .name = "4k-clusters",
      .create = "cluster_size=4k",
      .size = 2 * MiB,
      .cluster = 4096,
      .unit = 1,
      .backing = true },
    { .name = "refcount-1",
      .create = "cluster_size=1k,refcount_bits=1",
      .size = MiB,
      .cluster = 1024,
      .unit = 2 },
    { .name = "compressed",
      .create = "cluster_size=4k",
      .size = 2 * MiB,
      .cluster = 4096,
      .unit = 2,
      .backing = true,
      .compressed = true },
    { .name = "no-unref",
      .create = "cluster_size=4k",
      .open = ",'discard-no-unref':true",
      .size = 2 * MiB,
      .cluster = 4096,
      .unit = 2 },
    { .name = "extended-l2",
      .create = "cluster_size=16k,extended_l2=on",
      .size = 2 * MiB,
      .cluster = 16384,
      .unit = 1,
      .backing = true },
    { .name = "lazy-refcounts",
      .create = "cluster_size=4k,lazy_refcounts=on",
      .size = 2 * MiB,
      .cluster = 4096,
      .unit = 1,
      .backing = true,
      .repaired = true },
    { .name = "snapshots",
      .create = "cluster_size=4k",
      .size = MiB,
      .cluster = 4096,
      .unit = 1,
      .backing = true,
      .snapshots = true },
    { .name = "data-file",
      .create = "cluster_size=4k,data_file=%s",
      .size = 2 * MiB,
      .cluster = 4096,
      .unit = 1,
      .backing = true,
      .data_file = true },
    { .name = "amended",
      .create = "cluster_size=4k",
      .size = 2 * MiB,
      .cluster = 4096,
      .unit = 1,
      .backing = true,
      .repaired = true,
      .amended = true },
};

typedef enum OpType { OP_WRITE, OP_ZERO, OP_DISCARD, OP_FLUSH } OpType;

typedef struct Op {
    OpType type;
    uint32_t first, n; /* sectors */
    uint64_t begin, end;
} Op;

/* What a sector holds is told by its first 8 bytes: the number of the write,
 * or one of these. */
#define TAG_ZERO    UINT64_C(0)
#define TAG_BACKING UINT64_C(1)
#define TAG_OP(i)   ((uint64_t)(i) + 2)

typedef struct Snapshot {
    char name[16];
    uint64_t *tags; /* what it must show */
    uint64_t made_begin, made_end, deleted_begin, deleted_end;
} Snapshot;

typedef struct Run {
    const Shape *sh;
    GArray *snapshots;
    uint32_t sectors;
    GArray *ops;    /* in the order of their beginnings */
    uint64_t *init; /* the tag of each sector before the first operation */
    bool *busy;     /* sectors that an operation is on its way to */
    BlockBackend *blk;
    int left, running;
} Run;

static void fill_sector(uint8_t *p, uint64_t tag, uint32_t sector)
{
    uint32_t v = tag * 2654435761u + sector;

    if (tag == TAG_ZERO) {
        memset(p, 0, SECTOR);
        return;
    }
    for (int i = 0; i < SECTOR; i++) {
        v = v * 1664525 + 1013904223;
        p[i] = i < 256 ? v >> 24 : 7; /* half of it compresses */
    }
    tag = GUINT64_TO_BE(tag);
    memcpy(p, &tag, 8);
}

static int rnd(int from, int to)
{
    return g_rand_int_range(mem_rand, from, to);
}

/* --- images --- */

static BlockBackend *open_image(const Shape *sh, int disk, Error **errp)
{
    g_autofree char *data = g_strdup_printf(
        ",'data-file':{'driver':'mem-disk','index':'%d','discard':'unmap'}",
        disk + 1);
    g_autofree char *json = g_strdup_printf(
        "{'driver':'qcow2','discard':'unmap'%s,"
        "'file':{'driver':'mem-disk','index':'%d','discard':'unmap'}%s%s}",
        sh->open ? sh->open : "", disk, sh->data_file ? data : "",
        sh->backing ? ",'backing':{'driver':'raw','read-only':'on','file':"
                      "{'driver':'mem-disk','index':'2','read-only':'on'}}"
                    : "");
    QDict *dict = qobject_to(
        QDict, qobject_from_json(g_strdelimit(json, "'", '"'), &error_abort));

    qdict_flatten(dict);
    return blk_new_open(NULL, NULL, dict,
                        BDRV_O_RDWR | BDRV_O_RESIZE | BDRV_O_UNMAP, errp);
}

static void make_backing(Run *r)
{
    g_autofree uint8_t *data = g_malloc(r->sh->size);

    for (uint32_t i = 0; i < r->sectors; i++) {
        fill_sector(data + i * SECTOR, TAG_BACKING, i);
        r->init[i] = TAG_BACKING;
    }
    mem_disk_set(&mem_disks[DISK_BACKING], data, r->sh->size);
}

/* Write some of the disk, so that there is something to overwrite. */
static void fill_half(Run *r)
{
    size_t cluster = r->sh->cluster;
    g_autofree uint8_t *buf = g_malloc(cluster);

    for (size_t at = 0; at < r->sh->size; at += cluster) {
        BdrvRequestFlags flags = 0;

        if (rnd(0, 2)) {
            continue;
        }
        flags = r->sh->compressed ? BDRV_REQ_WRITE_COMPRESSED : 0;
        for (size_t i = 0; i < cluster; i += SECTOR) {
            fill_sector(buf + i, TAG_BACKING, (at + i) / SECTOR);
            r->init[(at + i) / SECTOR] = TAG_BACKING;
        }
        g_assert_cmpint(blk_pwrite(r->blk, at, cluster, buf, flags), ==, 0);
    }
}

static void make_image(Run *r, const char *dir)
{
    g_autofree char *path = g_strdup_printf("%s/t.qcow2", dir);
    g_autofree char *external = g_strdup_printf("%s/data", dir);
    g_autofree char *data = NULL;
    GString *options = g_string_new(r->sh->create);
    size_t len;

    g_string_replace(options, "%s", external, 0);
    bdrv_img_create(path, "qcow2", NULL, NULL, options->str, r->sh->size, 0,
                    true, &error_abort);
    g_string_free(options, TRUE);
    g_assert_true(g_file_get_contents(path, &data, &len, NULL));
    unlink(path);
    if (r->sh->backing) {
        make_backing(r);
    }
    mem_disk_set(&mem_disks[DISK_IMAGE], data, len);
    mem_disk_set(&mem_disks[DISK_DATA], NULL, 0);
    r->blk = open_image(r->sh, DISK_IMAGE, &error_abort);
    fill_half(r);
    blk_unref(r->blk);
}

/* --- writers --- */

static bool claim(Run *r, Op *op)
{
    int unit = r->sh->unit;
    uint32_t most = rnd(0, 4) ? 8 : 2 * r->sh->cluster / SECTOR + 8;

    op->first = rnd(0, r->sectors / unit) * unit;
    op->n = rnd(1, most / unit + 2) * unit;
    op->n = MIN(op->n, r->sectors - op->first);
    if (rnd(0, 3) == 0) { /* whole clusters */
        op->first -= op->first % MAX(r->sh->cluster / SECTOR, 1);
        op->n = MIN(ROUND_UP(op->n, r->sh->cluster / SECTOR),
                    r->sectors - op->first);
    }
    for (uint32_t i = 0; i < op->n; i++) {
        if (r->busy[op->first + i]) {
            return false;
        }
    }
    memset(r->busy + op->first, true, op->n);
    return true;
}

static int coroutine_fn co_write(Run *r, const Op *op, unsigned index)
{
    size_t len = (size_t)op->n * SECTOR;
    g_autofree uint8_t *buf = g_malloc(len);

    for (uint32_t i = 0; i < op->n; i++) {
        fill_sector(buf + i * SECTOR, TAG_OP(index), op->first + i);
    }
    return blk_co_pwrite(r->blk, (int64_t)op->first * SECTOR, len, buf,
                         rnd(0, 20) ? 0 : BDRV_REQ_FUA);
}

static int coroutine_fn co_operate(Run *r, const Op *op, unsigned index)
{
    int64_t offset = (int64_t)op->first * SECTOR;
    int64_t bytes = (int64_t)op->n * SECTOR;

    switch (op->type) {
    case OP_WRITE:
        return co_write(r, op, index);
    case OP_ZERO:
        return blk_co_pwrite_zeroes(r->blk, offset, bytes,
                                    rnd(0, 2) ? BDRV_REQ_MAY_UNMAP : 0);
    case OP_DISCARD:
        return blk_co_pdiscard(r->blk, offset, bytes);
    default:
        return blk_co_flush(r->blk);
    }
}

static OpType choose(void)
{
    int x = rnd(0, 100);

    return x < 65   ? OP_WRITE
           : x < 78 ? OP_ZERO
           : x < 90 ? OP_DISCARD
                    : OP_FLUSH;
}

static void coroutine_fn co_writer(void *opaque)
{
    Run *r = opaque;

    while (r->left-- > 0) {
        Op op = { .type = choose(), .end = UINT64_MAX };
        unsigned index;
        int ret;

        if (op.type != OP_FLUSH && !claim(r, &op)) {
            continue;
        }
        op.begin = mem_now++;
        index = r->ops->len;
        g_array_append_val(r->ops, op);
        ret = co_operate(r, &op, index);
        g_assert_cmpint(ret, ==, 0);
        g_array_index(r->ops, Op, index).end = mem_now++;
        if (op.n) {
            memset(r->busy + op.first, false, op.n);
        }
    }
    r->running--;
}

static void work(Run *r, int steps)
{
    r->left = steps;
    r->running = 6;
    for (int n = r->running; n > 0; n--) {
        qemu_coroutine_enter(qemu_coroutine_create(co_writer, r));
    }
    while (r->running) {
        aio_poll(qemu_get_aio_context(), true);
    }
}

/* --- judgement --- */

/* The tag of @sector after @op: @old where the operation leaves it alone. */
static uint64_t tag_after(const Run *r, const Op *op, unsigned index,
                          uint32_t sector, uint64_t old)
{
    uint32_t c = r->sh->cluster / SECTOR;

    switch (op->type) {
    case OP_WRITE:
        return TAG_OP(index);
    case OP_ZERO:
        return TAG_ZERO;
    default:
        /* Whole clusters only; version 2 cannot hide a backing image */
        return sector / c * c >= op->first &&
                       MIN(sector / c * c + c, r->sectors) <= op->first + op->n
                   ? TAG_ZERO
                   : old;
    }
}

static uint64_t flushed_until(const Run *r, uint64_t when)
{
    uint64_t until = 0;

    for (guint i = 0; i < r->ops->len; i++) {
        const Op *op = &g_array_index(r->ops, Op, i);

        if (op->type == OP_FLUSH && op->end <= when) {
            until = MAX(until, op->begin);
        }
    }
    return until;
}

/* What happened to @sector, and what wrote @tag. */
static void tell(const Run *r, uint32_t sector, uint64_t tag)
{
    for (guint i = 0; i < r->ops->len; i++) {
        const Op *op = &g_array_index(r->ops, Op, i);

        if (tag == TAG_OP(i) ||
            (op->first <= sector && sector - op->first < op->n)) {
            fprintf(stderr,
                    "tag %" PRIu64 ": %s of %u + %u, %" PRIu64 "..%" PRIu64
                    "\n",
                    TAG_OP(i),
                    ((const char *[]){ "write", "zero", "discard",
                                       "flush" })[op->type],
                    op->first, op->n, op->begin, op->end);
        }
    }
}

/* Does @data hold what it may hold after a cut at @when? */
static void judge_content(const Run *r, const uint8_t *data, uint64_t when)
{
    uint64_t until = flushed_until(r, when);
    g_autofree uint64_t *last = g_memdup2(r->init, r->sectors * 8);
    g_autofree bool *fine = g_new0(bool, r->sectors);
    g_autofree uint64_t *tags = g_new(uint64_t, r->sectors);
    uint8_t want[SECTOR];

    for (uint32_t s = 0; s < r->sectors; s++) {
        memcpy(&tags[s], data + s * SECTOR, 8);
        tags[s] = GUINT64_FROM_BE(tags[s]);
        fine[s] = tags[s] == last[s];
    }
    for (guint i = 0; i < r->ops->len; i++) {
        const Op *op = &g_array_index(r->ops, Op, i);

        if (op->begin >= when) {
            break;
        }
        for (uint32_t s = op->first; s < op->first + op->n; s++) {
            last[s] = tag_after(r, op, i, s, last[s]);
            /* What came before a durable operation is gone */
            fine[s] = (op->end > until && fine[s]) || tags[s] == last[s];
        }
    }
    for (uint32_t s = 0; s < r->sectors; s++) {
        fill_sector(want, tags[s], s);
        if (!fine[s] || memcmp(want, data + s * SECTOR, SECTOR)) {
            tell(r, s, tags[s]);
            g_error("%s: sector %u has tag %" PRIu64 ", the last was %" PRIu64
                    " (cut at %" PRIu64 ", flushed until %" PRIu64 ")",
                    r->sh->name, s, tags[s], last[s], when, until);
        }
    }
}

/* --- snapshots --- */

/* The tags of all sectors after everything so far. */
static uint64_t *tags_now(const Run *r)
{
    uint64_t *last = g_memdup2(r->init, r->sectors * 8);

    for (guint i = 0; i < r->ops->len; i++) {
        const Op *op = &g_array_index(r->ops, Op, i);

        for (uint32_t s = op->first; s < op->first + op->n; s++) {
            last[s] = tag_after(r, op, i, s, last[s]);
        }
    }
    return last;
}

static void make_snapshot(Run *r)
{
    Snapshot new = { .made_begin = mem_now++,
                     .deleted_begin = UINT64_MAX,
                     .deleted_end = UINT64_MAX };
    QEMUSnapshotInfo sn = { .icount = UINT64_MAX };

    g_snprintf(new.name, sizeof(new.name), "s%u", r->snapshots->len);
    g_strlcpy(sn.name, new.name, sizeof(sn.name));
    new.tags = tags_now(r);
    g_assert_cmpint(bdrv_snapshot_create(blk_bs(r->blk), &sn), ==, 0);
    new.made_end = mem_now++;
    g_array_append_val(r->snapshots, new);
}

static void delete_snapshot(Run *r)
{
    Snapshot *old = &g_array_index(r->snapshots, Snapshot,
                                   rnd(0, r->snapshots->len));

    if (old->deleted_begin == UINT64_MAX) {
        old->deleted_begin = mem_now++;
        g_assert_cmpint(
            bdrv_snapshot_delete(blk_bs(r->blk), NULL, old->name, &error_abort),
            ==, 0);
        old->deleted_end = mem_now++;
    }
}

static void work_with_snapshots(Run *r)
{
    for (int i = 0; i < 8; i++) {
        work(r, 50);
        make_snapshot(r);
        work(r, 20);
        if (i > 1) {
            delete_snapshot(r);
        }
    }
}

/* --- amendments --- */

static void amend(Run *r, const char *key, const char *value)
{
    g_autoptr(QDict) options = qdict_new();

    qdict_put_str(options, key, value);
    g_assert_cmpint(bdrv_amend_options(blk_bs(r->blk), options, NULL, NULL,
                                       false, &error_abort),
                    ==, 0);
}

/* The width of refcounts, lazy refcounts on and off. */
static void work_with_amendments(Run *r)
{
    static const char *const widths[] = { "8", "16", "32", "64" };

    for (int i = 0; i < 6; i++) {
        work(r, 40);
        amend(r, "refcount_bits", widths[rnd(0, ARRAY_SIZE(widths))]);
        work(r, 20);
        amend(r, "lazy_refcounts", i % 2 ? "off" : "on");
    }
}

static void judge_snapshot(const Run *r, BlockBackend *blk, const Snapshot *sn,
                           uint8_t *buf)
{
    uint8_t want[SECTOR];

    g_assert_cmpint(bdrv_snapshot_goto(blk_bs(blk), sn->name, &error_abort), ==,
                    0);
    g_assert_cmpint(blk_pread(blk, 0, r->sh->size, buf, 0), ==, 0);
    for (uint32_t s = 0; s < r->sectors; s++) {
        fill_sector(want, sn->tags[s], s);
        if (memcmp(want, buf + s * SECTOR, SECTOR)) {
            g_error("%s: sector %u of snapshot %s is wrong", r->sh->name, s,
                    sn->name);
        }
    }
}

static void judge_snapshots(const Run *r, BlockBackend *blk, uint64_t when,
                            uint8_t *buf)
{
    for (guint i = 0; i < r->snapshots->len; i++) {
        const Snapshot *sn = &g_array_index(r->snapshots, Snapshot, i);
        QEMUSnapshotInfo info;
        bool there = bdrv_snapshot_find(blk_bs(blk), &info, sn->name);

        g_assert_true(!there ||
                      (sn->made_begin < when && sn->deleted_end > when));
        g_assert_true(there || sn->made_end > when || sn->deleted_begin < when);
        if (there) {
            judge_snapshot(r, blk, sn, buf);
        }
    }
}

/* --- all of it --- */

/*
 * Corruptions that the check finds; it tells of each leak too, and leaks are
 * allowed. A snapshot that is made or deleted changes "ours alone" and
 * refcounts one after the other: in between the flag is off where it could be
 * on, or on at a cluster that is counted twice and used once. That loses
 * nothing, and
 * @flags allows it.
 */
static int count_corruptions(BlockDriverState *bs, bool flags)
{
    int out = dup(STDERR_FILENO), fd = memfd_create("check", MFD_CLOEXEC);
    BdrvCheckResult res;
    char line[512];
    FILE *f;
    int ret, n;

    g_assert_true(out >= 0 && fd >= 0);
    g_assert_cmpint(dup2(fd, STDERR_FILENO), >=, 0);
    ret = bdrv_check(bs, &res, 0);
    g_assert_cmpint(dup2(out, STDERR_FILENO), >=, 0);
    close(out);
    g_assert_cmpint(ret, ==, 0);
    n = res.corruptions + res.check_errors;
    f = fdopen(fd, "r");
    rewind(f);
    while (fgets(line, sizeof(line), f)) {
        if (flags && g_str_has_prefix(line, "ERROR OFLAG_COPIED")) {
            n--;
        } else if (g_str_has_prefix(line, "ERROR")) {
            g_test_message("%s", line);
        }
    }
    fclose(f);
    return n;
}

static void judge_metadata(const Run *r, BlockBackend *blk)
{
    int n = count_corruptions(blk_bs(blk), r->sh->snapshots);

    if (n) {
        g_error("%s: %d corruptions", r->sh->name, n);
    }
}

/* QEMU's program finds nothing but leaks. */
static void judge_by_oracle(const GByteArray *image, const char *dir)
{
    g_autofree char *path = g_strdup_printf("%s/cut.qcow2", dir);
    int status;

    if (have_oracle()) {
        put_file(path, image->data, image->len);
        status = run(ORACLE " check -q -f qcow2 %s", path);
        g_assert_true(WIFEXITED(status));
        g_assert_true(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 3);
        unlink(path);
    }
}

static void judge_cut(const Run *r, uint64_t when, MemLoss loss, bool oracle,
                      const char *dir)
{
    g_autofree uint8_t *buf = g_malloc(r->sh->size);
    GByteArray *cut = mem_disk_rebuild(&mem_disks[DISK_IMAGE], when, loss);
    BlockBackend *blk;

    if (oracle && !r->sh->data_file && !r->sh->snapshots && !r->sh->repaired) {
        judge_by_oracle(cut, dir);
    }
    mem_disk_reset(&mem_disks[DISK_CUT]);
    mem_disks[DISK_CUT].content = cut;
    mem_disk_reset(&mem_disks[DISK_CUT_DATA]);
    mem_disks[DISK_CUT_DATA].content = mem_disk_rebuild(&mem_disks[DISK_DATA],
                                                        when, loss);
    blk = open_image(r->sh, DISK_CUT, &error_abort);
    judge_metadata(r, blk);
    g_assert_cmpint(blk_pread(blk, 0, r->sh->size, buf, 0), ==, 0);
    judge_content(r, buf, when);
    if (r->sh->snapshots) {
        judge_snapshots(r, blk, when, buf);
        judge_metadata(r, blk);
    }
    /* It can be worked with */
    g_assert_cmpint(blk_pwrite(blk, 0, r->sh->size, buf, 0), ==, 0);
    g_assert_cmpint(blk_flush(blk), ==, 0);
    judge_metadata(r, blk);
    blk_unref(blk);
}

/* A moment: any, or just after something below the image began. */
static uint64_t choose_moment(void)
{
    const GPtrArray *events = mem_disks[DISK_IMAGE].events;
    const MemEvent *e;

    if (rnd(0, 2)) {
        return 1 + g_rand_double(mem_rand) * mem_now;
    }
    e = g_ptr_array_index(events, rnd(0, events->len));
    return e->begin + rnd(1, 3);
}

static int number(const char *name, int otherwise)
{
    const char *s = g_getenv(name);
    int n = otherwise;

    g_assert_cmpint(s ? qemu_strtoi(s, NULL, 10, &n) : 0, ==, 0);
    return n;
}

static void test_powercut(const void *opaque)
{
    Run r = { .sh = opaque };
    int seed = number("POWERCUT_SEED", g_test_rand_int());
    int points = number("POWERCUT_POINTS", POINTS), per_run = 150;
    char *dir = make_tmpdir("/tmp");

    g_test_message("POWERCUT_SEED=%d", seed);
    block_test_init();
    mem_rand = g_rand_new_with_seed(seed);
    r.sectors = r.sh->size / SECTOR;
    for (; points > 0; points -= per_run) {
        r.init = g_new0(uint64_t, r.sectors);
        r.busy = g_new0(bool, r.sectors);
        r.ops = g_array_new(FALSE, FALSE, sizeof(Op));
        r.snapshots = g_array_new(FALSE, FALSE, sizeof(Snapshot));
        make_image(&r, dir);
        mem_disk_record(&mem_disks[DISK_IMAGE]);
        mem_disk_record(&mem_disks[DISK_DATA]);
        r.blk = open_image(r.sh, DISK_IMAGE, &error_abort);
        if (r.sh->snapshots) {
            work_with_snapshots(&r);
        } else if (r.sh->amended) {
            work_with_amendments(&r);
        } else {
            work(&r, 500);
        }
        blk_unref(r.blk);
        for (int i = 0; i < MIN(points, per_run); i++) {
            judge_cut(&r, choose_moment(), i % MEM_LOSS__MAX, i % 50 == 0, dir);
        }
        for (size_t i = 0; i < ARRAY_SIZE(mem_disks); i++) {
            mem_disk_reset(&mem_disks[i]);
        }
        for (guint i = 0; i < r.snapshots->len; i++) {
            g_free(g_array_index(r.snapshots, Snapshot, i).tags);
        }
        g_array_unref(r.snapshots);
        g_array_unref(r.ops);
        g_free(r.init);
        g_free(r.busy);
        mem_now = 1;
    }
    g_rand_free(mem_rand);
    block_test_cleanup();
    remove_tmpdir(dir);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
        g_autofree char *path = g_strdup_printf("/powercut/%s", shapes[i].name);

        g_test_add_data_func(path, &shapes[i], test_powercut);
    }
    return g_test_run();
}
