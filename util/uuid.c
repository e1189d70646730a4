/*
 * UUIDs.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "util/uuid.h"

#include <sys/random.h>

static bool dash_before(int byte)
{
    return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

int qemu_uuid_parse(const char *str, QemuUUID *uuid)
{
    QemuUUID result;

    for (int i = 0; i < 16; i++) {
        if (dash_before(i) && *str++ != '-') {
            return -1;
        }
        if (!g_ascii_isxdigit(str[0]) || !g_ascii_isxdigit(str[1])) {
            return -1;
        }
        result.data[i] = g_ascii_xdigit_value(str[0]) << 4 |
                         g_ascii_xdigit_value(str[1]);
        str += 2;
    }
    if (*str) {
        return -1;
    }
    *uuid = result;
    return 0;
}

void qemu_uuid_unparse(const QemuUUID *uuid, char out[UUID_STR_LEN])
{
    static const char hex[] = "0123456789abcdef";

    for (int i = 0; i < 16; i++) {
        if (dash_before(i)) {
            *out++ = '-';
        }
        *out++ = hex[uuid->data[i] >> 4];
        *out++ = hex[uuid->data[i] & 15];
    }
    *out = 0;
}

char *qemu_uuid_unparse_strdup(const QemuUUID *uuid)
{
    char text[UUID_STR_LEN];

    qemu_uuid_unparse(uuid, text);
    return g_strdup(text);
}

void qemu_uuid_generate(QemuUUID *uuid)
{
    if (getrandom(uuid->data, 16, 0) != 16) {
        for (int i = 0; i < 16; i++) {
            uuid->data[i] = g_random_int();
        }
    }
    /* RFC 4122, 4.4: version 4, variant 10 */
    uuid->data[6] = (uuid->data[6] & 0x0f) | 0x40;
    uuid->data[8] = (uuid->data[8] & 0x3f) | 0x80;
}

bool qemu_uuid_is_null(const QemuUUID *uuid)
{
    static const QemuUUID null;

    return qemu_uuid_is_equal(uuid, &null);
}

bool qemu_uuid_is_equal(const QemuUUID *a, const QemuUUID *b)
{
    return memcmp(a->data, b->data, 16) == 0;
}

QemuUUID qemu_uuid_bswap(QemuUUID uuid)
{
    static const uint8_t from[16] = { 3, 2, 1,  0,  5,  4,  7,  6,
                                      8, 9, 10, 11, 12, 13, 14, 15 };
    QemuUUID result;

    for (int i = 0; i < 16; i++) {
        result.data[i] = uuid.data[from[i]];
    }
    return result;
}
