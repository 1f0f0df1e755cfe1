/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reduced mode: init and its processes on a machine without user namespaces (policy/plan-reduced.c says what is planned then).
 *
 * What pid 1 of a pid namespace has from the kernel, init gets otherwise here. It enters a Landlock domain that restricts nothing but whom
 * it may signal, before it starts anything: every process that comes of it is in that domain for good, whatever it does with sessions,
 * groups and parents, so that kill(2) with -1 from init means just those, also while they fork. The server enters a domain of its own inside
 * (landlock_reduced()), from which it cannot signal init. As their subreaper init gets all that lose their parents, and knows when the last
 * is gone.
 *
 * kill(-1) without that domain would end every process of the user. So that it works is seen before anything can go on, by a signal
 * to the monitor that has to be refused.
 *
 * Called by session/init.c only. landlock(7), PR_SET_CHILD_SUBREAPER in prctl(2), kill(2).
 */
#include "cage/cage.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * A Landlock rule is on an inode, and those of /proc are made anew when nothing has used them for a while: an open descriptor keeps
 * them.
 */
static int pin(const struct plan *plan, int pins[REDUCED_PINS], struct error *err)
{
	size_t n = 0;

	for (size_t i = 0; i < REDUCED_PINS; i++)
		pins[i] = -1;
	for (size_t i = 0; i < plan->mounts_n; i++) {
		const char *src = plan->mounts[i].src;
		if (strncmp(src, "/proc/", 6) != 0)
			continue;
		if (n == REDUCED_PINS)
			return error_set(err, 0, "more files of /proc are granted than are kept open");
		pins[n] = open(src, O_PATH | O_CLOEXEC);
		if (pins[n++] < 0)
			return error_set(err, errno, "cannot open %s", src);
	}
	return 0;
}

void reduced_pin_server(pid_t server, int pins[REDUCED_OWN_N])
{
	for (size_t i = 0; i < REDUCED_OWN_N; i++) {
		char path[64];
		snprintf(path, sizeof path, "/proc/%d/%s", (int)server, reduced_own[i]);
		/* It may be gone already. */
		pins[i] = open(path, O_PATH | O_CLOEXEC);
	}
}

/* Whether the monitor, which is in no domain of ours, is out of reach. Signal 0 is checked like any other, and does nothing. */
static int check_scope(pid_t monitor, struct error *err)
{
	bool refused = kill(monitor, 0) < 0 && errno == EPERM;

	/* Had it ended before, the number could be another user's by now, and be refused for that. */
	if (getppid() != monitor)
		return error_set(err, 0, "the monitor has ended");
	if (refused)
		return 0;
	return error_set(err, 0, "Landlock does not hold back signals to processes outside: nothing is started");
}

int reduced_enter(const struct plan *plan, pid_t monitor, int pins[REDUCED_PINS], struct error *err)
{
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		return error_set(err, errno, "cannot become the subreaper of the server");
	if (pin(plan, pins, err) < 0)
		return -1;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return error_set(err, errno, "cannot set no_new_privs");
	if (landlock_own_signals(err) < 0)
		return -1;
	return check_scope(monitor, err);
}

void reduced_kill_all(void)
{
	/* Those that are stopped or frozen by a signal die as well; who is in the kernel dies when it comes out of it. */
	(void)kill(-1, SIGKILL);
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		;
}
