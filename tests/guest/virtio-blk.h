/*
 * The freestanding guest's driver of a virtio-blk disk on PCI (virtio 1.2):
 * one split ring, polled.  It can also be told to do wrong.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TESTS_GUEST_VIRTIO_BLK_H
#define TESTS_GUEST_VIRTIO_BLK_H

#include "guest.h"

#define QUEUE_SIZE 64

#define DESC_F_NEXT     1
#define DESC_F_WRITE    2
#define DESC_F_INDIRECT 4

#define STATUS_NEEDS_RESET 0x40

typedef struct Desc {
    uint64_t addr;
    uint32_t len;
    uint16_t flags;
    uint16_t next;
} Desc;

typedef struct Avail {
    uint16_t flags;
    uint16_t idx;
    uint16_t ring[QUEUE_SIZE];
    uint16_t used_event;
} Avail;

typedef struct Used {
    uint16_t flags;
    uint16_t idx;
    struct {
        uint32_t id;
        uint32_t len;
    } ring[QUEUE_SIZE];
    uint16_t avail_event;
} Used;

typedef struct Request {
    uint32_t type;
    uint32_t reserved;
    uint64_t sector;
} Request;

enum { BLK_IN = 0, BLK_OUT = 1, BLK_FLUSH = 4, BLK_GET_ID = 8 };

extern volatile Desc desc[QUEUE_SIZE];
extern volatile Avail avail;
extern volatile Used used;

/* Find the disk and map its registers; false if there is none. */
bool disk_find(void);

/* Reset it and start queue 0 with @features beside VERSION_1. */
bool disk_start(uint64_t features);

uint64_t disk_features(void);
uint32_t disk_sectors(void);
uint8_t disk_status(void);

/* Offer chain @head / kick the queue. */
void ring_offer(uint16_t head);
void ring_kick(void);

/* Wait until the used ring is @n entries further; false after a while. */
bool ring_wait(uint16_t n);

/* One request, waited for: the status byte, or 0xff if none came. */
uint8_t disk_request(uint32_t type, uint32_t sector, void *data, uint32_t len);

/* Describe a request at desc[@head ..@head + 2], without offering it. */
void ring_request(uint16_t head, Request *req, void *data, uint32_t len,
                  uint8_t *status);

#endif
