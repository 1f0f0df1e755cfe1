/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The logging sink: lines on standard error that start with "mcpcage: ". Only sessions and the command
 * line log; the floors below return errors. Each line is one write(2), so that lines of several processes
 * do not mix. Arguments may hold hostile bytes: control characters and invalid UTF-8 are shown escaped.
 */
#pragma once

#include "base/error.h"

#include <stdarg.h>

enum log_level { LOG_QUIET, LOG_NORMAL, LOG_VERBOSE };

struct log {
	int fd;
	enum log_level level;
};

/* Shown unless quiet. */
void log_line(const struct log *log, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Shown with --verbose only. */
void log_detail(const struct log *log, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Always shown: what failed, then the hint on a line of its own. */
void log_error(const struct log *log, const struct error *err);
