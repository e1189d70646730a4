/*
 * The freestanding guest: output, strings, PCI configuration, power off.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "guest.h"

#include <stdarg.h>

#define COM1      0x3f8
#define PM1A_CNT  0x604
#define SLP_EN    (1u << 13)
#define SLP_TYP_5 (0u << 10)

extern const char *guest_cmdline;

void *memset(void *p, int c, size_t n)
{
    void *ret = p;

    __asm__ volatile("rep stosb" : "+D"(p), "+c"(n) : "a"(c) : "memory");
    return ret;
}

void *memcpy(void *dst, const void *src, size_t n)
{
    void *ret = dst;

    __asm__ volatile("rep movsb" : "+D"(dst), "+S"(src), "+c"(n) : : "memory");
    return ret;
}

int memcmp(const void *a, const void *b, size_t n)
{
    const uint8_t *x = a, *y = b;

    for (; n; n--, x++, y++) {
        if (*x != *y) {
            return *x - *y;
        }
    }
    return 0;
}

static void put(char c)
{
    if (c == '\n') {
        put('\r');
    }
    while (!(inb(COM1 + 5) & 0x20)) {
    }
    outb(COM1, c);
}

static void put_number(uint32_t v, unsigned base)
{
    char buf[12];
    unsigned n = 0;

    do {
        buf[n++] = "0123456789abcdef"[v % base];
        v /= base;
    } while (v);
    while (n) {
        put(buf[--n]);
    }
}

void print(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    for (; *fmt; fmt++) {
        if (*fmt != '%') {
            put(*fmt);
        } else if (*++fmt == 's') {
            for (const char *s = va_arg(ap, const char *); *s; s++) {
                put(*s);
            }
        } else {
            put_number(va_arg(ap, uint32_t), *fmt == 'x' ? 16 : 10);
        }
    }
    va_end(ap);
}

void check(bool ok, const char *name)
{
    print("%s %s\n", ok ? "ok" : "not ok", name);
}

void power_off(void)
{
    outw(PM1A_CNT, SLP_EN | SLP_TYP_5);
    for (;;) {
        __asm__ volatile("hlt");
    }
}

uint32_t option(const char *name, uint32_t def)
{
    for (const char *p = guest_cmdline; *p;) {
        const char *n = name;
        uint32_t v = 0;

        while (*n && *p == *n) {
            p++;
            n++;
        }
        if (!*n && *p == '=') {
            for (p++; *p >= '0' && *p <= '9'; p++) {
                v = v * 10 + (*p - '0');
            }
            return v;
        }
        while (*p && *p++ != ' ') {
        }
    }
    return def;
}

static void pci_select(uint8_t devfn, uint8_t reg)
{
    outl(0xcf8, 0x80000000u | devfn << 8 | (reg & 0xfc));
}

uint32_t pci_read32(uint8_t devfn, uint8_t reg)
{
    pci_select(devfn, reg);
    return inl(0xcfc);
}

uint16_t pci_read16(uint8_t devfn, uint8_t reg)
{
    return pci_read32(devfn, reg) >> (8 * (reg & 2));
}

uint8_t pci_read8(uint8_t devfn, uint8_t reg)
{
    return pci_read32(devfn, reg) >> (8 * (reg & 3));
}

void pci_write32(uint8_t devfn, uint8_t reg, uint32_t v)
{
    pci_select(devfn, reg);
    outl(0xcfc, v);
}

void pci_write16(uint8_t devfn, uint8_t reg, uint16_t v)
{
    pci_select(devfn, reg);
    outw(0xcfc + (reg & 2), v);
}

int pci_find(uint16_t vendor, uint16_t device)
{
    for (int devfn = 0; devfn < 256; devfn++) {
        if (pci_read32(devfn, 0) == (vendor | (uint32_t)device << 16)) {
            return devfn;
        }
    }
    return -1;
}
