/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The server of the benches: answers as fast as it can. A request whose text holds `"bytes":N` gets N bytes of base64
 * letters, any other one a short result; notifications get nothing. It trusts its client, the bench, in everything.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define BIG_MAX ((size_t)64 << 20)

static char *big;

static void write_all(struct iovec *v, int n)
{
	while (n > 0) {
		ssize_t w = writev(STDOUT_FILENO, v, n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0)
			exit(1);
		while (n > 0 && (size_t)w >= v->iov_len) {
			w -= (ssize_t)v->iov_len;
			v++;
			n--;
		}
		if (n > 0) {
			v->iov_base = (char *)v->iov_base + w;
			v->iov_len -= (size_t)w;
		}
	}
}

static size_t grow(size_t want)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	static size_t have;

	if (want > BIG_MAX)
		want = BIG_MAX;
	if (want <= have)
		return want;
	big = realloc(big, want);
	if (!big)
		exit(1);
	for (; have < want; have++)
		big[have] = alphabet[(have * 7) % 64];
	return want;
}

static void answer(const char *line)
{
	const char *id = strstr(line, "\"id\":"), *bytes = strstr(line, "\"bytes\":");
	char head[256], tail[] = "\"}]}}\n";
	size_t n = bytes ? grow(strtoull(bytes + 8, NULL, 10)) : 2;

	if (!id)
		return;
	if (strstr(line, "\"initialize\"")) {
		snprintf(head, sizeof(head),
			 "{\"jsonrpc\":\"2.0\",\"id\":%lld,\"result\":{\"protocolVersion\":\"2025-06-18\",\"capabilities\":{\"tools\":{}},"
			 "\"serverInfo\":{\"name\":\"echo\",\"version\":\"1\"}}}\n", strtoll(id + 5, NULL, 10));
		struct iovec v = { head, strlen(head) };
		write_all(&v, 1);
		return;
	}
	snprintf(head, sizeof(head), "{\"jsonrpc\":\"2.0\",\"id\":%lld,\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"",
		 strtoll(id + 5, NULL, 10));
	struct iovec v[] = { { head, strlen(head) }, { bytes ? big : (char[]){ "ok" }, n }, { tail, sizeof(tail) - 1 } };
	write_all(v, 3);
}

int main(void)
{
	static char held[1 << 16];
	size_t n = 0;

	for (;;) {
		ssize_t r = read(STDIN_FILENO, held + n, sizeof(held) - 1 - n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return 0;
		n += (size_t)r;
		for (char *newline; (newline = memchr(held, '\n', n));) {
			size_t line = (size_t)(newline - held) + 1;

			*newline = '\0';
			answer(held);
			memmove(held, held + line, n - line);
			n -= line;
		}
		if (n == sizeof(held) - 1)
			n = 0;
	}
}
