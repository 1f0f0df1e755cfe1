#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every attack in tests/mediator/attacks, and beside each its benign twin, which must pass.

A file there is one attack:

	about		what the attacker wants
	attack, twin	the two plays; what both have in common stands beside them and is merged, the play's own winning

A play:
	options		of mcpcage; "@DIR@" is a folder of the play's own
	policy		keys of a policy file for this play
	capabilities	what the client declares
	modern		true: the stateless version; no handshake
	sessions	one after the other with the same state; each has what follows. A play of one session has it itself
	server		the part of tests/mediator/actor.py
	answers		what the client answers to the server's requests, by method: {"result": ...} or {"error": ...}
	steps		what the client does, and what must come of it

A step is one of
	call NAME [arguments]	list tools|prompts|resources|templates [cursor]	request {method, params}	notify {method, params}
	raw TEXT|{"hex"}	a line as it is; with "id" it waits for the answer to that id
	pause MILLISECONDS
and what must come of it:
	ok		an answer that is no refusal
	refused		true: a tool error or an error of ours, or "tool", or a code; or "none": no answer within the time of a ping
	shows		exactly these names in a list
	has, lacks	texts in the answer

And of the whole session:
	client_never	texts of the server that must not reach the client. That the server has said them is asserted, too
	client_gets	texts that must
	server_never	texts of the client that must not reach the server. That the client has sent them is asserted, too
	server_gets	texts that must
	audit		events, or parts of them, that the audit log must have
	audit_never	that it must not
Texts are looked for in the bytes and in what they decode to. A session must be alive at its end, unless "ends" is true.
"""

import glob
import json
import os
import re
import shutil
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from harness import PYTHON, Session, Timeout, error_code, is_tool_error, parsed, require_mcpcage
from tap import done_testing, ok

require_mcpcage()

ACTOR = os.path.join(HERE, "actor.py")
META = {"io.modelcontextprotocol/protocolVersion": "2026-07-28",
	"io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"}}
LISTS = {"tools": ("tools/list", "tools", "name"), "prompts": ("prompts/list", "prompts", "name"),
	 "resources": ("resources/list", "resources", "uri"),
	 "templates": ("resources/templates/list", "resourceTemplates", "uriTemplate")}


def decoded(data):
	"""All strings of all lines, and the lines: where a text is looked for."""
	found = [data.decode("utf-8", "replace")]

	def walk(v):
		if isinstance(v, str):
			found.append(v)
		elif isinstance(v, list):
			for x in v:
				walk(x)
		elif isinstance(v, dict):
			for k, x in v.items():
				found.append(k)
				walk(x)

	for line in data.split(b"\n"):
		try:
			walk(json.loads(line))
		except (ValueError, RecursionError):
			pass
	return "\ue000".join(found)


def part_of(event, want):
	"""WANT's members are EVENT's; a text that begins with ~ has to be in it."""
	if isinstance(want, dict):
		return isinstance(event, dict) and all(k in event and part_of(event[k], v) for k, v in want.items())
	if isinstance(want, str) and want.startswith("~"):
		return isinstance(event, str) and want[1:] in event
	return event == want


class Client(Session):
	"""Answers the server's requests as the play says, remembers what it sent."""

	def __init__(self, play, options, command, state):
		self.play = play
		self.sent = b""
		self.capabilities = play.get("capabilities", {})
		super().__init__(options, command, handshake=False, state=state)

	def write(self, data):
		self.sent += data
		super().write(data)

	def line(self, timeout=20.0):
		raw = super().line(timeout)
		m = parsed(raw) if raw else {}
		if "method" in m and "id" in m:
			answer = self.play.get("answers", {}).get(m["method"])
			self.send({"jsonrpc": "2.0", "id": m["id"],
				   **(answer or {"error": {"code": -32601, "message": "Method not found"}})})
		return raw

	def request(self, method, params=None, timeout=20.0):
		if self.play.get("modern"):
			params = dict(params or {})
			params["_meta"] = {**META, "io.modelcontextprotocol/clientCapabilities": self.capabilities, **params.get("_meta", {})}
		return super().request(method, params, timeout)

	def greet(self):
		if self.play.get("modern"):
			return
		r = self.request("initialize", {"protocolVersion": self.play.get("version", "2025-06-18"),
						"capabilities": self.capabilities, "clientInfo": {"name": "test", "version": "1"}})
		if r is None:
			raise Timeout(f"no handshake; standard error: {self.stderr[-1000:]!r}")
		self.send({"jsonrpc": "2.0", "method": "notifications/initialized"})


def put_in(value, folder):
	if isinstance(value, str):
		value = re.sub("@FILL ([0-9]+)@", lambda m: "f" * int(m.group(1)), value)
		return value.replace("@DIR@", folder)
	if isinstance(value, list):
		return [put_in(v, folder) for v in value]
	if isinstance(value, dict):
		return {k: put_in(v, folder) for k, v in value.items()}
	return value


def do(s, step):
	"""The answer, None for none."""
	if "call" in step:
		return s.request("tools/call", {"name": step["call"], "arguments": step.get("arguments", {}), **step.get("params", {})})
	if "list" in step:
		return s.request(LISTS[step["list"]][0], {"cursor": step["cursor"]} if "cursor" in step else None)
	if "request" in step:
		return s.request(step["request"]["method"], step["request"].get("params"))
	if "notify" in step:
		s.send({"jsonrpc": "2.0", **step["notify"]})
	elif "raw" in step:
		raw = step["raw"]
		s.write((bytes.fromhex(raw["hex"]) if isinstance(raw, dict) else raw.encode()) + b"\n")
		if "id" in step and step.get("refused") != "none":
			return s.reply(step["id"])
	elif "pause" in step:
		s.request("ping")
		time.sleep(step["pause"] / 1000)
		return None
	# The other side answers in order: what was to come has come when this is answered.
	s.request("ping")
	if "id" in step:
		return next((m for m in s.other if "method" not in m and m.get("id") == step["id"]), None)
	return None


def is_refused(reply, how):
	if how == "none":
		return reply is None
	if reply is None:
		return False
	if how is True:
		return is_tool_error(reply) or "error" in reply
	return is_tool_error(reply) if how == "tool" else error_code(reply) == how


def judge(what, s, step, reply):
	label = f"{what}: {step.get('say') or next(str(step[k])[:60] for k in ('call', 'list', 'request', 'notify', 'raw', 'pause') if k in step)}"
	text = json.dumps(reply, ensure_ascii=False) if reply is not None else ""
	show = (text or repr([json.dumps(m)[:300] for m in s.other[-3:]]))[:700]
	if "refused" in step:
		ok(is_refused(reply, step["refused"]), f"{label}: is refused", show)
	elif step.get("ok"):
		ok(reply is not None and "error" not in reply and not is_tool_error(reply), f"{label}: passes", show)
	if "shows" in step:
		_, member, name = LISTS[step["list"]]
		names = [i.get(name) for i in (reply or {}).get("result", {}).get(member, [])]
		ok(names == step["shows"], f"{label}: shows {step['shows']}", show)
	for t in step.get("has", []):
		ok(t in text, f"{label}: has {t[:60]!r}", show)
	for t in step.get("lacks", []):
		ok(reply is not None and t not in text, f"{label}: lacks {t[:60]!r}", show)


def texts(what, wanted, unwanted, got, said):
	for t in wanted:
		ok(t in got, f"{what} gets {t[:60]!r}", got[-700:])
	for t in unwanted:
		ok(t in said, f"the attack took place: {t[:60]!r} was sent", said[-700:])
		ok(t not in got, f"{what} never gets {t[:60]!r}", got[max(0, got.find(t) - 200):][:400])


def read(path):
	try:
		with open(path, "rb") as f:
			return f.read()
	except OSError:
		return b""


def run_session(what, play, folder, state):
	play = put_in(play, folder)
	for name in ("seen", "said"):
		with open(os.path.join(folder, name), "wb"):
			pass
	with open(os.path.join(folder, "part.json"), "w", encoding="utf-8") as f:
		json.dump(play.get("server", {}), f)
	options = ["--rw", folder, *play.get("options", [])]
	if "policy" in play:
		with open(os.path.join(state, "policy.json"), "w", encoding="utf-8") as f:
			json.dump(play["policy"], f)
		os.chmod(f.name, 0o600)
		options += ["--policy", f.name]
	with Client(play, options, [PYTHON, ACTOR, folder], state) as s:
		try:
			s.greet()
			for step in play.get("steps", []):
				judge(what, s, step, do(s, step))
			if not play.get("ends"):
				ok(s.request("ping") is not None, f"{what}: the session goes on", repr(s.stderr[-700:]))
		except (Timeout, OSError) as e:
			ok(False, f"{what}: {e}", repr(s.stderr[-700:]))
		s.end()
		audit = s.audit()
		if os.environ.get("ATTACKS_SHOW"):
			print("# sent", s.sent, "\n# raw", s.raw, "\n# stderr", s.stderr)
			for e in audit:
				print("#", json.dumps(e)[:600])
		seen, said = decoded(read(os.path.join(folder, "seen"))), decoded(read(os.path.join(folder, "said")))
		texts(f"{what}: the client", play.get("client_gets", []), play.get("client_never", []), decoded(s.raw), said)
		texts(f"{what}: the server", play.get("server_gets", []), play.get("server_never", []), seen, decoded(s.sent))
		shown = "\n".join(json.dumps(e)[:300] for e in audit if e.get("event") != "start")
		for want in play.get("audit", []):
			ok(any(part_of(e, want) for e in audit), f"{what}: the audit log has {json.dumps(want)}", shown)
		for want in play.get("audit_never", []):
			ok(not any(part_of(e, want) for e in audit), f"{what}: the audit log has no {json.dumps(want)}", shown)


def merged(base, over):
	if isinstance(base, dict) and isinstance(over, dict):
		return {**base, **{k: merged(base[k], v) if k in base else v for k, v in over.items()}}
	return over


def run(path):
	name = os.path.basename(path)[:-5]
	with open(path, encoding="utf-8") as f:
		whole = json.load(f)
	common = {k: v for k, v in whole.items() if k not in ("about", "attack", "twin")}
	ok("attack" in whole and "twin" in whole and whole.get("about"), f"{name}: has an attack, a twin and a reason")
	for kind in ("attack", "twin"):
		play = merged(common, whole.get(kind, {}))
		sessions = play.pop("sessions", [{}])
		folder, state = tempfile.mkdtemp(prefix="mcpcage-attack-"), tempfile.mkdtemp(prefix="mcpcage-state-")
		try:
			for n, session in enumerate(sessions):
				what = f"{name}, {kind}" + (f", session {n + 1}" if len(sessions) > 1 else "")
				run_session(what, merged(play, session), folder, state)
		finally:
			shutil.rmtree(folder, ignore_errors=True)
			shutil.rmtree(state, ignore_errors=True)


files = sys.argv[1:] or sorted(glob.glob(os.path.join(HERE, "attacks", "*.json")))
ok(len(files) > 0, "there are attacks")
for file in files:
	run(file)
done_testing()
