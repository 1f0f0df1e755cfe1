/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The mechanisms of the cage, one function each, in the order in which session/init.c and session/monitor.c call
 * them. Each lives in a file of its own, which says why it is done this way. None of them logs or exits.
 *
 * All of them work for an ordinary user without any capability in the initial user namespace, and for root in the
 * same way. A function that says "in the cage" runs in the process that cage_clone() made.
 */
#pragma once

#include "base/error.h"
#include "policy/network.h"
#include "policy/plan.h"
#include "policy/reduced.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

/* ---- namespaces: clone.c ------------------------------------------------------------------------ */

/*
 * One clone3(2) with every namespace the plan wants; none in reduced mode. Returns the child's pid in the parent and 0 in the child, like
 * fork(2); -1 with ERR filled, with the remedy where user namespaces are switched off. *PIDFD gets a pidfd. CGROUP_FD >= 0:
 * start in that cgroup. Call it single-threaded; stdio must be flushed.
 */
pid_t cage_clone(const struct plan *plan, int cgroup_fd, int *pidfd, struct error *err);

/* In the cage, first of all: setgroups deny, uid_map and gid_map of UID and GID to themselves; host name. */
int cage_id_maps(const struct plan *plan, struct error *err);

/* ---- reduced.c: without namespaces --------------------------------------------------------------- */

/* What init holds for the server's processes: closed with the process. Those of the plan's first. */
#define REDUCED_PINS 3
#define REDUCED_PINS_ALL (REDUCED_PINS + REDUCED_OWN_N)
/*
 * In init, in the place of all that makes a cage: from here on kill(2) with -1 reaches the processes that it starts and what those start,
 * wherever they have gone, and nobody else. They become its children when their parents end. PINS get descriptors that it has to keep open,
 * or -1. An error, and nothing to go on with, where MONITOR, its parent, could be signalled all the same.
 */
int reduced_enter(const struct plan *plan, pid_t monitor, int pins[REDUCED_PINS], struct error *err);
/* Likewise, when SERVER runs: what landlock_reduced() granted it of its own. */
void reduced_pin_server(pid_t server, int pins[REDUCED_OWN_N]);
/* After reduced_enter(): kill them, and wait until the last is gone. */
void reduced_kill_all(void);

/* ---- file system: root.c, mounts.c -------------------------------------------------------------- */

/*
 * In the cage: build the root of PLAN on a fresh tmpfs, pivot into it and detach the host's. Working directory is
 * "/" afterwards and the root is read-only. Each source is opened once without following symlinks and compared
 * with the plan's dev and ino.
 */
int cage_root(const struct plan *plan, struct error *err);

/* ---- graft.c: into a cage that stands --------------------------------------------------------- */

/* In the cage, while it is dumpable: descriptors of its user and mount namespace, for the functions below. */
int cage_places(int fds[2], struct error *err);

/* What is shown in a cage that stands already. See policy/later.h for where. */
struct graft {
	int user_ns, mount_ns; /* of the cage */
	int tree;              /* what is mounted: graft_source() made it */
	bool directory;
	const char *dest, *apart, *base, *link; /* struct later_place */
};
/*
 * Each in a process of its own, outside the cage, that has the user's rights, is single-threaded and ends afterwards: it is left in other
 * namespaces.
 *
 * A detached mount, for reading, of REAL, which is the object DEV and INO. -1: ERR.
 */
int graft_source(const char *real, uint64_t dev, uint64_t ino, bool directory, struct error *err);
/* Attach it. *AT_APART: it is at `apart`, because `dest` could not be had; *LINKED: and `link` leads there. */
int graft_attach(const struct graft *graft, bool *at_apart, bool *linked, struct error *err);
/* Take it away, wherever the server has moved the folder around it meanwhile. What is open there stays open. */
int graft_detach(const struct graft *graft, bool at_apart, struct error *err);

/* ---- network: netns.c, netsocks.c ----------------------------------------------------------------- */

/* In the cage, with its own network namespace: bring `lo` up (libnl). */
int cage_loopback_up(struct error *err);

/*
 * Network by name, in the cage: `lo` up as well, the addresses that names get and those that NEEDS has rules for made local to it.
 * *SIX: IPv6 can be used; without it the cage has IPv4 only.
 */
int cage_names_up(const struct network_needs *needs, bool *six, struct error *err);

/* The sockets of the cage that egress serves. All are in the cage's network namespace for ever, whoever holds them. */
struct cage_sockets {
	bool six;      /* single sockets and listeners are of AF_INET6, and take IPv4 as well */
	int dns;       /* UDP, bound to port 53 of the resolver's address */
	int dns_tcp;   /* listening there; -1: port 53 is among those that NEEDS has a listener for */
	int listeners[NETWORK_PORTS_MAX]; /* of each port of NEEDS that is for all addresses, in their order */
	size_t listeners_n;
	int singles[NETWORK_SINGLES_MAX]; /* neither bound nor listening */
	size_t singles_n;
};
/* In the cage, before capabilities are dropped: make them and send them over TO. Keeps none. */
int cage_sockets_send(const struct network_needs *needs, bool six, int to, struct error *err);
/* Outside: wait for them. */
int cage_sockets_receive(const struct network_needs *needs, int from, struct cage_sockets *sockets, struct error *err);

/* ---- capabilities: caps.c ----------------------------------------------------------------------- */

/* Empty every capability set, the bounding set included; no_new_privs; keep_caps and securebits locked. */
int caps_drop_all(struct error *err);
/*
 * The same for a process of ours outside the cage, which may hold nothing to begin with: bounding set and securebits
 * are left as they are where CAP_SETPCAP is not held.
 */
int caps_drop_held(struct error *err);
/* Refuse a process that was started setuid, setgid or with file capabilities. */
int caps_refuse_privileged_start(struct error *err);

/* ---- rlimits.c ---------------------------------------------------------------------------------- */

/* For the server: RLIMIT_NOFILE (at least 1024), RLIMIT_FSIZE, RLIMIT_CORE 0; never RLIMIT_AS. */
int rlimits_server(const struct plan *plan, struct error *err);
/* For the monitor and what it starts: as many open files as a session needs. */
int rlimits_own(struct error *err);
/* How many open files we may ever have, where that is too few for a session; else 0. */
unsigned long rlimits_too_few_files(void);
/* setrlimit(2), soft and hard, to VALUE or the hard limit of before, whichever is less. -1 with errno set. */
int rlimit_lower(int resource, rlim_t value);

/* ---- seccomp.c: filters compiled when the program was built -------------------------------------- */

enum seccomp_list {
	SECCOMP_SERVER,      /* profiles/seccomp/server.rules */
	SECCOMP_SERVER_UNIX, /* the same with AF_UNIX sockets */
	SECCOMP_REDUCED,     /* and for servers in reduced mode: no sockets, and what Landlock does not hold back */
	SECCOMP_REDUCED_NET, /* likewise, with the host's network */
	SECCOMP_FILTER,      /* profiles/seccomp/filter.rules: the mediator's filter process */
	SECCOMP_INIT,        /* profiles/seccomp/init.rules: pid 1 of the cage */
	SECCOMP_EGRESS,      /* profiles/seccomp/egress.rules: network by name */
	SECCOMP_RESOLVER,    /* profiles/seccomp/resolver.rules: and what resolves names for it */
};

/* Install the filter. Needs no_new_privs. There is no soft failure. */
int seccomp_apply(enum seccomp_list list, struct error *err);

/* ---- landlock.c --------------------------------------------------------------------------------- */

/* The ABI version of this kernel, 0 when it has none or it is disabled. */
int landlock_abi(void);
/*
 * In the cage, after the pivot: what PLAN grants and nothing else; scopes signals and abstract sockets. Called when the plan
 * counts on Landlock: a kernel without it is a failure.
 */
int landlock_server(const struct plan *plan, struct error *err);
/*
 * Reduced mode, in the server's process, on the host's own paths: what PLAN grants and nothing else, each source opened once and compared with the
 * plan, and reduced_own of its own; scopes signals and abstract sockets. A kernel that cannot do all of it is a failure.
 */
int landlock_reduced(const struct plan *plan, struct error *err);
/* A domain that restricts nothing but whom its processes may signal: each other, and those of domains within it. Wants no_new_privs. */
int landlock_own_signals(struct error *err);
/*
 * A ruleset that grants nothing at all, for filter and init. *ABI gets the version in force; 0 without Landlock, which is no
 * failure. MAY_SIGNAL: without the signal scope, which would keep init from signalling the server.
 */
int landlock_nothing(bool may_signal, int *abi, struct error *err);

/*
 * For egress: no files at all, TCP to and from the ports of NEEDS only (from ABI 4). *ABI as above.
 */
int landlock_egress(const struct network_needs *needs, int *abi, struct error *err);
/* For its resolver: reading what name services read. Files that are not there are passed over. */
int landlock_resolver(int *abi, struct error *err);

/* ---- apparmor.c --------------------------------------------------------------------------------- */

/* The child profiles in profiles/apparmor/mcpcage.in, and APPARMOR_SERVER in policy/facts.h. */
#define APPARMOR_FILTER       "mcpcage//filter"
#define APPARMOR_FILTER_FILES "mcpcage//filter-files"
#define APPARMOR_EGRESS       "mcpcage//egress"
#define APPARMOR_RESOLVER     "mcpcage//resolver"
#define APPARMOR_INIT         "mcpcage//init"

bool apparmor_enabled(void);
/* What the shipped profiles can be used for here: loaded, and our label allows to stack them. */
void apparmor_shipped(bool *server, bool *own);
/* The second of the two alone, for processes that have no plan. */
bool apparmor_own(void);
/* The next execve(2) of this task stacks PROFILE onto the current label. Before the pivot: needs the host's /proc. */
int apparmor_stack_onexec(const char *profile, struct error *err);
/*
 * The file by which this task, and no other, changes its own label now. To be opened before the pivot; works after it. Where a
 * process of ours stacks a profile of its own onto its label: when there is nothing left to do that it forbids.
 */
int apparmor_open_label(struct error *err);
int apparmor_stack_label(int fd, const char *profile, struct error *err);
/* For a program of the user's outside the cage: the next execve(2) leaves the profile that mcpcage is attached to. */
void apparmor_leave_onexec(void);

/* ---- confine.c: our own processes ---------------------------------------------------------------- */

/*
 * Confine a process of ours that reads hostile bytes: wipe the environment's strings, not dumpable, rlimits (no new files, no
 * core, no processes), no_new_privs, no capabilities, Landlock that grants nothing, and SECCOMP_FILTER. Descriptors other than
 * KEEP[0..KEEP_N) are closed first. *ABI gets the Landlock ABI that is active, 0 for none. `environ` and the strings of
 * main's argv are gone afterwards. poll(2) takes at most 16 entries. APPARMOR: stack our profile for such
 * a process first.
 */
int confine_filter(const int *keep, size_t keep_n, bool apparmor, int *abi, struct error *err);
/* Likewise for egress: SECCOMP_EGRESS, and as many descriptors as the user may have. */
int confine_egress(const struct network_needs *needs, const int *keep, size_t keep_n, bool apparmor, int *abi, struct error *err);
/* Likewise for its resolver: SECCOMP_RESOLVER; it may fork. */
int confine_resolver(const int *keep, size_t keep_n, bool apparmor, struct error *err);
/*
 * Likewise for pid 1 of the cage, once the server is started: SECCOMP_INIT. LABEL is what apparmor_open_label() gave, or -1; it is
 * closed.
 */
int confine_init(const int *keep, size_t keep_n, int label, struct error *err);

/* ---- cgroup.c, scope.c --------------------------------------------------------------------------- */

enum cgroup_how {
	CGROUP_NONE,
	CGROUP_SCOPE,     /* a transient scope of the user's systemd */
	CGROUP_DELEGATED, /* a group below our own that we may write */
};

struct cgroup {
	enum cgroup_how how;
	int fd;          /* O_DIRECTORY of the group, or -1 */
	char path[512];  /* for messages: below /sys/fs/cgroup */
	unsigned limits; /* which of the CGROUP_LIMIT bits took effect */
	char why[512];   /* CGROUP_NONE: why there is none; else why CGROUP_LIMIT_IO did not take effect. One phrase */
};
enum { CGROUP_LIMIT_MEMORY = 1, CGROUP_LIMIT_SWAP = 2, CGROUP_LIMIT_TASKS = 4, CGROUP_LIMIT_CPU = 8, CGROUP_LIMIT_IO = 16 };

/* Cheap: which way would be taken here. REASON (may be NULL) gets why there is none, one phrase. */
enum cgroup_how cgroup_probe(char *reason, size_t size);
/* The CGROUP_LIMIT bits that PLAN asks for. What is in here and not in `limits` did not take effect: say so, or fail. */
unsigned cgroup_limits_wanted(const struct plan *plan);
/* "memory" for one CGROUP_LIMIT bit; NULL: no such bit. */
const char *cgroup_limit_name(unsigned bit);
/* "memory, tasks" for a set of CGROUP_LIMIT bits. */
void cgroup_limits_name(unsigned limits, char *out, size_t size);
/*
 * Before cage_clone(): make a delegated group with the plan's limits, ready for CLONE_INTO_CGROUP (how ==
 * CGROUP_DELEGATED, fd >= 0); or find that it has to be a scope (how == CGROUP_SCOPE, fd == -1) or nothing (CGROUP_NONE).
 * -1: a group should have been possible and failed; *CGROUP is CGROUP_NONE then and can be used and released.
 */
int cgroup_prepare(const struct plan *plan, struct cgroup *cgroup, struct error *err);
/*
 * After cage_clone(), for CGROUP_SCOPE: put PID into a transient scope with the plan's limits. Bounded to 2 s. Does nothing
 * for the others. -1 leaves *CGROUP as CGROUP_NONE. Forks a short-lived child and reaps it. Costs some milliseconds, so
 * call it while PID builds its mounts, and let PID execute nothing foreign before.
 */
int cgroup_enter_scope(const struct plan *plan, pid_t pid, struct cgroup *cgroup, struct error *err);
/*
 * For what is granted to a session that runs: hold the disks beneath PATH, real and on the device DEV, to the plan's limit too. 0 also
 * where the plan has none, or it did not take effect at the start, which has been told. -1: they are not held.
 */
int cgroup_limit_path(const struct plan *plan, const struct cgroup *cgroup, const char *path, uint64_t dev, bool directory,
		      struct error *err);
/*
 * In the cage, once it is in its group and before capabilities are dropped: make that group the root of the cgroup namespace.
 * clone3(2) made it our own group, so that /proc/self/cgroup would show the way between the two.
 */
int cgroup_hide(struct error *err);
/* Kill everything in it (cgroup.kill). 0 also when there is no group; -1 with errno. */
int cgroup_kill(const struct cgroup *cgroup);
/* Stop everything in it, or let it go on (cgroup.freeze). -1 with errno when there is no group, or it cannot be done. */
int cgroup_freeze(const struct cgroup *cgroup, bool freeze);
/*
 * What was used: memory peak in bytes, processor time in microseconds, processes killed for want of memory; 0 where unknown.
 * systemd removes a scope as soon as its last process is gone, and the numbers with it: ask while PID still lives.
 */
void cgroup_usage(const struct cgroup *cgroup, uint64_t *memory_peak, uint64_t *cpu_us, uint64_t *oom_kills);
/* Remove the group once it is empty (waits up to 200 ms for that), close the descriptor. */
void cgroup_release(struct cgroup *cgroup);

/* ---- probe.c: for `doctor` ----------------------------------------------------------------------- */

enum probe_state { PROBE_ACTIVE, PROBE_LIMITED, PROBE_MISSING };
struct probe_result {
	enum layer layer;
	const char *name;
	enum probe_state state;
	char detail[256]; /* "ABI 7", "through the user's systemd" */
	char remedy[512]; /* one command, ready to paste; "" when active or when no command does it */
	char note[320];   /* what the remedy costs, or what else to do, in words; may be "" */
};
#define PROBE_MAX 16
/* Really tries each mechanism in a child process. Returns how many results were filled. */
size_t probe_all(struct probe_result results[PROBE_MAX]);
/* The layers that a start may count on, without forking: cheap. */
unsigned probe_layers(int *landlock);
/* Really tries what every cage needs of namespaces. false: *WHY says what is missing. Takes some milliseconds. */
bool probe_cage(struct probe_result *why);

/* ---- facts.c, target.c ---------------------------------------------------------------------------- */

/* First of all: uid, gid, user, home, home_env and environ_. */
int facts_user(struct facts *facts, char **environ_, struct error *err);
/*
 * Look at every path that POLICY and the command name, and at the layers. What is not there yet is done first: facts_user(), and
 * resolving COMMAND (argv, NULL-terminated). The caller may have set `state` and `protect`, and LAYER_AUDIT in `layers`.
 */
int facts_gather(const struct policy *policy, char *const command[], char **environ_, struct facts *facts,
		 struct error *err);
/* Only PATH, and all that is protected. FACTS has home, home_env and protect. */
int facts_look(struct facts *facts, const char *path, struct error *err);
/* Only the command: PATH, shims of version managers, interpreters, project roots. Wants home; fills target. */
int target_resolve(char *const command[], char **environ_, struct facts *facts, struct error *err);
/*
 * Where the program NAME (no slash) is in PATH, for what policy has run outside the cage; relative entries are passed over. The
 * caller frees; NULL with ERR.
 */
char *target_program(const char *name, char *const *environ_, const struct facts *facts, struct error *err);
/*
 * The file that the program NAME is, behind PATH (or FOLDER first, unless NULL), symlinks and the shims of version managers. Starts
 * nothing. The caller frees; NULL with ERR.
 */
char *target_tool(const char *name, const char *folder, char *const *environ_, struct facts *facts, struct error *err);
