/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The policy as an object: releasing it, and the names of layers. */
#include "policy/policy.h"

#include <stdlib.h>
#include <string.h>

static const struct {
	enum layer layer;
	const char *name;
} layers[] = {
	{ LAYER_USERNS, "userns" },     { LAYER_SECCOMP, "seccomp" }, { LAYER_LANDLOCK, "landlock" },
	{ LAYER_APPARMOR, "apparmor" }, { LAYER_CGROUP, "cgroup" },   { LAYER_TIMENS, "timens" },
	{ LAYER_AUDIT, "audit" },
};

const char *layer_name(enum layer layer)
{
	for (size_t i = 0; i < ARRAY_SIZE(layers); i++)
		if (layers[i].layer == layer)
			return layers[i].name;
	return NULL;
}

unsigned layer_parse(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(layers); i++)
		if (strcmp(layers[i].name, name) == 0)
			return layers[i].layer;
	return 0;
}

static void made_file_free(struct made_file *file)
{
	free(file->dest);
	free(file->text);
	free(file->origin);
}

int made_file_set(struct made_file **files, size_t *n, const struct made_file *file)
{
	struct made_file copy = { strdup(file->dest), strdup(file->text), strdup(file->origin) };
	size_t i = 0;

	while (i < *n && strcmp((*files)[i].dest, file->dest) != 0)
		i++;
	struct made_file *grown = i < *n ? *files : reallocarray(*files, *n + 1, sizeof *grown);
	if (grown)
		*files = grown;
	if (!grown || !copy.dest || !copy.text || !copy.origin) {
		made_file_free(&copy);
		return -1;
	}
	if (i < *n)
		made_file_free(&grown[i]);
	else
		(*n)++;
	grown[i] = copy;
	return 0;
}

void made_files_free(struct made_file *files, size_t n)
{
	for (size_t i = 0; i < n; i++)
		made_file_free(&files[i]);
	free(files);
}

int network_names_copy(struct network_names *to, const struct network_names *from)
{
	*to = *from;
	to->allow = to->ranges = (struct strlist){ 0 };
	return strlist_copy(&to->allow, &from->allow) < 0 || strlist_copy(&to->ranges, &from->ranges) < 0 ? -1 : 0;
}

void network_names_free(struct network_names *names)
{
	strlist_free(&names->allow);
	strlist_free(&names->ranges);
}

void policy_free(struct policy *policy)
{
	strlist_free(&policy->system);
	for (size_t i = 0; i < policy->grants_n; i++) {
		free(policy->grants[i].source);
		free(policy->grants[i].dest);
		free(policy->grants[i].origin);
	}
	free(policy->grants);
	made_files_free(policy->made, policy->made_n);
	strlist_free(&policy->tmpfs);
	for (size_t i = 0; i < policy->env_n; i++) {
		free(policy->env[i].name);
		free(policy->env[i].value);
	}
	free(policy->env);
	network_names_free(&policy->names);
	strlist_free(&policy->packages_hosts);
	free(policy->apparmor);
	mediation_free(&policy->mediation);
	free(policy->audit);
	free(policy->state);
	strlist_free(&policy->layers);
	*policy = (struct policy){ 0 };
}
