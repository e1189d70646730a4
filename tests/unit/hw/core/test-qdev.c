/*
 * Devices and buses: -device's look-ups and messages, realize, reset order,
 * globals, removal; handlers of run-state changes.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "hw/core/qdev.h"
#include "hw/core/reset.h"
#include "hw/core/vm-state.h"
#include "qobject/json.h"
#include "qobject/qdict.h"

typedef struct Gadget {
    DeviceState dev;
    BusState bus; /* hubs only */
    uint32_t number;
} Gadget;

OBJECT_DECLARE_TYPE(Gadget, GADGET, "gadget-base")

static GString *journal; /* what happened */

static void note(const char *what, DeviceState *dev)
{
    g_string_append_printf(journal, "%s:%s ", what, dev->id ? dev->id : "-");
}

static bool gadget_realize(DeviceState *dev, Error **errp)
{
    if (GADGET(dev)->number == 13) {
        error_setg(errp, "unlucky number");
        return false;
    }
    note("realize", dev);
    return true;
}

static void gadget_unrealize(DeviceState *dev)
{
    note("unrealize", dev);
}

static void gadget_reset(DeviceState *dev)
{
    note("reset", dev);
}

static bool hub_realize(DeviceState *dev, Error **errp)
{
    qbus_init(&GADGET(dev)->bus, sizeof(BusState), "gadget-bus", dev, NULL);
    note("realize", dev);
    return true;
}

static const Property gadget_props[] = {
    DEFINE_PROP_UINT32("number", Gadget, number, 1),
    DEFINE_PROP_END,
};

static const DeviceOps base_ops = {
    .bus_type = "gadget-bus",
    .realize = gadget_realize,
    .unrealize = gadget_unrealize,
    .reset = gadget_reset,
};

static const DeviceOps gadget_ops = {
    .desc = "a gadget",
    .category = DEVICE_CATEGORY_MISC,
    .user_creatable = true,
};

static const DeviceOps hub_ops = {
    .bus_type = TYPE_SYSTEM_BUS,
    .realize = hub_realize,
    .user_creatable = true,
};

static const BusOps bus_ops = { .max_dev = 2 };

static const TypeInfo base_type = {
    .name = "gadget-base",
    .parent = TYPE_DEVICE,
    .instance_size = sizeof(Gadget),
    .abstract = true,
    .props = gadget_props,
    .class_ops = &base_ops,
};

static const TypeInfo gadget_type = {
    .name = "gadget",
    .parent = "gadget-base",
    .class_ops = &gadget_ops,
};

/* Only the board makes these. */
static const TypeInfo builtin_type = {
    .name = "builtin",
    .parent = "gadget-base",
};

static const TypeInfo hub_type = {
    .name = "hub",
    .parent = "gadget-base",
    .class_ops = &hub_ops,
};

static const TypeInfo gadget_bus_type = {
    .name = "gadget-bus",
    .parent = TYPE_BUS,
    .class_ops = &bus_ops,
};

static const TypeInfo *const types[] = { &base_type,       &gadget_type,
                                         &builtin_type,    &hub_type,
                                         &gadget_bus_type, NULL };

static DeviceState *add(const char *json, Error **errp)
{
    g_autoptr(QDict)
        opts = qobject_to(QDict, qobject_from_json(json, &error_abort));

    return qdev_device_add_from_qdict(opts, true, errp);
}

static void check_bad(const char *json, const char *message)
{
    g_autoptr(Error) err = NULL;

    g_assert_null(add(json, &err));
    g_assert_cmpstr(error_get_pretty(err), ==, message);
}

static void check_journal(const char *expected)
{
    g_assert_cmpstr(journal->str, ==, expected);
    g_string_truncate(journal, 0);
}

static void test_messages(void)
{
    check_bad("{}", "Parameter 'driver' is missing");
    check_bad("{'driver': 'no'}", "'no' is not a valid device model name");
    check_bad("{'driver': 'container'}",
              "'container' is not a valid device model name");
    check_bad("{'driver': 'gadget-base'}",
              "Parameter 'driver' expects a non-abstract device type");
    check_bad("{'driver': 'builtin'}",
              "Parameter 'driver' expects a pluggable device type");
    check_bad("{'driver': 'gadget'}",
              "No 'gadget-bus' bus found for device 'gadget'");
    check_bad("{'driver': 'gadget', 'bus': 'x'}", "Bus 'x' not found");
    check_bad("{'driver': 'gadget', 'bus': 'main-system-bus'}",
              "Device 'gadget' can't go on System bus");
    check_bad("{'driver': 'hub', 'foo': 1}", "Property 'hub.foo' not found");
    check_journal("");
}

static void test_tree(void)
{
    DeviceState *hub = add("{'driver': 'hub', 'id': 'h'}", &error_abort);
    DeviceState *a, *b;
    g_autofree char *path = NULL;

    a = add("{'driver': 'gadget', 'id': 'a', 'number': 5}", &error_abort);
    b = add("{'driver': 'gadget', 'bus': 'h.0'}", &error_abort);
    check_journal("realize:h realize:a realize:- ");
    g_assert_true(qdev_find_by_id("a") == a);
    g_assert_cmpuint(GADGET(a)->number, ==, 5);
    path = object_get_canonical_path(b);
    g_assert_cmpstr(path, ==, "/machine/peripheral-anon/device[0]");
    check_bad("{'driver': 'gadget'}",
              "No 'gadget-bus' bus found for device 'gadget'");
    check_bad("{'driver': 'gadget', 'bus': 'h.0'}", "Bus 'h.0' is full");

    qemu_devices_reset();
    check_journal("reset:- reset:a reset:h ");

    qdev_unplug_now(a);
    check_journal("unrealize:a ");
    g_assert_null(qdev_find_by_id("a"));
    check_bad("{'driver': 'gadget', 'number': 13, 'id': 'u'}",
              "unlucky number");
    check_bad("{'driver': 'gadget', 'id': 'h'}", "Duplicate device ID 'h'");
    qdev_unplug_now(hub);
    check_journal("unrealize:- unrealize:h ");
    g_assert_null(qbus_find("h.0"));
}

static void test_after_realize(void)
{
    DeviceState *named = add("{'driver': 'hub', 'id': 'n'}", &error_abort);
    DeviceState *anon = add("{'driver': 'hub'}", &error_abort);
    Error *err = NULL;

    g_assert_false(object_property_set_int(named, "number", 2, &err));
    g_assert_cmpstr(error_get_pretty(err), ==,
                    "Attempt to set property 'number' on device 'n' "
                    "(type 'hub') after it was realized");
    error_free_or_abort(&err);
    g_assert_false(object_property_set_int(anon, "number", 2, &err));
    g_assert_cmpstr(error_get_pretty(err), ==,
                    "Attempt to set property 'number' on anonymous device "
                    "(type 'hub') after it was realized");
    error_free_or_abort(&err);
    qdev_unplug_now(named);
    qdev_unplug_now(anon);
    g_string_truncate(journal, 0);
}

static void test_globals(void)
{
    DeviceState *hub;

    qdev_register_global("gadget-base", "number", "77");
    hub = add("{'driver': 'hub', 'id': 'g'}", &error_abort);
    g_assert_cmpuint(GADGET(hub)->number, ==, 77);
    qdev_unplug_now(hub);
    qdev_register_global("hub", "number", "x");
    check_bad("{'driver': 'hub'}", "can't apply global hub.number=x: "
                                   "Parameter 'number' expects integer");
    g_string_truncate(journal, 0);
}

static void count_reset(void *opaque)
{
    ++*(int *)opaque;
}

static void test_reset_handlers(void)
{
    int count = 0;

    qemu_register_reset(count_reset, &count);
    qemu_devices_reset();
    g_assert_cmpint(count, ==, 1);
    qemu_unregister_reset(count_reset, &count);
    qemu_devices_reset();
    g_assert_cmpint(count, ==, 1);
}

static VMChangeStateEntry *second;

static void on_change(void *opaque, bool running, RunState state)
{
    g_string_append_printf(journal, "%s%s ", (const char *)opaque,
                           running ? "+" : "-");
    if (!running && g_str_equal(opaque, "late")) {
        qemu_del_vm_change_state_handler(second);
        second = NULL;
    }
}

static void test_vm_state(void)
{
    VMChangeStateEntry *late, *early;

    late = qemu_add_vm_change_state_handler_prio(on_change, (void *)"late", 10);
    early = qemu_add_vm_change_state_handler(on_change, (void *)"early");
    second = qemu_add_vm_change_state_handler(on_change, (void *)"second");
    vm_state_notify(true, RUN_STATE_RUNNING);
    check_journal("early+ second+ late+ ");
    vm_state_notify(false, RUN_STATE_PAUSED);
    check_journal("late- early- ");
    qemu_del_vm_change_state_handler(early);
    vm_state_notify(true, RUN_STATE_RUNNING);
    check_journal("late+ ");
    qemu_del_vm_change_state_handler(late);
    qemu_del_vm_change_state_handler(NULL);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    journal = g_string_new(NULL);
    type_register_table(qom_types);
    type_register_table(qdev_types);
    type_register_table(types);
    g_test_add_func("/qdev/messages", test_messages);
    g_test_add_func("/qdev/tree", test_tree);
    g_test_add_func("/qdev/after-realize", test_after_realize);
    g_test_add_func("/qdev/reset-handlers", test_reset_handlers);
    g_test_add_func("/qdev/vm-state", test_vm_state);
    g_test_add_func("/qdev/globals", test_globals);
    return g_test_run();
}
