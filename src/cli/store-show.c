/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See store-show.h. */
#include "cli/store-show.h"

#include "base/json-out.h"
#include "policy/show.h"
#include "store/package-record.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

static void put_time(struct buf *out, int64_t seconds)
{
	time_t t = (time_t)seconds;
	struct tm tm;
	char text[40] = "";

	if (gmtime_r(&t, &tm))
		strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
	buf_puts(out, text);
}

static void put_size(struct buf *out, uint64_t bytes)
{
	if (bytes < 1000000)
		buf_printf(out, "%.1f kB", (double)bytes / 1e3);
	else
		buf_printf(out, "%.1f MB", (double)bytes / 1e6);
}

static const struct package_part *own_part(const struct package *package)
{
	for (size_t i = 0; i < package->parts_n; i++)
		if (package->parts[i].asked)
			return &package->parts[i];
	return NULL;
}

const char *store_version(const struct package *package)
{
	const struct package_part *part = own_part(package);

	return part ? part->version : "";
}

static void put_request(struct buf *out, const struct package_request *r)
{
	for (size_t i = 0; i < r->specs.n; i++) {
		buf_puts(out, i == 0 ? "" : i == 1 ? " with " : ", ");
		show_text(out, r->specs.v[i]);
	}
	if (r->python) {
		buf_puts(out, " on python ");
		show_text(out, r->python);
	}
	if (r->scripts)
		buf_puts(out, ", with install scripts");
}

void store_list_line(struct buf *out, const char *key, const struct package *p, size_t earlier)
{
	put_request(out, &p->request);
	buf_printf(out, "  (%s)\n    ", ecosystem_name(p->request.ecosystem));
	show_text(out, store_version(p));
	buf_printf(out, "%s, %zu package%s, %" PRIu64 " files, ", package_request_pinned(&p->request) ? ", as asked for" : "",
		   p->parts_n, p->parts_n == 1 ? "" : "s", p->files);
	put_size(out, p->bytes);
	buf_puts(out, ", installed ");
	put_time(out, p->time);
	if (earlier)
		buf_printf(out, "; %zu earlier", earlier);
	buf_printf(out, "\n    %s\n", key);
}

void store_list_json(struct buf *out, const char *key, const struct package *p, size_t earlier)
{
	json_comma(out);
	buf_putc(out, '{');
	json_member_str(out, "key", key);
	json_member_u64(out, "earlier", earlier);
	json_key(out, "package");
	package_record_write(p, out);
	buf_putc(out, '}');
}

static void put_line(struct buf *out, const char *what, const char *text)
{
	buf_printf(out, "  %-12s ", what);
	show_text(out, text);
	buf_putc(out, '\n');
}

void store_show_text(struct buf *out, const struct package *p)
{
	static const char *const starts[] = { "by node", "by python", "a program", "a script" };
	char hash[2 * PACKAGE_HASH + 1];

	put_request(out, &p->request);
	buf_printf(out, "  (%s)\n", ecosystem_name(p->request.ecosystem));
	put_line(out, "version", store_version(p));
	buf_printf(out, "  %-12s ", "installed");
	put_time(out, p->time);
	buf_puts(out, " by ");
	show_text(out, p->tool);
	buf_puts(out, p->scripts_ran ? ", install scripts ran\n" : ", without install scripts\n");
	put_line(out, "interpreter", p->interpreter);
	put_line(out, "", p->interpreter_version);
	package_hash_text(p->interpreter_hash, hash);
	put_line(out, "", hash);
	package_hash_text(p->tree, hash);
	put_line(out, "tree", hash);
	buf_printf(out, "  %-12s %" PRIu64 ", %" PRIu64 " bytes\n", "files", p->files, p->bytes);
	put_line(out, "folder", p->folder ? p->folder : "");
	buf_puts(out, "\nCommands\n");
	for (size_t i = 0; i < p->commands_n; i++) {
		if (!p->commands[i].asked)
			continue;
		buf_puts(out, "  ");
		show_text(out, p->commands[i].name);
		buf_printf(out, ": %s, ", starts[p->commands[i].start]);
		show_text(out, p->commands[i].path);
		buf_putc(out, '\n');
	}
	buf_puts(out, "\nPackages\n");
	for (size_t i = 0; i < p->parts_n; i++) {
		const struct package_part *part = &p->parts[i];
		buf_puts(out, part->asked ? "* " : "  ");
		show_text(out, part->name);
		buf_putc(out, ' ');
		show_text(out, part->version);
		if (part->scripts)
			buf_puts(out, p->scripts_ran ? "  (install scripts ran)" : "  (install scripts, not run)");
		buf_puts(out, "\n    ");
		show_text(out, part->integrity[0] ? part->integrity : "no integrity value");
		buf_putc(out, '\n');
	}
}

/* ---- what an update changed ---- */

/* The part of P with PART's name and place, else the one with its name. */
static const struct package_part *same_part(const struct package *p, const struct package_part *part)
{
	const struct package_part *byname = NULL;

	for (size_t i = 0; i < p->parts_n; i++) {
		if (strcmp(p->parts[i].name, part->name) != 0)
			continue;
		if (strcmp(p->parts[i].path, part->path) == 0)
			return &p->parts[i];
		byname = &p->parts[i];
	}
	return byname;
}

static void put_part(struct buf *out, const char *mark, const struct package_part *part)
{
	buf_printf(out, "  %s ", mark);
	show_text(out, part->name);
	buf_putc(out, ' ');
	show_text(out, part->version);
}

static bool changed_part(struct buf *out, const struct package_part *was, const struct package_part *is)
{
	bool scripts = is->scripts && !was->scripts;

	if (strcmp(was->version, is->version) != 0) {
		put_part(out, " ", was);
		buf_puts(out, " -> ");
		show_text(out, is->version);
		buf_puts(out, scripts ? ", has install scripts now\n" : "\n");
		return true;
	}
	if (strcmp(was->integrity, is->integrity) != 0) {
		put_part(out, "!", is);
		buf_puts(out, ": THE SAME VERSION WITH OTHER CONTENT\n      was ");
		show_text(out, was->integrity);
		buf_puts(out, "\n      is  ");
		show_text(out, is->integrity);
		buf_putc(out, '\n');
		return true;
	}
	if (scripts) {
		put_part(out, "!", is);
		buf_puts(out, ": has install scripts now\n");
	}
	return scripts;
}

bool store_show_changes(struct buf *out, const struct package *before, const struct package *now)
{
	bool any = false;

	for (size_t i = 0; i < now->parts_n; i++) {
		const struct package_part *was = same_part(before, &now->parts[i]);
		if (was) {
			any |= changed_part(out, was, &now->parts[i]);
			continue;
		}
		put_part(out, "+", &now->parts[i]);
		buf_puts(out, now->parts[i].scripts ? ": new, has install scripts\n" : ": new\n");
		any = true;
	}
	for (size_t i = 0; i < before->parts_n; i++) {
		if (same_part(now, &before->parts[i]))
			continue;
		put_part(out, "-", &before->parts[i]);
		buf_puts(out, ": gone\n");
		any = true;
	}
	if (strcmp(before->interpreter, now->interpreter) != 0 ||
	    strcmp(before->interpreter_version, now->interpreter_version) != 0) {
		buf_puts(out, "    interpreter: ");
		show_text(out, before->interpreter_version);
		buf_puts(out, " -> ");
		show_text(out, now->interpreter_version);
		buf_putc(out, '\n');
		any = true;
	}
	return any;
}
