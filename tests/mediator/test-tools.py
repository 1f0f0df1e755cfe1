#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Allow and deny rules on tools/call: the answer is one a model can act on, and the call never reaches the server."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import Session, is_tool_error, require_mcpcage, text_of
from tap import done_testing, is_eq, ok

require_mcpcage()


def verdicts(options, allowed, denied, name):
	with Session(options) as s:
		s.seen()
		for tool in allowed:
			m = s.call(tool, {"ms": 0})
			ok(m is not None and "mcpcage" not in text_of(m), f"{name}: {tool} is forwarded", repr(m)[:300])
			ok(any(f'"{tool}"'.encode() in x for x in s.seen()), f"{name}: {tool} reaches the server")
		for tool in denied:
			m = s.call(tool)
			ok(is_tool_error(m), f"{name}: {tool} is answered as a tool error", repr(m)[:300])
			ok(tool in text_of(m) and "policy" in text_of(m), f"{name}: {tool}: the answer says why", text_of(m))
			ok(not any(f'"{tool}"'.encode() in x for x in s.seen()), f"{name}: {tool} does not reach the server")
		s.end()
		calls = [(e["tool"], e["verdict"]) for e in s.audit() if e.get("event") == "call" and e["tool"] != "seen"]
		is_eq(calls, [(t, "allow") for t in allowed] + [(t, "deny") for t in denied], f"{name}: the audit log has each")


verdicts(["--deny-tool", "echo"], ["sleep"], ["echo"], "deny one")
verdicts(["--deny-tool", "e*"], ["sleep"], ["echo", "environ"], "deny a glob")
verdicts(["--allow-tool", "s*"], ["sleep"], ["echo", "big"], "allow a glob")
verdicts(["--allow-tool", "s*", "--allow-tool", "echo", "--deny-tool", "sl??p"], ["echo"], ["sleep", "big"], "deny before allow")
verdicts(["--deny-tool", "ECHO"], ["echo"], [], "case matters")
verdicts(["--deny-tool", "[a-e]cho"], ["sleep"], ["echo"], "a set of letters")

with Session(["--deny-tool", "echo"]) as s:
	s.seen()
	for raw in (rb'"ech\u006f"', rb'"\u0065\u0063\u0068\u006f"'):
		s.send(b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"arguments":{},"name":' + raw + b"}}")
		ok(is_tool_error(s.reply(1)), f"the name written as {raw.decode()} is the same tool")
	s.send(rb'{"jsonrpc":"2.0","id":1,"method":"tools\/c\u0061ll","params":{"name":"echo"}}')
	ok(is_tool_error(s.reply(1)), "the method written with escapes is the same method")
	is_eq([x for x in s.seen() if b"seen" not in x], [], "none of them reached the server")
	s.send({"jsonrpc": "2.0", "id": "text \u00e9\n", "method": "tools/call", "params": {"name": "echo"}})
	ok(is_tool_error(s.reply("text \u00e9\n")), "the answer carries the request's id as it was")
	m = s.request("tools/call", {"name": "echo", "_meta": {
		"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}})
	is_eq((m or {}).get("result", {}).get("resultType"), "complete", "in the modern era the answer says it is complete")
	m = s.call("echo")
	ok("resultType" not in m["result"], "in the older ones it does not")
	ok(s.wait_stderr(b"denied"), "the person is told on standard error", repr(s.stderr))

with Session() as s:
	s.seen()
	for name, near in (("Echo", "echo"), ("progres", "progress"), ("no-such-thing-at-all", None)):
		m = s.call(name)
		ok(is_tool_error(m) and name in text_of(m), f"{name}: a tool that no list showed is refused", repr(m)[:300])
		ok((f'"{near}"' in text_of(m)) if near else "There is" not in text_of(m), f"{name}: the answer names {near or 'nothing'} near it", text_of(m))
	is_eq([x for x in s.seen() if b"seen" not in x], [], "none of them reached the server")

with Session(["--deny-tool", "*"]) as s:
	ok(is_tool_error(s.call("anything")), "deny everything denies any tool")
	ok(s.request("ping") is not None, "and lets other requests pass")

done_testing()
