/*
 * Tests of the split ring: against a model of the driver, and against a
 * driver that lies.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "virtio/vring.h"
#include "tests/unit/virtio/fake-driver.h"

/* --- a well-behaved driver ------------------------------------------------ */

typedef struct Model {
    FakeDriver drv;
    Vring vr;
    struct iovec *area;
    VringElement *slots;
    unsigned *busy; /* slot numbers in flight */
    unsigned nbusy;
    unsigned nseg[32768]; /* by head: what was offered */
    uint32_t bytes[32768];
    uint32_t pushed[32768];
    uint16_t event_model; /* the used index of the last publish */
    bool first;
} Model;

static void model_init(Model *m, uint16_t num, bool indirect, bool event_idx,
                       uint16_t start)
{
    memset(m, 0, sizeof(*m));
    fake_driver_init(&m->drv, num, indirect, event_idx, start);
    g_assert_true(vring_init(&m->vr, m->drv.mem, &m->drv.cfg, &error_abort));
    m->area = vring_iov_area_new(num);
    m->slots = g_new(VringElement, num);
    m->busy = g_new0(unsigned, num);
    for (unsigned i = 0; i < num; i++) {
        vring_element_init(&m->slots[i], vring_iov_area_slot(m->area, i));
        m->busy[i] = i;
    }
    m->event_model = start;
    m->first = true;
}

static void model_cleanup(Model *m)
{
    vring_cleanup(&m->vr);
    vring_iov_area_free(m->area, m->drv.num);
    g_free(m->slots);
    g_free(m->busy);
    fake_driver_cleanup(&m->drv);
}

/* Offer up to @n chains of random shape. */
static void model_offer(Model *m, GRand *r, unsigned n, bool indirect)
{
    FakeDriver *d = &m->drv;

    while (n--) {
        FakeDesc bufs[40];
        unsigned out = g_rand_int_range(r, 1, 20);
        unsigned in = g_rand_int_range(r, 0, 20);
        uint32_t bytes = 0;
        uint64_t table = 0;
        int head;

        for (unsigned i = 0; i < out + in; i++) {
            uint32_t len = g_rand_int_range(r, 1, 9000);

            bufs[i] = (FakeDesc){
                .addr = FAKE_GPA + d->data + g_rand_int_range(r, 0, 1 << 20),
                .len = len,
                .flags = i < out ? 0 : FD_WRITE,
            };
            bytes += len;
        }
        if (indirect && g_rand_boolean(r) && d->nfree) {
            /* not aligned on purpose */
            table = FAKE_GPA + 4 * MiB + 1000ull * d->free_head + 8;
        }
        head = fake_add(d, bufs, out + in, table);
        if (head < 0) {
            return;
        }
        m->nseg[head] = out << 16 | in;
        m->bytes[head] = bytes;
    }
}

/* Pop what is there; the number of chains. */
static unsigned model_pop(Model *m, unsigned max)
{
    unsigned n = 0;

    while (n < max && m->nbusy < m->drv.num) {
        VringElement *e = &m->slots[m->busy[m->nbusy]];
        int ret = vring_pop(&m->vr, e);

        g_assert_cmpint(ret, >=, 0);
        if (!ret) {
            break;
        }
        g_assert_cmpuint(e->out_num << 16 | e->in_num, ==, m->nseg[e->head]);
        g_assert_cmpuint(e->out_len + e->in_len, ==, m->bytes[e->head]);
        for (unsigned i = 0; i < e->out_num + e->in_num; i++) {
            uint8_t *p = e->iov[i].iov_base;

            g_assert_true(p >= m->drv.ram &&
                          p + e->iov[i].iov_len <= m->drv.ram + FAKE_SIZE);
        }
        m->nbusy++;
        n++;
    }
    return n;
}

/* Push up to @n in random order and publish; compare the decision. */
static void model_push(Model *m, GRand *r, unsigned n)
{
    bool expect, old_flag = m->drv.avail[0] & 1;
    uint16_t event = *fake_used_event(&m->drv);
    uint16_t now = m->event_model;

    n = MIN(n, m->nbusy);
    for (unsigned i = 0; i < n; i++) {
        unsigned k = g_rand_int_range(r, 0, m->nbusy);
        unsigned slot = m->busy[k];
        VringElement *e = &m->slots[slot];

        m->pushed[e->head] = g_rand_int(r);
        vring_push(&m->vr, e, m->pushed[e->head]);
        m->busy[k] = m->busy[--m->nbusy];
        m->busy[m->nbusy] = slot;
        now++;
    }
    g_assert_cmpuint(m->drv.used[1], ==, m->event_model);
    if (!n) {
        expect = false;
    } else if (!m->drv.event_idx) {
        expect = !old_flag;
    } else {
        expect = m->first ||
                 (uint16_t)(now - event - 1) < (uint16_t)(now - m->event_model);
        m->first = false;
    }
    g_assert_cmpint(vring_publish(&m->vr), ==, expect);
    g_assert_cmpuint(m->drv.used[1], ==, now);
    m->event_model = now;
}

static void model_reap(Model *m, GRand *r)
{
    FakeUsedElem e;

    while (g_rand_int_range(r, 0, 8) && fake_get_used(&m->drv, &e)) {
        g_assert_cmpuint(e.len, ==, m->pushed[e.id]);
    }
    if (g_rand_boolean(r)) {
        *fake_used_event(&m->drv) = m->drv.used_seen +
                                    g_rand_int_range(r, 0, 3);
    }
    m->drv.avail[0] = g_rand_boolean(r);
}

/* Kicks: after an enable that found nothing, the next offer must kick. */
static void model_step(Model *m, GRand *r, bool indirect)
{
    bool armed = false;
    bool kick;

    if (g_rand_boolean(r)) {
        bool more = vring_set_notification(&m->vr, true);

        g_assert_cmpint(more, ==, vring_has_work(&m->vr));
        armed = !more && m->drv.kicked_at == vring_last_avail(&m->vr);
    } else {
        vring_set_notification(&m->vr, false);
    }
    model_offer(m, r, g_rand_int_range(r, 0, 12), indirect);
    if (m->drv.avail_idx != m->drv.kicked_at) {
        kick = fake_publish(&m->drv);
        if (armed) {
            g_assert_true(kick);
        }
        g_assert_true(vring_has_work(&m->vr) || m->nbusy == m->drv.num);
    }
    model_pop(m, g_rand_int_range(r, 0, 16));
    model_push(m, r, g_rand_int_range(r, 0, 16));
    model_reap(m, r);
}

typedef struct ModelCase {
    const char *path;
    uint16_t num;
    bool indirect, event_idx;
    uint16_t start;
} ModelCase;

static const ModelCase model_cases[] = {
    { "/vring/model/plain", 64, false, false, 0 },
    { "/vring/model/event-idx", 64, false, true, 0 },
    { "/vring/model/indirect", 128, true, false, 65500 },
    { "/vring/model/both", 256, true, true, 65530 },
    { "/vring/model/wrap", 1024, true, true, 65535 },
    { "/vring/model/one", 1, true, true, 32767 },
};

static void test_model(gconstpointer opaque)
{
    const ModelCase *c = opaque;
    GRand *r = g_rand_new_with_seed(4711 + c->num);
    Model *m = g_new(Model, 1);

    model_init(m, c->num, c->indirect, c->event_idx, c->start);
    for (unsigned i = 0; i < 40000; i++) {
        model_step(m, r, c->indirect);
        if (i % 1000 == 999) {
            /* Stop and start: nothing may be lost or seen twice. */
            while (m->nbusy) {
                model_push(m, r, m->nbusy);
            }
            m->drv.cfg.last_avail = vring_last_avail(&m->vr);
            vring_cleanup(&m->vr);
            g_assert_true(
                vring_init(&m->vr, m->drv.mem, &m->drv.cfg, &error_abort));
            m->first = true;
        }
    }
    model_cleanup(m);
    g_free(m);
    g_rand_free(r);
}

/* --- particular shapes ---------------------------------------------------- */

static void test_segments(void)
{
    g_autofree FakeDesc *bufs = g_new0(FakeDesc, 1100);
    g_autofree Model *m = g_new(Model, 1);
    VringElement *e;

    for (unsigned n = 1; n <= 1025; n++) {
        model_init(m, 16, true, true, 0);
        e = &m->slots[0];
        for (unsigned i = 0; i < n; i++) {
            bufs[i] = (FakeDesc){ FAKE_GPA + m->drv.data + i * 16, 16,
                                  i < n / 2 ? 0 : FD_WRITE, 0 };
        }
        fake_add(&m->drv, bufs, n, FAKE_GPA + 4 * MiB);
        fake_publish(&m->drv);
        if (n > VRING_MAX_SEGS) {
            g_assert_cmpint(vring_pop(&m->vr, e), ==, -EINVAL);
            g_assert_cmpstr(
                vring_error(&m->vr), ==,
                "virtio: too many write descriptors in indirect table");
        } else {
            g_assert_cmpint(vring_pop(&m->vr, e), ==, 1);
            g_assert_cmpuint(e->out_num, ==, n / 2);
            g_assert_cmpuint(e->in_num, ==, n - n / 2);
            for (unsigned i = 0; i < n; i++) {
                g_assert_true(e->iov[i].iov_base ==
                              m->drv.ram + m->drv.data + i * 16);
                g_assert_cmpuint(e->iov[i].iov_len, ==, 16);
            }
        }
        model_cleanup(m);
    }
}

/* A buffer over two regions that meet in the guest but not in the host. */
static void test_split_buffer(void)
{
    g_autofree Model *m = g_new(Model, 1);
    g_autofree uint8_t *other = g_malloc0(4096);
    FakeDesc buf = { FAKE_GPA + FAKE_SIZE - 100, 300, FD_WRITE, 0 };
    VringElement *e;

    model_init(m, 16, false, false, 0);
    vring_cleanup(&m->vr);
    guest_memory_unref(m->drv.mem);
    GuestMemoryRegion r[] = {
        { FAKE_GPA, FAKE_SIZE, m->drv.ram },
        { FAKE_GPA + FAKE_SIZE, 4096, other },
    };
    m->drv.mem = guest_memory_new(r, 2, &error_abort);
    g_assert_true(vring_init(&m->vr, m->drv.mem, &m->drv.cfg, &error_abort));
    fake_add(&m->drv, &buf, 1, 0);
    fake_publish(&m->drv);
    e = &m->slots[0];
    g_assert_cmpint(vring_pop(&m->vr, e), ==, 1);
    g_assert_cmpuint(e->in_num, ==, 2);
    g_assert_cmpuint(e->in_len, ==, 300);
    g_assert_true(e->iov[0].iov_base == m->drv.ram + FAKE_SIZE - 100);
    g_assert_cmpuint(e->iov[0].iov_len, ==, 100);
    g_assert_true(e->iov[1].iov_base == other);
    g_assert_cmpuint(e->iov[1].iov_len, ==, 200);
    model_cleanup(m);
}

/* Direct descriptors followed by an indirect one, 2.7.5.3.2 */
static void test_mixed_chain(void)
{
    g_autofree Model *m = g_new(Model, 1);
    FakeDesc *d;
    VringElement *e;

    model_init(m, 16, true, false, 0);
    d = m->drv.desc;
    d[3] = (FakeDesc){ FAKE_GPA + m->drv.data, 8, FD_NEXT, 5 };
    d[5] = (FakeDesc){ FAKE_GPA + 1 * MiB, 32, FD_INDIRECT, 0 };
    d = fake_ptr(&m->drv, FAKE_GPA + 1 * MiB);
    d[0] = (FakeDesc){ FAKE_GPA + m->drv.data, 9, FD_NEXT, 1 };
    d[1] = (FakeDesc){ FAKE_GPA + m->drv.data, 10, FD_WRITE, 0 };
    fake_offer(&m->drv, 3);
    fake_publish(&m->drv);
    e = &m->slots[0];
    g_assert_cmpint(vring_pop(&m->vr, e), ==, 1);
    g_assert_cmpuint(e->out_len, ==, 17);
    g_assert_cmpuint(e->in_len, ==, 10);
    g_assert_cmpuint(e->head, ==, 3);
    model_cleanup(m);
}

/* --- a driver that lies --------------------------------------------------- */

typedef struct HostileCase {
    const char *path;
    const char *error;
    FakeDesc desc[3];  /* at 0, 1, 2 of the ring */
    FakeDesc table[3]; /* at FAKE_GPA + 1 MiB */
    uint16_t head;
    uint16_t avail_idx; /* 0: one entry */
    bool no_indirect;
} HostileCase;

#define TABLE  (FAKE_GPA + 1 * MiB)
#define BUFFER (FAKE_GPA + 2 * MiB)
#define BOGUS  "virtio: bogus descriptor or out of resources"

static const HostileCase hostile_cases[] = {
    { "/vring/hostile/head", "Guest says index 16 is available", .head = 16 },
    { "/vring/hostile/avail-jump", "Guest moved used index from 0 to 17",
      .avail_idx = 17 },
    { "/vring/hostile/avail-back", "Guest moved used index from 0 to 65535",
      .avail_idx = 65535 },
    { "/vring/hostile/self-loop", "Looped descriptor",
      .desc = { { BUFFER, 1, FD_NEXT, 0 } } },
    { "/vring/hostile/loop", "Looped descriptor",
      .desc = { { BUFFER, 1, FD_NEXT, 1 },
                { BUFFER, 1, FD_NEXT, 2 },
                { BUFFER, 1, FD_NEXT, 0 } } },
    { "/vring/hostile/next", "Desc next is 16",
      .desc = { { BUFFER, 1, FD_NEXT, 16 } } },
    { "/vring/hostile/zero-length",
      "virtio: zero sized buffers are not allowed",
      .desc = { { BUFFER, 0, 0, 0 } } },
    { "/vring/hostile/order", "Incorrect order for descriptors",
      .desc = { { BUFFER, 1, FD_NEXT | FD_WRITE, 1 }, { BUFFER, 1, 0, 0 } } },
    { "/vring/hostile/unmapped", BOGUS,
      .desc = { { 0xdead0000000ull, 4096, 0, 0 } } },
    { "/vring/hostile/past-the-end", BOGUS,
      .desc = { { FAKE_GPA + FAKE_SIZE - 16, 17, FD_WRITE, 0 } } },
    { "/vring/hostile/wraps", BOGUS,
      .desc = { { UINT64_MAX - 7, 4096, 0, 0 } } },
    { "/vring/hostile/huge", BOGUS,
      .desc = { { BUFFER, UINT32_MAX, FD_WRITE, 0 } } },
    { "/vring/hostile/indirect-size", "Invalid size for indirect buffer table",
      .desc = { { TABLE, 17, FD_INDIRECT, 0 } } },
    { "/vring/hostile/indirect-empty", "Invalid size for indirect buffer table",
      .desc = { { TABLE, 0, FD_INDIRECT, 0 } } },
    { "/vring/hostile/indirect-unmapped", "Cannot map indirect buffer",
      .desc = { { 0xdead0000000ull, 16, FD_INDIRECT, 0 } } },
    { "/vring/hostile/indirect-too-long", "Cannot map indirect buffer",
      .desc = { { TABLE, 0xfffffff0u, FD_INDIRECT, 0 } } },
    { "/vring/hostile/indirect-and-next",
      "virtio: indirect descriptor not allowed here",
      .desc = { { TABLE, 16, FD_INDIRECT | FD_NEXT, 1 } } },
    { "/vring/hostile/indirect-not-negotiated",
      "virtio: indirect descriptor not allowed here",
      .desc = { { TABLE, 16, FD_INDIRECT, 0 } }, .no_indirect = true },
    { "/vring/hostile/nested", "virtio: nested indirect descriptor",
      .desc = { { TABLE, 16, FD_INDIRECT, 0 } },
      .table = { { TABLE, 16, FD_INDIRECT, 0 } } },
    { "/vring/hostile/indirect-loop", "Looped descriptor",
      .desc = { { TABLE, 48, FD_INDIRECT, 0 } },
      .table = { { BUFFER, 1, FD_NEXT, 1 }, { BUFFER, 1, FD_NEXT, 0 } } },
    { "/vring/hostile/indirect-next", "Desc next is 3",
      .desc = { { TABLE, 48, FD_INDIRECT, 0 } },
      .table = { { BUFFER, 1, FD_NEXT, 3 } } },
};

static void test_hostile(gconstpointer opaque)
{
    const HostileCase *c = opaque;
    g_autofree Model *m = g_new(Model, 1);

    model_init(m, 16, !c->no_indirect, true, 0);
    memcpy(m->drv.desc, c->desc, sizeof(c->desc));
    memcpy(fake_ptr(&m->drv, TABLE), c->table, sizeof(c->table));
    fake_offer(&m->drv, c->head);
    m->drv.avail_idx = c->avail_idx ?: 1;
    fake_publish(&m->drv);

    g_assert_null(vring_error(&m->vr));
    g_assert_cmpint(vring_pop(&m->vr, &m->slots[0]), ==, -EINVAL);
    g_assert_cmpstr(vring_error(&m->vr), ==, c->error);
    /* and it stays so, and nobody asks any more */
    g_assert_cmpint(vring_pop(&m->vr, &m->slots[0]), ==, -EINVAL);
    g_assert_false(vring_has_work(&m->vr));
    model_cleanup(m);
}

/* More chains than the ring has entries: the same head again and again. */
static void test_too_many(void)
{
    g_autofree Model *m = g_new(Model, 1);

    model_init(m, 16, true, true, 65530);
    m->drv.desc[0] = (FakeDesc){ BUFFER, 1, 0, 0 };
    for (unsigned i = 0; i < 16; i++) {
        fake_offer(&m->drv, 0);
        fake_publish(&m->drv);
        g_assert_cmpint(vring_pop(&m->vr, &m->slots[i]), ==, 1);
    }
    g_assert_cmpint(vring_pop(&m->vr, &m->slots[0]), ==, 0);
    fake_offer(&m->drv, 0);
    fake_publish(&m->drv);
    g_assert_cmpint(vring_pop(&m->vr, &m->slots[0]), ==, -EINVAL);
    g_assert_cmpstr(vring_error(&m->vr), ==, "Virtqueue size exceeded");
    model_cleanup(m);
}

static void test_bad_setup(void)
{
    FakeDriver d;
    Vring vr;
    VringConfig c;

    fake_driver_init(&d, 16, true, true, 0);
#define REJECT(change)                                    \
    do {                                                  \
        Error *err = NULL;                                \
        c = d.cfg;                                        \
        change;                                           \
        g_assert_false(vring_init(&vr, d.mem, &c, &err)); \
        g_assert_nonnull(err);                            \
        error_free(err);                                  \
        vring_cleanup(&vr);                               \
    } while (0)
    REJECT(c.num = 0);
    REJECT(c.num = 17);
    REJECT(c.num = 65535);
    REJECT(c.desc += 8);
    REJECT(c.avail += 1);
    REJECT(c.used += 2);
    REJECT(c.desc = 0);
    REJECT(c.desc = UINT64_MAX & ~15ull);
    REJECT(c.avail = FAKE_GPA + FAKE_SIZE - 36);
    REJECT(c.used = FAKE_GPA + FAKE_SIZE - 132);
    c = d.cfg;
    g_assert_false(vring_init(&vr, NULL, &c, NULL));
    c.avail = FAKE_GPA + FAKE_SIZE - 38;
    c.used = FAKE_GPA + FAKE_SIZE - 136;
    g_assert_true(vring_init(&vr, d.mem, &c, &error_abort));
    vring_cleanup(&vr);
    fake_driver_cleanup(&d);
}

/*
 * Rings of noise.  Fields are drawn from values that get far (small numbers,
 * addresses inside RAM) as well as from anything.
 */
static uint64_t noise_addr(GRand *r)
{
    switch (g_rand_int_range(r, 0, 8)) {
    case 0:
        return (uint64_t)g_rand_int(r) << 32 | g_rand_int(r);
    case 1:
        return FAKE_GPA + FAKE_SIZE - g_rand_int_range(r, 0, 64);
    default:
        return FAKE_GPA + g_rand_int_range(r, 0, FAKE_SIZE / 16) * 16;
    }
}

static FakeDesc noise_desc(GRand *r)
{
    static const uint16_t flags[] = { 0, 0, 1, 1, 1, 3, 3, 2, 2, 4, 4, 5, 7 };

    return (FakeDesc){
        .addr = noise_addr(r),
        .len = g_rand_int_range(r, 0, 20) ? g_rand_int_range(r, 0, 300) * 16
                                          : g_rand_int(r),
        .flags = g_rand_int_range(r, 0, 20)
                     ? flags[g_rand_int_range(r, 0, ARRAY_SIZE(flags))]
                     : g_rand_int(r),
        .next = g_rand_int_range(r, 0, 20) ? g_rand_int_range(r, 0, 16)
                                           : g_rand_int(r),
    };
}

static void noise_round(FakeDriver *d, VringElement *slots, GRand *r)
{
    Vring vr;
    uint64_t n = 0;
    int ret = 0;

    g_assert_true(vring_init(&vr, d->mem, &d->cfg, &error_abort));
    for (unsigned i = 0; i < d->num; i++) {
        d->desc[i] = noise_desc(r);
        d->avail[2 + i] = g_rand_int_range(r, 0, 30)
                              ? g_rand_int_range(r, 0, d->num)
                              : g_rand_int(r);
    }
    for (unsigned i = 0; i < 400; i++) {
        FakeDesc desc = noise_desc(r);

        memcpy(d->ram + g_rand_int_range(r, 0x400, FAKE_SIZE / 16) * 16, &desc,
               sizeof(desc));
    }
    d->avail[1] = d->cfg.last_avail + (g_rand_int_range(r, 0, 20)
                                           ? g_rand_int_range(r, 0, 17)
                                           : g_rand_int(r));
    while (n < d->num && (ret = vring_pop(&vr, &slots[n])) > 0) {
        VringElement *e = &slots[n++];

        for (unsigned i = 0; i < e->out_num + e->in_num; i++) {
            uint8_t *p = e->iov[i].iov_base;

            g_assert_true(p >= d->ram && e->iov[i].iov_len > 0 &&
                          p + e->iov[i].iov_len <= d->ram + FAKE_SIZE);
        }
    }
    g_assert_cmpint(ret < 0, ==, vring_error(&vr) != NULL);
    for (unsigned i = 0; i < n; i++) {
        vring_push(&vr, &slots[i], g_rand_int(r));
    }
    vring_publish(&vr);
    d->cfg.last_avail = vring_last_avail(&vr);
    vring_cleanup(&vr);
}

static void test_noise(void)
{
    GRand *r = g_rand_new_with_seed(20260101);
    FakeDriver d;
    VringElement slots[16];
    struct iovec *area = vring_iov_area_new(16);

    fake_driver_init(&d, 16, true, true, 65500);
    for (unsigned i = 0; i < 16; i++) {
        vring_element_init(&slots[i], vring_iov_area_slot(area, i));
    }
    for (unsigned i = 0; i < 20000; i++) {
        noise_round(&d, slots, r);
    }
    vring_iov_area_free(area, 16);
    fake_driver_cleanup(&d);
    g_rand_free(r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < ARRAY_SIZE(model_cases); i++) {
        g_test_add_data_func(model_cases[i].path, &model_cases[i], test_model);
    }
    g_test_add_func("/vring/segments", test_segments);
    g_test_add_func("/vring/split-buffer", test_split_buffer);
    g_test_add_func("/vring/mixed-chain", test_mixed_chain);
    for (unsigned i = 0; i < ARRAY_SIZE(hostile_cases); i++) {
        g_test_add_data_func(hostile_cases[i].path, &hostile_cases[i],
                             test_hostile);
    }
    g_test_add_func("/vring/too-many", test_too_many);
    g_test_add_func("/vring/bad-setup", test_bad_setup);
    g_test_add_func("/vring/noise", test_noise);
    return g_test_run();
}
