#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""An answer passes once, for an id of the same type and value that waits in that direction; nothing else does."""

import base64
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import EOF, Session, error_code, parsed, require_mcpcage, text_of
from tap import done_testing, is_eq, ok

require_mcpcage()


def emit_call(s, ident, data, mute=True):
	"""A tools/call with the id IDENT, to which the server writes DATA."""
	s.send({"jsonrpc": "2.0", "id": ident, "method": "tools/call", "params": {
		"name": "emit", "arguments": {"b64": base64.b64encode(data).decode(), "mute": mute}}})


def until_fence(s):
	"""The lines up to an answer that is known to come."""
	fence = f"fence {s.new_id()}"
	s.send({"jsonrpc": "2.0", "id": fence, "method": "ping"})
	lines = []
	while True:
		line = s.line()
		if line is None:
			return [*lines, EOF]
		if parsed(line).get("id") == fence:
			return lines
		lines.append(line)


def answer(token):
	return b'{"jsonrpc":"2.0","id":' + token + b',"result":{"content":[{"type":"text","text":"forged"}]}}\n'


def wrong_tokens(s):
	"""The id is the number 2; a TypeScript client takes each of these for it."""
	for token in (b'"2"', b'"0x2"', b'" 2 "', b"2.0", b"2e0", b'"2.0"', b"[2]", b"3", b"-2", b"null", b"true"):
		emit_call(s, 2, answer(token))
		is_eq(until_fence(s), [], f"an answer with the id {token.decode()} is not one to 2")
		emit_call(s, 900, answer(b"2"))  # frees the id
		is_eq([parsed(x).get("id") for x in until_fence(s)], [2], "while 2 itself is")
		emit_call(s, 901, answer(b"900"))
		until_fence(s)
		emit_call(s, 902, answer(b"901") + answer(b"902"))
		until_fence(s)


def strings(s):
	emit_call(s, "2", answer(b"2"))
	is_eq(until_fence(s), [], 'an answer with the id 2 is not one to "2"')
	emit_call(s, "x", answer(b'"2"') + answer(b'"x"'))
	is_eq([parsed(x).get("id") for x in until_fence(s)], ["2", "x"], 'while "2" is')
	emit_call(s, "é/\n", answer(rb'"\u00e9\/\u000a"'))
	is_eq([parsed(x).get("id") for x in until_fence(s)], ["é/\n"], "a text is compared by what it means, not how it is written")
	emit_call(s, "a", answer(b'"A"') + answer(b'"a "') + answer(rb'"a\u0000"'))
	is_eq(until_fence(s), [], "case, spaces and NUL make another id")


def once(s):
	emit_call(s, 50, answer(b"50") * 3)
	is_eq(len(until_fence(s)), 1, "of three equal answers one passes")
	emit_call(s, 51, answer(b"50") + answer(b"51"))
	is_eq([parsed(x)["id"] for x in until_fence(s)], [51], "an answer to a request of the past does not")
	emit_call(s, 52, b"".join(answer(b"%d" % i) for i in range(60, 160)) + answer(b"52"))
	is_eq([parsed(x)["id"] for x in until_fence(s)], [52], "of 100 unsolicited answers none passes")
	error = b'{"jsonrpc":"2.0","id":777,"error":{"code":-1,"message":"forged"}}\n'
	emit_call(s, 53, error + error.replace(b'"id":777,', b"") + error.replace(b"777", b"null") + answer(b"53"))
	is_eq([parsed(x).get("id") for x in until_fence(s)], [53], "nor an error that belongs to nobody")
	ok(s.alive(), "the session works on")


def in_use(s):
	s.send({"jsonrpc": "2.0", "id": 70, "method": "tools/call", "params": {"name": "silent"}})
	s.send({"jsonrpc": "2.0", "id": 70, "method": "tools/call", "params": {"name": "echo", "arguments": {"second": 1}}})
	s.seen()
	replies = [m for m in s.other if m.get("id") == 70]
	ok(len(replies) == 1 and error_code(replies[0]) == -32600, "an id in use cannot be used again", repr(s.other))
	s.other = []
	s.send({"jsonrpc": "2.0", "id": "70", "method": "tools/call", "params": {"name": "echo", "arguments": {"other": "type"}}})
	m = s.reply("70")
	ok("type" in text_of(m), "the same as a text is another id", repr(m))
	ok(not any(b'"second":1' in line for line in s.seen()), "the second request never reached the server")
	emit_call(s, 71, answer(b"70") + answer(b"71"))
	until_fence(s)
	s.send({"jsonrpc": "2.0", "id": 70, "method": "tools/call", "params": {"name": "echo", "arguments": {"again": 1}}})
	m = s.reply(70)
	ok("again" in text_of(m), "once it is answered, it can", repr(m))


def order(s):
	"""Answers in any order."""
	for i in range(80, 90):
		s.send({"jsonrpc": "2.0", "id": i, "method": "tools/call", "params": {"name": "silent"}})
	emit_call(s, 90, b"".join(answer(b"%d" % i) for i in (84, 80, 89, 81, 88, 82, 87, 83, 86, 85, 90)))
	is_eq([parsed(x)["id"] for x in until_fence(s)], [84, 80, 89, 81, 88, 82, 87, 83, 86, 85, 90], "answers may come in any order")


def cancelled(s):
	s.send({"jsonrpc": "2.0", "id": 91, "method": "tools/call", "params": {"name": "silent"}})
	s.send({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 91, "reason": "test"}})
	ok(any(b"notifications/cancelled" in x for x in s.seen()), "a cancellation reaches the server")
	ok(s.alive(), "the session works on")


def reverse(s):
	"""Requests of the server, and the client's answers to them."""
	s.emit(b'{"jsonrpc":"2.0","id":5,"method":"ping"}\n')
	asked = [m for m in s.other if m.get("method") == "ping"]
	s.other = []
	ok(len(asked) == 1 and asked[0]["id"] == 5, "a request of the server reaches the client", repr(asked))
	s.seen()
	pong = '{"jsonrpc":"2.0","id":%s,"result":{"_meta":{"pong":1}}}'
	for token in ('"5"', "6", "5.0"):
		s.send((pong % token).encode())
	ok(not any(b'"pong":1' in x for x in s.seen()), "an answer with another id does not reach the server")
	s.send((pong % "5").encode())
	s.send((pong % "5").encode())
	is_eq([x for x in s.seen() if b"pong" in x], [(pong % "5").encode()], "the answer to it does, once")
	s.send({"jsonrpc": "2.0", "id": 5, "method": "ping"})
	ok(s.reply(5) is not None, "ids of the two directions do not meet")


with Session() as session:
	for test in (wrong_tokens, strings, once, in_use, order, cancelled, reverse):
		session.other = []
		test(session)
	session.end()
	reasons = {json.dumps(e.get("reason")) for e in session.audit() if e.get("event") == "refused"}
	ok(any("no request waits for" in r for r in reasons), "unsolicited answers are in the audit log", repr(reasons))

done_testing()
