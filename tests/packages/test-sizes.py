#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Packages that are too much: many files, a disk that is full, archives and scripts that fill it. What was too much is named, and gone."""

import json
import os
import re
import shutil
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import builder as b
from caged import MCPCAGE, World, require
from tap import diag, done_testing, is_eq, ok, tap_skip

require("npm", "pip")
COMMAND = ("npx", "-y", "some-server")


def many_files():
	count = 50000
	with World() as w:
		w.registry.publish(b.npm_server("some-server", files={f"d{i % 100}/f{i}.js": f"{i}\n" for i in range(count)}))
		t = w.tell(*COMMAND)
		is_eq(t.get("version"), "1.0.0", f"{count} files: installed and started")
		listed = json.loads(w.run("store", "list", "--json").stdout)["packages"][0]["package"]
		ok(listed["files"] > count, f"{count} files: all are recorded", listed["files"])
		victim = os.path.join(w.tree(), "node_modules", "some-server", "d42", "f42042.js")
		os.chmod(victim, 0o644)
		with open(victim, "r+") as f:
			f.write("9")
		w.fails(f"{count} files: the changed one is named", ["node_modules/some-server/d42/f42042.js", "was changed"], *COMMAND, status=126)
		r = w.run("store", "remove", "some-server")
		ok(r.returncode == 0 and w.names("trees") == [], f"{count} files: removed", r.stderr)
		w.settled(f"{count} files", trees=0)


def on_small_disk(w, size, *argv):
	"""mcpcage with its data on a file system of SIZE, in a mount namespace of its own. None where that cannot be made."""
	# Who is mapped to root there is the only user there is, and mcpcage reads no profiles of somebody else's.
	if os.path.exists(MCPCAGE + ".uninstalled") and os.stat(MCPCAGE + ".uninstalled").st_uid != os.geteuid():
		return None
	share = w.path(".local", "share")
	os.makedirs(share, exist_ok=True)
	command = ["unshare", "--mount"] + ([] if os.geteuid() == 0 else ["--user", "--map-root-user"])
	script = ('mount -t tmpfs -o mode=700,size="$1" tmpfs "$2" || exit 99; shift 2; "$@"; status=$?; '
		  'find "$HOME/.local/share" -mindepth 4 -path "*/staging/*" >"$HOME/left"; df -P "$HOME/.local/share" | tail -1 >"$HOME/df"; exit $status')
	r = w.bare(*command, "sh", "-c", script, "sh", size, share, MCPCAGE, *argv)
	return None if r.returncode == 99 or "unshare" in r.stderr else r


def full_disk():
	big = os.urandom(40 << 20)
	for name, command, package in (("npm", COMMAND, b.npm_server("some-server", more=[b.Entry("package/big", big)])),
				       ("pip", ("uvx", "some-server"), b.wheel_server("some-server", more=[b.zip_entry("big.bin", big)]))):
		with World() as w:
			w.registry.publish(package)
			r = on_small_disk(w, "24m", "--", *command)
			if r is None:
				tap_skip("no mount namespace of one's own for a small file system, or a build of somebody else's")
				return
			ok(r.returncode == 125 and "some-server cannot be installed: the disk is full" in r.stderr and r.stdout == "",
			   f"{name}: a full disk is named", (r.returncode, r.stderr))
			with open(w.path("left")) as f:
				is_eq(f.read(), "", f"{name}: a full disk: nothing is left on it")
			r = on_small_disk(w, "400m", "fetch", "--", *command)
			ok(r.returncode == 0, f"{name}: control: on a larger one it works", r.stderr)
			w.settled(f"{name}: full disk")


def without_end():
	"""What unpacks to much more than it is, and a script that writes as long as it can: the disk's end ends it, and what was written goes."""
	for name, command, package in (("npm", COMMAND, b.npm_server("some-server", more=[b.Entry("package/big", 512 << 20)])),
				       ("pip", ("uvx", "some-server"), b.wheel_server("some-server", files={"big.bin": 512 << 20}))):
		with World() as w:
			w.registry.publish(package)
			size = len(package.tarball if name == "npm" else package.data)
			ok(size < 1 << 20, f"{name}: a package that unpacks to a thousand times its size", size)
			r = on_small_disk(w, "40m", "fetch", "--", *command)
			if r is None:
				tap_skip("no mount namespace of one's own for a small file system, or a build of somebody else's")
				return
			# npm has a limit of its own.
			ok(r.returncode == 125 and re.search("some-server cannot be installed: (the disk is full|the package is damaged)", r.stderr),
			   f"{name}: it is refused", (r.returncode, r.stderr))
			with open(w.path("left")) as f:
				is_eq(f.read(), "", f"{name}: what it unpacked to is gone")
			w.settled(f"{name}: unpacks to much")
	with World() as w:
		w.registry.publish(b.npm_server("some-server", scripts={"postinstall": "cat /dev/zero >endless"}))
		r = on_small_disk(w, "40m", "fetch", "--allow-scripts", "--", *COMMAND)
		if r is None:
			tap_skip("no mount namespace of one's own for a small file system, or a build of somebody else's")
			return
		ok(r.returncode == 125 and "some-server cannot be installed" in r.stderr, "a script that writes without end: refused", (r.returncode, r.stderr))
		with open(w.path("left")) as f:
			is_eq(f.read(), "", "a script that writes without end: nothing is left")
		w.settled("a script that writes without end")
	# Endless archives end where the disk does, or where a package has become too large; this one would take all there is.
	with World() as w:
		free = os.statvfs(w.home)
		if free.f_bavail * free.f_frsize < (40 << 30) or shutil.which("fallocate") is None:
			diag("less than 40 GiB are free: what a package may take at most is not tried")
			return
		w.registry.publish(b.npm_server("some-server", scripts={"postinstall": "fallocate -l 17G endless && sleep 60"}))
		w.fails("a package that takes too much of the disk", ["some-server", "more than 16 GiB"], *COMMAND, options=("--allow-scripts",), verb=("fetch",))
		w.settled("a package that takes too much", trees=0)


for part in (many_files, full_disk, without_end):
	if len(sys.argv) < 2 or part.__name__ in sys.argv[1:]:
		diag(part.__name__)
		part()
done_testing()
