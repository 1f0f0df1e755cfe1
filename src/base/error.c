/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The error object. Fixed size and without pointers, because it crosses process boundaries as a
 * record and is filled on paths where memory may be what ran out.
 */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* vsnprintf that shows that it cut. */
__attribute__((format(printf, 3, 0)))
static void format_cut(char *out, size_t size, const char *format, va_list ap)
{
	int n = vsnprintf(out, size, format, ap);
	if (n < 0)
		out[0] = '\0';
	else if ((size_t)n >= size)
		memcpy(out + size - 4, "...", 4);
}

static void append_cut(char *out, size_t size, const char *text)
{
	size_t used = strnlen(out, size - 1);
	int n = snprintf(out + used, size - used, "%s", text);
	if (n > 0 && (size_t)n >= size - used)
		memcpy(out + size - 4, "...", 4);
}

int error_set(struct error *err, int sys, const char *format, ...)
{
	if (!err)
		return -1;

	va_list ap;
	*err = (struct error){ .kind = ERROR_SETUP, .sys = sys };
	va_start(ap, format);
	format_cut(err->what, sizeof err->what, format, ap);
	va_end(ap);
	if (sys) {
		append_cut(err->what, sizeof err->what, ": ");
		append_cut(err->what, sizeof err->what, strerror(sys));
	}
	return -1;
}

int error_hint(struct error *err, const char *format, ...)
{
	if (!err)
		return -1;

	va_list ap;
	va_start(ap, format);
	format_cut(err->hint, sizeof err->hint, format, ap);
	va_end(ap);
	return -1;
}

int error_prefix(struct error *err, const char *format, ...)
{
	if (!err)
		return -1;

	char old[sizeof err->what];
	va_list ap;
	memcpy(old, err->what, sizeof old);
	va_start(ap, format);
	format_cut(err->what, sizeof err->what, format, ap);
	va_end(ap);
	append_cut(err->what, sizeof err->what, ": ");
	append_cut(err->what, sizeof err->what, old);
	return -1;
}

int error_kind(struct error *err, enum error_kind kind)
{
	if (err)
		err->kind = kind;
	return -1;
}

int error_exit_status(const struct error *err)
{
	switch (err->kind) {
	case ERROR_CANNOT_RUN:
		return 126;
	case ERROR_NOT_FOUND:
		return 127;
	case ERROR_SETUP:
	case ERROR_USAGE:
		break;
	}
	return 125;
}

int error_oom(struct error *err)
{
	return error_set(err, ENOMEM, "cannot allocate memory");
}
