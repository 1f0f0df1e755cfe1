/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mcpcage approvals: what people said "always" to, and taking that back. NAME is the name of a server's folder, or a part of
 * it that no other has, as of pins. Names of tools are a server's, so nothing of them but visible characters is printed.
 */
#include "cli/accept.h"
#include "cli/cli.h"

#include "base/cleanup.h"
#include "base/json-out.h"
#include "base/path.h"
#include "rpc/question.h"
#include "store/approvals.h"
#include "store/pins.h"

#include <string.h>
#include <time.h>

static void put_day(struct buf *out, int64_t seconds)
{
	time_t t = (time_t)seconds;
	struct tm tm;
	char text[40] = "?";

	if (gmtime_r(&t, &tm))
		strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
	buf_puts(out, text);
}

static void entry_line(struct buf *out, const struct approval *a, int64_t now)
{
	buf_puts(out, "    ");
	question_text(out, a->tool, sizeof a->tool);
	if (approval_is_use(a)) {
		buf_puts(out, "  used since ");
		put_day(out, a->since);
	} else {
		buf_puts(out, a->until > now ? "  always, until " : "  always, but that ended ");
		put_day(out, a->until);
		buf_printf(out, " (said %s on ", a->through_client ? "through the client" : "to mcpcage");
		put_day(out, a->since);
		buf_putc(out, ')');
	}
	buf_putc(out, '\n');
}

static void entry_json(struct buf *out, const struct approval *a)
{
	json_comma(out);
	buf_putc(out, '{');
	json_member_str(out, "tool", a->tool);
	json_member_str(out, "kind", approval_is_use(a) ? "used" : "always");
	json_member_i64(out, "since", a->since);
	if (!approval_is_use(a)) {
		json_member_i64(out, "until", a->until);
		json_member_bool(out, "through_client", a->through_client);
	}
	buf_putc(out, '}');
}

/* What is known of the server whose folder is FOLDER. -1 with ERR. */
static int list_server(const char *folder, bool json, struct buf *out, struct error *err)
{
	CLEANUP(approvals_free) struct approvals all = { 0 };
	int64_t now = (int64_t)time(NULL);

	if (approvals_load(folder, &all, err) < 0)
		return -1;
	if (all.n == 0)
		return 0;
	if (json) {
		json_comma(out);
		buf_putc(out, '{');
		json_member_str(out, "name", path_base(folder));
		json_key(out, "tools");
		buf_putc(out, '[');
	} else {
		buf_printf(out, "%s\n", path_base(folder));
	}
	for (size_t i = 0; i < all.n; i++)
		json ? entry_json(out, &all.v[i]) : entry_line(out, &all.v[i], now);
	if (json)
		buf_puts(out, "]}");
	return 0;
}

static int list(const struct invocation *inv, const struct strlist *folders)
{
	CLEANUP_BUF struct buf out = BUF_INIT(0);
	struct error err;
	int status = 0;

	if (inv->json)
		buf_puts(&out, "{\"approvals\":[");
	for (size_t i = 0; i < folders->n; i++) {
		if (list_server(folders->v[i], inv->json, &out, &err) == 0)
			continue;
		/* One that is spoilt must not hide the others. */
		log_error(&inv->log, &err);
		status = 1;
	}
	if (inv->json)
		buf_puts(&out, "]}\n");
	else if (out.n == 0 && status == 0)
		log_line(&inv->log, "nothing was allowed for good, and no tool was used");
	int printed = print_out(&out, &inv->log);
	return printed ? printed : status;
}

static int take_back(const struct invocation *inv, const char *folder, const char *audit)
{
	const char *tool = inv->words_n > 2 ? inv->words[2] : NULL;
	struct error err;
	size_t n = 0;

	/* A tool of which everything is taken back is one that was never used, too. */
	if (approvals_revoke(folder, tool, true, &n, &err) < 0)
		return fail(&inv->log, &err);
	if (n == 0) {
		log_line(&inv->log, "nothing of this is kept for %s", path_base(folder));
		return 1;
	}
	accept_record(&inv->log, audit, "revoked", path_base(folder), NULL, NULL);
	log_line(&inv->log, "%s: %zu %s taken back; sessions that run keep what they were told", path_base(folder), n,
		 n == 1 ? "entry" : "entries");
	return 0;
}

static int usage(const struct invocation *inv, const char *what)
{
	struct error err;

	error_set(&err, 0, "%s", what);
	error_hint(&err, "mcpcage %s", command_row(COMMAND_APPROVALS)->usage);
	error_kind(&err, ERROR_USAGE);
	return fail(&inv->log, &err);
}

/* Every server's folder. */
static int all_folders(const char *state, struct strlist *folders, struct error *err)
{
	CLEANUP_FREE char *root = path_join(state, "pins");
	CLEANUP_STRLIST struct strlist names = { 0 };

	if (!root)
		return error_oom(err);
	if (pins_servers(root, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		char *folder = path_join(root, names.v[i]);
		if (!folder || strlist_take(folders, folder) < 0)
			return error_oom(err);
	}
	return 0;
}

int command_approvals(const struct invocation *inv)
{
	CLEANUP(places_free) struct places places = { 0 };
	CLEANUP_STRLIST struct strlist folders = { 0 };
	const char *verb = inv->words_n ? inv->words[0] : "list";
	bool lists = strcmp(verb, "list") == 0;
	struct error err;

	if (inv->argv)
		return usage(inv, "approvals takes no command");
	if (!lists && strcmp(verb, "revoke") != 0)
		return usage(inv, "approvals does not know this word");
	if (inv->words_n > (lists ? 2 : 3) || (!lists && inv->words_n < 2))
		return usage(inv, !lists && inv->words_n < 2 ? "a word is missing" : "there is a word too many");
	if (prepare_places(inv, &places, &err) < 0)
		return fail(&inv->log, &err);
	if (inv->words_n < 2) {
		if (all_folders(places.state, &folders, &err) < 0)
			return fail(&inv->log, &err);
		return list(inv, &folders);
	}
	char *folder = pins_find_folder(places.state, inv->words[1], &err);
	if (!folder)
		return fail(&inv->log, &err);
	if (strlist_take(&folders, folder) < 0) {
		error_oom(&err);
		return fail(&inv->log, &err);
	}
	return lists ? list(inv, &folders) : take_back(inv, folders.v[0], places.audit);
}
