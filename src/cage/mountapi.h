/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The mount calls of Linux 5.2 to 5.12, as thin as possible: -1 with errno set, descriptors close-on-exec. Private
 * to cage/. By number, because glibc has them only since 2.36 and its <sys/mount.h> cannot be included beside
 * the kernel's header everywhere: include this instead of either.
 *
 * open_tree(2), move_mount(2), mount_setattr(2), fsopen(2), fsconfig(2), fsmount(2), pivot_root(2), umount2(2).
 */
#pragma once

#include <fcntl.h>
#include <linux/mount.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif
#ifndef MNT_DETACH
#define MNT_DETACH 2
#endif

/* A detached copy of the object behind FD ("" as PATH) or below it, with everything mounted in it when RECURSIVE. */
static inline int mountapi_clone(int fd, const char *path, int recursive)
{
	unsigned int flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW;

	return (int)syscall(SYS_open_tree, fd, path, flags | (recursive ? AT_RECURSIVE : 0U));
}

/* Attach the detached mount FROM to PATH below TO, or to TO itself with "". Follows no symlink. */
static inline int mountapi_attach(int from, int to, const char *path)
{
	return (int)syscall(SYS_move_mount, from, "", to, path,
			    MOVE_MOUNT_F_EMPTY_PATH | (*path ? 0U : MOVE_MOUNT_T_EMPTY_PATH));
}

/* Set ATTRIBUTES (MOUNT_ATTR_*) on FD's mount; clear none; no propagation in either direction. */
static inline int mountapi_restrict(int fd, uint64_t attributes, int recursive)
{
	struct mount_attr attr = { .attr_set = attributes, .propagation = MS_PRIVATE };

	return (int)syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0U), &attr,
			    sizeof attr);
}

static inline int mountapi_private(const char *path)
{
	struct mount_attr attr = { .propagation = MS_PRIVATE };

	return (int)syscall(SYS_mount_setattr, AT_FDCWD, path, AT_RECURSIVE, &attr, sizeof attr);
}

static inline int mountapi_fsopen(const char *type)
{
	return (int)syscall(SYS_fsopen, type, FSOPEN_CLOEXEC);
}

static inline int mountapi_fsoption(int fs, const char *key, const char *value)
{
	return (int)syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, key, value, 0);
}

static inline int mountapi_fscreate(int fs)
{
	return (int)syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
}

/* The detached mount of a file system that mountapi_fscreate() made. */
static inline int mountapi_fsmount(int fs, uint64_t attributes)
{
	return (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, (unsigned int)attributes);
}
