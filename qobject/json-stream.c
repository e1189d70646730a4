/*
 * A stream of JSON values: collects the tokens of one value until its brackets
 * balance, within the limits, and has them parsed.
 *
 * The tokens are kept in one string, each as a type byte, its text and a NUL
 * (no token that gets that far contains one).
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "qobject/json-internal.h"

static void forget_tokens(JSONMessageParser *parser)
{
    parser->brace_count = 0;
    parser->bracket_count = 0;
    parser->token_count = 0;
    parser->byte_count = 0;
    g_string_truncate(parser->text, 0);
}

static void emit_error(JSONMessageParser *parser, Error *err)
{
    forget_tokens(parser);
    parser->emit(parser->opaque, NULL, err);
}

static void emit_value(JSONMessageParser *parser)
{
    g_autoptr(GString) text = parser->text;
    Error *err = NULL;
    QObject *obj;

    /* The callback may feed us again */
    parser->text = g_string_new(NULL);
    forget_tokens(parser);
    obj = json_parse_tokens(text->str, text->str + text->len, &err);
    parser->emit(parser->opaque, obj, err);
}

static const char *exceeded_limit(const JSONMessageParser *parser)
{
    if (parser->byte_count + parser->token->len > JSON_MAX_TOKEN_SIZE) {
        return "JSON token size limit exceeded";
    }
    if (parser->token_count + 1 > JSON_MAX_TOKEN_COUNT) {
        return "JSON token count limit exceeded";
    }
    if (parser->brace_count + parser->bracket_count > JSON_MAX_NESTING) {
        return "JSON nesting depth limit exceeded";
    }
    return NULL;
}

void json_stream_token(JSONMessageParser *parser, JSONTokenType type)
{
    const char *limit;
    Error *err = NULL;

    switch ((int)type) {
    case '{':
        parser->brace_count++;
        break;
    case '}':
        parser->brace_count--;
        break;
    case '[':
        parser->bracket_count++;
        break;
    case ']':
        parser->bracket_count--;
        break;
    case JSON_ERROR:
        error_setg(&err, "JSON parse error, stray '%s'", parser->token->str);
        emit_error(parser, err);
        return;
    }

    limit = exceeded_limit(parser);
    if (limit) {
        error_setg(&err, "%s", limit);
        emit_error(parser, err);
        return;
    }

    g_string_append_c(parser->text, type);
    g_string_append_len(parser->text, parser->token->str,
                        parser->token->len + 1);
    parser->token_count++;
    parser->byte_count += parser->token->len;

    /* Balanced, or beyond repair: either way the value ends here */
    if (parser->brace_count < 0 || parser->bracket_count < 0 ||
        (parser->brace_count == 0 && parser->bracket_count == 0)) {
        emit_value(parser);
    }
}

void json_message_parser_init(JSONMessageParser *parser, JSONMessageEmit *emit,
                              void *opaque)
{
    *parser = (JSONMessageParser){
        .emit = emit,
        .opaque = opaque,
        .state = JSON_LEXER_START,
        .token = g_string_new(NULL),
        .text = g_string_new(NULL),
    };
}

void json_message_parser_feed(JSONMessageParser *parser, const char *buf,
                              size_t size)
{
    for (size_t i = 0; i < size; i++) {
        json_lexer_feed_char(parser, buf[i]);
        if (parser->token->len > JSON_MAX_TOKEN_SIZE) {
            Error *err = NULL;

            /* Without end: give it up before it is all in memory */
            error_setg(&err, "JSON token size limit exceeded");
            g_string_truncate(parser->token, 0);
            parser->state = JSON_LEXER_START;
            emit_error(parser, err);
        }
    }
}

void json_message_parser_flush(JSONMessageParser *parser)
{
    json_lexer_flush(parser);
    if (parser->text->len) {
        emit_value(parser);
    }
}

void json_message_parser_destroy(JSONMessageParser *parser)
{
    g_string_free(parser->token, true);
    g_string_free(parser->text, true);
}

typedef struct OneValue {
    QObject *result;
    Error *err;
} OneValue;

static void take_one_value(void *opaque, QObject *json, Error *err)
{
    OneValue *one = opaque;

    if (!one->err && !one->result) {
        one->result = json;
        one->err = err;
        return;
    }
    if (!one->err) {
        error_setg(&one->err, "Expecting at most one JSON value");
    }
    qobject_unref(one->result);
    one->result = NULL;
    qobject_unref(json);
    error_free(err);
}

QObject *qobject_from_json(const char *string, Error **errp)
{
    JSONMessageParser parser;
    OneValue one = { 0 };

    json_message_parser_init(&parser, take_one_value, &one);
    json_message_parser_feed(&parser, string, strlen(string));
    json_message_parser_flush(&parser);
    json_message_parser_destroy(&parser);

    if (!one.err && !one.result) {
        error_setg(&one.err, "Expecting a JSON value");
    }
    error_propagate(errp, one.err);
    return one.result;
}
