/*
 * The KVM accelerator: /dev/kvm, the VM, its interrupt controllers and timer.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "accel/kvm/kvm-internal.h"
#include "accel/kvm/kvm.h"
#include "util/error-report.h"

#include <sys/ioctl.h>

KVMState kvm_state = { .fd = -1, .vmfd = -1 };

/* Without any of these there is no VM as we build it. */
static const struct {
    unsigned int cap;
    const char *name;
} required_caps[] = {
    { KVM_CAP_USER_MEMORY, "KVM_CAP_USER_MEMORY" },
    { KVM_CAP_DESTROY_MEMORY_REGION_WORKS,
      "KVM_CAP_DESTROY_MEMORY_REGION_WORKS" },
    { KVM_CAP_IRQCHIP, "KVM_CAP_IRQCHIP" },
    { KVM_CAP_PIT2, "KVM_CAP_PIT2" },
    { KVM_CAP_SET_TSS_ADDR, "KVM_CAP_SET_TSS_ADDR" },
    { KVM_CAP_EXT_CPUID, "KVM_CAP_EXT_CPUID" },
    { KVM_CAP_MP_STATE, "KVM_CAP_MP_STATE" },
    { KVM_CAP_IRQ_ROUTING, "KVM_CAP_IRQ_ROUTING" },
    { KVM_CAP_IRQFD, "KVM_CAP_IRQFD" },
    { KVM_CAP_IOEVENTFD, "KVM_CAP_IOEVENTFD" },
    { KVM_CAP_SIGNAL_MSI, "KVM_CAP_SIGNAL_MSI" },
    { KVM_CAP_IMMEDIATE_EXIT, "KVM_CAP_IMMEDIATE_EXIT" },
};

int kvm_ioctl(int fd, unsigned long request, void *arg)
{
    int ret = ioctl(fd, request, arg);

    return ret < 0 ? -errno : ret;
}

int kvm_check_extension(unsigned int cap)
{
    KVMState *s = &kvm_state;
    int ret = kvm_ioctl(s->vmfd >= 0 ? s->vmfd : s->fd, KVM_CHECK_EXTENSION,
                        (void *)(uintptr_t)cap);

    return MAX(ret, 0);
}

static bool kvm_available(void)
{
    return access("/dev/kvm", R_OK | W_OK) == 0;
}

/* Open the device and look whether it can do what we need. */
static int open_device(KVMState *s)
{
    int ret;

    s->fd = RETRY_ON_EINTR(open("/dev/kvm", O_RDWR | O_CLOEXEC));
    if (s->fd < 0) {
        ret = -errno;
        error_report("Could not access KVM kernel module: %s", strerror(-ret));
        return ret;
    }
    ret = kvm_ioctl(s->fd, KVM_GET_API_VERSION, NULL);
    if (ret < KVM_API_VERSION) {
        error_report("kvm version too old");
        return ret < 0 ? ret : -EINVAL;
    }
    if (ret > KVM_API_VERSION) {
        error_report("kvm version not supported");
        return -EINVAL;
    }
    for (unsigned i = 0; i < ARRAY_SIZE(required_caps); i++) {
        if (!kvm_check_extension(required_caps[i].cap)) {
            error_report("kvm does not support %s", required_caps[i].name);
            return -EINVAL;
        }
    }
    return 0;
}

static int create_vm(KVMState *s)
{
    struct kvm_pit_config pit = { .flags = KVM_PIT_SPEAKER_DUMMY };
    uint64_t identity_base = KVM_IDENTITY_BASE;
    int ret = RETRY_ON_EINTR(ioctl(s->fd, KVM_CREATE_VM, 0));

    if (ret < 0) {
        ret = -errno;
        error_report("ioctl(KVM_CREATE_VM) failed: %s", strerror(-ret));
        return ret;
    }
    s->vmfd = ret;
    fcntl(s->vmfd, F_SETFD, FD_CLOEXEC);

    if (kvm_check_extension(KVM_CAP_SET_IDENTITY_MAP_ADDR)) {
        ret = kvm_ioctl(s->vmfd, KVM_SET_IDENTITY_MAP_ADDR, &identity_base);
        if (ret < 0) {
            return ret;
        }
    }
    ret = kvm_ioctl(s->vmfd, KVM_SET_TSS_ADDR, (void *)(uintptr_t)KVM_TSS_BASE);
    if (ret < 0) {
        return ret;
    }
    ret = kvm_ioctl(s->vmfd, KVM_CREATE_IRQCHIP, NULL);
    if (ret < 0) {
        error_report("Create kernel irqchip failed: %s", strerror(-ret));
        return ret;
    }
    ret = kvm_ioctl(s->vmfd, KVM_CREATE_PIT2, &pit);
    if (ret < 0) {
        error_report("Create kernel PIC irqchip failed: %s", strerror(-ret));
    }
    return ret;
}

/* Does the kernel take that many vCPUs? */
static bool check_cpus(const CpuTopology *smp, Error **errp)
{
    const struct {
        const char *name;
        unsigned n;
    } counts[] = { { "SMP", smp->cpus }, { "hotpluggable", smp->max_cpus } };
    int soft = kvm_check_extension(KVM_CAP_NR_VCPUS);
    int hard = kvm_check_extension(KVM_CAP_MAX_VCPUS);

    soft = soft ? soft : 4; /* what the interface says of old kernels */
    hard = hard ? hard : soft;
    for (unsigned i = 0; i < ARRAY_SIZE(counts); i++) {
        if (counts[i].n > (unsigned)hard) {
            error_setg(errp,
                       "Number of %s cpus requested (%u) exceeds the maximum "
                       "cpus supported by KVM (%d)",
                       counts[i].name, counts[i].n, hard);
            return false;
        }
        if (counts[i].n > (unsigned)soft) {
            warn_report("Number of %s cpus requested (%u) exceeds the "
                        "recommended cpus supported by KVM (%d)",
                        counts[i].name, counts[i].n, soft);
        }
    }
    return true;
}

static void kvm_shutdown(void)
{
    KVMState *s = &kvm_state;

    kvm_destroy_vcpus();
    kvm_cpuid_cleanup();
    kvm_irq_cleanup();
    kvm_memory_cleanup();
    if (s->vmfd >= 0) {
        close(s->vmfd);
    }
    if (s->fd >= 0) {
        close(s->fd);
    }
    s->fd = s->vmfd = -1;
}

static bool kvm_init(MachineState *ms, Error **errp)
{
    KVMState *s = &kvm_state;
    int ret = open_device(s);

    if (ret == 0) {
        ret = create_vm(s);
    }
    if (ret < 0) {
        error_setg_errno(errp, -ret, "failed to initialize kvm");
        kvm_shutdown();
        return false;
    }
    if (!check_cpus(&ms->smp, errp)) {
        kvm_shutdown();
        return false;
    }
    s->run_size = kvm_ioctl(s->fd, KVM_GET_VCPU_MMAP_SIZE, NULL);
    s->nr_slots = kvm_check_extension(KVM_CAP_NR_MEMSLOTS);
    if (s->nr_slots == 0) {
        s->nr_slots = 32;
    }
    if (!kvm_irq_init(errp)) {
        kvm_shutdown();
        return false;
    }
    kvm_memory_init();
    return true;
}

const AccelOps kvm_accel_ops = {
    .name = "kvm",
    .desc = "KVM",
    .available = kvm_available,
    .init = kvm_init,
    .create_vcpus = kvm_create_vcpus,
    .reset_vcpus = kvm_reset_vcpus,
    .pause_all = kvm_pause_all,
    .resume_all = kvm_resume_all,
    .set_gsi = kvm_set_gsi,
    .shutdown = kvm_shutdown,
    .vcpu_thread_id = kvm_vcpu_thread_id,
};
