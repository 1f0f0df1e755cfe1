/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the two halves of the store of packages share: packages.c, for whoever starts one, and packages-manage.c, for mcpcage store. */
#pragma once

#include "store/packages.h"

#include "store/package-record.h"

#define KEY_BYTES 16
#define HASH_TEXT (2 * PACKAGE_HASH)

struct store {
	char *folder;
	int trees, requests, staging;
};

/* The name of REQUEST's folder. */
int packages_key(const struct package_request *request, char key[2 * KEY_BYTES + 1], struct error *err);
/* The folder of the request KEY. -1 with errno, ENOENT when it is not there and not to be made. */
int packages_open_request(const struct store *store, const char *key, bool make);
/* The same of REQUEST, never made. -1, also when it is not there. */
int packages_open_of(const struct store *store, const struct package_request *request, struct error *err);
/* Hashes of trees, the one in use first. How many; 0 also when there is no such file. */
int packages_read_answers(int folder, struct strlist *answers, struct error *err);
/* HASH first, the others after it; the oldest ones beyond what is kept are forgotten. */
int packages_write_answers(int folder, const char *hash, const struct strlist *before, struct error *err);
/* What is known of the tree HASH in the request's FOLDER. PACKAGE is the caller's to free. */
int packages_read_record(const struct store *store, int folder, const char *hash, struct package *package, struct error *err);
bool packages_is_hash(const char *text);
/* The folder of PACKAGE's tree and table, and its hash. */
int packages_open_tree(const struct store *store, const struct package *package, char hash[HASH_TEXT + 1], struct error *err);
/* Throw away what dead processes left. The caller holds the lock of the whole staging area, so that nothing is half made. */
void packages_clear_litter(const struct store *store);
