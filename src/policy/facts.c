/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The facts as an object. Gathering them is cage/facts.c's and cage/target.c's work. */
#include "policy/facts.h"

#include <stdlib.h>
#include <string.h>

static int compare(const void *asked, const void *fact)
{
	return strcmp(asked, ((const struct path_fact *)fact)->asked);
}

const struct path_fact *facts_path(const struct facts *facts, const char *asked)
{
	if (facts->paths_sorted)
		return bsearch(asked, facts->paths, facts->paths_n, sizeof *facts->paths, compare);
	for (size_t i = 0; i < facts->paths_n; i++)
		if (strcmp(facts->paths[i].asked, asked) == 0)
			return &facts->paths[i];
	return NULL;
}

void facts_free(struct facts *facts)
{
	struct target *target = &facts->target;

	free(facts->user);
	free(facts->home);
	free(facts->home_env);
	free(facts->state);
	free(facts->pins_key);
	free(facts->runtime);
	free(facts->no_runtime);
	free(facts->reduced_why);
	free(facts->reduced_folder);
	strlist_free(&facts->protect);
	free(target->exe);
	strlist_free(&target->argv);
	for (size_t i = 0; i < target->grants_n; i++) {
		free(target->grants[i].path);
		free(target->grants[i].why);
		free(target->grants[i].dest);
	}
	free(target->grants);
	strlist_free(&target->links);
	strlist_free(&target->path);
	strlist_free(&target->notes);
	free(target->cwd);
	for (size_t i = 0; i < facts->paths_n; i++) {
		free(facts->paths[i].asked);
		free(facts->paths[i].real);
		strlist_free(&facts->paths[i].links);
	}
	free(facts->paths);
	*facts = (struct facts){ 0 };
}
