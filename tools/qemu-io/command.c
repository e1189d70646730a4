/*
 * Finding and running a command; help; numbers.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "tools/qemu-io/qemu-io.h"

#include "util/cutils.h"
#include "util/error-report.h"

#include <getopt.h>

const QemuIoCmd *qemu_io_tool_cmds;

static int help_f(BlockBackend *blk, int argc, char **argv);

static const QemuIoCmd help_cmds[] = {
    { "help", "?", help_f, 0, 1, true, "[command]",
      "help for one or all commands" },
    { 0 },
};

/* The tables, ended by NULL. */
static const QemuIoCmd *const *all_tables(void)
{
    static const QemuIoCmd *tables[9];

    tables[0] = qemu_io_rw_cmds;
    tables[1] = qemu_io_vector_cmds;
    tables[2] = qemu_io_aio_cmds;
    tables[3] = qemu_io_image_cmds;
    tables[4] = qemu_io_debug_cmds;
    tables[5] = qemu_io_reopen_cmds;
    tables[6] = help_cmds;
    tables[7] = qemu_io_tool_cmds;
    return tables;
}

static const QemuIoCmd *find_command(const char *name)
{
    for (const QemuIoCmd *const *t = all_tables(); *t; t++) {
        for (const QemuIoCmd *cmd = *t; cmd->name; cmd++) {
            if (!strcmp(cmd->name, name) ||
                (cmd->altname && !strcmp(cmd->altname, name))) {
                return cmd;
            }
        }
    }
    return NULL;
}

/* @name: as the user knows it, which may be the short one. */
static void print_oneline(const QemuIoCmd *cmd, const char *name)
{
    printf("%s ", name);
    if (cmd->args) {
        printf("%s ", cmd->args);
    }
    printf("-- %s\n", cmd->oneline);
}

int qemu_io_usage(const char *name)
{
    const QemuIoCmd *cmd = find_command(name);

    print_oneline(cmd, cmd->name);
    return -EINVAL;
}

static int by_name(const void *a, const void *b)
{
    const QemuIoCmd *const *x = a, *const *y = b;

    return strcmp((*x)->name, (*y)->name);
}

static void help_all(void)
{
    g_autoptr(GPtrArray) cmds = g_ptr_array_new();

    for (const QemuIoCmd *const *t = all_tables(); *t; t++) {
        for (const QemuIoCmd *cmd = *t; cmd->name; cmd++) {
            g_ptr_array_add(cmds, (gpointer)cmd);
        }
    }
    g_ptr_array_sort(cmds, by_name);
    for (guint i = 0; i < cmds->len; i++) {
        const QemuIoCmd *cmd = cmds->pdata[i];

        print_oneline(cmd, cmd->name);
    }
    printf("\nUse 'help commandname' for extended help.\n");
}

static int help_f(BlockBackend *blk, int argc, char **argv)
{
    const QemuIoCmd *cmd;

    if (argc < 2) {
        help_all();
        return 0;
    }
    cmd = find_command(argv[1]);
    if (!cmd) {
        printf("command %s not found\n", argv[1]);
        return -EINVAL;
    }
    print_oneline(cmd, argv[1]);
    if (cmd->help) {
        printf("%s", cmd->help);
    }
    return 0;
}

static int check_count(const QemuIoCmd *cmd, const char *name, int count)
{
    if (count >= cmd->argmin && (cmd->argmax == -1 || count <= cmd->argmax)) {
        return 0;
    }
    if (cmd->argmax == -1) {
        fprintf(stderr,
                "bad argument count %d to %s, expected at least %d "
                "arguments\n",
                count, name, cmd->argmin);
    } else if (cmd->argmin == cmd->argmax) {
        fprintf(stderr, "bad argument count %d to %s, expected %d arguments\n",
                count, name, cmd->argmin);
    } else {
        fprintf(stderr,
                "bad argument count %d to %s, expected between %d and %d "
                "arguments\n",
                count, name, cmd->argmin, cmd->argmax);
    }
    return -EINVAL;
}

/* A command may want more than the image was opened with, or than a reopen
 * left of it. */
static int take_permissions(BlockBackend *blk, uint64_t wanted)
{
    uint64_t perm, shared;
    Error *err = NULL;
    int ret;

    if ((wanted & BLK_PERM_WRITE) && !blk_supports_write_perm(blk)) {
        error_report("Block node is read-only");
        return -EPERM;
    }
    blk_get_perm(blk, &perm, &shared);
    if ((perm & wanted) == wanted) {
        return 0;
    }
    ret = blk_set_perm(blk, perm | wanted, shared, &err);
    if (ret < 0) {
        error_report_err(err);
    }
    return ret;
}

static int run(BlockBackend *blk, int argc, char **argv)
{
    const QemuIoCmd *cmd = find_command(argv[0]);
    int ret;

    if (!cmd) {
        fprintf(stderr, "command \"%s\" not found\n", argv[0]);
        return -EINVAL;
    }
    if (!cmd->nofile_ok && !(blk && blk_is_available(blk))) {
        fprintf(stderr, "no file open, try 'help open'\n");
        return -EINVAL;
    }
    ret = check_count(cmd, argv[0], argc - 1);
    if (ret == 0 && cmd->perm) {
        ret = take_permissions(blk, cmd->perm);
    }
    if (ret < 0) {
        return ret;
    }
    optind = 0;
    return cmd->fn(blk, argc, argv);
}

int qemu_io_command(BlockBackend *blk, const char *line)
{
    g_autofree char *copy = g_strdup(line);
    g_autofree char **argv = g_new0(char *, strlen(line) + 2);
    char *save = NULL;
    char *word = strtok_r(copy, " ", &save);
    int argc = 0;

    for (; word; word = strtok_r(NULL, " ", &save)) {
        argv[argc++] = word;
    }
    return argc ? run(blk, argc, argv) : 0;
}

int64_t qemu_io_number(const char *s)
{
    uint64_t value;
    int ret = qemu_strtosz(s, NULL, &value);

    if (ret == 0 && value > INT64_MAX) {
        ret = -ERANGE;
    }
    if (ret == -ERANGE) {
        printf("Parsing error: argument too large -- %s\n", s);
    } else if (ret < 0) {
        printf("Parsing error: non-numeric argument, or "
               "extraneous/unrecognized suffix -- %s\n",
               s);
    }
    return ret < 0 ? ret : (int64_t)value;
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
