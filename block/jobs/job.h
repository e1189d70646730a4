/*
 * Jobs: work in the background that QMP can see and steer.
 *
 * The status goes
 *
 *   undefined -> created -> running -> waiting -> pending -> concluded -> null
 *
 * with side roads: running <-> paused, running -> ready <-> standby (then
 * waiting), and from everywhere before concluded to aborting, then concluded.
 * Each arrow sends JOB_STATUS_CHANGE. Internal jobs (without id) are silent and
 * invisible.
 *
 * A kind of job is a JobDriver and a file of its own; its struct begins with a
 * Job.
 *
 * Thread: main, also for the drivers' callbacks. A job's requests may go
 * elsewhere; its coroutine runs in the main context.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef BLOCK_JOBS_JOB_H
#define BLOCK_JOBS_JOB_H

#include "qapi/qapi-types-job.h"
#include "util/coroutine.h"
#include "util/error.h"
#include "util/queue.h"

typedef struct Job Job;

typedef struct JobDriver {
    JobType type;
    size_t instance_size; /* of the driver's struct, zeroed */

    /* One of the two does the work and returns 0 or -errno, with @errp set if
     * there is more to say than strerror() does. */

    /* In a coroutine; calls job_co_pause_point() often. */
    int coroutine_fn (*run)(Job *job, Error **errp);
    /* From the loop, outside of coroutines: may block. Cannot be paused or
     * cancelled on the way. */
    int (*run_blocking)(Job *job, Error **errp);

    /* All optional. */

    /* A job that is ready shall finish; soon its run() returns. */
    void (*complete)(Job *job, Error **errp);
    /* It was cancelled: run() shall return soon. For a job that is ready and
     * not @force, true: no, it finishes without what complete() adds. */
    bool (*cancel)(Job *job, bool force);
    /* Make the result final, in this order: prepare, which can fail, then
     * commit or (also if run() failed) abort, then clean. */
    int (*prepare)(Job *job);
    void (*commit)(Job *job);
    void (*abort)(Job *job);
    void (*clean)(Job *job);
    /* Free what the struct has, the job is gone. */
    void (*free)(Job *job);
} JobDriver;

typedef enum JobFlags {
    JOB_DEFAULT = 0,
    JOB_INTERNAL = 1 << 0,        /* has no id */
    JOB_MANUAL_FINALIZE = 1 << 1, /* stays pending until job-finalize */
    JOB_MANUAL_DISMISS = 1 << 2,  /* stays concluded until job-dismiss */
} JobFlags;

struct Job {
    /* For drivers to read */
    const JobDriver *driver;
    char *id; /* NULL: internal */
    JobStatus status;
    int ret;           /* 0 until it fails; -errno */
    Error *err;        /* NULL until it fails */
    bool cancelled;    /* somebody wants it to end */
    bool force_cancel; /* without finishing what is ready */
    uint64_t progress, progress_total;

    /* job.c's */
    int refcount;
    int flags;
    int pause_count;  /* it should rest while > 0 */
    bool user_paused; /* job-pause has one of them */
    bool resting;     /* in job_co_pause_point() or a sleep */
    bool run_done;    /* run() has returned */
    Coroutine *co;
    TAILQ_ENTRY(Job) link;
};

/* A job in status created, with one reference, which belongs to the machinery:
 * it goes with the status null. NULL and @errp: the id is bad or in use. */
Job *job_create(const char *id, const JobDriver *driver, int flags,
                Error **errp);
/* From created to running. */
void job_start(Job *job);

void job_ref(Job *job);
void job_unref(Job *job);

Job *job_get(const char *id);
/* @job NULL: the first; the newest comes first. */
Job *job_next(Job *job);

/* --- for drivers --- */

/* If it should rest, rest here. */
void coroutine_fn job_co_pause_point(Job *job);
/* The same after @ns nanoseconds, or sooner if somebody wants something. */
void coroutine_fn job_co_sleep_ns(Job *job, int64_t ns);
static inline bool job_is_cancelled(const Job *job)
{
    return job->cancelled && job->force_cancel;
}
/* All is copied: job-complete is possible now. */
void job_transition_to_ready(Job *job);

void job_progress_set_remaining(Job *job, uint64_t remaining);
void job_progress_update(Job *job, uint64_t done);

/* --- for those who steer (QMP; all end with what it asks for or @errp) --- */

void job_user_pause(Job *job, Error **errp);
void job_user_resume(Job *job, Error **errp);
void job_user_cancel(Job *job, bool force, Error **errp);
void job_user_complete(Job *job, Error **errp);
void job_user_finalize(Job *job, Error **errp);
/* Takes the machinery's reference: *@job is NULL then. */
void job_user_dismiss(Job **job, Error **errp);
/* May the user do @verb now? Others than those above ask themselves. */
bool job_apply_verb(Job *job, JobVerb verb, Error **errp);

/* Rest, go on: nests and counts. For drains. */
void job_pause(Job *job);
void job_resume(Job *job);

/* The end of the program: cancel all and wait. */
void job_cancel_sync_all(void);

#endif
