/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The keywords `within` and `hosts`: what a path or a URL names, read strictly. Where readers differ (a
 * backslash, a user name, an escape in the host, an address that is not written as four plain numbers) nothing
 * is guessed: it is refused. See schema.h.
 */
#include "rpc/schema-impl.h"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* Append the components of PATH behind what OUT has, "." and ".." taken out. OUT holds "" (for the root) or "/a/b". */
static void put_components(struct span path, struct buf *out)
{
	size_t i = 0;

	while (i < path.n) {
		size_t n = 0;
		while (i + n < path.n && path.p[i + n] != '/')
			n++;
		struct span name = { path.p + i, n };
		i += n + 1;
		if (n == 0 || span_is(name, "."))
			continue;
		if (span_is(name, "..")) {
			while (out->n > 0 && out->p[out->n - 1] != '/')
				out->n--;
			if (out->n > 0)
				out->n--;
			continue;
		}
		buf_putc(out, '/');
		buf_append(out, name.p, name.n);
	}
}

bool schema_path(struct span path, const char *home, const char *folder, struct buf *out, const char **why)
{
	if (path.n == 0) {
		*why = "it is empty";
		return false;
	}
	for (size_t i = 0; i < path.n; i++) {
		if ((unsigned char)path.p[i] < 0x20 || path.p[i] == 0x7f) {
			*why = "it has a control character";
			return false;
		}
	}
	if (path.p[0] == '~') {
		if (!home || (path.n > 1 && path.p[1] != '/')) {
			*why = "a path that begins with ~ cannot be resolved here";
			return false;
		}
		put_components(span_of(home), out);
		path.p++;
		path.n--;
	} else if (path.p[0] != '/') {
		if (!folder) {
			*why = "it is a relative path; name it from / on";
			return false;
		}
		/* "file:///etc" would be another place for whoever takes URLs. */
		size_t n = 0;
		while (n < path.n && is_letter(path.p[n]))
			n++;
		if (n > 1 && n < path.n && path.p[n] == ':') {
			*why = "it looks like a URL";
			return false;
		}
		put_components(span_of(folder), out);
	}
	put_components(path, out);
	if (out->n == 0)
		buf_putc(out, '/');
	*why = "memory ran out";
	return !out->full;
}

bool schema_path_inside(struct span path, struct span folder)
{
	if (span_is(folder, "/"))
		return path.n > 0 && path.p[0] == '/';
	return path.n >= folder.n && memcmp(path.p, folder.p, folder.n) == 0 && (path.n == folder.n || path.p[folder.n] == '/');
}

/* ---- hosts ------------------------------------------------------------------------------------ */

/* Four numbers from 0 to 255 without leading zeroes. */
static bool dotted_quad(struct span host)
{
	unsigned parts = 0;

	for (size_t i = 0; i <= host.n;) {
		unsigned value = 0, digits = 0;
		for (; i < host.n && is_digit(host.p[i]) && digits < 4; i++, digits++)
			value = value * 10 + (unsigned)(host.p[i] - '0');
		if (digits == 0 || digits > 3 || value > 255 || (digits > 1 && host.p[i - digits] == '0'))
			return false;
		parts++;
		if (i < host.n && host.p[i] != '.')
			return false;
		i++;
	}
	return parts == 4;
}

/* Labels of letters, digits, '-' and '_'. A name whose last label is a number is an address to some. */
static bool plain_host(struct span host)
{
	size_t label = 0;

	if (host.n == 0 || host.n > 253)
		return false;
	for (size_t i = 0; i <= host.n; i++) {
		if (i < host.n && host.p[i] != '.') {
			if (!is_letter(host.p[i]) && !is_digit(host.p[i]) && host.p[i] != '-' && host.p[i] != '_')
				return false;
			continue;
		}
		if (i == label || i - label > 63 || host.p[label] == '-' || host.p[i - 1] == '-')
			return false;
		if (i == host.n) {
			struct span last = { host.p + label, i - label };
			bool number = last.n > 1 && last.p[0] == '0' && (last.p[1] == 'x' || last.p[1] == 'X');
			for (size_t k = 0; k < last.n && !number; k++) {
				if (!is_digit(last.p[k]))
					return true;
			}
			return !number && dotted_quad(host);
		}
		label = i + 1;
	}
	return true;
}

static void lower(char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] >= 'A' && p[i] <= 'Z')
			p[i] = (char)(p[i] + 32);
}

/* An IPv6 address, without a zone. Only its characters are looked at: it has to be listed as it is written. */
static bool bracketed(struct span host)
{
	size_t colons = 0;

	if (host.n < 4 || host.n > 47 || host.p[0] != '[' || host.p[host.n - 1] != ']')
		return false;
	for (size_t i = 1; i < host.n - 1; i++) {
		colons += host.p[i] == ':';
		if (host.p[i] != ':' && host.p[i] != '.' && !is_hex(host.p[i]))
			return false;
	}
	return colons >= 2;
}

bool schema_host_pattern(char *p, size_t n)
{
	lower(p, n);
	if (n > 2 && p[0] == '*' && p[1] == '.')
		return plain_host((struct span){ p + 2, n - 2 }) && !dotted_quad((struct span){ p + 2, n - 2 });
	return plain_host((struct span){ p, n }) || bracketed((struct span){ p, n });
}

static bool port_is_plain(struct span port)
{
	unsigned value = 0;

	if (port.n == 0 || port.n > 5)
		return false;
	for (size_t i = 0; i < port.n; i++) {
		if (!is_digit(port.p[i]))
			return false;
		value = value * 10 + (unsigned)(port.p[i] - '0');
	}
	return value <= 65535;
}

/* What stands between "scheme://" and the path; the whole text where there is no scheme. */
static bool authority(struct span text, struct span *found, const char **why)
{
	size_t scheme = 0;

	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];
		if (c <= 0x20 || c == 0x7f || c == '\\') {
			*why = "it has a space, a control character or a backslash";
			return false;
		}
	}
	while (scheme < text.n && (is_letter(text.p[scheme]) ||
				   (scheme > 0 && (is_digit(text.p[scheme]) || memchr("+-.", text.p[scheme], 3)))))
		scheme++;
	if (scheme > 0 && text.n - scheme >= 3 && memcmp(text.p + scheme, "://", 3) == 0) {
		text.p += scheme + 3;
		text.n -= scheme + 3;
		size_t n = 0;
		while (n < text.n && text.p[n] != '/' && text.p[n] != '?' && text.p[n] != '#')
			n++;
		/* "http://a.example?@b.example": some look for the '@' first. */
		if (n < text.n && text.p[n] != '/' && memchr(text.p + n, '@', text.n - n)) {
			*why = "a URL that could have a user name in it is refused";
			return false;
		}
		text.n = n;
	}
	*found = text;
	return true;
}

bool schema_host(struct span text, struct buf *out, const char **why)
{
	struct span host;

	if (!authority(text, &host, why))
		return false;
	if (memchr(host.n ? host.p : "", '@', host.n)) {
		*why = "a URL with a user name in it is refused";
		return false;
	}
	bool brackets = host.n > 0 && host.p[0] == '[';
	size_t end = 0;
	while (end < host.n && (brackets ? host.p[end] != ']' : host.p[end] != ':'))
		end++;
	if (brackets && end < host.n)
		end++;
	if (end < host.n && (host.p[end] != ':' || !port_is_plain((struct span){ host.p + end + 1, host.n - end - 1 }))) {
		*why = "its port is not a plain number, or it is neither a URL nor host[:port]";
		return false;
	}
	host.n = end;
	/* A name's root may be written: "example.org." */
	if (!brackets && host.n > 1 && host.p[host.n - 1] == '.')
		host.n--;
	if (!(brackets ? bracketed(host) : plain_host(host))) {
		*why = "its host is not a plain name or address";
		return false;
	}
	if (buf_append(out, host.p, host.n) < 0)
		return false;
	lower(out->p, out->n);
	return true;
}

bool schema_host_matches(struct span host, struct span pattern)
{
	if (pattern.n > 2 && pattern.p[0] == '*')
		return host.n > pattern.n - 1 && host.p[0] != '[' &&
		       memcmp(host.p + host.n - (pattern.n - 1), pattern.p + 1, pattern.n - 1) == 0;
	return span_eq(host, pattern);
}
