/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The parts of a root, between root.c, which orders them, points.c, which creates, and mounts.c and special.c, which
 * attach. Private to cage/.
 */
#pragma once

#include "base/error.h"
#include "policy/plan.h"

#include <stdbool.h>

/* What belongs to a mount of the plan while the root is built. */
struct mount_at {
	/*
	 * Where its mount point is: PATH below the descriptor BASE, a tmpfs of ours or the kept home, "" for BASE itself. BASE
	 * is -1 when it lies in a tree that is not ours; PATH is the plan's then.
	 */
	int base;
	const char *path;
	bool in_home; /* BASE is the kept home, where another session may be changing names meanwhile */
	/* MOUNT_TMPFS and the kept home: it, detached at first. MOUNT_DEV: its folder. MOUNT_DATA that is mounted: the file. Else -1. */
	int own;
	bool submounts; /* MOUNT_BIND: other mounts came along in it */
};

/* A root that is being built. Every descriptor belongs to a file system of ours, or to the kept home. */
struct root {
	const struct plan *plan;
	int fd;              /* the tmpfs that becomes "/" */
	struct mount_at *at; /* one for each mount of the plan */
	int empty_dir;       /* what masks are made of */
	int empty_file;
	bool submounts; /* some bind has them */

	/* The folder around the last mount point: the next one is often beside it. */
	int parent;
	int parent_base;
	const char *parent_path;
	size_t parent_n;
};

/* ---- points.c: what is created ------------------------------------------------------------------ */

/*
 * For each mount of the plan make its file system, if that is a tmpfs of ours, and its mount point, if it lies in one. Then
 * the empty objects and the files that are mounted. Nothing of the host may be attached to the root yet.
 */
int points_make(struct root *root, struct error *err);

/* A new tmpfs, detached, nosuid and nodev. MODE of its root, NULL for 1777. */
int points_tmpfs(const char *where, uint64_t size, const char *mode, struct error *err);

/*
 * Open the folder that is the first N bytes of PATH below BASE, making what is missing; crosses neither symlinks nor mounts. -1
 * with errno.
 */
int points_open_dirs(int base, const char *path, size_t n);

/* ---- mounts.c: what is attached ----------------------------------------------------------------- */

/* MOUNT_BIND: a detached clone of what M shows, restricted; *SUBMOUNTS: with the mounts in it. -1: ERR. */
int mount_clone(const struct plan_mount *m, bool *submounts, struct error *err);
/* Attach mount I. In the plan's order. */
int mount_attach(struct root *root, size_t i, struct error *err);

/* ---- special.c: /proc and /dev ------------------------------------------------------------------ */

int special_proc(struct root *root, size_t i, struct error *err);
/* Make the files and folders of /dev in the folder DEV. */
int special_dev_points(const struct plan_mount *mount, int dev, struct error *err);
int special_dev(struct root *root, size_t i, struct error *err);

/* ---- submounts.c: what came along --------------------------------------------------------------- */

/* Cover the kernel's own file systems inside granted folders. After everything is attached. */
int submounts_cover(const struct root *root, struct error *err);
/* Whether the content of file systems of TYPE is the kernel's, not files that somebody stored. */
bool submounts_kernel_type(const char *type);
