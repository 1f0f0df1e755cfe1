/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The hosts that an installer may reach: those of the registries, indexes and proxies that the user's own npm, pip or uv is configured
 * with, each at its port, what policy adds (packages.hosts), and nothing else. They are read from the very values that the tool is then
 * told. No registry's name is in this program: what a tool takes by default is what that tool says.
 *
 * At which addresses they are is what this machine's name service says, special ones too: mirrors have private addresses, often under
 * the public name, and the user's own npm goes there as well. Called by fetch.c, fetch-npm.c, fetch-pip.c and fetch-uv.c.
 */
#include "session/fetch-impl.h"

#include "base/cleanup.h"
#include "policy/host.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static const char *const everywhere[] = { "0.0.0.0/0", "::/0" };

static int add_rule(struct fetch_command *command, const char *host, unsigned port, struct error *err)
{
	struct host_rule rule;
	char text[HOST_TEXT_SIZE];

	if ((size_t)snprintf(text, sizeof text, strchr(host, ':') ? "[%s]:%u" : "%s:%u", host, port) >= sizeof text)
		return error_set(err, 0, "the name is too long: %.64s...", host);
	if (host_rule_parse(text, &rule, err) < 0)
		return -1;
	if (rule.kind == HOST_BELOW || (rule.kind == HOST_RANGE && strchr(host, '/')))
		return error_set(err, 0, "no host: \"%s\"", host);
	host_rule_text(&rule, text);
	if (!strlist_has(&command->hosts, text) && strlist_add(&command->hosts, text) < 0)
		return error_oom(err);
	return 0;
}

/* HOST (N bytes, without brackets) at PORT. */
static int add_host(struct fetch_command *command, const char *host, size_t n, unsigned port, struct error *err)
{
	CLEANUP_FREE char *name = strndup(host, n);

	if (!name)
		return error_oom(err);
	/* In the cage it is the cage; an address of it is led outside. */
	if (strcasecmp(name, "localhost") == 0 || strcasecmp(name, "localhost.") == 0)
		return add_rule(command, "127.0.0.1", port, err) < 0 ? -1 : add_rule(command, "::1", port, err);
	return add_rule(command, name, port, err);
}

static bool ends_host(char c)
{
	return c == '\0' || strchr("/:?#\\,;\"'<>[](){}| \t\r\n", c) != NULL;
}

/* From behind "://" (or, for a proxy, from the start): [user@]host[:port]. */
static int add_authority(struct fetch_command *command, const char *at, const char *end, unsigned port, struct error *err)
{
	const char *slash = at, *user = NULL;

	for (; slash < end && (*slash == '@' || *slash == ':' || *slash == '[' || *slash == ']' || !ends_host(*slash)); slash++)
		if (*slash == '@')
			user = slash;
	at = user ? user + 1 : at;
	const char *host = at, *stop = at;
	if (at < end && *at == '[') {
		host = at + 1;
		stop = memchr(host, ']', (size_t)(end - host));
		if (!stop)
			return error_set(err, 0, "an address without \"]\"");
		at = stop + 1;
	} else {
		while (stop < end && !ends_host(*stop))
			stop++;
		at = stop;
	}
	if (at < end && *at == ':') {
		unsigned number = 0;
		const char *p = at + 1;
		for (; p < end && isdigit((unsigned char)*p) && number < 65536; p++)
			number = number * 10 + (unsigned)(*p - '0');
		if (p > at + 1)
			port = number;
	}
	return stop == host ? 0 : add_host(command, host, (size_t)(stop - host), port, err);
}

/* The port of the scheme that ends before AT, 0: it is none of the net's. */
static unsigned port_of(const char *start, const char *at)
{
	static const struct {
		const char *scheme;
		unsigned port;
	} known[] = { { "https", 443 }, { "http", 80 }, { "socks5", 1080 }, { "socks5h", 1080 }, { "socks4", 1080 }, { "socks4a", 1080 } };
	const char *p = at;

	while (p > start && (isalnum((unsigned char)p[-1]) || p[-1] == '.'))
		p--;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (strlen(known[i].scheme) == (size_t)(at - p) && strncasecmp(known[i].scheme, p, (size_t)(at - p)) == 0)
			return known[i].port;
	return 0;
}

int fetch_add_hosts(struct fetch_command *command, const char *where, struct span text, struct error *err)
{
	const char *end = text.p + text.n;

	for (const char *at = text.p; at && (at = memmem(at, (size_t)(end - at), "://", 3)); at += 3) {
		unsigned port = port_of(text.p, at);
		if (port > 0 && add_authority(command, at + 3, end, port, err) < 0)
			return error_prefix(err, "%s", where);
	}
	return 0;
}

int fetch_add_proxy(struct fetching *f, struct fetch_command *command, const char *where, const char *value, struct error *err)
{
	size_t before = command->hosts.n;
	const char *end = value + strlen(value);

	if (strstr(value, "://")) {
		if (fetch_add_hosts(command, where, span_of(value), err) < 0)
			return -1;
	} else if (add_authority(command, value, end, 80, err) < 0) {
		return error_prefix(err, "%s", where);
	}
	/* Named in two ways, it is one. */
	for (size_t i = before; i < command->hosts.n; i++) {
		if (strlist_has(&f->proxies_told, command->hosts.v[i]))
			continue;
		if (strlist_add(&f->proxies_told, command->hosts.v[i]) < 0)
			return error_oom(err);
		log_line(f->fetch->log, "%s goes through the proxy %s (%s), and reaches what that lets it reach", f->tool,
			 command->hosts.v[i], where);
	}
	return 0;
}

int fetch_use_hosts(const struct fetching *f, const struct fetch_command *command, struct policy *policy, struct error *err)
{
	const struct strlist *more = &f->fetch->policy->packages_hosts;
	struct network_names *names = &policy->names;

	strlist_free(&names->allow);
	strlist_free(&names->ranges);
	if (strlist_copy(&names->allow, &command->hosts) < 0)
		return error_oom(err);
	/* A command without a registry, and one whose registry is a folder, has no network at all. */
	for (size_t i = 0; command->hosts.n > 0 && i < more->n; i++)
		if (!strlist_has(&names->allow, more->v[i]) && strlist_add(&names->allow, more->v[i]) < 0)
			return error_oom(err);
	for (size_t i = 0; command->hosts.n > 0 && i < ARRAY_SIZE(everywhere); i++)
		if (strlist_add(&names->ranges, everywhere[i]) < 0)
			return error_oom(err);
	policy->network = names->allow.n > 0 ? NETWORK_NAMES : NETWORK_NONE;
	return 0;
}
