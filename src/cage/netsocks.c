/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The sockets at which egress serves the cage. A socket belongs to the network namespace in which it was made, whoever uses it: so they are
 * made here, in the cage, and handed to a process outside, and nothing of ours has to live inside.
 *
 * Listeners at ports that the server cannot bind to, and at those of a range of addresses, are for all addresses and are
 * bound here, before the server is started. Sockets for single addresses are bound by egress when it gives the address out. Nothing here
 * has SO_REUSEADDR or SO_REUSEPORT, so that nobody can bind in front of a socket that listens (socket(7), ip(7)). IPv4 is
 * served by IPv6 sockets as v4-mapped addresses (ipv6(7)), so that one will do for both.
 *
 * Called by session/init.c (send) and session/egress.c (receive). SCM_RIGHTS in unix(7).
 */
#include "cage/cage.h"

#include "base/cleanup.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/* SCM_MAX_FD is 253. */
#define BATCH 200
#define DNS_PORT 53
#define BACKLOG 512

#ifndef IPV6_FREEBIND
#define IPV6_FREEBIND 78
#endif

/* The first bytes of each packet. */
struct sockets_head {
	uint32_t total;
	uint8_t six;
};

static bool dns_among(const struct network_needs *needs)
{
	const struct network_port *port = network_port(needs, DNS_PORT);

	return port && port->all;
}

static size_t listeners_needed(const struct network_needs *needs)
{
	size_t n = 0;

	for (size_t i = 0; i < needs->ports_n; i++)
		n += needs->ports[i].all;
	return n;
}

static size_t total_needed(const struct network_needs *needs)
{
	return 1 + !dns_among(needs) + listeners_needed(needs) + needs->singles;
}

/* ---- inside -------------------------------------------------------------------------------------- */

struct batch {
	int to;
	struct sockets_head head;
	int fds[BATCH];
	size_t n;
};

static void batch_close(struct batch *b)
{
	for (size_t i = 0; i < b->n; i++)
		close(b->fds[i]);
	b->n = 0;
}

static int batch_flush(struct batch *b, struct error *err)
{
	union {
		char bytes[CMSG_SPACE(BATCH * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = { &b->head, sizeof b->head };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes };

	if (b->n == 0)
		return 0;
	memset(&control, 0, sizeof control);
	/* Narrower in musl; BATCH is little. */
	m.msg_controllen = (__typeof__(m.msg_controllen))CMSG_SPACE(b->n * sizeof(int));
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = (__typeof__(c->cmsg_len))CMSG_LEN(b->n * sizeof(int));
	memcpy(CMSG_DATA(c), b->fds, b->n * sizeof(int));
	ssize_t n;
	do
		n = sendmsg(b->to, &m, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	int sys = errno;
	batch_close(b);
	if (n < 0) {
		error_set(err, sys, "cannot hand over the sockets of the cage");
		return sys == ETOOMANYREFS ? error_hint(err, "raise the limit of open files (ulimit -n)") : -1;
	}
	return 0;
}

static int batch_add(struct batch *b, int fd, struct error *err)
{
	b->fds[b->n++] = fd;
	return b->n == BATCH ? batch_flush(b, err) : 0;
}

static int make_socket(int family, int type, struct error *err)
{
	CLEANUP_CLOSE int fd = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	static const int zero = 0, one = 1;

	if (fd < 0)
		return error_set(err, errno, "cannot make a socket in the cage");
	if (family == AF_INET6 && (setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof zero) < 0 ||
				   setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &one, sizeof one) < 0))
		return error_set(err, errno, "cannot set up a socket of the cage");
	return TAKE_FD(&fd);
}

/* At the resolver's address. */
static int make_dns(int type, struct error *err)
{
	CLEANUP_CLOSE int fd = make_socket(AF_INET, type, err);
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(DNS_PORT) };

	if (fd < 0)
		return -1;
	if (inet_pton(AF_INET, NETWORK_RESOLVER_4, &at.sin_addr) != 1 || bind(fd, (struct sockaddr *)&at, sizeof at) < 0 ||
	    (type == SOCK_STREAM && listen(fd, BACKLOG) < 0))
		return error_set(err, errno, "cannot serve DNS at %s in the cage", NETWORK_RESOLVER_4);
	return TAKE_FD(&fd);
}

static int make_listener(bool six, uint16_t port, struct error *err)
{
	CLEANUP_CLOSE int fd = make_socket(six ? AF_INET6 : AF_INET, SOCK_STREAM, err);
	struct sockaddr_in6 at6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	struct sockaddr_in at4 = { .sin_family = AF_INET, .sin_port = htons(port) };

	if (fd < 0)
		return -1;
	if ((six ? bind(fd, (struct sockaddr *)&at6, sizeof at6) : bind(fd, (struct sockaddr *)&at4, sizeof at4)) < 0 ||
	    listen(fd, BACKLOG) < 0)
		return error_set(err, errno, "cannot listen at port %u in the cage", port);
	return TAKE_FD(&fd);
}

int cage_sockets_send(const struct network_needs *needs, bool six, int to, struct error *err)
{
	CLEANUP(batch_close) struct batch b = {
		.to = to, .head = { .total = (uint32_t)total_needed(needs), .six = six },
	};
	int fd = make_dns(SOCK_DGRAM, err);

	if (fd < 0 || batch_add(&b, fd, err) < 0)
		return -1;
	if (!dns_among(needs) && ((fd = make_dns(SOCK_STREAM, err)) < 0 || batch_add(&b, fd, err) < 0))
		return -1;
	for (size_t i = 0; i < needs->ports_n; i++)
		if (needs->ports[i].all &&
		    ((fd = make_listener(six, needs->ports[i].port, err)) < 0 || batch_add(&b, fd, err) < 0))
			return -1;
	for (size_t i = 0; i < needs->singles; i++)
		if ((fd = make_socket(six ? AF_INET6 : AF_INET, SOCK_STREAM, err)) < 0 || batch_add(&b, fd, err) < 0)
			return -1;
	return batch_flush(&b, err);
}

/* ---- outside ------------------------------------------------------------------------------------- */

/* One packet: how many descriptors came, into FDS (BATCH of them). */
static ssize_t receive_batch(int from, struct sockets_head *head, int fds[BATCH], struct error *err)
{
	union {
		char bytes[CMSG_SPACE(BATCH * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = { head, sizeof *head };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control };
	ssize_t n;

	do
		n = recvmsg(from, &m, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return error_set(err, errno, "cannot receive the sockets of the cage");
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	if (n != (ssize_t)sizeof *head || (m.msg_flags & (MSG_CTRUNC | MSG_TRUNC)) || !c || c->cmsg_type != SCM_RIGHTS ||
	    c->cmsg_level != SOL_SOCKET)
		return error_set(err, 0, "the sockets of the cage were not handed over");
	size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	memcpy(fds, CMSG_DATA(c), count * sizeof(int));
	return (ssize_t)count;
}

/* Where the socket with number AT goes. */
static void place(const struct network_needs *needs, struct cage_sockets *sockets, size_t at, int fd)
{
	size_t listeners = 1 + !dns_among(needs), singles = listeners + listeners_needed(needs);

	if (at == 0)
		sockets->dns = fd;
	else if (at < listeners)
		sockets->dns_tcp = fd;
	else if (at < singles)
		sockets->listeners[sockets->listeners_n++] = fd;
	else
		sockets->singles[sockets->singles_n++] = fd;
}

int cage_sockets_receive(const struct network_needs *needs, int from, struct cage_sockets *sockets, struct error *err)
{
	size_t total = total_needed(needs);
	int fds[BATCH] = { 0 };

	*sockets = (struct cage_sockets){ .dns = -1, .dns_tcp = -1 };
	for (size_t got = 0; got < total;) {
		struct sockets_head head = { 0 };
		ssize_t n = receive_batch(from, &head, fds, err);
		if (n < 0)
			return -1;
		if (head.total != total || n == 0 || (size_t)n > total - got)
			return error_set(err, 0, "the sockets of the cage are not those that are needed");
		sockets->six = head.six;
		for (ssize_t i = 0; i < n; i++)
			place(needs, sockets, got++, fds[i]);
	}
	return 0;
}
