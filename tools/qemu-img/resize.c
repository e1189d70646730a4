/*
 * qemu-img resize: change the size that a guest sees.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "tools/qemu-img/common.h"

#include "util/cutils.h"

enum {
    OPT_PREALLOCATION = OPT_FIRST_FREE,
    OPT_SHRINK,
};

static const struct option long_options[] = {
    { "help", no_argument, 0, 'h' },
    { "object", required_argument, 0, OPT_OBJECT },
    { "image-opts", no_argument, 0, OPT_IMAGE_OPTS },
    { "preallocation", required_argument, 0, OPT_PREALLOCATION },
    { "shrink", no_argument, 0, OPT_SHRINK },
    { "quiet", no_argument, 0, 'q' },
    { "format", required_argument, 0, 'f' },
    { 0 },
};

/* PreallocMode, or -1 after a message. */
static int parse_prealloc(const char *text)
{
    static const char *const modes[] = { "off", "metadata", "falloc", "full" };

    for (int i = 0; i < (int)G_N_ELEMENTS(modes); i++) {
        if (!strcmp(modes[i], text)) {
            return i;
        }
    }
    error_report("Invalid preallocation mode '%s'", text);
    return -1;
}

/* @text without its sign, in bytes; -1 after a message. */
static int64_t parse_size(const char *text)
{
    uint64_t value;
    int ret = qemu_strtosz(text, NULL, &value);

    if (ret == 0) {
        /* More than any image can have: fails the test for its sign */
        return MIN(value, (uint64_t)INT64_MAX);
    }
    if (ret == -ERANGE) {
        error_report("Value '%s' is out of range for parameter 'size'", text);
        return -1;
    }
    error_report("Parameter 'size' expects a non-negative number below 2^64");
    error_printf("Optional suffix k, M, G, T, P or E means kilo-, mega-, giga-,"
                 " tera-, peta-\nand exabytes, respectively.\n");
    return -1;
}

static int resize(BlockBackend *blk, int64_t size, int relative, int prealloc,
                  bool shrink)
{
    int64_t current = blk_getlength(blk), total;
    Error *err = NULL;

    if (current < 0) {
        error_report("Failed to inquire current image length: %s",
                     strerror(-current));
        return 1;
    }
    if (relative > 0 ? size > INT64_MAX - current : size == INT64_MAX) {
        total = -1;
    } else {
        total = relative ? current + relative * size : size;
    }
    if (total <= 0) {
        error_report("New image size must be positive");
        return 1;
    }
    if (total <= current && prealloc != PREALLOC_MODE_OFF) {
        error_report("Preallocation can only be used for growing images");
        return 1;
    }
    if (total < current && !shrink) {
        error_report("Use the --shrink option to perform a shrink operation.");
        warn_report("Shrinking an image will delete all data beyond the "
                    "shrunken image's end. Before performing such an "
                    "operation, make sure there is no important data there.");
        return 1;
    }
    if (blk_truncate(blk, total, true, prealloc, 0, &err) < 0) {
        error_report_err(err);
        return 1;
    }
    return 0;
}

int img_resize(int argc, char **argv)
{
    const char *size_text, *fmt = NULL;
    bool image_opts = false, quiet = false, shrink = false;
    int prealloc = PREALLOC_MODE_OFF, relative = 0, c;
    g_autoptr(BlockBackend) blk = NULL;
    int64_t size;

    /* The size comes last, and "-1M" must not be taken for an option */
    if (argc < 3) {
        bool only_help = argc == 2 &&
                         (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"));

        if (only_help) {
            img_help();
        }
        img_usage_error("Not enough arguments");
    }
    size_text = argv[--argc];
    while ((c = img_getopt(argc, argv, ":f:hq", long_options)) != -1) {
        switch (c) {
        case 'f':
            fmt = optarg;
            break;
        case 'q':
            quiet = true;
            break;
        case OPT_OBJECT:
            img_object_add(optarg);
            break;
        case OPT_IMAGE_OPTS:
            image_opts = true;
            break;
        case OPT_PREALLOCATION:
            prealloc = parse_prealloc(optarg);
            if (prealloc < 0) {
                return 1;
            }
            break;
        case OPT_SHRINK:
            shrink = true;
            break;
        }
    }
    if (optind != argc - 1) {
        img_usage_error("Expecting image file name and size");
    }
    if (*size_text == '+' || *size_text == '-') {
        relative = *size_text++ == '+' ? 1 : -1;
    }
    size = parse_size(size_text);
    if (size < 0) {
        return 1;
    }
    blk = img_open(image_opts, argv[optind], fmt, BDRV_O_RDWR | BDRV_O_RESIZE,
                   false, false);
    if (!blk || resize(blk, size, relative, prealloc, shrink)) {
        return 1;
    }
    if (!quiet) {
        printf("Image resized.\n");
    }
    return 0;
}
