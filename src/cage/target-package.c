/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A package of the store as the command: the file it starts with, and the interpreter for it, without the runner that was named.
 *
 * The tree is granted as a whole at PACKAGE_PLACE. Which interpreter: for node the one beside the named runner (a version manager's npx
 * is given by its path), else the first in PATH, as npx would; for python the one that the tree was made for, since its libraries fit no
 * other. Nothing in the tree is read here: what its files say was judged when it was installed. Called by target.c.
 */
#include "cage/target.h"

#include "base/format.h"
#include "base/path.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- what every kind needs ---- */

static int grant_tree(struct resolver *r, struct error *err)
{
	const struct package *package = r->facts->package;
	struct target *t = &r->facts->target;
	CLEANUP_FREE char *why = format_text("%s's package and its dependencies", package->request.specs.v[0]);

	if (!why || target_grant(r, package->folder, why, err) < 0)
		return error_oom(err);
	struct target_grant *grant = &t->grants[t->grants_n - 1];
	grant->dest = strdup(PACKAGE_PLACE);
	return grant->dest ? 0 : error_oom(err);
}

/* argv: FIRST (taken over), the file unless it is the program itself, and the server's own arguments. */
static int make_argv(struct resolver *r, char *first, bool is_program, struct error *err)
{
	struct facts *f = r->facts;
	struct strlist argv = { 0 };

	if (strlist_take(&argv, first) < 0)
		return error_oom(err);
	char *file = is_program ? NULL : format_text("%s/%s", PACKAGE_PLACE, f->package_command->path);
	if (!is_program && strlist_take(&argv, file) < 0) {
		strlist_free(&argv);
		return error_oom(err);
	}
	f->target.args_from = argv.n;
	f->target.named = is_program ? 0 : 1;
	for (size_t i = 0; i < f->runner->args.n; i++) {
		if (strlist_add(&argv, f->runner->args.v[i]) < 0) {
			strlist_free(&argv);
			return error_oom(err);
		}
	}
	strlist_free(&r->argv);
	r->argv = argv;
	return 0;
}

/* ---- node ---- */

/* The node that the runner, as it was named, would have run on. The caller frees; NULL: whichever is in PATH. */
static char *node_beside(const char *runner)
{
	CLEANUP_FREE char *folder = runner[0] == '/' ? target_dir(runner) : NULL;
	CLEANUP_FREE char *node = folder ? path_join(folder, "node") : NULL;

	return node && target_runs(node) ? TAKE_PTR(node) : NULL;
}

static int start_node(struct resolver *r, struct error *err)
{
	struct target *t = &r->facts->target;
	CLEANUP_FREE char *beside = node_beside(r->argv.v[0]);

	if (target_replace(r, beside ? beside : "node", err) < 0)
		return -1;
	if (target_strip(r, err) < 0) {
		error_prefix(err, "%s runs on node", r->facts->package->request.specs.v[0]);
		return -1;
	}
	t->kind = TARGET_NODE;
	t->exe = strdup(r->real);
	char *first = strdup(r->real);
	if (!t->exe || !first) {
		free(first);
		return error_oom(err);
	}
	if (make_argv(r, first, false, err) < 0 || target_grant_node(r, r->real, err) < 0)
		return -1;
	return strlist_add(&t->path, PACKAGE_PLACE "/node_modules/.bin") < 0 ? error_oom(err) : 0;
}

/* ---- python ---- */

static int start_python(struct resolver *r, struct error *err)
{
	const struct package *package = r->facts->package;
	struct target *t = &r->facts->target;
	CLEANUP_FREE char *bin = path_join(package->folder, "bin/python");

	if (!bin)
		return error_oom(err);
	t->kind = TARGET_PYTHON;
	t->exe = target_walk(bin, NULL);
	if (!t->exe || !target_runs(t->exe)) {
		error_set(err, 0, "the python that %s was installed for is not there any more: %s", package->request.specs.v[0],
			  package->interpreter);
		error_kind(err, ERROR_CANNOT_RUN);
		return error_hint(err, "mcpcage store update installs it for the one that is there now");
	}
	char *first = strdup(PACKAGE_PLACE "/bin/python");
	if (!first)
		return error_oom(err);
	if (make_argv(r, first, false, err) < 0 || target_grant_python(r, t->exe, package->folder, err) < 0)
		return -1;
	return target_venv_links(r, package->folder, bin, t->exe, err);
}

/* ---- programs ---- */

static int start_program(struct resolver *r, enum target_kind kind, struct error *err)
{
	struct target *t = &r->facts->target;
	char *first = format_text("%s/%s", PACKAGE_PLACE, r->facts->package_command->path);

	t->kind = kind;
	t->exe = first ? strdup(first) : NULL;
	if (!t->exe) {
		free(first);
		return error_oom(err);
	}
	return make_argv(r, first, true, err);
}

static const struct package_part *server_part(const struct package *package)
{
	for (size_t i = 0; i < package->parts_n; i++)
		if (package->parts[i].asked)
			return &package->parts[i];
	return NULL;
}

/* The lines are in the audit log as well: what ran can be told apart by the hash of its tree. */
static int explain(struct resolver *r, struct error *err)
{
	const struct facts *f = r->facts;
	const struct package *package = f->package;
	const struct package_part *part = server_part(package);
	enum package_start start = f->package_command->start;
	bool interpreted = start == PACKAGE_NODE || start == PACKAGE_PYTHON;
	char hash[2 * PACKAGE_HASH + 1];

	for (size_t i = 0; i < PACKAGE_HASH; i++)
		snprintf(hash + 2 * i, 3, "%02x", package->tree[i]);
	if (target_note(r, err, "%s: %s %s, from the store of packages (installed by %s%s)", f->runner->form,
			part ? part->name : package->request.specs.v[0], part ? part->version : "", package->tool,
			package->scripts_ran ? ", which ran install scripts" : "") < 0 ||
	    target_note(r, err, "its tree of %" PRIu64 " files has the hash %s", package->files, hash) < 0)
		return -1;
	return target_note(r, err, "it starts %s/%s%s%s, without %s", PACKAGE_PLACE, f->package_command->path,
			   interpreted ? " by " : "", interpreted ? f->target.exe : "", f->runner->form);
}

int target_package(struct resolver *r, struct error *err)
{
	int status = -1;

	if (grant_tree(r, err) < 0)
		return -1;
	switch (r->facts->package_command->start) {
	case PACKAGE_NODE:
		status = start_node(r, err);
		break;
	case PACKAGE_PYTHON:
		status = start_python(r, err);
		break;
	case PACKAGE_BINARY:
		status = start_program(r, TARGET_BINARY, err);
		break;
	case PACKAGE_SCRIPT:
		status = start_program(r, TARGET_SCRIPT, err);
		break;
	case PACKAGE_STARTS_:
		status = error_set(err, 0, "the record of the package is damaged");
		break;
	}
	return status < 0 ? -1 : explain(r, err);
}
