/*
 * The streams of compressed clusters.
 *
 * Thread: any; each worker keeps its contexts until it ends.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef BLOCK_QCOW2_CODEC_H
#define BLOCK_QCOW2_CODEC_H

/* @kind: QCOW2_COMPRESSION_*. */

/* The stream's bytes; -ENOMEM: it would be longer than @dst_size; -EIO.
 * @index: the cluster's in the disk. */
int qcow2_compress(uint8_t kind, unsigned index, void *dst, size_t dst_size,
                   const void *src, size_t src_size);
/* Fill @dst; what stands behind the stream in @src does not matter. 0, or -EIO
 * for what is no stream of that many bytes. */
int qcow2_decompress(uint8_t kind, void *dst, size_t dst_size, const void *src,
                     size_t src_size);

#endif
