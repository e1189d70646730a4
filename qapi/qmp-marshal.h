/*
 * For generated command code.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef QAPI_QMP_MARSHAL_H
#define QAPI_QMP_MARSHAL_H

#include "qobject/qdict.h"
#include "util/error.h"

/* False and @errp when there are arguments: the command takes none. */
bool qmp_check_no_arguments(const QDict *args, Error **errp);

#endif
