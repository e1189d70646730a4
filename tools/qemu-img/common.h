/*
 * What the sub-commands of qemu-img share.
 *
 * Everything runs in the main thread. A sub-command returns the exit status.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TOOLS_QEMU_IMG_COMMON_H
#define TOOLS_QEMU_IMG_COMMON_H

#include "block/block-backend.h"
#include "block/block.h"
#include "util/error-report.h"

#include <getopt.h>

#define IMG_DEFAULT_CACHE "writeback"

/* Options without a letter. */
enum {
    OPT_OBJECT = 256,
    OPT_IMAGE_OPTS,
    OPT_OUTPUT,
    OPT_FIRST_FREE, /* the sub-command's own */
};

/* --- main.c --- */

typedef struct ImgCmd {
    const char *name;
    int (*run)(int argc, char **argv); /* NULL: not in this build */
    const char *usage;
} ImgCmd;

int img_amend(int argc, char **argv);
int img_bench(int argc, char **argv);
int img_bitmap(int argc, char **argv);
int img_check(int argc, char **argv);
int img_commit(int argc, char **argv);
int img_compare(int argc, char **argv);
int img_convert(int argc, char **argv);
int img_create(int argc, char **argv);
int img_dd(int argc, char **argv);
int img_info(int argc, char **argv);
int img_map(int argc, char **argv);
int img_measure(int argc, char **argv);
int img_rebase(int argc, char **argv);
int img_resize(int argc, char **argv);
int img_snapshot(int argc, char **argv);

G_NORETURN void img_help(void);
/* The message, the hint to --help, and the end. */
G_NORETURN void img_usage_error(const char *fmt, ...) G_GNUC_PRINTF(1, 2);

/* --- common.c --- */

/* getopt_long() that ends the program for --help and for what it does not
 * know. @shortopts must begin with ":". */
int img_getopt(int argc, char **argv, const char *shortopts,
               const struct option *longopts);
/* --object: make it, or end the program. */
void img_object_add(const char *optarg_text);
/* How a sub-command is told of its one image. */
typedef struct ImgSource {
    const char *fmt;
    bool image_opts;
    bool force_share;
    bool json; /* --output */
} ImgSource;
/* Takes option @c if it is about that (-f, -U, --image-opts, --object,
 * --output); returns whether it was. */
bool img_source_option(ImgSource *src, int c);
/* The only argument after the options, or the end. */
const char *img_only_filename(int argc, char **argv);
/* "human" or "json", or the end. */
bool img_output_is_json(const char *text);
/* Collect several -o into one; false (and a message) if it is no list. */
bool img_add_options(char **options, const char *more);
/* Options to open an image again that was made with @options (may be NULL):
 * the ids of secrets. */
QDict *img_key_secrets(const char *options);
bool img_has_help_option(const char *options);

/* A size with suffix within [min, max], or -errno and a message. */
int64_t img_cvtnum_full(const char *name, const char *text, int64_t min,
                        int64_t max);
int64_t img_cvtnum(const char *name, const char *text);

/*
 * Open @filename (@image_opts: it is a list of options) as @fmt (may be
 * NULL). NULL after a message.
 */
BlockBackend *img_open(bool image_opts, const char *filename, const char *fmt,
                       int flags, bool writethrough, bool force_share);
/* The same with @options (taken over) besides. */
BlockBackend *img_open_file(const char *filename, QDict *options,
                            const char *fmt, int flags, bool writethrough,
                            bool force_share);

/*
 * What @bs shows at @offset, whichever of its backing chain has it: as
 * bdrv_co_block_status(); nowhere: BDRV_BLOCK_ZERO without _ALLOCATED...
 * *@depth (may be NULL) counts the images above it.
 */
int coroutine_fn img_co_block_status(BlockDriverState *bs, int64_t offset,
                                     int64_t bytes, int64_t *pnum, int64_t *map,
                                     BlockDriverState **file, int *depth);
/* Run @entry (with @opaque) as a coroutine to its end; what it returns. One
 * coroutine for a whole walk costs much less than one for each step. */
typedef int coroutine_fn ImgCoEntry(void *opaque);
int img_run_co(ImgCoEntry *entry, void *opaque);
/* Let @blk show the snapshot that -l names ("id or name" or "snapshot.id=...,
 * snapshot.name=..."); false after a message. */
bool img_load_snapshot(BlockBackend *blk, const char *text);

/* bitmap-copy.c: can those of @src be copied, and do it, all before @dst is
 * closed. False after a message. @skip_broken: leave out inconsistent ones. */
bool img_check_bitmaps(BlockDriverState *src, bool skip_broken);
bool img_copy_bitmaps(BlockDriverState *src, BlockDriverState *dst,
                      bool skip_broken);

bool img_buffer_is_zero(const void *buf, size_t len);

/* Progress: -p shows it, SIGUSR1 shows it once. */
void img_progress_init(bool enabled, float min_skip);
/* @delta per cent of @max more; @max 0: set it to @delta. */
void img_progress_print(float delta, int max);
void img_progress_end(void);

#endif
