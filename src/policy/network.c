/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a list of hosts needs. Pure; called while the plan is made, in the cage's set-up and by egress. */
#include "policy/network.h"

#include "base/cleanup.h"

#include <stdlib.h>
#include <string.h>

static int too_many(struct error *err, const char *what, size_t most)
{
	error_set(err, 0, "network.allow: more than %zu %s", most, what);
	return error_kind(err, ERROR_USAGE);
}

static bool full(const struct ip_range *range)
{
	return range->bits == (range->address.family == 4 ? 32 : 128);
}

static struct network_port *find_port(struct network_needs *needs, uint16_t port)
{
	for (size_t i = 0; i < needs->ports_n; i++)
		if (needs->ports[i].port == port)
			return &needs->ports[i];
	return NULL;
}

const struct network_port *network_port(const struct network_needs *needs, uint16_t port)
{
	for (size_t i = 0; i < needs->ports_n; i++)
		if (needs->ports[i].port == port)
			return &needs->ports[i];
	return NULL;
}

static int add_port(struct network_needs *needs, uint16_t port, bool all, struct error *err)
{
	struct network_port *have = find_port(needs, port);

	if (have) {
		have->all = have->all || all;
		return 0;
	}
	if (needs->ports_n == NETWORK_PORTS_MAX)
		return too_many(err, "different ports", NETWORK_PORTS_MAX);
	size_t at = needs->ports_n++;
	for (; at > 0 && needs->ports[at - 1].port > port; at--)
		needs->ports[at] = needs->ports[at - 1];
	needs->ports[at] = (struct network_port){ port, all || port < NETWORK_PORT_FREE };
	return 0;
}

static int add_ports(struct network_needs *needs, const struct host_rule *rule, struct error *err)
{
	bool all = rule->kind == HOST_RANGE && !full(&rule->range);

	for (size_t i = 0; i < rule->ports_n; i++) {
		if (rule->ports[i].high - rule->ports[i].low >= NETWORK_PORTS_MAX)
			return too_many(err, "different ports", NETWORK_PORTS_MAX);
		for (unsigned port = rule->ports[i].low; port <= rule->ports[i].high; port++)
			if (add_port(needs, (uint16_t)port, all, err) < 0)
				return -1;
	}
	return 0;
}

/* Sockets for the single addresses of RULE: a name has one of each family. */
static size_t singles(const struct network_needs *needs, const struct host_rule *rule)
{
	size_t n = 0;

	if (rule->kind == HOST_BELOW || (rule->kind == HOST_RANGE && !full(&rule->range)))
		return 0;
	for (size_t i = 0; i < needs->ports_n; i++)
		if (!needs->ports[i].all && host_rule_has_port(rule, needs->ports[i].port))
			n += rule->kind == HOST_NAME ? 2 : 1;
	return n;
}

/* The cage's own addresses cannot be anybody else's as well. */
static int check_own(const struct host_rule *rule, struct error *err)
{
	static const char *const own[] = { NETWORK_POOL_4, NETWORK_POOL_6 };
	char text[IP_TEXT_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(own); i++) {
		struct ip_range range;
		if (ip_range_parse(own[i], &range, err) < 0)
			return -1;
		bool wide = rule->kind == HOST_RANGE && rule->range.bits < range.bits;
		if (rule->kind != HOST_RANGE || (!ip_range_within(&rule->range, &range) && !(wide && ip_range_within(&range, &rule->range))))
			continue;
		/* A range around it is no more than one with a hole. */
		if (wide)
			continue;
		ip_range_text(&rule->range, text);
		error_set(err, 0, "network.allow: %s is in %s, where names have their addresses in the cage", text, own[i]);
		return error_kind(err, ERROR_USAGE);
	}
	return 0;
}

static int read_lists(const struct network_names *names, struct network_needs *needs, struct error *err)
{
	if (names->allow.n > NETWORK_HOSTS_MAX)
		return too_many(err, "hosts", NETWORK_HOSTS_MAX);
	needs->rules = calloc(names->allow.n + 1, sizeof *needs->rules);
	needs->ranges = calloc(names->ranges.n + 1, sizeof *needs->ranges);
	if (!needs->rules || !needs->ranges)
		return error_oom(err);
	for (; needs->rules_n < names->allow.n; needs->rules_n++)
		if (host_rule_parse(names->allow.v[needs->rules_n], &needs->rules[needs->rules_n], err) < 0)
			return -1;
	for (; needs->ranges_n < names->ranges.n; needs->ranges_n++)
		if (ip_range_parse(names->ranges.v[needs->ranges_n], &needs->ranges[needs->ranges_n], err) < 0)
			return -1;
	return 0;
}

static int count(struct network_needs *needs, struct error *err)
{
	bool high = false;

	if (add_port(needs, HOST_PORT_DEFAULT, true, err) < 0)
		return -1;
	for (size_t i = 0; i < needs->rules_n; i++)
		if (check_own(&needs->rules[i], err) < 0 || add_ports(needs, &needs->rules[i], err) < 0)
			return -1;
	for (size_t i = 0; i < needs->ports_n; i++)
		high = high || !needs->ports[i].all;
	needs->singles = high ? NETWORK_SINGLES_SPARE : 0;
	for (size_t i = 0; i < needs->rules_n; i++)
		needs->singles += singles(needs, &needs->rules[i]);
	if (needs->singles > NETWORK_SINGLES_MAX) {
		too_many(err, "sockets would be needed", NETWORK_SINGLES_MAX);
		return error_hint(err, "each name needs two for each of its ports from %d on: name fewer ports", NETWORK_PORT_FREE);
	}
	return 0;
}

int network_needs(const struct network_names *names, struct network_needs *needs, struct error *err)
{
	*needs = (struct network_needs){ 0 };
	if (read_lists(names, needs, err) == 0 && count(needs, err) == 0)
		return 0;
	network_needs_free(needs);
	return -1;
}

void network_needs_free(struct network_needs *needs)
{
	free(needs->rules);
	free(needs->ranges);
	*needs = (struct network_needs){ 0 };
}

bool network_range_allows(const struct host_rule *rule, const struct ip_address *address)
{
	const char *what = ip_address_special(address);
	struct ip_address last = rule->range.address;

	if (rule->kind != HOST_RANGE || !ip_range_has(&rule->range, address))
		return false;
	if (!what || full(&rule->range))
		return true;
	for (unsigned i = rule->range.bits; i < (last.family == 4 ? 32u : 128u); i++)
		last.bytes[i / 8] |= (uint8_t)(0x80u >> i % 8);
	const char *from = ip_address_special(&rule->range.address), *to = ip_address_special(&last);
	/* "Metadata" lies within link-local space: who names that space has named it. */
	return from && to && strcmp(from, to) == 0;
}
