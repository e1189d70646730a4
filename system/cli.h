/*
 * The command line, taken apart: what main() builds the VM from.
 *
 * Parsing checks what can be checked without making anything; what is made
 * later (objects, devices) keeps the place on the command line it came from,
 * so that messages name it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef SYSTEM_CLI_H
#define SYSTEM_CLI_H

#include "hw/core/boards.h"
#include "qobject/qdict.h"
#include "util/error-report.h"
#include "util/queue.h"

/* One occurrence of an option that makes something. */
typedef struct CliItem {
    Location loc;
    const char *arg;  /* as written */
    const char *name; /* the option's name, without the dash */
    QDict *opts;      /* parsed; NULL where the maker parses @arg */
    bool from_json;
    void *qapi; /* -object: ObjectOptions; -blockdev: BlockdevOptions */
    void (*qapi_free)(void *qapi); /* where @qapi is set */
    TAILQ_ENTRY(CliItem) next;
} CliItem;
typedef TAILQ_HEAD(CliList, CliItem) CliList;

typedef struct CliConfig {
    /* In command line order. */
    CliList objects, chardevs, monitors, blockdevs, drives, devices, serials;
    CliList accels;

    QDict *machine_opts; /* -machine, -kernel, -initrd, -append ... */
    QDict *smp_opts;     /* nested below "smp"; NULL: none */
    QDict *boot_opts;    /* nested below "boot"; NULL: none */
    const char *cpu_model;
    uint64_t ram_size; /* 0: the machine's default */
    uint64_t ram_slots;
    uint64_t maxram_size;

    char *vm_name;
    bool has_uuid;
    char uuid[40];
    const char *debugcon; /* -debugcon's device, or NULL */
    const char *pidfile;
    const char *logfile; /* -D */
    bool daemonize;
    bool stopped; /* -S */
    bool nographic;
    bool nodefaults;
    bool has_serial;  /* some -serial: no default one */
    bool has_monitor; /* likewise */
    bool display_none;
} CliConfig;

/*
 * Take @argv apart.  Errors and help texts are printed and end the program
 * (status 1 and 0), as everywhere in this module.
 */
void cli_parse(CliConfig *config, int argc, char **argv);
/* Is there someone who handles -NAME (any spelling)? */
bool cli_option_supported(const char *name);
void cli_config_free(CliConfig *config);

/* --- for the files of system/ --- */

/* Handles one option; @arg is NULL for options without argument. */
typedef struct CliHandler {
    const char *name; /* the primary spelling */
    bool (*handle)(CliConfig *config, const char *arg, Error **errp);
} CliHandler;

/* Tables, ended by a NULL name. */
extern const CliHandler cli_basic_handlers[];
extern const CliHandler cli_machine_handlers[];
extern const CliHandler cli_device_handlers[];

/* A new item at the end of @list with the current location. */
CliItem *cli_item_new(CliList *list, const char *name, const char *arg);

/* All of @opts must be in the NULL-terminated @known: else "Invalid parameter
 * 'x'". */
bool cli_check_keys(const QDict *opts, const char *const *known, Error **errp);

/* -m's and others' sizes; @default_mib: a bare number counts MiB. */
bool cli_parse_size(const char *name, const char *value, bool default_mib,
                    uint64_t *size, Error **errp);

/* -smp into ms->smp. */
bool cli_smp_configure(MachineState *ms, const QDict *smp_opts, Error **errp);

#endif
