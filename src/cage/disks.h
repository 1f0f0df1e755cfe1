/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The disks beneath what a cage shows, and limits on them: io.max of cgroup v2. Internal to cgroup.c, scope.c and the tests,
 * which show it made-up machines.
 */
#pragma once

#include "policy/plan.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DISKS_MAX 64

struct disk {
	unsigned major, minor;
};

struct disks {
	struct disk v[DISKS_MAX]; /* whole disks, as io.max takes them; none twice */
	size_t n;
	char without[256]; /* something in the cage lies on what is no such disk: one phrase; "": nothing does */
};

struct disks_world {
	const char *mounts; /* fstab(5)'s form: /proc/self/mounts */
	const char *sys;    /* where sysfs is mounted */
};

/*
 * The disks beneath the binds of PLAN, and beneath what is mounted in them. WORLD is NULL for this machine. What lies in memory
 * has none, and needs none.
 */
void disks_find(const struct plan *plan, const struct disks_world *world, struct disks *disks);

/* Whether the text IO_MAX of an io.max holds reads and writes of each of DISKS to RATE bytes a second, or fewer. */
bool disks_limited(const char *io_max, const struct disks *disks, uint64_t rate);
/*
 * Hold them to it in the group GROUP, a descriptor of its folder. Lines that are there and do it stay. False, with one phrase in
 * WHY: not all of them are held.
 */
bool disks_limit(int group, const struct disks *disks, uint64_t rate, char *why, size_t size);
