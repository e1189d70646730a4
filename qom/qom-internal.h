/*
 * What the files of the object model share.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef QOM_QOM_INTERNAL_H
#define QOM_QOM_INTERNAL_H

#include "qom/property.h"

/* For every property of @table (NULL: none), included ones too. */
void property_table_set_defaults(Object *obj, const Property *table);
void property_table_release(Object *obj, const Property *table);

/* The property @name of @type and where in the instance its field is. */
const Property *type_property_find(const TypeInfo *type, const char *name,
                                   size_t *offset);

#endif
