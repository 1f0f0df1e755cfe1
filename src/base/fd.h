/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Small helpers around file descriptors. Everything here opens with O_CLOEXEC.
 */
#pragma once

#include "base/buf.h"
#include "base/error.h"

#include <stddef.h>
#include <sys/types.h>

/* Write everything, retrying on EINTR and waiting with poll(2) on EAGAIN. 0, or -1 with errno set. */
int fd_write_all(int fd, const void *p, size_t n);

/* Read until end of file into B, whose ceiling applies (-1 with errno EFBIG past it). */
int fd_read_all(int fd, struct buf *b);

/* Set or clear O_NONBLOCK on the open file description. 0, or -1 with errno set. */
int fd_set_nonblock(int fd, int on);

/* Close every descriptor from FIRST on (close_range(2), or /proc/self/fd before Linux 5.9). */
int fd_close_from(unsigned int first);

/* Open /dev/null on those of 0, 1, 2 that are closed, so that no later descriptor lands there. */
int fd_ensure_std(struct error *err);

/*
 * flock(2) with HOW (LOCK_SH or LOCK_EX), tried again for PATIENCE milliseconds. The lock is the open file description's. 0, or
 * -1 with errno set: EWOULDBLOCK when somebody else still has it.
 */
int fd_lock(int fd, int how, unsigned patience);

/* rename(2) where nothing is at TO: renameat2(2) with RENAME_NOREPLACE. 0, or -1 with errno set: EEXIST, EINVAL where it is not known. */
int fd_rename_new(int from_at, const char *from, int to_at, const char *to);

/*
 * Replace the file PATH by CONTENT: a temporary file beside it, fsync, rename, fsync of the folder.
 * DIRFD as in openat(2).
 */
int fd_write_file_atomic(int dirfd, const char *path, const void *content, size_t n, mode_t mode,
			 struct error *err);
