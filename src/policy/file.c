/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading one policy file. The file is judged by what was opened, not by its name (fstat(2) on the
 * descriptor), because whoever can change it decides what is granted. JSON is parsed by jansson with
 * duplicate keys refused; a key that the table does not know is an error with its position, never
 * ignored: a mistyped restriction must not turn into none.
 */
#include "policy/file.h"

#include "base/cleanup.h"
#include "base/fd.h"
#include "policy/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- opening ------------------------------------------------------------------------------------- */

static int check_owner(int fd, const char *name, uid_t uid, bool folder, struct error *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return error_set(err, errno, "cannot look at %s", name);
	if (!folder && !S_ISREG(st.st_mode)) {
		error_set(err, 0, "policy file %s is not a regular file", name);
		return error_kind(err, ERROR_USAGE);
	}
	if (st.st_uid != 0 && st.st_uid != uid) {
		error_set(err, 0, "%s belongs to another user (uid %u), who could change the policy", name,
			  (unsigned)st.st_uid);
		error_hint(err, "make it yours or root's: chown");
		return error_kind(err, ERROR_USAGE);
	}
	/* In a folder with the sticky bit others cannot replace a file that is ours. */
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) && !(folder && (st.st_mode & S_ISVTX))) {
		error_set(err, 0, "%s can be changed by other users", name);
		error_hint(err, "chmod go-w %s", name);
		return error_kind(err, ERROR_USAGE);
	}
	return 0;
}

static int open_checked(const char *name, uid_t uid, struct error *err)
{
	/* Non-blocking, so that a FIFO under that name does not hold us up. */
	const int flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
	char copy[PATH_MAX];

	if (strlen(name) >= sizeof copy) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(copy, name, strlen(name) + 1);
	const char *folder = dirname(copy);
	CLEANUP_CLOSE int dir = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -1;
	CLEANUP_CLOSE int fd = openat(dir, strrchr(name, '/') ? strrchr(name, '/') + 1 : name, flags);
	if (fd < 0)
		return -1;
	if (check_owner(dir, folder, uid, true, err) < 0 || check_owner(fd, name, uid, false, err) < 0)
		return -2;
	return TAKE_FD(&fd);
}

int policy_folders_check(const char *path, size_t n, uid_t uid, struct error *err)
{
	CLEANUP_FREE char *copy = strdup(path);

	if (!copy)
		return error_oom(err);
	for (char *slash = strchr(copy + n + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		CLEANUP_CLOSE int dir = open(copy, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (dir < 0)
			return errno == ENOENT || errno == ENOTDIR ? 1 : error_set(err, errno, "cannot open the folder %s", copy);
		if (check_owner(dir, copy, uid, true, err) < 0)
			return -1;
		*slash = '/';
	}
	return 0;
}

int policy_file_open(struct policy_file *file, const char *name, uid_t uid, bool trusted, struct error *err)
{
	*file = (struct policy_file){ .name = name, .text = BUF_INIT(POLICY_FILE_MAX) };

	CLEANUP_CLOSE int fd = trusted ? open(name, O_RDONLY | O_CLOEXEC) : open_checked(name, uid, err);
	if (fd == -2)
		return -1;
	if (fd < 0) {
		if (errno == ENOENT || errno == ENOTDIR)
			return 1;
		return error_set(err, errno, "cannot open the policy file %s", name);
	}
	if (fd_read_all(fd, &file->text) < 0) {
		int sys = errno;
		policy_file_close(file);
		if (sys == EFBIG)
			return error_set(err, 0, "policy file %s is larger than 1 MiB", name);
		return error_set(err, sys, "cannot read the policy file %s", name);
	}
	return 0;
}

void policy_file_close(struct policy_file *file)
{
	json_decref(file->root);
	file->root = NULL;
	buf_free(&file->text);
}

/* ---- walking ------------------------------------------------------------------------------------- */

int walk_blame(const struct walk *walk, bool at_key)
{
	size_t line, column;

	where_find(walk->file->text.p, walk->file->text.n, walk->steps, walk->depth, at_key, &line, &column);
	error_prefix(walk->err, "%s:%zu:%zu", walk->file->name, line, column);
	return error_kind(walk->err, ERROR_USAGE);
}

int walk_wrong_type(const struct walk *walk, const char *what, const char *expected)
{
	error_set(walk->err, 0, "%s: %s is expected here", what, expected);
	return walk_blame(walk, false);
}

static const char *expected_type(const struct policy_key *key)
{
	static const char *const words[] = {
		[VALUE_GRANTS] = "a list of strings",
		[VALUE_PATHS] = "a list of strings",
		[VALUE_SIZE] = "a size such as \"512M\", or a number of bytes,",
		[VALUE_COUNT] = "a whole number",
		[VALUE_PERCENT] = "a share such as \"150%\"",
		[VALUE_DURATION] = "a time such as \"30s\"",
		[VALUE_ENUM] = "a string",
		[VALUE_BOOL] = "true or false",
		[VALUE_STRING] = "a string",
		[VALUE_FILE] = "a string",
		[VALUE_NAMES] = "a name or a list of names",
		[VALUE_KEYS] = "a list of keys",
		[VALUE_GLOBS] = "a list of strings",
		[VALUE_ENV] = "an object of names",
		[VALUE_LAYERS] = "a list of strings",
		[VALUE_RATE] = "a rate such as \"30/min\", or a number,",
		[VALUE_RULES] = "a list of objects",
		[VALUE_ACTIONS] = "an object of names",
		[VALUE_FILES] = "an object of paths",
		[VALUE_HOSTS] = "a list of strings",
		[VALUE_RANGES] = "a list of strings",
		[VALUE_COMMAND] = "a program, or a list of it and its arguments,",
	};

	return words[key->type];
}

static int read_list(struct walk *walk, const struct policy_key *key, const json_t *json, struct value *value)
{
	size_t index;
	const json_t *entry;

	if (!json_is_array(json))
		return walk_wrong_type(walk, key->path, expected_type(key));
	json_array_foreach(json, index, entry) {
		walk->steps[walk->depth++] = (struct where_step){ .index = index };
		if (!json_is_string(entry))
			return walk_wrong_type(walk, key->path, "a string");
		if (value_parse(key, json_string_value(entry), walk->source, value, walk->err) < 0) {
			error_prefix(walk->err, "%s", key->path);
			return walk_blame(walk, false);
		}
		walk->depth--;
	}
	return 0;
}

static int read_env(struct walk *walk, const struct policy_key *key, const json_t *json, struct value *value)
{
	const char *name;
	json_t *entry;

	if (!json_is_object(json))
		return walk_wrong_type(walk, key->path, expected_type(key));
	json_object_foreach((json_t *)json, name, entry) {
		walk->steps[walk->depth++] = (struct where_step){ .key = name };
		const char *below = json_object_size(entry) == 1 ? json_string_value(json_object_get(entry, "home")) : NULL;
		if (!json_is_string(entry) && !json_is_boolean(entry) && !below)
			return walk_wrong_type(walk, name, "a string, true, false or {\"home\": PATH}");
		if ((below ? value_env_home(name, below, value, walk->err)
			   : value_env_entry(name, json_string_value(entry), json_is_false(entry), value, walk->err)) < 0) {
			error_prefix(walk->err, "%s", key->path);
			return walk_blame(walk, true);
		}
		walk->depth--;
	}
	return 0;
}

static int read_made(struct walk *walk, const struct policy_key *key, const json_t *json, struct value *value)
{
	const char *path;
	json_t *text;

	if (!json_is_object(json))
		return walk_wrong_type(walk, key->path, expected_type(key));
	json_object_foreach((json_t *)json, path, text) {
		walk->steps[walk->depth++] = (struct where_step){ .key = path };
		if (!json_is_string(text))
			return walk_wrong_type(walk, path, "a string");
		if (value_made(path, json_string_value(text), walk->source, value, walk->err) < 0) {
			error_prefix(walk->err, "%s", key->path);
			return walk_blame(walk, true);
		}
		walk->depth--;
	}
	return 0;
}

static int read_actions(struct walk *walk, const struct policy_key *key, const json_t *json, struct value *value)
{
	const char *name;
	json_t *entry;

	if (!json_is_object(json))
		return walk_wrong_type(walk, key->path, expected_type(key));
	json_object_foreach((json_t *)json, name, entry) {
		walk->steps[walk->depth++] = (struct where_step){ .key = name };
		if (!json_is_string(entry))
			return walk_wrong_type(walk, name, "a string");
		if (value_action(key, name, json_string_value(entry), value, walk->err) < 0) {
			error_prefix(walk->err, "%s", key->path);
			return walk_blame(walk, false);
		}
		walk->depth--;
	}
	return 0;
}

/* "PROGRAM" or ["PROGRAM", "ARGUMENT"...] */
static int read_command(struct walk *walk, const struct policy_key *key, const json_t *json, struct value *value)
{
	size_t n = json_is_array(json) ? json_array_size(json) : 1;

	if (!json_is_string(json) && !(json_is_array(json) && n > 0))
		return walk_wrong_type(walk, key->path, expected_type(key));
	for (size_t i = 0; i < n; i++) {
		const json_t *word = json_is_array(json) ? json_array_get(json, i) : json;
		if (json_is_array(json))
			walk->steps[walk->depth++] = (struct where_step){ .index = i };
		if (!json_is_string(word))
			return walk_wrong_type(walk, key->path, "a string");
		if (value_command_word(json_string_value(word), walk->source, value, walk->err) < 0) {
			error_prefix(walk->err, "%s", key->path);
			return walk_blame(walk, false);
		}
		if (json_is_array(json))
			walk->depth--;
	}
	return 0;
}

int walk_scalar(struct walk *walk, const struct policy_key *key, const json_t *json, struct value *value)
{
	int rc;

	if (key->type == VALUE_BOOL) {
		if (!json_is_boolean(json))
			return walk_wrong_type(walk, key->path, expected_type(key));
		value->number = json_is_true(json);
		return 0;
	}
	/* A time without a unit would be read as whatever its writer had in mind. */
	if (json_is_integer(json) &&
	    (key->type == VALUE_SIZE || key->type == VALUE_COUNT || key->type == VALUE_RATE))
		rc = value_integer(key, json_integer_value(json), value, walk->err);
	else if (json_is_string(json))
		rc = value_parse(key, json_string_value(json), walk->source, value, walk->err);
	else
		return walk_wrong_type(walk, key->path, expected_type(key));
	if (rc == 0)
		return 0;
	error_prefix(walk->err, "%s", key->path);
	return walk_blame(walk, false);
}

static int read_key(struct walk *walk, const struct policy_key *key, const json_t *json)
{
	CLEANUP(value_free) struct value value = { 0 };
	int rc;

	switch (key->type) {
	case VALUE_NAMES: /* policy_file_extends() has read it */
		return 0;
	case VALUE_KEYS:
		if (walk->may_lock)
			return 0;
		error_set(walk->err, 0, "lock: only an administrator's file can lock keys");
		return walk_blame(walk, true);
	case VALUE_GRANTS:
	case VALUE_PATHS:
	case VALUE_GLOBS:
	case VALUE_HOSTS:
	case VALUE_RANGES:
	case VALUE_LAYERS:
		rc = read_list(walk, key, json, &value);
		break;
	case VALUE_ENV:
		rc = read_env(walk, key, json, &value);
		break;
	case VALUE_FILES:
		rc = read_made(walk, key, json, &value);
		break;
	case VALUE_ACTIONS:
		rc = read_actions(walk, key, json, &value);
		break;
	case VALUE_COMMAND:
		rc = read_command(walk, key, json, &value);
		break;
	case VALUE_RULES:
		rc = walk_rules(walk, key, json, &value);
		break;
	default:
		rc = walk_scalar(walk, key, json, &value);
	}
	if (rc < 0 || key->id == KEY_DESCRIPTION)
		return rc;
	return merge_value(walk->merge, key, &value, walk->err) < 0 ? walk_blame(walk, false) : 0;
}

/* Whether keys start with PATH and a dot. */
static bool is_group(const char *path)
{
	size_t n = strlen(path);

	for (size_t i = 0; i < KEYS_N; i++)
		if (policy_keys[i].path && strncmp(policy_keys[i].path, path, n) == 0 &&
		    policy_keys[i].path[n] == '.')
			return true;
	return false;
}

static int unknown_key(struct walk *walk, const char *group, const char *name)
{
	const char *best = NULL;
	unsigned cost = 0;
	size_t n = strlen(group);

	for (size_t i = 0; i < KEYS_N; i++) {
		const char *path = policy_keys[i].path;
		if (!path)
			continue;
		const char *dot = strchr(path, '.');
		/* In place; and whole, for what belongs into another group. */
		if (n > 0 && strncmp(path, group, n) == 0 && path[n] == '.')
			policy_suggest(name, path + n + 1, &best, &cost);
		else if (n == 0 && !dot)
			policy_suggest(name, path, &best, &cost);
		else if (dot && strcmp(dot + 1, name) == 0 && !best)
			best = path;
	}
	if (n == 0) {
		static const char *const groups[] = {
			"files", "network", "limits", "confine", "tools", "schema", "methods", "pins", "text", "client",
			"ask", "alarms", "audit", "state",
		};
		for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
			policy_suggest(name, groups[i], &best, &cost);
	}
	error_set(walk->err, 0, "unknown key \"%s%s%.64s\"", group, n ? "." : "", name);
	if (best)
		error_hint(walk->err, "did you mean \"%s\"?", best);
	else
		error_hint(walk->err, "mcpcage-policy(5) lists the keys");
	return walk_blame(walk, true);
}

static int walk_object(struct walk *walk, const json_t *object, const char *group)
{
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)object, name, value) {
		char path[128];
		int n = snprintf(path, sizeof path, "%s%s%s", group, group[0] ? "." : "", name);
		const struct policy_key *key = n < (int)sizeof path ? policy_key_by_path(path) : NULL;

		walk->steps[walk->depth++] = (struct where_step){ .key = name };
		if (strchr(name, '.'))
			key = NULL; /* "files.read" at the top is not the member read of files */
		if (key) {
			if (read_key(walk, key, value) < 0)
				return -1;
		} else if (group[0] == '\0' && n < (int)sizeof path && is_group(path)) {
			if (!json_is_object(value))
				return walk_wrong_type(walk, path, "an object");
			if (walk_object(walk, value, path) < 0)
				return -1;
		} else {
			return unknown_key(walk, group, name);
		}
		walk->depth--;
	}
	return 0;
}

/* ---- the file as a whole ------------------------------------------------------------------------- */

int policy_file_parse(struct policy_file *file, struct error *err)
{
	json_error_t where;

	/* jansson takes a NUL after a number for the end of the token. */
	if (file->text.n > 0 && memchr(file->text.p, '\0', file->text.n)) {
		error_set(err, 0, "%s is no text: it has a zero byte", file->name);
		return error_kind(err, ERROR_USAGE);
	}
	file->root = json_loadb(file->text.n ? file->text.p : "", file->text.n, JSON_REJECT_DUPLICATES, &where);
	if (!file->root) {
		error_set(err, 0, "%s:%d:%d: %s", file->name, where.line > 0 ? where.line : 1,
			  where.column > 0 ? where.column : 1, where.text);
		return error_kind(err, ERROR_USAGE);
	}
	if (!json_is_object(file->root)) {
		error_set(err, 0, "%s:1:1: a policy file is one JSON object", file->name);
		return error_kind(err, ERROR_USAGE);
	}
	return 0;
}

int policy_file_extends(const struct policy_file *file, struct strlist *names, struct error *err)
{
	const struct policy_key *key = &policy_keys[KEY_EXTENDS];
	const json_t *json = json_object_get(file->root, key->path);
	CLEANUP(value_free) struct value value = { 0 };
	struct walk walk = { .file = file, .source = &(struct value_source){ 0 }, .err = err };

	if (!json)
		return 0;
	walk.steps[walk.depth++] = (struct where_step){ .key = key->path };
	if (!json_is_string(json) && !json_is_array(json))
		return walk_wrong_type(&walk, key->path, expected_type(key));
	int rc = json_is_string(json) ? walk_scalar(&walk, key, json, &value) : read_list(&walk, key, json, &value);
	if (rc < 0)
		return -1;
	return strlist_copy(names, &value.list) < 0 ? error_oom(err) : 0;
}

int policy_file_blame_extends(const struct policy_file *file, struct error *err)
{
	struct walk walk = { .file = file, .err = err };

	walk.steps[walk.depth++] = (struct where_step){ .key = policy_keys[KEY_EXTENDS].path };
	return walk_blame(&walk, false);
}

static int apply_locks(struct walk *walk)
{
	const struct policy_key *key = &policy_keys[KEY_LOCK];
	const json_t *json = json_object_get(walk->file->root, key->path);
	CLEANUP(value_free) struct value value = { 0 };

	if (!json)
		return 0;
	walk->steps[walk->depth++] = (struct where_step){ .key = key->path };
	if (read_list(walk, key, json, &value) < 0)
		return -1;
	for (size_t i = 0; i < value.list.n; i++) {
		walk->steps[walk->depth++] = (struct where_step){ .index = i };
		if (merge_lock(walk->merge, value.list.v[i], walk->file->name, walk->err) < 0)
			return walk_blame(walk, false);
		walk->depth--;
	}
	walk->depth--;
	return merge_locks_done(walk->merge, walk->err) < 0 ? walk_blame(walk, false) : 0;
}

int policy_file_merge(const struct policy_file *file, const struct value_source *source, bool may_lock,
		      struct merge *merge, struct error *err)
{
	struct walk walk = { .file = file, .source = source, .merge = merge, .may_lock = may_lock, .err = err };

	if (walk_object(&walk, file->root, "") < 0)
		return -1;
	return may_lock ? apply_locks(&walk) : 0;
}
