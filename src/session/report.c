/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Records to the monitor. Calls are collected and sent a packet at a time, so that the monitor is not woken for each message; what it must act
 * on goes at once.
 */
#include "session/filter.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Not inline: where gcc sees the literal that is copied, it takes a larger bound of strnlen(3) for a mistake. */
void copy_text(char *to, size_t size, const char *text, size_t n)
{
	size_t length = strnlen(text, n < size - 1 ? n : size - 1);

	memcpy(to, text, length);
	to[length] = '\0';
}

void report_flush(struct filter *f)
{
	if (f->packet_n == 0)
		return;
	for (;;) {
		ssize_t n = send(f->monitor, f->packet, f->packet_n, MSG_NOSIGNAL);
		if (n == (ssize_t)f->packet_n)
			break;
		/* Without the monitor nothing may pass any more. */
		if (n >= 0 || errno != EINTR)
			_exit(1);
	}
	f->packet_n = 0;
}

/* Append RECORD, whose head is filled in here. Records in a packet are not aligned, so each is built aside. */
static void put(struct filter *f, enum record_type type, void *record)
{
	size_t size = record_size(type);
	struct record_head head = { .type = (uint16_t)type, .size = (uint16_t)size };

	if (sizeof f->packet - f->packet_n < size)
		report_flush(f);
	if (f->packet_n == 0)
		f->packet_since = f->now;
	memcpy(record, &head, sizeof head);
	memcpy(f->packet + f->packet_n, record, size);
	f->packet_n += size;
}

void report_call(struct filter *f, const struct pending *p, enum call_end end, uint64_t reply_bytes, const char *rule)
{
	struct record_call r = {
		.end = (uint8_t)end,
		.of = p->is_tool_call ? CALL_OF_TOOL : CALL_OF_METHOD,
		.duration = f->now - p->started,
		.request_bytes = p->bytes,
		.reply_bytes = reply_bytes,
	};
	copy_text(r.name, sizeof r.name, p->is_tool_call ? p->tool : p->method, sizeof p->tool);
	if (rule)
		copy_text(r.rule, sizeof r.rule, rule, SIZE_MAX);
	put(f, RECORD_CALL, &r);
	limits_ended(f, p, end);
}

void report_asked(struct filter *f, const struct pending *p, enum call_end end, uint64_t reply_bytes)
{
	struct record_call r = {
		.end = (uint8_t)end,
		.of = CALL_OF_SERVER,
		.duration = f->now - p->started,
		.request_bytes = p->bytes,
		.reply_bytes = reply_bytes,
	};
	copy_text(r.name, sizeof r.name, p->method, sizeof p->method);
	put(f, RECORD_CALL, &r);
}

void report_refused(struct filter *f, enum direction d, unsigned why, const struct frame_refusal *at,
		    const struct message *m, bool answered)
{
	struct record_refused r = {
		.direction = (uint8_t)d,
		.why = (uint8_t)why,
		.answered = answered,
	};
	f->totals.refused[d]++;
	if (at) {
		r.offset = at->offset;
		r.length = at->length;
		copy_text(r.method, sizeof r.method, at->method, sizeof at->method);
		copy_text(r.detail, sizeof r.detail, at->detail, sizeof at->detail);
	} else if (m) {
		r.length = m->line.n;
		copy_text(r.method, sizeof r.method, m->method, sizeof m->method);
	}
	put(f, RECORD_REFUSED, &r);
}

void report_event(struct filter *f, enum session_event event)
{
	struct record_event r = { .event = (uint8_t)event };
	put(f, RECORD_EVENT, &r);
	report_flush(f);
}

void report_item(struct filter *f, struct record_item *r, struct span content)
{
	r->total = (uint32_t)content.n;
	r->offset = 0;
	do {
		size_t n = content.n - r->offset < RECORD_CHUNK ? content.n - r->offset : RECORD_CHUNK;
		r->n = (uint32_t)n;
		if (n > 0)
			memcpy(r->chunk, content.p + r->offset, n);
		put(f, RECORD_ITEM, r);
		r->offset += r->n;
	} while (r->offset < r->total);
}

void report_list(struct filter *f, enum item_kind kind, bool whole)
{
	struct record_list r = { .kind = (uint8_t)kind, .whole = whole };
	put(f, RECORD_LIST, &r);
}

void report_record(struct filter *f, enum record_type type, void *record)
{
	put(f, type, record);
}

void report_end(struct filter *f)
{
	limits_finish(f);
	put(f, RECORD_END, &f->totals);
	report_flush(f);
}
