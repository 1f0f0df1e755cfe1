/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/commands.h"

#include <string.h>

const struct command_row commands[] = {
	{ COMMAND_RUN, NULL, WORDS_SERVER, "[OPTION...] [--] COMMAND [ARG...]", "start a server in a cage" },
	{ COMMAND_EXPLAIN, "explain", WORDS_SERVER, "explain [OPTION...] [--] COMMAND [ARG...]", "say what a server could do" },
	{ COMMAND_FETCH, "fetch", WORDS_SERVER, "fetch [OPTION...] [--] RUNNER [ARG...]",
	  "install the package of a command such as npx or uvx" },
	{ COMMAND_REVIEW, "review", WORDS_SERVER, "review [OPTION...] [--] COMMAND [ARG...]",
	  "show all that a server offers, and pin it" },
	{ COMMAND_DIFF, "diff", WORDS_OWN, "diff [OPTION...] {NAME [ITEM...] | -- COMMAND [ARG...]}",
	  "show what a server offers otherwise than it is pinned" },
	{ COMMAND_PINS, "pins", WORDS_OWN,
	  "pins {list | {show|history|remove} NAME | accept NAME [ITEM...] | rollback NAME N}", "list and change pins" },
	{ COMMAND_APPROVALS, "approvals", WORDS_OWN, "approvals {list [NAME] | revoke NAME [TOOL]}",
	  "list what was allowed for good, and take it back" },
	{ COMMAND_STATE, "state", WORDS_OWN, "state {list | reset {NAME... | --all | -- COMMAND [ARG...]} | expire}",
	  "list and wipe the homes that are kept for servers" },
	{ COMMAND_STORE, "store", WORDS_OWN,
	  "store {list | gc | verify [NAME] | show|update|rollback|remove {NAME | -- RUNNER...}}",
	  "list, check, update and remove installed packages" },
	{ COMMAND_POLICY_TEST, "policy", WORDS_OWN, "policy test [OPTION...] TOOL [ARGUMENTS] [-- COMMAND [ARG...]]",
	  "say what would happen to a call (exit status 0 allow, 1 deny, 2 ask)" },
	{ COMMAND_PS, "ps", WORDS_OWN, "ps [--json]", "list the sessions that run, and what was granted to them" },
	{ COMMAND_GRANT, "grant", WORDS_OWN, "grant INSTANCE {--ro PATH | --host NAME[:PORTS]} [--for TIME]",
	  "let the server of a running session read or reach something for a time" },
	{ COMMAND_REVOKE, "revoke", WORDS_OWN, "revoke INSTANCE {GRANT | --all}", "take such a grant back" },
	{ COMMAND_DOCTOR, "doctor", WORDS_NONE, "doctor [--json]", "show what this machine offers" },
	{ COMMAND_HELP, "help", WORDS_NONE, "help", "show help" },
};
const size_t commands_n = sizeof commands / sizeof commands[0];

const struct command_row *command_by_word(const char *word)
{
	for (size_t i = 0; i < commands_n; i++)
		if (commands[i].word && strcmp(commands[i].word, word) == 0)
			return &commands[i];
	return NULL;
}

const struct command_row *command_row(enum command command)
{
	for (size_t i = 0; i < commands_n; i++)
		if (commands[i].command == command)
			return &commands[i];
	return NULL;
}
