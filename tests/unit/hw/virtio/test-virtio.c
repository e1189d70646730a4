/*
 * Tests of the virtio device base: status machine, features, queues that
 * start and stop in another thread, errors of the driver.
 *
 * The device under it consumes chains and answers them with 0 bytes; the
 * transport only counts.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "hw/virtio/virtio.h"
#include "tests/unit/virtio/fake-driver.h"
#include "util/atomic.h"
#include "util/error-report.h"
#include "util/main-loop.h"

#define QUEUES    2
#define VERSION_1 (1ull << VIRTIO_F_VERSION_1)
#define RESET     (1ull << VIRTIO_F_RING_RESET)

enum {
    ACK = VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER,
    FEATURES = ACK | VIRTIO_CONFIG_S_FEATURES_OK,
    RUNNING = FEATURES | VIRTIO_CONFIG_S_DRIVER_OK,
};

typedef struct Fixture {
    VirtIODevice vdev;
    FakeDriver drv[QUEUES];
    AioContext *ctx;
    QemuThread thread;
    bool stop;                     /* atomic */
    bool running[QUEUES];          /* home */
    unsigned served, broken_chain; /* atomic */
    unsigned starts, stops, connects, disconnects;
    unsigned interrupts, config_interrupts, resets;
    uint64_t features;
    uint8_t config[8];
    unsigned log_lines; /* atomic */
} Fixture;

static Fixture *F;

/* --- the device ----------------------------------------------------------- */

static void get_config(VirtIODevice *vdev, uint8_t *config)
{
    memcpy(config, F->config, sizeof(F->config));
}

static void set_config(VirtIODevice *vdev, const uint8_t *config)
{
    memcpy(F->config, config, sizeof(F->config));
}

static void set_features(VirtIODevice *vdev, uint64_t features)
{
    F->features = features;
}

static bool queue_start(VirtIODevice *vdev, VirtQueue *vq, Error **errp)
{
    g_assert_true(qemu_in_main_thread());
    F->starts++;
    return true;
}

static void queue_stop(VirtIODevice *vdev, VirtQueue *vq)
{
    g_assert_true(qemu_in_main_thread());
    F->stops++;
}

static void queue_handle(VirtIODevice *vdev, VirtQueue *vq)
{
    VringElement e;
    int ret;

    g_assert_true(in_aio_context_home_thread(vq->ctx));
    vring_element_init(&e, NULL);
    while (F->running[vq->index] && (ret = vring_pop(&vq->vring, &e)) != 0) {
        if (ret < 0) {
            virtio_error(vdev, "%s", vring_error(&vq->vring));
            break;
        }
        vring_push(&vq->vring, &e, 0);
        vring_publish(&vq->vring);
        virtio_notify(vq);
        qatomic_fetch_add(&F->served, 1);
    }
}

static void queue_resume(VirtIODevice *vdev, VirtQueue *vq)
{
    g_assert_true(in_aio_context_home_thread(vq->ctx));
    F->running[vq->index] = true;
    queue_handle(vdev, vq);
}

static void queue_pause(VirtIODevice *vdev, VirtQueue *vq)
{
    g_assert_true(in_aio_context_home_thread(vq->ctx));
    F->running[vq->index] = false;
}

static void queue_drain(VirtIODevice *vdev, VirtQueue *vq)
{
}

static bool queue_has_work(VirtIODevice *vdev, VirtQueue *vq)
{
    return vring_has_work(&vq->vring);
}

static void queue_set_polling(VirtIODevice *vdev, VirtQueue *vq, bool on)
{
    vring_set_notification(&vq->vring, !on);
}

static const VirtIODeviceOps device_ops = {
    .get_config = get_config,
    .set_config = set_config,
    .set_features = set_features,
    .queue_start = queue_start,
    .queue_stop = queue_stop,
    .queue_resume = queue_resume,
    .queue_pause = queue_pause,
    .queue_drain = queue_drain,
    .queue_handle = queue_handle,
    .queue_has_work = queue_has_work,
    .queue_set_polling = queue_set_polling,
};

/* --- the transport -------------------------------------------------------- */

static void queue_connect(void *opaque, VirtQueue *vq)
{
    F->connects++;
}

static void queue_disconnect(void *opaque, VirtQueue *vq)
{
    F->disconnects++;
}

static void queue_interrupt(void *opaque, VirtQueue *vq)
{
    F->interrupts++;
}

static void notify_config(void *opaque)
{
    F->config_interrupts++;
}

static void reset(void *opaque)
{
    F->resets++;
}

static const VirtIOTransportOps transport_ops = {
    .queue_connect = queue_connect,
    .queue_disconnect = queue_disconnect,
    .queue_interrupt = queue_interrupt,
    .notify_config = notify_config,
    .reset = reset,
};

/* --- fixture -------------------------------------------------------------- */

static bool log_active(void)
{
    return true;
}

static void log_write(const char *str)
{
    if (strchr(str, '\n')) {
        qatomic_fetch_add(&F->log_lines, 1);
    }
}

static const ErrorReportSink log_sink = { log_active, log_write };

static void *iothread(void *opaque)
{
    aio_context_set_home(F->ctx);
    while (!qatomic_read(&F->stop)) {
        aio_poll(F->ctx, true);
    }
    aio_context_leave_home(F->ctx);
    return NULL;
}

static void setup(void)
{
    F = g_new0(Fixture, 1);
    error_report_set_sink(&log_sink);
    F->ctx = aio_context_new(&error_abort);
    qemu_thread_create(&F->thread, "iothread", iothread, NULL);
    virtio_init(&F->vdev, "virtio-test", 99, sizeof(F->config), QUEUES,
                &device_ops);
    F->vdev.host_features |= RESET | 1ull << VIRTIO_F_RING_EVENT_IDX | 1;
    F->vdev.transport = &transport_ops;
    F->vdev.vm_running = true;
    for (unsigned i = 0; i < QUEUES; i++) {
        g_assert_nonnull(virtio_add_queue(&F->vdev, 64, F->ctx, &error_abort));
        fake_driver_init(&F->drv[i], 64, false, false, 0);
    }
    guest_memory_set_system(F->drv[0].mem);
}

static void teardown(void)
{
    virtio_cleanup(&F->vdev);
    qatomic_set(&F->stop, true);
    aio_notify(F->ctx);
    qemu_thread_join(&F->thread);
    aio_context_unref(F->ctx);
    g_assert_cmpuint(F->starts, ==, F->stops);
    g_assert_cmpuint(F->connects, ==, F->disconnects);
    guest_memory_set_system(NULL);
    for (unsigned i = 0; i < QUEUES; i++) {
        fake_driver_cleanup(&F->drv[i]);
    }
    error_report_set_sink(NULL);
    g_free(F);
}

/* The rings of all queues are in the memory of drv[0], one behind another. */
static void set_queue(unsigned i)
{
    VirtQueue *vq = &F->vdev.vq[i];
    const VringConfig *c = &F->drv[0].cfg;

    vq->num = 64;
    vq->desc = c->desc + i * 1 * MiB;
    vq->avail = c->avail + i * 1 * MiB;
    vq->used = c->used + i * 1 * MiB;
    virtio_queue_enable(&F->vdev, vq);
}

/* Negotiate and go. */
static void go(uint64_t features)
{
    virtio_set_status(&F->vdev, ACK);
    virtio_set_features(&F->vdev, features);
    virtio_set_status(&F->vdev, FEATURES);
    g_assert_cmpuint(F->vdev.status, ==, FEATURES);
    set_queue(0);
    virtio_set_status(&F->vdev, RUNNING);
}

/* Turn the main loop until @cond or 20 seconds have gone. */
#define WAIT_FOR(cond)                                               \
    do {                                                             \
        int64_t end_ = g_get_monotonic_time() + 20 * G_USEC_PER_SEC; \
        while (!(cond)) {                                            \
            g_assert_cmpint(g_get_monotonic_time(), <, end_);        \
            main_loop_wait(true);                                    \
        }                                                            \
    } while (0)

static void offer(unsigned n)
{
    FakeDesc d = { FAKE_GPA + 4 * MiB, 64, 0, 0 };

    while (n--) {
        g_assert_cmpint(fake_add(&F->drv[0], &d, 1, 0), >=, 0);
    }
    fake_publish(&F->drv[0]);
    virtio_queue_kick(&F->vdev.vq[0]);
}

static void reap(unsigned n)
{
    FakeUsedElem e;

    while (n--) {
        WAIT_FOR(fake_get_used(&F->drv[0], &e));
    }
    g_assert_false(fake_get_used(&F->drv[0], &e));
}

/* --- tests ---------------------------------------------------------------- */

static void test_features(void)
{
    setup();
    virtio_set_status(&F->vdev, ACK);
    /* One that is not offered, then without VERSION_1: refused */
    virtio_set_features(&F->vdev, VERSION_1 | 2);
    virtio_set_status(&F->vdev, FEATURES);
    g_assert_cmpuint(F->vdev.status, ==, ACK);
    virtio_set_features(&F->vdev, 1);
    virtio_set_status(&F->vdev, FEATURES);
    g_assert_cmpuint(F->vdev.status, ==, ACK);
    virtio_set_features(&F->vdev, VERSION_1 | 1);
    virtio_set_status(&F->vdev, FEATURES);
    g_assert_cmpuint(F->vdev.status, ==, FEATURES);
    g_assert_cmpuint(F->features, ==, VERSION_1 | 1);
    /* Too late */
    virtio_set_features(&F->vdev, VERSION_1);
    g_assert_cmpuint(F->vdev.guest_features, ==, VERSION_1 | 1);
    /* Nor while the device runs, whatever has become of FEATURES_OK */
    virtio_set_status(&F->vdev, FEATURES | VIRTIO_CONFIG_S_DRIVER_OK);
    virtio_set_status(&F->vdev, ACK | VIRTIO_CONFIG_S_DRIVER_OK);
    virtio_set_features(&F->vdev, UINT64_MAX);
    g_assert_cmpuint(F->vdev.guest_features, ==, VERSION_1 | 1);
    virtio_set_status(&F->vdev, 0);
    g_assert_cmpuint(F->vdev.status, ==, 0);
    g_assert_cmpuint(F->vdev.guest_features, ==, 0);
    g_assert_cmpuint(F->resets, ==, 1);
    teardown();
}

static void test_no_features_ok(void)
{
    setup();
    virtio_set_status(&F->vdev, ACK);
    set_queue(0);
    virtio_set_status(&F->vdev, ACK | VIRTIO_CONFIG_S_DRIVER_OK);
    WAIT_FOR(F->vdev.status & VIRTIO_CONFIG_S_NEEDS_RESET);
    g_assert_cmpuint(F->starts, ==, 0);
    g_assert_cmpuint(F->log_lines, ==, 1);
    /* It cannot be written away */
    virtio_set_status(&F->vdev, ACK);
    g_assert_cmpuint(F->vdev.status, ==, ACK | VIRTIO_CONFIG_S_NEEDS_RESET);
    virtio_set_status(&F->vdev, 0);
    g_assert_cmpuint(F->vdev.status, ==, 0);
    teardown();
}

static void test_run(void)
{
    setup();
    go(VERSION_1);
    g_assert_cmpuint(F->starts, ==, 1);
    offer(10);
    reap(10);
    WAIT_FOR(F->interrupts > 0);
    /* A queue that comes later */
    set_queue(1);
    g_assert_cmpuint(F->starts, ==, 2);
    virtio_set_status(&F->vdev, 0);
    g_assert_cmpuint(F->stops, ==, 2);
    g_assert_false(F->vdev.vq[0].enabled);
    virtio_queue_kick(&F->vdev.vq[0]); /* does nothing */
    teardown();
}

static void test_vm_stop(void)
{
    FakeUsedElem e;

    setup();
    go(VERSION_1);
    for (unsigned i = 0; i < 50; i++) {
        offer(5);
        reap(5);
        virtio_vm_state_change(&F->vdev, false);
        offer(3);
        main_loop_wait(true);
        g_assert_false(fake_get_used(&F->drv[0], &e));
        virtio_vm_state_change(&F->vdev, true);
        reap(3);
    }
    g_assert_cmpuint(F->starts, ==, 1);
    g_assert_cmpuint(F->served, ==, 400);
    teardown();
}

static void test_queue_reset(void)
{
    setup();
    go(VERSION_1);
    virtio_queue_reset(&F->vdev, &F->vdev.vq[0]); /* not negotiated */
    g_assert_true(F->vdev.vq[0].enabled);
    virtio_set_status(&F->vdev, 0);

    go(VERSION_1 | RESET);
    offer(4);
    reap(4);
    virtio_queue_reset(&F->vdev, &F->vdev.vq[0]);
    g_assert_false(F->vdev.vq[0].enabled);
    g_assert_false(F->vdev.vq[0].started);
    /* Enabled again it begins with index 0 */
    fake_driver_cleanup(&F->drv[0]);
    fake_driver_init(&F->drv[0], 64, false, false, 0);
    virtio_set_status(&F->vdev, 0);
    guest_memory_set_system(F->drv[0].mem);
    go(VERSION_1 | RESET);
    offer(4);
    reap(4);
    teardown();
}

static void break_ring(void)
{
    F->drv[0].avail_idx += 1000;
    fake_publish(&F->drv[0]);
    virtio_queue_kick(&F->vdev.vq[0]);
}

static void test_driver_error(void)
{
    setup();
    go(VERSION_1);
    offer(1);
    reap(1);
    break_ring();
    WAIT_FOR(F->vdev.status & VIRTIO_CONFIG_S_NEEDS_RESET);
    g_assert_cmpuint(F->config_interrupts, ==, 1);
    g_assert_cmpuint(F->log_lines, ==, 1);
    /* Kicks, stops and starts change nothing */
    virtio_queue_kick(&F->vdev.vq[0]);
    virtio_vm_state_change(&F->vdev, false);
    virtio_vm_state_change(&F->vdev, true);
    main_loop_wait(true);
    g_assert_cmpuint(F->config_interrupts, ==, 1);
    g_assert_cmpuint(F->served, ==, 1);
    teardown();
}

/* A guest that breaks its device for ever does not fill the log. */
static void test_log_flood(void)
{
    setup();
    for (unsigned i = 0; i < 100; i++) {
        fake_driver_cleanup(&F->drv[0]);
        fake_driver_init(&F->drv[0], 64, false, false, 0);
        guest_memory_set_system(F->drv[0].mem);
        go(VERSION_1);
        break_ring();
        WAIT_FOR(F->vdev.status & VIRTIO_CONFIG_S_NEEDS_RESET);
        virtio_set_status(&F->vdev, 0);
        g_assert_cmpuint(F->vdev.status, ==, 0);
    }
    g_assert_cmpuint(F->log_lines, ==, 11); /* the last says so */
    g_assert_cmpuint(F->starts, ==, 100);
    teardown();
}

/* Rings outside RAM, misaligned, and without any RAM */
static void test_bad_rings(void)
{
    setup();
    for (unsigned i = 0; i < 4; i++) {
        VirtQueue *vq = &F->vdev.vq[1];

        go(VERSION_1);
        vq->desc = i == 0 ? 0 : F->drv[0].cfg.desc;
        vq->avail = i == 1 ? 1 : F->drv[0].cfg.avail;
        vq->used = i == 2 ? UINT64_MAX - 3 : F->drv[0].cfg.used;
        vq->num = i == 3 ? 48 : 64;
        virtio_queue_enable(&F->vdev, vq);
        WAIT_FOR(F->vdev.status & VIRTIO_CONFIG_S_NEEDS_RESET);
        g_assert_false(vq->started);
        virtio_set_status(&F->vdev, 0);
    }
    guest_memory_set_system(NULL);
    virtio_set_status(&F->vdev, ACK);
    virtio_set_features(&F->vdev, VERSION_1);
    virtio_set_status(&F->vdev, FEATURES);
    set_queue(0);
    virtio_set_status(&F->vdev, RUNNING);
    WAIT_FOR(F->vdev.status & VIRTIO_CONFIG_S_NEEDS_RESET);
    teardown();
}

static void test_config(void)
{
    setup();
    memcpy(F->config, "\1\2\3\4\5\6\7\10", 8);
    g_assert_cmpuint(virtio_config_read(&F->vdev, 0, 4), ==, 0x04030201);
    g_assert_cmpuint(virtio_config_read(&F->vdev, 6, 2), ==, 0x0807);
    g_assert_cmpuint(virtio_config_read(&F->vdev, 7, 1), ==, 8);
    g_assert_cmpuint(virtio_config_read(&F->vdev, 7, 2), ==, UINT32_MAX);
    g_assert_cmpuint(virtio_config_read(&F->vdev, 8, 1), ==, UINT32_MAX);
    g_assert_cmpuint(virtio_config_read(&F->vdev, UINT32_MAX, 4), ==,
                     UINT32_MAX);
    virtio_config_write(&F->vdev, 2, 0xaabb, 2);
    g_assert_cmpuint(virtio_config_read(&F->vdev, 0, 4), ==, 0xaabb0201);
    virtio_config_write(&F->vdev, 7, 0xffff, 2);
    virtio_config_write(&F->vdev, UINT32_MAX - 1, 0, 2);
    g_assert_cmpuint(F->config[7], ==, 8);

    /* The generation moves; an interrupt only for a driver that runs */
    virtio_notify_config(&F->vdev);
    g_assert_cmpuint(F->vdev.generation, ==, 1);
    g_assert_cmpuint(F->config_interrupts, ==, 0);
    go(VERSION_1);
    virtio_notify_config(&F->vdev);
    g_assert_cmpuint(F->config_interrupts, ==, 1);
    teardown();
}

/* A "vCPU" resets and restarts the device as fast as it can. */
static void *vcpu(void *opaque)
{
    bool *done = opaque;

    for (unsigned i = 0; i < 200; i++) {
        bql_lock();
        go(VERSION_1);
        virtio_queue_kick(&F->vdev.vq[0]);
        virtio_set_status(&F->vdev, 0);
        bql_unlock();
    }
    qatomic_set(done, true);
    qemu_notify_event();
    return NULL;
}

static void test_vcpu_reset(void)
{
    QemuThread t;
    bool done = false;

    setup();
    qemu_thread_create(&t, "vcpu", vcpu, &done);
    while (!qatomic_read(&done)) {
        main_loop_wait(false);
    }
    qemu_thread_join(&t);
    g_assert_cmpuint(F->starts, ==, 200);
    teardown();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qemu_init_main_loop(&error_abort);
    g_test_add_func("/virtio/features", test_features);
    g_test_add_func("/virtio/no-features-ok", test_no_features_ok);
    g_test_add_func("/virtio/run", test_run);
    g_test_add_func("/virtio/vm-stop", test_vm_stop);
    g_test_add_func("/virtio/queue-reset", test_queue_reset);
    g_test_add_func("/virtio/driver-error", test_driver_error);
    g_test_add_func("/virtio/log-flood", test_log_flood);
    g_test_add_func("/virtio/bad-rings", test_bad_rings);
    g_test_add_func("/virtio/config", test_config);
    g_test_add_func("/virtio/vcpu-reset", test_vcpu_reset);
    return g_test_run();
}
