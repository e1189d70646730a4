/*
 * Input visitors: QObjects, JSON and key=value strings to QAPI values.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef QAPI_QOBJECT_INPUT_VISITOR_H
#define QAPI_QOBJECT_INPUT_VISITOR_H

#include "qapi/visitor.h"

/*
 * For JSON values: each has its type. "Parameter 'x' is missing", "Invalid
 * parameter type for 'x', expected: integer", "Parameter 'x' is unexpected".
 * The visitor has its own reference to @obj.
 */
Visitor *qobject_input_visitor_new(QObject *obj);

/*
 * For what keyval_parse() made: scalars are strings, which are parsed as the
 * type asks for (on/off, numbers, sizes with suffix).
 */
Visitor *qobject_input_visitor_new_keyval(QObject *obj);

/*
 * For the command line: JSON if @str begins with '{', else key=value with
 * @implied_key for the first. NULL and @errp on a syntax error.
 */
Visitor *qobject_input_visitor_new_str(const char *str, const char *implied_key,
                                       Error **errp);

/* For a flat @qdict with dotted keys and values of either kind. */
Visitor *qobject_input_visitor_new_flat_confused(QDict *qdict, Error **errp);

#endif
