/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which layers this machine has: cheaply before each start (probe_layers), and thoroughly for `mcpcage doctor`
 * (probe_all), where each mechanism is tried for real (probe-try.c) and what is missing gets its remedy
 * (probe-advice.c).
 *
 * A start relies on no probe: each mechanism fails closed by itself. The cheap probe says what the plan
 * may promise.
 */
#include "cage/cage.h"

#include "base/cleanup.h"
#include "cage/cgroup-place.h"
#include "cage/probe-advice.h"
#include "cage/probe-try.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/apparmor.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

unsigned probe_layers(int *landlock)
{
	unsigned layers = LAYERS_ALWAYS;
	int abi = landlock_abi();

	if (landlock)
		*landlock = abi;
	if (abi > 0)
		layers |= LAYER_LANDLOCK;
	if (apparmor_enabled())
		layers |= LAYER_APPARMOR;
	if (cgroup_probe(NULL, 0) != CGROUP_NONE)
		layers |= LAYER_CGROUP;
	if (access("/proc/self/ns/time", F_OK) == 0)
		layers |= LAYER_TIMENS;
	return layers;
}

/* ---- the machine ------------------------------------------------------------------------------------ */

/* The first line of a small file, "" when it cannot be read. */
static void read_line(const char *path, char *out, size_t size)
{
	if (cgroup_read(AT_FDCWD, path, out, size) < 0)
		out[0] = '\0';
	out[strcspn(out, "\n")] = '\0';
}

static long read_number(const char *path)
{
	char text[32];
	read_line(path, text, sizeof text);
	return text[0] ? strtol(text, NULL, 10) : -1;
}

static bool seccomp_filtered(void)
{
	char text[4096];

	if (cgroup_read(AT_FDCWD, "/proc/self/status", text, sizeof text) < 0)
		return false;
	const char *line = strstr(text, "\nSeccomp:");
	return line && strtol(line + sizeof "\nSeccomp:" - 1, NULL, 10) == 2;
}

static bool inside_container(void)
{
	char text[32];

	/* systemd-nspawn, Docker, podman, LXC; getenv(3) because only words for a person depend on it. */
	read_line("/run/host/container-manager", text, sizeof text);
	return text[0] || access("/.dockerenv", F_OK) == 0 || access("/run/.containerenv", F_OK) == 0 ||
	       access("/dev/.lxc", F_OK) == 0 || access("/run/systemd/container", F_OK) == 0 ||
	       getenv("container");
}

static void look_at_label(struct probe_machine *m)
{
	char *label = NULL, *mode; /* one block; MODE points into it */

	if (!m->apparmor_on || aa_getcon(&label, &mode) < 0)
		return;
	snprintf(m->apparmor_label, sizeof m->apparmor_label, "%s", label);
	free(label);
}

/* Our own path, unless something in it would mean more to a shell or to AppArmor than a letter does. */
static void look_at_exe(struct probe_machine *m)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._+-";

	ssize_t n = readlink("/proc/self/exe", m->exe, sizeof m->exe - 1);
	m->exe[n < 0 ? 0 : n] = '\0';
	if (m->exe[strspn(m->exe, plain)])
		m->exe[0] = '\0';
}

static void look_at_machine(struct probe_machine *m)
{
	struct utsname name;
	struct statfs fs;
	struct stat st;

	*m = (struct probe_machine){ 0 };
	if (uname(&name) < 0 || sscanf(name.release, "%d.%d", &m->kernel_major, &m->kernel_minor) != 2)
		m->kernel_major = 0;
	m->root = geteuid() == 0;
	m->container = inside_container();
	m->seccomp_filtered = seccomp_filtered();
	m->systemd = lstat("/run/systemd/system", &st) == 0;
	m->userns_clone = read_number("/proc/sys/kernel/unprivileged_userns_clone");
	m->max_user_namespaces = read_number("/proc/sys/user/max_user_namespaces");
	m->apparmor_restrict = read_number("/proc/sys/kernel/apparmor_restrict_unprivileged_userns");
	m->apparmor_parameter = access("/sys/module/apparmor/parameters/enabled", F_OK) == 0;
	m->apparmor_on = apparmor_enabled();
	look_at_label(m);
	if (m->apparmor_on) {
		bool own;
		apparmor_shipped(&m->apparmor_server, &own);
		m->apparmor_file[0] = access(APPARMOR_DIR "/" APPARMOR_SERVER, R_OK) == 0;
		m->apparmor_file[1] = access(APPARMOR_DIR "/mcpcage", R_OK) == 0;
	}
	read_line("/sys/kernel/security/lsm", m->lsm, sizeof m->lsm);
	look_at_exe(m);
	m->few_files = rlimits_too_few_files();
	m->landlock_abi = landlock_abi();
	m->cgroup = cgroup_probe(m->cgroup_reason, sizeof m->cgroup_reason);
	m->cgroup_unified = statfs("/sys/fs/cgroup", &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC;
}

/* ---- the control group, tried --------------------------------------------------------------------------- */

static pid_t start_sleeper(void)
{
	pid_t parent = getpid();
	pid_t pid = fork();

	if (pid == 0) {
		/* Nothing of ours has to outlive the trial. */
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent) {
			alarm(10);
			for (;;)
				pause();
		}
		_exit(0);
	}
	return pid;
}

static void try_cgroup(struct probe_machine *m)
{
	/* Small limits of every kind; nothing runs under them but a sleeping process. */
	struct plan_mount system = { .kind = MOUNT_BIND, .src = (char *)"/" };
	struct plan plan = { .memory = 64 << 20, .tasks = 64, .cpu = 100, .io = 64 << 20, .mounts = &system, .mounts_n = 1 };
	struct stat st;
	struct cgroup group;
	struct error err = { 0 };

	if (stat("/", &st) == 0)
		system.dev = st.st_dev;
	pid_t pid = start_sleeper();
	if (pid < 0)
		return;
	if (cgroup_prepare(&plan, &group, &err) < 0 || cgroup_enter_scope(&plan, pid, &group, &err) < 0) {
		m->cgroup_failed = true;
		snprintf(m->cgroup_reason, sizeof m->cgroup_reason, "%.*s", (int)sizeof m->cgroup_reason - 1,
			 err.what);
	} else {
		m->cgroup_missing = cgroup_limits_wanted(&plan) & ~group.limits;
		m->cgroup_io = faccessat(group.fd, "io.max", F_OK, 0) == 0;
		snprintf(m->cgroup_reason, sizeof m->cgroup_reason, "%.*s", (int)sizeof m->cgroup_reason - 1, group.why);
	}
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	cgroup_release(&group);
}

bool probe_cage(struct probe_result *why)
{
	static void (*const advise[])(const struct probe_machine *, const struct probe_tries *, struct probe_result *) = {
		advise_namespaces, advise_mounts, advise_proc,
	};
	static const char *const names[] = { "user namespaces", "mount calls", "fresh /proc" };
	struct probe_machine machine;
	struct probe_tries tries;

	look_at_machine(&machine);
	probe_try(&tries);
	for (size_t i = 0; i < ARRAY_SIZE(advise); i++) {
		*why = (struct probe_result){ .layer = LAYER_USERNS, .name = names[i] };
		advise[i](&machine, &tries, why);
		if (why->state == PROBE_MISSING)
			return false;
	}
	return true;
}

/* ---- all of it ---------------------------------------------------------------------------------------- */

size_t probe_all(struct probe_result results[PROBE_MAX])
{
	static const struct {
		enum layer layer;
		const char *name;
		void (*advise)(const struct probe_machine *, const struct probe_tries *, struct probe_result *);
	} table[] = {
		{ LAYER_USERNS, "user namespaces", advise_namespaces },
		{ LAYER_USERNS, "mount calls", advise_mounts },
		{ LAYER_USERNS, "fresh /proc", advise_proc },
		{ LAYER_SECCOMP, "seccomp", advise_seccomp },
		{ LAYER_LANDLOCK, "Landlock", advise_landlock },
		{ LAYER_APPARMOR, "AppArmor", advise_apparmor },
		{ LAYER_CGROUP, "control group", advise_cgroup },
		{ LAYER_TIMENS, "time namespace", advise_timens },
	};
	_Static_assert(ARRAY_SIZE(table) <= PROBE_MAX, "PROBE_MAX");
	struct probe_machine machine;
	struct probe_tries tries;

	look_at_machine(&machine);
	probe_try(&tries);
	if (machine.cgroup != CGROUP_NONE)
		try_cgroup(&machine);
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		results[i] = (struct probe_result){ .layer = table[i].layer, .name = table[i].name };
		table[i].advise(&machine, &tries, &results[i]);
	}
	return ARRAY_SIZE(table);
}
