/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The filter process: confinement, then one loop over at most eight descriptors. Everything hostile is read here, so
 * everything it does not need is gone before the first byte: see cage/confine.c and profiles/seccomp/filter.rules.
 * It is forked from the monitor and must not write to memory it shares with nobody for the monitor's eyes: the only way out is a record.
 */
#include "session/filter.h"

#include "base/fd.h"
#include "cage/cage.h"
#include "store/rulefiles.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

/* Records may wait this long for company. */
#define REPORT_DELAY 20
/* Large buffers go back to the system after this much silence. */
#define TRIM_AFTER 2000
/* Our own messages that may wait for a reader. */
#define QUEUE_MAX ((size_t)8 << 20)
#define STDERR_QUEUE_MAX ((size_t)128 << 10)

enum { P_CLIENT_IN, P_SERVER_OUT, P_SERVER_ERR, P_TO_SERVER, P_TO_CLIENT, P_TO_STDERR, P_MONITOR, P_TIMER, P_RARE, P_HOOK_IN,
       P_HOOK_OUT, P_COUNT };

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/*
 * Standard error, the monitor and the timer have something to say now and then, and each costs poll(2) for each message; behind
 * one epoll(7) descriptor they cost as much as one. Nothing of it is needed where it cannot be had.
 */
static int watch_rare(const struct filter *f)
{
	const int fds[] = { f->stderr_.in, f->monitor, f->timer };
	int rare = epoll_create1(EPOLL_CLOEXEC);

	for (size_t i = 0; i < ARRAY_SIZE(fds) && rare >= 0; i++) {
		struct epoll_event event = { .events = EPOLLIN };
		if (epoll_ctl(rare, EPOLL_CTL_ADD, fds[i], &event) < 0) {
			close(rare);
			rare = -1;
		}
	}
	return rare;
}

static int set_up(struct filter *f, const struct plan *plan, const struct filter_fds *fds, struct error *err)
{
	const struct frame_limits limits = { .message = plan->message_size };

	f->lane[CLIENT_TO_SERVER] = (struct lane){ .in = fds->client_in, .frame = frame_new(&limits) };
	f->lane[SERVER_TO_CLIENT] = (struct lane){ .in = fds->server_out, .nonblock = true, .frame = frame_new(&limits) };
	f->stderr_.in = fds->server_err;
	f->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (f->timer < 0)
		return error_set(err, errno, "cannot make the filter's timer");
	f->rare = watch_rare(f);
	f->calls = route_new(0);
	f->reverse = route_new(0);
	if (!f->lane[0].frame || !f->lane[1].frame || !f->calls || !f->reverse)
		return error_oom(err);
	outlet_open(&f->to_client, fds->client_out, QUEUE_MAX);
	outlet_open(&f->to_stderr, fds->client_err, STDERR_QUEUE_MAX);
	f->to_server = (struct outlet){ .fd = fds->server_in, .how = OUTLET_NONBLOCK, .queue = { .max = QUEUE_MAX } };
	f->plan = plan;
	for (int d = 0; d < 2; d++) {
		f->passage[d].f = f;
		f->passage[d].d = (enum direction)d;
		/* What edits may add: labels, marks where something was taken out. */
		f->passage[d].rewritten[0].max = f->passage[d].rewritten[1].max = 4 * plan->message_size;
		f->passage[d].edited.max = f->passage[d].edits.text.max = 2 * plan->message_size;
	}
	f->call_timeout = plan->call_timeout;
	f->idle_timeout = plan->idle_timeout;
	f->now = f->active = f->asked = now_ms();
	f->stderr_.refilled = f->now;
	f->stderr_.tokens = (uint64_t)256 << 10;
	if (tools_start(f, err) < 0 || ask_start(f, fds->approvals, err) < 0 || limits_start(f, fds->approvals, err) < 0)
		return -1;
	return 0;
}

static void want(struct pollfd *p, int fd, bool wanted, short events)
{
	/* A descriptor without interest is left out: poll(2) reports POLLHUP for it whatever is asked. */
	*p = (struct pollfd){ .fd = wanted ? fd : -1, .events = events };
}

static void sooner(uint64_t *due, uint64_t at)
{
	if (*due == 0 || at < *due)
		*due = at;
}

/* Messages are written from the buffers that trimming moves: not while one is still on its way to a slow reader. */
static bool can_trim(const struct filter *f)
{
	return !f->trimmed && outlet_idle(&f->to_server) && outlet_idle(&f->to_client) && !f->passage[0].open &&
	       !f->passage[1].open;
}

/* Nobody waits for anything that the server does, or answers. */
static bool server_unasked(const struct filter *f)
{
	return route_waiting(f->calls) == 0 && route_waiting(f->reverse) == 0 && !f->tasks && outlet_idle(&f->to_server) &&
	       !f->passage[CLIENT_TO_SERVER].open;
}

/* Whether the server is to be frozen, or to go on. The monitor does it: the filter can reach no process. */
static void freeze_turn(struct filter *f)
{
	if (!f->plan->freeze_idle || f->draining)
		return;
	if (!server_unasked(f))
		f->asked = f->now;
	bool quiet = f->now - f->asked >= f->plan->freeze_idle;
	if (quiet == f->quiet_told)
		return;
	f->quiet_told = quiet;
	report_event(f, quiet ? EVENT_QUIET : EVENT_BUSY);
}

/* When something has to be done even if nobody says anything; 0: never. */
static uint64_t next_due(const struct filter *f)
{
	uint64_t due = route_next_deadline(f->calls);

	if (f->packet_n)
		sooner(&due, f->packet_since + REPORT_DELAY);
	if (ask_due(f))
		sooner(&due, ask_due(f));
	if (hook_due(f->hook))
		sooner(&due, hook_due(f->hook));
	if (f->idle_timeout && !f->idle_told && route_waiting(f->calls) == 0)
		sooner(&due, f->active + f->idle_timeout);
	if (f->plan->freeze_idle && !f->quiet_told && !f->draining && server_unasked(f))
		sooner(&due, f->asked + f->plan->freeze_idle);
	if (can_trim(f))
		sooner(&due, f->active + TRIM_AFTER);
	return due;
}

/*
 * One timer for everything, set only when it has to fire earlier than it is set to: a timeout of poll(2) would be
 * armed and disarmed for each message, which costs more than all that is done to the message.
 */
static void set_timer(struct filter *f)
{
	uint64_t due = next_due(f);

	if (due == 0 || (f->timer_due && f->timer_due <= due))
		return;
	const struct itimerspec at = {
		.it_value = { .tv_sec = (time_t)(due / 1000), .tv_nsec = (long)(due % 1000) * 1000000 + 1 },
	};
	if (timerfd_settime(f->timer, TFD_TIMER_ABSTIME, &at, NULL) < 0)
		_exit(1);
	f->timer_due = due;
}

/* false: the monitor is gone. */
static bool hear_monitor(struct filter *f)
{
	unsigned char packet[RECORD_PACKET_MAX];
	union record r;
	size_t at = 0;

	ssize_t n = recv(f->monitor, packet, sizeof packet, MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n == 0)
		return false;
	while (record_next(packet, (size_t)n, &at, &r) > 0) {
		if (r.head.type == RECORD_DRAIN) {
			f->draining = true;
			f->memory_full = r.drain.memory;
		} else if (r.head.type == RECORD_ANSWERED)
			ask_answered(f, &r.answered);
	}
	return true;
}

/* Once standard error is closed here, it may still be open elsewhere and then be ready for ever: each is asked for itself. */
static bool has_rare(const struct filter *f)
{
	return f->rare >= 0 && f->stderr_.in >= 0;
}

/* Whether one of the three is ready, and if so which. */
static void look_at_rare(const struct filter *f, struct pollfd *p)
{
	struct pollfd rare[] = {
		{ .fd = f->stderr_.in, .events = POLLIN },
		{ .fd = f->monitor, .events = POLLIN },
		{ .fd = f->timer, .events = POLLIN },
	};

	if (!p[P_RARE].revents || poll(rare, ARRAY_SIZE(rare), 0) <= 0)
		return;
	p[P_SERVER_ERR].revents = rare[0].revents;
	p[P_MONITOR].revents = rare[1].revents;
	p[P_TIMER].revents = rare[2].revents;
}

static int wait_on(struct filter *f, struct pollfd p[static P_COUNT])
{
	int n = 0;

	spin_begin(&f->spin);
	while (n == 0 && spin_on(&f->spin))
		n = poll(p, P_COUNT, 0);
	if (n == 0)
		n = poll(p, P_COUNT, -1);
	spin_end(&f->spin);
	return n;
}

static void wait_for_work(struct filter *f)
{
	struct pollfd p[P_COUNT];
	bool rare = has_rare(f);
	struct lane *in = &f->lane[CLIENT_TO_SERVER], *out = &f->lane[SERVER_TO_CLIENT];

	want(&p[P_CLIENT_IN], in->in, lane_wants_input(f, CLIENT_TO_SERVER), POLLIN);
	want(&p[P_SERVER_OUT], out->in, lane_wants_input(f, SERVER_TO_CLIENT), POLLIN);
	want(&p[P_SERVER_ERR], f->stderr_.in, !rare && f->stderr_.in >= 0, POLLIN);
	want(&p[P_TO_SERVER], f->to_server.fd, f->to_server.blocked, POLLOUT);
	want(&p[P_TO_CLIENT], f->to_client.fd, f->to_client.blocked, POLLOUT);
	want(&p[P_TO_STDERR], f->to_stderr.fd, f->to_stderr.blocked, POLLOUT);
	want(&p[P_MONITOR], f->monitor, !rare, POLLIN);
	want(&p[P_TIMER], f->timer, !rare, POLLIN);
	want(&p[P_RARE], f->rare, rare, POLLIN);

	int hook_in, hook_out;
	bool hook_write;
	hook_fds(f->hook, &hook_in, &hook_write, &hook_out);
	want(&p[P_HOOK_IN], hook_in, hook_write, POLLOUT);
	want(&p[P_HOOK_OUT], hook_out, hook_out >= 0, POLLIN);

	set_timer(f);
	bool more = in->more || out->more || lane_goes_on(f, CLIENT_TO_SERVER) || lane_goes_on(f, SERVER_TO_CLIENT);
	int n = more ? poll(p, P_COUNT, 0) : wait_on(f, p);
	f->now = now_ms();
	if (n <= 0)
		return;
	look_at_rare(f, p);
	if (p[P_CLIENT_IN].revents)
		in->readable = true;
	if (p[P_SERVER_OUT].revents)
		out->readable = true;
	if (p[P_SERVER_ERR].revents)
		f->stderr_.readable = true;
	if (p[P_TO_STDERR].revents)
		f->to_stderr.blocked = false;
	if (p[P_TIMER].revents) {
		uint64_t times;
		(void)!read(f->timer, &times, sizeof times);
		f->timer_due = 0;
	}
	if (p[P_MONITOR].revents && !hear_monitor(f))
		_exit(1);
}

static void flush_outlet(struct filter *f, struct outlet *o, bool client)
{
	if (o->fd < 0 || outlet_idle(o) || outlet_flush(o) != OUTLET_CLOSED)
		return;
	if (client && !f->client_gone_told) {
		f->client_gone_told = true;
		report_event(f, EVENT_CLIENT_GONE);
	}
}

static void timers(struct filter *f)
{
	uint64_t deadline = route_next_deadline(f->calls);

	if (deadline && deadline <= f->now)
		mediate_deadlines(f);
	ask_clock(f);
	limits_turn(f);
	if (route_waiting(f->calls) > 0 && f->active < f->now && f->idle_timeout)
		f->active = f->now;
	if (f->idle_timeout && !f->idle_told && route_waiting(f->calls) == 0 &&
	    f->now - f->active >= f->idle_timeout) {
		f->idle_told = true;
		report_event(f, EVENT_IDLE);
	}
	if (can_trim(f) && f->now - f->active >= TRIM_AFTER) {
		for (int d = 0; d < 2; d++) {
			frame_trim(f->lane[d].frame);
			passage_trim(&f->passage[d]);
		}
		texts_trim(f);
		f->trimmed = true;
	}
	if (f->packet_n && f->now - f->packet_since >= REPORT_DELAY)
		report_flush(f);
}

static void turn(struct filter *f)
{
	uint64_t before = f->active;

	if (!f->draining)
		lane_pump(f, CLIENT_TO_SERVER);
	lane_pump(f, SERVER_TO_CLIENT);
	if (f->stderr_.readable)
		drain_pump(f);
	hook_turn(f);
	if (f->active != before)
		f->trimmed = false;
	timers(f);
	freeze_turn(f);
	flush_outlet(f, &f->to_client, true);
	flush_outlet(f, &f->to_server, false);
	flush_outlet(f, &f->to_stderr, false);
}

/* The server is gone and what it left has been passed on. */
static bool drained(struct filter *f)
{
	if (!f->draining)
		return false;
	if (!f->lane[SERVER_TO_CLIENT].eof || f->stderr_.in >= 0 || f->passage[SERVER_TO_CLIENT].open)
		return false;
	mediate_server_gone(f);
	flush_outlet(f, &f->to_client, true);
	flush_outlet(f, &f->to_stderr, false);
	return (f->to_client.fd < 0 || outlet_idle(&f->to_client)) &&
	       (f->to_stderr.fd < 0 || outlet_idle(&f->to_stderr));
}

static int confine_self(const struct filter *f, const struct filter_fds *fds, int *abi, struct error *err)
{
	const int keep[] = { fds->client_in, fds->client_out, fds->client_err, fds->server_in,
			     fds->server_out, fds->server_err, fds->monitor, f->timer, f->rare, fds->hook_in,
			     fds->hook_out };

	return confine_filter(keep, ARRAY_SIZE(keep), f->plan->apparmor_own, abi, err);
}

/* Its files are read here and not by the monitor, so that this goes on while the cage is being built. */
static int prepare_texts(struct filter *f, const struct filter_fds *fds, struct error *err)
{
	CLEANUP(rule_list_free) struct rule_list rules = { 0 };

	if (rulefiles_load(&f->plan->mediation, geteuid(), false, &rules, err) < 0)
		return -1;
	return texts_prepare(f, &rules, fds->hook_in, fds->hook_out, err);
}

_Noreturn void filter_main(const struct plan *plan, struct filter_fds *fds)
{
	struct filter *f = calloc(1, sizeof *f);
	union record r = { 0 };
	struct error err = { 0 };
	int abi = 0;

	if (!f)
		_exit(1);
	f->monitor = fds->monitor;
	reverse_name_server(f, plan);
	plan_wipe_secrets(plan);
	/* Signals of the terminal's process group are the monitor's to act on. */
	sigset_t all;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || set_up(f, plan, fds, &err) < 0 ||
	    prepare_texts(f, fds, &err) < 0 || texts_seal(&err) < 0 ||
	    confine_self(f, fds, &abi, &err) < 0 || pinned_begin(f, &fds->pins, &err) < 0) {
		if (!err.what[0])
			error_set(&err, errno, "cannot tie the filter to the monitor's life");
		r.failed.error = err;
		(void)record_send(f->monitor, RECORD_FAILED, &r);
		_exit(1);
	}
	r.ready.landlock = (uint32_t)abi;
	if (record_send(f->monitor, RECORD_READY, &r) < 0)
		_exit(1);
	while (!drained(f)) {
		wait_for_work(f);
		turn(f);
	}
	pinned_end(f);
	report_end(f);
	_exit(0);
}
