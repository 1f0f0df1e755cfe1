/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Jobs in a cage. What init says is checked by the same table as in a session: nothing of what it reports is believed to be more than a
 * fixed record. The output of the command is one pipe for both streams, so that lines stay in their order; it is read as it comes, since
 * a command that waits for room would seem to hang.
 */
#include "session/job.h"

#include "base/cleanup.h"
#include "base/fd.h"
#include "cage/cage.h"
#include "session/egress.h"
#include "session/init.h"
#include "session/record.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_TIMEOUT 20000
#define TICK 1000
/* After the command has ended: init leaves, and with it whatever the command left behind. */
#define LEAVE_TIMEOUT 5000
/* Hosts that were refused: so many are worth a line. */
#define HOSTS_TOLD 10

struct run {
	const struct job *job;
	pid_t pid;
	int pidfd;
	int init;   /* the socket to it, -1: closed */
	int output; /* -1: at its end */
	pid_t egress_pid; /* 0: no network by name */
	int egress;       /* its socket, -1: closed */
	enum peer_state egress_state;
	struct cgroup cgroup;
	enum peer_state state;
	bool exited;
	int status;
	size_t hosts_told;
	struct error failed; /* RECORD_FAILED */
	bool broken;
};

int job_late(struct error *err, const char *format, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	error_set(err, 0, "%s", text);
	if (err)
		err->sys = ETIMEDOUT;
	return -1;
}

static int broken(struct run *r, struct error *err)
{
	*err = r->failed;
	return -1;
}

static void break_(struct run *r, const char *why)
{
	if (!r->broken)
		error_set(&r->failed, 0, "%s", why);
	r->broken = true;
}

static void on_record(struct run *r, const union record *record)
{
	union record go = { 0 };

	switch (record->head.type) {
	case RECORD_READY:
		r->state = PEER_READY;
		break;
	case RECORD_STARTED:
		r->state = PEER_RUNNING;
		break;
	case RECORD_FAILED:
		if (!r->broken)
			r->failed = record->failed.error;
		r->broken = true;
		r->state = PEER_ENDED;
		break;
	case RECORD_EXITED:
		r->exited = true;
		r->status = record->exited.status;
		r->state = PEER_ENDED;
		/* Now it ends, and whatever is left in the cage with it. */
		(void)record_send(r->init, RECORD_GO, &go);
		break;
	default:
		break;
	}
}

static void tell_host(const struct run *r, const struct record_name_refused *refused)
{
	if (refused->why == NAME_NOT_ALLOWED)
		log_line(r->job->log, "%s asked for %s, which is not the registry's; --registry-host %s would allow it", r->job->name,
			 refused->name, refused->name);
	else
		log_line(r->job->log, "%s asked for %s: %s%s%s", r->job->name, refused->name,
			 name_refusal_text((enum name_refusal)refused->why), refused->detail[0] ? ": " : "", refused->detail);
}

/* What a person should know of the network that a command has. */
static void on_network(struct run *r, const union record *record)
{
	const struct record_name_refused *refused = &record->name_refused;
	const struct record_connection *c = &record->connection;

	switch (record->head.type) {
	case RECORD_READY:
		r->egress_state = PEER_RUNNING;
		break;
	case RECORD_FAILED:
		if (!r->broken)
			r->failed = record->failed.error;
		r->broken = true;
		r->egress_state = PEER_ENDED;
		break;
	case RECORD_NAME_REFUSED:
		if (r->hosts_told++ < HOSTS_TOLD)
			tell_host(r, refused);
		break;
	case RECORD_CONNECTION:
		log_detail(r->job->log, "connection to %s, port %u: %s%s%s", c->name[0] ? c->name : "an address", c->port,
			   connection_end_text((enum connection_end)c->end), c->detail[0] ? ": " : "", c->detail);
		break;
	default:
		break;
	}
}

static void hear_egress(struct run *r)
{
	unsigned char packet[RECORD_PACKET_MAX];
	union record record;
	size_t at = 0;
	int more;

	ssize_t n = recv(r->egress, packet, sizeof packet, MSG_DONTWAIT | MSG_TRUNC);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		close(TAKE_FD(&r->egress));
		if (r->egress_state != PEER_ENDED)
			break_(r, "the egress process ended before its time");
		return;
	}
	bool legal = (size_t)n <= sizeof packet;
	while (legal && (more = record_next(packet, (size_t)n, &at, &record)) != 0) {
		legal = more > 0 && record_legal(PEER_EGRESS, r->egress_state, record.head.type);
		if (legal)
			on_network(r, &record);
	}
	if (!legal)
		break_(r, "the egress process sent a record that is not legal in its state");
}

static void hear(struct run *r)
{
	unsigned char packet[RECORD_PACKET_MAX];
	union record record;
	size_t at = 0;
	int more;

	ssize_t n = recv(r->init, packet, sizeof packet, MSG_DONTWAIT | MSG_TRUNC);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		close(TAKE_FD(&r->init));
		if (r->state != PEER_ENDED)
			break_(r, "the init of the cage ended before its time");
		return;
	}
	bool legal = (size_t)n <= sizeof packet;
	while (legal && (more = record_next(packet, (size_t)n, &at, &record)) != 0) {
		legal = more > 0 && record_legal(PEER_INIT, r->state, record.head.type);
		if (legal)
			on_record(r, &record);
	}
	if (!legal)
		break_(r, "the init of the cage sent a record that is not legal in its state");
}

static void listen_to_output(struct run *r)
{
	char chunk[16384];

	/* Bounded, so that a command that never stops talking does not keep us from the clock. */
	for (int i = 0; i < 16; i++) {
		ssize_t n = read(r->output, chunk, sizeof chunk);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) {
			close(TAKE_FD(&r->output));
			return;
		}
		if (r->job->said)
			r->job->said(r->job->context, chunk, (size_t)n);
	}
}

/* Limits are missing only if policy says that they may. */
static int judge_cgroup(const struct run *r, int step, struct error *err)
{
	const struct plan *plan = r->job->plan;
	unsigned lacking = cgroup_limits_wanted(plan) & ~r->cgroup.limits;
	char names[128];

	if (!(plan->require & LAYER_CGROUP)) {
		/* A session says so to the person, in the same words each time: here it is a detail. */
		if (step < 0)
			log_detail(r->job->log, "%s", err->what);
		return 0;
	}
	if (step < 0 || lacking == 0)
		return step;
	cgroup_limits_name(lacking, names, sizeof names);
	error_set(err, 0, "the control group cannot limit: %s%s%s", names, r->cgroup.why[0] ? ": " : "", r->cgroup.why);
	return error_hint(err, "see `mcpcage doctor`, or leave out the limits or --require cgroup");
}

/* Wait until init has reached STATE, and egress is ready. */
static int await(struct run *r, enum peer_state state, struct error *err)
{
	uint64_t end = interrupt_now() + START_TIMEOUT;

	while ((r->state < state || r->egress_state == PEER_STARTING) && !r->broken) {
		struct pollfd p[3] = {
			{ .fd = r->init, .events = POLLIN },
			{ .fd = r->job->interrupt->fd, .events = POLLIN },
			{ .fd = r->egress, .events = POLLIN },
		};
		uint64_t now = interrupt_now();
		int n = now < end ? poll(p, ARRAY_SIZE(p), (int)(end - now)) : 0;
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return job_late(err, "the cage was not ready after %d s", START_TIMEOUT / 1000);
		if (p[1].revents && interrupt_check(r->job->interrupt, err) < 0)
			return -1;
		if (p[0].revents)
			hear(r);
		if (p[2].revents && !r->broken)
			hear_egress(r);
	}
	return r->broken ? broken(r, err) : 0;
}

struct ends {
	int null, out[2], init[2], egress;
};

static void ends_close(struct ends *e)
{
	int *all[] = { &e->null, &e->out[0], &e->out[1], &e->init[0], &e->init[1], &e->egress };

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (*all[i] >= 0)
			close(TAKE_FD(all[i]));
}

static int ends_make(struct ends *e, struct error *err)
{
	e->null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (e->null < 0 || pipe2(e->out, O_CLOEXEC) < 0 || fd_set_nonblock(e->out[0], 1) < 0 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, e->init) < 0)
		return error_set(err, errno, "cannot make the descriptors of a command");
	return 0;
}

static int start(struct run *r, struct error *err)
{
	CLEANUP(ends_close) struct ends e = { -1, { -1, -1 }, { -1, -1 }, -1 };
	const struct plan *plan = r->job->plan;
	union record go = { 0 };

	if (ends_make(&e, err) < 0)
		return -1;
	int step = cgroup_prepare(plan, &r->cgroup, err);
	if (r->cgroup.how != CGROUP_SCOPE && judge_cgroup(r, step, err) < 0)
		return -1;
	r->egress_state = PEER_ENDED;
	if (plan->network == NETWORK_NAMES) {
		if (egress_start(plan, &r->egress_pid, &r->egress, &e.egress, err) < 0)
			return -1;
		r->egress_state = PEER_STARTING;
	}
	r->pid = cage_clone(plan, r->cgroup.how == CGROUP_DELEGATED ? r->cgroup.fd : -1, &r->pidfd, err);
	if (r->pid < 0)
		return -1;
	if (r->pid == 0) {
		const struct init_fds fds = { .server_in = e.null, .server_out = e.out[1], .server_err = e.out[1], .monitor = e.init[1],
					    .egress = e.egress };
		init_main(plan, &fds);
	}
	r->init = TAKE_FD(&e.init[0]);
	r->output = TAKE_FD(&e.out[0]);
	ends_close(&e);
	if (r->cgroup.how == CGROUP_SCOPE && judge_cgroup(r, cgroup_enter_scope(plan, r->pid, &r->cgroup, err), err) < 0)
		return -1;
	if (await(r, PEER_READY, err) < 0)
		return -1;
	if (record_send(r->init, RECORD_GO, &go) < 0)
		return error_set(err, errno, "cannot start %s", plan->exe);
	return await(r, PEER_RUNNING, err);
}

/* Until init is gone and all output is read. */
static int attend(struct run *r, struct error *err)
{
	uint64_t end = interrupt_now() + r->job->timeout, tick = interrupt_now() + TICK;

	while ((r->init >= 0 || r->output >= 0) && !r->broken) {
		struct pollfd p[4] = {
			{ .fd = r->init, .events = POLLIN },
			{ .fd = r->output, .events = POLLIN },
			{ .fd = r->job->interrupt->fd, .events = POLLIN },
			{ .fd = r->egress, .events = POLLIN },
		};
		uint64_t now = interrupt_now(), next = tick < end ? tick : end;
		if (poll(p, ARRAY_SIZE(p), next > now ? (int)(next - now) : 0) < 0 && errno != EINTR)
			return error_set(err, errno, "cannot wait for %s", r->job->plan->exe);
		if (p[2].revents && interrupt_check(r->job->interrupt, err) < 0)
			return -1;
		if (r->output >= 0 && p[1].revents)
			listen_to_output(r);
		if (r->egress >= 0 && p[3].revents)
			hear_egress(r);
		if (r->init >= 0 && p[0].revents) {
			hear(r);
			if (r->exited && end > now + LEAVE_TIMEOUT)
				end = now + LEAVE_TIMEOUT;
		}
		now = interrupt_now();
		if (now >= tick && r->job->tick && r->job->tick(r->job->context, err) < 0)
			return -1;
		if (now >= tick)
			tick = now + TICK;
		if (now >= end)
			return job_late(err, "it had not ended after %u s", r->job->timeout / 1000);
	}
	return r->broken ? broken(r, err) : 0;
}

/* Nothing of it is left afterwards. */
static void finish(struct run *r)
{
	(void)cgroup_kill(&r->cgroup);
	if (r->pidfd >= 0)
		(void)syscall(SYS_pidfd_send_signal, r->pidfd, SIGKILL, NULL, 0);
	if (r->pid > 0)
		(void)waitpid(r->pid, NULL, 0);
	if (r->egress_pid > 0) {
		(void)kill(r->egress_pid, SIGKILL);
		(void)waitpid(r->egress_pid, NULL, 0);
	}
	cgroup_release(&r->cgroup);
	int *fds[] = { &r->pidfd, &r->init, &r->output, &r->egress };
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		if (*fds[i] >= 0)
			close(TAKE_FD(fds[i]));
}

int job_run(const struct job *job, int *status, struct error *err)
{
	struct run r = { .job = job, .pidfd = -1, .init = -1, .output = -1, .egress = -1, .cgroup = { .fd = -1 } };

	int rc = start(&r, err) < 0 || attend(&r, err) < 0 ? -1 : 0;
	uint64_t peak, cpu, killed = 0;
	cgroup_usage(&r.cgroup, &peak, &cpu, &killed);
	finish(&r);
	if (rc == 0 && killed)
		log_line(job->log, "%llu %s killed because the memory of its cage was full (--memory)", (unsigned long long)killed,
			 killed == 1 ? "process was" : "processes were");
	*status = r.status;
	return rc;
}
