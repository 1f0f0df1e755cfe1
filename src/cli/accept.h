/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What review, diff and pins share: which pins are meant, and a person's yes to what was shown. */
#pragma once

#include "cli/cli.h"
#include "store/pins.h"

/* Of all that P holds, as hexadecimal digits: what an acceptance is bound to. */
#define ACCEPT_HASH (2 * ITEM_HASH + 1)
int accept_hash(const struct pins *p, char hash[ACCEPT_HASH], struct error *err);

/*
 * Whether to go on: --accept, --yes, or a question on the terminal, WHAT being what is accepted ("these 12 items"). 1, 0 (no), or -1:
 * nobody could be asked, or --accept names another hash.
 */
int accept_asked(const struct invocation *inv, const char *what, const char hash[ACCEPT_HASH], struct error *err);

/* pins.c: the folder of the pins of this NAME, or of the only one whose name has NAME in it. The caller frees; NULL: ERR. */
char *pins_find_folder(const char *state, const char *name, struct error *err);

/* A line in the audit log, when there is one. */
void accept_record(const struct log *log, const char *audit, const char *event, const char *name, const struct pins *pins,
		   const char *hash);

/*
 * Change the pins in FOLDER so that what is held becomes what is pinned. HELD is what was shown; ITEMS, unless there are none, are
 * the names that are meant. COMMITTED gets the new generation. Takes the lock.
 */
int accept_held(const char *folder, const struct pins *held, const char *const *items, size_t items_n,
		struct pins *committed, struct error *err);

/* accept_held() after showing it and asking: the whole of diff --accept and pins accept. An exit status. */
int accept_command(const struct invocation *inv, const char *folder, const char *audit, const struct mediation *mediation,
		   const char *const *items, size_t items_n, bool ask);
