/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The store of packages: finding, installing, going back, forgetting; five at once, and killed at any moment. What is installed is a few
 * files, made by hand.
 */
#include "store/packages.h"
#include "store/package-record.h"
#include "base/cleanup.h"
#include "tests/tap.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char top[64], folder[96];

static void must(bool good, const char *what)
{
	if (!good)
		bail_out("%s: %s", what, strerror(errno));
}

static void file(const char *dir, const char *name, const char *content)
{
	char path[512];

	snprintf(path, sizeof path, "%s/%s", dir, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	must(fd >= 0 && write(fd, content, strlen(content)) == (ssize_t)strlen(content), path);
	close(fd);
}

static struct package_request request_for(const char *spec)
{
	struct package_request r = { .ecosystem = ECOSYSTEM_NPM };

	must(strlist_add(&r.specs, spec) == 0, "request");
	return r;
}

/* What an installer would have found out. */
static void fill(struct package *p, const struct package_request *request, const char *version)
{
	struct error err;

	*p = (struct package){ 0 };
	must(package_request_copy(&p->request, request, &err) == 0, "copy");
	p->parts = calloc(1, sizeof *p->parts);
	p->parts_n = 1;
	p->parts[0] = (struct package_part){
		.name = strdup("demo"), .version = strdup(version), .integrity = strdup("sha512-\"\\\n\033\xff"),
		.path = strdup("node_modules/demo"), .asked = true,
	};
	p->commands = calloc(1, sizeof *p->commands);
	p->commands_n = 1;
	p->commands[0] = (struct package_command){
		.name = strdup("demo"), .path = strdup("node_modules/demo/index.js"), .start = PACKAGE_NODE, .asked = true,
	};
	p->tool = strdup("npm 1");
	p->interpreter = strdup("/usr/bin/node");
	p->interpreter_version = strdup("v1");
	p->time = 1700000000;
}

/* Install CONTENT as the answer to REQUEST. */
static int install(struct store *store, const struct package_request *request, const char *version, const char *content,
		   struct package *out, struct error *err)
{
	CLEANUP(stage_end) struct stage stage = { .lock = -1 };

	if (stage_begin(store, &stage, err) < 0)
		return -1;
	file(stage.files, "index.js", content);
	file(stage.files, "package.json", version);
	file(stage.work, "cache", "thrown away");
	fill(out, request, version);
	return stage_publish(&stage, out, err);
}

static unsigned count(const char *below)
{
	char path[256];
	unsigned n = 0;

	snprintf(path, sizeof path, "%s/%s", folder, below);
	DIR *dir = opendir(path);
	must(dir != NULL, path);
	for (struct dirent *e; (e = readdir(dir));)
		n += e->d_name[0] != '.';
	closedir(dir);
	return n;
}

static struct store *open_store(void)
{
	struct store *store;
	struct error err;

	if (store_open(folder, &store, &err) < 0)
		bail_out("%s", err.what);
	return store;
}

static void life(void)
{
	struct store *store = open_store();
	CLEANUP(package_request_free) struct package_request a = request_for("demo"), b = request_for("demo@1.0.0");
	CLEANUP(package_free) struct package one = { 0 }, two = { 0 }, found = { 0 };
	CLEANUP_STRLIST struct strlist answers = { 0 };
	struct error err;
	struct stat st;

	is_int(store_find(store, &a, &found, &err), 0, "nothing is there at first");
	is_int(install(store, &a, "1.0.0", "one();", &one, &err), 0, "it is installed");
	is_int(count("staging"), 0, "and nothing is left of the installation");
	is_int(store_find(store, &a, &found, &err), 1, "it is found");
	is_str(found.parts[0].integrity, "sha512-\"\\\n\033\xef\xbf\xbd", "with what is known of it; bytes that are no text are replaced");
	is_str(found.folder, one.folder, "and where it lies");
	is_int(store_verify(store, &found, &err), 0, "it is what was installed");
	is_int(store_verify_fully(store, &found, &err), 0, "also when everything is read");
	ok(stat(found.folder, &st) == 0 && (st.st_mode & 0777) == 0555, "its folder is read-only");
	package_free(&found);

	is_int(install(store, &b, "1.0.0", "one();", &two, &err), 0, "another request with the same tree");
	is_str(two.folder, one.folder, "shares it");
	is_int(count("trees"), 1, "there is one tree");
	package_free(&two);

	is_int(install(store, &a, "2.0.0", "two();", &two, &err), 0, "an update");
	is_int(store_find(store, &a, &found, &err), 1, "is the answer");
	is_str(found.parts[0].version, "2.0.0", "from now on");
	package_free(&found);
	is_int(store_answers(store, &a, &answers, &err), 2, "the one before is kept");
	is_int(store_choose(store, &a, answers.v[1], &err), 0, "and can be gone back to");
	is_int(store_find(store, &a, &found, &err), 1, "then it is found again");
	is_str(found.parts[0].version, "1.0.0", "as it was");
	package_free(&found);
	is_int(store_find(store, &b, &found, &err), 1, "the other request knows nothing of all that");

	struct store_collected c;
	is_int(store_collect(store, &c, &err), 0, "collecting");
	is_int(c.trees, 0, "takes nothing that is named");
	is_int(store_forget(store, &a, &err), 1, "a request is forgotten");
	is_int(store_forget(store, &a, &err), 0, "once");
	int fd = store_use(store, &two, &err);
	ok(fd >= 0, "its tree is in use");
	is_int(store_collect(store, &c, &err), 0, "collecting");
	ok(c.trees == 0 && c.in_use == 1, "leaves it alone");
	close(fd);
	is_int(store_collect(store, &c, &err), 0, "collecting");
	ok(c.trees == 1 && c.in_use == 0, "takes the tree that nobody names any more");
	is_int(store_use(store, &two, &err), -1, "which cannot be used then");
	is_int(store_verify(store, &found, &err), 0, "and leaves the other");
	store_close(store);
}

static void tampering(void)
{
	struct store *store = open_store();
	CLEANUP(package_request_free) struct package_request a = request_for("tampered");
	CLEANUP(package_free) struct package p = { 0 }, found = { 0 };
	struct error err;
	char path[512];

	must(install(store, &a, "1.0.0", "good();", &p, &err) == 0, "install");
	is_int(store_verify(store, &p, &err), 0, "untouched: verified");
	snprintf(path, sizeof path, "%s/index.js", p.folder);
	must(chmod(path, 0644) == 0, "chmod");
	file(p.folder, "index.js", "evil();");
	is_int(store_verify(store, &p, &err), -1, "a changed file: refused");
	ok(strstr(err.what, "index.js") && strstr(err.what, "tampered"), "named: %s", err.what);
	ok(strstr(err.hint, "store remove"), "with what to do: %s", err.hint);
	file(p.folder, "index.js", "good();");
	is_int(store_verify(store, &p, &err), 0, "with its content back: verified again");

	/* A table that says that the wrong content is right has a hash of its own, but not the tree's. */
	snprintf(path, sizeof path, "%.*s/table", (int)(strlen(p.folder) - strlen("/files")), p.folder);
	must(truncate(path, 100) == 0, "truncate");
	is_int(store_verify(store, &p, &err), 0, "a damaged table: everything is read, and the table made anew");
	is_int(store_verify(store, &p, &err), 0, "which is good");
	must(truncate(path, 100) == 0, "truncate");
	file(p.folder, "index.js", "evil();");
	is_int(store_verify(store, &p, &err), -1, "a damaged table and a changed file: refused");

	/* The record */
	must(store_find(store, &a, &found, &err) == 1, "find");
	package_free(&found);
	snprintf(path, sizeof path, "chmod -R u+w '%s'/requests; for f in '%s'/requests/*/*.json; do echo '{' > $f; done", folder, folder);
	must(system(path) == 0, "system");
	is_int(store_find(store, &a, &found, &err), -1, "a damaged record: an error");
	ok(err.hint[0] != '\0', "with what to do: %s", err.hint);
	is_int(store_forget(store, &a, &err), 1, "it can be forgotten");
	is_int(store_find(store, &a, &found, &err), 0, "and is not there then");
	store_close(store);

	must(chmod(folder, 0777) == 0, "chmod");
	snprintf(path, sizeof path, "%s/trees", folder);
	must(chmod(path, 0777) == 0, "chmod");
	is_int(store_open(folder, &store, &err), -1, "a store that others can write is refused");
	ok(strstr(err.what, "others") != NULL, "%s", err.what);
	must(chmod(path, 0700) == 0 && chmod(folder, 0700) == 0, "chmod");
	store = open_store();
	pass("and taken when they cannot");
	store_close(store);
}

static void note_wait(void *context)
{
	*(int *)context = 1;
}

/* As obtain() does it: look, lock, look again, install. Returns whether it installed. */
static int obtain(const struct package_request *request)
{
	struct store *store = open_store();
	CLEANUP(package_free) struct package p = { 0 };
	struct error err;
	int waited = 0, installed = 0;

	if (store_find(store, request, &p, &err) == 0) {
		CLEANUP_CLOSE int lock = store_lock(store, request, note_wait, &waited, &err);
		if (lock < 0)
			return 100;
		int there = store_find(store, request, &p, &err);
		if (there < 0)
			return 101;
		if (there == 0) {
			installed = 1;
			if (install(store, request, "1.0.0", "shared();", &p, &err) < 0)
				return 102;
		}
	}
	int good = store_verify(store, &p, &err);
	store_close(store);
	return good < 0 ? 103 : installed;
}

static void five_at_once(void)
{
	CLEANUP(package_request_free) struct package_request a = request_for("popular");
	pid_t children[5];
	int status, installed = 0, bad = 0;

	fflush(stdout);
	for (size_t i = 0; i < ARRAY_SIZE(children); i++) {
		children[i] = fork();
		if (children[i] == 0)
			_exit(obtain(&a));
	}
	for (size_t i = 0; i < ARRAY_SIZE(children); i++) {
		must(waitpid(children[i], &status, 0) == children[i], "waitpid");
		bad += !WIFEXITED(status) || WEXITSTATUS(status) > 1;
		installed += WIFEXITED(status) && WEXITSTATUS(status) == 1;
	}
	is_int(bad, 0, "five at once: all have it");
	is_int(installed, 1, "and one installed it");
}

/* Killed at any moment: what is there is whole, and the next one finds or installs it. */
static void killed(void)
{
	unsigned whole = 0, bad = 0, rounds = 40;

	for (unsigned i = 0; i < rounds; i++) {
		char spec[32];
		int status;
		snprintf(spec, sizeof spec, "killed-%u", i);
		CLEANUP(package_request_free) struct package_request a = request_for(spec);
		fflush(stdout);
		pid_t pid = fork();
		if (pid == 0)
			_exit(obtain(&a));
		struct timespec t = { .tv_nsec = (long)i * 1500000 };
		nanosleep(&t, NULL);
		kill(pid, SIGKILL);
		must(waitpid(pid, &status, 0) == pid, "waitpid");
		struct store *store = open_store();
		CLEANUP(package_free) struct package p = { 0 };
		struct error err;
		int there = store_find(store, &a, &p, &err);
		if (there < 0 || (there == 1 && store_verify(store, &p, &err) < 0)) {
			diag("killed after %u µs: %s", i * 1500, err.what);
			bad++;
		}
		whole += there == 1;
		store_close(store);
		int again = obtain(&a);
		if (again != (there == 1 ? 0 : 1)) {
			diag("killed after %u µs: then %d", i * 1500, again);
			bad++;
		}
	}
	is_int(bad, 0, "killed %u times: what was there was whole, and the next one had it", rounds);
	diag("%u of %u were killed too late", whole, rounds);
	/* The last installation was orderly, and has thrown away what the killed ones left; an orderly one after it leaves nothing. */
	CLEANUP(package_request_free) struct package_request last = request_for("last");
	is_int(obtain(&last), 1, "one more");
	is_int(count("staging"), 0, "and no litter");
}

static void records(void)
{
	CLEANUP(package_request_free) struct package_request a = request_for("@a/b");
	CLEANUP(package_free) struct package p = { 0 }, again = { 0 };
	CLEANUP_BUF struct buf text = BUF_INIT(0), second = BUF_INIT(0);
	struct error err;

	fill(&p, &a, "1.0.0-\"quoted\"");
	p.request.python = strdup("3.12");
	p.request.scripts = true;
	package_record_write(&p, &text);
	is_int(package_record_read(buf_span(&text), &again, &err), 0, "a record is read back");
	is_str(again.parts[0].version, "1.0.0-\"quoted\"", "as it was");
	is_str(again.request.python, "3.12", "and what was asked for");
	package_record_write(&again, &second);
	package_free(&again);
	unsigned taken = 0;
	for (size_t i = 0; i + 2 < text.n; i++)
		if (package_record_read((struct span){ text.p, i }, &again, &err) == 0) {
			taken++;
			package_free(&again);
		}
	is_int(taken, 0, "cut short anywhere it is none");
	static const char *const paths[] = { "../x", "/bin/sh", "a/../../x", "", "a//b", "./a" };
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		CLEANUP_BUF struct buf bad = BUF_INIT(0);
		free(p.commands[0].path);
		p.commands[0].path = strdup(paths[i]);
		package_record_write(&p, &bad);
		is_int(package_record_read(buf_span(&bad), &again, &err), -1, "a command at \"%s\": no record", paths[i]);
	}
}

int main(void)
{
	char template[] = "/var/tmp/mcpcage-test-XXXXXX", line[256];

	must(mkdtemp(template) != NULL, "mkdtemp");
	snprintf(top, sizeof top, "%s", template);
	snprintf(folder, sizeof folder, "%s/data/packages", top);
	records();
	life();
	tampering();
	five_at_once();
	killed();
	snprintf(line, sizeof line, "chmod -R u+w %s; rm -rf %s", top, top);
	must(system(line) == 0, "rm");
	return done_testing();
}
