/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Shims of version managers: small programs early in PATH that look up which installed version is meant and start it. In the cage
 * neither the manager nor its configuration is there, so the lookup is done here, from the same files:
 *
 *	pyenv, nodenv, rbenv, goenv  ROOT/shims/NAME   PYENV_VERSION, ROOT/version, ROOT/versions/V/bin
 *	asdf                         ROOT/shims/NAME   ASDF_NODEJS_VERSION, ~/.tool-versions, ROOT/installs/TOOL/V/bin
 *	mise                         ROOT/shims/NAME   MISE_NODE_VERSION, mise/config.toml, ~/.tool-versions, installs
 *	volta                        ROOT/bin/NAME     tools/user/platform.json, tools/image
 *
 * nvm and fnm need nothing: their paths are real ones. Files of a project (.python-version, .nvmrc, mise.toml) are not read, since the
 * working directory is the client's and decides nothing. A version is used as a path component only when it is a plain name. Called by
 * target.c and target-tool.c; starts nothing.
 */
#include "cage/target.h"

#include "base/format.h"
#include "base/path.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* A file of another program's configuration: far more than any has. */
#define CONFIG_BYTES 65536

/* A version or a tool, safe as one path component. */
static bool plain(const char *name)
{
	if (!*name || *name == '-' || *name == '.')
		return false;
	for (const char *p = name; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("._+-", *p))
			return false;
	return true;
}

static char *read_config(const char *path)
{
	char *text = malloc(CONFIG_BYTES);

	if (text && target_read(path, text, CONFIG_BYTES) < 0) {
		free(text);
		return NULL;
	}
	return text;
}

/* ROOT/VERSION, or the newest ROOT/VERSION.*; NULL when there is neither. */
static char *installed(const char *root, const char *version)
{
	CLEANUP_FREE char *exact = path_join(root, version);
	if (exact && target_is_dir(exact))
		return TAKE_PTR(exact);

	CLEANUP_FREE char *best = NULL;
	size_t n = strlen(version);
	bool latest = strcmp(version, "latest") == 0;
	DIR *dir = opendir(root);
	if (!dir)
		return NULL;
	struct dirent *entry;
	while ((entry = readdir(dir))) {
		const char *name = entry->d_name;
		bool fits = latest ? isdigit((unsigned char)*name)
				   : strncmp(name, version, n) == 0 && name[n] == '.';
		if (!fits || !plain(name) || (best && strverscmp(name, best) <= 0))
			continue;
		free(best);
		best = strdup(name);
	}
	closedir(dir);
	return best ? path_join(root, best) : NULL;
}

/*
 * The program NAME in VERSION of the tool whose versions lie in ROOT; NULL when it is not there. "system" is
 * what PATH has behind the shims.
 */
static char *in_version(const struct resolver *r, const char *root, const char *version, const char *name)
{
	static const char *const folders[] = { "bin", "go/bin", "." };

	if (strcmp(version, "system") == 0) {
		CLEANUP_FREE char *shims = target_dir(r->found);
		struct error ignored;
		return shims ? target_find(r, name, shims, &ignored) : NULL;
	}
	if (!plain(version))
		return NULL;
	CLEANUP_FREE char *dir = installed(root, version);
	for (size_t i = 0; dir && i < ARRAY_SIZE(folders); i++) {
		char *file = format_text("%s/%s/%s", dir, folders[i], name);
		if (file && target_runs(file))
			return file;
		free(file);
	}
	return NULL;
}

static int unresolved(const struct resolver *r, const char *manager, const char *versions, const char *remedy,
		      struct error *err)
{
	const char *name = path_base(r->found);

	if (versions && *versions)
		error_set(err, 0, "%s is a shim of %s, and no installed version that is selected (%s) has %s",
			  r->found, manager, versions, name);
	else
		error_set(err, 0, "%s is a shim of %s, and no version is selected for %s", r->found, manager,
			  name);
	error_kind(err, ERROR_CANNOT_RUN);
	return error_hint(
		err, "%s, or give the path of the program itself; the working directory is not consulted",
		remedy);
}

static int resolved(struct resolver *r, const char *manager, const char *version, char *file, char **next,
		    struct error *err)
{
	*next = file;
	if (target_note(r, err, "%s is a shim of %s, which has %s selected: %s", r->found, manager, version,
			file) < 0) {
		free(file);
		return -1;
	}
	return 1;
}

/* ---- pyenv and its relatives ---- */

static int shim_env_family(struct resolver *r, const char *root, char **next, struct error *err)
{
	static const struct {
		const char *name, *variable, *marker;
	} family[] = {
		{ "nodenv", "NODENV_VERSION", "nodenv" },
		{ "rbenv", "RBENV_VERSION", "rbenv" },
		{ "goenv", "GOENV_VERSION", "goenv" },
		{ "pyenv", "PYENV_VERSION", "pyenv" },
	};
	const char *name = path_base(r->found);
	size_t which = 0;

	while (which < ARRAY_SIZE(family) && !strstr(r->head, family[which].marker))
		which++;
	if (which == ARRAY_SIZE(family))
		return 0;

	CLEANUP_FREE char *versions = format_text("%s/versions", root);
	CLEANUP_FREE char *file = format_text("%s/version", root);
	if (!versions || !file)
		return error_oom(err);
	const char *variable = target_env(r, family[which].variable);
	CLEANUP_FREE char *text = variable ? strdup(variable) : read_config(file);
	if (!text)
		text = strdup("system");
	CLEANUP_FREE char *shown = text ? strndup(text, strcspn(text, "\n")) : NULL;
	if (!text || !shown)
		return error_oom(err);

	for (char *line = text, *end; *line; line = end) {
		end = line + strcspn(line, "\n");
		if (*end)
			*end++ = '\0';
		line[strcspn(line, "#")] = '\0';
		char *save = NULL;
		for (char *v = strtok_r(line, ": \t\r", &save); v; v = strtok_r(NULL, ": \t\r", &save)) {
			char *program = in_version(r, versions, v, name);
			if (program)
				return resolved(r, family[which].name, v, program, next, err);
		}
	}
	CLEANUP_FREE char *remedy =
		format_text("select one with \"%s global VERSION\"", family[which].name);
	return unresolved(r, family[which].name, shown, remedy ? remedy : "select one", err);
}

/* ---- asdf, and .tool-versions, which mise reads as well ---- */

/* MANAGER_TOOL_VERSION, as asdf and mise spell it. */
static const char *version_variable(const struct resolver *r, const char *manager, const char *tool)
{
	CLEANUP_FREE char *name = format_text("%s_%s_VERSION", manager, tool);

	if (!name)
		return NULL;
	for (char *p = name; *p; p++)
		*p = *p == '-' ? '_' : (char)toupper((unsigned char)*p);
	return target_env(r, name);
}

/* "node" and "nodejs" are one tool, "go" and "golang" as well. */
static bool same_tool(const char *a, const char *b)
{
	static const char *const pairs[][2] = { { "node", "nodejs" }, { "go", "golang" } };

	if (strcmp(a, b) == 0)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++)
		if ((strcmp(a, pairs[i][0]) == 0 && strcmp(b, pairs[i][1]) == 0) ||
		    (strcmp(a, pairs[i][1]) == 0 && strcmp(b, pairs[i][0]) == 0))
			return true;
	return false;
}

/* The versions of TOOL in ~/.tool-versions, separated by blanks; NULL for none. */
static char *tool_versions(const struct resolver *r, const char *tool)
{
	CLEANUP_FREE char *path = path_join(r->home, ".tool-versions");
	CLEANUP_FREE char *text = path ? read_config(path) : NULL;

	for (char *line = text, *end; line && *line; line = end) {
		end = line + strcspn(line, "\n");
		if (*end)
			*end++ = '\0';
		line[strcspn(line, "#\r")] = '\0';
		char *save = NULL;
		char *name = strtok_r(line, " \t", &save);
		if (name && same_tool(name, tool))
			return strdup(save ? save : "");
	}
	return NULL;
}

/* Try each of VERSIONS of TOOL below INSTALLS. As target_shim(). */
static int try_versions(struct resolver *r, const char *manager, const char *installs, const char *tool,
			const char *versions, char **next, struct error *err)
{
	if (!plain(tool))
		return 0;
	CLEANUP_FREE char *root = path_join(installs, tool);
	CLEANUP_FREE char *copy = strdup(versions);
	if (!root || !copy)
		return error_oom(err);
	char *save = NULL;
	for (char *v = strtok_r(copy, " \t,", &save); v; v = strtok_r(NULL, " \t,", &save)) {
		char *program = in_version(r, root, v, path_base(r->found));
		if (program)
			return resolved(r, manager, v, program, next, err);
	}
	return 0;
}

static int shim_asdf(struct resolver *r, const char *root, char **next, struct error *err)
{
	static const char marker[] = "# asdf-plugin: ";
	CLEANUP_FREE char *installs = path_join(root, "installs");
	CLEANUP_FREE char *tried = NULL;
	const char *p = r->head;
	bool any = false;

	if (!installs)
		return error_oom(err);
	while ((p = strstr(p, marker))) {
		p += sizeof marker - 1;
		CLEANUP_FREE char *tool = strndup(p, strcspn(p, " \r\n"));
		if (!tool)
			return error_oom(err);
		any = true;
		const char *variable = version_variable(r, "ASDF", tool);
		CLEANUP_FREE char *versions = variable ? strdup(variable) : tool_versions(r, tool);
		if (!versions)
			continue;
		int status = try_versions(r, "asdf", installs, tool, versions, next, err);
		if (status)
			return status;
		free(tried);
		tried = format_text("%s %s", tool, versions);
	}
	if (!any)
		return 0;
	return unresolved(r, "asdf", tried, "select one in ~/.tool-versions", err);
}

/* ---- mise ---- */

/* The quoted string at *P or behind it on this line; *P moves behind it. The caller frees. */
static char *quoted(const char **p)
{
	const char *open = *p + strcspn(*p, "\"'#");

	if (*open != '"' && *open != '\'')
		return NULL;
	const char *close = strchr(open + 1, *open);
	if (!close)
		return NULL;
	*p = close + 1;
	return strndup(open + 1, (size_t)(close - open - 1));
}

/* All quoted strings of a value: "20", ["3.12", "3.11"], { version = "20", ... }. Separated by blanks. */
static char *toml_versions(const char *value)
{
	const char *inner = value + strspn(value, " \t");
	bool list = *inner == '[';

	if (*inner == '{') {
		inner = strstr(inner, "version");
		if (!inner)
			return NULL;
	}
	char *all = quoted(&inner);
	while (all && list) {
		CLEANUP_FREE char *more = quoted(&inner);
		if (!more)
			break;
		char *joined = format_text("%s %s", all, more);
		free(all);
		all = joined;
	}
	return all;
}

/* A key as mise names the folder of its installs: npm:@scope/x is npm-scope-x. The caller frees. */
static char *mise_tool(const char *key, size_t n)
{
	char *tool = malloc(n + 1);
	size_t used = 0;

	if (!tool)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		if (isalnum((unsigned char)key[i]) || strchr("._", key[i]))
			tool[used++] = key[i];
		else if (strchr(":/-", key[i]) && used > 0 && tool[used - 1] != '-')
			tool[used++] = '-';
	}
	tool[used] = '\0';
	return tool;
}

/* One "key = value" of the table [tools]. As target_shim(). */
static int mise_line(struct resolver *r, const char *installs, const char *line, char **next,
		     struct error *err)
{
	const char *key = line + strspn(line, " \t");
	const char *equals = strchr(key, '=');

	if (!equals || *key == '#')
		return 0;
	size_t n = (size_t)(equals - key);
	while (n > 0 && (key[n - 1] == ' ' || key[n - 1] == '\t'))
		n--;
	if (n > 2 && (*key == '"' || *key == '\'')) {
		key++;
		n -= 2;
	}
	CLEANUP_FREE char *tool = mise_tool(key, n);
	CLEANUP_FREE char *versions = toml_versions(equals + 1);
	if (!tool || !versions)
		return 0;
	const char *variable = version_variable(r, "MISE", tool);
	return try_versions(r, "mise", installs, tool, variable ? variable : versions, next, err);
}

/* [tools] of FILE, a line each; "[tools.node]" with "version =" below it is the other spelling. */
static int mise_config(struct resolver *r, const char *installs, const char *file, char **next,
		       struct error *err)
{
	CLEANUP_FREE char *text = read_config(file);
	CLEANUP_FREE char *table = NULL;
	bool in_tools = false;

	for (char *line = text, *end; line && *line; line = end) {
		end = line + strcspn(line, "\n");
		if (*end)
			*end++ = '\0';
		line += strspn(line, " \t");
		if (*line == '[') {
			in_tools = strncmp(line, "[tools]", 7) == 0;
			free(table);
			table = strncmp(line, "[tools.", 7) == 0 ? strndup(line + 7, strcspn(line + 7, "]"))
								 : NULL;
			continue;
		}
		CLEANUP_FREE char *other = NULL;
		if (table && strncmp(line, "version", 7) == 0)
			other = format_text("%s %s", table, line + strcspn(line, "="));
		if (!in_tools && !other)
			continue;
		int status = mise_line(r, installs, other ? other : line, next, err);
		if (status)
			return status;
	}
	return 0;
}

/* A tool that the environment or ~/.tool-versions selects. */
static int mise_elsewhere(struct resolver *r, const char *installs, char **next, struct error *err)
{
	DIR *dir = opendir(installs);
	struct dirent *entry;
	int status = 0;

	while (status == 0 && dir && (entry = readdir(dir))) {
		if (!plain(entry->d_name))
			continue;
		const char *variable = version_variable(r, "MISE", entry->d_name);
		CLEANUP_FREE char *versions = variable ? strdup(variable) : tool_versions(r, entry->d_name);
		if (versions)
			status = try_versions(r, "mise", installs, entry->d_name, versions, next, err);
	}
	if (dir)
		closedir(dir);
	return status;
}

static int shim_mise(struct resolver *r, const char *root, char **next, struct error *err)
{
	const char *config = target_env(r, "XDG_CONFIG_HOME");
	CLEANUP_FREE char *installs = path_join(root, "installs");
	CLEANUP_FREE char *file = config ? format_text("%s/mise/config.toml", config)
					 : format_text("%s/.config/mise/config.toml", r->home);

	if (!installs || !file)
		return error_oom(err);
	int status = mise_config(r, installs, file, next, err);
	if (status == 0)
		status = mise_elsewhere(r, installs, next, err);
	if (status)
		return status;
	return unresolved(r, "mise", NULL, "select one with \"mise use --global TOOL@VERSION\"", err);
}

/* ---- volta ---- */

/* The string member KEY of a small JSON file that volta wrote. The caller frees. */
static char *json_member(const char *text, const char *key)
{
	CLEANUP_FREE char *quoted_key = format_text("\"%s\"", key);
	const char *p = quoted_key ? strstr(text, quoted_key) : NULL;

	if (!p)
		return NULL;
	p += strlen(quoted_key);
	p += strspn(p, " \t\r\n");
	if (*p != ':')
		return NULL;
	p++;
	p += strspn(p, " \t\r\n");
	if (*p != '"')
		return NULL;
	return strndup(p + 1, strcspn(p + 1, "\""));
}

static bool plain_package(const char *name)
{
	const char *slash = *name == '@' ? strchr(name, '/') : NULL;

	if (!slash)
		return plain(name);
	CLEANUP_FREE char *scope = strndup(name + 1, (size_t)(slash - name - 1));
	return scope && plain(scope) && plain(slash + 1);
}

/* A program that a package brought: tools/user/bins/NAME.json says which. */
static char *volta_package(const char *root, const char *name)
{
	CLEANUP_FREE char *file = format_text("%s/tools/user/bins/%s.json", root, name);
	CLEANUP_FREE char *text = file ? read_config(file) : NULL;
	CLEANUP_FREE char *package = text ? json_member(text, "package") : NULL;

	if (!package || !plain_package(package))
		return NULL;
	char *program = format_text("%s/tools/image/packages/%s/bin/%s", root, package, name);
	if (program && target_runs(program))
		return program;
	free(program);
	return NULL;
}

static int shim_volta(struct resolver *r, const char *root, char **next, struct error *err)
{
	const char *name = path_base(r->found);
	CLEANUP_FREE char *file = format_text("%s/tools/user/platform.json", root);
	CLEANUP_FREE char *text = file ? read_config(file) : NULL;
	CLEANUP_FREE char *runtime = text ? json_member(text, "runtime") : NULL;
	char *program = plain(name) ? volta_package(root, name) : NULL;

	if (program)
		return resolved(r, "volta", "a package", program, next, err);
	if (runtime && plain(runtime)) {
		program = format_text("%s/tools/image/node/%s/bin/%s", root, runtime, name);
		if (program && target_runs(program))
			return resolved(r, "volta", runtime, program, next, err);
		free(program);
	}
	return unresolved(r, "volta", runtime, "select one with \"volta install node\"", err);
}

int target_shim(struct resolver *r, char **next, struct error *err)
{
	CLEANUP_FREE char *folder = target_dir(r->found);
	CLEANUP_FREE char *root = folder ? target_dir(folder) : NULL;
	const char *program = path_base(r->real);

	if (!folder || !root)
		return 0;
	if (strcmp(program, "volta-shim") == 0 || strcmp(program, "volta") == 0)
		return strcmp(path_base(r->found), "volta") == 0 ? 0 : shim_volta(r, root, next, err);
	if (strcmp(path_base(folder), "shims") != 0)
		return 0;
	if (strcmp(program, "mise") == 0 || strcmp(program, "rtx") == 0)
		return shim_mise(r, root, next, err);
	if (r->head_n < 2 || r->head[0] != '#' || r->head[1] != '!')
		return 0;
	int status = shim_asdf(r, root, next, err);
	return status ? status : shim_env_family(r, root, next, err);
}
