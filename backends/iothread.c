/*
 * The IOThread object.
 *
 * Life: the properties are set, complete() makes the AioContext and starts the
 * thread and waits until it runs its loop; finalize stops and joins it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "backends/iothread.h"
#include "backends/authz.h"
#include "backends/secret.h"
#include "backends/throttle-group.h"
#include "backends/tls-creds.h"
#include "qom/property.h"
#include "qapi/visitor.h"
#include "util/atomic.h"
#include "util/thread.h"

#define IOTHREAD_POLL_MAX_NS_DEFAULT     32768
#define IOTHREAD_THREAD_POOL_MAX_DEFAULT 64

struct IOThread {
    Object parent_obj;

    QemuThread thread;
    bool started;    /* main thread */
    AioContext *ctx; /* fixed while started */
    bool stopping;   /* atomic: the loop leaves */
    QemuSemaphore ready;
    int thread_id; /* fixed once ready was posted */

    /* Main thread; copies of what @ctx has been told. */
    int64_t poll_max_ns;
    int64_t poll_grow;
    int64_t poll_shrink;
    int64_t aio_max_batch;
    int64_t thread_pool_min;
    int64_t thread_pool_max;
};

static void *iothread_run(void *opaque)
{
    IOThread *t = opaque;

    aio_context_set_home(t->ctx);
    t->thread_id = qemu_gettid();
    qemu_sem_post(&t->ready);

    /* Pairs with the store in iothread_stop(). */
    while (!qatomic_load_acquire(&t->stopping)) {
        aio_poll(t->ctx, true);
    }
    aio_context_leave_home(t->ctx);
    return NULL;
}

/* Give @t's parameters to its context. */
static bool iothread_apply(IOThread *t, Error **errp)
{
    aio_context_set_poll_params(t->ctx, t->poll_max_ns, t->poll_grow,
                                t->poll_shrink);
    aio_context_set_aio_params(t->ctx, t->aio_max_batch);
    return aio_context_set_thread_pool_params(t->ctx, t->thread_pool_min,
                                              t->thread_pool_max, errp);
}

static bool iothread_complete(Object *obj, Error **errp)
{
    IOThread *t = IOTHREAD(obj);
    const char *id = iothread_get_id(t);
    g_autofree char *name = g_strdup_printf("IO %s", id ? id : "");

    t->ctx = aio_context_new(errp);
    if (!t->ctx) {
        return false;
    }
    if (!iothread_apply(t, errp)) {
        return false;
    }
    qemu_sem_init(&t->ready, 0);
    qemu_thread_create(&t->thread, name, iothread_run, t);
    qemu_sem_wait(&t->ready);
    t->started = true;
    return true;
}

static void iothread_init(Object *obj)
{
    IOThread *t = IOTHREAD(obj);

    t->thread_id = -1;
}

static void iothread_stop_bh(void *opaque)
{
    IOThread *t = opaque;

    /* Pairs with the load in iothread_run(). */
    qatomic_store_release(&t->stopping, true);
}

static void iothread_finalize(Object *obj)
{
    IOThread *t = IOTHREAD(obj);

    if (t->started) {
        aio_bh_schedule_oneshot(t->ctx, iothread_stop_bh, t);
        qemu_thread_join(&t->thread);
        qemu_sem_destroy(&t->ready);
    }
    if (t->ctx) {
        aio_context_unref(t->ctx);
    }
}

/* --- properties --- */

static bool get_param(Object *obj, void *field, const Property *prop,
                      Visitor *v, Error **errp)
{
    return visit_type_int64(v, prop->name, field, errp);
}

static bool set_param(Object *obj, void *field, const Property *prop,
                      Visitor *v, Error **errp)
{
    IOThread *t = IOTHREAD(obj);
    int64_t *param = field;
    int64_t old = *param;
    int64_t value;

    if (!visit_type_int64(v, prop->name, &value, errp)) {
        return false;
    }
    if (value < 0) {
        error_setg(errp, "%s value must be in range [0, %" PRId64 "]",
                   prop->name, INT64_MAX);
        return false;
    }
    *param = value;
    if (t->ctx && !iothread_apply(t, errp)) {
        *param = old;
        return false;
    }
    return true;
}

static void set_default_param(void *field, const Property *prop)
{
    *(int64_t *)field = prop->def.i;
}

static const PropertyInfo iothread_param = {
    .type = "int",
    .size = sizeof(int64_t),
    .get = get_param,
    .set = set_param,
    .set_default = set_default_param,
};

#define IOTHREAD_PARAM(name, field, def) \
    DEFINE_PROP_SIGNED(name, IOThread, field, def, iothread_param, int64_t)

static const Property iothread_props[] = {
    IOTHREAD_PARAM("poll-max-ns", poll_max_ns, IOTHREAD_POLL_MAX_NS_DEFAULT),
    IOTHREAD_PARAM("poll-grow", poll_grow, 0),
    IOTHREAD_PARAM("poll-shrink", poll_shrink, 0),
    IOTHREAD_PARAM("aio-max-batch", aio_max_batch, 0),
    IOTHREAD_PARAM("thread-pool-min", thread_pool_min, 0),
    IOTHREAD_PARAM("thread-pool-max", thread_pool_max,
                   IOTHREAD_THREAD_POOL_MAX_DEFAULT),
    DEFINE_PROP_END,
};

static const UserCreatableOps iothread_ops = {
    .complete = iothread_complete,
};

static const TypeInfo event_loop_base_type = {
    .name = "event-loop-base",
    .parent = TYPE_USER_CREATABLE,
    .instance_size = sizeof(Object),
    .abstract = true,
};

static const TypeInfo iothread_type = {
    .name = TYPE_IOTHREAD,
    .parent = "event-loop-base",
    .instance_size = sizeof(IOThread),
    .props = iothread_props,
    .class_ops = &iothread_ops,
    .instance_init = iothread_init,
    .instance_finalize = iothread_finalize,
};

const TypeInfo *const iothread_types[] = {
    &event_loop_base_type,
    &iothread_type,
    NULL,
};

const TypeInfo *const backends_types[] = {
    &qcrypto_secret_common_type,
    &qcrypto_secret_type,
    &throttle_group_type,
    &authz_type,
    &authz_list_type,
    &authz_simple_type,
    &tls_creds_type,
    &tls_creds_anon_type,
    &tls_creds_psk_type,
    &tls_creds_x509_type,
    NULL,
};

/* --- interface --- */

AioContext *iothread_get_aio_context(IOThread *iothread)
{
    return iothread->ctx;
}

const char *iothread_get_id(IOThread *iothread)
{
    return object_get_canonical_path_component(iothread);
}

int iothread_get_thread_id(IOThread *iothread)
{
    return iothread->thread_id;
}

void iothread_get_params(IOThread *iothread, IOThreadParams *params)
{
    *params = (IOThreadParams){
        .poll_max_ns = iothread->poll_max_ns,
        .poll_grow = iothread->poll_grow,
        .poll_shrink = iothread->poll_shrink,
        .aio_max_batch = iothread->aio_max_batch,
    };
}

IOThread *iothread_by_id(const char *id)
{
    Object *obj = object_get_child(object_get_objects_root(), id);

    return object_dynamic_cast(obj, TYPE_IOTHREAD);
}

IOThread *iothread_new(Error **errp)
{
    g_autoptr(Object) obj = object_new(TYPE_IOTHREAD);

    if (!iothread_complete(obj, errp)) {
        return NULL;
    }
    return IOTHREAD(g_steal_pointer(&obj));
}
