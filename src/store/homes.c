/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Kept homes: making, sharing, and wiping them. See homes.h for the layout.
 *
 * A session holds the lock shared for as long as it lives; who wipes holds it alone, for no longer than it takes to rename "files"
 * away: from then on the home is empty, whatever happens, and the removal of what was renamed can be interrupted and resumed. It is
 * resumed by the next session, a piece at a time, so that a server that left a million files does not keep its next start waiting.
 *
 * Called by the command line, before there is a cage and after it.
 */
#include "store/homes.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "base/path.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE 2000 /* milliseconds */
#define RECORD_MAX 8192
/* Entries of old trees that a start removes. */
#define START_REMOVES 5000

static void close_dir(DIR **d)
{
	if (*d)
		closedir(*d);
}

/* ---- folders ------------------------------------------------------------------------------------- */

/* FD is the folder NAME: ours, and nobody else gets in. */
static int check_private(int fd, const char *name, struct error *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return error_set(err, errno, "cannot look at %s", name);
	if (st.st_uid != geteuid()) {
		error_set(err, 0, "%s belongs to somebody else", name);
		return error_hint(err, "private files of servers are kept in folders of your own only");
	}
	/* A server may change the mode of its home; the ones above are ours to keep closed. */
	if ((st.st_mode & 07777) != 0700 && fchmod(fd, 0700) < 0)
		return error_set(err, errno, "cannot close %s to others", name);
	return 0;
}

/* Open NAME in AT, which is FOLDER, and make it where it is missing. */
static int enter(int at, const char *name, const char *folder, bool make, struct error *err)
{
	if (make && mkdirat(at, name, 0700) < 0 && errno != EEXIST)
		return error_set(err, errno, "cannot make the folder %s", folder);
	CLEANUP_CLOSE int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	/* A server may have closed its own home; it is opened again below, once it is known to be a folder. */
	if (fd < 0 && errno == EACCES) {
		CLEANUP_CLOSE int closed = openat(at, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		char path[40];
		snprintf(path, sizeof path, "/proc/self/fd/%d", closed);
		if (closed >= 0 && chmod(path, 0700) == 0)
			fd = openat(closed, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	if (fd < 0)
		return error_set(err, errno, "cannot open the folder %s", folder);
	if (check_private(fd, folder, err) < 0)
		return -1;
	return TAKE_FD(&fd);
}

/* The folders above, where the user may have symlinks. */
static int make_above(const char *folder, struct error *err)
{
	CLEANUP_FREE char *copy = strdup(folder);

	if (!copy)
		return error_oom(err);
	for (char *p = strchr(copy + 1, '/'); p; p = strchr(p + 1, '/')) {
		*p = '\0';
		if (mkdir(copy, 0700) < 0 && errno != EEXIST)
			return error_set(err, errno, "cannot make the folder %s for private files of servers", copy);
		*p = '/';
	}
	return 0;
}

/* FOLDER itself. -1 with errno ENOENT in ERR->sys when it is not there and not to be made. */
static int open_folder(const char *folder, bool make, struct error *err)
{
	if (make && make_above(folder, err) < 0)
		return -1;
	return enter(AT_FDCWD, folder, folder, make, err);
}

/* ---- the lock ------------------------------------------------------------------------------------ */

static int open_lock(int at, const char *folder, struct error *err)
{
	CLEANUP_CLOSE int fd = openat(at, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);

	if (fd < 0)
		return error_set(err, errno, "cannot open %s/lock", folder);
	return TAKE_FD(&fd);
}

/* Nobody holds it alone for longer than a moment. */
static int lock_shared(int fd, const char *folder, struct error *err)
{
	if (fd_lock(fd, LOCK_SH, PATIENCE) == 0)
		return 0;
	if (errno == EWOULDBLOCK)
		return error_set(err, 0, "another mcpcage has %s/lock and does not give it up", folder);
	return error_set(err, errno, "cannot lock %s", folder);
}

/* ---- the record ---------------------------------------------------------------------------------- */

/* "mcpcage home 1\nkeep N\ncommand TEXT\n". We wrote it; it is believed no further than it is well-formed. */
static int parse_record(const char *text, struct home_info *info)
{
	static const char head[] = "mcpcage home 1\nkeep ", command[] = "command ";
	char *end;

	if (strncmp(text, head, sizeof head - 1) != 0)
		return -1;
	const char *number = text + sizeof head - 1;
	errno = 0;
	info->keep = strtoull(number, &end, 10);
	if (errno || end == number || number[0] < '0' || number[0] > '9' || *end != '\n')
		return -1;
	if (strncmp(end + 1, command, sizeof command - 1) != 0)
		return -1;
	const char *from = end + sizeof command;
	info->command = strndup(from, strcspn(from, "\n"));
	return info->command ? 0 : -1;
}

/* 1; 0: there is none, or it says nothing; -1. */
static int read_record(int at, const char *folder, struct home_info *info, struct buf *text, struct error *err)
{
	CLEANUP_CLOSE int fd = openat(at, "record", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return error_set(err, fd < 0 ? errno : 0, "cannot read %s/record", folder);
	info->used = st.st_mtime;
	text->max = RECORD_MAX;
	const char *content = fd_read_all(fd, text) == 0 ? buf_str(text) : NULL;
	if (!content)
		return error_set(err, errno, "cannot read %s/record", folder);
	return parse_record(content, info) == 0;
}

/* Its time is that of the last use; it is written only when what it says has changed, because that waits for the disk. */
static int write_record(int at, const char *folder, const struct buf *before, uint64_t keep, const char *command,
			struct error *err)
{
	CLEANUP_BUF struct buf text = BUF_INIT(RECORD_MAX);

	buf_printf(&text, "mcpcage home 1\nkeep %" PRIu64 "\ncommand ", keep);
	for (const char *c = command; *c; c++)
		buf_putc(&text, *c == '\n' || *c == '\r' ? ' ' : *c);
	buf_putc(&text, '\n');
	if (text.full)
		return error_set(err, 0, "the record of %s is too long", folder);
	if (before->n >= text.n && memcmp(before->p, text.p, text.n) == 0 && utimensat(at, "record", NULL, 0) == 0)
		return 0;
	return fd_write_file_atomic(at, "record", text.p, text.n, 0600, err);
}

bool home_expired(const struct home_info *info)
{
	int64_t unused = (int64_t)time(NULL) - info->used;

	return info->keep != UINT64_MAX && info->keep > 0 && unused > 0 && (uint64_t)unused > info->keep / 1000;
}

void home_info_free(struct home_info *info)
{
	free(info->command);
	*info = (struct home_info){ 0 };
}

/* ---- wiping -------------------------------------------------------------------------------------- */

/* Remove what was renamed away, LIMIT entries at most. 1: all of it; 0: more is left; -1. Any number may do so at a time. */
static int remove_gone(int at, const char *folder, uint64_t limit, struct error *err)
{
	int fd = openat(at, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	__attribute__((cleanup(close_dir))) DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *entry;
	int all = 1;

	if (!d) {
		error_set(err, errno, "cannot list %s", folder);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	while ((entry = readdir(d))) {
		if (strncmp(entry->d_name, "gone-", 5) != 0)
			continue;
		int rc = tree_remove(at, entry->d_name, limit);
		if (rc < 0)
			return error_set(err, errno, "cannot remove all of %s/%s", folder, entry->d_name);
		if (rc == 0)
			all = 0;
	}
	return all;
}

/* Of writers of the record that were killed: with the lock held alone there is no other. */
static void remove_leftovers(int at)
{
	int fd = openat(at, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	__attribute__((cleanup(close_dir))) DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *entry;

	if (!d && fd >= 0)
		close(fd);
	while (d && (entry = readdir(d))) {
		const char *end = strrchr(entry->d_name, '.');
		if (strncmp(entry->d_name, "record.", 7) == 0 && strcmp(end, ".new") == 0)
			(void)unlinkat(at, entry->d_name, 0);
	}
}

/* With the lock held alone: from here on the home is empty. 1; 0: there was none; -1. */
static int rename_away(int at, const char *folder, struct error *err)
{
	uint64_t number;
	char name[32];

	if (getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number)
		return error_set(err, errno, "cannot get random numbers");
	snprintf(name, sizeof name, "gone-%016" PRIx64, number);
	remove_leftovers(at);
	if (tree_rename(at, "files", at, name) == 0)
		return 1;
	return errno == ENOENT ? 0 : error_set(err, errno, "cannot wipe %s/files", folder);
}

/* The lock, which nobody else has; -1, when somebody has it as well. */
static int lock_alone(int at, const char *folder, struct error *err)
{
	CLEANUP_CLOSE int lock = open_lock(at, folder, err);

	if (lock < 0)
		return -1;
	if (flock(lock, LOCK_EX | LOCK_NB) == 0)
		return TAKE_FD(&lock);
	if (errno != EWOULDBLOCK)
		return error_set(err, errno, "cannot lock %s", folder);
	error_set(err, 0, "%s is in use by a session of its server", path_base(folder));
	return error_hint(err, "end the session first: close the client, or its connection to this server");
}

int home_reset(const char *folder, struct error *err)
{
	CLEANUP_CLOSE int at = open_folder(folder, false, err);

	if (at < 0)
		return err->sys == ENOENT ? 0 : -1;
	CLEANUP_CLOSE int lock = lock_alone(at, folder, err);
	if (lock < 0)
		return -1;
	int there = rename_away(at, folder, err);
	if (there < 0)
		return -1;
	if (unlinkat(at, "record", 0) == 0)
		there = 1;
	else if (errno != ENOENT)
		return error_set(err, errno, "cannot remove %s/record", folder);
	(void)flock(lock, LOCK_UN);
	return remove_gone(at, folder, UINT64_MAX, err) < 0 ? -1 : there;
}

int home_discard(const char *folder, uint64_t limit, struct error *err)
{
	static const char *const ours[] = { "record", "lock" };
	CLEANUP_CLOSE int at = open_folder(folder, false, err);

	if (at < 0)
		return err->sys == ENOENT ? 1 : -1;
	CLEANUP_CLOSE int lock = lock_alone(at, folder, err);
	if (lock < 0 || rename_away(at, folder, err) < 0)
		return -1;
	int all = remove_gone(at, folder, limit, err);
	if (all <= 0)
		return all;
	for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
		if (unlinkat(at, ours[i], 0) < 0 && errno != ENOENT)
			return error_set(err, errno, "cannot remove %s/%s", folder, ours[i]);
	/* Two may do so at a time. */
	return rmdir(folder) < 0 && errno != ENOENT ? error_set(err, errno, "cannot remove %s", folder) : 1;
}

/* Wipe the home when its time is over and nobody else uses it. The lock is held by nobody, or in any way, afterwards. */
static int expire(int at, const char *folder, const struct home_info *info, uint64_t keep, struct home *home, struct error *err)
{
	const struct home_info now = { .used = info->used, .keep = keep };

	if (!home_expired(&now) || flock(home->lock, LOCK_EX | LOCK_NB) < 0)
		return 0;
	int rc = rename_away(at, folder, err);
	home->wiped = rc > 0;
	return rc < 0 ? -1 : 0;
}

/* ---- use ----------------------------------------------------------------------------------------- */

int home_open(const char *folder, uint64_t keep, const char *command, struct home *home, struct error *err)
{
	CLEANUP(home_info_free) struct home_info info = { 0 };
	CLEANUP_BUF struct buf record = BUF_INIT(RECORD_MAX);
	struct stat st;

	*home = (struct home)HOME_NONE;
	CLEANUP_CLOSE int at = open_folder(folder, true, err);
	if (at < 0 || (home->lock = open_lock(at, folder, err)) < 0)
		return -1;
	/* A record that cannot be read holds nothing back: its time is what counts. */
	if (read_record(at, folder, &info, &record, err) < 0)
		return -1;
	if (record.n > 0 && expire(at, folder, &info, keep, home, err) < 0)
		return -1;
	if (lock_shared(home->lock, folder, err) < 0)
		return -1;

	CLEANUP_FREE char *path = path_join(folder, "files");
	home->folder = strdup(folder);
	if (!path || !home->folder)
		return error_oom(err);
	CLEANUP_CLOSE int files = enter(at, "files", path, true, err);
	if (files < 0 || write_record(at, folder, &record, keep, command, err) < 0)
		return -1;
	if (fstat(files, &st) < 0)
		return error_set(err, errno, "cannot look at %s", path);
	home->dev = st.st_dev;
	home->ino = st.st_ino;
	home->files = realpath(path, NULL);
	if (!home->files)
		return error_set(err, errno, "cannot tell where %s is", path);
	return remove_gone(at, folder, START_REMOVES, err) < 0 ? -1 : 0;
}

void home_close(struct home *home)
{
	CLEANUP_FREE char *record = home->folder ? path_join(home->folder, "record") : NULL;

	if (record && home->lock >= 0)
		(void)utimensat(AT_FDCWD, record, NULL, AT_SYMLINK_NOFOLLOW);
	if (home->lock >= 0)
		close(home->lock);
	free(home->folder);
	free(home->files);
	*home = (struct home)HOME_NONE;
}

/* ---- looking ------------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int homes_list(const char *homes, struct strlist *names, struct error *err)
{
	const struct dirent *entry;
	__attribute__((cleanup(close_dir))) DIR *d = opendir(homes);

	if (!d)
		return errno == ENOENT ? 0 : error_set(err, errno, "cannot list %s", homes);
	while ((entry = readdir(d)))
		if (entry->d_name[0] != '.' && entry->d_type != DT_REG && strlist_add(names, entry->d_name) < 0)
			return error_oom(err);
	if (names->n > 1)
		qsort(names->v, names->n, sizeof *names->v, by_name);
	return 0;
}

int home_info(const char *folder, struct home_info *info, struct error *err)
{
	CLEANUP_BUF struct buf record = BUF_INIT(RECORD_MAX);
	CLEANUP_CLOSE int at = open_folder(folder, false, err);
	struct stat st;

	*info = (struct home_info){ .keep = UINT64_MAX };
	if (at < 0)
		return err->sys == ENOENT ? 0 : -1;
	if (fstatat(at, "files", &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : error_set(err, errno, "cannot look at %s/files", folder);
	info->used = st.st_mtime;
	if (read_record(at, folder, info, &record, err) < 0)
		return -1;
	if (!info->command && !(info->command = strdup("")))
		return error_oom(err);
	CLEANUP_CLOSE int lock = open_lock(at, folder, err);
	if (lock < 0)
		return -1;
	info->in_use = flock(lock, LOCK_EX | LOCK_NB) < 0;
	return 1;
}

void home_measure(const char *folder, uint64_t limit, struct tree_usage *usage)
{
	CLEANUP_FREE char *path = path_join(folder, "files");
	CLEANUP_CLOSE int fd = path ? open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;

	*usage = (struct tree_usage){ 0 };
	if (fd >= 0)
		tree_measure(fd, limit, usage);
	else
		usage->more = true;
}
