/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Package runners by their own grammars: a table of forms (which words make a runner) and one of options for each family. An option that
 * is not in its table is refused, since what it would have changed is not known; those that only tell how to fetch or print are passed
 * over. npm-exec(1), uv's and pipx's reference of commands.
 */
#include "policy/runner.h"

#include "base/cleanup.h"
#include "base/path.h"

#include <ctype.h>
#include <string.h>

enum takes {
	TAKES_NOTHING, /* a switch without meaning here */
	TAKES_VALUE,   /* a value without meaning here */
	TAKES_PACKAGE, /* a package to install; the first word is a command then */
	TAKES_WITH,    /* a package to install beside */
	TAKES_PYTHON,
	TAKES_PROJECT, /* the folder of a project */
	TAKES_FOLDER,  /* the same, and the working directory */
	TAKES_MODULE,  /* what follows is a module of python's */
	TAKES_REFUSAL, /* `why` */
};

struct option_row {
	const char *name;
	enum takes takes;
	const char *why, *instead;
};

static const char shell[] = "runs text as a shell";
static const char name_it[] = "give the package and its arguments as words";
static const char where[] = "says on the command line where packages come from";
static const char configure_it[] = "put it into the configuration of npm, pip or uv, which mcpcage asks";

static const struct option_row npm_options[] = {
	{ "-y", TAKES_NOTHING, NULL, NULL },
	{ "--yes", TAKES_NOTHING, NULL, NULL },
	{ "-q", TAKES_NOTHING, NULL, NULL },
	{ "-s", TAKES_NOTHING, NULL, NULL },
	{ "--quiet", TAKES_NOTHING, NULL, NULL },
	{ "--silent", TAKES_NOTHING, NULL, NULL },
	{ "--bun", TAKES_NOTHING, NULL, NULL },
	{ "--no", TAKES_NOTHING, NULL, NULL },
	{ "--no-install", TAKES_NOTHING, NULL, NULL },
	{ "--ignore-scripts", TAKES_NOTHING, NULL, NULL },
	{ "--ignore-existing", TAKES_NOTHING, NULL, NULL },
	{ "--prefer-offline", TAKES_NOTHING, NULL, NULL },
	{ "--prefer-online", TAKES_NOTHING, NULL, NULL },
	{ "--offline", TAKES_NOTHING, NULL, NULL },
	{ "--no-audit", TAKES_NOTHING, NULL, NULL },
	{ "--no-fund", TAKES_NOTHING, NULL, NULL },
	{ "--no-update-notifier", TAKES_NOTHING, NULL, NULL },
	{ "--loglevel", TAKES_VALUE, NULL, NULL },
	{ "--cache", TAKES_VALUE, NULL, NULL },
	{ "-p", TAKES_PACKAGE, NULL, NULL },
	{ "--package", TAKES_PACKAGE, NULL, NULL },
	{ "-c", TAKES_REFUSAL, shell, name_it },
	{ "--call", TAKES_REFUSAL, shell, name_it },
	{ "--shell-mode", TAKES_REFUSAL, shell, name_it },
	{ "--shell", TAKES_REFUSAL, shell, name_it },
	{ "--script-shell", TAKES_REFUSAL, shell, name_it },
	{ "--allow-build", TAKES_REFUSAL, "lets install scripts run", "mcpcage's --allow-scripts does, in a cage" },
	{ "--registry", TAKES_REFUSAL, where, configure_it },
	{ "--workspace", TAKES_REFUSAL, "runs in a workspace", "give the server's own command, \"node FILE\"" },
	{ "-w", TAKES_REFUSAL, "runs in a workspace", "give the server's own command, \"node FILE\"" },
	{ NULL, TAKES_NOTHING, NULL, NULL },
};

static const struct option_row uv_options[] = {
	{ "--from", TAKES_PACKAGE, NULL, NULL },
	{ "--spec", TAKES_PACKAGE, NULL, NULL },
	{ "--with", TAKES_WITH, NULL, NULL },
	{ "-w", TAKES_WITH, NULL, NULL },
	{ "--python", TAKES_PYTHON, NULL, NULL },
	{ "-p", TAKES_PYTHON, NULL, NULL },
	{ "--directory", TAKES_FOLDER, NULL, NULL },
	{ "--project", TAKES_PROJECT, NULL, NULL },
	{ "-m", TAKES_MODULE, NULL, NULL },
	{ "--module", TAKES_MODULE, NULL, NULL },
	{ "-q", TAKES_NOTHING, NULL, NULL },
	{ "--quiet", TAKES_NOTHING, NULL, NULL },
	{ "-v", TAKES_NOTHING, NULL, NULL },
	{ "--verbose", TAKES_NOTHING, NULL, NULL },
	{ "--offline", TAKES_NOTHING, NULL, NULL },
	{ "--isolated", TAKES_NOTHING, NULL, NULL },
	{ "--no-progress", TAKES_NOTHING, NULL, NULL },
	{ "--no-cache", TAKES_NOTHING, NULL, NULL },
	{ "-n", TAKES_NOTHING, NULL, NULL },
	{ "--refresh", TAKES_NOTHING, NULL, NULL },
	{ "--upgrade", TAKES_NOTHING, NULL, NULL },
	{ "-U", TAKES_NOTHING, NULL, NULL },
	{ "--no-config", TAKES_NOTHING, NULL, NULL },
	{ "--frozen", TAKES_NOTHING, NULL, NULL },
	{ "--locked", TAKES_NOTHING, NULL, NULL },
	{ "--no-sync", TAKES_NOTHING, NULL, NULL },
	{ "--active", TAKES_NOTHING, NULL, NULL },
	{ "--no-project", TAKES_NOTHING, NULL, NULL },
	{ "--no-dev", TAKES_NOTHING, NULL, NULL },
	{ "--dev", TAKES_NOTHING, NULL, NULL },
	{ "--all-extras", TAKES_NOTHING, NULL, NULL },
	{ "--all-groups", TAKES_NOTHING, NULL, NULL },
	{ "--extra", TAKES_VALUE, NULL, NULL },
	{ "--group", TAKES_VALUE, NULL, NULL },
	{ "--exact", TAKES_NOTHING, NULL, NULL },
	{ "--inexact", TAKES_NOTHING, NULL, NULL },
	{ "--no-env-file", TAKES_NOTHING, NULL, NULL },
	{ "--managed-python", TAKES_NOTHING, NULL, NULL },
	{ "--no-managed-python", TAKES_NOTHING, NULL, NULL },
	{ "--native-tls", TAKES_NOTHING, NULL, NULL },
	{ "--no-python-downloads", TAKES_NOTHING, NULL, NULL },
	{ "--color", TAKES_VALUE, NULL, NULL },
	{ "--cache-dir", TAKES_VALUE, NULL, NULL },
	{ "--python-preference", TAKES_VALUE, NULL, NULL },
	{ "--link-mode", TAKES_VALUE, NULL, NULL },
	{ "--index-url", TAKES_REFUSAL, where, configure_it },
	{ "-i", TAKES_REFUSAL, where, configure_it },
	{ "--index", TAKES_REFUSAL, where, configure_it },
	{ "--default-index", TAKES_REFUSAL, where, configure_it },
	{ "--extra-index-url", TAKES_REFUSAL, where, configure_it },
	{ "--find-links", TAKES_REFUSAL, where, configure_it },
	{ "-f", TAKES_REFUSAL, where, configure_it },
	{ "--pip-args", TAKES_REFUSAL, "passes options on to pip", "put them into pip's configuration" },
	{ "--with-editable", TAKES_REFUSAL, "runs files that can change at any time", "install it, and give its command" },
	{ "--with-requirements", TAKES_REFUSAL, "reads a list of packages from a file", "name them, with --with" },
	{ "--script", TAKES_REFUSAL, "fetches what a file says that it needs", "make it a project (uv init, uv add), and run it there" },
	{ "-s", TAKES_REFUSAL, "fetches what a file says that it needs", "make it a project (uv init, uv add), and run it there" },
	{ "--env-file", TAKES_REFUSAL, "reads variables from a file", "pass them on with mcpcage's --env" },
	{ NULL, TAKES_NOTHING, NULL, NULL },
};

/* The words that make a runner: the command's own name, and what follows it. */
static const struct form {
	const char *word[3];
	const char *name;
	const struct option_row *options;
	enum ecosystem ecosystem;
	bool run;       /* may be a project's command */
	bool options_anywhere; /* until "--" */
} forms[] = {
	{ { "npx" }, "npx", npm_options, ECOSYSTEM_NPM, false, false },
	{ { "npx-cli.js" }, "npx", npm_options, ECOSYSTEM_NPM, false, false },
	{ { "npm", "exec" }, "npm exec", npm_options, ECOSYSTEM_NPM, false, true },
	{ { "npm", "x" }, "npm exec", npm_options, ECOSYSTEM_NPM, false, true },
	{ { "bunx" }, "bunx", npm_options, ECOSYSTEM_NPM, false, false },
	{ { "bun", "x" }, "bun x", npm_options, ECOSYSTEM_NPM, false, false },
	{ { "pnpm", "dlx" }, "pnpm dlx", npm_options, ECOSYSTEM_NPM, false, false },
	{ { "pnpx" }, "pnpx", npm_options, ECOSYSTEM_NPM, false, false },
	{ { "yarn", "dlx" }, "yarn dlx", npm_options, ECOSYSTEM_NPM, false, false },
	{ { "uvx" }, "uvx", uv_options, ECOSYSTEM_PYPI, false, false },
	{ { "uv", "tool", "run" }, "uv tool run", uv_options, ECOSYSTEM_PYPI, false, false },
	{ { "uv", "run" }, "uv run", uv_options, ECOSYSTEM_PYPI, true, false },
	{ { "pipx", "run" }, "pipx run", uv_options, ECOSYSTEM_PYPI, false, false },
};

void runner_free(struct runner *runner)
{
	free(runner->form);
	free(runner->directory);
	package_request_free(&runner->request);
	free(runner->command);
	strlist_free(&runner->args);
	*runner = (struct runner){ 0 };
}

static const struct option_row *find(const struct option_row *rows, const char *word, size_t n)
{
	for (; rows->name; rows++)
		if (strlen(rows->name) == n && strncmp(rows->name, word, n) == 0)
			return rows;
	return NULL;
}

/* The name in the option WORD, without "=VALUE". */
static size_t option_length(const char *word)
{
	return word[1] == '-' ? strcspn(word, "=") : strlen(word);
}

static bool wants_value(const struct option_row *row, const char *word)
{
	return row->takes != TAKES_NOTHING && row->takes != TAKES_MODULE && row->takes != TAKES_REFUSAL && !word[option_length(word)];
}

/* How many words of ARGV the form has, options between them ("uv --directory DIR run") included; 0: it is not this one. */
static size_t matches(const struct form *form, char *const argv[])
{
	size_t n = 1;

	if (!argv[0] || strcmp(path_base(argv[0]), form->word[0]) != 0)
		return 0;
	for (size_t i = 1; i < ARRAY_SIZE(form->word) && form->word[i]; i++, n++) {
		while (argv[n] && argv[n][0] == '-') {
			const struct option_row *row = find(form->options, argv[n], option_length(argv[n]));
			if (!row || (wants_value(row, argv[n]) && !argv[++n]))
				return 0;
			n++;
		}
		if (!argv[n] || strcmp(argv[n], form->word[i]) != 0)
			return 0;
	}
	return n;
}

static int refuse(const char *form, const char *word, const char *why, const char *instead, struct error *err)
{
	error_set(err, 0, "%s %s: it %s", form, word, why);
	error_kind(err, ERROR_CANNOT_RUN);
	return error_hint(err, "%s", instead);
}

/* ---- specs ---- */

/* npm's names: what a registry answers for. https://docs.npmjs.com (package.json, "name") */
static bool npm_name(const char *name, size_t n)
{
	const char *slash = n && name[0] == '@' ? memchr(name, '/', n) : NULL;
	size_t slashes = 0;

	if (n == 0 || n > 214 || (name[0] == '@') != (slash != NULL))
		return false;
	for (size_t i = name[0] == '@'; i < n; i++) {
		char c = name[i];
		bool first = i == (name[0] == '@') || name[i - 1] == '/';
		if (c == '/') {
			slashes++;
			if (first)
				return false;
		} else if (first ? !isalnum((unsigned char)c) && c != '-' && c != '~' : !isalnum((unsigned char)c) && !strchr("-._~", c)) {
			return false;
		}
	}
	return slashes == (name[0] == '@') && name[n - 1] != '/';
}

/* A version, a range or a tag; no URL, alias, path or git reference has only these. */
static bool npm_range(const char *range)
{
	if (!*range)
		return false;
	for (; *range; range++)
		if (!isalnum((unsigned char)*range) && !strchr(".-+^~<>=|* ", *range))
			return false;
	return true;
}

static bool npm_spec(const char *spec)
{
	const char *at = *spec ? strchr(spec + 1, '@') : NULL;
	size_t n = at ? (size_t)(at - spec) : strlen(spec);

	return npm_name(spec, n) && (!at || npm_range(at + 1));
}

/* A requirement by name, PEP 508 without URL and markers. */
static bool python_spec(const char *spec)
{
	size_t n = strspn(spec, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
	const char *p = spec + n;

	if (n == 0 || !isalnum((unsigned char)spec[0]))
		return false;
	/* a name with an ending of archives or a bare dot is a file */
	if (!isalnum((unsigned char)spec[n - 1]))
		return false;
	if (*p == '[') {
		size_t extras = strcspn(p, "]");
		if (!p[extras] || strspn(p + 1, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-, ") != extras - 1)
			return false;
		p += extras + 1;
	}
	for (; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("<>=!~,.*+- ", *p))
			return false;
	return true;
}

/* PEP 503 in the name, no blanks: "Foo_Bar [x] >= 1" is "foo-bar[x]>=1". uvx's NAME@VERSION is NAME==VERSION. The caller frees. */
static char *python_canonical(const char *spec)
{
	size_t n = strlen(spec), at = 0;
	char *out = malloc(n + 2);
	size_t name = strcspn(spec, "[<>=!~@ ");

	if (!out)
		return NULL;
	for (size_t i = 0; i < name; i++) {
		char c = spec[i];
		if (c == '.' || c == '_')
			c = '-';
		if (c == '-' && at && out[at - 1] == '-')
			continue;
		out[at++] = (char)tolower((unsigned char)c);
	}
	for (size_t i = name; i < n; i++) {
		if (spec[i] == ' ')
			continue;
		if (spec[i] == '@') {
			if (strcmp(spec + i + 1, "latest") == 0)
				break;
			out[at++] = '=';
			out[at++] = '=';
			continue;
		}
		out[at++] = spec[i];
	}
	out[at] = '\0';
	return out;
}

static char *canonical(enum ecosystem ecosystem, const char *spec)
{
	size_t n = strlen(spec);

	if (ecosystem == ECOSYSTEM_PYPI)
		return python_canonical(spec);
	/* the tag that is meant without one */
	if (n > 7 && strcmp(spec + n - 7, "@latest") == 0)
		return strndup(spec, n - 7);
	return strdup(spec);
}

/* uvx and npx take NAME@VERSION as their first word; elsewhere a PyPI requirement has "==". */
static int add_spec(struct runner *r, const char *spec, bool first, struct error *err)
{
	enum ecosystem e = r->request.ecosystem;
	CLEANUP_FREE char *text = canonical(e, spec);

	if (!text)
		return error_oom(err);
	if (!(e == ECOSYSTEM_NPM ? npm_spec(text) : python_spec(text))) {
		error_set(err, 0, "%s: \"%s\" is no package of a registry by its name", r->form, spec);
		error_kind(err, ERROR_CANNOT_RUN);
		return error_hint(err, "%s", e == ECOSYSTEM_NPM ?
			"for files of your own give \"node FILE\"; a URL or git reference has to be installed by you first" :
			"for files of your own give \"python FILE\"; a URL or git reference has to be installed by you first");
	}
	if (strlist_has(&r->request.specs, text))
		return 0;
	if (strlist_add(&r->request.specs, text) < 0)
		return error_oom(err);
	if (first && r->request.specs.n > 1) {
		char *last = r->request.specs.v[r->request.specs.n - 1];
		memmove(r->request.specs.v + 1, r->request.specs.v, (r->request.specs.n - 1) * sizeof(char *));
		r->request.specs.v[0] = last;
	}
	return 0;
}

/* "a,b" of --with. */
static int add_list(struct runner *r, const char *list, struct error *err)
{
	CLEANUP_FREE char *copy = strdup(list);
	char *save = NULL;

	if (!copy)
		return error_oom(err);
	/* A comma is also between the bounds of a version: "a>=1,<2" is one. */
	if (strpbrk(list, "<>=!~["))
		return add_spec(r, list, false, err);
	for (char *word = strtok_r(copy, ",", &save); word; word = strtok_r(NULL, ",", &save))
		if (add_spec(r, word, false, err) < 0)
			return -1;
	return 0;
}

/* ---- words ---- */

struct reading {
	const struct form *form;
	char *const *argv;
	size_t at;
	bool packages; /* a --package or --from was given */
	bool project_words;
};

static int set(char **member, const char *value, struct error *err)
{
	free(*member);
	*member = strdup(value);
	return *member ? 0 : error_oom(err);
}

static int read_option(struct reading *in, struct runner *r, struct error *err)
{
	const char *word = in->argv[in->at];
	size_t n = option_length(word);
	const struct option_row *row = find(in->form->options, word, n);
	const char *value = word[n] == '=' ? word + n + 1 : NULL;

	if (!row)
		return refuse(r->form, word, "is no option that mcpcage knows", "leave it out; mcpcage(1) lists what is understood", err);
	if (row->takes == TAKES_REFUSAL)
		return refuse(r->form, word, row->why, row->instead, err);
	/* npm's "--yes=true" */
	if (row->takes == TAKES_NOTHING)
		return 0;
	if (row->takes == TAKES_MODULE) {
		r->module = true;
		return 0;
	}
	if (!value)
		value = in->argv[++in->at];
	if (!value)
		return refuse(r->form, word, "needs a value", "see its documentation", err);
	switch (row->takes) {
	case TAKES_PACKAGE: {
		bool first = !in->packages;
		in->packages = true;
		return add_spec(r, value, first, err);
	}
	case TAKES_WITH:
		return add_list(r, value, err);
	case TAKES_PYTHON:
		return set(&r->request.python, value, err);
	case TAKES_FOLDER:
	case TAKES_PROJECT:
		in->project_words = true;
		r->inside = row->takes == TAKES_FOLDER;
		return set(&r->directory, value, err);
	default:
		return 0;
	}
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_python(const char *word)
{
	static const char name[] = "python";

	return strncmp(word, name, sizeof name - 1) == 0 && word[strspn(word + sizeof name - 1, "0123456789.") + sizeof name - 1] == '\0';
}

static bool is_file(const char *word)
{
	const char *dot = strrchr(word, '.');

	return strchr(word, '/') || (dot && strcmp(dot, ".py") == 0);
}

/* uv run: a project's command, or one of the packages of --with. */
static int read_run_subject(struct reading *in, struct runner *r, const char *word, struct error *err)
{
	r->project = in->project_words || r->request.specs.n == 0;
	if (strcmp(word, "-") == 0)
		return refuse(r->form, word, "reads the program from standard input, which is the client's", "put it into a file", err);
	if (r->project && r->request.specs.n)
		return refuse(r->form, "--with", "adds to a project what is not in it", "add it to the project: uv add", err);
	if (!r->project && (r->module || is_python(word) || is_file(word)))
		return refuse(r->form, word, "is not a command of the packages that are named",
			      "for a file of your own make a project (uv init, uv add) and give \"uv run --directory DIR FILE\"", err);
	return set(&r->command, word, err);
}

/* WORD is the first that is no option: what is to be run. */
static int read_subject(struct reading *in, struct runner *r, const char *word, struct error *err)
{
	if (in->form->run)
		return read_run_subject(in, r, word, err);
	if (in->project_words)
		return refuse(r->form, r->inside ? "--directory" : "--project", "is for projects, and this runs a package",
			      "leave it out, and give absolute paths", err);
	if (r->module)
		return refuse(r->form, "-m", "runs a module, and this runs a package's command", "give the command", err);
	if (in->packages)
		return set(&r->command, word, err);
	return add_spec(r, word, true, err);
}

/* The options between the form's own words. */
static int read_early(struct reading *in, struct runner *r, struct error *err)
{
	size_t n = in->at;

	for (in->at = 1; in->at < n; in->at++)
		if (in->argv[in->at][0] == '-' && read_option(in, r, err) < 0)
			return -1;
	return 0;
}

static int read_words(struct reading *in, struct runner *r, struct error *err)
{
	bool subject = false, options = true;

	for (; in->argv[in->at]; in->at++) {
		const char *word = in->argv[in->at];
		if (options && strcmp(word, "--") == 0) {
			options = false;
			continue;
		}
		if (options && word[0] == '-' && word[1] && (!subject || in->form->options_anywhere)) {
			if (read_option(in, r, err) < 0)
				return -1;
			continue;
		}
		if (subject) {
			if (strlist_add(&r->args, word) < 0)
				return error_oom(err);
			continue;
		}
		if (read_subject(in, r, word, err) < 0)
			return -1;
		subject = true;
		/* what follows is the server's, "--" included */
		options = options && in->form->options_anywhere;
	}
	if (!subject && in->packages && !in->form->run)
		return 0;
	if (!subject) {
		error_set(err, 0, "%s: there is no package to run", r->form);
		error_kind(err, ERROR_CANNOT_RUN);
		return error_hint(err, "such as \"%s %s\"", r->form,
				  r->request.ecosystem == ECOSYSTEM_NPM ? "@modelcontextprotocol/server-filesystem" : "mcp-server-time");
	}
	return 0;
}

int runner_parse(char *const argv[], struct runner *runner, struct error *err)
{
	*runner = (struct runner){ 0 };
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		size_t n = matches(&forms[i], argv);
		if (n == 0)
			continue;
		struct reading in = { .form = &forms[i], .argv = argv, .at = n };
		runner->form = strdup(forms[i].name);
		runner->request.ecosystem = forms[i].ecosystem;
		if (!runner->form) {
			error_oom(err);
			return -1;
		}
		if (read_early(&in, runner, err) < 0 || read_words(&in, runner, err) < 0) {
			runner_free(runner);
			return -1;
		}
		if (runner->request.specs.n > 2)
			qsort(runner->request.specs.v + 1, runner->request.specs.n - 1, sizeof(char *), by_text);
		return 1;
	}
	return 0;
}
