/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The cage in which packages are installed: the shipped profile "fetch", the tree at PACKAGE_PLACE and the installer's own folder at
 * FETCH_WORK, both writable, the installer and its interpreter for reading, and nothing else of the user's. Policy files of the user do
 * not take part: a grant for a server is none for its installer. What an administrator or the user requires of every cage (layers, an
 * AppArmor profile) holds here as well. Called by fetch.c, fetch-npm.c and fetch-python.c.
 */
#include "session/fetch-impl.h"

#include "base/cleanup.h"
#include "base/path.h"
#include "cage/cage.h"
#include "policy/builder.h"
#include "policy/merge.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

void fetch_command_free(struct fetch_command *command)
{
	strlist_free(&command->argv);
	strlist_free(&command->env);
	strlist_free(&command->show);
	strlist_free(&command->hosts);
}

/* ---- policy ---- */

static int grant(struct policy *policy, const char *source, const char *dest, bool write, bool own, struct error *err)
{
	const struct grant g = {
		.source = (char *)source, .dest = (char *)dest, .write = write, .origin = (char *)"mcpcage", .own = own,
	};

	return merge_add_grant(&policy->grants, &policy->grants_n, &g) < 0 ? error_oom(err) : 0;
}

static int set_env(struct policy *policy, const char *text, struct error *err)
{
	const char *equals = strchr(text, '=');
	struct env_entry *grown = reallocarray(policy->env, policy->env_n + 1, sizeof *grown);

	if (!grown || !equals)
		return error_oom(err);
	policy->env = grown;
	struct env_entry *entry = &grown[policy->env_n];
	*entry = (struct env_entry){ .name = strndup(text, (size_t)(equals - text)), .value = strdup(equals + 1) };
	if (!entry->name || !entry->value) {
		free(entry->name);
		free(entry->value);
		return error_oom(err);
	}
	policy->env_n++;
	return 0;
}

/* Of two limits the higher; 0 is none. */
static uint64_t higher(uint64_t a, uint64_t b)
{
	if (a == 0 || b == 0)
		return 0;
	return a > b ? a : b;
}

static int take_over(struct policy *policy, const struct policy *user, struct error *err)
{
	policy->memory = higher(policy->memory, user->memory);
	policy->swap = policy->swap > user->swap ? policy->swap : user->swap;
	policy->tasks = higher(policy->tasks, user->tasks);
	policy->open_files = policy->open_files > user->open_files ? policy->open_files : user->open_files;
	policy->require = user->require & ~(unsigned)LAYER_AUDIT; /* there is no session to record */
	policy->audit = strdup("off");
	policy->apparmor = user->apparmor ? strdup(user->apparmor) : NULL;
	return !policy->audit || (user->apparmor && !policy->apparmor) ? error_oom(err) : 0;
}

static void builder_freep(struct policy_builder **builder)
{
	policy_builder_free(*builder);
}

static int make_policy(const struct fetching *f, const struct fetch_command *command, struct policy *policy, struct error *err)
{
	const struct facts *user = f->fetch->user;
	const struct policy_dirs dirs = {
		.pkgdata = f->fetch->pkgdata,
		.home = user->home_env ? user->home_env : user->home,
		.uid = user->uid,
	};
	CLEANUP(builder_freep) struct policy_builder *builder = policy_builder_new(&dirs);

	if (!builder)
		return error_oom(err);
	if (policy_builder_option(builder, &policy_keys[KEY_PROFILE], "fetch", err) < 0 ||
	    policy_builder_finish(builder, TARGET_BINARY, policy, err) < 0 || take_over(policy, f->fetch->policy, err) < 0)
		return -1;
	if (fetch_use_hosts(f, command, policy, err) < 0)
		return -1;
	if (grant(policy, f->stage->files, PACKAGE_PLACE, true, true, err) < 0 ||
	    grant(policy, f->stage->work, FETCH_WORK, true, true, err) < 0)
		return -1;
	for (size_t i = 0; i < command->show.n; i++)
		if (grant(policy, command->show.v[i], command->show.v[i], false, false, err) < 0)
			return -1;
	if (set_env(policy, "TMPDIR=" FETCH_WORK "/tmp", err) < 0)
		return -1;
	for (size_t i = 0; i < command->env.n; i++)
		if (set_env(policy, command->env.v[i], err) < 0)
			return -1;
	return 0;
}

/* ---- facts ---- */

static int copy_user(struct facts *to, const struct facts *from, struct error *err)
{
	*to = (struct facts){ .uid = from->uid, .gid = from->gid, .environ_ = from->environ_, .installer = true };
	to->user = strdup(from->user);
	to->home = strdup(from->home);
	to->home_env = from->home_env ? strdup(from->home_env) : NULL;
	return !to->user || !to->home || (from->home_env && !to->home_env) ? error_oom(err) : 0;
}

static void drop_grant(struct target *t, size_t i)
{
	free(t->grants[i].path);
	free(t->grants[i].why);
	free(t->grants[i].dest);
	memmove(&t->grants[i], &t->grants[i + 1], (t->grants_n - i - 1) * sizeof *t->grants);
	t->grants_n--;
}

/* A server's python reads what "pip install --user" put there; an installer's must not, and it is the user's. */
static void drop_user_site(struct facts *facts)
{
	struct target *t = &facts->target;

	for (size_t i = t->grants_n; i-- > 0;)
		if (strcmp(path_base(t->grants[i].path), "site-packages") == 0 && path_within(t->grants[i].path, facts->home))
			drop_grant(t, i);
}

static int make_plan(const struct fetching *f, const struct fetch_command *command, struct plan *plan, struct error *err)
{
	CLEANUP(facts_free) struct facts facts = { 0 };
	CLEANUP(policy_free) struct policy policy = { 0 };
	char *const *argv = command->argv.v;

	if (copy_user(&facts, f->fetch->user, err) < 0 || target_resolve(argv, facts.environ_, &facts, err) < 0)
		return -1;
	drop_user_site(&facts);
	if (make_policy(f, command, &policy, err) < 0 || facts_gather(&policy, argv, facts.environ_, &facts, err) < 0)
		return -1;
	return plan_make(&policy, &facts, plan, err);
}

int fetch_show_program(struct fetching *f, struct fetch_command *command, const char *exe, struct error *err)
{
	CLEANUP(facts_free) struct facts facts = { 0 };
	char *const argv[] = { (char *)exe, NULL };

	if (copy_user(&facts, f->fetch->user, err) < 0 || target_resolve(argv, facts.environ_, &facts, err) < 0)
		return -1;
	drop_user_site(&facts);
	for (size_t i = 0; i < facts.target.grants_n; i++)
		if (!strlist_has(&command->show, facts.target.grants[i].path) &&
		    strlist_add(&command->show, facts.target.grants[i].path) < 0)
			return error_oom(err);
	return 0;
}

/* ---- running ---- */

/* The last FETCH_SAID bytes are kept. */
static void said(void *context, const char *bytes, size_t n)
{
	struct fetching *f = context;

	if (n >= FETCH_SAID) {
		bytes += n - FETCH_SAID;
		n = FETCH_SAID;
	}
	if (f->said_n + n > FETCH_SAID) {
		size_t drop = f->said_n + n - FETCH_SAID;
		memmove(f->said, f->said + drop, f->said_n - drop);
		f->said_n -= drop;
	}
	memcpy(f->said + f->said_n, bytes, n);
	f->said_n += n;
}

#define TELL_EVERY 5000

/* Bytes that are free where the stage lies; UINT64_MAX when that cannot be told. */
static uint64_t free_space(const struct fetching *f)
{
	struct statvfs st;

	return statvfs(f->stage->folder, &st) < 0 ? UINT64_MAX : (uint64_t)st.f_bavail * st.f_frsize;
}

/*
 * A package of a few kilobytes can unpack to any size. What is counted is what the file system lost meanwhile, to whomever: good enough
 * to stop before the disk is full.
 */
static int check_space(const struct fetching *f, struct error *err)
{
	uint64_t now = free_space(f);

	if (f->space == UINT64_MAX || now == UINT64_MAX || now >= f->space)
		return 0;
	if (f->space - now > FETCH_SPACE_MAX)
		return error_set(err, 0, "it takes more than %llu GiB of the disk", (unsigned long long)(FETCH_SPACE_MAX >> 30));
	return 0;
}

static int tick(void *context, struct error *err)
{
	struct fetching *f = context;
	uint64_t now = interrupt_now();

	if (check_space(f, err) < 0)
		return -1;
	if (now - f->told < TELL_EVERY)
		return 0;
	f->told = now;
	log_line(f->fetch->log, "%s is still at work on %s (%llu s)", f->tool, f->fetch->request->specs.v[0],
		 (unsigned long long)((now - f->started) / 1000));
	return 0;
}

int fetch_run(struct fetching *f, const struct fetch_command *command, int *status, struct error *err)
{
	CLEANUP(plan_free) struct plan plan = { 0 };

	if (make_plan(f, command, &plan, err) < 0)
		return error_prefix(err, "the cage for %s", f->tool);
	const struct job job = {
		.plan = &plan,
		.name = f->tool,
		.log = f->fetch->log,
		.interrupt = &f->interrupt,
		.timeout = FETCH_TIMEOUT,
		.said = said,
		.tick = tick,
		.context = f,
	};
	f->said_n = 0;
	if (f->space == 0)
		f->space = free_space(f);
	if (job_run(&job, status, err) < 0) {
		if (err->sys == EINTR)
			return error_hint(err, "`mcpcage fetch -- ...` installs it without a client that waits");
		return error_prefix(err, "%s", f->tool);
	}
	return 0;
}
