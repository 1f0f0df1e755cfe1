/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What every cage has of its own: folders, the files of /etc that would otherwise name the machine and
 * its users, and the environment. The same for everybody as far as possible, so that a server cannot tell
 * machines apart.
 */
#include "policy/planner.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/path.h"
#include "policy/keys.h"
#include "policy/network.h"
#include "policy/value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOLOGIN "/usr/sbin/nologin"

static int add_data(struct planner *p, const char *dest, const char *data)
{
	struct plan_mount *m = planner_add(p, LEVEL_MADE, MOUNT_DATA, NULL, dest, "made by mcpcage");

	if (!m)
		return -1;
	m->data = strdup(data);
	return m->data ? 0 : error_oom(p->err);
}

static int add_tmpfs(struct planner *p, enum mount_kind kind, const char *dest, uint64_t size, const char *why)
{
	struct plan_mount *m = planner_add(p, LEVEL_MADE, kind, NULL, dest, why);

	if (!m)
		return -1;
	m->size = size;
	m->write = true;
	m->directory = true;
	return 0;
}

static int add_users(struct planner *p)
{
	const struct plan *plan = p->plan;
	CLEANUP_BUF struct buf passwd = BUF_INIT(0), group = BUF_INIT(0);
	unsigned uid = plan->uid, gid = plan->gid;

	if (uid != 0)
		buf_puts(&passwd, "root:x:0:0:root:/root:" NOLOGIN "\n");
	buf_printf(&passwd, "%s:x:%u:%u::%s:/bin/sh\n", plan->user, uid, gid, plan->home);
	buf_puts(&passwd, "nobody:x:65534:65534:nobody:/nonexistent:" NOLOGIN "\n");
	if (gid != 0)
		buf_puts(&group, "root:x:0:\n");
	buf_printf(&group, "%s:x:%u:\n", plan->user, gid);
	buf_puts(&group, "nogroup:x:65534:\n");

	const char *users = buf_str(&passwd), *groups = buf_str(&group);
	if (!users || !groups || passwd.full || group.full)
		return error_oom(p->err);
	if (add_data(p, "/etc/passwd", users) < 0)
		return -1;
	return add_data(p, "/etc/group", groups);
}

/*
 * With network by name the resolver is egress, which answers at once, unless it has to ask a person: then clients wait as long as they
 * can be told to. With the host's network its names have to be resolved as on the host. */
static int add_names(struct planner *p)
{
	static const char *const from_host[] = { "/etc/hosts", "/etc/resolv.conf" };
	enum network_mode mode = p->policy->network;
	bool host = mode == NETWORK_HOST;
	const char *resolver = "# There is no network.\n";

	if (mode == NETWORK_NAMES)
		resolver = p->policy->names.unknown == UNKNOWN_ASK ? "nameserver " NETWORK_RESOLVER_4 "\noptions timeout:30 attempts:2\n"
								   : "nameserver " NETWORK_RESOLVER_4 "\n";

	if (add_data(p, "/etc/nsswitch.conf",
		     mode != NETWORK_NONE ? "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n"
			  : "passwd: files\ngroup: files\nshadow: files\nhosts: files\n") < 0 ||
	    add_data(p, "/etc/hosts", "127.0.0.1 localhost mcpcage\n::1 localhost mcpcage\n") < 0 ||
	    add_data(p, "/etc/resolv.conf", resolver) < 0)
		return -1;
	for (size_t i = 0; host && i < ARRAY_SIZE(from_host); i++) {
		const struct path_fact *fact = planner_fact(p, from_host[i]);
		if (!fact || fact->type != PATH_FILE)
			continue;
		/* Often a symlink into /run: the file itself is shown at the place where it is looked for. */
		if (planner_bind(p, LEVEL_SYSTEM, fact, from_host[i], false, "the host's network") < 0)
			return -1;
	}
	return 0;
}

/* On disk it has no size of its own: see files.home_size in mcpcage-policy(5). */
static int add_home(struct planner *p)
{
	const struct plan *plan = p->plan;
	char why[80], time[32];

	if (!plan->home_folder)
		return add_tmpfs(p, MOUNT_TMPFS, plan->home, p->policy->home_size, "private home");
	value_number_text(&policy_keys[KEY_FILES_HOME], plan->home_keep, time);
	snprintf(why, sizeof why, "private home, kept%s%s", plan->home_keep == UINT64_MAX ? "" : " until unused for ",
		 plan->home_keep == UINT64_MAX ? "" : time);
	CLEANUP_FREE char *files = path_join(plan->home_folder, "files");
	if (!files)
		return error_oom(p->err);
	struct plan_mount *m = planner_add(p, LEVEL_MADE, MOUNT_BIND, files, plan->home, why);
	if (!m)
		return -1;
	m->kept = m->write = m->directory = true;
	return 0;
}

int planner_made(struct planner *p)
{
	const struct policy *policy = p->policy;

	if (!planner_add(p, LEVEL_MADE, MOUNT_PROC, NULL, "/proc", "the cage's own processes") ||
	    add_tmpfs(p, MOUNT_DEV, "/dev", policy->tmp_size, "a few harmless devices") < 0 ||
	    add_tmpfs(p, MOUNT_TMPFS, "/tmp", policy->tmp_size, "private") < 0 ||
	    add_home(p) < 0 ||
	    !planner_add(p, LEVEL_MADE, MOUNT_DIR, NULL, "/run", "empty") ||
	    !planner_add(p, LEVEL_MADE, MOUNT_SYMLINK, "/run", "/var/run", "made by mcpcage") ||
	    !planner_add(p, LEVEL_MADE, MOUNT_SYMLINK, "/tmp", "/var/tmp", "made by mcpcage"))
		return -1;
	if (add_users(p) < 0 || add_names(p) < 0 || add_data(p, "/etc/hostname", "mcpcage\n") < 0 ||
	    add_data(p, "/etc/host.conf", "multi on\n") < 0)
		return -1;
	/* Valid, and the same for everybody: it identifies nobody. */
	return add_data(p, "/etc/machine-id", "6d637063616765000000000000000001\n");
}

/* ---- environment --------------------------------------------------------------------------------- */

/* Set NAME, replacing what is there; VALUE may be NULL for nothing at all. */
static int set_env(struct planner *p, const char *name, const char *value)
{
	struct strlist *env = &p->plan->env;
	size_t n = strlen(name);
	char *text = NULL;

	if (asprintf(&text, "%s=%s", name, value) < 0)
		return error_oom(p->err);
	for (size_t i = 0; i < env->n; i++)
		if (strncmp(env->v[i], name, n) == 0 && env->v[i][n] == '=') {
			free(env->v[i]);
			env->v[i] = text;
			return 0;
		}
	return strlist_take(env, text) < 0 ? error_oom(p->err) : 0;
}

static int set_below_home(struct planner *p, const char *name, const char *below)
{
	CLEANUP_FREE char *path = path_join(p->plan->home, below);

	return path ? set_env(p, name, path) : error_oom(p->err);
}

static bool has_component(const char *list, const char *dir, size_t n)
{
	for (const char *at = list; *at;) {
		size_t length = strcspn(at, ":");
		if (length == n && memcmp(at, dir, n) == 0)
			return true;
		at += length + (at[length] == ':');
	}
	return false;
}

/* The folder of the program first, so that a runtime of a version manager finds itself and its tools. */
static int set_path(struct planner *p)
{
	static const char standard[] = "/usr/local/bin:/usr/bin:/bin";
	const struct plan *plan = p->plan;
	const char *programs[] = { plan->argv.n ? plan->argv.v[0] : "", plan->exe };
	CLEANUP_BUF struct buf path = BUF_INIT(0);

	for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
		const char *slash = strrchr(programs[i], '/');
		size_t n = slash ? (size_t)(slash - programs[i]) : 0;
		const char *so_far = buf_str(&path);
		/* A colon in a folder's name would make two of it. */
		if (programs[i][0] != '/' || n == 0 || memchr(programs[i], ':', n) ||
		    has_component(standard, programs[i], n) || (so_far && has_component(so_far, programs[i], n)))
			continue;
		buf_append(&path, programs[i], n);
		buf_putc(&path, ':');
	}
	buf_puts(&path, standard);
	for (size_t i = 0; i < p->facts->target.path.n; i++) {
		buf_putc(&path, ':');
		buf_puts(&path, p->facts->target.path.v[i]);
	}
	const char *text = buf_str(&path);
	return text && !path.full ? set_env(p, "PATH", text) : error_oom(p->err);
}

static const char *inherited(const struct planner *p, const char *name)
{
	size_t n = strlen(name);

	for (char **e = p->facts->environ_; e && *e; e++)
		if (strncmp(*e, name, n) == 0 && (*e)[n] == '=')
			return *e + n + 1;
	return NULL;
}

/* /tmp; in reduced mode, where there is none, a folder of the session's own. */
static int set_tmpdir(struct planner *p)
{
	CLEANUP_FREE char *own = p->plan->scratch ? path_join(p->plan->scratch, "files/tmp") : strdup("/tmp");

	return own ? set_env(p, "TMPDIR", own) : error_oom(p->err);
}

/* Git does not go on where it may not read the machine's configuration, which in the cage is not there. */
static int set_git(struct planner *p)
{
	return p->plan->reduced ? set_env(p, "GIT_CONFIG_NOSYSTEM", "1") : 0;
}

int planner_env(struct planner *p)
{
	const struct plan *plan = p->plan;

	if (set_env(p, "HOME", plan->home) < 0 || set_env(p, "USER", plan->user) < 0 ||
	    set_env(p, "LOGNAME", plan->user) < 0 || set_path(p) < 0 || set_env(p, "SHELL", "/bin/sh") < 0 ||
	    set_tmpdir(p) < 0 || set_git(p) < 0 || set_below_home(p, "XDG_CACHE_HOME", ".cache") < 0 ||
	    set_below_home(p, "XDG_CONFIG_HOME", ".config") < 0 ||
	    set_below_home(p, "XDG_DATA_HOME", ".local/share") < 0 ||
	    set_below_home(p, "XDG_STATE_HOME", ".local/state") < 0)
		return -1;
	for (size_t i = 0; i < p->policy->env_n; i++) {
		const struct env_entry *entry = &p->policy->env[i];
		const char *value = entry->value ? entry->value : inherited(p, entry->name);
		if (entry->home) {
			if (set_below_home(p, entry->name, entry->value) < 0)
				return -1;
			continue;
		}
		if (value && set_env(p, entry->name, value) < 0)
			return -1;
	}
	return 0;
}

void plan_wipe_secrets(const struct plan *plan)
{
	for (size_t i = 0; i < plan->env.n; i++) {
		char *value = strchr(plan->env.v[i], '=');
		if (value)
			explicit_bzero(value + 1, strlen(value + 1));
	}
	for (size_t i = 0; i < plan->argv.n; i++)
		explicit_bzero(plan->argv.v[i], strlen(plan->argv.v[i]));
}
