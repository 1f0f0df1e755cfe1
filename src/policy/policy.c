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

void policy_free(struct policy *policy)
{
	strlist_free(&policy->system);
	for (size_t i = 0; i < policy->grants_n; i++) {
		free(policy->grants[i].source);
		free(policy->grants[i].dest);
		free(policy->grants[i].origin);
	}
	free(policy->grants);
	strlist_free(&policy->tmpfs);
	for (size_t i = 0; i < policy->env_n; i++) {
		free(policy->env[i].name);
		free(policy->env[i].value);
	}
	free(policy->env);
	free(policy->apparmor);
	mediation_free(&policy->mediation);
	free(policy->audit);
	free(policy->state);
	strlist_free(&policy->layers);
	*policy = (struct policy){ 0 };
}
