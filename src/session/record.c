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
	case RECORD_NAME_REFUSED:
		return sizeof(struct record_name_refused);
	case RECORD_NAME_ASK:
		return sizeof(struct record_name_ask);
	case RECORD_NAME_ANSWER:
		return sizeof(struct record_name_answer);
	case RECORD_CONNECTION:
		return sizeof(struct record_connection);
	case RECORD_TRAFFIC:
		return sizeof(struct record_traffic);
	case RECORD_ALLOW_HOST:
		return sizeof(struct record_allow_host);
	case RECORD_REVOKE:
		return sizeof(struct record_revoke);
	case RECORD_GRANTED:
		return sizeof(struct record_granted);
	case RECORD_DRAIN:
		return sizeof(struct record_drain);
	case RECORD_STARTED:
	case RECORD_GO:
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

/* Names go into the log and onto the terminal, so they are no more than host_name_canonical() lets through. */
static bool name_valid(const char *name)
{
	char canonical[HOST_NAME_SIZE];

	return host_name_canonical(name, strlen(name), canonical) == 0 && strcmp(name, canonical) == 0;
}

static bool name_refused_valid(const struct record_name_refused *r)
{
	return r->why < NAME_REFUSALS_ && TERMINATED(r->name) && TERMINATED(r->detail) && printable(r->name) &&
	       printable(r->detail);
}

static bool connection_valid(const struct record_connection *r)
{
	return r->end < CONNECTION_ENDS_ && (r->family == 0 || r->family == 4 || r->family == 6) && TERMINATED(r->name) &&
	       (r->name[0] == '\0' || name_valid(r->name)) && TERMINATED(r->detail) && printable(r->detail);
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
	case RECORD_NAME_REFUSED:
		return name_refused_valid(&r->name_refused);
	case RECORD_NAME_ASK:
		return TERMINATED(r->name_ask.name) && name_valid(r->name_ask.name);
	case RECORD_NAME_ANSWER:
		return r->name_answer.allow <= 1;
	case RECORD_CONNECTION:
		return connection_valid(&r->connection);
	case RECORD_ALLOW_HOST:
		return r->allow_host.id != 0 && TERMINATED(r->allow_host.rule);
	case RECORD_REVOKE:
		return r->revoke.id != 0;
	case RECORD_GRANTED:
		return r->granted.what < GRANTED_KINDS_ && r->granted.id != 0 && TERMINATED(r->granted.why) &&
		       printable(r->granted.why);
	case RECORD_TRAFFIC:
	case RECORD_WITHDRAW:
	case RECORD_READY:
	case RECORD_END:
	case RECORD_STARTED:
	case RECORD_EXITED:
	case RECORD_GO:
		return true;
	case RECORD_DRAIN:
		return r->drain.memory <= 1;
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

_Static_assert(RECORD_TYPES_ <= 64, "a bit for each type");
#define BIT(type) (UINT64_C(1) << (type))

bool record_legal(enum record_peer peer, enum peer_state state, unsigned type)
{
	static const uint64_t legal[][PEER_STATES_] = {
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
		[PEER_EGRESS] = {
			[PEER_STARTING] = BIT(RECORD_READY) | BIT(RECORD_FAILED),
			[PEER_RUNNING] = BIT(RECORD_NAME_REFUSED) | BIT(RECORD_NAME_ASK) | BIT(RECORD_CONNECTION) |
					 BIT(RECORD_GRANTED) | BIT(RECORD_TRAFFIC),
		},
	};

	return type < RECORD_TYPES_ && (size_t)peer < ARRAY_SIZE(legal) && state < PEER_STATES_ && (legal[peer][state] & BIT(type)) != 0;
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

int record_send_fds(int fd, enum record_type type, union record *record, const int fds[RECORD_FDS])
{
	size_t size = record_size(type);
	union {
		char bytes[CMSG_SPACE(RECORD_FDS * sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	struct iovec io = { record, size };
	struct msghdr message = { .msg_iov = &io, .msg_iovlen = 1, .msg_control = control.bytes,
				  .msg_controllen = sizeof control.bytes };
	struct cmsghdr *c = CMSG_FIRSTHDR(&message);
	ssize_t n;

	record->head = (struct record_head){ .type = (uint16_t)type, .size = (uint16_t)size };
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(RECORD_FDS * sizeof(int));
	memcpy(CMSG_DATA(c), fds, RECORD_FDS * sizeof(int));
	do
		n = sendmsg(fd, &message, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)size ? 0 : -1;
}

/* Whatever C brings is taken, or closed. */
static void take_fds(const struct cmsghdr *c, int fds[RECORD_FDS])
{
	size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

	for (size_t i = 0; i < n; i++) {
		int fd;
		memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
		if (n == RECORD_FDS && fds[i] < 0)
			fds[i] = fd;
		else
			close(fd);
	}
}

ssize_t record_receive(int fd, void *packet, size_t size, int fds[RECORD_FDS])
{
	union {
		char bytes[CMSG_SPACE(RECORD_FDS * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec io = { packet, size };
	struct msghdr message = { .msg_iov = &io, .msg_iovlen = 1, .msg_control = control.bytes,
				  .msg_controllen = sizeof control.bytes };

	for (size_t i = 0; i < RECORD_FDS; i++)
		fds[i] = -1;
	ssize_t n = recvmsg(fd, &message, MSG_DONTWAIT | MSG_TRUNC | MSG_CMSG_CLOEXEC);
	for (struct cmsghdr *c = n >= 0 ? CMSG_FIRSTHDR(&message) : NULL; c; c = CMSG_NXTHDR(&message, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
			take_fds(c, fds);
	return n;
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

const char *name_refusal_text(enum name_refusal why)
{
	static const char *const texts[] = {
		[NAME_NOT_ALLOWED] = "not allowed",
		[NAME_UNREADABLE] = "no host name",
		[NAME_ADDRESS] = "at an address that is not allowed",
		[NAME_POOL] = "one name too many for this session",
	};
	return (unsigned)why < ARRAY_SIZE(texts) ? texts[why] : "unknown";
}

const char *connection_end_text(enum connection_end end)
{
	static const char *const texts[] = {
		[CONNECTION_CLOSED] = "closed",
		[CONNECTION_RESET] = "reset by the server",
		[CONNECTION_RESET_AWAY] = "reset by the other side",
		[CONNECTION_UNRESOLVED] = "no address",
		[CONNECTION_UNREACHABLE] = "cannot be reached",
		[CONNECTION_ADDRESS] = "address refused",
		[CONNECTION_SNI] = "TLS for another name refused",
		[CONNECTION_ECH] = "encrypted ClientHello refused",
		[CONNECTION_HELLO] = "unreadable ClientHello refused",
		[CONNECTION_IDLE] = "idle",
		[CONNECTION_BYTES] = "limit of its bytes",
		[CONNECTION_TOTAL] = "limit of the session",
		[CONNECTION_REVOKED] = "no longer allowed",
		[CONNECTION_CUT] = "the session ended",
	};
	return (unsigned)end < ARRAY_SIZE(texts) ? texts[end] : "unknown";
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
