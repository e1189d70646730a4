/*
 * A front end's memory: the regions it shares, where they are in this process
 * and in its own address space, and the table that rings look addresses up in.
 *
 * A front end can shorten the file behind a region at any time.  An access
 * behind the new end would kill us: such a page is replaced by memory of our
 * own, and the owner is told so that it drops the front end.
 *
 * Thread: main, but for the look-ups in the GuestMemory.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef EXPORT_VHOST_USER_MEM_H
#define EXPORT_VHOST_USER_MEM_H

#include "export/vhost-user-proto.h"
#include "util/aio.h"
#include "util/error.h"
#include "virtio/guest-memory.h"

/* Memory of another process mapped here, guarded against its disappearance. */
typedef struct VhostUserMapping {
    uint8_t *base; /* of the mapping */
    size_t len;
    uint8_t *ptr; /* of what was asked for */
    int guard;
} VhostUserMapping;

/*
 * Map @size bytes at @offset of @fd (which stays the caller's).  @lost is
 * scheduled when a page of it had to be replaced.  False and @errp.
 */
bool vhost_user_map(VhostUserMapping *m, int fd, uint64_t offset, uint64_t size,
                    QEMUBH *lost, Error **errp);
void vhost_user_unmap(VhostUserMapping *m);

typedef struct VhostUserMem {
    GPtrArray *regions; /* of counted regions, see the .c file */
    GuestMemory *table; /* of them; NULL while there are none */
    QEMUBH *lost;       /* the owner's */
} VhostUserMem;

void vhost_user_mem_init(VhostUserMem *m, QEMUBH *lost);
/* Forget all.  The mappings stay until the last table that has them goes. */
void vhost_user_mem_clear(VhostUserMem *m);
void vhost_user_mem_cleanup(VhostUserMem *m);

/* SET_MEM_TABLE, ADD_MEM_REG, REM_MEM_REG.  False and @errp: nothing has
 * changed (but for SET_MEM_TABLE, which leaves no memory). */
bool vhost_user_mem_set(VhostUserMem *m, const VhostUserMemTable *t,
                        const int *fds, int nfds, Error **errp);
bool vhost_user_mem_add(VhostUserMem *m, const VhostUserMemRegion *r, int fd,
                        Error **errp);
bool vhost_user_mem_remove(VhostUserMem *m, const VhostUserMemRegion *r,
                           Error **errp);

/* The guest address of the front end's address @uaddr; false if there is
 * none. */
bool vhost_user_mem_to_gpa(const VhostUserMem *m, uint64_t uaddr,
                           uint64_t *gpa);

#endif
