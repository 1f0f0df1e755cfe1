/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The plan: policy + facts, flattened into what the mechanisms do one after the other. It is complete
 * (nothing below reads policy or facts), printable (explain, --dry-run, the audit log) and const once
 * made.
 */
#pragma once

#include "base/buf.h"
#include "base/error.h"
#include "base/strlist.h"
#include "policy/facts.h"
#include "policy/policy.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum mount_kind {
	MOUNT_BIND,    /* host object `src` at `dest` */
	MOUNT_TMPFS,   /* fresh, `size` bytes at most */
	MOUNT_PROC,
	MOUNT_DEV,     /* a tmpfs with null, zero, full, random, urandom, tty-less; fd links; pts; shm of `size` */
	MOUNT_SYMLINK, /* `dest` -> `src` */
	MOUNT_DATA,    /* a read-only file whose content is `data` */
	MOUNT_DIR,     /* an empty folder */
	MOUNT_MASK,    /* hide `dest`, which a bind before it brought in, behind an empty object */
};

struct plan_mount {
	enum mount_kind kind;
	char *src;  /* MOUNT_BIND: real host path; MOUNT_SYMLINK: its text */
	char *dest; /* absolute path in the cage */
	bool write;
	bool directory;    /* MOUNT_BIND, MOUNT_MASK: what `dest` has to be */
	/*
	 * MOUNT_BIND: the private home, kept on disk. It need not exist yet: whoever starts the session makes it and completes `src`, `dev`
	 * and `ino` (plan_home_is()). What is mounted below it gets its mount points made in it.
	 */
	bool kept;
	bool scratch; /* MOUNT_BIND: likewise, the private files of a session in reduced mode (plan_scratch_is()) */
	uint64_t dev, ino; /* MOUNT_BIND: what `src` has to be */
	uint64_t size;     /* MOUNT_TMPFS, MOUNT_DEV: bytes */
	char *data;        /* MOUNT_DATA */
	char *why;         /* one phrase for explain; never NULL */
};

/* What may be granted to the session while it runs, and by whom it can be told. See later.h. */
struct plan_later {
	uint64_t longest; /* milliseconds; 0: nothing */
	bool paths_locked;  /* an administrator locked files.read */
	bool hosts_locked;  /* an administrator locked network.allow */
	char *home, *home_other; /* the user's home under its two names; NULL: no such */
	bool home_free, other_free; /* it is nothing else as well, such as a service's "/" */
	struct strlist protect;  /* protected beside the lists of protect.h */
	char *runtime;    /* mcpcage's runtime folder, for the control socket; NULL: there is none */
	char *no_runtime; /* and why, one phrase */
};

struct plan {
	/* Parents come before what is mounted below them. */
	struct plan_mount *mounts;
	size_t mounts_n;

	uid_t uid; /* mapped to themselves */
	gid_t gid;
	char *user;
	char *home;
	char *hostname; /* of the uts namespace */

	char *exe; /* path in the cage */
	struct strlist argv;
	struct strlist env; /* NAME=VALUE; complete */
	char *cwd;          /* in the cage: the home */
	enum target_kind kind;
	size_t named; /* argv[named] says what the server is: a script, or python's module; 0: the program itself does */

	enum network_mode network;
	struct network_names names; /* NETWORK_NAMES: what can be reached; see policy/network.h */
	uint64_t memory, swap, tasks, cpu, io;
	uint64_t open_files, file_size;
	uint64_t message_size;
	uint64_t call_timeout, idle_timeout, freeze_idle, session_timeout; /* milliseconds, 0: none */

	unsigned require;
	unsigned layers; /* what is going to be active */
	int landlock_abi;
	char *apparmor;    /* the profile that is stacked onto the server, or NULL */
	bool apparmor_own; /* mcpcage's own processes stack theirs */
	bool unix_sockets;
	/*
	 * Without namespaces, as policy allows: there are only mounts of kind MOUNT_BIND then, each under its own name, and none is narrower than
	 * one around it. Landlock grants them; nothing is mounted.
	 */
	bool reduced;
	char *scratch; /* where its private files lie, in "files": below the state folder; NULL: there is a cage */

	struct mediation mediation;
	char *home_folder; /* the kept home lies in its "files": below the state folder; NULL: the home ends with the session */
	uint64_t home_keep; /* milliseconds without use after which it is wiped; UINT64_MAX: never */
	uint64_t home_size; /* bytes; for a kept home, when to tell that it has grown above */

	char *pins_folder; /* where the pins of this server are kept: below the state folder */

	char *audit; /* absolute path, or NULL: off */

	struct plan_later later;

	struct strlist warnings; /* what the user should think twice about, such as the host's network */
	struct strlist notes;    /* lines the user is told at start, such as a grant made from an argument */
	struct strlist missing;  /* layers that are missing and not required, a line each */
	struct strlist resolved; /* how the command was resolved */
	struct strlist policies; /* the files behind it */
};

/*
 * Make the plan. Fails when a grant is refused (protected, a socket, a device, missing), when a required
 * layer is not there, or when memory runs out. Pure: the same input gives the same plan.
 */
int plan_make(const struct policy *policy, const struct facts *facts, struct plan *plan, struct error *err);
void plan_free(struct plan *plan);
/* What the kept home turned out to be, once it was made: its path without symlinks, and its identity. */
int plan_home_is(struct plan *plan, const char *real, uint64_t dev, uint64_t ino, struct error *err);
/* Likewise the folder of private files of a session in reduced mode. */
int plan_scratch_is(struct plan *plan, const char *real, uint64_t dev, uint64_t ino, struct error *err);
/* Sets ERR to why no package of the store runs in reduced mode; -1. For who would install it first. */
int plan_reduced_package(struct error *err);
/*
 * In a process that has the plan by fork(2) and does not need them: overwrite the values of environment variables and the
 * arguments of the server, where keys and tokens are.
 */
void plan_wipe_secrets(const struct plan *plan);

/*
 * The absolute path that the server's argument ARG names ("/srv/x", "--root=/srv/x"), normalized; NULL
 * when it names none or memory ran out. The caller frees. The gatherer of facts and plan_make() have to
 * agree on it.
 */
char *plan_arg_path(const char *arg);

/* `mcpcage explain`: what the server can read, write, run, reach and use, in words. */
void plan_explain(const struct plan *plan, struct buf *out);
/* The same as one JSON object without newlines. Values of environment variables and of secret options are left out. */
void plan_json(const struct plan *plan, struct buf *out);
/* `--dry-run`: the flat plan, a line per step; stable enough for golden tests. */
void plan_print(const struct plan *plan, struct buf *out);
