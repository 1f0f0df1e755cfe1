/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Folders of policy files for tests, and a policy built out of them in one call. For one test program each.
 */
#pragma once

#include "policy/builder.h"

#include "tests/tap.h"

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdarg.h>
#include <sys/stat.h>

static struct {
	char root[64], pkgdata[80], sysconf[80], user[80];
	struct policy_dirs dirs;
	enum ecosystem ecosystem; /* of the command's package */
	const char *package;      /* its name, or NULL: it is none */
} fix;

static struct error built_error;

/* Write CONTENT to the file NAME below the fixture's root. */
__attribute__((unused)) static const char *put(const char *name, const char *content)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof path, "%s/%s", fix.root, name);
	FILE *f = fopen(path, "we");
	if (!f || fputs(content, f) < 0 || fclose(f) != 0)
		bail_out("%s: %s", path, strerror(errno));
	if (chmod(path, 0644) < 0)
		bail_out("%s: %s", path, strerror(errno));
	return path;
}

__attribute__((unused)) static void drop(const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof path, "%s/%s", fix.root, name);
	unlink(path);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

__attribute__((unused)) static void fixture_end(void)
{
	nftw(fix.root, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static void make_folder(const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof path, "%s/%s", fix.root, name);
	if (mkdir(path, 0755) < 0)
		bail_out("%s: %s", path, strerror(errno));
}

/* Empty layers; shipped profiles with nothing in them. */
__attribute__((unused)) static void fixture_start(void)
{
	snprintf(fix.root, sizeof fix.root, "%s/mcpcage-policy-XXXXXX", "/tmp");
	if (!mkdtemp(fix.root))
		bail_out("mkdtemp: %s", strerror(errno));
	umask(022);
	static const char *const folders[] = {
		"pkg", "pkg/profiles", "etc", "etc/profiles", "user", "user/profiles",
	};
	for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
		make_folder(folders[i]);
	put("pkg/profiles/base.json", "{}");
	put("pkg/profiles/node.json", "{}");
	put("pkg/profiles/python.json", "{}");
	put("pkg/profiles/binary.json", "{}");
	snprintf(fix.pkgdata, sizeof fix.pkgdata, "%s/pkg", fix.root);
	snprintf(fix.sysconf, sizeof fix.sysconf, "%s/etc", fix.root);
	snprintf(fix.user, sizeof fix.user, "%s/user", fix.root);
	fix.dirs = (struct policy_dirs){ .pkgdata = fix.pkgdata, .sysconf = fix.sysconf, .user_config = fix.user,
					 .home = "/home/me", .cwd = "/proj/here", .uid = getuid() };
}

/*
 * Build for a command of KIND with OPTIONS: "--ro", "/x", "--unix-sockets", NULL ... up to a NULL option. 0 or -1, with
 * built_error.
 */
__attribute__((unused)) static int build_kind(enum target_kind kind, const char *const *options, struct policy *policy)
{
	struct policy_builder *builder = policy_builder_new(&fix.dirs);
	int rc = 0;

	*policy = (struct policy){ 0 };
	built_error = (struct error){ 0 };
	for (size_t i = 0; rc == 0 && options[i]; i += 2) {
		const struct policy_key *key = policy_key_by_option(options[i]);
		if (!key)
			bail_out("no option %s", options[i]);
		rc = policy_builder_option(builder, key, options[i + 1], &built_error);
	}
	if (rc == 0 && fix.package)
		rc = policy_builder_package(builder, fix.ecosystem, fix.package, &built_error);
	if (rc == 0)
		rc = policy_builder_finish(builder, kind, policy, &built_error);
	if (rc < 0)
		policy_free(policy);
	policy_builder_free(builder);
	return rc;
}

#define build(policy, ...) build_kind(TARGET_BINARY, (const char *const[]){ __VA_ARGS__, NULL, NULL }, policy)

/* Building fails, and the message and hint hold WHAT and HINT. */
#define refuses(what_, hint_, ...)                                                                                   \
	do {                                                                                                         \
		struct policy refused_;                                                                              \
		int refused_rc_ = build(&refused_, __VA_ARGS__);                                                     \
		bool refused_good_ = refused_rc_ < 0 && strstr(built_error.what, (what_)) &&                         \
				     strstr(built_error.hint, (hint_));                                              \
		ok(refused_good_, "refused: %s", (what_));                                                           \
		if (!refused_good_)                                                                                  \
			diag("returned %d: %s\n%s", refused_rc_, built_error.what, built_error.hint);                 \
		if (refused_rc_ == 0)                                                                                \
			policy_free(&refused_);                                                                      \
	} while (0)
