/*
 * Images that were not made by a friend: headers with every field wrong, and
 * tables full of random bytes. The messages are QEMU's.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/qcow2/format.h"
#include "tests/unit/block/qcow2/qcow2-test.h"

#define CLUSTER 65536
#define LENGTH  (6 * CLUSTER)

typedef struct Case {
    int offset, size; /* of the field */
    uint64_t value;
    const char *error;
} Case;

static const Case cases[] = {
    { 0, 4, 0x514649fa, "Image is not in qcow2 format" },
    { 4, 4, 1, "Unsupported qcow2 version 1" },
    { 4, 4, 4, "Unsupported qcow2 version 4" },
    { 8, 8, 70000, "Invalid backing file offset" },
    { 20, 4, 8, "Unsupported cluster size: 2^8" },
    { 20, 4, 22, "Unsupported cluster size: 2^22" },
    { 20, 4, 0xffffffff, "Unsupported cluster size: 2^4294967295" },
    { 24, 8, UINT64_C(1) << 62, "Image is too big" },
    { 24, 8, UINT64_C(1) << 63, "Image is too big" },
    { 24, 8, UINT64_C(1) << 40, "L1 table is too small" },
    { 32, 4, 3, "Unsupported encryption method 3" },
    { 32, 4, 1, "Parameter 'encrypt.key-secret' is required for cipher" },
    { 32, 4, 2, "Missing CRYPTO header for crypt method 2" },
    { 36, 4, 0, "L1 table is too small" },
    { 36, 4, 0x7fffffff, "Active L1 table too large" },
    { 36, 4, 4194305, "Active L1 table too large" },
    { 40, 8, 0x30001, "Active L1 table offset invalid" },
    { 40, 8, UINT64_C(1) << 63, "Active L1 table offset invalid" },
    { 48, 8, 0x10001, "Reference count table offset invalid" },
    { 48, 8, UINT64_C(1) << 63, "Reference count table offset invalid" },
    { 56, 4, 0, "Image does not contain a reference count table" },
    { 56, 4, 129, "Reference count table too large" },
    { 56, 4, 0xffffffff, "Reference count table too large" },
    { 60, 4, 65537, "Snapshot table too large" },
    { 60, 4, 0xffffffff, "Snapshot table too large" },
    { 72, 8, 0x20,
      "Unsupported qcow2 feature(s): Unknown incompatible feature: 20" },
    { 72, 8, UINT64_C(1) << 63,
      "Unsupported qcow2 feature(s): Unknown incompatible feature: "
      "8000000000000000" },
    { 72, 8, 2, "qcow2: Image is corrupt; cannot be opened read/write" },
    { 72, 8, 8,
      "qcow2: Compression type incompatible feature bit must not be set" },
    { 104, 1, 1,
      "qcow2: Compression type incompatible feature bit must be set" },
    { 96, 4, 7,
      "Reference count entry width too large; may not exceed 64 bits" },
    { 96, 4, 0xffffffff,
      "Reference count entry width too large; may not exceed 64 bits" },
    { 72, 8, 4, "'data-file' is required for this image" },
    { 100, 4, 100, "qcow2 header too short" },
    { 100, 4, 70000, "qcow2 header exceeds cluster size" },
    { 100, 4, 0xffffffff, "qcow2 header exceeds cluster size" },
    { 116, 4, 70000, "Header extension too large" },
    { 112, 8, UINT64_C(0xe2792aca00000010),
      "ERROR: ext_backing_format: len=16 too large (>=16)" },
};

/* An image of 1 MiB with its first cluster at the fifth. */
static uint8_t *make_image(void)
{
    uint8_t *p = g_malloc0(LENGTH);

    qcow2_stl(p, QCOW2_MAGIC);
    qcow2_stl(p + 4, 3);
    qcow2_stl(p + 20, 16);
    qcow2_stq(p + 24, MiB);
    qcow2_stl(p + 36, 1);
    qcow2_stq(p + 40, 3 * CLUSTER);
    qcow2_stq(p + 48, CLUSTER);
    qcow2_stl(p + 56, 1);
    qcow2_stl(p + 96, 4);
    qcow2_stl(p + 100, 112);
    qcow2_stl(p + 112, 0x1234); /* an extension that nobody knows */
    qcow2_stl(p + 116, 4);
    qcow2_stq(p + CLUSTER, 2 * CLUSTER);
    for (int i = 0; i < 6; i++) {
        p[2 * CLUSTER + i * 2 + 1] = 1;
    }
    qcow2_stq(p + 3 * CLUSTER, QCOW2_OFLAG_COPIED | (4 * CLUSTER));
    qcow2_stq(p + 4 * CLUSTER, QCOW2_OFLAG_COPIED | (5 * CLUSTER));
    return p;
}

static void test_header(void)
{
    char *dir = make_tmpdir("/tmp");
    g_autofree char *path = g_strdup_printf("%s/t.qcow2", dir);
    Image *img;

    block_test_init();
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const Case *c = &cases[i];
        g_autofree uint8_t *p = make_image();
        Error *err = NULL;

        for (int b = 0; b < c->size; b++) {
            p[c->offset + b] = c->value >> (8 * (c->size - 1 - b));
        }
        put_file(path, p, LENGTH);
        img = image_open_flags(path, NULL, BDRV_O_RDWR, &err);
        g_assert_null(img);
        expect_error(&err, c->error);
    }
    block_test_cleanup();
    remove_tmpdir(dir);
}

/* Corrupt images may be read; whoever writes is told. */
static void test_corrupt_bit(void)
{
    char *dir = make_tmpdir("/tmp");
    g_autofree char *path = g_strdup_printf("%s/t.qcow2", dir);
    g_autofree uint8_t *p = make_image();
    uint8_t sector[512];
    Image *img;

    block_test_init();
    p[79] = 2;
    memset(p + 5 * CLUSTER, 0x5a, CLUSTER);
    put_file(path, p, LENGTH);
    img = image_open_flags(path, NULL, 0, &error_abort);
    g_assert_cmpint(blk_pread(img->blk, 0, 512, sector, 0), ==, 0);
    g_assert_cmpint(sector[17], ==, 0x5a);
    image_close(img);
    block_test_cleanup();
    remove_tmpdir(dir);
}

/* Random bytes in tables: errors are fine, anything else is not. */
static void test_garbage(void)
{
    char *dir = make_tmpdir("/tmp");
    g_autofree char *path = g_strdup_printf("%s/t.qcow2", dir);
    g_autofree uint8_t *buf = g_malloc(MiB);

    block_test_init();
    for (int round = 0; round < 300; round++) {
        g_autofree uint8_t *p = make_image();
        int n = g_test_rand_int_range(1, 40);
        /* As it is, with extended L2 entries, with an external data file */
        int layout = round % 3;
        g_autoptr(QDict) opts = qdict_new();
        BdrvCheckResult res;
        Image *img;

        p[79] = layout == 1 ? 0x10 : layout == 2 ? 4 : 0;
        for (int i = 0; i < n; i++) {
            int cluster = g_test_rand_int_range(0, 5);
            int pos = cluster * CLUSTER + g_test_rand_int_range(0, 160);

            p[pos] = g_test_rand_int();
        }
        put_file(path, p, LENGTH);
        img = image_open_flags(
            path,
            layout == 2 ? "'data-file':{'driver':'null-co','size':1048576}"
                        : NULL,
            BDRV_O_RDWR | BDRV_O_NO_BACKING | BDRV_O_RESIZE, NULL);
        if (!img) {
            continue;
        }
        blk_pread(img->blk, 0, MIN(blk_getlength(img->blk), MiB), buf, 0);
        for (int i = 0; i < 8; i++) {
            blk_pwrite(img->blk, i * 131072, 4096, buf, 0);
        }
        blk_pdiscard(img->blk, 0, 262144);
        blk_pwrite_zeroes(img->blk, 270336, 8192, 0);
        qdict_put_str(opts, "refcount_bits", "64");
        qdict_put_str(opts, "size", "2M");
        bdrv_amend_options(blk_bs(img->blk), opts, NULL, NULL, false, NULL);
        blk_flush(img->blk);
        bdrv_check(blk_bs(img->blk), &res, 0);
        image_close(img);
    }
    block_test_cleanup();
    remove_tmpdir(dir);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/qcow2/hostile/header", test_header);
    g_test_add_func("/qcow2/hostile/corrupt-bit", test_corrupt_bit);
    g_test_add_func("/qcow2/hostile/garbage", test_garbage);
    return g_test_run();
}
