/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Forking egress: before the cage is cloned, so that it does not see the cage's ends of anything. For start.c and job.c. */
#include "session/egress.h"

#include "base/cleanup.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

int egress_start(const struct plan *plan, pid_t *pid, int *monitor, int *init, struct error *err)
{
	int records[2], sockets[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, records) < 0)
		return error_set(err, errno, "cannot make a socket pair");
	CLEANUP_CLOSE int records_ours = records[0], records_theirs = records[1];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
		return error_set(err, errno, "cannot make a socket pair");
	CLEANUP_CLOSE int sockets_init = sockets[0], sockets_theirs = sockets[1];

	*pid = fork();
	if (*pid < 0)
		return error_set(err, errno, "cannot fork egress");
	if (*pid == 0) {
		const struct egress_fds fds = { .monitor = records_theirs, .init = sockets_theirs };
		/* Were they open here, the end of the others would not show. */
		close(TAKE_FD(&records_ours));
		close(TAKE_FD(&sockets_init));
		egress_main(plan, &fds);
	}
	*monitor = TAKE_FD(&records_ours);
	*init = TAKE_FD(&sockets_init);
	return 0;
}
