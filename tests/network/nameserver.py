# SPDX-License-Identifier: LGPL-2.1-or-later
"""The name server of the tests' internet: says what a test tells it to, over UDP and TCP, and remembers who asked what.

	zone.set("api.good.example", a=["45.60.70.80"], ttl=60)
	zone.set("turns.example", a=[["45.60.70.80"], ["10.0.0.1"]])   # one list a query, the last one stays: rebinding
	zone.log                                                       # [("api.good.example", wire.A, tcp), ...]

Unknown names are NXDOMAIN. Called by internet.py, in its loop.
"""

import asyncio
import struct

import wire


class Entry:
	"""
	A name: A and AAAA are lists of addresses, or lists of such lists, used up one a query. CNAME: the name it stands for, whose
	own entry is appended. RCODE instead of an answer; DELAY seconds; DROP says nothing; TRUNCATE over UDP; RAW: bytes after
	the id, or a function from the query's bytes to the answer's.
	"""

	def __init__(self, a=(), aaaa=(), cname=None, ttl=60, rcode=0, delay=0, drop=False, truncate=False, raw=None):
		self.lists = {wire.A: list(a), wire.AAAA: list(aaaa)}
		self.cname, self.ttl, self.rcode, self.delay, self.drop = cname, ttl, rcode, delay, drop
		self.truncate, self.raw = truncate, raw

	def addresses(self, kind):
		values = self.lists.get(kind, [])
		if values and isinstance(values[0], (list, tuple)):
			return values.pop(0) if len(values) > 1 else values[0]
		return values


class Zone:
	def __init__(self):
		self.names = {}
		self.log = []

	def set(self, name, **what):
		self.names[name.lower()] = Entry(**what)

	def asked(self, name):
		"""How often NAME was asked for, in any type."""
		return sum(1 for n, _, _ in self.log if n.lower() == name.lower())

	def find(self, name):
		name = name.lower()
		return self.names.get(name) or self.names.get("*." + name.partition(".")[2])

	def _answers(self, owner, entry, kind):
		found = []
		for _ in range(16):
			if entry is None:
				break
			for value in entry.addresses(kind):
				found.append(wire.record(owner, kind, entry.ttl, value))
			if not entry.cname:
				break
			found.append(wire.record(owner, wire.CNAME, entry.ttl, entry.cname))
			owner, entry = entry.cname, self.find(entry.cname)
		return found

	def answer(self, data, tcp):
		"""(seconds to wait, bytes), bytes None for silence."""
		try:
			query = wire.Message(data)
			labels, kind, klass = query.questions[0]
		except (IndexError, ValueError, struct.error):
			return 0, data[:2] + struct.pack(">HHHHH", 0x8080 | wire.FORMERR, 0, 0, 0, 0)
		owner = wire.text(labels)
		self.log.append((owner, kind, tcp))
		entry = self.find(owner)
		asked = wire.name(labels) + struct.pack(">HH", kind, klass)

		def message(rcode, answers=(), flags=0):
			head = struct.pack(">HHHHH", 0x8580 | rcode | flags, 1, len(answers), 0, 0)
			return data[:2] + head + asked + b"".join(answers)

		if entry is None:
			return 0, message(wire.NXDOMAIN)
		if entry.drop:
			return 0, None
		if callable(entry.raw):
			return entry.delay, entry.raw(data)
		if entry.raw is not None:
			return entry.delay, data[:2] + entry.raw
		if entry.rcode:
			return entry.delay, message(entry.rcode)
		if entry.truncate and not tcp:
			return entry.delay, message(0, flags=0x0200)
		whole = message(0, self._answers(labels, entry, kind))
		if not tcp and len(whole) > max(512, query.edns):
			whole = message(0, flags=0x0200)
		return entry.delay, whole


class Datagrams(asyncio.DatagramProtocol):
	def __init__(self, zone):
		self.zone = zone
		self.transport = None

	def connection_made(self, transport):
		self.transport = transport

	def datagram_received(self, data, addr):
		delay, reply = self.zone.answer(data, False)
		if reply is not None:
			asyncio.get_running_loop().call_later(delay, self.transport.sendto, reply, addr)


async def stream(zone, reader, writer):
	"""One connection of DNS over TCP. RFC 7766."""
	try:
		while True:
			size = struct.unpack(">H", await reader.readexactly(2))[0]
			delay, reply = zone.answer(await reader.readexactly(size), True)
			await asyncio.sleep(delay)
			if reply is not None:
				writer.write(struct.pack(">H", len(reply)) + reply)
				await writer.drain()
	except (asyncio.IncompleteReadError, OSError):
		pass
	finally:
		writer.close()
