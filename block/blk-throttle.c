/*
 * Limits of a BlockBackend.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/blk-throttle.h"

#include "backends/throttle-group.h"
#include "block/blk-int.h"
#include "block/opts.h"
#include "qapi/qapi-commands-block.h"

/* In a drained section. */
static void set_member(BlockBackend *blk, ThrottleMember *m)
{
    throttle_member_free(blk->throttle);
    blk->throttle = m;
    if (m && blk->quiesce_counter) {
        throttle_member_disable(m);
    }
}

static void leave_group(BlockBackend *blk)
{
    ThrottleMember *old = blk->throttle;

    if (old) {
        blk_drained_begin(blk);
        set_member(blk, NULL);
        blk_drained_end(blk);
    }
}

static void enter_group(BlockBackend *blk, const char *name)
{
    ThrottleGroup *g = throttle_group_find_or_new(name);

    if (blk->throttle && throttle_member_group(blk->throttle) == g) {
        throttle_group_unref(g);
        return;
    }
    blk_drained_begin(blk);
    set_member(blk, throttle_member_new(g));
    blk_drained_end(blk);
}

void blk_set_io_limits(BlockBackend *blk, const char *group,
                       const ThrottleConfig *cfg)
{
    if (!throttle_enabled(cfg)) {
        leave_group(blk);
        return;
    }
    enter_group(blk, group);
    throttle_group_set_config(throttle_member_group(blk->throttle), cfg);
}

const char *blk_get_io_limits(const BlockBackend *blk, ThrottleConfig *cfg)
{
    ThrottleGroup *g;

    if (!blk->throttle) {
        return NULL;
    }
    g = throttle_member_group(blk->throttle);
    throttle_group_get_config(g, cfg);
    return throttle_group_name(g);
}

/* --- -drive --- */

bool blk_take_io_limits(QDict *opts, ThrottleConfig *cfg, char **group,
                        Error **errp)
{
    static const char *const names[THROTTLE_BUCKETS] = {
        [THROTTLE_BPS_TOTAL] = "bps-total", [THROTTLE_BPS_READ] = "bps-read",
        [THROTTLE_BPS_WRITE] = "bps-write", [THROTTLE_OPS_TOTAL] = "iops-total",
        [THROTTLE_OPS_READ] = "iops-read",  [THROTTLE_OPS_WRITE] = "iops-write",
    };

    throttle_config_init(cfg);
    for (int i = 0; i < THROTTLE_BUCKETS; i++) {
        ThrottleLimit *l = &cfg->limits[i];
        g_autofree char *avg = g_strdup_printf("throttling.%s", names[i]);
        g_autofree char *max = g_strdup_printf("%s-max", avg);
        g_autofree char *length = g_strdup_printf("%s-length", max);

        if (!bdrv_take_number(opts, avg, &l->avg, errp) ||
            !bdrv_take_number(opts, max, &l->max, errp) ||
            !bdrv_take_number(opts, length, &l->burst_length, errp)) {
            return false;
        }
    }
    if (!bdrv_take_number(opts, "throttling.iops-size", &cfg->op_size, errp)) {
        return false;
    }
    *group = bdrv_take_str(opts, "throttling.group");
    return throttle_is_valid(cfg, errp);
}

/* --- QMP --- */

/* X(bucket, name) for each that has three numbers, named as QMP does. */
#define FOR_EACH_LIMIT(X)         \
    X(THROTTLE_BPS_TOTAL, bps)    \
    X(THROTTLE_BPS_READ, bps_rd)  \
    X(THROTTLE_BPS_WRITE, bps_wr) \
    X(THROTTLE_OPS_TOTAL, iops)   \
    X(THROTTLE_OPS_READ, iops_rd) \
    X(THROTTLE_OPS_WRITE, iops_wr)

void blk_query_io_limits(const BlockBackend *blk, BlockDeviceInfo *info)
{
    ThrottleConfig cfg;
    const char *group = blk ? blk_get_io_limits(blk, &cfg) : NULL;

    if (!group) {
        return;
    }
#define GET(bucket, name)                                   \
    info->name = cfg.limits[bucket].avg;                    \
    info->has_##name##_max = cfg.limits[bucket].max;        \
    info->name##_max = cfg.limits[bucket].max;              \
    info->has_##name##_max_length = info->has_##name##_max; \
    info->name##_max_length = cfg.limits[bucket].burst_length;
    FOR_EACH_LIMIT(GET)
#undef GET
    info->has_iops_size = cfg.op_size;
    info->iops_size = cfg.op_size;
    info->group = g_strdup(group);
}

static BlockBackend *find_blk(const char *device, const char *id, Error **errp)
{
    BlockBackend *blk;

    if (!device == !id) {
        error_setg(errp, "Need exactly one of 'device' and 'id'");
        return NULL;
    }
    if (id) {
        return blk_by_qdev_id(id, errp);
    }
    blk = blk_by_name(device);
    if (!blk) {
        error_set(errp, ERROR_CLASS_DEVICE_NOT_FOUND, "Device '%s' not found",
                  device);
    }
    return blk;
}

void qmp_block_set_io_throttle(BlockIOThrottle *arg, Error **errp)
{
    BlockBackend *blk = find_blk(arg->device, arg->id, errp);
    const char *group = arg->group;
    ThrottleConfig cfg, old;

    if (!blk) {
        return;
    }
    if (!blk_bs(blk)) {
        error_setg(errp, "Device has no medium");
        return;
    }
    throttle_config_init(&cfg);
#define SET(bucket, name)                                         \
    cfg.limits[bucket].avg = arg->name;                           \
    if (arg->has_##name##_max) {                                  \
        cfg.limits[bucket].max = arg->name##_max;                 \
    }                                                             \
    if (arg->has_##name##_max_length) {                           \
        cfg.limits[bucket].burst_length = arg->name##_max_length; \
    }
    FOR_EACH_LIMIT(SET)
#undef SET
    if (arg->has_iops_size) {
        cfg.op_size = arg->iops_size;
    }
    if (!throttle_is_valid(&cfg, errp)) {
        return;
    }
    /* Without a group: the one it is in, else one of its own */
    if (!group) {
        group = blk_get_io_limits(blk, &old);
    }
    blk_set_io_limits(blk,
                      group         ? group
                      : arg->device ? arg->device
                                    : arg->id,
                      &cfg);
}
