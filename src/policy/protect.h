/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Protected places: what never enters the cage by accident. Lists of names and lexical rules only; what
 * exists on this machine is in the facts.
 *
 * An argument of the server opens none of them. A grant that a person wrote may name one; in a grant that
 * merely contains one it is hidden.
 */
#pragma once

#include "base/strlist.h"

#include <stdbool.h>
#include <stddef.h>

enum protect_why {
	PROTECT_CREDENTIALS, /* keys, tokens, passwords */
	PROTECT_WALLET,
	PROTECT_BROWSER,
	PROTECT_MAIL,        /* mail and messages */
	PROTECT_CLIENT,      /* programs that start MCP servers, and editors: who writes there runs commands */
	PROTECT_SHELL,       /* start-up files and histories */
	PROTECT_SESSION,     /* what the desktop starts by itself */
	PROTECT_OWN,         /* mcpcage's own */
};

struct protect_entry {
	const char *path; /* below the home folder */
	enum protect_why why;
};

extern const struct protect_entry protect_entries[];
extern const size_t protect_entries_n;

/* "holds credentials": goes after "because it". */
const char *protect_reason(enum protect_why why);

/*
 * Append every protected path of HOME (absolute), whether it exists or not. The gatherer of facts looks
 * at each of them for facts->home and facts->home_env, and at facts->protect: plan_make() refuses to
 * guess.
 */
int protect_list(const char *home, struct strlist *paths);

/* The user's home folder under its two names, each of which may be NULL. */
struct protect_homes {
	const char *home, *other;
};

/*
 * Why a grant cannot have PATH (absolute, normalized; as named or without symlinks) as its source,
 * whoever wrote it: a phrase such as "your home folder is in it", or NULL.
 */
const char *protect_never(const char *path, const struct protect_homes *homes);

/* Likewise for an argument of the server, beyond protect_never() and the protected places. */
const char *protect_argument(const char *path, const struct protect_homes *homes);

/* Whether PATH is the home folder, under either name. */
bool protect_is_home(const char *path, const struct protect_homes *homes);
