/*
 * The least that a vhost-user-blk server can do: every request is answered at
 * once and no data are touched.  What another server takes longer is its own.
 *
 *   bench-vhost-null SOCKET
 *
 * One front end with one ring after the other; polls without end.  Checks
 * nothing: a yardstick, not a server.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "export/vhost-user-msg.h"
#include "hw/block/virtio-blk-config.h"
#include "util/atomic.h"

typedef struct Desc {
    uint64_t addr;
    uint32_t len;
    uint16_t flags, next;
} Desc;

typedef struct Server {
    int sock;
    VhostUserReader reader;
    VhostUserMemRegion region;
    uint8_t *mem;
    unsigned num;
    Desc *desc;
    uint16_t *avail, *used; /* flags, index, entries */
    uint16_t taken;
    bool enabled;
} Server;

static void *by_gpa(Server *s, uint64_t addr)
{
    return s->mem + (addr - s->region.gpa);
}

static void *by_uaddr(Server *s, uint64_t addr)
{
    return s->mem + (addr - s->region.uaddr);
}

/* Answer what is there. */
static void serve(Server *s)
{
    uint16_t avail = qatomic_load_acquire(&s->avail[1]);
    uint32_t *used = (uint32_t *)(s->used + 2);

    if (avail == s->taken) {
        return;
    }
    for (; s->taken != avail; s->taken++) {
        unsigned slot = s->taken & (s->num - 1);
        uint16_t head = s->avail[2 + slot];
        Desc *d = by_gpa(s, s->desc[head].addr);
        Desc *t = d;

        while (d->flags & 1) {
            d = &t[d->next];
        }
        *(uint8_t *)by_gpa(s, d->addr) = 0;
        used[2 * slot] = head;
        used[2 * slot + 1] = 1;
    }
    qatomic_store_release(&s->used[1], s->taken);
}

static void set_up_ring(Server *s, const VhostUserVringAddr *a)
{
    s->desc = by_uaddr(s, a->desc);
    s->avail = by_uaddr(s, a->avail);
    s->used = by_uaddr(s, a->used);
    /* No kicks */
    s->used[2 + 4 * s->num] = 0x8000;
}

static void fill_reply(Server *s, VhostUserMsg *m, VhostUserPayload *r)
{
    const VirtIOBlkConfig cfg = { .capacity = 1 << 21, .num_queues = 1 };

    switch (m->h.request) {
    case VHOST_USER_GET_FEATURES:
        r->u64 = 1ull << 32 | 1ull << 30 | 1ull << 29 | 1ull << 28 | 1ull << 9;
        break;
    case VHOST_USER_GET_PROTOCOL_FEATURES:
        r->u64 = 1ull << VHOST_USER_PROTOCOL_F_CONFIG |
                 1ull << VHOST_USER_PROTOCOL_F_REPLY_ACK;
        break;
    case VHOST_USER_GET_CONFIG:
        r->config = m->p.config;
        memcpy(r->config.data, &cfg, sizeof(cfg));
        break;
    case VHOST_USER_SET_MEM_TABLE:
        s->region = m->p.table.regions[0];
        s->mem = mmap(NULL, s->region.size, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_POPULATE, m->fds[0], 0);
        break;
    case VHOST_USER_SET_VRING_NUM:
        s->num = m->p.state.num;
        break;
    case VHOST_USER_SET_VRING_ADDR:
        set_up_ring(s, &m->p.addr);
        break;
    case VHOST_USER_SET_VRING_ENABLE:
        s->enabled = true;
        break;
    case VHOST_USER_GET_VRING_BASE:
        s->enabled = false;
        r->state.num = s->taken;
        break;
    default:
        break;
    }
}

static bool handle_message(Server *s)
{
    VhostUserMsg *m = &s->reader.msg;
    VhostUserMsg r = { .h = { .flags = VHOST_USER_VERSION | VHOST_USER_REPLY,
                              .size = 8 } };
    int ret;

    while (!(ret = vhost_user_read(&s->reader, s->sock, NULL))) {
    }
    if (ret < 0) {
        return false;
    }
    r.h.request = m->h.request;
    fill_reply(s, m, &r.p);
    if (m->h.request == VHOST_USER_GET_CONFIG) {
        r.h.size = m->h.size;
    }
    vhost_user_msg_close_fds(m);
    if (m->h.flags & VHOST_USER_NEED_REPLY ||
        m->h.request == VHOST_USER_GET_FEATURES ||
        m->h.request == VHOST_USER_GET_PROTOCOL_FEATURES ||
        m->h.request == VHOST_USER_GET_CONFIG ||
        m->h.request == VHOST_USER_GET_VRING_BASE) {
        vhost_user_send(s->sock, &r, NULL);
    }
    vhost_user_reader_init(&s->reader);
    return true;
}

static void serve_client(int sock)
{
    Server s = { .sock = sock };

    for (unsigned turn = 0;; turn++) {
        struct pollfd p = { sock, POLLIN, 0 };

        if (s.enabled) {
            serve(&s);
        }
        if ((!s.enabled || turn % 65536 == 0) &&
            poll(&p, 1, s.enabled ? 0 : -1) > 0 && !handle_message(&s)) {
            break;
        }
    }
    close(sock);
    if (s.mem) {
        munmap(s.mem, s.region.size);
    }
}

int main(int argc, char **argv)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (argc != 2) {
        fprintf(stderr, "usage: bench-vhost-null SOCKET\n");
        return 2;
    }
    g_strlcpy(a.sun_path, argv[1], sizeof(a.sun_path));
    unlink(argv[1]);
    if (fd < 0 || bind(fd, (void *)&a, sizeof(a)) < 0 || listen(fd, 1) < 0) {
        perror(argv[1]);
        return 1;
    }
    for (;;) {
        int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (client >= 0) {
            serve_client(client);
        }
    }
}
