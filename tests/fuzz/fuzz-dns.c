/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* DNS queries: whatever comes, what is read is in bounds, the name is canonical or none, and the answer is one that glibc can read. */
#include "net/dns.h"

#include <arpa/nameser.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_answer(const uint8_t *data, size_t size, const struct dns_query *q, int code, const struct ip_address *a, const char *pointer)
{
	uint8_t out[DNS_ANSWER_MAX];
	size_t n = dns_answer(data, size, q, code, a, pointer, out);
	ns_msg message;

	if (n == 0 || n > sizeof out || ns_initparse(out, (int)n, &message) < 0 || !ns_msg_getflag(message, ns_f_qr) ||
	    ns_msg_count(message, ns_s_an) != (code == DNS_NOERROR && (a || pointer)))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct ip_address four = { 4, { 198, 18, 1, 0 } }, six = { 6, { 0xfd } };
	struct dns_query q;
	struct ip_address back;
	char again[HOST_NAME_SIZE];
	int code = dns_read(data, size, &q);

	if (code < 0)
		return 0;
	if (q.question_n > size || strlen(q.shown) >= sizeof q.shown)
		abort();
	for (const char *p = q.shown; *p; p++)
		if (*p <= 0x20 || *p >= 0x7f)
			abort();
	if (q.name[0] && (host_name_canonical(q.name, strlen(q.name), again) < 0 || strcmp(again, q.name) != 0))
		abort();
	if (code == DNS_NOERROR && q.question_n < 5)
		abort();
	(void)dns_reverse(q.name, &back);
	check_answer(data, size, &q, code, &four, NULL);
	check_answer(data, size, &q, code, &six, NULL);
	check_answer(data, size, &q, code, NULL, NULL);
	check_answer(data, size, &q, code, NULL, q.name[0] ? q.name : "a.example");
	check_answer(data, size, &q, DNS_NXDOMAIN, NULL, NULL);
	return 0;
}
