/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lock files, reports and lists of files. Only what the record needs is looked at; anything that does not fit is an error and not cut,
 * because a name that was cut is another package's. The formats: npm's package-lock.json (lockfileVersion 2 and 3), pip's installation
 * report (version 1), requirements.txt with --hash, RECORD of the binary distribution format.
 */
#include "session/harvest.h"

#include "base/cleanup.h"
#include "policy/package.h"
#include "rpc/tree.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* ---- what may be in a record ---- */

bool harvest_text_ok(const char *text, size_t size, bool empty)
{
	size_t n = strnlen(text, size);

	if (n == size || (n == 0 && !empty))
		return false;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			return false;
	return true;
}

bool harvest_path_ok(const char *path)
{
	const char *at = path;

	if (!harvest_text_ok(path, sizeof(((struct harvest_record *)0)->path), false))
		return false;
	for (;;) {
		size_t n = strcspn(at, "/");
		if (n == 0 || (n == 1 && at[0] == '.') || (n == 2 && at[0] == '.' && at[1] == '.'))
			return false;
		if (!at[n])
			return true;
		at += n + 1;
	}
}

bool harvest_record_ok(const struct harvest_record *r)
{
	bool texts = harvest_text_ok(r->name, sizeof r->name, true) && harvest_text_ok(r->version, sizeof r->version, true) &&
		     harvest_text_ok(r->integrity, sizeof r->integrity, true) && harvest_text_ok(r->path, sizeof r->path, true);

	switch (r->kind) {
	case HARVEST_PART:
		return texts && r->name[0] && r->version[0] && (!r->path[0] || harvest_path_ok(r->path));
	case HARVEST_COMMAND:
		return texts && r->name[0] && !strchr(r->name, '/') && harvest_path_ok(r->path);
	case HARVEST_FILE:
		return r->flags < PACKAGE_STARTS_ || r->flags == HARVEST_NO_START;
	case HARVEST_FAILURE:
		return texts && r->flags < FAILED_COUNT_;
	case HARVEST_LINE:
		return texts;
	default:
		return false;
	}
}

static int put(const struct harvest_sink *sink, const struct harvest_record *record)
{
	return harvest_record_ok(record) ? sink->put(sink->context, record) : -1;
}

static int set(char *to, size_t size, struct span text)
{
	if (text.n >= size || memchr(text.p, '\0', text.n))
		return -1;
	memcpy(to, text.p, text.n);
	to[text.n] = '\0';
	return 0;
}

/* A member that is a string; "" when it is not there. */
static int set_member(const struct tree *t, uint32_t object, const char *key, char *to, size_t size)
{
	CLEANUP_BUF struct buf scratch = BUF_INIT(4096);
	uint32_t i = tree_member(t, object, key);

	if (!tree_is(t, i, TREE_STRING))
		return set(to, size, SPAN(""));
	struct span text = tree_string_span(t, i, &scratch);
	return scratch.full ? -1 : set(to, size, text);
}

/* ---- npm ---- */

/* The last package in "node_modules/a/node_modules/@s/b": "@s/b"; NULL when it is no such path. */
static const char *package_of_path(const char *path)
{
	static const char folder[] = "node_modules/";
	const char *name = NULL;

	if (strncmp(path, folder, sizeof folder - 1) != 0)
		return NULL;
	for (const char *at = path; (at = strstr(at, folder)); at += sizeof folder - 1)
		if (at == path || at[-1] == '/')
			name = at + sizeof folder - 1;
	return name && *name ? name : NULL;
}

/* BASE "/" TEXT, where TEXT may start with "./" and have "a/../b" in it, but never leads above BASE. */
static int join(char *to, size_t size, const char *base, struct span text)
{
	size_t n = strlen(base), low = n;

	if (n >= size || text.n == 0 || memchr(text.p, '\0', text.n))
		return -1;
	memcpy(to, base, n);
	for (size_t at = 0; at < text.n;) {
		const char *part = text.p + at;
		const char *slash = memchr(part, '/', text.n - at);
		size_t length = slash ? (size_t)(slash - part) : text.n - at;
		at += length + 1;
		if (length == 0 || (length == 1 && part[0] == '.'))
			continue;
		if (length == 2 && part[0] == '.' && part[1] == '.') {
			if (n == low)
				return -1;
			while (to[n - 1] != '/')
				n--;
			n--;
			continue;
		}
		if (n + length + 2 > size)
			return -1;
		to[n++] = '/';
		memcpy(to + n, part, length);
		n += length;
	}
	to[n] = '\0';
	return n > low ? 0 : -1;
}

/* "name": "path", for each. A name with a folder in front (npm drops it) is the last part of it. */
static int npm_commands(const struct tree *t, uint32_t bin, const struct harvest_record *part, const struct harvest_sink *sink)
{
	CLEANUP_BUF struct buf name = BUF_INIT(4096), path = BUF_INIT(4096);

	if (!tree_is(t, bin, TREE_OBJECT))
		return 0;
	for (uint32_t k = tree_first(t, bin); k < t->v[bin].next; k = t->v[k + 1].next) {
		struct harvest_record command = { .kind = HARVEST_COMMAND };
		struct span text = tree_string_span(t, k, &name);
		if (!tree_is(t, k + 1, TREE_STRING))
			return -1;
		const char *slash = memrchr(text.p, '/', text.n);
		if (slash)
			text = (struct span){ slash + 1, text.n - (size_t)(slash + 1 - text.p) };
		/* A command that leads out of its package is none; npm refuses such a package or drops it. */
		if (set(command.name, sizeof command.name, text) < 0 ||
		    join(command.path, sizeof command.path, part->path, tree_string_span(t, k + 1, &path)) < 0)
			continue;
		if (harvest_record_ok(&command) && put(sink, &command) < 0)
			return -1;
	}
	return 0;
}

static int npm_package(const struct tree *t, uint32_t key, const struct harvest_sink *sink)
{
	CLEANUP_BUF struct buf scratch = BUF_INIT(4096);
	struct harvest_record part = { .kind = HARVEST_PART };
	uint32_t value = key + 1;

	if (!tree_is(t, value, TREE_OBJECT) || set(part.path, sizeof part.path, tree_string_span(t, key, &scratch)) < 0)
		return -1;
	/* The root itself, and what is linked to from elsewhere in the tree. */
	if (!part.path[0] || tree_is(t, tree_member(t, value, "link"), TREE_TRUE))
		return 0;
	const char *name = package_of_path(part.path);
	if (!name || set_member(t, value, "name", part.name, sizeof part.name) < 0 ||
	    set_member(t, value, "version", part.version, sizeof part.version) < 0 ||
	    set_member(t, value, "integrity", part.integrity, sizeof part.integrity) < 0)
		return -1;
	if (!part.name[0] && set(part.name, sizeof part.name, span_of(name)) < 0)
		return -1;
	if (tree_is(t, tree_member(t, value, "hasInstallScript"), TREE_TRUE))
		part.flags |= HARVEST_HAS_SCRIPTS;
	if (put(sink, &part) < 0)
		return -1;
	return npm_commands(t, tree_member(t, value, "bin"), &part, sink);
}

int harvest_npm_lock(struct span text, const struct harvest_sink *sink)
{
	CLEANUP(tree_free) struct tree t = { 0 };
	int rc = 0;

	if (tree_parse(&t, text, 0) != TREE_OK)
		return -1;
	uint32_t packages = tree_member(&t, 0, "packages");
	if (!tree_is(&t, packages, TREE_OBJECT))
		return -1;
	for (uint32_t k = tree_first(&t, packages); rc == 0 && k < t.v[packages].next; k = t.v[k + 1].next)
		rc = npm_package(&t, k, sink);
	return rc;
}

/* ---- PyPI ---- */

/* hashes.sha256 of archive_info, or "hash": "sha256=..." of older reports, as "sha256:...". */
static int pip_integrity(const struct tree *t, uint32_t item, char *to, size_t size)
{
	uint32_t archive = tree_member(t, tree_member(t, item, "download_info"), "archive_info");
	char text[160] = "";
	const char *hex = text;

	to[0] = '\0';
	if (set_member(t, tree_member(t, archive, "hashes"), "sha256", text, sizeof text) < 0)
		return -1;
	if (!text[0]) {
		if (set_member(t, archive, "hash", text, sizeof text) < 0)
			return -1;
		if (strncmp(text, "sha256=", 7) != 0)
			return 0;
		hex = text + 7;
	}
	int n = snprintf(to, size, "sha256:%s", hex);
	return n < 0 || (size_t)n >= size ? -1 : 0;
}

static bool ends_in(struct span text, const char *end)
{
	size_t n = strlen(end);

	return text.n >= n && memcmp(text.p + text.n - n, end, n) == 0;
}

static int pip_package(const struct tree *t, uint32_t item, const struct harvest_sink *sink)
{
	CLEANUP_BUF struct buf scratch = BUF_INIT(16384);
	struct harvest_record part = { .kind = HARVEST_PART };
	uint32_t metadata = tree_member(t, item, "metadata");
	uint32_t url = tree_member(t, tree_member(t, item, "download_info"), "url");

	if (set_member(t, metadata, "name", part.name, sizeof part.name) < 0 ||
	    set_member(t, metadata, "version", part.version, sizeof part.version) < 0 ||
	    pip_integrity(t, item, part.integrity, sizeof part.integrity) < 0)
		return -1;
	/* Whatever is no wheel has been built. */
	if (tree_is(t, url, TREE_STRING) && !ends_in(tree_string_span(t, url, &scratch), ".whl"))
		part.flags |= HARVEST_HAS_SCRIPTS;
	return put(sink, &part);
}

int harvest_pip_report(struct span text, const struct harvest_sink *sink)
{
	CLEANUP(tree_free) struct tree t = { 0 };
	int rc = 0;

	if (tree_parse(&t, text, 0) != TREE_OK)
		return -1;
	uint32_t install = tree_member(&t, 0, "install");
	if (!tree_is(&t, install, TREE_ARRAY))
		return -1;
	for (uint32_t i = tree_first(&t, install); rc == 0 && i < t.v[install].next; i = t.v[i].next)
		rc = pip_package(&t, i, sink);
	return rc;
}

/* The next line of *TEXT, without its end; false at the end. */
static bool next_line(struct span *text, struct span *line)
{
	if (text->n == 0)
		return false;
	const char *end = memchr(text->p, '\n', text->n);
	size_t n = end ? (size_t)(end - text->p) : text->n;
	*line = (struct span){ text->p, n };
	text->p += end ? n + 1 : n;
	text->n -= end ? n + 1 : n;
	if (line->n > 0 && line->p[line->n - 1] == '\r')
		line->n--;
	return true;
}

static struct span trim(struct span s)
{
	while (s.n > 0 && isspace((unsigned char)s.p[0])) {
		s.p++;
		s.n--;
	}
	while (s.n > 0 && (isspace((unsigned char)s.p[s.n - 1])))
		s.n--;
	return s;
}

/* KEY = "VALUE" somewhere in LINE; *REST is what follows it. */
static bool toml_string(struct span line, const char *key, struct span *value, struct span *rest)
{
	size_t n = strlen(key);

	for (const char *at = line.p, *end = line.p + line.n; (at = memmem(at, (size_t)(end - at), key, n)); at += n) {
		bool starts = at == line.p || strchr(" {,", at[-1]);
		const char *p = at + n;
		while (p < end && *p == ' ')
			p++;
		if (!starts || p == end || *p++ != '=')
			continue;
		while (p < end && *p == ' ')
			p++;
		const char *close = p < end && *p == '"' ? memchr(p + 1, '"', (size_t)(end - p - 1)) : NULL;
		if (!close)
			continue;
		*value = (struct span){ p + 1, (size_t)(close - p - 1) };
		*rest = (struct span){ close + 1, (size_t)(end - close - 1) };
		return true;
	}
	return false;
}

/* The archives of a package: an array of tables, on one line or one table a line. */
static int pylock_hashes(struct span line, struct harvest_record *part, unsigned *archives)
{
	struct span hash, rest = line;

	while (toml_string(rest, "sha256", &hash, &rest)) {
		/* One of several is not known to be the one. */
		if (++*archives > 1) {
			part->integrity[0] = '\0';
			continue;
		}
		int n = snprintf(part->integrity, sizeof part->integrity, "sha256:%.*s", (int)(hash.n > 128 ? 128 : hash.n), hash.p);
		if (n < 0 || (size_t)n >= sizeof part->integrity || hash.n > 128)
			return -1;
	}
	return 0;
}

static bool starts_with(struct span line, const char *start)
{
	size_t n = strlen(start);

	return line.n >= n && memcmp(line.p, start, n) == 0;
}

/* No reader of TOML: what uv writes has each of these on a line of its own, and what it does not write there is not found. */
int harvest_pylock(struct span text, const struct harvest_sink *sink)
{
	struct harvest_record part = { 0 };
	bool wheels = false;
	unsigned archives = 0;
	struct span line, value, rest;

	while (next_line(&text, &line)) {
		line = trim(line);
		if (starts_with(line, "[")) {
			if (part.kind && put(sink, &part) < 0)
				return -1;
			part = (struct harvest_record){ .kind = starts_with(line, "[[packages]]") ? HARVEST_PART : 0 };
			archives = 0;
			wheels = false;
		}
		if (!part.kind)
			continue;
		if (starts_with(line, "name =") && toml_string(line, "name", &value, &rest) && set(part.name, sizeof part.name, value) < 0)
			return -1;
		if (starts_with(line, "version =") && toml_string(line, "version", &value, &rest) &&
		    set(part.version, sizeof part.version, value) < 0)
			return -1;
		if (starts_with(line, "sdist =") && archives == 0)
			part.flags |= HARVEST_HAS_SCRIPTS;
		if (starts_with(line, "wheels =")) {
			wheels = true;
			part.flags &= ~HARVEST_HAS_SCRIPTS;
			part.integrity[0] = '\0';
			archives = 0;
		}
		if ((wheels || starts_with(line, "sdist =")) && pylock_hashes(line, &part, &archives) < 0)
			return -1;
	}
	return part.kind ? put(sink, &part) : 0;
}

/* The first field of a line of CSV (RFC 4180). */
static int csv_field(struct span line, char *to, size_t size)
{
	size_t n = 0, at = 1;

	if (line.n == 0 || line.p[0] != '"') {
		const char *comma = memchr(line.p, ',', line.n);
		return set(to, size, (struct span){ line.p, comma ? (size_t)(comma - line.p) : line.n });
	}
	for (; at < line.n; at++) {
		if (line.p[at] == '"' && (at + 1 == line.n || line.p[++at] != '"'))
			break;
		if (n + 1 >= size || !line.p[at])
			return -1;
		to[n++] = line.p[at];
	}
	to[n] = '\0';
	return 0;
}

int harvest_dist_record(struct span text, const struct harvest_sink *sink)
{
	static const char bin[] = "../../../bin/";
	char field[1024];
	struct span line;

	while (next_line(&text, &line)) {
		struct harvest_record command = { .kind = HARVEST_COMMAND };
		if (line.n < sizeof bin || !memmem(line.p, line.n < sizeof bin + 1 ? line.n : sizeof bin + 1, bin, sizeof bin - 1) ||
		    csv_field(line, field, sizeof field) < 0)
			continue;
		const char *name = field + sizeof bin - 1;
		if (strncmp(field, bin, sizeof bin - 1) != 0 || strchr(name, '/') || set(command.name, sizeof command.name, span_of(name)) < 0)
			continue;
		stpcpy(stpcpy(command.path, "bin/"), command.name);
		if (harvest_record_ok(&command) && put(sink, &command) < 0)
			return -1;
	}
	return 0;
}

/* ---- how a file is started ---- */

/* The next word of a #! line. */
static struct span word(struct span *line)
{
	*line = trim(*line);
	size_t n = 0;
	while (n < line->n && !isspace((unsigned char)line->p[n]))
		n++;
	struct span found = { line->p, n };
	line->p += n;
	line->n -= n;
	return found;
}

static struct span base_of(struct span path)
{
	const char *slash = memrchr(path.p, '/', path.n);

	return slash ? (struct span){ slash + 1, path.n - (size_t)(slash + 1 - path.p) } : path;
}

/* Options of node that may be left out: they change what it says about itself, and nothing else. */
static bool harmless_option(struct span option)
{
	static const char *const harmless[] = { "--no-warnings", "--no-deprecation", "--enable-source-maps", "--trace-warnings", "--" };

	for (size_t i = 0; i < ARRAY_SIZE(harmless); i++)
		if (span_is(option, harmless[i]))
			return true;
	return option.n > 18 && memcmp(option.p, "--disable-warning=", 18) == 0;
}

static unsigned start_of_line(struct span line)
{
	struct span program = base_of(word(&line));

	if (span_is(program, "env")) {
		struct span next = word(&line);
		if (span_is(next, "-S"))
			next = word(&line);
		program = base_of(next);
	}
	if (!span_is(program, "node") && !span_is(program, "nodejs"))
		return program.n > 0 ? PACKAGE_SCRIPT : HARVEST_NO_START;
	for (struct span option = word(&line); option.n > 0; option = word(&line))
		if (!harmless_option(option))
			return PACKAGE_SCRIPT;
	return PACKAGE_NODE;
}

static unsigned start_of(struct span head)
{
	if (head.n >= 4 && memcmp(head.p, "\177ELF", 4) == 0)
		return PACKAGE_BINARY;
	if (head.n < 2 || head.p[0] != '#' || head.p[1] != '!')
		return HARVEST_NO_START;
	struct span line = { head.p + 2, head.n - 2 };
	struct span first;
	if (!next_line(&line, &first))
		return HARVEST_NO_START;
	static const char python[] = PACKAGE_PLACE "/bin/python";
	struct span rest = first, program = word(&rest);
	/* The environment's own interpreter, by any of its names (python, python3, python3.12), without options. */
	if (program.n >= sizeof python - 1 && memcmp(program.p, python, sizeof python - 1) == 0 && trim(rest).n == 0)
		return PACKAGE_PYTHON;
	return start_of_line(first);
}

int harvest_heads(struct span heads, const struct harvest_sink *sink)
{
	for (size_t at = 0; at + HARVEST_HEAD <= heads.n; at += HARVEST_HEAD) {
		struct harvest_record r = { .kind = HARVEST_FILE };
		r.flags = start_of((struct span){ heads.p + at, strnlen(heads.p + at, HARVEST_HEAD) });
		if (put(sink, &r) < 0)
			return -1;
	}
	return 0;
}
