/*
 * Encrypted images: random requests compared with a plain buffer and judged
 * by QEMU's qemu-img where it is installed; LUKS headers with any byte
 * changed.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "backends/iothread.h"
#include "block/snapshot.h"
#include "crypto/hash.h"
#include "qom/object.h"
#include "tests/unit/block/qcow2/qcow2-test.h"

#define SIZE   (2 * MiB + 512)
#define STEPS  200
#define KEY    "'encrypt.key-secret':'s'"
#define SECRET "--object secret,id=s,data=abc "

typedef struct Shape {
    const char *name, *options;
    size_t backing_size;
} Shape;

#define LUKS "encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=0"
#define AES  "encrypt.format=aes,encrypt.key-secret=s"

static const Shape shapes[] = {
    { "luks", LUKS, 0 },
    { "luks-backing", LUKS ",cluster_size=4k", MiB + 512 },
    { "luks-extended", LUKS ",extended_l2=on,cluster_size=16k", MiB },
    { "luks-v2-essiv",
      LUKS ",compat=0.10,encrypt.cipher-mode=cbc,encrypt.ivgen-alg=essiv", 0 },
    { "aes", AES, 0 },
    { "aes-backing", AES ",cluster_size=512", MiB },
    { "aes-extended", AES ",extended_l2=on", 2 * MiB },
};

static void make_secret(void)
{
    g_autoptr(QDict) props = qdict_new();

    qdict_put_str(props, "data", "abc");
    user_creatable_add_type("secret", "s", props, true, &error_abort);
}

static Image *open_image(const char *path)
{
    return image_open_flags(
        path, KEY, BDRV_O_RDWR | BDRV_O_RESIZE | BDRV_O_UNMAP, &error_abort);
}

static void judge_encrypted(const char *path, const uint8_t *model)
{
    g_autofree char *raw = g_strdup_printf("%s.model", path);
    const char *opts = "driver=qcow2,encrypt.key-secret=s,file.filename=";

    if (!have_oracle()) {
        return;
    }
    put_file(raw, model, SIZE);
    g_assert_cmpint(
        run(ORACLE " check -q " SECRET "--image-opts %s%s", opts, path), ==, 0);
    g_assert_cmpint(run(ORACLE " compare -q " SECRET "--image-opts %s%s "
                               "driver=raw,file.filename=%s",
                        opts, path, raw),
                    ==, 0);
    unlink(raw);
}

static void random_step(Image *img, GRand *rand, uint8_t *model, uint8_t *buf)
{
    size_t offset = g_rand_int_range(rand, 0, SIZE);
    size_t len = g_rand_int_range(rand, 1,
                                  g_rand_boolean(rand) ? 5000 : 300000);
    int op = g_rand_int_range(rand, 0, 100), ret;

    if (g_rand_boolean(rand)) {
        offset &= ~511;
        len = ROUND_UP(len, 512);
    }
    len = MIN(len, SIZE - offset);
    if (op < 50) {
        for (size_t i = 0; i < len; i++) {
            model[offset + i] = (op + i) * 7 + i / 256;
        }
        ret = blk_pwrite(img->blk, offset, len, model + offset, 0);
    } else if (op < 65) {
        memset(model + offset, 0, len);
        ret = blk_pwrite_zeroes(img->blk, offset, len,
                                op < 57 ? BDRV_REQ_MAY_UNMAP : 0);
    } else if (op < 97) {
        ret = blk_pread(img->blk, offset, len, buf, 0);
        g_assert_cmpmem(buf, len, model + offset, len);
    } else {
        ret = blk_flush(img->blk);
    }
    g_assert_cmpint(ret, ==, 0);
}

static void test_random(const void *opaque)
{
    const Shape *sh = opaque;
    uint32_t seed = g_test_rand_int();
    g_autofree uint8_t *model = g_malloc0(SIZE), *buf = g_malloc(SIZE);
    g_autofree char *path = NULL, *base = NULL;
    char *dir;
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
    Image *img;

    g_test_message("seed %u", seed);
    block_test_init();
    make_secret();
    dir = make_tmpdir("/tmp");
    path = g_strdup_printf("%s/t.qcow2", dir);
    base = g_strdup_printf("%s/base.raw", dir);
    memset(model, 0x55, sh->backing_size);
    put_file(base, model, sh->backing_size);
    bdrv_img_create(path, "qcow2", sh->backing_size ? base : NULL,
                    sh->backing_size ? "raw" : NULL, sh->options, SIZE, 0, true,
                    &error_abort);
    img = open_image(path);
    for (int i = 0; i < STEPS; i++) {
        random_step(img, rand, model, buf);
        if (i % 70 == 69) {
            image_close(img);
            img = open_image(path);
        }
    }
    g_assert_cmpint(blk_pread(img->blk, 0, SIZE, buf, 0), ==, 0);
    g_assert_cmpmem(buf, SIZE, model, SIZE);
    image_close(img);
    judge_encrypted(path, model);
    user_creatable_cleanup();
    block_test_cleanup();
    remove_tmpdir(dir);
}

/* --- headers --- */

static BlockBackend *open_luks(const char *path, bool no_io, Error **errp)
{
    QDict *opts = qdict_new();

    qdict_put_str(opts, "driver", "luks");
    if (!no_io) {
        qdict_put_str(opts, "key-secret", "s");
    }
    return blk_new_open(path, NULL, opts, no_io ? BDRV_O_NO_IO : 0, errp);
}

typedef struct Damage {
    unsigned pos, len;
    uint64_t value; /* big-endian, at @pos */
    const char *message;
} Damage;

static const Damage damages[] = {
    { 0, 4, 0x4c554b54, "Volume is not in LUKS format" },
    { 6, 2, 2, "LUKS version 2 is not supported" },
    { 8, 4, 0x666f6f00,
      "Algorithm 'foo' with key size 32 bytes not supported" },
    { 40, 3, 0x666666, "Cipher mode 'fff' not supported" },
    { 40, 4, 0x78747300, "Unexpected cipher mode string format 'xts'" },
    { 72, 4, 0x66666600, "Hash algorithm 'fff' not supported" },
    { 104, 4, 7, "LUKS payload is overlapping with the header" },
    { 104, 4, 9, "Keyslot 0 is overlapping with the encrypted payload" },
    { 108, 4, 63, "XTS cipher key length should be a multiple of 2" },
    { 108, 4, 62, "Algorithm 'aes' with key size 31 bytes not supported" },
    { 108, 4, 0xffffffff,
      "Keyslot 0 is overlapping with the encrypted payload" },
    { 164, 4, 0, "LUKS key iteration count is zero" },
    { 208, 4, 5, "Keyslot 0 state (active/disable) is corrupted" },
    { 212, 4, 0, "Keyslot 0 iteration count is zero" },
    { 248, 4, 1, "Keyslot 0 is overlapping with the LUKS header" },
    { 248, 4, 0xffffffff,
      "Keyslot 0 is overlapping with the encrypted payload" },
    { 296, 4, 9, "Keyslots 0 and 1 are overlapping in the header" },
    { 252, 4, 1, "Keyslot 0 is corrupted (stripes 1 != 4000)" },
    { 252, 4, 0xffffffff, "Keyslot 0 is corrupted (stripes -1 != 4000)" },
};

static void test_damage(const char *path, const uint8_t *good, size_t len,
                        const Damage *d)
{
    g_autofree uint8_t *bad = g_memdup2(good, len);
    Error *err = NULL;

    for (unsigned i = 0; i < d->len; i++) {
        bad[d->pos + i] = d->value >> 8 * (d->len - 1 - i);
    }
    put_file(path, bad, len);
    g_assert_null(open_luks(path, true, &err));
    g_assert_cmpstr(error_get_pretty(err), ==, d->message);
    error_free(err);
}

static void test_headers(void)
{
    g_autofree char *path = NULL, *good = NULL;
    char *dir;
    size_t len;
    BlockBackend *blk;

    block_test_init();
    make_secret();
    dir = make_tmpdir("/tmp");
    path = g_strdup_printf("%s/t.luks", dir);
    bdrv_img_create(path, "luks", NULL, NULL, "key-secret=s,iter-time=0", 65536,
                    0, true, &error_abort);
    blk = open_luks(path, false, &error_abort);
    g_assert_cmpint(blk_getlength(blk), ==, 65536);
    blk_unref(blk);
    g_assert_true(g_file_get_contents(path, &good, &len, NULL));
    for (size_t i = 0; i < ARRAY_SIZE(damages); i++) {
        test_damage(path, (uint8_t *)good, len, &damages[i]);
    }
    /* Whatever is changed: an error or not, but an end to it */
    for (int i = 0; i < 300; i++) {
        g_autofree char *bad = g_memdup2(good, len);
        size_t n = i % 10 ? len : g_test_rand_int_range(0, 4096);

        bad[g_test_rand_int_range(0, 592)] = g_test_rand_int();
        put_file(path, bad, n);
        blk_unref(open_luks(path, true, NULL));
    }
    user_creatable_cleanup();
    block_test_cleanup();
    remove_tmpdir(dir);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    if (!qcrypto_hash_supports(QCRYPTO_HASH_ALGO_SHA256)) {
        g_print("1..0 # SKIP built without libgcrypt\n");
        return 0;
    }
    type_register_table(qom_types);
    type_register_table(backends_types);
    g_test_add_func("/luks/headers", test_headers);
    for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
        g_autofree char *path = g_strdup_printf("/qcow2/crypt/%s",
                                                shapes[i].name);

        g_test_add_data_func(path, &shapes[i], test_random);
    }
    return g_test_run();
}
