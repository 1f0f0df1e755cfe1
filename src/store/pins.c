/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The pins' files: opening them safely, replacing them at once, keeping what was before. See pins.h for the layout and pins-format.c for
 * what is in them.
 *
 * "current" is replaced by rename(2) after its predecessor has got a second name, N.pins. Killed in between, the folder has a
 * file too many, with the same content as "current", and nothing is lost; link(2) finds it there the next time. Several sessions may
 * start at once: who writes holds the lock and has read "current" again under it.
 */
#include "store/pins.h"

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/path.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Generations that are kept beside the current one. */
#define KEEP 100
/* Each holds the lock for the time of one write; many may be at it on a disk that is slow. Milliseconds. */
#define PATIENCE 10000

static int ours(int fd, const char *folder, const char *file, bool directory, struct error *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return error_set(err, errno, "cannot look at %s/%s", folder, file);
	if (directory ? !S_ISDIR(st.st_mode) : !S_ISREG(st.st_mode))
		return error_set(err, 0, "%s/%s is not a %s", folder, file, directory ? "folder" : "regular file");
	if (st.st_uid != geteuid() || (st.st_mode & 022)) {
		error_set(err, 0, "%s/%s belongs to, or can be written by, somebody else", folder, file);
		return error_hint(err, "chown it to yourself and chmod go-w it, if nobody else can have changed it");
	}
	return 0;
}

/* A descriptor, -1, or with errno ENOENT and *MISSING set -1 without an error. */
static int open_folder(const char *folder, bool *missing, struct error *err)
{
	CLEANUP_CLOSE int fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	*missing = false;
	if (fd < 0 && errno == ENOENT) {
		*missing = true;
		return -1;
	}
	if (fd < 0)
		return error_set(err, errno, "cannot open the pins' folder %s", folder);
	if (ours(fd, folder, "", true, err) < 0)
		return -1;
	return TAKE_FD(&fd);
}

static int make_folder(const char *folder, struct error *err)
{
	CLEANUP_FREE char *copy = strdup(folder);

	if (!copy)
		return error_oom(err);
	for (char *p = copy + 1;; p++) {
		char c = *p;
		if (c != '/' && c != '\0')
			continue;
		*p = '\0';
		if (mkdir(copy, 0700) < 0 && errno != EEXIST)
			return error_set(err, errno, "cannot make the folder %s for the pins", copy);
		*p = c;
		if (c == '\0')
			return 0;
	}
}

/* 1, 0: not there, -1. */
static int read_file(int dirfd, const char *folder, const char *file, struct buf *text, struct error *err)
{
	CLEANUP_CLOSE int fd = openat(dirfd, file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return error_set(err, errno, "cannot open %s/%s", folder, file);
	if (ours(fd, folder, file, false, err) < 0)
		return -1;
	text->max = PINS_FILE_MAX;
	if (fd_read_all(fd, text) < 0)
		return error_set(err, errno, "cannot read %s/%s", folder, file);
	return 1;
}

/* "12.pins" */
static bool generation_of(const char *name, uint64_t *number)
{
	char *end;

	if (name[0] < '1' || name[0] > '9')
		return false;
	errno = 0;
	*number = strtoull(name, &end, 10);
	return errno == 0 && *number <= UINT32_MAX && strcmp(end, ".pins") == 0;
}

static int by_number(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void close_dir(DIR **d)
{
	if (*d)
		closedir(*d);
}

struct numbers {
	uint64_t *v;
	size_t n, cap;
};

static int add_number(struct numbers *list, uint64_t number)
{
	if (list->n == list->cap) {
		size_t cap = list->cap ? list->cap * 2 : 32;
		uint64_t *grown = reallocarray(list->v, cap, sizeof *grown);
		if (!grown)
			return -1;
		list->v = grown;
		list->cap = cap;
	}
	list->v[list->n++] = number;
	return 0;
}

static int list_generations(int dirfd, const char *folder, struct numbers *list, struct error *err)
{
	struct dirent *entry;
	uint64_t number;
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	__attribute__((cleanup(close_dir))) DIR *d = fd >= 0 ? fdopendir(fd) : NULL;

	if (!d) {
		error_set(err, errno, "cannot list %s", folder);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	while ((entry = readdir(d)))
		if (generation_of(entry->d_name, &number) && add_number(list, number) < 0)
			return error_oom(err);
	if (list->n > 1)
		qsort(list->v, list->n, sizeof *list->v, by_number);
	return 0;
}

static void numbers_free(struct numbers *list)
{
	free(list->v);
}

/* There is no "current". With a history, something has been taken away, and that is no first use. */
static int no_current(int dirfd, const char *folder, struct error *err)
{
	CLEANUP(numbers_free) struct numbers list = { 0 };

	if (list_generations(dirfd, folder, &list, err) < 0)
		return -1;
	if (list.n == 0)
		return 0;
	error_set(err, 0, "%s/current is missing, though there were pins before", folder);
	return error_hint(err, "mcpcage pins rollback %s %llu restores them; mcpcage pins remove %s starts anew", path_base(folder),
			  (unsigned long long)list.v[list.n - 1], path_base(folder));
}

int pins_damaged(const char *folder, const char *file, struct error *err)
{
	error_prefix(err, "%s/%s is damaged", folder, file);
	if (strcmp(file, "held") == 0)
		return error_hint(err, "remove it; what it told of is held again when the server offers it");
	return error_hint(err, "mcpcage pins history %s lists what else is kept (mcpcage pins rollback); mcpcage pins remove "
			  "%s starts anew", path_base(folder), path_base(folder));
}

int pins_load_text(const char *folder, struct buf *text, struct error *err)
{
	bool missing;
	CLEANUP_CLOSE int dirfd = open_folder(folder, &missing, err);

	if (dirfd < 0)
		return missing ? 0 : -1;
	int there = read_file(dirfd, folder, "current", text, err);
	return there == 0 ? no_current(dirfd, folder, err) : there;
}

int pins_read(const char *folder, const char *file, struct pins *p, struct error *err)
{
	bool missing;
	CLEANUP_CLOSE int dirfd = open_folder(folder, &missing, err);
	CLEANUP_BUF struct buf text = BUF_INIT(0);

	if (dirfd < 0)
		return missing ? 0 : -1;
	int there = read_file(dirfd, folder, file, &text, err);
	if (there < 0)
		return -1;
	if (there == 0)
		return strcmp(file, "current") == 0 ? no_current(dirfd, folder, err) : 0;
	if (pins_parse(&text, p, err) < 0) {
		pins_free(p);
		return pins_damaged(folder, file, err);
	}
	return 1;
}

int pins_read_generation(const char *folder, uint64_t generation, struct pins *p, struct error *err)
{
	char name[40];

	snprintf(name, sizeof name, "%llu.pins", (unsigned long long)generation);
	return pins_read(folder, name, p, err);
}

/* ---- writing ---------------------------------------------------------------------------------- */

/* What a writer that was killed has left behind. With the lock held there is no other. */
static void remove_leftovers(int dirfd)
{
	struct dirent *entry;
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	__attribute__((cleanup(close_dir))) DIR *d = fd >= 0 ? fdopendir(fd) : NULL;

	if (!d) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((entry = readdir(d))) {
		const char *name = entry->d_name, *end = strrchr(name, '.');
		bool mine = strncmp(name, "current.", 8) == 0 || strncmp(name, "held.", 5) == 0;
		if (mine && end && strcmp(end, ".new") == 0)
			(void)unlinkat(dirfd, name, 0);
	}
}

int pins_lock(const char *folder, struct error *err)
{
	bool missing;

	if (make_folder(folder, err) < 0)
		return -1;
	CLEANUP_CLOSE int dirfd = open_folder(folder, &missing, err);
	if (dirfd < 0)
		return missing ? error_set(err, ENOENT, "cannot open %s", folder) : -1;
	CLEANUP_CLOSE int fd = openat(dirfd, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_set(err, errno, "cannot open %s/lock", folder);
	if (ours(fd, folder, "lock", false, err) < 0)
		return -1;
	if (fd_lock(fd, LOCK_EX, PATIENCE) < 0) {
		if (errno == EWOULDBLOCK)
			return error_set(err, 0, "another mcpcage has %s/lock and does not give it up", folder);
		return error_set(err, errno, "cannot lock %s", folder);
	}
	remove_leftovers(dirfd);
	return TAKE_FD(&fd);
}

static int replace(const char *folder, const char *file, const struct pins *p, struct error *err)
{
	CLEANUP_BUF struct buf text = BUF_INIT(PINS_FILE_MAX);
	CLEANUP_FREE char *path = path_join(folder, file);

	if (!path)
		return error_oom(err);
	if (pins_write(p, &text) < 0) {
		error_set(err, 0, "the pins do not fit into %s", path);
		return -1;
	}
	return fd_write_file_atomic(AT_FDCWD, path, text.p, text.n, 0600, err);
}

int pins_extend(const char *folder, const struct pins *p, struct error *err)
{
	return replace(folder, "current", p, err);
}

/* "current", generation GENERATION, gets a second name. */
static int keep(int dirfd, const char *folder, uint64_t generation, struct error *err)
{
	char name[40];

	snprintf(name, sizeof name, "%llu.pins", (unsigned long long)generation);
	if (linkat(dirfd, "current", dirfd, name, 0) == 0)
		return 0;
	/* From a commit that came no further: of the same generation, perhaps with less in it. */
	if (errno == EEXIST && unlinkat(dirfd, name, 0) == 0 && linkat(dirfd, "current", dirfd, name, 0) == 0)
		return 0;
	return error_set(err, errno, "cannot keep %s/current as %s", folder, name);
}

static void prune(int dirfd, const char *folder)
{
	CLEANUP(numbers_free) struct numbers list = { 0 };
	struct error ignored;

	if (list_generations(dirfd, folder, &list, &ignored) < 0)
		return;
	for (size_t i = 0; i + KEEP < list.n; i++) {
		char name[40];
		snprintf(name, sizeof name, "%llu.pins", (unsigned long long)list.v[i]);
		(void)unlinkat(dirfd, name, 0);
	}
}

int pins_commit(const char *folder, struct pins *p, struct error *err)
{
	CLEANUP(pins_free) struct pins before = { 0 };
	CLEANUP(numbers_free) struct numbers list = { 0 };
	struct error damage;
	bool missing;
	CLEANUP_CLOSE int dirfd = open_folder(folder, &missing, err);

	if (dirfd < 0)
		return missing ? error_set(err, ENOENT, "cannot open %s", folder) : -1;
	if (list_generations(dirfd, folder, &list, err) < 0)
		return -1;
	p->generation = list.n ? list.v[list.n - 1] : 0;
	/* What commits before this one were killed too early for: else each of those would leave one more. */
	if (list.n > KEEP)
		prune(dirfd, folder);
	/* A damaged or missing "current" is what a rollback mends. */
	int there = pins_read(folder, "current", &before, &damage);
	if (there > 0) {
		if (before.generation > p->generation)
			p->generation = before.generation;
		if (before.generation > 0 && keep(dirfd, folder, before.generation, err) < 0)
			return -1;
	}
	p->generation++;
	p->time = (int64_t)time(NULL);
	if (replace(folder, "current", p, err) < 0)
		return -1;
	prune(dirfd, folder);
	return 0;
}

int pins_write_held(const char *folder, const struct pins *p, struct error *err)
{
	if (p->n > 0)
		return replace(folder, "held", p, err);
	CLEANUP_FREE char *path = path_join(folder, "held");
	if (!path)
		return error_oom(err);
	if (unlink(path) < 0 && errno != ENOENT)
		return error_set(err, errno, "cannot remove %s", path);
	return 0;
}

/* ---- folders ---------------------------------------------------------------------------------- */

int pins_history(const char *folder, uint64_t **numbers, size_t *n, struct error *err)
{
	bool missing;
	CLEANUP_CLOSE int dirfd = open_folder(folder, &missing, err);

	CLEANUP(numbers_free) struct numbers list = { 0 };

	*numbers = NULL;
	*n = 0;
	if (dirfd < 0)
		return missing ? 0 : -1;
	if (list_generations(dirfd, folder, &list, err) < 0)
		return -1;
	*n = list.n;
	*numbers = TAKE_PTR(list.v);
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int pins_servers(const char *pins, struct strlist *names, struct error *err)
{
	struct dirent *entry;
	__attribute__((cleanup(close_dir))) DIR *d = opendir(pins);

	if (!d)
		return errno == ENOENT ? 0 : error_set(err, errno, "cannot list %s", pins);
	while ((entry = readdir(d)))
		if (entry->d_name[0] != '.' && entry->d_type != DT_REG && strlist_add(names, entry->d_name) < 0)
			return error_oom(err);
	if (names->n > 1)
		qsort(names->v, names->n, sizeof *names->v, by_name);
	return 0;
}

int pins_forget(const char *folder, struct error *err)
{
	static const char *const files[] = { "current", "held" };
	CLEANUP(numbers_free) struct numbers list = { 0 };
	bool missing;
	CLEANUP_CLOSE int dirfd = open_folder(folder, &missing, err);

	if (dirfd < 0)
		return missing ? error_set(err, ENOENT, "there are no pins in %s", folder) : -1;
	if (list_generations(dirfd, folder, &list, err) < 0)
		return -1;
	/* The history first: without it, a missing "current" is a first use. */
	for (size_t i = 0; i < list.n; i++) {
		char name[40];
		snprintf(name, sizeof name, "%llu.pins", (unsigned long long)list.v[i]);
		if (unlinkat(dirfd, name, 0) < 0)
			return error_set(err, errno, "cannot remove %s/%s", folder, name);
	}
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (unlinkat(dirfd, files[i], 0) < 0 && errno != ENOENT)
			return error_set(err, errno, "cannot remove %s/%s", folder, files[i]);
	return 0;
}
