/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Accepting is bound to what was shown: the hash is over every byte of it, and what is written is the same memory that was shown.
 * --accept takes at least twelve digits of it, which nobody can make another set of items for in the time between looking and accepting.
 */
#include "cli/accept.h"

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/json-out.h"
#include "cli/render.h"
#include "store/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ACCEPT_DIGITS 12

int accept_hash(const struct pins *p, char text[ACCEPT_HASH], struct error *err)
{
	CLEANUP_BUF struct buf out = BUF_INIT(PINS_FILE_MAX);
	struct pins bare = { .v = p->v, .n = p->n };
	uint8_t hash[ITEM_HASH];

	/* Without time, number and lists: only what is shown. */
	if (pins_write(&bare, &out) < 0)
		return error_oom(err);
	manifest_hash(buf_span(&out), hash);
	for (size_t i = 0; i < ITEM_HASH; i++)
		snprintf(text + 2 * i, 3, "%02x", hash[i]);
	return 0;
}

static int ask(const char *what, struct error *err)
{
	CLEANUP_CLOSE int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	CLEANUP_BUF struct buf question = BUF_INIT(4096);
	char line[64] = "";

	if (fd < 0) {
		error_set(err, 0, "there is no terminal to ask on");
		return error_hint(err, "look at it, then accept it with --accept HASH, the hash that is shown");
	}
	buf_printf(&question, "Accept %s? [y/N] ", what);
	if (fd_write_all(fd, question.p, question.n) < 0)
		return error_set(err, errno, "cannot ask on the terminal");
	ssize_t n = read(fd, line, sizeof line - 1);
	if (n < 0)
		return error_set(err, errno, "cannot read from the terminal");
	return strcmp(line, "y\n") == 0 || strcmp(line, "yes\n") == 0 || strcmp(line, "Y\n") == 0;
}

int accept_asked(const struct invocation *inv, const char *what, const char hash[ACCEPT_HASH], struct error *err)
{
	size_t n = inv->accept ? strlen(inv->accept) : 0;

	if (inv->accept) {
		if (n >= ACCEPT_DIGITS && n < ACCEPT_HASH && strncmp(inv->accept, hash, n) == 0)
			return 1;
		error_set(err, 0, n < ACCEPT_DIGITS ? "--accept %s is too short" : "--accept %s is not what is offered now",
			  inv->accept);
		return error_hint(err, "what is offered now has the hash %s; at least %d digits of it are needed", hash,
				  ACCEPT_DIGITS);
	}
	return inv->yes ? 1 : ask(what, err);
}

void accept_record(const struct log *log, const char *path, const char *event, const char *name, const struct pins *pins,
		   const char *hash)
{
	struct audit audit = AUDIT_OFF;
	CLEANUP_BUF struct buf line = BUF_INIT(1 << 16);
	struct error err;

	if (!path)
		return;
	if (audit_open(&audit, path, &err) == 0) {
		audit_begin(&audit, &line, event);
		json_member_str(&line, "pins", name);
		if (pins) {
			json_member_u64(&line, "generation", pins->generation);
			json_member_u64(&line, "items", pins->n);
		}
		if (pins && pins->decided == DECIDED_ROLLBACK)
			json_member_u64(&line, "from", pins->from);
		if (hash)
			json_member_str(&line, "hash", hash);
		if (audit_end(&audit, &line, &err) == 0) {
			audit_close(&audit);
			return;
		}
		audit_close(&audit);
	}
	log_error(log, &err);
}

/* ---- what is held ----------------------------------------------------------------------------- */

static bool meant(const struct pin *pin, const char *const *items, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (span_is(pin->name, items[i]))
			return true;
	return n == 0;
}

static int apply(struct pins *to, const struct pin *held, struct error *err)
{
	struct pin *old = pins_find(to, held->kind, held->name);

	if (old)
		pins_remove(to, old);
	if (held->state == PIN_GONE)
		return 0;
	struct pin pin = *held;
	pin.state = PIN_REVIEWED;
	return pins_add(to, &pin) ? 0 : error_set(err, 0, "there are too many pins");
}

int accept_held(const char *folder, const struct pins *held, const char *const *items, size_t items_n,
		struct pins *committed, struct error *err)
{
	CLEANUP(pins_free) struct pins now = { 0 };
	CLEANUP(pins_free) struct pins rest = { 0 };
	CLEANUP_CLOSE int lock = pins_lock(folder, err);

	if (lock < 0 || pins_read(folder, "current", committed, err) < 0 || pins_read(folder, "held", &now, err) < 0)
		return -1;
	for (size_t i = 0; i < held->n; i++)
		if (meant(&held->v[i], items, items_n) && apply(committed, &held->v[i], err) < 0)
			return -1;
	/* What is held by now and was not accepted stays held. */
	rest.time = now.time;
	memcpy(rest.command, now.command, sizeof rest.command);
	for (size_t i = 0; i < now.n; i++) {
		const struct pin *pin = &now.v[i], *shown = pins_find(held, pin->kind, pin->name);
		bool done = shown && meant(shown, items, items_n) && shown->state == pin->state &&
			    memcmp(shown->hash, pin->hash, ITEM_HASH) == 0;
		if (!done && !pins_add(&rest, pin))
			return error_oom(err);
	}
	committed->decided = DECIDED_ACCEPTED;
	committed->from = 0;
	if (!committed->command[0])
		memcpy(committed->command, held->command, sizeof committed->command);
	if (pins_commit(folder, committed, err) < 0)
		return -1;
	return pins_write_held(folder, &rest, err);
}

/* Those of P that are meant. */
static int pick(const struct pins *p, const char *const *items, size_t n, struct pins *out, struct error *err)
{
	memcpy(out->command, p->command, sizeof out->command);
	for (size_t i = 0; i < p->n; i++)
		if (meant(&p->v[i], items, n) && !pins_add(out, &p->v[i]))
			return error_oom(err);
	return 0;
}

int accept_command(const struct invocation *inv, const char *folder, const char *audit, const struct mediation *mediation,
		   const char *const *items, size_t items_n, bool question)
{
	CLEANUP(pins_free) struct pins held = { 0 };
	CLEANUP(pins_free) struct pins current = { 0 };
	CLEANUP(pins_free) struct pins shown = { 0 };
	CLEANUP(pins_free) struct pins committed = { 0 };
	const char *name = strrchr(folder, '/') + 1;
	char hash[ACCEPT_HASH], what[300];
	struct error err;

	if (pins_read(folder, "current", &current, &err) < 0 || pins_read(folder, "held", &held, &err) < 0 ||
	    pick(&held, items, items_n, &shown, &err) < 0 || accept_hash(&shown, hash, &err) < 0)
		return fail(&inv->log, &err);
	if (shown.n == 0 && !inv->json) {
		log_line(&inv->log, "nothing is held of %s", name);
		return question && items_n > 0 ? 1 : 0;
	}
	const struct render r = { .what = RENDER_CHANGES, .pins = &shown, .against = &current, .mediation = mediation, .json = inv->json,
				  .hash = hash, .name = name, .fd = STDOUT_FILENO };
	if (render(&r, &err) < 0)
		return fail(&inv->log, &err);
	if (!inv->json) {
		CLEANUP_BUF struct buf line = BUF_INIT(0);
		buf_printf(&line, "%zu held; hash %s\n", shown.n, hash);
		int status = print_out(&line, &inv->log);
		if (status)
			return status;
	}
	if (!question && !inv->accept && !inv->yes)
		return shown.n > 0;
	snprintf(what, sizeof what, "%s", shown.n == 1 ? "this change" : "these changes");
	int yes = accept_asked(inv, what, hash, &err);
	if (yes < 0)
		return fail(&inv->log, &err);
	if (yes == 0) {
		log_line(&inv->log, "nothing was accepted");
		return 1;
	}
	if (accept_held(folder, &shown, NULL, 0, &committed, &err) < 0)
		return fail(&inv->log, &err);
	accept_record(&inv->log, audit, "accepted", name, &committed, hash);
	log_line(&inv->log, "accepted; %s is at generation %llu now (sessions that run go on with what they have)", name,
		 (unsigned long long)committed.generation);
	return 0;
}
