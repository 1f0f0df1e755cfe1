/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Between the two halves of seccomp-compile: what the rules say about each call, and the program made of it. */
#pragma once

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NR_MAX = 1024, CLAUSE_MAX = 64, COND_MAX = 6, VALUE_MAX = 96 };

enum op { OP_IN, OP_NOT };

struct cond {
	unsigned arg;
	bool wide; /* 64 bits */
	uint64_t mask;
	enum op op;
	uint64_t value[VALUE_MAX];
	size_t value_n;
};

struct clause {
	uint32_t action;
	struct cond cond[COND_MAX];
	size_t cond_n; /* 0: the else clause */
};

/* What happens to a call: an action, or clauses. */
struct body {
	struct clause clause[CLAUSE_MAX];
	size_t clause_n;
};

struct decision {
	int line; /* 0: undecided */
	const char *file;
	uint32_t action;
	const struct body *body;
};

struct prog {
	struct sock_filter v[BPF_MAXINSNS];
	size_t n;
};

/*
 * Make the program for the architecture ARCH (AUDIT_ARCH_*) of what was decided for the calls 0 to NR_MAX - 1; a number that is
 * undecided, and every higher one, gets DEFAULT_ACTION. Too long a program ends seccomp-compile.
 */
void emit_program(struct prog *p, uint32_t arch, const struct decision decision[NR_MAX], uint32_t default_action);

struct source;

/* Say what is wrong, and in which line when S is given; exit. */
__attribute__((format(printf, 2, 3), noreturn)) void die(const struct source *s, const char *format, ...);
void *grow(void *p, size_t n, size_t size);
