/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Asking on the terminal that the session was started from, when there is no other road. A client that runs in that terminal
 * itself has it in another mode, or in its own process group; its keys must never be taken for an answer: then nobody is
 * asked. What was typed before the question was shown does not count either. Runs in a process of its own, which the monitor
 * ends when the time is over. termios(3), tcgetpgrp(3).
 */
#include "session/ask-helper.h"

#include "base/buf.h"
#include "base/fd.h"
#include "rpc/question.h"
#include "rpc/text.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

/* Wrong answers before it counts as none. */
#define TRIES 5

/* In line mode with echo, and ours to read from. */
static bool ours(int tty)
{
	struct termios mode;

	return tcgetattr(tty, &mode) == 0 && (mode.c_lflag & ICANON) && (mode.c_lflag & ECHO) && tcgetpgrp(tty) == getpgrp();
}

static bool show(int tty, const struct terminal_question *q)
{
	CLEANUP_BUF struct buf text = BUF_INIT(64 << 10);

	/* The filter has cleaned all of it; what a terminal obeys must not depend on that. */
	buf_puts(&text, "\nmcpcage asks: may the server \"");
	(void)text_clean(&text, span_of(q->server));
	buf_puts(&text, q->host ? "\" connect to the host \"" : "\" run the tool \"");
	(void)text_clean(&text, span_of(q->host ? q->host : q->ask->tool));
	buf_puts(&text, q->host ? "\"?" : "\"?\n  arguments: ");
	(void)text_clean(&text, span_of(q->ask->arguments));
	if (q->ask->description[0]) {
		buf_puts(&text, "\n  the server says of this tool: ");
		(void)text_clean(&text, span_of(q->ask->description));
	}
	buf_puts(&text, "\n  the server can reach: ");
	(void)text_clean(&text, span_of(q->reach));
	buf_puts(&text, "\n  why this is asked: ");
	(void)text_clean(&text, span_of(q->ask->reason));
	buf_putc(&text, '\n');
	return !text.full && fd_write_all(tty, text.p, text.n) == 0;
}

static bool whole_word(const char *typed, enum answer *answer)
{
	size_t n = strlen(typed);

	while (n > 0 && strchr(" \t\r\n", typed[n - 1]))
		n--;
	return answer_by_name((struct span){ typed, n }, answer);
}

static bool read_answer(int tty, enum answer *answer)
{
	static const char prompt[] = "Answer once, session, always or no: ";
	char typed[64];

	for (int i = 0; i < TRIES; i++) {
		if (fd_write_all(tty, prompt, sizeof prompt - 1) < 0)
			return false;
		ssize_t n = read(tty, typed, sizeof typed - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		typed[n] = '\0';
		if (whole_word(typed, answer))
			return true;
	}
	*answer = ANSWER_NO;
	return true;
}

int ask_terminal(void *question)
{
	const struct terminal_question *q = question;
	CLEANUP_CLOSE int tty = open(q->device, O_RDWR | O_CLOEXEC);
	enum answer answer;

	if (tty < 0 || !ours(tty) || tcflush(tty, TCIFLUSH) < 0 || !show(tty, q) || !read_answer(tty, &answer))
		return 1;
	const char *word = answer_name(answer);
	if (fd_write_all(STDOUT_FILENO, word, strlen(word)) < 0 || fd_write_all(STDOUT_FILENO, "\n", 1) < 0)
		return 1;
	return 0;
}
