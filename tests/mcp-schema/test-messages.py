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
from mcpschema import LEGACY, VERSIONS, Schema, changed  # noqa: E402
from tap import diag, done_testing, is_eq, ok  # noqa: E402

CHECK_LINES = os.path.join(os.environ["top_builddir"], "tests/mcp-schema/check-lines")
WRONG = [None, True, 7, 7.5, "zz", [], {}]

# Results whose names do not follow from the request's; 2026-07-28 has XResultResponse for the others.
RESULTS = {
	"PingRequest": ["EmptyResult"], "SubscribeRequest": ["EmptyResult"], "UnsubscribeRequest": ["EmptyResult"],
	"SetLevelRequest": ["EmptyResult"],
}
# Requests that 2025-11-25 lets run as tasks.
AS_TASKS = ["CallToolRequest", "CreateMessageRequest", "ElicitRequest"]
# An error without an id answers nobody.
NAMED = {"required": ["id"], "properties": {"id": {"$ref": "#/RequestId"}}}
# Of the tasks extension.
EXTENSION = ["GetTaskRequest", "UpdateTaskRequest", "CancelTaskRequest"]

schemas = {v: Schema(v) for v in VERSIONS}


def ref(name):
	return {"$ref": "#/" + name}


def names_of(schema, union):
	s = schema.defs.get(union)
	if s is None:
		return []
	return [p["$ref"].rsplit("/", 1)[1] for p in s["anyOf"]] if "anyOf" in s else [union]


def method_of(schema, name):
	return schema.defs[name]["properties"]["method"]["const"]


def messages_of(version):
	"""(definition, "client" or "server", whether it is a request) of one version."""
	schema = schemas[version]
	for who in ("client", "server"):
		requests = names_of(schema, who.title() + "Request")
		notes = names_of(schema, who.title() + "Notification")
		if version == "2026-07-28":
			if who == "client":
				requests = requests + EXTENSION
			else:
				notes = notes + ["TaskStatusNotification"]
		for name in requests:
			yield name, who, True
		for name in notes:
			yield name, who, False


def results_of(schema, name):
	base = name.removesuffix("Request")
	if base + "ResultResponse" in schema.defs:
		result = schema.defs[base + "ResultResponse"]["properties"]["result"]
		parts = result.get("anyOf", [result])
		if base == "CallTool":
			parts = parts + [ref("CreateTaskResult")]
		return parts
	parts = [ref(n) for n in RESULTS.get(name, [base + "Result"])]
	if schema.version == "2025-11-25" and name in AS_TASKS:
		parts.append(ref("CreateTaskResult"))
	return parts


class Kind:
	"""One message, in all versions of its era that have it: how it is handed to check-lines, and each version's schema of it."""

	def __init__(self, prefix, title):
		self.prefix, self.title = prefix, title
		self.by_version = {}
		self.legacy = None  # of a modern request or result: the legacy one of this method


def special_errors(schema):
	"""Names of the errors whose code says what their data must be, by code."""
	found = {}
	for name, s in schema.defs.items():
		for part in s.get("properties", {}).get("error", {}).get("allOf", []):
			code = part.get("properties", {}).get("code", {})
			if "const" in code:
				found[code["const"]] = name
	return found


def kinds():
	"""Every message there is."""
	found = {}

	def add(key, prefix, title, version, schema):
		found.setdefault(key, Kind(prefix, title)).by_version[version] = schema

	for version in VERSIONS:
		schema = schemas[version]
		era = "legacy" if version in LEGACY else "modern"
		response = "JSONRPCResultResponse" if "JSONRPCResultResponse" in schema.defs else "JSONRPCResponse"
		error = "JSONRPCErrorResponse" if "JSONRPCErrorResponse" in schema.defs else "JSONRPCError"
		for name, who, request in messages_of(version):
			envelope = "JSONRPCRequest" if request else "JSONRPCNotification"
			# Notifications do not say which era they are of.
			group = era if request else "any"
			method = method_of(schema, name)
			add((method, who, request, group), who[0].upper() + " ", f"{method} of the {who}", version,
			    {"allOf": [ref(envelope), ref(name)]})
			if request:
				other = "s" if who == "client" else "c"
				result = {"anyOf": results_of(schema, name)}
				add((method, who, "result", era), f"{other} {method} {era} ", f"result of {method} of the {who}", version,
				    {"allOf": [ref(response), {"required": ["result"], "properties": {"result": result}}]})
		for name in [error] + list(special_errors(schema).values()):
			add((name, era), f"s tools/call {era} ", name, version, {"allOf": [ref(error), NAMED, ref(name)]})
	for key, kind in found.items():
		if key[-1] == "modern" and key[2:3] in ((True,), ("result",)):
			kind.legacy = found.get(key[:-1] + ("legacy",))
	return found


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

	def run(self):
		lines = list(self.lines)
		wrong = [(line, got) for line, got in zip(lines, verdicts(lines)) if (got == "pass") != self.lines[line]]
		ok(not wrong, f"{self.name}: {len(lines)} cases", "\n".join(f"{got}: {line[:600]}" for line, got in wrong[:8]))
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


def is_modern(message):
	params = message.get("params")
	meta = params.get("_meta") if isinstance(params, dict) else None
	return isinstance(meta, dict) and "io.modelcontextprotocol/protocolVersion" in meta


def allowed(kind, message):
	"""Whether a version of the message's own era allows it."""
	if "error" in message:
		return any(error_allowed(schemas[v], s, message) for v, s in kind.by_version.items())
	# A request that has lost what says that it is modern is a legacy one, and so is a result: of a server that knows no other.
	if kind.legacy and not ("resultType" in message["result"] if isinstance(message.get("result"), dict) else is_modern(message)):
		kind = kind.legacy
	return any(schemas[v].valid(s, message) for v, s in kind.by_version.items())


def error_allowed(schema, s, message):
	error = message["error"]
	name = special_errors(schema).get(error.get("code")) if isinstance(error, dict) and isinstance(error.get("code"), int) else None
	parts = s["allOf"][:2] + ([ref(name)] if name else [])
	return schema.valid({"allOf": parts}, message)


def at(value, path):
	for step in path:
		value = value[step]
	return value


def break_it(kind, version, message, seen, broken, kept, unjudged):
	schema, s = schemas[version], kind.by_version[version]
	for path, key, required, where in schema.members(s, message):
		place = (tuple("*" if isinstance(p, int) else p for p in path), key, where, required)
		if place in seen:
			continue
		seen.add(place)
		without = changed(message, path, key, remove=True)
		if not required:
			if schema.valid(s, without):
				kept.add(kind, without, True)
				kept.add(kind, changed(message, path, key, None), True)
			continue
		optional = allowed(kind, without)  # in another version
		for mutant in [without] + [changed(message, path, key, v) for v in WRONG]:
			if allowed(kind, mutant) or optional and mutant is not without and at(mutant, path)[key] is None:
				unjudged.append(mutant)
			else:
				broken.add(kind, mutant, False)


def main():
	check_table()
	total = {}
	groups = {}
	for key, kind in kinds().items():
		for version in kind.by_version:
			groups.setdefault(version, []).append(kind)
	for version in VERSIONS:
		schema = schemas[version]
		least, full = Cases(f"{version}: with what must be there, passes"), Cases(f"{version}: with all that may be there, passes")
		kept = Cases(f"{version}: without what need not be there, or null, passes")
		broken = Cases(f"{version}: without what must be there, or with another type, is refused")
		unjudged, badly_made = [], []
		for kind in groups[version]:
			s = kind.by_version[version]
			seen = set()
			for cases, all_of_it in ((least, False), (full, True)):
				for message in schema.make(s, all_of_it):
					if not schema.valid(s, message):
						badly_made.append(message)
						continue
					cases.add(kind, message, True)
					for other in kind.by_version:
						schemas[other].freeze(message)
					made.append(message)
					break_it(kind, version, message, seen, broken, kept, unjudged)
		is_eq(badly_made[:1], [], f"{version}: what was made satisfies the schema")
		for cases in (least, full, kept, broken):
			what = cases.name.split(": ")[1]
			total[what] = total.get(what, 0) + cases.run()
		diag(f"{version}: {len(groups[version])} messages; {len(unjudged)} mutants that a version of the era allows were not judged")
	for what, n in total.items():
		diag(f"{n}: {what}")
	done_testing()


made = []  # alive, so that no identity is used twice
main()
