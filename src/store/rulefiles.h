/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Files of rules over texts, mcpcage-rules(5): the shipped ones, the administrator's, the user's, and those
 * that policy names. They are read as policy files are: by whoever starts the session, judged by what was
 * opened, refused when others can write them, and refused as a whole for anything that is not understood.
 */
#pragma once

#include "base/error.h"
#include "policy/mediation.h"
#include "rpc/rules.h"

#include <stdbool.h>
#include <sys/types.h>

/*
 * Append the rules of all *.json in M's rule folders, in the order of their names, and of M's rule files. A
 * folder that does not exist has none; a file that was named has to be there. EXAMPLES: with their examples,
 * for tests.
 */
int rulefiles_load(const struct mediation *m, uid_t uid, bool examples, struct rule_list *list, struct error *err);

/* One file. TRUSTED: shipped with the program. */
int rulefiles_read(const char *path, uid_t uid, bool trusted, bool examples, struct rule_list *list, struct error *err);
