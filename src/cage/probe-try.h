/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Trying the mechanisms in processes that are gone afterwards. Internal to probe.c. */
#pragma once

#define TRY_NOT_REACHED (-1)

/* 0: worked; an errno; or TRY_NOT_REACHED, because something before it failed. */
struct probe_tries {
	int namespaces; /* clone3(2) with everything cage_clone() asks for, time excepted */
	int maps;       /* setgroups, uid_map, gid_map */
	int tmpfs;      /* a tmpfs by fsopen(2) and fsmount(2) */
	int proc;       /* a fresh proc of the new pid namespace */
	int tree;       /* open_tree(2) of /usr, made read-only by mount_setattr(2) */
	int timens;     /* a time namespace */
	int seccomp;    /* a filter that is seen to work */
	int landlock;   /* a ruleset, enforced */
	int apparmor;   /* stacking onto the label at the next execve(2) */
};

/* Fills *TRIES; what could not even be started is TRY_NOT_REACHED. Takes at most some seconds. */
void probe_try(struct probe_tries *tries);
