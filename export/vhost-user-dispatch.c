/*
 * A vhost-user-blk back end: what each message does.
 *
 * Everything in a message is the front end's and hostile; its length and the
 * number of its descriptors are checked by the table before its function runs.
 * A function that keeps a descriptor puts -1 in its place.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "export/vhost-user.h"
#include "hw/virtio/virtio.h"

#include <sys/mman.h>

#define PROTOCOL_FEATURES                           \
    (1ull << VHOST_USER_PROTOCOL_F_MQ |             \
     1ull << VHOST_USER_PROTOCOL_F_REPLY_ACK |      \
     1ull << VHOST_USER_PROTOCOL_F_BACKEND_REQ |    \
     1ull << VHOST_USER_PROTOCOL_F_CONFIG |         \
     1ull << VHOST_USER_PROTOCOL_F_INFLIGHT_SHMFD | \
     1ull << VHOST_USER_PROTOCOL_F_RESET_DEVICE |   \
     1ull << VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS)

/* False and @errp: the front end is dropped. @r: the reply, with size 8 and 0
 * in it; u64 of 1 says that @m was refused, where that is enough. */
typedef bool HandleFn(VhostUserServer *s, VhostUserMsg *m, VhostUserMsg *r,
                      Error **errp);

/* --- features ------------------------------------------------------------- */

static bool get_features(VhostUserServer *s, VhostUserMsg *m, VhostUserMsg *r,
                         Error **errp)
{
    r->p.u64 = s->features | 1ull << VHOST_USER_F_PROTOCOL_FEATURES;
    return true;
}

static bool set_features(VhostUserServer *s, VhostUserMsg *m, VhostUserMsg *r,
                         Error **errp)
{
    uint64_t f = m->p.u64;

    if (f & ~(s->features | 1ull << VHOST_USER_F_PROTOCOL_FEATURES)) {
        error_setg(errp, "features 0x%" PRIx64 " were not offered",
                   f & ~s->features);
        return false;
    }
    s->guest_features = f;
    s->ops->set_features(s->opaque, f);
    /* Without protocol features rings need not be enabled */
    for (unsigned i = 0; i < s->num_queues; i++) {
        if (!virtio_has_feature(f, VHOST_USER_F_PROTOCOL_FEATURES)) {
            s->queues[i].enabled = true;
        }
    }
    return true;
}

static bool get_protocol_features(VhostUserServer *s, VhostUserMsg *m,
                                  VhostUserMsg *r, Error **errp)
{
    r->p.u64 = PROTOCOL_FEATURES;
    return true;
}

static bool set_protocol_features(VhostUserServer *s, VhostUserMsg *m,
                                  VhostUserMsg *r, Error **errp)
{
    if (m->p.u64 & ~PROTOCOL_FEATURES) {
        error_setg(errp, "protocol features 0x%" PRIx64 " were not offered",
                   (uint64_t)(m->p.u64 & ~PROTOCOL_FEATURES));
        return false;
    }
    s->protocol_features = m->p.u64;
    return true;
}

static bool set_owner(VhostUserServer *s, VhostUserMsg *m, VhostUserMsg *r,
                      Error **errp)
{
    return true;
}

static bool reset(VhostUserServer *s, VhostUserMsg *m, VhostUserMsg *r,
                  Error **errp)
{
    for (unsigned i = 0; i < s->num_queues; i++) {
        vhost_user_queue_reset(&s->queues[i]);
    }
    return true;
}

static bool get_queue_num(VhostUserServer *s, VhostUserMsg *m, VhostUserMsg *r,
                          Error **errp)
{
    r->p.u64 = s->num_queues;
    return true;
}

/* --- memory --------------------------------------------------------------- */

static bool set_mem_table(VhostUserServer *s, VhostUserMsg *m, VhostUserMsg *r,
                          Error **errp)
{
    size_t need = offsetof(VhostUserMemTable, regions);

    need += (size_t)m->p.table.nregions * sizeof(VhostUserMemRegion);
    if (m->p.table.nregions > VHOST_USER_TABLE_REGIONS || m->h.size < need) {
        error_setg(errp, "SET_MEM_TABLE of %u regions in %u bytes",
                   m->p.table.nregions, m->h.size);
        return false;
    }
    return vhost_user_mem_set(&s->mem, &m->p.table, m->fds, m->nfds, errp);
}

static bool get_max_mem_slots(VhostUserServer *s, VhostUserMsg *m,
                              VhostUserMsg *r, Error **errp)
{
    r->p.u64 = VHOST_USER_MEM_SLOTS;
    return true;
}

static bool add_mem_reg(VhostUserServer *s, VhostUserMsg *m, VhostUserMsg *r,
                        Error **errp)
{
    return vhost_user_mem_add(&s->mem, &m->p.reg.region, m->fds[0], errp);
}

static bool rem_mem_reg(VhostUserServer *s, VhostUserMsg *m, VhostUserMsg *r,
                        Error **errp)
{
    return vhost_user_mem_remove(&s->mem, &m->p.reg.region, errp);
}

/* --- rings ---------------------------------------------------------------- */

static VhostUserQueue *queue_at(VhostUserServer *s, uint32_t index,
                                Error **errp)
{
    if (index >= s->num_queues) {
        error_setg(errp, "there is no queue %u", index);
        return NULL;
    }
    return &s->queues[index];
}

static bool set_vring_num(VhostUserServer *s, VhostUserMsg *m, VhostUserMsg *r,
                          Error **errp)
{
    VhostUserQueue *q = queue_at(s, m->p.state.index, errp);

    if (!q) {
        return false;
    }
    if (!is_power_of_2(m->p.state.num) ||
        m->p.state.num > VHOST_USER_QUEUE_SIZE_MAX) {
        error_setg(errp, "queue %u: invalid size %u", q->index, m->p.state.num);
        return false;
    }
    q->num = m->p.state.num;
    return true;
}

static bool set_vring_addr(VhostUserServer *s, VhostUserMsg *m, VhostUserMsg *r,
                           Error **errp)
{
    VhostUserQueue *q = queue_at(s, m->p.addr.index, errp);

    if (!q) {
        return false;
    }
    q->addr = m->p.addr;
    q->has_addr = true;
    return true;
}

static bool set_vring_base(VhostUserServer *s, VhostUserMsg *m, VhostUserMsg *r,
                           Error **errp)
{
    VhostUserQueue *q = queue_at(s, m->p.state.index, errp);

    if (!q) {
        return false;
    }
    q->base = m->p.state.num;
    return true;
}

/* The ring is stopped until the next SET_VRING_KICK. */
static bool get_vring_base(VhostUserServer *s, VhostUserMsg *m, VhostUserMsg *r,
                           Error **errp)
{
    VhostUserQueue *q = queue_at(s, m->p.state.index, errp);

    if (!q) {
        return false;
    }
    r->p.state = (VhostUserVringState){ q->index, q->base };
    if (q->has_kick) {
        event_notifier_cleanup(&q->kick);
        event_notifier_init_fd(&q->kick, -1);
        q->has_kick = false;
    }
    vhost_user_queue_set_call(q, -1);
    return true;
}

/* An eventfd?  The loop waits for nothing else; where /proc is missing we
 * cannot know. */
static bool is_eventfd(int fd)
{
    g_autofree char *link = g_strdup_printf("/proc/self/fd/%d", fd);
    char target[64];
    ssize_t n = readlink(link, target, sizeof(target) - 1);

    if (n < 0) {
        return true;
    }
    target[n] = '\0';
    return g_str_equal(target, "anon_inode:[eventfd]");
}

/* The descriptor of SET_VRING_KICK, _CALL or _ERR, and its queue; *@fd -1 if
 * the message says that there is none. */
static VhostUserQueue *take_ring_fd(VhostUserServer *s, VhostUserMsg *m,
                                    int *fd, Error **errp)
{
    VhostUserQueue *q = queue_at(s, m->p.u64 & VHOST_USER_VRING_INDEX, errp);
    bool none = m->p.u64 & VHOST_USER_VRING_NOFD;

    if (!q) {
        return NULL;
    }
    if (m->nfds != (none ? 0 : 1)) {
        error_setg(errp, "queue %u: message %u with %d descriptors", q->index,
                   m->h.request, m->nfds);
        return NULL;
    }
    *fd = none ? -1 : m->fds[0];
    if (!none && !is_eventfd(*fd)) {
        error_setg(errp,
                   "queue %u: message %u with a descriptor that is no "
                   "eventfd",
                   q->index, m->h.request);
        return NULL;
    }
    m->fds[0] = -1;
    return q;
}

static bool set_vring_kick(VhostUserServer *s, VhostUserMsg *m, VhostUserMsg *r,
                           Error **errp)
{
    int fd;
    VhostUserQueue *q = take_ring_fd(s, m, &fd, errp);

    if (!q) {
        return false;
    }
    if (fd < 0) {
        error_setg(errp, "queue %u: no descriptor for kicks", q->index);
        return false;
    }
    if (q->has_kick) {
        event_notifier_cleanup(&q->kick);
    }
    event_notifier_init_fd(&q->kick, fd);
    q->has_kick = true;
    return true;
}

static bool set_vring_call(VhostUserServer *s, VhostUserMsg *m, VhostUserMsg *r,
                           Error **errp)
{
    int fd;
    VhostUserQueue *q = take_ring_fd(s, m, &fd, errp);

    if (!q) {
        return false;
    }
    vhost_user_queue_set_call(q, fd);
    return true;
}

static bool set_vring_err(VhostUserServer *s, VhostUserMsg *m, VhostUserMsg *r,
                          Error **errp)
{
    int fd;
    VhostUserQueue *q = take_ring_fd(s, m, &fd, errp);

    if (!q) {
        return false;
    }
    if (q->err_fd >= 0) {
        close(q->err_fd);
    }
    q->err_fd = fd;
    return true;
}

static bool set_vring_enable(VhostUserServer *s, VhostUserMsg *m,
                             VhostUserMsg *r, Error **errp)
{
    VhostUserQueue *q = queue_at(s, m->p.state.index, errp);

    if (!q) {
        return false;
    }
    q->enabled = m->p.state.num;
    return true;
}

/* --- configuration space -------------------------------------------------- */

static bool get_config(VhostUserServer *s, VhostUserMsg *m, VhostUserMsg *r,
                       Error **errp)
{
    uint8_t space[VHOST_USER_MAX_CONFIG_SIZE] = { 0 };
    uint32_t offset = m->p.config.offset;
    uint32_t size = m->p.config.size;
    VirtIOBlkConfig cfg;

    r->p.config = m->p.config;
    if (size > sizeof(space) || offset > sizeof(space) - size ||
        m->h.size < VHOST_USER_CONFIG_HEADER + size) {
        r->p.config.size = 0; /* "an error" */
        r->h.size = VHOST_USER_CONFIG_HEADER;
        return true;
    }
    s->ops->get_config(s->opaque, &cfg);
    memcpy(space, &cfg, sizeof(cfg));
    memcpy(r->p.config.data, space + offset, size);
    r->h.size = VHOST_USER_CONFIG_HEADER + size;
    return true;
}

/* Only the cache mode can be written, virtio 1.2 section 5.2.5.1. */
static bool set_config(VhostUserServer *s, VhostUserMsg *m, VhostUserMsg *r,
                       Error **errp)
{
    if (m->p.config.offset != offsetof(VirtIOBlkConfig, wce) ||
        m->p.config.size != 1 || m->h.size < VHOST_USER_CONFIG_HEADER + 1) {
        r->p.u64 = 1;
        return true;
    }
    s->ops->set_wce(s->opaque, m->p.config.data[0]);
    return true;
}

static bool set_backend_req_fd(VhostUserServer *s, VhostUserMsg *m,
                               VhostUserMsg *r, Error **errp)
{
    if (s->backend_fd >= 0) {
        close(s->backend_fd);
    }
    s->backend_fd = m->fds[0];
    m->fds[0] = -1;
    return true;
}

/* --- requests in flight --------------------------------------------------- */

static bool check_inflight(VhostUserServer *s, const VhostUserInflight *in,
                           Error **errp)
{
    if (!in->num_queues || in->num_queues > s->num_queues || !in->queue_size ||
        in->queue_size > VHOST_USER_QUEUE_SIZE_MAX) {
        error_setg(errp, "inflight buffer for %u queues of %u descriptors",
                   in->num_queues, in->queue_size);
        return false;
    }
    return true;
}

static uint64_t inflight_len(const VhostUserInflight *in)
{
    return in->num_queues * (uint64_t)vring_inflight_size(in->queue_size);
}

static bool get_inflight_fd(VhostUserServer *s, VhostUserMsg *m,
                            VhostUserMsg *r, Error **errp)
{
    VhostUserInflight *in = &r->p.inflight;
    int fd;

    *in = m->p.inflight;
    if (!check_inflight(s, in, errp)) {
        return false;
    }
    in->mmap_size = inflight_len(in);
    in->mmap_offset = 0;
    fd = memfd_create("vhost-user-inflight", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0 || ftruncate(fd, in->mmap_size) < 0) {
        error_setg_errno(errp, errno, "cannot make an inflight buffer");
        if (fd >= 0) {
            close(fd);
        }
        return false;
    }
    fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL);
    r->fds[r->nfds++] = fd;
    r->h.size = sizeof(*in);
    return true;
}

static bool set_inflight_fd(VhostUserServer *s, VhostUserMsg *m,
                            VhostUserMsg *r, Error **errp)
{
    const VhostUserInflight *in = &m->p.inflight;

    if (!check_inflight(s, in, errp)) {
        return false;
    }
    if (in->mmap_size < inflight_len(in)) {
        error_setg(errp, "inflight buffer of %" PRIu64 " bytes is too short",
                   in->mmap_size);
        return false;
    }
    if (s->has_inflight) {
        vhost_user_unmap(&s->inflight);
        s->has_inflight = false;
    }
    if (!vhost_user_map(&s->inflight, m->fds[0], in->mmap_offset, in->mmap_size,
                        s->lost, errp)) {
        return false;
    }
    if (!QEMU_PTR_IS_ALIGNED(s->inflight.ptr, sizeof(uint64_t))) {
        vhost_user_unmap(&s->inflight);
        error_setg(errp, "the inflight buffer is misaligned");
        return false;
    }
    s->has_inflight = true;
    s->inflight_queues = in->num_queues;
    s->inflight_num = in->queue_size;
    return true;
}

/* --- the table ------------------------------------------------------------ */

#define ANY_FDS -1

typedef struct Handler {
    HandleFn *fn;
    bool replies;
    uint16_t size; /* bytes at least */
    int8_t nfds;
    VhostUserQuiet quiet;
} Handler;

#define NONE VHOST_USER_QUIET_NONE
#define ONE  VHOST_USER_QUIET_ONE
#define ALL  VHOST_USER_QUIET_ALL

enum {
    STATE = sizeof(VhostUserVringState),
    REG = sizeof(VhostUserMemReg),
    CONFIG = VHOST_USER_CONFIG_HEADER,
};

static const Handler handlers[] = {
    [VHOST_USER_GET_FEATURES] = { get_features, true, 0, 0, NONE },
    [VHOST_USER_SET_FEATURES] = { set_features, false, 8, 0, ALL },
    [VHOST_USER_SET_OWNER] = { set_owner, false, 0, 0, NONE },
    [VHOST_USER_RESET_OWNER] = { reset, false, 0, 0, ALL },
    [VHOST_USER_SET_MEM_TABLE] = { set_mem_table, false, 8, ANY_FDS, ALL },
    [VHOST_USER_SET_VRING_NUM] = { set_vring_num, false, STATE, 0, ONE },
    [VHOST_USER_SET_VRING_ADDR] = { set_vring_addr, false,
                                    sizeof(VhostUserVringAddr), 0, ONE },
    [VHOST_USER_SET_VRING_BASE] = { set_vring_base, false, STATE, 0, ONE },
    [VHOST_USER_GET_VRING_BASE] = { get_vring_base, true, STATE, 0, ONE },
    [VHOST_USER_SET_VRING_KICK] = { set_vring_kick, false, 8, ANY_FDS, ONE },
    [VHOST_USER_SET_VRING_CALL] = { set_vring_call, false, 8, ANY_FDS, NONE },
    [VHOST_USER_SET_VRING_ERR] = { set_vring_err, false, 8, ANY_FDS, NONE },
    [VHOST_USER_GET_PROTOCOL_FEATURES] = { get_protocol_features, true, 0, 0,
                                           NONE },
    [VHOST_USER_SET_PROTOCOL_FEATURES] = { set_protocol_features, false, 8, 0,
                                           NONE },
    [VHOST_USER_GET_QUEUE_NUM] = { get_queue_num, true, 0, 0, NONE },
    [VHOST_USER_SET_VRING_ENABLE] = { set_vring_enable, false, STATE, 0, ONE },
    [VHOST_USER_SET_BACKEND_REQ_FD] = { set_backend_req_fd, false, 0, 1, NONE },
    [VHOST_USER_GET_CONFIG] = { get_config, true, CONFIG, 0, NONE },
    [VHOST_USER_SET_CONFIG] = { set_config, false, CONFIG, 0, NONE },
    [VHOST_USER_GET_INFLIGHT_FD] = { get_inflight_fd, true,
                                     VHOST_USER_INFLIGHT_LEN, 0, NONE },
    [VHOST_USER_SET_INFLIGHT_FD] = { set_inflight_fd, false,
                                     VHOST_USER_INFLIGHT_LEN, 1, ALL },
    [VHOST_USER_RESET_DEVICE] = { reset, false, 0, 0, ALL },
    [VHOST_USER_GET_MAX_MEM_SLOTS] = { get_max_mem_slots, true, 0, 0, NONE },
    [VHOST_USER_ADD_MEM_REG] = { add_mem_reg, false, REG, 1, ALL },
    /* Some send the region's descriptor, some do not */
    [VHOST_USER_REM_MEM_REG] = { rem_mem_reg, false, REG, ANY_FDS, ALL },
};

static const Handler *find_handler(uint32_t request)
{
    if (request >= G_N_ELEMENTS(handlers) || !handlers[request].fn) {
        return NULL;
    }
    return &handlers[request];
}

VhostUserQuiet vhost_user_msg_quiet(VhostUserServer *s, unsigned *index)
{
    const VhostUserMsg *m = &s->reader.msg;
    const Handler *h = find_handler(m->h.request);

    if (!h || m->h.size < h->size) {
        return VHOST_USER_QUIET_NONE;
    }
    /* All that ask for one ring begin with its number; that of a kick is the
     * lowest byte of a word. */
    *index = m->p.state.index;
    if (m->h.request == VHOST_USER_SET_VRING_KICK) {
        *index &= VHOST_USER_VRING_INDEX;
    }
    return h->quiet;
}

static bool reply(VhostUserServer *s, const VhostUserMsg *m, VhostUserMsg *r,
                  Error **errp)
{
    bool ok;

    r->h.request = m->h.request;
    r->h.flags = VHOST_USER_VERSION | VHOST_USER_REPLY;
    ok = vhost_user_send(s->sock, r, errp);
    vhost_user_msg_close_fds(r);
    return ok;
}

bool vhost_user_handle(VhostUserServer *s, Error **errp)
{
    VhostUserMsg *m = &s->reader.msg;
    const Handler *h = find_handler(m->h.request);
    VhostUserMsg r = { .h.size = sizeof(uint64_t) };

    if (!h) {
        error_setg(errp, "message %u is not supported", m->h.request);
        return false;
    }
    if (m->h.size < h->size || (h->nfds != ANY_FDS && m->nfds != h->nfds)) {
        error_setg(errp, "message %u with %u bytes and %d descriptors",
                   m->h.request, m->h.size, m->nfds);
        return false;
    }
    if (!h->fn(s, m, &r, errp)) {
        return false;
    }
    if (h->replies || ((m->h.flags & VHOST_USER_NEED_REPLY) &&
                       virtio_has_feature(s->protocol_features,
                                          VHOST_USER_PROTOCOL_F_REPLY_ACK))) {
        return reply(s, m, &r, errp);
    }
    return true;
}
