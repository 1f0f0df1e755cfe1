/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Bytes between the server and the other side, copied through one buffer that all connections share. Little takes two calls, and what
 * of it cannot be written is kept. As soon as more comes than that, it is looked at in the socket (MSG_PEEK), and what could be
 * written of it is taken from there (MSG_TRUNC, tcp(7)): a connection that has stopped keeps 16 KiB at most, and one that is silent
 * nothing but its two sockets. What cannot be written stops what is read.
 *
 * Not splice(2): both ends are mostly woken for each piece, and a piece of BULK_SIZE is copied through a processor's own cache in less
 * time than its pages take through a pipe. Between processes of one machine that is up to twice as fast (tests/bench/network.py), and
 * pieces of 128 KiB are as slow as splicing was.
 *
 * Events are edge-triggered (epoll(7)): what is readable and writable is remembered, so a request costs no call but those that
 * move it. The server's first bytes are looked at in the socket too, until it is known whether they are TLS, and for whom;
 * SO_RCVLOWAT says when to look again. Bytes of the other side pass meanwhile, since in some protocols it speaks first.
 */
#include "session/egress-impl.h"

#include "base/cleanup.h"
#include "net/hello.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define TURN_BYTES ((uint64_t)1 << 20) /* of a lane before others have their turn */

/* ---- moving ---------------------------------------------------------------------------------------- */

enum moved { MOVED_SOME, MOVED_BLOCKED, MOVED_OVER };

static enum moved failed(struct egress *e, struct connection *c, int side)
{
	connection_end(e, c, side == NEAR ? CONNECTION_RESET : CONNECTION_RESET_AWAY, "");
	return MOVED_OVER;
}

/* N bytes came from SIDE. */
static enum moved count(struct egress *e, struct connection *c, int side, size_t n)
{
	const struct network_names *limits = &e->plan->names;

	c->lane[side].bytes += n;
	c->active = e->now;
	e->relayed += n;
	if (limits->connection_bytes && c->lane[NEAR].bytes + c->lane[FAR].bytes > limits->connection_bytes)
		connection_end(e, c, CONNECTION_BYTES, "");
	else if (limits->session_bytes && e->relayed > limits->session_bytes)
		connection_end(e, c, CONNECTION_TOTAL, "");
	return c->dead ? MOVED_OVER : MOVED_SOME;
}

/* Write what is kept of SIDE's. */
static enum moved drain(struct egress *e, struct connection *c, int side)
{
	struct lane *lane = &c->lane[side];
	int to = c->side[!side].fd;

	while (lane->rest) {
		if (!c->writable[!side])
			return MOVED_BLOCKED;
		ssize_t n = send(to, lane->rest + lane->rest_at, lane->rest_n - lane->rest_at, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			c->writable[!side] = false;
			return MOVED_BLOCKED;
		}
		if (n <= 0)
			return failed(e, c, !side);
		c->active = e->now;
		if ((lane->rest_at += (size_t)n) == lane->rest_n)
			free(TAKE_PTR(lane->rest));
	}
	return MOVED_SOME;
}

/* The sender has said all. */
static enum moved at_end(struct egress *e, struct connection *c, int side)
{
	struct lane *lane = &c->lane[side];

	lane->ended = true;
	if (!lane->shut && shutdown(c->side[!side].fd, SHUT_WR) < 0)
		return failed(e, c, !side);
	lane->shut = true;
	return MOVED_BLOCKED;
}

/* What recv(2) said that was no number of bytes. */
static enum moved no_bytes(struct egress *e, struct connection *c, int side, ssize_t n)
{
	if (n == 0)
		return at_end(e, c, side);
	if (errno == EINTR)
		return MOVED_SOME;
	if (errno != EAGAIN)
		return failed(e, c, side);
	c->readable[side] = false;
	c->lane[side].bulk = false;
	return MOVED_BLOCKED;
}

/* Send the first N bytes of the buffer to SIDE, or what it takes of them: *SENT. */
static enum moved pass(struct egress *e, struct connection *c, int side, size_t n, size_t *sent)
{
	ssize_t did;

	do
		did = send(c->side[side].fd, e->scratch, n, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (did < 0 && errno == EINTR);
	if (did < 0 && errno != EAGAIN)
		return failed(e, c, side);
	*sent = did > 0 ? (size_t)did : 0;
	/* A short write means that its buffer is full; the event for when it is not comes. */
	c->writable[side] = *sent == n;
	return c->writable[side] ? MOVED_SOME : MOVED_BLOCKED;
}

static enum moved copy(struct egress *e, struct connection *c, int side)
{
	struct lane *lane = &c->lane[side];
	ssize_t n = recv(c->side[side].fd, e->scratch, COPY_SIZE, MSG_DONTWAIT);
	size_t sent = 0;

	if (n <= 0)
		return no_bytes(e, c, side, n);
	if (count(e, c, side, (size_t)n) == MOVED_OVER)
		return MOVED_OVER;
	/* Less than was asked for: it is empty, and another event tells of more. An end that came before would not. */
	if ((size_t)n < COPY_SIZE)
		c->readable[side] = c->hung_up[side];
	else
		lane->bulk = true;
	if (c->writable[!side] && pass(e, c, !side, (size_t)n, &sent) != MOVED_BLOCKED)
		return c->dead ? MOVED_OVER : MOVED_SOME;
	lane->rest_at = 0;
	lane->rest_n = (size_t)n - sent;
	lane->rest = malloc(lane->rest_n);
	if (!lane->rest)
		return failed(e, c, side);
	memcpy(lane->rest, e->scratch + sent, lane->rest_n);
	return MOVED_BLOCKED;
}

/* The first N bytes from SIDE, which have been looked at, are done with. */
static int discard(struct egress *e, const struct connection *c, int side, size_t n)
{
	while (n > 0) {
		ssize_t did = recv(c->side[side].fd, e->scratch, n, MSG_TRUNC | MSG_DONTWAIT);
		if (did < 0 && errno == EINTR)
			continue;
		if (did <= 0)
			return -1;
		n -= (size_t)did;
	}
	return 0;
}

static enum moved copy_bulk(struct egress *e, struct connection *c, int side)
{
	struct lane *lane = &c->lane[side];
	size_t sent = 0;

	if (!c->writable[!side])
		return MOVED_BLOCKED;
	ssize_t n = recv(c->side[side].fd, e->scratch, BULK_SIZE, MSG_PEEK | MSG_DONTWAIT);
	if (n <= 0)
		return no_bytes(e, c, side, n);
	if (count(e, c, side, (size_t)n) == MOVED_OVER)
		return MOVED_OVER;
	enum moved moved = pass(e, c, !side, (size_t)n, &sent);
	if (moved == MOVED_OVER)
		return MOVED_OVER;
	if (discard(e, c, side, sent) < 0)
		return failed(e, c, side);
	/* What is left there is looked at again, and counted then. */
	lane->bytes -= (size_t)n - sent;
	e->relayed -= (size_t)n - sent;
	if (moved == MOVED_SOME && (size_t)n < BULK_SIZE) {
		c->readable[side] = c->hung_up[side];
		lane->bulk = (size_t)n >= COPY_SIZE;
	}
	return moved;
}

/* ---- the first bytes --------------------------------------------------------------------------------- */

/* When there is more than N to look at. */
static void look_again(struct connection *c, size_t n)
{
	int low = (int)n + 1;

	(void)setsockopt(c->side[NEAR].fd, SOL_SOCKET, SO_RCVLOWAT, &low, sizeof low);
	c->readable[NEAR] = c->hung_up[NEAR];
}

static enum moved refuse(struct egress *e, struct connection *c, enum connection_end end, const char *detail)
{
	connection_end(e, c, end, detail);
	return MOVED_OVER;
}

static enum moved judge(struct egress *e, struct connection *c, const struct hello *hello)
{
	bool hidden = hello->hidden && e->plan->names.ech == ECH_ALLOW;

	if (hello->hidden && !hidden)
		return refuse(e, c, CONNECTION_ECH, "network.ech");
	/* What is hidden has another name outside. */
	if (!hidden && hello->named && strcmp(hello->name, c->name->text) != 0)
		return refuse(e, c, CONNECTION_SNI, hello->name[0] ? hello->name : "no host name");
	return MOVED_SOME;
}

/* MOVED_SOME: it is known what they are, and they may pass. */
static enum moved check_first(struct egress *e, struct connection *c)
{
	static const int one = 1;
	struct hello hello;

	_Static_assert(BULK_SIZE >= HELLO_WIRE_MAX, "room for the longest ClientHello");
	ssize_t n = recv(c->side[NEAR].fd, e->scratch, HELLO_WIRE_MAX, MSG_PEEK | MSG_DONTWAIT);
	if (n < 0 && errno == EAGAIN) {
		c->readable[NEAR] = false;
		return MOVED_BLOCKED;
	}
	if (n < 0)
		return errno == EINTR ? MOVED_BLOCKED : failed(e, c, NEAR);
	enum hello_result result = n == 0 ? HELLO_NONE : hello_read(e->scratch, (size_t)n, &hello);
	if (result == HELLO_BAD)
		return refuse(e, c, CONNECTION_HELLO, "it is not as TLS has it");
	if (result == HELLO_MORE) {
		/* After an end there is nothing more to come. */
		if (c->hung_up[NEAR])
			return refuse(e, c, CONNECTION_HELLO, "it ends too early");
		if (!c->hello_due) {
			c->hello_due = e->now + HELLO_TIME;
			egress_due(e, c->hello_due);
		}
		look_again(c, (size_t)n);
		return MOVED_BLOCKED;
	}
	if (result == HELLO_WHOLE && judge(e, c, &hello) == MOVED_OVER)
		return MOVED_OVER;
	c->checked = true;
	if (c->hello_due)
		(void)setsockopt(c->side[NEAR].fd, SOL_SOCKET, SO_RCVLOWAT, &one, sizeof one);
	c->hello_due = 0;
	return MOVED_SOME;
}

/* ---- one turn ---------------------------------------------------------------------------------------- */

static void go_on_later(struct egress *e, struct connection *c)
{
	if (c->again)
		return;
	c->again = true;
	c->next_again = e->again;
	e->again = c;
}

static enum moved pump_lane(struct egress *e, struct connection *c, int side)
{
	struct lane *lane = &c->lane[side];
	uint64_t until = lane->bytes + TURN_BYTES;
	enum moved moved = MOVED_SOME;

	while (moved == MOVED_SOME) {
		moved = drain(e, c, side);
		if (moved != MOVED_SOME)
			break;
		if (lane->ended || !c->readable[side])
			return MOVED_BLOCKED;
		if (lane->bytes >= until) {
			go_on_later(e, c);
			return MOVED_BLOCKED;
		}
		moved = lane->bulk ? copy_bulk(e, c, side) : copy(e, c, side);
	}
	return moved;
}

void relay_pump(struct egress *e, struct connection *c)
{
	if (c->dead)
		return;
	if (!c->checked && c->readable[NEAR] && check_first(e, c) == MOVED_OVER)
		return;
	if (c->state != CONNECTION_OPEN)
		return;
	if (pump_lane(e, c, FAR) == MOVED_OVER)
		return;
	if (c->checked && pump_lane(e, c, NEAR) == MOVED_OVER)
		return;
	if (c->lane[NEAR].shut && c->lane[FAR].shut)
		connection_end(e, c, CONNECTION_CLOSED, "");
}

void relay_event(struct egress *e, struct connection *c, int side, uint32_t events)
{
	if (c->dead)
		return;
	if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		c->hung_up[side] = true;
	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		c->readable[side] = true;
	if (events & (EPOLLOUT | EPOLLERR | EPOLLHUP))
		c->writable[side] = true;
	/* Who has reset it before there was anybody to relay to is not waited for. */
	if ((events & EPOLLERR) && c->state != CONNECTION_OPEN)
		connection_end(e, c, CONNECTION_RESET, "");
	else
		relay_pump(e, c);
}
