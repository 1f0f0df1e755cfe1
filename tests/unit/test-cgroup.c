/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The control group: reading the kernel's files, finding a place in fake trees, and making, killing and removing a real
 * group where this machine has a cgroup2 mount. tests/vm has the rest: limits, systemd.
 */
#include "cage/cage.h"
#include "cage/cgroup-place.h"
#include "tests/tap.h"

#include "base/cleanup.h"

#include <fcntl.h>
#include <ftw.h>
#include <linux/magic.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/xattr.h>

static void test_own_path(void)
{
	static const struct {
		const char *text, *want; /* NULL: there is none */
	} rows[] = {
		{ "0::/\n", "/" },
		{ "0::/user.slice/a b/x.scope\n", "/user.slice/a b/x.scope" },
		{ "9:name=systemd:/x\n4:memory:/y\n0::/z\n", "/z" },
		{ "0::/no-newline", "/no-newline" },
		{ "", NULL },
		{ "4:memory:/y\n", NULL },
		{ "10::/y\n", NULL },
		{ "0::\n", NULL },
		{ "0::/..\n", NULL },
		{ "0::/../other\n", NULL },
		{ "0::/..fine\n", "/..fine" },
		{ "0::/gone (deleted)\n", NULL },
		{ "0::/0123456789012345678901234567890123456789012345678901234567890123\n", NULL },
	};
	char out[64];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int found = cgroup_own_path(rows[i].text, out, sizeof out);
		is_str(found == 0 ? out : NULL, rows[i].want, "own group, row %zu", i);
	}
}

static void test_texts(void)
{
	char out[64];

	is_int(cgroup_controllers("cpuset cpu io memory hugetlb pids rdma\n"),
	       CONTROLLER_CPU | CONTROLLER_IO | CONTROLLER_MEMORY | CONTROLLER_PIDS, "controllers");
	is_int(cgroup_controllers(""), 0, "no controllers");
	is_int(cgroup_controllers("cpuset xmemory memoryx\n"), 0, "names that only look alike");
	is_int(cgroup_controllers("pids"), CONTROLLER_PIDS, "one, without a newline");

	static const char events[] = "low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 1\n";
	is_int(cgroup_keyed(events, "oom_kill"), 2, "a key that others begin with");
	is_int(cgroup_keyed(events, "low"), 0, "the first key");
	is_int(cgroup_keyed(events, "oom_group_kill"), 1, "the last key");
	is_int(cgroup_keyed(events, "kill"), 0, "no such key");

	cgroup_limits_name(CGROUP_LIMIT_MEMORY | CGROUP_LIMIT_CPU, out, sizeof out);
	is_str(out, "memory, cpu", "names of limits");
	cgroup_limits_name(CGROUP_LIMIT_IO | CGROUP_LIMIT_TASKS, out, sizeof out);
	is_str(out, "tasks, io", "names of others");
	cgroup_limits_name(0, out, sizeof out);
	is_str(out, "", "no limits");
	cgroup_limits_name(~0U, out, 10);
	is_str(out, "memory, s", "names are cut to the space there is");

	const struct plan none = { 0 }, some = { .memory = 1 << 20, .tasks = 5 }, disks = { .io = 1 << 20 };
	is_int(cgroup_limits_wanted(&none), 0, "nothing is wanted");
	is_int(cgroup_limits_wanted(&some), CGROUP_LIMIT_MEMORY | CGROUP_LIMIT_SWAP | CGROUP_LIMIT_TASKS,
	       "a limit on memory is one on swap");
	is_int(cgroup_limits_wanted(&disks), CGROUP_LIMIT_IO, "a limit on disks is one by itself");
}

/* ---- fake trees --------------------------------------------------------------------------------------- */

static char tree[] = "/tmp/mcpcage-test-XXXXXX";

static void put(const char *dir, const char *name, const char *text)
{
	char path[512];

	snprintf(path, sizeof path, "%s%s/%s", tree, dir, name);
	FILE *f = fopen(path, "w");
	if (!f || fputs(text, f) < 0 || fclose(f) != 0)
		bail_out("cannot write %s", path);
}

/* DIR below the root, with what is offered, what is passed on, and who is in it. */
static void group(const char *dir, const char *controllers, const char *subtree, const char *procs)
{
	char path[512];

	snprintf(path, sizeof path, "%s%s", tree, dir);
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		bail_out("mkdir %s: %s", path, strerror(errno));
	put(dir, "cgroup.controllers", controllers);
	put(dir, "cgroup.subtree_control", subtree);
	put(dir, "cgroup.procs", procs);
	if (dir[0])
		put(dir, "cgroup.type", "domain\n");
}

static int find(const char *own, bool systemd, struct cgroup_place *place)
{
	struct cgroup_world world = { .root = tree, .own = own, .systemd = systemd };
	char reason[160] = "";
	int found = cgroup_place_find(&world, place, reason, sizeof reason);

	diag("%s%s", found == 0 ? "found " : reason, found == 0 ? place->parent + strlen(tree) : "");
	ok(found == 0 || reason[0], "  and a reason where there is none");
	return found;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return remove(path);
}

static void test_places(void)
{
	static const char all[] = "cpuset cpu io memory pids\n";
	struct cgroup_place place;
	char want[512];

	if (!mkdtemp(tree))
		bail_out("mkdtemp: %s", strerror(errno));

	/* A machine without systemd, run by root. */
	group("", all, "", "1\n2\n");
	is_int(find("0::/\n", false, &place), 0, "in the root itself");
	is_str(place.parent, tree, "  groups are made in the root");
	is_int(place.enable, CONTROLLER_CPU | CONTROLLER_IO | CONTROLLER_MEMORY | CONTROLLER_PIDS,
	       "  and controllers enabled first");
	is_int(find("0::/\n", true, &place), -1, "not where systemd owns the root");

	/* OpenRC, a container with a writable tree: a service's group beside which we may put ours. */
	group("", all, "cpu memory pids\n", "");
	group("/service", "cpu memory pids\n", "", "77\n");
	is_int(find("0::/service\n", false, &place), 0, "beside our own group");
	is_str(place.parent, tree, "  in its parent");
	is_int(place.enable, CONTROLLER_IO, "  with nothing to enable but what nobody wanted yet");
	is_int(place.controllers, CONTROLLER_CPU | CONTROLLER_IO | CONTROLLER_MEMORY | CONTROLLER_PIDS,
	       "  and all controllers");

	/* systemd: a unit with Delegate=, where the payload moved itself into a leaf. */
	group("/unit", "memory pids\n", "", "");
	group("/unit/leaf", "", "", "88\n");
	is_int(find("0::/unit/leaf\n", true, &place), -1, "systemd's tree without its mark of delegation");
	snprintf(want, sizeof want, "%s/unit", tree);
	if (setxattr(want, "user.delegate", "1", 1, 0) < 0) {
		tap_skip("no user attributes on /tmp: %s", strerror(errno));
	} else {
		is_int(find("0::/unit/leaf\n", true, &place), 0, "with the mark");
		is_str(place.parent, want, "  beside the leaf");
		is_int(place.enable, CONTROLLER_MEMORY | CONTROLLER_PIDS, "  after enabling what was delegated");
		put("/unit", "cgroup.procs", "99\n");
		is_int(find("0::/unit/leaf\n", true, &place), -1, "not with processes in the unit's own group");
		put("/unit", "cgroup.procs", "");
		setxattr(want, "user.delegate", "0", 1, 0);
		is_int(find("0::/unit/leaf\n", true, &place), -1, "nor with the mark taken back");
	}

	group("/unit", "cpu\n", "cpu\n", "");
	is_int(find("0::/unit/leaf\n", false, &place), -1, "a processor limit alone is no reason for a group");
	is_int(find("0::/no/such\n", false, &place), -1, "our own group is not visible");
	is_int(find("4:memory:/x\n", false, &place), -1, "only cgroup v1");
	is_int(find("0::/../x\n", false, &place), -1, "outside of the cgroup namespace");

	pid_t pid = tap_fork();
	if (pid == 0) {
		chmod(tree, 0555); /* for an owner who is not root; root becomes somebody else */
		if (geteuid() == 0 && seteuid(65534) < 0)
			_exit(1);
		is_int(find("0::/service\n", false, &place), -1, "not writable for this user");
		tap_child_exit();
	}
	tap_wait(pid, "a tree that is not writable");
	chmod(tree, 0755);

	group("", "hugetlb\n", "", "1\n");
	is_int(find("0::/\n", false, &place), -1, "hybrid: the controllers are in v1");
	nftw(tree, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* ---- a real group ---------------------------------------------------------------------------------------- */

static const char *cgroup2_mount(void)
{
	static const char *const mounts[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };
	struct statfs fs;

	for (size_t i = 0; i < ARRAY_SIZE(mounts); i++)
		if (statfs(mounts[i], &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC)
			return mounts[i];
	return NULL;
}

static bool hung_up(int fd, int ms)
{
	struct pollfd p = { .fd = fd };

	return poll(&p, 1, ms) == 1 && (p.revents & (POLLHUP | POLLERR));
}

static void test_real(void)
{
	const char *mount = cgroup2_mount();
	struct cgroup group = { .how = CGROUP_DELEGATED, .fd = -1 };
	uint64_t peak, cpu, oom;
	int fds[2];

	snprintf(group.path, sizeof group.path, "%s/mcpcage-test-%d", mount ? mount : "", (int)getpid());
	if (!mount || mkdir(group.path, 0755) < 0) {
		tap_skip_kernel("no cgroup2 mount that we may write");
		return;
	}
	group.fd = open(group.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (group.fd < 0 || pipe2(fds, O_CLOEXEC) < 0)
		bail_out("%s: %s", group.path, strerror(errno));

	struct clone_args args = { .flags = CLONE_INTO_CGROUP, .cgroup = (uint64_t)group.fd, .exit_signal = SIGCHLD };
	pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof args);
	if (pid == 0) {
		/* A daemon that no signal to a process group would reach; fds[1] stays open in it. */
		signal(SIGTERM, SIG_IGN);
		if (fork() == 0)
			setsid();
		for (volatile unsigned long i = 0; i < 20000000; i++)
			;
		if (write(fds[1], "r", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(fds[1]);
	ok(pid > 0, "a process starts in the group");
	char both[2];
	ok(read(fds[0], both, 1) == 1 && read(fds[0], both, 1) == 1, "so does its daemon");
	ok(!hung_up(fds[0], 20), "both live");
	cgroup_usage(&group, &peak, &cpu, &oom);
	ok(cpu > 1000, "their processor time is known (%ju us)", (uintmax_t)cpu);
	is_int(oom, 0, "nothing was killed for want of memory");
	is_int(cgroup_kill(&group), 0, "cgroup.kill");
	int status = tap_wait_status(pid);
	ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "kills the process");
	ok(hung_up(fds[0], 2000), "and the daemon");
	close(fds[0]);

	char path[512];
	snprintf(path, sizeof path, "%s", group.path);
	cgroup_release(&group);
	ok(access(path, F_OK) < 0 && errno == ENOENT, "the group is gone");
	is_int(group.fd, -1, "and closed");
	cgroup_release(&group);
	pass("a second release is harmless");
}

static void test_none(void)
{
	struct cgroup none = { .how = CGROUP_NONE, .fd = -1 };
	uint64_t peak = 1, cpu = 1, oom = 1;
	char reason[160] = "x";
	struct error err = { 0 };
	const struct plan plan = { .memory = 1 << 26, .tasks = 64, .cpu = 100 };

	is_int(cgroup_kill(&none), 0, "nothing to kill is no failure");
	cgroup_usage(&none, &peak, &cpu, &oom);
	ok(peak == 0 && cpu == 0 && oom == 0, "nothing was used");
	cgroup_release(&none);
	is_int(cgroup_enter_scope(&plan, getpid(), &none, &err), 0, "without a scope there is nothing to enter");

	enum cgroup_how how = cgroup_probe(reason, sizeof reason);
	ok((how == CGROUP_NONE) == (reason[0] != '\0'), "a reason exactly where there is no group: %s", reason);
	is_int(cgroup_probe(NULL, 0), how, "which nobody has to ask for");
	if (how != CGROUP_NONE)
		return;
	is_int(cgroup_prepare(&plan, &none, &err), 0, "preparing where there is none is no failure");
	is_int(none.how, CGROUP_NONE, "there is none");
	is_int(none.limits, 0, "and no limit took effect");
	is_str(none.why, reason, "for the same reason");
}

int main(void)
{
	test_own_path();
	test_texts();
	test_places();
	test_real();
	test_none();
	return done_testing();
}
