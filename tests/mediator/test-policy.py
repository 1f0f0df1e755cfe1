#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Rules on calls, in a session and by `mcpcage policy test`: both have to say the same of each call."""

import json
import os
import re
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import DEADLINE, MCPCAGE, PUPPET, Session, is_tool_error, require_mcpcage, text_of
from tap import done_testing, is_eq, ok

require_mcpcage()

folder = tempfile.TemporaryDirectory(prefix="mcpcage-policy-")
os.chmod(folder.name, 0o755)


def policy(name, **keys):
	path = os.path.join(folder.name, name)
	with open(path, "w", encoding="utf-8") as f:
		json.dump(keys, f)
	os.chmod(path, 0o644)
	return path


def tested(state, options, tool, arguments):
	"""The answer of policy test about the server whose pins are in STATE."""
	argv = [MCPCAGE, "policy", "test", "--json", "--state", state, *options, tool, json.dumps(arguments), "--", *PUPPET]
	r = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=30, check=False)
	ok(r.returncode in (0, 1, 2), f"policy test {tool}", r.stderr.decode())
	d = json.loads(r.stdout)
	is_eq(r.returncode, {"allow": 0, "deny": 1, "ask": 2}[d["verdict"]], f"policy test {tool}: the status is the verdict")
	return d


RULES = policy("rules.json", tools={
	"deny": ["environ"], "ask": ["big"],
	"rules": [
		{"tool": "echo", "verdict": "allow", "reason": "echoes stay in their folder", "arguments": {
			"required": ["path"], "additionalProperties": False,
			"properties": {"path": {"within": ["/srv/data", "~/notes"]}, "n": {"maximum": 0.3}}}},
		{"tool": "echo", "verdict": "deny"},
		{"tool": "s*", "verdict": "allow"},
		{"tool": "b*", "verdict": "allow"},
		{"tool": "emit", "verdict": "ask", "reason": "it says what it is told to"},
		{"tool": "d*", "verdict": "deny", "reason": "no processes that stay"},
	],
	"default": "deny"})

HOME = os.path.expanduser("~")
CASES = [
	("echo", {"path": "/srv/data/x"}, "allow"),
	("echo", {"path": "/srv/data/../data/x"}, "allow"),
	("echo", {"path": HOME + "/notes"}, "allow"),
	("echo", {"path": "/srv/data", "n": 0.3}, "allow"),
	("echo", {"path": "/srv/data/../x"}, "deny"),
	("echo", {"path": "/srv/database"}, "deny"),
	("echo", {"path": "/srv/data", "n": 0.30000000000000004}, "deny"),
	("echo", {"path": ["/srv/data"]}, "deny"),
	("echo", {"path": "/srv/data", "other": 1}, "deny"),
	("echo", {}, "deny"),
	("sleep", {"ms": 0}, "allow"),
	("environ", {}, "deny"),
	("daemons", {"n": 0}, "deny"),
	("progress", {"steps": 0}, "deny"),
	("big", {"bytes": 1}, "ask"),
	("emit", {"b64": ""}, "ask"),
	("no such tool", {}, "deny"),
]

with Session(["--policy", RULES]) as s:
	s.seen()
	for tool, arguments, want in CASES:
		name = f"{tool} {json.dumps(arguments)}"
		d = tested(s.dir, ["--policy", RULES], tool, arguments)
		is_eq(d["verdict"], want, f"{name}: policy test")
		m = s.call(tool, arguments)
		reached = any(b'"tools/call"' in x and b'"seen"' not in x for x in s.seen())
		if want == "allow":
			ok(reached and not is_tool_error(m), f"{name}: the session lets it pass", repr(m)[:300])
			continue
		ok(is_tool_error(m) and not reached, f"{name}: it does not reach the server", repr(m)[:300])
		ok("mcpcage refused this call" in text_of(m), f"{name}: and the answer says so", text_of(m))
		if want == "ask":
			ok("permission" in text_of(m), f"{name}: it says that nobody could be asked", text_of(m))
		reason = d["reason"] or ""
		ok(reason in text_of(m), f"{name}: it tells the rule's reason", text_of(m))
	m = s.call("echo", {"path": "/srv/x"})
	ok("/path" in text_of(m) and "/srv/data" in text_of(m), "it says which argument is wrong, and what would do", text_of(m))
	s.end()

# What the server itself says of its arguments is asked as well.
with Session() as s:
	# What was listed is pinned by a process beside the one that passes the list on.
	end = time.monotonic() + DEADLINE
	while tested(s.dir, [], "echo", {})["pins"]["state"] in ("none", "unknown") and time.monotonic() < end:
		time.sleep(0.05)
	d = tested(s.dir, [], "echo", {})
	is_eq((d["verdict"], d["pins"]["state"]), ("allow", "satisfied"), "pinned, and as its schema wants")
	d = tested(s.dir, [], "never listed", {})
	is_eq((d["verdict"], d["pins"]["state"]), ("deny", "refused"), "a tool that no list showed")
	d = tested(s.dir, ["--pins", "off"], "never listed", {})
	is_eq((d["verdict"], d["pins"]["state"]), ("allow", "none"), "pins that are off say nothing")
	d = tested(s.dir, ["--pins", "review"], "echo", {})
	is_eq((d["verdict"], d["pins"]["state"]), ("deny", "refused"), "nobody has reviewed it")
	is_eq(tested(s.dir, ["--ask-first-use"], "echo", {})["verdict"], "ask", "a tool that was never used")
	ok(s.alive(), "control: it is used")
	s.end()
	is_eq(tested(s.dir, ["--ask-first-use"], "echo", {})["verdict"], "allow", "then it was used")

# An answer that is remembered.
helper = os.path.join(folder.name, "helper")
with open(helper, "w", encoding="utf-8") as f:
	f.write("#!/bin/sh\nread -r question\necho always\n")
os.chmod(helper, 0o755)
with Session(["--policy", RULES, "--ask-with", helper]) as s:
	options = ["--policy", RULES]
	is_eq(tested(s.dir, options, "emit", {"b64": ""})["verdict"], "ask", "nobody has answered yet")
	m = s.call("emit", {"b64": ""})
	ok(not is_tool_error(m), "somebody answers always", text_of(m))
	s.end()
	d = tested(s.dir, options, "emit", {"b64": ""})
	is_eq((d["verdict"], d["policy"], d["always"]), ("allow", "ask", True), "then policy test knows")
	is_eq(tested(s.dir, options, "big", {"bytes": 1})["verdict"], "ask", "another tool is asked about all the same")
	other = ["--policy", policy("other.json", tools={"rules": [{"tool": "emit", "verdict": "ask"}]})]
	is_eq(tested(s.dir, other, "emit", {"b64": ""})["verdict"], "ask", "and so is it by another rule")

# The limits of a rule.
LIMITS = policy("limits.json", tools={"rules": [
	{"tool": "echo", "verdict": "allow", "rate": 3},
	{"tool": "big", "verdict": "allow", "result_size": 2000},
	{"tool": "sleep", "verdict": "allow", "timeout": "2s"}]})
with Session(["--policy", LIMITS]) as s:
	answers = [s.call("echo", {"i": i}) for i in range(5)]
	is_eq([is_tool_error(m) for m in answers], [False] * 3 + [True] * 2, "a rate: so many calls a minute and no more")
	ok(not is_tool_error(s.call("big", {"bytes": 500})), "a small answer passes")
	m = s.call("big", {"bytes": 5000})
	ok(is_tool_error(m) and "A" * 100 not in text_of(m), "one that is larger than its rule allows does not", text_of(m)[:200])
	ok(not is_tool_error(s.call("sleep", {"ms": 1})), "a quick call passes")
	m = s.call("sleep", {"ms": 600000})
	# The words have the time that it took, which a busy machine may have made longer.
	ok(is_tool_error(m) and re.search("did not answer within [2-9][0-9]{3} ms", text_of(m)),
	   "one that takes longer than its rule allows is ended", text_of(m))

done_testing()
