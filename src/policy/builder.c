/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Building a policy: which files, in which order, and the options after them. What one file says is
 * file.c's, and how values are merged is merge.c's.
 */
#include "policy/builder.h"

#include "base/cleanup.h"
#include "base/path.h"
#include "policy/file.h"
#include "policy/merge.h"
#include "policy/value.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define EXTENDS_DEPTH 8

/* Whose file it is: decides where its "extends" looks and whether it may lock. */
enum rank { RANK_SHIPPED, RANK_ADMIN, RANK_USER };

struct option {
	const struct policy_key *key;
	struct value value;
};

struct policy_builder {
	struct policy_dirs dirs;
	struct merge merge;
	struct option *options;
	size_t options_n;
	char *profile;         /* --profile NAME */
	char *package;         /* "packages/npm/@scope/name", or NULL */
	struct strlist files;  /* --profile FILE and --policy FILE */
	bool profile_given;
	const char *reading[EXTENDS_DEPTH];
	size_t depth;
};

struct policy_builder *policy_builder_new(const struct policy_dirs *dirs)
{
	struct policy_builder *builder = calloc(1, sizeof *builder);

	if (builder)
		builder->dirs = *dirs;
	return builder;
}

void policy_builder_free(struct policy_builder *builder)
{
	if (!builder)
		return;
	merge_free(&builder->merge);
	for (size_t i = 0; i < builder->options_n; i++)
		value_free(&builder->options[i].value);
	free(builder->options);
	free(builder->profile);
	free(builder->package);
	strlist_free(&builder->files);
	free(builder);
}

/* ---- options ------------------------------------------------------------------------------------- */

/* A name never leads out of the folders of profiles. */
static bool is_profile_name(const char *name)
{
	if (!isalnum((unsigned char)name[0]) || strlen(name) > 64)
		return false;
	for (const char *p = name; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("._-", *p))
			return false;
	return true;
}

static bool is_file_name(const char *text)
{
	size_t n = strlen(text);

	return strchr(text, '/') || (n > 5 && strcmp(text + n - 5, ".json") == 0);
}

static int bad_name(const char *name, struct error *err)
{
	error_set(err, 0, "\"%.64s\" is no name of a profile", name);
	error_hint(err, "names are letters, digits, \".\", \"_\" and \"-\"; a file has a \"/\" in its name or ends "
			"in .json");
	return error_kind(err, ERROR_USAGE);
}

static int option_file(struct policy_builder *builder, const char *text, struct error *err)
{
	const struct value_source source = { builder->dirs.home, builder->dirs.cwd, "", false };
	CLEANUP(value_free) struct value value = { 0 };

	if (value_parse(&policy_keys[KEY_POLICY], text, &source, &value, err) < 0)
		return -1;
	return strlist_take(&builder->files, TAKE_PTR(value.text)) < 0 ? error_oom(err) : 0;
}

static int option_profile(struct policy_builder *builder, const char *text, struct error *err)
{
	if (builder->profile_given) {
		error_set(err, 0, "given twice");
		error_hint(err, "a profile can name others in its \"extends\"");
		return error_kind(err, ERROR_USAGE);
	}
	builder->profile_given = true;
	if (is_file_name(text))
		return option_file(builder, text, err);
	if (!is_profile_name(text))
		return bad_name(text, err);
	builder->profile = strdup(text);
	return builder->profile ? 0 : error_oom(err);
}

static int option_value(struct policy_builder *builder, const struct policy_key *key, const char *text,
			struct error *err)
{
	const struct value_source source = { builder->dirs.home, builder->dirs.cwd, key->option, true };
	struct option option = { .key = key };

	if (key->type == VALUE_BOOL) {
		option.value.number = 1;
	} else if (value_parse(key, text, &source, &option.value, err) < 0) {
		value_free(&option.value);
		return -1;
	}
	struct option *grown = reallocarray(builder->options, builder->options_n + 1, sizeof *grown);
	if (!grown) {
		value_free(&option.value);
		return error_oom(err);
	}
	builder->options = grown;
	builder->options[builder->options_n++] = option;
	return 0;
}

int policy_builder_option(struct policy_builder *builder, const struct policy_key *key, const char *value,
			  struct error *err)
{
	int rc;

	if (!value) {
		value = "";
		if (key->type != VALUE_BOOL) {
			error_set(err, 0, "%s needs a value: %s", key->option, key->argument);
			return error_kind(err, ERROR_USAGE);
		}
	}
	if (key->id == KEY_PROFILE)
		rc = option_profile(builder, value, err);
	else if (key->id == KEY_POLICY)
		rc = option_file(builder, value, err);
	else
		rc = option_value(builder, key, value, err);
	return rc < 0 ? error_prefix(err, "%s", key->option) : 0;
}

/* ---- the package ----------------------------------------------------------------------------------- */

/* One part of a package's name: it becomes a part of a path and must not lead anywhere else. */
static bool is_name_part(const char *part, size_t n)
{
	if (n == 0 || part[0] == '.')
		return false;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)part[i]) && (part[i] == '\0' || !strchr("._~-", part[i])))
			return false;
	return true;
}

/* "name" or "@scope/name". */
static bool is_npm_name(const char *name)
{
	size_t scope = name[0] == '@' ? strcspn(name, "/") : 0;

	if (scope > 0 && (name[scope] != '/' || !is_name_part(name + 1, scope - 1)))
		return false;
	const char *rest = scope > 0 ? name + scope + 1 : name;
	return strlen(name) <= 214 && is_name_part(rest, strlen(rest));
}

/* As the simple index spells it: lower case, and one "-" for each run of "-", "_" and ".". False: no name. */
static bool normalize_pypi(const char *name, char *out, size_t size)
{
	size_t n = 0;

	for (const char *p = name; *p && n < size - 1; p++) {
		bool dash = strchr("-_.", *p) != NULL;
		if (!dash && !isalnum((unsigned char)*p))
			return false;
		if (!dash)
			out[n++] = (char)tolower((unsigned char)*p);
		else if (n > 0 && out[n - 1] != '-')
			out[n++] = '-';
	}
	out[n] = '\0';
	return n > 0 && n < size - 1 && isalnum((unsigned char)name[0]);
}

int policy_builder_package(struct policy_builder *builder, enum ecosystem ecosystem, const char *name, struct error *err)
{
	char pypi[216];

	free(TAKE_PTR(builder->package));
	if (ecosystem == ECOSYSTEM_PYPI ? !normalize_pypi(name, pypi, sizeof pypi) : !is_npm_name(name))
		return 0;
	if (asprintf(&builder->package, "packages/%s/%s", ecosystem_name(ecosystem),
		     ecosystem == ECOSYSTEM_PYPI ? pypi : name) < 0) {
		builder->package = NULL;
		return error_oom(err);
	}
	return 0;
}

/* ---- files --------------------------------------------------------------------------------------- */

static const char *folder_of(const struct policy_builder *builder, enum rank rank)
{
	switch (rank) {
	case RANK_SHIPPED:
		return builder->dirs.pkgdata;
	case RANK_ADMIN:
		return builder->dirs.sysconf;
	case RANK_USER:
		break;
	}
	return builder->dirs.user_config;
}

/*
 * May the file name programs that run outside the cage: what an administrator wrote may, and the user's own policy.json; profiles
 * and files that are named by an option may be from anybody.
 */
enum commands { COMMANDS_REFUSED, COMMANDS_ALLOWED };

static int read_file(struct policy_builder *builder, enum rank rank, enum commands commands, const char *path,
		     struct error *err);

/* PROFILE from the folder of RANK: 0, -1, or 1 when it is not there. */
static int read_profile(struct policy_builder *builder, enum rank rank, const char *profile, struct error *err)
{
	CLEANUP_FREE char *path = NULL;

	if (!folder_of(builder, rank))
		return 1;
	if (asprintf(&path, "%s/profiles/%s.json", folder_of(builder, rank), profile) < 0)
		return error_oom(err);
	/* The one it lies in is looked at when the file is opened; a package's is several folders deep. */
	int rc = rank != RANK_SHIPPED && strchr(profile, '/')
			 ? policy_folders_check(path, strlen(folder_of(builder, rank)), builder->dirs.uid, err) : 0;
	if (rc != 0)
		return rc;
	return read_file(builder, rank, rank == RANK_ADMIN ? COMMANDS_ALLOWED : COMMANDS_REFUSED, path, err);
}

static int read_policy(struct policy_builder *builder, enum rank rank, struct error *err)
{
	CLEANUP_FREE char *path = NULL;

	if (!folder_of(builder, rank))
		return 1;
	if (asprintf(&path, "%s/policy.json", folder_of(builder, rank)) < 0)
		return error_oom(err);
	return read_file(builder, rank, COMMANDS_ALLOWED, path, err);
}

/* The nearest profile of that name at or below RANK: a user's file never stands in for an administrator's. */
static int extend(struct policy_builder *builder, enum rank rank, const char *name, struct error *err)
{
	if (!is_profile_name(name))
		return bad_name(name, err);
	for (int r = (int)rank; r >= (int)RANK_SHIPPED; r--) {
		int rc = read_profile(builder, (enum rank)r, name, err);
		if (rc <= 0)
			return rc;
	}
	error_set(err, 0, "there is no profile \"%s\"", name);
	return error_kind(err, ERROR_USAGE);
}

static int extend_all(struct policy_builder *builder, enum rank rank, const struct policy_file *file,
		      struct error *err)
{
	CLEANUP_STRLIST struct strlist names = { 0 };

	if (policy_file_extends(file, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++)
		if (extend(builder, rank, names.v[i], err) < 0)
			return policy_file_blame_extends(file, err);
	return 0;
}

/* 0, -1, or 1 when it is not there. */
static int read_file(struct policy_builder *builder, enum rank rank, enum commands commands, const char *path,
		     struct error *err)
{
	CLEANUP(policy_file_close) struct policy_file file = { 0 };
	const struct value_source source = { .home = builder->dirs.home, .origin = path,
					     .commands = commands == COMMANDS_ALLOWED };

	for (size_t i = 0; i < builder->depth; i++)
		if (strcmp(builder->reading[i], path) == 0) {
			error_set(err, 0, "%s extends itself", path);
			error_hint(err, "profiles of the same name build on each other without \"extends\"");
			return error_kind(err, ERROR_USAGE);
		}
	if (strlist_has(&builder->merge.policy.layers, path))
		return 0;
	if (builder->depth == EXTENDS_DEPTH) {
		error_set(err, 0, "profiles extend each other more than %d deep", EXTENDS_DEPTH);
		return error_kind(err, ERROR_USAGE);
	}

	/* The shipped profiles are as trustworthy as the program beside which they were installed. */
	int rc = policy_file_open(&file, path, builder->dirs.uid, rank == RANK_SHIPPED, err);
	if (rc != 0)
		return rc;
	if (policy_file_parse(&file, err) < 0)
		return -1;
	builder->reading[builder->depth++] = path;
	rc = extend_all(builder, rank, &file, err);
	builder->depth--;
	if (rc < 0)
		return -1;
	if (strlist_add(&builder->merge.policy.layers, path) < 0)
		return error_oom(err);
	return policy_file_merge(&file, &source, rank == RANK_ADMIN, &builder->merge, err);
}

/* ---- all of it ----------------------------------------------------------------------------------- */

static const char *profile_of_kind(enum target_kind kind)
{
	switch (kind) {
	case TARGET_NODE:
		return "node";
	case TARGET_PYTHON:
		return "python";
	case TARGET_BINARY:
	case TARGET_SCRIPT:
		break;
	}
	return "binary";
}

static int no_profile(const struct policy_builder *builder, const char *name, struct error *err)
{
	error_set(err, 0, "there is no profile \"%s\"", name);
	error_hint(err, "profiles are looked for in %s/profiles, %s/profiles and %s/profiles", builder->dirs.pkgdata,
		   builder->dirs.sysconf ? builder->dirs.sysconf : "",
		   builder->dirs.user_config ? builder->dirs.user_config : "");
	return error_kind(err, ERROR_USAGE);
}

/* The layers up to the user's own, each with its policy.json and its profile NAME (NULL: none). */
static int read_ranks(struct policy_builder *builder, const char *name, struct error *err)
{
	bool found = !name;

	for (enum rank rank = RANK_SHIPPED; rank <= RANK_USER; rank++) {
		int rc;
		if (rank == RANK_SHIPPED)
			rc = read_profile(builder, rank, "base", err);
		else
			rc = read_policy(builder, rank, err);
		if (rc < 0)
			return -1;
		if (rc == 1 && rank == RANK_SHIPPED) {
			error_set(err, 0, "there is no %s/profiles/base.json", builder->dirs.pkgdata);
			return error_hint(err, "mcpcage is not installed completely: install it again");
		}
		rc = name ? read_profile(builder, rank, name, err) : 1;
		if (rc < 0)
			return -1;
		found = found || rc == 0;
		if (builder->package && read_profile(builder, rank, builder->package, err) < 0)
			return -1;
	}
	return found ? 0 : no_profile(builder, name, err);
}

int policy_builder_finish(struct policy_builder *builder, enum target_kind kind, struct policy *policy,
			  struct error *err)
{
	const char *name = builder->profile;

	if (merge_init(&builder->merge, err) < 0)
		return -1;
	if (!builder->profile_given)
		name = profile_of_kind(kind);
	if (read_ranks(builder, name, err) < 0)
		return -1;
	for (size_t i = 0; i < builder->files.n; i++) {
		int rc = read_file(builder, RANK_USER, COMMANDS_REFUSED, builder->files.v[i], err);
		if (rc < 0)
			return -1;
		if (rc == 1) {
			error_set(err, 0, "there is no policy file %s", builder->files.v[i]);
			return error_kind(err, ERROR_USAGE);
		}
	}
	for (size_t i = 0; i < builder->options_n; i++) {
		const struct option *option = &builder->options[i];
		if (merge_value(&builder->merge, option->key, &option->value, err) < 0)
			return error_prefix(err, "%s", option->key->option);
	}
	return merge_finish(&builder->merge, policy, err);
}
