/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where in the cgroup v2 tree a group of ours could be made. Internal to cgroup.c and its tests: everything is
 * relative to `root`, so that a test can show it a fake tree.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Controllers, as bits. */
enum { CONTROLLER_MEMORY = 1, CONTROLLER_PIDS = 2, CONTROLLER_CPU = 4, CONTROLLER_IO = 8 };

struct cgroup_world {
	const char *root; /* where cgroup2 is mounted */
	const char *own;  /* the text of /proc/self/cgroup */
	bool systemd;	  /* systemd manages this tree: only what it delegated is ours */
};

struct cgroup_place {
	char parent[448];     /* absolute path of the group to make ours in */
	unsigned controllers; /* which its children have, or will have once enabled */
	unsigned enable;      /* which of them have to be written to cgroup.subtree_control first */
};

/* The path of the "0::" line of /proc/PID/cgroup: 0, or -1 when there is none, or it is outside or deleted. */
int cgroup_own_path(const char *text, char *out, size_t size);
/* "cpu memory pids" as bits. */
unsigned cgroup_controllers(const char *text);
/* The number after KEY in the flat-keyed text of cpu.stat or memory.events; 0 when it is not there. */
uint64_t cgroup_keyed(const char *text, const char *key);

/* 0 with *PLACE filled, or -1 with why not, one phrase, in REASON. Changes nothing. */
int cgroup_place_find(const struct cgroup_world *world, struct cgroup_place *place, char *reason, size_t size);

/* The content of the small file NAME below DIRFD as a string: its length, or -1 with errno. */
int cgroup_read(int dirfd, const char *name, char *out, size_t size);
