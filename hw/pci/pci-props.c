/*
 * Properties that every PCI device has; "addr" is its slot and function.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "hw/pci/pci-internal.h"
#include "qapi/visitor.h"

/* "SLOT" or "SLOT.FN", hexadecimal. */
static bool parse_devfn(const char *str, int32_t *devfn)
{
    unsigned long slot, fn = 0;
    char *end;

    if (!g_ascii_isxdigit(str[0])) {
        return false;
    }
    slot = strtoul(str, &end, 16);
    if (*end == '.') {
        str = end + 1;
        if (!g_ascii_isxdigit(str[0])) {
            return false;
        }
        fn = strtoul(str, &end, 16);
    }
    if (*end || slot > 31 || fn > 7) {
        return false;
    }
    *devfn = PCI_DEVFN(slot, fn);
    return true;
}

static bool get_devfn(Object *obj, void *field, const Property *prop,
                      Visitor *v, Error **errp)
{
    int32_t devfn = *(int32_t *)field;
    g_autofree char *str = NULL;

    if (devfn < 0) {
        str = g_strdup("<unset>");
    } else {
        str = g_strdup_printf("%02x.%x", PCI_SLOT(devfn), PCI_FUNC(devfn));
    }
    return visit_type_str(v, prop->name, &str, errp);
}

static bool set_devfn_str(Object *obj, int32_t *field, const Property *prop,
                          Visitor *v, Error **errp)
{
    g_autofree char *str = NULL;

    if (!visit_type_str(v, prop->name, &str, errp)) {
        return false;
    }
    if (!parse_devfn(str, field)) {
        error_setg(errp, "Property '%s.%s' doesn't take value '%s'",
                   object_get_typename(obj), prop->name, str);
        return false;
    }
    return true;
}

/* From JSON also the number slot * 8 + function, or -1. */
static bool set_devfn_int(Object *obj, int32_t *field, const Property *prop,
                          Visitor *v, Error **errp)
{
    int32_t value;

    if (!visit_type_int32(v, prop->name, &value, errp)) {
        return false;
    }
    if (value < -1 || value > 255) {
        error_setg(errp,
                   "Property %s.%s doesn't take value %" PRId32
                   " (minimum: -1, maximum: 255)",
                   object_get_typename(obj), prop->name, value);
        return false;
    }
    *field = value;
    return true;
}

static bool set_devfn(Object *obj, void *field, const Property *prop,
                      Visitor *v, Error **errp)
{
    GenericAlternate *alt = NULL;
    bool ok;

    if (!visit_start_alternate(v, prop->name, &alt, sizeof(*alt), errp)) {
        return false;
    }
    switch (alt->type) {
    case QTYPE_QSTRING:
        ok = set_devfn_str(obj, field, prop, v, errp);
        break;
    case QTYPE_QNUM:
        ok = set_devfn_int(obj, field, prop, v, errp);
        break;
    default:
        error_setg(errp, "Invalid parameter type for '%s', expected: %s",
                   prop->name, "PCI devfn");
        ok = false;
    }
    visit_end_alternate(v, (void **)&alt);
    g_free(alt);
    return ok;
}

static void set_default_devfn(void *field, const Property *prop)
{
    *(int32_t *)field = prop->def.i;
}

static char *print_default_devfn(const Property *prop)
{
    return g_strdup_printf("%" PRId64, prop->def.i);
}

static const PropertyInfo prop_info_pci_devfn = {
    .type = "str",
    .description = "Slot and optional function number, example: 06.0 or 06",
    .size = sizeof(int32_t),
    .get = get_devfn,
    .set = set_devfn,
    .set_default = set_default_devfn,
    .print_default = print_default_devfn,
};

/* The number of the bus it is on; there is only one.  It can be read only, but
 * help lists it. */
static bool get_busnr(Object *obj, void *field, const Property *prop,
                      Visitor *v, Error **errp)
{
    uint8_t bus = 0;

    return visit_type_uint8(v, prop->name, &bus, errp);
}

static bool set_busnr(Object *obj, void *field, const Property *prop,
                      Visitor *v, Error **errp)
{
    error_setg(errp, "Property '%s.%s' is not writable",
               object_get_typename(obj), prop->name);
    return false;
}

static const PropertyInfo prop_info_pci_busnr = {
    .type = "busnr",
    .get = get_busnr,
    .set = set_busnr,
};

/* Bits of PCIDevice.compat. */
enum {
    COMPAT_LNKSTA_DLLLA,
    COMPAT_EXTCAP_INIT,
    COMPAT_ERR_UNC_MASK,
    COMPAT_ARI_NEXTFN_1,
    COMPAT_EXT_TAG,
};

const Property pci_device_props[] = {
    DEFINE_PROP_SIGNED("addr", PCIDevice, devfn, -1, prop_info_pci_devfn,
                       int32_t),
    DEFINE_PROP_STRING("romfile", PCIDevice, romfile),
    DEFINE_PROP_UINT32("romsize", PCIDevice, romsize, UINT32_MAX),
    DEFINE_PROP_INT32("rombar", PCIDevice, rombar, -1),
    DEFINE_PROP_BOOL("multifunction", PCIDevice, multifunction, false),
    DEFINE_PROP_BIT("x-pcie-lnksta-dllla", PCIDevice, compat,
                    COMPAT_LNKSTA_DLLLA, true),
    DEFINE_PROP_BIT("x-pcie-extcap-init", PCIDevice, compat, COMPAT_EXTCAP_INIT,
                    true),
    DEFINE_PROP_STRING("failover_pair_id", PCIDevice, failover_pair_id),
    DEFINE_PROP_UINT32("acpi-index", PCIDevice, acpi_index, 0),
    DEFINE_PROP_BIT("x-pcie-err-unc-mask", PCIDevice, compat,
                    COMPAT_ERR_UNC_MASK, true),
    DEFINE_PROP_BIT("x-pcie-ari-nextfn-1", PCIDevice, compat,
                    COMPAT_ARI_NEXTFN_1, false),
    { .name = "x-max-bounce-buffer-size",
      .info = &prop_info_size,
      .offset = offsetof(PCIDevice, max_bounce_buffer_size),
      .has_default = true,
      .def.u = 4096,
      .description = "Maximum buffer size allocated for bounce buffers used for"
                     " mapped access to indirect DMA memory" },
    DEFINE_PROP_BIT("x-pcie-ext-tag", PCIDevice, compat, COMPAT_EXT_TAG, true),
    { .name = "busnr", .info = &prop_info_pci_busnr },
    DEFINE_PROP_END,
};
