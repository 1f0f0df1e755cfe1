/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What policy says about a message. Pure. */
#pragma once

#include "base/strlist.h"
#include "rpc/message.h"

enum verdict { VERDICT_FORWARD, VERDICT_DENY };

struct tool_rules {
	const struct strlist *deny;  /* globs, first */
	const struct strlist *allow; /* globs, then */
	bool allow_set;              /* false: everything that is not denied */
};

/*
 * *RULE gets the glob that decided, or NULL. Globs: '*', '?' and '[...]' as in fnmatch(3) without flags, over bytes; a name
 * matches case-sensitively.
 */
enum verdict decide_tool(const struct tool_rules *rules, const char *tool, const char **rule);
