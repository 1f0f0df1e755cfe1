/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Set-up order, each step before the one that would make it impossible: id maps (need a dumpable process) → AppArmor
 * label for the next execve(2) (needs the host's /proc, and is inherited by fork) → network → root and pivot →
 * ready → wait for the monitor → fork → in the child: session, streams, rlimits, capabilities, Landlock, seccomp, close, exec. Nothing of
 * the server's runs before the last step, and no step is soft.
 *
 * In reduced mode there is nothing to map, mount or pivot: reduced_enter() is in the place of all that, and Landlock says on the host's own
 * paths what the mounts would.
 */
#include "session/init.h"

#include "base/cleanup.h"
#include "base/fd.h"
#include "cage/cage.h"
#include "session/record.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Where init keeps its descriptors: everything else is closed. */
enum { FD_IN = 3, FD_OUT, FD_ERR, FD_MONITOR, FD_EGRESS, FD_FIRST_FREE };

#define LEAVE_TIMEOUT 200 /* milliseconds */

static _Noreturn void fail(struct error *err)
{
	union record r = { .failed = { .error = *err } };

	(void)record_send(FD_MONITOR, RECORD_FAILED, &r);
	_exit(1);
}

/*
 * The client's streams and whatever else the monitor had open must not be found here. Descriptors are moved out of the way
 * first, because they may stand where another has to go.
 */
static int take_fds(const struct init_fds *fds, struct error *err)
{
	const int from[] = { fds->server_in, fds->server_out, fds->server_err, fds->monitor, fds->egress >= 0 ? fds->egress : fds->server_in };
	int high[ARRAY_SIZE(from)];

	for (size_t i = 0; i < ARRAY_SIZE(from); i++) {
		high[i] = fcntl(from[i], F_DUPFD_CLOEXEC, FD_FIRST_FREE);
		if (high[i] < 0)
			return error_set(err, errno, "cannot duplicate a descriptor");
	}
	for (size_t i = 0; i < ARRAY_SIZE(from); i++)
		if (dup3(high[i], FD_IN + (int)i, O_CLOEXEC) < 0)
			return error_set(err, errno, "cannot duplicate a descriptor");
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0)
		return error_set(err, errno, "cannot open /dev/null");
	for (int fd = 0; fd <= 2; fd++)
		if (dup2(null, fd) < 0)
			return error_set(err, errno, "cannot duplicate a descriptor");
	if (fd_close_from(FD_FIRST_FREE) < 0)
		return error_set(err, errno, "cannot close inherited descriptors");
	return 0;
}

/* Needs the capabilities that init still has. */
static int set_up_network(const struct plan *plan, struct error *err)
{
	CLEANUP(network_needs_free) struct network_needs needs = { 0 };
	bool six;

	if (plan->network == NETWORK_NONE)
		return cage_loopback_up(err);
	if (plan->network == NETWORK_HOST)
		return 0;
	if (network_needs(&plan->names, &needs, err) < 0 || cage_names_up(&needs, &six, err) < 0)
		return -1;
	return cage_sockets_send(&needs, six, FD_EGRESS, err);
}

/* *LABEL: to change our own AppArmor label by, later; -1: that is not wanted. */
static int prepare_labels(const struct plan *plan, int *label, struct error *err)
{
	/* From here on nobody but the kernel's privileged may look into this process. */
	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		return error_set(err, errno, "cannot make init undumpable");
	if (plan->apparmor && (plan->layers & LAYER_APPARMOR) && apparmor_stack_onexec(plan->apparmor, err) < 0)
		return -1;
	if (plan->apparmor_own && (*label = apparmor_open_label(err)) < 0)
		return -1;
	return 0;
}

static int build_cage(const struct plan *plan, int places[RECORD_FDS], int *label, struct error *err)
{
	if (cage_id_maps(plan, err) < 0)
		return -1;
	/* Nobody could open them from outside later on, because this process will not be dumpable. */
	if (plan->later.longest > 0 && cage_places(places, err) < 0)
		return -1;
	if (prepare_labels(plan, label, err) < 0 || set_up_network(plan, err) < 0)
		return -1;
	close(FD_EGRESS); /* nothing more is said there */
	return cage_root(plan, err);
}

static int build_reduced(const struct plan *plan, pid_t monitor, int pins[REDUCED_PINS], int *label, struct error *err)
{
	close(FD_EGRESS);
	return prepare_labels(plan, label, err) < 0 ? -1 : reduced_enter(plan, monitor, pins, err);
}

static void default_signals(void)
{
	sigset_t none;

	for (int s = 1; s < NSIG; s++)
		if (s != SIGKILL && s != SIGSTOP)
			(void)signal(s, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* What holds back the server from here on, but for the list of system calls. */
static int restrict_server(const struct plan *plan, struct error *err)
{
	if (rlimits_server(plan, err) < 0)
		return -1;
	if (plan->reduced)
		return caps_drop_held(err) < 0 ? -1 : landlock_reduced(plan, err);
	if (caps_drop_all(err) < 0)
		return -1;
	return plan->layers & LAYER_LANDLOCK ? landlock_server(plan, err) : 0;
}

static enum seccomp_list list_of(const struct plan *plan)
{
	if (plan->reduced)
		return plan->network == NETWORK_HOST ? SECCOMP_REDUCED_NET : SECCOMP_REDUCED;
	return plan->unix_sockets ? SECCOMP_SERVER_UNIX : SECCOMP_SERVER;
}

/* In the server's process. Returns only on failure. */
static int become_server(const struct plan *plan, struct error *err)
{
	if (setsid() < 0)
		return error_set(err, errno, "cannot start a session for the server");
	if (chdir(plan->cwd) < 0)
		return error_set(err, errno, "cannot enter %s in the cage", plan->cwd);
	default_signals();
	if (restrict_server(plan, err) < 0)
		return -1;
	/* Only the error pipe, FD_IN by now, outlives this; execve(2) closes it. */
	if (fd_close_from(FD_IN + 1) < 0)
		return error_set(err, errno, "cannot close inherited descriptors");
	if (seccomp_apply(list_of(plan), err) < 0)
		return -1;
	execve(plan->exe, plan->argv.v, plan->env.v);
	error_set(err, errno, "cannot run %s", plan->exe);
	if (err->sys == ENOENT) {
		error_hint(err, "the file, or the interpreter or loader it names, is not in the cage; `mcpcage explain` "
				"shows what is");
		return error_kind(err, ERROR_NOT_FOUND);
	}
	return error_kind(err, ERROR_CANNOT_RUN);
}

/*
 * The server's streams go to 0, 1 and 2; then the report pipe takes FD_IN's place, so that it is the only other
 * descriptor and has a known number.
 */
static int place_streams(int report, struct error *err)
{
	int high = fcntl(report, F_DUPFD_CLOEXEC, FD_FIRST_FREE);

	for (int fd = 0; high >= 0 && fd <= 2; fd++)
		if (dup2(FD_IN + fd, fd) < 0)
			high = -1;
	if (high < 0 || dup3(high, FD_IN, O_CLOEXEC) < 0)
		return error_set(err, errno, "cannot set the server's standard streams");
	return 0;
}

static _Noreturn void server_process(const struct plan *plan, int report)
{
	struct error err = { 0 };

	/* As pid 1 init takes it along anyway. */
	if (plan->reduced && prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		_exit(127);
	if (place_streams(report, &err) == 0) {
		report = FD_IN;
		become_server(plan, &err);
	}
	(void)!write(report, &err, sizeof err);
	_exit(127);
}

/* Fork the server; returns its pid once execve(2) has succeeded. */
static pid_t start_server(const struct plan *plan, struct error *err)
{
	int report[2];

	if (pipe2(report, O_CLOEXEC) < 0)
		return error_set(err, errno, "cannot make a pipe");
	pid_t pid = fork();
	if (pid < 0)
		return error_set(err, errno, "cannot fork the server");
	if (pid == 0)
		server_process(plan, report[1]);
	close(report[1]);
	struct error failed;
	ssize_t n;
	do
		n = read(report[0], &failed, sizeof failed);
	while (n < 0 && errno == EINTR);
	close(report[0]);
	if (n == 0)
		return pid;
	if (n != (ssize_t)sizeof failed)
		return error_set(err, 0, "the server's process died before it ran");
	*err = failed;
	return -1;
}

/* Reap everything; 1 when the server itself has ended. */
static int reap(pid_t server, int *status)
{
	int ended = 0;

	for (;;) {
		int st;
		pid_t pid = waitpid(-1, &st, WNOHANG);
		if (pid <= 0)
			return ended;
		if (pid == server) {
			*status = st;
			ended = 1;
		}
	}
}

/* false: the monitor is gone. */
static bool hear_monitor(pid_t server)
{
	union record r;
	unsigned char packet[sizeof r];
	size_t at = 0;

	ssize_t n = recv(FD_MONITOR, packet, sizeof packet, MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n == 0)
		return false;
	while (record_next(packet, (size_t)n, &at, &r) > 0) {
		if (r.head.type != RECORD_SIGNAL)
			continue;
		/* -1 from pid 1, or from where reduced_enter() has led: every process of the cage but init itself. */
		if (r.signal.everyone)
			(void)kill(-1, r.signal.signal);
		else
			(void)kill(-server, r.signal.signal);
	}
	return true;
}

/* The monitor asks the cgroup for what was used before the last process leaves it. Bounded: it may be gone. */
static void wait_for_leave(void)
{
	struct pollfd p = { .fd = FD_MONITOR, .events = POLLIN };

	(void)poll(&p, 1, LEAVE_TIMEOUT);
}

/* The end, from when the server may be there. */
static _Noreturn void leave(const struct plan *plan, int status)
{
	if (plan->reduced)
		reduced_kill_all();
	_exit(status);
}

static _Noreturn void serve(const struct plan *plan, pid_t server, int signal_fd)
{
	struct pollfd p[2] = {
		{ .fd = FD_MONITOR, .events = POLLIN },
		{ .fd = signal_fd, .events = POLLIN },
	};
	int status = 0;

	while (!reap(server, &status)) {
		if (poll(p, ARRAY_SIZE(p), -1) < 0 && errno != EINTR)
			leave(plan, 1);
		if (p[1].revents) {
			struct signalfd_siginfo info;
			(void)!read(signal_fd, &info, sizeof info);
		}
		if (p[0].revents && !hear_monitor(server))
			leave(plan, 1);
	}
	union record r = { .exited = { .status = status } };
	if (record_send(FD_MONITOR, RECORD_EXITED, &r) == 0)
		wait_for_leave();
	leave(plan, 0);
}

/* Built. The monitor gets the way into the cage, by which it can grant something later. */
static int ready(const int places[RECORD_FDS])
{
	union record r = { 0 };

	if (places[0] < 0)
		return record_send(FD_MONITOR, RECORD_READY, &r);
	int rc = record_send_fds(FD_MONITOR, RECORD_READY, &r, places);
	for (size_t i = 0; i < RECORD_FDS; i++)
		close(places[i]);
	return rc;
}

static bool wait_for_go(void)
{
	union record r;
	unsigned char packet[sizeof r];
	size_t at = 0;
	ssize_t n;

	do
		n = recv(FD_MONITOR, packet, sizeof packet, 0);
	while (n < 0 && errno == EINTR);
	return n > 0 && record_next(packet, (size_t)n, &at, &r) > 0 && r.head.type == RECORD_GO;
}

_Noreturn void init_main(const struct plan *plan, const struct init_fds *fds)
{
	struct error err = { 0 };
	union record r = { 0 };
	int places[RECORD_FDS] = { -1, -1 };
	sigset_t all, child;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	/* Were the monitor gone already, its end of the socket would say so. In reduced mode it has to do that in any case: see leave(). */
	if (!plan->reduced && prctl(PR_SET_PDEATHSIG, SIGKILL) < 0) {
		error_set(&err, errno, "cannot tie init to the monitor's life");
		r.failed.error = err;
		(void)record_send(fds->monitor, RECORD_FAILED, &r);
		_exit(1);
	}
	if (take_fds(fds, &err) < 0) {
		r.failed.error = err;
		(void)record_send(fds->monitor, RECORD_FAILED, &r);
		_exit(1);
	}
	int label = -1, pins[REDUCED_PINS_ALL];
	for (size_t i = 0; i < REDUCED_PINS_ALL; i++)
		pins[i] = -1;
	if (plan->reduced ? build_reduced(plan, fds->monitor_pid, pins, &label, &err) < 0 : build_cage(plan, places, &label, &err) < 0)
		fail(&err);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	int signal_fd = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signal_fd < 0) {
		error_set(&err, errno, "cannot watch the server's process");
		fail(&err);
	}
	if (ready(places) < 0 || !wait_for_go())
		_exit(1);
	/* Only now are we in the cgroup for sure. */
	if (!plan->reduced && cgroup_hide(&err) < 0)
		fail(&err);
	pid_t server = start_server(plan, &err);
	if (server < 0)
		fail(&err);
	plan_wipe_secrets(plan);
	if (plan->reduced)
		reduced_pin_server(server, pins + REDUCED_PINS);
	int keep[2 + REDUCED_PINS_ALL] = { FD_MONITOR, signal_fd };
	memcpy(keep + 2, pins, sizeof pins);
	if (confine_init(keep, ARRAY_SIZE(keep), label, &err) < 0) {
		r.failed.error = err;
		(void)record_send(FD_MONITOR, RECORD_FAILED, &r);
		leave(plan, 1);
	}
	if (record_send(FD_MONITOR, RECORD_STARTED, &r) < 0)
		leave(plan, 1);
	serve(plan, server, signal_fd);
}
