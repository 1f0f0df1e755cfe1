/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finding sessions that run, and asking one. Called by the command line.
 *
 * A killed session leaves its socket behind. Connecting to it is refused then, and for a stream-like socket by nothing else: so it
 * can be removed by whoever finds it. A session gives its socket its name only after it listens, so one that is just starting is
 * never taken for one that ended; names that begin with a dot are such, and are left alone for a minute. unix(7).
 */
#include "session/control.h"

#include "base/cleanup.h"
#include "store/runtime.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* For an answer: longer than the monitor takes for what it refuses by itself, and for everything else. */
enum { ANSWER_TIME = 40, LIST_TIME = 3 };
/* A socket without its name yet is somebody's who is starting, or was killed then. */
enum { NAMELESS_TIME = 60 };

const char *grant_kind_name(enum grant_kind kind)
{
	static const char *const names[GRANT_KINDS_] = { [GRANT_PATH] = "path", [GRANT_HOST] = "host" };

	return (unsigned)kind < GRANT_KINDS_ ? names[kind] : "unknown";
}

static int set_timeout(int fd, int seconds)
{
	const struct timeval time = { .tv_sec = seconds };

	return setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time) < 0 ||
			       setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time) < 0
		       ? -1
		       : 0;
}

/* By way of /proc, because a socket's address holds 107 bytes only. -1 with errno. */
static int connect_to(int folder, const char *name, int flags)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	CLEANUP_CLOSE int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | flags, 0);

	int n = snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", folder, name);
	if (fd < 0 || n < 0 || (size_t)n >= sizeof address.sun_path || set_timeout(fd, LIST_TIME) < 0)
		return -1;
	if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
		return -1;
	return TAKE_FD(&fd);
}

static bool is_id(const char *name)
{
	return strlen(name) == CONTROL_ID_SIZE - 1 && strspn(name, "0123456789abcdef") == CONTROL_ID_SIZE - 1;
}

/* After the connection to NAME was refused. */
static void remove_dead(int folder, const char *name)
{
	struct stat st;

	if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISSOCK(st.st_mode))
		return;
	if (name[0] == '.' && time(NULL) - st.st_mtime < NAMELESS_TIME)
		return;
	(void)unlinkat(folder, name, 0);
}

void control_sweep(int folder)
{
	int own = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = own < 0 ? NULL : fdopendir(own);
	const struct dirent *entry;

	if (!dir) {
		if (own >= 0)
			close(own);
		return;
	}
	while ((entry = readdir(dir)) != NULL) {
		if (!is_id(entry->d_name + (entry->d_name[0] == '.')))
			continue;
		int fd = connect_to(folder, entry->d_name, SOCK_NONBLOCK);
		if (fd >= 0)
			close(fd);
		else if (errno == ECONNREFUSED)
			remove_dead(folder, entry->d_name);
	}
	closedir(dir);
}

static bool same_user(int fd)
{
	struct ucred peer;
	socklen_t n = sizeof peer;

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) == 0 && peer.uid == geteuid();
}

static bool terminated(const char *text, size_t size)
{
	return memchr(text, '\0', size) != NULL;
}

static bool reply_valid(const struct control_reply *r)
{
	switch ((enum control_say)r->say) {
	case CONTROL_IS_SESSION:
		return terminated(r->session.id, sizeof r->session.id) && is_id(r->session.id) &&
		       terminated(r->session.server, sizeof r->session.server);
	case CONTROL_IS_GRANT:
		return r->grant.kind < GRANT_KINDS_ && terminated(r->grant.what, sizeof r->grant.what) &&
		       terminated(r->grant.place, sizeof r->grant.place);
	case CONTROL_IS_REFUSED:
		return terminated(r->refused.what, sizeof r->refused.what) && terminated(r->refused.hint, sizeof r->refused.hint);
	case CONTROL_IS_END:
		return true;
	case CONTROL_SAYS_:
		break;
	}
	return false;
}

static int ask(int fd, struct control_request *request, struct control_reply *reply, struct error *err)
{
	request->magic = CONTROL_MAGIC;
	request->version = CONTROL_VERSION;
	if (send(fd, request, sizeof *request, MSG_NOSIGNAL) != (ssize_t)sizeof *request)
		return error_set(err, errno, "the session cannot be asked");
	ssize_t n;
	do
		n = recv(fd, reply, sizeof *reply, MSG_TRUNC);
	while (n < 0 && errno == EINTR);
	if (n == 0) {
		error_set(err, 0, "the session has closed the connection");
		return error_hint(err, "it may have ended meanwhile; it answers nobody but its own user, outside of any container or cage");
	}
	if (n < 0)
		return error_set(err, errno == EAGAIN ? ETIMEDOUT : errno, "the session does not answer");
	if (n != (ssize_t)sizeof *reply || reply->magic != CONTROL_MAGIC || reply->version != CONTROL_VERSION || !reply_valid(reply)) {
		error_set(err, 0, "the session's answer cannot be understood");
		return error_hint(err, "it was started by another version of mcpcage: start it anew");
	}
	if (reply->say != CONTROL_IS_REFUSED)
		return 0;
	*err = reply->refused;
	return -1;
}

int control_request(const struct control_instance *instance, struct control_request *request, struct control_reply *reply,
		    struct error *err)
{
	if (set_timeout(instance->fd, ANSWER_TIME) < 0)
		return error_set(err, errno, "cannot set up the connection to the session");
	return ask(instance->fd, request, reply, err);
}

static int add(struct control_list *list, int *fd, const struct control_session *session, struct error *err)
{
	struct control_instance *grown = reallocarray(list->v, list->n + 1, sizeof *grown);
	size_t at = list->n;

	if (!grown)
		return error_oom(err);
	list->v = grown;
	while (at > 0 && list->v[at - 1].session.started > session->started) {
		list->v[at] = list->v[at - 1];
		at--;
	}
	list->v[at] = (struct control_instance){ .fd = TAKE_FD(fd), .session = *session };
	list->n++;
	return 0;
}

/* A session that ends, or does not answer, is none. */
static int try(int folder, const char *name, struct control_list *list, struct error *err)
{
	CLEANUP_CLOSE int fd = connect_to(folder, name, 0);
	struct control_request request = { .ask = CONTROL_SESSION };
	struct control_reply reply = { 0 };
	struct error ignored;

	if (fd < 0) {
		if (errno == ECONNREFUSED)
			remove_dead(folder, name);
		return 0;
	}
	if (!same_user(fd) || ask(fd, &request, &reply, &ignored) < 0 || reply.say != CONTROL_IS_SESSION)
		return 0;
	return add(list, &fd, &reply.session, err);
}

int control_find(const char *folder, struct control_list *list, struct error *err)
{
	CLEANUP_CLOSE int at = runtime_open(folder, err);
	const struct dirent *entry;
	int rc = 0;

	if (at < 0)
		return err->sys == ENOENT ? 0 : -1;
	int own = openat(at, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = own < 0 ? NULL : fdopendir(own);
	if (!dir) {
		if (own >= 0)
			close(own);
		return error_set(err, errno, "cannot read the runtime folder %s", folder);
	}
	while (rc == 0 && (entry = readdir(dir)) != NULL)
		if (is_id(entry->d_name))
			rc = try(at, entry->d_name, list, err);
	closedir(dir);
	return rc;
}

void control_list_free(struct control_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		close(list->v[i].fd);
	free(list->v);
	*list = (struct control_list){ 0 };
}
