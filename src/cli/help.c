/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* --help, help and --version. The list of options is made from their table while mcpcage is built. */
#include "cli/cli.h"

#include <unistd.h>

static const char text[] =
	"Usage: mcpcage [OPTION...] [--] COMMAND [ARG...]\n"
	"       mcpcage explain [OPTION...] [--] COMMAND [ARG...]\n"
	"       mcpcage policy test [OPTION...] TOOL [ARGUMENTS] [-- COMMAND [ARG...]]\n"
	"       mcpcage doctor [--json]\n"
	"\n"
	"Start the MCP server COMMAND in a cage and check every message between it and its\n"
	"client. explain says what COMMAND could do, without starting it; policy test what\n"
	"would happen to a call (exit status 0 allow, 1 deny, 2 ask); doctor shows what this\n"
	"machine offers to build cages from.\n"
#include "cli/help-text.h"
	"\n"
	"SIZE is bytes, or has K, M or G behind it; TIME has ms, s, m, h or d. Options may be\n"
	"written --option VALUE or --option=VALUE.\n"
	"\n"
	"Manual: mcpcage(1), mcpcage-policy(5)\n";

static int out(const char *p, size_t n)
{
	CLEANUP_BUF struct buf b = BUF_INIT(0);
	const struct log log = { .fd = STDERR_FILENO, .level = LOG_NORMAL };

	buf_append(&b, p, n);
	return print_out(&b, &log);
}

int command_help(void)
{
	return out(text, sizeof text - 1);
}

int command_version(void)
{
	static const char version[] = "mcpcage " PACKAGE_VERSION "\nbuilt with " BUILT_WITH "\n";
	return out(version, sizeof version - 1);
}
