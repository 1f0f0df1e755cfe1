/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Names and rules. Strict: one spelling for one meaning. A name is read as DNS and the resolvers of the C library would read it, and what
 * any of them could take for an address is no name: RFC 1035 (2.3.1, 2.3.4), RFC 1123 (2.1), RFC 5890 (2.3.1), and the WHATWG's rule for
 * hosts that end in a number. Letters outside ASCII are refused rather than converted, because two programs convert them differently;
 * the "xn--" form is a name like any other. "_" is let through: names of storage buckets and of Windows machines have it.
 */
#include "policy/host.h"

#include "base/cleanup.h"
#include "base/sort.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LABEL_MAX 63

static bool is_label_byte(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* inet_aton(3) reads "127.1", "017700000001" and "0x7f000001"; all of them end in a number. */
static bool is_number(const char *label, size_t n)
{
	bool hex = n >= 2 && label[0] == '0' && label[1] == 'x';

	for (size_t i = hex ? 2 : 0; i < n; i++)
		if (!(hex ? isxdigit((unsigned char)label[i]) : isdigit((unsigned char)label[i])))
			return false;
	return true;
}

int host_name_canonical(const char *bytes, size_t n, char name[HOST_NAME_SIZE])
{
	size_t label = 0;

	if (n > 0 && bytes[n - 1] == '.')
		n--;
	if (n == 0 || n >= HOST_NAME_SIZE)
		return -1;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)bytes[i];
		if (c >= 'A' && c <= 'Z')
			c = (unsigned char)(c - 'A' + 'a');
		name[i] = (char)c;
		if (c != '.') {
			if (!is_label_byte(c) || i - label >= LABEL_MAX)
				return -1;
			continue;
		}
		if (i == label || name[label] == '-' || name[i - 1] == '-')
			return -1;
		label = i + 1;
	}
	if (label == n || name[label] == '-' || name[n - 1] == '-' || is_number(name + label, n - label))
		return -1;
	name[n] = '\0';
	return 0;
}

static int usage(struct error *err, const char *what, const char *text, const char *hint)
{
	error_set(err, 0, "%s: \"%.256s\"", what, text);
	error_hint(err, "%s", hint);
	return error_kind(err, ERROR_USAGE);
}

/* ---- ports --------------------------------------------------------------------------------------- */

static int parse_port(const char **at, uint16_t *port)
{
	unsigned number = 0;
	const char *p = *at;

	for (; isdigit((unsigned char)*p) && number <= UINT16_MAX; p++)
		number = number * 10 + (unsigned)(*p - '0');
	if (p == *at || **at == '0' || number == 0 || number > UINT16_MAX)
		return -1;
	*at = p;
	*port = (uint16_t)number;
	return 0;
}

static int compare_ranges(const void *a, const void *b, void *context)
{
	const struct port_range *x = a, *y = b;

	(void)context;
	return x->low < y->low ? -1 : x->low > y->low;
}

/* Sorted and without overlaps, so that a rule has one spelling. */
static void tidy_ports(struct host_rule *rule)
{
	size_t kept = 0;

	sort_in_place(rule->ports, rule->ports_n, sizeof rule->ports[0], compare_ranges, NULL);
	for (size_t i = 1; i < rule->ports_n; i++) {
		struct port_range *last = &rule->ports[kept], next = rule->ports[i];
		if (next.low <= (unsigned)last->high + 1)
			last->high = next.high > last->high ? next.high : last->high;
		else
			rule->ports[++kept] = next;
	}
	rule->ports_n = kept + 1;
}

static int parse_ports(const char *text, struct host_rule *rule, const char *whole, struct error *err)
{
	static const char hint[] = "ports are written like 443, or 80,443, or 8000-8010";
	const char *p = text;

	rule->ports_n = 0;
	for (;;) {
		struct port_range range;
		if (parse_port(&p, &range.low) < 0)
			return usage(err, "no port", whole, hint);
		range.high = range.low;
		if (*p == '-') {
			p++;
			if (parse_port(&p, &range.high) < 0 || range.high < range.low)
				return usage(err, "no range of ports", whole, hint);
		}
		if (rule->ports_n == HOST_RANGES_MAX)
			return usage(err, "too many ports", whole, "name eight ports, or ranges of them, at most");
		rule->ports[rule->ports_n++] = range;
		if (*p == '\0')
			break;
		if (*p++ != ',')
			return usage(err, "no port", whole, hint);
	}
	tidy_ports(rule);
	return 0;
}

/* ---- rules --------------------------------------------------------------------------------------- */

static int bad_name(const char *host, const char *whole, struct error *err)
{
	for (const char *p = host; *p; p++)
		if ((unsigned char)*p >= 0x80)
			return usage(err, "a name with letters outside ASCII", whole, "write it as DNS has it, each such label as \"xn--...\"");
	if (strstr(host, "://") || strchr(host, '/'))
		return usage(err, "no host", whole, "name the host alone, without \"https://\" and without a path");
	if (strcmp(host, "*") == 0)
		return usage(err, "no host", whole, "\"*.example.org\" stands for the names below example.org; there is no way to name all hosts");
	return usage(err, "no host", whole,
		     "write a name, \"*.\" and a name, an address, or a range of addresses such as 192.0.2.0/24");
}

/* "localhost" is the cage's own, in every cage and without DNS. */
static bool is_localhost(const char *name)
{
	static const char last[] = "localhost";
	size_t n = strlen(name), k = sizeof last - 1;

	return n >= k && strcmp(name + n - k, last) == 0 && (n == k || name[n - k - 1] == '.');
}

static int parse_host(const char *host, const char *whole, struct host_rule *rule, struct error *err)
{
	if (ip_range_parse(host, &rule->range, NULL) == 0) {
		rule->kind = HOST_RANGE;
		return 0;
	}
	/* What is meant as an address gets the message that is about addresses. */
	if (host[0] && host[strspn(host, "0123456789./")] == '\0')
		return ip_range_parse(host, &rule->range, err);
	bool below = host[0] == '*' && host[1] == '.';
	rule->kind = below ? HOST_BELOW : HOST_NAME;
	if (host_name_canonical(below ? host + 2 : host, strlen(host) - (below ? 2 : 0), rule->name) < 0)
		return bad_name(host, whole, err);
	if (is_localhost(rule->name))
		return usage(err, "this is the cage itself", whole, "for a service of this machine write its address: 127.0.0.1:PORT");
	return 0;
}

int host_rule_parse(const char *text, struct host_rule *rule, struct error *err)
{
	const char *colon = strchr(text, ':'), *ports = NULL;
	CLEANUP_FREE char *host = NULL;

	*rule = (struct host_rule){ .ports = { { HOST_PORT_DEFAULT, HOST_PORT_DEFAULT } }, .ports_n = 1 };
	if (strstr(text, "://"))
		return bad_name(text, text, err);
	if (text[0] == '[') {
		const char *close = strchr(text, ']');
		if (!close || (close[1] != '\0' && close[1] != ':'))
			return usage(err, "no host", text, "an IPv6 address with a port is written like [2001:db8::1]:443");
		host = strndup(text + 1, (size_t)(close - text - 1));
		ports = close[1] == ':' ? close + 2 : NULL;
		if (host && (!strchr(host, ':') || ip_range_parse(host, &rule->range, NULL) < 0))
			return usage(err, "no IPv6 address", text, "an IPv6 address with a port is written like [2001:db8::1]:443");
	} else if (colon && strchr(colon + 1, ':')) {
		host = strdup(text); /* an IPv6 address without ports */
	} else {
		host = colon ? strndup(text, (size_t)(colon - text)) : strdup(text);
		ports = colon ? colon + 1 : NULL;
	}
	if (!host)
		return error_oom(err);
	if (parse_host(host, text, rule, err) < 0)
		return -1;
	return ports ? parse_ports(ports, rule, text, err) : 0;
}

void host_rule_text(const struct host_rule *rule, char text[HOST_TEXT_SIZE])
{
	char range[IP_TEXT_SIZE] = "";
	bool six = rule->kind == HOST_RANGE && rule->range.address.family == 6;

	if (rule->kind == HOST_RANGE)
		ip_range_text(&rule->range, range);
	int n = snprintf(text, HOST_TEXT_SIZE, "%s%s%s%s", six ? "[" : rule->kind == HOST_BELOW ? "*." : "", rule->name, range,
			 six ? "]" : "");
	for (size_t i = 0; i < rule->ports_n && n > 0 && n < HOST_TEXT_SIZE; i++) {
		const struct port_range *p = &rule->ports[i];
		n += snprintf(text + n, HOST_TEXT_SIZE - (size_t)n, "%c%u", i == 0 ? ':' : ',', p->low);
		if (p->high > p->low && n < HOST_TEXT_SIZE)
			n += snprintf(text + n, HOST_TEXT_SIZE - (size_t)n, "-%u", p->high);
	}
}

static bool is_below(const char *name, const char *above)
{
	size_t n = strlen(name), k = strlen(above);

	return n > k + 1 && name[n - k - 1] == '.' && strcmp(name + n - k, above) == 0;
}

bool host_rule_names(const struct host_rule *rule, const char *name)
{
	switch (rule->kind) {
	case HOST_NAME:
		return strcmp(rule->name, name) == 0;
	case HOST_BELOW:
		return is_below(name, rule->name);
	case HOST_RANGE:
		break;
	}
	return false;
}

bool host_rule_has_port(const struct host_rule *rule, uint16_t port)
{
	for (size_t i = 0; i < rule->ports_n; i++)
		if (port >= rule->ports[i].low && port <= rule->ports[i].high)
			return true;
	return false;
}

static bool ports_within(const struct host_rule *rule, const struct host_rule *wide)
{
	for (size_t i = 0; i < rule->ports_n; i++) {
		bool found = false;
		for (size_t k = 0; k < wide->ports_n && !found; k++)
			found = rule->ports[i].low >= wide->ports[k].low && rule->ports[i].high <= wide->ports[k].high;
		if (!found)
			return false;
	}
	return true;
}

bool host_rule_within(const struct host_rule *rule, const struct host_rule *wide)
{
	if (!ports_within(rule, wide))
		return false;
	switch (rule->kind) {
	case HOST_NAME:
		return host_rule_names(wide, rule->name);
	case HOST_BELOW:
		return wide->kind == HOST_BELOW && (strcmp(rule->name, wide->name) == 0 || is_below(rule->name, wide->name));
	case HOST_RANGE:
		return wide->kind == HOST_RANGE && ip_range_within(&rule->range, &wide->range);
	}
	return false;
}
