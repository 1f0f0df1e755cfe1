/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Both ends of the connections that tests/bench/network.py measures.
 *
 *	net-peer serve ADDRESS PORT               a thread for each connection; the first byte says what it does
 *	net-peer client WHO HOST PORT CONTROL     connects to HOST's port CONTROL, says WHO, and does what it is told there
 *
 * Orders are lines, each answered by one, of nanoseconds: "down BYTES", "up BYTES" (for all of it), "connect N", "echo N" and
 * "request N" (the median of N), "hold N" (N connections more are open), "drop 0" (all of those are closed). A request is HTTP to
 * port 80 of HOST.
 */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BLOCK = 1 << 18, MESSAGE = 64, HELD_MAX = 4096 };

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int write_all(int fd, const char *data, size_t n)
{
	while (n > 0) {
		ssize_t did = send(fd, data, n, MSG_NOSIGNAL);
		if (did <= 0)
			return -1;
		data += did;
		n -= (size_t)did;
	}
	return 0;
}

static int read_all(int fd, char *data, size_t n)
{
	while (n > 0) {
		ssize_t did = recv(fd, data, n, 0);
		if (did <= 0)
			return -1;
		data += did;
		n -= (size_t)did;
	}
	return 0;
}

/* N bytes out, or in. */
static int pour(int fd, char *block, uint64_t n, int out)
{
	while (n > 0) {
		size_t piece = n < BLOCK ? (size_t)n : BLOCK;
		ssize_t did = out ? send(fd, block, piece, MSG_NOSIGNAL) : recv(fd, block, piece, 0);
		if (did <= 0)
			return -1;
		n -= (uint64_t)did;
	}
	return 0;
}

static void no_delay(int fd)
{
	int one = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

/* ---- the server ---------------------------------------------------------------------------------- */

static void *serve_one(void *arg)
{
	int fd = (int)(intptr_t)arg;
	char *block = calloc(1, BLOCK), order;
	uint64_t size;

	no_delay(fd);
	if (block && read_all(fd, &order, 1) == 0) {
		if (order == 'e') { /* echo */
			while (read_all(fd, block, MESSAGE) == 0 && write_all(fd, block, MESSAGE) == 0)
				;
		} else if (order == 'c') { /* one byte back */
			write_all(fd, "c", 1);
			(void)recv(fd, block, 1, 0);
		} else if (read_all(fd, (char *)&size, sizeof(size)) == 0) {
			if (order == 'd')
				pour(fd, block, size, 1);
			else if (order == 'u' && pour(fd, block, size, 0) == 0)
				write_all(fd, "u", 1);
		}
	}
	free(block);
	close(fd);
	return NULL;
}

static int dial(const char *host, const char *port, int listener)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_family = AF_INET, .ai_flags = AI_NUMERICSERV }, *found;
	int one = 1;

	if (getaddrinfo(host, port, &hints, &found) != 0) {
		fprintf(stderr, "net-peer: no address of %s\n", host);
		exit(1);
	}
	int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		die("socket");
	if (listener) {
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
		if (bind(fd, found->ai_addr, found->ai_addrlen) < 0 || listen(fd, 4096) < 0)
			die("listen");
	} else if (connect(fd, found->ai_addr, found->ai_addrlen) < 0) {
		die("connect");
	}
	freeaddrinfo(found);
	return fd;
}

static _Noreturn void serve(const char *host, const char *port)
{
	int listener = dial(host, port, 1);
	pthread_attr_t attributes;

	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, 65536);
	for (;;) {
		pthread_t thread;
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0)
			die("accept");
		if (pthread_create(&thread, &attributes, serve_one, (void *)(intptr_t)fd) != 0)
			close(fd);
	}
}

/* ---- the client ---------------------------------------------------------------------------------- */

static struct sockaddr_storage server, web;
static socklen_t server_size, web_size;
static const char *web_host;

static void find(const char *host, const char *port, struct sockaddr_storage *address, socklen_t *size)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_family = AF_INET, .ai_flags = AI_NUMERICSERV }, *found;

	if (getaddrinfo(host, port, &hints, &found) != 0) {
		fprintf(stderr, "net-peer: no address of %s\n", host);
		exit(1);
	}
	memcpy(address, found->ai_addr, found->ai_addrlen);
	*size = found->ai_addrlen;
	freeaddrinfo(found);
}

static int open_to(const struct sockaddr_storage *address, socklen_t size)
{
	int fd = socket(address->ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (const struct sockaddr *)address, size) < 0)
		die("connect");
	no_delay(fd);
	return fd;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static uint64_t bulk(char *block, uint64_t size, char order)
{
	int fd = open_to(&server, server_size);
	uint64_t start = now();

	if (write_all(fd, &order, 1) < 0 || write_all(fd, (const char *)&size, sizeof(size)) < 0 ||
	    pour(fd, block, size, order == 'u') < 0 || (order == 'u' && read_all(fd, block, 1) < 0))
		die("bulk");
	start = now() - start;
	close(fd);
	return start;
}

/* To the first byte that comes back. */
static uint64_t one_connection(char *block)
{
	uint64_t start = now();
	int fd = open_to(&server, server_size);

	if (write_all(fd, "c", 1) < 0 || read_all(fd, block, 1) < 0)
		die("connection");
	start = now() - start;
	close(fd);
	return start;
}

static uint64_t one_request(int fd, char *block)
{
	static const char head[] = "GET /bytes/8192 HTTP/1.1\r\nHost: ";
	uint64_t start = now();
	size_t have = 0;
	char *body;

	snprintf(block, BLOCK, "%s%s\r\n\r\n", head, web_host);
	if (write_all(fd, block, strlen(block)) < 0)
		die("request");
	do {
		ssize_t n = recv(fd, block + have, BLOCK - 1 - have, 0);
		if (n <= 0)
			die("answer");
		have += (size_t)n;
		block[have] = '\0';
		body = memmem(block, have, "\r\n\r\n", 4);
	} while (!body || have < (size_t)(body + 4 - block) + 8192);
	return now() - start;
}

static uint64_t one_echo(int fd, char *block)
{
	uint64_t start = now();

	if (write_all(fd, block, MESSAGE) < 0 || read_all(fd, block, MESSAGE) < 0)
		die("echo");
	return now() - start;
}

static uint64_t median(char *block, size_t n, char what)
{
	uint64_t *samples = calloc(n ? n : 1, sizeof(*samples));
	int fd = what == 'c' ? -1 : what == 'e' ? open_to(&server, server_size) : open_to(&web, web_size);

	if (!samples)
		die("calloc");
	if (what == 'e' && write_all(fd, "e", 1) < 0)
		die("echo");
	for (size_t i = 0; i < n; i++)
		samples[i] = what == 'c' ? one_connection(block) : what == 'e' ? one_echo(fd, block) : one_request(fd, block);
	qsort(samples, n, sizeof(*samples), compare);
	uint64_t result = n ? samples[n / 2] : 0;
	free(samples);
	if (fd >= 0)
		close(fd);
	return result;
}

static int client(char **argv)
{
	static int held[HELD_MAX];
	size_t held_n = 0;
	char *block = calloc(1, BLOCK), order[32];
	unsigned long long n;
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	web_host = argv[1];
	find(argv[1], argv[2], &server, &server_size);
	find(argv[1], "80", &web, &web_size);
	int fd = dial(argv[1], argv[3], 0);
	FILE *control = fdopen(fd, "r");
	if (!control || !block)
		die("control");
	dprintf(fd, "%s\n", argv[0]);
	while (fscanf(control, "%31s %llu", order, &n) == 2) {
		uint64_t result = 0;
		if (strcmp(order, "down") == 0 || strcmp(order, "up") == 0) {
			result = bulk(block, n, order[0]);
		} else if (strcmp(order, "hold") == 0) {
			for (; n > 0 && held_n < HELD_MAX; n--) {
				held[held_n] = open_to(&server, server_size);
				if (write_all(held[held_n], "e", 1) < 0 || write_all(held[held_n], block, MESSAGE) < 0 ||
				    read_all(held[held_n], block, MESSAGE) < 0)
					die("hold");
				held_n++;
			}
		} else if (strcmp(order, "drop") == 0) {
			while (held_n > 0)
				close(held[--held_n]);
		} else {
			result = median(block, n, order[0]);
		}
		dprintf(fd, "%llu\n", (unsigned long long)result);
	}
	return 0;
}

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	if (argc == 4 && strcmp(argv[1], "serve") == 0)
		serve(argv[2], argv[3]);
	if (argc == 6 && strcmp(argv[1], "client") == 0)
		return client(argv + 2);
	fprintf(stderr, "usage: net-peer serve ADDRESS PORT | net-peer client WHO HOST PORT CONTROL\n");
	return 2;
}
