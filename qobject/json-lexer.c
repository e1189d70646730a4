/*
 * The JSON lexer: a state machine that is fed single characters.
 *
 * After characters that begin no token it recovers at the next structural
 * character, or one that stands in no text (control characters, 0xfe, 0xff),
 * so that a stream can go on.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "qobject/json-internal.h"

typedef enum LexState {
    LEX_START = JSON_LEXER_START,
    LEX_RECOVERY,
    LEX_DQ_STRING,
    LEX_DQ_ESCAPE,
    LEX_SQ_STRING,
    LEX_SQ_ESCAPE,
    LEX_MINUS,
    LEX_ZERO,
    LEX_DIGITS,
    LEX_POINT,
    LEX_FRACTION,
    LEX_E,
    LEX_E_SIGN,
    LEX_EXPONENT,
    LEX_KEYWORD,
} LexState;

static bool is_structural(unsigned char ch)
{
    return ch && strchr("{}[],:", ch);
}

/* The state that @ch, the first character of a token, leads to. */
static int start_state(unsigned char ch)
{
    if (g_ascii_islower(ch)) {
        return LEX_KEYWORD;
    }
    switch (ch) {
    case '"':
        return LEX_DQ_STRING;
    case '\'':
        return LEX_SQ_STRING;
    case '-':
        return LEX_MINUS;
    case '0':
        return LEX_ZERO;
    case '1' ... '9':
        return LEX_DIGITS;
    default:
        return -1;
    }
}

/* The state after @ch within a string; -1 when it may not stand there. */
static int string_state(LexState state, unsigned char ch)
{
    bool dq = state == LEX_DQ_STRING || state == LEX_DQ_ESCAPE;
    bool escape = state == LEX_DQ_ESCAPE || state == LEX_SQ_ESCAPE;

    if (ch < 0x20 || ch > 0xfd) {
        return -1;
    }
    if (escape) {
        return dq ? LEX_DQ_STRING : LEX_SQ_STRING;
    }
    if (ch == '\\') {
        return dq ? LEX_DQ_ESCAPE : LEX_SQ_ESCAPE;
    }
    return state;
}

/*
 * The state after @ch within a number or keyword; -1 when @ch does not
 * continue it.
 */
static int word_state(LexState state, unsigned char ch)
{
    bool digit = g_ascii_isdigit(ch);
    bool e = ch == 'e' || ch == 'E';

    switch (state) {
    case LEX_MINUS:
        return ch == '0' ? LEX_ZERO : digit ? LEX_DIGITS : -1;
    case LEX_ZERO:
        return ch == '.' ? LEX_POINT : e ? LEX_E : -1;
    case LEX_DIGITS:
        return digit ? LEX_DIGITS : ch == '.' ? LEX_POINT : e ? LEX_E : -1;
    case LEX_POINT:
        return digit ? LEX_FRACTION : -1;
    case LEX_FRACTION:
        return digit ? LEX_FRACTION : e ? LEX_E : -1;
    case LEX_E:
        return ch == '+' || ch == '-' ? LEX_E_SIGN : digit ? LEX_EXPONENT : -1;
    case LEX_E_SIGN:
    case LEX_EXPONENT:
        return digit ? LEX_EXPONENT : -1;
    case LEX_KEYWORD:
        return g_ascii_islower(ch) ? LEX_KEYWORD : -1;
    default:
        g_assert_not_reached();
    }
}

/* The token that may end in @state, or JSON_ERROR. */
static JSONTokenType token_of_state(LexState state)
{
    switch (state) {
    case LEX_ZERO:
    case LEX_DIGITS:
        return JSON_INTEGER;
    case LEX_FRACTION:
    case LEX_EXPONENT:
        return JSON_FLOAT;
    case LEX_KEYWORD:
        return JSON_KEYWORD;
    default:
        return JSON_ERROR;
    }
}

static void finish(JSONMessageParser *parser, JSONTokenType type)
{
    parser->state = type == JSON_ERROR ? LEX_RECOVERY : LEX_START;
    json_stream_token(parser, type);
    g_string_truncate(parser->token, 0);
}

/* @ch begins something new. */
static void feed_start(JSONMessageParser *parser, unsigned char ch)
{
    int state = start_state(ch);

    if (ch && strchr(" \t\r\n", ch)) {
        return;
    }
    g_string_append_c(parser->token, ch);
    if (state >= 0) {
        parser->state = state;
    } else {
        finish(parser, is_structural(ch) ? (JSONTokenType)ch : JSON_ERROR);
    }
}

static void feed_string(JSONMessageParser *parser, unsigned char ch)
{
    int next = string_state(parser->state, ch);

    g_string_append_c(parser->token, ch);
    if (next < 0) {
        finish(parser, JSON_ERROR);
    } else if ((parser->state == LEX_DQ_STRING && ch == '"') ||
               (parser->state == LEX_SQ_STRING && ch == '\'')) {
        finish(parser, JSON_STRING);
    } else {
        parser->state = next;
    }
}

static void feed_word(JSONMessageParser *parser, unsigned char ch)
{
    int next = word_state(parser->state, ch);
    JSONTokenType type = token_of_state(parser->state);

    if (next >= 0) {
        g_string_append_c(parser->token, ch);
        parser->state = next;
    } else if (type == JSON_ERROR ||
               (parser->state == LEX_ZERO && g_ascii_isdigit(ch))) {
        g_string_append_c(parser->token, ch);
        finish(parser, JSON_ERROR);
    } else {
        finish(parser, type);
        feed_start(parser, ch);
    }
}

void json_lexer_feed_char(JSONMessageParser *parser, unsigned char ch)
{
    switch ((LexState)parser->state) {
    case LEX_RECOVERY:
        if (!is_structural(ch) && ch >= 0x20 && ch < 0xfe) {
            break;
        }
        parser->state = LEX_START;
        feed_start(parser, ch);
        break;
    case LEX_START:
        feed_start(parser, ch);
        break;
    case LEX_DQ_STRING:
    case LEX_DQ_ESCAPE:
    case LEX_SQ_STRING:
    case LEX_SQ_ESCAPE:
        feed_string(parser, ch);
        break;
    default:
        feed_word(parser, ch);
    }
}

void json_lexer_flush(JSONMessageParser *parser)
{
    if (parser->state != LEX_START && parser->state != LEX_RECOVERY) {
        finish(parser, token_of_state(parser->state));
    }
    parser->state = LEX_START;
}
