# SPDX-License-Identifier: LGPL-2.1-or-later
"""One server, driven twice by a client that is not ours: what the tests with real servers have in common.

What is installed is in $MCPCAGE_REAL, or in tests/real/installed of the build folder (install.sh).
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import zipfile

SOURCE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(SOURCE))
from tap import bail_out, tap_skip_all

MCPCAGE = os.environ.get("MCPCAGE", "")
INSTALLED = os.path.abspath(os.environ.get("MCPCAGE_REAL") or os.path.join(os.environ.get("top_builddir", "."), "tests/real/installed"))
NODE_MODULES = os.path.join(INSTALLED, "node_modules")
VENV = os.path.join(INSTALLED, "venv", "bin")
NODE = shutil.which("node")
DATE = "2026-01-02T03:04:05+00:00"
GIT = {"GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.org", "GIT_AUTHOR_DATE": DATE, "GIT_COMMITTER_NAME": "A",
       "GIT_COMMITTER_EMAIL": "a@example.org", "GIT_COMMITTER_DATE": DATE, "GIT_CONFIG_GLOBAL": "/dev/null"}
TIMEOUT = 90


def need_installed():
	"""Ends a test that cannot run here."""
	if not os.path.exists(os.path.join(INSTALLED, "stamp")):
		tap_skip_all("the real servers are not installed: run contrib/check, or make real-servers")
	if not NODE:
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


def caged(server, root, env):
	"""mcpcage and its options for this server; ENV is what the server is to get."""
	data = os.path.join(root, "data")
	options = ["--state", os.path.join(root, "state"), *fill(server.get("options", []), data)]
	if "policy" in server:
		policy = os.path.join(root, "policy.json")
		with open(policy, "w", encoding="utf-8") as f:
			json.dump(fill(server["policy"], data), f)
		options += ["--policy", policy]
	for name, value in env.items():
		options += ["--env", f"{name}={value}"]
	return [MCPCAGE, *options]


def drive(server, client, root, command, env):
	"""Drive COMMAND, which gets ENV beside what clients give; returns output, messages, status."""
	data = os.path.join(root, "data")
	script = {"data": data, "env": env, "steps": fill(server.get("steps", []), data)}
	script_file = os.path.join(root, "script.json")
	with open(script_file, "w", encoding="utf-8") as f:
		json.dump(script, f)
	outer = {**os.environ, "HOME": os.path.join(root, "home"), "MCPCAGE_NODE_MODULES": NODE_MODULES}
	if client == "inspector":
		return inspector(root, command, env, outer)
	runner = {"ts": [NODE, os.path.join(SOURCE, "client.mjs")], "py": [os.path.join(VENV, "python"), os.path.join(SOURCE, "client.py")]}
	return finish([*runner[client], script_file, *command], outer)


def finish(argv, env):
	try:
		p = subprocess.run(argv, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
				   timeout=TIMEOUT, check=False)
	except subprocess.TimeoutExpired as e:
		return (e.stdout or b"").decode("utf-8", "replace"), (e.stderr or b"").decode("utf-8", "replace"), "timeout"
	return p.stdout.decode("utf-8", "replace"), p.stderr.decode("utf-8", "replace"), p.returncode


def inspector(root, command, env, outer):
	"""The Inspector cuts its own command line at a "--" in the server's, so the server's is in a script."""
	start = os.path.join(root, "start.sh")
	with open(start, "w", encoding="utf-8") as f:
		f.write("#!/bin/sh\nexec " + shlex.join(command) + "\n")
	os.chmod(start, 0o755)
	config = os.path.join(root, "config.json")
	with open(config, "w", encoding="utf-8") as f:
		json.dump({"mcpServers": {"s": {"command": start, "args": [], "env": env}}}, f)
	cli = [NODE, os.path.join(NODE_MODULES, "@modelcontextprotocol/inspector-cli/build/cli.js"),
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


def judge(server, client, name, bare, caged):
	"""What two sessions came to, each as of drive(): assertions (good, what, why)."""
	(bare, bare_err, bare_status), (caged, caged_err, caged_status) = bare, caged
	steps = len(server["steps"]) + 1 if client != "inspector" else None
	lines = bare.count("\n")
	results = [(bare_status == 0 and (lines == steps if steps else lines > 10), f"{name}: runs bare",
		    f"status {bare_status}, {lines} lines of {steps}\n{bare[-500:]}\n{bare_err[-1500:]}"),
		   (caged_status == 0, f"{name}: runs caged", f"status {caged_status}\n{caged[-500:]}\n{caged_err[-2500:]}")]
	if client != "inspector":
		bare, caged, bad = refusals(server, bare, caged)
		if any(step[0] == "refused" for step in server["steps"]):
			results.append((not bad, f"{name}: what the server would refuse is refused before it", "\n".join(bad)))
	a, b = normal(bare, server), normal(caged, server)
	return [*results, (a == b, f"{name}: {steps or 1} answers are equal, {len(a)} characters", first_difference(a, b))]


def judge_kept(name, bare, caged):
	return (bare == caged, f"{name}: what it wrote is equal", f"bare {bare}\ncaged {caged}"[:3000])


def clients_of(server):
	return list(server.get("clients", ["ts", "py"])) + (["inspector"] if server.get("inspector") else [])
