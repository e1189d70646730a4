/*
 * Taking options out of a flat QDict: the values are strings (from a command
 * line) or typed (from JSON).
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef BLOCK_OPTS_H
#define BLOCK_OPTS_H

#include "qobject/qdict.h"
#include "util/error.h"

/*
 * Remove @key from @options. When it is absent *@value stays as it is. False
 * and @errp when the value is none of its type.
 */
bool bdrv_take_bool(QDict *options, const char *key, bool *value, Error **errp);
bool bdrv_take_number(QDict *options, const char *key, uint64_t *value,
                      Error **errp);
/* Bytes, with a suffix. */
bool bdrv_take_size(QDict *options, const char *key, uint64_t *value,
                    Error **errp);
/* NULL when absent; the caller frees it. */
char *bdrv_take_str(QDict *options, const char *key);
/* An index into @names (ended by NULL), -1 when absent or (with @errp) not
 * one of them. */
int bdrv_take_enum(QDict *options, const char *key, const char *const *names,
                   Error **errp);

/* The same value, be it typed or written as on a command line? NULL: none. */
bool bdrv_option_is_equal(QObject *a, QObject *b);

/* Set @key unless it is there. */
void bdrv_default_bool(QDict *options, const char *key, bool value);
/* Copy @key from @src to @dst if it is only there. */
void bdrv_copy_default(QDict *dst, const QDict *src, const char *key);

#endif
