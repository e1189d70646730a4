/*
 * The freestanding guest's own little world: ports, serial output, PCI.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TESTS_GUEST_GUEST_H
#define TESTS_GUEST_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline void outb(uint16_t port, uint8_t v)
{
    __asm__ volatile("outb %0, %1" : : "a"(v), "Nd"(port));
}

static inline void outw(uint16_t port, uint16_t v)
{
    __asm__ volatile("outw %0, %1" : : "a"(v), "Nd"(port));
}

static inline void outl(uint16_t port, uint32_t v)
{
    __asm__ volatile("outl %0, %1" : : "a"(v), "Nd"(port));
}

static inline uint8_t inb(uint16_t port)
{
    uint8_t v;

    __asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
    return v;
}

static inline uint32_t inl(uint16_t port)
{
    uint32_t v;

    __asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port));
    return v;
}

static inline void mmio_write32(uint32_t addr, uint32_t v)
{
    *(volatile uint32_t *)addr = v;
}

static inline void mmio_write16(uint32_t addr, uint16_t v)
{
    *(volatile uint16_t *)addr = v;
}

static inline void mmio_write8(uint32_t addr, uint8_t v)
{
    *(volatile uint8_t *)addr = v;
}

static inline uint32_t mmio_read32(uint32_t addr)
{
    return *(volatile uint32_t *)addr;
}

static inline uint16_t mmio_read16(uint32_t addr)
{
    return *(volatile uint16_t *)addr;
}

static inline uint8_t mmio_read8(uint32_t addr)
{
    return *(volatile uint8_t *)addr;
}

void *memset(void *p, int c, size_t n);
void *memcpy(void *dst, const void *src, size_t n);
int memcmp(const void *a, const void *b, size_t n);

/* lib.c: to the first serial port. %s %u %x only. */
void print(const char *fmt, ...);

/* "ok NAME" or "not ok NAME". */
void check(bool ok, const char *name);

/* Switch the machine off; does not return. */
void power_off(void);

/* The word @name=... of the command line as a number, or @def. */
uint32_t option(const char *name, uint32_t def);

/* pci.c: configuration space of 00:dev.fn, @devfn as usual. */
uint32_t pci_read32(uint8_t devfn, uint8_t reg);
uint16_t pci_read16(uint8_t devfn, uint8_t reg);
uint8_t pci_read8(uint8_t devfn, uint8_t reg);
void pci_write32(uint8_t devfn, uint8_t reg, uint32_t v);
void pci_write16(uint8_t devfn, uint8_t reg, uint16_t v);

/* The first function with these ids, or -1. */
int pci_find(uint16_t vendor, uint16_t device);

#endif
