/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Giving up what a process has: capabilities, limits, files (Landlock), and all of it at once for processes of our own. Each in a
 * child, on the host, as root and as an ordinary user. What the server's list of system calls does is in tests/filter.
 */
#include "tests/unit/cage-fixture.h"

#include <arpa/inet.h>
#include <linux/securebits.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/capability.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>

/* Run INSIDE in a child whose assertions count as one. */
static void child(void (*inside)(void), const char *name)
{
	pid_t pid = tap_fork();

	if (pid == 0) {
		inside();
		tap_child_exit();
	}
	is_int(tap_wait_status(pid), 0, "%s", name);
}


/* ---- capabilities ---- */

static bool no_capabilities(void)
{
	cap_t none = cap_init(), now = cap_get_proc();
	bool equal = none && now && cap_compare(none, now) == 0;

	cap_free(none);
	cap_free(now);
	return equal;
}

static void drop_all(void)
{
	struct error err = { 0 };
	int left = 0;

	if (unshare(CLONE_NEWUSER) < 0)
		bail_out("a user namespace: %s", strerror(errno));
	ok(!no_capabilities(), "control: the new namespace came with capabilities");
	ok(prctl(PR_SET_PDEATHSIG, SIGUSR1) == 0, "parent-death signal");
	ok(caps_drop_all(&err) == 0, "dropped: %s", err.what);
	ok(no_capabilities(), "no set holds any");
	for (cap_value_t c = 0; c < 64; c++)
		left += cap_get_bound(c) > 0;
	is_int(left, 0, "the bounding set is empty");
	left = 0;
	for (cap_value_t c = 0; c < 64; c++)
		left += prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, c, 0, 0) > 0;
	is_int(left, 0, "the ambient set is empty");
	is_int(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1, "no_new_privs");
	unsigned bits = (unsigned)prctl(PR_GET_SECUREBITS, 0, 0, 0, 0);
	is_int(bits & ~SECURE_ALL_LOCKS, (SECURE_ALL_BITS & ~(1U << SECURE_KEEP_CAPS)) & ~SECURE_ALL_LOCKS, "securebits");
	is_int(bits & SECURE_ALL_LOCKS, SECURE_ALL_LOCKS, "all of them locked");
	ok(prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0, "keep_caps cannot be set any more");
	int signal = 0;
	prctl(PR_GET_PDEATHSIG, &signal);
	is_int(signal, SIGUSR1, "the parent-death signal is still there");
	ok(unshare(CLONE_NEWUTS) < 0 && errno == EPERM, "nothing can be done with them");
}

static void drop_unprivileged(void)
{
	struct error err = { 0 };

	if (geteuid() == 0)
		become_plain();
	ok(caps_drop_all(&err) < 0 && err.sys == EPERM, "the bounding set cannot be emptied: an error");
	ok(strstr(err.what, "bounding set"), "which says so: %s", err.what);
	ok(caps_drop_held(&err) == 0, "what is held can be dropped: %s", err.what);
	is_int(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1, "no_new_privs");
	ok(no_capabilities(), "no set holds any");
}

static void drop_held(void)
{
	struct error err = { 0 };
	bool root = geteuid() == 0;

	ok(no_capabilities() == !root, "control: root holds capabilities");
	ok(caps_drop_held(&err) == 0, "dropped: %s", err.what);
	ok(no_capabilities(), "no set holds any");
	if (root)
		is_int(cap_get_bound(CAP_SYS_ADMIN), 0, "where it is possible, the bounding set is empty");
}

static void privileged_start(void)
{
	struct error err = { 0 };

	ok(caps_refuse_privileged_start(&err) == 0, "an ordinary start is none: %s", err.what);
	if (geteuid() != 0)
		return;
	ok(setresgid((gid_t)-1, PLAIN_UID, (gid_t)-1) == 0, "as a setgid file would");
	ok(caps_refuse_privileged_start(&err) < 0 && err.hint[0], "setgid is refused");
	ok(setresgid((gid_t)-1, 0, (gid_t)-1) == 0 && setresuid((uid_t)-1, PLAIN_UID, (uid_t)-1) == 0,
	   "as a setuid file would");
	ok(caps_refuse_privileged_start(&err) < 0, "setuid is refused");
}

/* ---- limits ---- */

static bool limited(__rlimit_resource_t resource, rlim_t value)
{
	struct rlimit l;

	if (getrlimit(resource, &l) < 0 || l.rlim_cur != value || l.rlim_max != value) {
		diag("  %ju and %ju, want %ju", (uintmax_t)l.rlim_cur, (uintmax_t)l.rlim_max, (uintmax_t)value);
		return false;
	}
	return true;
}

static void server_limits(void)
{
	struct error err = { 0 };
	struct rlimit before, as, l;
	struct plan plan = { .open_files = 10, .file_size = 1 << 20 };

	getrlimit(RLIMIT_NPROC, &before);
	getrlimit(RLIMIT_AS, &as);
	setrlimit(RLIMIT_NOFILE, &(struct rlimit){ 256, 2048 });
	ok(rlimits_server(&plan, &err) == 0, "limits: %s", err.what);
	ok(limited(RLIMIT_NOFILE, 1024), "never fewer than 1024 descriptors");
	ok(limited(RLIMIT_FSIZE, 1 << 20), "the size of files");
	ok(limited(RLIMIT_CORE, 0), "no core file");
	ok(limited(RLIMIT_MSGQUEUE, 0), "no message queues");
	ok(limited(RLIMIT_RTPRIO, 0), "no real-time priority");
	ok(getrlimit(RLIMIT_NPROC, &l) == 0 && l.rlim_cur == before.rlim_cur && l.rlim_max == before.rlim_max,
	   "the number of processes is left alone");
	ok(getrlimit(RLIMIT_AS, &l) == 0 && l.rlim_cur == as.rlim_cur, "so is the address space");
}

static void limits_within_hard(void)
{
	struct error err = { 0 };
	struct plan plan = { .open_files = 1 << 20 };
	struct rlimit fsize, l;

	getrlimit(RLIMIT_FSIZE, &fsize);
	ok(setrlimit(RLIMIT_NOFILE, &(struct rlimit){ 256, 1500 }) == 0, "a hard limit");
	ok(rlimits_server(&plan, &err) == 0, "limits: %s", err.what);
	ok(limited(RLIMIT_NOFILE, 1500), "more than the hard limit is the hard limit");
	ok(getrlimit(RLIMIT_FSIZE, &l) == 0 && l.rlim_cur == fsize.rlim_cur, "no limit on files stays none");
}

/* ---- Landlock ---- */

static int try_mknod(const char *path, mode_t mode)
{
	return mknod(path, mode | 0600, 0) < 0 ? errno : 0;
}

static struct fixture fx;

static void landlocked_server(void)
{
	struct error err = { 0 };
	char text[8] = "";
	int inherited = open(host("hidden/secret"), O_RDONLY | O_CLOEXEC);

	is_int(try_open(host("hidden/secret"), O_RDONLY), 0, "control: the secret can be read");
	is_int(try_mknod(host("rw/socket0"), S_IFSOCK), 0, "control: a socket can be made");
	ok(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "no_new_privs");
	ok(landlock_server(&fx.p, &err) == 0, "enforced: %s", err.what);

	is_int(try_open(host("ro/file"), O_RDONLY), 0, "read-only: reading");
	is_int(try_open(host("ro"), O_RDONLY | O_DIRECTORY), 0, "read-only: listing");
	is_int(try_open(host("ro/file"), O_WRONLY), EACCES, "read-only: no writing");
	is_int(try_create(host("ro/new")), EACCES, "read-only: no new file");
	is_int(unlink(host("ro/file")) < 0 ? errno : 0, EACCES, "read-only: no removing");
	is_int(truncate(host("ro/file"), 0) < 0 ? errno : 0, EACCES, "read-only: no truncating");
	is_int(try_open(host("one"), O_RDONLY), 0, "one file: reading");
	is_int(try_open(host("one"), O_WRONLY), EACCES, "one file: no writing");

	is_int(try_create(host("rw/new")), 0, "writable: a new file");
	is_int(try_open(host("rw/new"), O_WRONLY | O_TRUNC), 0, "writable: writing");
	is_int(mkdir(host("rw/dir"), 0700), 0, "writable: a folder");
	is_int(rename(host("rw/new"), host("rw/dir/moved")) < 0 ? errno : 0, 0, "writable: into another folder");
	is_int(symlink("x", host("rw/link")), 0, "writable: a symlink");
	is_int(try_mknod(host("rw/fifo"), S_IFIFO), 0, "writable: a pipe");
	is_int(try_mknod(host("rw/socket"), S_IFSOCK), fx.p.unix_sockets ? 0 : EACCES, "writable: a socket, as planned");
	is_int(unlink(host("rw/dir/moved")) < 0 ? errno : 0, 0, "writable: removing");
	ok(link(host("ro/file"), host("rw/stolen")) < 0, "no link from what is read-only to what is writable");

	is_int(try_open(host("hidden/secret"), O_RDONLY), EACCES, "not planned: no reading");
	is_int(try_create(host("hidden/new")), EACCES, "not planned: no new file");
	is_int(try_open(host("rw/../hidden/secret"), O_RDONLY), EACCES, "not planned: nor by a roundabout way");
	is_int(try_open("/", O_RDONLY | O_DIRECTORY), 0, "the root can be listed");
	is_int(try_open("/etc/passwd", O_RDONLY), EACCES, "nothing else of the host");
	ok(read(inherited, text, 4) == 4 && memcmp(text, "text", 4) == 0, "what was open stays usable");
}

static void landlocked_scopes(void)
{
	struct error err = { 0 };
	struct sockaddr_un_abstract {
		sa_family_t family;
		char path[24];
	} address = { AF_UNIX, "" };
	int pair[2];
	pid_t other;

	if (pipe(pair) < 0)
		bail_out("pipe: %s", strerror(errno));
	other = fork();
	if (other == 0) {
		char byte;
		close(pair[1]);
		_exit(read(pair[0], &byte, 1) == 0 ? 0 : 1);
	}
	snprintf(address.path + 1, sizeof(address.path) - 1, "mcpcage-%d", (int)getpid());
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), out = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int before = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ok(bind(listener, (struct sockaddr *)&address, sizeof(address)) == 0 && listen(listener, 2) == 0, "a listener");
	is_int(connect(before, (struct sockaddr *)&address, sizeof(address)), 0, "control: it can be reached");
	is_int(kill(other, 0), 0, "control: the other process can be signalled");
	ok(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "no_new_privs");
	ok(landlock_server(&fx.p, &err) == 0, "enforced: %s", err.what);
	ok(connect(out, (struct sockaddr *)&address, sizeof(address)) < 0 && errno == EPERM,
	   "an abstract socket of a process outside cannot be reached");
	ok(kill(other, 0) < 0 && errno == EPERM, "a process outside cannot be signalled");
	is_int(kill(getpid(), 0), 0, "one's own can");
	close(pair[1]);
	waitpid(other, NULL, 0);
}

static void landlock_missing(void)
{
	struct error err = { 0 };
	struct fixture broken = fx;

	broken.p.mounts = broken.m;
	fx_add(&broken, MOUNT_TMPFS, host("gone"));
	ok(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "no_new_privs");
	ok(landlock_server(&broken.p, &err) < 0 && err.sys == ENOENT, "a mount that is not there is an error");
	ok(strstr(err.what, host("gone")), "which names it: %s", err.what);
}

static void landlocked_nothing(void)
{
	struct error err = { 0 };
	int abi = -1, null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ok(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "no_new_privs");
	ok(landlock_nothing(false, &abi, &err) == 0, "enforced: %s", err.what);
	is_int(abi, landlock_abi(), "it says at which level");
	is_int(try_open("/dev/null", O_RDONLY), EACCES, "no file");
	is_int(try_open("/", O_RDONLY | O_DIRECTORY), EACCES, "no folder");
	if (abi >= 4)
		ok(connect(tcp, (struct sockaddr *)&to, sizeof(to)) < 0 && errno == EACCES, "no TCP");
	if (abi >= 6)
		ok(kill(getppid(), 0) < 0 && errno == EPERM, "no signal");
	ok(write(null, "x", 1) == 1, "what was open stays usable");
}

static void landlocked_signalling(void)
{
	struct error err = { 0 };
	int abi;

	ok(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "no_new_privs");
	ok(landlock_nothing(true, &abi, &err) == 0, "enforced: %s", err.what);
	is_int(try_open("/dev/null", O_RDONLY), EACCES, "no file");
	is_int(kill(getppid(), 0), 0, "but signals");
}

static void test_landlock(void)
{
	folder(host("ro"));
	folder(host("rw"));
	folder(host("hidden"));
	put(host("ro/file"), "text");
	put(host("one"), "text");
	put(host("hidden/secret"), "text");
	memset(&fx, 0, sizeof(fx));
	fx.p.mounts = fx.m;
	fx_name(&fx, "test");
	fx_bind(&fx, host("ro"), host("ro"), false);
	fx_bind(&fx, host("one"), host("one"), false);
	fx_bind(&fx, host("rw"), host("rw"), true);
	if (landlock_abi() < 6) {
		for (int i = 0; i < 6; i++)
			tap_skip_kernel("Landlock ABI 6 is wanted, this kernel has %d", landlock_abi());
		return;
	}
	child(landlocked_server, "Landlock: the server has what the plan grants and nothing else");
	remove_host_dir();
	folder(host_dir);
	folder(host("ro"));
	folder(host("rw"));
	folder(host("hidden"));
	put(host("ro/file"), "text");
	put(host("one"), "text");
	put(host("hidden/secret"), "text");
	fx.p.unix_sockets = true;
	child(landlocked_server, "Landlock: the same with sockets");
	child(landlocked_scopes, "Landlock: signals and abstract sockets stay inside");
	child(landlock_missing, "Landlock: a planned path that is missing");
	child(landlocked_nothing, "Landlock: nothing at all");
	child(landlocked_signalling, "Landlock: nothing but signals, for init");
}

/* ---- AppArmor ---- */

static void apparmor(void)
{
	struct error err = { 0 };

	ok(apparmor_stack_onexec("", &err) < 0 && err.sys == EINVAL, "no name is refused");
	ok(apparmor_stack_onexec("a\nexec b", &err) < 0 && err.sys == EINVAL, "a name with a newline is refused");
	ok(apparmor_stack_onexec("mcpcage-no-such-profile", &err) < 0, "a profile that is not there is an error");
	ok(strstr(err.what, "mcpcage-no-such-profile") && err.hint[0], "with a hint: %s (%s)", err.what, err.hint);
}

/* ---- all at once ---- */

#define SECRET  "hunter2-in-the-environment"
#define OPTION  "--env=TOKEN=hunter2-on-the-command-line"

struct report {
	int confined;  /* what confine_*() returned */
	int abi;
	int found;     /* secrets in memory where arguments and environment were */
	int closed;    /* errno of writing to a descriptor that was not kept */
	int kept[4];   /* errno of writing to those that were */
	int signalled; /* init: errno of kill(2) */
	struct error err;
};

static int contains(const char *from, const char *to, const char *what)
{
	size_t n = strlen(what);

	for (const char *p = from; p + n <= to; p++)
		if (memcmp(p, what, n) == 0)
			return 1;
	return 0;
}

static int write_byte(int fd)
{
	return write(fd, "x", 1) == 1 ? 0 : errno;
}

/* In a process of its own that was started with secrets. Descriptors: 3 the report, 4 pipe, 5 file, 6 socket, 7 nothing. */
static int confined_program(const char *which, char **argv)
{
	static struct report r;
	static const int keep[] = { 3, 4, 5, 6 };
	/* Copies on the stack or in literals of this function would be found, too: only the strings themselves are searched. */
	const char *low = argv[0], *high = (const char *)getauxval(AT_EXECFN);
	char secret[] = SECRET, option[] = OPTION;
	/* Before the strings of the command line are gone. */
	bool init = strcmp(which, "init") == 0, violate = strcmp(which, "violate") == 0;

	r.found = -(contains(low, high, secret) + contains(low, high, option)); /* -2: the search works */
	if (r.found == -2) {
		r.confined = init ? confine_init(keep, ARRAY_SIZE(keep), -1, &r.err)
				  : confine_filter(keep, ARRAY_SIZE(keep), false, &r.abi, &r.err);
		r.found = contains(low, high, secret) + contains(low, high, option) + (environ != NULL);
	}
	r.closed = write_byte(7);
	for (int i = 1; i < 4; i++)
		r.kept[i] = write_byte(keep[i]);
	if (init)
		r.signalled = kill(1, 0) < 0 ? errno : 0;
	if (write(3, &r, sizeof(r)) != sizeof(r))
		_exit(3);
	char byte; /* the parent looks at /proc, then closes */
	while (read(6, &byte, 1) > 0)
		;
	if (violate)
		(void)!open("/dev/null", O_RDONLY);
	_exit(0);
}

static bool file_lacks(pid_t pid, const char *name, const char *what)
{
	char path[64], text[8192];
	ssize_t n = 0, r;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == EACCES || errno == EPERM; /* it is not ours to read any more */
	while ((r = read(fd, text + n, sizeof(text) - (size_t)n)) > 0)
		n += r;
	close(fd);
	return !contains(text, text + n, what);
}

static pid_t start_confined(const char *which, int report[2], int talk[2], int *file)
{
	int sink[2];

	if (pipe(report) < 0 || pipe(sink) < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, talk) < 0)
		bail_out("descriptors: %s", strerror(errno));
	*file = open(host("output"), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	pid_t pid = tap_fork();
	if (pid)
		return close(report[1]), close(talk[1]), close(sink[1]), pid;

	int from[] = { report[1], sink[1], *file, talk[1], sink[1] }, high[ARRAY_SIZE(from)];
	for (size_t i = 0; i < ARRAY_SIZE(from); i++)
		high[i] = fcntl(from[i], F_DUPFD, 40);
	for (size_t i = 0; i < ARRAY_SIZE(from); i++)
		dup2(high[i], 3 + (int)i);
	close_range(8, ~0U, 0);
	static char secret[] = "SECRET=" SECRET, option[] = OPTION, name[] = "test-confine", flag[] = "--confined";
	char *const argv[] = { name, flag, (char[16]){ 0 }, option, NULL };
	char *const env[] = { secret, NULL };
	snprintf(argv[2], 16, "%s", which);
	execve("/proc/self/exe", argv, env);
	_exit(97);
}

static void test_confined(const char *which, bool dies)
{
	int report[2], talk[2], file;
	struct report r = { .confined = -2 };
	pid_t pid = start_confined(which, report, talk, &file);
	bool init = strcmp(which, "init") == 0;

	if (read(report[0], &r, sizeof(r)) != sizeof(r))
		diag("  no report");
	if (!is_int(r.confined, 0, "confined (%s)", which))
		diag("  %s (%s)", r.err.what, r.err.hint);
	is_int(r.found, 0, "no secret is left in its memory, and no environment");
	ok(file_lacks(pid, "cmdline", "hunter2") && file_lacks(pid, "environ", "hunter2"), "nor does /proc show one");
	char comm[64] = "";
	snprintf(comm, sizeof(comm), "/proc/%d/comm", (int)pid);
	is_str(slurp(comm), init ? "mcpcage-init\n" : "mcpcage-filter\n", "it has a name");
	is_int(r.closed, EBADF, "a descriptor that was not kept is closed");
	ok(r.kept[1] == 0 && r.kept[2] == 0 && r.kept[3] == 0, "pipe, file and socket can be written");
	snprintf(comm, sizeof(comm), "/proc/%d/status", (int)pid);
	const char *status = slurp(comm);
	ok(status && strstr(status, "CapEff:\t0000000000000000") && strstr(status, "NoNewPrivs:\t1") &&
		   strstr(status, "Seccomp:\t2"),
	   "no capability, no_new_privs, a list of system calls");
	if (init)
		ok(r.signalled == 0 || (r.signalled == EPERM && geteuid() != 0), "it can signal");
	else
		is_int(r.abi, landlock_abi(), "it says which Landlock is in force");
	close(talk[0]);
	int wait = tap_wait_status(pid);
	if (dies)
		ok(WIFSIGNALED(wait) && WTERMSIG(wait) == SIGSYS, "opening a file kills it");
	else
		is_int(wait, 0, "it ends by itself");
	close(report[0]);
	close(file);
}

static void tests(void)
{
	child(drop_all, "all capabilities are dropped for good, in a user namespace");
	child(drop_unprivileged, "without CAP_SETPCAP");
	child(drop_held, "what a process outside the cage holds is dropped");
	child(privileged_start, "a privileged start is refused");
	child(server_limits, "the server's limits");
	child(limits_within_hard, "limits above the hard ones");
	test_landlock();
	if (apparmor_enabled())
		tap_skip_kernel("this kernel has AppArmor, its errors are others");
	else
		child(apparmor, "AppArmor: what cannot be stacked");
	test_confined("filter", false);
	test_confined("violate", true);
	test_confined("init", false);
}

int main(int argc, char **argv)
{
	if (argc > 2 && strcmp(argv[1], "--confined") == 0)
		return confined_program(argv[2], argv);
#ifdef __SANITIZE_ADDRESS__
	tap_skip_all_kernel("sanitizers make calls of their own");
#endif
	for_each_user(tests, 40);
	return done_testing();
}
