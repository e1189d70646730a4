/*
 * The throttle-group object: its properties.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "backends/throttle-props.h"

#include "qapi/qapi-visit-qom.h"
#include "qom/property.h"
#include "util/atomic.h"

/* Where a number of the configuration is. */
static uint64_t *config_field(ThrottleConfig *cfg, const Property *prop)
{
    ThrottleLimit *l = &cfg->limits[prop->bitnr >> 2];

    switch (prop->bitnr & 3) {
    case 0:
        return &l->avg;
    case 1:
        return &l->max;
    case 2:
        return &l->burst_length;
    default:
        return &cfg->op_size;
    }
}

static bool get_number(Object *obj, void *field, const Property *prop,
                       Visitor *v, Error **errp)
{
    ThrottleGroup *g = (ThrottleGroup *)obj;
    ThrottleConfig cfg;
    int64_t value;

    throttle_group_get_config(g, &cfg);
    value = *config_field(g->complete ? &cfg : &g->initial, prop);
    return visit_type_int64(v, prop->name, &value, errp);
}

static bool set_number(Object *obj, void *field, const Property *prop,
                       Visitor *v, Error **errp)
{
    ThrottleGroup *g = (ThrottleGroup *)obj;
    int64_t value;

    if (g->complete) {
        error_setg(errp, "Property cannot be set after initialization");
        return false;
    }
    if (!visit_type_int64(v, prop->name, &value, errp)) {
        return false;
    }
    if (value < 0) {
        error_setg(errp, "Property values cannot be negative");
        return false;
    }
    if ((prop->bitnr & 3) == 2 && value > UINT_MAX) {
        error_setg(errp, "%s value must be in the range [0, %u]", prop->name,
                   UINT_MAX);
        return false;
    }
    *config_field(&g->initial, prop) = value;
    return true;
}

static const PropertyInfo throttle_number = {
    .type = "int",
    .get = get_number,
    .set = set_number,
};

/* --- limits: all at once --- */

/* X(bucket, name) for each that has three numbers. */
#define FOR_EACH_LIMIT(X)             \
    X(THROTTLE_BPS_TOTAL, bps_total)  \
    X(THROTTLE_BPS_READ, bps_read)    \
    X(THROTTLE_BPS_WRITE, bps_write)  \
    X(THROTTLE_OPS_TOTAL, iops_total) \
    X(THROTTLE_OPS_READ, iops_read)   \
    X(THROTTLE_OPS_WRITE, iops_write)

static bool get_limits(Object *obj, void *field, const Property *prop,
                       Visitor *v, Error **errp)
{
    ThrottleGroup *g = (ThrottleGroup *)obj;
    ThrottleLimits l = { .has_iops_size = true }, *p = &l;
    ThrottleConfig cfg;

    throttle_group_get_config(g, &cfg);
    if (!g->complete) {
        cfg = g->initial;
    }
#define GET(bucket, name)                  \
    l.has_##name = true;                   \
    l.name = cfg.limits[bucket].avg;       \
    l.has_##name##_max = true;             \
    l.name##_max = cfg.limits[bucket].max; \
    l.has_##name##_max_length = true;      \
    l.name##_max_length = cfg.limits[bucket].burst_length;
    FOR_EACH_LIMIT(GET)
#undef GET
    l.iops_size = cfg.op_size;
    return visit_type_ThrottleLimits(v, prop->name, &p, errp);
}

static bool limits_to_config(const ThrottleLimits *l, ThrottleConfig *cfg,
                             Error **errp)
{
#define SET(bucket, name)                                                  \
    if (l->has_##name) {                                                   \
        cfg->limits[bucket].avg = l->name;                                 \
    }                                                                      \
    if (l->has_##name##_max) {                                             \
        cfg->limits[bucket].max = l->name##_max;                           \
    }                                                                      \
    if (l->has_##name##_max_length) {                                      \
        if (l->name##_max_length > UINT_MAX) {                             \
            error_setg(errp, "burst length too high for this burst rate"); \
            return false;                                                  \
        }                                                                  \
        cfg->limits[bucket].burst_length = l->name##_max_length;           \
    }
    FOR_EACH_LIMIT(SET)
#undef SET
    if (l->has_iops_size) {
        cfg->op_size = l->iops_size;
    }
    return throttle_is_valid(cfg, errp);
}

static bool set_limits(Object *obj, void *field, const Property *prop,
                       Visitor *v, Error **errp)
{
    ThrottleGroup *g = (ThrottleGroup *)obj;
    g_autoptr(ThrottleLimits) l = NULL;
    ThrottleConfig cfg;

    if (!visit_type_ThrottleLimits(v, prop->name, &l, errp)) {
        return false;
    }
    throttle_group_get_config(g, &cfg);
    if (!g->complete) {
        cfg = g->initial;
    }
    if (!limits_to_config(l, &cfg, errp)) {
        return false;
    }
    if (g->complete) {
        throttle_group_set_config(g, &cfg);
    } else {
        g->initial = cfg;
    }
    return true;
}

static const PropertyInfo throttle_limits = {
    .type = "ThrottleLimits",
    .get = get_limits,
    .set = set_limits,
};

/* --- the type --- */

#define NUMBER(n, bucket, what)                                                \
    {                                                                          \
        .name = (n), .info = &throttle_number, .bitnr = (bucket) << 2 | (what) \
    }
#define LIMIT(n, bucket)                                         \
    NUMBER("x-" n, bucket, 0), NUMBER("x-" n "-max", bucket, 1), \
        NUMBER("x-" n "-max-length", bucket, 2)

static const Property throttle_group_props[] = {
    LIMIT("iops-total", THROTTLE_OPS_TOTAL),
    LIMIT("iops-read", THROTTLE_OPS_READ),
    LIMIT("iops-write", THROTTLE_OPS_WRITE),
    LIMIT("bps-total", THROTTLE_BPS_TOTAL),
    LIMIT("bps-read", THROTTLE_BPS_READ),
    LIMIT("bps-write", THROTTLE_BPS_WRITE),
    NUMBER("x-iops-size", 0, 3),
    { .name = "limits", .info = &throttle_limits },
    DEFINE_PROP_END,
};

static void instance_init(Object *obj)
{
    ThrottleGroup *g = (ThrottleGroup *)obj;

    throttle_config_init(&g->initial);
    throttle_group_init(g);
    /* Until it gets a name as an object: one that a drive made */
    g->complete = false;
}

static void instance_finalize(Object *obj)
{
    throttle_group_cleanup((ThrottleGroup *)obj);
}

static bool group_complete(Object *obj, Error **errp)
{
    ThrottleGroup *g = (ThrottleGroup *)obj;

    if (!throttle_is_valid(&g->initial, errp) ||
        !throttle_group_register(g, object_get_canonical_path_component(obj),
                                 errp)) {
        return false;
    }
    throttle_group_set_config(g, &g->initial);
    g->complete = true;
    return true;
}

static bool group_can_be_deleted(Object *obj)
{
    return qatomic_read(&obj->ref) == 1;
}

static const UserCreatableOps throttle_group_ops = {
    .complete = group_complete,
    .can_be_deleted = group_can_be_deleted,
};

const TypeInfo throttle_group_type = {
    .name = TYPE_THROTTLE_GROUP,
    .parent = TYPE_USER_CREATABLE,
    .instance_size = sizeof(ThrottleGroup),
    .props = throttle_group_props,
    .class_ops = &throttle_group_ops,
    .instance_init = instance_init,
    .instance_finalize = instance_finalize,
};
