/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The table of a package's tree, as its bytes are and with a hash of itself that fits. What it takes has names within its own memory.
 */
#include "store/tree.h"

#include <sodium/crypto_generichash_blake2b.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Where the hash lies, and what it is over: the fields before it and what is behind it. */
#define BEFORE 40
#define HEAD (BEFORE + PACKAGE_HASH)

static void take(const unsigned char *bytes, size_t n)
{
	struct tree_table table;
	size_t total = 0;

	if (tree_table_parse(bytes, n, &table) < 0)
		return;
	for (size_t i = 0; i < table.n; i++)
		total += strlen(table.names + table.entries[i].name);
	if (table.n == 0 || total > table.n * table.names_n)
		abort();
	tree_table_free(&table);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	crypto_generichash_blake2b_state state;
	unsigned char *copy;

	take(data, size);
	if (size < HEAD || !(copy = malloc(size)))
		return 0;
	memcpy(copy, data, size);
	crypto_generichash_blake2b_init(&state, NULL, 0, PACKAGE_HASH);
	crypto_generichash_blake2b_update(&state, copy, BEFORE);
	crypto_generichash_blake2b_update(&state, copy + HEAD, size - HEAD);
	crypto_generichash_blake2b_final(&state, copy + BEFORE, PACKAGE_HASH);
	take(copy, size);
	free(copy);
	return 0;
}
