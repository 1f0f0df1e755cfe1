/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which disks are beneath a plan, on made-up machines: a list of mounts and a sysfs in a folder. And io.max, as text and as a file.
 * tests/vm has the kernel's, and a btrfs.
 */
#include "cage/disks.h"
#include "tests/tap.h"

#include "base/cleanup.h"

#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

static char folder[] = "/tmp/mcpcage-test-XXXXXX";
static char sys[64], mounts[64];

static void put(const char *path, const char *text)
{
	char full[256];

	snprintf(full, sizeof full, "%s/%s", folder, path);
	for (char *p = strchr(full + strlen(folder) + 1, '/'); p; p = strchr(p + 1, '/')) {
		*p = '\0';
		if (mkdir(full, 0755) < 0 && errno != EEXIST)
			bail_out("mkdir %s: %s", full, strerror(errno));
		*p = '/';
	}
	FILE *f = fopen(full, "w");
	if (!f || fputs(text, f) < 0 || fclose(f) != 0)
		bail_out("cannot write %s", full);
}

/* The device NUMBER ("8:1"), which sysfs keeps in DIR; PART: it is a partition. */
static void device(const char *number, const char *dir, bool part)
{
	char path[128], target[128], link[256];

	snprintf(path, sizeof path, "sys/devices/%s/dev", dir);
	snprintf(target, sizeof target, "%s\n", number);
	put(path, target);
	if (part) {
		snprintf(path, sizeof path, "sys/devices/%s/partition", dir);
		put(path, "1\n");
	}
	put("sys/dev/block/.keep", "");
	snprintf(link, sizeof link, "%s/sys/dev/block/%s", folder, number);
	snprintf(target, sizeof target, "../../devices/%s", dir);
	if (symlink(target, link) < 0)
		bail_out("symlink %s: %s", link, strerror(errno));
}

static void machine(void)
{
	if (!mkdtemp(folder))
		bail_out("mkdtemp: %s", strerror(errno));
	snprintf(sys, sizeof sys, "%s/sys", folder);
	snprintf(mounts, sizeof mounts, "%s/mounts", folder);
	device("8:0", "sda", false);
	device("8:1", "sda/sda1", true);
	device("8:2", "sda/sda2", true);
	device("259:0", "nvme0/nvme0n1", false);
	device("259:3", "nvme0/nvme0n1/nvme0n1p3", true);
	device("253:0", "virtual/dm-0", false);
	put("mounts", "/dev/sda1 / ext4 rw 0 0\n"
		      "proc /proc proc rw 0 0\n"
		      "/dev/nvme0n1p3 /home xfs rw 0 0\n"
		      "tmpfs /run tmpfs rw 0 0\n"
		      "host:/x /srv/share nfs4 rw 0 0\n"
		      "overlay /srv/layers overlay rw 0 0\n"
		      "sys /srv/tree/sys sysfs rw 0 0\n"
		      "tmpfs /srv/tree/t tmpfs rw 0 0\n"
		      "host:/y /srv/full/a\\040b nfs4 rw 0 0\n"
		      "/dev/sdb1 /media/stick fuseblk rw 0 0\n"
		      "/dev/sda9 /pool btrfs rw 0 0\n"
		      "/dev/sda1 /srv/over ext4 rw 0 0\n"
		      "host:/z /srv/over nfs4 rw 0 0\n");
}

/* "8:0 259:0", and what is without. */
static char found[256];

static const struct disks *find(const struct plan_mount *v, size_t n)
{
	static struct disks disks;
	const struct disks_world world = { .mounts = mounts, .sys = sys };
	const struct plan plan = { .mounts = (struct plan_mount *)v, .mounts_n = n };
	size_t at = 0;

	disks_find(&plan, &world, &disks);
	found[0] = '\0';
	for (size_t i = 0; i < disks.n && at < sizeof found; i++)
		at += (size_t)snprintf(found + at, sizeof found - at, "%s%u:%u", i ? " " : "", disks.v[i].major,
				       disks.v[i].minor);
	return &disks;
}

#define BIND(path, major, minor)                                                                               \
	{ .kind = MOUNT_BIND, .directory = true, .src = (char *)(path), .dev = makedev(major, minor) }
#define FIND(...)                                                                                              \
	({                                                                                                     \
		const struct plan_mount v_[] = { __VA_ARGS__ };                                                \
		find(v_, sizeof v_ / sizeof *v_);                                                              \
	})

static void test_found(void)
{
	const struct disks *d = FIND(BIND("/usr", 8, 1), BIND("/etc", 8, 1), BIND("/home/me", 259, 3), BIND("/opt", 8, 2));

	is_str(found, "8:0 259:0", "the disks around partitions, none twice");
	is_str(d->without, "", "and that is all");

	FIND(BIND("/a", 8, 0), BIND("/b", 253, 0));
	is_str(found, "8:0 253:0", "whole disks and mapped ones as they are");

	d = FIND({ .kind = MOUNT_TMPFS, .dest = (char *)"/tmp" }, { .kind = MOUNT_PROC }, BIND("/run/user/1/x", 0, 30),
		 BIND("/proc/x", 0, 4));
	is_str(found, "", "memory and the kernel's files have no disk");
	is_str(d->without, "", "and need none");

	d = FIND(BIND("/srv/tree", 8, 1));
	is_str(found, "8:0", "kernel's files and memory mounted in a folder");
	is_str(d->without, "", "are none either");
}

static void test_without(void)
{
	const struct disks *d = FIND(BIND("/srv/layers/x", 0, 50), BIND("/usr", 8, 1), BIND("/srv/share", 0, 51));

	is_str(d->without, "/srv/layers/x lies on overlay, where no disk can be named", "an overlay is told, the first of two");
	is_str(found, "8:0", "the others are found");
	is_str(FIND(BIND("/srv/share/x", 0, 51))->without, "/srv/share/x lies on nfs4, where no disk can be named", "a share");
	is_str(FIND(BIND("/srv/over", 0, 52))->without, "/srv/over lies on nfs4, where no disk can be named",
	       "what was mounted last at a place counts");
	is_str(FIND(BIND("/media/stick", 8, 1))->without, "/media/stick lies on fuseblk, where no disk can be named",
	       "FUSE with a device: somebody outside works on it");
	is_str(FIND(BIND("/pool/no-such", 0, 53))->without, "/pool/no-such lies on btrfs, where no disk can be named",
	       "a btrfs that does not answer");
	is_str(FIND(BIND("/srv/full", 8, 1))->without, "/srv/full/a b lies on nfs4, where no disk can be named",
	       "a share mounted in a folder");
	is_str(FIND({ .kind = MOUNT_BIND, .src = (char *)"/srv/full", .dev = makedev(8, 1) })->without, "",
	       "which a file cannot have");
	ok(strstr(FIND(BIND("/usr", 9, 9))->without, "no disk for the device 9:9 of /usr"), "a device that sysfs does not have");
	is_str(found, "", "is not limited");
	const char *real = FIND({ .kind = MOUNT_BIND, .kept = true, .src = (char *)"/no/such/home" })->without;
	ok(strstr(real, "/no/such/home: "), "a kept home that is not there: %s", real);

	unlink(mounts);
	ok(strstr(FIND(BIND("/usr", 8, 1))->without, "cannot be read"), "without the list of mounts nothing is certain");
	is_str(found, "8:0", "but what is known is used");
}

static void test_many(void)
{
	struct plan_mount v[DISKS_MAX + 1];

	for (unsigned i = 0; i <= DISKS_MAX; i++) {
		char number[16], dir[32];
		snprintf(number, sizeof number, "7:%u", i);
		snprintf(dir, sizeof dir, "virtual/loop%u", i);
		device(number, dir, false);
		v[i] = (struct plan_mount)BIND("/many", 7, i);
	}
	const struct disks *d = find(v, DISKS_MAX);
	ok(d->n == DISKS_MAX && !strstr(d->without, "more"), "as many disks as there is room for");
	d = find(v, DISKS_MAX + 1);
	is_int(d->n, DISKS_MAX, "one more is not held");
}

/* ---- io.max ------------------------------------------------------------------------------------------------ */

static void test_texts(void)
{
	static const struct {
		const char *text;
		bool want;
	} rows[] = {
		{ "8:0 rbps=1000 wbps=1000 riops=max wiops=max\n259:0 rbps=1000 wbps=1000 riops=max wiops=max\n", true },
		{ "259:0 rbps=999 wbps=1000\n8:0 rbps=1000 wbps=1", true },
		{ "7:0 rbps=max wbps=max\n8:0 rbps=1000 wbps=1000\n259:0 rbps=1000 wbps=1000\n", true },
		{ "", false },
		{ "8:0 rbps=1000 wbps=1000 riops=max wiops=max\n", false },
		{ "8:0 rbps=1001 wbps=1000\n259:0 rbps=1000 wbps=1000\n", false },
		{ "8:0 rbps=1000 wbps=max\n259:0 rbps=1000 wbps=1000\n", false },
		{ "8:0 rbps=max wbps=1000\n259:0 rbps=1000 wbps=1000\n", false },
		{ "8:0 rbps=1000\n259:0 rbps=1000 wbps=1000\n", false },
		{ "18:0 rbps=1000 wbps=1000\n259:0 rbps=1000 wbps=1000\n", false },
		{ "8:01 rbps=1000 wbps=1000\n259:0 rbps=1000 wbps=1000\n", false },
	};
	const struct disks disks = { .v = { { 8, 0 }, { 259, 0 } }, .n = 2 }, none = { .n = 0 };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		is_int(disks_limited(rows[i].text, &disks, 1000), rows[i].want, "io.max, row %zu", i);
	is_int(disks_limited("", &none, 1000), true, "without disks nothing is missing");
}

/* A file is no io.max: it has what was written last. */
static void test_file(void)
{
	const struct disks one = { .v = { { 8, 0 } }, .n = 1 }, two = { .v = { { 8, 0 }, { 259, 0 } }, .n = 2 };
	char why[128] = "";

	CLEANUP_CLOSE int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ok(!disks_limit(dir, &one, 4096, why, sizeof why), "no io.max");
	is_str(why, "the group was given no io controller", "  which is the reason");
	put("io.max", "");
	ok(disks_limit(dir, &one, 4096, why, sizeof why), "one is written");
	char text[128] = "";
	CLEANUP_CLOSE int fd = openat(dir, "io.max", O_RDONLY | O_CLOEXEC);
	ok(read(fd, text, sizeof text - 1) > 0, "  to the file");
	is_str(text, "8:0 rbps=4096 wbps=4096", "  as the kernel reads it");
	ok(!disks_limit(dir, &two, 4096, why, sizeof why), "one of two did not stay");
	is_str(why, "io.max does not have what was written to it", "  which is noticed");
	put("io.max", "8:0 rbps=10 wbps=20\n259:0 rbps=4096 wbps=4096\n");
	ok(disks_limit(dir, &two, 4096, why, sizeof why), "lower ones stay");
	struct stat st;
	ok(fstatat(dir, "io.max", &st, 0) == 0 && st.st_size == 46, "  as they were");
	put("io.max", "8:0 rbps=max wbps=20\n");
	if (geteuid() == 0) {
		tap_skip_kernel("root may write what is read-only");
	} else {
		ok(fchmodat(dir, "io.max", 0444, 0) == 0, "a file that is read-only");
		ok(!disks_limit(dir, &one, 4096, why, sizeof why), "what cannot be written");
		ok(strstr(why, "does not take the disk 8:0: "), "  is told: %s", why);
	}
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return remove(path);
}

int main(void)
{
	machine();
	test_found();
	test_without();
	test_many();
	test_texts();
	test_file();

	/* This machine's own, whatever it is. */
	struct stat st;
	struct disks disks;
	struct plan_mount root = { .kind = MOUNT_BIND, .src = (char *)"/" };
	const struct plan plan = { .mounts = &root, .mounts_n = 1 };
	ok(stat("/", &st) == 0, "the root of this machine");
	root.dev = st.st_dev;
	disks_find(&plan, NULL, &disks);
	ok(disks.n > 0 || disks.without[0] || major(st.st_dev) == 0, "is on a disk, or not: %zu %s", disks.n, disks.without);
	nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	return done_testing();
}
