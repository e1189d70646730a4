/*
 * JSON text to values and back.
 *
 * The dialect: RFC 8259, and strings in single quotes too. Output is pure
 * ASCII. Input is hostile: nesting, text size and number of tokens are limited.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef QOBJECT_JSON_H
#define QOBJECT_JSON_H

#include "qobject/qobject.h"
#include "util/error.h"

#define JSON_MAX_NESTING     1024
#define JSON_MAX_TOKEN_SIZE  (64 * MiB)
#define JSON_MAX_TOKEN_COUNT (2 * 1024 * 1024)

/* The one value in @string; NULL and @errp for anything else. */
QObject *qobject_from_json(const char *string, Error **errp);

/* On one line, ", " and ": " as separators; @pretty: 4 spaces a level. */
GString *qobject_to_json(const QObject *obj);
GString *qobject_to_json_pretty(const QObject *obj, bool pretty);

/*
 * A stream of values, cut anywhere. @emit gets each value (with a reference)
 * or an Error, which it owns too; exactly one of them is set. After an error
 * the parser goes on with the next line.
 */
typedef void JSONMessageEmit(void *opaque, QObject *json, Error *err);

typedef struct JSONMessageParser {
    JSONMessageEmit *emit;
    void *opaque;
    int state;          /* of the lexer */
    GString *token;     /* the token being read */
    GString *text;      /* tokens of the current value, see json-stream.c */
    size_t token_count; /* in @text */
    size_t byte_count;  /* sum of their lengths */
    int brace_count;
    int bracket_count;
} JSONMessageParser;

void json_message_parser_init(JSONMessageParser *parser, JSONMessageEmit *emit,
                              void *opaque);
void json_message_parser_feed(JSONMessageParser *parser, const char *buf,
                              size_t size);
/* The input has ended: emits what is there, an incomplete value as an error. */
void json_message_parser_flush(JSONMessageParser *parser);
void json_message_parser_destroy(JSONMessageParser *parser);

#endif
