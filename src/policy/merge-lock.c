/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Locks: what a key was when an administrator locked it, and whether what comes later only tightens it. Driven by the table, as
 * merging is.
 */
#include "policy/merge.h"

#include "base/cleanup.h"
#include "base/glob.h"
#include "base/path.h"
#include "policy/host.h"

#include <stdlib.h>
#include <string.h>

static uint64_t get_number(struct policy *policy, const struct policy_key *key)
{
	switch (key->type) {
	case VALUE_ENUM:
	case VALUE_LAYERS:
		return *(unsigned *)merge_member(policy, key);
	case VALUE_BOOL:
		return *(bool *)merge_member(policy, key);
	default:
		return *(uint64_t *)merge_member(policy, key);
	}
}

static bool path_covered(const char *path, const struct strlist *list)
{
	for (size_t i = 0; i < list->n; i++)
		if (path_within(path, list->v[i]))
			return true;
	return false;
}

/* A pattern that is in the list, or a plain name that one of its patterns matches. */
static bool glob_covered(const char *glob, const struct strlist *list)
{
	if (strlist_has(list, glob))
		return true;
	if (strpbrk(glob, "*?[\\"))
		return false;
	for (size_t i = 0; i < list->n; i++)
		if (glob_match(list->v[i], glob))
			return true;
	return false;
}

/* Entries of both lists are canonical. */
static bool host_covered(const char *entry, const struct strlist *list)
{
	struct host_rule rule, wide;
	bool covered = false;

	for (size_t i = 0; i < list->n && !covered; i++)
		covered = host_rule_parse(entry, &rule, NULL) == 0 && host_rule_parse(list->v[i], &wide, NULL) == 0 &&
			  host_rule_within(&rule, &wide);
	return covered;
}

static bool range_covered(const char *entry, const struct strlist *list)
{
	struct ip_range range, wide;
	bool covered = false;

	for (size_t i = 0; i < list->n && !covered; i++)
		covered = ip_range_parse(entry, &range, NULL) == 0 && ip_range_parse(list->v[i], &wide, NULL) == 0 &&
			  ip_range_within(&range, &wide);
	return covered;
}

static bool entry_covered(const struct policy_key *key, const char *entry, const struct strlist *list)
{
	switch (key->type) {
	case VALUE_GLOBS:
		return glob_covered(entry, list);
	case VALUE_HOSTS:
		return host_covered(entry, list);
	case VALUE_RANGES:
		return range_covered(entry, list);
	default:
		return path_covered(entry, list);
	}
}

/* It shows no more of the host, and nothing at another place, than one that was there. */
static bool grant_covered(const struct grant *grant, const struct value *ceiling)
{
	for (size_t i = 0; i < ceiling->grants_n; i++) {
		const struct grant *have = &ceiling->grants[i];
		if (grant->write && !have->write)
			continue;
		if (!path_within(grant->source, have->source) || !path_within(grant->dest, have->dest))
			continue;
		if (strcmp(grant->source + strlen(have->source), grant->dest + strlen(have->dest)) == 0)
			return true;
	}
	return false;
}

static bool env_covered(const struct value_env *change, const struct value *ceiling)
{
	if (change->remove)
		return true;
	for (size_t i = 0; i < ceiling->env_n; i++) {
		const struct value_env *have = &ceiling->env[i];
		if (strcmp(have->name, change->name) == 0)
			return !have->value ||
			       (change->value && have->home == change->home && strcmp(have->value, change->value) == 0);
	}
	return false;
}

/* The same text at the same place. */
static bool made_covered(const struct made_file *file, const struct value *ceiling)
{
	for (size_t i = 0; i < ceiling->made_n; i++)
		if (strcmp(ceiling->made[i].dest, file->dest) == 0)
			return strcmp(ceiling->made[i].text, file->text) == 0;
	return false;
}

/* The first entry of VALUE that LOCK does not cover, or NULL. */
static const char *not_covered(const struct policy_key *key, const struct merge_lock *lock, const struct value *value)
{
	if (lock->any)
		return NULL;
	for (size_t i = 0; i < value->grants_n; i++)
		if (!grant_covered(&value->grants[i], &lock->ceiling))
			return value->grants[i].source;
	for (size_t i = 0; i < value->env_n; i++)
		if (!env_covered(&value->env[i], &lock->ceiling))
			return value->env[i].name;
	for (size_t i = 0; i < value->made_n; i++)
		if (!made_covered(&value->made[i], &lock->ceiling))
			return value->made[i].dest;
	for (size_t i = 0; i < value->list.n; i++) {
		const char *entry = value->list.v[i];
		if (!entry_covered(key, entry, &lock->ceiling.list))
			return entry;
	}
	return NULL;
}

static int loosens(const struct policy_key *key, const struct merge_lock *lock, const char *entry, struct error *err)
{
	if (entry)
		error_set(err, 0, "\"%.200s\" loosens %s, which is locked by %s", entry, key->path, lock->by);
	else
		error_set(err, 0, "this loosens %s, which is locked by %s", key->path, lock->by);
	return error_kind(err, ERROR_USAGE);
}

static uint64_t rank(const struct policy_key *key, uint64_t number)
{
	return key->unlimited && number == policy_key_no_limit(key) ? UINT64_MAX : number;
}

static bool same_list(const struct strlist *a, const struct strlist *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->v[i], b->v[i]) != 0)
			return false;
	return true;
}

static int check_fixed(const struct policy_key *key, const struct merge_lock *lock, const struct value *value,
		       struct error *err)
{
	bool list = key->type == VALUE_COMMAND;
	const char *locked = list ? (lock->ceiling.list.n ? lock->ceiling.list.v[0] : NULL) : lock->ceiling.text;

	if (list ? same_list(&lock->ceiling.list, &value->list) : locked && strcmp(locked, value->text) == 0)
		return 0;
	loosens(key, lock, list ? (value->list.n ? value->list.v[0] : NULL) : value->text, err);
	return error_hint(err, "the administrator %s%s", locked ? "set it to " : "left it unset", locked ? locked : "");
}

/* What was said already may be said again. */
static int check_actions(const struct policy_key *key, const struct merge_lock *lock, const struct value *value,
			 struct error *err)
{
	for (size_t i = 0; i < value->actions_n; i++) {
		const struct rule_override *entry = &value->actions[i];
		bool known = entry->action == RULE_BLOCK;
		for (size_t k = 0; !known && k < lock->ceiling.actions_n; k++)
			known = strcmp(lock->ceiling.actions[k].name, entry->name) == 0 &&
				lock->ceiling.actions[k].action == entry->action;
		if (known)
			continue;
		loosens(key, lock, entry->name, err);
		return error_hint(err, "only \"block\" can be added");
	}
	return 0;
}

static int check_lock(const struct policy_key *key, const struct merge_lock *lock, const struct value *value,
		      struct error *err)
{
	const char *entry;
	char text[32];

	switch (key->tighten) {
	case TIGHTEN_MORE:
	case TIGHTEN_STAGE: /* see merge_locks_done() */
		return 0;
	case TIGHTEN_LOWER:
		if (rank(key, value->number) <= rank(key, lock->ceiling.number))
			return 0;
		loosens(key, lock, NULL, err);
		value_number_text(key, lock->ceiling.number, text);
		return error_hint(err, "it can only be lowered: %s at most", text);
	case TIGHTEN_STRICT:
		if (value->number <= lock->ceiling.number)
			return 0;
		loosens(key, lock, key->words ? key->words[value->number] : NULL, err);
		return error_hint(err, "the administrator set it to %s",
				  key->words ? key->words[lock->ceiling.number] : "false");
	case TIGHTEN_TRUE:
		if (value->number || !lock->ceiling.number)
			return 0;
		loosens(key, lock, NULL, err);
		return error_hint(err, "the administrator set it to true");
	case TIGHTEN_FIXED:
		return check_fixed(key, lock, value, err);
	case TIGHTEN_BLOCK:
		return check_actions(key, lock, value, err);
	case TIGHTEN_FEWER:
		entry = not_covered(key, lock, value);
		if (!entry)
			return 0;
		loosens(key, lock, entry, err);
		return error_hint(err, "only what the administrator's files name can be chosen from");
	}
	return 0;
}

int merge_check_locks(const struct merge *merge, const struct policy_key *key, const struct value *value,
		      struct error *err)
{
	const struct merge_lock *lock = &merge->locks[key->id];
	const struct merge_lock *read = &merge->locks[KEY_FILES_READ];

	if (lock->by && check_lock(key, lock, value, err) < 0)
		return -1;
	/* What can be written can be read: a lock on reading holds for both. */
	for (size_t i = 0; key->id == KEY_FILES_WRITE && read->by && i < value->grants_n; i++) {
		struct grant as_read = value->grants[i];
		as_read.write = false;
		if (!grant_covered(&as_read, &read->ceiling)) {
			loosens(&policy_keys[KEY_FILES_READ], read, as_read.source, err);
			return error_hint(err, "only what the administrator's files name can be chosen from");
		}
	}
	return 0;
}

/* What KEY is now, as a ceiling. For files.read this takes the writable grants in. */
static int take_ceiling(struct merge *merge, const struct policy_key *key, struct value *ceiling)
{
	struct policy *policy = &merge->policy;
	int rc = 0;

	switch (key->type) {
	case VALUE_GRANTS:
		for (size_t i = 0; rc == 0 && i < policy->grants_n; i++)
			if (key->id == KEY_FILES_READ || policy->grants[i].write)
				rc = merge_add_grant(&ceiling->grants, &ceiling->grants_n, &policy->grants[i]);
		return rc;
	case VALUE_FILES:
		for (size_t i = 0; rc == 0 && i < policy->made_n; i++)
			rc = made_file_set(&ceiling->made, &ceiling->made_n, &policy->made[i]);
		return rc;
	case VALUE_ENV:
		for (size_t i = 0; rc == 0 && i < policy->env_n; i++) {
			const struct env_entry *e = &policy->env[i];
			rc = e->home ? value_env_home(e->name, e->value, ceiling, NULL)
				     : value_env_entry(e->name, e->value, false, ceiling, NULL);
		}
		return rc;
	case VALUE_PATHS:
	case VALUE_GLOBS:
	case VALUE_HOSTS:
	case VALUE_RANGES:
	case VALUE_COMMAND:
		return strlist_copy(&ceiling->list, merge_member(policy, key));
	case VALUE_RULES: /* they stay where they are */
		return 0;
	case VALUE_ACTIONS:
		for (size_t i = 0; rc == 0 && i < policy->mediation.actions_n; i++) {
			const struct rule_override *o = &policy->mediation.actions[i];
			rc = value_action(key, o->name, key->words[o->action], ceiling, NULL);
		}
		return rc;
	case VALUE_STRING:
	case VALUE_FILE: {
		const char *text = *(char **)merge_member(policy, key);
		ceiling->text = text ? strdup(text) : NULL;
		return text && !ceiling->text ? -1 : 0;
	}
	default:
		ceiling->number = get_number(policy, key);
		return 0;
	}
}

static int lock_key(struct merge *merge, const struct policy_key *key, const char *by, struct error *err)
{
	struct merge_lock *lock = &merge->locks[key->id];
	char *name = strdup(by);

	if (!name)
		return error_oom(err);
	free(lock->by);
	lock->by = name;
	lock->narrowed = false;
	lock->any = key->id == KEY_TOOLS_ALLOW && !merge->policy.mediation.tools_allow_set;
	value_free(&lock->ceiling);
	return take_ceiling(merge, key, &lock->ceiling) < 0 ? error_oom(err) : 0;
}

int merge_lock(struct merge *merge, const char *path, const char *by, struct error *err)
{
	size_t n = strlen(path);
	bool found = false;
	const char *best = NULL;
	unsigned cost = 0;

	for (size_t i = 0; i < KEYS_N; i++) {
		const struct policy_key *key = &policy_keys[i];
		if (!key->path || key->id == KEY_LOCK || key->id == KEY_EXTENDS || key->id == KEY_DESCRIPTION)
			continue;
		policy_suggest(path, key->path, &best, &cost);
		if (strncmp(key->path, path, n) != 0 || (key->path[n] != '\0' && key->path[n] != '.'))
			continue;
		found = true;
		merge->rules_locked = merge->rules_locked || key->id == KEY_TOOLS_RULES;
		merge->default_locked = merge->default_locked || key->id == KEY_TOOLS_DEFAULT;
		if (lock_key(merge, key, by, err) < 0)
			return -1;
	}
	if (found)
		return 0;
	error_set(err, 0, "\"%.64s\" is no key that can be locked", path);
	if (best)
		error_hint(err, "did you mean \"%s\"?", best);
	return error_kind(err, ERROR_USAGE);
}

/*
 * Rules are locked by closing their stage: what comes later makes another one, and of both the strictest counts. A default that is
 * locked belongs to the stage, where it stands behind its rules; so it holds for the rules of the stage as well.
 */
int merge_locks_done(struct merge *merge, struct error *err)
{
	struct mediation *m = &merge->policy.mediation;
	bool with_default = merge->default_locked, locked = merge->rules_locked || with_default;
	enum tool_verdict before = merge->stage ? m->stage_default[merge->stage - 1] : TOOL_ALLOW;
	bool any = with_default && m->tools_default < before;

	merge->rules_locked = merge->default_locked = false;
	for (size_t i = 0; i < m->rules_n; i++)
		any = any || m->rules[i].stage == merge->stage;
	if (!locked || !any)
		return 0;
	if (merge->stage + 1 == TOOL_STAGES) {
		error_set(err, 0, "tools.rules is locked by more than %d files, each with rules of its own", TOOL_STAGES - 1);
		error_hint(err, "put the rules that have to hold into one file");
		return error_kind(err, ERROR_USAGE);
	}
	if (with_default)
		m->stage_default[merge->stage] = m->tools_default;
	merge->stage++;
	return 0;
}
