/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finding a command and following its symlinks, before there is a cage.
 *
 * The search follows execvp(3), with two differences: relative and empty entries of PATH are passed over,
 * because the working directory must not decide what runs, and a file that is found but cannot be executed is
 * only the answer when nothing better comes. Symlinks are followed by hand, not by realpath(3), because some
 * of them have to exist in the cage as well. Called by the other target files only; changes nothing.
 */
#include "cage/target.h"

#include "cage/cage.h"

#include "base/format.h"
#include "base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_LINKS 40
#define DEFAULT_PATH "/usr/local/bin:/usr/bin:/bin"

const char *target_env(const struct resolver *r, const char *name)
{
	size_t n = strlen(name);

	for (char *const *e = r->environ_; e && *e; e++)
		if (strncmp(*e, name, n) == 0 && (*e)[n] == '=' && (*e)[n + 1])
			return *e + n + 1;
	return NULL;
}

char *target_dir(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return NULL;
	return slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
}

bool target_is_dir(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

bool target_is_file(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

bool target_runs(const char *path)
{
	return target_is_file(path) && access(path, X_OK) == 0;
}

ssize_t target_read(const char *path, char *out, size_t size)
{
	/* O_NONBLOCK: a FIFO in the place of the file must not hold us. */
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	struct stat st;
	size_t n = 0;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -1;
	if (!S_ISREG(st.st_mode)) {
		errno = EINVAL;
		return -1;
	}
	while (n < size - 1) {
		ssize_t got = read(fd, out + n, size - 1 - n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		n += (size_t)got;
	}
	out[n] = '\0';
	return (ssize_t)n;
}

/* ---- symlinks ---- */

/* Append "/" NAME[0..n). */
static int push(char *path, const char *name, size_t n)
{
	size_t used = strlen(path);

	if (used + n + 2 > PATH_MAX) {
		errno = ENAMETOOLONG;
		return -1;
	}
	path[used] = '/';
	memcpy(path + used + 1, name, n);
	path[used + 1 + n] = '\0';
	return 0;
}

static void pop(char *path)
{
	char *slash = strrchr(path, '/');
	if (slash)
		*slash = '\0';
}

/* AT is the link, TEXT its content: put what it stands for in front of *REST and step back or to the root. */
static int enter_link(char *at, const char *text, char **rest, const char *tail, struct strlist *links)
{
	if (links && (strlist_add(links, at) < 0 || strlist_add(links, text) < 0)) {
		errno = ENOMEM;
		return -1;
	}
	char *next = format_text("%s/%s", text, tail);
	if (!next)
		return -1;
	free(*rest);
	*rest = next;
	if (text[0] == '/')
		at[0] = '\0';
	else
		pop(at);
	return 0;
}

char *target_walk(const char *path, struct strlist *links)
{
	char at[PATH_MAX] = "", text[PATH_MAX];
	CLEANUP_FREE char *rest = strdup(path);
	const char *p = rest;
	int followed = 0;

	if (!rest)
		return NULL;
	for (;;) {
		while (*p == '/')
			p++;
		size_t n = strcspn(p, "/");
		if (n == 0)
			break;
		const char *name = p;
		p += n;
		if (n == 1 && name[0] == '.')
			continue;
		if (n == 2 && name[0] == '.' && name[1] == '.') {
			pop(at);
			continue;
		}
		if (push(at, name, n) < 0)
			return NULL;
		ssize_t got = readlink(at, text, sizeof text - 1);
		if (got < 0 && errno == EINVAL)
			continue;
		if (got < 0)
			return NULL;
		text[got] = '\0';
		if (++followed > MAX_LINKS) {
			errno = ELOOP;
			return NULL;
		}
		if (enter_link(at, text, &rest, p, links) < 0)
			return NULL;
		p = rest;
	}
	return strdup(at[0] ? at : "/");
}

/* ---- PATH ---- */

static char *from_working_directory(const char *name, struct error *err)
{
	char cwd[PATH_MAX];

	if (!getcwd(cwd, sizeof cwd)) {
		error_set(err, errno, "cannot tell the working directory that %s is relative to", name);
		return NULL;
	}
	char *found = path_join(cwd, name);
	if (!found)
		error_oom(err);
	return found;
}

/* Where programs of users tend to be that a client's short PATH does not name: only for the hint. */
static bool hint_elsewhere(const struct resolver *r, const char *name, struct error *err)
{
	static const char *const places[] = {
		".local/bin",
		".volta/bin",
		".local/share/mise/shims",
		".asdf/shims",
		".pyenv/shims",
		".bun/bin",
		".deno/bin",
		".cargo/bin",
		"go/bin",
		"bin",
		".npm-global/bin",
		".local/share/pnpm",
		".nvm/current/bin",
		".local/share/fnm/aliases/default/bin",
	};

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		CLEANUP_FREE char *path = format_text("%s/%s/%s", r->home, places[i], name);
		if (path && target_runs(path)) {
			error_hint(err, "there is %s: give that path as the command", path);
			return true;
		}
	}
	return false;
}

static char *not_found(const struct resolver *r, const char *name, const char *path, struct error *err)
{
	error_set(err, 0, "%s: command not found", name);
	error_kind(err, ERROR_NOT_FOUND);
	if (!hint_elsewhere(r, name, err))
		error_hint(err, "give its absolute path; the client started mcpcage with PATH=%s", path);
	return NULL;
}

static char *search_path(const struct resolver *r, const char *name, const char *skip, struct error *err)
{
	const char *path = target_env(r, "PATH");
	CLEANUP_FREE char *unusable = NULL;

	if (!path)
		path = DEFAULT_PATH;
	for (const char *p = path; *p;) {
		size_t n = strcspn(p, ":");
		CLEANUP_FREE char *raw = strndup(p, n);
		p += n + (p[n] == ':');
		if (!raw)
			return error_oom(err), NULL;
		if (raw[0] != '/')
			continue;
		CLEANUP_FREE char *file = path_join(raw, name);
		if (!file)
			return error_oom(err), NULL;
		CLEANUP_FREE char *dir = target_dir(file);
		if (skip && dir && strcmp(dir, skip) == 0)
			continue;
		if (target_runs(file))
			return TAKE_PTR(file);
		if (!unusable && target_is_file(file))
			unusable = TAKE_PTR(file);
	}
	if (unusable) {
		error_set(err, 0, "%s is not executable", unusable);
		error_kind(err, ERROR_CANNOT_RUN);
		return NULL;
	}
	return not_found(r, name, path, err);
}

char *target_find(const struct resolver *r, const char *name, const char *skip, struct error *err)
{
	if (!*name) {
		error_set(err, 0, "the command is empty");
		error_kind(err, ERROR_NOT_FOUND);
		return NULL;
	}
	if (!strchr(name, '/'))
		return search_path(r, name, skip, err);
	char *found = name[0] == '/' ? strdup(name) : from_working_directory(name, err);
	if (!found && name[0] == '/')
		error_oom(err);
	return found;
}

char *target_program(const char *name, char *const *environ_, const struct facts *facts, struct error *err)
{
	const struct resolver r = { .environ_ = environ_, .home = facts->home_env ? facts->home_env : facts->home };

	return search_path(&r, name, NULL, err);
}
