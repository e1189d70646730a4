/*
 * The "pc" machine: i440FX and PIIX3/PIIX4, the devices that every PC has, and
 * direct entry into a kernel.
 *
 * There is no firmware yet.  What it would do is done here, in pc_reset():
 * PCI addresses, interrupt routing, ACPI tables, memory map.
 *
 * All under the BQL in the main thread, callbacks of devices also in vCPU
 * threads.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "hw/acpi/acpi-build.h"
#include "hw/acpi/piix4-pm.h"
#include "hw/char/serial.h"
#include "hw/core/irq.h"
#include "hw/i386/pc-memory.h"
#include "hw/i386/pc.h"
#include "hw/input/i8042.h"
#include "hw/pci/i440fx.h"
#include "hw/rtc/mc146818rtc.h"
#include "util/error-report.h"

#define ISA_IRQS   16
#define MAX_SERIAL 4

typedef struct PCMachine {
    PCMemory memory;
    qemu_irq *isa_irqs; /* = GSI 0-15 */
    PCIBus *pci_bus;
    PCIDevice *piix3;
    PCIDevice *pm;
    SerialState *serial[MAX_SERIAL];
    MC146818RtcState *rtc;
    I8042State *i8042;
    AcpiTables *acpi;
    X86BootImage boot;
} PCMachine;

static void pc_set_gsi(void *opaque, int n, int level)
{
    accel_set_gsi(n, level);
}

static void pc_serial_init(PCMachine *pc, unsigned mask)
{
    static const struct {
        uint16_t base;
        int irq;
    } ports[MAX_SERIAL] = {
        { 0x3f8, 4 }, { 0x2f8, 3 }, { 0x3e8, 4 }, { 0x2e8, 3 }
    };

    for (int i = 0; i < MAX_SERIAL; i++) {
        if (mask & (1u << i)) {
            pc->serial[i] = serial_new(get_system_io(), ports[i].base,
                                       pc->isa_irqs[ports[i].irq], i);
        }
    }
}

static bool pc_init(MachineState *ms, Error **errp)
{
    PCMachine *pc = g_new0(PCMachine, 1);
    MemoryRegion *io = get_system_io();

    ms->board = pc;
    x86_boot_image_init(&pc->boot);
    if (!pc_memory_init(&pc->memory, ms->ram_size, ms->mem_share, errp)) {
        return false;
    }
    pc->isa_irqs = qemu_allocate_irqs(pc_set_gsi, pc, ISA_IRQS);
    pc->pci_bus = i440fx_init(&pc->memory.pci, io, errp);
    if (!pc->pci_bus) {
        return false;
    }
    pc->piix3 = piix3_init(pc->pci_bus, pc->isa_irqs, errp);
    if (!pc->piix3) {
        return false;
    }
    pc->pm = piix4_pm_init(pc->pci_bus, io, pc->isa_irqs[PIIX4_SCI_IRQ], errp);
    if (!pc->pm) {
        return false;
    }
    pc_serial_init(pc, ms->serial_mask);
    pc->rtc = mc146818_rtc_new(io, pc->isa_irqs[8], time(NULL));
    mc146818_rtc_set_memory_size(pc->rtc, pc->memory.below_4g,
                                 pc->memory.above_4g);
    pc->i8042 = i8042_new(io, pc->isa_irqs[1], pc->isa_irqs[12]);
    return true;
}

static AcpiTables *pc_build_acpi(MachineState *ms, Error **errp)
{
    PCMachine *pc = ms->board;
    g_autofree uint32_t *apic_id = g_new(uint32_t, ms->smp.cpus);
    AcpiBuildInfo info = {
        .ncpus = ms->smp.cpus,
        .apic_id = apic_id,
        .ioapic_addr = PC_IOAPIC_ADDR,
        .lapic_addr = PC_LAPIC_ADDR,
        .pm_io_base = PIIX4_PM_IO_BASE,
        .gpe_base = PIIX4_GPE_BASE,
        .sci_irq = PIIX4_SCI_IRQ,
        .mmio32 = pc->memory.windows.mmio32,
        .mmio64 = pc->memory.windows.mmio64,
        .com1 = serial_by_index(0) != NULL, /* -device counts */
        .com2 = serial_by_index(1) != NULL,
        .i8042 = true,
    };

    for (unsigned i = 0; i < ms->smp.cpus; i++) {
        apic_id[i] = cpu_topology_apic_id(&ms->smp, i);
    }
    return acpi_build(&info, PC_FIRMWARE_AREA, PC_FIRMWARE_SIZE, errp);
}

static bool pc_done(MachineState *ms, Error **errp)
{
    PCMachine *pc = ms->board;
    X86BootInfo info = {
        .kernel_filename = ms->kernel_filename,
        .initrd_filename = ms->initrd_filename,
        .cmdline = ms->kernel_cmdline,
        .low_ram_end = pc->memory.below_4g,
        .e820 = pc->memory.e820,
        .nr_e820 = pc->memory.nr_e820,
    };
    Error *err = NULL;

    g_clear_pointer(&pc->acpi, acpi_tables_free);
    pc->acpi = pc_build_acpi(ms, errp);
    if (!pc->acpi) {
        return false;
    }
    info.rsdp_addr = pc->acpi->rsdp;
    if (!ms->kernel_filename) {
        if (!ms->accel->no_guest_code) {
            error_setg(errp, "this build has no firmware to boot from a disk: "
                             "-kernel is needed");
            return false;
        }
        return true;
    }
    if (!x86_boot_load(&pc->boot, &info, &err)) {
        if (g_str_has_prefix(error_get_pretty(err), "qemu: ")) {
            /* It says itself who speaks. */
            error_printf("%s\n", error_get_pretty(err));
            error_free(err);
        } else {
            error_propagate(errp, err);
        }
        return false;
    }
    return true;
}

/* What firmware does after power-on. */
static void pc_firmware(PCMachine *pc)
{
    Error *err = NULL;
    void *tables;

    piix3_set_default_routing(pc->piix3);
    if (!pci_assign_resources(pc->pci_bus, &pc->memory.windows, piix3_irq_line,
                              &err)) {
        warn_report_err(err);
    }
    tables = address_space_ram_ptr(&address_space_memory, pc->acpi->base,
                                   pc->acpi->size);
    assert(tables);
    memcpy(tables, pc->acpi->data, pc->acpi->size);
    x86_boot_place(&pc->boot);
}

static void pc_reset(MachineState *ms)
{
    PCMachine *pc = ms->board;

    for (int i = 0; i < MAX_SERIAL; i++) {
        if (pc->serial[i]) {
            serial_reset(pc->serial[i]);
        }
    }
    mc146818_rtc_reset(pc->rtc);
    i8042_reset(pc->i8042);
    pc_firmware(pc);
    ms->accel->reset_vcpus(&pc->boot.regs);
}

static void pc_powerdown(MachineState *ms)
{
    PCMachine *pc = ms->board;

    piix4_pm_powerdown(pc->pm);
}

const MachineClass pc_machine_class = {
    .name = "pc-i440fx-10.0",
    .alias = "pc",
    .desc = "Standard PC (i440FX + PIIX, 1996)",
    .is_default = true,
    .max_cpus = 255,
    .default_ram_size = 128 * MiB,
    .default_cpu_model = "qemu64",
    .init = pc_init,
    .done = pc_done,
    .reset = pc_reset,
    .powerdown = pc_powerdown,
};
