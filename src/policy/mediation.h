/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What policy says about the messages between client and server: which tools may be called and how, what is pinned, what is
 * looked for in texts, what the server may ask of the client, and what is too much. The policy has one and the plan has a copy.
 * mcpcage-policy(5) documents each key.
 */
#pragma once

#include "base/error.h"
#include "base/strlist.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Strictest first, here and below: an administrator's lock may only be tightened. */
enum tool_verdict { TOOL_DENY, TOOL_ASK, TOOL_ALLOW };
enum pins_mode { PINS_REVIEW, PINS_FIRST_USE, PINS_OFF };
enum reverse_mode { REVERSE_DENY, REVERSE_ASK, REVERSE_ALLOW };
enum breach_mode { BREACH_STOP, BREACH_HOLD, BREACH_NOTE };
enum rule_action { RULE_BLOCK, RULE_REDACT, RULE_NOTE, RULE_OFF };

/*
 * tools.rules. They form stages: a stage is closed when an administrator locks the key, and what is read later makes the next
 * one. In each stage the first rule whose glob matches counts, and of the stages the strictest (rpc/decide.h): so a later layer
 * can add to what was locked and never take from it.
 */
#define TOOL_STAGES 4
struct tool_rule {
	char *tool; /* glob */
	unsigned stage; /* below TOOL_STAGES; the rules are in the order of their stages */
	enum tool_verdict verdict;
	char *arguments;      /* a JSON Schema (2020-12 and our keywords) as compact JSON, or NULL */
	uint64_t rate;        /* calls a minute; 0: no limit of its own, here and below */
	uint64_t concurrency; /* calls at the same time */
	uint64_t timeout;     /* milliseconds */
	uint64_t result_size; /* bytes of the answer */
	char *reason;         /* shown when it refuses or asks, or NULL */
	char *origin;         /* the file it is from */
	unsigned number;      /* which one of that file, from 1 */
};

/* text.actions: what to do where rule NAME hits, in place of what its file says. */
struct rule_override {
	char *name; /* glob over the names of rules */
	enum rule_action action;
};

struct mediation {
	/*
	 * tools/call, in this order: denied by a glob; an allow list that does not name it denies; the rules; where none
	 * matches, tools.default. What would be allowed then and matches tools.ask asks. decide_call() does it.
	 */
	bool tools_allow_set;
	struct strlist tools_allow, tools_deny, tools_ask; /* globs */
	struct tool_rule *rules;
	size_t rules_n;
	/* Of a stage that was closed with a locked tools.default: what holds where no rule up to there matches. Else TOOL_ALLOW. */
	enum tool_verdict stage_default[TOOL_STAGES];
	enum tool_verdict tools_default; /* TOOL_ALLOW */
	bool ask_first_use;              /* the first call ever of a tool asks */

	enum pins_mode pins; /* PINS_FIRST_USE */
	char *pins_name;     /* the folder of this server's pins, below that of all; NULL: follows from the command */

	bool schema_formats;       /* "format" is an assertion */
	bool schema_unchecked;     /* call tools whose schema cannot be checked; default false: refused */
	struct strlist methods;    /* methods.forward: globs of methods unknown to us that a client may use */

	bool text_clean;           /* default true */
	/* folders of rules: the shipped one first, then the administrator's and the user's; not policy's to say */
	struct strlist rule_folders;
	struct strlist rule_files; /* files of rules, beside the shipped ones and those of administrator and user */
	struct rule_override *actions; /* the first that matches */
	size_t actions_n;
	struct strlist text_command; /* argv of the command hook; n == 0: none */
	uint64_t text_timeout;       /* milliseconds it may take for one text */

	enum reverse_mode sampling, elicitation, elicitation_url; /* REVERSE_DENY */
	uint64_t sampling_tokens;   /* ceiling of maxTokens */
	bool roots;                 /* roots/list is answered, with `roots_list` */
	struct strlist roots_list;  /* absolute folders; the granted ones when policy names none */
	bool tasks;                 /* tasks, in both eras; default true */
	uint64_t ttl;               /* milliseconds; ceiling of ttlMs */

	struct strlist ask_with; /* argv of the helper that asks the person; n == 0: none */
	uint64_t ask_timeout;    /* milliseconds; 50 s */
	uint64_t ask_remember;   /* milliseconds that "always" lasts */

	/* alarms; 0: not watched */
	uint64_t calls_per_minute, bytes_per_minute;
	uint64_t concurrency; /* calls at the same time */
	uint64_t denials_in_a_row;
	uint64_t result_growth; /* alarm when a result is this many times the largest of that tool's past */
	enum breach_mode on_breach;
	struct strlist alarm_command; /* argv; n == 0: none */
};

void tool_rule_free(struct tool_rule *rule);
/* A deep copy; -1 when out of memory, and TO holds nothing. */
int tool_rule_copy(struct tool_rule *to, const struct tool_rule *from);

/* What holds when nobody says anything. M holds nothing yet. */
void mediation_defaults(struct mediation *m);
void mediation_free(struct mediation *m);
/* A deep copy; TO is zeroed first. */
int mediation_copy(struct mediation *to, const struct mediation *from, struct error *err);
