/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The monitor's loop. It waits for records, signals and the clock, writes the audit log, and takes the session down:
 *
 *   end of file or a closed client: the filter has closed the server's input; SIGTERM at 0.7 s, SIGKILL at 1.2 s
 *   SIGTERM, SIGINT, SIGHUP:        passed on at once, SIGKILL at 1 s
 *   SIGKILL of the monitor:         parent-death signals and closed sockets end filter and init, and with init the cage
 *
 * so that the whole cage is gone within 1.5 s, which clients wait at least.
 */
#include "session/monitor.h"

#include "base/cleanup.h"
#include "session/label.h"
#include "session/session.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { TERM_AFTER_EOF = 700, KILL_AFTER_EOF = 1200, KILL_AFTER_TERM = 1000 };
/* What a filter may still take to pass on a dead server's last words: to a client that left, and to one that reads. */
enum { FLUSH_GONE = 200, FLUSH_READING = 5000 };

/* The session was ended by an alarm. timeout(1) uses it in the same sense. */
#define STATUS_STOPPED 124

uint64_t session_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void earlier(uint64_t *at, uint64_t candidate)
{
	if (*at == 0 || candidate < *at)
		*at = candidate;
}

void session_signal(struct session *s, int signal, bool everyone)
{
	union record r = { .signal = { .signal = signal, .everyone = everyone } };

	if (s->init.fd >= 0 && s->init.state == PEER_RUNNING)
		(void)record_send(s->init.fd, RECORD_SIGNAL, &r);
}

/* systemd removes a scope, and what it counted, with the last process in it: so before that. */
static void take_usage(struct session *s)
{
	cgroup_usage(&s->cgroup, &s->memory_peak, &s->cpu_us, &s->oom_kills);
}

static void kill_init(const struct session *s)
{
	if (s->init_pidfd >= 0)
		(void)syscall(SYS_pidfd_send_signal, s->init_pidfd, SIGKILL, NULL, 0);
}

/*
 * pid 1 dies, and with it everything in its pid namespace. In reduced mode, where its death alone would leave the server's processes
 * behind, it hears that we are gone, kills them, and ends; before it has said that it is ready there are none.
 */
static void kill_cage(struct session *s)
{
	if (s->killed)
		return;
	s->killed = true;
	take_usage(s);
	if (!s->plan->reduced || s->init.state == PEER_STARTING || s->init.fd < 0) {
		(void)cgroup_kill(&s->cgroup);
		kill_init(s);
		return;
	}
	(void)shutdown(s->init.fd, SHUT_WR);
	s->init_kill_at = session_now() + KILL_AFTER_TERM;
}

static void drain_filter(struct session *s)
{
	union record r = { 0 };

	if (s->filter_kill_at)
		return;
	s->filter_kill_at = session_now() + (s->client_gone ? FLUSH_GONE : FLUSH_READING);
	/* What was killed for want of memory is the server itself, not a child that it may do without. */
	r.drain.memory = s->server_exited && s->oom_kills && WIFSIGNALED(s->server_status) &&
			 WTERMSIG(s->server_status) == SIGKILL && !s->killed;
	if (s->filter.fd >= 0)
		(void)record_send(s->filter.fd, RECORD_DRAIN, &r);
}

/* The cage is gone, so there is nobody left to serve. */
static void drain_egress(struct session *s)
{
	union record r = { 0 };

	if (s->egress_kill_at || s->egress.reaped)
		return;
	s->egress_kill_at = session_now() + FLUSH_GONE;
	if (s->egress.fd >= 0)
		(void)record_send(s->egress.fd, RECORD_DRAIN, &r);
}

/* End the session: TERM_DELAY and KILL_DELAY in milliseconds from now. */
static void end_session(struct session *s, const char *why, uint64_t term_delay, uint64_t kill_delay)
{
	uint64_t now = session_now();

	if (!s->ending) {
		s->ending = why;
		journal_note(s, "ending", why);
		log_detail(s->log, "ending the session: %s", why);
	}
	/* It cannot end, nor see an end, otherwise. */
	session_thaw(s);
	earlier(&s->term_at, now + term_delay);
	earlier(&s->kill_at, now + kill_delay);
}

void session_break(struct session *s, const struct error *err)
{
	if (!s->broken) {
		s->broken = true;
		s->error = *err;
	}
	kill_cage(s);
}

static void on_event(struct session *s, enum session_event event)
{
	switch (event) {
	case EVENT_CLIENT_EOF:
		s->input_ended = !s->ending;
		end_session(s, "the client closed the input", TERM_AFTER_EOF, KILL_AFTER_EOF);
		s->client_gone = true;
		break;
	case EVENT_CLIENT_GONE:
		end_session(s, "the client closed its end of the output", TERM_AFTER_EOF, KILL_AFTER_EOF);
		s->client_gone = true;
		break;
	case EVENT_SERVER_EOF:
		/* Usually the server has just ended, and init is about to say so. */
		end_session(s, "the server closed its output", TERM_AFTER_EOF, KILL_AFTER_EOF);
		break;
	case EVENT_IDLE:
		log_line(s->log, "ending the session: nothing was asked for %llu ms (--idle-timeout)",
			 (unsigned long long)s->plan->idle_timeout);
		end_session(s, "idle timeout", 0, KILL_AFTER_TERM);
		break;
	case EVENT_UNYIELDING:
		log_line(s->log, "ending the session: one request after the other ran into its deadline without a word of the server");
		end_session(s, "the server does not yield", 0, KILL_AFTER_TERM);
		break;
	case EVENT_CLIENT_STUCK:
		end_session(s, "the client does not read", 0, KILL_AFTER_TERM);
		break;
	case EVENT_QUIET:
		session_freeze(s);
		break;
	case EVENT_BUSY:
		session_thaw(s);
		break;
	case EVENT_ALARM:
		s->stopped = true;
		end_session(s, "an alarm", 0, KILL_AFTER_TERM);
		break;
	case EVENTS_:
		break;
	}
}

static void on_exited(struct session *s, const struct record_exited *r)
{
	union record go = { 0 };

	s->server_exited = true;
	s->server_status = r->status;
	s->init.state = PEER_ENDED;
	take_usage(s);
	/* Init waits for this, so that the usage could be asked for; now it ends, and the cage with it. */
	(void)record_send(s->init.fd, RECORD_GO, &go);
	drain_filter(s);
}

static void on_item(struct session *s, const struct record_item *r)
{
	struct error err;
	int whole = pinning_item(&s->pinning, r, &err);

	if (whole < 0)
		session_break(s, &err);
	else if (whole > 0 && !(s->pinning.collecting && r->finding == FINDING_FIRST))
		journal_item(s, r);
}

static void on_list(struct session *s, const struct record_list *r)
{
	struct error err;
	size_t added;

	if (pinning_list(&s->pinning, r, &added, &err) < 0)
		session_break(s, &err);
	else if (added > 0)
		log_detail(s->log, "pinned at first sight: %zu of kind \"%s\"", added,
			   item_kind_name((enum item_kind)r->kind));
}

static void on_record(struct session *s, struct peer *peer, const union record *r)
{
	switch ((enum record_type)r->head.type) {
	case RECORD_READY:
		peer->ready = r->ready;
		peer->state = peer->who == PEER_INIT ? PEER_READY : PEER_RUNNING;
		break;
	case RECORD_FAILED:
		peer->state = PEER_ENDED;
		session_break(s, &r->failed.error);
		break;
	case RECORD_STARTED:
		peer->state = PEER_RUNNING;
		break;
	case RECORD_CALL:
		journal_call(s, &r->call);
		break;
	case RECORD_REFUSED:
		journal_refused(s, &r->refused);
		break;
	case RECORD_EVENT:
		on_event(s, (enum session_event)r->event.event);
		break;
	case RECORD_TEXT:
		journal_text(s, &r->text);
		break;
	case RECORD_ITEM:
		on_item(s, &r->item);
		break;
	case RECORD_LIST:
		on_list(s, &r->list);
		break;
	case RECORD_END:
		s->totals = r->end;
		peer->state = PEER_ENDED;
		break;
	case RECORD_EXITED:
		on_exited(s, &r->exited);
		break;
	case RECORD_ASK:
		asking_heard(s, &r->ask);
		break;
	case RECORD_WITHDRAW:
		asking_withdrawn(s, &r->withdraw);
		break;
	case RECORD_ASKED:
		asking_over(s, &r->asked);
		break;
	case RECORD_USED:
		asking_used(s, &r->used);
		break;
	case RECORD_ALARM:
		alarm_heard(s, &r->alarm);
		break;
	case RECORD_NAME_REFUSED:
		journal_name_refused(s, &r->name_refused);
		break;
	case RECORD_NAME_ASK:
		ask_host(s, &r->name_ask);
		break;
	case RECORD_CONNECTION:
		journal_connection(s, &r->connection);
		break;
	case RECORD_TRAFFIC:
		s->traffic = r->traffic;
		peer->state = PEER_ENDED;
		break;
	case RECORD_GRANTED:
		grants_said(s, &r->granted);
		break;
	case RECORD_NAME_ANSWER:
	case RECORD_ALLOW_HOST:
	case RECORD_REVOKE:
	case RECORD_ANSWERED:
	case RECORD_NONE:
	case RECORD_GO:
	case RECORD_SIGNAL:
	case RECORD_DRAIN:
	case RECORD_TYPES_:
		break;
	}
}

static const char *peer_name(const struct peer *peer)
{
	return peer->who == PEER_INIT ? "init of the cage" : peer->who == PEER_EGRESS ? "egress process" : "filter";
}

static void peer_lost(struct session *s, struct peer *peer)
{
	struct error err;

	close(peer->fd);
	peer->fd = -1;
	if (peer->state == PEER_ENDED || s->killed)
		return;
	error_set(&err, 0, "the %s ended before its time", peer_name(peer));
	session_break(s, &err);
}

void session_hear(struct session *s, struct peer *peer)
{
	union record r;
	size_t at = 0;
	int more, fds[RECORD_FDS];

	ssize_t n = record_receive(peer->fd, s->packet, sizeof s->packet, fds);
	/* Init sends them, before anything of the server's runs. */
	grants_places(s, fds, peer->who == PEER_INIT && peer->state == PEER_STARTING);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		peer_lost(s, peer);
		return;
	}
	bool legal = (size_t)n <= sizeof s->packet;
	while (legal && (more = record_next(s->packet, (size_t)n, &at, &r)) != 0) {
		legal = more > 0 && record_legal(peer->who, peer->state, r.head.type);
		if (legal)
			on_record(s, peer, &r);
	}
	if (!legal) {
		struct error err;
		error_set(&err, 0, "the %s sent a record that is not legal in its state; the session is ended",
			  peer_name(peer));
		journal_note(s, "illegal record", peer_name(peer));
		session_break(s, &err);
	}
}

static void on_signal(struct session *s, int signal)
{
	switch (signal) {
	case SIGTERM:
	case SIGINT:
	case SIGHUP:
	case SIGQUIT:
		s->client_gone = true;
		if (!s->term_at || s->term_at > session_now())
			session_signal(s, signal, false);
		end_session(s, strsignal(signal), 0, KILL_AFTER_TERM);
		break;
	case SIGUSR1:
	case SIGUSR2:
		session_thaw(s);
		session_signal(s, signal, false);
		break;
	default:
		break;
	}
}

static void read_signals(struct session *s)
{
	struct signalfd_siginfo info;

	while (read(s->signal_fd, &info, sizeof info) == (ssize_t)sizeof info)
		on_signal(s, (int)info.ssi_signo);
}

static void reap_peer(struct session *s, struct peer *peer)
{
	int status;

	if (peer->reaped || peer->pid <= 0 || waitpid(peer->pid, &status, WNOHANG) != peer->pid)
		return;
	peer->reaped = true;
	/* What it said last is still in the socket. */
	while (peer->fd >= 0) {
		enum peer_state before = peer->state;
		session_hear(s, peer);
		if (peer->state == before && peer->fd >= 0 && recv(peer->fd, &status, 1, MSG_DONTWAIT | MSG_PEEK) <= 0)
			peer_lost(s, peer);
	}
	if (peer->who == PEER_INIT) {
		drain_filter(s);
		drain_egress(s);
	}
}

static void act_on_clock(struct session *s)
{
	uint64_t now = session_now();

	if (s->session_end && now >= s->session_end) {
		s->session_end = 0;
		log_line(s->log, "ending the session: it has lasted %llu ms (--session-timeout)",
			 (unsigned long long)s->plan->session_timeout);
		end_session(s, "session timeout", 0, KILL_AFTER_TERM);
	}
	if (s->term_at && now >= s->term_at) {
		s->term_at = 0;
		session_signal(s, SIGTERM, true);
	}
	if (s->kill_at && now >= s->kill_at) {
		s->kill_at = 0;
		kill_cage(s);
	}
	if (s->init_kill_at && now >= s->init_kill_at && !s->init.reaped) {
		s->init_kill_at = 0;
		(void)cgroup_kill(&s->cgroup);
		kill_init(s);
	}
	if (s->filter_kill_at && now >= s->filter_kill_at && !s->filter.reaped && s->filter.pid > 0) {
		s->filter.state = PEER_ENDED;
		(void)kill(s->filter.pid, SIGKILL);
	}
	if (s->egress_kill_at && now >= s->egress_kill_at && !s->egress.reaped && s->egress.pid > 0) {
		s->egress.state = PEER_ENDED;
		(void)kill(s->egress.pid, SIGKILL);
	}
}

static int wait_time(const struct session *s)
{
	const uint64_t at[] = { s->session_end, s->term_at, s->kill_at, s->init_kill_at, s->filter_kill_at, s->egress_kill_at, asking_due(s), alarm_due(s),
				control_due(s) };
	uint64_t next = 0, now = session_now();

	for (size_t i = 0; i < ARRAY_SIZE(at); i++)
		if (at[i])
			earlier(&next, at[i]);
	if (!next)
		return -1;
	if (next <= now)
		return 1;
	return next - now > 60000 ? 60000 : (int)(next - now);
}

/* The filter finds out by itself, and refuses what the command would have been asked about. */
static void tend_text_command(struct session *s)
{
	int status;

	if (s->text_command.pid <= 0 || !child_tend(&s->text_command, session_now(), &status))
		return;
	if (WIFEXITED(status))
		log_line(s->log, "the text command has ended with status %d", WEXITSTATUS(status));
	else
		log_line(s->log, "the text command was ended by signal %d", WTERMSIG(status));
	journal_note(s, "text command", "it has ended");
}

static void run(struct session *s)
{
	while (!s->init.reaped || !s->filter.reaped || !s->egress.reaped) {
		struct pollfd p[4 + CONTROL_POLL + ASKING_MAX] = {
			{ .fd = s->filter.fd, .events = POLLIN },
			{ .fd = s->init.fd, .events = POLLIN },
			{ .fd = s->signal_fd, .events = POLLIN },
			{ .fd = s->egress.fd, .events = POLLIN },
		};
		size_t control = control_poll(s, p + 4);
		if (poll(p, 4 + control + asking_poll(s, p + 4 + control), wait_time(s)) < 0 && errno != EINTR) {
			struct error err;
			error_set(&err, errno, "cannot wait for the session's processes");
			session_break(s, &err);
		}
		if (p[0].fd >= 0 && p[0].revents)
			session_hear(s, &s->filter);
		if (p[1].fd >= 0 && p[1].revents)
			session_hear(s, &s->init);
		if (p[2].revents)
			read_signals(s);
		if (p[3].fd >= 0 && p[3].revents)
			session_hear(s, &s->egress);
		act_on_clock(s);
		asking_tend(s);
		control_tend(s, p + 4, control);
		alarm_tend(s);
		tend_text_command(s);
		reap_peer(s, &s->filter);
		reap_peer(s, &s->init);
		reap_peer(s, &s->egress);
	}
}

/* After a failed start: whatever there is dies and is waited for. */
static void abort_start(struct session *s)
{
	kill_cage(s);
	if (s->init.pid > 0)
		(void)waitpid(s->init.pid, NULL, 0);
	const pid_t outside[] = { s->filter.pid, s->egress.pid };
	for (size_t i = 0; i < ARRAY_SIZE(outside); i++)
		if (outside[i] > 0) {
			(void)kill(outside[i], SIGKILL);
			(void)waitpid(outside[i], NULL, 0);
		}
}

static void release(struct session *s)
{
	int *fds[] = { &s->filter.fd, &s->init.fd, &s->egress.fd, &s->init_pidfd, &s->signal_fd };

	control_close(s);
	asking_end(s);
	child_end(&s->text_command);
	approvals_free(&s->approvals);
	cgroup_release(&s->cgroup);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		if (*fds[i] >= 0)
			close(*fds[i]);
	audit_close(&s->audit);
	pinning_close(&s->pinning);
	buf_free(&s->line);
}

static int exit_status(const struct session *s)
{
	if (s->broken)
		return 125;
	if (s->stopped)
		return STATUS_STOPPED;
	if (!s->server_exited)
		return 128 + SIGKILL;
	if (WIFEXITED(s->server_status))
		return WEXITSTATUS(s->server_status);
	return 128 + WTERMSIG(s->server_status);
}

static int session(const struct plan *plan, const struct log *log, struct pins *collected, int *status, struct error *err)
{
	struct session s = {
		.plan = plan,
		.log = log,
		.audit = AUDIT_OFF,
		.line = BUF_INIT((size_t)4 << 20),
		.filter = { .who = PEER_FILTER, .fd = -1 },
		.init = { .who = PEER_INIT, .fd = -1 },
		.egress = { .who = PEER_EGRESS, .fd = -1 },
		.init_pidfd = -1,
		.signal_fd = -1,
		.cgroup = { .fd = -1 },
		.text_command = CHILD_NONE,
		.places = { -1, -1 },
		.started = session_now(),
	};

	if (rlimits_own(err) < 0)
		return -1;
	control_init(&s.control);
	grants_init(&s.grants);

	if (plan->pins_folder && approvals_load(plan->pins_folder, &s.approvals, err) < 0)
		return -1;
	if (audit_open(&s.audit, plan->audit, err) < 0) {
		approvals_free(&s.approvals);
		return -1;
	}
	alarm_start(&s);
	plan_label(s.label, sizeof s.label, plan);
	plan_reach(s.reach, sizeof s.reach, plan);
	if (pinning_open(&s.pinning, plan, collected, err) < 0 || session_start(&s, err) < 0) {
		abort_start(&s);
		journal_note(&s, "failed", err->what);
		release(&s);
		return -1;
	}
	journal_start(&s);
	/* A review has nothing to grant. */
	if (!collected)
		control_open(&s);
	if (plan->session_timeout)
		s.session_end = s.started + plan->session_timeout;
	run(&s);
	if (s.broken)
		log_error(log, &s.error);
	if (s.oom_kills)
		log_line(log, "%llu %s of the server killed because its memory was full (--memory)",
			 (unsigned long long)s.oom_kills, s.oom_kills == 1 ? "process" : "processes");
	if (s.input_ended && s.unanswered)
		log_line(log, "%llu %s not answered: the input ended, and then a server has %d ms. Keep it open until the answers have come",
			 (unsigned long long)s.unanswered, s.unanswered == 1 ? "request was" : "requests were", TERM_AFTER_EOF);
	*status = exit_status(&s);
	control_close(&s);
	journal_end(&s, *status);
	int r = collected ? pinning_collected(&s.pinning, collected, err) : 0;
	release(&s);
	return r;
}

int session_run(const struct plan *plan, const struct log *log, int *status, struct error *err)
{
	return session(plan, log, NULL, status, err);
}

int session_collect(const struct plan *plan, const struct log *log, struct pins *out, int *status, struct error *err)
{
	return session(plan, log, out, status, err);
}
