/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The server's name for people. Pure; called by the filter and the monitor. */
#include "session/label.h"

#include <stdint.h>
#include <string.h>

static void copy(char *to, size_t size, const char *text, size_t n)
{
	size_t length = strnlen(text, n < size - 1 ? n : size - 1);

	memcpy(to, text, length);
	to[length] = '\0';
}

/* "@scope/name" of a path through node_modules, else the file's own name. */
static void name_of_path(char *to, size_t size, const char *path)
{
	static const char modules[] = "/node_modules/";
	const char *at = NULL;

	for (const char *next = path; (next = strstr(next, modules)) != NULL; at = next)
		next += sizeof modules - 1;
	if (at && at[0] != '.') {
		size_t n = strcspn(at, "/");
		if (at[0] == '@' && at[n] == '/')
			n += 1 + strcspn(at + n + 1, "/");
		copy(to, size, at, n);
		return;
	}
	const char *slash = strrchr(path, '/');
	copy(to, size, slash ? slash + 1 : path, SIZE_MAX);
}

void plan_label(char *to, size_t size, const struct plan *plan)
{
	if (plan->mediation.pins_name)
		copy(to, size, plan->mediation.pins_name, SIZE_MAX);
	else if (plan->kind != TARGET_BINARY && plan->argv.n > 1 && plan->argv.v[1][0] == '/')
		name_of_path(to, size, plan->argv.v[1]);
	else
		name_of_path(to, size, plan->exe);
}
