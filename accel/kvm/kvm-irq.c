/*
 * Interrupts: the pins of the in-kernel PIC and I/O APIC, and the routing
 * table that gives MSI messages numbers to which irqfds are attached.
 *
 * The kernel replaces its whole table at each KVM_SET_GSI_ROUTING and waits
 * for readers, so changes between begin and commit are handed over once, or
 * when an irqfd is attached that may need them.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "accel/kvm/kvm-internal.h"
#include "hw/core/msi-route.h"
#include "util/error-report.h"

#define PIC_PINS    16
#define IOAPIC_PINS 24

/* BQL. */
static struct {
    struct kvm_irq_routing *table; /* room for 16 + 24 + nr_gsis entries */
    unsigned fixed;                /* entries of the PIC and the I/O APIC */
    MSIMessage *msi;               /* by virq - IOAPIC_PINS */
    bool *used;
    unsigned nr_msi;
    unsigned depth; /* open begin brackets */
    bool dirty;
} routes;

/* Power-on state of the three chips and the timer, to go back to at reset. */
static struct kvm_irqchip chips[3];
static struct kvm_pit_state2 pit;

static void add_pin(unsigned gsi, unsigned chip, unsigned pin)
{
    routes.table->entries[routes.fixed++] = (struct kvm_irq_routing_entry){
        .gsi = gsi,
        .type = KVM_IRQ_ROUTING_IRQCHIP,
        .u.irqchip = { .irqchip = chip, .pin = pin },
    };
}

/* ISA interrupt 0 (the timer) is at pin 2 of the I/O APIC; see the MADT. */
static void add_fixed_routes(void)
{
    for (unsigned i = 0; i < PIC_PINS; i++) {
        if (i != 2) {
            add_pin(i, i < 8 ? KVM_IRQCHIP_PIC_MASTER : KVM_IRQCHIP_PIC_SLAVE,
                    i % 8);
        }
    }
    for (unsigned i = 0; i < IOAPIC_PINS; i++) {
        if (i != 2) {
            add_pin(i, KVM_IRQCHIP_IOAPIC, i == 0 ? 2 : i);
        }
    }
}

static int push_table(void)
{
    unsigned n = routes.fixed;

    routes.dirty = false;
    for (unsigned i = 0; i < routes.nr_msi; i++) {
        if (routes.used[i]) {
            routes.table->entries[n++] = (struct kvm_irq_routing_entry){
                .gsi = IOAPIC_PINS + i,
                .type = KVM_IRQ_ROUTING_MSI,
                .u.msi = {
                    .address_lo = routes.msi[i].address,
                    .address_hi = routes.msi[i].address >> 32,
                    .data = routes.msi[i].data,
                },
            };
        }
    }
    routes.table->nr = n;
    return kvm_ioctl(kvm_state.vmfd, KVM_SET_GSI_ROUTING, routes.table);
}

static int update_kernel_table(void)
{
    if (routes.depth) {
        routes.dirty = true;
        return 0;
    }
    return push_table();
}

static int kvm_route_add(MSIMessage msg)
{
    for (unsigned i = 0; i < routes.nr_msi; i++) {
        if (!routes.used[i]) {
            int ret;

            routes.used[i] = true;
            routes.msi[i] = msg;
            ret = update_kernel_table();
            if (ret < 0) {
                routes.used[i] = false;
                return ret;
            }
            return IOAPIC_PINS + i;
        }
    }
    return -ENOSPC;
}

static bool valid_virq(int virq)
{
    return virq >= IOAPIC_PINS && virq - IOAPIC_PINS < (int)routes.nr_msi &&
           routes.used[virq - IOAPIC_PINS];
}

static int kvm_route_update(int virq, MSIMessage msg)
{
    MSIMessage *slot, old;
    int ret;

    if (!valid_virq(virq)) {
        return -EINVAL;
    }
    slot = &routes.msi[virq - IOAPIC_PINS];
    old = *slot;
    if (old.address == msg.address && old.data == msg.data) {
        return 0;
    }
    *slot = msg;
    ret = update_kernel_table();
    if (ret < 0) {
        *slot = old; /* one bad message must not spoil the others */
    }
    return ret;
}

static void kvm_route_release(int virq)
{
    if (valid_virq(virq)) {
        routes.used[virq - IOAPIC_PINS] = false;
        update_kernel_table();
    }
}

static int set_irqfd(int virq, EventNotifier *e, unsigned flags)
{
    struct kvm_irqfd arg = {
        .fd = event_notifier_get_fd(e),
        .gsi = virq,
        .flags = flags,
    };

    return valid_virq(virq) ? kvm_ioctl(kvm_state.vmfd, KVM_IRQFD, &arg)
                            : -EINVAL;
}

/*
 * From here on the kernel may inject at any moment, also what the eventfd
 * holds already, and without the route in its table it would drop that.  So
 * an open bracket does not hold back the table here.
 */
static int kvm_route_attach_irqfd(int virq, EventNotifier *e)
{
    int ret = routes.dirty ? push_table() : 0;

    return ret < 0 ? ret : set_irqfd(virq, e, 0);
}

static int kvm_route_detach_irqfd(int virq, EventNotifier *e)
{
    return set_irqfd(virq, e, KVM_IRQFD_FLAG_DEASSIGN);
}

static void kvm_route_begin(void)
{
    routes.depth++;
}

static void kvm_route_commit(void)
{
    int ret;

    assert(routes.depth);
    if (--routes.depth == 0 && routes.dirty) {
        ret = push_table();
        if (ret < 0) {
            error_report_once("kvm: cannot set interrupt routes: %s",
                              strerror(-ret));
        }
    }
}

/* Any thread. */
static int kvm_msi_send(MSIMessage msg)
{
    struct kvm_msi arg = {
        .address_lo = msg.address,
        .address_hi = msg.address >> 32,
        .data = msg.data,
    };
    int ret = kvm_ioctl(kvm_state.vmfd, KVM_SIGNAL_MSI, &arg);

    return MIN(ret, 0);
}

static const MSIRouteOps kvm_route_ops = {
    .add = kvm_route_add,
    .update = kvm_route_update,
    .release = kvm_route_release,
    .attach_irqfd = kvm_route_attach_irqfd,
    .detach_irqfd = kvm_route_detach_irqfd,
    .begin = kvm_route_begin,
    .commit = kvm_route_commit,
    .send = kvm_msi_send,
};

void kvm_set_gsi(int gsi, int level)
{
    struct kvm_irq_level arg = { .irq = gsi, .level = level };
    int ret = kvm_ioctl(kvm_state.vmfd, KVM_IRQ_LINE, &arg);

    if (ret < 0) {
        error_report_once("kvm_set_irq: %s", strerror(-ret));
    }
}

void kvm_irqchip_reset(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(chips); i++) {
        kvm_ioctl(kvm_state.vmfd, KVM_SET_IRQCHIP, &chips[i]);
    }
    kvm_ioctl(kvm_state.vmfd, KVM_SET_PIT2, &pit);
}

bool kvm_irq_init(Error **errp)
{
    unsigned gsis = kvm_check_extension(KVM_CAP_IRQ_ROUTING);
    int ret = 0;

    gsis = MIN(gsis, 4096);
    routes.nr_msi = gsis - MIN(gsis, IOAPIC_PINS + PIC_PINS);
    routes.table = g_malloc0(sizeof(*routes.table) +
                             (PIC_PINS + IOAPIC_PINS + gsis) *
                                 sizeof(routes.table->entries[0]));
    routes.msi = g_new0(MSIMessage, gsis);
    routes.used = g_new0(bool, gsis);
    add_fixed_routes();
    ret = update_kernel_table();
    if (ret < 0) {
        error_setg_errno(errp, -ret, "kvm: cannot set interrupt routes");
        return false;
    }
    for (unsigned i = 0; i < ARRAY_SIZE(chips) && ret == 0; i++) {
        chips[i].chip_id = i;
        ret = kvm_ioctl(kvm_state.vmfd, KVM_GET_IRQCHIP, &chips[i]);
    }
    if (ret == 0) {
        ret = kvm_ioctl(kvm_state.vmfd, KVM_GET_PIT2, &pit);
    }
    if (ret < 0) {
        error_setg_errno(errp, -ret, "kvm: cannot read the interrupt chips");
        return false;
    }
    msi_route_register_ops(&kvm_route_ops);
    return true;
}

void kvm_irq_cleanup(void)
{
    msi_route_register_ops(NULL);
    g_free(routes.table);
    g_free(routes.msi);
    g_free(routes.used);
    memset(&routes, 0, sizeof(routes));
}
