/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the mediator is measured against: the least that can stand between a client and a server. Starts the server
 * and copies both ways with poll(2), 64 KiB at a time, looking at nothing.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char block[65536];

/* false: end of file or a closed reader. */
static bool copy(int from, int to)
{
	ssize_t n = read(from, block, sizeof(block));

	if (n <= 0)
		return n < 0 && errno == EINTR;
	for (ssize_t done = 0; done < n;) {
		ssize_t w = write(to, block + done, (size_t)(n - done));

		if (w < 0 && errno != EINTR)
			return false;
		if (w > 0)
			done += w;
	}
	return true;
}

int main(int argc, char **argv)
{
	int in[2], out[2], status;
	pid_t pid;

	if (argc < 2 || pipe(in) < 0 || pipe(out) < 0)
		return 125;
	pid = fork();
	if (pid < 0)
		return 125;
	if (pid == 0) {
		dup2(in[0], STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		close(in[0]);
		close(in[1]);
		close(out[0]);
		close(out[1]);
		execvp(argv[1], argv + 1);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	signal(SIGPIPE, SIG_IGN);
	struct pollfd p[2] = { { .fd = STDIN_FILENO, .events = POLLIN }, { .fd = out[0], .events = POLLIN } };
	while (p[1].fd >= 0) {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			break;
		if (p[0].fd >= 0 && p[0].revents && !copy(p[0].fd, in[1])) {
			p[0].fd = -1;
			close(in[1]);
		}
		if (p[1].revents && !copy(out[0], STDOUT_FILENO))
			p[1].fd = -1;
	}
	if (p[0].fd >= 0)
		close(in[1]);
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
