/*
 * qemu-img create: make an image.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "tools/qemu-img/common.h"
#include "tools/qemu-img/create-help.h"

#include "block/create.h"

static const struct option long_options[] = {
    { "help", no_argument, 0, 'h' },
    { "object", required_argument, 0, OPT_OBJECT },
    { "quiet", no_argument, 0, 'q' },
    { "format", required_argument, 0, 'f' },
    { "options", required_argument, 0, 'o' },
    { "backing", required_argument, 0, 'b' },
    { "backing-format", required_argument, 0, 'F' },
    { "backing-unsafe", no_argument, 0, 'u' },
    { 0 },
};

int img_create(int argc, char **argv)
{
    const char *fmt = "raw", *base = NULL, *base_fmt = NULL, *filename;
    g_autofree char *options = NULL;
    int64_t size = -1;
    bool quiet = false;
    Error *err = NULL;
    int flags = 0, c;

    while ((c = img_getopt(argc, argv, ":F:b:f:ho:qu", long_options)) != -1) {
        switch (c) {
        case 'F':
            base_fmt = optarg;
            break;
        case 'b':
            base = optarg;
            break;
        case 'f':
            fmt = optarg;
            break;
        case 'o':
            if (!img_add_options(&options, optarg)) {
                return 1;
            }
            break;
        case 'q':
            quiet = true;
            break;
        case 'u':
            flags |= BDRV_O_NO_BACKING;
            break;
        case OPT_OBJECT:
            img_object_add(optarg);
            break;
        }
    }
    filename = optind < argc ? argv[optind] : NULL;
    if (options && img_has_help_option(options)) {
        return img_print_create_help(filename, fmt);
    }
    if (!filename) {
        img_usage_error("Expecting image file name");
    }
    optind++;
    if (optind < argc) {
        size = img_cvtnum("image size", argv[optind++]);
        if (size < 0) {
            return 1;
        }
    }
    if (optind != argc) {
        img_usage_error("Unexpected argument: %s", argv[optind]);
    }
    if (!bdrv_img_create(filename, fmt, base, base_fmt, options, size, flags,
                         quiet, &err)) {
        error_reportf_err(err, "%s: ", filename);
        return 1;
    }
    return 0;
}
