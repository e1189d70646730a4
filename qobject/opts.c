/*
 * Flat "key=value,flag,..." strings, as -drive, -device and -chardev take them.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "qobject/keyval.h"
#include "qobject/qstring.h"
#include "util/cutils.h"
#include "util/error-report.h"
#include "util/error.h"

const char *get_opt_value(const char *p, char **value)
{
    GString *text = g_string_new(NULL);

    for (; *p && (*p != ',' || p[1] == ','); p++) {
        g_string_append_c(text, *p);
        if (*p == ',') {
            p++;
        }
    }
    *value = g_string_free(text, false);
    return p;
}

/* A name without a value: "foo" is "foo=on", "nofoo" is "foo=off". */
static void put_flag(QDict *opts, const char *flag)
{
    bool off = g_str_has_prefix(flag, "no");
    const char *name = off ? flag + 2 : flag;
    const char *value = off ? "off" : "on";

    warn_report("short-form boolean option '%s' deprecated", flag);
    error_printf("Please use %s=%s instead\n", name, value);
    qdict_put_str(opts, name, value);
}

/* One item up to ','; what is behind the item. */
static const char *parse_item(QDict *opts, const char *p,
                              const char *implied_key, bool *help)
{
    size_t len = strcspn(p, "=,");
    g_autofree char *name = NULL;
    g_autofree char *value = NULL;

    if (p[len] == '=') {
        name = g_strndup(p, len);
        p = get_opt_value(p + len + 1, &value);
        qdict_put_str(opts, name, value);
        return p;
    }
    if (help &&
        ((len == 4 && !strncmp(p, "help", 4)) || (len == 1 && p[0] == '?'))) {
        *help = true;
        return p + len;
    }
    if (implied_key) {
        p = get_opt_value(p, &value);
        qdict_put_str(opts, implied_key, value);
        return p;
    }
    name = g_strndup(p, len);
    put_flag(opts, name);
    return p + len;
}

QDict *opts_parse(const char *params, const char *implied_key, bool *help,
                  Error **errp)
{
    g_autoptr(QDict) opts = qdict_new();
    const char *id;

    if (help) {
        *help = false;
    }
    while (*params) {
        params = parse_item(opts, params, implied_key, help);
        implied_key = NULL;
        params += *params == ',';
    }

    id = qdict_get_try_str(opts, "id");
    if (id && !id_wellformed(id)) {
        error_setg(errp, "Parameter 'id' expects an identifier");
        error_append_hint(errp, "Identifiers consist of letters, digits, "
                                "'-', '.', '_', starting with a letter.\n");
        return NULL;
    }
    return g_steal_pointer(&opts);
}
