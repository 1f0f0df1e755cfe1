/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cgroup v2: limits on memory, swap, tasks, processor time and disks for the whole cage, cgroup.kill, and what was used.
 *
 * Two ways, tried in this order: a transient scope of the systemd that manages our processes (scope.c), and a group that
 * we make ourselves in a tree that is ours to write (cgroup-place.c). In the first the cage's init is moved after
 * it was cloned, in the second it is cloned right into the group, which spares the move. systemd comes first because
 * where it runs, it is the tree's one writer.
 *
 * What took effect is never assumed: our own writes are checked one by one, and a scope's files are read back, because
 * systemd ignores limits whose controller it was not given. The session compares `limits` with cgroup_limits_wanted().
 *
 * Disks are the one limit that is also written into a scope, and only for a device that systemd left out: it puts the limit of a
 * mapped device on the disk below instead (disks.c), and knows nothing of what is granted later. It does not touch those that it
 * was not told of.
 *
 * Called by session/monitor.c outside the cage, single-threaded. Must not touch any group but the one it made.
 * Documentation/admin-guide/cgroup-v2.rst, cgroups(7), clone(2) CLONE_INTO_CGROUP.
 */
#include "cage/cage.h"

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/path.h"
#include "cage/cgroup-place.h"
#include "cage/disks.h"
#include "cage/scope.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>

#define SCOPE_TIMEOUT_MS   2000
#define RELEASE_TIMEOUT_MS 200
#define STALE_SECONDS      60
#define CPU_PERIOD_US      100000

/* ---- finding ---------------------------------------------------------------------------------------- */

/* Where cgroup v2 is mounted, or NULL. */
static const char *cgroup_mount(bool *unified)
{
	struct statfs fs;

	*unified = false;
	if (statfs("/sys/fs/cgroup", &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC) {
		*unified = true;
		return "/sys/fs/cgroup";
	}
	if (statfs("/sys/fs/cgroup/unified", &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC)
		return "/sys/fs/cgroup/unified";
	return NULL;
}

static int read_proc_cgroup(pid_t pid, char *out, size_t size)
{
	char name[48] = "/proc/self/cgroup";

	if (pid)
		snprintf(name, sizeof name, "/proc/%d/cgroup", (int)pid);
	return cgroup_read(AT_FDCWD, name, out, size);
}

static enum cgroup_how cgroup_find(struct cgroup_place *place, char *reason, size_t size)
{
	char own[4096], no_scope[160], no_place[160];
	struct stat st;
	bool unified;

	const char *root = cgroup_mount(&unified);
	if (!root) {
		snprintf(reason, size, "cgroup v2 is not mounted");
		return CGROUP_NONE;
	}
	if (unified && scope_available(geteuid(), no_scope, sizeof no_scope))
		return CGROUP_SCOPE;
	if (read_proc_cgroup(0, own, sizeof own) < 0) {
		snprintf(reason, size, "/proc/self/cgroup cannot be read");
		return CGROUP_NONE;
	}

	struct cgroup_world world = {
		.root = root,
		.own = own,
		.systemd = lstat("/run/systemd/system", &st) == 0,
	};
	if (cgroup_place_find(&world, place, no_place, sizeof no_place) == 0)
		return CGROUP_DELEGATED;
	/* Where systemd runs, what it lacks is what the user can mend. */
	if (world.systemd)
		snprintf(reason, size, "%s", unified ? no_scope : "systemd works with cgroup v1 here (hybrid with v2)");
	else
		snprintf(reason, size, "%s", no_place);
	return CGROUP_NONE;
}

enum cgroup_how cgroup_probe(char *reason, size_t size)
{
	struct cgroup_place place;
	char text[160] = "";

	enum cgroup_how how = cgroup_find(&place, text, sizeof text);
	if (reason && size)
		snprintf(reason, size, "%s", text);
	return how;
}

/* ---- limits ----------------------------------------------------------------------------------------- */

unsigned cgroup_limits_wanted(const struct plan *plan)
{
	/* Swap is a part of the memory limit: no limit on memory, none on swap. */
	return (plan->memory ? CGROUP_LIMIT_MEMORY | CGROUP_LIMIT_SWAP : 0) | (plan->tasks ? CGROUP_LIMIT_TASKS : 0) |
	       (plan->cpu ? CGROUP_LIMIT_CPU : 0) | (plan->io ? CGROUP_LIMIT_IO : 0);
}

const char *cgroup_limit_name(unsigned bit)
{
	switch (bit) {
	case CGROUP_LIMIT_MEMORY:
		return "memory";
	case CGROUP_LIMIT_SWAP:
		return "swap";
	case CGROUP_LIMIT_TASKS:
		return "tasks";
	case CGROUP_LIMIT_CPU:
		return "cpu";
	case CGROUP_LIMIT_IO:
		return "io";
	default:
		return NULL;
	}
}

void cgroup_limits_name(unsigned limits, char *out, size_t size)
{
	size_t n = 0;

	out[0] = '\0';
	for (unsigned bit = 1; bit && bit <= limits; bit <<= 1) {
		const char *name = limits & bit ? cgroup_limit_name(bit) : NULL;
		if (name && n < size)
			n += (size_t)snprintf(out + n, size - n, "%s%s", n ? ", " : "", name);
	}
}

static bool write_value(int dirfd, const char *name, const char *value)
{
	CLEANUP_CLOSE int fd = openat(dirfd, name, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	return fd >= 0 && fd_write_all(fd, value, strlen(value)) == 0;
}

static bool write_number(int dirfd, const char *name, uint64_t value)
{
	char text[32];
	snprintf(text, sizeof text, "%" PRIu64, value);
	return write_value(dirfd, name, text);
}

/* Write the plan's limits into the group FD; the bits of those that the kernel took. */
static unsigned limits_write(const struct plan *plan, int fd)
{
	unsigned done = 0;

	if (plan->memory && write_number(fd, "memory.max", plan->memory))
		done |= CGROUP_LIMIT_MEMORY;
	if (plan->memory && write_number(fd, "memory.swap.max", plan->swap))
		done |= CGROUP_LIMIT_SWAP;
	if (plan->tasks && write_number(fd, "pids.max", plan->tasks))
		done |= CGROUP_LIMIT_TASKS;
	if (plan->cpu) {
		char text[64];
		snprintf(text, sizeof text, "%" PRIu64 " %d", plan->cpu * (CPU_PERIOD_US / 100), CPU_PERIOD_US);
		if (write_value(fd, "cpu.max", text))
			done |= CGROUP_LIMIT_CPU;
	}
	return done;
}

static bool at_most(int fd, const char *name, uint64_t value)
{
	char text[64], *end;

	if (cgroup_read(fd, name, text, sizeof text) <= 0)
		return false;
	uint64_t is = strtoull(text, &end, 10); /* "max" is no number */
	return end != text && is <= value;
}

static bool cpu_at_most(int fd, uint64_t percent)
{
	char text[64];
	uint64_t quota, period;

	if (cgroup_read(fd, "cpu.max", text, sizeof text) <= 0 ||
	    sscanf(text, "%" SCNu64 " %" SCNu64, &quota, &period) != 2 || period == 0)
		return false;
	return quota * 100 <= (percent + 1) * period;
}

/* Which of the plan's limits are in force in the group FD that somebody else made. */
static unsigned limits_read(const struct plan *plan, int fd)
{
	unsigned done = 0;

	if (plan->memory && at_most(fd, "memory.max", plan->memory))
		done |= CGROUP_LIMIT_MEMORY;
	if (plan->memory && at_most(fd, "memory.swap.max", plan->swap))
		done |= CGROUP_LIMIT_SWAP;
	if (plan->tasks && at_most(fd, "pids.max", plan->tasks))
		done |= CGROUP_LIMIT_TASKS;
	if (plan->cpu && cpu_at_most(fd, plan->cpu))
		done |= CGROUP_LIMIT_CPU;
	return done;
}

/* What PLAN's limit is about; nothing if it has none, since looking reads a file for each mount. */
static void disks_of(const struct plan *plan, struct disks *disks)
{
	if (plan->io)
		disks_find(plan, NULL, disks);
	else
		*disks = (struct disks){ .n = 0 };
}

/* The bit of the limit on DISKS, if that is wanted and in force in the group. Otherwise the reason is in `why`. */
static unsigned limit_disks(const struct plan *plan, const struct disks *disks, struct cgroup *cgroup)
{
	if (!plan->io || !disks_limit(cgroup->fd, disks, plan->io, cgroup->why, sizeof cgroup->why))
		return 0;
	snprintf(cgroup->why, sizeof cgroup->why, "%s", disks->without);
	return disks->without[0] ? 0 : CGROUP_LIMIT_IO;
}

/* ---- a group of our own ------------------------------------------------------------------------------ */

static void set_none(struct cgroup *cgroup, const char *why)
{
	*cgroup = (struct cgroup){ .how = CGROUP_NONE, .fd = -1 };
	snprintf(cgroup->why, sizeof cgroup->why, "%s", why);
}

/* Each by itself: one that is refused must not take the others with it. */
static void enable_controllers(int parent, unsigned enable)
{
	if (enable & CONTROLLER_MEMORY)
		write_value(parent, "cgroup.subtree_control", "+memory");
	if (enable & CONTROLLER_PIDS)
		write_value(parent, "cgroup.subtree_control", "+pids");
	if (enable & CONTROLLER_CPU)
		write_value(parent, "cgroup.subtree_control", "+cpu");
	if (enable & CONTROLLER_IO)
		write_value(parent, "cgroup.subtree_control", "+io");
}

static int make_group(const struct plan *plan, const struct cgroup_place *place, struct cgroup *cgroup,
		      struct error *err)
{
	CLEANUP_CLOSE int parent = open(place->parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct disks disks;
	uint32_t number;
	char name[48];

	if (parent < 0)
		return error_set(err, errno, "cannot open the control group %s", place->parent);
	if (getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number)
		return error_set(err, errno, "cannot get random bytes");
	/* The io controller costs everybody in there something, also those who want no limit. */
	enable_controllers(parent, plan->io ? place->enable : place->enable & ~(unsigned)CONTROLLER_IO);

	snprintf(name, sizeof name, "mcpcage-%d-%08x", (int)getpid(), (unsigned)number);
	if (mkdirat(parent, name, 0755) < 0)
		return error_set(err, errno, "cannot make a control group in %s", place->parent);
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) {
		error_set(err, errno, "cannot open the control group %s/%s", place->parent, name);
		unlinkat(parent, name, AT_REMOVEDIR);
		return -1;
	}
	cgroup->how = CGROUP_DELEGATED;
	cgroup->fd = fd;
	disks_of(plan, &disks);
	cgroup->limits = limits_write(plan, fd) | limit_disks(plan, &disks, cgroup);
	snprintf(cgroup->path, sizeof cgroup->path, "%s/%s", place->parent, name);
	return 0;
}

int cgroup_prepare(const struct plan *plan, struct cgroup *cgroup, struct error *err)
{
	struct cgroup_place place;
	char why[160] = "";

	set_none(cgroup, "");
	switch (cgroup_find(&place, why, sizeof why)) {
	case CGROUP_SCOPE:
		cgroup->how = CGROUP_SCOPE;
		return 0;
	case CGROUP_NONE:
		set_none(cgroup, why);
		return 0;
	case CGROUP_DELEGATED:
		break;
	}
	struct error problem = { 0 };
	if (make_group(plan, &place, cgroup, &problem) < 0) {
		set_none(cgroup, problem.what);
		if (err)
			*err = problem;
		return -1;
	}
	return 0;
}

/* ---- a scope ----------------------------------------------------------------------------------------- */

/* Open the group that PID is in, which has to be the scope NAME. */
static int open_scope(pid_t pid, const char *name, struct cgroup *cgroup, struct error *err)
{
	char text[4096], path[448];

	if (read_proc_cgroup(pid, text, sizeof text) < 0)
		return error_set(err, errno, "cannot read the control group of process %d", (int)pid);
	if (cgroup_own_path(text, path, sizeof path) < 0 || strcmp(path_base(path), name) != 0)
		return error_set(err, 0, "systemd made %s and did not put process %d into it", name, (int)pid);

	CLEANUP_CLOSE int root = open("/sys/fs/cgroup", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return error_set(err, errno, "cannot open /sys/fs/cgroup");
	int fd = path_openat2(root, path + 1, O_RDONLY | O_DIRECTORY, 0, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
	if (fd < 0)
		return error_set(err, errno, "cannot open the control group %s", path);
	cgroup->fd = fd;
	snprintf(cgroup->path, sizeof cgroup->path, "/sys/fs/cgroup%s", path);
	return 0;
}

int cgroup_enter_scope(const struct plan *plan, pid_t pid, struct cgroup *cgroup, struct error *err)
{
	if (cgroup->how != CGROUP_SCOPE)
		return 0;

	struct disks disks;
	disks_of(plan, &disks);
	struct scope_request request = {
		.pid = pid,
		.description = plan->exe ? path_base(plan->exe) : NULL,
		.memory = plan->memory,
		.swap = plan->swap,
		.tasks = plan->tasks,
		.cpu = plan->cpu,
		.io = plan->io,
		.disks = &disks,
	};
	struct error problem = { 0 };
	char name[SCOPE_NAME_MAX];

	if (scope_start(&request, SCOPE_TIMEOUT_MS, name, &problem) < 0 ||
	    open_scope(pid, name, cgroup, &problem) < 0) {
		set_none(cgroup, problem.what);
		if (err)
			*err = problem;
		return -1;
	}
	cgroup->limits = limits_read(plan, cgroup->fd) | limit_disks(plan, &disks, cgroup);
	return 0;
}

int cgroup_limit_path(const struct plan *plan, const struct cgroup *cgroup, const char *path, uint64_t dev, bool directory,
		      struct error *err)
{
	struct plan_mount mount = { .kind = MOUNT_BIND, .src = (char *)path, .dev = dev, .directory = directory };
	const struct plan only = { .mounts = &mount, .mounts_n = 1 };
	struct disks disks;
	char why[sizeof disks.without] = "";

	if (!(cgroup->limits & CGROUP_LIMIT_IO))
		return 0;
	disks_find(&only, NULL, &disks);
	if (disks_limit(cgroup->fd, &disks, plan->io, why, sizeof why) && !disks.without[0])
		return 0;
	return error_set(err, 0, "reads of %s are not limited (limits.io): %s", path, why[0] ? why : disks.without);
}

int cgroup_hide(struct error *err)
{
	if (unshare(CLONE_NEWCGROUP) < 0)
		return error_set(err, errno, "cannot make the cgroup namespace");
	return 0;
}

/* ---- while it lives and after ------------------------------------------------------------------------ */

int cgroup_kill(const struct cgroup *cgroup)
{
	if (cgroup->fd < 0)
		return 0;
	return write_value(cgroup->fd, "cgroup.kill", "1") ? 0 : -1;
}

int cgroup_freeze(const struct cgroup *cgroup, bool freeze)
{
	if (cgroup->fd < 0) {
		errno = ENOENT;
		return -1;
	}
	return write_value(cgroup->fd, "cgroup.freeze", freeze ? "1" : "0") ? 0 : -1;
}

void cgroup_usage(const struct cgroup *cgroup, uint64_t *memory_peak, uint64_t *cpu_us, uint64_t *oom_kills)
{
	char text[4096];

	*memory_peak = *cpu_us = *oom_kills = 0;
	if (cgroup->fd < 0)
		return;
	/* memory.peak came with Linux 5.19. */
	if (cgroup_read(cgroup->fd, "memory.peak", text, sizeof text) > 0 ||
	    cgroup_read(cgroup->fd, "memory.current", text, sizeof text) > 0)
		*memory_peak = strtoull(text, NULL, 10);
	if (cgroup_read(cgroup->fd, "cpu.stat", text, sizeof text) > 0)
		*cpu_us = cgroup_keyed(text, "usage_usec");
	if (cgroup_read(cgroup->fd, "memory.events", text, sizeof text) > 0)
		*oom_kills = cgroup_keyed(text, "oom_kill");
}

/*
 * Groups of sessions that were killed and could not remove theirs. Only old, empty ones whose maker is gone: removing
 * a group with a process in it fails, and a new one may be about to be cloned into.
 */
static void sweep_stale(int parent)
{
	int fd = openat(parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	DIR *dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return;
	}
	for (struct dirent *entry; (entry = readdir(dir));) {
		struct stat st;
		int pid;
		unsigned number;
		char end;

		if (sscanf(entry->d_name, "mcpcage-%d-%8x%c", &pid, &number, &end) != 2 || pid <= 0 ||
		    kill(pid, 0) == 0 || errno != ESRCH)
			continue;
		if (fstatat(parent, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_uid == geteuid() &&
		    st.st_ctime < time(NULL) - STALE_SECONDS)
			unlinkat(parent, entry->d_name, AT_REMOVEDIR);
	}
	closedir(dir);
}

void cgroup_release(struct cgroup *cgroup)
{
	if (cgroup->fd >= 0 && cgroup->how == CGROUP_DELEGATED) {
		CLEANUP_CLOSE int parent = openat(cgroup->fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		const char *name = path_base(cgroup->path);

		/* A killed process stays a member until it is reaped, which its own parent may be about to do. */
		for (int64_t waited = 0, step = 1; parent >= 0; waited += step, step = step < 8 ? step * 2 : step) {
			if (unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno != EBUSY ||
			    waited + step > RELEASE_TIMEOUT_MS)
				break;
			nanosleep(&(struct timespec){ .tv_nsec = step * 1000000 }, NULL);
		}
		if (parent >= 0)
			sweep_stale(parent);
	}
	if (cgroup->fd >= 0)
		close(cgroup->fd);
	set_none(cgroup, "");
}
