#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A notification passes only if it belongs to something: progress to a request that waits and asked for it, a cancellation to the
sender's own request, a change to a subscription, a log message to a level that was asked for."""

import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import Session, parsed, require_mcpcage
from tap import done_testing, is_eq, ok

require_mcpcage()

META = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}
SUBSCRIPTION = "io.modelcontextprotocol/subscriptionId"


def note(method, **params):
	return {"jsonrpc": "2.0", "method": "notifications/" + method, "params": params}


def told(s, *notes):
	"""The server sends these: which of them the client gets."""
	s.other = []
	sent = s.emit(b"".join(json.dumps(n).encode() + b"\n" for n in notes))
	got = [m for m in s.other if m in notes]
	s.other = []
	return got if sent and not sent.get("result", {}).get("isError") else f"not sent: {sent}"


def passed_on(s, *notes):
	"""The client sends these: which of them the server gets."""
	s.seen()
	for n in notes:
		s.send(n)
	return [m for m in map(parsed, s.seen()) if m in notes]


def waits(s, **params):
	"""A call that is not answered; its id."""
	ident = s.new_id()
	s.send({"jsonrpc": "2.0", "id": ident, "method": "tools/call", "params": {"name": "silent", "arguments": {}, **params}})
	return ident


def progress(s):
	step = lambda token, n: note("progress", progressToken=token, progress=n)
	is_eq(told(s, step("t", 1), step(1, 1)), [], "progress that nobody asked for is dropped")
	ident = waits(s, _meta={"progressToken": "t"})
	waits(s, _meta={"progressToken": 7})
	is_eq(told(s, step("t", 0), step("t", 0.5), step("t", 1e3)), [step("t", 0), step("t", 0.5), step("t", 1e3)], "progress of a call that waits passes")
	is_eq(told(s, step("t", 1000), step("t", 999)), [], "if it goes forward")
	is_eq(told(s, step("7", 1), step("T", 2000), step(7, 1), step(7.0, 2)), [step(7, 1), step(7.0, 2)], "tokens are compared by type and value")
	is_eq(told(s, note("progress", progressToken="t", progress="lots"), note("progress", progressToken="t"), note("progress")), [],
	      "progress without a number or a token is dropped")
	s.send(note("cancelled", requestId=ident))
	is_eq(told(s, step("t", 5000)), [], "so is that of a call that was cancelled")
	is_eq(passed_on(s, step("t", 1)), [], "the client reports progress to nobody")


def cancelled(s):
	ident = waits(s)
	is_eq(passed_on(s, note("cancelled", requestId=str(ident)), note("cancelled", requestId=999999)), [],
	      "a cancellation of what does not wait is dropped")
	mine = note("cancelled", requestId=ident, reason="enough")
	is_eq(passed_on(s, mine), [mine], "that of a call passes")
	is_eq(passed_on(s, mine), [], "once")
	ident = waits(s)
	is_eq(told(s, note("cancelled", requestId=ident), note("cancelled")), [], "the server cannot cancel the client's call")
	ask = {"jsonrpc": "2.0", "id": "srv", "method": "ping"}
	is_eq(told(s, ask, note("cancelled", requestId="srv")), [ask, note("cancelled", requestId="srv")], "but its own request")


def logs(s):
	line = lambda level: note("message", level=level, data="x")
	is_eq(told(s, line("debug")), [line("debug")], "before a level is set, a server may choose")
	s.call("answer", {"method": "logging/setLevel", "b64": "eyJqc29ucnBjIjoiMi4wIiwiaWQiOkBJREAsInJlc3VsdCI6e319Cg=="})
	s.request("logging/setLevel", {"level": "warning"})
	is_eq(told(s, line("debug"), line("notice"), line("warning"), line("emergency")), [line("warning"), line("emergency")], "then it sends those from it on")
	is_eq(told(s, line("loud"), note("message", data="x")), [], "a message of no level is dropped")


def unknown(s):
	is_eq(told(s, note("made/up", x=1), {"jsonrpc": "2.0", "method": "made/up"}, {"jsonrpc": "2.0", "method": "tools/call", "params": {"name": "x"}},
		   note("initialized")), [], "what no version knows, or only the client sends, is dropped")
	listed = note("tools/list_changed")
	is_eq(told(s, listed), [listed], "a change of the list passes")


def subscriptions():
	with Session(handshake=False) as s:
		changed = lambda kind, **meta: note(kind, **({"_meta": meta} if meta else {}))
		s.send({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": META}})
		s.call_plain = s.call
		s.call = lambda tool, arguments=None, **more: s.call_plain(tool, arguments, _meta=META, **more)
		ok("result" in (s.reply(1) or {}), "the tools are listed")
		ok(s.call("answer", {"method": "subscriptions/listen", "b64": ""})["result"].get("isError") is False, "the server keeps subscriptions open")
		is_eq(told(s, changed("tools/list_changed"), changed("tools/list_changed", **{SUBSCRIPTION: "sub"})), [],
		      "in the modern era nothing changes without a subscription")
		s.send({"jsonrpc": "2.0", "id": "sub", "method": "subscriptions/listen", "params": {
			"_meta": META, "notifications": {"toolsListChanged": True, "resourceSubscriptions": ["file:///x"]}}})
		s.send({"jsonrpc": "2.0", "id": 5, "method": "tools/list", "params": {"_meta": META}})
		s.reply(5)
		fine = changed("tools/list_changed", **{SUBSCRIPTION: "sub"})
		first = note("subscriptions/acknowledged", _meta={SUBSCRIPTION: "sub"}, notifications={"toolsListChanged": True})
		is_eq(told(s, first, fine), [first, fine], "with one it does")
		is_eq(told(s, changed("prompts/list_changed", **{SUBSCRIPTION: "sub"}), changed("tools/list_changed", **{SUBSCRIPTION: "Sub"}),
			   changed("tools/list_changed", **{SUBSCRIPTION: 5}), changed("tools/list_changed")), [],
		      "but nothing else, and under no other name")
		s.send({"jsonrpc": "2.0", "id": -7, "method": "subscriptions/listen", "params": {
			"_meta": META, "notifications": {"promptsListChanged": True}}})
		s.send({"jsonrpc": "2.0", "id": 8, "method": "tools/list", "params": {"_meta": META}})
		s.reply(8)
		below = changed("prompts/list_changed", **{SUBSCRIPTION: -7})
		is_eq(told(s, changed("prompts/list_changed", **{SUBSCRIPTION: 7}), changed("prompts/list_changed", **{SUBSCRIPTION: -7.5}), below),
		      [below], "one whose id is below zero is known by it")
		updated = note("resources/updated", uri="file:///x", _meta={SUBSCRIPTION: "sub"})
		is_eq(told(s, updated), [updated], "a resource that was asked for")
		is_eq(told(s, note("message", level="error", data="x")), [], "no log message without a request that wants it")
		s.send({"jsonrpc": "2.0", "id": 6, "method": "tools/call", "params": {"name": "silent", "arguments": {}, "_meta": {
			**META, "io.modelcontextprotocol/logLevel": "error"}}})
		is_eq(told(s, note("message", level="error", data="x"), note("message", level="info", data="x")),
		      [note("message", level="error", data="x")], "with one, from its level on")
		over = note("cancelled", requestId="sub")
		is_eq(told(s, note("cancelled", requestId=6), over, fine), [over], "the server may end the subscription, and nothing else; then it is over")
		s.end()


with Session() as session:
	for test in (progress, cancelled, logs, unknown):
		test(session)
	ok(session.alive(), "the session works on")
	session.end()
	drops = [e for e in session.audit() if e.get("event") == "refused"]
	ok(any("nothing that the client" in e["reason"] for e in drops), "what is dropped is in the audit log", repr(drops)[:400])
subscriptions()

done_testing()
