/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A policy file, from its bytes to a plan. Whatever the bytes are:
 *  - what is refused is refused with a message that names the file;
 *  - what is accepted can be locked and read once more, since saying the same again loosens nothing;
 *  - a plan made of it shows nothing of the host that is never shown, and mounts parents before children, once each.
 */
#include "base/path.h"
#include "policy/file.h"
#include "policy/plan.h"
#include "policy/protect.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char home[] = "/home/me";
static const struct value_source source = { .home = home, .origin = "fuzz.json", .commands = true };

static void add_fact(struct facts *facts, const char *path, enum path_type type, const char *real)
{
	if (facts_path(facts, path))
		return;
	facts->paths = realloc(facts->paths, (facts->paths_n + 1) * sizeof *facts->paths);
	if (!facts->paths)
		abort();
	facts->paths[facts->paths_n++] = (struct path_fact){
		.asked = strdup(path), .real = type == PATH_MISSING ? NULL : strdup(real), .type = type, .dev = 1, .ino = 1,
	};
}

/* What PATH is, drawn from its name: mostly a folder, at times a file, something else, or a symlink. */
static void draw_fact(struct facts *facts, const char *path)
{
	static const char *const ends[] = {
		"/disk/x", "/home/me/.ssh", "/run/user/1000", "/home/me", "/", "/home/me/.config/mcpcage", "/usr/lib", "/srv/a",
	};
	unsigned h = 5381;

	for (const char *c = path; *c; c++)
		h = h * 33 + (unsigned char)*c;
	enum path_type type = h % 7 == 0 ? PATH_FILE : h % 31 == 0 ? PATH_SOCKET : h % 37 == 0 ? PATH_MISSING : PATH_DIR;
	add_fact(facts, path, type, h % 5 == 0 ? ends[h / 5 % 8] : path);
}

/*
 * A machine on which what the policy names mostly exists, and half of what is protected. Patterns of tools serve as the
 * server's arguments.
 */
static void invent(const struct policy *policy, struct facts *facts)
{
	struct strlist protect = { 0 };

	facts->uid = facts->gid = 1000;
	facts->user = strdup("me");
	facts->home = strdup(home);
	facts->layers = ~0U;
	facts->target.exe = strdup("/usr/bin/server");
	facts->target.args_from = 1;
	if (!facts->user || !facts->home || !facts->target.exe || protect_list(home, &protect) < 0 ||
	    strlist_add(&facts->target.argv, "/usr/bin/server") < 0)
		abort();
	add_fact(facts, "/usr", PATH_DIR, "/usr");
	for (size_t i = 0; i < protect.n; i++)
		add_fact(facts, protect.v[i], i % 2 ? PATH_DIR : PATH_MISSING, i == 1 ? "/srv/a/b" : protect.v[i]);
	for (size_t i = 0; i < policy->grants_n; i++)
		draw_fact(facts, policy->grants[i].source);
	for (size_t i = 0; i < policy->system.n; i++)
		draw_fact(facts, policy->system.v[i]);
	for (size_t i = 0; i < policy->tmpfs.n; i++)
		draw_fact(facts, policy->tmpfs.v[i]);
	for (size_t i = 0; i < policy->mediation.tools_deny.n; i++) {
		char *path = plan_arg_path(policy->mediation.tools_deny.v[i]);
		if (path)
			draw_fact(facts, path);
		free(path);
		if (strlist_add(&facts->target.argv, policy->mediation.tools_deny.v[i]) < 0)
			abort();
	}
	strlist_free(&protect);
}

/* Whether a grant names something in GUARD that PATH is in. */
static bool is_granted(const struct policy *policy, const char *guard, const char *path)
{
	for (size_t i = 0; i < policy->grants_n; i++)
		if (path_within(policy->grants[i].source, guard) && path_within(path, policy->grants[i].source))
			return true;
	return false;
}

static void check_mount(const struct policy *policy, const struct plan *plan, size_t i)
{
	const struct protect_homes homes = { home, NULL };
	const struct plan_mount *m = &plan->mounts[i];
	char *normal = path_normalize(m->dest);

	if (!m->why || !normal || strcmp(normal, m->dest) != 0 || !m->dest[1])
		abort();
	free(normal);
	if (m->kind == MOUNT_BIND && protect_never(m->src, &homes))
		abort();
	if (m->kind == MOUNT_BIND && m->write && (path_within(m->src, "/usr") || path_within(m->src, "/etc")))
		abort();
	if (m->kind == MOUNT_BIND && strcmp(m->why, "argument") == 0) {
		if (protect_argument(m->src, &homes))
			abort();
		for (size_t g = 0; g < protect_entries_n; g++) {
			char guard[300];
			snprintf(guard, sizeof guard, "%s/%s", home, protect_entries[g].path);
			if (path_within(m->src, guard) && !is_granted(policy, guard, m->src))
				abort();
		}
	}
	for (size_t k = i + 1; k < plan->mounts_n; k++) {
		if (path_within(m->dest, plan->mounts[k].dest))
			abort();
		if (m->kind == MOUNT_SYMLINK && path_within(plan->mounts[k].dest, m->dest))
			abort();
		/* In a folder of the host only what is there already is mounted on. */
		if (m->kind == MOUNT_BIND && plan->mounts[k].kind == MOUNT_SYMLINK &&
		    path_within(plan->mounts[k].dest, m->dest))
			abort();
	}
}

static void try_plan(const struct policy *policy)
{
	struct facts facts = { 0 };
	struct plan plan;
	struct error err = { 0 };
	struct buf out = { 0 };

	invent(policy, &facts);
	if (plan_make(policy, &facts, &plan, &err) < 0) {
		if (!err.what[0])
			abort();
	} else {
		for (size_t i = 0; i < plan.mounts_n; i++)
			check_mount(policy, &plan, i);
		plan_explain(&plan, &out);
		plan_print(&plan, &out);
		plan_json(&plan, &out);
		if (out.full)
			abort();
		plan_free(&plan);
	}
	buf_free(&out);
	facts_free(&facts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct policy_file file = { .name = "fuzz.json", .text = BUF_INIT(POLICY_FILE_MAX) };
	struct merge merge = { 0 };
	struct strlist extends = { 0 };
	struct policy policy = { 0 };
	struct error err = { 0 };

	if (size > 65536 || buf_append(&file.text, data, size) < 0)
		return 0;
	if (policy_file_parse(&file, &err) == 0 && policy_file_extends(&file, &extends, &err) == 0 &&
	    merge_init(&merge, &err) == 0 && policy_file_merge(&file, &source, true, &merge, &err) == 0) {
		static const char *const groups[] = {
			"files", "env", "network", "limits", "confine", "tools", "schema", "methods", "pins", "text", "client",
			"ask", "alarms", "audit", "state",
		};
		for (size_t i = 0; i < sizeof groups / sizeof *groups; i++)
			if (merge_lock(&merge, groups[i], "fuzz.json", &err) < 0)
				abort();
		size_t locked = merge.policy.mediation.rules_n;
		enum tool_verdict verdict = locked ? merge.policy.mediation.rules[0].verdict : TOOL_ALLOW;
		/* A file that locks has closed a stage before; there are not more than two here. */
		if (merge_locks_done(&merge, &err) < 0)
			abort();
		if (policy_file_merge(&file, &source, true, &merge, &err) < 0 && locked <= RULES_MAX / 2)
			abort();
		if (locked && merge.policy.mediation.rules[0].verdict != verdict)
			abort();
		if (merge_finish(&merge, &policy, &err) == 0)
			try_plan(&policy);
		else if (!err.what[0])
			abort();
	} else if (strncmp(err.what, "fuzz.json", 9) != 0) {
		abort();
	}
	policy_free(&policy);
	merge_free(&merge);
	strlist_free(&extends);
	policy_file_close(&file);
	return 0;
}
