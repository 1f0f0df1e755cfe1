/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "session/outlet.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

void outlet_open(struct outlet *o, int fd, size_t queue_max)
{
	struct stat st;
	char path[40];

	*o = (struct outlet){ .fd = fd, .how = OUTLET_CAREFUL, .queue = { .max = queue_max } };
	if (fstat(fd, &st) < 0)
		return;
	if (S_ISSOCK(st.st_mode)) {
		o->how = OUTLET_SOCKET;
		return;
	}
	if (!S_ISFIFO(st.st_mode))
		return;
	/* O_NONBLOCK belongs to the description, which the client may share; a new one is ours alone. */
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	int own = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (own < 0)
		return;
	if (dup3(own, fd, O_CLOEXEC) == fd)
		o->how = OUTLET_NONBLOCK;
	close(own);
}

static ssize_t write_some(const struct outlet *o, struct span s)
{
	switch (o->how) {
	case OUTLET_SOCKET:
		return send(o->fd, s.p, s.n, MSG_DONTWAIT | MSG_NOSIGNAL);
	case OUTLET_NONBLOCK:
		return write(o->fd, s.p, s.n);
	case OUTLET_CAREFUL:
		break;
	}
	struct pollfd pfd = { .fd = o->fd, .events = POLLOUT };
	int ready = poll(&pfd, 1, 0);
	if (ready <= 0) {
		if (ready == 0)
			errno = EAGAIN;
		return -1;
	}
	return write(o->fd, s.p, s.n < PIPE_BUF ? s.n : PIPE_BUF);
}

/* 1: all of S written; 0: blocked; -1: closed. S becomes what is left. */
static int write_span(struct outlet *o, struct span *s)
{
	while (s->n > 0) {
		ssize_t n = write_some(o, *s);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == ENOBUFS)) {
			o->blocked = true;
			return 0;
		}
		if (n < 0)
			return -1;
		s->p += n;
		s->n -= (size_t)n;
	}
	return 1;
}

enum outlet_status outlet_flush(struct outlet *o)
{
	if (o->fd < 0)
		return OUTLET_CLOSED;
	o->blocked = false;
	int r = write_span(o, &o->pass);
	if (r > 0 && o->queue.n > o->queue_at) {
		struct span rest = { o->queue.p + o->queue_at, o->queue.n - o->queue_at };
		r = write_span(o, &rest);
		o->queue_at = o->queue.n - rest.n;
		if (r > 0) {
			buf_clear(&o->queue);
			o->queue_at = 0;
		}
	}
	if (r < 0) {
		outlet_close(o);
		return OUTLET_CLOSED;
	}
	return r > 0 ? OUTLET_DONE : OUTLET_BLOCKED;
}

void outlet_close(struct outlet *o)
{
	if (o->fd >= 0)
		close(o->fd);
	o->fd = -1;
	o->blocked = false;
	o->pass = (struct span){ 0 };
	buf_clear(&o->queue);
	o->queue_at = 0;
}
