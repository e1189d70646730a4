/*
 * Coroutines that ended and wait for new work: stacks are dear to map, so
 * they are kept.
 *
 * Each thread has a list of its own.  One that holds two batches gives one to
 * the global list, and one that is empty takes one from there, so that threads
 * that create and threads that end coroutines both rarely meet at the lock.
 * The global list is bounded by what the devices said they need.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "util/coroutine-int.h"

#define POOL_BATCH       32
#define POOL_GLOBAL_BASE 64 /* coroutines, without any hint */

typedef struct CoList {
    Coroutine *first;
    unsigned count;
} CoList;

static QemuMutex global_lock = QEMU_MUTEX_INITIALIZER;
static CoList global;                          /* global_lock */
static unsigned global_max = POOL_GLOBAL_BASE; /* global_lock */

static pthread_key_t cleanup_key;
static pthread_once_t cleanup_once = PTHREAD_ONCE_INIT;
static _Thread_local CoList tls_list;
static _Thread_local bool tls_registered;

static void list_push(CoList *list, Coroutine *co)
{
    co->pool_next = list->first;
    list->first = co;
    list->count++;
}

static Coroutine *list_pop(CoList *list)
{
    Coroutine *co = list->first;

    if (co) {
        list->first = co->pool_next;
        list->count--;
    }
    return co;
}

/* Runs as the thread ends. */
static void free_list(void *opaque)
{
    CoList *list = opaque;
    Coroutine *co;

    while ((co = list_pop(list))) {
        coroutine_free(co);
    }
}

static void make_key(void)
{
    pthread_key_create(&cleanup_key, free_list);
}

static void register_cleanup(CoList *list)
{
    pthread_once(&cleanup_once, make_key);
    pthread_setspecific(cleanup_key, list);
    tls_registered = true;
}

Coroutine *coroutine_pool_get(void)
{
    CoList *list = &tls_list;

    if (likely(list->first)) {
        return list_pop(list);
    }
    WITH_QEMU_LOCK_GUARD(&global_lock)
    {
        while (global.first && list->count < POOL_BATCH) {
            list_push(list, list_pop(&global));
        }
    }
    return list_pop(list);
}

bool coroutine_pool_put(Coroutine *co)
{
    CoList *list = &tls_list;

    if (unlikely(!tls_registered)) {
        register_cleanup(list);
    }
    if (unlikely(list->count >= 2 * POOL_BATCH)) {
        QEMU_LOCK_GUARD(&global_lock);

        if (global.count + POOL_BATCH > global_max) {
            return false;
        }
        while (list->count > POOL_BATCH) {
            list_push(&global, list_pop(list));
        }
    }
    list_push(list, co);
    return true;
}

void qemu_coroutine_inc_pool_size(unsigned n)
{
    QEMU_LOCK_GUARD(&global_lock);

    global_max += n;
}

void qemu_coroutine_dec_pool_size(unsigned n)
{
    CoList surplus = { 0 };

    WITH_QEMU_LOCK_GUARD(&global_lock)
    {
        global_max -= n;
        while (global.count > global_max) {
            list_push(&surplus, list_pop(&global));
        }
    }
    free_list(&surplus);
}
