/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Attacks with what the caller left lying about: descriptors, the working directory, environment variables, shared memory,
 * signal dispositions and limits. run.py starts mcpcage, and the controls, with all of it in place.
 */
#include "attack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <unistd.h>

static void descriptor(struct outcome *out, const struct attack *attack)
{
	char text[128] = "";
	int fd = *(const int *)attack->arg;

	if (pread(fd, text, sizeof(text) - 1, 0) < 0 && errno == EBADF)
		denied(out, EBADF, "descriptor %d is closed", fd);
	else if (strstr(text, config("token")))
		succeeded(out, "descriptor %d shows the secret", fd);
	else
		broken(out, "descriptor %d is something else", fd);
}

static void folder_descriptor(struct outcome *out, const struct attack *attack)
{
	int fd = openat(*(const int *)attack->arg, "token", O_RDONLY | O_CLOEXEC);

	if (fd < 0 && errno == EBADF)
		denied(out, EBADF, "the descriptor is closed");
	else
		judge(out, attack, fd, "openat below an inherited folder");
}

/* The runner itself holds its results file and nothing else beyond the standard streams, both with O_CLOEXEC. */
static void any_descriptor(struct outcome *out, const struct attack *attack)
{
	(void)attack;
	for (int fd = 3; fd < 4096; fd++) {
		int flags = fcntl(fd, F_GETFD);

		if (flags >= 0 && !(flags & FD_CLOEXEC)) {
			succeeded(out, "descriptor %d came in", fd);
			return;
		}
	}
	denied(out, EBADF, "nothing above 2");
}

static void working_directory(struct outcome *out, const struct attack *attack)
{
	judge(out, attack, open("token", O_RDONLY | O_CLOEXEC), "a file in the working directory");
}

static void variable(struct outcome *out, const struct attack *attack)
{
	const char *value = getenv(attack->arg);

	if (value)
		succeeded(out, "%s=%.60s", (const char *)attack->arg, value);
	else
		denied(out, 0, "%s is not set", (const char *)attack->arg);
}

static void agent(struct outcome *out, const struct attack *attack)
{
	const char *path = getenv(attack->arg);

	if (!path)
		denied(out, 0, "%s is not set", (const char *)attack->arg);
	else
		judge(out, attack, access(path, F_OK), path);
}

/* Anything of the environment that carries the secret, under whatever name; /proc/self/environ has it too. */
static void any_variable(struct outcome *out, const struct attack *attack)
{
	int fd = open("/proc/self/environ", O_RDONLY | O_CLOEXEC);

	(void)attack;
	for (char **e = environ; *e; e++)
		if (strstr(*e, config("token"))) {
			succeeded(out, "the secret is in %.60s", *e);
			return;
		}
	if (fd >= 0 && fd_contains(fd, config("token")))
		succeeded(out, "the secret is in /proc/self/environ");
	else
		denied(out, 0, "the secret is in no variable");
}

static void shared_memory(struct outcome *out, const struct attack *attack)
{
	judge(out, attack, shmget((key_t)strtol(config("shm_key"), NULL, 10), 0, 0), "shmget");
}

static void raise_limit(struct outcome *out, const struct attack *attack)
{
	struct rlimit limit;
	int what = *(const int *)attack->arg;

	if (getrlimit(what, &limit) < 0) {
		broken(out, "getrlimit: %s", strerror(errno));
		return;
	}
	if (limit.rlim_max == RLIM_INFINITY) {
		succeeded(out, "there is no limit");
		return;
	}
	limit.rlim_cur = limit.rlim_max = limit.rlim_max + 1;
	judge(out, attack, setrlimit(what, &limit), "raise a hard limit");
}

static const int fd3 = 3, fd7 = 7, fd8 = 8, fd200 = 200, core = RLIMIT_CORE, nofile = RLIMIT_NOFILE;

#define FDS "descriptors"
#define ENV "environment"
static const struct attack list[] = {
	{ "fd-3", FDS, BY_SELF, 0, descriptor, &fd3, "read inherited descriptor 3" },
	{ "fd-7", FDS, BY_SELF, 0, descriptor, &fd7, "read inherited descriptor 7" },
	{ "fd-200", FDS, BY_SELF, 0, descriptor, &fd200, "read inherited descriptor 200" },
	{ "fd-folder", FDS, BY_SELF, 0, folder_descriptor, &fd8, "open a file below an inherited folder" },
	{ "fd-any", FDS, BY_SELF, 0, any_descriptor, NULL, "find any descriptor above 2" },
	{ "cwd", FDS, BY_SELF, 0, working_directory, NULL, "open a file in the caller's working directory" },
	{ "env-secret", ENV, BY_SELF, 0, variable, "AWS_SECRET_ACCESS_KEY", "read a secret variable" },
	{ "env-preload", ENV, BY_SELF, 0, variable, "LD_LIBRARY_PATH", "keep the caller's loader settings" },
	{ "env-node-options", ENV, BY_SELF, 0, variable, "NODE_OPTIONS", "keep the caller's interpreter settings" },
	{ "env-any", ENV, BY_SELF, 0, any_variable, NULL, "find the secret under another name" },
	{ "env-dbus", ENV, BY_SELF, 0, variable, "DBUS_SESSION_BUS_ADDRESS", "learn the session bus" },
	{ "env-runtime", ENV, BY_SELF, 0, variable, "XDG_RUNTIME_DIR", "learn the run-time folder" },
	{ "env-display", ENV, BY_SELF, 0, variable, "DISPLAY", "learn the X display" },
	{ "env-wayland", ENV, BY_SELF, 0, variable, "WAYLAND_DISPLAY", "learn the Wayland display" },
	{ "ssh-agent", ENV, BY_SELF, 0, agent, "SSH_AUTH_SOCK", "reach the SSH agent" },
	{ "sysv-shm", ENV, BY_SELF, 0, shared_memory, NULL, "attach the host's System V shared memory" },
	{ "limit-core", ENV, BY_SELF, 0, raise_limit, &core, "allow core dumps" },
	{ "limit-files", ENV, BY_ROOT, 0, raise_limit, &nofile, "raise the limit of descriptors" },
};
const struct attacks inherited_attacks = { list, sizeof(list) / sizeof(list[0]) };
