/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * AppArmor: at the server's execve(2) a profile is stacked onto the label that mcpcage runs under, so that the result is never
 * more than either allows. A plain change of profile could mean more than before.
 *
 * Written to the task's own attribute file, not by aa_stack_onexec(2): libapparmor 3 names the file by the number that gettid(2)
 * returns, which in a new pid namespace with the host's /proc is another process. /proc/thread-self is right in both, before
 * and after the pivot. (It also saves the 70 us that loading the library takes.) The setting is inherited by fork(2).
 *
 * Called with some /proc mounted, before Landlock and seccomp. See apparmor(7), aa_stack_profile(2), and the kernel's
 * security/apparmor/lsm.c.
 */
#include "cage/cage.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

bool apparmor_enabled(void)
{
	/* What aa_is_enabled(2) reads first; the rest of it looks for securityfs, which stacking does not need. */
	CLEANUP_CLOSE int fd = open("/sys/module/apparmor/parameters/enabled", O_RDONLY | O_CLOEXEC);
	char answer = 0;

	return fd >= 0 && read(fd, &answer, 1) == 1 && answer == 'Y';
}

static int open_exec_attribute(void)
{
	int fd = open("/proc/thread-self/attr/apparmor/exec", O_WRONLY | O_CLOEXEC);

	/* Before Linux 5.8 there is only the file that all security modules share. */
	if (fd < 0 && errno == ENOENT)
		fd = open("/proc/thread-self/attr/exec", O_WRONLY | O_CLOEXEC);
	return fd;
}

int apparmor_stack_onexec(const char *profile, struct error *err)
{
	char command[1024];
	int n = snprintf(command, sizeof(command), "stack %s", profile);

	if (profile[0] == '\0' || strpbrk(profile, "\n\r") || n < 0 || (size_t)n >= sizeof(command))
		return error_set(err, EINVAL, "'%s' is no name of an AppArmor profile", profile);
	CLEANUP_CLOSE int fd = open_exec_attribute();
	/* One write: the kernel takes the whole command or nothing. */
	if (fd >= 0 && write(fd, command, (size_t)n) == n)
		return 0;

	int sys = errno;
	error_set(err, sys, "cannot stack the AppArmor profile %s", profile);
	if (!apparmor_enabled())
		error_hint(err, "AppArmor is not enabled in this kernel; leave out \"apparmor\" in the policy");
	else if (sys == ENOENT)
		error_hint(err, "load the profile with apparmor_parser -r");
	else
		error_hint(err, "the profile that mcpcage itself runs under has to allow it (change_profile)");
	return -1;
}
