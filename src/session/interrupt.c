/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "session/interrupt.h"

#include "base/cleanup.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

uint64_t interrupt_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

int interrupt_watch(struct interrupt *interrupt, struct error *err)
{
	static const int watched[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT };
	const struct sigaction plain = { .sa_handler = SIG_DFL };
	sigset_t set;

	*interrupt = INTERRUPT_NONE;
	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(watched); i++)
		sigaddset(&set, watched[i]);
	CLEANUP_CLOSE int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0 || sigaction(SIGCHLD, &plain, &interrupt->child) < 0 || sigprocmask(SIG_BLOCK, &set, &interrupt->before) < 0)
		return error_set(err, errno, "cannot watch for signals");
	interrupt->fd = TAKE_FD(&fd);
	return 0;
}

void interrupt_end(struct interrupt *interrupt)
{
	if (interrupt->fd < 0)
		return;
	close(interrupt->fd);
	(void)sigaction(SIGCHLD, &interrupt->child, NULL);
	(void)sigprocmask(SIG_SETMASK, &interrupt->before, NULL);
	*interrupt = INTERRUPT_NONE;
}

int interrupt_check(const struct interrupt *interrupt, struct error *err)
{
	struct signalfd_siginfo info;

	if (read(interrupt->fd, &info, sizeof info) != (ssize_t)sizeof info)
		return 0;
	error_set(err, 0, "interrupted by a signal (%s)", strsignal((int)info.ssi_signo));
	if (err)
		err->sys = EINTR;
	return -1;
}
