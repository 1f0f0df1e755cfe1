/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A tree of files, its Merkle hash, and the table by which a later look at it is cheap.
 *
 * What counts: names, types, the executable bit, content, and the texts of symlinks. A tree holds folders, regular files and symlinks;
 * anything else, a set-id bit, a hard link to something outside, or a symlink that leads out of the tree is refused with its path, other
 * than those under bin/ to the interpreter of a Python tree. Names are opaque bytes.
 *
 * The table holds, for each entry in the order of the walk, its hash and what lstat(2) said: inode, size, mode, mtime and ctime. Content,
 * of a folder as of a file, cannot change without one of these changing (ctime is the kernel's), so equal means unchanged; what differs is read and hashed again,
 * and when the content is right after all (a copied home folder), the table is written anew.
 */
#pragma once

#include "base/error.h"
#include "policy/package.h"

#include <stdbool.h>
#include <stdint.h>

#define TREE_ENTRIES_MAX 400000
#define TREE_BYTES_MAX ((uint64_t)16 << 30)
#define TREE_DEPTH_MAX 64

struct tree_entry {
	uint64_t ino, size;
	int64_t mtime, ctime; /* nanoseconds */
	uint32_t mode;
	uint32_t name;  /* offset of its path in `names` */
	uint8_t hash[PACKAGE_HASH];
};

/* What is known of a tree: in memory, and in the file by which it is found again. */
struct tree_table {
	struct tree_entry *entries; /* [0] is the tree's own folder */
	size_t n, room;
	char *names;
	size_t names_n, names_room;
	uint64_t files, bytes;
};
void tree_table_free(struct tree_table *table);

/* ---- fs-verity: tree-verity.c ---- */

/*
 * Let the kernel hold the content of FD, opened O_RDONLY of a file that its owner may write. 1; 0: not to be had here, now and for the
 * other files; -1 with errno.
 */
int tree_verity_enable(int fd);
/* Whether the file PATH, below FOLDER, is held so. */
bool tree_verity_has(int folder, const char *path);
/* How many files of the tree below FD are. */
uint64_t tree_verity_count(int fd, const struct tree_table *table);

/* ---- the tree ---- */

/*
 * Walk the tree below FD, check it and hash it all. INTERPRETER (may be NULL): the real path that symlinks in bin/ may lead to.
 * With SEAL, what is found is made read-only first,
 * and held by fs-verity where the file system has it.
 */
int tree_hash(int fd, const char *interpreter, bool seal, struct tree_table *table, struct error *err);

/*
 * Compare the tree below FD with TABLE. 0: the same; 1: the same, but what lstat(2) says is not, and TABLE was corrected; -1: something was
 * changed, added or removed, and ERR names it. FULLY: read every file.
 */
int tree_verify(int fd, struct tree_table *table, bool fully, struct error *err);

/* The table as a file: a header, its own hash, the entries, the names. */
int tree_table_write(int folder, const char *name, const struct tree_table *table, struct error *err);
int tree_table_read(int folder, const char *name, struct tree_table *table, struct error *err);
/* The same from bytes, for the fuzzer. 0, or -1 when they are no table. */
int tree_table_parse(const unsigned char *bytes, size_t n, struct tree_table *table);
