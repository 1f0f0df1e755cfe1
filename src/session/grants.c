/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The table of grants. One thing is done at a time, by a helper, and what has to be taken away comes before what is asked for; who asks
 * waits for his turn in control.c. Hosts are egress's to allow: it is told, and says what became of it (session/egress.h).
 *
 * Expiry goes by CLOCK_BOOTTIME, so that ten minutes are over when the machine wakes after an hour. timerfd_create(2).
 */
#include "session/grants.h"

#include "base/cleanup.h"
#include "session/label.h"
#include "session/monitor.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

/* Attempts to take something away before the session is ended for it, and the time between them. */
enum { DETACH_TRIES = 3, DETACH_WAIT = 1000 };
/* How long egress may take to cut what a host's grant allowed; and until it is tried again when it does not listen. */
enum { REVOKE_WAIT = 5000, RETRY_WAIT = 50 };
/* Requests that were refused and are written to the audit log. */
enum { REFUSED_WRITTEN = 200 };

static uint64_t boot_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

void grants_init(struct grants *g)
{
	memset(g, 0, sizeof *g);
	g->timer = -1;
	g->helper = (struct grant_helper){ .fd = -1, .tree = -1 };
	for (size_t i = 0; i < LATER_MAX; i++)
		g->v[i].tree = -1;
}

void grants_places(struct session *s, int fds[RECORD_FDS], bool expected)
{
	for (size_t i = 0; i < RECORD_FDS; i++) {
		if (fds[i] >= 0 && expected && s->places[i] < 0)
			s->places[i] = TAKE_FD(&fds[i]);
		if (fds[i] >= 0)
			close(TAKE_FD(&fds[i]));
	}
}

/* ---- the table ------------------------------------------------------------------------------------ */

static void drop(struct grant_entry *e)
{
	free(e->what);
	later_place_free(&e->place);
	if (e->tree >= 0)
		close(e->tree);
	*e = (struct grant_entry){ .tree = -1 };
}

static struct grant_entry *free_entry(struct grants *g)
{
	for (size_t i = 0; i < LATER_MAX; i++)
		if (g->v[i].state == GRANT_FREE)
			return &g->v[i];
	return NULL;
}

static struct grant_entry *active(struct grants *g, enum grant_kind kind, const char *what)
{
	for (size_t i = 0; i < LATER_MAX; i++)
		if (g->v[i].state == GRANT_ACTIVE && g->v[i].kind == kind && strcmp(g->v[i].what, what) == 0)
			return &g->v[i];
	return NULL;
}

/* The timer goes off when the first grant ends. */
static void set_timer(struct grants *g)
{
	struct itimerspec at = { 0 };
	uint64_t first = UINT64_MAX;

	for (size_t i = 0; i < LATER_MAX; i++)
		if (g->v[i].state == GRANT_ACTIVE && g->v[i].end < first)
			first = g->v[i].end;
	if (g->timer < 0)
		return;
	if (first != UINT64_MAX) {
		at.it_value.tv_sec = (time_t)(first / 1000);
		at.it_value.tv_nsec = (long)(first % 1000) * 1000000 + 1;
	}
	(void)timerfd_settime(g->timer, TFD_TIMER_ABSTIME, &at, NULL);
}

/* What a person who is asked is told the server can reach. */
static void tell_reach(struct session *s)
{
	CLEANUP_BUF struct buf out = BUF_INIT(64 << 10);

	plan_reach(s->reach, sizeof s->reach, s->plan);
	for (size_t i = 0; i < LATER_MAX; i++) {
		const struct grant_entry *e = &s->grants.v[i];
		if (e->state == GRANT_ACTIVE)
			buf_printf(&out, "; for a time %s %s", e->kind == GRANT_PATH ? "reads" : "the host", e->what);
	}
	const char *more = buf_str(&out);
	size_t n = strlen(s->reach);
	if (more)
		(void)snprintf(s->reach + n, sizeof s->reach - n, "%s", more);
}

static void changed(struct session *s)
{
	set_timer(&s->grants);
	tell_reach(s);
}

/* ---- answers -------------------------------------------------------------------------------------- */

static void answer_grant(struct control_peer *peer, const struct grant_entry *e)
{
	struct control_reply r = { .say = CONTROL_IS_GRANT };

	r.grant.id = e->id;
	r.grant.kind = (uint8_t)e->kind;
	r.grant.linked = e->linked;
	r.grant.since = e->since;
	r.grant.until = e->until;
	(void)snprintf(r.grant.what, sizeof r.grant.what, "%s", e->what);
	if (e->kind == GRANT_PATH)
		(void)snprintf(r.grant.place, sizeof r.grant.place, "%s", e->at_apart ? e->place.apart : e->place.dest);
	control_answer(peer, &r);
}

/* Nobody waits, if PEER is NULL. */
static void refuse(struct session *s, struct control_peer *peer, const char *what, const struct error *err)
{
	struct grants *g = &s->grants;

	if (g->refused_written++ < REFUSED_WRITTEN)
		journal_grant_refused(s, what, peer ? peer->pid : 0, err->what);
	control_refuse(peer, err);
}

/* ---- ending --------------------------------------------------------------------------------------- */

static void begin_end(struct session *s, struct grant_entry *e, const char *why, pid_t by)
{
	e->state = GRANT_ENDING;
	e->why = why;
	e->ended_by = by;
	e->told = false;
	e->retry = 0;
	changed(s);
}

/* Taken away. */
static void ended(struct session *s, struct grant_entry *e)
{
	journal_grant_ended(s, e);
	drop(e);
	tell_reach(s);
}

static void expire(struct session *s)
{
	struct grants *g = &s->grants;
	uint64_t now = boot_now(), ticks;

	if (g->timer < 0 || read(g->timer, &ticks, sizeof ticks) != (ssize_t)sizeof ticks)
		return;
	for (size_t i = 0; i < LATER_MAX; i++)
		if (g->v[i].state == GRANT_ACTIVE && now >= g->v[i].end)
			begin_end(s, &g->v[i], "expired", 0);
	set_timer(g);
}

static void detach_failed(struct session *s, struct grant_entry *e, const struct error *why)
{
	struct error err = *why;

	e->retry = session_now() + DETACH_WAIT;
	if (++e->failed < DETACH_TRIES)
		return;
	error_prefix(&err, "a grant cannot be taken away, so the session is ended");
	session_break(s, &err);
}

/* ---- what a helper has done ----------------------------------------------------------------------- */

static struct grant_entry *new_entry(struct session *s, enum grant_kind kind, const char *what, struct control_peer *asker, uint64_t time_,
				     struct error *err)
{
	struct grants *g = &s->grants;
	struct grant_entry *e = free_entry(g);

	if (!e) {
		error_set(err, 0, "this session has %d grants, which is the most", LATER_MAX);
		error_hint(err, "take one back with \"mcpcage revoke\"");
		return NULL;
	}
	if (g->timer < 0)
		g->timer = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	if (g->timer < 0) {
		error_set(err, errno, "cannot make a timer, without which nothing is granted");
		return NULL;
	}
	e->what = strdup(what);
	if (!e->what) {
		error_oom(err);
		return NULL;
	}
	e->state = GRANT_COMING;
	e->kind = kind;
	e->id = ++g->last;
	e->asker = asker;
	e->by = asker ? asker->pid : 0;
	e->time = time_;
	return e;
}

/* From now on, for as long as was asked; with a time of 0 for as long as the session lasts. */
static void activate(struct session *s, struct grant_entry *e, bool prolonged)
{
	int64_t now = (int64_t)time(NULL);

	e->state = GRANT_ACTIVE;
	if (!prolonged)
		e->since = now;
	e->until = e->time ? now + (int64_t)((e->time + 999) / 1000) : 0;
	e->end = e->time ? boot_now() + e->time : UINT64_MAX;
	changed(s);
	journal_grant(s, e, prolonged);
	answer_grant(e->asker, e);
	e->asker = NULL;
}

static void prolong(struct session *s, struct grant_entry *e, struct control_peer *asker, uint64_t time_)
{
	e->asker = asker;
	e->time = time_;
	activate(s, e, true);
}

/* The disks beneath what is granted have the limit that the others have; otherwise it is the same as at a start. */
static int hold_disks(struct session *s, const struct grant_entry *e, struct error *err)
{
	struct error lacking = { 0 };
	struct stat st;

	if (fstat(e->tree, &st) < 0)
		return error_set(err, errno, "cannot look at %s", e->what);
	if (cgroup_limit_path(s->plan, &s->cgroup, e->what, st.st_dev, e->directory, &lacking) == 0)
		return 0;
	if (s->plan->require & LAYER_CGROUP) {
		*err = lacking;
		return error_hint(err, "grant what lies on another disk, or leave out the limit or --require cgroup");
	}
	log_error(s->log, &lacking);
	return 0;
}

static void attach(struct session *s, const struct grant_said *said, struct error *err)
{
	struct grants *g = &s->grants;
	struct grant_entry *e = new_entry(s, GRANT_PATH, said->real, g->asker, g->time, err);

	if (!e)
		return;
	e->tree = TAKE_FD(&g->helper.tree);
	e->directory = said->directory;
	if (hold_disks(s, e, err) < 0 || later_place(s->plan, e->what, e->directory, e->id, &e->place, err) < 0 ||
	    grant_helper_move(&g->helper, s, e, true, err) < 0) {
		drop(e);
		return;
	}
	g->working = e;
}

static void source_done(struct session *s)
{
	struct grants *g = &s->grants;
	const struct grant_said said = g->helper.said;
	struct error err = said.error;

	if (!g->asker)
		return;
	if (said.rc == 0 && g->helper.tree < 0)
		error_set(&err, 0, "the process that looks at the path brought nothing");
	else if (said.rc == 0) {
		struct grant_entry *same = active(g, GRANT_PATH, said.real);
		if (same) {
			prolong(s, same, g->asker, g->time);
			g->asker = NULL;
			return;
		}
		attach(s, &said, &err);
		if (g->working) {
			g->asker = NULL; /* the entry has it now */
			return;
		}
	}
	refuse(s, g->asker, g->asked, &err);
	g->asker = NULL;
}

static void attach_done(struct session *s, struct grant_entry *e)
{
	const struct grant_said *said = &s->grants.helper.said;

	if (said->rc == 0) {
		e->at_apart = said->at_apart;
		e->linked = said->linked;
		/* Who asked for it and does not wait has not got it. */
		if (e->asker)
			activate(s, e, false);
		else
			begin_end(s, e, "nobody waited for it", 0);
		return;
	}
	refuse(s, e->asker, e->what, &said->error);
	e->asker = NULL;
	/* Nothing is known of how far it came, so it is undone as if it had come all the way. */
	if (said->error.sys == ETIMEDOUT)
		begin_end(s, e, "failed", 0);
	else
		drop(e);
}

static void helper_done(struct session *s)
{
	struct grants *g = &s->grants;
	enum grant_job job = g->helper.job;
	struct grant_entry *e = g->working;

	g->helper.job = GRANT_JOB_NONE;
	g->working = NULL;
	if (job == GRANT_JOB_SOURCE)
		source_done(s);
	else if (job == GRANT_JOB_ATTACH)
		attach_done(s, e);
	else if (g->helper.said.rc == 0)
		ended(s, e);
	else
		detach_failed(s, e, &g->helper.said.error);
	if (g->helper.job == GRANT_JOB_NONE)
		grant_helper_end(&g->helper);
}

/* ---- turns ---------------------------------------------------------------------------------------- */

/* Egress is told once, and has to say that it is done. */
static void revoke_host(struct session *s, struct grant_entry *e)
{
	union record r = { .revoke = { .id = e->id } };
	struct error err;

	if (s->egress.fd < 0) {
		ended(s, e);
		return;
	}
	if (e->told) {
		error_set(&err, 0, "the process that speaks to the network does not take %s back", e->what);
		e->failed = DETACH_TRIES;
		detach_failed(s, e, &err);
		return;
	}
	e->told = record_try_send(s->egress.fd, RECORD_REVOKE, &r) == 0;
	e->retry = session_now() + (e->told ? REVOKE_WAIT : RETRY_WAIT);
}

static void revoke_hosts(struct session *s)
{
	for (size_t i = 0; i < LATER_MAX; i++) {
		struct grant_entry *e = &s->grants.v[i];
		if (e->state == GRANT_ENDING && e->kind == GRANT_HOST && session_now() >= e->retry)
			revoke_host(s, e);
	}
}

static bool start_detach(struct session *s)
{
	struct grants *g = &s->grants;
	struct error err;

	for (size_t i = 0; i < LATER_MAX; i++) {
		struct grant_entry *e = &g->v[i];
		if (e->state != GRANT_ENDING || e->kind != GRANT_PATH || session_now() < e->retry)
			continue;
		g->working = e;
		if (grant_helper_move(&g->helper, s, e, false, &err) == 0)
			return true;
		g->working = NULL;
		detach_failed(s, e, &err);
	}
	return false;
}

static void start_request(struct session *s, struct control_peer *peer)
{
	struct grants *g = &s->grants;
	struct error err;

	peer->state = CONTROL_WORKS;
	g->asker = peer;
	g->time = peer->request.time;
	(void)snprintf(g->asked, sizeof g->asked, "%s", peer->request.text);
	if (grant_helper_source(&g->helper, s, g->asked, &err) == 0)
		return;
	refuse(s, peer, g->asked, &err);
	g->asker = NULL;
}

void grants_tend(struct session *s)
{
	struct grants *g = &s->grants;

	expire(s);
	revoke_hosts(s);
	if (g->helper.job != GRANT_JOB_NONE) {
		if (!grant_helper_tend(&g->helper))
			return;
		helper_done(s);
	}
	if (g->helper.job != GRANT_JOB_NONE || s->killed || start_detach(s))
		return;
	for (size_t i = 0; i < CONTROL_PEERS && g->helper.job == GRANT_JOB_NONE; i++)
		if (s->control.peers[i].fd >= 0 && s->control.peers[i].state == CONTROL_QUEUED)
			start_request(s, &s->control.peers[i]);
}

/* ---- what is asked -------------------------------------------------------------------------------- */

static void next(const struct session *s, struct control_peer *peer)
{
	const struct grant_entry *found = NULL;
	struct control_reply end = { .say = CONTROL_IS_END };

	for (size_t i = 0; i < LATER_MAX; i++) {
		const struct grant_entry *e = &s->grants.v[i];
		if (e->state == GRANT_ACTIVE && e->id > peer->request.id && (!found || e->id < found->id))
			found = e;
	}
	if (found)
		answer_grant(peer, found);
	else
		control_answer(peer, &end);
}

static void take_back(struct session *s, struct control_peer *peer)
{
	struct error err;
	uint32_t n = 0;

	for (size_t i = 0; i < LATER_MAX; i++) {
		struct grant_entry *e = &s->grants.v[i];
		if (e->state != GRANT_ACTIVE || (peer->request.id != 0 && e->id != peer->request.id))
			continue;
		begin_end(s, e, "revoked", peer->pid);
		n++;
	}
	if (n == 0 && peer->request.id != 0) {
		error_set(&err, 0, "this session has no grant %" PRIu32, peer->request.id);
		error_hint(&err, "\"mcpcage ps\" has their numbers");
		control_refuse(peer, &err);
		return;
	}
	peer->ending = n;
	peer->state = CONTROL_ENDS;
}

static void grant_path(struct session *s, struct control_peer *peer)
{
	struct error err;

	if (later_may_path(s->plan, peer->request.time, &err) < 0) {
		refuse(s, peer, peer->request.text, &err);
	} else if (s->places[0] < 0 || s->places[1] < 0) {
		error_set(&err, 0, "this session has no way into its cage");
		refuse(s, peer, peer->request.text, &err);
	} else {
		peer->state = CONTROL_QUEUED;
	}
}

/* 0: egress has been told, and will say what became of it. */
static int allow_host(struct session *s, const char *rule, struct control_peer *asker, uint64_t time_, struct error *err)
{
	struct grant_entry *e = new_entry(s, GRANT_HOST, rule, asker, time_, err);
	union record r = { 0 };

	if (!e)
		return -1;
	/* Without a time of its own: the clock is here, and goes on while the machine sleeps. */
	r.allow_host.id = e->id;
	(void)snprintf(r.allow_host.rule, sizeof r.allow_host.rule, "%s", rule);
	if (s->egress.fd >= 0 && record_try_send(s->egress.fd, RECORD_ALLOW_HOST, &r) == 0)
		return 0;
	drop(e);
	return error_set(err, 0, "the process that speaks to the network cannot be told");
}

static void grant_host(struct session *s, struct control_peer *peer)
{
	char rule[HOST_TEXT_SIZE];
	struct grant_entry *same;
	struct error err;

	if (later_may_host(s->plan, peer->request.time, &err) < 0 || later_host(s->plan, peer->request.text, rule, &err) < 0) {
		refuse(s, peer, peer->request.text, &err);
	} else if ((same = active(&s->grants, GRANT_HOST, rule)) != NULL) {
		prolong(s, same, peer, peer->request.time);
	} else {
		peer->state = CONTROL_WORKS;
		if (allow_host(s, rule, peer, peer->request.time, &err) < 0)
			refuse(s, peer, rule, &err);
	}
}

int grants_allow(struct session *s, const char *name, uint64_t time_, struct error *err)
{
	char rule[HOST_TEXT_SIZE];

	if (later_host(s->plan, name, rule, err) < 0)
		return -1;
	return active(&s->grants, GRANT_HOST, rule) ? 0 : allow_host(s, rule, NULL, time_, err);
}

static struct grant_entry *host_entry(struct grants *g, uint32_t id)
{
	for (size_t i = 0; i < LATER_MAX; i++)
		if (g->v[i].state != GRANT_FREE && g->v[i].kind == GRANT_HOST && g->v[i].id == id)
			return &g->v[i];
	return NULL;
}

void grants_said(struct session *s, const struct record_granted *r)
{
	struct grant_entry *e = host_entry(&s->grants, r->id);
	struct error err;

	if (!e)
		return;
	if (r->what == GRANTED_NOW && e->state == GRANT_COMING) {
		/* Who asked for it and does not wait has not got it; what was answered to a question waits for nobody. */
		if (e->asker || e->by == 0)
			activate(s, e, false);
		else
			begin_end(s, e, "nobody waited for it", 0);
	} else if (r->what == GRANTED_NOT && e->state == GRANT_COMING) {
		error_set(&err, 0, "cannot grant %s: %s", e->what, r->why);
		refuse(s, e->asker, e->what, &err);
		drop(e);
	} else if (r->what != GRANTED_NOW) {
		e->cut = r->cut;
		if (e->state == GRANT_ACTIVE)
			begin_end(s, e, "expired", 0);
		ended(s, e);
	}
}

void grants_heard(struct session *s, struct control_peer *peer)
{
	switch ((enum control_ask)peer->request.ask) {
	case CONTROL_NEXT:
		next(s, peer);
		break;
	case CONTROL_GRANT_PATH:
		grant_path(s, peer);
		break;
	case CONTROL_GRANT_HOST:
		grant_host(s, peer);
		break;
	case CONTROL_REVOKE:
		take_back(s, peer);
		break;
	case CONTROL_SESSION:
	case CONTROL_ASKS_:
		break;
	}
}

bool grants_ending(const struct session *s)
{
	for (size_t i = 0; i < LATER_MAX; i++)
		if (s->grants.v[i].state == GRANT_ENDING)
			return true;
	return false;
}

void grants_forget(struct session *s, const struct control_peer *peer)
{
	if (s->grants.asker == peer)
		s->grants.asker = NULL;
	for (size_t i = 0; i < LATER_MAX; i++)
		if (s->grants.v[i].asker == peer)
			s->grants.v[i].asker = NULL;
}

/* ---- for the loop --------------------------------------------------------------------------------- */

size_t grants_poll(const struct session *s, struct pollfd *p)
{
	const struct grants *g = &s->grants;
	size_t n = 0;

	if (g->timer >= 0)
		p[n++] = (struct pollfd){ .fd = g->timer, .events = POLLIN };
	if (g->helper.fd >= 0)
		p[n++] = (struct pollfd){ .fd = g->helper.fd, .events = POLLIN };
	return n;
}

uint64_t grants_due(const struct session *s)
{
	const struct grants *g = &s->grants;
	uint64_t due = g->helper.job != GRANT_JOB_NONE ? g->helper.end : 0;

	for (size_t i = 0; i < LATER_MAX && g->timer >= 0; i++)
		if (g->v[i].state == GRANT_ENDING && g->v[i].retry && (due == 0 || g->v[i].retry < due))
			due = g->v[i].retry;
	return due;
}

void grants_end(struct session *s)
{
	struct grants *g = &s->grants;

	grant_helper_end(&g->helper);
	for (size_t i = 0; i < LATER_MAX; i++) {
		struct grant_entry *e = &g->v[i];
		if (e->state == GRANT_ACTIVE)
			e->why = "the session ended";
		if (e->state == GRANT_ACTIVE || e->state == GRANT_ENDING)
			journal_grant_ended(s, e);
		drop(e);
	}
	if (g->timer >= 0)
		close(TAKE_FD(&g->timer));
	for (size_t i = 0; i < RECORD_FDS; i++)
		if (s->places[i] >= 0)
			close(TAKE_FD(&s->places[i]));
}
