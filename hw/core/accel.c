/*
 * Which accelerator is in use.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "hw/core/accel.h"

static const AccelOps *accel;

const AccelOps *current_accel(void)
{
    return accel;
}

void set_current_accel(const AccelOps *ops)
{
    accel = ops;
}

void accel_set_gsi(int gsi, int level)
{
    if (accel && accel->set_gsi) {
        accel->set_gsi(gsi, level);
    }
}
