/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mcpcage without seccomp, Landlock, read-only mounts and the dropping of capabilities, so that a test sees what AppArmor stops
 * by itself: these definitions take the place of those in libcage.a when tests/vm/unguarded is linked. Never installed, never a part
 * of the program.
 */
#include "cage/cage.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Called last before the server's execve(2), with every capability in the cage's user namespace. */
int seccomp_apply(enum seccomp_list list, struct error *err)
{
	static const char *const mounts[] = { "/", "/usr", "/dev", "/proc", "/proc/sys" };
	struct mount_attr attr = { .attr_clr = MOUNT_ATTR_RDONLY };

	for (size_t i = 0; i < sizeof mounts / sizeof *mounts; i++)
		if (list == SECCOMP_SERVER || list == SECCOMP_SERVER_UNIX)
			(void)syscall(SYS_mount_setattr, AT_FDCWD, mounts[i], 0, &attr, sizeof attr);
	(void)err;
	return 0;
}

int landlock_abi(void)
{
	return 0;
}

int landlock_server(const struct plan *plan, struct error *err)
{
	(void)plan;
	(void)err;
	return 0;
}

int landlock_own_signals(struct error *err)
{
	(void)err;
	return 0;
}

int landlock_reduced(const struct plan *plan, struct error *err)
{
	(void)plan;
	(void)err;
	return 0;
}

int landlock_nothing(bool may_signal, int *abi, struct error *err)
{
	(void)may_signal;
	(void)err;
	*abi = 0;
	return 0;
}

int landlock_egress(const struct network_needs *needs, int *abi, struct error *err)
{
	(void)needs;
	(void)err;
	*abi = 0;
	return 0;
}

int landlock_resolver(int *abi, struct error *err)
{
	(void)err;
	*abi = 0;
	return 0;
}

static int no_new_privs(struct error *err)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? error_set(err, errno, "cannot set no_new_privs") : 0;
}

int caps_drop_all(struct error *err)
{
	return no_new_privs(err);
}

int caps_drop_held(struct error *err)
{
	return no_new_privs(err);
}

int caps_refuse_privileged_start(struct error *err)
{
	(void)err;
	return 0;
}
