/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Installs a system call filter. The programs were made by src/tools/seccomp-compile.c while mcpcage was built, from
 * profiles/seccomp/NAME.rules, and are read-only data here: starting costs one seccomp(2), and nothing at run time decides
 * what they say.
 *
 * Called last before execve(2), or last in confine.c: everything before it needs calls that the lists refuse. There is no
 * softer way when it fails. Neither SECCOMP_FILTER_FLAG_SPEC_ALLOW (the mitigations of the kernel stay on) nor TSYNC
 * (the callers have one thread). See seccomp(2).
 */
#include "cage/cage.h"

#include "base/cleanup.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cage/filters.h"

#define PROGRAM(array) { (unsigned short)ARRAY_SIZE(array), (struct sock_filter *)(uintptr_t)(array) }

int seccomp_apply(enum seccomp_list list, struct error *err)
{
	static const struct {
		const char *name;
		struct sock_fprog prog;
	} lists[] = {
		[SECCOMP_SERVER] = { "server", PROGRAM(seccomp_server) },
		[SECCOMP_SERVER_UNIX] = { "server", PROGRAM(seccomp_server_unix) },
		[SECCOMP_REDUCED] = { "server in reduced mode", PROGRAM(seccomp_reduced) },
		[SECCOMP_REDUCED_NET] = { "server in reduced mode", PROGRAM(seccomp_reduced_net) },
		[SECCOMP_FILTER] = { "filter", PROGRAM(seccomp_filter) },
		[SECCOMP_INIT] = { "init", PROGRAM(seccomp_init) },
		[SECCOMP_EGRESS] = { "egress", PROGRAM(seccomp_egress) },
		[SECCOMP_RESOLVER] = { "resolver", PROGRAM(seccomp_resolver) },
	};

	if ((size_t)list >= ARRAY_SIZE(lists))
		return error_set(err, EINVAL, "no such system call list");
	/* With CAP_SYS_ADMIN in its namespace the kernel would take the filter without it. */
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return error_set(err, EPERM, "the system call filter needs no_new_privs");
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &lists[list].prog) < 0) {
		error_set(err, errno, "cannot install the system call filter of the %s", lists[list].name);
		return error_hint(err, "the kernel needs CONFIG_SECCOMP_FILTER");
	}
	return 0;
}
