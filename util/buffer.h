/*
 * Questions about memory contents.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef UTIL_BUFFER_H
#define UTIL_BUFFER_H

/* Are all @len bytes zero?  (len 0: yes.)  Any alignment. */
bool buffer_is_zero(const void *buf, size_t len);

#endif
