/*
 * Writing AML (ACPI 6.3, chapter 20): a byte stream with blocks that are opened
 * and closed, whose lengths are filled in at the close.
 *
 *     aml_device(w, "COM1");
 *     aml_name_eisaid(w, "_HID", "PNP0501");
 *     aml_end(w);
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_ACPI_AML_H
#define HW_ACPI_AML_H

#define AML_MAX_DEPTH 16

typedef struct AmlWriter {
    GByteArray *buf;
    unsigned depth;
    unsigned start[AML_MAX_DEPTH]; /* where each open block's length goes */
} AmlWriter;

#define AML_LOCAL0 0x60
#define AML_ARG0   0x68

/* --- blocks: each ends with aml_end() --- */
void aml_scope(AmlWriter *w, const char *name);
void aml_device(AmlWriter *w, const char *name);
void aml_method(AmlWriter *w, const char *name, unsigned nargs,
                bool serialized);
void aml_package(AmlWriter *w, uint8_t nelements);
void aml_if(AmlWriter *w);
/* Byte access, no lock, preserve; then aml_field_unit() for each. */
void aml_field(AmlWriter *w, const char *region);
void aml_end(AmlWriter *w);

void aml_field_unit(AmlWriter *w, const char *name, unsigned bits);

/* --- values and terms --- */
void aml_op(AmlWriter *w, uint8_t op); /* a bare opcode: AML_ARG0, ... */
void aml_int(AmlWriter *w, uint64_t value);
void aml_string(AmlWriter *w, const char *s);
void aml_namestring(AmlWriter *w, const char *path);
void aml_name(AmlWriter *w, const char *name); /* a value follows */
void aml_name_int(AmlWriter *w, const char *name, uint64_t value);
void aml_name_string(AmlWriter *w, const char *name, const char *value);
/* @id: "PNP0A03" */
void aml_name_eisaid(AmlWriter *w, const char *name, const char *id);
void aml_return(AmlWriter *w); /* a value follows */
/* Operation region in PCI configuration space. */
void aml_region_pci(AmlWriter *w, const char *name, uint8_t offset,
                    uint8_t len);
/* CreateDWordField(@buffer, @offset, @name); the buffer follows the call in
 * the stream, so it is given as an opcode (AML_ARG0) or a name (op 0). */
void aml_dword_field(AmlWriter *w, uint8_t op, const char *buffer,
                     uint8_t offset, const char *name);
/* @dst = @dst | @bits; (@src & @bits); @dst = @src or a number */
void aml_or_into(AmlWriter *w, const char *dst, uint8_t bits);
void aml_and(AmlWriter *w, const char *src, uint8_t bits);
void aml_store(AmlWriter *w, const char *src, const char *dst);
void aml_store_int(AmlWriter *w, uint64_t value, const char *dst);

/* --- resource templates: begin, descriptors, end --- */
GByteArray *aml_resources_new(void);
void aml_res_io(GByteArray *r, uint16_t base, uint8_t len);
void aml_res_irq(GByteArray *r, uint8_t irq); /* edge, high, exclusive */
/* Extended interrupt: level, high, shared. */
void aml_res_interrupt(GByteArray *r, const uint8_t *irqs, unsigned n);
/* Windows of a bridge: first and last address. */
void aml_res_bus_window(GByteArray *r, uint16_t first, uint16_t last);
void aml_res_io_window(GByteArray *r, uint16_t first, uint16_t last);
void aml_res_mem32_window(GByteArray *r, uint32_t first, uint32_t last,
                          bool cacheable);
void aml_res_mem64_window(GByteArray *r, uint64_t first, uint64_t last,
                          bool cacheable);
/* Write it as a buffer and free it. */
void aml_resources(AmlWriter *w, GByteArray *r);
void aml_name_resources(AmlWriter *w, const char *name, GByteArray *r);

#endif
