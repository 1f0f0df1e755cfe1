/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the server may reach, and under which addresses. A name gets its number, and with it an address in both pools, when the
 * server first asks for it; the number is never used for another name, so that an address that somebody kept cannot come to mean
 * something else. Their count is bounded (NETWORK_NAMES_MAX), because with "*.example.org" the server makes them up.
 *
 * Resolving outside: one lookup at a time for a name, LOOKUPS_MAX for all, the others wait in a queue. Its addresses are believed for
 * LOOKUP_FRESH, and are checked when a connection is made, not here: which of them are allowed is decided on the very bytes that
 * connect(2) gets (egress-connect.c).
 */
#include "session/egress-impl.h"

#include "base/cleanup.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static uint64_t hash(const char *text)
{
	uint64_t h = 14695981039346656037ULL;

	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * 1099511628211ULL;
	return h ^ h >> 32;
}

/* ---- rules --------------------------------------------------------------------------------------- */

bool names_allowed(const struct egress *e, const char *name)
{
	for (size_t i = 0; i < e->rules_n; i++)
		if (host_rule_names(&e->rules[i].host, name))
			return true;
	return false;
}

const struct rule *names_rule(const struct egress *e, const char *name, const struct ip_address *address, uint16_t port)
{
	for (size_t i = 0; i < e->rules_n; i++) {
		const struct rule *r = &e->rules[i];
		if (host_rule_has_port(&r->host, port) &&
		    (name ? host_rule_names(&r->host, name) : network_range_allows(&r->host, address)))
			return r;
	}
	return NULL;
}

/* ---- addresses in the cage ------------------------------------------------------------------------- */

struct ip_address names_address(const struct name *name, int family)
{
	uint32_t number = htonl(name->number + NETWORK_FIRST);
	struct ip_range pool = { 0 };

	(void)ip_range_parse(family == 4 ? NETWORK_POOL_4 : NETWORK_POOL_6, &pool, NULL);
	/* The pools start at a multiple of 2^17, and the number is smaller. */
	uint8_t *last = pool.address.bytes + (family == 4 ? 0 : 12);
	for (size_t i = 0; i < 4; i++)
		last[i] |= ((const uint8_t *)&number)[i];
	return pool.address;
}

struct name *names_at(const struct egress *e, const struct ip_address *address)
{
	const uint8_t *last = address->bytes + (address->family == 4 ? 0 : 12);
	uint32_t number = ((uint32_t)last[0] << 24 | (uint32_t)last[1] << 16 | (uint32_t)last[2] << 8 | last[3]) & 0x1ffff;

	if (number < NETWORK_FIRST || number - NETWORK_FIRST >= e->names_n)
		return NULL;
	struct name *name = e->names[number - NETWORK_FIRST];
	struct ip_address own = names_address(name, address->family);
	return memcmp(own.bytes, address->bytes, sizeof own.bytes) == 0 ? name : NULL;
}

/* Sockets for its addresses, at those ports for which there is not one for all addresses. */
static void listen_for(struct egress *e, const struct name *name)
{
	for (size_t i = 0; i < e->needs.ports_n; i++) {
		const struct network_port *port = &e->needs.ports[i];
		if (port->all || !names_rule(e, name->text, NULL, port->port))
			continue;
		for (int family = 4; family <= (e->sockets.six ? 6 : 4); family += 2) {
			struct ip_address address = names_address(name, family);
			if (!listener_has(e, &address, port->port) && listener_single(e, &address, port->port) < 0)
				names_refused(e, NAME_POOL, name->text, port->port, "");
		}
	}
}

struct name *names_get(struct egress *e, const char *text)
{
	struct name **chain = &e->hash[hash(text) % NETWORK_NAMES_MAX];

	for (struct name *n = *chain; n; n = n->next)
		if (strcmp(n->text, text) == 0)
			return n;
	if (e->names_n == NETWORK_NAMES_MAX) {
		names_refused(e, NAME_POOL, text, 0, "");
		return NULL;
	}
	size_t length = strlen(text) + 1;
	struct name *name = calloc(1, sizeof *name + length);
	if (!name)
		return NULL;
	memcpy(name->text, text, length);
	name->number = (uint32_t)e->names_n;
	name->next = *chain;
	*chain = e->names[e->names_n++] = name;
	listen_for(e, name);
	return name;
}

/* ---- what is refused ------------------------------------------------------------------------------- */

void names_refused(struct egress *e, enum name_refusal why, const char *name, uint16_t port, const char *detail)
{
	union record r = { .name_refused = { .why = (uint8_t)why, .port = port } };
	uint64_t h = hash(name) * 31 + (uint64_t)why * 65536 + port;

	for (size_t i = 0; i < e->told_n; i++)
		if (e->told[i] == h)
			return;
	if (e->told_n == REFUSED_TOLD) {
		e->traffic.unreported++;
		return;
	}
	snprintf(r.name_refused.name, sizeof r.name_refused.name, "%s", name);
	snprintf(r.name_refused.detail, sizeof r.name_refused.detail, "%s", detail);
	if (egress_report(e, RECORD_NAME_REFUSED, &r))
		e->told[e->told_n++] = h;
	else
		e->traffic.unreported++;
}

/* ---- resolving ------------------------------------------------------------------------------------- */

static bool is_fresh(const struct egress *e, const struct name *name)
{
	return name->known_at && e->now < name->known_at + (name->status == 0 ? LOOKUP_FRESH : LOOKUP_FAILED);
}

static void finish(struct egress *e, struct name *name, int status)
{
	struct connection *list = TAKE_PTR(name->waiting), *next;

	if (name->looking)
		e->lookups--;
	name->looking = name->queued = false;
	name->status = status;
	name->known_at = e->now;
	for (struct connection *c = list; c; c = next) {
		next = c->next_waiting;
		c->next_waiting = NULL;
		if (!c->dead)
			connection_resolved(e, c);
	}
}

static void ask_resolver(struct egress *e, struct name *name)
{
	struct resolve_request request = { .number = name->number };

	strcpy(request.name, name->text);
	name->looking = true;
	name->asked_at = e->now;
	e->lookups++;
	egress_due(e, e->now + LOOKUP_TIME);
	if (send(e->resolver.fd, &request, sizeof request, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		finish(e, name, EAI_AGAIN);
}

static void next_lookups(struct egress *e)
{
	while (e->lookup_n > 0 && e->lookups < LOOKUPS_MAX) {
		struct name *name = e->lookup_queue[e->lookup_first];
		e->lookup_first = (e->lookup_first + 1) % NETWORK_NAMES_MAX;
		e->lookup_n--;
		name->queued = false;
		ask_resolver(e, name);
	}
}

bool names_look_up(struct egress *e, struct name *name)
{
	if (is_fresh(e, name))
		return true;
	if (name->looking || name->queued)
		return false;
	/* Each name is in the queue once at most, so it has room for all. */
	name->queued = true;
	e->lookup_queue[(e->lookup_first + e->lookup_n++) % NETWORK_NAMES_MAX] = name;
	next_lookups(e);
	return is_fresh(e, name); /* it may have failed at once */
}

static void take_reply(struct egress *e, const struct resolve_reply *reply)
{
	struct name *name = reply->number < e->names_n ? e->names[reply->number] : NULL;
	size_t n = reply->n <= ADDRESSES_MAX ? reply->n : 0;

	/* An answer that is late is none: somebody else may wait for another one by now. */
	if (!name || !name->looking)
		return;
	struct ip_address *found = calloc(n + 1, sizeof *found);
	if (!found) {
		finish(e, name, EAI_MEMORY);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		found[i].family = reply->found[i].family == 4 ? 4 : 6;
		memcpy(found[i].bytes, reply->found[i].bytes, found[i].family == 4 ? 4 : 16);
	}
	free(name->found);
	name->found = found;
	name->found_n = n;
	finish(e, name, reply->status == 0 && n == 0 ? EAI_NONAME : reply->status);
}

void names_hear_resolver(struct egress *e)
{
	struct resolve_reply reply;

	for (int i = 0; i < LOOKUPS_MAX; i++) {
		ssize_t n = recv(e->resolver.fd, &reply, sizeof reply, MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (n != (ssize_t)sizeof reply) {
			/* It is gone: nothing can be resolved any more, and that is said for each connection. */
			(void)epoll_ctl(e->epoll, EPOLL_CTL_DEL, e->resolver.fd, NULL);
			break;
		}
		take_reply(e, &reply);
	}
	next_lookups(e);
}

/* ---- grants ---------------------------------------------------------------------------------------- */

static void granted(struct egress *e, enum granted what, uint32_t id, uint32_t cut, const char *why)
{
	union record r = { .granted = { .what = (uint8_t)what, .id = id, .cut = cut } };

	snprintf(r.granted.why, sizeof r.granted.why, "%s", why);
	(void)egress_report(e, RECORD_GRANTED, &r);
}

/* Why there cannot be such a rule now, or NULL. */
static const char *impossible(const struct egress *e, const struct host_rule *host, uint32_t id)
{
	if (host->kind == HOST_RANGE)
		return "an address cannot be added to a running session, only a name";
	for (size_t i = 0; i < host->ports_n; i++)
		for (unsigned port = host->ports[i].low; port <= host->ports[i].high; port++)
			if (!network_port(&e->needs, (uint16_t)port))
				return "the session has no socket for that port: it has those of network.allow, and 443";
	size_t grants = 0;
	for (size_t i = 0; i < e->rules_n; i++) {
		grants += e->rules[i].id != 0;
		if (e->rules[i].id == id)
			return "that number is in use";
	}
	return grants < GRANTS_MAX ? NULL : "there are as many as a session can have";
}

void names_allow(struct egress *e, const struct record_allow_host *r)
{
	struct rule rule = { .id = r->id, .expires = r->expires };
	struct error err;

	if (host_rule_parse(r->rule, &rule.host, &err) < 0) {
		granted(e, GRANTED_NOT, r->id, 0, "it cannot be read");
		return;
	}
	const char *why = impossible(e, &rule.host, r->id);
	if (!why && rule.expires && rule.expires <= e->now)
		why = "its time is over";
	struct rule *grown = why ? NULL : reallocarray(e->rules, e->rules_n + 1, sizeof *grown);
	if (!grown) {
		granted(e, GRANTED_NOT, r->id, 0, why ? why : "out of memory");
		return;
	}
	e->rules = grown;
	e->rules[e->rules_n++] = rule;
	egress_due(e, rule.expires);
	for (size_t i = 0; i < e->names_n; i++)
		if (host_rule_names(&rule.host, e->names[i]->text))
			listen_for(e, e->names[i]);
	granted(e, GRANTED_NOW, r->id, 0, "");
}

static void drop_rule(struct egress *e, size_t at)
{
	uint32_t id = e->rules[at].id;

	memmove(&e->rules[at], &e->rules[at + 1], (e->rules_n - at - 1) * sizeof *e->rules);
	e->rules_n--;
	granted(e, GRANTED_OVER, id, connections_cut(e), "");
}

void names_revoke(struct egress *e, uint32_t id)
{
	for (size_t i = 0; i < e->rules_n; i++)
		if (e->rules[i].id == id && id != 0) {
			drop_rule(e, i);
			return;
		}
	granted(e, GRANTED_NOT, id, 0, "there is no such grant");
}

void names_tick(struct egress *e)
{
	for (size_t i = e->rules_n; i-- > 0;) {
		if (e->rules[i].expires && e->now >= e->rules[i].expires)
			drop_rule(e, i);
		else
			egress_due(e, e->rules[i].expires);
	}
	for (size_t i = 0; e->lookups > 0 && i < e->names_n; i++) {
		struct name *name = e->names[i];
		if (!name->looking)
			continue;
		if (e->now >= name->asked_at + LOOKUP_TIME)
			finish(e, name, EAI_AGAIN);
		else
			egress_due(e, name->asked_at + LOOKUP_TIME);
	}
	next_lookups(e);
}

/* ---- start ----------------------------------------------------------------------------------------- */

/* Addresses that policy names have their sockets from the start. */
static int listen_at(struct egress *e, const struct host_rule *host, struct error *err)
{
	char text[IP_TEXT_SIZE];

	for (size_t i = 0; i < e->needs.ports_n; i++) {
		uint16_t port = e->needs.ports[i].port;
		if (host->kind != HOST_RANGE || e->needs.ports[i].all || !host_rule_has_port(host, port) ||
		    listener_has(e, &host->range.address, port))
			continue;
		if (listener_single(e, &host->range.address, port) < 0) {
			ip_address_text(&host->range.address, text);
			return error_set(err, errno, "cannot listen at %s, port %u, in the cage", text, port);
		}
	}
	return 0;
}

int names_start(struct egress *e, struct error *err)
{
	e->rules = calloc(e->needs.rules_n + 1, sizeof *e->rules);
	if (!e->rules)
		return error_oom(err);
	for (size_t i = 0; i < e->needs.rules_n; i++) {
		e->rules[e->rules_n++].host = e->needs.rules[i];
		if (listen_at(e, &e->needs.rules[i], err) < 0)
			return -1;
	}
	return 0;
}
