/*
 * Line editing for the human monitor.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "monitor/readline.h"

#define CTRL(c) ((c)&0x1f)

Readline *readline_new(void (*print)(void *opaque, const char *str),
                       void (*done)(void *opaque, const char *line),
                       void *opaque, const char *prompt)
{
    Readline *rs = g_new0(Readline, 1);

    rs->print = print;
    rs->done = done;
    rs->opaque = opaque;
    rs->prompt = prompt;
    rs->line = g_string_new(NULL);
    rs->last = g_string_new(NULL);
    rs->history = g_ptr_array_new_with_free_func(g_free);
    return rs;
}

void readline_free(Readline *rs)
{
    g_string_free(rs->line, true);
    g_string_free(rs->last, true);
    g_ptr_array_free(rs->history, true);
    g_free(rs);
}

void readline_show_prompt(Readline *rs)
{
    rs->print(rs->opaque, rs->prompt);
    g_string_truncate(rs->last, 0);
    rs->last_index = 0;
}

void readline_restart(Readline *rs)
{
    g_string_truncate(rs->line, 0);
    rs->index = 0;
    rs->state = READLINE_NORM;
    rs->hist_entry = rs->history->len;
}

/* --- showing --- */

static void repeat(GString *out, const char *str, size_t n)
{
    while (n--) {
        g_string_append(out, str);
    }
}

/* Make the terminal show the line and the cursor as they are now. */
static void update(Readline *rs)
{
    g_autoptr(GString) out = g_string_new(NULL);
    size_t shown = rs->last_index;

    if (!g_string_equal(rs->line, rs->last)) {
        repeat(out, "\033[D", rs->last_index);
        g_string_append(out, rs->line->str);
        g_string_append(out, "\033[K");
        g_string_assign(rs->last, rs->line->str);
        shown = rs->line->len;
    }
    if (rs->index > shown) {
        repeat(out, "\033[C", rs->index - shown);
    } else {
        repeat(out, "\033[D", shown - rs->index);
    }
    rs->last_index = rs->index;
    rs->print(rs->opaque, out->str);
}

/* --- editing --- */

static void insert(Readline *rs, uint8_t ch)
{
    if (rs->line->len < READLINE_MAX_LINE) {
        g_string_insert_c(rs->line, rs->index, ch);
        rs->index++;
    }
}

static void backspace(Readline *rs)
{
    if (rs->index > 0) {
        g_string_erase(rs->line, --rs->index, 1);
    }
}

static void delete_char(Readline *rs)
{
    if (rs->index < rs->line->len) {
        g_string_erase(rs->line, rs->index, 1);
    }
}

static void backword(Readline *rs)
{
    size_t start = rs->index;

    while (start > 0 && rs->line->str[start - 1] == ' ') {
        start--;
    }
    while (start > 0 && rs->line->str[start - 1] != ' ') {
        start--;
    }
    g_string_erase(rs->line, start, rs->index - start);
    rs->index = start;
}

static void move(Readline *rs, int by)
{
    if (by < 0 ? rs->index > 0 : rs->index < rs->line->len) {
        rs->index += by;
    }
}

/* --- history --- */

static void show_history(Readline *rs, int by)
{
    int entry = rs->hist_entry + by;

    if (entry < 0 || entry > (int)rs->history->len) {
        return;
    }
    rs->hist_entry = entry;
    g_string_assign(rs->line, entry < (int)rs->history->len
                                  ? g_ptr_array_index(rs->history, entry)
                                  : "");
    rs->index = rs->line->len;
}

static void add_history(Readline *rs, const char *line)
{
    if (!line[0]) {
        return;
    }
    for (guint i = 0; i < rs->history->len; i++) {
        if (g_str_equal(g_ptr_array_index(rs->history, i), line)) {
            g_ptr_array_remove_index(rs->history, i);
            break;
        }
    }
    if (rs->history->len == READLINE_MAX_HISTORY) {
        g_ptr_array_remove_index(rs->history, 0);
    }
    g_ptr_array_add(rs->history, g_strdup(line));
}

/* --- bytes --- */

static void accept_line(Readline *rs)
{
    g_autofree char *line = g_strdup(rs->line->str);

    add_history(rs, line);
    rs->print(rs->opaque, "\n");
    readline_restart(rs);
    g_string_truncate(rs->last, 0);
    rs->last_index = 0;
    rs->done(rs->opaque, line);
}

static void handle_norm(Readline *rs, uint8_t ch)
{
    switch (ch) {
    case CTRL('a'):
        rs->index = 0;
        break;
    case CTRL('d'):
        delete_char(rs);
        break;
    case CTRL('e'):
        rs->index = rs->line->len;
        break;
    case CTRL('k'):
        g_string_truncate(rs->line, rs->index);
        break;
    case CTRL('n'):
        show_history(rs, 1);
        break;
    case CTRL('p'):
        show_history(rs, -1);
        break;
    case CTRL('u'):
        g_string_erase(rs->line, 0, rs->index);
        rs->index = 0;
        break;
    case CTRL('w'):
        backword(rs);
        break;
    case '\r':
    case '\n':
        accept_line(rs);
        return;
    case 27:
        rs->state = READLINE_ESC;
        break;
    case 8:
    case 127:
        backspace(rs);
        break;
    default:
        if (ch >= 32) {
            insert(rs, ch);
        }
        break;
    }
    update(rs);
}

static void handle_csi(Readline *rs, uint8_t ch)
{
    if (ch >= '0' && ch <= '9') {
        rs->esc_param = MIN(rs->esc_param * 10 + ch - '0', 1000);
        return;
    }
    rs->state = READLINE_NORM;
    switch (ch) {
    case 'A':
        show_history(rs, -1);
        break;
    case 'B':
        show_history(rs, 1);
        break;
    case 'C':
        move(rs, 1);
        break;
    case 'D':
        move(rs, -1);
        break;
    case 'H':
        rs->index = 0;
        break;
    case 'F':
        rs->index = rs->line->len;
        break;
    case '~':
        if (rs->esc_param == 1) {
            rs->index = 0;
        } else if (rs->esc_param == 3) {
            delete_char(rs);
        } else if (rs->esc_param == 4) {
            rs->index = rs->line->len;
        }
        break;
    default:
        break;
    }
    update(rs);
}

void readline_handle_byte(Readline *rs, uint8_t ch)
{
    switch (rs->state) {
    case READLINE_NORM:
        handle_norm(rs, ch);
        break;
    case READLINE_ESC:
        rs->esc_param = 0;
        rs->state = ch == '['   ? READLINE_CSI
                    : ch == 'O' ? READLINE_SS3
                                : READLINE_NORM;
        break;
    case READLINE_CSI:
        handle_csi(rs, ch);
        break;
    case READLINE_SS3:
        rs->state = READLINE_NORM;
        if (ch == 'F') {
            rs->index = rs->line->len;
        } else if (ch == 'H') {
            rs->index = 0;
        }
        update(rs);
        break;
    }
}
