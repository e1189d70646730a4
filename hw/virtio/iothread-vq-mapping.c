/*
 * iothread-vq-mapping=: reading the list and applying it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "hw/virtio/iothread-vq-mapping.h"
#include "backends/iothread.h"
#include "qapi/visitor.h"

/* --- the property --------------------------------------------------------- */

typedef struct U16List {
    struct U16List *next;
    uint16_t value;
} U16List;

QEMU_BUILD_BUG_ON(offsetof(U16List, next) != offsetof(GenericList, next));
QEMU_BUILD_BUG_ON(offsetof(IOThreadVQMappingList, next) !=
                  offsetof(GenericList, next));

static void mapping_list_free(IOThreadVQMappingList *list)
{
    while (list) {
        IOThreadVQMappingList *next = list->next;

        if (list->value) {
            g_free(list->value->iothread);
            if (list->value->vqs) {
                g_array_unref(list->value->vqs);
            }
            g_free(list->value);
        }
        g_free(list);
        list = next;
    }
}

static bool visit_vqs(Visitor *v, GArray *vqs, Error **errp)
{
    GenericList *list = NULL;
    bool ok;

    if (!visit_start_list(v, "vqs", &list, sizeof(U16List), errp)) {
        return false;
    }
    ok = true;
    for (GenericList *e = list; e && ok;
         e = visit_next_list(v, e, sizeof(U16List))) {
        uint16_t vq;

        ok = visit_type_uint16(v, NULL, &vq, errp);
        if (ok) {
            g_array_append_val(vqs, vq);
        }
    }
    ok = ok && visit_check_list(v, errp);
    visit_end_list(v, (void **)&list);
    while (list) {
        GenericList *next = list->next;

        g_free(list);
        list = next;
    }
    return ok;
}

static bool visit_mapping(Visitor *v, IOThreadVQMapping **obj, Error **errp)
{
    IOThreadVQMapping *m;
    bool ok;

    if (!visit_start_struct(v, NULL, (void **)obj, sizeof(**obj), errp)) {
        return false;
    }
    m = *obj;
    ok = visit_type_str(v, "iothread", &m->iothread, errp);
    if (ok && visit_optional(v, "vqs", &m->has_vqs)) {
        m->vqs = g_array_new(false, false, sizeof(uint16_t));
        ok = visit_vqs(v, m->vqs, errp);
    }
    ok = ok && visit_check_struct(v, errp);
    visit_end_struct(v, (void **)obj);
    return ok;
}

static bool set_mapping(Object *obj, void *field, const Property *prop,
                        Visitor *v, Error **errp)
{
    IOThreadVQMappingList **p = field;
    IOThreadVQMappingList *list = NULL;
    bool ok = true;

    if (!visit_start_list(v, prop->name, (GenericList **)&list, sizeof(*list),
                          errp)) {
        return false;
    }
    for (IOThreadVQMappingList *e = list; e && ok;
         e = (IOThreadVQMappingList *)visit_next_list(v, (GenericList *)e,
                                                      sizeof(*e))) {
        ok = visit_mapping(v, &e->value, errp);
    }
    ok = ok && visit_check_list(v, errp);
    visit_end_list(v, (void **)&list);
    if (!ok) {
        mapping_list_free(list);
        return false;
    }
    mapping_list_free(*p);
    *p = list;
    return true;
}

static void release_mapping(Object *obj, void *field)
{
    IOThreadVQMappingList **p = field;

    mapping_list_free(*p);
    *p = NULL;
}

const PropertyInfo prop_info_iothread_vq_mapping_list = {
    .type = "IOThreadVirtQueueMappingList",
    .description = "IOThread virtqueue mapping list [{\"iothread\":\"<id>\", "
                   "\"vqs\":[1,2,3,...]},...]",
    .size = sizeof(IOThreadVQMappingList *),
    .set = set_mapping,
    .release = release_mapping,
};

/* --- checks --------------------------------------------------------------- */

/* @seen: names so far. */
static bool check_entry(const IOThreadVQMapping *m, GHashTable *seen,
                        bool with_vqs, Error **errp)
{
    if (!iothread_by_id(m->iothread)) {
        error_setg(errp, "IOThread \"%s\" object does not exist", m->iothread);
        return false;
    }
    if (!g_hash_table_add(seen, m->iothread)) {
        error_setg(errp,
                   "duplicate IOThread name \"%s\" in iothread-vq-mapping",
                   m->iothread);
        return false;
    }
    if (m->has_vqs != with_vqs) {
        error_setg(errp, "either all items in iothread-vq-mapping must have "
                         "vqs or none of them must have it");
        return false;
    }
    return true;
}

/* Mark the queues of @m in @owner. */
static bool check_vqs(const IOThreadVQMapping *m, const char **owner,
                      uint16_t num_queues, Error **errp)
{
    for (unsigned i = 0; i < m->vqs->len; i++) {
        uint16_t vq = g_array_index(m->vqs, uint16_t, i);

        if (vq >= num_queues) {
            error_setg(errp,
                       "vq index %u for IOThread \"%s\" must be less than "
                       "num_queues %u in iothread-vq-mapping",
                       vq, m->iothread, num_queues);
            return false;
        }
        if (owner[vq]) {
            error_setg(errp,
                       "cannot assign vq %u to IOThread \"%s\" because it is "
                       "already assigned",
                       vq, m->iothread);
            return false;
        }
        owner[vq] = m->iothread;
    }
    return true;
}

static bool check_list(IOThreadVQMappingList *list, uint16_t num_queues,
                       Error **errp)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    g_autofree const char **owner = g_new0(const char *, num_queues);

    for (IOThreadVQMappingList *e = list; e; e = e->next) {
        if (!check_entry(e->value, seen, list->value->has_vqs, errp) ||
            (e->value->has_vqs &&
             !check_vqs(e->value, owner, num_queues, errp))) {
            return false;
        }
    }
    for (unsigned i = 0; list->value->has_vqs && i < num_queues; i++) {
        if (!owner[i]) {
            error_setg(
                errp,
                "missing vq %u IOThread assignment in iothread-vq-mapping", i);
            return false;
        }
    }
    return true;
}

bool iothread_vq_mapping_apply(IOThreadVQMappingList *list, AioContext **vq_ctx,
                               uint16_t num_queues, Error **errp)
{
    unsigned n = 0;
    unsigned k = 0;

    if (!check_list(list, num_queues, errp)) {
        return false;
    }
    for (IOThreadVQMappingList *e = list; e; e = e->next) {
        n++;
    }
    for (IOThreadVQMappingList *e = list; e; e = e->next, k++) {
        IOThread *iothread = iothread_by_id(e->value->iothread);
        AioContext *ctx = iothread_get_aio_context(iothread);

        e->value->held = object_ref(iothread);
        if (e->value->has_vqs) {
            for (unsigned i = 0; i < e->value->vqs->len; i++) {
                vq_ctx[g_array_index(e->value->vqs, uint16_t, i)] = ctx;
            }
        } else {
            /* Without numbers: in turn */
            for (unsigned i = k; i < num_queues; i += n) {
                vq_ctx[i] = ctx;
            }
        }
    }
    return true;
}

void iothread_vq_mapping_cleanup(IOThreadVQMappingList *list)
{
    for (; list; list = list->next) {
        /* Not by its name: the user may have given it to another since. */
        object_unref(g_steal_pointer(&list->value->held));
    }
}
