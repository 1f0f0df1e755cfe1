/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading files of rules. A rule that is not what its writer meant would look for nothing, so that a key, a
 * word or a type that is not known is an error which names the file and the rule; so is a name that two rules
 * have.
 *
 * Called by the monitor before it makes the filter, and by tests. mcpcage-rules(5).
 */
#include "store/rulefiles.h"

#include "base/cleanup.h"
#include "base/path.h"
#include "policy/file.h"
#include "rpc/literals.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct reading {
	const char *path;
	char name[RULE_NAME_MAX + 1]; /* of the rule, as far as it is known */
	size_t number;
	bool examples;
	struct error *err;
};

static int wrong(const struct reading *r, const char *what)
{
	if (r->name[0])
		error_set(r->err, 0, "%s: rule \"%s\": %s", r->path, r->name, what);
	else if (r->number)
		error_set(r->err, 0, "%s: rule number %zu: %s", r->path, r->number, what);
	else
		error_set(r->err, 0, "%s: %s", r->path, what);
	error_hint(r->err, "mcpcage-rules(5) says what a rule is");
	return error_kind(r->err, ERROR_USAGE);
}

static int take_text(const struct reading *r, const json_t *value, char **to, const char *what)
{
	if (!json_is_string(value) || json_string_length(value) == 0)
		return wrong(r, what);
	*to = strdup(json_string_value(value));
	return *to ? 0 : error_oom(r->err);
}

static int take_name(struct reading *r, const json_t *value, struct rule *rule)
{
	const char *name = json_string_value(value);
	size_t n = name ? strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789.-_") : 0;

	if (n == 0 || name[n] || n > RULE_NAME_MAX)
		return wrong(r, "\"name\" has to be a string of lower-case letters, digits, \".\", \"-\" and \"_\", at most 63");
	memcpy(r->name, name, n + 1);
	rule->name = strdup(name);
	return rule->name ? 0 : error_oom(r->err);
}

static unsigned place_of(const char *word)
{
	static const struct {
		const char *word;
		unsigned where;
	} words[] = {
		{ "description", RULE_DESCRIPTION },
		{ "result", RULE_RESULT },
		{ "argument", RULE_ARGUMENT },
		{ "any", RULE_ANYWHERE },
	};

	for (size_t i = 0; word && i < ARRAY_SIZE(words); i++)
		if (strcmp(word, words[i].word) == 0)
			return words[i].where;
	return 0;
}

static int take_place(const struct reading *r, const json_t *value, struct rule *rule)
{
	unsigned where = place_of(json_string_value(value));

	if (where == 0)
		return wrong(r, "\"where\" has to be \"description\", \"result\", \"argument\" or \"any\", or a list of them");
	rule->where |= where;
	return 0;
}

static int take_where(const struct reading *r, const json_t *value, struct rule *rule)
{
	size_t i;
	const json_t *entry;

	rule->where = 0;
	if (!json_is_array(value))
		return take_place(r, value, rule);
	json_array_foreach(value, i, entry)
		if (take_place(r, entry, rule) < 0)
			return -1;
	return rule->where ? 0 : wrong(r, "\"where\" is an empty list");
}

static int take_word(const struct reading *r, const json_t *value, enum rule_action *action)
{
	static const char *const words[] = {
		[RULE_BLOCK] = "block", [RULE_REDACT] = "redact", [RULE_NOTE] = "note", [RULE_OFF] = "off",
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (json_is_string(value) && strcmp(json_string_value(value), words[i]) == 0) {
			*action = (enum rule_action)i;
			return 0;
		}
	}
	return wrong(r, "\"action\" has to be \"note\", \"redact\", \"block\" or \"off\", or one for each place");
}

/* One word, or an object with a word for each place. */
static int take_action(const struct reading *r, const json_t *value, struct rule *rule)
{
	const char *key;
	json_t *entry;

	if (!json_is_object(value)) {
		if (take_word(r, value, &rule->action[0]) < 0)
			return -1;
		for (size_t i = 1; i < RULE_PLACES; i++)
			rule->action[i] = rule->action[0];
		return 0;
	}
	json_object_foreach((json_t *)value, key, entry) {
		unsigned where = place_of(key);
		if (where == 0 || where == RULE_ANYWHERE)
			return wrong(r, "\"action\" has to be a word, or an object of \"description\", \"result\" and \"argument\"");
		if (take_word(r, entry, &rule->action[rule_place(where)]) < 0)
			return -1;
	}
	return 0;
}

static int take_strings(const struct reading *r, const json_t *value, struct strlist *list, const char *what)
{
	size_t i;
	const json_t *entry;

	if (!json_is_array(value))
		return wrong(r, what);
	json_array_foreach(value, i, entry) {
		if (!json_is_string(entry))
			return wrong(r, what);
		if (strlist_add(list, json_string_value(entry)) < 0)
			return error_oom(r->err);
	}
	return 0;
}

static int take_literals(const struct reading *r, const json_t *value, struct rule *rule)
{
	if (take_strings(r, value, &rule->literals, "\"literals\" has to be a list of strings") < 0)
		return -1;
	for (size_t i = 0; i < rule->literals.n; i++) {
		size_t n = strlen(rule->literals.v[i]);
		if (n < LITERAL_MIN || n > LITERAL_MAX)
			return wrong(r, "each of its \"literals\" has to have 4 to 64 bytes");
	}
	return 0;
}

static int take_window(const struct reading *r, const json_t *value, struct rule *rule)
{
	json_int_t n = json_integer_value(value);

	if (!json_is_integer(value) || n < 0 || n > RULE_WINDOW_MAX)
		return wrong(r, "\"window\" has to be a number of bytes, at most 16384");
	rule->window = (uint32_t)n;
	return 0;
}

static int take_tests(const struct reading *r, const json_t *value, struct rule *rule)
{
	const char *key;
	json_t *entry;

	if (!json_is_object(value))
		return wrong(r, "\"tests\" has to be an object");
	json_object_foreach((json_t *)value, key, entry) {
		bool hit = strcmp(key, "hit") == 0;
		if (!hit && strcmp(key, "miss") != 0)
			return wrong(r, "\"tests\" has \"hit\" and \"miss\", and nothing else");
		if (r->examples && take_strings(r, entry, hit ? &rule->hits : &rule->misses,
						"\"tests\" has to have lists of strings") < 0)
			return -1;
	}
	return 0;
}

static int take_member(struct reading *r, const char *key, const json_t *value, struct rule *rule)
{
	if (strcmp(key, "name") == 0)
		return 0;
	if (strcmp(key, "description") == 0)
		return take_text(r, value, &rule->description, "\"description\" has to be a string");
	if (strcmp(key, "where") == 0)
		return take_where(r, value, rule);
	if (strcmp(key, "pattern") == 0)
		return take_text(r, value, &rule->pattern, "\"pattern\" has to be a regular expression");
	if (strcmp(key, "literals") == 0)
		return take_literals(r, value, rule);
	if (strcmp(key, "needs") == 0)
		return take_strings(r, value, &rule->needs, "\"needs\" has to be a list of strings");
	if (strcmp(key, "window") == 0)
		return take_window(r, value, rule);
	if (strcmp(key, "action") == 0)
		return take_action(r, value, rule);
	if (strcmp(key, "tests") == 0)
		return take_tests(r, value, rule);
	if (strcmp(key, "case") == 0) {
		if (!json_is_boolean(value))
			return wrong(r, "\"case\" has to be true or false");
		rule->exact = json_is_true(value);
		return 0;
	}
	char what[128];
	snprintf(what, sizeof what, "unknown key \"%.64s\"", key);
	return wrong(r, what);
}

static int check_whole(const struct reading *r, const struct rule *rule, const struct rule_list *list)
{
	if (!rule->pattern || strlen(rule->pattern) > RULE_PATTERN_MAX)
		return wrong(r, "it needs a \"pattern\" of at most 4096 bytes");
	if (rule->literals.n == 0)
		return wrong(r, "it needs \"literals\": what has to be near for the pattern to be tried");
	for (size_t i = 0; i + 1 < list->n; i++) {
		if (strcmp(list->v[i].name, rule->name) != 0)
			continue;
		char what[600];
		snprintf(what, sizeof what, "there is another rule of this name, in %s", list->v[i].origin);
		return wrong(r, what);
	}
	if (list->n > RULES_MAX)
		return wrong(r, "there are more than 1024 rules");
	return 0;
}

static int read_rule(struct reading *r, const json_t *object, struct rule_list *list)
{
	const char *key;
	json_t *value;

	r->name[0] = '\0';
	if (!json_is_object(object))
		return wrong(r, "a rule has to be an object");
	struct rule *rule = rule_list_add(list);
	if (!rule)
		return error_oom(r->err);
	rule->origin = strdup(r->path);
	if (!rule->origin)
		return error_oom(r->err);
	if (take_name(r, json_object_get(object, "name"), rule) < 0)
		return -1;
	json_object_foreach((json_t *)object, key, value)
		if (take_member(r, key, value, rule) < 0)
			return -1;
	return check_whole(r, rule, list);
}

static int read_root(struct reading *r, const json_t *root, struct rule_list *list)
{
	const char *key;
	json_t *value;
	size_t i;
	const json_t *entry;

	json_object_foreach((json_t *)root, key, value)
		if (strcmp(key, "description") != 0 && strcmp(key, "rules") != 0)
			return wrong(r, "a file of rules has \"description\" and \"rules\", and nothing else");
	const json_t *rules = json_object_get(root, "rules");
	if (!json_is_array(rules))
		return wrong(r, "it has no list \"rules\"");
	json_array_foreach(rules, i, entry) {
		r->number = i + 1;
		if (read_rule(r, entry, list) < 0)
			return -1;
	}
	return 0;
}

int rulefiles_read(const char *path, uid_t uid, bool trusted, bool examples, struct rule_list *list, struct error *err)
{
	CLEANUP(policy_file_close) struct policy_file file = { 0 };
	struct reading r = { .path = path, .examples = examples, .err = err };

	int rc = policy_file_open(&file, path, uid, trusted, err);
	if (rc > 0) {
		error_set(err, ENOENT, "cannot open the file of rules %s", path);
		return error_kind(err, ERROR_USAGE);
	}
	if (rc < 0 || policy_file_parse(&file, err) < 0)
		return -1;
	return read_root(&r, file.root, list);
}

static int is_rule_file(const struct dirent *entry)
{
	size_t n = strlen(entry->d_name);

	return entry->d_name[0] != '.' && n > 5 && strcmp(entry->d_name + n - 5, ".json") == 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int read_folder(const char *folder, uid_t uid, bool trusted, bool examples, struct rule_list *list,
		       struct error *err)
{
	struct dirent **found = NULL;
	int rc = 0;

	int n = scandir(folder, &found, is_rule_file, by_name);
	if (n < 0) {
		if (errno == ENOENT || errno == ENOTDIR)
			return 0;
		return error_set(err, errno, "cannot read the folder of rules %s", folder);
	}
	for (int i = 0; i < n; i++) {
		CLEANUP_FREE char *path = path_join(folder, found[i]->d_name);
		if (rc == 0)
			rc = path ? rulefiles_read(path, uid, trusted, examples, list, err) : error_oom(err);
		free(found[i]);
	}
	free(found);
	return rc;
}

int rulefiles_load(const struct mediation *m, uid_t uid, bool examples, struct rule_list *list, struct error *err)
{
	/* The first folder is the program's own. */
	for (size_t i = 0; i < m->rule_folders.n; i++)
		if (read_folder(m->rule_folders.v[i], uid, i == 0, examples, list, err) < 0)
			return -1;
	for (size_t i = 0; i < m->rule_files.n; i++)
		if (rulefiles_read(m->rule_files.v[i], uid, false, examples, list, err) < 0)
			return -1;
	return 0;
}
