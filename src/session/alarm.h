/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Alarms on the monitor's side: the audit log, a line for the person, and the user's command. */
#pragma once

#include "session/child.h"
#include "session/record.h"

#include <stdint.h>

struct session;

/* Commands at the same time; and alarms that run one at once, before one in so many milliseconds does. */
enum { ALARM_COMMANDS = 4, ALARM_BURST = 10, ALARM_EVERY = 6000, ALARM_COMMAND_TIME = 30000 };

struct alarms {
	struct child v[ALARM_COMMANDS];
	uint64_t tokens_at; /* when the bucket was last looked at */
	uint64_t tokens;
	uint64_t unrun; /* alarms without command, since the last that had one */
};

void alarm_start(struct session *s);
void alarm_heard(struct session *s, const struct record_alarm *r);
void alarm_tend(struct session *s);
uint64_t alarm_due(const struct session *s);
