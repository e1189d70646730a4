/*
 * The vhost-user protocol on the wire, from the back end's side: the numbers
 * and structures of the vhost-user specification (front-end messages, ring
 * states, back-end channel).  Host byte order, as the specification has it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef EXPORT_VHOST_USER_PROTO_H
#define EXPORT_VHOST_USER_PROTO_H

#include "util/osdep.h"

/* "Front-end message types" */
typedef enum VhostUserRequest {
    VHOST_USER_GET_FEATURES = 1,
    VHOST_USER_SET_FEATURES = 2,
    VHOST_USER_SET_OWNER = 3,
    VHOST_USER_RESET_OWNER = 4,
    VHOST_USER_SET_MEM_TABLE = 5,
    VHOST_USER_SET_VRING_NUM = 8,
    VHOST_USER_SET_VRING_ADDR = 9,
    VHOST_USER_SET_VRING_BASE = 10,
    VHOST_USER_GET_VRING_BASE = 11,
    VHOST_USER_SET_VRING_KICK = 12,
    VHOST_USER_SET_VRING_CALL = 13,
    VHOST_USER_SET_VRING_ERR = 14,
    VHOST_USER_GET_PROTOCOL_FEATURES = 15,
    VHOST_USER_SET_PROTOCOL_FEATURES = 16,
    VHOST_USER_GET_QUEUE_NUM = 17,
    VHOST_USER_SET_VRING_ENABLE = 18,
    VHOST_USER_SET_BACKEND_REQ_FD = 21,
    VHOST_USER_GET_CONFIG = 24,
    VHOST_USER_SET_CONFIG = 25,
    VHOST_USER_GET_INFLIGHT_FD = 31,
    VHOST_USER_SET_INFLIGHT_FD = 32,
    VHOST_USER_RESET_DEVICE = 34,
    VHOST_USER_GET_MAX_MEM_SLOTS = 36,
    VHOST_USER_ADD_MEM_REG = 37,
    VHOST_USER_REM_MEM_REG = 38,
} VhostUserRequest;

/* "Back-end message types" */
enum { VHOST_USER_BACKEND_CONFIG_CHANGE_MSG = 2 };

/* Bits of a header's flags */
enum {
    VHOST_USER_VERSION_MASK = 3,
    VHOST_USER_VERSION = 1,
    VHOST_USER_REPLY = 1 << 2,
    VHOST_USER_NEED_REPLY = 1 << 3,
};

/* Feature bit by which the protocol features are negotiated */
#define VHOST_USER_F_PROTOCOL_FEATURES 30

/* "Protocol features" */
enum {
    VHOST_USER_PROTOCOL_F_MQ = 0,
    VHOST_USER_PROTOCOL_F_REPLY_ACK = 3,
    VHOST_USER_PROTOCOL_F_BACKEND_REQ = 5,
    VHOST_USER_PROTOCOL_F_CONFIG = 9,
    VHOST_USER_PROTOCOL_F_INFLIGHT_SHMFD = 12,
    VHOST_USER_PROTOCOL_F_RESET_DEVICE = 13,
    VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS = 15,
};

/* SET_VRING_KICK, _CALL, _ERR: the ring, and whether no descriptor is there */
enum { VHOST_USER_VRING_INDEX = 0xff, VHOST_USER_VRING_NOFD = 1 << 8 };

#define VHOST_USER_TABLE_REGIONS 8 /* in SET_MEM_TABLE */
/* Of all ADD_MEM_REG together: what a KVM guest has at most */
#define VHOST_USER_MEM_SLOTS       509
#define VHOST_USER_MAX_CONFIG_SIZE 256
#define VHOST_USER_MAX_FDS         8

typedef struct QEMU_PACKED VhostUserHeader {
    uint32_t request;
    uint32_t flags;
    uint32_t size; /* bytes that follow */
} VhostUserHeader;

typedef struct VhostUserVringState {
    uint32_t index;
    uint32_t num;
} VhostUserVringState;

typedef struct VhostUserVringAddr {
    uint32_t index;
    uint32_t flags;
    uint64_t desc, used, avail; /* in the front end's address space */
    uint64_t log;
} VhostUserVringAddr;

typedef struct VhostUserMemRegion {
    uint64_t gpa;
    uint64_t size;
    uint64_t uaddr;  /* in the front end's address space */
    uint64_t offset; /* in the descriptor that comes with it */
} VhostUserMemRegion;

typedef struct VhostUserMemTable {
    uint32_t nregions;
    uint32_t padding;
    VhostUserMemRegion regions[VHOST_USER_TABLE_REGIONS];
} VhostUserMemTable;

typedef struct VhostUserMemReg {
    uint64_t padding;
    VhostUserMemRegion region;
} VhostUserMemReg;

typedef struct VhostUserConfig {
    uint32_t offset;
    uint32_t size;
    uint32_t flags;
    uint8_t data[VHOST_USER_MAX_CONFIG_SIZE];
} VhostUserConfig;

#define VHOST_USER_CONFIG_HEADER offsetof(VhostUserConfig, data)

typedef struct VhostUserInflight {
    uint64_t mmap_size;
    uint64_t mmap_offset;
    uint16_t num_queues;
    uint16_t queue_size;
} VhostUserInflight;

/* Without the padding that some front ends send after it */
#define VHOST_USER_INFLIGHT_LEN 20

typedef union VhostUserPayload {
    uint64_t u64;
    VhostUserVringState state;
    VhostUserVringAddr addr;
    VhostUserMemTable table;
    VhostUserMemReg reg;
    VhostUserConfig config;
    VhostUserInflight inflight;
} VhostUserPayload;

QEMU_BUILD_BUG_ON(sizeof(VhostUserHeader) != 12);
QEMU_BUILD_BUG_ON(sizeof(VhostUserVringAddr) != 40);
QEMU_BUILD_BUG_ON(sizeof(VhostUserMemTable) != 264);
QEMU_BUILD_BUG_ON(sizeof(VhostUserMemReg) != 40);
QEMU_BUILD_BUG_ON(sizeof(VhostUserInflight) != 24);

/* A message and the descriptors that came, or go, with it. */
typedef struct VhostUserMsg {
    VhostUserHeader h;
    VhostUserPayload p;
    int fds[VHOST_USER_MAX_FDS];
    int nfds;
} VhostUserMsg;

#endif
