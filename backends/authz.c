/*
 * Authorization objects.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "backends/authz.h"

#include <fnmatch.h>

#include "qapi/qapi-visit-authz.h"
#include "qom/property.h"

#define TYPE_AUTHZ        "authz"
#define TYPE_AUTHZ_LIST   "authz-list"
#define TYPE_AUTHZ_SIMPLE "authz-simple"

typedef struct AuthZOps {
    UserCreatableOps parent;
    bool (*is_allowed)(Object *obj, const char *identity);
} AuthZOps;

bool authz_is_allowed_by_id(const char *id, const char *identity, Error **errp)
{
    Object *obj = object_get_child(object_get_objects_root(), id);

    if (!obj) {
        error_setg(errp, "Cannot find QAuthZ object ID %s", id);
        return false;
    }
    if (!object_dynamic_cast(obj, TYPE_AUTHZ)) {
        error_setg(errp, "Object '%s' is not a QAuthZ subclass", id);
        return false;
    }
    return OBJECT_FIND_OP(obj, TYPE_AUTHZ, AuthZOps, is_allowed)(obj, identity);
}

const TypeInfo authz_type = {
    .name = TYPE_AUTHZ,
    .parent = TYPE_USER_CREATABLE,
    .instance_size = sizeof(Object),
    .abstract = true,
};

/* --- authz-simple: one identity --- */

typedef struct AuthZSimple {
    Object parent_obj;
    char *identity; /* main */
} AuthZSimple;

OBJECT_DECLARE_TYPE(AuthZSimple, AUTHZ_SIMPLE, TYPE_AUTHZ_SIMPLE)

static bool simple_is_allowed(Object *obj, const char *identity)
{
    AuthZSimple *s = AUTHZ_SIMPLE(obj);

    return s->identity && !strcmp(s->identity, identity);
}

static const Property simple_props[] = {
    DEFINE_PROP_STRING("identity", AuthZSimple, identity),
    DEFINE_PROP_END,
};

static const AuthZOps simple_ops = {
    .is_allowed = simple_is_allowed,
};

const TypeInfo authz_simple_type = {
    .name = TYPE_AUTHZ_SIMPLE,
    .parent = TYPE_AUTHZ,
    .instance_size = sizeof(AuthZSimple),
    .props = simple_props,
    .class_ops = &simple_ops,
};

/* --- authz-list: rules in order --- */

typedef struct AuthZList {
    Object parent_obj;
    int policy;                /* main; QAuthZListPolicy */
    QAuthZListRuleList *rules; /* main */
} AuthZList;

OBJECT_DECLARE_TYPE(AuthZList, AUTHZ_LIST, TYPE_AUTHZ_LIST)

static bool rule_matches(const QAuthZListRule *rule, const char *identity)
{
    if (rule->has_format && rule->format == Q_AUTH_Z_LIST_FORMAT_GLOB) {
        return !fnmatch(rule->match, identity, 0);
    }
    return !strcmp(rule->match, identity);
}

static bool list_is_allowed(Object *obj, const char *identity)
{
    AuthZList *s = AUTHZ_LIST(obj);

    for (QAuthZListRuleList *l = s->rules; l; l = l->next) {
        if (rule_matches(l->value, identity)) {
            return l->value->policy == Q_AUTH_Z_LIST_POLICY_ALLOW;
        }
    }
    return s->policy == Q_AUTH_Z_LIST_POLICY_ALLOW;
}

static bool get_rules(Object *obj, void *field, const Property *prop,
                      Visitor *v, Error **errp)
{
    return visit_type_QAuthZListRuleList(v, prop->name, field, errp);
}

static bool set_rules(Object *obj, void *field, const Property *prop,
                      Visitor *v, Error **errp)
{
    QAuthZListRuleList *rules = NULL, **old = field;

    if (!visit_type_QAuthZListRuleList(v, prop->name, &rules, errp)) {
        return false;
    }
    qapi_free_QAuthZListRuleList(*old);
    *old = rules;
    return true;
}

static void release_rules(Object *obj, void *field)
{
    QAuthZListRuleList **rules = field;

    qapi_free_QAuthZListRuleList(*rules);
    *rules = NULL;
}

static const PropertyInfo rules_info = {
    .type = "QAuthZListRule",
    .size = sizeof(QAuthZListRuleList *),
    .get = get_rules,
    .set = set_rules,
    .release = release_rules,
};

static const PropertyInfo policy_info = PROPERTY_INFO_ENUM(
    "QAuthZListPolicy", NULL, &QAuthZListPolicy_lookup);

static const Property list_props[] = {
    { .name = "policy",
      .info = &policy_info,
      .offset = offsetof(AuthZList, policy),
      .def.i = Q_AUTH_Z_LIST_POLICY_DENY },
    DEFINE_PROP("rules", AuthZList, rules, rules_info, QAuthZListRuleList *),
    DEFINE_PROP_END,
};

static const AuthZOps list_ops = {
    .is_allowed = list_is_allowed,
};

const TypeInfo authz_list_type = {
    .name = TYPE_AUTHZ_LIST,
    .parent = TYPE_AUTHZ,
    .instance_size = sizeof(AuthZList),
    .props = list_props,
    .class_ops = &list_ops,
};
