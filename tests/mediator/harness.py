# SPDX-License-Identifier: LGPL-2.1-or-later
"""A client for hostile tests: one session of $MCPCAGE around tests/mediator/puppet.py, or around any command.

It writes exactly the bytes it is told to, keeps every line that comes back as it came, and never waits without a
limit. It is not an MCP library on purpose: a library would repair what the tests want to see.
"""

import base64
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

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

PYTHON = "/usr/bin/python3"
PUPPET = [PYTHON, os.path.join(HERE, "puppet.py")]
MCPCAGE = os.environ.get("MCPCAGE", "")
DEADLINE = 20.0

EOF = object()


class Timeout(Exception):
	pass


class Session:
	"""options: of mcpcage. command: the server. read: False leaves standard output unread until start_reading().
	state: a folder for mcpcage's own files that outlives the session."""

	def __init__(self, options=(), command=None, handshake=True, read=True, read_stderr=True, env=None, audit=True, state=None,
		     pass_fds=()):
		self.dir = tempfile.mkdtemp(prefix="mcpcage-test-")
		self.audit_file = os.path.join(self.dir, "audit.jsonl")
		argv = self.command_line(["--state", state or self.dir, "--audit", self.audit_file if audit else "off", *options],
					 command or PUPPET)
		self.started = time.monotonic()
		self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
						stderr=subprocess.PIPE, env=env, bufsize=0, pass_fds=pass_fds)
		self.lines = queue.Queue()
		self.stderr = b""
		self.other = []  # messages that came while waiting for something else
		self.raw = b""   # everything the client was sent
		self.next_id = 1000
		self.threads = []
		if read_stderr:
			self.threads.append(threading.Thread(target=self._read_stderr, daemon=True))
		if read:
			self.threads.append(threading.Thread(target=self._read_stdout, daemon=True))
		for t in self.threads:
			t.start()
		if handshake:
			try:
				self.handshake()
			except BaseException:
				self.close()
				raise

	@staticmethod
	def command_line(options, command):
		return [MCPCAGE, *options, "--", *command]

	def __enter__(self):
		return self

	def __exit__(self, *_):
		self.close()

	def _read_stdout(self):
		held = []
		while True:
			try:
				data = os.read(self.process.stdout.fileno(), 1 << 16)
			except (OSError, ValueError):
				data = b""
			if not data:
				break
			self.raw += data if len(self.raw) < 1 << 24 else b""
			first, *rest = data.split(b"\n")
			held.append(first)
			for piece in rest:
				self.lines.put(b"".join(held))
				held = [piece]
		if any(held):
			self.lines.put(b"".join(held))
		self.lines.put(EOF)

	def _read_stderr(self):
		while True:
			try:
				data = os.read(self.process.stderr.fileno(), 1 << 16)
			except (OSError, ValueError):
				return
			if not data:
				return
			self.stderr += data

	def start_reading(self):
		t = threading.Thread(target=self._read_stdout, daemon=True)
		self.threads.append(t)
		t.start()

	def write(self, data):
		"""Raw bytes."""
		view = memoryview(data)
		while view:
			view = view[os.write(self.process.stdin.fileno(), view):]

	def send(self, message):
		"""A line: an object, or bytes without newline."""
		if not isinstance(message, bytes):
			message = json.dumps(message, separators=(",", ":")).encode()
		self.write(message + b"\n")

	def line(self, timeout=DEADLINE):
		"""The next line, or None at end of file."""
		try:
			got = self.lines.get(timeout=timeout)
		except queue.Empty:
			raise Timeout(f"nothing from the server within {timeout} s; standard error: {self.stderr[-2000:]!r}") from None
		if got is EOF:
			self.lines.put(EOF)
			return None
		return got

	def reply(self, ident, timeout=DEADLINE):
		"""The answer to IDENT (compared with its type); everything else goes to self.other."""
		for m in self.other:
			if is_reply(m, ident):
				self.other.remove(m)
				return m
		end = time.monotonic() + timeout
		while True:
			raw = self.line(max(0.01, end - time.monotonic()))
			if raw is None:
				return None
			m = parsed(raw)
			if is_reply(m, ident):
				return m
			self.other.append(m)

	def request(self, method, params=None, timeout=DEADLINE):
		ident = self.new_id()
		m = {"jsonrpc": "2.0", "id": ident, "method": method}
		if params is not None:
			m["params"] = params
		self.send(m)
		return self.reply(ident, timeout)

	def new_id(self):
		self.next_id += 1
		return self.next_id

	def call(self, tool, arguments=None, timeout=DEADLINE, **params):
		return self.request("tools/call", {"name": tool, "arguments": arguments or {}, **params}, timeout)

	def handshake(self):
		r = self.request("initialize", {"protocolVersion": "2025-06-18", "capabilities": {},
						"clientInfo": {"name": "test", "version": "1"}})
		self.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
		tools = self.request("tools/list")
		if r is None or tools is None:
			raise Timeout(f"no handshake; standard error: {self.stderr[-2000:]!r}")
		return r

	def list_unread(self):
		"""Ask for the list of tools, and wait until the answer has passed, without reading it."""
		self.send({"jsonrpc": "2.0", "id": "list", "method": "tools/list"})
		end = time.monotonic() + DEADLINE
		while not any(e.get("method") == "tools/list" for e in self.audit(whole=False)):
			if time.monotonic() > end:
				raise Timeout("no list of tools")
			time.sleep(0.02)

	def seen(self):
		"""The lines that have reached the server since the last time."""
		r = self.call("seen")
		if r is None:
			raise Timeout(f"the session ended; standard error: {self.stderr[-2000:]!r}")
		return [base64.b64decode(x) for x in json.loads(text_of(r))]

	def seen_sizes(self):
		"""Their lengths, where the lines themselves would be too much."""
		return json.loads(text_of(self.call("seen", {"sizes": True})))

	def emit(self, data, **more):
		"""The server writes DATA to its standard output, then answers."""
		return self.call("emit", {"b64": base64.b64encode(data).decode(), **more})

	def emit_mute(self, data, **more):
		"""The same without an answer; returns the id that DATA's @ID@ stood for."""
		ident = self.new_id()
		self.send({"jsonrpc": "2.0", "id": ident, "method": "tools/call", "params": {
			"name": "emit", "arguments": {"b64": base64.b64encode(data).decode(), "mute": True, **more}}})
		return ident

	def alive(self):
		"""The session still works."""
		token = os.urandom(4).hex()
		r = self.call("echo", {"token": token})
		return r is not None and token in text_of(r)

	def wait_stderr(self, text, timeout=5.0):
		end = time.monotonic() + timeout
		while text not in self.stderr:
			if time.monotonic() > end:
				return False
			time.sleep(0.01)
		return True

	def audit(self, whole=True):
		"""The audit log as objects; a line that is none is an error, except while it is written (WHOLE False)."""
		try:
			with open(self.audit_file, "rb") as f:
				data = f.read()
		except OSError:
			return []
		lines = data.split(b"\n")
		return [json.loads(x, object_pairs_hook=strict_object) for x in (lines if whole else lines[:-1]) if x]

	def close_stdin(self):
		try:
			self.process.stdin.close()
		except OSError:
			pass

	def wait(self, timeout=5.0):
		"""The exit status, negative for a signal; None when it is still there after TIMEOUT."""
		try:
			return self.process.wait(timeout)
		except subprocess.TimeoutExpired:
			return None

	def end(self, timeout=5.0):
		"""End of input, exit status, and every reader finished, so that stderr is complete."""
		self.close_stdin()
		status = self.wait(timeout)
		for t in self.threads:
			t.join(2)
		return status

	def close(self):
		self.close_stdin()
		if self.wait(3) is None:
			self.process.send_signal(signal.SIGKILL)
			self.process.wait()
		for t in self.threads:
			t.join(1)
		for f in (self.process.stdout, self.process.stderr):
			f.close()
		shutil.rmtree(self.dir, ignore_errors=True)


def parsed(raw):
	"""A line from the program: always an object; what is none is kept under a key of its own for the test to see."""
	try:
		m = json.loads(raw)
	except (ValueError, RecursionError):
		return {"not json": repr(raw[:200])}
	return m if isinstance(m, dict) else {"no object": m}


def strict_object(pairs):
	d = {}
	for k, v in pairs:
		if k in d:
			raise ValueError(f"duplicate key {k!r}")
		d[k] = v
	return d


def is_reply(m, ident):
	return isinstance(m, dict) and "method" not in m and type(m.get("id")) is type(ident) and m.get("id") == ident


def text_of(reply):
	"""The text of a tool result."""
	try:
		return "".join(c.get("text", "") for c in reply["result"]["content"])
	except (KeyError, TypeError):
		return ""


def is_tool_error(reply):
	return bool(reply) and reply.get("result", {}).get("isError") is True


def error_code(reply):
	return (reply or {}).get("error", {}).get("code")


def descendants(pid):
	"""Every process below PID, in any pid namespace, as this one sees them."""
	parents = {}
	for name in os.listdir("/proc"):
		if name.isdigit():
			try:
				with open(f"/proc/{name}/stat", "rb") as f:
					stat = f.read()
			except OSError:
				continue
			parents[int(name)] = int(stat.rsplit(b")", 1)[1].split()[1])
	found, todo = [], [pid]
	while todo:
		p = todo.pop()
		children = [c for c, parent in parents.items() if parent == p]
		found += children
		todo += children
	return found


def still_there(pids):
	"""Those of PIDS that exist and are no zombies."""
	left = []
	for pid in pids:
		try:
			with open(f"/proc/{pid}/stat", "rb") as f:
				state = f.read().rsplit(b")", 1)[1].split()[0]
		except OSError:
			continue
		if state not in (b"Z", b"X"):
			left.append(pid)
	return left


def memory_of(pids):
	"""Proportional set size of PIDS together, in bytes; resident size where that cannot be read."""
	total = 0
	for pid in pids:
		total += _field(f"/proc/{pid}/smaps_rollup", b"Pss:") or _field(f"/proc/{pid}/status", b"VmRSS:")
	return total


def _field(path, name):
	try:
		with open(path, "rb") as f:
			for row in f:
				if row.startswith(name):
					return int(row.split()[1]) * 1024
	except OSError:
		pass
	return 0


def require_mcpcage():
	from tap import bail_out
	if not MCPCAGE or not os.access(MCPCAGE.split()[0], os.X_OK):
		bail_out("MCPCAGE does not name the program")
	if not os.path.exists(PYTHON):
		bail_out(f"{PYTHON} is missing")
