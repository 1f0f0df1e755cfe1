/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The file of approvals: kept, replaced, expired, revoked; refused when somebody else could have written it. */
#include "store/approvals.h"
#include "base/path.h"
#include "tests/tap.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

static char base[] = "/tmp/mcpcage-test-XXXXXX";
static char folder[64], file[80];

static struct approval entry(const char *tool, uint8_t scope, int64_t until)
{
	struct approval a = { .since = 100, .until = until, .largest = 7 };

	snprintf(a.tool, sizeof a.tool, "%s", tool);
	memset(a.scope, scope, sizeof a.scope);
	return a;
}

static size_t count(void)
{
	struct approvals a;
	struct error err;

	if (approvals_load(folder, &a, &err) < 0)
		return 999;
	size_t n = a.n;
	approvals_free(&a);
	return n;
}

static void kept(void)
{
	struct approval add[] = { entry("read", 0, 0), entry("read", 1, 1000), entry("write", 1, 200) };
	struct approvals a;
	struct error err;
	struct stat st;

	ok(approvals_load(folder, &a, &err) == 0 && a.n == 0, "no folder is no approvals");
	ok(approvals_add(folder, add, 3, 150, &err) == 0, "added");
	ok(stat(file, &st) == 0 && (st.st_mode & 0777) == 0600 && stat(folder, &st) == 0 && (st.st_mode & 0777) == 0700,
	   "to a file and folders of the user alone");
	ok(approvals_load(folder, &a, &err) == 0 && a.n == 3, "read again");
	struct approval *at = approvals_find(&a, "read", add[1].scope);
	ok(at && at->until == 1000, "found by tool and scope");
	ok(approvals_find(&a, "read", add[0].scope) && approval_is_use(approvals_find(&a, "read", add[0].scope)), "and the record of use");
	ok(!approvals_find(&a, "write", add[0].scope) && !approvals_find(&a, "rea", add[1].scope), "nothing else is");
	approvals_free(&a);

	add[0].largest = 99;
	add[0].since = 300;
	ok(approvals_add(folder, add, 1, 200, &err) == 0 && count() == 2, "replaced, and what has expired is gone");
	ok(approvals_load(folder, &a, &err) == 0 && a.n == 2 && approvals_find(&a, "read", add[0].scope)->largest == 99, "with what is new");
	is_int(approvals_find(&a, "read", add[0].scope)->since, 100, "but first used when it was");
	approvals_free(&a);
}

static void revoked(void)
{
	struct approval add[] = { entry("a", 0, 0), entry("a", 1, 1000), entry("b", 1, 1000), entry("b", 2, 1000) };
	struct error err;
	size_t n;

	unlink(file);
	ok(approvals_add(folder, add, 4, 150, &err) == 0, "four");
	ok(approvals_revoke(folder, "a", false, &n, &err) == 0 && n == 1 && count() == 3, "one tool's answers");
	ok(approvals_revoke(folder, "zzz", true, &n, &err) == 0 && n == 0, "of a tool that has none");
	ok(approvals_revoke(folder, NULL, false, &n, &err) == 0 && n == 2 && count() == 1, "all answers");
	ok(approvals_revoke(folder, NULL, true, &n, &err) == 0 && n == 1 && count() == 0, "and that it was used");
	ok(approvals_revoke("/nonexistent/x", NULL, true, &n, &err) == 0 && n == 0, "where nothing is");
}

static bool refused(const char *why)
{
	struct approvals a = { 0 };
	struct error err = { 0 };

	bool bad = approvals_load(folder, &a, &err) < 0 && strstr(err.what, why) && err.hint[0] && a.n == 0;
	if (!bad)
		diag("what: %s, hint: %s", err.what, err.hint);
	return bad;
}

static void patch(off_t at, const void *p, size_t n)
{
	int fd = open(file, O_WRONLY);

	if (fd < 0 || pwrite(fd, p, n, at) != (ssize_t)n)
		bail_out("cannot change %s", file);
	close(fd);
}

static void spoilt(void)
{
	struct approval add = entry("a", 1, 1000);
	struct error err;
	const off_t head = 24;
	char full[256];

	unlink(file);
	ok(approvals_add(folder, &add, 1, 1, &err) == 0 && count() == 1, "whole");
	chmod(file, 0620);
	ok(refused("nobody else can write"), "writable by others");
	chmod(file, 0600);
	is_int(count(), 1, "and no longer so");
	memset(full, 'x', sizeof full);
	patch(head, full, sizeof full);
	ok(refused("an entry that cannot be"), "a name without end");
	patch(0, "X", 1);
	ok(refused("another version"), "another format");
	ok(truncate(file, 10) == 0 && refused("cut off"), "less than a head");
	unlink(file);
	approvals_add(folder, &add, 1, 1, &err);
	ok(truncate(file, head + 100) == 0 && refused("size"), "half an entry");
	ok(approvals_add(folder, &add, 1, 1, &err) < 0, "and it is not overwritten");
	unlink(file);
	ok(symlink("/etc/passwd", file) == 0 && approvals_add(folder, &add, 1, 1, &err) < 0, "a symbolic link");
	unlink(file);
}

static void bounds(void)
{
	static struct approval many[APPROVALS_MAX + 1];
	struct error err;
	char name[20];

	for (size_t i = 0; i <= APPROVALS_MAX; i++) {
		snprintf(name, sizeof name, "t%zu", i);
		many[i] = entry(name, 1, 1000);
	}
	ok(approvals_add(folder, many, APPROVALS_MAX, 1, &err) == 0 && count() == APPROVALS_MAX, "as many as there may be");
	ok(approvals_add(folder, many + APPROVALS_MAX, 1, 1, &err) < 0 && strstr(err.what, "more than"), "and no more");
	ok(approvals_add(folder, many, 1, 1, &err) == 0, "one that is there already");
	ok(approvals_add(folder, many + APPROVALS_MAX, 1, 2000, &err) == 0 && count() == 1, "room is made by what expires");
}

/* Several sessions at once lose nothing of each other's. */
static void together(void)
{
	enum { PROCESSES = 6, EACH = 10 };
	pid_t pid[PROCESSES];
	char name[20];

	unlink(file);
	for (int p = 0; p < PROCESSES; p++) {
		pid[p] = tap_fork();
		if (pid[p])
			continue;
		for (int i = 0; i < EACH; i++) {
			struct error err = { 0 };
			snprintf(name, sizeof name, "p%d-%d", p, i);
			struct approval a = entry(name, 1, 1000);
			/* a machine that stands still for a second is not what is tested */
			for (int again = 0; again < 20 && approvals_add(folder, &a, 1, 1, &err) < 0; again++)
				;
		}
		tap_child_exit();
	}
	for (int p = 0; p < PROCESSES; p++)
		tap_wait(pid[p], "a session beside others");
	is_int(count(), PROCESSES * EACH, "nothing is lost");
}

int main(void)
{
	if (!mkdtemp(base))
		bail_out("mkdtemp");
	snprintf(folder, sizeof folder, "%s/pins/server", base);
	snprintf(file, sizeof file, "%s/approvals", folder);
	umask(0);
	kept();
	revoked();
	spoilt();
	bounds();
	together();
	char command[128];
	snprintf(command, sizeof command, "rm -rf %s", base);
	(void)!system(command);
	return done_testing();
}
