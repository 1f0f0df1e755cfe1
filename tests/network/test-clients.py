#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Real clients in the cage, as they are, with no setting but the CA of the tests: by name, HTTP and TLS, IPv4 and IPv6."""

import hashlib
import json
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import HERE, World  # first: it knows where the others are
from tap import done_testing, is_eq, ok, tap_skip
from internet import BLOCK

BUILD = os.environ["top_builddir"]
REAL = os.environ.get("MCPCAGE_REAL") or os.path.join(BUILD, "tests", "real", "installed")
CLIENTS = os.path.join(HERE, "clients")
SIZE = 3_000_000
SUM = hashlib.sha256((BLOCK * (SIZE // len(BLOCK) + 1))[:SIZE]).hexdigest()

world = World()


def go_program():
	"""The client of Go, built once; None, and why not."""
	go = shutil.which("go") or shutil.which("go", path="/usr/local/go/bin:/usr/lib/go/bin")
	if not go:
		return None, "go is not installed"
	folder = os.path.join(world.folder, "go")
	os.mkdir(folder)
	env = {"PATH": os.path.dirname(go) + ":/usr/bin:/bin", "HOME": folder, "GOPATH": folder,
	       "GOCACHE": os.path.join(folder, "cache"), "GO111MODULE": "off", "CGO_ENABLED": "0",
	       "GOTOOLCHAIN": "local", "GOPROXY": "off", "GOFLAGS": "", "GOTELEMETRY": "off"}
	program = os.path.join(folder, "client")
	done = subprocess.run([go, "build", "-o", program, os.path.join(CLIENTS, "client.go")], env=env, stdout=subprocess.PIPE,
			      stderr=subprocess.STDOUT, check=False)
	if done.returncode:
		return None, f"go build: {done.stdout.decode()[-300:]}"
	return program, None


def served(s, what, argv, host, env=None):
	"""The client got SIZE bytes twice, from the address of that family, without seeing any other."""
	before = len(world.internet.connections)
	got = s.act("run", argv=argv, env=env, patience=90)
	try:
		results = [json.loads(line) for line in got["out"].splitlines()]
	except (KeyError, ValueError):
		results = []
	wanted = {"status": 200, "size": SIZE, "sha256": SUM}
	ok(results == [wanted, wanted], what, f"{got}"[:1500])
	new = world.internet.connections[before:]
	ok(new and all((":" in c["address"]) == host.startswith("v6") for c in new), f"{what}: to the right address", new)


others = []  # what asks for another host, for the control


def refused(s, what, argv, env=None):
	got = s.act("run", argv=argv, env=env, patience=90)
	ok(got.get("status") not in (0, None), f"{what}: another host cannot be found", f"{got}"[:1500])
	others.append((what, argv, env))


def each(s, what, argv_for, env=None):
	"""All there is to a client: ARGV_FOR(url) is its command."""
	for scheme in ("http", "https"):
		for host in ("v4.good.example", "v6.good.example"):
			served(s, f"{what}, {scheme}, {host[:2]}", argv_for(f"{scheme}://{host}/bytes/{SIZE}"), host, env)
	refused(s, what, argv_for("https://api.other.example/"), env)


def curl(s):
	if not shutil.which("curl"):
		tap_skip("curl is not installed")
		return
	for scheme in ("http", "https"):
		for host in ("v4.good.example", "v6.good.example"):
			got = s.act("run", argv=["curl", "--silent", "--show-error", "--cacert", world.ca, f"{scheme}://{host}/who",
						 f"{scheme}://{host}/who"])
			lines = got.get("out", "").replace("}{", "}\n{").splitlines()
			ok(len(lines) == 2 and all(json.loads(x)["host"] == host for x in lines), f"curl, {scheme}, {host[:2]}", got)
	refused(s, "curl", ["curl", "--silent", "--show-error", "--cacert", world.ca, "https://api.other.example/"])
	got = s.act("run", argv=["curl", "--silent", "--cacert", world.ca, "--data-binary", "@/proc/self/exe",
				 "https://v4.good.example/count"])
	is_eq(got.get("out", "").split(" ")[0], str(os.path.getsize(shutil.which("curl"))), "curl: a file is sent")


def static(s):
	program = os.path.join(BUILD, "tests", "network", "clients", "static")
	copy = shutil.copy(program, world.folder)
	for host in ("v4.good.example", "v6.good.example"):
		got = s.act("run", argv=[copy, host[1], host, "80", "/who"])
		body = got.get("out", "").partition("\r\n\r\n")[2]
		ok(body and json.loads(body)["host"] == host, f"a static program, {host[:2]}", got)
	refused(s, "a static program", [copy, "4", "api.other.example", "80", "/"])


python = os.path.join(REAL, "venv", "bin", "python")
modules = os.path.join(REAL, "node_modules", "undici", "index.js")
go, no_go = go_program()
grants = ["--ro", CLIENTS, "--ro", world.folder]
if os.path.exists(python):
	grants += ["--ro", os.path.join(REAL, "venv")]
if os.path.exists(modules):
	grants += ["--ro", os.path.dirname(modules)]

with world.session(["--allow-host", "*.good.example:80,443", *grants]) as caged:
	curl(caged)
	static(caged)
	if shutil.which("node"):
		script = os.path.join(CLIENTS, "client.mjs")
		trust = {"NODE_EXTRA_CA_CERTS": world.ca}
		each(caged, "Node, fetch", lambda url: ["node", script, "fetch", url], trust)
		each(caged, "Node, https", lambda url: ["node", script, "http", url], trust)
		if os.path.exists(modules):
			each(caged, "Node, undici", lambda url: ["node", script, "undici", url, modules], trust)
		else:
			tap_skip("undici is not installed: `make real-servers` installs it")
	else:
		tap_skip("node is not installed")
	if os.path.exists(python):
		for how in ("requests", "httpx", "httpx-async"):
			each(caged, f"Python, {how}", lambda url, how=how: [python, os.path.join(CLIENTS, "client.py"), how, url, world.ca])
	else:
		tap_skip("requests and httpx are not installed: `make real-servers` installs them")
	if go:
		each(caged, "Go, net/http", lambda url: [go, url], {"SSL_CERT_FILE": world.ca})
	else:
		tap_skip(no_go)
	ok(not any(name.endswith("other.example") for name, _, _ in world.zone.log), "nobody outside was asked for the other host")

with world.session(["--network", "host", *grants]) as caged:
	for client, command, variables in others:
		is_eq(caged.act("run", argv=command, env=variables, patience=90).get("status"), 0, f"{client}: the control reaches it")

done_testing()
