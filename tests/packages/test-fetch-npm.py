#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""npx through mcpcage, from a registry on loopback: installing once, running what was installed, waiting clients, and each way to fail."""

import json
import os
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import builder as b
from caged import LIMIT, Session, World, kill_all, require, told
from tap import diag, done_testing, is_eq, ok

require("npm")
COMMAND = ("npx", "-y", "some-server")


def fresh(w, version="1.0.0", **more):
	w.registry.publish(b.npm_library("a-library", "1.0.0"))
	w.registry.publish(b.npm_library("a-library", "1.1.0"))
	w.registry.publish(b.npm_server("some-server", version, dependencies={"a-library": "^1.0.0"}, **more))


def wait_for(what, seconds=LIMIT):
	end = time.monotonic() + seconds
	while not what() and time.monotonic() < end:
		time.sleep(0.02)
	return bool(what())


def first_and_later_starts():
	with World() as w:
		fresh(w)
		t = w.tell(*COMMAND, "--flag", "an argument")
		is_eq((t.get("version"), t.get("libraries")), ("1.0.0", {"a-library": "a-library 1.1.0"}), "npx: installed and started")
		is_eq(t.get("argv", [])[1:], ["/opt/package/node_modules/some-server/server.js", "--flag", "an argument"],
		      "npx: node starts the file itself, with the server's arguments")
		is_eq(t.get("ppid"), 1, "npx: nothing stands between the cage's init and node")
		is_eq(w.registry.asked(r"\.tgz$"), 2, "npx: each tarball was asked for once")
		w.settled("first start", trees=1)

		w.registry.forget()
		is_eq(w.tell(*COMMAND).get("version"), "1.0.0", "npx: a later start")
		is_eq(w.registry.asked(), 0, "npx: it asks the registry nothing")
		w.registry.stop()
		is_eq(w.tell(*COMMAND).get("version"), "1.0.0", "npx: it works offline")
		is_eq(w.tell("npx", "--yes", "--package", "some-server", "some-server").get("version"), "1.0.0",
		      "npx: the same package said in other words is the same in the store")

		t = w.tell(*COMMAND, tool="env")
		env = t.get("env", {})
		ok(w.secret not in json.dumps(env) and env.get("HOME"), "the server's environment has nothing of the user's", env)
		for path in ("/opt/package/node_modules/some-server/server.js", "/opt/package/new"):
			t = w.tell(*COMMAND, tool="write", path=path, text="x")
			ok(t.get("error") in ("EROFS", "EACCES", "EPERM"), f"the server cannot write {path}", t)
		t = w.tell(*COMMAND, tool="read", path=w.path("notes.txt"))
		is_eq(t.get("error"), "ENOENT", "the server cannot read the user's files")
		t = w.tell(*COMMAND, tool="read", path="/opt/package/node_modules/some-server/server.js")
		ok("A small MCP server" in t.get("text", ""), "control: it can read its own", t)


def records():
	"""What is written down of an installation."""
	with World() as w:
		fresh(w)
		r = w.run("fetch", "--", *COMMAND)
		ok(r.returncode == 0 and "some-server 1.0.0\n" in r.stdout, "fetch installs, and says what", r.stdout + r.stderr)
		(key,) = w.names("requests")
		names = [n for n in os.listdir(os.path.join(w.store, "requests", key)) if n.endswith(".json")]
		with open(os.path.join(w.store, "requests", key, names[0])) as f:
			record = json.load(f)
		parts = {p["name"]: p for p in record["parts"]}
		is_eq((record["request"]["specs"], parts["some-server"]["version"], parts["a-library"]["version"]),
		      (["some-server"], "1.0.0", "1.1.0"), "the record has the spec and the versions")
		ok(all(p["integrity"].startswith("sha512-") for p in parts.values()), "the record has the registry's integrity values", parts)
		ok(len(record["interpreter_hash"]) == 64 and record["tree"] == w.names("trees")[0] and record["scripts_ran"] is False,
		   "the record has the hashes of tree and interpreter, and that no script ran", record)
		log = w.audit("install")
		ok(len(log) == 1 and log[0]["tree"] == record["tree"], "the audit log has the installation", log)
		r = w.run("fetch", "--", *COMMAND)
		ok(r.returncode == 0 and len(w.audit("install")) == 1, "a second fetch finds it in the store", r.stderr)


def no_credentials():
	with World() as w:
		fresh(w)
		with open(w.path(".npmrc"), "a") as f:
			f.write(f"//127.0.0.1:{w.registry.port}/npm/:_authToken={w.secret}\n")
		ok(w.bare("npm", "view", "some-server").returncode == 0 and w.secret in json.dumps(w.registry.requests()),
		   "control: npm itself sends the token")
		w.registry.forget()
		is_eq(w.run("fetch", "--", *COMMAND).returncode, 0, "a token in npm's configuration stops nothing")
		ok(w.registry.asked() > 0 and w.secret not in json.dumps(w.registry.requests()), "and it does not enter the cage")
	with World() as w:
		fresh(w)
		with open(w.path(".npmrc"), "w") as f:
			f.write(f"registry=http://me:{w.secret}@127.0.0.1:{w.registry.port}/npm/\n")
		r = w.fails("an address with a password in it is refused", ["registry has credentials in it", "do not enter the cage"], *COMMAND,
			    status=125)
		ok(w.secret not in r.stderr, "and the password is not told")
		is_eq(w.registry.asked(), 0, "and nothing was asked")


def waiting_client():
	"""What the client says meanwhile is answered afterwards; standard output has messages and nothing else."""
	with World() as w:
		fresh(w)
		held = w.registry.fault(r"some-server-.*\.tgz$", hold=True)
		s = Session(["--state", w.path("state")], list(COMMAND), handshake=False, env=w.env)
		try:
			ids = list(range(1, 6))
			s.send({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
				"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}})
			s.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
			s.send({"jsonrpc": "2.0", "id": 2, "method": "tools/list"})
			s.send({"jsonrpc": "2.0", "id": 3, "method": "ping"})
			ok(held.arrived.wait(LIMIT), "the registry was asked")
			for i in ids[3:]:
				s.send({"jsonrpc": "2.0", "id": i, "method": "ping"})
			ok(s.wait_stderr(b"fetching some-server", 10), "progress is on standard error", s.stderr)
			ok(s.wait_stderr(b"still at work", 20), "again when it takes longer", s.stderr)
			is_eq(s.raw, b"", "nothing is on standard output meanwhile")
			held.release()
			answers = [s.reply(i, LIMIT) for i in ids]
			ok(all(a and "result" in a for a in answers), "all that was asked meanwhile is answered", answers)
			is_eq(told(s).get("version"), "1.0.0", "and the session goes on")
			ok(b"installed 2 packages" in s.stderr, "and standard error says when it was installed", s.stderr)
			ok(all("jsonrpc" in json.loads(line) for line in s.raw.splitlines()), "standard output has messages only")
		finally:
			s.close()
		w.settled("waiting client", trees=1)


def five_at_once():
	with World() as w:
		fresh(w)
		held = w.registry.fault(r"some-server-.*\.tgz$", hold=True)
		sessions = [Session(["--state", w.path("state")], list(COMMAND), handshake=False, env=w.env) for _ in range(5)]
		try:
			for s in sessions:
				s.send({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
					"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}})
			ok(held.arrived.wait(LIMIT) and
			   wait_for(lambda: sum(b"being installed by another" in s.stderr for s in sessions) == 4),
			   "five at once: four wait, and say so", [s.stderr for s in sessions])
			held.release()
			ok(all((s.reply(1, LIMIT) or {}).get("result") for s in sessions), "five at once: all start",
			   [s.stderr for s in sessions])
			is_eq(w.registry.asked(r"some-server-.*\.tgz$"), 1, "five at once: one installation")
			is_eq(sum(b"installed 2 packages" in s.stderr for s in sessions), 1, "five at once: one says so")
			s = sessions[4]
			s.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
			s.request("tools/list", timeout=LIMIT)
			is_eq(told(s).get("version"), "1.0.0", "five at once: the last one works")
		finally:
			for s in sessions:
				s.close()
		w.settled("five at once", trees=1)


def five_with_a_death():
	"""Who installs is killed: another one takes over."""
	with World() as w:
		fresh(w)
		held = w.registry.fault(r"some-server-.*\.tgz$", hold=True, times=1)
		first = w.popen("--", *COMMAND, stdout=-3, stderr=-3)
		ok(held.arrived.wait(LIMIT), "the first one installs")
		others = [Session(["--state", w.path("state")], list(COMMAND), handshake=False, env=w.env) for _ in range(2)]
		try:
			for s in others:
				s.send({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
					"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}})
				ok(s.wait_stderr(b"being installed by another", LIMIT), "another one waits", s.stderr)
			kill_all(first)
			ok(all((s.reply(1, LIMIT) or {}).get("result") for s in others), "who waits takes over when the first one is killed",
			   [s.stderr for s in others])
		finally:
			held.release()
			for s in others:
				s.close()
		w.settled("who installs is killed", trees=1)


def killed_in_the_middle():
	"""At any moment: whatever is there afterwards, the next start works."""
	with World() as w:
		fresh(w, files={f"file-{i}.js": f"module.exports = {i};\n" for i in range(300)})
		held = w.registry.fault(r"some-server-.*\.tgz$", hold=True, times=1)
		p = w.popen("--", *COMMAND)
		ok(held.arrived.wait(LIMIT) and w.names("staging"), "an installation is going on")
		kill_all(p)
		held.release()
		ok(wait_for(lambda: not w.alive(), 20), "killed: npm and its cage die with it", w.alive())
		is_eq(w.names("trees"), [], "killed: no tree became visible")
		is_eq(w.tell(*COMMAND).get("version"), "1.0.0", "killed: the next start installs and works")
		w.settled("killed", trees=1)
		took = []
		for share in (0.3, 0.6, 0.8, 0.95):
			w.run("store", "remove", "some-server")
			start = time.monotonic()
			if not took:
				w.run("fetch", "--", *COMMAND)
				took.append(time.monotonic() - start)
				w.run("store", "remove", "some-server")
			p = w.popen("fetch", "--", *COMMAND)
			time.sleep(took[0] * share)
			kill_all(p)
			ok(wait_for(lambda: not w.alive(), 20), f"killed after {share} of its time: nothing runs on", w.alive())
			t = w.tell(*COMMAND)
			is_eq(t.get("version"), "1.0.0", f"killed after {share} of its time: the next start works")
			r = w.run("store", "verify")
			is_eq(r.returncode, 0, f"killed after {share} of its time: the store is whole")
		w.settled("killed at other times", trees=1)


def ended_by_the_client():
	for name, how in (("SIGTERM", signal.SIGTERM), ("SIGINT", signal.SIGINT)):
		with World() as w:
			fresh(w)
			held = w.registry.fault(r"some-server-.*\.tgz$", hold=True)
			p = w.popen("--", *COMMAND, stdin=-1)
			ok(held.arrived.wait(LIMIT), f"{name}: an installation is going on")
			start = time.monotonic()
			p.send_signal(how)
			out, err = p.communicate(timeout=LIMIT)
			took = time.monotonic() - start
			ok(took < 10, f"{name}: it ends soon", took)
			ok(p.returncode in (125, 128 + how) and out == b"" and b"mcpcage:" in err, f"{name}: and says why", (p.returncode, out, err))
			w.settled(name, trees=0)
			w.registry.heal()
			is_eq(w.tell(*COMMAND).get("version"), "1.0.0", f"{name}: the next start works")


def failures():
	def case(name, words, prepare, *command, options=()):
		with World() as w:
			fresh(w)
			prepare(w)
			w.fails(name, words, *(command or COMMAND), options=options)
			if name == "offline":
				w.fails(f"{name}: by fetch as well", words, *(command or COMMAND), verb=("fetch",), options=options)
			w.settled(name, trees=0)
			is_eq(w.names("requests") and [n for k in w.names("requests") for n in os.listdir(os.path.join(w.store, "requests", k))
						       if n != "lock"], [], f"{name}: nothing is recorded")
			if not w.registry._server:
				w.registry.start()
			w.registry.heal()
			fresh(w, version="1.0.1")
			is_eq(w.tell("npx", "-y", "some-server@1.0.1").get("version"), "1.0.1", f"{name}: when it is over, it works")

	case("offline", ["some-server", "cannot reach the registry", "offline"], lambda w: w.registry.stop())
	case("no such package", ["no-such-server", "no such package"], lambda w: None, "npx", "-y", "no-such-server")
	case("no such version", ["some-server@7.0.0", "no such version"], lambda w: None, "npx", "-y", "some-server@7.0.0")
	case("no such dependency", ["some-server", "no such package", "a-library"], lambda w: w.registry.withdraw("a-library"))
	case("integrity mismatch", ["some-server", "not what the registry promised"], lambda w: w.registry.publish(
		b.npm_server("some-server", dependencies={"a-library": "^1.0.0"}, files={"more.js": "1"}), quiet_change=True))
	case("integrity mismatch of a dependency", ["not what the registry promised", "a-library"], lambda w: w.registry.publish(
		b.npm_library("a-library", "1.1.0", text="module.exports = 'evil';\n"), quiet_change=True))
	case("interrupted download", ["some-server"], lambda w: w.registry.fault(r"some-server-.*\.tgz$", cut=600))
	case("interrupted metadata", ["some-server"], lambda w: w.registry.fault(r"/npm/some-server$", cut=100))
	case("an archive that is none", ["some-server"], lambda w: w.registry.fault(r"/npm/some-server$", body=b"<html>"))
	case("401", ["some-server", "without credentials"], lambda w: w.registry.fault(r"^/npm/", status=401))
	case("500", ["some-server", "answers with an error"], lambda w: w.registry.fault(r"^/npm/", status=500))

	with World() as w:
		fresh(w)
		r = w.run("--", "npx", "-y", "-p", "some-server", "no-such-command")
		ok(r.returncode == 127 and "no-such-command" in r.stderr and "it has: some-server" in r.stderr and r.stdout == "",
		   "a command that the package does not have: 127, and what it has", r.stderr)
		w.registry.publish(b.npm_library("only-a-library"))
		r = w.run("--", "npx", "-y", "only-a-library")
		ok(r.returncode == 127 and "no command that could be started" in r.stderr, "a package without commands", r.stderr)


def policy():
	with World() as w:
		fresh(w)
		w.fails("--fetch never: refused", ["some-server", "packages.fetch", "mcpcage fetch"], *COMMAND, options=("--fetch", "never"), status=126)
		is_eq((w.registry.asked(), w.names("trees")), (0, []), "--fetch never: nothing was asked")
		w.write(".config/mcpcage/policy.json", json.dumps({"packages": {"fetch": "never"}}))
		w.fails("packages.fetch never: refused", ["some-server", "packages.fetch"], *COMMAND, status=126)
		is_eq(w.registry.asked(), 0, "packages.fetch never: nothing was asked")
		is_eq(w.run("fetch", "--", *COMMAND).returncode, 0, "packages.fetch never: a person may")
		is_eq(w.tell(*COMMAND).get("version"), "1.0.0", "packages.fetch never: what is there is started")

	for key, given, runs in (("the default", {}, False), ("packages.scripts false", {"packages": {"scripts": False}}, False),
				 ("packages.scripts true", {"packages": {"scripts": True}}, True)):
		with World() as w:
			w.registry.publish(b.npm_server("some-server", scripts={"postinstall": "echo ran >ran.txt"}))
			w.write(".config/mcpcage/policy.json", json.dumps(given))
			t = w.tell(*COMMAND, tool="list", path="/opt/package/node_modules/some-server")
			is_eq("ran.txt" in t.get("names", []), runs, f"{key}: scripts {'run' if runs else 'do not run'}")
	with World() as w:
		w.registry.publish(b.npm_server("some-server", scripts={"postinstall": "exit 3"}))
		w.fails("a script that fails", ["some-server", "install script"], *COMMAND, options=("--allow-scripts",))
		w.settled("a script that fails", trees=0)
		r = w.run("--dry-run", "--", *COMMAND)
		ok(r.returncode == 126 and "mcpcage fetch" in r.stderr and w.names("trees") == [], "--dry-run installs nothing", r.stderr)


for part in (first_and_later_starts, records, no_credentials, waiting_client, five_at_once, five_with_a_death, killed_in_the_middle,
	     ended_by_the_client, failures, policy):
	if len(sys.argv) < 2 or part.__name__ in sys.argv[1:]:
		diag(part.__name__)
		part()
done_testing()
