# SPDX-License-Identifier: LGPL-2.1-or-later
"""Drives one MCP server with the Python SDK's own client, as client.mjs does with the TypeScript one.

Usage: VENV/bin/python client.py SCRIPT.json COMMAND [ARG...]
"""

import json
import os
import sys

import anyio
import mcp.types as types
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

with open(sys.argv[1], encoding="utf-8") as f:
	SCRIPT = json.load(f)


def plain(value):
	return value.model_dump(mode="json", exclude_none=True) if hasattr(value, "model_dump") else value


def say(step, value):
	print(json.dumps([step, plain(value)], ensure_ascii=False), flush=True)


async def sample(_context, params):
	text = "sampled: " + json.dumps([plain(m) for m in params.messages])
	return types.CreateMessageResult(role="assistant", model="none", content=types.TextContent(type="text", text=text))


async def elicit(_context, params):
	schema = getattr(params, "requestedSchema", None) or {}
	fill = {"string": "text", "boolean": True}
	asked = {k: schema["properties"][k] for k in schema.get("required", [])}
	content = {k: s["enum"][0] if "enum" in s else fill.get(s.get("type"), 1) for k, s in asked.items()}
	return types.ElicitResult(action="accept", content=content)


async def roots(_context):
	return types.ListRootsResult(roots=[types.Root(uri="file://" + SCRIPT["data"], name="data")])


async def run_step(session, kind, rest):
	if kind == "call":
		progress = []

		async def on_progress(*args):
			progress.append(args)
		result = await session.call_tool(rest[0], rest[1], progress_callback=on_progress)
		# How many of them its library delivers before the result varies; that they come does not.
		return {"result": plain(result), "progress": bool(progress)}
	if kind == "cancel":  # called, and given up
		with anyio.move_on_after(1.5) as scope:
			await session.call_tool(rest[0], rest[1])
		return {"cancelled": scope.cancelled_caught}
	if kind == "subscribe":  # what changes is told to the other client only: this one has no handler for it
		await session.subscribe_resource(rest[0])
		await session.unsubscribe_resource(rest[0])
		return {}
	if kind == "task":  # a call that is answered by a task: every state and the result
		made = await session.experimental.call_tool_as_task(rest[0], rest[1], ttl=60000)
		seen = [made.task.status]
		async for status in session.experimental.poll_task(made.task.taskId):
			seen += [status.status] if status.status != seen[-1] else []
			if status.status == "input_required":
				break
		result = await session.experimental.get_task_result(made.task.taskId, types.CallToolResult)
		return {"seen": seen, "result": plain(result)}
	if kind == "refused":  # the server refuses it bare; in the cage it does not get that far
		return {"result": plain(await session.call_tool(rest[0], rest[1]))}
	if kind == "wait":
		await anyio.sleep(rest[0] / 1000)
		return {}
	if kind == "complete":
		reference = rest[0]["ref"]
		kind_of = types.PromptReference if reference["type"] == "ref/prompt" else types.ResourceTemplateReference
		return await session.complete(kind_of(**reference), rest[0]["argument"])
	if kind == "names":
		return [[tool.name, tool.inputSchema] for tool in (await session.list_tools()).tools]
	simple = {
		"tools": lambda: session.list_tools(),
		"resources": lambda: session.list_resources(),
		"templates": lambda: session.list_resource_templates(),
		"prompts": lambda: session.list_prompts(),
		"read": lambda: session.read_resource(rest[0]),
		"prompt": lambda: session.get_prompt(rest[0], rest[1]),
		"ping": lambda: session.send_ping(),
	}
	return await simple[kind]()


async def main():
	server = StdioServerParameters(command=sys.argv[2], args=sys.argv[3:], env={
		**SCRIPT["env"], "HOME": os.environ["HOME"], "PATH": os.environ["PATH"]})
	async with stdio_client(server) as (read, write):
		async with ClientSession(read, write, sampling_callback=sample, elicitation_callback=elicit,
					 list_roots_callback=roots) as session:
			hello = await session.initialize()
			say("server", {"info": plain(hello.serverInfo), "capabilities": plain(hello.capabilities),
				       "instructions": hello.instructions})
			for kind, *rest in SCRIPT["steps"]:
				try:
					value = await run_step(session, kind, rest)
				except Exception as e:  # whatever the SDK raises is part of what is compared
					value = {"raised": str(e), "type": type(e).__name__}
				say([kind, rest[0] if rest else None], value)


anyio.run(main)
