/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See schema-uri.h. */
#include "rpc/schema-uri.h"

static bool is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static struct span until(struct span *text, const char *stops)
{
	size_t n = 0;

	while (n < text->n && !(text->p[n] && strchr(stops, text->p[n])))
		n++;
	struct span part = { text->p, n };
	text->p += n;
	text->n -= n;
	return part;
}

static void skip(struct span *text, size_t n)
{
	text->p += n;
	text->n -= n;
}

void uri_split(struct span text, struct uri *u)
{
	size_t n = 0;

	*u = (struct uri){ .path = { text.p, 0 } };
	if (text.n == 0)
		return;
	while (n < text.n && (is_alpha(text.p[n]) || (n > 0 && ((text.p[n] >= '0' && text.p[n] <= '9') || text.p[n] == '+' ||
								text.p[n] == '-' || text.p[n] == '.'))))
		n++;
	if (n > 0 && n < text.n && text.p[n] == ':') {
		u->has_scheme = true;
		u->scheme = (struct span){ text.p, n };
		skip(&text, n + 1);
	}
	if (text.n >= 2 && text.p[0] == '/' && text.p[1] == '/') {
		skip(&text, 2);
		u->has_authority = true;
		u->authority = until(&text, "/?#");
	}
	u->path = until(&text, "?#");
	if (text.n > 0 && text.p[0] == '?') {
		skip(&text, 1);
		u->has_query = true;
		u->query = until(&text, "#");
	}
	if (text.n > 0) {
		skip(&text, 1);
		u->has_fragment = true;
		u->fragment = text;
	}
}

/* Append PATH without its dot segments. */
static void put_path(struct span path, struct buf *out)
{
	size_t start = out->n;

	while (path.n > 0) {
		size_t n = path.p[0] == '/';
		while (n < path.n && path.p[n] != '/')
			n++;
		struct span segment = { path.p, n };
		bool slash = segment.p[0] == '/', last = n == path.n;
		struct span name = { segment.p + slash, segment.n - slash };
		skip(&path, n);
		if (span_is(name, ".") || span_is(name, "..")) {
			if (name.n == 2) {
				while (out->n > start && out->p[out->n - 1] != '/')
					out->n--;
				if (out->n > start)
					out->n--;
			}
			if (slash && last)
				buf_putc(out, '/');
			/* A relative path that begins with dots: what follows it begins without a slash. */
			if (!slash && !last)
				skip(&path, 1);
			continue;
		}
		buf_append(out, segment.p, segment.n);
	}
}

/* REFERENCE's path is relative: it takes the place of what follows the last slash of BASE's. */
static void put_merged(const struct uri *base, struct span path, struct buf *out)
{
	CLEANUP_BUF struct buf merged = BUF_INIT(out->max);
	size_t n = base->path.n;

	while (n > 0 && base->path.p[n - 1] != '/')
		n--;
	if (base->has_authority && base->path.n == 0)
		buf_putc(&merged, '/');
	buf_append(&merged, base->path.p, n);
	buf_append(&merged, path.p, path.n);
	out->full |= merged.full;
	put_path(buf_span(&merged), out);
}

void uri_resolve(struct span base_text, const struct uri *r, struct buf *out)
{
	struct uri base;

	uri_split(base_text, &base);
	const struct uri *from = r->has_scheme ? r : &base;
	bool own = r->has_scheme || r->has_authority;
	const struct uri *host = own ? r : &base;
	if (from->has_scheme) {
		for (size_t i = 0; i < from->scheme.n; i++) {
			char c = from->scheme.p[i];
			buf_putc(out, c >= 'A' && c <= 'Z' ? (char)(c + 32) : c);
		}
		buf_putc(out, ':');
	}
	if (host->has_authority) {
		buf_puts(out, "//");
		buf_append(out, host->authority.p, host->authority.n);
	}
	const struct uri *query = r;
	if (own || (r->path.n > 0 && r->path.p[0] == '/')) {
		put_path(r->path, out);
	} else if (r->path.n > 0) {
		put_merged(&base, r->path, out);
	} else {
		buf_append(out, base.path.p, base.path.n);
		if (!r->has_query)
			query = &base;
	}
	if (query->has_query) {
		buf_putc(out, '?');
		buf_append(out, query->query.p, query->query.n);
	}
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool uri_decode(struct span text, struct buf *out)
{
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] != '%') {
			buf_putc(out, text.p[i]);
			continue;
		}
		int high = i + 2 < text.n ? hex_value(text.p[i + 1]) : -1, low = i + 2 < text.n ? hex_value(text.p[i + 2]) : -1;
		if (high < 0 || low < 0)
			return false;
		buf_putc(out, (char)(high << 4 | low));
		i += 2;
	}
	return true;
}
