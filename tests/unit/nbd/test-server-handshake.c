/*
 * The negotiation, byte for byte, whole and in pieces, and from clients that
 * mean harm.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "nbd/server-handshake.h"

static const char *const contexts[] = { "base:allocation",
                                        "qemu:allocation-depth",
                                        "qemu:dirty-bitmap:b0" };

static const NbdExportInfo exports[] = {
    { "disk", "the disk", 0x100000, NBD_FLAG_HAS_FLAGS, 512, 4096, 0x2000000,
      contexts, 3 },
    { "", NULL, 7, NBD_FLAG_HAS_FLAGS | NBD_FLAG_READ_ONLY, 1, 4096, 0x2000000,
      contexts, 1 },
};

static const NbdExportInfo *find(void *opaque, const char *name)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(exports); i++) {
        if (!strcmp(exports[i].name, name)) {
            return &exports[i];
        }
    }
    return NULL;
}

static const NbdExportInfo *next(void *opaque, const NbdExportInfo *prev)
{
    const NbdExportInfo *info = prev ? prev + 1 : exports;

    return info < exports + G_N_ELEMENTS(exports) ? info : NULL;
}

static const NbdHandshakeOps ops = { .find = find, .next = next };

/* --- a client --- */

typedef struct Talk {
    NbdHandshake h;
    NbdHandshakeResult result;
    GByteArray *sent; /* by the server */
    Error *err;
    size_t piece; /* fed at once */
    size_t rest;  /* bytes that were not taken at the end */
} Talk;

static void talk_begin(Talk *t, NbdTlsState tls, size_t piece)
{
    static const char greeting[] = "NBDMAGICIHAVEOPT\0\3";

    *t = (Talk){ .sent = g_byte_array_new(), .piece = piece };
    nbd_handshake_init(&t->h, tls, &ops, NULL);
    g_assert_cmpmem(t->h.out->data, t->h.out->len, greeting, 18);
    g_byte_array_set_size(t->h.out, 0);
}

static void talk_end(Talk *t)
{
    nbd_handshake_cleanup(&t->h);
    g_byte_array_unref(t->sent);
    error_free(t->err);
}

static void feed(Talk *t, const void *data, size_t len)
{
    const uint8_t *p = data;

    g_byte_array_set_size(t->sent, 0);
    t->result = NBD_HANDSHAKE_MORE;
    while (len && t->result == NBD_HANDSHAKE_MORE) {
        size_t used;

        t->result = nbd_handshake_feed(&t->h, p, MIN(len, t->piece), &used,
                                       &t->err);
        p += used;
        len -= used;
        g_byte_array_append(t->sent, t->h.out->data, t->h.out->len);
        g_byte_array_set_size(t->h.out, 0);
    }
    t->rest = len;
}

static void option(Talk *t, uint32_t opt, const void *data, size_t len)
{
    g_autofree uint8_t *buf = g_malloc(NBD_OPTION_LEN + len);

    nbd_put64(buf, NBD_OPTS_MAGIC);
    nbd_put32(buf + 8, opt);
    nbd_put32(buf + 12, len);
    if (len) {
        memcpy(buf + NBD_OPTION_LEN, data, len);
    }
    feed(t, buf, NBD_OPTION_LEN + len);
}

/* The next reply is @type with @len bytes at @data; NULL: any. */
static void expect(Talk *t, uint32_t opt, uint32_t type, const void *data,
                   size_t len)
{
    const uint8_t *p = t->sent->data;
    uint32_t n;

    g_assert_cmpint(t->sent->len, >=, NBD_OPT_REP_LEN);
    g_assert_cmphex(nbd_get64(p), ==, NBD_REP_MAGIC);
    g_assert_cmpint(nbd_get32(p + 8), ==, opt);
    g_assert_cmphex(nbd_get32(p + 12), ==, type);
    n = nbd_get32(p + 16);
    g_assert_cmpint(t->sent->len - NBD_OPT_REP_LEN, >=, n);
    if (data) {
        g_assert_cmpmem(p + NBD_OPT_REP_LEN, n, data, len);
    }
    g_byte_array_remove_range(t->sent, 0, NBD_OPT_REP_LEN + n);
}

#define expect_str(t, opt, type, s) expect(t, opt, type, s, sizeof(s) - 1)
#define option_str(t, opt, s)       option(t, opt, s, sizeof(s) - 1)

static void done(Talk *t)
{
    g_assert_cmpint(t->sent->len, ==, 0);
}

static void flags(Talk *t, uint32_t value)
{
    uint8_t buf[4];

    nbd_put32(buf, value);
    feed(t, buf, 4);
    done(t);
}

/* --- tests --- */

static void check_list(size_t piece)
{
    Talk t;

    talk_begin(&t, NBD_TLS_NONE, piece);
    flags(&t, 3);
    option(&t, NBD_OPT_LIST, NULL, 0);
    expect_str(&t, 3, NBD_REP_SERVER, "\0\0\0\4diskthe disk");
    expect_str(&t, 3, NBD_REP_SERVER, "\0\0\0\0");
    expect_str(&t, 3, NBD_REP_ACK, "");
    done(&t);
    option_str(&t, NBD_OPT_LIST, "xx");
    expect_str(&t, 3, NBD_REP_ERR_INVALID,
               "option 'list' has unexpected length");
    option_str(&t, 99, "abc");
    expect_str(&t, 99, NBD_REP_ERR_UNSUP, "Unsupported option 99 (<unknown>)");
    option(&t, NBD_OPT_STARTTLS, NULL, 0);
    expect_str(&t, 5, NBD_REP_ERR_POLICY, "TLS not configured");
    option_str(&t, NBD_OPT_ABORT, "bye");
    expect_str(&t, 2, NBD_REP_ACK, "");
    g_assert_cmpint(t.result, ==, NBD_HANDSHAKE_ABORT);
    talk_end(&t);
}

static void test_list(void)
{
    check_list(SIZE_MAX);
    check_list(1);
    check_list(7);
}

static void test_info(void)
{
    Talk t;

    talk_begin(&t, NBD_TLS_NONE, SIZE_MAX);
    flags(&t, 3);
    option_str(&t, NBD_OPT_INFO, "\0\0\0\4disk\0\3\0\1\0\2\0\3");
    expect_str(&t, 6, NBD_REP_INFO, "\0\1disk");
    expect_str(&t, 6, NBD_REP_INFO, "\0\2the disk");
    expect_str(&t, 6, NBD_REP_INFO, "\0\3\0\0\2\0\0\0\x10\0\2\0\0\0");
    expect_str(&t, 6, NBD_REP_INFO, "\0\0\0\0\0\0\0\x10\0\0\0\1");
    expect_str(&t, 6, NBD_REP_ACK, "");
    done(&t);
    option_str(&t, NBD_OPT_INFO, "\0\0\0\4nope\0\0");
    expect_str(&t, 6, NBD_REP_ERR_UNKNOWN, "export 'nope' not present");
    option_str(&t, NBD_OPT_INFO, "\0\0\1\4nope\0\0");
    expect_str(&t, 6, NBD_REP_ERR_INVALID,
               "Inconsistent lengths in option info");
    option_str(&t, NBD_OPT_INFO, "\0\0\0\4di\0k\0\0");
    expect_str(&t, 6, NBD_REP_ERR_INVALID,
               "Inconsistent lengths in option info");
    option_str(&t, NBD_OPT_INFO, "\0\0\0\0\0\2\0\1\0");
    expect_str(&t, 6, NBD_REP_ERR_INVALID,
               "Inconsistent lengths in option info");
    option_str(&t, NBD_OPT_INFO, "\0\0\0\0\0\0\0");
    expect_str(&t, 6, NBD_REP_ERR_INVALID,
               "option 'info' has unexpected length");
    g_assert_cmpint(t.result, ==, NBD_HANDSHAKE_MORE);
    talk_end(&t);
}

/* What comes behind GO is the transmission's. */
static void test_go(void)
{
    static const char go[] = "IHAVEOPT\0\0\0\7\0\0\0\x0c\0\0\0\4disk\0\1\0\3";
    g_autofree char *buf = g_malloc(sizeof(go) + 8);
    Talk t;

    talk_begin(&t, NBD_TLS_NONE, SIZE_MAX);
    flags(&t, 3);
    option(&t, NBD_OPT_STRUCTURED_REPLY, NULL, 0);
    expect_str(&t, 8, NBD_REP_ACK, "");
    option(&t, NBD_OPT_STRUCTURED_REPLY, NULL, 0);
    expect_str(&t, 8, NBD_REP_ERR_INVALID,
               "structured reply already negotiated");
    memcpy(buf, go, sizeof(go) - 1);
    memcpy(buf + sizeof(go) - 1, "\x25\x60\x95\x13", 4);
    feed(&t, buf, sizeof(go) - 1 + 4);
    expect_str(&t, 7, NBD_REP_INFO, "\0\3\0\0\2\0\0\0\x10\0\2\0\0\0");
    expect_str(&t, 7, NBD_REP_INFO, "\0\0\0\0\0\0\0\x10\0\0\0\x81");
    expect_str(&t, 7, NBD_REP_ACK, "");
    done(&t);
    g_assert_cmpint(t.result, ==, NBD_HANDSHAKE_GO);
    g_assert_cmpint(t.rest, ==, 4);
    g_assert_cmpstr(t.h.chosen, ==, "disk");
    g_assert_true(t.h.check_align);
    g_assert_cmpint(t.h.mode, ==, NBD_MODE_STRUCTURED);
    talk_end(&t);
}

static void test_export_name(void)
{
    Talk t;
    uint8_t answer[134] = { 0, 0, 0, 0, 0, 0, 0, 7, 0, 3 };

    talk_begin(&t, NBD_TLS_NONE, 3);
    flags(&t, 0);
    option(&t, NBD_OPT_EXPORT_NAME, NULL, 0);
    g_assert_cmpmem(t.sent->data, t.sent->len, answer, 134);
    g_assert_cmpint(t.result, ==, NBD_HANDSHAKE_GO);
    talk_end(&t);

    talk_begin(&t, NBD_TLS_NONE, 3);
    flags(&t, 2);
    option(&t, NBD_OPT_EXPORT_NAME, NULL, 0);
    g_assert_cmpmem(t.sent->data, t.sent->len, answer, 10);
    talk_end(&t);

    talk_begin(&t, NBD_TLS_NONE, 3);
    flags(&t, 3);
    option_str(&t, NBD_OPT_EXPORT_NAME, "nope");
    g_assert_cmpint(t.result, ==, NBD_HANDSHAKE_ERROR);
    g_assert_cmpstr(error_get_pretty(t.err), ==, "export not found");
    talk_end(&t);
}

static void test_contexts(void)
{
    Talk t;

    talk_begin(&t, NBD_TLS_NONE, SIZE_MAX);
    flags(&t, 3);
    option_str(&t, NBD_OPT_SET_META_CONTEXT, "\0\0\0\0\0\0\0\0");
    expect(&t, 10, NBD_REP_ERR_INVALID, NULL, 0);
    option(&t, NBD_OPT_EXTENDED_HEADERS, NULL, 0);
    expect_str(&t, 11, NBD_REP_ACK, "");
    option(&t, NBD_OPT_STRUCTURED_REPLY, NULL, 0);
    expect_str(&t, 8, NBD_REP_ERR_EXT_HEADER_REQD,
               "extended headers already negotiated");
    /* All, and those of a name space */
    option_str(&t, NBD_OPT_LIST_META_CONTEXT, "\0\0\0\4disk\0\0\0\0");
    expect_str(&t, 9, NBD_REP_META_CONTEXT, "\0\0\0\0base:allocation");
    expect_str(&t, 9, NBD_REP_META_CONTEXT, "\0\0\0\0qemu:allocation-depth");
    expect_str(&t, 9, NBD_REP_META_CONTEXT, "\0\0\0\0qemu:dirty-bitmap:b0");
    expect_str(&t, 9, NBD_REP_ACK, "");
    option_str(&t, NBD_OPT_LIST_META_CONTEXT,
               "\0\0\0\4disk\0\0\0\2\0\0\0\x12qemu:dirty-bitmap:\0\0\0\1x");
    expect_str(&t, 9, NBD_REP_META_CONTEXT, "\0\0\0\0qemu:dirty-bitmap:b0");
    expect_str(&t, 9, NBD_REP_ACK, "");
    /* SET takes no name spaces */
    option_str(&t, NBD_OPT_SET_META_CONTEXT,
               "\0\0\0\4disk\0\0\0\2\0\0\0\5base:\0\0\0\5qemu:");
    expect_str(&t, 10, NBD_REP_ACK, "");
    g_assert_cmpint(t.h.n_context_ids, ==, 0);
    option_str(&t, NBD_OPT_SET_META_CONTEXT,
               "\0\0\0\4disk\0\0\0\2\0\0\0\x14qemu:dirty-bitmap:b0"
               "\0\0\0\x0f"
               "base:allocation");
    expect_str(&t, 10, NBD_REP_META_CONTEXT, "\0\0\0\0base:allocation");
    expect_str(&t, 10, NBD_REP_META_CONTEXT, "\0\0\0\2qemu:dirty-bitmap:b0");
    expect_str(&t, 10, NBD_REP_ACK, "");
    done(&t);
    g_assert_cmpint(t.h.n_context_ids, ==, 2);
    g_assert_cmpint(t.h.context_ids[1], ==, 2);
    /* Those of one export are of no use for another */
    option_str(&t, NBD_OPT_GO, "\0\0\0\0\0\0");
    g_assert_cmpint(t.result, ==, NBD_HANDSHAKE_GO);
    g_assert_cmpint(t.h.n_context_ids, ==, 0);
    g_assert_false(t.h.check_align);
    talk_end(&t);
}

static void test_tls(void)
{
    Talk t;

    talk_begin(&t, NBD_TLS_REQUIRED, SIZE_MAX);
    flags(&t, 3);
    option(&t, NBD_OPT_LIST, NULL, 0);
    expect_str(&t, 3, NBD_REP_ERR_TLS_REQD,
               "Option 0x3 not permitted before TLS");
    option(&t, NBD_OPT_STARTTLS, NULL, 0);
    expect_str(&t, 5, NBD_REP_ACK, "");
    g_assert_cmpint(t.result, ==, NBD_HANDSHAKE_STARTTLS);
    nbd_handshake_tls_done(&t.h);
    option(&t, NBD_OPT_STARTTLS, NULL, 0);
    expect_str(&t, 5, NBD_REP_ERR_INVALID, "TLS already enabled");
    option(&t, NBD_OPT_LIST, NULL, 0);
    expect(&t, 3, NBD_REP_SERVER, NULL, 0);
    talk_end(&t);

    talk_begin(&t, NBD_TLS_REQUIRED, SIZE_MAX);
    flags(&t, 3);
    option(&t, NBD_OPT_EXPORT_NAME, NULL, 0);
    g_assert_cmpint(t.result, ==, NBD_HANDSHAKE_ERROR);
    talk_end(&t);
}

static void expect_error(Talk *t, const char *text)
{
    g_assert_cmpint(t->result, ==, NBD_HANDSHAKE_ERROR);
    g_assert_cmpstr(error_get_pretty(t->err), ==, text);
    talk_end(t);
}

static void test_hostile(void)
{
    g_autofree uint8_t *big = g_malloc0(NBD_OPTION_KEPT + 1);
    Talk t;

    talk_begin(&t, NBD_TLS_NONE, SIZE_MAX);
    feed(&t, "\0\0\0\7", 4);
    expect_error(&t, "Unknown client flags 0x7 received");

    talk_begin(&t, NBD_TLS_NONE, SIZE_MAX);
    flags(&t, 3);
    feed(&t, "IHAVEOPX\0\0\0\3\0\0\0\0", 16);
    expect_error(&t, "Bad magic received");

    talk_begin(&t, NBD_TLS_NONE, SIZE_MAX);
    flags(&t, 3);
    feed(&t, "IHAVEOPT\0\0\0\3\2\0\0\1", 16);
    expect_error(&t, "len (33554433) is larger than max len (33554432)");

    /* Too long to be kept, and refused without being stored */
    talk_begin(&t, NBD_TLS_NONE, 1000);
    flags(&t, 3);
    option(&t, NBD_OPT_INFO, big, NBD_OPTION_KEPT + 1);
    expect(&t, 6, NBD_REP_ERR_TOO_BIG, NULL, 0);
    done(&t);
    option(&t, NBD_OPT_LIST, NULL, 0);
    expect(&t, 3, NBD_REP_SERVER, NULL, 0);

    /* Options without end */
    for (int i = 2; i < NBD_MAX_OPTIONS; i++) {
        option(&t, 99, NULL, 0);
        g_assert_cmpint(t.result, ==, NBD_HANDSHAKE_MORE);
    }
    option(&t, 99, NULL, 0);
    expect_error(&t, "Too many options");
}

/* Nothing that a client can send makes it crash or take more than it needs. */
static void test_noise(void)
{
    g_autoptr(GRand) rnd = g_rand_new_with_seed(20260104);

    for (int round = 0; round < 3000; round++) {
        uint8_t buf[300];
        Talk t;

        talk_begin(&t, round % 5 ? NBD_TLS_NONE : NBD_TLS_REQUIRED,
                   g_rand_int_range(rnd, 1, 100));
        flags(&t, 3);
        if (round % 2) {
            option(&t, NBD_OPT_STRUCTURED_REPLY, NULL, 0);
        }
        for (int i = 0; i < 20 && t.result == NBD_HANDSHAKE_MORE; i++) {
            int len = g_rand_int_range(rnd, 0, 40);

            for (int j = 0; j < len; j++) {
                buf[j] = g_rand_boolean(rnd) ? g_rand_int_range(rnd, 0, 8)
                                             : g_rand_int_range(rnd, 0, 256);
            }
            memset(buf, 0, MIN(len, 3));
            option(&t, g_rand_int_range(rnd, 1, 13), buf, len);
        }
        talk_end(&t);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/nbd/server-handshake/list", test_list);
    g_test_add_func("/nbd/server-handshake/info", test_info);
    g_test_add_func("/nbd/server-handshake/go", test_go);
    g_test_add_func("/nbd/server-handshake/export-name", test_export_name);
    g_test_add_func("/nbd/server-handshake/contexts", test_contexts);
    g_test_add_func("/nbd/server-handshake/tls", test_tls);
    g_test_add_func("/nbd/server-handshake/hostile", test_hostile);
    g_test_add_func("/nbd/server-handshake/noise", test_noise);
    return g_test_run();
}
