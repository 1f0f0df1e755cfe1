/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The side of a harvest that runs in a confined process: it has a file to read, a pipe to write records to, and memory. read(2), write(2).
 */
#include "session/harvest.h"

#include "base/cleanup.h"
#include "base/fd.h"

/* Records are written in packets of some, not one by one. */
#define PACKET 32

struct writer {
	int out;
	size_t n, total;
	struct harvest_record packet[PACKET];
};

static int flush(struct writer *w)
{
	int rc = w->n > 0 ? fd_write_all(w->out, w->packet, w->n * sizeof w->packet[0]) : 0;

	w->n = 0;
	return rc;
}

static int put(void *context, const struct harvest_record *record)
{
	struct writer *w = context;

	if (++w->total > HARVEST_RECORDS_MAX)
		return -1;
	w->packet[w->n++] = *record;
	return w->n == PACKET ? flush(w) : 0;
}

int harvest_serve(int (*fn)(struct span text, const struct harvest_sink *sink), int fd, int out)
{
	CLEANUP_BUF struct buf text = BUF_INIT(HARVEST_FILE_MAX);
	struct writer w = { .out = out };
	const struct harvest_sink sink = { put, &w };

	if (fd_read_all(fd, &text) < 0 || fn(buf_span(&text), &sink) < 0)
		return -1;
	return flush(&w);
}
