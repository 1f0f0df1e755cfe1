# SPDX-License-Identifier: LGPL-2.1-or-later
"""A server on strings: the test says, by tool calls, which bytes it writes where and when.

It reads raw bytes and cuts them at newlines only, remembers every line as it came, and answers what it can. The
tool "emit" writes any bytes to standard output, which is how it plays a hostile server; "seen" tells which lines
have reached it, which is how a test knows what a hostile client got through. Options: --ignore-term, --daemons N,
--hold (read no further after the first call of "hold"), --tool DEFINITION (one more, as JSON; called, it gives back its
argument "result", or else all of them as text). Nothing here is defensive: this is the attacker's side.
"""

import base64
import json
import os
import signal
import sys
import threading
import time

seen = []
shown = []  # definitions of tools that the test gave
modern = set()  # ids of requests of 2026-07-28, as JSON
write_lock = threading.Lock()


def put(data, fd=1):
	with write_lock:
		while data:
			data = data[os.write(fd, data):]


def send(message):
	put(json.dumps(message, separators=(",", ":")).encode() + b"\n")


def answer(ident, text, error=False):
	result = {"content": [{"type": "text", "text": text}], "isError": error}
	if json.dumps(ident) in modern:
		result["resultType"] = "complete"
	send({"jsonrpc": "2.0", "id": ident, "result": result})


def b64(data):
	return base64.b64encode(data).decode()


def tool_echo(ident, a, _meta):
	answer(ident, json.dumps(a))


def tool_seen(ident, a, _meta):
	lines, seen[:] = seen[:-1], []
	answer(ident, json.dumps([len(line) if a.get("sizes") else b64(line) for line in lines]))


def tool_emit(ident, a, _meta):
	"""Bytes with @ID@ replaced by this request's id and @FILL@ by "fill" letters; then, unless "mute", an ordinary answer."""
	data = base64.b64decode(a["b64"]).replace(b"@ID@", json.dumps(ident).encode())
	data = data.replace(b"@FILL@", b"f" * a.get("fill", 0))
	step = a.get("step", 0)
	if step:
		for i in range(0, len(data), step):
			put(data[i:i + step], a.get("fd", 1))
			time.sleep(a.get("pause", 0))
	else:
		put(data, a.get("fd", 1))
	if not a.get("mute"):
		answer(ident, "emitted")


def tool_big(ident, a, _meta):
	put(b'{"jsonrpc":"2.0","id":' + json.dumps(ident).encode() +
	    b',"result":{"content":[{"type":"text","text":"' + b"A" * a["bytes"] + b'"}]}}\n')


def tool_flood(ident, a, _meta):
	"""Fill a stream with lines: fd 2 is standard error, fd 1 is noise or notifications on standard output."""
	line = base64.b64decode(a["line"]) if "line" in a else b"x" * 99 + b"\n"
	left = a["bytes"]
	block = line * max(1, 65536 // len(line))
	while left > 0:
		put(block, a.get("fd", 2))
		left -= len(block)
	answer(ident, "flooded")


def tool_late(ident, a, _meta):
	def later():
		time.sleep(a["ms"] / 1000)
		answer(ident, "late")
	threading.Thread(target=later, daemon=True).start()


def tool_silent(_ident, _a, _meta):
	pass


def tool_sleep(ident, a, _meta):
	time.sleep(a["ms"] / 1000)
	answer(ident, "slept")


def tool_progress(ident, a, meta):
	for i in range(a["steps"]):
		time.sleep(a.get("ms", 0) / 1000)
		send({"jsonrpc": "2.0", "method": "notifications/progress",
		      "params": {"progressToken": meta["progressToken"], "progress": i + 1, "total": a["steps"]}})
	answer(ident, "done")


def tool_environ(ident, _a, _meta):
	answer(ident, json.dumps(dict(os.environ)))


def tool_close_stdout(ident, _a, _meta):
	answer(ident, "closing")
	os.close(1)
	time.sleep(60)


def tool_exit(ident, a, _meta):
	if a.get("answer"):
		answer(ident, "bye")
	if a.get("signal"):
		if a["signal"] != signal.SIGKILL:
			signal.signal(a["signal"], signal.SIG_DFL)
		os.kill(os.getpid(), a["signal"])
	os._exit(a.get("status", 0))


def tool_daemons(ident, a, _meta):
	"""Processes that left the session and the process group, and ignore what can be ignored."""
	for _ in range(a["n"]):
		if os.fork() == 0:
			os.setsid()
			if os.fork() == 0:
				for s in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGPIPE):
					signal.signal(s, signal.SIG_IGN)
				while True:
					time.sleep(60)
			os._exit(0)
		os.wait()
	answer(ident, "running")


canned = {}  # by method: bytes, sent in place of an answer with @ID@ replaced


def tool_answer(ident, a, _meta):
	"""From now on, answer requests of "method" with these bytes."""
	canned[a["method"]] = base64.b64decode(a["b64"])
	answer(ident, "set")


tools = {name[5:]: value for name, value in list(globals().items()) if name.startswith("tool_")}


def handle(line):
	try:
		m = json.loads(line)
	except (ValueError, RecursionError):
		return
	if not isinstance(m, dict):
		return
	ident, method, params = m.get("id"), m.get("method"), m.get("params")
	if ident is None or not isinstance(method, str):
		return
	if isinstance(params, dict) and "io.modelcontextprotocol/protocolVersion" in (params.get("_meta") or {}):
		modern.add(json.dumps(ident))
	if isinstance(params, dict) and isinstance(params.get("x-answer"), str):
		put(base64.b64decode(params["x-answer"]).replace(b"@ID@", json.dumps(ident).encode()))
	elif method in canned:
		put(canned[method].replace(b"@ID@", json.dumps(ident).encode()))
	elif method == "initialize":
		send({"jsonrpc": "2.0", "id": ident, "result": {
			"protocolVersion": "2025-06-18", "capabilities": {"tools": {}, "logging": {}},
			"serverInfo": {"name": "puppet", "version": "1"}}})
	elif method == "ping":
		send({"jsonrpc": "2.0", "id": ident, "result": {}})
	elif method == "tools/list":
		page = {"resultType": "complete", "ttlMs": 0, "cacheScope": "private"} if json.dumps(ident) in modern else {}
		send({"jsonrpc": "2.0", "id": ident, "result": {**page, "tools": [
			*({"name": name, "description": name, "inputSchema": {"type": "object"}} for name in tools), *shown]}})
	elif method == "tools/call" and isinstance(params, dict):
		run = tools.get(str(params.get("name")))
		if any(t["name"] == params.get("name") for t in shown):
			arguments = params.get("arguments", {})
			echo = {"content": [{"type": "text", "text": json.dumps(arguments)}]}
			send({"jsonrpc": "2.0", "id": ident, "result": arguments.get("result", echo)})
			return
		if run is None:
			answer(ident, "no such tool", True)
			return
		try:
			run(ident, params.get("arguments") or {}, params.get("_meta") or {})
		except (KeyError, TypeError, ValueError) as e:
			answer(ident, f"{type(e).__name__}: {e}", True)
	else:
		send({"jsonrpc": "2.0", "id": ident, "error": {"code": -32601, "message": "Method not found"}})


def main():
	shown.extend(json.loads(b) for a, b in zip(sys.argv, sys.argv[1:]) if a == "--tool")
	if "--ignore-term" in sys.argv:
		for s in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
			signal.signal(s, signal.SIG_IGN)
	held = b""
	while True:
		data = os.read(0, 1 << 20)
		if not data:
			break
		held += data
		while True:
			line, newline, rest = held.partition(b"\n")
			if not newline:
				break
			held = rest
			seen.append(line)
			handle(line)
	if "--ignore-eof" in sys.argv:
		time.sleep(60)


main()
