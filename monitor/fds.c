/*
 * Descriptors that clients pass to monitors: getfd, and the sets of add-fd.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "monitor/monitor-internal.h"
#include "qapi/qapi-commands-misc.h"
#include "util/cutils.h"
#include "util/fdset.h"

static MonFd *find_fd(Monitor *mon, const char *name)
{
    MonFd *f;

    TAILQ_FOREACH(f, &mon->fds, next) {
        if (g_str_equal(f->name, name)) {
            return f;
        }
    }
    return NULL;
}

static void free_fd(Monitor *mon, MonFd *f)
{
    TAILQ_REMOVE(&mon->fds, f, next);
    g_free(f->name);
    g_free(f);
}

void monitor_close_fds(Monitor *mon)
{
    MonFd *f;

    while ((f = TAILQ_FIRST(&mon->fds))) {
        close(f->fd);
        free_fd(mon, f);
    }
}

int monitor_get_fd(Monitor *mon, const char *fdname, Error **errp)
{
    MonFd *f = find_fd(mon, fdname);
    int fd;

    if (!f) {
        error_setg(errp, "File descriptor named '%s' has not been found",
                   fdname);
        return -1;
    }
    fd = f->fd;
    free_fd(mon, f);
    return fd;
}

int monitor_fd_param(Monitor *mon, const char *fdname, Error **errp)
{
    int fd;

    if (!g_ascii_isdigit(fdname[0]) && mon) {
        return monitor_get_fd(mon, fdname, errp);
    }
    if (qemu_strtoi(fdname, NULL, 10, &fd) < 0 || fd < 0) {
        error_setg(errp, "Invalid file descriptor number '%s'", fdname);
        return -1;
    }
    return fd;
}

void qmp_getfd(const char *fdname, Error **errp)
{
    Monitor *mon = monitor_cur();
    int fd = mon ? qemu_chr_fe_get_msgfd(&mon->fe) : -1;
    MonFd *f;

    if (fd < 0) {
        error_setg(errp, "No file descriptor supplied via SCM_RIGHTS");
        return;
    }
    if (g_ascii_isdigit(fdname[0])) {
        close(fd);
        error_setg(errp, "Parameter 'fdname' expects a name not starting with "
                         "a digit");
        return;
    }
    f = find_fd(mon, fdname);
    if (f) {
        close(f->fd);
    } else {
        f = g_new0(MonFd, 1);
        f->name = g_strdup(fdname);
        TAILQ_INSERT_HEAD(&mon->fds, f, next);
    }
    f->fd = fd;
}

void qmp_closefd(const char *fdname, Error **errp)
{
    Monitor *mon = monitor_cur();
    MonFd *f = mon ? find_fd(mon, fdname) : NULL;

    if (!f) {
        error_setg(errp, "File descriptor named '%s' not found", fdname);
        return;
    }
    close(f->fd);
    free_fd(mon, f);
}

/* --- sets --- */

AddfdInfo *qmp_add_fd(bool has_fdset_id, int64_t fdset_id, const char *opaque,
                      Error **errp)
{
    Monitor *mon = monitor_cur();
    int fd = mon ? qemu_chr_fe_get_msgfd(&mon->fe) : -1;
    AddfdInfo *info;
    int64_t id;

    if (fd < 0) {
        error_setg(errp, "No file descriptor supplied via SCM_RIGHTS");
        return NULL;
    }
    id = fdset_add(fd, has_fdset_id ? &fdset_id : NULL, opaque, errp);
    if (id < 0) {
        close(fd);
        return NULL;
    }
    info = g_new0(AddfdInfo, 1);
    info->fdset_id = id;
    info->fd = fd;
    return info;
}

void qmp_remove_fd(int64_t fdset_id, bool has_fd, int64_t fd, Error **errp)
{
    fdset_remove(fdset_id, has_fd ? &fd : NULL, errp);
}

static FdsetFdInfoList *list_fds(const Fdset *set)
{
    FdsetFdInfoList *head = NULL, **tail = &head;
    const FdsetFd *f;

    TAILQ_FOREACH(f, &set->fds, next) {
        FdsetFdInfo *info = g_new0(FdsetFdInfo, 1);

        info->fd = f->fd;
        info->opaque = g_strdup(f->opaque);
        QAPI_LIST_APPEND(tail, info);
    }
    return head;
}

/* The highest number first. */
FdsetInfoList *qmp_query_fdsets(Error **errp)
{
    FdsetInfoList *head = NULL;
    const Fdset *set;

    TAILQ_FOREACH(set, &fdsets, next) {
        FdsetInfo *info = g_new0(FdsetInfo, 1);

        info->fdset_id = set->id;
        info->fds = list_fds(set);
        QAPI_LIST_PREPEND(head, info);
    }
    return head;
}
