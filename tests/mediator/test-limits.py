#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Rates and concurrency of rules; every alarm with every measure; the command that alarms run."""

import json
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from asking import ELICITS, Client, Folder
from harness import is_tool_error, require_mcpcage, text_of
from tap import done_testing, is_eq, ok

require_mcpcage()


def allowed(m):
	return m is not None and "result" in m and not is_tool_error(m)


def rules():
	with Folder() as d:
		policy = d.policy(tools={"rules": [{"tool": "e[cx]*", "verdict": "allow", "rate": 3},
						   {"tool": "late", "verdict": "allow", "concurrency": 2}]})
		with Client(policy) as s:
			ok(all(allowed(s.call("echo", {"n": n})) for n in range(3)), "as many calls a minute as the rule says")
			m = s.call("echo", {"n": 3})
			ok(is_tool_error(m) and "3 calls" in text_of(m) and "Try again in" in text_of(m), "and no more", m)
			seconds = int(text_of(m).rsplit("Try again in ", 1)[1].split()[0])
			ok(50 <= seconds <= 61, "it says when", text_of(m))
			ok(is_tool_error(s.call("exit")), "the rate is the rule's, for all tools that it matches")
			ok(allowed(s.call("environ")), "not for others")
			is_eq(s.reached("echo"), 3, "the server got what was allowed")

			calls = [s.begin("late", {"ms": 60000}) for _ in range(2)]
			m = s.call("late", {"ms": 0})
			ok(is_tool_error(m) and "same time" in text_of(m), "a third call at the same time is refused", m)
			s.send({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": calls[0]}})
			ok(allowed(s.call("late", {"ms": 0})), "a cancelled one makes room")
			ok(allowed(s.call("late", {"ms": 0})), "and one that ended, too")
			is_eq([e["rule"] for e in s.events("call", 10) if e["end"] == "denied"],
			      ["too many calls a minute"] * 2 + ["too many calls at the same time"], "the audit log says why")
			is_eq(s.events("alarm", 0), [], "none of this is an alarm")


def breach_calls(d, action, **more):
	return d.policy(alarms={"calls": 3, "action": action}, **more)


def note():
	with Folder() as d, Client(breach_calls(d, "note")) as s:
		ok(all(allowed(s.call("echo")) for _ in range(8)), "with note, calls go on")
		time.sleep(0.1)
		is_eq([(e["alarm"], e["tool"], e["value"], e["limit"], e["breach"]) for e in s.events("alarm")],
		      [("calls a minute", "echo", 4, 3, "note")], "the audit log has the alarm, once for what lasts")
		ok(s.wait_stderr(b"alarm: calls a minute"), "and the person is told")


def hold():
	with Folder() as d, Client(breach_calls(d, "hold")) as s:
		ok(all(allowed(s.call("echo")) for _ in range(3)), "calls within the limit pass")
		m = s.call("echo")
		ok(is_tool_error(m) and "held back" in text_of(m) and "calls a minute" in text_of(m), "with hold, the next one does not", m)
		ok(is_tool_error(s.call("environ")), "nor one of another tool")
		ok(s.request("ping") is not None and "result" in s.request("tools/list"), "other requests pass")
		is_eq([e["verdict"] for e in s.events("call", 5)], ["allow"] * 3 + ["deny"] * 2, "the server gets none of them")
		is_eq(len(s.events("alarm")), 1, "one alarm")

	with Folder() as d, Client(breach_calls(d, "hold"), ELICITS) as s:
		for _ in range(3):
			s.call("echo")
		i = s.begin("echo")
		q = s.question()
		ok("held back" in q["params"]["message"] and "where the limit is 3" in q["params"]["message"], "where a person can be asked, they are", q)
		s.say(q, "once")
		ok(allowed(s.reply(i)), "once is for this call")
		i = s.begin("echo")
		s.say(s.question(), "no")
		ok(is_tool_error(s.reply(i)), "no is no")
		i = s.begin("echo")
		s.say(s.question(), "for this session")
		ok(allowed(s.reply(i)), "for the session")
		ok(all(allowed(s.call("echo")) for _ in range(5)), "calls are held back no more")


def stop():
	with Folder() as d, Client(breach_calls(d, "stop")) as s:
		waiting = s.begin("silent")
		s.call("echo")
		s.call("echo")
		last = s.begin("echo")
		for name, i in (("the call that was too much", last), ("one that was under way", waiting)):
			m = s.reply(i)
			ok(is_tool_error(m) and "ended this session" in text_of(m) and "calls a minute" in text_of(m), f"with stop, {name} is told", m)
		is_eq(s.wait(), 124, "and the session ends with status 124")
		is_eq([e["reason"] for e in s.events("end")], ["an alarm"], "the audit log says why")
		is_eq([e["breach"] for e in s.events("alarm")], ["stop"], "and has the alarm")


def data():
	with Folder() as d:
		alarms = {"bytes": 200000}
		with Client(d.policy(alarms={**alarms, "action": "note"})) as s:
			ok(allowed(s.call("big", {"bytes": 100000})), "bytes within the limit")
			is_eq(s.events("alarm", 0), [], "are no alarm")
			ok(allowed(s.call("big", {"bytes": 100000})), "more of them")
			e, = s.events("alarm")
			ok(e["alarm"] == "bytes a minute" and e["value"] > 200000 and e["limit"] == 200000, "are", e)
		with Client(d.policy(alarms={**alarms, "action": "hold"})) as s:
			s.call("big", {"bytes": 300000})
			ok("held back" in text_of(s.call("echo")), "with hold, further calls are held back")
		with Client(d.policy(alarms={**alarms, "action": "stop"})) as s:
			s.begin("flood", {"bytes": 1000000, "fd": 1, "line": "eyJqc29ucnBjIjoiMi4wIiwibWV0aG9kIjoibm90aWZpY2F0aW9ucy90b29scy9saXN0X2NoYW5nZWQifQo="})
			is_eq(s.wait(), 124, "with stop, a flood of notifications ends the session")


def concurrency():
	with Folder() as d:
		with Client(d.policy(alarms={"concurrency": 2, "action": "note"})) as s:
			s.begin("late", {"ms": 5000})
			s.begin("late", {"ms": 5000})
			s.reply(s.begin("echo"))
			e, = s.events("alarm")
			is_eq((e["alarm"], e["value"], e["limit"]), ("calls at the same time", 3, 2), "three at the same time are an alarm")
		with Client(d.policy(alarms={"concurrency": 2, "action": "hold"})) as s:
			ok(all(allowed(s.call("echo")) for _ in range(6)), "one after the other they are none")
			s.begin("silent")
			s.begin("silent")
			ok("held back" in text_of(s.call("echo")), "with hold, the third is held back")
		with Client(d.policy(alarms={"concurrency": 1, "action": "stop"})) as s:
			i = s.begin("silent")
			ok("ended this session" in text_of(s.call("echo")), "with stop, it ends the session")
			ok("ended this session" in text_of(s.reply(i)), "and the other one is told")
			is_eq(s.wait(), 124, "status 124")


def denials():
	with Folder() as d:
		deny = ["--deny-tool", "environ"]
		with Client(deny + d.policy(alarms={"denials": 3, "action": "note"})) as s:
			for _ in range(2):
				s.call("environ")
			s.call("echo")
			for _ in range(2):
				s.call("environ")
			is_eq(s.events("alarm", 0), [], "denials that are not in a row are no alarm")
			s.call("environ")
			e, = s.events("alarm")
			is_eq((e["alarm"], e["tool"], e["value"], e["limit"]), ("denials in a row", "environ", 3, 3), "three in a row are")
			for _ in range(3):
				s.call("environ")
			is_eq(len(s.events("alarm", 2)), 2, "and three more are another")
		with Client(deny + d.policy(alarms={"denials": 2, "action": "hold"})) as s:
			s.call("environ")
			ok(allowed(s.call("echo")), "a call that is answered ends the row")
			s.call("environ")
			s.call("environ")
			ok("held back" in text_of(s.call("echo")), "with hold, also allowed calls are held back then")
		with Client(deny + d.policy(alarms={"denials": 2, "action": "stop"})) as s:
			s.call("environ")
			ok("policy denies" in text_of(s.call("environ")), "with stop, the last one is told its own reason")
			is_eq(s.wait(), 124, "and the session ends")


def growth():
	with Folder() as d:
		state = d.state()
		for action in ("note", "hold", "stop"):
			with Client(state + ["--policy", d.policy(alarms={"result_growth": 4, "action": action})[1]]) as s:
				ok(all(allowed(s.call("big", {"bytes": 10000})) for _ in range(4)), f"{action}: results as large as before")
				ok(allowed(s.call("echo", {"x": "y" * 60000})), f"{action}: the first result of another tool cannot stand out")
				is_eq(s.events("alarm", 0), [], f"{action}: no alarm")
				m = s.call("big", {"bytes": 60000})
				e, = s.events("alarm")
				ok(e["alarm"] == "size of a result" and e["tool"] == "big" and e["value"] > 60000, f"{action}: a much larger one is an alarm", e)
				if action == "note":
					ok(allowed(m) and len(text_of(m)) == 60000, "note: it passes")
					ok(allowed(s.call("big", {"bytes": 60000})) and len(s.events("alarm")) == 1, "note: and is usual from then on")
					private(s, d)
				else:
					ok(is_tool_error(m) and "held back" in text_of(m) and "AAAA" not in json.dumps(m), f"{action}: it does not pass", m)
				if action == "hold":
					ok("held back" in text_of(s.call("echo")), "hold: further calls are held back")
				if action == "stop":
					is_eq(s.wait(), 124, "stop: the session ends")
				s.end()
			remove_state(d)

	with Folder() as d:
		options = d.state() + d.policy(alarms={"result_growth": 4, "action": "hold"})
		with Client(options) as s:
			for _ in range(4):
				s.call("big", {"bytes": 10000})
			s.end()
		with Client(options, ELICITS) as s:
			m = s.call("big", {"bytes": 60000})
			ok("held back" in text_of(m), "the next session knows what was usual", m)
			i = s.begin("big", {"bytes": 60000})
			s.say(s.question(), "once")
			ok(allowed(s.reply(i)), "a person can let it pass")


def private(s, d):
	"""What is kept of it."""
	s.end()
	path = next(os.path.join(r, "approvals") for r, _, f in os.walk(d.path) if "approvals" in f)
	ok(os.stat(path).st_mode & 0o777 == 0o600, "what is known of tools is the user's alone")


def remove_state(d):
	for r, _, files in os.walk(d.at("state")):
		for f in files:
			if f == "approvals":
				os.unlink(os.path.join(r, f))


def command():
	with Folder() as d:
		env = d.user_policy(alarms={"calls": 2, "action": "note", "command": [d.helper("exit 0")]})
		with Client(env=env) as s:
			for _ in range(3):
				s.call("echo")
			end = time.monotonic() + 5
			while not d.told() and time.monotonic() < end:
				time.sleep(0.02)
			told, = d.told()
			is_eq((told["alarm"], told["tool"], told["value"], told["limit"], told["breach"]),
			      ("calls a minute", "echo", 3, 2, "note"), "an alarm runs the command, which is told what it is about")
			ok("puppet" in told["server"] and told["session"] == s.events("alarm")[0]["session"], "and in which session", told)
	with Folder() as d:
		env = d.user_policy(alarms={"denials": 1, "action": "note"})
		options = ["--alarm-command", d.helper("sleep 0.2"), "--deny-tool", "echo"]
		with Client(options, env=env) as s:
			for _ in range(40):
				s.call("echo")
			is_eq(len(s.events("alarm", 40)), 40, "every alarm is in the audit log")
			time.sleep(0.5)
			ok(1 <= len(d.told()) <= 10, f"the command is run for some of them only ({len(d.told())})")
			ok(s.alive(), "and nobody waits for it")
	with Folder() as d:
		env = d.user_policy(alarms={"calls": 1, "action": "stop"})
		with Client(["--alarm-command", d.helper(f"sleep 0.5; echo done >{d.at('done')}")], env=env) as s:
			s.call("echo")
			s.call("echo")
			is_eq(s.wait(), 124, "an alarm that ends the session")
			end = time.monotonic() + 5
			while not os.path.exists(d.at("done")) and time.monotonic() < end:
				time.sleep(0.02)
			ok(os.path.exists(d.at("done")), "lets its command finish")
	with Folder() as d:
		env = d.user_policy(alarms={"calls": 1})
		with open(d.helper(":"), "w") as f:
			f.write("#!/nonexistent/interpreter\n")
		with Client(["--alarm-command", f.name], env=env) as s:
			s.call("echo")
			ok(allowed(s.call("echo")), "a command that cannot be run keeps nobody from working")
			ok(s.wait_stderr(b"the alarm command " + f.name.encode() + b" failed"), "and the person is told")


rules()
note()
hold()
stop()
data()
concurrency()
denials()
growth()
command()
done_testing()
