/*
 * Requests and heads of replies, byte for byte.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "nbd/message.h"

static const uint8_t request[] = {
    0x25, 0x60, 0x95, 0x13, 0x00, 0x05, 0x00, 0x06, 0x01, 0x02,
    0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x11, 0x12, 0x13, 0x14,
    0x15, 0x16, 0x17, 0x18, 0xf1, 0x22, 0x23, 0x24,
};

static const uint8_t ext_request[] = {
    0x21, 0xe4, 0x1c, 0x71, 0x00, 0x20, 0x00, 0x07, 0x01, 0x02, 0x03,
    0x04, 0x05, 0x06, 0x07, 0x08, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16,
    0x17, 0x18, 0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38,
};

static void test_request(void)
{
    uint8_t buf[NBD_EXT_REQUEST_LEN];
    NbdRequest req;

    g_assert_true(nbd_request_parse(NBD_MODE_SIMPLE, request, &req));
    g_assert_cmphex(req.flags, ==, 5);
    g_assert_cmpint(req.type, ==, NBD_CMD_WRITE_ZEROES);
    g_assert_cmphex(req.cookie, ==, 0x0102030405060708);
    g_assert_cmphex(req.from, ==, 0x1112131415161718);
    g_assert_cmphex(req.len, ==, 0xf1222324);
    nbd_request_build(NBD_MODE_SIMPLE, &req, buf);
    g_assert_cmpmem(buf, NBD_REQUEST_LEN, request, sizeof(request));
    /* Without extended headers theirs is a wrong magic, and the reverse */
    g_assert_false(nbd_request_parse(NBD_MODE_STRUCTURED, ext_request, &req));
    memcpy(buf, request, sizeof(request));
    g_assert_false(nbd_request_parse(NBD_MODE_EXTENDED, buf, &req));
}

static void test_ext_request(void)
{
    uint8_t buf[NBD_EXT_REQUEST_LEN];
    NbdRequest req;

    g_assert_true(nbd_request_parse(NBD_MODE_EXTENDED, ext_request, &req));
    g_assert_cmphex(req.flags, ==, NBD_CMD_FLAG_PAYLOAD_LEN);
    g_assert_cmpint(req.type, ==, NBD_CMD_BLOCK_STATUS);
    g_assert_cmphex(req.len, ==, 0x3132333435363738);
    nbd_request_build(NBD_MODE_EXTENDED, &req, buf);
    g_assert_cmpmem(buf, sizeof(buf), ext_request, sizeof(ext_request));
}

static void test_replies(void)
{
    static const uint8_t simple[] = { 0x67, 0x44, 0x66, 0x98, 0, 0, 0, 5,
                                      1,    2,    3,    4,    5, 6, 7, 8 };
    static const uint8_t chunk[] = {
        0x66, 0x8e, 0x33, 0xef, 0, 1, 0x80, 1, 1, 2,
        3,    4,    5,    6,    7, 8, 0,    0, 1, 0,
    };
    static const uint8_t ext[] = {
        0x6e, 0x8a, 0x27, 0x8c, 0, 0, 0, 6, 1, 2, 3, 4, 5, 6, 7, 8,
        9,    9,    9,    9,    9, 9, 9, 9, 0, 0, 0, 1, 0, 0, 0, 2,
    };
    uint8_t buf[NBD_HEAD_MAX];
    size_t len;

    len = nbd_reply_simple(buf, 0x0102030405060708, NBD_EIO);
    g_assert_cmpmem(buf, len, simple, sizeof(simple));
    len = nbd_reply_chunk(NBD_MODE_STRUCTURED, buf, 0x0102030405060708,
                          NBD_REPLY_FLAG_DONE, NBD_REPLY_ERROR, 77, 256);
    g_assert_cmpmem(buf, len, chunk, sizeof(chunk));
    len = nbd_reply_chunk(NBD_MODE_EXTENDED, buf, 0x0102030405060708, 0,
                          NBD_REPLY_BLOCK_STATUS_EXT, 0x0909090909090909,
                          0x100000002);
    g_assert_cmpmem(buf, len, ext, sizeof(ext));
}

static void test_errors(void)
{
    static const int same[] = { 0,      EPERM,  EIO,       ENOMEM,
                                EINVAL, ENOSPC, EOVERFLOW, ENOTSUP };

    for (unsigned i = 0; i < G_N_ELEMENTS(same); i++) {
        uint32_t wire = nbd_errno_from_system(same[i]);

        g_assert_cmpint(nbd_errno_to_system(wire), ==, same[i]);
    }
    g_assert_cmpint(nbd_errno_from_system(EROFS), ==, NBD_EPERM);
    g_assert_cmpint(nbd_errno_from_system(EDQUOT), ==, NBD_ENOSPC);
    g_assert_cmpint(nbd_errno_from_system(ELOOP), ==, NBD_EINVAL);
    g_assert_cmpint(nbd_errno_to_system(12345), ==, EINVAL);
    g_assert_cmpstr(nbd_cmd_name(NBD_CMD_CACHE), ==, "cache");
    g_assert_cmpstr(nbd_cmd_name(1000), ==, "<unknown>");
    g_assert_cmpstr(nbd_opt_name(4), ==, "<unknown>");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/nbd/message/request", test_request);
    g_test_add_func("/nbd/message/extended-request", test_ext_request);
    g_test_add_func("/nbd/message/replies", test_replies);
    g_test_add_func("/nbd/message/errors", test_errors);
    return g_test_run();
}
