/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/fs.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int fd_write_all(int fd, const void *p, size_t n)
{
	const char *at = p;

	while (n > 0) {
		ssize_t w = write(fd, at, n);
		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0 && errno == EAGAIN) {
			struct pollfd pfd = { .fd = fd, .events = POLLOUT };
			if (poll(&pfd, 1, -1) < 0 && errno != EINTR)
				return -1;
			continue;
		}
		if (w < 0)
			return -1;
		at += w;
		n -= (size_t)w;
	}
	return 0;
}

int fd_read_all(int fd, struct buf *b)
{
	char chunk[4096];

	for (;;) {
		ssize_t r = read(fd, chunk, sizeof chunk);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -1;
		if (r == 0)
			return 0;
		if (buf_append(b, chunk, (size_t)r) < 0) {
			errno = EFBIG;
			return -1;
		}
	}
}

int fd_set_nonblock(int fd, int on)
{
	int flags = fcntl(fd, F_GETFL);
	if (flags < 0)
		return -1;
	return fcntl(fd, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK);
}

/* Before close_range(2), or under a filter that does not know it. */
static int close_from_proc(unsigned int first)
{
	DIR *dir = opendir("/proc/self/fd");
	if (!dir)
		return -1;
	struct dirent *entry;
	while ((entry = readdir(dir))) {
		char *end;
		unsigned long fd = strtoul(entry->d_name, &end, 10);
		if (*end || end == entry->d_name || fd < first || fd == (unsigned long)dirfd(dir))
			continue;
		close((int)fd);
	}
	closedir(dir);
	return 0;
}

int fd_close_from(unsigned int first)
{
	if (syscall(SYS_close_range, first, ~0U, 0) == 0)
		return 0;
	if (errno != ENOSYS && errno != EPERM)
		return -1;
	return close_from_proc(first);
}

int fd_ensure_std(struct error *err)
{
	int fd;
	do {
		fd = open("/dev/null", O_RDWR);
		if (fd < 0)
			return error_set(err, errno, "cannot open /dev/null for a closed standard stream");
	} while (fd <= 2);
	close(fd);
	return 0;
}

int fd_lock(int fd, int how, unsigned patience)
{
	/* Short, so that of those who wait each has its chance: a lock that is given up is often taken again at once. */
	enum { PAUSE = 2 };
	const struct timespec pause = { .tv_nsec = PAUSE * 1000000 };

	for (unsigned waited = 0; flock(fd, how | LOCK_NB) < 0; waited += PAUSE) {
		if ((errno != EWOULDBLOCK && errno != EINTR) || waited >= patience)
			return -1;
		(void)nanosleep(&pause, NULL);
	}
	return 0;
}

static int write_temporary(int dirfd, const char *name, const void *content, size_t n, mode_t mode,
			   struct error *err)
{
	CLEANUP_CLOSE int fd =
		openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0)
		return error_set(err, errno, "cannot create %s", name);
	if (fd_write_all(fd, content, n) < 0)
		return error_set(err, errno, "cannot write %s", name);
	if (fsync(fd) < 0)
		return error_set(err, errno, "cannot write %s to disk", name);
	return 0;
}

int fd_rename_new(int from_at, const char *from, int to_at, const char *to)
{
	/* musl has had the wrapper for no longer than since 1.2.5. */
	return (int)syscall(SYS_renameat2, from_at, from, to_at, to, RENAME_NOREPLACE);
}

static void sync_parent(int dirfd, const char *path)
{
	CLEANUP_FREE char *copy = strdup(path);
	if (!copy)
		return;
	CLEANUP_CLOSE int parent = openat(dirfd, dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (parent >= 0)
		(void)fsync(parent);
}

int fd_write_file_atomic(int dirfd, const char *path, const void *content, size_t n, mode_t mode,
			 struct error *err)
{
	unsigned long long unique;
	char temporary[4096];

	if (getrandom(&unique, sizeof unique, 0) != sizeof unique)
		return error_set(err, errno, "cannot draw a random number");
	int length = snprintf(temporary, sizeof temporary, "%s.%016llx.new", path, unique);
	if (length < 0 || (size_t)length >= sizeof temporary)
		return error_set(err, ENAMETOOLONG, "cannot write %s", path);

	if (write_temporary(dirfd, temporary, content, n, mode, err) < 0) {
		(void)unlinkat(dirfd, temporary, 0);
		return -1;
	}
	if (renameat(dirfd, temporary, dirfd, path) < 0) {
		error_set(err, errno, "cannot replace %s", path);
		(void)unlinkat(dirfd, temporary, 0);
		return -1;
	}
	sync_parent(dirfd, path);
	return 0;
}
