/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Addresses and ranges of them, and which of them belong to nobody on the internet: IANA's registries of special-purpose addresses
 * (RFC 6890) for IPv4 and IPv6, multicast, and the addresses at which clouds serve credentials to their machines. For IPv6 it is the
 * other way round as well: what is outside 2000::/3 is not the internet's.
 */
#include "policy/host.h"

#include "base/cleanup.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static size_t length(const struct ip_address *a)
{
	return a->family == 4 ? 4 : 16;
}

/* Whether the first BITS of A and B are the same. */
static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;

	if (memcmp(a, b, whole) != 0)
		return false;
	return rest == 0 || ((a[whole] ^ b[whole]) & (0xff00u >> rest) & 0xff) == 0;
}

bool ip_range_has(const struct ip_range *range, const struct ip_address *address)
{
	return range->address.family == address->family && same_bits(range->address.bytes, address->bytes, range->bits);
}

bool ip_range_within(const struct ip_range *range, const struct ip_range *wide)
{
	return range->bits >= wide->bits && ip_range_has(wide, &range->address);
}

static int usage(struct error *err, const char *what, const char *text, const char *hint)
{
	error_set(err, 0, "%s: \"%.64s\"", what, text);
	error_hint(err, "%s", hint);
	return error_kind(err, ERROR_USAGE);
}

int ip_range_parse(const char *text, struct ip_range *range, struct error *err)
{
	static const char hint[] = "write an address such as 192.0.2.7 or 2001:db8::1, or a range such as 192.0.2.0/24";
	char address[IP_TEXT_SIZE];
	const char *slash = strchr(text, '/');
	size_t n = slash ? (size_t)(slash - text) : strlen(text);
	unsigned bits = 0;

	*range = (struct ip_range){ 0 };
	if (n == 0 || n >= sizeof address)
		return usage(err, "no address", text, hint);
	memcpy(address, text, n);
	address[n] = '\0';
	/* Four decimal numbers: the shorter ways to write an IPv4 address, and octal ones, are refused. */
	if (inet_pton(AF_INET, address, range->address.bytes) == 1)
		range->address.family = 4;
	else if (inet_pton(AF_INET6, address, range->address.bytes) == 1)
		range->address.family = 6;
	else
		return usage(err, "no address", text, hint);
	unsigned most = (unsigned)length(&range->address) * 8;
	if (!slash) {
		range->bits = (uint8_t)most;
		return 0;
	}
	const char *p = slash + 1;
	for (; *p >= '0' && *p <= '9' && bits <= most; p++)
		bits = bits * 10 + (unsigned)(*p - '0');
	if (p == slash + 1 || *p || bits > most || (slash[1] == '0' && slash[2]))
		return usage(err, "no range of addresses", text, hint);
	for (unsigned i = bits; i < most; i++)
		if (range->address.bytes[i / 8] & (0x80u >> i % 8))
			return usage(err, "a range that does not start where its prefix says", text,
				     "the bits behind the prefix are zero: 192.0.2.0/24");
	range->bits = (uint8_t)bits;
	return 0;
}

void ip_address_text(const struct ip_address *address, char text[IP_TEXT_SIZE])
{
	text[0] = '\0';
	(void)inet_ntop(address->family == 4 ? AF_INET : AF_INET6, address->bytes, text, IP_TEXT_SIZE);
}

void ip_range_text(const struct ip_range *range, char text[IP_TEXT_SIZE])
{
	ip_address_text(&range->address, text);
	size_t n = strlen(text);
	if (range->bits < length(&range->address) * 8)
		snprintf(text + n, IP_TEXT_SIZE - n, "/%u", range->bits);
}

struct special {
	uint8_t bytes[16];
	uint8_t bits;
	const char *what;
};

static const struct special special_4[] = {
	{ { 169, 254, 169, 254 }, 32, "a cloud's metadata service" },
	{ { 169, 254, 170, 2 }, 32, "a cloud's metadata service" },
	{ { 168, 63, 129, 16 }, 32, "a cloud's metadata service" },
	{ { 100, 100, 100, 200 }, 32, "a cloud's metadata service" },
	{ { 192, 0, 0, 192 }, 32, "a cloud's metadata service" },
	{ { 0 }, 8, "this machine" },
	{ { 10 }, 8, "private" },
	{ { 100, 64 }, 10, "a provider's shared space" },
	{ { 127 }, 8, "this machine" },
	{ { 169, 254 }, 16, "link-local" },
	{ { 172, 16 }, 12, "private" },
	{ { 192, 0, 0 }, 24, "reserved for protocols" },
	{ { 192, 0, 2 }, 24, "for documentation" },
	{ { 192, 88, 99 }, 24, "a 6to4 relay" },
	{ { 192, 168 }, 16, "private" },
	{ { 198, 18 }, 15, "for measurements" },
	{ { 198, 51, 100 }, 24, "for documentation" },
	{ { 203, 0, 113 }, 24, "for documentation" },
	{ { 224 }, 4, "multicast" },
	{ { 240 }, 4, "reserved" },
};

static const struct special special_6[] = {
	{ { 0 }, 128, "this machine" },
	{ { [15] = 1 }, 128, "this machine" },
	{ { 0xfd, 0, 0x0e, 0xc2, [15] = 0x54, [14] = 0x02 }, 128, "a cloud's metadata service" },
	{ { 0, 0x64, 0xff, 0x9b, 0, 1 }, 48, "a local NAT64" },
	{ { 0x20, 0x01, 0, 0 }, 32, "a Teredo tunnel" },
	{ { 0x20, 0x01, 0x0d, 0xb8 }, 32, "for documentation" },
	{ { 0x20, 0x01 }, 23, "reserved for protocols" },
	{ { 0x3f, 0xff }, 20, "for documentation" },
	{ { 0xfc }, 7, "private" },
	{ { 0xfe, 0x80 }, 10, "link-local" },
	{ { 0xfe, 0xc0 }, 10, "site-local" },
	{ { 0xff }, 8, "multicast" },
};

static const char *find(const struct special *table, size_t n, const uint8_t *bytes)
{
	for (size_t i = 0; i < n; i++)
		if (same_bits(table[i].bytes, bytes, table[i].bits))
			return table[i].what;
	return NULL;
}

static const char *special_v4(const uint8_t bytes[4])
{
	return find(special_4, ARRAY_SIZE(special_4), bytes);
}

/* Where in an IPv6 address an IPv4 address is that packets end up at, or NULL. */
static const uint8_t *carried(const uint8_t b[16])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff }, compatible[12] = { 0 };
	static const uint8_t nat64[12] = { 0, 0x64, 0xff, 0x9b };

	if (same_bits(b, mapped, 96) || same_bits(b, compatible, 96) || same_bits(b, nat64, 96))
		return b + 12;
	if (b[0] == 0x20 && b[1] == 0x02) /* 6to4 */
		return b + 2;
	if ((b[8] & 0xfd) == 0 && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe) /* ISATAP */
		return b + 12;
	return NULL;
}

const char *ip_address_special(const struct ip_address *address)
{
	const uint8_t *b = address->bytes;
	static const uint8_t nat64[12] = { 0, 0x64, 0xff, 0x9b };

	if (address->family == 4)
		return special_v4(b);
	const char *what = find(special_6, ARRAY_SIZE(special_6), b);
	const uint8_t *inner = what ? NULL : carried(b);
	if (inner && !what)
		what = special_v4(inner);
	if (what)
		return what;
	/* Global unicast, and the one prefix of NAT64 that is the internet's. */
	return (b[0] & 0xe0) == 0x20 || same_bits(b, nat64, 96) ? NULL : "reserved";
}
