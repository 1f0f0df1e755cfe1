/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The first bytes of a connection: what is decided does not change when more comes, and a part of what is whole is no more than
 * a part. A name is canonical or empty.
 */
#include "net/hello.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hello h, part;
	char again[HOST_NAME_SIZE];
	enum hello_result result = hello_read(data, size, &h);

	if (h.name[0] && (!h.named || host_name_canonical(h.name, strlen(h.name), again) < 0 || strcmp(again, h.name) != 0))
		abort();
	for (size_t n = size > 600 ? size - 600 : 0; n < size; n += 1 + n / 64) {
		/* A copy of its own, so that a sanitizer sees where it ends. */
		uint8_t *copy = malloc(n + 1);
		if (!copy)
			abort();
		memcpy(copy, data, n);
		enum hello_result sooner = hello_read(copy, n, &part);
		free(copy);
		if (sooner != HELLO_MORE && (sooner != result || part.named != h.named || strcmp(part.name, h.name) != 0 || part.hidden != h.hidden))
			abort();
	}
	return 0;
}
