/*
 * x-blockdev-amend: a job changes the options of an image.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/block-backend.h"
#include "block/block-driver.h"
#include "block/block-int.h"
#include "block/block.h"
#include "block/create.h"
#include "block/jobs/job.h"
#include "block/probe.h"
#include "qapi/clone-visitor.h"
#include "qapi/qapi-commands-block-core.h"
#include "qapi/qapi-visit-block-core.h"
#include "qapi/qobject-input-visitor.h"
#include "qapi/qobject-output-visitor.h"

typedef struct AmendJob {
    Job common;
    BlockDriverState *bs; /* with a reference */
    BlockdevAmendOptions *opts;
    bool force;
} AmendJob;

/* The options in a form that bdrv_amend_options() takes; NULL and @errp. */
static QDict *amend_options(AmendJob *s, Error **errp)
{
    BlockdevAmendOptions *options = s->opts;
    QObject *obj;
    Visitor *v = qobject_output_visitor_new(&obj);
    QDict *opts;

    visit_type_BlockdevAmendOptions(v, NULL, &options, &error_abort);
    visit_complete(v, &obj);
    visit_free(v);
    opts = qobject_to(QDict, obj);
    qdict_del(opts, "driver");
    qdict_flatten(opts);
    qdict_del(opts, "encrypt.format");
    if (qdict_haskey(opts, "secret") || qdict_haskey(opts, "encrypt.secret")) {
        error_setg(errp, "This build unlocks the image with the secret that "
                         "it was opened with only");
        qobject_unref(opts);
        return NULL;
    }
    return opts;
}

static bool check_qcow2(AmendJob *s, Error **errp)
{
    QCryptoBlockAmendOptions *encrypt = s->opts->u.qcow2.encrypt;

    if (!encrypt) {
        return true;
    }
    if (!s->bs->encrypted) {
        error_setg(errp, "image is not encrypted, can't amend");
        return false;
    }
    if (encrypt->format != QCRYPTO_BLOCK_FORMAT_LUKS) {
        error_setg(errp, "Amend can't be used to change the qcow2 encryption "
                         "format");
        return false;
    }
    return true;
}

static int amend_run(Job *job, Error **errp)
{
    AmendJob *s = container_of(job, AmendJob, common);
    g_autoptr(QDict) opts = NULL;
    g_autoptr(BlockBackend) blk = NULL;
    int ret;

    job_progress_set_remaining(job, 1);
    if (s->opts->driver == BLOCKDEV_DRIVER_QCOW2 && !check_qcow2(s, errp)) {
        ret = -EOPNOTSUPP;
        goto out;
    }
    opts = amend_options(s, errp);
    /* So that the file below can be written to */
    blk = opts ? blk_new_with_bs(s->bs,
                                 BLK_PERM_CONSISTENT_READ | BLK_PERM_WRITE,
                                 BLK_PERM_ALL, errp)
               : NULL;
    if (!blk) {
        ret = -EINVAL;
        goto out;
    }
    ret = qdict_size(opts)
              ? bdrv_amend_options(s->bs, opts, NULL, NULL, s->force, errp)
              : 0;
out:
    job_progress_update(job, 1);
    return ret;
}

static void amend_clean(Job *job)
{
    AmendJob *s = container_of(job, AmendJob, common);

    bdrv_unref(g_steal_pointer(&s->bs));
}

static void amend_free(Job *job)
{
    AmendJob *s = container_of(job, AmendJob, common);

    qapi_free_BlockdevAmendOptions(s->opts);
}

static const JobDriver amend_job_driver = {
    .type = JOB_TYPE_AMEND,
    .instance_size = sizeof(AmendJob),
    .run_blocking = amend_run,
    .clean = amend_clean,
    .free = amend_free,
};

void qmp_x_blockdev_amend(const char *job_id, const char *node_name,
                          BlockdevAmendOptions *options, bool has_force,
                          bool force, Error **errp)
{
    const char *fmt = BlockdevDriver_str(options->driver);
    const BlockDriver *drv = bdrv_find_format(fmt);
    BlockDriverState *bs;
    AmendJob *s;
    Job *job;

    bs = bdrv_lookup_bs(NULL, node_name, errp);
    if (!bs) {
        return;
    }
    if (!drv) {
        error_setg(errp, "Block driver '%s' not found or not supported", fmt);
        return;
    }
    if (bs->drv != drv) {
        error_setg(errp, "x-blockdev-amend doesn't support changing the block "
                         "driver");
        return;
    }
    if (!drv->bdrv_amend_options) {
        error_setg(errp, "Driver does not support x-blockdev-amend");
        return;
    }
    job = job_create(job_id, &amend_job_driver, JOB_MANUAL_DISMISS, errp);
    if (!job) {
        return;
    }
    s = container_of(job, AmendJob, common);
    s->bs = bs;
    bdrv_ref(bs);
    s->opts = QAPI_CLONE(BlockdevAmendOptions, options);
    s->force = has_force && force;
    job_start(job);
}
