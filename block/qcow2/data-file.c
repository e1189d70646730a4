/*
 * External data files: the guest's data lie in a file of their own, each
 * cluster at its guest offset; the image has the tables only.
 *
 * Data clusters have no refcounts then, and are never given to another owner:
 * what allocates or frees one has the guest offset's reservation (write.c),
 * and discards go to the data file before the L2 entry changes, so that a
 * later write to the same place cannot be hit.
 *
 * "Raw": the data file must stay readable as a raw image without us, so zeroes
 * are in it, too.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/qcow2/qcow2.h"
#include "util/atomic.h"

int qcow2_open_data_file(BlockDriverState *bs, QDict *options, int flags,
                         Error **errp)
{
    Qcow2State *s = bs->opaque;
    bool wanted = s->h.incompat & QCOW2_INCOMPAT_DATA_FILE;
    QDict *given;
    Error *local_err = NULL;

    s->data_file = bs->file;
    s->has_data_file = wanted;
    s->data_file_raw = wanted && (s->h.autoclear & QCOW2_AUTOCLEAR_DATA_RAW);
    if (wanted && (flags & BDRV_O_NO_IO)) {
        /* Nobody will read: the file need not be there */
        s->data_file = NULL;
        qdict_extract_subqdict(options, &given, "data-file.");
        qobject_unref(given);
        qdict_del(options, "data-file");
        return 0;
    }
    if (wanted) {
        s->data_file = bdrv_open_child(NULL, options, "data-file", bs,
                                       &child_of_bds, BDRV_CHILD_DATA, true,
                                       &local_err);
        if (!s->data_file && !local_err && s->h.data_file) {
            /* As an option: the image's word is a name, not "json:..." */
            qdict_put_str(options, "data-file.filename", s->h.data_file);
            s->data_file = bdrv_open_child(NULL, options, "data-file", bs,
                                           &child_of_bds, BDRV_CHILD_DATA,
                                           false, &local_err);
        }
        if (!s->data_file && !local_err) {
            error_setg(&local_err, "'data-file' is required for this image");
        }
    } else if (bdrv_open_child(NULL, options, "data-file", bs, &child_of_bds,
                               BDRV_CHILD_DATA, true, &local_err)) {
        error_setg(&local_err, "'data-file' can only be set for images with "
                               "an external data file");
    }
    if (local_err) {
        error_propagate(errp, local_err);
        return -EINVAL;
    }
    return 0;
}

int coroutine_fn qcow2_co_data_zero(BlockDriverState *bs, uint64_t offset,
                                    uint64_t bytes, bool unmap)
{
    Qcow2State *s = bs->opaque;
    uint64_t len;
    int ret;

    if (!s->has_data_file) {
        return 0;
    }
    len = qatomic_read(&s->data_file->bs->total_bytes);
    if (offset >= len) {
        return 0; /* what is behind the end reads as zero */
    }
    bytes = MIN(bytes, len - offset);
    if (s->data_file_raw) {
        return bdrv_co_pwrite_zeroes(s->data_file, offset, bytes,
                                     unmap ? BDRV_REQ_MAY_UNMAP : 0);
    }
    if (!unmap || !s->discard_request) {
        return 0; /* the tables say it */
    }
    /* Not a discard: until the tables are in the file, the old ones count,
     * and the guest may see the old data or zeroes, nothing else */
    ret = bdrv_co_pwrite_zeroes(s->data_file, offset, bytes,
                                BDRV_REQ_MAY_UNMAP | BDRV_REQ_NO_FALLBACK);
    return ret == -ENOTSUP ? 0 : ret;
}

bool coroutine_fn qcow2_co_data_is_zero(BlockDriverState *bs, uint64_t offset,
                                        uint64_t bytes)
{
    Qcow2State *s = bs->opaque;
    uint64_t len = qatomic_read(&s->data_file->bs->total_bytes);

    return offset >= len || bdrv_co_is_zero(s->data_file->bs, offset,
                                            MIN(bytes, len - offset)) == 1;
}

int coroutine_fn qcow2_co_data_grow(BlockDriverState *bs, uint64_t old,
                                    uint64_t new, bool exact, bool prealloc,
                                    Error **errp)
{
    Qcow2State *s = bs->opaque;
    uint64_t len, end = ROUND_UP(new, s->cluster_size);
    int ret = 0;

    if (!s->has_data_file) {
        return 0;
    }
    len = qatomic_read(&s->data_file->bs->total_bytes);
    if ((s->data_file_raw || prealloc) && old < len) {
        /* What is behind the end of the disk becomes a part of it */
        ret = bdrv_co_pwrite_zeroes(s->data_file, old, MIN(end, len) - old, 0);
    }
    if (ret < 0) {
        error_setg_errno(errp, -ret, "Failed to zero out the new area");
        return ret;
    }
    if (prealloc) {
        return 0; /* preallocating makes it longer, in its mode */
    }
    return bdrv_co_truncate(s->data_file, new, exact && s->data_file_raw,
                            PREALLOC_MODE_OFF, 0, errp);
}
