/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is granted because of the command: the interpreter's installation, the server's project. All of it for
 * reading only.
 *
 * A folder is granted as a whole only when it is what it seems to be: an installation has its libraries where
 * they belong, a project has its package.json or its like at its root, and neither is a folder that people
 * keep other things in (too_broad). Otherwise the single file is granted and the user is told. Which folder
 * it is follows from where the named file lies, never from what files of the server say: a package must not
 * be able to widen its own cage. (So .pth files and the "home" of a pyvenv.cfg grant nothing.) Called by
 * target.c.
 */
#include "cage/target.h"

#include "base/format.h"
#include "base/path.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MANIFEST_BYTES 65536

int target_note(struct resolver *r, struct error *err, const char *format, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, format);
	int n = vasprintf(&text, format, ap);
	va_end(ap);
	if (n < 0 || strlist_take(&r->facts->target.notes, text) < 0)
		return error_oom(err);
	return 0;
}

/* ---- which folders may be granted as a whole ---- */

static bool any_of(const char *const *words, size_t n, const char *word)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(words[i], word) == 0)
			return true;
	return false;
}

/* Folders below a home that hold what many programs or the person put there. */
static bool shared_in_home(const char *below)
{
	static const char *const shared[] = {
		".local",     ".local/share", ".local/lib", ".local/lib64", ".local/bin", ".local/state",
		".local/opt", ".config",      ".cache",     ".cargo",       ".npm",       ".ssh",
		".gnupg",     ".aws",         "bin",        "Desktop",      "Documents",  "Downloads",
		"Music",      "Pictures",     "Public",     "Templates",    "Videos",     "snap",
		".var",       ".var/app",
	};
	return any_of(shared, ARRAY_SIZE(shared), below);
}

static bool broad_for_home(const char *path, const char *home)
{
	size_t n = home ? strlen(home) : 0;

	if (n <= 1)
		return false;
	if (path_within(home, path))
		return true;
	return path_within(path, home) && shared_in_home(path + n + 1);
}

/* Whether PATH, a real folder, holds more than one program's things. */
static bool too_broad(const struct resolver *r, const char *path)
{
	static const char *const shared[] = { "/var/tmp", "/var/lib",   "/var/cache",
					      "/var/opt", "/usr/local", "/root" };
	static const char *const kernel[] = { "/proc", "/sys", "/dev", "/run" };
	const struct facts *f = r->facts;

	/* "/" and what lies directly in it: /opt, /srv, /mnt, /tmp ... */
	if (strrchr(path, '/') == path || any_of(shared, ARRAY_SIZE(shared), path))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(kernel); i++)
		if (path_within(path, kernel[i]))
			return true;
	/* somebody's home */
	if (strncmp(path, "/home/", 6) == 0 && !strchr(path + 6, '/'))
		return true;
	if (broad_for_home(path, f->home) || broad_for_home(path, f->home_env))
		return true;
	for (size_t i = 0; i < f->protect.n; i++)
		if (path_within(f->protect.v[i], path))
			return true;
	return false;
}

/* ---- the list of grants ---- */

static bool in_system(const char *path)
{
	static const char *const system[] = {
		"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"
	};

	for (size_t i = 0; i < ARRAY_SIZE(system); i++)
		if (path_within(path, system[i]))
			return true;
	return false;
}

static bool granted(const struct target *t, const char *path)
{
	for (size_t i = 0; i < t->grants_n; i++)
		if (path_within(path, t->grants[i].path))
			return true;
	return false;
}

/* Grants inside PATH become needless. */
static void drop_below(struct target *t, const char *path)
{
	size_t kept = 0;

	for (size_t i = 0; i < t->grants_n; i++) {
		if (path_within(t->grants[i].path, path)) {
			free(t->grants[i].path);
			free(t->grants[i].why);
			free(t->grants[i].dest);
		} else {
			t->grants[kept++] = t->grants[i];
		}
	}
	t->grants_n = kept;
}

int target_grant(struct resolver *r, const char *path, const char *why, struct error *err)
{
	struct target *t = &r->facts->target;

	if (in_system(path) || granted(t, path))
		return 0;
	drop_below(t, path);
	struct target_grant *grown = reallocarray(t->grants, t->grants_n + 1, sizeof *grown);
	if (!grown)
		return error_oom(err);
	t->grants = grown;
	struct target_grant new = { .path = strdup(path), .why = strdup(why) };
	if (!new.path || !new.why) {
		free(new.path);
		free(new.why);
		return error_oom(err);
	}
	t->grants[t->grants_n++] = new;
	return 0;
}

int target_keep_links(struct resolver *r, const struct strlist *links, struct error *err)
{
	struct target *t = &r->facts->target;

	for (size_t i = 0; i + 1 < links->n; i += 2) {
		if (in_system(links->v[i]) || granted(t, links->v[i]) || strlist_has(&t->links, links->v[i]))
			continue;
		if (strlist_add(&t->links, links->v[i]) < 0 || strlist_add(&t->links, links->v[i + 1]) < 0)
			return error_oom(err);
	}
	return 0;
}

/* ---- installations ---- */

/* Package stores: everything below is public and world-readable, and programs there refer to each other. */
static const char *package_store(const char *path)
{
	static const char *const stores[] = { "/nix/store", "/gnu/store", "/home/linuxbrew/.linuxbrew" };

	for (size_t i = 0; i < ARRAY_SIZE(stores); i++)
		if (path_within(path, stores[i]))
			return stores[i];
	return NULL;
}

/* X of X/bin/NAME, or NULL. The caller frees. */
static char *prefix_of(const char *exe)
{
	CLEANUP_FREE char *bin = target_dir(exe);
	const char *name = bin ? path_base(bin) : "";

	if (strcmp(name, "bin") != 0 && strcmp(name, "sbin") != 0 && strcmp(name, "libexec") != 0)
		return NULL;
	return target_dir(bin);
}

/* DIR/NAME exists. */
static bool has(const char *dir, const char *name)
{
	CLEANUP_FREE char *path = path_join(dir, name);
	return path && access(path, F_OK) == 0;
}

/* The first entry of DIR whose name starts with PREFIX and holds PART. The caller frees; NULL for none. */
static char *entry_like(const char *dir, const char *prefix, const char *part)
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	char *found = NULL;

	while (!found && d && (entry = readdir(d)))
		if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0 && strstr(entry->d_name, part))
			found = path_join(dir, entry->d_name);
	if (d)
		closedir(d);
	return found;
}

int target_grant_node(struct resolver *r, const char *exe, struct error *err)
{
	const char *store = package_store(exe);
	CLEANUP_FREE char *prefix = prefix_of(exe);

	if (in_system(exe))
		return 0;
	if (store)
		return target_grant(r, store, "packages that the interpreter is made of", err);
	if (prefix && !too_broad(r, prefix) &&
	    (has(prefix, "lib/node_modules") || has(prefix, "include/node")))
		return target_grant(r, prefix, "node's installation", err);
	return target_grant(r, exe, "the interpreter", err);
}

/* Python in a prefix that is shared with others (~/.local): its own folders only. */
static int python_parts(struct resolver *r, const char *exe, const char *prefix, const char *name,
			struct error *err)
{
	CLEANUP_FREE char *library = prefix ? format_text("%s/lib/%s", prefix, name) : NULL;
	CLEANUP_FREE char *lib = prefix ? path_join(prefix, "lib") : NULL;
	CLEANUP_FREE char *shared = lib ? entry_like(lib, "libpython", ".so.") : NULL;

	if (target_grant(r, exe, "the interpreter", err) < 0)
		return -1;
	if (library && target_is_dir(library) && target_grant(r, library, "python's library", err) < 0)
		return -1;
	if (shared && target_grant(r, shared, "python's library", err) < 0)
		return -1;
	return 0;
}

/* What "pip install --user" put there, for an interpreter that would read it. */
static int python_user_site(struct resolver *r, const char *name, struct error *err)
{
	CLEANUP_FREE char *site = format_text("%s/.local/lib/%s/site-packages", r->facts->home, name);
	CLEANUP_FREE char *real = site ? target_walk(site, NULL) : NULL;

	if (!real || strcmp(real, site) != 0)
		return 0;
	return target_grant(r, site, "python packages of this user", err);
}

static int python_base(struct resolver *r, const char *exe, struct error *err)
{
	const char *store = package_store(exe);
	CLEANUP_FREE char *prefix = prefix_of(exe);
	CLEANUP_FREE char *lib = prefix ? path_join(prefix, "lib") : NULL;
	CLEANUP_FREE char *library = lib ? entry_like(lib, "py", "") : NULL;

	if (store)
		return target_grant(r, store, "packages that the interpreter is made of", err);
	if (prefix && library && !too_broad(r, prefix))
		return target_grant(r, prefix, "python's installation", err);
	return python_parts(r, exe, prefix, path_base(exe), err);
}

int target_grant_python(struct resolver *r, const char *exe, const char *venv, struct error *err)
{
	if (!in_system(exe) && python_base(r, exe, err) < 0)
		return -1;
	if (!venv)
		return python_user_site(r, path_base(exe), err);

	/* A project's own environment, PROJECT/.venv, is used with the project beside it. */
	CLEANUP_FREE char *project = target_dir(venv);
	bool meant = project && (!r->by_file || path_within(r->script, project));
	if (meant && !too_broad(r, project) && (has(project, "pyproject.toml") || has(project, "setup.py")))
		return target_grant(r, project, "the project around its virtual environment", err);
	return target_grant(r, venv, "the virtual environment (pyvenv.cfg)", err);
}

char *target_venv(const char *found)
{
	CLEANUP_FREE char *bin = target_dir(found);
	CLEANUP_FREE char *real = bin ? target_walk(bin, NULL) : NULL;
	CLEANUP_FREE char *root = real ? target_dir(real) : NULL;

	if (!root || !root[1] || !has(root, "pyvenv.cfg"))
		return NULL;
	return TAKE_PTR(root);
}

/* A folder that was unpacked as one: a program with its libraries beside it. */
static bool self_contained(const char *dir)
{
	static const char *const parts[] = { "lib",          "lib64",     "libexec",
					     "node_modules", "_internal", "resources" };

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (has(dir, parts[i]))
			return true;
	CLEANUP_FREE char *shared = entry_like(dir, "", ".so");
	return shared != NULL;
}

int target_grant_binary(struct resolver *r, const char *exe, struct error *err)
{
	const char *store = package_store(exe);
	CLEANUP_FREE char *dir = target_dir(exe);
	CLEANUP_FREE char *prefix = prefix_of(exe);

	if (in_system(exe))
		return 0;
	if (store)
		return target_grant(r, store, "packages that the program is made of", err);
	if (r->by_file)
		return target_grant(r, exe, "the interpreter", err);
	if (prefix && !too_broad(r, prefix) && self_contained(prefix))
		return target_grant(r, prefix, "the program's installation", err);
	if (dir && !prefix && !too_broad(r, dir) && self_contained(dir))
		return target_grant(r, dir, "the program's folder", err);
	return target_grant(r, exe, "the program", err);
}

/* ---- projects ---- */

/* PATH up to and including its first component node_modules: hoisted dependencies lie there. */
static char *outermost_node_modules(const char *path)
{
	static const char name[] = "/node_modules/";
	const char *p = strstr(path, name);

	return p ? strndup(path, (size_t)(p - path) + sizeof name - 2) : NULL;
}

/* The nearest folder at or above DIR that has one of FILES; NULL when there is none that may be granted. */
static char *nearest(const struct resolver *r, const char *dir, const char *const *files, const char **which)
{
	CLEANUP_FREE char *at = strdup(dir);

	while (at && at[1] && !too_broad(r, at)) {
		for (size_t i = 0; files[i]; i++) {
			if (has(at, files[i])) {
				*which = files[i];
				return TAKE_PTR(at);
			}
		}
		char *up = target_dir(at);
		free(at);
		at = up;
	}
	return NULL;
}

static bool is_workspace(const char *dir)
{
	CLEANUP_FREE char *manifest = path_join(dir, "package.json");
	CLEANUP_FREE char *text = malloc(MANIFEST_BYTES);

	if (has(dir, "pnpm-workspace.yaml"))
		return true;
	return manifest && text && target_read(manifest, text, MANIFEST_BYTES) > 0 &&
	       strstr(text, "\"workspaces\"");
}

/*
 * Above a package, node finds dependencies in each node_modules, and a workspace links its packages with each
 * other.
 */
static int node_ancestors(struct resolver *r, const char *project, struct error *err)
{
	CLEANUP_FREE char *at = target_dir(project);

	while (at && at[1] && !too_broad(r, at)) {
		CLEANUP_FREE char *modules = path_join(at, "node_modules");
		if (is_workspace(at))
			return target_grant(r, at, "the workspace of the server's project", err);
		if (modules && target_is_dir(modules) &&
		    target_grant(r, modules, "dependencies of the server's project", err) < 0)
			return -1;
		char *up = target_dir(at);
		free(at);
		at = up;
	}
	return 0;
}

int target_grant_script(struct resolver *r, const char *path, enum target_kind kind, struct error *err)
{
	static const char *const node_files[] = { "package.json", "deno.json", "deno.jsonc", NULL };
	static const char *const python_files[] = {
		"pyproject.toml", "pyvenv.cfg", "setup.py", "setup.cfg", "requirements.txt", NULL,
	};
	static const char *const any_files[] = { "package.json", "pyproject.toml", "pyvenv.cfg", NULL };
	const char *const *files = kind == TARGET_NODE     ? node_files
				   : kind == TARGET_PYTHON ? python_files
							   : any_files;
	const char *which = NULL;

	if (in_system(path) || granted(&r->facts->target, path))
		return 0;
	CLEANUP_FREE char *modules = outermost_node_modules(path);
	if (modules && !too_broad(r, modules))
		return target_grant(r, modules, "the server's package and its dependencies (node_modules)",
				    err);

	CLEANUP_FREE char *dir = target_is_dir(path) ? strdup(path) : target_dir(path);
	CLEANUP_FREE char *project = dir ? nearest(r, dir, files, &which) : NULL;
	if (!dir)
		return error_oom(err);
	if (!project) {
		if (target_is_dir(path) && too_broad(r, path)) {
			error_set(err, 0, "the folder %s is no server: too much else lies in it", path);
			return error_kind(err, ERROR_CANNOT_RUN);
		}
		if (target_note(r, err, "no project around %s: that alone is granted (--ro grants more)",
				path) < 0)
			return -1;
		return target_grant(r, path, "the server's script", err);
	}
	CLEANUP_FREE char *why = format_text("the server's project (%s)", which);
	if (!why)
		return error_oom(err);
	if (target_grant(r, project, why, err) < 0)
		return -1;
	return kind == TARGET_NODE ? node_ancestors(r, project, err) : 0;
}
