/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Hosts that a server may reach, as policy names them: "api.example.org", "*.example.org", "192.0.2.7", "[2001:db8::1]:8443",
 * "10.1.0.0/16:5432", each with ports (443 unless it says so). And addresses: which of them are nobody's to reach
 * unless policy names them. Pure functions over bytes, a fuzz target.
 *
 * A name is canonicalised here and nowhere else; the same bytes are then matched, resolved and logged.
 */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* With its NUL. A name has at most 253 bytes without the last dot (RFC 1035, 2.3.4). */
#define HOST_NAME_SIZE 254
/* A rule as text, with its NUL: a name and eight ranges of ports. */
#define HOST_TEXT_SIZE 352
#define HOST_RANGES_MAX 8
#define HOST_PORT_DEFAULT 443

/* An address: 4 bytes for AF_INET, 16 for AF_INET6. */
struct ip_address {
	uint8_t family; /* 4 or 6 */
	uint8_t bytes[16];
};

struct ip_range {
	struct ip_address address; /* with zeroes behind `bits` */
	uint8_t bits;
};

enum host_kind {
	HOST_NAME,  /* this name */
	HOST_BELOW, /* every name below it, not itself: "*.example.org" has the name "example.org" */
	HOST_RANGE, /* addresses: one, or a range in CIDR notation */
};

struct port_range {
	uint16_t low, high;
};

struct host_rule {
	enum host_kind kind;
	char name[HOST_NAME_SIZE]; /* canonical; "" for HOST_RANGE */
	struct ip_range range;
	struct port_range ports[HOST_RANGES_MAX]; /* sorted, without overlaps */
	size_t ports_n;
};

/*
 * The canonical form of N bytes: lower case, without the last dot. -1 for what is no name: empty or overlong labels, bytes other
 * than letters, digits, "-" and "_", a "-" at either end of a label, a NUL, or a last label that makes it a way to write an address
 * ("127.1", "0x7f000001").
 */
int host_name_canonical(const char *bytes, size_t n, char name[HOST_NAME_SIZE]);

int host_rule_parse(const char *text, struct host_rule *rule, struct error *err);
/* The one spelling of a rule; host_rule_parse() reads it again. */
void host_rule_text(const struct host_rule *rule, char text[HOST_TEXT_SIZE]);
/* NAME is canonical. */
bool host_rule_names(const struct host_rule *rule, const char *name);
bool host_rule_has_port(const struct host_rule *rule, uint16_t port);
/* Whether RULE allows nothing that WIDE does not. */
bool host_rule_within(const struct host_rule *rule, const struct host_rule *wide);

/* "10.0.0.0/8", "fd00::/8"; an address alone is a range of one. Bits behind the prefix are refused. */
int ip_range_parse(const char *text, struct ip_range *range, struct error *err);
#define IP_TEXT_SIZE 64
void ip_range_text(const struct ip_range *range, char text[IP_TEXT_SIZE]);
void ip_address_text(const struct ip_address *address, char text[IP_TEXT_SIZE]);
bool ip_range_has(const struct ip_range *range, const struct ip_address *address);
bool ip_range_within(const struct ip_range *range, const struct ip_range *wide);

/*
 * Why a name that resolves to ADDRESS is not followed there ("private", "loopback", ...), or NULL when it is an ordinary address of
 * the internet. An address that carries an IPv4 address (v4-mapped, v4-compatible, NAT64, 6to4, Teredo, ISATAP) is what that one is.
 */
const char *ip_address_special(const struct ip_address *address);
