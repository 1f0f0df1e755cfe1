/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A client that is one static file: static 4|6 HOST PORT PATH. It asks the name server itself, by libresolv, since a static
 * program has no NSS, connects to the first address and prints what an HTTP/1.0 GET brings. resolver(3).
 */
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <netinet/in.h>
#include <resolv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The first address of HOST in FAMILY; its size, 0 for none. */
static size_t look_up(int family, const char *host, unsigned char *address)
{
	unsigned char answer[4096];
	size_t size = family == AF_INET ? 4 : 16;
	ns_msg message;
	ns_rr record;
	int n = res_query(host, ns_c_in, family == AF_INET ? ns_t_a : ns_t_aaaa, answer, sizeof(answer));

	if (n < 0 || ns_initparse(answer, n, &message) < 0)
		return 0;
	for (int i = 0; i < ns_msg_count(message, ns_s_an); i++)
		if (ns_parserr(&message, ns_s_an, i, &record) == 0 && ns_rr_rdlen(record) == size) {
			memcpy(address, ns_rr_rdata(record), size);
			return size;
		}
	return 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in sin = { .sin_family = AF_INET };
	char buffer[65536];
	ssize_t n;

	if (argc != 5)
		return 2;
	int family = argv[1][0] == '6' ? AF_INET6 : AF_INET;
	sin.sin_port = sin6.sin6_port = htons((uint16_t)atoi(argv[3]));
	if (!look_up(family, argv[2], family == AF_INET6 ? sin6.sin6_addr.s6_addr : (unsigned char *)&sin.sin_addr)) {
		fprintf(stderr, "%s: no such name\n", argv[2]);
		return 1;
	}
	int fd = socket(family, SOCK_STREAM, 0);
	if (fd < 0 || connect(fd, family == AF_INET6 ? (struct sockaddr *)&sin6 : (struct sockaddr *)&sin,
			      family == AF_INET6 ? sizeof(sin6) : sizeof(sin)) < 0) {
		perror("connect");
		return 1;
	}
	dprintf(fd, "GET %s HTTP/1.0\r\nHost: %s\r\nConnection: close\r\n\r\n", argv[4], argv[2]);
	while ((n = read(fd, buffer, sizeof(buffer))) > 0)
		if (fwrite(buffer, 1, (size_t)n, stdout) != (size_t)n)
			return 1;
	return n < 0;
}
