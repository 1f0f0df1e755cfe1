/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The processes that look at a path and enter the cage, in the monitor's place: a file system that hangs must not hang the monitor,
 * and who has entered other namespaces does not come back. Each does one thing, says how it went in one packet, and ends; it dies
 * with the monitor, has none of the client's streams, and is killed when its time is over. A tree that was cloned is in the monitor's hands
 * from then on, so that whatever an interrupted helper did can be undone.
 */
#include "session/grants.h"

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/path.h"
#include "session/monitor.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define HELPER_TIME 10000 /* milliseconds */

enum { FD_SAY = 3, FD_USER, FD_MOUNT, FD_TREE, FD_FREE };

/* ---- in the new process --------------------------------------------------------------------------- */

static int settle(pid_t parent, const int from[FD_FREE - FD_SAY])
{
	sigset_t none;
	int high[FD_FREE - FD_SAY];

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		return -1;
	for (int i = 0; i < FD_FREE - FD_SAY; i++) {
		high[i] = from[i] < 0 ? -1 : fcntl(from[i], F_DUPFD_CLOEXEC, FD_FREE);
		if (from[i] >= 0 && high[i] < 0)
			return -1;
	}
	for (int i = 0; i < FD_FREE - FD_SAY; i++)
		if (high[i] >= 0 ? dup3(high[i], FD_SAY + i, O_CLOEXEC) < 0 : close(FD_SAY + i) < 0 && errno != EBADF)
			return -1;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int fd = 0; fd <= 2; fd++)
		if (null < 0 || dup2(null, fd) < 0)
			return -1;
	for (int s = 1; s < NSIG; s++)
		if (s != SIGKILL && s != SIGSTOP && s != SIGPIPE)
			(void)signal(s, SIG_DFL);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	return fd_close_from(FD_FREE);
}

static _Noreturn void say(struct grant_said *said, int tree)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	struct iovec io = { said, sizeof *said };
	struct msghdr message = { .msg_iov = &io, .msg_iovlen = 1 };

	if (tree >= 0) {
		message.msg_control = control.bytes;
		message.msg_controllen = sizeof control.bytes;
		struct cmsghdr *c = CMSG_FIRSTHDR(&message);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof tree);
		memcpy(CMSG_DATA(c), &tree, sizeof tree);
	}
	_exit(sendmsg(FD_SAY, &message, MSG_NOSIGNAL) < 0);
}

/* What is true of ASKED and of every protected place. */
static int look(const struct plan *plan, const char *asked, struct facts *facts, struct error *err)
{
	const struct plan_later *later = &plan->later;

	facts->uid = plan->uid;
	facts->gid = plan->gid;
	if ((later->home && !(facts->home = strdup(later->home))) ||
	    (later->home_other && !(facts->home_env = strdup(later->home_other))) ||
	    strlist_copy(&facts->protect, &later->protect) < 0)
		return error_oom(err);
	return facts_look(facts, asked, err);
}

static int source(const struct plan *plan, const char *asked, struct grant_said *said)
{
	CLEANUP(facts_free) struct facts facts = { 0 };
	struct error *err = &said->error;

	if (look(plan, asked, &facts, err) < 0 || later_allows(plan, &facts, asked, err) < 0)
		return -1;
	const struct path_fact *fact = facts_path(&facts, asked);
	if (!fact || !fact->real || strlen(fact->real) >= sizeof said->real)
		return error_set(err, ENAMETOOLONG, "cannot grant %s", asked);
	said->directory = fact->type == PATH_DIR;
	memcpy(said->real, fact->real, strlen(fact->real) + 1);
	return graft_source(fact->real, fact->dev, fact->ino, said->directory, err);
}

static void move(const struct grant_entry *entry, bool attach, struct grant_said *said)
{
	const struct graft graft = {
		.user_ns = FD_USER, .mount_ns = FD_MOUNT, .tree = FD_TREE, .directory = entry->directory,
		.dest = entry->place.dest, .apart = entry->place.apart, .base = entry->place.base, .link = entry->place.link,
	};
	bool at_apart = false, linked = false;

	if (attach)
		said->rc = graft_attach(&graft, &at_apart, &linked, &said->error);
	else
		said->rc = graft_detach(&graft, entry->at_apart, &said->error);
	said->at_apart = at_apart;
	said->linked = linked;
}

/* ---- in the monitor ------------------------------------------------------------------------------- */

/* Fork; 0 in the new process, which has settled. */
static pid_t start(struct grant_helper *h, enum grant_job job, const struct session *s, int tree, struct error *err)
{
	pid_t parent = getpid();
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_set(err, errno, "cannot make a socket pair");
	CLEANUP_CLOSE int hear = pair[0], say_to = pair[1];
	pid_t pid = fork();
	if (pid < 0)
		return error_set(err, errno, "cannot fork");
	if (pid == 0) {
		const int from[] = { say_to, s->places[0], s->places[1], tree };
		if (settle(parent, from) < 0)
			_exit(126);
		return 0;
	}
	*h = (struct grant_helper){ .job = job, .pid = pid, .fd = TAKE_FD(&hear), .end = session_now() + HELPER_TIME, .tree = -1 };
	return pid;
}

int grant_helper_source(struct grant_helper *h, const struct session *s, const char *asked, struct error *err)
{
	struct grant_said said = { 0 };
	pid_t pid = start(h, GRANT_JOB_SOURCE, s, -1, err);

	if (pid != 0)
		return pid < 0 ? -1 : 0;
	int tree = source(s->plan, asked, &said);
	said.rc = tree < 0 ? -1 : 0;
	say(&said, tree);
}

int grant_helper_move(struct grant_helper *h, const struct session *s, const struct grant_entry *entry, bool attach,
		      struct error *err)
{
	struct grant_said said = { 0 };
	pid_t pid = start(h, attach ? GRANT_JOB_ATTACH : GRANT_JOB_DETACH, s, entry->tree, err);

	if (pid != 0)
		return pid < 0 ? -1 : 0;
	move(entry, attach, &said);
	say(&said, -1);
}

static void hear(struct grant_helper *h)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec io = { &h->said, sizeof h->said };
	struct msghdr message = { .msg_iov = &io, .msg_iovlen = 1, .msg_control = control.bytes,
				  .msg_controllen = sizeof control.bytes };

	ssize_t n = recvmsg(h->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	for (struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&message) : NULL; c; c = CMSG_NXTHDR(&message, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS && h->tree < 0)
			memcpy(&h->tree, CMSG_DATA(c), sizeof h->tree);
	h->heard = n == (ssize_t)sizeof h->said;
	close(h->fd);
	h->fd = -1;
}

static bool whole(const struct grant_said *said)
{
	return memchr(said->real, '\0', sizeof said->real) && memchr(said->error.what, '\0', sizeof said->error.what) &&
	       memchr(said->error.hint, '\0', sizeof said->error.hint);
}

bool grant_helper_tend(struct grant_helper *h)
{
	bool late = session_now() >= h->end;

	if (h->pid <= 0)
		return true;
	if (h->fd >= 0)
		hear(h);
	if (late) {
		(void)kill(h->pid, SIGKILL);
		h->end = session_now() + HELPER_TIME;
	}
	/* One that hangs in the kernel is not waited for: it is collected when it can be. */
	if (waitpid(h->pid, NULL, WNOHANG) != h->pid && !late)
		return false;
	if (h->fd >= 0)
		hear(h);
	if (h->fd >= 0)
		close(h->fd);
	h->fd = -1;
	h->pid = 0;
	if (!h->heard || !whole(&h->said)) {
		h->said = (struct grant_said){ .rc = -1 };
		error_set(&h->said.error, late ? ETIMEDOUT : 0, late ? "looking at the path, or entering the cage" :
			  "the process that looks at the path, or enters the cage, died");
	}
	return true;
}

void grant_helper_end(struct grant_helper *h)
{
	if (h->pid > 0) {
		(void)kill(h->pid, SIGKILL);
		(void)waitpid(h->pid, NULL, WNOHANG);
	}
	if (h->fd >= 0)
		close(h->fd);
	if (h->tree >= 0)
		close(h->tree);
	*h = (struct grant_helper){ .fd = -1, .tree = -1 };
}
