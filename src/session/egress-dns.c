/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The cage's resolver. It knows the names that policy allows and says of all others that there are none: no question of the server's ever
 * leaves this machine as it was asked, so nothing can be sent out in one. A name that is allowed has its address here at once, without
 * asking outside; whether it has one there shows when it is connected to. Its lookup is begun meanwhile.
 *
 *   A, AAAA      of an allowed name: its address in the cage; of another: NXDOMAIN, or held while a person is asked
 *   other types  of an allowed name: an empty answer, HTTPS and SVCB (RFC 9460) above all, which could name addresses and ports
 *   PTR          of such an address: the name
 *
 * A server that asks without end is slowed down, not served: DNS_RATE a second, and what does not fit into the socket's buffer
 * meanwhile is lost, as it is with any busy resolver. By TCP (RFC 7766) a message is answered as it comes, a few clients at a time.
 */
#include "session/egress-impl.h"

#include "base/cleanup.h"
#include "net/dns.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define DNS_RATE 2000.0 /* queries a second */
#define DNS_BURST 1000.0
#define DNS_TURN 32 /* queries before something else has its turn */

_Static_assert(sizeof((struct dns_client *)0)->bytes == 2 + DNS_QUERY_MAX, "room for a query by TCP");

/* What is known about a question. */
struct reply {
	int code;
	struct ip_address address;
	const char *pointer;
	bool ask; /* unknown, and a person may know */
};

static void answer_pointer(struct egress *e, const struct dns_query *q, struct reply *reply)
{
	struct ip_address address;
	const struct name *name = dns_reverse(q->name, &address) ? names_at(e, &address) : NULL;

	reply->code = name ? DNS_NOERROR : DNS_NXDOMAIN;
	reply->pointer = name ? name->text : NULL;
}

/* What libraries look for without anybody having named it ("ipv4only.arpa", RFC 7050): not worth a line to a person. */
static bool is_infrastructure(const char *name)
{
	size_t n = strlen(name);

	return n > 5 && strcmp(name + n - 5, ".arpa") == 0;
}

static void answer_name(struct egress *e, const struct dns_query *q, struct reply *reply)
{
	if (!names_allowed(e, q->name)) {
		reply->code = DNS_NXDOMAIN;
		reply->ask = e->plan->names.unknown == UNKNOWN_ASK;
		if (!reply->ask)
			names_refused(e, NAME_NOT_ALLOWED, q->name, 0, "");
		return;
	}
	if (q->type != DNS_TYPE_A && (q->type != DNS_TYPE_AAAA || !e->sockets.six))
		return;
	struct name *name = names_get(e, q->name);
	if (!name) {
		reply->code = DNS_REFUSED;
		return;
	}
	reply->address = names_address(name, q->type == DNS_TYPE_A ? 4 : 6);
	(void)names_look_up(e, name);
}

static void decide(struct egress *e, const struct dns_query *q, struct reply *reply)
{
	if (q->name[0] == '\0') {
		reply->code = DNS_NXDOMAIN;
		names_refused(e, NAME_UNREADABLE, q->shown, 0, "");
	} else if (q->type == DNS_TYPE_PTR) {
		answer_pointer(e, q, reply);
	} else if (is_infrastructure(q->name)) {
		reply->code = DNS_NXDOMAIN;
	} else {
		answer_name(e, q, reply);
	}
	e->traffic.refused += reply->code != DNS_NOERROR;
}

/* The answer to P, in OUT; 0: none. ASK: the question could be held, and *QUERY says for which name. */
static size_t answer(struct egress *e, const uint8_t *p, size_t n, bool *ask, struct dns_query *query, uint8_t out[DNS_ANSWER_MAX])
{
	struct reply reply = { .code = dns_read(p, n, query) };

	e->traffic.queries++;
	*ask = false;
	if (reply.code < 0)
		return 0;
	if (reply.code == DNS_NOERROR)
		decide(e, query, &reply);
	*ask = reply.ask;
	return dns_answer(p, n, query, reply.code, reply.address.family ? &reply.address : NULL, reply.pointer, out);
}

/* ---- asking ---------------------------------------------------------------------------------------- */

static struct asked *find_asked(struct egress *e, const char *name)
{
	struct asked *free_one = NULL;

	for (size_t i = 0; i < NAME_ASKS_MAX; i++) {
		if (e->asked[i].number == 0)
			free_one = free_one ? free_one : &e->asked[i];
		else if (strcmp(e->asked[i].name, name) == 0)
			return &e->asked[i];
	}
	return free_one;
}

/* Hold it until the monitor says. false: it cannot be held. */
static bool hold(struct egress *e, const struct dns_query *q, const uint8_t *p, size_t n, const void *from, socklen_t from_n)
{
	struct asked *a = find_asked(e, q->name);
	union record r = { 0 };

	if (!a || n > sizeof a->held[0].query || from_n > sizeof a->held[0].from)
		return false;
	if (a->number == 0) {
		r.name_ask.number = ++e->asks ? e->asks : ++e->asks;
		strcpy(r.name_ask.name, q->name);
		if (!egress_report(e, RECORD_NAME_ASK, &r))
			return false;
		*a = (struct asked){ .number = r.name_ask.number, .due = e->now + NAME_ASK_TIME };
		strcpy(a->name, q->name);
		egress_due(e, a->due);
	}
	/* The same question again, as clients do that wait: the place it has is enough. */
	for (size_t i = 0; i < a->held_n; i++)
		if (a->held[i].n == n && memcmp(a->held[i].query, p, n) == 0 && memcmp(a->held[i].from, from, from_n) == 0)
			return true;
	if (a->held_n == ARRAY_SIZE(a->held))
		return true;
	struct held *h = &a->held[a->held_n++];
	memcpy(h->query, p, n);
	h->n = n;
	memcpy(h->from, from, from_n);
	h->from_n = (uint32_t)from_n;
	return true;
}

/* What is known now. */
static void release(struct egress *e, struct asked *a)
{
	uint8_t out[DNS_ANSWER_MAX];
	struct dns_query query;

	for (size_t i = 0; i < a->held_n; i++) {
		bool ask;
		size_t n = answer(e, a->held[i].query, a->held[i].n, &ask, &query, out);
		if (n > 0)
			(void)sendto(e->dns.fd, out, n, MSG_DONTWAIT | MSG_NOSIGNAL, (const struct sockaddr *)(const void *)a->held[i].from,
				     (socklen_t)a->held[i].from_n);
	}
	if (!names_allowed(e, a->name))
		names_refused(e, NAME_NOT_ALLOWED, a->name, 0, "");
	*a = (struct asked){ 0 };
}

void dns_answered(struct egress *e, const struct record_name_answer *r)
{
	for (size_t i = 0; i < NAME_ASKS_MAX; i++)
		if (e->asked[i].number == r->number && r->number != 0)
			release(e, &e->asked[i]);
}

/* ---- UDP ------------------------------------------------------------------------------------------- */

/* Whether one more query may be answered now. */
static bool take_token(struct egress *e)
{
	e->dns_tokens += (double)(e->now - e->dns_filled) * DNS_RATE / 1000;
	e->dns_filled = e->now;
	if (e->dns_tokens > DNS_BURST)
		e->dns_tokens = DNS_BURST;
	if (e->dns_tokens < 1)
		return false;
	e->dns_tokens -= 1;
	return true;
}

static void pause_dns(struct egress *e, bool pause)
{
	if (pause)
		egress_due(e, e->now + 100);
	if (pause == e->dns_paused)
		return;
	e->dns_paused = pause;
	egress_rewatch(e, &e->dns, pause ? 0 : EPOLLIN);
}

void dns_hear(struct egress *e)
{
	uint8_t query[DNS_QUERY_MAX + 1], out[DNS_ANSWER_MAX];

	for (int i = 0; i < DNS_TURN; i++) {
		struct sockaddr_storage from = { 0 };
		socklen_t from_n = sizeof from;
		struct dns_query q;
		bool ask;
		if (!take_token(e)) {
			pause_dns(e, true);
			return;
		}
		ssize_t n = recvfrom(e->dns.fd, query, sizeof query, MSG_DONTWAIT, (struct sockaddr *)&from, &from_n);
		if (n < 0)
			return; /* EAGAIN, or an error of an answer to somebody who is gone */
		size_t size = answer(e, query, (size_t)n, &ask, &q, out);
		if (size == 0 || (ask && hold(e, &q, query, (size_t)n, &from, from_n)))
			continue;
		if (ask)
			names_refused(e, NAME_NOT_ALLOWED, q.name, 0, "");
		(void)sendto(e->dns.fd, out, size, MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&from, from_n);
	}
}

/* ---- TCP ------------------------------------------------------------------------------------------- */

static void client_end(struct egress *e, struct dns_client *client)
{
	for (size_t i = 0; i < DNS_CLIENTS_MAX; i++)
		if (e->dns_clients[i] == client)
			e->dns_clients[i] = NULL;
	egress_close(&client->watch);
	free(client);
}

void dns_client_new(struct egress *e, int fd)
{
	size_t i = 0;

	while (i < DNS_CLIENTS_MAX && e->dns_clients[i])
		i++;
	struct dns_client *client = i < DNS_CLIENTS_MAX ? calloc(1, sizeof *client) : NULL;
	if (!client) {
		close(fd);
		return;
	}
	client->watch = (struct watch){ WATCH_DNS_CLIENT, fd, client };
	client->due = e->now + DNS_CLIENT_TIME;
	egress_due(e, client->due);
	e->dns_clients[i] = client;
	if (egress_watch(e, &client->watch, EPOLLIN) < 0)
		client_end(e, client);
}

void dns_accept(struct egress *e)
{
	int fd = accept4(e->dns_listener.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0)
		dns_client_new(e, fd);
}

/* One whole message is there. false: the client is not served any more. */
static bool client_answer(struct egress *e, struct dns_client *client, size_t size)
{
	uint8_t out[2 + DNS_ANSWER_MAX];
	struct dns_query q;
	bool ask;

	if (!take_token(e))
		return false;
	size_t n = answer(e, client->bytes + 2, size, &ask, &q, out + 2);
	/* By TCP nobody is asked for: who waits for a person asks by UDP first, as resolvers do. */
	if (ask)
		names_refused(e, NAME_NOT_ALLOWED, q.name, 0, "");
	out[0] = (uint8_t)(n >> 8);
	out[1] = (uint8_t)n;
	/* A client that does not read its answers loses them. */
	return n > 0 && send(client->watch.fd, out, n + 2, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)n + 2;
}

void dns_client_hear(struct egress *e, struct dns_client *client)
{
	ssize_t got = recv(client->watch.fd, client->bytes + client->n, sizeof client->bytes - client->n, MSG_DONTWAIT);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		client_end(e, client);
		return;
	}
	client->n += (size_t)got;
	while (client->n >= 2) {
		size_t size = (size_t)client->bytes[0] << 8 | client->bytes[1];
		if (size > DNS_QUERY_MAX) {
			client_end(e, client);
			return;
		}
		if (client->n < 2 + size)
			return;
		if (!client_answer(e, client, size)) {
			client_end(e, client);
			return;
		}
		client->n -= 2 + size;
		memmove(client->bytes, client->bytes + 2 + size, client->n);
		client->due = e->now + DNS_CLIENT_TIME;
	}
}

void dns_tick(struct egress *e)
{
	pause_dns(e, false);
	for (size_t i = 0; i < DNS_CLIENTS_MAX; i++) {
		struct dns_client *client = e->dns_clients[i];
		if (!client)
			continue;
		if (e->now >= client->due)
			client_end(e, client);
		else
			egress_due(e, client->due);
	}
	for (size_t i = 0; i < NAME_ASKS_MAX; i++) {
		struct asked *a = &e->asked[i];
		if (a->number && e->now >= a->due)
			release(e, a);
		else if (a->number)
			egress_due(e, a->due);
	}
}
