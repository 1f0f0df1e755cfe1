/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is granted to a session while it runs, and when it ends. Part of the monitor; asked by way of the control socket
 * (control.h), never by anything a server could have said.
 *
 * A grant ends when its time is over, by the clock that goes on while the machine sleeps, when it is revoked, and with the session.
 * What cannot be taken away again ends the session.
 */
#pragma once

#include "base/error.h"
#include "cage/cage.h"
#include "policy/later.h"
#include "session/control.h"
#include "session/record.h"

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct session;

enum grant_state {
	GRANT_FREE,
	GRANT_COMING, /* being made */
	GRANT_ACTIVE,
	GRANT_ENDING, /* being taken away */
};

struct grant_entry {
	enum grant_state state;
	enum grant_kind kind;
	uint32_t id;
	char *what;               /* real path, or rule */
	struct later_place place; /* GRANT_PATH */
	bool directory, at_apart, linked;
	int tree;                 /* GRANT_PATH: what is mounted; -1 */
	int64_t since, until;     /* seconds since the epoch, for people */
	uint64_t end;             /* milliseconds, CLOCK_BOOTTIME */
	struct control_peer *asker; /* GRANT_COMING: who waits for it; NULL: nobody */
	pid_t by;                 /* who asked for it; 0: it is the answer to a question */
	uint64_t time;            /* milliseconds that were asked for; 0: as long as the session lasts */
	const char *why;          /* it ends, a phrase for the audit log */
	pid_t ended_by;
	bool told;                /* GRANT_HOST, GRANT_ENDING: egress was */
	uint32_t cut;             /* GRANT_HOST: connections that were */
	unsigned failed;          /* attempts to take it away */
	uint64_t retry;           /* milliseconds, CLOCK_MONOTONIC; 0: at once */
};

/* ---- grants-helper.c ------------------------------------------------------------------------------ */

/* What a helper says at its end. With the first kind comes a descriptor. */
struct grant_said {
	int32_t rc; /* 0, or -1: `error` */
	uint8_t directory, at_apart, linked;
	struct error error;
	char real[CONTROL_TEXT];
};

enum grant_job { GRANT_JOB_NONE, GRANT_JOB_SOURCE, GRANT_JOB_ATTACH, GRANT_JOB_DETACH };

struct grant_helper {
	enum grant_job job;
	pid_t pid;
	int fd;        /* its words; -1 */
	uint64_t end;  /* milliseconds: it is killed */
	bool heard;
	int tree;      /* came along; -1 */
	struct grant_said said;
};

/* Check that ASKED may be granted, and clone it. */
int grant_helper_source(struct grant_helper *h, const struct session *s, const char *asked, struct error *err);
/* Attach ENTRY in the cage, or take it away. */
int grant_helper_move(struct grant_helper *h, const struct session *s, const struct grant_entry *entry, bool attach,
		      struct error *err);
/* true: it has ended, and `said` is what it did. Its pid is gone; the caller takes `tree`. */
bool grant_helper_tend(struct grant_helper *h);
void grant_helper_end(struct grant_helper *h);

/* ---- grants.c -------------------------------------------------------------------------------------- */

struct grants {
	struct grant_entry v[LATER_MAX];
	uint32_t last; /* number that was given */
	int timer;     /* timerfd of CLOCK_BOOTTIME; -1: none yet */
	struct grant_helper helper;
	struct grant_entry *working;  /* what it works on */
	struct control_peer *asker;   /* who waits for that; NULL: nobody */
	char asked[CONTROL_TEXT];     /* as the asker named it */
	uint64_t time;                /* milliseconds that were asked for */
	unsigned refused_written;     /* in the audit log */
};

void grants_init(struct grants *g);
/* Descriptors of the cage's namespaces arrive; kept if EXPECTED, else closed. */
void grants_places(struct session *s, int fds[RECORD_FDS], bool expected);
/* PEER wants something: it is answered, or set to wait. */
void grants_heard(struct session *s, struct control_peer *peer);
/* The person has allowed the host NAME for TIME milliseconds, or with 0 for the session. 0: egress is told before whatever it is told next. */
int grants_allow(struct session *s, const char *name, uint64_t time, struct error *err);
/* Egress says what became of a host. */
void grants_said(struct session *s, const struct record_granted *r);
/* Whether anything is being taken away. */
bool grants_ending(const struct session *s);
/* PEER is gone. */
void grants_forget(struct session *s, const struct control_peer *peer);
size_t grants_poll(const struct session *s, struct pollfd *p);
/* Whenever the monitor wakes. */
void grants_tend(struct session *s);
/* When something has to be done beside what the descriptors say; 0: never. */
uint64_t grants_due(const struct session *s);
/* The session is over, and with it all that was granted. */
void grants_end(struct session *s);
