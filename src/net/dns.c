/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Queries are taken apart by the C library (ns_initparse(3) and what belongs to it, in <arpa/nameser.h>), not by hand. Strict: one
 * question, nothing in the other sections but one OPT record, no compression where there is nothing to point at. Answers are so simple that
 * they are put together here: the question as it came, so that the case of its letters is kept, and one record that points to it.
 */
#include "net/dns.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define HEADER 12
/* The mapping never changes while a session lasts; the answer that there is no such name may. */
#define TTL 60
/* What this end takes by UDP, for EDNS. */
#define UDP_ROOM 1232

/* What a terminal shows of it; it escapes everything else as \DDD, but spaces. */
static void show(const char *name, char shown[HOST_NAME_SIZE])
{
	size_t n = 0;

	for (; name[n] && n < HOST_NAME_SIZE - 1; n++)
		shown[n] = name[n] > 0x20 && name[n] < 0x7f ? name[n] : '?';
	shown[n] = '\0';
}

/* The bytes of the question, or 0: it is compressed, too long, or cut. Not ns_name_unpack(3), which musl has not. */
static size_t question_size(const uint8_t *p, size_t n)
{
	/* The type and the class behind the name are in it, and all of it is within the message. */
	int used = n > HEADER ? ns_skiprr(p + HEADER, p + n, ns_s_qd, 1) : -1;

	if (used < 0 || used - 4 > NS_MAXCDNAME)
		return 0;
	for (const uint8_t *label = p + HEADER; *label; label += *label + 1)
		if (*label > NS_MAXLABEL)
			return 0;
	return (size_t)used;
}

/* The OPT record, the only one that may come along. */
static int read_extra(ns_msg *message, struct dns_query *query)
{
	ns_rr record;

	if (ns_msg_count(*message, ns_s_an) > 0 || ns_msg_count(*message, ns_s_ns) > 0 || ns_msg_count(*message, ns_s_ar) > 1)
		return DNS_FORMERR;
	if (ns_msg_count(*message, ns_s_ar) == 0)
		return DNS_NOERROR;
	if (ns_parserr(message, ns_s_ar, 0, &record) < 0 || ns_rr_type(record) != ns_t_opt)
		return DNS_FORMERR;
	query->edns = true;
	return (ns_rr_ttl(record) >> 16 & 0xff) == 0 ? DNS_NOERROR : DNS_BADVERS;
}

int dns_read(const uint8_t *p, size_t n, struct dns_query *query)
{
	ns_msg message;
	ns_rr question;

	memset(query, 0, sizeof *query);
	/* An answer to what may be an answer would go on for ever. */
	if (n < HEADER || n > DNS_QUERY_MAX || (p[2] & 0x80))
		return -1;
	if (ns_initparse(p, (int)n, &message) < 0)
		return DNS_FORMERR;
	if (ns_msg_getflag(message, ns_f_opcode) != ns_o_query)
		return DNS_NOTIMP;
	if (ns_msg_count(message, ns_s_qd) != 1 || ns_parserr(&message, ns_s_qd, 0, &question) < 0)
		return DNS_FORMERR;
	query->question_n = question_size(p, n);
	if (query->question_n == 0)
		return DNS_FORMERR;
	query->type = (uint16_t)ns_rr_type(question);
	show(ns_rr_name(question), query->shown);
	if (host_name_canonical(ns_rr_name(question), strlen(ns_rr_name(question)), query->name) < 0)
		query->name[0] = '\0';
	int code = read_extra(&message, query);
	if (code != DNS_NOERROR)
		return code;
	return ns_rr_class(question) == ns_c_in ? DNS_NOERROR : DNS_REFUSED;
}

/* ---- answers ------------------------------------------------------------------------------------- */

struct writer {
	uint8_t *p;
	size_t n, size;
	bool full;
};

static void put(struct writer *w, const void *bytes, size_t n)
{
	if (w->full || n > w->size - w->n) {
		w->full = true;
		return;
	}
	memcpy(w->p + w->n, bytes, n);
	w->n += n;
}

static void put16(struct writer *w, unsigned value)
{
	const uint8_t bytes[2] = { (uint8_t)(value >> 8), (uint8_t)value };

	put(w, bytes, sizeof bytes);
}

/* A record about the question's name; its data follows. */
static void put_record(struct writer *w, unsigned type, size_t length)
{
	put16(w, 0xc000 | HEADER);
	put16(w, type);
	put16(w, ns_c_in);
	put16(w, 0);
	put16(w, TTL);
	put16(w, (unsigned)length);
}

/* NAME is canonical, so it is a name on the wire as well. */
static void put_pointer(struct writer *w, const char *name)
{
	uint8_t wire[HOST_NAME_SIZE + 1];
	size_t n = 0;

	for (const char *label = name; *label;) {
		size_t length = strcspn(label, ".");
		wire[n++] = (uint8_t)length;
		memcpy(wire + n, label, length);
		n += length;
		label += length + (label[length] == '.');
	}
	wire[n++] = 0;
	put_record(w, DNS_TYPE_PTR, n);
	put(w, wire, n);
}

size_t dns_answer(const uint8_t *p, size_t n, const struct dns_query *query, int code, const struct ip_address *address,
		  const char *pointer, uint8_t out[DNS_ANSWER_MAX])
{
	struct writer w = { .p = out, .size = DNS_ANSWER_MAX };
	bool record = code == DNS_NOERROR && (address || pointer);

	if (n < HEADER)
		return 0;
	put(&w, p, 2);
	/* Question and its opcode as asked, "recursion desired" and "checking disabled" too; an answer, recursion available. */
	const uint8_t flags[2] = { (uint8_t)(0x80 | (p[2] & 0x79)), (uint8_t)(0x80 | (p[3] & 0x10) | (code & 0xf)) };
	put(&w, flags, sizeof flags);
	put16(&w, query->question_n > 0);
	put16(&w, record);
	put16(&w, 0);
	put16(&w, query->edns);
	put(&w, p + HEADER, query->question_n);
	if (record && address) {
		size_t length = address->family == 4 ? 4 : 16;
		put_record(&w, address->family == 4 ? DNS_TYPE_A : DNS_TYPE_AAAA, length);
		put(&w, address->bytes, length);
	} else if (record) {
		put_pointer(&w, pointer);
	}
	if (query->edns) {
		static const uint8_t root = 0;
		put(&w, &root, 1);
		put16(&w, ns_t_opt);
		put16(&w, UDP_ROOM);
		put16(&w, (unsigned)(code >> 4) << 8);
		put16(&w, 0);
		put16(&w, 0);
	}
	return w.full ? 0 : w.n;
}

/* ---- the other way round --------------------------------------------------------------------------- */

static bool reverse_4(const char *name, struct ip_address *address)
{
	const char *p = name;

	address->family = 4;
	for (int i = 3; i >= 0; i--) {
		unsigned number = 0;
		const char *start = p;
		for (; isdigit((unsigned char)*p) && p - start < 3; p++)
			number = number * 10 + (unsigned)(*p - '0');
		if (p == start || number > 255 || *p++ != '.')
			return false;
		address->bytes[i] = (uint8_t)number;
	}
	return strcmp(p, "in-addr.arpa") == 0;
}

static bool reverse_6(const char *name, struct ip_address *address)
{
	static const char digits[] = "0123456789abcdef";

	if (strlen(name) != 64 + 8)
		return false;
	address->family = 6;
	for (int i = 0; i < 32; i++) {
		const char *digit = name[2 * i] ? strchr(digits, name[2 * i]) : NULL;
		if (!digit || name[2 * i + 1] != '.')
			return false;
		/* The last digit comes first. */
		unsigned at = 31 - (unsigned)i;
		address->bytes[at / 2] |= (uint8_t)((unsigned)(digit - digits) << (at % 2 ? 0 : 4));
	}
	return strcmp(name + 64, "ip6.arpa") == 0;
}

bool dns_reverse(const char *name, struct ip_address *address)
{
	*address = (struct ip_address){ 0 };
	if (reverse_4(name, address))
		return true;
	*address = (struct ip_address){ 0 };
	return reverse_6(name, address);
}
