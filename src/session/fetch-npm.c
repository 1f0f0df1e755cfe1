/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * npm. It is not told what to install on its command line but by a package.json of ours, so that no spec can be taken for an option and
 * the tree has a root that says what it is for. What is in the tree afterwards is read from npm's own node_modules/.package-lock.json,
 * which, unlike package-lock.json, has only what was really unpacked (npm 7 and later).
 *
 * npm's configuration: `npm config list` is asked outside, as the user, and prints what somebody has set, not the defaults. Settings that
 * say where packages come from, and how to get there, are written into the npmrc inside; it prints values as JSON, which npmrc takes.
 * Tokens are printed as "(protected)" and stay outside. Called by fetch.c.
 */
#include "session/fetch-impl.h"

#include "base/cleanup.h"
#include "base/json-out.h"
#include "base/path.h"
#include "cage/cage.h"
#include "rpc/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct npm {
	struct fetching *f;
	char *node;  /* real */
	char *cli;   /* npm-cli.js, real */
	char *node_version, *npm_version;
	struct buf npmrc;
	bool registry; /* the configuration names one */
	struct fetch_command command;
	struct strlist asked; /* names of the packages that the request names */
};

static void npm_free(struct npm *n)
{
	free(n->node);
	free(n->cli);
	free(n->node_version);
	free(n->npm_version);
	buf_free(&n->npmrc);
	fetch_command_free(&n->command);
	strlist_free(&n->asked);
}

/* ---- where it is ---- */

/* PREFIX/lib/node_modules/npm/bin/npm-cli.js of PREFIX/bin/node: npm comes with node. */
static char *npm_of_node(const char *node)
{
	static const char below[] = "lib/node_modules/npm/bin/npm-cli.js";
	CLEANUP_FREE char *prefix = strdup(node);

	for (int i = 0; prefix && i < 2; i++) {
		char *slash = strrchr(prefix, '/');
		if (!slash)
			return NULL;
		*slash = '\0';
	}
	CLEANUP_FREE char *cli = prefix ? path_join(prefix, below) : NULL;
	return cli && access(cli, R_OK) == 0 ? TAKE_PTR(cli) : NULL;
}

static int find_npm(struct npm *n, struct error *err)
{
	n->node = fetch_tool(n->f, "node", err);
	if (!n->node) {
		error_prefix(err, "%s is to be installed from npm's registry", n->f->fetch->request->specs.v[0]);
		return error_hint(err, "install Node.js with npm, or give the absolute path of npx as the command");
	}
	n->cli = fetch_tool(n->f, "npm", err);
	size_t length = n->cli ? strlen(n->cli) : 0;
	/* A wrapper of somebody's: the one that belongs to node. */
	if (length < 3 || (strcmp(n->cli + length - 3, ".js") != 0 && (length < 4 || strcmp(n->cli + length - 4, ".cjs") != 0))) {
		free(n->cli);
		n->cli = npm_of_node(n->node);
	}
	if (n->cli)
		return 0;
	error_set(err, 0, "%s is to be installed by npm, which is not on this machine", n->f->fetch->request->specs.v[0]);
	error_kind(err, ERROR_NOT_FOUND);
	return error_hint(err, "install npm (on Debian: apt install npm), or give the absolute path of npx as the command");
}

/* ---- its configuration ---- */

static bool wanted(struct span key)
{
	static const char *const keys[] = {
		"registry", "cafile", "ca", "proxy", "https-proxy", "noproxy", "strict-ssl", "before", "min-release-age",
		"min-release-age-exclude", "fetch-retries", "fetch-retry-factor", "fetch-retry-mintimeout", "fetch-retry-maxtimeout",
		"fetch-timeout", "maxsockets", "legacy-peer-deps", "replace-registry-host",
	};
	static const char scoped[] = ":registry";

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (span_is(key, keys[i]))
			return true;
	return key.n > sizeof scoped && key.p[0] == '@' && span_is((struct span){ key.p + key.n - 9, 9 }, scoped);
}

static bool is_address(struct span key)
{
	return span_is(key, "proxy") || span_is(key, "https-proxy") ||
	       (key.n >= 8 && span_is((struct span){ key.p + key.n - 8, 8 }, "registry"));
}

static int show_file(struct npm *n, struct span path, struct error *err)
{
	CLEANUP_FREE char *text = strndup(path.p, path.n);

	if (!text || strlist_add(&n->command.show, text) < 0)
		return error_oom(err);
	return 0;
}

static int take_address(struct npm *n, struct span key, const char *where, struct span text, struct error *err)
{
	CLEANUP_FREE char *value = strndup(text.p, text.n);

	if (!value)
		return error_oom(err);
	if (fetch_check_address(where, text, err) < 0)
		return -1;
	n->registry = n->registry || span_is(key, "registry");
	if (span_is(key, "proxy") || span_is(key, "https-proxy"))
		return fetch_add_proxy(n->f, &n->command, where, value, err);
	return fetch_add_hosts(&n->command, where, text, err);
}

/* VALUE is JSON: a string, a number, true, a list of strings. */
static int take_setting(struct npm *n, struct span key, struct span value, struct error *err)
{
	CLEANUP(tree_free) struct tree t = { 0 };
	CLEANUP_BUF struct buf scratch = BUF_INIT(1 << 20);
	CLEANUP_FREE char *name = strndup(key.p, key.n);

	if (!name)
		return error_oom(err);
	if (tree_parse(&t, value, 4096) != TREE_OK || tree_is(&t, 0, TREE_NULL) || tree_is(&t, 0, TREE_OBJECT))
		return 0;
	if (tree_is(&t, 0, TREE_STRING)) {
		struct span text = tree_string_span(&t, 0, &scratch);
		CLEANUP_FREE char *where = NULL;
		if (asprintf(&where, "npm's setting %s", name) < 0)
			return error_oom(err);
		if (is_address(key) && take_address(n, key, where, text, err) < 0)
			return -1;
		if (span_is(key, "cafile") && show_file(n, text, err) < 0)
			return -1;
	}
	if (span_is(key, "strict-ssl") && tree_is(&t, 0, TREE_FALSE))
		log_line(n->f->fetch->log, "npm does not check the registry's certificate: strict-ssl=false is set in its configuration");
	if (!tree_is(&t, 0, TREE_ARRAY))
		return buf_printf(&n->npmrc, "%s = %.*s\n", name, (int)value.n, value.p) < 0 ? error_oom(err) : 0;
	for (uint32_t i = tree_first(&t, 0); i < t.v[0].next; i = t.v[i].next) {
		struct span item = tree_raw(&t, i);
		buf_printf(&n->npmrc, "%s[] = %.*s\n", name, (int)item.n, item.p);
	}
	return n->npmrc.full ? error_oom(err) : 0;
}

/* "; node version = v20.1.0" */
static char *version_in(struct span line, const char *mark)
{
	size_t n = strlen(mark);

	if (line.n <= n || memcmp(line.p, mark, n) != 0)
		return NULL;
	if (line.p[n] == 'v')
		n++;
	return strndup(line.p + n, line.n - n);
}

static int read_line(struct npm *n, struct span line, struct error *err)
{
	char *version;

	if ((version = version_in(line, "; node version = "))) {
		free(n->node_version);
		n->node_version = version;
	} else if ((version = version_in(line, "; npm version = "))) {
		free(n->npm_version);
		n->npm_version = version;
	}
	const char *equals = line.n > 0 && line.p[0] != ';' ? memmem(line.p, line.n, " = ", 3) : NULL;
	if (!equals)
		return 0;
	struct span key = { line.p, (size_t)(equals - line.p) };
	struct span value = { equals + 3, line.n - key.n - 3 };
	return wanted(key) ? take_setting(n, key, value, err) : 0;
}

static int ask_npm(struct npm *n, struct error *err)
{
	static const char *const words[] = { "config", "list", "--no-update-notifier", "--logs-max=0", "--color=false" };
	CLEANUP_STRLIST struct strlist argv = { 0 };
	CLEANUP_BUF struct buf out = BUF_INIT(1 << 20);

	if (strlist_add(&argv, n->node) < 0 || strlist_add(&argv, n->cli) < 0)
		return error_oom(err);
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strlist_add(&argv, words[i]) < 0)
			return error_oom(err);
	if (fetch_ask(n->f, &argv, &out, err) < 0)
		return error_prefix(err, "npm config list");
	for (const char *at = out.p, *end = out.p + out.n; at < end;) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		size_t length = newline ? (size_t)(newline - at) : (size_t)(end - at);
		if (read_line(n, (struct span){ at, length }, err) < 0)
			return -1;
		at += length + 1;
	}
	return n->npm_version ? 0 : error_set(err, 0, "npm config list does not say which npm it is");
}

/* Nobody has named one: what npm takes then is what it says. */
static int default_registry(struct npm *n, struct error *err)
{
	static const char *const words[] = { "config", "get", "registry", "--no-update-notifier", "--logs-max=0", "--color=false" };
	CLEANUP_STRLIST struct strlist argv = { 0 };
	CLEANUP_BUF struct buf out = BUF_INIT(1 << 16);

	if (n->registry)
		return 0;
	if (strlist_add(&argv, n->node) < 0 || strlist_add(&argv, n->cli) < 0)
		return error_oom(err);
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strlist_add(&argv, words[i]) < 0)
			return error_oom(err);
	if (fetch_ask(n->f, &argv, &out, err) < 0)
		return error_prefix(err, "npm config get registry");
	return fetch_add_hosts(&n->command, "npm's registry", buf_span(&out), err);
}

/* ---- what it is told ---- */

/* "NAME@SPEC" or "@SCOPE/NAME@SPEC": where the name ends. */
static size_t name_length(const char *spec)
{
	const char *at = strchr(spec + (spec[0] == '@'), '@');

	return at ? (size_t)(at - spec) : strlen(spec);
}

static int write_manifest(struct npm *n, struct error *err)
{
	const struct strlist *specs = &n->f->fetch->request->specs;
	CLEANUP_BUF struct buf json = BUF_INIT(1 << 20);

	buf_puts(&json, "{\"name\":\"mcpcage-package\",\"version\":\"1.0.0\",\"private\":true,\"dependencies\":{");
	for (size_t i = 0; i < specs->n; i++) {
		size_t length = name_length(specs->v[i]);
		CLEANUP_FREE char *name = strndup(specs->v[i], length);
		const char *range = specs->v[i][length] ? specs->v[i] + length + 1 : "*";
		if (!name || (!strlist_has(&n->asked, name) && strlist_add(&n->asked, name) < 0))
			return error_oom(err);
		if (n->asked.n != i + 1) {
			error_set(err, 0, "%s is asked for in two versions", name);
			return error_kind(err, ERROR_USAGE);
		}
		json_comma(&json);
		json_string(&json, span_of(name));
		buf_putc(&json, ':');
		json_string(&json, span_of(range));
	}
	buf_puts(&json, "}}\n");
	return json.full ? error_oom(err) : fetch_write(n->f->stage->files, "package.json", buf_span(&json), err);
}

static int make_command(struct npm *n, struct error *err)
{
	static const char *const words[] = {
		"install", "--prefix=" PACKAGE_PLACE, "--omit=dev", "--no-audit", "--no-fund", "--no-update-notifier", "--no-progress",
		"--color=false", "--no-save", "--location=project", "--userconfig=" FETCH_WORK "/npmrc",
		"--globalconfig=" FETCH_WORK "/none", "--cache=" FETCH_WORK "/cache", "--logs-max=0", "--loglevel=warn",
	};
	const bool scripts = n->f->fetch->request->scripts;
	struct strlist *argv = &n->command.argv;

	if (strlist_add(argv, n->node) < 0 || strlist_add(argv, n->cli) < 0)
		return error_oom(err);
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strlist_add(argv, words[i]) < 0)
			return error_oom(err);
	if (strlist_add(argv, scripts ? "--no-ignore-scripts" : "--ignore-scripts") < 0)
		return error_oom(err);
	return fetch_pass_common(n->f, &n->command, err);
}

static int install(struct npm *n, struct error *err)
{
	/* Tried again soon: somebody waits. The user's own numbers come later in the file and win. */
	static const char head[] = "fetch-retry-mintimeout = 1000\nfetch-retry-maxtimeout = 10000\nfetch-retry-factor = 2\n";
	CLEANUP_BUF struct buf npmrc = BUF_INIT(1 << 20);
	int status;

	buf_puts(&npmrc, head);
	buf_append(&npmrc, n->npmrc.p, n->npmrc.n);
	if (npmrc.full || fetch_write(n->f->stage->work, "npmrc", buf_span(&npmrc), err) < 0)
		return npmrc.full ? error_oom(err) : -1;
	if (fetch_run(n->f, &n->command, &status, err) < 0)
		return -1;
	return status == 0 ? fetch_remarks(n->f, err) : fetch_failed(n->f, status, err);
}

/* ---- what came of it ---- */

static int read_lock(void *context, const int *fds, int out)
{
	(void)context;
	return harvest_serve(harvest_npm_lock, fds[0], out);
}

/* "node_modules/NAME" of a package that was asked for. */
static bool is_asked(const struct npm *n, const char *path)
{
	static const char folder[] = "node_modules/";

	return strncmp(path, folder, sizeof folder - 1) == 0 && strlist_has(&n->asked, path + sizeof folder - 1);
}

/* The package that PATH, below node_modules of the root, is in: how long its path is; 0: in none, or deeper. */
static size_t owner_length(const char *path)
{
	static const char folder[] = "node_modules/";
	size_t n = sizeof folder - 1;

	if (strncmp(path, folder, n) != 0)
		return 0;
	if (path[n] == '@')
		n += strcspn(path + n, "/") + 1;
	return strlen(path) > n ? n + strcspn(path + n, "/") : 0;
}

static bool owner_asked(const struct npm *n, const char *path)
{
	CLEANUP_FREE char *owner = strndup(path, owner_length(path));

	return owner && is_asked(n, owner);
}

/*
 * node_modules/.bin has a link for each command of each package that lies directly in node_modules, as npm read it from the packages
 * themselves. It adds to what the lock file says, and never takes the name of a command of a package that was asked for.
 */
static int links(struct npm *n, struct error *err)
{
	CLEANUP_CLOSE int folder = path_openat2(AT_FDCWD, n->f->stage->files, O_RDONLY | O_DIRECTORY, 0, 0);
	int fd = folder < 0 ? -1 : path_openat2(folder, "node_modules/.bin", O_RDONLY | O_DIRECTORY, 0, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	int rc = 0;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return 0; /* no package has a command */
	}
	while (rc == 0 && (entry = readdir(dir))) {
		char text[1024];
		ssize_t got = readlinkat(dirfd(dir), entry->d_name, text, sizeof text - 1);
		if (got <= 3 || strncmp(text, "../", 3) != 0)
			continue;
		text[got] = '\0';
		CLEANUP_FREE char *path = path_join("node_modules", text + 3);
		if (!path)
			rc = error_oom(err);
		else if (harvest_path_ok(path) && harvest_text_ok(entry->d_name, sizeof entry->d_name, false) &&
			 !fetch_has_command(n->f->package, entry->d_name))
			rc = fetch_add_command(n->f->package, entry->d_name, path, owner_asked(n, path), err);
	}
	closedir(dir);
	return rc;
}

static int take_record(struct npm *n, const struct harvest_record *r, struct error *err)
{
	struct package *package = n->f->package;

	if (r->kind == HARVEST_PART)
		return fetch_add_part(package, r, is_asked(n, r->path), err);
	/* Commands of the packages that were asked for come from what the registry said of them; see links(). */
	if (r->kind == HARVEST_COMMAND && owner_asked(n, r->path) && !fetch_has_command(package, r->name))
		return fetch_add_command(package, r->name, r->path, true, err);
	return 0;
}

static int harvest(struct npm *n, struct error *err)
{
	CLEANUP_CLOSE int fd = fetch_open(n->f->stage->files, "node_modules/.package-lock.json");
	CLEANUP_BUF struct buf records = BUF_INIT(0);

	if (fd < 0) {
		error_set(err, errno, "npm %s left no list of what it installed", n->npm_version);
		return error_hint(err, "npm 7 or later is needed");
	}
	if (fetch_harvest(n->f, read_lock, NULL, fd, "npm's list of what it installed", &records, err) < 0)
		return -1;
	for (size_t i = 0; i < harvest_count(&records); i++)
		if (take_record(n, harvest_at(&records, i), err) < 0)
			return -1;
	for (size_t i = 0; i < n->asked.n; i++) {
		CLEANUP_FREE char *path = path_join("node_modules", n->asked.v[i]);
		bool there = false;
		for (size_t p = 0; path && p < n->f->package->parts_n; p++)
			there = there || strcmp(n->f->package->parts[p].path, path) == 0;
		if (!there)
			return error_set(err, 0, "npm did not install %s, and did not say why", n->asked.v[i]);
	}
	return links(n, err);
}

static int describe(struct npm *n, struct error *err)
{
	struct package *package = n->f->package;

	if (asprintf(&package->tool, "npm %s", n->npm_version) < 0) {
		package->tool = NULL;
		return error_oom(err);
	}
	package->scripts_ran = n->f->fetch->request->scripts;
	return fetch_set_interpreter(package, n->node, n->node_version ? n->node_version : "", err);
}

int fetch_npm(struct fetching *f, struct error *err)
{
	CLEANUP(npm_free) struct npm n = { .f = f, .npmrc = BUF_INIT(1 << 20) };

	f->tool = "npm";
	if (find_npm(&n, err) < 0 || ask_npm(&n, err) < 0 || default_registry(&n, err) < 0 || write_manifest(&n, err) < 0 || make_command(&n, err) < 0)
		return -1;
	log_line(f->fetch->log, "fetching %s with npm %s ...", f->fetch->request->specs.v[0], n.npm_version);
	if (install(&n, err) < 0 || harvest(&n, err) < 0)
		return -1;
	return describe(&n, err);
}
