/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Gathering facts: what each kind of path is told to be, in a home made for it, full or not. */
#include "cage/cage.h"
#include "base/path.h"
#include "policy/protect.h"
#include "tests/tap.h"

#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <limits.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

static char home[64];

static char *at(const char *name)
{
	static char slots[8][PATH_MAX];
	static unsigned next;
	char *out = slots[next++ % 8];

	snprintf(out, PATH_MAX, "%s%s%s", home, *name ? "/" : "", name);
	return out;
}

static void folder(const char *name)
{
	if (mkdir(at(name), 0755) < 0 && errno != EEXIST)
		bail_out("mkdir %s: %s", name, strerror(errno));
}

static void file(const char *name)
{
	int fd = open(at(name), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0)
		bail_out("open %s: %s", name, strerror(errno));
	close(fd);
}

static void link_to(const char *target, const char *name)
{
	if (symlink(target, at(name)) < 0)
		bail_out("symlink %s: %s", name, strerror(errno));
}

static void socket_at(const char *name)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(sa.sun_path, sizeof sa.sun_path, "%s", at(name));
	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, sizeof sa) < 0)
		bail_out("socket %s: %s", name, strerror(errno));
	close(fd);
}

/* Gather with these grants (NULL-terminated, below home unless absolute) and one argument. */
static void gather(struct facts *facts, const char *const *grants, const char *argument)
{
	struct grant list[16] = { 0 };
	struct policy policy = { .grants = list, .args = ARGS_RO };
	char *env[] = { NULL };
	char *command[] = { (char *)(uintptr_t) "/bin/sh", (char *)(uintptr_t) "-c", (char *)(uintptr_t) ":",
			    (char *)(uintptr_t)argument, NULL };
	struct error err = { .what = "" };

	for (; *grants; grants++)
		list[policy.grants_n++].source = strdup(**grants == '/' ? *grants : at(*grants));
	*facts = (struct facts){ .uid = getuid(), .home = strdup(home) };
	if (!ok(facts_gather(&policy, command, env, facts, &err) == 0, "facts are gathered"))
		diag("%s", err.what);
	for (size_t i = 0; i < policy.grants_n; i++)
		free(list[i].source);
}

static void check(const struct facts *facts, const char *asked, enum path_type type, const char *real)
{
	const struct path_fact *fact = facts_path(facts, asked);
	struct stat st;

	if (!ok(fact != NULL, "%s was looked at", asked))
		return;
	is_int(fact->type, type, "its type");
	if (!real) {
		ok(fact->real == NULL, "it leads nowhere");
		return;
	}
	is_str(fact->real, real, "where it leads");
	ok(stat(real, &st) == 0 && st.st_dev == fact->dev && st.st_ino == fact->ino, "its identity");
}

static void kinds(void)
{
	static const char *const grants[] = {
		"dir",     "file",       "link", "through/inner", "socket", "/dev/null",
		"missing", "file/below", "loop", "dangling",      NULL,
	};
	struct facts facts;

	folder("dir");
	folder("dir/deep");
	file("dir/deep/inner");
	file("file");
	link_to("dir/deep", "link");
	link_to("dir/deep", "through");
	link_to("loop", "loop");
	link_to("nowhere", "dangling");
	socket_at("socket");
	char argument[PATH_MAX];
	snprintf(argument, sizeof argument, "--root=%s", at("dir/deep"));
	gather(&facts, grants, argument);
	check(&facts, at("dir"), PATH_DIR, at("dir"));
	check(&facts, at("file"), PATH_FILE, at("file"));
	check(&facts, at("link"), PATH_DIR, at("dir/deep"));
	check(&facts, at("through/inner"), PATH_FILE, at("dir/deep/inner"));
	check(&facts, at("socket"), PATH_SOCKET, at("socket"));
	check(&facts, "/dev/null", PATH_DEVICE, "/dev/null");
	check(&facts, at("missing"), PATH_MISSING, NULL);
	check(&facts, at("file/below"), PATH_MISSING, NULL);
	check(&facts, at("loop"), PATH_DENIED, NULL);
	check(&facts, at("dangling"), PATH_MISSING, NULL);
	check(&facts, at("dir/deep"), PATH_DIR, at("dir/deep"));
	ok(facts_path(&facts, at("never")) == NULL, "nobody looked at what nobody named");
	ok(facts.layers & LAYER_SECCOMP, "the layers are there");
	facts_free(&facts);

	if (getuid() == 0)
		return;
	static const char *const denied[] = { "dir/deep/inner", NULL };
	chmod(at("dir"), 0);
	gather(&facts, denied, "x");
	check(&facts, at("dir/deep/inner"), PATH_DENIED, NULL);
	facts_free(&facts);
	chmod(at("dir"), 0755);
}

/* Every protected place, whether the home is listed or too full for that. */
static void protected_places(const char *when, bool made)
{
	static const char *const none[] = { NULL };
	struct strlist places = { 0 };
	struct facts facts;
	size_t wrong = 0;

	diag("%s", when);
	gather(&facts, none, "x");
	if (made) {
		check(&facts, at(".ssh"), PATH_DIR, at(".ssh"));
		check(&facts, at(".aws"), PATH_DIR, at("dir/deep"));
		check(&facts, at(".netrc"), PATH_FILE, at(".netrc"));
		check(&facts, at(".config/Code"), PATH_DIR, at(".config/Code"));
	}
	check(&facts, at(".config/gcloud"), PATH_MISSING, NULL);
	if (protect_list(home, &places) < 0)
		bail_out("out of memory");
	for (size_t i = 0; i < places.n; i++) {
		const struct path_fact *fact = facts_path(&facts, places.v[i]);
		if (!fact || (fact->type == PATH_MISSING) != (access(places.v[i], F_OK) < 0)) {
			diag("  wrong: %s", places.v[i]);
			wrong++;
		}
	}
	is_int((intmax_t)wrong, 0, "each of %zu protected places is told right", places.n);
	strlist_free(&places);
	facts_free(&facts);
}

static void user(void)
{
	char variable[PATH_MAX];
	char *env[] = { variable, NULL };
	struct facts facts = { 0 };
	struct error err = { .what = "" };

	snprintf(variable, sizeof variable, "HOME=%s", home);
	ok(facts_user(&facts, env, &err) == 0, "the user");
	is_int(facts.uid, getuid(), "uid");
	is_str(facts.home_env, home, "a $HOME that is not the password database's");
	ok(facts.home && facts.home[0] == '/' && facts.home[1], "a home: %s", facts.home);
	ok(facts.user && *facts.user, "a name: %s", facts.user);
	facts_free(&facts);

	snprintf(variable, sizeof variable, "HOME=relative");
	facts = (struct facts){ 0 };
	ok(facts_user(&facts, env, &err) == 0, "a relative $HOME");
	ok(facts.home_env == NULL, "is not taken");
	facts_free(&facts);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static void all(void)
{
	snprintf(home, sizeof home, "/tmp/mcpcage-facts-XXXXXX");
	if (!mkdtemp(home))
		bail_out("mkdtemp: %s", strerror(errno));
	kinds();
	protected_places("without any of them", false);
	folder(".ssh");
	link_to("dir/deep", ".aws");
	file(".netrc");
	folder(".config");
	folder(".config/Code");
	protected_places("a few of them", true);
	for (int i = 0; i < 1200; i++) {
		char name[32];
		snprintf(name, sizeof name, "photo-%d", i);
		file(name);
	}
	protected_places("in a full home", true);
	user();
	ok(nftw(home, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0, "cleaned up");
}

int main(void)
{
	all();
	if (getuid() == 0) {
		pid_t pid = tap_fork();
		if (pid == 0) {
			if (setgroups(0, NULL) < 0 || setresgid(65534, 65534, 65534) < 0 ||
			    setresuid(65534, 65534, 65534) < 0)
				_exit(99);
			all();
			tap_child_exit();
		}
		tap_wait(pid, "the same as an ordinary user");
	}
	return done_testing();
}
