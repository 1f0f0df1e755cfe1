#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Hosts that a session gets while it runs: by mcpcage grant, and by a person who is asked (network.default: ask)."""

import json
import os
import re
import stat
import subprocess
import sys
import tempfile
import time

sys.path[:0] = [os.path.dirname(os.path.abspath(__file__)), os.path.join(os.environ["top_srcdir"], "tests")]
from tap import done_testing, is_eq, ok
from world import OTHER, PUBLIC, World

import harness  # found by way of world

world = World()
runtime = os.path.join(world.folder, "runtime")
os.mkdir(runtime, 0o700)
ENV = {**os.environ, "XDG_RUNTIME_DIR": runtime, "XDG_CONFIG_HOME": os.path.join(world.folder, "config")}
NAME, SECOND = "v4.good.example", "api.other.example"


def command(*words):
	done = subprocess.run([harness.MCPCAGE, *words], env=ENV, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
			      stderr=subprocess.PIPE, text=True, timeout=60)
	return done.returncode, done.stdout, done.stderr


def session(s):
	"""Which of those that run S is."""
	found = json.loads(command("ps", "--json")[1])["sessions"]
	return next((f for f in found if f["pid"] == s.process.pid), None)


def grant(s, *words):
	return command("grant", session(s)["id"], *words)


def get(s, name=NAME):
	return s.act("get", url=f"https://{name}/", ca=world.ca).get("body")


HELLO = "hello from the internet\n"


def granted():
	with world.session(["--grant-hosts"], env=ENV) as s:
		ok(s.until(lambda: session(s)) and session(s)["hosts"], "a session without hosts can be ready for them")
		ok(s.act("resolve", name=NAME).get("error"), "no name is there")
		status, out, err = grant(s, "--host", NAME, "--for", "1h", "--json")
		ok(status == 0 and json.loads(out)["what"].startswith(NAME), "a host is granted", out + err)
		is_eq(get(s), HELLO, "and reached at once")
		ok(s.act("resolve", name=SECOND).get("error"), "others are not")
		opened = s.act("open", host=NAME, port=443)
		ok("number" in opened, "a connection is open", opened)
		status, _, err = command("revoke", session(s)["id"], "--all")
		ok(status == 0, "it is revoked", err)
		kept = s.act("kept", number=opened.get("number", 0), read=10, timeout=5)
		ok(kept.get("how") in ("end", "ECONNRESET", "EOF") or kept.get("got") == "", "the connection is cut", kept)
		ok(s.act("resolve", name=NAME).get("error") or get(s) != HELLO, "nothing is reached any more")
		is_eq(session(s)["grants"], [], "and nothing is listed")
		ended = s.until(lambda: s.records(event="grant ended"))
		ok(ended and ended[0]["reason"] == "revoked" and ended[0]["kind"] == "host" and ended[0]["connections_cut"] >= 1,
		   "the audit log has it, with the connections that were cut", ended)
		ok(any(c.get("grant") == 1 for c in s.records(event="connection")), "and with each connection the grant that allowed it")

		start = time.monotonic()
		is_eq(grant(s, "--host", NAME, "--for", "3s")[0], 0, "for three seconds")
		is_eq(get(s), HELLO, "it is reached")
		gone = s.until(lambda: session(s)["grants"] == [], 20)
		ok(gone and time.monotonic() - start > 2.9, "and its time is over")
		ok(get(s) != HELLO, "then not")
		is_eq([e["reason"] for e in s.records(event="grant ended")], ["revoked", "expired"], "which is in the audit log")

		for words, says, name in ((("--host", f"{NAME}:8080"), "no socket for port 8080", "a port without a socket"),
					  (("--host", PUBLIC), "not addresses", "an address"),
					  (("--host", "no host"), "no host", "what is no name"),
					  (("--host", NAME, "--for", "2h"), "1h at most", "too much time")):
			status, out, err = grant(s, *words)
			ok(status == 125 and says in err, f"refused: {name}", err)
		is_eq(grant(s, "--host", "lan.example")[0], 0, "a name that leads to a private address can be granted")
		ok(s.act("tcp", host="lan.example", port=443, read=1).get("got", "") == "" and not world.internet.to("192.168.77.9", 443),
		   "and is not followed there")

	with world.session(env=ENV) as s:
		s.until(lambda: session(s))
		status, _, err = grant(s, "--host", NAME)
		ok(status == 125 and "--grant-hosts" in err and not session(s)["hosts"], "a session without network says how it could have it", err)

	with world.session(["--allow-host", f"{SECOND}:443,8443"], env=ENV) as s:
		s.until(lambda: session(s))
		is_eq(get(s, SECOND), HELLO, "a session with a host of its own")
		is_eq(grant(s, "--host", "*.good.example")[0], 0, "is granted a pattern")
		is_eq(get(s), HELLO, "whose names it reaches")
		is_eq(command("revoke", session(s)["id"], "1")[0], 0, "which is taken back")
		is_eq(get(s, SECOND), HELLO, "its own host stays")


# ---- asked -------------------------------------------------------------------------------------------

def helper(name, script):
	path = os.path.join(world.folder, name)
	with open(path, "w", encoding="utf-8") as f:
		f.write(f"#!/bin/sh\nin=$(cat)\nprintf '%s\\n' \"$in\" >>{path}.in\n{script}\n")
	os.chmod(path, stat.S_IRWXU)
	return path


def told(path):
	try:
		with open(path + ".in", encoding="utf-8") as f:
			return [json.loads(line) for line in f]
	except FileNotFoundError:
		return []


def policy(**network):
	path = os.path.join(world.folder, "policy.json")
	with open(path, "w", encoding="utf-8") as f:
		json.dump({"network": network, "ask": {"timeout": "4s"}}, f)
	os.chmod(path, 0o600)
	return ["--policy", path]


def asked():
	ask = policy(default="ask")
	h = helper("once", "echo once")
	with world.session([*ask, "--ask-with", h], env=ENV) as s:
		is_eq(get(s), HELLO, "a person says once: the name is reached")
		q = told(h)
		ok(len(q) == 1 and q[0]["host"] == NAME and q[0]["tool"] == "" and "network.default" in q[0]["reason"] and q[0]["server"],
		   "who was asked knows what about", q)
		is_eq(get(s), HELLO, "it is not asked again soon")
		is_eq(len(told(h)), 1, "once for one name")
		s.until(lambda: session(s))
		grants = session(s)["grants"]
		ok(len(grants) == 1 and grants[0]["until"], "what was allowed is listed, with its end", grants)
		is_eq(command("revoke", session(s)["id"], "--all")[0], 0, "and can be revoked")
		ok([(e["host"], e["answer"]) for e in s.records(event="ask")] == [(NAME, "once")], "the answer is in the audit log")

	h = helper("session", "echo session")
	with world.session([*ask, "--ask-with", h], env=ENV) as s:
		is_eq(get(s), HELLO, "for the session")
		s.until(lambda: session(s))
		ok([g["until"] for g in session(s)["grants"]] == [None], "it has no end of its own")

	state = os.path.join(world.folder, "state")
	h = helper("always", "echo always")
	for n in (1, 1):
		with world.session([*ask, "--ask-with", h, "--pins-name", "always"], env=ENV, state=state) as s:
			is_eq(get(s), HELLO, "always")
			is_eq(len(told(h)), n, "is asked about once")
	status, out, err = command("approvals", "--state", state, "list")
	ok(status == 0 and re.search(f"host:{NAME} +always, until 2", out), "approvals lists it, with its end", out + err)
	status, _, err = command("approvals", "--state", state, "revoke", "always", f"host:{NAME}")
	ok(status == 0, "and takes it back", err)
	with world.session([*ask, "--ask-with", h, "--pins-name", "always"], env=ENV, state=state) as s:
		is_eq(get(s), HELLO, "then")
		is_eq(len(told(h)), 2, "it is asked about again")

	h = helper("no", "echo no")
	with world.session([*ask, "--ask-with", h], env=ENV) as s:
		before = len(world.internet.connections)
		ok(s.act("resolve", name=NAME).get("error") == "EAI_NONAME", "no is no: there is no such name")
		ok(s.act("resolve", name=NAME).get("error") and len(told(h)) == 1, "and nobody is asked twice about it")
		for i in range(12):
			s.act("resolve", name=f"a{i}.good.example")
		ok(len(told(h)) == 5, "after five refusals in a row nobody is asked for a while", len(told(h)))
		is_eq(len(world.internet.connections), before, "nothing was connected to")

	for name, script in (("silent", "sleep 60"), ("wrong", "echo yes"), ("broken", "exit 1")):
		h = helper(name, script)
		with world.session([*ask, "--ask-with", h], env=ENV) as s:
			ok(s.act("resolve", name=NAME, patience=90).get("error"), f"{name}: there is no such name")
			ok(s.until(lambda s=s: s.records(event="ask")), f"{name}: it was asked")

	with world.session(ask, env=ENV) as s:
		ok(s.act("resolve", name=NAME, patience=90).get("error"), "with nobody to ask, there is no such name")
		ok(not any("elicitation" in json.dumps(m) for m in s.other if m is not None), "and the client is not asked")


granted()
asked()
done_testing()
