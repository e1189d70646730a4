/*
 * -pidfile.
 *
 * A file that another program has just removed may be the one we locked: so
 * after locking the name is looked up again, and if it leads elsewhere we
 * begin anew.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "util/pidfile.h"

#include "util/error-report.h"

#include <sys/stat.h>

static char *pidfile_path;
static struct stat pidfile_stat;

typedef enum LockResult { LOCKED, TRY_AGAIN, FAILED } LockResult;

static LockResult open_and_lock(const char *path, int *fd, Error **errp)
{
    struct flock lock = { .l_whence = SEEK_SET, .l_type = F_WRLCK };
    struct stat now;

    *fd = RETRY_ON_EINTR(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    if (*fd < 0) {
        error_setg_errno(errp, errno, "Could not create '%s'", path);
        return FAILED;
    }
    if (fstat(*fd, &pidfile_stat) < 0) {
        error_setg_errno(errp, errno, "Cannot stat file");
        goto fail;
    }
    if (fcntl(*fd, F_SETLK, &lock) < 0) {
        error_setg_errno(errp, errno, "Cannot lock pid file");
        goto fail;
    }
    if (stat(path, &now) == 0 && now.st_dev == pidfile_stat.st_dev &&
        now.st_ino == pidfile_stat.st_ino) {
        return LOCKED;
    }
    close(*fd);
    return TRY_AGAIN;

fail:
    close(*fd);
    return FAILED;
}

bool qemu_write_pidfile(const char *path, Error **errp)
{
    LockResult result;
    char text[32];
    int fd, len;

    do {
        result = open_and_lock(path, &fd, errp);
    } while (result == TRY_AGAIN);
    if (result == FAILED) {
        return false;
    }

    if (ftruncate(fd, 0) < 0) {
        error_setg_errno(errp, errno, "Failed to truncate pid file");
        goto fail;
    }
    len = snprintf(text, sizeof(text), "%ld\n", (long)getpid());
    if (RETRY_ON_EINTR(write(fd, text, len)) != len) {
        error_setg_errno(errp, errno, "Failed to write pid file");
        goto fail;
    }
    g_free(pidfile_path);
    pidfile_path = g_canonicalize_filename(path, NULL);
    return true;

fail:
    unlink(path);
    close(fd);
    return false;
}

void qemu_unlink_pidfile(void)
{
    struct stat now;

    if (pidfile_path && stat(pidfile_path, &now) == 0 &&
        now.st_dev == pidfile_stat.st_dev &&
        now.st_ino == pidfile_stat.st_ino) {
        unlink(pidfile_path);
    }
    g_clear_pointer(&pidfile_path, g_free);
}

void qemu_pidfile_for_program(const char *path)
{
    Error *err = NULL;

    if (!path) {
        return;
    }
    if (!qemu_write_pidfile(path, &err)) {
        error_reportf_err(err, "cannot create PID file: ");
        exit(1);
    }
    atexit(qemu_unlink_pidfile);
}
