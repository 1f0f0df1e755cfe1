/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/strlist.h"

#include <stdlib.h>
#include <string.h>

int strlist_take(struct strlist *list, char *string)
{
	if (!string)
		return -1;
	char **v = realloc(list->v, (list->n + 2) * sizeof *v);
	if (!v) {
		free(string);
		return -1;
	}
	list->v = v;
	list->v[list->n++] = string;
	list->v[list->n] = NULL;
	return 0;
}

int strlist_add(struct strlist *list, const char *string)
{
	return strlist_take(list, strdup(string));
}

int strlist_copy(struct strlist *to, const struct strlist *from)
{
	for (size_t i = 0; i < from->n; i++)
		if (strlist_add(to, from->v[i]) < 0)
			return -1;
	return 0;
}

bool strlist_has(const struct strlist *list, const char *string)
{
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->v[i], string) == 0)
			return true;
	return false;
}

void strlist_free(struct strlist *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->v[i]);
	free(list->v);
	list->v = NULL;
	list->n = 0;
}
