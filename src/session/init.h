/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Init: pid 1 of the cage. It builds the cage around itself, starts the server when told to, reaps, passes
 * signals on, reports the server's exit status and dies with the monitor; and with pid 1 dies every process
 * of the pid namespace (pid_namespaces(7)). In reduced mode there is no such namespace: it kills what it has started before it ends.
 */
#pragma once

#include "policy/plan.h"

#include <sys/types.h>

struct init_fds {
	int server_in, server_out, server_err; /* the server's ends */
	int monitor;
	pid_t monitor_pid;
	int egress; /* gets the sockets of the cage; -1: no network by name */
};

/* The body of the process that cage_clone() made. Never returns. */
_Noreturn void init_main(const struct plan *plan, const struct init_fds *fds);
