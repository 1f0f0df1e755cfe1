/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Records between the processes: sizes, checks and the table of what is legal when. This is all of the monitor's code that
 * touches bytes which an attacker may have chosen, so it is kept small, and it is a fuzz target.
 */
#include "session/record.h"

#include "base/cleanup.h"
#include "rpc/change.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

size_t record_size(unsigned type)
{
	switch ((enum record_type)type) {
	case RECORD_READY:
		return sizeof(struct record_ready);
	case RECORD_FAILED:
		return sizeof(struct record_failed);
	case RECORD_CALL:
		return sizeof(struct record_call);
	case RECORD_REFUSED:
		return sizeof(struct record_refused);
	case RECORD_EVENT:
		return sizeof(struct record_event);
	case RECORD_ITEM:
		return sizeof(struct record_item);
	case RECORD_LIST:
		return sizeof(struct record_list);
	case RECORD_END:
		return sizeof(struct record_end);
	case RECORD_EXITED:
		return sizeof(struct record_exited);
	case RECORD_SIGNAL:
		return sizeof(struct record_signal);
	case RECORD_STARTED:
	case RECORD_GO:
	case RECORD_DRAIN:
		return sizeof(struct record_head);
	case RECORD_NONE:
	case RECORD_TYPES_:
		break;
	}
	return 0;
}

#define TERMINATED(array) (memchr((array), '\0', sizeof(array)) != NULL)

static bool item_valid(const struct record_item *r)
{
	return r->finding < FINDINGS_ && r->kind < ITEM_KINDS && r->changes <= CHANGES_ALL && r->spare == 0 &&
	       r->total <= ITEM_CONTENT_MAX && r->offset <= r->total && r->n <= r->total - r->offset &&
	       r->n <= RECORD_CHUNK && (r->n > 0 || r->total == 0) && TERMINATED(r->name);
}

/* Enumerations in range, strings terminated. */
static bool content_valid(const union record *r)
{
	switch ((enum record_type)r->head.type) {
	case RECORD_FAILED:
		return TERMINATED(r->failed.error.what) && TERMINATED(r->failed.error.hint) &&
		       (unsigned)r->failed.error.kind <= ERROR_USAGE;
	case RECORD_CALL:
		return r->call.end < CALL_ENDS_ && r->call.tool <= 1 && TERMINATED(r->call.name) &&
		       TERMINATED(r->call.rule);
	case RECORD_REFUSED:
		return r->refused.direction <= SERVER_TO_CLIENT && r->refused.why > REFUSE_NONE &&
		       r->refused.why < DROP_COUNT_ && r->refused.answered <= 1 &&
		       TERMINATED(r->refused.method) && TERMINATED(r->refused.detail);
	case RECORD_EVENT:
		return r->event.event < EVENTS_;
	case RECORD_ITEM:
		return item_valid(&r->item);
	case RECORD_LIST:
		return r->list.kind < ITEM_KINDS && r->list.whole <= 1;
	case RECORD_SIGNAL:
		return r->signal.signal > 0 && r->signal.signal < NSIG && r->signal.everyone <= 1;
	case RECORD_READY:
	case RECORD_END:
	case RECORD_STARTED:
	case RECORD_EXITED:
	case RECORD_GO:
	case RECORD_DRAIN:
		return true;
	case RECORD_NONE:
	case RECORD_TYPES_:
		break;
	}
	return false;
}

int record_next(const unsigned char *p, size_t n, size_t *at, union record *out)
{
	struct record_head head;

	if (*at == n)
		return 0;
	if (*at > n || n - *at < sizeof head)
		return -1;
	memcpy(&head, p + *at, sizeof head);
	size_t size = record_size(head.type);
	if (size == 0 || head.size != size || n - *at < size)
		return -1;
	memset(out, 0, sizeof *out);
	memcpy(out, p + *at, size);
	*at += size;
	return content_valid(out) ? 1 : -1;
}

#define BIT(type) (1u << (type))

bool record_legal(enum record_peer peer, enum peer_state state, unsigned type)
{
	static const unsigned legal[2][PEER_STATES_] = {
		[PEER_FILTER] = {
			[PEER_STARTING] = BIT(RECORD_READY) | BIT(RECORD_FAILED),
			[PEER_RUNNING] = BIT(RECORD_CALL) | BIT(RECORD_REFUSED) | BIT(RECORD_EVENT) |
					 BIT(RECORD_ITEM) | BIT(RECORD_LIST) | BIT(RECORD_END),
		},
		[PEER_INIT] = {
			[PEER_STARTING] = BIT(RECORD_READY) | BIT(RECORD_FAILED),
			/* READY: told to go, and not yet heard of */
			[PEER_READY] = BIT(RECORD_STARTED) | BIT(RECORD_FAILED),
			[PEER_RUNNING] = BIT(RECORD_EXITED),
		},
	};

	return type < RECORD_TYPES_ && state < PEER_STATES_ && (legal[peer][state] & BIT(type)) != 0;
}

int record_send(int fd, enum record_type type, union record *record)
{
	size_t size = record_size(type);

	record->head = (struct record_head){ .type = (uint16_t)type, .size = (uint16_t)size };
	for (;;) {
		ssize_t n = send(fd, record, size, MSG_NOSIGNAL);
		if (n == (ssize_t)size)
			return 0;
		if (n >= 0) {
			errno = EIO;
			return -1;
		}
		if (errno != EINTR)
			return -1;
	}
}

const char *call_end_name(enum call_end end)
{
	static const char *const names[] = {
		[CALL_ANSWERED] = "answered", [CALL_ERROR] = "error",         [CALL_DENIED] = "denied",
		[CALL_TIMEOUT] = "timeout",   [CALL_CANCELLED] = "cancelled", [CALL_REFUSED] = "reply refused",
		[CALL_NO_SERVER] = "server ended",
	};
	return (unsigned)end < ARRAY_SIZE(names) ? names[end] : "unknown";
}

const char *drop_text(unsigned why)
{
	switch (why) {
	case DROP_UNSOLICITED:
		return "an answer that no request waits for";
	case DROP_LATE:
		return "an answer that came after its deadline";
	case DROP_ID_IN_USE:
		return "the id belongs to a request that is still waiting";
	case DROP_TOO_MANY_PENDING:
		return "too many requests are waiting for their answers";
	case DROP_NO_ID:
		return "a request without an id";
	case DROP_ANSWER_WITHOUT_ID:
		return "an error that belongs to no request";
	case DROP_NOISE:
		return "output that is no message";
	case DROP_POLICY:
		return "the policy does not allow it";
	case DROP_REVERSE:
		return "the server may not ask this of the client";
	case DROP_UNKNOWN_TASK:
		return "a task that no call of this session has made";
	case DROP_UNASKED:
		return "it belongs to nothing that the client has asked for";
	case DROP_PINS:
		return "what it asks for is not pinned, or not as it is now";
	case DROP_SCHEMA:
		return "a schema does not allow it";
	case DROP_TOO_LARGE:
		return "it is larger than its rule allows";
	case DROP_UNREADABLE:
		return "it has too many values to be looked at";
	case DROP_METHOD:
		return "the method is unknown here";
	case DROP_SHAPE:
		return "it lacks what its method requires";
	default:
		return refusal_text((enum refusal)why);
	}
}
