#!/usr/bin/env node
// SPDX-License-Identifier: LGPL-2.1-or-later
// A small MCP server without dependencies, the content of packages that tests make: every tool does one thing and tells what came of it.
"use strict";
const fs = require("fs");
const net = require("net");
const path = require("path");

const own = JSON.parse(fs.readFileSync(path.join(__dirname, "package.json"), "utf8"));

function libraries() {
	const found = {};
	for (const name of Object.keys(own.dependencies || {})) {
		try { found[name] = String(require(name)); } catch (e) { found[name] = e.code || String(e); }
	}
	return found;
}

const text = { type: "string" };
const tools = {
	read: [{ path: text }, (a) => ({ text: fs.readFileSync(a.path, "utf8") })],
	write: [{ path: text, text }, (a) => { fs.writeFileSync(a.path, a.text); return { done: true }; }],
	list: [{ path: text }, (a) => ({ names: fs.readdirSync(a.path).sort() })],
	connect: [{ port: { type: "integer" } }, (a) => new Promise((done, fail) => {
		const s = net.connect({ host: "127.0.0.1", port: a.port });
		s.setTimeout(5000, () => { s.destroy(); fail(new Error("timeout")); });
		s.on("connect", () => s.end("from the server", () => done({ done: true })));
		s.on("error", fail);
	})],
	env: [{}, () => ({ env: { ...process.env } })],
	self: [{}, () => ({ version: own.version, argv: process.argv, execPath: process.execPath, file: __filename, cwd: process.cwd(),
		libraries: libraries(), ppid: process.ppid })],
};

async function answer(m) {
	if (m.method === "initialize") {
		return { protocolVersion: "2025-06-18", capabilities: { tools: {} }, serverInfo: { name: own.name, version: own.version } };
	}
	if (m.method === "tools/list") {
		return { tools: Object.entries(tools).map(([name, [properties]]) => ({ name, description: name,
			inputSchema: { type: "object", properties, required: Object.keys(properties) } })) };
	}
	if (m.method === "tools/call") {
		try {
			const result = await tools[m.params.name][1](m.params.arguments || {});
			return { content: [{ type: "text", text: JSON.stringify(result) }] };
		} catch (e) {
			return { isError: true, content: [{ type: "text", text: JSON.stringify({ error: e.code || String(e) }) }] };
		}
	}
	return {};
}

let held = "";
process.stdin.on("data", (data) => {
	const lines = (held + data).split("\n");
	held = lines.pop();
	for (const line of lines) {
		const m = JSON.parse(line);
		if (m.id !== undefined) {
			answer(m).then((result) => process.stdout.write(JSON.stringify({ jsonrpc: "2.0", id: m.id, result }) + "\n"));
		}
	}
});
