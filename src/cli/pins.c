/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mcpcage pins: what is pinned of which server, how it came about, and going back. NAME is the name of a server's folder, or a part of it
 * that no other has. Contents, which a server wrote, are shown by render.c alone.
 */
#include "cli/accept.h"
#include "cli/render.h"

#include "base/cleanup.h"
#include "base/json-out.h"
#include "base/path.h"
#include "store/approvals.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static char *pins_root(const char *state)
{
	return path_join(state, "pins");
}

char *pins_find_folder(const char *state, const char *name, struct error *err)
{
	CLEANUP_FREE char *root = pins_root(state);
	CLEANUP_STRLIST struct strlist names = { 0 };
	CLEANUP_BUF struct buf matches = BUF_INIT(400);
	const char *found = NULL;
	size_t n = 0;

	if (!root) {
		error_oom(err);
		return NULL;
	}
	if (pins_servers(root, &names, err) < 0)
		return NULL;
	for (size_t i = 0; i < names.n; i++) {
		if (strcmp(names.v[i], name) == 0)
			return path_join(root, name);
		if (!strstr(names.v[i], name))
			continue;
		found = names.v[i];
		buf_printf(&matches, "%s%s", n++ ? ", " : "", found);
	}
	if (n == 1)
		return path_join(root, found);
	if (n == 0) {
		error_set(err, 0, "there are no pins with the name %s in %s", name, root);
		error_hint(err, "\"mcpcage pins list\" has the names");
	} else {
		error_set(err, 0, "%s can be several: %s", name, matches.full ? "see mcpcage pins list" : buf_str(&matches));
	}
	return NULL;
}

static void put_time(struct buf *out, int64_t seconds)
{
	time_t t = (time_t)seconds;
	struct tm tm;
	char text[40] = "";

	if (gmtime_r(&t, &tm))
		strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
	buf_puts(out, text);
}

static size_t count(const struct pins *p, enum item_kind kind)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n; i++)
		n += p->v[i].kind == kind;
	return n;
}

/* ---- list ------------------------------------------------------------------------------------- */

struct summary {
	struct pins current, held;
	struct error err; /* when bad */
	bool bad;
};

static void summary_free(struct summary *s)
{
	pins_free(&s->current);
	pins_free(&s->held);
}

static void list_json(struct buf *out, const char *name, const struct summary *s)
{
	json_comma(out);
	buf_putc(out, '{');
	json_member_str(out, "name", name);
	if (s->bad) {
		json_member_str(out, "error", s->err.what);
	} else {
		json_member_u64(out, "generation", s->current.generation);
		json_member_str(out, "decided", pins_decided_name(s->current.decided));
		json_member_i64(out, "time", s->current.time);
		json_member_str(out, "command", s->current.command);
		for (unsigned k = ITEM_TOOL; k < ITEM_KINDS; k++)
			json_member_u64(out, item_kind_name((enum item_kind)k), count(&s->current, (enum item_kind)k));
		json_member_u64(out, "held", s->held.n);
	}
	buf_putc(out, '}');
}

static void list_line(struct buf *out, const char *name, const struct summary *s)
{
	if (s->bad) {
		buf_printf(out, "%s\n    %s\n", name, s->err.what);
		return;
	}
	buf_printf(out, "%s\n    ", name);
	if (s->current.generation == 0) {
		buf_puts(out, "nothing is pinned");
	} else {
		buf_printf(out, "generation %llu, %s, ", (unsigned long long)s->current.generation,
			   pins_decided_name(s->current.decided));
		put_time(out, s->current.time);
		buf_printf(out, "; %zu tools, %zu prompts, %zu templates", count(&s->current, ITEM_TOOL),
			   count(&s->current, ITEM_PROMPT), count(&s->current, ITEM_TEMPLATE));
	}
	if (s->held.n > 0)
		buf_printf(out, "; %zu held", s->held.n);
	buf_printf(out, "\n    %s\n", s->current.command[0] ? s->current.command : s->held.command);
}

static int list(const struct invocation *inv, const struct places *places)
{
	CLEANUP_FREE char *root = pins_root(places->state);
	CLEANUP_STRLIST struct strlist names = { 0 };
	CLEANUP_BUF struct buf out = BUF_INIT(0);
	struct error err;

	if (!root || pins_servers(root, &names, &err) < 0) {
		if (!root)
			error_oom(&err);
		return fail(&inv->log, &err);
	}
	if (inv->json)
		buf_puts(&out, "{\"pins\":[");
	for (size_t i = 0; i < names.n; i++) {
		CLEANUP(summary_free) struct summary s = { 0 };
		CLEANUP_FREE char *folder = path_join(root, names.v[i]);
		if (!folder) {
			error_oom(&err);
			return fail(&inv->log, &err);
		}
		s.bad = pins_read(folder, "current", &s.current, &s.err) < 0 || pins_read(folder, "held", &s.held, &s.err) < 0;
		if (!s.bad && s.current.generation == 0 && s.held.n == 0)
			continue;
		(inv->json ? list_json : list_line)(&out, names.v[i], &s);
	}
	if (inv->json)
		buf_puts(&out, "]}\n");
	else if (out.n == 0)
		log_line(&inv->log, "nothing is pinned in %s", root);
	return print_out(&out, &inv->log);
}

/* ---- one server ------------------------------------------------------------------------------- */

static int show(const struct invocation *inv, const char *folder)
{
	CLEANUP(pins_free) struct pins p = { 0 };
	struct error err;
	char hash[ACCEPT_HASH];
	int there = pins_read(folder, "current", &p, &err);

	if (there == 0) {
		log_line(&inv->log, "nothing is pinned in %s", folder);
		return 1;
	}
	const struct render r = { .what = RENDER_ITEMS, .pins = &p, .json = inv->json, .hash = hash,
				  .name = path_base(folder), .fd = STDOUT_FILENO };
	if (there < 0 || accept_hash(&p, hash, &err) < 0 || render(&r, &err) < 0)
		return fail(&inv->log, &err);
	return 0;
}

static void history_line(struct buf *out, const struct pins *p, bool current, bool json)
{
	if (json) {
		json_comma(out);
		buf_putc(out, '{');
		json_member_u64(out, "generation", p->generation);
		json_member_i64(out, "time", p->time);
		json_member_str(out, "decided", pins_decided_name(p->decided));
		if (p->decided == DECIDED_ROLLBACK)
			json_member_u64(out, "from", p->from);
		json_member_u64(out, "items", p->n);
		json_member_bool(out, "current", current);
		buf_putc(out, '}');
		return;
	}
	buf_printf(out, "%s %4llu  ", current ? "*" : " ", (unsigned long long)p->generation);
	put_time(out, p->time);
	buf_printf(out, "  %-9s  %zu items", pins_decided_name(p->decided), p->n);
	if (p->decided == DECIDED_ROLLBACK)
		buf_printf(out, ", those of %llu", (unsigned long long)p->from);
	buf_putc(out, '\n');
}

static int history(const struct invocation *inv, const char *folder)
{
	CLEANUP(pins_free) struct pins current = { 0 };
	CLEANUP_FREE uint64_t *numbers = NULL;
	CLEANUP_BUF struct buf out = BUF_INIT(0);
	struct error err;
	size_t n;

	if (pins_history(folder, &numbers, &n, &err) < 0)
		return fail(&inv->log, &err);
	int there = pins_read(folder, "current", &current, &err);
	if (there < 0)
		log_error(&inv->log, &err);
	if (inv->json)
		buf_puts(&out, "{\"generations\":[");
	for (size_t i = 0; i < n; i++) {
		CLEANUP(pins_free) struct pins p = { 0 };
		if (numbers[i] == current.generation)
			continue;
		if (pins_read_generation(folder, numbers[i], &p, &err) < 0)
			log_error(&inv->log, &err);
		else if (p.generation > 0)
			history_line(&out, &p, false, inv->json);
	}
	if (there > 0)
		history_line(&out, &current, true, inv->json);
	if (inv->json)
		buf_puts(&out, "]}\n");
	int status = print_out(&out, &inv->log);
	return status ? status : there < 0;
}

static int rollback(const struct invocation *inv, const char *folder, const char *audit)
{
	CLEANUP(pins_free) struct pins p = { 0 };
	struct error err;
	char *end;
	unsigned long long number = strtoull(inv->words[2], &end, 10);

	CLEANUP_CLOSE int lock = pins_lock(folder, &err);
	if (lock < 0)
		return fail(&inv->log, &err);
	int there = *end || number == 0 ? 0 : pins_read_generation(folder, number, &p, &err);
	if (there == 0) {
		error_set(&err, 0, "there is no generation %s in the history of %s", inv->words[2], path_base(folder));
		error_hint(&err, "mcpcage pins history %s lists them", path_base(folder));
	}
	if (there <= 0)
		return fail(&inv->log, &err);
	p.decided = DECIDED_ROLLBACK;
	p.from = number;
	if (pins_commit(folder, &p, &err) < 0)
		return fail(&inv->log, &err);
	accept_record(&inv->log, audit, "rolled back", path_base(folder), &p, NULL);
	log_line(&inv->log, "%s is at generation %llu now, with what generation %llu had", path_base(folder),
		 (unsigned long long)p.generation, number);
	return 0;
}

static int forget(const struct invocation *inv, const char *folder, const char *audit)
{
	struct error err;
	size_t answers;
	CLEANUP_CLOSE int lock = pins_lock(folder, &err);

	/* What was once allowed for good belongs to what was pinned. */
	if (lock < 0 || approvals_revoke(folder, NULL, true, &answers, &err) < 0 || pins_forget(folder, &err) < 0)
		return fail(&inv->log, &err);
	accept_record(&inv->log, audit, "unpinned", path_base(folder), NULL, NULL);
	log_line(&inv->log, "%s has no pins any more", path_base(folder));
	return 0;
}

static int usage(const struct invocation *inv, const char *what)
{
	struct error err;

	error_set(&err, 0, "%s", what);
	error_hint(&err, "mcpcage %s", command_row(COMMAND_PINS)->usage);
	error_kind(&err, ERROR_USAGE);
	return fail(&inv->log, &err);
}

int command_pins(const struct invocation *inv)
{
	static const struct {
		const char *word;
		size_t min, max;
	} verbs[] = {
		{ "list", 1, 1 },    { "show", 2, 2 },   { "accept", 2, SIZE_MAX },
		{ "history", 2, 2 }, { "remove", 2, 2 }, { "rollback", 3, 3 },
	};
	CLEANUP(places_free) struct places places = { 0 };
	const char *verb = inv->words_n ? inv->words[0] : "list";
	size_t words = inv->words_n ? inv->words_n : 1, i = 0;
	struct error err;

	while (i < ARRAY_SIZE(verbs) && strcmp(verbs[i].word, verb) != 0)
		i++;
	if (i == ARRAY_SIZE(verbs) || inv->argv)
		return usage(inv, inv->argv ? "pins takes no command" : "pins does not know this word");
	if (words < verbs[i].min || words > verbs[i].max)
		return usage(inv, words < verbs[i].min ? "a word is missing" : "there is a word too many");
	if (prepare_places(inv, &places, &err) < 0)
		return fail(&inv->log, &err);
	if (i == 0)
		return list(inv, &places);
	CLEANUP_FREE char *folder = pins_find_folder(places.state, inv->words[1], &err);
	if (!folder)
		return fail(&inv->log, &err);
	if (strcmp(verb, "show") == 0)
		return show(inv, folder);
	if (strcmp(verb, "history") == 0)
		return history(inv, folder);
	if (strcmp(verb, "rollback") == 0)
		return rollback(inv, folder, places.audit);
	if (strcmp(verb, "remove") == 0)
		return forget(inv, folder, places.audit);
	return accept_command(inv, folder, places.audit, &places.mediation, inv->words + 2, inv->words_n - 2, true);
}
