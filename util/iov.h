/*
 * Scatter/gather lists: plain iovec arrays, and QEMUIOVector, which grows and
 * knows its size.
 *
 * Byte counts are clipped to what the list holds, and the number of bytes
 * really handled is returned.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef UTIL_IOV_H
#define UTIL_IOV_H

size_t iov_size(const struct iovec *iov, unsigned iovcnt);
size_t iov_from_buf(const struct iovec *iov, unsigned iovcnt, size_t offset,
                    const void *buf, size_t bytes);
size_t iov_to_buf(const struct iovec *iov, unsigned iovcnt, size_t offset,
                  void *buf, size_t bytes);
size_t iov_memset(const struct iovec *iov, unsigned iovcnt, size_t offset,
                  int fillc, size_t bytes);
/* Does every byte of the range hold zero?  (An empty range does.) */
bool iov_is_zero(const struct iovec *iov, unsigned iovcnt, size_t offset,
                 size_t bytes);
/* @dst (room for @dst_cnt) = the bytes of that range; number of elements. */
unsigned iov_copy(struct iovec *dst, unsigned dst_cnt, const struct iovec *iov,
                  unsigned iovcnt, size_t offset, size_t bytes);
/* Cut @bytes off the front/end, changing the elements; bytes cut. */
size_t iov_discard_front(struct iovec **iov, unsigned *iovcnt, size_t bytes);
size_t iov_discard_back(struct iovec *iov, unsigned *iovcnt, size_t bytes);

typedef struct QEMUIOVector {
    struct iovec *iov;
    int niov;
    int nalloc; /* -1: iov is the owner's (init_external, init_buf) */
    size_t size;
    struct iovec local_iov; /* init_buf's one element */
} QEMUIOVector;

/* A list of the one buffer; needs no destroy. */
#define QEMU_IOVEC_INIT_BUF(self, buf, len)                               \
    {                                                                     \
        .iov = &(self).local_iov, .niov = 1, .nalloc = -1, .size = (len), \
        .local_iov = { .iov_base = (void *)(buf), .iov_len = (len) },     \
    }

void qemu_iovec_init(QEMUIOVector *qiov, int alloc_hint);
void qemu_iovec_init_external(QEMUIOVector *qiov, struct iovec *iov, int niov);
void qemu_iovec_init_buf(QEMUIOVector *qiov, void *buf, size_t len);
/* The part of @source at @offset of @len bytes; destroy it afterwards. */
void qemu_iovec_init_slice(QEMUIOVector *qiov, const QEMUIOVector *source,
                           size_t offset, size_t len);
void qemu_iovec_destroy(QEMUIOVector *qiov);
void qemu_iovec_reset(QEMUIOVector *qiov);
void qemu_iovec_add(QEMUIOVector *qiov, void *base, size_t len);
/* Append that part of @src; the elements are shared, not copied. */
void qemu_iovec_concat(QEMUIOVector *dst, const QEMUIOVector *src,
                       size_t offset, size_t bytes);
size_t qemu_iovec_concat_iov(QEMUIOVector *dst, const struct iovec *src_iov,
                             unsigned src_cnt, size_t offset, size_t bytes);
size_t qemu_iovec_to_buf(const QEMUIOVector *qiov, size_t offset, void *buf,
                         size_t bytes);
size_t qemu_iovec_from_buf(const QEMUIOVector *qiov, size_t offset,
                           const void *buf, size_t bytes);
size_t qemu_iovec_memset(const QEMUIOVector *qiov, size_t offset, int fillc,
                         size_t bytes);
bool qemu_iovec_is_zero(const QEMUIOVector *qiov, size_t offset, size_t bytes);
/* The first offset at which the two differ, or -1 (same size only). */
ssize_t qemu_iovec_compare(const QEMUIOVector *a, const QEMUIOVector *b);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(QEMUIOVector, qemu_iovec_destroy)

#endif
