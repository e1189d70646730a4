/*
 * blockdev-create: a job makes an image.
 *
 * The drivers know the options by the names that qemu-img has for them, in a
 * flat dictionary; here the schema's become those.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/block-driver.h"
#include "block/block.h"
#include "block/create.h"
#include "block/jobs/job.h"
#include "block/opts.h"
#include "block/probe.h"
#include "qapi/clone-visitor.h"
#include "qapi/qapi-commands-block-core.h"
#include "qapi/qapi-visit-block-core.h"
#include "qapi/qobject-input-visitor.h"
#include "qapi/qobject-output-visitor.h"

typedef struct CreateJob {
    Job common;
    const BlockDriver *drv;
    BlockdevCreateOptions *opts;
} CreateJob;

/* A name of the schema that the drivers have another one for. */
static const QDictRenames renames[] = {
    { "backing-file", "backing_file" },
    { "backing-fmt", "backing_fmt" },
    { "cluster-size", "cluster_size" },
    { "compression-type", "compression_type" },
    { "data-file-raw", "data_file_raw" },
    { "extended-l2", "extended_l2" },
    { "extent-size-hint", "extent_size_hint" },
    { "lazy-refcounts", "lazy_refcounts" },
    { "refcount-bits", "refcount_bits" },
    { "version", "compat" },
    { NULL, NULL },
};

/* What the driver's create function takes; nodes and file names are left
 * out. */
static QDict *driver_options(BlockdevCreateOptions *options)
{
    static const char *const others[] = { "driver", "filename", "file",
                                          "data-file", "header" };
    QObject *obj;
    Visitor *v = qobject_output_visitor_new(&obj);
    QDict *opts;

    visit_type_BlockdevCreateOptions(v, NULL, &options, &error_abort);
    visit_complete(v, &obj);
    visit_free(v);
    opts = qobject_to(QDict, obj);
    for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
        qdict_del(opts, others[i]);
    }
    qdict_flatten(opts);
    qdict_rename_keys(opts, renames, &error_abort);
    /* "qcow" is the schema's name for it, "aes" the image's */
    if (g_strcmp0(qdict_get_try_str(opts, "encrypt.format"), "qcow") == 0) {
        qdict_put_str(opts, "encrypt.format", "aes");
    }
    return opts;
}

/* The node that @ref names or defines, with a reference for the caller. */
static BlockDriverState *open_ref(BlockdevRef *ref, Error **errp)
{
    QObject *obj;
    Visitor *v;
    QDict *options;

    if (ref->type == QTYPE_QSTRING) {
        return bdrv_open(NULL, ref->u.reference, NULL, 0, errp);
    }
    v = qobject_output_visitor_new(&obj);
    visit_type_BlockdevRef(v, NULL, &ref, &error_abort);
    visit_complete(v, &obj);
    visit_free(v);
    options = qobject_to(QDict, obj);
    qdict_flatten(options);
    bdrv_default_bool(options, "cache.direct", false);
    bdrv_default_bool(options, "cache.no-flush", false);
    bdrv_default_bool(options, "read-only", false);
    return bdrv_open(NULL, NULL, options, 0, errp);
}

static int create_on_nodes(CreateJob *s, BlockdevRef *file_ref,
                           BlockdevRef *data_ref, Error **errp)
{
    g_autoptr(QDict) opts = driver_options(s->opts);
    BlockDriverState *file = open_ref(file_ref, errp);
    BlockDriverState *data = NULL;
    int ret = -EIO;

    if (file && data_ref) {
        data = open_ref(data_ref, errp);
    }
    if (file && (data || !data_ref)) {
        ret = s->drv->bdrv_create_on(file, data, opts, errp);
    }
    bdrv_unref(data);
    bdrv_unref(file);
    return ret;
}

static int create_file(CreateJob *s, Error **errp)
{
    g_autoptr(QDict) opts = driver_options(s->opts);

    return bdrv_create(s->drv, s->opts->u.file.filename, opts, errp);
}

static int create_luks(CreateJob *s, Error **errp)
{
    BlockdevCreateOptionsLUKS *o = &s->opts->u.luks;

    if (!o->file && !o->header) {
        error_setg(errp,
                   "Either the parameter 'header' or 'file' must be specified");
        return -EINVAL;
    }
    if (o->header) {
        error_setg(errp, "This build has no detached headers");
        return -ENOTSUP;
    }
    return create_on_nodes(s, o->file, NULL, errp);
}

static int create_run(Job *job, Error **errp)
{
    CreateJob *s = container_of(job, CreateJob, common);
    BlockdevCreateOptionsQcow2 *qcow2 = &s->opts->u.qcow2;
    int ret;

    job_progress_set_remaining(job, 1);
    switch (s->opts->driver) {
    case BLOCKDEV_DRIVER_FILE:
        ret = create_file(s, errp);
        break;
    case BLOCKDEV_DRIVER_LUKS:
        ret = create_luks(s, errp);
        break;
    default:
        ret = create_on_nodes(s, qcow2->file, qcow2->data_file, errp);
        break;
    }
    job_progress_update(job, 1);
    return ret < 0 ? ret : 0;
}

static void create_free(Job *job)
{
    CreateJob *s = container_of(job, CreateJob, common);

    qapi_free_BlockdevCreateOptions(s->opts);
}

static const JobDriver create_job_driver = {
    .type = JOB_TYPE_CREATE,
    .instance_size = sizeof(CreateJob),
    .run_blocking = create_run,
    .free = create_free,
};

/* Is there something to create for a driver of the schema? */
static bool can_create(const BlockDriver *drv)
{
    return drv->bdrv_create_on ||
           (drv->bdrv_create && g_str_equal(drv->format_name, "file"));
}

void qmp_blockdev_create(const char *job_id, BlockdevCreateOptions *options,
                         Error **errp)
{
    const char *fmt = BlockdevDriver_str(options->driver);
    const BlockDriver *drv = bdrv_find_format(fmt);
    CreateJob *s;
    Job *job;

    if (!drv) {
        error_setg(errp, "Block driver '%s' not found or not supported", fmt);
        return;
    }
    if (!can_create(drv)) {
        error_setg(errp, "Driver does not support blockdev-create");
        return;
    }
    job = job_create(job_id, &create_job_driver, JOB_MANUAL_DISMISS, errp);
    if (!job) {
        return;
    }
    s = container_of(job, CreateJob, common);
    s->drv = drv;
    s->opts = QAPI_CLONE(BlockdevCreateOptions, options);
    job_start(job);
}
