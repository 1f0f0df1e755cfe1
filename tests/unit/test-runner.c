/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Command lines of package runners, read by their own grammars: what is asked for, and what is refused. */
#include "base/buf.h"
#include "base/cleanup.h"
#include "policy/runner.h"
#include "tests/tap.h"

#include <string.h>

#define WORDS 16

/* The words of LINE; a blank in a word is written as "_". */
static void split(char *line, char *argv[WORDS])
{
	size_t n = 0;

	for (char *word = strtok(line, " "); word && n + 1 < WORDS; word = strtok(NULL, " ")) {
		for (char *c = word; *c; c++)
			if (*c == '_')
				*c = ' ';
		argv[n++] = word;
	}
	argv[n] = NULL;
}

static void join(struct buf *out, const char *name, const struct strlist *list)
{
	buf_printf(out, " %s=", name);
	for (size_t i = 0; i < list->n; i++)
		buf_printf(out, "%s%s", i ? "," : "", list->v[i]);
}

static void describe(struct buf *out, const struct runner *r)
{
	buf_printf(out, "%s%s:", r->form, r->project ? " (project)" : "");
	if (r->request.specs.n)
		join(out, "specs", &r->request.specs);
	if (r->request.python)
		buf_printf(out, " python=%s", r->request.python);
	if (r->directory)
		buf_printf(out, " %s=%s", r->inside ? "in" : "of", r->directory);
	if (r->module)
		buf_puts(out, " -m");
	if (r->command)
		buf_printf(out, " command=%s", r->command);
	if (r->args.n)
		join(out, "args", &r->args);
}

static void reads(const char *line, const char *expected)
{
	CLEANUP(runner_free) struct runner r = { 0 };
	CLEANUP_BUF struct buf out = BUF_INIT(0);
	CLEANUP_FREE char *copy = strdup(line);
	char *argv[WORDS];
	struct error err;

	split(copy, argv);
	int is = runner_parse(argv, &r, &err);
	if (is > 0)
		describe(&out, &r);
	else
		buf_puts(&out, is < 0 ? err.what : "none");
	is_str(buf_str(&out), expected, "%s", line);
}

static void refused(const char *line, const char *what, const char *hint)
{
	CLEANUP(runner_free) struct runner r = { 0 };
	CLEANUP_FREE char *copy = strdup(line);
	char *argv[WORDS];
	struct error err = { 0 };

	split(copy, argv);
	int is = runner_parse(argv, &r, &err);
	ok(is < 0 && err.kind == ERROR_CANNOT_RUN && strstr(err.what, what) && strstr(err.hint, hint), "refused: %s", line);
}

static void npm_family(void)
{
	reads("npx -y name", "npx: specs=name");
	reads("/opt/node/bin/npx --yes name", "npx: specs=name");
	reads("npx --yes=true name", "npx: specs=name");
	reads("npx name", "npx: specs=name");
	reads("npx -y @scope/name@1.2.3 /a -y --b=c --", "npx: specs=@scope/name@1.2.3 args=/a,-y,--b=c,--");
	reads("npx -y name@latest", "npx: specs=name"); /* which means the same */
	reads("npx -y name@^1.2 x", "npx: specs=name@^1.2 args=x");
	reads("npx -- name -y", "npx: specs=name args=-y");
	reads("npx -y -- name -y", "npx: specs=name args=-y");
	reads("npx -p one -p two command x", "npx: specs=one,two command=command args=x");
	reads("npx --package=one@1 --package two -y command", "npx: specs=one@1,two command=command");
	reads("npx -y -p one", "npx: specs=one");
	reads("npx -p z -p b -p a c", "npx: specs=z,a,b command=c");
	reads("npx -p same -p same c", "npx: specs=same command=c");
	reads("npx --cache /x --loglevel error --quiet --ignore-scripts name", "npx: specs=name");
	reads("npm exec name", "npm exec: specs=name");
	reads("npm exec --yes name -- --flag x", "npm exec: specs=name args=--flag,x");
	reads("npm exec name --yes x -- --yes", "npm exec: specs=name args=x,--yes");
	reads("npm --silent exec --package one -- command -p 1", "npm exec: specs=one command=command args=-p,1");
	reads("npm x -y name", "npm exec: specs=name");
	reads("npm start", "none");
	reads("npm", "none");
	reads("npm --silent", "none");
	reads("npm --nobody-knows exec name", "none");
	reads("bunx name a", "bunx: specs=name args=a");
	reads("bunx --bun name", "bunx: specs=name");
	reads("bun x name", "bun x: specs=name");
	reads("bun server.ts", "none");
	reads("pnpm dlx name a", "pnpm dlx: specs=name args=a");
	reads("pnpm --silent dlx --package one command", "pnpm dlx: specs=one command=command");
	reads("pnpx name", "pnpx: specs=name");
	reads("yarn dlx -q name", "yarn dlx: specs=name");
	reads("yarn dlx -p one command", "yarn dlx: specs=one command=command");
	reads("yarn start", "none");

	refused("npx", "no package to run", "such as");
	refused("npx -y", "no package to run", "such as");
	refused("npx -c command", "as a shell", "as words");
	refused("npx --call=command", "as a shell", "as words");
	refused("npx --registry http://x name", "where packages come from", "configuration");
	refused("npx --nobody-knows name", "no option that mcpcage knows", "leave it out");
	refused("npx -p", "needs a value", "documentation");
	refused("pnpm dlx --allow-build=x name", "lets install scripts run", "--allow-scripts");
	static const char *const specs[] = { "git+ssh://h/x.git", "github:a/b", "a/b", "./folder", "../x", "/abs", "file:x", "http://h/x.tgz",
					     "name@npm:other", "name@http://h/x.tgz", "name@file:../x", "name@a/b", "name@", "@scope", "@/x", "-x;", ".hidden" };
	for (size_t i = 0; i < ARRAY_SIZE(specs); i++) {
		char line[128];
		snprintf(line, sizeof line, "npx -y -- %s", specs[i]);
		refused(line, specs[i], "files of your own");
	}
}

static void python_family(void)
{
	reads("uvx name a --b", "uvx: specs=name args=a,--b");
	reads("uvx name@1.2", "uvx: specs=name==1.2");
	reads("uvx name==1.2", "uvx: specs=name==1.2");
	reads("uvx name@latest", "uvx: specs=name");
	reads("uvx name[extra]>=1,<2", "uvx: specs=name[extra]>=1,<2");
	reads("uvx --from other command a", "uvx: specs=other command=command args=a");
	reads("uvx --from=other[x]==1 --with b --with a command", "uvx: specs=other[x]==1,a,b command=command");
	reads("uvx --with b,a name", "uvx: specs=name,a,b");
	reads("uvx --with b>=1,<2 name", "uvx: specs=name,b>=1,<2");
	reads("uvx --python 3.12 name", "uvx: specs=name python=3.12");
	reads("uvx -p 3.12 --quiet --isolated name", "uvx: specs=name python=3.12");
	reads("uv tool run --from other command", "uv tool run: specs=other command=command");
	reads("uv --quiet tool run name", "uv tool run: specs=name");
	reads("uv tool --quiet run name", "uv tool run: specs=name");
	reads("uv tool install name", "none");
	reads("pipx run name a", "pipx run: specs=name args=a");
	reads("pipx run --spec other command", "pipx run: specs=other command=command");
	reads("pipx install name", "none");

	reads("uv run server.py a", "uv run (project): command=server.py args=a");
	reads("uv run --directory /p server.py --directory /q", "uv run (project): in=/p command=server.py args=--directory,/q");
	reads("uv --directory /p run server.py", "uv run (project): in=/p command=server.py");
	reads("uv --directory=/p run -m mod a", "uv run (project): in=/p -m command=mod args=a");
	reads("uv run --project /p --extra x --frozen --python 3.12 name", "uv run (project): python=3.12 of=/p command=name");
	reads("uv run -- name -x", "uv run (project): command=name args=-x");
	reads("uv run --with one[cli] one run /abs/server.py", "uv run: specs=one[cli] command=one args=run,/abs/server.py");

	refused("uvx", "no package to run", "such as");
	refused("uvx -m module", "runs a module", "command");
	refused("uvx --directory /p name", "for projects", "leave it out");
	refused("uvx --index-url http://x name", "where packages come from", "configuration");
	refused("uvx --with-editable . name", "files that can change", "install it");
	refused("uv run", "no package to run", "such as");
	refused("uv run -", "standard input", "file");
	refused("uv run --script x.py", "what a file says", "uv add");
	refused("uv run --with one server.py", "not a command", "project");
	refused("uv run --with one python x.py", "not a command", "project");
	refused("uv run --with one -m mod", "not a command", "project");
	refused("uv run --directory /p --with one name", "adds to a project", "uv add");
	refused("uv run --env-file .env name", "reads variables", "--env");
	refused("pipx run --pip-args=x name", "passes options", "configuration");
	static const char *const specs[] = { "git+https://h/x", "./folder", "/abs/x.whl", "x.whl/", "name@git+https://h/x", "https://h/x.py", "name;x", ".x", "x." };
	for (size_t i = 0; i < ARRAY_SIZE(specs); i++) {
		char line[128];
		snprintf(line, sizeof line, "uvx -- %s", specs[i]);
		refused(line, specs[i], "files of your own");
	}
}

static void others(void)
{
	reads("node /x/index.js", "none");
	reads("python -m mod", "none");
	reads("npxx name", "none");
	reads("docker run x", "none");
	reads("deno run npm:x", "none");
}

int main(void)
{
	npm_family();
	python_family();
	others();
	done_testing();
}
