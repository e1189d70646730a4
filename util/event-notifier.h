/*
 * EventNotifier: an eventfd, the one way to signal between threads, guests
 * (ioeventfd, irqfd) and loops.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef UTIL_EVENT_NOTIFIER_H
#define UTIL_EVENT_NOTIFIER_H

typedef struct EventNotifier {
    int fd; /* fixed at init; -1 after cleanup */
} EventNotifier;

typedef void EventNotifierHandler(EventNotifier *e);

/* A non-blocking, close-on-exec eventfd, set if @active; 0 or -errno. */
int event_notifier_init(EventNotifier *e, bool active);
/* Adopt @fd. */
void event_notifier_init_fd(EventNotifier *e, int fd);
void event_notifier_cleanup(EventNotifier *e);
int event_notifier_get_fd(const EventNotifier *e);
/* Any thread; 0 or -errno. */
int event_notifier_set(EventNotifier *e);
/* Was it set?  It is not any longer. */
bool event_notifier_test_and_clear(EventNotifier *e);

#endif
