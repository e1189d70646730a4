/*
 * What the files of the device base share.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_CORE_QDEV_INTERNAL_H
#define HW_CORE_QDEV_INTERNAL_H

#include "hw/core/qdev.h"

extern const TypeInfo bus_type_info;
extern const TypeInfo system_bus_type_info;

/* Put @dev on @bus; fails when it is full or says no. */
bool qbus_attach(BusState *bus, DeviceState *dev, Error **errp);
/* Take it off, if it is on one. */
void qbus_detach(DeviceState *dev);
/* May another device go there? */
bool qbus_is_full(const BusState *bus);

/* qdev_new() for user input: a -global that does not fit is an error. */
DeviceState *qdev_try_new(const char *typename, Error **errp);

#endif
