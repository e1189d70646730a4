/*
 * The accelerator that runs no guest code: the machine is there, its vCPUs
 * never move.  For tests of everything but the guest.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef ACCEL_QTEST_QTEST_H
#define ACCEL_QTEST_QTEST_H

#include "hw/core/accel.h"

extern const AccelOps qtest_accel_ops;

#endif
