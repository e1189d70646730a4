/*
 * Finding and running a command; numbers.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "tools/qemu-io/qemu-io.h"

#include "util/cutils.h"
#include "util/error-report.h"

#include <getopt.h>

const QemuIoCmd *qemu_io_tool_cmds;

static const QemuIoCmd *find_in(const QemuIoCmd *table, const char *name)
{
    for (; table && table->name; table++) {
        if (!strcmp(table->name, name) ||
            (table->altname && !strcmp(table->altname, name))) {
            return table;
        }
    }
    return NULL;
}

const QemuIoCmd *qemu_io_find(const char *name)
{
    const QemuIoCmd *cmd = find_in(qemu_io_rw_cmds, name);

    cmd = cmd ? cmd : find_in(qemu_io_image_cmds, name);
    return cmd ? cmd : find_in(qemu_io_tool_cmds, name);
}

void qemu_io_usage(const QemuIoCmd *cmd)
{
    printf("%s %s -- %s\n", cmd->name, cmd->args ? cmd->args : "",
           cmd->oneline);
}

static int check_count(const QemuIoCmd *cmd, int count)
{
    if (count >= cmd->argmin && (cmd->argmax == -1 || count <= cmd->argmax)) {
        return 0;
    }
    if (cmd->argmax == -1) {
        fprintf(stderr,
                "bad argument count %d to %s, expected at least %d "
                "arguments\n",
                count, cmd->name, cmd->argmin);
    } else if (cmd->argmin == cmd->argmax) {
        fprintf(stderr, "bad argument count %d to %s, expected %d arguments\n",
                count, cmd->name, cmd->argmin);
    } else {
        fprintf(stderr,
                "bad argument count %d to %s, expected between %d and %d "
                "arguments\n",
                count, cmd->name, cmd->argmin, cmd->argmax);
    }
    return -EINVAL;
}

int qemu_io_command(BlockBackend *blk, const char *line)
{
    g_autofree char *copy = g_strdup(line);
    g_autofree char **argv = g_new0(char *, strlen(line) + 2);
    const QemuIoCmd *cmd;
    char *save = NULL;
    char *word = strtok_r(copy, " ", &save);
    int argc = 0;

    for (; word; word = strtok_r(NULL, " ", &save)) {
        argv[argc++] = word;
    }
    if (!argc) {
        return 0;
    }
    cmd = qemu_io_find(argv[0]);
    if (!cmd) {
        fprintf(stderr, "command \"%s\" not found\n", argv[0]);
        return -EINVAL;
    }
    if (!cmd->nofile_ok && !(blk && blk_is_available(blk))) {
        fprintf(stderr, "no file open, try 'help open'\n");
        return -EINVAL;
    }
    if (check_count(cmd, argc - 1) < 0) {
        return -EINVAL;
    }
    if (cmd->writes && !blk_supports_write_perm(blk)) {
        error_report("Block node is read-only");
        return -EPERM;
    }
    optind = 0;
    return cmd->fn(blk, argc, argv);
}

int64_t qemu_io_number(const char *s)
{
    uint64_t value;
    int ret = qemu_strtosz(s, NULL, &value);

    if (ret < 0) {
        return ret;
    }
    return value > INT64_MAX ? -ERANGE : (int64_t)value;
}

void qemu_io_number_error(int64_t rc, const char *arg)
{
    if (rc == -ERANGE) {
        printf("Parsing error: argument too large -- %s\n", arg);
    } else {
        printf("Parsing error: non-numeric argument, or "
               "extraneous/unrecognized suffix -- %s\n",
               arg);
    }
}

char *qemu_io_size(double value)
{
    static const char *const units[] = { " EiB", " PiB", " TiB",
                                         " GiB", " MiB", " KiB" };
    double unit = 1152921504606846976.0; /* 1 EiB */
    const char *suffix = " bytes";
    char *text;
    char *dot;

    for (int i = 0; i < G_N_ELEMENTS(units); i++, unit /= 1024) {
        if (value >= unit) {
            value /= unit;
            suffix = units[i];
            break;
        }
    }
    text = g_strdup_printf(suffix[1] == 'b' ? "%f" : "%.3f", value);
    dot = strchr(text, '.');
    if (dot && strspn(dot + 1, "0") == strlen(dot + 1)) {
        *dot = '\0';
    }
    dot = g_strconcat(text, suffix, NULL);
    g_free(text);
    return dot;
}
