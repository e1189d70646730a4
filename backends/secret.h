/*
 * -object secret: passwords and keys, referred to by id.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef BACKENDS_SECRET_H
#define BACKENDS_SECRET_H

#include "qom/object.h"

#define TYPE_SECRET        "secret"
#define TYPE_SECRET_COMMON "secret_common"

/*
 * A copy of what the secret @id holds, with a NUL behind it that does not
 * count. Main thread; free with qcrypto_secret_free().
 */
bool qcrypto_secret_lookup(const char *id, uint8_t **data, size_t *len,
                           Error **errp);
/* The same as a string; it must be UTF-8 without NUL. NULL and @errp. */
char *qcrypto_secret_lookup_as_utf8(const char *id, Error **errp);
/* Wipe and free what the two above returned. */
void qcrypto_secret_free(void *data, size_t len);
void qcrypto_secret_free_str(char *text); /* NULL is fine */

extern const TypeInfo qcrypto_secret_common_type;
extern const TypeInfo qcrypto_secret_type;

#endif
