/*
 * qemu-img check: look for damage in an image's metadata.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "tools/qemu-img/common.h"

static const struct option long_options[] = {
    { "help", no_argument, 0, 'h' },
    { "format", required_argument, 0, 'f' },
    { "repair", required_argument, 0, 'r' },
    { "output", required_argument, 0, OPT_OUTPUT },
    { "object", required_argument, 0, OPT_OBJECT },
    { "image-opts", no_argument, 0, OPT_IMAGE_OPTS },
    { "force-share", no_argument, 0, 'U' },
    { "cache", required_argument, 0, 'T' },
    { "quiet", no_argument, 0, 'q' },
    { 0 },
};

int img_check(int argc, char **argv)
{
    const char *fmt = NULL, *cache = IMG_DEFAULT_CACHE;
    bool image_opts = false, force_share = false, repair = false;
    int flags = BDRV_O_CHECK, c;
    g_autoptr(BlockBackend) blk = NULL;
    bool writethrough;

    while ((c = img_getopt(argc, argv, ":hf:r:T:qU", long_options)) != -1) {
        switch (c) {
        case 'f':
            fmt = optarg;
            break;
        case 'r':
            repair = true;
            flags |= BDRV_O_RDWR;
            if (strcmp(optarg, "leaks") && strcmp(optarg, "all")) {
                img_usage_error("-r expects 'leaks' or 'all' as argument");
            }
            break;
        case OPT_OUTPUT:
            img_output_is_json(optarg);
            break;
        case 'T':
            cache = optarg;
            break;
        case 'U':
            force_share = true;
            break;
        case OPT_OBJECT:
            img_object_add(optarg);
            break;
        case OPT_IMAGE_OPTS:
            image_opts = true;
            break;
        }
    }
    if (optind != argc - 1) {
        img_usage_error("Expecting one image file name");
    }
    if (bdrv_parse_cache_mode(cache, &flags, &writethrough) < 0) {
        error_report("Invalid source cache option: %s", cache);
        return 1;
    }
    blk = img_open(image_opts, argv[optind], fmt, flags, writethrough,
                   force_share);
    if (!blk) {
        return 1;
    }
    if (repair && force_share) {
        error_report("-r and -U are mutually exclusive");
        return 1;
    }
    error_report("This image format does not support checks");
    return 63;
}
