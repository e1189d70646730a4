/*
 * Error objects.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "util/error.h"
#include "util/error-report.h"

struct Error {
    char *msg;
    GString *hint; /* NULL: none */
    ErrorClass class;
    int line;
    const char *src;
    const char *func;
};

/* Only their addresses matter. */
Error *error_abort;
Error *error_fatal;

const char *error_class_str(ErrorClass class)
{
    static const char *const names[ERROR_CLASS__MAX] = {
        [ERROR_CLASS_GENERIC_ERROR] = "GenericError",
        [ERROR_CLASS_COMMAND_NOT_FOUND] = "CommandNotFound",
        [ERROR_CLASS_DEVICE_NOT_ACTIVE] = "DeviceNotActive",
        [ERROR_CLASS_DEVICE_NOT_FOUND] = "DeviceNotFound",
        [ERROR_CLASS_KVM_MISSING_CAP] = "KVMMissingCap",
    };

    assert(class < ERROR_CLASS__MAX);
    return names[class];
}

/* @err has reached a place where it ends the program, if @errp is one. */
static void end_program_if_asked(Error **errp, Error *err)
{
    if (errp == &error_abort) {
        error_printf("Unexpected error in %s() at %s:%d:\n", err->func,
                     err->src, err->line);
        error_report("%s", err->msg);
        if (err->hint) {
            error_printf("%s", err->hint->str);
        }
        abort();
    }
    if (errp == &error_fatal) {
        error_report_err(err);
        exit(1);
    }
}

void error_set_internal(Error **errp, const char *src, int line,
                        const char *func, ErrorClass class, int os_errno,
                        const char *fmt, ...)
{
    int saved_errno = errno;
    Error *err;
    va_list ap;

    if (!errp) {
        return;
    }
    assert(*errp == NULL);

    err = g_new0(Error, 1);
    va_start(ap, fmt);
    err->msg = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    if (os_errno) {
        char *msg = err->msg;

        err->msg = g_strdup_printf("%s: %s", msg, strerror(abs(os_errno)));
        g_free(msg);
    }
    err->class = class;
    err->src = src;
    err->line = line;
    err->func = func;

    end_program_if_asked(errp, err);
    *errp = err;
    errno = saved_errno;
}

void error_vprepend(Error **errp, const char *fmt, va_list ap)
{
    g_autofree char *old = NULL;
    g_autofree char *prefix = NULL;

    if (!errp) {
        return;
    }
    assert(*errp);
    old = (*errp)->msg;
    prefix = g_strdup_vprintf(fmt, ap);
    (*errp)->msg = g_strconcat(prefix, old, NULL);
}

void error_prepend(Error **errp, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    error_vprepend(errp, fmt, ap);
    va_end(ap);
}

void error_append_hint(Error **errp, const char *fmt, ...)
{
    int saved_errno = errno;
    va_list ap;

    if (!errp) {
        return;
    }
    assert(*errp && errp != &error_abort && errp != &error_fatal);
    if (!(*errp)->hint) {
        (*errp)->hint = g_string_new(NULL);
    }
    va_start(ap, fmt);
    g_string_append_vprintf((*errp)->hint, fmt, ap);
    va_end(ap);
    errno = saved_errno;
}

void error_propagate(Error **dst_errp, Error *local_err)
{
    if (!local_err) {
        return;
    }
    end_program_if_asked(dst_errp, local_err);
    if (dst_errp && !*dst_errp) {
        *dst_errp = local_err;
    } else {
        error_free(local_err);
    }
}

void error_propagate_prepend(Error **dst_errp, Error *local_err,
                             const char *fmt, ...)
{
    va_list ap;

    if (!local_err) {
        return;
    }
    if (dst_errp && !*dst_errp) {
        va_start(ap, fmt);
        error_vprepend(&local_err, fmt, ap);
        va_end(ap);
    }
    error_propagate(dst_errp, local_err);
}

Error *error_copy(const Error *err)
{
    Error *copy = g_new0(Error, 1);

    *copy = *err;
    copy->msg = g_strdup(err->msg);
    copy->hint = err->hint ? g_string_new(err->hint->str) : NULL;
    return copy;
}

void error_free(Error *err)
{
    if (!err) {
        return;
    }
    g_free(err->msg);
    if (err->hint) {
        g_string_free(err->hint, TRUE);
    }
    g_free(err);
}

void error_free_or_abort(Error **errp)
{
    assert(errp && *errp);
    error_free(*errp);
    *errp = NULL;
}

const char *error_get_pretty(const Error *err)
{
    return err->msg;
}

const char *error_get_hint(const Error *err)
{
    return err->hint ? err->hint->str : NULL;
}

ErrorClass error_get_class(const Error *err)
{
    return err->class;
}

static void print_hint_and_free(Error *err)
{
    if (err->hint) {
        error_printf("%s", err->hint->str);
    }
    error_free(err);
}

void error_report_err(Error *err)
{
    error_report("%s", err->msg);
    print_hint_and_free(err);
}

void warn_report_err(Error *err)
{
    warn_report("%s", err->msg);
    print_hint_and_free(err);
}

void error_reportf_err(Error *err, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    error_vprepend(&err, fmt, ap);
    va_end(ap);
    error_report_err(err);
}

void warn_reportf_err(Error *err, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    error_vprepend(&err, fmt, ap);
    va_end(ap);
    warn_report_err(err);
}
