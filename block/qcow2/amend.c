/*
 * Changing an image's options: version, refcount width, lazy refcounts, the
 * data file's name, size.
 *
 * The order is that which lets each step rely on the ones before: version 3
 * first, what needs it, and the way back to version 2 last. Each step leaves
 * an image that can be used.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/block-backend.h"
#include "block/crypto.h"
#include "block/opts.h"
#include "block/qcow2/qcow2.h"
#include "block/sync.h"
#include "util/memalign.h"

const BdrvCreateOpt qcow2_amend_opts[] = {
    BDRV_CRYPTO_AMEND_OPTS("encrypt."),
    { "size", BDRV_OPT_SIZE, "Virtual disk size", NULL },
    { "compat", BDRV_OPT_STRING, "Compatibility level (v2 [0.10] or v3 [1.1])",
      NULL },
    { "backing_file", BDRV_OPT_STRING, "File name of a base image", NULL },
    { "backing_fmt", BDRV_OPT_STRING, "Image format of the base image", NULL },
    { "data_file", BDRV_OPT_STRING, "File name of an external data file",
      NULL },
    { "data_file_raw", BDRV_OPT_BOOL,
      "The external data file must stay valid as a raw image", NULL },
    { "lazy_refcounts", BDRV_OPT_BOOL, "Postpone refcount updates", NULL },
    { "refcount_bits", BDRV_OPT_NUMBER,
      "Width of a reference count entry in bits", NULL },
    { NULL },
};

typedef struct Amend {
    BlockDriverState *bs;
    Qcow2State *s;
    /* what is asked for; without: what the image has */
    uint32_t version;
    uint64_t refcount_bits, size;
    bool lazy, raw, have_data_file;
    char *data_file, *backing_file, *backing_fmt;
    bool encryption;
    /* progress: of operations that take their time */
    BdrvAmendStatusCB *cb;
    void *cb_opaque;
    int op, nb_ops;
    Error **errp;
} Amend;

static void amend_cleanup(Amend *a)
{
    g_free(a->data_file);
    g_free(a->backing_file);
    g_free(a->backing_fmt);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Amend, amend_cleanup)

/* --- options --- */

static bool take_compat(QDict *opts, uint32_t *version, Error **errp)
{
    g_autofree char *text = bdrv_take_str(opts, "compat");

    if (!text) {
        return true;
    }
    if (!strcmp(text, "0.10") || !strcmp(text, "v2")) {
        *version = 2;
    } else if (!strcmp(text, "1.1") || !strcmp(text, "v3")) {
        *version = 3;
    } else {
        error_setg(errp, "Unknown compatibility level %s", text);
        return false;
    }
    return true;
}

static bool take_encryption(Amend *a, QDict *opts)
{
    const QDictEntry *e;

    QDICT_FOREACH(opts, e) {
        a->encryption |= g_str_has_prefix(qdict_entry_key(e), "encrypt.");
    }
    if (a->encryption && !a->s->h.crypt) {
        error_setg(a->errp, "Can't amend encryption options - encryption not "
                            "present");
        return false;
    }
    if (a->encryption && a->s->h.crypt != 2) {
        error_setg(a->errp, "Only LUKS encryption options can be amended");
        return false;
    }
    return true;
}

static bool take_options(Amend *a, QDict *opts)
{
    Qcow2State *s = a->s;
    Error **errp = a->errp;

    a->version = s->h.version;
    a->refcount_bits = UINT64_C(1) << s->refcount_order;
    a->lazy = s->h.compat & QCOW2_COMPAT_LAZY;
    a->raw = s->data_file_raw;
    a->data_file = bdrv_take_str(opts, "data_file");
    a->backing_file = bdrv_take_str(opts, "backing_file");
    a->backing_fmt = bdrv_take_str(opts, "backing_fmt");
    if (!take_compat(opts, &a->version, errp) || !take_encryption(a, opts) ||
        !bdrv_take_size(opts, "size", &a->size, errp) ||
        !bdrv_take_bool(opts, "lazy_refcounts", &a->lazy, errp) ||
        !bdrv_take_bool(opts, "data_file_raw", &a->raw, errp) ||
        !bdrv_take_number(opts, "refcount_bits", &a->refcount_bits, errp)) {
        return false;
    }
    if (a->refcount_bits > 64 || !is_power_of_2(a->refcount_bits)) {
        error_setg(errp, "Refcount width must be a power of two and may not "
                         "exceed 64 bits");
        return false;
    }
    if (a->data_file && !s->has_data_file) {
        error_setg(errp, "data-file can only be set for images that use an "
                         "external data file");
        return false;
    }
    if (a->raw && !s->data_file_raw) {
        error_setg(errp, "data-file-raw cannot be set on existing images");
        return false;
    }
    return true;
}

/* --- steps in a coroutine --- */

typedef int coroutine_fn StepFunc(Amend *a);

typedef struct Step {
    StepFunc *func;
    Amend *a;
} Step;

static int coroutine_fn step_entry(BdrvSyncCall *c)
{
    Step *step = c->buf;
    int ret;

    bdrv_inc_in_flight(step->a->bs);
    ret = step->func(step->a);
    bdrv_dec_in_flight(step->a->bs);
    return ret;
}

/* 0, or -errno with an error. */
static int run_step(Amend *a, StepFunc *func, const char *what)
{
    Step step = { func, a };
    BdrvSyncCall c = { .co_fn = step_entry, .buf = &step };
    int ret = bdrv_run_sync(&c);

    if (ret < 0 && what) {
        error_setg_errno(a->errp, -ret, "%s", what);
    }
    return ret;
}

/* @done of @total of the operation at hand. */
static void show(BlockDriverState *bs, int64_t done, int64_t total,
                 void *opaque)
{
    Amend *a = opaque;

    if (a->cb) {
        a->cb(bs, a->op * total + done, a->nb_ops * total, a->cb_opaque);
    }
}

static int coroutine_fn rewrite_header(Amend *a)
{
    int ret = qcow2_co_prepare_write(a->bs);

    return ret < 0 ? ret : qcow2_co_update_header(a->bs);
}

/* --- to version 3 --- */

static int coroutine_fn upgrade(Amend *a)
{
    Qcow2State *s = a->s;
    int ret = qcow2_co_flush_metadata(a->bs);

    if (ret < 0) {
        return ret;
    }
    s->h.refcount_order = s->refcount_order;
    s->h.has_feature_names = true;
    return qcow2_co_write_version(a->bs, 3);
}

/* --- to version 2 --- */

/* What stands in the way in the L2 table of a snapshot at @offset. */
static int coroutine_fn find_new_in_l2(Amend *a, uint64_t offset, bool *found)
{
    Qcow2State *s = a->s;
    QEMU_AUTO_VFREE uint64_t *l2 = bdrv_try_blockalign(a->bs, s->cluster_size);
    int ret = l2 ? bdrv_co_pread(a->bs->file, offset, s->cluster_size, l2, 0)
                 : -ENOMEM;

    for (uint64_t i = 0; ret >= 0 && i < s->cluster_size / 8; i++) {
        Qcow2ClusterType type = qcow2_entry_type(s, GUINT64_FROM_BE(l2[i]));

        *found |= type == QCOW2_CLUSTER_ZERO_PLAIN ||
                  type == QCOW2_CLUSTER_ZERO_ALLOC ||
                  (type == QCOW2_CLUSTER_COMPRESSED &&
                   s->h.compression != QCOW2_COMPRESSION_ZLIB);
    }
    return ret;
}

static int coroutine_fn find_new_in_l1(Amend *a, uint64_t offset, uint32_t size,
                                       bool *found)
{
    g_autofree uint64_t *l1 = NULL;
    int ret = qcow2_check_table(&a->s->h, offset, size, QCOW2_MAX_L1_SIZE,
                                "Snapshot L1 table", NULL);

    if (ret < 0) {
        return ret;
    }
    l1 = g_try_new0(uint64_t, MAX(size, 1));
    ret = l1 ? 0 : -ENOMEM;
    if (ret == 0 && size) {
        ret = bdrv_co_pread(a->bs->file, offset, size * UINT64_C(8), l1, 0);
    }
    for (uint32_t i = 0; i < size && ret >= 0 && !*found; i++) {
        uint64_t host = GUINT64_FROM_BE(l1[i]) & QCOW2_L1_OFFSET_MASK;

        ret = host ? find_new_in_l2(a, host, found) : 0;
    }
    return ret;
}

/* Snapshots must be such as version 2 can have: of the disk's size, without a
 * machine's state, and their tables without what is new in version 3. */
static int coroutine_fn check_v2_snapshots(Amend *a)
{
    const Qcow2Header *h = &a->s->h;
    uint64_t pos = h->snapshots_offset;
    bool found = false;
    uint8_t e[56];
    int ret = 0;

    for (uint32_t i = 0; i < h->nb_snapshots && ret >= 0 && !found; i++) {
        uint64_t extra;

        pos = ROUND_UP(pos, 8);
        ret = bdrv_co_pread(a->bs->file, pos, sizeof(e), e, 0);
        if (ret < 0) {
            break;
        }
        extra = qcow2_ldl(e + 36);
        found = qcow2_ldl(e + 32) || (extra >= 8 && qcow2_ldq(e + 40)) ||
                (extra >= 16 && qcow2_ldq(e + 48) != h->size);
        if (!found) {
            ret = find_new_in_l1(a, qcow2_ldq(e), qcow2_ldl(e + 8), &found);
        }
        pos += 40 + extra + (e[12] << 8 | e[13]) + (e[14] << 8 | e[15]);
    }
    if (ret < 0) {
        error_setg_errno(a->errp, -ret, "Could not read snapshots");
    } else if (found) {
        error_setg(a->errp, "Internal snapshots prevent downgrade of image");
        ret = -ENOTSUP;
    }
    return ret;
}

/* Is there a compressed cluster? Or -errno. */
static int coroutine_fn find_compressed(Amend *a)
{
    uint64_t pos = 0, size = a->s->h.size;
    Qcow2Mapping m;
    int ret;

    for (; pos < size; pos += m.bytes) {
        ret = qcow2_co_map(a->bs, pos, size - pos, &m);
        if (ret < 0 || m.type == QCOW2_CLUSTER_COMPRESSED) {
            return ret < 0 ? ret : 1;
        }
    }
    return 0;
}

static int coroutine_fn check_downgrade(Amend *a)
{
    const Qcow2State *s = a->s;
    uint64_t features = s->h.incompat &
                        ~(QCOW2_INCOMPAT_DIRTY | QCOW2_INCOMPAT_COMPRESSION);
    int ret;

    if (s->refcount_order != 4) {
        error_setg(a->errp, "compat=0.10 requires refcount_bits=16");
        return -ENOTSUP;
    }
    if (s->has_data_file) {
        error_setg(a->errp, "Cannot downgrade an image with a data file");
        return -ENOTSUP;
    }
    if (features) {
        error_setg(a->errp,
                   "Cannot downgrade an image with incompatible features "
                   "0x%" PRIx64 " set",
                   features);
        return -ENOTSUP;
    }
    ret = check_v2_snapshots(a);
    if (ret >= 0 && s->h.compression != QCOW2_COMPRESSION_ZLIB) {
        ret = find_compressed(a);
        if (ret > 0) {
            error_setg(a->errp, "Cannot downgrade an image with zstd "
                                "compression type and existing compressed "
                                "clusters");
            ret = -ENOTSUP;
        } else if (ret < 0) {
            error_setg_errno(a->errp, -ret, "Could not read the image");
        }
    }
    return MIN(ret, 0);
}

static int coroutine_fn write_zero_clusters(Amend *a, uint64_t offset,
                                            uint64_t bytes)
{
    Qcow2State *s = a->s;
    QEMU_AUTO_VFREE void *buf = bdrv_try_blockalign(a->bs, s->cluster_size);
    int ret = buf ? 0 : -ENOMEM;

    if (buf) {
        memset(buf, 0, s->cluster_size);
    }
    while (bytes && ret >= 0) {
        uint64_t n = MIN(bytes, s->cluster_size);
        QEMUIOVector qiov = QEMU_IOVEC_INIT_BUF(qiov, buf, n);

        ret = qcow2_co_pwritev(a->bs, offset, n, &qiov, 0);
        offset += n;
        bytes -= n;
    }
    return ret;
}

/* Zero clusters become data where something would show through, and nothing
 * elsewhere. */
static int coroutine_fn expand_zeroes(Amend *a)
{
    Qcow2State *s = a->s;
    uint64_t end = (uint64_t)s->l1_size << (s->cluster_bits + s->l2_bits);
    Qcow2Mapping m;
    int ret = 0;

    for (uint64_t pos = 0; pos < end && ret >= 0; pos += m.bytes) {
        /* Behind the end of the disk there is no backing image, either */
        bool inside = pos < s->h.size;
        uint64_t limit = inside ? ROUND_UP(s->h.size, s->cluster_size) : end;

        ret = qcow2_co_map(a->bs, pos, limit - pos, &m);
        if (ret >= 0 && (m.type == QCOW2_CLUSTER_ZERO_PLAIN ||
                         m.type == QCOW2_CLUSTER_ZERO_ALLOC)) {
            ret = inside && a->bs->backing
                      ? write_zero_clusters(a, pos, m.bytes)
                      : qcow2_co_forget(a->bs, pos, m.bytes);
        }
        show(a->bs, pos, end, a);
    }
    return ret;
}

static int coroutine_fn downgrade(Amend *a)
{
    Qcow2State *s = a->s;
    int ret = expand_zeroes(a);

    if (ret >= 0) {
        ret = qcow2_co_flush_metadata(a->bs);
    }
    if (ret >= 0) {
        ret = bdrv_co_flush(a->bs->file->bs);
    }
    if (ret >= 0) {
        s->h.incompat = s->h.compat = s->h.autoclear = 0;
        s->h.compression = QCOW2_COMPRESSION_ZLIB;
        ret = qcow2_co_write_version(a->bs, 2);
    }
    return ret;
}

/* --- other steps --- */

static int coroutine_fn change_width(Amend *a)
{
    return qcow2_co_change_refcount_order(
        a->bs, __builtin_ctzll(a->refcount_bits), show, a, a->errp);
}

static int change_refcount_bits(Amend *a)
{
    int ret;

    if (a->refcount_bits == UINT64_C(1) << a->s->refcount_order) {
        return 0;
    }
    if (a->version < 3 && a->refcount_bits != 16) {
        error_setg(a->errp, "Refcount widths other than 16 bits require "
                            "compatibility level 1.1 or above (use "
                            "compat=1.1 or greater)");
        return -EINVAL;
    }
    ret = run_step(a, change_width, NULL);
    a->op++;
    return ret;
}

static int change_data_file(Amend *a)
{
    Qcow2State *s = a->s;

    if (a->raw != s->data_file_raw) {
        s->data_file_raw = a->raw;
        s->h.autoclear &= ~QCOW2_AUTOCLEAR_DATA_RAW;
        a->have_data_file = true;
    }
    if (a->data_file) {
        g_free(s->h.data_file);
        s->h.data_file = *a->data_file ? g_strdup(a->data_file) : NULL;
        a->have_data_file = true;
    }
    return a->have_data_file
               ? run_step(a, rewrite_header, "Could not write qcow2 header")
               : 0;
}

static int check_backing(Amend *a)
{
    const Qcow2Header *h = &a->s->h;

    if ((a->backing_file || a->backing_fmt) &&
        (g_strcmp0(a->backing_file, h->backing_file) ||
         g_strcmp0(a->backing_fmt, h->backing_format))) {
        error_setg(a->errp, "Cannot amend the backing file");
        error_append_hint(a->errp, "You can use 'qemu-img rebase' instead.\n");
        return -EINVAL;
    }
    return 0;
}

static int change_lazy(Amend *a)
{
    Qcow2State *s = a->s;

    if (a->lazy == !!(s->h.compat & QCOW2_COMPAT_LAZY)) {
        return 0;
    }
    if (a->lazy && a->version < 3) {
        error_setg(a->errp, "Lazy refcounts only supported with compatibility "
                            "level 1.1 and above (use compat=1.1 or greater)");
        return -EINVAL;
    }
    s->h.compat ^= QCOW2_COMPAT_LAZY;
    return run_step(a, rewrite_header, "Failed to update the image header");
}

static int change_size(Amend *a)
{
    g_autoptr(BlockBackend) blk = NULL;

    if (!a->size || a->size == a->s->h.size) {
        return 0;
    }
    blk = blk_new_with_bs(a->bs, BLK_PERM_RESIZE, BLK_PERM_ALL, a->errp);
    if (!blk) {
        return -EPERM;
    }
    return blk_truncate(blk, MIN(a->size, (uint64_t)INT64_MAX), false,
                        PREALLOC_MODE_OFF, 0, a->errp);
}

static int change_version(Amend *a, uint32_t version)
{
    int ret;

    if (version == 3) {
        show(a->bs, 0, 2, a);
        ret = run_step(a, upgrade, "Could not write qcow2 header");
        show(a->bs, 1, 2, a);
        show(a->bs, 2, 2, a);
    } else {
        ret = run_step(a, check_downgrade, NULL);
        if (ret >= 0) {
            ret = run_step(a, downgrade,
                           "Failed to turn zero into data "
                           "clusters");
        }
    }
    a->op++;
    return ret;
}

int qcow2_amend_options(BlockDriverState *bs, QDict *opts,
                        BdrvAmendStatusCB *cb, void *cb_opaque, bool force,
                        Error **errp)
{
    Qcow2State *s = bs->opaque;
    g_auto(Amend) a = {
        .bs = bs, .s = s, .cb = cb, .cb_opaque = cb_opaque, .errp = errp
    };
    uint32_t old_version = s->h.version;
    bool lazy = s->lazy, was_lazy = s->h.compat & QCOW2_COMPAT_LAZY;
    int ret;
    ERRP_GUARD();

    a.errp = errp;
    if (!take_options(&a, opts)) {
        return -EINVAL;
    }
    a.nb_ops = (a.version != old_version) +
               (a.refcount_bits != UINT64_C(1) << s->refcount_order);
    /* No step has to think of refcounts that the file does not have */
    ret = qcow2_lazy_finish(bs);
    if (ret < 0) {
        error_setg_errno(errp, -ret, "Could not write refcounts");
        return ret;
    }
    if (a.version > old_version) {
        ret = change_version(&a, 3);
    }
    if (ret >= 0 && a.encryption) {
        ret = qcow2_crypt_amend(bs, opts, force, errp);
    }
    if (ret >= 0) {
        ret = change_refcount_bits(&a);
    }
    if (ret >= 0) {
        ret = change_data_file(&a);
    }
    if (ret >= 0) {
        ret = check_backing(&a);
    }
    if (ret >= 0) {
        ret = change_lazy(&a);
    }
    if (ret >= 0) {
        ret = change_size(&a);
    }
    if (ret >= 0 && a.version < old_version) {
        ret = change_version(&a, 2);
    }
    qemu_mutex_lock(&s->lock);
    s->lazy = s->h.version >= 3 &&
              (ret >= 0 && a.lazy != was_lazy ? a.lazy : lazy);
    qemu_mutex_unlock(&s->lock);
    bs->supported_zero_flags = s->h.version >= 3
                                   ? BDRV_REQ_MAY_UNMAP | BDRV_REQ_NO_FALLBACK
                                   : 0;
    return ret;
}
