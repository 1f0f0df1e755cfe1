/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Walking, hashing and comparing a tree. Everything is opened by descriptor from the folder it lies in, and no symlink is followed; names
 * are sorted, so that the same tree gives the same hash anywhere. Called by packages.c, after the process that made the tree is dead.
 */
#include "store/tree.h"

#include "base/cleanup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium/crypto_generichash_blake2b.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum leaf { LEAF_FILE = 1, LEAF_PROGRAM, LEAF_LINK, LEAF_FOLDER };

struct walk {
	struct tree_table *table; /* is filled */
	const struct tree_table *old; /* is compared with, or NULL */
	const char *interpreter;
	bool seal, fully, differs;
	bool no_verity; /* the file system has none */
	char path[PATH_MAX]; /* of the current entry, below the tree */
	struct shared { /* inodes with several names */
		uint64_t ino;
		nlink_t links;
	} *shared;
	size_t shared_n;
	struct error *err;
};

/* What the error is about, cut where it must be. */
static const char *shown(const struct walk *w)
{
	return w->path[0] ? w->path : "the tree itself";
}

static int fail(const struct walk *w, const char *what)
{
	return error_set(w->err, errno, "%s: %s", shown(w), what);
}

static int refuse(const struct walk *w, const char *what)
{
	return error_set(w->err, 0, "%s: %s", shown(w), what);
}

/* ---- leaves ---- */

static int hash_file(struct walk *w, int folder, const char *name, uint64_t size, uint8_t out[PACKAGE_HASH])
{
	CLEANUP_CLOSE int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY);
	crypto_generichash_blake2b_state state;
	unsigned char bytes[65536];
	uint64_t total = 0;
	ssize_t n;

	if (fd < 0)
		return fail(w, "cannot be opened");
	crypto_generichash_blake2b_init(&state, NULL, 0, PACKAGE_HASH);
	while ((n = read(fd, bytes, sizeof bytes)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail(w, "cannot be read");
		total += (uint64_t)n;
		crypto_generichash_blake2b_update(&state, bytes, (size_t)n);
	}
	if (total != size)
		return refuse(w, "its size changed while it was read");
	crypto_generichash_blake2b_final(&state, out, PACKAGE_HASH);
	return 0;
}

/* Whether the text of a symlink in the current entry's folder stays in the tree, by its words. */
static bool stays_inside(const struct walk *w, const char *text)
{
	long depth = 0;

	if (text[0] == '/')
		return false;
	for (const char *p = w->path; *p; p++)
		depth += *p == '/';
	while (*text) {
		size_t n = strcspn(text, "/");
		if (n == 2 && memcmp(text, "..", 2) == 0)
			depth--;
		else if (n > 0 && !(n == 1 && *text == '.'))
			depth++;
		if (depth < 0)
			return false;
		text += n + (text[n] == '/');
	}
	return true;
}

static bool is_interpreter(const struct walk *w, const char *text)
{
	char real[PATH_MAX];

	return w->interpreter && text[0] == '/' && strncmp(w->path, "bin/", 4) == 0 && !strchr(w->path + 4, '/') &&
	       realpath(text, real) && strcmp(real, w->interpreter) == 0;
}

static int hash_link(struct walk *w, int folder, const char *name, uint8_t out[PACKAGE_HASH])
{
	char text[PATH_MAX];
	ssize_t n = readlinkat(folder, name, text, sizeof text - 1);

	if (n < 0)
		return fail(w, "cannot be read");
	text[n] = '\0';
	/* When a tree is only compared, it was judged already. */
	if (!w->old && !stays_inside(w, text) && !is_interpreter(w, text))
		return refuse(w, "this symlink leads out of the package");
	crypto_generichash_blake2b(out, PACKAGE_HASH, (const unsigned char *)text, (size_t)n, NULL, 0);
	return 0;
}

/* ---- the table ---- */

static int64_t nanoseconds(const struct timespec *t)
{
	return (int64_t)t->tv_sec * 1000000000 + t->tv_nsec;
}

static void set_stat(struct tree_entry *entry, const struct stat *st)
{
	entry->ino = st->st_ino;
	entry->size = S_ISREG(st->st_mode) ? (uint64_t)st->st_size : 0;
	entry->mtime = nanoseconds(&st->st_mtim);
	entry->ctime = nanoseconds(&st->st_ctim);
	entry->mode = st->st_mode;
}

/* Append an entry for the current path. Its index, or -1. */
static ssize_t add(struct walk *w, const struct stat *st)
{
	struct tree_table *t = w->table;
	size_t n = strlen(w->path) + 1;

	if (t->n == TREE_ENTRIES_MAX)
		return refuse(w, "there are too many files in the package");
	if (t->n == t->room) {
		size_t room = t->room ? t->room * 2 : 1024;
		struct tree_entry *grown = reallocarray(t->entries, room, sizeof *grown);
		if (!grown) {
			error_oom(w->err);
			return -1; /* in so many words, for an analyzer that cannot see what error_oom() returns */
		}
		t->entries = grown;
		t->room = room;
	}
	if (t->names_room - t->names_n < n) {
		size_t room = (t->names_room + n) * 2;
		char *grown = room < UINT32_MAX ? realloc(t->names, room) : NULL;
		if (!grown) {
			error_oom(w->err);
			return -1; /* in so many words, for an analyzer that cannot see what error_oom() returns */
		}
		t->names = grown;
		t->names_room = room;
	}
	t->entries[t->n] = (struct tree_entry){ .name = (uint32_t)t->names_n };
	set_stat(&t->entries[t->n], st);
	memcpy(t->names + t->names_n, w->path, n);
	t->names_n += n;
	return (ssize_t)t->n++;
}

/* The entry of the old table that has to be the current one. NULL with ERR. */
static const struct tree_entry *counterpart(struct walk *w, size_t i)
{
	const char *names = w->old->names;
	const char *name = names && i < w->old->n ? names + w->old->entries[i].name : NULL;
	int order = name ? strcmp(w->path, name) : -1;

	if (order == 0)
		return &w->old->entries[i];
	/* In the order of the walk, which has no simple order of names: is the expected one still there? */
	for (size_t k = i; name && k < w->old->n; k++)
		if (strcmp(names + w->old->entries[k].name, w->path) == 0) {
			error_set(w->err, 0, "%s was removed", name);
			return NULL;
		}
	error_set(w->err, 0, "%s was added", shown(w));
	return NULL;
}

static bool same_stat(const struct tree_entry *a, const struct tree_entry *b)
{
	return a->ino == b->ino && a->size == b->size && a->mode == b->mode && a->mtime == b->mtime && a->ctime == b->ctime;
}

/* ---- the walk ---- */

static int visit_folder(struct walk *w, int fd, const struct stat *known, unsigned depth, uint8_t out[PACKAGE_HASH]);

static int count_shared(struct walk *w, const struct stat *st)
{
	if (st->st_nlink < 2 || w->old)
		return 0;
	if (w->shared_n % 256 == 0) {
		struct shared *grown = reallocarray(w->shared, w->shared_n + 256, sizeof *grown);
		if (!grown)
			return error_oom(w->err);
		w->shared = grown;
	}
	w->shared[w->shared_n++] = (struct shared){ st->st_ino, st->st_nlink };
	return 0;
}

static int judge_type(struct walk *w, const struct stat *st)
{
	if (!S_ISREG(st->st_mode) && !S_ISDIR(st->st_mode) && !S_ISLNK(st->st_mode))
		return refuse(w, "neither a file nor a folder nor a symlink");
	if (!S_ISLNK(st->st_mode) && (st->st_mode & (S_ISUID | S_ISGID)))
		return refuse(w, "it is set-user-id or set-group-id");
	return 0;
}

/* Nothing of an empty file can be changed without its size. */
static int hold_content(struct walk *w, int folder, const char *name, const struct stat *st)
{
	if (w->no_verity || !S_ISREG(st->st_mode) || st->st_size == 0)
		return 0;
	/* It wants a file that could be written, opened so that it is not. */
	if ((st->st_mode & 0600) != 0600 && fchmodat(folder, name, (st->st_mode & 0777) | 0600, 0) < 0)
		return fail(w, "cannot be made readable");
	CLEANUP_CLOSE int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY);
	int held = fd < 0 ? -1 : tree_verity_enable(fd);
	if (held < 0)
		return fail(w, "the kernel cannot hold its content (fs-verity)");
	w->no_verity = held == 0;
	return 0;
}

/* Make what was installed read-only. */
static int seal(struct walk *w, int folder, const char *name, struct stat *st)
{
	mode_t mode = S_ISDIR(st->st_mode) || (st->st_mode & S_IXUSR) ? 0555 : 0444;

	if (S_ISLNK(st->st_mode))
		return 0;
	if (hold_content(w, folder, name, st) < 0)
		return -1;
	/* Looked at anew in any case: what was done to it until here has changed its times. */
	if (fchmodat(folder, name, mode, 0) < 0 || fstatat(folder, name, st, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(w, "cannot be made read-only");
	return 0;
}

static int visit_leaf(struct walk *w, int folder, const char *name, const struct stat *st, size_t at)
{
	const struct tree_entry *old = w->old ? counterpart(w, at) : NULL;
	struct tree_entry *entry = &w->table->entries[at];

	if (w->old && !old)
		return -1;
	if (old && (old->mode & S_IFMT) != (entry->mode & S_IFMT))
		return refuse(w, "it became something else");
	w->table->files += S_ISREG(st->st_mode);
	w->table->bytes += entry->size;
	if (w->table->bytes > TREE_BYTES_MAX)
		return refuse(w, "the package is too large");
	if (old && !w->fully && same_stat(old, entry)) {
		memcpy(entry->hash, old->hash, sizeof entry->hash);
		return 0;
	}
	if ((S_ISLNK(st->st_mode) ? hash_link(w, folder, name, entry->hash) : hash_file(w, folder, name, entry->size, entry->hash)) < 0)
		return -1;
	if (!old)
		return 0;
	if (memcmp(entry->hash, old->hash, sizeof entry->hash) != 0)
		return refuse(w, "its content was changed");
	if ((entry->mode & S_IXUSR) != (old->mode & S_IXUSR))
		return refuse(w, "its executable bit was changed");
	w->differs = w->differs || !same_stat(old, entry);
	return 0;
}

static int visit_entry(struct walk *w, int folder, const char *name, unsigned depth, crypto_generichash_blake2b_state *state)
{
	struct stat st;
	uint8_t kind, hash[PACKAGE_HASH];

	if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(w, "cannot be looked at");
	if (judge_type(w, &st) < 0)
		return -1;
	if (S_ISDIR(st.st_mode)) {
		/* A folder that was made unreadable is still one that can be looked into. */
		if (w->seal && (st.st_mode & 0700) != 0700 && fchmodat(folder, name, 0700, 0) < 0)
			return fail(w, "cannot be made readable");
		CLEANUP_CLOSE int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			return fail(w, "cannot be opened");
		if (visit_folder(w, fd, w->old ? &st : NULL, depth + 1, hash) < 0)
			return -1;
		kind = LEAF_FOLDER;
	} else {
		if (count_shared(w, &st) < 0 || (w->seal && seal(w, folder, name, &st) < 0))
			return -1;
		ssize_t at = add(w, &st);
		if (at < 0 || visit_leaf(w, folder, name, &st, (size_t)at) < 0)
			return -1;
		memcpy(hash, w->table->entries[at].hash, sizeof hash);
		kind = S_ISLNK(st.st_mode) ? LEAF_LINK : st.st_mode & S_IXUSR ? LEAF_PROGRAM : LEAF_FILE;
	}
	/* Its kind, its name with the NUL, its hash: no two different folders give the same bytes. */
	crypto_generichash_blake2b_update(state, &kind, 1);
	crypto_generichash_blake2b_update(state, (const unsigned char *)name, strlen(name) + 1);
	crypto_generichash_blake2b_update(state, hash, sizeof hash);
	return 0;
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int add_name(struct walk *w, struct strlist *names, const char *name)
{
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return 0;
	if (names->n == TREE_ENTRIES_MAX)
		return refuse(w, "there are too many files in the package");
	return strlist_add(names, name) < 0 ? error_oom(w->err) : 0;
}

/* getdents64(2) and not readdir(3), which makes five calls more for each folder: this is done before each start. */
static int list(struct walk *w, int fd, struct strlist *names)
{
	union {
		struct dirent64 entry; /* aligned for it */
		char bytes[16384];
	} found;
	ssize_t n;

	while ((n = syscall(SYS_getdents64, fd, &found, sizeof found)) > 0)
		for (ssize_t at = 0; at < n;) {
			const struct dirent64 *entry = (const void *)(found.bytes + at);
			if (add_name(w, names, entry->d_name) < 0)
				return -1;
			at += entry->d_reclen;
		}
	if (n < 0)
		return fail(w, "cannot be listed");
	if (names->n > 1)
		qsort(names->v, names->n, sizeof *names->v, by_bytes);
	return 0;
}

/* Append "/NAME" to the path, whose length is LENGTH. */
static int enter(struct walk *w, size_t length, const char *name)
{
	size_t n = strlen(name) + 1, slash = length > 0;

	if (n > sizeof w->path - length - slash)
		return refuse(w, "the paths of the package are too long");
	if (slash)
		w->path[length] = '/';
	memcpy(w->path + length + slash, name, n);
	return 0;
}

/* KNOWN: what lstat(2) said of it a moment ago, which is enough where a tree is only compared. */
static int visit_folder(struct walk *w, int fd, const struct stat *known, unsigned depth, uint8_t out[PACKAGE_HASH])
{
	CLEANUP_STRLIST struct strlist names = { 0 };
	crypto_generichash_blake2b_state state;
	size_t length = strlen(w->path);
	struct stat st;

	if (depth > TREE_DEPTH_MAX)
		return refuse(w, "the folders of the package are nested too deeply");
	if (!known && fstat(fd, &st) < 0)
		return fail(w, "cannot be looked at");
	ssize_t at = add(w, known ? known : &st);
	if (at < 0)
		return -1;
	const struct tree_entry *old = w->old ? counterpart(w, (size_t)at) : NULL;
	if (w->old && !old)
		return -1;
	if (old && !S_ISDIR(old->mode))
		return refuse(w, "it became a folder");
	if (list(w, fd, &names) < 0)
		return -1;
	crypto_generichash_blake2b_init(&state, NULL, 0, PACKAGE_HASH);
	for (size_t i = 0; i < names.n; i++) {
		if (enter(w, length, names.v[i]) < 0 || visit_entry(w, fd, names.v[i], depth, &state) < 0)
			return -1;
		w->path[length] = '\0';
	}
	crypto_generichash_blake2b_final(&state, out, PACKAGE_HASH);
	memcpy(w->table->entries[at].hash, out, PACKAGE_HASH);
	if (w->seal) {
		if (fchmod(fd, 0555) < 0 || fstat(fd, &st) < 0)
			return fail(w, "cannot be made read-only");
		set_stat(&w->table->entries[at], &st);
	}
	/* What lies in it is compared by itself; its own times only say whether that is needed (unchanged()). */
	if (old && !same_stat(&w->table->entries[at], old))
		w->differs = true;
	return 0;
}

static int by_ino(const void *a, const void *b)
{
	const struct shared *x = a, *y = b;

	return x->ino < y->ino ? -1 : x->ino > y->ino;
}

/* A file that has a name outside the tree as well can be changed by that name. */
static int judge_shared(struct walk *w)
{
	if (w->shared_n == 0)
		return 0;
	qsort(w->shared, w->shared_n, sizeof *w->shared, by_ino);
	for (size_t i = 0, same; i < w->shared_n; i += same) {
		for (same = 1; i + same < w->shared_n && w->shared[i + same].ino == w->shared[i].ino; same++)
			;
		if (same != w->shared[i].links)
			return error_set(w->err, 0, "a file of the package has another name outside it (a hard link)");
	}
	return 0;
}

int tree_hash(int fd, const char *interpreter, bool seal_it, struct tree_table *table, struct error *err)
{
	struct walk w = { .table = table, .interpreter = interpreter, .seal = seal_it, .err = err };
	uint8_t hash[PACKAGE_HASH];

	*table = (struct tree_table){ 0 };
	int status = visit_folder(&w, fd, NULL, 0, hash) < 0 ? -1 : judge_shared(&w);
	free(w.shared);
	if (status < 0)
		tree_table_free(table);
	return status;
}

/*
 * Whether lstat(2) says of every entry what it said before. Folders are entries, too, and one that something was added to or removed
 * from has another ctime, so nothing has to be listed, sorted or hashed: this is what a start waits for.
 */
static bool unchanged(int fd, const struct tree_table *table)
{
	for (size_t i = 0; i < table->n; i++) {
		struct tree_entry now = { 0 };
		struct stat st;

		if (fstatat(fd, table->names + table->entries[i].name, &st, AT_SYMLINK_NOFOLLOW | (i == 0 ? AT_EMPTY_PATH : 0)) < 0)
			return false;
		set_stat(&now, &st);
		if (!same_stat(&now, &table->entries[i]))
			return false;
	}
	return true;
}

int tree_verify(int fd, struct tree_table *table, bool fully, struct error *err)
{
	if (!fully && unchanged(fd, table))
		return 0;

	struct tree_table now = { 0 };
	struct walk w = { .table = &now, .old = table, .fully = fully, .err = err };
	uint8_t hash[PACKAGE_HASH];

	int status = visit_folder(&w, fd, NULL, 0, hash);
	if (status == 0 && now.n < table->n)
		status = error_set(err, 0, "%s was removed", table->names + table->entries[now.n].name);
	if (status == 0 && memcmp(hash, table->entries[0].hash, sizeof hash) != 0)
		status = error_set(err, 0, "its hash is not the recorded one");
	if (status == 0 && w.differs) {
		tree_table_free(table);
		*table = now;
		return 1;
	}
	tree_table_free(&now);
	return status;
}
