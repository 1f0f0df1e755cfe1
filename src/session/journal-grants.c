/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What was granted while the session ran, in the audit log and on standard error. Called by grants.c. */
#include "session/monitor.h"

#include "base/json-out.h"

#include <time.h>
#include <unistd.h>

static void member_time(struct buf *b, const char *key, int64_t seconds)
{
	time_t t = (time_t)seconds;
	struct tm tm;
	char text[40] = "";

	if (gmtime_r(&t, &tm))
		strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
	json_member_str(b, key, text);
}

void journal_grant(struct session *s, const struct grant_entry *e, bool prolonged)
{
	const bool path = e->kind == GRANT_PATH;

	if (e->time)
		log_line(s->log, "granted %s %s for %llu s (number %u)", path ? "to read" : "the host", e->what,
			 (unsigned long long)((e->time + 999) / 1000), e->id);
	else
		log_line(s->log, "granted the host %s for this session (number %u)", e->what, e->id);
	if (s->audit.fd < 0)
		return;
	audit_begin(&s->audit, &s->line, prolonged ? "grant prolonged" : "grant");
	json_member_u64(&s->line, "grant", e->id);
	json_member_str(&s->line, "kind", grant_kind_name(e->kind));
	json_member_str(&s->line, "what", e->what);
	if (path)
		json_member_str(&s->line, "place", e->at_apart ? e->place.apart : e->place.dest);
	if (e->until)
		member_time(&s->line, "until", e->until);
	json_member_i64(&s->line, "uid", geteuid());
	/* Else it is the answer to a question, which is a record of its own. */
	if (e->by)
		json_member_i64(&s->line, "by_pid", e->by);
	journal_write(s);
}

void journal_grant_ended(struct session *s, const struct grant_entry *e)
{
	log_line(s->log, "no longer granted: %s (number %u, %s)", e->what, e->id, e->why);
	if (s->audit.fd < 0)
		return;
	audit_begin(&s->audit, &s->line, "grant ended");
	json_member_u64(&s->line, "grant", e->id);
	json_member_str(&s->line, "kind", grant_kind_name(e->kind));
	json_member_str(&s->line, "what", e->what);
	json_member_str(&s->line, "reason", e->why);
	if (e->kind == GRANT_HOST)
		json_member_u64(&s->line, "connections_cut", e->cut);
	if (e->ended_by)
		json_member_i64(&s->line, "by_pid", e->ended_by);
	journal_write(s);
}

void journal_grant_refused(struct session *s, const char *what, pid_t by, const char *why)
{
	if (s->audit.fd < 0)
		return;
	audit_begin(&s->audit, &s->line, "grant refused");
	json_member_str(&s->line, "what", what);
	json_member_str(&s->line, "reason", why);
	json_member_i64(&s->line, "by_pid", by);
	journal_write(s);
}

void journal_asked_host(struct session *s, const char *name, enum answer answer)
{
	log_detail(s->log, "asked about the host %s: %s", name, answer_name(answer));
	if (s->audit.fd < 0)
		return;
	audit_begin(&s->audit, &s->line, "ask");
	json_member_str(&s->line, "host", name);
	json_member_str(&s->line, "through", s->plan->mediation.ask_with.n ? "helper" : "terminal");
	json_member_str(&s->line, "answer", answer_name(answer));
	json_member_str(&s->line, "reason", "network.default");
	journal_write(s);
}
