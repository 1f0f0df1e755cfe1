/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Frozen between calls: a server of which nobody wants anything is stopped, whole, and goes on when something is wanted. The
 * filter says when (EVENT_QUIET, EVENT_BUSY); it sees the messages, and this process has the means.
 *
 * By the group where there is one (cgroup.freeze, Documentation/admin-guide/cgroup-v2.rst): nothing in it notices, and what is
 * killed while frozen dies at once, init included, so that teardown needs nothing of its own. Else by SIGSTOP and SIGCONT through
 * init, which stays awake, and which in reduced mode it has to be, to kill the rest; a shell in the cage may remark that its child was stopped. kill(-1) takes a process that is just
 * being forked with its parent. Signals are sent in the order in which they are decided, over one socket.
 *
 * Called by monitor.c only. Must not wait: the group may take a moment, and the next message thaws it in any case.
 */
#include "session/monitor.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

void session_freeze(struct session *s)
{
	struct freeze *f = &s->freeze;

	if (f->on || s->ending || s->killed || s->server_exited)
		return;
	if (s->plan->reduced)
		f->by_signals = true;
	if (!f->by_signals && cgroup_freeze(&s->cgroup, true) < 0) {
		f->by_signals = true;
		if (s->cgroup.fd >= 0)
			log_line(s->log, "the server's control group cannot be frozen (%s): its processes are stopped by signals",
				 strerror(errno));
		else
			log_detail(s->log, "there is no control group to freeze: the server's processes are stopped by signals");
	}
	if (f->by_signals)
		session_signal(s, SIGSTOP, true);
	if (f->times++ == 0)
		journal_note(s, "frozen", f->by_signals ? "by signals, until the next message" : "its group, until the next message");
	f->on = true;
	f->since = session_now();
}

void session_thaw(struct session *s)
{
	struct freeze *f = &s->freeze;

	if (!f->on)
		return;
	f->on = false;
	f->total_ms += session_now() - f->since;
	if (f->by_signals) {
		session_signal(s, SIGCONT, true);
		return;
	}
	/* ENODEV: everything in it was killed by somebody else, and it is gone; init's end says so. */
	if (cgroup_freeze(&s->cgroup, false) < 0 && errno != ENODEV && errno != ENOENT) {
		struct error err;
		error_set(&err, errno, "cannot let the frozen server go on (%s/cgroup.freeze)", s->cgroup.path);
		session_break(s, &err);
	}
}
