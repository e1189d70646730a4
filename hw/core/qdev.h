/*
 * Devices and buses: the base of everything -device can make.
 *
 * A device is created (qdev_new), gets its properties, and is realized on a
 * bus; from then on the guest sees it.  Reset goes down the tree: a bus's
 * devices first, then the device that has the bus.
 *
 * Thread: main thread (BQL).  vCPU threads get here through main_loop_call()
 * where a device's reset needs the block layer.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_CORE_QDEV_H
#define HW_CORE_QDEV_H

#include "qom/property.h"

typedef struct DeviceState DeviceState;
typedef struct BusState BusState;
struct QDict;

#define TYPE_DEVICE     "device"
#define TYPE_BUS        "bus"
#define TYPE_SYSTEM_BUS "System"

/* The sections of -device help, in its order. */
typedef enum DeviceCategory {
    DEVICE_CATEGORY_NONE,
    DEVICE_CATEGORY_BRIDGE,
    DEVICE_CATEGORY_USB,
    DEVICE_CATEGORY_STORAGE,
    DEVICE_CATEGORY_NETWORK,
    DEVICE_CATEGORY_INPUT,
    DEVICE_CATEGORY_DISPLAY,
    DEVICE_CATEGORY_SOUND,
    DEVICE_CATEGORY_MISC,
    DEVICE_CATEGORY_CPU,
    DEVICE_CATEGORY_WATCHDOG,
    DEVICE_CATEGORY__MAX,
} DeviceCategory;

/*
 * class_ops of every type below TYPE_DEVICE begins with this.  Callbacks left
 * NULL are the parent type's; bus_type and desc likewise.  All under the BQL.
 */
typedef struct DeviceOps {
    /* Type name of the bus it plugs into; NULL in the whole chain: none. */
    const char *bus_type;
    const char *desc; /* -device help */
    DeviceCategory category;
    bool user_creatable; /* by -device */

    /* Become visible; properties are final.  Optional. */
    bool (*realize)(DeviceState *dev, Error **errp);
    /* Undo realize.  Optional. */
    void (*unrealize)(DeviceState *dev);
    /* To the state after power-on.  vCPUs are stopped, or the guest asked for
     * it.  Optional. */
    void (*reset)(DeviceState *dev);
} DeviceOps;

struct DeviceState {
    Object parent_obj;
    char *id; /* "id=", or NULL */
    bool realized;
    bool hotplugged;
    struct QDict *opts; /* as -device had them; or NULL */
    BusState *parent_bus;
    TAILQ_HEAD(, BusState) child_bus;
    TAILQ_ENTRY(DeviceState) bus_sibling;
};

OBJECT_DECLARE_TYPE(DeviceState, DEVICE, TYPE_DEVICE)

/* class_ops of a type below TYPE_BUS.  NULL: as the parent type. */
typedef struct BusOps {
    /* How many devices fit (0: any number). */
    unsigned max_dev;
    /* Name of @dev's place on its bus ("00:04.0"), g_free(); optional. */
    char *(*get_dev_path)(DeviceState *dev);
    /* Can @dev (properties set, not realized) go there?  Optional: yes. */
    bool (*check_address)(BusState *bus, DeviceState *dev, Error **errp);
    /* The bus itself, after its devices.  Optional. */
    void (*reset)(BusState *bus);
} BusOps;

struct BusState {
    Object parent_obj;
    DeviceState *parent; /* NULL: a bus at the top */
    char *name;
    bool full;
    unsigned num_children;
    unsigned max_index;
    TAILQ_HEAD(, DeviceState) children; /* newest first */
    TAILQ_ENTRY(BusState) sibling;
};

OBJECT_DECLARE_TYPE(BusState, BUS, TYPE_BUS)

/* --- devices --- */

/* A device with one reference and the -global properties applied. */
DeviceState *qdev_new(const char *typename);
/*
 * Put @dev on @bus (NULL: none, or the main system bus if its type asks for
 * that), give it a place in the tree unless it has one, and realize it.
 * On failure it is off the bus again.
 */
bool qdev_realize(DeviceState *dev, BusState *bus, Error **errp);
/* The same and give up the caller's reference in any case. */
bool qdev_realize_and_unref(DeviceState *dev, BusState *bus, Error **errp);
/* Unrealize, take it off its bus and out of the tree. */
void qdev_unplug_now(DeviceState *dev);

/* "/machine/peripheral/ID", or ".../peripheral-anon/device[N]".  NULL if @id is
 * malformed or taken. */
const char *qdev_set_id(DeviceState *dev, char *id, Error **errp);
/* By id anywhere below the machine, or NULL. */
DeviceState *qdev_find_by_id(const char *id);
/* "0000:00:04.0"-like path for messages and query-block ("qdev"); g_free(). */
char *qdev_get_dev_path(DeviceState *dev);
/* id if it has one, else the canonical path; g_free(). */
char *qdev_get_human_name(DeviceState *dev);

/* Description, category and bus type of a device type, inherited or own. */
const char *device_type_bus(const TypeInfo *type);
const char *device_type_desc(const TypeInfo *type);

/* Is it all right to change a property?  Sets "Attempt to set property ..."  */
bool qdev_prop_allow_set(DeviceState *dev, const char *name, Error **errp);

/* -global DRIVER.NAME=VALUE; strings are copied. */
void qdev_register_global(const char *driver, const char *name,
                          const char *value);

/* --- buses --- */

/* Make a bus below @parent (NULL: top).  @name NULL: "ID.N" or "TYPE.N". */
BusState *qbus_new(const char *typename, DeviceState *parent, const char *name);
/* The same in zeroed memory embedded in @parent. */
void qbus_init(void *bus, size_t size, const char *typename,
               DeviceState *parent, const char *name);
/* Take it off its parent, with the devices on it. */
void qbus_unparent(BusState *bus);
/* The bus of devices that sit on the board itself. */
BusState *sysbus_get_default(void);
/* Depth first below the main system bus; NULL if there is none. */
BusState *qbus_find(const char *name);

/* Call @fn for every device below @bus, parents first; stops at non-zero. */
int qbus_foreach_device(BusState *bus, int (*fn)(DeviceState *, void *),
                        void *opaque);

/* --- reset --- */

/* @dev and everything on its buses. */
void device_cold_reset(DeviceState *dev);
void bus_cold_reset(BusState *bus);

/* --- -device and device_add --- */

/*
 * Create and realize a device from "driver", "id", "bus" and properties.
 * @from_json: members have JSON types, else strings.  NULL with QEMU's error.
 */
DeviceState *qdev_device_add_from_qdict(const struct QDict *opts,
                                        bool from_json, Error **errp);
/* The command line's devices exist: from now on it would be hotplug. */
void qdev_machine_ready(void);
/* "-device help", "-device X,help": prints to stdout.  0 if printed, 1 if
 * @driver has no help (unknown type; error reported). */
int qdev_device_help(const char *driver);

/* --- what a property setter in a device needs --- */

/* TYPE_DEVICE and the buses: for type_register_table(). */
extern const TypeInfo *const qdev_types[];

#endif
