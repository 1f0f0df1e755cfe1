/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writes what is said about options and keys in several places out of the one table (policy/keys.c):
 *
 *	gen-docs help           the options for --help, as a C string
 *	gen-docs man-synopsis   SYNOPSIS of mcpcage(1), from the table of commands (cli/commands.c)
 *	gen-docs man-options    OPTIONS of mcpcage(1)
 *	gen-docs man-keys       the keys of mcpcage-policy(5)
 *	gen-docs bash|zsh|fish  completions
 *
 * It runs on the machine that builds, so it is compiled without config.h and links nothing. The same table
 * always gives the same bytes: no dates, no locale. man(7), bash(1) "Programmable Completion", zshcompsys(1),
 * fish complete(1).
 */
#include "cli/commands.h"
#include "policy/keys.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where the explanation starts in --help. */
#define HELP_COLUMN 32

static bool has_option(const struct policy_key *key)
{
	return key->option != NULL;
}

/* ---- --help ---- */

/* The text of a C string literal. */
static void c_line(const char *text)
{
	putchar('"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			putchar('\\');
		putchar(*text);
	}
	puts("\\n\"");
}

static void help(void)
{
	char line[256], left[128];

	for (int group = 0; group < GROUPS_N; group++) {
		bool titled = false;
		for (int i = 0; i < KEYS_N; i++) {
			const struct policy_key *key = &policy_keys[i];
			if (!has_option(key) || (int)key->group != group)
				continue;
			if (!titled) {
				snprintf(line, sizeof line, "%s:", policy_group_titles[group]);
				c_line("");
				c_line(line);
				titled = true;
			}
			int n = key->letter ? snprintf(left, sizeof left, "  -%c, ", key->letter)
					    : snprintf(left, sizeof left, "      ");
			snprintf(left + n, sizeof left - (size_t)n, "%s%s%s", key->option,
				 key->argument ? " " : "", key->argument ? key->argument : "");
			snprintf(line, sizeof line, "%-*s %s", HELP_COLUMN - 1, left, key->help);
			c_line(line);
		}
	}
}

/* ---- manual pages ---- */

/* One word or more of running text, escaped for roff. */
static void roff(const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (text[i] == '\\')
			fputs("\\e", stdout);
		else if (text[i] == '-')
			fputs("\\-", stdout);
		else if (text[i] == '"')
			fputs("\\(dq", stdout);
		else if (text[i] == '\'')
			fputs("\\(aq", stdout);
		else
			putchar(text[i]);
	}
}

/* A paragraph: a new line for each sentence, and lines that stay below 80 bytes. */
static void paragraph(const char *text, size_t n)
{
	size_t column = 0;

	for (size_t at = 0; at < n;) {
		size_t word = 0;
		while (at + word < n && text[at + word] != ' ' && text[at + word] != '\n')
			word++;
		if (column && column + word > 70) {
			putchar('\n');
			column = 0;
		}
		if (column)
			putchar(' ');
		else if (word && (text[at] == '.' || text[at] == '\''))
			fputs("\\&", stdout);
		roff(text + at, word);
		column += word + 1;
		char last = word ? text[at + word - 1] : ' ';
		at += word + 1;
		if (last == '.' || last == '?' || last == '!') {
			putchar('\n');
			column = 0;
		}
	}
	if (column)
		putchar('\n');
}

/* A line for each command: what is typed as it stands is bold, what stands for something else is in capitals. */
static void man_synopsis(void)
{
	for (size_t i = 0; i < commands_n; i++) {
		const char *usage = commands[i].usage;
		size_t word = commands[i].word ? strlen(commands[i].word) : 0;
		fputs(i ? ".br\n\\fBmcpcage" : "\\fBmcpcage", stdout);
		if (word) {
			putchar(' ');
			roff(usage, word);
		}
		fputs("\\fR", stdout);
		if (!word)
			putchar(' ');
		for (const char *at = usage + word; *at;) {
			size_t n = strspn(at, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"), rest = n ? n : strcspn(at, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
			fputs(n > 1 ? "\\fI" : "", stdout);
			roff(at, rest);
			fputs(n > 1 ? "\\fR" : "", stdout);
			at += rest;
		}
		putchar('\n');
	}
}

static void sentences(const char *text)
{
	while (text && *text) {
		const char *end = strstr(text, "\n\n");
		paragraph(text, end ? (size_t)(end - text) : strlen(text));
		if (!end)
			break;
		puts(".IP");
		text = end + 2;
	}
}

static void said(const char *format, const char *what)
{
	char text[512];

	snprintf(text, sizeof text, format, what);
	sentences(text);
}

static void default_value(const struct policy_key *key)
{
	if (key->fallback)
		said("The default is %s.", key->fallback);
	if (key->unlimited && !key->words && (!key->fallback || strcmp(key->fallback, key->unlimited) != 0))
		said("\"%s\" lifts the limit.", key->unlimited);
}

static void man_options(void)
{
	for (int group = 0; group < GROUPS_N; group++) {
		bool titled = false;
		for (int i = 0; i < KEYS_N; i++) {
			const struct policy_key *key = &policy_keys[i];
			if (!has_option(key) || (int)key->group != group)
				continue;
			if (!titled)
				printf(".SS %s\n", policy_group_titles[group]);
			titled = true;
			puts(".TP");
			if (key->letter)
				printf("\\fB\\-%c\\fR, ", key->letter);
			fputs("\\fB", stdout);
			roff(key->option, strlen(key->option));
			fputs("\\fR", stdout);
			if (key->argument) {
				fputs(" \\fI", stdout);
				roff(key->argument, strlen(key->argument));
				fputs("\\fR", stdout);
			}
			putchar('\n');
			sentences(key->man);
			default_value(key);
			if (policy_key_adds(key))
				sentences("May be repeated.");
			if (key->path)
				said("In policy files: %s.", key->path);
		}
	}
}

static const char *json_form(const struct policy_key *key)
{
	switch (key->type) {
	case VALUE_GRANTS:
	case VALUE_PATHS:
	case VALUE_GLOBS:
	case VALUE_HOSTS:
	case VALUE_RANGES:
	case VALUE_LAYERS:
	case VALUE_KEYS:
		return "a list of strings";
	case VALUE_NAMES:
		return "a string or a list of strings";
	case VALUE_ENV:
	case VALUE_ACTIONS:
	case VALUE_FILES:
		return "an object";
	case VALUE_RULES:
		return "a list of objects";
	case VALUE_COMMAND:
		return "a string or a list of strings";
	case VALUE_RATE:
		return "a string or a number";
	case VALUE_BOOL:
		return "true or false";
	case VALUE_COUNT:
		return key->unlimited ? "a number or a string" : "a number";
	case VALUE_SIZE:
		return "a string or a number";
	case VALUE_PERCENT:
	case VALUE_DURATION:
		return "a string";
	case VALUE_ENUM:
	case VALUE_STRING:
	case VALUE_FILE:
	case VALUE_NONE:
		break;
	}
	return "a string";
}

static const char *tightening(const struct policy_key *key)
{
	switch (key->tighten) {
	case TIGHTEN_FIXED:
		return "Once locked, later layers may not change it.";
	case TIGHTEN_LOWER:
		return "Once locked, later layers may only lower it.";
	case TIGHTEN_FEWER:
		return "Once locked, later layers may only leave out.";
	case TIGHTEN_MORE:
		return "Once locked, later layers may only add.";
	case TIGHTEN_STRICT:
		return key->type == VALUE_BOOL ? "Once locked, later layers may only set it to false."
					       : "Once locked, later layers may only choose a stricter one.";
	case TIGHTEN_TRUE:
		return "Once locked, later layers may only set it to true.";
	case TIGHTEN_STAGE:
		return "Once locked, the rules of later layers come on top of these, and of both verdicts the stricter one "
		       "counts.";
	case TIGHTEN_BLOCK:
		return "Once locked, later layers may only add \"block\".";
	}
	return "";
}

static void man_keys(void)
{
	for (int group = 0; group < GROUPS_N; group++) {
		bool titled = false;
		for (int i = 0; i < KEYS_N; i++) {
			const struct policy_key *key = &policy_keys[i];
			if (!key->path || (int)key->group != group)
				continue;
			if (!titled)
				printf(".SS %s\n", policy_group_titles[group]);
			titled = true;
			fputs(".TP\n\\fB", stdout);
			roff(key->path, strlen(key->path));
			printf("\\fR (%s", json_form(key));
			if (key->option) {
				fputs("; \\fB", stdout);
				roff(key->option, strlen(key->option));
				fputs("\\fR", stdout);
			}
			puts(")");
			sentences(key->man);
			if (key->words && key->type == VALUE_ENUM) {
				char list[256] = "One of ";
				for (const char *const *w = key->words; *w; w++) {
					if (w != key->words)
						strncat(list, w[1] ? ", " : " and ",
							sizeof list - strlen(list) - 1);
					strncat(list, *w, sizeof list - strlen(list) - 1);
				}
				said("%s, the strictest first.", list);
			}
			default_value(key);
			if (key->group != GROUP_POLICY)
				sentences(tightening(key));
		}
	}
}

/* ---- completions ---- */

/* What to offer for the value of an option. */
enum offer { OFFER_NOTHING, OFFER_WORDS, OFFER_FILES, OFFER_FOLDERS };

static enum offer offer(const struct policy_key *key)
{
	if (!key->argument)
		return OFFER_NOTHING;
	if (key->id == KEY_STATE_DIR)
		return OFFER_FOLDERS;
	if (key->type == VALUE_GRANTS || key->type == VALUE_PATHS || key->type == VALUE_FILE ||
	    key->type == VALUE_COMMAND || key->id == KEY_PROFILE)
		return OFFER_FILES;
	if (key->type == VALUE_ACTIONS)
		return OFFER_NOTHING;
	return key->words || key->unlimited ? OFFER_WORDS : OFFER_NOTHING;
}

static void words(const struct policy_key *key, const char *before)
{
	for (const char *const *w = key->words; w && *w; w++)
		printf("%s%s", before, *w), before = " ";
	if (key->unlimited)
		printf("%s%s", before, key->unlimited);
	if (key->id == KEY_PROFILE)
		printf("%snode python binary browser", before);
}

static void bash_case(enum offer which)
{
	const char *bar = "";

	fputs("\t", stdout);
	for (int i = 0; i < KEYS_N; i++) {
		if (!has_option(&policy_keys[i]) || !policy_keys[i].argument ||
		    offer(&policy_keys[i]) != which)
			continue;
		printf("%s%s", bar, policy_keys[i].option);
		bar = " | ";
	}
	puts(")");
}

static void command_list(const char *between)
{
	bool any = false;

	for (size_t i = 0; i < commands_n; i++) {
		if (commands[i].word)
			printf("%s%s", any ? between : "", commands[i].word);
		any |= commands[i].word != NULL;
	}
}

static void bash(void)
{
	puts("# bash completion for mcpcage, made from its table of options\n"
	     "# shellcheck shell=bash disable=SC2207\n"
	     "\n"
	     "_mcpcage()\n"
	     "{\n"
	     "\tlocal cur prev words cword split\n"
	     "\t_init_completion -s || return\n"
	     "\n"
	     "\tlocal i\n"
	     "\tfor ((i = 1; i < cword; i++)); do\n"
	     "\t\tcase ${words[i]} in\n"
	     "\t\t--)\n"
	     "\t\t\t_command_offset $((i + 1))\n"
	     "\t\t\treturn\n"
	     "\t\t\t;;\n"
	     "\t\t-*=*) ;;");
	fputs("\t\t", stdout);
	for (int i = 0, first = 1; i < KEYS_N; i++) {
		if (!has_option(&policy_keys[i]) || !policy_keys[i].argument)
			continue;
		printf("%s%s", first ? "" : " | ", policy_keys[i].option);
		first = 0;
	}
	puts(")\n"
	     "\t\t\t((i++))\n"
	     "\t\t\t;;\n"
	     "\t\t-*) ;;");
	fputs("\t\t", stdout);
	command_list(" | ");
	puts(")\n"
	     "\t\t\t((i == 1)) && continue\n"
	     "\t\t\t_command_offset \"$i\"\n"
	     "\t\t\treturn\n"
	     "\t\t\t;;\n"
	     "\t\ttest)\n"
	     "\t\t\t((i == 2)) && [[ ${words[1]} == policy ]] && continue\n"
	     "\t\t\t_command_offset \"$i\"\n"
	     "\t\t\treturn\n"
	     "\t\t\t;;\n"
	     "\t\t*)\n"
	     "\t\t\t_command_offset \"$i\"\n"
	     "\t\t\treturn\n"
	     "\t\t\t;;\n"
	     "\t\tesac\n"
	     "\tdone\n"
	     "\n"
	     "\tcase $prev in");
	for (int i = 0; i < KEYS_N; i++) {
		const struct policy_key *key = &policy_keys[i];
		if (!has_option(key) || offer(key) != OFFER_WORDS)
			continue;
		printf("\t%s)\n\t\tCOMPREPLY=($(compgen -W '", key->option);
		words(key, "");
		puts("' -- \"$cur\"))\n\t\treturn\n\t\t;;");
	}
	bash_case(OFFER_FILES);
	puts("\t\t_filedir\n\t\treturn\n\t\t;;");
	bash_case(OFFER_FOLDERS);
	puts("\t\t_filedir -d\n\t\treturn\n\t\t;;");
	bash_case(OFFER_NOTHING);
	puts("\t\treturn\n\t\t;;\n\tesac\n"
	     "\n"
	     "\t$split && return\n"
	     "\tif [[ $cur == -* ]]; then");
	fputs("\t\tCOMPREPLY=($(compgen -W '--", stdout);
	for (int i = 0; i < KEYS_N; i++)
		if (has_option(&policy_keys[i]))
			printf(" %s", policy_keys[i].option);
	fputs("' -- \"$cur\"))\n"
	      "\t\treturn\n"
	      "\tfi\n"
	     "\tCOMPREPLY=($(compgen -c -- \"$cur\"))\n"
	     "\t((cword == 1)) && COMPREPLY+=($(compgen -W '", stdout);
	command_list(" ");
	puts("' -- \"$cur\"))\n"
	     "\t[[ $cword == 2 && ${words[1]} == policy ]] && COMPREPLY=(test)\n"
	     "\t[[ $cword == 2 && ${words[1]} == pins ]] && COMPREPLY=($(compgen -W 'list show accept history remove rollback' -- \"$cur\"))\n"
	     "\t[[ $cword == 2 && ${words[1]} == approvals ]] && COMPREPLY=($(compgen -W 'list revoke' -- \"$cur\"))\n"
	     "\t[[ $cword == 2 && ${words[1]} == @(grant|revoke) ]] && COMPREPLY=($(compgen -W \"$(\"${words[0]}\" ps 2>/dev/null |\n"
	     "\t\tsed -n 's/^\\([0-9a-f]\\{16\\}\\)  .*/\\1/p')\" -- \"$cur\"))\n"
	     "\t[[ $cword == 2 && ${words[1]} == state ]] && COMPREPLY=($(compgen -W 'list reset expire' -- \"$cur\"))\n"
	     "} &&\n"
	     "\tcomplete -F _mcpcage mcpcage");
}

/* Inside '...' of a shell; with ZSH inside the [...] of an _arguments specification as well. */
static void shell_quoted(const char *text, bool zsh)
{
	for (; *text; text++) {
		if (*text == '\'')
			fputs("'\\''", stdout);
		else if (zsh && strchr("[]:\\", *text))
			printf("\\%c", *text);
		else
			putchar(*text);
	}
}

static void zsh(void)
{
	puts("#compdef mcpcage\n"
	     "# zsh completion for mcpcage, made from its table of options\n"
	     "\n"
	     "local -a options\n"
	     "options=(");
	for (int i = 0; i < KEYS_N; i++) {
		const struct policy_key *key = &policy_keys[i];
		if (!has_option(key))
			continue;
		fputs("  ", stdout);
		if (key->letter)
			printf("'(-%c %s)'{-%c,%s}'[", key->letter, key->option, key->letter, key->option);
		else
			printf("'%s%s%s[", policy_key_adds(key) || key->id == KEY_POLICY ? "*" : "",
			       key->option, key->argument ? "=" : "");
		shell_quoted(key->help, true);
		putchar(']');
		if (key->argument) {
			putchar(':');
			shell_quoted(key->argument, true);
			putchar(':');
			switch (offer(key)) {
			case OFFER_WORDS:
				words(key, "(");
				putchar(')');
				break;
			case OFFER_FILES:
				fputs("_files", stdout);
				break;
			case OFFER_FOLDERS:
				fputs("_files -/", stdout);
				break;
			case OFFER_NOTHING:
				putchar(' ');
				break;
			}
		}
		puts("'");
	}
	fputs(")\n"
	     "\n"
	     "if (( CURRENT == 2 )) && [[ $words[2] != -* ]]; then\n"
	     "  local -a commands\n"
	     "  commands=(", stdout);
	for (size_t i = 0; i < commands_n; i++)
		if (commands[i].word)
			printf(" '%s:%s'", commands[i].word, commands[i].help);
	fputs(" )\n"
	     "  _describe -t commands 'mcpcage command' commands\n"
	     "elif [[ $words[2] == (", stdout);
	command_list("|");
	puts(") ]]; then\n"
	     "  shift words\n"
	     "  (( CURRENT-- ))\n"
	     "fi\n"
	     "_arguments -S $options '(-)1:command:_command_names -e' '*::argument:_normal'");
}

static void fish(void)
{
	puts("# fish completion for mcpcage, made from its table of options\n"
	     "\n"
	     "complete -c mcpcage -x -a '(__fish_complete_subcommand)'");
	for (size_t i = 0; i < commands_n; i++)
		if (commands[i].word)
			printf("complete -c mcpcage -n __fish_is_first_arg -a %s -d '%s'\n", commands[i].word, commands[i].help);
	for (int i = 0; i < KEYS_N; i++) {
		const struct policy_key *key = &policy_keys[i];
		if (!has_option(key))
			continue;
		printf("complete -c mcpcage -l %s", key->option + 2);
		if (key->letter)
			printf(" -s %c", key->letter);
		switch (offer(key)) {
		case OFFER_WORDS:
			fputs(" -x -a '", stdout);
			words(key, "");
			putchar('\'');
			break;
		case OFFER_FILES:
			fputs(" -r -F", stdout);
			break;
		case OFFER_FOLDERS:
			fputs(" -x -a '(__fish_complete_directories)'", stdout);
			break;
		case OFFER_NOTHING:
			if (key->argument)
				fputs(" -x", stdout);
			break;
		}
		fputs(" -d '", stdout);
		for (const char *p = key->help; *p; p++)
			printf(*p == '\'' || *p == '\\' ? "\\%c" : "%c", *p);
		puts("'");
	}
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*write)(void);
	} modes[] = {
		{ "help", help },         { "man-options", man_options },
		{ "man-keys", man_keys }, { "man-synopsis", man_synopsis },
		{ "bash", bash },
		{ "zsh", zsh },           { "fish", fish },
	};

	for (size_t i = 0; argc == 2 && i < sizeof modes / sizeof modes[0]; i++) {
		if (strcmp(argv[1], modes[i].name) == 0) {
			modes[i].write();
			return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
		}
	}
	fputs("usage: gen-docs help|man-synopsis|man-options|man-keys|bash|zsh|fish\n", stderr);
	return 2;
}
