/*
 * Between the JSON lexer, the stream and the parser.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef QOBJECT_JSON_INTERNAL_H
#define QOBJECT_JSON_INTERNAL_H

#include "qobject/json.h"

/* A structural token is its own character. */
typedef enum JSONTokenType {
    JSON_END = 0, /* no more tokens */
    JSON_STRING = 's',
    JSON_INTEGER = 'i',
    JSON_FLOAT = 'f',
    JSON_KEYWORD = 'k',
    JSON_ERROR = 'e', /* characters that begin no token */
} JSONTokenType;

/* The lexer's rest state; JSONMessageParser.state begins with it. */
enum { JSON_LEXER_START = 0 };

/*
 * Take one character. Calls json_stream_token() for each token that it ends.
 * json_lexer_flush() ends a token for want of more characters.
 */
void json_lexer_feed_char(JSONMessageParser *parser, unsigned char ch);
void json_lexer_flush(JSONMessageParser *parser);

/* The token in parser->token is complete. */
void json_stream_token(JSONMessageParser *parser, JSONTokenType type);

/*
 * The value made of @tokens: for each its type in one byte, its text, and a
 * NUL; @end is behind the last. NULL and @errp on error.
 */
QObject *json_parse_tokens(const char *tokens, const char *end, Error **errp);

/*
 * Decode the character at *@str (< @end) and step over it. Returns -1 for a
 * sequence that is not UTF-8 or no character; U+0000 comes as C0 80.
 */
int json_utf8_next(const char **str, const char *end);

/* Whether @cp may stand in text: no surrogate, no noncharacter. */
bool json_codepoint_valid(int cp);

#endif
