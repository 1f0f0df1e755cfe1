/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Building a policy out of its layers. Later layers win; lists add up:
 *
 *	PKGDATA/profiles/base.json, PKGDATA/profiles/NAME.json
 *	SYSCONF/policy.json, SYSCONF/profiles/NAME.json         (the only ones that may hold "lock")
 *	USER_CONFIG/policy.json, USER_CONFIG/profiles/NAME.json
 *		each followed by profiles/packages/ECOSYSTEM/PACKAGE.json, when the command is a package's
 *	the files given by --profile and --policy, in their order
 *	options
 *
 * NAME is what --profile says or follows from the kind of command. Nothing else decides: no environment
 * variable and no working directory is consulted but what struct policy_dirs says.
 */
#pragma once

#include "base/error.h"
#include "policy/facts.h"
#include "policy/keys.h"
#include "policy/policy.h"

/* Where the layers are. Borrowed: has to outlive the builder. */
struct policy_dirs {
	const char *pkgdata;     /* PKGDATADIR; the source tree when not installed */
	const char *sysconf;     /* SYSCONFDIR "/mcpcage", or NULL: no such layers */
	const char *user_config; /* "$XDG_CONFIG_HOME/mcpcage", or NULL */
	const char *home;        /* what "~/" stands for */
	const char *cwd;         /* for relative paths in options; NULL: they are refused */
	uid_t uid;               /* who may own policy files, beside root */
};

struct policy_builder;

/* NULL when out of memory. */
struct policy_builder *policy_builder_new(const struct policy_dirs *dirs);
void policy_builder_free(struct policy_builder *builder);

/*
 * An option of the command line: a row with policy_key_builds(), and its value (NULL for a switch). Copied;
 * errors in the value are found here, those against other layers in policy_builder_finish().
 */
int policy_builder_option(struct policy_builder *builder, const struct policy_key *key, const char *value,
			  struct error *err);

/*
 * The command is the package NAME's, as its registry calls it ("@scope/name"): profiles for that package count as well. There is
 * none for what is no possible name. Copied.
 */
int policy_builder_package(struct policy_builder *builder, enum ecosystem ecosystem, const char *name, struct error *err);

/*
 * Read all layers and merge them into POLICY (which the caller frees with policy_free). KIND picks the
 * profile when no --profile did. Call it once.
 */
int policy_builder_finish(struct policy_builder *builder, enum target_kind kind, struct policy *policy,
			  struct error *err);
