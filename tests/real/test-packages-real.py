#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Real packages by the lines that are published for them: `mcpcage -- npx -y PACKAGE` does what `npx -y PACKAGE` does.

Each server of packages.json is installed twice, by npx or uvx themselves and by mcpcage into a store of the test's own (with
`mcpcage fetch`, or `first`: in its first session, whose client waits). Then the same client drives both. Bare, the runner is offline
and without install scripts, unless the server is about those, so that nobody is talked to but the registries that npm and uv are
configured for. What the packages depend on is that of one day (BEFORE).

Needs the network, and what tests/real/install.sh installs: the clients, and uv.
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
from sessions import (GIT, MCPCAGE, OFFLINE, SOURCE, VENV, caged, clients_of, drive, fill, judge, judge_kept, kept, need_installed,
		      prepare)
from tap import diag, done_testing, ok, tap_skip, tap_skip_all

ONLY = os.environ.get("MCPCAGE_REAL_ONLY")
BEFORE = "2026-11-20T00:00:00Z"
INSTALL_TIMEOUT = 240
CHROMIUM = "/usr/bin/chromium"
# How registries are reached from here: clients of MCP hand on nothing by themselves.
REACH = re.compile(r"(?i)(NPM_CONFIG|UV|PIP)_.*|SSL_CERT_(FILE|DIR)|NODE_EXTRA_CA_CERTS|((HTTPS?|ALL|NO)_PROXY)")

need_installed()
os.environ["PATH"] += ":" + VENV
for tool in ("npx", "uvx"):
	if not shutil.which(tool):
		tap_skip_all(f"{tool} is missing: run contrib/check, or make real-servers")


def reach():
	env = {k: v for k, v in os.environ.items() if REACH.fullmatch(k)}
	own = os.path.expanduser("~/.npmrc")
	if os.path.exists(own) and not any(k.lower() == "npm_config_userconfig" for k in env):
		env["NPM_CONFIG_USERCONFIG"] = own
	return {**env, "NPM_CONFIG_BEFORE": BEFORE, "UV_EXCLUDE_NEWER": BEFORE}


class Bench:
	"""The folders that all servers share: the store of mcpcage, and the caches of npx and uvx."""

	def __init__(self):
		self.root = tempfile.mkdtemp(prefix="mcpcage-packages-", dir="/var/tmp")
		self.ours = {**reach(), "XDG_DATA_HOME": os.path.join(self.root, "data")}
		self.theirs = {**reach(), "NPM_CONFIG_CACHE": os.path.join(self.root, "npm"), "NPM_CONFIG_UPDATE_NOTIFIER": "false",
			       "UV_CACHE_DIR": os.path.join(self.root, "uv"), "UV_PYTHON_DOWNLOADS": "never"}

	def close(self):
		subprocess.run(["chmod", "-R", "u+w", self.root], check=False)  # what is in the store is read-only
		shutil.rmtree(self.root, ignore_errors=True)

	def run(self, argv, env):
		try:
			p = subprocess.run(argv, env={**os.environ, **env}, cwd=self.root, stdin=subprocess.DEVNULL, capture_output=True,
					   timeout=INSTALL_TIMEOUT, check=False)
		except subprocess.TimeoutExpired as e:
			return "timeout", "", (e.stderr or b"").decode("utf-8", "replace")
		return p.returncode, p.stdout.decode("utf-8", "replace"), p.stderr.decode("utf-8", "replace")

	def fetch_bare(self, server):
		"""Have npx or uvx install it, and start something harmless of it."""
		if server["from"] == "npm":
			packages = [w for word in server["command"] if re.search(".@[0-9]", word) for w in ("--package", word)]
			scripts = "false" if server.get("scripts") else "true"
			return self.run(["npx", "-y", *packages, "--", "node", "-e", "0"], {**self.theirs, "NPM_CONFIG_IGNORE_SCRIPTS": scripts})
		package = next(word for word in server["command"] if "==" in word)
		more = [w for word in server["command"] if word.startswith("mcp<") for w in ("--with", word)]
		return self.run(["uvx", "--from", package, *more, "python", "-c", ""], self.theirs)


	def need_network(self):
		"""Ends the test where no registry answers; what else is wrong with one shows in the tests."""
		_, _, err = self.run(["npm", "view", "--fetch-retries=0", "mcp-hello-world", "version"], self.theirs)
		if re.search("ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ENETUNREACH|EHOSTUNREACH|ETIMEDOUT", err):
			self.close()
			tap_skip_all("there is no network: npm's registry cannot be reached")


def options_of(server):
	return ["--allow-scripts"] if server.get("scripts") else []


def install(bench, server, name):
	results = []
	status, out, err = bench.fetch_bare(server)
	results.append((status == 0, f"{name}: its runner installs it", f"{status} {out[-500:]}\n{err[-1500:]}"))
	if server.get("first"):
		return results
	fetch = [MCPCAGE, "fetch", "--json", "--audit", "off"]
	line = ["--", *fill(server["command"], "/nonexistent")]
	status, out, err = bench.run([*fetch, *options_of(server), *line], bench.ours)
	results.append((status == 0, f"{name}: mcpcage installs it", f"{status} {out[-500:]}\n{err[-1500:]}"))
	if server.get("scripts"):
		# The same package without its scripts is another entry of the store.
		status, out, err = bench.run([*fetch, *line], bench.ours)
		results.append((status == 0 and "has install scripts, which were not run" in err, f"{name}: and says what is not run without leave",
				f"{status} {err[-1500:]}"))
	return results


def session(bench, server, client, root, in_cage):
	data = prepare(server, root)
	env = fill({**server.get("env", {}), **(GIT if server.get("git") else {})}, data)
	command = fill(server["command"], data)
	if in_cage:
		out = drive(server, client, root, [*caged(server, root, env), *options_of(server), "--", *command], bench.ours)
	else:
		# A cage has a /tmp of its own; a name in the machine's may be somebody else's.
		offline = {**bench.theirs, "NPM_CONFIG_OFFLINE": "true", "UV_OFFLINE": "1", "TMPDIR": os.path.join(root, "home")}
		out = drive(server, client, root, [*OFFLINE, *command], {**env, **offline, **server.get("bare_env", {})})
	return out, kept(data) if server.get("kept") else None


def compare(bench, server):
	name = f"{server['from']}, {server['name']}"
	results = install(bench, server, name)
	if not all(good for good, _, _ in results):
		return results
	for client in clients_of(server):
		root = tempfile.mkdtemp(prefix="mcpcage-real-")
		try:
			bare, bare_kept = session(bench, server, client, root, False)
			in_cage, caged_kept = session(bench, server, client, root, True)
			results += judge(server, client, f"{name}, {client}", bare, in_cage)
			if bare_kept is not None:
				results.append(judge_kept(name, bare_kept, caged_kept))
			fetched = "fetching" in in_cage[1]
			if server.get("first") and client == clients_of(server)[0]:
				results.append((fetched, f"{name}: it was installed while its client waited", in_cage[1]))
			else:
				results.append((not fetched, f"{name}, {client}: it came from the store", in_cage[1]))
		finally:
			shutil.rmtree(root, ignore_errors=True)
	return results


def load():
	with open(os.path.join(SOURCE, "packages.json"), encoding="utf-8") as f:
		servers = [s for s in json.load(f) if not ONLY or re.search(ONLY, s["name"])]
	if not ONLY:
		count = {kind: sum(s["from"] == kind for s in servers) for kind in ("npm", "pypi")}
		ok(count["npm"] >= 15 and count["pypi"] >= 8, f"{count['npm']} packages of npm and {count['pypi']} of PyPI")
	for server in servers:
		# The TypeScript client waits a minute for its first answer, the other one as long as it takes.
		server.setdefault("clients", ["py" if server["from"] == "pypi" or server.get("first") else "ts"])
	if not OFFLINE:
		diag("bare servers run with the network: unshare(1) cannot take it away here")
	for need, there, what in (("git", shutil.which("git"), "git"), ("browser", os.access(CHROMIUM, os.X_OK), "the browser (chromium)")):
		if not there and any(s.get(need) for s in servers):
			tap_skip(f"{what} is missing: servers are left out")
			servers = [s for s in servers if not s.get(need)]
	return servers


def main():
	bench = Bench()
	bench.need_network()
	servers = load()
	try:
		with concurrent.futures.ThreadPoolExecutor(max_workers=max(3, os.cpu_count() or 2)) as pool:
			for outcome in pool.map(lambda server: compare(bench, server), servers):
				for good, what, why in outcome:
					ok(good, what, why)
		status, out, err = bench.run([MCPCAGE, "store", "verify"], bench.ours)
		ok(status == 0, "every byte of the store is what was installed, after all these sessions", f"{status} {out[-2000:]} {err[-2000:]}")
	finally:
		bench.close()
	done_testing()


main()
