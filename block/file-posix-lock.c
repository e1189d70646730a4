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

#include <sys/stat.h>

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

/* --- who holds a lock --- */

/* Does this fdinfo tell of a lock on byte @pos? */
static bool fdinfo_has_lock(const char *fdinfo, off_t pos)
{
    g_auto(GStrv) lines = g_strsplit(fdinfo, "\n", 0);

    for (char **line = lines; *line; line++) {
        long long start, end;

        if (sscanf(*line, "lock: %*d: OFDLCK %*s %*s %*d %*[^ ] %lld %lld",
                   &start, &end) == 2 &&
            start <= pos && pos <= end) {
            return true;
        }
    }
    return false;
}

/* Has the process whose number is @pid the file @st open with a lock on byte
 * @pos? */
static bool process_has_lock(const char *pid, const struct stat *st, off_t pos)
{
    g_autofree char *path = g_strdup_printf("/proc/%s/fd", pid);
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    const char *number;

    while (dir && (number = g_dir_read_name(dir))) {
        g_autofree char *fd_path = g_strdup_printf("%s/%s", path, number);
        g_autofree char *info_path = g_strdup_printf("/proc/%s/fdinfo/%s", pid,
                                                     number);
        g_autofree char *info = NULL;
        struct stat other;

        if (stat(fd_path, &other) == 0 && other.st_dev == st->st_dev &&
            other.st_ino == st->st_ino &&
            g_file_get_contents(info_path, &info, NULL, NULL) &&
            fdinfo_has_lock(info, pos)) {
            return true;
        }
    }
    return false;
}

/* One line about the other process that has locked byte @pos, where we may see
 * it: an OFD lock names no process, but /proc shows the locks of each
 * descriptor. */
static void append_holder_hint(Error **errp, int fd, off_t pos)
{
    g_autoptr(GDir) dir = g_dir_open("/proc", 0, NULL);
    const char *pid;
    struct stat st;

    if (fstat(fd, &st) < 0) {
        return;
    }
    while (dir && (pid = g_dir_read_name(dir))) {
        int n = g_ascii_isdigit(*pid) ? (int)g_ascii_strtoll(pid, NULL, 10) : 0;
        g_autofree char *comm_path = NULL;
        g_autofree char *comm = NULL;

        if (!n || n == getpid() || !process_has_lock(pid, &st, pos)) {
            continue;
        }
        comm_path = g_strdup_printf("/proc/%s/comm", pid);
        if (g_file_get_contents(comm_path, &comm, NULL, NULL)) {
            error_append_hint(errp, "It is locked by process %d (%s).\n", n,
                              g_strchomp(comm));
            return;
        }
    }
}

/* --- the check --- */

/* Does anybody hold a byte that forbids one of @bits? Its position in @pos. */
static int check_others(int fd, off_t base, uint64_t bits, const char *shared,
                        off_t *pos, Error **errp)
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
            *pos = base + i;
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
    off_t pos = 0; /* of the byte that somebody else has */
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
        ret = check_others(s->lock_fd, LOCK_SHARED_BASE, perm, "", &pos, errp);
    }
    if (ret == 0) {
        ret = check_others(s->lock_fd, LOCK_PERM_BASE, unshared, "shared ",
                           &pos, errp);
    }
    if (ret < 0) {
        error_append_hint(errp, "Is another process using the image [%s]?\n",
                          bs->filename);
        if (pos) {
            append_holder_hint(errp, s->lock_fd, pos);
        }
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
