/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writing JSON (RFC 8259) into a buffer: for the audit log, the answers of the mediator and --json
 * output. Reading is elsewhere: policy files by jansson, messages by rpc/scan.
 *
 * Keys are written by the caller as C strings from the program text; values may be hostile and are always
 * escaped. Bytes that are not UTF-8 become U+FFFD. Errors show as `b->full`.
 */
#pragma once

#include "base/buf.h"
#include "base/span.h"

#include <stdint.h>

/* libjansson has a json_string() as well, and would call ours in the place of its own. */
#define json_string json_out_string

/* A quoted, escaped string. Control characters, DEL and U+2028/2029 are written as \u escapes. */
void json_string(struct buf *b, struct span text);

/* Comma if needed, then "key": */
void json_key(struct buf *b, const char *key);

/* One member of an object each, with a comma before it where needed. */
void json_member_str(struct buf *b, const char *key, const char *value);
void json_member_span(struct buf *b, const char *key, struct span value);
void json_member_u64(struct buf *b, const char *key, uint64_t value);
void json_member_i64(struct buf *b, const char *key, int64_t value);
void json_member_bool(struct buf *b, const char *key, bool value);

/* A comma unless the buffer is empty or ends in '{', '[', ':' or ','. */
void json_comma(struct buf *b);
