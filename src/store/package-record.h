/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The lock record of a package as JSON text, and back. Its strings are a package's own: opaque, bounded, escaped where they are written. */
#pragma once

#include "base/buf.h"
#include "base/error.h"
#include "base/span.h"
#include "policy/package.h"

#define PACKAGE_RECORD_MAX ((size_t)64 << 20)

/* `folder` is left out: it is where the record lies. */
void package_record_write(const struct package *package, struct buf *out);
/* PACKAGE is zeroes before; on failure it is freed. */
int package_record_read(struct span text, struct package *package, struct error *err);
/* The same for a request alone. */
void package_request_write(const struct package_request *request, struct buf *out);
void package_hash_text(const uint8_t hash[PACKAGE_HASH], char out[2 * PACKAGE_HASH + 1]);
int package_hash_read(const char *text, uint8_t hash[PACKAGE_HASH]);
