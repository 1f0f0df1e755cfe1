/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writes the methods of MCP for mcpcage(1) out of their one table (rpc/methods-table.c). It runs on the machine that builds, so
 * it is compiled without config.h and links nothing. The same table always gives the same bytes. man(7).
 */
#include "rpc/methods.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static void roff(const char *text)
{
	for (; *text; text++) {
		if (*text == '-')
			fputs("\\-", stdout);
		else if (*text == '\'')
			fputs("\\(aq", stdout);
		else if (*text == '"')
			fputs("\\(dq", stdout);
		else
			putchar(*text);
	}
}

/* Lines below 80 bytes; the texts of the table start with no control character. */
static void paragraph(const char *text)
{
	size_t column = 0;

	while (*text) {
		char word[64];
		size_t n = strcspn(text, " ");
		snprintf(word, sizeof word, "%.*s", (int)n, text);
		if (column && column + n > 70) {
			putchar('\n');
			column = 0;
		} else if (column) {
			putchar(' ');
		}
		roff(word);
		column += n + 1;
		text += n + (text[n] == ' ');
	}
	putchar('\n');
}

/* "all versions", "2024-11-05 to 2025-11-25", "since 2025-11-25", "2026-07-28". A method exists in versions that follow each other. */
static void versions(const struct method *row)
{
	int first = -1, last = -1;

	for (int v = 0; v < MCP_VERSIONS_; v++) {
		if (row->versions & 1 << v) {
			first = first < 0 ? v : first;
			last = v;
		}
	}
	if (first == 0 && last == MCP_VERSIONS_ - 1) {
		fputs("all versions", stdout);
		return;
	}
	if (first != last && last == MCP_VERSIONS_ - 1)
		fputs("since ", stdout);
	roff(mcp_version_names[first]);
	if (first != last && last != MCP_VERSIONS_ - 1) {
		fputs(" to ", stdout);
		roff(mcp_version_names[last]);
	}
}

static void entry(const struct method *row)
{
	fputs(".TP\n\\fB", stdout);
	roff(row->name);
	fputs("\\fR (", stdout);
	versions(row);
	puts(")");
	if (row->needs == NEEDS_TASKS)
		paragraph("Refused where policy turns tasks off.");
	else if (row->verdict == METHOD_MEDIATE)
		paragraph("Refused unless policy allows it and the client has declared it.");
	paragraph(row->checked ? row->checked : "Nothing but its shape is checked.");
}

static void section(const char *title, enum direction from, bool request)
{
	printf(".SS %s\n", title);
	for (size_t i = 0; i < methods_n; i++)
		if (methods[i].from == from && methods[i].request == request)
			entry(&methods[i]);
}

int main(void)
{
	section("Requests of the client", CLIENT_TO_SERVER, true);
	section("Notifications of the client", CLIENT_TO_SERVER, false);
	section("Requests of the server", SERVER_TO_CLIENT, true);
	section("Notifications of the server", SERVER_TO_CLIENT, false);
	return 0;
}
