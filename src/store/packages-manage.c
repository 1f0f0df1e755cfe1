/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The store of packages for `mcpcage store`: listing, comparing, going back, forgetting, and collecting what no request names any more. See
 * packages.h for the layout. Nobody who starts a package comes here; what is in use is never removed.
 */
#include "store/packages-impl.h"

#include "base/cleanup.h"
#include "base/path.h"
#include "store/homes.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int read_tree_table(struct store *store, const struct package *package, struct tree_table *table, struct error *err)
{
	char hash[HASH_TEXT + 1];
	CLEANUP_CLOSE int folder = packages_open_tree(store, package, hash, err);

	return folder < 0 ? -1 : tree_table_read(folder, "table", table, err);
}

int store_held(struct store *store, const struct package *package, uint64_t *files, struct error *err)
{
	CLEANUP(tree_table_free) struct tree_table table = { 0 };
	CLEANUP_CLOSE int fd = open(package->folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return error_set(err, errno, "cannot open %s", package->folder);
	if (read_tree_table(store, package, &table, err) < 0)
		return -1;
	*files = tree_verity_count(fd, &table);
	return 0;
}

/* Tables are in the order of the walk; for comparing, both are put into the order of their paths. */
struct named {
	const char *path;
	const struct tree_entry *entry;
};

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct named *)a)->path, ((const struct named *)b)->path);
}

static struct named *sorted(const struct tree_table *table)
{
	struct named *list = calloc(table->n + 1, sizeof *list);

	for (size_t i = 0; list && i < table->n; i++)
		list[i] = (struct named){ table->names + table->entries[i].name, &table->entries[i] };
	if (list)
		qsort(list, table->n, sizeof *list, by_path);
	return list;
}

int store_compare(struct store *store, const struct package *before, const struct package *now,
		  void (*fn)(void *context, enum tree_change change, const char *path), void *context, struct error *err)
{
	CLEANUP(tree_table_free) struct tree_table a = { 0 }, b = { 0 };

	if (read_tree_table(store, before, &a, err) < 0 || read_tree_table(store, now, &b, err) < 0)
		return -1;
	CLEANUP_FREE struct named *x = sorted(&a), *y = sorted(&b);
	if (!x || !y)
		return error_oom(err);
	for (size_t i = 0, k = 0; i < a.n || k < b.n;) {
		int order = i == a.n ? 1 : k == b.n ? -1 : strcmp(x[i].path, y[k].path);
		bool differs = order == 0 && (memcmp(x[i].entry->hash, y[k].entry->hash, PACKAGE_HASH) != 0 ||
					      (x[i].entry->mode ^ y[k].entry->mode) & (S_IFMT | S_IXUSR));
		if (order < 0 && !S_ISDIR(x[i].entry->mode))
			fn(context, TREE_REMOVED, x[i].path);
		else if (order > 0 && !S_ISDIR(y[k].entry->mode))
			fn(context, TREE_ADDED, y[k].path);
		else if (differs && !S_ISDIR(y[k].entry->mode))
			fn(context, TREE_CHANGED, y[k].path);
		i += order <= 0;
		k += order >= 0;
	}
	return 0;
}

int store_choose(struct store *store, const struct package_request *request, const char *hash, struct error *err)
{
	CLEANUP_STRLIST struct strlist answers = { 0 };
	CLEANUP(package_free) struct package package = { 0 };
	CLEANUP_CLOSE int folder = packages_open_of(store, request, err);

	if (folder < 0 || packages_read_answers(folder, &answers, err) < 0 || packages_read_record(store, folder, hash, &package, err) < 0 ||
	    store_verify(store, &package, err) < 0)
		return -1;
	return packages_write_answers(folder, hash, &answers, err);
}

int store_forget(struct store *store, const struct package_request *request, struct error *err)
{
	char key[2 * KEY_BYTES + 1];

	if (packages_key(request, key, err) < 0)
		return -1;
	if (faccessat(store->requests, key, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT)
		return 0;
	return tree_remove(store->requests, key, UINT64_MAX) > 0 ? 1 : error_set(err, errno, "cannot remove %s/requests/%s", store->folder, key);
}

static DIR *list_of(int fd, struct error *err)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;

	if (!dir) {
		error_set(err, errno, "cannot list the store");
		if (copy >= 0)
			close(copy);
	}
	return dir;
}

static void close_list(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

static int visit_request(struct store *store, const char *key, store_fn fn, void *context)
{
	CLEANUP_STRLIST struct strlist answers = { 0 };
	CLEANUP(package_free) struct package package = { 0 };
	struct error err;

	CLEANUP_CLOSE int folder = packages_open_request(store, key, false);
	if (folder < 0)
		return 0;
	int n = packages_read_answers(folder, &answers, &err);
	if (n == 0)
		return 0; /* an installation that is going on, or that failed */
	if (n < 0 || packages_read_record(store, folder, answers.v[0], &package, &err) < 0)
		return fn(context, key, NULL, &err);
	return fn(context, key, &package, NULL);
}

int store_each(struct store *store, store_fn fn, void *context, struct error *err)
{
	CLEANUP(close_list) DIR *dir = list_of(store->requests, err);
	struct dirent *entry;
	int status = 0;

	if (!dir)
		return -1;
	while (status == 0 && (entry = readdir(dir)))
		if (strlen(entry->d_name) == 2 * KEY_BYTES)
			status = visit_request(store, entry->d_name, fn, context);
	return status;
}

/* All hashes that some request names. */
static int named_trees(struct store *store, struct strlist *hashes, struct error *err)
{
	CLEANUP(close_list) DIR *dir = list_of(store->requests, err);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		if (strlen(entry->d_name) != 2 * KEY_BYTES)
			continue;
		CLEANUP_CLOSE int folder = packages_open_request(store, entry->d_name, false);
		/* What cannot be read might name a tree: nothing is removed then. */
		if (folder < 0 || packages_read_answers(folder, hashes, err) < 0)
			return folder < 0 ? error_set(err, errno, "cannot open a request of the store") : -1;
	}
	return dir ? 0 : -1;
}

int store_collect(struct store *store, struct store_collected *collected, struct error *err)
{
	CLEANUP_STRLIST struct strlist named = { 0 };
	CLEANUP(close_list) DIR *dir = list_of(store->trees, err);
	struct dirent *entry;

	*collected = (struct store_collected){ 0 };
	CLEANUP_CLOSE int all = openat(store->staging, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (!dir || all < 0)
		return dir ? error_set(err, errno, "cannot open %s/staging", store->folder) : -1;
	/* A tree that was just moved in, and has no request yet, has its stage locked. */
	if (flock(all, LOCK_EX) < 0)
		return error_set(err, errno, "cannot lock %s/staging", store->folder);
	packages_clear_litter(store);
	if (named_trees(store, &named, err) < 0)
		return -1;
	while ((entry = readdir(dir))) {
		struct tree_usage usage;
		if (!packages_is_hash(entry->d_name) || strlist_has(&named, entry->d_name))
			continue;
		CLEANUP_CLOSE int fd = openat(store->trees, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0) {
			collected->in_use += fd >= 0;
			continue;
		}
		tree_measure(fd, UINT64_MAX, &usage);
		if (tree_remove(store->trees, entry->d_name, UINT64_MAX) < 0)
			return error_set(err, errno, "cannot remove %s/trees/%s", store->folder, entry->d_name);
		collected->trees++;
		collected->bytes += usage.bytes;
	}
	return 0;
}
