#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is in the store stays what it is: pinned and unpinned commands, update and what it shows, going back, removing, collecting, and a
tree that changed."""

import json
import os
import shutil
import stat
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import builder as b
from caged import World, require
from tap import diag, done_testing, is_eq, ok

require("npm", "pip")
COMMAND = ("npx", "-y", "some-server")


def publish(w, version, library="1.0.0", **more):
	w.registry.publish(b.npm_library("a-library", library))
	w.registry.publish(b.npm_server("some-server", version, dependencies={"a-library": "^1.0.0", **more.pop("dependencies", {})}, **more))


def version(w, *command):
	return w.tell(*(command or COMMAND)).get("version")


def says(r, name, *words, status=0):
	missing = [x for x in words if x not in r.stdout + r.stderr]
	ok(r.returncode == status and not missing, name, f"status {r.returncode}, not said: {missing}\n{r.stdout}\n{r.stderr}")


def change(path, text="changed\n"):
	"""As somebody with the user's rights would."""
	os.chmod(path, 0o644)
	with open(path, "a") as f:
		f.write(text)
	os.chmod(path, 0o444)


def pinned_and_unpinned():
	with World() as w:
		publish(w, "1.0.0")
		is_eq((version(w), version(w, "npx", "-y", "some-server@1.0.0")), ("1.0.0", "1.0.0"), "resolved")
		publish(w, "2.0.0", library="1.5.0")
		w.registry.forget()
		is_eq(version(w), "1.0.0", "without a version: it stays at what it was resolved to")
		is_eq(w.tell(*COMMAND).get("libraries"), {"a-library": "a-library 1.0.0"}, "and so does what it depends on")
		is_eq(version(w, "npx", "-y", "some-server@1.0.0"), "1.0.0", "with a version: it stays")
		is_eq(w.registry.asked(), 0, "and nobody asked")
		says(w.run("store", "update", "--", *COMMAND), "update: shows the versions", "some-server  1.0.0 -> 2.0.0", "a-library 1.0.0 -> 1.5.0")
		is_eq(version(w), "2.0.0", "update: from then on the new one runs")
		is_eq(version(w, "npx", "-y", "some-server@1.0.0"), "1.0.0", "update: the command with a version is another one, and stays")
		says(w.run("store", "update", "--", "npx", "-y", "some-server@1.0.0"), "update of one with a version: only its dependencies can change",
		     "names its version", "a-library 1.0.0 -> 1.5.0")
		is_eq(version(w, "npx", "-y", "some-server@1.0.0"), "1.0.0", "it keeps its own version")
		says(w.run("store", "update", "--", *COMMAND), "update when nothing changed says so", "nothing has changed")
		# The registry serves other bytes and another hash under the same version.
		w.registry.publish(b.npm_server("some-server", "2.0.0", dependencies={"a-library": "^1.0.0"}, files={"evil.js": "1"}))
		is_eq(version(w), "2.0.0", "other bytes under the same version: what is there stays")
		says(w.run("store", "update", "--", *COMMAND), "update says that a version has other content", "the same version",
		     "THE SAME VERSION WITH OTHER CONTENT", "was sha512-", "is  sha512-", "+ node_modules/some-server/evil.js")
		w.settled("pinned and unpinned")


def update_shows():
	with World() as w:
		publish(w, "1.0.0", files={"stays.js": "1", "changes.js": "1", "goes.js": "1"}, dependencies={"old-library": "*"})
		w.registry.publish(b.npm_library("old-library"))
		is_eq(version(w), "1.0.0", "installed")
		publish(w, "1.1.0", library="1.2.0", files={"stays.js": "1", "changes.js": "2", "comes.js": "1"}, dependencies={"new-library": "*"},
			scripts={"postinstall": "true"})
		w.registry.publish(b.npm("new-library", files={"index.js": ""}, scripts={"install": "true"}))
		says(w.run("store", "update", "--", *COMMAND), "update shows versions, files, scripts and dependencies",
		     "some-server  1.0.0 -> 1.1.0", "some-server 1.0.0 -> 1.1.0, has install scripts now", "a-library 1.0.0 -> 1.2.0",
		     "+ new-library 1.0.0: new, has install scripts", "- old-library 1.0.0: gone", "files: ", "+ node_modules/some-server/comes.js",
		     "- node_modules/some-server/goes.js", "  node_modules/some-server/changes.js", "store rollback")
		ok("stays.js" not in w.run("store", "rollback", "some-server").stdout, "what is the same is not shown")
		is_eq(version(w), "1.0.0", "rollback: the version before runs")
		w.registry.stop()
		says(w.run("store", "rollback", "some-server"), "rollback once more undoes it, offline", "1.0.0 -> 1.1.0")
		is_eq(version(w), "1.1.0", "and the new one runs again")
		w.fails("update offline", ["cannot reach the registry"], *COMMAND, verb=("store", "update"))
		is_eq(version(w), "1.1.0", "after an update that failed, what was there runs")
		w.settled("update", trees=2)


def swapped_dependency():
	"""A dependency is replaced by another one of the same name: within the range, and then under the same version."""
	with World() as w:
		publish(w, "1.0.0")
		is_eq(version(w), "1.0.0", "installed")
		w.registry.publish(b.npm("a-library", "1.0.1", {"index.js": "module.exports = 'evil';\n"}, scripts={"postinstall": "evil"}, main="index.js",
					 dependencies={"evil-helper": "*"}))
		w.registry.publish(b.npm_library("evil-helper", "6.6.6"))
		is_eq(w.tell(*COMMAND).get("libraries"), {"a-library": "a-library 1.0.0"}, "swapped in the registry: what runs is what was installed")
		says(w.run("store", "update", "some-server"), "update shows it", "some-server  1.0.0, the same version", "a-library 1.0.0 -> 1.0.1, has install scripts now",
		     "+ evil-helper 6.6.6: new", "  node_modules/a-library/index.js")
		says(w.run("store", "rollback", "some-server"), "and rollback takes it away", "a-library 1.0.1 -> 1.0.0", "- evil-helper")
		is_eq(w.tell(*COMMAND).get("libraries"), {"a-library": "a-library 1.0.0"}, "the old one runs again")
		w.settled("swapped", trees=2)
	with World() as w:
		w.registry.publish(b.wheel_library("a-library", "1.0.0"))
		w.registry.publish(b.wheel_server("some-server", "1.0.0", requires=["a-library"]))
		is_eq(version(w, "uvx", "some-server"), "1.0.0", "pypi: installed")
		w.registry.publish(b.wheel_library("a-library", "1.0.0", text="WHO = 'evil'\n"))
		is_eq(w.tell("uvx", "some-server").get("libraries"), {"a-library": "a-library 1.0.0"}, "pypi: swapped: what runs is what was installed")
		says(w.run("store", "update", "some-server"), "pypi: update shows it", "a-library 1.0.0: THE SAME VERSION WITH OTHER CONTENT", "was sha256:",
		     "site-packages/a_library.py")
		w.settled("pypi: swapped", trees=2)


def changed_trees():
	"""What changed after it was installed is named, and not started."""
	def case(name, words, do, full_only=False):
		with World() as w:
			publish(w, "1.0.0", files={"lib/one.js": "1", "lib/two.js": "2", "run.sh": "#!/bin/sh\n"})
			is_eq(version(w), "1.0.0", f"{name}: before")
			server = os.path.join(w.tree(), "node_modules", "some-server")
			os.chmod(server, 0o755)
			os.chmod(os.path.join(server, "lib"), 0o755)
			do(server)
			if not full_only:
				w.fails(f"{name}: refused at the start", ["some-server is not what was installed", *words, "not started"], *COMMAND, status=126)
			says(w.run("store", "verify"), f"{name}: verify says so", *words, status=1)
			says(w.run("store", "verify", "some-server"), f"{name}: verify of that one as well", *words, status=1)
			says(w.run("store", "remove", "some-server"), f"{name}: it can be removed")
			is_eq(version(w), "1.0.0", f"{name}: and installed anew")
			w.settled(name, trees=1)

	case("a byte", ["node_modules/some-server/lib/two.js", "content was changed"], lambda s: change(os.path.join(s, "lib", "two.js"), "x"))

	def same_size(server):
		path = os.path.join(server, "lib", "two.js")
		st = os.stat(path)
		os.chmod(path, 0o644)
		with open(path, "r+") as f:
			f.write("3")
		os.chmod(path, 0o444)
		os.utime(path, ns=(st.st_atime_ns, st.st_mtime_ns))
	case("a byte, with size and time as before", ["lib/two.js", "content was changed"], same_size)
	case("an added file", ["node_modules/some-server/lib/evil.js", "was added"], lambda s: open(os.path.join(s, "lib", "evil.js"), "w").close())
	case("a removed file", ["node_modules/some-server/lib/one.js", "was removed"], lambda s: os.unlink(os.path.join(s, "lib", "one.js")))

	def replaced(server):
		os.unlink(os.path.join(server, "lib", "one.js"))
		os.symlink("two.js", os.path.join(server, "lib", "one.js"))
	case("a file that became a symlink", ["lib/one.js", "became something else"], replaced)

	def fifo(server):
		os.unlink(os.path.join(server, "lib", "one.js"))
		os.mkfifo(os.path.join(server, "lib", "one.js"))
	case("a file that became a FIFO", ["lib/one.js", "neither a file"], fifo)
	case("an executable bit", ["lib/one.js", "executable bit"], lambda s: os.chmod(os.path.join(s, "lib", "one.js"), 0o755))
	case("a set-id bit", ["run.sh", "set-user-id"], lambda s: os.chmod(os.path.join(s, "run.sh"), 0o4755))


def other_damage():
	with World() as w:
		publish(w, "1.0.0")
		is_eq(version(w), "1.0.0", "installed")
		# A home folder that was copied: nothing is where it was, and nothing has changed.
		shutil.copytree(w.store, w.store + ".copy", symlinks=True)
		os.rename(w.store, w.path("old-store"))
		os.rename(w.store + ".copy", w.store)
		is_eq((version(w), version(w)), ("1.0.0", "1.0.0"), "a copied store works")
		tree = os.path.join(w.store, "trees", w.names("trees")[0])
		with open(os.path.join(tree, "table"), "r+b") as f:
			f.seek(200)
			f.write(b"\xff" * 40)
		is_eq(version(w), "1.0.0", "a damaged table: the files are read instead")
		os.unlink(os.path.join(tree, "table"))
		is_eq(version(w), "1.0.0", "a lost table likewise")
		with open(os.path.join(tree, "table"), "r+b") as f:
			f.write(b"\0" * 100)
		change(os.path.join(tree, "files", "node_modules", "some-server", "server.js"))
		w.fails("a damaged table and a changed file", ["some-server is not what was installed"], *COMMAND, status=126)
		for key in w.names("requests"):
			for name in os.listdir(os.path.join(w.store, "requests", key)):
				if name.endswith(".json"):
					with open(os.path.join(w.store, "requests", key, name), "w") as f:
						f.write("{}")
		w.fails("a damaged record", ["record of a package is damaged", "store remove"], *COMMAND, status=125)
		r = w.run("store", "list")
		ok(r.returncode == 1 and "damaged" in r.stderr, "list says so as well", r.stderr)
		says(w.run("store", "remove", "--", *COMMAND), "what is damaged can be removed")
		is_eq(version(w), "1.0.0", "and installed anew")
		os.chmod(os.path.join(w.store, "trees"), 0o777)
		w.fails("a store that others can write", ["can be written by others", "chmod go-w"], *COMMAND)
		os.chmod(os.path.join(w.store, "trees"), 0o700)
		is_eq(version(w), "1.0.0", "control: when nobody else can, it works")
		shutil.rmtree(w.path("old-store"), ignore_errors=True)
		shutil.rmtree(w.tree().removesuffix("/files"), onerror=lambda f, p, e: (os.chmod(os.path.dirname(p), 0o700), f(p)))
		is_eq((w.names("trees"), version(w)), ([], "1.0.0"), "a tree that was removed by hand is installed anew")
		w.settled("damage")


def listing():
	with World() as w:
		says(w.run("store", "list"), "list of an empty store", "nothing is installed")
		publish(w, "1.0.0")
		w.registry.publish(b.wheel_server("py-server", "3.2.1"))
		is_eq((version(w), version(w, "uvx", "py-server")), ("1.0.0", "3.2.1"), "two are installed")
		says(w.run("store", "list"), "list", "some-server  (npm)", "1.0.0, 2 packages", "py-server  (pypi)", "3.2.1")
		listed = json.loads(w.run("store", "list", "--json").stdout)["packages"]
		is_eq(sorted(p["package"]["request"]["specs"] for p in listed), [["py-server"], ["some-server"]], "list as JSON")
		says(w.run("store", "show", "some-server"), "show", "version      1.0.0", "without install scripts", "interpreter  ", "tree         ",
		     "some-server: by node", "* some-server 1.0.0", "sha512-")
		says(w.run("store", "show", "--", *COMMAND), "show by the command", "version      1.0.0")
		says(w.run("store", "show", "server"), "show of a part that two have", "can be several", "some-server", "py-server", status=125)
		says(w.run("store", "show", "nobody"), "show of what is not there", "nothing in the store is called nobody", status=125)
		says(w.run("store", "show"), "show without a name", "which package?", status=125)
		says(w.run("store", "frobnicate"), "a word that is none", "does not know this word", status=125)
		says(w.run("store", "verify"), "verify", "some-server: ", "py-server: ", "files are what was installed")
		key = [k for k in w.names("requests")][0]
		is_eq(w.run("store", "show", key[:8]).returncode, 0, "show by the beginning of a key")


def removing():
	with World() as w:
		publish(w, "1.0.0")
		is_eq((version(w), version(w, "npx", "-y", "some-server@1.0.0")), ("1.0.0", "1.0.0"), "two commands")
		trees = len(w.names("trees"))
		says(w.run("store", "gc"), "gc takes nothing that is in use", "0 trees removed")
		says(w.run("store", "remove", "--", *COMMAND), "remove of one command")
		is_eq(version(w, "npx", "-y", "some-server@1.0.0"), "1.0.0", "the other one still works")
		says(w.run("store", "remove", "some-server@1.0.0"), "remove of the other one", "tree removed")
		is_eq(w.names("trees"), [], "no tree is left")
		ok(trees in (1, 2), "trees before", trees)
		says(w.run("store", "remove", "--", *COMMAND), "remove of what is not there", "is not in the store", status=125)
		w.settled("removed", trees=0)
		# What is being run is not taken away under it.
		with w.session(*COMMAND) as s:
			says(w.run("store", "remove", "some-server"), "remove while a session uses it", "0 trees removed", "1 more is in use by a session")
			r = s.call("read", {"path": "/opt/package/node_modules/some-server/server.js"})
			ok("A small MCP server" in json.dumps(r), "a session whose package is removed meanwhile goes on", r)
		says(w.run("store", "gc"), "gc afterwards", "1 tree removed")
		w.settled("removed while it ran", trees=0)
		# Litter of an installation that died.
		os.makedirs(os.path.join(w.store, "staging", "0123456789abcdef", "files", "x"))
		says(w.run("store", "gc"), "gc takes litter")
		w.settled("litter", trees=0)
		# Updates keep a number of trees to go back to.
		for i in range(12):
			publish(w, f"1.0.{i}")
			w.run("fetch", "--", *COMMAND) if i == 0 else w.run("store", "update", "some-server")
		says(w.run("store", "gc"), "gc after many updates")
		trees = len(w.names("trees"))
		ok(1 < trees <= 8, "some trees are kept to go back to, not all", trees)
		is_eq(version(w), "1.0.11", "the newest one runs")
		w.settled("many updates")


def at_the_same_time():
	"""Starts, updates, removals and collections at once: every start works or says why."""
	with World() as w:
		publish(w, "1.0.0")
		is_eq(version(w), "1.0.0", "installed")
		publish(w, "1.0.1")
		running = []
		end = time.monotonic() + 8
		verbs = [("store", "update", "--", *COMMAND), ("store", "rollback", "--", *COMMAND), ("store", "gc"), ("store", "verify")]
		starts, bad = 0, []
		while time.monotonic() < end:
			while len(running) < 3:
				running.append(w.popen(*verbs[starts % len(verbs)]))
				starts += 1
			v = version(w)
			if v not in ("1.0.0", "1.0.1"):
				bad.append(w.tell(*COMMAND))
			for p in [p for p in running if p.poll() is not None]:
				running.remove(p)
				_, err = p.communicate()
				if p.returncode not in (0,) and b"never updated" not in err:
					bad.append((p.args, err))
		for p in running:
			p.communicate()
		ok(starts > 4 and not bad, "starts, updates, rollbacks and collections at once", bad)
		is_eq(w.run("store", "verify").returncode, 0, "the store is whole")
		w.settled("at once")


def modes():
	"""What is in the store is read-only, and others cannot look into it."""
	with World() as w:
		publish(w, "1.0.0")
		is_eq(version(w), "1.0.0", "installed")
		writable = []
		for root, dirs, files in os.walk(w.tree()):
			for n in [*dirs, *files]:
				st = os.lstat(os.path.join(root, n))
				if not stat.S_ISLNK(st.st_mode) and st.st_mode & 0o222:
					writable.append(os.path.join(root, n))
		is_eq(writable, [], "nothing in the tree can be written")
		is_eq(stat.S_IMODE(os.stat(w.store).st_mode), 0o700, "the store is the user's alone")


for part in (pinned_and_unpinned, update_shows, swapped_dependency, changed_trees, other_damage, listing, removing, at_the_same_time, modes):
	if len(sys.argv) < 2 or part.__name__ in sys.argv[1:]:
		diag(part.__name__)
		part()
done_testing()
