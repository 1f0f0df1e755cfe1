/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Regular expressions of ECMA-262 (with its "u" flag, as JSON Schema asks for) in the language of PCRE2. Pure.
 * For rpc/schema*.c.
 */
#pragma once

#include "base/buf.h"
#include "base/span.h"

/* Longest pattern, in bytes. */
#define REGEX_MAX 8192

/*
 * Append to OUT what PCRE2 is given with PCRE2_UTF, PCRE2_MATCH_UNSET_BACKREF and surrogate escapes allowed.
 * NULL, or why PATTERN is no regular expression of ECMA-262; then *AT is the byte where. Whether memory ran out
 * shows in OUT.
 */
const char *regex_translate(struct span pattern, struct buf *out, size_t *at);

/* Append what \p{NAME=VALUE}, or \p{VALUE} where NAME is empty, is to PCRE2. false: there is no such property. */
bool regex_property(struct span name, struct span value, bool not, struct buf *out);
