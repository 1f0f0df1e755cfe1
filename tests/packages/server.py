# SPDX-License-Identifier: LGPL-2.1-or-later
"""A small MCP server without dependencies, the content of packages that tests make: every tool does one thing and tells what came of
it. Goes into the package as its __init__.py."""

import importlib
import importlib.metadata
import json
import os
import re
import socket
import sys


def read(a):
	with open(a["path"], encoding="utf-8") as f:
		return {"text": f.read()}


def write(a):
	with open(a["path"], "w", encoding="utf-8") as f:
		f.write(a["text"])
	return {"done": True}


def list_(a):
	return {"names": sorted(os.listdir(a["path"]))}


def connect(a):
	with socket.create_connection(("127.0.0.1", a["port"]), 5) as s:
		s.sendall(b"from the server")
	return {"done": True}


def libraries():
	found = {}
	for requirement in importlib.metadata.requires(__name__.replace("_", "-")) or ():
		name = re.match(r"[A-Za-z0-9_.-]+", requirement)[0]
		try:
			found[name] = importlib.import_module(name.replace("-", "_")).WHO
		except Exception as e:
			found[name] = repr(e)
	return found


def self_(_):
	return {"version": importlib.metadata.version(__name__.replace("_", "-")), "argv": sys.argv, "execPath": sys.executable,
		"file": __file__, "cwd": os.getcwd(), "libraries": libraries(), "ppid": os.getppid()}


TEXT = {"type": "string"}
TOOLS = {"read": ({"path": TEXT}, read), "write": ({"path": TEXT, "text": TEXT}, write), "list": ({"path": TEXT}, list_),
	 "connect": ({"port": {"type": "integer"}}, connect), "env": ({}, lambda _: {"env": dict(os.environ)}), "self": ({}, self_)}


def answer(m):
	if m["method"] == "initialize":
		return {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": {"name": __name__, "version": "1"}}
	if m["method"] == "tools/list":
		return {"tools": [{"name": name, "description": name, "inputSchema": {"type": "object", "properties": p, "required": list(p)}}
				  for name, (p, _) in TOOLS.items()]}
	if m["method"] == "tools/call":
		try:
			result = TOOLS[m["params"]["name"]][1](m["params"].get("arguments") or {})
		except Exception as e:
			name = getattr(e, "errno", None)
			return {"isError": True, "content": [{"type": "text", "text": json.dumps({"error": os.strerror(name) if name else repr(e)})}]}
		return {"content": [{"type": "text", "text": json.dumps(result)}]}
	return {}


def main():
	for line in sys.stdin:
		m = json.loads(line)
		if "id" in m:
			print(json.dumps({"jsonrpc": "2.0", "id": m["id"], "result": answer(m)}), flush=True)
