/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Resolving commands, in homes made for it. What comes out is written on one line:
 *
 *	KIND EXE [ARGV... | the server's own arguments] +GRANT... @SYMLINK...
 *
 * with "~" for the home and "^" for the folder around it. Programs are ELF headers: nothing is started. As
 *root, everything is done once more as an ordinary user.
 */
#include "cage/cage.h"
#include "base/buf.h"
#include "base/path.h"
#include "tests/tap.h"

#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <limits.h>
#include <sys/stat.h>

static char top[64]; /* the folder around the home */
static char home[80];

static char *at(const char *path)
{
	static char slots[16][PATH_MAX];
	static unsigned next;
	char *out = slots[next++ % 16];

	if (path[0] == '~')
		snprintf(out, PATH_MAX, "%s%s", home, path + 1);
	else if (path[0] == '^')
		snprintf(out, PATH_MAX, "%s%s", top, path + 1);
	else
		snprintf(out, PATH_MAX, "%s", path);
	return out;
}

static void parents(char *path)
{
	for (char *p = strchr(path + 1, '/'); p; p = strchr(p + 1, '/')) {
		*p = '\0';
		mkdir(path, 0755);
		*p = '/';
	}
}

static void make(const char *name, const void *content, size_t n, mode_t mode)
{
	char *path = at(name);

	parents(path);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	if (fd < 0 || write(fd, content, n) != (ssize_t)n || fchmod(fd, mode) < 0)
		bail_out("cannot make %s: %s", path, strerror(errno));
	close(fd);
}

static void text(const char *name, const char *content)
{
	make(name, content, strlen(content), 0644);
}

/* An executable script; "~" in its first line is replaced. */
static void script(const char *name, const char *content)
{
	char full[4096];
	const char *tilde = strchr(content, '~');

	if (tilde)
		snprintf(full, sizeof full, "%.*s%s%s", (int)(tilde - content), content, home, tilde + 1);
	else
		snprintf(full, sizeof full, "%s", content);
	make(name, full, strlen(full), 0755);
}

static void program(const char *name)
{
	static const char elf[64] = "\177ELF\2\1\1";
	make(name, elf, sizeof elf, 0755);
}

static void folder(const char *name)
{
	char *path = at(name);
	parents(path);
	mkdir(path, 0755);
}

static void link_to(const char *target, const char *name)
{
	char *path = at(name);
	parents(path);
	if (symlink(at(target), path) < 0)
		bail_out("cannot link %s: %s", path, strerror(errno));
}

/* Append PATH with "~" and "^" again. */
static void put(struct buf *b, const char *path)
{
	size_t h = strlen(home), t = strlen(top);

	if (strncmp(path, home, h) == 0)
		buf_printf(b, "~%s", path + h);
	else if (strncmp(path, top, t) == 0)
		buf_printf(b, "^%s", path + t);
	else
		buf_puts(b, path);
}

static void describe(struct buf *b, const struct target *t)
{
	static const char *const kinds[] = { "binary", "node", "python", "script" };

	buf_printf(b, "%s ", kinds[t->kind]);
	put(b, t->exe);
	buf_puts(b, " [");
	for (size_t i = 0; i < t->argv.n; i++) {
		if (i)
			buf_putc(b, ' ');
		if (i == t->args_from)
			buf_puts(b, "| ");
		put(b, t->argv.v[i]);
	}
	buf_puts(b, "]");
	for (size_t i = 0; i < t->grants_n; i++) {
		buf_puts(b, " +");
		put(b, t->grants[i].path);
	}
	for (size_t i = 0; i < t->links.n; i += 2) {
		buf_puts(b, " @");
		put(b, t->links.v[i]);
	}
}

static void target_clear(struct target *t)
{
	free(t->exe);
	strlist_free(&t->argv);
	for (size_t i = 0; i < t->grants_n; i++) {
		free(t->grants[i].path);
		free(t->grants[i].why);
	}
	free(t->grants);
	strlist_free(&t->links);
	strlist_free(&t->notes);
	*t = (struct target){ 0 };
}

static const char *search;   /* PATH; "~" is replaced in each entry */
static const char *variable; /* one more variable, or NULL */

/* COMMAND is split at blanks; "~" and "^" at the start of a word are replaced. */
static int run(const char *command, struct facts *facts, struct error *err)
{
	char words[4096], path[4096] = "PATH=", entries[4096];
	char *argv[32] = { NULL };
	char *env[] = { path, (char *)(uintptr_t)(variable ? variable : "LANG=C"), NULL };
	char *save = NULL;
	size_t n = 0;

	snprintf(words, sizeof words, "%s", command);
	for (char *w = strtok_r(words, " ", &save); w && n < 31; w = strtok_r(NULL, " ", &save))
		argv[n++] = strdup(at(w));
	snprintf(entries, sizeof entries, "%s", search);
	for (char *p = strtok_r(entries, ":", &save); p; p = strtok_r(NULL, ":", &save)) {
		strncat(path, path[5] ? ":" : "", sizeof path - strlen(path) - 1);
		strncat(path, at(p), sizeof path - strlen(path) - 1);
	}
	*facts = (struct facts){ .uid = getuid(), .gid = getgid(), .home = home };
	int status = target_resolve(argv, env, facts, err);
	for (size_t i = 0; i < n; i++)
		free(argv[i]);
	return status;
}

static void expect(const char *command, const char *wanted)
{
	CLEANUP_BUF struct buf b = BUF_INIT(65536);
	struct facts facts;
	struct error err = { .what = "" };

	if (run(command, &facts, &err) < 0)
		buf_printf(&b, "error: %s (%s)", err.what, err.hint);
	else
		describe(&b, &facts.target);
	is_str(buf_str(&b), wanted, "%s", command);
	target_clear(&facts.target);
}

/* By which of its words people know it; "": by the program's own name. */
static void named(const char *command, const char *wanted)
{
	struct facts facts;
	struct error err = { .what = "" };

	if (ok(run(command, &facts, &err) == 0, "%s", command))
		is_str(facts.target.named ? path_base(facts.target.argv.v[facts.target.named]) : "", wanted, "is named by \"%s\"", wanted);
	target_clear(&facts.target);
}

static void refused(const char *command, int status, const char *part)
{
	struct facts facts;
	struct error err = { .what = "" };
	int result = run(command, &facts, &err);

	if (!ok(result < 0 && error_exit_status(&err) == status &&
			(strstr(err.what, part) || strstr(err.hint, part)),
		"%s is refused with %d and \"%s\"", command, status, part))
		diag("result %d, status %d: %s; %s", result, result < 0 ? error_exit_status(&err) : 0,
		     err.what, err.hint);
	target_clear(&facts.target);
}

/* ---- the cases ---- */

static void plain_programs(void)
{
	search = "relative/bin::~/bin:~/.local/bin:^/sys/bin";
	program("^/sys/bin/tool");
	program("~/.local/bin/mine");
	expect("tool --x /srv", "binary ^/sys/bin/tool [^/sys/bin/tool | --x /srv] +^/sys/bin/tool");
	expect("mine", "binary ~/.local/bin/mine [~/.local/bin/mine] +~/.local/bin/mine");

	/* beside its libraries: the installation; in a folder of everything: itself alone */
	program("~/apps/suite/bin/suite");
	folder("~/apps/suite/lib");
	expect("~/apps/suite/bin/suite",
	       "binary ~/apps/suite/bin/suite [~/apps/suite/bin/suite] +~/apps/suite");
	folder("~/.local/lib");
	expect("mine", "binary ~/.local/bin/mine [~/.local/bin/mine] +~/.local/bin/mine");
	program("~/onedir/server");
	text("~/onedir/libx.so.1", "");
	expect("~/onedir/server", "binary ~/onedir/server [~/onedir/server] +~/onedir");
	program("~/Downloads/server");
	text("~/Downloads/libx.so", "");
	expect("~/Downloads/server", "binary ~/Downloads/server [~/Downloads/server] +~/Downloads/server");

	/* a symlink: the file it means, under the name it was called by */
	link_to("~/apps/suite/bin/suite", "~/bin/alias");
	expect("alias 1", "binary ~/apps/suite/bin/suite [~/bin/alias | 1] +~/apps/suite");

	refused("nothing-like-it", 127, "command not found");
	text("~/bin/noexec", "x");
	refused("noexec", 126, "not executable");
	refused("~/bin/noexec", 126, "Permission denied");
	refused("~/bin/absent", 127, "No such file");
	refused("~/bin", 126, "is a folder");
	make("~/bin/garbage", "hello", 5, 0755);
	refused("garbage", 126, "neither a program nor a script");
	make("~/bin/old", "\177ELF\1\1\1 and so on, more than a header", 36, 0755);
	refused("old", 126, "32-bit");
	link_to("~/bin/loop2", "~/bin/loop1");
	link_to("~/bin/loop1", "~/bin/loop2");
	refused("~/bin/loop1", 126, "symbolic links");
	search = "/nowhere";
	refused("mine", 127, ".local/bin/mine");
}

static void node(void)
{
	/* nvm: the paths are real ones */
	search = "~/.nvm/versions/node/v20.1.0/bin";
	program("~/.nvm/versions/node/v20.1.0/bin/node");
	folder("~/.nvm/versions/node/v20.1.0/include/node");
	script("~/.nvm/versions/node/v20.1.0/lib/node_modules/@m/server/dist/index.js",
	       "#!/usr/bin/env node\n");
	text("~/.nvm/versions/node/v20.1.0/lib/node_modules/@m/server/package.json", "{}");
	link_to("~/.nvm/versions/node/v20.1.0/lib/node_modules/@m/server/dist/index.js",
		"~/.nvm/versions/node/v20.1.0/bin/mcp-server");
#define NVM "~/.nvm/versions/node/v20.1.0"
	expect("mcp-server /data", "node " NVM "/bin/node [" NVM "/bin/node " NVM
				   "/lib/node_modules/@m/server/dist/index.js | /data] +" NVM);

	/* a project, its workspace, hoisted dependencies */
	text("~/code/app/package.json", "{}");
	text("~/code/app/dist/index.js", "");
	expect("node ~/code/app/dist/index.js a",
	       "node " NVM "/bin/node [" NVM "/bin/node ~/code/app/dist/index.js | a] +" NVM " +~/code/app");
	expect("node --enable-source-maps -r ~/code/app/dist/index.js --import=~/x --max-old-space-size=100 "
	       "~/code/app/dist/index.js --root ~/x",
	       "node " NVM "/bin/node [" NVM
	       "/bin/node --enable-source-maps -r ~/code/app/dist/index.js --import=~/x "
	       "--max-old-space-size=100 ~/code/app/dist/index.js | --root ~/x] +" NVM " +~/code/app");
	expect("node ~/code/app/dist/index a",
	       "node " NVM "/bin/node [" NVM "/bin/node ~/code/app/dist/index.js | a] +" NVM " +~/code/app");
	named("node --import=~/x -r ~/code/app/dist/index.js ~/code/app/dist/index.js 1", "index.js");
	named("node -e code ~/x", "");
	named("mcp-server", "index.js");
	expect("node -e code ~/x", "node " NVM "/bin/node [" NVM "/bin/node -e code | ~/x] +" NVM);
	expect("node --eval=code ~/x", "node " NVM "/bin/node [" NVM "/bin/node --eval=code | ~/x] +" NVM);
	refused("node ~/code/app/none.js", 127, "cannot find the script");
	text("~/mono/package.json", "{ \"workspaces\": [\"packages/*\"] }");
	text("~/mono/packages/server/package.json", "{}");
	text("~/mono/packages/server/index.js", "");
	expect("node ~/mono/packages/server/index.js",
	       "node " NVM "/bin/node [" NVM "/bin/node ~/mono/packages/server/index.js] +" NVM " +~/mono");
	text("~/hoist/node_modules/dep/package.json", "{}");
	text("~/hoist/sub/package.json", "{}");
	text("~/hoist/sub/index.js", "");
	expect("node ~/hoist/sub/index.js",
	       "node " NVM "/bin/node [" NVM "/bin/node ~/hoist/sub/index.js] +" NVM
	       " +~/hoist/sub +~/hoist/node_modules");
	text("~/hoist/node_modules/dep/node_modules/inner/index.js", "");
	expect("node ~/hoist/node_modules/dep/node_modules/inner/index.js",
	       "node " NVM "/bin/node [" NVM
	       "/bin/node ~/hoist/node_modules/dep/node_modules/inner/index.js] +" NVM
	       " +~/hoist/node_modules");

	/* npm link: where the link leads */
	link_to("~/code/app", "~/hoist/node_modules/app");
	expect("node ~/hoist/node_modules/app/dist/index.js",
	       "node " NVM "/bin/node [" NVM "/bin/node ~/code/app/dist/index.js] +" NVM " +~/code/app");

	/* no project around it, even when the home itself looks like one */
	text("~/package.json", "{}");
	text("~/server.js", "");
	text("~/Documents/server.js", "");
	text("~/Documents/package.json", "{}");
	expect("node ~/server.js",
	       "node " NVM "/bin/node [" NVM "/bin/node ~/server.js] +" NVM " +~/server.js");
	expect("node ~/Documents/server.js",
	       "node " NVM "/bin/node [" NVM "/bin/node ~/Documents/server.js] +" NVM
	       " +~/Documents/server.js");
	text("^/package.json", "{}");
	text("^/other/server.js", "");
	expect("node ^/other/server.js",
	       "node " NVM "/bin/node [" NVM "/bin/node ^/other/server.js] +" NVM " +^/other/server.js");
	refused("node ~", 126, "is no server");
	text("~/node_modules/pkg/cli.js", "");
	expect("node ~/node_modules/pkg/cli.js",
	       "node " NVM "/bin/node [" NVM "/bin/node ~/node_modules/pkg/cli.js] +" NVM " +~/node_modules");

	/* a node that lies where everything lies */
	search = "~/.local/bin";
	program("~/.local/bin/node");
	folder("~/.local/lib/node_modules");
	expect("node -e 1", "node ~/.local/bin/node [~/.local/bin/node -e 1] +~/.local/bin/node");
	program("~/.bun/bin/bun");
	expect("~/.bun/bin/bun run ~/code/app/dist/index.js x",
	       "node ~/.bun/bin/bun [~/.bun/bin/bun run ~/code/app/dist/index.js | x] +~/.bun/bin/bun "
	       "+~/code/app");

	/* pnpm's launchers: into their own folder, or the node_modules they belong to, and nowhere else */
	text("~/.local/share/pnpm/global/5/node_modules/pn/dist/cli.js", "");
	script("~/.local/share/pnpm/pn", "#!/bin/sh\nbasedir=$(dirname \"$0\")\n  exec node  "
					 "\"$basedir/global/5/node_modules/pn/dist/cli.js\"\n");
	expect("~/.local/share/pnpm/pn 1",
	       "node ~/.local/bin/node [~/.local/bin/node "
	       "~/.local/share/pnpm/global/5/node_modules/pn/dist/cli.js | 1] +~/.local/bin/node "
	       "+~/.local/share/pnpm/global/5/node_modules");
	script("~/hoist/node_modules/.bin/dep", "#!/bin/sh\nbasedir=$(dirname \"$0\")\n  exec node  "
						"\"$basedir/../dep/package.json\" \"$@\"\n");
	expect("~/hoist/node_modules/.bin/dep",
	       "node ~/.local/bin/node [~/.local/bin/node ~/hoist/node_modules/dep/package.json] "
	       "+~/.local/bin/node +~/hoist/node_modules");
	script("~/hoist/node_modules/.bin/evil", "#!/bin/sh\nbasedir=$(dirname \"$0\")\n exec node  "
						 "\"$basedir/../../../code/app/dist/index.js\"\n");
	refused("~/hoist/node_modules/.bin/evil", 126, "lies elsewhere");
}

static void env_and_scripts(void)
{
	search = "^/sys/bin:~/py/bin";
	program("^/sys/bin/env");
	program("^/sys/bin/sh");
	program("~/py/bin/node");
	text("~/tool/package.json", "{}");
	script("~/tool/run.js", "#!/usr/bin/env -S node '--title=a b'\n");
	script("~/tool/chain", "#!~/tool/run.js\n");
	script("~/tool/bad", "#!node\n");
	script("~/tool/crlf", "#!/usr/bin/env node\r\n");
	script("~/tool/self", "#!~/tool/self\n");
	expect("env node ~/tool/run.js x",
	       "node ~/py/bin/node [~/py/bin/node ~/tool/run.js | x] +~/py/bin/node +~/tool");
	if (access("/usr/bin/env", X_OK) == 0)
		expect("~/tool/run.js x",
		       "node ~/py/bin/node [~/py/bin/node --title=a b ~/tool/run.js | x] +~/py/bin/node "
		       "+~/tool");
	else
		tap_skip("no /usr/bin/env");
	/* what a file says in its first line opens nothing but the program that it names */
	text("~/secret/package.json", "{}");
	text("~/secret/x.js", "");
	program("~/secret/bin/interp");
	folder("~/secret/lib");
	script("~/tool/load", "#!/usr/bin/env -S node -r ~/secret/x.js\n");
	expect("~/tool/load",
	       "node ~/py/bin/node [~/py/bin/node -r ~/secret/x.js ~/tool/load] +~/py/bin/node +~/tool");
	script("~/tool/other", "#!/usr/bin/env -S node ~/secret/x.js\n");
	refused("~/tool/other", 126, "another file");
	script("~/tool/interp", "#!~/secret/bin/interp\n");
	expect("~/tool/interp a", "binary ~/secret/bin/interp [~/secret/bin/interp ~/tool/interp | a] "
				  "+~/secret/bin/interp +~/tool");
	script("~/secret/chain.js", "#!/usr/bin/env node\n");
	script("~/tool/chained", "#!~/secret/chain.js\n");
	expect("~/tool/chained", "node ~/py/bin/node [~/py/bin/node ~/secret/chain.js | ~/tool/chained] "
				 "+~/py/bin/node +~/secret/chain.js");
	link_to("^/sys/bin/python9", "~/secret/.venv/bin/python");
	program("^/sys/bin/python9");
	text("~/secret/.venv/pyvenv.cfg", "");
	text("~/secret/pyproject.toml", "");
	script("~/tool/venv", "#!~/secret/.venv/bin/python\n");
	expect("~/tool/venv",
	       "python ^/sys/bin/python9 [~/secret/.venv/bin/python ~/tool/venv] +^/sys/bin/python9 "
	       "+~/secret/.venv +~/tool/venv");
	script("~/secret/run", "#!~/secret/.venv/bin/python\n");
	expect("~/secret/run",
	       "python ^/sys/bin/python9 [~/secret/.venv/bin/python ~/secret/run] +^/sys/bin/python9 "
	       "+~/secret");
	refused("env A=1 node x.js", 126, "--env NAME=VALUE");
	refused("env -i node x.js", 126, "option -i");
	refused("env", 126, "no command");
	refused("~/tool/bad", 126, "no absolute path");
	refused("~/tool/crlf", 126, "carriage return");
	refused("~/tool/self", 126, "without end");
	expect("sh -c code ~/x", "script ^/sys/bin/sh [^/sys/bin/sh -c code | ~/x] +^/sys/bin/sh");
	script("~/tool/start.sh", "#!/bin/sh\n");
	expect("sh -eu ~/tool/start.sh y",
	       "script ^/sys/bin/sh [^/sys/bin/sh -eu ~/tool/start.sh | y] +^/sys/bin/sh +~/tool");
}

static void python(void)
{
	search = "~/opt/py/bin";
	program("~/opt/py/bin/python3.12");
	link_to("~/opt/py/bin/python3.12", "~/opt/py/bin/python3");
	folder("~/opt/py/lib/python3.12");
	text("~/srv/pyproject.toml", "");
	text("~/srv/main.py", "");
#define PY "~/opt/py/bin/python3.12"
	expect("python3 ~/srv/main.py q", "python " PY " [" PY " ~/srv/main.py | q] +~/opt/py +~/srv");
	expect("python3 -Im mod ~/x", "python " PY " [" PY " -Im mod | ~/x] +~/opt/py");
	expect("python3 -W ignore -X dev -u ~/srv/main.py",
	       "python " PY " [" PY " -W ignore -X dev -u ~/srv/main.py] "
	       "+~/opt/py +~/srv");
	expect("python3 -c code ~/x", "python " PY " [" PY " -c code | ~/x] +~/opt/py");
	named("python3 ~/srv/main.py x", "main.py");
	named("python3 -W ignore -u ~/srv/main.py", "main.py");
	named("python3 -um mod ~/x", "mod");
	named("python3 -m mod", "mod");
	named("python3 -m", "");
	named("python3 -c code m", "");
	named("python3 -cm ~/x", "");
	folder("~/.local/lib/python3.12/site-packages");
	expect("python3 -m mod",
	       "python " PY " [" PY " -m mod] +~/opt/py +~/.local/lib/python3.12/site-packages");

	/* a virtual environment: started by its own path, both are granted */
	link_to("~/opt/py/bin/python3.12", "~/venvs/a/bin/python");
	text("~/venvs/a/pyvenv.cfg", "home = /nowhere\n");
	script("~/venvs/a/bin/server", "#!~/venvs/a/bin/python\n");
	expect("~/venvs/a/bin/python -m mod",
	       "python " PY " [~/venvs/a/bin/python -m mod] +~/opt/py +~/venvs/a");
	expect("~/venvs/a/bin/server z",
	       "python " PY " [~/venvs/a/bin/python ~/venvs/a/bin/server | z] +~/opt/py "
	       "+~/venvs/a");
	link_to("~/venvs/a/bin/server", "~/.local/bin/server");
	expect("~/.local/bin/server z",
	       "python " PY " [~/venvs/a/bin/python ~/venvs/a/bin/server | z] +~/opt/py "
	       "+~/venvs/a");
	script("~/venvs/a/bin/long",
	       "#!/bin/sh\n'''exec' ~/venvs/a/bin/python \"$0\" \"$@\"\n' '''\nimport x\n");
	expect("~/venvs/a/bin/long z",
	       "python " PY " [~/venvs/a/bin/python ~/venvs/a/bin/long | z] +~/opt/py "
	       "+~/venvs/a");

	/* uv: its interpreter behind a folder that is a symlink, the environment inside a project */
	program("~/.local/share/uv/python/cpython-3.13.1-linux/bin/python3.13");
	folder("~/.local/share/uv/python/cpython-3.13.1-linux/lib/python3.13");
	link_to("~/.local/share/uv/python/cpython-3.13.1-linux",
		"~/.local/share/uv/python/cpython-3.13-linux");
	link_to("~/.local/share/uv/python/cpython-3.13-linux/bin/python3.13", "~/proj/.venv/bin/python");
	char config[PATH_MAX];
	snprintf(config, sizeof config, "home = %s/.local/share/uv/python/cpython-3.13-linux/bin\nuv = 0.5\n",
		 home);
	text("~/proj/.venv/pyvenv.cfg", config);
	text("~/proj/pyproject.toml", "");
#define UV "~/.local/share/uv/python/cpython-3.13.1-linux"
	expect("~/proj/.venv/bin/python -m proj",
	       "python " UV "/bin/python3.13 [~/proj/.venv/bin/python -m proj] +" UV " +~/proj "
	       "@~/.local/share/uv/python/cpython-3.13-linux");

	/* what the server's package says grants nothing */
	text("~/venvs/a/lib/python3.12/site-packages/evil.pth", home);
	text("~/venvs/a/pyvenv.cfg", "home = /etc\n");
	expect("~/venvs/a/bin/python -m mod",
	       "python " PY " [~/venvs/a/bin/python -m mod] +~/opt/py +~/venvs/a");

	/* a prefix that is shared */
	program("~/.local/bin/python3.10");
	folder("~/.local/lib/python3.10/site-packages");
	text("~/.local/lib/libpython3.10.so.1.0", "");
	expect("~/.local/bin/python3.10 -m x",
	       "python ~/.local/bin/python3.10 [~/.local/bin/python3.10 -m x] "
	       "+~/.local/bin/python3.10 +~/.local/lib/python3.10 "
	       "+~/.local/lib/libpython3.10.so.1.0");
}

static void pyenv(void)
{
	static const char shim[] =
		"#!/usr/bin/env bash\nset -e\nexec \"/x/.pyenv/libexec/pyenv\" exec \"$program\" \"$@\"\n";

	search = "~/.pyenv/shims:^/sys/bin";
	script("~/.pyenv/shims/python3", shim);
	program("~/.pyenv/versions/3.11.7/bin/python3.11");
	link_to("~/.pyenv/versions/3.11.7/bin/python3.11", "~/.pyenv/versions/3.11.7/bin/python3");
	folder("~/.pyenv/versions/3.11.7/lib/python3.11");
	program("~/.pyenv/versions/3.12.10/bin/python3");
	program("~/.pyenv/versions/3.12.9/bin/python3");
	folder("~/.pyenv/versions/3.12.10/lib/python3.12");
	program("^/sys/bin/python3");
	expect("python3 -m a", "python ^/sys/bin/python3 [^/sys/bin/python3 -m a] +^/sys/bin/python3");
	text("~/.pyenv/version", "# the default\n3.11.7\n3.12.10\n");
#define PYENV "~/.pyenv/versions/3.11.7"
	expect("python3 -m a", "python " PYENV "/bin/python3.11 [" PYENV "/bin/python3.11 -m a] +" PYENV);
	variable = "PYENV_VERSION=3.12";
	expect("python3",
	       "python ~/.pyenv/versions/3.12.10/bin/python3 [~/.pyenv/versions/3.12.10/bin/python3] "
	       "+~/.pyenv/versions/3.12.10");
	variable = "PYENV_VERSION=none:3.11.7";
	expect("python3", "python " PYENV "/bin/python3.11 [" PYENV "/bin/python3.11] +" PYENV);
	variable = "PYENV_VERSION=../../../evil";
	program("^/evil/bin/python3");
	refused("python3", 126, "pyenv");
	variable = "PYENV_VERSION=9.9";
	refused("python3", 126, "pyenv global VERSION");
	variable = "PYENV_VERSION=system";
	expect("python3", "python ^/sys/bin/python3 [^/sys/bin/python3] +^/sys/bin/python3");
	variable = NULL;
	/* the working directory has no say */
	text("~/.python-version", "3.12.10\n");
	if (chdir(home) < 0)
		bail_out("chdir: %s", strerror(errno));
	expect("python3", "python " PYENV "/bin/python3.11 [" PYENV "/bin/python3.11] +" PYENV);
	script("~/.pyenv/shims/srv", shim);
	script("~/.pyenv/versions/3.11.7/bin/srv", "#!~/.pyenv/versions/3.11.7/bin/python3.11\n");
	expect("srv a",
	       "python " PYENV "/bin/python3.11 [" PYENV "/bin/python3.11 " PYENV "/bin/srv | a] +" PYENV);
}

static void other_managers(void)
{
	/* asdf */
	search = "~/.asdf/shims";
	script("~/.asdf/shims/node",
	       "#!/usr/bin/env bash\n# asdf-plugin: nodejs 18.0.0\n# asdf-plugin: nodejs 20.5.0\n"
	       "exec asdf exec \"node\" \"$@\"\n");
	program("~/.asdf/installs/nodejs/20.5.0/bin/node");
	program("~/.asdf/installs/nodejs/18.0.0/bin/node");
	folder("~/.asdf/installs/nodejs/20.5.0/include/node");
	refused("node", 126, "asdf");
	text("~/.tool-versions", "python 3.1\nnodejs 20.5.0 18.0.0 # both\n");
#define ASDF "~/.asdf/installs/nodejs/20.5.0"
	expect("node", "node " ASDF "/bin/node [" ASDF "/bin/node] +" ASDF);
	variable = "ASDF_NODEJS_VERSION=18.0.0";
	expect("node",
	       "node ~/.asdf/installs/nodejs/18.0.0/bin/node [~/.asdf/installs/nodejs/18.0.0/bin/node] "
	       "+~/.asdf/installs/nodejs/18.0.0/bin/node");
	variable = NULL;
	unlink(at("~/.tool-versions"));

	/* mise */
	search = "~/.local/share/mise/shims:^/sys/bin";
	program("^/sys/bin/mise");
	link_to("^/sys/bin/mise", "~/.local/share/mise/shims/node");
	link_to("^/sys/bin/mise", "~/.local/share/mise/shims/python3");
	link_to("^/sys/bin/mise", "~/.local/share/mise/shims/tool");
	program("~/.local/share/mise/installs/node/22.3.0/bin/node");
	folder("~/.local/share/mise/installs/node/22.3.0/include/node");
	link_to("~/.local/share/mise/installs/node/22.3.0", "~/.local/share/mise/installs/node/latest");
	program("~/.local/share/mise/installs/python/3.12.4/bin/python3");
	folder("~/.local/share/mise/installs/python/3.12.4/lib/python3.12");
	program("~/.local/share/mise/installs/npm-tool/1.0.0/bin/tool");
	refused("node", 126, "mise");
	text("~/.config/mise/config.toml",
	     "[settings]\nnode = \"1\"\n[tools]\n# node = \"1\"\nnode = \"latest\"\n"
	     "python = ['3.13', \"3.12\"]\n\"npm:tool\" = { version = \"1\", x = 2 }\n");
#define MISE "~/.local/share/mise/installs"
	expect("node",
	       "node " MISE "/node/22.3.0/bin/node [" MISE "/node/22.3.0/bin/node] +" MISE "/node/22.3.0");
	expect("python3", "python " MISE "/python/3.12.4/bin/python3 [" MISE
			  "/python/3.12.4/bin/python3] +" MISE "/python/3.12.4");
	expect("tool", "binary " MISE "/npm-tool/1.0.0/bin/tool [" MISE "/npm-tool/1.0.0/bin/tool] +" MISE
		       "/npm-tool/1.0.0/bin/tool");
	text("~/.config/mise/config.toml", "[tools.node]\nversion = \"22\"\n");
	expect("node",
	       "node " MISE "/node/22.3.0/bin/node [" MISE "/node/22.3.0/bin/node] +" MISE "/node/22.3.0");

	/* volta */
	search = "~/.volta/bin";
	program("~/.volta/bin/volta-shim");
	link_to("~/.volta/bin/volta-shim", "~/.volta/bin/node");
	link_to("~/.volta/bin/volta-shim", "~/.volta/bin/srv");
	refused("node", 126, "volta install node");
	program("~/.volta/tools/image/node/20.9.0/bin/node");
	folder("~/.volta/tools/image/node/20.9.0/include/node");
	text("~/.volta/tools/user/platform.json",
	     "{\n  \"node\": {\n    \"runtime\": \"20.9.0\",\n    \"npm\": null\n  }\n}");
#define VOLTA "~/.volta/tools/image/node/20.9.0"
	expect("node", "node " VOLTA "/bin/node [" VOLTA "/bin/node] +" VOLTA);
	text("~/.volta/tools/user/bins/srv.json", "{ \"name\": \"srv\", \"package\": \"@o/srv\" }");
	script("~/.volta/tools/image/packages/@o/srv/lib/node_modules/@o/srv/cli.js",
	       "#!/usr/bin/env node\n");
	link_to("~/.volta/tools/image/packages/@o/srv/lib/node_modules/@o/srv/cli.js",
		"~/.volta/tools/image/packages/@o/srv/bin/srv");
	expect("srv 1",
	       "node " VOLTA "/bin/node [" VOLTA
	       "/bin/node ~/.volta/tools/image/packages/@o/srv/lib/node_modules/@o/srv/cli.js | 1] +" VOLTA
	       " +~/.volta/tools/image/packages/@o/srv/lib/node_modules");
	text("~/.volta/tools/user/platform.json", "{\"node\":{\"runtime\":\"../../../x\"}}");
	refused("node", 126, "volta");
}

static void refusals(void)
{
	search = "~/r";
	static const char *const names[] = { "npx",    "uvx",    "uv",   "pipx", "npm",
					     "docker", "podman", "sudo", "bunx", "bun" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char path[64];
		snprintf(path, sizeof path, "~/r/%s", names[i]);
		program(path);
	}
	refused("npx -y @m/server@1 /x", 126, "npm install -g @m/server@1");
	refused("npx --package=@m/server srv", 126, "npm install -g @m/server");
	refused("npm exec -- @m/server", 126, "npm install -g @m/server");
	refused("npm start", 126, "node FILE");
	refused("bunx srv", 126, "npm install -g srv");
	refused("bun x srv", 126, "npm install -g srv");
	refused("uvx --from git+x srv", 126, "uv tool install git+x");
	refused("uvx --python 3.12 srv", 126, "uv tool install srv");
	refused("uv run --directory /x srv", 126, "uv sync");
	refused("pipx run srv", 126, "pipx install srv");
	refused("docker run -i --rm mcp/x", 126, "service outside");
	refused("podman run x", 126, "service outside");
	refused("sudo node x", 126, "without sudo");
	link_to("~/r/docker", "~/r/innocent");
	refused("innocent run", 126, "service outside");
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static void all(void)
{
	char wd[PATH_MAX];

	snprintf(top, sizeof top, "/tmp/mcpcage-target-XXXXXX");
	if (!mkdtemp(top) || !getcwd(wd, sizeof wd))
		bail_out("mkdtemp: %s", strerror(errno));
	snprintf(home, sizeof home, "%s/home/u", top);
	parents(at("~/"));
	plain_programs();
	node();
	env_and_scripts();
	python();
	pyenv();
	other_managers();
	refusals();
	if (chdir("/") < 0)
		bail_out("chdir: %s", strerror(errno));
	ok(nftw(top, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0, "cleaned up");
}

int main(void)
{
	all();
	if (getuid() == 0) {
		pid_t pid = tap_fork();
		if (pid == 0) {
			if (setgroups(0, NULL) < 0 || setresgid(65534, 65534, 65534) < 0 ||
			    setresuid(65534, 65534, 65534) < 0 || chdir("/") < 0)
				_exit(99);
			all();
			tap_child_exit();
		}
		tap_wait(pid, "the same as an ordinary user");
	}
	return done_testing();
}
