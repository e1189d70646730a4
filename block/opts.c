/*
 * Taking options out of a flat QDict.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/opts.h"

#include "qobject/qbool.h"
#include "qobject/qnum.h"
#include "qobject/qstring.h"
#include "util/cutils.h"

/* The value as a command line would write it; NULL if there is none. */
static char *obj_text(QObject *obj)
{
    if (!obj) {
        return NULL;
    }
    switch (qobject_type(obj)) {
    case QTYPE_QSTRING:
        return g_strdup(qstring_get_str(qobject_to(QString, obj)));
    case QTYPE_QBOOL:
        return g_strdup(qbool_get_bool(qobject_to(QBool, obj)) ? "on" : "off");
    case QTYPE_QNUM:
        return qnum_to_string(qobject_to(QNum, obj));
    default:
        return NULL;
    }
}

bool bdrv_option_is_equal(QObject *a, QObject *b)
{
    g_autofree char *text_a = obj_text(a);
    g_autofree char *text_b = obj_text(b);

    if (!a || !b || !text_a || !text_b) {
        return a == b || (a && b && qobject_is_equal(a, b));
    }
    return !strcmp(text_a, text_b);
}

char *bdrv_take_str(QDict *options, const char *key)
{
    char *text = obj_text(qdict_get(options, key));

    if (text) {
        qdict_del(options, key);
    }
    return text;
}

bool bdrv_take_bool(QDict *options, const char *key, bool *value, Error **errp)
{
    g_autofree char *text = bdrv_take_str(options, key);

    if (text && !parse_on_off(text, value)) {
        error_setg(errp, "Parameter '%s' expects 'on' or 'off'", key);
        return false;
    }
    return true;
}

bool bdrv_take_number(QDict *options, const char *key, uint64_t *value,
                      Error **errp)
{
    g_autofree char *text = bdrv_take_str(options, key);
    int ret;

    if (!text) {
        return true;
    }
    ret = qemu_strtou64(text, NULL, 0, value);
    if (ret == -ERANGE) {
        error_setg(errp, "Value '%s' is too large for parameter '%s'", text,
                   key);
        return false;
    }
    if (ret < 0) {
        error_setg(errp, "Parameter '%s' expects a number", key);
        return false;
    }
    return true;
}

bool bdrv_take_size(QDict *options, const char *key, uint64_t *value,
                    Error **errp)
{
    g_autofree char *text = bdrv_take_str(options, key);
    ERRP_GUARD();
    int ret;

    if (!text) {
        return true;
    }
    ret = qemu_strtosz(text, NULL, value);
    if (ret == -ERANGE) {
        error_setg(errp, "Value '%s' is out of range for parameter '%s'", text,
                   key);
        return false;
    }
    if (ret < 0) {
        error_setg(errp,
                   "Parameter '%s' expects a non-negative number below 2^64",
                   key);
        error_append_hint(errp,
                          "Optional suffix k, M, G, T, P or E means kilo-, "
                          "mega-, giga-, tera-, peta-\n"
                          "and exabytes, respectively.\n");
        return false;
    }
    return true;
}

int bdrv_take_enum(QDict *options, const char *key, const char *const *names,
                   Error **errp)
{
    g_autofree char *text = bdrv_take_str(options, key);

    if (!text) {
        return -1;
    }
    for (int i = 0; names[i]; i++) {
        if (!strcmp(names[i], text)) {
            return i;
        }
    }
    error_setg(errp, "invalid parameter value: %s", text);
    return -1;
}

void bdrv_default_bool(QDict *options, const char *key, bool value)
{
    qdict_set_default_str(options, key, value ? "on" : "off");
}

void bdrv_copy_default(QDict *dst, const QDict *src, const char *key)
{
    QObject *obj = qdict_get(src, key);

    if (obj && !qdict_haskey(dst, key)) {
        qdict_put_obj(dst, key, qobject_ref(obj));
    }
}
