/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The one table of commands: what --help, the manual and the completions say of them, and how their words are read. Data only: it
 * is compiled once more into the generator that runs during the build.
 */
#pragma once

#include <stddef.h>

enum command {
	COMMAND_RUN,
	COMMAND_EXPLAIN,
	COMMAND_REVIEW,
	COMMAND_DIFF,
	COMMAND_PINS,
	COMMAND_APPROVALS,
	COMMAND_STATE,
	COMMAND_STORE,
	COMMAND_POLICY_TEST,
	COMMAND_FETCH,
	COMMAND_PS,
	COMMAND_GRANT,
	COMMAND_REVOKE,
	COMMAND_DOCTOR,
	COMMAND_HELP,
	COMMAND_VERSION,
};

/* What stands behind the options. */
enum command_words {
	WORDS_SERVER, /* [--] COMMAND [ARG...] */
	WORDS_OWN,    /* words of its own, between and behind the options; or -- COMMAND [ARG...] */
	WORDS_NONE,
};

struct command_row {
	enum command command;
	const char *word;  /* NULL: without a word */
	enum command_words words;
	const char *usage; /* behind "mcpcage" */
	const char *help;  /* one line, no full stop */
};

extern const struct command_row commands[];
extern const size_t commands_n;

/* NULL for a word that is no command. */
const struct command_row *command_by_word(const char *word);
const struct command_row *command_row(enum command command);
