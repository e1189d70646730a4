/*
 * The KVM accelerator, as system/ sees it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef ACCEL_KVM_KVM_H
#define ACCEL_KVM_KVM_H

#include "hw/core/accel.h"

extern const AccelOps kvm_accel_ops;

#endif
