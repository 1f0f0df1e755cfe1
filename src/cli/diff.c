/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mcpcage diff: what a server offers otherwise than it is pinned, as the last session saw it, field by field. 0: nothing; 1: something is
 * held. With --accept or --yes it becomes what is pinned.
 */
#include "cli/accept.h"

#include "base/path.h"
#include "base/cleanup.h"

int command_diff(const struct invocation *inv)
{
	CLEANUP(plan_free) struct plan plan = { 0 };
	CLEANUP(places_free) struct places places = { 0 };
	CLEANUP_FREE char *folder = NULL;
	struct error err;

	if (inv->argv) {
		if (prepare(inv, OBTAIN_STORED, &plan, &err) < 0)
			return fail(&inv->log, &err);
		return accept_command(inv, plan.pins_folder, plan.audit, &plan.mediation, inv->words, inv->words_n, false);
	}
	if (inv->words_n == 0) {
		error_set(&err, 0, "of which server? mcpcage diff NAME, or mcpcage diff -- COMMAND [ARG...]");
		error_hint(&err, "\"mcpcage pins list\" has the names");
		return fail(&inv->log, &err);
	}
	if (prepare_places(inv, &places, &err) < 0)
		return fail(&inv->log, &err);
	folder = pins_find_folder(places.state, inv->words[0], &err);
	if (!folder)
		return fail(&inv->log, &err);
	return accept_command(inv, folder, places.audit, &places.mediation, inv->words + 1, inv->words_n - 1, false);
}
