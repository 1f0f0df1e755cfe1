# SPDX-License-Identifier: LGPL-2.1-or-later
"""A registry of npm packages and an index of Python packages on loopback, both under the test's control.

	with Registry() as registry:
		registry.publish(builder.npm_server("some-server"))
		registry.fault(r"\\.tgz$", cut=1000)
		...                              # npm with registry=registry.npm, pip with index-url=registry.pypi
		registry.asked(r"\\.tgz$")        # how many requests there were

It serves what real ones do as far as npm, pip and uv ask for it: packuments, whole and abbreviated, with tags, integrity and shasum;
tarballs; the simple index as HTML and as JSON with hashes, and the metadata of wheels beside them; entity tags. One port for both,
and no name is ever resolved. Everything is held in memory; a fault is laid over an answer that would have been right.
"""

import base64
import contextlib
import hashlib
import html
import http.server
import json
import re
import socket
import struct
import threading
import time
import urllib.parse

ABBREVIATED = ("name", "version", "bin", "dependencies", "optionalDependencies", "peerDependencies", "peerDependenciesMeta",
	       "bundleDependencies", "devDependencies", "engines", "os", "cpu", "libc", "directories", "dist", "deprecated",
	       "hasInstallScript", "funding", "_hasShrinkwrap")
INSTALL_SCRIPTS = ("preinstall", "install", "postinstall")
LONGEST = 120  # seconds that a held answer waits for a test that forgot it


def normalized(name):
	"""PEP 503."""
	return re.sub(r"[-_.]+", "-", name).lower()


def integrity(data):
	return "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode()


class Fault:
	"""What goes wrong with the requests whose path matches.

	status, headers, body: another answer. body may be a function of the right one.
	cut: the connection breaks after so many bytes of the body, whose whole length was announced.
	pace: (bytes, seconds): so slow. hold: the answer stays away until release(); after: only from that byte on.
	times: for so many requests, then it is over. skip: not for the first ones.
	"""

	def __init__(self, pattern, status=None, headers=None, body=None, cut=None, pace=None, hold=False, after=0, times=None, skip=0):
		self.pattern = re.compile(pattern)
		self.status, self.headers, self.body, self.cut, self.pace = status, headers or {}, body, cut, pace
		self.hold, self.after = hold, after
		self.times, self.skip = times, skip
		self.hits = 0
		self.arrived = threading.Event()   # a request has met it
		self._released = threading.Event()

	def release(self):
		self._released.set()

	def wait_released(self):
		self._released.wait(LONGEST)


class _Answer:
	def __init__(self, body=b"", kind="application/octet-stream", status=200, headers=None):
		self.body, self.kind, self.status, self.headers = body, kind, status, headers or {}


class _Handler(http.server.BaseHTTPRequestHandler):
	protocol_version = "HTTP/1.1"
	server_version = "registry"
	sys_version = ""

	def log_message(self, *_):
		pass

	def do_GET(self):
		self._serve()

	do_HEAD = do_PUT = do_DELETE = do_GET

	def do_POST(self):
		with contextlib.suppress(ValueError, OSError):
			body = self.rfile.read(min(int(self.headers.get("Content-Length") or 0), 1 << 20))
			self.server.registry.posts.append((self.path, body))
		self._serve()

	def _serve(self):
		registry = self.server.registry
		self.gone = False
		with contextlib.suppress(OSError):
			registry.note(self.command, self.path, dict(self.headers))
			fault = registry.take_fault(self.path)
			if fault and fault.hold and not fault.after:
				fault.wait_released()
			answer = registry.answer(self.command, self.path, self.headers) if self.command in ("GET", "HEAD") \
				else _Answer(b"{}", "application/json", 404)
			if fault:
				if fault.status is not None:
					answer = _Answer(b"", "text/plain", fault.status)
				if fault.body is not None:
					answer.body = fault.body(answer.body) if callable(fault.body) else fault.body
				answer.headers = {**answer.headers, **fault.headers}
			self._send(answer, fault)
		if self.gone:
			self.close_connection = True

	def _send(self, answer, fault):
		tag = '"' + hashlib.sha256(answer.body).hexdigest()[:32] + '"'
		status, body = answer.status, answer.body
		if status == 200 and self.headers.get("If-None-Match") == tag:
			status, body = 304, b""
		self.send_response(status)
		if status == 200:
			self.send_header("ETag", tag)
			self.send_header("Content-Type", answer.kind)
			self.send_header("Cache-Control", "max-age=0")
		for name, value in answer.headers.items():
			self.send_header(name, value)
		if status != 304:
			self.send_header("Content-Length", str(len(body)))
		self.end_headers()
		if self.command == "HEAD":
			return
		if fault is None or (fault.cut is None and fault.pace is None and not fault.after):
			self.wfile.write(body)
			return
		if fault.after:
			self.wfile.write(body[:fault.after])
			self.wfile.flush()
			fault.wait_released()
			self.wfile.write(body[fault.after:])
		elif fault.cut is not None:
			self.wfile.write(body[:fault.cut])
			self._break()
		else:
			size, seconds = fault.pace
			for at in range(0, len(body), size):
				self.wfile.write(body[at:at + size])
				self.wfile.flush()
				time.sleep(seconds)

	def _break(self):
		"""End the connection as one that was lost does."""
		self.wfile.flush()
		self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
		self.gone = True


class _Server(http.server.ThreadingHTTPServer):
	daemon_threads = True
	request_queue_size = 64

	def handle_error(self, *_):
		pass  # a client that went away

	def server_bind(self):  # without the look-up of a host name
		self.socket.bind(self.server_address)
		self.server_address = self.socket.getsockname()
		self.server_name, self.server_port = self.server_address


class Registry:
	def __init__(self, port=0):
		self._lock = threading.Lock()
		self._npm = {}      # name: {"versions": {version: manifest}, "tags": {tag: version}, "tarballs": {file: bytes}}
		self._pypi = {}     # normalized name: {filename: file of builder}
		self._order = {}    # when which version came, for "time"
		self._requests = []
		self.posts = []     # (path, body): what was sent to it
		self._faults = []
		self._port = port
		self._server = None
		self.start()

	def __enter__(self):
		return self

	def __exit__(self, *_):
		self.close()

	# ---- being there, and being gone

	def start(self):
		"""Once more on the same port, after stop()."""
		self._server = _Server(("127.0.0.1", self._port), _Handler)
		self._server.registry = self
		self._port = self._server.server_port
		self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
		self._thread.start()

	def stop(self):
		"""From now on nobody listens there. What is published stays."""
		if self._server:
			for fault in list(self._faults):
				fault.release()
			self._server.shutdown()
			self._server.server_close()
			self._thread.join(10)
			self._server = None

	close = stop

	@property
	def port(self):
		return self._port

	@property
	def npm(self):
		return f"http://127.0.0.1:{self._port}/npm/"

	@property
	def pypi(self):
		return f"http://127.0.0.1:{self._port}/pypi/simple/"

	# ---- content

	def publish(self, package, tag="latest", quiet_change=False):
		"""
		A package of builder.py: a new version, or other bytes for one that is there. With QUIET_CHANGE the metadata go on
		telling the hashes of the first bytes, as when only the files of a registry are tampered with.
		"""
		with self._lock:
			if package.ecosystem == "npm":
				self._publish_npm(package, tag, quiet_change)
			else:
				files = self._pypi.setdefault(normalized(package.name), {})
				if quiet_change:
					package = package.with_hash_of(files[package.filename])
				files[package.filename] = package
		return package

	def _publish_npm(self, package, tag, quiet_change):
		entry = self._npm.setdefault(package.name, {"versions": {}, "tags": {}, "tarballs": {}})
		file = package.name.rpartition("/")[2] + f"-{package.version}.tgz"
		entry["tarballs"][file] = package.tarball
		if quiet_change:
			return
		manifest = dict(package.manifest)
		scripts = manifest.get("scripts")
		if isinstance(scripts, dict) and any(s in scripts for s in INSTALL_SCRIPTS):
			manifest.setdefault("hasInstallScript", True)
		manifest.setdefault("_id", f"{package.name}@{package.version}")
		manifest["dist"] = {"integrity": integrity(package.tarball), "shasum": hashlib.sha1(package.tarball).hexdigest(),
				    "file": file, **package.dist}
		entry["versions"][package.version] = manifest
		self._order.setdefault((package.name, package.version), len(self._order))
		if tag:
			entry["tags"][tag] = package.version

	def withdraw(self, name, version=None):
		"""Take a package, or one version of it, away (npm); all files of a project (PyPI)."""
		with self._lock:
			if version is None:
				self._npm.pop(name, None)
				self._pypi.pop(normalized(name), None)
				return
			entry = self._npm[name]
			entry["versions"].pop(version)
			entry["tags"] = {t: v for t, v in entry["tags"].items() if v != version}

	# ---- faults and counting

	def fault(self, pattern, **what):
		fault = Fault(pattern, **what)
		with self._lock:
			self._faults.insert(0, fault)
		return fault

	def heal(self):
		with self._lock:
			faults, self._faults = self._faults, []
		for fault in faults:
			fault.release()

	def take_fault(self, path):
		with self._lock:
			for fault in self._faults:
				if not fault.pattern.search(urllib.parse.unquote(path)):
					continue
				fault.hits += 1
				if fault.hits <= fault.skip or (fault.times is not None and fault.hits > fault.skip + fault.times):
					continue
				fault.arrived.set()
				return fault
		return None

	def note(self, method, path, headers):
		with self._lock:
			self._requests.append((method, urllib.parse.unquote(path), headers))

	def requests(self, pattern=""):
		with self._lock:
			return [(m, p, h) for m, p, h in self._requests if re.search(pattern, p)]

	def asked(self, pattern=""):
		"""How many requests there were for paths that match."""
		return len(self.requests(pattern))

	def forget(self):
		"""Count from zero."""
		with self._lock:
			self._requests = []

	# ---- answers

	def answer(self, _method, path, headers):
		path = urllib.parse.unquote(urllib.parse.urlsplit(path).path)
		with self._lock:
			if path.startswith("/npm/"):
				return self._answer_npm(path[len("/npm/"):], headers)
			if path.startswith("/pypi/simple/"):
				return self._answer_index(path[len("/pypi/simple/"):], headers)
			if path.startswith("/pypi/files/"):
				return self._answer_file(path[len("/pypi/files/"):])
		return _Answer(b"", "text/plain", 404)

	def _answer_npm(self, path, headers):
		name, found, file = path.partition("/-/")
		entry = self._npm.get(name)
		if found:
			data = entry["tarballs"].get(file) if entry else None
			return _Answer(data) if data is not None else _Answer(b"", "text/plain", 404)
		if not entry or not entry["versions"]:
			return _Answer(b'{"error":"not_found"}', "application/json", 404)
		short = "application/vnd.npm.install-v1+json" in (headers.get("Accept") or "")
		versions = {}
		for version, manifest in entry["versions"].items():
			manifest = dict(manifest)
			dist = dict(manifest["dist"])
			file = dist.pop("file")
			dist.setdefault("tarball", f"{self.npm}{name}/-/{file}")
			manifest["dist"] = dist
			versions[version] = {k: v for k, v in manifest.items() if k in ABBREVIATED} if short else manifest
		whole = {"name": name, "dist-tags": dict(entry["tags"]), "versions": versions}
		times = {v: self._time(name, v) for v in versions}
		if short:
			whole["modified"] = max(times.values())
		else:
			whole["_id"] = name
			whole["time"] = {"created": min(times.values()), "modified": max(times.values()), **times}
		return _Answer(json.dumps(whole).encode(),
			       "application/vnd.npm.install-v1+json" if short else "application/json")

	def _time(self, name, version):
		# Long ago: there are settings by which a client refuses what is too young.
		return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(1700000000 + 60 * self._order[name, version]))

	def _answer_index(self, path, headers):
		name = path.rstrip("/")
		if not name or "/" in name:
			return _Answer(b"", "text/plain", 404)
		if path != normalized(name) + "/":
			return _Answer(b"", "text/plain", 301, {"Location": f"{self.pypi}{normalized(name)}/"})
		files = self._pypi.get(name)
		if not files:
			return _Answer(b"", "text/plain", 404)
		if "application/vnd.pypi.simple.v1+json" in (headers.get("Accept") or ""):
			return self._index_json(name, files)
		rows = []
		for filename, file in files.items():
			more = ""
			if file.requires_python:
				more += f' data-requires-python="{html.escape(file.requires_python)}"'
			if file.metadata is not None:
				more += f' data-core-metadata="sha256={hashlib.sha256(file.metadata).hexdigest()}"'
			rows.append(f'<a href="../../files/{urllib.parse.quote(filename)}#sha256={file.sha256}"{more}>'
				    f'{html.escape(filename)}</a><br>')
		page = '<!DOCTYPE html><html><head><meta name="pypi:repository-version" content="1.0"></head><body>' + \
			"\n".join(rows) + "</body></html>"
		return _Answer(page.encode(), "text/html; charset=utf-8")

	def _index_json(self, name, files):
		rows = []
		for filename, file in files.items():
			row = {"filename": filename, "url": f"../../files/{urllib.parse.quote(filename)}",
			       "hashes": {"sha256": file.sha256}, "size": len(file.data), "upload-time": "2023-11-14T22:13:20.000000Z"}
			if file.requires_python:
				row["requires-python"] = file.requires_python
			if file.metadata is not None:
				row["core-metadata"] = {"sha256": hashlib.sha256(file.metadata).hexdigest()}
			rows.append(row)
		versions = sorted({f.version for f in files.values()})
		whole = {"meta": {"api-version": "1.1"}, "name": name, "versions": versions, "files": rows}
		return _Answer(json.dumps(whole).encode(), "application/vnd.pypi.simple.v1+json")

	def _answer_file(self, path):
		wanted = path[:-len(".metadata")] if path.endswith(".metadata") else path
		for files in self._pypi.values():
			if wanted in files:
				data = files[wanted].metadata if path.endswith(".metadata") else files[wanted].data
				if data is not None:
					return _Answer(data)
		return _Answer(b"", "text/plain", 404)
