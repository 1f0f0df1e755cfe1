# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every message of MCP, in every version that has it: instances that are right, and each of them broken in every way that counts.

Whether a broken one is still right is for the schemas of its own era to say, all versions of it together, never for the program that is
tested.
"""

from mcpschema import LEGACY, VERSIONS, Schema, changed

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


_alive = []  # so that no identity is used twice: what is known of instances is kept by it


def instances(kind, version, full):
	"""Messages that satisfy this version's schema; the second of the pair: whether it does, which is for a test to insist on."""
	schema, s = schemas[version], kind.by_version[version]
	for message in schema.make(s, full):
		if schema.valid(s, message):
			_alive.append(message)
			for other in kind.by_version:
				schemas[other].freeze(message)
			yield message, True
		else:
			yield message, False


def variations(kind, version, message, seen):
	"""(message, whether it must pass; None: a version of the era allows it, and nothing follows). SEEN: places that had their turn."""
	schema, s = schemas[version], kind.by_version[version]
	for path, key, required, where in schema.members(s, message):
		place = (tuple("*" if isinstance(p, int) else p for p in path), key, where, required)
		if place in seen:
			continue
		seen.add(place)
		without = changed(message, path, key, remove=True)
		if not required:
			if schema.valid(s, without):
				yield without, True
				yield changed(message, path, key, None), True
			continue
		optional = allowed(kind, without)  # in another version
		yield without, None if optional else False
		for wrong in WRONG:
			mutant = changed(message, path, key, wrong)
			yield mutant, None if optional and wrong is None or allowed(kind, mutant) else False
