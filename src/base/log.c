/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/log.h"

#include "base/buf.h"

#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#define LINE_MAX_BYTES 1000
#define WRITE_PATIENCE 20 /* milliseconds */

/*
 * C0 and C1 controls and DEL are shown as \xNN: a file name or a server's name must not be able to drive
 * the terminal. Other bytes pass; whether they are UTF-8 is the terminal's concern.
 */
static void put_visible(struct buf *b, const char *text)
{
	for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
		if (*p < 0x20 || *p == 0x7f)
			buf_printf(b, "\\x%02x", *p);
		else if (*p == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0) {
			buf_printf(b, "\\x%02x\\x%02x", p[0], p[1]);
			p++;
		} else
			buf_putc(b, (char)*p);
	}
}

static void emit(const struct log *log, const char *text)
{
	CLEANUP_BUF struct buf b = BUF_INIT(PIPE_BUF);

	buf_puts(&b, "mcpcage: ");
	put_visible(&b, text);
	buf_putc(&b, '\n');
	/* A client that does not read must not be able to stop the monitor: wait a little, then lose the line. */
	struct pollfd p = { .fd = log->fd, .events = POLLOUT };
	if (poll(&p, 1, WRITE_PATIENCE) == 1)
		(void)!write(log->fd, b.p, b.n);
}

__attribute__((format(printf, 2, 0)))
static void emit_format(const struct log *log, const char *format, va_list ap)
{
	char text[LINE_MAX_BYTES];

	if (vsnprintf(text, sizeof text, format, ap) < 0)
		return;
	emit(log, text);
}

void log_line(const struct log *log, const char *format, ...)
{
	if (log->level < LOG_NORMAL)
		return;
	va_list ap;
	va_start(ap, format);
	emit_format(log, format, ap);
	va_end(ap);
}

void log_detail(const struct log *log, const char *format, ...)
{
	if (log->level < LOG_VERBOSE)
		return;
	va_list ap;
	va_start(ap, format);
	emit_format(log, format, ap);
	va_end(ap);
}

void log_error(const struct log *log, const struct error *err)
{
	emit(log, err->what);
	if (err->hint[0])
		emit(log, err->hint);
}
