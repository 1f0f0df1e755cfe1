/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From the command line to the plan, the same way for a session, --dry-run and explain: the user, the
 * command, the policy (whose profile follows from the kind of command), what is true of each path, and the
 * plan out of it.
 */
#include "cli/cli.h"

#include "base/cleanup.h"
#include "base/path.h"
#include "cage/cage.h"
#include "rpc/rule-schemas.h"
#include "store/rulefiles.h"
#include "store/runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

struct work {
	struct facts facts;
	struct paths paths;
	struct policy_builder *builder;
	struct policy policy;
	bool has_policy;
	struct runner runner;
	struct package package;
};

static void work_free(struct work *w)
{
	runner_free(&w->runner);
	package_free(&w->package);
	policy_free(&w->policy);
	policy_builder_free(w->builder);
	paths_free(&w->paths);
	facts_free(&w->facts);
}

static int make_builder(struct work *w, const struct invocation *inv, struct error *err)
{
	const struct policy_dirs dirs = {
		.pkgdata = w->paths.pkgdata,
		.sysconf = w->paths.sysconf,
		.user_config = w->paths.user_config,
		.home = w->facts.home_env ? w->facts.home_env : w->facts.home,
		.cwd = w->paths.cwd,
		.uid = w->facts.uid,
	};

	w->builder = policy_builder_new(&dirs);
	if (!w->builder)
		return error_oom(err);
	for (size_t i = 0; i < inv->options_n; i++)
		if (policy_builder_option(w->builder, inv->options[i].key, inv->options[i].value, err) < 0)
			return -1;
	return 0;
}

/* Whether a file at PATH could be written: PATH itself, or the nearest folder above it that exists. */
static bool could_write(const char *path)
{
	CLEANUP_FREE char *at = strdup(path);

	if (!at)
		return false;
	if (faccessat(AT_FDCWD, at, W_OK, AT_EACCESS) == 0)
		return true;
	while (errno == ENOENT) {
		char *slash = strrchr(at, '/');
		if (!slash)
			return false;
		slash[slash == at] = '\0';
		if (faccessat(AT_FDCWD, at, W_OK | X_OK, AT_EACCESS) == 0)
			return true;
		if (slash == at)
			return false;
	}
	return false;
}

/*
 * The folder of control sockets. To be hidden it has to exist before the plan is made, and MAKE says whether it may be made; there
 * are machines without one, on which nothing can be granted to a session that runs.
 */
static int find_runtime(struct work *w, bool make, struct error *err)
{
	struct facts *f = &w->facts;
	struct error why;

	f->runtime = runtime_find(environ, f->uid, &why);
	if (f->runtime && strlist_add(&f->protect, f->runtime) < 0)
		return error_oom(err);
	if (f->runtime && (!make || runtime_make(f->runtime, &why) == 0))
		return 0;
	free(f->runtime);
	f->runtime = NULL;
	f->no_runtime = strdup(why.what);
	return f->no_runtime ? 0 : error_oom(err);
}

/* A folder that nobody else uses, for what is gone at the end of the session. */
static int name_scratch(struct facts *f, struct error *err)
{
	uint64_t number;

	if (getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number)
		return error_set(err, errno, "cannot get random numbers");
	if (asprintf(&f->reduced_folder, "%s/reduced/%016" PRIx64, f->state, number) < 0)
		f->reduced_folder = NULL;
	return f->reduced_folder ? 0 : error_oom(err);
}

/* Policy may allow to go without namespaces: only where they cannot be had, which is tried. */
static int try_namespaces(struct work *w, struct error *err)
{
	struct facts *f = &w->facts;
	struct probe_result why;

	if (!w->policy.reduced || f->reduced_why || probe_cage(&why))
		return 0;
	if (asprintf(&f->reduced_why, "%s: %s", why.name, why.detail) < 0)
		f->reduced_why = NULL;
	return f->reduced_why ? 0 : error_oom(err);
}

/* Where mcpcage's own files are: none of it enters the cage unless a person names it. */
static int protect_own(struct work *w, bool make, struct error *err)
{
	struct facts *f = &w->facts;
	struct strlist *list = &f->protect;

	f->state = strdup(w->policy.state ? w->policy.state : w->paths.state);
	if (find_runtime(w, make, err) < 0)
		return -1;
	if (f->reduced_why && f->state && name_scratch(f, err) < 0)
		return -1;
	if (!f->state || strlist_add(list, f->state) < 0 || strlist_add(list, w->paths.user_config) < 0 ||
	    strlist_add(list, w->paths.user_data) < 0)
		return error_oom(err);
	if (w->policy.audit && w->policy.audit[0] == '/' && strlist_add(list, w->policy.audit) < 0)
		return error_oom(err);
	for (size_t i = 0; i < w->policy.layers.n; i++) {
		const char *file = w->policy.layers.v[i];
		if (file[0] == '/' && !path_within(file, w->paths.pkgdata) && strlist_add(list, file) < 0)
			return error_oom(err);
	}
	CLEANUP_FREE char *audit =
		w->policy.audit ? strdup(w->policy.audit) : path_join(f->state, "audit.jsonl");
	if (!audit)
		return error_oom(err);
	/*
	 * A file that was named and cannot be written is an error when it is opened; the default is only
	 * missing.
	 */
	if (audit[0] == '/' && (w->policy.audit || could_write(audit)))
		f->layers |= LAYER_AUDIT;
	return 0;
}

/* A program that is to run outside the cage: its absolute path, executable. KEY is for the message. */
static int find_program(const struct work *w, struct strlist *command, enum key_id key, struct error *err)
{
	const char *name = policy_keys[key].path;

	if (command->n == 0)
		return 0;
	if (!strchr(command->v[0], '/')) {
		char *found = target_program(command->v[0], environ, &w->facts, err);
		if (!found) {
			error_prefix(err, "%s", name);
			return error_kind(err, ERROR_USAGE);
		}
		free(command->v[0]);
		command->v[0] = found;
	}
	if (faccessat(AT_FDCWD, command->v[0], X_OK, AT_EACCESS) < 0) {
		error_set(err, errno, "%s: cannot run %s", name, command->v[0]);
		return error_kind(err, ERROR_USAGE);
	}
	return 0;
}

/* Where files of rules are looked for: beside the policy files of each layer. */
static int find_rules(struct work *w, struct error *err)
{
	const char *const bases[] = { w->paths.pkgdata, w->paths.sysconf, w->paths.user_config };
	static const char *const names[] = { "profiles/rules", "rules", "rules" };

	for (size_t i = 0; i < ARRAY_SIZE(bases); i++) {
		char *folder = path_join(bases[i], names[i]);
		if (!folder || strlist_take(&w->policy.mediation.rule_folders, folder) < 0)
			return error_oom(err);
	}
	return 0;
}

static int find_programs(struct work *w, struct error *err)
{
	struct mediation *m = &w->policy.mediation;

	if (find_program(w, &m->text_command, KEY_TEXT_COMMAND, err) < 0 ||
	    find_program(w, &m->ask_with, KEY_ASK_WITH, err) < 0)
		return -1;
	return find_program(w, &m->alarm_command, KEY_ALARMS_COMMAND, err);
}

/* The folder of its pins has the name of the profile that the user named, if any. */
static int name_pins(struct work *w, const struct invocation *inv, struct error *err)
{
	const char *profile = NULL;

	for (size_t i = 0; i < inv->options_n; i++)
		if (inv->options[i].key->id == KEY_PROFILE)
			profile = inv->options[i].value;
	w->facts.pins_key = pins_key(inv->argv, profile, &w->facts.target, w->paths.cwd);
	return w->facts.pins_key ? 0 : error_oom(err);
}

/* A schema that says nothing certain is found before anything starts. They are compiled again where they are used. */
static int check_schemas(const struct plan *plan, struct error *err)
{
	CLEANUP(rule_schemas_freep) struct rule_schemas *schemas = rule_schemas_new(plan, err);

	return schemas ? 0 : -1;
}

/* Likewise the files of rules over texts. A session reads them where it uses them; whoever only explains it would not. */
static int check_rules(const struct plan *plan, enum obtain_how how, struct error *err)
{
	CLEANUP(rule_list_free) struct rule_list rules = { 0 };

	return how == OBTAIN_STORED ? rulefiles_load(&plan->mediation, geteuid(), false, &rules, err) : 0;
}

/* Where sessions of this policy are recorded. NULL with ERR when out of memory; the word "off" when nowhere. The caller frees. */
static char *audit_file(const struct work *w, struct error *err)
{
	const struct policy *p = &w->policy;
	char *file = p->audit ? strdup(p->audit) : path_join(p->state ? p->state : w->paths.state, "audit.jsonl");

	if (!file)
		error_oom(err);
	return file;
}

/* The package of REQUEST, with all that is known by now. */
static int obtain_with(struct work *w, const struct invocation *inv, const struct package_request *request, enum obtain_how how,
		       struct package *package, struct error *err)
{
	CLEANUP_FREE char *audit = audit_file(w, err);
	struct obtaining with = {
		.user = &w->facts, .paths = &w->paths, .policy = &w->policy, .log = &inv->log, .audit = audit,
		.runner = inv->argv ? inv->argv[0] : NULL,
	};

	if (!audit)
		return -1;
	/* The default is only missing where it cannot be had: a session says so. */
	if (strcmp(audit, "off") == 0 || (!w->policy.audit && !could_write(audit)))
		with.audit = NULL;
	return obtain(&with, request, how, package, err);
}

/* Policy for a command of the package that REQUEST asks for. */
static int policy_of_package(struct work *w, const struct package_request *request, struct error *err)
{
	enum target_kind kind = request->ecosystem == ECOSYSTEM_NPM ? TARGET_NODE : TARGET_PYTHON;

	if (request->specs.n > 0) {
		CLEANUP_FREE char *name = package_spec_name(request->ecosystem, request->specs.v[0]);
		if (!name)
			return error_oom(err);
		if (policy_builder_package(w->builder, request->ecosystem, name, err) < 0)
			return -1;
	}
	return policy_builder_finish(w->builder, kind, &w->policy, err);
}

/* The command is a package runner's: find or install its package. 0 also when it is none. */
static int resolve_package(struct work *w, const struct invocation *inv, enum obtain_how how, struct error *err)
{
	struct facts *f = &w->facts;
	int is = runner_parse(inv->argv, &w->runner, err);

	if (is <= 0)
		return is;
	if (w->runner.project) {
		f->runner = &w->runner;
		return 0;
	}
	/* What may happen while it is installed, and in the session, is policy's to say; its profiles follow from the package. */
	if (policy_of_package(w, &w->runner.request, err) < 0)
		return -1;
	w->has_policy = true;
	w->runner.request.scripts = w->policy.packages_scripts;
	/* Before anything is fetched, which takes namespaces as well. */
	if (try_namespaces(w, err) < 0)
		return -1;
	if (f->reduced_why)
		return plan_reduced_package(err);
	if (obtain_with(w, inv, &w->runner.request, how, &w->package, err) < 0)
		return -1;
	f->package_command = package_command(&w->package, w->runner.command, err);
	f->package = &w->package;
	f->runner = &w->runner;
	return f->package_command ? 0 : -1;
}

static int make_policy(struct work *w, struct error *err)
{
	return w->has_policy ? 0 : policy_builder_finish(w->builder, w->facts.target.kind, &w->policy, err);
}

int prepare(const struct invocation *inv, enum obtain_how how, struct plan *plan, struct error *err)
{
	CLEANUP(work_free) struct work w = { 0 };

	if (facts_user(&w.facts, environ, err) < 0 || paths_find(&w.facts, environ, &w.paths, err) < 0 ||
	    make_builder(&w, inv, err) < 0 || resolve_package(&w, inv, how, err) < 0 ||
	    target_resolve(inv->argv, environ, &w.facts, err) < 0 || make_policy(&w, err) < 0 || try_namespaces(&w, err) < 0 || find_programs(&w, err) < 0 ||
	    find_rules(&w, err) < 0 || protect_own(&w, how != OBTAIN_STORED, err) < 0 || name_pins(&w, inv, err) < 0 ||
	    facts_gather(&w.policy, inv->argv, environ, &w.facts, err) < 0)
		return -1;
	if (plan_make(&w.policy, &w.facts, plan, err) < 0)
		return -1;
	if (check_schemas(plan, err) == 0 && check_rules(plan, how, err) == 0)
		return 0;
	plan_free(plan);
	return -1;
}

int obtain_alone(const struct invocation *inv, const struct package_request *request, enum obtain_how how,
		 struct package *package, struct error *err)
{
	CLEANUP(work_free) struct work w = { 0 };
	struct package_request asked = *request; /* borrowed */

	if (facts_user(&w.facts, environ, err) < 0 || paths_find(&w.facts, environ, &w.paths, err) < 0 ||
	    make_builder(&w, inv, err) < 0 || policy_of_package(&w, request, err) < 0)
		return -1;
	if (how == OBTAIN_ASKED)
		asked.scripts = w.policy.packages_scripts;
	if (asked.scripts && !w.policy.packages_scripts) {
		error_set(err, 0, "%s was installed with install scripts allowed, and they are not now", request->specs.v[0]);
		error_kind(err, ERROR_USAGE);
		return error_hint(err, "give --allow-scripts, or remove it and install it without");
	}
	return obtain_with(&w, inv, &asked, how, package, err);
}

int prepare_policy(const struct invocation *inv, struct plan *plan, struct error *err)
{
	CLEANUP(work_free) struct work w = { 0 };

	*plan = (struct plan){ 0 };
	if (facts_user(&w.facts, environ, err) < 0 || paths_find(&w.facts, environ, &w.paths, err) < 0 ||
	    make_builder(&w, inv, err) < 0 || policy_builder_finish(w.builder, TARGET_BINARY, &w.policy, err) < 0 ||
	    mediation_copy(&plan->mediation, &w.policy.mediation, err) < 0)
		return -1;
	plan->home = strdup(w.facts.home);
	plan->cwd = strdup(w.facts.home);
	plan->message_size = w.policy.message_size;
	plan->call_timeout = w.policy.call_timeout;
	if (plan->home && plan->cwd && strlist_copy(&plan->policies, &w.policy.layers) == 0)
		return 0;
	plan_free(plan);
	return error_oom(err);
}

int prepare_places(const struct invocation *inv, struct places *places, struct error *err)
{
	CLEANUP(work_free) struct work w = { 0 };

	*places = (struct places){ 0 };
	if (facts_user(&w.facts, environ, err) < 0 || paths_find(&w.facts, environ, &w.paths, err) < 0 ||
	    make_builder(&w, inv, err) < 0 || policy_builder_finish(w.builder, TARGET_BINARY, &w.policy, err) < 0 ||
	    find_rules(&w, err) < 0 || mediation_copy(&places->mediation, &w.policy.mediation, err) < 0)
		return -1;
	places->state = strdup(w.policy.state ? w.policy.state : w.paths.state);
	if (places->state && (!w.policy.audit || strcmp(w.policy.audit, "off") != 0))
		places->audit = w.policy.audit ? strdup(w.policy.audit) : path_join(places->state, "audit.jsonl");
	if (places->state && (places->audit || w.policy.audit))
		return 0;
	places_free(places);
	return error_oom(err);
}

void places_free(struct places *places)
{
	free(places->state);
	free(places->audit);
	mediation_free(&places->mediation);
	*places = (struct places){ 0 };
}
