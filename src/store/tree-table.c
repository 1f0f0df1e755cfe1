/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The table as a file. It lies in the user's own store and decides whether files are read again, so that it has a hash over itself: what
 * was cut short or changed by accident counts as no table, and the tree is hashed anew. Called by packages.c.
 */
#include "store/tree.h"

#include "base/cleanup.h"
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium/crypto_generichash_blake2b.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char magic[8] = "mcptree1";

struct head {
	char magic[8];
	uint64_t entries, names, files, bytes;
	uint8_t hash[PACKAGE_HASH]; /* of what follows, keyed by the fields before */
};

void tree_table_free(struct tree_table *table)
{
	free(table->entries);
	free(table->names);
	*table = (struct tree_table){ 0 };
}

static void hash_body(const struct head *head, const void *entries, size_t entries_n, const void *names, size_t names_n,
		      uint8_t out[PACKAGE_HASH])
{
	crypto_generichash_blake2b_state state;

	crypto_generichash_blake2b_init(&state, NULL, 0, PACKAGE_HASH);
	crypto_generichash_blake2b_update(&state, (const unsigned char *)head, offsetof(struct head, hash));
	crypto_generichash_blake2b_update(&state, entries, entries_n);
	crypto_generichash_blake2b_update(&state, names, names_n);
	crypto_generichash_blake2b_final(&state, out, PACKAGE_HASH);
}

int tree_table_parse(const unsigned char *bytes, size_t n, struct tree_table *table)
{
	struct head head;
	uint8_t hash[PACKAGE_HASH];

	*table = (struct tree_table){ 0 };
	if (n < sizeof head)
		return -1;
	memcpy(&head, bytes, sizeof head);
	size_t left = n - sizeof head;
	if (memcmp(head.magic, magic, sizeof magic) != 0 || head.entries == 0 || head.entries > TREE_ENTRIES_MAX ||
	    head.names == 0 || head.names > left || head.entries * sizeof(struct tree_entry) != left - head.names)
		return -1;
	const unsigned char *entries = bytes + sizeof head, *names = entries + head.entries * sizeof(struct tree_entry);
	hash_body(&head, entries, (size_t)(names - entries), names, head.names, hash);
	if (memcmp(hash, head.hash, sizeof hash) != 0 || names[head.names - 1] != '\0')
		return -1;
	table->entries = malloc((size_t)(names - entries));
	table->names = malloc(head.names);
	if (!table->entries || !table->names) {
		tree_table_free(table);
		return -1;
	}
	memcpy(table->entries, entries, (size_t)(names - entries));
	memcpy(table->names, names, head.names);
	table->n = table->room = head.entries;
	table->names_n = table->names_room = head.names;
	table->files = head.files;
	table->bytes = head.bytes;
	for (size_t i = 0; i < table->n; i++) {
		if (table->entries[i].name >= head.names) {
			tree_table_free(table);
			return -1;
		}
	}
	return 0;
}

int tree_table_write(int folder, const char *name, const struct tree_table *table, struct error *err)
{
	struct head head = { .entries = table->n, .names = table->names_n, .files = table->files, .bytes = table->bytes };
	char temporary[64];
	size_t size = table->n * sizeof *table->entries;

	memcpy(head.magic, magic, sizeof magic);
	hash_body(&head, table->entries, size, table->names, table->names_n, head.hash);
	if (snprintf(temporary, sizeof temporary, ".%s.%d", name, (int)getpid()) >= (int)sizeof temporary)
		return error_set(err, ENAMETOOLONG, "cannot write the table of a package");
	CLEANUP_CLOSE int fd = openat(folder, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_set(err, errno, "cannot write the table of a package");
	if (fd_write_all(fd, &head, sizeof head) < 0 || fd_write_all(fd, table->entries, size) < 0 ||
	    fd_write_all(fd, table->names, table->names_n) < 0 || fdatasync(fd) < 0 ||
	    renameat(folder, temporary, folder, name) < 0) {
		error_set(err, errno, "cannot write the table of a package");
		unlinkat(folder, temporary, 0);
		return -1;
	}
	return 0;
}

int tree_table_read(int folder, const char *name, struct tree_table *table, struct error *err)
{
	CLEANUP_CLOSE int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	CLEANUP_FREE unsigned char *bytes = NULL;
	struct stat st;

	*table = (struct tree_table){ 0 };
	if (fd < 0 || fstat(fd, &st) < 0)
		return error_set(err, errno, "cannot read the table of a package");
	if (!S_ISREG(st.st_mode) || st.st_size < (off_t)sizeof(struct head) || st.st_size > (off_t)1 << 30)
		return error_set(err, 0, "the table of a package is damaged");
	bytes = malloc((size_t)st.st_size);
	if (!bytes)
		return error_oom(err);
	for (size_t at = 0; at < (size_t)st.st_size;) {
		ssize_t n = read(fd, bytes + at, (size_t)st.st_size - at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return error_set(err, n < 0 ? errno : 0, "cannot read the table of a package");
		at += (size_t)n;
	}
	if (tree_table_parse(bytes, (size_t)st.st_size, table) < 0)
		return error_set(err, 0, "the table of a package is damaged");
	return 0;
}
