/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From a connection of the server's to one outside. What the server meant is its own end's address (getsockname(2)): the name that has it,
 * or itself where policy names addresses. Then: a rule that has the name and the port; the name's addresses, each of which is
 * checked; and happy eyeballs (RFC 8305) over those that are left. The bytes that are checked are those that connect(2) gets, and nothing is
 * resolved in between, so a name cannot turn to another address after it was looked at.
 *
 * The kernel has accepted for us before any of this is known. So what fails is a reset, and the record says why.
 */
#include "session/egress-impl.h"

#include "base/cleanup.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ACCEPTS_TURN 32
#define DNS_PORT 53
#define SINGLE_BACKLOG 128
#define STARVED_TIME 200

/* ---- addresses ------------------------------------------------------------------------------------- */

static socklen_t to_sockaddr(const struct ip_address *a, uint16_t port, struct sockaddr_storage *out)
{
	memset(out, 0, sizeof *out);
	if (a->family == 4) {
		struct sockaddr_in *in = (struct sockaddr_in *)out;
		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		memcpy(&in->sin_addr, a->bytes, 4);
		return sizeof *in;
	}
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(port);
	memcpy(&in6->sin6_addr, a->bytes, 16);
	return sizeof *in6;
}

/* IPv4 arrives at sockets of IPv6 as v4-mapped addresses. */
static void from_sockaddr(const struct sockaddr_storage *in, struct ip_address *a, uint16_t *port)
{
	*a = (struct ip_address){ 0 };
	if (in->ss_family == AF_INET) {
		const struct sockaddr_in *in4 = (const struct sockaddr_in *)in;
		a->family = 4;
		memcpy(a->bytes, &in4->sin_addr, 4);
		*port = ntohs(in4->sin_port);
		return;
	}
	struct sockaddr_in6 in6;
	memcpy(&in6, in, sizeof in6);
	bool mapped = IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr);
	a->family = mapped ? 4 : 6;
	memcpy(a->bytes, in6.sin6_addr.s6_addr + (mapped ? 12 : 0), mapped ? 4 : 16);
	*port = ntohs(in6.sin6_port);
}

/* ---- listeners ------------------------------------------------------------------------------------- */

static bool same_address(const struct ip_address *a, const struct ip_address *b)
{
	return a->family == b->family && memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

bool listener_has(const struct egress *e, const struct ip_address *address, uint16_t port)
{
	for (size_t i = 0; i < e->listeners_n; i++)
		if (e->listeners[i]->port == port && same_address(&e->listeners[i]->address, address))
			return true;
	return false;
}

int listener_single(struct egress *e, const struct ip_address *address, uint16_t port)
{
	struct sockaddr_storage at;
	struct ip_address bound = *address;

	if (e->sockets.singles_n == 0) {
		errno = EMFILE;
		return -1;
	}
	if (e->sockets.six && address->family == 4) {
		bound = (struct ip_address){ .family = 6, .bytes = { [10] = 0xff, [11] = 0xff } };
		memcpy(bound.bytes + 12, address->bytes, 4);
	}
	socklen_t n = to_sockaddr(&bound, port, &at);
	int fd = e->sockets.singles[e->sockets.singles_n - 1];
	if (bind(fd, (struct sockaddr *)&at, n) < 0)
		return -1;
	/* It cannot be bound again, whatever comes now. */
	e->sockets.singles_n--;
	struct listener *l = calloc(1, sizeof *l);
	if (!l || listen(fd, SINGLE_BACKLOG) < 0) {
		free(l);
		close(fd);
		return -1;
	}
	*l = (struct listener){ .watch = { WATCH_LISTENER, fd, l }, .port = port, .address = *address };
	if (egress_watch(e, &l->watch, e->paused ? 0 : EPOLLIN) < 0) {
		egress_close(&l->watch);
		free(l);
		return -1;
	}
	e->listeners[e->listeners_n++] = l;
	return 0;
}

static void reset(int fd)
{
	static const struct linger at_once = { .l_onoff = 1 };

	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
	close(fd);
}

/* ---- the end --------------------------------------------------------------------------------------- */

/* They are freed with the connection: events of this turn may point to them. */
static void close_tries(struct connection *c)
{
	for (size_t i = 0; c->tries && i < TRIES_MAX; i++)
		egress_close(&c->tries->watch[i]);
}

static void stop_waiting(struct connection *c)
{
	if (!c->name)
		return;
	for (struct connection **at = &c->name->waiting; *at; at = &(*at)->next_waiting)
		if (*at == c) {
			*at = c->next_waiting;
			return;
		}
}

static void report(struct egress *e, const struct connection *c, enum connection_end end, const char *detail)
{
	union record r = { .connection = {
		.end = (uint8_t)end, .family = c->address.family, .port = c->port, .grant = c->grant,
		.sent = c->lane[NEAR].bytes, .received = c->lane[FAR].bytes, .duration = e->now - c->started,
	} };

	memcpy(r.connection.address, c->address.bytes, sizeof r.connection.address);
	snprintf(r.connection.name, sizeof r.connection.name, "%s", c->name ? c->name->text : "");
	snprintf(r.connection.detail, sizeof r.connection.detail, "%s", detail);
	e->traffic.connections++;
	e->traffic.failed += c->state != CONNECTION_OPEN;
	e->traffic.sent += c->lane[NEAR].bytes;
	e->traffic.received += c->lane[FAR].bytes;
	/* egress_accept() keeps room for it. */
	if (!egress_report(e, RECORD_CONNECTION, &r))
		e->traffic.unreported++;
}

void connection_end(struct egress *e, struct connection *c, enum connection_end end, const char *detail)
{
	if (c->dead)
		return;
	c->dead = true;
	if (c->state == CONNECTION_RESOLVING)
		stop_waiting(c);
	close_tries(c);
	for (int side = NEAR; side <= FAR; side++) {
		if (c->side[side].fd < 0)
			continue;
		if (end == CONNECTION_CLOSED)
			egress_close(&c->side[side]);
		else
			reset(TAKE_FD(&c->side[side].fd));
	}
	for (int side = NEAR; side <= FAR; side++)
		free(TAKE_PTR(c->lane[side].rest));
	*(c->prev ? &c->prev->next : &e->connections) = c->next;
	if (c->next)
		c->next->prev = c->prev;
	e->connections_n--;
	report(e, c, end, detail);
	/* Events of this turn may still point to it. */
	c->next_waiting = e->dead;
	e->dead = c;
	egress_accept(e);
}

void connections_bury(struct egress *e)
{
	struct connection *next;

	for (struct connection *c = TAKE_PTR(e->dead); c; c = next) {
		next = c->next_waiting;
		if (c->again) {
			/* Still in the list of those that go on; next turn. */
			c->next_waiting = e->dead;
			e->dead = c;
			continue;
		}
		free(c->tries);
		free(c);
	}
}

uint32_t connections_cut(struct egress *e)
{
	struct connection *next;
	uint32_t cut = 0;

	for (struct connection *c = e->connections; c; c = next) {
		next = c->next;
		const struct rule *rule = names_rule(e, c->name ? c->name->text : NULL, &c->address, c->port);
		if (rule) {
			c->grant = rule->id;
			continue;
		}
		connection_end(e, c, CONNECTION_REVOKED, "");
		cut++;
	}
	return cut;
}

/* ---- connecting outside ------------------------------------------------------------------------------ */

static void won(struct egress *e, struct connection *c, struct watch *w, const struct ip_address *address)
{
	static const int one = 1;

	c->address = *address;
	c->side[FAR].fd = TAKE_FD(&w->fd);
	close_tries(c); /* those that are slower */
	c->state = CONNECTION_OPEN;
	(void)setsockopt(c->side[FAR].fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	(void)setsockopt(c->side[FAR].fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
	c->writable[FAR] = true;
	c->active = e->now;
	c->deadline = 0;
	egress_rewatch(e, &c->side[FAR], EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
	connection_tick(e, c);
	relay_pump(e, c);
}

/* The next address. 1: under way; 0: connected; -1: there is none left. */
static int try_next(struct egress *e, struct connection *c)
{
	struct tries *t = c->tries;

	while (t->next < t->n) {
		size_t i = t->next++;
		struct watch *w = &t->watch[i];
		struct sockaddr_storage to;
		socklen_t n = to_sockaddr(&t->list[i], c->port, &to);
		w->fd = socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		if (w->fd >= 0 && connect(w->fd, (struct sockaddr *)&to, n) == 0 && egress_watch(e, w, EPOLLOUT) == 0) {
			won(e, c, w, &t->list[i]);
			return 0;
		}
		if (w->fd >= 0 && errno == EINPROGRESS && egress_watch(e, w, EPOLLOUT) == 0) {
			t->stagger = e->now + CONNECT_STAGGER;
			egress_due(e, t->stagger);
			return 1;
		}
		t->error = errno;
		egress_close(w);
	}
	t->stagger = 0;
	return -1;
}

static bool trying(const struct tries *t)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->watch[i].fd >= 0)
			return true;
	return false;
}

static void try_or_fail(struct egress *e, struct connection *c)
{
	if (try_next(e, c) < 0 && !trying(c->tries))
		connection_end(e, c, CONNECTION_UNREACHABLE, strerror(c->tries->error ? c->tries->error : EHOSTUNREACH));
}

void connection_try_event(struct egress *e, struct connection *c, struct watch *w)
{
	int error = 0;
	socklen_t n = sizeof error;

	if (c->dead || c->state != CONNECTION_TRYING)
		return;
	if (getsockopt(w->fd, SOL_SOCKET, SO_ERROR, &error, &n) < 0)
		error = errno;
	if (error == 0) {
		won(e, c, w, &c->tries->list[w - c->tries->watch]);
		return;
	}
	c->tries->error = error;
	egress_close(w);
	try_or_fail(e, c);
}

static void start_trying(struct egress *e, struct connection *c, const struct ip_address *list, size_t n)
{
	c->tries = calloc(1, sizeof *c->tries);
	if (!c->tries) {
		connection_end(e, c, CONNECTION_UNREACHABLE, "out of memory");
		return;
	}
	c->state = CONNECTION_TRYING;
	c->deadline = e->now + CONNECT_TIME;
	egress_due(e, c->deadline);
	for (size_t i = 0; i < TRIES_MAX; i++)
		c->tries->watch[i] = (struct watch){ WATCH_TRY, -1, c };
	/* The families take turns, in the order in which the library sorted them (RFC 8305, 4). */
	uint8_t family = n ? list[0].family : 0;
	bool used[ADDRESSES_MAX] = { false };
	while (c->tries->n < TRIES_MAX && c->tries->n < n) {
		size_t i = 0, any = ADDRESSES_MAX;
		for (; i < n && (used[i] || list[i].family != family); i++)
			if (!used[i] && any == ADDRESSES_MAX)
				any = i;
		if (i == n)
			i = any;
		used[i] = true;
		c->tries->list[c->tries->n++] = list[i];
		family = list[i].family == 4 ? 6 : 4;
	}
	try_or_fail(e, c);
}

/* ---- from name to addresses ---------------------------------------------------------------------------- */

/* Why ADDRESS, to which an allowed name has resolved, is not connected to, or NULL. */
static const char *refused_address(const struct egress *e, const struct ip_address *address)
{
	const char *what = ip_address_special(address);

	for (size_t i = 0; what && i < e->needs.ranges_n; i++)
		if (ip_range_has(&e->needs.ranges[i], address))
			return NULL;
	return what;
}

void connection_resolved(struct egress *e, struct connection *c)
{
	const struct name *name = c->name;
	struct ip_address list[ADDRESSES_MAX];
	char text[IP_TEXT_SIZE], detail[128] = "";
	size_t n = 0;

	if (name->status != 0) {
		connection_end(e, c, CONNECTION_UNRESOLVED, gai_strerror(name->status));
		return;
	}
	for (size_t i = 0; i < name->found_n; i++) {
		const char *what = refused_address(e, &name->found[i]);
		if (!what) {
			list[n++] = name->found[i];
			continue;
		}
		ip_address_text(&name->found[i], text);
		snprintf(detail, sizeof detail, "%s is %s", text, what);
		c->address = name->found[i];
	}
	if (n == 0) {
		names_refused(e, NAME_ADDRESS, name->text, 0, detail);
		connection_end(e, c, CONNECTION_ADDRESS, detail);
		return;
	}
	c->address = (struct ip_address){ 0 };
	start_trying(e, c, list, n);
}

/* ---- accepting --------------------------------------------------------------------------------------- */

static void refuse_address(struct egress *e, const struct ip_address *address, uint16_t port, const struct name *name)
{
	char text[IP_TEXT_SIZE];

	ip_address_text(address, text);
	names_refused(e, NAME_NOT_ALLOWED, name ? name->text : text, port, "");
}

static struct connection *new_connection(struct egress *e, int fd, struct name *name, uint16_t port, const struct rule *rule)
{
	struct connection *c = calloc(1, sizeof *c);

	if (!c)
		return NULL;
	c->side[NEAR] = (struct watch){ WATCH_NEAR, fd, c };
	c->side[FAR] = (struct watch){ WATCH_FAR, -1, c };
	c->writable[NEAR] = true;
	c->name = name;
	c->port = port;
	c->grant = rule->id;
	c->checked = !name || e->plan->names.sni == SNI_OFF;
	c->started = c->active = e->now;
	if (egress_watch(e, &c->side[NEAR], EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET) < 0) {
		free(c);
		return NULL;
	}
	c->next = e->connections;
	if (c->next)
		c->next->prev = c;
	e->connections = c;
	e->connections_n++;
	egress_accept(e);
	return c;
}

static bool over_limit(const struct egress *e)
{
	const struct network_names *n = &e->plan->names;

	return (n->connections_total && e->traffic.connections + e->connections_n > n->connections_total) ||
	       (n->session_bytes && e->relayed >= n->session_bytes);
}

static void begin(struct egress *e, int fd, const struct ip_address *to, uint16_t port)
{
	static const int one = 1;
	struct name *name = names_at(e, to);
	const struct rule *rule = names_rule(e, name ? name->text : NULL, to, port);
	struct connection *c = rule ? new_connection(e, fd, name, port, rule) : NULL;

	if (!c) {
		if (!rule)
			refuse_address(e, to, port, name);
		reset(fd);
		return;
	}
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (over_limit(e)) {
		connection_end(e, c, CONNECTION_TOTAL, "");
	} else if (!name) {
		c->address = *to;
		start_trying(e, c, to, 1);
	} else if (names_look_up(e, name)) {
		connection_resolved(e, c);
	} else {
		c->state = CONNECTION_RESOLVING;
		c->next_waiting = name->waiting;
		name->waiting = c;
		c->deadline = e->now + LOOKUP_TIME + CONNECT_TIME;
		egress_due(e, c->deadline);
	}
}

void listener_accept(struct egress *e, struct listener *l)
{
	for (int i = 0; i < ACCEPTS_TURN && !e->paused; i++) {
		struct sockaddr_storage own = { 0 };
		socklen_t n = sizeof own;
		struct ip_address to;
		uint16_t port;
		int fd = accept4(l->watch.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)) {
			e->starved = e->now + STARVED_TIME;
			egress_due(e, e->starved);
			egress_accept(e);
		}
		if (fd < 0)
			return; /* nobody, or nobody any more */
		if (getsockname(fd, (struct sockaddr *)&own, &n) < 0) {
			reset(fd);
			continue;
		}
		from_sockaddr(&own, &to, &port);
		struct ip_range resolver;
		if (port == DNS_PORT && ip_range_parse(NETWORK_RESOLVER_4, &resolver, NULL) == 0 &&
		    same_address(&resolver.address, &to))
			dns_client_new(e, fd);
		else
			begin(e, fd, &to, port);
	}
}

/* ---- time ------------------------------------------------------------------------------------------ */

void connection_tick(struct egress *e, struct connection *c)
{
	uint64_t idle = e->plan->names.idle_timeout;

	if (c->deadline && e->now >= c->deadline) {
		if (c->state == CONNECTION_RESOLVING)
			connection_end(e, c, CONNECTION_UNRESOLVED, "no answer in time");
		else
			connection_end(e, c, CONNECTION_UNREACHABLE, strerror(ETIMEDOUT));
		return;
	}
	egress_due(e, c->deadline);
	if (c->state == CONNECTION_TRYING && c->tries->stagger) {
		if (e->now >= c->tries->stagger)
			try_or_fail(e, c);
		else
			egress_due(e, c->tries->stagger);
		return;
	}
	if (c->hello_due && e->now >= c->hello_due) {
		connection_end(e, c, CONNECTION_HELLO, "it did not come to its end in time");
		return;
	}
	egress_due(e, c->hello_due);
	if (c->state != CONNECTION_OPEN || !idle)
		return;
	if (e->now >= c->active + idle)
		connection_end(e, c, CONNECTION_IDLE, "");
	else
		egress_due(e, c->active + idle);
}
