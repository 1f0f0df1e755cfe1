#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Real servers, driven by clients that are not ours: what they do bare, they do in the cage.

Each server of servers.json is started by the TypeScript SDK's client, by the Python SDK's and, where it says so, by the
Inspector's command line: once bare and once behind $MCPCAGE, with a fresh copy of the same data at the same place. The
answers have to be equal to the last character, but for what a server takes from the clock or the process table
(`ignore`), and with `kept` the data folder has to look alike afterwards. A step "refused" is a call that the server itself
refuses: caged, mcpcage does so in its place.

The servers come from tests/real/install.sh, in $MCPCAGE_REAL or tests/real/installed of the build folder.
"""

import concurrent.futures
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import zipfile

SOURCE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(SOURCE))
from tap import bail_out, diag, done_testing, ok, tap_skip, tap_skip_all

MCPCAGE = os.environ.get("MCPCAGE", "")
INSTALLED = os.environ.get("MCPCAGE_REAL") or os.path.join(os.environ.get("top_builddir", "."), "tests/real/installed")
ONLY = os.environ.get("MCPCAGE_REAL_ONLY")
NODE_MODULES = os.path.join(INSTALLED, "node_modules")
VENV = os.path.join(INSTALLED, "venv", "bin")
DATE = "2026-01-02T03:04:05+00:00"
GIT = {"GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.org", "GIT_AUTHOR_DATE": DATE, "GIT_COMMITTER_NAME": "A",
       "GIT_COMMITTER_EMAIL": "a@example.org", "GIT_COMMITTER_DATE": DATE, "GIT_CONFIG_GLOBAL": "/dev/null"}
TIMEOUT = 90

if not os.path.exists(os.path.join(INSTALLED, "stamp")):
	tap_skip_all("the real servers are not installed: run contrib/check, or make real-servers")
node = shutil.which("node")
if not node:
	tap_skip_all("node is missing")
if not MCPCAGE or not os.access(MCPCAGE, os.X_OK):
	bail_out("MCPCAGE does not name the program")


def no_network():
	"""A prefix under which a bare server has no network either, so that it does not talk to anybody."""
	prefix = ["unshare", "--user", "--map-current-user", "--net", "--"]
	try:
		done = subprocess.run([*prefix, "true"], stderr=subprocess.DEVNULL, check=False)
	except OSError:
		return []
	return prefix if done.returncode == 0 else []


OFFLINE = no_network()


def fill(value, data):
	return json.loads(json.dumps(value).replace("{data}", data))


def workbook(path):
	"""The smallest file that a spreadsheet program opens."""
	main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
	package = "http://schemas.openxmlformats.org/package/2006"
	office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
	kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
	parts = {
		"[Content_Types].xml": f'<Types xmlns="{package}/content-types"><Default Extension="rels" ContentType="application/'
		f'vnd.openxmlformats-package.relationships+xml"/><Override PartName="/xl/workbook.xml" ContentType="{kind}.sheet.main+xml"/>'
		f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{kind}.worksheet+xml"/></Types>',
		"_rels/.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" Type="{office}/officeDocument" '
		'Target="xl/workbook.xml"/></Relationships>',
		"xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets><sheet name="Sheet1" sheetId="1" r:id="r1"/></sheets></workbook>',
		"xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" '
		f'Type="{office}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
		"xl/worksheets/sheet1.xml": f'<worksheet xmlns="{main}"><sheetData/></worksheet>',
	}
	with zipfile.ZipFile(path, "w") as z:
		for name, text in parts.items():
			z.writestr(name, '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n' + text)


def prepare(server, root):
	"""A fresh data folder, always at the same place."""
	for name in ("data", "home"):
		shutil.rmtree(os.path.join(root, name), ignore_errors=True)
		os.mkdir(os.path.join(root, name))
	data = os.path.join(root, "data")
	for name, text in server.get("files", {}).items():
		path = os.path.join(data, name)
		os.makedirs(os.path.dirname(path), exist_ok=True)
		with open(path, "w", encoding="utf-8") as f:
			f.write(text)
		os.utime(path, (1.7e9, 1.7e9))
	if "binary" in server:
		workbook(os.path.join(data, server["binary"]))
	if server.get("git"):
		env = {**os.environ, **GIT, "HOME": os.path.join(root, "home")}
		for argv in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-q", "-m", "first"]):
			subprocess.run(["git", *argv], cwd=data, env=env, check=True)
	return data


def kept(data):
	"""What is in the data folder: names and contents; of databases and workbooks, which carry times, the names."""
	found = {}
	for folder, folders, files in os.walk(data):
		for name in sorted(files):
			path = os.path.join(folder, name)
			with open(path, "rb") as f:
				found[os.path.relpath(path, data)] = f.read().decode("utf-8", "replace")
		found.update({os.path.relpath(os.path.join(folder, d), data): None for d in folders if not os.listdir(os.path.join(folder, d))})
	return found


def run(server, client, root, caged):
	data = prepare(server, root)
	tools = os.path.join(NODE_MODULES, ".bin") if server["from"] == "npm" else VENV
	env = fill({**server.get("env", {}), **(GIT if server.get("git") else {})}, data)
	program, *args = fill(server["command"], data)
	command = [os.path.join(tools, program), *args]
	if caged:
		options = ["--state", os.path.join(root, "state"), *fill(server.get("options", []), data)]
		if "policy" in server:
			policy = os.path.join(root, "policy.json")
			with open(policy, "w", encoding="utf-8") as f:
				json.dump(fill(server["policy"], data), f)
			options += ["--policy", policy]
		for name, value in env.items():
			options += ["--env", f"{name}={value}"]
		command = [MCPCAGE, *options, "--", *command]
	else:
		command = [*OFFLINE, *command]
	script = {"data": data, "env": {} if caged else env, "steps": fill(server.get("steps", []), data)}
	script_file = os.path.join(root, "script.json")
	with open(script_file, "w", encoding="utf-8") as f:
		json.dump(script, f)
	outer = {**os.environ, "HOME": os.path.join(root, "home"), "MCPCAGE_NODE_MODULES": NODE_MODULES}
	if client == "inspector":
		out = inspector(server, root, command, script["env"], outer)
	else:
		runner = {"ts": [node, os.path.join(SOURCE, "client.mjs")],
			  "py": [os.path.join(VENV, "python"), os.path.join(SOURCE, "client.py")]}[client]
		out = finish([*runner, script_file, *command], outer)
	return out, kept(data) if server.get("kept") else None


def finish(argv, env):
	try:
		p = subprocess.run(argv, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
				   timeout=TIMEOUT, check=False)
	except subprocess.TimeoutExpired as e:
		return (e.stdout or b"").decode("utf-8", "replace"), (e.stderr or b"").decode("utf-8", "replace"), "timeout"
	return p.stdout.decode("utf-8", "replace"), p.stderr.decode("utf-8", "replace"), p.returncode


def inspector(server, root, command, env, outer):
	"""The Inspector cuts its own command line at a "--" in the server's, so the server's is in a script."""
	start = os.path.join(root, "start.sh")
	with open(start, "w", encoding="utf-8") as f:
		f.write("#!/bin/sh\nexec " + shlex.join(command) + "\n")
	os.chmod(start, 0o755)
	config = os.path.join(root, "config.json")
	with open(config, "w", encoding="utf-8") as f:
		json.dump({"mcpServers": {"s": {"command": start, "args": [], "env": env}}}, f)
	cli = [node, os.path.join(NODE_MODULES, "@modelcontextprotocol/inspector-cli/build/cli.js"),
	       "--config", config, "--server", "s", "--cli"]
	out, err, status = finish([*cli, "--method", "tools/list"], outer)
	return out + "\n", err, status


def normal(text, server):
	for pattern in server.get("ignore", []):
		text = re.sub(pattern, "<changes>", text)
	return text


def fails(line):
	"""Whether a step's answer is an error of any kind."""
	value = json.loads(line)[1]
	return "thrown" in value or "raised" in value or value.get("result", {}).get("isError") is True


def refusals(server, bare, caged):
	"""Steps that the server refuses bare and mcpcage refuses in its place: taken out of both, and told which do not hold."""
	bad = []
	lines = [bare.split("\n"), caged.split("\n")]
	for i, step in enumerate(server["steps"], 1):
		if step[0] != "refused" or i >= min(map(len, lines)) or not lines[0][i] or not lines[1][i]:
			continue
		if not fails(lines[0][i]) or not fails(lines[1][i]) or "mcpcage refused" not in lines[1][i] or "mcpcage" in lines[0][i]:
			bad.append(f"bare: {lines[0][i][:300]}\ncaged: {lines[1][i][:300]}")
		lines[0][i] = lines[1][i] = "refused"
	return "\n".join(lines[0]), "\n".join(lines[1]), bad


def first_difference(a, b):
	for x, y in zip(a.split("\n"), b.split("\n")):
		if x != y:
			at = next((i for i, (p, q) in enumerate(zip(x, y)) if p != q), min(len(x), len(y)))
			return f"bare:  ...{x[max(0, at - 200):at + 200]}\ncaged: ...{y[max(0, at - 200):at + 200]}"
	return f"bare has {len(a)} characters, caged {len(b)}"


def compare(server):
	"""Both starts for every client of this server; returns assertions for the main thread to print."""
	results = []
	clients = list(server.get("clients", ["ts", "py"])) + (["inspector"] if server.get("inspector") else [])
	for client in clients:
		root = tempfile.mkdtemp(prefix="mcpcage-real-")
		try:
			(bare, bare_err, bare_status), bare_kept = run(server, client, root, False)
			(caged, caged_err, caged_status), caged_kept = run(server, client, root, True)
		finally:
			shutil.rmtree(root, ignore_errors=True)
		name = f"{server['name']}, {client}"
		steps = len(server["steps"]) + 1 if client != "inspector" else None
		lines = bare.count("\n")
		results.append((bare_status == 0 and (lines == steps if steps else lines > 10), f"{name}: runs bare",
				f"status {bare_status}, {lines} lines of {steps}\n{bare[-500:]}\n{bare_err[-1500:]}"))
		results.append((caged_status == 0, f"{name}: runs caged", f"status {caged_status}\n{caged[-500:]}\n{caged_err[-2500:]}"))
		if client != "inspector":
			bare, caged, bad = refusals(server, bare, caged)
			if any(step[0] == "refused" for step in server["steps"]):
				results.append((not bad, f"{name}: what the server would refuse is refused before it", "\n".join(bad)))
		a, b = normal(bare, server), normal(caged, server)
		results.append((a == b, f"{name}: {steps or 1} answers are equal, {len(a)} characters", first_difference(a, b)))
		if bare_kept is not None:
			results.append((bare_kept == caged_kept, f"{name}: what it wrote is equal", f"bare {bare_kept}\ncaged {caged_kept}"[:3000]))
	return results


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
