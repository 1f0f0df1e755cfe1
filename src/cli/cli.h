/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The command line: what was asked for, where mcpcage's own files are, and one function for each command.
 * Only this folder and the session log or exit.
 */
#pragma once

#include "base/buf.h"
#include "base/error.h"
#include "base/log.h"
#include "cli/commands.h"
#include "policy/builder.h"
#include "policy/plan.h"
#include "store/homes.h"

#include <stdbool.h>

struct invocation {
	enum command command;
	bool json;
	bool dry_run;
	bool yes;           /* --yes */
	bool all;           /* --all */
	const char *accept; /* --accept, or NULL */
	const char *host;   /* --host, or NULL */
	const char *time;   /* --for, or NULL */
	struct log log;
	const char **words; /* WORDS_OWN: the words that are no options, NULLs behind them. Borrowed */
	size_t words_n;
	char **argv; /* COMMAND ARG..., NULL-terminated; NULL when there is none. Borrowed */
	/* the options that make policy, in their order */
	struct option_given {
		const struct policy_key *key;
		const char *value; /* borrowed; NULL for a switch */
	} * options;
	size_t options_n;
};

/* options.c. Fills INVOCATION, also as far as it came before an error (its `log`). */
int options_parse(int argc, char **argv, struct invocation *invocation, struct error *err);
void options_free(struct invocation *invocation);

/* paths.c: where mcpcage's own files are. */
struct paths {
	char *pkgdata;     /* has profiles/ */
	char *sysconf;     /* /etc/mcpcage */
	char *user_config; /* $XDG_CONFIG_HOME/mcpcage */
	char *user_data;   /* $XDG_DATA_HOME/mcpcage */
	char *state;       /* $XDG_STATE_HOME/mcpcage */
	char *cwd;         /* for relative paths in options; NULL when it cannot be told */
};
int paths_find(const struct facts *facts, char *const *environ_, struct paths *paths, struct error *err);
void paths_free(struct paths *paths);

/* pins-key.c: the name of the folder of a command's pins. The caller frees; NULL: out of memory. */
char *pins_key(char *const *argv, const char *profile, const struct target *target, const char *cwd);

/*
 * obtain.c: what a package runner's command stands for. obtain() starts nothing and writes nothing with OBTAIN_STORED; otherwise it
 * installs what is missing, if policy lets it, which may take as long as a download does. PACKAGE is the caller's to free.
 */
enum obtain_how {
	OBTAIN_STORED,  /* what is in the store already, verified */
	OBTAIN_MISSING, /* or is installed now, if policy lets a session do that */
	OBTAIN_ASKED,   /* the same, by the user's own word */
	OBTAIN_FRESH,   /* installed anew in any case, and the answer from now on */
};
struct obtaining {
	const struct facts *user; /* facts_user() */
	const struct paths *paths;
	const struct policy *policy;
	const struct log *log;
	const char *audit; /* the log that an installation is recorded in, or NULL */
	const char *runner; /* the runner as the user named it, or NULL: the tools that lie beside it are meant */
};
int obtain(const struct obtaining *with, const struct package_request *request, enum obtain_how how, struct package *package,
	   struct error *err);
/*
 * The same with all that it takes gathered here, for commands without a session. `scripts` of REQUEST is kept, but with OBTAIN_ASKED policy
 * says.
 */
int obtain_alone(const struct invocation *invocation, const struct package_request *request, enum obtain_how how,
		 struct package *package, struct error *err);
/* The folder of the store. The caller frees. */
char *store_folder(const struct paths *paths);

/*
 * prepare.c: everything up to the plan. With OBTAIN_STORED it starts nothing and writes nothing. PLAN is the caller's to free.
 */
int prepare(const struct invocation *invocation, enum obtain_how how, struct plan *plan, struct error *err);

/*
 * The same as far as it goes without a command: only what messages are decided by (mediation, home, cwd, message_size,
 * call_timeout and policies).
 */
int prepare_policy(const struct invocation *invocation, struct plan *plan, struct error *err);

/* Without a command: where state is kept, the audit log (NULL: off), and what policy says of messages. */
struct places {
	char *state;
	char *audit;
	struct mediation mediation;
};
int prepare_places(const struct invocation *invocation, struct places *places, struct error *err);
void places_free(struct places *places);

/* home.c: the folders of the host that are a session's own. */
struct own_folders {
	struct home kept;    /* files.home */
	struct home scratch; /* reduced mode: what is gone at the end */
};
#define OWN_FOLDERS_NONE { .kept = HOME_NONE, .scratch = HOME_NONE }
/* Before a session: take those that PLAN names into use, if any, and complete PLAN. own_folders_end() at the end, also after -1. */
int own_folders_begin(const struct invocation *invocation, struct plan *plan, struct own_folders *own, struct error *err);
void own_folders_end(struct own_folders *own);

/* One file each. They return the exit status. */
int command_run(const struct invocation *invocation);
int command_explain(const struct invocation *invocation);
int command_fetch(const struct invocation *invocation);
int command_review(const struct invocation *invocation);
int command_diff(const struct invocation *invocation);
int command_pins(const struct invocation *invocation);
int command_approvals(const struct invocation *invocation);
int command_state(const struct invocation *invocation);
int command_ps(const struct invocation *invocation);
int command_grant(const struct invocation *invocation);
int command_revoke(const struct invocation *invocation);
int command_doctor(const struct invocation *invocation);
int command_store(const struct invocation *invocation);
int command_policy_test(const struct invocation *invocation);
int command_help(void);
int command_version(void);

/* Write to standard output for commands that are not a session; an exit status. */
int print_out(struct buf *text, const struct log *log);
/* Log ERR and return its exit status. */
int fail(const struct log *log, const struct error *err);
