# SPDX-License-Identifier: LGPL-2.1-or-later
"""A server that never rests: it and a daemon of its own count in the files FOLDER/server and FOLDER/daemon, 50 times a second.

ticker.py FOLDER. Tools: "sleep" takes "seconds"; "chat" makes it send a notification ten times a second from then on.
"""

import json
import os
import sys
import threading
import time

FOLDER = sys.argv[1]
lock = threading.Lock()
chatting = False


def send(message):
	with lock:
		os.write(1, json.dumps(message).encode() + b"\n")


def count(name):
	fd = os.open(os.path.join(FOLDER, name), os.O_WRONLY | os.O_CREAT, 0o644)
	n = 0
	while True:
		n += 1
		os.pwrite(fd, b"%d\n" % n, 0)
		if chatting and n % 5 == 0:
			send({"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "error", "data": "still here"}})
		time.sleep(0.02)


def answer(m):
	global chatting
	if m["method"] == "initialize":
		return {"protocolVersion": m["params"]["protocolVersion"], "capabilities": {"tools": {}, "logging": {}},
			"serverInfo": {"name": "ticker", "version": "1"}}
	if m["method"] == "tools/list":
		return {"tools": [{"name": name, "inputSchema": {"type": "object"}} for name in ("sleep", "chat")]}
	if m["method"] == "tools/call":
		if m["params"]["name"] == "chat":
			chatting = True
		else:
			time.sleep(m["params"]["arguments"]["seconds"])
		return {"content": [{"type": "text", "text": "done"}]}
	return {}


if os.fork() == 0:
	os.setsid()
	null = os.open("/dev/null", os.O_RDWR)
	for fd in range(3):
		os.dup2(null, fd)
	if os.fork() == 0:
		count("daemon")
	os._exit(0)
threading.Thread(target=count, args=("server",), daemon=True).start()
for line in sys.stdin:
	request = json.loads(line)
	if "id" in request:
		send({"jsonrpc": "2.0", "id": request["id"], "result": answer(request)})
