/*
 * Jobs: the machinery.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/jobs/job.h"

#include "qapi/qapi-events-job.h"
#include "util/aio.h"
#include "util/coroutine.h"
#include "util/cutils.h"
#include "util/timer.h"

static TAILQ_HEAD(, Job) jobs = TAILQ_HEAD_INITIALIZER(jobs);

#define S(name) (1u << JOB_STATUS_##name)

/* Where each status may lead. */
static const unsigned next_status[JOB_STATUS__MAX] = {
    [JOB_STATUS_UNDEFINED] = S(CREATED),
    [JOB_STATUS_CREATED] = S(RUNNING) | S(ABORTING) | S(NULL),
    [JOB_STATUS_RUNNING] = S(PAUSED) | S(READY) | S(WAITING) | S(ABORTING),
    [JOB_STATUS_PAUSED] = S(RUNNING),
    [JOB_STATUS_READY] = S(STANDBY) | S(WAITING) | S(ABORTING),
    [JOB_STATUS_STANDBY] = S(READY),
    [JOB_STATUS_WAITING] = S(PENDING) | S(ABORTING),
    [JOB_STATUS_PENDING] = S(ABORTING) | S(CONCLUDED),
    [JOB_STATUS_ABORTING] = S(ABORTING) | S(CONCLUDED),
    [JOB_STATUS_CONCLUDED] = S(NULL),
};

#define WORKING (S(CREATED) | S(RUNNING) | S(PAUSED) | S(READY) | S(STANDBY))

/* In which status each verb makes sense. */
static const unsigned verb_status[JOB_VERB__MAX] = {
    [JOB_VERB_CANCEL] = WORKING | S(WAITING) | S(PENDING),
    [JOB_VERB_PAUSE] = WORKING,
    [JOB_VERB_RESUME] = WORKING,
    [JOB_VERB_SET_SPEED] = WORKING,
    [JOB_VERB_COMPLETE] = S(READY),
    [JOB_VERB_FINALIZE] = S(PENDING),
    [JOB_VERB_DISMISS] = S(CONCLUDED),
    [JOB_VERB_CHANGE] = WORKING,
};

static void set_status(Job *job, JobStatus status)
{
    assert(next_status[job->status] & (1u << status));
    if (job->status == status) {
        return; /* aborting twice */
    }
    job->status = status;
    if (job->id) {
        qapi_event_send_job_status_change(job->id, status);
    }
}

bool job_apply_verb(Job *job, JobVerb verb, Error **errp)
{
    if (verb_status[verb] & (1u << job->status)) {
        return true;
    }
    error_setg(errp, "Job '%s' in state '%s' cannot accept command verb '%s'",
               job->id, JobStatus_str(job->status), JobVerb_str(verb));
    return false;
}

/* --- life --- */

Job *job_get(const char *id)
{
    Job *job;

    TAILQ_FOREACH(job, &jobs, link) {
        if (job->id && g_str_equal(job->id, id)) {
            return job;
        }
    }
    return NULL;
}

Job *job_next(Job *job)
{
    return job ? TAILQ_NEXT(job, link) : TAILQ_FIRST(&jobs);
}

Job *job_create(const char *id, const JobDriver *driver, int flags,
                Error **errp)
{
    Job *job;

    assert(!id == !!(flags & JOB_INTERNAL));
    if (id && !id_wellformed(id)) {
        error_setg(errp, "Invalid job ID '%s'", id);
        return NULL;
    }
    if (id && job_get(id)) {
        error_setg(errp, "Job ID '%s' already in use", id);
        return NULL;
    }
    assert(driver->instance_size >= sizeof(Job));
    job = g_malloc0(driver->instance_size);
    job->driver = driver;
    job->id = g_strdup(id);
    job->flags = flags;
    job->refcount = 1;
    TAILQ_INSERT_HEAD(&jobs, job, link);
    set_status(job, JOB_STATUS_CREATED);
    return job;
}

void job_ref(Job *job)
{
    job->refcount++;
}

void job_unref(Job *job)
{
    if (--job->refcount) {
        return;
    }
    assert(job->status == JOB_STATUS_NULL);
    if (job->driver->free) {
        job->driver->free(job);
    }
    TAILQ_REMOVE(&jobs, job, link);
    error_free(job->err);
    g_free(job->id);
    g_free(job);
}

static void do_dismiss(Job *job)
{
    set_status(job, JOB_STATUS_NULL);
    job_unref(job);
}

/* --- the end of the work --- */

/* Did it fail? Then @job->err says why. */
static bool has_failed(Job *job)
{
    if (!job->ret && job_is_cancelled(job)) {
        job->ret = -ECANCELED;
    }
    if (!job->ret) {
        return false;
    }
    if (!job->err) {
        error_setg(&job->err, "%s", strerror(-job->ret));
    }
    return true;
}

static void conclude(Job *job)
{
    if (job->driver->clean) {
        job->driver->clean(job);
    }
    set_status(job, JOB_STATUS_CONCLUDED);
    if (!(job->flags & JOB_MANUAL_DISMISS)) {
        do_dismiss(job);
    }
    aio_wait_kick();
}

static void conclude_failed(Job *job)
{
    has_failed(job);
    set_status(job, JOB_STATUS_ABORTING);
    if (job->driver->abort) {
        job->driver->abort(job);
    }
    conclude(job);
}

/* Pending: make the result final. */
static void finalize(Job *job)
{
    if (job->driver->prepare) {
        job->ret = job->driver->prepare(job);
    }
    if (has_failed(job)) {
        conclude_failed(job);
        return;
    }
    if (job->driver->commit) {
        job->driver->commit(job);
    }
    conclude(job);
}

/* run() is over and will not come again; nor will pauses. */
static void completed(Job *job)
{
    if (has_failed(job)) {
        conclude_failed(job);
        return;
    }
    set_status(job, JOB_STATUS_WAITING);
    /* A transaction's jobs would wait for each other here */
    set_status(job, JOB_STATUS_PENDING);
    if (!(job->flags & JOB_MANUAL_FINALIZE)) {
        finalize(job);
    }
}

static void completed_bh(void *opaque)
{
    Job *job = opaque;

    completed(job);
    job_unref(job);
}

/* --- the work --- */

static void coroutine_fn job_co_entry(void *opaque)
{
    Job *job = opaque;

    job_co_pause_point(job);
    if (!job_is_cancelled(job)) {
        job->ret = job->driver->run(job, &job->err);
    }
    job->run_done = true;
    job->co = NULL;
    aio_bh_schedule_oneshot(qemu_get_aio_context(), completed_bh, job);
}

static void run_blocking_bh(void *opaque)
{
    Job *job = opaque;

    job->ret = job->driver->run_blocking(job, &job->err);
    job->run_done = true;
    completed_bh(job);
}

/* The second turn of the loop: the reply to the command is out. */
static void reply_sent_bh(void *opaque)
{
    aio_bh_schedule_oneshot(qemu_get_aio_context(), run_blocking_bh, opaque);
}

void job_start(Job *job)
{
    set_status(job, JOB_STATUS_RUNNING);
    job_ref(job); /* until completed_bh() */
    if (job->driver->run_blocking) {
        aio_bh_schedule_oneshot(qemu_get_aio_context(), reply_sent_bh, job);
        return;
    }
    job->co = qemu_coroutine_create(job_co_entry, job);
    aio_co_enter(qemu_get_aio_context(), job->co);
}

static bool should_rest(const Job *job)
{
    return job->pause_count > 0 && !job_is_cancelled(job);
}

static void coroutine_fn job_co_rest(Job *job)
{
    job->resting = true;
    qemu_coroutine_yield();
}

void coroutine_fn job_co_pause_point(Job *job)
{
    JobStatus before = job->status;

    if (!should_rest(job)) {
        return;
    }
    set_status(job, before == JOB_STATUS_READY ? JOB_STATUS_STANDBY
                                               : JOB_STATUS_PAUSED);
    while (should_rest(job)) {
        job_co_rest(job);
    }
    set_status(job, before);
}

/* Wake it from where it rests. */
static void enter(Job *job)
{
    if (job->resting) {
        job->resting = false;
        aio_co_wake(job->co);
    }
}

static void on_timer(void *opaque)
{
    enter(opaque);
}

void coroutine_fn job_co_sleep_ns(Job *job, int64_t ns)
{
    QEMUTimer *timer;

    if (!should_rest(job) && !job_is_cancelled(job)) {
        timer = timer_new_ns(qemu_get_aio_context(), QEMU_CLOCK_REALTIME,
                             on_timer, job);
        timer_mod_ns(timer, qemu_clock_get_ns(QEMU_CLOCK_REALTIME) + ns);
        job_co_rest(job);
        timer_free(timer);
    }
    job_co_pause_point(job);
}

void job_transition_to_ready(Job *job)
{
    set_status(job, JOB_STATUS_READY);
}

void job_progress_set_remaining(Job *job, uint64_t remaining)
{
    job->progress_total = job->progress + remaining;
}

void job_progress_update(Job *job, uint64_t done)
{
    job->progress += done;
}

/* --- steering --- */

void job_pause(Job *job)
{
    job->pause_count++;
    enter(job); /* from a sleep to the pause point */
}

void job_resume(Job *job)
{
    assert(job->pause_count > 0);
    if (!--job->pause_count) {
        enter(job);
    }
}

void job_user_pause(Job *job, Error **errp)
{
    if (!job_apply_verb(job, JOB_VERB_PAUSE, errp)) {
        return;
    }
    if (job->user_paused) {
        error_setg(errp, "Job is already paused");
        return;
    }
    job->user_paused = true;
    job_pause(job);
}

void job_user_resume(Job *job, Error **errp)
{
    if (!job->user_paused) {
        error_setg(errp, "Can't resume a job that was not paused");
        return;
    }
    if (!job_apply_verb(job, JOB_VERB_RESUME, errp)) {
        return;
    }
    job->user_paused = false;
    job_resume(job);
}

static void do_cancel(Job *job, bool force)
{
    bool started = job->status != JOB_STATUS_CREATED;

    if (job->driver->cancel) {
        force = job->driver->cancel(job, force);
    } else {
        force = true;
    }
    job->cancelled = true;
    job->force_cancel |= force;
    if (job->user_paused) {
        job->user_paused = false;
        job->pause_count--;
    }
    if (!started) {
        conclude_failed(job);
    } else if (job->status == JOB_STATUS_PENDING && force) {
        conclude_failed(job);
    } else {
        enter(job);
    }
}

void job_user_cancel(Job *job, bool force, Error **errp)
{
    if (job_apply_verb(job, JOB_VERB_CANCEL, errp)) {
        do_cancel(job, force);
    }
}

void job_user_complete(Job *job, Error **errp)
{
    if (!job_apply_verb(job, JOB_VERB_COMPLETE, errp)) {
        return;
    }
    if (job->cancelled || !job->driver->complete) {
        error_setg(errp, "The active block job '%s' cannot be completed",
                   job->id);
        return;
    }
    job->driver->complete(job, errp);
}

void job_user_finalize(Job *job, Error **errp)
{
    if (job_apply_verb(job, JOB_VERB_FINALIZE, errp)) {
        finalize(job);
    }
}

void job_user_dismiss(Job **jobptr, Error **errp)
{
    if (job_apply_verb(*jobptr, JOB_VERB_DISMISS, errp)) {
        do_dismiss(*jobptr);
        *jobptr = NULL;
    }
}

static bool any_at_work(void)
{
    Job *job;

    TAILQ_FOREACH(job, &jobs, link) {
        if (job->status != JOB_STATUS_CONCLUDED) {
            return true;
        }
    }
    return false;
}

void job_cancel_sync_all(void)
{
    Job *job, *next;

    TAILQ_FOREACH_SAFE(job, &jobs, link, next) {
        if (verb_status[JOB_VERB_CANCEL] & (1u << job->status)) {
            do_cancel(job, true);
        }
    }
    AIO_WAIT_WHILE(NULL, any_at_work());
    TAILQ_FOREACH_SAFE(job, &jobs, link, next) {
        do_dismiss(job);
    }
}
