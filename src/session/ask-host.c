/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A name that policy does not have, and network.default says "ask". The name comes from the server by way of egress, so it is a host
 * name in its canonical form and nothing else (record.c), but it is still the server's choice: whoever is asked often enough gets
 * tired. So a name that was refused is not asked about again in this session, a row of questions that nobody allowed is followed by a
 * minute without any, and there are few a minute at all.
 *
 * A yes is a grant like any other (grants.c): listed, revocable, and recorded. "once" is for as long as one makes use of what one has just
 * looked up; "always" is remembered beside the answers about tools, under the name "host:NAME", and ends as they do. Called by the
 * monitor.
 */
#include "session/ask-helper.h"

#include "session/ask.h"
#include "session/monitor.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static const char asks[] = "network.default";

/* The name that answers for good are kept under. A host has 253 bytes at most. */
static void tool_of(const char *name, char tool[sizeof ((struct approval *)0)->tool])
{
	(void)snprintf(tool, sizeof ((struct approval *)0)->tool, "host:%.*s", HOST_NAME_SIZE - 8, name);
}

/* Too long to be told apart from others when it is kept: such a name is never allowed for good. */
static bool can_be_kept(const char *name)
{
	return strlen(name) < HOST_NAME_SIZE - 8;
}

static bool remembered(const struct session *s, const char *name)
{
	static const uint8_t no_pin[32];
	char tool[sizeof ((struct approval *)0)->tool];
	uint8_t scope[32];

	tool_of(name, tool);
	ask_scope(scope, asks);
	return can_be_kept(name) && approval_stands(approvals_find(&s->approvals, tool, scope), no_pin, (int64_t)time(NULL));
}

static bool denied(const struct host_asks *h, const char *name)
{
	for (size_t i = 0; i < h->denied_n; i++)
		if (strcmp(h->denied[i], name) == 0)
			return true;
	return false;
}

static void reply(struct session *s, const struct record_name_ask *r, bool allow)
{
	union record answer = { .name_answer = { .number = r->number, .allow = allow } };

	/* Where it does not listen, its own deadline makes it a no. */
	if (s->egress.fd >= 0)
		(void)record_try_send(s->egress.fd, RECORD_NAME_ANSWER, &answer);
}

/* Allow it for TIME milliseconds, 0 for the session, and say so. */
static void allow(struct session *s, const struct record_name_ask *r, uint64_t time_)
{
	struct error err;
	bool done = grants_allow(s, r->name, time_, &err) == 0;

	if (!done)
		log_error(s->log, &err);
	reply(s, r, done);
}

void ask_host_over(struct session *s, const struct record_name_ask *r, enum answer said)
{
	static const uint8_t no_pin[32];
	struct host_asks *h = &s->questions.hosts;
	char tool[sizeof ((struct approval *)0)->tool];
	uint8_t scope[32];

	journal_asked_host(s, r->name, said);
	if (answer_allows(said)) {
		h->refusals = 0;
		allow(s, r, said == ANSWER_ONCE ? ASK_HOST_ONCE : 0);
		tool_of(r->name, tool);
		ask_scope(scope, asks);
		if (said == ANSWER_ALWAYS && can_be_kept(r->name))
			asking_remember(s, tool, no_pin, scope, false);
		return;
	}
	if (said == ANSWER_NO && h->denied_n < ASK_HOSTS_MAX)
		(void)snprintf(h->denied[h->denied_n++], HOST_NAME_SIZE, "%s", r->name);
	if (++h->refusals >= ASK_HOST_REFUSALS)
		h->quiet_until = session_now() + ASK_HOST_QUIET;
	reply(s, r, false);
}

void ask_host(struct session *s, const struct record_name_ask *r)
{
	struct host_asks *h = &s->questions.hosts;
	uint64_t now = session_now();

	/* What an administrator has locked is not a person's to allow. */
	if (s->plan->later.hosts_locked || denied(h, r->name) || h->denied_n == ASK_HOSTS_MAX) {
		reply(s, r, false);
		return;
	}
	if (remembered(s, r->name)) {
		allow(s, r, 0);
		return;
	}
	if (now >= h->quiet_until && h->quiet_until) {
		h->quiet_until = 0;
		h->refusals = 0;
	}
	if (h->quiet_until || meter_wait(&h->asked, now, 1, ASK_HOSTS_A_MINUTE) > 0) {
		reply(s, r, false);
		return;
	}
	meter_add(&h->asked, now, 1);
	if (!asking_host(s, r, "the server looks up this host, which network.allow does not have; a yes is for port 443 "
			       "(network.default)"))
		reply(s, r, false);
}
