// SPDX-License-Identifier: LGPL-2.1-or-later
// Drives one MCP server with the TypeScript SDK's own client, by a script of steps, and prints what came back as one
// line of JSON for each step. Usage: node client.mjs SCRIPT.json COMMAND [ARG...]; SCRIPT has `steps` and `env`.
// The SDK is found through MCPCAGE_NODE_MODULES, because this file does not lie beside it.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { join } from "node:path";

const sdk = join(process.env.MCPCAGE_NODE_MODULES, "@modelcontextprotocol", "sdk", "dist", "esm");
const load = (file) => import(pathToFileURL(join(sdk, file)));
const { Client } = await load("client/index.js");
const { StdioClientTransport } = await load("client/stdio.js");
const types = await load("types.js");

const script = JSON.parse(readFileSync(process.argv[2], "utf8"));
const [command, ...args] = process.argv.slice(3);
const say = (step, value) => process.stdout.write(JSON.stringify([step, value]) + "\n");

const transport = new StdioClientTransport({ command, args, env: { ...script.env, HOME: process.env.HOME, PATH: process.env.PATH }, stderr: "inherit" });
const client = new Client({ name: "real", version: "1" }, { capabilities: { sampling: {}, elicitation: { form: {}, url: {} }, roots: { listChanged: true } } });
client.setRequestHandler(types.CreateMessageRequestSchema, async (request) => ({
	model: "none", role: "assistant", stopReason: "endTurn",
	content: { type: "text", text: "sampled: " + JSON.stringify(request.params.messages) },
}));
client.setRequestHandler(types.ElicitRequestSchema, async (request) => {
	if (request.params.mode === "url")
		return { action: request.params.url.startsWith("https://") ? "accept" : "decline" };
	const content = {};
	for (const [key, schema] of Object.entries(request.params.requestedSchema?.properties ?? {}))
		if ((request.params.requestedSchema.required ?? []).includes(key))
			content[key] = schema.enum ? schema.enum[0] : schema.type === "string" ? "text" : schema.type === "boolean" ? true : 1;
	return { action: "accept", content };
});
client.setRequestHandler(types.ListRootsRequestSchema, async () => ({ roots: [{ uri: "file://" + script.data, name: "data" }] }));

const steps = {
	tools: () => client.listTools(),
	// For a server that describes the machine it sees in the descriptions of its tools.
	names: async () => (await client.listTools()).tools.map((tool) => [tool.name, tool.inputSchema]),
	resources: () => client.listResources(),
	templates: () => client.listResourceTemplates(),
	prompts: () => client.listPrompts(),
	call: async (name, args) => {
		let progress = 0;
		const result = await client.callTool({ name, arguments: args }, undefined, { onprogress: () => { progress++; } });
		/* How many of them its library delivers before the result varies; that they come does not. */
		return { result, progress: progress > 0 };
	},
	/* Called, and given up at its first progress. */
	cancel: async (name, args) => {
		const giveUp = new AbortController();
		try {
			await client.callTool({ name, arguments: args }, undefined, { signal: giveUp.signal, onprogress: () => giveUp.abort("enough") });
		} catch (error) {
			return { cancelled: String(error.message ?? error) };
		}
		return {};
	},
	/* Subscribe to a resource, have the server change it, and wait until it says so. */
	subscribe: async (uri, toggle) => {
		const updated = new Promise((done) => client.setNotificationHandler(types.ResourceUpdatedNotificationSchema, (note) => done(note.params.uri)));
		await client.subscribeResource({ uri });
		await client.callTool({ name: toggle, arguments: {} });
		const seen = await Promise.race([updated, new Promise((done) => setTimeout(() => done("nothing"), 20000))]);
		await client.callTool({ name: toggle, arguments: {} });
		await client.unsubscribeResource({ uri });
		return { seen };
	},
	/* A call that is answered by a task: every state and the result, but for the times in them. */
	task: async (name, args) => {
		const seen = [];
		for await (const message of client.experimental.tasks.callToolStream({ name, arguments: args }, undefined, { task: { ttl: 60000 } }))
			seen.push(message.type === "result" ? message : [message.type, message.task?.status]);
		return seen.filter((x, i) => JSON.stringify(x) !== JSON.stringify(seen[i - 1]));
	},
	/* The server refuses it bare; in the cage it does not get that far. */
	refused: async (name, args) => ({ result: await client.callTool({ name, arguments: args }) }),
	read: (uri) => client.readResource({ uri }),
	prompt: (name, args) => client.getPrompt({ name, arguments: args }),
	complete: (params) => client.complete(params),
	ping: () => client.ping(),
	wait: (ms) => new Promise((done) => setTimeout(() => done({}), ms)),
};

await client.connect(transport);
say("server", { version: client.getServerVersion(), capabilities: client.getServerCapabilities(), instructions: client.getInstructions() });
for (const [kind, ...rest] of script.steps) {
	let value;
	try {
		value = await steps[kind](...rest);
	} catch (error) {
		value = { thrown: error.message, code: error.code };
	}
	say([kind, rest[0] ?? null], value);
}
await client.close();
process.exit(0);
