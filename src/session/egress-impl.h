/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of egress share (egress.h says which file does what). One thread, one epoll(7), nothing that blocks. */
#pragma once

#include "base/spin.h"
#include "cage/cage.h"
#include "policy/network.h"
#include "session/egress.h"
#include "session/record.h"

#include <netdb.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

/* All times are milliseconds of CLOCK_MONOTONIC; 0 is never. */
enum {
	LOOKUP_TIME = 20000,    /* a name is resolved or not */
	LOOKUP_FRESH = 30000,   /* and its addresses are used this long without asking again */
	LOOKUP_FAILED = 3000,   /* and a failure is believed this long */
	CONNECT_STAGGER = 250,  /* RFC 8305, 5: the next address is tried beside the one before */
	CONNECT_TIME = 30000,
	HELLO_TIME = 10000,     /* from a ClientHello's first byte to its last */
	DNS_CLIENT_TIME = 10000,
};

#define ADDRESSES_MAX 16 /* of a name */
#define TRIES_MAX 8      /* of them that are tried for a connection */
#define LOOKUPS_MAX 32   /* at the same time */
#define DNS_CLIENTS_MAX 16
#define REFUSED_TOLD 256 /* different names that are told of; the others are counted */
#define COPY_SIZE ((size_t)16384) /* what is read at once, as long as little comes */
#define BULK_SIZE ((size_t)49152) /* and when much does; see egress-relay.c */
#define QUEUE_SIZE ((size_t)1 << 20) /* records that the monitor has not taken yet */
#define EVENTS_MAX 64

/* ---- the resolver: egress-resolve.c ---- */

struct resolve_request {
	uint32_t number;
	char name[HOST_NAME_SIZE];
};

struct resolve_reply {
	uint32_t number;
	int32_t status; /* as of getaddrinfo(3) */
	uint32_t n;
	struct ip_address found[ADDRESSES_MAX];
};

/* Fork it; returns our end of its socket. */
int resolver_start(bool apparmor, struct error *err);

/* ---- things that epoll watches ---- */

enum watch_kind {
	WATCH_MONITOR,
	WATCH_RESOLVER,
	WATCH_DNS,          /* UDP */
	WATCH_DNS_LISTENER,
	WATCH_DNS_CLIENT,   /* owner: struct dns_client */
	WATCH_LISTENER,     /* owner: struct listener */
	WATCH_NEAR,         /* owner: struct connection; the server's side */
	WATCH_FAR,
	WATCH_TRY,          /* owner: struct connection, while it is being connected */
};

struct watch {
	enum watch_kind kind;
	int fd; /* -1: closed */
	void *owner;
};

struct listener {
	struct watch watch;
	uint16_t port;
	struct ip_address address; /* family 0: all */
};

struct dns_client {
	struct watch watch;
	uint64_t due;
	size_t n;
	uint8_t bytes[2 + 1024];
};

/* ---- names ---- */

struct rule {
	struct host_rule host;
	uint32_t id;      /* 0: policy */
	uint64_t expires;
};

struct connection;

struct name {
	uint32_t number; /* of its addresses in both pools, less NETWORK_FIRST */
	struct name *next; /* with the same hash */
	bool looking, queued;
	uint64_t asked_at, known_at; /* of the lookup under way, and of the last one */
	int status; /* of it, as of getaddrinfo(3) */
	struct ip_address *found;
	size_t found_n;
	struct connection *waiting;
	char text[];
};

/* A DNS answer that is held while a person is asked. */
struct asked {
	uint32_t number; /* 0: free */
	uint64_t due;
	char name[HOST_NAME_SIZE];
	struct held {
		uint8_t query[512]; /* as it came; UDP only: by TCP the answer is given at once */
		size_t n;
		_Alignas(8) uint8_t from[32];
		uint32_t from_n;
	} held[4];
	size_t held_n;
};

/* ---- connections ---- */

enum { NEAR, FAR };
enum connection_state { CONNECTION_RESOLVING, CONNECTION_TRYING, CONNECTION_OPEN };

/* What is on its way from one side to the other. */
struct lane {
	uint8_t *rest;  /* what was read and could not be written yet, or NULL */
	size_t rest_at, rest_n;
	bool bulk;      /* much comes */
	bool ended;     /* the sender has said all */
	bool shut;      /* and so has the other side been told */
	uint64_t bytes;
};

struct tries {
	struct watch watch[TRIES_MAX];
	struct ip_address list[TRIES_MAX];
	size_t n, next;
	int error; /* of the last one that failed */
	uint64_t stagger;
};

struct connection {
	struct connection *prev, *next; /* all of them */
	struct connection *next_waiting; /* for the same name; or in the list of the dead */
	enum connection_state state;
	struct watch side[2];
	bool readable[2], writable[2], hung_up[2];
	struct lane lane[2]; /* from that side to the other */
	struct name *name; /* NULL: an address that policy names */
	uint16_t port;
	uint32_t grant;
	struct ip_address address; /* outside */
	struct tries *tries;
	bool checked; /* its first bytes have been looked at, or need not be */
	uint64_t hello_due;
	uint64_t started, active, deadline, due;
	bool again, dead;
	struct connection *next_again;
};

struct egress {
	const struct plan *plan;
	struct network_needs needs;
	struct cage_sockets sockets;
	int epoll;
	uint64_t now, next_due;
	bool draining;
	struct spin spin;

	struct watch monitor, resolver, dns, dns_listener;
	bool dns_paused;
	double dns_tokens;
	uint64_t dns_filled;
	struct dns_client *dns_clients[DNS_CLIENTS_MAX];
	struct listener *listeners[NETWORK_PORTS_MAX + NETWORK_SINGLES_MAX];
	size_t listeners_n;
	bool paused; /* no connection is accepted now */
	uint64_t starved; /* until then, because there was no descriptor for one */

	struct rule *rules;
	size_t rules_n;
	struct name *names[NETWORK_NAMES_MAX], *hash[NETWORK_NAMES_MAX];
	size_t names_n;
	size_t lookups;
	struct name *lookup_queue[NETWORK_NAMES_MAX];
	size_t lookup_first, lookup_n;
	uint64_t told[REFUSED_TOLD];
	size_t told_n;
	struct asked asked[NAME_ASKS_MAX];
	uint32_t asks;

	struct connection *connections, *dead, *again;
	size_t connections_n, connections_max;
	uint64_t relayed;
	struct record_traffic traffic;

	unsigned char queue[QUEUE_SIZE];
	size_t queue_n;
	unsigned char scratch[BULK_SIZE];
};

/* ---- egress.c ---- */
/* Watch W->fd for EVENTS. -1: there is no memory for it. */
int egress_watch(struct egress *e, struct watch *w, uint32_t events);
void egress_rewatch(struct egress *e, const struct watch *w, uint32_t events);
/* Close it; its events are over. */
void egress_close(struct watch *w);
/* Be called again at DUE at the latest. */
void egress_due(struct egress *e, uint64_t due);
/* Its head is filled in. What cannot be sent at once is sent later, in order; false: there is no room. */
bool egress_report(struct egress *e, enum record_type type, union record *r);
/* Stop and go on accepting: as many connections as there may be, or records that the monitor does not take. */
void egress_accept(struct egress *e);

/* ---- egress-names.c ---- */
int names_start(struct egress *e, struct error *err);
/* Whether a rule has NAME with any port. */
bool names_allowed(const struct egress *e, const char *name);
/* The rule that allows NAME (or ADDRESS, for NULL) at PORT, or NULL. */
const struct rule *names_rule(const struct egress *e, const char *name, const struct ip_address *address, uint16_t port);
/* NAME, which is allowed, with its number; NULL: there are as many as there can be. */
struct name *names_get(struct egress *e, const char *name);
/* Its address in the cage. */
struct ip_address names_address(const struct name *name, int family);
/* The name that has ADDRESS in the cage, or NULL. */
struct name *names_at(const struct egress *e, const struct ip_address *address);
/* Told once for each name. */
void names_refused(struct egress *e, enum name_refusal why, const char *name, uint16_t port, const char *detail);
/* Resolve it, unless that is known: true. Else connection_resolved() is called for those that wait. */
bool names_look_up(struct egress *e, struct name *name);
void names_hear_resolver(struct egress *e);
void names_allow(struct egress *e, const struct record_allow_host *r);
void names_revoke(struct egress *e, uint32_t id);
/* Lookups and rules whose time is over. */
void names_tick(struct egress *e);

/* ---- egress-dns.c ---- */
void dns_hear(struct egress *e);
void dns_accept(struct egress *e);
/* FD is a connection to the resolver. */
void dns_client_new(struct egress *e, int fd);
void dns_client_hear(struct egress *e, struct dns_client *client);
void dns_answered(struct egress *e, const struct record_name_answer *r);
void dns_tick(struct egress *e);

/* ---- egress-connect.c ---- */
/* A listener at which single ADDRESS and PORT arrive; one of the sockets that are left. -1: none is left, or it cannot be bound. */
int listener_single(struct egress *e, const struct ip_address *address, uint16_t port);
bool listener_has(const struct egress *e, const struct ip_address *address, uint16_t port);
void listener_accept(struct egress *e, struct listener *l);
/* The lookup that it waited for is over. */
void connection_resolved(struct egress *e, struct connection *c);
void connection_try_event(struct egress *e, struct connection *c, struct watch *w);
/* No rule allows it any more: how many were cut. */
uint32_t connections_cut(struct egress *e);
void connection_tick(struct egress *e, struct connection *c);
/* It is over. END other than CONNECTION_CLOSED resets both sides. */
void connection_end(struct egress *e, struct connection *c, enum connection_end end, const char *detail);
void connections_bury(struct egress *e);

/* ---- egress-relay.c ---- */
void relay_event(struct egress *e, struct connection *c, int side, uint32_t events);
/* Move what can be moved, in both directions. */
void relay_pump(struct egress *e, struct connection *c);
