/*
 * What all virtio devices have in common, whatever carries them: feature
 * negotiation, the status machine, the queue table, starting and stopping
 * of queues on their AioContexts, and what happens when a driver misbehaves.
 *
 * A device fills VirtIODeviceOps, a transport (virtio-pci) VirtIOTransport.
 * "main" below is the main thread under the BQL; "home" the thread of the
 * queue's AioContext, which never takes the BQL.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_VIRTIO_VIRTIO_H
#define HW_VIRTIO_VIRTIO_H

#include "util/osdep.h"
#include "hw/core/qdev.h"
#include "util/aio.h"
#include "virtio/vring.h"

#define TYPE_VIRTIO_DEVICE "virtio-device"

#define VIRTIO_QUEUE_MAX      1024 /* queues of a device */
#define VIRTQUEUE_MAX_SIZE    1024 /* descriptors that we offer at most */
#define VIRTIO_NO_VECTOR      0xffff
#define VIRTIO_CONFIG_MAX_LEN 256

/* Device status, virtio 1.2 section 2.1 */
enum {
    VIRTIO_CONFIG_S_ACKNOWLEDGE = 1,
    VIRTIO_CONFIG_S_DRIVER = 2,
    VIRTIO_CONFIG_S_DRIVER_OK = 4,
    VIRTIO_CONFIG_S_FEATURES_OK = 8,
    VIRTIO_CONFIG_S_NEEDS_RESET = 0x40,
    VIRTIO_CONFIG_S_FAILED = 0x80,
};

/* Feature bits of every device, section 6 */
enum {
    VIRTIO_F_RING_INDIRECT_DESC = 28,
    VIRTIO_F_RING_EVENT_IDX = 29,
    VIRTIO_F_VERSION_1 = 32,
    VIRTIO_F_RING_RESET = 40,
};

typedef struct VirtIODevice VirtIODevice;
typedef struct VirtQueue VirtQueue;

/* What a device does. Required unless marked optional. */
typedef struct VirtIODeviceOps {
    /* Fill the config space, VirtIODevice.config_len bytes. main or vCPU
     * under the BQL. */
    void (*get_config)(VirtIODevice *vdev, uint8_t *config);
    /* Optional: the driver wrote; @config is the whole space as it wants it. */
    void (*set_config)(VirtIODevice *vdev, const uint8_t *config);
    /* Optional: the driver's features are final (FEATURES_OK), or 0 at
     * reset. main. */
    void (*set_features)(VirtIODevice *vdev, uint64_t features);
    /* The ring is mapped: make what serving it takes. main. */
    bool (*queue_start)(VirtIODevice *vdev, VirtQueue *vq, Error **errp);
    /* Undo it; the queue is idle. Kept requests are dropped. main. */
    void (*queue_stop)(VirtIODevice *vdev, VirtQueue *vq);
    /* Serve the ring / take nothing more from it. home. */
    void (*queue_resume)(VirtIODevice *vdev, VirtQueue *vq);
    void (*queue_pause)(VirtIODevice *vdev, VirtQueue *vq);
    /* Wait until a paused queue has nothing in flight. main. */
    void (*queue_drain)(VirtIODevice *vdev, VirtQueue *vq);
    /* The driver kicked, or queue_has_work() said so. home. */
    void (*queue_handle)(VirtIODevice *vdev, VirtQueue *vq);
    bool (*queue_has_work)(VirtIODevice *vdev, VirtQueue *vq);
    /* The loop begins or ends to poll. home. */
    void (*queue_set_polling)(VirtIODevice *vdev, VirtQueue *vq, bool on);
} VirtIODeviceOps;

/* What a transport does for the core. All main. */
typedef struct VirtIOTransportOps {
    /* Kicks of @vq arrive at vq->host_notifier, and interrupts go where
     * virtio_queue_set_irqfd() says, from here on / no longer. */
    void (*queue_connect)(void *opaque, VirtQueue *vq);
    void (*queue_disconnect)(void *opaque, VirtQueue *vq);
    /* Interrupt the driver for @vq by other means than an irqfd. */
    void (*queue_interrupt)(void *opaque, VirtQueue *vq);
    /* Tell the driver that the config space or the status changed. */
    void (*notify_config)(void *opaque);
    /* The device was reset: forget vectors and interrupt state. */
    void (*reset)(void *opaque);
} VirtIOTransportOps;

struct VirtQueue {
    /* Fixed by virtio_add_queue() */
    VirtIODevice *vdev;
    uint16_t index;
    uint16_t num_max;
    AioContext *ctx;
    void *opaque;                 /* the device's */
    EventNotifier host_notifier;  /* driver to device */
    EventNotifier guest_notifier; /* device to driver, while irqfd is set */
    QEMUBH *interrupt_bh;         /* main loop: device to driver otherwise */

    /* BQL: what the driver has set up */
    uint16_t num;
    uint64_t desc, avail, used;
    uint16_t vector; /* VIRTIO_NO_VECTOR: none */
    bool enabled;

    /* main */
    bool started;  /* the ring is mapped, the transport connected */
    bool attached; /* handlers are in @ctx */
    uint16_t last_avail;

    /* Atomic: the BQL's holder sets it, home reads it */
    bool irqfd;

    Vring vring; /* home while attached, otherwise main */
};

struct VirtIODevice {
    DeviceState parent_obj;

    /* Fixed by virtio_init() and before the first start */
    const char *name; /* "virtio-blk" */
    uint16_t device_id;
    uint16_t config_len;
    const VirtIODeviceOps *ops;
    const VirtIOTransportOps *transport;
    void *transport_opaque;
    uint64_t host_features; /* offered */
    VirtQueue *vq;
    unsigned nvqs;

    /* BQL */
    uint64_t guest_features; /* accepted */
    uint8_t status;
    uint8_t generation; /* of the config space, 2.5.1 */
    bool vm_running;
    GuestMemory *mem; /* while started */

    /* Atomic: set by virtio_error() in any thread, cleared by reset */
    bool broken;
    QEMUBH *broken_bh;
    /* Only who set @broken: one line in the log per error, and few per minute
     */
    int64_t log_window_start; /* us, monotonic */
    unsigned log_lines;
};

/*
 * Prepare a zeroed device with room for @nvqs queues (added afterwards).
 * main.
 */
void virtio_init(VirtIODevice *vdev, const char *name, uint16_t device_id,
                 uint16_t config_len, unsigned nvqs,
                 const VirtIODeviceOps *ops);
/* Reset it and free the queues. main. */
void virtio_cleanup(VirtIODevice *vdev);

/* The next queue, of at most @num descriptors, served in @ctx. NULL and
 * @errp when eventfds are short. main. */
VirtQueue *virtio_add_queue(VirtIODevice *vdev, uint16_t num, AioContext *ctx,
                            Error **errp);

static inline bool virtio_has_feature(uint64_t features, unsigned bit)
{
    return features >> bit & 1;
}

/* --- for transports; main or a vCPU under the BQL ------------------------- */

/*
 * The driver writes the status register. 0 resets. FEATURES_OK sticks only
 * if the features are a subset of ours with VERSION_1. May give up the BQL
 * while the main thread starts or stops queues.
 */
void virtio_set_status(VirtIODevice *vdev, uint8_t status);
void virtio_reset(VirtIODevice *vdev);

/* The driver selects features; ignored after FEATURES_OK. */
void virtio_set_features(VirtIODevice *vdev, uint64_t features);

/* The driver sets queue_enable = 1, or queue_reset = 1. */
void virtio_queue_enable(VirtIODevice *vdev, VirtQueue *vq);
void virtio_queue_reset(VirtIODevice *vdev, VirtQueue *vq);

/* A kick that came as a register write. */
void virtio_queue_kick(VirtQueue *vq);

/* Config space accesses of 1, 2 or 4 bytes; out of range reads all ones. */
uint32_t virtio_config_read(VirtIODevice *vdev, uint32_t addr, unsigned size);
void virtio_config_write(VirtIODevice *vdev, uint32_t addr, uint32_t val,
                         unsigned size);

/* May interrupts go by vq->guest_notifier, which the kernel reads? BQL. */
void virtio_queue_set_irqfd(VirtQueue *vq, bool irqfd);

/* The machine runs or stops. main, while vCPUs are stopped. */
void virtio_vm_state_change(VirtIODevice *vdev, bool running);

/* --- for devices ---------------------------------------------------------- */

/* Interrupt the driver for @vq at the end of this turn. home. */
void virtio_notify(VirtQueue *vq);

/* The config space has changed. main. */
void virtio_notify_config(VirtIODevice *vdev);

/*
 * The driver did something it must not do: one line in the log, the device
 * stops serving and says DEVICE_NEEDS_RESET. Any thread.
 */
void virtio_error(VirtIODevice *vdev, const char *fmt, ...)
    G_GNUC_QEMU_PRINTF(2, 3);

#endif
