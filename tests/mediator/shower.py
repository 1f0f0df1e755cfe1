# SPDX-License-Identifier: LGPL-2.1-or-later
"""A server that shows what a file says. The file (the only argument, JSON) is read again for each request, so that a
test changes what the server shows between sessions and within one:

	{"serverInfo": ..., "instructions": ..., "tools": [page, page...], "prompts": [...], "templates": [...]}

Pages are lists of items. Calling a tool echoes its name and arguments; calling "notify" sends tools/list_changed first;
everything the server is asked goes to its standard error as "asked METHOD"."""

import json
import sys


def send(m):
	sys.stdout.write(json.dumps(m) + "\n")
	sys.stdout.flush()


def page(shown, kind, key, params):
	pages = shown.get(kind, [[]])
	at = int(params.get("cursor", "0"))
	result = {key: pages[at]}
	if at + 1 < len(pages) or shown.get("endless"):
		result["nextCursor"] = str(min(at + 1, len(pages) - 1))
	return result


def main():
	for line in sys.stdin:
		m = json.loads(line)
		if "id" not in m or "method" not in m:
			continue
		with open(sys.argv[1], encoding="utf-8") as f:
			shown = json.load(f)
		method, params = m["method"], m.get("params") or {}
		sys.stderr.write(f"asked {method}\n")
		sys.stderr.flush()
		modern = "_meta" in params and "io.modelcontextprotocol/protocolVersion" in params["_meta"]
		result = None
		if method == "initialize" and not shown.get("modern"):
			result = {"protocolVersion": "2025-06-18",
				  "capabilities": {"tools": {"listChanged": True}, "prompts": {}, "resources": {}},
				  "serverInfo": shown.get("serverInfo", {"name": "shower", "version": "1"})}
			if "instructions" in shown:
				result["instructions"] = shown["instructions"]
		elif method == "server/discover" and shown.get("modern"):
			result = {"supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}, "cacheScope": "private", "ttlMs": 0,
				  "_meta": {"io.modelcontextprotocol/serverInfo": {"name": "shower", "version": "1"}}}
			if "instructions" in shown:
				result["instructions"] = shown["instructions"]
		elif method == "tools/list":
			result = page(shown, "tools", "tools", params)
		elif method == "prompts/list":
			result = page(shown, "prompts", "prompts", params)
		elif method == "resources/templates/list":
			result = page(shown, "templates", "resourceTemplates", params)
		elif method == "prompts/get":
			result = {"messages": []}
		elif method == "tools/call":
			if params["name"] == "notify":
				send({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"})
			result = {"content": [{"type": "text", "text": "called " + params["name"]}]}
		elif method == "ping":
			result = {}
		if result is None:
			send({"jsonrpc": "2.0", "id": m["id"], "error": {"code": -32601, "message": "Method not found"}})
			continue
		if modern:
			result["resultType"] = "complete"
			if method.endswith("/list"):
				result["ttlMs"], result["cacheScope"] = 0, "private"
		send({"jsonrpc": "2.0", "id": m["id"], "result": result})


main()
