#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Random messages, valid and mutated, in bulk. What passes is what was sent, and Python's json reads it as one
unambiguous JSON-RPC message; what is valid passes. MCPCAGE_RANDOM_N and MCPCAGE_RANDOM_SEED change the run."""

import base64
import json
import os
import random
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import Session, require_mcpcage, strict_object
from tap import diag, done_testing, is_eq, ok

require_mcpcage()

N = int(os.environ.get("MCPCAGE_RANDOM_N", "6000"))
SEED = int(os.environ.get("MCPCAGE_RANDOM_SEED", str(int.from_bytes(os.urandom(4), "big"))))
BATCH = 200
rng = random.Random(SEED)
diag(f"MCPCAGE_RANDOM_SEED={SEED}")

WORDS = ["", "a", "text", "name", "method", "id", "é", "\u2028", "\U0001d11e", "\t\n\r\b\f\"\\/", "ﬀ", "x" * 300, "null", "\x7f"]
# Those whose params need nothing: here other members are at random.
METHODS = ["tools/list", "ping", "resources/list", "prompts/list", "resources/templates/list"]
PIECES = [b'"id":1', b'"id":"1"', b",", b'"method":"tools/call"', b"\0", b"\r", b"\xff", b"\xef\xbb\xbf", b"\\", b'"', b"{", b"}",
	  b"[", b"]", b"NaN", b"1e999", b"-", b"00", rb"\ud800", rb"\u0000", b'"jsonrpc":"2.0",', b"\xc0\x80", b"\x1f", b"//", b" ",
	  b"\xed\xa0\x80", "ſ".encode(), "K".encode(), b'"Method":"x",', b":", b"true", b"1.0", b"9007199254740993"]


def number():
	return rng.choice([0, 1, -1, 1.5, -0.0, 1e300, 1e-300, 2**53, 2**63, 10**30, rng.random(), rng.randrange(10**9)])


def value(depth):
	kind = rng.randrange(9 if depth < 5 else 6)
	if kind < 2:
		return rng.choice(WORDS)
	if kind < 4:
		return number()
	if kind < 6:
		return rng.choice([True, False, None])
	if kind == 6:
		return [value(depth + 1) for _ in range(rng.randrange(4))]
	# prefixed, so that a key never looks like one of the protocol's
	return {f"k{i}{rng.choice(WORDS)}": value(depth + 1) for i in range(rng.randrange(4))}


def text_of_value(v):
	return json.dumps(v, ensure_ascii=rng.random() < 0.5, separators=rng.choice([(",", ":"), (", ", ": "), (" ,\t", " : ")]))


def valid():
	serial = rng.randrange(10**12, 9 * 10**15)  # so far apart that no mutation turns one into another
	members = [("jsonrpc", '"2.0"'), ("id", rng.choice([str(serial), f'"s{serial}"'])),
		   ("method", json.dumps(rng.choice(METHODS))), ("params", text_of_value({"kx": value(0), "ky": value(1)}))]
	rng.shuffle(members)
	space = rng.choice(["", " ", "\t"])
	line = "{" + space + ("," + space).join(f'"{k}"{space}:{space}{v}' for k, v in members) + space + "}"
	return line.encode()


def notification():
	return ('{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":%s}}' % text_of_value(value(0))).encode()


def mutate(line):
	b = bytearray(line)
	for _ in range(rng.choice([1, 1, 1, 2, 4])):
		at = rng.randrange(len(b) + 1)
		way = rng.randrange(6)
		if way == 0 and b:
			b[at % len(b)] = rng.randrange(256)
		elif way == 1:
			b[at:at] = rng.choice(PIECES)
		elif way == 2:
			del b[at:at + rng.randrange(1, 8)]
		elif way == 3:
			to = rng.randrange(len(b) + 1)
			b[to:to] = b[min(at, to):min(at, to) + rng.randrange(1, 20)]
		elif way == 4 and b:
			b[at % len(b)] ^= 1 << rng.randrange(8)
		else:
			b[at:at] = bytes([rng.choice(b'{}[]",:\\0123456789eE+-. \ttrufalsn')])
	return bytes(b).replace(b"\n", b" ")


def no_constant(name):
	raise ValueError(name)


def judge(line):
	"""Why this line must not pass, or None."""
	if b"\r" in line.rstrip(b"\r"):
		return "a carriage return inside"
	if line.startswith(b"\xef\xbb\xbf"):
		return "a byte order mark"
	try:
		text = line.decode("utf-8")
		m = json.loads(text, object_pairs_hook=strict_object, parse_constant=no_constant)
		json.dumps(m, ensure_ascii=False).encode("utf-8")  # refuses half a surrogate pair
	except (ValueError, RecursionError) as e:
		return f"not JSON: {e}"
	if not isinstance(m, dict):
		return "no object"
	if m.get("jsonrpc") != "2.0":
		return "no jsonrpc"
	if "id" in m:
		i = m["id"]
		if type(i) is int and abs(i) > 2**53 or type(i) not in (int, str):
			return f"id {i!r}"
	if "method" in m:
		if not isinstance(m["method"], str) or "result" in m or "error" in m:
			return "method and more, or no text"
	elif "id" not in m or ("result" in m) == ("error" in m):
		return "no request, no answer"
	folded = {}
	for k in m:
		f = k.replace("\0", "").replace("ſ", "s").replace("\u212a", "k").lower()
		if f in ("jsonrpc", "id", "method", "params", "result", "error") and f != k:
			return f"a key that looks like {f}"
		folded[f] = k
	return None


def compare(sent, good, got):
	"""SENT lines in order, the ones of GOOD have to be among what was GOT, and nothing that judge() refuses."""
	left = [x.removesuffix(b"\r") for x in sent]  # a CR before the newline is taken away
	foreign = []
	bad = []
	for line in got:
		if line in left:
			left.remove(line)
		else:
			foreign.append(line)
		why = judge(line)
		if why:
			bad.append((why, line))
	missing = [x for x in good if x.removesuffix(b"\r") not in got]
	return foreign, bad, missing


def run(name, exchange):
	foreign, bad, missing, passed = [], [], [], 0
	for _ in range(N // BATCH):
		with_good = []
		lines = []
		for _ in range(BATCH):
			line = valid() if name == "client" else notification()
			if rng.random() < 0.3:
				with_good.append(line)
			else:
				line = mutate(line)
			lines.append(line)
		got = exchange(lines)
		passed += len(got)
		f, b, m = compare(lines, with_good, got)
		foreign += f
		bad += b
		missing += m
	is_eq(foreign[:3], [], f"{name}: nothing passes that was not sent byte for byte")
	is_eq(bad[:3], [], f"{name}: nothing passes that Python reads otherwise, of {N} lines")
	is_eq(missing[:3], [], f"{name}: everything valid passes")
	ok(N // 4 < passed < N, f"{name}: some of the lines passed and some did not", f"{passed} of {N}")


with Session() as s:
	def from_client(lines):
		s.write(b"\n".join(lines) + b"\n")
		return [x for x in s.seen() if x]
	s.seen()
	run("client", from_client)
	ok(s.alive(), "the session works on")

# Without cleaning, which changes texts on purpose (test-texts.py).
with tempfile.NamedTemporaryFile("w", suffix=".json") as policy:
	policy.write('{"text": {"clean": false}}')
	policy.flush()
	session = Session(["--policy", policy.name])
with session as s:
	def from_server(lines):
		ident = s.new_id()
		s.send({"jsonrpc": "2.0", "id": ident, "method": "tools/call", "params": {"name": "emit", "arguments": {
			"b64": base64.b64encode(b"\n".join(lines) + b"\n").decode()}}})
		got = []
		while True:
			line = s.line()
			if line is None or line.startswith(b'{"jsonrpc":"2.0","id":%d,' % ident):
				return got
			got.append(line)
	run("server", from_server)
	ok(s.alive(), "the session works on")

done_testing()
