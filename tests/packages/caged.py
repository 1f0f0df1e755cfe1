# SPDX-License-Identifier: LGPL-2.1-or-later
"""mcpcage and a registry on loopback: what the tests of installed packages share.

	with World() as w:
		w.registry.publish(builder.npm_server("some-server"))
		w.tell("npx", "-y", "some-server")        # the small server's own account of itself, through a whole session
		r = w.run("store", "list")                # one command of mcpcage
		w.settled("after it")                     # asserts that nothing is left behind

A World is a home folder of its own, in which npm, pip and uv are configured for the registry, with files that a package would like to
have. Everything runs as whoever runs the test.
"""

import contextlib
import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, ".."), os.path.join(HERE, "..", "escape"), os.path.join(HERE, "..", "mediator")]
import harness  # noqa: E402
import tools  # noqa: E402
from harness import MCPCAGE, Session, require_mcpcage, text_of  # noqa: E402,F401
from registry import Registry  # noqa: E402
from tap import ok, tap_skip, tap_skip_all  # noqa: E402,F401

# Installing takes a second or two; a busy machine may take many times as long.
LIMIT = 180


class Gone(Exception):
	"""A session that ended before it answered. Its words are in the text."""


class World:
	def __init__(self, uv=False, registry=True):
		self.home = tempfile.mkdtemp(prefix="mcpcage-packages-")
		os.chmod(self.home, 0o700)
		self.token = os.path.basename(self.home)
		self.secret = "secret-" + secrets.token_hex(8)
		self.env = {"HOME": self.home, "PATH": tools.path(uv=uv), "LANG": "C.UTF-8", "SOME_TOKEN": self.secret}
		self.registry = Registry() if registry else None
		self.configured = tools.configure(self.home, self.registry) if registry else []
		for name in ("notes.txt", ".ssh/id_ed25519", ".netrc", "documents/letter.txt"):
			self.write(name, self.secret + "\n")
		self.tmp_before = self._tmp()

	def __enter__(self):
		return self

	def __exit__(self, *_):
		if self.registry:
			self.registry.close()
		# Trees of the store are read-only.
		for root, dirs, _files in os.walk(self.home):
			for d in dirs:
				with contextlib.suppress(OSError):
					if not os.path.islink(os.path.join(root, d)):
						os.chmod(os.path.join(root, d), 0o700)
		shutil.rmtree(self.home, ignore_errors=True)

	# ---- files

	def path(self, *parts):
		return os.path.join(self.home, *parts)

	def write(self, name, text, mode=0o600):
		full = self.path(name)
		os.makedirs(os.path.dirname(full), exist_ok=True)
		with open(full, "w") as f:
			f.write(text)
		os.chmod(full, mode)
		return full

	@property
	def store(self):
		return self.path(".local", "share", "mcpcage", "packages")

	def names(self, part):
		"""What is in trees, requests or staging."""
		with contextlib.suppress(FileNotFoundError):
			return sorted(os.listdir(os.path.join(self.store, part)))
		return []

	def tree(self):
		"""The folder of the only tree."""
		(name,) = self.names("trees")
		return os.path.join(self.store, "trees", name, "files")

	def audit(self, event=None):
		"""Records of the audit log."""
		records = []
		with contextlib.suppress(FileNotFoundError):
			with open(self.path(".local", "state", "mcpcage", "audit.jsonl")) as f:
				records = [json.loads(line) for line in f]
		return [r for r in records if event in (None, r.get("event"))]

	# ---- running

	def popen(self, *argv, env=None, cwd=None, **more):
		pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more}
		return subprocess.Popen([MCPCAGE, *argv], env={**self.env, **(env or {})}, cwd=cwd or self.home, **pipes)

	def run(self, *argv, env=None, cwd=None):
		"""One command of mcpcage, to its end. Its standard input is empty."""
		return subprocess.run([MCPCAGE, *argv], env={**self.env, **(env or {})}, cwd=cwd or self.home, stdin=subprocess.DEVNULL,
				      capture_output=True, text=True, errors="replace", timeout=LIMIT)

	def bare(self, *argv, cwd=None):
		"""Without mcpcage: what would happen."""
		return subprocess.run(argv, env=self.env, cwd=cwd or self.home, stdin=subprocess.DEVNULL, capture_output=True, text=True,
				      errors="replace", timeout=LIMIT)

	@contextlib.contextmanager
	def session(self, *command, options=(), env=None):
		"""A session whose handshake is done; the first start may take its time."""
		s = Session(["--state", self.path(".local", "state", "mcpcage"), "--audit", self.path(".local", "state", "mcpcage", "audit.jsonl"),
			     *options], list(command), handshake=False, env={**self.env, **(env or {})})
		try:
			try:
				greeted = s.request("initialize", {"protocolVersion": "2025-06-18", "capabilities": {},
								   "clientInfo": {"name": "test", "version": "1"}}, LIMIT)
			except BrokenPipeError: # it may be gone before it is asked anything
				greeted = None
			if greeted is None:
				s.process.wait(LIMIT)
				time.sleep(0.1)
				raise Gone(s.stderr.decode(errors="replace"))
			s.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
			s.request("tools/list", timeout=LIMIT)
			yield s
		finally:
			s.close()

	def tell(self, *command, options=(), env=None, tool="self", **arguments):
		"""What TOOL of the small server answers, in a session of its own. {"gone": words} when the session did not come to that."""
		try:
			with self.session(*command, options=options, env=env) as s:
				return told(s, tool, **arguments)
		except (Gone, harness.Timeout) as e:
			return {"gone": str(e)}

	# ---- judging

	def fails(self, name, words, *command, status=125, options=(), verb=()):
		"""The command ends with STATUS, nothing on standard output, and WORDS (all of them) on standard error."""
		r = self.run(*verb, *options, "--", *command)
		words = [words] if isinstance(words, str) else words
		missing = [w for w in words if w not in r.stderr]
		ok(r.returncode == status and r.stdout == "" and not missing and r.stderr.startswith("mcpcage:"), name,
		   f"status {r.returncode}, not said: {missing}\n{r.stdout}\n{r.stderr}")
		return r

	@staticmethod
	def _tmp():
		found = set()
		for folder in ("/tmp", "/var/tmp", "/dev/shm", "/run"):
			with contextlib.suppress(OSError):
				found.update(os.path.join(folder, n) for n in os.listdir(folder) if n.startswith("mcpcage"))
		# Folders of other tests come and go meanwhile.
		return {f for f in found if not re.search("/mcpcage-[a-z]+-[^/]+$", f)}

	def alive(self):
		"""Processes that have to do with this home: by their environment, their arguments, or what is mounted where they are."""
		found, token, own = [], self.token.encode(), {os.getpid(), os.getppid()}
		for name in os.listdir("/proc"):
			if not name.isdigit() or int(name) in own:
				continue
			for file in ("environ", "cmdline", "mountinfo"):
				with contextlib.suppress(OSError):
					with open(f"/proc/{name}/{file}", "rb") as f:
						if token in f.read():
							found.append(int(name))
							break
		return found

	def left(self):
		"""What is left behind, "" when nothing is."""
		end = time.monotonic() + 10
		while True:
			staging, alive, tmp = self.names("staging"), self.alive(), self._tmp() - self.tmp_before
			with open("/proc/self/mountinfo") as f:
				mounts = [line for line in f if self.token in line]
			said = [f"{what}: {value}" for what, value in (("staging", staging), ("processes", alive), ("files", tmp), ("mounts", mounts))
				if value]
			if not said or time.monotonic() > end:
				return "; ".join(said)
			time.sleep(0.1)

	def settled(self, name, trees=None):
		"""Nothing is left behind, and the user's files are what they were."""
		left = self.left()
		for file in ("notes.txt", ".ssh/id_ed25519", ".netrc", "documents/letter.txt"):
			with open(self.path(file)) as f:
				left += "" if f.read() == self.secret + "\n" else f" {file} was changed"
		if trees is not None and len(self.names("trees")) != trees:
			left += f" trees: {self.names('trees')}"
		ok(left == "", f"{name}: nothing is left behind, nothing is lost", left)


def told(session, tool="self", **arguments):
	r = session.call(tool, arguments, LIMIT)
	if r is None:
		raise Gone(session.stderr.decode(errors="replace"))
	return json.loads(text_of(r))


class Listener:
	"""Who waits on loopback for what a package sends. What came is a list of bytes, one for each connection."""

	def __init__(self):
		self.socket = socket.create_server(("127.0.0.1", 0))
		self.port = self.socket.getsockname()[1]
		self.came = []
		threading.Thread(target=self._listen, daemon=True).start()

	def _listen(self):
		while True:
			try:
				c, _ = self.socket.accept()
			except OSError:
				return
			with c, contextlib.suppress(OSError):
				c.settimeout(20)
				data = b""
				while len(data) < 1 << 20:
					more = c.recv(65536)
					if not more:
						break
					data += more
				self.came.append(data)

	def all(self):
		return b"\n".join(self.came)

	def close(self):
		with contextlib.suppress(OSError):
			self.socket.shutdown(socket.SHUT_RDWR)
		self.socket.close()

	def __enter__(self):
		return self

	def __exit__(self, *_):
		self.close()


def kill_all(process, seconds=10):
	"""SIGKILL for it alone, as a client that lost patience does."""
	with contextlib.suppress(ProcessLookupError):
		os.kill(process.pid, signal.SIGKILL)
	with contextlib.suppress(subprocess.TimeoutExpired):
		process.wait(seconds)


def require(*names):
	"""Skip the whole file where one of the tools is missing."""
	require_mcpcage()
	for name in names:
		if name == "pip" and not tools.have_venv():
			tap_skip_all(f"{tools.PYTHON} makes no virtual environment")
		elif name != "pip" and not tools.have(name):
			tap_skip_all(f"{name} is missing")
