/*
 * The command line of qemu-system-x86_64 as a table, generated from
 * qapi/options.json (where an option is declared once: name, argument, help).
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef QAPI_CLI_OPTIONS_H
#define QAPI_CLI_OPTIONS_H

#include "qapi/qapi-cli-options.h"

/* One spelling of an option; aliases have an entry of their own. */
typedef struct CliOption {
    const char *name; /* without the leading dash */
    bool has_arg;
    int index;        /* QEMU_OPTION_xxx, the same for aliases */
    const char *help; /* the lines that --help shows; NULL for aliases */
} CliOption;

/* Ends with a NULL name. */
extern const CliOption cli_options[];

/* What --help prints between the usage line and the key bindings. */
extern const char cli_help_text[];

#endif
