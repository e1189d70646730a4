/*
 * The NBD protocol in numbers. Names in parentheses are the sections of the
 * protocol's public description. Everything on the wire is big-endian.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef NBD_PROTOCOL_H
#define NBD_PROTOCOL_H

#define NBD_DEFAULT_PORT 10809

/* Longest name, description or other string ("Strings"). */
#define NBD_MAX_STRING 4096
/* Longest read or write that this server takes, and its longest option. */
#define NBD_MAX_BUFFER (32 * 1024 * 1024)

/* --- negotiation ("Newstyle negotiation") --- */

#define NBD_INIT_MAGIC   0x4e42444d41474943ULL /* "NBDMAGIC" */
#define NBD_OPTS_MAGIC   0x49484156454f5054ULL /* "IHAVEOPT" */
#define NBD_CLISERV      0x0000420281861253ULL /* oldstyle */
#define NBD_REP_MAGIC    0x0003e889045565a9ULL
#define NBD_GREETING_LEN 18 /* both magics and 16 bits of flags */
#define NBD_OPTION_LEN   16 /* magic, option, length */
#define NBD_OPT_REP_LEN  20 /* magic, option, type, length */

/* Of the server and, with the same values, of the client. */
enum {
    NBD_FLAG_FIXED_NEWSTYLE = 1 << 0,
    NBD_FLAG_NO_ZEROES = 1 << 1,
};

enum {
    NBD_OPT_EXPORT_NAME = 1,
    NBD_OPT_ABORT = 2,
    NBD_OPT_LIST = 3,
    NBD_OPT_STARTTLS = 5,
    NBD_OPT_INFO = 6,
    NBD_OPT_GO = 7,
    NBD_OPT_STRUCTURED_REPLY = 8,
    NBD_OPT_LIST_META_CONTEXT = 9,
    NBD_OPT_SET_META_CONTEXT = 10,
    NBD_OPT_EXTENDED_HEADERS = 11,
};

#define NBD_REP_IS_ERR(type) ((type) & (1u << 31))
#define NBD_REP_ERR(n)       ((1u << 31) | (n))

enum {
    NBD_REP_ACK = 1,
    NBD_REP_SERVER = 2,
    NBD_REP_INFO = 3,
    NBD_REP_META_CONTEXT = 4,
};

#define NBD_REP_ERR_UNSUP           NBD_REP_ERR(1)
#define NBD_REP_ERR_POLICY          NBD_REP_ERR(2)
#define NBD_REP_ERR_INVALID         NBD_REP_ERR(3)
#define NBD_REP_ERR_PLATFORM        NBD_REP_ERR(4)
#define NBD_REP_ERR_TLS_REQD        NBD_REP_ERR(5)
#define NBD_REP_ERR_UNKNOWN         NBD_REP_ERR(6)
#define NBD_REP_ERR_SHUTDOWN        NBD_REP_ERR(7)
#define NBD_REP_ERR_BLOCK_SIZE_REQD NBD_REP_ERR(8)
#define NBD_REP_ERR_TOO_BIG         NBD_REP_ERR(9)
#define NBD_REP_ERR_EXT_HEADER_REQD NBD_REP_ERR(10)

/* What a reply of type NBD_REP_INFO is about. */
enum {
    NBD_INFO_EXPORT = 0,
    NBD_INFO_NAME = 1,
    NBD_INFO_DESCRIPTION = 2,
    NBD_INFO_BLOCK_SIZE = 3,
};

/* Of an export ("Transmission flags"). */
enum {
    NBD_FLAG_HAS_FLAGS = 1 << 0,
    NBD_FLAG_READ_ONLY = 1 << 1,
    NBD_FLAG_SEND_FLUSH = 1 << 2,
    NBD_FLAG_SEND_FUA = 1 << 3,
    NBD_FLAG_ROTATIONAL = 1 << 4,
    NBD_FLAG_SEND_TRIM = 1 << 5,
    NBD_FLAG_SEND_WRITE_ZEROES = 1 << 6,
    NBD_FLAG_SEND_DF = 1 << 7,
    NBD_FLAG_CAN_MULTI_CONN = 1 << 8,
    NBD_FLAG_SEND_RESIZE = 1 << 9,
    NBD_FLAG_SEND_CACHE = 1 << 10,
    NBD_FLAG_SEND_FAST_ZERO = 1 << 11,
    NBD_FLAG_BLOCK_STAT_PAYLOAD = 1 << 12,
};

/* --- transmission ("Transmission") --- */

#define NBD_REQUEST_MAGIC     0x25609513u
#define NBD_EXT_REQUEST_MAGIC 0x21e41c71u
#define NBD_SIMPLE_MAGIC      0x67446698u
#define NBD_STRUCTURED_MAGIC  0x668e33efu
#define NBD_EXT_REPLY_MAGIC   0x6e8a278cu

#define NBD_REQUEST_LEN     28
#define NBD_EXT_REQUEST_LEN 32
#define NBD_SIMPLE_LEN      16
#define NBD_STRUCTURED_LEN  20
#define NBD_EXT_REPLY_LEN   32

typedef enum NbdCmd {
    NBD_CMD_READ = 0,
    NBD_CMD_WRITE = 1,
    NBD_CMD_DISC = 2,
    NBD_CMD_FLUSH = 3,
    NBD_CMD_TRIM = 4,
    NBD_CMD_CACHE = 5,
    NBD_CMD_WRITE_ZEROES = 6,
    NBD_CMD_BLOCK_STATUS = 7,
} NbdCmd;

enum {
    NBD_CMD_FLAG_FUA = 1 << 0,
    NBD_CMD_FLAG_NO_HOLE = 1 << 1,
    NBD_CMD_FLAG_DF = 1 << 2,
    NBD_CMD_FLAG_REQ_ONE = 1 << 3,
    NBD_CMD_FLAG_FAST_ZERO = 1 << 4,
    NBD_CMD_FLAG_PAYLOAD_LEN = 1 << 5,
};

#define NBD_REPLY_FLAG_DONE (1 << 0)

/* Types of chunks ("Structured reply types"). */
enum {
    NBD_REPLY_NONE = 0,
    NBD_REPLY_OFFSET_DATA = 1,
    NBD_REPLY_OFFSET_HOLE = 2,
    NBD_REPLY_BLOCK_STATUS = 5,
    NBD_REPLY_BLOCK_STATUS_EXT = 6,
    NBD_REPLY_ERROR = (1 << 15) | 1,
    NBD_REPLY_ERROR_OFFSET = (1 << 15) | 2,
};

/* "Error values"; not those of the host. */
enum {
    NBD_SUCCESS = 0,
    NBD_EPERM = 1,
    NBD_EIO = 5,
    NBD_ENOMEM = 12,
    NBD_EINVAL = 22,
    NBD_ENOSPC = 28,
    NBD_EOVERFLOW = 75,
    NBD_ENOTSUP = 95,
    NBD_ESHUTDOWN = 108,
};

/* --- meta contexts ("Metadata querying") --- */

#define NBD_META_BASE_ALLOCATION  "base:allocation"
#define NBD_META_ALLOCATION_DEPTH "qemu:allocation-depth"
#define NBD_META_DIRTY_BITMAP     "qemu:dirty-bitmap:" /* and its name */

enum { /* base:allocation */
       NBD_STATE_HOLE = 1 << 0,
       NBD_STATE_ZERO = 1 << 1,
};

enum { /* qemu:dirty-bitmap:NAME */
       NBD_STATE_DIRTY = 1 << 0,
};

/* The host's errno for one of the wire's, and back. */
int nbd_errno_to_system(uint32_t error);
uint32_t nbd_errno_from_system(int error);

/* What messages call an option or command; "<unknown>". */
const char *nbd_opt_name(uint32_t opt);
const char *nbd_cmd_name(uint16_t cmd);

#endif
