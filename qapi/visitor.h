/*
 * Visitors: walking over QAPI values to read, write or free them.
 *
 * Generated visit_type_X() functions describe a value to a visitor, member by
 * member. What happens at each is the visitor's business: an input visitor
 * makes the value, an output visitor writes it down, the dealloc visitor frees
 * it. Visitors are used by one thread and once.
 *
 * A visit_*() returns true on success, and false with @errp set. After a
 * failed input visit of a whole type *obj is NULL.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef QAPI_VISITOR_H
#define QAPI_VISITOR_H

#include "qapi/qapi-builtin-types.h"
#include "qapi/util.h"
#include "qobject/qobject.h"
#include "util/error.h"

typedef struct Visitor Visitor;

/* All alternates begin like this. */
typedef struct GenericAlternate {
    QType type;
    char padding[];
} GenericAlternate;

/* The visit is over; an output visitor fills its result in. */
void visit_complete(Visitor *v, void *opaque);
/* NULL is fine. */
void visit_free(Visitor *v);
bool visit_is_input(const Visitor *v);
bool visit_is_dealloc(const Visitor *v);

/*
 * A struct (or union) member @name, whose members follow. @obj NULL: a walk
 * without a C struct. Input: *@obj is allocated with @size zero bytes.
 */
bool visit_start_struct(Visitor *v, const char *name, void **obj, size_t size,
                        Error **errp);
/* Input: there must not be members that were not visited. */
bool visit_check_struct(Visitor *v, Error **errp);
/* For each successful start. */
void visit_end_struct(Visitor *v, void **obj);

/* Likewise for lists. Elements have no name. */
bool visit_start_list(Visitor *v, const char *name, GenericList **list,
                      size_t size, Error **errp);
/* The next element after @tail, or NULL. */
GenericList *visit_next_list(Visitor *v, GenericList *tail, size_t size);
bool visit_check_list(Visitor *v, Error **errp);
void visit_end_list(Visitor *v, void **list);

/* Likewise for alternates. Input: (*@obj)->type tells what is there. */
bool visit_start_alternate(Visitor *v, const char *name, GenericAlternate **obj,
                           size_t size, Error **errp);
void visit_end_alternate(Visitor *v, void **obj);

/*
 * Whether the optional member @name is there: *@present is that for output,
 * and is set for input. Returns *@present.
 */
bool visit_optional(Visitor *v, const char *name, bool *present);

/* An enum value by name, "Parameter 'x' does not accept value 'y'". */
bool visit_type_enum(Visitor *v, const char *name, int *obj,
                     const QEnumLookup *lookup, Error **errp);

bool visit_type_int(Visitor *v, const char *name, int64_t *obj, Error **errp);
bool visit_type_int8(Visitor *v, const char *name, int8_t *obj, Error **errp);
bool visit_type_int16(Visitor *v, const char *name, int16_t *obj, Error **errp);
bool visit_type_int32(Visitor *v, const char *name, int32_t *obj, Error **errp);
bool visit_type_int64(Visitor *v, const char *name, int64_t *obj, Error **errp);
bool visit_type_uint8(Visitor *v, const char *name, uint8_t *obj, Error **errp);
bool visit_type_uint16(Visitor *v, const char *name, uint16_t *obj,
                       Error **errp);
bool visit_type_uint32(Visitor *v, const char *name, uint32_t *obj,
                       Error **errp);
bool visit_type_uint64(Visitor *v, const char *name, uint64_t *obj,
                       Error **errp);
/* As uint64, and in key=value strings with a suffix such as K, M or G. */
bool visit_type_size(Visitor *v, const char *name, uint64_t *obj, Error **errp);
bool visit_type_bool(Visitor *v, const char *name, bool *obj, Error **errp);
/* Input: the caller frees *@obj. */
bool visit_type_str(Visitor *v, const char *name, char **obj, Error **errp);
bool visit_type_number(Visitor *v, const char *name, double *obj, Error **errp);
bool visit_type_any(Visitor *v, const char *name, QObject **obj, Error **errp);
bool visit_type_null(Visitor *v, const char *name, QNull **obj, Error **errp);

#endif
