/*
 * Images that break the format while they are in use.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/qcow2/qcow2.h"
#include "util/atomic.h"
#include "util/error-report.h"

int coroutine_fn qcow2_co_corrupt(BlockDriverState *bs, const char *fmt, ...)
{
    Qcow2State *s = bs->opaque;
    g_autofree char *msg = NULL;
    bool first;
    uint8_t buf[8];
    va_list ap;

    qemu_mutex_lock(&s->lock);
    first = !s->signaled;
    s->signaled = true;
    if (!bs->read_only) {
        qatomic_set(&s->corrupt, true);
        qatomic_set(&s->write_ready, false);
    }
    qemu_mutex_unlock(&s->lock);
    if (!first) {
        return -EIO;
    }
    va_start(ap, fmt);
    msg = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    if (bs->read_only) {
        fprintf(stderr,
                "qcow2: Image is corrupt: %s; further non-fatal corruption "
                "events will be suppressed\n",
                msg);
        return -EIO;
    }
    fprintf(stderr,
            "qcow2: Marking image as corrupt: %s; further corruption events "
            "will be suppressed\n",
            msg);
    if (s->h.version >= 3) {
        s->h.incompat |= QCOW2_INCOMPAT_CORRUPT;
        qcow2_stq(buf, s->h.incompat);
        if (bdrv_co_pwrite(bs->file, QCOW2_H_INCOMPAT, 8, buf, 0) >= 0) {
            bdrv_co_flush(bs->file->bs);
        }
    }
    return -EIO;
}
