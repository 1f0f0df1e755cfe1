/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What may be granted to a session that runs, and where it is shown. */
#include "plan-fixture.h"

#include "policy/later.h"

static void me(struct machine *m)
{
	machine_start(m, 1000, "me", "/home/me");
}

static void times(void)
{
	struct machine m;

	me(&m);
	make_with(&m, "--grants", "20m");
	ok(later_may_path(&m.made, 20 * 60 * 1000, &m.err) == 0, "as long as policy says");
	ok(later_may_path(&m.made, 20 * 60 * 1000 + 1, &m.err) < 0 && strstr(m.err.what, "20m at most"), "no longer: %s", m.err.what);
	ok(later_may_path(&m.made, 0, &m.err) < 0, "and not for no time");
	make_with(&m, "--grants", "off");
	ok(later_may_path(&m.made, 1000, &m.err) < 0 && strstr(m.err.what, "grants nothing"), "off is off: %s", m.err.what);
	make_with(&m, NULL);
	ok(later_may_path(&m.made, 60 * 60 * 1000, &m.err) == 0 && later_may_path(&m.made, 60 * 60 * 1000 + 1, &m.err) < 0,
	   "an hour, when policy says nothing");
	m.policy.read_locked = true;
	make(&m);
	ok(later_may_path(&m.made, 1000, &m.err) < 0 && strstr(m.err.what, "administrator"), "locked reading holds for paths: %s",
	   m.err.what);
	machine_end(&m);
}

/* Whether PATH, which is TYPE and really REAL, can be granted. */
static bool allows(struct machine *m, const char *path, enum path_type type, const char *real)
{
	exists(m, path, type, real);
	m->err = (struct error){ 0 };
	bool good = later_allows(&m->made, &m->facts, path, &m->err) == 0;
	if (!good && (!strstr(m->err.what, path) || m->err.kind != ERROR_USAGE))
		fail("the refusal names %s: %s", path, m->err.what);
	return good;
}

static void allowed(void)
{
	static const char *const good[] = {
		"/home/me/docs", "/home/me/.config/some-server", "/srv/data", "/opt/x", "/mnt/disk", "/var/lib/thing", "/tmp/work",
		"/run/media/me/stick", "/etc/server.conf", "/home/me/.ssh2", "/home/you/shared",
	};
	static const char *const bad[] = {
		"/", "/home", "/proc", "/proc/1", "/sys", "/dev/shm", "/run", "/run/user/1000", "/run/user/1000/mcpcage", "/run/dbus",
		"/run/media", "/var/run", "/tmp", "/var", "/etc", "/root", "/home/you", "/home/me", "/home/me/.config", "/home/me/.local",
		"/home/me/.ssh", "/home/me/.ssh/id_ed25519", "/home/me/.claude.json", "/home/me/.mozilla", "/home/me/.bashrc",
		"/home/me/.local/state/mcpcage", "/elsewhere/state", "/elsewhere/state/pins", "/elsewhere", "/rt/mcpcage", "/rt",
	};
	static const enum path_type types[] = { PATH_SOCKET, PATH_DEVICE, PATH_OTHER, PATH_MISSING, PATH_DENIED };
	struct machine m;

	me(&m);
	strlist_add(&m.facts.protect, "/rt/mcpcage");
	make_with(&m, "--state", "/elsewhere/state");
	/* As the helper has it. */
	strlist_free(&m.facts.protect);
	strlist_copy(&m.facts.protect, &m.made.later.protect);
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		ok(allows(&m, good[i], PATH_DIR, NULL), "allowed: %s", good[i]);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		ok(!allows(&m, bad[i], PATH_DIR, NULL), "refused: %s", bad[i]);
		ok(!allows(&m, "/srv/link", PATH_DIR, bad[i]), "refused: a symlink to %s", bad[i]);
	}
	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		ok(!allows(&m, "/srv/kind", types[i], NULL), "refused: type %d", (int)types[i]);
	bool all = true;
	for (size_t i = 0; i < protect_entries_n; i++) {
		char path[256];
		snprintf(path, sizeof path, "/home/me/%s", protect_entries[i].path);
		all = !allows(&m, path, PATH_DIR, NULL) && all;
		missing(&m, path);
	}
	ok(all, "refused: every protected place");
	machine_end(&m);
}

static void hosts(void)
{
	static const struct {
		const char *text, *rule; /* NULL: refused */
	} rows[] = {
		{ "api.example.org", "api.example.org:443" }, { "API.Example.org.:443", "api.example.org:443" },
		{ "*.example.org:8443", "*.example.org:8443" }, { "api.example.org:80", NULL }, { "192.0.2.7", NULL },
		{ "10.0.0.0/8", NULL }, { "[2001:db8::1]:443", NULL }, { "no host", NULL }, { "", NULL }, { "a..b", NULL },
	};
	char rule[HOST_TEXT_SIZE];
	struct machine m;

	me(&m);
	make_with(&m, NULL);
	ok(later_may_host(&m.made, 1000, &m.err) < 0 && strstr(m.err.hint, "--grant-hosts"), "without a network: %s", m.err.what);
	make_with(&m, "--grant-hosts", NULL);
	ok(m.made.network == NETWORK_NAMES && later_may_host(&m.made, 1000, &m.err) == 0, "made ready for it");
	make_with(&m, "--network", "host");
	ok(later_may_host(&m.made, 1000, &m.err) < 0, "with the host's: %s", m.err.what);
	make_with(&m, "--allow-host", "one.example:8443");
	ok(later_may_host(&m.made, 1000, &m.err) == 0 && later_may_host(&m.made, 3600001, &m.err) < 0, "with names: %s", m.err.what);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		bool good = later_host(&m.made, rows[i].text, rule, &m.err) == 0;
		ok(good == (rows[i].rule != NULL) && (!good || strncmp(rule, rows[i].rule, strcspn(rows[i].rule, ":")) == 0), "\"%s\": %s", rows[i].text,
		   good ? rule : m.err.what);
	}
	m.policy.hosts_locked = true;
	m.policy.names.unknown = UNKNOWN_ASK;
	make(&m);
	ok(m.made.names.unknown == UNKNOWN_DENY && has_line(&m.made.notes, "nobody is asked"), "nobody is asked about what is locked");
	ok(later_may_host(&m.made, 1000, &m.err) < 0 && strstr(m.err.what, "administrator"), "locked hosts hold: %s", m.err.what);
	ok(later_may_path(&m.made, 1000, &m.err) == 0, "and for nothing else");
	machine_end(&m);
}

static void symlinks(void)
{
	struct machine m;

	me(&m);
	exists(&m, "/srv/work", PATH_DIR, NULL);
	make_with(&m, "--rw", "/srv/work");
	exists(&m, "/srv/work/a", PATH_DIR, "/home/me/private");
	struct path_fact *f = &m.facts.paths[m.facts.paths_n - 1];
	strlist_add(&f->links, "/srv/work/a");
	strlist_add(&f->links, "/home/me/private");
	ok(later_allows(&m.made, &m.facts, "/srv/work/a", &m.err) < 0 && strstr(m.err.what, "where the server may write"),
	   "a symlink where the server writes: %s", m.err.what);
	machine_end(&m);
}

static void placed(struct machine *m, const char *real, bool directory, const char *dest, const char *base, const char *link)
{
	struct later_place p;

	if (later_place(&m->made, real, directory, 7, &p, &m->err) < 0) {
		fail("%s: %s", real, m->err.what);
		return;
	}
	ok(strcmp(p.dest, dest) == 0 && strncmp(p.apart, LATER_FOLDER "/7/", strlen(LATER_FOLDER "/7/")) == 0 &&
	   (base ? p.base && strcmp(p.base, base) == 0 : !p.base) && (link ? p.link && strcmp(p.link, link) == 0 : !p.link),
	   "%s is at %s (%s, %s)", real, p.dest, p.base ? p.base : "-", p.link ? p.link : "-");
	later_place_free(&p);
}

static void places(void)
{
	struct machine m;
	struct later_place p;

	me(&m);
	exists(&m, "/srv/data", PATH_DIR, NULL);
	exists(&m, "/srv/other", PATH_DIR, NULL);
	make_with(&m, "--ro", "/srv/data", "--ro", "/srv/other:/srv/shown", "--tmpfs", "/scratch");
	placed(&m, "/home/me/docs", true, "/home/me/docs", "/home/me", NULL);
	placed(&m, "/home/me/a/b/c", true, "/home/me/a/b/c", "/home/me", NULL);
	placed(&m, "/home/me/note", false, "/run/grants/7/note", "/home/me", "/home/me/note");
	placed(&m, "/tmp/work", true, "/tmp/work", "/tmp", NULL);
	placed(&m, "/scratch/x", true, "/scratch/x", "/scratch", NULL);
	placed(&m, "/scratch", true, "/run/grants/7/scratch", NULL, NULL);
	placed(&m, "/srv/more", true, "/run/grants/7/more", NULL, "/srv/more");
	placed(&m, "/opt/tool", false, "/run/grants/7/tool", NULL, "/opt/tool");
	placed(&m, "/srv/shown/x", true, "/run/grants/7/x", NULL, NULL);
	ok(later_place(&m.made, "/srv/data", true, 7, &p, &m.err) < 0 && strstr(m.err.what, "already"), "what is granted: %s", m.err.what);
	ok(later_place(&m.made, "/srv/data/in", true, 7, &p, &m.err) < 0, "what is in it");
	ok(later_place(&m.made, "/usr/share/x", true, 7, &p, &m.err) < 0, "what is the system's");
	machine_end(&m);

	me(&m);
	m.facts.pins_key = strdup("server-1");
	make_with(&m, "--home", "keep");
	placed(&m, "/home/me/docs", true, "/home/me/docs", "/home/me", NULL);
	machine_end(&m);
}

int main(void)
{
	times();
	allowed();
	hosts();
	symlinks();
	places();
	return done_testing();
}
