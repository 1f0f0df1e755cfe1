/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/format.h"

#include <stdarg.h>
#include <stdio.h>

char *format_text(const char *format, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, format);
	int n = vasprintf(&text, format, ap);
	va_end(ap);
	return n < 0 ? NULL : text;
}
