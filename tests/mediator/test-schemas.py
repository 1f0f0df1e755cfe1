#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Arguments against a tool's inputSchema and the policy's own, results against its outputSchema: what does not fit is refused in
words, never reaches the other side, and what fits passes byte for byte."""

import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import PUPPET, Session, is_tool_error, require_mcpcage, text_of
from tap import done_testing, is_eq, ok

require_mcpcage()

BOOK = {"name": "book", "inputSchema": {
	"type": "object", "required": ["title"], "properties": {
		"title": {"type": "string", "minLength": 2, "pattern": "^[A-Z]"}, "year": {"type": "integer", "minimum": 1450},
		"tags": {"type": "array", "items": {"$ref": "#/$defs/tag"}, "uniqueItems": True}, "result": {}},
	"additionalProperties": False, "$defs": {"tag": {"enum": ["old", "new"]}}}}
WEATHER = {"name": "weather", "inputSchema": {"type": "object"}, "outputSchema": {
	"type": "object", "required": ["degrees"], "properties": {"degrees": {"type": "number"}}}}
DRAFT = {"name": "draft", "inputSchema": {
	"$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "definitions": {"n": {"type": "integer"}},
	"properties": {"pair": {"type": "array", "items": [{"$ref": "#/definitions/n"}, {"type": "string"}], "additionalItems": False}}}}
UNSTATED = {"name": "unstated", "inputSchema": {"type": "object", "properties": {"pair": {"items": [{"type": "integer"}]}}}}
BROKEN = {"name": "broken", "inputSchema": {"type": "object", "properties": {"a": {"pattern": "("}}}}
REMOTE = {"name": "remote", "inputSchema": {"type": "object", "properties": {"a": {"$ref": "https://example.org/schema.json"}}}}
BAD_OUT = {"name": "badout", "inputSchema": {"type": "object"}, "outputSchema": {"type": "object", "properties": {"a": {"$ref": "#/none"}}}}
WIDE = {"name": "wide", "inputSchema": {
	"type": "object", "additionalProperties": False, "required": [f"k{i}" for i in range(100)], "properties": {
		**{f"k{i}": {"type": "integer"} for i in range(100)}, "e": {"enum": [f"v{i}" for i in range(200)]},
		"u": {"uniqueItems": True}}}}
SLOW = {"name": "slow", "inputSchema": {"type": "object", "properties": {
	"p": {"pattern": "^(a+)+$"}, "r": {"$ref": "#/$defs/0"}},
	"$defs": {**{str(i): {"allOf": [{"$ref": f"#/$defs/{i + 1}"}] * 2} for i in range(60)}, "60": {}}}}
TOOLS = [WIDE, SLOW, BOOK, WEATHER, DRAFT, UNSTATED, BROKEN, REMOTE, BAD_OUT]


def server():
	return [*PUPPET, *(x for t in TOOLS for x in ("--tool", json.dumps(t)))]


def refused(s, tool, arguments, words, name):
	s.seen()
	m = s.call(tool, arguments)
	text = text_of(m)
	ok(is_tool_error(m) and "mcpcage refused" in text, f"{name}: is refused", repr(m)[:400])
	ok(all(w in text for w in words), f"{name}: the answer says where and why", text)
	ok(not any(b'"tools/call"' in x and b'"seen"' not in x for x in s.seen()), f"{name}: the server never sees it")


def passes(s, tool, arguments, name):
	s.seen()
	ident = s.new_id()
	line = json.dumps({"jsonrpc": "2.0", "id": ident, "method": "tools/call", "params": {"name": tool, "arguments": arguments}}).encode()
	s.send(line)
	m = s.reply(ident)
	ok(m is not None and "mcpcage" not in text_of(m), f"{name}: passes", repr(m)[:400])
	ok(line in s.seen(), f"{name}: byte for byte")


def arguments(s):
	passes(s, "book", {"title": "Ulysses", "year": 1922, "tags": ["old"]}, "arguments that fit")
	for bad, words, name in (
		({}, ["arguments: ", "title"], "a required argument missing"),
		({"title": 7}, ["/title", "string"], "an argument of another type"),
		({"title": "x"}, ["/title"], "an argument that is too short"),
		({"title": "ulysses"}, ["/title"], "one that does not match its pattern"),
		({"title": "Ulysses", "year": 1922.5}, ["/year"], "a fraction for an integer"),
		({"title": "Ulysses", "year": 12}, ["/year"], "a number below the minimum"),
		({"title": "Ulysses", "tags": ["old", "older"]}, ["/tags/1"], "an item outside the enum"),
		({"title": "Ulysses", "tags": ["old", "old"]}, ["/tags"], "an item twice"),
		({"title": "Ulysses", "extra": 1}, ["extra"], "an argument that the tool does not have"),
	):
		refused(s, "book", bad, [*words, "book"], name)
	s.send(b'{"jsonrpc":"2.0","id":"none","method":"tools/call","params":{"name":"book"}}')
	ok("title" in text_of(s.reply("none")), "no arguments at all are an empty object")
	s.send(b'{"jsonrpc":"2.0","id":"null","method":"tools/call","params":{"name":"book","arguments":[]}}')
	m = s.reply("null")
	ok(m and (m.get("error", {}).get("code") == -32602 or is_tool_error(m)), "arguments that are no object are refused", repr(m))
	passes(s, "draft", {"pair": [1, "a"]}, "a schema of draft-07")
	refused(s, "draft", {"pair": [1, 2]}, ["/pair/1"], "what it does not allow")
	passes(s, "unstated", {"pair": [1]}, "a schema that names no dialect and is older than 2020-12")
	refused(s, "unstated", {"pair": ["x"]}, ["/pair/0"], "what that does not allow")


def large(s):
	"""What sorts, searches and counts, in a process that may ask the system for next to nothing."""
	full = {f"k{i}": i for i in range(100)}
	passes(s, "wide", {**full, "e": "v199", "u": list(range(500))}, "a hundred arguments")
	refused(s, "wide", {**full, "e": "v200"}, ["/e"], "one of them that is not in a long list")
	refused(s, "wide", {**full, "u": [*range(500), 7]}, ["/u/500"], "an item of five hundred that repeats another")
	del full["k77"]
	refused(s, "wide", full, ["/k77"], "ninety-nine")
	passes(s, "slow", {"p": "aaaa"}, "a pattern that could take for ever")
	refused(s, "slow", {"p": "a" * 40 + "b"}, ["too long to match"], "and here does")
	refused(s, "slow", {"r": 1}, ["too much work"], "a schema that doubles sixty times")


def uncheckable(s):
	refused(s, "broken", {}, ["inputSchema", "broken"], "a tool whose schema cannot be compiled")
	refused(s, "remote", {}, ["inputSchema", "remote"], "one that refers to the network")


def results(s):
	good = {"content": [{"type": "text", "text": "warm"}], "structuredContent": {"degrees": 20.50}}
	is_eq(s.call("weather", {"result": good}).get("result"), good, "a structured result that fits passes")
	failed = {"content": [{"type": "text", "text": "no weather"}], "isError": True}
	is_eq(s.call("weather", {"result": failed}).get("result"), failed, "a failure needs none")
	for bad, name in (
		({"content": [], "structuredContent": {"degrees": "warm"}}, "of another type"),
		({"content": [], "structuredContent": {}}, "without a required member"),
		({"content": [{"type": "text", "text": "SECRET"}]}, "that is missing"),
	):
		m = s.call("weather", {"result": bad})
		ok(is_tool_error(m) and "outputSchema" in text_of(m) and "SECRET" not in json.dumps(m) and "structuredContent" not in m["result"],
		   f"a structured result {name} is refused", repr(m)[:400])
	m = s.call("badout", {"result": {"content": [], "structuredContent": {"a": 1}}})
	ok(is_tool_error(m) and "outputSchema" in text_of(m), "so is one whose schema cannot be compiled", repr(m)[:300])
	free = {"content": [], "structuredContent": {"anything": [1]}}
	is_eq(s.call("book", {"title": "Ulysses", "result": free}).get("result"), free, "where none is declared, anything passes")


with Session(command=server()) as session:
	arguments(session)
	large(session)
	uncheckable(session)
	results(session)
	ok(session.alive(), "the session works on")
	session.end()
	ends = [(e["tool"], e["end"], e.get("rule", "")) for e in session.audit() if e.get("event") == "call"]
	ok(any(t == "book" and e == "denied" and "/year" in r for t, e, r in ends), "the audit log has the place", repr(ends)[:600])
	ok(any(t == "weather" and e == "reply refused" for t, e, r in ends), "and the results that were refused", repr(ends)[-600:])

with Session(command=server()) as session:
	POLICY = {"schema": {"unchecked": True}, "tools": {"rules": [
		{"tool": "book", "verdict": "allow", "arguments": {"properties": {"year": {"maximum": 1999}}}, "reason": "Nothing modern, please."},
		{"tool": "weather", "verdict": "allow", "result_size": 200}]}}
	policy = os.path.join(session.dir, "policy.json")
	with open(policy, "w", encoding="utf-8") as f:
		json.dump(POLICY, f)
	with Session(["--policy", policy], command=server()) as s:
		passes(s, "book", {"title": "Ulysses", "year": 1922}, "what tool and policy allow")
		refused(s, "book", {"title": "Ulysses", "year": 2024}, ["/year", "policy", "Nothing modern, please."], "what only the tool allows")
		refused(s, "book", {"title": 1, "year": 1922}, ["/title"], "what only the policy allows")
		passes(s, "broken", {}, "with schema.unchecked, a tool whose schema cannot be compiled")
		small = {"content": [], "structuredContent": {"degrees": 1}}
		is_eq(s.call("weather", {"result": small}).get("result"), small, "a result below the rule's size passes")
		m = s.call("weather", {"result": {**small, "content": [{"type": "text", "text": "x" * 300}]}})
		ok(is_tool_error(m) and "200" in text_of(m) and "xxx" not in text_of(m), "a larger one is refused", repr(m)[:400])

with Session(command=server()) as session:
	policy = os.path.join(session.dir, "bad.json")
	with open(policy, "w", encoding="utf-8") as f:
		json.dump({"tools": {"rules": [{"tool": "*", "verdict": "allow", "arguments": {"type": "nothing"}}]}}, f)
	s = Session(["--policy", policy], command=server(), handshake=False)
	status = s.end()
	ok(status == 125 and b"bad.json" in s.stderr, "a policy whose schema is none starts no session", f"{status} {s.stderr!r}")
	s.close()

done_testing()
