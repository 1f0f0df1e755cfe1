/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cage_root(): what each kind of mount gives the server. What is refused: test-root-refuse.c. */
#include "tests/unit/cage-fixture.h"

#include <dirent.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

static unsigned long flags_of(const char *path)
{
	struct statvfs fs;

	return statvfs(path, &fs) < 0 ? 0 : fs.f_flag;
}

static int mode_of(const char *path)
{
	struct stat st;

	return lstat(path, &st) < 0 ? -1 : (int)(st.st_mode & 07777);
}

/* ---- grants -------------------------------------------------------------------------------------- */

static void grants_inside(void)
{
	is_str(slurp("/g/ro/file"), "ro\n", "a read-only grant is read");
	is_int(try_create("/g/ro/new"), EROFS, "nothing is made in it");
	is_int(try_open("/g/ro/file", O_WRONLY), EROFS, "nothing is changed in it");
	is_int(unlink("/g/ro/file") < 0 ? errno : 0, EROFS, "nothing is removed from it");
	is_int(chmod("/g/ro/file", 0600) < 0 ? errno : 0, EROFS, "no mode is changed in it");
	ok((flags_of("/g/ro") & (ST_RDONLY | ST_NOSUID | ST_NODEV)) == (ST_RDONLY | ST_NOSUID | ST_NODEV),
	   "it is read-only, nosuid, nodev");

	is_int(try_create("/g/rw/new"), 0, "a writable grant is written");
	is_int(rename("/g/rw/new", "/g/rw/renamed"), 0, "and renamed in");
	ok((flags_of("/g/rw") & (ST_NOSUID | ST_NODEV)) == (ST_NOSUID | ST_NODEV), "it is nosuid, nodev");

	is_int(try_create("/g/rw/inner-ro/new"), EROFS, "read-only inside writable");
	is_int(try_create("/g/ro/inner-rw/new"), 0, "writable inside read-only");
	is_str(slurp("/g/rw/inner-ro/file"), "inner\n", "and read");

	is_str(slurp("/elsewhere/deep/down"), "single\n", "one file, at another place");
	is_int(try_open("/elsewhere/deep/down", O_WRONLY), EROFS, "read-only as well");
	is_int(try_open("/g/single-rw", O_WRONLY | O_TRUNC), 0, "one file, writable");
	is_int(unlink("/g/single-rw") < 0 ? errno : 0, EROFS, "which still cannot be removed");

	is_str(slurp("/g/with space/fi\nle"), "odd\n", "names with a space and a newline");
	is_int(try_open("/g/hidden", O_RDONLY), ENOENT, "what was not granted is not there");
	is_int(try_open("/g/rw/../../var", O_RDONLY), ENOENT, "nor by going up");
}

static void test_grants(void)
{
	struct fixture fx;

	folder(host("ro"));
	folder(host("ro/inner-rw"));
	folder(host("rw"));
	folder(host("rw/inner-ro"));
	folder(host("with space"));
	put(host("ro/file"), "ro\n");
	put(host("rw/inner-ro/file"), "inner\n");
	put(host("single"), "single\n");
	put(host("single-rw"), "single\n");
	put(host("hidden"), "hidden\n");
	put(host("with space/fi\nle"), "odd\n");

	fx_init(&fx);
	fx_grant(&fx, "ro", false);
	fx_grant(&fx, "rw", true);
	fx_grant(&fx, "rw/inner-ro", false);
	fx_grant(&fx, "ro/inner-rw", true);
	fx_grant(&fx, "with space", false);
	fx_grant(&fx, "single-rw", true);
	fx_bind(&fx, host("single"), "/elsewhere/deep/down", false);
	caged(&fx, grants_inside, "grants");
	ok(access(host("rw/renamed"), F_OK) == 0, "what the server wrote is on the host");
	ok(access(host("ro/inner-rw/new"), F_OK) == 0, "also in the writable folder inside a read-only one");
}

/* ---- what is made -------------------------------------------------------------------------------- */

static void made_inside(void)
{
	char target[64] = "";

	is_str(slurp("/etc/passwd"), "data\n", "a file that is made");
	is_int(try_open("/etc/passwd", O_WRONLY), EROFS, "is not writable");
	is_int(mode_of("/etc/passwd"), 0444, "and has the mode of one");
	is_str(slurp("/etc/empty"), "", "an empty file");
	is_str(slurp("/home/tester/.rc"), "home data\n", "a file made in the home");
	is_int(try_open("/home/tester/.rc", O_WRONLY), EROFS, "is not writable");
	is_int(unlink("/home/tester/.rc") < 0 ? errno : 0, EBUSY, "nor removable");
	is_int(rename("/home/tester/.rc", "/home/tester/x") < 0 ? errno : 0, EBUSY, "nor movable");
	is_int(try_create("/home/tester/x"), 0, "the home itself is writable");
	is_str(slurp("/g/tree/covered"), "covering\n", "a file made over one of the host");

	is_int(readlink("/bin", target, sizeof target - 1), 7, "a symlink");
	is_str(target, "usr/bin", "with its text");
	is_int(mode_of("/a/b/c"), 0755, "a folder");
	is_int(try_create("/a/b/c/x"), EROFS, "in which nothing is made");
	is_int(try_create("/x"), EROFS, "nor in the root");
	is_int(mkdir("/etc/x", 0755) < 0 ? errno : 0, EROFS, "nor beside the files of /etc");
	ok((flags_of("/") & (ST_RDONLY | ST_NOSUID | ST_NODEV | ST_NOEXEC)) ==
		   (ST_RDONLY | ST_NOSUID | ST_NODEV | ST_NOEXEC),
	   "the root is read-only, nosuid, nodev, noexec");
	is_int(try_open("/g/tree/empty", O_RDONLY), ENOENT, "what masks are made of is not to be seen");
	is_int(try_open("/tmp/empty", O_RDONLY), ENOENT, "nor elsewhere");
}

static void test_made(void)
{
	struct fixture fx;

	folder(host("tree"));
	put(host("tree/covered"), "covered\n");
	fx_init(&fx);
	fx_grant(&fx, "tree", true);
	fx_add(&fx, MOUNT_DATA, "/etc/passwd")->data = fx_name(&fx, "data\n");
	fx_add(&fx, MOUNT_DATA, "/etc/empty")->data = fx_name(&fx, "%s", "");
	fx_add(&fx, MOUNT_TMPFS, "/home/tester")->size = 1 << 20;
	fx_add(&fx, MOUNT_DATA, "/home/tester/.rc")->data = fx_name(&fx, "home data\n");
	fx_add(&fx, MOUNT_DATA, "/g/tree/covered")->data = fx_name(&fx, "covering\n");
	fx_add(&fx, MOUNT_SYMLINK, "/bin")->src = fx_name(&fx, "usr/bin");
	fx_add(&fx, MOUNT_DIR, "/a/b/c");
	fx_add(&fx, MOUNT_DIR, "/a/b/c");
	caged(&fx, made_inside, "what is made");
	is_str(slurp(host("tree/covered")), "covered\n", "the covered file of the host is as it was");
}

/* ---- tmpfs --------------------------------------------------------------------------------------- */

/* Write until it fails: the number of KiB, and errno. */
static int fill(const char *path)
{
	static const char block[1024];
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600), n = 0;

	while (fd >= 0 && n < 10000 && write(fd, block, sizeof block) == sizeof block)
		n++;
	int saved = errno;
	close(fd);
	errno = saved;
	return n;
}

static void tmpfs_inside(void)
{
	is_int(mode_of("/tmp"), 01777, "/tmp is everyone's");
	is_int(mode_of("/home/tester"), 0700, "the home is the user's");
	is_int(mode_of("/scratch"), 0755, "another tmpfs is the user's");
	struct stat st;
	ok(stat("/home/tester", &st) == 0 && st.st_uid == geteuid() && st.st_gid == getegid(), "and belongs to it");

	is_int(fill("/scratch/a"), 64, "a tmpfs of 64 KiB takes 64 KiB");
	is_int(errno, ENOSPC, "and then says ENOSPC");
	is_int(try_create("/tmp/fine"), 0, "which does not fill another");
	is_int(try_create("/scratch/inner/x"), 0, "a tmpfs inside a tmpfs");

	int n = 0;
	char name[64];
	do
		snprintf(name, sizeof name, "/tmp/%d", n);
	while (try_create(name) == 0 && n++ < 100000);
	ok(n > 500 && n < 5000, "the number of files is bounded too (%d)", n);
	is_int(try_create("/scratch/none/x"), ENOENT, "(a folder that is not there)");
	ok((flags_of("/tmp") & (ST_NOSUID | ST_NODEV)) == (ST_NOSUID | ST_NODEV), "nosuid, nodev");
	is_int(try_create("/g/over/mine"), 0, "a tmpfs over a folder of the host is written");
	is_int(try_open("/g/over/theirs", O_RDONLY), ENOENT, "and hides it");
	is_int(try_create("/g/over/sub/x"), EROFS, "what is bound below such a tmpfs");
	is_str(slurp("/g/over/sub/y"), "y\n", "is there");
}

static void test_tmpfs(void)
{
	struct fixture fx;

	folder(host("over"));
	folder(host("sub"));
	put(host("over/theirs"), "x");
	put(host("sub/y"), "y\n");
	fx_init(&fx);
	fx_add(&fx, MOUNT_TMPFS, "/home/tester")->size = 1 << 20;
	fx_add(&fx, MOUNT_TMPFS, "/scratch")->size = 64 << 10;
	fx_add(&fx, MOUNT_TMPFS, "/scratch/inner")->size = 64 << 10;
	fx_grant(&fx, "over", true);
	fx_add(&fx, MOUNT_TMPFS, "/g/over")->size = 64 << 10;
	fx_bind(&fx, host("sub"), "/g/over/sub", false);
	caged(&fx, tmpfs_inside, "tmpfs");
	ok(access(host("over/mine"), F_OK) < 0, "the host's folder has nothing of it");
	ok(access(host("over/sub"), F_OK) < 0, "no mount point was made in it either");
}

/* ---- /proc --------------------------------------------------------------------------------------- */

static void proc_inside(void)
{
	static const char *const COVERED[] = { "acpi", "bus", "fs", "irq", "scsi", "tty", "asound" };
	static const char *const CLOSED[] = { "cmdline", "kallsyms",  "kcore",      "keys",	  "key-users",
					      "kmsg",	 "slabinfo",  "timer_list", "vmallocinfo", "kpageflags",
					      "modules", "sched_debug" };
	char link[64] = "", path[64];

	is_int(readlink("/proc/self", link, sizeof link - 1), 1, "/proc/self");
	is_str(link, "1", "is this pid namespace's");
	is_int(try_open("/proc/2", O_RDONLY), ENOENT, "there is no other process");
	ok((flags_of("/proc") & (ST_RDONLY | ST_NOSUID | ST_NODEV | ST_NOEXEC)) ==
		   (ST_RDONLY | ST_NOSUID | ST_NODEV | ST_NOEXEC),
	   "read-only, nosuid, nodev, noexec");
	is_int(try_open("/proc/sys/kernel/hostname", O_WRONLY), geteuid() == 0 ? EROFS : EACCES,
	       "/proc/sys is not written");
	is_int(try_open("/proc/self/oom_score_adj", O_WRONLY), EROFS, "nor is /proc/self");
	int trigger = try_open("/proc/sysrq-trigger", O_WRONLY);
	ok(trigger == EROFS || trigger == EACCES || trigger == ENOENT, "nor sysrq-trigger");
	ok(slurp("/proc/cpuinfo") && strlen(slurp("/proc/cpuinfo")) > 10, "cpuinfo is readable");
	ok(slurp("/proc/meminfo") && strstr(slurp("/proc/meminfo"), "MemTotal"), "meminfo is readable");
	ok(slurp("/proc/self/status") && strstr(slurp("/proc/self/status"), "Pid:\t1\n"), "status is readable");

	for (size_t i = 0; i < ARRAY_SIZE(COVERED); i++) {
		snprintf(path, sizeof path, "/proc/%s", COVERED[i]);
		DIR *dir = opendir(path);
		size_t entries = 0;

		while (dir && readdir(dir))
			entries++;
		ok(dir ? entries == 2 : errno == ENOENT, "%s is empty or not there", path);
		if (dir)
			closedir(dir);
	}
	for (size_t i = 0; i < ARRAY_SIZE(CLOSED); i++) {
		snprintf(path, sizeof path, "/proc/%s", CLOSED[i]);
		const char *text = slurp(path);

		ok(text ? !*text : (errno == ENOENT || errno == EACCES), "%s gives nothing", path);
	}
}

static void test_proc(void)
{
	struct fixture fx;

	fx_init(&fx);
	caged(&fx, proc_inside, "/proc");
}

/* ---- /dev ---------------------------------------------------------------------------------------- */

static void dev_nodes_inside(void)
{
	char byte[16] = { 1 };
	int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);

	ok(read(fd, byte, 1) == 1 && byte[0] == 0, "zero");
	close(fd);
	fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	ok(write(fd, byte, 1) < 0 && errno == ENOSPC, "full");
	close(fd);
	fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	ok(write(fd, byte, 1) == 1 && read(fd, byte, 1) == 0, "null");
	close(fd);
	fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
	ok(read(fd, byte, sizeof byte) == sizeof byte, "urandom");
	close(fd);
	is_int(try_open("/dev/random", O_RDONLY), 0, "random");
	/* to what it is: should it succeed, the host is none the worse for this test */
	is_int(chmod("/dev/null", 0666) < 0 ? errno : 0, EROFS, "the mode of a node cannot be changed");
	is_int(unlink("/dev/null") < 0 ? errno : 0, EROFS, "nor the node be removed");
}

static void dev_inside(void)
{
	static const char *const EXPECTED[] = { ".",	 "..",	  "fd",	   "full",  "null",    "ptmx",	 "pts",
						"random", "shm", "stderr", "stdin", "stdout", "urandom", "zero" };
	struct dirent **list;
	char name[64];

	dev_nodes_inside();
	int n = scandir("/dev", &list, NULL, alphasort);
	is_int(n, (int)ARRAY_SIZE(EXPECTED), "as many entries as there should be");
	for (int i = 0; i < n && i < (int)ARRAY_SIZE(EXPECTED); i++)
		is_str(list[i]->d_name, EXPECTED[i], "/dev/%s", list[i]->d_name);
	is_int(try_create("/dev/x"), EROFS, "nothing is made in /dev");
	is_int(mknod("/dev/shm/sda", S_IFBLK | 0600, makedev(8, 0)) < 0 ? errno : 0, EPERM, "no node is made");
	is_int(try_create("/dev/shm/x"), 0, "/dev/shm is writable");
	is_int(mode_of("/dev/shm"), 01777, "and everyone's");
	is_int(fill("/dev/shm/x"), 128, "up to its size");

	int terminal = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
	ok(terminal >= 0 && ptsname_r(terminal, name, sizeof name) == 0, "a pseudo-terminal opens");
	is_str(name, "/dev/pts/0", "the first of this instance");
	int zero = 0;
	ok(ioctl(terminal, 0x40045431 /* TIOCSPTLCK */, &zero) == 0 && try_open(name, O_RDWR | O_NOCTTY) == 0,
	   "with both sides");
	close(terminal);
	is_int(try_open("/dev/tty", O_RDWR), ENOENT, "no tty");
	is_int(try_open("/dev/console", O_RDWR), ENOENT, "no console");
}

static void test_dev(void)
{
	struct fixture fx;

	fx_init(&fx);
	fx_add(&fx, MOUNT_DEV, "/dev")->size = 128 << 10;
	caged(&fx, dev_inside, "/dev");
}

/* ---- masks --------------------------------------------------------------------------------------- */

static void masks_inside(void)
{
	is_str(slurp("/g/m/open"), "open\n", "what is not masked is read");
	is_str(slurp("/g/m/secret"), "", "a masked file is empty");
	is_int(try_open("/g/m/secret", O_WRONLY), EROFS, "and read-only in a writable grant");
	is_int(unlink("/g/m/secret") < 0 ? errno : 0, EBUSY, "it cannot be removed");
	is_int(rename("/g/m/secret", "/g/m/x") < 0 ? errno : 0, EBUSY, "nor moved away");
	is_int(link("/g/m/secret", "/g/m/x") < 0 ? errno : 0, EXDEV, "nor linked");
	is_int(try_open("/g/m/keys/id", O_RDONLY), ENOENT, "a masked folder is empty");
	is_int(try_create("/g/m/keys/new"), EROFS, "and read-only");
	is_int(rename("/g/m/keys", "/g/m/x") < 0 ? errno : 0, EBUSY, "it cannot be moved away");
	is_int(rename("/g/m/sub", "/g/m/moved"), 0, "a folder around a mask may be moved");
	is_int(try_open("/g/m/moved/deep/id", O_RDONLY), ENOENT, "the mask goes with it");
}

static void test_masks(void)
{
	struct fixture fx;

	folder(host("m"));
	folder(host("m/keys"));
	folder(host("m/sub"));
	folder(host("m/sub/deep"));
	put(host("m/open"), "open\n");
	put(host("m/secret"), "secret\n");
	put(host("m/keys/id"), "secret\n");
	put(host("m/sub/deep/id"), "secret\n");
	fx_init(&fx);
	fx_grant(&fx, "m", true);
	fx_add(&fx, MOUNT_MASK, "/g/m/secret");
	fx_add(&fx, MOUNT_MASK, "/g/m/keys")->directory = true;
	fx_add(&fx, MOUNT_MASK, "/g/m/sub/deep")->directory = true;
	caged(&fx, masks_inside, "masks");
	is_str(slurp(host("m/secret")), "secret\n", "the host's file is as it was");
}

/* ---- nothing else -------------------------------------------------------------------------------- */

static size_t descriptors_before;

/* Every descriptor that is open, as a sum of bits: what is left open by mistake shows. */
static size_t descriptors(void)
{
	size_t n = 0;

	for (int fd = 0; fd < 256; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			n++;
	return n;
}

static void nothing_else_inside(void)
{
	char cwd[64] = "", line[1024], *save = NULL;
	struct stat root, above;

	is_str(getcwd(cwd, sizeof cwd), "/", "the working directory is the root");
	ok(stat("/", &root) == 0 && stat("/..", &above) == 0 && root.st_ino == above.st_ino &&
		   root.st_dev == above.st_dev,
	   "above the root is the root");
	is_int(chdir("../../../../../.."), 0, "also step by step");
	is_int(try_open("var", O_RDONLY), ENOENT, "nothing of the host is found there");
	is_int(try_open(host_dir, O_RDONLY), ENOENT, "nor by its name");

	const char *mounts = slurp("/proc/self/mountinfo");
	snprintf(line, sizeof line, "%s", "");
	for (char *at = strtok_r((char *)(uintptr_t)mounts, "\n", &save); at; at = strtok_r(NULL, "\n", &save)) {
		char where[256] = "";

		if (sscanf(at, "%*s %*s %*s %*s %255s", where) != 1)
			continue;
		if (strcmp(where, "/") == 0 || strcmp(where, "/tmp") == 0 || strcmp(where, "/g/only") == 0 ||
		    strncmp(where, "/proc", 5) == 0)
			continue;
		snprintf(line, sizeof line, "%s", at);
	}
	is_str(line, "", "mountinfo shows what was planned and nothing else");
	/* In the child the pipe of the fixture was there before and is gone now. */
	is_int(descriptors(), descriptors_before, "no descriptor is left open");
	is_int(umask(0), 027, "the umask is as it was");
	is_int(mode_of("/a"), 0755, "and had no influence");
}

static void test_nothing_else(void)
{
	struct fixture fx;

	folder(host("only"));
	fx_init(&fx);
	fx_grant(&fx, "only", false);
	fx_add(&fx, MOUNT_DIR, "/a/b");
	/* a pidfd is opened in the parent only */
	descriptors_before = descriptors();
	mode_t mask = umask(027);
	caged(&fx, nothing_else_inside, "nothing else is in the cage");
	umask(mask);
}

static void tests(void)
{
	test_grants();
	test_made();
	test_tmpfs();
	test_proc();
	test_dev();
	test_masks();
	test_nothing_else();
}

int main(void)
{
	for_each_user(tests, 13);
	return done_testing();
}
