/*
 * The texts of -help, -version, -machine help and their like.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "system/help.h"
#include "system/machine.h"
#include "accel/kvm/cpu-model.h"
#include "qapi/cli-options.h"
#include "util/error-report.h"

#include <stdio.h>

void cli_print_version(void)
{
    printf("QEMU emulator version %s%s\n"
           "Copyright (c) 2003-2025 Fabrice Bellard and "
           "the QEMU Project developers\n",
           QEMU_VERSION, QEMU_PKGVERSION[0] ? " (" QEMU_PKGVERSION ")" : "");
}

void cli_print_help(void)
{
    cli_print_version();
    printf("usage: %s [options] [disk_image]\n\n"
           "'disk_image' is a raw hard disk image for IDE hard disk 0\n\n",
           error_get_progname());
    fputs(cli_help_text, stdout);
    printf("\nDuring emulation, the following keys are useful with "
           "-nographic:\n"
           "ctrl-a h        this help\n"
           "ctrl-a x        exit\n"
           "ctrl-a b        send break (magic sysrq in Linux)\n"
           "ctrl-a c        switch between monitor and console\n"
           "ctrl-a ctrl-a   send ctrl-a\n");
}

static void print_machine(const MachineClass *mc)
{
    if (mc->alias) {
        printf("%-20s %s (alias of %s)\n", mc->alias, mc->desc, mc->name);
    }
    printf("%-20s %s%s\n", mc->name, mc->desc,
           mc->is_default ? " (default)" : "");
}

void cli_print_machine_help(const char *type)
{
    if (type && !g_str_equal(type, "help")) {
        const MachineClass *mc = machine_find(type);

        if (mc) {
            machine_print_options(mc);
            return;
        }
    }
    printf("Supported machines are:\n");
    for (const MachineClass *const *mc = machine_classes; *mc; mc++) {
        print_machine(*mc);
    }
}

/* As QEMU's list, which does not name the one for tests. */
void cli_print_accel_help(void)
{
    printf("Accelerators supported in QEMU binary:\n");
    for (const AccelOps *const *a = accel_table; *a; a++) {
        if (!(*a)->no_guest_code) {
            printf("%s\n", (*a)->name);
        }
    }
}

void cli_print_smp_help(void)
{
    static const char *const keys[] = { "books",   "clusters", "cores",
                                        "cpus",    "dies",     "drawers",
                                        "maxcpus", "modules",  "sockets",
                                        "threads" };

    printf("smp-opts options:\n");
    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
        printf("  %s=<num>\n", keys[i]);
    }
}

/* The words of @words (sorted), in lines of at most 77 columns. */
static void print_wrapped(GPtrArray *words)
{
    int column = 0;

    for (guint i = 0; i < words->len; i++) {
        const char *word = words->pdata[i];
        int len = strlen(word);

        if (i > 0 && g_str_equal(word, words->pdata[i - 1])) {
            continue; /* two bits may have one name */
        }
        if (!column) {
            column = printf("  %s", word);
        } else if (column + 1 + len > 76) {
            column = printf("\n  %s", word) - 1;
        } else {
            column += printf(" %s", word);
        }
    }
    printf("\n");
}

static gint compare_strings(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void cli_print_cpu_help(void)
{
    g_autoptr(GPtrArray) flags = g_ptr_array_new();

    printf("Available CPUs:\n");
    for (const CpuModelDef *def = cpu_model_defs; def->name; def++) {
        printf("  %-20s  %s\n", def->name, def->desc ? def->desc : "");
    }
    for (int w = 0; w < FEATURE_WORDS; w++) {
        for (int bit = 0; bit < 32; bit++) {
            if (feature_words[w].names[bit]) {
                g_ptr_array_add(flags, (gpointer)feature_words[w].names[bit]);
            }
        }
    }
    g_ptr_array_sort(flags, compare_strings);
    printf("\nRecognized CPUID flags:\n");
    print_wrapped(flags);
}
