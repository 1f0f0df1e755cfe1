/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cage_clone(), cage_id_maps() and cage_loopback_up(): namespaces, identity, the network of the cage. */
#include "tests/unit/cage-fixture.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/vfs.h>

static const char *const NAMESPACES[] = { "cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts" };
static char outside[8][64];

static void namespace_of(const char *name, char *to, size_t size)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/self/ns/%s", name);
	ssize_t n = readlink(path, to, size - 1);
	to[n < 0 ? 0 : n] = '\0';
}

static int errno_of_connect(const char *address, int type)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9) };
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return errno;
	inet_pton(AF_INET, address, &to.sin_addr);
	int sys = connect(fd, (struct sockaddr *)&to, sizeof to) < 0 ? errno : 0;
	close(fd);
	return sys;
}

static void identity_inside(void)
{
	char name[65] = "", map[64];

	is_int(getpid(), 1, "the process is pid 1");
	is_int(getppid(), 0, "its parent is not to be seen");
	snprintf(map, sizeof map, "%10u %10u %10u\n", geteuid(), geteuid(), 1);
	is_str(slurp("/proc/self/uid_map"), map, "uid_map is one line");
	snprintf(map, sizeof map, "%10u %10u %10u\n", getegid(), getegid(), 1);
	is_str(slurp("/proc/self/gid_map"), map, "gid_map is one line");
	is_str(slurp("/proc/self/setgroups"), "deny\n", "setgroups is denied");
	ok(setgroups(0, NULL) < 0 && errno == EPERM, "setgroups(2) fails");
	gethostname(name, sizeof name);
	is_str(name, "cage-of-the-test", "the host name");
	for (size_t i = 0; i < ARRAY_SIZE(NAMESPACES); i++) {
		char now[64];

		namespace_of(NAMESPACES[i], now, sizeof now);
		ok(strcmp(now, outside[i]) != 0 || !outside[i][0], "another %s namespace (%s)", NAMESPACES[i], now);
	}
}

static void network_host_inside(void)
{
	char now[64];

	namespace_of("net", now, sizeof now);
	is_str(now, outside[3], "the host's network namespace");
}

static void loopback_inside(void)
{
	struct error err = { 0 };

	is_int(errno_of_connect("127.0.0.1", SOCK_STREAM), ENETUNREACH, "before: 127.0.0.1 is unreachable");
	if (!is_int(cage_loopback_up(&err), 0, "lo comes up"))
		diag("  %s", err.what);
	is_int(errno_of_connect("127.0.0.1", SOCK_STREAM), ECONNREFUSED, "127.0.0.1 answers");
	is_int(errno_of_connect("192.0.2.1", SOCK_DGRAM), ENETUNREACH, "nothing else is reachable");
	is_int(errno_of_connect("8.8.8.8", SOCK_STREAM), ENETUNREACH, "the internet is not reachable");

	struct if_nameindex *devices = if_nameindex();
	size_t n = 0;
	while (devices && devices[n].if_index)
		n++;
	is_int(n, 1, "there is no other device");
	if_freenameindex(devices);
}

/* Without the capability over the network namespace there is an error, not silence. */
static void loopback_refused(void)
{
	pid_t pid = tap_fork();

	if (pid == 0) {
		struct error err = { 0 };

		if (geteuid() == 0)
			become_plain();
		is_int(cage_loopback_up(&err), -1, "fails");
		ok(strstr(err.what, "loopback"), "says what: %s", err.what);
		tap_child_exit();
	}
	tap_wait(pid, "cage_loopback_up() without privilege fails with an error");
}

/* In a user namespace of its own, whose limit it may lower. */
static void clone_refused_by_limit(void)
{
	struct fixture fx;

	fx_init(&fx);
	pid_t pid = tap_fork();
	if (pid == 0) {
		int pidfd = -1;
		struct error err = { 0 };
		char map[32];
		uid_t uid = geteuid();
		gid_t gid = getegid();

		if (unshare(CLONE_NEWUSER) < 0)
			bail_out("unshare: %s", strerror(errno));
		put("/proc/self/setgroups", "deny");
		snprintf(map, sizeof map, "0 %u 1", uid);
		put("/proc/self/uid_map", map);
		snprintf(map, sizeof map, "0 %u 1", gid);
		put("/proc/self/gid_map", map);
		put("/proc/sys/user/max_net_namespaces", "0");
		pid_t child = cage_clone(&fx.p, -1, &pidfd, &err);
		if (child == 0)
			_exit(0);
		is_int(child, -1, "the clone fails");
		is_int(err.sys, ENOSPC, "with ENOSPC");
		ok(strstr(err.hint, "user.max_"), "the hint names the limit: %s", err.hint);
		is_int(pidfd, -1, "no pidfd is left");
		tap_child_exit();
	}
	tap_wait(pid, "at the limit of namespaces the error names the limit");
}

static void clone_into_no_cgroup(void)
{
	struct fixture fx;
	struct error err = { 0 };
	int pidfd = -1, fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	fx_init(&fx);
	pid_t pid = cage_clone(&fx.p, fd, &pidfd, &err);
	if (pid == 0)
		_exit(0);
	ok(pid == -1 && strstr(err.what, "clone3") && strstr(err.hint, "cgroup"),
	   "a folder that is no cgroup is refused: %s", err.what);
	close(fd);
}

/* The cgroup2 file system, wherever it is mounted: PATH gets a new group in it. False when there is none to write. */
static bool make_cgroup(char *path, size_t size)
{
	static const char *const MOUNTS[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };

	for (size_t i = 0; i < ARRAY_SIZE(MOUNTS); i++) {
		struct statfs fs;

		if (statfs(MOUNTS[i], &fs) < 0 || fs.f_type != 0x63677270 /* CGROUP2_SUPER_MAGIC */)
			continue;
		snprintf(path, size, "%s/mcpcage-test-%d", MOUNTS[i], (int)getpid());
		if (mkdir(path, 0755) == 0)
			return true;
	}
	return false;
}

static void clone_into_cgroup(void)
{
	char path[128], procs[160], line[32];
	struct fixture fx;
	struct error err = { 0 };
	int pidfd = -1;

	if (!make_cgroup(path, sizeof path)) {
		tap_skip_kernel("no cgroup2 that uid %d may write", (int)geteuid());
		tap_skip_kernel("no cgroup2 that uid %d may write", (int)geteuid());
		return;
	}
	fx_init(&fx);
	int group = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int hold[2];
	if (pipe2(hold, O_CLOEXEC) < 0)
		bail_out("pipe2");
	pid_t pid = cage_clone(&fx.p, group, &pidfd, &err);
	if (pid == 0) {
		close(hold[1]);
		_exit(read(hold[0], line, 1) < 0);
	}
	if (!ok(pid > 0 && pidfd >= 0, "started in a cgroup"))
		diag("  %s", err.what);
	snprintf(procs, sizeof procs, "%s/cgroup.procs", path);
	snprintf(line, sizeof line, "%d\n", (int)pid);
	is_str(slurp(procs), line, "the process is in the group");
	close(hold[0]);
	close(hold[1]);
	close(group);
	close(pidfd);
	if (pid > 0)
		tap_wait_status(pid);
	for (int tries = 0; rmdir(path) < 0 && errno == EBUSY && tries < 100; tries++)
		usleep(10000);
}

static void tests(void)
{
	struct fixture fx;

	for (size_t i = 0; i < ARRAY_SIZE(NAMESPACES); i++)
		namespace_of(NAMESPACES[i], outside[i], sizeof outside[i]);

	fx_init(&fx);
	caged(&fx, identity_inside, "identity and namespaces");

	fx_init(&fx);
	fx.p.network = NETWORK_HOST;
	fx.p.layers &= ~(unsigned int)LAYER_TIMENS;
	caged(&fx, network_host_inside, "--network host, and no time namespace unless planned");

	fx_init(&fx);
	caged(&fx, loopback_inside, "the loopback device");

	loopback_refused();
	clone_refused_by_limit();
	clone_into_no_cgroup();
	clone_into_cgroup();
}

int main(void)
{
	for_each_user(tests, 8);
	return done_testing();
}
