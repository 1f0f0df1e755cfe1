/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Formats of the net: RFC 1123 and 5890 (host names), 5321 and 6531 (e-mail), 2673 and 4291 (addresses), 3986
 * and 3987 (URIs and IRIs), 6570 (templates).
 */
#include "rpc/schema-format.h"

#include <arpa/inet.h>

uint32_t format_character(struct span text, size_t *at)
{
	uint32_t c = (unsigned char)text.p[(*at)++];
	int more = c < 0x80 ? 0 : c < 0xc0 ? -1 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;

	if (more < 0)
		return UINT32_MAX;
	if (more > 0)
		c &= 0x3fu >> more;
	for (; more > 0; more--) {
		if (*at >= text.n || ((unsigned char)text.p[*at] & 0xc0) != 0x80)
			return UINT32_MAX;
		c = c << 6 | ((unsigned char)text.p[(*at)++] & 0x3fu);
	}
	return c;
}

/* ---- addresses -------------------------------------------------------------------------------- */

static bool address(struct span text, int family)
{
	char copy[64];
	unsigned char out[16];

	if (text.n == 0 || text.n >= sizeof copy || memchr(text.p, '\0', text.n))
		return false;
	memcpy(copy, text.p, text.n);
	copy[text.n] = '\0';
	return inet_pton(family, copy, out) == 1;
}

bool format_ipv4(struct span text)
{
	return address(text, AF_INET);
}

bool format_ipv6(struct span text)
{
	return address(text, AF_INET6);
}

/* ---- e-mail ----------------------------------------------------------------------------------- */

static bool is_atom(unsigned char c, bool wide)
{
	return format_letter((char)c) || format_digit((char)c) || (c > 0x20 && c < 0x7f && strchr("!#$%&'*+-/=?^_`{|}~", c)) ||
	       (wide && c >= 0x80);
}

static bool dot_string(struct span text, bool wide)
{
	bool atom = false;

	for (size_t i = 0; i < text.n; i++) {
		bool dot = text.p[i] == '.';
		if (dot ? !atom : !is_atom((unsigned char)text.p[i], wide))
			return false;
		atom = !dot;
	}
	return atom;
}

/* Between the quotes. */
static bool quoted_string(struct span text, bool wide)
{
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];
		if (c == '\\') {
			if (++i == text.n || (unsigned char)text.p[i] < 0x20 || (unsigned char)text.p[i] > 0x7e)
				return false;
		} else if (c < 0x20 || c == 0x7f || c == '"' || (c >= 0x80 && !wide)) {
			return false;
		}
	}
	return true;
}

static bool mailbox(struct span text, bool wide)
{
	size_t at = text.n;

	while (at > 0 && text.p[at - 1] != '@')
		at--;
	if (at < 2)
		return false;
	struct span local = { text.p, at - 1 }, domain = { text.p + at, text.n - at };
	bool quoted = local.n >= 2 && local.p[0] == '"' && local.p[local.n - 1] == '"';
	if (quoted ? !quoted_string((struct span){ local.p + 1, local.n - 2 }, wide) : !dot_string(local, wide))
		return false;
	if (domain.n > 2 && domain.p[0] == '[' && domain.p[domain.n - 1] == ']') {
		domain.p++;
		domain.n -= 2;
		if (domain.n > 5 && memcmp(domain.p, "IPv6:", 5) == 0)
			return format_ipv6((struct span){ domain.p + 5, domain.n - 5 });
		return format_ipv4(domain);
	}
	return wide ? format_idn_hostname(domain) : format_hostname(domain);
}

bool format_email(struct span text)
{
	return mailbox(text, false);
}

bool format_idn_email(struct span text)
{
	return mailbox(text, true);
}

/* ---- URIs ------------------------------------------------------------------------------------- */

static bool is_ucs(uint32_t c, bool private)
{
	if ((c >= 0xa0 && c <= 0xd7ff) || (c >= 0xf900 && c <= 0xfdcf) || (c >= 0xfdf0 && c <= 0xffef))
		return true;
	if (c >= 0x10000 && c <= 0xefffd && (c & 0xffff) <= 0xfffd)
		return true;
	return private && ((c >= 0xe000 && c <= 0xf8ff) || (c >= 0xf0000 && (c & 0xffff) <= 0xfffd));
}

/* Unreserved, sub-delims, escapes, and EXTRA; with WIDE also what an IRI has. */
static bool characters(struct span text, const char *extra, bool wide, bool private)
{
	for (size_t i = 0; i < text.n;) {
		char c = text.p[i];
		if (c == '%') {
			if (i + 2 >= text.n || !format_hex(text.p[i + 1]) || !format_hex(text.p[i + 2]))
				return false;
			i += 3;
			continue;
		}
		if ((unsigned char)c >= 0x80) {
			if (!wide || !is_ucs(format_character(text, &i), private))
				return false;
			continue;
		}
		if (!c || (!format_letter(c) && !format_digit(c) && !strchr("-._~!$&'()*+,;=", c) && !strchr(extra, c)))
			return false;
		i++;
	}
	return true;
}

static bool ip_literal(struct span text)
{
	if (text.n > 0 && (text.p[0] == 'v' || text.p[0] == 'V')) {
		size_t i = 1;
		while (i < text.n && format_hex(text.p[i]))
			i++;
		struct span rest = { text.p + i, text.n - i };
		return i > 1 && rest.n > 1 && rest.p[0] == '.' && !memchr(rest.p, '%', rest.n) &&
		       characters((struct span){ rest.p + 1, rest.n - 1 }, ":", false, false);
	}
	return format_ipv6(text);
}

static bool uri_authority(struct span text, bool wide)
{
	const char *user = text.n ? memchr(text.p, '@', text.n) : NULL;

	if (user) {
		struct span info = { text.p, (size_t)(user - text.p) };
		if (!characters(info, ":", wide, false))
			return false;
		text.n -= info.n + 1;
		text.p = user + 1;
	}
	size_t end = text.n;
	while (end > 0 && format_digit(text.p[end - 1]))
		end--;
	if (end > 0 && text.p[end - 1] == ':')
		text.n = end - 1;
	if (text.n > 1 && text.p[0] == '[')
		return text.p[text.n - 1] == ']' && ip_literal((struct span){ text.p + 1, text.n - 2 });
	return characters(text, "", wide, false);
}

static size_t scheme_length(struct span text)
{
	size_t n = 0;

	while (n < text.n && (format_letter(text.p[n]) || (n > 0 && (format_digit(text.p[n]) || text.p[n] == '+' ||
								      text.p[n] == '-' || text.p[n] == '.'))))
		n++;
	return n > 0 && n < text.n && text.p[n] == ':' ? n : 0;
}

static bool reference(struct span text, bool absolute, bool wide)
{
	size_t scheme = scheme_length(text), n = 0;

	if (scheme > 0) {
		text.p += scheme + 1;
		text.n -= scheme + 1;
	} else if (absolute) {
		return false;
	}
	if (text.n >= 2 && text.p[0] == '/' && text.p[1] == '/') {
		for (n = 2; n < text.n && !strchr("/?#", text.p[n] ? text.p[n] : '.');)
			n++;
		if (!uri_authority((struct span){ text.p + 2, n - 2 }, wide))
			return false;
		text.p += n;
		text.n -= n;
	} else if (scheme == 0) {
		/* The first segment of a relative path has no colon. */
		for (n = 0; n < text.n && !strchr("/?#:", text.p[n] ? text.p[n] : '.');)
			n++;
		if (n < text.n && text.p[n] == ':')
			return false;
	}
	for (n = 0; n < text.n && text.p[n] != '?' && text.p[n] != '#';)
		n++;
	if (!characters((struct span){ text.p, n }, ":@/", wide, false))
		return false;
	text.p += n;
	text.n -= n;
	if (text.n > 0 && text.p[0] == '?') {
		for (n = 1; n < text.n && text.p[n] != '#';)
			n++;
		if (!characters((struct span){ text.p + 1, n - 1 }, ":@/?", wide, true))
			return false;
		text.p += n;
		text.n -= n;
	}
	return text.n == 0 || characters((struct span){ text.p + 1, text.n - 1 }, ":@/?", wide, false);
}

bool format_uri(struct span text)
{
	return reference(text, true, false);
}

bool format_uri_reference(struct span text)
{
	return reference(text, false, false);
}

bool format_iri(struct span text)
{
	return reference(text, true, true);
}

bool format_iri_reference(struct span text)
{
	return reference(text, false, true);
}

/* ---- templates -------------------------------------------------------------------------------- */

static size_t variable_name(struct span text)
{
	size_t n = 0;
	bool dot = true;

	while (n < text.n) {
		char c = text.p[n];
		if (c == '.') {
			if (dot)
				return 0;
			dot = true;
			n++;
			continue;
		}
		if (c == '%') {
			if (n + 2 >= text.n || !format_hex(text.p[n + 1]) || !format_hex(text.p[n + 2]))
				return 0;
			n += 3;
		} else if (format_letter(c) || format_digit(c) || c == '_') {
			n++;
		} else {
			break;
		}
		dot = false;
	}
	return dot ? 0 : n;
}

/* Between the braces. */
static bool expression(struct span text)
{
	if (text.n > 0 && text.p[0] && strchr("+#./;?&=,!@|", text.p[0])) {
		text.p++;
		text.n--;
	}
	for (;;) {
		size_t n = variable_name(text), start;
		if (n == 0)
			return false;
		if (n < text.n && text.p[n] == '*') {
			n++;
		} else if (n < text.n && text.p[n] == ':') {
			for (start = ++n; n < text.n && format_digit(text.p[n]) && n - start < 4;)
				n++;
			if (n == start || text.p[start] == '0')
				return false;
		}
		if (n == text.n)
			return true;
		if (text.p[n] != ',')
			return false;
		text.p += n + 1;
		text.n -= n + 1;
	}
}

bool format_uri_template(struct span text)
{
	for (size_t i = 0; i < text.n;) {
		unsigned char c = (unsigned char)text.p[i];
		if (c == '{') {
			const char *end = memchr(text.p + i, '}', text.n - i);
			if (!end || !expression((struct span){ text.p + i + 1, (size_t)(end - text.p) - i - 1 }))
				return false;
			i = (size_t)(end - text.p) + 1;
			continue;
		}
		if (c == '%' && (i + 2 >= text.n || !format_hex(text.p[i + 1]) || !format_hex(text.p[i + 2])))
			return false;
		if (c >= 0x80) {
			if (!is_ucs(format_character(text, &i), true))
				return false;
			continue;
		}
		if (c <= 0x20 || c == 0x7f || strchr("\"'<>\\^`|}", c))
			return false;
		i++;
	}
	return true;
}
