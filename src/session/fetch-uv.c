/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * uv: first what it would install, written down with hashes (pylock.toml, PEP 751), then that. Its own settings hold in the cage: the
 * variables and the uv.toml that name indexes, unless there are credentials in them. It fetches no interpreter. Called by fetch-python.c.
 */
#include "session/fetch-python.h"

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LOCK FETCH_WORK "/pylock.toml"

static int ask_uv(struct python *p, const char *const *words, size_t n, struct buf *out, struct error *err)
{
	CLEANUP_STRLIST struct strlist argv = { 0 };

	if (strlist_add(&argv, p->uv) < 0)
		return error_oom(err);
	for (size_t i = 0; i < n; i++)
		if (strlist_add(&argv, words[i]) < 0)
			return error_oom(err);
	return fetch_ask(p->f, &argv, out, err);
}

int uv_find(struct python *p, struct error *err)
{
	static const char *const words[] = { "--version" };
	CLEANUP_BUF struct buf out = BUF_INIT(4096);
	unsigned major, minor;
	struct error ignored;

	p->uv = fetch_tool(p->f, "uv", &ignored);
	if (!p->uv)
		return 0;
	if (ask_uv(p, words, ARRAY_SIZE(words), &out, err) < 0) {
		if (err->sys == EINTR)
			return -1;
		free(TAKE_PTR(p->uv));
		return 0;
	}
	const char *text = buf_str(&out);
	/* "uv 0.7.2 (...)"; pylock.toml came with 0.7. */
	if (!text || sscanf(text, "uv %u.%u", &major, &minor) != 2 || (major == 0 && minor < 7)) {
		log_detail(p->f->fetch->log, "%s is too old to be used here: pip is used", p->uv);
		free(TAKE_PTR(p->uv));
		return 0;
	}
	p->tool_version = strndup(text + 3, strcspn(text + 3, " \n"));
	return p->tool_version ? 1 : error_oom(err);
}

char *uv_python(struct python *p, const char *version)
{
	const char *words[] = { "python", "find", "--system", "--no-project", "--no-python-downloads", version };
	CLEANUP_BUF struct buf out = BUF_INIT(16384);
	struct error ignored;

	if (ask_uv(p, words, version ? ARRAY_SIZE(words) : ARRAY_SIZE(words) - 1, &out, &ignored) < 0)
		return NULL;
	const char *text = buf_str(&out);
	return text && text[0] == '/' ? strndup(text, strcspn(text, "\n")) : NULL;
}

/* ---- settings ---- */

/* Without comments, whose addresses mean nothing. */
static int config_hosts(struct fetch_command *command, const char *path, const struct buf *text, struct error *err)
{
	for (const char *at = text->p, *end = at + text->n; at < end;) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		const char *stop = newline ? newline : end;
		char quote = '\0';
		const char *p = at;
		for (; p < stop && (quote || *p != '#'); p++)
			if (quote ? *p == quote : *p == '"' || *p == '\'')
				quote = quote ? '\0' : *p;
		struct span line = { at, (size_t)(p - at) };
		if (fetch_add_hosts(command, path, line, err) < 0)
			return -1;
		at = stop + 1;
	}
	return 0;
}

/* What uv takes when nobody names an index: its help says which, and pip knows where that one has its files. */
static int default_hosts(struct python *p, struct fetch_command *command, struct error *err)
{
	static const char *const words[] = { "pip", "install", "--help" };
	static const char mark[] = "by default: <";
	CLEANUP_BUF struct buf out = BUF_INIT(1 << 20);

	if (fetch_env(p->f, "UV_DEFAULT_INDEX") || fetch_env(p->f, "UV_INDEX_URL"))
		return 0;
	if (ask_uv(p, words, ARRAY_SIZE(words), &out, err) < 0)
		return error_prefix(err, "asking uv for its index");
	const char *text = buf_str(&out), *at = text ? strstr(text, mark) : NULL;
	const char *stop = at ? strchr(at, '>') : NULL;
	if (stop && fetch_add_hosts(command, "uv's index", (struct span){ at + sizeof mark - 1, (size_t)(stop - at) - sizeof mark + 1 }, err) < 0)
		return -1;
	int rc = python_default_hosts(p, p->exe, command, err);
	if (rc > 0)
		log_line(p->f->fetch->log, "where uv's index has its files cannot be told without pip: if they are on another host, --registry-host "
					   "has to name it");
	return rc < 0 ? -1 : 0;
}

/* TOML that the user wrote: shown when there is nothing in it that looks like a credential. */
static int show_config(struct fetch_command *command, const char *path, struct error *err)
{
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	CLEANUP_BUF struct buf text = BUF_INIT(1 << 20);

	if (fd < 0)
		return 0;
	if (fd_read_all(fd, &text) < 0)
		return error_set(err, errno, "cannot read %s", path);
	if (fetch_check_address(path, buf_span(&text), err) < 0 || config_hosts(command, path, &text, err) < 0)
		return -1;
	return strlist_add(&command->show, path) < 0 ? error_oom(err) : 0;
}

static int show_configs(struct python *p, struct fetch_command *command, struct error *err)
{
	const char *base = fetch_env(p->f, "XDG_CONFIG_HOME");
	const struct facts *user = p->f->fetch->user;
	CLEANUP_FREE char *own = NULL;

	if (base && base[0] != '/')
		base = NULL;
	own = base ? strdup(base) : path_join(user->home_env ? user->home_env : user->home, ".config");
	CLEANUP_FREE char *mine = own ? path_join(own, "uv/uv.toml") : NULL;
	if (!mine)
		return error_oom(err);
	if (show_config(command, mine, err) < 0 || show_config(command, "/etc/uv/uv.toml", err) < 0)
		return -1;
	return fetch_add(&command->env, err, "XDG_CONFIG_HOME=%s", own);
}

static int pass_settings(struct python *p, struct fetch_command *command, struct error *err)
{
	static const char *const addresses[] = {
		"UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_INSECURE_HOST",
	};
	static const char *const plain[] = {
		"UV_INDEX_STRATEGY", "UV_HTTP_TIMEOUT", "UV_EXCLUDE_NEWER", "UV_PRERELEASE", "UV_RESOLUTION", "UV_NATIVE_TLS", "UV_SYSTEM_CERTS",
		"UV_CONCURRENT_DOWNLOADS", "UV_CONCURRENT_INSTALLS",
	};
	static const char *const ours[] = {
		"UV_PYTHON_DOWNLOADS=never", "UV_CACHE_DIR=" FETCH_WORK "/cache", "UV_LINK_MODE=copy", "UV_NO_PROGRESS=1", "UV_HTTP_RETRIES=2",
		"UV_KEYRING_PROVIDER=disabled",
	};

	for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
		if (strlist_add(&command->env, ours[i]) < 0)
			return error_oom(err);
	for (size_t i = 0; i < ARRAY_SIZE(addresses); i++)
		if (fetch_pass_address(p->f, command, addresses[i], err) < 0)
			return -1;
	for (size_t i = 0; i < ARRAY_SIZE(plain); i++)
		if (fetch_pass(p->f, command, plain[i], err) < 0)
			return -1;
	const char *links = fetch_env(p->f, "UV_FIND_LINKS");
	if (links && (fetch_show_paths(p->f, command, links, err) < 0 || fetch_pass_address(p->f, command, "UV_FIND_LINKS", err) < 0))
		return -1;
	if (show_configs(p, command, err) < 0 || default_hosts(p, command, err) < 0 ||
	    python_environment(p, command, err) < 0)
		return -1;
	return fetch_pass_common(p->f, command, err);
}

/* ---- running ---- */

static int run_uv(struct python *p, const char *const *words, size_t n, bool binary_only, struct error *err)
{
	CLEANUP(fetch_command_free) struct fetch_command command = { 0 };
	int status;

	if (strlist_add(&command.argv, p->uv) < 0)
		return error_oom(err);
	for (size_t i = 0; i < n; i++)
		if (strlist_add(&command.argv, words[i]) < 0)
			return error_oom(err);
	if (binary_only && (strlist_add(&command.argv, "--only-binary") < 0 || strlist_add(&command.argv, ":all:") < 0))
		return error_oom(err);
	if (pass_settings(p, &command, err) < 0 || fetch_run(p->f, &command, &status, err) < 0)
		return -1;
	return status == 0 ? 0 : fetch_failed(p->f, status, err);
}

static int read_lock(void *context, const int *fds, int out)
{
	(void)context;
	return harvest_serve(harvest_pylock, fds[0], out);
}

int uv_install(struct python *p, struct error *err)
{
	static const char *const resolve[] = {
		"pip", "compile", "--quiet", "--python", PYTHON_INSIDE, "--format", "pylock.toml", "--output-file", LOCK,
		FETCH_WORK "/requirements.in",
	};
	static const char *const install[] = {
		"pip", "install", "--quiet", "--python", PYTHON_INSIDE, "--no-deps", "--requirement", LOCK,
	};
	const bool binary_only = !p->f->fetch->request->scripts;

	if (run_uv(p, resolve, ARRAY_SIZE(resolve), binary_only, err) < 0)
		return -1;
	CLEANUP_CLOSE int fd = fetch_open(p->f->stage->work, "pylock.toml");
	if (fd < 0)
		return error_set(err, errno, "uv left no list of what it is to install");
	if (fetch_harvest(p->f, read_lock, NULL, fd, "uv's list of packages", &p->records, err) < 0)
		return -1;
	if (run_uv(p, install, ARRAY_SIZE(install), binary_only, err) < 0)
		return -1;
	/* uv's own, empty and writable for everybody. */
	CLEANUP_FREE char *lock = path_join(p->f->stage->files, ".lock");
	return lock && (unlink(lock) == 0 || errno == ENOENT) ? 0 : error_set(err, errno, "cannot remove uv's lock file");
}
