/*
 * What the commands that move data share: memory with a pattern, its
 * verification, the dump and the report.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TOOLS_QEMU_IO_REQUEST_H
#define TOOLS_QEMU_IO_REQUEST_H

#include "block/block-backend.h"

#include <sys/uio.h>

/* A read or write: its options, its memory, and when it began. */
typedef struct Request {
    bool machine, quiet, dump, zero, compressed, vmstate, invalid;
    bool has_pattern, has_vstart, has_vlen;
    int pattern;
    int64_t vstart, vlen; /* of the verification */
    const char *source;   /* file with the pattern; NULL */
    int64_t offset, bytes;
    BdrvRequestFlags flags;
    int64_t began, took; /* ns */
    uint8_t *buf;        /* @bytes of memory */
    struct iovec *iov;
    int niov;
} Request;

/* An option that moves data (getopt()'s letter and optarg); which of them the
 * command @name has, its letters say. 0, or -EINVAL after a message. */
int request_parse_option(Request *r, int c, const char *name);
/* 0, or -EINVAL after a message. */
int request_parse_number(const char *arg, int64_t *value);
/* Memory for @bytes, filled with @fill; -ENOMEM after a message. */
int request_alloc(Request *r, BlockBackend *blk, const char *name, int fill);
/* The same, filled again and again with what is in @source. */
int request_alloc_from_file(Request *r, BlockBackend *blk, const char *name);
/* Memory for the lengths in @argv, one vector each; sets @bytes. */
int request_alloc_vectors(Request *r, BlockBackend *blk, int argc, char **argv,
                          int fill);
void request_cleanup(Request *r);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Request, request_cleanup)

/* The time that counts. */
void request_begin(Request *r);
void request_end(Request *r);
/* Print what -v, and the lines that say how fast it was, as far as wanted. */
void request_dump(const Request *r);
void request_report(const Request *r, const char *op);
/* Compare [@vstart, + @vlen) with the pattern; 0, or -EINVAL and a message. */
int request_verify(const Request *r);

#endif
