/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mcpcage doctor: what this machine offers to build cages from, each layer tried for real in a child process,
 * with the remedy where something is missing; then what is compiled in and where things are. 0 when a session
 * can start.
 */
#include "cli/cli.h"

#include "base/json-out.h"
#include "cage/cage.h"
#include "policy/reduced.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

static const char *state_word(enum probe_state state)
{
	switch (state) {
	case PROBE_ACTIVE:
		return "active";
	case PROBE_LIMITED:
		return "limited";
	case PROBE_MISSING:
		break;
	}
	return "missing";
}

static unsigned missing_layers(const struct probe_result *results, size_t n)
{
	unsigned missing = 0;

	for (size_t i = 0; i < n; i++)
		if (results[i].state == PROBE_MISSING)
			missing |= results[i].layer;
	return missing & LAYERS_ALWAYS;
}

static bool can_start(const struct probe_result *results, size_t n)
{
	return missing_layers(results, n) == 0;
}

/* With --reduced only. */
static bool can_reduce(const struct probe_result *results, size_t n)
{
	return missing_layers(results, n) == LAYER_USERNS && landlock_abi() >= REDUCED_LANDLOCK_ABI;
}

static const char *verdict(const struct probe_result *results, size_t n)
{
	if (can_start(results, n))
		return "Sessions can start on this machine.";
	if (can_reduce(results, n))
		return "Sessions cannot start on this machine, except in reduced mode (--reduced; mcpcage(1) says what is missing then).";
	return "Sessions cannot start on this machine.";
}

/* TEXT behind INDENT columns, broken at blanks before column 96. */
static void wrapped(struct buf *out, size_t indent, const char *first, const char *text)
{
	size_t column = indent + strlen(first);

	buf_printf(out, "%*s%s", (int)indent, "", first);
	for (const char *p = text; *p;) {
		size_t n = strcspn(p, " \n");
		if (column + n > 96 || (p > text && p[-1] == '\n')) {
			buf_printf(out, "\n%*s", (int)(indent + strlen(first)), "");
			column = indent + strlen(first);
		} else if (p > text) {
			buf_putc(out, ' ');
			column++;
		}
		buf_append(out, p, n);
		column += n;
		p += n + (p[n] != '\0');
	}
	buf_putc(out, '\n');
}

static void table(struct buf *out, const struct probe_result *results, size_t n)
{
	size_t width = 0;

	for (size_t i = 0; i < n; i++)
		if (strlen(results[i].name) > width)
			width = strlen(results[i].name);
	for (size_t i = 0; i < n; i++) {
		const struct probe_result *p = &results[i];
		char first[160];
		snprintf(first, sizeof first, "%-*s  %-7s  ", (int)width, p->name, state_word(p->state));
		wrapped(out, 2, first, p->detail);
		/* Never wrapped: it is there to be copied. */
		if (p->remedy[0])
			buf_printf(out, "%*s$ %s\n", (int)width + 4, "", p->remedy);
		if (p->note[0])
			wrapped(out, width + 4, "", p->note);
	}
}

static void words(struct buf *out, const struct probe_result *results, size_t n, const struct paths *paths)
{
	struct utsname kernel;

	buf_puts(out, "Layers of the cage\n\n");
	table(out, results, n);
	buf_printf(out, "\n%s\n", verdict(results, n));
	buf_printf(out, "\n  version   mcpcage " PACKAGE_VERSION "\n");
	wrapped(out, 2, "built     ", BUILT_WITH);
	if (uname(&kernel) == 0)
		buf_printf(out, "  kernel    %s %s\n", kernel.release, kernel.machine);
	buf_printf(out, "  profiles  %s/profiles\n", paths->pkgdata);
	buf_printf(out, "  policy    %s, %s\n", paths->sysconf, paths->user_config);
	buf_printf(out, "  state     %s\n", paths->state);
}

static void json(struct buf *out, const struct probe_result *results, size_t n, const struct paths *paths)
{
	struct utsname kernel;

	buf_putc(out, '{');
	json_member_bool(out, "can_start", can_start(results, n));
	json_member_bool(out, "can_start_reduced", can_reduce(results, n));
	json_key(out, "layers");
	buf_putc(out, '[');
	for (size_t i = 0; i < n; i++) {
		json_comma(out);
		buf_putc(out, '{');
		json_member_str(out, "layer", layer_name(results[i].layer));
		json_member_str(out, "name", results[i].name);
		json_member_str(out, "state", state_word(results[i].state));
		json_member_str(out, "detail", results[i].detail);
		json_member_str(out, "remedy", results[i].remedy);
		json_member_str(out, "note", results[i].note);
		buf_putc(out, '}');
	}
	buf_putc(out, ']');
	json_member_str(out, "version", PACKAGE_VERSION);
	json_member_str(out, "built_with", BUILT_WITH);
	json_member_str(out, "kernel", uname(&kernel) == 0 ? kernel.release : "");
	json_member_str(out, "profiles", paths->pkgdata);
	json_member_str(out, "sysconf", paths->sysconf);
	json_member_str(out, "user_config", paths->user_config);
	json_member_str(out, "state", paths->state);
	buf_puts(out, "}\n");
}

int command_doctor(const struct invocation *inv)
{
	CLEANUP_BUF struct buf out = BUF_INIT(0);
	CLEANUP(facts_free) struct facts facts = { 0 };
	CLEANUP(paths_free) struct paths paths = { 0 };
	struct probe_result results[PROBE_MAX];
	struct error err;

	if (facts_user(&facts, environ, &err) < 0 || paths_find(&facts, environ, &paths, &err) < 0)
		return fail(&inv->log, &err);
	size_t n = probe_all(results);
	if (inv->json)
		json(&out, results, n, &paths);
	else
		words(&out, results, n, &paths);
	int status = print_out(&out, &inv->log);
	return status ? status : can_start(results, n) ? 0 : 1;
}
