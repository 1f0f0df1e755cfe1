/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The plan for programs: as one JSON object (`explain --json`, the audit log), and flat, a line a step
 * (`--dry-run`, golden tests). Neither shows values of environment variables.
 */
#include "policy/plan.h"

#include "base/cleanup.h"
#include "base/json-out.h"
#include "policy/keys.h"
#include "policy/show.h"
#include "policy/value.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char *const kind_names[] = {
	[MOUNT_BIND] = "bind",	     [MOUNT_TMPFS] = "tmpfs", [MOUNT_PROC] = "proc", [MOUNT_DEV] = "dev",
	[MOUNT_SYMLINK] = "symlink", [MOUNT_DATA] = "data",   [MOUNT_DIR] = "dir",   [MOUNT_MASK] = "mask",
};

static const char *const target_names[] = {
	[TARGET_BINARY] = "binary",
	[TARGET_NODE] = "node",
	[TARGET_PYTHON] = "python",
	[TARGET_SCRIPT] = "script",
};

struct limit {
	enum key_id key;
	const char *name;
	uint64_t number;
};

#define LIMITS_N 13

static void list_limits(const struct plan *plan, struct limit limits[LIMITS_N])
{
	const struct limit all[LIMITS_N] = {
		{ KEY_LIMITS_MEMORY, "memory", plan->memory },
		{ KEY_LIMITS_SWAP, "swap", plan->swap },
		{ KEY_LIMITS_TASKS, "tasks", plan->tasks },
		{ KEY_LIMITS_CPU, "cpu", plan->cpu },
		{ KEY_LIMITS_IO, "io", plan->io },
		{ KEY_LIMITS_OPEN_FILES, "open_files", plan->open_files },
		{ KEY_LIMITS_FILE_SIZE, "file_size", plan->file_size },
		{ KEY_LIMITS_MESSAGE_SIZE, "message_size", plan->message_size },
		{ KEY_LIMITS_CALL_TIMEOUT, "call_timeout", plan->call_timeout },
		{ KEY_LIMITS_IDLE_TIMEOUT, "idle_timeout", plan->idle_timeout },
		{ KEY_LIMITS_FREEZE_IDLE, "freeze_idle", plan->freeze_idle },
		{ KEY_LIMITS_SESSION_TIMEOUT, "session_timeout", plan->session_timeout },
		{ KEY_GRANTS_LONGEST, "grants_longest", plan->later.longest },
	};

	memcpy(limits, all, sizeof all);
}

/* ---- JSON ---------------------------------------------------------------------------------------- */

static void strings(struct buf *out, const char *key, const struct strlist *list)
{
	json_key(out, key);
	buf_putc(out, '[');
	for (size_t i = 0; i < list->n; i++) {
		json_comma(out);
		json_string(out, span_of(list->v[i]));
	}
	buf_putc(out, ']');
}

static void layers(struct buf *out, const char *key, unsigned bits)
{
	json_key(out, key);
	buf_putc(out, '[');
	for (unsigned bit = 1; layer_name((enum layer)bit); bit <<= 1)
		if (bits & bit) {
			json_comma(out);
			json_string(out, span_of(layer_name((enum layer)bit)));
		}
	buf_putc(out, ']');
}

static void json_command(const struct plan *plan, struct buf *out)
{
	json_key(out, "command");
	buf_putc(out, '{');
	json_member_str(out, "kind", target_names[plan->kind]);
	json_member_str(out, "exe", plan->exe);
	json_key(out, "argv");
	buf_putc(out, '[');
	for (size_t i = 0; i < plan->argv.n; i++) {
		CLEANUP_FREE char *shown = show_argument(&plan->argv, i);
		json_comma(out);
		json_string(out, span_of(shown ? shown : ""));
	}
	buf_putc(out, ']');
	json_member_str(out, "cwd", plan->cwd);
	strings(out, "resolved", &plan->resolved);
	buf_putc(out, '}');
}

static void json_mounts(const struct plan *plan, struct buf *out)
{
	json_key(out, "mounts");
	buf_putc(out, '[');
	for (size_t i = 0; i < plan->mounts_n; i++) {
		const struct plan_mount *m = &plan->mounts[i];
		json_comma(out);
		buf_putc(out, '{');
		json_member_str(out, "kind", kind_names[m->kind]);
		json_member_str(out, "path", m->dest);
		if (m->src)
			json_member_str(out, "source", m->src);
		json_member_bool(out, "write", m->write);
		if (m->size)
			json_member_u64(out, "size", m->size);
		json_member_str(out, "why", m->why);
		buf_putc(out, '}');
	}
	buf_putc(out, ']');
}

static void json_env(const struct plan *plan, struct buf *out)
{
	json_key(out, "env");
	buf_putc(out, '[');
	for (size_t i = 0; i < plan->env.n; i++) {
		json_comma(out);
		json_string(out, (struct span){ plan->env.v[i], strcspn(plan->env.v[i], "=") });
	}
	buf_putc(out, ']');
}

static void json_limits(const struct plan *plan, struct buf *out)
{
	struct limit limits[LIMITS_N];

	list_limits(plan, limits);
	json_key(out, "limits");
	buf_putc(out, '{');
	for (size_t i = 0; i < LIMITS_N; i++) {
		const struct policy_key *key = &policy_keys[limits[i].key];
		if (key->unlimited && limits[i].number == policy_key_no_limit(key))
			json_member_str(out, limits[i].name, NULL);
		else
			json_member_u64(out, limits[i].name, limits[i].number);
	}
	buf_putc(out, '}');
}

void plan_json(const struct plan *plan, struct buf *out)
{
	buf_putc(out, '{');
	json_command(plan, out);
	json_key(out, "user");
	buf_putc(out, '{');
	json_member_str(out, "name", plan->user);
	json_member_u64(out, "uid", plan->uid);
	json_member_u64(out, "gid", plan->gid);
	json_member_str(out, "home", plan->home);
	buf_putc(out, '}');
	json_mounts(plan, out);
	json_member_str(out, "network", policy_keys[KEY_NETWORK_MODE].words[plan->network]);
	show_network_json(plan, out);
	json_member_bool(out, "unix_sockets", plan->unix_sockets);
	json_member_bool(out, "reduced", plan->reduced);
	show_mediation_json(&plan->mediation, out);
	json_member_str(out, "home_folder", plan->home_folder);
	json_member_str(out, "pins_folder", plan->pins_folder);
	json_env(plan, out);
	json_limits(plan, out);
	json_key(out, "layers");
	buf_putc(out, '{');
	layers(out, "active", plan->layers);
	layers(out, "required", plan->require);
	strings(out, "missing", &plan->missing);
	json_member_u64(out, "landlock_abi", (uint64_t)plan->landlock_abi);
	json_member_str(out, "apparmor", plan->apparmor);
	json_member_bool(out, "apparmor_own", plan->apparmor_own);
	buf_putc(out, '}');
	json_member_str(out, "audit", plan->audit);
	strings(out, "policies", &plan->policies);
	strings(out, "warnings", &plan->warnings);
	strings(out, "notes", &plan->notes);
	buf_putc(out, '}');
}

/* ---- flat ---------------------------------------------------------------------------------------- */

static void line(struct buf *out, const char *word, const char *text)
{
	buf_puts(out, word);
	buf_putc(out, ' ');
	show_word(out, text);
	buf_putc(out, '\n');
}

static void all_lines(struct buf *out, const char *word, const struct strlist *list)
{
	for (size_t i = 0; i < list->n; i++) {
		buf_printf(out, "%s ", word);
		show_text(out, list->v[i]);
		buf_putc(out, '\n');
	}
}

static void print_mount(const struct plan_mount *m, struct buf *out)
{
	char size[32];

	buf_puts(out, kind_names[m->kind]);
	if (m->kind == MOUNT_BIND)
		buf_puts(out, m->write ? "-rw" : "-ro");
	buf_putc(out, ' ');
	show_word(out, m->dest);
	if (m->src && strcmp(m->src, m->dest) != 0) {
		buf_puts(out, m->kind == MOUNT_SYMLINK ? " -> " : " from ");
		show_word(out, m->src);
	}
	if (m->size) {
		value_number_text(&policy_keys[KEY_FILES_TMP_SIZE], m->size, size);
		buf_printf(out, " size %s", size);
	}
	if (m->data)
		buf_printf(out, " of %zu bytes", strlen(m->data));
	buf_puts(out, "  # ");
	show_text(out, m->why);
	buf_putc(out, '\n');
}

void plan_print(const struct plan *plan, struct buf *out)
{
	struct limit limits[LIMITS_N];
	char number[32];

	if (plan->reduced)
		buf_puts(out, "reduced\n");
	for (size_t i = 0; i < plan->mounts_n; i++)
		print_mount(&plan->mounts[i], out);
	buf_printf(out, "user %u:%u ", (unsigned)plan->uid, (unsigned)plan->gid);
	show_text(out, plan->user);
	buf_putc(out, '\n');
	if (!plan->reduced)
		line(out, "hostname", plan->hostname);
	line(out, "cwd", plan->cwd);
	for (size_t i = 0; i < plan->env.n; i++) {
		CLEANUP_FREE char *name = strndup(plan->env.v[i], strcspn(plan->env.v[i], "="));
		line(out, "env", name ? name : "");
	}
	line(out, "network", policy_keys[KEY_NETWORK_MODE].words[plan->network]);
	show_network_print(plan, out);
	line(out, "unix-sockets", plan->unix_sockets ? "yes" : "no");
	list_limits(plan, limits);
	for (size_t i = 0; i < LIMITS_N; i++) {
		value_number_text(&policy_keys[limits[i].key], limits[i].number, number);
		buf_printf(out, "limit %s %s\n", limits[i].name, number);
	}
	for (unsigned bit = 1; layer_name((enum layer)bit); bit <<= 1)
		if (plan->layers & bit)
			line(out, plan->require & bit ? "layer-required" : "layer", layer_name((enum layer)bit));
	all_lines(out, "missing", &plan->missing);
	show_mediation_print(&plan->mediation, out);
	if (plan->home_folder)
		line(out, "home-folder", plan->home_folder);
	if (plan->pins_folder)
		line(out, "pins-folder", plan->pins_folder);
	line(out, "audit", plan->audit ? plan->audit : "off");
	all_lines(out, "policy", &plan->policies);
	all_lines(out, "warning", &plan->warnings);
	all_lines(out, "note", &plan->notes);
	line(out, "exec", plan->exe);
	for (size_t i = 0; i < plan->argv.n; i++) {
		CLEANUP_FREE char *shown = show_argument(&plan->argv, i);
		line(out, "argv", shown ? shown : "");
	}
}
