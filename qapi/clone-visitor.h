/*
 * Deep copies of QAPI values: out to a QObject and in again.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef QAPI_CLONE_VISITOR_H
#define QAPI_CLONE_VISITOR_H

#include "qapi/qobject-input-visitor.h"
#include "qapi/qobject-output-visitor.h"

/*
 * A copy of @src, a struct, union, alternate or list (TYPE *); NULL of NULL.
 * The type's visit header must be included.
 */
#define QAPI_CLONE(type, src)                                             \
    (__extension__({                                                      \
        type *clone_src_ = (type *)(src);                                 \
        type *clone_dst_ = NULL;                                          \
        if (clone_src_) {                                                 \
            QObject *clone_obj_;                                          \
            Visitor *clone_v_ = qobject_output_visitor_new(&clone_obj_);  \
            visit_type_##type(clone_v_, NULL, &clone_src_, &error_abort); \
            visit_complete(clone_v_, &clone_obj_);                        \
            visit_free(clone_v_);                                         \
            clone_v_ = qobject_input_visitor_new(clone_obj_);             \
            visit_type_##type(clone_v_, NULL, &clone_dst_, &error_abort); \
            visit_free(clone_v_);                                         \
            qobject_unref(clone_obj_);                                    \
        }                                                                 \
        clone_dst_;                                                       \
    }))

#endif
