/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The control socket of a running session: how "mcpcage ps", "grant" and "revoke" speak to its monitor.
 *
 * One SOCK_SEQPACKET socket for each session in the runtime folder (store/runtime.h), named after the session's id in the audit
 * log. A packet is one request or one reply of a fixed layout and size, so the monitor parses nothing; whoever connects has to be
 * the same user, in the same user namespace, which no server in a cage is. Both ends are mcpcage on the same machine, if not
 * always the same version of it: that is what `version` is for. The monitor never waits for a peer: who does not read loses
 * his answer.
 *
 *   control.c         the monitor's end
 *   control-client.c  the command line's end
 *   grants.c          what is granted, and when it ends
 *   grants-helper.c   the processes that enter the cage for it
 */
#pragma once

#include "base/error.h"

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CONTROL_MAGIC 0x6d636763u
#define CONTROL_VERSION 1
/* A session's id in the audit log, with its NUL. */
#define CONTROL_ID_SIZE 17
#define CONTROL_TEXT 4096

enum control_ask {
	CONTROL_SESSION = 1, /* who are you: CONTROL_IS_SESSION */
	CONTROL_NEXT,        /* the grant with the lowest number above `id`: CONTROL_IS_GRANT, or CONTROL_IS_END */
	CONTROL_GRANT_PATH,  /* `text` for `time`: CONTROL_IS_GRANT */
	CONTROL_GRANT_HOST,  /* likewise */
	CONTROL_REVOKE,      /* grant `id`, or all of them with 0: CONTROL_IS_END with their number */
	CONTROL_ASKS_
};

struct control_request {
	uint32_t magic;
	uint16_t version;
	uint16_t ask; /* enum control_ask */
	uint32_t id;
	uint32_t spare; /* 0 */
	uint64_t time;  /* milliseconds */
	char text[CONTROL_TEXT]; /* absolute path, or host */
};

enum control_say { CONTROL_IS_SESSION = 1, CONTROL_IS_GRANT, CONTROL_IS_END, CONTROL_IS_REFUSED, CONTROL_SAYS_ };

enum grant_kind { GRANT_PATH, GRANT_HOST, GRANT_KINDS_ };
const char *grant_kind_name(enum grant_kind kind);

/* Times are seconds since the epoch. */
struct control_session {
	char id[CONTROL_ID_SIZE];
	char server[256]; /* its name for people */
	int32_t pid;      /* of the monitor */
	int64_t started;
	uint64_t longest; /* milliseconds; 0: policy grants nothing */
	uint8_t hosts;    /* 1: names can be granted */
};

struct control_grant {
	uint32_t id;
	uint8_t kind;   /* enum grant_kind */
	uint8_t linked; /* GRANT_PATH: a symlink at its own path leads to `place` */
	int64_t since, until; /* `until` 0: as long as the session lasts */
	char what[CONTROL_TEXT];
	char place[CONTROL_TEXT]; /* GRANT_PATH: where the server sees it */
};

struct control_reply {
	uint32_t magic;
	uint16_t version;
	uint16_t say; /* enum control_say */
	union {
		struct control_session session;
		struct control_grant grant;
		uint32_t n; /* CONTROL_IS_END */
		struct error refused;
	};
};

/* ---- the monitor's end: control.c ---------------------------------------------------------------- */

struct session;

/* Who is connected at a time; more wait. */
enum { CONTROL_PEERS = 4, CONTROL_POLL = CONTROL_PEERS + 3 };

enum control_state {
	CONTROL_LISTENS,
	CONTROL_QUEUED, /* its request waits for its turn */
	CONTROL_WORKS,  /* and is being done */
	CONTROL_ENDS,   /* waits until what it revoked is gone */
};

struct control_peer {
	int fd; /* -1: nobody */
	pid_t pid;
	enum control_state state;
	unsigned asked;
	uint64_t until; /* milliseconds: says nothing for too long */
	uint32_t ending; /* CONTROL_ENDS: how many */
	struct control_request request;
};

struct control {
	int folder;   /* O_PATH; -1: there is no socket */
	int listener;
	uint64_t tired_until; /* milliseconds: nobody is let in after descriptors ran out */
	struct control_peer peers[CONTROL_PEERS];
};

void control_init(struct control *c);
/* Make the socket, once the server runs. Without one the session goes on: what there was to say has been said. */
void control_open(struct session *s);
/* Descriptors to wait for, CONTROL_POLL at most; and, after poll(2), what came of the N that were. */
size_t control_poll(const struct session *s, struct pollfd *p);
void control_tend(struct session *s, const struct pollfd *p, size_t n);
uint64_t control_due(const struct session *s);
void control_close(struct session *s);

/* For grants.c: PEER may be NULL, or gone. */
void control_answer(struct control_peer *peer, const struct control_reply *reply);
void control_refuse(struct control_peer *peer, const struct error *err);

/* ---- the command line's end: control-client.c ---------------------------------------------------- */

struct control_instance {
	int fd;
	struct control_session session;
};

struct control_list {
	struct control_instance *v; /* by their start */
	size_t n;
};

/* Ask every session whose socket is in FOLDER; sockets that nobody listens at are removed. Appends to LIST. */
int control_find(const char *folder, struct control_list *list, struct error *err);
void control_list_free(struct control_list *list);
/* One request and its answer. -1: ERR says why the session refused, or does not answer. */
int control_request(const struct control_instance *instance, struct control_request *request, struct control_reply *reply,
		    struct error *err);
/* Remove sockets in FOLDER, an O_PATH descriptor, that nobody listens at. */
void control_sweep(int folder);
