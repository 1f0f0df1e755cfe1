/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The program: refuse to run with borrowed privileges, read the command line, hand over to the command.
 */
#include "cli/cli.h"

#include "base/fd.h"
#include "cage/cage.h"

#include <errno.h>
#include <unistd.h>

int fail(const struct log *log, const struct error *err)
{
	log_error(log, err);
	return error_exit_status(err);
}

int print_out(struct buf *text, const struct log *log)
{
	struct error err;

	if (text->full)
		error_oom(&err);
	else if (fd_write_all(STDOUT_FILENO, text->p, text->n) < 0)
		error_set(&err, errno, "cannot write to standard output");
	else
		return 0;
	return fail(log, &err);
}

int main(int argc, char **argv)
{
	struct invocation invocation = { .log = { .fd = STDERR_FILENO, .level = LOG_NORMAL } };
	struct error err;
	int status = 125;

	if (fd_ensure_std(&err) < 0 || caps_refuse_privileged_start(&err) < 0 ||
	    options_parse(argc, argv, &invocation, &err) < 0) {
		options_free(&invocation);
		return fail(&invocation.log, &err);
	}
	switch (invocation.command) {
	case COMMAND_RUN:
		status = command_run(&invocation);
		break;
	case COMMAND_EXPLAIN:
		status = command_explain(&invocation);
		break;
	case COMMAND_FETCH:
		status = command_fetch(&invocation);
		break;
	case COMMAND_REVIEW:
		status = command_review(&invocation);
		break;
	case COMMAND_DIFF:
		status = command_diff(&invocation);
		break;
	case COMMAND_APPROVALS:
		status = command_approvals(&invocation);
		break;
	case COMMAND_PINS:
		status = command_pins(&invocation);
		break;
	case COMMAND_STATE:
		status = command_state(&invocation);
		break;
	case COMMAND_PS:
		status = command_ps(&invocation);
		break;
	case COMMAND_GRANT:
		status = command_grant(&invocation);
		break;
	case COMMAND_REVOKE:
		status = command_revoke(&invocation);
		break;
	case COMMAND_DOCTOR:
		status = command_doctor(&invocation);
		break;
	case COMMAND_STORE:
		status = command_store(&invocation);
		break;
	case COMMAND_POLICY_TEST:
		status = command_policy_test(&invocation);
		break;
	case COMMAND_HELP:
		status = command_help();
		break;
	case COMMAND_VERSION:
		status = command_version();
		break;
	}
	options_free(&invocation);
	return status;
}
