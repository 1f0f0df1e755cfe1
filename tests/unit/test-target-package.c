/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A package in the place of the command: which interpreter starts which file, with what in its cage. The programs are ELF headers, and
 * nothing is started.
 */
#include "cage/cage.h"
#include "base/path.h"
#include "policy/package.h"
#include "policy/runner.h"
#include "tests/tap.h"

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <sys/stat.h>

static char top[64];

static char *at(const char *below)
{
	static char slots[16][PATH_MAX];
	static unsigned next;
	char *out = slots[next++ % ARRAY_SIZE(slots)];

	snprintf(out, PATH_MAX, "%s/%s", top, below);
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

static void file(const char *below, const char *content, size_t n)
{
	char *path = at(below);

	parents(path);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
	if (fd < 0 || write(fd, content, n) != (ssize_t)n)
		bail_out("cannot make %s: %s", path, strerror(errno));
	close(fd);
}

static void text(const char *below, const char *content)
{
	file(below, content, strlen(content));
}

static void program(const char *below)
{
	static const char elf[64] = "\177ELF\2\1\1";
	file(below, elf, sizeof elf);
}

static void link_to(const char *to, const char *below)
{
	char *path = at(below);

	parents(path);
	if (symlink(to, path) < 0)
		bail_out("cannot link %s: %s", path, strerror(errno));
}

struct fixture {
	struct facts facts;
	struct runner runner;
	struct package package;
	struct package_part part;
	struct package_command command;
	char *specs[1], *args[2];
	char path[PATH_MAX];
	char *environ_[2];
};

/* START is the command's kind, FILE its path in the tree. */
static void set_up(struct fixture *f, enum package_start start, const char *path_in_tree)
{
	*f = (struct fixture){ 0 };
	f->specs[0] = (char *)"demo";
	f->args[0] = (char *)"--root";
	f->args[1] = (char *)"/srv/data";
	f->part = (struct package_part){ .name = (char *)"demo", .version = (char *)"1.2.3", .asked = true };
	f->command = (struct package_command){ .name = (char *)"demo", .path = (char *)path_in_tree, .start = start, .asked = true };
	f->package = (struct package){
		.request = { .specs = { .v = f->specs, .n = 1 } },
		.parts = &f->part, .parts_n = 1,
		.commands = &f->command, .commands_n = 1,
		.tool = (char *)"npm 1", .interpreter = (char *)"/gone/python3",
		.folder = at("store/trees/1/files"),
	};
	f->runner = (struct runner){ .form = (char *)"npx", .args = { .v = f->args, .n = 2 } };
	snprintf(f->path, sizeof f->path, "PATH=%s", at("first/bin"));
	f->environ_[0] = f->path;
	f->facts = (struct facts){
		.home = strdup(at("home")), .runner = &f->runner, .package = &f->package, .package_command = &f->command,
		.environ_ = f->environ_,
	};
}

static bool has_grant(const struct target *t, const char *path, const char *dest)
{
	for (size_t i = 0; i < t->grants_n; i++)
		if (strcmp(t->grants[i].path, path) == 0)
			return dest ? t->grants[i].dest && strcmp(t->grants[i].dest, dest) == 0 : !t->grants[i].dest;
	return false;
}

static void node(void)
{
	struct fixture f;
	struct error err;
	char *named[] = { (char *)"npx", (char *)"-y", (char *)"demo", NULL };
	char *by_path[] = { at("nvm/v20/bin/npx"), (char *)"demo", NULL };
	const struct target *t = &f.facts.target;

	set_up(&f, PACKAGE_NODE, "node_modules/demo/index.js");
	is_int(target_resolve(named, f.environ_, &f.facts, &err), 0, "node: resolved");
	is_int(t->kind, TARGET_NODE, "its kind");
	is_str(t->exe, at("first/bin/node"), "the node of PATH");
	is_int((int)t->argv.n, 4, "node, its file, two arguments");
	is_str(t->argv.v[0], at("first/bin/node"), "node first");
	is_str(t->argv.v[1], PACKAGE_PLACE "/node_modules/demo/index.js", "its file where the tree is shown");
	is_str(t->argv.v[3], "/srv/data", "the server's own arguments");
	is_int((int)t->args_from, 2, "and where they begin");
	is_int((int)t->named, 1, "it is known by its file");
	ok(has_grant(t, f.package.folder, PACKAGE_PLACE), "the tree is granted, at its place");
	ok(has_grant(t, at("first/bin/node"), NULL), "and node, under its own name");
	facts_free(&f.facts);

	set_up(&f, PACKAGE_NODE, "node_modules/demo/index.js");
	is_int(target_resolve(by_path, f.environ_, &f.facts, &err), 0, "npx by its path: resolved");
	is_str(t->exe, at("nvm/v20/bin/node"), "the node beside it");
	ok(has_grant(t, at("nvm/v20"), NULL), "its installation is granted");
	facts_free(&f.facts);

	set_up(&f, PACKAGE_NODE, "node_modules/demo/index.js");
	snprintf(f.path, sizeof f.path, "PATH=%s", at("nowhere"));
	is_int(target_resolve(named, f.environ_, &f.facts, &err), -1, "no node: refused");
	ok(strstr(err.what, "demo runs on node") != NULL, "and says what runs on it");
	facts_free(&f.facts);
}

static void python(void)
{
	struct fixture f;
	struct error err;
	char *named[] = { (char *)"uvx", (char *)"demo", NULL };
	const struct target *t = &f.facts.target;

	set_up(&f, PACKAGE_PYTHON, "bin/demo");
	is_int(target_resolve(named, f.environ_, &f.facts, &err), 0, "python: resolved");
	is_int(t->kind, TARGET_PYTHON, "its kind");
	is_str(t->exe, at("py/bin/python3.11"), "the interpreter that the tree was made for, itself");
	is_str(t->argv.v[0], PACKAGE_PLACE "/bin/python", "called as the tree's, which makes it a virtual environment");
	is_str(t->argv.v[1], PACKAGE_PLACE "/bin/demo", "and its file");
	ok(has_grant(t, f.package.folder, PACKAGE_PLACE), "the tree is granted");
	ok(has_grant(t, at("py"), NULL), "and the interpreter's installation");
	facts_free(&f.facts);

	if (unlink(at("store/trees/1/files/bin/python")) < 0)
		bail_out("cannot remove the link");
	link_to("/gone/python3", "store/trees/1/files/bin/python");
	set_up(&f, PACKAGE_PYTHON, "bin/demo");
	is_int(target_resolve(named, f.environ_, &f.facts, &err), -1, "its interpreter is gone: refused");
	ok(strstr(err.what, "/gone/python3") && strstr(err.hint, "store update"), "named, with the remedy");
	facts_free(&f.facts);
}

static void programs(void)
{
	struct fixture f;
	struct error err;
	char *named[] = { (char *)"npx", (char *)"demo", NULL };
	const struct target *t = &f.facts.target;

	set_up(&f, PACKAGE_BINARY, "node_modules/demo/bin/demo");
	is_int(target_resolve(named, f.environ_, &f.facts, &err), 0, "a program: resolved");
	is_int(t->kind, TARGET_BINARY, "its kind");
	is_str(t->exe, PACKAGE_PLACE "/node_modules/demo/bin/demo", "started itself");
	is_int((int)t->args_from, 1, "its arguments follow");
	is_int((int)t->named, 0, "it is known by itself");
	facts_free(&f.facts);
}

static int drop(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st, (void)type, (void)where;
	return remove(path);
}

int main(void)
{
	char template[] = "/var/tmp/mcpcage-test-XXXXXX";

	if (!mkdtemp(template))
		bail_out("cannot make a folder: %s", strerror(errno));
	snprintf(top, sizeof top, "%s", template);
	program("first/bin/node");
	program("nvm/v20/bin/node");
	text("nvm/v20/bin/npx", "#!/usr/bin/env node\n");
	text("nvm/v20/include/node/node.h", "");
	program("py/bin/python3.11");
	text("py/lib/python3.11/os.py", "");
	text("store/trees/1/files/pyvenv.cfg", "home = /usr/bin\n");
	link_to(at("py/bin/python3.11"), "store/trees/1/files/bin/python");
	node();
	python();
	programs();
	nftw(top, drop, 16, FTW_DEPTH | FTW_PHYS);
	done_testing();
}
