/*
 * What a failed request of a device does: the error policy, the I/O status
 * and the BLOCK_IO_ERROR event.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/blk-int.h"
#include "qapi/qapi-events-block-core.h"
#include "util/atomic.h"
#include "util/main-loop.h"

static void (*vmstop_hook)(void); /* fixed by system/ before requests run */

void blk_set_vmstop_hook(void (*hook)(void))
{
    vmstop_hook = hook;
}

/* --- policy --- */

void blk_set_on_error(BlockBackend *blk, BlockdevOnError on_read_error,
                      BlockdevOnError on_write_error)
{
    qatomic_set(&blk->on_read_error, on_read_error);
    qatomic_set(&blk->on_write_error, on_write_error);
}

BlockdevOnError blk_get_on_error(const BlockBackend *blk, bool is_read)
{
    return is_read ? qatomic_read(&blk->on_read_error)
                   : qatomic_read(&blk->on_write_error);
}

BlockErrorAction blk_get_error_action(const BlockBackend *blk, bool is_read,
                                      int error)
{
    switch (blk_get_on_error(blk, is_read)) {
    case BLOCKDEV_ON_ERROR_ENOSPC:
        return error == ENOSPC ? BLOCK_ERROR_ACTION_STOP
                               : BLOCK_ERROR_ACTION_REPORT;
    case BLOCKDEV_ON_ERROR_STOP:
        return BLOCK_ERROR_ACTION_STOP;
    case BLOCKDEV_ON_ERROR_IGNORE:
        return BLOCK_ERROR_ACTION_IGNORE;
    case BLOCKDEV_ON_ERROR_REPORT:
    case BLOCKDEV_ON_ERROR_AUTO:
    default:
        return BLOCK_ERROR_ACTION_REPORT;
    }
}

/* --- I/O status --- */

void blk_iostatus_enable(BlockBackend *blk)
{
    blk->iostatus_enabled = true;
    qatomic_set(&blk->iostatus, BLOCK_DEVICE_IO_STATUS_OK);
}

void blk_iostatus_disable(BlockBackend *blk)
{
    blk->iostatus_enabled = false;
}

void blk_iostatus_reset(BlockBackend *blk)
{
    if (blk_iostatus_is_enabled(blk)) {
        qatomic_set(&blk->iostatus, BLOCK_DEVICE_IO_STATUS_OK);
    }
}

bool blk_iostatus_is_enabled(const BlockBackend *blk)
{
    BlockdevOnError on_write = blk_get_on_error(blk, false);

    /* It says why the VM stopped: only where errors stop it */
    return blk->iostatus_enabled &&
           (on_write == BLOCKDEV_ON_ERROR_ENOSPC ||
            on_write == BLOCKDEV_ON_ERROR_STOP ||
            blk_get_on_error(blk, true) == BLOCKDEV_ON_ERROR_STOP);
}

BlockDeviceIoStatus blk_iostatus(const BlockBackend *blk)
{
    return qatomic_read(&blk->iostatus);
}

/* --- action --- */

typedef struct ErrorNote {
    BlockBackend *blk;
    BlockErrorAction action;
    bool is_read;
    int error;
} ErrorNote;

static void send_event(const ErrorNote *n)
{
    BlockBackend *blk = n->blk;
    BlockDriverState *bs = blk_bs(blk);
    g_autofree char *path = NULL;

    if (blk->dev_ops && blk->dev_ops->get_path) {
        path = blk->dev_ops->get_path(blk->dev_opaque);
    }
    qapi_event_send_block_io_error(
        path ? path : "", blk_name(blk), bs ? bdrv_get_node_name(bs) : NULL,
        n->is_read ? IO_OPERATION_TYPE_READ : IO_OPERATION_TYPE_WRITE,
        n->action, blk_iostatus_is_enabled(blk), n->error == ENOSPC,
        strerror(n->error));
}

static void note_error(void *opaque)
{
    g_autofree ErrorNote *n = opaque;

    if (n->action == BLOCK_ERROR_ACTION_STOP) {
        BlockDeviceIoStatus status = n->error == ENOSPC
                                         ? BLOCK_DEVICE_IO_STATUS_NOSPACE
                                         : BLOCK_DEVICE_IO_STATUS_FAILED;

        /* The first error counts until somebody resets it */
        if (blk_iostatus_is_enabled(n->blk) &&
            blk_iostatus(n->blk) == BLOCK_DEVICE_IO_STATUS_OK) {
            qatomic_set(&n->blk->iostatus, status);
        }
    }
    send_event(n);
    if (n->action == BLOCK_ERROR_ACTION_STOP && vmstop_hook) {
        vmstop_hook();
    }
    qatomic_dec(&n->blk->notes);
}

void blk_error_action(BlockBackend *blk, BlockErrorAction action, bool is_read,
                      int error)
{
    ErrorNote *n = g_new(ErrorNote, 1);

    *n = (ErrorNote){ blk, action, is_read, error };
    qatomic_inc(&blk->notes);
    if (qemu_in_main_thread()) {
        note_error(n);
    } else {
        aio_bh_schedule_oneshot(qemu_get_aio_context(), note_error, n);
    }
}
