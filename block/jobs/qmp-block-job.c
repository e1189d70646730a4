/*
 * QMP: block-job-*, for jobs that work on a disk. There is no kind of these
 * yet: nothing is found.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "qapi/qapi-commands-block-core.h"

static void not_found(const char *id, Error **errp)
{
    error_set(errp, ERROR_CLASS_DEVICE_NOT_ACTIVE, "Block job '%s' not found",
              id);
}

void qmp_block_job_set_speed(const char *device, int64_t speed, Error **errp)
{
    not_found(device, errp);
}

void qmp_block_job_cancel(const char *device, bool has_force, bool force,
                          Error **errp)
{
    not_found(device, errp);
}

void qmp_block_job_pause(const char *device, Error **errp)
{
    not_found(device, errp);
}

void qmp_block_job_resume(const char *device, Error **errp)
{
    not_found(device, errp);
}

void qmp_block_job_complete(const char *device, Error **errp)
{
    not_found(device, errp);
}

void qmp_block_job_dismiss(const char *id, Error **errp)
{
    not_found(id, errp);
}

void qmp_block_job_finalize(const char *id, Error **errp)
{
    not_found(id, errp);
}

BlockJobInfoList *qmp_query_block_jobs(Error **errp)
{
    return NULL;
}
