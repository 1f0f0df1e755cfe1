/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the processes of one session say to each other, over SOCK_SEQPACKET socket pairs (unix(7)).
 *
 * Filter, egress and init may be in an attacker's hands, so the monitor parses nothing: every record has a fixed layout and a
 * fixed size for its type, record_next() checks both, and one table says which record is legal from whom in
 * which state. A packet holds one or more records, back to back. Both ends are the same program on the same
 * machine, so byte order and padding are the compiler's.
 */
#pragma once

#include "base/error.h"
#include "policy/host.h"
#include "rpc/manifest.h"
#include "rpc/message.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum record_type {
	RECORD_NONE = 0,
	/* filter, init and egress to monitor */
	RECORD_READY,   /* set up and confined */
	RECORD_FAILED,  /* could not be set up */
	/* filter to monitor */
	RECORD_CALL,    /* a request of the client came to its end */
	RECORD_REFUSED, /* a line was refused or dropped */
	RECORD_EVENT,
	RECORD_ITEM,    /* a piece of what the server shows of itself, for the pins */
	RECORD_LIST,    /* a list, or a page of one, has been reported item by item */
	RECORD_TEXT,    /* something was done to a text, or found in one */
	RECORD_END,     /* the filter's last record: totals */
	/* init to monitor */
	RECORD_STARTED, /* execve(2) succeeded */
	RECORD_EXITED,  /* the server ended */
	/* monitor to filter and init */
	RECORD_GO,     /* init: start the server; after RECORD_EXITED: leave */
	RECORD_SIGNAL, /* init: pass this signal on */
	RECORD_DRAIN,  /* filter: no more input from the client; pass on what the server still says, then end. egress: end */
	/* asking and alarms: filter to monitor, and its answer */
	RECORD_ASK,      /* ask the person by a helper or on the terminal */
	RECORD_WITHDRAW, /* nobody waits for that answer any more */
	RECORD_ASKED,    /* how a question ended */
	RECORD_USED,     /* a tool was used, and how large its results were */
	RECORD_ALARM,
	RECORD_ANSWERED, /* monitor to filter: what the person said */
	/* network by name (egress.h): egress to monitor */
	RECORD_NAME_REFUSED, /* the server asked for a name it may not have */
	RECORD_NAME_ASK,     /* likewise, and policy says to ask; the DNS answer is held */
	RECORD_CONNECTION,   /* a connection came to its end */
	RECORD_GRANTED,      /* what became of an ALLOW_HOST or REVOKE */
	RECORD_TRAFFIC,      /* egress's last record: totals */
	/* monitor to egress */
	RECORD_NAME_ANSWER, /* to NAME_ASK */
	RECORD_ALLOW_HOST,
	RECORD_REVOKE,
	RECORD_TYPES_
};

/* Every record starts with this. */
struct record_head {
	uint16_t type;
	uint16_t size; /* of the whole record */
};

struct record_ready {
	struct record_head head;
	uint32_t landlock; /* ABI that is active in this process, 0: none */
};

struct record_failed {
	struct record_head head;
	struct error error;
};

enum call_end {
	CALL_ANSWERED,
	CALL_ERROR,     /* answered by a JSON-RPC error */
	CALL_DENIED,    /* by policy; never reached the server */
	CALL_TIMEOUT,
	CALL_CANCELLED, /* by the client, and never answered */
	CALL_REFUSED,   /* the server's reply was not acceptable */
	CALL_NO_SERVER, /* the server ended first */
	CALL_ASKED,     /* a modern client was asked; it tries again with the answer */
	CALL_ENDS_
};
const char *call_end_name(enum call_end end);

/* What `name` of a record_call is. */
enum call_of {
	CALL_OF_METHOD, /* the method of a request of the client */
	CALL_OF_TOOL,   /* the tool of a tools/call */
	CALL_OF_SERVER, /* the method of a request of the server */
	CALL_OF_KINDS_
};

struct record_call {
	struct record_head head;
	uint8_t end;  /* enum call_end */
	uint8_t of;   /* enum call_of */
	uint64_t duration; /* milliseconds */
	uint64_t request_bytes, reply_bytes;
	char name[256];
	char rule[128]; /* CALL_DENIED: the glob */
};

/* Why a well-formed message did not pass; continues enum refusal. */
enum drop {
	DROP_UNSOLICITED = REFUSE_COUNT_, /* an answer that nobody waits for */
	DROP_LATE,                        /* an answer after its deadline */
	DROP_ID_IN_USE,
	DROP_TOO_MANY_PENDING,
	DROP_NO_ID, /* a request method without an id */
	DROP_ANSWER_WITHOUT_ID,
	DROP_NOISE, /* server output that is no message */
	DROP_POLICY,     /* policy does not allow it */
	DROP_REVERSE,    /* the server may not ask this of the client, or not so */
	DROP_UNKNOWN_TASK,
	DROP_UNASKED,    /* a notification that belongs to nothing the client has asked for */
	DROP_SCHEMA,     /* arguments or a result that a schema does not allow */
	DROP_TOO_LARGE,  /* a result above its rule's limit */
	DROP_UNREADABLE, /* too many values, or no memory to look at it */
	DROP_METHOD,     /* a method that is unknown, or not this side's to send */
	DROP_SHAPE,      /* it lacks what its method requires */
	DROP_TEXT,       /* a rule on texts, or the text command, does not let it pass */
	DROP_PINS,       /* it is not pinned, or not as it is pinned */
	DROP_COUNT_
};
const char *drop_text(unsigned why);

struct record_refused {
	struct record_head head;
	uint8_t direction; /* enum direction */
	uint8_t why;       /* enum refusal or enum drop */
	uint8_t answered;  /* 1: its sender got an answer */
	uint64_t offset, length;
	char method[128];
	char detail[160];
};

enum session_event {
	EVENT_CLIENT_EOF,   /* the client closed our standard input */
	EVENT_CLIENT_GONE,  /* our standard output is closed */
	EVENT_SERVER_EOF,   /* the server closed its standard output */
	EVENT_IDLE,         /* idle timeout */
	EVENT_UNYIELDING,   /* the server stays silent past deadlines */
	EVENT_CLIENT_STUCK, /* the client does not read and our answers fill their buffer */
	EVENT_ALARM,        /* a limit was passed where policy says to stop */
	EVENT_QUIET,        /* nothing was asked for as long as policy says: freeze the server */
	EVENT_BUSY,         /* and now something is: let it go on */
	EVENTS_
};
struct record_event {
	struct record_head head;
	uint8_t event;
};

struct record_end {
	struct record_head head;
	uint64_t messages[2], bytes[2]; /* forwarded, by direction */
	uint64_t refused[2];
	uint64_t noise_lines, stderr_bytes, stderr_dropped, cleaned;
};

/*
 * A question for the person. `arguments` are for people: shown by the filter as rpc/question.h says, so they have no
 * control characters, which is checked here; nothing else is known of them.
 */
struct record_ask {
	struct record_head head;
	uint32_t number;
	uint8_t pin[32], scope[32]; /* what "always" is for, as in struct approval */
	char tool[256];
	char reason[512];
	char description[1024];
	char arguments[8192];
};

struct record_withdraw {
	struct record_head head;
	uint32_t number;
};

enum ask_road { ROAD_CLIENT, ROAD_HELPER, ASK_ROADS_ };

struct record_asked {
	struct record_head head;
	uint8_t road;   /* enum ask_road */
	uint8_t answer; /* enum answer */
	uint8_t pin[32], scope[32];
	char tool[256];
	char reason[512];
};

struct record_answered {
	struct record_head head;
	uint32_t number;
	uint8_t answer; /* enum answer; never ANSWER_TIMEOUT or ANSWER_WITHDRAWN, which are the filter's to say */
};

struct record_used {
	struct record_head head;
	uint8_t pin[32];
	char tool[256];
	uint64_t largest, mean; /* struct baseline */
	uint32_t results;
};

enum alarm_kind { ALARM_CALLS, ALARM_BYTES, ALARM_CONCURRENCY, ALARM_DENIALS, ALARM_RESULT, ALARM_KINDS_ };
const char *alarm_name(enum alarm_kind kind);

struct record_alarm {
	struct record_head head;
	uint8_t kind;   /* enum alarm_kind */
	uint8_t breach; /* enum breach_mode: what is done about it */
	char tool[256]; /* the one whose call it was, or "" */
	uint64_t value, limit;
};

/* To egress it says nothing more than that. */
struct record_drain {
	struct record_head head;
	uint8_t memory; /* 1: the server was killed because its group's memory was full */
};

struct record_exited {
	struct record_head head;
	int32_t status; /* as from waitpid(2) */
};

struct record_signal {
	struct record_head head;
	int32_t signal;
	uint8_t everyone; /* 1: every process of the cage; 0: the server's process group */
};

/*
 * A finding about an item. Content comes in chunks of one record each, in their order, with nothing in between: `offset` and `n` say
 * which bytes of the `total` these are. The monitor keeps them, counts them and hashes them, and never looks into them. Findings
 * without content have a total of 0.
 */
#define RECORD_CHUNK 3072
struct record_item {
	struct record_head head;
	uint8_t finding; /* enum finding */
	uint8_t kind;    /* enum item_kind */
	uint8_t changes; /* FINDING_CHANGED: bits of enum change */
	uint8_t spare;
	uint32_t total, offset, n;
	uint8_t hash[ITEM_HASH]; /* of the content */
	uint8_t was[ITEM_HASH];  /* FINDING_CHANGED: of what is pinned */
	char name[ITEM_NAME_MAX + 1];
	unsigned char chunk[RECORD_CHUNK];
};

struct record_list {
	struct record_head head;
	uint8_t kind;  /* ITEM_INSTRUCTIONS stands for all of a greeting */
	uint8_t whole; /* 1: from its first page to its last */
};

enum text_what {
	TEXT_CLEANED, /* characters were taken out: the counts say how many of which kind (rpc/clean.h) */
	TEXT_HIT,     /* `rule` hit `count` times; `limit`: at least once only because a search was given up */
	TEXT_COMMAND, /* the text command refused; `limit`: it failed, and `rule` says how */
	TEXT_WHATS_
};

/* Nothing of the text itself. */
struct record_text {
	struct record_head head;
	uint8_t where;  /* rule_place() */
	uint8_t what;   /* enum text_what */
	uint8_t action; /* enum rule_action */
	uint8_t limit;
	uint32_t count;
	uint64_t control, invisible, direction, hidden_data, breaks;
	char rule[64];
	char subject[256]; /* tool or method */
};

/* Why a name, or an address that was connected to without one, is refused. */
enum name_refusal {
	NAME_NOT_ALLOWED,
	NAME_UNREADABLE, /* no host name at all: `name` has it as far as it can be shown */
	NAME_ADDRESS,    /* it resolves to what no rule allows: `detail` says to which kind of address */
	NAME_POOL,       /* more names than a session can have */
	NAME_REFUSALS_
};
const char *name_refusal_text(enum name_refusal why);

/* Once for each name; how often in all is in RECORD_TRAFFIC. */
struct record_name_refused {
	struct record_head head;
	uint8_t why;         /* enum name_refusal */
	uint16_t port;       /* where there was one: an address; or 0 */
	char name[HOST_NAME_SIZE]; /* printable */
	char detail[96];
};

struct record_name_ask {
	struct record_head head;
	uint32_t number;
	char name[HOST_NAME_SIZE]; /* canonical */
};

struct record_name_answer {
	struct record_head head;
	uint32_t number;
	uint8_t allow; /* 1: there is a rule now */
};

enum connection_end {
	CONNECTION_CLOSED,      /* both sides had said all */
	CONNECTION_RESET,       /* by the server */
	CONNECTION_RESET_AWAY,  /* by the other side */
	CONNECTION_UNRESOLVED,  /* its name has no address now */
	CONNECTION_UNREACHABLE, /* no address of it could be connected to */
	CONNECTION_ADDRESS,     /* its name resolves to addresses that no rule allows */
	CONNECTION_SNI,         /* TLS for another name */
	CONNECTION_ECH,         /* TLS with an encrypted ClientHello */
	CONNECTION_HELLO,       /* TLS whose ClientHello cannot be read */
	CONNECTION_IDLE,
	CONNECTION_BYTES,       /* network.connection_bytes */
	CONNECTION_TOTAL,       /* a limit of the session */
	CONNECTION_REVOKED,     /* the rule that allowed it is gone */
	CONNECTION_CUT,         /* the session ended */
	CONNECTION_ENDS_
};
const char *connection_end_text(enum connection_end end);

struct record_connection {
	struct record_head head;
	uint8_t end;    /* enum connection_end */
	uint8_t family; /* of `address`, 4 or 6; 0: it never got that far */
	uint16_t port;
	uint32_t grant; /* id of the ALLOW_HOST that allowed it, 0: policy */
	uint8_t address[16]; /* outside */
	uint64_t sent, received; /* bytes: of the server, and to it */
	uint64_t duration; /* milliseconds */
	char name[HOST_NAME_SIZE]; /* canonical; "" for an address that policy names */
	char detail[128];
};

struct record_traffic {
	struct record_head head;
	uint64_t connections, failed, sent, received;
	uint64_t queries, refused; /* DNS */
	uint64_t unreported; /* refused names and connections that no record told of */
	uint32_t names; /* that were given an address */
};

struct record_allow_host {
	struct record_head head;
	uint32_t id;      /* not 0 */
	uint64_t expires; /* milliseconds, CLOCK_MONOTONIC; 0: when the session ends */
	char rule[HOST_TEXT_SIZE]; /* for host_rule_parse() */
};

struct record_revoke {
	struct record_head head;
	uint32_t id;
};

enum granted { GRANTED_NOW, GRANTED_NOT, GRANTED_OVER, GRANTED_KINDS_ };

struct record_granted {
	struct record_head head;
	uint8_t what; /* enum granted */
	uint32_t id;
	uint32_t cut;  /* GRANTED_OVER: connections that were */
	char why[160]; /* GRANTED_NOT */
};

union record {
	struct record_head head;
	struct record_ready ready;
	struct record_failed failed;
	struct record_call call;
	struct record_refused refused;
	struct record_event event;
	struct record_item item;
	struct record_list list;
	struct record_text text;
	struct record_end end;
	struct record_exited exited;
	struct record_drain drain;
	struct record_signal signal;
	struct record_ask ask;
	struct record_withdraw withdraw;
	struct record_asked asked;
	struct record_answered answered;
	struct record_used used;
	struct record_alarm alarm;
	struct record_name_refused name_refused;
	struct record_name_ask name_ask;
	struct record_name_answer name_answer;
	struct record_connection connection;
	struct record_traffic traffic;
	struct record_allow_host allow_host;
	struct record_revoke revoke;
	struct record_granted granted;
};

#define RECORD_PACKET_MAX 16384

/* Who speaks, and how far the monitor's picture of it has come. */
enum record_peer { PEER_FILTER, PEER_INIT, PEER_EGRESS };
enum peer_state {
	PEER_STARTING, /* before RECORD_READY */
	PEER_READY,    /* init: ready, not told to go */
	PEER_RUNNING,
	PEER_ENDED,
	PEER_STATES_
};

/* The size of a record of this type, 0 for an unknown type. */
size_t record_size(unsigned type);

/*
 * Take the next record from the packet (*AT of N bytes at P) into *OUT: 1, 0 at the packet's end, or -1 when it is malformed:
 * wrong size, an enum out of range, an unterminated string, trailing bytes.
 */
int record_next(const unsigned char *p, size_t n, size_t *at, union record *out);

/* Whether PEER may send TYPE in STATE. */
bool record_legal(enum record_peer peer, enum peer_state state, unsigned type);

/* Send one record with its head filled in. 0, or -1 with errno set. */
int record_send(int fd, enum record_type type, union record *record);
/* The same without waiting for room: -1 with EAGAIN. */
int record_try_send(int fd, enum record_type type, union record *record);

/* Descriptors that can come with a packet: those of a cage's namespaces. */
#define RECORD_FDS 2
/* record_send() with copies of FDS. */
int record_send_fds(int fd, enum record_type type, union record *record, const int fds[RECORD_FDS]);
/*
 * recv(2) with MSG_DONTWAIT and MSG_TRUNC. FDS gets the descriptors that came along, all of them or none: -1 where there was none.
 * They are the caller's to close, whoever sent them.
 */
ssize_t record_receive(int fd, void *packet, size_t size, int fds[RECORD_FDS]);
