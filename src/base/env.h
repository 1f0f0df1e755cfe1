/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An environment as main() gets it, looked up without getenv(3), which knows one only. */
#pragma once

#include <string.h>

/* The value of NAME, or NULL. */
static inline const char *env_value(char *const *environ_, const char *name)
{
	size_t n = strlen(name);

	for (; environ_ && *environ_; environ_++)
		if (strncmp(*environ_, name, n) == 0 && (*environ_)[n] == '=')
			return *environ_ + n + 1;
	return NULL;
}
