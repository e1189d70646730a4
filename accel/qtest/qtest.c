/*
 * The accelerator that runs no guest code.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "accel/qtest/qtest.h"

static bool qtest_init(MachineState *ms, Error **errp)
{
    return true;
}

static bool qtest_create_vcpus(MachineState *ms, Error **errp)
{
    return true;
}

static void qtest_reset_vcpus(const X86BootRegs *boot)
{
}

static void qtest_nothing(void)
{
}

const AccelOps qtest_accel_ops = {
    .name = "qtest",
    .desc = "QTest",
    .no_guest_code = true,
    .init = qtest_init,
    .create_vcpus = qtest_create_vcpus,
    .reset_vcpus = qtest_reset_vcpus,
    .pause_all = qtest_nothing,
    .resume_all = qtest_nothing,
};
