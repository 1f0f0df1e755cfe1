// SPDX-License-Identifier: LGPL-2.1-or-later
// A client of Node: client.mjs fetch|undici|http URL [URL OF THE MODULE undici]. Prints {"status", "size", "sha256"} of what it got,
// twice over, so that the second time is over a connection that was kept.
import { createHash } from "node:crypto";
import http from "node:http";
import https from "node:https";

const [how, url, module] = process.argv.slice(2);

async function get() {
	if (how === "fetch") {
		const reply = await fetch(url);
		return [reply.status, Buffer.from(await reply.arrayBuffer())];
	}
	if (how === "undici") {
		const { request } = await import(module);
		const reply = await request(url);
		return [reply.statusCode, Buffer.from(await reply.body.arrayBuffer())];
	}
	return new Promise((resolve, reject) => {
		(url.startsWith("https") ? https : http).get(url, (reply) => {
			const parts = [];
			reply.on("data", (part) => parts.push(part));
			reply.on("end", () => resolve([reply.statusCode, Buffer.concat(parts)]));
		}).on("error", reject);
	});
}

try {
	for (let i = 0; i < 2; i++) {
		const [status, body] = await get();
		console.log(JSON.stringify({ status, size: body.length, sha256: createHash("sha256").update(body).digest("hex") }));
	}
	process.exit(0);
} catch (e) {
	console.log(JSON.stringify({ error: `${e.message} ${e.cause?.code ?? e.code ?? ""}` }));
	process.exit(1);
}
