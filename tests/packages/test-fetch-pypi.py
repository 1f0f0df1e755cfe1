#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""uvx and pipx run through mcpcage, from an index on loopback, installed by pip and, where it is there, by uv."""

import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import builder as b
import tools
from caged import LIMIT, Session, World, require, told
from tap import diag, done_testing, is_eq, ok, tap_skip

require("pip")
COMMAND = ("uvx", "some-server")


def fresh(w, version="1.0.0", **more):
	w.registry.publish(b.wheel_library("a-library", "1.0.0"))
	w.registry.publish(b.wheel_library("a-library", "1.1.0"))
	w.registry.publish(b.wheel_server("some-server", version, requires=["a-library>=1,<2"], **more))


def first_and_later_starts(tool, new):
	with new() as w:
		fresh(w)
		t = w.tell(*COMMAND, "--flag", "an argument")
		is_eq((t.get("version"), t.get("libraries")), ("1.0.0", {"a-library": "a-library 1.1.0"}), f"{tool}: installed and started")
		is_eq((t.get("argv"), t.get("execPath"), t.get("ppid")),
		      (["/opt/package/bin/some-server", "--flag", "an argument"], "/opt/package/bin/python", 1),
		      f"{tool}: the tree's python starts the file itself")
		is_eq(w.registry.asked(r"\.whl$"), 2, f"{tool}: each wheel was asked for once")
		is_eq(w.audit("install")[0]["tool"].split()[0], tool, f"{tool}: it was {tool} that installed")
		w.settled(f"{tool}: first start", trees=1)
		w.registry.stop()
		is_eq(w.tell(*COMMAND).get("version"), "1.0.0", f"{tool}: a later start works offline")
		is_eq(w.tell("uvx", "--from", "some-server", "some-server").get("version"), "1.0.0",
		      f"{tool}: the same package said in other words is the same in the store")
		t = w.tell(*COMMAND, tool="write", path=t["file"], text="x")
		ok("Read-only" in t.get("error", ""), f"{tool}: the server cannot write its own files", t)
		t = w.tell(*COMMAND, tool="read", path=w.path("notes.txt"))
		ok("No such file" in t.get("error", ""), f"{tool}: the server cannot read the user's files", t)
		r = w.run("store", "show", "--json", "some-server")
		record = json.loads(r.stdout)
		ok(all(p["integrity"].startswith("sha256:") for p in record["parts"]) and len(record["parts"]) == 2,
		   f"{tool}: the record has the index's hashes", record["parts"])


def at_once(tool, new):
	with new() as w:
		fresh(w)
		held = w.registry.fault(r"some_server-.*\.whl$", hold=True)
		sessions = [Session(["--state", w.path("state")], list(COMMAND), handshake=False, env=w.env) for _ in range(3)]
		try:
			for s in sessions:
				s.send({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
					"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}})
			ok(held.arrived.wait(LIMIT), f"{tool}: three at once")
			held.release()
			ok(all((s.reply(1, LIMIT) or {}).get("result") for s in sessions), f"{tool}: three at once: all start",
			   [s.stderr for s in sessions])
			is_eq(w.registry.asked(r"some_server-.*\.whl$"), 1, f"{tool}: three at once: one installation")
		finally:
			for s in sessions:
				s.close()
		w.settled(f"{tool}: three at once", trees=1)


def failures(tool, new):
	def case(name, words, prepare, *command, options=(), status=125):
		with new() as w:
			fresh(w)
			prepare(w)
			w.fails(f"{tool}: {name}", words, *(command or COMMAND), options=options, status=status)
			w.settled(f"{tool}: {name}", trees=0)
			if not w.registry._server:
				w.registry.start()
			w.registry.heal()
			fresh(w, version="1.0.1")
			is_eq(w.tell("uvx", "some-server==1.0.1").get("version"), "1.0.1", f"{tool}: {name}: when it is over, it works")

	case("offline", ["some-server", "cannot reach the registry"], lambda w: w.registry.stop())
	case("no such package", ["no-such-server", "no such package"], lambda w: None, "uvx", "no-such-server")
	case("no such version", ["some-server==7.0.0", "no such version"], lambda w: None, "uvx", "some-server@7.0.0")
	case("no such dependency", ["some-server", "no such package", "a-library"], lambda w: w.registry.withdraw("a-library"))
	case("integrity mismatch", ["some-server", "not what the registry promised"], lambda w: w.registry.publish(
		b.wheel_server("some-server", requires=["a-library>=1,<2"], files={"more.py": "1"}), quiet_change=True))
	case("integrity mismatch of a dependency", ["some-server", "not what the registry promised"], lambda w: w.registry.publish(
		b.wheel_library("a-library", "1.1.0", text="WHO = 'evil'\n"), quiet_change=True))
	# pip takes what came for the whole, and finds that the hash is not right.
	case("interrupted download", ["some-server", "promised" if tool == "pip" else "cannot reach the registry"], lambda w: w.registry.fault(r"some_server-.*\.whl$", cut=600))
	case("500", ["some-server"], lambda w: w.registry.fault(r"/simple/", status=500))
	case("not for this python", ["some-server"], lambda w: (w.registry.withdraw("some-server"), w.registry.publish(
		b.wheel_server("some-server", requires_python=">=3.99"))))
	case("a python that is not there", ["3.77", "not on this machine"], lambda w: None, "uvx", "--python", "3.77", "some-server",
	     status=127)


def building(tool, new):
	ran = 'import os\nopen("/opt/package/ran.txt", "w").close()\n'
	with new() as w:
		w.registry.publish(b.sdist_server("built-server", "0.9", build=ran))
		r = w.fails(f"{tool}: what has to be built is refused", ["built-server", "--allow-scripts"], "uvx", "built-server")
		ok("ready-made" in r.stderr, f"{tool}: and said to be so", r.stderr)
		w.settled(f"{tool}: what has to be built", trees=0)
		t = w.tell("uvx", "built-server", options=("--allow-scripts",), tool="list", path="/opt/package")
		ok("ran.txt" in t.get("names", []), f"{tool}: control: with --allow-scripts it is built, and started", t)
		r = w.run("store", "show", "built-server")
		ok("0.9" in r.stdout and "without install scripts" not in r.stdout, f"{tool}: which the record says", r.stdout)
		w.settled(f"{tool}: what was built", trees=1)


def no_credentials(tool, new):
	with new() as w:
		fresh(w)
		for file, text in ((".config/pip/pip.conf", "[global]\nindex-url = http://me:{}@127.0.0.1:{}/pypi/simple/\n"),
				   (".config/uv/uv.toml", '[[index]]\nurl = "http://me:{}@127.0.0.1:{}/pypi/simple/"\ndefault = true\n')):
			w.write(file, text.format(w.secret, w.registry.port))
		r = w.fails(f"{tool}: an address with a password in it is refused", ["credentials in it", "do not enter the cage"], *COMMAND)
		ok(w.secret not in r.stderr and w.registry.asked() == 0, f"{tool}: the password is not told, and nothing asked", r.stderr)


def options(tool, new):
	with new() as w:
		fresh(w)
		w.registry.publish(b.wheel_library("beside", "3.0"))
		w.registry.publish(b.wheel("other-name", files={"other/__init__.py": b.source("server.py").replace(
			'importlib.metadata.version(__name__.replace("_", "-"))', '"of other"').replace(
			'importlib.metadata.requires(__name__.replace("_", "-")) or ()', '["beside"]')},
					   commands={"one-command": "other:main", "two-command": "other:main"}))
		t = w.tell("uvx", "--with", "beside", "--from", "other-name", "two-command", "x")
		is_eq((t.get("version"), t.get("libraries"), t.get("argv", [])[1:]), ("of other", {"beside": "beside 3.0"}, ["x"]),
		      f"{tool}: --from and --with")
		r = w.run("--", "uvx", "other-name")
		ok(r.returncode == 127 and "one-command, two-command" in r.stderr, f"{tool}: no command of the package's name: which there are", r.stderr)
		version = f"{sys.version_info[0]}.{sys.version_info[1]}"
		with os.popen(f"{tools.PYTHON} -c 'import sys; print(\"%d.%d\" % sys.version_info[:2])'") as f:
			version = f.read().strip()
		t = w.tell("uvx", "--python", version, "some-server@1.0.0")
		is_eq(t.get("version"), "1.0.0", f"{tool}: --python {version}, and a version by @")


def variants():
	yield "pip", World
	if tools.have("uv"):
		yield "uv", lambda: World(uv=True)
	else:
		tap_skip("uv is missing")


for tool, new in variants():
	for part in (first_and_later_starts, at_once, failures, building, no_credentials, options):
		if len(sys.argv) < 2 or part.__name__ in sys.argv[1:]:
			diag(f"{tool}: {part.__name__}")
			part(tool, new)
done_testing()
