/*
 * What this program is made of: its types, machines and accelerators.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "system/machine.h"
#include "accel/kvm/kvm.h"
#include "accel/qtest/qtest.h"
#include "backends/iothread.h"
#include "hw/acpi/piix4-pm.h"
#include "hw/block/virtio-blk.h"
#include "hw/char/isa-char.h"
#include "hw/core/qdev.h"
#include "hw/i386/pc.h"
#include "hw/pci/pci.h"
#include "hw/virtio/virtio-pci.h"

void system_register_types(void)
{
    type_register_table(qom_types);
    type_register_table(iothread_types);
    type_register_table(backends_types);
    type_register_table(qdev_types);
    type_register_table(pci_types);
    type_register_table(piix4_pm_types);
    type_register_table(virtio_pci_types);
    type_register_table(hw_block_types);
    type_register_table(hw_char_types);
    type_register_table(machine_types);
}

static bool none_init(MachineState *ms, Error **errp)
{
    if (ms->kernel_filename) {
        error_setg(errp, "The -kernel parameter is not supported (use the "
                         "generic 'loader' device instead).");
        return false;
    }
    return true;
}

/* Nothing but the monitor. */
static const MachineClass none_machine_class = {
    .name = "none",
    .desc = "empty machine",
    .max_cpus = 1,
    .init = none_init,
};

const MachineClass *const machine_classes[] = {
    &pc_machine_class,
    &none_machine_class,
    NULL,
};

const AccelOps *const accel_table[] = {
    &kvm_accel_ops,
    &qtest_accel_ops,
    NULL,
};
