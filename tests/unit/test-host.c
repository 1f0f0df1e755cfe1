/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names, hosts and addresses as policy writes them, and what a list of them needs of sockets. */
#include "policy/host.h"
#include "policy/network.h"

#include "base/cleanup.h"
#include "tests/tap.h"

#include <arpa/inet.h>
#include <string.h>

static void names(void)
{
	static const struct {
		const char *from, *to; /* NULL: no name */
	} table[] = {
		{ "api.example.org", "api.example.org" }, { "API.Example.ORG.", "api.example.org" }, { "a", "a" },
		{ "a-b.c--d.e_f", "a-b.c--d.e_f" }, { "_dmarc.example.org", "_dmarc.example.org" },
		{ "xn--bcher-kva.example", "xn--bcher-kva.example" }, { "1.example", "1.example" }, { "3com.com", "3com.com" },
		{ "0x.example", "0x.example" }, { "a.0xg", "a.0xg" }, { "1e5", "1e5" },
		{ "", NULL }, { ".", NULL }, { "a..b", NULL }, { ".a", NULL }, { "a..", NULL }, { "-a.b", NULL }, { "a-.b", NULL },
		{ "a.-b", NULL }, { "a.b-", NULL }, { "a b", NULL }, { "a/b", NULL }, { "a\\.b", NULL }, { "a:b", NULL }, { "a%b", NULL },
		{ "b\xc3\xbc" "cher.example", NULL }, { "\xd0\xb0pi.example.org", NULL }, { "*.example.org", NULL },
		{ "1.2.3.4", NULL }, { "127.1", NULL }, { "2130706433", NULL }, { "0x7f000001", NULL }, { "0x7f.1", NULL },
		{ "0177.0.0.1", NULL }, { "example.0x1f", NULL }, { "example.0x", NULL }, { "example.123", NULL }, { "127.1.", NULL },
	};
	char name[HOST_NAME_SIZE], label[300];

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		int rc = host_name_canonical(table[i].from, strlen(table[i].from), name);
		if (table[i].to)
			ok(rc == 0 && strcmp(name, table[i].to) == 0, "\"%s\" is a name", table[i].from);
		else
			is_int(rc, -1, "\"%s\" is no name", table[i].from);
	}
	is_int(host_name_canonical("a\0b.example", 11, name), -1, "a NUL in a name");
	is_int(host_name_canonical("example.org\0", 12, name), -1, "a NUL behind a name");
	is_int(host_name_canonical("a\r\nb", 4, name), -1, "line ends in a name");
	memset(label, 'a', sizeof label);
	is_int(host_name_canonical(label, 63, name), 0, "a label of 63 bytes");
	is_int(host_name_canonical(label, 64, name), -1, "a label of 64 bytes");
	for (size_t i = 63; i < sizeof label; i += 64)
		label[i] = '.';
	is_int(host_name_canonical(label, 253, name), 0, "a name of 253 bytes");
	is_int(strlen(name), 253, "and all of it");
	label[253] = '.';
	is_int(host_name_canonical(label, 254, name), 0, "a name of 253 bytes and a dot");
	label[253] = 'a';
	is_int(host_name_canonical(label, 254, name), -1, "a name of 254 bytes");
}

static void rules(void)
{
	static const struct {
		const char *from, *to; /* NULL: refused */
	} table[] = {
		{ "api.example.org", "api.example.org:443" }, { "API.example.org.:80", "api.example.org:80" },
		{ "*.Example.org", "*.example.org:443" }, { "h.example:443,80", "h.example:80,443" },
		{ "h.example:8000-8010,8005-8020,80", "h.example:80,8000-8020" }, { "h.example:1,2,3", "h.example:1-3" },
		{ "h.example:65535", "h.example:65535" }, { "192.0.2.7", "192.0.2.7:443" }, { "192.0.2.7:5432", "192.0.2.7:5432" },
		{ "10.0.0.0/8:22", "10.0.0.0/8:22" }, { "2001:DB8::1", "[2001:db8::1]:443" }, { "[2001:db8::1]:8443", "[2001:db8::1]:8443" },
		{ "2001:db8::/32", "[2001:db8::/32]:443" }, { "[2001:db8::/32]:80", "[2001:db8::/32]:80" }, { "0.0.0.0/0", "0.0.0.0/0:443" },
		{ "127.0.0.1:8080", "127.0.0.1:8080" }, { "[::1]:8080", "[::1]:8080" },
		{ "", NULL }, { ":443", NULL }, { "*", NULL }, { "*:443", NULL }, { "*.", NULL }, { "a*.example.org", NULL },
		{ "*.*.example.org", NULL }, { "https://h.example", NULL }, { "h.example/path", NULL }, { "h.example:", NULL },
		{ "h.example:0", NULL }, { "h.example:65536", NULL }, { "h.example:080", NULL }, { "h.example:80-", NULL },
		{ "h.example:90-80", NULL }, { "h.example:80,", NULL }, { "h.example:+80", NULL }, { "h.example: 80", NULL },
		{ "h.example:1,3,5,7,9,11,13,15,17", NULL }, { "localhost", NULL }, { "localhost:80", NULL }, { "*.localhost", NULL },
		{ "a.localhost", NULL }, { "10.0.0.1/8", NULL }, { "10.0.0.0/33", NULL }, { "10.0.0.0/08", NULL }, { "10.0/8", NULL },
		{ "127.1", NULL }, { "[192.0.2.7]:80", NULL }, { "[2001:db8::1", NULL }, { "[2001:db8::1]80", NULL }, { "[h.example]:80", NULL },
		{ "2001:db8::1/32", NULL }, { "b\xc3\xbc" "cher.example", NULL }, { "h.example:99999999999999999999", NULL },
	};
	struct host_rule rule;
	struct error err;
	char text[HOST_TEXT_SIZE], again[HOST_TEXT_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		int rc = host_rule_parse(table[i].from, &rule, &err);
		if (!table[i].to) {
			ok(rc < 0 && err.what[0] && err.hint[0] && err.kind == ERROR_USAGE, "\"%s\" is refused, and why is said", table[i].from);
			continue;
		}
		is_int(rc, 0, "\"%s\" is a host", table[i].from);
		host_rule_text(&rule, text);
		is_str(text, table[i].to, "and its one spelling");
		ok(host_rule_parse(text, &rule, &err) == 0, "which is read again");
		host_rule_text(&rule, again);
		is_str(again, text, "as the same");
	}
}

static struct host_rule rule_of(const char *text)
{
	struct host_rule rule;

	if (host_rule_parse(text, &rule, NULL) < 0)
		bail_out("%s cannot be read", text);
	return rule;
}

static void matching(void)
{
	static const struct {
		const char *rule, *wide;
		bool within;
	} table[] = {
		{ "a.example.org", "a.example.org", true }, { "a.example.org", "*.example.org", true },
		{ "example.org", "*.example.org", false }, { "*.a.example.org", "*.example.org", true },
		{ "*.example.org", "*.example.org", true }, { "*.example.org", "a.example.org", false },
		{ "*.example.org", "*.a.example.org", false }, { "a.example.org:80", "a.example.org", false },
		{ "a.example.org:81", "a.example.org:80-82", true }, { "a.example.org:80-82", "a.example.org:80-81,82", true },
		{ "a.example.org:80,90", "a.example.org:80", false }, { "aexample.org", "*.example.org", false },
		{ "10.1.0.0/16", "10.0.0.0/8", true }, { "10.0.0.0/8", "10.1.0.0/16", false }, { "10.1.1.1", "10.0.0.0/8", true },
		{ "10.1.1.1", "*.example.org", false }, { "a.example.org", "0.0.0.0/0", false }, { "2001:db8::1", "2001:db8::/32", true },
		{ "10.1.1.1", "2001:db8::/32", false },
	};
	struct host_rule below = rule_of("*.example.org"), plain = rule_of("example.org:80,8000-8010");

	ok(host_rule_names(&below, "a.example.org") && host_rule_names(&below, "a.b.example.org"), "names below");
	ok(!host_rule_names(&below, "example.org") && !host_rule_names(&below, "badexample.org") &&
		   !host_rule_names(&below, "example.org.evil.org") && !host_rule_names(&below, ".example.org"), "and no others");
	ok(host_rule_names(&plain, "example.org") && !host_rule_names(&plain, "a.example.org"), "a name is itself");
	ok(host_rule_has_port(&plain, 80) && host_rule_has_port(&plain, 8000) && host_rule_has_port(&plain, 8010) &&
		   !host_rule_has_port(&plain, 79) && !host_rule_has_port(&plain, 8011) && !host_rule_has_port(&plain, 443), "ports");
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct host_rule rule = rule_of(table[i].rule), wide = rule_of(table[i].wide);
		is_int(host_rule_within(&rule, &wide), table[i].within, "%s is %swithin %s", table[i].rule, table[i].within ? "" : "not ",
		       table[i].wide);
	}
}

static void addresses(void)
{
	static const struct {
		const char *address;
		bool special;
	} table[] = {
		{ "8.8.8.8", false }, { "1.1.1.1", false }, { "93.184.216.34", false }, { "100.63.255.255", false }, { "100.128.0.0", false },
		{ "172.15.255.255", false }, { "172.32.0.0", false }, { "192.167.255.255", false }, { "223.255.255.255", false },
		{ "9.255.255.255", false }, { "11.0.0.0", false }, { "128.0.0.1", false }, { "198.17.255.255", false }, { "198.20.0.0", false },
		{ "0.0.0.0", true }, { "0.1.2.3", true }, { "10.0.0.1", true }, { "10.255.255.255", true }, { "100.64.0.1", true },
		{ "100.100.100.200", true }, { "100.127.255.255", true }, { "127.0.0.1", true }, { "127.255.255.254", true },
		{ "169.254.169.254", true }, { "169.254.0.1", true }, { "168.63.129.16", true }, { "172.16.0.1", true },
		{ "172.31.255.255", true }, { "192.0.0.1", true }, { "192.0.0.192", true }, { "192.0.2.1", true }, { "192.88.99.1", true },
		{ "192.168.1.1", true }, { "198.18.0.1", true }, { "198.19.255.255", true }, { "198.51.100.1", true }, { "203.0.113.1", true },
		{ "224.0.0.1", true }, { "239.255.255.250", true }, { "240.0.0.1", true }, { "255.255.255.255", true },
		{ "2606:4700::1111", false }, { "2001:4860:4860::8888", false }, { "2a00:1450::1", false }, { "64:ff9b::8.8.8.8", false },
		{ "2002:808:808::1", false }, { "2a00::5efe:8.8.8.8", false },
		{ "::", true }, { "::1", true }, { "::ffff:127.0.0.1", true }, { "::ffff:10.0.0.1", true }, { "::ffff:169.254.169.254", true },
		{ "::127.0.0.1", true }, { "64:ff9b::127.0.0.1", true }, { "64:ff9b::10.1.2.3", true }, { "64:ff9b::169.254.169.254", true },
		{ "64:ff9b:1::8.8.8.8", true }, { "2002:7f00:1::1", true }, { "2002:a00:1::1", true }, { "2002:a9fe:a9fe::1", true },
		{ "2001:0:808:808::1", true }, { "2001:db8::1", true }, { "2001:10::1", true }, { "3fff::1", true }, { "fc00::1", true },
		{ "fd00:ec2::254", true }, { "fdff::1", true }, { "fe80::1", true }, { "fec0::1", true }, { "ff02::1", true }, { "100::1", true },
		{ "2a00::5efe:10.0.0.1", true }, { "2a00::200:5efe:192.168.0.1", true }, { "4000::1", true }, { "5f00::1", true },
		{ "::ffff:0:127.0.0.1", true }, { "::ffff:8.8.8.8", true },
	};
	struct ip_range range;
	char text[IP_TEXT_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		if (ip_range_parse(table[i].address, &range, NULL) < 0)
			bail_out("%s cannot be read", table[i].address);
		const char *what = ip_address_special(&range.address);
		is_int(what != NULL, table[i].special, "%s is %s", table[i].address, table[i].special ? "special" : "of the internet");
	}
	ok(ip_range_parse("fd00::/8", &range, NULL) == 0 && range.bits == 8, "a range");
	ip_range_text(&range, text);
	is_str(text, "fd00::/8", "and its text");
	struct ip_address mapped = { 6, { [10] = 0xff, [11] = 0xff, 10, 0, 0, 1 } };
	ok(ip_range_parse("10.0.0.0/8", &range, NULL) == 0 && !ip_range_has(&range, &mapped), "a v4-mapped address is in no range of IPv4");
}

static struct network_names list_of(const char *const *hosts)
{
	struct network_names names = { 0 };

	for (size_t i = 0; hosts[i]; i++) {
		struct host_rule rule = rule_of(hosts[i]);
		char text[HOST_TEXT_SIZE];
		host_rule_text(&rule, text);
		if (strlist_add(&names.allow, text) < 0)
			bail_out("out of memory");
	}
	return names;
}

static void needs(void)
{
	const char *const some[] = { "a.example", "b.example:80,8000-8002", "127.0.0.1:9000", "10.1.0.0/16:9000,9001", "*.c.example:8443", NULL };
	struct network_names names = list_of(some);
	struct network_needs n;
	struct error err;

	is_int(network_needs(&names, &n, &err), 0, "what some hosts need");
	is_int(n.ports_n, 8, "ports, each once");
	ok(n.ports[0].port == 80 && n.ports[7].port == 9001, "sorted");
	ok(network_port(&n, 443)->all && network_port(&n, 80)->all, "one socket at those that the server cannot bind to");
	ok(!network_port(&n, 8000)->all && !network_port(&n, 8443)->all, "one for each address at others");
	ok(network_port(&n, 9000)->all && network_port(&n, 9001)->all, "one for all at those of a range");
	ok(!network_port(&n, 81), "no other port");
	is_int(n.singles, NETWORK_SINGLES_SPARE + 3 * 2, "sockets: two for each port of b.example, none for the address beside the range");
	network_needs_free(&n);
	network_names_free(&names);

	const char *const only[] = { "a.example:80", NULL };
	names = list_of(only);
	ok(network_needs(&names, &n, &err) == 0 && n.singles == 0 && network_port(&n, 443), "443 is always there, and nothing is spare for nothing");
	network_needs_free(&n);
	network_names_free(&names);
}

static void refused(const char *first, const char *second, const char *what)
{
	const char *const hosts[] = { first, second, NULL };
	struct network_names names = list_of(hosts);
	struct network_needs n;
	struct error err = { 0 };

	ok(network_needs(&names, &n, &err) < 0 && err.kind == ERROR_USAGE && err.what[0], "%s", what);
	network_names_free(&names);
}

static bool allows(const char *text, const char *address)
{
	struct host_rule rule = rule_of(text);
	struct ip_range at;

	return ip_range_parse(address, &at, NULL) == 0 && network_range_allows(&rule, &at.address);
}

static void limits(void)
{
	char many[64];

	refused("a.example:1024-1200", NULL, "more ports than a session can have");
	refused("a.example:1-65535", NULL, "all ports");
	refused("a.example:8000-8063", "b.example:8064-8127", "as many in two lists");
	refused("198.18.3.4", NULL, "an address of the cage's own pool");
	refused("198.18.0.0/16", NULL, "a part of it");
	refused("fd6d:6370:6361:6765::5", NULL, "one of IPv6");
	struct network_names names = { 0 };
	for (int i = 0; i <= NETWORK_HOSTS_MAX; i++) {
		snprintf(many, sizeof many, "h%d.example:443", i);
		if (strlist_add(&names.allow, many) < 0)
			bail_out("out of memory");
	}
	struct network_needs n;
	struct error err;
	ok(network_needs(&names, &n, &err) < 0, "more hosts than a session can have");
	network_names_free(&names);

	ok(allows("10.0.0.0/8", "10.1.2.3") && allows("127.0.0.1", "127.0.0.1") && allows("169.254.0.0/16", "169.254.3.4"),
	   "a special address that is named, or whose range is");
	ok(allows("0.0.0.0/0", "8.8.8.8") && !allows("0.0.0.0/0", "127.0.0.1") && !allows("0.0.0.0/0", "10.0.0.1") &&
		   !allows("2001:db8::/32", "2606::1") && !allows("::/0", "::1"),
	   "a range around it does not name it");
}

int main(void)
{
	names();
	rules();
	matching();
	addresses();
	needs();
	limits();
	return done_testing();
}
