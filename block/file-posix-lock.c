/*
 * Image locks: permissions, seen by other programs.
 *
 * Byte 100 + n of the file is locked by who uses permission n, byte 200 + n
 * by who does not share it. All locks are shared ones (several may use the
 * same); whether they forbid us is found by asking for an exclusive lock on
 * the opposite byte. The locks belong to a file description of their own
 * (OFD locks), so that no close(2) elsewhere drops them.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/file-posix.h"

#define LOCK_PERM_BASE   100
#define LOCK_SHARED_BASE 200
#define PERM_BITS        4

static int lock_byte(int fd, int cmd, short type, off_t pos)
{
    struct flock fl = {
        .l_type = type,
        .l_whence = SEEK_SET,
        .l_start = pos,
        .l_len = 1,
    };

    if (fcntl(fd, cmd, &fl) < 0) {
        return -errno;
    }
    /* F_OFD_GETLK: somebody has it? */
    return cmd == F_OFD_GETLK && fl.l_type != F_UNLCK ? -EAGAIN : 0;
}

bool file_has_ofd_locks(void)
{
    static int known = -1;
    int fd;

    if (known < 0) {
        fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        known = fd >= 0 && lock_byte(fd, F_OFD_GETLK, F_WRLCK, 0) != -EINVAL;
        if (fd >= 0) {
            close(fd);
        }
    }
    return known;
}

/* Lock what @wanted has more than *@held; on failure *@held tells how far it
 * came. */
static int lock_more(int fd, off_t base, uint64_t wanted, uint64_t *held,
                     Error **errp)
{
    for (int i = 0; i < PERM_BITS; i++) {
        uint64_t bit = UINT64_C(1) << i;
        int ret;

        if (!(wanted & bit) || (*held & bit)) {
            continue;
        }
        ret = lock_byte(fd, F_OFD_SETLK, F_RDLCK, base + i);
        if (ret < 0) {
            error_setg_errno(errp, -ret, "Failed to lock byte %d",
                             (int)(base + i));
            return ret;
        }
        *held |= bit;
    }
    return 0;
}

static void unlock_rest(int fd, off_t base, uint64_t wanted, uint64_t *held)
{
    for (int i = 0; i < PERM_BITS; i++) {
        uint64_t bit = UINT64_C(1) << i;

        if ((*held & bit) && !(wanted & bit)) {
            lock_byte(fd, F_OFD_SETLK, F_UNLCK, base + i);
            *held &= ~bit;
        }
    }
}

/* Does anybody hold a byte that forbids one of @bits? */
static int check_others(int fd, off_t base, uint64_t bits, const char *shared,
                        Error **errp)
{
    for (int i = 0; i < PERM_BITS; i++) {
        uint64_t bit = UINT64_C(1) << i;
        g_autofree char *name = NULL;
        int ret;

        if (!(bits & bit)) {
            continue;
        }
        ret = lock_byte(fd, F_OFD_GETLK, F_WRLCK, base + i);
        if (ret == -EAGAIN || ret == -EACCES) {
            name = bdrv_perm_names(bit);
            error_setg(errp, "Failed to get %s\"%s\" lock", shared, name);
            return -EAGAIN;
        }
        if (ret < 0) {
            error_setg_errno(errp, -ret, "Failed to lock byte %d",
                             (int)(base + i));
            return ret;
        }
    }
    return 0;
}

int file_lock_prepare(BlockDriverState *bs, uint64_t perm, uint64_t shared,
                      Error **errp)
{
    FileState *s = bs->opaque;
    uint64_t unshared = ~shared & BLK_PERM_ALL;
    int ret;
    ERRP_GUARD();

    if (!s->use_lock || (bs->open_flags & BDRV_O_INACTIVE)) {
        return 0;
    }
    ret = lock_more(s->lock_fd, LOCK_PERM_BASE, perm, &s->locked_perm, errp);
    if (ret == 0) {
        ret = lock_more(s->lock_fd, LOCK_SHARED_BASE, unshared,
                        &s->locked_unshared, errp);
    }
    /* First lock, then look: of two who come at once, both may fail but never
     * both succeed */
    if (ret == 0) {
        ret = check_others(s->lock_fd, LOCK_SHARED_BASE, perm, "", errp);
    }
    if (ret == 0) {
        ret = check_others(s->lock_fd, LOCK_PERM_BASE, unshared, "shared ",
                           errp);
    }
    if (ret < 0) {
        error_append_hint(errp, "Is another process using the image [%s]?\n",
                          bs->filename);
        file_lock_finish(bs, s->perm, s->shared);
    }
    return ret;
}

void file_lock_finish(BlockDriverState *bs, uint64_t perm, uint64_t shared)
{
    FileState *s = bs->opaque;

    if (s->use_lock) {
        unlock_rest(s->lock_fd, LOCK_PERM_BASE, perm, &s->locked_perm);
        unlock_rest(s->lock_fd, LOCK_SHARED_BASE, ~shared & BLK_PERM_ALL,
                    &s->locked_unshared);
    }
}
