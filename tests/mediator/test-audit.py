#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The audit log: one JSON object a line, from start to end, and no secret in it."""

import json
import os
import stat
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import Session, require_mcpcage, strict_object
from tap import done_testing, is_eq, ok

require_mcpcage()

SECRET = "hunter2-" + os.urandom(6).hex()

with Session(["--deny-tool", "big", "--env", f"API_KEY={SECRET}", "--env", "PASSED_ON", "--call-timeout", "400ms"],
	     env={**os.environ, "PASSED_ON": SECRET + "2"}) as s:
	s.call("echo", {"password": SECRET + "3", "text": "x" * 5000})
	s.call("big")
	s.call("late", {"ms": 700})
	s.send(b'{"jsonrpc":"2.0","id":1,"method":"ping","method":"ping"}')
	s.send(b'{"jsonrpc":"2.0","id":1,"method":"' + b'x\\u0007\\"' * 10 + b'","method":"ping"}')
	s.emit(b'{"jsonrpc":"2.0","id":"nobody","result":{}}\nnoise\n')
	is_eq(s.end(), 0, "the session ends well")
	with open(s.audit_file, "rb") as f:
		raw = f.read()
	mode = stat.S_IMODE(os.stat(s.audit_file).st_mode)
	is_eq(mode & 0o077, 0, "nobody else can read the log")
	ok(raw.endswith(b"\n"), "it ends with a whole line")
	events = []
	for line in raw[:-1].split(b"\n"):
		try:
			events.append(json.loads(line, object_pairs_hook=strict_object))
		except ValueError as e:
			ok(False, "each line is one JSON object", f"{e}: {line!r:.300}")
	ok(all(isinstance(e, dict) for e in events), "each line is one JSON object")
	ok(not any(b < 32 and b != 10 for b in raw) and raw.isascii() or raw.decode("utf-8"), "of valid text")
	kinds = [e.get("event") for e in events]
	ok(all(isinstance(k, str) for k in kinds) and all("time" in e and "session" in e for e in events),
	   "each has a time, a session and an event", repr(kinds))
	is_eq(len({e["session"] for e in events}), 1, "all are of one session")
	is_eq((kinds[0], kinds[-1]), ("start", "end"), "the first is the start and the last the end")

	start, end = events[0], events[-1]
	ok(isinstance(start["plan"], dict) and start["plan"], "the start has the effective plan")
	ok({"userns", "seccomp"} <= set(start["layers"]), "and the layers that are active", repr(start["layers"]))
	ok(isinstance(start["missing"], list), "and those that are missing", repr(start.get("missing")))
	ok("landlock" in start["layers"] or start["missing"], "none is missing in silence")

	calls = {e["tool"]: e for e in events if e["event"] == "call"}
	ok({"echo", "big", "late", "emit"} <= set(calls), "each call is there", repr(sorted(calls)))
	echo = calls["echo"]
	ok(echo["verdict"] == "allow" and echo["request_bytes"] > 5000 and echo["reply_bytes"] > 5000 and echo["duration_ms"] >= 0,
	   "with its verdict, duration and sizes", repr(echo))
	ok(calls["big"]["verdict"] == "deny" and calls["big"]["rule"] == "big", "a denied one with the rule", repr(calls["big"]))
	ok(calls["late"]["end"] != echo["end"] and calls["late"]["duration_ms"] >= 390, "one past its deadline as such", repr(calls["late"]))
	refused = [e for e in events if e["event"] == "refused"]
	ok(len([e for e in refused if e["from"] == "client"]) == 2, "each refusal of the client's lines", repr(refused))
	ok(any(e["from"] == "server" for e in refused), "and of the server's", repr(refused))
	ok(all(e.get("reason") for e in refused), "with the reason")

	is_eq(end["status"], 0, "the end has the status")
	ok(end["duration_ms"] > 0 and isinstance(end["usage"], dict) and end["usage"]["cpu_us"] > 0, "and what was used", repr(end))
	ok(end["noise_lines"] >= 1, "and how much noise there was", repr(end))

	ok(SECRET.encode() not in raw, "no value of a variable and no argument of a call is in it")
	ok(b"API_KEY" in raw, "while the name of the variable is")

with Session(audit=False) as s:
	ok(s.alive(), "without a log a session works")
	s.end()
	ok(not os.path.exists(s.audit_file), "and writes none")

with Session() as s:
	s.process.kill()
	s.process.wait()
	ok([e["event"] for e in s.audit()] != [], "what was logged before mcpcage was killed is there")

done_testing()
