/*
 * Sets of file descriptors that were given to the program (-add-fd, QMP
 * add-fd).  The name /dev/fdset/N opens set N: the descriptor of the set
 * whose access mode fits is duplicated.
 *
 * Main thread.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef UTIL_FDSET_H
#define UTIL_FDSET_H

#include "util/error.h"
#include "util/queue.h"

typedef struct FdsetFd {
    int fd;
    char *opaque; /* the user's, for query-fdsets; may be NULL */
    TAILQ_ENTRY(FdsetFd) next;
} FdsetFd;

typedef struct Fdset {
    int64_t id;
    TAILQ_HEAD(, FdsetFd) fds; /* in the order they came */
    GArray *dups;              /* int: opened by name and not closed */
    TAILQ_ENTRY(Fdset) next;
} Fdset;

/* By rising id; for iteration only. */
typedef TAILQ_HEAD(, Fdset) FdsetList;
extern FdsetList fdsets;

/* Put @fd, which becomes the set's, into set @*id, or with NULL into one with
 * the smallest free number.  Gives the number; -1 if @*id is negative. */
int64_t fdset_add(int fd, const int64_t *id, const char *opaque, Error **errp);
/* Close @fd (NULL: all) of set @id. */
bool fdset_remove(int64_t id, const int64_t *fd, Error **errp);

bool fdset_is_name(const char *name);
/* Open by name: a descriptor with FD_CLOEXEC, or -errno. */
int fdset_open(const char *name, int flags, Error **errp);
/* close(@fd), whether it came from fdset_open() or not. */
void fdset_close(int fd);

#endif
