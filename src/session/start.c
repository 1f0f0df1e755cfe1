/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Making the session's processes. The cage is cloned first, because building it takes longest; the filter confines itself
 * meanwhile on another processor. Only when both are ready, and the cage is in its cgroup, is the server started: a
 * confinement that fails leaves nothing that ran.
 */
#include "session/monitor.h"

#include "base/cleanup.h"
#include "base/fd.h"
#include "session/egress.h"
#include "session/filter.h"
#include "session/init.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

/* Building a cage takes milliseconds; a file system that hangs must not hang the client for ever. */
#define START_TIMEOUT 20000

struct pipes {
	int in[2], out[2], err[2]; /* of the server; [0] is read from */
	int filter[2], init[2];    /* sockets; [0] is the monitor's */
	int ask[2], told[2];       /* of the text command: its input and its output */
	int egress[2];             /* records of egress; and where init sends it the cage's sockets */
};

#define PIPES_NONE { { -1, -1 }, { -1, -1 }, { -1, -1 }, { -1, -1 }, { -1, -1 }, { -1, -1 }, { -1, -1 }, { -1, -1 } }

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void pipes_close(struct pipes *p)
{
	int *all[] = { p->in, p->out, p->err, p->filter, p->init, p->ask, p->told, p->egress };

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		close_fd(&all[i][0]);
		close_fd(&all[i][1]);
	}
}

static int pipes_make(struct pipes *p, struct error *err)
{
	if (pipe2(p->in, O_CLOEXEC) < 0 || pipe2(p->out, O_CLOEXEC) < 0 || pipe2(p->err, O_CLOEXEC) < 0)
		return error_set(err, errno, "cannot make the server's pipes");
	/* Our ends only: O_NONBLOCK is the description's, and each end of a pipe has its own. */
	if (fd_set_nonblock(p->in[1], 1) < 0 || fd_set_nonblock(p->out[0], 1) < 0 ||
	    fd_set_nonblock(p->err[0], 1) < 0)
		return error_set(err, errno, "cannot set up the server's pipes");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, p->filter) < 0 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, p->init) < 0)
		return error_set(err, errno, "cannot make a socket pair");
	return 0;
}

static int watch_signals(struct session *s, struct error *err)
{
	static const int watched[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGCHLD };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(watched); i++)
		sigaddset(&set, watched[i]);
	s->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s->signal_fd < 0 || sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return error_set(err, errno, "cannot watch for signals");
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGCHLD, SIG_DFL); /* a client may have left it ignored, which would lose exit statuses */
	return 0;
}

static int clone_cage(struct session *s, const struct pipes *p, struct error *err)
{
	const pid_t self = getpid();

	s->init.pid = cage_clone(s->plan, s->cgroup.how == CGROUP_DELEGATED ? s->cgroup.fd : -1, &s->init_pidfd, err);
	if (s->init.pid == 0) {
		const struct init_fds fds = {
			.server_in = p->in[0],
			.server_out = p->out[1],
			.server_err = p->err[1],
			.monitor = p->init[1],
			.monitor_pid = self,
			.egress = p->egress[1],
		};
		init_main(s->plan, &fds);
	}
	return s->init.pid < 0 ? -1 : 0;
}

static int start_text_command(struct session *s, struct pipes *p, struct error *err)
{
	const struct mediation *m = &s->plan->mediation;

	if (m->text_command.n == 0)
		return 0;
	if (pipe2(p->ask, O_CLOEXEC) < 0 || pipe2(p->told, O_CLOEXEC) < 0 || fd_set_nonblock(p->ask[1], 1) < 0 ||
	    fd_set_nonblock(p->told[0], 1) < 0)
		return error_set(err, errno, "cannot make the text command's pipes");
	return child_serve(&s->text_command, &m->text_command, p->ask[0], p->told[1], err);
}

static int fork_filter(struct session *s, const struct pipes *p, struct error *err)
{
	s->filter.pid = fork();
	if (s->filter.pid < 0)
		return error_set(err, errno, "cannot fork the filter");
	if (s->filter.pid == 0) {
		struct filter_fds fds = {
			.client_in = STDIN_FILENO,
			.client_out = STDOUT_FILENO,
			.client_err = STDERR_FILENO,
			.server_in = p->in[1],
			.server_out = p->out[0],
			.server_err = p->err[0],
			.monitor = p->filter[1],
			.hook_in = p->ask[1],
			.hook_out = p->told[0],
			.approvals = &s->approvals,
			.pins = s->pinning.text,
		};
		filter_main(s->plan, &fds);
	}
	return 0;
}

/* Where there is none, it is as if it had come to its end. */
static int start_egress(struct session *s, struct pipes *p, struct error *err)
{
	if (s->plan->network == NETWORK_NAMES)
		return egress_start(s->plan, &s->egress.pid, &p->egress[0], &p->egress[1], err);
	s->egress.state = PEER_ENDED;
	s->egress.reaped = true;
	return 0;
}

/* Hear all peers until each has reached STATE (or more), or something went wrong. */
static int await(struct session *s, enum peer_state outside, enum peer_state init, struct error *err)
{
	uint64_t end = session_now() + START_TIMEOUT;

	while (s->filter.state < outside || s->egress.state < outside || s->init.state < init) {
		struct pollfd p[3] = {
			{ .fd = s->filter.fd, .events = POLLIN },
			{ .fd = s->init.fd, .events = POLLIN },
			{ .fd = s->egress.fd, .events = POLLIN },
		};
		uint64_t now = session_now();
		int n = now < end ? poll(p, ARRAY_SIZE(p), (int)(end - now)) : 0;
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return error_set(err, ETIMEDOUT, "the cage was not ready after %d s", START_TIMEOUT / 1000);
		if (p[0].revents)
			session_hear(s, &s->filter);
		if (p[1].revents && !s->broken)
			session_hear(s, &s->init);
		if (p[2].revents && !s->broken)
			session_hear(s, &s->egress);
		if (s->broken) {
			*err = s->error;
			return -1;
		}
	}
	return 0;
}

/*
 * A group that could not be had, and limits that did not take effect, are errors when policy requires the layer, and a line
 * otherwise. STEP is what the attempt returned, with ERR.
 */
static int judge_cgroup(struct session *s, int step, struct error *err)
{
	const bool required = s->plan->require & LAYER_CGROUP;
	unsigned lacking = cgroup_limits_wanted(s->plan) & ~s->cgroup.limits;
	char names[128];

	if (step < 0) {
		if (required)
			return -1;
		log_error(s->log, err);
	}
	/* That there is none was known when the plan was made, and has been said. */
	if (s->cgroup.how == CGROUP_NONE && !(s->plan->layers & LAYER_CGROUP) && !required)
		return 0;
	if (lacking == 0)
		return 0;
	cgroup_limits_name(lacking, names, sizeof names);
	if (required) {
		error_set(err, 0, "the control group cannot limit: %s%s%s", names, s->cgroup.why[0] ? ": " : "",
			  s->cgroup.why);
		return error_hint(err, "see `mcpcage doctor`, or leave out the limits or --require cgroup");
	}
	/* After a failed attempt the reason has been said. */
	const char *why = step < 0 ? "" : s->cgroup.why;
	log_line(s->log, "cgroup: these limits are not enforced: %s%s%s", names, why[0] ? ": " : "", why);
	return 0;
}

static int enter_scope(struct session *s, struct error *err)
{
	int step = cgroup_enter_scope(s->plan, s->init.pid, &s->cgroup, err);

	if (step < 0) {
		/* If the cage could not be built meanwhile, that is the reason, and the only one worth a line. */
		struct pollfd p = { .fd = s->init.fd, .events = POLLIN };
		if (poll(&p, 1, 0) > 0)
			session_hear(s, &s->init);
		if (s->broken) {
			*err = s->error;
			return -1;
		}
	}
	return judge_cgroup(s, step, err);
}

int session_start(struct session *s, struct error *err)
{
	CLEANUP(pipes_close) struct pipes p = PIPES_NONE;
	union record go = { 0 };

	if (watch_signals(s, err) < 0 || pipes_make(&p, err) < 0)
		return -1;
	int step = cgroup_prepare(s->plan, &s->cgroup, err);
	if (s->cgroup.how != CGROUP_SCOPE && judge_cgroup(s, step, err) < 0)
		return -1;
	/* The filter and egress first: one compiles its rules, the other loads name services, while the cage is being built. */
	if (start_text_command(s, &p, err) < 0 || fork_filter(s, &p, err) < 0 || start_egress(s, &p, err) < 0 ||
	    clone_cage(s, &p, err) < 0)
		return -1;
	s->filter.fd = TAKE_FD(&p.filter[0]);
	s->init.fd = TAKE_FD(&p.init[0]);
	s->egress.fd = TAKE_FD(&p.egress[0]);
	/* Ends that are not ours would keep the others from seeing an end of file. */
	pipes_close(&p);

	if (s->cgroup.how == CGROUP_SCOPE && enter_scope(s, err) < 0)
		return -1;
	if (await(s, PEER_RUNNING, PEER_READY, err) < 0)
		return -1;
	if (record_send(s->init.fd, RECORD_GO, &go) < 0)
		return error_set(err, errno, "cannot start the server");
	return await(s, PEER_RUNNING, PEER_RUNNING, err);
}
