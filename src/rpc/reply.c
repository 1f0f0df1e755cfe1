/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The few messages that mcpcage writes itself. Ids go back as the requester wrote them, so that no client sees
 * another spelling of its own id. Texts are escaped by base/json-out.
 *
 * Called by the session's filter. JSON-RPC 2.0, section 5; MCP, "Tools", "Cancellation".
 */
#include "rpc/reply.h"

#include "base/json-out.h"

static bool begin(struct buf *out, struct span id_raw)
{
	if (id_raw.n == 0)
		return false;
	buf_puts(out, "{\"jsonrpc\":\"2.0\",\"id\":");
	buf_append(out, id_raw.p, id_raw.n);
	return true;
}

void reply_tool_refused(struct buf *out, struct span id_raw, bool modern, const char *text)
{
	if (!begin(out, id_raw))
		return;
	buf_puts(out, ",\"result\":{");
	if (modern)
		buf_puts(out, "\"resultType\":\"complete\",");
	buf_puts(out, "\"content\":[{\"type\":\"text\",\"text\":");
	json_string(out, span_of(text));
	buf_puts(out, "}],\"isError\":true}}\n");
}

void reply_result(struct buf *out, struct span id_raw, struct span result)
{
	if (!begin(out, id_raw))
		return;
	buf_puts(out, ",\"result\":");
	buf_append(out, result.p, result.n);
	buf_puts(out, "}\n");
}

void reply_error(struct buf *out, struct span id_raw, int code, const char *text)
{
	if (!begin(out, id_raw))
		return;
	buf_printf(out, ",\"error\":{\"code\":%d,\"message\":", code);
	json_string(out, span_of(text));
	buf_puts(out, "}}\n");
}

void reply_cancelled(struct buf *out, struct span id_raw, const char *reason)
{
	if (id_raw.n == 0)
		return;
	buf_puts(out, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":");
	buf_append(out, id_raw.p, id_raw.n);
	buf_puts(out, ",\"reason\":");
	json_string(out, span_of(reason));
	buf_puts(out, "}}\n");
}

void reply_id(struct buf *out, const struct rpc_id *id)
{
	if (id->type == ID_INTEGER)
		buf_printf(out, "%lld", (long long)id->integer);
	else if (id->type == ID_STRING)
		json_string(out, (struct span){ id->text, id->length });
}
