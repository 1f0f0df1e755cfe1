/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The monitor's records: what is well-formed, and who may send what when. */
#include "rpc/rules.h"
#include "session/record.h"
#include "policy/mediation.h"
#include "rpc/question.h"
#include "tests/tap.h"

#include <sys/socket.h>

static size_t put(unsigned char *to, unsigned type, union record *r)
{
	size_t size = record_size(type);

	r->head.type = (uint16_t)type;
	r->head.size = (uint16_t)size;
	memcpy(to, r, size);
	return size;
}

static int parse(const unsigned char *p, size_t n, union record *out)
{
	size_t at = 0;
	int more, count = 0;

	while ((more = record_next(p, n, &at, out)) > 0)
		count++;
	return more < 0 ? -1 : count;
}

static void well_formed(void)
{
	unsigned char packet[RECORD_PACKET_MAX];
	union record r, out;
	size_t n;

	for (unsigned type = 0; type < RECORD_TYPES_ + 3; type++) {
		memset(&r, 0, sizeof r);
		if (type == RECORD_REFUSED)
			r.refused.why = REFUSE_UTF8;
		if (type == RECORD_SIGNAL)
			r.signal.signal = 15;
		if (type == RECORD_ASK)
			r.ask.tool[0] = 't';
		if (type == RECORD_ASKED)
			r.asked.tool[0] = 't';
		if (type == RECORD_USED)
			r.used.tool[0] = 't';
		if (type == RECORD_NAME_ASK)
			r.name_ask.name[0] = 'n';
		if (type == RECORD_ALLOW_HOST || type == RECORD_REVOKE || type == RECORD_GRANTED)
			r.allow_host.id = r.revoke.id = r.granted.id = 1;
		n = put(packet, type, &r);
		bool known = type > RECORD_NONE && type < RECORD_TYPES_;
		is_int(parse(packet, n ? n : sizeof(struct record_head), &out), known ? 1 : -1,
		       "type %u is %s", type, known ? "taken" : "refused");
		if (!known)
			continue;
		is_int(parse(packet, n - 1, &out), -1, "type %u, one byte short", type);
		packet[n] = 0;
		is_int(parse(packet, n + 1, &out), -1, "type %u, one byte too many", type);
		((struct record_head *)(void *)packet)->size++;
		is_int(parse(packet, n + 1, &out), -1, "type %u, wrong size", type);
	}

	memset(&r, 0, sizeof r);
	n = put(packet, RECORD_STARTED, &r);
	r.call.end = CALL_DENIED;
	n += put(packet + n, RECORD_CALL, &r);
	is_int(parse(packet, n, &out), 2, "two records in a packet, the second unaligned");
	is_int(out.call.end, CALL_DENIED, "the second one's content");
	is_int(parse(packet, 0, &out), 0, "an empty packet");
}

#define REFUSED(type, change, what)                                          \
	do {                                                                 \
		memset(&r, 0, sizeof r);                                     \
		r.refused.why = REFUSE_UTF8;                                 \
		if ((type) != RECORD_REFUSED)                                \
			memset(&r, 0, sizeof r);                             \
		n = put(packet, type, &r);                                   \
		is_int(parse(packet, n, &out), 1, "without " what " it is taken"); \
		change;                                                      \
		n = put(packet, type, &r);                                   \
		is_int(parse(packet, n, &out), -1, what " is refused");      \
	} while (0)

static void bad_content(void)
{
	unsigned char packet[RECORD_PACKET_MAX];
	union record r, out;
	size_t n;

	REFUSED(RECORD_CALL, memset(r.call.name, 'x', sizeof r.call.name), "an unterminated tool name");
	REFUSED(RECORD_CALL, memset(r.call.rule, 'x', sizeof r.call.rule), "an unterminated rule");
	REFUSED(RECORD_CALL, r.call.end = CALL_ENDS_, "an unknown end of a call");
	REFUSED(RECORD_CALL, r.call.of = CALL_OF_KINDS_, "a kind of call that there is not");
	REFUSED(RECORD_REFUSED, r.refused.why = DROP_COUNT_, "an unknown reason");
	REFUSED(RECORD_REFUSED, r.refused.why = REFUSE_NONE, "no reason");
	REFUSED(RECORD_REFUSED, r.refused.direction = 2, "an unknown direction");
	REFUSED(RECORD_REFUSED, memset(r.refused.detail, 'x', sizeof r.refused.detail), "an unterminated detail");
	REFUSED(RECORD_REFUSED, memset(r.refused.method, 'x', sizeof r.refused.method), "an unterminated method");
	REFUSED(RECORD_ITEM, memset(r.item.name, 'x', sizeof r.item.name), "an unterminated name of an item");
	REFUSED(RECORD_ITEM, r.item.kind = ITEM_KINDS, "an unknown kind of item");
	REFUSED(RECORD_ITEM, r.item.finding = FINDINGS_, "an unknown finding");
	REFUSED(RECORD_ITEM, r.item.changes = 255, "an unknown change");
	REFUSED(RECORD_ITEM, r.item.total = 1, "a chunk of nothing");
	REFUSED(RECORD_ITEM, r.item.total = 10; r.item.n = 11, "a chunk that is larger than the whole");
	REFUSED(RECORD_ITEM, r.item.total = 10; r.item.n = 1; r.item.offset = 10, "a chunk behind the end");
	REFUSED(RECORD_ITEM, r.item.total = UINT32_MAX; r.item.n = 1; r.item.offset = UINT32_MAX, "an offset that wraps");
	REFUSED(RECORD_ITEM, r.item.total = 100000; r.item.n = RECORD_CHUNK + 1, "a chunk that is larger than its room");
	REFUSED(RECORD_ITEM, r.item.total = ITEM_CONTENT_MAX + 1; r.item.n = 1, "an item that is too large");
	REFUSED(RECORD_LIST, r.list.kind = ITEM_KINDS, "a list of nothing");
	REFUSED(RECORD_LIST, r.list.whole = 2, "half a list");
	REFUSED(RECORD_TEXT, r.text.where = RULE_PLACES, "a text at an unknown place");
	REFUSED(RECORD_TEXT, r.text.what = TEXT_WHATS_, "an unknown thing about a text");
	REFUSED(RECORD_TEXT, r.text.action = RULE_OFF + 1, "an unknown action");
	REFUSED(RECORD_TEXT, r.text.limit = 2, "half a limit");
	REFUSED(RECORD_TEXT, memset(r.text.rule, 'x', sizeof r.text.rule), "an unterminated rule");
	REFUSED(RECORD_TEXT, memset(r.text.subject, 'x', sizeof r.text.subject), "an unterminated subject");
	REFUSED(RECORD_EVENT, r.event.event = EVENTS_, "an unknown event");
	REFUSED(RECORD_FAILED, memset(r.failed.error.what, 'x', sizeof r.failed.error.what), "an unterminated error");
	REFUSED(RECORD_FAILED, memset(r.failed.error.hint, 'x', sizeof r.failed.error.hint), "an unterminated hint");
	REFUSED(RECORD_FAILED, r.failed.error.kind = (enum error_kind)99, "an unknown kind of error");
}

/* What egress says goes into the log and onto the terminal. */
static void bad_network(void)
{
	unsigned char packet[RECORD_PACKET_MAX];
	union record r, out;
	size_t n;

	REFUSED(RECORD_NAME_REFUSED, r.name_refused.why = NAME_REFUSALS_, "an unknown reason to refuse a name");
	REFUSED(RECORD_NAME_REFUSED, memset(r.name_refused.name, 'x', sizeof r.name_refused.name), "an unterminated name");
	REFUSED(RECORD_NAME_REFUSED, strcpy(r.name_refused.name, "a\033b"), "a name with a control character");
	REFUSED(RECORD_NAME_REFUSED, strcpy(r.name_refused.detail, "a\nb"), "a detail of two lines");
	REFUSED(RECORD_NAME_ANSWER, r.name_answer.allow = 2, "half an answer");
	REFUSED(RECORD_CONNECTION, r.connection.end = CONNECTION_ENDS_, "an unknown end of a connection");
	REFUSED(RECORD_CONNECTION, r.connection.family = 5, "an unknown family");
	REFUSED(RECORD_CONNECTION, strcpy(r.connection.name, "Example.org"), "a name that is not canonical");
	REFUSED(RECORD_CONNECTION, strcpy(r.connection.name, "a b"), "a name that is none");
	REFUSED(RECORD_CONNECTION, memset(r.connection.name, 'x', sizeof r.connection.name), "an unterminated name");
	REFUSED(RECORD_CONNECTION, memset(r.connection.detail, 'x', sizeof r.connection.detail), "an unterminated detail");
	memset(&r, 0, sizeof r);
	n = put(packet, RECORD_NAME_ASK, &r);
	is_int(parse(packet, n, &out), -1, "a question about no name is refused");
	n = put(packet, RECORD_GRANTED, &r);
	is_int(parse(packet, n, &out), -1, "a grant without a number is refused");
	ok(record_legal(PEER_EGRESS, PEER_RUNNING, RECORD_CONNECTION) && record_legal(PEER_EGRESS, PEER_STARTING, RECORD_READY) &&
		   !record_legal(PEER_EGRESS, PEER_STARTING, RECORD_CONNECTION) &&
		   !record_legal(PEER_EGRESS, PEER_ENDED, RECORD_CONNECTION) && !record_legal(PEER_FILTER, PEER_RUNNING, RECORD_CONNECTION) &&
		   !record_legal(PEER_INIT, PEER_RUNNING, RECORD_TRAFFIC) && !record_legal(PEER_EGRESS, PEER_RUNNING, RECORD_CALL) &&
		   !record_legal(PEER_EGRESS, PEER_RUNNING, RECORD_ALLOW_HOST) && !record_legal(PEER_EGRESS, PEER_RUNNING, RECORD_EXITED),
	   "egress may tell of names and connections, while it runs; nobody else may");
	ok(strcmp(connection_end_text(CONNECTION_ENDS_), "unknown") == 0 && strcmp(name_refusal_text(NAME_REFUSALS_), "unknown") == 0,
	   "words for what there is");
}

#define REFUSED_TOOL(type, tool_, change, what)                                      \
	do {                                                                         \
		memset(&r, 0, sizeof r);                                             \
		(tool_)[0] = 't';                                                    \
		n = put(packet, type, &r);                                           \
		is_int(parse(packet, n, &out), 1, "without " what " it is taken");   \
		change;                                                              \
		n = put(packet, type, &r);                                           \
		is_int(parse(packet, n, &out), -1, what " is refused");              \
	} while (0)

static void bad_questions(void)
{
	unsigned char packet[RECORD_PACKET_MAX];
	union record r, out;
	size_t n;

	REFUSED_TOOL(RECORD_ASK, r.ask.tool, r.ask.tool[0] = '\0', "a question about no tool");
	REFUSED_TOOL(RECORD_ASK, r.ask.tool, memset(r.ask.tool, 'x', sizeof r.ask.tool), "an unterminated tool asked about");
	REFUSED_TOOL(RECORD_ASK, r.ask.tool, memset(r.ask.reason, 'x', sizeof r.ask.reason), "an unterminated reason to ask");
	REFUSED_TOOL(RECORD_ASK, r.ask.tool, memset(r.ask.arguments, 'x', sizeof r.ask.arguments), "unterminated arguments");
	REFUSED_TOOL(RECORD_ASK, r.ask.tool, strcpy(r.ask.arguments, "a\033[2Jb"), "a control sequence for the person");
	REFUSED_TOOL(RECORD_ASK, r.ask.tool, memset(r.ask.description, 'x', sizeof r.ask.description), "an unterminated description");
	REFUSED_TOOL(RECORD_ASK, r.ask.tool, strcpy(r.ask.description, "a\177b"), "a description with a control character");
	REFUSED_TOOL(RECORD_ASK, r.ask.tool, strcpy(r.ask.reason, "a\nb"), "a reason of two lines");
	REFUSED_TOOL(RECORD_ASKED, r.asked.tool, r.asked.answer = ANSWERS_, "an unknown answer");
	REFUSED_TOOL(RECORD_ASKED, r.asked.tool, r.asked.road = ASK_ROADS_, "an unknown road");
	REFUSED_TOOL(RECORD_ASKED, r.asked.tool, r.asked.tool[0] = '\0', "an answer about no tool");
	REFUSED_TOOL(RECORD_ASKED, r.asked.tool, memset(r.asked.reason, 'x', sizeof r.asked.reason), "an unterminated reason");
	REFUSED_TOOL(RECORD_USED, r.used.tool, memset(r.used.tool, 'x', sizeof r.used.tool), "an unterminated used tool");
	REFUSED_TOOL(RECORD_USED, r.used.tool, r.used.tool[0] = '\0', "the use of no tool");
	REFUSED(RECORD_ANSWERED, r.answered.answer = ANSWER_TIMEOUT, "an answer that is not the monitor's");
	REFUSED(RECORD_ALARM, r.alarm.kind = ALARM_KINDS_, "an unknown alarm");
	REFUSED(RECORD_ALARM, r.alarm.breach = 9, "an unknown measure");
	REFUSED(RECORD_ALARM, memset(r.alarm.tool, 'x', sizeof r.alarm.tool), "an unterminated tool of an alarm");
}

static void legality(void)
{
	static const struct {
		enum record_peer peer;
		enum peer_state state;
		unsigned type;
	} legal[] = {
		{ PEER_FILTER, PEER_STARTING, RECORD_READY },  { PEER_FILTER, PEER_STARTING, RECORD_FAILED },
		{ PEER_FILTER, PEER_RUNNING, RECORD_CALL },    { PEER_FILTER, PEER_RUNNING, RECORD_REFUSED },
		{ PEER_FILTER, PEER_RUNNING, RECORD_EVENT },   { PEER_FILTER, PEER_RUNNING, RECORD_END },
		{ PEER_FILTER, PEER_RUNNING, RECORD_ITEM },    { PEER_FILTER, PEER_RUNNING, RECORD_LIST },
		{ PEER_FILTER, PEER_RUNNING, RECORD_ASK },     { PEER_FILTER, PEER_RUNNING, RECORD_WITHDRAW },
		{ PEER_FILTER, PEER_RUNNING, RECORD_ASKED },   { PEER_FILTER, PEER_RUNNING, RECORD_USED },
		{ PEER_FILTER, PEER_RUNNING, RECORD_ALARM },   { PEER_FILTER, PEER_RUNNING, RECORD_TEXT },
		{ PEER_INIT, PEER_STARTING, RECORD_READY },    { PEER_INIT, PEER_STARTING, RECORD_FAILED },
		{ PEER_INIT, PEER_READY, RECORD_STARTED },     { PEER_INIT, PEER_READY, RECORD_FAILED },
		{ PEER_INIT, PEER_RUNNING, RECORD_EXITED },
	};

	for (int peer = PEER_FILTER; peer <= PEER_INIT; peer++)
		for (int state = 0; state <= PEER_STATES_; state++)
			for (unsigned type = 0; type <= RECORD_TYPES_; type++) {
				bool want = false;
				for (size_t i = 0; i < sizeof legal / sizeof legal[0]; i++)
					want |= legal[i].peer == (enum record_peer)peer &&
						legal[i].state == (enum peer_state)state && legal[i].type == type;
				if (record_legal((enum record_peer)peer, (enum peer_state)state, type) != want)
					fail("peer %d, state %d, type %u", peer, state, type);
			}
	pass("every peer, state and type is legal or not as the table says");
}

static void over_a_socket(void)
{
	int fds[2];
	unsigned char packet[RECORD_PACKET_MAX];
	union record r = { .signal = { .signal = 10, .everyone = 1 } }, out;

	ok(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) == 0, "a socket pair");
	is_int(record_send(fds[0], RECORD_SIGNAL, &r), 0, "a record is sent");
	ssize_t n = recv(fds[1], packet, sizeof packet, 0);
	is_int(parse(packet, (size_t)n, &out), 1, "and received");
	is_int(out.signal.signal, 10, "with its content");
	close(fds[1]);
	is_int(record_send(fds[0], RECORD_SIGNAL, &r), -1, "a closed peer is an error, not a signal");
	close(fds[0]);
}

int main(void)
{
	well_formed();
	bad_content();
	bad_network();
	bad_questions();
	legality();
	over_a_socket();
	for (unsigned why = 1; why < DROP_COUNT_; why++)
		if (!drop_text(why)[0])
			fail("reason %u has words", why);
	return done_testing();
}
