/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Between the files of `mcpcage policy test`: what is known of the server from earlier sessions. */
#pragma once

#include "policy/plan.h"
#include "rpc/manifest.h"
#include "rpc/schema.h"

enum pinned_state {
	PINNED_NONE,       /* nothing is pinned yet, or nothing is to be, or no command was given */
	PINNED_UNKNOWN,    /* not pinned, and it would be when the server lists it */
	PINNED_REFUSED,    /* `standing` says why the call would be */
	PINNED_KNOWN,      /* pinned; there were no arguments to check */
	PINNED_SATISFIED,  /* pinned, and the arguments are as the tool's schema wants */
	PINNED_FAILED,     /* ... they are not: `why` */
	PINNED_UNCHECKED,  /* the tool's schema cannot be checked, and policy lets the call pass */
	PINNED_UNREADABLE, /* it cannot, and the call is refused: `why.text` */
	PINNED_DAMAGED,    /* between the two processes only */
	PINNED_STATES,
};

struct pinned_answer {
	enum pinned_state state;
	enum standing standing;
	uint8_t pin[32]; /* of the tool's definition; zeroes when it is not known */
	struct schema_failure why; /* a server's text may be in it */
};

/* What the pins say to a call of TOOL with ARGUMENTS, JSON text of an object; n == 0: they are not known. */
int pinned_check(const struct plan *plan, const char *tool, struct span arguments, struct pinned_answer *out,
		 struct error *err);

/* What is remembered of calls of TOOL, defined as PIN: that it was used, and whether the user said "always" to what SCOPE asks. */
int pinned_memory(const struct plan *plan, const char *tool, const uint8_t pin[32], const uint8_t scope[32], bool *used,
		  bool *always, struct error *err);
