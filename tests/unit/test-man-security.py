#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""mcpcage-security(7) names, for each of its rules, the tests that prove it: they have to be there.

A proof is a file of the source tree, which has to be one that the tarball packs and that a test program, `make check` or a step
of contrib/check runs, and names in parentheses, each of which has to occur in that file: an attack, a function, or the words
of an assertion. After a folder the names are patterns of the files in it.
"""

import fnmatch
import os
import re
import sys

SRC = os.environ.get("top_srcdir") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(SRC, "tests"))
import tap  # noqa: E402

RULES = [f"C{n}" for n in range(1, 12)] + [f"M{n}" for n in range(1, 11)] + [f"N{n}" for n in range(1, 9)]
PROCESSES = ["monitor", "filter", "init", "egress", "resolver"]


def read(name):
	with open(os.path.join(SRC, name), encoding="utf-8") as f:
		return f.read()


def paragraphs(page):
	"""(heading, text) of each tagged paragraph, requests of roff taken out."""
	for part in re.split(r"^\.TP\n", page, flags=re.M)[1:]:
		part = re.split(r"^\.S[HS] ", part, flags=re.M)[0]
		heading, _, text = part.partition("\n")
		text = re.sub(r"^\.(br|I|B) ?", "", text, flags=re.M)
		yield re.sub(r"^\.B ", "", heading), " ".join(text.split())


def proofs(text):
	"""(file, [name...]) of each proof."""
	for path, names in re.findall(r"(tests/[A-Za-z0-9_./-]*[A-Za-z0-9_])(?: \(([^)]*)\))?", text):
		# Names of attacks are divided by commas, words of assertions by semicolons.
		yield path, [name.strip() for name in re.split(";" if ";" in names or " " in names.split(",")[0] else ",", names)
			     if name.strip()]


def sources():
	"""One text of all that Makefile.am and contrib/check name."""
	return read("Makefile.am") + read(os.path.join("contrib", "check"))


def check(rule, path, names, built):
	where = os.path.join(SRC, path)
	if not tap.ok(os.path.exists(where), f"{rule}: {path} is there"):
		return
	if os.path.isdir(where):
		files = [n.rpartition(".")[0] for n in os.listdir(where)]
		missing = [name for name in names if not fnmatch.filter(files, name)]
	else:
		text = " ".join(read(path).replace('"\n', "\n").split())
		missing = [name for name in names if not re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text)]
	tap.is_eq(missing, [], f"{rule}: {path} has {', '.join(names) or 'no names to look for'}")
	tap.ok(path in built, f"{rule}: {path} is built or packed")


def main():
	page = read(os.path.join("contrib", "man", "mcpcage-security.7.in"))
	built = sources()
	found = {}
	for heading, text in paragraphs(page):
		rule = re.match(r"([A-Z]\d+)\.|(\w+)$", heading)
		if not rule:
			continue
		_, mark, proof = text.partition("Proof: ")
		found[rule.group(1) or rule.group(2)] = (mark, list(proofs(proof)))
	rules = [name for name in found if re.fullmatch(r"[A-Z]\d+", name)]
	tap.is_eq(sorted(set(RULES) - set(rules)), [], "no rule is missing")
	for name in rules + PROCESSES:
		mark, list_ = found.get(name, ("", []))
		tap.ok(mark and list_, f"{name} has a proof")
		for path, names in list_:
			check(name, path, names, built)
	# The other way round: this would not be seen if the page were read wrongly.
	said = {path for _, list_ in found.values() for path, _ in list_}
	everywhere = set(re.findall(r"^\.I (tests/[A-Za-z0-9_./-]*[A-Za-z0-9_])", page, flags=re.M))
	tap.is_eq(sorted(everywhere - said), [], f"each of the {len(everywhere)} files that the page names was looked at")
	tap.done_testing()


main()
