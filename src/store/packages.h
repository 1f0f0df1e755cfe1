/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The store of packages, one immutable tree for each resolved set, below $XDG_DATA_HOME/mcpcage/packages:
 *
 *	trees/HASH/files/        the tree; HASH is its Merkle hash (store/tree.h)
 *	trees/HASH/table         what lstat(2) said of each file when its hash was right, so that a start need not read them
 *	requests/KEY/HASH.json   the lock record of what a request was resolved to (struct package)
 *	requests/KEY/answers     which of them is the answer, and which ones were before: a hash a line, the newest first
 *	requests/KEY/lock        held by whoever installs for the request
 *	staging/NAME/            installations that are going on; one that nobody holds locked is litter
 *
 * Everything becomes visible by rename(2), is fsynced before, and is found again after a kill at any moment. Files are opened by
 * descriptor, owned by the user and written by nobody else, or refused.
 */
#pragma once

#include "base/error.h"
#include "policy/package.h"
#include "store/tree.h"

struct store; /* opaque */

/* FOLDER is made (0700) when it is not there. */
int store_open(const char *folder, struct store **store, struct error *err);
void store_close(struct store *store);

/* 1: *PACKAGE is what REQUEST was resolved to, `folder` included, not yet verified; 0: it never was; -1. */
int store_find(struct store *store, const struct package_request *request, struct package *package, struct error *err);

/*
 * Whoever installs for REQUEST holds its lock. Waits; WAITING (may be NULL) is called once before it does. Returns a descriptor whose
 * closing ends the lock, or -1. After waiting call store_find() again: the other one may have done the work.
 */
int store_lock(struct store *store, const struct package_request *request, void (*waiting)(void *context), void *context,
	       struct error *err);

/* A folder to install into; the installer's own files (caches, logs) go to `work`, which is thrown away. */
struct stage {
	struct store *store; /* borrowed */
	char *folder;        /* absolute */
	char *files;         /* FOLDER/files: becomes the tree */
	char *work;          /* FOLDER/work */
	int lock;
};
int stage_begin(struct store *store, struct stage *stage, struct error *err);
/* Throws away what is left of it. */
void stage_end(struct stage *stage);
/*
 * Check the tree (store/tree.h says what may be in one), make it read-only, hash it, write record and table, put it into the store and
 * make it the answer to PACKAGE's request. A tree that is there already is kept, and the new copy thrown away. Fills `tree`, `files`,
 * `bytes` and `folder` of PACKAGE.
 */
int stage_publish(struct stage *stage, struct package *package, struct error *err);

/* ---- for mcpcage store ---- */

/*
 * Call FN for each request with its answer; -1 of FN ends it. PACKAGE is FN's for the call only. A record that cannot be read is reported
 * by PACKAGE NULL and ERR.
 */
typedef int (*store_fn)(void *context, const char *key, const struct package *package, const struct error *err);
int store_each(struct store *store, store_fn fn, void *context, struct error *err);
/* The answers of REQUEST, newest first; ANSWERS is the caller's to free. How many, or -1. */
int store_answers(struct store *store, const struct package_request *request, struct strlist *answers, struct error *err);
/* What REQUEST was resolved to when the tree HASH was its answer. */
int store_answer(struct store *store, const struct package_request *request, const char *hash, struct package *package, struct error *err);
/*
 * Compare two trees of the store by their tables: FN is called for each file or symlink that is in one only, or differs. Folders are left
 * out.
 */
enum tree_change { TREE_ADDED, TREE_REMOVED, TREE_CHANGED };
int store_compare(struct store *store, const struct package *before, const struct package *now,
		  void (*fn)(void *context, enum tree_change change, const char *path), void *context, struct error *err);
/* Make the tree HASH, one of its answers, the newest again. */
int store_choose(struct store *store, const struct package_request *request, const char *hash, struct error *err);
/* Forget the request. Its trees go with store_collect(). 1; 0: it was not known. */
int store_forget(struct store *store, const struct package_request *request, struct error *err);
/* Remove trees that no request names, and litter. What is in use (store_use()) stays for the next time. */
struct store_collected {
	unsigned trees, in_use;
	uint64_t bytes; /* that went */
};
int store_collect(struct store *store, struct store_collected *collected, struct error *err);

/* ---- before each run ---- */

/*
 * Keep the tree of PACKAGE from being collected: a descriptor whose closing ends that, the last of its copies with it. -1 also when it is
 * being removed right now.
 */
int store_use(struct store *store, const struct package *package, struct error *err);
/* Before each run. The cost is that of lstat(2) for each file unless something differs. -1 names the file. */
int store_verify(struct store *store, const struct package *package, struct error *err);
/* Read and hash everything. */
int store_verify_fully(struct store *store, const struct package *package, struct error *err);
/* How many of its FILES the kernel holds by fs-verity (store/tree.h). */
int store_held(struct store *store, const struct package *package, uint64_t *files, struct error *err);
