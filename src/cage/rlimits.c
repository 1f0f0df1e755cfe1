/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Resource limits of the server, by setrlimit(2). They are the floor of limits that needs nothing from the machine; memory,
 * tasks and processor time are limited by the cgroup (cgroup.c), where there is one.
 *
 * Not set, on purpose: RLIMIT_AS, because WebAssembly and V8 reserve tens of GiB they never touch. RLIMIT_NPROC, because it
 * counts all processes of the user on the whole machine: a limit that fits the server fails when the user has many
 * others. RLIMIT_MEMLOCK and RLIMIT_SIGPENDING stay as the user's session has them.
 */
#include "cage/cage.h"

#include <errno.h>
#include <sys/resource.h>

#ifdef __GLIBC__
typedef __rlimit_resource_t resource_type;
#else
typedef int resource_type;
#endif

int rlimit_lower(int resource, rlim_t value)
{
	struct rlimit old;

	if (getrlimit((resource_type)resource, &old) < 0)
		return -1;
	if (value > old.rlim_max)
		value = old.rlim_max; /* only the machine's administrator raises it */
	return setrlimit((resource_type)resource, &(struct rlimit){ value, value });
}

static int limit(int resource, const char *name, rlim_t value, struct error *err)
{
	return rlimit_lower(resource, value) < 0 ? error_set(err, errno, "cannot set the limit %s", name) : 0;
}

/* With network by name, places for later and every log, a session was seen to need less than forty. */
#define FILES_NEEDED 64
#define FILES_RAISED 1024

static unsigned long too_few(const struct rlimit *files)
{
	return files->rlim_max < FILES_NEEDED ? files->rlim_max : 0;
}

unsigned long rlimits_too_few_files(void)
{
	struct rlimit files;

	return getrlimit(RLIMIT_NOFILE, &files) == 0 ? too_few(&files) : 0;
}

int rlimits_own(struct error *err)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		return error_set(err, errno, "cannot read the limit RLIMIT_NOFILE");
	unsigned long few = too_few(&files);
	if (few) {
		error_set(err, 0, "a session needs %d open files, and the limit is %lu (`ulimit -Hn`)", FILES_NEEDED, few);
		return error_hint(err, "raise it for this shell: sudo prlimit --pid $$ --nofile=%d; or with LimitNOFILE= of a "
				       "service, or in /etc/security/limits.conf", FILES_RAISED);
	}
	if (files.rlim_cur >= FILES_RAISED || files.rlim_cur == files.rlim_max)
		return 0;
	files.rlim_cur = files.rlim_max < FILES_RAISED ? files.rlim_max : FILES_RAISED;
	if (setrlimit(RLIMIT_NOFILE, &files) < 0)
		return error_set(err, errno, "cannot set the limit RLIMIT_NOFILE");
	return 0;
}

int rlimits_server(const struct plan *plan, struct error *err)
{
	/*
	 * Both the soft and the hard limit: node and Go raise the first to the second when they start. Below 1024 real
	 * servers break.
	 */
	rlim_t files = plan->open_files ? plan->open_files : RLIM_INFINITY;

	if (limit(RLIMIT_NOFILE, "RLIMIT_NOFILE", files < 1024 ? 1024 : files, err) < 0)
		return -1;
	if (plan->file_size && limit(RLIMIT_FSIZE, "RLIMIT_FSIZE", plan->file_size, err) < 0)
		return -1;
	/* A core file would be a copy of the server's secrets. */
	if (limit(RLIMIT_CORE, "RLIMIT_CORE", 0, err) < 0)
		return -1;
	/* Message queues are refused by seccomp as well; real-time scheduling would starve the machine. */
	if (limit(RLIMIT_MSGQUEUE, "RLIMIT_MSGQUEUE", 0, err) < 0)
		return -1;
	return limit(RLIMIT_RTPRIO, "RLIMIT_RTPRIO", 0, err);
}
