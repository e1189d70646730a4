/*
 * The machines and accelerators of this program, and the making of the one
 * that runs.
 *
 * Thread: main thread (BQL).
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef SYSTEM_MACHINE_H
#define SYSTEM_MACHINE_H

#include "hw/core/boards.h"
#include "qom/object.h"

typedef struct CliConfig CliConfig;

/* Ended by NULL. */
extern const MachineClass *const machine_classes[];
extern const AccelOps *const accel_table[];

/* By name or alias; NULL if there is none. */
const MachineClass *machine_find(const char *name);
const AccelOps *accel_find(const char *name);
/* -machine NAME,help */
void machine_print_options(const MachineClass *mc);

/* All types that objects and devices of this program can have. */
void system_register_types(void);

/*
 * Find the machine that @config asks for and make it current; strings of
 * @config are kept by reference.
 */
bool machine_create(const CliConfig *config, Error **errp);
/* -machine key=value, -m, -smp, -kernel ... into the current machine. */
bool machine_apply_options(CliConfig *config, Error **errp);
/* /machine in the object tree: when @ms is chosen, and what it got. */
void machine_object_create(const MachineState *ms);
void machine_object_update(const MachineState *ms);
extern const TypeInfo *const machine_types[];
/* Choose and open the accelerator; messages are printed. */
bool machine_init_accel(const CliConfig *config);

/* -cpu with an accelerator that does not look at it. */
bool machine_check_cpu_model(const CliConfig *config, Error **errp);

#endif
