#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A person is asked about a call, on every road: nothing reaches the server before a yes, and nothing but a yes is one."""

import base64
import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from asking import ELICITS, Client, Folder
from harness import MCPCAGE, error_code, is_tool_error, require_mcpcage, text_of
from tap import done_testing, is_eq, ok

require_mcpcage()
ASK = ["--ask-tool", "echo"]


def allowed(m):
	return m is not None and "result" in m and not is_tool_error(m)


def no_way():
	with Client(ASK) as s:
		m = s.call("echo", {"a": 1})
		ok(is_tool_error(m), "where nobody can be asked, the call is refused", m)
		ok("--ask-with" in text_of(m) and "echo" in text_of(m), "in words that say what the user can do", text_of(m))
		is_eq(s.reached("echo"), 0, "and it does not reach the server")
		ok(allowed(s.call("environ")), "other tools are not asked about")
		asked = s.events("ask")
		is_eq([(e["tool"], e["answer"]) for e in asked], [("echo", "nobody to ask")], "the audit log has it")


def through_client():
	with Client(ASK, ELICITS) as s:
		i = s.begin("echo", {"path": "/etc/\u202efdp", "n": 12345678901234567890})
		q = s.question()
		words = q["params"]["message"]
		ok("echo" in words and "puppet" in words and "12345678901234567890" in words and "tools.ask" in words,
		   "the question names server, tool, arguments and reason", words)
		ok("\\u202e" in words and "\u202e" not in words, "what cannot be seen is shown")
		ok('says of this tool: "echo"' in words and "no network" in words, "what the server says of it, and can reach", words)
		answers = q["params"]["requestedSchema"]["properties"]["answer"]["enum"]
		is_eq(answers, ["once", "for this session", "always", "no"], "four answers are offered")
		is_eq(s.reached("echo"), 0, "nothing has reached the server; other calls pass meanwhile")
		s.say(q, "once")
		ok(allowed(s.reply(i)), "once allowed, it passes")
		lines = s.seen()
		is_eq(len([x for x in lines if b'"echo"' in x]), 1, "once")
		ok(not any(b"elicitation" in x or b"mcpcage-ask" in x for x in lines), "the server sees nothing of the question", lines)

		i = s.begin("echo")
		s.say(s.question(), "for this session")
		ok(allowed(s.reply(i)), "once is not twice; allowed for the session")
		ok(allowed(s.call("echo", {"other": True})), "then nothing is asked any more")
		is_eq([e["answer"] for e in s.events("ask", 2)], ["once", "session"], "the audit log has the answers")

	for name, result in (
		("no", {"action": "accept", "content": {"answer": "no"}}),
		("decline", {"action": "decline"}),
		("cancel", {"action": "cancel", "content": {"answer": "always"}}),
		("an unknown word", {"action": "accept", "content": {"answer": "yes"}}),
		("no content", {"action": "accept"}),
		("a wrong type", {"action": "accept", "content": {"answer": ["once"]}}),
		("an empty result", {}),
	):
		with Client(ASK, ELICITS) as s:
			i = s.begin("echo")
			s.answer(s.question(), result)
			m = s.reply(i)
			ok(is_tool_error(m) and "did not allow" in text_of(m), f"{name} is a no", m)
			is_eq(s.reached("echo"), 0, f"{name}: the call does not reach the server")

	with Client(ASK, ELICITS) as s:
		for n in range(10):
			i = s.begin("echo")
			s.say(s.question(), "once" if n == 4 else "no")
			s.reply(i)
		m = s.call("echo")
		ok(is_tool_error(m) and "5 times in a row" in text_of(m), "after five refusals in a row nobody is asked", m)
		ok(not any(m.get("method") == "elicitation/create" for m in s.other), "the client hears nothing of it", s.other)
		is_eq(s.reached("echo"), 1, "nothing but what was allowed has reached the server")

	with Client(ASK, {"elicitation": {"url": {}}}) as s:
		ok("cannot be asked" in text_of(s.call("echo")), "a client that only opens URLs is not asked")


def ids():
	"""Nobody answers for the person."""
	with Client(ASK, ELICITS) as s:
		i = s.begin("echo")
		q = s.question()
		s.emit(json.dumps({"jsonrpc": "2.0", "id": q["id"], "result": {"action": "accept", "content": {"answer": "once"}}}).encode() + b"\n")
		is_eq(s.reached("echo"), 0, "the server cannot answer for the person")
		s.emit(json.dumps({"jsonrpc": "2.0", "id": q["id"], "method": "ping"}).encode() + b"\n")
		ok(any(b"mcpcage's own" in x for x in s.seen()), "nor use our ids for a request of its own")
		s.emit(json.dumps({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": q["id"]}}).encode() + b"\n")
		ok(s.alive() and not any(m.get("method") for m in s.other), "nor withdraw the question", s.other)
		for other in ("mcpcage-ask-2", "mcpcage-ask-01 ", "mcpcage-", 1):
			s.send({"jsonrpc": "2.0", "id": other, "result": {"action": "accept", "content": {"answer": "once"}}})
		is_eq(s.reached("echo"), 0, "an answer to another question is none to this one")
		s.send({"jsonrpc": "2.0", "id": i, "method": "ping"})
		is_eq(error_code(s.reply(i)), -32600, "the id of a held call is in use")
		s.say(q, "once")
		ok(allowed(s.reply(i)), "the person's own answer counts")
		s.say(q, "once")
		ok(s.alive(), "a second one is dropped")
		is_eq(s.reached("echo"), 1, "and has no effect")


def cancelled():
	with Client(ASK, ELICITS) as s:
		i = s.begin("echo")
		q = s.question()
		s.send({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": i}})
		is_eq(s.event("notifications/cancelled")["params"]["requestId"], q["id"], "a cancelled call withdraws its question")
		s.say(q, "once")
		ok(s.alive(), "and a late yes is none")
		is_eq([x for x in s.seen() if b'"echo"' in x and b"token" not in x], [], "the server never sees the call")
		is_eq([e["answer"] for e in s.events("ask")], ["withdrawn"], "the audit log says so")


def timeouts():
	with Folder() as d, Client(ASK + d.policy(ask={"timeout": "1s"}), ELICITS) as s:
		m = s.call("echo")
		ok(is_tool_error(m) and "not answered in time" in text_of(m), "no answer is a no", m)
		q = s.question()
		is_eq(s.event("notifications/cancelled")["params"]["requestId"], q["id"], "and the question is withdrawn")
		s.say(q, "once")
		ok(s.alive(), "a late yes is none")
		is_eq([e["answer"] for e in s.events("ask")], ["no answer"], "the audit log says so")

	with Folder() as d:
		helper = d.helper(f"echo $$ >{d.at('pid')}; sleep 60 & wait; echo once")
		with Client(ASK + d.policy(ask={"timeout": "1s"}) + ["--ask-with", helper]) as s:
			ok("not answered in time" in text_of(s.call("echo")), "a helper that does not answer is a no")
			with open(d.at("pid")) as f:
				pid = int(f.read())
			end = time.monotonic() + 5
			while os.path.exists(f"/proc/{pid}") and time.monotonic() < end:
				time.sleep(0.02)
			ok(not os.path.exists(f"/proc/{pid}"), "and it is ended")
			is_eq(s.reached("echo"), 0, "the call did not reach the server")


def many():
	with Client(ASK, ELICITS) as s:
		calls = [s.begin("echo", {"n": n}) for n in range(9)]
		questions = [s.question() for _ in range(8)]
		m = s.reply(calls[8])
		ok(is_tool_error(m) and "wait for the user's decision" in text_of(m), "a ninth question is refused", m)
		ok(len({q["id"] for q in questions}) == 8, "eight are asked side by side")
		s.say(questions[5], "once")
		is_eq(text_of(s.reply(calls[5])), '{"n": 5}', "each answer is for its own call")
		s.say(questions[0], "no")
		ok(is_tool_error(s.reply(calls[0])), "also when it is no")
		s.say(questions[1], "for this session")
		for n in (1, 2, 3, 4, 6, 7):
			ok(allowed(s.reply(calls[n])), f"an answer for the session releases call {n} as well")
		is_eq(s.reached("echo"), 7, "all that were allowed have reached the server")


def modern():
	with Client(ASK) as s:
		m = s.modern("echo", {"a": 1})
		r = m["result"]
		is_eq(r.get("resultType"), "input_required", "a modern client is asked by a result")
		(key, q), = r["inputRequests"].items()
		is_eq(q["method"], "elicitation/create", "with a question in it")
		yes = {key: {"action": "accept", "content": {"answer": "once"}}}
		no = {key: {"action": "decline"}}
		is_eq(s.reached("echo"), 0, "nothing has reached the server")
		again = {"inputResponses": yes, "requestState": r["requestState"]}

		for name, arguments, tool in (("other arguments", {"a": 2}, "echo"), ("more arguments", {"a": 1, "b": 1}, "echo")):
			m = s.modern(tool, arguments, **again)
			is_eq(m["result"].get("resultType"), "input_required", f"a yes is not good for {name}: it is asked anew")
		m = s.modern("echo", {"a": 1}, **{**again, "requestState": r["requestState"][:-1] + ("0" if r["requestState"][-1] != "0" else "1")})
		is_eq(m["result"].get("resultType"), "input_required", "nor with a changed state")
		is_eq(s.reached("echo"), 0, "still nothing has reached the server")

		m = s.modern("echo", {"a": 1}, **again)
		is_eq(text_of(m), '{"a": 1}', "for the call it was given for, it is")
		line = [x for x in s.seen() if b'"echo"' in x]
		is_eq(len(line), 1, "which reaches the server")
		ok(b"requestState" not in line[0] and b"inputResponses" not in line[0] and b"mcpcage" not in line[0],
		   "without anything of ours", line[0])
		ok(json.loads(line[0])["params"]["arguments"] == {"a": 1}, "and otherwise as it was")
		is_eq(s.modern("echo", {"a": 1}, **again)["result"].get("resultType"), "input_required", "the same yes does not count twice")

		r = s.modern("echo", {"a": 5})["result"]
		m = s.modern("echo", {"a": 5}, inputResponses=no, requestState=r["requestState"])
		ok(is_tool_error(m) and "did not allow" in text_of(m), "a no is a no", m)
		r = s.modern("echo", {"a": 6})["result"]
		m = s.modern("echo", {"a": 6}, requestState=r["requestState"])
		ok(is_tool_error(m), "no answer at all is a no", m)
		r = s.modern("echo", {"a": 7})["result"]
		s.modern("echo", {"a": 7}, requestState=r["requestState"],
			 inputResponses={key: {"action": "accept", "content": {"answer": "for this session"}}})
		is_eq(text_of(s.modern("echo", {"a": 8})), '{"a": 8}', "for the session is for the session")

	with Client(ASK) as s:
		m = s.modern("echo", {"a": 1}, capabilities={})
		ok("cannot be asked" in text_of(m), "a modern client that cannot be asked is not asked", m)
		ok("resultType" in m["result"], "the refusal is one of its era")
	with Folder() as d, Client(ASK + d.policy(ask={"timeout": "1s"})) as s:
		r = s.modern("echo")["result"]
		time.sleep(1.2)
		m = s.modern("echo", requestState=r["requestState"], inputResponses={
			next(iter(r["inputRequests"])): {"action": "accept", "content": {"answer": "once"}}})
		is_eq(m["result"].get("resultType"), "input_required", "a yes that comes too late is asked for anew")
	with Client(ASK) as one, Client(ASK) as two:
		r = one.modern("echo")["result"]
		m = two.modern("echo", requestState=r["requestState"], inputResponses={
			next(iter(r["inputRequests"])): {"action": "accept", "content": {"answer": "once"}}})
		is_eq(m["result"].get("resultType"), "input_required", "a yes of another session is none")


def rounds():
	"""What the server asks for while it carries out an allowed call belongs to that call."""
	with Client(["--ask-tool", "emit", "--elicitation", "allow"]) as s:
		form = {"method": "elicitation/create", "params": {"message": "which one?", "requestedSchema": {
			"type": "object", "properties": {"x": {"type": "string"}}}}}
		more = {"jsonrpc": "2.0", "id": "@ID@", "result": {
			"resultType": "input_required", "inputRequests": {"q": form}, "requestState": "server's own"}}
		call = {"mute": True, "b64": base64.b64encode(json.dumps(more).replace('"@ID@"', "@ID@").encode() + b"\n").decode()}
		yes = {"action": "accept", "content": {"answer": "once"}}
		r = s.modern("emit", call)["result"]
		key = next(iter(r["inputRequests"]))
		r = s.modern("emit", call, inputResponses={key: yes}, requestState=r["requestState"])["result"]
		is_eq((list(r["inputRequests"]), r["requestState"]), (["q"], "server's own"), "the server wants more for an allowed call")
		answers = {"inputResponses": {"q": {"action": "accept", "content": {"x": "y"}}}, "requestState": "server's own"}
		r = s.modern("emit", {**call, "step": 0}, **answers)["result"]
		is_eq(list(r["inputRequests"]), [key], "the answer is for this call: with other arguments it is asked again")
		r = s.modern("emit", call, **answers)["result"]
		is_eq(list(r["inputRequests"]), ["q"], "its own next round is not asked about")
		lines = [x for x in s.seen() if b'"emit"' in x]
		is_eq([b"server's own" in x for x in lines], [False, True], "the server got both rounds")
		s.modern("emit", call, **answers)
		r = s.modern("emit", call)["result"]
		is_eq(list(r["inputRequests"]), [key], "a new call is asked about")


def reverse():
	"""Where policy says ask to what the server asks of the client."""
	request = {"jsonrpc": "2.0", "id": 77, "method": "sampling/createMessage", "params": {
		"messages": [{"role": "user", "content": {"type": "text", "text": "who am I?"}}], "maxTokens": 10}}
	line = json.dumps(request).encode() + b"\n"
	for word in ("once", "no"):
		with Folder() as d, Client(["--sampling", "ask", "--ask-with", d.helper(f"echo {word}")], {"sampling": {}}) as s:
			s.emit(line)
			if word == "once":
				m = s.event("sampling/createMessage")
				ok(m is not None and "who am I?" in json.dumps(m), "a request of the server passes once it is allowed", m)
				s.send({"jsonrpc": "2.0", "id": m["id"], "result": {
					"role": "assistant", "model": "m", "content": {"type": "text", "text": "you"}}})
				ok(s.alive() and any(b'"you"' in x for x in s.seen()), "and its answer comes back")
			else:
				end = time.monotonic() + 10
				answers = []
				while not answers and time.monotonic() < end:
					answers = [x for x in s.seen() if b'"id":77' in x]
				ok(answers and b"error" in answers[0], "refused, the server is told", answers)
				ok(not any(m.get("method") == "sampling/createMessage" for m in s.other), "and the client hears nothing", s.other)
			told, = d.told()
			is_eq(told["tool"], "sampling/createMessage", "the person was told what it is about")
			ok("who am I?" in told["arguments"] and "client's model" in told["reason"], "all of it", told)


def helpers():
	with Folder() as d:
		with Client(ASK + ["--ask-with", d.helper("echo once")]) as s:
			ok(allowed(s.call("echo", {"text": 'quotes " and \\ and \u202e', "deep": [1, {"x": None}]})), "a helper says once")
			told, = d.told()
			is_eq((told["tool"], told["answers"]), ("echo", ["once", "session", "always", "no"]), "it is told what it is about")
			ok("puppet" in told["server"] and "tools.ask" in told["reason"], "by whom and why", told)
			is_eq(told["description"], "echo", "with what the server says of the tool")
			ok("no network" in told["reach"], "and what the server can reach", told)
			arguments = json.loads(told["arguments"])
			is_eq(arguments, {"text": 'quotes " and \\ and \u202e', "deep": [1, {"x": None}]}, "with the arguments as text")
			ok("\u202e" not in told["arguments"], "in which everything can be seen")
			ok(allowed(s.call("echo")) and len(d.told()) == 2, "and it is asked again the next time")
			is_eq([(e["through"], e["answer"]) for e in s.events("ask", 2)], [("helper", "once")] * 2, "the audit log has it")
	for name, script, words in (
		("no", "echo no", "did not allow"),
		("another word", "echo yes", "cannot be asked"),
		("two words", "echo once always", "cannot be asked"),
		("nothing", ":", "cannot be asked"),
		("a failure", "exit 3", "cannot be asked"),
		("a flood", "yes once | tr -d '\\n' | head -c 100000", "cannot be asked"),
	):
		with Folder() as d, Client(ASK + ["--ask-with", d.helper(script)]) as s:
			m = s.call("echo")
			ok(is_tool_error(m) and words in text_of(m), f"a helper that says {name} does not allow", m)
			is_eq(s.reached("echo"), 0, f"{name}: the call does not reach the server")
	with Folder() as d:
		with Client(ASK + ["--ask-with", d.helper("echo session")], {"elicitation": {}}) as s:
			i = s.begin("echo")
			q = s.question()
			s.send({"jsonrpc": "2.0", "id": q["id"], "error": {"code": -32601, "message": "no such method"}})
			ok(allowed(s.reply(i)), "where the client declared what it cannot do, the helper is asked")
			ok(allowed(s.call("echo")) and len(d.told()) == 1, "and session is for the session")
		with Client(ASK + ["--ask-with", d.helper("echo $(ls /proc/self/fd | wc -l) $(pwd) >" + d.at("seen") + "; echo once")]) as s:
			s.call("echo")
			with open(d.at("seen")) as f:
				fds, cwd = f.read().split()
			ok(int(fds) <= 5 and cwd == "/", "a helper has none of our descriptors, and not the client's folder", (fds, cwd))
	with Folder() as d:
		env = d.user_policy(ask={"with": [d.helper("echo $1"), "once"]})
		with Client(ASK + ["--deny-tool", "environ"], env=env) as s:
			ok(allowed(s.call("echo")), "policy can name the helper")
			ok(is_tool_error(s.call("environ")) and len(d.told()) == 1, "nobody is asked about what is denied")


def ends():
	"""A question does not outlive its session, nor a helper."""
	with Folder() as d:
		helper = d.helper(f"echo $$ >{d.at('pid')}; trap '' TERM; sleep 60")
		with Client(ASK + ["--ask-with", helper]) as s:
			s.begin("echo")
			end = time.monotonic() + 5
			while not os.path.exists(d.at("pid")) and time.monotonic() < end:
				time.sleep(0.02)
			status = s.end()
			ok(status is not None, "the session ends although a question is open")
			with open(d.at("pid")) as f:
				pid = int(f.read())
			ok(not os.path.exists(f"/proc/{pid}"), "and the helper with it")


def always():
	with Folder() as d:
		options = ASK + d.state() + d.policy(ask={"remember": "1h"})
		with Client(options + ["--ask-with", d.helper("echo always")]) as s:
			ok(allowed(s.call("echo")) and allowed(s.call("echo")), "always is for this session")
			is_eq(len(d.told()), 1, "without a second question")
			s.end()
		with Client(options + ["--ask-with", d.helper("echo no")]) as s:
			ok(allowed(s.call("echo")), "and for the next one")
			is_eq(len(d.told()), 1, "nobody was asked")
			s.end()
		with Client(["--ask-tool", "environ", "--ask-tool", "e*"] + d.state() + ["--ask-with", d.helper("echo no")]) as s:
			ok(is_tool_error(s.call("environ")), "it is for that tool only")
			s.end()
		rule = d.policy(tools={"rules": [{"tool": "echo", "verdict": "ask", "reason": "talks too much"}]})
		with Client(rule + d.state() + ["--ask-with", d.helper("echo no")]) as s:
			ok(is_tool_error(s.call("echo")), "and only for what had asked: a rule asks again")
			ok("talks too much" in d.told()[-1]["reason"], "with its reason", d.told()[-1])
			s.end()

	with Folder() as d:
		options = ASK + d.state() + d.policy(ask={"remember": "2s"})
		with Client(options, ELICITS) as s:
			i = s.begin("echo")
			s.say(s.question(), "always")
			ok(allowed(s.reply(i)), "always through the client")
			s.end()
			is_eq([(e["through"], e["answer"]) for e in s.events("ask")], [("client", "always")], "which the audit log says")
		time.sleep(2.1)
		with Client(options + ["--ask-with", d.helper("echo no")]) as s:
			ok(is_tool_error(s.call("echo")), "is asked again when its time is over")

	with Folder() as d:
		options = ASK + d.state()
		with Client(options, ELICITS) as s:
			i = s.begin("echo")
			s.say(s.question(), "always")
			ok(allowed(s.reply(i)), "always, long enough")
			s.end()
		with Client(options + ["--ask-with", d.helper("echo no")]) as s:
			ok(allowed(s.call("echo")), "holds for the next session")
			s.end()
		path = next(os.path.join(r, "approvals") for r, _, f in os.walk(d.path) if "approvals" in f)
		with open(path, "r+b") as f:
			data = bytearray(f.read())
			at = data.index(b"echo\0", 24)
			data[at + 256] ^= 1
			f.seek(0)
			f.write(data)
		with Client(options + ["--ask-with", d.helper("echo no")]) as s:
			ok(is_tool_error(s.call("echo")), "a yes for another definition of the tool is none")
			s.end()


def command(d, *words):
	return subprocess.run([*MCPCAGE.split(), "approvals", "--state", d.at("state"), "--audit", "off", *words], capture_output=True, timeout=20,
			      check=False)


def revoked():
	with Folder() as d:
		options = ASK + d.state()
		empty = command(d, "list")
		ok(empty.returncode == 0 and not empty.stdout, "nothing is listed where nothing is", empty)
		with Client(options + ["--ask-with", d.helper("echo always")]) as s:
			ok(allowed(s.call("echo")) and allowed(s.call("environ")), "always, to be taken back")
			s.end()
		shown = json.loads(command(d, "list", "--json").stdout)["approvals"]
		is_eq(sorted((t["tool"], t["kind"]) for t in shown[0]["tools"]), [("echo", "always"), ("echo", "used"), ("environ", "used")],
		      "approvals list shows it, and what was used")
		ok(b"echo  always, until" in command(d, "list", shown[0]["name"]).stdout, "also in words, of one server")
		for words in (("revoke",), ("list", "no-such"), ("forget", "x"), ("revoke", shown[0]["name"], "echo", "more")):
			r = command(d, *words)
			ok(r.returncode != 0 and r.stderr, f"approvals {' '.join(words)[:20]} is refused", r)
		is_eq(command(d, "revoke", shown[0]["name"], "nothing").returncode, 1, "a tool of which nothing is kept")
		is_eq(command(d, "revoke", shown[0]["name"], "echo").returncode, 0, "approvals revoke")
		is_eq([t["tool"] for t in json.loads(command(d, "list", "--json").stdout)["approvals"][0]["tools"]], ["environ"], "leaves the others")
		with Client(options + ["--ask-with", d.helper("echo no")]) as s:
			ok(is_tool_error(s.call("echo")), "what was taken back is asked again")


def first_use():
	with Folder() as d:
		options = ["--ask-first-use"] + d.state()
		with Client(options + ["--ask-with", d.helper("echo once")]) as s:
			ok(allowed(s.call("echo")), "a tool that was never used is asked about")
			ok("never used" in d.told()[0]["reason"], "and that is the reason", d.told())
			ok(allowed(s.call("echo")) and len(d.told()) == 1, "then it was used")
			ok(allowed(s.call("sleep", {"ms": 0})) and len(d.told()) == 2, "another tool is another question")
			s.end()
		with Client(options + ["--ask-with", d.helper("echo no")]) as s:
			ok(allowed(s.call("echo")) and len(d.told()) == 2, "the next session knows")
			ok(is_tool_error(s.call("environ")) and len(d.told()) == 3, "and asks about what is new")
			s.end()
		with Client(options + ["--ask-with", d.helper("echo once")]) as s:
			ok(allowed(s.call("environ")) and len(d.told()) == 4, "a tool that was refused was not used")


no_way()
through_client()
ids()
cancelled()
timeouts()
many()
modern()
rounds()
reverse()
helpers()
ends()
always()
revoked()
first_use()
done_testing()
