#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The registry and the builder of tests/packages, by the clients that they are for: npm, pip and uv as they are, without mcpcage.

What the tests of packages conclude from the registry rests on this: that clients take what is right, refuse what is wrong, and are
counted."""

import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading
import zipfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..")]
import builder as b  # noqa: E402
import tools  # noqa: E402
from registry import Registry  # noqa: E402
from tap import done_testing, is_eq, ok, tap_skip  # noqa: E402

PYTHON = "/usr/bin/python3"
LIMIT = 120


class Home:
	def __init__(self, registry, **more):
		self.folder = tempfile.mkdtemp(prefix="mcpcage-registry-")
		self.env = {"HOME": self.folder, "PATH": tools.path(uv=True), **more}
		tools.configure(self.folder, registry)

	def path(self, *parts):
		return os.path.join(self.folder, *parts)

	def run(self, *argv, stdin=""):
		return subprocess.run(argv, env=self.env, cwd=self.folder, input=stdin, capture_output=True, text=True, timeout=LIMIT)

	def __enter__(self):
		return self

	def __exit__(self, *_):
		shutil.rmtree(self.folder, ignore_errors=True)


def npm_install(home, *specs):
	return home.run("npm", "install", "--prefix", home.path("tree"), "--no-audit", "--no-fund", *specs)


def session(home, *argv):
	"""What the small server tells of itself."""
	lines = [{"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {}},
		 {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "self", "arguments": {}}}]
	r = home.run(*argv, stdin="".join(json.dumps(m) + "\n" for m in lines))
	for line in r.stdout.splitlines():
		m = json.loads(line)
		if m.get("id") == 2:
			return json.loads(m["result"]["content"][0]["text"])
	return {"nothing": r.stdout + r.stderr}


def npm_tests():
	with Registry() as reg, Home(reg) as home:
		reg.publish(b.npm_library("a-library", "1.0.0"))
		reg.publish(b.npm_library("a-library", "1.1.0"))
		reg.publish(b.npm_server("@scope/a-server", "1.2.3", dependencies={"a-library": "^1.0.0"}))
		r = npm_install(home, "@scope/a-server")
		ok(r.returncode == 0, "npm installs a scoped package with a dependency", r.stderr)
		is_eq(reg.asked(r"\.tgz$"), 2, "npm: two tarballs were asked for")
		told = session(home, "node", home.path("tree", "node_modules", ".bin", "a-server"))
		is_eq(told.get("version"), "1.2.3", "npm: the server runs")
		is_eq(told.get("libraries"), {"a-library": "a-library 1.1.0"}, "npm: with the newest dependency in its range")
		with open(home.path("tree", "package-lock.json")) as f:
			lock = json.load(f)["packages"]["node_modules/@scope/a-server"]
		ok(lock["integrity"].startswith("sha512-") and lock["version"] == "1.2.3", "npm: its lock has the integrity value")
		told = session(home, "npx", "-y", "@scope/a-server@1.2.3")
		is_eq(told.get("version"), "1.2.3", "bare npx starts it")

	def refused(name, word, prepare, spec="some-library"):
		with Registry() as reg, Home(reg) as home:
			reg.publish(b.npm_library("some-library"))
			prepare(reg)
			with open(home.path(".npmrc"), "a") as f:
				f.write("fetch-retries=0\n")
			r = npm_install(home, spec)
			ok(r.returncode != 0 and word in r.stderr, f"npm: {name}", f"{r.returncode} {r.stderr}")

	refused("bytes that do not fit are refused", "EINTEGRITY", lambda reg: reg.publish(
		b.npm_library("some-library", text="module.exports = 'other';\n"), quiet_change=True))
	refused("a body that is replaced", "EINTEGRITY", lambda reg: reg.fault(r"\.tgz$", body=b.npm_library("x").tarball))
	refused("a connection that breaks", "npm error", lambda reg: reg.fault(r"\.tgz$", cut=40))
	refused("404", "E404", lambda reg: reg.withdraw("some-library"))
	refused("no such version", "ETARGET", lambda reg: None, "some-library@2.0.0")
	refused("401", "E401", lambda reg: reg.fault(r"^/npm/", status=401))
	refused("500", "E500", lambda reg: reg.fault(r"^/npm/", status=500))
	refused("nobody listens", "ECONNREFUSED", lambda reg: reg.stop())

	with Registry() as reg, Home(reg) as home:
		reg.publish(b.npm("with-script", files={"index.js": ""}, scripts={"postinstall": "echo x >../../ran"}))
		r = npm_install(home, "--ignore-scripts", "with-script")
		ok(r.returncode == 0 and not os.path.exists(home.path("tree", "ran")), "npm: no script runs where none may", r.stderr)
		shutil.rmtree(home.path("tree"))
		r = npm_install(home, "with-script")
		ok(r.returncode == 0 and os.path.exists(home.path("tree", "ran")), "npm: the script would run", r.stderr)

	with Registry() as reg, Home(reg) as home:
		reg.publish(b.npm_library("some-library"))
		held = reg.fault(r"\.tgz$", hold=True)
		result = []
		t = threading.Thread(target=lambda: result.append(npm_install(home, "some-library")))
		t.start()
		ok(held.arrived.wait(60) and t.is_alive(), "npm: a held answer holds npm")
		held.release()
		t.join(LIMIT)
		ok(result and result[0].returncode == 0, "npm: and goes on when it is released")


def python_tests(name, install, run):
	"""INSTALL(home, *args) gives a completed process; what it installed is started by RUN(home, command)."""
	def fresh():
		reg = Registry()
		reg.publish(b.wheel_library("a-library", "1.0.0"))
		reg.publish(b.wheel_library("a-library", "1.1.0"))
		reg.publish(b.wheel_server("a-server", "1.2.3", requires=["a-library>=1,<2"]))
		return reg

	with fresh() as reg, Home(reg) as home:
		r = install(home, "a-server")
		ok(r.returncode == 0, f"{name} installs a package with a dependency", r.stderr)
		is_eq(reg.asked(r"a_server-1.2.3-py3-none-any\.whl$"), 1, f"{name}: one request for its wheel")
		told = run(home, "a-server")
		is_eq((told.get("version"), told.get("libraries")), ("1.2.3", {"a-library": "a-library 1.1.0"}), f"{name}: it runs")

	def refused(what, words, prepare):
		with fresh() as reg, Home(reg) as home:
			prepare(reg)
			r = install(home, "a-server==1.2.3")
			text = r.stdout + r.stderr
			ok(r.returncode != 0 and any(w in text for w in words), f"{name}: {what}", f"{r.returncode} {text}")

	refused("bytes that do not fit are refused", ("HASHES", "ash mismatch"), lambda reg: reg.publish(
		b.wheel_server("a-server", "1.2.3", requires=["a-library"], files={"more.py": "1"}), quiet_change=True))
	refused("no such package", ("No matching", "not found"), lambda reg: reg.withdraw("a-server"))
	refused("no such version", ("No matching", "no version"), lambda reg: (reg.withdraw("a-server"), reg.publish(
		b.wheel_server("a-server", "2.0"))))
	refused("500", ("500", "No matching"), lambda reg: reg.fault(r"/simple/", status=500))
	refused("nobody listens", ("onnection refused", "error sending", "No matching"), lambda reg: reg.stop())

	with Registry() as reg, Home(reg) as home:
		reg.publish(b.sdist_server("built-server", "0.9", build="import os\nopen(os.environ['HOME'] + '/ran', 'w').close()\n"))
		r = install(home, "--only-binary=:all:" if name == "pip" else "--no-build", "built-server")
		ok(r.returncode != 0 and not os.path.exists(home.path("ran")), f"{name}: no build where none may be", r.stderr)
		r = install(home, "built-server")
		ok(r.returncode == 0 and os.path.exists(home.path("ran")), f"{name}: the build would run", r.stderr)
		is_eq(run(home, "built-server").get("version"), "0.9", f"{name}: what was built runs")


def pip_install(home, *args):
	if not os.path.exists(home.path("venv")):
		r = home.run(PYTHON, "-m", "venv", home.path("venv"))
		if r.returncode:
			return r
	return home.run(home.path("venv", "bin", "pip"), "install", "--retries=0", "--disable-pip-version-check", *args)


def uv_install(home, *args):
	if not os.path.exists(home.path("venv")):
		r = home.run("uv", "venv", "--python", PYTHON, home.path("venv"))
		if r.returncode:
			return r
	return home.run("uv", "pip", "install", "--python", home.path("venv"), *args)


def builder_tests():
	"""Archives hold what was asked for, by libraries that are not the builder's."""
	name = b"package/line\nfeed\x1b[31m\xff"
	deep = "package/" + "d/" * 300 + "f"
	p = b.npm("odd", more=[b.Entry(name, b"x", mode=0o4755), b.symlink("package/l", "../../../etc/passwd"), b.hard_link("package/h", "/etc/passwd"),
			       b.Entry("package/../../up", b"y"), b.Entry("/absolute", b"z"), b.device("package/null"), b.fifo("package/fifo"),
			       b.Entry("package/twice", b"1"), b.Entry("package/twice", b"2"), b.Entry(deep, b"deep"), b.Entry("package/big", 5000001)])
	with tarfile.open(fileobj=io.BytesIO(p.tarball), encoding="utf-8", errors="surrogateescape") as t:
		got = {os.fsencode(m.name): m for m in t.getmembers()}
		all_names = [m.name for m in t.getmembers()]
	ok(got[name].mode == 0o4755 and name in got, "tar: a name of any bytes, a set-id bit")
	ok(got[b"package/l"].issym() and got[b"package/l"].linkname == "../../../etc/passwd", "tar: a symlink that leads out")
	ok(got[b"package/h"].islnk() and got[b"package/h"].linkname == "/etc/passwd", "tar: a hard link to outside")
	ok(b"package/../../up" in got and b"/absolute" in got, "tar: names that lead out")
	ok(got[b"package/null"].ischr() and got[b"package/fifo"].isfifo(), "tar: a device and a FIFO")
	is_eq(all_names.count("package/twice"), 2, "tar: an entry that is there twice")
	ok(deep.encode() in got, "tar: a name that is longer than a header")
	is_eq(got[b"package/big"].size, 5000001, "tar: a big file")
	w = b.wheel("odd", files={"odd.py": ""}, more=[b.zip_entry("../../up-and-out", b"x"), b.zip_symlink("link-outside", "/etc/passwd"),
						       b.zip_entry(b"line\nfeed\x1b[31m\xff", b"q"), b.zip_entry("odd.py", b"2")])
	with zipfile.ZipFile(io.BytesIO(w.data)) as z:
		names = z.namelist()
		is_eq(z.testzip(), None, "zip: is whole")
		is_eq(z.read("link-outside"), b"/etc/passwd", "zip: a symlink's text")
	ok("../../up-and-out" in names and names.count("odd.py") == 2, "zip: a name that leads out, an entry that is there twice")
	ok(b"line\nfeed\x1b[31m\xff" in w.data, "zip: a name of any bytes")
	is_eq(b.npm("same").tarball, b.npm("same").tarball, "the same package has the same bytes")
	is_eq(b.wheel("same").data, b.wheel("same").data, "the same wheel has the same bytes")


builder_tests()
if tools.have("npm"):
	npm_tests()
else:
	tap_skip("npm is missing")
if tools.have_venv():
	python_tests("pip", pip_install, lambda home, command: session(home, home.path("venv", "bin", command)))
else:
	tap_skip(f"{PYTHON} makes no virtual environment")
if tools.have("uv"):
	python_tests("uv", uv_install, lambda home, command: session(home, home.path("venv", "bin", command)))
else:
	tap_skip("uv is missing")
done_testing()
