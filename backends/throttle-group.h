/*
 * Throttle groups: members share limits, and take turns.
 *
 * A group is found by its name: that of a throttle-group object, or the one a
 * drive's options give. It goes with its last reference.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef BACKENDS_THROTTLE_GROUP_H
#define BACKENDS_THROTTLE_GROUP_H

#include "qom/object.h"
#include "util/coroutine.h"
#include "util/throttle.h"

#define TYPE_THROTTLE_GROUP "throttle-group"
typedef struct ThrottleGroup ThrottleGroup;
typedef struct ThrottleMember ThrottleMember;

extern const TypeInfo throttle_group_type;

/* --- groups (main) --- */

/* One more reference; NULL: there is none. */
ThrottleGroup *throttle_group_find(const char *name);
/* The same, made if there is none. */
ThrottleGroup *throttle_group_find_or_new(const char *name);
void throttle_group_unref(ThrottleGroup *g);
const char *throttle_group_name(const ThrottleGroup *g);
void throttle_group_get_config(ThrottleGroup *g, ThrottleConfig *cfg);
/* @cfg is valid. Whoever waits looks again. */
void throttle_group_set_config(ThrottleGroup *g, const ThrottleConfig *cfg);

/* --- members --- */

/* Main; a new member of @g, whose reference it takes. */
ThrottleMember *throttle_member_new(ThrottleGroup *g);
/* Main; none of its requests waits. */
void throttle_member_free(ThrottleMember *m);
ThrottleGroup *throttle_member_group(ThrottleMember *m);
/* Any thread: is there a limit at all? */
bool throttle_member_limited(const ThrottleMember *m);
/* Main: let those that wait go, and all that come, until the matching end.
 * For drains; nests. */
void throttle_member_disable(ThrottleMember *m);
void throttle_member_enable(ThrottleMember *m);
/* I/O: wait until a request of @bytes may start. */
void coroutine_fn throttle_co_wait(ThrottleMember *m, uint64_t bytes,
                                   bool is_write);

#endif
