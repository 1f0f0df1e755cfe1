/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ClientHellos, whole, in pieces, and as they must not be. */
#include "net/hello.h"

#include "base/cleanup.h"
#include "tests/tap.h"

#include <string.h>

struct bytes {
	uint8_t p[40000];
	size_t n;
};

static void add(struct bytes *b, const void *p, size_t n)
{
	memcpy(b->p + b->n, p, n);
	b->n += n;
}

static void number(struct bytes *b, size_t value, size_t size)
{
	while (size-- > 0)
		b->p[b->n++] = (uint8_t)(value >> 8 * size);
}

/* An extension of TYPE with DATA. */
static void extension(struct bytes *b, unsigned type, const void *data, size_t n)
{
	number(b, type, 2);
	number(b, n, 2);
	add(b, data, n);
}

static void server_name(struct bytes *b, const char *name, size_t n)
{
	struct bytes data = { .n = 0 };

	number(&data, n + 3, 2);
	number(&data, 0, 1);
	number(&data, n, 2);
	add(&data, name, n);
	extension(b, 0, data.p, data.n);
}

/* The message around EXTENSIONS; NULL: it ends before them. */
static struct bytes message(const struct bytes *extensions)
{
	struct bytes body = { .n = 0 }, m = { .n = 0 };
	static const uint8_t random[32] = { 1, 2, 3 };

	number(&body, 0x0303, 2);
	add(&body, random, sizeof random);
	number(&body, 32, 1);
	add(&body, random, 32);
	number(&body, 4, 2);
	number(&body, 0x13011302, 4);
	number(&body, 1, 1);
	number(&body, 0, 1);
	if (extensions) {
		number(&body, extensions->n, 2);
		add(&body, extensions->p, extensions->n);
	}
	number(&m, 1, 1);
	number(&m, body.n, 3);
	add(&m, body.p, body.n);
	return m;
}

/* M in records of at most SIZE bytes. */
static struct bytes records(const struct bytes *m, size_t size)
{
	struct bytes wire = { .n = 0 };

	for (size_t at = 0; at < m->n;) {
		size_t n = m->n - at < size ? m->n - at : size;
		number(&wire, 22, 1);
		number(&wire, 0x0301, 2);
		number(&wire, n, 2);
		add(&wire, m->p + at, n);
		at += n;
	}
	return wire;
}

static struct bytes hello_for(const char *name, size_t size)
{
	struct bytes ext = { .n = 0 };

	extension(&ext, 0x0a0a, "", 0);
	if (name)
		server_name(&ext, name, strlen(name));
	extension(&ext, 43, "\2\3\4", 3);
	struct bytes m = message(&ext);
	return records(&m, size);
}

static void good(void)
{
	struct hello h;
	struct bytes wire = hello_for("API.example.org", 16384);

	is_int(hello_read(wire.p, wire.n, &h), HELLO_WHOLE, "a ClientHello");
	ok(h.named && !h.hidden, "with a name");
	is_str(h.name, "api.example.org", "which is canonical");
	size_t early = 0;
	for (size_t n = 0; n < wire.n; n++)
		early += hello_read(wire.p, n, &h) != HELLO_MORE;
	is_int(early, 0, "no part of it is more than a part");
	add(&wire, "\24\3\3\0\1\1", 6);
	is_int(hello_read(wire.p, wire.n, &h), HELLO_WHOLE, "what comes behind it does not matter");
	for (size_t size = 1; size < 40; size += 6) {
		wire = hello_for("api.example.org", size);
		early = 0;
		for (size_t n = 0; n < wire.n; n++)
			early += hello_read(wire.p, n, &h) != HELLO_MORE;
		is_int(hello_read(wire.p, wire.n, &h), HELLO_WHOLE, "in records of %zu bytes", size);
		ok(early == 0 && strcmp(h.name, "api.example.org") == 0, "and no sooner");
	}
	wire = hello_for(NULL, 16384);
	ok(hello_read(wire.p, wire.n, &h) == HELLO_WHOLE && !h.named, "without a name");
	struct bytes m = message(NULL);
	wire = records(&m, 16384);
	ok(hello_read(wire.p, wire.n, &h) == HELLO_WHOLE && !h.named, "without extensions");
	static const unsigned hiding[] = { 0xfe0d, 0xffce };
	for (size_t i = 0; i < ARRAY_SIZE(hiding); i++) {
		struct bytes ext = { .n = 0 };
		extension(&ext, hiding[i], "abc", 3);
		m = message(&ext);
		wire = records(&m, 16384);
		ok(hello_read(wire.p, wire.n, &h) == HELLO_WHOLE && h.hidden, "extension %#x hides the name", hiding[i]);
	}
	struct bytes ext = { .n = 0 };
	static const uint8_t padding[8000];
	extension(&ext, 21, padding, sizeof padding);
	server_name(&ext, "api.example.org", 15);
	m = message(&ext);
	wire = records(&m, 16384);
	ok(hello_read(wire.p, wire.n, &h) == HELLO_WHOLE && h.named, "a large one, the name at its end");
}

static void not_tls(void)
{
	static const char *const others[] = { "GET / HTTP/1.1\r\n", "SSH-2.0-x\r\n", "\x80\x2e\x01\x03\x01", "\x17\x03\x03", "\x05\x01" };
	struct hello h;

	is_int(hello_read((const uint8_t *)"", 0, &h), HELLO_MORE, "nothing yet");
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		is_int(hello_read((const uint8_t *)others[i], strlen(others[i]), &h), HELLO_NONE, "no TLS: %zu", i);
}

static void refuse_names(void)
{
	static const struct {
		const char *data;
		size_t n;
		const char *what;
	} table[] = {
		{ "\0\6\0\0\3a.b\0\0", 10, "bytes behind the list" },
		{ "\0\0", 2, "an empty list" },
		{ "\0\3\0\0\0", 5, "an empty name" },
		{ "\0\6\1\0\3a.b", 8, "another type of name" },
		{ "\0\14\0\0\3a.b\0\0\3c.d", 14, "two names" },
		{ "\0\7\0\0\3a.b", 8, "a list that is longer than there is" },
		{ "\0\6\0\0\4a.b", 8, "a name that is longer than its list" },
		{ "\0\6\0\0\2a.b", 8, "a name that is shorter than its list" },
		{ "\0", 1, "half a length" },
	};
	struct hello h;

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct bytes ext = { .n = 0 };
		extension(&ext, 0, table[i].data, table[i].n);
		struct bytes m = message(&ext), wire = records(&m, 16384);
		is_int(hello_read(wire.p, wire.n, &h), HELLO_BAD, "refused: %s", table[i].what);
	}
	struct bytes ext = { .n = 0 };
	server_name(&ext, "a.b", 3);
	server_name(&ext, "c.d", 3);
	struct bytes m = message(&ext), wire = records(&m, 16384);
	is_int(hello_read(wire.p, wire.n, &h), HELLO_BAD, "refused: the extension twice");
	ext.n = 0;
	server_name(&ext, "a.b\0.evil.example", 17);
	m = message(&ext);
	wire = records(&m, 16384);
	ok(hello_read(wire.p, wire.n, &h) == HELLO_WHOLE && h.named && h.name[0] == '\0', "a NUL in a name: there is one, and it is no host");
	ext.n = 0;
	server_name(&ext, "192.0.2.7", 9);
	m = message(&ext);
	wire = records(&m, 16384);
	ok(hello_read(wire.p, wire.n, &h) == HELLO_WHOLE && h.named && h.name[0] == '\0', "nor is an address");
}

static void refuse_frames(void)
{
	struct hello h;
	struct bytes whole = hello_for("api.example.org", 16384), wire = whole;

	wire.p[1] = 2;
	is_int(hello_read(wire.p, wire.n, &h), HELLO_BAD, "refused: a record of another version");
	is_int(hello_read(wire.p, 2, &h), HELLO_BAD, "as soon as it shows");
	wire = whole;
	wire.p[3] = wire.p[4] = 0;
	is_int(hello_read(wire.p, wire.n, &h), HELLO_BAD, "refused: an empty record");
	wire.p[3] = 0x40;
	wire.p[4] = 1;
	is_int(hello_read(wire.p, wire.n, &h), HELLO_BAD, "refused: a record that is too long");
	wire = whole;
	wire.p[5] = 2;
	is_int(hello_read(wire.p, wire.n, &h), HELLO_BAD, "refused: another message");
	wire = whole;
	wire.p[6] = 1;
	is_int(hello_read(wire.p, wire.n, &h), HELLO_BAD, "refused: a message that is too long");
	wire = whole;
	wire.p[8]--;
	is_int(hello_read(wire.p, wire.n, &h), HELLO_BAD, "refused: bytes behind the message in its record");
	wire = hello_for("api.example.org", 50);
	wire.p[55] = 23;
	is_int(hello_read(wire.p, wire.n, &h), HELLO_BAD, "refused: another kind of record in between");
	wire = whole;
	wire.p[wire.n - 4]++;
	ok(hello_read(wire.p, wire.n, &h) == HELLO_BAD, "refused: an extension with another length");
	/* One byte a record: five times what it carries. */
	struct bytes ext = { .n = 0 };
	static const uint8_t padding[4000];
	extension(&ext, 21, padding, sizeof padding);
	struct bytes m = message(&ext);
	wire = records(&m, 1);
	is_int(hello_read(wire.p, HELLO_WIRE_MAX, &h), HELLO_BAD, "refused: not at its end after all the bytes that there may be");
	is_int(hello_read(wire.p, HELLO_WIRE_MAX - 1, &h), HELLO_MORE, "and not before");
}

int main(void)
{
	good();
	not_tls();
	refuse_names();
	refuse_frames();
	return done_testing();
}
