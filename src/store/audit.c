/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The audit log's file: opening it safely, rotating it, writing whole lines. What stands in the lines is
 * session/journal.c's concern.
 */
#include "store/audit.h"

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/json-out.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static int make_parents(const char *path, struct error *err)
{
	CLEANUP_FREE char *copy = strdup(path);
	if (!copy)
		return error_oom(err);

	char *dir = dirname(copy);
	for (char *p = dir + 1;; p++) {
		char c = *p;
		if (c != '/' && c != '\0')
			continue;
		*p = '\0';
		if (mkdir(dir, 0700) < 0 && errno != EEXIST)
			return error_set(err, errno, "cannot make the folder %s for the audit log", dir);
		*p = c;
		if (c == '\0')
			return 0;
	}
}

static int open_append(const char *path, struct error *err)
{
	const int flags = O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK | O_CLOEXEC;

	int fd = open(path, flags, 0600);
	if (fd < 0 && errno == ENOENT) {
		if (make_parents(path, err) < 0)
			return -1;
		fd = open(path, flags, 0600);
	}
	if (fd < 0)
		return error_set(err, errno, "cannot open the audit log %s", path);
	return fd;
}

static int check(int fd, const char *path, struct stat *st, struct error *err)
{
	if (fstat(fd, st) < 0)
		return error_set(err, errno, "cannot look at the audit log %s", path);
	if (!S_ISREG(st->st_mode)) {
		error_set(err, 0, "the audit log %s is not a regular file", path);
		return error_hint(err, "name a file with --audit FILE, or use --audit off");
	}
	if (st->st_uid != geteuid() || (st->st_mode & 022)) {
		error_set(err, 0, "the audit log %s belongs to, or can be written by, somebody else", path);
		return error_hint(err, "chown it to yourself and chmod go-w it, or name another file with --audit");
	}
	return 0;
}

/* Whoever gets the lock renames; the others go on with what they opened. */
static bool rotate(int fd, const char *path, const struct stat *st)
{
	CLEANUP_FREE char *old = NULL;
	struct stat now;

	if ((uint64_t)st->st_size < AUDIT_ROTATE_BYTES || flock(fd, LOCK_EX | LOCK_NB) < 0)
		return false;
	if (stat(path, &now) < 0 || now.st_ino != st->st_ino || now.st_dev != st->st_dev)
		return true; /* somebody was faster */
	if (asprintf(&old, "%s.1", path) < 0) {
		old = NULL;
		return false;
	}
	return rename(path, old) == 0;
}

int audit_open(struct audit *audit, const char *path, struct error *err)
{
	struct stat st;
	uint64_t id;

	*audit = (struct audit)AUDIT_OFF;
	if (getrandom(&id, sizeof id, 0) != sizeof id)
		return error_set(err, errno, "cannot draw a random number");
	snprintf(audit->session, sizeof audit->session, "%016llx", (unsigned long long)id);
	if (!path)
		return 0;

	CLEANUP_CLOSE int fd = open_append(path, err);
	if (fd < 0 || check(fd, path, &st, err) < 0)
		return -1;
	if (rotate(fd, path, &st)) {
		close(fd);
		fd = open_append(path, err);
		if (fd < 0 || check(fd, path, &st, err) < 0)
			return -1;
	}
	audit->fd = TAKE_FD(&fd);
	return 0;
}

void audit_begin(const struct audit *audit, struct buf *line, const char *event)
{
	struct timespec ts;
	struct tm tm;
	char text[40];

	clock_gettime(CLOCK_REALTIME, &ts);
	gmtime_r(&ts.tv_sec, &tm);
	size_t n = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + n, sizeof text - n, ".%03ldZ", ts.tv_nsec / 1000000);

	buf_clear(line);
	buf_putc(line, '{');
	json_member_str(line, "time", text);
	json_member_str(line, "session", audit->session);
	json_member_str(line, "event", event);
}

int audit_end(const struct audit *audit, struct buf *line, struct error *err)
{
	if (audit->fd < 0)
		return 0;
	buf_puts(line, "}\n");
	if (line->full)
		return error_oom(err);
	if (fd_write_all(audit->fd, line->p, line->n) < 0)
		return error_set(err, errno, "cannot write to the audit log");
	return 0;
}

void audit_close(struct audit *audit)
{
	if (audit->fd >= 0)
		close(audit->fd);
	audit->fd = -1;
}
