/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The command line, read by the one table of options (policy/keys.h).
 *
 * Not getopt_long(3), because that wants a second table, takes abbreviations (which would change their
 * meaning with the next option that is added), and moves arguments. The grammar: options, an optional "--",
 * COMMAND, and everything behind COMMAND belongs to the server. A word such as "explain" is mcpcage's own
 * command only as the very first word, so that "mcpcage -- explain" runs a program of that name.
 */
#include "cli/cli.h"

#include "base/cleanup.h"

#include <stdlib.h>
#include <string.h>

static int usage(struct error *err)
{
	error_kind(err, ERROR_USAGE);
	return error_hint(err, "\"mcpcage --help\" lists the options");
}

static int unknown(const char *word, struct error *err)
{
	const char *best = NULL;
	unsigned cost = 0;

	for (size_t i = 0; i < KEYS_N; i++)
		if (policy_keys[i].option)
			policy_suggest(word, policy_keys[i].option, &best, &cost);
	error_set(err, 0, "unknown option %s", word);
	usage(err);
	return best ? error_hint(err, "did you mean %s?", best) : -1;
}

/* ---- one option ---- */

static const struct policy_key *find_letter(char letter)
{
	for (size_t i = 0; i < KEYS_N; i++)
		if (policy_keys[i].option && policy_keys[i].letter == letter)
			return &policy_keys[i];
	return NULL;
}

static int twice(const struct policy_key *key, struct error *err)
{
	error_set(err, 0, "%s was given twice", key->option);
	return usage(err);
}

static int take(struct invocation *inv, const struct policy_key *key, const char *value, struct error *err)
{
	switch (key->id) {
	case KEY_DRY_RUN:
		inv->dry_run = true;
		return 0;
	case KEY_YES:
		inv->yes = true;
		return 0;
	case KEY_ALL:
		inv->all = true;
		return 0;
	case KEY_GRANT_HOST:
		if (inv->host)
			return twice(key, err);
		inv->host = value;
		return 0;
	case KEY_GRANT_FOR:
		if (inv->time)
			return twice(key, err);
		inv->time = value;
		return 0;
	case KEY_ACCEPT:
		inv->accept = value;
		return 0;
	case KEY_JSON:
		inv->json = true;
		return 0;
	case KEY_VERBOSE:
		inv->log.level = LOG_VERBOSE;
		return 0;
	case KEY_QUIET:
		inv->log.level = LOG_QUIET;
		return 0;
	case KEY_HELP:
		inv->command = COMMAND_HELP;
		return 0;
	case KEY_VERSION:
		inv->command = COMMAND_VERSION;
		return 0;
	default:
		break;
	}
	struct option_given *grown = reallocarray(inv->options, inv->options_n + 1, sizeof *grown);
	if (!grown)
		return error_oom(err);
	inv->options = grown;
	inv->options[inv->options_n++] = (struct option_given){ key, value };
	return 0;
}

/* argv[*I] starts with "--". */
static int long_option(struct invocation *inv, int argc, char **argv, int *i, struct error *err)
{
	size_t n = strcspn(argv[*i], "=");
	CLEANUP_FREE char *word = strndup(argv[*i], n);
	const char *value = argv[*i][n] ? argv[*i] + n + 1 : NULL;

	if (!word)
		return error_oom(err);
	const struct policy_key *key = policy_key_by_option(word);
	if (!key)
		return unknown(word, err);
	if (!key->argument && value) {
		error_set(err, 0, "the option %s takes no value", key->option);
		return usage(err);
	}
	if (key->argument && !value) {
		if (*i + 1 >= argc) {
			error_set(err, 0, "the option %s needs a value: %s %s", key->option, key->option,
				  key->argument);
			return usage(err);
		}
		value = argv[++*i];
	}
	return take(inv, key, value, err);
}

static int letters(struct invocation *inv, const char *word, struct error *err)
{
	for (const char *p = word + 1; *p; p++) {
		const struct policy_key *key = find_letter(*p);
		if (!key || key->argument) {
			error_set(err, 0, "unknown option -%c in %s", *p, word);
			return usage(err);
		}
		if (take(inv, key, NULL, err) < 0)
			return -1;
	}
	return 0;
}

static int add_word(struct invocation *inv, const char *word, struct error *err)
{
	/* With room for NULLs, so that optional words need no counting. */
	const char **grown = reallocarray(inv->words, inv->words_n + 3, sizeof(const char *));

	if (!grown)
		return error_oom(err);
	inv->words = grown;
	inv->words[inv->words_n++] = word;
	inv->words[inv->words_n] = inv->words[inv->words_n + 1] = NULL;
	return 0;
}

/* policy test TOOL [ARGUMENTS]: "policy" is the command, the rest its words. */
static int check_policy_test(struct invocation *inv, struct error *err)
{
	static const char grammar[] = "mcpcage policy test [OPTION...] TOOL [ARGUMENTS] [-- COMMAND [ARG...]]";

	if (inv->words_n == 0 || strcmp(inv->words[0], "test") != 0) {
		error_set(err, 0, "what of policy? %s", grammar);
		usage(err);
		return error_hint(err, "a program called policy is run by \"mcpcage -- policy\"");
	}
	memmove(inv->words, inv->words + 1, inv->words_n * sizeof *inv->words);
	inv->words_n--;
	if (inv->words_n == 0) {
		error_set(err, 0, "no tool was given: %s", grammar);
		return usage(err);
	}
	if (inv->words_n > 2) {
		error_set(err, 0, "policy test takes a tool and its arguments as one JSON value; what is \"%.64s\"?",
			  inv->words[2]);
		return usage(err);
	}
	return 0;
}

/* What was read makes sense together. */
static int check(struct invocation *inv, struct error *err)
{
	const struct command_row *row = command_row(inv->command);
	bool runs = row && row->words == WORDS_SERVER;
	bool accepts = inv->command == COMMAND_REVIEW || inv->command == COMMAND_DIFF || inv->command == COMMAND_PINS;

	if (runs && !inv->argv) {
		error_set(err, 0, "no command was given: mcpcage [OPTION...] -- COMMAND [ARG...]");
		return usage(err);
	}
	if (inv->command == COMMAND_DOCTOR && (inv->argv || inv->options_n)) {
		error_set(err, 0, "doctor takes no command and no options but --json");
		usage(err);
		return error_hint(
			err,
			"\"mcpcage explain\" says what a command could do; a program called doctor is run "
			"by \"mcpcage -- doctor\"");
	}
	if (inv->command == COMMAND_POLICY_TEST && check_policy_test(inv, err) < 0)
		return -1;
	if ((inv->yes || inv->accept) && !accepts && inv->command != COMMAND_HELP && inv->command != COMMAND_VERSION) {
		error_set(err, 0, "--yes and --accept are for review, diff and pins accept");
		return usage(err);
	}
	if (inv->all && inv->command != COMMAND_STATE && inv->command != COMMAND_REVOKE && inv->command != COMMAND_HELP &&
	    inv->command != COMMAND_VERSION) {
		error_set(err, 0, "--all is for state reset and revoke");
		return usage(err);
	}
	if ((inv->host || inv->time) && inv->command != COMMAND_GRANT && inv->command != COMMAND_HELP &&
	    inv->command != COMMAND_VERSION) {
		error_set(err, 0, "%s is for grant", inv->host ? "--host" : "--for");
		usage(err);
		return inv->host ? error_hint(err, "what a session may reach from its start is said by --allow-host") : -1;
	}
	if (inv->json && inv->command == COMMAND_RUN) {
		error_set(err, 0, "--json is for explain, review, diff, pins, approvals, state, ps, grant, doctor and policy test");
		return usage(err);
	}
	return 0;
}

int options_parse(int argc, char **argv, struct invocation *inv, struct error *err)
{
	const struct command_row *row = argc > 1 ? command_by_word(argv[1]) : NULL;
	bool own = row && row->words == WORDS_OWN;
	int i = 1;

	if (row) {
		inv->command = row->command;
		i++;
	}
	for (; i < argc; i++) {
		const char *word = argv[i];
		if (strcmp(word, "--") == 0) {
			i++;
			break;
		}
		if (word[0] != '-' || !word[1]) {
			if (!own)
				break;
			if (add_word(inv, word, err) < 0)
				return -1;
			continue;
		}
		int status = word[1] == '-' ? long_option(inv, argc, argv, &i, err) : letters(inv, word, err);
		if (status < 0)
			return -1;
	}
	if (i < argc)
		inv->argv = argv + i;
	return check(inv, err);
}

void options_free(struct invocation *inv)
{
	free(inv->options);
	free(inv->words);
	inv->options = NULL;
	inv->words = NULL;
	inv->options_n = inv->words_n = 0;
}
