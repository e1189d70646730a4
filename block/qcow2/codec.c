/*
 * The streams of compressed clusters: raw deflate and zstd.
 *
 * Deflate by libdeflate where there is one: several times as fast as zlib.
 * It looks back 32 KiB where QEMU's streams look back 4 KiB at most; whoever
 * inflates a cluster into one buffer, as QEMU does, reads both.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "config-host.h"

#include <zlib.h>
#include <zstd.h>
#if CONFIG_LIBDEFLATE
#include <libdeflate.h>
#endif

#include "block/qcow2/codec.h"
#include "block/qcow2/format.h"

/* How QEMU writes deflate streams; without header. */
#define DEFLATE_WINDOW (-12)

/* --- a thread's contexts --- */

typedef struct Contexts {
    ZSTD_CCtx *zc;
    ZSTD_DCtx *zd;
#if CONFIG_LIBDEFLATE
    struct libdeflate_compressor *dc[2]; /* levels 1 and 2 */
    struct libdeflate_decompressor *dd;
#endif
} Contexts;

static void contexts_free(void *opaque)
{
    Contexts *c = opaque;

    ZSTD_freeCCtx(c->zc);
    ZSTD_freeDCtx(c->zd);
#if CONFIG_LIBDEFLATE
    for (int i = 0; i < 2; i++) {
        if (c->dc[i]) {
            libdeflate_free_compressor(c->dc[i]);
        }
    }
    if (c->dd) {
        libdeflate_free_decompressor(c->dd);
    }
#endif
    g_free(c);
}

static Contexts *contexts(void)
{
    static GPrivate key = G_PRIVATE_INIT(contexts_free);
    Contexts *c = g_private_get(&key);

    if (!c) {
        c = g_new0(Contexts, 1);
        g_private_set(&key, c);
    }
    return c;
}

/* --- deflate --- */

static int zlib_inflate(void *dst, size_t dst_size, const void *src,
                        size_t src_size)
{
    z_stream strm = { .next_in = (void *)src,
                      .avail_in = src_size,
                      .next_out = dst,
                      .avail_out = dst_size };
    int ret = inflateInit2(&strm, DEFLATE_WINDOW);

    if (ret != Z_OK) {
        return -EIO;
    }
    ret = inflate(&strm, Z_FINISH);
    inflateEnd(&strm);
    /* Whole sectors are read: the stream may end before */
    return (ret == Z_STREAM_END || ret == Z_BUF_ERROR) && !strm.avail_out
               ? 0
               : -EIO;
}

#if CONFIG_LIBDEFLATE
/*
 * Not more than zlib makes of it as QEMU calls it: on programs, libraries and
 * documents that takes three clusters of four at level 2 (a third slower).
 * Which ones is told by @index, so that the same disk becomes the same streams.
 */
static int deflate_compress(unsigned index, void *dst, size_t dst_size,
                            const void *src, size_t src_size)
{
    Contexts *c = contexts();
    int level = index % 4 ? 2 : 1;
    size_t size;

    if (!c->dc[level - 1]) {
        c->dc[level - 1] = libdeflate_alloc_compressor(level);
    }
    if (!c->dc[level - 1]) {
        return -EIO;
    }
    size = libdeflate_deflate_compress(c->dc[level - 1], src, src_size, dst,
                                       dst_size);
    return size ? (int)size : -ENOMEM;
}

static int deflate_decompress(void *dst, size_t dst_size, const void *src,
                              size_t src_size)
{
    Contexts *c = contexts();
    size_t in;

    if (!c->dd) {
        c->dd = libdeflate_alloc_decompressor();
    }
    if (c->dd &&
        libdeflate_deflate_decompress_ex(c->dd, src, src_size, dst, dst_size,
                                         &in, NULL) == LIBDEFLATE_SUCCESS) {
        return 0;
    }
    /* A stream that goes on behind the cluster's end is QEMU's to judge */
    return zlib_inflate(dst, dst_size, src, src_size);
}
#else
static int deflate_compress(unsigned index, void *dst, size_t dst_size,
                            const void *src, size_t src_size)
{
    z_stream strm = { .next_in = (void *)src,
                      .avail_in = src_size,
                      .next_out = dst,
                      .avail_out = dst_size };
    int ret = deflateInit2(&strm, Z_DEFAULT_COMPRESSION, Z_DEFLATED,
                           DEFLATE_WINDOW, 9, Z_DEFAULT_STRATEGY);
    size_t size;

    if (ret != Z_OK) {
        return -EIO;
    }
    ret = deflate(&strm, Z_FINISH);
    size = dst_size - strm.avail_out;
    deflateEnd(&strm);
    return ret == Z_STREAM_END ? (int)size : -ENOMEM;
}

static int deflate_decompress(void *dst, size_t dst_size, const void *src,
                              size_t src_size)
{
    return zlib_inflate(dst, dst_size, src, src_size);
}
#endif

/* --- zstd --- */

/*
 * Level 3, as QEMU has it, but always with the tables that zstd takes for long
 * sources: for what is as short as a cluster that is a tenth faster, and the
 * streams are not longer. Not so for the shortest, whose level 3 is another.
 */
#define ZSTD_HASH_LOG   17
#define ZSTD_CHAIN_LOG  16
#define ZSTD_LONG_TABLE (16 * KiB) /* longer ones only */

static ZSTD_CCtx *new_zstd_context(void)
{
    ZSTD_CCtx *zc = ZSTD_createCCtx();

    if (zc) {
        ZSTD_CCtx_setParameter(zc, ZSTD_c_compressionLevel,
                               ZSTD_CLEVEL_DEFAULT);
        ZSTD_CCtx_setParameter(zc, ZSTD_c_strategy, ZSTD_dfast);
        ZSTD_CCtx_setParameter(zc, ZSTD_c_minMatch, 5);
        ZSTD_CCtx_setParameter(zc, ZSTD_c_hashLog, ZSTD_HASH_LOG);
        ZSTD_CCtx_setParameter(zc, ZSTD_c_chainLog, ZSTD_CHAIN_LOG);
    }
    return zc;
}

static int zstd_compress(void *dst, size_t dst_size, const void *src,
                         size_t src_size)
{
    Contexts *c = contexts();
    size_t size;

    if (!c->zc) {
        c->zc = new_zstd_context();
    }
    if (!c->zc) {
        return -EIO;
    }
    size = src_size > ZSTD_LONG_TABLE
               ? ZSTD_compress2(c->zc, dst, dst_size, src, src_size)
               : ZSTD_compressCCtx(c->zc, dst, dst_size, src, src_size,
                                   ZSTD_CLEVEL_DEFAULT);
    return ZSTD_isError(size) ? -ENOMEM : (int)size;
}

static int zstd_decompress(void *dst, size_t dst_size, const void *src,
                           size_t src_size)
{
    Contexts *c = contexts();
    ZSTD_inBuffer in = { src, src_size, 0 };
    ZSTD_outBuffer out = { dst, dst_size, 0 };
    size_t ret = 0;

    if (!c->zd) {
        c->zd = ZSTD_createDCtx();
    }
    if (!c->zd) {
        return -EIO;
    }
    ZSTD_DCtx_reset(c->zd, ZSTD_reset_session_only);
    while (out.pos < out.size) {
        size_t in_before = in.pos, out_before = out.pos;

        ret = ZSTD_decompressStream(c->zd, &out, &in);
        if (ZSTD_isError(ret) ||
            (in.pos == in_before && out.pos == out_before)) {
            break;
        }
    }
    return out.pos == out.size && !ZSTD_isError(ret) ? 0 : -EIO;
}

/* --- by kind --- */

int qcow2_compress(uint8_t kind, unsigned index, void *dst, size_t dst_size,
                   const void *src, size_t src_size)
{
    return kind == QCOW2_COMPRESSION_ZSTD
               ? zstd_compress(dst, dst_size, src, src_size)
               : deflate_compress(index, dst, dst_size, src, src_size);
}

int qcow2_decompress(uint8_t kind, void *dst, size_t dst_size, const void *src,
                     size_t src_size)
{
    return kind == QCOW2_COMPRESSION_ZSTD
               ? zstd_decompress(dst, dst_size, src, src_size)
               : deflate_decompress(dst, dst_size, src, src_size);
}
