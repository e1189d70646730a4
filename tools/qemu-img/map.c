/*
 * qemu-img map: which parts of an image are where.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "tools/qemu-img/common.h"

static const struct option long_options[] = {
    { "help", no_argument, 0, 'h' },
    { "format", required_argument, 0, 'f' },
    { "output", required_argument, 0, OPT_OUTPUT },
    { "object", required_argument, 0, OPT_OBJECT },
    { "image-opts", no_argument, 0, OPT_IMAGE_OPTS },
    { "force-share", no_argument, 0, 'U' },
    { "start-offset", required_argument, 0, 's' },
    { "max-length", required_argument, 0, 'l' },
    { 0 },
};

typedef struct MapEntry {
    int64_t start, length, offset; /* offset: in the file, if OFFSET_VALID */
    int flags, depth;
    const char *filename; /* NULL: unknown */
} MapEntry;

static int map_print_human(const MapEntry *e)
{
    bool data = e->flags & BDRV_BLOCK_DATA;

    if (data && !(e->flags & BDRV_BLOCK_OFFSET_VALID)) {
        error_report("File contains external, encrypted or compressed "
                     "clusters.");
        return 1;
    }
    if (data && !(e->flags & BDRV_BLOCK_ZERO)) {
        printf("%#-16" PRIx64 "%#-16" PRIx64 "%#-16" PRIx64 "%s\n", e->start,
               e->length, e->offset, e->filename ? e->filename : "");
    }
    return 0;
}

/* --- JSON: an image may have millions of entries --- */

static char *put_text(char *p, const char *text)
{
    size_t len = strlen(text);

    memcpy(p, text, len);
    return p + len;
}

/* @v is not negative. */
static char *put_number(char *p, const char *name, int64_t v)
{
    char digits[20], *d = digits + sizeof(digits);

    p = put_text(p, name);
    for (; v >= 100; v /= 100) {
        *--d = '0' + v % 10;
        *--d = '0' + v / 10 % 10;
    }
    if (v >= 10) {
        *--d = '0' + v % 10;
        v /= 10;
    }
    *--d = '0' + v;
    memcpy(p, d, digits + sizeof(digits) - d);
    return p + (digits + sizeof(digits) - d);
}

static char *put_bool(char *p, const char *name, int flag)
{
    return put_text(put_text(p, name), flag ? "true" : "false");
}

static void map_print_json(const MapEntry *e, bool last)
{
    char line[256], *p = line;

    p = put_number(p, "{ \"start\": ", e->start);
    p = put_number(p, ", \"length\": ", e->length);
    p = put_number(p, ", \"depth\": ", e->depth);
    p = put_bool(p, ", \"present\": ", e->flags & BDRV_BLOCK_ALLOCATED);
    p = put_bool(p, ", \"zero\": ", e->flags & BDRV_BLOCK_ZERO);
    p = put_bool(p, ", \"data\": ", e->flags & BDRV_BLOCK_DATA);
    p = put_bool(p, ", \"compressed\": ", e->flags & BDRV_BLOCK_COMPRESSED);
    if (e->flags & BDRV_BLOCK_OFFSET_VALID) {
        p = put_number(p, ", \"offset\": ", e->offset);
    }
    p = put_text(p, last ? "}" : "},\n");
    fwrite(line, 1, p - line, stdout);
}

static int map_print(const MapEntry *e, bool json, bool last)
{
    if (!json) {
        return map_print_human(e);
    }
    map_print_json(e, last);
    return 0;
}

static int coroutine_fn next_entry(BlockDriverState *bs, int64_t offset,
                                   int64_t bytes, MapEntry *e)
{
    const int mask = BDRV_BLOCK_DATA | BDRV_BLOCK_ZERO | BDRV_BLOCK_ALLOCATED |
                     BDRV_BLOCK_COMPRESSED | BDRV_BLOCK_OFFSET_VALID;
    static const BlockDriverState *last_file;
    static const char *last_name;
    BlockDriverState *file = NULL;
    int64_t map = 0;
    int ret;

    *e = (MapEntry){ .start = offset };
    ret = img_co_block_status(bs, offset, bytes, &e->length, &map, &file,
                              &e->depth);
    if (ret < 0) {
        return ret;
    }
    if (!(ret & (BDRV_BLOCK_DATA | BDRV_BLOCK_ZERO))) {
        ret = 0; /* nobody has it */
    }
    e->flags = ret & mask;
    if (!(ret & BDRV_BLOCK_OFFSET_VALID)) {
        return 0;
    }
    e->offset = map;
    if (file) {
        /* Names do not change while we look */
        if (file != last_file) {
            bdrv_refresh_filename(file);
            last_name = g_intern_string(bdrv_filename(file));
            last_file = file;
        }
        e->filename = last_name;
    }
    return 0;
}

/* Is @b the continuation of @a? */
static bool continues(const MapEntry *a, const MapEntry *b)
{
    return a->length && a->flags == b->flags && a->depth == b->depth &&
           !a->filename == !b->filename &&
           (!a->filename || !strcmp(a->filename, b->filename)) &&
           (!(a->flags & BDRV_BLOCK_OFFSET_VALID) ||
            a->offset + a->length == b->offset);
}

typedef struct Map {
    BlockBackend *blk;
    bool json;
    int64_t start, end;
} Map;

static int coroutine_fn map_all(void *opaque)
{
    const Map *m = opaque;
    bool json = m->json;
    MapEntry current = { .start = m->start }, e;

    if (json) {
        printf("[");
    } else {
        printf("%-16s%-16s%-16s%s\n", "Offset", "Length", "Mapped to", "File");
    }
    while (current.start + current.length < m->end) {
        int64_t offset = current.start + current.length;
        int ret = next_entry(blk_bs(m->blk), offset, m->end - offset, &e);

        if (ret < 0) {
            error_report("Failed to read image metadata: %s", strerror(-ret));
            return 1;
        }
        if (!e.length) {
            break;
        }
        if (continues(&current, &e)) {
            current.length += e.length;
            continue;
        }
        if (current.length && map_print(&current, json, false)) {
            return 1;
        }
        current = e;
    }
    if (map_print(&current, json, true)) {
        return 1;
    }
    if (json) {
        printf("]\n");
    }
    return 0;
}

int img_map(int argc, char **argv)
{
    ImgSource src = { 0 };
    int64_t start = 0, max_length = -1, length;
    g_autoptr(BlockBackend) blk = NULL;
    static char buffer[64 * KiB]; /* until the program's end */
    const char *filename;
    Map m;
    int c;

    while ((c = img_getopt(argc, argv, ":f:s:l:hU", long_options)) != -1) {
        switch (c) {
        case 's':
            start = img_cvtnum("start offset", optarg);
            if (start < 0) {
                return 1;
            }
            break;
        case 'l':
            max_length = img_cvtnum("max length", optarg);
            if (max_length < 0) {
                return 1;
            }
            break;
        default:
            img_source_option(&src, c);
            break;
        }
    }
    filename = img_only_filename(argc, argv);
    blk = img_open(src.image_opts, filename, src.fmt, BDRV_O_ONE_PASS, false,
                   src.force_share);
    if (!blk) {
        return 1;
    }
    length = blk_getlength(blk);
    if (length < 0) {
        error_report("Failed to get size for '%s'", filename);
        return 1;
    }
    if (max_length >= 0 && max_length < length - start) {
        length = start + max_length;
    }
    if (!isatty(STDOUT_FILENO)) {
        setvbuf(stdout, buffer, _IOFBF, sizeof(buffer));
    }
    m = (Map){ .blk = blk, .json = src.json, .start = start, .end = length };
    return img_run_co(map_all, &m);
}
