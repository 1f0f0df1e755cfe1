/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The monitor's end of the control socket. Whoever connects is looked at once, may send one request at a time, and is dropped at the
 * first packet that is none. Nothing here waits: a request that takes time is queued, and who does not take his answer is closed.
 *
 * A server in the cage has the user's uid. It cannot see the socket, whose folder is protected and lies in none of the places that a
 * cage is made of; should it see it all the same, its user namespace gives it away. unix(7) SO_PEERCRED, user_namespaces(7).
 */
#include "session/control.h"

#include "base/cleanup.h"
#include "session/monitor.h"
#include "store/runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* How long somebody may be connected and say nothing; requests of one connection; a pause when nobody can be let in. */
enum { QUIET_TIME = 5000, REQUESTS_MAX = 512, TIRED_TIME = 1000 };
/* Names in the folder from which on those of killed sessions are looked for. */
enum { SWEEP_FROM = 32 };

void control_init(struct control *c)
{
	memset(c, 0, sizeof *c);
	c->folder = c->listener = -1;
	for (size_t i = 0; i < CONTROL_PEERS; i++)
		c->peers[i].fd = -1;
}

/* ---- the socket ----------------------------------------------------------------------------------- */

/* Under a name that says that nobody listens yet; see control-client.c. */
static int listen_in(int folder, const char *id, struct error *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char nameless[CONTROL_ID_SIZE + 1];
	CLEANUP_CLOSE int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(nameless, sizeof nameless, ".%s", id);
	snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", folder, nameless);
	if (fd < 0)
		return error_set(err, errno, "cannot make a socket");
	mode_t mask = umask(0177);
	int rc = bind(fd, (struct sockaddr *)&address, sizeof address);
	umask(mask);
	if (rc < 0)
		return error_set(err, errno, "cannot bind a socket in the runtime folder");
	if (listen(fd, 8) == 0 && renameat(folder, nameless, folder, id) == 0)
		return TAKE_FD(&fd);
	error_set(err, errno, "cannot listen in the runtime folder");
	(void)unlinkat(folder, nameless, 0);
	return -1;
}

/* Those that were killed leave a name behind, which blocks nobody: it is enough to look when there are many. */
static void sweep(int folder)
{
	struct stat st;

	/* In a tmpfs, a folder's size says how many names it has: 20 bytes each, two of which are "." and "..". */
	if (fstat(folder, &st) == 0 && st.st_size > 20 * (SWEEP_FROM + 2))
		control_sweep(folder);
}

void control_open(struct session *s)
{
	struct control *c = &s->control;
	const struct plan_later *later = &s->plan->later;
	struct error err;

	if (!later->runtime) {
		log_detail(s->log, "no control socket, so \"mcpcage grant\" cannot reach this session: %s",
			   later->no_runtime ? later->no_runtime : "there is no runtime folder");
		return;
	}
	c->folder = runtime_open(later->runtime, &err);
	if (c->folder >= 0)
		c->listener = listen_in(c->folder, s->audit.session, &err);
	if (c->listener < 0) {
		log_detail(s->log, "no control socket, so \"mcpcage grant\" cannot reach this session: %s", err.what);
		if (c->folder >= 0)
			close(TAKE_FD(&c->folder));
		return;
	}
	sweep(c->folder);
}

/* ---- who is there --------------------------------------------------------------------------------- */

static void leave(struct session *s, struct control_peer *peer)
{
	grants_forget(s, peer);
	if (peer->fd >= 0)
		close(peer->fd);
	peer->fd = -1;
	peer->state = CONTROL_LISTENS;
}

/* Whether the process PID is in our user namespace. */
static bool same_namespace(pid_t pid)
{
	struct stat ours, theirs;
	char path[64];

	snprintf(path, sizeof path, "/proc/%d/ns/user", (int)pid);
	return stat("/proc/self/ns/user", &ours) == 0 && stat(path, &theirs) == 0 && ours.st_dev == theirs.st_dev &&
	       ours.st_ino == theirs.st_ino;
}

static bool welcome(int fd, pid_t *pid)
{
	struct ucred peer;
	socklen_t n = sizeof peer;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) < 0 || peer.uid != geteuid())
		return false;
	*pid = peer.pid;
	return same_namespace(peer.pid);
}

static struct control_peer *free_peer(struct control *c)
{
	for (size_t i = 0; i < CONTROL_PEERS; i++)
		if (c->peers[i].fd < 0)
			return &c->peers[i];
	return NULL;
}

static void let_in(struct session *s)
{
	struct control *c = &s->control;
	struct control_peer *peer = free_peer(c);
	pid_t pid;

	if (!peer)
		return;
	CLEANUP_CLOSE int fd = accept4(c->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0) {
		/* Out of descriptors or memory: it would be so again at once. */
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			c->tired_until = session_now() + TIRED_TIME;
		return;
	}
	if (!welcome(fd, &pid)) {
		if (!s->control_refused)
			journal_note(s, "control", "somebody was refused who is not this user, or is in another user namespace");
		s->control_refused = true;
		return;
	}
	*peer = (struct control_peer){ .fd = TAKE_FD(&fd), .pid = pid, .until = session_now() + QUIET_TIME };
}

/* ---- what is said --------------------------------------------------------------------------------- */

void control_answer(struct control_peer *peer, const struct control_reply *reply)
{
	if (!peer || peer->fd < 0)
		return;
	struct control_reply r = *reply;
	r.magic = CONTROL_MAGIC;
	r.version = CONTROL_VERSION;
	peer->state = CONTROL_LISTENS;
	peer->until = session_now() + QUIET_TIME;
	/* Who does not read gets no second one: the next request would find no room either. */
	if (send(peer->fd, &r, sizeof r, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)sizeof r)
		peer->until = 0;
}

void control_refuse(struct control_peer *peer, const struct error *err)
{
	struct control_reply r = { .say = CONTROL_IS_REFUSED, .refused = *err };

	control_answer(peer, &r);
}

static void introduce(struct session *s, struct control_peer *peer)
{
	struct control_reply r = { .say = CONTROL_IS_SESSION };
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	memcpy(r.session.id, s->audit.session, sizeof r.session.id);
	memcpy(r.session.server, s->label, sizeof r.session.server);
	r.session.pid = (int32_t)getpid();
	r.session.started = (int64_t)now.tv_sec - (int64_t)((session_now() - s->started) / 1000);
	r.session.longest = s->plan->later.longest;
	r.session.hosts = s->plan->network == NETWORK_NAMES && !s->plan->later.hosts_locked;
	control_answer(peer, &r);
}

static bool request_valid(const struct control_request *r, size_t n)
{
	if (n != sizeof *r || r->magic != CONTROL_MAGIC || r->version != CONTROL_VERSION || r->ask == 0 ||
	    r->ask >= CONTROL_ASKS_ || r->spare != 0 || !memchr(r->text, '\0', sizeof r->text))
		return false;
	return r->ask == CONTROL_GRANT_PATH ? r->text[0] == '/' : r->ask == CONTROL_GRANT_HOST ? r->text[0] != '\0' : true;
}

static void hear(struct session *s, struct control_peer *peer)
{
	ssize_t n = recv(peer->fd, &peer->request, sizeof peer->request, MSG_DONTWAIT | MSG_TRUNC);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	/* Another version of mcpcage is told so by the end of the connection, like everybody who says something else. */
	if (n <= 0 || ++peer->asked > REQUESTS_MAX || !request_valid(&peer->request, (size_t)n)) {
		leave(s, peer);
		return;
	}
	if (peer->request.ask == CONTROL_SESSION)
		introduce(s, peer);
	else
		grants_heard(s, peer);
}

/* ---- for the loop --------------------------------------------------------------------------------- */

size_t control_poll(const struct session *s, struct pollfd *p)
{
	const struct control *c = &s->control;
	bool room = false;
	size_t n = 0;

	for (size_t i = 0; i < CONTROL_PEERS; i++) {
		room = room || c->peers[i].fd < 0;
		/* While its request is done, only its end is waited for. */
		if (c->peers[i].fd >= 0)
			p[n++] = (struct pollfd){ .fd = c->peers[i].fd,
						  .events = c->peers[i].state == CONTROL_LISTENS ? POLLIN : 0 };
	}
	if (room && c->listener >= 0 && session_now() >= c->tired_until)
		p[n++] = (struct pollfd){ .fd = c->listener, .events = POLLIN };
	return n + grants_poll(s, p + n);
}

static void attend(struct session *s, struct control_peer *peer, const struct pollfd *p, size_t n)
{
	short events = 0;

	for (size_t i = 0; i < n; i++)
		if (p[i].fd == peer->fd)
			events = p[i].revents;
	if (peer->state == CONTROL_LISTENS && events)
		hear(s, peer);
	else if (events & (POLLHUP | POLLERR))
		leave(s, peer);
	if (peer->fd >= 0 && peer->state == CONTROL_LISTENS && session_now() >= peer->until)
		leave(s, peer);
}

void control_tend(struct session *s, const struct pollfd *p, size_t n)
{
	struct control *c = &s->control;
	struct control_reply end = { .say = CONTROL_IS_END };

	for (size_t i = 0; i < CONTROL_PEERS; i++)
		if (c->peers[i].fd >= 0)
			attend(s, &c->peers[i], p, n);
	for (size_t i = 0; i < n; i++)
		if (p[i].revents && c->listener >= 0 && p[i].fd == c->listener)
			let_in(s);
	grants_tend(s);
	for (size_t i = 0; i < CONTROL_PEERS; i++) {
		struct control_peer *peer = &c->peers[i];
		if (peer->fd < 0 || peer->state != CONTROL_ENDS || grants_ending(s))
			continue;
		end.n = peer->ending;
		control_answer(peer, &end);
	}
}

uint64_t control_due(const struct session *s)
{
	const struct control *c = &s->control;
	uint64_t due = grants_due(s);

	for (size_t i = 0; i < CONTROL_PEERS; i++) {
		uint64_t at = c->peers[i].fd >= 0 && c->peers[i].state == CONTROL_LISTENS ? c->peers[i].until : 0;
		if (at && (due == 0 || at < due))
			due = at;
	}
	if (c->tired_until > session_now() && (due == 0 || c->tired_until < due))
		due = c->tired_until;
	return due;
}

void control_close(struct session *s)
{
	struct control *c = &s->control;

	for (size_t i = 0; i < CONTROL_PEERS; i++)
		if (c->peers[i].fd >= 0)
			leave(s, &c->peers[i]);
	if (c->listener >= 0) {
		(void)unlinkat(c->folder, s->audit.session, 0);
		close(TAKE_FD(&c->listener));
	}
	if (c->folder >= 0)
		close(TAKE_FD(&c->folder));
	grants_end(s);
}
