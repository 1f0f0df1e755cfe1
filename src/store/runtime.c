/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finding and checking the runtime folder. XDG Base Directory Specification, "XDG_RUNTIME_DIR"; file-hierarchy(7), "/run/user". */
#include "store/runtime.h"

#include "base/cleanup.h"
#include "base/env.h"
#include "base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* 0 when FOLDER belongs to UID, and nobody whom MASK names can do anything in it. */
static int check(const char *folder, uid_t uid, mode_t mask, struct error *err)
{
	struct stat st;

	if (stat(folder, &st) < 0)
		return error_set(err, errno, "there is no runtime folder: cannot look at %s", folder);
	if (!S_ISDIR(st.st_mode))
		return error_set(err, ENOTDIR, "there is no runtime folder: %s", folder);
	if (st.st_uid != uid || (st.st_mode & mask))
		return error_set(err, 0, "there is no runtime folder: %s belongs to, or is open to, somebody else", folder);
	return 0;
}

/* Without the variable. */
static char *usual(uid_t uid, struct error *err)
{
	char folder[64];

	snprintf(folder, sizeof folder, "/run/user/%u", (unsigned)uid);
	if (check(folder, uid, 077, err) == 0)
		return path_join(folder, "mcpcage");
	/* The system's own, which only root may write. */
	if (uid == 0 && check("/run", uid, 022, err) == 0)
		return strdup("/run/mcpcage");
	error_hint(err, "log in by way of the system (logind or elogind make it), or set XDG_RUNTIME_DIR to a folder of your own with mode 0700");
	return NULL;
}

char *runtime_find(char *const *environ_, uid_t uid, struct error *err)
{
	const char *value = env_value(environ_, "XDG_RUNTIME_DIR");

	/* The specification wants relative ones to be ignored. */
	if (!value || value[0] != '/')
		return usual(uid, err);
	if (check(value, uid, 077, err) < 0) {
		error_prefix(err, "$XDG_RUNTIME_DIR");
		return NULL;
	}
	CLEANUP_FREE char *folder = path_normalize(value);
	char *found = folder ? path_join(folder, "mcpcage") : NULL;
	if (!found)
		error_oom(err);
	return found;
}

int runtime_list(char *const *environ_, uid_t uid, struct strlist *folders, struct error *err)
{
	struct error second;
	CLEANUP_FREE char *found = runtime_find(environ_, uid, err);
	CLEANUP_FREE char *other = usual(uid, &second);

	if (found && strlist_add(folders, found) < 0)
		return error_oom(err);
	if (other && !strlist_has(folders, other) && strlist_add(folders, other) < 0)
		return error_oom(err);
	return folders->n > 0 ? 0 : -1;
}

int runtime_make(const char *folder, struct error *err)
{
	if (mkdir(folder, 0700) < 0 && errno != EEXIST)
		return error_set(err, errno, "cannot make the runtime folder %s", folder);
	CLEANUP_CLOSE int fd = runtime_open(folder, err);
	return fd < 0 ? -1 : 0;
}

int runtime_open(const char *folder, struct error *err)
{
	CLEANUP_CLOSE int fd = open(folder, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return error_set(err, errno, "cannot open the runtime folder %s", folder);
	if (st.st_uid != geteuid() || (st.st_mode & 077)) {
		error_set(err, EPERM, "the runtime folder %s belongs to, or is open to, somebody else", folder);
		error_hint(err, "chown it to yourself and chmod it to 0700, or remove it");
		return -1;
	}
	return TAKE_FD(&fd);
}
