/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Policies out of layers: order, locks, extends, positions of errors, and who may write the files. */
#include "policy-fixture.h"

#include "base/buf.h"
#include "base/path.h"
#include "policy/value.h"

static bool has_env(const struct policy *policy, const char *name, const char *value)
{
	for (size_t i = 0; i < policy->env_n; i++)
		if (strcmp(policy->env[i].name, name) == 0)
			return (!value && !policy->env[i].value) ||
			       (value && policy->env[i].value && strcmp(value, policy->env[i].value) == 0);
	return false;
}

static bool has_grant(const struct policy *policy, const char *source, const char *dest, bool write)
{
	for (size_t i = 0; i < policy->grants_n; i++)
		if (strcmp(policy->grants[i].source, source) == 0 && strcmp(policy->grants[i].dest, dest) == 0 &&
		    policy->grants[i].write == write)
			return true;
	return false;
}

/* Back to empty layers. */
static void reset(void)
{
	static const char *const files[] = {
		"etc/policy.json", "user/policy.json", "etc/profiles/binary.json", "user/profiles/binary.json",
		"etc/profiles/web.json", "user/profiles/web.json", "pkg/profiles/web.json", "user/profiles/a.json",
		"user/profiles/b.json", "extra.json", "other.json",
	};

	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		drop(files[i]);
	put("pkg/profiles/base.json", "{}");
	put("pkg/profiles/binary.json", "{}");
}

static void defaults(void)
{
	struct policy policy;

	is_int(build(&policy, NULL), 0, "empty layers");
	is_int(policy.memory, 2LL << 30, "memory");
	is_int(policy.swap, 0, "swap");
	is_int(policy.tasks, 256, "tasks");
	is_int(policy.cpu, 0, "no limit of processor time");
	is_int(policy.io, 0, "no limit of disks");
	is_int(policy.open_files, 4096, "open files");
	is_int(policy.file_size, 0, "no limit of a file");
	is_int(policy.message_size, 10 << 20, "message size");
	is_int(policy.call_timeout, 300000, "call timeout");
	is_int(policy.idle_timeout, 0, "no idle timeout");
	is_int(policy.session_timeout, 0, "no session timeout");
	is_int(policy.home_size, 256 << 20, "home");
	is_int((intmax_t)policy.home_keep, 0, "that ends with the session");
	is_int(policy.tmp_size, 256 << 20, "tmp");
	is_int(policy.network, NETWORK_NONE, "no network");
	is_int(policy.args, ARGS_RO, "arguments read-only");
	ok(!policy.unix_sockets && !policy.mediation.tools_allow_set && !policy.audit && !policy.state && !policy.apparmor,
	   "nothing else");
	is_int(policy.layers.n, 2, "base and the profile of the kind");
	policy_free(&policy);
}

static void order(void)
{
	struct policy policy;

	/* Each layer sets its own number and the next one's as well, so that each step is seen to win. */
	put("pkg/profiles/base.json", "{\"limits\":{\"tasks\":101,\"open_files\":1101}, \"files\":{\"read\":[\"/a1\"]}}");
	put("pkg/profiles/binary.json", "{\"limits\":{\"open_files\":1102,\"memory\":\"102M\"}, \"files\":{\"read\":[\"/a2\"]}}");
	put("etc/policy.json", "{\"limits\":{\"memory\":\"103M\",\"swap\":\"103M\"}, \"files\":{\"read\":[\"/a3\"]}}");
	put("etc/profiles/binary.json", "{\"limits\":{\"swap\":\"104M\",\"cpu\":\"104%\"}, \"files\":{\"read\":[\"/a4\"]}}");
	put("user/policy.json", "{\"limits\":{\"cpu\":\"105%\",\"file_size\":\"105M\"}, \"files\":{\"read\":[\"/a5\"]}}");
	put("user/profiles/binary.json",
	    "{\"limits\":{\"file_size\":\"106M\",\"call_timeout\":\"106s\"}, \"files\":{\"read\":[\"/a6\"]}}");
	const char *extra = put("extra.json", "{\"limits\":{\"call_timeout\":\"107s\",\"idle_timeout\":\"107s\"},"
					      "\"files\":{\"read\":[\"/a7\",\"/a1\"]}}");
	if (!is_int(build(&policy, "--policy", extra, "--idle-timeout", "108s", "--ro", "/a8"), 0, "all layers")) {
		diag("%s", built_error.what);
		return;
	}
	is_int(policy.tasks, 101, "base");
	is_int(policy.open_files, 1102, "the shipped profile over base");
	is_int(policy.memory, 103 << 20, "the administrator's policy over the profile");
	is_int(policy.swap, 104 << 20, "the administrator's profile over that");
	is_int(policy.cpu, 105, "the user's policy over that");
	is_int(policy.file_size, 106 << 20, "the user's profile over that");
	is_int(policy.call_timeout, 107000, "--policy over that");
	is_int(policy.idle_timeout, 108000, "options over all");
	is_int(policy.grants_n, 8, "lists add up, once each");
	is_str(policy.grants[0].source, "/a1", "in order: first");
	is_str(policy.grants[7].source, "/a8", "in order: last");
	is_str(policy.grants[7].origin, "--ro", "an option is its own origin");
	ok(strstr(policy.grants[2].origin, "/etc/policy.json"), "a file is its own origin");
	is_int(policy.layers.n, 7, "every file is listed");
	ok(strstr(policy.layers.v[0], "pkg/profiles/base.json") && strstr(policy.layers.v[6], "extra.json"),
	   "in the order in which they were read");
	policy_free(&policy);
	reset();
}

static void profiles(void)
{
	struct policy policy;

	put("pkg/profiles/node.json", "{\"limits\":{\"tasks\":11}}");
	put("pkg/profiles/python.json", "{\"limits\":{\"tasks\":12}}");
	put("pkg/profiles/binary.json", "{\"limits\":{\"tasks\":13}}");
	is_int(build_kind(TARGET_NODE, (const char *const[]){ NULL }, &policy), 0, "node");
	is_int(policy.tasks, 11, "node's profile");
	policy_free(&policy);
	is_int(build_kind(TARGET_PYTHON, (const char *const[]){ NULL }, &policy), 0, "python");
	is_int(policy.tasks, 12, "python's profile");
	policy_free(&policy);
	is_int(build_kind(TARGET_SCRIPT, (const char *const[]){ NULL }, &policy), 0, "a shell script");
	is_int(policy.tasks, 13, "the profile for programs");
	policy_free(&policy);
	is_int(build(&policy, "--profile", "python"), 0, "--profile NAME");
	is_int(policy.tasks, 12, "instead of the kind's");
	policy_free(&policy);

	const char *file = put("extra.json", "{\"limits\":{\"open_files\":2000}}");
	is_int(build(&policy, "--profile", file), 0, "--profile FILE");
	is_int(policy.open_files, 2000, "is read");
	is_int(policy.tasks, 256, "instead of the kind's");
	policy_free(&policy);

	put("user/profiles/web.json", "{\"extends\":\"python\",\"limits\":{\"open_files\":3000}}");
	is_int(build(&policy, "--profile", "web"), 0, "a profile of the user's");
	is_int(policy.open_files, 3000, "is read");
	is_int(policy.tasks, 12, "after what it extends");
	policy_free(&policy);

	put("user/policy.json", "{\"extends\":[\"node\",\"python\"]}");
	is_int(build(&policy, NULL), 0, "a list of names");
	is_int(policy.tasks, 12, "the last one wins");
	policy_free(&policy);
	put("user/policy.json", "{\"extends\":[\"binary\"], \"limits\":{\"tasks\":14}}");
	is_int(build(&policy, NULL), 0, "what was read already");
	is_int(policy.tasks, 14, "is not read again");
	is_int(policy.layers.n, 3, "and listed once");
	policy_free(&policy);

	put("user/policy.json", "{\n  \"extends\": \"nothing\"}");
	refuses("user/policy.json:2:14: there is no profile \"nothing\"", "", NULL);
	put("user/policy.json", "{\"extends\":\"../../etc/passwd\"}");
	refuses("is no name of a profile", "letters", NULL);
	put("user/policy.json", "{\"extends\":7}");
	refuses("user/policy.json:1:12: extends: a name or a list of names is expected here", "", NULL);
	drop("user/policy.json");
	refuses("--profile: \"a b\" is no name", "", "--profile", "a b");
	refuses("there is no profile \"nothing\"", "profiles are looked for in", "--profile", "nothing");
	refuses("given twice", "extends", "--profile", "node", "--profile", "python");
	refuses("there is no policy file /proj/here/none.json", "", "--policy", "none.json");
	refuses("there is no policy file /proj/here/none.json", "", "--profile", "none.json");

	put("user/profiles/a.json", "{\"extends\":\"b\"}");
	put("user/profiles/b.json", "{\"extends\":\"a\"}");
	refuses("a.json extends itself", "same name", "--profile", "a");
	char name[64], content[64];
	for (int i = 0; i < 10; i++) {
		snprintf(name, sizeof name, "user/profiles/d%d.json", i);
		snprintf(content, sizeof content, "{\"extends\":\"d%d\"}", i + 1);
		put(name, i < 9 ? content : "{}");
	}
	refuses("extend each other more than 8 deep", "", "--profile", "d0");
	is_int(build(&policy, "--profile", "d3"), 0, "7 deep");
	policy_free(&policy);

	/* An administrator's file does not reach into the user's folder. */
	put("user/profiles/web.json", "{}");
	put("etc/policy.json", "{\"extends\":\"web\"}");
	refuses("there is no profile \"web\"", "", NULL);
	drop("pkg/profiles/base.json");
	refuses("base.json", "install it again", NULL);
	put("pkg/profiles/node.json", "{}");
	put("pkg/profiles/python.json", "{}");
	reset();
}

static void positions(void)
{
	static const struct {
		const char *text, *what, *hint;
	} cases[] = {
		{ "{", "user/policy.json:1:", "" },
		{ "{\"files\":{}} x", "user/policy.json:1:14: end of file expected", "" },
		{ "{\"files\":{\"args\":\"ro\",\"args\":\"rw\"}}", "duplicate object key", "" },
		{ "[]", "user/policy.json:1:1: a policy file is one JSON object", "" },
		{ "", "user/policy.json:1:", "" },
		{ "{\n\t\"fils\": {}\n}", "user/policy.json:2:2: unknown key \"fils\"", "did you mean \"files\"?" },
		{ "{\n  \"files\": {\n    \"raed\": []\n  }\n}", "user/policy.json:3:5: unknown key \"files.raed\"",
		  "did you mean \"read\"?" },
		{ "{\"files\":{\"memory\":1}}", "unknown key \"files.memory\"", "did you mean \"limits.memory\"?" },
		{ "{\"memory\":1}", "unknown key \"memory\"", "did you mean \"limits.memory\"?" },
		{ "{\"files.read\":[]}", "unknown key \"files.read\"", "" },
		{ "{\"zzz\":1}", "unknown key \"zzz\"", "mcpcage-policy(5)" },
		{ "{\"limits\":{\"memory\":{\"x\":1}}}", "user/policy.json:1:21: limits.memory: a size", "" },
		{ "{\"limits\":{\n\"memory\" : \"5Q\"}}", "user/policy.json:2:12: limits.memory: \"5Q\"", "512M" },
		{ "{\"limits\":{\"memory\":-5}}", "limits.memory: a negative number", "" },
		{ "{\"limits\":{\"memory\":1.5}}", "limits.memory: a size", "" },
		{ "{\"limits\":{\"memory\":null}}", "limits.memory: a size", "" },
		{ "{\"limits\":{\"memory\":99999999999999999999}}", "user/policy.json:1:", "" },
		{ "{\"limits\":{\"call_timeout\":30}}", "limits.call_timeout: a time such as \"30s\"", "" },
		{ "{\"limits\":[]}", "user/policy.json:1:11: limits: an object is expected", "" },
		{ "{\"files\":{\"read\":\"/x\"}}", "user/policy.json:1:18: files.read: a list of strings", "" },
		{ "{\"files\":{\"read\":[\"/x\",\n \"/y\", 7]}}", "user/policy.json:2:8: files.read: a string", "" },
		{ "{\"files\":{\"read\":[\"/x\", \"y\"]}}", "user/policy.json:1:25: files.read: a relative path", "" },
		/* Columns count characters; escapes in keys and strings do not confuse the walk. */
		{ "{\"description\":\"\xc3\xa4\xe2\x82\xac \\\" } ] , {\", \"x\":1}", "user/policy.json:1:33: unknown key \"x\"", "" },
		{ "{\"fi\\u006ces\":{\"re\\u0061d\":[\"[\\\\\", 1]}}", "user/policy.json:1:29: files.read: a relative", "" },
		{ "{\"tools\":{\"allow\":[\"\"]}}", "tools.allow: an empty name", "" },
		{ "{\"network\":{\"mode\":\"Host\"}}", "network.mode: \"Host\"", "one of: none, names, host" },
		{ "{\"network\":{\"mode\":true}}", "network.mode: a string", "" },
		{ "{\"confine\":{\"unix_sockets\":1}}", "confine.unix_sockets: true or false", "" },
		{ "{\"confine\":{\"require\":[\"landlok\"]}}", "confine.require: \"landlok\"", "landlock" },
		{ "{\"confine\":{\"apparmor\":\"a b\"}}", "confine.apparmor: no name of a profile", "" },
		{ "{\"env\":{\"A\":1}}", "user/policy.json:1:13: A: a string, true, false or {\"home\": PATH}", "" },
		{ "{\"env\":{\"A B\":\"x\"}}", "user/policy.json:1:9: env: no name of a variable", "" },
		{ "{\"env\":[]}", "env: an object of names", "" },
		{ "{\"description\":7}", "description: a string", "" },
		{ "{\"lock\":[]}", "user/policy.json:1:2: lock: only an administrator's file", "" },
		{ "{\"state\":{\"dir\":\"here\"}}", "state.dir: a relative path", "" },
		{ "{\"audit\":{\"file\":\"~x\"}}", "audit.file: another user's home", "" },
		{ "{\"limits\":{\"memory\":1\x01}}", "user/policy.json:1:", "" },
		{ "\xef\xbb\xbf{}", "user/policy.json:1:", "" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		put("user/policy.json", cases[i].text);
		refuses(cases[i].what, cases[i].hint, NULL);
	}
	/* A NUL after a number would be taken for its end. */
	char path[128];
	snprintf(path, sizeof path, "%s/user/policy.json", fix.root);
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	static const char text[] = "{\"limits\":{\"tasks\":64\0}}";
	if (fd < 0 || write(fd, text, sizeof text - 1) != sizeof text - 1)
		bail_out("%s: %s", path, strerror(errno));
	refuses("zero byte", "", NULL);
	if (ftruncate(fd, (1 << 20) + 1) < 0)
		bail_out("ftruncate: %s", strerror(errno));
	refuses("larger than 1 MiB", "", NULL);
	close(fd);
	reset();
}

static void options(void)
{
	struct policy policy;

	is_int(build(&policy, "--env", "A=1", "--env", "A", "--env", "B=2", "--tmpfs", "/scratch", "--require", "landlock",
		     "--require", "audit", "--unix-sockets", NULL, "--deny-tool", "rm*", "--apparmor", "srv", "--network",
		     "host", "--args", "off", "--audit", "log.jsonl", "--state", "/var/lib/x", "--rw", "out:/out"),
	       0, "options");
	ok(has_env(&policy, "A", NULL) && has_env(&policy, "B", "2"), "environment; the later one wins");
	is_str(policy.tmpfs.v[0], "/scratch", "tmpfs");
	is_int(policy.require, LAYER_LANDLOCK | LAYER_AUDIT | LAYER_APPARMOR, "layers; a named profile is required");
	ok(policy.unix_sockets && policy.network == NETWORK_HOST && policy.args == ARGS_OFF, "switches");
	ok(!policy.mediation.tools_allow_set && strlist_has(&policy.mediation.tools_deny, "rm*"), "tools");
	is_str(policy.audit, "/proj/here/log.jsonl", "audit");
	is_str(policy.state, "/var/lib/x", "state");
	ok(has_grant(&policy, "/proj/here/out", "/out", true), "grant");
	policy_free(&policy);
	refuses("--audit", "", "--audit", "");
	refuses("--memory: \"x\"", "", "--memory", "x");
	refuses("--ro needs a value: PATH[:DEST]", "", "--ro", NULL);
	refuses("the audit log is required and switched off", "", "--audit", "off", "--require", "audit");
	put("user/policy.json", "{\"tools\":{\"allow\":[]}}");
	is_int(build(&policy, NULL), 0, "an empty list of tools");
	ok(policy.mediation.tools_allow_set && policy.mediation.tools_allow.n == 0, "allows none");
	policy_free(&policy);
	put("user/policy.json", "{\"env\":{\"A\":\"1\",\"B\":true,\"C\":\"\"}}");
	put("user/profiles/binary.json", "{\"env\":{\"A\":false,\"D\":false}}");
	is_int(build(&policy, NULL), 0, "environment of files");
	ok(policy.env_n == 2 && has_env(&policy, "B", NULL) && has_env(&policy, "C", ""), "false takes away");
	policy_free(&policy);
	reset();
}

/* What the administrator locked: the later value is accepted, or refused. */
static void lock_accepts(const char *admin, const char *user, const char *what)
{
	struct policy policy;

	put("etc/policy.json", admin);
	put("user/policy.json", user);
	int rc = build(&policy, NULL);
	ok(rc == 0, "tightening: %s", what);
	if (rc < 0)
		diag("%s", built_error.what);
	policy_free(&policy);
}

static void lock_refuses(const char *admin, const char *user, const char *what)
{
	put("etc/policy.json", admin);
	put("user/policy.json", user);
	diag("%s", what);
	refuses("which is locked by", "", NULL);
	ok(strstr(built_error.what, "user/policy.json:1:") && strstr(built_error.what, "etc/policy.json") &&
		   built_error.kind == ERROR_USAGE,
	   "both files are named: %s", built_error.what);
}

static void lock_pair(const char *admin, const char *accepted, const char *refused, const char *what)
{
	lock_accepts(admin, accepted, what);
	lock_refuses(admin, refused, what);
}

static void locks(void)
{
	lock_pair("{\"limits\":{\"memory\":\"1G\"},\"lock\":[\"limits.memory\"]}", "{\"limits\":{\"memory\":\"512M\"}}",
		  "{\"limits\":{\"memory\":\"2G\"}}", "a lower number");
	lock_pair("{\"limits\":{\"memory\":\"1G\"},\"lock\":[\"limits\"]}", "{\"limits\":{\"memory\":\"1G\"}}",
		  "{\"limits\":{\"memory\":\"unlimited\"}}", "unlimited is the highest; a group of keys");
	lock_accepts("{\"lock\":[\"limits.cpu\"]}", "{\"limits\":{\"cpu\":\"unlimited\"}}", "unlimited as the ceiling");
	lock_pair("{\"limits\":{\"io\":\"10M\"},\"lock\":[\"limits.io\"]}", "{\"limits\":{\"io\":\"1M\"}}",
		  "{\"limits\":{\"io\":\"unlimited\"}}", "fewer bytes of a disk");
	lock_pair("{\"lock\":[\"limits.swap\"]}", "{\"limits\":{\"swap\":0}}", "{\"limits\":{\"swap\":1}}",
		  "no swap is less than some");
	lock_pair("{\"lock\":[\"network\"]}", "{\"network\":{\"mode\":\"none\"}}", "{\"network\":{\"mode\":\"host\"}}",
		  "a stricter word");
	lock_pair("{\"lock\":[\"files.args\"]}", "{\"files\":{\"args\":\"off\"}}", "{\"files\":{\"args\":\"rw\"}}",
		  "a stricter word of three");
	lock_pair("{\"files\":{\"home\":\"30d\"},\"lock\":[\"files.home\"]}", "{\"files\":{\"home\":\"1d\"}}",
		  "{\"files\":{\"home\":\"keep\"}}", "a home that is kept for less long");
	lock_pair("{\"lock\":[\"files.home\"]}", "{\"files\":{\"home\":\"session\"}}", "{\"files\":{\"home\":\"1h\"}}",
		  "no home is kept");
	lock_pair("{\"env\":{\"A\":{\"home\":\"a\"}},\"lock\":[\"env\"]}", "{\"env\":{\"A\":{\"home\":\"a\"}}}",
		  "{\"env\":{\"A\":\"a\"}}", "variables: paths below the home");
	lock_pair("{\"lock\":[\"confine.unix_sockets\"]}", "{\"confine\":{\"unix_sockets\":false}}",
		  "{\"confine\":{\"unix_sockets\":true}}", "false is stricter");
	lock_pair("{\"files\":{\"read\":[\"/srv\",\"/opt/x:/x\"]},\"lock\":[\"files.read\"]}",
		  "{\"files\":{\"read\":[\"/srv/data\",\"/opt/x/y:/x/y\"]}}", "{\"files\":{\"read\":[\"/srv/data\",\"/opt/x\"]}}",
		  "grants inside grants, at the same place");
	lock_refuses("{\"files\":{\"read\":[\"/srv\"]},\"lock\":[\"files.read\"]}", "{\"files\":{\"write\":[\"/data\"]}}",
		     "writing is reading too");
	lock_pair("{\"files\":{\"write\":[\"/srv\"]},\"lock\":[\"files.write\"]}", "{\"files\":{\"read\":[\"/data\"]}}",
		  "{\"files\":{\"write\":[\"/data\"]}}", "writing alone is locked");
	lock_pair("{\"lock\":[\"files.write\"]}", "{\"files\":{\"write\":[]}}", "{\"files\":{\"write\":[\"/data\"]}}",
		  "nothing may be written");
	lock_refuses("{\"files\":{\"read\":[\"/srv\"]},\"lock\":[\"files.read\"]}", "{\"files\":{\"read\":[\"/srv/a:/usr\"]}}",
		     "another place");
	lock_pair("{\"files\":{\"tmpfs\":[\"/scratch\"]},\"lock\":[\"files.tmpfs\"]}", "{\"files\":{\"tmpfs\":[\"/scratch/a\"]}}",
		  "{\"files\":{\"tmpfs\":[\"/scratchy\"]}}", "folders in memory");
	lock_pair("{\"files\":{\"system\":[\"/usr\"]},\"lock\":[\"files.system\"]}", "{\"files\":{\"system\":[\"/usr/lib\"]}}",
		  "{\"files\":{\"system\":[\"/opt\"]}}", "the system");
	lock_pair("{\"tools\":{\"allow\":[\"read_*\",\"list\"]},\"lock\":[\"tools.allow\"]}",
		  "{\"tools\":{\"allow\":[\"read_file\",\"list\",\"read_*\"]}}", "{\"tools\":{\"allow\":[\"read_*\",\"write\"]}}",
		  "patterns and names they match");
	lock_refuses("{\"tools\":{\"allow\":[\"read_a*\"]},\"lock\":[\"tools.allow\"]}", "{\"tools\":{\"allow\":[\"read_*\"]}}",
		     "a wider pattern");
	lock_accepts("{\"lock\":[\"tools.allow\"]}", "{\"tools\":{\"allow\":[\"a\"]}}", "of all tools, some");
	lock_accepts("{\"tools\":{\"deny\":[\"a\"]},\"lock\":[\"tools.deny\"]}", "{\"tools\":{\"deny\":[\"b\"]}}", "more denials");
	lock_accepts("{\"confine\":{\"require\":[\"landlock\"]},\"lock\":[\"confine.require\"]}",
		     "{\"confine\":{\"require\":[\"cgroup\"]}}", "more layers");
	lock_pair("{\"audit\":{\"file\":\"/var/log/x\"},\"lock\":[\"audit\"]}", "{\"audit\":{\"file\":\"/var/log/x\"}}",
		  "{\"audit\":{\"file\":\"off\"}}", "a fixed value");
	lock_refuses("{\"lock\":[\"confine.apparmor\"]}", "{\"confine\":{\"apparmor\":\"x\"}}", "fixed, and unset");
	lock_pair("{\"env\":{\"A\":\"1\",\"B\":true},\"lock\":[\"env\"]}", "{\"env\":{\"A\":\"1\",\"B\":\"2\"}}",
		  "{\"env\":{\"A\":\"2\"}}", "variables: values");
	lock_pair("{\"env\":{\"A\":\"1\",\"B\":true},\"lock\":[\"env\"]}", "{\"env\":{\"A\":false}}", "{\"env\":{\"C\":true}}",
		  "variables: names");
	lock_refuses("{\"env\":{\"A\":\"1\"},\"lock\":[\"env\"]}", "{\"env\":{\"A\":true}}", "a fixed value instead of passing on");
	reset();
}

static void locks_and_layers(void)
{
	struct policy policy;

	put("etc/policy.json", "{\"files\":{\"read\":[\"/srv\"]},\"limits\":{\"memory\":\"1G\"},"
			       "\"lock\":[\"limits.memory\",\"files.read\",\"tools.allow\"]}");
	refuses("--memory: this loosens limits.memory", "1G at most", "--memory", "2G");
	refuses("--ro: \"/etc\" loosens files.read", "", "--ro", "/etc");
	refuses("--rw: \"/data\" loosens files.read", "", "--rw", "/data");
	/* The lock is the ceiling; what a user's file tightened, an option may take back. */
	put("user/policy.json", "{\"limits\":{\"memory\":\"256M\"},\"files\":{\"read\":[\"/srv/a\"]},\"tools\":{\"allow\":[\"a\"]}}");
	is_int(build(&policy, "--memory", "1G", "--ro", "/srv/b", "--allow-tool", "b"), 0, "up to the lock");
	is_int(policy.memory, 1 << 30, "the option wins");
	ok(policy.grants_n == 2 && has_grant(&policy, "/srv/a", "/srv/a", false) &&
		   has_grant(&policy, "/srv/b", "/srv/b", false),
	   "a later list replaces the locked one; later ones add to it");
	is_int(policy.mediation.tools_allow.n, 2, "tools add up within the lock");
	ok(policy.read_locked && !policy.write_locked, "the plan is told");
	policy_free(&policy);

	/* A lock in a profile holds from there on, against the administrator's own later files too. */
	put("etc/policy.json", "{\"lock\":[\"network\"]}");
	put("etc/profiles/binary.json", "{\"network\":{\"mode\":\"host\"}}");
	drop("user/policy.json");
	refuses("etc/profiles/binary.json:1:20: \"host\" loosens network.mode", "", NULL);
	drop("etc/profiles/binary.json");
	put("etc/policy.json", "{\"lock\":[\"limits.memry\"]}");
	refuses("etc/policy.json:1:10: \"limits.memry\" is no key that can be locked", "limits.memory", NULL);
	put("etc/policy.json", "{\"lock\":[\"lock\"]}");
	refuses("is no key that can be locked", "", NULL);
	put("etc/policy.json", "{\"lock\":\"network\"}");
	refuses("lock: a list of keys", "", NULL);
	put("etc/policy.json", "{}");
	put("pkg/profiles/binary.json", "{\"lock\":[]}");
	refuses("only an administrator's file can lock", "", NULL);
	reset();
}

static void owners(void)
{
	struct policy policy;
	char path[128];

	put("user/policy.json", "{\"limits\":{\"tasks\":77}}");
	snprintf(path, sizeof path, "%s/user/policy.json", fix.root);
	is_int(build(&policy, NULL), 0, "control: a file of ours is read");
	is_int(policy.tasks, 77, "control: it counts");
	policy_free(&policy);
	static const mode_t modes[] = { 0664, 0646, 0666, 0622 };
	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
		chmod(path, modes[i]);
		refuses("user/policy.json can be changed by other users", "chmod go-w", NULL);
	}
	chmod(path, 0600);
	is_int(build(&policy, NULL), 0, "0600 is fine");
	policy_free(&policy);

	chmod(fix.user, 0775);
	refuses("/user can be changed by other users", "chmod go-w", NULL);
	chmod(fix.user, 01777);
	is_int(build(&policy, NULL), 0, "a folder with the sticky bit is fine");
	policy_free(&policy);
	chmod(fix.user, 0755);

	/* Another owner: as root by giving the file away, else by expecting another user. */
	if (getuid() == 0) {
		if (chown(path, 65534, 65534) < 0)
			bail_out("chown: %s", strerror(errno));
	} else {
		fix.dirs.uid = getuid() + 1;
	}
	refuses("belongs to another user", "", NULL);
	fix.dirs.uid = getuid();
	drop("user/policy.json");

	if (mkfifo(path, 0644) < 0)
		bail_out("mkfifo: %s", strerror(errno));
	refuses("is not a regular file", "", NULL);
	drop("user/policy.json");
	if (symlink("../other.json", path) < 0)
		bail_out("symlink: %s", strerror(errno));
	put("other.json", "{\"limits\":{\"tasks\":78}}");
	is_int(build(&policy, NULL), 0, "a symlink is followed");
	is_int(policy.tasks, 78, "and its end is what counts");
	policy_free(&policy);
	snprintf(path, sizeof path, "%s/other.json", fix.root);
	chmod(path, 0666);
	refuses("can be changed by other users", "", NULL);
	reset();

	fix.dirs.user_config = NULL;
	fix.dirs.sysconf = NULL;
	is_int(build(&policy, NULL), 0, "without folders of the administrator and the user");
	policy_free(&policy);
	fix.dirs.user_config = fix.user;
	fix.dirs.sysconf = "/nonexistent/mcpcage";
	is_int(build(&policy, NULL), 0, "with folders that do not exist");
	policy_free(&policy);
	fix.dirs.sysconf = fix.sysconf;
}

static void shipped(void)
{
	static const enum target_kind kinds[] = { TARGET_BINARY, TARGET_NODE, TARGET_PYTHON, TARGET_SCRIPT };
	const char *source = getenv("top_srcdir");
	struct policy policy;

	fix.dirs.pkgdata = source ? source : ".";
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		if (!is_int(build_kind(kinds[i], (const char *const[]){ NULL }, &policy), 0, "shipped profiles, kind %zu", i)) {
			diag("%s", built_error.what);
			continue;
		}
		ok(strlist_has(&policy.system, "/usr") && has_env(&policy, "LANG", NULL), "hold what every server needs");
		ok(!strlist_has(&policy.system, "/etc/passwd") && !strlist_has(&policy.system, "/etc/resolv.conf"),
		   "and not what names the machine");
		is_int(policy.grants_n, 0, "and grant nothing");
		is_int(policy.network, NETWORK_NONE, "and no network");
		policy_free(&policy);
	}
	fix.dirs.pkgdata = fix.pkgdata;
}

static void homes(void)
{
	static const struct {
		const char *text;
		uint64_t keep;
	} good[] = { { "session", 0 }, { "0s", 0 }, { "30d", 30ULL * 86400000 }, { "90m", 90 * 60000 }, { "keep", UINT64_MAX } };
	struct policy policy;

	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		char text[80], shown[32];
		is_int(build(&policy, "--home", good[i].text), 0, "--home %s", good[i].text);
		ok(policy.home_keep == good[i].keep, "means %llu", (unsigned long long)policy.home_keep);
		policy_free(&policy);
		snprintf(text, sizeof text, "{\"files\":{\"home\":\"%s\"}}", good[i].text);
		put("user/policy.json", text);
		is_int(build(&policy, NULL), 0, "and in a file");
		ok(policy.home_keep == good[i].keep, "the same");
		policy_free(&policy);
		value_number_text(&policy_keys[KEY_FILES_HOME], good[i].keep, shown);
		ok(strcmp(shown, good[i].text) == 0 || good[i].text[0] == '0', "shown as %s", shown);
	}
	put("user/policy.json", "{}");
	refuses("cannot be read", "\"session\", or \"keep\"", "--home", "forever");
	refuses("cannot be read", "30s, 5m, 1h, 2d", "--home", "30");

	put("user/policy.json", "{\"env\":{\"FILE\":{\"home\":\"a/b.db\"},\"OTHER\":\"a/b.db\"}}");
	is_int(build(&policy, NULL), 0, "a variable that is a path below the home");
	for (size_t i = 0; i < policy.env_n; i++)
		ok(strcmp(policy.env[i].value, "a/b.db") == 0 && policy.env[i].home == (policy.env[i].name[0] == 'F'),
		   "only that one: %s", policy.env[i].name);
	policy_free(&policy);
	static const char *const bad[] = { "/a", "", "..", "a/../../b", "a/.." };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		char text[80];
		snprintf(text, sizeof text, "{\"env\":{\"FILE\":{\"home\":\"%s\"}}}", bad[i]);
		put("user/policy.json", text);
		refuses("no path below the home folder", "without", NULL);
	}
	put("user/policy.json", "{\"env\":{\"FILE\":{\"home\":\"a\",\"x\":1}}}");
	refuses("{\"home\": PATH} is expected", "", NULL);
	put("user/policy.json", "{\"env\":{\"FILE\":{\"house\":\"a\"}}}");
	refuses("{\"home\": PATH} is expected", "", NULL);
	reset();
}

static void made(void)
{
	struct policy policy;

	put("etc/policy.json", "{\"files\":{\"made\":{\"/etc/a\":\"one\",\"~/b/./c\":\"two\\n\"}}}");
	put("user/policy.json", "{\"files\":{\"made\":{\"/etc/a\":\"other\"}}}");
	is_int(build(&policy, NULL), 0, "files that are made");
	if (is_int((intmax_t)policy.made_n, 2, "two")) {
		ok(strcmp(policy.made[0].dest, "/etc/a") == 0 && strcmp(policy.made[0].text, "other") == 0,
		   "a later layer replaces one");
		ok(strcmp(policy.made[1].dest, "/home/me/b/c") == 0 && strcmp(policy.made[1].text, "two\n") == 0, "and leaves the others");
		ok(strstr(policy.made[0].origin, "user/policy.json") && strstr(policy.made[1].origin, "etc/policy.json"), "whose they are");
	}
	policy_free(&policy);
	lock_pair("{\"files\":{\"made\":{\"/etc/a\":\"one\"}},\"lock\":[\"files.made\"]}", "{\"files\":{\"made\":{\"/etc/a\":\"one\"}}}",
		  "{\"files\":{\"made\":{\"/etc/a\":\"two\"}}}", "another text");
	lock_refuses("{\"files\":{\"made\":{\"/etc/a\":\"one\"}},\"lock\":[\"files.made\"]}", "{\"files\":{\"made\":{\"/etc/b\":\"one\"}}}",
		     "another file");
	reset();
	put("user/policy.json", "{\"files\":{\"made\":[\"/etc/a\"]}}");
	refuses("an object of paths", "", NULL);
	put("user/policy.json", "{\"files\":{\"made\":{\"/etc/a\":1}}}");
	refuses("a string", "", NULL);
	put("user/policy.json", "{\"files\":{\"made\":{\"a\":\"x\"}}}");
	refuses("a relative path", "", NULL);
	put("user/policy.json", "{\"files\":{\"made\":{\"/a/../b\":\"x\"}}}");
	refuses("\"..\"", "", NULL);
	struct buf text = { 0 };
	buf_puts(&text, "{\"files\":{\"made\":{\"/etc/a\":\"");
	for (size_t i = 0; i <= MADE_FILE_MAX; i++)
		buf_putc(&text, 'x');
	buf_puts(&text, "\"}}}");
	put("user/policy.json", buf_str(&text));
	refuses("too long", "64 KiB", NULL);
	buf_clear(&text);
	buf_puts(&text, "{\"files\":{\"made\":{");
	for (int i = 0; i <= MADE_FILES_MAX; i++)
		buf_printf(&text, "%s\"/etc/a%d\":\"\"", i ? "," : "", i);
	buf_puts(&text, "}}}");
	put("user/policy.json", buf_str(&text));
	refuses("more than 64 files", "", NULL);
	buf_free(&text);
	reset();
}

/* Which files count, in which order, when the command is the package NAME's. */
static void is_read(enum ecosystem ecosystem, const char *name, const char *const *files)
{
	struct policy policy;
	size_t n = 0;

	fix.ecosystem = ecosystem;
	fix.package = name;
	if (!is_int(build(&policy, NULL), 0, "the package %s", name)) {
		diag("%s", built_error.what);
		return;
	}
	for (size_t i = 0; i < policy.layers.n; i++) {
		const char *at = strstr(policy.layers.v[i], "/packages/");
		if (!at)
			continue;
		bool good = files[n] && strcmp(policy.layers.v[i] + strlen(fix.root) + 1, files[n]) == 0;
		ok(good, "reads %s", policy.layers.v[i] + strlen(fix.root) + 1);
		n++;
	}
	ok(!files[n], "and that is all");
	policy_free(&policy);
	fix.package = NULL;
}

/* The name under which a package's profile is looked for. */
static void spec_names(void)
{
	static const struct {
		enum ecosystem ecosystem;
		const char *spec, *name;
	} cases[] = {
		{ ECOSYSTEM_NPM, "server", "server" },
		{ ECOSYSTEM_NPM, "server@latest", "server" },
		{ ECOSYSTEM_NPM, "@scope/server", "@scope/server" },
		{ ECOSYSTEM_NPM, "@scope/server@1.2.3", "@scope/server" },
		{ ECOSYSTEM_PYPI, "server", "server" },
		{ ECOSYSTEM_PYPI, "Some_Server==1.2", "Some_Server" },
		{ ECOSYSTEM_PYPI, "server[extra,more]>=2,<3", "server" },
		{ ECOSYSTEM_PYPI, "server ~= 2.1", "server" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char *name = package_spec_name(cases[i].ecosystem, cases[i].spec);
		is_str(name, cases[i].name, "%s", cases[i].spec);
		free(name);
	}
}

#define files(...) (const char *const[]){ __VA_ARGS__, NULL }

static void packages(void)
{
	static const char *const folders[] = { "pkg", "etc", "user" };
	static const char *const below[] = { "packages", "packages/npm", "packages/npm/@scope", "packages/pypi" };
	struct policy policy;
	char name[120];

	for (size_t i = 0; i < 3; i++)
		for (size_t k = 0; k < 4; k++) {
			snprintf(name, sizeof name, "%s/profiles/%s", folders[i], below[k]);
			make_folder(name);
		}
	put("pkg/profiles/packages/npm/server.json", "{\"files\":{\"home\":\"keep\"},\"limits\":{\"tasks\":101,\"open_files\":1101}}");
	put("etc/profiles/packages/npm/server.json", "{\"limits\":{\"tasks\":102}}");
	put("user/profiles/packages/npm/server.json", "{\"limits\":{\"swap\":\"103M\"}}");
	put("pkg/profiles/packages/npm/@scope/server.json", "{\"extends\":\"web\"}");
	put("pkg/profiles/web.json", "{\"confine\":{\"unix_sockets\":true}}");
	put("pkg/profiles/packages/pypi/some-server.json", "{}");
	put("pkg/profiles/binary.json", "{\"limits\":{\"open_files\":1100}}");
	put("pkg/secret.json", "{\"limits\":{\"tasks\":999}}");

	is_read(ECOSYSTEM_NPM, "server", files("pkg/profiles/packages/npm/server.json", "etc/profiles/packages/npm/server.json",
					       "user/profiles/packages/npm/server.json"));
	is_read(ECOSYSTEM_NPM, "@scope/server", files("pkg/profiles/packages/npm/@scope/server.json"));
	is_read(ECOSYSTEM_PYPI, "Some__Server", files("pkg/profiles/packages/pypi/some-server.json"));
	is_read(ECOSYSTEM_PYPI, "some.server", files("pkg/profiles/packages/pypi/some-server.json"));
	is_read(ECOSYSTEM_PYPI, "server", files(NULL));
	is_read(ECOSYSTEM_NPM, "Server", files(NULL));
	static const char *const odd[] = { "../../secret", "@scope/../server", "@../npm/server", "@scope", "@scope/", "", ".",
					   "..", "@/server", "a/server", "server\n", "@scope/server/x", "server.json/" };
	for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
		is_read(ECOSYSTEM_NPM, odd[i], files(NULL));
		is_read(ECOSYSTEM_PYPI, odd[i], files(NULL));
	}

	fix.ecosystem = ECOSYSTEM_NPM;
	fix.package = "server";
	is_int(build(&policy, NULL), 0, "layers");
	ok(policy.open_files == 1101 && policy.tasks == 102 && policy.swap == 103 << 20 && policy.home_keep == UINT64_MAX,
	   "it comes behind the kind's profile, and each layer has one");
	policy_free(&policy);
	put("etc/policy.json", "{\"files\":{\"home\":\"session\"},\"lock\":[\"files.home\"]}");
	is_int(build(&policy, NULL), 0, "the administrator wants no kept homes");
	is_int((intmax_t)policy.home_keep, 0, "so a shipped profile keeps none");
	policy_free(&policy);
	put("user/profiles/packages/npm/server.json", "{\"files\":{\"home\":\"keep\"}}");
	refuses("locked by", "session at most", NULL);
	put("etc/policy.json", "{}");
	put("user/profiles/packages/npm/server.json", "{\"lock\":[\"files\"]}");
	refuses("only an administrator's file can lock", "", NULL);
	put("user/profiles/packages/npm/server.json", "{\"text\":{\"command\":\"/bin/cat\"}}");
	refuses("text.command", "", NULL);
	fix.package = "@scope/server";
	is_int(build(&policy, NULL), 0, "it extends others");
	ok(policy.unix_sockets, "as any profile");
	policy_free(&policy);
	put("user/profiles/packages/npm/@scope/server.json", "{}");
	for (size_t i = 0; i < 4; i++) {
		char path[200];
		snprintf(path, sizeof path, "%s/user/profiles/%s", fix.root, below[i]);
		if (strcmp(below[i], "packages/pypi") == 0)
			continue;
		chmod(path, 0777);
		refuses("can be changed by other users", "chmod go-w", NULL);
		chmod(path, 0755);
		is_int(build(&policy, NULL), 0, "%s: not when only we can change it", below[i]);
		policy_free(&policy);
	}
	fix.package = NULL;
	drop("user/profiles/packages/npm/server.json");
	drop("user/profiles/packages/npm/@scope/server.json");
	reset();
}

/* The profiles of packages that are shipped: they open nothing of the user's. */
static unsigned shipped_packages;

static int check_package(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	struct policy with, without;
	const char *name = strstr(path, "/packages/");
	char package[256];

	(void)st, (void)ftw;
	if (type != FTW_F || !name || !strstr(path, ".json"))
		return 0;
	name += strlen("/packages/");
	fix.ecosystem = strncmp(name, "npm/", 4) == 0 ? ECOSYSTEM_NPM : ECOSYSTEM_PYPI;
	snprintf(package, sizeof package, "%.*s", (int)(strlen(name) - strlen(".json") - strcspn(name, "/") - 1),
		 name + strcspn(name, "/") + 1);
	enum target_kind kind = fix.ecosystem == ECOSYSTEM_NPM ? TARGET_NODE : TARGET_PYTHON;
	fix.package = NULL;
	int before = build_kind(kind, (const char *const[]){ NULL }, &without);
	fix.package = package;
	int rc = build_kind(kind, (const char *const[]){ NULL }, &with);
	fix.package = NULL;
	if (!ok(before == 0 && rc == 0 && strlist_has(&with.layers, path), "%s is read for %s", path, package)) {
		diag("%s", built_error.what);
		return 0;
	}
	shipped_packages++;
	ok(with.grants_n == 0 && with.network == NETWORK_NONE && with.args == without.args, "it grants no files and no network");
	bool same = true;
	for (size_t i = 0; i < with.system.n; i++)
		same = same && (strlist_has(&without.system, with.system.v[i]) || path_within(with.system.v[i], "/etc"));
	ok(same, "and of the system no more than settings");
	for (size_t i = 0; i < with.env_n; i++)
		same = same && (with.env[i].value || has_env(&without, with.env[i].name, NULL));
	ok(same, "no variable of the user's");
	ok(with.packages_scripts == without.packages_scripts && with.packages_fetch == without.packages_fetch &&
		   with.require == without.require && !with.apparmor && !with.audit && !with.state,
	   "and nothing else is looser");
	ok(memcmp(&with.mediation.tools_default, &without.mediation.tools_default, sizeof with.mediation.tools_default) == 0 &&
		   with.mediation.pins == without.mediation.pins && with.mediation.rules_n == without.mediation.rules_n,
	   "nor for messages");
	policy_free(&with);
	policy_free(&without);
	return 0;
}

static void shipped_for_packages(void)
{
	const char *source = getenv("top_srcdir");
	char path[4200], real[4096];

	fix.dirs.pkgdata = realpath(source ? source : ".", real);
	snprintf(path, sizeof path, "%s/profiles/packages", real);
	is_int(nftw(path, check_package, 16, FTW_PHYS), 0, "profiles of packages");
	ok(shipped_packages > 0, "%u are shipped", shipped_packages);
	fix.dirs.pkgdata = fix.pkgdata;
}

int main(void)
{
	fixture_start();
	defaults();
	order();
	profiles();
	positions();
	options();
	locks();
	locks_and_layers();
	owners();
	homes();
	made();
	spec_names();
	packages();
	shipped();
	shipped_for_packages();
	fixture_end();
	return done_testing();
}
