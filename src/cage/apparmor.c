/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * AppArmor: at the server's execve(2) a profile is stacked onto the label that mcpcage runs under, so that the result is never
 * more than either allows. A plain change of profile could mean more than before.
 *
 * Called in the cage with /proc mounted, before Landlock and seccomp. See aa_stack_profile(2).
 */
#include "cage/cage.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/apparmor.h>
#include <unistd.h>

bool apparmor_enabled(void)
{
	/* What aa_is_enabled(2) reads first; the rest of it looks for securityfs, which stacking does not need. */
	CLEANUP_CLOSE int fd = open("/sys/module/apparmor/parameters/enabled", O_RDONLY | O_CLOEXEC);
	char answer = 0;

	return fd >= 0 && read(fd, &answer, 1) == 1 && answer == 'Y';
}

int apparmor_stack_onexec(const char *profile, struct error *err)
{
	if (aa_stack_onexec(profile) == 0)
		return 0;

	int sys = errno;
	error_set(err, sys, "cannot stack the AppArmor profile %s", profile);
	if (sys == ENOENT)
		error_hint(err, "load it with apparmor_parser -r, or leave out the policy's \"apparmor\"");
	else if (sys == EINVAL || sys == EACCES || sys == EPERM)
		error_hint(err, "the profile that mcpcage itself runs under does not allow to stack it");
	return -1;
}
