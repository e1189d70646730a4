/*
 * -drive: what it makes and what it refuses, in QEMU's words.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "tests/unit/block/block-test.h"
#include "block/drive.h"

static DriveInfo *add(const char *opts)
{
    bool help;
    DriveInfo *d = drive_add(opts, IF_NONE, &help, &error_abort);

    g_assert_nonnull(d);
    return d;
}

static void test_errors(void)
{
    static const struct {
        const char *opts, *error;
    } cases[] = {
        { "driver=foo", "Unknown driver 'foo'" },
        { "file=/nope,format=raw",
          "Could not open '/nope': No such file or directory" },
        { "driver=null-co,foo=1",
          "Block protocol 'null-co' doesn't support the option 'foo'" },
        { "if=foo", "unsupported bus type 'foo'" },
        { "cache=foo", "invalid cache option" },
        { "aio=foo", "invalid aio option" },
        { "discard=foo", "Invalid discard option" },
        { "driver=null-co,detect-zeroes=foo", "invalid parameter value: foo" },
        { "werror=foo", "'foo' invalid write error action" },
        { "rerror=enospc", "'enospc' invalid read error action" },
        { "if=floppy,rerror=stop", "rerror is not supported by this bus type" },
        { "media=foo", "'foo' invalid media" },
        { "index=foo", "Parameter 'index' expects a number" },
        { "read-only=foo", "Parameter 'read-only' expects 'on' or 'off'" },
        { "id=1x", "Parameter 'id' expects an identifier" },
        { "driver=raw,format=raw", "Cannot specify both 'driver' and "
                                   "'format'" },
        { "file=x,file.filename=x", "Can't specify 'file' and 'filename' "
                                    "options at the same time" },
        { "file=foo:x", "Unknown protocol 'foo'" },
        { "file=json:[]", "Invalid JSON object given" },
        { "file=json:x", "Could not parse the JSON options: JSON parse error, "
                         "invalid keyword 'x'" },
        { "driver=raw", "A block device must be specified for \"file\"" },
        { "driver=file", "The 'file' block driver requires a file name" },
        { "driver=null-co,id=x,node-name=x",
          "Device name 'x' conflicts with an existing node name" },
        { "bus=1,unit=2,index=1", "index cannot be used with bus and unit" },
        { "iops=1,throttling.iops-total=1",
          "'throttling.iops-total' and its alias 'iops' can't be used at the "
          "same time" },
        { "bps=1k", "Parameter 'throttling.bps-total' expects a number" },
        { "bps=1,bps_rd=1",
          "bps/iops/max total values and read/write values cannot be used at "
          "the same time" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        g_autoptr(Error) err = NULL;
        bool help;

        g_assert_null(drive_add(cases[i].opts, IF_NONE, &help, &err));
        g_assert_false(help);
        expect_error(&err, cases[i].error);
        g_assert_null(drive_next(NULL));
    }
}

static void test_places(void)
{
    g_autoptr(Error) err = NULL;
    DriveInfo *d;
    bool help;

    g_assert_cmpstr(add("driver=null-co")->id, ==, "none0");
    g_assert_cmpstr(add("driver=null-co,unit=2")->id, ==, "none2");
    g_assert_cmpstr(add("")->id, ==, "none1");
    g_assert_cmpstr(add("driver=null-co,id=own")->id, ==, "own");
    g_assert_null(drive_add("unit=2", IF_NONE, &help, &err));
    expect_error(&err, "drive with bus=0, unit=2 (index=-1) exists");
    g_assert_null(drive_add("id=own", IF_NONE, &help, &err));
    expect_error(&err, "Duplicate ID 'own' for drive");
    d = add("if=virtio,driver=null-co");
    g_assert_cmpstr(d->id, ==, "virtio0");
    g_assert_cmpstr(qdict_get_str(d->device_opts, "driver"), ==,
                    "virtio-blk-pci");
    g_assert_cmpstr(qdict_get_str(d->device_opts, "drive"), ==, "virtio0");
    g_assert_cmpstr(add("if=ide,media=cdrom,driver=null-co")->id, ==,
                    "ide0-cd0");
    g_assert_false(drive_check_orphaned(&err));
    expect_error(&err, "machine type does not support if=virtio,bus=0,unit=0");
    g_assert_true(drive_get_next(IF_VIRTIO) == d);
    g_assert_null(drive_get_next(IF_VIRTIO));
    drive_del_all();
}

static void test_options(void)
{
    BlockBackend *blk = add("driver=null-co,cache=none,werror=stop,"
                            "rerror=ignore,discard=on,detect-zeroes=unmap")
                            ->blk;
    BlockDriverState *bs = blk_bs(blk);

    g_assert_true(blk_enable_write_cache(blk));
    g_assert_true(bdrv_get_flags(bs) & BDRV_O_NOCACHE);
    g_assert_true(bdrv_get_flags(bs) & BDRV_O_UNMAP);
    g_assert_cmpint(bs->detect_zeroes, ==,
                    BLOCKDEV_DETECT_ZEROES_OPTIONS_UNMAP);
    g_assert_cmpint(blk_get_on_error(blk, true), ==, BLOCKDEV_ON_ERROR_IGNORE);
    g_assert_cmpint(blk_get_on_error(blk, false), ==, BLOCKDEV_ON_ERROR_STOP);
    blk = add("driver=null-co,cache=writethrough,readonly=on")->blk;
    g_assert_false(blk_enable_write_cache(blk));
    g_assert_true(bdrv_is_read_only(blk_bs(blk)));
    blk = add("driver=null-co,cache=unsafe,cache.direct=on")->blk;
    g_assert_cmphex(bdrv_get_flags(blk_bs(blk)) & BDRV_O_CACHE_MASK, ==,
                    BDRV_O_NO_FLUSH | BDRV_O_NOCACHE);
    blk = add("")->blk;
    g_assert_null(blk_bs(blk));
    g_assert_cmpint(blk_getlength(blk), ==, -ENOMEDIUM);
    drive_del_all();
}

int main(int argc, char **argv)
{
    int ret;

    g_test_init(&argc, &argv, NULL);
    block_test_init();
    g_test_add_func("/drive/errors", test_errors);
    g_test_add_func("/drive/places", test_places);
    g_test_add_func("/drive/options", test_options);
    ret = g_test_run();
    block_test_cleanup();
    return ret;
}
