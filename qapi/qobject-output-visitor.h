/*
 * Output visitor: QAPI values to QObjects.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef QAPI_QOBJECT_OUTPUT_VISITOR_H
#define QAPI_QOBJECT_OUTPUT_VISITOR_H

#include "qapi/visitor.h"

/*
 * visit_complete(v, @result) stores the value; the caller has the reference.
 */
Visitor *qobject_output_visitor_new(QObject **result);

#endif
