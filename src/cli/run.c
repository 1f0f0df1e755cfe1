/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mcpcage COMMAND: a session. Standard output is the protocol's from the first byte on, so nothing is printed
 * there except by --dry-run, which starts nothing; all that is said goes to standard error.
 */
#include "cli/cli.h"

#include "session/session.h"

#include <signal.h>

static void tell(const struct log *log, const struct plan *plan)
{
	for (size_t i = 0; i < plan->resolved.n; i++)
		log_detail(log, "%s", plan->resolved.v[i]);
	for (size_t i = 0; i < plan->policies.n; i++)
		log_detail(log, "policy: %s", plan->policies.v[i]);
	for (size_t i = 0; i < plan->notes.n; i++)
		log_line(log, "%s", plan->notes.v[i]);
	for (size_t i = 0; i < plan->missing.n; i++)
		log_line(log, "%s", plan->missing.v[i]);
}

int command_run(const struct invocation *inv)
{
	CLEANUP(plan_free) struct plan plan = { 0 };
	CLEANUP_BUF struct buf out = BUF_INIT(0);
	CLEANUP(own_folders_end) struct own_folders own = OWN_FOLDERS_NONE;
	struct error err;
	int status;

	/* A client may have closed standard error: what cannot be told is no reason to die. */
	(void)signal(SIGPIPE, SIG_IGN);
	if (prepare(inv, inv->dry_run ? OBTAIN_STORED : OBTAIN_MISSING, &plan, &err) < 0)
		return fail(&inv->log, &err);
	tell(&inv->log, &plan);
	if (inv->dry_run) {
		plan_print(&plan, &out);
		return print_out(&out, &inv->log);
	}
	if (own_folders_begin(inv, &plan, &own, &err) < 0 || session_run(&plan, &inv->log, &status, &err) < 0)
		return fail(&inv->log, &err);
	return status;
}
