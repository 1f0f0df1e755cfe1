/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is mounted inside a granted folder comes with it: a disk, a share, and also the /proc that somebody mounted in a
 * chroot(2) there. A procfs of the host would be a way out (/proc/PID/root of any process of the same user), so the
 * kernel's own file systems are covered wherever they lie inside a grant. They never enter by being below something that
 * was named.
 *
 * Whether a folder has anything mounted in it costs nothing to know: see mounts.c. Only then is the list of mounts read, once,
 * after everything is attached. Each is opened by its path in the new root and compared by mount id, so the mask is on that
 * mount or the start fails.
 *
 * Called by root.c. proc_pid_mountinfo(5), statx(2) STATX_MNT_ID (Linux 5.8).
 */
#include "cage/mounts.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "base/path.h"
#include "cage/mountapi.h"

#include <errno.h>
#include <linux/stat.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* One line of mountinfo. */
struct entry {
	unsigned int id, parent;
	const char *path; /* in the text of the list */
	bool kernel;      /* of a type that is covered */
	bool covered;     /* by us */
};

struct entries {
	struct buf text;
	struct entry *v;
	size_t n;
};

static void entries_free(struct entries *list)
{
	buf_free(&list->text);
	free(list->v);
}

bool submounts_kernel_type(const char *type)
{
	static const char *const TYPES[] = {
		"autofs",     "binder",	   "binfmt_misc", "bpf",      "cgroup",	    "cgroup2",	  "configfs",
		"cpuset",     "debugfs",   "devpts",	  "devtmpfs", "efivarfs",   "functionfs", "fusectl",
		"hugetlbfs",  "mqueue",	   "nfsd",	  "nsfs",     "openpromfs", "proc",	  "pstore",
		"resctrl",    "rpc_pipefs", "securityfs", "selinuxfs", "smackfs",   "sysfs",	  "tracefs",
		"xenfs",
	};

	for (size_t i = 0; i < ARRAY_SIZE(TYPES); i++) {
		if (strcmp(type, TYPES[i]) == 0)
			return true;
	}
	return false;
}

/* Undo mountinfo's \040 and the like, in place. */
static void unescape(char *text)
{
	char *to = text;

	for (const char *p = text; *p; p++) {
		if (p[0] == '\\' && p[1] >= '0' && p[1] <= '3' && p[2] >= '0' && p[2] <= '7' && p[3] >= '0' && p[3] <= '7') {
			*to++ = (char)((p[1] - '0') << 6 | (p[2] - '0') << 3 | (p[3] - '0'));
			p += 3;
		} else {
			*to++ = *p;
		}
	}
	*to = '\0';
}

/* "ID PARENT MAJOR:MINOR ROOT POINT OPTIONS [TAG...] - TYPE SOURCE OPTIONS", into ENTRY. False: not of that form. */
static bool parse(char *line, struct entry *entry)
{
	char *fields[5], *save = NULL;
	char *type = strstr(line, " - ");

	if (!type)
		return false;
	*type = '\0';
	type = strtok_r(type + 3, " \n", &save);
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		fields[i] = strtok_r(i ? NULL : line, " ", &save);
		if (!fields[i])
			return false;
	}
	entry->id = (unsigned int)strtoul(fields[0], NULL, 10);
	entry->parent = (unsigned int)strtoul(fields[1], NULL, 10);
	entry->kernel = type && submounts_kernel_type(type);
	entry->covered = false;
	unescape(fields[4]);
	entry->path = fields[4];
	return true;
}

/* The text of FILE, terminated; NULL with ERR filled. */
static char *read_text(struct buf *text, const char *file, struct error *err)
{
	CLEANUP_CLOSE int fd = open(file, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		error_set(err, errno, "cannot open %s", file);
	else if (fd_read_all(fd, text) < 0)
		error_set(err, errno, "cannot read %s", file);
	else if (!buf_str(text))
		error_oom(err);
	else
		return text->p;
	return NULL;
}

static int read_entries(struct entries *list, struct error *err)
{
	static const char file[] = "/proc/self/mountinfo";
	char *save = NULL;
	size_t lines = 0;

	char *text = read_text(&list->text, file, err);
	if (!text)
		return -1;
	for (const char *p = text; *p; p++)
		lines += *p == '\n';
	list->v = calloc(lines + 1, sizeof *list->v);
	if (!list->v)
		return error_oom(err);
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (list->n == lines || !parse(line, &list->v[list->n]))
			return error_set(err, 0, "cannot read a line of %s", file);
		list->n++;
	}
	return 0;
}

static const struct entry *by_id(const struct entries *list, unsigned int id)
{
	for (size_t i = 0; i < list->n; i++) {
		if (list->v[i].id == id)
			return &list->v[i];
	}
	return NULL;
}

/* Whether ENTRY lies below the mount TOP. */
static bool is_below(const struct entries *list, const struct entry *entry, unsigned int top)
{
	for (size_t depth = 0; entry && depth < list->n; depth++) {
		if (entry->parent == top)
			return true;
		entry = by_id(list, entry->parent);
	}
	return false;
}

/* Whether something is mounted exactly on ENTRY, or ENTRY lies in something that was covered. */
static bool is_hidden(const struct entries *list, const struct entry *entry)
{
	for (size_t i = 0; i < list->n; i++) {
		if (list->v[i].parent == entry->id && strcmp(list->v[i].path, entry->path) == 0)
			return true;
	}
	for (size_t depth = 0; entry && depth < list->n; depth++) {
		if (entry->covered)
			return true;
		entry = by_id(list, entry->parent);
	}
	return false;
}

/* Whether PATH came in with a folder that was bound, rather than by its own name. */
static bool came_along(const struct root *root, const char *path)
{
	bool along = false;

	for (size_t i = 0; i < root->plan->mounts_n; i++) {
		const struct plan_mount *m = &root->plan->mounts[i];

		if (strcmp(m->dest, path) == 0)
			return false;
		along = along || (root->at[i].submounts && path_within(path, m->dest));
	}
	return along;
}

static int mount_id(int fd, unsigned int *id)
{
	struct statx st;

	/* musl has had the wrapper for no longer than since 1.2.5. */
	if (syscall(SYS_statx, fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &st) < 0)
		return -1;
	if (!(st.stx_mask & STATX_MNT_ID)) {
		errno = EOPNOTSUPP;
		return -1;
	}
	*id = (unsigned int)st.stx_mnt_id;
	return 0;
}

static int cover(const struct root *root, const struct entry *entry, struct error *err)
{
	CLEANUP_CLOSE int fd = path_openat2(root->fd, entry->path, O_PATH, 0,
					    RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
	unsigned int id;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || mount_id(fd, &id) < 0)
		return error_set(err, errno, "cannot open %s in the cage, to cover it", entry->path);
	if (id != entry->id)
		return error_set(err, 0, "%s changed while the server was being started", entry->path);
	CLEANUP_CLOSE int tree = mountapi_clone(S_ISDIR(st.st_mode) ? root->empty_dir : root->empty_file, "", 0);
	if (tree < 0)
		return error_set(err, errno, "cannot make what covers %s (open_tree)", entry->path);
	if (mountapi_attach(tree, fd, "") < 0)
		return error_set(err, errno, "cannot cover %s (move_mount)", entry->path);
	return 0;
}

int submounts_cover(const struct root *root, struct error *err)
{
	CLEANUP(entries_free) struct entries list = { 0 };
	unsigned int top;

	if (mount_id(root->fd, &top) < 0)
		return error_set(err, errno, "cannot examine the root of the cage (statx)");
	if (read_entries(&list, err) < 0)
		return -1;
	for (size_t i = 0; i < list.n; i++) {
		struct entry *entry = &list.v[i];

		if (!entry->kernel || !is_below(&list, entry, top) || !came_along(root, entry->path) ||
		    is_hidden(&list, entry))
			continue;
		if (cover(root, entry, err) < 0)
			return -1;
		entry->covered = true;
	}
	return 0;
}
