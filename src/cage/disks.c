/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which disks a server can make work, and limits on that (io.max).
 *
 * io.max knows disks by number, and whole ones only. The number is the device of a file system (st_dev), as far as that is a
 * block device; of a partition it is the disk around it. What lies on a mapped device (LUKS, LVM, RAID) is held there, where it is
 * still in the server's name: whether it is so on the disks below, of which there may be several, is up to each driver. btrfs has
 * numbers that are no device, and names its disks when asked. Network file systems, FUSE and overlays do the work elsewhere or
 * in another's name: they are told, and the limit does not count as taken. tmpfs is memory, and limited as such.
 *
 * Counted is everything that is bound into the cage, readable or writable, with what is mounted in it: reads are limited as well.
 * What is granted while the session runs is looked at when it is granted.
 *
 * Called by cgroup.c outside the cage. Opens no file of a grant but a btrfs's to ask it, and changes nothing but the group.
 * Documentation/admin-guide/cgroup-v2.rst "IO", Documentation/ABI/stable/sysfs-block, ioctl_btrfs.
 */
#include "cage/disks.h"

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/path.h"
#include "base/strlist.h"
#include "cage/cgroup-place.h"
#include "cage/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/btrfs.h>
#include <mntent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

static const struct disks_world here = { .mounts = "/proc/self/mounts", .sys = "/sys" };

/* What is mounted, in the order of the list: where, of which type, what. */
struct mounted {
	struct strlist dirs, types, sources;
};

struct finder {
	const struct disks_world *world;
	struct mounted mounted;
	struct disks *disks;
};

/* The first is what is told. */
static void __attribute__((format(printf, 2, 3))) without(struct finder *f, const char *format, ...)
{
	va_list ap;

	if (f->disks->without[0])
		return;
	va_start(ap, format);
	vsnprintf(f->disks->without, sizeof f->disks->without, format, ap);
	va_end(ap);
}

static void mounted_free(struct mounted *m)
{
	strlist_free(&m->dirs);
	strlist_free(&m->types);
	strlist_free(&m->sources);
}

static int mounted_read(struct mounted *m, const char *file)
{
	struct mntent entry;
	char text[8192];
	int rc = 0;

	FILE *list = setmntent(file, "re");
	if (!list)
		return -1;
	while (rc == 0 && getmntent_r(list, &entry, text, sizeof text))
		if (strlist_add(&m->dirs, entry.mnt_dir) < 0 || strlist_add(&m->types, entry.mnt_type) < 0 ||
		    strlist_add(&m->sources, entry.mnt_fsname) < 0)
			rc = -1;
	endmntent(list);
	return rc;
}

/* The type of file system that PATH is on; "" when the list does not say. */
static const char *type_of(const struct mounted *m, const char *path)
{
	const char *type = "";
	size_t longest = 0;

	/* The last of those mounted at one place is what is seen there. */
	for (size_t i = 0; i < m->dirs.n; i++)
		if (path_within(path, m->dirs.v[i]) && strlen(m->dirs.v[i]) >= longest) {
			longest = strlen(m->dirs.v[i]);
			type = m->types.v[i];
		}
	return type;
}

static bool in_memory(const char *type)
{
	return strcmp(type, "tmpfs") == 0 || strcmp(type, "ramfs") == 0 || submounts_kernel_type(type);
}

/* ---- one disk -------------------------------------------------------------------------------------------- */

/* The disk that the block device MAJOR:MINOR is, or is a partition of. */
static int whole_disk(const char *sys, unsigned major, unsigned minor, struct disk *disk)
{
	char path[160], text[32];

	*disk = (struct disk){ major, minor };
	snprintf(path, sizeof path, "%s/dev/block/%u:%u", sys, major, minor);
	CLEANUP_CLOSE int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (faccessat(fd, "partition", F_OK, 0) < 0)
		return errno == ENOENT ? 0 : -1;
	if (cgroup_read(fd, "../dev", text, sizeof text) <= 0 || sscanf(text, "%u:%u", &disk->major, &disk->minor) != 2)
		return -1;
	return 0;
}

static void add_device(struct finder *f, const char *path, dev_t device)
{
	struct disks *disks = f->disks;
	struct disk disk;

	if (whole_disk(f->world->sys, major(device), minor(device), &disk) < 0) {
		without(f, "%s shows no disk for the device %u:%u of %s", f->world->sys, major(device), minor(device), path);
		return;
	}
	for (size_t i = 0; i < disks->n; i++)
		if (disks->v[i].major == disk.major && disks->v[i].minor == disk.minor)
			return;
	if (disks->n == DISKS_MAX)
		without(f, "%s is on one disk more than can be limited (%d)", path, DISKS_MAX);
	else
		disks->v[disks->n++] = disk;
}

/* Every device of the btrfs that PATH is on. 0, or -1 when they cannot all be named. */
static int add_btrfs(struct finder *f, const char *path)
{
	struct btrfs_ioctl_fs_info_args fs = { 0 };
	uint64_t found = 0;

	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, BTRFS_IOC_FS_INFO, &fs) < 0)
		return -1;
	for (uint64_t id = 1; id <= fs.max_id && found < fs.num_devices; id++) {
		struct btrfs_ioctl_dev_info_args device = { .devid = id };
		struct stat st;

		if (ioctl(fd, BTRFS_IOC_DEV_INFO, &device) < 0) {
			if (errno == ENODEV)
				continue;
			return -1;
		}
		device.path[sizeof device.path - 1] = '\0';
		if (stat((const char *)device.path, &st) < 0 || !S_ISBLK(st.st_mode))
			return -1;
		add_device(f, path, st.st_rdev);
		found++;
	}
	return found > 0 && found == fs.num_devices ? 0 : -1;
}

/* ---- all of them ----------------------------------------------------------------------------------------- */

/* PATH, on the device DEVICE and a file system of TYPE. */
static void add_place(struct finder *f, const char *path, dev_t device, const char *type)
{
	/* A fuseblk has a device, which its server works on, outside. */
	const bool fuse = strncmp(type, "fuse", 4) == 0;

	if (major(device) != 0 && !fuse)
		add_device(f, path, device);
	else if (!in_memory(type) && (strcmp(type, "btrfs") != 0 || add_btrfs(f, path) < 0))
		without(f, "%s lies on %s, where no disk can be named", path, type[0] ? type : "an unknown file system");
}

static void add_bind(struct finder *f, const struct plan_mount *m)
{
	dev_t device = (dev_t)m->dev;
	struct stat st;

	if (m->kept && device == 0) {
		if (stat(m->src, &st) < 0) {
			without(f, "%s: %s", m->src, strerror(errno));
			return;
		}
		device = st.st_dev;
	}
	add_place(f, m->src, device, type_of(&f->mounted, m->src));
}

/* What is mounted inside M comes along. */
static void add_submounts(struct finder *f, const struct plan_mount *m)
{
	const struct mounted *list = &f->mounted;

	for (size_t i = 0; m->directory && i < list->dirs.n; i++) {
		const char *dir = list->dirs.v[i], *type = list->types.v[i];
		struct stat st = { 0 };

		if (!path_within(dir, m->src) || strcmp(dir, m->src) == 0 || in_memory(type))
			continue;
		/* Only what may have a device is asked for it: a share whose host is gone would not answer. */
		if (list->sources.v[i][0] == '/' && strcmp(type, "btrfs") != 0 && lstat(dir, &st) < 0) {
			/* Where we cannot go, the server cannot either. */
			if (errno != EACCES && errno != ENOENT)
				without(f, "%s: %s", dir, strerror(errno));
			continue;
		}
		add_place(f, dir, st.st_dev, type);
	}
}

void disks_find(const struct plan *plan, const struct disks_world *world, struct disks *disks)
{
	struct finder f = { .world = world ? world : &here, .disks = disks };

	*disks = (struct disks){ .n = 0 };
	if (mounted_read(&f.mounted, f.world->mounts) < 0)
		without(&f, "%s cannot be read", f.world->mounts);
	for (size_t i = 0; i < plan->mounts_n; i++) {
		const struct plan_mount *m = &plan->mounts[i];
		if (m->kind != MOUNT_BIND)
			continue;
		add_bind(&f, m);
		add_submounts(&f, m);
	}
	mounted_free(&f.mounted);
}

/* ---- io.max ---------------------------------------------------------------------------------------------- */

/* The number behind KEY ("rbps=") in the first LINE of a text is RATE at most. */
static bool key_at_most(const char *line, const char *key, uint64_t rate)
{
	const char *end = line + strcspn(line, "\n");
	const char *p = strstr(line, key);
	char *rest;

	if (!p || p > end)
		return false;
	p += strlen(key);
	uint64_t is = strtoull(p, &rest, 10); /* "max" is no number */
	return rest != p && is <= rate;
}

static bool disk_limited(const char *io_max, const struct disk *disk, uint64_t rate)
{
	char name[32];

	snprintf(name, sizeof name, "%u:%u ", disk->major, disk->minor);
	for (const char *line = io_max; *line;) {
		if (strncmp(line, name, strlen(name)) == 0)
			return key_at_most(line, " rbps=", rate) && key_at_most(line, " wbps=", rate);
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
	return false;
}

bool disks_limited(const char *io_max, const struct disks *disks, uint64_t rate)
{
	for (size_t i = 0; i < disks->n; i++)
		if (!disk_limited(io_max, &disks->v[i], rate))
			return false;
	return true;
}

static int limit_write(int group, const struct disk *disk, uint64_t rate)
{
	char line[128];

	int n = snprintf(line, sizeof line, "%u:%u rbps=%" PRIu64 " wbps=%" PRIu64, disk->major, disk->minor, rate, rate);
	CLEANUP_CLOSE int fd = openat(group, "io.max", O_WRONLY | O_CLOEXEC | O_NOCTTY);
	return fd < 0 ? -1 : fd_write_all(fd, line, (size_t)n);
}

bool disks_limit(int group, const struct disks *disks, uint64_t rate, char *why, size_t size)
{
	char text[DISKS_MAX * 128];

	if (cgroup_read(group, "io.max", text, sizeof text) < 0) {
		snprintf(why, size, "the group was given no io controller");
		return false;
	}
	/* One that cannot be held is no reason not to hold the others. */
	int failed = 0;
	for (size_t i = 0; i < disks->n; i++) {
		const struct disk *disk = &disks->v[i];
		if (disk_limited(text, disk, rate) || limit_write(group, disk, rate) == 0)
			continue;
		if (failed++ == 0)
			snprintf(why, size, "io.max does not take the disk %u:%u: %s", disk->major, disk->minor, strerror(errno));
	}
	if (failed > 0)
		return false;
	if (cgroup_read(group, "io.max", text, sizeof text) >= 0 && disks_limited(text, disks, rate))
		return true;
	snprintf(why, size, "io.max does not have what was written to it");
	return false;
}
