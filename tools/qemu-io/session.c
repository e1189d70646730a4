/*
 * A session: prompt, command, prompt. Requests that were started without
 * waiting for them end while the prompt waits.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "tools/qemu-io/tool.h"

#include "util/main-loop.h"

#include <poll.h>

static void stdin_ready(void *opaque)
{
    *(bool *)opaque = true;
}

/* Turn the main loop until there is something to read (or the end). */
static void wait_for_stdin(void)
{
    struct pollfd pfd = { .fd = STDIN_FILENO, .events = POLLIN };
    bool ready = false;

    main_loop_wait(true);
    if (poll(&pfd, 1, 0) != 0) {
        return;
    }
    qemu_set_fd_handler(STDIN_FILENO, stdin_ready, NULL, &ready);
    while (!ready) {
        main_loop_wait(false);
    }
    qemu_set_fd_handler(STDIN_FILENO, NULL, NULL, NULL);
}

/* A line without its end; NULL at the end of input. @pending has what was
 * read behind it. */
static char *read_line(GString *pending)
{
    for (;;) {
        char *end = memchr(pending->str, '\n', pending->len);
        char buf[4096];
        ssize_t n;

        if (end) {
            char *line = g_strndup(pending->str, end - pending->str);

            g_string_erase(pending, 0, end - pending->str + 1);
            return line;
        }
        wait_for_stdin();
        n = TEMP_FAILURE_RETRY(read(STDIN_FILENO, buf, sizeof(buf)));
        if (n <= 0) {
            char *rest = pending->len ? g_strdup(pending->str) : NULL;

            g_string_truncate(pending, 0);
            return rest;
        }
        g_string_append_len(pending, buf, n);
    }
}

bool qemu_io_session(void)
{
    g_autoptr(GString) pending = g_string_new(NULL);
    bool ok = true;

    while (!qemu_io_quitting) {
        g_autofree char *line = NULL;

        printf("qemu-io> ");
        fflush(stdout);
        line = read_line(pending);
        if (!line) {
            break;
        }
        if (qemu_io_command(qemu_io_image, line) < 0) {
            ok = false;
        }
    }
    return ok;
}
