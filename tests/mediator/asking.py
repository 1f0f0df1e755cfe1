# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of asking and of limits share: sessions with a policy of their own, clients that can be asked, helpers."""

import json
import os
import shutil
import stat
import tempfile
import time

from harness import Session

MODERN = "2026-07-28"


class Folder:
	"""A folder for policies, state and helpers, gone at the end."""

	def __enter__(self):
		self.path = tempfile.mkdtemp(prefix="mcpcage-test-")
		return self

	def __exit__(self, *_):
		shutil.rmtree(self.path, ignore_errors=True)

	def at(self, name):
		return os.path.join(self.path, name)

	def policy(self, **keys):
		path = self.at("policy.json")
		with open(path, "w") as f:
			json.dump(keys, f)
		os.chmod(path, 0o600)
		return ["--policy", path]

	def user_policy(self, **keys):
		"""The user's own policy.json; an environment in which it is found."""
		folder = self.at("config/mcpcage")
		os.makedirs(folder, mode=0o700)
		with open(os.path.join(folder, "policy.json"), "w") as f:
			json.dump(keys, f)
		os.chmod(f.name, 0o600)
		return {**os.environ, "XDG_CONFIG_HOME": self.at("config")}

	def state(self):
		return ["--state", self.at("state")]

	def helper(self, script, name="helper"):
		"""A shell script; what it is told is kept in NAME.in, a file for each start in NAME.in.N as well."""
		path = self.at(name)
		with open(path, "w") as f:
			f.write(f"#!/bin/sh\nin=$(cat)\nprintf '%s\\n' \"$in\" >>{path}.in\n{script}\n")
		os.chmod(path, stat.S_IRWXU)
		return path

	def told(self, name="helper"):
		"""The objects that the helper was given."""
		try:
			with open(self.at(name + ".in"), encoding="utf-8") as f:
				return [json.loads(line) for line in f if line.endswith("\n")]
		except FileNotFoundError:
			return []


class Client(Session):
	"""A legacy client; CAPABILITIES as in initialize."""

	def __init__(self, options=(), capabilities=None, **more):
		super().__init__(options, handshake=False, **more)
		try:
			r = self.request("initialize", {"protocolVersion": "2025-06-18", "capabilities": capabilities or {},
							"clientInfo": {"name": "test", "version": "1"}})
			assert r and "result" in r, (r, self.stderr)
			self.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
			assert self.request("tools/list")
		except BaseException:
			self.close()
			raise

	def begin(self, tool, arguments=None, **params):
		"""A call whose answer is fetched later."""
		ident = self.new_id()
		self.send({"jsonrpc": "2.0", "id": ident, "method": "tools/call",
			   "params": {"name": tool, "arguments": arguments or {}, **params}})
		return ident

	def event(self, method, timeout=10.0):
		"""The next message with this method; everything else goes to self.other."""
		for m in self.other:
			if m.get("method") == method:
				self.other.remove(m)
				return m
		end = time.monotonic() + timeout
		while True:
			raw = self.line(max(0.01, end - time.monotonic()))
			if raw is None:
				return None
			m = json.loads(raw)
			if m.get("method") == method:
				return m
			self.other.append(m)

	def alive(self):
		"""Without a call, which might be asked about."""
		r = self.request("ping")
		return r is not None and "result" in r

	def question(self):
		return self.event("elicitation/create")

	def answer(self, question, result):
		self.send({"jsonrpc": "2.0", "id": question["id"], "result": result})

	def say(self, question, word):
		self.answer(question, {"action": "accept", "content": {"answer": word}})

	def modern(self, tool, arguments=None, capabilities=None, **params):
		return self.request("tools/call", {
			"name": tool, "arguments": arguments or {}, **params,
			"_meta": {"io.modelcontextprotocol/protocolVersion": MODERN,
				  "io.modelcontextprotocol/clientCapabilities":
				  {"elicitation": {}} if capabilities is None else capabilities}})

	def reached(self, tool):
		"""How many calls of TOOL the server got since the last time."""
		return sum(1 for x in self.seen() if b'"name":"%s"' % tool.encode() in x or b'"name": "%s"' % tool.encode() in x)

	def events(self, name, n=1, timeout=5.0):
		"""The audit log's entries of this kind, once there are N."""
		end = time.monotonic() + timeout
		while True:
			found = [e for e in self.audit(whole=False) if e["event"] == name]
			if len(found) >= n or time.monotonic() > end:
				return found
			time.sleep(0.02)


ELICITS = {"elicitation": {}}
