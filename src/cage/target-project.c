/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * "uv run" in a project: what it would start, without uv. uv would bring the project's environment, PROJECT/.venv, up to date first, for
 * which there is no network in the cage and which is not for a server's start to do; what is there is used, and where there is none, the
 * error says how it is made. Which program is meant follows uv's reference ("uv run"): a file ending in .py, python itself, a module
 * (-m), or a command of the environment.
 *
 * Only rewrites the command line; what may be read follows from the result, as for any virtual environment. Called by target.c.
 */
#include "cage/target.h"

#include "base/format.h"
#include "base/path.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* The folder that uv would run in, absolute. NULL with ERR. The caller frees. */
static char *start_folder(const struct runner *runner, struct error *err)
{
	const char *named = runner->directory ? runner->directory : ".";
	char cwd[4096] = "";

	if (named[0] != '/' && !getcwd(cwd, sizeof cwd)) {
		error_set(err, errno, "cannot tell the working directory that %s is relative to", named);
		return NULL;
	}
	CLEANUP_FREE char *joined = named[0] == '/' ? strdup(named) : path_join(cwd, named);
	char *real = joined ? target_walk(joined, NULL) : NULL;
	if (real && target_is_dir(real))
		return real;
	error_set(err, real ? ENOTDIR : errno, "cannot find the project's folder %s", joined ? joined : named);
	error_kind(err, ERROR_NOT_FOUND);
	if (named[0] != '/')
		error_hint(err, "it is relative to %s, where the client started mcpcage: give its absolute path", cwd);
	free(real);
	return NULL;
}

static bool has(const char *folder, const char *name)
{
	CLEANUP_FREE char *path = path_join(folder, name);

	return path && access(path, F_OK) == 0;
}

static int no_environment(const char *folder, const char *project, struct error *err)
{
	if (!project) {
		error_set(err, 0, "%s is in no project: no folder around it has a pyproject.toml or an environment (.venv)", folder);
		error_kind(err, ERROR_NOT_FOUND);
		return error_hint(err, "name the project's folder, uv run --directory DIR, or make one there (uv init, uv add)");
	}
	error_set(err, 0, "the project %s has no environment (.venv) yet, and a session installs none", project);
	error_kind(err, ERROR_CANNOT_RUN);
	return error_hint(err, "run \"uv sync\" in it once");
}

/* The folder at or above FOLDER that has the environment: a member of a workspace uses that of the workspace. NULL with ERR. The caller frees. */
static char *find_project(const struct resolver *r, const char *folder, struct error *err)
{
	CLEANUP_FREE char *at = strdup(folder);
	CLEANUP_FREE char *project = NULL;

	while (at && at[1] && strcmp(at, r->home) != 0) {
		if (has(at, ".venv/pyvenv.cfg"))
			return TAKE_PTR(at);
		if (!project && has(at, "pyproject.toml"))
			project = strdup(at);
		char *up = target_dir(at);
		free(at);
		at = up;
	}
	no_environment(folder, project, err);
	return NULL;
}

static bool is_python(const char *name)
{
	static const char python[] = "python";
	size_t n = sizeof python - 1;

	return strncmp(name, python, n) == 0 && name[n + strspn(name + n, "0123456789.")] == '\0';
}

static bool is_script(const char *name)
{
	size_t n = strlen(name);

	return n > 3 && strcmp(name + n - 3, ".py") == 0;
}

/* FILE as uv would find it. The caller frees. */
static char *absolute(const struct runner *runner, const char *folder, const char *file)
{
	/* --project names where the environment is, and nothing else changes. */
	char cwd[4096];
	const char *base = runner->inside || !runner->directory ? folder : getcwd(cwd, sizeof cwd);

	return file[0] == '/' ? strdup(file) : base ? path_join(base, file) : NULL;
}

/* The first words, in front of the server's own. */
static int make_front(struct resolver *r, const char *project, const char *folder, struct strlist *argv, struct error *err)
{
	const struct runner *runner = r->facts->runner;
	CLEANUP_FREE char *python = format_text("%s/.venv/bin/python", project);
	CLEANUP_FREE char *program = format_text("%s/.venv/bin/%s", project, runner->command);
	CLEANUP_FREE char *file = absolute(runner, folder, runner->command);
	bool script = !runner->module && is_script(runner->command);

	if (!python || !program || !file)
		return error_oom(err);
	if (runner->module || script || is_python(runner->command)) {
		if (strlist_add(argv, python) < 0 || (runner->module && strlist_add(argv, "-m") < 0) ||
		    (script && strlist_add(argv, file) < 0) || (runner->module && strlist_add(argv, runner->command) < 0))
			return error_oom(err);
		return 0;
	}
	if (strchr(runner->command, '/'))
		return strlist_add(argv, file) < 0 ? error_oom(err) : 0;
	if (access(program, X_OK) == 0)
		return strlist_add(argv, program) < 0 ? error_oom(err) : 0;
	error_set(err, 0, "the environment of the project %s has no command \"%s\"", project, runner->command);
	error_kind(err, ERROR_NOT_FOUND);
	return error_hint(err, "run \"uv sync\" in it, if it is to have one");
}

/* python's own file, behind its options, is relative to the folder as well: the first word that is no option. */
static int add_rest(struct resolver *r, const char *folder, struct strlist *argv, struct error *err)
{
	const struct runner *runner = r->facts->runner;
	bool look = !runner->module && is_python(runner->command);

	for (size_t i = 0; i < runner->args.n; i++) {
		const char *word = runner->args.v[i];
		CLEANUP_FREE char *file = NULL;
		if (look && (word[0] != '-' || strcmp(word, "-m") == 0 || strcmp(word, "-c") == 0)) {
			look = false;
			if (word[0] != '-') {
				file = absolute(runner, folder, word);
				if (!file)
					return error_oom(err);
			}
		}
		if (strlist_add(argv, file ? file : word) < 0)
			return error_oom(err);
	}
	return 0;
}

int target_project(struct resolver *r, struct error *err)
{
	const struct runner *runner = r->facts->runner;
	CLEANUP_STRLIST struct strlist argv = { 0 };
	CLEANUP_FREE char *folder = start_folder(runner, err);
	CLEANUP_FREE char *project = folder ? find_project(r, folder, err) : NULL;

	if (!project || make_front(r, project, folder, &argv, err) < 0 || add_rest(r, folder, &argv, err) < 0)
		return -1;
	strlist_free(&r->argv);
	r->argv = argv;
	argv = (struct strlist){ 0 };
	if (runner->inside || !runner->directory)
		r->facts->target.cwd = TAKE_PTR(folder);
	return target_note(r, err, "%s: %s of the environment %s/.venv, as it is, without uv", runner->form, runner->command, project);
}
