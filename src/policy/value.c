/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading values. Strict: one spelling for one meaning, no signs, no fractions, no silent clamping, because
 * a limit that was misread is a limit that is not there.
 */
#include "policy/value.h"

#include "base/cleanup.h"
#include "base/path.h"
#include "policy/host.h"

#include <ctype.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit size_units[] = {
	{ "", 1 }, { "K", 1ULL << 10 }, { "M", 1ULL << 20 }, { "G", 1ULL << 30 }, { "T", 1ULL << 40 },
	{ "KiB", 1ULL << 10 }, { "MiB", 1ULL << 20 }, { "GiB", 1ULL << 30 }, { "TiB", 1ULL << 40 },
	{ NULL, 0 },
};
static const struct unit duration_units[] = {
	{ "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 }, { "d", 86400000 }, { NULL, 0 },
};
static const struct unit percent_units[] = { { "%", 1 }, { "", 1 }, { NULL, 0 } };
static const struct unit count_units[] = { { "", 1 }, { NULL, 0 } };
static const struct unit rate_units[] = { { "/min", 1 }, { "", 1 }, { "/s", 60 }, { NULL, 0 } };

static const struct unit *units_of(enum value_type type)
{
	switch (type) {
	case VALUE_SIZE:
		return size_units;
	case VALUE_DURATION:
		return duration_units;
	case VALUE_PERCENT:
		return percent_units;
	case VALUE_RATE:
		return rate_units;
	default:
		return count_units;
	}
}

static int bad_number(const struct policy_key *key, const char *text, struct error *err)
{
	static const char *const forms[] = {
		[VALUE_SIZE] = "a size is a number of bytes, or like 512M or 2G",
		[VALUE_COUNT] = "write a whole number",
		[VALUE_PERCENT] = "write it like 150%: 100% is one processor",
		[VALUE_DURATION] = "a time has a unit: 500ms, 30s, 5m, 1h, 2d",
		[VALUE_RATE] = "write it like 30/min, or 2/s",
	};

	error_set(err, 0, "\"%.64s\" cannot be read", text);
	if (key->unlimited && key->words)
		error_hint(err, "%s; or \"%s\", or \"%s\"", forms[key->type], key->words[0], key->unlimited);
	else if (key->unlimited)
		error_hint(err, "%s; or \"%s\" for no limit", forms[key->type], key->unlimited);
	else
		error_hint(err, "%s", forms[key->type]);
	return error_kind(err, ERROR_USAGE);
}

/* No row allows UINT64_MAX, so that it can stand for a number that overflowed. */
static int check_range(const struct policy_key *key, uint64_t number, struct error *err)
{
	char low[32], high[32];

	if (number >= key->low && number <= key->high)
		return 0;
	value_number_text(key, key->low, low);
	value_number_text(key, key->high, high);
	if (number < key->low)
		error_set(err, 0, "too small: the least is %s", low);
	else
		error_set(err, 0, "too large: the most is %s", high);
	if (number == 0 && key->unlimited)
		error_hint(err, "write \"%s\" for no limit", key->unlimited);
	return error_kind(err, ERROR_USAGE);
}

static int parse_number(const struct policy_key *key, const char *text, uint64_t *out, struct error *err)
{
	uint64_t number = 0;
	const char *p = text;

	if (key->unlimited && strcmp(text, key->unlimited) == 0) {
		*out = policy_key_no_limit(key);
		return 0;
	}
	if (key->words && strcmp(text, key->words[0]) == 0) {
		*out = 0;
		return 0;
	}
	if (!isdigit((unsigned char)*p))
		return bad_number(key, text, err);
	for (; isdigit((unsigned char)*p); p++)
		if (__builtin_mul_overflow(number, 10, &number) ||
		    __builtin_add_overflow(number, (uint64_t)(*p - '0'), &number))
			return check_range(key, UINT64_MAX, err);

	const struct unit *unit = units_of(key->type);
	while (unit->name && strcmp(unit->name, p) != 0)
		unit++;
	if (!unit->name)
		return bad_number(key, text, err);
	if (__builtin_mul_overflow(number, unit->factor, &number))
		return check_range(key, UINT64_MAX, err);
	if (check_range(key, number, err) < 0)
		return -1;
	*out = number;
	return 0;
}

void value_number_text(const struct policy_key *key, uint64_t number, char text[32])
{
	const struct unit *unit = units_of(key->type), *best = unit;

	if (key->unlimited && number == policy_key_no_limit(key)) {
		snprintf(text, 32, "%s", key->unlimited);
		return;
	}
	if (number == 0 && key->words) {
		snprintf(text, 32, "%s", key->words[0]);
		return;
	}
	for (; unit->name && strlen(unit->name) <= 2 && key->type != VALUE_RATE; unit++)
		if (number && number % unit->factor == 0 && unit->factor > best->factor)
			best = unit;
	snprintf(text, 32, "%" PRIu64 "%s", number / best->factor, best->name);
}

static int parse_word(const struct policy_key *key, const char *text, uint64_t *index, struct error *err)
{
	char list[128] = "";
	size_t n = 0;

	for (size_t i = 0; key->words[i]; i++) {
		if (strcmp(key->words[i], text) == 0) {
			*index = i;
			return 0;
		}
		int w = snprintf(list + n, sizeof list - n, "%s%s", i ? ", " : "", key->words[i]);
		n += w > 0 && (size_t)w < sizeof list - n ? (size_t)w : 0;
	}
	error_set(err, 0, "\"%.64s\" is not known here", text);
	error_hint(err, "one of: %s", list);
	return error_kind(err, ERROR_USAGE);
}

static int usage(struct error *err, const char *what, const char *text, const char *hint)
{
	error_set(err, 0, "%s: \"%.256s\"", what, text);
	error_hint(err, "%s", hint);
	return error_kind(err, ERROR_USAGE);
}

static bool has_dotdot(const char *path)
{
	for (const char *p = path; *p; p += strspn(p, "/")) {
		size_t n = strcspn(p, "/");
		if (n == 2 && p[0] == '.' && p[1] == '.')
			return true;
		p += n;
	}
	return false;
}

/* ".." after another component means something else when that is a symlink: refused rather than guessed. */
static bool has_late_dotdot(const char *path)
{
	bool other = false;

	for (const char *p = path; *p;) {
		size_t n = strcspn(p, "/");
		if (n == 2 && p[0] == '.' && p[1] == '.') {
			if (other || path[0] == '/')
				return true;
		} else if (n > 0 && !(n == 1 && p[0] == '.')) {
			other = true;
		}
		p += n;
		p += strspn(p, "/");
	}
	return false;
}

/* N bytes of TEXT as an absolute, normalized path into *OUT. */
static int parse_path(const char *text, size_t n, const struct value_source *source, char **out, struct error *err)
{
	CLEANUP_FREE char *copy = strndup(text, n);
	CLEANUP_FREE char *full = NULL;

	if (!copy)
		return error_oom(err);
	if (n == 0)
		return usage(err, "an empty path", copy, "name a file or folder");
	if (n >= PATH_MAX / 2)
		return usage(err, "a path too long", copy, "paths have less than 2048 bytes");
	if (has_late_dotdot(copy))
		return usage(err, "a path with \"..\"", copy, "write the path without \"..\"");

	if (copy[0] == '/')
		full = strdup(copy);
	else if (copy[0] == '~' && (copy[1] == '/' || copy[1] == '\0'))
		full = path_join(source->home, copy + 1);
	else if (copy[0] == '~')
		return usage(err, "another user's home", copy, "write the path in full");
	else if (source->cwd)
		full = path_join(source->cwd, copy);
	else
		return usage(err, "a relative path", copy, "paths in policy files start with \"/\" or \"~/\"");
	if (!full)
		return error_oom(err);
	*out = path_normalize(full);
	return *out ? 0 : error_oom(err);
}

int value_path(const char *text, const struct value_source *source, char **out, struct error *err)
{
	return parse_path(text, strlen(text), source, out, err);
}

/* The colon of PATH:DEST, or NULL. DEST starts with "/" or "~/", so colons in names need no escape. */
static const char *find_dest(const char *text)
{
	const char *found = NULL;

	for (const char *p = text; (p = strchr(p, ':')); p++)
		if (p > text && (p[1] == '/' || (p[1] == '~' && p[2] == '/')))
			found = p;
	return found;
}

static int parse_grant(const struct policy_key *key, const char *text, const struct value_source *source,
		       struct value *value, struct error *err)
{
	const char *colon = find_dest(text);
	struct grant grant = { .write = key->id == KEY_FILES_WRITE };

	struct grant *grown = reallocarray(value->grants, value->grants_n + 1, sizeof *grown);
	if (!grown)
		return error_oom(err);
	value->grants = grown;

	size_t n = colon ? (size_t)(colon - text) : strlen(text);
	if (parse_path(text, n, source, &grant.source, err) < 0)
		return -1;
	if (!grant.source)
		return error_oom(err);
	int rc = 0;
	if (colon)
		rc = parse_path(colon + 1, strlen(colon + 1), source, &grant.dest, err);
	else if (!(grant.dest = strdup(grant.source)))
		rc = error_oom(err);
	if (rc == 0 && !(grant.origin = strdup(source->origin)))
		rc = error_oom(err);
	if (rc < 0) {
		free(grant.source);
		free(grant.dest);
		return -1;
	}
	value->grants[value->grants_n++] = grant;
	return 0;
}

static int check_env_name(const char *name, struct error *err)
{
	const char *p = name;

	if (!isalpha((unsigned char)*p) && *p != '_')
		return usage(err, "no name of a variable", name, "names are letters, digits and \"_\"");
	while (isalnum((unsigned char)*p) || *p == '_')
		p++;
	if (*p)
		return usage(err, "no name of a variable", name, "names are letters, digits and \"_\"");
	return 0;
}

int value_env_entry(const char *name, const char *text, bool remove, struct value *value, struct error *err)
{
	if (check_env_name(name, err) < 0)
		return -1;
	struct value_env *grown = reallocarray(value->env, value->env_n + 1, sizeof *grown);
	if (!grown)
		return error_oom(err);
	value->env = grown;

	struct value_env entry = { .name = strdup(name), .value = text ? strdup(text) : NULL, .remove = remove };
	if (!entry.name || (text && !entry.value)) {
		free(entry.name);
		free(entry.value);
		return error_oom(err);
	}
	value->env[value->env_n++] = entry;
	return 0;
}

int value_env_home(const char *name, const char *path, struct value *value, struct error *err)
{
	if (path[0] == '/' || path[0] == '\0' || has_dotdot(path))
		return usage(err, "no path below the home folder", path, "write it without \"/\" before and without \"..\"");
	if (value_env_entry(name, path, false, value, err) < 0)
		return -1;
	value->env[value->env_n - 1].home = true;
	return 0;
}

int value_made(const char *path, const char *text, const struct value_source *source, struct value *value, struct error *err)
{
	struct made_file file = { .text = (char *)text, .origin = (char *)source->origin };

	if (strlen(text) > MADE_FILE_MAX)
		return usage(err, "a text too long for the file", path, "files that are made have 64 KiB at most");
	if (parse_path(path, strlen(path), source, &file.dest, err) < 0)
		return -1;
	int rc = made_file_set(&value->made, &value->made_n, &file);
	free(file.dest);
	return rc < 0 ? error_oom(err) : 0;
}

static int parse_env(const char *text, struct value *value, struct error *err)
{
	const char *equals = strchr(text, '=');

	if (!equals)
		return value_env_entry(text, NULL, false, value, err);
	CLEANUP_FREE char *name = strndup(text, (size_t)(equals - text));
	if (!name)
		return error_oom(err);
	return value_env_entry(name, equals + 1, false, value, err);
}

static int parse_file(const struct policy_key *key, const char *text, const struct value_source *source,
		      struct value *value, struct error *err)
{
	uint64_t index;

	free(TAKE_PTR(value->text));
	if (key->words && parse_word(key, text, &index, NULL) == 0) {
		value->text = strdup(text);
		return value->text ? 0 : error_oom(err);
	}
	return parse_path(text, strlen(text), source, &value->text, err);
}

int value_action(const struct policy_key *key, const char *name, const char *word, struct value *value, struct error *err)
{
	uint64_t index = 0;

	if (name[0] == '\0')
		return usage(err, "an empty name", name, "name a rule, or a pattern such as \"secret-*\"");
	if (parse_word(key, word, &index, err) < 0)
		return -1;
	struct rule_override *grown = reallocarray(value->actions, value->actions_n + 1, sizeof *grown);
	if (!grown)
		return error_oom(err);
	value->actions = grown;
	char *copy = strdup(name);
	if (!copy)
		return error_oom(err);
	grown[value->actions_n++] = (struct rule_override){ copy, (enum rule_action)index };
	return 0;
}

static int parse_action(const struct policy_key *key, const char *text, struct value *value, struct error *err)
{
	const char *equals = strrchr(text, '=');

	if (!equals)
		return usage(err, "an action is missing", text, "write RULE=ACTION");
	CLEANUP_FREE char *name = strndup(text, (size_t)(equals - text));
	if (!name)
		return error_oom(err);
	return value_action(key, name, equals + 1, value, err);
}

int value_command_word(const char *word, const struct value_source *source, struct value *value, struct error *err)
{
	char *path = NULL;

	if (value->list.n > 0)
		return strlist_add(&value->list, word) < 0 ? error_oom(err) : 0;
	if (!source->commands) {
		error_set(err, 0, "programs that run outside the cage cannot be named here");
		error_hint(err, "only the administrator's files, the user's own policy.json and options can do that");
		return error_kind(err, ERROR_USAGE);
	}
	/* A plain name is looked up once it is known on which machine. */
	if (word[0] && word[0] != '~' && !strchr(word, '/'))
		return strlist_add(&value->list, word) < 0 ? error_oom(err) : 0;
	if (parse_path(word, strlen(word), source, &path, err) < 0)
		return -1;
	return strlist_take(&value->list, path) < 0 ? error_oom(err) : 0;
}

/* On the command line: words separated by spaces. Quoting is not understood, so it is refused and not misread. */
static int parse_command(const char *text, const struct value_source *source, struct value *value, struct error *err)
{
	if (strpbrk(text, "'\"\\`$"))
		return usage(err, "quotes are not understood here", text,
			     "write words separated by spaces, or a list in a policy file");
	for (const char *p = text; *p;) {
		size_t n = strcspn(p, " ");
		CLEANUP_FREE char *word = strndup(p, n);
		if (!word)
			return error_oom(err);
		if (n > 0 && value_command_word(word, source, value, err) < 0)
			return -1;
		p += n + (p[n] != '\0');
	}
	return value->list.n > 0 ? 0 : usage(err, "an empty value", text, "leave it out instead");
}

int value_rule(struct value *value, struct tool_rule *rule, struct error *err)
{
	struct tool_rule *grown = reallocarray(value->rules, value->rules_n + 1, sizeof *grown);

	if (!grown) {
		tool_rule_free(rule);
		return error_oom(err);
	}
	value->rules = grown;
	grown[value->rules_n++] = *rule;
	*rule = (struct tool_rule){ 0 };
	return 0;
}

/* It becomes a part of a path. */
static int check_pins_name(const char *name, struct error *err)
{
	bool good = isalnum((unsigned char)name[0]) && strlen(name) <= 64;

	for (const char *p = name; good && *p; p++)
		good = isalnum((unsigned char)*p) || strchr("._-", *p);
	return good ? 0 : usage(err, "no name of pins", name, "letters, digits, \".\", \"_\" and \"-\", 64 at most");
}

static int parse_string(const struct policy_key *key, const char *text, struct value *value, struct error *err)
{
	if (text[0] == '\0')
		return usage(err, "an empty value", text, "leave it out instead");
	/* It ends up in a file of the kernel: no way to smuggle a second line or another mode into it. */
	if (key->id == KEY_CONFINE_APPARMOR)
		for (const char *p = text; *p; p++)
			if (!isgraph((unsigned char)*p))
				return usage(err, "no name of a profile", text, "names have no spaces");
	if (key->id == KEY_PINS_NAME && check_pins_name(text, err) < 0)
		return -1;
	free(value->text);
	value->text = strdup(text);
	return value->text ? 0 : error_oom(err);
}

/* One spelling for one meaning: what is kept is the canonical text. */
static int parse_host(const struct policy_key *key, const char *text, struct value *value, struct error *err)
{
	char canonical[HOST_TEXT_SIZE];
	struct host_rule rule;
	struct ip_range range;

	if (key->type == VALUE_HOSTS ? host_rule_parse(text, &rule, err) < 0 : ip_range_parse(text, &range, err) < 0)
		return -1;
	if (key->type == VALUE_HOSTS)
		host_rule_text(&rule, canonical);
	else
		ip_range_text(&range, canonical);
	return strlist_add(&value->list, canonical) < 0 ? error_oom(err) : 0;
}

int value_parse(const struct policy_key *key, const char *text, const struct value_source *source,
		struct value *value, struct error *err)
{
	char *path = NULL;
	uint64_t index = 0;

	switch (key->type) {
	case VALUE_SIZE:
	case VALUE_COUNT:
	case VALUE_PERCENT:
	case VALUE_DURATION:
	case VALUE_RATE:
		return parse_number(key, text, &value->number, err);
	case VALUE_ENUM:
		return parse_word(key, text, &value->number, err);
	case VALUE_LAYERS:
		if (parse_word(key, text, &index, err) < 0)
			return -1;
		value->number |= layer_parse(text);
		return 0;
	case VALUE_GRANTS:
		return parse_grant(key, text, source, value, err);
	case VALUE_PATHS:
		if (parse_path(text, strlen(text), source, &path, err) < 0)
			return -1;
		return strlist_take(&value->list, path) < 0 ? error_oom(err) : 0;
	case VALUE_GLOBS:
	case VALUE_NAMES:
	case VALUE_KEYS:
		if (text[0] == '\0')
			return usage(err, "an empty name", text, "leave it out instead");
		return strlist_add(&value->list, text) < 0 ? error_oom(err) : 0;
	case VALUE_ENV:
		return parse_env(text, value, err);
	case VALUE_FILE:
		return parse_file(key, text, source, value, err);
	case VALUE_STRING:
		return parse_string(key, text, value, err);
	case VALUE_ACTIONS:
		return parse_action(key, text, value, err);
	case VALUE_HOSTS:
	case VALUE_RANGES:
		return parse_host(key, text, value, err);
	case VALUE_COMMAND:
		return parse_command(text, source, value, err);
	case VALUE_BOOL:
	case VALUE_FILES:
	case VALUE_RULES:
	case VALUE_NONE:
		break;
	}
	return usage(err, "no value is expected", text, "leave it out");
}

int value_integer(const struct policy_key *key, int64_t number, struct value *value, struct error *err)
{
	if (number < 0) {
		error_set(err, 0, "a negative number");
		return error_kind(err, ERROR_USAGE);
	}
	if (check_range(key, (uint64_t)number, err) < 0)
		return -1;
	value->number = (uint64_t)number;
	return 0;
}

void value_free(struct value *value)
{
	free(value->text);
	strlist_free(&value->list);
	for (size_t i = 0; i < value->grants_n; i++) {
		free(value->grants[i].source);
		free(value->grants[i].dest);
		free(value->grants[i].origin);
	}
	free(value->grants);
	for (size_t i = 0; i < value->env_n; i++) {
		free(value->env[i].name);
		free(value->env[i].value);
	}
	free(value->env);
	made_files_free(value->made, value->made_n);
	for (size_t i = 0; i < value->rules_n; i++)
		tool_rule_free(&value->rules[i]);
	free(value->rules);
	for (size_t i = 0; i < value->actions_n; i++)
		free(value->actions[i].name);
	free(value->actions);
	*value = (struct value){ 0 };
}
