#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The table of methods and the shapes of messages against the specification's own schemas, in five versions.

For every request, notification, result and error of every version, instances are made, with the least and with everything that may be
in them; all of them pass. Then each is broken in every way that counts: for each member of each object in it that must be there, without
it, and with a value of every other type in its place. What no version of the message's era allows is refused; and without
a member that need not be there, or with null for it, it passes.
"""

import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.environ["top_srcdir"], "tests"))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from mcpmessages import instances, kinds, messages_of, method_of, schemas, variations  # noqa: E402
from mcpschema import VERSIONS  # noqa: E402
from tap import diag, done_testing, is_eq, ok  # noqa: E402

CHECK_LINES = os.path.join(os.environ["top_builddir"], "tests/mcp-schema/check-lines")


def verdicts(lines):
	data = "".join(line + "\n" for line in lines).encode()
	run = subprocess.run([CHECK_LINES], input=data, stdout=subprocess.PIPE, check=True)
	out = run.stdout.decode().splitlines()
	assert len(out) == len(lines), (len(out), len(lines))
	return out


class Cases:
	def __init__(self, name):
		self.name = name
		self.lines, self.wanted = {}, {}

	def add(self, kind, message, passes):
		line = kind.prefix + json.dumps(message, separators=(",", ":"))
		self.lines[line] = passes

	def run(self, version):
		lines = list(self.lines)
		wrong = [(line, got) for line, got in zip(lines, verdicts(lines)) if (got == "pass") != self.lines[line]]
		ok(not wrong, f"{version}: {self.name}: {len(lines)} cases", "\n".join(f"{got}: {line[:600]}" for line, got in wrong[:8]))
		return len(lines)


def check_table():
	run = subprocess.run([CHECK_LINES, "--table"], stdout=subprocess.PIPE, check=True)
	rows = [json.loads(line) for line in run.stdout.decode().splitlines()]
	for version in VERSIONS:
		schema = schemas[version]
		want = {(method_of(schema, n), who, request) for n, who, request in messages_of(version)}
		have = {(r["method"], r["from"], r["request"]) for r in rows if version in r["versions"]}
		is_eq(sorted(have), sorted(want), f"{version}: the table has the schema's {len(want)} methods, and only those")
	keys = [(r["from"], r["method"]) for r in rows]
	is_eq(len(keys), len(set(keys)), "each method has one row for each direction")


def check_version(version, mine):
	least, full = Cases("with what must be there, passes"), Cases("with all that may be there, passes")
	kept = Cases("without what need not be there, or null, passes")
	broken = Cases("without what must be there, or with another type, is refused")
	unjudged, badly_made = 0, []
	for kind in mine:
		seen = set()
		for cases, everything in ((least, False), (full, True)):
			for message, right in instances(kind, version, everything):
				if not right:
					badly_made.append(message)
					continue
				cases.add(kind, message, True)
				for variant, passes in variations(kind, version, message, seen):
					if passes is None:
						unjudged += 1
					else:
						(kept if passes else broken).add(kind, variant, passes)
	is_eq(badly_made[:1], [], f"{version}: what was made satisfies the schema")
	diag(f"{version}: {len(mine)} messages; {unjudged} mutants that a version of the era allows were not judged")
	return {cases.name: cases.run(version) for cases in (least, full, kept, broken)}


def main():
	check_table()
	total = {}
	every = list(kinds().values())
	for version in VERSIONS:
		for what, n in check_version(version, [k for k in every if version in k.by_version]).items():
			ok(n > 50, f"{version}: {what}: there is something to judge by")
			total[what] = total.get(what, 0) + n
	for what, n in total.items():
		diag(f"{n}: {what}")
	done_testing()


main()
