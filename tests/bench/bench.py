#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""`make bench`: what the cage and the mediator cost, beside what one would use without them.

Everything is measured in turns with its counterpart in the same run, and compared by medians. Prints a table and writes
the numbers as JSON. It fails when a goal is missed, but no test calls it: numbers belong to a quiet machine.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--programs", default="tests/bench", help="folder of the programs that were built for this")
parser.add_argument("--json", default="bench.json")
parser.add_argument("--quick", action="store_true", help="a tenth of the rounds, to see that it works")
parser.add_argument("--only", default="abcdefghijkl", help="which of the twelve to measure")
options = parser.parse_args()

MCPCAGE = os.environ["MCPCAGE"]
PROGRAMS = os.path.abspath(options.programs)
CLIENT, RELAY, ECHO, STAMP, VERIFY = (
	os.path.join(PROGRAMS, p) for p in ("bench-client", "relay", "echo-server", "stamp", "verify-bench"))
STATE = tempfile.mkdtemp(prefix="mcpcage-bench-")
DOCUMENTS = tempfile.mkdtemp(prefix="mcpcage-bench-documents-")
CAGE = [MCPCAGE, "--state", STATE]
SCALE = 10 if options.quick else 1
MiB = 1 << 20

rows = []
numbers = {}


def measure(mode, rounds, commands, *more, env=None):
	"""Lists of seconds, one for each command."""
	argv = [CLIENT, mode, str(max(rounds // SCALE, 5)), *more]
	for c in commands:
		argv += [":::", *c]
	with open(os.path.join(STATE, "stderr"), "ab") as err:
		done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=err, env=env, check=False)
	if done.returncode != 0:
		with open(os.path.join(STATE, "stderr"), encoding="utf-8", errors="replace") as f:
			sys.exit(f"bench-client {mode} failed:\n{f.read()[-2000:]}")
	return [[int(x) / 1e9 for x in line.split()] for line in done.stdout.decode().splitlines()]


def row(key, what, ours, theirs, unit, value, goal, best=None, at_least=False):
	good = value >= goal if at_least else value <= goal
	wanted = ("≥ " if at_least else "≤ ") + f"{goal:g}" + (f" (goal {best:g})" if best else "")
	rows.append(("✓" if good else "✗", what, ours, theirs, f"{value:.3g}{unit}", wanted))
	numbers[key] = {"value": value, "goal": goal, "met": good}


# ---- (a) start, against bwrap with the same mounts and namespaces -------------------------------------------------------

def mounts_of_plan():
	"""What `mcpcage explain --json` says it mounts, as bwrap's options."""
	done = subprocess.run([MCPCAGE, "explain", "--state", STATE, "--json", "--", STAMP], stdout=subprocess.PIPE, check=True)
	argv = []
	data = 0
	for m in json.loads(done.stdout)["mounts"]:
		kind, dest, source = m["kind"], m["path"], m.get("source")
		if kind == "bind":
			argv += ["--bind" if m["write"] else "--ro-bind", source, dest]
		elif kind == "tmpfs":
			argv += ["--size", str(m["size"])] if m.get("size") else []
			argv += ["--tmpfs", dest]
		elif kind in ("proc", "dev", "dir"):
			argv += ["--" + kind, dest]
		elif kind == "symlink":
			argv += ["--symlink", source, dest]
		elif kind == "data":
			# bwrap would take the content from a descriptor; a file that is there is no slower
			path = os.path.join(STATE, f"data{data}")
			data += 1
			with open(path, "w", encoding="utf-8") as f:
				f.write("data\n")
			argv += ["--ro-bind", path, dest]
		else:
			print(f"bench: bwrap is left without the {kind} at {dest}", file=sys.stderr)
	return argv


def start_up():
	if not shutil.which("bwrap"):
		print("bench: bwrap is not installed: start-up is left out", file=sys.stderr)
		return
	# bwrap has no time namespace; the others are the same.
	bwrap = ["bwrap", "--unshare-user", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup",
		 "--die-with-parent", "--new-session", *mounts_of_plan(), "--", STAMP]
	ours, theirs, bare = measure("start", 300, [[*CAGE, "--", STAMP], bwrap, [STAMP]])
	a, b = statistics.median(ours), statistics.median(theirs)
	row("start", "start, to the payload's first instruction", f"{a * 1e3:.2f} ms", f"bwrap {b * 1e3:.2f} ms", " x", a / b, 1.0, 0.7)
	numbers["start"].update(mcpcage_ms=a * 1e3, bwrap_ms=b * 1e3, bare_ms=statistics.median(bare) * 1e3)


# ---- (b), (c) messages, against a relay that looks at nothing -------------------------------------------------------------

def round_trip():
	ours, theirs = measure("trip", 20000, [[*CAGE, "--", ECHO], [RELAY, ECHO]])
	a, b = statistics.median(ours), statistics.median(theirs)
	row("trip", "round trip of a tools/call of 120 bytes", f"{a * 1e6:.1f} µs", f"relay {b * 1e6:.1f} µs", " x", a / b, 1.25)
	numbers["trip"].update(mcpcage_us=a * 1e6, relay_us=b * 1e6)


POLICY = {"tools": {"rules": [{"tool": "echo", "verdict": "allow", "arguments": {
	"type": "object", "properties": {"x": {"type": "string", "minLength": 1, "maxLength": 4096}}, "required": ["x"]}}]}}


def checked_trip():
	"""With all that is done to a call: pinned schema, a rule of policy with a schema of its own, all shipped rules over texts."""
	policy = os.path.join(STATE, "policy.json")
	with open(policy, "w", encoding="utf-8") as f:
		json.dump(POLICY, f)
	ours, theirs = measure("trip", 20000, [[*CAGE, "--policy", policy, "--", ECHO], [RELAY, ECHO]])
	a, b = statistics.median(ours), statistics.median(theirs)
	row("checked_trip", "the same, with a policy's schema as well", f"{a * 1e6:.1f} µs", f"relay {b * 1e6:.1f} µs", " x", a / b, 1.35)
	numbers["checked_trip"].update(mcpcage_us=a * 1e6, relay_us=b * 1e6)


def throughput():
	size = 8 * MiB
	ours, theirs = measure("bulk", 60, [[*CAGE, "--", ECHO], [RELAY, ECHO]], str(size))
	a, b = size / statistics.median(ours) / MiB, size / statistics.median(theirs) / MiB
	row("bulk", "throughput of images of 8 MiB base64", f"{a:.0f} MiB/s", f"relay {b:.0f} MiB/s", " x", a / b, 0.6, at_least=True)
	numbers["bulk"].update(mcpcage_mib_s=a, relay_mib_s=b)


# ---- (f), (g) texts and manifests, and how their cost grows ---------------------------------------------------------------

def plot(what, unit, points, scale):
	"""POINTS: (size, label, seconds of ours, of theirs). A bar is the time for one unit of size: level bars are linear cost."""
	top = max(ours / size for size, _, ours, _ in points)
	print(f"{what}, {unit}; a bar for the time of one")
	for size, label, ours, theirs in points:
		bar = "█" * max(1, round(40 * (ours / size) / top))
		print(f"  {label:>9}  {ours * 1e3:9.3f} ms  (relay {theirs * 1e3:8.3f})  {ours / size * scale:8.3f}  {bar}")
	numbers.setdefault("growth", {"value": 0, "goal": 0, "met": True})[what] = [
		{"size": size, "mcpcage_s": ours, "relay_s": theirs} for size, _, ours, theirs in points]


def texts():
	points = []
	for kib in (1, 4, 16, 64, 256, 1024, 4096):
		size = kib << 10
		ours, theirs = measure("text", 4000 // (kib + 16) + 20, [[*CAGE, "--", ECHO], [RELAY, ECHO]], str(size))
		points.append((size, f"{kib} KiB", statistics.median(ours), statistics.median(theirs)))
	plot("text results", "µs a KiB", points, 1e6 * 1024)
	ours, theirs = next(p[2:] for p in points if p[0] == MiB)
	row("text", "throughput of text of 1 MiB, all shipped rules", f"{MiB / ours / 1e6:.0f} MB/s", f"relay {MiB / theirs / 1e6:.0f} MB/s",
	    " MB/s", MiB / ours / 1e6, 100, at_least=True)
	small, large = points[3], points[-1]
	row("text_growth", "a KiB of 4 MiB of text, against one of 64 KiB", "", "", " x",
	    (large[2] / large[0]) / (small[2] / small[0]), 1.5)


def manifests():
	points = []
	for n in (25, 50, 100, 200, 400):
		command = [ECHO, str(n)]
		ours, theirs = measure("list", 100, [[*CAGE, "--", *command], [RELAY, *command]])
		points.append((n, f"{n} tools", statistics.median(ours), statistics.median(theirs)))
	plot("lists of tools, pinned and verified", "µs a tool", points, 1e6)
	ours, theirs = next(p[2:] for p in points if p[0] == 200)
	row("manifest", "200 tools listed: verified, cleaned, searched", f"{ours * 1e3:.2f} ms", f"relay {theirs * 1e3:.2f} ms",
	    " ms more", (ours - theirs) * 1e3, 5)
	row("manifest_growth", "a tool of 400, against one of 50", "", "", " x",
	    (points[4][2] / points[4][0]) / (points[1][2] / points[1][0]), 1.5)


# ---- (d), (e) sessions driven from here -----------------------------------------------------------------------------------

HELLO = (b'{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},'
	 b'"clientInfo":{"name":"bench","version":"1"}}}\n{"jsonrpc":"2.0","method":"notifications/initialized"}\n')
LIST = b'{"jsonrpc":"2.0","id":0,"method":"tools/list"}\n'


def tool_call(ident, size=0):
	name, arguments = (b"big", b'{"bytes":%d}' % size) if size else (b"echo", b'{"x":"a"}')
	return b'{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"%s","arguments":%s}}\n' % (ident, name, arguments)


def open_session(*more):
	return subprocess.Popen([*CAGE, "--", ECHO, *more], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0)


def ask(p, message):
	"""Whether an answer came."""
	try:
		p.stdin.write(message)
	except OSError:
		return False
	last = b""
	while not last.endswith(b"\n"):
		last = p.stdout.read(1 << 20)
		if not last:
			return False
	return True


def family(pid):
	found, todo, parents = [pid], [pid], {}
	for name in os.listdir("/proc"):
		if name.isdigit():
			try:
				with open(f"/proc/{name}/stat", "rb") as f:
					parents[int(name)] = int(f.read().rsplit(b")", 1)[1].split()[1])
			except OSError:
				pass
	while todo:
		p = todo.pop()
		children = [c for c, parent in parents.items() if parent == p]
		found += children
		todo += children
	return found


def pss(pid):
	with open(f"/proc/{pid}/smaps_rollup", "rb") as f:
		return sum(int(line.split()[1]) * 1024 for line in f if line.startswith(b"Pss:"))


def memory():
	p = open_session("200")
	ask(p, HELLO)
	ask(p, LIST)
	for i in range(100):
		ask(p, tool_call(i + 2))
	for i in range(3):
		ask(p, tool_call(i + 200, 4 * MiB))
	time.sleep(4)  # idle
	total, count = 0, 0
	try:
		for pid in family(p.pid):
			with open(f"/proc/{pid}/comm", "rb") as f:
				if f.read().startswith(b"echo-server"):
					continue
			total += pss(pid)
			count += 1
	except OSError as e:
		print(f"bench: memory is left out: {e} (only root can look into the confined processes)", file=sys.stderr)
		return
	finally:
		p.stdin.close()
		p.wait()
	row("memory", f"memory of an idle session, {count} processes, 200 tools", f"{total / MiB:.2f} MiB", "", " MiB", total / MiB, 6, 4)


def crowd(n):
	"""Seconds until N sessions have answered, and how many failed."""
	start = time.monotonic()
	sessions = [open_session() for _ in range(n)]
	for p in sessions:
		p.stdin.write(HELLO)
	bad = {p for p in sessions if not p.stdout.readline()}
	bad |= {p for p in sessions if not ask(p, LIST)}
	bad |= {p for i, p in enumerate(sessions) if not ask(p, tool_call(i + 2))}
	took = time.monotonic() - start
	for p in sessions:
		p.stdin.close()
	bad |= {p for p in sessions if p.wait() != 0}
	for p in sessions:
		p.stdout.close()
	return took, len(bad)


def many():
	sizes = (10, 50, 100)
	times = {n: [] for n in sizes}
	failed = 0
	for _ in range(1 if options.quick else 3):
		for n in sizes:
			took, bad = crowd(n)
			times[n].append(took)
			failed += bad
	t = {n: min(v) for n, v in times.items()}
	row("many_failed", "sessions that failed, of 10, 50 and 100 at once", "", "", "", failed, 0)
	row("many", "a session among 100 at once, against one among 10", f"{t[100] * 10:.1f} ms", f"{t[10] * 100:.1f} ms",
	    " x", (t[100] / 100) / (t[10] / 10), 1.5)
	numbers["many"].update({f"seconds_{n}": t[n] for n in sizes})


# ---- (i) to (l): packages --------------------------------------------------------------------------------------------------

NPX = ["npx", "-y", "@modelcontextprotocol/server-filesystem@2026.8.31", DOCUMENTS]
NPX_PROGRAM = "node_modules/@modelcontextprotocol/server-filesystem/dist/index.js"
UVX = ["uvx", "mcp-server-time==2026.10.10", "--local-timezone", "UTC"]


def package_env():
	"""Caches and a store that are ours, with what is installed for tests/real behind the PATH: uv may be there."""
	real = os.environ.get("MCPCAGE_REAL", os.path.join(PROGRAMS, "..", "real", "installed"))
	return {**os.environ, "XDG_DATA_HOME": os.path.join(STATE, "store"), "NPM_CONFIG_CACHE": os.path.join(STATE, "npm"),
		"UV_CACHE_DIR": os.path.join(STATE, "uv"), "PATH": os.environ["PATH"] + ":" + os.path.join(real, "venv", "bin")}


def fetched(env, line, warm):
	"""Have it installed by its own runner (WARM, which starts nothing) and by us. Where the store has it, or None."""
	if not shutil.which(line[0], path=env["PATH"]):
		print(f"bench: {line[0]} is missing: it is left out (MCPCAGE_REAL can name a folder with uv)", file=sys.stderr)
		return None
	for command in (warm, [MCPCAGE, "fetch", "--audit", "off", "--", *line]):
		done = subprocess.run(command, env=env, stdin=subprocess.DEVNULL, capture_output=True, check=False)
		if done.returncode != 0:
			print(f"bench: {' '.join(line)} is left out: {done.stderr.decode('utf-8', 'replace')[-500:]}", file=sys.stderr)
			return None
	plan = subprocess.run([MCPCAGE, "explain", "--json", "--", *line], env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
	return next(m["source"] for m in json.loads(plan.stdout)["mounts"] if m["path"] == "/opt/package")


def package_rows(key, what, env, line, runner_goal, direct):
	"""Against its runner, and against the program itself."""
	ours, runner, alone = measure("session", 24, [[*CAGE, "--", *line], line, direct], env=env)
	a, b, c = (statistics.median(x) for x in (ours, runner, alone))
	row(key, f"{line[0]}: warm start to the first tools/list", f"{a * 1e3:.0f} ms", f"{line[0]} {b * 1e3:.0f} ms", " x", a / b, runner_goal)
	row(key + "_direct", "the same, against the program alone", f"{a * 1e3:.0f} ms", f"{what} {c * 1e3:.0f} ms", " x", a / c, 1.05)
	numbers[key].update(mcpcage_ms=a * 1e3, runner_ms=b * 1e3, direct_ms=c * 1e3)


def npx():
	env = package_env()
	tree = fetched(env, NPX, ["npx", "-y", "--package", NPX[2], "--", "node", "-e", "0"])
	if tree:
		package_rows("npx", "node", env, NPX, 0.75, [shutil.which("node"), os.path.join(tree, NPX_PROGRAM), DOCUMENTS])


def uvx():
	env = package_env()
	tree = fetched(env, UVX, ["uvx", "--from", UVX[1], "python", "-c", ""])
	if not tree:
		return
	# The program as uv installs it, byte code and all: that of the store is ours.
	venv = os.path.join(STATE, "venv")
	for command in (["uv", "venv", "-q", venv], ["uv", "pip", "install", "-q", "--compile-bytecode", "--python", venv, UVX[1]]):
		subprocess.run(command, env=env, check=True)
	package_rows("uvx", "python", env, UVX, 0.75, [os.path.join(venv, "bin", "mcp-server-time"), *UVX[2:]])


def verification():
	folder = os.path.join(STATE, "trees")
	done = subprocess.run([VERIFY, folder, str(200 // SCALE), "1250", "2500", "5000", "10000"], stdout=subprocess.PIPE, check=True)
	points = {}
	for line in done.stdout.decode().splitlines():
		n, *times = map(int, line.split())
		points[n] = statistics.median(times) / 1e6
	row("verify", "a package of 5000 files verified before a start", f"{points[5000]:.1f} ms", "", " ms", points[5000], 15)
	row("verify_growth", "a file of 10000, against one of 2500", "", "", " x", (points[10000] / 10000) / (points[2500] / 2500), 1.5)
	numbers["verify"].update({f"ms_{n}": ms for n, ms in points.items()})


def five_at_once():
	"""Five clients start what is not installed yet: each gets its answer, and it is installed once."""
	env = {**package_env(), "XDG_DATA_HOME": os.path.join(STATE, "store-of-five")}
	if not shutil.which("npx"):
		print("bench: npx is missing: five at once are left out", file=sys.stderr)
		return
	start = time.monotonic()
	said = [open(os.path.join(STATE, f"said-{i}"), "w+b") for i in range(5)]
	five = [subprocess.Popen([*CAGE, "--", *NPX], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=err, env=env, bufsize=0) for err in said]
	answered = sum([ask(p, HELLO) and ask(p, LIST) for p in five])
	took = time.monotonic() - start
	for p in five:
		p.stdin.close()
		p.wait()
		p.stdout.close()
	installs = 0
	for f in said:
		f.seek(0)
		installs += f.read().count(b": installed ")
		f.close()
	row("five", "five first starts at once: installations", f"{took:.1f} s", f"{answered} of 5 answered", "", installs if answered == 5 else 99, 1)


def main():
	parts = {"a": start_up, "b": round_trip, "c": throughput, "d": memory, "e": many, "f": texts, "g": manifests, "h": checked_trip,
		 "i": npx, "j": uvx, "k": verification, "l": five_at_once}
	try:
		for key, part in parts.items():
			if key in options.only:
				part()
	finally:
		subprocess.run(["chmod", "-R", "u+w", STATE], check=False)  # packages are read-only
		shutil.rmtree(STATE, ignore_errors=True)
		os.rmdir(DOCUMENTS)
	head = ("", "what", "mcpcage", "beside it", "result", "wanted")
	widths = [max(len(r[i]) for r in [head, *rows]) for i in range(6)]
	for r in [head, *rows]:
		print("  ".join(text.ljust(w) for text, w in zip(r, widths)).rstrip())
	with open(options.json, "w", encoding="utf-8") as f:
		json.dump({"machine": {"kernel": os.uname().release, "arch": os.uname().machine, "processors": os.cpu_count(),
				       "root": os.geteuid() == 0}, "results": numbers}, f, indent="\t")
		f.write("\n")
	print(f"written to {options.json}")
	return 0 if all(n["met"] for n in numbers.values()) else 1


sys.exit(main())
