/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Starting helpers. Input comes from a memfd and not a pipe, so that nothing has to be fed and a helper that does not read
 * cannot block anybody. The monitor's signals are blocked and some ignored: the new process gets the defaults. Called by
 * ask-helper.c and alarm.c; never with arguments that a server had a part in. memfd_create(2), execvp(3), PR_SET_PDEATHSIG in
 * prctl(2).
 */
#include "session/child.h"

#include "base/cleanup.h"
#include "base/fd.h"
#include "cage/cage.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define STOP_TIME 500 /* milliseconds between SIGTERM and SIGKILL */

static void default_signals(void)
{
	sigset_t none;

	for (int s = 1; s < NSIG; s++)
		if (s != SIGKILL && s != SIGSTOP)
			(void)signal(s, SIG_DFL);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/*
 * In the new process: dies with its parent unless it OUTLIVES it, has IN and OUT (-1: /dev/null) as
 * standard streams, and nothing above 2.
 */
static int settle(pid_t parent, int in, int out, bool outlives)
{
	CLEANUP_CLOSE int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (!outlives && (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent))
		return -1;
	if (null < 0)
		return -1;
	if (dup2(in >= 0 ? in : null, STDIN_FILENO) < 0 || dup2(out >= 0 ? out : null, STDOUT_FILENO) < 0)
		return -1;
	if (null > STDERR_FILENO)
		close(TAKE_FD(&null));
	default_signals();
	return fd_close_from(STDERR_FILENO + 1);
}

static int make_input(struct span input, struct error *err)
{
	CLEANUP_CLOSE int fd = memfd_create("mcpcage-question", MFD_CLOEXEC);

	if (fd < 0 || fd_write_all(fd, input.p, input.n) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return error_set(err, errno, "cannot make the input of a helper");
	return TAKE_FD(&fd);
}

static int make_output(int fds[2], struct error *err)
{
	if (pipe2(fds, O_CLOEXEC) < 0 || fd_set_nonblock(fds[0], 1) < 0)
		return error_set(err, errno, "cannot make a pipe for a helper");
	return 0;
}

static void started(struct child *c, pid_t pid, bool group, int out)
{
	*c = CHILD_NONE;
	c->pid = pid;
	c->group = group;
	c->out = out;
}

/* In the new process. */
static _Noreturn void become(const struct strlist *argv, pid_t parent, int in, int out, unsigned outlives)
{
	(void)setpgid(0, 0);
	/* Nothing is found by way of the client's working directory. */
	if (settle(parent, in, out, outlives) < 0 || chdir("/") < 0)
		_exit(126);
	/* Survives execve(2), see alarm(2). */
	(void)alarm(outlives / 1000);
	apparmor_leave_onexec();
	execvp(argv->v[0], argv->v);
	_exit(127);
}

int child_start(struct child *c, const struct strlist *argv, struct span input, unsigned outlives, struct error *err)
{
	CLEANUP_CLOSE int in = make_input(input, err);
	CLEANUP_CLOSE int hear = -1, say = -1;
	int fds[2] = { -1, -1 };
	pid_t parent = getpid();

	if (in < 0 || (!outlives && make_output(fds, err) < 0))
		return -1;
	hear = fds[0];
	say = fds[1];
	pid_t pid = fork();
	if (pid < 0)
		return error_set(err, errno, "cannot start %s", argv->v[0]);
	if (pid == 0)
		become(argv, parent, in, say, outlives);
	/* Both do it, so that it holds for both from here on. */
	(void)setpgid(pid, pid);
	started(c, pid, true, TAKE_FD(&hear));
	return 0;
}

int child_serve(struct child *c, const struct strlist *argv, int in, int out, struct error *err)
{
	pid_t parent = getpid();
	pid_t pid = fork();

	if (pid < 0)
		return error_set(err, errno, "cannot start %s", argv->v[0]);
	if (pid == 0)
		become(argv, parent, in, out, 0);
	(void)setpgid(pid, pid);
	started(c, pid, true, -1);
	return 0;
}

int child_fork(struct child *c, int (*fn)(void *context), void *context, struct error *err)
{
	CLEANUP_CLOSE int hear = -1, say = -1;
	int fds[2] = { -1, -1 };
	pid_t parent = getpid();

	if (make_output(fds, err) < 0)
		return -1;
	hear = fds[0];
	say = fds[1];
	pid_t pid = fork();
	if (pid < 0)
		return error_set(err, errno, "cannot fork");
	if (pid == 0)
		_exit(settle(parent, -1, say, false) < 0 ? 126 : fn(context));
	started(c, pid, false, TAKE_FD(&hear));
	return 0;
}

enum child_said child_hear(struct child *c)
{
	if (c->out < 0)
		return CHILD_QUIET;
	for (;;) {
		size_t room = sizeof c->line - 1 - c->line_n;
		ssize_t n = room ? read(c->out, c->line + c->line_n, room) : 0;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return CHILD_QUIET;
		c->line_n += n > 0 ? (size_t)n : 0;
		c->line[c->line_n] = '\0';
		char *end = memchr(c->line, '\n', c->line_n);
		if (!end && n > 0)
			continue;
		close(c->out);
		c->out = -1;
		if (end)
			*end = '\0';
		return end || c->line_n ? CHILD_SAID : CHILD_ENDED;
	}
}

static void send(const struct child *c, int signal)
{
	if (c->group)
		(void)kill(-c->pid, signal);
	(void)kill(c->pid, signal);
}

void child_stop(struct child *c, uint64_t now)
{
	if (c->out >= 0)
		close(c->out);
	c->out = -1;
	if (c->pid <= 0)
		return;
	send(c, SIGTERM);
	c->kill_at = now + STOP_TIME;
}

bool child_tend(struct child *c, uint64_t now, int *status)
{
	int got;

	if (c->pid <= 0)
		return true;
	if (c->kill_at && now >= c->kill_at) {
		c->kill_at = 0;
		send(c, SIGKILL);
	}
	/* Its last words come before its end. */
	if (c->out >= 0 || waitpid(c->pid, &got, WNOHANG) != c->pid)
		return false;
	if (status)
		*status = got;
	*c = CHILD_NONE;
	return true;
}

void child_end(struct child *c)
{
	if (c->pid > 0) {
		send(c, SIGKILL);
		(void)waitpid(c->pid, NULL, 0);
	}
	if (c->out >= 0)
		close(c->out);
	*c = CHILD_NONE;
}
