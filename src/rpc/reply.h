/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Messages that mcpcage writes itself, each one line with its '\n', appended to OUT. ID_RAW is the token as the requester
 * wrote it; an answer without a known id is never written (TypeScript clients refuse "id": null).
 */
#pragma once

#include "base/buf.h"
#include "rpc/message.h"

/* A tool result with isError, which a model can act on; with resultType in the modern era. */
void reply_tool_refused(struct buf *out, struct span id_raw, bool modern, const char *text);
/* A result, given as JSON. */
void reply_result(struct buf *out, struct span id_raw, struct span result);
/* A JSON-RPC error. */
void reply_error(struct buf *out, struct span id_raw, int code, const char *text);
/* notifications/cancelled for the request ID_RAW. */
void reply_cancelled(struct buf *out, struct span id_raw, const char *reason);
/* The token of an id, as JSON. */
void reply_id(struct buf *out, const struct rpc_id *id);
