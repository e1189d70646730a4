/*
 * What the files of the ACPI table builder share.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_ACPI_ACPI_INTERNAL_H
#define HW_ACPI_ACPI_INTERNAL_H

#include "hw/acpi/acpi-build.h"

/* The DSDT's body: everything behind the table header. */
GByteArray *acpi_build_dsdt_body(const AcpiBuildInfo *info);

#endif
