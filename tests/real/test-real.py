#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Real servers, driven by clients that are not ours: what they do bare, they do in the cage.

Each server of servers.json is started by the TypeScript SDK's client, by the Python SDK's and, where it says so, by the
Inspector's command line: once bare and once behind $MCPCAGE, with a fresh copy of the same data at the same place. The
answers have to be equal to the last character, but for what a server takes from the clock or the process table
(`ignore`), and with `kept` the data folder has to look alike afterwards. A step "refused" is a call that the server itself
refuses: caged, mcpcage does so in its place. Once more each is started where no user namespaces can be had, in the reduced mode, but for
two that have to change modes or times of files ("reduced": false), which the manual says cannot be done then.

The servers come from tests/real/install.sh, in $MCPCAGE_REAL or tests/real/installed of the build folder.
"""

import concurrent.futures
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from sessions import (GIT, NODE_MODULES, OFFLINE, SOURCE, VENV, caged, clients_of, drive, fill, judge, judge_kept, kept, need_installed,
		      prepare)
from tap import diag, done_testing, ok, tap_skip

ONLY = os.environ.get("MCPCAGE_REAL_ONLY")
need_installed()


# Where no user namespaces can be had: --reduced is taken then.
WITHOUT = [os.path.join(SOURCE, "..", "escape", "no-namespaces")]


def run(server, client, root, in_cage, before=(), options=()):
	data = prepare(server, root)
	tools = os.path.join(NODE_MODULES, ".bin") if server["from"] == "npm" else VENV
	env = fill({**server.get("env", {}), **(GIT if server.get("git") else {})}, data)
	program, *args = fill(server["command"], data)
	command = [os.path.join(tools, program), *args]
	if in_cage:
		out = drive(server, client, root, [*before, *caged(server, root, env), *options, "--", *command], {})
	else:
		out = drive(server, client, root, [*OFFLINE, *command], env)
	return out, kept(data) if server.get("kept") else None


def compare(server):
	"""Both starts for every client of this server; returns assertions for the main thread to print."""
	results = []
	for client in clients_of(server):
		root = tempfile.mkdtemp(prefix="mcpcage-real-")
		try:
			bare, bare_kept = run(server, client, root, False)
			in_cage, caged_kept = run(server, client, root, True)
			reduced, reduced_kept = None, None
			if REDUCED and client != "inspector" and server.get("reduced", True):
				reduced, reduced_kept = run(server, client, root, True, WITHOUT, ["--reduced"])
		finally:
			shutil.rmtree(root, ignore_errors=True)
		name = f"{server['name']}, {client}"
		results += judge(server, client, name, bare, in_cage)
		if bare_kept is not None:
			results.append(judge_kept(name, bare_kept, caged_kept))
		if reduced is not None:
			results += judge(server, client, f"{name}, reduced", bare, reduced)
			if bare_kept is not None:
				results.append(judge_kept(f"{name}, reduced", bare_kept, reduced_kept))
	return results


def reduced_mode():
	"""Whether it can be had: "" or why not."""
	with tempfile.TemporaryDirectory(prefix="mcpcage-real-") as state:
		done = subprocess.run([*WITHOUT, os.environ["MCPCAGE"], "--state", state, "--reduced", "--", "/bin/true"], stdin=subprocess.DEVNULL,
				      stderr=subprocess.PIPE, text=True, check=False)
	return "" if done.returncode == 0 else done.stderr


no_reduced = reduced_mode()
REDUCED = not no_reduced
if no_reduced:
	ok("needs Landlock of ABI" in no_reduced, "the reduced mode is missing only where Landlock is too old", no_reduced)
with open(os.path.join(SOURCE, "servers.json"), encoding="utf-8") as servers_file:
	servers = [s for s in json.load(servers_file) if not ONLY or re.search(ONLY, s["name"])]
if not ONLY:
	npm = {s["command"][0] for s in servers if s["from"] == "npm"}
	pypi = {s["command"][0] for s in servers if s["from"] == "pypi"}
	ok(len(npm) >= 8 and len(pypi) >= 3, "at least eight npm servers and three PyPI servers", f"{npm} {pypi}")
if not OFFLINE:
	diag("bare servers run with the network: unshare(1) cannot take it away here")
if not shutil.which("git"):
	tap_skip("git is missing: two servers are left out")
	servers = [s for s in servers if not s.get("git")]
with concurrent.futures.ThreadPoolExecutor(max_workers=max(2, os.cpu_count() or 2)) as pool:
	for outcome in pool.map(compare, servers):
		for good, what, why in outcome:
			ok(good, what, why)
done_testing()
