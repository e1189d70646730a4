/*
 * Sets of file descriptors that were given to the program.
 *
 * A set goes away with its last descriptor, unless somebody has it open: it is
 * shown as empty then, and may be filled again.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "util/cutils.h"
#include "util/fdset.h"

#define FDSET_PREFIX "/dev/fdset/"

FdsetList fdsets = TAILQ_HEAD_INITIALIZER(fdsets);

static Fdset *find(int64_t id)
{
    Fdset *set;

    TAILQ_FOREACH(set, &fdsets, next) {
        if (set->id == id) {
            return set;
        }
    }
    return NULL;
}

static int64_t free_id(void)
{
    int64_t id = 0;
    Fdset *set;

    TAILQ_FOREACH(set, &fdsets, next) {
        if (set->id != id) {
            break;
        }
        id++;
    }
    return id;
}

static Fdset *new_set(int64_t id)
{
    Fdset *set = g_new0(Fdset, 1), *after;

    set->id = id;
    set->dups = g_array_new(FALSE, FALSE, sizeof(int));
    TAILQ_INIT(&set->fds);
    TAILQ_FOREACH(after, &fdsets, next) {
        if (after->id > id) {
            TAILQ_INSERT_BEFORE(after, set, next);
            return set;
        }
    }
    TAILQ_INSERT_TAIL(&fdsets, set, next);
    return set;
}

static void free_if_unused(Fdset *set)
{
    if (TAILQ_EMPTY(&set->fds) && !set->dups->len) {
        TAILQ_REMOVE(&fdsets, set, next);
        g_array_free(set->dups, TRUE);
        g_free(set);
    }
}

int64_t fdset_add(int fd, const int64_t *id, const char *opaque, Error **errp)
{
    FdsetFd *f;
    Fdset *set;

    if (id && *id < 0) {
        error_setg(errp, "Parameter 'fdset-id' expects a non-negative value");
        return -1;
    }
    set = id ? find(*id) : NULL;
    if (!set) {
        set = new_set(id ? *id : free_id());
    }
    f = g_new0(FdsetFd, 1);
    f->fd = fd;
    f->opaque = g_strdup(opaque);
    TAILQ_INSERT_TAIL(&set->fds, f, next);
    return set->id;
}

bool fdset_remove(int64_t id, const int64_t *fd, Error **errp)
{
    Fdset *set = find(id);
    FdsetFd *f, *next;
    bool found = false;

    if (set) {
        TAILQ_FOREACH_SAFE(f, &set->fds, next, next) {
            if (!fd || f->fd == *fd) {
                TAILQ_REMOVE(&set->fds, f, next);
                close(f->fd);
                g_free(f->opaque);
                g_free(f);
                found = true;
            }
        }
    }
    if (!found && fd) {
        error_setg(errp,
                   "File descriptor named 'fdset-id:%" PRId64 ", fd:%" PRId64
                   "' not found",
                   id, *fd);
    } else if (!set) {
        error_setg(
            errp, "File descriptor named 'fdset-id:%" PRId64 "' not found", id);
    } else {
        free_if_unused(set);
        return true;
    }
    return false;
}

/* --- by name --- */

bool fdset_is_name(const char *name)
{
    return strstart(name, FDSET_PREFIX, NULL);
}

/* 9.1 and later look at O_DIRECT too: it cannot be changed for one of two. */
static bool flags_fit(int fd, int flags)
{
    int have = fcntl(fd, F_GETFL);
    int mask = O_ACCMODE | O_DIRECT;

    return have >= 0 && (have & mask) == (flags & mask);
}

int fdset_open(const char *name, int flags, Error **errp)
{
    const char *number = name + strlen(FDSET_PREFIX);
    FdsetFd *f;
    Fdset *set;
    int id, fd;

    if (!g_ascii_isdigit(*number) || qemu_strtoi(number, NULL, 10, &id) < 0) {
        error_setg(errp, "Could not parse fdset %s", name);
        return -EINVAL;
    }
    set = find(id);
    if (!set) {
        error_setg(errp, "Failed to find fdset /dev/fdset/%d", id);
        return -ENOENT;
    }
    flags &= ~O_CLOEXEC;
    TAILQ_FOREACH(f, &set->fds, next) {
        if (flags_fit(f->fd, flags)) {
            break;
        }
    }
    if (!f) {
        error_setg(errp,
                   "Failed to find file descriptor with matching flags=0x%x",
                   flags);
        return -EACCES;
    }
    fd = fcntl(f->fd, F_DUPFD_CLOEXEC, 0);
    if (fd < 0) {
        int ret = -errno;

        error_setg_errno(errp, errno, "Failed to dup file descriptor");
        return ret;
    }
    g_array_append_val(set->dups, fd);
    return fd;
}

void fdset_close(int fd)
{
    Fdset *set, *next;

    TAILQ_FOREACH_SAFE(set, &fdsets, next, next) {
        for (guint i = 0; i < set->dups->len; i++) {
            if (g_array_index(set->dups, int, i) == fd) {
                g_array_remove_index_fast(set->dups, i);
                free_if_unused(set);
                break;
            }
        }
    }
    close(fd);
}
