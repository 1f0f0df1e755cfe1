# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of pins share: a state folder that outlives sessions, and the server that shows what it is told to."""

import json
import os
import shutil
import subprocess
import tempfile

from harness import HERE, MCPCAGE, PYTHON, Session, is_tool_error, text_of

SHOWER = os.path.join(HERE, "shower.py")


def tool(name, description="d", **more):
	return {"name": name, "description": description, "inputSchema": {"type": "object"}, **more}


class World:
	"""One server, its pins, and sessions with it."""

	def __init__(self):
		self.dir = tempfile.mkdtemp(prefix="mcpcage-pins-")
		os.chmod(self.dir, 0o755)
		self.state = os.path.join(self.dir, "state")
		self.file = os.path.join(self.dir, "shown.json")
		self.command = [PYTHON, SHOWER, self.file]
		self.show(tools=[[]])

	def __enter__(self):
		return self

	def __exit__(self, *_):
		shutil.rmtree(self.dir, ignore_errors=True)

	def show(self, **shown):
		# in place: the cage has a mount of this very file
		with open(self.file, "w", encoding="utf-8") as f:
			json.dump(shown, f)

	def session(self, *options, **more):
		# the later --state counts
		return Session(["--state", self.state, *options], command=self.command, handshake=False, **more)

	def run(self, *words, options=(), command=False, stdin=subprocess.DEVNULL):
		"""A command of mcpcage: (status, standard output, standard error)."""
		argv = [MCPCAGE, *words[:1], "--state", self.state, *options, *words[1:]]
		if command:
			argv += ["--", *self.command]
		r = subprocess.run(argv, stdin=stdin, capture_output=True, timeout=60, start_new_session=True, check=False)
		return r.returncode, r.stdout.decode(), r.stderr.decode()

	def folder(self):
		pins = os.path.join(self.state, "pins")
		names = os.listdir(pins) if os.path.isdir(pins) else []
		return os.path.join(pins, names[0]) if names else None

	def current(self):
		folder = self.folder()
		try:
			with open(os.path.join(folder, "current"), "rb") as f:
				return f.read()
		except (OSError, TypeError):
			return b""


def hello(s):
	return s.request("initialize", {"protocolVersion": "2025-06-18", "capabilities": {},
					"clientInfo": {"name": "t", "version": "1"}})["result"]


def names(s, method="tools/list", key="tools", **params):
	return [x.get("name", x.get("uriTemplate")) for x in s.request(method, params)["result"][key]]


def called(s, name):
	"""True: it reached the server; False: it was refused."""
	m = s.call(name)
	if m and text_of(m) == f"called {name}":
		return True
	return False if is_tool_error(m) else m
