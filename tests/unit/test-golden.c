/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whole plans of made-up machines, in all their forms, compared with what is kept in tests/unit/golden/.
 * MCPCAGE_UPDATE_GOLDEN=1 writes the files anew: read the difference before committing it.
 */
#include "plan-fixture.h"

#include <sys/stat.h>

static void compare(const char *name, const char *suffix, struct buf *got)
{
	const char *source = getenv("top_srcdir");
	char path[512], want[65536];

	snprintf(path, sizeof path, "%s/tests/unit/golden/%s.%s", source ? source : ".", name, suffix);
	if (getenv("MCPCAGE_UPDATE_GOLDEN")) {
		FILE *f = fopen(path, "we");
		if (!f || fwrite(got->p, 1, got->n, f) != got->n || fclose(f) != 0)
			bail_out("%s: %s", path, strerror(errno));
	}
	FILE *f = fopen(path, "re");
	size_t n = f ? fread(want, 1, sizeof want, f) : 0;
	if (f)
		fclose(f);
	is_mem(got->p, got->n, want, n, "%s.%s", name, suffix);
	buf_clear(got);
}

static void write_golden(struct machine *m, const char *name)
{
	struct buf out = { 0 };

	if (make(m) < 0) {
		fail("%s: %s", name, m->err.what);
		return;
	}
	plan_print(&m->made, &out);
	compare(name, "print", &out);
	plan_explain(&m->made, &out);
	compare(name, "explain", &out);
	plan_json(&m->made, &out);
	buf_putc(&out, '\n');
	compare(name, "json", &out);
	buf_free(&out);
}

static void golden(struct machine *m, const char *name, const char *const *options)
{
	policy_free(&m->policy);
	policy_of(m, options);
	write_golden(m, name);
}

#define options(...) (const char *const[]){ __VA_ARGS__, NULL, NULL }

/* The everyday case: a node project in the home folder, a folder as its argument. */
static void node_project(void)
{
	static char *environ_[] = { (char *)"LANG=en_GB.UTF-8", (char *)"TERM=xterm", (char *)"TOKEN=x", NULL };
	struct machine m;

	machine_start(&m, 1000, "me", "/home/me");
	m.facts.environ_ = environ_;
	script(&m, "/home/me/src/files-server/dist/index.js");
	exists(&m, "/home/me/src/files-server", PATH_DIR, NULL);
	exists(&m, "/home/me/docs", PATH_DIR, NULL);
	missing(&m, "/home/me/notes");
	needs(&m, "/home/me/src/files-server", "the server's project (package.json)");
	strlist_add(&m.facts.target.notes, "node is /usr/bin/node, found in PATH");
	argument(&m, "/home/me/docs");
	argument(&m, "--notes=/home/me/notes");
	golden(&m, "node-project", options(NULL));
	machine_end(&m);
}

/* Root, on a machine that has little, with rules on tools. */
static void root_binary(void)
{
	struct machine m;

	machine_start(&m, 0, "root", "/root");
	m.facts.layers = LAYERS_ALWAYS | LAYER_LANDLOCK;
	m.facts.landlock_abi = 3;
	m.facts.target.kind = TARGET_BINARY;
	free(m.facts.target.exe);
	m.facts.target.exe = strdup("/opt/tools/bin/server");
	strlist_free(&m.facts.target.argv);
	strlist_add(&m.facts.target.argv, "/opt/tools/bin/server");
	strlist_add(&m.facts.target.argv, "--token=abc");
	exists(&m, "/opt/tools", PATH_DIR, NULL);
	needs(&m, "/opt/tools", "the program's installation");
	golden(&m, "root-binary",
	       options("--allow-tool", "read_*", "--deny-tool", "read_secret", "--memory", "unlimited", "--call-timeout",
		       "90s", "--audit", "off", "--unix-sockets", NULL));
	machine_end(&m);
}

/* A virtual environment whose interpreter lies elsewhere, and a writable folder at another place. */
static void python_venv(void)
{
	struct machine m;

	machine_start(&m, 1000, "me", "/home/me");
	m.facts.target.kind = TARGET_PYTHON;
	free(m.facts.target.exe);
	m.facts.target.exe = strdup("/home/me/.pyenv/versions/3.12.1/bin/python3.12");
	strlist_free(&m.facts.target.argv);
	strlist_add(&m.facts.target.argv, "/home/me/srv/.venv/bin/python");
	strlist_add(&m.facts.target.argv, "-m");
	strlist_add(&m.facts.target.argv, "my_server");
	m.facts.target.args_from = 3;
	strlist_add(&m.facts.target.links, "/home/me/.pyenv/current");
	strlist_add(&m.facts.target.links, "versions/3.12.1");
	exists(&m, "/home/me/srv", PATH_DIR, NULL);
	exists(&m, "/home/me/.pyenv/versions/3.12.1", PATH_DIR, NULL);
	exists(&m, "/disk/data", PATH_DIR, NULL);
	exists(&m, "/home/me/data", PATH_DIR, "/disk/data");
	needs(&m, "/home/me/srv", "the project around its virtual environment");
	needs(&m, "/home/me/.pyenv/versions/3.12.1", "python's installation");
	argument(&m, "/home/me/data");
	golden(&m, "python-venv", options("--args", "rw", "--rw", "/disk/data:/srv/db", "--tmpfs", "/scratch"));
	machine_end(&m);
}

/* Nearly everything opened: what is hidden, and what is warned of. */
static void wide_open(void)
{
	struct machine m;

	machine_start(&m, 1000, "me", "/home/me");
	m.facts.layers &= ~(unsigned)LAYER_CGROUP;
	exists(&m, "/home/me", PATH_DIR, NULL);
	exists(&m, "/home/me/.ssh", PATH_DIR, NULL);
	exists(&m, "/home/me/.aws", PATH_DIR, NULL);
	exists(&m, "/home/me/.bashrc", PATH_FILE, NULL);
	exists(&m, "/home/me/.config/mcpcage", PATH_DIR, NULL);
	exists(&m, "/home/me/srv", PATH_DIR, NULL);
	exists(&m, "/etc/hosts", PATH_FILE, NULL);
	exists(&m, "/etc/resolv.conf", PATH_FILE, "/run/resolvconf/resolv.conf");
	script(&m, "/home/me/srv/server.mjs");
	needs(&m, "/home/me/srv", "the server's project (package.json)");
	golden(&m, "wide-open",
	       options("--ro", "~", "--ro", "~/.aws", "--rw", "~/srv", "--network", "host", "--apparmor", "mcp", "--require",
		       "landlock"));
	machine_end(&m);
}

/* Make FOLDER, with a policy file in it: it has to be where nobody else may write. */
static void write_policy(char *folder, char *path, size_t size, const char *text)
{
	if (!mkdtemp(folder))
		bail_out("mkdtemp: %s", strerror(errno));
	snprintf(path, size, "%s/policy.json", folder);
	FILE *f = fopen(path, "wex");
	if (!f || fputs(text, f) < 0 || fclose(f) != 0 || chmod(path, 0644) < 0)
		bail_out("%s: %s", path, strerror(errno));
}

/* Everything that can be said of messages. */
static void mediated(void)
{
	static const char text[] =
		"{\"tools\":{\"deny\":[\"delete_*\"],\"ask\":[\"move_*\"],\"ask_first_use\":true,\"default\":\"ask\",\"rules\":["
		"{\"tool\":\"read_*\",\"verdict\":\"allow\",\"rate\":\"60/min\",\"concurrency\":4},"
		"{\"tool\":\"write_file\",\"verdict\":\"ask\",\"timeout\":\"10s\",\"result_size\":\"64K\",\"reason\":\"it \\u2066writes\","
		"\"arguments\":{\"required\":[\"path\"],\"properties\":{\"path\":{\"within\":[\"~/docs\"]}}}},"
		"{\"tool\":\"write_*\",\"verdict\":\"deny\"}]},"
		"\"pins\":{\"mode\":\"review\",\"name\":\"files\"},\"schema\":{\"formats\":true,\"unchecked\":true},"
		"\"methods\":{\"forward\":[\"x/*\"]},\"text\":{\"rules\":[\"/srv/rules.json\"],\"actions\":{\"url-*\":\"redact\"}},"
		"\"client\":{\"sampling\":\"ask\",\"elicitation\":\"allow\",\"roots\":true,\"tasks\":false},"
		"\"alarms\":{\"calls\":\"2/s\",\"bytes\":\"64M\",\"denials\":5,\"action\":\"hold\"}}";
	struct machine m;

	machine_start(&m, 1000, "me", "/home/me");
	exists(&m, "/home/me/docs", PATH_DIR, NULL);
	exists(&m, "/home/me/list.txt", PATH_FILE, NULL);
	argument(&m, "/home/me/list.txt");
	char folder[] = "/tmp/mcpcage-golden-XXXXXX", path[64];
	write_policy(folder, path, sizeof path, text);
	policy_of(&m, options("--policy", path, "--rw", "~/docs", "--filter-command", "/usr/bin/judge --fast", "--ask-with",
			      "/usr/bin/ask-me", "--alarm-command", "/usr/bin/logger -t mcp"));
	for (size_t i = 0; i < m.policy.mediation.rules_n; i++) {
		free(m.policy.mediation.rules[i].origin);
		m.policy.mediation.rules[i].origin = strdup("/etc/mcpcage/policy.json");
	}
	m.policy.mediation.rules[2].stage = 1;
	m.policy.mediation.stage_default[0] = TOOL_ASK;
	write_golden(&m, "mediated");
	unlink(path);
	rmdir(folder);
	machine_end(&m);
}

/* Refusals, in the words that a user reads. */
/* A home that is kept, with a folder and a symlink of the user's shown in it. */
static void kept_home(void)
{
	struct machine m;

	machine_start(&m, 1000, "me", "/home/me");
	script(&m, "/opt/server/index.js");
	needs(&m, "/opt/server", "the server's project (package.json)");
	exists(&m, "/opt/server", PATH_DIR, NULL);
	exists(&m, "/home/me/docs", PATH_DIR, "/srv/docs");
	exists(&m, "/home/me/notes", PATH_DIR, NULL);
	m.facts.pins_key = strdup("server-0123456789ab");
	golden(&m, "kept-home", options("--home", "30d", "--ro", "/home/me/docs", "--rw", "/home/me/notes"));
	is_int(plan_home_is(&m.made, "/real/files", 3, 4, &m.err), 0, "it turns out to be somewhere");
	size_t kept = 0;
	for (size_t i = 0; i < m.made.mounts_n; i++) {
		const struct plan_mount *mount = &m.made.mounts[i];
		kept += mount->kept && mount->dev == 3 && mount->ino == 4 && strcmp(mount->src, "/real/files") == 0;
	}
	is_int((intmax_t)kept, 1, "and the plan says so");
	machine_end(&m);
}

/* No namespaces, and the policy says that one may go without. */
static void reduced(void)
{
	struct machine m;

	machine_start(&m, 1000, "me", "/home/me");
	without_namespaces(&m);
	script(&m, "/opt/server/index.js");
	needs(&m, "/opt/server", "the server's project (package.json)");
	exists(&m, "/opt/server", PATH_DIR, NULL);
	exists(&m, "/home/me/docs", PATH_DIR, "/srv/docs");
	golden(&m, "reduced", options("--reduced", "yes", "--rw", "/home/me/docs"));
	machine_end(&m);
}

static void refused(void)
{
	static const struct {
		const char *option, *value, *argument;
		unsigned without;
	} cases[] = {
		{ "--ro", "/", NULL, 0 },
		{ "--ro", "/run/user/1000", NULL, 0 },
		{ "--ro", "/srv/socket", NULL, 0 },
		{ "--ro", "/srv/missing", NULL, 0 },
		{ "--rw", "~", NULL, 0 },
		{ "--rw", "/usr/share", NULL, 0 },
		{ "--rw", "~/.config/mcpcage", NULL, 0 },
		{ "--ro", "/srv/data:/usr/data", NULL, 0 },
		{ "--ro", "/srv/data:/proc", NULL, 0 },
		{ NULL, NULL, "/", 0 },
		{ NULL, NULL, "/home/me", 0 },
		{ NULL, NULL, "/home/you/docs", 0 },
		{ NULL, NULL, "--keys=/home/me/.ssh", 0 },
		{ NULL, NULL, "/home/me/.config", 0 },
		{ NULL, NULL, "/home/me/.mozilla/firefox", 0 },
		{ NULL, NULL, "/etc/shadow", 0 },
		{ NULL, NULL, "/srv/socket", 0 },
		{ "--require", "landlock", NULL, LAYER_LANDLOCK },
		{ "--require", "cgroup", NULL, LAYER_CGROUP },
		{ "--apparmor", "mcp", NULL, LAYER_APPARMOR },
		{ NULL, NULL, NULL, LAYER_USERNS },
	};
	static const char *const folders[] = { "/", "/run/user/1000", "/home/me", "/usr/share", "/srv/data", "/home/you/docs",
					       "/home/me/.ssh", "/home/me/.config", "/home/me/.config/mcpcage",
					       "/home/me/.mozilla/firefox" };
	struct buf out = { 0 };

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct machine m;
		machine_start(&m, 1000, "me", "/home/me");
		for (size_t f = 0; f < sizeof folders / sizeof *folders; f++)
			exists(&m, folders[f], PATH_DIR, NULL);
		exists(&m, "/etc/shadow", PATH_FILE, NULL);
		exists(&m, "/srv/socket", PATH_SOCKET, NULL);
		m.facts.layers &= ~cases[i].without;
		if (cases[i].argument)
			argument(&m, cases[i].argument);
		int rc = make_with(&m, cases[i].option, cases[i].value);
		is_int(rc, -1, "refused: %s %s", cases[i].option ? cases[i].option : "argument",
		       cases[i].value ? cases[i].value : cases[i].argument ? cases[i].argument : "");
		buf_printf(&out, "%s\n  %s\n", m.err.what, m.err.hint);
		machine_end(&m);
	}
	compare("refused", "txt", &out);
	buf_free(&out);
}

int main(void)
{
	node_project();
	root_binary();
	python_venv();
	wide_open();
	mediated();
	kept_home();
	reduced();
	refused();
	return done_testing();
}
