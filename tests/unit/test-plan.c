/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Plans: what is refused, hidden, shown where, and what every cage has. */
#include "plan-fixture.h"

static void me(struct machine *m)
{
	machine_start(m, 1000, "me", "/home/me");
}

/* ---- who may have what --------------------------------------------------------------------------- */

enum outcome { GRANTED, REFUSED, LEFT /* not granted, not an error */ };

static enum outcome try_argument(const char *path, enum path_type type, const char *mode)
{
	struct machine m;

	me(&m);
	exists(&m, path, type, NULL);
	argument(&m, path);
	enum outcome outcome = make_with(&m, "--args", mode) < 0 ? REFUSED : LEFT;
	if (outcome == LEFT && at(&m, path) && strcmp(at(&m, path)->why, "argument") == 0)
		outcome = GRANTED;
	if (outcome == GRANTED && !has_line(&m.made.notes, path))
		fail("%s is told", path);
	if (outcome == REFUSED && (!strstr(m.err.what, path) || !strstr(m.err.hint, "--args off")))
		fail("the refusal of %s names it and the remedy: %s", path, m.err.what);
	machine_end(&m);
	return outcome;
}

static enum outcome try_grant(const char *path, enum path_type type, const char *option)
{
	struct machine m;

	me(&m);
	exists(&m, path, type, NULL);
	enum outcome outcome = make_with(&m, option, path) < 0 ? REFUSED : at(&m, path) ? GRANTED : LEFT;
	if (outcome == REFUSED && (!strstr(m.err.what, path) || !strstr(m.err.what, option)))
		fail("the refusal of %s names it and the option: %s", path, m.err.what);
	machine_end(&m);
	return outcome;
}

static void matrix(void)
{
	static const struct {
		const char *path;
		enum outcome argument, ro, rw;
	} rows[] = {
		{ "/home/me/docs", GRANTED, GRANTED, GRANTED },
		{ "/home/me/.config/some-server", GRANTED, GRANTED, GRANTED },
		{ "/home/me/.ssh2", GRANTED, GRANTED, GRANTED },
		{ "/srv/data", GRANTED, GRANTED, GRANTED },
		{ "/opt/server", GRANTED, GRANTED, GRANTED },
		{ "/mnt/disk", GRANTED, GRANTED, GRANTED },
		{ "/var/lib/thing", GRANTED, GRANTED, GRANTED },
		{ "/tmp/work", GRANTED, GRANTED, GRANTED },
		{ "/run/media/me/stick", GRANTED, GRANTED, GRANTED },
		/* never */
		{ "/", REFUSED, REFUSED, REFUSED },
		{ "/home", REFUSED, REFUSED, REFUSED },
		{ "/proc", LEFT, REFUSED, REFUSED },
		{ "/proc/1", LEFT, REFUSED, REFUSED },
		{ "/sys", REFUSED, REFUSED, REFUSED },
		{ "/sys/fs/cgroup", REFUSED, REFUSED, REFUSED },
		{ "/dev", LEFT, REFUSED, REFUSED },
		{ "/dev/shm", LEFT, REFUSED, REFUSED },
		{ "/dev/dri", REFUSED, REFUSED, REFUSED },
		{ "/run", REFUSED, REFUSED, REFUSED },
		{ "/run/user", REFUSED, REFUSED, REFUSED },
		{ "/run/user/1000", REFUSED, REFUSED, REFUSED },
		{ "/run/user/1000/bus.d", REFUSED, REFUSED, REFUSED },
		{ "/run/dbus", REFUSED, REFUSED, REFUSED },
		{ "/run/media", REFUSED, REFUSED, REFUSED },
		{ "/var/run", REFUSED, REFUSED, REFUSED },
		{ "/var/run/docker", REFUSED, REFUSED, REFUSED },
		{ "/tmp", LEFT, REFUSED, REFUSED },
		{ "/var/tmp", LEFT, REFUSED, REFUSED },
		{ "/var", REFUSED, REFUSED, REFUSED },
		{ "/etc", REFUSED, REFUSED, REFUSED },
		/* other people's */
		{ "/root", REFUSED, REFUSED, REFUSED },
		{ "/root/x", REFUSED, GRANTED, GRANTED },
		{ "/home/you", REFUSED, REFUSED, REFUSED },
		{ "/home/you/shared", REFUSED, GRANTED, GRANTED },
		/* the system's */
		{ "/etc/server.conf", REFUSED, GRANTED, REFUSED },
		{ "/boot/x", GRANTED, GRANTED, REFUSED },
		{ "/usr/share/thing", LEFT, LEFT, REFUSED },
		{ "/usr", LEFT, GRANTED, REFUSED },
		/* the user's, as a whole, and what is mcpcage's */
		{ "/home/me", REFUSED, GRANTED, REFUSED },
		{ "/home/me/.config", REFUSED, GRANTED, REFUSED },
		{ "/home/me/.local", REFUSED, GRANTED, REFUSED },
		{ "/home/me/.cache", REFUSED, GRANTED, REFUSED },
		{ "/home/me/.config/mcpcage", REFUSED, GRANTED, REFUSED },
		{ "/home/me/.config/mcpcage/profiles", REFUSED, GRANTED, REFUSED },
		{ "/home/me/.local/state/mcpcage", REFUSED, GRANTED, REFUSED },
		/* protected: by name only */
		{ "/home/me/.ssh", REFUSED, GRANTED, GRANTED },
		{ "/home/me/.ssh/id_ed25519", REFUSED, GRANTED, GRANTED },
		{ "/home/me/.claude.json", REFUSED, GRANTED, GRANTED },
		{ "/home/me/.config/Code/User", REFUSED, GRANTED, GRANTED },
		{ "/home/me/.mozilla", REFUSED, GRANTED, GRANTED },
		{ "/home/me/.bashrc", REFUSED, GRANTED, GRANTED },
		{ "/home/me/.cargo", REFUSED, GRANTED, GRANTED },
		{ "/home/me/.config/systemd/user", REFUSED, GRANTED, GRANTED },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		is_int(try_argument(rows[i].path, PATH_DIR, "ro"), rows[i].argument, "%s as an argument", rows[i].path);
		is_int(try_argument(rows[i].path, PATH_DIR, "rw"), rows[i].argument, "%s as an argument, --args rw",
		       rows[i].path);
		is_int(try_grant(rows[i].path, PATH_DIR, "--ro"), rows[i].ro, "--ro %s", rows[i].path);
		is_int(try_grant(rows[i].path, PATH_DIR, "--rw"), rows[i].rw, "--rw %s", rows[i].path);
	}
}

static void protected_names(void)
{
	/* Every entry of the list: never by an argument, nor what is in it, nor what contains it. */
	for (size_t i = 0; i < protect_entries_n; i++) {
		char path[256], inside[300];
		snprintf(path, sizeof path, "/home/me/%s", protect_entries[i].path);
		snprintf(inside, sizeof inside, "%s/x", path);
		bool good = try_argument(path, PATH_DIR, "ro") == REFUSED && try_argument(path, PATH_FILE, "rw") == REFUSED &&
			    try_argument(inside, PATH_FILE, "ro") == REFUSED;
		for (char *slash = strrchr(path, '/'); slash > path + 8; slash = strrchr(path, '/')) {
			*slash = '\0';
			good = good && try_argument(path, PATH_DIR, "ro") == REFUSED;
		}
		ok(good, "protected: %s", protect_entries[i].path);
	}
}

static void types(void)
{
	static const enum path_type bad[] = { PATH_SOCKET, PATH_DEVICE, PATH_OTHER, PATH_MISSING, PATH_DENIED };

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		is_int(try_grant("/srv/thing", bad[i], "--ro"), REFUSED, "--ro of type %d", bad[i]);
		is_int(try_grant("/srv/thing", bad[i], "--rw"), REFUSED, "--rw of type %d", bad[i]);
	}
	is_int(try_grant("/srv/thing", PATH_FILE, "--rw"), GRANTED, "control: a file");
	is_int(try_argument("/srv/s", PATH_SOCKET, "ro"), REFUSED, "a socket as an argument");
	is_int(try_argument("/srv/d", PATH_DEVICE, "ro"), REFUSED, "a device as an argument");
	is_int(try_argument("/srv/m", PATH_MISSING, "ro"), LEFT, "a missing path as an argument");
	is_int(try_argument("/srv/p", PATH_DENIED, "ro"), LEFT, "an unreadable path as an argument");
	is_int(try_argument("/srv/f", PATH_OTHER, "ro"), LEFT, "a FIFO as an argument");
}

/* ---- names and what they are --------------------------------------------------------------------- */

/* PATH is a symlink that lies at PLACE, and leads to REAL. */
static void planted(struct machine *m, const char *path, const char *place, const char *real)
{
	exists(m, path, PATH_DIR, real);
	for (size_t i = 0; i < m->facts.paths_n; i++)
		if (strcmp(m->facts.paths[i].asked, path) == 0) {
			strlist_free(&m->facts.paths[i].links);
			strlist_add(&m->facts.paths[i].links, place);
			strlist_add(&m->facts.paths[i].links, real);
		}
}

/* A server that may write a folder can put symlinks there, for its next session to be granted what they lead to. */
static void planted_symlinks(void)
{
	struct machine m;

	me(&m);
	exists(&m, "/proj/out", PATH_DIR, NULL);
	exists(&m, "/home/me/diary", PATH_DIR, NULL);
	planted(&m, "/proj/out/data", "/proj/out/data", "/home/me/diary");
	is_int(make_with(&m, "--rw", "/proj/out", "--ro", "/proj/out/data"), -1, "a symlink in a writable grant");
	ok(strstr(m.err.what, "/proj/out/data is a symlink in /proj/out"), "says which: %s", m.err.what);
	is_int(make_with(&m, "--ro", "/proj/out/data", "--rw", "/proj/out"), -1, "in any order");
	is_int(make_with(&m, "--rw", "/proj/out:/out", "--ro", "/proj/out/data:/data"), -1, "shown anywhere");
	is_int(make_with(&m, "--ro", "/proj/out", "--ro", "/proj/out/data"), 0, "but not where it cannot write");
	planted(&m, "/proj/name/data", "/proj/out/data", "/home/me/diary");
	is_int(make_with(&m, "--rw", "/proj/out", "--ro", "/proj/name/data"), -1, "by another name of the folder");
	planted(&m, "/proj/out/data", "/proj/out/data", "/proj/out/deeper");
	is_int(make_with(&m, "--rw", "/proj/out", "--ro", "/proj/out/data"), 0, "one that stays in the folder");
	planted(&m, "/proj/link", "/proj/link", "/proj/out");
	is_int(make_with(&m, "--rw", "/proj/link"), 0, "one that leads to the folder itself");
	machine_end(&m);

	me(&m);
	exists(&m, "/proj/out", PATH_DIR, NULL);
	planted(&m, "/proj/out/data", "/proj/out/data", "/home/me/diary");
	argument(&m, "/proj/out/data");
	is_int(make_with(&m, "--rw", "/proj/out"), -1, "as an argument");
	is_int(make_with(&m, "--rw", "/proj/out", "--args", "off"), 0, "unless arguments are left alone");
	argument(&m, "/proj/out");
	is_int(make_with(&m, "--args", "rw"), -1, "in a folder that another argument makes writable");
	is_int(make_with(&m, NULL), 0, "but not in one that can only be read");
	machine_end(&m);
}

static void symlinks(void)
{
	struct machine m;

	me(&m);
	exists(&m, "/home/me/keys", PATH_DIR, "/home/me/.ssh");
	argument(&m, "/home/me/keys");
	is_int(make_with(&m, NULL), -1, "an argument that is a symlink to a protected place");
	ok(strstr(m.err.what, "holds credentials"), "says why: %s", m.err.what);
	machine_end(&m);

	me(&m);
	exists(&m, "/home/me/.ssh", PATH_DIR, "/data/ssh");
	exists(&m, "/data/ssh", PATH_DIR, NULL);
	argument(&m, "/data/ssh");
	is_int(make_with(&m, NULL), -1, "an argument that a protected name leads to");
	machine_end(&m);

	me(&m);
	exists(&m, "/srv/link", PATH_DIR, "/run/user/1000");
	is_int(make_with(&m, "--ro", "/srv/link"), -1, "a grant that is a symlink to what is never granted");
	exists(&m, "/srv/link", PATH_DIR, "/home/me/.config/mcpcage");
	is_int(make_with(&m, "--rw", "/srv/link"), -1, "a writable one to mcpcage's own");
	exists(&m, "/srv/link", PATH_DIR, "/usr/lib/x");
	is_int(make_with(&m, "--rw", "/srv/link"), -1, "a writable one into the system");
	exists(&m, "/srv/link", PATH_DIR, "/disk/docs");
	is_int(make_with(&m, "--ro", "/srv/link"), 0, "any other symlink");
	ok(is_mount(&m, "/disk/docs", MOUNT_BIND, "/disk/docs", false), "its end is shown where it is");
	ok(is_mount(&m, "/srv/link", MOUNT_SYMLINK, "/disk/docs", false), "and the name leads there");
	is_int(make_with(&m, "--ro", "/srv/link:/data"), 0, "with a place of its own");
	ok(is_mount(&m, "/data", MOUNT_BIND, "/disk/docs", false) && !at(&m, "/srv/link"), "it is shown there only");
	exists(&m, "/srv/link/sub", PATH_DIR, "/disk/docs/sub");
	is_int(make_with(&m, "--ro", "/srv/link", "--rw", "/srv/link/sub"), 0, "a grant through another's symlink");
	ok(is_mount(&m, "/disk/docs/sub", MOUNT_BIND, "/disk/docs/sub", true), "is where it really is");
	machine_end(&m);

	/* Places that are symlinks of ours. */
	me(&m);
	exists(&m, "/var/tmp/x", PATH_DIR, NULL);
	is_int(make_with(&m, "--ro", "/var/tmp/x"), 0, "below /var/tmp");
	ok(is_mount(&m, "/tmp/x", MOUNT_BIND, "/var/tmp/x", false), "is shown in the one private folder");
	exists(&m, "/tmp/x", PATH_DIR, NULL);
	is_int(make_with(&m, "--ro", "/tmp/x", "--ro", "/var/tmp/x"), -1, "not with another of the same place");
	ok(strstr(m.err.what, " /tmp/x (--ro") && strstr(m.err.what, " /var/tmp/x (--ro") && strstr(m.err.hint, "PATH:DEST"),
	   "both are named: %s", m.err.what);
	is_int(make_with(&m, "--rw", "/var/tmp/x", "--ro", "/tmp/x"), -1, "in any order");
	is_int(make_with(&m, "--ro", "/tmp/x", "--ro", "/var/tmp/x:/x"), 0, "but elsewhere");
	ok(is_mount(&m, "/tmp/x", MOUNT_BIND, NULL, false) && is_mount(&m, "/x", MOUNT_BIND, "/var/tmp/x", false), "both are shown");
	is_int(make_with(&m, "--ro", "/var/tmp/x", "--rw", "/var/tmp/x"), 0, "one object twice");
	ok(is_mount(&m, "/tmp/x", MOUNT_BIND, "/var/tmp/x", true), "is as its last grant says");
	exists(&m, "/srv/data", PATH_DIR, NULL);
	is_int(make_with(&m, "--ro", "/srv/data:/d", "--ro", "/var/tmp/x:/d"), -1, "nor is one destination given twice");
	is_int(make_with(&m, "--ro", "/srv/data:/bin/data"), -1, "nothing is made in the system through its links");
	machine_end(&m);

	/* A home that is a symlink. */
	machine_start(&m, 1000, "me", "/var/home/me");
	m.facts.home_env = strdup("/home/me");
	protected_of(&m, "/home/me");
	exists(&m, "/home/me/docs", PATH_DIR, "/var/home/me/docs");
	is_int(make_with(&m, "--ro", "/home/me/docs"), 0, "below a home that is a symlink");
	ok(is_mount(&m, "/var/home/me/docs", MOUNT_BIND, NULL, false) &&
		   is_mount(&m, "/home/me/docs", MOUNT_SYMLINK, "/var/home/me/docs", false),
	   "both names work");
	exists(&m, "/home/me", PATH_DIR, "/var/home/me");
	argument(&m, "/home/me");
	is_int(make_with(&m, NULL), -1, "the home under its other name");
	ok(strstr(m.err.what, "your home folder"), "says why: %s", m.err.what);
	machine_end(&m);
}

/* ---- hiding -------------------------------------------------------------------------------------- */

static void masks(void)
{
	struct machine m;

	me(&m);
	exists(&m, "/home/me", PATH_DIR, NULL);
	exists(&m, "/home/me/.ssh", PATH_DIR, NULL);
	exists(&m, "/home/me/.claude.json", PATH_FILE, NULL);
	exists(&m, "/home/me/.config/gh", PATH_DIR, NULL);
	exists(&m, "/home/me/.local/state/mcpcage", PATH_DIR, NULL);
	is_int(make_with(&m, "--ro", "~"), 0, "the home, read-only");
	ok(is_mount(&m, "/home/me", MOUNT_BIND, "/home/me", false), "takes the place of the private one");
	ok(is_mount(&m, "/home/me/.ssh", MOUNT_MASK, NULL, false) && at(&m, "/home/me/.ssh")->directory, "hides a folder");
	ok(is_mount(&m, "/home/me/.claude.json", MOUNT_MASK, NULL, false) && !at(&m, "/home/me/.claude.json")->directory,
	   "hides a file");
	ok(at(&m, "/home/me/.config/gh") && at(&m, "/home/me/.local/state/mcpcage"), "hides deeper ones");
	ok(!at(&m, "/home/me/.gnupg"), "and nothing that does not exist");
	is_int(make_with(&m, "--ro", "~", "--ro", "~/.ssh"), 0, "one of them by name");
	ok(!at(&m, "/home/me/.ssh") && at(&m, "/home/me/.claude.json"), "that one is shown, the others hidden");
	ok(has_line(&m.made.warnings, "/home/me/.ssh"), "with a warning");
	exists(&m, "/home/me/.ssh/config", PATH_FILE, NULL);
	is_int(make_with(&m, "--ro", "~", "--ro", "~/.ssh/config"), -1, "one inside of a hidden one");
	ok(strstr(m.err.hint, "grant /home/me/.ssh by its name"), "says what to do: %s", m.err.hint);
	is_int(make_with(&m, "--ro", "~/.ssh/config"), 0, "control: without the grant around it");
	exists(&m, "/home/me/.config", PATH_DIR, NULL);
	is_int(make_with(&m, "--ro", "~/.config:/conf"), 0, "elsewhere");
	ok(is_mount(&m, "/conf/gh", MOUNT_MASK, NULL, false), "it is hidden there");
	argument(&m, "/home/me/.ssh");
	is_int(make_with(&m, "--ro", "~"), -1, "an argument names what a grant hides");
	is_int(make_with(&m, "--ro", "~", "--ro", "~/.ssh"), 0, "and a grant names it as well");
	machine_end(&m);

	/* A protected name that leads elsewhere. */
	me(&m);
	exists(&m, "/data", PATH_DIR, NULL);
	exists(&m, "/home/me/.gnupg", PATH_DIR, "/data/secret/gnupg");
	is_int(make_with(&m, "--ro", "/data"), 0, "what a protected name leads to");
	ok(is_mount(&m, "/data/secret/gnupg", MOUNT_MASK, NULL, false), "is hidden where it is");
	machine_end(&m);

	/* The folders in use, wherever they are. */
	me(&m);
	exists(&m, "/srv/work", PATH_DIR, NULL);
	exists(&m, "/srv/work/state", PATH_DIR, NULL);
	strlist_add(&m.facts.protect, "/srv/work/state");
	is_int(make_with(&m, "--ro", "/srv/work"), 0, "a state folder inside a grant");
	ok(is_mount(&m, "/srv/work/state", MOUNT_MASK, NULL, false), "is hidden");
	is_int(make_with(&m, "--rw", "/srv/work"), -1, "and not inside a writable one");
	argument(&m, "--dir=/srv/work");
	is_int(make_with(&m, NULL), -1, "nor inside an argument");
	machine_end(&m);

	/* The policy files that were read. */
	me(&m);
	exists(&m, "/srv/work", PATH_DIR, NULL);
	policy_of(&m, (const char *const[]){ "--rw", "/srv/work", NULL });
	is_int(make(&m), 0, "control: a writable folder");
	strlist_add(&m.policy.layers, "/srv/work/policy.json");
	is_int(make(&m), -1, "a policy file in a writable folder");
	ok(strstr(m.err.what, "/srv/work/policy.json"), "is named: %s", m.err.what);
	m.policy.grants[0].write = false;
	is_int(make(&m), 0, "control: read-only");
	argument(&m, "/srv/work");
	m.policy.grants_n = 0;
	m.policy.args = ARGS_RW;
	is_int(make(&m), -1, "a policy file in a writable argument");
	m.policy.grants_n = 1;
	free(m.policy.layers.v[--m.policy.layers.n]);
	strlist_add(&m.policy.layers, "/home/me/link.json");
	exists(&m, "/home/me/link.json", PATH_FILE, "/srv/work/policy.json");
	is_int(make(&m), -1, "a policy file that is a symlink into one");
	machine_end(&m);

	/* What nobody looked at is not taken for absent. */
	me(&m);
	exists(&m, "/srv/work", PATH_DIR, NULL);
	strlist_add(&m.facts.protect, "/srv/work/unknown");
	is_int(make_with(&m, "--ro", "/srv/work"), -1, "a protected place that was not looked at");
	machine_end(&m);
}

/* ---- places in the cage -------------------------------------------------------------------------- */

static void places(void)
{
	static const char *const bad[] = {
		"/", "/proc", "/proc/x", "/sys", "/sys/x", "/dev", "/dev/shm/x", "/tmp", "/var/tmp", "/run", "/etc", "/usr",
		"/usr/share/new", "/bin", "/lib", "/home", "/var", "/etc/ssl", "/etc/ssl/certs", "/etc/ssl/certs/new",
	};
	static const char *const good[] = {
		"/data", "/etc/app", "/etc/passwd", "/home/me", "/home/me/docs", "/tmp/in", "/run/app", "/home/you", "/srv/a/b",
	};
	struct machine m;
	char text[128];

	me(&m);
	exists(&m, "/srv/x", PATH_DIR, NULL);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		snprintf(text, sizeof text, "/srv/x:%s", bad[i]);
		is_int(make_with(&m, "--ro", text), -1, "not at %s: %s", bad[i], m.err.what);
	}
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		snprintf(text, sizeof text, "/srv/x:%s", good[i]);
		if (!ok(make_with(&m, "--ro", text) == 0 && is_mount(&m, good[i], MOUNT_BIND, "/srv/x", false), "at %s", good[i]))
			diag("%s", m.err.what);
	}
	is_int(make_with(&m, "--tmpfs", "/scratch"), 0, "an empty folder");
	ok(is_mount(&m, "/scratch", MOUNT_TMPFS, NULL, true) && at(&m, "/scratch")->size == 256 << 20, "of bounded size");
	is_int(make_with(&m, "--tmpfs", "/usr"), -1, "not over the system");
	is_int(make_with(&m, "--tmpfs", "/usr/new"), -1, "not where it would have to be created in the system");
	exists(&m, "/srv/x/cache", PATH_DIR, NULL);
	is_int(make_with(&m, "--ro", "/srv/x", "--tmpfs", "/srv/x/cache"), 0, "over a folder inside a grant");
	missing(&m, "/srv/x/cache");
	is_int(make_with(&m, "--ro", "/srv/x", "--tmpfs", "/srv/x/cache"), -1, "if it is there");
	machine_end(&m);

	/* What covers what. */
	me(&m);
	exists(&m, "/srv/x", PATH_DIR, NULL);
	exists(&m, "/srv/x/y", PATH_DIR, NULL);
	exists(&m, "/srv/x/y/z", PATH_DIR, NULL);
	is_int(make_with(&m, "--ro", "/srv/x", "--rw", "/srv/x/y", "--ro", "/srv/x/y/z"), 0, "one inside the other");
	ok(is_mount(&m, "/srv/x", MOUNT_BIND, NULL, false) && is_mount(&m, "/srv/x/y", MOUNT_BIND, NULL, true) &&
		   is_mount(&m, "/srv/x/y/z", MOUNT_BIND, NULL, false),
	   "each keeps its access");
	is_int(make_with(&m, "--ro", "/srv/x/y", "--ro", "/srv/x"), 0, "the same access");
	ok(at(&m, "/srv/x") && !at(&m, "/srv/x/y"), "is one mount");
	is_int(make_with(&m, "--ro", "/srv/x", "--rw", "/srv/x"), 0, "the same place twice");
	ok(is_mount(&m, "/srv/x", MOUNT_BIND, NULL, true), "the later one counts");
	is_int(make_with(&m, "--rw", "/srv/x", "--ro", "/srv/x"), 0, "the other way round");
	ok(is_mount(&m, "/srv/x", MOUNT_BIND, NULL, false), "too");
	is_int(make_with(&m, "--ro", "/srv/x", "--ro", "/srv/x/y:/srv/x/other"), -1, "a new name inside a grant");
	needs(&m, "/srv/x/y", "the server's project");
	is_int(make_with(&m, "--rw", "/srv/x"), 0, "what the command needs, in a writable grant");
	ok(is_mount(&m, "/srv/x", MOUNT_BIND, NULL, true) && !at(&m, "/srv/x/y"), "does not take the grant away");
	ok(has_line(&m.made.warnings, "change its own program"), "there is a warning");
	machine_end(&m);
}

/* ---- the command --------------------------------------------------------------------------------- */

static void target(void)
{
	struct machine m;

	me(&m);
	exists(&m, "/home/me/proj", PATH_DIR, NULL);
	script(&m, "/home/me/proj/server.js");
	needs(&m, "/home/me/proj", "the server's project (package.json)");
	is_int(make_with(&m, NULL), 0, "a project");
	ok(is_mount(&m, "/home/me/proj", MOUNT_BIND, "/home/me/proj", false), "is shown read-only");
	ok(!has_line(&m.made.notes, "server.js"), "the script is no argument");
	machine_end(&m);

	me(&m);
	exists(&m, "/home/me", PATH_DIR, NULL);
	script(&m, "/home/me/server.js");
	needs(&m, "/home/me", "the server's project (package.json)");
	is_int(make_with(&m, NULL), 0, "a home folder that looks like a project");
	ok(is_mount(&m, "/home/me", MOUNT_TMPFS, NULL, true), "is not shown");
	ok(is_mount(&m, "/home/me/server.js", MOUNT_BIND, NULL, false), "the script is");
	ok(has_line(&m.made.notes, "your home folder"), "and it is told");
	machine_end(&m);

	static const char *const broad[] = { "/", "/home", "/run/user/1000", "/home/me/.vscode", "/tmp", "/etc" };
	for (size_t i = 0; i < sizeof broad / sizeof *broad; i++) {
		me(&m);
		exists(&m, broad[i], PATH_DIR, NULL);
		needs(&m, broad[i], "the server's project");
		is_int(make_with(&m, NULL), 0, "a command that would need %s", broad[i]);
		const struct plan_mount *mount = at(&m, broad[i]);
		ok(!mount || mount->kind != MOUNT_BIND, "is not given %s", broad[i]);
		machine_end(&m);
	}

	me(&m);
	exists(&m, "/home/me/.claude/plugins/x", PATH_DIR, NULL);
	needs(&m, "/home/me/.claude/plugins/x", "the server's project");
	is_int(make_with(&m, NULL), 0, "code inside a client's folder");
	ok(is_mount(&m, "/home/me/.claude/plugins/x", MOUNT_BIND, NULL, false), "is shown, alone");
	machine_end(&m);

	me(&m);
	free(m.facts.target.exe);
	m.facts.target.exe = strdup("/opt/node/bin/node");
	exists(&m, "/opt/node", PATH_DIR, NULL);
	is_int(make_with(&m, NULL), -1, "a program that would not be in the cage");
	is_int(m.err.kind, ERROR_CANNOT_RUN, "is status 126");
	needs(&m, "/opt/node", "node's installation");
	is_int(make_with(&m, NULL), 0, "control: with its installation");
	is_str(env_of(&m.made, "PATH"), "/opt/node/bin:/usr/local/bin:/usr/bin:/bin", "its folder is in PATH");
	strlist_add(&m.facts.target.links, "/opt/current");
	strlist_add(&m.facts.target.links, "node");
	is_int(make_with(&m, NULL), 0, "links to the command");
	ok(is_mount(&m, "/opt/current", MOUNT_SYMLINK, "node", false), "are made");
	machine_end(&m);

	me(&m);
	free(m.facts.target.exe);
	m.facts.target.exe = strdup("/var/tmp/tools/bin/tool");
	exists(&m, "/var/tmp/tools", PATH_DIR, NULL);
	exists(&m, "/var/tmp/other", PATH_DIR, NULL);
	needs(&m, "/var/tmp/other", "another one's installation");
	is_int(make_with(&m, NULL), -1, "a program below /var/tmp that would not be in the cage");
	needs(&m, "/var/tmp/tools", "the program's installation");
	is_int(make_with(&m, NULL), 0, "control: with its installation it is found through the cage's own link");
	ok(is_mount(&m, "/tmp/tools", MOUNT_BIND, "/var/tmp/tools", false), "which leads to it");
	machine_end(&m);
}

static void arguments(void)
{
	struct machine m;
	char *path;

	static const struct {
		const char *arg, *path;
	} forms[] = {
		{ "/srv/x", "/srv/x" },
		{ "/srv//x/", "/srv/x" },
		{ "--root=/srv/x", "/srv/x" },
		{ "-d=/srv/x", "/srv/x" },
		{ "--root=srv", NULL },
		{ "--root", NULL },
		{ "srv/x", NULL },
		{ "KEY=/srv/x", NULL },
		{ "https://h/srv", NULL },
		{ "", NULL },
		{ "-", NULL },
		{ "--a=b=/c", NULL },
	};
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		path = plan_arg_path(forms[i].arg);
		is_str(path, forms[i].path, "the path in \"%s\"", forms[i].arg);
		free(path);
	}

	me(&m);
	exists(&m, "/srv/x", PATH_DIR, NULL);
	exists(&m, "/srv/file", PATH_FILE, NULL);
	exists(&m, "/usr/share/x", PATH_DIR, NULL);
	missing(&m, "/srv/new");
	argument(&m, "/srv/x");
	argument(&m, "--also=/srv/x");
	argument(&m, "--file=/srv/file");
	argument(&m, "/usr/share/x");
	argument(&m, "/srv/new");
	argument(&m, "/dev/stderr");
	argument(&m, "/etc/hosts");
	argument(&m, "/tmp");
	is_int(make_with(&m, NULL), 0, "arguments");
	ok(is_mount(&m, "/srv/x", MOUNT_BIND, NULL, false) && is_mount(&m, "/srv/file", MOUNT_BIND, NULL, false), "granted");
	is_int(m.made.notes.n, 4, "one line for each that matters");
	ok(has_line(&m.made.notes, "granted read-only: /srv/x (argument; --args off to prevent)"), "granted");
	ok(has_line(&m.made.notes, "not granted: /srv/new (argument): it does not exist"), "missing");
	ok(has_line(&m.made.notes, "not granted: /tmp (argument): the server has its own"), "the cage's own");
	is_int(make_with(&m, "--args", "rw"), 0, "--args rw");
	ok(is_mount(&m, "/srv/x", MOUNT_BIND, NULL, true), "writable");
	ok(has_line(&m.made.notes, "granted for reading and writing: /srv/x"), "and told so");
	is_int(make_with(&m, "--args", "rw", "--ro", "/srv/x"), 0, "--args rw where somebody granted reading");
	is_int(make_with(&m, "--args", "off"), 0, "--args off");
	ok(!at(&m, "/srv/x") && m.made.notes.n == 0, "nothing");
	is_int(make_with(&m, "--rw", "/srv"), -1, "(/srv was not looked at)");
	exists(&m, "/srv", PATH_DIR, NULL);
	is_int(make_with(&m, "--rw", "/srv"), 0, "inside a grant");
	ok(!at(&m, "/srv/x") && !has_line(&m.made.notes, "/srv/x"), "nothing more is needed");

	/* The administrator's locks. */
	policy_free(&m.policy);
	policy_of(&m, (const char *const[]){ NULL });
	m.policy.read_locked = true;
	is_int(make(&m), 0, "reading is locked");
	ok(!at(&m, "/srv/x") && has_line(&m.made.notes, "/srv/x (argument): the administrator locked files.read"),
	   "arguments open nothing");
	m.policy.read_locked = false;
	m.policy.write_locked = true;
	m.policy.args = ARGS_RW;
	is_int(make(&m), 0, "writing is locked");
	ok(is_mount(&m, "/srv/x", MOUNT_BIND, NULL, false), "arguments open for reading only");
	machine_end(&m);
}

/* ---- what every cage has ------------------------------------------------------------------------- */

static void made(void)
{
	struct machine m;

	me(&m);
	is_int(make_with(&m, NULL), 0, "a plan");
	ok(is_mount(&m, "/proc", MOUNT_PROC, NULL, false) && at(&m, "/dev")->kind == MOUNT_DEV, "/proc, /dev");
	ok(is_mount(&m, "/tmp", MOUNT_TMPFS, NULL, true) && is_mount(&m, "/home/me", MOUNT_TMPFS, NULL, true),
	   "private folders");
	ok(is_mount(&m, "/run", MOUNT_DIR, NULL, false), "an empty /run");
	ok(is_mount(&m, "/bin", MOUNT_SYMLINK, "/usr/bin", false) && is_mount(&m, "/usr", MOUNT_BIND, "/usr", false),
	   "the system and its links");
	ok(is_mount(&m, "/etc/localtime", MOUNT_SYMLINK, "/usr/share/zoneinfo/Europe/Berlin", false), "a link into it");
	ok(!at(&m, "/etc/timezone"), "nothing that is not there");
	is_str(at(&m, "/etc/passwd")->data,
	       "root:x:0:0:root:/root:/usr/sbin/nologin\nme:x:1000:1000::/home/me:/bin/sh\n"
	       "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
	       "passwd");
	is_str(at(&m, "/etc/group")->data, "root:x:0:\nme:x:1000:\nnogroup:x:65534:\n", "group");
	is_int(strlen(at(&m, "/etc/machine-id")->data), 33, "machine-id");
	ok(at(&m, "/etc/hosts")->data && at(&m, "/etc/resolv.conf")->data && at(&m, "/etc/nsswitch.conf")->data, "names");
	is_str(m.made.hostname, "mcpcage", "host name");
	is_str(m.made.cwd, "/home/me", "working directory");
	is_str(m.made.audit, "/home/me/.local/state/mcpcage/audit.jsonl", "audit log");
	m.facts.state = strdup("/srv/state");
	is_int(make(&m), 0, "a state folder");
	is_str(m.made.audit, "/srv/state/audit.jsonl", "has the audit log");
	is_int(make_with(&m, "--state", "/srv/other"), 0, "--state");
	is_str(m.made.audit, "/srv/other/audit.jsonl", "goes before");
	is_int(make_with(&m, "--audit", "off"), 0, "--audit off");
	is_str(m.made.audit, NULL, "none");

	exists(&m, "/etc/hosts", PATH_FILE, NULL);
	exists(&m, "/etc/resolv.conf", PATH_FILE, "/run/systemd/resolve/stub-resolv.conf");
	is_int(make_with(&m, "--network", "host"), 0, "the host's network");
	ok(is_mount(&m, "/etc/resolv.conf", MOUNT_BIND, "/run/systemd/resolve/stub-resolv.conf", false) &&
		   is_mount(&m, "/etc/hosts", MOUNT_BIND, "/etc/hosts", false),
	   "comes with its names");
	ok(!at(&m, "/run/systemd/resolve/stub-resolv.conf"), "and nothing of /run");
	ok(has_line(&m.made.warnings, "the host's network"), "and a warning");
	machine_end(&m);

	machine_start(&m, 0, "root", "/root");
	is_int(make_with(&m, NULL), 0, "as root");
	is_str(at(&m, "/etc/passwd")->data,
	       "root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n", "one root");
	ok(is_mount(&m, "/root", MOUNT_TMPFS, NULL, true), "a private home");
	machine_end(&m);

	/* Homes that the cage cannot have there, and names that cannot stand in passwd. */
	static const char *const homes[] = { "/", "/usr/sbin", "/bin", "/dev", "/proc", "/etc/x", "/home", "/tmp", "/var",
					     "/home/a:b", "/home/a\nb" };
	for (size_t i = 0; i < sizeof homes / sizeof *homes; i++) {
		machine_start(&m, 2, "svc", homes[i]);
		if (is_int(make_with(&m, NULL), 0, "home number %zu", i))
			is_str(m.made.home, "/home/svc", "moves");
		machine_end(&m);
	}
	machine_start(&m, 1000, "a:b\nroot", "/home/x");
	is_int(make_with(&m, NULL), 0, "an odd name");
	is_str(m.made.user, "user", "is not used");
	machine_end(&m);
}

static void system_list(void)
{
	struct machine m;

	me(&m);
	is_int(make_with(&m, NULL), 0, "control");
	static const char *const bad[] = { "/", "/home", "/home/me", "/etc", "/run/dbus", "/dev" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		policy_free(&m.policy);
		policy_of(&m, (const char *const[]){ NULL });
		strlist_add(&m.policy.system, bad[i]);
		is_int(make(&m), -1, "files.system with %s", bad[i]);
	}
	policy_free(&m.policy);
	policy_of(&m, (const char *const[]){ NULL });
	strlist_add(&m.policy.system, "/etc/passwd");
	exists(&m, "/etc/passwd", PATH_FILE, NULL);
	is_int(make(&m), 0, "files.system with /etc/passwd");
	is_int(at(&m, "/etc/passwd")->kind, MOUNT_DATA, "does not bring the host's");
	exists(&m, "/etc/mime.types", PATH_FILE, "/home/me/.ssh/id");
	is_int(make(&m), 0, "a file of the system that leads to a protected place");
	ok(!at(&m, "/etc/mime.types"), "is left out");
	exists(&m, "/etc/mime.types", PATH_FILE, "/opt/etc/mime.types");
	is_int(make(&m), 0, "one that leads elsewhere");
	ok(is_mount(&m, "/etc/mime.types", MOUNT_BIND, "/opt/etc/mime.types", false), "is shown where it is looked for");
	exists(&m, "/etc/mime.types", PATH_SOCKET, NULL);
	is_int(make(&m), 0, "a socket in that list");
	ok(!at(&m, "/etc/mime.types"), "is left out");
	machine_end(&m);
}

static void environment(void)
{
	static char *environ_[] = { (char *)"LANG=de_DE.UTF-8", (char *)"SECRET=1", (char *)"TOKEN=abc", (char *)"LANGX=1",
				    (char *)"HOME=/elsewhere", NULL };
	struct machine m;

	me(&m);
	m.facts.environ_ = environ_;
	is_int(make_with(&m, "--env", "TOKEN", "--env", "MISSING", "--env", "A=1", "--env", "PATH=/x"), 0, "environment");
	is_str(env_of(&m.made, "LANG"), "de_DE.UTF-8", "passed on by the profile");
	is_str(env_of(&m.made, "TOKEN"), "abc", "passed on by an option");
	is_str(env_of(&m.made, "A"), "1", "set");
	is_str(env_of(&m.made, "PATH"), "/x", "an option may replace what is made");
	is_str(env_of(&m.made, "HOME"), "/home/me", "HOME is the cage's");
	is_str(env_of(&m.made, "SECRET"), NULL, "nothing else enters");
	is_str(env_of(&m.made, "LANGX"), NULL, "nor what only starts alike");
	is_str(env_of(&m.made, "MISSING"), NULL, "nor what is not there");
	is_str(env_of(&m.made, "XDG_CONFIG_HOME"), "/home/me/.config", "folders in the private home");
	is_str(env_of(&m.made, "TMPDIR"), "/tmp", "TMPDIR");
	size_t n = 0;
	for (size_t i = 0; i < m.made.env.n; i++)
		n += strncmp(m.made.env.v[i], "PATH=", 5) == 0;
	is_int(n, 1, "each name once");
	machine_end(&m);
}

static void kept_home(void)
{
	struct machine m;

	me(&m);
	exists(&m, "/home/me/docs", PATH_DIR, NULL);
	exists(&m, "/home/me/.local/state/mcpcage", PATH_DIR, NULL);
	is_int(make_with(&m, "--home", "keep"), -1, "no home is kept for a server without a name");
	m.facts.pins_key = strdup("srv-0123");
	is_int(make_with(&m, NULL), 0, "by default");
	ok(is_mount(&m, "/home/me", MOUNT_TMPFS, NULL, true) && !m.made.home_folder, "the home ends with the session");
	is_int(make_with(&m, "--home", "keep", "--ro", "/home/me/docs", "--tmpfs", "/home/me/scratch"), 0, "a kept home");
	ok(is_mount(&m, "/home/me", MOUNT_BIND, "/home/me/.local/state/mcpcage/homes/srv-0123/files", true) &&
		   at(&m, "/home/me")->kept,
	   "is a folder of mcpcage's own, and writable");
	is_str(m.made.home_folder, "/home/me/.local/state/mcpcage/homes/srv-0123", "of this server");
	ok(is_mount(&m, "/home/me/docs", MOUNT_BIND, "/home/me/docs", false) &&
		   is_mount(&m, "/home/me/scratch", MOUNT_TMPFS, NULL, true),
	   "in it, what is granted");
	size_t masks = 0, kept = 0;
	for (size_t i = 0; i < m.made.mounts_n; i++) {
		masks += m.made.mounts[i].kind == MOUNT_MASK;
		kept += m.made.mounts[i].kept;
	}
	ok(masks == 0 && kept == 1, "nothing is hidden in it: it holds nothing of the user's");
	m.facts.state = strdup("/srv/state");
	is_int(make_with(&m, "--home", "1d", "--pins-name", "mine"), 0, "with a name, and another state folder");
	is_str(m.made.home_folder, "/srv/state/homes/mine", "it is there");
	is_int(make_with(&m, "--home", "1d", "--rw", "/srv/state/homes/mine/files"), -1, "it cannot be granted as well");
	exists(&m, "/srv/state/homes/mine/files", PATH_DIR, NULL);
	strlist_add(&m.facts.protect, "/srv/state");
	is_int(make_with(&m, "--home", "1d", "--rw", "/srv/state/homes/mine/files"), -1, "nor when it is there");
	is_int(make_with(&m, "--home", "1d", "--rw", "/home/me/docs:/home/me"), 0, "another folder in the place of the home");
	ok(is_mount(&m, "/home/me", MOUNT_BIND, "/home/me/docs", true) && !at(&m, "/home/me")->kept && !m.made.home_folder,
	   "is the home then, and nothing is kept");
	machine_end(&m);
}

/* Files that policy makes: where they may be. */
static void made_files(void)
{
	static const struct {
		const char *dest, *refused;
	} cases[] = {
		{ "/etc/opt/x/config.json", NULL },
		{ "/home/me/.config/x.json", NULL },
		{ "/etc/hosts", NULL }, /* made by mcpcage itself */
		{ "/run/x/y", NULL },
		{ "/usr/bin/x", "there is no such place" },
		{ "/usr", "hide a part of the system" },
		{ "/", "the root" },
		{ "/proc/x", "the cage's own" },
		{ "/dev/null", "the cage's own" },
		{ "/etc/ssl/certs", "hide a part of the system" },
		{ "/home/me/docs/x", "there is no such place" },
		{ "/tmp", "the cage's own" },
	};
	struct machine m;

	me(&m);
	exists(&m, "/home/me/docs", PATH_DIR, NULL);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct made_file file = { (char *)cases[i].dest, (char *)"text", (char *)"policy.json" };
		policy_free(&m.policy);
		policy_of(&m, (const char *const[]){ "--ro", "/home/me/docs", NULL, NULL });
		if (made_file_set(&m.policy.made, &m.policy.made_n, &file) < 0)
			bail_out("out of memory");
		is_int(make(&m), cases[i].refused ? -1 : 0, "a file made at %s", cases[i].dest);
		if (cases[i].refused)
			ok(strstr(m.err.what, cases[i].refused), "is refused: %s", m.err.what);
		else
			ok(at(&m, cases[i].dest)->kind == MOUNT_DATA && strcmp(at(&m, cases[i].dest)->data, "text") == 0, "is there");
	}
	machine_end(&m);
}

static void layers(void)
{
	struct machine m;

	me(&m);
	is_int(make_with(&m, NULL), 0, "every layer is there");
	is_int(m.made.missing.n, 0, "none is missing");
	ok(m.made.layers & LAYER_APPARMOR && !(m.made.require & LAYER_APPARMOR), "AppArmor without being asked");
	is_str(m.made.apparmor, "mcpcage-server", "with the profile that is shipped");
	is_int(make_with(&m, "--apparmor", "off"), 0, "switched off");
	ok(!m.made.apparmor && !(m.made.layers & LAYER_APPARMOR) && m.made.missing.n == 0, "it is not missed");
	m.facts.apparmor_server = false;
	is_int(make_with(&m, NULL), 0, "where it is not loaded");
	ok(!m.made.apparmor && m.made.missing.n == 1 && strstr(m.made.missing.v[0], "apparmor"), "that is told: %s",
	   m.made.missing.n ? m.made.missing.v[0] : "");
	is_int(make_with(&m, "--require", "apparmor"), -1, "and fatal where it is required");
	ok(strstr(m.err.hint, "mcpcage-server"), "%s", m.err.hint);
	is_int(make_with(&m, "--apparmor", "srv"), 0, "another that is named is trusted to be there");
	m.facts.apparmor_server = true;
	is_int(make_with(&m, "--require", "apparmor"), 0, "required, and there");
	is_int(make_with(&m, NULL), 0, "and without it again");
	m.facts.layers = LAYERS_ALWAYS;
	is_int(make(&m), 0, "only those that are always needed");
	is_int(m.made.missing.n, 4, "the others are told: landlock, cgroup, timens, audit");
	is_int(m.made.layers, LAYERS_ALWAYS, "and not counted on");
	is_int(m.made.landlock_abi, 0, "no ABI without Landlock");
	is_int(make_with(&m, "--audit", "off"), 0, "without an audit log");
	is_int(m.made.missing.n, 3, "it is not missed");
	static const char *const words[] = { "landlock", "cgroup", "timens", "audit", "apparmor" };
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		is_int(make_with(&m, "--require", words[i]), -1, "--require %s", words[i]);
		ok(strstr(m.err.what, words[i]) && m.err.hint[0], "names it and the remedy: %s", m.err.hint);
	}
	is_int(make_with(&m, "--apparmor", "srv"), -1, "a profile without AppArmor");
	m.facts.layers |= LAYER_APPARMOR;
	is_int(make_with(&m, "--apparmor", "srv"), 0, "control: with it");
	is_str(m.made.apparmor, "srv", "is used");
	m.facts.layers = ALL_LAYERS & ~LAYER_USERNS;
	is_int(make_with(&m, NULL), -1, "no namespaces, no cage");
	m.facts.layers = ALL_LAYERS & ~LAYER_SECCOMP;
	is_int(make_with(&m, NULL), -1, "no seccomp, no cage");
	machine_end(&m);
}

static void reduced(void)
{
	static const struct {
		const char *option, *value, *says;
	} refused[] = {
		{ "--allow-host", "example.org", "network by name" },
		{ "--unix-sockets", "yes", "unix_sockets" },
		{ "--tmpfs", "/scratch", "cannot make /scratch" },
		{ "--ro", "/srv/data:/srv/elsewhere", "cannot show /srv/data at /srv/elsewhere" },
		{ "--ro", "/home/me", "cannot hide" },
		{ "--require", "userns", "userns" },
		{ "--require", "timens", "timens" },
	};
	struct machine m;

	me(&m);
	is_int(make_with(&m, "--reduced", "yes"), 0, "reduced mode is allowed where it is not needed");
	ok(!m.made.reduced && !m.made.scratch && at(&m, "/tmp"), "and changes nothing there");
	m.facts.layers &= ~(unsigned)LAYER_USERNS;
	is_int(make_with(&m, NULL), -1, "where it is needed and not allowed, nothing starts");
	without_namespaces(&m);
	exists(&m, "/srv/data", PATH_DIR, NULL);
	exists(&m, "/srv/data/inner", PATH_DIR, NULL);
	exists(&m, "/home/me", PATH_DIR, NULL);
	exists(&m, "/home/me/.ssh", PATH_DIR, NULL);
	is_int(make_with(&m, "--reduced", "yes", "--rw", "/srv/data"), 0, "where it is allowed, there is a plan: %s", m.err.what);
	ok(m.made.reduced && m.made.missing.n >= 3 && strstr(m.made.missing.v[0], "switched off"), "which says so");
	is_int(m.made.require & (LAYER_LANDLOCK | LAYER_SECCOMP), LAYER_LANDLOCK | LAYER_SECCOMP, "Landlock is required then");
	is_int(m.made.layers & (LAYER_USERNS | LAYER_TIMENS), 0, "and no namespace counted on");
	ok(strcmp(m.made.home, "/home/me/.local/state/mcpcage/reduced/0123456789abcdef/files/home") == 0 && strcmp(m.made.cwd, m.made.home) == 0,
	   "the home is a private folder");
	ok(!at(&m, "/tmp") && !at(&m, "/etc/hosts") && at(&m, "/etc/passwd") && at(&m, "/dev/null"), "the host's own are chosen one by one");
	for (size_t i = 0; i < m.made.mounts_n; i++) {
		const struct plan_mount *mount = &m.made.mounts[i];
		if (mount->kind != MOUNT_BIND || strcmp(mount->src, mount->dest) != 0)
			fail("%s is where it is", mount->dest);
	}
	is_int(plan_scratch_is(&m.made, "/real/files", 3, 4, &m.err), 0, "its folder turns out to be somewhere");
	size_t scratch = 0;
	for (size_t i = 0; i < m.made.mounts_n; i++)
		scratch += m.made.mounts[i].scratch && m.made.mounts[i].ino == 4 && strcmp(m.made.mounts[i].src, "/real/files") == 0;
	is_int((intmax_t)scratch, 1, "and the plan says so");
	is_int(make_with(&m, "--reduced", "yes", "--rw", "/srv/data", "--ro", "/srv/data/inner"), -1, "narrower inside of wider");
	ok(strstr(m.err.what, "/srv/data/inner") && strstr(m.err.what, "reading only") && m.err.hint[0], "says which: %s", m.err.what);
	is_int(make_with(&m, "--reduced", "yes", "--ro", "/srv/data", "--rw", "/srv/data/inner"), 0, "control: wider inside of narrower");
	is_int(make_with(&m, "--reduced", "yes", "--network", "host"), 0, "with the host's network: %s", m.err.what);
	ok(at(&m, "/etc/hosts"), "its names are there");
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
		is_int(make_with(&m, "--reduced", "yes", refused[i].option, refused[i].value), -1, "refused: %s %s", refused[i].option,
		       refused[i].value);
		ok(strstr(m.err.what, refused[i].says), "in so many words: %s", m.err.what);
	}
	m.facts.landlock_abi = 5;
	is_int(make_with(&m, "--reduced", "yes"), -1, "an older Landlock does not hold back signals");
	ok(strstr(m.err.what, "ABI 6") && strstr(m.err.hint, "6.12"), "and that is said: %s", m.err.what);
	machine_end(&m);
}

static void shown(void)
{
	struct machine m;
	struct buf out = { 0 };

	me(&m);
	exists(&m, "/srv/a\n\x1b[2Jb", PATH_DIR, NULL);
	argument(&m, "--api-key=topsecret1");
	argument(&m, "--token");
	argument(&m, "topsecret2");
	argument(&m, "postgres://me:topsecret3@db/x");
	argument(&m, "GITHUB_TOKEN=topsecret4");
	argument(&m, "\xe2\x80\xae" "evil");
	is_int(make_with(&m, "--ro", "/srv/a\n\x1b[2Jb", "--env", "KEY=topsecret5"), 0, "odd names and secrets");
	plan_json(&m.made, &out);
	ok(!strstr(buf_str(&out), "topsecret"), "no secret in JSON");
	buf_clear(&out);
	plan_explain(&m.made, &out);
	plan_print(&m.made, &out);
	const char *text = buf_str(&out);
	ok(!strstr(text, "topsecret"), "no secret is shown");
	ok(strstr(text, "[hidden]") && strstr(text, "KEY"), "but where one was");
	ok(!strchr(text, 0x1b) && !strstr(text, "\xe2\x80\xae"), "nothing moves the cursor or turns the text");
	ok(strstr(text, "\\x0a\\x1b"), "but it is seen");
	is_str(m.made.argv.v[1], "--api-key=topsecret1", "the server gets its arguments as they are");
	buf_free(&out);
	machine_end(&m);
}

int main(void)
{
	matrix();
	protected_names();
	types();
	symlinks();
	planted_symlinks();
	masks();
	places();
	target();
	arguments();
	made();
	system_list();
	environment();
	kept_home();
	made_files();
	layers();
	reduced();
	shown();
	return done_testing();
}
