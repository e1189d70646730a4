/*
 * Tests of virtio-blk request parsing: good requests in every layout of
 * descriptors, and what a hostile driver may send.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "hw/block/virtio-blk-req.h"
#include "util/iov.h"

#define CAPACITY 8192 /* sectors */

typedef struct Hdr {
    uint32_t type, reserved;
    uint64_t sector;
} Hdr;

typedef struct Dwz {
    uint64_t sector;
    uint32_t num, flags;
} Dwz;

static const VirtioBlkParams params = {
    .logical_block_size = 512,
    .max_discard_sectors = 1024,
    .max_write_zeroes_sectors = 2048,
    .discard = true,
    .write_zeroes = true,
    .serial = "serial-0123456789abc",
    .capacity = CAPACITY,
};

/* A request in buffers of its own. */
typedef struct Fixture {
    VirtioBlkReq req;
    uint8_t out[16384];
    uint8_t in[16384];
    const char *why;
} Fixture;

/*
 * Lay out @out_len bytes to read and @in_len bytes to write, in pieces of at
 * most @piece bytes (0: one piece each).
 */
static void lay_out(Fixture *f, size_t out_len, size_t in_len, size_t piece)
{
    VringElement *e = &f->req.elem;
    unsigned n = 0;

    vring_element_init(e, g_new(struct iovec, VRING_MAX_SEGS));
    e->iov = e->big;
    for (size_t i = 0; i < out_len; n++) {
        size_t len = MIN(piece ?: out_len, out_len - i);

        e->iov[n] = (struct iovec){ f->out + i, len };
        i += len;
    }
    e->out_num = n;
    for (size_t i = 0; i < in_len; n++) {
        size_t len = MIN(piece ?: in_len, in_len - i);

        e->iov[n] = (struct iovec){ f->in + i, len };
        i += len;
    }
    e->in_num = n - e->out_num;
    e->out_len = out_len;
    e->in_len = in_len;
}

static VirtioBlkParse parse_with(Fixture *f, const VirtioBlkParams *p,
                                 uint32_t type, uint64_t sector, size_t out_len,
                                 size_t in_len, size_t piece)
{
    Hdr h = { type, 0, sector };

    memcpy(f->out, &h, sizeof(h));
    memset(f->in, 0xee, sizeof(f->in));
    lay_out(f, 16 + out_len, in_len + 1, piece);
    return virtio_blk_req_parse(&f->req, p, &f->why);
}

static VirtioBlkParse parse(Fixture *f, uint32_t type, uint64_t sector,
                            size_t out_len, size_t in_len, size_t piece)
{
    return parse_with(f, &params, type, sector, out_len, in_len, piece);
}

static void finish(Fixture *f)
{
    g_free(f->req.elem.big);
}

static void expect_status(Fixture *f, VirtioBlkParse got, uint8_t status)
{
    g_assert_cmpint(got, ==, VIRTIO_BLK_PARSE_DONE);
    g_assert_true(f->req.status == f->in + f->req.elem.in_len - 1);
    g_assert_cmpuint(*f->req.status, ==, status);
    finish(f);
}

static const size_t pieces[] = { 0, 1, 3, 15, 16, 17, 100, 512, 4096 };

static void check_data(Fixture *f, uint8_t *data, size_t len)
{
    BlkIo *io = &f->req.io;
    size_t pos = 0;

    g_assert_cmpint(io->bytes, ==, len);
    for (int i = 0; i < io->niov; i++) {
        g_assert_true(io->iov[i].iov_base == data + pos);
        g_assert_cmpuint(io->iov[i].iov_len, >, 0);
        pos += io->iov[i].iov_len;
    }
    g_assert_cmpuint(pos, ==, len);
}

static void test_read(void)
{
    g_autofree Fixture *f = g_new0(Fixture, 1);

    for (unsigned i = 0; i < ARRAY_SIZE(pieces); i++) {
        size_t len = pieces[i] && pieces[i] < 16 ? 512 : 4096;

        g_assert_cmpint(parse(f, VIRTIO_BLK_T_IN, 8, 0, len, pieces[i]), ==,
                        VIRTIO_BLK_PARSE_SUBMIT);
        g_assert_cmpint(f->req.io.type, ==, BLK_IO_READ);
        g_assert_cmpint(f->req.io.offset, ==, 4096);
        g_assert_cmpint(f->req.io.flags, ==, 0);
        check_data(f, f->in, len);
        g_assert_true(f->req.status == f->in + len);
        g_assert_cmpuint(f->req.in_len, ==, len + 1);
        virtio_blk_req_set_status(&f->req, 0);
        g_assert_cmpuint(f->in[len], ==, 0);
        virtio_blk_req_set_status(&f->req, -EIO);
        g_assert_cmpuint(f->in[len], ==, 1);
        virtio_blk_req_set_status(&f->req, -ENOTSUP);
        g_assert_cmpuint(f->in[len], ==, 2);
        finish(f);
    }
}

static void test_write(void)
{
    g_autofree Fixture *f = g_new0(Fixture, 1);

    for (unsigned i = 0; i < ARRAY_SIZE(pieces); i++) {
        size_t len = pieces[i] && pieces[i] < 16 ? 512 : 8192;

        g_assert_cmpint(parse(f, VIRTIO_BLK_T_OUT, 16, len, 0, pieces[i]), ==,
                        VIRTIO_BLK_PARSE_SUBMIT);
        g_assert_cmpint(f->req.io.type, ==, BLK_IO_WRITE);
        g_assert_cmpint(f->req.io.offset, ==, 8192);
        check_data(f, f->out + 16, len);
        g_assert_true(f->req.status == f->in);
        g_assert_cmpuint(f->req.in_len, ==, 1);
        finish(f);
    }
}

static void test_flush(void)
{
    g_autofree Fixture *f = g_new0(Fixture, 1);

    g_assert_cmpint(parse(f, VIRTIO_BLK_T_FLUSH, 77, 0, 0, 0), ==,
                    VIRTIO_BLK_PARSE_SUBMIT);
    g_assert_cmpint(f->req.io.type, ==, BLK_IO_FLUSH);
    finish(f);
}

static void test_get_id(void)
{
    g_autofree Fixture *f = g_new0(Fixture, 1);

    for (unsigned i = 0; i < ARRAY_SIZE(pieces); i++) {
        expect_status(f, parse(f, VIRTIO_BLK_T_GET_ID, 0, 0, 20, pieces[i]), 0);
        g_assert_cmpmem(f->in, 20, params.serial, 20);
    }
    /* A buffer shorter than the serial number, and none at all */
    expect_status(f, parse(f, VIRTIO_BLK_T_GET_ID, 0, 0, 5, 0), 0);
    g_assert_cmpmem(f->in, 5, params.serial, 5);
    expect_status(f, parse(f, VIRTIO_BLK_T_GET_ID, 0, 0, 0, 0), 0);
    /* One that is longer stays as it was behind it */
    expect_status(f, parse(f, VIRTIO_BLK_T_GET_ID, 0, 0, 30, 0), 0);
    g_assert_cmpuint(f->in[20], ==, 0xee);
}

static void test_ranges(void)
{
    g_autofree Fixture *f = g_new0(Fixture, 1);
    VirtioBlkParams big = params;

    g_assert_cmpint(parse(f, VIRTIO_BLK_T_IN, CAPACITY - 1, 0, 512, 0), ==,
                    VIRTIO_BLK_PARSE_SUBMIT);
    finish(f);
    expect_status(f, parse(f, VIRTIO_BLK_T_IN, CAPACITY - 1, 0, 1024, 0), 1);
    expect_status(f, parse(f, VIRTIO_BLK_T_IN, CAPACITY, 0, 512, 0), 1);
    expect_status(f, parse(f, VIRTIO_BLK_T_IN, UINT64_MAX, 0, 512, 0), 1);
    expect_status(f, parse(f, VIRTIO_BLK_T_IN, UINT64_MAX >> 9, 0, 512, 0), 1);
    expect_status(f, parse(f, VIRTIO_BLK_T_OUT, 1ull << 55, 512, 0, 0), 1);
    expect_status(f, parse(f, VIRTIO_BLK_T_OUT, 0, 513, 0, 0), 1);
    expect_status(f, parse(f, VIRTIO_BLK_T_IN, 0, 0, 511, 0), 1);
    expect_status(f, parse(f, VIRTIO_BLK_T_IN, 0, 0, 0, 0), 0);
    expect_status(f, parse(f, VIRTIO_BLK_T_IN, CAPACITY, 0, 0, 0), 0);
    expect_status(f, parse(f, VIRTIO_BLK_T_IN, CAPACITY + 1, 0, 0, 0), 1);

    big.logical_block_size = 4096;
    expect_status(f, parse_with(f, &big, VIRTIO_BLK_T_IN, 1, 0, 4096, 0), 1);
    expect_status(f, parse_with(f, &big, VIRTIO_BLK_T_IN, 8, 0, 512, 0), 1);
    g_assert_cmpint(parse_with(f, &big, VIRTIO_BLK_T_IN, 8, 0, 4096, 0), ==,
                    VIRTIO_BLK_PARSE_SUBMIT);
    finish(f);
}

static void test_read_only(void)
{
    g_autofree Fixture *f = g_new0(Fixture, 1);
    VirtioBlkParams ro = params;
    Dwz seg = { 0, 8, 0 };

    ro.read_only = true;
    expect_status(f, parse_with(f, &ro, VIRTIO_BLK_T_OUT, 0, 512, 0, 0), 1);
    memcpy(f->out + 16, &seg, sizeof(seg));
    expect_status(f, parse_with(f, &ro, VIRTIO_BLK_T_DISCARD, 0, 16, 0, 0), 1);
    g_assert_cmpint(parse_with(f, &ro, VIRTIO_BLK_T_IN, 0, 0, 512, 0), ==,
                    VIRTIO_BLK_PARSE_SUBMIT);
    finish(f);
}

typedef struct DwzCase {
    uint32_t type;
    Dwz seg;
    int status; /* -1: submitted */
} DwzCase;

static const DwzCase dwz_cases[] = {
    { VIRTIO_BLK_T_DISCARD, { 8, 1024, 0 }, -1 },
    { VIRTIO_BLK_T_DISCARD, { 8, 1025, 0 }, 1 },
    { VIRTIO_BLK_T_DISCARD, { 8, 8, 1 }, 2 },
    { VIRTIO_BLK_T_DISCARD, { 8, 8, 2 }, 2 },
    { VIRTIO_BLK_T_DISCARD, { CAPACITY, 8, 0 }, 1 },
    { VIRTIO_BLK_T_DISCARD, { UINT64_MAX, 8, 0 }, 1 },
    { VIRTIO_BLK_T_DISCARD, { 0, 0, 0 }, 0 },
    { VIRTIO_BLK_T_DISCARD, { 0, UINT32_MAX, 0 }, 1 },
    { VIRTIO_BLK_T_WRITE_ZEROES, { 8, 2048, 0 }, -1 },
    { VIRTIO_BLK_T_WRITE_ZEROES, { 8, 2048, 1 }, -1 },
    { VIRTIO_BLK_T_WRITE_ZEROES, { 8, 2049, 1 }, 1 },
    { VIRTIO_BLK_T_WRITE_ZEROES, { 8, 8, 3 }, 2 },
};

static void test_dwz(void)
{
    g_autofree Fixture *f = g_new0(Fixture, 1);

    for (unsigned i = 0; i < ARRAY_SIZE(dwz_cases); i++) {
        const DwzCase *c = &dwz_cases[i];

        for (unsigned k = 0; k < ARRAY_SIZE(pieces); k++) {
            VirtioBlkParse got;

            memcpy(f->out + 16, &c->seg, sizeof(c->seg));
            got = parse(f, c->type, 0, 16, 0, pieces[k]);
            if (c->status >= 0) {
                expect_status(f, got, c->status);
                continue;
            }
            g_assert_cmpint(got, ==, VIRTIO_BLK_PARSE_SUBMIT);
            g_assert_cmpint(f->req.io.offset, ==, c->seg.sector * 512);
            g_assert_cmpint(f->req.io.bytes, ==, c->seg.num * 512ull);
            g_assert_cmpint(f->req.io.flags, ==,
                            c->seg.flags ? BDRV_REQ_MAY_UNMAP : 0);
            g_assert_cmpint(f->req.io.type, ==,
                            c->type == VIRTIO_BLK_T_DISCARD
                                ? BLK_IO_DISCARD
                                : BLK_IO_WRITE_ZEROES);
            finish(f);
        }
    }
    /* More than one segment; a short one; not offered */
    expect_status(f, parse(f, VIRTIO_BLK_T_DISCARD, 0, 32, 0, 0), 2);
    g_assert_cmpint(parse(f, VIRTIO_BLK_T_DISCARD, 0, 15, 0, 0), ==,
                    VIRTIO_BLK_PARSE_BROKEN);
    g_assert_cmpstr(f->why, ==,
                    "virtio-blk discard/write_zeroes header too short");
    finish(f);
    VirtioBlkParams none = params;
    none.discard = none.write_zeroes = false;
    expect_status(f, parse_with(f, &none, VIRTIO_BLK_T_DISCARD, 0, 16, 0, 0),
                  2);
    expect_status(
        f, parse_with(f, &none, VIRTIO_BLK_T_WRITE_ZEROES, 0, 16, 0, 0), 2);
}

static void test_unknown(void)
{
    static const uint32_t types[] = { 2,  3,  5,  6,  7,  9,
                                      10, 12, 14, 16, 99, 0x7fffffff };
    g_autofree Fixture *f = g_new0(Fixture, 1);

    for (unsigned i = 0; i < ARRAY_SIZE(types); i++) {
        expect_status(f, parse(f, types[i], 0, 512, 512, 0), 2);
    }
    /* The old barrier bit changes nothing */
    g_assert_cmpint(parse(f, VIRTIO_BLK_T_BARRIER, 0, 0, 512, 0), ==,
                    VIRTIO_BLK_PARSE_SUBMIT);
    finish(f);
}

static void test_headers(void)
{
    g_autofree Fixture *f = g_new0(Fixture, 1);

    lay_out(f, 16, 0, 0);
    g_assert_cmpint(virtio_blk_req_parse(&f->req, &params, &f->why), ==,
                    VIRTIO_BLK_PARSE_BROKEN);
    g_assert_cmpstr(f->why, ==, "virtio-blk missing headers");
    finish(f);
    lay_out(f, 0, 17, 0);
    g_assert_cmpint(virtio_blk_req_parse(&f->req, &params, &f->why), ==,
                    VIRTIO_BLK_PARSE_BROKEN);
    finish(f);
    for (size_t len = 1; len < 16; len++) {
        lay_out(f, len, 1, len % 3);
        g_assert_cmpint(virtio_blk_req_parse(&f->req, &params, &f->why), ==,
                        VIRTIO_BLK_PARSE_BROKEN);
        g_assert_cmpstr(f->why, ==, "virtio-blk request outhdr too short");
        finish(f);
    }
}

/* Random headers and lengths: what is submitted is always in range. */
static void test_noise(void)
{
    g_autofree Fixture *f = g_new0(Fixture, 1);
    GRand *r = g_rand_new_with_seed(99);

    for (unsigned i = 0; i < 200000; i++) {
        uint32_t type = g_rand_int_range(r, 0, 16);
        uint64_t sector = g_rand_boolean(r)
                              ? g_rand_int_range(r, 0, CAPACITY + 20)
                              : (uint64_t)g_rand_int(r) << 32 | g_rand_int(r);
        Dwz seg = { sector, g_rand_int_range(r, 0, 3000),
                    g_rand_int_range(r, 0, 4) };
        size_t out = g_rand_int_range(r, 0, 20) * 512 +
                     g_rand_int_range(r, 0, 3);
        size_t in = g_rand_int_range(r, 0, 20) * 512 +
                    g_rand_int_range(r, 0, 3);

        if (g_rand_boolean(r)) {
            out = 16;
        }
        memcpy(f->out + 16, &seg, sizeof(seg));
        if (parse(f, type, sector, out, in, g_rand_int_range(r, 40, 5000)) ==
                VIRTIO_BLK_PARSE_SUBMIT &&
            f->req.io.type != BLK_IO_FLUSH) {
            BlkIo *io = &f->req.io;

            g_assert_cmpint(io->offset % 512, ==, 0);
            g_assert_cmpint(io->bytes % 512, ==, 0);
            g_assert_cmpint(io->bytes, >, 0);
            g_assert_cmpint(io->offset, >=, 0);
            g_assert_cmpint(io->offset + io->bytes, <=, CAPACITY * 512);
            if (io->niov) {
                g_assert_cmpint(iov_size(io->iov, io->niov), ==, io->bytes);
            }
        }
        finish(f);
    }
    g_rand_free(r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/virtio-blk-req/read", test_read);
    g_test_add_func("/virtio-blk-req/write", test_write);
    g_test_add_func("/virtio-blk-req/flush", test_flush);
    g_test_add_func("/virtio-blk-req/get-id", test_get_id);
    g_test_add_func("/virtio-blk-req/ranges", test_ranges);
    g_test_add_func("/virtio-blk-req/read-only", test_read_only);
    g_test_add_func("/virtio-blk-req/discard-write-zeroes", test_dwz);
    g_test_add_func("/virtio-blk-req/unknown", test_unknown);
    g_test_add_func("/virtio-blk-req/headers", test_headers);
    g_test_add_func("/virtio-blk-req/noise", test_noise);
    return g_test_run();
}
