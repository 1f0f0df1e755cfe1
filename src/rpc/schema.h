/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * JSON Schema, drafts 2020-12 and 07 (json-schema.org), as a filter of hostile input needs it: schemas and instances
 * may both come from somebody who wants to keep us busy. So a schema becomes a table once, references become places
 * in it and are never expanded, and compiling and checking both count their work and stop.
 *
 *  - The dialect of a resource is what its "$schema" names, else that of the resource around it, else the option's.
 *    A "$schema" that names another dialect is an error.
 *  - References stay within the document, or go to the published metaschemas of the two dialects, which are built in.
 *    Any other is an error when compiling.
 *  - Numbers are compared as the decimal text they are, without rounding; 1.0 is an integer.
 *  - "pattern" is ECMA-262 with its "u" flag, matched by PCRE2 without its compiler to machine code. Escaping a
 *    punctuation character that needs none, and a lone '{', '}' or ']', are allowed as in practice; a possessive,
 *    atomic or recursive group is an error. A lookbehind of unknown length is a limit when it is matched. A group
 *    that is repeated keeps what it matched in an earlier round for what refers to it.
 *  - "format" asserts by option. Names unknown to the drafts assert nothing, but for "path": a file's name that has
 *    no NUL and no control character. "content*" assert nothing. "dependencies" holds in 2020-12 also.
 *  - A keyword with a value that its draft does not allow is an error when compiling: such a schema says nothing
 *    certain.
 *
 * With policy_keywords two more, each for strings; another type of instance does not satisfy them:
 *
 *	"within": ["/srv/data", "~/notes"]
 *		A path that lies in one of these folders or is one of them, after ".", ".." and "//" are taken out
 *		lexically. No symlink is followed: what opens the path has to be confined by other means.
 *	"hosts": ["example.org", "*.example.org"]
 *		A URL, or host[:port], that names one of them. "*." stands for one label or more. User names, escapes,
 *		backslashes, numeric forms of addresses other than plain dotted quads, and anything two parsers could
 *		read differently are refused.
 *
 * Pure: no system calls but memory. A schema may be used again and again, by one thread at a time (what a pattern
 * compiles to is made at its first use). The instance's tree and the schema's text have been through the scanner:
 * UTF-8, keys unique.
 */
#pragma once

#include "base/error.h"
#include "base/span.h"
#include "rpc/tree.h"

#include <stdbool.h>
#include <stdint.h>

struct schema; /* opaque */

enum schema_dialect { SCHEMA_2020_12, SCHEMA_DRAFT_07 };

struct schema_options {
	enum schema_dialect dialect; /* of a schema that has no "$schema" */
	bool formats;                /* "format" asserts */
	bool policy_keywords;        /* "within" and "hosts" */
	const char *home;            /* "~" and "~/..." in "within", both sides; NULL: refused */
	const char *folder;          /* what relative paths are relative to under "within"; NULL: they are refused */
	uint64_t steps;              /* work of one check; 0: SCHEMA_STEPS and what the instance's size adds */
	uint32_t values;             /* JSON values in a schema; 0: SCHEMA_VALUES */
};

#define SCHEMA_STEPS ((uint64_t)2000000)
#define SCHEMA_STEPS_A_VALUE 64 /* and a step for each two bytes */
#define SCHEMA_VALUES ((uint32_t)1 << 16)

/* All text is UTF-8 without control characters, cut at a character where it is too long, and NUL-terminated. */
struct schema_failure {
	bool limit;         /* not checked to its end: work, memory or nesting */
	char keyword[32];   /* "required"; "" where none is to blame (a schema `false`, a limit) */
	char pointer[256];  /* of the place in the instance, as seen from NODE: "" is the whole, "/path", "/list/3" */
	char text[768];     /* for a model or a person: "/path: must be a string, but it is a number" */
};

/*
 * TEXT is copied. NULL: *ERR says where in the schema (a JSON Pointer) and why; also when it takes too much to
 * compile. OPTIONS NULL: all zeroes. Its strings are copied.
 */
struct schema *schema_compile(struct span text, const struct schema_options *options, struct error *err);
void schema_free(struct schema *s);
void schema_freep(struct schema **s); /* for CLEANUP() */

/*
 * Check the value NODE of INSTANCE. 0: valid. 1: invalid, *OUT says why. -1: a limit was reached before it was
 * certain; the caller treats that as invalid, and *OUT says so. OUT may be NULL.
 */
int schema_check(const struct schema *s, const struct tree *instance, uint32_t node, struct schema_failure *out);

/* Bytes that S holds, about: for whoever bounds the memory of many. Grows when a pattern is used first. */
size_t schema_size(const struct schema *s);
