/*
 * query-qmp-schema: the schema tells about itself.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "qapi/qapi-commands-introspect.h"
#include "qapi/qapi-introspect.h"
#include "qapi/qmp-marshal.h"
#include "qobject/json.h"

void qmp_query_qmp_schema(QDict *args, QObject **ret, Error **errp)
{
    if (qmp_check_no_arguments(args, errp)) {
        *ret = qobject_from_json(qapi_introspect_json, &error_abort);
    }
}
