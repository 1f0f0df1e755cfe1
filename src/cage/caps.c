/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Capabilities: give up all of them, for good.
 *
 * By libcap. The order matters: the bounding set and the securebits
 * need CAP_SETPCAP, so the sets themselves go last. no_new_privs makes sure that no execve(2) gives anything back, and
 * SECBIT_NOROOT that user 0 of the cage is a user like any other.
 *
 * A parent-death signal set before survives this: the kernel clears it when user or group ids change or capabilities are
 * gained (commit_creds), not when they are dropped; execve(2) keeps it unless the file is setuid. clone(2) starts
 * without one. See capabilities(7), PR_SET_PDEATHSIG(2const), and Documentation/userspace-api/no_new_privs.rst.
 */
#include "cage/cage.h"

#include "base/cleanup.h"

#include <errno.h>
#include <linux/securebits.h>
#include <sys/auxv.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <unistd.h>

#define SECUREBITS                                                                                                    \
	(SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP | SECBIT_NO_SETUID_FIXUP_LOCKED |              \
	 SECBIT_KEEP_CAPS_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED)

static void free_caps(cap_t *caps)
{
	if (*caps)
		(void)cap_free(*caps);
}

#define CLEANUP_CAPS CLEANUP(free_caps)

/* What needs CAP_SETPCAP. */
static int lock(struct error *err)
{
	/*
	 * Up to the highest that this kernel knows, which is found out here: cap_max_bits() takes a call that fails for the
	 * end of the list.
	 */
	for (cap_value_t cap = 0; cap < 64; cap++) {
		if (cap_drop_bound(cap) == 0)
			continue;
		if (errno == EINVAL && (cap > CAP_LAST_CAP || cap_get_bound(cap) < 0))
			break;
		return error_set(err, errno, "cannot drop capability %d from the bounding set", cap);
	}
	if (cap_set_secbits(SECUREBITS) < 0)
		return error_set(err, errno, "cannot lock the securebits");
	return 0;
}

static int drop(struct error *err)
{
	CLEANUP_CAPS cap_t none = cap_init(), left = NULL;

	if (!none)
		return error_oom(err);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return error_set(err, errno, "cannot set no_new_privs");
	/* Not cap_reset_ambient(), which takes a failing call for "there are none". */
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return error_set(err, errno, "cannot clear the ambient capabilities");
	if (cap_set_proc(none) < 0)
		return error_set(err, errno, "cannot drop the capabilities");
	left = cap_get_proc();
	if (!left)
		return error_set(err, errno, "cannot read the capabilities");
	if (cap_compare(left, none) != 0)
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
	CLEANUP_CAPS cap_t held = cap_get_proc();
	cap_flag_value_t may_lock = CAP_CLEAR;

	if (!held || cap_get_flag(held, CAP_SETPCAP, CAP_EFFECTIVE, &may_lock) < 0)
		return error_set(err, errno, "cannot read the capabilities");
	if (may_lock == CAP_SET && lock(err) < 0)
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
