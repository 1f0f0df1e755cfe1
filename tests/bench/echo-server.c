/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The server of the benches: answers as fast as it can. It lists as many tools as its argument says. A request whose text
 * holds `"bytes":N` gets an image of N bytes of base64 letters, `"text":N` as many of prose, any other one a short result;
 * notifications get nothing. It trusts its client, the bench, in everything.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define BIG_MAX ((size_t)64 << 20)

static char *big, *prose, *tools;

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

/* N bytes of ordinary text, with the line ends, quotes and accents that such text has. */
static size_t write_prose(size_t n)
{
	static const char text[] =
		"The harbour master kept a ledger of every vessel that came in, with its cargo, its crew and the weather "
		"of the day.\\n\\nOn most mornings he wrote \\\"calm\\\", closed the book and went down to the caf\303\251 at the quay; "
		"in winter, when the ice came, he wrote nothing for weeks. Later readers made much of these silences: a table of "
		"dates and tonnage (see chapter 7, pages 112-131) shows that no year had fewer than forty. ";
	static size_t have;

	if (n <= have)
		return n;
	prose = realloc(prose, n + sizeof(text));
	if (!prose)
		exit(1);
	for (have = 0; have < n; have += sizeof(text) - 1)
		memcpy(prose + have, text, sizeof(text) - 1);
	/* Whole texts only: a cut would be inside a character or an escape. */
	return have;
}

/* The first two are called by the benches; the others make the list long. */
static void make_tools(int count)
{
	FILE *f;
	size_t n;

	f = open_memstream(&tools, &n);
	if (!f)
		exit(1);
	fputs("{\"name\":\"echo\",\"description\":\"Say it again.\",\"inputSchema\":{\"type\":\"object\",\"properties\":{"
	      "\"x\":{\"type\":\"string\",\"maxLength\":200,\"pattern\":\"^[0-9]*a*$\"}},\"required\":[\"x\"],"
	      "\"additionalProperties\":false}},{\"name\":\"big\",\"description\":\"Much of it.\",\"inputSchema\":{\"type\":\"object\","
	      "\"properties\":{\"bytes\":{\"type\":\"integer\"},\"text\":{\"type\":\"integer\"}}}}", f);
	for (int i = 2; i < count; i++)
		fprintf(f, ",{\"name\":\"tool_%d\",\"title\":\"Tool %d\",\"description\":\"Read entry %d of the ledger and return its date, "
			"vessel and cargo as text. Use it when the user names a page; the page must be in the range of the book.\","
			"\"inputSchema\":{\"$schema\":\"http://json-schema.org/draft-07/schema#\",\"type\":\"object\",\"properties\":{"
			"\"page\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":%d,\"description\":\"Page of the ledger\"},"
			"\"columns\":{\"type\":\"array\",\"items\":{\"type\":\"string\",\"enum\":[\"date\",\"vessel\",\"cargo\"]},"
			"\"description\":\"What to return\"},\"format\":{\"type\":\"string\",\"enum\":[\"text\",\"json\"],\"default\":\"text\"}},"
			"\"required\":[\"page\"],\"additionalProperties\":false}}", i, i, i, i + 100);
	fclose(f);
}

static void answer(const char *line)
{
	const char *id = strstr(line, "\"id\":"), *bytes = strstr(line, "\"bytes\":"), *text = strstr(line, "\"text\":");
	char head[256], tail[] = "\"}]}}\n";
	const char *body = "ok";
	size_t n = 2;

	if (!id)
		return;
	if (strstr(line, "\"tools/list\"")) {
		snprintf(head, sizeof(head), "{\"jsonrpc\":\"2.0\",\"id\":%lld,\"result\":{\"tools\":[", strtoll(id + 5, NULL, 10));
		static char close_list[] = "]}}\n";
		struct iovec v[] = { { head, strlen(head) }, { tools, strlen(tools) }, { close_list, 4 } };
		write_all(v, 3);
		return;
	}
	if (bytes) {
		n = grow(strtoull(bytes + 8, NULL, 10));
		body = big;
	} else if (text) {
		n = write_prose(strtoull(text + 7, NULL, 10));
		body = prose;
	}
	if (strstr(line, "\"initialize\"")) {
		snprintf(head, sizeof(head),
			 "{\"jsonrpc\":\"2.0\",\"id\":%lld,\"result\":{\"protocolVersion\":\"2025-06-18\",\"capabilities\":{\"tools\":{}},"
			 "\"serverInfo\":{\"name\":\"echo\",\"version\":\"1\"}}}\n", strtoll(id + 5, NULL, 10));
		struct iovec v = { head, strlen(head) };
		write_all(&v, 1);
		return;
	}
	snprintf(head, sizeof(head), "{\"jsonrpc\":\"2.0\",\"id\":%lld,\"result\":{\"content\":[{%s\"", strtoll(id + 5, NULL, 10),
		 bytes ? "\"type\":\"image\",\"mimeType\":\"image/png\",\"data\":" : "\"type\":\"text\",\"text\":");
	struct iovec v[] = { { head, strlen(head) }, { (char *)(uintptr_t)body, n }, { tail, sizeof(tail) - 1 } };
	write_all(v, 3);
}

int main(int argc, char **argv)
{
	static char held[1 << 16];
	size_t n = 0;

	make_tools(argc > 1 ? atoi(argv[1]) : 2);
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
