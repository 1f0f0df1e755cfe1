#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The clocks: of a call, of silence, of the session. What may take long on a busy machine is seconds away from what it is told from."""

import json
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import Session, descendants, error_code, is_tool_error, require_mcpcage, still_there, text_of
from tap import done_testing, is_eq, ok

require_mcpcage()


def timed(what):
	start = time.monotonic()
	result = what()
	return result, time.monotonic() - start


with Session(["--call-timeout", "1500ms"]) as s:
	s.seen()
	m, t = timed(lambda: s.call("late", {"ms": 6000}))
	ok(is_tool_error(m) and text_of(m) != "", "a call past its deadline is answered as a tool error", repr(m))
	ok(1.4 < t < 5.5, "at its deadline", f"{t:.3f} s")
	ident = s.next_id
	cancelled = [json.loads(x) for x in s.seen() if b"notifications/cancelled" in x]
	is_eq([c["params"]["requestId"] for c in cancelled], [ident], "the server is told to cancel it")
	time.sleep(6.1 - t)
	ok(s.alive() and not any(m.get("id") == ident for m in s.other), "its late answer is dropped", repr(s.other))
	m, t = timed(lambda: s.call("late", {"ms": 100}))
	is_eq(text_of(m), "late", "a call within its deadline is not touched")
	ok(s.request("ping") is not None, "nor another request")
	s.send({"jsonrpc": "2.0", "id": "p", "method": "tools/call", "params": {
		"name": "progress", "arguments": {"steps": 80, "ms": 100}, "_meta": {"progressToken": "t"}}})
	m, t = timed(lambda: s.reply("p"))
	ok(m is not None and t < 7.5, "progress does not extend the deadline without end", f"{t:.3f} s {m!r}")
	s.end()
	calls = [e for e in s.audit() if e.get("event") == "call" and e["tool"] == "late"]
	ok(len(calls) == 2 and calls[0]["end"] != calls[1]["end"] and calls[0]["duration_ms"] >= 1490,
	   "the audit log tells the two apart", repr(calls))

# A request made after a silent deadline is silent, too: the server hangs.
with Session(["--call-timeout", "300ms"]) as s:
	for _ in range(2):
		i = s.new_id()
		s.send({"jsonrpc": "2.0", "id": i, "method": "tools/call", "params": {"name": "sleep", "arguments": {"ms": 30000}}})
		m = s.reply(i)
		ok(is_tool_error(m), "a call that a hung server does not answer is answered", repr(m))
		time.sleep(0.1)
	pids = descendants(s.process.pid)
	status = s.wait(15)
	ok(status is not None, "and a server that lets its deadlines pass without a word is ended", repr(s.stderr))
	is_eq(still_there(pids), [], "with everything in its cage")

with Session(["--call-timeout", "1500ms"]) as s:
	m = s.call("sleep", {"ms": 3000})
	ok(is_tool_error(m), "a deadline passes", repr(m))
	time.sleep(1.6)
	ok(s.alive(), "and the session works on, once the server is back")
	is_eq(error_code(s.request("resources/read", {"uri": "file:///x"})), -32601, "other answers pass")

# Calls side by side whose deadlines fall together are one silence, not several.
with Session(["--call-timeout", "1500ms"]) as s:
	ids = [s.new_id() for _ in range(4)]
	for i in ids:
		s.send({"jsonrpc": "2.0", "id": i, "method": "tools/call", "params": {"name": "late", "arguments": {"ms": 6000}}})
	replies = [s.reply(i) for i in ids]
	ok(all(is_tool_error(m) for m in replies), "four calls past their deadlines are answered", repr(replies))
	ok(s.alive(), "and the session works on")

with Session(["--idle-timeout", "2500ms"]) as s:
	end = time.monotonic() + 3.5
	while time.monotonic() < end:
		ok(s.alive(), "messages keep the session alive")
		time.sleep(0.3)
	m = s.call("late", {"ms": 3500})
	ok(text_of(m) == "late", "so does a request that waits for its answer", repr(m))
	status, t = timed(lambda: s.wait(15))
	ok(status is not None and 2 < t < 10, "silence ends it", f"{status} after {t:.3f} s")
	ok(s.wait_stderr(b"idle"), "which is told on standard error", repr(s.stderr))

with Session(["--session-timeout", "2500ms"]) as s:
	pids = descendants(s.process.pid)
	while s.wait(0.1) is None and time.monotonic() - s.started < 15:
		try:
			s.send({"jsonrpc": "2.0", "id": s.new_id(), "method": "ping"})
		except OSError:
			break
	status = s.wait(10)
	t = time.monotonic() - s.started
	ok(status is not None and 2.4 < t < 12, "the session's own timeout ends it, whatever is said", f"{status} after {t:.3f} s")
	is_eq(still_there(pids), [], "with everything in its cage")
	is_eq([e["event"] for e in s.audit()][-1:], ["end"], "the audit log has its end")

done_testing()
