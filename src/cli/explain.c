/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mcpcage explain: what a command would be able to do, in words or as JSON. Starts nothing. */
#include "cli/cli.h"

int command_explain(const struct invocation *inv)
{
	CLEANUP(plan_free) struct plan plan = { 0 };
	CLEANUP_BUF struct buf out = BUF_INIT(0);
	struct error err;

	if (prepare(inv, OBTAIN_STORED, &plan, &err) < 0)
		return fail(&inv->log, &err);
	if (inv->json) {
		plan_json(&plan, &out);
		buf_putc(&out, '\n');
	} else if (inv->dry_run) {
		plan_print(&plan, &out);
	} else {
		plan_explain(&plan, &out);
	}
	return print_out(&out, &inv->log);
}
