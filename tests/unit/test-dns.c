/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Queries as resolvers send them and as attackers do, and what is answered; read back with glibc's own functions. */
#include "net/dns.h"

#include "base/cleanup.h"
#include "tests/tap.h"

#include <arpa/nameser.h>
#include <string.h>

struct message {
	uint8_t bytes[2048];
	size_t n;
};

static void add(struct message *m, const void *bytes, size_t n)
{
	memcpy(m->bytes + m->n, bytes, n);
	m->n += n;
}

static void add16(struct message *m, unsigned value)
{
	add(m, (const uint8_t[]){ (uint8_t)(value >> 8), (uint8_t)value }, 2);
}

/* Labels between dots, as they are. */
static void add_name(struct message *m, const char *name)
{
	for (const char *p = name; *p;) {
		size_t n = strcspn(p, ".");
		add(m, (const uint8_t[]){ (uint8_t)n }, 1);
		add(m, p, n);
		p += n + (p[n] == '.');
	}
	add(m, "", 1);
}

static struct message ask(const char *name, unsigned type)
{
	struct message m = { .n = 0 };

	add16(&m, 0x1234);
	add16(&m, 0x0110); /* recursion desired, checking disabled */
	add16(&m, 1);
	add16(&m, 0);
	add16(&m, 0);
	add16(&m, 0);
	add_name(&m, name);
	add16(&m, type);
	add16(&m, ns_c_in);
	return m;
}

static void add_opt(struct message *m, unsigned version)
{
	m->bytes[11] = (uint8_t)(m->bytes[11] + 1);
	add(m, "", 1);
	add16(m, ns_t_opt);
	add16(m, 4096);
	add16(m, version);
	add16(m, 0);
	add16(m, 0);
}

static void reading(void)
{
	struct dns_query q;
	struct message m = ask("API.Example.org", DNS_TYPE_A);

	is_int(dns_read(m.bytes, m.n, &q), DNS_NOERROR, "a question");
	is_str(q.name, "api.example.org", "its name is canonical");
	is_int(q.type, DNS_TYPE_A, "its type");
	is_int(q.question_n, m.n - 12, "its length");
	ok(!q.edns, "no EDNS");
	add_opt(&m, 0);
	ok(dns_read(m.bytes, m.n, &q) == DNS_NOERROR && q.edns, "with EDNS");
	m = ask("a.example", DNS_TYPE_A);
	add_opt(&m, 1);
	is_int(dns_read(m.bytes, m.n, &q), DNS_BADVERS, "EDNS of a version that there is not");
	m = ask("a.example", DNS_TYPE_A);
	add_opt(&m, 0);
	add_opt(&m, 0);
	is_int(dns_read(m.bytes, m.n, &q), DNS_FORMERR, "EDNS twice");
	m = ask("", DNS_TYPE_A);
	ok(dns_read(m.bytes, m.n, &q) == DNS_NOERROR && q.name[0] == '\0', "the root is no host");
	m = ask("a\\.b.example", DNS_TYPE_A);
	ok(dns_read(m.bytes, m.n, &q) == DNS_NOERROR && q.name[0] == '\0', "an escape is no host");
	m = ask("a\033[2Jb.example", DNS_TYPE_A);
	ok(dns_read(m.bytes, m.n, &q) == DNS_NOERROR && q.name[0] == '\0' && !strchr(q.shown, '\033'), "nor a control sequence, which is not shown");
	m = ask("axb.example", DNS_TYPE_A);
	m.bytes[14] = '\0';
	ok(dns_read(m.bytes, m.n, &q) == DNS_NOERROR && q.name[0] == '\0', "a NUL in a label is no host");
	m.bytes[14] = '.';
	ok(dns_read(m.bytes, m.n, &q) == DNS_NOERROR && q.name[0] == '\0', "a dot in a label is no host");
	m = ask("a.example", DNS_TYPE_A);
	m.bytes[m.n - 1] = ns_c_chaos;
	is_int(dns_read(m.bytes, m.n, &q), DNS_REFUSED, "another class");
}

static void malformed(void)
{
	struct dns_query q;
	struct message m = ask("api.example.org", DNS_TYPE_A);
	struct message good = m;
	size_t wrong = 0;

	for (size_t n = 0; n < m.n; n++)
		wrong += dns_read(m.bytes, n, &q) == DNS_NOERROR;
	is_int(wrong, 0, "no part of a query is one");
	is_int(dns_read(m.bytes, 11, &q), -1, "less than a header is not answered");
	m.bytes[2] |= 0x80;
	is_int(dns_read(m.bytes, m.n, &q), -1, "an answer is not answered");
	m = good;
	m.bytes[2] |= 0x28;
	is_int(dns_read(m.bytes, m.n, &q), DNS_NOTIMP, "an update");
	m = good;
	m.bytes[5] = 2;
	is_int(dns_read(m.bytes, m.n, &q), DNS_FORMERR, "two questions, of which one is there");
	add_name(&m, "b.example");
	add16(&m, DNS_TYPE_A);
	add16(&m, ns_c_in);
	is_int(dns_read(m.bytes, m.n, &q), DNS_FORMERR, "two questions");
	m = good;
	m.bytes[5] = 0;
	ok(dns_read(m.bytes, 12, &q) == DNS_FORMERR && q.question_n == 0, "no question");
	m = good;
	m.bytes[7] = 1;
	add_opt(&m, 0);
	m.bytes[11] = 0;
	is_int(dns_read(m.bytes, m.n, &q), DNS_FORMERR, "a query with an answer in it");
	m = ask("a", DNS_TYPE_A);
	m.n = 12;
	add(&m, (const uint8_t[]){ 0xc0, 12 }, 2);
	add16(&m, DNS_TYPE_A);
	add16(&m, ns_c_in);
	is_int(dns_read(m.bytes, m.n, &q), DNS_FORMERR, "a name that points to itself");
	m.bytes[13] = 4;
	is_int(dns_read(m.bytes, m.n, &q), DNS_FORMERR, "a name that points into the header");
	m = good;
	m.n = DNS_QUERY_MAX + 1;
	is_int(dns_read(m.bytes, m.n, &q), -1, "more than a query can have");
	m = good;
	m.bytes[12] = 0x40;
	is_int(dns_read(m.bytes, m.n, &q), DNS_FORMERR, "a label of a kind that there is not");
}

static ns_msg parsed(const uint8_t *p, size_t n)
{
	ns_msg message;

	if (ns_initparse(p, (int)n, &message) < 0)
		bail_out("glibc cannot read the answer");
	return message;
}

static void answering(void)
{
	uint8_t out[DNS_ANSWER_MAX];
	struct message m = ask("API.Example.org", DNS_TYPE_A);
	struct ip_address four = { 4, { 198, 18, 1, 0 } }, six = { 6, { 0xfd, [15] = 7 } };
	struct dns_query q;
	ns_rr rr;

	add_opt(&m, 0);
	is_int(dns_read(m.bytes, m.n, &q), DNS_NOERROR, "a question to answer");
	size_t n = dns_answer(m.bytes, m.n, &q, DNS_NOERROR, &four, NULL, out);
	ns_msg a = parsed(out, n);
	ok(ns_msg_id(a) == 0x1234 && ns_msg_getflag(a, ns_f_qr) && ns_msg_getflag(a, ns_f_rd) && ns_msg_getflag(a, ns_f_ra) &&
		   ns_msg_getflag(a, ns_f_cd) && !ns_msg_getflag(a, ns_f_aa) && !ns_msg_getflag(a, ns_f_tc) && !ns_msg_getflag(a, ns_f_ad),
	   "its header");
	ok(ns_msg_count(a, ns_s_qd) == 1 && ns_msg_count(a, ns_s_an) == 1 && ns_msg_count(a, ns_s_ns) == 0 && ns_msg_count(a, ns_s_ar) == 1,
	   "one record, and EDNS for EDNS");
	ok(ns_parserr(&a, ns_s_an, 0, &rr) == 0 && strcmp(ns_rr_name(rr), "API.Example.org") == 0 && ns_rr_type(rr) == ns_t_a &&
		   ns_rr_rdlen(rr) == 4 && memcmp(ns_rr_rdata(rr), four.bytes, 4) == 0, "the address, under the name as it was asked");

	m = ask("a.example", DNS_TYPE_AAAA);
	(void)dns_read(m.bytes, m.n, &q);
	a = parsed(out, dns_answer(m.bytes, m.n, &q, DNS_NOERROR, &six, NULL, out));
	ok(ns_parserr(&a, ns_s_an, 0, &rr) == 0 && ns_rr_type(rr) == ns_t_aaaa && ns_rr_rdlen(rr) == 16 && ns_msg_count(a, ns_s_ar) == 0, "IPv6");
	a = parsed(out, dns_answer(m.bytes, m.n, &q, DNS_NXDOMAIN, &six, NULL, out));
	ok(ns_msg_getflag(a, ns_f_rcode) == ns_r_nxdomain && ns_msg_count(a, ns_s_an) == 0, "no such name, and no address");
	a = parsed(out, dns_answer(m.bytes, m.n, &q, DNS_NOERROR, NULL, NULL, out));
	ok(ns_msg_getflag(a, ns_f_rcode) == ns_r_noerror && ns_msg_count(a, ns_s_an) == 0, "an empty answer");

	char longest[HOST_NAME_SIZE], got[NS_MAXDNAME];
	memset(longest, 'a', sizeof longest);
	for (size_t i = 63; i < sizeof longest; i += 64)
		longest[i] = '.';
	longest[sizeof longest - 1] = '\0';
	m = ask(longest, DNS_TYPE_PTR);
	add_opt(&m, 0);
	is_int(dns_read(m.bytes, m.n, &q), DNS_NOERROR, "the longest name");
	n = dns_answer(m.bytes, m.n, &q, DNS_NOERROR, NULL, longest, out);
	a = parsed(out, n);
	ok(ns_parserr(&a, ns_s_an, 0, &rr) == 0 && ns_rr_type(rr) == ns_t_ptr &&
		   ns_name_uncompress(out, out + n, ns_rr_rdata(rr), got, sizeof got) > 0 && strcmp(got, longest) == 0,
	   "the longest answer: %zu bytes", n);
}

static void reverse(void)
{
	struct ip_address a;

	ok(dns_reverse("7.2.0.192.in-addr.arpa", &a) && a.family == 4 && memcmp(a.bytes, "\300\0\2\7", 4) == 0, "IPv4, backwards");
	ok(dns_reverse("0.0.1.0.0.0.0.0.0.0.0.0.0.0.0.0.5.6.7.6.1.6.3.6.0.7.3.6.d.6.d.f.ip6.arpa", &a) && a.family == 6 &&
		   memcmp(a.bytes, "\xfd" "mcpcage\0\0\0\0\0\0\1\0", 16) == 0, "IPv6, backwards");
	static const char *const none[] = {
		"in-addr.arpa", "2.0.192.in-addr.arpa", "1.7.2.0.192.in-addr.arpa", "256.2.0.192.in-addr.arpa", "7.2.0.192.in-addr.arpa.example",
		"ip6.arpa", "g.0.1.0.0.0.0.0.0.0.0.0.0.0.0.0.5.6.7.6.1.6.3.6.0.7.3.6.d.6.d.f.ip6.arpa", "api.example.org", "",
		"0.0.1.0.0.0.0.0.0.0.0.0.0.0.0.0.5.6.7.6.1.6.3.6.0.7.3.6.d.6.df..ip6.arpa",
	};
	for (size_t i = 0; i < ARRAY_SIZE(none); i++)
		ok(!dns_reverse(none[i], &a), "\"%s\" stands for no address", none[i]);
}

int main(void)
{
	reading();
	malformed();
	answering();
	reverse();
	return done_testing();
}
