/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Records between the processes: sizes, checks and the table of what is legal when. This is all of the monitor's code that
 * touches bytes which an attacker may have chosen, so it is kept small, and it is a fuzz target.
 */
#include "session/record.h"

#include "base/cleanup.h"
#include "rpc/rules.h"
#include "policy/mediation.h"
#include "rpc/change.h"
#include "rpc/question.h"

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
	case RECORD_TEXT:
		return sizeof(struct record_text);
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
	case RECORD_ASK:
		return sizeof(struct record_ask);
	case RECORD_WITHDRAW:
		return sizeof(struct record_withdraw);
	case RECORD_ASKED:
		return sizeof(struct record_asked);
	case RECORD_ANSWERED:
		return sizeof(struct record_answered);
	case RECORD_USED:
		return sizeof(struct record_used);
	case RECORD_ALARM:
		return sizeof(struct record_alarm);
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

/* Text for a person: one line of it. */
static bool printable(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return false;
	return true;
}

static bool ask_valid(const struct record_ask *r)
{
	return TERMINATED(r->tool) && r->tool[0] && TERMINATED(r->reason) && TERMINATED(r->arguments) &&
	       TERMINATED(r->description) && printable(r->description) && printable(r->arguments) && printable(r->reason);
}

static bool asked_valid(const struct record_asked *r)
{
	return r->road < ASK_ROADS_ && r->answer < ANSWERS_ && TERMINATED(r->tool) && r->tool[0] && TERMINATED(r->reason);
}

static bool alarm_valid(const struct record_alarm *r)
{
	return r->kind < ALARM_KINDS_ && r->breach <= BREACH_NOTE && TERMINATED(r->tool);
}

/* Enumerations in range, strings terminated. */
static bool content_valid(const union record *r)
{
	switch ((enum record_type)r->head.type) {
	case RECORD_FAILED:
		return TERMINATED(r->failed.error.what) && TERMINATED(r->failed.error.hint) &&
		       (unsigned)r->failed.error.kind <= ERROR_USAGE;
	case RECORD_CALL:
		return r->call.end < CALL_ENDS_ && r->call.of < CALL_OF_KINDS_ && TERMINATED(r->call.name) &&
		       TERMINATED(r->call.rule);
	case RECORD_REFUSED:
		return r->refused.direction <= SERVER_TO_CLIENT && r->refused.why > REFUSE_NONE &&
		       r->refused.why < DROP_COUNT_ && r->refused.answered <= 1 &&
		       TERMINATED(r->refused.method) && TERMINATED(r->refused.detail);
	case RECORD_EVENT:
		return r->event.event < EVENTS_;
	case RECORD_TEXT:
		return r->text.where < RULE_PLACES && r->text.what < TEXT_WHATS_ && r->text.action <= RULE_OFF &&
		       r->text.limit <= 1 && TERMINATED(r->text.rule) && TERMINATED(r->text.subject);
	case RECORD_ITEM:
		return item_valid(&r->item);
	case RECORD_LIST:
		return r->list.kind < ITEM_KINDS && r->list.whole <= 1;
	case RECORD_SIGNAL:
		return r->signal.signal > 0 && r->signal.signal < NSIG && r->signal.everyone <= 1;
	case RECORD_ASK:
		return ask_valid(&r->ask);
	case RECORD_ASKED:
		return asked_valid(&r->asked);
	case RECORD_ANSWERED:
		return r->answered.answer <= ANSWER_UNAVAILABLE;
	case RECORD_USED:
		return TERMINATED(r->used.tool) && r->used.tool[0];
	case RECORD_ALARM:
		return alarm_valid(&r->alarm);
	case RECORD_WITHDRAW:
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
					 BIT(RECORD_ITEM) | BIT(RECORD_LIST) | BIT(RECORD_TEXT) | BIT(RECORD_END) | BIT(RECORD_ASK) |
					 BIT(RECORD_WITHDRAW) | BIT(RECORD_ASKED) | BIT(RECORD_USED) | BIT(RECORD_ALARM),
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

static int send_record(int fd, enum record_type type, union record *record, int flags)
{
	size_t size = record_size(type);

	record->head = (struct record_head){ .type = (uint16_t)type, .size = (uint16_t)size };
	for (;;) {
		ssize_t n = send(fd, record, size, MSG_NOSIGNAL | flags);
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

int record_send(int fd, enum record_type type, union record *record)
{
	return send_record(fd, type, record, 0);
}

int record_try_send(int fd, enum record_type type, union record *record)
{
	return send_record(fd, type, record, MSG_DONTWAIT);
}

const char *alarm_name(enum alarm_kind kind)
{
	static const char *const names[] = {
		[ALARM_CALLS] = "calls a minute",
		[ALARM_BYTES] = "bytes a minute",
		[ALARM_CONCURRENCY] = "calls at the same time",
		[ALARM_DENIALS] = "denials in a row",
		[ALARM_RESULT] = "size of a result",
	};
	return (unsigned)kind < ARRAY_SIZE(names) ? names[kind] : "unknown";
}

const char *call_end_name(enum call_end end)
{
	static const char *const names[] = {
		[CALL_ANSWERED] = "answered", [CALL_ERROR] = "error",         [CALL_DENIED] = "denied",
		[CALL_TIMEOUT] = "timeout",   [CALL_CANCELLED] = "cancelled", [CALL_REFUSED] = "reply refused",
		[CALL_NO_SERVER] = "server ended", [CALL_ASKED] = "asked",
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
	case DROP_TEXT:
		return "a rule on texts does not let it pass";
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
