#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Methods and shapes in a real session: what is unknown or broken does not pass, in either direction, and who waits is told; its
benign twin passes. All messages of all versions are the matter of tests/mcp-schema/test-messages.py; a sample of them goes through
here. MCPCAGE_RANDOM_SEED repeats a sample."""

import base64
import json
import os
import random
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "mcp-schema"))
from harness import Session, error_code, is_tool_error, parsed, require_mcpcage, text_of
from mcpmessages import instances, is_modern, kinds, variations
from mcpschema import VERSIONS
from tap import diag, done_testing, is_eq, ok

require_mcpcage()

SEED = int(os.environ.get("MCPCAGE_RANDOM_SEED", str(int.from_bytes(os.urandom(4), "big"))))
rng = random.Random(SEED)
diag(f"MCPCAGE_RANDOM_SEED={SEED}")

META = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}
# What other parts of the mediator do not look into: a right message arrives as it was sent.
PLAIN = ["completion/complete", "resources/read", "resources/subscribe", "resources/unsubscribe", "logging/setLevel", "ping",
	 "notifications/initialized"]


def text(message):
	return json.dumps(message, separators=(",", ":")).encode()


def answering(s, method, answer, **params):
	"""A request whose answer is ANSWER, a message with the id @ID@ or anything else in lines. Returns what the client gets."""
	return s.request(method, {**params, "x-answer": base64.b64encode(answer + b"\n").decode()})


def message_of(m):
	return ((m or {}).get("error") or {}).get("message", "")


def refused(s, event):
	return [e for e in s.audit() if e.get("event") == event]


def client_methods():
	with Session() as s:
		s.seen()
		m = s.request("vendor/thing", {"a": 1})
		is_eq(error_code(m), -32601, "an unknown request is answered")
		ok("mcpcage" in message_of(m), "and says by whom", repr(m))
		is_eq(error_code(s.request("sampling/createMessage", {"messages": [], "maxTokens": 1})), -32601, "the other side's request, too")
		is_eq(error_code(s.request("ping", {"_meta": META})), -32601, "and one of a version that has no such method")
		is_eq(error_code(s.request("notifications/initialized")), -32601, "and a notification with an id")
		for m in ({"method": "notifications/vendor"}, {"method": "notifications/message", "params": {"level": "info", "data": 1}},
			  {"method": "tools/list"}):
			s.send({"jsonrpc": "2.0", **m})
		is_eq([x for x in s.seen() if b'"seen"' not in x], [], "none of them has reached the server, nor did notifications like these")
		s.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
		is_eq(len(s.seen()), 1, "a notification of the client passes")
		ok(s.alive(), "and the session works on")
	with Session(["--forward-method", "vendor/*"]) as s:
		s.seen()
		is_eq(error_code(s.request("vendor/thing")), -32601, "an unknown request that policy forwards is answered")
		ok(any(b"vendor/thing" in x for x in s.seen()), "by the server")
		s.request("other/thing")
		s.request("sampling/createMessage")
		is_eq([x for x in s.seen() if b"other/" in x or b"sampling" in x], [], "and no other")


def client_shapes():
	with Session() as s:
		s.seen()
		for method, params, place in (
			("completion/complete", {"ref": {"type": "ref/other"}, "argument": {"name": "a", "value": "b"}}, "params/ref/type"),
			("prompts/get", {"arguments": {}}, 'params needs "name"'),
			("prompts/get", {"name": "x", "arguments": {"a": 5}}, "params/arguments/* must be a string"),
			("resources/read", None, "params is missing"),
			("tools/call", {"name": "echo", "arguments": []}, "params/arguments must be an object"),
			("tools/list", {"_meta": {"io.modelcontextprotocol/protocolVersion": "2026-07-28"}},
			 'params/_meta needs "io.modelcontextprotocol/clientCapabilities"'),
		):
			m = s.request(method, params)
			ok(error_code(m) == -32602 and place in message_of(m), f"{method}: {place}", repr(m))
		s.send({"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progress": 1}})
		is_eq(s.seen(), [], "none of them has reached the server")
		s.request("completion/complete", {"ref": {"type": "ref/prompt", "name": "x"}, "argument": {"name": "a", "value": "b"}, "more": 0})
		is_eq(len(s.seen()), 1, "a right one has")
		s.end()
		why = [e for e in s.audit() if "what its method requires" in json.dumps(e)]
		ok(len(why) == 7, "the audit log has each", repr(why)[:500])


def server_shapes():
	with Session() as s:
		for method, params, result, place in (
			("completion/complete", {"ref": {"type": "ref/prompt", "name": "p"}, "argument": {"name": "a", "value": "b"}},
			 {"completion": {"values": ["x", 7]}}, "result/completion/values/1 must be a string"),
			("resources/read", {"uri": "file:///x"}, {"contents": [{"uri": "file:///x"}]}, 'result/contents/0 needs "text" or "blob"'),
			("resources/list", {}, {"resources": [{"uri": "file:///x"}]}, 'result/resources/0 needs "name"'),
			("resources/read", {"uri": "file:///x", "_meta": META},
			 {"resultType": "more", "contents": []}, 'result/resultType must be "complete" or "input_required"'),
		):
			m = answering(s, method, b'{"jsonrpc":"2.0","id":@ID@,"result":%s}' % text(result), **params)
			ok("error" in m and place in message_of(m), f"{method}: {place}", repr(m))
		m = answering(s, "tools/call", b'{"jsonrpc":"2.0","id":@ID@,"result":{"content":[{"type":"text"}]}}', name="echo", arguments={})
		ok(is_tool_error(m) and 'result/content/0 needs "text"' in text_of(m), "a call's bad result becomes one that says so", repr(m))
		m = answering(s, "ping", b'{"jsonrpc":"2.0","id":@ID@,"error":{"code":"x","message":"evil"}}')
		ok("error/code must be an integer" in message_of(m), "and so does a bad error", repr(m))
		m = answering(s, "ping", b'{"jsonrpc":"2.0","id":@ID@,"error":{"code":-1,"message":"fine"}}')
		is_eq(m["error"], {"code": -1, "message": "fine"}, "a right error passes")
		right = {"contents": [{"uri": "file:///x", "text": "t", "more": [None]}], "_meta": None}
		m = answering(s, "resources/read", b'{"jsonrpc":"2.0","id":@ID@,"result":%s}' % text(right), uri="file:///x")
		is_eq(m.get("result"), right, "and a right result")
		s.end()
		ok(len([e for e in s.audit() if "what its method requires" in json.dumps(e)]) >= 5, "the audit log has it", repr(s.audit())[-800:])


def server_methods():
	"""Requests and notifications of the server; the client asks for them, and is answered after them."""
	with Session() as s:
		def says(*messages):
			s.other.clear()
			lines = [text({"jsonrpc": "2.0", **m}) for m in messages] + [b'{"jsonrpc":"2.0","id":@ID@,"result":{}}']
			answering(s, "ping", b"\n".join(lines))
			got, s.other[:] = list(s.other), []
			return got

		s.seen()
		is_eq(says({"method": "notifications/vendor"}, {"method": "notifications/initialized"}, {"method": "tools/list"},
			   {"method": "notifications/progress", "params": {"progressToken": 1}},
			   {"method": "notifications/message", "params": {"level": "loud", "data": "x"}}), [],
		      "unknown, the client's own and broken notifications do not reach the client")
		note = {"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": "x"}}
		is_eq(says(note), [note], "a right one does")
		is_eq(says({"id": 1, "method": "vendor/ask"}, {"id": 2, "method": "tools/list"}, {"id": 3, "method": "elicitation/create"}), [],
		      "unknown, the client's own and broken requests do not, either")
		told = {m["id"]: m["error"]["code"] for m in map(json.loads, s.seen()) if "error" in m}
		is_eq({k: told.get(k) for k in (1, 2)}, {1: -32601, 2: -32601}, "and the server is told")
		ok(told.get(3) is not None, "of each", repr(told))
		is_eq([m.get("method") for m in says({"id": 4, "method": "ping"})], ["ping"], "a ping does")


def lifetimes():
	page = {"resultType": "complete", "resources": [], "ttlMs": 10**15, "cacheScope": "public"}
	answer = b'{"jsonrpc":"2.0","id":@ID@,"result":%s}' % text(page)
	with Session() as s:
		m = answering(s, "resources/list", answer, _meta=META)["result"]
		ok(m["ttlMs"] < 10**9 and m["cacheScope"] == "private", "a list may not be kept for ever, nor shared", repr(m))
		m = answering(s, "resources/list", text({"jsonrpc": "2.0", "id": "@ID@", "result": {**page, "ttlMs": 1}}).replace(b'"@ID@"', b"@ID@"),
			      _meta=META)["result"]
		is_eq(m["ttlMs"], 1, "but as long as the server says")


def open_ended():
	"""A subscription is answered when it ends: the deadline that another request runs into is none for it."""
	with Session(["--call-timeout", "1s"]) as s:
		s.send({"jsonrpc": "2.0", "id": "sub", "method": "subscriptions/listen", "params": {
			"_meta": META, "notifications": {"toolsListChanged": True}, "x-answer": ""}})
		ok(is_tool_error(s.call("silent")), "a call runs into its deadline")
		end = {"_meta": {"io.modelcontextprotocol/subscriptionId": "sub"}, "resultType": "complete"}
		answering(s, "ping", text({"jsonrpc": "2.0", "id": "sub", "result": end}) + b'\n{"jsonrpc":"2.0","id":@ID@,"result":{}}')
		is_eq((s.reply("sub") or {}).get("result"), end, "a subscription is answered when the server ends it")


def sample():
	"""Of each message of each version some variations, and one that is right."""
	for kind in kinds().values():
		for version in kind.by_version:
			seen, all_of_it = set(), []
			for full in (False, True):
				for message, _ in instances(kind, version, full):
					all_of_it.append((message, True))
					all_of_it += variations(kind, version, message, seen)
			broken = [m for m, passes in all_of_it if passes is False]
			right = [m for m, passes in all_of_it if passes]
			for message in rng.sample(broken, min(3, len(broken))):
				yield kind, message, False
			yield kind, rng.choice(right), True


def sampled():
	requests, answers = [], []
	for kind, message, right in sample():
		(requests if kind.prefix == "C " else answers if kind.prefix[0] == "s" else []).append((kind, message, right))
	with Session() as s:
		wrong, passed = [], 0
		for kind, message, right in requests:
			# What the client says of itself in a modern request is edited.
			if right and (kind.title.split(" ")[0] not in PLAIN or is_modern(message)):
				continue
			message = {**message, "id": s.new_id()} if right and "id" in message else message
			s.seen()
			s.send(message)
			if s.seen() != ([text(message)] if right else []):
				wrong.append((kind.title, message))
			passed += right
		is_eq(wrong[:3], [], f"client: of {len(requests)} messages, the {passed} right ones of plain methods arrive, no broken one does")
	ok(passed > 10, "there were right ones")
	with Session() as s:
		wrong, passed, count = [], 0, 0
		for kind, message, right in answers:
			_, method, era = kind.prefix.split()[:3]
			if right and (method not in PLAIN or era == "modern"):
				continue
			# With a broken envelope nobody can tell whom it answers.
			body = {k: v for k, v in message.items() if k in ("result", "error", "jsonrpc")}
			if body.get("jsonrpc") != "2.0" or len(body) != 2 or repr(message.get("id")) not in ("1", "'x'"):
				continue
			params = {"_meta": META} if era == "modern" else {}
			params.update({"name": "echo", "uri": "x", "level": "info", "taskId": "1", "notifications": {}, "inputResponses": {},
				       "protocolVersion": "x", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"},
				       "ref": {"type": "ref/prompt", "name": "x"}, "argument": {"name": "a", "value": "b"}})
			count += 1
			m = answering(s, method, text({"id": "@ID@", **body}).replace(b'"@ID@"', b"@ID@"), **params)
			if right and m.get("result", 0) != message.get("result", 0):
				wrong.append((kind.title, message, m))
			said = message_of(m) or (text_of(m) if "result" in m else "")
			if not right and "mcpcage" not in said:
				wrong.append((kind.title, message, m))
			passed += right
		is_eq(wrong[:3], [], f"server: of {count} answers, the {passed} right ones of plain methods arrive, for a broken one a refusal does")
	ok(passed > 3 and count > 60, "there were enough of them")


client_methods()
client_shapes()
server_shapes()
server_methods()
lifetimes()
open_ended()
sampled()
done_testing()
