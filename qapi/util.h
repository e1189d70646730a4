/*
 * Small helpers around generated QAPI types: enums and lists.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef QAPI_UTIL_H
#define QAPI_UTIL_H

#include "util/error.h"

/* The names of an enum's values; generated as TYPE_lookup. */
typedef struct QEnumLookup {
    const char *const *array;
    int size;
} QEnumLookup;

/* The name of @val, which must be a value of the enum. */
const char *qapi_enum_lookup(const QEnumLookup *lookup, int val);

/*
 * The value named @buf. @def when @buf is NULL or (with "invalid parameter
 * value: x" in @errp) is no name.
 */
int qapi_enum_parse(const QEnumLookup *lookup, const char *buf, int def,
                    Error **errp);

/* "on/yes/true/y" and "off/no/false/n"; else false and @errp. */
bool qapi_bool_parse(const char *name, const char *value, bool *obj,
                     Error **errp);

/* All lists look like this. */
typedef struct GenericList {
    struct GenericList *next;
    char padding[];
} GenericList;

/* Put @element in front of @list; it becomes the list's. */
#define QAPI_LIST_PREPEND(list, element)                             \
    do {                                                             \
        __typeof__(list) qapi_list_new_ = g_malloc(sizeof(*(list))); \
        qapi_list_new_->value = (element);                           \
        qapi_list_new_->next = (list);                               \
        (list) = qapi_list_new_;                                     \
    } while (0)

/*
 * Put @element at the end: @tail is XList **, first &list, and afterwards the
 * place for the next element.
 */
#define QAPI_LIST_APPEND(tail, element)        \
    do {                                       \
        *(tail) = g_malloc0(sizeof(**(tail))); \
        (*(tail))->value = (element);          \
        (tail) = &(*(tail))->next;             \
    } while (0)

static inline size_t qapi_list_length_(const GenericList *list)
{
    size_t n = 0;

    for (; list; list = list->next) {
        n++;
    }
    return n;
}
#define QAPI_LIST_LENGTH(list) qapi_list_length_((const GenericList *)(list))

#endif
