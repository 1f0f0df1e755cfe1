#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a server prints that is no message goes to standard error, cleaned; standard error is drained and bounded."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import Session, parsed, require_mcpcage
from tap import done_testing, is_eq, ok

require_mcpcage()


def clean(data):
	return not any(b < 32 and b not in (9, 10) or b == 127 for b in data)


def noise(s):
	for name, line, shown in (
		("a print", b"starting up, please wait", b"starting up, please wait"),
		("a number", b"42", b"42"),
		("a JSON text", b'"just a text"', b"just a text"),
		("a colour", b"\x1b[31mred\x1b[0m alert", b"red alert"),
		("a window title", b"\x1b]0;pwned\x07title", b"title"),
		("a carriage return", b"good\rbad", b"bad"),
		("invalid UTF-8", b"caf\xe9 time", b" time"),
		("hidden text", "a\u200bb\u202ec\U000e0041d".encode(), b"abcd"),
		("NUL", b"nul\0nul", b"nulnul"),
	):
		s.stderr = b""
		m = s.emit(line + b"\n")
		ok(m is not None and s.other == [], f"{name} does not reach the client", repr(s.other))
		s.other = []
		ok(s.wait_stderr(shown), f"{name} goes to standard error", repr(s.stderr))
		ok(clean(s.stderr), f"{name} is cleaned", repr(s.stderr))


def wrapped(s):
	"""Noise around messages costs no message."""
	message = b'{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":1}}'
	ident = s.emit_mute(b"noise\n" + message + b"\nmore noise\n\n" + message + b'\n{"jsonrpc":"2.0","id":@ID@,"result":{}}\n')
	is_eq([s.line() for _ in range(2)], [message, message], "messages between noise pass")
	is_eq(parsed(s.line()).get("id"), ident, "and the answer behind it")


def unfinished(s):
	s.stderr = b""
	s.emit(b"no newline at the end")
	# the server's own answer follows on the same line, so it is lost with the noise: the call must not hang for ever


def objects(s):
	"""Looks like a message, is none."""
	for name, line in (
		("an object of a log library", b'{"level":30,"time":1,"msg":"listening"}'),
		("an array", b'["a","b"]'),
		("half an object", b'{"jsonrpc":"2.0","method":'),
		("a banner in brackets", b"[INFO] server started"),
		("a banner in braces", b"{starting}"),
	):
		s.other = []
		s.emit(line + b"\n")
		is_eq(s.other, [], f"{name} does not reach the client")
	s.stderr = b""
	s.emit(b"[INFO] two words\n")
	ok(s.wait_stderr(b"INFO"), "a banner in brackets is shown to the person", repr(s.stderr))


def flood(s):
	"""The server writes much more to standard error than a pipe holds, before it answers."""
	s.stderr = b""
	m = s.call("flood", {"fd": 2, "bytes": 20 << 20}, timeout=60)
	ok(m is not None, "20 MiB on standard error do not stop the answer")
	ok(s.alive(), "the session works on")
	ok(0 < len(s.stderr) < 8 << 20, f"what the client is shown of it is bounded", f"{len(s.stderr)} bytes")


def one_line(s):
	m = s.emit(b"x" * (5 << 20) + b"\n", fd=2)
	ok(m is not None, "a line of 5 MiB on standard error does not stop the answer")
	m = s.emit(b"y" * (5 << 20) + b"\n", fd=1)
	ok(m is not None and s.other == [], "nor a line of 5 MiB of noise", repr(s.other)[:300])
	m = s.call("flood", {"fd": 1, "bytes": 20 << 20}, timeout=60)
	ok(m is not None and s.other == [], "nor 20 MiB of lines of noise", repr(s.other)[:300])
	ok(s.alive(), "the session works on")


def passed_on(s):
	s.stderr = b""
	s.emit(b"a plain line\n\twith a tab, \xc3\xa9 and \xe2\x82\xac\n", fd=2)
	ok(s.wait_stderr("\twith a tab, é and €\n".encode()) and b"a plain line\n" in s.stderr,
	   "ordinary lines of standard error are passed on as they are", repr(s.stderr))
	s.stderr = b""
	s.emit(b"\x1b[1;31mERROR\x1b[0m: \x9b31m bell\x07 end\n", fd=2)
	ok(s.wait_stderr(b"end") and clean(s.stderr), "escape sequences are taken out", repr(s.stderr))
	s.stderr = b""
	s.emit(b"mcpcage: this is not mcpcage speaking\n", fd=2)
	s.wait_stderr(b"speaking")
	ok(b"speaking" in s.stderr, "whatever it says is shown", repr(s.stderr))


with Session() as session:
	for test in (passed_on, noise, wrapped, objects):
		session.other = []
		test(session)
	session.end()

with Session() as session:
	flood(session)
	session.other = []
	one_line(session)

with Session(["--call-timeout", "500ms"]) as session:
	unfinished(session)
	ok(session.alive(), "a print without a newline costs one answer, not the session")

# A client that has closed standard error, and one that never reads it.
with Session(handshake=False, read_stderr=False) as session:
	session.process.stderr.close()
	session.handshake()
	ok(session.emit(b"x" * 100000 + b"\n", fd=2) is not None, "a client that has closed standard error is served")
	ok(session.alive(), "and the session works on")
with Session(read_stderr=False) as session:
	ok(session.call("flood", {"fd": 2, "bytes": 4 << 20}) is not None, "a client that never reads standard error is served")
	ok(session.alive(), "and the session works on")

done_testing()
