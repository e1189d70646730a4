/*
 * Scatter/gather lists.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "util/buffer.h"
#include "util/iov.h"

size_t iov_size(const struct iovec *iov, unsigned iovcnt)
{
    size_t size = 0;

    for (unsigned i = 0; i < iovcnt; i++) {
        size += iov[i].iov_len;
    }
    return size;
}

/*
 * The pieces of a byte range of a list, one after the other: piece_next()
 * returns the length of the next piece, 0 at the end.
 */
typedef struct Piece {
    const struct iovec *iov;
    unsigned left; /* elements from iov on */
    size_t offset; /* into *iov */
    size_t bytes;  /* of the range still to come */
    char *base;    /* the piece at hand */
} Piece;

static Piece piece_begin(const struct iovec *iov, unsigned iovcnt,
                         size_t offset, size_t bytes)
{
    while (iovcnt && offset >= iov->iov_len) {
        offset -= iov->iov_len;
        iov++;
        iovcnt--;
    }
    return (
        Piece){ .iov = iov, .left = iovcnt, .offset = offset, .bytes = bytes };
}

static size_t piece_next(Piece *p)
{
    while (p->bytes && p->left) {
        size_t len = MIN(p->bytes, p->iov->iov_len - p->offset);

        p->base = (char *)p->iov->iov_base + p->offset;
        p->iov++;
        p->left--;
        p->offset = 0;
        p->bytes -= len;
        if (len) {
            return len;
        }
    }
    return 0;
}

size_t iov_from_buf(const struct iovec *iov, unsigned iovcnt, size_t offset,
                    const void *buf, size_t bytes)
{
    Piece p = piece_begin(iov, iovcnt, offset, bytes);
    size_t len, done = 0;

    while ((len = piece_next(&p))) {
        memcpy(p.base, (const char *)buf + done, len);
        done += len;
    }
    return done;
}

size_t iov_to_buf(const struct iovec *iov, unsigned iovcnt, size_t offset,
                  void *buf, size_t bytes)
{
    Piece p = piece_begin(iov, iovcnt, offset, bytes);
    size_t len, done = 0;

    while ((len = piece_next(&p))) {
        memcpy((char *)buf + done, p.base, len);
        done += len;
    }
    return done;
}

size_t iov_memset(const struct iovec *iov, unsigned iovcnt, size_t offset,
                  int fillc, size_t bytes)
{
    Piece p = piece_begin(iov, iovcnt, offset, bytes);
    size_t len, done = 0;

    while ((len = piece_next(&p))) {
        memset(p.base, fillc, len);
        done += len;
    }
    return done;
}

bool iov_is_zero(const struct iovec *iov, unsigned iovcnt, size_t offset,
                 size_t bytes)
{
    Piece p = piece_begin(iov, iovcnt, offset, bytes);
    size_t len;

    while ((len = piece_next(&p))) {
        if (!buffer_is_zero(p.base, len)) {
            return false;
        }
    }
    return true;
}

unsigned iov_copy(struct iovec *dst, unsigned dst_cnt, const struct iovec *iov,
                  unsigned iovcnt, size_t offset, size_t bytes)
{
    Piece p = piece_begin(iov, iovcnt, offset, bytes);
    unsigned n = 0;
    size_t len;

    while (n < dst_cnt && (len = piece_next(&p))) {
        dst[n++] = (struct iovec){ .iov_base = p.base, .iov_len = len };
    }
    return n;
}

size_t iov_discard_front(struct iovec **iov, unsigned *iovcnt, size_t bytes)
{
    size_t done = 0;

    while (*iovcnt && bytes - done >= (*iov)->iov_len) {
        done += (*iov)->iov_len;
        (*iov)++;
        (*iovcnt)--;
    }
    if (*iovcnt && done < bytes) {
        (*iov)->iov_base = (char *)(*iov)->iov_base + (bytes - done);
        (*iov)->iov_len -= bytes - done;
        done = bytes;
    }
    return done;
}

size_t iov_discard_back(struct iovec *iov, unsigned *iovcnt, size_t bytes)
{
    size_t done = 0;

    while (*iovcnt && bytes - done >= iov[*iovcnt - 1].iov_len) {
        (*iovcnt)--;
        done += iov[*iovcnt].iov_len;
    }
    if (*iovcnt && done < bytes) {
        iov[*iovcnt - 1].iov_len -= bytes - done;
        done = bytes;
    }
    return done;
}

/* --- QEMUIOVector --- */

void qemu_iovec_init(QEMUIOVector *qiov, int alloc_hint)
{
    *qiov = (QEMUIOVector){
        .iov = g_new(struct iovec, alloc_hint),
        .nalloc = alloc_hint,
    };
}

void qemu_iovec_init_external(QEMUIOVector *qiov, struct iovec *iov, int niov)
{
    *qiov = (QEMUIOVector){
        .iov = iov, .niov = niov, .nalloc = -1, .size = iov_size(iov, niov)
    };
}

void qemu_iovec_init_buf(QEMUIOVector *qiov, void *buf, size_t len)
{
    *qiov = (QEMUIOVector)QEMU_IOVEC_INIT_BUF(*qiov, buf, len);
}

void qemu_iovec_init_slice(QEMUIOVector *qiov, const QEMUIOVector *source,
                           size_t offset, size_t len)
{
    assert(offset <= source->size && len <= source->size - offset);
    qemu_iovec_init(qiov, source->niov);
    qemu_iovec_concat(qiov, source, offset, len);
}

void qemu_iovec_destroy(QEMUIOVector *qiov)
{
    if (qiov->nalloc != -1) {
        g_free(qiov->iov);
    }
    memset(qiov, 0, sizeof(*qiov));
}

void qemu_iovec_reset(QEMUIOVector *qiov)
{
    assert(qiov->nalloc != -1);
    qiov->niov = 0;
    qiov->size = 0;
}

void qemu_iovec_add(QEMUIOVector *qiov, void *base, size_t len)
{
    assert(qiov->nalloc != -1);
    if (qiov->niov == qiov->nalloc) {
        qiov->nalloc = 2 * qiov->nalloc + 1;
        qiov->iov = g_renew(struct iovec, qiov->iov, qiov->nalloc);
    }
    qiov->iov[qiov->niov++] = (struct iovec){ .iov_base = base,
                                              .iov_len = len };
    qiov->size += len;
}

size_t qemu_iovec_concat_iov(QEMUIOVector *dst, const struct iovec *src_iov,
                             unsigned src_cnt, size_t offset, size_t bytes)
{
    Piece p = piece_begin(src_iov, src_cnt, offset, bytes);
    size_t len, done = 0;

    while ((len = piece_next(&p))) {
        qemu_iovec_add(dst, p.base, len);
        done += len;
    }
    return done;
}

void qemu_iovec_concat(QEMUIOVector *dst, const QEMUIOVector *src,
                       size_t offset, size_t bytes)
{
    qemu_iovec_concat_iov(dst, src->iov, src->niov, offset, bytes);
}

size_t qemu_iovec_to_buf(const QEMUIOVector *qiov, size_t offset, void *buf,
                         size_t bytes)
{
    return iov_to_buf(qiov->iov, qiov->niov, offset, buf, bytes);
}

size_t qemu_iovec_from_buf(const QEMUIOVector *qiov, size_t offset,
                           const void *buf, size_t bytes)
{
    return iov_from_buf(qiov->iov, qiov->niov, offset, buf, bytes);
}

size_t qemu_iovec_memset(const QEMUIOVector *qiov, size_t offset, int fillc,
                         size_t bytes)
{
    return iov_memset(qiov->iov, qiov->niov, offset, fillc, bytes);
}

bool qemu_iovec_is_zero(const QEMUIOVector *qiov, size_t offset, size_t bytes)
{
    return iov_is_zero(qiov->iov, qiov->niov, offset, bytes);
}

ssize_t qemu_iovec_compare(const QEMUIOVector *a, const QEMUIOVector *b)
{
    Piece pa = piece_begin(a->iov, a->niov, 0, a->size);
    Piece pb = piece_begin(b->iov, b->niov, 0, b->size);
    size_t la = piece_next(&pa), lb = piece_next(&pb), done = 0;

    assert(a->size == b->size);
    while (la && lb) {
        size_t len = MIN(la, lb);

        for (size_t i = 0; memcmp(pa.base, pb.base, len) && i < len; i++) {
            if (pa.base[i] != pb.base[i]) {
                return done + i;
            }
        }
        done += len;
        pa.base += len;
        pb.base += len;
        la = la > len ? la - len : piece_next(&pa);
        lb = lb > len ? lb - len : piece_next(&pb);
    }
    return -1;
}
