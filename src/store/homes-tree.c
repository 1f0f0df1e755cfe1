/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Measuring and removing trees that a server made. Whatever is in them: folders nested deeper than a path can be long or a process can
 * have descriptors, folders without permissions, millions of entries, symlinks to anywhere, any bytes as names.
 *
 * Removing is flat. What is no folder is unlinked; a folder inside a folder is moved up, into the one that is to go, and comes up for
 * its turn there. So each entry is touched at most three times, the depth does not matter, and two descriptors are enough. Moving a
 * folder takes write permission on the folder itself, because its ".." changes; it is given first, by way of a descriptor that was
 * opened without following a symlink, since chmod(2) would follow one.
 *
 * No name is looked at but "." and "..", and none is shown.
 */
#include "store/homes.h"

#include "base/cleanup.h"
#include "base/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

static void close_dir(DIR **d)
{
	if (*d)
		closedir(*d);
}

static bool is_dots(const char *name)
{
	return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}

/* The folder NAME in AT for reading. Takes over nothing; NULL with errno. */
static DIR *open_folder(int at, const char *name)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;

	if (!d && fd >= 0)
		close(fd);
	return d;
}

/* ---- measuring ----------------------------------------------------------------------------------- */

/* Deeper is not looked at; each level costs a descriptor. */
#define DEPTH_MAX 100

void tree_measure(int fd, uint64_t limit, struct tree_usage *usage)
{
	DIR *stack[DEPTH_MAX];
	size_t depth = 0;
	struct stat st;

	*usage = (struct tree_usage){ 0 };
	stack[depth] = open_folder(fd, ".");
	if (!stack[depth]) {
		usage->more = true;
		return;
	}
	depth++;
	while (depth > 0) {
		const struct dirent *entry = readdir(stack[depth - 1]);
		if (!entry || usage->entries >= limit) {
			usage->more = usage->more || entry;
			closedir(stack[--depth]);
			continue;
		}
		int at = dirfd(stack[depth - 1]);
		if (is_dots(entry->d_name) || fstatat(at, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		usage->entries++;
		usage->bytes += (uint64_t)st.st_blocks * 512;
		if (!S_ISDIR(st.st_mode))
			continue;
		DIR *below = depth < DEPTH_MAX ? open_folder(at, entry->d_name) : NULL;
		if (below)
			stack[depth++] = below;
		else
			usage->more = true;
	}
}

/* ---- removing ------------------------------------------------------------------------------------ */

struct removal {
	int top;         /* the folder that is to go */
	uint64_t left;   /* entries that may still be touched */
	uint64_t prefix; /* of names in it that are ours */
	uint64_t number;
};

/* Let the owner list and change the folder NAME in AT. -1 with errno; ENOTDIR or ELOOP when it is none. */
static int unlock_folder(int at, const char *name)
{
	CLEANUP_CLOSE int fd = openat(at, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	char path[40];

	if (fd < 0)
		return -1;
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	return chmod(path, 0700);
}

int tree_rename(int from_at, const char *from, int to_at, const char *to)
{
	struct stat st;

	if (fd_rename_new(from_at, from, to_at, to) == 0)
		return 0;
	/* NFS and others cannot do that: then the name, which is random, has to do. */
	if (errno != EINVAL && errno != ENOSYS)
		return -1;
	if (fstatat(to_at, to, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		errno = EEXIST;
		return -1;
	}
	return renameat(from_at, from, to_at, to);
}

static int move_up(struct removal *r, int at, const char *name)
{
	char fresh[48];

	if (unlock_folder(at, name) < 0)
		return -1;
	for (;;) {
		snprintf(fresh, sizeof fresh, "%016" PRIx64 "-%" PRIu64, r->prefix, r->number++);
		if (tree_rename(at, name, r->top, fresh) == 0)
			return 0;
		if (errno != EEXIST)
			return -1;
	}
}

/* All of D's entries but folders that are not empty, which are moved up. 1: D is empty; 0: the limit was reached; -1. */
static int empty_folder(struct removal *r, DIR *d)
{
	bool any = true;

	/* What readdir(3) returns of a folder that changes meanwhile is not defined: so until nothing is found. */
	while (any) {
		const struct dirent *entry;
		any = false;
		rewinddir(d);
		while ((entry = readdir(d))) {
			if (is_dots(entry->d_name))
				continue;
			if (r->left == 0)
				return 0;
			r->left--;
			any = true;
			if (unlinkat(dirfd(d), entry->d_name, 0) == 0 || errno == ENOENT)
				continue;
			if (errno != EISDIR && errno != EPERM)
				return -1;
			if (unlinkat(dirfd(d), entry->d_name, AT_REMOVEDIR) == 0 || errno == ENOENT)
				continue;
			if ((errno != ENOTEMPTY && errno != EEXIST) || move_up(r, dirfd(d), entry->d_name) < 0)
				return -1;
		}
	}
	return 1;
}

/* Empty the folder NAME of the top, and remove it. */
static int remove_folder(struct removal *r, const char *name)
{
	if (unlock_folder(r->top, name) < 0)
		return -1;
	__attribute__((cleanup(close_dir))) DIR *d = open_folder(r->top, name);
	int rc = d ? empty_folder(r, d) : -1;
	if (rc <= 0)
		return rc;
	return unlinkat(r->top, name, AT_REMOVEDIR) == 0 || errno == ENOENT ? 1 : -1;
}

static int empty_top(struct removal *r, DIR *top)
{
	bool any = true;

	while (any) {
		const struct dirent *entry;
		any = false;
		rewinddir(top);
		while ((entry = readdir(top))) {
			int rc = 1;
			if (is_dots(entry->d_name))
				continue;
			if (r->left == 0)
				return 0;
			r->left--;
			any = true;
			if (unlinkat(r->top, entry->d_name, 0) == 0 || errno == ENOENT)
				continue;
			if ((errno != EISDIR && errno != EPERM) || (rc = remove_folder(r, entry->d_name)) < 0)
				return -1;
			if (rc == 0)
				return 0;
		}
	}
	return 1;
}

int tree_remove(int at, const char *name, uint64_t limit)
{
	struct removal r = { .left = limit };

	if (getrandom(&r.prefix, sizeof r.prefix, 0) != (ssize_t)sizeof r.prefix)
		return -1;
	if (unlock_folder(at, name) < 0)
		return errno == ENOENT ? 1 : -1;
	__attribute__((cleanup(close_dir))) DIR *top = open_folder(at, name);
	if (!top)
		return -1;
	r.top = dirfd(top);
	int rc = empty_top(&r, top);
	if (rc <= 0)
		return rc;
	return unlinkat(at, name, AT_REMOVEDIR) == 0 || errno == ENOENT ? 1 : -1;
}
