/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The server's name for people. Pure; called by the filter and the monitor. */
#include "session/label.h"

#include "base/buf.h"
#include "rpc/question.h"

#include <stdint.h>
#include <string.h>

static void copy(char *to, size_t size, const char *text, size_t n)
{
	size_t length = strnlen(text, n < size - 1 ? n : size - 1);

	memcpy(to, text, length);
	to[length] = '\0';
}

/* "@scope/name" of a path through node_modules, else the file's own name. */
static void name_of_path(char *to, size_t size, const char *path)
{
	static const char modules[] = "/node_modules/";
	const char *at = NULL;

	for (const char *next = path; (next = strstr(next, modules)) != NULL; at = next)
		next += sizeof modules - 1;
	if (at && at[0] != '.') {
		size_t n = strcspn(at, "/");
		if (at[0] == '@' && at[n] == '/')
			n += 1 + strcspn(at + n + 1, "/");
		copy(to, size, at, n);
		return;
	}
	const char *slash = strrchr(path, '/');
	copy(to, size, slash ? slash + 1 : path, SIZE_MAX);
}

void plan_label(char *to, size_t size, const struct plan *plan)
{
	if (plan->mediation.pins_name)
		copy(to, size, plan->mediation.pins_name, SIZE_MAX);
	else if (plan->named)
		name_of_path(to, size, plan->argv.v[plan->named]);
	else
		name_of_path(to, size, plan->exe);
}

/* Paths of each kind that are named; the others are counted. */
#define PATHS_SHOWN 6

static void paths(struct buf *out, const struct plan *plan, bool write, const char *verb)
{
	size_t n = 0;

	for (size_t i = 0; i < plan->mounts_n; i++) {
		const struct plan_mount *m = &plan->mounts[i];
		/* What every server has is no news to the person who is asked. */
		if (m->kind != MOUNT_BIND || m->kept || m->write != write || strcmp(m->why, "system") == 0)
			continue;
		if (n++ >= PATHS_SHOWN)
			continue;
		buf_puts(out, n == 1 ? verb : ", ");
		question_text(out, m->dest, 120);
	}
	if (n > PATHS_SHOWN)
		buf_printf(out, " and %zu more", n - PATHS_SHOWN);
	if (n > 0)
		buf_puts(out, "; ");
}

static void hosts(struct buf *out, const struct plan *plan)
{
	const struct strlist *allow = &plan->names.allow;

	if (allow->n == 0 && plan->names.unknown != UNKNOWN_ASK) {
		buf_puts(out, "no network");
		return;
	}
	buf_puts(out, "connects to ");
	for (size_t i = 0; i < allow->n && i < PATHS_SHOWN; i++) {
		buf_puts(out, i ? ", " : "");
		question_text(out, allow->v[i], 120);
	}
	if (allow->n > PATHS_SHOWN)
		buf_printf(out, " and %zu more", allow->n - PATHS_SHOWN);
	if (plan->names.unknown == UNKNOWN_ASK)
		buf_puts(out, allow->n ? ", and to what you are asked about" : "what you are asked about");
}

void plan_reach(char *to, size_t size, const struct plan *plan)
{
	CLEANUP_BUF struct buf out = BUF_INIT(64 << 10);

	paths(&out, plan, true, "writes ");
	paths(&out, plan, false, "reads ");
	if (plan->network == NETWORK_NAMES)
		hosts(&out, plan);
	else
		buf_puts(&out, plan->network == NETWORK_NONE ? "no network" : "the whole network that you can reach");
	copy(to, size, out.p ? out.p : "", out.n);
}
