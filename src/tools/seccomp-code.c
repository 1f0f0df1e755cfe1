/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The half of seccomp-compile that makes BPF: another architecture is killed, x32 is killed, then a binary search over ranges of
 * numbers with the same fate, at the leaves a return or the clauses of a call. Jumps go forward only; a subtree is made before
 * the jump over it, whose width depends on its length. seccomp(2), bpf(2), Documentation/networking/filter.rst.
 */
#include "seccomp-compile.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stdlib.h>

#define X32_BIT 0x40000000U

static void emit(struct prog *p, uint16_t code, uint32_t k, size_t jt, size_t jf)
{
	if (p->n == BPF_MAXINSNS)
		die(NULL, "the program is longer than %d instructions", BPF_MAXINSNS);
	if (jt > UINT8_MAX || jf > UINT8_MAX)
		die(NULL, "a call block is too long to jump over");
	p->v[p->n++] = (struct sock_filter){ code, (uint8_t)jt, (uint8_t)jf, k };
}

static void emit_ret(struct prog *p, uint32_t action)
{
	emit(p, BPF_RET | BPF_K, action, 0, 0);
}

static void append(struct prog *p, const struct prog *more)
{
	for (size_t i = 0; i < more->n; i++)
		emit(p, more->v[i].code, more->v[i].k, more->v[i].jt, more->v[i].jf);
}

/* Jumps that are not resolved yet: instructions whose jt or jf goes to a place further on. */
struct fixups {
	struct {
		size_t at;
		bool jt;
	} v[4 * VALUE_MAX];
	size_t n;
};

static void fix_later(struct fixups *f, const struct prog *p, bool jt)
{
	if (f->n == sizeof(f->v) / sizeof(f->v[0]))
		die(NULL, "too many jumps in a call block");
	f->v[f->n].at = p->n - 1;
	f->v[f->n++].jt = jt;
}

static void fix_here(struct fixups *f, struct prog *p)
{
	for (size_t i = 0; i < f->n; i++) {
		size_t distance = p->n - f->v[i].at - 1;
		if (distance > UINT8_MAX)
			die(NULL, "a call block is too long to jump over");
		*(f->v[i].jt ? &p->v[f->v[i].at].jt : &p->v[f->v[i].at].jf) = (uint8_t)distance;
	}
	f->n = 0;
}

/* Load half of an argument, masked. Both architectures are little-endian. */
static void emit_load(struct prog *p, const struct cond *c, bool high)
{
	uint32_t mask = (uint32_t)(high ? c->mask >> 32 : c->mask);
	uint32_t offset = (uint32_t)(offsetof(struct seccomp_data, args) + 8 * c->arg + (high ? 4 : 0));

	emit(p, BPF_LD | BPF_W | BPF_ABS, offset, 0, 0);
	if (mask != UINT32_MAX)
		emit(p, BPF_ALU | BPF_AND | BPF_K, mask, 0, 0);
}

/* Falls through when C holds; what does not hold is left in FAIL. */
static void emit_cond(struct prog *p, const struct cond *c, struct fixups *fail)
{
	struct fixups hold = { .n = 0 };

	/* For != every difference holds, and the last comparison fails when equal. */
	if (c->wide && c->mask >> 32) {
		emit_load(p, c, true);
		emit(p, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(c->value[0] >> 32), 0, 0);
		fix_later(c->op == OP_NOT ? &hold : fail, p, false);
	}
	emit_load(p, c, false);
	for (size_t i = 0; i < c->value_n; i++) {
		emit(p, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)c->value[i], 0, 0);
		if (c->op == OP_NOT)
			fix_later(fail, p, true);
		else if (i + 1 < c->value_n)
			fix_later(&hold, p, true);
		else
			fix_later(fail, p, false);
	}
	fix_here(&hold, p);
}

static void emit_body(struct prog *p, const struct body *b)
{
	for (size_t i = 0; i < b->clause_n; i++) {
		struct fixups fail = { .n = 0 };
		for (size_t j = 0; j < b->clause[i].cond_n; j++)
			emit_cond(p, &b->clause[i].cond[j], &fail);
		emit_ret(p, b->clause[i].action);
		fix_here(&fail, p);
	}
}

/* Neighbours with the same fate, so that the search is over few ranges. */
struct range {
	uint32_t first;
	uint32_t action;
	const struct body *body;
};

/* The number is in the accumulator. */
static void emit_search(struct prog *p, const struct range *r, size_t n)
{
	if (n == 1) {
		if (r->body)
			emit_body(p, r->body);
		else
			emit_ret(p, r->action);
		return;
	}
	struct prog *low = grow(NULL, 1, sizeof(*low));
	low->n = 0;
	emit_search(low, r, n / 2);
	if (low->n <= UINT8_MAX) {
		emit(p, BPF_JMP | BPF_JGE | BPF_K, r[n / 2].first, low->n, 0);
	} else {
		emit(p, BPF_JMP | BPF_JGE | BPF_K, r[n / 2].first, 0, 1);
		emit(p, BPF_JMP | BPF_JA, (uint32_t)low->n, 0, 0);
	}
	append(p, low);
	free(low);
	emit_search(p, r + n / 2, n - n / 2);
}

void emit_program(struct prog *p, uint32_t arch, const struct decision decision[NR_MAX], uint32_t default_action)
{
	static struct range range[NR_MAX + 1];
	size_t n = 0;

	for (uint32_t nr = 0; nr <= NR_MAX; nr++) {
		const struct decision *d = nr < NR_MAX ? &decision[nr] : NULL;
		struct range r = { nr, d && d->line ? d->action : default_action, d && d->line ? d->body : NULL };
		if (n == 0 || r.action != range[n - 1].action || r.body != range[n - 1].body)
			range[n++] = r;
	}
	emit(p, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch), 0, 0);
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, arch, 1, 0);
	emit_ret(p, SECCOMP_RET_KILL_PROCESS);
	emit(p, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr), 0, 0);
	if (arch == AUDIT_ARCH_X86_64) {
		emit(p, BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1);
		emit_ret(p, SECCOMP_RET_KILL_PROCESS);
	}
	emit_search(p, range, n);
}
