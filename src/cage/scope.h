/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A transient scope of the systemd that manages this user's processes (or the machine, for root). Internal to cgroup.c.
 */
#pragma once

#include "base/error.h"

#include "cage/disks.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define SCOPE_NAME_MAX 64

struct scope_request {
	pid_t pid;               /* the process to put into it */
	const char *description; /* any bytes; cleaned here */
	/* 0 means no limit, for swap none of it */
	uint64_t memory, swap, tasks, cpu;
	/* bytes a second, for each of `disks` */
	uint64_t io;
	const struct disks *disks;
};

/*
 * Whether a systemd that could make a scope for us listens here; REASON gets why not. A few stat(2).
 * UID is our effective user id.
 */
bool scope_available(uid_t uid, char *reason, size_t size);

/*
 * Make the scope, wait until REQUEST's pid is in it, at most TIMEOUT_MS; NAME gets the name of the unit.
 * Loads libsystemd and talks D-Bus in a child process that is gone when this returns.
 */
int scope_start(const struct scope_request *request, int timeout_ms, char name[SCOPE_NAME_MAX], struct error *err);
