/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mcpcage store: what is installed for which commands, whether it is still what was installed, and changing it. A package is named by the
 * command that it was installed for, behind "--", or by a part of what was asked for, or the beginning of its key.
 */
#include "cli/cli.h"
#include "cli/store-show.h"

#include "base/cleanup.h"
#include "base/json-out.h"
#include "cage/cage.h"
#include "policy/show.h"
#include "store/package-record.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

struct opened {
	const struct invocation *inv;
	struct facts facts;
	struct paths paths;
	char *folder;
	struct store *store;
};

static void opened_free(struct opened *o)
{
	store_close(o->store);
	free(o->folder);
	paths_free(&o->paths);
	facts_free(&o->facts);
}

static int open_it(const struct invocation *inv, struct opened *o, struct error *err)
{
	o->inv = inv;
	if (facts_user(&o->facts, environ, err) < 0 || paths_find(&o->facts, environ, &o->paths, err) < 0)
		return -1;
	o->folder = store_folder(&o->paths);
	if (!o->folder)
		return error_oom(err);
	return store_open(o->folder, &o->store, err);
}

/* ---- which one ---- */

struct search {
	const char *name;
	struct package_request found;
	size_t n;
	struct buf matches;
};

static void search_free(struct search *s)
{
	package_request_free(&s->found);
	buf_free(&s->matches);
}

static int match(void *context, const char *key, const struct package *package, const struct error *problem)
{
	struct search *s = context;
	bool exact = false, hit = strncmp(key, s->name, strlen(s->name)) == 0;
	struct error err;

	(void)problem;
	if (!package)
		return 0;
	for (size_t i = 0; i < package->request.specs.n; i++) {
		exact = exact || strcmp(package->request.specs.v[i], s->name) == 0;
		hit = hit || strstr(package->request.specs.v[i], s->name);
	}
	if (!hit && !exact)
		return 0;
	buf_printf(&s->matches, "%s%s (%.8s)", s->n ? ", " : "", package->request.specs.v[0], key);
	s->n++;
	if (s->n > 1)
		package_request_free(&s->found);
	return package_request_copy(&s->found, &package->request, &err);
}

/* The request that the words behind VERB mean. */
static int which(const struct opened *o, struct package_request *request, struct error *err)
{
	const struct invocation *inv = o->inv;
	CLEANUP(search_free) struct search s = { .name = inv->words[1], .matches = BUF_INIT(400) };

	if (inv->argv) {
		CLEANUP(runner_free) struct runner runner = { 0 };
		int is = runner_parse(inv->argv, &runner, err);
		if (is > 0 && !runner.project) {
			for (size_t i = 0; i < inv->options_n; i++)
				runner.request.scripts = runner.request.scripts || inv->options[i].key->id == KEY_PACKAGES_SCRIPTS;
			return package_request_copy(request, &runner.request, err);
		}
		if (is >= 0)
			error_set(err, 0, "%s is no package runner: nothing of it is in the store", inv->argv[0]);
		return error_kind(err, ERROR_USAGE);
	}
	if (store_each(o->store, match, &s, err) < 0)
		return -1;
	if (s.n == 1) {
		*request = s.found;
		s.found = (struct package_request){ 0 };
		return 0;
	}
	if (s.n == 0)
		error_set(err, 0, "nothing in the store is called %s", s.name);
	else
		error_set(err, 0, "%s can be several: %s", s.name, s.matches.full ? "more than fit here" : buf_str(&s.matches));
	error_kind(err, ERROR_USAGE);
	return error_hint(err, "\"mcpcage store list\" has the names and keys; the command behind \"--\" works as well");
}

static int find(const struct opened *o, struct package_request *request, struct package *package, struct error *err)
{
	if (which(o, request, err) < 0)
		return -1;
	int there = store_find(o->store, request, package, err);
	if (there == 0) {
		error_set(err, 0, "%s is not in the store", package_request_first(request));
		return error_kind(err, ERROR_USAGE);
	}
	return there < 0 ? -1 : 0;
}

/* ---- list, show ---- */

struct listing {
	const struct opened *o;
	struct buf *out;
	bool bad;
};

static int list_one(void *context, const char *key, const struct package *package, const struct error *problem)
{
	struct listing *l = context;
	CLEANUP_STRLIST struct strlist answers = { 0 };
	struct error err;

	if (!package) {
		log_line(&l->o->inv->log, "%s: %s", key, problem->what);
		l->bad = true;
		return 0;
	}
	int n = store_answers(l->o->store, &package->request, &answers, &err);
	(l->o->inv->json ? store_list_json : store_list_line)(l->out, key, package, n > 1 ? (size_t)n - 1 : 0);
	return 0;
}

static int list(const struct opened *o, struct error *err)
{
	CLEANUP_BUF struct buf out = BUF_INIT(0);
	struct listing l = { .o = o, .out = &out };

	if (o->inv->json)
		buf_puts(&out, "{\"packages\":[");
	if (store_each(o->store, list_one, &l, err) < 0)
		return fail(&o->inv->log, err);
	if (o->inv->json)
		buf_puts(&out, "]}\n");
	else if (out.n == 0)
		log_line(&o->inv->log, "nothing is installed in %s", o->folder);
	int status = print_out(&out, &o->inv->log);
	return status ? status : l.bad;
}

static int show(const struct opened *o, struct error *err)
{
	CLEANUP(package_request_free) struct package_request request = { 0 };
	CLEANUP(package_free) struct package package = { 0 };
	CLEANUP_BUF struct buf out = BUF_INIT(0);

	if (find(o, &request, &package, err) < 0)
		return fail(&o->inv->log, err);
	if (o->inv->json)
		package_record_write(&package, &out);
	else
		store_show_text(&out, &package);
	return print_out(&out, &o->inv->log);
}

/* ---- verify ---- */

static int verify_one(const struct opened *o, const struct package *package, struct buf *out)
{
	uint64_t held;
	struct error err;

	if (store_verify_fully(o->store, package, &err) < 0 || store_held(o->store, package, &held, &err) < 0) {
		log_error(&o->inv->log, &err);
		return 1;
	}
	show_text(out, package->request.specs.v[0]);
	buf_printf(out, ": %" PRIu64 " files are what was installed", package->files);
	if (held)
		buf_printf(out, "; %" PRIu64 " of them are held by the kernel (fs-verity)", held);
	buf_putc(out, '\n');
	return 0;
}

static int verify_each(void *context, const char *key, const struct package *package, const struct error *problem)
{
	struct listing *l = context;

	if (!package)
		log_line(&l->o->inv->log, "%s: %s", key, problem->what);
	l->bad = !package || verify_one(l->o, package, l->out) || l->bad;
	return 0;
}

static int verify(const struct opened *o, struct error *err)
{
	CLEANUP(package_request_free) struct package_request request = { 0 };
	CLEANUP(package_free) struct package package = { 0 };
	CLEANUP_BUF struct buf out = BUF_INIT(0);
	struct listing l = { .o = o, .out = &out };

	if (o->inv->words_n < 2 && !o->inv->argv) {
		if (store_each(o->store, verify_each, &l, err) < 0)
			return fail(&o->inv->log, err);
	} else {
		if (find(o, &request, &package, err) < 0)
			return fail(&o->inv->log, err);
		l.bad = verify_one(o, &package, &out);
	}
	int status = print_out(&out, &o->inv->log);
	return status ? status : l.bad;
}

/* ---- update, rollback ---- */

#define CHANGES_SHOWN 20

struct changes {
	struct buf names;
	size_t n[3];
};

static void count_change(void *context, enum tree_change change, const char *path)
{
	static const char *const marks[] = { "+", "-", " " };
	struct changes *c = context;

	if (c->n[0] + c->n[1] + c->n[2] < CHANGES_SHOWN) {
		buf_printf(&c->names, "    %s ", marks[change]);
		show_text(&c->names, path);
		buf_putc(&c->names, '\n');
	}
	c->n[change]++;
}

static void put_files(const struct opened *o, const struct package *before, const struct package *now, struct buf *out)
{
	struct changes c = { .names = BUF_INIT(0) };
	struct error err;

	if (store_compare(o->store, before, now, count_change, &c, &err) < 0) {
		log_error(&o->inv->log, &err);
	} else {
		size_t all = c.n[TREE_ADDED] + c.n[TREE_REMOVED] + c.n[TREE_CHANGED];
		buf_printf(out, "  files: %zu added, %zu removed, %zu changed\n", c.n[TREE_ADDED], c.n[TREE_REMOVED], c.n[TREE_CHANGED]);
		buf_append(out, c.names.p, c.names.n);
		if (all > CHANGES_SHOWN)
			buf_printf(out, "    and %zu more\n", all - CHANGES_SHOWN);
	}
	buf_free(&c.names);
}

static int print_change(const struct opened *o, const struct package *before, const struct package *now, const char *back)
{
	CLEANUP_BUF struct buf out = BUF_INIT(0);

	if (memcmp(before->tree, now->tree, PACKAGE_HASH) == 0) {
		log_line(&o->inv->log, "%s: nothing has changed", now->request.specs.v[0]);
		return 0;
	}
	show_text(&out, now->request.specs.v[0]);
	buf_printf(&out, "  %s", store_version(before));
	buf_printf(&out, "%s%s\n", strcmp(store_version(before), store_version(now)) != 0 ? " -> " : ", the same version",
		   strcmp(store_version(before), store_version(now)) != 0 ? store_version(now) : "");
	store_show_changes(&out, before, now);
	put_files(o, before, now, &out);
	int status = print_out(&out, &o->inv->log);
	log_line(&o->inv->log, "%s", back);
	return status;
}

static int update(const struct opened *o, struct error *err)
{
	CLEANUP(package_request_free) struct package_request request = { 0 };
	CLEANUP(package_free) struct package before = { 0 }, now = { 0 };

	if (find(o, &request, &before, err) < 0)
		return fail(&o->inv->log, err);
	if (package_request_pinned(&request))
		log_line(&o->inv->log, "%s names its version: only what it depends on can change", package_request_first(&request));
	if (obtain_alone(o->inv, &request, OBTAIN_FRESH, &now, err) < 0)
		return fail(&o->inv->log, err);
	return print_change(o, &before, &now, "\"mcpcage store rollback\" goes back to what was before");
}

static int rollback(const struct opened *o, struct error *err)
{
	CLEANUP(package_request_free) struct package_request request = { 0 };
	CLEANUP(package_free) struct package before = { 0 }, now = { 0 };
	CLEANUP_STRLIST struct strlist answers = { 0 };

	if (find(o, &request, &now, err) < 0)
		return fail(&o->inv->log, err);
	CLEANUP_CLOSE int lock = store_lock(o->store, &request, NULL, NULL, err);
	if (lock < 0 || store_answers(o->store, &request, &answers, err) < 0)
		return fail(&o->inv->log, err);
	if (answers.n < 2) {
		error_set(err, 0, "%s was never updated: there is nothing to go back to", package_request_first(&request));
		return fail(&o->inv->log, err);
	}
	if (store_choose(o->store, &request, answers.v[1], err) < 0 || store_find(o->store, &request, &before, err) <= 0)
		return fail(&o->inv->log, err);
	return print_change(o, &now, &before, "\"mcpcage store rollback\" once more undoes this");
}

/* ---- remove, gc ---- */

static int collect(const struct opened *o, struct error *err)
{
	struct store_collected c;

	if (store_collect(o->store, &c, err) < 0)
		return fail(&o->inv->log, err);
	log_line(&o->inv->log, "%u tree%s removed, %.1f MB", c.trees, c.trees == 1 ? "" : "s", (double)c.bytes / 1e6);
	if (c.in_use)
		log_line(&o->inv->log, "%u more %s in use by a session, and can go after it: \"mcpcage store gc\"", c.in_use,
			 c.in_use == 1 ? "is" : "are");
	return 0;
}

/* What cannot be read can be removed as well, so the record is not looked at. */
static int forget(const struct opened *o, struct error *err)
{
	CLEANUP(package_request_free) struct package_request request = { 0 };

	if (which(o, &request, err) < 0)
		return fail(&o->inv->log, err);
	int there = store_forget(o->store, &request, err);
	if (there == 0) {
		error_set(err, 0, "%s is not in the store", package_request_first(&request));
		error_kind(err, ERROR_USAGE);
	}
	return there <= 0 ? fail(&o->inv->log, err) : collect(o, err);
}

static int usage(const struct invocation *inv, const char *what)
{
	struct error err;

	error_set(&err, 0, "%s", what);
	error_hint(&err, "mcpcage %s", command_row(COMMAND_STORE)->usage);
	error_kind(&err, ERROR_USAGE);
	return fail(&inv->log, &err);
}

int command_store(const struct invocation *inv)
{
	static const struct {
		const char *word;
		int (*run)(const struct opened *o, struct error *err);
		size_t min, max; /* names behind the word; a command counts as one */
	} verbs[] = {
		{ "list", list, 0, 0 },     { "show", show, 1, 1 },         { "verify", verify, 0, 1 }, { "update", update, 1, 1 },
		{ "remove", forget, 1, 1 }, { "rollback", rollback, 1, 1 }, { "gc", collect, 0, 0 },
	};
	CLEANUP(opened_free) struct opened o = { 0 };
	const char *verb = inv->words_n ? inv->words[0] : "list";
	size_t names = (inv->words_n ? inv->words_n - 1 : 0) + (inv->argv ? 1 : 0), i = 0;
	struct error err;

	while (i < ARRAY_SIZE(verbs) && strcmp(verbs[i].word, verb) != 0)
		i++;
	if (i == ARRAY_SIZE(verbs))
		return usage(inv, "store does not know this word");
	if (names < verbs[i].min)
		return usage(inv, "which package? Its name, or the command behind \"--\", is missing");
	if (names > verbs[i].max)
		return usage(inv, "there is a word too many");
	if (open_it(inv, &o, &err) < 0)
		return fail(&inv->log, &err);
	return verbs[i].run(&o, &err);
}
