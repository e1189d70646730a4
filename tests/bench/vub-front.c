/*
 * The front end: messages of the vhost-user specification, split rings of
 * virtio 1.2 section 2.7.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "tests/bench/vub-front.h"

#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "export/vhost-user-proto.h"
#include "io/socket.h"
#include "util/atomic.h"

#define GPA       0x100000000ull
#define RING_SIZE 256

enum { DESC_NEXT = 1, DESC_WRITE = 2, DESC_INDIRECT = 4 };

typedef struct VubDesc {
    uint64_t addr;
    uint32_t len;
    uint16_t flags, next;
} VubDesc;

typedef struct VubAvail {
    uint16_t flags, idx, ring[];
} VubAvail;

typedef struct VubUsed {
    uint16_t flags, idx;
    struct {
        uint32_t id, len;
    } ring[];
} VubUsed;

static void G_GNUC_NORETURN die(const char *what)
{
    fprintf(stderr, "vhost-user front end: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* --- messages ------------------------------------------------------------- */

static void send_msg(VubFront *f, uint32_t request, uint32_t flags,
                     const void *payload, uint32_t size, int fd)
{
    uint8_t buf[sizeof(VhostUserHeader) + sizeof(VhostUserPayload)];
    VhostUserHeader h = { request, VHOST_USER_VERSION | flags, size };

    memcpy(buf, &h, sizeof(h));
    if (size) {
        memcpy(buf + sizeof(h), payload, size);
    }
    if (socket_send_fds(f->sock, buf, sizeof(h) + size, &fd, fd >= 0) !=
        (ssize_t)(sizeof(h) + size)) {
        die("send");
    }
}

static void recv_all(VubFront *f, void *buf, size_t len)
{
    if (recv(f->sock, buf, len, MSG_WAITALL) != (ssize_t)len) {
        die("the server went away");
    }
}

static void recv_msg(VubFront *f, uint32_t request, VhostUserPayload *p)
{
    VhostUserHeader h;

    recv_all(f, &h, sizeof(h));
    if (h.request != request || h.size > sizeof(*p)) {
        errno = EPROTO;
        die("reply");
    }
    recv_all(f, p, h.size);
}

static uint64_t get_u64(VubFront *f, uint32_t request)
{
    VhostUserPayload p;

    send_msg(f, request, 0, NULL, 0, -1);
    recv_msg(f, request, &p);
    return p.u64;
}

static void set(VubFront *f, uint32_t request, const void *payload,
                uint32_t size, int fd)
{
    bool ack = f->protocol >> VHOST_USER_PROTOCOL_F_REPLY_ACK & 1;
    VhostUserPayload p;

    send_msg(f, request, ack ? VHOST_USER_NEED_REPLY : 0, payload, size, fd);
    if (ack) {
        recv_msg(f, request, &p);
        if (p.u64) {
            errno = EINVAL;
            die("a message was refused");
        }
    }
}

static void set_u64(VubFront *f, uint32_t request, uint64_t value, int fd)
{
    set(f, request, &value, sizeof(value), fd);
}

static void set_state(VubFront *f, uint32_t request, uint32_t index,
                      uint32_t num)
{
    VhostUserVringState s = { index, num };

    set(f, request, &s, sizeof(s), -1);
}

/* --- set-up --------------------------------------------------------------- */

static uint64_t gpa(const VubFront *f, const void *p)
{
    return GPA + ((const uint8_t *)p - f->mem);
}

static void *take_mem(VubFront *f, size_t size, size_t align)
{
    size_t at = ROUND_UP(f->mem_used, align);

    f->mem_used = at + size;
    assert(f->mem_used <= f->mem_size);
    return f->mem + at;
}

static void connect_to(VubFront *f, const char *path)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };

    f->sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_strlcpy(a.sun_path, path, sizeof(a.sun_path));
    if (f->sock < 0 || connect(f->sock, (void *)&a, sizeof(a)) < 0) {
        die(path);
    }
}

static void negotiate(VubFront *f)
{
    const uint64_t want = 1ull << 32 | 1ull << 29 | 1ull << 28 |
                          1ull << VHOST_USER_F_PROTOCOL_FEATURES |
                          1ull << VIRTIO_BLK_F_FLUSH | 1ull << VIRTIO_BLK_F_MQ |
                          1ull << VIRTIO_BLK_F_CONFIG_WCE;
    const uint64_t protocol = 1ull << VHOST_USER_PROTOCOL_F_MQ |
                              1ull << VHOST_USER_PROTOCOL_F_REPLY_ACK |
                              1ull << VHOST_USER_PROTOCOL_F_CONFIG;
    VhostUserPayload p = { .config = { .size = sizeof(f->config) } };
    uint64_t agreed;

    f->features = get_u64(f, VHOST_USER_GET_FEATURES) & want;
    agreed = get_u64(f, VHOST_USER_GET_PROTOCOL_FEATURES) & protocol;
    set_u64(f, VHOST_USER_SET_PROTOCOL_FEATURES, agreed, -1);
    f->protocol = agreed;
    set(f, VHOST_USER_SET_OWNER, NULL, 0, -1);
    set_u64(f, VHOST_USER_SET_FEATURES, f->features, -1);
    send_msg(f, VHOST_USER_GET_CONFIG, 0, &p,
             VHOST_USER_CONFIG_HEADER + sizeof(f->config), -1);
    recv_msg(f, VHOST_USER_GET_CONFIG, &p);
    memcpy(&f->config, p.config.data, sizeof(f->config));
}

static void share_memory(VubFront *f)
{
    VhostUserMemTable t = {
        .nregions = 1,
        .regions = { { GPA, f->mem_size, (uintptr_t)f->mem, 0 } },
    };

    set(f, VHOST_USER_SET_MEM_TABLE, &t,
        offsetof(VhostUserMemTable, regions) + sizeof(t.regions[0]), f->memfd);
}

static void make_slot(VubFront *f, VubQueue *q, unsigned i, size_t bs)
{
    VubSlot *s = &q->slots[i];

    s->hdr = take_mem(f, sizeof(*s->hdr), 64);
    s->status = take_mem(f, 1, 1);
    s->table = take_mem(f, 3 * sizeof(VubDesc), 16);
    s->buf = take_mem(f, bs, 4096);
    s->table[0] = (VubDesc){ gpa(f, s->hdr), sizeof(*s->hdr), DESC_NEXT, 1 };
    s->table[1] = (VubDesc){ gpa(f, s->buf), bs, DESC_NEXT, 2 };
    s->table[2] = (VubDesc){ gpa(f, s->status), 1, DESC_WRITE, 0 };
    q->desc[i] = (VubDesc){ gpa(f, s->table), 3 * sizeof(VubDesc),
                            DESC_INDIRECT, 0 };
    q->free[q->nfree++] = i;
}

static void make_queue(VubFront *f, unsigned index, unsigned depth, size_t bs)
{
    VubQueue *q = &f->queues[index];
    VhostUserVringAddr a = { .index = index };

    *q = (VubQueue){ .index = index, .num = RING_SIZE, .depth = depth };
    q->desc = take_mem(f, RING_SIZE * sizeof(VubDesc), 4096);
    q->avail = take_mem(f, 6 + 2 * RING_SIZE, 64);
    q->used = take_mem(f, 6 + 8 * RING_SIZE, 4096);
    q->slots = g_new0(VubSlot, depth);
    q->free = g_new(unsigned, depth);
    for (unsigned i = 0; i < depth; i++) {
        make_slot(f, q, i, bs);
    }
    q->kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    q->call = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    a.desc = (uintptr_t)q->desc;
    a.avail = (uintptr_t)q->avail;
    a.used = (uintptr_t)q->used;
    set_state(f, VHOST_USER_SET_VRING_NUM, index, RING_SIZE);
    set_state(f, VHOST_USER_SET_VRING_BASE, index, 0);
    set(f, VHOST_USER_SET_VRING_ADDR, &a, sizeof(a), -1);
    set_u64(f, VHOST_USER_SET_VRING_CALL, index, q->call);
    set_u64(f, VHOST_USER_SET_VRING_KICK, index, q->kick);
    set_state(f, VHOST_USER_SET_VRING_ENABLE, index, 1);
    /* Until vub_arm() no interrupts */
    q->avail->ring[RING_SIZE] = 0xffff;
}

void vub_open(VubFront *f, const char *path, unsigned nqueues, unsigned depth,
              size_t bs)
{
    size_t slot = ROUND_UP(bs, 4096) + 8192;

    *f = (VubFront){ .nqueues = nqueues };
    assert(depth <= RING_SIZE);
    connect_to(f, path);
    negotiate(f);
    f->mem_size = ROUND_UP(nqueues * (64 * KiB + depth * slot), 2 * MiB);
    f->memfd = memfd_create("front-end", MFD_CLOEXEC);
    if (f->memfd < 0 || ftruncate(f->memfd, f->mem_size) < 0) {
        die("memory");
    }
    f->mem = mmap(NULL, f->mem_size, PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_POPULATE, f->memfd, 0);
    if (f->mem == MAP_FAILED) {
        die("memory");
    }
    share_memory(f);
    f->queues = g_new0(VubQueue, nqueues);
    for (unsigned i = 0; i < nqueues; i++) {
        make_queue(f, i, depth, bs);
    }
}

void vub_close(VubFront *f)
{
    for (unsigned i = 0; i < f->nqueues; i++) {
        VhostUserVringState s = { i, 0 };
        VhostUserPayload p;

        send_msg(f, VHOST_USER_GET_VRING_BASE, 0, &s, sizeof(s), -1);
        recv_msg(f, VHOST_USER_GET_VRING_BASE, &p);
        close(f->queues[i].kick);
        close(f->queues[i].call);
        g_free(f->queues[i].slots);
        g_free(f->queues[i].free);
    }
    g_free(f->queues);
    close(f->sock);
    close(f->memfd);
    munmap(f->mem, f->mem_size);
}

/* --- rings ---------------------------------------------------------------- */

VubSlot *vub_take(VubQueue *q)
{
    return q->nfree ? &q->slots[q->free[--q->nfree]] : NULL;
}

void vub_put(VubQueue *q, VubSlot *s)
{
    q->free[q->nfree++] = s - q->slots;
}

void vub_submit(VubQueue *q, VubSlot *s, uint32_t type, uint64_t sector,
                uint32_t len)
{
    s->type = type;
    *s->hdr = (VubOutHdr){ type, 0, sector };
    *s->status = 0xff;
    s->table[0].next = len ? 1 : 2;
    s->table[1].len = len;
    s->table[1].flags = DESC_NEXT | (type == VIRTIO_BLK_T_IN ? DESC_WRITE : 0);
    q->avail->ring[q->avail_idx++ & (RING_SIZE - 1)] = s - q->slots;
}

void vub_show(VubQueue *q)
{
    uint16_t old = q->shown_idx, now = q->avail_idx, event;

    if (old == now) {
        return;
    }
    /* RELEASE: the entries come first, 2.7.13.3 */
    qatomic_store_release(&q->avail->idx, now);
    q->shown_idx = now;
    q->batches++;
    smp_mb(); /* the index before the server's wish, 2.7.13.4 */
    event = qatomic_read((uint16_t *)&q->used->ring[RING_SIZE]);
    if ((uint16_t)(now - event - 1) < (uint16_t)(now - old)) {
        q->kicks++;
        if (eventfd_write(q->kick, 1) < 0) {
            die("kick");
        }
    }
}

VubSlot *vub_reap(VubQueue *q)
{
    uint32_t id;

    /* ACQUIRE: the entry and the data come after the index */
    if (qatomic_load_acquire(&q->used->idx) == q->used_idx) {
        return NULL;
    }
    id = qatomic_read(&q->used->ring[q->used_idx++ & (RING_SIZE - 1)].id);
    return &q->slots[id];
}

bool vub_arm(VubQueue *q)
{
    qatomic_set(&q->avail->ring[RING_SIZE], q->used_idx);
    smp_mb(); /* the wish before the index, 2.7.7.2 */
    return qatomic_load_acquire(&q->used->idx) != q->used_idx;
}
