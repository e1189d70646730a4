/*
 * AML writer: encodings of ACPI 6.3 section 20.2.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "hw/acpi/aml.h"

#define OP_ZERO           0x00
#define OP_ONE            0x01
#define OP_NAME           0x08
#define OP_BYTE           0x0a
#define OP_WORD           0x0b
#define OP_DWORD          0x0c
#define OP_STRING         0x0d
#define OP_QWORD          0x0e
#define OP_SCOPE          0x10
#define OP_BUFFER         0x11
#define OP_PACKAGE        0x12
#define OP_METHOD         0x14
#define OP_DUAL_NAME      0x2e
#define OP_MULTI_NAME     0x2f
#define OP_EXT            0x5b
#define OP_EXT_REGION     0x80
#define OP_EXT_FIELD      0x81
#define OP_EXT_DEVICE     0x82
#define OP_STORE          0x70
#define OP_AND            0x7b
#define OP_OR             0x7d
#define OP_DWORD_FIELD    0x8a
#define OP_IF             0xa0
#define OP_RETURN         0xa4
#define REGION_PCI        0x02
#define FIELD_BYTE_ACC    0x01
#define METHOD_SERIALIZED 0x08

static void put(GByteArray *b, const void *data, unsigned len)
{
    g_byte_array_append(b, data, len);
}

static void put_le(GByteArray *b, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++) {
        uint8_t byte = value >> (8 * i);

        put(b, &byte, 1);
    }
}

void aml_op(AmlWriter *w, uint8_t op)
{
    put_le(w->buf, op, 1);
}

/* --- blocks --------------------------------------------------------------- */

static void block_begin(AmlWriter *w)
{
    assert(w->depth < AML_MAX_DEPTH);
    w->start[w->depth++] = w->buf->len;
}

/* PkgLength counts itself: one byte up to 63, then 4 + 8n bits. */
static unsigned encode_pkg_length(uint8_t out[4], unsigned body)
{
    unsigned n = body + 1 <= 0x3f      ? 1
                 : body + 2 <= 0xfff   ? 2
                 : body + 3 <= 0xfffff ? 3
                                       : 4;
    unsigned total = body + n;

    if (n == 1) {
        out[0] = total;
        return 1;
    }
    out[0] = (n - 1) << 6 | (total & 0x0f);
    for (unsigned i = 1; i < n; i++) {
        out[i] = total >> (4 + 8 * (i - 1));
    }
    return n;
}

void aml_end(AmlWriter *w)
{
    uint8_t length[4];
    unsigned start, body, n;

    assert(w->depth);
    start = w->start[--w->depth];
    body = w->buf->len - start;
    n = encode_pkg_length(length, body);
    g_byte_array_set_size(w->buf, w->buf->len + n);
    memmove(w->buf->data + start + n, w->buf->data + start, body);
    memcpy(w->buf->data + start, length, n);
}

void aml_scope(AmlWriter *w, const char *name)
{
    aml_op(w, OP_SCOPE);
    block_begin(w);
    aml_namestring(w, name);
}

void aml_device(AmlWriter *w, const char *name)
{
    aml_op(w, OP_EXT);
    aml_op(w, OP_EXT_DEVICE);
    block_begin(w);
    aml_namestring(w, name);
}

void aml_method(AmlWriter *w, const char *name, unsigned nargs, bool serialized)
{
    aml_op(w, OP_METHOD);
    block_begin(w);
    aml_namestring(w, name);
    put_le(w->buf, nargs | (serialized ? METHOD_SERIALIZED : 0), 1);
}

void aml_package(AmlWriter *w, uint8_t nelements)
{
    aml_op(w, OP_PACKAGE);
    block_begin(w);
    put_le(w->buf, nelements, 1);
}

void aml_if(AmlWriter *w)
{
    aml_op(w, OP_IF);
    block_begin(w);
}

void aml_field(AmlWriter *w, const char *region)
{
    aml_op(w, OP_EXT);
    aml_op(w, OP_EXT_FIELD);
    block_begin(w);
    aml_namestring(w, region);
    put_le(w->buf, FIELD_BYTE_ACC, 1);
}

void aml_field_unit(AmlWriter *w, const char *name, unsigned bits)
{
    assert(strlen(name) == 4 && bits < 64);
    put(w->buf, name, 4);
    put_le(w->buf, bits, 1);
}

/* --- names ---------------------------------------------------------------- */

static void put_segment(AmlWriter *w, const char *seg, unsigned len)
{
    char padded[4] = { '_', '_', '_', '_' };

    assert(len >= 1 && len <= 4);
    memcpy(padded, seg, len);
    put(w->buf, padded, 4);
}

void aml_namestring(AmlWriter *w, const char *path)
{
    g_auto(GStrv) segs = NULL;
    unsigned n;

    while (*path == '\\' || *path == '^') {
        put(w->buf, path++, 1);
    }
    segs = g_strsplit(path, ".", -1);
    n = g_strv_length(segs);
    if (n == 0) {
        aml_op(w, OP_ZERO);
        return;
    }
    if (n == 2) {
        aml_op(w, OP_DUAL_NAME);
    } else if (n > 2) {
        aml_op(w, OP_MULTI_NAME);
        put_le(w->buf, n, 1);
    }
    for (unsigned i = 0; i < n; i++) {
        put_segment(w, segs[i], strlen(segs[i]));
    }
}

/* --- values --------------------------------------------------------------- */

void aml_int(AmlWriter *w, uint64_t value)
{
    if (value <= 1) {
        aml_op(w, value ? OP_ONE : OP_ZERO);
    } else if (value <= UINT8_MAX) {
        aml_op(w, OP_BYTE);
        put_le(w->buf, value, 1);
    } else if (value <= UINT16_MAX) {
        aml_op(w, OP_WORD);
        put_le(w->buf, value, 2);
    } else if (value <= UINT32_MAX) {
        aml_op(w, OP_DWORD);
        put_le(w->buf, value, 4);
    } else {
        aml_op(w, OP_QWORD);
        put_le(w->buf, value, 8);
    }
}

void aml_string(AmlWriter *w, const char *s)
{
    aml_op(w, OP_STRING);
    put(w->buf, s, strlen(s) + 1);
}

void aml_name(AmlWriter *w, const char *name)
{
    aml_op(w, OP_NAME);
    aml_namestring(w, name);
}

void aml_name_int(AmlWriter *w, const char *name, uint64_t value)
{
    aml_name(w, name);
    aml_int(w, value);
}

void aml_name_string(AmlWriter *w, const char *name, const char *value)
{
    aml_name(w, name);
    aml_string(w, value);
}

/* Three letters of 5 bits and four hexadecimal digits, big-endian. */
static uint32_t eisaid(const char *id)
{
    uint32_t value = 0;

    assert(strlen(id) == 7);
    for (unsigned i = 0; i < 3; i++) {
        value = value << 5 | (id[i] - 0x40);
    }
    value = value << 16 | strtoul(id + 3, NULL, 16);
    return GUINT32_SWAP_LE_BE(value);
}

void aml_name_eisaid(AmlWriter *w, const char *name, const char *id)
{
    aml_name(w, name);
    aml_op(w, OP_DWORD);
    put_le(w->buf, eisaid(id), 4);
}

/* --- terms ---------------------------------------------------------------- */

void aml_return(AmlWriter *w)
{
    aml_op(w, OP_RETURN);
}

void aml_region_pci(AmlWriter *w, const char *name, uint8_t offset, uint8_t len)
{
    aml_op(w, OP_EXT);
    aml_op(w, OP_EXT_REGION);
    aml_namestring(w, name);
    aml_op(w, REGION_PCI);
    aml_int(w, offset);
    aml_int(w, len);
}

void aml_dword_field(AmlWriter *w, uint8_t op, const char *buffer,
                     uint8_t offset, const char *name)
{
    aml_op(w, OP_DWORD_FIELD);
    if (op) {
        aml_op(w, op);
    } else {
        aml_namestring(w, buffer);
    }
    aml_int(w, offset);
    aml_namestring(w, name);
}

void aml_or_into(AmlWriter *w, const char *dst, uint8_t bits)
{
    aml_op(w, OP_OR);
    aml_namestring(w, dst);
    aml_int(w, bits);
    aml_namestring(w, dst);
}

void aml_and(AmlWriter *w, const char *src, uint8_t bits)
{
    aml_op(w, OP_AND);
    aml_namestring(w, src);
    aml_int(w, bits);
    aml_op(w, OP_ZERO); /* no target */
}

void aml_store_int(AmlWriter *w, uint64_t value, const char *dst)
{
    aml_op(w, OP_STORE);
    aml_int(w, value);
    aml_namestring(w, dst);
}

void aml_store(AmlWriter *w, const char *src, const char *dst)
{
    aml_op(w, OP_STORE);
    aml_namestring(w, src);
    aml_namestring(w, dst);
}

/* --- resource descriptors (section 6.4) ----------------------------------- */

#define RES_IRQ_NOFLAGS 0x22
#define RES_IO          0x47
#define RES_END         0x79
#define RES_DWORD_SPACE 0x87
#define RES_WORD_SPACE  0x88
#define RES_INTERRUPT   0x89
#define RES_QWORD_SPACE 0x8a

#define SPACE_MEM   0
#define SPACE_IO    1
#define SPACE_BUS   2
#define SPACE_FIXED 0x0c /* minimum and maximum are fixed; producer */

GByteArray *aml_resources_new(void)
{
    return g_byte_array_new();
}

void aml_res_io(GByteArray *r, uint16_t base, uint8_t len)
{
    put_le(r, RES_IO, 1);
    put_le(r, 1, 1); /* decodes 16 bits */
    put_le(r, base, 2);
    put_le(r, base, 2);
    put_le(r, 1, 1); /* alignment */
    put_le(r, len, 1);
}

void aml_res_irq(GByteArray *r, uint8_t irq)
{
    put_le(r, RES_IRQ_NOFLAGS, 1);
    put_le(r, 1u << irq, 2);
}

void aml_res_interrupt(GByteArray *r, const uint8_t *irqs, unsigned n)
{
    put_le(r, RES_INTERRUPT, 1);
    put_le(r, 2 + 4 * n, 2);
    put_le(r, 0x09, 1); /* consumer, level, high, shared */
    put_le(r, n, 1);
    for (unsigned i = 0; i < n; i++) {
        put_le(r, irqs[i], 4);
    }
}

/* The common body of the address space descriptors, @width bytes a field. */
static void put_space(GByteArray *r, uint8_t kind, uint8_t type_flags,
                      unsigned width, uint64_t first, uint64_t last)
{
    uint8_t tag = width == 2   ? RES_WORD_SPACE
                  : width == 4 ? RES_DWORD_SPACE
                               : RES_QWORD_SPACE;

    put_le(r, tag, 1);
    put_le(r, 3 + 5 * width, 2);
    put_le(r, kind, 1);
    put_le(r, SPACE_FIXED, 1);
    put_le(r, type_flags, 1);
    put_le(r, 0, width); /* granularity */
    put_le(r, first, width);
    put_le(r, last, width);
    put_le(r, 0, width); /* translation */
    put_le(r, last - first + 1, width);
}

void aml_res_bus_window(GByteArray *r, uint16_t first, uint16_t last)
{
    put_space(r, SPACE_BUS, 0, 2, first, last);
}

void aml_res_io_window(GByteArray *r, uint16_t first, uint16_t last)
{
    put_space(r, SPACE_IO, 0x03 /* entire range */, 2, first, last);
}

/* Type specific flags: read-write, cacheable or not. */
void aml_res_mem32_window(GByteArray *r, uint32_t first, uint32_t last,
                          bool cacheable)
{
    put_space(r, SPACE_MEM, cacheable ? 0x03 : 0x01, 4, first, last);
}

void aml_res_mem64_window(GByteArray *r, uint64_t first, uint64_t last,
                          bool cacheable)
{
    put_space(r, SPACE_MEM, cacheable ? 0x03 : 0x01, 8, first, last);
}

void aml_resources(AmlWriter *w, GByteArray *r)
{
    put_le(r, RES_END, 1);
    put_le(r, 0, 1); /* no checksum */
    aml_op(w, OP_BUFFER);
    block_begin(w);
    aml_int(w, r->len);
    put(w->buf, r->data, r->len);
    aml_end(w);
    g_byte_array_unref(r);
}

void aml_name_resources(AmlWriter *w, const char *name, GByteArray *r)
{
    aml_name(w, name);
    aml_resources(w, r);
}
