#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The stateless era (2026-07-28) against real servers that speak it: no handshake, every request with its own _meta. What they answer bare,
they answer in the cage, but for the scope of their caches, which is the user's own there; wrong arguments are refused before
them, and a subscription is acknowledged.

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

SOURCE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(SOURCE))
from tap import bail_out, done_testing, is_eq, ok, tap_skip_all

MCPCAGE = os.environ.get("MCPCAGE", "")
INSTALLED = os.environ.get("MCPCAGE_REAL") or os.path.join(os.environ.get("top_builddir", "."), "tests/real/installed")
NPM = os.path.join(INSTALLED, "node_modules", ".bin")
TIMEOUT = 30
META = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {"sampling": {}},
	"io.modelcontextprotocol/clientInfo": {"name": "modern", "version": "1"}}
KUBECONFIG = """apiVersion: v1
kind: Config
clusters: [{name: none, cluster: {server: 'http://127.0.0.1:1'}}]
contexts: [{name: none, context: {cluster: none, user: none}}]
users: [{name: none, user: {}}]
current-context: none
"""
SERVERS = [
	{"name": "kubernetes (Go)", "command": ["kubernetes-mcp-server", "--toolsets", "config", "--kubeconfig", "{root}/kubeconfig.yaml"],
	 "requests": [("server/discover", {}), ("tools/list", {}), ("prompts/list", {}), ("resources/list", {}),
		      ("tools/call", {"name": "configuration_view", "arguments": {"minified": True}})],
	 "wrong": ("configuration_view", {"minified": "yes"}), "listens": True},
	{"name": "context7 (TypeScript)", "command": ["context7-mcp"],
	 "requests": [("server/discover", {}), ("tools/list", {})],
	 "wrong": ("resolve-library-id", {}), "listens": False},
]

if not os.path.exists(os.path.join(INSTALLED, "stamp")):
	tap_skip_all("the real servers are not installed: run contrib/check, or make real-servers")
if not shutil.which("node"):
	tap_skip_all("node is missing")
if not MCPCAGE or not os.access(MCPCAGE, os.X_OK):
	bail_out("MCPCAGE does not name the program")


class Client:
	def __init__(self, command):
		self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
						start_new_session=True)
		self.lines = queue.Queue()
		self.reader = threading.Thread(target=lambda: [self.lines.put(x) for x in self.process.stdout], daemon=True)
		self.reader.start()
		self.ids = 0

	def next(self):
		try:
			return json.loads(self.lines.get(timeout=TIMEOUT))
		except queue.Empty:
			return None

	def ask(self, method, params, wait=True):
		self.ids += 1
		m = {"jsonrpc": "2.0", "id": self.ids, "method": method, "params": {**params, "_meta": META}}
		self.process.stdin.write(json.dumps(m).encode() + b"\n")
		self.process.stdin.flush()
		while wait:
			got = self.next()
			if got is None or got.get("id") == self.ids:
				return got

	def close(self):
		os.killpg(self.process.pid, signal.SIGKILL)
		self.process.wait()
		self.reader.join(5)
		self.process.stdout.close()
		self.process.stdin.close()


def scoped(message):
	"""What is cached by way of mcpcage depends on the user's policy: it is nobody else's."""
	return json.loads(json.dumps(message).replace('"cacheScope": "public"', '"cacheScope": "private"'))


def try_server(spec):
	root = tempfile.mkdtemp(prefix="mcpcage-modern-")
	name = spec["name"]
	with open(os.path.join(root, "kubeconfig.yaml"), "w", encoding="utf-8") as f:
		f.write(KUBECONFIG)
	program, *args = [x.replace("{root}", root) for x in spec["command"]]
	command = [os.path.join(NPM, program), *args]
	bare = Client(command)
	caged = Client([MCPCAGE, "--state", os.path.join(root, "state"), "--audit", "off", "--quiet", "--", *command])
	try:
		for method, params in spec["requests"]:
			a, b = bare.ask(method, params), caged.ask(method, params)
			ok(a and "result" in a, f"{name}: {method}: works bare", repr(a)[:300])
			is_eq(b, scoped(a), f"{name}: {method}: is the same in the cage")
		tool, arguments = spec["wrong"]
		a, b = (c.ask("tools/call", {"name": tool, "arguments": arguments}) for c in (bare, caged))
		ok("mcpcage" not in json.dumps(a), f"{name}: wrong arguments reach the server bare", repr(a)[:300])
		ok(b and b["result"].get("isError") is True and b["result"].get("resultType") == "complete" and "mcpcage refused" in json.dumps(b),
		   f"{name}: and are refused before it in the cage", repr(b)[:300])
		if spec["listens"]:
			for c, how in ((bare, "bare"), (caged, "in the cage")):
				c.ask("subscriptions/listen", {"notifications": {"toolsListChanged": True}}, wait=False)
				m = c.next() or {}
				ok(m.get("method") == "notifications/subscriptions/acknowledged" and
				   m["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"] == c.ids, f"{name}: a subscription is acknowledged {how}", repr(m)[:300])
	finally:
		bare.close()
		caged.close()
		shutil.rmtree(root, ignore_errors=True)


for server in SERVERS:
	try_server(server)
done_testing()
