/*
 * -T, --trace of the programs.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TOOLS_LIB_TRACE_OPTION_H
#define TOOLS_LIB_TRACE_OPTION_H

/*
 * [enable=]PATTERN, events=FILE (a pattern a line), file=LOG.  There are no
 * trace points in this build: patterns without a wildcard get the warning that
 * there is no such event, LOG is made and stays empty.  What is wrong is
 * reported and ends the program.
 */
void trace_option_handle(const char *arg);

#endif
