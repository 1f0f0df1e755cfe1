/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The words of `mcpcage doctor`: what is wrong with a layer, and the command that mends it, with what it costs.
 * A remedy is a command and nothing else; what it costs, and advice that is no command, go into the note.
 *
 * Kernel versions are those in the man pages: clone3 5.3, openat2 and time namespaces 5.6, mount_setattr 5.12,
 * Landlock 5.13, cgroup.kill 5.14; Landlock's levels in landlock(7).
 *
 * Called by probe.c. Pure: no system calls.
 */
#include "cage/probe-advice.h"

#include "base/cleanup.h"
#include "cage/userns-hint.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define SYSCTL_FILE "/etc/sysctl.d/60-mcpcage.conf"

static void __attribute__((format(printf, 3, 4)))
set(struct probe_result *r, enum probe_state state, const char *format, ...)
{
	va_list ap;

	r->state = state;
	r->remedy[0] = r->note[0] = '\0';
	va_start(ap, format);
	vsnprintf(r->detail, sizeof r->detail, format, ap);
	va_end(ap);
}

static void __attribute__((format(printf, 2, 3))) remedy(struct probe_result *r, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(r->remedy, sizeof r->remedy, format, ap);
	va_end(ap);
}

static void note(struct probe_result *r, const char *text)
{
	snprintf(r->note, sizeof r->note, "%s", text);
}

/* Words for the kernel's command line, on a machine with GRUB. */
static void remedy_boot(struct probe_result *r, const char *words, const char *more, const char *text)
{
	remedy(r,
	       "sudo sed -i 's/^GRUB_CMDLINE_LINUX=\"/&%s%s /' /etc/default/grub && sudo update-grub && sudo "
	       "reboot",
	       words, more);
	note(r, text);
}

static void remedy_dmesg(struct probe_result *r)
{
	remedy(r, "sudo dmesg | tail");
	note(r, "a security module (SELinux, AppArmor) that refuses something says so there");
}

static bool older(const struct probe_machine *m, int major, int minor)
{
	return m->kernel_major < major || (m->kernel_major == major && m->kernel_minor < minor);
}

static void need_kernel(const struct probe_machine *m, struct probe_result *r, int major, int minor,
			const char *what)
{
	set(r, PROBE_MISSING, "%s came with Linux %d.%d, this is %d.%d", what, major, minor, m->kernel_major,
	    m->kernel_minor);
	note(r, "install a newer kernel of your distribution");
}

static void remedy_container_seccomp(struct probe_result *r)
{
	note(r, "start the container with `docker run --security-opt seccomp=unconfined --security-opt "
		"apparmor=unconfined --security-opt systempaths=unconfined` (podman: systempaths becomes "
		"unmask=ALL), which lifts its own confinement for all that runs in it; better: run mcpcage "
		"outside, with the container's command behind it");
}

static void remedy_apparmor_userns(const struct probe_machine *m, struct probe_result *r)
{
	if (m->apparmor_file[1])
		remedy(r, "sudo apparmor_parser -r " APPARMOR_DIR "/mcpcage");
	else
		remedy(r,
		       "printf 'abi <abi/4.0>,\\ninclude <tunables/global>\\nprofile mcpcage %s flags=(unconfined) "
		       "{\\n  userns,\\n}\\n' | sudo tee /etc/apparmor.d/mcpcage && sudo apparmor_parser -r "
		       "/etc/apparmor.d/mcpcage",
		       m->exe[0] ? m->exe : "/usr/bin/mcpcage");
	note(r, m->apparmor_restrict == 1 ? "lets this one program make user namespaces; switching the sysctl off would let every program"
					  : "lets this one program make user namespaces");
}

static bool apparmor_restricts(const struct probe_machine *m, int failed)
{
	return !m->root && m->apparmor_on && m->apparmor_restrict == 1 && (failed == EPERM || failed == EACCES);
}

/* A profile without the rule "userns," is on us: EACCES, which clone3(2) has for no other reason. */
static bool profile_forbids(const struct probe_machine *m, int failed)
{
	return m->apparmor_on && failed == EACCES && m->apparmor_label[0] && strcmp(m->apparmor_label, "unconfined") != 0;
}

/* clone3(2) failed. */
static void advise_clone(const struct probe_machine *m, int failed, struct probe_result *r)
{
	if (failed == ENOSYS && !m->seccomp_filtered) {
		need_kernel(m, r, 5, 3, "clone3");
	} else if (failed == ENOSPC && m->max_user_namespaces == 0) {
		set(r, PROBE_MISSING, "user namespaces are switched off (user.max_user_namespaces is 0)");
		remedy(r, "echo user.max_user_namespaces=15000 | sudo tee -a %s && sudo sysctl -p %s", SYSCTL_FILE,
		       SYSCTL_FILE);
		note(r, "every user of this machine may then make user namespaces");
	} else if (failed == ENOSPC || failed == EUSERS) {
		set(r, PROBE_MISSING,
		    "a limit on namespaces is reached (user.max_*_namespaces, or 32 nested levels)");
		remedy(r, "sysctl -a -r '^user.max_.*_namespaces'");
		note(r, "raise the one that is used up, or end what holds them");
	} else if (failed == EPERM && !m->root && m->userns_clone == 0) {
		set(r, PROBE_MISSING,
		    "user namespaces are for root only (kernel.unprivileged_userns_clone is 0)");
		remedy(r, "echo kernel.unprivileged_userns_clone=1 | sudo tee -a %s && sudo sysctl -p %s",
		       SYSCTL_FILE, SYSCTL_FILE);
		note(r, "every user of this machine may then make user namespaces");
	} else if (apparmor_restricts(m, failed)) {
		set(r, PROBE_MISSING,
		    "AppArmor lets only listed programs make user namespaces "
		    "(kernel.apparmor_restrict_unprivileged_userns is 1)");
		remedy_apparmor_userns(m, r);
	} else if (profile_forbids(m, failed)) {
		set(r, PROBE_MISSING, "the AppArmor profile that mcpcage runs under forbids user namespaces: %s",
		    m->apparmor_label);
		remedy_apparmor_userns(m, r);
	} else if ((failed == ENOSYS || failed == EPERM) && m->seccomp_filtered) {
		set(r, PROBE_MISSING,
		    "a seccomp filter that is on this process already forbids new namespaces%s",
		    m->container ? " (a container's default)" : "");
		remedy_container_seccomp(r);
	} else if (failed == EINVAL) {
		set(r, PROBE_MISSING, "this kernel was built without one of the namespaces");
		note(r,
		     "a kernel is needed that shows user, mnt, pid, net, ipc, uts and cgroup in /proc/self/ns");
	} else {
		set(r, PROBE_MISSING, "clone3: %s", strerror(failed));
		if (failed == EPERM)
			note(r, "run mcpcage outside of any chroot, container or sandbox; in a chroot the "
				"kernel never allows it");
	}
}

void advise_namespaces(const struct probe_machine *m, const struct probe_tries *t, struct probe_result *r)
{
	if (t->namespaces == TRY_NOT_REACHED) {
		set(r, PROBE_MISSING, "could not be tried: no process could be started");
		return;
	}
	if (t->namespaces) {
		advise_clone(m, t->namespaces, r);
		return;
	}
	int failed = t->maps ? t->maps : t->tmpfs;
	if (failed == 0 && m->few_files) {
		set(r, PROBE_MISSING, "a session needs more open files than the %lu that are allowed here (`ulimit -Hn`)", m->few_files);
		remedy(r, "sudo prlimit --pid $$ --nofile=1024");
		note(r, "for this shell and what it starts; for all of them see limits.conf(5), and LimitNOFILE= in systemd.exec(5)");
	} else if (failed == 0 || failed == ENOSYS) {
		set(r, PROBE_ACTIVE, "user, mount, pid, network, ipc, uts, cgroup");
	} else if (apparmor_restricts(m, failed)) {
		set(r, PROBE_MISSING,
		    "AppArmor takes all rights from user namespaces of programs that are not listed "
		    "(kernel.apparmor_restrict_unprivileged_userns is 1)");
		remedy_apparmor_userns(m, r);
	} else {
		set(r, PROBE_MISSING, "a user namespace can be made and %s in it: %s",
		    t->maps ? "its id maps cannot be written" : "nothing can be mounted", strerror(failed));
		if (t->maps == EPERM && m->root)
			note(r, USERNS_ROOT_HINT);
		else if (m->container)
			remedy_container_seccomp(r);
		else
			remedy_dmesg(r);
	}
}

void advise_mounts(const struct probe_machine *m, const struct probe_tries *t, struct probe_result *r)
{
	int failed = t->tmpfs ? t->tmpfs : t->tree;

	if (failed == 0) {
		set(r, PROBE_ACTIVE, "fsopen, open_tree, mount_setattr");
	} else if (failed == TRY_NOT_REACHED) {
		set(r, PROBE_MISSING, "cannot be tried without user namespaces");
	} else if (failed == ENOSYS && older(m, 5, 12)) {
		need_kernel(m, r, 5, 12, "mount_setattr");
	} else if ((failed == ENOSYS || failed == EPERM) && m->seccomp_filtered) {
		set(r, PROBE_MISSING,
		    "a seccomp filter that is on this process already forbids the mount calls%s",
		    m->container ? " (a container's default)" : "");
		remedy_container_seccomp(r);
	} else if (apparmor_restricts(m, failed)) {
		set(r, PROBE_MISSING, "AppArmor forbids mounts in our user namespace");
		remedy_apparmor_userns(m, r);
	} else {
		set(r, PROBE_MISSING, "%s: %s",
		    t->tmpfs ? "a tmpfs cannot be mounted" : "/usr cannot be mounted read-only",
		    strerror(failed));
		remedy_dmesg(r);
	}
}

void advise_proc(const struct probe_machine *m, const struct probe_tries *t, struct probe_result *r)
{
	if (t->proc == 0) {
		set(r, PROBE_ACTIVE, "a fresh /proc of its own");
	} else if (t->proc == TRY_NOT_REACHED) {
		set(r, PROBE_MISSING, "cannot be tried without user namespaces");
	} else if (apparmor_restricts(m, t->proc) && t->tmpfs) {
		set(r, PROBE_MISSING, "AppArmor forbids mounts in our user namespace");
		remedy_apparmor_userns(m, r);
	} else if (t->proc == EPERM && t->tmpfs == 0) {
		set(r, PROBE_MISSING, "parts of /proc are hidden here%s, so the kernel allows no fresh one",
		    m->container ? " (a container's default)" : "");
		note(r, "start the container with `docker run --security-opt systempaths=unconfined` (podman: "
			"unmask=ALL), which shows it what its engine hides in /proc and /sys; better: run "
			"mcpcage outside, with the container's command behind it");
	} else {
		set(r, PROBE_MISSING, "proc cannot be mounted: %s", strerror(t->proc));
	}
}

void advise_seccomp(const struct probe_machine *m, const struct probe_tries *t, struct probe_result *r)
{
	if (t->seccomp == 0) {
		set(r, PROBE_ACTIVE, "system call filter%s",
		    m->seccomp_filtered ? ", on top of one that was here already" : "");
	} else if (t->seccomp == TRY_NOT_REACHED) {
		set(r, PROBE_MISSING, "could not be tried");
	} else if (t->seccomp == EINVAL || t->seccomp == ENOSYS) {
		set(r, PROBE_MISSING, "this kernel has no seccomp filters (CONFIG_SECCOMP_FILTER)");
		note(r, "install your distribution's own kernel: all of them have it");
	} else {
		set(r, PROBE_MISSING, "a filter cannot be installed: %s",
		    t->seccomp == EPROTO ? "it is accepted and has no effect (an emulated system?)"
					 : strerror(t->seccomp));
	}
}

/* What a level lacks, in the words of landlock(7). */
static const char *landlock_lacks(int abi)
{
	switch (abi) {
	case 1:
	case 2:
		return "truncation (6.2), TCP ports (6.7), device ioctls (6.10), signals and abstract sockets "
		       "(6.12)";
	case 3:
		return "TCP ports (6.7), device ioctls (6.10), signals and abstract sockets (6.12)";
	case 4:
		return "device ioctls (6.10), signals and abstract sockets (6.12)";
	case 5:
		return "signals and abstract sockets (6.12)";
	default:
		return NULL;
	}
}

void advise_landlock(const struct probe_machine *m, const struct probe_tries *t, struct probe_result *r)
{
	if (m->landlock_abi > 0 && t->landlock == 0) {
		const char *lacks = landlock_lacks(m->landlock_abi);
		set(r, lacks ? PROBE_LIMITED : PROBE_ACTIVE, "ABI %d%s%s", m->landlock_abi,
		    lacks ? ", without rules for " : "", lacks ? lacks : "");
		if (lacks)
			note(r, "a newer kernel has more; the namespaces cover the same ground without it");
	} else if (t->landlock == EOPNOTSUPP) {
		set(r, PROBE_MISSING, "Landlock is built in and was not switched on at boot%s%s",
		    m->lsm[0] ? ": lsm=" : "", m->lsm);
		char more[sizeof m->lsm + 1];
		snprintf(more, sizeof more, "%s%s", m->lsm[0] ? "," : "", m->lsm);
		remedy_boot(r, "lsm=landlock", more,
			    "the other names keep the security modules that are on now");
	} else if (older(m, 5, 13)) {
		need_kernel(m, r, 5, 13, "Landlock");
	} else if (t->landlock == ENOSYS || t->landlock == EPERM) {
		set(r, PROBE_MISSING,
		    m->seccomp_filtered ? "a seccomp filter that is on this process already forbids Landlock"
					: "this kernel was built without Landlock");
		if (m->seccomp_filtered)
			remedy_container_seccomp(r);
		else
			note(r, "install a kernel with CONFIG_SECURITY_LANDLOCK=y: Debian 12, Ubuntu 22.04, "
				"Fedora 35 and later have it");
	} else {
		set(r, PROBE_MISSING, "a ruleset cannot be enforced: %s",
		    t->landlock == TRY_NOT_REACHED ? "not tried" : strerror(t->landlock));
	}
}

void advise_apparmor(const struct probe_machine *m, const struct probe_tries *t, struct probe_result *r)
{
	if (m->apparmor_on && t->apparmor == 0) {
		set(r, m->apparmor_server ? PROBE_ACTIVE : PROBE_LIMITED, "%s is %s%s%s%s", APPARMOR_SERVER,
		    m->apparmor_server ? "stacked" : "not loaded; profiles can be stacked",
		    m->apparmor_label[0] ? " onto our label \"" : "", m->apparmor_label,
		    m->apparmor_label[0] ? "\"" : "");
		if (!m->apparmor_server && m->apparmor_file[0])
			remedy(r, "sudo apparmor_parser -r " APPARMOR_DIR "/" APPARMOR_SERVER);
		else if (!m->apparmor_server)
			note(r, "the profile comes with mcpcage (make install, or its package) as " APPARMOR_DIR
				"/" APPARMOR_SERVER);
	} else if (m->apparmor_on) {
		set(r, PROBE_MISSING, "AppArmor is on and does not let us stack a profile%s%s: %s",
		    m->apparmor_label[0] ? " onto " : "", m->apparmor_label,
		    t->apparmor == TRY_NOT_REACHED ? "not tried" : strerror(t->apparmor));
		remedy(r, "sudo aa-status");
		note(r, "a profile that confines mcpcage itself has to allow \"change_profile -> &**,\"");
	} else if (m->apparmor_parameter) {
		set(r, PROBE_MISSING, "AppArmor is built in and was not switched on at boot%s%s",
		    m->lsm[0] ? ": lsm=" : "", m->lsm);
		remedy_boot(r, "apparmor=1 security=apparmor", "",
			    "only needed for policies that name an AppArmor profile");
	} else {
		set(r, PROBE_MISSING, "this kernel has no AppArmor");
		note(r, "nothing to do unless a policy names an AppArmor profile; Debian, Ubuntu and openSUSE "
			"kernels have it");
	}
}

static void advise_no_cgroup(const struct probe_machine *m, struct probe_result *r)
{
	set(r, PROBE_MISSING, "%s", m->cgroup_reason);
	if (!m->cgroup_unified && m->systemd)
		remedy_boot(r, "systemd.unified_cgroup_hierarchy=1", "",
			    "programs that need cgroup v1 stop working: old container engines");
	else if (!m->cgroup_unified)
		note(r, "have cgroup v2 alone mounted at /sys/fs/cgroup at boot; until then the pid namespace "
			"does the killing, and nothing limits memory, tasks and processor time of a server as "
			"a whole");
	else if (m->container)
		note(r, "limit the container as a whole (docker run --memory 2g --pids-limit 512); a group for "
			"each server needs a writable /sys/fs/cgroup in it");
	else if (m->systemd && !m->root) {
		remedy(r, "sudo loginctl enable-linger \"$USER\"");
		note(r, "starts this user's systemd now and at every boot, logged in or not; with "
			"libpam-systemd installed it is there anyway after a log-in at the desktop or over SSH");
	} else
		note(r, "run mcpcage as root, or have a group delegated to this user: its folder, cgroup.procs "
			"and cgroup.subtree_control have to belong to them");
}

/* What systemd does not hand to its users by itself. */
static void delegate(struct probe_result *r)
{
	remedy(r, "sudo mkdir -p /etc/systemd/system/user@.service.d && printf "
		  "'[Service]\\nDelegate=cpu cpuset io memory pids\\n' | sudo tee "
		  "/etc/systemd/system/user@.service.d/delegate.conf && sudo systemctl daemon-reload");
}

/* Every limit but the one on disks, which only limits.io asks for: no shortcoming, but told. */
static void advise_disks(const struct probe_machine *m, struct probe_result *r)
{
	if (m->cgroup == CGROUP_SCOPE && !m->root && !m->cgroup_io) {
		delegate(r);
		note(r, "only for limits of disks (limits.io); holds for every user, from the next start of their systemd on: "
			"log out and in");
	} else {
		note(r, "nothing to do unless a policy limits disks (limits.io)");
	}
}

void advise_cgroup(const struct probe_machine *m, const struct probe_tries *t, struct probe_result *r)
{
	char names[64];

	(void)t;
	if (m->cgroup == CGROUP_NONE) {
		advise_no_cgroup(m, r);
		return;
	}
	const char *way = m->cgroup == CGROUP_DELEGATED ? "a group of our own"
			  : m->root			? "through systemd"
							: "through the user's systemd";
	if (m->cgroup_failed) {
		set(r, PROBE_MISSING, "%s: %s", way, m->cgroup_reason);
		if (m->cgroup == CGROUP_SCOPE)
			remedy(r, "systemd-run %s--scope true", m->root ? "" : "--user ");
		return;
	}
	const unsigned missing = m->cgroup_missing & ~(unsigned)CGROUP_LIMIT_IO;
	if (!missing) {
		set(r, PROBE_ACTIVE, "%s: memory, swap, tasks, cpu%s%s", way, m->cgroup_missing ? "; not io: " : ", io",
		    m->cgroup_missing ? m->cgroup_reason : "");
		if (m->cgroup_missing)
			advise_disks(m, r);
		return;
	}
	cgroup_limits_name(m->cgroup_missing, names, sizeof names);
	set(r, PROBE_LIMITED, "%s, without limits on: %s", way, names);
	if (missing == CGROUP_LIMIT_SWAP) {
		remedy_boot(r, "swapaccount=1", "", "or switch swap off");
	} else if (m->cgroup == CGROUP_SCOPE && !m->root) {
		delegate(r);
		note(r, "holds for every user, from the next start of their systemd on: log out and in");
	} else {
		remedy(r, "cat /sys/fs/cgroup/cgroup.controllers");
		note(r, "what is not there is compiled out, switched off at boot (cgroup_disable=) or bound to "
			"cgroup v1");
	}
}

void advise_timens(const struct probe_machine *m, const struct probe_tries *t, struct probe_result *r)
{
	if (t->timens == 0)
		set(r, PROBE_ACTIVE, "its own boot and monotonic clock");
	else if (t->timens == TRY_NOT_REACHED)
		set(r, PROBE_MISSING, "cannot be tried without user namespaces");
	else if (older(m, 5, 6))
		need_kernel(m, r, 5, 6, "time namespaces");
	else
		set(r, PROBE_MISSING, "this kernel has no time namespaces (CONFIG_TIME_NS): %s",
		    strerror(t->timens));
}
