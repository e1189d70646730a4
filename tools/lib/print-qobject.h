/*
 * Values for people to read, indented, as "info" of the tools shows what a
 * format says about its image.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TOOLS_LIB_PRINT_QOBJECT_H
#define TOOLS_LIB_PRINT_QOBJECT_H

#include "qobject/qdict.h"

/* A line per entry; @depth: steps of four spaces before each. */
void print_qdict(const QDict *dict, int depth);

#endif
