/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * DNS messages, as far as a resolver needs them that knows a few names: one question in, an answer with at most one record out.
 * Pure functions over bytes; RFC 1035, RFC 6891 (EDNS), RFC 3596 (IPv6). A fuzz target.
 */
#pragma once

#include "policy/host.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The largest query that is read; more than a name of full length with any EDNS options that resolvers send. */
#define DNS_QUERY_MAX 1024
/* The largest answer. */
#define DNS_ANSWER_MAX 768

enum { DNS_TYPE_A = 1, DNS_TYPE_PTR = 12, DNS_TYPE_AAAA = 28 };
enum { DNS_NOERROR = 0, DNS_FORMERR = 1, DNS_SERVFAIL = 2, DNS_NXDOMAIN = 3, DNS_NOTIMP = 4, DNS_REFUSED = 5, DNS_BADVERS = 16 };

struct dns_query {
	uint16_t type;
	size_t question_n; /* bytes of the question, from byte 12 on; 0: it could not be read */
	bool edns;
	char name[HOST_NAME_SIZE]; /* canonical; "": it is no host name */
	char shown[HOST_NAME_SIZE]; /* the name as it can be shown to a person, cut where it is longer */
};

/*
 * Read one query. DNS_NOERROR: it is a question to answer. Another code: answer it with that. -1: it is no query at all, and nothing is
 * answered.
 */
int dns_read(const uint8_t *p, size_t n, struct dns_query *query);

/*
 * The answer to the query P (N bytes) that dns_read() has read into QUERY, into OUT: CODE, and for DNS_NOERROR the ADDRESS or the name
 * POINTER as its one record, or none. Returns its size.
 */
size_t dns_answer(const uint8_t *p, size_t n, const struct dns_query *query, int code, const struct ip_address *address,
		  const char *pointer, uint8_t out[DNS_ANSWER_MAX]);

/* The address that NAME ("7.2.0.192.in-addr.arpa", canonical) stands for. */
bool dns_reverse(const char *name, struct ip_address *address);
