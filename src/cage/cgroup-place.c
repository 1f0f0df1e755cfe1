/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Find the place for a group of ours in the cgroup v2 tree, without changing anything.
 *
 * Two rules decide (Documentation/admin-guide/cgroup-v2.rst, "No Internal Process Constraint" and "Delegation";
 * systemd's CGROUP_DELEGATION):
 *
 * - A group that holds processes cannot hand controllers to its children, the root excepted. mcpcage and its client are
 *   processes in our own group, so ours is made beside it, in its parent, or in the root when that is our own.
 *   Processes are never moved to make room: they are not ours.
 * - A tree has one writer. Where systemd runs, only what a unit with Delegate= received is ours; everything else
 *   is systemd's, even if file permissions would let us, and there a transient scope is the way (scope.c).
 *
 * A group without the memory and the pids controller would limit nothing and kill no more than the pid namespace
 * does, so such a place counts as none.
 *
 * Called by cgroup.c only.
 */
#include "cage/cgroup-place.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#define CONTROLLERS_USEFUL (CONTROLLER_MEMORY | CONTROLLER_PIDS)

int cgroup_own_path(const char *text, char *out, size_t size)
{
	for (const char *line = text; *line;) {
		size_t n = strcspn(line, "\n");
		if (n > 3 && strncmp(line, "0::/", 4) == 0) {
			size_t path_n = n - 3;
			if (path_n >= size)
				return -1;
			memcpy(out, line + 3, path_n);
			out[path_n] = '\0';
			/* "/.." is how the kernel shows a group outside the cgroup namespace. */
			if (strncmp(out, "/..", 3) == 0 && (out[3] == '/' || out[3] == '\0'))
				return -1;
			static const char deleted[] = " (deleted)";
			size_t tail = sizeof deleted - 1;
			if (path_n > tail && strcmp(out + path_n - tail, deleted) == 0)
				return -1;
			return 0;
		}
		line += n + (line[n] == '\n');
	}
	return -1;
}

unsigned cgroup_controllers(const char *text)
{
	static const struct {
		const char *name;
		unsigned bit;
	} known[] = {
		{ "memory", CONTROLLER_MEMORY },
		{ "pids", CONTROLLER_PIDS },
		{ "cpu", CONTROLLER_CPU },
		{ "io", CONTROLLER_IO },
	};
	unsigned bits = 0;

	for (const char *p = text; *p;) {
		size_t n = strcspn(p, " \n");
		for (size_t i = 0; i < ARRAY_SIZE(known); i++)
			if (n == strlen(known[i].name) && memcmp(p, known[i].name, n) == 0)
				bits |= known[i].bit;
		p += n;
		p += strspn(p, " \n");
	}
	return bits;
}

uint64_t cgroup_keyed(const char *text, const char *key)
{
	size_t key_n = strlen(key);

	for (const char *line = text; *line;) {
		size_t n = strcspn(line, "\n");
		if (n > key_n && strncmp(line, key, key_n) == 0 && line[key_n] == ' ')
			return strtoull(line + key_n + 1, NULL, 10);
		line += n + (line[n] == '\n');
	}
	return 0;
}

int cgroup_read(int dirfd, const char *name, char *out, size_t size)
{
	CLEANUP_CLOSE int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return -1;

	size_t n = 0;
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
	return (int)n;
}

static unsigned read_controllers(int dirfd, const char *name)
{
	char text[512];
	return cgroup_read(dirfd, name, text, sizeof text) < 0 ? 0 : cgroup_controllers(text);
}

static bool can_write(int dirfd, const char *name)
{
	return faccessat(dirfd, name, W_OK, AT_EACCESS) == 0;
}

/* systemd marks the top of what it delegated with one of these attributes. */
static bool is_delegated(const char *path)
{
	char value[8];
	ssize_t n = getxattr(path, "user.delegate", value, sizeof value);
	if (n < 0)
		n = getxattr(path, "trusted.delegate", value, sizeof value);
	return n == 1 && value[0] == '1';
}

static bool is_root_group(int fd)
{
	/* The root of the whole tree, not of a namespace: it alone has no cgroup.type. */
	return faccessat(fd, "cgroup.type", F_OK, 0) < 0 && errno == ENOENT;
}

static bool is_empty(int fd)
{
	char text[32];
	return cgroup_read(fd, "cgroup.procs", text, sizeof text) == 0;
}

/* Whether PATH can be the parent of our group. */
static int consider(const struct cgroup_world *world, const char *path, struct cgroup_place *place, char *reason,
		    size_t size)
{
	CLEANUP_CLOSE int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		snprintf(reason, size, "our own control group is not visible here");
		return -1;
	}
	if (world->systemd && !is_delegated(path)) {
		snprintf(reason, size, "systemd manages our control group and did not delegate it");
		return -1;
	}
	/* clone3(2) into a child needs write access to the common ancestor's cgroup.procs as well. */
	if (faccessat(fd, ".", W_OK | X_OK, AT_EACCESS) < 0 || !can_write(fd, "cgroup.procs")) {
		snprintf(reason, size, "the control groups are not writable here");
		return -1;
	}

	unsigned enabled = read_controllers(fd, "cgroup.subtree_control");
	unsigned enable = read_controllers(fd, "cgroup.controllers") & ~enabled;
	if (enable && (!can_write(fd, "cgroup.subtree_control") || (!is_root_group(fd) && !is_empty(fd))))
		enable = 0;
	if (!((enabled | enable) & CONTROLLERS_USEFUL)) {
		snprintf(reason, size, is_empty(fd) ? "no memory or pids controller was delegated to us" :
			 "processes live in the control group that would be ours to divide");
		return -1;
	}
	snprintf(place->parent, sizeof place->parent, "%s", path);
	place->controllers = enabled | enable;
	place->enable = enable;
	return 0;
}

int cgroup_place_find(const struct cgroup_world *world, struct cgroup_place *place, char *reason, size_t size)
{
	char own[400], path[448];

	*place = (struct cgroup_place){ 0 };
	if (cgroup_own_path(world->own, own, sizeof own) < 0) {
		snprintf(reason, size, "our own control group is not visible here");
		return -1;
	}

	{
		CLEANUP_CLOSE int root = open(world->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (root < 0 || !(read_controllers(root, "cgroup.controllers") & CONTROLLERS_USEFUL)) {
			snprintf(reason, size, "cgroup v2 has no memory and pids controllers here (hybrid with v1)");
			return -1;
		}
	}

	if (own[1] == '\0')
		return consider(world, world->root, place, reason, size);

	snprintf(path, sizeof path, "%s%.*s", world->root, (int)(strrchr(own, '/') - own), own);
	return consider(world, path, place, reason, size);
}
