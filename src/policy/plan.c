/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The plan: what policy asks for, as it can be done on this machine. Pure: no system call but for memory.
 * Whatever is refused is refused here, before anything was started.
 */
#include "policy/plan.h"

#include "base/cleanup.h"
#include "base/path.h"
#include "policy/planner.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- facts by name ------------------------------------------------------------------------------- */

static size_t hash(const char *text)
{
	size_t h = 14695981039346656037U; /* FNV-1a */

	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * 1099511628211U;
	return h;
}

int planner_index(struct planner *p)
{
	const struct facts *facts = p->facts;

	p->index_n = 64;
	while (p->index_n < facts->paths_n * 2)
		p->index_n *= 2;
	p->index = calloc(p->index_n, sizeof *p->index);
	if (!p->index)
		return error_oom(p->err);
	for (size_t i = 0; i < facts->paths_n; i++) {
		size_t at = hash(facts->paths[i].asked) % p->index_n;
		while (p->index[at])
			at = (at + 1) % p->index_n;
		p->index[at] = i + 1;
	}
	return 0;
}

const struct path_fact *planner_fact(const struct planner *p, const char *asked)
{
	for (size_t at = hash(asked) % p->index_n; p->index[at]; at = (at + 1) % p->index_n) {
		const struct path_fact *fact = &p->facts->paths[p->index[at] - 1];
		if (strcmp(fact->asked, asked) == 0)
			return fact;
	}
	return NULL;
}

/* ---- helpers of the steps ------------------------------------------------------------------------ */

__attribute__((format(printf, 3, 0)))
static int add_line(struct planner *p, struct strlist *lines, const char *format, va_list ap)
{
	char *line = NULL;

	if (vasprintf(&line, format, ap) < 0 || strlist_take(lines, line) < 0)
		return error_oom(p->err);
	return 0;
}

int planner_note(struct planner *p, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	int rc = add_line(p, &p->plan->notes, format, ap);
	va_end(ap);
	return rc;
}

void planner_drop(struct plan_mount *m)
{
	free(m->src);
	free(m->dest);
	free(m->data);
	free(m->why);
}

struct plan_mount *planner_add(struct planner *p, enum level level, enum mount_kind kind, const char *src,
			       const char *dest, const char *why)
{
	struct candidate c = { .level = level, .number = p->n };

	if (p->n % 32 == 0) {
		struct candidate *grown = reallocarray(p->candidates, p->n + 32, sizeof *grown);
		if (!grown) {
			error_oom(p->err);
			return NULL;
		}
		p->candidates = grown;
	}
	c.m = (struct plan_mount){ .kind = kind, .src = src ? strdup(src) : NULL, .dest = strdup(dest),
				   .why = strdup(why) };
	if ((src && !c.m.src) || !c.m.dest || !c.m.why) {
		planner_drop(&c.m);
		error_oom(p->err);
		return NULL;
	}
	p->candidates[p->n] = c;
	return &p->candidates[p->n++].m;
}

char *plan_arg_path(const char *arg)
{
	const char *path = arg;

	if (arg[0] == '-') {
		path = strchr(arg, '=');
		if (!path)
			return NULL;
		path++;
	}
	return path_normalize(path);
}

/* ---- home, user, command ------------------------------------------------------------------------- */

/* What goes into the generated /etc/passwd must not be able to start another field or line. */
static bool plain_user(const char *user)
{
	for (const char *c = user; *c; c++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-", *c))
			return false;
	return user[0] != '\0' && user[0] != '-';
}

static bool plain_home(const char *home)
{
	for (const char *c = home; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == ':' || *c == 0x7f)
			return false;
	return home[0] == '/' && home[1] != '\0';
}

/* A folder of ours over the system's, or inside it, would break one of them: daemons' users have such homes. */
static bool home_is_free(const struct planner *p, const char *home)
{
	static const char *const ours[] = { "/proc", "/sys", "/dev", "/etc", "/boot" };
	static const char *const parents[] = { "/tmp", "/var", "/run", "/var/tmp", "/var/run", "/home" };

	for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
		if (path_within(home, ours[i]))
			return false;
	for (size_t i = 0; i < ARRAY_SIZE(parents); i++)
		if (strcmp(home, parents[i]) == 0)
			return false;
	for (size_t i = 0; i < p->policy->system.n; i++)
		if (path_within(home, p->policy->system.v[i]) || path_within(p->policy->system.v[i], home))
			return false;
	return true;
}

static int make_identity(struct planner *p)
{
	const struct facts *facts = p->facts;
	struct plan *plan = p->plan;
	const char *user = facts->user && plain_user(facts->user) ? facts->user : "user";

	if (plain_home(facts->home) && home_is_free(p, facts->home))
		p->homes.home = facts->home;
	if (facts->home_env && home_is_free(p, facts->home_env))
		p->homes.other = facts->home_env;
	plan->uid = facts->uid;
	plan->gid = facts->gid;
	plan->user = strdup(user);
	plan->hostname = strdup("mcpcage");
	if (p->homes.home)
		plan->home = strdup(p->homes.home);
	else if (asprintf(&plan->home, "/home/%s", user) < 0)
		plan->home = NULL;
	if (!plan->user || !plan->hostname || !plan->home)
		return error_oom(p->err);
	plan->cwd = strdup(plan->home);
	return plan->cwd ? 0 : error_oom(p->err);
}

static int copy_command(struct planner *p)
{
	const struct target *target = &p->facts->target;
	struct plan *plan = p->plan;

	plan->kind = target->kind;
	plan->named = target->named;
	plan->exe = strdup(target->exe ? target->exe : "");
	if (!plan->exe || strlist_copy(&plan->argv, &target->argv) < 0 ||
	    strlist_copy(&plan->resolved, &target->notes) < 0 ||
	    strlist_copy(&plan->policies, &p->policy->layers) < 0)
		return error_oom(p->err);
	return 0;
}

/* ---- limits, tools, records ---------------------------------------------------------------------- */

static char *audit_path(const struct policy *policy, const struct facts *facts)
{
	const char *state = policy->state ? policy->state : facts->state;

	if (policy->audit)
		return strdup(policy->audit);
	if (state)
		return path_join(state, "audit.jsonl");
	return path_join(facts->home, ".local/state/mcpcage/audit.jsonl");
}

/* Each configured server has a folder of its own for each KIND of state. NULL: out of memory. */
static char *state_folder(const struct planner *p, const char *kind, const char *key)
{
	const char *state = p->policy->state ? p->policy->state : p->facts->state;
	char *folder;
	int n = state ? asprintf(&folder, "%s/%s/%s", state, kind, key)
		      : asprintf(&folder, "%s/.local/state/mcpcage/%s/%s", p->facts->home, kind, key);

	return n < 0 ? NULL : folder;
}

static int state_folders(struct planner *p)
{
	const char *name = p->policy->mediation.pins_name;
	const char *key = name ? name : p->facts->pins_key;
	struct plan *plan = p->plan;

	plan->home_keep = p->policy->home_keep;
	plan->home_size = p->policy->home_size;
	if (key && !(plan->pins_folder = state_folder(p, "pins", key)))
		return error_oom(p->err);
	if (plan->home_keep == 0)
		return 0;
	if (!key)
		return error_set(p->err, 0, "cannot keep the home of a server without a name");
	plan->home_folder = state_folder(p, "homes", key);
	return plan->home_folder ? 0 : error_oom(p->err);
}

static int copy_rest(struct planner *p)
{
	const struct policy *policy = p->policy;
	struct plan *plan = p->plan;

	plan->memory = policy->memory;
	plan->swap = policy->swap;
	plan->tasks = policy->tasks;
	plan->cpu = policy->cpu;
	plan->io = policy->io;
	plan->open_files = policy->open_files;
	plan->file_size = policy->file_size;
	plan->message_size = policy->message_size;
	plan->call_timeout = policy->call_timeout;
	plan->idle_timeout = policy->idle_timeout;
	plan->freeze_idle = policy->freeze_idle;
	plan->session_timeout = policy->session_timeout;
	plan->unix_sockets = policy->unix_sockets;
	if (planner_network(p) < 0 || mediation_copy(&plan->mediation, &policy->mediation, p->err) < 0 || state_folders(p) < 0)
		return -1;
	if (!policy->audit || strcmp(policy->audit, "off") != 0) {
		plan->audit = audit_path(policy, p->facts);
		if (!plan->audit)
			return error_oom(p->err);
	}
	return 0;
}

/* The folders that the server is told to work in: those that somebody granted, unless policy names others. */
static int make_roots(struct planner *p)
{
	struct plan *plan = p->plan;
	struct mediation *m = &plan->mediation;

	if (!m->roots || m->roots_list.n > 0)
		return 0;
	for (size_t i = 0; i < plan->mounts_n; i++) {
		const struct plan_mount *mount = &plan->mounts[i];
		bool granted = strcmp(mount->why, "argument") == 0;
		for (size_t g = 0; !granted && g < p->policy->grants_n; g++)
			granted = strcmp(mount->why, p->policy->grants[g].origin) == 0;
		if (granted && mount->kind == MOUNT_BIND && mount->directory && strlist_add(&m->roots_list, mount->dest) < 0)
			return error_oom(p->err);
	}
	return 0;
}

/* ---- layers -------------------------------------------------------------------------------------- */

static const struct {
	enum layer layer;
	const char *without; /* what it means to go without */
	const char *remedy;
} layer_words[] = {
	{ LAYER_USERNS, "there is no cage without namespaces",
	  "allow user namespaces: mcpcage doctor says what stands in the way here" },
	{ LAYER_SECCOMP, "system calls cannot be restricted", "a kernel with CONFIG_SECCOMP_FILTER" },
	{ LAYER_LANDLOCK, "files are restricted by the mounts alone",
	  "Linux 5.13 or later with \"landlock\" in the boot option lsm=, or leave out the requirement" },
	{ LAYER_APPARMOR, "no profile is stacked",
	  "a kernel with AppArmor switched on and the profile " APPARMOR_SERVER " loaded (see mcpcage doctor), or leave out "
	  "confine.apparmor (--apparmor) and the requirement" },
	{ LAYER_CGROUP, "limits of memory, swap, tasks, processor time and disks are not enforced",
	  "log in with systemd --user, or start mcpcage in a cgroup v2 group that you may write" },
	{ LAYER_TIMENS, "the machine's uptime can be read", "Linux 5.6 or later, or leave out the requirement" },
	{ LAYER_AUDIT, "nothing is recorded", "make the audit log's folder writable, or name another with --audit" },
};

/* What is wanted where it can be had; anything else is not missed. */
static unsigned wanted_layers(const struct planner *p)
{
	unsigned wanted = LAYERS_ALWAYS | LAYER_LANDLOCK | LAYER_CGROUP | LAYER_TIMENS | p->policy->require;

	/* Not missed in a kernel without it, and not where it is switched off. */
	if (p->plan->apparmor || (!p->policy->apparmor && (p->facts->layers & LAYER_APPARMOR)))
		wanted |= LAYER_APPARMOR;
	if (p->plan->audit)
		wanted |= LAYER_AUDIT;
	return wanted;
}

/* The profile that policy names; when it names none, the shipped one, if it is there. */
static int make_apparmor(struct planner *p)
{
	const char *name = p->policy->apparmor;

	p->plan->apparmor_own = p->facts->apparmor_own;
	if (name && strcmp(name, "off") == 0)
		return 0;
	if (!name && (p->facts->layers & LAYER_APPARMOR) && p->facts->apparmor_server)
		name = APPARMOR_SERVER;
	if (name && !(p->plan->apparmor = strdup(name)))
		return error_oom(p->err);
	return 0;
}

static int make_layers(struct planner *p)
{
	struct plan *plan = p->plan;
	unsigned has = p->facts->layers;

	if (make_apparmor(p) < 0)
		return -1;
	/* The layer is a profile on the server, not a switch of the kernel. */
	if (!plan->apparmor)
		has &= ~(unsigned)LAYER_APPARMOR;
	unsigned wanted = wanted_layers(p);
	plan->require = p->policy->require | LAYERS_ALWAYS;
	if (p->facts->reduced_why && planner_reduced_layers(p, &wanted, &has) < 0)
		return -1;
	plan->layers = wanted & has;
	plan->landlock_abi = plan->layers & LAYER_LANDLOCK ? p->facts->landlock_abi : 0;
	for (size_t i = 0; i < ARRAY_SIZE(layer_words); i++) {
		const char *name = layer_name(layer_words[i].layer);
		if (!(wanted & ~has & layer_words[i].layer))
			continue;
		if (plan->require & layer_words[i].layer) {
			error_set(p->err, 0, "the layer \"%s\" is required and missing here: %s", name,
				  layer_words[i].without);
			return error_hint(p->err, "%s", layer_words[i].remedy);
		}
		char *line = NULL;
		if (asprintf(&line, "%s: missing, %s", name, layer_words[i].without) < 0 ||
		    strlist_take(&plan->missing, line) < 0)
			return error_oom(p->err);
	}
	return 0;
}

/* ---- warnings ------------------------------------------------------------------------------------ */

int planner_warn(struct planner *p, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	int rc = add_line(p, &p->plan->warnings, format, ap);
	va_end(ap);
	return rc;
}

/* Whether M lets the server change what the command consists of. */
static bool own_program(const struct planner *p, const struct plan_mount *m)
{
	const struct target *target = &p->facts->target;

	if (path_within(p->plan->exe, m->src))
		return true;
	for (size_t i = 0; i < target->grants_n; i++) {
		const struct path_fact *fact = planner_fact(p, target->grants[i].path);
		if (fact && fact->real && (path_within(fact->real, m->src) || path_within(m->src, fact->real)))
			return true;
	}
	return false;
}

static int warn_of_program(struct planner *p, const struct plan_mount *m)
{
	if (m->kind != MOUNT_BIND || !m->write || !own_program(p, m))
		return 0;
	return planner_warn(p, "the server can change its own program: %s is writable (%s)", m->dest, m->why);
}

/* Grants that name a protected place, or something in one. */
static int warn_of_grant(struct planner *p, const struct grant *grant)
{
	const struct path_fact *fact = planner_fact(p, grant->source);
	const char *how;
	const struct guard *guard = fact ? planner_guard_of(p, fact, &how) : NULL;

	if (!guard || how[0] == 'c')
		return 0;
	if (how[0])
		return planner_warn(p, "the server can %s %s, in %s, which %s (%s)", grant->write ? "change" : "read",
			    grant->source, guard->asked, protect_reason(guard->why), grant->origin);
	return planner_warn(p, "the server can %s %s, which %s (%s)", grant->write ? "change" : "read", grant->source,
		    protect_reason(guard->why), grant->origin);
}

static int make_warnings(struct planner *p)
{
	const struct plan *plan = p->plan;

	if (plan->network == NETWORK_HOST &&
	    planner_warn(p, "the server has the host's network: the internet, the local network, and every service of this "
		    "machine") < 0)
		return -1;
	for (size_t i = 0; i < plan->mounts_n; i++)
		if (warn_of_program(p, &plan->mounts[i]) < 0)
			return -1;
	for (size_t i = 0; i < p->policy->grants_n; i++)
		if (!p->policy->grants[i].own && warn_of_grant(p, &p->policy->grants[i]) < 0)
			return -1;
	return 0;
}

/* ---- the whole ----------------------------------------------------------------------------------- */

void planner_free(struct planner *p)
{
	for (size_t i = 0; i < p->n; i++)
		planner_drop(&p->candidates[i].m);
	free(p->candidates);
	for (size_t i = 0; i < p->guards_n; i++)
		free(p->guards[i].asked);
	free(p->guards);
	free(p->index);
}

/* execve(2) would say "No such file or directory" of a file that is there. */
static int check_exe(struct planner *p)
{
	const struct plan *plan = p->plan;
	const struct plan_mount *around = NULL;
	CLEANUP_FREE char *place = planner_place(p, plan->exe);

	if (!place)
		return error_oom(p->err);
	for (size_t i = 0; i < plan->mounts_n; i++)
		if (plan->mounts[i].kind != MOUNT_DIR && path_within(place, plan->mounts[i].dest))
			around = &plan->mounts[i]; /* the innermost comes last */
	/* A package has its own place, and what is in it was looked at when it was installed. */
	if (around && around->kind == MOUNT_BIND && p->facts->package && strcmp(around->dest, PACKAGE_PLACE) == 0)
		return 0;
	if (around && around->kind == MOUNT_BIND) {
		const char *below = place + strlen(around->dest);
		size_t n = strlen(around->src);
		if (strncmp(plan->exe, around->src, n) == 0 && strcmp(plan->exe + n, below) == 0)
			return 0;
	}
	error_set(p->err, 0, "cannot run %s: it would not be in the cage", plan->exe);
	error_hint(p->err, "grant it, or its folder, with --ro");
	return error_kind(p->err, ERROR_CANNOT_RUN);
}

/* The folder that the command is to be started in, as far as it is in the cage. */
static int make_cwd(struct planner *p)
{
	struct plan *plan = p->plan;
	const char *cwd = p->facts->target.cwd;
	CLEANUP_FREE char *place = cwd ? planner_place(p, cwd) : NULL;
	bool shown = false;

	if (!cwd)
		return 0;
	if (!place)
		return error_oom(p->err);
	for (size_t i = 0; i < plan->mounts_n; i++)
		if (path_within(place, plan->mounts[i].dest))
			shown = plan->mounts[i].kind == MOUNT_BIND; /* the innermost comes last */
	if (!shown)
		return 0;
	free(plan->cwd);
	plan->cwd = strdup(cwd);
	return plan->cwd ? 0 : error_oom(p->err);
}

/* Somebody granted another folder in the place of the home: nothing is kept then. */
static int check_home(struct planner *p)
{
	struct plan *plan = p->plan;

	for (size_t i = 0; plan->home_folder && i < plan->mounts_n; i++)
		if (plan->mounts[i].kept)
			return 0;
	free(plan->home_folder);
	plan->home_folder = NULL;
	plan->home_keep = 0;
	return 0;
}

static int source_is(struct plan_mount *m, const char *real, uint64_t dev, uint64_t ino, struct error *err)
{
	char *src = strdup(real);

	if (!src)
		return error_oom(err);
	free(m->src);
	m->src = src;
	m->dev = dev;
	m->ino = ino;
	return 0;
}

int plan_home_is(struct plan *plan, const char *real, uint64_t dev, uint64_t ino, struct error *err)
{
	for (size_t i = 0; i < plan->mounts_n; i++)
		if (plan->mounts[i].kept && source_is(&plan->mounts[i], real, dev, ino, err) < 0)
			return -1;
	return 0;
}

int plan_scratch_is(struct plan *plan, const char *real, uint64_t dev, uint64_t ino, struct error *err)
{
	for (size_t i = 0; i < plan->mounts_n; i++)
		if (plan->mounts[i].scratch && source_is(&plan->mounts[i], real, dev, ino, err) < 0)
			return -1;
	return 0;
}

static int make_own(struct planner *p)
{
	return p->plan->reduced ? planner_reduced_own(p) : planner_made(p);
}

static int narrow(struct planner *p)
{
	return p->plan->reduced ? planner_reduced(p) : 0;
}

int plan_make(const struct policy *policy, const struct facts *facts, struct plan *plan, struct error *err)
{
	CLEANUP(planner_free) struct planner p = { .policy = policy, .facts = facts, .plan = plan, .err = err };

	*plan = (struct plan){ 0 };
	if (planner_index(&p) == 0 && make_identity(&p) == 0 && copy_command(&p) == 0 && copy_rest(&p) == 0 && planner_later(&p) == 0 &&
	    make_layers(&p) == 0 && planner_guards(&p) == 0 && make_own(&p) == 0 && planner_env(&p) == 0 &&
	    planner_system(&p) == 0 && planner_target(&p) == 0 && planner_grants(&p) == 0 && planner_args(&p) == 0 &&
	    planner_links(&p) == 0 && planner_order(&p) == 0 && narrow(&p) == 0 && check_home(&p) == 0 && make_roots(&p) == 0 &&
	    check_exe(&p) == 0 && make_cwd(&p) == 0 && make_warnings(&p) == 0)
		return 0;
	plan_free(plan);
	return -1;
}

void plan_free(struct plan *plan)
{
	for (size_t i = 0; i < plan->mounts_n; i++)
		planner_drop(&plan->mounts[i]);
	free(plan->mounts);
	free(plan->user);
	free(plan->home);
	free(plan->hostname);
	free(plan->exe);
	strlist_free(&plan->argv);
	strlist_free(&plan->env);
	free(plan->cwd);
	network_names_free(&plan->names);
	free(plan->apparmor);
	mediation_free(&plan->mediation);
	free(plan->scratch);
	free(plan->home_folder);
	free(plan->pins_folder);
	free(plan->audit);
	free(plan->later.home);
	free(plan->later.home_other);
	strlist_free(&plan->later.protect);
	free(plan->later.runtime);
	free(plan->later.no_runtime);
	strlist_free(&plan->warnings);
	strlist_free(&plan->notes);
	strlist_free(&plan->missing);
	strlist_free(&plan->resolved);
	strlist_free(&plan->policies);
	*plan = (struct plan){ 0 };
}
