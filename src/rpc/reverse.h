/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The reverse channel: what a server asks of the client, its model and its person. As requests in the legacy
 * versions, inside results in 2026-07-28; the same rules for both.
 *
 * Pure: what is asked is looked at in a tree, what has to change is noted as edits. Nothing is allocated but edits.
 * MCP, "Sampling", "Elicitation", "Roots", "Multi Round-Trip Requests".
 */
#pragma once

#include "base/buf.h"
#include "base/strlist.h"
#include "policy/mediation.h"
#include "rpc/edit.h"
#include "rpc/tree.h"

#include <stdbool.h>

/* What a client declared and policy left of it. */
enum reverse_cap {
	CAP_SAMPLING = 1 << 0,
	CAP_ELICIT_FORM = 1 << 1,
	CAP_ELICIT_URL = 1 << 2,
	CAP_ROOTS = 1 << 3,
	CAP_SAMPLING_TASK = 1 << 4,
	CAP_ELICIT_TASK = 1 << 5,
	CAP_TASKS = 1 << 6,
};

/*
 * The object ClientCapabilities I, TREE_NONE allowed: what policy does not allow is taken out of it, so that the
 * server falls back as if the client could not do it. Returns what is left, as bits of enum reverse_cap.
 */
unsigned reverse_capabilities(const struct mediation *policy, struct tree *t, uint32_t i, size_t offset,
			      struct edits *e);

/* The object ServerCapabilities I: tasks go when policy has turned them off. */
void reverse_server_capabilities(const struct mediation *policy, struct tree *t, uint32_t i, size_t offset,
				 struct edits *e);

enum reverse_fate {
	REVERSE_PASSES,  /* as edited */
	REVERSE_ASKS,    /* as edited, once a person has allowed it: `question` says what */
	REVERSE_ROOTS,   /* reverse_roots() answers it */
	REVERSE_REFUSED, /* `code` and `words` for the server; `detail` for the audit log */
};

struct reverse {
	const struct mediation *policy;
	const char *server; /* what the user calls it: plain characters, see reverse_label() */
	unsigned caps;      /* enum reverse_cap */
	/* out */
	int code;
	char words[300];
	char detail[128];
	char question[400];
};

#define REVERSE_LABEL_MAX 64
/* A name as it may stand in a label: letters, digits and "._@/ -", cut to fit. */
void reverse_label(char label[REVERSE_LABEL_MAX], const char *name);

/* METHOD with params I (TREE_NONE allowed), from the server. For a method that is none of the three, REVERSE_PASSES. */
enum reverse_fate reverse_request(struct reverse *r, const char *method, struct tree *t, uint32_t i, size_t offset,
				  struct edits *e);

/* Parts of it, which errors with elicitations (-32042) need on their own. */
enum reverse_fate reverse_elicit_url(struct reverse *r, struct tree *t, uint32_t params, size_t offset,
				     struct edits *e);
enum reverse_fate reverse_elicit_form(struct reverse *r, struct tree *t, uint32_t params, size_t offset,
				      struct edits *e);

/* {"roots":[...]}: the folders as URIs. */
void reverse_roots(struct buf *out, const struct strlist *folders);

/* Whether TEXT (a field's name, title, description) asks for a secret: passwords, tokens, card numbers... */
bool reverse_secret(struct span text);
/*
 * Whether URL is one that may be opened: https, a host in ASCII, no user's name or password in it, nothing that
 * programs read differently. *WHY (unless NULL) says what is wrong.
 */
bool reverse_url(struct span url, const char **why);
