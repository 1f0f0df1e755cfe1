# SPDX-License-Identifier: LGPL-2.1-or-later
"""The schemas of MCP's versions: reading them, checking values against them, making values that satisfy them.

Only what these schemas use of JSON Schema is known here; a keyword that is not makes Schema() fail. This is the second opinion that
the tables in C are compared with, so it shares nothing with them.
"""

import json
import os

VERSIONS = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"]
LEGACY, MODERN = VERSIONS[:4], VERSIONS[4:]
HERE = os.path.dirname(os.path.abspath(__file__))

KNOWN = {"$ref", "$schema", "$comment", "additionalProperties", "allOf", "anyOf", "const", "default", "description", "enum", "examples",
	 "format", "items", "maximum", "maxItems", "minimum", "properties", "required", "title", "type"}
MAP_KEY = "key"  # and a number: in maps that are made
FORMATS = {"uri": "file:///a", "uri-template": "file:///{a}", "byte": "AAAA"}


def is_type(value, name):
	if name == "null":
		return value is None
	if name == "boolean":
		return isinstance(value, bool)
	if name == "string":
		return isinstance(value, str)
	if name == "array":
		return isinstance(value, list)
	if name == "object":
		return isinstance(value, dict)
	number = isinstance(value, (int, float)) and not isinstance(value, bool)
	return number and (name == "number" or value == int(value))


def same(a, b):
	return a == b and isinstance(a, bool) == isinstance(b, bool)


class Schema:
	def __init__(self, version):
		self.version = version
		with open(os.path.join(HERE, version, "schema.json"), encoding="utf-8") as f:
			whole = json.load(f)
		self.defs = whole.get("$defs") or whole["definitions"]
		if version == "2026-07-28":
			with open(os.path.join(HERE, version, "tasks.json"), encoding="utf-8") as f:
				self.defs.update(json.load(f)["$defs"])
			self._say_result_types()
		self._memo = {}
		self._frozen = set()
		for s in self.defs.values():
			self._known(s)

	def _say_result_types(self):
		"""What the specification's text says and its schema cannot: which resultType goes with which result."""
		for name, s in self.defs.items():
			kind = s.get("properties", {}).get("resultType")
			if kind and name != "Result":
				kind["const"] = "input_required" if name == "InputRequiredResult" else "complete"
		self.defs["InputRequiredResult"]["anyOf"] = [{"required": ["inputRequests"]}, {"required": ["requestState"]}]
		for name in ("GetTaskResult", "UpdateTaskResult", "CancelTaskResult", "EmptyResult"):
			complete = {"required": ["resultType"], "properties": {"resultType": {"const": "complete"}}}
			self.defs[name] = {"allOf": [self.defs[name], complete]}

	def _known(self, s):
		if not isinstance(s, dict):
			return
		unknown = set(s) - KNOWN
		if unknown:
			raise ValueError(f"{self.version}: keywords not known here: {unknown}")
		for key in ("items", "additionalProperties"):
			self._known(s.get(key))
		for key in ("anyOf", "allOf"):
			for part in s.get(key, []):
				self._known(part)
		for part in s.get("properties", {}).values():
			self._known(part)

	def get(self, ref):
		return self.defs[ref.rsplit("/", 1)[1]]

	# ---- checking ------------------------------------------------------------------------------------

	def freeze(self, value):
		"""VALUE stays alive and unchanged from here on: what is found out about its parts is kept."""
		if isinstance(value, (dict, list)):
			self._frozen.add(id(value))
			for part in value.values() if isinstance(value, dict) else value:
				self.freeze(part)

	def valid(self, s, value):
		if not isinstance(s, dict):
			return s is not False
		key = (id(s), id(value)) if id(value) in self._frozen else None
		if key in self._memo:
			return self._memo[key]
		found = self._valid(s, value)
		if key:
			self._memo[key] = found
		return found

	def _valid(self, s, value):
		if "$ref" in s and not self.valid(self.get(s["$ref"]), value):
			return False
		if "const" in s and not same(value, s["const"]):
			return False
		if "enum" in s and not any(same(value, e) for e in s["enum"]):
			return False
		if "type" in s:
			types = s["type"] if isinstance(s["type"], list) else [s["type"]]
			if not any(is_type(value, t) for t in types):
				return False
		if is_type(value, "number"):
			if value < s.get("minimum", value) or value > s.get("maximum", value):
				return False
		if isinstance(value, list):
			if len(value) > s.get("maxItems", len(value)) or not all(self.valid(s.get("items", True), v) for v in value):
				return False
		if isinstance(value, dict) and not self._valid_object(s, value):
			return False
		return all(self.valid(p, value) for p in s.get("allOf", [])) and \
			("anyOf" not in s or any(self.valid(p, value) for p in s["anyOf"]))

	def _valid_object(self, s, value):
		properties = s.get("properties", {})
		if any(k not in value for k in s.get("required", [])):
			return False
		other = s.get("additionalProperties", True)
		return all(self.valid(properties.get(k, other), v) for k, v in value.items())

	# ---- making --------------------------------------------------------------------------------------

	def make(self, s, full, stack=()):
		"""Values that satisfy S: with all that may be there, or only what must be. Variants of items share one array. STACK: the
		definitions that are being made; one that is in itself is made with the least."""
		if not isinstance(s, dict):
			return [{"any": [1]}] if full else [None]
		if "examples" in s and full:
			return list(s["examples"])
		if "const" in s:
			return [s["const"]]
		if "enum" in s:
			return list(s["enum"]) if full else s["enum"][:1]
		if "$ref" in s:
			stack += (s["$ref"],)
			full = full and stack.count(s["$ref"]) < 2
		parts = ([self.get(s["$ref"])] if "$ref" in s else []) + s.get("allOf", [])
		own = {k: v for k, v in s.items() if k not in ("$ref", "allOf", "anyOf")}
		if "properties" in own or not parts and "anyOf" not in s:
			parts.append(own)
		made = [self._plain(p, full, stack) if p is own else self.make(p, full, stack) for p in parts]
		if "anyOf" in s:
			made.append(self._any_of(s, full, stack))
		if len(made) == 1:
			return made[0]
		variants = []
		for i, part in enumerate(made):
			for variant in part if not variants else part[1:]:
				row = [variant if k == i else m[0] for k, m in enumerate(made)]
				whole = {}
				for piece in row:
					whole.update(piece)
				variants.append(whole)
		return variants

	def _any_of(self, s, full, stack):
		if all(set(p) == {"required"} for p in s["anyOf"]):
			rows = s["anyOf"] if full else s["anyOf"][:1]
			return [{k: self.make(s["properties"][k], full, stack)[0] for k in p["required"]} for p in rows]
		variants = [v for p in s["anyOf"] for v in self.make(p, full, stack)]
		return variants if full else variants[:1]

	def _plain(self, s, full, stack):
		kind = s.get("type", "object" if "properties" in s else None)
		if isinstance(kind, list):
			return [v for k in kind for v in self._plain({**s, "type": k}, full, stack)]
		if kind == "object":
			return self._object(s, full, stack)
		if kind == "array":
			return [self.make(s.get("items", True), full, stack)[:s.get("maxItems", 99)] if full else []]
		if kind == "string":
			return [FORMATS.get(s.get("format"), "x")]
		simple = {"integer": [1], "number": [0.5] if full else [1], "boolean": [True, False] if full else [True], "null": [None]}
		return simple.get(kind, [{"any": [1, "x", None, True]}] if full else ["x"])

	def _object(self, s, full, stack):
		required = s.get("required", [])
		properties = s.get("properties", {})
		names = [k for k in properties if k in required or full]
		made = {k: self.make(properties[k], full, stack) for k in names}
		base = {k: v[0] for k, v in made.items()}
		other = s.get("additionalProperties", True)
		if full:
			if isinstance(other, dict) and other:
				base.update({f"{MAP_KEY}{i}": v for i, v in enumerate(self.make(other, full, stack))})
			elif other is not False:
				base["x-unknown"] = {"y": [None]}
		return [base] + [{**base, k: v} for k in names for v in made[k][1:]]

	# ---- where the members are -------------------------------------------------------------------------

	def members(self, s, value, path=()):
		"""(path of an object, key, whether it must be there, which schema says so) for all members that S has a say in."""
		if not isinstance(s, dict):
			return
		if "$ref" in s:
			yield from self.members(self.get(s["$ref"]), value, path)
		for part in s.get("allOf", []):
			yield from self.members(part, value, path)
		for part in s.get("anyOf", []):
			if self.valid(part, value):
				yield from self.members(part, value, path)
		if isinstance(value, list):
			for i, item in enumerate(value):
				yield from self.members(s.get("items", True), item, path + (i,))
		if not isinstance(value, dict):
			return
		properties = s.get("properties", {})
		required = s.get("required", [])
		for key, item in value.items():
			if key in properties:
				yield path, key, key in required, id(s)
			yield from self.members(properties.get(key, s.get("additionalProperties", True)), item, path + (key,))


def changed(value, path, key, new=None, remove=False):
	"""A copy of VALUE with one member other; of lists and maps on the way there, only what leads there. The rest is shared."""
	if not path:
		copy = dict(value)
		if remove:
			del copy[key]
		else:
			copy[key] = new
		return copy
	step, inner = path[0], changed(value[path[0]], path[1:], key, new, remove)
	if isinstance(value, list):
		return [inner]
	if step.startswith(MAP_KEY):
		return {step: inner}
	return {**value, step: inner}
