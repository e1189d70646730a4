/*
 * UUIDs in RFC 4122 text form and byte order.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef UTIL_UUID_H
#define UTIL_UUID_H

typedef struct QemuUUID {
    uint8_t data[16]; /* big-endian fields, as in the text */
} QemuUUID;

#define UUID_STR_LEN 37 /* with the final NUL */

/* 0, or -1 where @str is not exactly 8-4-4-4-12 hex digits. */
int qemu_uuid_parse(const char *str, QemuUUID *uuid);
void qemu_uuid_unparse(const QemuUUID *uuid, char out[UUID_STR_LEN]);
char *qemu_uuid_unparse_strdup(const QemuUUID *uuid);
void qemu_uuid_generate(QemuUUID *uuid); /* version 4, random */
bool qemu_uuid_is_null(const QemuUUID *uuid);
bool qemu_uuid_is_equal(const QemuUUID *a, const QemuUUID *b);
/* Between RFC 4122 order and the little-endian first three fields of
 * SMBIOS and Microsoft formats (its own inverse). */
QemuUUID qemu_uuid_bswap(QemuUUID uuid);

#endif
