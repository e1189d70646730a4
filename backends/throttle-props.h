/*
 * The inside of a throttle group, for backends/throttle-*.c.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef BACKENDS_THROTTLE_PROPS_H
#define BACKENDS_THROTTLE_PROPS_H

#include "backends/throttle-group.h"
#include "util/thread.h"

struct ThrottleGroup {
    Object parent_obj;
    char *name;             /* main; NULL: not registered */
    bool complete;          /* main: x-* are fixed */
    ThrottleConfig initial; /* main: what properties say until complete */
    TAILQ_ENTRY(ThrottleGroup) next;

    bool limited; /* atomic: throttle_enabled() */
    QemuMutex lock;
    /* lock; index: is_write */
    ThrottleState state;
    TAILQ_HEAD(, ThrottleMember) members;
    bool turn_taken[2];
    QemuCoSleep *sleeper[2]; /* of the request that has the turn */
    const ThrottleMember *sleeping[2];
};

bool throttle_group_register(ThrottleGroup *g, const char *name, Error **errp);
void throttle_group_init(ThrottleGroup *g);
void throttle_group_cleanup(ThrottleGroup *g);

#endif
