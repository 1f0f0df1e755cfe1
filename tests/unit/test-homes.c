/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Kept homes: made, shared, wiped when their time is over; and removing what a hostile server left in one. */
#include "base/fd.h"
#include "base/path.h"
#include "store/homes.h"
#include "tests/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define DAY ((uint64_t)86400 * 1000)
#define NOBODY 65534

static char root[] = "/tmp/mcpcage-test-homes-XXXXXX";
static struct error err;

static char *at(const char *name)
{
	static char paths[8][4096];
	static size_t next;
	char *path = paths[next++ % 8];

	snprintf(path, sizeof paths[0], "%s/%s", root, name);
	return path;
}

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0 || fd_write_all(fd, text, strlen(text)) < 0)
		bail_out("%s: %s", path, strerror(errno));
	close(fd);
}

static bool there(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

static unsigned mode_of(const char *path)
{
	struct stat st;

	return lstat(path, &st) < 0 ? 0 : st.st_mode & 07777;
}

/* The last use of the home in FOLDER was DAYS days ago. */
static void used(const char *folder, int days)
{
	struct timespec times[2] = { { .tv_sec = time(NULL) - (time_t)days * 86400 } };
	char path[4200];

	times[1] = times[0];
	snprintf(path, sizeof path, "%s/record", folder);
	if (utimensat(AT_FDCWD, path, times, 0) < 0)
		bail_out("%s: %s", path, strerror(errno));
}

static void makes_and_shares(void)
{
	const char *folder = at("state/homes/one");
	struct home a, b;
	struct home_info info;
	struct stat st;

	is_int(home_info(folder, &info, &err), 0, "there is no home yet");
	is_int(home_reset(folder, &err), 0, "and nothing to wipe");
	ok(!there(at("state")), "and looking makes nothing");
	if (!is_int(home_open(folder, UINT64_MAX, "server --token=x\nsecond line", &a, &err), 0, "made"))
		diag("%s", err.what);
	ok(!a.wiped && stat(a.files, &st) == 0 && st.st_ino == a.ino && st.st_dev == a.dev && S_ISDIR(st.st_mode),
	   "it says which folder it is");
	is_int(mode_of(folder), 0700, "closed to others");
	is_int(mode_of(at("state/homes")), 0700, "as the one above");
	is_int(mode_of(a.files), 0700, "and as the home itself");
	put(at("state/homes/one/files/memory"), "remembered");

	is_int(home_open(folder, UINT64_MAX, "server --token=x\nsecond line", &b, &err), 0, "a second session at the same time");
	is_str(b.files, a.files, "has the same files");
	home_close(&a);
	is_int(home_info(folder, &info, &err), 1, "there is one");
	ok(info.in_use && info.keep == UINT64_MAX && strcmp(info.command, "server --token=x second line") == 0,
	   "in use, kept for good, and the command on one line");
	home_info_free(&info);
	is_int(home_reset(folder, &err), -1, "it is not wiped while it is used");
	ok(strstr(err.what, "in use") && there(at("state/homes/one/files/memory")), "that is said, and the file is there");
	home_close(&b);
	home_close(&b);

	is_int(home_open(folder, UINT64_MAX, "server", &a, &err), 0, "the next session");
	ok(there(at("state/homes/one/files/memory")), "finds the file");
	home_close(&a);
	is_int(home_reset(folder, &err), 1, "wiped");
	ok(!there(at("state/homes/one/files")) && !there(at("state/homes/one/record")), "nothing of it is left");
	is_int(home_reset(folder, &err), 0, "and it cannot be wiped twice");
}

static void expires(void)
{
	const char *folder = at("state/homes/ttl");
	struct home h, other;
	struct home_info info;

	is_int(home_open(folder, 30 * DAY, "x", &h, &err), 0, "kept for 30 days");
	put(at("state/homes/ttl/files/f"), "x");
	home_close(&h);
	used(folder, 29);
	is_int(home_info(folder, &info, &err), 1, "after 29 days");
	ok(!home_expired(&info), "its time is not over");
	home_info_free(&info);
	is_int(home_open(folder, 30 * DAY, "x", &h, &err), 0, "a session");
	ok(!h.wiped && there(at("state/homes/ttl/files/f")), "finds it");
	home_close(&h);
	is_int(home_info(folder, &info, &err), 1, "that was a use");
	ok(time(NULL) - info.used < 3600, "so the time starts again");
	home_info_free(&info);

	used(folder, 31);
	is_int(home_info(folder, &info, &err), 1, "after 31 days");
	ok(home_expired(&info), "its time is over");
	home_info_free(&info);
	is_int(home_open(folder, UINT64_MAX, "x", &h, &err), 0, "a session that keeps for good");
	ok(!h.wiped && there(at("state/homes/ttl/files/f")), "wipes nothing");
	used(folder, 31);
	is_int(home_open(folder, 30 * DAY, "x", &other, &err), 0, "one that keeps for 30 days, meanwhile");
	ok(!other.wiped && there(at("state/homes/ttl/files/f")), "does not wipe what is in use");
	home_close(&h);
	home_close(&other);
	used(folder, 31);
	is_int(home_open(folder, 30 * DAY, "x", &h, &err), 0, "and after 31 days without any");
	ok(h.wiped && !there(at("state/homes/ttl/files/f")) && there(at("state/homes/ttl/files")), "it starts empty");
	home_close(&h);
	used(folder, -2);
	is_int(home_open(folder, 1, "x", &h, &err), 0, "a clock that went back");
	ok(!h.wiped, "wipes nothing");
	home_close(&h);
}

static void refuses(void)
{
	struct home h;

	if (mkdir(at("elsewhere"), 0755) < 0 || symlink(at("elsewhere"), at("state/homes/linked")) < 0)
		bail_out("%s", strerror(errno));
	is_int(home_open(at("state/homes/linked"), UINT64_MAX, "x", &h, &err), -1, "a symlink in the place of a home is refused");
	home_close(&h);
	is_int(home_reset(at("state/homes/linked"), &err), -1, "and not wiped");
	ok(there(at("elsewhere")) && mode_of(at("elsewhere")) == 0755, "where it leads nothing has changed");

	if (mkdir(at("state/homes/inner"), 0755) < 0 || symlink(at("elsewhere"), at("state/homes/inner/files")) < 0)
		bail_out("%s", strerror(errno));
	is_int(home_open(at("state/homes/inner"), UINT64_MAX, "x", &h, &err), -1, "nor is one in the place of its files followed");
	home_close(&h);
	is_int(mode_of(at("state/homes/inner")), 0700, "an open folder is closed");

	/* The server may change its home's mode. */
	is_int(home_open(at("state/homes/mode"), UINT64_MAX, "x", &h, &err), 0, "a home");
	home_close(&h);
	chmod(at("state/homes/mode/files"), 0);
	is_int(home_open(at("state/homes/mode"), UINT64_MAX, "x", &h, &err), 0, "that the server has closed to itself");
	is_int(mode_of(at("state/homes/mode/files")), 0700, "is opened again");
	home_close(&h);
	chmod(at("state/homes/mode/files"), 0777);
	is_int(home_open(at("state/homes/mode"), UINT64_MAX, "x", &h, &err), 0, "one that it has opened to everybody");
	is_int(mode_of(at("state/homes/mode/files")), 0700, "is closed again");
	home_close(&h);

	/* Whatever a record says. */
	static const char *const records[] = {
		"", "mcpcage home 2\nkeep 1\ncommand x\n", "mcpcage home 1\nkeep -1\ncommand x\n",
		"mcpcage home 1\nkeep 99999999999999999999999\ncommand x\n", "mcpcage home 1\nkeep 1", "\n\n\n",
	};
	for (size_t i = 0; i < sizeof records / sizeof *records; i++) {
		put(at("state/homes/mode/files/f"), "x");
		put(at("state/homes/mode/record"), records[i]);
		is_int(home_open(at("state/homes/mode"), 30 * DAY, "x", &h, &err), 0, "a damaged record, %zu", i);
		ok(!h.wiped && there(at("state/homes/mode/files/f")), "wipes nothing");
		home_close(&h);
	}
}

/* What the next start removes is bounded, and the rest goes the time after. */
static void resumes(void)
{
	struct home h;

	is_int(home_open(at("state/homes/big"), DAY, "x", &h, &err), 0, "a home");
	home_close(&h);
	for (int i = 0; i < 6000; i++) {
		char name[64];
		snprintf(name, sizeof name, "state/homes/big/files/%d", i);
		int fd = open(at(name), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		if (fd < 0)
			bail_out("%s: %s", name, strerror(errno));
		close(fd);
	}
	used(at("state/homes/big"), 2);
	is_int(home_open(at("state/homes/big"), DAY, "x", &h, &err), 0, "that held 6000 files and has expired");
	struct tree_usage usage;
	home_measure(at("state/homes/big"), 100, &usage);
	ok(h.wiped && usage.entries == 0 && !usage.more, "is empty at once");
	int fd = open(at("state/homes/big"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	tree_measure(fd, 100000, &usage);
	close(fd);
	ok(usage.entries > 500 && usage.entries < 6000, "though some of the old files are still there: %llu",
	   (unsigned long long)usage.entries);
	home_close(&h);
	is_int(home_open(at("state/homes/big"), DAY, "x", &h, &err), 0, "the next start");
	fd = open(at("state/homes/big"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	tree_measure(fd, 100000, &usage);
	close(fd);
	is_int((intmax_t)usage.entries, 3, "removes the rest");
	home_close(&h);
}

static void make_link(const char *text, int dir, const char *name)
{
	(void)!symlinkat(text, dir, name);
}

/* ---- hostile trees ------------------------------------------------------------------------------- */

#define DEPTH 1300

/* Deeper than PATH_MAX by far, and than there are descriptors. */
static void make_deep(int dir)
{
	int fd = dup(dir);

	for (int i = 0; i < DEPTH; i++) {
		if (mkdirat(fd, "deeper", 0700) < 0)
			bail_out("mkdirat: %s", strerror(errno));
		int below = openat(fd, "deeper", O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (i % 7 == 0)
			make_link("..", fd, "up");
		close(fd);
		fd = below;
	}
	close(fd);
}

/* Modes that keep even the owner out; made from the bottom up. */
static void make_closed(int dir)
{
	static const char *const names[] = { "a", "a/b", "a/b/c", "a/b/c/d" };

	for (int i = 0; i < 4; i++) {
		(void)mkdirat(dir, names[i], 0700);
		char file[40];
		snprintf(file, sizeof file, "%s/file", names[i]);
		close(openat(dir, file, O_WRONLY | O_CREAT | O_CLOEXEC, 0));
	}
	for (int i = 3; i >= 0; i--)
		(void)!fchmodat(dir, names[i], i % 2 ? 0 : 0400, 0);
}

static void make_odd(int dir)
{
	(void)mkdirat(dir, "\x1b[2J\n\t \xff", 0700);
	(void)mkdirat(dir, "\x1b[2J\n\t \xff/-rf", 0700);
	close(openat(dir, "\x1b[2J\n\t \xff/-rf/gone-x", O_WRONLY | O_CREAT | O_CLOEXEC, 0));
	char name[256];
	memset(name, '\xfe', 255);
	name[255] = '\0';
	(void)mkdirat(dir, name, 0700);
	close(openat(dir, "...", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	(void)mkfifoat(dir, "fifo", 0600);
	make_link("/", dir, "root");
	make_link("loop", dir, "loop");
	make_link("../../../../outside", dir, "outside");
	make_link("../../../../outside/folder", dir, "outside-folder");
	if (linkat(AT_FDCWD, at("outside/linked"), dir, "hard link", 0) < 0)
		bail_out("linkat: %s", strerror(errno));
}

static void hostile(void)
{
	struct home h;
	struct tree_usage usage;

	if (mkdir(at("outside"), 0755) < 0 || mkdir(at("outside/folder"), 0755) < 0)
		bail_out("mkdir: %s", strerror(errno));
	put(at("outside/file"), "stays");
	put(at("outside/folder/file"), "stays");
	put(at("outside/linked"), "stays");
	is_int(home_open(at("state/homes/bad"), UINT64_MAX, "x", &h, &err), 0, "a home");
	int dir = open(h.files, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	make_odd(dir);
	make_closed(dir);
	make_deep(dir);
	close(dir);

	home_measure(at("state/homes/bad"), 1000000, &usage);
	ok(usage.more && usage.entries > 100 && usage.entries < DEPTH, "measuring stops at some depth, and says so: %llu",
	   (unsigned long long)usage.entries);
	home_measure(at("state/homes/bad"), 10, &usage);
	ok(usage.more && usage.entries == 10, "or where it is told to");
	home_close(&h);
	if (!is_int(home_reset(at("state/homes/bad"), &err), 1, "wiped: deep, closed and odd folders"))
		diag("%s", err.what);
	int fd = open(at("state/homes/bad"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	tree_measure(fd, 1000, &usage);
	close(fd);
	is_int((intmax_t)usage.entries, 1, "nothing is left but the lock");
	ok(there(at("outside/file")) && there(at("outside/folder/file")) && there(at("outside/linked")),
	   "and outside nothing is missing");
	is_int(mode_of(at("outside/folder")), 0755, "or has another mode");
}

/* A home that its server fills while it is being removed: as when the monitor was killed and the cage is not yet gone. */
static void racing(void)
{
	char path[4096];

	snprintf(path, sizeof path, "%s", at("race"));
	if (mkdir(path, 0700) < 0 || mkdir(at("race/files"), 0700) < 0)
		bail_out("mkdir: %s", strerror(errno));
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	pid_t pid = tap_fork();
	if (pid == 0) {
		int files = openat(dir, "files", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		for (unsigned i = 0;; i++) {
			(void)mkdirat(files, "x", 0700);
			make_link(at("outside"), files, "y");
			(void)renameat2(files, "x", files, "y", 2 /* RENAME_EXCHANGE */);
			(void)mkdirat(files, i % 2 ? "x/z" : "y/z", 0700);
		}
	}
	int rc = 0;
	for (int i = 0; i < 50 && rc != 1; i++)
		rc = tree_remove(dir, "files", 2000);
	kill(pid, SIGKILL);
	(void)tap_wait_status(pid);
	if (rc != 1)
		rc = tree_remove(dir, "files", UINT64_MAX);
	is_int(rc, 1, "removed in the end");
	close(dir);
	ok(there(at("outside/file")) && there(at("outside/folder/file")), "and still nothing is missing outside");
	is_int(mode_of(at("outside")), 0755, "or was opened to its owner alone");
}

/* Whoever wipes is killed at some moment: the home is whole or empty, and the next wiping leaves nothing. */
static void killed(void)
{
	const char *folder = at("state/homes/killed");
	struct tree_usage usage;
	unsigned whole = 0, empty = 0, partly = 0, resumed = 0, left = 0;
	struct home h;

	for (unsigned round = 0; round < 20; round++) {
		if (home_open(folder, UINT64_MAX, "x", &h, &err) < 0)
			bail_out("%s", err.what);
		home_close(&h);
		for (int i = 0; i < 200; i++) {
			char name[64];
			snprintf(name, sizeof name, "state/homes/killed/files/%d", i);
			(void)mkdir(at(name), 0700);
		}
		pid_t pid = tap_fork();
		if (pid == 0) {
			(void)home_reset(folder, &err);
			_exit(0);
		}
		struct timespec pause = { .tv_nsec = round * 50000 };
		if (round >= 5)
			nanosleep(&pause, NULL);
		kill(pid, SIGKILL);
		(void)tap_wait_status(pid);
		home_measure(folder, 1000, &usage);
		whole += usage.entries == 200;
		empty += usage.entries == 0;
		partly += usage.entries != 200 && usage.entries != 0;
		int before = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		tree_measure(before, 1000, &usage);
		close(before);
		resumed += usage.entries > 1 && usage.entries < 200;
		if (home_reset(folder, &err) < 0)
			bail_out("%s", err.what);
		int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		tree_measure(fd, 1000, &usage);
		close(fd);
		left += usage.entries != 1;
	}
	is_int(partly, 0, "killed while it wipes: the home is whole (%u times) or empty (%u times)", whole, empty);
	is_int(left, 0, "and the next wiping leaves nothing but the lock (%u times there was something)", resumed);
}

static void lists(void)
{
	struct strlist names = { 0 };
	bool sorted = true;

	is_int(homes_list(at("state/homes"), &names, &err), 0, "a list");
	for (size_t i = 1; i < names.n; i++)
		sorted = sorted && strcmp(names.v[i - 1], names.v[i]) < 0;
	ok(sorted && names.n > 3, "in order");
	strlist_free(&names);
	is_int(homes_list(at("none"), &names, &err), 0, "and of nothing");
	is_int((intmax_t)names.n, 0, "an empty one");
}

int main(void)
{
	if (!mkdtemp(root))
		bail_out("mkdtemp: %s", strerror(errno));
	/* Root may do everything anyway: this has to work for a user who may not. */
	if (geteuid() == 0 && (chown(root, NOBODY, NOBODY) < 0 || setegid(NOBODY) < 0 || seteuid(NOBODY) < 0))
		bail_out("seteuid: %s", strerror(errno));
	umask(022);
	makes_and_shares();
	expires();
	refuses();
	resumes();
	hostile();
	racing();
	killed();
	lists();
	int dir = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	is_int(tree_remove(dir, root + 5, UINT64_MAX) < 0 && errno != EACCES && errno != EPERM, 0, "all of it can be removed");
	(void)!seteuid(0);
	(void)rmdir(root);
	return done_testing();
}
