/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mcpcage state: the homes that are kept for servers (files.home), how much they hold, and wiping them. NAME is the name of a home, or a
 * part of it that no other has. What is in a home is its server's, and is neither read nor shown.
 */
#include "cli/cli.h"

#include "base/cleanup.h"
#include "base/json-out.h"
#include "base/path.h"
#include "policy/keys.h"
#include "policy/show.h"
#include "policy/value.h"
#include "store/audit.h"

#include <string.h>
#include <time.h>

/* Entries of one home that are counted. */
#define MEASURE_LIST 5000000

struct entry {
	const char *name;
	struct home_info info;
	struct tree_usage usage;
	struct error err;
	bool bad; /* ERR says why */
};

/* ---- list ---------------------------------------------------------------------------------------- */

static void keep_text(const struct home_info *info, char text[32])
{
	value_number_text(&policy_keys[KEY_FILES_HOME], info->keep, text);
}

static void list_json(struct buf *out, const struct entry *e)
{
	char keep[32];

	json_comma(out);
	buf_putc(out, '{');
	json_member_str(out, "name", e->name);
	if (e->bad) {
		json_member_str(out, "error", e->err.what);
	} else {
		keep_text(&e->info, keep);
		json_member_u64(out, "bytes", e->usage.bytes);
		json_member_u64(out, "entries", e->usage.entries);
		json_member_bool(out, "complete", !e->usage.more);
		json_member_i64(out, "used", e->info.used);
		json_member_str(out, "keep", keep);
		json_member_bool(out, "expired", home_expired(&e->info));
		json_member_bool(out, "in_use", e->info.in_use);
		json_member_str(out, "command", e->info.command);
	}
	buf_putc(out, '}');
}

static void put_age(struct buf *out, int64_t used)
{
	static const struct {
		int64_t seconds;
		const char *name;
	} units[] = { { 86400, "day" }, { 3600, "hour" }, { 60, "minute" } };
	int64_t age = (int64_t)time(NULL) - used;

	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		int64_t n = age / units[i].seconds;
		if (n <= 0)
			continue;
		buf_printf(out, "used %lld %s%s ago", (long long)n, units[i].name, n == 1 ? "" : "s");
		return;
	}
	buf_puts(out, "used just now");
}

static void put_size(struct buf *out, const struct tree_usage *usage)
{
	static const char units[] = "KMGTP";
	double size = (double)usage->bytes / 1024;
	size_t unit = 0;

	while (size >= 1024 && units[unit + 1]) {
		size /= 1024;
		unit++;
	}
	if (usage->entries == 0 && !usage->more) {
		buf_puts(out, "empty");
		return;
	}
	buf_printf(out, "%s%.*f %ciB in %llu files and folders", usage->more ? "at least " : "", unit ? 1 : 0, size, units[unit],
		   (unsigned long long)usage->entries);
}

static void list_line(struct buf *out, const struct entry *e)
{
	char keep[32];

	show_text(out, e->name);
	buf_puts(out, "\n    ");
	if (e->bad) {
		show_text(out, e->err.what);
		buf_putc(out, '\n');
		return;
	}
	put_size(out, &e->usage);
	buf_puts(out, ", ");
	if (e->info.in_use)
		buf_puts(out, "in use");
	else
		put_age(out, e->info.used);
	keep_text(&e->info, keep);
	buf_printf(out, ", %s%s%s\n", e->info.keep == UINT64_MAX ? "kept" : "kept until unused for ",
		   e->info.keep == UINT64_MAX ? "" : keep, home_expired(&e->info) ? ", which it is" : "");
	if (e->info.command[0]) {
		buf_puts(out, "    ");
		show_text(out, e->info.command);
		buf_putc(out, '\n');
	}
}

static int list(const struct invocation *inv, const char *homes, const struct strlist *names)
{
	CLEANUP_BUF struct buf out = BUF_INIT(0);
	struct error err;

	if (inv->json)
		buf_puts(&out, "{\"homes\":[");
	for (size_t i = 0; i < names->n; i++) {
		CLEANUP_FREE char *folder = path_join(homes, names->v[i]);
		struct entry e = { .name = names->v[i] };
		if (!folder) {
			error_oom(&err);
			return fail(&inv->log, &err);
		}
		int there = home_info(folder, &e.info, &e.err);
		e.bad = there < 0;
		if (there > 0)
			home_measure(folder, MEASURE_LIST, &e.usage);
		if (there != 0)
			(inv->json ? list_json : list_line)(&out, &e);
		home_info_free(&e.info);
	}
	if (inv->json)
		buf_puts(&out, "]}\n");
	else if (out.n == 0)
		log_line(&inv->log, "no homes are kept in %s", homes);
	return print_out(&out, &inv->log);
}

/* ---- reset --------------------------------------------------------------------------------------- */

/* What was wiped is in the audit log, when there is one. */
static void record(const struct invocation *inv, const struct places *places, const char *name)
{
	CLEANUP_BUF struct buf line = BUF_INIT(1 << 16);
	struct audit audit = AUDIT_OFF;
	struct error err;

	if (!places->audit)
		return;
	if (audit_open(&audit, places->audit, &err) < 0) {
		log_error(&inv->log, &err);
		return;
	}
	audit_begin(&audit, &line, "home wiped");
	json_member_str(&line, "home", name);
	if (audit_end(&audit, &line, &err) < 0)
		log_error(&inv->log, &err);
	audit_close(&audit);
}

/* One home. 1: it was wiped; 0: there was none; -1: that has been said. */
static int wipe(const struct invocation *inv, const struct places *places, const char *folder)
{
	struct error err;
	int there = home_reset(folder, &err);

	if (there < 0) {
		log_error(&inv->log, &err);
		return -1;
	}
	if (there > 0) {
		record(inv, places, path_base(folder));
		log_line(&inv->log, "%s is empty now", path_base(folder));
	}
	return there;
}

/* All of them, or those that have not been used for as long as they are kept. */
static int wipe_many(const struct invocation *inv, const struct places *places, const char *homes, const struct strlist *names,
		     bool expired_only)
{
	bool failed = false;
	size_t n = 0;

	for (size_t i = 0; i < names->n; i++) {
		CLEANUP_FREE char *folder = path_join(homes, names->v[i]);
		CLEANUP(home_info_free) struct home_info info = { 0 };
		struct error err;
		if (!folder) {
			error_oom(&err);
			return fail(&inv->log, &err);
		}
		if (expired_only) {
			int there = home_info(folder, &info, &err);
			if (there < 0) {
				log_error(&inv->log, &err);
				failed = true;
			}
			if (there <= 0 || info.in_use || !home_expired(&info))
				continue;
		}
		int wiped = wipe(inv, places, folder);
		failed = failed || wiped < 0;
		n += wiped > 0;
	}
	if (n == 0 && !failed)
		log_line(&inv->log, "there was nothing to wipe in %s", homes);
	return failed ? 125 : 0;
}

/* The home of this NAME, or the only one with NAME in its name. The caller frees; NULL: ERR. */
static char *find_home(const char *homes, const struct strlist *names, const char *name, struct error *err)
{
	CLEANUP_BUF struct buf matches = BUF_INIT(400);
	const char *found = NULL;
	size_t n = 0;

	for (size_t i = 0; i < names->n; i++) {
		if (strcmp(names->v[i], name) == 0)
			return path_join(homes, name);
		if (!strstr(names->v[i], name))
			continue;
		found = names->v[i];
		buf_printf(&matches, "%s%s", n++ ? ", " : "", found);
	}
	if (n == 1)
		return path_join(homes, found);
	if (n == 0) {
		error_set(err, 0, "no home with the name %.200s is kept in %s", name, homes);
		error_hint(err, "\"mcpcage state list\" has the names");
	} else {
		error_set(err, 0, "%.200s can be several: %s", name, matches.full ? "see mcpcage state list" : buf_str(&matches));
	}
	return NULL;
}

/* The home of the command behind "--": found by the same steps by which a session finds it. */
static int reset_command(const struct invocation *inv, const struct places *places)
{
	CLEANUP(plan_free) struct plan plan = { 0 };
	struct error err;

	if (prepare(inv, OBTAIN_STORED, &plan, &err) < 0)
		return fail(&inv->log, &err);
	CLEANUP_FREE char *homes = path_join(places->state, "homes");
	CLEANUP_FREE char *folder = homes ? path_join(homes, path_base(plan.pins_folder)) : NULL;
	if (!folder) {
		error_oom(&err);
		return fail(&inv->log, &err);
	}
	int wiped = wipe(inv, places, folder);
	if (wiped == 0)
		log_line(&inv->log, "nothing is kept for this command: there is no %s", folder);
	return wiped < 0 ? 125 : 0;
}

static int reset(const struct invocation *inv, const struct places *places, const char *homes, const struct strlist *names)
{
	bool failed = false;
	struct error err;

	if (inv->all)
		return wipe_many(inv, places, homes, names, false);
	for (size_t i = 1; i < inv->words_n; i++) {
		CLEANUP_FREE char *folder = find_home(homes, names, inv->words[i], &err);
		if (!folder)
			return fail(&inv->log, &err);
		failed = wipe(inv, places, folder) < 0 || failed;
	}
	return failed ? 125 : 0;
}

static int usage(const struct invocation *inv, const char *what)
{
	struct error err;

	error_set(&err, 0, "%s", what);
	error_hint(&err, "mcpcage %s", command_row(COMMAND_STATE)->usage);
	error_kind(&err, ERROR_USAGE);
	return fail(&inv->log, &err);
}

int command_state(const struct invocation *inv)
{
	CLEANUP(places_free) struct places places = { 0 };
	CLEANUP_STRLIST struct strlist names = { 0 };
	const char *verb = inv->words_n ? inv->words[0] : "list";
	bool is_reset = strcmp(verb, "reset") == 0;
	struct error err;

	if (!is_reset && strcmp(verb, "list") != 0 && strcmp(verb, "expire") != 0)
		return usage(inv, "state does not know this word");
	if (!is_reset && (inv->words_n > 1 || inv->argv || inv->all))
		return usage(inv, "there is a word too many");
	if (is_reset && (inv->words_n > 1) + (inv->argv != NULL) + inv->all != 1)
		return usage(inv, "which home? A name, --all, or -- and the server's command");
	if (prepare_places(inv, &places, &err) < 0)
		return fail(&inv->log, &err);
	if (inv->argv)
		return reset_command(inv, &places);
	CLEANUP_FREE char *homes = path_join(places.state, "homes");
	if (!homes) {
		error_oom(&err);
		return fail(&inv->log, &err);
	}
	if (homes_list(homes, &names, &err) < 0)
		return fail(&inv->log, &err);
	if (is_reset)
		return reset(inv, &places, homes, &names);
	if (strcmp(verb, "expire") == 0)
		return wipe_many(inv, &places, homes, &names, true);
	return list(inv, homes, &names);
}
