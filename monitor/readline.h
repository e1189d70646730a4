/*
 * Line editing for the human monitor: a terminal that understands ANSI
 * escapes is on the other side.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MONITOR_READLINE_H
#define MONITOR_READLINE_H

#define READLINE_MAX_LINE    4095
#define READLINE_MAX_HISTORY 64

typedef struct Readline {
    void (*print)(void *opaque, const char *str); /* fixed */
    void (*done)(void *opaque, const char *line); /* fixed */
    void *opaque;                                 /* fixed */
    const char *prompt;                           /* fixed */
    GString *line;
    size_t index;      /* of the cursor in line */
    GString *last;     /* the line as shown */
    size_t last_index; /* the cursor as shown */
    enum { READLINE_NORM, READLINE_ESC, READLINE_CSI, READLINE_SS3 } state;
    int esc_param;
    GPtrArray *history; /* of char *, oldest first */
    int hist_entry;     /* shown; history->len: none */
} Readline;

Readline *readline_new(void (*print)(void *opaque, const char *str),
                       void (*done)(void *opaque, const char *line),
                       void *opaque, const char *prompt);
void readline_free(Readline *rs);

void readline_handle_byte(Readline *rs, uint8_t ch);
void readline_show_prompt(Readline *rs);
/* Forget the line that is being typed. */
void readline_restart(Readline *rs);

#endif
