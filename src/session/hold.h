/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Requests that wait for a person's word, or for their turn, of the client mostly, and of the server: a copy of the
 * line each, bounded in number and bytes. They are known to the table of requests like any other (`held` is set), so
 * their id is in use, their deadline runs, and whoever made them can cancel them. Other messages pass them. D is
 * where the request came from.
 */
#pragma once

#include "rpc/route.h"
#include "session/passage.h"

#include <stdbool.h>
#include <stddef.h>

#define HELD_MAX 64
#define HELD_BYTES_MAX ((size_t)4 << 20)

struct held; /* opaque */

struct holds {
	struct held *first;
	size_t n, bytes;
};

/* Keep P's line, edited as it is now. Called by mediate.c when a step said FATE_HOLD. FATE_DONE when there is no room. */
enum fate held_keep(struct passage *p);
/* It may pass: it goes to the other side now, and its deadline begins anew. false: no such call is held (any more). */
bool held_release(struct filter *f, enum direction d, const struct rpc_id *id);
/* It may not. RULE and WORDS as in passage_refuse(). */
bool held_refuse(struct filter *f, enum direction d, const struct rpc_id *id, const char *rule, const char *words);
/* Nobody waits for it any more (cancelled, or past its deadline). */
void held_forget(struct filter *f, enum direction d, const struct rpc_id *id);
