/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pip, of the interpreter that the tree is for or of any other in PATH; it is not installed into the tree ("pip --python", 22.3 and later).
 * In one step, since its report has the hash of each archive that it unpacked, and it has compared that with what the index promised.
 *
 * Its configuration is asked for outside ("pip config list") and becomes variables inside, as far as it says where packages come from.
 * Called by fetch-python.c.
 */
#include "session/fetch-python.h"

#include "base/cleanup.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SETTINGS 16

struct pip {
	struct python *p;
	struct fetch_command command;
	bool index; /* the configuration names one, or says that there is to be none */
	int ranks[SETTINGS]; /* of what was taken for each of `settings` */
};

static void pip_free(struct pip *pip)
{
	fetch_command_free(&pip->command);
}

/* ---- where it is ---- */

static int try_pip(struct python *p, const char *exe, struct error *err)
{
	const char *const words[] = { exe, "-I", "-m", "pip", "--version" };
	CLEANUP_STRLIST struct strlist argv = { 0 };
	CLEANUP_BUF struct buf out = BUF_INIT(16384);
	unsigned major, minor;

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strlist_add(&argv, words[i]) < 0)
			return error_oom(err);
	if (fetch_ask(p->f, &argv, &out, err) < 0)
		return err->sys == EINTR ? -1 : 0;
	const char *text = buf_str(&out);
	if (!text || sscanf(text, "pip %u.%u", &major, &minor) != 2 || major < 22 || (major == 22 && minor < 3))
		return 0;
	p->tool_version = strndup(text + 4, strcspn(text + 4, " \n"));
	p->pip_python = strdup(exe);
	return p->tool_version && p->pip_python ? 1 : error_oom(err);
}

int pip_find(struct python *p, struct error *err)
{
	int found = try_pip(p, p->exe, err);
	static const char *const others[] = { "python3", "python" };

	for (size_t i = 0; found == 0 && i < ARRAY_SIZE(others); i++) {
		struct error ignored;
		CLEANUP_FREE char *exe = fetch_tool(p->f, others[i], &ignored);
		if (exe)
			found = try_pip(p, exe, err);
	}
	if (found != 0)
		return found < 0 ? -1 : 0;
	error_set(err, 0, "%s is to be installed by uv or pip (22.3 or later), and neither is on this machine",
		  p->f->fetch->request->specs.v[0]);
	error_kind(err, ERROR_NOT_FOUND);
	return error_hint(err, "install uv, or pip (on Debian: apt install python3-pip)");
}

/* ---- its configuration ---- */

static const char *const settings[] = {
	"index-url", "extra-index-url", "find-links", "no-index", "trusted-host", "cert", "proxy", "timeout", "default-timeout",
	"retries", "pre", "prefer-binary", "uploaded-prior-to",
};

_Static_assert(ARRAY_SIZE(settings) <= SETTINGS, "a rank for each");

/* How much a section counts; 0: not for us. */
static int rank_of(struct span section)
{
	static const char *const sections[] = { "global", "install", ":env:" };

	for (size_t i = 0; i < ARRAY_SIZE(sections); i++)
		if (span_is(section, sections[i]))
			return (int)i + 1;
	return 0;
}

/* A string as Python prints it: "\n", "\\" and "\'" stand for one character each. Words of a list end in line feeds: spaces here. */
static int unquote(struct span text, struct buf *out)
{
	buf_clear(out);
	if (text.n < 2 || (text.p[0] != '\'' && text.p[0] != '"') || text.p[text.n - 1] != text.p[0])
		return -1;
	for (size_t i = 1; i + 1 < text.n; i++) {
		bool escaped = text.p[i] == '\\' && i + 2 < text.n;
		if (escaped)
			i++;
		buf_putc(out, escaped && text.p[i] == 'n' ? ' ' : text.p[i]);
	}
	return out->full ? -1 : 0;
}

/* "index-url" as PIP_INDEX_URL. */
static int set_variable(struct pip *pip, const char *key, const char *value, struct error *err)
{
	char name[64];
	size_t n = 0;

	for (const char *c = key; *c && n + 1 < sizeof name; c++)
		name[n++] = *c == '-' ? '_' : (char)toupper((unsigned char)*c);
	name[n] = '\0';
	return fetch_add(&pip->command.env, err, "PIP_%s=%s", name, value);
}

/* An index that counts less was read before: it may stay, since it is the user's as well. */
static int take_address(struct pip *pip, const char *key, const char *where, const char *text, struct error *err)
{
	struct fetch_command *command = &pip->command;

	pip->index = pip->index || strcmp(key, "index-url") == 0 || (strcmp(key, "no-index") == 0 && strcasecmp(text, "true") == 0) ||
		     (strcmp(key, "no-index") == 0 && strcmp(text, "1") == 0);
	if (strcmp(key, "proxy") == 0)
		return text[0] ? fetch_add_proxy(pip->p->f, command, where, text, err) : 0;
	return fetch_add_hosts(command, where, span_of(text), err);
}

/* "global.index-url='http://...'", ":env:.cert='...'": each level comes after the one that counts less, but for the environment. */
static int read_line(struct pip *pip, struct span line, struct error *err)
{
	CLEANUP_BUF struct buf value = BUF_INIT(1 << 16);
	const char *equals = memchr(line.p, '=', line.n);
	const char *dot = equals ? memrchr(line.p, '.', (size_t)(equals - line.p)) : NULL;
	char where[128];

	if (!dot)
		return 0;
	int rank = rank_of((struct span){ line.p, (size_t)(dot - line.p) });
	struct span key = { dot + 1, (size_t)(equals - dot - 1) };
	struct span quoted = { equals + 1, line.n - (size_t)(equals + 1 - line.p) };
	for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
		if (!span_is(key, settings[i]) || rank <= pip->ranks[i] || unquote(quoted, &value) < 0)
			continue;
		const char *text = buf_str(&value);
		(void)snprintf(where, sizeof where, "pip's setting %s", settings[i]);
		if (!text || fetch_check_address(where, buf_span(&value), err) < 0)
			return text ? -1 : error_oom(err);
		pip->ranks[i] = rank;
		if (take_address(pip, settings[i], where, text, err) < 0)
			return -1;
		if (fetch_show_paths(pip->p->f, &pip->command, text, err) < 0)
			return -1;
		return set_variable(pip, settings[i], text, err);
	}
	return 0;
}

static int start_of_argv(const struct python *p, struct strlist *argv, struct error *err)
{
	const char *const words[] = { p->pip_python, "-I", "-m", "pip" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strlist_add(argv, words[i]) < 0)
			return error_oom(err);
	return 0;
}

static int ask_pip(struct pip *pip, struct error *err)
{
	CLEANUP_STRLIST struct strlist argv = { 0 };
	CLEANUP_BUF struct buf out = BUF_INIT(1 << 20);

	if (start_of_argv(pip->p, &argv, err) < 0)
		return -1;
	if (strlist_add(&argv, "config") < 0 || strlist_add(&argv, "list") < 0)
		return error_oom(err);
	if (fetch_ask(pip->p->f, &argv, &out, err) < 0)
		return error_prefix(err, "pip config list");
	for (const char *at = out.p, *end = out.p + out.n; at < end;) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		size_t length = newline ? (size_t)(newline - at) : (size_t)(end - at);
		if (read_line(pip, (struct span){ at, length }, err) < 0)
			return -1;
		at += length + 1;
	}
	return 0;
}

/* ---- running ---- */

static int make_command(struct pip *pip, struct error *err)
{
	static const char *const words[] = {
		"--python", PYTHON_INSIDE, "install", "--no-input", "--disable-pip-version-check", "--no-cache-dir", "--no-compile",
		"--no-warn-script-location", "--progress-bar", "off", "--report", FETCH_WORK "/report.json", "-r",
		FETCH_WORK "/requirements.in",
	};
	struct strlist *argv = &pip->command.argv;

	if (start_of_argv(pip->p, argv, err) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strlist_add(argv, words[i]) < 0)
			return error_oom(err);
	if (!pip->p->f->fetch->request->scripts && (strlist_add(argv, "--only-binary") < 0 || strlist_add(argv, ":all:") < 0))
		return error_oom(err);
	if (strlist_add(&pip->command.env, "PIP_ROOT_USER_ACTION=ignore") < 0 || strlist_add(&pip->command.env, "PIP_CONFIG_FILE=/dev/null") < 0)
		return error_oom(err);
	return python_environment(pip->p, &pip->command, err) < 0 ? -1 : fetch_pass_common(pip->p->f, &pip->command, err);
}

static int read_report(void *context, const int *fds, int out)
{
	(void)context;
	return harvest_serve(harvest_pip_report, fds[0], out);
}

int pip_install(struct python *p, struct error *err)
{
	CLEANUP(pip_free) struct pip pip = { .p = p };
	int status;

	if (ask_pip(&pip, err) < 0 || (!pip.index && python_default_hosts(p, p->pip_python, &pip.command, err) < 0) || make_command(&pip, err) < 0 || fetch_run(p->f, &pip.command, &status, err) < 0)
		return -1;
	if (status != 0)
		return fetch_failed(p->f, status, err);
	CLEANUP_CLOSE int fd = fetch_open(p->f->stage->work, "report.json");
	if (fd < 0)
		return error_set(err, errno, "pip left no report of what it installed");
	return fetch_harvest(p->f, read_report, NULL, fd, "pip's report", &p->records, err);
}
