#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The bill of materials that `make sbom` writes: true of the tarball, true of the program, the same twice, and valid SPDX 2.3.

A step of contrib/check, run in a build folder (top_builddir), because it makes a tarball and, the first time, installs the
validator that tests/release/requirements.txt names into SPDX_TOOLS, a folder. No part of `make check`.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile

SRC = os.environ.get("top_srcdir") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
BUILD = os.environ.get("top_builddir", ".")
TOOLS = os.environ.get("SPDX_TOOLS") or os.path.join(BUILD, "spdx-tools")
sys.path.insert(0, os.path.join(SRC, "tests"))
import tap  # noqa: E402

# Names of the libraries for the linker, and for pkg-config.
LINKED = {"libjansson": "jansson", "libnl-3": "libnl-3.0", "libcap": "libcap", "libapparmor": "libapparmor",
	  "libpcre2-8": "libpcre2-8", "libsodium": "libsodium", "libc": None, "libresolv": None, "libm": None}


def run(*argv, **more):
	return subprocess.run(argv, capture_output=True, text=True, check=False, **more)


def make_sbom():
	made = run("make", "-C", BUILD, "sbom")
	if made.returncode:
		tap.bail_out("make sbom fails: " + made.stderr[-400:])
	name = next(n for n in sorted(os.listdir(BUILD)) if n.endswith(".spdx.json"))
	with open(os.path.join(BUILD, name), "rb") as f:
		return f.read(), os.path.join(BUILD, name)


def validator():
	"""The program that validates, from a virtual environment that is made once."""
	program = os.path.join(TOOLS, "bin", "pyspdxtools")
	wanted = os.path.join(SRC, "tests", "release", "requirements.txt")
	if not os.path.exists(program):
		python = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable
		run(python, "-m", "venv", TOOLS)
		got = run(os.path.join(TOOLS, "bin", "pip"), "install", "--quiet", "--disable-pip-version-check", "-r", wanted)
		if got.returncode:
			tap.diag(got.stderr[-400:])
			return None
	return program


def check_files(document, package, tarball):
	with tarfile.open(tarball) as tar:
		files = {"./" + m.name.partition("/")[2]: tar.extractfile(m).read() for m in tar if m.isfile()}
	said = {f["fileName"]: f for f in document["files"]}
	tap.is_eq(sorted(said), sorted(files), f"each of the {len(files)} files of the tarball is listed, and no other")
	wrong = [name for name, data in files.items() for sum_ in said[name]["checksums"]
		 if hashlib.new(sum_["algorithm"].lower(), data).hexdigest() != sum_["checksumValue"]]
	tap.is_eq(wrong, [], "with the hashes that it has")
	code = hashlib.sha1("".join(sorted(hashlib.sha1(d).hexdigest() for d in files.values())).encode()).hexdigest()
	tap.is_eq(package["packageVerificationCode"]["packageVerificationCodeValue"], code, "the verification code is that of the files")
	tap.is_eq(len({f["SPDXID"] for f in document["files"]}), len(files), "each has an identifier of its own")
	tap.is_eq(said["./src/rpc/schema-meta.c"]["licenseConcluded"], "LGPL-2.1-or-later AND (AFL-3.0 OR BSD-3-Clause)",
		  "a file that says another licence has that one")
	ours = [name for name in said if re.match(r"\./src/.*\.[ch]$", name)
		and not said[name]["licenseConcluded"].startswith("LGPL-2.1-or-later")]
	tap.is_eq(ours, [], "all sources of the program are under the program's licence")


def check_libraries(document):
	packages = {p["name"]: p for p in document["packages"]}
	needed = re.findall(r"NEEDED.*\[(lib[^]]*?)\.so", run("readelf", "-d", os.path.join(BUILD, "mcpcage")).stdout)
	tap.ok(needed, "the program is linked with something", needed)
	tap.is_eq([n for n in needed if n not in LINKED], [], "with no library that this test does not know")
	by = {(r["relatedSpdxElement"]) for r in document["relationships"] if r["relationshipType"] == "DYNAMIC_LINK"}
	tap.is_eq(sorted(p["name"] for p in document["packages"] if p["SPDXID"] in by),
		  sorted(LINKED[n] for n in needed if LINKED.get(n)), "what it is linked with is what the document says")
	for name in filter(None, LINKED.values()):
		tap.is_eq(packages[name]["versionInfo"], run("pkg-config", "--modversion", name).stdout.strip(), f"the version of {name}")


def main():
	first, path = make_sbom()
	tarball = path.replace(".spdx.json", ".tar.xz")
	document = json.loads(first)
	package = next(p for p in document["packages"] if p["name"] == "mcpcage")
	with open(tarball, "rb") as f:
		tap.is_eq(package["checksums"], [{"algorithm": "SHA256", "checksumValue": hashlib.sha256(f.read()).hexdigest()}],
			  "the tarball's hash")
	check_files(document, package, tarball)
	check_libraries(document)
	tap.ok(make_sbom()[0] == first, "made again, it is the same bytes")

	program = validator()
	if not program:
		tap.skip("the validator cannot be installed: tests/release/requirements.txt")
	else:
		valid = run(program, "-i", path)
		tap.ok(valid.returncode == 0, "valid SPDX 2.3", valid.stdout[-800:] + valid.stderr[-800:])
		with tempfile.TemporaryDirectory() as folder:
			broken = os.path.join(folder, "broken.spdx.json")
			document["relationships"][3]["relatedSpdxElement"] = "SPDXRef-nothing"
			with open(broken, "w") as f:
				json.dump(document, f)
			tap.ok(run(program, "-i", broken).returncode != 0, "and the validator would have said so")
	tap.done_testing()


main()
