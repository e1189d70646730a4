/*
 * Limits of a rate: leaky buckets.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "util/throttle.h"

/* A bucket without burst rate holds what may pass in a tenth of a second. */
#define BRIM_DIVISOR 10

static const ThrottleBucketType buckets_of[2][4] = {
    { THROTTLE_BPS_TOTAL, THROTTLE_BPS_READ, THROTTLE_OPS_TOTAL,
      THROTTLE_OPS_READ },
    { THROTTLE_BPS_TOTAL, THROTTLE_BPS_WRITE, THROTTLE_OPS_TOTAL,
      THROTTLE_OPS_WRITE },
};

void throttle_config_init(ThrottleConfig *cfg)
{
    memset(cfg, 0, sizeof(*cfg));
    for (int i = 0; i < THROTTLE_BUCKETS; i++) {
        cfg->limits[i].burst_length = 1;
    }
}

bool throttle_enabled(const ThrottleConfig *cfg)
{
    for (int i = 0; i < THROTTLE_BUCKETS; i++) {
        if (cfg->limits[i].avg) {
            return true;
        }
    }
    return false;
}

/* --- validity --- */

/* A total, and a limit of one of its directions? */
static bool conflicts(const ThrottleConfig *cfg, int total, bool max)
{
#define VALUE(i) (max ? cfg->limits[i].max : cfg->limits[i].avg)
    return VALUE(total) && (VALUE(total + 1) || VALUE(total + 2));
#undef VALUE
}

static bool limit_is_valid(const ThrottleLimit *l, Error **errp)
{
    if (l->avg > THROTTLE_VALUE_MAX || l->max > THROTTLE_VALUE_MAX) {
        error_setg(errp, "bps/iops/max values must be within [0, %" PRId64 "]",
                   THROTTLE_VALUE_MAX);
    } else if (!l->burst_length) {
        error_setg(errp, "the burst length cannot be 0");
    } else if (l->burst_length > 1 && !l->max) {
        error_setg(errp, "burst length set without burst rate");
    } else if (l->max && l->burst_length > THROTTLE_VALUE_MAX / l->max) {
        error_setg(errp, "burst length too high for this burst rate");
    } else if (l->max && !l->avg) {
        error_setg(errp, "bps_max/iops_max require corresponding bps/iops "
                         "values");
    } else if (l->max && l->max < l->avg) {
        error_setg(errp, "bps_max/iops_max cannot be lower than bps/iops");
    } else {
        return true;
    }
    return false;
}

bool throttle_is_valid(const ThrottleConfig *cfg, Error **errp)
{
    const ThrottleLimit *l = cfg->limits;

    if (conflicts(cfg, THROTTLE_BPS_TOTAL, false) ||
        conflicts(cfg, THROTTLE_OPS_TOTAL, false) ||
        conflicts(cfg, THROTTLE_BPS_TOTAL, true) ||
        conflicts(cfg, THROTTLE_OPS_TOTAL, true)) {
        error_setg(errp, "bps/iops/max total values and read/write values "
                         "cannot be used at the same time");
        return false;
    }
    if (cfg->op_size && !l[THROTTLE_OPS_TOTAL].avg &&
        !l[THROTTLE_OPS_READ].avg && !l[THROTTLE_OPS_WRITE].avg) {
        error_setg(errp, "iops size requires an iops value to be set");
        return false;
    }
    for (int i = 0; i < THROTTLE_BUCKETS; i++) {
        if (!limit_is_valid(&l[i], errp)) {
            return false;
        }
    }
    return true;
}

/* --- buckets --- */

void throttle_set_config(ThrottleState *ts, const ThrottleConfig *cfg,
                         int64_t now)
{
    memset(ts, 0, sizeof(*ts));
    ts->cfg = *cfg;
    ts->leaked_at = now;
}

static void leak(ThrottleState *ts, int64_t now)
{
    double seconds = (now - ts->leaked_at) / 1e9;

    ts->leaked_at = now;
    if (seconds <= 0) {
        return;
    }
    for (int i = 0; i < THROTTLE_BUCKETS; i++) {
        const ThrottleLimit *l = &ts->cfg.limits[i];

        ts->level[i] = MAX(ts->level[i] - seconds * l->avg, 0);
        ts->burst[i] = MAX(ts->burst[i] - seconds * l->max, 0);
    }
}

/* Nanoseconds until @level has leaked down to @brim. */
static int64_t time_to(double level, double brim, double rate)
{
    return level > brim ? (int64_t)((level - brim) / rate * 1e9) + 1 : 0;
}

static int64_t bucket_wait(const ThrottleState *ts, int i)
{
    const ThrottleLimit *l = &ts->cfg.limits[i];
    int64_t wait;

    if (!l->avg) {
        return 0;
    }
    if (!l->max) {
        return time_to(ts->level[i], (double)l->avg / BRIM_DIVISOR, l->avg);
    }
    wait = time_to(ts->level[i], (double)l->max * l->burst_length, l->avg);
    if (l->burst_length > 1) {
        wait = MAX(
            wait, time_to(ts->burst[i], (double)l->max / BRIM_DIVISOR, l->max));
    }
    return wait;
}

int64_t throttle_wait(ThrottleState *ts, bool is_write, int64_t now)
{
    int64_t wait = 0;

    leak(ts, now);
    for (size_t i = 0; i < ARRAY_SIZE(buckets_of[0]); i++) {
        wait = MAX(wait, bucket_wait(ts, buckets_of[is_write][i]));
    }
    return wait;
}

void throttle_account(ThrottleState *ts, bool is_write, uint64_t bytes)
{
    double ops = 1;

    if (ts->cfg.op_size && bytes > ts->cfg.op_size) {
        ops = (double)bytes / ts->cfg.op_size;
    }
    for (size_t i = 0; i < ARRAY_SIZE(buckets_of[0]); i++) {
        ThrottleBucketType b = buckets_of[is_write][i];
        double units = b >= THROTTLE_OPS_TOTAL ? ops : (double)bytes;

        ts->level[b] += units;
        if (ts->cfg.limits[b].burst_length > 1) {
            ts->burst[b] += units;
        }
    }
}
