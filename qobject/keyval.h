/*
 * "key=value,..." strings of the command line.
 *
 * Two dialects. keyval_*: dotted keys make nested dictionaries and lists,
 * values are strings (-blockdev, -object, -machine ...). opts_*: flat, with
 * bare flags ("server" = "server=on", "nowait" = "wait=off"), as -drive,
 * -device and -chardev have it. In both ",," stands for a comma in a value.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef QOBJECT_KEYVAL_H
#define QOBJECT_KEYVAL_H

#include "qobject/qdict.h"
#include "util/error.h"

/*
 * Parse @params into a new nested dictionary of strings.
 * @implied_key: name for a first value without a key, or NULL.
 * @help: when not NULL, "help" and "?" (without value) set *@help instead of
 * being an error.
 * NULL and @errp on error.
 */
QDict *keyval_parse(const char *params, const char *implied_key, bool *help,
                    Error **errp);

/* The same, into @qdict (later keys override). Returns it, or NULL. */
QDict *keyval_parse_into(QDict *qdict, const char *params,
                         const char *implied_key, bool *help, Error **errp);

/* Add @merged to @dest, recursively; what it sets overrides. */
void keyval_merge(QDict *dest, const QDict *merged, Error **errp);

/* Parse @params, flat, into a new dictionary of strings; arguments as above. */
QDict *opts_parse(const char *params, const char *implied_key, bool *help,
                  Error **errp);

/*
 * JSON when @params begins with '{' (values keep their types; *@is_json is
 * set), else keyval_parse(). What -blockdev, -object and -device accept.
 */
QDict *keyval_or_json_parse(const char *params, const char *implied_key,
                            bool *help, bool *is_json, Error **errp);

/* One piece up to an unescaped comma into *@value; the rest of the string. */
const char *get_opt_value(const char *p, char **value);

#endif
