/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the monitor does about an alarm. The command gets it as a JSON object, runs outside the cage, and is held to a rate: a
 * server must not be able to make the user's machine start programs without end. The audit log has every alarm.
 */
#include "session/alarm.h"

#include "base/cleanup.h"
#include "base/json-out.h"
#include "session/monitor.h"

#include <string.h>
#include <sys/wait.h>

void alarm_start(struct session *s)
{
	for (size_t i = 0; i < ALARM_COMMANDS; i++)
		s->alarms.v[i] = CHILD_NONE;
	s->alarms.tokens = ALARM_BURST;
	s->alarms.tokens_at = s->started;
}

static struct child *free_place(struct alarms *a, uint64_t now)
{
	uint64_t more = (now - a->tokens_at) / ALARM_EVERY;

	a->tokens_at += more * ALARM_EVERY;
	a->tokens = a->tokens + more > ALARM_BURST ? ALARM_BURST : a->tokens + more;
	if (a->tokens == 0)
		return NULL;
	for (size_t i = 0; i < ALARM_COMMANDS; i++)
		if (a->v[i].pid == 0)
			return &a->v[i];
	return NULL;
}

static void run_command(struct session *s, const struct record_alarm *r)
{
	CLEANUP_BUF struct buf input = BUF_INIT(64 << 10);
	uint64_t now = session_now();
	struct child *c = free_place(&s->alarms, now);
	struct error err;

	if (!c) {
		s->alarms.unrun++;
		return;
	}
	buf_putc(&input, '{');
	json_member_str(&input, "session", s->audit.session);
	json_member_str(&input, "server", s->label);
	journal_alarm_members(&input, r);
	json_member_u64(&input, "alarms_not_told", s->alarms.unrun);
	buf_puts(&input, "}\n");
	s->alarms.tokens--;
	s->alarms.unrun = 0;
	if (input.full || child_start(c, &s->plan->mediation.alarm_command, buf_span(&input), ALARM_COMMAND_TIME, &err) < 0) {
		if (input.full)
			error_oom(&err);
		log_error(s->log, &err);
		return;
	}
	c->kill_at = now + ALARM_COMMAND_TIME + 1000; /* if it ignores the alarm */
}

void alarm_heard(struct session *s, const struct record_alarm *r)
{
	journal_alarm(s, r);
	if (s->plan->mediation.alarm_command.n)
		run_command(s, r);
}

void alarm_tend(struct session *s)
{
	uint64_t now = session_now();

	for (size_t i = 0; i < ALARM_COMMANDS; i++) {
		int status = 0;
		bool ran = s->alarms.v[i].pid > 0;
		if (ran && child_tend(&s->alarms.v[i], now, &status) && !(WIFEXITED(status) && WEXITSTATUS(status) == 0))
			log_line(s->log, "the alarm command %s failed (%s %d)", s->plan->mediation.alarm_command.v[0],
				 WIFEXITED(status) ? "status" : "signal",
				 WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
	}
}

uint64_t alarm_due(const struct session *s)
{
	uint64_t due = 0;

	for (size_t i = 0; i < ALARM_COMMANDS; i++)
		if (s->alarms.v[i].kill_at && (due == 0 || s->alarms.v[i].kill_at < due))
			due = s->alarms.v[i].kill_at;
	return due;
}
