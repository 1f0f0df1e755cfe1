/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The rules of merging. They are driven by the table: a new key needs no code here unless it brings a new
 * type.
 */
#include "policy/merge.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/path.h"

#include <stdlib.h>
#include <string.h>

_Static_assert(sizeof(enum network_mode) == sizeof(unsigned) && sizeof(enum args_mode) == sizeof(unsigned) &&
		       sizeof(enum tool_verdict) == sizeof(unsigned) && sizeof(enum pins_mode) == sizeof(unsigned) &&
		       sizeof(enum reverse_mode) == sizeof(unsigned) && sizeof(enum breach_mode) == sizeof(unsigned) &&
		       sizeof(enum unknown_mode) == sizeof(unsigned) && sizeof(enum sni_mode) == sizeof(unsigned) &&
		       sizeof(enum ech_mode) == sizeof(unsigned),
	       "enumerations are stored through unsigned");

void *merge_member(struct policy *policy, const struct policy_key *key)
{
	return (char *)policy + key->offset;
}

/* ---- applying ------------------------------------------------------------------------------------ */

static void free_grant(struct grant *grant)
{
	free(grant->source);
	free(grant->dest);
	free(grant->origin);
}

static bool same_grant(const struct grant *a, const struct grant *b)
{
	return a->write == b->write && strcmp(a->source, b->source) == 0 && strcmp(a->dest, b->dest) == 0;
}

int merge_add_grant(struct grant **grants, size_t *n, const struct grant *grant)
{
	for (size_t i = 0; i < *n; i++)
		if (same_grant(&(*grants)[i], grant))
			return 0;
	struct grant *grown = reallocarray(*grants, *n + 1, sizeof *grown);
	if (!grown)
		return -1;
	*grants = grown;
	struct grant copy = {
		.source = strdup(grant->source), .dest = strdup(grant->dest), .write = grant->write,
		.origin = strdup(grant->origin), .own = grant->own,
	};
	if (!copy.source || !copy.dest || !copy.origin) {
		free_grant(&copy);
		return -1;
	}
	grown[(*n)++] = copy;
	return 0;
}

static void drop_grants(struct policy *policy, bool write)
{
	size_t kept = 0;

	for (size_t i = 0; i < policy->grants_n; i++) {
		if (policy->grants[i].write == write)
			free_grant(&policy->grants[i]);
		else
			policy->grants[kept++] = policy->grants[i];
	}
	policy->grants_n = kept;
}

static int apply_env(struct policy *policy, const struct value_env *change)
{
	size_t i = 0;

	while (i < policy->env_n && strcmp(policy->env[i].name, change->name) != 0)
		i++;
	if (change->remove) {
		if (i == policy->env_n)
			return 0;
		free(policy->env[i].name);
		free(policy->env[i].value);
		policy->env[i] = policy->env[--policy->env_n];
		return 0;
	}
	char *value = change->value ? strdup(change->value) : NULL;
	if (change->value && !value)
		return -1;
	if (i < policy->env_n) {
		free(policy->env[i].value);
		policy->env[i].value = value;
		policy->env[i].home = change->home;
		return 0;
	}
	struct env_entry *grown = reallocarray(policy->env, policy->env_n + 1, sizeof *grown);
	char *name = strdup(change->name);
	if (grown)
		policy->env = grown;
	if (!grown || !name) {
		free(name);
		free(value);
		return -1;
	}
	policy->env[policy->env_n++] = (struct env_entry){ name, value, change->home };
	return 0;
}

static int apply_list(struct merge *merge, const struct policy_key *key, const struct value *value)
{
	struct strlist *list = merge_member(&merge->policy, key);

	if (key->id == KEY_TOOLS_ALLOW)
		merge->policy.mediation.tools_allow_set = true;
	for (size_t i = 0; i < value->list.n; i++)
		if (!strlist_has(list, value->list.v[i]) && strlist_add(list, value->list.v[i]) < 0)
			return -1;
	return 0;
}

/* Once locked, the first later layer that names a list states all it wants of what the lock allows. */
static void narrow(struct merge *merge, const struct policy_key *key)
{
	struct merge_lock *lock = &merge->locks[key->id];

	if (!lock->by || lock->narrowed || key->tighten != TIGHTEN_FEWER)
		return;
	lock->narrowed = true;
	if (key->type == VALUE_GRANTS)
		drop_grants(&merge->policy, key->id == KEY_FILES_WRITE);
	else if (key->type == VALUE_PATHS || key->type == VALUE_GLOBS || key->type == VALUE_HOSTS || key->type == VALUE_RANGES)
		strlist_free(merge_member(&merge->policy, key));
}

static int apply_text(struct merge *merge, const struct policy_key *key, const struct value *value)
{
	char **text = merge_member(&merge->policy, key);
	char *copy = strdup(value->text);

	if (!copy)
		return -1;
	free(*text);
	*text = copy;
	return 0;
}

/* A command is one thing: a later one replaces it. */
static int apply_command(struct merge *merge, const struct policy_key *key, const struct value *value)
{
	struct strlist *list = merge_member(&merge->policy, key);

	strlist_free(list);
	return strlist_copy(list, &value->list);
}

/* Before those of earlier layers, and after all that are locked. */
static int apply_rules(struct merge *merge, const struct value *value)
{
	struct mediation *m = &merge->policy.mediation;
	size_t at = 0, n = value->rules_n;

	struct tool_rule *grown = reallocarray(m->rules, m->rules_n + n + 1, sizeof *grown);
	if (!grown)
		return -1;
	m->rules = grown;
	while (at < m->rules_n && grown[at].stage < merge->stage)
		at++;
	memmove(grown + at + n, grown + at, (m->rules_n - at) * sizeof *grown);
	memset(grown + at, 0, n * sizeof *grown);
	m->rules_n += n;
	for (size_t i = 0; i < n; i++) {
		if (tool_rule_copy(&grown[at + i], &value->rules[i]) < 0)
			return -1;
		grown[at + i].stage = merge->stage;
	}
	return 0;
}

/* Before those of earlier layers. */
static int apply_actions(struct merge *merge, const struct value *value)
{
	struct mediation *m = &merge->policy.mediation;
	size_t n = value->actions_n;

	struct rule_override *grown = reallocarray(m->actions, m->actions_n + n + 1, sizeof *grown);
	if (!grown)
		return -1;
	m->actions = grown;
	memmove(grown + n, grown, m->actions_n * sizeof *grown);
	memset(grown, 0, n * sizeof *grown);
	m->actions_n += n;
	for (size_t i = 0; i < n; i++) {
		grown[i].action = value->actions[i].action;
		grown[i].name = strdup(value->actions[i].name);
		if (!grown[i].name)
			return -1;
	}
	return 0;
}

static int apply(struct merge *merge, const struct policy_key *key, const struct value *value)
{
	struct policy *policy = &merge->policy;
	int rc = 0;

	narrow(merge, key);
	switch (key->type) {
	case VALUE_SIZE:
	case VALUE_COUNT:
	case VALUE_PERCENT:
	case VALUE_DURATION:
	case VALUE_RATE:
		*(uint64_t *)merge_member(policy, key) = value->number;
		break;
	case VALUE_ENUM:
		*(unsigned *)merge_member(policy, key) = (unsigned)value->number;
		break;
	case VALUE_LAYERS:
		*(unsigned *)merge_member(policy, key) |= (unsigned)value->number;
		break;
	case VALUE_BOOL:
		*(bool *)merge_member(policy, key) = value->number != 0;
		break;
	case VALUE_STRING:
	case VALUE_FILE:
		return apply_text(merge, key, value);
	case VALUE_PATHS:
	case VALUE_GLOBS:
	case VALUE_HOSTS:
	case VALUE_RANGES:
		return apply_list(merge, key, value);
	case VALUE_COMMAND:
		return apply_command(merge, key, value);
	case VALUE_RULES:
		return apply_rules(merge, value);
	case VALUE_ACTIONS:
		return apply_actions(merge, value);
	case VALUE_GRANTS:
		for (size_t i = 0; rc == 0 && i < value->grants_n; i++)
			rc = merge_add_grant(&policy->grants, &policy->grants_n, &value->grants[i]);
		break;
	case VALUE_FILES:
		for (size_t i = 0; rc == 0 && i < value->made_n; i++)
			rc = made_file_set(&policy->made, &policy->made_n, &value->made[i]);
		break;
	case VALUE_ENV:
		for (size_t i = 0; rc == 0 && i < value->env_n; i++)
			rc = apply_env(policy, &value->env[i]);
		break;
	case VALUE_NONE:
	case VALUE_NAMES:
	case VALUE_KEYS:
		break;
	}
	return rc;
}

int merge_value(struct merge *merge, const struct policy_key *key, const struct value *value, struct error *err)
{
	if (merge_check_locks(merge, key, value, err) < 0)
		return -1;
	if (merge->policy.mediation.rules_n + value->rules_n > RULES_MAX) {
		error_set(err, 0, "more than %d rules on calls", RULES_MAX);
		return error_kind(err, ERROR_USAGE);
	}
	if (merge->policy.made_n + value->made_n > MADE_FILES_MAX) {
		error_set(err, 0, "more than %d files to make", MADE_FILES_MAX);
		return error_kind(err, ERROR_USAGE);
	}
	return apply(merge, key, value) < 0 ? error_oom(err) : 0;
}

/* ---- start and end ------------------------------------------------------------------------------- */

int merge_init(struct merge *merge, struct error *err)
{
	*merge = (struct merge){ 0 };
	mediation_defaults(&merge->policy.mediation);
	for (size_t i = 0; i < KEYS_N; i++) {
		const struct policy_key *key = &policy_keys[i];
		struct value value = { 0 };
		if (!key->path || !key->fallback || key->type == VALUE_BOOL)
			continue;
		if (value_parse(key, key->fallback, &(struct value_source){ 0 }, &value, err) < 0 ||
		    merge_value(merge, key, &value, err) < 0)
			return error_prefix(err, "default of %s", key->path);
	}
	return 0;
}

void merge_free(struct merge *merge)
{
	policy_free(&merge->policy);
	for (size_t i = 0; i < KEYS_N; i++) {
		free(merge->locks[i].by);
		value_free(&merge->locks[i].ceiling);
	}
	*merge = (struct merge){ 0 };
}

int merge_finish(struct merge *merge, struct policy *policy, struct error *err)
{
	struct policy *merged = &merge->policy;

	/* A profile that is named and cannot be applied must not be skipped. */
	bool off = merged->apparmor && strcmp(merged->apparmor, "off") == 0;
	if (off && (merged->require & LAYER_APPARMOR)) {
		error_set(err, 0, "AppArmor is required and switched off");
		error_hint(err, "leave out --apparmor off (confine.apparmor) or --require apparmor (confine.require)");
		return error_kind(err, ERROR_USAGE);
	}
	if (merged->apparmor && !off)
		merged->require |= LAYER_APPARMOR;
	if ((merged->require & LAYER_AUDIT) && merged->audit && strcmp(merged->audit, "off") == 0) {
		error_set(err, 0, "the audit log is required and switched off");
		error_hint(err, "leave out --audit off (audit.file) or --require audit (confine.require)");
		return error_kind(err, ERROR_USAGE);
	}
	/* An empty list is none. */
	if (merged->network == NETWORK_NAMES && merged->names.allow.n == 0 && merged->names.unknown == UNKNOWN_DENY &&
	    !(merged->grants_hosts && merged->grants_longest))
		merged->network = NETWORK_NONE;
	merged->read_locked = merge->locks[KEY_FILES_READ].by != NULL;
	merged->write_locked = merge->locks[KEY_FILES_WRITE].by != NULL;
	merged->hosts_locked = merge->locks[KEY_NETWORK_ALLOW].by != NULL;
	*policy = *merged;
	*merged = (struct policy){ 0 };
	return 0;
}
