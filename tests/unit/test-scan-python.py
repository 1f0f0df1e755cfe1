#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The scanner against a second implementation of the same rules on top of Python's json.

Lines are made at random, valid ones and mutated ones. For each, the scanner must accept exactly what the rules here accept,
and read in it what Python reads: kind, id, method, params, tool, arguments. Fed whole, byte by byte and in
pieces of seven, the answers must be the same to the byte. The seed is printed; SCAN_SEED and SCAN_ROUNDS set it.
"""

import json
import os
import random
import subprocess
import sys

sys.path.insert(0, os.path.join(os.environ["top_srcdir"], "tests"))
from tap import diag, done_testing, ok  # noqa: E402

SCAN_LINES = os.path.join(os.environ["top_builddir"], "scan-lines")
SEED = int(os.environ.get("SCAN_SEED", random.SystemRandom().randrange(1 << 32)))
ROUNDS = int(os.environ.get("SCAN_ROUNDS", 12))
LINES = 2000
DEPTH = 128
rng = random.Random(SEED)

SCHEMA_KEYS = {
	"top": "jsonrpc id method params result error",
	"params": "_meta argument arguments capabilities clientInfo context createdAt cursor data elicitationId includeContext"
	" inputResponses lastUpdatedAt level logger maxTokens message messages metadata mode modelPreferences name"
	" notifications pollInterval progress progressToken protocolVersion reason ref requestId requestState"
	" requestedSchema status statusMessage stopSequences systemPrompt task taskId temperature toolChoice tools total"
	" ttl uri url",
	"params._meta": "io.modelcontextprotocol/clientCapabilities io.modelcontextprotocol/clientInfo"
	" io.modelcontextprotocol/logLevel io.modelcontextprotocol/protocolVersion io.modelcontextprotocol/related-task"
	" io.modelcontextprotocol/subscriptionId progressToken",
	"result": "_meta action cacheScope capabilities completion content contents createdAt description inputRequests"
	" instructions isError lastUpdatedAt messages model nextCursor pollInterval prompts protocolVersion requestState"
	" resourceTemplates resources resultType role roots serverInfo status statusMessage stopReason structuredContent"
	" supportedVersions task taskId tasks tools ttl ttlMs",
	"result._meta": "io.modelcontextprotocol/related-task io.modelcontextprotocol/serverInfo"
	" io.modelcontextprotocol/subscriptionId",
	"error": "code data message",
}
SCHEMA_KEYS = {level: keys.split() for level, keys in SCHEMA_KEYS.items()}
MODERN = "io.modelcontextprotocol/protocolVersion"


# ---- the rules, a second time -------------------------------------------------------------------


class Refused(Exception):
	pass


class Number(str):
	"""A number as it was written."""


def pairs(items):
	out = dict(items)
	if len(out) != len(items):
		raise Refused("duplicate key")
	return out


def constant(name):
	raise Refused(name)


def walk(value):
	"""No lone surrogates, not too deep, no endless numbers."""
	todo = [(value, 1)]
	while todo:
		value, depth = todo.pop()
		if isinstance(value, Number):
			if len(value) > 1024:
				raise Refused("number")
		elif isinstance(value, str):
			if any(0xD800 <= ord(c) <= 0xDFFF for c in value):
				raise Refused("surrogate")
		elif isinstance(value, dict):
			if depth > DEPTH:
				raise Refused("depth")
			todo += [(item, depth + 1) for pair in value.items() for item in pair]
		elif isinstance(value, list):
			if depth > DEPTH:
				raise Refused("depth")
			todo += [(item, depth + 1) for item in value]


def check_keys(level, value):
	if not isinstance(value, dict):
		return
	for key in value:
		if not all(0x20 <= ord(c) <= 0x7E for c in key) or len(key) > 255:
			raise Refused("key")
		for known in SCHEMA_KEYS[level]:
			if key != known and key.lower() == known.lower():
				raise Refused("lookalike")


def text(value):
	return isinstance(value, str) and not isinstance(value, Number)


def read_id(value):
	if isinstance(value, Number):
		if set(value) <= set("-0123456789") and value != "-0" and abs(int(value)) <= 1 << 53:
			return int(value)
	elif text(value) and len(value.encode("utf-8", "surrogatepass")) <= 255 and "\0" not in value:
		return value
	raise Refused("id")


def read(line):
	"""What a message says, or Refused."""
	if line.endswith(b"\r"):
		line = line[:-1]
	try:
		decoded = line.decode("utf-8")
		m = json.loads(decoded, object_pairs_hook=pairs, parse_constant=constant, parse_int=Number, parse_float=Number)
	except (ValueError, RecursionError) as error:
		raise Refused(error) from None
	if b"\r" in line or not isinstance(m, dict):
		raise Refused("carriage return, or no object")
	walk(m)
	check_keys("top", m)
	params, result, error = m.get("params"), m.get("result"), m.get("error")
	if not text(m.get("jsonrpc")) or m["jsonrpc"] != "2.0":
		raise Refused("jsonrpc")
	if len({"method", "result", "error"} & set(m)) != 1:
		raise Refused("kind")
	check_keys("params", params)
	check_keys("result", result)
	check_keys("error", error)
	if isinstance(params, dict):
		check_keys("params._meta", params.get("_meta"))
	if isinstance(result, dict):
		check_keys("result._meta", result.get("_meta"))

	out = {"modern": False}
	if "id" in m:
		out["id"] = read_id(m["id"])
	elif "result" in m:
		raise Refused("result without id")
	if "error" in m and not isinstance(error, dict):
		raise Refused("error")
	if not (params is None or isinstance(params, dict)):
		raise Refused("params")
	if "method" in m:
		method = m["method"]
		if not text(method) or not 0 < len(method) < 128 or not all(0x20 < ord(c) < 0x7F for c in method):
			raise Refused("method")
		out["method"] = method
		out["kind"] = "request" if "id" in m else "notification"
	else:
		out["kind"] = "result" if "result" in m else "error"
	for key in "params", "result", "error":
		if key in m:
			out[key] = m[key]
	if isinstance(params, dict):
		if isinstance(params.get("_meta"), dict):
			out["modern"] = MODERN in params["_meta"]
		if text(params.get("name")):
			if len(params["name"].encode()) <= 255 and "\0" not in params["name"]:
				out["name"] = params["name"]
			elif out.get("method") == "tools/call":
				raise Refused("name")
		if "arguments" in params:
			out["arguments"] = params["arguments"]
		try:
			if "requestId" in params:
				out["requestId"] = read_id(params["requestId"])
		except Refused:
			pass
	return out


# ---- random lines -------------------------------------------------------------------------------

CHARS = ["a", "b", "Z", " ", "/", "_", "é", "ß", "€", "汉", "😀", "\U0010ffff", "\u2028", "\ufeff", "\x7f", '"', "\\", "\n", "\t", "\0", "\u212a", "\u017f"]


def blank():
	return rng.choice(["", "", "", "", "", "", " ", "\t", "  "])


def quote(value):
	out = []
	for c in value:
		how = rng.random()
		if c in '"\\' or ord(c) < 0x20 or how < 0.03:
			short = {'"': '\\"', "\\": "\\\\", "/": "\\/", "\n": "\\n", "\t": "\\t", "\r": "\\r"}.get(c)
			if short and rng.random() < 0.7:
				out.append(short)
			else:
				units = c.encode("utf-16-be", "surrogatepass")
				form = rng.choice(["\\u%04x", "\\u%04X"])
				out += [form % int.from_bytes(units[i : i + 2], "big") for i in range(0, len(units), 2)]
		else:
			out.append(c)
	return '"' + "".join(out) + '"'


def word(limit=12):
	if rng.random() < 0.7:
		return "".join(rng.choice("abcdefgXYZ_-") for _ in range(rng.randrange(limit)))
	return "".join(rng.choice(CHARS) for _ in range(rng.choice([1, 3, 9, 17, 40, 70, 150])))


def number():
	return rng.choice([
		"0", "-0", "1", "17", "-4", "1.5", "0.0", "1e5", "1E+05", "-2.50e-3", "9007199254740992", "-9007199254740992",
		"9007199254740993", "123456789012345678901234567890", "1e400", "0e0", str(rng.randrange(1 << 60)),
	])


def value(depth=0):
	kind = rng.randrange(9 if depth < 5 else 5)
	if kind == 0:
		return rng.choice(["true", "false", "null"])
	if kind <= 2:
		return number()
	if kind <= 4:
		return quote(word())
	if kind == 5 and rng.random() < 0.03:
		n = rng.choice([100, 120, 124, 125, 126, 127, 128, 200])
		return "[" * n + "]" * n
	if kind <= 6:
		return array([value(depth + 1) for _ in range(rng.randrange(4))])
	n = rng.choice([0, 1, 2, 3, 5, 15, 16, 17, 18, 40]) if depth < 3 else rng.randrange(3)
	return members({word() + (str(i) if rng.random() < 0.95 else ""): value(depth + 2) for i in range(n)}.items())


def array(items):
	return "[" + ",".join(blank() + item + blank() for item in items) + blank() + "]"


def members(items):
	return "{" + ",".join(blank() + quote(k) + blank() + ":" + blank() + v + blank() for k, v in items) + blank() + "}"


def level(name, own):
	"""An object of the protocol: its OWN members, some others of the schema, some unknown ones."""
	items = dict(own)
	for _ in range(rng.choice([0, 0, 1, 2])):
		items.setdefault(rng.choice(SCHEMA_KEYS[name]), value(2))
	if rng.random() < 0.2:
		items.setdefault(word(), value(2))
	if rng.random() < 0.03:
		key = rng.choice(SCHEMA_KEYS[name])
		key = rng.choice([key.upper(), key.title(), key + "\0", key.replace("s", "\u017f"), key.replace("k", "\u212a"), key + "_"])
		items.setdefault(key, value(3))
	items = list(items.items())
	if rng.random() < 0.02 and items:
		items.append(rng.choice(items))
	if rng.random() < 0.5:
		rng.shuffle(items)
	return members(items)


def identifier():
	return rng.choice(["1", "2", "0", "-1", quote(word()), quote("x" * rng.choice([254, 255, 256])), number(), "null" if rng.random() < 0.1 else "7"])


def params():
	if rng.random() < 0.03:
		return rng.choice(["null", "[]", "1", '""'])
	own = {}
	if rng.random() < 0.7:
		own["name"] = quote(word()) if rng.random() < 0.9 else rng.choice(["1", "null", quote("n" * 256), quote("a\0b")])
	if rng.random() < 0.7:
		own["arguments"] = value(1)
	if rng.random() < 0.3:
		own["requestId"] = identifier()
	if rng.random() < 0.4:
		own["_meta"] = level("params._meta", {MODERN: '"2026-07-28"'} if rng.random() < 0.5 else {})
	return level("params", own)


def message():
	own = {"jsonrpc": '"2.0"' if rng.random() < 0.98 else rng.choice(['"1.0"', "2.0", '"2.0 "', '"2\\u002e0"'])}
	kind = rng.choice(["request", "request", "notification", "result", "error", "mixed"])
	if kind != "notification" and rng.random() < 0.97:
		own["id"] = identifier()
	if kind in ("request", "notification"):
		own["method"] = quote(rng.choice(["tools/call", "tools/call", "ping", "notifications/cancelled", "x" * rng.choice([126, 127, 128])]))
		if rng.random() < 0.05:
			own["method"] = rng.choice(['""', "1", quote(word())])
		if rng.random() < 0.9:
			own["params"] = params()
	elif kind == "result":
		own["result"] = level("result", {"_meta": level("result._meta", {})} if rng.random() < 0.3 else {}) if rng.random() < 0.9 else value()
	elif kind == "error":
		own["error"] = level("error", {"code": "-1", "message": '"no"'}) if rng.random() < 0.95 else value()
	else:
		return level("top", own)
	items = list(own.items())
	if rng.random() < 0.6:
		rng.shuffle(items)
	if rng.random() < 0.1:
		items.insert(rng.randrange(len(items) + 1), (word(), value()))
	return blank() + members(items) + blank()


SCRAPS = [
	b'"', b"\\", b"\\u", b"\\ud800", b"\\udc00", b"\\ud83d\\ude00", b"{", b"}", b"[", b"]", b",", b":", b"\r", b"\0", b"\x1f", b"\xef\xbb\xbf",
	b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xff", b"\xe2\x82", b"0", b"-", b".", b"e", b"NaN", b"Infinity", b"1.", b"01",
	b"\x0b", b"\xc2\xa0", b"\xe2\x80\xa8", b"//", b"'", b'"id":1,', b'"method":"x",', b'"\\u0069d":2,', b"nul", b"\\x",
]


def mutate(line):
	line = bytearray(line)
	for _ in range(rng.choice([1, 1, 1, 2, 4])):
		at = rng.randrange(len(line) + 1)
		how = rng.randrange(5)
		if how == 0 and at < len(line):
			line[at] = rng.randrange(256)
		elif how == 1:
			line[at:at] = rng.choice(SCRAPS)
		elif how == 2:
			del line[at : at + rng.choice([1, 1, 2, 8])]
		elif how == 3:
			begin = rng.randrange(len(line) + 1)
			line[at:at] = line[begin : begin + rng.randrange(30)]
		elif at < len(line):
			line[at] ^= 1 << rng.randrange(8)
	return bytes(line).replace(b"\n", b" ")


def random_line():
	line = message().encode("utf-8", "surrogatepass").replace(b"\n", b" ")
	if rng.random() < 0.5:
		line = mutate(line)
	if rng.random() < 0.1:
		line += b"\r"
	return line


# ---- comparing ----------------------------------------------------------------------------------


def scan(data, piece):
	return subprocess.run([SCAN_LINES, str(piece)], input=data, stdout=subprocess.PIPE, check=True, timeout=300).stdout


def same(got, want):
	got = {k: v for k, v in got.items() if k not in ("event", "length", "idRaw")}
	return got == want


def check(line, answer):
	"""None, or what is wrong."""
	got = json.loads(answer, parse_int=Number, parse_float=Number)
	for key in "id", "requestId":
		if isinstance(got.get(key), Number):
			got[key] = int(got[key])
	stripped = line.strip(b" \t\r")
	if stripped == b"":
		return None if got["event"] == "blank" else "not blank"
	body = stripped[3:] if line.startswith(b"\xef\xbb\xbf") else stripped
	if body.lstrip(b" \t\r")[:1] not in (b"{", b"["):
		return None if got["event"] == "noise" else "not noise"
	try:
		want = read(line)
	except Refused as refused:
		return None if got["event"] == "refused" else f"accepted, should be refused: {refused}"
	if got["event"] != "message":
		return f"refused, should be accepted: {got}"
	if not same(got, want):
		return f"read {got}, should be {want}"
	return None


def main():
	sys.setrecursionlimit(20000)
	diag(f"SCAN_SEED={SEED} SCAN_ROUNDS={ROUNDS}")
	accepted = refused = 0
	wrong, split = [], []
	for _ in range(ROUNDS):
		lines = [random_line() for _ in range(LINES)]
		data = b"".join(line + b"\n" for line in lines)
		answers = scan(data, 0)
		for piece in 1, 7:
			if scan(data, piece) != answers:
				split.append(piece)
		answers = answers.splitlines()
		if len(answers) != len(lines):
			wrong.append((b"", f"{len(lines)} lines, {len(answers)} answers"))
			break
		for line, answer in zip(lines, answers):
			fault = check(line, answer)
			if fault:
				wrong.append((line, fault))
			accepted += b'"event":"message"' in answer
			refused += b'"event":"refused"' in answer
	ok(not wrong, "the scanner accepts and reads what Python reads, and nothing else")
	for line, fault in wrong[:5]:
		diag(f"{fault}\n{line!r}")
	ok(not split, "pieces do not change the answer")
	total = ROUNDS * LINES
	diag(f"{accepted} accepted, {refused} refused of {total}")
	ok(accepted > total / 5 and refused > total / 5, "both are tried often enough")
	done_testing()


main()
