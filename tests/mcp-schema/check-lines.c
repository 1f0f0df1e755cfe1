/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the scanner, the table of methods and the shapes say of messages, one line of standard output for each line of standard
 * input:
 *
 * 	C MESSAGE              a request or notification of the client
 * 	S MESSAGE              of the server
 * 	c METHOD ERA MESSAGE   the client's answer to the server's request METHOD; ERA is "legacy" or "modern"
 * 	s METHOD ERA MESSAGE   the server's answer to the client's
 *
 * "pass", or "refused:" and why. With --table, the table itself, as JSON lines. For test-messages.py.
 */
#include "rpc/frame.h"
#include "rpc/methods.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct mediation policy;
static struct tree tree;

static void print_table(void)
{
	for (size_t i = 0; i < methods_n; i++) {
		const struct method *row = &methods[i];
		printf("{\"method\":\"%s\",\"from\":\"%s\",\"request\":%s,\"versions\":[", row->name,
		       row->from == CLIENT_TO_SERVER ? "client" : "server", row->request ? "true" : "false");
		const char *comma = "";
		for (int v = 0; v < MCP_VERSIONS_; v++) {
			if (row->versions & 1 << v) {
				printf("%s\"%s\"", comma, mcp_version_names[v]);
				comma = ",";
			}
		}
		printf("],\"verdict\":\"%s\"}\n", method_verdict_names[row->verdict]);
	}
}

static void print_failure(const struct shape_failure *failure)
{
	printf("refused: shape: \"%s\" %s\n", failure->pointer, failure->words);
}

static void check_request(enum direction from, const struct message *m)
{
	const struct method *row;
	struct shape_failure failure = { 0 };

	if (m->kind != MESSAGE_REQUEST && m->kind != MESSAGE_NOTIFICATION) {
		puts("refused: envelope: neither request nor notification");
		return;
	}
	enum method_status status = methods_admit(from, m, &policy, &row);
	if (status != METHOD_KNOWN)
		printf("refused: method: %s\n", method_status_text(status));
	else if (m->params.n > 0 && tree_parse(&tree, m->params, 0) != TREE_OK)
		puts("refused: tree");
	else if (tree.n = m->params.n > 0 ? tree.n : 0, method_check_params(row, m, &tree, &failure) < 0)
		print_failure(&failure);
	else
		puts("pass");
}

static void check_answer(const struct method *row, bool modern, const struct message *m)
{
	struct shape_failure failure = { 0 };

	if (m->kind != MESSAGE_RESULT && m->kind != MESSAGE_ERROR)
		puts("refused: envelope: no answer");
	else if (m->id.type == ID_NONE)
		puts("refused: envelope: nobody to answer");
	else if (tree_parse(&tree, m->kind == MESSAGE_RESULT ? m->result : m->error, 0) != TREE_OK)
		puts("refused: tree");
	else if (method_check_answer(row, modern, m->kind, &tree, &failure) < 0)
		print_failure(&failure);
	else
		puts("pass");
}

/* The word at *P; *P goes past it and the space after it. */
static char *word(char **p)
{
	char *start = *p, *space = strchr(start, ' ');

	if (!space)
		return NULL;
	*space = '\0';
	*p = space + 1;
	return start;
}

static int run(char *line, size_t n)
{
	static const struct frame_limits limits = { .message = 1 << 24 };
	static struct message m;
	static struct frame_refusal refusal;
	char *p = line;
	const char *who = word(&p);
	const struct method *row = NULL;
	bool modern = false;

	if (!who || !strchr("CScs", *who))
		return -1;
	bool answer = *who == 'c' || *who == 's';
	if (answer) {
		const char *method = word(&p), *era = method ? word(&p) : NULL;
		row = era ? methods_find(*who == 's' ? CLIENT_TO_SERVER : SERVER_TO_CLIENT, method) : NULL;
		if (!row)
			return -1;
		modern = strcmp(era, "modern") == 0;
	}
	struct span text = { p, (size_t)(line + n - p) };
	if (frame_scan_line(&limits, text, &m, &refusal) != FRAME_MESSAGE)
		printf("refused: envelope: %s\n", refusal_text(refusal.why));
	else if (answer)
		check_answer(row, modern, &m);
	else
		check_request(*who == 'C' ? CLIENT_TO_SERVER : SERVER_TO_CLIENT, &m);
	return 0;
}

int main(int argc, char **argv)
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;

	mediation_defaults(&policy);
	if (argc > 1 && strcmp(argv[1], "--table") == 0) {
		print_table();
		mediation_free(&policy);
		return 0;
	}
	while ((n = getline(&line, &cap, stdin)) > 0) {
		if (line[n - 1] == '\n')
			line[--n] = '\0';
		if (run(line, (size_t)n) < 0) {
			fprintf(stderr, "check-lines: not understood: %.100s\n", line);
			return 2;
		}
	}
	free(line);
	tree_free(&tree);
	mediation_free(&policy);
	return 0;
}
