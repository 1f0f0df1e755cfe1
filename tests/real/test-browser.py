#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Servers that drive a browser, @playwright/mcp and chrome-devtools-mcp, with Debian's Chromium in the cage and the profiles that are
shipped for these packages: they open pages and read them, take a picture, and reach nothing outside.

The servers come from tests/real/install.sh, in $MCPCAGE_REAL or tests/real/installed of the build folder; the browser is the
Debian package chromium.
"""

import base64
import http.server
import json
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading

SOURCE = os.path.dirname(os.path.abspath(__file__))
TREE = os.path.dirname(os.path.dirname(SOURCE))
sys.path.insert(0, os.path.dirname(SOURCE))
from tap import bail_out, done_testing, ok, tap_skip_all

MCPCAGE = os.environ.get("MCPCAGE", "")
INSTALLED = os.environ.get("MCPCAGE_REAL") or os.path.join(os.environ.get("top_builddir", "."), "tests/real/installed")
MODULES = os.path.join(os.path.abspath(INSTALLED), "node_modules")
TIMEOUT = 60
INSIDE = 8123  # a port of the cage's own loopback

if not os.path.exists(os.path.join(INSTALLED, "stamp")):
	tap_skip_all("the real servers are not installed: run contrib/check, or make real-servers")
if not os.path.isdir(os.path.join(MODULES, "@playwright", "mcp")):
	tap_skip_all("the installed servers are older than this test: run contrib/check, or make real-servers")
if not shutil.which("node"):
	tap_skip_all("node is missing")
if not os.access("/usr/bin/chromium", os.X_OK):
	tap_skip_all("the browser is missing: install the Debian package chromium")
if not MCPCAGE or not os.access(MCPCAGE, os.X_OK):
	bail_out("MCPCAGE does not name the program")

# Serves a page inside the cage, and becomes the server that is named.
START = """import http from "node:http";
const page = "<title>inside</title><p>served in the cage</p>";
process.argv.splice(1, 1);
http.createServer((request, response) => { response.setHeader("content-type", "text/html"); response.end(page); })
	.listen(%d, "127.0.0.1", () => import(process.argv[1]));
""" % INSIDE


class Client:
	"""The least of a client: one call after the other."""

	def __init__(self, command, env):
		self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env,
						start_new_session=True)
		self.lines = queue.Queue()
		self.said = []
		self.readers = [threading.Thread(target=self._read, daemon=True),
				threading.Thread(target=lambda: self.said.extend(self.process.stderr), daemon=True)]
		for reader in self.readers:
			reader.start()
		self.ids = 0
		self.ask("initialize", {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}})
		self.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
		self.tools = self.ask("tools/list", {}).get("result", {}).get("tools", [])

	def _read(self):
		for line in self.process.stdout:
			self.lines.put(line)
		self.lines.put(None)

	def send(self, message):
		try:
			self.process.stdin.write(json.dumps(message).encode() + b"\n")
			self.process.stdin.flush()
		except BrokenPipeError:
			pass

	def ask(self, method, params):
		self.ids += 1
		self.send({"jsonrpc": "2.0", "id": self.ids, "method": method, "params": params})
		while True:
			try:
				line = self.lines.get(timeout=TIMEOUT)
			except queue.Empty:
				line = None
			if line is None:
				return {"error": {"message": "no answer: " + self.messages()}}
			message = json.loads(line)
			if message.get("id") == self.ids:
				return message

	def call(self, tool, **arguments):
		"""All that came back, as one text, and the pictures."""
		answer = self.ask("tools/call", {"name": tool, "arguments": arguments})
		content = answer.get("result", {}).get("content", [])
		text = [c["text"] for c in content if c["type"] == "text"]
		text += [json.dumps(answer["error"])] if "error" in answer else []
		return "\n".join(text), [base64.b64decode(c["data"]) for c in content if c["type"] == "image"]

	def messages(self):
		return b"".join(self.said).decode("utf-8", "replace")

	def close(self):
		self.process.stdin.close()
		try:
			return self.process.wait(20)
		except subprocess.TimeoutExpired:
			self.process.kill()
			return None


class Playwright:
	name = "@playwright/mcp"
	program = os.path.join(MODULES, "@playwright", "mcp", "cli.js")
	options = ["--env", "PLAYWRIGHT_MCP_ALLOW_UNRESTRICTED_FILE_ACCESS=true"]

	def __init__(self, client):
		self.client = client

	def open(self, url):
		said = self.client.call("browser_navigate", url=url)[0]
		return said + self.client.call("browser_snapshot")[0]

	def title(self):
		return self.client.call("browser_evaluate", function="() => document.title + ' ' + (6 * 7)")[0]

	def picture(self):
		return self.client.call("browser_take_screenshot", type="png", scale="css")


class DevTools:
	name = "chrome-devtools-mcp"
	program = os.path.join(MODULES, "chrome-devtools-mcp", "build", "src", "bin", "chrome-devtools-mcp.js")
	options = []

	def __init__(self, client):
		self.client = client
		self.page = 1

	def open(self, url):
		said = self.client.call("new_page", url=url)[0]
		# "N: TITLE (URL) [selected]"
		selected = [line for line in said.splitlines() if line.endswith("[selected]")]
		self.page = int(selected[0].split(":")[0]) if selected else self.page
		return said + self.client.call("take_snapshot", pageId=self.page)[0]

	def title(self):
		return self.client.call("evaluate_script", pageId=self.page, function="() => document.title + ' ' + (6 * 7)")[0]

	def picture(self):
		return self.client.call("take_screenshot", pageId=self.page, format="png")


class Outside:
	"""A page on the host's loopback, which counts who came."""

	def __init__(self):
		outside = self
		self.seen = 0

		class Handler(http.server.BaseHTTPRequestHandler):
			def do_GET(self):
				outside.seen += 1
				self.send_response(200)
				self.send_header("content-type", "text/html")
				self.end_headers()
				self.wfile.write(b"<title>outside</title><p>served by the host</p>")

			def log_message(self, *_):
				pass

		self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
		self.url = f"http://127.0.0.1:{self.server.server_address[1]}/"
		threading.Thread(target=self.server.serve_forever, daemon=True).start()


def png_size(data):
	return (int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")) if data[:8] == b"\x89PNG\r\n\x1a\n" else None


class Case:
	def __init__(self, kind, root, outside):
		self.kind = kind
		self.root = root
		self.outside = outside
		self.profile = os.path.join(TREE, "profiles", "packages", "npm", *kind.name.split("/")) + ".json"

	def start(self, *options):
		command = [MCPCAGE, "--audit", "off", "--pins", "off", "--policy", self.profile, "--ro", MODULES, "--ro", self.path("pages"),
			   *self.kind.options, *options, "--", "node", self.path("start.mjs"), self.kind.program]
		env = {**os.environ, "HOME": self.path("home"), "XDG_STATE_HOME": self.path("state"),
		       "XDG_CONFIG_HOME": self.path("config")}
		return Client(command, env)

	def path(self, *parts):
		return os.path.join(self.root, *parts)

	def run(self):
		who = self.kind.name
		client = self.start()
		browser = self.kind(client)
		ok(len(client.tools) > 10, f"{who}: the server lists its tools", client.messages())

		said = browser.open("data:text/html,<title>Hello</title><p>text on the page</p>")
		ok("text on the page" in said, f"{who}: a page is opened and read", said + client.messages())
		title = browser.title()
		ok("Hello 42" in title, f"{who}: a script runs in it", title)
		said, pictures = browser.picture()
		size = png_size(pictures[0]) if pictures else None
		ok(size and min(size) > 200, f"{who}: a picture of it is taken: {size}", said)

		said = browser.open(f"http://127.0.0.1:{INSIDE}/")
		ok("served in the cage" in said, f"{who}: a page of the cage's own network is read", said)
		said = browser.open("file://" + self.path("pages", "page.html"))
		ok("a page that was granted" in said, f"{who}: a file that was granted is read", said)

		# The other half: what is not in the cage.
		said = browser.open("file://" + self.path("home", ".ssh", "id_test"))
		ok("SECRET" not in said and "ERR_FILE_NOT_FOUND" in said, f"{who}: a key of the user's is not", said)
		said = browser.open("file:///etc/passwd")
		ok("daemon" not in said and "nobody:x:65534" in said, f"{who}: nor the machine's users", said)
		before = self.outside.seen
		said = browser.open(self.outside.url)
		ok("served by the host" not in said and "ERR_CONNECTION_REFUSED" in said, f"{who}: nor a page of the host's loopback", said)
		said = browser.open(self.outside.url.replace("127.0.0.1", "localhost"))
		ok("served by the host" not in said, f"{who}: under whatever name", said)
		ok(self.outside.seen == before, f"{who}: and nobody came there: {self.outside.seen - before}")
		status = client.close()
		ok(status == 0, f"{who}: the session ends with its client: {status}", client.messages())

		client = self.start("--network", "host")
		said = self.kind(client).open(self.outside.url)
		ok("served by the host" in said and self.outside.seen > before, f"{who}: with the host's network it would be read",
		   said + client.messages())
		client.close()


def main():
	with tempfile.TemporaryDirectory(prefix="mcpcage-browser-") as root:
		os.chmod(root, 0o755)
		for folder in ("pages", "home", "home/.ssh", "state", "config"):
			os.mkdir(os.path.join(root, folder))
		for path, text in (("pages/page.html", "<title>granted</title><p>a page that was granted</p>"),
				   ("home/.ssh/id_test", "SECRET"), ("start.mjs", START)):
			with open(os.path.join(root, path), "w") as f:
				f.write(text)
		outside = Outside()
		for kind in (Playwright, DevTools):
			Case(kind, root, outside).run()
	done_testing()


main()
