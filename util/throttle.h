/*
 * Limits of a rate: leaky buckets for bytes and operations.
 *
 * A bucket is filled by requests and leaks at the permitted rate; a request
 * waits while the bucket is over its brim. With a burst rate the bucket is
 * deep (max * burst_length), and a second, shallow one limits the burst.
 *
 * Pure arithmetic; the caller has a lock.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef UTIL_THROTTLE_H
#define UTIL_THROTTLE_H

#include "util/error.h"

#define THROTTLE_VALUE_MAX INT64_C(1000000000000000)

typedef enum {
    THROTTLE_BPS_TOTAL,
    THROTTLE_BPS_READ,
    THROTTLE_BPS_WRITE,
    THROTTLE_OPS_TOTAL,
    THROTTLE_OPS_READ,
    THROTTLE_OPS_WRITE,
    THROTTLE_BUCKETS,
} ThrottleBucketType;

/* All per second; 0: no limit. */
typedef struct ThrottleLimit {
    uint64_t avg, max;
    uint64_t burst_length; /* seconds; 1 unless set */
} ThrottleLimit;

typedef struct ThrottleConfig {
    ThrottleLimit limits[THROTTLE_BUCKETS];
    uint64_t op_size; /* bytes from which a request counts as several; 0 */
} ThrottleConfig;

typedef struct ThrottleState {
    ThrottleConfig cfg;
    double level[THROTTLE_BUCKETS], burst[THROTTLE_BUCKETS];
    int64_t leaked_at; /* nanoseconds */
} ThrottleState;

void throttle_config_init(ThrottleConfig *cfg);
/* Is there any limit? */
bool throttle_enabled(const ThrottleConfig *cfg);
/* False and @errp for values that contradict each other. */
bool throttle_is_valid(const ThrottleConfig *cfg, Error **errp);

/* Begin with empty buckets at @now. @cfg is valid. */
void throttle_set_config(ThrottleState *ts, const ThrottleConfig *cfg,
                         int64_t now);
/* Nanoseconds until a read or write may start; 0: now. */
int64_t throttle_wait(ThrottleState *ts, bool is_write, int64_t now);
/* It starts. */
void throttle_account(ThrottleState *ts, bool is_write, uint64_t bytes);

#endif
