# SPDX-License-Identifier: LGPL-2.1-or-later
"""A client of Python: client.py requests|httpx|httpx-async URL CA. Prints {"status", "size", "sha256"} of what it got, twice."""

import asyncio
import hashlib
import json
import ssl
import sys

how, url, ca = sys.argv[1:]


def show(status, body):
	print(json.dumps({"status": status, "size": len(body), "sha256": hashlib.sha256(body).hexdigest()}))


async def by_async_httpx():
	import httpx
	async with httpx.AsyncClient(verify=ssl.create_default_context(cafile=ca)) as client:
		for reply in await asyncio.gather(client.get(url), client.get(url)):
			show(reply.status_code, reply.content)


if how == "requests":
	import requests
	with requests.Session() as session:
		session.verify = ca
		for _ in range(2):
			got = session.get(url, timeout=30)
			show(got.status_code, got.content)
elif how == "httpx":
	import httpx
	with httpx.Client(verify=ssl.create_default_context(cafile=ca)) as session:
		for _ in range(2):
			got = session.get(url, timeout=30)
			show(got.status_code, got.content)
else:
	asyncio.run(by_async_httpx())
