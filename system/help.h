/*
 * The texts of -help, -version, -machine help and their like, on stdout.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef SYSTEM_HELP_H
#define SYSTEM_HELP_H

void cli_print_help(void);
void cli_print_version(void);
/* @type NULL: all machines, else the options of that one. */
void cli_print_machine_help(const char *type);
void cli_print_accel_help(void);
void cli_print_cpu_help(void);
void cli_print_smp_help(void);

#endif
