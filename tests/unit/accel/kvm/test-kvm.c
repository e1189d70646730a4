/*
 * The KVM accelerator with a few instructions of guest code: exits, eventfds,
 * routes, pause and resume, triple fault and reset.
 *
 * Skipped where /dev/kvm cannot be opened.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "accel/kvm/kvm.h"
#include "hw/core/boards.h"
#include "hw/core/memory.h"
#include "hw/core/msi-route.h"
#include "hw/core/runstate-if.h"
#include "util/atomic.h"
#include "util/main-loop.h"

#define RAM_SIZE  (2 * MiB)
#define CODE      0x10000u
#define COUNTER   0x20000u
#define GDT       0x1000u
#define DONE_PORT 0x10
#define MMIO_BASE 0xd0000000u

static const MachineClass mc = {
    .name = "test",
    .default_cpu_model = "max",
};

static MachineState ms;
static MemoryRegion ram, port_mr, mmio_mr;
static bool done, reset_wanted;
static uint64_t port_value, mmio_value;
static unsigned mmio_writes;

static uint64_t port_read(void *opaque, hwaddr addr, unsigned size)
{
    return 0x41;
}

static void port_write(void *opaque, hwaddr addr, uint64_t v, unsigned size)
{
    g_assert_true(bql_locked());
    port_value = v;
    done = true;
    main_loop_kick_waiter();
}

static const MemoryRegionOps port_ops = {
    .read = port_read,
    .write = port_write,
    .max_access_size = 4,
};

static uint64_t mmio_read(void *opaque, hwaddr addr, unsigned size)
{
    return 0x1000 + addr;
}

static void mmio_write(void *opaque, hwaddr addr, uint64_t v, unsigned size)
{
    mmio_value = v;
    mmio_writes++;
}

static const MemoryRegionOps mmio_ops = {
    .read = mmio_read,
    .write = mmio_write,
    .max_access_size = 8,
};

static void on_reset_request(ShutdownCause reason)
{
    reset_wanted = true;
    done = true;
    main_loop_kick_waiter();
}

static const RunstateOps runstate_ops = { .reset_request = on_reset_request };

static X86BootRegs boot_regs(void)
{
    return (X86BootRegs){
        .mode = X86_BOOT_PROTECTED32,
        .rip = CODE,
        .rsp = 0x8000,
        .gdt_base = GDT,
        .gdt_limit = 31,
        .cs = 0x10,
        .ds = 0x18,
    };
}

/* A VM with @cpus vCPUs, stopped at @code. */
static void vm_start(const void *code, size_t len, unsigned cpus)
{
    const uint64_t gdt[] = { 0, 0, 0x00cf9b000000ffffull,
                             0x00cf93000000ffffull };
    X86BootRegs regs = boot_regs();
    Error *err = NULL;

    ms = (MachineState){ .mc = &mc,
                         .cpu_model = "max,check=off",
                         .smp = { cpus, 1, 1, cpus, 1, cpus } };
    g_assert_true(memory_region_init_ram(&ram, "ram", RAM_SIZE, false, &err));
    memory_region_add_subregion(get_system_memory(), 0, &ram);
    memory_region_init_io(&port_mr, &port_ops, NULL, "port", 4);
    memory_region_add_subregion(get_system_io(), DONE_PORT, &port_mr);
    memory_region_init_io(&mmio_mr, &mmio_ops, NULL, "mmio", 0x1000);
    memory_region_add_subregion(get_system_memory(), MMIO_BASE, &mmio_mr);
    if (!kvm_accel_ops.init(&ms, &err) ||
        !kvm_accel_ops.create_vcpus(&ms, &err)) {
        g_error("%s", error_get_pretty(err));
    }
    set_current_accel(&kvm_accel_ops);
    memcpy(ram.ram_ptr + CODE, code, len);
    memcpy(ram.ram_ptr + GDT, gdt, sizeof(gdt));
    kvm_accel_ops.reset_vcpus(&regs);
    done = reset_wanted = false;
    mmio_writes = 0;
}

static void vm_run_until_done(void)
{
    kvm_accel_ops.resume_all();
    MAIN_LOOP_WAIT_WHILE(!done);
    kvm_accel_ops.pause_all();
}

static void vm_stop(void)
{
    kvm_accel_ops.shutdown();
    set_current_accel(NULL);
    memory_region_del_subregion(get_system_memory(), &ram);
    memory_region_del_subregion(get_system_memory(), &mmio_mr);
    memory_region_del_subregion(get_system_io(), &port_mr);
    memory_region_destroy(&ram);
    memory_region_destroy(&mmio_mr);
    memory_region_destroy(&port_mr);
}

static void test_io(void)
{
    static const uint8_t code[] = {
        0xe4, DONE_PORT,                   /* in $0x10, %al */
        0x0f, 0xb6,      0xd8,             /* movzbl %al, %ebx */
        0xa1, 0x08,      0x00, 0x00, 0xd0, /* mov 0xd0000008, %eax */
        0xa3, 0x00,      0x00, 0x00, 0xd0, /* mov %eax, 0xd0000000 */
        0x89, 0xd8,                        /* mov %ebx, %eax */
        0x40,                              /* inc %eax */
        0xe7, DONE_PORT,                   /* out %eax, $0x10 */
        0xf4, 0xeb,      0xfd,             /* 1: hlt; jmp 1b */
    };

    vm_start(code, sizeof(code), 1);
    vm_run_until_done();
    g_assert_cmphex(port_value, ==, 0x42);
    g_assert_cmphex(mmio_value, ==, 0x1008);
    g_assert_cmpuint(mmio_writes, ==, 1);
    vm_stop();
}

static void test_ioeventfd(void)
{
    static const uint8_t code[] = {
        0x66, 0xb8,      0x07, 0x00,             /* mov $7, %ax */
        0x66, 0xa3,      0x00, 0x01, 0x00, 0xd0, /* mov %ax, 0xd0000100 */
        0xa3, 0x00,      0x02, 0x00, 0xd0,       /* mov %eax, 0xd0000200 */
        0xe7, DONE_PORT,                         /* out %eax, $0x10 */
        0xf4, 0xeb,      0xfd,
    };
    EventNotifier match, wild;

    event_notifier_init(&match, false);
    event_notifier_init(&wild, false);
    vm_start(code, sizeof(code), 1);
    memory_region_add_eventfd(&mmio_mr, 0x100, 2, true, 7, &match);
    memory_region_add_eventfd(&mmio_mr, 0x200, 0, false, 0, &wild);
    vm_run_until_done();
    g_assert_true(event_notifier_test_and_clear(&match));
    g_assert_true(event_notifier_test_and_clear(&wild));
    g_assert_cmpuint(mmio_writes, ==, 0);

    /* Without them the device sees the writes. */
    memory_region_del_eventfd(&mmio_mr, 0x100, 2, true, 7, &match);
    memory_region_del_eventfd(&mmio_mr, 0x200, 0, false, 0, &wild);
    done = false;
    {
        X86BootRegs regs = boot_regs();

        kvm_accel_ops.reset_vcpus(&regs);
    }
    vm_run_until_done();
    g_assert_false(event_notifier_test_and_clear(&match));
    g_assert_cmpuint(mmio_writes, ==, 2);
    vm_stop();
    event_notifier_cleanup(&match);
    event_notifier_cleanup(&wild);
}

static void test_pause(void)
{
    static const uint8_t code[] = {
        0xff, 0x05,      0x00, 0x00, 0x02, 0x00, /* 1: incl 0x20000 */
        0xe4, DONE_PORT,                         /* in $0x10, %al */
        0xeb, 0xf6,                              /* jmp 1b */
    };
    uint32_t *counter;

    vm_start(code, sizeof(code), 2);
    counter = (uint32_t *)(ram.ram_ptr + COUNTER);
    for (int i = 0; i < 50; i++) {
        uint32_t before = qatomic_read(counter);

        kvm_accel_ops.resume_all();
        while (qatomic_read(counter) == before) {
            bql_unlock();
            sched_yield();
            bql_lock();
        }
        kvm_accel_ops.pause_all();
        before = qatomic_read(counter);
        kvm_accel_ops.pause_all();
        g_assert_cmpuint(before, ==, qatomic_read(counter));
    }
    /* Back to back: the vCPU may not even have woken up. */
    for (int i = 0; i < 200; i++) {
        kvm_accel_ops.resume_all();
        kvm_accel_ops.pause_all();
    }
    g_assert_cmpint(kvm_accel_ops.vcpu_thread_id(1), >, 0);
    g_assert_cmpint(kvm_accel_ops.vcpu_thread_id(2), ==, 0);
    vm_stop();
}

static void test_triple_fault(void)
{
    static const uint8_t code[] = {
        0xff, 0x05, 0x00, 0x00, 0x02, 0x00, /* incl 0x20000 */
        0x0f, 0x0b,                         /* ud2, without an IDT */
    };
    X86BootRegs regs = boot_regs();

    vm_start(code, sizeof(code), 1);
    for (uint32_t i = 1; i < 4; i++) {
        vm_run_until_done();
        g_assert_true(reset_wanted);
        g_assert_cmpuint(*(uint32_t *)(ram.ram_ptr + COUNTER), ==, i);
        done = reset_wanted = false;
        kvm_accel_ops.reset_vcpus(&regs);
    }
    vm_stop();
}

static void test_routes(void)
{
    static const uint8_t code[] = { 0xf4, 0xeb, 0xfd };
    MSIMessage msg = { .address = 0xfee00000, .data = 0x4041 };
    EventNotifier e;
    int virq[64];

    g_assert_cmpint(msi_route_add(msg), ==, -ENOSYS);
    vm_start(code, sizeof(code), 1);
    g_assert_true(msi_route_available());
    event_notifier_init(&e, false);
    msi_route_begin();
    for (unsigned i = 0; i < ARRAY_SIZE(virq); i++) {
        virq[i] = msi_route_add(msg);
        g_assert_cmpint(virq[i], >=, 24);
    }
    /* An eventfd that is attached before the commit */
    g_assert_cmpint(msi_route_attach_irqfd(virq[0], &e), ==, 0);
    g_assert_cmpint(msi_route_detach_irqfd(virq[0], &e), ==, 0);
    msi_route_commit();
    g_assert_cmpint(msi_route_attach_irqfd(virq[3], &e), ==, 0);
    msg.data++;
    g_assert_cmpint(msi_route_update(virq[3], msg), ==, 0);
    g_assert_cmpint(event_notifier_set(&e), ==, 0);
    g_assert_cmpint(msi_route_detach_irqfd(virq[3], &e), ==, 0);
    for (unsigned i = 0; i < ARRAY_SIZE(virq); i++) {
        msi_route_release(virq[i]);
    }
    g_assert_cmpint(msi_route_update(virq[0], msg), ==, -EINVAL);
    g_assert_cmpint(msi_route_attach_irqfd(virq[0], &e), ==, -EINVAL);
    vm_stop();
    g_assert_false(msi_route_available());
    event_notifier_cleanup(&e);
}

int main(int argc, char **argv)
{
    Error *err = NULL;

    g_test_init(&argc, &argv, NULL);
    if (!kvm_accel_ops.available()) {
        g_print("1..0 # SKIP /dev/kvm cannot be opened\n");
        return 0;
    }
    if (!qemu_init_main_loop(&err)) {
        g_print("1..0 # SKIP %s\n", error_get_pretty(err));
        return 0;
    }
    runstate_set_ops(&runstate_ops);
    g_test_add_func("/kvm/io", test_io);
    g_test_add_func("/kvm/ioeventfd", test_ioeventfd);
    g_test_add_func("/kvm/pause", test_pause);
    g_test_add_func("/kvm/triple-fault", test_triple_fault);
    g_test_add_func("/kvm/routes", test_routes);
    return g_test_run();
}
