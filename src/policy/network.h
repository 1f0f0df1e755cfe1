/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Network by name, as numbers: what a session's list of hosts needs of sockets, and where the cage's own addresses are. cage/netns.c
 * makes them, egress uses them, and both have to count alike.
 */
#pragma once

#include "base/buf.h"
#include "base/error.h"
#include "policy/host.h"
#include "policy/policy.h"

/*
 * The addresses that names get in the cage, from RFC 2544's space for measurements, which is on no network, and a unique local
 * prefix ("mcpcage" in ASCII). The resolver has the first one of each; the others are given out once and never again.
 */
#define NETWORK_POOL_4 "198.18.0.0/15"
#define NETWORK_POOL_6 "fd6d:6370:6361:6765::/64"
#define NETWORK_RESOLVER_4 "198.18.0.1"
#define NETWORK_RESOLVER_6 "fd6d:6370:6361:6765::1"
/* Where the first name's address is; the same number in both pools. */
#define NETWORK_FIRST 256

/* Names that a session can give an address to. */
#define NETWORK_NAMES_MAX 4096
/* Hosts in a policy, and different ports in all of them together. */
#define NETWORK_HOSTS_MAX 256
#define NETWORK_PORTS_MAX 128
/* Sockets for single addresses; so many of them are for names that are not known when the session starts. */
#define NETWORK_SINGLES_MAX 512
#define NETWORK_SINGLES_SPARE 64
/* The server cannot bind to ports below it. */
#define NETWORK_PORT_FREE 1024

/*
 * One socket can listen at a port of all addresses, and then nobody else at that port of any. Where the server could not listen anyway
 * (below NETWORK_PORT_FREE), and where a range of addresses is allowed, it does; everywhere else each address has a socket of its
 * own, so that the server can have the same port of 127.0.0.1 for itself.
 */
struct network_port {
	uint16_t port;
	bool all; /* one socket for all addresses */
};

struct network_needs {
	struct host_rule *rules; /* of network.allow, in their order */
	size_t rules_n;
	struct ip_range *ranges; /* network.private */
	size_t ranges_n;
	struct network_port ports[NETWORK_PORTS_MAX]; /* sorted; HOST_PORT_DEFAULT is always among them, for rules that come later */
	size_t ports_n;
	size_t singles; /* sockets for single addresses */
};

/* Fails with ERROR_USAGE when there is more than a session can have. */
int network_needs(const struct network_names *names, struct network_needs *needs, struct error *err);
void network_needs_free(struct network_needs *needs);
const struct network_port *network_port(const struct network_needs *needs, uint16_t port);
/* Whether RULE, of the kind HOST_RANGE, allows ADDRESS: a special one only when it is named itself, or its whole range is of that kind. */
bool network_range_allows(const struct host_rule *rule, const struct ip_address *address);
