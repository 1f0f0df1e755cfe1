/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* --help, help and --version. The list of options is made from their table while mcpcage is built. */
#include "cli/cli.h"

#include <unistd.h>

static const char intro[] =
	"\n"
	"Start the MCP server COMMAND in a cage and check every message between it and its\n"
	"client.\n"
	"\n";

static const char options[] =
#include "cli/help-text.h"
	"\n"
	"SIZE is bytes, or has K, M or G behind it; TIME has ms, s, m, h or d. Options may be\n"
	"written --option VALUE or --option=VALUE.\n"
	"\n"
	"Manual: mcpcage(1), mcpcage-policy(5)\n";

int command_help(void)
{
	const struct log log = { .fd = STDERR_FILENO, .level = LOG_NORMAL };
	CLEANUP_BUF struct buf b = BUF_INIT(0);

	for (size_t i = 0; i < commands_n; i++)
		buf_printf(&b, "%s mcpcage %s\n", i ? "      " : "Usage:", commands[i].usage);
	buf_puts(&b, intro);
	for (size_t i = 0; i < commands_n; i++)
		if (commands[i].word)
			buf_printf(&b, "  %-8s %s\n", commands[i].word, commands[i].help);
	buf_puts(&b, options);
	return print_out(&b, &log);
}

int command_version(void)
{
	const struct log log = { .fd = STDERR_FILENO, .level = LOG_NORMAL };
	CLEANUP_BUF struct buf b = BUF_INIT(0);

	buf_puts(&b, "mcpcage " PACKAGE_VERSION "\nbuilt with " BUILT_WITH "\n");
	return print_out(&b, &log);
}
