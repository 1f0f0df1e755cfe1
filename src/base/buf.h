/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A growing byte buffer with a ceiling. The buffer owns its memory; BUF_INIT or zeroes make an empty
 * one. Growth past `max` fails with -1 and leaves the content as it was and `full` set, so that a run of
 * appends can be checked once at its end. The content is not NUL-terminated; buf_str() terminates it.
 */
#pragma once

#include "base/cleanup.h"
#include "base/span.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct buf {
	char *p;
	size_t n;   /* bytes used */
	size_t cap; /* bytes allocated */
	size_t max; /* ceiling for n; 0 means BUF_DEFAULT_MAX */
	bool full;  /* an append failed */
};

#define BUF_DEFAULT_MAX ((size_t)1 << 30)
#define BUF_INIT(ceiling) { .max = (ceiling) }

int buf_reserve(struct buf *b, size_t more);
int buf_append(struct buf *b, const void *p, size_t n);
int buf_puts(struct buf *b, const char *s);
int buf_putc(struct buf *b, char c);
int buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
int buf_vprintf(struct buf *b, const char *format, va_list ap) __attribute__((format(printf, 2, 0)));

/* Drop the first N bytes. */
void buf_consume(struct buf *b, size_t n);
/* Empty it, keep the memory. */
void buf_clear(struct buf *b);
/* Release the memory; the ceiling stays. */
void buf_free(struct buf *b);

/* The content as a C string, or NULL when out of memory. Valid until the next change. */
const char *buf_str(struct buf *b);

static inline struct span buf_span(const struct buf *b)
{
	return (struct span){ b->p, b->n };
}

#define CLEANUP_BUF CLEANUP(buf_free)
