/*
 * Reading blkdebug's rules: from its file and from options.
 *
 * The file is made of sections, "[inject-error]" and "[set-state]", with
 * lines 'key = "value"' below; '#' begins a comment. A value without quotes
 * counts as empty.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/filters/blkdebug.h"

#include "block/opts.h"
#include "qobject/qlist.h"

static const char *const sections[] = { "inject-error", "set-state", NULL };

static const char *const *section_keys(int section)
{
    static const char *const inject[] = { "event",       "state",  "iotype",
                                          "errno",       "sector", "once",
                                          "immediately", NULL };
    static const char *const set[] = { "event", "state", "new_state", NULL };

    return section == 0 ? inject : set;
}

void blkdebug_rule_free(BlkdebugRules *rules, BlkdebugRule *rule)
{
    TAILQ_REMOVE(rules, rule, next);
    g_free(rule->tag);
    g_free(rule);
}

/* --- one rule --- */

static bool take_inject(BlkdebugRule *r, QDict *opts, Error **errp)
{
    g_autofree char *iotype = bdrv_take_str(opts, "iotype");
    uint64_t error = EIO, sector = UINT64_MAX;
    int type = -1;
    ERRP_GUARD();

    if (iotype) {
        type = qapi_enum_parse(&BlkdebugIOType_lookup, iotype, -1, errp);
        if (*errp) {
            return false;
        }
    }
    r->iotypes = type >= 0 ? 1u << type
                           : ~(1u << BLKDEBUG_IO_TYPE_BLOCK_STATUS);
    if (!bdrv_take_number(opts, "errno", &error, errp) ||
        !bdrv_take_number(opts, "sector", &sector, errp) ||
        !bdrv_take_bool(opts, "once", &r->once, errp) ||
        !bdrv_take_bool(opts, "immediately", &r->immediately, errp)) {
        return false;
    }
    r->error = error > INT_MAX ? EIO : (int)error;
    /* What cannot be a sector is none */
    r->sector = sector > INT64_MAX / BDRV_SECTOR_SIZE ? -1 : (int64_t)sector;
    return true;
}

static bool add_rule(BlkdebugRules *rules, int section, QDict *opts,
                     Error **errp)
{
    g_autofree char *event = bdrv_take_str(opts, "event");
    g_autofree BlkdebugRule *r = g_new0(BlkdebugRule, 1);
    int value;

    if (!bdrv_take_number(opts, "state", &r->state, errp)) {
        return false;
    }
    if (section == 0
            ? !take_inject(r, opts, errp)
            : !bdrv_take_number(opts, "new_state", &r->new_state, errp)) {
        return false;
    }
    if (!event) {
        error_setg(errp, "Missing event name for rule");
        return false;
    }
    value = qapi_enum_parse(&BlkdebugEvent_lookup, event, -1, errp);
    if (value < 0) {
        return false;
    }
    r->event = value;
    r->action = section == 0 ? BLKDEBUG_INJECT_ERROR : BLKDEBUG_SET_STATE;
    TAILQ_INSERT_TAIL(rules, r, next);
    g_steal_pointer(&r);
    return true;
}

/* --- the file --- */

typedef struct Section {
    int section; /* index into sections */
    QDict *opts;
} Section;

static void section_free(gpointer p)
{
    Section *s = p;

    qobject_unref(s->opts);
    g_free(s);
}

static bool begin_section(GPtrArray *found, const char *name, size_t len,
                          Error **errp)
{
    for (int i = 0; sections[i]; i++) {
        if (strlen(sections[i]) == len && !strncmp(sections[i], name, len)) {
            Section *s = g_new0(Section, 1);

            s->section = i;
            s->opts = qdict_new();
            g_ptr_array_add(found, s);
            return true;
        }
    }
    error_setg(errp, "There is no option group '%.*s'", (int)len, name);
    return false;
}

/* 'key = "value"', without white space in front. */
static bool parse_assignment(GPtrArray *found, const char *line, Error **errp)
{
    size_t len = strcspn(line, " \t");
    g_autofree char *key = g_strndup(line, len), *value = NULL;
    const Section *s = found->len ? found->pdata[found->len - 1] : NULL;
    const char *p = line + len + strspn(line + len, " \t");

    if (*p == '=') {
        p++;
        p += strspn(p, " \t");
        if (*p == '"') {
            value = g_strndup(p + 1, strcspn(p + 1, "\""));
        }
    }
    if (!s) {
        error_setg(errp, "no group defined");
        return false;
    }
    for (int i = 0; section_keys(s->section)[i]; i++) {
        if (!strcmp(section_keys(s->section)[i], key)) {
            qdict_put_str(s->opts, key, value ? value : "");
            return true;
        }
    }
    error_setg(errp, "Invalid parameter '%s'", key);
    return false;
}

static bool parse_line(GPtrArray *found, char *line, Error **errp)
{
    size_t len;

    line += strspn(line, " \t");
    g_strchomp(line);
    if (!*line || *line == '#') {
        return true;
    }
    len = line[0] == '[' ? strcspn(line, "]") : 0;
    if (len && line[len] == ']') {
        return begin_section(found, line + 1,
                             MIN(len - 1, strcspn(line + 1, " \t\"")), errp);
    }
    return parse_assignment(found, line, errp);
}

static int read_file(GPtrArray *found, const char *filename, Error **errp)
{
    g_autofree char *line = NULL;
    FILE *f = fopen(filename, "re");
    size_t size = 0;
    bool ok = true;

    if (!f) {
        int ret = -errno;

        error_setg_errno(errp, -ret, "Could not read blkdebug config file");
        return ret;
    }
    while (ok && getline(&line, &size, f) >= 0) {
        ok = parse_line(found, line, errp);
    }
    fclose(f);
    return ok ? 0 : -EINVAL;
}

/* --- both --- */

/* "inject-error.0.event" and so on. */
static void read_options(GPtrArray *found, int section, QDict *options)
{
    g_autofree char *prefix = g_strdup_printf("%s.", sections[section]);
    g_autoptr(QDict) sub = NULL;
    g_autoptr(QList) list = NULL;
    const QListEntry *e;

    qdict_extract_subqdict(options, &sub, prefix);
    qdict_array_split(sub, &list);
    QLIST_FOREACH_ENTRY(list, e) {
        QDict *dict = qobject_to(QDict, qlist_entry_obj(e));

        if (dict) {
            Section *s = g_new0(Section, 1);

            s->section = section;
            s->opts = qdict_clone_shallow(dict);
            g_ptr_array_add(found, s);
        }
    }
}

int blkdebug_read_rules(BlkdebugRules *rules, const char *filename,
                        QDict *options, Error **errp)
{
    g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func(section_free);
    int ret = filename ? read_file(found, filename, errp) : 0;

    if (ret < 0) {
        return ret;
    }
    for (int i = 0; sections[i]; i++) {
        read_options(found, i, options);
    }
    for (guint i = 0; i < found->len; i++) {
        Section *s = found->pdata[i];

        if (!add_rule(rules, s->section, s->opts, errp)) {
            return -EINVAL;
        }
        if (qdict_size(s->opts)) {
            error_setg(errp, "Invalid parameter '%s'",
                       qdict_entry_key(qdict_first(s->opts)));
            return -EINVAL;
        }
    }
    return 0;
}
