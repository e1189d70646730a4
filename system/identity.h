/*
 * -name and -uuid, for query-name and query-uuid.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef SYSTEM_IDENTITY_H
#define SYSTEM_IDENTITY_H

/* Both may be NULL; the strings stay the caller's and must outlive the VM. */
void system_qmp_set_identity(const char *name, const char *uuid);

#endif
