/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Resolving the command before there is a cage: which file is executed, with which arguments, and what has to
 * be readable for it. Shims, env(1) and #! lines are taken away one after the other until a program is left
 * that the kernel runs itself, since neither version managers nor PATH exist in the cage as they do outside.
 *
 * Commands that cannot work, or that would defeat the cage, are refused with the alternative: package runners
 * need the network, container engines are reached by a socket that is as good as the host, and privileges
 * cannot be gained.
 *
 * execve(2), environ(7). Called by facts.c and the command line; starts no program and changes nothing.
 */
#include "cage/cage.h"
#include "cage/target.h"

#include "base/format.h"
#include "base/path.h"

#include <elf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#define MAX_STEPS 12

/* ---- commands that are refused ---- */

static bool named(const char *const *names, const char *name)
{
	for (; *names; names++)
		if (strcmp(*names, name) == 0)
			return true;
	return false;
}

/* The package that a runner is told to fetch: behind -p, --package or --from, or its first word. */
static const char *runner_package(const struct strlist *argv, size_t from)
{
	static const char *const valued[] = {
		"-p",      "--package",  "--from", "--spec", "--with", "--python",
		"--cache", "--registry", "-c",     "--call", NULL,
	};
	for (size_t i = from; i < argv->n; i++) {
		const char *word = argv->v[i];
		if (strcmp(word, "--") == 0)
			continue;
		if (word[0] != '-')
			return word;
		if (strcmp(word, "-p") == 0 || strcmp(word, "--package") == 0 || strcmp(word, "--from") == 0)
			return argv->v[i + 1];
		if (strncmp(word, "--package=", 10) == 0)
			return word + 10;
		if (strncmp(word, "--from=", 7) == 0)
			return word + 7;
		if (named(valued, word))
			i++;
	}
	return NULL;
}

static int refuse_runner(const struct resolver *r, const char *name, bool python, size_t from,
			 struct error *err)
{
	const char *package = runner_package(&r->argv, from);

	error_set(err, 0, "%s fetches what it runs, and there is no network in the cage", name);
	error_kind(err, ERROR_CANNOT_RUN);
	if (python)
		return error_hint(
			err,
			"install the server, \"uv tool install %s\" or \"pipx install %s\", and give the "
			"command that it brings",
			package ? package : "PACKAGE", package ? package : "PACKAGE");
	return error_hint(err,
			  "install the server, \"npm install -g %s\", and give the command that it brings",
			  package ? package : "PACKAGE");
}

static int refuse_uv(const struct resolver *r, struct error *err)
{
	if (r->argv.n > 2 && strcmp(r->argv.v[1], "tool") == 0 && strcmp(r->argv.v[2], "run") == 0)
		return refuse_runner(r, "uv tool run", true, 3, err);
	error_set(err, 0, "uv may fetch and install before it runs, and there is no network in the cage");
	error_kind(err, ERROR_CANNOT_RUN);
	return error_hint(err, "run \"uv sync\" in the project and give its own command, "
			       "such as \"DIR/.venv/bin/python FILE\"");
}

/* Both fetch what a program imports when it starts, and build from it; what they have built is a program like any other. */
static int refuse_deno(const struct resolver *r, struct error *err)
{
	static const char npm[] = "npm:";

	error_set(err, 0, "deno fetches what it runs, and there is no network in the cage");
	error_kind(err, ERROR_CANNOT_RUN);
	for (size_t i = 1; i < r->argv.n; i++)
		if (strncmp(r->argv.v[i], npm, sizeof npm - 1) == 0)
			return error_hint(err, "give \"npx -y %s\" as the command", r->argv.v[i] + sizeof npm - 1);
	return error_hint(err, "\"deno compile\" makes a program of it: give that as the command");
}

static int refuse_go(const struct resolver *r, struct error *err)
{
	const char *package = r->argv.n > 1 && strcmp(r->argv.v[1], "run") == 0 ? runner_package(&r->argv, 2) : NULL;

	error_set(err, 0, "go fetches and compiles what it runs, and there is no network in the cage");
	error_kind(err, ERROR_CANNOT_RUN);
	return error_hint(err, "\"go install %s\" (for files of your own, \"go build\") makes a program: give that as the command",
			  package ? package : "PACKAGE@VERSION");
}

/* NAME is the last component of the command. 0 when it may run. */
static int refuse_by_name(const struct resolver *r, const char *name, struct error *err)
{
	static const char *const node_runners[] = { "npx", "npx-cli.js", "pnpx", "bunx", "pnpx.cjs", NULL };
	static const char *const node_managers[] = { "npm", "npm-cli.js", "pnpm", "yarn", "corepack", NULL };
	static const char *const python_runners[] = { "uvx", "pipx", NULL };
	static const char *const engines[] = {
		"docker", "podman",    "nerdctl", "docker-compose", "podman-compose", "lxc",
		"incus",  "distrobox", "toolbox", "flatpak",        "snap",           NULL,
	};
	static const char *const privileges[] = { "sudo", "doas", "su", "pkexec", "run0", NULL };
	const char *first = r->argv.n > 1 ? r->argv.v[1] : "";

	if (r->facts->installer)
		return 0;
	if (named(node_runners, name) || (strcmp(name, "bun") == 0 && strcmp(first, "x") == 0))
		return refuse_runner(r, name, false, strcmp(first, "x") == 0 ? 2 : 1, err);
	if (named(node_managers, name)) {
		bool runs = r->argv.n > 2 && (strcmp(first, "exec") == 0 || strcmp(first, "x") == 0 ||
					      strcmp(first, "dlx") == 0);
		if (runs)
			return refuse_runner(r, name, false, 2, err);
		error_set(err, 0, "%s starts a server by way of a shell and files that are not the server's",
			  name);
		error_kind(err, ERROR_CANNOT_RUN);
		return error_hint(err, "give the server's own command, such as \"node FILE\"");
	}
	if (named(python_runners, name))
		return refuse_runner(r, name, true, strcmp(first, "run") == 0 ? 2 : 1, err);
	if (strcmp(name, "uv") == 0)
		return refuse_uv(r, err);
	if (strcmp(name, "deno") == 0)
		return refuse_deno(r, err);
	if (strcmp(name, "go") == 0)
		return refuse_go(r, err);
	if (named(engines, name)) {
		error_set(err, 0,
			  "%s works through a service outside, which can do on this machine what it likes",
			  name);
		error_kind(err, ERROR_CANNOT_RUN);
		return error_hint(
			err,
			"give the command that runs in the container, installed on this machine, instead");
	}
	if (named(privileges, name)) {
		error_set(err, 0, "%s cannot work: no privileges can be gained in the cage", name);
		error_kind(err, ERROR_CANNOT_RUN);
		return error_hint(err, "give the command without %s", name);
	}
	return 0;
}

/* ---- one step ---- */

static int refuse_file(const char *path, const char *why, const char *hint, struct error *err)
{
	error_set(err, 0, "%s %s", path, why);
	error_kind(err, ERROR_CANNOT_RUN);
	return hint ? error_hint(err, "%s", hint) : -1;
}

/* Fill found, real and head for argv[0]. */
static int look(struct resolver *r, struct error *err)
{
	free(r->found);
	free(r->real);
	r->real = NULL;
	r->found = target_find(r, r->argv.v[0], NULL, err);
	if (!r->found)
		return -1;
	r->real = target_walk(r->found, NULL);
	if (!r->real) {
		int sys = errno;
		error_set(err, sys, "cannot run %s", r->found);
		return error_kind(err, sys == ENOENT || sys == ENOTDIR ? ERROR_NOT_FOUND : ERROR_CANNOT_RUN);
	}
	if (target_is_dir(r->real))
		return refuse_file(r->found, "is a folder", NULL, err);
	ssize_t n = target_read(r->real, r->head, sizeof r->head);
	if (n < 0 || access(r->real, X_OK) < 0) {
		error_set(err, errno, "cannot run %s", r->real);
		return error_kind(err, ERROR_CANNOT_RUN);
	}
	r->head_n = (size_t)n;
	return 0;
}

int target_replace(struct resolver *r, const char *with, struct error *err)
{
	char *copy = strdup(with);

	if (!copy)
		return error_oom(err);
	free(r->argv.v[0]);
	r->argv.v[0] = copy;
	return 0;
}

static bool is_elf(const struct resolver *r)
{
	return r->head_n >= EI_NIDENT && memcmp(r->head, ELFMAG, SELFMAG) == 0;
}

/* r->real is a script: from now on, argv[0] is what it asks for. */
static int enter_script(struct resolver *r, struct error *err)
{
	char *script = strdup(r->real);

	if (!script)
		return error_oom(err);
	r->nested = r->script != NULL;
	free(r->script);
	r->script = script;
	r->by_file = true;
	return target_shebang(r, err) < 0 ? -1 : 1;
}

static int enter_env(struct resolver *r, struct error *err)
{
	if (target_strip_env(r, err) < 0)
		return -1;
	/* a plain name is looked up in the user's PATH */
	if (!strchr(r->argv.v[0], '/'))
		r->by_file = false;
	return 1;
}

/* Take one layer away. 1: again; 0: argv[0] is a program; -1. */
static int step(struct resolver *r, struct error *err)
{
	CLEANUP_FREE char *next = NULL;

	if (r->argv.n == 0) {
		error_set(err, 0, "there is no command");
		return -1;
	}
	/* by name first: that it is not installed is not the user's problem */
	if (refuse_by_name(r, path_base(r->argv.v[0]), err) < 0 || look(r, err) < 0)
		return -1;
	int shim = target_shim(r, &next, err);
	if (shim > 0)
		r->by_file = false;
	if (shim != 0)
		return shim < 0 || target_replace(r, next, err) < 0 ? -1 : 1;
	if (refuse_by_name(r, path_base(r->real), err) < 0)
		return -1;
	if (is_elf(r)) {
		if (r->head[EI_CLASS] != ELFCLASS64)
			return refuse_file(r->real,
					   "is a 32-bit program: the cage knows no 32-bit system calls", NULL,
					   err);
		return strcmp(path_base(r->found), "env") == 0 ? enter_env(r, err) : 0;
	}
	if (r->head_n >= 2 && r->head[0] == '#' && r->head[1] == '!')
		return enter_script(r, err);
	return refuse_file(r->real, "is neither a program nor a script with a #! line",
			   "give the interpreter too, such as \"node FILE\" or \"python3 FILE\"", err);
}

/* ---- what is left: a program ---- */

/* The file that SCRIPT means to an interpreter of this KIND: node tries endings. The caller frees. */
static char *script_file(const char *script, enum target_kind kind, struct error *err)
{
	static const char *const endings[] = { "", ".js", ".json", ".node", ".mjs", ".cjs" };
	char cwd[4096] = "";

	if (script[0] != '/' && !getcwd(cwd, sizeof cwd)) {
		error_set(err, errno, "cannot tell the working directory that %s is relative to", script);
		return NULL;
	}
	for (size_t i = 0; i < (kind == TARGET_NODE ? ARRAY_SIZE(endings) : 1); i++) {
		CLEANUP_FREE char *path =
			format_text("%s%s%s%s", cwd, cwd[0] ? "/" : "", script, endings[i]);
		char *real = path ? target_walk(path, NULL) : NULL;
		if (real)
			return real;
	}
	error_set(err, errno, "cannot find the script %s", script);
	error_kind(err, ERROR_NOT_FOUND);
	if (script[0] != '/')
		error_hint(err,
			   "it is relative to %s, where the client started mcpcage: give its absolute path",
			   cwd);
	return NULL;
}

/* The script SCRIPT, real: what the user named brings its project, what another file named only itself. */
static int grant_script(struct resolver *r, const char *script, struct error *err)
{
	if (r->nested)
		return target_grant(r, script, "the server's script", err);
	return target_grant_script(r, script, r->facts->target.kind, err);
}

/* Started by its #! line: the script is known, and what else stands in that line opens nothing. */
static int resolve_own_script(struct resolver *r, const struct interpreter *in, struct error *err)
{
	struct target *t = &r->facts->target;
	CLEANUP_STRLIST struct strlist loads = { 0 };
	struct script_place place = { 0 };
	size_t at = 1;

	while (at < r->argv.n && strcmp(r->argv.v[at], r->script) != 0)
		at++;
	if (in && target_script_place(in, &r->argv, &place, &loads, err) < 0)
		return -1;
	/* code on the line itself gets the script as an argument */
	if (at == r->argv.n || (place.script != 0 && place.script != at)) {
		error_set(err, 0, "the #! line of %s makes its interpreter run another file", r->script);
		error_kind(err, ERROR_CANNOT_RUN);
		return error_hint(err, "name the interpreter and the file as the command, if you trust them");
	}
	t->args_from = at + 1;
	t->named = at;
	return grant_script(r, r->script, err);
}

/* The user named the interpreter: its script, and what its options load. */
static int resolve_scripts(struct resolver *r, const struct interpreter *in, struct error *err)
{
	struct target *t = &r->facts->target;
	CLEANUP_STRLIST struct strlist loads = { 0 };
	struct script_place place;

	if (target_script_place(in, &r->argv, &place, &loads, err) < 0)
		return -1;
	t->args_from = place.args_from;
	t->named = place.named;
	for (size_t i = 0; i < loads.n; i++) {
		CLEANUP_FREE char *real = loads.v[i][0] == '/' ? target_walk(loads.v[i], NULL) : NULL;
		if (real && target_is_file(real) && target_grant_script(r, real, t->kind, err) < 0)
			return -1;
	}
	if (place.script == 0)
		return 0;
	char *real = script_file(r->argv.v[place.script], t->kind, err);
	if (!real)
		return -1;
	free(r->argv.v[place.script]);
	r->argv.v[place.script] = real;
	return grant_script(r, real, err);
}

/* They have to exist in the cage too: those of the interpreter, and those of the "home" in pyvenv.cfg, by which it finds its library. */
int target_venv_links(struct resolver *r, const char *venv, const char *bin, const char *real, struct error *err)
{
	CLEANUP_STRLIST struct strlist links = { 0 };
	CLEANUP_FREE char *config = path_join(venv, "pyvenv.cfg");
	CLEANUP_FREE char *folder = target_dir(real);
	char text[4096];

	if (!config || !folder)
		return error_oom(err);
	free(target_walk(bin, &links));
	ssize_t n = target_read(config, text, sizeof text);
	const char *home = n > 0 ? strstr(text, "home = ") : NULL;
	if (home && (home == text || home[-1] == '\n')) {
		CLEANUP_STRLIST struct strlist home_links = { 0 };
		CLEANUP_FREE char *path = strndup(home + 7, strcspn(home + 7, "\r\n"));
		CLEANUP_FREE char *home_real = path && path[0] == '/' ? target_walk(path, &home_links) : NULL;
		if (home_real && strcmp(home_real, folder) == 0 && target_keep_links(r, &home_links, err) < 0)
			return -1;
	}
	return target_keep_links(r, &links, err);
}

/* Python finds its virtual environment by the path it was started as, so argv[0] stays inside it. */
static int resolve_python(struct resolver *r, struct error *err)
{
	CLEANUP_FREE char *venv = target_venv(r->found);

	if (target_grant_python(r, r->real, venv, err) < 0)
		return -1;
	if (!venv)
		return target_replace(r, r->real, err);

	CLEANUP_FREE char *started = format_text("%s/bin/%s", venv, path_base(r->found));
	if (!started || target_replace(r, started, err) < 0)
		return error_oom(err);
	return target_venv_links(r, venv, started, r->real, err);
}

static int resolve_program(struct resolver *r, struct error *err)
{
	struct target *t = &r->facts->target;
	const struct interpreter *in = target_interpreter(path_base(r->real));

	/* busybox and its like are what they are called as */
	if (!in)
		in = target_interpreter(path_base(r->found));
	t->kind = in ? target_interpreter_kind(in) : TARGET_BINARY;
	t->args_from = 1;
	t->exe = strdup(r->real);
	if (!t->exe)
		return error_oom(err);

	int status;
	if (t->kind == TARGET_PYTHON)
		status = resolve_python(r, err);
	else if (t->kind == TARGET_NODE)
		status = target_grant_node(r, r->real, err) < 0 ? -1 : target_replace(r, r->real, err);
	else
		status = target_grant_binary(r, r->real, err) < 0 ? -1 : target_replace(r, r->found, err);
	if (status == 0 && r->script)
		return resolve_own_script(r, in, err);
	if (status == 0 && in)
		return resolve_scripts(r, in, err);
	return status;
}

int target_strip(struct resolver *r, struct error *err)
{
	CLEANUP_FREE char *named = r->argv.n > 0 ? strdup(r->argv.v[0]) : NULL;
	int again = 1;

	if (r->argv.n == 0) {
		error_set(err, 0, "there is no command to run");
		return -1;
	}
	if (!named) {
		error_oom(err);
		return -1;
	}
	for (int steps = 0; again > 0; steps++) {
		again = step(r, err);
		if (again > 0 && steps == MAX_STEPS) {
			error_set(err, 0, "%s leads from one script to the next without end", named);
			again = error_kind(err, ERROR_CANNOT_RUN);
		}
	}
	return again;
}

int target_resolve(char *const command[], char **environ_, struct facts *facts, struct error *err)
{
	struct resolver r = {
		.facts = facts,
		.environ_ = environ_,
		.home = facts->home_env ? facts->home_env : facts->home,
	};
	int status = 0;

	for (size_t i = 0; status == 0 && command[i]; i++)
		if (strlist_add(&r.argv, command[i]) < 0)
			status = error_oom(err);
	if (status == 0 && facts->runner && !facts->package)
		status = target_project(&r, err);
	if (status == 0 && facts->package)
		status = target_package(&r, err);
	else if (status == 0)
		status = target_strip(&r, err) < 0 ? -1 : resolve_program(&r, err);
	if (status == 0) {
		facts->target.argv = r.argv;
		r.argv = (struct strlist){ 0 };
	}
	strlist_free(&r.argv);
	free(r.found);
	free(r.real);
	free(r.script);
	return status;
}
