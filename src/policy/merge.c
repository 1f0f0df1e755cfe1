/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The rules of merging. They are driven by the table: a new key needs no code here unless it brings a new
 * type.
 */
#include "policy/merge.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/glob.h"
#include "base/path.h"

#include <stdlib.h>
#include <string.h>

_Static_assert(sizeof(enum network_mode) == sizeof(unsigned) && sizeof(enum args_mode) == sizeof(unsigned) &&
		       sizeof(enum tool_verdict) == sizeof(unsigned) && sizeof(enum pins_mode) == sizeof(unsigned) &&
		       sizeof(enum reverse_mode) == sizeof(unsigned) && sizeof(enum breach_mode) == sizeof(unsigned),
	       "enumerations are stored through unsigned");

static void *member(struct policy *policy, const struct policy_key *key)
{
	return (char *)policy + key->offset;
}

static uint64_t get_number(struct policy *policy, const struct policy_key *key)
{
	switch (key->type) {
	case VALUE_ENUM:
	case VALUE_LAYERS:
		return *(unsigned *)member(policy, key);
	case VALUE_BOOL:
		return *(bool *)member(policy, key);
	default:
		return *(uint64_t *)member(policy, key);
	}
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

static int add_grant(struct grant **grants, size_t *n, const struct grant *grant)
{
	for (size_t i = 0; i < *n; i++)
		if (same_grant(&(*grants)[i], grant))
			return 0;
	struct grant *grown = reallocarray(*grants, *n + 1, sizeof *grown);
	if (!grown)
		return -1;
	*grants = grown;
	struct grant copy = { strdup(grant->source), strdup(grant->dest), grant->write, strdup(grant->origin) };
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
	policy->env[policy->env_n++] = (struct env_entry){ name, value };
	return 0;
}

static int apply_list(struct merge *merge, const struct policy_key *key, const struct value *value)
{
	struct strlist *list = member(&merge->policy, key);

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
	else if (key->type == VALUE_PATHS || key->type == VALUE_GLOBS)
		strlist_free(member(&merge->policy, key));
}

static int apply_text(struct merge *merge, const struct policy_key *key, const struct value *value)
{
	char **text = member(&merge->policy, key);
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
	struct strlist *list = member(&merge->policy, key);

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
		*(uint64_t *)member(policy, key) = value->number;
		break;
	case VALUE_ENUM:
		*(unsigned *)member(policy, key) = (unsigned)value->number;
		break;
	case VALUE_LAYERS:
		*(unsigned *)member(policy, key) |= (unsigned)value->number;
		break;
	case VALUE_BOOL:
		*(bool *)member(policy, key) = value->number != 0;
		break;
	case VALUE_STRING:
	case VALUE_FILE:
		return apply_text(merge, key, value);
	case VALUE_PATHS:
	case VALUE_GLOBS:
		return apply_list(merge, key, value);
	case VALUE_COMMAND:
		return apply_command(merge, key, value);
	case VALUE_RULES:
		return apply_rules(merge, value);
	case VALUE_ACTIONS:
		return apply_actions(merge, value);
	case VALUE_GRANTS:
		for (size_t i = 0; rc == 0 && i < value->grants_n; i++)
			rc = add_grant(&policy->grants, &policy->grants_n, &value->grants[i]);
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

/* ---- locks --------------------------------------------------------------------------------------- */

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
			return !have->value || (change->value && strcmp(have->value, change->value) == 0);
	}
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
	for (size_t i = 0; i < value->list.n; i++) {
		const char *entry = value->list.v[i];
		if (!(key->type == VALUE_GLOBS ? glob_covered(entry, &lock->ceiling.list)
					       : path_covered(entry, &lock->ceiling.list)))
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

int merge_value(struct merge *merge, const struct policy_key *key, const struct value *value, struct error *err)
{
	const struct merge_lock *lock = &merge->locks[key->id];
	const struct merge_lock *read = &merge->locks[KEY_FILES_READ];

	if (lock->by && check_lock(key, lock, value, err) < 0)
		return -1;
	/* What can be written can be read: a lock on reading holds for both. */
	if (key->id == KEY_FILES_WRITE && read->by)
		for (size_t i = 0; i < value->grants_n; i++) {
			struct grant as_read = value->grants[i];
			as_read.write = false;
			if (!grant_covered(&as_read, &read->ceiling)) {
				loosens(&policy_keys[KEY_FILES_READ], read, as_read.source, err);
				return error_hint(err, "only what the administrator's files name can be chosen from");
			}
		}
	if (merge->policy.mediation.rules_n + value->rules_n > RULES_MAX) {
		error_set(err, 0, "more than %d rules on calls", RULES_MAX);
		return error_kind(err, ERROR_USAGE);
	}
	return apply(merge, key, value) < 0 ? error_oom(err) : 0;
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
				rc = add_grant(&ceiling->grants, &ceiling->grants_n, &policy->grants[i]);
		return rc;
	case VALUE_ENV:
		for (size_t i = 0; rc == 0 && i < policy->env_n; i++)
			rc = value_env_entry(policy->env[i].name, policy->env[i].value, false, ceiling, NULL);
		return rc;
	case VALUE_PATHS:
	case VALUE_GLOBS:
	case VALUE_COMMAND:
		return strlist_copy(&ceiling->list, member(policy, key));
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
		const char *text = *(char **)member(policy, key);
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
	if (merged->apparmor)
		merged->require |= LAYER_APPARMOR;
	if ((merged->require & LAYER_AUDIT) && merged->audit && strcmp(merged->audit, "off") == 0) {
		error_set(err, 0, "the audit log is required and switched off");
		error_hint(err, "leave out --audit off (audit.file) or --require audit (confine.require)");
		return error_kind(err, ERROR_USAGE);
	}
	merged->read_locked = merge->locks[KEY_FILES_READ].by != NULL;
	merged->write_locked = merge->locks[KEY_FILES_WRITE].by != NULL;
	*policy = *merged;
	*merged = (struct policy){ 0 };
	return 0;
}
