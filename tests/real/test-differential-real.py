#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Lines that real servers read otherwise than a filter in front of them would: each one works against the bare server, and the same
bytes fail through $MCPCAGE, in the same test.

One server in TypeScript, two in Go (on two libraries), one in Python. A row is a line that, to a reader who takes the first or the exact
key, is harmless; what it does bare is seen by its effect: a file, a sheet, an answer that nobody asked for, an id that came back as
another, a server that died. Beside the rows: the harmless call passes, and the tool that the rows smuggle in, called plainly, works
bare and is refused by policy in the cage, so that a row that fails, fails for that.

The servers come from tests/real/install.sh, in $MCPCAGE_REAL or tests/real/installed of the build folder.
"""

import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import zipfile

SOURCE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(SOURCE))
from tap import bail_out, done_testing, ok, tap_skip_all

MCPCAGE = os.environ.get("MCPCAGE", "")
INSTALLED = os.environ.get("MCPCAGE_REAL") or os.path.join(os.environ.get("top_builddir", "."), "tests/real/installed")
NPM = os.path.join(INSTALLED, "node_modules", ".bin")
VENV = os.path.join(INSTALLED, "venv", "bin")
TIMEOUT = 30

if not os.path.exists(os.path.join(INSTALLED, "stamp")):
	tap_skip_all("the real servers are not installed: run contrib/check, or make real-servers")
if not shutil.which("node"):
	tap_skip_all("node is missing")
if not MCPCAGE or not os.access(MCPCAGE, os.X_OK):
	bail_out("MCPCAGE does not name the program")

SHEETS = "http://schemas.openxmlformats.org"
KUBECONFIG = """apiVersion: v1
kind: Config
clusters: [{name: none, cluster: {server: 'http://127.0.0.1:1'}}]
contexts: [{name: none, context: {cluster: none, user: none}}]
users: [{name: none, user: {}}]
current-context: none
"""


def workbook(path):
	"""The smallest file that a spreadsheet program opens."""
	main, package, office = f"{SHEETS}/spreadsheetml/2006/main", f"{SHEETS}/package/2006", f"{SHEETS}/officeDocument/2006/relationships"
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


class Server:
	"""One process, bare or in the cage, on raw lines."""

	def __init__(self, spec, root, caged):
		self.data = os.path.join(root, "data")
		shutil.rmtree(self.data, ignore_errors=True)
		os.mkdir(self.data)
		spec["prepare"](self.data)
		command = [x.replace("{data}", self.data) for x in spec["command"]]
		if caged:
			command = [MCPCAGE, "--state", os.path.join(root, "state"), "--audit", "off", "--quiet", "--deny-tool", spec["evil"],
				   *(x.replace("{data}", self.data) for x in spec["options"]), "--", *command]
		self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0,
						start_new_session=True)
		self.lines = queue.Queue()
		self.fences = 0
		self.reader = threading.Thread(target=self.read, daemon=True)
		self.reader.start()
		self.send(json.dumps({"jsonrpc": "2.0", "id": "hello", "method": "initialize", "params": {
			"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "differential", "version": "1"}}}).encode())
		self.until("hello")
		self.send(b'{"jsonrpc":"2.0","method":"notifications/initialized"}')
		self.send(b'{"jsonrpc":"2.0","id":"list","method":"tools/list"}')
		self.until("list")

	def read(self):
		held = b""
		while True:
			data = os.read(self.process.stdout.fileno(), 1 << 16)
			if not data:
				break
			*whole, held = (held + data).split(b"\n")
			for line in whole:
				self.lines.put(line)
		self.lines.put(None)

	def send(self, line):
		left = memoryview(line + b"\n")
		try:
			while left:
				left = left[os.write(self.process.stdin.fileno(), left):]
		except OSError:
			pass  # it has died of it: the reader will see

	def until(self, ident):
		"""The messages up to the answer to IDENT and with it; None at its end when the server is gone."""
		got, end = [], time.monotonic() + TIMEOUT
		while True:
			try:
				line = self.lines.get(timeout=max(0.1, end - time.monotonic()))
			except queue.Empty:
				raise TimeoutError(f"no answer to {ident!r}; so far: {got!r:.300}") from None
			if line is None:
				return [*got, None]
			try:
				m = json.loads(line)
			except ValueError:
				continue
			got.append(m)
			if m.get("id") == ident and "method" not in m:
				return got

	def after(self, line):
		"""Everything the server says to LINE, up to a fence that is answered after it."""
		self.fences += 1
		self.send(line)
		fence = f"fence {self.fences}"
		# Twice: some servers answer a call when its work is done, and the fence before that.
		got = []
		for i in ("a", "b"):
			self.send(json.dumps({"jsonrpc": "2.0", "id": fence + i, "method": "tools/list" if i == "a" else "ping"}).encode())
			got += self.until(fence + i)
			if got[-1] is None:
				return got
		return [m for m in got if m is not None and not str(m.get("id")).startswith("fence")]

	def more(self):
		try:
			line = self.lines.get(timeout=0.1)
			return [None if line is None else json.loads(line)]
		except (queue.Empty, ValueError):
			return []

	def close(self):
		# Some servers are started by a script that does not pass signals on.
		os.killpg(self.process.pid, signal.SIGKILL)
		self.process.wait()
		self.reader.join(5)
		self.process.stdout.close()
		self.process.stdin.close()


def has(values):
	"""An effect: an answer with one of these ids, compared with its type."""
	return lambda s, got: any(m and any(type(m.get("id")) is type(v) and m.get("id") == v for v in values) and "method" not in m for m in got)


def called(marker):
	"""An effect: the evil tool's answer, which MARKER is in."""
	return lambda s, got: any(marker in json.dumps(m) for m in got)


def died(s, got):
	return bool(got) and got[-1] is None


def second_sheet(s):
	try:
		with zipfile.ZipFile(os.path.join(s.data, "data.xlsx")) as z:
			return b"Second" in z.read("xl/workbook.xml")
	except (OSError, zipfile.BadZipFile, KeyError):
		return False


def call(name, arguments, ident=b"1"):
	return b'{"jsonrpc":"2.0","id":' + ident + b',"method":"tools/call","params":{"name":"' + name + b'","arguments":' + arguments + b'}}'


def rows(keys, safe, safe_arguments, evil, evil_arguments, effect):
	"""Smuggling EVIL in: by a second key, or by another spelling of a key (KEYS: the ways that this server falls for)."""
	params = b'"params":{"name":"' + evil + b'","arguments":' + evil_arguments + b'}'
	both = {
		"name twice": b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"' + safe + b'","name":"' + evil + b'","arguments":' +
		evil_arguments + b'}}',
		"name twice, once with an escape": b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"' + safe + rb'","n\u0061me":"' + evil +
		b'","arguments":' + evil_arguments + b'}}',
		"params twice": b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"' + safe + b'","arguments":' + safe_arguments + b'},' + params + b'}',
		"method twice": b'{"jsonrpc":"2.0","id":1,"method":"ping",' + params + b',"method":"tools/call"}',
		"name and Name": b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"' + safe + b'","arguments":' + evil_arguments + b',"Name":"' + evil + b'"}}',
		"method and METHOD": b'{"jsonrpc":"2.0","id":1,"method":"ping","METHOD":"tools/call",' + params + b'}',
		"params with U+017F": b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"' + safe + b'","arguments":' + safe_arguments + b'},' +
		params.replace(b'"params"', b'"param\xc5\xbf"') + b'}',
		"arguments with U+017F": b'{"jsonrpc":"2.0","id":1,"method":"ping","METHOD":"tools/call","params":{"name":"' + evil + b'","argument\xc5\xbf":' +
		evil_arguments + b'}}',
	}
	return [(k, both[k], effect) for k in keys]


DOUBLE = ("name twice", "name twice, once with an escape", "params twice", "method twice")
FOLDED = ("name and Name", "method and METHOD", "params with U+017F", "arguments with U+017F")


def write(name, text):
	def prepare(data):
		with open(os.path.join(data, name), "w", encoding="utf-8") as f:
			f.write(text)
	return prepare


def filesystem():
	made = lambda s, got: os.path.isdir(os.path.join(s.data, "evil"))
	evil = b'{"path":"{data}/evil"}'
	return {
		"name": "filesystem (TypeScript)", "command": [os.path.join(NPM, "mcp-server-filesystem"), "{data}"], "options": ["--rw", "{data}"],
		"prepare": write("a.txt", "first\n"), "evil": "create_directory",
		"safe": call(b"read_text_file", b'{"path":"{data}/a.txt"}', b'"safe"'), "safe_marker": "first",
		"plain": call(b"create_directory", evil, b'"plain"'), "effect": made,
		"rows": rows(DOUBLE, b"list_allowed_directories", b"{}", b"create_directory", evil, made) + [
			("id twice", b'{"jsonrpc":"2.0","id":"mine","method":"ping","id":7777}', has([7777])),
		],
	}


def excel():
	made = lambda s, got: second_sheet(s)
	evil = b'{"fileAbsolutePath":"{data}/data.xlsx","sheetName":"Second","newSheet":true,"range":"A1:A1","values":[["x"]]}'
	safe = b'{"fileAbsolutePath":"{data}/data.xlsx"}'
	return {
		"name": "excel (Go, mcp-go)", "command": [os.path.join(NPM, "excel-mcp-server")], "options": ["--rw", "{data}"],
		"prepare": lambda data: workbook(os.path.join(data, "data.xlsx")), "evil": "excel_write_to_sheet",
		"safe": call(b"excel_describe_sheets", safe, b'"safe"'), "safe_marker": "Sheet1",
		"plain": call(b"excel_write_to_sheet", evil, b'"plain"'), "effect": made,
		"rows": rows(DOUBLE + FOLDED, b"excel_describe_sheets", safe, b"excel_write_to_sheet", evil, made) + [
			("an id past 2^53", b'{"jsonrpc":"2.0","id":9007199254740993,"method":"ping"}', has([9007199254740992])),
			("an id that is true", b'{"jsonrpc":"2.0","id":true,"method":"ping"}', has([True])),
			("an id that is an object", b'{"jsonrpc":"2.0","id":{},"method":"ping"}', has([{}])),
			("an id with a fraction", b'{"jsonrpc":"2.0","id":16.5,"method":"ping"}', has([16.5])),
		],
	}


def kubernetes():
	return {
		"name": "kubernetes (Go)", "command": [os.path.join(NPM, "kubernetes-mcp-server"), "--toolsets", "config", "--kubeconfig", "{data}/kubeconfig.yaml"],
		"options": [], "prepare": write("kubeconfig.yaml", KUBECONFIG), "evil": "configuration_contexts_list",
		"safe": call(b"configuration_view", b'{"minified":true}', b'"safe"'), "safe_marker": "current-context",
		"plain": None, "effect": None,
		"rows": [
			("brackets nested 100 000 deep", b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":' + b"[" * 100000 + b"]" * 100000 + b'}}', died),
		],
	}


def clock():
	evil = b'{"source_timezone":"Asia/Tokyo","time":"12:30","target_timezone":"UTC","timezone":"UTC"}'
	converted = called("time_difference")
	inner = call(b"convert_time", evil, b"7777")
	return {
		"name": "time (Python)", "command": [os.path.join(VENV, "mcp-server-time"), "--local-timezone", "UTC"], "options": [],
		"prepare": lambda data: None, "evil": "convert_time",
		"safe": call(b"get_current_time", b'{"timezone":"UTC"}', b'"safe"'), "safe_marker": "datetime",
		"plain": call(b"convert_time", evil, b'"plain"'), "effect": converted,
		"rows": rows(DOUBLE, b"get_current_time", b'{"timezone":"UTC"}', b"convert_time", evil, converted) + [
			("a carriage return that makes a call of an inner object", b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":\r' + inner + b'\r}}', converted),
		],
	}


def fill(line, data):
	return line.replace(b"{data}", data.encode())


def attempt(spec, root, caged, line, effect):
	"""Whether LINE has its EFFECT on a fresh server, and what came back."""
	s = Server(spec, root, caged)
	try:
		got = s.after(fill(line, s.data))
		# What the fence has overtaken. In the cage there is less to wait for: the refusal has come before the fence.
		end = time.monotonic() + (1 if caged else 5)
		while not effect(s, got) and None not in got and time.monotonic() < end:
			got += s.more()
		return effect(s, got), got
	finally:
		s.close()


def answered(marker):
	return lambda s, got: any(m and m.get("id") == "safe" and marker in json.dumps(m) and not m.get("result", {}).get("isError") for m in got)


def try_server(spec):
	root = tempfile.mkdtemp(prefix="mcpcage-diff-")
	name = spec["name"]
	try:
		for caged in (False, True):
			good, got = attempt(spec, root, caged, spec["safe"], answered(spec["safe_marker"]))
			ok(good, f"{name}: the harmless call works {'in the cage' if caged else 'bare'}", repr(got)[:600])
		if spec["plain"]:
			good, got = attempt(spec, root, False, spec["plain"], spec["effect"])
			ok(good, f"{name}: so does {spec['evil']} bare", repr(got)[:600])
			good, got = attempt(spec, root, True, spec["plain"], spec["effect"])
			ok(not good and "mcpcage refused" in json.dumps(got), f"{name}: in the cage policy refuses it", repr(got)[:600])
		for what, line, effect in spec["rows"]:
			bare, bare_got = attempt(spec, root, False, line, effect)
			ok(bare, f"{name}: {what}: works against the bare server", repr(bare_got)[:600])
			caged, caged_got = attempt(spec, root, True, line, effect)
			ok(not caged and None not in caged_got, f"{name}: {what}: fails through the mediator, and the session works on", repr(caged_got)[:600])
	finally:
		shutil.rmtree(root, ignore_errors=True)


for make in (filesystem, excel, kubernetes, clock):
	try_server(make())
done_testing()
