/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The plan in words, for `mcpcage explain`: what the server can read, change, run, reach and use. It is
 * read by people who decide whether to trust a configuration, so what matters most comes first and
 * nothing is left out.
 */
#include "policy/plan.h"

#include "base/cleanup.h"
#include "policy/keys.h"
#include "policy/show.h"
#include "policy/value.h"

#include <stdlib.h>
#include <string.h>

#define COLUMN 34

static bool is_system(const struct plan_mount *m)
{
	return strcmp(m->why, "system") == 0;
}

void explain_heading(struct buf *out, const char *text)
{
	buf_printf(out, "\n%s\n", text);
}

void explain_entry(struct buf *out, const char *left, const char *right)
{
	size_t from;

	buf_puts(out, "  ");
	from = out->n;
	show_text(out, left);
	if (right && *right) {
		do
			buf_putc(out, ' ');
		while (out->n - from < COLUMN && !out->full);
		show_text(out, right);
	}
	buf_putc(out, '\n');
}

static void lines(struct buf *out, const struct strlist *list)
{
	for (size_t i = 0; i < list->n; i++)
		explain_entry(out, list->v[i], NULL);
}

void flow_word(struct flow *flow, const char *word)
{
	size_t n = strlen(word);

	if (flow->column == 0) {
		buf_puts(flow->out, "  ");
		flow->column = 2;
	} else if (flow->column + n + 2 > 90) {
		buf_puts(flow->out, ",\n  ");
		flow->column = 2;
	} else {
		buf_puts(flow->out, ", ");
		flow->column += 2;
	}
	show_text(flow->out, word);
	flow->column += n;
}

void flow_end(struct flow *flow)
{
	if (flow->column)
		buf_putc(flow->out, '\n');
}

/* ---- the parts ----------------------------------------------------------------------------------- */

static void explain_command(const struct plan *plan, struct buf *out)
{
	static const char *const kinds[] = {
		[TARGET_BINARY] = "a program",
		[TARGET_NODE] = "a Node.js server",
		[TARGET_PYTHON] = "a Python server",
		[TARGET_SCRIPT] = "a script",
	};

	buf_puts(out, "Runs\n  ");
	for (size_t i = 0; i < plan->argv.n; i++) {
		CLEANUP_FREE char *shown = show_argument(&plan->argv, i);
		if (i)
			buf_putc(out, ' ');
		show_word(out, shown ? shown : "");
	}
	buf_printf(out, "\n  %s, as user ", kinds[plan->kind]);
	show_text(out, plan->user);
	buf_printf(out, " (%u), without any privileges; the program is ", (unsigned)plan->uid);
	show_text(out, plan->exe);
	buf_putc(out, '\n');
	lines(out, &plan->resolved);
	buf_puts(out, "  It can start any program among the files that it can read; they are in the same cage.\n");
}

static void explain_bind(const struct plan_mount *m, struct buf *out)
{
	CLEANUP_BUF struct buf right = BUF_INIT(0);

	if (strcmp(m->src, m->dest) != 0)
		buf_printf(&right, "this is %s, ", m->src);
	buf_printf(&right, "%s", m->why);
	const char *text = buf_str(&right);
	explain_entry(out, m->dest, text ? text : m->why);
}

static void explain_made(const struct plan_mount *m, struct buf *out)
{
	CLEANUP_BUF struct buf right = BUF_INIT(0);

	buf_printf(&right, "made of %zu bytes in %s", strlen(m->data), m->why);
	const char *text = buf_str(&right);
	explain_entry(out, m->dest, text ? text : m->why);
}

static void explain_reads(const struct plan *plan, struct buf *out)
{
	struct flow system = { .out = out };

	explain_heading(out, "Reads");
	for (size_t i = 0; i < plan->mounts_n; i++)
		if (plan->mounts[i].kind == MOUNT_BIND && !plan->mounts[i].write && !is_system(&plan->mounts[i]))
			explain_bind(&plan->mounts[i], out);
	for (size_t i = 0; i < plan->mounts_n; i++)
		if (plan->mounts[i].kind == MOUNT_DATA && strcmp(plan->mounts[i].why, "made by mcpcage") != 0)
			explain_made(&plan->mounts[i], out);
	buf_puts(out, "  and of the system:\n");
	for (size_t i = 0; i < plan->mounts_n; i++)
		if (is_system(&plan->mounts[i]))
			flow_word(&system, plan->mounts[i].dest);
	flow_end(&system);
}

static void explain_writes(const struct plan *plan, struct buf *out)
{
	const struct policy_key *size = &policy_keys[KEY_FILES_TMP_SIZE];
	char text[128], number[32];

	explain_heading(out, "Reads and writes");
	for (size_t i = 0; i < plan->mounts_n; i++)
		if (plan->mounts[i].kind == MOUNT_BIND && plan->mounts[i].write)
			explain_bind(&plan->mounts[i], out);
	for (size_t i = 0; i < plan->mounts_n; i++) {
		const struct plan_mount *m = &plan->mounts[i];
		if (m->kind != MOUNT_TMPFS)
			continue;
		value_number_text(size, m->size, number);
		snprintf(text, sizeof text, "%s: empty at the start, %s at most, gone at the end", m->why, number);
		explain_entry(out, m->dest, text);
	}
}

static void explain_hidden(const struct plan *plan, struct buf *out)
{
	explain_heading(out, "Does not see");
	for (size_t i = 0; i < plan->mounts_n; i++)
		if (plan->mounts[i].kind == MOUNT_MASK) {
			CLEANUP_FREE char *why = NULL;
			if (asprintf(&why, "hidden: it %s", plan->mounts[i].why) >= 0)
				explain_entry(out, plan->mounts[i].dest, why);
		}
	if (plan->reduced)
		buf_puts(out, "  what is in any other file, the list of any other folder, other processes' memory, a terminal, a desktop\n");
	else
		buf_printf(out, "  anything else: no other files, no processes outside, no terminal%s\n",
			   plan->network == NETWORK_HOST ? "" : ", no desktop, no sockets");
}

static void explain_network(const struct plan *plan, struct buf *out)
{
	explain_heading(out, "Network");
	if (plan->network == NETWORK_HOST)
		buf_puts(out, "  THE HOST'S: the internet, the local network, and every service of this machine\n");
	else if (plan->network == NETWORK_NAMES)
		show_network_words(plan, out);
	else
		buf_puts(out, "  none, not even this machine's own services\n");
	if (plan->unix_sockets)
		buf_puts(out, "  Unix-domain sockets among its own processes\n");
}

static void explain_env(const struct plan *plan, struct buf *out)
{
	struct flow flow = { .out = out };

	explain_heading(out, "Environment");
	for (size_t i = 0; i < plan->env.n; i++) {
		CLEANUP_FREE char *name = strndup(plan->env.v[i], strcspn(plan->env.v[i], "="));
		if (name)
			flow_word(&flow, name);
	}
	flow_end(&flow);
}

static void explain_limits(const struct plan *plan, struct buf *out)
{
	const struct {
		const char *name;
		uint64_t number;
		enum key_id key;
		bool cgroup;
	} limits[] = {
		{ "memory", plan->memory, KEY_LIMITS_MEMORY, true },
		{ "swap", plan->swap, KEY_LIMITS_SWAP, true },
		{ "processes and threads", plan->tasks, KEY_LIMITS_TASKS, true },
		{ "processor time", plan->cpu, KEY_LIMITS_CPU, true },
		{ "bytes of a disk a second", plan->io, KEY_LIMITS_IO, true },
		{ "open files of a process", plan->open_files, KEY_LIMITS_OPEN_FILES, false },
		{ "size of a file", plan->file_size, KEY_LIMITS_FILE_SIZE, false },
		{ "size of a message", plan->message_size, KEY_LIMITS_MESSAGE_SIZE, false },
		{ "time of a request", plan->call_timeout, KEY_LIMITS_CALL_TIMEOUT, false },
		{ "time without messages", plan->idle_timeout, KEY_LIMITS_IDLE_TIMEOUT, false },
		{ "frozen when nothing was asked for", plan->freeze_idle, KEY_LIMITS_FREEZE_IDLE, false },
		{ "time of the session", plan->session_timeout, KEY_LIMITS_SESSION_TIMEOUT, false },
		{ "time of a grant while it runs", plan->later.longest, KEY_GRANTS_LONGEST, false },
	};

	explain_heading(out, "Limits");
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		const struct policy_key *key = &policy_keys[limits[i].key];
		char number[32], text[80];
		value_number_text(key, limits[i].number, number);
		bool lost = limits[i].cgroup && !(plan->layers & LAYER_CGROUP) &&
			    limits[i].number != policy_key_no_limit(key);
		snprintf(text, sizeof text, "%s%s", number, lost ? " (NOT ENFORCED: no control group)" : "");
		explain_entry(out, limits[i].name, text);
	}
}

static void explain_layers(const struct plan *plan, struct buf *out)
{
	struct flow flow = { .out = out };

	explain_heading(out, "Layers of the cage");
	for (unsigned bit = 1; layer_name((enum layer)bit); bit <<= 1) {
		char text[300];
		if (!(plan->layers & bit))
			continue;
		if (bit == LAYER_LANDLOCK)
			snprintf(text, sizeof text, "landlock (ABI %d)", plan->landlock_abi);
		else if (bit == LAYER_APPARMOR)
			snprintf(text, sizeof text, "apparmor (%.256s)", plan->apparmor);
		else
			snprintf(text, sizeof text, "%s", layer_name((enum layer)bit));
		flow_word(&flow, text);
	}
	flow_end(&flow);
	lines(out, &plan->missing);
}

void plan_explain(const struct plan *plan, struct buf *out)
{
	if (plan->reduced)
		buf_puts(out, "REDUCED MODE: there are no namespaces here. \"Layers of the cage\" below tells what that means.\n\n");
	for (size_t i = 0; i < plan->warnings.n; i++) {
		buf_puts(out, "WARNING: ");
		show_text(out, plan->warnings.v[i]);
		buf_puts(out, i + 1 < plan->warnings.n ? "\n" : "\n\n");
	}
	explain_command(plan, out);
	show_outside_words(plan, out);
	explain_reads(plan, out);
	explain_writes(plan, out);
	explain_hidden(plan, out);
	explain_network(plan, out);
	show_mediation_words(plan, out);
	explain_env(plan, out);
	explain_limits(plan, out);
	explain_layers(plan, out);
	explain_heading(out, "Audit log");
	explain_entry(out, plan->audit ? plan->audit : "off", NULL);
	explain_heading(out, "Policy, in the order in which it was read");
	lines(out, &plan->policies);
	if (plan->notes.n) {
		explain_heading(out, "Notes");
		lines(out, &plan->notes);
	}
}
