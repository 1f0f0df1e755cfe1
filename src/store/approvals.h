/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is remembered of a server's tools from session to session, beside its pins: that a tool was used, how large its results
 * were, and that a person said "always". One file of fixed-size entries, so that the monitor, which writes it, never parses a
 * name that a server chose. Only the monitor and the command line call this.
 */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* More tools than any real server has; past it nothing new is remembered, which means that it is asked again. */
#define APPROVALS_MAX 1024

struct approval {
	char tool[256];
	uint8_t pin[32];   /* of the tool's definition then; a changed tool is another one. Zeroes: it was not known */
	uint8_t scope[32]; /* what asked: a hash of the rule. Zeroes: this is the record of the tool's use */
	/* seconds since 1970 */
	int64_t since;     /* when it was first used, or when the person answered */
	int64_t until;     /* "always" ends then; a record of use: 0 */
	/* a record of use: the sizes of its results, as in struct baseline */
	uint64_t largest, mean;
	uint32_t results;
	uint8_t through_client; /* the answer came through the client, not from a helper of ours */
	uint8_t spare[3];
};

struct approvals {
	struct approval *v;
	size_t n;
};

/* FOLDER: of the server's pins. What is not there yet is empty; a file that is not ours, or not whole, is an error. */
int approvals_load(const char *folder, struct approvals *out, struct error *err);
void approvals_free(struct approvals *a);

/* The entry of TOOL with this SCOPE, or NULL. */
struct approval *approvals_find(const struct approvals *a, const char *tool, const uint8_t scope[32]);

/*
 * Add N entries, each in the place of one with the same tool and scope; what has expired by NOW goes. The file is read again
 * under a lock, so that sessions beside this one lose nothing, and replaced at once. Makes FOLDER (0700) if needed. The lock
 * is held for milliseconds; who does not get it in a second fails.
 */
int approvals_add(const char *folder, const struct approval *v, size_t n, int64_t now, struct error *err);

/* Take back the answers for TOOL (NULL: for all); also its record of use when USE. *COUNT: how many entries went. */
int approvals_revoke(const char *folder, const char *tool, bool use, size_t *count, struct error *err);

bool approval_is_use(const struct approval *a);
/* Whether A (NULL: no) is an answer "always" that holds NOW, in seconds since 1970, for a tool defined as PIN. */
bool approval_stands(const struct approval *a, const uint8_t pin[32], int64_t now);
