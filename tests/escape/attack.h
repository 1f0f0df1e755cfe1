/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The attacks: what a hostile server tries from inside. Each is an entry of a table: a name, a class, a function that tries
 * it and judges the outcome, and the control, which is the way in which run.py proves that the code of the attack
 * works: the same function, run where it must succeed.
 *
 * An attack that is refused reports DENIED with the errno; one that reached what it wanted, or the kernel's code
 * behind the refusal, SUCCEEDED; anything that proves neither is BROKEN, which fails the test.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum verdict { NOTHING, DENIED, SUCCEEDED, BROKEN };

enum control {
	BY_SELF,   /* the same user, outside the cage */
	BY_ROOT,   /* the machine's root, outside the cage */
	BY_USERNS, /* the same user outside the cage, root of a new user namespace with all other namespaces */
};

enum {
	MAY_LACK = 1,  /* not every kernel or machine has what is attacked: the control may find it missing */
	NEED_USER = 2, /* makes no sense as root */
	EINVAL_DENIES = 4, /* EINVAL is this call's refusal (ids that are not mapped, for instance) */
	MAY_REFUSE = 8, /* the machine's own settings may refuse the control as well */
	HOSTNET_OPENS = 16, /* must succeed in a cage with --network host: a second control */
};

struct outcome {
	enum verdict verdict;
	int sys;          /* errno of a refusal */
	char detail[200]; /* for people */
};

struct attack {
	const char *name;
	const char *class;
	enum control control;
	unsigned flags;
	void (*run)(struct outcome *out, const struct attack *attack);
	const void *arg; /* of run */
	const char *what;
};

struct attacks {
	const struct attack *list;
	size_t n;
};

extern const struct attacks files_attacks, proc_attacks, inherited_attacks, calls_attacks, sockets_attacks,
	process_attacks, network_attacks;

/*
 * A value that run.py wrote to WORKDIR/config; "" when it is not there. "init" is 1 in a cage, and in a control another
 * process of the same user.
 */
const char *config(const char *key);
/* TEXT with every {key} replaced; the result lives as long as the process. */
const char *expand(const char *text);

void succeeded(struct outcome *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
void denied(struct outcome *out, int sys, const char *format, ...) __attribute__((format(printf, 3, 4)));
void broken(struct outcome *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* What a call returned: RESULT < 0 is a refusal if errno is one that refuses, and BROKEN if not. */
void judge(struct outcome *out, const struct attack *attack, long result, const char *what);

/* Whether everything in FD up to 64 KiB contains NEEDLE. */
bool fd_contains(int fd, const char *needle);
