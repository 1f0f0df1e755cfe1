/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * References between schemas: the parts of a URI, and a reference seen from a base (RFC 3986, section 5). Pure.
 * For rpc/schema*.c.
 */
#pragma once

#include "base/buf.h"
#include "base/span.h"

struct uri {
	struct span scheme, authority, path, query, fragment;
	bool has_scheme, has_authority, has_query, has_fragment;
};

/* Cut TEXT into its parts; any text has some. */
void uri_split(struct span text, struct uri *u);
/* Append REFERENCE as seen from BASE to OUT, without its fragment. */
void uri_resolve(struct span base, const struct uri *reference, struct buf *out);
/* Append TEXT with its %XX decoded. false: an escape is broken. */
bool uri_decode(struct span text, struct buf *out);
