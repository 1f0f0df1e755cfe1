/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * For the tests of cage/clone.c and cage/root.c: plans made by hand, and running a function in the cage they describe.
 * Included by one file of each test program.
 */
#pragma once

#include "tests/tap.h"

#include "cage/cage.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <sched.h>
#include <stdarg.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>
#include <unistd.h>

#define PLAIN_UID 65534 /* who the tests of an ordinary user run as, when they are started by root */

/* One plan, and the folder on the host that its sources lie in. */
struct fixture {
	struct plan p;
	struct plan_mount m[64];
	char names[128][128]; /* strings of the plan */
	size_t names_n;
};

static char host_dir[64];       /* a fresh folder for each pass; everything is below it */
static struct error last_error; /* what the last in_cage() failed with */

/* A string that lives as long as FX. */
__attribute__((format(printf, 2, 3))) static inline char *fx_name(struct fixture *fx, const char *format, ...)
{
	va_list ap;

	if (fx->names_n == ARRAY_SIZE(fx->names))
		bail_out("too many names in one plan");
	va_start(ap, format);
	vsnprintf(fx->names[fx->names_n], sizeof fx->names[0], format, ap);
	va_end(ap);
	return fx->names[fx->names_n++];
}

static inline struct plan_mount *fx_add(struct fixture *fx, enum mount_kind kind, const char *dest)
{
	if (fx->p.mounts_n == ARRAY_SIZE(fx->m))
		bail_out("too many mounts in one plan");
	struct plan_mount *m = &fx->m[fx->p.mounts_n++];
	*m = (struct plan_mount){ .kind = kind, .dest = fx_name(fx, "%s", dest), .why = fx->names[0] };
	return m;
}

/* Bind what is at SRC right now. */
static inline struct plan_mount *fx_bind(struct fixture *fx, const char *src, const char *dest, bool write)
{
	struct plan_mount *m = fx_add(fx, MOUNT_BIND, dest);
	struct stat st;

	if (stat(src, &st) < 0)
		bail_out("%s: %s", src, strerror(errno));
	m->src = fx_name(fx, "%s", src);
	m->write = write;
	m->directory = S_ISDIR(st.st_mode);
	m->dev = st.st_dev;
	m->ino = st.st_ino;
	return m;
}

/* The host's PATH below host_dir, shown below /g. */
static inline struct plan_mount *fx_grant(struct fixture *fx, const char *name, bool write)
{
	return fx_bind(fx, fx_name(fx, "%s/%s", host_dir, name), fx_name(fx, "/g/%s", name), write);
}

/* Namespaces of their own and an empty root with a folder that something is mounted on. */
static inline void fx_init(struct fixture *fx)
{
	static char user[] = "tester", home[] = "/home/tester", host[] = "cage-of-the-test";

	memset(fx, 0, sizeof *fx);
	fx->p.mounts = fx->m;
	fx->p.uid = geteuid();
	fx->p.gid = getegid();
	fx->p.user = user;
	fx->p.home = home;
	fx->p.hostname = host;
	fx->p.network = NETWORK_NONE;
	fx->p.layers = LAYER_USERNS | LAYER_TIMENS;
	fx_name(fx, "test");
	fx_add(fx, MOUNT_PROC, "/proc");
	fx_add(fx, MOUNT_TMPFS, "/tmp")->size = 1 << 20;
}

/* Where a path of the test lies on the host. Not reentrant. */
__attribute__((format(printf, 1, 2))) static inline const char *host(const char *format, ...)
{
	static char paths[4][256];
	static unsigned int turn;
	char *path = paths[turn++ % 4];
	va_list ap;
	size_t n = (size_t)snprintf(path, sizeof paths[0], "%s/", host_dir);

	va_start(ap, format);
	vsnprintf(path + n, sizeof paths[0] - n, format, ap);
	va_end(ap);
	return path;
}

static inline void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		bail_out("%s: %s", path, strerror(errno));
	close(fd);
}

static inline void folder(const char *path)
{
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		bail_out("%s: %s", path, strerror(errno));
}

/* The content of PATH, at most 64 KiB, or NULL with errno. Not reentrant. */
static inline const char *slurp(const char *path)
{
	static char text[65536];
	size_t n = 0;
	ssize_t r;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return NULL;
	while ((r = read(fd, text + n, sizeof text - 1 - n)) > 0)
		n += (size_t)r;
	int saved = errno;
	close(fd);
	errno = saved;
	text[n] = '\0';
	return r < 0 ? NULL : text;
}

/* 0, or the errno that making the file PATH gives. */
static inline int try_create(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static inline int try_open(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

/*
 * Make FX's cage and call INSIDE there, whose assertions count. 0 when it was made and they held; 1 when they did not; -1 when
 * it could not be made, with last_error.
 */
static inline int in_cage(const struct fixture *fx, void (*inside)(void))
{
	int pidfd = -1, report[2];

	memset(&last_error, 0, sizeof last_error);
	tap_is_child_();
	if (pipe2(report, O_CLOEXEC) < 0)
		bail_out("pipe2: %s", strerror(errno));
	pid_t pid = cage_clone(&fx->p, -1, &pidfd, &last_error);
	if (pid == 0) {
		struct error err = { 0 };

		tap_.child_failed = 0;
		close(report[0]);
		if (cage_id_maps(&fx->p, &err) < 0 || cage_root(&fx->p, &err) < 0) {
			if (write(report[1], &err, sizeof err) != sizeof err)
				_exit(99);
			_exit(98);
		}
		close(report[1]);
		if (inside)
			inside();
		tap_child_exit();
	}
	close(report[1]);
	if (pid < 0) {
		close(report[0]);
		return -1;
	}
	ssize_t n = read(report[0], &last_error, sizeof last_error);
	close(report[0]);
	close(pidfd);
	int status = tap_wait_status(pid);
	if (n == (ssize_t)sizeof last_error)
		return -1;
	if (status != 0)
		diag("  the caged process ended with wait status %#x", (unsigned int)status);
	return status == 0 ? 0 : 1;
}

/* Assert that the cage is made and that what INSIDE asserts holds. */
static inline bool caged(const struct fixture *fx, void (*inside)(void), const char *name)
{
	int status = in_cage(fx, inside);

	if (status < 0)
		diag("  %s (%s)", last_error.what, last_error.hint);
	return ok(status == 0, "%s", name);
}

/* Assert that the cage is not made, with the errno SYS and WORDS in the message. */
static inline void refused(const struct fixture *fx, int sys, const char *words, const char *name)
{
	int status = in_cage(fx, NULL);

	if (!ok(status < 0 && last_error.sys == sys && strstr(last_error.what, words), "refused: %s", name))
		diag("  status %d, errno %d, \"%s\" (%s)", status, last_error.sys, last_error.what, last_error.hint);
}

/* Continue as an ordinary user. */
static inline void become_plain(void)
{
	if (setgroups(0, NULL) < 0 || setresgid(PLAIN_UID, PLAIN_UID, PLAIN_UID) < 0 ||
	    setresuid(PLAIN_UID, PLAIN_UID, PLAIN_UID) < 0)
		bail_out("cannot become uid %d: %s", PLAIN_UID, strerror(errno));
	/* The change of identity took it; the maps of a process that is not dumpable belong to root. */
	if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0)
		bail_out("PR_SET_DUMPABLE: %s", strerror(errno));
}

static inline void remove_host_dir(void)
{
	char command[128];

	snprintf(command, sizeof command, "rm -rf '%s'", host_dir);
	if (host_dir[0] && system(command) != 0)
		diag("cannot remove %s", host_dir);
}

static inline void make_host_dir(void)
{
	snprintf(host_dir, sizeof host_dir, "/var/tmp/mcpcage-test-XXXXXX");
	if (!mkdtemp(host_dir))
		bail_out("%s: %s", host_dir, strerror(errno));
}

/*
 * Run TESTS as who we are, and when that is root once more as an ordinary user. TESTS makes ASSERTIONS assertions of which none
 * is lost when the second pass is a child: its lines are printed by it, so the number has to be known.
 */
static inline void for_each_user(void (*tests)(void), int assertions)
{
	diag("as uid %d", (int)geteuid());
	make_host_dir();
	tests();
	remove_host_dir();
	if (geteuid() != 0)
		return;

	diag("as uid %d", PLAIN_UID);
	int before = tap_.run;
	pid_t pid = tap_fork();
	if (pid == 0) {
		tap_.pid = getpid(); /* it prints its own lines */
		tap_.run = before;
		tap_.failed = 0;
		become_plain();
		make_host_dir();
		tests();
		remove_host_dir();
		fflush(NULL);
		_exit(tap_.run != before + assertions ? 2 : tap_.failed ? 1 : 0);
	}
	int status = tap_wait_status(pid);
	if (!WIFEXITED(status) || WEXITSTATUS(status) > 1)
		bail_out("the pass as an ordinary user ended with wait status %#x", (unsigned int)status);
	tap_.run = before + assertions;
	if (WEXITSTATUS(status) == 1)
		tap_.failed++;
}
