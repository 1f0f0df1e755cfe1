/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Confines processes of mcpcage itself before they read the first hostile byte: the mediator's filter, egress and its resolver, and
 * pid 1 of the cage.
 * What is left to whoever takes one over: the descriptors it holds, and its memory, from which secrets are wiped.
 *
 * The order: close what is not needed; wipe; the rest of what needs calls; Landlock; seccomp last. Any failure is an
 * error, and the caller must not go on. Descriptors that are kept stay fully usable, whatever they are: Landlock is checked
 * when a file is opened, and RLIMIT_FSIZE is left alone because standard output can be a regular file.
 */
#include "cage/cage.h"

#include "base/cleanup.h"
#include "base/fd.h"

#include <errno.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

/*
 * Not 0: poll(2) refuses more entries than RLIMIT_NOFILE. The processes confined here poll at most this many; what could
 * open a descriptor below it is refused by seccomp.
 */
#define CONFINED_NOFILE 16

static int close_others(const int *keep, size_t keep_n, struct error *err)
{
	unsigned from = 0;

	/* The gaps between those that are kept, from the lowest up. */
	for (;;) {
		unsigned next = ~0U;
		for (size_t i = 0; i < keep_n; i++)
			if (keep[i] >= 0 && (unsigned)keep[i] >= from && (unsigned)keep[i] < next)
				next = (unsigned)keep[i];
		if (next > from && syscall(SYS_close_range, from, next == ~0U ? ~0U : next - 1, 0) < 0)
			return error_set(err, errno, "cannot close descriptors from %u", from);
		if (next == ~0U)
			return 0;
		from = next + 1;
	}
}

/*
 * Wipe the strings of the command line and the environment, where the client's configuration has its keys. The kernel puts
 * them on top of the stack, one after the other, with the file name of execve(2) (AT_EXECFN) behind them. Strings that
 * somebody put elsewhere are wiped one by one. NAME is what ps(1) shows instead.
 */
static void wipe_arguments(const char *name)
{
	char *end = (char *)getauxval(AT_EXECFN), *from = program_invocation_name;
	char here;
	uintptr_t low = (uintptr_t)&here, high = (uintptr_t)end;

	for (char **e = environ; e && *e; e++)
		if ((uintptr_t)*e < low || (uintptr_t)*e >= high)
			explicit_bzero(*e, strlen(*e));
	if (environ)
		environ[0] = NULL;
	if ((uintptr_t)from > low && (uintptr_t)from < high) {
		explicit_bzero(from, high - (uintptr_t)from);
		memcpy(from, name, strnlen(name, high - (uintptr_t)from - 1));
	}
	environ = NULL;
}

static int limit(int resource, rlim_t value, struct error *err)
{
	return rlimit_lower(resource, value) < 0 ? error_set(err, errno, "cannot limit the resources of a process of mcpcage") : 0;
}

/* What comes before Landlock. */
static int begin(const char *name, const int *keep, size_t keep_n, struct error *err)
{
	if (close_others(keep, keep_n, err) < 0)
		return -1;
	wipe_arguments(name);
	if (prctl(PR_SET_NAME, name, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return error_set(err, errno, "cannot make a process of mcpcage undumpable");
	if (limit(RLIMIT_CORE, 0, err) < 0)
		return -1;
	return caps_drop_held(err);
}

static int confine(const char *name, const int *keep, size_t keep_n, bool may_signal, enum seccomp_list list, int *abi,
		   struct error *err)
{
	if (begin(name, keep, keep_n, err) < 0 || limit(RLIMIT_NOFILE, CONFINED_NOFILE, err) < 0 ||
	    limit(RLIMIT_NPROC, 0, err) < 0 || landlock_nothing(may_signal, abi, err) < 0)
		return -1;
	return seccomp_apply(list, err);
}

/* FD has a path, and is none of the devices that the profile for streams names. mkfifo(1) makes a file, pipe(2) does not. */
static bool is_file(int fd)
{
	struct stat st;
	struct statfs fs;

	if (fd < 0 || fstat(fd, &st) < 0)
		return false;
	if (S_ISFIFO(st.st_mode))
		return fstatfs(fd, &fs) == 0 && fs.f_type != PIPEFS_MAGIC;
	return S_ISREG(st.st_mode) || S_ISDIR(st.st_mode) || S_ISBLK(st.st_mode);
}

/* The client's streams are files: AppArmor looks at each when the label has changed. */
static bool any_file(const int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (is_file(fds[i]))
			return true;
	return false;
}

/* Before no_new_privs, although a stack is allowed after it as well: later there is no file to be opened. */
static int label_self(const char *profile, struct error *err)
{
	CLEANUP_CLOSE int label = apparmor_open_label(err);

	return label < 0 ? -1 : apparmor_stack_label(label, profile, err);
}

int confine_filter(const int *keep, size_t keep_n, bool apparmor, int *abi, struct error *err)
{
	if (apparmor && label_self(any_file(keep, keep_n) ? APPARMOR_FILTER_FILES : APPARMOR_FILTER, err) < 0)
		return -1;
	return confine("mcpcage-filter", keep, keep_n, false, SECCOMP_FILTER, abi, err);
}

int confine_egress(const struct network_needs *needs, const int *keep, size_t keep_n, bool apparmor, int *abi, struct error *err)
{
	if (apparmor && label_self(APPARMOR_EGRESS, err) < 0)
		return -1;
	/* Each connection has descriptors of its own; RLIM_INFINITY is cut to what the user may have. */
	if (begin("mcpcage-egress", keep, keep_n, err) < 0 || limit(RLIMIT_NOFILE, RLIM_INFINITY, err) < 0 ||
	    limit(RLIMIT_NPROC, 0, err) < 0 || landlock_egress(needs, abi, err) < 0)
		return -1;
	return seccomp_apply(SECCOMP_EGRESS, err);
}

int confine_resolver(const int *keep, size_t keep_n, bool apparmor, struct error *err)
{
	int abi;

	if (apparmor && label_self(APPARMOR_RESOLVER, err) < 0)
		return -1;
	if (begin("mcpcage-resolve", keep, keep_n, err) < 0 || landlock_resolver(&abi, err) < 0)
		return -1;
	return seccomp_apply(SECCOMP_RESOLVER, err);
}

int confine_init(const int *keep, size_t keep_n, int label, struct error *err)
{
	int abi;

	if (label >= 0) {
		if (apparmor_stack_label(label, APPARMOR_INIT, err) < 0)
			return -1;
		close(label);
	}

	/* Landlock's scope would keep it from signalling the server, which lives in a domain of its own. */
	return confine("mcpcage-init", keep, keep_n, true, SECCOMP_INIT, &abi, err);
}
