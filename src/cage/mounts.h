/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The parts of a root, between root.c, which orders them, and mounts.c, which makes them. Private to cage/.
 */
#pragma once

#include "base/error.h"
#include "policy/plan.h"

/* A root that is being built. Every descriptor belongs to a file system of ours. */
struct root {
	const struct plan *plan;
	int stage;      /* the tmpfs behind everything that is not a host object or another file system */
	int fd;         /* its folder `root`, a mount of its own: what becomes "/" */
	int empty_dir;  /* in the stage, read-only: what masks are made of */
	int empty_file;
	int *tmpfs;     /* for each mount of the plan: the detached tmpfs of a MOUNT_TMPFS, else -1 */
};

/*
 * First step, for each mount of the plan: make its file system if it has one of ours, and its mount point if that lies
 * in one of ours. Nothing of the host is in the new root yet, and nothing is attached.
 */
int mount_prepare(struct root *root, size_t i, struct error *err);
/* Second step, in the plan's order: attach it. */
int mount_attach(struct root *root, size_t i, struct error *err);

/* A new tmpfs, detached. SIZE 0: no limit (never for what the server may write). */
int mount_new_tmpfs(const char *where, uint64_t size, const char *mode, struct error *err);

/* procfs of this pid namespace with its masks, and /dev: special.c. */
int mount_proc(struct root *root, const struct plan_mount *mount, int dest, struct error *err);
int mount_dev_prepare(struct root *root, const struct plan_mount *mount, int dev, struct error *err);
int mount_dev(struct root *root, const struct plan_mount *mount, int dev, struct error *err);
