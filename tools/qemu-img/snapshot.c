/*
 * qemu-img snapshot: make, apply, delete and list snapshots inside an image.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "tools/qemu-img/common.h"

#include "block/snapshot.h"
#include "util/cutils.h"

static const struct option long_options[] = {
    { "help", no_argument, 0, 'h' },
    { "quiet", no_argument, 0, 'q' },
    { "format", required_argument, 0, 'f' },
    { "list", no_argument, 0, 'l' },
    { "apply", required_argument, 0, 'a' },
    { "create", required_argument, 0, 'c' },
    { "delete", required_argument, 0, 'd' },
    { "object", required_argument, 0, OPT_OBJECT },
    { "image-opts", no_argument, 0, OPT_IMAGE_OPTS },
    { "force-share", no_argument, 0, 'U' },
    { 0 },
};

static int list(BlockDriverState *bs)
{
    g_autofree QEMUSnapshotInfo *sn = NULL;
    int n = bdrv_snapshot_list(bs, &sn);

    if (n <= 0) {
        return 0;
    }
    printf("Snapshot list:\n");
    bdrv_snapshot_dump(NULL);
    printf("\n");
    for (int i = 0; i < n; i++) {
        bdrv_snapshot_dump(&sn[i]);
        printf("\n");
    }
    return 0;
}

static int create(BlockDriverState *bs, const char *name)
{
    QEMUSnapshotInfo sn = { .icount = 0 };
    int64_t now = g_get_real_time();
    int ret;

    pstrcpy(sn.name, sizeof(sn.name), name);
    sn.date_sec = now / G_USEC_PER_SEC;
    sn.date_nsec = (now % G_USEC_PER_SEC) * 1000;
    ret = bdrv_snapshot_create(bs, &sn);
    if (ret < 0) {
        error_report("Could not create snapshot '%s': %s", name,
                     strerror(-ret));
        return 1;
    }
    return 0;
}

static int apply(BlockDriverState *bs, const char *name)
{
    Error *err = NULL;

    if (bdrv_snapshot_goto(bs, name, &err) < 0) {
        error_reportf_err(err, "Could not apply snapshot '%s': ", name);
        return 1;
    }
    return 0;
}

static int delete (BlockDriverState *bs, const char *name)
{
    QEMUSnapshotInfo sn;
    Error *err = NULL;

    if (!bdrv_snapshot_find(bs, &sn, name)) {
        error_report("Could not delete snapshot '%s': snapshot not found",
                     name);
        return 1;
    }
    if (bdrv_snapshot_delete(bs, sn.id_str, sn.name, &err) < 0) {
        error_reportf_err(err, "Could not delete snapshot '%s': ", name);
        return 1;
    }
    return 0;
}

int img_snapshot(int argc, char **argv)
{
    const char *name = NULL, *filename;
    ImgSource src = { 0 };
    int action = 0, c, ret;
    g_autoptr(BlockBackend) blk = NULL;

    while ((c = img_getopt(argc, argv, ":hla:c:d:qUf:", long_options)) != -1) {
        switch (c) {
        case 'l':
        case 'a':
        case 'c':
        case 'd':
            if (action) {
                img_usage_error("Cannot mix '-l', '-a', '-c', '-d'");
            }
            action = c;
            name = optarg;
            break;
        case 'q':
            break;
        default:
            img_source_option(&src, c);
            break;
        }
    }
    filename = img_only_filename(argc, argv);
    action = action ? action : 'l';
    blk = img_open(src.image_opts, filename, src.fmt,
                   action == 'l' ? 0 : BDRV_O_RDWR | BDRV_O_UNMAP, false,
                   src.force_share);
    if (!blk) {
        return 1;
    }
    switch (action) {
    case 'a':
        ret = apply(blk_bs(blk), name);
        break;
    case 'c':
        ret = create(blk_bs(blk), name);
        break;
    case 'd':
        ret = delete (blk_bs(blk), name);
        break;
    default:
        ret = list(blk_bs(blk));
        break;
    }
    return ret;
}
