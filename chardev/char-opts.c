/*
 * Options of character devices: -chardev and the short forms of -serial,
 * -monitor and -qmp.
 *
 * Both become flat strings, which each back end turns into its part of the
 * schema's ChardevBackend, the one description that opens a device.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "chardev/char-internal.h"
#include "qobject/keyval.h"
#include "qobject/qdict.h"
#include "qobject/qstring.h"
#include "util/cutils.h"

static void (*mux_monitor)(Chardev *chr, Error **errp);

void qemu_chr_set_mux_monitor(void (*fn)(Chardev *chr, Error **errp))
{
    mux_monitor = fn;
}

/* --- single options --- */

bool char_opt_bool(QDict *opts, const char *key, bool *has, bool *value,
                   Error **errp)
{
    const char *str = qdict_get_try_str(opts, key);
    bool b;

    if (!str) {
        return true;
    }
    /* A flag of the command line is "on" or "off" and nothing else. */
    if (g_str_equal(str, "on")) {
        b = true;
    } else if (g_str_equal(str, "off")) {
        b = false;
    } else {
        error_setg(errp, "Parameter '%s' expects 'on' or 'off'", key);
        return false;
    }
    qdict_del(opts, key);
    *value = b;
    if (has) {
        *has = true;
    }
    return true;
}

bool char_opt_int(QDict *opts, const char *key, bool *has, int64_t *value,
                  Error **errp)
{
    const char *str = qdict_get_try_str(opts, key);
    uint64_t n;

    if (!str) {
        return true;
    }
    if (qemu_strtou64(str, NULL, 0, &n) < 0) {
        error_setg(errp, "Parameter '%s' expects a number", key);
        return false;
    }
    qdict_del(opts, key);
    *value = MIN(n, INT64_MAX);
    *has = true;
    return true;
}

bool qemu_chr_parse_common(QDict *opts, ChardevCommon *common, Error **errp)
{
    common->logfile = qdict_take_str(opts, "logfile");
    return char_opt_bool(opts, "logappend", &common->has_logappend,
                         &common->logappend, errp);
}

const ChardevCommon *qemu_chr_backend_common(const ChardevBackend *backend)
{
    /* All variants have ChardevCommon as their base. */
    return (const ChardevCommon *)backend->u.null.data;
}

/* --- the whole of -chardev --- */

typedef enum CharOptType {
    CHAR_OPT_STR,
    CHAR_OPT_BOOL,
    CHAR_OPT_INT
} CharOptType;

/* Every option of -chardev: a back end ignores those of the others. */
static const struct {
    const char *name;
    CharOptType type;
} char_opt_table[] = {
    { "abstract", CHAR_OPT_BOOL },    { "append", CHAR_OPT_BOOL },
    { "backend", CHAR_OPT_STR },      { "chardev", CHAR_OPT_STR },
    { "cols", CHAR_OPT_INT },         { "delay", CHAR_OPT_BOOL },
    { "fd", CHAR_OPT_STR },           { "height", CHAR_OPT_INT },
    { "host", CHAR_OPT_STR },         { "input-path", CHAR_OPT_STR },
    { "ipv4", CHAR_OPT_BOOL },        { "ipv6", CHAR_OPT_BOOL },
    { "localaddr", CHAR_OPT_STR },    { "localport", CHAR_OPT_STR },
    { "logappend", CHAR_OPT_BOOL },   { "logfile", CHAR_OPT_STR },
    { "mux", CHAR_OPT_BOOL },         { "name", CHAR_OPT_STR },
    { "nodelay", CHAR_OPT_BOOL },     { "path", CHAR_OPT_STR },
    { "port", CHAR_OPT_STR },         { "reconnect", CHAR_OPT_INT },
    { "reconnect-ms", CHAR_OPT_INT }, { "rows", CHAR_OPT_INT },
    { "server", CHAR_OPT_BOOL },      { "signal", CHAR_OPT_BOOL },
    { "size", CHAR_OPT_STR },         { "telnet", CHAR_OPT_BOOL },
    { "tight", CHAR_OPT_BOOL },       { "tls-authz", CHAR_OPT_STR },
    { "tls-creds", CHAR_OPT_STR },    { "tn3270", CHAR_OPT_BOOL },
    { "to", CHAR_OPT_INT },           { "wait", CHAR_OPT_BOOL },
    { "websocket", CHAR_OPT_BOOL },   { "width", CHAR_OPT_INT },
};

static bool check_option(const char *key, const char *value, Error **errp)
{
    CharOptType type;
    uint64_t n;
    size_t i;

    for (i = 0; i < ARRAY_SIZE(char_opt_table); i++) {
        if (g_str_equal(char_opt_table[i].name, key)) {
            break;
        }
    }
    if (i == ARRAY_SIZE(char_opt_table) || !value) {
        error_setg(errp, "Invalid parameter '%s'", key);
        return false;
    }
    type = char_opt_table[i].type;
    if (type == CHAR_OPT_BOOL && !g_str_equal(value, "on") &&
        !g_str_equal(value, "off")) {
        error_setg(errp, "Parameter '%s' expects 'on' or 'off'", key);
        return false;
    }
    if (type == CHAR_OPT_INT && qemu_strtou64(value, NULL, 0, &n) < 0) {
        error_setg(errp, "Parameter '%s' expects a number", key);
        return false;
    }
    return true;
}

static bool check_options(const QDict *opts, Error **errp)
{
    const QDictEntry *e;

    QDICT_FOREACH(opts, e) {
        const QString *str = qobject_to(QString, qdict_entry_value(e));

        if (!check_option(qdict_entry_key(e), str ? qstring_get_str(str) : NULL,
                          errp)) {
            return false;
        }
    }
    return true;
}

/* A mux named @id over the device @base. */
static Chardev *new_mux(const char *id, const char *base, Error **errp)
{
    g_autoptr(ChardevBackend) backend = g_new0(ChardevBackend, 1);

    backend->type = CHARDEV_BACKEND_KIND_MUX;
    backend->u.mux.data = g_new0(ChardevMux, 1);
    backend->u.mux.data->chardev = g_strdup(base);
    return qemu_chr_new_from_backend(id, backend, errp);
}

static Chardev *new_from_dict(const char *id, QDict *opts, Error **errp)
{
    g_autofree char *name = qdict_take_str(opts, "backend");
    g_autoptr(ChardevBackend) backend = NULL;
    g_autofree char *base = NULL;
    const ChardevOps *ops;
    Chardev *chr, *chr_mux;
    bool mux = false;

    if (!name) {
        error_setg(errp, "chardev: \"%s\" missing backend", id);
        return NULL;
    }
    if (!check_options(opts, errp) ||
        !char_opt_bool(opts, "mux", NULL, &mux, errp)) {
        return NULL;
    }
    ops = char_ops_by_name(name);
    if (!ops) {
        error_setg(errp, "'%s' is not a valid char driver name", name);
        return NULL;
    }
    backend = g_new0(ChardevBackend, 1);
    backend->type = ops->kind;
    if (!ops->parse(opts, backend, errp)) {
        return NULL;
    }
    base = mux ? g_strdup_printf("%s-base", id) : g_strdup(id);
    chr = qemu_chr_new_from_backend(base, backend, errp);
    if (!chr || !mux) {
        return chr;
    }
    chr_mux = new_mux(id, base, errp);
    if (!chr_mux) {
        qemu_chr_delete(chr);
    }
    return chr_mux;
}

Chardev *qemu_chr_new_from_opts(QDict *opts, Error **errp)
{
    ERRP_GUARD();
    g_autofree char *id = qdict_take_str(opts, "id");

    if (!id) {
        error_setg(errp, "chardev: no id specified");
        return NULL;
    }
    if (!id_wellformed(id)) {
        error_setg(errp, "Parameter 'id' expects an identifier");
        error_append_hint(errp, "Identifiers consist of letters, digits, '-', "
                                "'.', '_', starting with a letter.\n");
        return NULL;
    }
    if (qemu_chr_find(id)) {
        error_setg(errp, "Duplicate ID '%s' for chardev", id);
        return NULL;
    }
    return new_from_dict(id, opts, errp);
}

Chardev *qemu_chr_new_from_string(const char *str, bool *help, Error **errp)
{
    g_autoptr(QDict) opts = NULL;
    const char *backend;

    *help = false;
    if (g_str_equal(str, "help") || g_str_equal(str, "?")) {
        *help = true;
        qemu_chr_print_types();
        return NULL;
    }
    opts = opts_parse(str, "backend", help, errp);
    if (!opts || *help) {
        return NULL;
    }
    backend = qdict_get_try_str(opts, "backend");
    if (backend &&
        (g_str_equal(backend, "help") || g_str_equal(backend, "?"))) {
        *help = true;
        qemu_chr_print_types();
        return NULL;
    }
    return qemu_chr_new_from_opts(opts, errp);
}

/* --- the short forms --- */

/* HOST:PORT[,opts] */
static QDict *parse_tcp(const char *p, Error **errp)
{
    g_autofree char *host = NULL;
    g_autofree char *port = NULL;
    const char *colon = strchr(p, ':');
    const char *end;
    QDict *opts;

    if (!colon || memchr(p, ',', colon - p)) {
        return NULL;
    }
    end = strchrnul(colon, ',');
    host = g_strndup(p, colon - p);
    port = g_strndup(colon + 1, end - colon - 1);
    if (!port[0] || strlen(port) > 32 || strlen(host) > 64) {
        return NULL;
    }
    opts = opts_parse(*end ? end + 1 : end, NULL, NULL, errp);
    if (opts) {
        qdict_put_str(opts, "backend", "socket");
        qdict_put_str(opts, "host", host);
        qdict_put_str(opts, "port", port);
    }
    return opts;
}

static QDict *parse_path(const char *backend, const char *path)
{
    QDict *opts = qdict_new();

    qdict_put_str(opts, "backend", backend);
    if (path) {
        qdict_put_str(opts, "path", path);
    }
    return opts;
}

static QDict *parse_short(const char *filename, Error **errp)
{
    static const char *const plain[] = { "null", "pty", "stdio", NULL };
    static const char *const streams[] = { "telnet", "tn3270", "websocket",
                                           NULL };
    const char *p;
    QDict *opts = NULL;

    if (g_strv_contains(plain, filename)) {
        return parse_path(filename, NULL);
    }
    if (strstart(filename, "vc", &p) && (*p == '\0' || *p == ':')) {
        return parse_path("null", NULL); /* nobody could see it */
    }
    if (strstart(filename, "file:", &p)) {
        return parse_path("file", p);
    }
    if (strstart(filename, "pipe:", &p)) {
        return parse_path("pipe", p);
    }
    if (strstart(filename, "pty:", &p)) {
        return parse_path("pty", p);
    }
    if (strstart(filename, "tcp:", &p)) {
        return parse_tcp(p, errp);
    }
    if (strstart(filename, "unix:", &p)) {
        opts = opts_parse(p, "path", NULL, errp);
        if (opts) {
            qdict_put_str(opts, "backend", "socket");
        }
        return opts;
    }
    for (int i = 0; streams[i]; i++) {
        if (strstart(filename, streams[i], &p) && *p == ':') {
            opts = parse_tcp(p + 1, errp);
            if (opts) {
                qdict_put_str(opts, streams[i], "on");
            }
            return opts;
        }
    }
    error_setg(errp, "'%s' is not a valid char driver", filename);
    return NULL;
}

QDict *qemu_chr_parse_compat(const char *label, const char *filename,
                             bool mux_mon, Error **errp)
{
    ERRP_GUARD();
    const char *p = filename;
    bool mux = mux_mon && strstart(filename, "mon:", &p);
    g_autoptr(QDict) opts = parse_short(p, errp);

    if (!opts) {
        return NULL;
    }
    if (!check_options(opts, errp)) {
        return NULL;
    }
    if (mux) {
        qdict_put_str(opts, "mux", "on");
        if (g_str_equal(p, "stdio")) {
            /* Ctrl-C is for the guest there. */
            qdict_put_str(opts, "signal", "off");
        }
    }
    qdict_put_str(opts, "id", label);
    return g_steal_pointer(&opts);
}

bool qemu_chr_is_valid_short(const char *filename, Error **errp)
{
    g_autoptr(QDict) opts = qemu_chr_parse_compat("x", filename, false, errp);

    return opts != NULL;
}

static Chardev *chr_new(const char *label, const char *filename, bool mux_mon,
                        Error **errp)
{
    g_autoptr(QDict) opts = NULL;
    Error *local_err = NULL;
    const char *p;
    Chardev *chr;

    if (strstart(filename, "chardev:", &p)) {
        return qemu_chr_find(p);
    }
    if (g_str_equal(filename, "none")) {
        return NULL;
    }
    opts = qemu_chr_parse_compat(label, filename, mux_mon, errp);
    if (!opts) {
        return NULL;
    }
    qdict_del(opts, "id");
    if (qemu_chr_find(label)) {
        error_setg(errp, "Duplicate ID '%s' for chardev", label);
        return NULL;
    }
    chr = new_from_dict(label, opts, errp);
    if (chr && mux_mon && strstart(filename, "mon:", NULL) && mux_monitor) {
        mux_monitor(chr, &local_err);
        if (local_err) {
            error_propagate(errp, local_err);
            return NULL;
        }
    }
    return chr;
}

Chardev *qemu_chr_new(const char *label, const char *filename, Error **errp)
{
    return chr_new(label, filename, false, errp);
}

Chardev *qemu_chr_new_mux_mon(const char *label, const char *filename,
                              Error **errp)
{
    return chr_new(label, filename, true, errp);
}
