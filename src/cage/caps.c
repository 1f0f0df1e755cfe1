/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Capabilities: give up all of them, for good.
 *
 * Raw calls, not libcap: five calls with nothing to decide, on the way of every start. The order matters: the bounding set
 * and the securebits need CAP_SETPCAP, so the sets themselves go last. no_new_privs makes sure that no execve(2) gives
 * anything back, and SECBIT_NOROOT that user 0 of the cage is a user like any other.
 *
 * A parent-death signal set before survives this: the kernel clears it when user or group ids change or capabilities are
 * gained (commit_creds), not when they are dropped; execve(2) keeps it unless the file is setuid. clone(2) starts
 * without one. See capabilities(7), PR_SET_PDEATHSIG(2const), and Documentation/userspace-api/no_new_privs.rst.
 */
#include "cage/cage.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SECUREBITS                                                                                                    \
	(SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP | SECBIT_NO_SETUID_FIXUP_LOCKED |              \
	 SECBIT_KEEP_CAPS_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED)

struct cap_sets {
	struct __user_cap_header_struct header;
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
};

static int caps_get(struct cap_sets *sets, struct error *err)
{
	*sets = (struct cap_sets){ .header.version = _LINUX_CAPABILITY_VERSION_3 };
	if (syscall(SYS_capget, &sets->header, sets->data) < 0)
		return error_set(err, errno, "cannot read the capabilities");
	return 0;
}

/* What needs CAP_SETPCAP. */
static int lock(struct error *err)
{
	/* Up to the highest that this kernel knows. */
	for (unsigned long cap = 0; cap < 64; cap++) {
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0)
			continue;
		if (errno == EINVAL && cap > CAP_LAST_CAP)
			break;
		if (errno == EINVAL && prctl(PR_CAPBSET_READ, cap, 0, 0, 0) < 0)
			break;
		return error_set(err, errno, "cannot drop capability %lu from the bounding set", cap);
	}
	if (prctl(PR_SET_SECUREBITS, SECUREBITS, 0, 0, 0) < 0)
		return error_set(err, errno, "cannot lock the securebits");
	return 0;
}

static int drop(struct error *err)
{
	struct cap_sets sets = { .header.version = _LINUX_CAPABILITY_VERSION_3 };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return error_set(err, errno, "cannot set no_new_privs");
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return error_set(err, errno, "cannot clear the ambient capabilities");
	if (syscall(SYS_capset, &sets.header, sets.data) < 0)
		return error_set(err, errno, "cannot drop the capabilities");
	if (caps_get(&sets, err) < 0)
		return -1;
	for (unsigned i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
		if (sets.data[i].effective || sets.data[i].permitted || sets.data[i].inheritable)
			return error_set(err, 0, "capabilities are left after dropping them");
	return 0;
}

int caps_drop_all(struct error *err)
{
	if (lock(err) < 0)
		return -1;
	return drop(err);
}

int caps_drop_held(struct error *err)
{
	struct cap_sets sets;

	if (caps_get(&sets, err) < 0)
		return -1;
	if (sets.data[CAP_TO_INDEX(CAP_SETPCAP)].effective & CAP_TO_MASK(CAP_SETPCAP) && lock(err) < 0)
		return -1;
	return drop(err);
}

int caps_refuse_privileged_start(struct error *err)
{
	/* AT_SECURE also covers file capabilities and a security module's transition. */
	if (!getauxval(AT_SECURE) && getuid() == geteuid() && getgid() == getegid())
		return 0;
	error_set(err, 0, "mcpcage was started with the privileges of its file");
	return error_hint(err, "remove them: chmod u-s,g-s and setcap -r on the mcpcage program; it needs none");
}
