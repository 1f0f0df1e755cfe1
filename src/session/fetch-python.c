/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * PyPI. The tree is a virtual environment (PEP 405) that is made here and not by a tool: three links and a pyvenv.cfg. So it holds nothing
 * that nobody needs (pip itself, activation scripts), and is the same whichever tool fills it: uv when there is one, as it takes a tenth of
 * the time, else pip. Ready-made packages only (wheels), unless the request lets sources be built.
 *
 * Byte code is compiled once, in the cage, without network and without importing anything, since a server cannot write it into a tree that
 * is read-only: with the hash of the source in the place of its time (PEP 552), not to be compared at run time, because the store watches
 * over both. What was installed is read from the names of the .dist-info folders, the hashes of it from what the tool reports. Called by
 * fetch.c.
 */
#include "session/fetch-python.h"

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/format.h"
#include "base/path.h"
#include "cage/cage.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void python_free(struct python *p)
{
	free(p->exe);
	free(p->version);
	free(p->minor);
	free(p->uv);
	free(p->pip_python);
	free(p->tool_version);
	buf_free(&p->records);
}

/* ---- the interpreter ---- */

/* "3", "3.12" or "3.12.1". */
static bool is_version(const char *text)
{
	for (const char *c = text; *c; c++)
		if (!isdigit((unsigned char)*c) && *c != '.')
			return false;
	return isdigit((unsigned char)text[0]) && strlen(text) < 16;
}

/* ROOT/VERSION*, the newest: where version managers keep interpreters. PREFIX goes before the version ("cpython-"). */
static char *managed(const char *root, const char *prefix, const char *version)
{
	DIR *dir = opendir(root);
	struct dirent *entry;
	CLEANUP_FREE char *best = NULL;
	size_t skip = strlen(prefix), n = strlen(version);

	while (dir && (entry = readdir(dir))) {
		const char *name = entry->d_name;
		if (strncmp(name, prefix, skip) != 0 || strncmp(name + skip, version, n) != 0 ||
		    isdigit((unsigned char)name[skip + n]) || (best && strverscmp(name, best) <= 0))
			continue;
		CLEANUP_FREE char *exe = format_text("%s/%s/bin/python3", root, name);
		if (exe && access(exe, X_OK) == 0) {
			free(best);
			best = strdup(name);
		}
	}
	if (dir)
		closedir(dir);
	return best ? format_text("%s/%s/bin/python3", root, best) : NULL;
}

/* An interpreter of a version that was asked for and is not in PATH. */
static char *managed_anywhere(struct python *p, const char *version)
{
	static const struct {
		const char *variable, *below, *prefix;
	} places[] = {
		{ "PYENV_ROOT", "versions", "" },
		{ NULL, ".pyenv/versions", "" },
		{ NULL, ".local/share/uv/python", "cpython-" },
		{ NULL, ".asdf/installs/python", "" },
		{ NULL, ".local/share/mise/installs/python", "" },
	};
	const struct facts *user = p->f->fetch->user;
	const char *home = user->home_env ? user->home_env : user->home;

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		const char *base = places[i].variable ? fetch_env(p->f, places[i].variable) : home;
		CLEANUP_FREE char *root = base && base[0] == '/' ? path_join(base, places[i].below) : NULL;
		char *found = root ? managed(root, places[i].prefix, version) : NULL;
		if (found)
			return found;
	}
	return NULL;
}

int python_default_hosts(struct python *p, const char *exe, struct fetch_command *command, struct error *err)
{
	static const char code[] = "import sys\n"
				   "try:\n"
				   " from pip._internal.models.index import PyPI\n"
				   "except ImportError:\n"
				   " import glob,os\n"
				   " try:\n"
				   "  import ensurepip\n"
				   "  own=os.path.join(os.path.dirname(ensurepip.__file__),'_bundled')\n"
				   " except ImportError:\n"
				   "  own='/usr/share/python-wheels'\n"
				   " for d in (own,'/usr/share/python-wheels'):\n"
				   "  sys.path[:0]=glob.glob(os.path.join(d,'pip-*.whl'))\n"
				   " try:\n"
				   "  from pip._internal.models.index import PyPI\n"
				   " except ImportError:\n"
				   "  sys.exit(0)\n"
				   "print(PyPI.url,'https://'+PyPI.file_storage_domain)";
	const char *const words[] = { exe, "-I", "-c", code };
	CLEANUP_STRLIST struct strlist argv = { 0 };
	CLEANUP_BUF struct buf out = BUF_INIT(16384);

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strlist_add(&argv, words[i]) < 0)
			return error_oom(err);
	if (fetch_ask(p->f, &argv, &out, err) < 0)
		return error_prefix(err, "asking pip for its index");
	if (out.n == 0)
		return 1;
	return fetch_add_hosts(command, "pip's index", buf_span(&out), err);
}

/* What EXE says it is: its real path without a virtual environment, and its version. */
static int look_at_python(struct python *p, const char *exe, struct error *err)
{
	static const char code[] = "import os,sys\n"
				   "print(os.path.realpath(getattr(sys,'_base_executable',None) or sys.executable))\n"
				   "print('%d.%d.%d' % sys.version_info[:3])\n"
				   "print('%d.%d' % sys.version_info[:2])\n"
				   "print(sys.implementation.name)";
	const char *const words[] = { exe, "-I", "-S", "-c", code };
	CLEANUP_STRLIST struct strlist argv = { 0 };
	CLEANUP_BUF struct buf out = BUF_INIT(16384);
	char *lines[4] = { 0 };
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strlist_add(&argv, words[i]) < 0)
			return error_oom(err);
	if (fetch_ask(p->f, &argv, &out, err) < 0)
		return -1;
	char *rest = (char *)buf_str(&out);
	for (char *line = rest ? strsep(&rest, "\n") : NULL; line && n < ARRAY_SIZE(lines); line = strsep(&rest, "\n"))
		lines[n++] = line;
	if (n < ARRAY_SIZE(lines) || lines[0][0] != '/' || !is_version(lines[1]) || !is_version(lines[2]) || strcmp(lines[3], "cpython") != 0)
		return error_set(err, 0, "%s is no python that packages can be installed for", exe);
	p->exe = strdup(lines[0]);
	p->version = strdup(lines[1]);
	p->minor = strdup(lines[2]);
	return p->exe && p->version && p->minor ? 0 : error_oom(err);
}

static bool fits(const char *version, const char *asked)
{
	size_t n = strlen(asked);

	return strncmp(version, asked, n) == 0 && (version[n] == '\0' || version[n] == '.');
}

static int no_python(const struct python *p, const char *asked, struct error *err)
{
	error_set(err, 0, "%s is to be installed for python%s%s, which is not on this machine", p->f->fetch->request->specs.v[0],
		  asked ? " " : "", asked ? asked : "");
	error_kind(err, ERROR_NOT_FOUND);
	if (asked)
		return error_hint(err, "install it (uv python install %s, or a package of your system), or leave out --python", asked);
	return error_hint(err, "install python3, or name one by an absolute path (--python)");
}

static int find_python(struct python *p, struct error *err)
{
	const char *asked = p->f->fetch->request->python;
	CLEANUP_FREE char *named = NULL;
	CLEANUP_FREE char *exe = NULL;
	struct error ignored;

	if (asked && strncmp(asked, "python", 6) == 0)
		asked += 6;
	if (asked && asked[0] == '/') {
		exe = strdup(asked);
		asked = NULL;
	} else if (asked && !is_version(asked)) {
		error_set(err, 0, "\"%s\" is no version of python", asked);
		error_kind(err, ERROR_USAGE);
		return error_hint(err, "give a number such as 3.12");
	}
	if (!exe && p->uv)
		exe = uv_python(p, asked);
	if (!exe && !(named = format_text("python%s", asked ? asked : "3")))
		return error_oom(err);
	if (!exe)
		exe = fetch_tool(p->f, named, &ignored);
	if (!exe && asked)
		exe = managed_anywhere(p, asked);
	if (!exe && !asked)
		exe = fetch_tool(p->f, "python", &ignored);
	if (!exe && asked)
		exe = fetch_tool(p->f, "python3", &ignored);
	if (!exe)
		return no_python(p, asked, err);
	if (look_at_python(p, exe, err) < 0)
		return -1;
	return asked && !fits(p->version, asked) ? no_python(p, asked, err) : 0;
}

/* ---- the environment ---- */

static int make_folder(const char *base, const char *name, struct error *err)
{
	CLEANUP_FREE char *path = path_join(base, name);

	if (!path || mkdir(path, 0755) < 0)
		return error_set(err, errno, "cannot make %s", path ? path : name);
	return 0;
}

static int make_link(const char *base, const char *name, const char *text, struct error *err)
{
	CLEANUP_FREE char *path = path_join(base, name);

	if (!path || symlink(text, path) < 0)
		return error_set(err, errno, "cannot make %s", path ? path : name);
	return 0;
}

/* Open FOLDER below the tree for reading its entries. */
static DIR *open_folder(const struct python *p, const char *folder)
{
	CLEANUP_CLOSE int root = open(p->f->stage->files, O_PATH | O_DIRECTORY | O_CLOEXEC);
	CLEANUP_CLOSE int fd = root < 0 ? -1 : path_openat2(root, folder, O_RDONLY | O_DIRECTORY, 0, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (dir)
		(void)TAKE_FD(&fd);
	return dir;
}

static void put_config(const struct python *p, struct buf *config)
{
	const char *slash = strrchr(p->exe, '/');

	buf_printf(config, "home = %.*s\ninclude-system-site-packages = false\nversion = %s\n", (int)(slash - p->exe), p->exe, p->version);
}

static int make_environment(struct python *p, struct error *err)
{
	const char *files = p->f->stage->files;
	CLEANUP_BUF struct buf config = BUF_INIT(16384);
	CLEANUP_FREE char *lib = format_text("lib/python%s", p->minor);
	CLEANUP_FREE char *site = format_text("lib/python%s/site-packages", p->minor);
	CLEANUP_FREE char *link = format_text("bin/python%s", p->minor);

	if (!lib || !site || !link)
		return error_oom(err);
	put_config(p, &config);
	if (make_folder(files, "bin", err) < 0 || make_folder(files, "lib", err) < 0 || make_folder(files, lib, err) < 0 ||
	    make_folder(files, site, err) < 0 || make_link(files, "lib64", "lib", err) < 0 ||
	    make_link(files, "bin/python", p->exe, err) < 0 || make_link(files, "bin/python3", "python", err) < 0 ||
	    make_link(files, link, "python", err) < 0)
		return -1;
	return config.full ? error_oom(err) : fetch_write(files, "pyvenv.cfg", buf_span(&config), err);
}

static int replaced(const struct python *p, const char *what, struct error *err)
{
	error_set(err, 0, "%s cannot be installed: a package of it replaces the environment's own %s", p->f->fetch->request->specs.v[0], what);
	return error_hint(err, "nothing of it is kept; no proper package does that");
}

/* What was made above is as it was made: a package may bring files for bin as well, and pip lets it bring any. */
static int check_environment(struct python *p, struct error *err)
{
	CLEANUP_FREE char *name = format_text("python%s", p->minor);
	const char *const links[][2] = { { "python", p->exe }, { "python3", "python" }, { name, "python" } };
	CLEANUP_BUF struct buf config = BUF_INIT(16384), found = BUF_INIT(16384);
	char text[PATH_MAX];

	if (!name)
		return error_oom(err);
	DIR *bin = open_folder(p, "bin");
	const char *bad = bin ? NULL : "bin";
	for (size_t i = 0; bin && !bad && i < ARRAY_SIZE(links); i++) {
		ssize_t n = readlinkat(dirfd(bin), links[i][0], text, sizeof text - 1);
		text[n < 0 ? 0 : n] = '\0';
		bad = n >= 0 && strcmp(text, links[i][1]) == 0 ? NULL : links[i][0];
	}
	if (bin)
		closedir(bin);
	if (bad)
		return replaced(p, bad, err);
	CLEANUP_CLOSE int fd = fetch_open(p->f->stage->files, "pyvenv.cfg");
	put_config(p, &config);
	if (fd < 0 || fd_read_all(fd, &found) < 0 || found.n != config.n || memcmp(found.p, config.p, config.n) != 0)
		return replaced(p, "pyvenv.cfg", err);
	return 0;
}

int python_environment(struct python *p, struct fetch_command *command, struct error *err)
{
	static const char *const env[] = {
		"PYTHONNOUSERSITE=1", "PYTHONDONTWRITEBYTECODE=1", "PYTHONUNBUFFERED=1", "PYTHONIOENCODING=utf-8",
	};

	for (size_t i = 0; i < ARRAY_SIZE(env); i++)
		if (strlist_add(&command->env, env[i]) < 0)
			return error_oom(err);
	return fetch_show_program(p->f, command, p->exe, err);
}

int python_requirements(struct python *p, struct error *err)
{
	const struct strlist *specs = &p->f->fetch->request->specs;
	CLEANUP_BUF struct buf text = BUF_INIT(1 << 20);

	for (size_t i = 0; i < specs->n; i++) {
		/* In this file a line can be an option, a path or an address as well. */
		if (!isalnum((unsigned char)specs->v[i][0]) || strpbrk(specs->v[i], "\r\n/@\\#")) {
			error_set(err, 0, "%s is no name of a package with a version", specs->v[i]);
			return error_kind(err, ERROR_USAGE);
		}
		buf_printf(&text, "%s\n", specs->v[i]);
	}
	return text.full ? error_oom(err) : fetch_write(p->f->stage->work, "requirements.in", buf_span(&text), err);
}

/* Failing files are no failure: packages have templates and code for other versions. */
static int compile_all(struct python *p, struct error *err)
{
	CLEANUP(fetch_command_free) struct fetch_command command = { 0 }; /* no hosts */
	const char *const words[] = { p->exe, "-I", "-S", "-m", "compileall", "-q", "-q", "-j", "0", "--invalidation-mode", "unchecked-hash" };
	int status;

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strlist_add(&command.argv, words[i]) < 0)
			return error_oom(err);
	if (fetch_add(&command.argv, err, PACKAGE_PLACE "/lib/python%s/site-packages", p->minor) < 0)
		return -1;
	return fetch_run(p->f, &command, &status, err);
}

/* ---- what came of it ---- */

/* PEP 503: lower case, and runs of "-", "_" and "." are one "-". */
static void normalize(char *to, size_t size, const char *name, size_t length)
{
	size_t n = 0;

	for (size_t i = 0; i < length && n + 1 < size; i++) {
		bool mark = name[i] == '-' || name[i] == '_' || name[i] == '.';
		if (mark && n > 0 && to[n - 1] == '-')
			continue;
		to[n++] = mark ? '-' : (char)tolower((unsigned char)name[i]);
	}
	to[n] = '\0';
}

/* Whether NAME, normalized, is one of the packages that the request names. */
static bool is_asked(const struct python *p, const char *name)
{
	const struct strlist *specs = &p->f->fetch->request->specs;
	char asked[256];

	for (size_t i = 0; i < specs->n; i++) {
		normalize(asked, sizeof asked, specs->v[i], strcspn(specs->v[i], "[<>=!~; ("));
		if (strcmp(asked, name) == 0)
			return true;
	}
	return false;
}

static const struct harvest_record *reported(const struct python *p, const char *name)
{
	char other[256];

	for (size_t i = 0; i < harvest_count(&p->records); i++) {
		const struct harvest_record *r = harvest_at(&p->records, i);
		normalize(other, sizeof other, r->name, strlen(r->name));
		if (strcmp(other, name) == 0)
			return r;
	}
	return NULL;
}

static int read_record(void *context, const int *fds, int out)
{
	(void)context;
	return harvest_serve(harvest_dist_record, fds[0], out);
}

/* The commands that the package in FOLDER (below the tree) brought. */
static int take_commands(struct python *p, const char *folder, struct error *err)
{
	CLEANUP_FREE char *path = path_join(folder, "RECORD");
	CLEANUP_CLOSE int fd = path ? fetch_open(p->f->stage->files, path) : -1;
	CLEANUP_BUF struct buf records = BUF_INIT(0);

	if (fd < 0)
		return 0; /* what lies in bin counts without it, see other_commands() */
	if (fetch_harvest(p->f, read_record, NULL, fd, "the list of a package's files", &records, err) < 0)
		return -1;
	for (size_t i = 0; i < harvest_count(&records); i++) {
		const struct harvest_record *r = harvest_at(&records, i);
		if (r->kind == HARVEST_COMMAND && !fetch_has_command(p->f->package, r->name) &&
		    fetch_add_command(p->f->package, r->name, r->path, true, err) < 0)
			return -1;
	}
	return 0;
}

/* ENTRY: "NAME-VERSION.dist-info" in SITE, below the tree. */
static int take_package(struct python *p, const char *site, const char *entry, struct error *err)
{
	static const char end[] = ".dist-info";
	size_t n = strlen(entry);
	struct harvest_record part = { .kind = HARVEST_PART };
	char name[256];

	if (n <= sizeof end || strcmp(entry + n - (sizeof end - 1), end) != 0)
		return 0;
	n -= sizeof end - 1;
	const char *dash = memrchr(entry, '-', n);
	if (!dash || dash == entry || (size_t)(dash - entry) >= sizeof part.name || n - (size_t)(dash + 1 - entry) >= sizeof part.version)
		return error_set(err, 0, "the installed package has a folder with a strange name: %s", entry);
	normalize(name, sizeof name, entry, (size_t)(dash - entry));
	memcpy(part.version, dash + 1, n - (size_t)(dash + 1 - entry));
	stpcpy(part.name, name);
	const struct harvest_record *known = reported(p, name);
	if (known) {
		memcpy(part.integrity, known->integrity, sizeof part.integrity);
		part.flags = known->flags;
	}
	if (!harvest_record_ok(&part))
		return error_set(err, 0, "the installed package has a folder with a strange name: %s", entry);
	bool asked = is_asked(p, name);
	if (fetch_add_part(p->f->package, &part, asked, err) < 0)
		return -1;
	CLEANUP_FREE char *folder = asked ? path_join(site, entry) : NULL;
	return asked ? (folder ? take_commands(p, folder, err) : error_oom(err)) : 0;
}

static int other_commands(struct python *p, struct error *err)
{
	DIR *dir = open_folder(p, "bin");
	struct dirent *entry;
	int rc = 0;

	while (rc == 0 && dir && (entry = readdir(dir))) {
		const char *name = entry->d_name;
		CLEANUP_FREE char *path = path_join("bin", name);
		if (!path)
			rc = error_oom(err);
		else if (name[0] != '.' && strncmp(name, "python", 6) != 0 && harvest_path_ok(path) &&
			 !fetch_has_command(p->f->package, name))
			rc = fetch_add_command(p->f->package, name, path, false, err);
	}
	if (dir)
		closedir(dir);
	return rc;
}

static int harvest(struct python *p, struct error *err)
{
	CLEANUP_FREE char *site = format_text("lib/python%s/site-packages", p->minor);
	struct package *package = p->f->package;
	struct dirent *entry;
	int rc = 0;

	if (!site)
		return error_oom(err);
	DIR *dir = open_folder(p, site);
	if (!dir)
		return error_set(err, errno, "cannot read what %s installed", p->f->tool);
	while (rc == 0 && (entry = readdir(dir))) {
		rc = take_package(p, site, entry->d_name, err);
		if (rc == 0 && package->parts_n > HARVEST_RECORDS_MAX)
			rc = error_set(err, 0, "there are more than %d packages", HARVEST_RECORDS_MAX);
	}
	closedir(dir);
	bool there = false;
	for (size_t i = 0; i < package->parts_n; i++)
		there = there || package->parts[i].asked;
	if (rc == 0 && !there)
		rc = error_set(err, 0, "%s did not install %s, and did not say why", p->f->tool, p->f->fetch->request->specs.v[0]);
	return rc < 0 ? -1 : other_commands(p, err);
}

static int describe(struct python *p, struct error *err)
{
	struct package *package = p->f->package;

	package->tool = format_text("%s %s", p->f->tool, p->tool_version);
	if (!package->tool)
		return error_oom(err);
	for (size_t i = 0; i < package->parts_n; i++)
		package->scripts_ran = package->scripts_ran || package->parts[i].scripts;
	return fetch_set_interpreter(package, p->exe, p->version, err);
}

/* Without uv, or for pipx, which knows pip's settings: pip. */
static int choose_tool(struct python *p, struct error *err)
{
	const char *runner = p->f->fetch->runner;

	p->f->tool = "pip";
	if (runner && strcmp(path_base(runner), "pipx") == 0)
		return 0;
	int found = uv_find(p, err);
	if (found > 0)
		p->f->tool = "uv";
	return found < 0 ? -1 : 0;
}

int fetch_python(struct fetching *f, struct error *err)
{
	CLEANUP(python_free) struct python p = { .f = f };

	if (choose_tool(&p, err) < 0 || find_python(&p, err) < 0 || (!p.uv && pip_find(&p, err) < 0) || make_environment(&p, err) < 0 ||
	    python_requirements(&p, err) < 0)
		return -1;
	log_line(f->fetch->log, "fetching %s with %s %s for python %s ...", f->fetch->request->specs.v[0], f->tool, p.tool_version, p.version);
	if ((p.uv ? uv_install(&p, err) : pip_install(&p, err)) < 0 || check_environment(&p, err) < 0 || compile_all(&p, err) < 0 || harvest(&p, err) < 0)
		return -1;
	return describe(&p, err);
}
