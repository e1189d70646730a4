/*
 * Character devices of the ISA bus: isa-serial, isa-debugcon,
 * isa-debug-exit; and how chardev=ID finds its back end.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_CHAR_ISA_CHAR_H
#define HW_CHAR_ISA_CHAR_H

#include "hw/char/isa-debug.h"
#include "hw/char/serial.h"
#include "qom/object.h"

/*
 * Connect a port to the character device @id, or set "Property
 * 'TYPE.chardev' can't find value 'ID'" or "can't take value ...".  @type:
 * whose property the message names.  Main thread.
 */
typedef struct CharConnectOps {
    bool (*serial)(SerialState *s, const char *id, const char *type,
                   Error **errp);
    bool (*debugcon)(ISADebugcon *s, const char *id, const char *type,
                     Error **errp);
} CharConnectOps;

/* system/ registers them before the first -device; devices ask. */
void char_set_connect_ops(const CharConnectOps *ops);
const CharConnectOps *char_connect_ops(void); /* NULL: none */

/* For type_register_table(). */
extern const TypeInfo *const hw_char_types[];

/* In the table; defined beside what they do. */
extern const TypeInfo isa_debugcon_type;
extern const TypeInfo isa_debug_exit_type;

#endif
