/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A machine made up for tests of the plan: its facts, and policies out of the shipped profiles and options.
 */
#pragma once

#include "base/path.h"
#include "policy/builder.h"
#include "policy/plan.h"
#include "policy/protect.h"

#include "tests/tap.h"

#include <stdarg.h>

#define ALL_LAYERS                                                                                                   \
	(LAYER_USERNS | LAYER_SECCOMP | LAYER_LANDLOCK | LAYER_APPARMOR | LAYER_CGROUP | LAYER_TIMENS | LAYER_AUDIT)

struct machine {
	struct facts facts;
	struct policy policy;
	struct error err;
	struct plan made;
	int rc;
};

/* PATH exists and is TYPE; REAL is where it is, or NULL for PATH itself. Replaces what was said of it before. */
__attribute__((unused)) static void exists(struct machine *m, const char *path, enum path_type type, const char *real)
{
	struct facts *f = &m->facts;
	static uint64_t inode = 1000;
	size_t i = 0;

	while (i < f->paths_n && strcmp(f->paths[i].asked, path) != 0)
		i++;
	if (i == f->paths_n) {
		f->paths = reallocarray(f->paths, ++f->paths_n, sizeof *f->paths);
		f->paths[i] = (struct path_fact){ .asked = strdup(path) };
	}
	free(f->paths[i].real);
	f->paths[i].type = type;
	f->paths[i].real = type == PATH_MISSING || type == PATH_DENIED ? NULL : strdup(real ? real : path);
	f->paths[i].dev = 7;
	f->paths[i].ino = inode++;
}

__attribute__((unused)) static void missing(struct machine *m, const char *path)
{
	exists(m, path, PATH_MISSING, NULL);
}

static void protected_of(struct machine *m, const char *home)
{
	struct strlist paths = { 0 };

	if (protect_list(home, &paths) < 0)
		bail_out("out of memory");
	for (size_t i = 0; i < paths.n; i++)
		missing(m, paths.v[i]);
	strlist_free(&paths);
}

/* A Debian-like machine with every layer; nothing protected exists; the command is node's. */
__attribute__((unused)) static void machine_start(struct machine *m, uid_t uid, const char *user, const char *home)
{
	static const char *const files[] = {
		"/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/mime.types", "/etc/ssl/openssl.cnf", "/usr/bin/node",
	};
	static const char *const folders[] = { "/usr", "/etc/alternatives", "/etc/ssl/certs", "/etc/python3.11" };

	*m = (struct machine){ 0 };
	m->facts.uid = uid;
	m->facts.gid = uid;
	m->facts.user = strdup(user);
	m->facts.home = strdup(home);
	m->facts.layers = ALL_LAYERS;
	m->facts.landlock_abi = 6;
	m->facts.apparmor_server = true;
	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		exists(m, files[i], PATH_FILE, NULL);
	for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
		exists(m, folders[i], PATH_DIR, NULL);
	exists(m, "/bin", PATH_DIR, "/usr/bin");
	exists(m, "/sbin", PATH_DIR, "/usr/sbin");
	exists(m, "/lib", PATH_DIR, "/usr/lib");
	exists(m, "/lib64", PATH_DIR, "/usr/lib64");
	exists(m, "/etc/localtime", PATH_FILE, "/usr/share/zoneinfo/Europe/Berlin");
	protected_of(m, home);
	m->facts.target.kind = TARGET_NODE;
	m->facts.target.exe = strdup("/usr/bin/node");
	strlist_add(&m->facts.target.argv, "/usr/bin/node");
	m->facts.target.args_from = 1;
}

/* Namespaces cannot be had on it. */
__attribute__((unused)) static void without_namespaces(struct machine *m)
{
	static const char *const files[] = { "/dev/null", "/dev/urandom", "/etc/passwd", "/etc/hosts", "/proc/meminfo" };

	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		exists(m, files[i], PATH_FILE, NULL);
	m->facts.layers &= ~(unsigned)LAYER_USERNS;
	m->facts.reduced_why = strdup("user namespaces: switched off");
	m->facts.reduced_folder = strdup("/home/me/.local/state/mcpcage/reduced/0123456789abcdef");
}

__attribute__((unused)) static void machine_end(struct machine *m)
{
	plan_free(&m->made);
	policy_free(&m->policy);
	facts_free(&m->facts);
}

/* What belongs to the command and is not an argument of the server: its script. */
__attribute__((unused)) static void script(struct machine *m, const char *path)
{
	strlist_add(&m->facts.target.argv, path);
	m->facts.target.args_from = m->facts.target.argv.n;
	exists(m, path, PATH_FILE, NULL);
}

__attribute__((unused)) static void needs(struct machine *m, const char *path, const char *why)
{
	struct target *t = &m->facts.target;

	t->grants = reallocarray(t->grants, t->grants_n + 1, sizeof *t->grants);
	t->grants[t->grants_n++] = (struct target_grant){ .path = strdup(path), .why = strdup(why) };
}

__attribute__((unused)) static void argument(struct machine *m, const char *arg)
{
	strlist_add(&m->facts.target.argv, arg);
}

/* The policy of the shipped profiles and OPTIONS, pairs up to NULL; paths of files as if it were installed. */
__attribute__((unused)) static void policy_of(struct machine *m, const char *const *options)
{
	const char *source = getenv("top_srcdir");
	const struct policy_dirs dirs = { .pkgdata = source ? source : ".", .home = m->facts.home, .cwd = "/proj",
					  .uid = getuid() };
	struct policy_builder *builder = policy_builder_new(&dirs);
	struct error err = { 0 };
	int rc = 0;

	for (size_t i = 0; rc == 0 && options[i]; i += 2)
		rc = policy_builder_option(builder, policy_key_by_option(options[i]), options[i + 1], &err);
	if (rc == 0)
		rc = policy_builder_finish(builder, m->facts.target.kind, &m->policy, &err);
	if (rc < 0)
		bail_out("%s", err.what);
	policy_builder_free(builder);
	for (size_t i = 0; i < m->policy.layers.n; i++) {
		char *name = NULL;
		if (asprintf(&name, "/usr/share/mcpcage/profiles/%s", path_base(m->policy.layers.v[i])) < 0)
			bail_out("out of memory");
		free(m->policy.layers.v[i]);
		m->policy.layers.v[i] = name;
	}
}

/* What holds for every plan. */
__attribute__((unused)) static bool plan_is_sound(const struct plan *made)
{
	for (size_t i = 0; i < made->mounts_n; i++) {
		const struct plan_mount *a = &made->mounts[i];
		char *normal = path_normalize(a->dest);
		bool good = a->why && normal && strcmp(normal, a->dest) == 0 && strcmp(a->dest, "/") != 0;
		free(normal);
		if (a->kind == MOUNT_BIND)
			good = good && a->src && (a->ino || a->kept || a->scratch) && strcmp(a->src, "/") != 0;
		if (a->kind == MOUNT_DATA)
			good = good && a->data;
		if (a->kind == MOUNT_TMPFS)
			good = good && a->size;
		for (size_t k = i + 1; good && k < made->mounts_n; k++) {
			const struct plan_mount *b = &made->mounts[k];
			if (path_within(a->dest, b->dest)) /* twice, or a parent after its child */
				good = false;
			if (path_within(b->dest, a->dest) && a->kind == MOUNT_SYMLINK)
				good = false;
		}
		if (!good) {
			diag("unsound mount: %s", a->dest);
			return false;
		}
	}
	return made->argv.n > 0 && made->env.n > 0 && made->home && made->cwd;
}

__attribute__((unused)) static int make(struct machine *m)
{
	plan_free(&m->made);
	m->err = (struct error){ 0 };
	m->rc = plan_make(&m->policy, &m->facts, &m->made, &m->err);
	if (m->rc == 0 && !plan_is_sound(&m->made))
		fail("the plan is sound");
	return m->rc;
}

#define make_with(m, ...)                                                                                            \
	({                                                                                                           \
		policy_free(&(m)->policy);                                                                           \
		policy_of((m), (const char *const[]){ __VA_ARGS__, NULL, NULL });                                    \
		make(m);                                                                                             \
	})

/* The mount at DEST, or NULL. */
__attribute__((unused)) static const struct plan_mount *at(const struct machine *m, const char *dest)
{
	for (size_t i = 0; i < m->made.mounts_n; i++)
		if (strcmp(m->made.mounts[i].dest, dest) == 0)
			return &m->made.mounts[i];
	return NULL;
}

__attribute__((unused)) static bool is_mount(const struct machine *m, const char *dest, enum mount_kind kind,
					     const char *src, bool write)
{
	const struct plan_mount *mount = at(m, dest);

	return mount && mount->kind == kind && mount->write == write &&
	       (!src || (mount->src && strcmp(mount->src, src) == 0));
}

__attribute__((unused)) static bool has_line(const struct strlist *lines, const char *part)
{
	for (size_t i = 0; i < lines->n; i++)
		if (strstr(lines->v[i], part))
			return true;
	return false;
}

/* The value of NAME in the plan's environment, or NULL. */
__attribute__((unused)) static const char *env_of(const struct plan *made, const char *name)
{
	for (size_t i = 0; i < made->env.n; i++)
		if (strncmp(made->env.v[i], name, strlen(name)) == 0 && made->env.v[i][strlen(name)] == '=')
			return made->env.v[i] + strlen(name) + 1;
	return NULL;
}
