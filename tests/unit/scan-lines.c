/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lines on standard input, what the scanner made of each on standard output, as JSON: the C half of
 * test-scan-python.py. The one argument is how many bytes are fed at a time (0: as many as fit).
 */
#include "base/json-out.h"
#include "rpc/frame.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char *const kinds[] = { "request", "notification", "result", "error" };

static void show_id(struct buf *b, const char *key, const struct rpc_id *id)
{
	if (id->type == ID_INTEGER)
		json_member_i64(b, key, id->integer);
	else if (id->type == ID_STRING)
		json_member_span(b, key, (struct span){ id->text, id->length });
}

static void show_raw(struct buf *b, const char *key, struct span value)
{
	if (value.n == 0)
		return;
	json_key(b, key);
	buf_append(b, value.p, value.n);
}

static void show_message(struct buf *b, const struct message *m)
{
	json_member_str(b, "kind", kinds[m->kind]);
	show_id(b, "id", &m->id);
	show_id(b, "requestId", &m->request_id);
	show_raw(b, "idRaw", m->id_raw);
	if (m->method[0])
		json_member_str(b, "method", m->method);
	if (m->has_name)
		json_member_str(b, "name", m->name);
	json_member_bool(b, "modern", m->modern);
	show_raw(b, "params", m->params);
	show_raw(b, "result", m->result);
	show_raw(b, "error", m->error);
	show_raw(b, "arguments", m->arguments);
	json_member_u64(b, "length", m->line.n);
}

static void show_refusal(struct buf *b, const struct frame_refusal *r)
{
	json_member_u64(b, "why", r->why);
	json_member_str(b, "reason", refusal_text(r->why));
	json_member_str(b, "detail", r->detail);
	json_member_u64(b, "offset", r->offset);
	json_member_u64(b, "length", r->length);
	show_id(b, "id", &r->id);
	if (r->kind_known)
		json_member_str(b, "kind", kinds[r->kind]);
	json_member_bool(b, "modern", r->modern);
	json_member_str(b, "method", r->method);
}

static void show(enum frame_event event, const struct message *m, const struct frame_refusal *r)
{
	static const char *const events[] = { "more", "message", "refused", "noise", "blank" };
	CLEANUP_BUF struct buf b = BUF_INIT(0);

	buf_putc(&b, '{');
	json_member_str(&b, "event", events[event]);
	if (event == FRAME_MESSAGE)
		show_message(&b, m);
	else if (event == FRAME_REFUSED)
		show_refusal(&b, r);
	buf_puts(&b, "}\n");
	fwrite(b.p, 1, b.n, stdout);
}

int main(int argc, char **argv)
{
	struct frame_limits limits = { .message = 1 << 20 };
	size_t piece = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
	struct frame *f = frame_new(&limits);
	static struct message m;
	static struct frame_refusal r;

	for (;;) {
		size_t n = 0;
		char *space = f ? frame_space(f, &n) : NULL;
		if (!space)
			return 1;
		if (piece && n > piece)
			n = piece;
		ssize_t got = read(0, space, n);
		if (got < 0)
			return 1;
		if (got == 0)
			break;
		frame_fill(f, (size_t)got);
		enum frame_event event;
		while ((event = frame_next(f, &m, &r)) != FRAME_MORE)
			show(event, &m, &r);
	}
	frame_free(f);
	return fflush(stdout) == 0 ? 0 : 1;
}
