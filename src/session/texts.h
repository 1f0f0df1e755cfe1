/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is done to texts on their way: cleaning of what cannot be seen (rpc/clean.h), rules (rpc/rules.h), and
 * the command hook, in this order, so that each sees what the one before it left. Whatever changes a message
 * changes it here and now: it is scanned again, and all later steps decide on what the other side will see.
 *
 *	texts_come    what the server says, before anything else is decided about it. Of what goes into the pins (lists, greetings)
 *	              keys alone: pins have what was sent, byte by byte
 *	texts_shown   the rest of lists and greetings, once they are in the pins
 *	texts_go      what the client sends, when it may otherwise pass
 *
 * A rule that blocks hides the item of a list that it hits, and refuses any other message.
 */
#pragma once

#include "base/error.h"
#include "rpc/rules.h"
#include "session/passage.h"

#include <stdbool.h>
#include <stdint.h>

struct filter;
struct texts; /* opaque */
struct hook;  /* opaque */

/* Before confinement: compile RULES; HOOK_IN and HOOK_OUT are the command's standard streams, or -1. */
int texts_prepare(struct filter *f, const struct rule_list *rules, int hook_in, int hook_out, struct error *err);

enum fate texts_come(struct passage *p);
enum fate texts_shown(struct passage *p);
enum fate texts_go(struct passage *p);
/*
 * The message with its edits takes the message's place: what looks next sees what is in it now. FATE_NEXT, or
 * it was refused.
 */
enum fate texts_rewrite(struct passage *p);

/* Give the memory of large messages back. */
void texts_trim(struct filter *f);

/* Rules are compiled into memory that is executable, and no longer writable from here on. */
int texts_seal(struct error *err);

/* ---- hook.c ---------------------------------------------------------------------------------------- */

struct hook *hook_new(int in, int out, uint64_t timeout, size_t size); /* NULL: out of memory */
/* The descriptors to keep and to wait for: *IN is written to when *WRITE, *OUT is read from. */
void hook_fds(const struct hook *h, int *in, bool *write, int *out);
/* Its output can be read, or its input written: do so. */
void hook_turn(struct filter *f);
/* When the first answer is overdue, milliseconds; 0: nothing is asked. */
uint64_t hook_due(const struct hook *h);

/*
 * Show it the texts of P: FATE_STALL, and FATE_NEXT when asked again after a good answer. Otherwise the message
 * is refused. WHERE is one bit of enum rule_where. What it replaced is noted as edits.
 */
enum fate hook_ask(struct passage *p, unsigned where);
/* Whether P waits for it, or its answer is there. */
bool hook_has(const struct filter *f, const struct passage *p);

/* texts.c: whether the string I, to which W has just come, is text at all. */
struct walk;
bool texts_is_text(const struct walk *w, uint32_t i);
