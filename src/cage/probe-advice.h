/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From what was found to what a person can do: pure functions, so that each machine we know of can be described
 * in a test. Internal to probe.c and its tests, and for the message of cage_clone().
 */
#pragma once

#include "cage/cage.h"
#include "cage/probe-try.h"

#include <stdbool.h>

/* The machine, as far as the advice depends on it. Numbers are -1 where the kernel has no such setting. */
struct probe_machine {
	int kernel_major, kernel_minor;
	bool root;
	bool container;		  /* this looks like the inside of a container */
	bool seccomp_filtered;	  /* a seccomp filter is on this process already */
	bool systemd;		  /* booted with systemd */
	long userns_clone;	  /* kernel.unprivileged_userns_clone (Debian) */
	long max_user_namespaces; /* user.max_user_namespaces */
	long apparmor_restrict;	  /* kernel.apparmor_restrict_unprivileged_userns (Ubuntu) */
	bool apparmor_parameter;  /* /sys/module/apparmor exists */
	bool apparmor_on;
	char apparmor_label[128]; /* our own label, or "" */
	bool apparmor_server;	  /* the shipped profile for servers is loaded */
	bool apparmor_file[2];	  /* its file is there to be loaded; and that of mcpcage's own profile */
	char lsm[160];		  /* /sys/kernel/security/lsm, or "" */
	char exe[256];		  /* our own program, for an AppArmor profile */
	unsigned long few_files; /* the limit of open files, where it is too low for a session; else 0 */
	int landlock_abi;
	enum cgroup_how cgroup;
	bool cgroup_unified;	 /* cgroup v2 is mounted at /sys/fs/cgroup */
	char cgroup_reason[160]; /* why there is none, or why the trial failed, or why it could not limit disks */
	bool cgroup_failed;	 /* there should be one, and it failed */
	bool cgroup_io;		 /* its trial had the io controller */
	unsigned cgroup_missing; /* CGROUP_LIMIT bits that did not take effect in a trial */
};

/* Each sets state, detail and remedy of *RESULT. */
void advise_namespaces(const struct probe_machine *m, const struct probe_tries *t, struct probe_result *result);
void advise_mounts(const struct probe_machine *m, const struct probe_tries *t, struct probe_result *result);
void advise_proc(const struct probe_machine *m, const struct probe_tries *t, struct probe_result *result);
void advise_seccomp(const struct probe_machine *m, const struct probe_tries *t, struct probe_result *result);
void advise_landlock(const struct probe_machine *m, const struct probe_tries *t, struct probe_result *result);
void advise_apparmor(const struct probe_machine *m, const struct probe_tries *t, struct probe_result *result);
void advise_cgroup(const struct probe_machine *m, const struct probe_tries *t, struct probe_result *result);
void advise_timens(const struct probe_machine *m, const struct probe_tries *t, struct probe_result *result);
