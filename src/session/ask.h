/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Asking a person before a request passes. The filter holds the request, asks through the client where it can, else through the
 * monitor (--ask-with, or the terminal), and releases or refuses it when the answer is there. No answer is a no.
 *
 *   ask.c         which calls are asked about, what was allowed, and what an answer does
 *   ask-client.c  the client's side: elicitation/create, and input-required results
 */
#pragma once

#include "rpc/question.h"
#include "rpc/route.h"
#include "session/passage.h"
#include "session/record.h"
#include "store/approvals.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct filter;

/* Questions open at a time; what a session allows; questions to modern clients that may still be answered. */
enum { ASK_OPEN_MAX = 8, ASK_GRANTS_MAX = 512, ASK_ISSUED_MAX = 32 };

/* So many refusals in a row, and nobody is asked for so many milliseconds. */
enum { ASK_REFUSALS = 5, ASK_QUIET = 60000 };

/* Our ids, which no request of the server may have. */
#define ASK_ID_PREFIX "mcpcage-"

/* What is asked about. */
struct ask_about {
	const char *subject;    /* the tool, or the method */
	const char *reason;     /* for the person; printable */
	struct span arguments;  /* JSON */
	const char *description; /* of the tool; NULL: none */
	uint8_t pin[32];        /* of the tool's definition; zeroes: none */
	uint8_t scope[32];      /* what asked; answers for the session and for always hold for it. ask_scope() */
	bool request;           /* it is a request of the server's, not a call */
	bool lift;              /* about calls that are held back: an answer for longer lifts that */
	enum alarm_kind lifts;
};

struct ask_open {
	bool used;
	uint32_t number;
	enum direction d; /* of the request that is held, and its id */
	struct rpc_id id;
	enum ask_road road;
	uint64_t deadline;
	struct ask_about about; /* `subject`, `reason`: below; `arguments`: none */
	char subject[256], reason[512];
	char *shown, *description; /* the arguments and the tool's text, for another road; owned */
};

struct ask_grant {
	char subject[256];
	uint8_t pin[32], scope[32];
};

/* A question that a modern client has: its answer counts once. */
struct ask_issued {
	uint32_t number;
	uint64_t expires; /* milliseconds; 0: answered */
};

/* A call that was allowed once and for which the server wants more: its next round is not asked about. */
struct ask_round {
	struct rpc_id id; /* of the call that runs, ID_NONE: none */
	uint64_t expires; /* milliseconds, once the server has asked for more; 0: not yet */
	char state[QUESTION_STATE_MAX];
};

struct asks {
	const struct approvals *remembered;
	char reach[1024]; /* what the server can reach */
	bool client_elicits; /* a legacy client's own declaration */
	unsigned char key[QUESTION_KEY_BYTES];
	uint32_t number;
	unsigned refusals;    /* in a row */
	uint64_t quiet_until; /* milliseconds */
	struct ask_open open[ASK_OPEN_MAX];
	struct ask_issued issued[ASK_ISSUED_MAX];
	struct ask_round rounds[ASK_OPEN_MAX];
	unsigned next_round;
	struct ask_grant *grants;
	size_t grants_n;
};

/* Before confinement. */
int ask_start(struct filter *f, const struct approvals *remembered, struct error *err);

/* ---- steps ---- */
/* client's requests: note what it declares; before anything is taken out of that */
enum fate ask_learn(struct passage *p);
/* the last of the client's requests: a call that somebody has to allow */
enum fate ask_call(struct passage *p);
/* the first of the client's answers: to our own questions */
enum fate ask_answer(struct passage *p);
/* the first of the server's requests and notifications: none may touch our ids */
enum fate ask_guard(struct passage *p);
/* of the server's answers */
enum fate ask_result(struct passage *p);

/*
 * For other steps: P, a request of either side, waits for a person. FATE_NEXT when that was allowed before; FATE_DONE: it is
 * held, or refused because it cannot be asked now. Hold nothing after this.
 */
enum fate ask_person(struct passage *p, const struct ask_about *about);
/* A scope for questions that are asked because of WHAT (a rule, a key). */
void ask_scope(uint8_t scope[32], const char *what);
#define ASK_FIRST_USE "first use"
/* That of what decided about a call. */
void ask_scope_of(const struct decision *d, uint8_t scope[32]);
/* What the definition of TOOL that is in force says it does, as a person may see it. */
void ask_description(const struct filter *f, const char *tool, struct buf *out);
/* The hash of the definition of TOOL that is in force; zeroes when there is none, or the tool may not be used. */
void ask_pin(const struct filter *f, const char *tool, uint8_t pin[32]);

/* ---- what happens outside of messages ---- */
/* The monitor has an answer. */
void ask_answered(struct filter *f, const struct record_answered *r);
/* The held request of D with this id waits no more; called by held_forget(). */
void ask_forget(struct filter *f, enum direction d, const struct rpc_id *id);
uint64_t ask_due(const struct filter *f);
void ask_clock(struct filter *f);

/* ---- ask-client.c ---- */
/* Whether the client of P can be asked: 0 no, 1 by a request, 2 by an input-required result. */
enum ask_way { ASK_WAY_NONE, ASK_WAY_REQUEST, ASK_WAY_RESULT };
enum ask_way ask_way(struct passage *p);
void ask_client_request(struct filter *f, const struct ask_open *o, const struct question *q);
void ask_client_withdraw(struct filter *f, uint32_t number);
enum fate ask_client_result(struct passage *p, const struct ask_about *about);
/*
 * P may be the second try of a modern client: its answer to our question about this very call. Takes what is ours out
 * of it. false: it brings no answer.
 */
bool ask_client_retry(struct passage *p, enum answer *answer);
/* P was allowed once: if the server wants more for it, its next round passes. And whether P is that round. */
void ask_round_begin(struct passage *p);
bool ask_round_next(struct passage *p);

/* ask.c: what ANSWER means beyond this call. */
void ask_grant(struct filter *f, const struct ask_about *about, enum answer answer);
void ask_report(struct filter *f, const struct ask_about *about, enum ask_road road, enum answer answer);
/* Why it does not pass, in words for the model. */
void ask_refusal(const struct ask_about *about, enum answer answer, char *text, size_t size);
