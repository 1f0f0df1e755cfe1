/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Trees of packages: what may be in one, what its hash depends on, and what a later look notices. Each attack has the tree as it should be
 * as its control. As root everything is done again as an ordinary user, whom modes stop.
 */
#include "store/homes.h"
#include "store/tree.h"
#include "base/cleanup.h"
#include "tests/tap.h"

#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static char top[64];
static const char *who;

static char *at(const char *below)
{
	static char slots[8][512];
	static unsigned next;
	char *out = slots[next++ % ARRAY_SIZE(slots)];

	snprintf(out, sizeof slots[0], "%s/%s", top, below);
	return out;
}

static void must(bool good, const char *what)
{
	if (!good)
		bail_out("%s: %s", what, strerror(errno));
}

static void put(const char *below, const char *content)
{
	int fd = open(at(below), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	must(fd >= 0 && write(fd, content, strlen(content)) == (ssize_t)strlen(content), below);
	close(fd);
}

/* A tree with one of each, at NAME. */
static void plant(const char *name)
{
	char path[256];

	must(mkdir(at(name), 0755) == 0, name);
	snprintf(path, sizeof path, "%s/bin", name);
	must(mkdir(at(path), 0755) == 0, path);
	snprintf(path, sizeof path, "%s/lib", name);
	must(mkdir(at(path), 0755) == 0, path);
	snprintf(path, sizeof path, "%s/lib/empty", name);
	must(mkdir(at(path), 0755) == 0, path);
	snprintf(path, sizeof path, "%s/bin/run", name);
	put(path, "#!/bin/sh\n");
	must(chmod(at(path), 0755) == 0, path);
	snprintf(path, sizeof path, "%s/lib/a.js", name);
	put(path, "first();\n");
	snprintf(path, sizeof path, "%s/lib/b.js", name);
	put(path, "second();\n");
	snprintf(path, sizeof path, "%s/lib/odd\n\033[31m\xff name", name);
	put(path, "odd");
	snprintf(path, sizeof path, "%s/link", name);
	must(symlink("lib/../bin/run", at(path)) == 0, path);
}

static void uproot(const char *name)
{
	int fd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	must(fd >= 0 && tree_remove(fd, name, UINT64_MAX) == 1, name);
	close(fd);
}

static int hash(const char *name, const char *interpreter, bool seal, struct tree_table *table, struct error *err)
{
	CLEANUP_CLOSE int fd = open(at(name), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	must(fd >= 0, name);
	return tree_hash(fd, interpreter, seal, table, err);
}

static int verify(const char *name, struct tree_table *table, bool fully, struct error *err)
{
	CLEANUP_CLOSE int fd = open(at(name), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	must(fd >= 0, name);
	return tree_verify(fd, table, fully, err);
}

/* $T is the tree. */
static void command(const char *line)
{
	must(setenv("T", at("tree"), 1) == 0, "setenv");
	must(system(line) == 0, line);
}

/* ---- hashes ---- */

static void equal_trees(void)
{
	CLEANUP(tree_table_free) struct tree_table a = { 0 }, b = { 0 }, c = { 0 };
	struct error err;

	plant("one");
	plant("two");
	is_int(hash("one", NULL, false, &a, &err), 0, "%s: a tree is hashed", who);
	is_int(hash("two", NULL, true, &b, &err), 0, "%s: another one, and made read-only", who);
	is_mem(a.entries[0].hash, PACKAGE_HASH, b.entries[0].hash, PACKAGE_HASH, "%s: the same content has the same hash", who);
	is_int(a.files, 4, "%s: its files are counted", who);
	is_int(a.bytes, 10 + 9 + 10 + 3, "%s: and their bytes", who);
	struct stat st;
	ok(stat(at("two/lib/a.js"), &st) == 0 && (st.st_mode & 07777) == 0444, "%s: a file of it is read-only", who);
	ok(stat(at("two/bin/run"), &st) == 0 && (st.st_mode & 07777) == 0555, "%s: a program too", who);
	ok(stat(at("two/lib"), &st) == 0 && (st.st_mode & 07777) == 0555, "%s: and a folder", who);
	is_int(hash("two", NULL, false, &c, &err), 0, "%s: it can be hashed again", who);
	is_mem(c.entries[0].hash, PACKAGE_HASH, b.entries[0].hash, PACKAGE_HASH, "%s: with the same result", who);
	uproot("one");
	uproot("two");
}

/* What makes another tree of it. */
static const struct {
	const char *name, *command;
} changes[] = {
	{ "a byte", "printf X | dd of=$T/lib/a.js conv=notrunc status=none" },
	{ "a byte, with the time set back", "cp -p $T/lib/a.js $T/../keep; printf X | dd of=$T/lib/a.js conv=notrunc status=none; "
					    "touch -r $T/../keep $T/lib/a.js" },
	{ "a file more", "printf x > $T/lib/c.js" },
	{ "a file less", "rm $T/lib/b.js" },
	{ "a file with another name", "mv $T/lib/b.js $T/lib/c.js" },
	{ "a file in another folder", "mv $T/lib/b.js $T/bin/b.js" },
	{ "the content of two files exchanged", "mv $T/lib/a.js $T/t; mv $T/lib/b.js $T/lib/a.js; mv $T/t $T/lib/b.js" },
	{ "an executable bit more", "chmod +x $T/lib/a.js" },
	{ "an executable bit less", "chmod -x $T/bin/run" },
	{ "a file made a symlink", "mv $T/lib/b.js $T/bin/b.js; ln -s ../bin/b.js $T/lib/b.js" },
	{ "a symlink with another text", "ln -sfn bin/run $T/link" },
	{ "an empty folder more", "mkdir $T/lib/new" },
	{ "an empty folder less", "rmdir $T/lib/empty" },
	{ "a folder made a file", "rmdir $T/lib/empty; touch $T/lib/empty" },
};

static void changed_trees(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		CLEANUP(tree_table_free) struct tree_table before = { 0 }, after = { 0 };
		struct error err;
		plant("tree");
		must(hash("tree", NULL, false, &before, &err) == 0, "hash");
		is_int(verify("tree", &before, true, &err), 0, "%s: %s: untouched before", who, changes[i].name);
		command(changes[i].command);
		is_int(verify("tree", &before, false, &err), -1, "%s: %s: noticed", who, changes[i].name);
		ok(strlen(err.what) > 10, "%s: %s: %s", who, changes[i].name, err.what);
		if (hash("tree", NULL, false, &after, &err) < 0)
			fail("%s: %s: cannot be hashed: %s", who, changes[i].name, err.what);
		else
			ok(memcmp(after.entries[0].hash, before.entries[0].hash, PACKAGE_HASH) != 0, "%s: %s: another hash", who, changes[i].name);
		uproot("tree");
	}
}

/* What does not. */
static void same_trees(void)
{
	static const struct {
		const char *name, *command;
		int status;
	} same[] = {
		{ "nothing", "true", 0 },
		{ "times", "touch -d '2001-02-03' $T/lib/a.js", 1 },
		{ "modes but for the executable bit", "chmod 600 $T/lib/a.js", 1 },
		{ "a copy in its place", "cp -a $T $T.copy; rm -r $T; mv $T.copy $T", 1 },
		{ "the same content written again", "printf 'first();\\n' > $T/lib/a.js", 1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(same); i++) {
		CLEANUP(tree_table_free) struct tree_table table = { 0 };
		struct error err = { .what = "" };
		plant("tree");
		must(hash("tree", NULL, false, &table, &err) == 0, "hash");
		command(same[i].command);
		is_int(verify("tree", &table, false, &err), same[i].status, "%s: %s: the same tree%s", who, same[i].name, err.what);
		is_int(verify("tree", &table, false, &err), 0, "%s: %s: and the table knows it now", who, same[i].name);
		uproot("tree");
	}
}

/* ---- refusals ---- */

static void refused(const char *what, const char *words, const char *interpreter)
{
	CLEANUP(tree_table_free) struct tree_table table = { 0 };
	struct error err = { .what = "" };

	is_int(hash("tree", interpreter, false, &table, &err), -1, "%s: %s: refused", who, what);
	ok(strstr(err.what, words) != NULL, "%s: %s: %s", who, what, err.what);
	uproot("tree");
}

static void refusals(void)
{
	CLEANUP(tree_table_free) struct tree_table table = { 0 };
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	struct error err;
	char deep[512] = "tree";

	plant("tree");
	must(mkfifo(at("tree/lib/fifo"), 0644) == 0, "mkfifo");
	refused("a fifo", "lib/fifo: neither a file", NULL);

	plant("tree");
	CLEANUP_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	snprintf(name.sun_path, sizeof name.sun_path, "%s", at("tree/socket"));
	must(bind(fd, (struct sockaddr *)&name, sizeof name) == 0, "bind");
	refused("a socket", "socket: neither a file", NULL);

	plant("tree");
	must(chmod(at("tree/bin/run"), 04755) == 0, "chmod");
	refused("a set-user-id program", "bin/run: it is set-user-id", NULL);

	plant("tree");
	put("outside", "x");
	must(link(at("outside"), at("tree/lib/hard")) == 0, "link");
	refused("a hard link to something outside", "another name outside", NULL);
	must(unlink(at("outside")) == 0, "unlink");

	plant("tree");
	must(link(at("tree/lib/a.js"), at("tree/lib/hard")) == 0, "link");
	is_int(hash("tree", NULL, false, &table, &err), 0, "%s: a hard link inside is none of that", who);
	tree_table_free(&table);
	uproot("tree");

	static const char *const out[] = { "..", "../outside", "lib/../../outside", "/etc/passwd", "/", "./../x" };
	for (size_t i = 0; i < ARRAY_SIZE(out); i++) {
		plant("tree");
		must(symlink(out[i], at("tree/out")) == 0, "symlink");
		refused(out[i], "out: this symlink leads out", NULL);
	}
	static const char *const in[] = { "lib", "./lib/../lib/a.js", "nothing-there", "lib/empty/../../bin" };
	for (size_t i = 0; i < ARRAY_SIZE(in); i++) {
		plant("tree");
		must(symlink(in[i], at("tree/in")) == 0, "symlink");
		is_int(hash("tree", NULL, false, &table, &err), 0, "%s: a symlink to %s is inside", who, in[i]);
		tree_table_free(&table);
		uproot("tree");
	}

	char real[4096];
	must(realpath("/bin/sh", real) != NULL, "realpath");
	plant("tree");
	must(symlink("/bin/sh", at("tree/bin/python")) == 0, "symlink");
	is_int(hash("tree", real, false, &table, &err), 0, "%s: the interpreter that is named may be linked to", who);
	tree_table_free(&table);
	uproot("tree");
	plant("tree");
	must(symlink("/bin/sh", at("tree/bin/python")) == 0, "symlink");
	refused("an interpreter that is not named", "leads out", NULL);
	plant("tree");
	must(symlink("/bin/sh", at("tree/lib/python")) == 0, "symlink");
	refused("the interpreter in another folder", "leads out", real);

	plant("tree");
	for (int i = 0; i <= TREE_DEPTH_MAX; i++) {
		snprintf(deep + strlen(deep), sizeof deep - strlen(deep), "/d");
		must(mkdir(at(deep), 0755) == 0, "mkdir");
	}
	refused("folders in folders without end", "nested too deeply", NULL);
}

/* ---- the table as a file ---- */

static void tables(void)
{
	CLEANUP(tree_table_free) struct tree_table table = { 0 }, again = { 0 };
	CLEANUP_CLOSE int fd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct error err;
	unsigned char bytes[16384];

	plant("tree");
	must(hash("tree", NULL, false, &table, &err) == 0, "hash");
	is_int(tree_table_write(fd, "table", &table, &err), 0, "%s: a table is written", who);
	is_int(tree_table_read(fd, "table", &again, &err), 0, "%s: and read", who);
	is_int(again.n, table.n, "%s: as many entries", who);
	is_int(verify("tree", &again, false, &err), 0, "%s: which still fit", who);

	CLEANUP_CLOSE int file = openat(fd, "table", O_RDONLY | O_CLOEXEC);
	ssize_t n = read(file, bytes, sizeof bytes);
	must(n > 200 && n < (ssize_t)sizeof bytes, "read");
	size_t taken = 0;
	for (ssize_t i = 0; i < n; i++) {
		struct tree_table other = { 0 };
		bytes[i] ^= 0x10;
		taken += tree_table_parse(bytes, (size_t)n, &other) == 0;
		tree_table_free(&other);
		bytes[i] ^= 0x10;
	}
	is_int(taken, 0, "%s: with any byte changed it is no table", who);
	taken = 0;
	for (ssize_t i = 0; i < n; i++) {
		struct tree_table other = { 0 };
		taken += tree_table_parse(bytes, (size_t)i, &other) == 0;
		tree_table_free(&other);
	}
	is_int(taken, 0, "%s: nor cut short", who);
	struct tree_table whole = { 0 };
	is_int(tree_table_parse(bytes, (size_t)n, &whole), 0, "%s: whole it is one", who);
	tree_table_free(&whole);
	uproot("tree");
}

/* fs-verity: MCPCAGE_VERITY_DIR is a folder, anybody's to write, of a file system that has it. */
static void held(void)
{
	CLEANUP(tree_table_free) struct tree_table table = { 0 };
	struct error err;

	plant("tree");
	is_int(hash("tree", NULL, true, &table, &err), 0, "%s: a tree is sealed", who);
	CLEANUP_CLOSE int fd = open(at("tree"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	uint64_t n = tree_verity_count(fd, &table);
	if (n == 0 && !getenv("MCPCAGE_VERITY_DIR")) {
		tap_skip_kernel("%s: fs-verity: this file system has none", who);
		uproot("tree");
		return;
	}
	is_int(n, table.files, "%s: the kernel holds all its files", who);
	is_int(verify("tree", &table, false, &err), 0, "%s: as they are", who);
	is_int(verify("tree", &table, true, &err), 0, "%s: when they are read as well", who);
	command("chmod 644 $T/lib/a.js");
	ok(open(at("tree/lib/a.js"), O_WRONLY | O_CLOEXEC) < 0 && errno == EPERM, "%s: nobody can write to one", who);
	command("chmod 444 $T/lib/a.js; chmod 755 $T/lib; cp $T/lib/a.js $T/lib/new; mv $T/lib/new $T/lib/a.js");
	is_int(verify("tree", &table, false, &err), 1, "%s: another file with the same content is one that is read again", who);
	is_int(tree_verity_count(fd, &table), n - 1, "%s: and not held", who);
	command("chmod u+w $T/lib/a.js; printf X | dd of=$T/lib/a.js conv=notrunc status=none");
	is_int(verify("tree", &table, false, &err), -1, "%s: so that it can be changed, which is found", who);
	ok(strstr(err.what, "lib/a.js") != NULL, "%s: and named", who);
	uproot("tree");
}

static void everything(void)
{
	const char *place = getenv("MCPCAGE_VERITY_DIR");
	char template[48];

	must(!place || strlen(place) < 20, "MCPCAGE_VERITY_DIR is too long");
	snprintf(template, sizeof template, "%s/mcpcage-test-XXXXXX", place ? place : "/var/tmp");
	must(mkdtemp(template) != NULL, "mkdtemp");
	snprintf(top, sizeof top, "%s", template);
	held();
	equal_trees();
	changed_trees();
	same_trees();
	refusals();
	tables();
	command("rm -rf $T/..");
}

int main(void)
{
	who = geteuid() == 0 ? "root" : "user";
	everything();
	if (geteuid() == 0) {
		who = "nobody";
		must(setgroups(0, NULL) == 0 && setresgid(65534, 65534, 65534) == 0 && setresuid(65534, 65534, 65534) == 0, "setuid");
		everything();
	}
	return done_testing();
}
