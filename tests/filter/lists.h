/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* All system call lists for all architectures, and what a row of the tables looks like. */
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>

struct call_name {
	const char *name;
	int nr;
};

/* Which list a row is about, and for which architectures. */
enum { SERVER = 1, UNIX = 2, FILTER = 4, INIT = 8, REDUCED = 16, REDUCED_NET = 32, OWN = FILTER | INIT };
enum {
	SERVERS = SERVER | UNIX | REDUCED | REDUCED_NET,
	CAGED = SERVER | UNIX,
	BARE = REDUCED | REDUCED_NET,
	SOCKETS = SERVER | UNIX | REDUCED_NET,
	NO_UNIX = SERVER | BARE,
};
enum { X86_64 = 1, AARCH64 = 2, BOTH = X86_64 | AARCH64 };

#define ALLOW    SECCOMP_RET_ALLOW
#define KILL     SECCOMP_RET_KILL_PROCESS
#define ERRNO(e) (SECCOMP_RET_ERRNO | (e))

struct row {
	unsigned lists, archs;
	const char *call;
	uint64_t args[6];
	uint32_t want;
};

/* Calls whose fate does not depend on arguments, in the words of one string. */
struct group {
	unsigned lists, archs;
	uint32_t want;
	const char *calls;
};

extern const struct row ROWS[];
extern const size_t ROWS_N;
extern const struct group GROUPS[];
extern const size_t GROUPS_N;
