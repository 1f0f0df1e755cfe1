/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where the filter writes to: one standard stream of the client, or the server's standard input. An outlet never blocks
 * the filter and never changes flags of an open file description that other processes share.
 */
#pragma once

#include "base/buf.h"
#include "base/error.h"
#include "base/span.h"

#include <stdbool.h>

enum outlet_how {
	OUTLET_NONBLOCK, /* a description of our own with O_NONBLOCK */
	OUTLET_SOCKET,   /* send(2) with MSG_DONTWAIT */
	OUTLET_CAREFUL,  /* shared: poll(2) first, then no more than PIPE_BUF bytes, which pipe(7) says fit */
};

enum outlet_status { OUTLET_DONE, OUTLET_BLOCKED, OUTLET_CLOSED };

struct outlet {
	int fd; /* -1: closed */
	enum outlet_how how;
	struct span pass; /* what is left of the message being forwarded; the bytes are the frame's */
	struct buf queue; /* messages of our own, whole; written after `pass` */
	size_t queue_at;
	bool blocked; /* the last flush ended at a full pipe: wait for POLLOUT */
};

/*
 * Take over FD, which stays open under a number that may be another (a pipe is opened anew through /proc/self/fd, to get a
 * description of its own). Before confinement. QUEUE_MAX: ceiling of our own messages that wait.
 */
void outlet_open(struct outlet *o, int fd, size_t queue_max);

/* Write what can be written now. */
enum outlet_status outlet_flush(struct outlet *o);

static inline bool outlet_idle(const struct outlet *o)
{
	return o->pass.n == 0 && o->queue.n == o->queue_at;
}

/* Close it; what waits is lost. */
void outlet_close(struct outlet *o);
