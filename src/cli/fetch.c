/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mcpcage fetch: install the package of a runner's command, so that the session that starts it later needs no network. */
#include "cli/cli.h"

#include "base/cleanup.h"
#include "policy/runner.h"
#include "rpc/text.h"

#include <inttypes.h>
#include <string.h>

/* A name of the package's own. */
static void put_name(struct buf *out, const char *name)
{
	text_clean(out, (struct span){ name, strlen(name) });
}

static void put_hash(struct buf *out, const struct package *package)
{
	for (size_t i = 0; i < PACKAGE_HASH; i++)
		buf_printf(out, "%02x", package->tree[i]);
}

static void print(struct buf *out, const struct package *p)
{
	for (size_t i = 0; i < p->parts_n; i++) {
		if (!p->parts[i].asked)
			continue;
		put_name(out, p->parts[i].name);
		buf_putc(out, ' ');
		put_name(out, p->parts[i].version);
		buf_putc(out, '\n');
	}
	buf_printf(out, "  packages  %zu\n  files     %" PRIu64 ", %" PRIu64 " bytes\n  tree      ", p->parts_n, p->files, p->bytes);
	put_hash(out, p);
	buf_puts(out, "\n  commands ");
	for (size_t i = 0; i < p->commands_n; i++) {
		if (!p->commands[i].asked)
			continue;
		buf_putc(out, ' ');
		put_name(out, p->commands[i].name);
	}
	buf_putc(out, '\n');
}

int command_fetch(const struct invocation *inv)
{
	CLEANUP(runner_free) struct runner runner = { 0 };
	CLEANUP(package_free) struct package package = { 0 };
	CLEANUP_BUF struct buf out = BUF_INIT(0);
	struct error err;

	int is = runner_parse(inv->argv, &runner, &err);
	if (is == 0 || (is > 0 && runner.project)) {
		error_set(&err, 0, "%s is no package runner: there is nothing to fetch", inv->argv[0]);
		error_kind(&err, ERROR_USAGE);
		error_hint(&err, "give the whole command, such as \"npx -y NAME\" or \"uvx NAME\"");
		is = -1;
	}
	if (is < 0 || obtain_alone(inv, &runner.request, OBTAIN_ASKED, &package, &err) < 0)
		return fail(&inv->log, &err);
	/* A command that the package does not have is better found now than at the first start. */
	if (!package_command(&package, runner.command, &err))
		return fail(&inv->log, &err);
	print(&out, &package);
	return print_out(&out, &inv->log);
}
