/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A view of bytes that somebody else owns. Never NUL-terminated; all access to hostile bytes goes
 * through one of these, with its length beside it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct span {
	const char *p;
	size_t n;
};

#define SPAN(literal) ((struct span){ (literal), sizeof(literal) - 1 })

static inline struct span span_of(const char *string)
{
	return (struct span){ string, string ? strlen(string) : 0 };
}

static inline bool span_eq(struct span a, struct span b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool span_is(struct span a, const char *string)
{
	return span_eq(a, span_of(string));
}
