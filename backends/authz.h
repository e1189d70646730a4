/*
 * Objects that say who may connect: authz-simple, authz-list.
 *
 * Thread: main.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef BACKENDS_AUTHZ_H
#define BACKENDS_AUTHZ_H

#include "qom/object.h"

/* May @identity connect, says the object @id? False and @errp if there is no
 * such object, too. */
bool authz_is_allowed_by_id(const char *id, const char *identity, Error **errp);

extern const TypeInfo authz_type;
extern const TypeInfo authz_list_type;
extern const TypeInfo authz_simple_type;

#endif
