/*
 * EventNotifier: an eventfd.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "util/event-notifier.h"

#include <sys/eventfd.h>

int event_notifier_init(EventNotifier *e, bool active)
{
    e->fd = eventfd(active, EFD_NONBLOCK | EFD_CLOEXEC);
    return e->fd < 0 ? -errno : 0;
}

void event_notifier_init_fd(EventNotifier *e, int fd)
{
    e->fd = fd;
}

void event_notifier_cleanup(EventNotifier *e)
{
    if (e->fd >= 0) {
        close(e->fd);
    }
    e->fd = -1;
}

int event_notifier_get_fd(const EventNotifier *e)
{
    return e->fd;
}

int event_notifier_set(EventNotifier *e)
{
    static const uint64_t one = 1;
    ssize_t ret = RETRY_ON_EINTR(write(e->fd, &one, sizeof(one)));

    /* EAGAIN: the counter is full, so it is set. */
    return ret < 0 && errno != EAGAIN ? -errno : 0;
}

bool event_notifier_test_and_clear(EventNotifier *e)
{
    uint64_t value;

    return RETRY_ON_EINTR(read(e->fd, &value, sizeof(value))) == sizeof(value);
}
