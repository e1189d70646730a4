/*
 * The back end that keeps the last bytes in memory.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "chardev/char-internal.h"
#include "qobject/qdict.h"
#include "util/cutils.h"

#define RINGBUF_DEFAULT_SIZE (64 * KiB)
#define RINGBUF_MAX_SIZE     (1 * GiB)

typedef struct RingBufChardev {
    Chardev parent;
    size_t size;   /* a power of two */
    uint64_t prod; /* write_lock */
    uint8_t *buf;  /* write_lock */
} RingBufChardev;

static bool ringbuf_parse(QDict *opts, ChardevBackend *backend, Error **errp)
{
    ERRP_GUARD();
    ChardevRingbuf *ringbuf = g_new0(ChardevRingbuf, 1);
    g_autofree char *size = qdict_take_str(opts, "size");
    uint64_t val;

    backend->u.ringbuf.data = ringbuf;
    if (!qemu_chr_parse_common(opts, (ChardevCommon *)ringbuf, errp)) {
        return false;
    }
    if (size) {
        if (qemu_strtosz(size, NULL, &val) < 0 || val > INT64_MAX) {
            error_setg(errp, "Parameter 'size' expects a non-negative number "
                             "below 2^64");
            error_append_hint(
                errp, "Optional suffix k, M, G, T, P or E means kilo-, mega-, "
                      "giga-, tera-, peta-\nand exabytes, respectively.\n");
            return false;
        }
        ringbuf->has_size = val != 0;
        ringbuf->size = val;
    }
    return true;
}

static bool ringbuf_open(Chardev *chr, const ChardevBackend *backend,
                         bool *be_opened, Error **errp)
{
    RingBufChardev *d = container_of(chr, RingBufChardev, parent);
    const ChardevRingbuf *opts = backend->u.ringbuf.data;
    int64_t size = opts->has_size ? opts->size : RINGBUF_DEFAULT_SIZE;

    if (size <= 0 || !is_power_of_2(size)) {
        error_setg(errp, "size of ringbuf chardev must be power of two");
        return false;
    }
    if (size > RINGBUF_MAX_SIZE) {
        error_setg(errp, "size of ringbuf chardev is too large");
        return false;
    }
    d->size = size;
    d->buf = g_malloc0(size);
    return true;
}

static void ringbuf_finalize(Chardev *chr)
{
    g_free(container_of(chr, RingBufChardev, parent)->buf);
}

static ssize_t ringbuf_write(Chardev *chr, const uint8_t *buf, size_t len)
{
    RingBufChardev *d = container_of(chr, RingBufChardev, parent);

    for (size_t i = 0; i < len; i++) {
        d->buf[d->prod++ & (d->size - 1)] = buf[i];
    }
    return len;
}

#define RINGBUF_OPS(NAME, KIND)                                              \
    {                                                                        \
        .name = NAME, .kind = KIND, .instance_size = sizeof(RingBufChardev), \
        .parse = ringbuf_parse, .open = ringbuf_open,                        \
        .finalize = ringbuf_finalize, .write = ringbuf_write,                \
    }

const ChardevOps char_ringbuf_ops = RINGBUF_OPS("ringbuf",
                                                CHARDEV_BACKEND_KIND_RINGBUF);
const ChardevOps char_memory_ops = RINGBUF_OPS("memory",
                                               CHARDEV_BACKEND_KIND_MEMORY);
