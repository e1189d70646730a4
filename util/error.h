/*
 * Error objects: one human-readable message, a class for QMP, and a hint.
 *
 * A function that can fail takes `Error **errp` as its last parameter and
 * also tells by its return value (false, NULL or negative).  errp may be NULL
 * (the caller does not care), point to a NULL pointer, or be &error_abort or
 * &error_fatal.  Messages have no final newline or full stop.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef UTIL_ERROR_H
#define UTIL_ERROR_H

typedef struct Error Error;

/* The class a QMP client sees; values index error_class_str(). */
typedef enum ErrorClass {
    ERROR_CLASS_GENERIC_ERROR,
    ERROR_CLASS_COMMAND_NOT_FOUND,
    ERROR_CLASS_DEVICE_NOT_ACTIVE,
    ERROR_CLASS_DEVICE_NOT_FOUND,
    ERROR_CLASS_KVM_MISSING_CAP,
    ERROR_CLASS__MAX,
} ErrorClass;

/* QMP's name of @class: "GenericError", "CommandNotFound", ... */
const char *error_class_str(ErrorClass class);

/* Set *errp to a new error with this message. */
#define error_setg(errp, fmt, ...)                           \
    error_set_internal((errp), __FILE__, __LINE__, __func__, \
                       ERROR_CLASS_GENERIC_ERROR, 0, (fmt), ##__VA_ARGS__)

/* The same, followed by ": " and strerror(@os_errno); plain if it is 0. */
#define error_setg_errno(errp, os_errno, fmt, ...)                   \
    error_set_internal((errp), __FILE__, __LINE__, __func__,         \
                       ERROR_CLASS_GENERIC_ERROR, (os_errno), (fmt), \
                       ##__VA_ARGS__)

/* The same as error_setg() for another class than GenericError. */
#define error_set(errp, class, fmt, ...)                                 \
    error_set_internal((errp), __FILE__, __LINE__, __func__, (class), 0, \
                       (fmt), ##__VA_ARGS__)

/* "Could not open 'FILENAME': STRERROR" */
#define error_setg_file_open(errp, os_errno, filename) \
    error_setg_errno((errp), (os_errno), "Could not open '%s'", (filename))

void error_set_internal(Error **errp, const char *src, int line,
                        const char *func, ErrorClass class, int os_errno,
                        const char *fmt, ...) G_GNUC_QEMU_PRINTF(7, 8);

/* Put text before the message of *@errp, which must be set (or errp NULL). */
void error_prepend(Error **errp, const char *fmt, ...) G_GNUC_QEMU_PRINTF(2, 3);
void error_vprepend(Error **errp, const char *fmt, va_list ap)
    G_GNUC_QEMU_PRINTF(2, 0);

/*
 * Add to the hint, which people see after the message and QMP does not
 * carry.  Use complete sentences with a newline.  The function needs
 * ERRP_GUARD() so that the hint also reaches error_fatal.
 */
void error_append_hint(Error **errp, const char *fmt, ...)
    G_GNUC_QEMU_PRINTF(2, 3);

/*
 * Hand @local_err (NULL: nothing happens) to *@dst_errp, or free it when the
 * caller does not care or already holds an error.
 */
void error_propagate(Error **dst_errp, Error *local_err);
void error_propagate_prepend(Error **dst_errp, Error *local_err,
                             const char *fmt, ...) G_GNUC_QEMU_PRINTF(3, 4);

Error *error_copy(const Error *err);
void error_free(Error *err);
void error_free_or_abort(Error **errp); /* tests: *errp must be set */

const char *error_get_pretty(const Error *err);
const char *error_get_hint(const Error *err); /* NULL without one */
ErrorClass error_get_class(const Error *err);

/* Report message and hint like error_report()/warn_report(); free @err. */
void error_report_err(Error *err);
void warn_report_err(Error *err);
void error_reportf_err(Error *err, const char *fmt, ...)
    G_GNUC_QEMU_PRINTF(2, 3);
void warn_reportf_err(Error *err, const char *fmt, ...)
    G_GNUC_QEMU_PRINTF(2, 3);

/* Pass &error_abort to abort() with the place of the error,
 * &error_fatal to report it and exit(1). */
extern Error *error_abort;
extern Error *error_fatal;

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Error, error_free)

typedef struct ErrorPropagator {
    Error *local_err;
    Error **errp;
} ErrorPropagator;

static inline void error_propagator_cleanup(ErrorPropagator *prop)
{
    if (prop->local_err) {
        error_propagate(prop->errp, prop->local_err);
    }
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ErrorPropagator, error_propagator_cleanup)

/*
 * First statement of a function that looks at *errp or adds to it: afterwards
 * errp may be dereferenced, and errors reach error_fatal when it returns.
 */
#define ERRP_GUARD()                                        \
    g_auto(ErrorPropagator) errp_guard_ = { .errp = errp }; \
    do {                                                    \
        if (!errp || errp == &error_fatal) {                \
            errp = &errp_guard_.local_err;                  \
        }                                                   \
    } while (0)

#endif
