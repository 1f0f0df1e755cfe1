/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Distributions switch user namespaces off in different ways, and the kernel answers EPERM to all of them. This
 * looks at the switches, so that the message names the one that is set. Called on error paths in cage/, before or after
 * cage_clone() while the host's /proc is still there. Changes nothing.
 *
 * user_namespaces(7); kernel.unprivileged_userns_clone is a patch of Debian and Arch,
 * kernel.apparmor_restrict_unprivileged_userns one of Ubuntu 23.10 and later.
 */
#include "cage/userns-hint.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* The number in PATH, or FALLBACK when there is no such switch. */
static long read_switch(const char *path, long fallback)
{
	char text[32];
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return fallback;
	ssize_t n = read(fd, text, sizeof text - 1);
	if (n <= 0)
		return fallback;
	text[n] = '\0';
	return strtol(text, NULL, 10);
}

int userns_hint(struct error *err)
{
	if (!err || (err->sys != EPERM && err->sys != EACCES))
		return -1;
	if (read_switch("/proc/sys/kernel/unprivileged_userns_clone", 1) == 0)
		return error_hint(err, "unprivileged user namespaces are switched off: "
				       "`sysctl -w kernel.unprivileged_userns_clone=1`");
	if (read_switch("/proc/sys/user/max_user_namespaces", 1) == 0)
		return error_hint(err, "user namespaces are switched off: "
				       "`sysctl -w user.max_user_namespaces=15000`");
	if (read_switch("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", 0) == 1)
		return error_hint(err, "AppArmor restricts user namespaces: load an AppArmor profile for mcpcage that "
				       "has the rule `userns,` (`mcpcage doctor` prints the command), or "
				       "`sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`");
	return error_hint(err, "user namespaces are refused here: inside a container, start it with a seccomp and "
			       "AppArmor profile that allows them (podman or docker: `--security-opt "
			       "seccomp=unconfined --security-opt apparmor=unconfined`); inside a chroot(2) the kernel never "
			       "allows them");
}
