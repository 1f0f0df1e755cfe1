/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is true on this machine, for this user and this command: gathered by cage/facts.c and cage/target.c
 * (and by hand in tests), read by plan_make. Data only.
 */
#pragma once

#include "base/strlist.h"
#include "policy/package.h"
#include "policy/policy.h"
#include "policy/runner.h"

#include <stdint.h>
#include <sys/types.h>

/* The profile for servers that is shipped: what is stacked when policy names no other. */
#define APPARMOR_SERVER "mcpcage-server"

enum path_type { PATH_MISSING, PATH_DENIED, PATH_DIR, PATH_FILE, PATH_SOCKET, PATH_DEVICE, PATH_OTHER };

/* A path that policy, the command or its arguments name, as it is on the host. */
struct path_fact {
	char *asked; /* absolute and normalized, as named */
	char *real;  /* without symlinks; NULL when missing or denied */
	enum path_type type;
	uint64_t dev, ino; /* identity of `real`: what is mounted later must be this object */
	struct strlist links; /* the symlinks between the two: where each lies, without symlinks, then its text */
};

enum target_kind { TARGET_BINARY, TARGET_NODE, TARGET_PYTHON, TARGET_SCRIPT };

/* A read-only grant that follows from the command: its interpreter's prefix, its project. */
struct target_grant {
	char *path; /* has a path_fact */
	char *why;  /* "node's installation", "the server's project (package.json)" */
	char *dest; /* where in the cage; NULL: under its own name */
};

/* The command, resolved before there is a cage. */
struct target {
	enum target_kind kind;
	char *exe;           /* real path of the file that execve(2) gets */
	struct strlist argv; /* argv[0] first; shims and "env" are gone */
	struct target_grant *grants;
	size_t grants_n;
	/*
	 * Symlinks between what is started and what it is, in no grant: path, text, path, text ... They
	 * open nothing, but have to exist in the cage at the same place.
	 */
	struct strlist links;
	struct strlist path;  /* folders in the cage that come last in PATH */
	struct strlist notes; /* how the command was resolved, a line each, for explain */
	size_t args_from;     /* argv[args_from..] are the server's own arguments (for files.args) */
	size_t named;         /* argv[named] says what it is: its script, or python's module; 0: the program itself does */
	char *cwd;            /* the folder that it is to be started in, real, where a grant shows it; NULL: its home */
};

struct facts {
	uid_t uid;
	gid_t gid;
	char *user;     /* login name, or "user" */
	char *home;     /* absolute, normalized, real */
	char *home_env; /* $HOME when it differs from the password database's, else NULL: protected as well */
	char *state;    /* mcpcage's state folder (policy's, else $XDG_STATE_HOME/mcpcage); NULL: below home */
	struct strlist protect; /* further protected paths: state, configuration and data folders in use */

	unsigned layers; /* enum layer bits that this machine has */
	/*
	 * Policy allows the reduced mode and namespaces cannot be had: why, one phrase, and the folder that the session is going to have for its
	 * private files. Both or neither.
	 */
	char *reduced_why, *reduced_folder;
	int landlock_abi;
	bool apparmor_server; /* the shipped profile for servers is loaded, and can be stacked onto our label */
	bool apparmor_own;    /* likewise those for mcpcage's own processes */

	char *runtime;    /* mcpcage's runtime folder, made by now; NULL: there is none */
	char *no_runtime; /* and why, one phrase, where somebody looked */

	char *pins_key; /* name of the folder of this server's pins, unless policy has one; NULL: nobody asked */

	/*
	 * The command is a package runner's: how it was read, the package that stands for it, and which of its commands is meant. Set
	 * by the caller before the command is resolved, and borrowed; NULL: it is an ordinary command.
	 */
	const struct runner *runner;
	const struct package *package;
	const struct package_command *package_command;

	bool installer; /* the command is mcpcage's own, in the cage where packages are installed: it may be a package manager */

	struct target target;
	struct path_fact *paths;
	size_t paths_n;
	bool paths_sorted; /* by `asked`, as facts_gather() leaves them */

	char **environ_; /* borrowed: mcpcage's own environment, for entries without a value */
};

/* NULL when nobody looked at ASKED. */
const struct path_fact *facts_path(const struct facts *facts, const char *asked);
void facts_free(struct facts *facts);
