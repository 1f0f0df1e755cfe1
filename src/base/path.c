/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/path.h"

#include "base/cleanup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

char *path_normalize(const char *path)
{
	if (!path || path[0] != '/')
		return NULL;

	char *out = malloc(strlen(path) + 2);
	if (!out)
		return NULL;
	size_t n = 0;
	const char *p = path;
	while (*p) {
		size_t length = strcspn(p, "/");
		if (length == 2 && p[0] == '.' && p[1] == '.') {
			while (n > 0 && out[--n] != '/')
				;
		} else if (length > 0 && !(length == 1 && p[0] == '.')) {
			out[n++] = '/';
			memcpy(out + n, p, length);
			n += length;
		}
		p += length;
		while (*p == '/')
			p++;
	}
	if (n == 0)
		out[n++] = '/';
	out[n] = '\0';
	return out;
}

char *path_join(const char *base, const char *name)
{
	size_t base_n = strlen(base);

	while (*name == '/')
		name++;
	while (base_n > 0 && base[base_n - 1] == '/')
		base_n--;
	size_t name_n = strlen(name);
	char *out = malloc(base_n + name_n + 2);
	if (!out)
		return NULL;
	memcpy(out, base, base_n);
	out[base_n] = '/';
	memcpy(out + base_n + 1, name, name_n + 1);
	return out;
}

bool path_within(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	if (n == 1 && dir[0] == '/')
		return path[0] == '/';
	return strncmp(path, dir, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

const char *path_base(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash && slash[1] ? slash + 1 : path;
}

int path_openat2(int dirfd, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve)
{
	struct open_how how = { .flags = flags | O_CLOEXEC, .mode = mode, .resolve = resolve };
	long fd;

	/* EAGAIN: a rename raced with RESOLVE_IN_ROOT; the kernel asks to try again. */
	for (int tries = 0; tries < 16; tries++) {
		fd = syscall(SYS_openat2, dirfd, path, &how, sizeof how);
		if (fd >= 0 || errno != EAGAIN)
			break;
	}
	return (int)fd;
}

int path_open_in_root(int rootfd, const char *path, uint64_t flags)
{
	return path_openat2(rootfd, path, flags, 0, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}

/* One component below DIRFD; made when it is missing. */
static int enter_or_make(int dirfd, const char *name)
{
	const uint64_t flags = O_PATH | O_DIRECTORY | O_NOFOLLOW;
	const uint64_t resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;

	int fd = path_openat2(dirfd, name, flags, 0, resolve);
	if (fd >= 0 || errno != ENOENT)
		return fd;
	if (mkdirat(dirfd, name, 0755) < 0 && errno != EEXIST)
		return -1;
	return path_openat2(dirfd, name, flags, 0, resolve);
}

int path_mkdirs_in_root(int rootfd, const char *path, struct error *err)
{
	CLEANUP_FREE char *copy = path_normalize(path);
	if (!copy)
		return error_set(err, EINVAL, "cannot make the folder %s", path);

	CLEANUP_CLOSE int at = path_openat2(rootfd, ".", O_PATH | O_DIRECTORY, 0, 0);
	if (at < 0)
		return error_set(err, errno, "cannot open the new root");
	char *save = NULL;
	for (char *name = strtok_r(copy, "/", &save); name; name = strtok_r(NULL, "/", &save)) {
		int next = enter_or_make(at, name);
		if (next < 0)
			return error_set(err, errno, "cannot make the folder %s (at %s)", path, name);
		close(at);
		at = next;
	}
	return TAKE_FD(&at);
}
