# SPDX-License-Identifier: LGPL-2.1-or-later
"""A server that plays a part: actor.py FOLDER reads FOLDER/part.json and does what it says.

part.json:
	tools, prompts, resources, templates	what the lists show, as one page
	on	what it does when a message comes: by "METHOD", or "METHOD NAME" with params.name or params.uri
		(for an answer of the client: "answer"). A list of acts; or a list of lists, one for each time, the last for all
		further times. What is not there gets an ordinary answer.

Acts: {"result": VALUE}, {"error": VALUE}: answer this message. {"send": MESSAGE}: any message. {"line": TEXT}: any text and
a newline. {"hex": DIGITS}: any bytes. {"sleep": MILLISECONDS}. In all of them "@ID@" is this message's id, and "@FILL 1000@" a
thousand letters.

All that came is in FOLDER/seen, all that was said in FOLDER/said: how a test knows that an attack took place, and what got through.
Nothing here is defensive: this is the attacker's side.
"""

import json
import os
import re
import sys
import time

FOLDER = sys.argv[1]
with open(os.path.join(FOLDER, "part.json"), encoding="utf-8") as f:
	PART = json.load(f)
SEEN = open(os.path.join(FOLDER, "seen"), "ab", buffering=0)
SAID = open(os.path.join(FOLDER, "said"), "ab", buffering=0)
times = {}


def put(data):
	SAID.write(data)
	while data:
		data = data[os.write(1, data):]


def put_in(value, ident):
	if value == "@ID@":
		return ident
	if isinstance(value, str):
		return fill(value)
	if isinstance(value, list):
		return [put_in(v, ident) for v in value]
	if isinstance(value, dict):
		return {k: put_in(v, ident) for k, v in value.items()}
	return value


def fill(text):
	return re.sub("@FILL ([0-9]+)@", lambda m: "f" * int(m.group(1)), text)


def send(message):
	put(json.dumps(message, separators=(",", ":"), ensure_ascii=False).encode() + b"\n")


def act(what, ident):
	if "sleep" in what:
		time.sleep(what["sleep"] / 1000)
	elif "line" in what:
		put(fill(what["line"]).replace("@ID@", json.dumps(ident)).encode() + b"\n")
	elif "hex" in what:
		put(bytes.fromhex(what["hex"]))
	elif "send" in what:
		send(put_in(what["send"], ident))
	else:
		kind = "result" if "result" in what else "error"
		send({"jsonrpc": "2.0", "id": ident, kind: put_in(what[kind], ident)})


def ordinary(method, name):
	lists = {"tools/list": "tools", "prompts/list": "prompts", "resources/list": "resources",
		 "resources/templates/list": "resourceTemplates"}
	if method == "initialize":
		return {"protocolVersion": PART.get("version", "2025-06-18"),
			"capabilities": {"tools": {"listChanged": True}, "prompts": {"listChanged": True}, "resources": {}, "logging": {}},
			"serverInfo": {"name": "actor", "version": "1"}}
	if method in lists:
		return {lists[method]: PART.get("templates" if "templates" in method else lists[method], [])}
	if method == "tools/call":
		return {"content": [{"type": "text", "text": f"{name} is done"}]}
	if method == "prompts/get":
		return {"messages": [{"role": "user", "content": {"type": "text", "text": f"prompt {name}"}}]}
	if method == "resources/read":
		return {"contents": [{"uri": name, "text": "a resource"}]}
	return {}


def handle(m):
	method, ident, params = m.get("method"), m.get("id"), m.get("params")
	params = params if isinstance(params, dict) else {}
	name = params.get("name", params.get("uri", ""))
	on = PART.get("on", {})
	for key in (f"{method} {name}", method) if method else ("answer",):
		if key not in on:
			continue
		acts = on[key]
		if acts and isinstance(acts[0], list):
			at = times.get(key, 0)
			times[key] = at + 1
			acts = acts[min(at, len(acts) - 1)]
		for a in acts:
			act(a, ident)
		return
	if method and ident is not None:
		act({"result": ordinary(method, name)}, ident)


for line in sys.stdin.buffer:
	SEEN.write(line)
	try:
		message = json.loads(line)
	except (ValueError, RecursionError):
		continue
	if isinstance(message, dict):
		handle(message)
