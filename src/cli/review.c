/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mcpcage review: the server is started in its cage as in any session, with a client of our own in the place of the user's, which
 * asks for all that is pinned. All of it is shown, and pinned when the person accepts it: the very bytes that were shown.
 */
#include "cli/accept.h"
#include "cli/render.h"
#include "cli/review-client.h"

#include "base/cleanup.h"
#include "base/path.h"
#include "session/session.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Our own standard streams while the session has them. */
struct streams {
	int in, out;
	sigset_t mask;
};

static int swap_streams(struct streams *s, int in, int out, struct error *err)
{
	s->in = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	s->out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	if (s->in < 0 || s->out < 0 || sigprocmask(SIG_SETMASK, NULL, &s->mask) < 0 || dup2(in, STDIN_FILENO) < 0 ||
	    dup2(out, STDOUT_FILENO) < 0)
		return error_set(err, errno, "cannot set up the streams of the review");
	return 0;
}

/* The session has blocked signals, too. */
static void restore_streams(struct streams *s)
{
	(void)dup2(s->in, STDIN_FILENO);
	(void)dup2(s->out, STDOUT_FILENO);
	close(s->in);
	close(s->out);
	(void)sigprocmask(SIG_SETMASK, &s->mask, NULL);
}

static void close_pipe(int p[2])
{
	for (int i = 0; i < 2; i++)
		if (p[i] >= 0)
			close(p[i]);
	p[0] = p[1] = -1;
}

/* What the client's exit status says. */
static int client_end(pid_t pid, struct error *err)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return error_set(err, errno, "cannot wait for the client of the review");
	enum review_end end = WIFEXITED(status) ? (enum review_end)WEXITSTATUS(status) : REVIEW_BROKEN;
	if (end == REVIEW_DONE)
		return 0;
	error_set(err, 0, "%s", review_end_text(end));
	return error_hint(err, "what the server said on standard error, and the audit log, may say why");
}

static int collect(const struct invocation *inv, const struct plan *plan, struct pins *out, struct error *err)
{
	int to[2] = { -1, -1 }, from[2] = { -1, -1 }, status;
	struct streams streams;
	pid_t client = -1;

	if (pipe2(to, O_CLOEXEC) < 0 || pipe2(from, O_CLOEXEC) < 0)
		error_set(err, errno, "cannot make the pipes of the review");
	else
		client = review_client_start(from[0], to[1], err);
	if (client < 0) {
		close_pipe(to);
		close_pipe(from);
		return -1;
	}
	int r = swap_streams(&streams, to[0], from[1], err);
	close_pipe(to);
	close_pipe(from);
	if (r < 0) {
		(void)kill(client, SIGKILL);
		(void)waitpid(client, NULL, 0);
		return -1;
	}
	r = session_collect(plan, &inv->log, out, &status, err);
	restore_streams(&streams);
	if (r < 0) {
		(void)kill(client, SIGKILL);
		(void)waitpid(client, NULL, 0);
		return -1;
	}
	return client_end(client, err);
}

static int commit(const char *folder, struct pins *p, struct error *err)
{
	const struct pins none = { 0 };
	CLEANUP_CLOSE int lock = pins_lock(folder, err);

	if (lock < 0)
		return -1;
	for (size_t i = 0; i < p->n; i++)
		p->v[i].state = PIN_REVIEWED;
	for (unsigned k = 0; k < ITEM_KINDS; k++)
		p->closed[k] = true;
	p->decided = DECIDED_REVIEW;
	if (pins_commit(folder, p, err) < 0)
		return -1;
	return pins_write_held(folder, &none, err);
}

/* Pins that were there and are offered no more. */
static size_t count_gone(const struct pins *now, const struct pins *before)
{
	size_t n = 0;

	for (size_t i = 0; i < before->n; i++)
		n += !pins_find(now, before->v[i].kind, before->v[i].name);
	return n;
}

static int show(const struct invocation *inv, const struct plan *plan, const struct pins *p, const struct pins *before,
		const char *hash, struct error *err)
{
	const char *folder = plan->pins_folder;
	const struct render r = { .what = RENDER_ITEMS, .pins = p, .against = before, .mediation = &plan->mediation, .json = inv->json, .hash = hash,
				  .name = path_base(folder), .fd = STDOUT_FILENO };
	CLEANUP_BUF struct buf out = BUF_INIT(0);
	size_t gone = count_gone(p, before);

	if (render(&r, err) < 0)
		return -1;
	if (inv->json)
		return 0;
	buf_printf(&out, "%s: %zu items", path_base(folder), p->n);
	if (gone > 0)
		buf_printf(&out, "; %zu that were pinned are offered no more", gone);
	buf_printf(&out, "\nhash %s\n", hash);
	return print_out(&out, &inv->log) == 0 ? 0 : error_set(err, 0, "what was found could not be shown");
}

int command_review(const struct invocation *inv)
{
	CLEANUP(plan_free) struct plan plan = { 0 };
	CLEANUP(pins_free) struct pins p = { 0 };
	CLEANUP(pins_free) struct pins before = { 0 };
	CLEANUP(own_folders_end) struct own_folders own = OWN_FOLDERS_NONE;
	char hash[ACCEPT_HASH];
	struct error err;

	(void)signal(SIGPIPE, SIG_IGN);
	if (prepare(inv, OBTAIN_MISSING, &plan, &err) < 0)
		return fail(&inv->log, &err);
	plan.mediation.pins = PINS_FIRST_USE;
	if (pins_read(plan.pins_folder, "current", &before, &err) < 0 ||
	    own_folders_begin(inv, &plan, &own, &err) < 0 || collect(inv, &plan, &p, &err) < 0 ||
	    accept_hash(&p, hash, &err) < 0 || show(inv, &plan, &p, &before, hash, &err) < 0)
		return fail(&inv->log, &err);
	own_folders_end(&own); /* the server is gone, and the person may take a while */
	/* A program that reads JSON comes back with --accept. */
	if (inv->json && !inv->accept && !inv->yes)
		return 0;
	int yes = accept_asked(inv, "all of this", hash, &err);
	if (yes < 0)
		return fail(&inv->log, &err);
	if (yes == 0) {
		log_line(&inv->log, "nothing was pinned");
		return 1;
	}
	if (commit(plan.pins_folder, &p, &err) < 0)
		return fail(&inv->log, &err);
	accept_record(&inv->log, plan.audit, "reviewed", path_base(plan.pins_folder), &p, hash);
	log_line(&inv->log, "pinned: %s is at generation %llu now", path_base(plan.pins_folder),
		 (unsigned long long)p.generation);
	return 0;
}
