#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A message that is too large ends that message, with an answer to its sender, and not the session."""

import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import Session, descendants, error_code, is_tool_error, memory_of, require_mcpcage, text_of
from tap import done_testing, is_eq, ok

require_mcpcage()

LIMIT = 256 << 10


def line_of(ident, size):
	"""A tools/call of exactly SIZE bytes with its newline."""
	head = b'{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"echo","arguments":{"x":"' % ident
	tail = b'"}}}'
	return head + b"a" * (size - len(head) - len(tail) - 1) + tail


with Session(["--message-size", "256K"]) as s:
	s.send(line_of(1, LIMIT))
	ok(s.reply(1) is not None, "a request of exactly the limit passes")
	is_eq(s.seen_sizes()[-1], LIMIT - 1, "whole")
	for size in (LIMIT + 1, LIMIT + 4096, 40 << 20):
		ident = s.new_id()
		s.send(line_of(ident, size))
		m = s.reply(ident)
		is_eq(error_code(m), -32600, f"a request of {size} bytes is answered with an error")
		is_eq([x for x in s.seen() if b"aaaa" in x], [], "and does not reach the server")
	s.other = []
	s.send(b'{"jsonrpc":"2.0","method":"notifications/message","params":{"x":"' + b"n" * LIMIT + b'"}}')
	ok(s.alive() and s.other == [], "a notification that is too large is dropped without a word to the client", repr(s.other))
	s.send(b'{"params":{"x":"' + b"o" * LIMIT + b'"},"jsonrpc":"2.0","id":2,"method":"ping"}')
	ok(s.alive(), "a request whose id comes after the limit does no harm")
	ok(all(m.get("id") == 2 and error_code(m) == -32600 for m in s.other), "its sender is answered, or nobody", repr(s.other))
	s.other = []
	s.send(b"{" + b" " * (30 << 20) + b"}")
	s.send(b"z" * (30 << 20))
	ok(s.alive() and s.other == [], "nor do lines of nothing", repr(s.other)[:200])

	m = s.call("big", {"bytes": LIMIT - 1000})
	is_eq(len(text_of(m)), LIMIT - 1000, "an answer below the limit passes")
	for size in (LIMIT, 40 << 20):
		m = s.call("big", {"bytes": size}, timeout=60)
		ok(is_tool_error(m) and text_of(m) != "", f"an answer of {size} bytes becomes a tool error", repr(m)[:300])
		ok(s.alive(), "and the session works on")
	s.emit_mute(b'{"jsonrpc":"2.0","id":@ID@,"result":{"x":"@FILL@"}}\n{"jsonrpc":"2.0","id":@ID@,"result":{}}\n', fill=LIMIT)
	replies = []
	while not replies or replies[-1].get("id") != "fence":
		if not replies:
			s.send({"jsonrpc": "2.0", "id": "fence", "method": "ping"})
		replies.append(json.loads(s.line()))
	ok(len(replies) == 2 and is_tool_error(replies[0]), "a second answer to the same request is dropped", repr(replies)[:300])
	s.emit(b'{"jsonrpc":"2.0","method":"notifications/message","params":{"x":"@FILL@"}}\n', fill=2 * LIMIT)
	ok(s.alive() and s.other == [], "a notification of the server that is too large is dropped", repr(s.other)[:200])
	s.emit(b'{"jsonrpc":"2.0","id":1,"method":"roots/list","params":{"x":"@FILL@"}}\n', fill=2 * LIMIT)
	ok(s.alive() and s.other == [], "and a request of the server", repr(s.other)[:200])
	own = [p for p in descendants(s.process.pid) if b"puppet" not in open(f"/proc/{p}/cmdline", "rb").read()]
	used = memory_of([s.process.pid, *own])
	ok(used < 24 << 20, "memory stays small all the while", f"{used >> 10} KiB in {1 + len(own)} processes")
	s.end()
	events = s.audit()
	refused = [e for e in events if e.get("event") == "refused"]
	ok(any(e["from"] == "client" and e["answered"] for e in refused) and any(e["from"] == "server" for e in refused),
	   "refusals of both directions are in the audit log", repr(refused)[:500])

done_testing()
