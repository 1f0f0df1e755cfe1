/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading a ClientHello through views that know their end: nothing is read that is not asked for by length first. It may come in any
 * number of records of any size, so the fragments are joined first. What is not exactly as the specification has it is refused: another
 * reader might understand it in another way. In particular, one server name and one only, nothing behind the last extension, and nothing in
 * the last record behind the message.
 */
#include "net/hello.h"

#include <string.h>

enum { RECORD_HANDSHAKE = 22, MESSAGE_CLIENT_HELLO = 1, EXTENSION_SERVER_NAME = 0, NAME_HOST = 0 };
enum { EXTENSION_ECH = 0xfe0d, EXTENSION_ESNI = 0xffce };
enum { RECORD_HEAD = 5, MESSAGE_HEAD = 4, RECORD_LARGEST = 16384 };

struct view {
	const uint8_t *p;
	size_t n;
};

static bool take(struct view *v, size_t n, struct view *out)
{
	if (n > v->n)
		return false;
	*out = (struct view){ v->p, n };
	v->p += n;
	v->n -= n;
	return true;
}

/* A number of BYTES bytes, most significant first. */
static bool number(struct view *v, size_t bytes, size_t *out)
{
	struct view part;

	if (!take(v, bytes, &part))
		return false;
	*out = 0;
	for (size_t i = 0; i < bytes; i++)
		*out = *out << 8 | part.p[i];
	return true;
}

/* What has its length in BYTES bytes before it. */
static bool vector(struct view *v, size_t bytes, struct view *out)
{
	size_t n;

	return number(v, bytes, &n) && take(v, n, out);
}

static bool read_names(struct view data, struct hello *hello)
{
	struct view list, name;
	size_t type;

	if (hello->named || !vector(&data, 2, &list) || data.n > 0)
		return false;
	if (!number(&list, 1, &type) || type != NAME_HOST || !vector(&list, 2, &name) || name.n == 0 || list.n > 0)
		return false;
	hello->named = true;
	if (host_name_canonical((const char *)name.p, name.n, hello->name) < 0)
		hello->name[0] = '\0';
	return true;
}

static bool read_extensions(struct view list, struct hello *hello)
{
	while (list.n > 0) {
		struct view data;
		size_t type;
		if (!number(&list, 2, &type) || !vector(&list, 2, &data))
			return false;
		if (type == EXTENSION_SERVER_NAME && !read_names(data, hello))
			return false;
		if (type == EXTENSION_ECH || type == EXTENSION_ESNI)
			hello->hidden = true;
	}
	return true;
}

static bool read_body(struct view body, struct hello *hello)
{
	struct view skipped, extensions;

	/* version, random, session, cipher suites, compression methods */
	if (!take(&body, 2 + 32, &skipped) || !vector(&body, 1, &skipped) || skipped.n > 32 || !vector(&body, 2, &skipped) ||
	    skipped.n < 2 || skipped.n % 2 || !vector(&body, 1, &skipped) || skipped.n < 1)
		return false;
	if (body.n == 0)
		return true; /* TLS before extensions */
	return vector(&body, 2, &extensions) && body.n == 0 && read_extensions(extensions, hello);
}

/* The records' contents, one after the other, until the message is complete. */
struct joined {
	uint8_t bytes[HELLO_WIRE_MAX];
	size_t n, wanted; /* 0: its length is not known yet */
};

static enum hello_result join(struct view wire, struct joined *j)
{
	while (j->wanted == 0 || j->n < j->wanted) {
		struct view part;
		size_t type, major, minor, length;
		if (wire.n > 0 && wire.p[0] != RECORD_HANDSHAKE)
			return HELLO_BAD;
		if (wire.n > 1 && wire.p[1] != 3)
			return HELLO_BAD;
		if (!number(&wire, 1, &type) || !number(&wire, 1, &major) || !number(&wire, 1, &minor) || !number(&wire, 2, &length))
			return HELLO_MORE;
		if (length == 0 || length > RECORD_LARGEST)
			return HELLO_BAD;
		bool cut = length > wire.n;
		(void)take(&wire, cut ? wire.n : length, &part);
		memcpy(j->bytes + j->n, part.p, part.n); /* what is on the wire fits */
		j->n += part.n;
		if (j->n > 0 && j->bytes[0] != MESSAGE_CLIENT_HELLO)
			return HELLO_BAD;
		if (j->n >= MESSAGE_HEAD)
			j->wanted = MESSAGE_HEAD + ((size_t)j->bytes[1] << 16 | (size_t)j->bytes[2] << 8 | j->bytes[3]);
		if (j->wanted > sizeof j->bytes)
			return HELLO_BAD;
		/* Another message in the same record is none of a client's first. */
		if (j->wanted > 0 && j->n - part.n + length > j->wanted)
			return HELLO_BAD;
		if (cut)
			return HELLO_MORE;
	}
	return HELLO_WHOLE;
}

enum hello_result hello_read(const uint8_t *p, size_t n, struct hello *hello)
{
	struct joined j;

	memset(hello, 0, sizeof *hello);
	if (n == 0)
		return HELLO_MORE;
	if (p[0] != RECORD_HANDSHAKE)
		return HELLO_NONE;
	j.n = j.wanted = 0;
	enum hello_result result = join((struct view){ p, n < HELLO_WIRE_MAX ? n : HELLO_WIRE_MAX }, &j);
	if (result == HELLO_MORE && n >= HELLO_WIRE_MAX)
		return HELLO_BAD;
	if (result != HELLO_WHOLE)
		return result;
	return read_body((struct view){ j.bytes + MESSAGE_HEAD, j.wanted - MESSAGE_HEAD }, hello) ? HELLO_WHOLE : HELLO_BAD;
}
