/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One JSON-RPC message as the scanner understood it: places in the frame's buffer, never copies.
 * The MCP specification, "Base Protocol", and RFC 8259.
 */
#pragma once

#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum direction { CLIENT_TO_SERVER, SERVER_TO_CLIENT };

enum message_kind {
	MESSAGE_REQUEST,      /* method and id */
	MESSAGE_NOTIFICATION, /* method, no id */
	MESSAGE_RESULT,       /* id and result */
	MESSAGE_ERROR,        /* error, and id where there is one */
};

/* A JSON-RPC id: an integer of at most 2^53 in magnitude, or a string. Compared by type and value. */
struct rpc_id {
	enum { ID_NONE, ID_INTEGER, ID_STRING } type;
	int64_t integer;
	uint16_t length;  /* of text, ID_STRING */
	char text[256];   /* decoded; a longer id is refused */
};

static inline bool rpc_id_eq(const struct rpc_id *a, const struct rpc_id *b)
{
	if (a->type != b->type || a->type != ID_STRING)
		return a->type == b->type && a->integer == b->integer;
	return a->length == b->length && memcmp(a->text, b->text, a->length) == 0;
}

struct message {
	enum message_kind kind;
	struct span line;   /* the whole message with its '\n': what is forwarded */
	struct rpc_id id;
	struct span id_raw; /* the token as written, for answers */
	char method[128];   /* decoded, NUL-terminated; "" for answers; longer or non-ASCII methods are refused */
	struct span params; /* raw values; n == 0 when absent */
	struct span result;
	struct span error;
	/* tools/call */
	char name[256];     /* params.name decoded, UTF-8, no NUL; "" when absent or not a string */
	bool has_name;
	struct span arguments;
	/* modern era: params._meta carries io.modelcontextprotocol/protocolVersion */
	bool modern;
	/* notifications/cancelled: params.requestId; progress: params.progressToken are read on demand */
	struct rpc_id request_id;
};

/* Why a line was refused. The order is part of the record format between filter and monitor. */
enum refusal {
	REFUSE_NONE,
	REFUSE_NOT_JSON,       /* syntax; detail says what was expected */
	REFUSE_NOT_OBJECT,     /* an array (batch) or a scalar */
	REFUSE_UTF8,
	REFUSE_BOM,
	REFUSE_CONTROL,        /* raw control byte or NUL, a CR between tokens */
	REFUSE_DUPLICATE_KEY,
	REFUSE_LOOKALIKE_KEY,  /* equals a protocol key after folding, but is not it */
	REFUSE_DEPTH,
	REFUSE_TOO_LONG,
	REFUSE_TOO_MANY_KEYS,
	REFUSE_ID,             /* null, fraction, exponent, out of range, too long, wrong type */
	REFUSE_NOT_JSONRPC,    /* no "jsonrpc":"2.0", no method/result/error, or more than one of them */
	REFUSE_METHOD,         /* not a string, empty, too long */
	REFUSE_TRAILING,       /* bytes after the object */
	REFUSE_SURROGATE,      /* \ud800 without its other half: parsers disagree */
	REFUSE_COUNT_
};
const char *refusal_text(enum refusal refusal); /* in words that a model or person can act on */
