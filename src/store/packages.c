/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The store of packages on disk: see packages.h for the layout. Nothing becomes visible but by rename(2), after it was written out;
 * locks are flock(2), which end with the process that holds them.
 */
#include "store/packages-impl.h"

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/format.h"
#include "base/path.h"
#include "store/homes.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium/crypto_generichash_blake2b.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define ANSWERS_KEPT 8

/* ---- folders ---- */

/* Make the folders of PATH that are not there. */
static int make_folders(const char *path, struct error *err)
{
	CLEANUP_FREE char *copy = strdup(path);

	if (!copy)
		return error_oom(err);
	for (char *p = strchr(copy + 1, '/');; p = strchr(p + 1, '/')) {
		if (p)
			*p = '\0';
		if (mkdir(copy, 0700) < 0 && errno != EEXIST)
			return error_set(err, errno, "cannot make the folder %s", copy);
		if (!p)
			return 0;
		*p = '/';
	}
}

/* Ours, and nobody else's to write. */
static int judge_owner(int fd, const char *what, struct error *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return error_set(err, errno, "cannot look at %s", what);
	if (st.st_uid == geteuid() && !(st.st_mode & (S_IWGRP | S_IWOTH)))
		return 0;
	error_set(err, 0, "%s belongs to somebody else or can be written by others", what);
	return error_hint(err, "remove it, or set its owner and mode right: chmod go-w");
}

static int open_part(const struct store *store, const char *name, struct error *err)
{
	CLEANUP_FREE char *path = path_join(store->folder, name);

	if (!path)
		return error_oom(err);
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return error_set(err, errno, "cannot make the folder %s", path);
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return error_set(err, errno, "cannot open the folder %s", path);
	return judge_owner(fd, path, err) < 0 ? -1 : TAKE_FD(&fd);
}

void store_close(struct store *store)
{
	if (!store)
		return;
	if (store->trees >= 0)
		close(store->trees);
	if (store->requests >= 0)
		close(store->requests);
	if (store->staging >= 0)
		close(store->staging);
	free(store->folder);
	free(store);
}

int store_open(const char *folder, struct store **out, struct error *err)
{
	struct store *store = calloc(1, sizeof *store);

	if (!store)
		return error_oom(err);
	*store = (struct store){ .folder = strdup(folder), .trees = -1, .requests = -1, .staging = -1 };
	if (!store->folder) {
		error_oom(err);
	} else if (make_folders(folder, err) == 0 && (store->trees = open_part(store, "trees", err)) >= 0 &&
		   (store->requests = open_part(store, "requests", err)) >= 0 &&
		   (store->staging = open_part(store, "staging", err)) >= 0) {
		*out = store;
		return 0;
	}
	store_close(store);
	return -1;
}

/* ---- requests ---- */

int packages_key(const struct package_request *request, char key[2 * KEY_BYTES + 1], struct error *err)
{
	CLEANUP_FREE char *text = package_request_text(request);
	uint8_t hash[KEY_BYTES];

	if (!text)
		return error_oom(err);
	crypto_generichash_blake2b(hash, sizeof hash, (const unsigned char *)text, strlen(text), NULL, 0);
	for (size_t i = 0; i < sizeof hash; i++)
		snprintf(key + 2 * i, 3, "%02x", hash[i]);
	return 0;
}

int packages_open_request(const struct store *store, const char *key, bool make)
{
	if (make && mkdirat(store->requests, key, 0700) < 0 && errno != EEXIST)
		return -1;
	return openat(store->requests, key, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

int packages_open_of(const struct store *store, const struct package_request *request, struct error *err)
{
	char key[2 * KEY_BYTES + 1];

	if (packages_key(request, key, err) < 0)
		return -1;
	int folder = packages_open_request(store, key, false);
	return folder < 0 ? error_set(err, errno, "cannot open a request of the store") : folder;
}

bool packages_is_hash(const char *text)
{
	return strlen(text) == HASH_TEXT && strspn(text, "0123456789abcdef") == HASH_TEXT;
}

int packages_read_answers(int folder, struct strlist *answers, struct error *err)
{
	CLEANUP_CLOSE int fd = openat(folder, "answers", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	CLEANUP_BUF struct buf text = BUF_INIT((HASH_TEXT + 1) * 1024);
	char *save = NULL;

	if (fd < 0)
		return errno == ENOENT ? 0 : error_set(err, errno, "cannot read what a package was resolved to");
	if (fd_read_all(fd, &text) < 0)
		return error_set(err, errno, "cannot read what a package was resolved to");
	buf_putc(&text, '\0');
	for (char *line = strtok_r(text.p, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (!packages_is_hash(line))
			return error_set(err, 0, "the list of what a package was resolved to is damaged");
		if (strlist_add(answers, line) < 0)
			return error_oom(err);
	}
	return (int)answers->n;
}

int packages_write_answers(int folder, const char *hash, const struct strlist *before, struct error *err)
{
	CLEANUP_BUF struct buf text = BUF_INIT(0);
	char name[HASH_TEXT + 8];
	size_t kept = 1;

	buf_printf(&text, "%s\n", hash);
	for (size_t i = 0; i < before->n; i++) {
		if (strcmp(before->v[i], hash) == 0)
			continue;
		if (kept++ < ANSWERS_KEPT)
			buf_printf(&text, "%s\n", before->v[i]);
	}
	const char *p = buf_str(&text);
	if (!p || text.full)
		return error_oom(err);
	if (fd_write_file_atomic(folder, "answers", p, text.n, 0600, err) < 0)
		return -1;
	for (size_t i = ANSWERS_KEPT; i < before->n; i++) {
		snprintf(name, sizeof name, "%s.json", before->v[i]);
		if (strcmp(before->v[i], hash) != 0)
			(void)unlinkat(folder, name, 0);
	}
	return 0;
}

int packages_read_record(const struct store *store, int folder, const char *hash, struct package *package, struct error *err)
{
	CLEANUP_BUF struct buf text = BUF_INIT(PACKAGE_RECORD_MAX);
	char name[HASH_TEXT + 8], own[HASH_TEXT + 1];

	snprintf(name, sizeof name, "%s.json", hash);
	CLEANUP_CLOSE int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fd_read_all(fd, &text) < 0)
		return error_set(err, errno, "cannot read the record of a package, requests/.../%s", name);
	if (judge_owner(fd, "the record of a package", err) < 0)
		return -1;
	if (package_record_read((struct span){ text.p, text.n }, package, err) < 0)
		return -1;
	package_hash_text(package->tree, own);
	if (strcmp(own, hash) != 0) {
		package_free(package);
		return error_set(err, 0, "the record of a package is another one's");
	}
	if (asprintf(&package->folder, "%s/trees/%s/files", store->folder, hash) < 0) {
		package->folder = NULL;
		package_free(package);
		return error_oom(err);
	}
	return 0;
}

static int damaged(struct error *err)
{
	return error_hint(err, "\"mcpcage store remove\" and the command forgets it; it is installed anew then");
}

int store_answers(struct store *store, const struct package_request *request, struct strlist *answers, struct error *err)
{
	char key[2 * KEY_BYTES + 1];

	if (packages_key(request, key, err) < 0)
		return -1;
	CLEANUP_CLOSE int folder = packages_open_request(store, key, false);
	if (folder < 0)
		return errno == ENOENT ? 0 : error_set(err, errno, "cannot open a request of the store");
	return packages_read_answers(folder, answers, err);
}

int store_answer(struct store *store, const struct package_request *request, const char *hash, struct package *package, struct error *err)
{
	CLEANUP_CLOSE int folder = packages_open_of(store, request, err);

	return folder < 0 ? -1 : packages_read_record(store, folder, hash, package, err);
}

int store_find(struct store *store, const struct package_request *request, struct package *package, struct error *err)
{
	CLEANUP_STRLIST struct strlist answers = { 0 };
	struct stat st;

	if (store_answers(store, request, &answers, err) < 0)
		return -1;
	if (answers.n == 0)
		return 0;
	/* A tree that was removed by hand is one that was never there. */
	CLEANUP_FREE char *files = format_text("%s/files", answers.v[0]);
	if (!files)
		return error_oom(err);
	if (fstatat(store->trees, files, &st, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT)
		return 0;
	if (store_answer(store, request, answers.v[0], package, err) < 0)
		return damaged(err);
	return 1;
}

int store_lock(struct store *store, const struct package_request *request, void (*waiting)(void *context), void *context,
	       struct error *err)
{
	char key[2 * KEY_BYTES + 1];

	if (packages_key(request, key, err) < 0)
		return -1;
	CLEANUP_CLOSE int folder = packages_open_request(store, key, true);
	CLEANUP_CLOSE int lock = folder < 0 ? -1 : openat(folder, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (lock < 0)
		return error_set(err, errno, "cannot make a lock in %s/requests", store->folder);
	if (flock(lock, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK)
			return error_set(err, errno, "cannot lock a request in %s/requests", store->folder);
		if (waiting)
			waiting(context);
		while (flock(lock, LOCK_EX) < 0)
			if (errno != EINTR)
				return error_set(err, errno, "cannot lock a request in %s/requests", store->folder);
	}
	return TAKE_FD(&lock);
}

/* ---- staging ---- */

void packages_clear_litter(const struct store *store)
{
	int copy = openat(store->staging, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
	struct dirent *entry;

	if (!dir && copy >= 0)
		close(copy);
	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		int fd = openat(store->staging, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
			(void)tree_remove(store->staging, entry->d_name, UINT64_MAX);
		if (fd >= 0)
			close(fd);
	}
	if (dir)
		closedir(dir);
}

static int make_stage(struct store *store, struct stage *stage, struct error *err)
{
	uint64_t number;
	char name[32];

	if (getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number)
		return error_set(err, errno, "cannot get random numbers");
	snprintf(name, sizeof name, "%016" PRIx64, number);
	if (asprintf(&stage->folder, "%s/staging/%s", store->folder, name) < 0)
		stage->folder = NULL;
	stage->files = stage->folder ? path_join(stage->folder, "files") : NULL;
	stage->work = stage->folder ? path_join(stage->folder, "work") : NULL;
	if (!stage->files || !stage->work)
		return error_oom(err);
	if (mkdirat(store->staging, name, 0700) < 0)
		return error_set(err, errno, "cannot make the folder %s", stage->folder);
	stage->lock = openat(store->staging, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (stage->lock < 0 || flock(stage->lock, LOCK_EX | LOCK_NB) < 0 || mkdirat(stage->lock, "files", 0700) < 0 ||
	    mkdirat(stage->lock, "work", 0700) < 0)
		return error_set(err, errno, "cannot set up the folder %s", stage->folder);
	return 0;
}

int stage_begin(struct store *store, struct stage *stage, struct error *err)
{
	*stage = (struct stage){ .store = store, .lock = -1 };
	CLEANUP_CLOSE int all = openat(store->staging, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (all < 0)
		return error_set(err, errno, "cannot open %s/staging", store->folder);
	while (flock(all, LOCK_EX) < 0)
		if (errno != EINTR)
			return error_set(err, errno, "cannot lock %s/staging", store->folder);
	packages_clear_litter(store);
	if (make_stage(store, stage, err) == 0)
		return 0;
	stage_end(stage);
	return -1;
}

void stage_end(struct stage *stage)
{
	if (stage->folder && stage->lock >= 0)
		(void)tree_remove(stage->store->staging, path_base(stage->folder), UINT64_MAX);
	if (stage->lock >= 0)
		close(stage->lock);
	free(stage->folder);
	free(stage->files);
	free(stage->work);
	*stage = (struct stage){ .lock = -1 };
}

/*
 * The tree is in the stage, hashed: move it to its place. A tree that is there already is as good; *HELD keeps it from being collected
 * until a request names it.
 */
static int move_in(struct stage *stage, const char *hash, int *held, struct error *err)
{
	struct store *store = stage->store;

	if (syncfs(stage->lock) < 0)
		return error_set(err, errno, "cannot write %s to disk", stage->folder);
	while (fd_rename_new(store->staging, path_base(stage->folder), store->trees, hash) < 0) {
		if (errno != EEXIST)
			return error_set(err, errno, "cannot move the package to %s/trees", store->folder);
		*held = openat(store->trees, hash, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (*held >= 0 && flock(*held, LOCK_SH | LOCK_NB) == 0 && faccessat(*held, "files", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			return 0;
		/* It is being removed right now, or what is there is no tree. */
		if (*held >= 0 && errno != EWOULDBLOCK && errno != ENOENT)
			return error_set(err, errno, "cannot use %s/trees/%s", store->folder, hash);
		if (*held >= 0)
			close(*held);
		*held = -1;
		(void)usleep(10000);
	}
	if (fsync(store->trees) < 0)
		return error_set(err, errno, "cannot write %s/trees to disk", store->folder);
	/* It is no stage any more: nothing of it is to be thrown away. */
	free(TAKE_PTR(stage->folder));
	return 0;
}

static int write_record(struct store *store, const struct package *package, const char *hash, struct error *err)
{
	CLEANUP_STRLIST struct strlist before = { 0 };
	CLEANUP_BUF struct buf text = BUF_INIT(PACKAGE_RECORD_MAX);
	char key[2 * KEY_BYTES + 1], name[HASH_TEXT + 8];

	if (packages_key(&package->request, key, err) < 0)
		return -1;
	CLEANUP_CLOSE int folder = packages_open_request(store, key, true);
	if (folder < 0)
		return error_set(err, errno, "cannot make a folder in %s/requests", store->folder);
	package_record_write(package, &text);
	const char *p = buf_str(&text);
	if (!p || text.full)
		return error_set(err, 0, "the record of the package is too large");
	snprintf(name, sizeof name, "%s.json", hash);
	if (fd_write_file_atomic(folder, name, p, text.n, 0600, err) < 0 || packages_read_answers(folder, &before, err) < 0)
		return -1;
	return packages_write_answers(folder, hash, &before, err);
}

int stage_publish(struct stage *stage, struct package *package, struct error *err)
{
	CLEANUP(tree_table_free) struct tree_table table = { 0 };
	char hash[HASH_TEXT + 1];

	if (tree_remove(stage->lock, "work", UINT64_MAX) < 0)
		return error_set(err, errno, "cannot remove %s", stage->work);
	CLEANUP_CLOSE int files = openat(stage->lock, "files", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (files < 0)
		return error_set(err, errno, "cannot open %s", stage->files);
	const char *interpreter = package->request.ecosystem == ECOSYSTEM_PYPI ? package->interpreter : NULL;
	if (tree_hash(files, interpreter, true, &table, err) < 0)
		return error_prefix(err, "%s was not installed", package->request.specs.v[0]);
	memcpy(package->tree, table.entries[0].hash, PACKAGE_HASH);
	package->files = table.files;
	package->bytes = table.bytes;
	package_hash_text(package->tree, hash);
	free(package->folder);
	if (asprintf(&package->folder, "%s/trees/%s/files", stage->store->folder, hash) < 0) {
		package->folder = NULL;
		return error_oom(err);
	}
	CLEANUP_CLOSE int held = -1;
	if (tree_table_write(stage->lock, "table", &table, err) < 0 || move_in(stage, hash, &held, err) < 0)
		return -1;
	return write_record(stage->store, package, hash, err);
}

/* ---- before each run ---- */

int packages_open_tree(const struct store *store, const struct package *package, char hash[HASH_TEXT + 1], struct error *err)
{
	package_hash_text(package->tree, hash);
	int fd = openat(store->trees, hash, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		error_set(err, errno, "cannot open the package of %s, %s/trees/%s", package->request.specs.v[0], store->folder, hash);
	return fd;
}

int store_use(struct store *store, const struct package *package, struct error *err)
{
	char hash[HASH_TEXT + 1];
	CLEANUP_CLOSE int fd = packages_open_tree(store, package, hash, err);

	if (fd < 0)
		return -1;
	if (flock(fd, LOCK_SH | LOCK_NB) < 0 || faccessat(fd, "files", F_OK, AT_SYMLINK_NOFOLLOW) < 0) {
		error_set(err, 0, "the package of %s was removed just now", package->request.specs.v[0]);
		err->sys = ESTALE;
		return error_hint(err, "start it again, and it is installed anew");
	}
	return TAKE_FD(&fd);
}

static int changed(const struct package *package, struct error *err)
{
	error_prefix(err, "%s is not what was installed", package->request.specs.v[0]);
	error_kind(err, ERROR_CANNOT_RUN);
	return error_hint(err, "it is not started; if you know who changed it, \"mcpcage store remove\" and the command, and it is installed anew");
}

static int verify(struct store *store, const struct package *package, bool fully, struct error *err)
{
	CLEANUP(tree_table_free) struct tree_table table = { 0 };
	char hash[HASH_TEXT + 1];
	struct error lost;

	CLEANUP_CLOSE int folder = packages_open_tree(store, package, hash, err);
	if (folder < 0)
		return -1;
	CLEANUP_CLOSE int files = openat(folder, "files", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (files < 0)
		return error_set(err, errno, "cannot open %s", package->folder);
	if (judge_owner(folder, "the folder of a package", err) < 0)
		return -1;
	/* Without a table that can be trusted everything is read. */
	bool has = tree_table_read(folder, "table", &table, &lost) == 0 && memcmp(table.entries[0].hash, package->tree, PACKAGE_HASH) == 0;
	if (has) {
		int status = tree_verify(files, &table, fully, err);
		if (status < 0)
			return changed(package, err);
		return status == 0 ? 0 : tree_table_write(folder, "table", &table, err);
	}
	tree_table_free(&table);
	const char *interpreter = package->request.ecosystem == ECOSYSTEM_PYPI ? package->interpreter : NULL;
	if (tree_hash(files, interpreter, false, &table, err) < 0)
		return changed(package, err);
	if (memcmp(table.entries[0].hash, package->tree, PACKAGE_HASH) != 0) {
		error_set(err, 0, "its hash is not the recorded one, and the table that would tell which file differs is lost");
		return changed(package, err);
	}
	return tree_table_write(folder, "table", &table, err);
}

int store_verify(struct store *store, const struct package *package, struct error *err)
{
	return verify(store, package, false, err);
}

int store_verify_fully(struct store *store, const struct package *package, struct error *err)
{
	return verify(store, package, true, err);
}
