/*
 * query-qmp-schema: the schema tells about itself.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "qapi/qapi-commands-introspect.h"
#include "qapi/qmp-dispatch.h"
#include "qapi/qmp-marshal.h"
#include "qobject/json.h"

static const char *schema_json = "[]";

void qmp_set_introspection(const char *json)
{
    schema_json = json;
}

void qmp_query_qmp_schema(QDict *args, QObject **ret, Error **errp)
{
    if (qmp_check_no_arguments(args, errp)) {
        *ret = qobject_from_json(schema_json, &error_abort);
    }
}
