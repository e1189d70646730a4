/*
 * The machine as the object tree shows it: /machine, and the containers that
 * are always there.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "system/machine.h"
#include "qom/property.h"

#define TYPE_MACHINE "machine"

/* What was asked for; a change has no effect. */
typedef struct MachineObject {
    Object parent; /* first */
    char *kernel;
    char *initrd;
    char *append;
    char *firmware;
    bool graphics;
} MachineObject;

static const Property machine_props[] = {
    DEFINE_PROP_STRING("kernel", MachineObject, kernel),
    DEFINE_PROP_STRING("initrd", MachineObject, initrd),
    DEFINE_PROP_STRING("append", MachineObject, append),
    DEFINE_PROP_STRING("firmware", MachineObject, firmware),
    DEFINE_PROP_BOOL("graphics", MachineObject, graphics, true),
    DEFINE_PROP_END,
};

static const TypeInfo machine_type = {
    .name = TYPE_MACHINE,
    .instance_size = sizeof(MachineObject),
    .abstract = true,
    .props = machine_props,
};

static const TypeInfo pc_machine_type = {
    .name = "pc-i440fx-10.0-machine",
    .parent = TYPE_MACHINE,
    .instance_size = sizeof(MachineObject),
};

static const TypeInfo none_machine_type = {
    .name = "none-machine",
    .parent = TYPE_MACHINE,
    .instance_size = sizeof(MachineObject),
};

const TypeInfo *const machine_types[] = {
    &machine_type,
    &pc_machine_type,
    &none_machine_type,
    NULL,
};

void machine_object_create(const MachineState *ms)
{
    g_autofree char *name = g_strdup_printf("%s-machine", ms->mc->name);
    Object *obj = object_new(name);

    object_property_add_child(object_get_root(), "machine", obj);
    object_unref(obj); /* the tree's reference stays */
    object_get_container("/machine/peripheral");
    object_get_container("/machine/peripheral-anon");
    object_get_container("/machine/unattached");
    object_get_objects_root();
}

void machine_object_update(const MachineState *ms)
{
    MachineObject *obj = (MachineObject *)object_get_child(object_get_root(),
                                                           "machine");

    obj->kernel = g_strdup(ms->kernel_filename);
    obj->initrd = g_strdup(ms->initrd_filename);
    obj->append = g_strdup(ms->kernel_cmdline);
    obj->firmware = g_strdup(ms->firmware);
    obj->graphics = ms->graphics;
}
