/*
 * Walking the command line: the table of options comes from the schema
 * (qapi/options.json), the functions that handle them from the tables of this
 * folder.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "system/cli.h"
#include "qapi/cli-options.h"

#include <stdlib.h>

static const CliHandler *const handler_tables[] = {
    cli_basic_handlers,
    cli_machine_handlers,
    cli_device_handlers,
};

static const CliHandler *find_handler(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(handler_tables); i++) {
        for (const CliHandler *h = handler_tables[i]; h->name; h++) {
            if (g_str_equal(h->name, name)) {
                return h;
            }
        }
    }
    return NULL;
}

static const CliOption *find_option(const char *name)
{
    for (const CliOption *o = cli_options; o->name; o++) {
        if (g_str_equal(o->name, name)) {
            return o;
        }
    }
    return NULL;
}

/* By the spelling used, else by any other spelling of the same option. */
static const CliHandler *option_handler(const CliOption *opt)
{
    const CliHandler *h = find_handler(opt->name);

    for (const CliOption *o = cli_options; !h && o->name; o++) {
        if (o->index == opt->index) {
            h = find_handler(o->name);
        }
    }
    return h;
}

bool cli_option_supported(const char *name)
{
    const CliOption *opt = find_option(name);

    return opt && option_handler(opt);
}

/* The option at argv[*index], which moves behind it and its argument. */
static const CliOption *next_option(int argc, char **argv, int *index,
                                    const char **arg)
{
    const char *word = argv[*index];
    const CliOption *opt;

    loc_set_cmdline(argv, *index, 1);
    opt = find_option(word + (word[1] == '-' ? 2 : 1));
    if (!opt) {
        error_report("invalid option");
        exit(1);
    }
    (*index)++;
    *arg = NULL;
    if (opt->has_arg) {
        if (*index >= argc) {
            error_report("requires an argument");
            exit(1);
        }
        *arg = argv[(*index)++];
        loc_set_cmdline(argv, *index - 2, 2);
    }
    return opt;
}

static void handle_option(CliConfig *config, const CliOption *opt,
                          const char *arg)
{
    const CliHandler *h = option_handler(opt);
    Error *err = NULL;

    if (!h) {
        error_report("this build does not have this option");
        exit(1);
    }
    if (!h->handle(config, arg, &err)) {
        error_report_err(err);
        exit(1);
    }
}

/* A word without a dash is the first disk. */
static void handle_image(CliConfig *config, const char *filename)
{
    Error *err = NULL;

    if (!find_handler("hda")->handle(config, filename, &err)) {
        error_report_err(err);
        exit(1);
    }
}

/* Unknown options are reported before anything else is looked at. */
static void check_names(int argc, char **argv)
{
    int i = 1;
    const char *arg;

    while (i < argc) {
        if (argv[i][0] == '-') {
            next_option(argc, argv, &i, &arg);
        } else {
            i++;
        }
    }
}

void cli_parse(CliConfig *config, int argc, char **argv)
{
    Location loc;
    int i = 1;

    *config = (CliConfig){ .machine_opts = qdict_new() };
    TAILQ_INIT(&config->objects);
    TAILQ_INIT(&config->chardevs);
    TAILQ_INIT(&config->monitors);
    TAILQ_INIT(&config->blockdevs);
    TAILQ_INIT(&config->drives);
    TAILQ_INIT(&config->devices);
    TAILQ_INIT(&config->serials);
    TAILQ_INIT(&config->accels);

    loc_push_none(&loc);
    check_names(argc, argv);
    while (i < argc) {
        const char *arg;

        if (argv[i][0] == '-') {
            const CliOption *opt = next_option(argc, argv, &i, &arg);

            handle_option(config, opt, arg);
        } else {
            loc_set_cmdline(argv, i, 1);
            handle_image(config, argv[i++]);
        }
    }
    loc_pop(&loc);
}

static void free_list(CliList *list)
{
    CliItem *item, *next;

    TAILQ_FOREACH_SAFE(item, list, next, next) {
        if (item->qapi) {
            item->qapi_free(item->qapi);
        }
        qobject_unref(item->opts);
        g_free(item);
    }
    TAILQ_INIT(list);
}

void cli_config_free(CliConfig *config)
{
    free_list(&config->objects);
    free_list(&config->chardevs);
    free_list(&config->monitors);
    free_list(&config->blockdevs);
    free_list(&config->drives);
    free_list(&config->devices);
    free_list(&config->serials);
    free_list(&config->accels);
    qobject_unref(config->machine_opts);
    qobject_unref(config->smp_opts);
    qobject_unref(config->boot_opts);
    g_free(config->vm_name);
}

CliItem *cli_item_new(CliList *list, const char *name, const char *arg)
{
    CliItem *item = g_new0(CliItem, 1);

    loc_save(&item->loc);
    item->name = name;
    item->arg = arg;
    TAILQ_INSERT_TAIL(list, item, next);
    return item;
}

bool cli_check_keys(const QDict *opts, const char *const *known, Error **errp)
{
    const QDictEntry *e;

    QDICT_FOREACH(opts, e) {
        if (!g_strv_contains(known, qdict_entry_key(e))) {
            error_setg(errp, "Invalid parameter '%s'", qdict_entry_key(e));
            return false;
        }
    }
    return true;
}
