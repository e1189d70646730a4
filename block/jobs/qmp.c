/*
 * QMP: job-*, query-jobs.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/jobs/job.h"
#include "qapi/qapi-commands-job.h"
#include "qapi/util.h"

static Job *find_job(const char *id, Error **errp)
{
    Job *job = job_get(id);

    if (!job) {
        error_setg(errp, "Job not found");
    }
    return job;
}

void qmp_job_pause(const char *id, Error **errp)
{
    Job *job = find_job(id, errp);

    if (job) {
        job_user_pause(job, errp);
    }
}

void qmp_job_resume(const char *id, Error **errp)
{
    Job *job = find_job(id, errp);

    if (job) {
        job_user_resume(job, errp);
    }
}

void qmp_job_cancel(const char *id, Error **errp)
{
    Job *job = find_job(id, errp);

    if (job) {
        job_user_cancel(job, true, errp);
    }
}

void qmp_job_complete(const char *id, Error **errp)
{
    Job *job = find_job(id, errp);

    if (job) {
        job_user_complete(job, errp);
    }
}

void qmp_job_finalize(const char *id, Error **errp)
{
    Job *job = find_job(id, errp);

    if (job) {
        job_user_finalize(job, errp);
    }
}

void qmp_job_dismiss(const char *id, Error **errp)
{
    Job *job = find_job(id, errp);

    if (job) {
        job_user_dismiss(&job, errp);
    }
}

JobInfoList *qmp_query_jobs(Error **errp)
{
    JobInfoList *list = NULL;
    JobInfoList **tail = &list;

    for (Job *job = job_next(NULL); job; job = job_next(job)) {
        JobInfo *info;

        if (!job->id) {
            continue;
        }
        info = g_new0(JobInfo, 1);
        info->id = g_strdup(job->id);
        info->type = job->driver->type;
        info->status = job->status;
        info->current_progress = job->progress;
        info->total_progress = job->progress_total;
        info->error = job->err ? g_strdup(error_get_pretty(job->err)) : NULL;
        QAPI_LIST_APPEND(tail, info);
    }
    return list;
}
