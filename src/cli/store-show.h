/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What mcpcage store prints of packages: names in them are the packages' own, and shown cleaned. Called by store.c. */
#pragma once

#include "base/buf.h"
#include "policy/package.h"
#include "store/packages.h"

#include <stdbool.h>

/* EARLIER: how many answers there were before. */
void store_list_line(struct buf *out, const char *key, const struct package *package, size_t earlier);
void store_list_json(struct buf *out, const char *key, const struct package *package, size_t earlier);
void store_show_text(struct buf *out, const struct package *package);
/* What differs between two answers: versions, integrity, scripts, dependencies. False: nothing. */
bool store_show_changes(struct buf *out, const struct package *before, const struct package *now);
/* The version of the request's own package, or "". */
const char *store_version(const struct package *package);
