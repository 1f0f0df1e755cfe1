#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The user's text command: it sees every text, may pass, replace and block it, and nothing passes when it fails in whatever way."""

import json
import os
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import Session, is_tool_error, require_mcpcage, text_of
from tap import done_testing, is_eq, ok

require_mcpcage()

FOLDER = tempfile.mkdtemp(prefix="mcpcage-test-")

HEAD = """#!/usr/bin/python3
import json, os, sys, time
def say(m):
	print(json.dumps(m), flush=True)
for line in sys.stdin:
	m = json.loads(line)
	with open(sys.argv[0] + ".log", "a") as f:
		f.write(line)
	texts, ident = m["texts"], m["id"]
"""

COMMANDS = {
	"good": """
	if any("forbidden" in t for t in texts):
		say({"id": ident, "verdict": "block", "reason": "a forb\\u200bidden word"})
	elif any("change" in t for t in texts):
		say({"id": ident, "verdict": "replace", "texts": [t.replace("change", "new\\u202e \\"word\\"") for t in texts]})
	else:
		say({"id": ident, "verdict": "pass"})
""",
	"slow": """
	time.sleep(60 if any("probe" in t for t in texts) else 0)
	say({"id": ident, "verdict": "pass"})
""",
	"dying": """
	if any("probe" in t for t in texts):
		os._exit(3)
	say({"id": ident, "verdict": "pass"})
""",
	"garbage": """
	print("what?" if any("probe" in t for t in texts) else json.dumps({"id": ident, "verdict": "pass"}), flush=True)
""",
	"other id": """
	say({"id": ident + (1 if any("probe" in t for t in texts) else 0), "verdict": "pass"})
""",
	"no verdict": """
	say({"id": ident, "verdict": "maybe" if any("probe" in t for t in texts) else "pass"})
""",
	"too few texts": """
	say({"id": ident, "verdict": "replace", "texts": texts[1:]} if any("probe" in t for t in texts) else {"id": ident, "verdict": "pass"})
""",
	"no newline": """
	if any("probe" in t for t in texts):
		while True:
			os.write(1, b" " * 65536)
	say({"id": ident, "verdict": "pass"})
""",
	"twice": """
	say({"id": ident, "verdict": "pass"})
	if any("probe" in t for t in texts):
		say({"id": ident, "verdict": "pass"})
""",
}


def session(name, timeout="5s", body=None):
	script = os.path.join(FOLDER, name.replace(" ", "-"))
	with open(script, "w", encoding="utf-8") as f:
		f.write(HEAD + (body or COMMANDS[name]))
	os.chmod(script, 0o755)
	policy = script + ".json"
	with open(policy, "w", encoding="utf-8") as f:
		json.dump({"text": {"timeout": timeout}, "limits": {"message_size": "1M"}}, f)
	return Session(["--policy", policy, "--filter-command", script]), script + ".log"


def answer(s, text):
	data = json.dumps({"jsonrpc": "2.0", "id": "@ID@", "result": {"content": [{"type": "text", "text": text}]}}).encode()
	return s.reply(s.emit_mute(data.replace(b'"@ID@"', b"@ID@") + b"\n"))


def works():
	s, log = session("good")
	with s:
		m = answer(s, "nothing to see")
		is_eq(text_of(m), "nothing to see", "a text passes")
		m = answer(s, "please change this")
		is_eq(text_of(m), 'please new "word" this', "a text is replaced, and cleaned")
		m = answer(s, "a forbidden thing")
		ok(is_tool_error(m) and "a forbidden word" in text_of(m) and "thing" not in text_of(m), "a text is blocked, with the reason", text_of(m))
		s.seen()
		m = s.call("echo", {"a": "this is forbidden"})
		ok(is_tool_error(m) and "do not try it again" in text_of(m), "a call is blocked", text_of(m))
		m = s.call("echo", {"a": "change", "n": 1.50})
		ok('"a": "new \\"word\\""' in text_of(m) and "1.5" in text_of(m), "an argument is replaced", text_of(m))
		ok(not any(b"forbidden" in x for x in s.seen()), "what was blocked did not reach the server")
		# Many at once, both ways.
		idents = []
		for i in range(50):
			idents.append(s.new_id())
			s.send({"jsonrpc": "2.0", "id": idents[-1], "method": "tools/call", "params": {"name": "echo", "arguments": {"i": f"x{i}"}}})
		ok(all(f"x{i}" in text_of(s.reply(ident)) for i, ident in enumerate(idents)), "many calls, each with its own answer")
		s.call("emit", {"b64": ""})
		s.end()
		with open(log, encoding="utf-8") as f:
			asked = [json.loads(x) for x in f]
		ok(any(q["where"] == "description" and q["method"] == "tools/list" and "echo" in q["texts"] for q in asked), "it saw the list of tools")
		ok(any(q["where"] == "argument" and q["subject"] == "echo" and "this is forbidden" in q["texts"] for q in asked), "and arguments")
		ok(any(q["where"] == "result" and q["subject"] == "emit" and "nothing to see" in q["texts"] for q in asked), "and results")
		got = [(e["where"], e["reason"], e.get("failed")) for e in s.audit() if e.get("event") == "text command" and "where" in e]
		is_eq(got, [("result", "block", None), ("argument", "block", None)], "the log has what it blocked")


def big():
	s, _ = session("big", body=COMMANDS["good"])
	with s:
		text = "a line of text, \u00e9\u00e8 \n" * 20000
		is_eq(text_of(answer(s, text)) == text, True, "a large text passes, larger than any pipe")
		ok(text_of(answer(s, text + "change")).endswith('new "word"'), "and is replaced")


def fails(name, words, timeout="5s"):
	s, _ = session(name, timeout)
	with s:
		is_eq(text_of(answer(s, "harmless")), "harmless", f"{name}: it works at first")
		m = answer(s, "the probe")
		ok(is_tool_error(m) and "text command" in text_of(m) and "the probe" not in json.dumps(m) or name == "twice", f"{name}: the message is refused", repr(m)[:300])
		m = answer(s, "harmless")
		ok(is_tool_error(m) and "harmless" not in json.dumps(m), f"{name}: so is everything after it", repr(m)[:300])
		m = s.call("echo", {"a": "b"})
		ok(is_tool_error(m), f"{name}: and every call")
		ok(s.process.poll() is None, f"{name}: the session is still there")
		s.end()
		failed = [e["reason"] for e in s.audit() if e.get("event") == "text command" and e.get("failed")]
		ok(any(words in x for x in failed), f"{name}: the log says why", repr(failed))
		ok(b"text command failed" in s.stderr, f"{name}: and the person is told", repr(s.stderr[-500:]))


def missing():
	s = Session(["--filter-command", "/nonexistent/judge"], handshake=False)
	is_eq(s.wait(), 125, "a command that does not exist: no session")
	s.close()


works()
big()
fails("slow", "in time", "300ms")
fails("dying", "it has ended")
fails("garbage", "not understood")
fails("other id", "not understood")
fails("no verdict", "not understood")
fails("too few texts", "does not fit")
fails("no newline", "too long", "20s")
fails("twice", "")
missing()
shutil.rmtree(FOLDER)
done_testing()
