/*
 * The options that every node has, and how they pass from parent to child and
 * between options and flags.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/options.h"

#include "block/block-int.h"
#include "block/opts.h"
#include "util/cutils.h"

const char *const bdrv_detect_zeroes_names[] = { "off", "on", "unmap", NULL };

void bdrv_inherited_options(BdrvChildRole role, bool parent_is_format,
                            int *child_flags, QDict *child_options,
                            int parent_flags, QDict *parent_options)
{
    int flags = parent_flags;

    /* What is below a format, and metadata, is found by protocol. Data of a
     * node that is no format is an image, as a backing file is. */
    if (parent_is_format || (role & BDRV_CHILD_METADATA)) {
        flags |= BDRV_O_PROTOCOL;
    } else if ((role & BDRV_CHILD_DATA) && !(role & BDRV_CHILD_FILTERED)) {
        flags &= ~BDRV_O_PROTOCOL;
    }
    if (role & BDRV_CHILD_COW) {
        flags &= ~BDRV_O_PROTOCOL;
    }
    bdrv_copy_default(child_options, parent_options, "cache.direct");
    bdrv_copy_default(child_options, parent_options, "cache.no-flush");
    bdrv_copy_default(child_options, parent_options, "force-share");
    bdrv_copy_default(child_options, parent_options, "active");
    if (role & BDRV_CHILD_COW) {
        bdrv_default_bool(child_options, "read-only", true);
        bdrv_default_bool(child_options, "auto-read-only", false);
    } else {
        bdrv_copy_default(child_options, parent_options, "read-only");
        bdrv_copy_default(child_options, parent_options, "auto-read-only");
    }
    /* The parent decides what to discard; below it is always wanted */
    qdict_set_default_str(child_options, "discard", "unmap");

    flags &= ~(BDRV_O_SNAPSHOT | BDRV_O_NO_BACKING | BDRV_O_COPY_ON_READ |
               BDRV_O_TEMPORARY);
    *child_flags = flags;
}

static void default_from_flag(QDict *options, const char *key, int flags,
                              int flag)
{
    bdrv_default_bool(options, key, flags & flag);
}

void bdrv_options_from_flags(QDict *options, int flags)
{
    default_from_flag(options, "cache.direct", flags, BDRV_O_NOCACHE);
    default_from_flag(options, "cache.no-flush", flags, BDRV_O_NO_FLUSH);
    bdrv_default_bool(options, "read-only", !(flags & BDRV_O_RDWR));
    default_from_flag(options, "auto-read-only", flags, BDRV_O_AUTO_RDONLY);
}

/* A boolean that stays among the options. */
static bool peek_bool(QDict *options, const char *key, bool *value,
                      Error **errp)
{
    g_autoptr(QDict) copy = qdict_clone_shallow(options);

    return bdrv_take_bool(copy, key, value, errp);
}

bool bdrv_flags_from_options(int *flags, QDict *options, Error **errp)
{
    static const struct {
        const char *key;
        int flag;
        bool inverse;
    } map[] = {
        { "cache.direct", BDRV_O_NOCACHE, false },
        { "cache.no-flush", BDRV_O_NO_FLUSH, false },
        { "read-only", BDRV_O_RDWR, true },
        { "auto-read-only", BDRV_O_AUTO_RDONLY, false },
        { "active", BDRV_O_INACTIVE, true },
    };

    for (size_t i = 0; i < ARRAY_SIZE(map); i++) {
        bool value = false;

        if (!qdict_haskey(options, map[i].key)) {
            continue;
        }
        if (!peek_bool(options, map[i].key, &value, errp)) {
            return false;
        }
        *flags = value != map[i].inverse ? *flags | map[i].flag
                                         : *flags & ~map[i].flag;
    }
    return true;
}

bool bdrv_parse_discard(const char *mode, int *flags)
{
    *flags &= ~BDRV_O_UNMAP;
    if (!strcmp(mode, "on") || !strcmp(mode, "unmap")) {
        *flags |= BDRV_O_UNMAP;
        return true;
    }
    return !strcmp(mode, "off") || !strcmp(mode, "ignore");
}

int bdrv_parse_cache_mode(const char *mode, int *flags, bool *writethrough)
{
    static const struct {
        const char *name;
        int flags;
        bool writethrough;
    } modes[] = {
        { "off", BDRV_O_NOCACHE, false },
        { "none", BDRV_O_NOCACHE, false },
        { "directsync", BDRV_O_NOCACHE, true },
        { "writeback", 0, false },
        { "unsafe", BDRV_O_NO_FLUSH, false },
        { "writethrough", 0, true },
    };

    for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
        if (!strcmp(mode, modes[i].name)) {
            *flags = (*flags & ~BDRV_O_CACHE_MASK) | modes[i].flags;
            *writethrough = modes[i].writethrough;
            return 0;
        }
    }
    return -1;
}

bool bdrv_take_common_options(BlockDriverState *bs, QDict *options,
                              Error **errp)
{
    g_autofree char *discard = bdrv_take_str(options, "discard");
    bool ignored = false;
    ERRP_GUARD();
    int dz;

    if (discard && !bdrv_parse_discard(discard, &bs->open_flags)) {
        error_setg(errp, "Invalid discard option");
        return false;
    }
    dz = bdrv_take_enum(options, "detect-zeroes", bdrv_detect_zeroes_names,
                        errp);
    if (*errp) {
        return false;
    }
    if (dz == BLOCKDEV_DETECT_ZEROES_OPTIONS_UNMAP &&
        !(bs->open_flags & BDRV_O_UNMAP)) {
        error_setg(errp, "setting detect-zeroes to unmap is not allowed "
                         "without setting discard operation to unmap");
        return false;
    }
    bs->detect_zeroes = dz < 0 ? BLOCKDEV_DETECT_ZEROES_OPTIONS_OFF
                               : (BlockdevDetectZeroesOptions)dz;
    if (!bdrv_take_bool(options, "force-share", &bs->force_share, errp)) {
        return false;
    }
    if (bs->force_share && (bs->open_flags & BDRV_O_RDWR)) {
        error_setg(errp,
                   "force-share=on can only be used with read-only images");
        return false;
    }
    /* These are in the flags by now */
    return bdrv_take_bool(options, "cache.direct", &ignored, errp) &&
           bdrv_take_bool(options, "cache.no-flush", &ignored, errp) &&
           bdrv_take_bool(options, "read-only", &ignored, errp) &&
           bdrv_take_bool(options, "auto-read-only", &ignored, errp) &&
           bdrv_take_bool(options, "active", &ignored, errp);
}
