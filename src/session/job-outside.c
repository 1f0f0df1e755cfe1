/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Jobs without a cage: programs that the user trusts anyway, and functions of ours that are confined before they read. Both are a child
 * whose answer comes through a pipe, is bounded, and has a deadline; both are dead when the call returns. fork(2), PR_SET_PDEATHSIG.
 */
#include "session/job.h"

#include "base/cleanup.h"
#include "base/fd.h"
#include "cage/cage.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* What comes from FD until its end, into OUT. */
static int collect(int fd, const char *what, unsigned timeout, const struct interrupt *interrupt, struct buf *out, struct error *err)
{
	uint64_t end = interrupt_now() + timeout;
	char chunk[16384];

	for (;;) {
		struct pollfd p[2] = { { .fd = fd, .events = POLLIN }, { .fd = interrupt->fd, .events = POLLIN } };
		uint64_t now = interrupt_now();
		int ready = now < end ? poll(p, ARRAY_SIZE(p), (int)(end - now)) : 0;
		if (ready < 0 && errno == EINTR)
			continue;
		if (ready <= 0)
			return job_late(err, "%s: no answer after %u s", what, timeout / 1000);
		if (p[1].revents && interrupt_check(interrupt, err) < 0)
			return -1;
		if (!p[0].revents)
			continue;
		ssize_t n = read(fd, chunk, sizeof chunk);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_set(err, errno, "%s: cannot read its answer", what);
		if (n == 0)
			return 0;
		if (buf_append(out, chunk, (size_t)n) < 0)
			return error_set(err, EFBIG, "%s: its answer is too long", what);
	}
}

static void default_signals(void)
{
	sigset_t none;

	for (int s = 1; s < NSIG; s++)
		if (s != SIGKILL && s != SIGSTOP)
			(void)signal(s, SIG_DFL);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* ---- programs of the user's ---- */

static _Noreturn void become(const struct strlist *argv, char *const *env, const char *folder, pid_t parent, int out)
{
	CLEANUP_CLOSE int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	(void)setpgid(0, 0);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent || null < 0 || chdir(folder) < 0)
		_exit(126);
	if (dup2(null, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 || dup2(null, STDERR_FILENO) < 0 ||
	    fd_close_from(STDERR_FILENO + 1) < 0)
		_exit(126);
	default_signals();
	execve(argv->v[0], argv->v, env);
	_exit(127);
}

int job_outside(const struct strlist *argv, char *const *env, const char *folder, unsigned timeout, const struct interrupt *interrupt,
		struct buf *out, int *status, struct error *err)
{
	CLEANUP_CLOSE int hear = -1, say = -1;
	int fds[2];
	pid_t parent = getpid();

	if (pipe2(fds, O_CLOEXEC) < 0)
		return error_set(err, errno, "cannot make a pipe");
	hear = fds[0];
	say = fds[1];
	pid_t pid = fork();
	if (pid < 0)
		return error_set(err, errno, "cannot start %s", argv->v[0]);
	if (pid == 0)
		become(argv, env, folder, parent, say);
	(void)setpgid(pid, pid);
	close(TAKE_FD(&say));
	int rc = collect(hear, argv->v[0], timeout, interrupt, out, err);
	/* It closed its output, so it has ended or is about to; what it may have started is not waited for. */
	if (rc < 0) {
		(void)kill(-pid, SIGKILL);
		(void)kill(pid, SIGKILL);
	}
	*status = 0;
	return waitpid(pid, status, 0) != pid && rc == 0 ? error_set(err, errno, "cannot wait for %s", argv->v[0]) : rc;
}

/* ---- functions of ours ---- */

#define FDS_MAX 64

static _Noreturn void serve(job_function *fn, void *context, const int *fds, size_t fds_n, pid_t parent, int out)
{
	int keep[FDS_MAX + 1];
	struct error err;
	int abi;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		_exit(126);
	memcpy(keep, fds, fds_n * sizeof *fds);
	keep[fds_n] = out;
	if (confine_filter(keep, fds_n + 1, apparmor_own(), &abi, &err) < 0)
		_exit(125);
	_exit(fn(context, fds, out) < 0 ? 1 : 0);
}

int job_confined(job_function *fn, void *context, const int *fds, size_t fds_n, const char *what, unsigned timeout,
		 const struct interrupt *interrupt, struct buf *answer, struct error *err)
{
	CLEANUP_CLOSE int hear = -1, say = -1;
	int pipe_fds[2], status = 0;
	pid_t parent = getpid();

	if (fds_n > FDS_MAX)
		return error_set(err, 0, "%s: too many files", what);
	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return error_set(err, errno, "cannot make a pipe");
	hear = pipe_fds[0];
	say = pipe_fds[1];
	pid_t pid = fork();
	if (pid < 0)
		return error_set(err, errno, "cannot fork");
	if (pid == 0)
		serve(fn, context, fds, fds_n, parent, say);
	close(TAKE_FD(&say));
	int rc = collect(hear, what, timeout, interrupt, answer, err);
	if (rc < 0)
		(void)kill(pid, SIGKILL);
	if (waitpid(pid, &status, 0) != pid && rc == 0)
		return error_set(err, errno, "cannot wait for a process of mcpcage");
	if (rc < 0)
		return -1;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 125)
		return error_set(err, 0, "cannot confine the process that reads %s", what);
	if (WIFSIGNALED(status))
		return error_set(err, 0, "the process that reads %s was ended by signal %d", what, WTERMSIG(status));
	return status == 0 ? 0 : error_set(err, 0, "cannot make sense of %s", what);
}
