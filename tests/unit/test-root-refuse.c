/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cage_root(): what it refuses, what a hostile host tree cannot bring about, and what is mounted around it. Each refusal
 * has the plan that differs in that one thing and works: control().
 */
#include "tests/unit/cage-fixture.h"

#include <sys/vfs.h>

/* The same plan, but for what makes it refused, is made. */
static void control(const struct fixture *fx, const char *name)
{
	int status = in_cage(fx, NULL);

	if (!ok(status == 0, "control: %s", name))
		diag("  %s (%s)", last_error.what, last_error.hint);
}

static size_t count_mounts(void)
{
	const char *text = slurp("/proc/self/mountinfo");
	size_t n = 0;

	for (; text && *text; text++)
		n += *text == '\n';
	return n;
}

/* ---- sources ------------------------------------------------------------------------------------- */

static void test_sources(void)
{
	struct fixture fx;

	folder(host("real"));
	folder(host("real/sub"));
	put(host("real/file"), "file\n");
	if (symlink("real", host("link")) < 0 || symlink("file", host("real/last")) < 0)
		bail_out("symlink: %s", strerror(errno));

	fx_init(&fx);
	struct plan_mount *m = fx_grant(&fx, "real/sub", false);
	control(&fx, "a folder");
	m->src = fx_name(&fx, "%s", host("link/sub"));
	refused(&fx, ELOOP, m->src, "a symlink in the middle of a source");
	m->src = fx_name(&fx, "%s", host("real/gone"));
	refused(&fx, ENOENT, m->src, "a source that is gone");
	m->src = fx_name(&fx, "/proc/self/cwd");
	refused(&fx, ELOOP, m->src, "a magic link as source");

	fx_init(&fx);
	m = fx_grant(&fx, "real/file", false);
	control(&fx, "a file");
	m->src = fx_name(&fx, "%s", host("real/last"));
	refused(&fx, ELOOP, m->src, "a symlink at the end of a source");

	fx_init(&fx);
	m = fx_grant(&fx, "real/sub", false);
	m->ino++;
	refused(&fx, 0, "changed", "another inode");
	m->ino--;
	m->dev++;
	refused(&fx, 0, "changed", "another device");
	m->dev--;
	m->directory = false;
	refused(&fx, 0, "not a regular file", "a folder where a file is planned");
	m->directory = true;
	control(&fx, "the same, as planned");

	if (rename(host("real/sub"), host("real/aside")) < 0)
		bail_out("rename: %s", strerror(errno));
	folder(host("real/sub"));
	refused(&fx, 0, "changed", "a folder that was exchanged after the plan was made");

	fx_init(&fx);
	if (mkfifo(host("fifo"), 0600) < 0)
		bail_out("mkfifo: %s", strerror(errno));
	fx_grant(&fx, "fifo", true);
	refused(&fx, 0, "not a regular file", "a named pipe");
	fx_init(&fx);
	fx_bind(&fx, "/dev/null", "/g/null", true);
	refused(&fx, 0, "not a regular file", "a device");
	fx_init(&fx);
	fx_bind(&fx, "/proc/sys", "/g/sys", false);
	refused(&fx, 0, "procfs", "a part of the host's /proc");
}

/* ---- destinations -------------------------------------------------------------------------------- */

static void test_destinations(void)
{
	struct fixture fx;
	struct plan_mount *m;

	folder(host("tree"));
	folder(host("tree/here"));
	folder(host("target"));
	folder(host("inner"));
	put(host("inner/file"), "x");
	if (symlink("here", host("tree/soft")) < 0 || symlink(host("target"), host("tree/out")) < 0 ||
	    symlink("/proc/self/root", host("tree/magic")) < 0)
		bail_out("symlink: %s", strerror(errno));

	fx_init(&fx);
	fx_grant(&fx, "tree", true);
	m = fx_bind(&fx, host("inner"), "/g/tree/here", false);
	control(&fx, "a folder of a granted tree as destination");
	m->dest = fx_name(&fx, "/g/tree/missing");
	refused(&fx, ENOENT, "/g/tree/missing", "a destination that is missing in a granted tree");
	m->dest = fx_name(&fx, "/g/tree/missing/deeper");
	refused(&fx, ENOENT, "/g/tree/missing", "a destination whose folder is missing in it");
	m->dest = fx_name(&fx, "/g/tree/soft");
	refused(&fx, ELOOP, "/g/tree/soft", "a symlink in a granted tree as destination");
	m->dest = fx_name(&fx, "/g/tree/out");
	refused(&fx, ELOOP, "/g/tree/out", "a symlink that leads out of it");
	m->dest = fx_name(&fx, "/g/tree/out/new");
	refused(&fx, ELOOP, "/g/tree/out/new", "a destination behind such a symlink");
	m->dest = fx_name(&fx, "/g/tree/magic/tmp");
	refused(&fx, ELOOP, "/g/tree/magic", "a destination behind a magic link");
	m->dest = fx_name(&fx, "/g/tree/../../escaped");
	refused(&fx, ENOENT, "/g/tree/../../escaped", "a destination with ..");
	m->dest = fx_name(&fx, "/");
	refused(&fx, EINVAL, "\"/\"", "the root as destination");
	m->dest = fx_name(&fx, "relative");
	refused(&fx, EINVAL, "relative", "a relative destination");
	m->dest = fx_name(&fx, "/proc/sys");
	m->kind = MOUNT_DATA;
	m->data = fx_name(&fx, "x");
	refused(&fx, 0, "/proc/sys", "a file over a folder");
	m->dest = fx_name(&fx, "/proc/version");
	m->kind = MOUNT_TMPFS;
	refused(&fx, 0, "/proc/version", "a folder over a file");

	static const enum mount_kind MADE[] = { MOUNT_SYMLINK, MOUNT_DIR, MOUNT_PROC, MOUNT_DEV };
	m->dest = fx_name(&fx, "/g/tree/made");
	m->src = fx_name(&fx, "x");
	for (size_t i = 0; i < ARRAY_SIZE(MADE); i++) {
		m->kind = MADE[i];
		refused(&fx, 0, "folder of the host", fx_name(&fx, "kind %d in a granted tree", (int)MADE[i]));
	}
	m->kind = MOUNT_DATA;
	refused(&fx, ENOENT, "/g/tree/made", "a new file in a granted tree");
	m->kind = MOUNT_TMPFS;
	refused(&fx, ENOENT, "/g/tree/made", "a tmpfs on a new folder in a granted tree");
	m->kind = MOUNT_MASK;
	refused(&fx, ENOENT, "/g/tree/made", "a mask over nothing");

	ok(access(host("tree/made"), F_OK) < 0 && access(host("tree/missing"), F_OK) < 0,
	   "none of them made anything in the granted tree");
	ok(access(host("target/new"), F_OK) < 0, "nor where a symlink leads");
}

/* Symlinks and data of the plan itself are no way to the host either: an absolute link would lead into its root. */
static void test_own_symlinks(void)
{
	struct fixture fx;
	char *path;

	folder(host("bait"));
	fx_init(&fx);
	fx_add(&fx, MOUNT_SYMLINK, "/link")->src = fx_name(&fx, "%s", host("bait"));
	control(&fx, "a symlink to a path of the host");
	path = fx_name(&fx, "/link/made");
	fx_add(&fx, MOUNT_DIR, path);
	refused(&fx, 0, "/link/made", "a folder below a symlink of the plan");
	fx.m[fx.p.mounts_n - 1].kind = MOUNT_TMPFS;
	refused(&fx, ELOOP, "/link/made", "a tmpfs below one");
	fx.m[fx.p.mounts_n - 1].dest = fx_name(&fx, "/link");
	refused(&fx, ELOOP, "/link", "a tmpfs on one");
	ok(access(host("bait/made"), F_OK) < 0, "nothing is made where it leads");
}

/* ---- the mounts around --------------------------------------------------------------------------- */

/* A mount namespace of the test's own, in a user namespace when that is needed. */
static void own_mounts(unsigned long propagation)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	char map[32];

	if (unshare(uid == 0 ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER) < 0)
		bail_out("unshare: %s", strerror(errno));
	if (uid != 0) {
		put("/proc/self/setgroups", "deny");
		snprintf(map, sizeof map, "%u %u 1", uid, uid);
		put("/proc/self/uid_map", map);
		snprintf(map, sizeof map, "%u %u 1", gid, gid);
		put("/proc/self/gid_map", map);
	}
	if (mount(NULL, "/", NULL, MS_REC | propagation, NULL) < 0)
		bail_out("cannot set the propagation of mounts: %s", strerror(errno));
}

static void new_tmpfs(const char *path)
{
	if (mount("test", path, "tmpfs", 0, "size=1m") < 0)
		bail_out("tmpfs on %s: %s", path, strerror(errno));
}

static void bind_host(const char *from, const char *path)
{
	if (mount(from, path, NULL, MS_BIND | MS_REC, NULL) < 0)
		bail_out("bind of %s on %s: %s", from, path, strerror(errno));
}

static bool is_empty_mask(const char *path)
{
	struct stat st;
	char inner[256];
	struct statfs fs;

	snprintf(inner, sizeof inner, "%s/self", path);
	return stat(path, &st) == 0 && statfs(path, &fs) == 0 && fs.f_type == 0x01021994 /* TMPFS_MAGIC */ &&
	       st.st_nlink == 2 && access(inner, F_OK) < 0 && try_create(inner) == EROFS;
}

static void submounts_inside(void)
{
	is_str(slurp("/g/sub/disk/file"), "on the disk\n", "what is mounted in a granted folder comes with it");
	is_int(try_create("/g/sub/disk/new"), EROFS, "and is read-only as well");
	is_int(try_open("/g/sub/disk", O_RDONLY), 0, "(the folder is there)");
	ok(is_empty_mask("/g/sub/proc"), "a procfs of the host in it is covered");
	ok(is_empty_mask("/g/sub/a b/sys"), "a sysfs too, with a space in its path");
	ok(is_empty_mask("/g/sub/deep/pts"), "a devpts too");
	is_str(slurp("/g/sub/one"), "", "a single file of /proc is covered by an empty one");
	is_str(slurp("/g/sub/hidden/file"), "on top\n", "what lies on top of a procfs stays to be seen");
	is_str(slurp("/proc/self/comm") ? "yes" : "no", "yes", "the cage's own /proc is not covered");
	is_int(try_create("/g/sub/rw-inside/new"), 0, "a writable grant beside them is writable");
}

static void submounts_child(void)
{
	struct fixture fx;

	own_mounts(MS_PRIVATE);
	new_tmpfs(host("sub/disk"));
	put(host("sub/disk/file"), "on the disk\n");
	bind_host("/proc", host("sub/proc"));
	bind_host("/sys", host("sub/a b/sys"));
	bind_host("/dev/pts", host("sub/deep/pts"));
	bind_host("/proc/meminfo", host("sub/one"));
	bind_host("/proc", host("sub/hidden"));
	new_tmpfs(host("sub/hidden"));
	put(host("sub/hidden/file"), "on top\n");
	size_t before = count_mounts();

	fx_init(&fx);
	fx_grant(&fx, "sub", false);
	fx_grant(&fx, "sub/rw-inside", true);
	caged(&fx, submounts_inside, "submounts");
	is_int(count_mounts(), before, "the cage has left no mount behind");
}

static void test_submounts(void)
{
	folder(host("sub"));
	folder(host("sub/disk"));
	folder(host("sub/proc"));
	folder(host("sub/a b"));
	folder(host("sub/a b/sys"));
	folder(host("sub/deep"));
	folder(host("sub/deep/pts"));
	folder(host("sub/hidden"));
	folder(host("sub/rw-inside"));
	put(host("sub/one"), "");
	pid_t pid = tap_fork();
	if (pid == 0) {
		submounts_child();
		tap_child_exit();
	}
	tap_wait(pid, "what is mounted inside a granted folder");
}

static int ready[2], go[2];

static void propagation_inside(void)
{
	char byte = 0;

	is_int(try_open("/g/late/before/file", O_RDONLY), 0, "a mount made before is there");
	ok(write(ready[1], &byte, 1) == 1 && read(go[0], &byte, 1) == 1, "(the host makes another one)");
	is_int(try_open("/g/late/after/file", O_RDONLY), ENOENT, "a mount made later does not appear");
	is_int(try_open("/g/late/before/file", O_RDONLY), 0, "a mount unmounted outside stays");
}

static void propagation_child(void)
{
	struct fixture fx;
	char byte = 0;

	own_mounts(MS_SHARED); /* as systemd leaves it */
	new_tmpfs(host("late/before"));
	put(host("late/before/file"), "x");
	if (pipe(ready) < 0 || pipe(go) < 0)
		bail_out("pipe: %s", strerror(errno));
	fx_init(&fx);
	fx_grant(&fx, "late", true);
	pid_t pid = tap_fork();
	if (pid == 0) {
		caged(&fx, propagation_inside, "propagation");
		tap_child_exit();
	}
	if (read(ready[0], &byte, 1) != 1)
		bail_out("the cage did not come up");
	new_tmpfs(host("late/after"));
	put(host("late/after/file"), "x");
	ok(access(host("late/after/file"), F_OK) == 0, "control: outside it is there");
	ok(umount2(host("late/before"), 0) == 0, "control: outside it can be unmounted");
	ok(write(go[1], &byte, 1) == 1, "(go on)");
	tap_wait(pid, "the cage");
}

static void test_propagation(void)
{
	folder(host("late"));
	folder(host("late/before"));
	folder(host("late/after"));
	pid_t pid = tap_fork();
	if (pid == 0) {
		propagation_child();
		tap_child_exit();
	}
	tap_wait(pid, "mounts made outside later, with shared propagation");
}

/* Cover a file in every procfs, as containers do. False when there is one out of reach, which the kernel finds. */
static bool cover_every_proc(void)
{
	char *save = NULL;
	const char *mounts = slurp("/proc/self/mountinfo");

	for (char *at = strtok_r((char *)(uintptr_t)mounts, "\n", &save); at; at = strtok_r(NULL, "\n", &save)) {
		char where[256], file[300];

		if (!strstr(at, " - proc ") || sscanf(at, "%*s %*s %*s %*s %255s", where) != 1)
			continue;
		snprintf(file, sizeof file, "%s/uptime", where);
		if (mount("/dev/null", file, NULL, MS_BIND, NULL) < 0)
			return false;
	}
	return true;
}

static void covered_proc_child(void)
{
	struct fixture fx;

	own_mounts(MS_PRIVATE);
	fx_init(&fx);
	control(&fx, "with an uncovered /proc");
	if (!cover_every_proc()) {
		diag("another procfs is mounted here: not tested");
		return;
	}
	refused(&fx, EPERM, "/proc", "a new procfs where the old one is covered in part");
	ok(strstr(last_error.hint, "unmask"), "the hint says what to do: %s", last_error.hint);
}

static void test_covered_proc(void)
{
	pid_t pid = tap_fork();
	if (pid == 0) {
		covered_proc_child();
		tap_child_exit();
	}
	tap_wait(pid, "in a container that covers parts of /proc");
}

static void tests(void)
{
	size_t before = count_mounts();

	test_sources();
	test_destinations();
	test_own_symlinks();
	test_submounts();
	test_propagation();
	test_covered_proc();
	is_int(count_mounts(), before, "no mount is left behind");
}

int main(void)
{
	for_each_user(tests, 44);
	return done_testing();
}
