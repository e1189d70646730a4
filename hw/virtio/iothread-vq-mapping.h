/*
 * iothread-vq-mapping=: which IOThread serves which queue of a device.
 *
 * Main thread (BQL).
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_VIRTIO_IOTHREAD_VQ_MAPPING_H
#define HW_VIRTIO_IOTHREAD_VQ_MAPPING_H

#include "util/osdep.h"
#include "qom/property.h"
#include "util/aio.h"

typedef struct IOThreadVQMapping {
    char *iothread; /* id */
    bool has_vqs;
    GArray *vqs;           /* of uint16_t; NULL without has_vqs */
    struct IOThread *held; /* from _apply() to _cleanup(); else NULL */
} IOThreadVQMapping;

/* Laid out as a list of the QAPI kind. */
typedef struct IOThreadVQMappingList {
    struct IOThreadVQMappingList *next;
    IOThreadVQMapping *value;
} IOThreadVQMappingList;

/* The property's type; its field is an IOThreadVQMappingList *. */
extern const PropertyInfo prop_info_iothread_vq_mapping_list;

/*
 * Check @list and give each of the @num_queues queues its context in
 * @vq_ctx. Holds a reference to every IOThread named
 * until iothread_vq_mapping_cleanup(). False with @errp and nothing held.
 */
bool iothread_vq_mapping_apply(IOThreadVQMappingList *list, AioContext **vq_ctx,
                               uint16_t num_queues, Error **errp);
void iothread_vq_mapping_cleanup(IOThreadVQMappingList *list);

#endif
