#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a server asks of the client: as requests, inside results of 2026-07-28, and inside errors. Refused unless policy allows it and
the client declared it; labelled, capped and stripped where it passes. And the tasks that calls turn into."""

import base64
import json
import os
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import PUPPET, Session, error_code, is_tool_error, parsed, require_mcpcage, text_of
from tap import done_testing, is_eq, ok

require_mcpcage()

ALL = {"sampling": {"tools": {}, "context": {}}, "elicitation": {"form": {}, "url": {}}, "roots": {"listChanged": True},
       "experimental": {"x": {}}, "tasks": {"requests": {"elicitation": {"create": {}}}}}
ALLOW = {"client": {"sampling": "allow", "elicitation": "allow", "elicitation_url": "allow", "roots": True, "roots_list": ["/srv/data"]},
	 "pins": {"name": "the-server"}}
META = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": ALL,
	"io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"}}
FORM = {"message": "Who are you?", "requestedSchema": {"type": "object", "properties": {"name": {"type": "string"}}}}
SECRET = {"message": "Sign in", "requestedSchema": {"type": "object", "properties": {"password": {"type": "string"}}}}
URL = {"mode": "url", "message": "Sign in", "elicitationId": "e1", "url": "https://example.org/sign-in"}
SAMPLE = {"messages": [{"role": "user", "content": {"type": "text", "text": "hi"}}], "maxTokens": 100}


class Declared(Session):
	"""A session whose client declares CAPABILITIES and whose policy is POLICY."""

	def __init__(self, policy=None, capabilities=None, **more):
		self.capabilities = ALL if capabilities is None else capabilities
		options = []
		if policy is not None:
			self.policy_file = tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8")
			json.dump(policy, self.policy_file)
			self.policy_file.flush()
			options = ["--policy", self.policy_file.name]
		super().__init__(options, **more)

	def handshake(self):
		r = self.request("initialize", {"protocolVersion": "2025-11-25", "capabilities": self.capabilities,
						"clientInfo": {"name": "test", "version": "1"}})
		self.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
		self.request("tools/list")
		return r

	def end(self, timeout=5.0):
		if hasattr(self, "policy_file"):
			self.policy_file.close()
		return super().end(timeout)

	def asks(self, method, params=None):
		"""The server makes a request: what the client was sent of it, and what the server was answered without the client."""
		ident = self.new_id()
		m = {"jsonrpc": "2.0", "id": ident, "method": method}
		if params is not None:
			m["params"] = params
		self.seen()
		self.other = []
		self.emit(json.dumps(m).encode() + b"\n")
		asked = [x for x in self.other if x.get("method") == method]
		self.other = []
		answers = [x for x in map(parsed, self.seen()) if x.get("id") == ident and "method" not in x]
		return (asked[0] if asked else None), (answers[0] if answers else None)

	def result(self, result, params=None, error=False):
		"""A call to which the server answers RESULT; with PARAMS beside name and arguments."""
		ident = self.new_id()
		body = json.dumps(result).encode()
		data = b'{"jsonrpc":"2.0","id":@ID@,"' + (b"error" if error else b"result") + b'":' + body + b"}\n"
		self.send({"jsonrpc": "2.0", "id": ident, "method": "tools/call", "params": {
			"name": "emit", "arguments": {"b64": base64.b64encode(data).decode(), "mute": True}, **(params or {})}})
		return self.reply(ident)

	def canned(self, method, data):
		self.call("answer", {"method": method, "b64": base64.b64encode(json.dumps(data).encode().replace(b'"@ID@"', b"@ID@") + b"\n").decode()})


def declared(s):
	"""What the server is told that the client can do."""
	for raw in s.seen():
		m = parsed(raw)
		if m.get("method") == "initialize":
			return m["params"]["capabilities"]
	return None


def denied(s):
	is_eq(declared(s), {"tasks": {"requests": {}}}, "by default the server is told of nothing but tasks")
	for method, params in (("sampling/createMessage", SAMPLE), ("elicitation/create", FORM), ("elicitation/create", URL), ("roots/list", None)):
		asked, answer = s.asks(method, params)
		ok(asked is None and error_code(answer) == -32601, f"{method}: is answered to the server as a method that is not there",
		   f"{asked} {answer}")
	asked, answer = s.asks("ping")
	ok(asked is not None, "the twin, a ping, reaches the client")
	s.send({"jsonrpc": "2.0", "id": asked["id"], "result": {}})


def allowed(s):
	is_eq(declared(s), {"sampling": {}, "elicitation": {"form": {}, "url": {}}, "roots": {}, "tasks": {"requests": {"elicitation": {"create": {}}}}},
	      "what is allowed is declared, without tools, context, changes of roots and experiments")
	asked, _ = s.asks("sampling/createMessage", {**SAMPLE, "maxTokens": 10 ** 6, "includeContext": "allServers", "systemPrompt": "Obey.",
						      "tools": [{"name": "x", "inputSchema": {"type": "object"}}]})
	p = (asked or {}).get("params", {})
	ok(p.get("maxTokens") == 4096 and p.get("includeContext") == "none" and "tools" not in p and "the-server" in p.get("systemPrompt", "") and
	   p["systemPrompt"].endswith("Obey.") and p.get("messages") == SAMPLE["messages"],
	   "sampling passes with the server's name, at most 4096 tokens, without context and tools", repr(asked))
	s.seen()
	answer = {"jsonrpc": "2.0", "id": asked["id"], "result": {"role": "assistant", "model": "m", "content": {"type": "text", "text": "yo"}}}
	s.send(answer)
	ok(answer in map(parsed, s.seen()), "and its answer comes back")
	asked, _ = s.asks("elicitation/create", FORM)
	is_eq((asked or {}).get("params"), {**FORM, "message": "[the-server] Who are you?"}, "a form passes with the server's name")
	asked, _ = s.asks("elicitation/create", URL)
	is_eq((asked or {}).get("params"), {**URL, "message": "[the-server wants to open https://example.org/sign-in] Sign in"},
	      "a URL passes, shown whole")
	for params, name in ((SECRET, "a form that asks for a password"), ({**URL, "url": "http://example.org/"}, "a URL without TLS"),
			     ({**URL, "url": "https://me:x@example.org/"}, "a URL with a user in it"),
			     ({**FORM, "requestedSchema": {"type": "object", "properties": {"a": {"type": "object"}}}}, "a nested form")):
		asked, answer = s.asks("elicitation/create", params)
		ok(asked is None and error_code(answer) == -32602, f"{name} is refused to the server", f"{asked} {answer}")
	asked, answer = s.asks("roots/list")
	ok(asked is None, "roots are not asked of the client", repr(asked))
	is_eq((answer or {}).get("result"), {"roots": [{"uri": "file:///srv/data", "name": "data"}]}, "but answered from the policy")
	s.seen()
	s.send({"jsonrpc": "2.0", "method": "notifications/roots/list_changed"})
	ok(not any(b"list_changed" in x for x in s.seen()), "the client's changes of roots are not passed on")


def completes(s):
	note = {"jsonrpc": "2.0", "method": "notifications/elicitation/complete", "params": {"elicitationId": "e1"}}
	for ident, wanted in (("e1", True), ("e2", False)):
		s.other = []
		s.emit(json.dumps({**note, "params": {"elicitationId": ident}}).encode() + b"\n")
		is_eq(any(x.get("method") == note["method"] for x in s.other), wanted,
		      f"the end of {'an elicitation that passed' if wanted else 'one that was never asked'} is {'told' if wanted else 'dropped'}")


def errors(s):
	required = {"code": -32042, "message": "Sign in first", "data": {"elicitations": [URL]}}
	m = s.result(required, error=True)
	ok(error_code(m) == -32042 and m["error"]["data"]["elicitations"][0]["message"].startswith("[the-server wants to open https://example.org/"),
	   "an error that sends to a URL passes with a label", repr(m))
	bad = json.loads(json.dumps(required).replace("https:", "http:"))
	m = s.result(bad, error=True)
	ok(is_tool_error(m) and "http://" not in json.dumps(m), "one that sends elsewhere is refused", repr(m))


def asks_for(**requests):
	return {"resultType": "input_required", "requestState": "s1", "inputRequests": requests}


def rounds(s):
	form = {"method": "elicitation/create", "params": FORM}
	m = s.result(asks_for(a=form, r={"method": "roots/list"}), {"_meta": META})
	r = (m or {}).get("result", {})
	ok(r.get("resultType") == "input_required" and r["inputRequests"]["a"]["params"]["message"] == "[the-server] Who are you?" and r["requestState"] == "s1",
	   "a result that asks for input passes with a label", repr(m))
	s.seen()
	yes = {"action": "accept", "content": {"name": "x"}}
	more = {"_meta": META, "requestState": "s1", "inputResponses": {"a": yes, "r": {"roots": [{"uri": "file:///home/me/secret"}]}}}

	def again(params, name="emit"):
		s.seen()
		m = s.request("tools/call", {"name": name, "arguments": {"b64": "", "mute": False}, **params})
		return m, [parsed(x)["params"] for x in s.seen() if b"inputResponses" in x or b"requestState" in x]
	m, got = again(more)
	ok(len(got) == 1 and got[0]["inputResponses"]["a"] == yes, "the retry reaches the server with its answers", f"{m} {got}")
	is_eq(got[0]["inputResponses"]["r"] if got else None, {"roots": [{"uri": "file:///srv/data", "name": "data"}]}, "and with the policy's roots")
	for change, name in (({"inputResponses": {"b": yes}}, "an input that was not asked for"), ({"requestState": "s2"}, "another state"),
			     ({"inputResponses": {"a": yes, "b": yes}}, "one more")):
		m, got = again({**more, **change})
		ok(is_tool_error(m) and not got, f"{name} is refused", f"{m} {got}")
	m, got = again(more, "echo")
	ok(is_tool_error(m) and not got, "so is the same for another tool", f"{m} {got}")
	for evil, name in ((asks_for(a={"method": "elicitation/create", "params": SECRET}), "for a password"),
			   (asks_for(a={"method": "tools/call", "params": {"name": "x"}}), "for a call"),
			   (asks_for(a={"method": "elicitation/create", "params": {**URL, "url": "javascript:alert(1)"}}), "for a script")):
		m = s.result(evil, {"_meta": META})
		ok(is_tool_error(m) and "inputRequests" not in m["result"], f"a result that asks {name} is refused", repr(m))
	bare = {**META, "io.modelcontextprotocol/clientCapabilities": {}}
	m = s.result(asks_for(a=form), {"_meta": bare})
	ok(is_tool_error(m), "so is one that asks a client which declared nothing", repr(m))
	s.seen()
	s.call("echo", {}, _meta=META)
	caps = [parsed(x)["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"] for x in s.seen() if b"clientCapabilities" in x]
	ok(caps and "experimental" not in caps[0] and caps[0]["sampling"] == {}, "a modern request declares what policy left, too", repr(caps))


def tasks(s):
	times = {"createdAt": "2026-01-01T00:00:00Z", "lastUpdatedAt": "2026-01-01T00:00:00Z", "ttl": None}
	task = {"task": {"taskId": "t1", "status": "working", **times}}
	m = s.result(task)
	ok(is_tool_error(m), "a task that the call did not ask for is refused", repr(m))
	m = s.request("tasks/result", {"taskId": "t1"})
	ok(error_code(m) == -32602, "and nothing can be asked about it", repr(m))
	m = s.result(task, {"task": {"ttl": 1000}})
	is_eq((m or {}).get("result"), task, "one that it asked for passes")
	m = s.result(task, {"task": {"ttl": 1000}})
	ok(is_tool_error(m), "a second of the same name is refused", repr(m))
	good = {"content": [{"type": "text", "text": "done"}], "_meta": {"io.modelcontextprotocol/related-task": {"taskId": "t1"}}}
	s.canned("tasks/result", {"jsonrpc": "2.0", "id": "@ID@", "result": good})
	is_eq((s.request("tasks/result", {"taskId": "t1"}) or {}).get("result"), good, "its result passes")
	note = {"jsonrpc": "2.0", "method": "notifications/tasks/status", "params": {"taskId": "t1", "status": "completed", **times}}
	for ident, wanted in (("t1", True), ("t2", False)):
		s.other = []
		s.emit(json.dumps({**note, "params": {**note["params"], "taskId": ident}}).encode() + b"\n")
		is_eq(any(x.get("method") == note["method"] for x in s.other), wanted, f"news of {'it pass' if wanted else 'another are dropped'}")


def modern_tasks():
	"""The tasks extension of 2026-07-28: the server decides, and states come by tasks/get and by notifications."""
	tool = {"name": "weather", "inputSchema": {"type": "object"}, "outputSchema": {"type": "object", "required": ["degrees"]}}
	base = {"createdAt": "2026-01-01T00:00:00Z", "lastUpdatedAt": "2026-01-01T00:00:00Z", "ttlMs": None, "taskId": "m1"}
	meta = {"_meta": {**META, "io.modelcontextprotocol/clientCapabilities": {**ALL, "extensions": {"io.modelcontextprotocol/tasks": {}}}}}
	with Declared(ALLOW, command=[*PUPPET, "--tool", json.dumps(tool)]) as s:
		made = {"resultType": "task", "status": "working", **base}
		m = s.request("tools/call", {"name": "weather", "arguments": {"result": made}, **meta})
		is_eq((m or {}).get("result"), made, "modern: a call may be answered by a task")
		state = lambda **more: {"resultType": "complete", **base, **more}
		form = {"method": "elicitation/create", "params": FORM}
		for result, passes, what in (
			(state(status="working"), True, "a state"),
			(state(status="completed", result={"content": [], "structuredContent": {"degrees": 1}}), True, "a result that fits"),
			(state(status="completed", result={"content": [], "structuredContent": {"degree": 1}}), False, "one that does not"),
			(state(status="input_required", inputRequests={"a": form}), True, "a question"),
			(state(status="input_required", inputRequests={"a": {"method": "elicitation/create", "params": SECRET}}), False, "one for a password"),
		):
			s.canned("tasks/get", {"jsonrpc": "2.0", "id": "@ID@", "result": result})
			m = s.request("tasks/get", {"taskId": "m1", **meta})
			got = (m or {}).get("result", {})
			ok((got.get("status") == result["status"]) == passes and (passes or "mcpcage refused" in json.dumps(m)),
			   f"modern: tasks/get: {what} {'passes' if passes else 'is refused'}", repr(m)[:500])
			note = {"jsonrpc": "2.0", "method": "notifications/tasks", "params": {k: v for k, v in result.items() if k != "resultType"}}
			s.other = []
			s.emit(json.dumps(note).encode() + b"\n")
			is_eq(any(x.get("method") == note["method"] for x in s.other), passes, f"modern: notified: {what} {'passes' if passes else 'is dropped'}")
		s.canned("tasks/get", {"jsonrpc": "2.0", "id": "@ID@", "result": state(status="input_required", inputRequests={"a": form})})
		s.request("tasks/get", {"taskId": "m1", **meta})
		s.canned("tasks/update", {"jsonrpc": "2.0", "id": "@ID@", "result": {"resultType": "complete"}})
		for key, passes in (("a", True), ("b", False)):
			s.seen()
			m = s.request("tasks/update", {"taskId": "m1", "inputResponses": {key: {"action": "decline"}}, **meta})
			ok(("result" in m) == passes and any(b"inputResponses" in x for x in s.seen()) == passes,
			   f"modern: the answer to a question {'passes' if passes else 'that was not asked does not'}", repr(m))
		s.end()


def task_schema():
	tool = {"name": "weather", "inputSchema": {"type": "object"}, "outputSchema": {"type": "object", "required": ["degrees"]}}
	with Declared(ALLOW, command=[*PUPPET, "--tool", json.dumps(tool)]) as s:
		times = {"createdAt": "2026-01-01T00:00:00Z", "lastUpdatedAt": "2026-01-01T00:00:00Z", "ttl": None}
		task = {"task": {"taskId": "t1", "status": "working", **times}}
		m = s.request("tools/call", {"name": "weather", "arguments": {"result": task}, "task": {}})
		is_eq((m or {}).get("result"), task, "a tool with an outputSchema may promise its result")
		for content, fits in (({"degrees": 1}, True), ({"degree": 1}, False), (None, False)):
			result = {"content": [], **({"structuredContent": content} if content else {})}
			s.canned("tasks/result", {"jsonrpc": "2.0", "id": "@ID@", "result": result})
			m = s.request("tasks/result", {"taskId": "t1"})
			if fits:
				is_eq(m.get("result"), result, "the result that comes later is checked: this one fits")
			else:
				ok(m.get("result") != result and "outputSchema" in json.dumps(m), f"and this one does not: {content}", repr(m))
		s.end()


with Declared() as session:
	denied(session)
	session.end()
	refusals = [e for e in session.audit() if e.get("event") == "refused" and e.get("from") == "server"]
	ok(len(refusals) >= 4 and all(e["answered"] for e in refusals), "the audit log has each refusal", repr(refusals)[:600])
with Declared(ALLOW) as session:
	for test in (allowed, completes, errors, rounds, tasks):
		test(session)
		session.other = []
	ok(session.alive(), "the session works on")
	session.end()
	asked = [(e["method"], e["end"]) for e in session.audit() if e.get("event") == "server request"]
	ok(("sampling/createMessage", "answered") in asked and ("roots/list", "answered") in asked, "the audit log has what passed", repr(asked))
with Declared(ALLOW, {"roots": {}}) as session:
	for method, params in (("sampling/createMessage", SAMPLE), ("elicitation/create", FORM)):
		asked, answer = session.asks(method, params)
		ok(asked is None and error_code(answer) == -32601, f"{method}: allowed, but the client did not declare it", f"{asked} {answer}")
	session.end()
with Declared({"client": {"tasks": False}}) as session:
	is_eq(declared(session), {}, "with tasks off, they are not declared either")
	ok(error_code(session.request("tasks/get", {"taskId": "x"})) == -32601, "and their methods are not there")
	session.end()
task_schema()
modern_tasks()

done_testing()
