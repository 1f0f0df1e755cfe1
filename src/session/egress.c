/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The egress process: confinement, then one loop. It is forked in the host's network namespace and stays there; what belongs to the
 * cage's are the sockets that init hands over. Everything the server sends to them is hostile, and so is every answer from outside. What
 * whoever takes this process over gains: TCP connections to the ports that policy has, which is why they are all that Landlock and
 * profiles/seccomp/egress.rules leave; no file, no other process, no secret (the plan's are wiped).
 *
 * Reports to the monitor wait in a bounded queue when it is slow. Nothing is accepted from the server meanwhile, so that no connection
 * goes unrecorded. epoll(7), unix(7).
 */
#include "session/egress-impl.h"

#include "base/cleanup.h"
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SOCKETS_TIMEOUT 30 /* seconds that the cage may take to be made */
#define FDS_OF_CONNECTION 4 /* its two sockets, and where several addresses are tried */
#define FDS_RESERVED 96

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

int egress_watch(struct egress *e, struct watch *w, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = w };

	return epoll_ctl(e->epoll, EPOLL_CTL_ADD, w->fd, &event);
}

void egress_rewatch(struct egress *e, const struct watch *w, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = (void *)(uintptr_t)w };

	if (w->fd >= 0)
		(void)epoll_ctl(e->epoll, EPOLL_CTL_MOD, w->fd, &event);
}

void egress_close(struct watch *w)
{
	if (w->fd >= 0)
		close(TAKE_FD(&w->fd));
}

void egress_due(struct egress *e, uint64_t due)
{
	if (due && (!e->next_due || due < e->next_due))
		e->next_due = due;
}

/* ---- records ------------------------------------------------------------------------------------- */

static void flush_queue(struct egress *e)
{
	size_t at = 0;

	while (at < e->queue_n) {
		struct record_head head;
		memcpy(&head, e->queue + at, sizeof head);
		ssize_t n = send(e->monitor.fd, e->queue + at, head.size, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0)
			_exit(1); /* the monitor is gone */
		at += head.size;
	}
	memmove(e->queue, e->queue + at, e->queue_n - at);
	e->queue_n -= at;
	egress_rewatch(e, &e->monitor, EPOLLIN | (e->queue_n ? EPOLLOUT : 0));
	egress_accept(e);
}

bool egress_report(struct egress *e, enum record_type type, union record *r)
{
	if (e->queue_n == 0) {
		if (record_try_send(e->monitor.fd, type, r) == 0)
			return true;
		if (errno != EAGAIN)
			_exit(1);
	}
	size_t size = record_size(type);
	if (size > sizeof e->queue - e->queue_n)
		return false;
	r->head = (struct record_head){ .type = (uint16_t)type, .size = (uint16_t)size };
	memcpy(e->queue + e->queue_n, r, size);
	e->queue_n += size;
	egress_rewatch(e, &e->monitor, EPOLLIN | EPOLLOUT);
	egress_accept(e);
	return true;
}

void egress_accept(struct egress *e)
{
	/* Each connection that there is has a record to come. */
	bool pause = e->connections_n >= e->connections_max || e->now < e->starved ||
		     (e->queue_n > 0 && e->queue_n + e->connections_n * sizeof(struct record_connection) > sizeof e->queue);

	if (pause == e->paused)
		return;
	e->paused = pause;
	for (size_t i = 0; i < e->listeners_n; i++)
		egress_rewatch(e, &e->listeners[i]->watch, pause ? 0 : EPOLLIN);
}

static _Noreturn void leave(struct egress *e)
{
	union record r = { 0 };

	while (e->connections)
		connection_end(e, e->connections, CONNECTION_CUT, "");
	e->traffic.names = (uint32_t)e->names_n;
	/* The monitor reads until then; blocking is for the last words only. */
	for (size_t at = 0; at < e->queue_n;) {
		struct record_head head;
		memcpy(&head, e->queue + at, sizeof head);
		if (send(e->monitor.fd, e->queue + at, head.size, MSG_NOSIGNAL) < 0 && errno != EINTR)
			_exit(1);
		at += head.size;
	}
	r.traffic = e->traffic;
	(void)record_send(e->monitor.fd, RECORD_TRAFFIC, &r);
	_exit(0);
}

static void on_record(struct egress *e, const union record *r)
{
	switch ((enum record_type)r->head.type) {
	case RECORD_ALLOW_HOST:
		names_allow(e, &r->allow_host);
		break;
	case RECORD_REVOKE:
		names_revoke(e, r->revoke.id);
		break;
	case RECORD_NAME_ANSWER:
		dns_answered(e, &r->name_answer);
		break;
	case RECORD_DRAIN:
		leave(e);
	default:
		break;
	}
}

static void hear_monitor(struct egress *e)
{
	union record r;
	unsigned char packet[sizeof r];
	size_t at = 0;

	ssize_t n = recv(e->monitor.fd, packet, sizeof packet, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0)
		_exit(1); /* the monitor is gone, and so is the cage */
	while (record_next(packet, (size_t)n, &at, &r) > 0)
		on_record(e, &r);
}

/* ---- the loop ------------------------------------------------------------------------------------ */

static void on_event(struct egress *e, struct watch *w, uint32_t events)
{
	if (w->fd < 0)
		return; /* closed by what happened before it in this turn */
	switch (w->kind) {
	case WATCH_MONITOR:
		if (events & EPOLLOUT)
			flush_queue(e);
		if (events & ~(uint32_t)EPOLLOUT)
			hear_monitor(e);
		break;
	case WATCH_RESOLVER:
		names_hear_resolver(e);
		break;
	case WATCH_DNS:
		dns_hear(e);
		break;
	case WATCH_DNS_LISTENER:
		dns_accept(e);
		break;
	case WATCH_DNS_CLIENT:
		dns_client_hear(e, w->owner);
		break;
	case WATCH_LISTENER:
		listener_accept(e, w->owner);
		break;
	case WATCH_NEAR:
		relay_event(e, w->owner, NEAR, events);
		break;
	case WATCH_FAR:
		relay_event(e, w->owner, FAR, events);
		break;
	case WATCH_TRY:
		connection_try_event(e, w->owner, w);
		break;
	}
}

static void tick(struct egress *e)
{
	struct connection *next;

	if (!e->next_due || e->now < e->next_due)
		return;
	e->next_due = 0;
	egress_accept(e);
	egress_due(e, e->now < e->starved ? e->starved : 0);
	names_tick(e);
	dns_tick(e);
	for (struct connection *c = e->connections; c; c = next) {
		next = c->next;
		connection_tick(e, c);
	}
}

/* Those that had more to move than is fair in one turn. */
static void go_on(struct egress *e)
{
	struct connection *list = TAKE_PTR(e->again), *next;

	for (struct connection *c = list; c; c = next) {
		next = c->next_again;
		c->again = false;
		if (!c->dead)
			relay_pump(e, c);
	}
}

static int wait_time(const struct egress *e)
{
	if (e->again)
		return 0;
	if (!e->next_due)
		return -1;
	if (e->next_due <= e->now)
		return 0;
	return e->next_due - e->now > 60000 ? 60000 : (int)(e->next_due - e->now);
}

static int wait_for_events(struct egress *e, struct epoll_event events[static EVENTS_MAX])
{
	int n = 0, timeout = wait_time(e);

	if (timeout == 0) /* there is more to do: no wait, and nothing to learn about waits */
		return epoll_wait(e->epoll, events, EVENTS_MAX, 0);
	spin_begin(&e->spin);
	while (n == 0 && spin_on(&e->spin))
		n = epoll_wait(e->epoll, events, EVENTS_MAX, 0);
	if (n == 0)
		n = epoll_wait(e->epoll, events, EVENTS_MAX, timeout);
	spin_end(&e->spin);
	return n;
}

static _Noreturn void serve(struct egress *e)
{
	struct epoll_event events[EVENTS_MAX];

	for (;;) {
		int n = wait_for_events(e, events);
		if (n < 0 && errno != EINTR)
			_exit(1);
		e->now = now_ms();
		for (int i = 0; i < n; i++)
			on_event(e, events[i].data.ptr, events[i].events);
		go_on(e);
		tick(e);
		connections_bury(e);
	}
}

/* ---- set-up -------------------------------------------------------------------------------------- */

static int watch_sockets(struct egress *e, struct error *err)
{
	struct watch *fixed[] = { &e->monitor, &e->resolver, &e->dns, &e->dns_listener };
	size_t next = 0;

	e->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (e->epoll < 0)
		return error_set(err, errno, "cannot make an epoll descriptor");
	e->dns = (struct watch){ WATCH_DNS, e->sockets.dns, e };
	e->dns_listener = (struct watch){ WATCH_DNS_LISTENER, e->sockets.dns_tcp, e };
	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
		if (fixed[i]->fd >= 0 && egress_watch(e, fixed[i], EPOLLIN) < 0)
			return error_set(err, errno, "cannot watch a socket");
	for (size_t i = 0; i < e->needs.ports_n; i++) {
		if (!e->needs.ports[i].all)
			continue;
		struct listener *l = calloc(1, sizeof *l);
		if (!l)
			return error_oom(err);
		*l = (struct listener){ .watch = { WATCH_LISTENER, e->sockets.listeners[next++], l }, .port = e->needs.ports[i].port };
		e->listeners[e->listeners_n++] = l;
		if (egress_watch(e, &l->watch, EPOLLIN) < 0)
			return error_set(err, errno, "cannot watch a socket");
	}
	return 0;
}

/* Nothing of libc must write into a connection that has the number of a standard stream. */
static int null_streams(struct error *err)
{
	CLEANUP_CLOSE int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = 0; fd <= 2; fd++)
		if (null < 0 || dup2(null, fd) < 0)
			return error_set(err, errno, "cannot open /dev/null");
	return 0;
}

static int confine(struct egress *e, int *abi, struct error *err)
{
	int keep[8 + NETWORK_PORTS_MAX + NETWORK_SINGLES_MAX] = {
		0, 1, 2, e->monitor.fd, e->resolver.fd, e->epoll, e->sockets.dns, e->sockets.dns_tcp,
	};
	size_t n = 8;

	for (size_t i = 0; i < e->sockets.listeners_n; i++)
		keep[n++] = e->sockets.listeners[i];
	for (size_t i = 0; i < e->sockets.singles_n; i++)
		keep[n++] = e->sockets.singles[i];
	return confine_egress(&e->needs, keep, n, e->plan->apparmor_own, abi, err);
}

static void count_connections(struct egress *e)
{
	struct rlimit files = { 0 };
	uint64_t most = e->plan->names.connections;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_max != RLIM_INFINITY) {
		uint64_t reserved = FDS_RESERVED + e->sockets.listeners_n + e->sockets.singles_n;
		uint64_t fit = files.rlim_max > reserved ? (files.rlim_max - reserved) / FDS_OF_CONNECTION : 0;
		most = fit < most ? fit : most;
	}
	e->connections_max = most > 0 ? most : 1;
}

static int set_up(struct egress *e, const struct plan *plan, const struct egress_fds *fds, int *abi, struct error *err)
{
	static const struct timeval patience = { .tv_sec = SOCKETS_TIMEOUT };

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return error_set(err, errno, "cannot tie egress to the monitor's life");
	if (null_streams(err) < 0 || network_needs(&plan->names, &e->needs, err) < 0)
		return -1;
	e->resolver = (struct watch){ WATCH_RESOLVER, resolver_start(plan->apparmor_own, err), e };
	if (e->resolver.fd < 0)
		return -1;
	(void)setsockopt(fds->init, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	if (cage_sockets_receive(&e->needs, fds->init, &e->sockets, err) < 0)
		return -1;
	count_connections(e);
	if (watch_sockets(e, err) < 0 || confine(e, abi, err) < 0)
		return -1;
	return names_start(e, err);
}

_Noreturn void egress_main(const struct plan *plan, const struct egress_fds *fds)
{
	struct egress *e = calloc(1, sizeof *e);
	union record r = { 0 };
	struct error err = { 0 };
	int abi = 0;
	sigset_t all;

	if (!e)
		_exit(1);
	/* Signals of the terminal's process group are the monitor's to act on. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	plan_wipe_secrets(plan);
	e->plan = plan;
	e->monitor = (struct watch){ WATCH_MONITOR, fds->monitor, e };
	e->now = now_ms();
	if (set_up(e, plan, fds, &abi, &err) < 0) {
		r.failed.error = err;
		(void)record_send(fds->monitor, RECORD_FAILED, &r);
		_exit(1);
	}
	r.ready.landlock = (uint32_t)abi;
	if (record_send(e->monitor.fd, RECORD_READY, &r) < 0)
		_exit(1);
	serve(e);
}
